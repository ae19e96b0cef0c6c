package verification

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/desk/verification/register"
	"loot/gate"
	"loot/ledger"
	"loot/number"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// TestWhatIsGivenIsChecked: what can be right is marked, and a fault waits for a
// person until the customer corrects it.
func TestWhatIsGivenIsChecked(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow("contact.phone", "+353 1 5"))
		for f, want := range map[loot.Field]string{
			"company.name": vault.Unverified, "company.vat": vault.Checked, "address.postcode": vault.Checked, "contact.email": vault.Checked,
			"contact.phone": vault.Unverified,
		} {
			if got := h.state(s, f); got != want {
				t.Errorf("%s is %s, want %s", f, got, want)
			}
		}
		m := h.open(s, "contact.phone")
		h.hire("m-support", "support")
		a := h.as(h.all[0]).Get("/console/checks")
		shows(t, a, http.StatusOK, "Telephone number", "A check found a fault", "The number is shorter or longer than those of its country.", "open")
		hides(t, a, "+353 1 5", "Example Meadow", string(s))
		h.correct(s, "contact.phone", "+353 1 555 0100")
		if got := h.state(s, "contact.phone"); got != vault.Checked {
			t.Errorf("put right, it is %s", got)
		}
		if st := h.standing(s); openCase(st.cases, "contact.phone") != nil {
			t.Errorf("the case %s is still open", m.ID)
		}
	})
}

// TestATaxNumberIsChecked by the schemes of the country of the address, which the
// case names, and beside the VAT number where that is made of it.
func TestATaxNumberIsChecked(t *testing.T) {
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, withTax(t), Options{})
		const right, wrong = "86 095 742 719", "86 095 742 718"
		german := meadow("company.vat", "-", "company.tax", wrong, "address.country", "DE", "address.postcode", "10115")
		s := h.customer(german)
		if m := h.open(s, "company.tax"); h.state(s, "company.tax") != vault.Unverified || !strings.Contains(m.Why, "the German Steuernummer: 13 digits") || strings.Contains(m.Why, wrong) {
			t.Errorf("a wrong digit: %+v", m)
		}
		h.hire("m-support", "support")
		a := h.as(h.all[0]).Get("/console/checks")
		shows(t, a, http.StatusOK, "Tax number", "this German IdNr is wrong: it does not fit the check digit")
		hides(t, a, wrong, number.Compact(wrong))
		h.correct(s, "company.tax", "DE "+right)
		if got := h.state(s, "company.tax"); got != vault.Checked || openCase(h.standing(s).cases, "company.tax") != nil {
			t.Errorf("put right, it is %s", got)
		}
		shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, "Tax number", "Shape and check digit of the tax number")
		s = h.customer(meadow("company.tax", "6433435F"))
		if m := h.open(s, "company.tax"); !strings.Contains(m.Why, "made of another tax number") || h.state(s, "company.vat") != vault.Checked {
			t.Errorf("beside the VAT number of another: %+v", m)
		}
	})
}

// TestTheQueueGoesOnPageByPage: every case is reached, also those that are due or were
// closed at one moment, and within one kind.
func TestTheQueueGoesOnPageByPage(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		var all []loot.Subject
		want := map[string]bool{}
		for len(want) <= 2*perPage {
			s := h.customer(meadow("company.vat", "IE1234567X", "address.postcode", "12345", "address.city", "1", "address.street", "aaa", "contact.phone", "1"))
			for _, m := range h.standing(s).cases {
				want["/console/checks/"+m.ID] = true
			}
			if all = append(all, s); len(all)%3 == 0 {
				h.Clock.Advance(time.Hour)
			}
		}
		h.hire("m-support", "support")
		h.as(h.all[0])
		link, next := regexp.MustCompile(`<th scope="row"><a href="([^"]+)"`), regexp.MustCompile(`href="([^"]+)" rel="next"`)
		walk := func(path string, pages int) {
			t.Helper()
			seen := map[string]bool{}
			for n := 1; ; n++ {
				a := h.Get(path)
				for _, m := range link.FindAllStringSubmatch(a.Body, -1) {
					if seen[m[1]] || !want[m[1]] {
						t.Errorf("%s shows %s, again or of another list", path, m[1])
					}
					seen[m[1]] = true
				}
				if back := strings.Contains(a.Body, "Back to the start"); back != (n > 1) {
					t.Errorf("%s leads back: %v", path, back)
				}
				m := next.FindStringSubmatch(a.Body)
				if m == nil || n > pages {
					if len(seen) != len(want) || n != pages {
						t.Errorf("%s: %d cases on %d pages, want %d on %d", path, len(seen), n, len(want), pages)
					}
					return
				}
				path = html.UnescapeString(m[1])
			}
		}
		walk("/console/checks", 3)
		walk("/console/checks?kind="+kindCheck, 3)
		shows(t, h.Get("/console/checks?kind="+kindMistake), http.StatusOK, "None of these")
		theirs := h.standing(all[1]).cases
		a := h.Get("/console/checks?kind=" + kindCheck + "&customer=" + string(all[1]))
		for _, m := range theirs {
			shows(t, a, http.StatusOK, "Those of one customer.")
			if !strings.Contains(a.Body, "/console/checks/"+m.ID) {
				t.Errorf("the case %s of the customer is not in their list", m.ID)
			}
		}
		if n := len(link.FindAllString(a.Body, -1)); n != len(theirs) || !strings.Contains(html.UnescapeString(a.Body), `href="/console/checks?customer=`+string(all[1])+`&kind=check&state=closed"`) {
			t.Errorf("%d cases of a customer who has %d, or the others are not there", n, len(theirs))
		}
		shows(t, h.Get("/console/checks?after=nobody"), http.StatusNotFound, "There is no such case.")
		for i, s := range all {
			for f, value := range meadow() {
				h.replace(s, purpose, f, value)
			}
			h.correct(s, "company.vat", "IE1234567T")
			if i%3 == 0 {
				h.Clock.Advance(time.Hour)
			}
		}
		walk("/console/checks?state=closed", 3)
	})
}

// A book is a register with one number in it.
type book struct {
	name   string
	number string
	scheme string // of its numbers, as they begin; empty: those of VAT
	says   string // name of the company
	at     string // its address
	down   bool
	refuse bool
	asked  int
}

func (b *book) Name() string { return b.name }
func (b *book) Takes(n number.Number) bool {
	return strings.HasPrefix(n.Scheme.ID, cmp.Or(b.scheme, "vat."))
}

func (b *book) Ask(_ context.Context, n number.Number) (register.Answer, error) {
	b.asked++
	if b.down {
		return register.Answer{}, register.ErrNotYet
	}
	if b.refuse {
		return register.Answer{}, register.ErrRefused
	}
	return register.Answer{Register: b.name, Known: n.Value == b.number, Name: b.says, Address: b.at, Request: "WAPIAAAAX"}, nil
}

// TestARegisterIsAsked: a number that it knows is verified with the name beside it,
// another name or number is a case, and silence is neither.
func TestARegisterIsAsked(t *testing.T) {
	vies := &book{name: "VIES"}
	onEach(t, Options{Registers: []register.Register{vies}}, func(t *testing.T, h *house) {
		*vies = book{name: "VIES", number: "IE1234567T", says: "EXAMPLE MEADOW LIMITED"}
		s := h.customer(meadow())
		if a, b := h.state(s, "company.vat"), h.state(s, "company.name"); a != vault.Verified || b != vault.Verified {
			t.Errorf("known: number %s, name %s", a, b)
		}
		if l := h.standing(s).lasts["company.vat"]; l.Evidence != "WAPIAAAAX" || l.Method != "vies" {
			t.Errorf("kept of the consultation: %+v", l)
		}
		vies.says = "Other Company"
		s = h.customer(meadow())
		if m := h.open(s, "company.name"); !strings.Contains(m.Why, "another name") || strings.Contains(m.Why, "Other") {
			t.Errorf("another name: %+v", m)
		}
		for at, want := range map[string]string{"": vault.Checked, "1 SAMPLE QUAY\nDUBLIN 2": vault.Checked, "1 SAMPLE QUAY\nDUBLIN\nD02AF30": vault.Verified} {
			vies.at = at
			if s := h.customer(meadow()); h.state(s, "address.postcode") != want || openCase(h.standing(s).cases, "address.postcode") != nil {
				t.Errorf("%q: the postcode is %s", at, h.state(s, "address.postcode"))
			}
		}
		vies.at = "1 SAMPLE QUAY\nCORK\nT12 AF30"
		s = h.customer(meadow())
		if m := h.open(s, "address.postcode"); !strings.Contains(m.Why, "another postcode") || strings.Contains(m.Why, "T12") || h.state(s, "address.postcode") != vault.Unverified {
			t.Errorf("another postcode: %+v", m)
		}
		if a, b, c := h.state(s, "company.vat"), h.state(s, "address.city"), h.state(s, "address.street"); a != vault.Verified || b != vault.Checked || c != vault.Checked {
			t.Errorf("beside another postcode: number %s, town %s, street %s", a, b, c)
		}
		s = h.customer(meadow("address.postcode", "12345"))
		if m := h.open(s, "address.postcode"); !strings.Contains(m.Why, "is an Eircode") || strings.Contains(m.Why, "another postcode") {
			t.Errorf("no postcode is compared: %+v", m)
		}
		vies.number = "other"
		s = h.customer(meadow())
		if openCase(h.standing(s).cases, "address.postcode") != nil {
			t.Error("an address of a number that is not known counts")
		}
		if m := h.open(s, "company.vat"); !strings.Contains(m.Why, "does not know") || h.state(s, "company.vat") != vault.Unverified {
			t.Errorf("unknown: %+v", m)
		}
		vies.number, vies.says, vies.down = "IE1234567T", "", true
		s = h.customer(meadow())
		if st := h.standing(s); st.held["company.vat"].State != vault.Checked || openCase(st.cases, "company.vat") != nil || st.lasts["company.vat"].Outcome != later {
			t.Errorf("silent: %+v", st)
		}
		asked := vies.asked
		again := func(d time.Duration) {
			h.Clock.Advance(d)
			ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
			h.Drain()
		}
		again(firstDelay - time.Minute)
		if vies.asked != asked {
			t.Error("asked again at once")
		}
		again(time.Minute)
		if got := h.standing(s).lasts["company.vat"]; vies.asked == asked || got.Tries != 2 || got.Next.Sub(h.Clock.Now()) != 2*firstDelay {
			t.Errorf("asked %d times more; %+v", vies.asked-asked, got)
		}
		vies.down = false
		again(2 * firstDelay)
		if got := h.state(s, "company.vat"); got != vault.Verified {
			t.Errorf("answered at last, it is %s", got)
		}
	})
}

// offices are VIES and GLEIF, which are asked in their own protocol, with what they tell.
type offices struct {
	vies  string // text of the address
	gleif string // parts of the address
	lapse string // status of the registration; empty: it is kept up
	all   []register.Register
}

func openOffices(t *testing.T) *offices {
	o := &offices{}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v1/lei-records/") {
			fmt.Fprintf(w, `{"data":{"type":"lei-records","id":%q,"attributes":{"entity":{"legalName":{"name":"Example Meadow Ltd"},"legalAddress":{%s},"status":"ACTIVE"},"registration":{"status":%q}}}}`,
				path.Base(r.URL.Path), o.gleif, cmp.Or(o.lapse, "ISSUED"))
			return
		}
		fmt.Fprintf(w, `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><checkVatResponse xmlns="urn:ec.europa.eu:taxud:vies:services:checkVat:types"><countryCode>IE</countryCode>
			<vatNumber>1234567T</vatNumber><requestDate>2026-11-23Z</requestDate><valid>true</valid><name>EXAMPLE MEADOW LIMITED</name><address>%s</address></checkVatResponse></Body></Envelope>`, o.vies)
	}))
	t.Cleanup(site.Close)
	line := register.Line{Endpoint: site.URL, Client: site.Client(), Now: time.Now}
	vies, err := register.NewVIES(line, number.Number{})
	ok(t, err)
	gleif, err := register.NewGLEIF(line)
	ok(t, err)
	o.all = []register.Register{vies, gleif}
	return o
}

// TestWhatRegistersTellOfTheAddress: what one has otherwise is a case, and is not refused.
func TestWhatRegistersTellOfTheAddress(t *testing.T) {
	o := openOffices(t)
	onEach(t, Options{Registers: o.all}, func(t *testing.T, h *house) {
		support := h.hire("m-support", "support")
		for _, c := range []struct{ vies, gleif, state, method, why string }{
			{"---", `"country":"IE","postalCode":null`, vault.Checked, "address.form", ""},
			{"1 SAMPLE QUAY\nDUBLIN 2", `"country":"Ireland","postalCode":"T12 AF30"`, vault.Checked, "address.form", ""},
			{"1 SAMPLE QUAY\nDUBLIN 2", `"country":"IE","postalCode":"Dublin"`, vault.Checked, "address.form", ""},
			{"1 SAMPLE QUAY\nDUBLIN\nD02AF30", `"country":"IE","postalCode":""`, vault.Verified, "vies.postcode", ""},
			{"---", `"country":"IE","postalCode":"D02 AF30"`, vault.Verified, "gleif.postcode", ""},
			{"D02 AF30", `"country":"IE","postalCode":"D02 AF30"`, vault.Verified, "vies.postcode,gleif.postcode", ""},
			{"1 SAMPLE QUAY\nCORK\nT12 AF30", `"country":"IE","postalCode":"D02 AF30"`, vault.Unverified, "vies.postcode", "VIES has another postcode"},
			{"---", `"country":"IE","postalCode":"T12 AF30"`, vault.Unverified, "gleif.postcode", "GLEIF has another postcode"},
			{"---", `"country":"GB","postalCode":"BT1 5GS"`, vault.Unverified, "gleif.postcode", "GLEIF has an address in another country"},
		} {
			o.vies, o.gleif = c.vies, `"addressLines":["1 Sample Quay"],`+c.gleif
			s := h.customer(meadow("company.register", "506700GE1G29325QX363"))
			if st := h.standing(s); st.held["address.postcode"].State != c.state || st.lasts["address.postcode"].Method != c.method {
				t.Errorf("%+v: %s by %s", c, st.held["address.postcode"].State, st.lasts["address.postcode"].Method)
			}
			if a, b := h.state(s, "company.vat"), h.state(s, "company.register"); a != vault.Verified || b != vault.Verified {
				t.Errorf("%+v: numbers %s and %s", c, a, b)
			}
			m := openCase(h.standing(s).cases, "address.postcode")
			if (m != nil) != (c.why != "") || m != nil && (m.Kind != kindCheck || !strings.Contains(m.Why, c.why)) {
				t.Errorf("%+v: %+v", c, m)
			}
			if m != nil {
				shows(t, h.as(support).Get("/console/checks/"+m.ID), http.StatusOK, c.why)
			}
		}
		o.vies, o.gleif = "---", `"country":"GB","city":"Dublin","addressLines":["1 Sample Quay"]`
		st := h.standing(h.customer(meadow("company.register", "506700GE1G29325QX363", "address.postcode", "none")))
		if m := openCase(st.cases, "address.city"); m == nil || !strings.Contains(m.Why, "GLEIF has an address in another country") || st.held["address.street"].State != vault.Checked {
			t.Errorf("a town of another country, where no postcode tells: %+v, and the street is %s", m, st.held["address.street"].State)
		}
	})
}

// TestRegistersTellTownAndStreet: each that is told is verified or a case for a colleague,
// and of what is not told nothing is said.
func TestRegistersTellTownAndStreet(t *testing.T) {
	o := openOffices(t)
	const form, town, street = "address.form", "another town beside the number. That can be right", "another street beside the number. That can be right"
	onEach(t, Options{Registers: o.all}, func(t *testing.T, h *house) {
		support := h.hire("m-support", "support")
		for _, c := range []struct{ vies, gleif, city, street, why string }{
			{"---", `"country":"IE"`, form, form, ""},
			{"1 SAMPLE QUAY\nDUBLIN 2", `"country":"IE"`, "vies.city", "vies.street", ""},
			{"SAMPLE-QUAY 1, CO. DÚBLIN", `"country":"IE","city":"Dublin","addressLines":["Second floor","1 Sample Quay"]`, "vies.city,gleif.city", "vies.street,gleif.street", ""},
			{"DUBLIN 2, D02 AF30", `"country":"IE"`, "vies.city", form, ""},
			{"1 SAMPLE QUAY, D02 AF30", `"country":"IE"`, form, "vies.street", ""},
			{"---", `"country":"IE","city":"Dublin","addressLines":[]`, "gleif.city", form, ""},
			{"1 SAMPLE QUAY\nCORK", `"country":"IE","city":"Dublin"`, "vies.city", form, "VIES has " + town},
			{"---", `"country":"IE","city":"Cork","addressLines":["1 Sample Quay"]`, "gleif.city", form, "GLEIF has " + town},
			{"7 OTHER QUAY\nCORK\nT12 AF30", `"country":"IE"`, form, form, ""}, // the postcode is the case
			{"7 SAMPLE QUAY\nDUBLIN", `"country":"IE","addressLines":["1 Sample Quay"]`, "vies.city", "vies.street", "VIES has " + street},
			{"---", `"country":"IE","city":"Dublin","addressLines":["1 Other Quay"]`, "gleif.city", "gleif.street", "GLEIF has " + street},
		} {
			o.vies, o.gleif = c.vies, c.gleif
			s := h.customer(meadow("company.register", "506700GE1G29325QX363"))
			st := h.standing(s)
			for f, method := range map[loot.Field]string{"address.city": c.city, "address.street": c.street} {
				state, m := vault.Verified, openCase(st.cases, f)
				switch wrong := strings.Contains(c.why, map[loot.Field]string{"address.city": "town", "address.street": "street"}[f]); {
				case c.why != "" && wrong:
					state = vault.Unverified
				case method == form:
					state = vault.Checked
				}
				if st.held[f].State != state || st.lasts[f].Method != method || (m != nil) != (state == vault.Unverified) {
					t.Errorf("%+v: %s is %s by %s; %+v", c, f, st.held[f].State, st.lasts[f].Method, m)
				}
				if m != nil {
					shows(t, h.as(support).Get("/console/checks/"+m.ID), http.StatusOK, c.why)
					hides(t, h.Get("/console/checks"), "CORK", "Cork", "Other")
				}
			}
			if a, b := h.state(s, "company.vat"), h.state(s, "company.register"); a != vault.Verified || b != vault.Verified {
				t.Errorf("%+v: numbers %s and %s", c, a, b)
			}
		}
		shows(t, h.as(person(h.customer(meadow()))).Get("/portal/checks"), http.StatusOK, "Form of addresses: letters in street and town, the country's postcode")
	})
}

// TestWhatCountsNoMoreIsACase: an LEI that is not kept up is put before a colleague with the
// register's reason, and what the register tells beside it counts for nothing.
func TestWhatCountsNoMoreIsACase(t *testing.T) {
	o := openOffices(t)
	o.vies, o.gleif = "---", `"country":"IE","city":"Cork","addressLines":["7 Other Quay"]`
	onEach(t, Options{Registers: o.all}, func(t *testing.T, h *house) {
		support := h.hire("m-support", "support")
		for _, status := range []string{"LAPSED", "RETIRED"} {
			o.lapse = status
			s := h.customer(meadow("company.register", "506700GE1G29325QX363", "company.vat", "-"))
			m := h.open(s, "company.register")
			if m.Kind != kindCheck || !strings.Contains(m.Why, "GLEIF says that") || h.state(s, "company.register") != vault.Unverified {
				t.Errorf("%s: %s, %+v", status, h.state(s, "company.register"), m)
			}
			shows(t, h.as(support).Get("/console/checks/"+m.ID), http.StatusOK, "GLEIF says that")
			if a, b := h.state(s, "company.name"), h.state(s, "address.city"); a != vault.Unverified || b != vault.Checked || openCase(h.standing(s).cases, "company.name") != nil {
				t.Errorf("%s: beside it the name is %s and the town %s", status, a, b)
			}
		}
		o.lapse = ""
		s := h.customer(meadow("company.register", "506700GE1G29325QX363", "company.vat", "-"))
		if a, b := h.state(s, "company.register"), h.state(s, "company.name"); a != vault.Verified || b != vault.Verified {
			t.Errorf("kept up, the number is %s and the name %s", a, b)
		}
	})
}

// TestAnAddressThatIsNone is put before a colleague, and of a country whose addresses we do
// not know the name of the check says so.
func TestAnAddressThatIsNone(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		for _, c := range []struct {
			field   loot.Field
			changes []string
			why     string
		}{
			{"address.street", []string{"address.street", "12-14"}, "this has none"},
			{"address.city", []string{"address.city", "2 (!)"}, "this has none"},
			{"address.street", []string{"address.street", "aaa Aaa"}, "one letter again and again"},
			{"address.city", []string{"address.city", "xx"}, "one letter again and again"},
			{"address.street", []string{"address.street", "dublin"}, "Street and town are the same"},
			{"address.city", []string{"address.street", " DUBLIN"}, "Street and town are the same"},
			{"address.city", []string{"address.city", "1", "address.country", "AE", "company.vat", "-"}, "this has none"},
		} {
			s := h.customer(meadow(c.changes...))
			if m := h.open(s, c.field); m.Kind != kindCheck || !strings.Contains(m.Why, c.why) || h.state(s, c.field) != vault.Unverified {
				t.Errorf("%v: %s, %+v", c.changes, h.state(s, c.field), m)
			}
			h.correct(s, "address.street", "1 Sample Quay")
			h.correct(s, "address.city", "Y")
			if a, b := h.state(s, "address.street"), h.state(s, "address.city"); a != vault.Checked || b != vault.Checked {
				t.Errorf("%v: put right, the street is %s and the town %s", c.changes, a, b)
			}
		}
		const unknown = "Form of addresses: the format of this country is not known"
		shows(t, h.as(person(h.customer(meadow("address.country", "AE", "company.vat", "-")))).Get("/portal/checks"), http.StatusOK, "Street and number checked "+unknown, unknown)
		lacks(t, h.as(person(h.customer(meadow()))).Get("/portal/checks"), unknown)
	})
}

// TestAStateOrProvince is looked for in the country's list, by code or name; in six countries an
// address needs one.
func TestAStateOrProvince(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		const listed, unlisted = "State or province checked State or province that there is in the country (ISO 3166-2)", "State or province checked State or province: letters; it is looked for in no list"
		given := func(country, region string) loot.Subject {
			return h.customer(meadow("address.country", country, "address.postcode", map[string]string{"US": "10001", "CA": "K1A 0B1", "IE": "D02 AF30", "DE": "10115"}[country], "address.region", region, "company.vat", "-"))
		}
		for _, c := range []struct{ country, region, says string }{
			{"US", "new york", listed}, {"CA", "CA-QC", listed}, {"IE", "Co. Dublin", listed}, {"DE", "Berlin", unlisted},
		} {
			s := given(c.country, c.region)
			shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, c.says)
			if a, b := h.state(s, "address.region"), h.state(s, "address.city"); a != vault.Checked || b != vault.Checked {
				t.Errorf("%s in %s is %s, and the town %s", c.region, c.country, a, b)
			}
		}
		for _, c := range []struct{ country, region, why string }{
			{"US", "Ontario", "There is no state or province called so in United States."},
			{"CA", "Texas", "It has a name or a code, such as Yukon or YT."},
			{"DE", "12", "this has none"},
		} {
			s := given(c.country, c.region)
			if m := h.open(s, "address.region"); m.Kind != kindCheck || !strings.Contains(m.Why, c.why) || h.state(s, "address.region") != vault.Unverified || h.state(s, "address.city") != vault.Checked {
				t.Errorf("%s in %s: %+v", c.region, c.country, m)
			}
			h.correct(s, "address.region", map[string]string{"US": "NY", "CA": "Québec", "DE": "Berlin"}[c.country])
			if got := h.state(s, "address.region"); got != vault.Checked {
				t.Errorf("put right, it is %s", got)
			}
		}
		s := given("US", "-")
		if m := h.open(s, "address.city"); !strings.Contains(m.Why, "An address in United States needs its state or province, such as Wyoming or WY.") {
			t.Errorf("without one: %+v", m)
		}
		if got := h.state(given("IE", "-"), "address.city"); got != vault.Checked {
			t.Errorf("a town without one in a country that needs none is %s", got)
		}
	})
}

// TestAStatementWithoutAState: where it is not asked for, nothing says that it is missing.
func TestAStatementWithoutAState(t *testing.T) {
	src := string(statement.Default())
	from, to := strings.Index(src, "  address.region:\n"), strings.Index(src, "  address.country:\n")
	by := desktest.Parse(t, []byte(src[:from]+src[to:]))
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, by, Options{})
		s := h.customer(meadow("address.country", "US", "address.postcode", "10001", "company.vat", "-"))
		lacks(t, h.as(person(s)).Get("/portal/checks"), "State or province")
		if got := h.state(s, "address.city"); got != vault.Checked {
			t.Errorf("the town is %s", got)
		}
	})
}

// TestASilentRegisterTakesNothingBack: a case that its answer opened stays open while it
// is down, and what it would be asked about stays open too, until it answers.
func TestASilentRegisterTakesNothingBack(t *testing.T) {
	vies := &book{}
	onEach(t, Options{Registers: []register.Register{vies}}, func(t *testing.T, h *house) {
		*vies = book{name: "VIES", number: "IE1234567T", says: "Other Company", at: "1 SAMPLE QUAY\nCORK\nT12 AF30"}
		s := h.customer(meadow())
		unknown := h.customer(meadow("company.vat", "IE6388047V"))
		first := h.standing(s)
		vies.down = true
		h.taken(h.as(person(s)).Post("/portal/checks"))
		h.taken(h.as(person(unknown)).Post("/portal/checks"))
		again := func() {
			h.Drain()
			h.Clock.Advance(24 * time.Hour)
			ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
			h.Drain()
		}
		for range 2 {
			again()
			for f, s := range map[loot.Field]loot.Subject{"company.name": s, "address.postcode": s, "company.vat": unknown} {
				l := h.standing(s).lasts[f]
				if h.open(s, f).Kind != kindCheck || h.state(s, f) != vault.Unverified || l.Outcome != failed || !l.Next.After(h.Clock.Now()) {
					t.Errorf("%s: %s, %+v", f, h.state(s, f), l)
				}
			}
		}
		if got := h.open(s, "company.name"); got.ID != openCase(first.cases, "company.name").ID {
			t.Errorf("another case: %+v", got)
		}
		fresh := h.customer(meadow())
		for f, want := range map[loot.Field]string{"company.name": vault.Unverified, "address.postcode": vault.Checked, "company.vat": vault.Checked} {
			if st := h.standing(fresh); st.lasts[f].Outcome != later || st.held[f].State != want || openCase(st.cases, f) != nil {
				t.Errorf("%s of a new customer: %s, %+v", f, st.held[f].State, st.lasts[f])
			}
		}
		vies.down, vies.says, vies.at = false, "Example Meadow", "1 SAMPLE QUAY\nD02 AF30"
		again()
		if st := h.standing(s); openCase(st.cases, "company.name") != nil || openCase(st.cases, "address.postcode") != nil || st.held["company.name"].State != vault.Verified {
			t.Errorf("answered: %+v", st)
		}
		vies.down = true
		fresh = h.customer(meadow())
		vies.down, vies.says = false, ""
		again()
		if st := h.standing(fresh); st.lasts["company.name"].Outcome != none || st.held["company.vat"].State != vault.Verified {
			t.Errorf("with no name in the answer: %+v", st)
		}
	})
}

// TestAFaultTakesThePlaceOfAQuestion: of a detail about which a colleague is asked, as a
// register is silent or tells no name any more, one case is open once it tells another name.
func TestAFaultTakesThePlaceOfAQuestion(t *testing.T) {
	vies := &book{}
	onEach(t, Options{Registers: []register.Register{vies}}, func(t *testing.T, h *house) {
		support := h.hire("m-support", "support")
		right := book{name: "VIES", number: "IE1234567T", says: "Example Meadow"}
		asks := func(s loot.Subject, f string) {
			t.Helper()
			h.taken(h.as(person(s)).Post("/portal/checks", "field", f))
			h.Drain()
		}
		for kind, before := range map[string]func() loot.Subject{
			kindAsked: func() loot.Subject {
				*vies = right
				vies.down = true
				s := h.customer(meadow())
				asks(s, "company.name")
				return s
			},
			kindOld: func() loot.Subject {
				*vies = right
				s := h.customer(meadow())
				h.Clock.Advance(366 * 24 * time.Hour)
				vies.says = ""
				asks(s, "company.name")
				return s
			},
		} {
			s := before()
			if m := h.open(s, "company.name"); m.Kind != kind {
				t.Errorf("%+v, want one of kind %s", m, kind)
			}
			*vies = right
			vies.says = "Other Company"
			asks(s, "company.vat")
			var open []string
			for _, m := range h.standing(s).cases {
				if m.Field == "company.name" && m.Closed.IsZero() {
					open = append(open, m.Kind)
				}
			}
			if !slices.Equal(open, []string{kindCheck}) {
				t.Errorf("after %s, cases of the kinds %v are open", kind, open)
			}
			h.taken(h.post(support, h.open(s, "company.name"), "", "decision", "wrong", "reason", "They have another name."))
			shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, "They have another name.")
		}
	})
}

// TestAFaultOfWhichNobodyTellsIsGone: once a register tells no name any more, that it had
// another one stands nowhere.
func TestAFaultOfWhichNobodyTellsIsGone(t *testing.T) {
	vies := &book{}
	onEach(t, Options{Registers: []register.Register{vies}}, func(t *testing.T, h *house) {
		*vies = book{name: "VIES", number: "IE1234567T", says: "Other Company"}
		s := h.customer(meadow())
		h.open(s, "company.name")
		shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, "VIES has another name")
		vies.says = ""
		h.taken(h.Post("/portal/checks", "field", "company.vat"))
		h.Drain()
		if st := h.standing(s); openCase(st.cases, "company.name") != nil || st.held["company.name"].State != vault.Unverified {
			t.Errorf("%s, %+v", st.held["company.name"].State, st.cases)
		}
		lacks(t, h.Get("/portal/checks"), "VIES has another name")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			copied, err := h.desk.export(ctx, tx, s)
			if err == nil && slices.ContainsFunc(copied.(exported).Checks, func(c exportedCheck) bool { return c.Field == "company.name" }) {
				t.Errorf("their copy: %+v", copied.(exported).Checks)
			}
			return err
		})
	})
}

// TestOneRegisterProvesWhileAnotherIsSilent: what one knows is verified though another is
// down or does not take our question, and what that told before stays all the same.
func TestOneRegisterProvesWhileAnotherIsSilent(t *testing.T) {
	vies, gleif := &book{}, &book{}
	onEach(t, Options{Registers: []register.Register{vies, gleif}}, func(t *testing.T, h *house) {
		right := book{name: "VIES", number: "IE1234567T", says: "Example Meadow", at: "1 SAMPLE QUAY\nD02 AF30"}
		*gleif = right
		gleif.name, gleif.scheme, gleif.number = "GLEIF", "lei", "506700GE1G29325QX363"
		var s loot.Subject
		stand := func(name, method string) {
			t.Helper()
			st := h.standing(s)
			for f, want := range map[loot.Field]string{"company.name": name, "address.postcode": vault.Verified, "company.register": vault.Verified} {
				if st.held[f].State != want || (openCase(st.cases, f) != nil) != (want == vault.Unverified) {
					t.Errorf("%s is %s, want %s, with %+v", f, st.held[f].State, want, openCase(st.cases, f))
				}
			}
			if l := st.lasts["company.name"]; l.Method != method {
				t.Errorf("the name is checked by %s, want %s", l.Method, method)
			}
		}
		again := func() {
			t.Helper()
			h.taken(h.as(person(s)).Post("/portal/checks", "field", "company.vat"))
			h.Clock.Advance(24 * time.Hour)
			ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
			h.Drain()
		}
		for _, silent := range []book{{name: "VIES", down: true}, {name: "VIES", refuse: true}} {
			*vies = silent
			s = h.customer(meadow("company.register", gleif.number))
			stand(vault.Verified, "gleif.name")
			if st := h.standing(s); st.held["company.vat"].State != vault.Checked || st.lasts["company.vat"].Outcome != later {
				t.Errorf("the number that only who is silent knows: %+v", st.lasts["company.vat"])
			}
			*vies = right
			vies.says = "Other Company"
			again()
			stand(vault.Unverified, "vies.name")
			m := h.open(s, "company.name")
			*vies = silent
			again()
			stand(vault.Unverified, "vies.name")
			if l := h.standing(s).lasts["company.name"]; h.open(s, "company.name").ID != m.ID || l.Outcome != failed || l.Tries == 0 || !l.Next.After(h.Clock.Now()) {
				t.Errorf("the fault that it told: %+v", l)
			}
			*vies = right
			again()
			stand(vault.Verified, "vies.name,gleif.name")
		}
	})
}

// TestSilenceIsNoCheck: what a register knew stays as it was while it is down, with the
// day and the consultation, and what it never answered says so. Who asks waits until then.
func TestSilenceIsNoCheck(t *testing.T) {
	vies := &book{}
	onEach(t, Options{Registers: []register.Register{vies}}, func(t *testing.T, h *house) {
		*vies = book{name: "VIES", number: "IE1234567T", says: "Example Meadow"}
		s := h.customer(meadow())
		proof := h.standing(s).lasts
		h.Clock.Advance(366 * 24 * time.Hour)
		vies.down = true
		fresh := h.customer(meadow())
		h.taken(h.as(person(s)).Post("/portal/checks", "field", "company.name"))
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Drain()
		for _, f := range []loot.Field{"company.vat", "company.name"} {
			want, got := proof[f], h.standing(s).lasts[f]
			want.Tries, want.Next = got.Tries, got.Next
			if got != want || got.Tries == 0 || !got.Next.After(h.Clock.Now()) || h.state(s, f) != vault.Verified {
				t.Errorf("%s: %s, %+v, want %+v", f, h.state(s, f), got, want)
			}
		}
		beside := func(s loot.Subject, want ...web.Fact) {
			t.Helper()
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				all, err := h.desk.Beside(ctx, tx, s)
				if got := all["company.vat"].Facts; err != nil || len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
					t.Errorf("beside it stands %v, %v, want %v", got, err, want)
				}
				return err
			})
		}
		beside(s, web.Fact{Term: "Checked", Value: day(desktest.Start)}, web.Fact{Term: "Method", Value: checkTitles["vies"]})
		beside(fresh, web.Fact{Term: "Checked", Value: "not answered yet"}, web.Fact{Term: "Again", Value: day(h.Clock.Now().Add(firstDelay))})
		shows(t, h.as(person(fresh)).Get("/portal/checks"), http.StatusOK, "VIES has not answered yet. – "+day(h.Clock.Now()))
		lacks(t, h.as(person(s)).Get("/portal/checks"), "answered "+h.Clock.Now().Format("2 Jan"))
		h.Clock.Advance(11 * 24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Drain()
		shows(t, h.Get("/portal/checks"), http.StatusOK, "This was found on "+day(desktest.Start)+". Who was asked now has not answered yet.")
		vies.down, vies.says = false, ""
		h.Clock.Advance(24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Drain()
		if m := h.open(s, "company.name"); m.Kind != kindOld || h.state(s, "company.name") != vault.Expired || h.state(s, "company.vat") != vault.Verified {
			t.Errorf("with no name in the answer: %s, %+v", h.state(s, "company.name"), m)
		}
		vies.says = "Example Meadow"
		h.taken(h.Post("/portal/checks", "field", "company.vat"))
		h.Drain()
		if st := h.standing(s); openCase(st.cases, "company.name") != nil || st.held["company.name"].State != vault.Verified {
			t.Errorf("with the name again: %s, %+v", st.held["company.name"].State, st.cases)
		}
	})
}

// TestAColleagueAnswersForARegister that does not take our questions, where nothing else
// could be looked at and somebody asks, unless it answers first.
func TestAColleagueAnswersForARegister(t *testing.T) {
	vies := &book{}
	onEach(t, Options{Registers: []register.Register{vies}}, func(t *testing.T, h *house) {
		*vies = book{name: "VIES", number: "IE1234567T", says: "Example Meadow", refuse: true}
		s := h.customer(meadow())
		if m := openCase(h.standing(s).cases, "company.name"); m != nil {
			t.Errorf("nobody asked, and there is %+v", m)
		}
		h.taken(h.as(person(s)).Post("/portal/checks"))
		h.Drain()
		m := h.open(s, "company.name")
		if m.Kind != kindAsked || openCase(h.standing(s).cases, "company.vat") != nil {
			t.Errorf("asked: %+v", h.standing(s).cases)
		}
		shows(t, h.as(h.hire("m-support", "support")).Get("/console/checks/"+m.ID), http.StatusOK, "Not answered yet: Name in VIES", "no program can tell")
		lacks(t, h.as(person(s)).Get("/portal/checks"), "answered 23 Nov")
		vies.refuse = false
		h.Clock.Advance(24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Drain()
		if st := h.standing(s); openCase(st.cases, "company.name") != nil || st.held["company.name"].State != vault.Verified {
			t.Errorf("answered by the register: %s, %+v", st.held["company.name"].State, st.cases)
		}
		shows(t, h.Get("/portal/checks"), http.StatusOK, "answered 24 Nov", "Name in VIES")
	})
}

func TestTheDomainIsAsked(t *testing.T) {
	var says register.Mailboxes
	var err error
	var domain string
	onEach(t, Options{Mailboxes: func(_ context.Context, d string) (register.Mailboxes, error) { domain = d; return says, err }}, func(t *testing.T, h *house) {
		for _, c := range []struct {
			says register.Mailboxes
			err  error
			want string
			why  string
		}{
			{register.TakesMail, nil, vault.Checked, ""},
			{register.RefusesMail, nil, vault.Unverified, "takes no mail"},
			{register.NoMailboxes, nil, vault.Unverified, "does not exist"},
			{0, register.ErrNotYet, vault.Checked, ""},
		} {
			says, err = c.says, c.err
			s := h.customer(meadow("contact.email", "jo@bücher.example"))
			if got := h.state(s, "contact.email"); got != c.want || domain != "xn--bcher-kva.example" {
				t.Errorf("%d: %s, asked for %s", c.says, got, domain)
			}
			if m := openCase(h.standing(s).cases, "contact.email"); (m != nil) != (c.why != "") || m != nil && !strings.Contains(m.Why, c.why) {
				t.Errorf("%d: %+v", c.says, m)
			}
		}
	})
}

// TestACustomerAsks: one click, a day, and an answer by a colleague where no
// program can tell; asking twice is one request.
func TestACustomerAsks(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		support := h.hire("m-support", "support")
		s := h.customer(meadow())
		h.as(person(s))
		for range 2 {
			h.taken(h.Post("/portal/checks", "field", "company.name"))
		}
		h.Drain()
		a := h.Get("/portal/checks")
		shows(t, a, http.StatusOK, "Company name", "answer by", "7 December 2026")
		if n := strings.Count(text(a.Body), "Company name asked "); n != 1 {
			t.Errorf("%d requests", n)
		}
		m := h.open(s, "company.name")
		if m.Kind != kindAsked || m.Due.Sub(m.Opened) != 14*24*time.Hour {
			t.Errorf("%+v", m)
		}
		before := h.Mail.Count()
		h.taken(h.post(support, m, "", "decision", "right", "reason", "Seen in the register of companies."))
		if h.Mail.Count() != before+1 || h.letter().Subject != "We have checked what you asked us to check" {
			t.Errorf("%d letters, the last: %s", h.Mail.Count()-before, h.letter().Subject)
		}
		if strings.Contains(h.letter().Text, "Company") {
			t.Error("the letter says what it is about")
		}
		a = h.as(person(s)).Get("/portal/checks")
		shows(t, a, http.StatusOK, "answered", "verified", "Looked at by a colleague", "Seen in the register of companies.")
		lacks(t, a, "answer by")
		if got := h.state(s, "company.name"); got != vault.Verified {
			t.Errorf("it is %s", got)
		}
		// What a program can tell is answered at once, and those before stay.
		h.taken(h.Post("/portal/checks", "field", "company.vat"))
		h.Drain()
		shows(t, h.Get("/portal/checks"), http.StatusOK, "Company name", "Shape and check digit of the VAT number", "Seen in the register of companies.")
		shows(t, h.Post("/portal/checks", "field", "contact.language"), http.StatusUnprocessableEntity, "nothing of this kind")
		shows(t, h.Post("/portal/checks", "field", "no.field"), http.StatusUnprocessableEntity, "nothing of this kind")
	})
}

// TestAnAnswerComesInTime though a register is silent to the end.
func TestAnAnswerComesInTime(t *testing.T) {
	vies := &book{name: "VIES", down: true}
	onEach(t, Options{Registers: []register.Register{vies}}, func(t *testing.T, h *house) {
		s := h.customer(meadow())
		h.taken(h.as(person(s)).Post("/portal/checks", "field", "company.vat"))
		h.Drain()
		h.Get("/portal/checks") // with the word that it was asked
		lacks(t, h.Get("/portal/checks"), "answered 23 Nov")
		h.Clock.Advance(11 * 24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Drain()
		a := h.Get("/portal/checks")
		shows(t, a, http.StatusOK, "answered", "VIES has not answered yet.")
		lacks(t, a, "answer by")
	})
}

// TestWhatWentAtOnceIsNotShown: of somebody who waits to be erased, whether an order holds
// it or not, and as little can be done with it as with what was never given.
func TestWhatWentAtOnceIsNotShown(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow("contact.phone", "+353 1 555 0100"))
		h.as(person(s))
		form := func() string { return h.Get("/portal/checks/wrong").Body }
		const phone, option = "Telephone number", `<option value="contact.phone"`
		shows(t, h.Get("/portal/checks"), http.StatusOK, phone)
		if !strings.Contains(form(), option) {
			t.Error("it cannot be reported")
		}
		h.desk.Leaving(func(context.Context, *store.Tx, loot.Subject) ([]loot.Field, error) {
			return []loot.Field{"contact.phone"}, nil
		})
		page := h.Get("/portal/checks")
		shows(t, page, http.StatusOK, "Postcode")
		lacks(t, page, phone)
		if strings.Contains(form(), option) {
			t.Error("it can be reported")
		}
		for path, given := range map[string]string{"/portal/checks": "", "/portal/checks/wrong": "It is."} {
			held, never := h.Post(path, "field", "contact.phone", "text", given), h.Post(path, "field", "company.register", "text", given)
			if held.Status != http.StatusUnprocessableEntity || held.Status != never.Status {
				t.Errorf("%s: %d, and of what was never given %d", path, held.Status, never.Status)
			}
		}
	})
}

// TestAMistakeIsAccepted: the detail is disputed until then; the record is put
// right, what was there stays in the history, and other desks hear of it.
func TestAMistakeIsAccepted(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		h.heard = nil
		support := h.hire("m-support", "support")
		s := h.customer(meadow())
		h.as(person(s))
		shows(t, h.Get("/portal/checks/wrong?field=address.city&invoice=2026-0042"), http.StatusOK, "Something is wrong", "Town or city")
		if a := h.Get("/portal/checks/wrong?field=address.city"); !strings.Contains(a.Body, `href="/portal/correct/address.city"`) {
			t.Error("nothing leads to where they put it right themselves")
		}
		if a := h.Get("/portal/checks/wrong?invoice=%3Cscript%3E"); strings.Contains(a.Body, "script&gt;") {
			t.Error("what is no number of an invoice came back")
		}
		shows(t, h.Post("/portal/checks/wrong", "field", "address.city", "text", ""), http.StatusUnprocessableEntity)
		shows(t, h.Post("/portal/checks/wrong", "field", "no.field", "text", "It is."), http.StatusUnprocessableEntity)
		h.bills.issued = []Invoice{{"2026-0042", "2026-0042, November"}}
		h.taken(h.Post("/portal/checks/wrong", "field", "address.city", "invoice", "2026-0042", "text", "We moved to Corkville."))
		shows(t, h.Post("/portal/checks/wrong", "field", "address.city", "text", "Again."), http.StatusConflict, "already, and have our answer by 7 December 2026", "Again.")
		if got := h.state(s, "address.city"); got != vault.Disputed {
			t.Errorf("it is %s", got)
		}
		ok(t, h.desk.check(t.Context(), checkArgs{s}))
		if got := h.state(s, "address.city"); got != vault.Disputed {
			t.Errorf("after a check it is %s", got)
		}
		h.decides(s, "address.city", false)
		h.decides(s, "address.country", true)
		m := h.open(s, "address.city")
		a := h.as(support).Get("/console/checks/" + m.ID)
		shows(t, a, http.StatusOK, "2026-0042", "It opens together with the value.")
		hides(t, a, "Corkville", "Dublin")
		lacks(t, a, "Ask others to agree")
		shows(t, h.Post("/console/checks/"+m.ID+"/ask"), http.StatusConflict, "Nobody has to agree to this")
		hides(t, h.as(h.hire("m-abuse", "abuse")).Post("/console/checks/"+m.ID+"/open"), "Corkville")
		read := func() (yes bool) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				items, err := h.Kit.Ledger.Timeline(ctx, tx, s, collection, "", 100)
				yes = slices.ContainsFunc(items, func(i ledger.Item) bool { return i.Facts.Note == "report.read" })
				return err
			})
			return yes
		}
		if read() {
			t.Error("what the customer wrote was opened for somebody whose role it is not")
		}
		shows(t, h.as(support).Post("/console/checks/"+m.ID+"/open"), http.StatusOK, "We moved to Corkville.", "Covered")
		if !read() {
			t.Error("the ledger does not say that what the customer wrote was opened")
		}
		shows(t, h.Post("/console/checks/"+m.ID+"/open", "uncover", "yes"), http.StatusOK, "Dublin")
		shows(t, h.post(support, m, "", "decision", "corrected", "value", "", "reason", "They moved."), http.StatusUnprocessableEntity, "Say what it is put right to.")
		shows(t, h.post(support, m, "", "decision", "corrected", "value", "Dublin ", "reason", "They moved."), http.StatusUnprocessableEntity, "This is what stands already.")
		h.taken(h.post(support, m, "", "decision", "corrected", "value", "Corkville", "reason", "They moved."))
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			p, err := h.Kit.Gate.Decide(ctx, tx, gate.Request{Action: loot.Export, Actor: person(s), Desk: "customers", Purpose: "access", Subject: s, Collection: collection, Fields: []loot.Field{"address.city"}})
			if err != nil {
				return err
			}
			w, err := h.Kit.Vault.OpenWhole(ctx, tx, p)
			if err != nil {
				return err
			}
			now, former := w.Values["address.city"], w.Former["address.city"]
			if now.Reveal() != "Corkville" || now.State != vault.Checked || len(former) != 1 || former[0].Reveal() != "Dublin" {
				t.Errorf("now %s and %s, %d former", now.Reveal(), now.State, len(former))
			}
			return nil
		})
		if !slices.Contains(h.heard, string(s)) {
			t.Error("nobody was told that the record was corrected")
		}
		h.decides(s, "address.city", true)
		shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, "accepted, put right", "on invoice 2026-0042", "They moved.", "We moved to Corkville.")
		if h.letter().Subject != "We have looked at the mistake that you reported" {
			t.Error(h.letter().Subject)
		}
	})
}

// TestWhoeverCorrectsItThemself has nothing left to wait for.
func TestWhoeverCorrectsItThemself(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow())
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "address.city", "text", "We have moved."))
		h.Clock.Advance(time.Minute)
		h.correct(s, "address.city", "Corkville")
		if st := h.standing(s); openCase(st.cases, "address.city") != nil || st.held["address.city"].State != vault.Checked {
			t.Errorf("%+v", st)
		}
		h.decides(s, "address.city", true)
		shows(t, h.Get("/portal/checks"), http.StatusOK, "changed meanwhile")
		h.taken(h.Post("/portal/checks/wrong", "field", "contact.phone", "text", "There is no such line."))
		h.correct(s, "contact.phone", "")
		if m := openCase(h.standing(s).cases, "contact.phone"); m != nil {
			t.Errorf("about what is not there any more, there is %+v", m)
		}
	})
}

func TestAMistakeIsRefused(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		support := h.hire("m-support", "support")
		s := h.customer(meadow())
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "company.vat", "text", "I do not like it."))
		m := h.open(s, "company.vat")
		shows(t, h.post(support, m, "", "decision", "corrected", "value", "IE-1234567.t", "reason", "So."), http.StatusUnprocessableEntity, "This is what stands already.")
		h.taken(h.post(support, m, "", "decision", "refused", "reason", "It is the number in the register."))
		if got := h.state(s, "company.vat"); got != vault.Checked {
			t.Errorf("it is %s, and not as before", got)
		}
		h.decides(s, "company.vat", true)
		shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, "found right as it stands", "It is the number in the register.")
	})
}

// TestASecondPersonAgrees where the level of the detail asks for one.
func TestASecondPersonAgrees(t *testing.T) {
	t.Parallel()
	s := desktest.Standard(t)
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, s, Options{})
		one, other := h.hire("m-one", "billing"), h.hire("m-other", "billing")
		s := h.customer(meadow("payment.iban", "IE29 AIBK 9311 5212 3456 78"))
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "payment.iban", "text", "We have another bank."))
		m := h.open(s, "payment.iban")
		a := h.as(one).Post("/console/checks/" + m.ID + "/open")
		shows(t, a, http.StatusForbidden, "Closest to you", "It opens together with the value.")
		hides(t, a, "We have another bank.")
		shows(t, h.post(one, m, "", "decision", "corrected", "value", "IE29AIBK93115212345679", "reason", "By a letter."), http.StatusUnprocessableEntity, "does not fit the check digit")
		shows(t, h.post(one, m, "", "decision", "corrected", "value", "IE29AIBK93115212345678", "reason", "By a letter."), http.StatusUnprocessableEntity, "This is what stands already.")
		h.taken(h.post(one, m, "", "decision", "corrected", "value", "DE89370400440532013000", "reason", "By a letter."))
		if m = h.open(s, "payment.iban"); m.Decision != "corrected" || h.state(s, "payment.iban") != vault.Disputed {
			t.Errorf("%+v", m)
		}
		lacks(t, h.as(person(s)).Get("/portal/checks"), "By a letter.")
		shows(t, h.as(one).Post("/console/checks/"+m.ID+"/second", "agree", "yes", "version", strconv.FormatInt(m.Version, 10)), http.StatusForbidden, "somebody else has to agree")
		shows(t, h.post(other, m, "/second", "agree", "no"), http.StatusUnprocessableEntity, "Say why not")
		h.taken(h.post(other, m, "/second", "agree", "no", "reason", "The letter has no signature."))
		shows(t, h.as(one).Get("/console/checks/"+m.ID), http.StatusOK, "The letter has no signature.")
		h.taken(h.post(one, m, "", "decision", "corrected", "value", "DE89370400440532013000", "reason", "By a signed letter."))
		h.taken(h.post(other, m, "/second", "agree", "yes"))
		if got := h.state(s, "payment.iban"); got != vault.Checked {
			t.Errorf("put right, it is %s", got)
		}
		shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, "By a signed letter.")
	})
}

// TestASecondPersonSeesWhatTheyAgreeTo: once others agreed to the look, the value, what
// the customer wrote and what it would be put right to open together, once.
func TestASecondPersonSeesWhatTheyAgreeTo(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		one, other := h.hire("m-one", "billing"), h.hire("m-other", "billing")
		s := h.customer(meadow("payment.iban", "IE29 AIBK 9311 5212 3456 78"))
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "payment.iban", "text", "It closed."))
		m := h.open(s, "payment.iban")
		path := "/console/checks/" + m.ID
		h.taken(h.post(one, m, "", "decision", "corrected", "value", "DE89370400440532013000", "reason", "By a letter."))
		a := h.as(other).Get(path)
		shows(t, a, http.StatusOK, "Ask others to agree", "look before you agree")
		lacks(t, a, "Show the value")
		a = h.Post(path+"/open", "uncover", "yes")
		shows(t, a, http.StatusForbidden, "It opens together with the value.")
		hides(t, a, "It closed.", "DE89370400440532013000", "AIBK")
		h.taken(h.Post(path + "/ask"))
		shows(t, h.Get(path), http.StatusOK, "You asked others to agree", "0 of 1 agreed so far")
		asked := new(loot.Awaited)
		h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
			if asked, err = h.Kit.Gate.Awaited(ctx, tx, h.desk.looking(h.S, m, other, true)); err != nil || asked == nil {
				return errors.Join(err, errors.New("nobody was asked"))
			}
			if _, req, _, _, err := h.Kit.Gate.Approval(ctx, tx, asked.ID); err != nil || req.Page != path {
				t.Errorf("what was agreed to opens on %+v, %v", req, err)
			}
			_, err = h.Kit.Gate.Vote(ctx, tx, asked.ID, gate.Voter{Actor: loot.Actor{Kind: loot.Staff, ID: "m-dpo", Roles: []loot.Role{"dpo"}}, Since: desktest.Start.AddDate(-1, 0, 0)}, true)
			return err
		})
		shows(t, h.Get(path), http.StatusOK, "You can open it, or one document, once", "Open now")
		shows(t, h.as(one).Post(path+"/open", "approval", asked.ID), http.StatusForbidden)
		a = h.as(other).Post(path+"/open", "approval", asked.ID)
		shows(t, a, http.StatusOK, "IE29 AIBK 9311 5212 3456 78", "It closed.", "It would be put right to “DE89370400440532013000”")
		lacks(t, a, "Ask others to agree", "Open now")
		shows(t, h.Post(path+"/open", "approval", asked.ID), http.StatusConflict)
		h.taken(h.post(other, m, "/second", "agree", "yes"))
	})
}

// TestWhoReportsTwiceHearsWhenTheFirstIsAnswered, and not when something else is.
func TestWhoReportsTwiceHearsWhenTheFirstIsAnswered(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		h.as(person(h.customer(meadow())))
		days := map[string]string{"address.city": "8", "contact.phone": "9"}
		for _, field := range []string{"address.city", "contact.phone"} {
			h.Clock.Advance(24 * time.Hour)
			h.taken(h.Post("/portal/checks/wrong", "field", field, "text", "It is wrong."))
		}
		for field, day := range days {
			shows(t, h.Post("/portal/checks/wrong", "field", field, "text", "Again."), http.StatusConflict, "already, and have our answer by "+day+" December 2026")
		}
	})
}

// TestAReportIsReadThoughTheValueIsShut: once nothing needs the record any more, nobody
// opens it or is asked to agree to that, and a report is read and decided all the same.
func TestAReportIsReadThoughTheValueIsShut(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		support, billing := h.hire("m-support", "support"), h.hire("m-billing", "billing")
		s := h.customer(meadow("payment.iban", "IE29 AIBK 9311 5212 3456 78"))
		for field, text := range map[string]string{"address.city": "We moved.", "payment.iban": "It closed."} {
			h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", field, "text", text))
		}
		city, account := h.open(s, "address.city"), h.open(s, "payment.iban")
		h.ends(s)
		a := h.as(support).Post("/console/checks/" + city.ID + "/open")
		shows(t, a, http.StatusForbidden, "We moved.")
		hides(t, a, "Dublin")
		a = h.as(billing).Post("/console/checks/" + account.ID + "/ask")
		shows(t, a, http.StatusForbidden)
		hides(t, a, "It closed.")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			asked, err := h.Kit.Gate.Awaited(ctx, tx, h.desk.looking(h.S, account, billing, true))
			if asked != nil {
				t.Errorf("others are asked: %+v", asked)
			}
			return err
		})
		h.taken(h.post(support, city, "", "decision", "corrected", "value", "Corkville", "reason", "They are no customer any more."))
	})
}

// TestWhoDecides: those whose role it is and who signed; what was changed since is
// not decided any more.
func TestWhoDecides(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		support, abuse, fresh := h.hire("m-support", "support"), h.hire("m-abuse", "abuse"), h.hire("m-fresh", "support")
		h.newbies = append(h.newbies, "m-fresh")
		s := h.customer(meadow("company.vat", "DE136695976"))
		m := h.open(s, "company.vat")
		for _, who := range []loot.Actor{abuse, fresh} {
			shows(t, h.post(who, m, "", "decision", "right", "reason", "So."), http.StatusForbidden)
			shows(t, h.as(who).Post("/console/checks/"+m.ID+"/open"), http.StatusForbidden)
			lacks(t, h.Get("/console/checks/"+m.ID), "Show the value")
		}
		shows(t, h.as(support).Post("/console/checks/"+m.ID, "version", "7", "decision", "right", "reason", "So."), http.StatusConflict)
		h.Clock.Advance(time.Minute)
		h.Tx(func(ctx context.Context, tx *store.Tx) error { // the notice is still on its way
			row, err := h.Kit.Vault.Row(ctx, tx, s, collection)
			if err != nil {
				return err
			}
			p, err := h.Kit.Gate.Decide(ctx, tx, gate.Request{Action: loot.Collect, Actor: person(s), Desk: "customers", Purpose: purpose, Subject: s, Collection: collection, Fields: []loot.Field{"company.vat"}})
			if err != nil {
				return err
			}
			return h.Kit.Vault.Correct(ctx, tx, p, vault.Change{Version: row.Version, Given: map[loot.Field]string{"company.vat": "IE1234567T"}, Source: "test"})
		})
		a := h.post(support, m, "", "decision", "right", "reason", "So.")
		shows(t, a, http.StatusConflict, "changed since. There is nothing left to decide.") // nor does it say that there is a check of every detail
	})
}

// TestWrongIsTold: a fault that a colleague confirms is told to the customer, with
// the way to put it right.
func TestWrongIsTold(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		support := h.hire("m-support", "support")
		s := h.customer(meadow("company.vat", "DE136695976"))
		h.taken(h.post(support, h.open(s, "company.vat"), "", "decision", "wrong", "reason", "It belongs to somebody else."))
		shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, "does not seem right", "It belongs to somebody else.", "Correct it")
		if h.letter().Subject != "A detail of your record does not seem right" {
			t.Error(h.letter().Subject)
		}
		ok(t, h.desk.check(t.Context(), checkArgs{s}))
		if st := h.standing(s); openCase(st.cases, "company.vat") != nil {
			t.Error("what a colleague decided is put before one again")
		}
		h.Clock.Advance(time.Minute)
		h.correct(s, "company.vat", "IE1234567T")
		shows(t, h.Get("/portal/checks"), http.StatusOK, "does not seem right", "It belongs to somebody else.") // what was decided stands
	})
}

// TestColleaguesAreReminded once, and only those whose role it is.
func TestColleaguesAreReminded(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		h.hire("m-support", "support")
		h.hire("m-abuse", "abuse")
		h.customer(meadow("contact.phone", "+353 1 5"))
		h.Clock.Advance(10 * 24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		if _, found := h.Mail.Last("m-support@staff.example"); found {
			t.Error("reminded early")
		}
		h.Clock.Advance(24 * time.Hour)
		before := h.Mail.Count()
		for range 2 {
			ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		}
		if m, _ := h.Mail.Last("m-support@staff.example"); h.Mail.Count() != before+1 || m.Subject != "1 check is due soon" {
			t.Errorf("%d letters, %q", h.Mail.Count()-before, m.Subject)
		}
		shows(t, h.as(h.all[0]).Get("/console/checks"), http.StatusOK, "due soon")
		h.Clock.Advance(4 * 24 * time.Hour)
		shows(t, h.Get("/console/checks?kind=check"), http.StatusOK, "overdue")
		lacks(t, h.Get("/console/checks?kind=mistake"), "overdue")
		shows(t, h.Get("/console/checks?state=closed"), http.StatusOK, "Nothing waits")
	})
}

// ends has a customer's service end.
func (h *house) ends(s loot.Subject) {
	h.Helper()
	var orders []string
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT state FROM gate_person WHERE subject = $1`, s)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				return err
			}
			_, rest, _ := strings.Cut(text, `"orders":{"`)
			reference, _, _ := strings.Cut(rest, `"`)
			orders = append(orders, reference)
		}
		return rows.Err()
	})
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return h.Kit.Gate.EndOrder(ctx, tx, gate.Ordered{Subject: s, Collection: collection, By: person(s), Reference: orders[0], Service: "shared-hosting"})
	})
}

// TestNobodyIsCheckedForNothing: once no service needs it, nobody looks, and whoever
// waits for an answer is told so.
func TestNobodyIsCheckedForNothing(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow())
		first := h.standing(s).lasts["company.vat"].At
		h.taken(h.as(person(s)).Post("/portal/checks", "field", "company.name"))
		h.Drain()
		h.ends(s)
		h.Clock.Advance(366 * 24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Drain()
		if got := h.standing(s).lasts["company.vat"]; !got.At.Equal(first) || !got.Next.IsZero() {
			t.Errorf("checked at %s, again %s", got.At, got.Next)
		}
		shows(t, h.as(person(s)).Post("/portal/checks", "field", "company.vat"), http.StatusConflict, "nobody may open them for a check")
		shows(t, h.Get("/portal/checks"), http.StatusOK, "nobody may open them for a check")
	})
}

// TestAFaultThatAnInvoiceWaitsForIsDecided also once no service runs, while the law has the
// last invoice written with the detail; that in any other is nobody's any longer.
func TestAFaultThatAnInvoiceWaitsForIsDecided(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow("company.vat", "IE1234567X", "contact.phone", "1"))
		h.open(s, "contact.phone")
		h.ends(s)
		h.Clock.Advance(time.Minute)
		h.correct(s, "address.city", "Corkville")
		m := h.open(s, "company.vat")
		if openCase(h.standing(s).cases, "contact.phone") != nil {
			t.Error("a fault that nothing needs to be put right waits for a colleague")
		}
		support := h.hire("m-support", "support")
		h.taken(h.post(support, m, "", "decision", "right", "reason", "It was valid then."))
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			if fault, err := h.desk.FaultIn(ctx, tx, s, "company.vat"); err != nil || fault {
				t.Errorf("found right, there is a fault: %v, %v", fault, err)
			}
			return nil
		})
	})
}

// TestNothingStays of somebody who is erased.
func TestNothingStays(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow("contact.phone", "+353 1 5"))
		h.taken(h.as(person(s)).Post("/portal/checks"))
		h.taken(h.Post("/portal/checks/wrong", "field", "address.city", "text", "It is elsewhere."))
		h.Drain()
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			copied, err := h.desk.export(ctx, tx, s)
			if e, is := copied.(exported); err != nil || !is || len(e.Checks) == 0 || len(e.Requests) != 1 || len(e.Cases) < 2 || !slices.ContainsFunc(e.Cases, func(c exportedCase) bool { return c.Said != "" }) {
				t.Errorf("their copy: %+v, %v", copied, err)
			}
			return h.desk.forget(ctx, tx, s)
		})
		st, err := h.desk.standing(t.Context(), s)
		if err != nil || len(st.lasts)+len(st.cases) != 0 {
			t.Errorf("%+v, %v", st, err)
		}
	})
}
