package imports

import (
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"loot"
	"loot/desk/billing"
)

// inCycles are services of WHMCS that cost what their plans do, and others.
const inCycles = "CREATE TABLE `tblclients` (`id` int, `companyname` text, `email` text, `address1` text, `city` text, `country` text, `currency` int);\n" +
	"INSERT INTO `tblclients` VALUES (1,'A Ltd','a@meadow.example','1 Sample Quay','Dublin','IE',1),(2,'B Ltd','b@meadow.example','1 Sample Quay','Dublin','IE',2);\n" +
	"CREATE TABLE `tblcurrencies` (`id` int, `code` text);\nINSERT INTO `tblcurrencies` VALUES (1,'EUR'),(2,'JPY');\n" +
	"CREATE TABLE `tblproducts` (`id` int, `name` text);\nINSERT INTO `tblproducts` VALUES (8,'Hosting S'),(9,'Small');\n" +
	"CREATE TABLE `tblhosting` (`id` int, `userid` int, `packageid` int, `regdate` date, `amount` decimal(16,2), `billingcycle` text, `termination_date` date, `domainstatus` text);\n" +
	"INSERT INTO `tblhosting` VALUES (11,1,8,'2023-04-01',4.90,'Monthly','0000-00-00','Active'),(12,1,8,'2023-04-01',4.50,'Monthly','0000-00-00','Active'),(13,1,8,'2023-04-01',49.00,'Annually','0000-00-00','Active')," +
	"(14,1,8,'2023-04-01',49.00,'One Time','0000-00-00','Active'),(15,2,8,'2023-04-01',490.00,'Monthly','0000-00-00','Active'),(16,1,8,'2023-04-01',4.50,'Monthly','2026-11-01','Terminated'),(17,1,9,'2023-04-01',4.90,'Monthly','0000-00-00','Active');\n"

// yearly has a plan of shared hosting for a year on sale, and returns how it is chosen.
func (h *house) yearly(title string) string {
	h.Helper()
	h.Actor.Roles = []loot.Role{"administrator"}
	shows(h, h.Post("/console/billing/plans", "service", "shared-hosting", "title", title, "price", "49", "currency", "EUR", "period", "year"), http.StatusSeeOther)
	h.Actor = h.clerk
	all, err := h.bill.Catalogue(h.Context())
	ok(h, err)
	return "shared-hosting|" + all[slices.IndexFunc(all, func(p billing.Plan) bool { return p.Title == title })].ID
}

// suggested returns what each product of a file is suggested to be.
func (h *house) suggested(path string) map[string]string {
	h.Helper()
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`(?s)for="f-product\.\d+">([^<]*)<.*?</select>`).FindAllStringSubmatch(h.Get(path+"/products").Body, -1) {
		out[m[1]] = ""
		if s := regexp.MustCompile(`value="([^"]*)" selected`).FindStringSubmatch(m[0]); s != nil {
			out[m[1]] = s[1]
		}
	}
	return out
}

// plans returns which plans the services of a kind have.
func (h *house) plans(kind string) string {
	h.Helper()
	var out []string
	for _, s := range h.services(kind) {
		out = append(out, s.PlanID)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

const small = "shared-hosting|shared-small"

// A product is mapped by its cycle, and whoever pays another price than that of the plan, by
// another cycle or in another currency is told from those who do not, with both prices.
func TestAPriceThatIsNotThePlansIsRemarked(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		year := h.yearly("A year")
		path := h.bring(inCycles)
		leads(t, h.name(path), path+"/products")
		if got, want := h.suggested(path), (map[string]string{"Hosting S, monthly": "", "Hosting S, yearly": "", "Hosting S, One Time": "", "Small, monthly": small}); !maps.Equal(got, want) {
			t.Errorf("suggested is %q, want %q", got, want)
		}
		h.products(path, map[string]string{"Hosting S, monthly": small, "Hosting S, yearly": year, "Hosting S, One Time": year, "Small, monthly": small})
		call := h.program()
		tell := func(words string) {
			t.Helper()
			shows(t, h.Get(path), http.StatusOK, words+" 9", "With a remark 3")
			rows := h.Get(path + "/rows?is=4")
			const price = "Price for each cycle (“amount”): "
			shows(t, rows, http.StatusOK,
				price+"€ 4.50 a month. Its plan: € 4.90 a month. It is charged by the plan.",
				price+"€ 49.00, at other times than those of plans. Its plan: € 49.00 a year. It is charged by the plan.",
				price+"JPY 490 a month. Its plan: € 4.90 a month. It is charged by the plan.")
			if n := strings.Count(rows.Body, "Its plan:"); n != 3 {
				t.Errorf("%d rows are remarked", n)
			}
			at := strings.TrimPrefix(path, "/console/imports")
			var state ImportState
			ok(t, json.Unmarshal([]byte(call(http.StatusOK, http.MethodGet, at, "", "")), &state))
			var asked struct{ Rows []importRow }
			ok(t, json.Unmarshal([]byte(call(http.StatusOK, http.MethodGet, at+"/rows?is=remarked", "", "")), &asked))
			if state.Remarks != 3 || len(asked.Rows) != 3 || slices.ContainsFunc(asked.Rows, func(r importRow) bool { return r.Is != "new" || !strings.Contains(r.Why, "Its plan:") }) {
				t.Errorf("a program is told of %d rows with a remark: %+v", state.Remarks, asked.Rows)
			}
		}
		tell("Would be taken over")
		h.run(path)
		tell("Taken over")
		yearly := strings.TrimPrefix(year, "shared-hosting|")
		if got := h.plans("shared-hosting"); strings.Count(got, "shared-small") != 5 || strings.Count(got, yearly) != 2 {
			t.Errorf("the plans are %s", got)
		}
	})
}

// It is chosen whether such rows are charged by the plan, come without a price or are left out.
func TestWhatBecomesOfAnotherPriceIsChosen(t *testing.T) {
	for otherwise, want := range map[string]struct{ counts, says, plans string }{
		bare:    {"Taken over 4 Here already 0 Refused 0", "It is taken over without a price.", "   shared-small"},
		leftOut: {"Taken over 1 Here already 0 Refused 3", "Such rows are left out.", "shared-small"},
	} {
		t.Run(otherwise, func(t *testing.T) {
			h := newHouse(t, onlyOne(t))
			path := h.bring(`id,company,email,street,city,country,service,Billing cycle,Amount,Currency,Quantity
1,A Ltd,a@meadow.example,1 Sample Quay,Dublin,IE,Shared hosting,1 month,"2,45",EUR,2
2,B Ltd,b@meadow.example,1 Sample Quay,Dublin,IE,Shared hosting,Monthly,"2,45",EUR,1
3,C Ltd,c@meadow.example,1 Sample Quay,Dublin,IE,Shared hosting,Monthly,as agreed,EUR,1
4,D Ltd,d@meadow.example,1 Sample Quay,Dublin,IE,Shared hosting,Annually,,,
`)
			leads(t, h.name(path, "otherwise", otherwise), path+"/products")
			h.products(path, map[string]string{"Shared hosting, monthly": small, "Shared hosting, yearly": small})
			h.run(path)
			shows(t, h.Get(path), http.StatusOK, want.counts)
			rows := h.Get(path + "/rows")
			shows(t, rows, http.StatusOK, "€ 2.45 a month. Its plan: € 4.90 a month. "+want.says, "Billing cycle (“Billing cycle”): yearly. Its plan: € 4.90 a month. "+want.says, "it cannot be read, or its currency is not known. Its plan: € 4.90 a month. "+want.says)
			hides(t, rows, "as agreed")
			if got := h.plans("shared-hosting"); got != want.plans {
				t.Errorf("%s: the plans are %q, want %q", otherwise, got, want.plans)
			}
		})
	}
}

// A price is read only where it can be read in one way, with what tells its currency and how
// many there are.
func TestAPriceThatCanBeReadInTwoWaysIsNotRead(t *testing.T) {
	const nothing, unread = "", "it cannot be read, or its currency is not known"
	for row, want := range map[string]string{
		`4.90,EUR,`: nothing, `"4,9",eur,1`: nothing, `4.90,,`: "$ 4.90", `2.45,EUR,2`: nothing, `4.900,KWD,`: "KWD 4.900", `0.900,EUR,`: "€ 0.90",
		`4.900,EUR,`: unread, `-4.900,EUR,`: unread, `"4,900",JPY,`: unread, `"4 000,90",EUR,`: unread, `4.90,Taler,`: unread,
		`4.90,EUR,two`: unread, `-4.90,EUR,-1`: unread, `4.90,EUR,100001`: unread,
	} {
		t.Run(row, func(t *testing.T) {
			h := newHouse(t, onlyOne(t))
			path := h.bring("id,company,email,street,city,country,service,Price,Currency,Quantity\n1,A Ltd,a@meadow.example,1 Sample Quay,Dublin,IE,Web," + row)
			h.name(path, "currency", "USD")
			h.products(path, map[string]string{"Web": small})
			if page := h.Get(path + "/rows?is=4"); want == nothing {
				hides(t, page, "Its plan:")
			} else {
				shows(t, page, http.StatusOK, want+". Its plan: € 4.90 a month.")
			}
		})
	}
}

// What a row is without stands behind what it costs, and customers beside whom no service is
// named, with a cycle or without, have the one that was chosen for them.
func TestARowSaysWhatItCostsAndWhatItIsWithout(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring("id,company,email,phone,street,city,country,service,Cycle,Price\n1,A Ltd,a@meadow.example,+353 1,1 Sample Quay,Dublin,IE,,,4.50\n2,B Ltd,b@meadow.example,,1 Sample Quay,Dublin,IE,,Monthly,4.90\n")
	leads(t, h.name(path, "service", small, "lenient", "on"), path)
	shows(t, h.Get(path), http.StatusOK, "Would be taken over 2", "With a remark 1")
	shows(t, h.Get(path+"/rows?is=4"), http.StatusOK, "Its plan: € 4.90 a month. It is charged by the plan. Without what is wrong. Telephone number (“phone”): ")
}

// A product that is refused by one cycle is so also where another, or none, is a service.
func TestAProductIsRefusedByItsCycle(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring("id,company,email,street,city,country,service,Period\n1,A Ltd,a@meadow.example,1 Sample Quay,Dublin,IE,Web,Monthly\n2,B Ltd,b@meadow.example,1 Sample Quay,Dublin,IE,Web,\n")
	h.name(path)
	h.products(path, map[string]string{"Web": small})
	shows(t, h.Get(path), http.StatusOK, "Would be taken over 1", "Refused 1")
	hides(t, h.Get(path), "With a remark") // as none has
}

// A mapping that is remembered says what the products are that were named after the columns,
// to programs, too, so that nothing is asked of the next file.
func TestARememberedMappingKeepsItsProducts(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	chosen := map[string]string{"Hosting S, monthly": small, "Hosting S, yearly": h.yearly("A year"), "Hosting S, One Time": leftOut, "Small, monthly": "backup"}
	path := h.bring(inCycles)
	a := h.name(path, "remember", "Old panel")
	leads(t, a, path+"/products?remember=Old+panel")
	if page := h.Get(a.Header.Get("Location")); !strings.Contains(page.Body, `name="remember" value="Old panel"`) {
		t.Error("the name is to be typed again")
	}
	h.products(path, chosen, "remember", "Old panel")
	path = h.bring(inCycles)
	leads(t, h.Post(path+"/columns?as=Old+panel", h.answers(path+"/columns?as=Old+panel&")...), path)
	h.Drain()
	if got := h.suggested(path); !maps.Equal(got, chosen) {
		t.Errorf("the products are %q, want %q", got, chosen)
	}
	h.name(path)
	h.products(path, map[string]string{}) // of which nothing is remembered
	path = h.bring(inCycles)
	if page := h.Get(path + "/columns"); strings.Count(page.Body, "As in “") != 1 {
		t.Error("what has no name is remembered")
	}
	h.program()(http.StatusOK, http.MethodPost, strings.TrimPrefix(path, "/console/imports")+"/mapping", "application/json", `{"name":"Old panel"}`)
	h.Drain()
	if got := h.suggested(path); !maps.Equal(got, chosen) {
		t.Errorf("for a program the products are %q, want %q", got, chosen)
	}
}

// A mapping that names no cycles is of use where they are named: the plan is suggested that
// has the cycle and, of several, the service without a price. What was chosen stays.
func TestThePlanOfTheSameCycleIsSuggested(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	before := h.bring(strings.ReplaceAll(inCycles, "`billingcycle` text", "`other` text"))
	h.name(before)
	h.products(before, map[string]string{"Hosting S": small, "Small": leftOut})
	h.name(before, "remember", "Old panel")
	path := h.bring(inCycles)
	as := regexp.MustCompile(`action="([^"]*as=[^"]*)"`).FindStringSubmatch(h.Get(path + "/columns?as=Old+panel").Body)[1]
	form := h.answers(path + "/columns?as=Old+panel&")
	for n := 0; n+1 < len(form); n += 2 {
		if form[n] == columnName("tblhosting", 5) {
			form[n+1] = rowCycle
		}
	}
	leads(t, h.Post(html.UnescapeString(as), form...), path+"/products")
	year := h.yearly("A year")
	want := map[string]string{"Hosting S, monthly": small, "Hosting S, yearly": year, "Hosting S, One Time": "shared-hosting", "Small, monthly": leftOut}
	if got := h.suggested(path); !maps.Equal(got, want) {
		t.Errorf("suggested is %q, want %q", got, want)
	}
	h.yearly("Another year")
	want["Hosting S, yearly"] = "shared-hosting"
	if got := h.suggested(path); !maps.Equal(got, want) {
		t.Errorf("of two plans %q is suggested, want %q", got, want)
	}
	want["Small, monthly"], want["Hosting S, One Time"] = "", leftOut
	h.products(path, want)
	if got := h.suggested(path); !maps.Equal(got, want) {
		t.Errorf("%q is chosen, want %q", got, want)
	}
}

// A plan that is not on sale any more is none that a product can be.
func TestAProductIsNoPlanThatIsRetired(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring(inCycles)
	h.name(path)
	h.products(path, map[string]string{"Hosting S, monthly": small})
	h.Actor.Roles = []loot.Role{"administrator"}
	shows(t, h.Post("/console/billing/plans/shared-small/retire"), http.StatusSeeOther)
	h.Actor = h.clerk
	h.run(path)
	shows(t, h.Get(path), http.StatusOK, "Taken over 0")
	shows(t, h.Get(path+"/rows"), http.StatusOK, "Its product is mapped to a plan that cannot be chosen any more.")
}

func TestCyclesAreRead(t *testing.T) {
	for cycle, want := range map[string]string{
		"Monthly": "monthly", "Semi-Annually": "half-yearly", "Quarterly": "quarterly", "Annually": "yearly", "Biennially": "every 2 years", "Triennially": "every 3 years",
		"1M": "monthly", "3M": "quarterly", "2Y": "every 2 years", "10Y": "every 10 years", "11Y": "11Y", "1W": "1W", "0": "0", "5": "every 5 months", "6 months": "half-yearly",
		"jährlich": "yearly", "One Time": "One Time", "Free Account": "Free Account", "": "", "99999999999999999999M": "99999999999999999999M",
		"4611686018427387905 years": "4611686018427387905 years", "0.5 years": "0.5 years", "1/2 year": "1/2 year", "1-year": "yearly", "Every 2 years": "every 2 years", "every month": "monthly", "every now and then": "every now and then", strings.Repeat("x", 41): strings.Repeat("x", 40) + "…",
	} {
		got := productOf(map[string]string{rowCycle: cycle})
		if got.cycle != want || got.months != monthsOf(want) || got.months < 0 {
			t.Errorf("%s: %q of %d months, want %q", cycle, got.cycle, got.months, want)
		}
	}
}
