package billing

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"loot"
	"loot/api"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/store"
)

// A caller calls the API as a member of staff.
type caller struct {
	o      *office
	server *httptest.Server
}

func (o *office) api(scopes []api.Scope, roles ...loot.Role) *caller {
	o.Helper()
	return o.apiOf(loot.Actor{Kind: loot.Staff, ID: "member-one", Name: "Made-up One", Roles: roles, Program: true}, scopes...)
}

// apiOf returns what calls the operations by a token of somebody's.
func (o *office) apiOf(who loot.Actor, scopes ...api.Scope) *caller {
	o.Helper()
	mux := http.NewServeMux()
	o.b.api(api.New(mux, api.Options{Title: "Loot", Log: o.Kit.Log, Scopes: Scopes, Authenticate: func(context.Context, string) (api.Caller, error) {
		return api.Caller{Actor: who, Scopes: scopes}, nil
	}}))
	c := &caller{o, httptest.NewServer(mux)}
	o.Cleanup(c.server.Close)
	return c
}

// call returns the answer as JSON.
func (c *caller) call(status int, method, path, body string) map[string]any {
	c.o.Helper()
	_, raw := c.raw(status, method, path, body)
	var v map[string]any
	ok(c.o, json.Unmarshal(raw, &v))
	return v
}

// raw returns the answer as it came.
func (c *caller) raw(status int, method, path, body string) (http.Header, []byte) {
	c.o.Helper()
	req, err := http.NewRequestWithContext(c.o.Context(), method, c.server.URL+path, strings.NewReader(body))
	ok(c.o, err)
	req.Header.Set("Authorization", "Bearer right")
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.server.Client().Do(req)
	ok(c.o, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	ok(c.o, err)
	if resp.StatusCode != status {
		c.o.Fatalf("%s %s: %d, want %d: %s", method, path, resp.StatusCode, status, raw)
	}
	return resp.Header, raw
}

// server gives somebody with all details a virtual server.
func (o *office) server() (loot.Subject, string) {
	o.Helper()
	s := o.customer(meadow)
	id := "v-" + string(s)
	o.order(id, s, "virtual-server", "virtual-2")
	return s, id
}

// send sends a file of use as the console's form does.
func (o *office) send(content string) (a struct {
	Status int
	Body   string
},
) {
	o.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", "use.csv")
	ok(o, err)
	_, err = part.Write([]byte(content))
	ok(o, err)
	ok(o, w.Close())
	got := o.Do(http.MethodPost, "/console/billing/usage", body.String(), http.Header{"Content-Type": {w.FormDataContentType()}})
	a.Status, a.Body = got.Status, desktest.Text(got.Body)
	return a
}

// What is used comes by the API and by files, counts once, stands in portal and
// console, and is charged with its month and no other.
func TestWhatIsUsedIsCountedOnceAndCharged(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s, id := o.server()
		o.after(desktest.Start.Add(48 * time.Hour))
		c := o.api([]api.Scope{"usage:write", "services:read"}, "billing")
		record := func(key, meter, at, amount string) string {
			return fmt.Sprintf(`{"service":%q,"meter":%q,"key":%q,"at":%q,"amount":%q}`, id, meter, key, at, amount)
		}
		batch := `{"records":[` + strings.Join([]string{
			record("a", "traffic", "2026-11-24T10:00:00Z", "900.5"),
			record("b", "traffic", "2026-11-24T11:00:00Z", "349.75"),
			record("c", "disk", "2026-11-24T11:00:00Z", "91"),
			record("d", "disk", "2026-11-24T11:00:00Z", "101"),
			record("e", "power", "2026-11-24T11:00:00Z", "1"),
			record("f", "traffic", "2026-11-20T11:00:00Z", "1"),
			record("g", "traffic", "2026-12-24T11:00:00Z", "1"),
			record("=g", "traffic", "2026-11-24T11:00:00Z", "1"),
			record("h", "traffic", "2026-11-24T11:00:00Z", "1e3"),
			record("a", "traffic", "2026-11-24T10:00:00Z", "900.6"),
		}, ",") + `]}`
		first := c.call(http.StatusOK, http.MethodPost, "/api/usage", batch)
		if first["recorded"] != 3.0 || len(first["refused"].([]any)) != 7 || !strings.Contains(fmt.Sprint(first["refused"]), "another amount") {
			t.Errorf("%v", first)
		}
		again := c.call(http.StatusOK, http.MethodPost, "/api/usage", batch)
		if again["recorded"] != 0.0 || again["repeated"] != 3.0 {
			t.Errorf("sent again: %v", again)
		}
		o.asStaff("billing")
		row := id + ",traffic,%s,2026-11-24T12:00:00Z,%s\n"
		const heading = "service,meter,key,at,amount\n"
		for name, file := range map[string]struct{ content, says string }{
			"a formula":       {heading + fmt.Sprintf(row, `"=HYPERLINK(1)"`, "1"), "Row What is wrong 2 The key begins like a formula"},
			"another amount":  {heading + fmt.Sprintf(row, "x", "1") + fmt.Sprintf(row, "a", "2"), "3 A record of this key was written down with another amount"},
			"another column":  {"service,meter,key,at,amount,price\n", "the 6th"},
			"a column less":   {"service,meter,key,at\n", "lacks the column amount"},
			"an empty row":    {heading + "\n" + fmt.Sprintf(row, "a", "2"), "3 A record of this key"},
			"two empty rows":  {heading + "\n\n" + fmt.Sprintf(row, "x", "?"), "4 This is not an amount"},
			"UTF-16":          {"\xff\xfes\x00", "CSV UTF-8"},
			"nothing":         {"", "The file is empty"},
			"one column more": {heading + "a,b\n", "2 It has 2 cells, and the heading has 5."},
		} {
			if a := o.send(file.content); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, file.says) {
				t.Errorf("%s: %d: %s", name, a.Status, a.Body)
			}
		}
		if a := o.send(heading + strings.Repeat("x", mostCSV)); a.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("too large: %d", a.Status)
		}
		if a := o.send(heading + fmt.Sprintf(row, "x", "0.000001")); a.Status != http.StatusSeeOther {
			t.Errorf("%d: %s", a.Status, a.Body)
		}
		shows(t, o.Get(servicePath(id)), http.StatusOK, "1,250.250001 GB of 1,000 GB", "91 % full", "Set up")
		o.as(s)
		shows(t, o.Get("/portal/services"), http.StatusOK, "1,250.250001 GB of 1,000 GB", "91 % full")
		got := c.call(http.StatusOK, http.MethodGet, "/api/services/"+id, "")
		if got["state"] != "active" || !strings.Contains(fmt.Sprint(got["usage"]), "1250.250001") {
			t.Errorf("%v", got)
		}
		o.after(december)
		o.run(november)
		bill := o.issued(`WHERE i.subject = $1`, s)[0]
		// 8 of 30 days of 4.90 and of 12.00, and 250.250001 GB at 0.004.
		if bill.Net != 131+320+100 {
			t.Errorf("net %d", bill.Net)
		}
		page := o.Get("/portal/invoices/" + bill.Number)
		shows(t, page, http.StatusOK, "Virtual server: Traffic", "250.250001", "0.004")
		late := c.call(http.StatusOK, http.MethodPost, "/api/usage", `{"records":[`+record("late", "traffic", "2026-11-29T10:00:00Z", "1")+`]}`)
		if late["recorded"] != 1.0 {
			t.Errorf("after the month was drawn: %v", late)
		}
		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
			copied, err := o.b.export(t.Context(), tx, s)
			if text, _ := json.Marshal(copied); !strings.Contains(string(text), `"sum":"1251.250001"`) || !strings.Contains(string(text), `"peak":"91"`) {
				t.Errorf("the copy: %s", text)
			}
			return err
		}))
		o.api([]api.Scope{"usage:write"}, "support").call(http.StatusForbidden, http.MethodPost, "/api/usage", batch)
	})
}

// However use is parted into records, its line is what a person works out on paper:
// what is beyond the included, by the price, rounded half up once.
func TestUseIsChargedExactly(t *testing.T) {
	db := desktest.One(t)
	o := newOffice(t, db)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		m := Meter{
			Plan: fmt.Sprintf("p%d", n), ID: "part", Title: "Part", Kind: Sum, Unit: "E34",
			Included: rapid.Int64Range(0, 3_000_000).Draw(rt, "included"),
			Price:    invoice.Scaled(rapid.Int64Range(1, 20_000_000).Draw(rt, "price"), mostPricePlaces),
		}
		parts := rapid.SliceOfN(rapid.Int64Range(0, 2_000_000), 1, 5).Draw(rt, "parts")
		s, id := loot.NewSubject(), fmt.Sprintf("s%d", n)
		ctx := t.Context()
		ok(t, db.InTx(ctx, func(tx *store.Tx) error {
			if err := insertPlan(ctx, tx, Plan{ID: m.Plan, Service: "backup", Title: "x", Cents: 0, Currency: "EUR", Period: "month"}); err != nil {
				return err
			}
			if err := insertMeter(ctx, tx, m); err != nil {
				return err
			}
			return o.b.begin(ctx, tx, id, Order{Subject: s, Service: "backup", Plan: m.Plan, Made: o.Clock.Now()})
		}))
		var all []Record
		var sum int64
		for i, p := range parts {
			all = append(all, Record{Service: id, Meter: m.ID, Key: fmt.Sprint("k", i), At: o.Clock.Now(), Amount: p})
			sum += p
		}
		for range 2 { // what is sent again adds nothing
			if taken, err := o.b.record(ctx, loot.Actor{}, all, true); err != nil || len(taken.Refused) > 0 {
				rt.Fatal(taken, err)
			}
		}
		var net invoice.Decimal
		ok(t, db.ReadTx(ctx, func(tx *store.Tx) error {
			from, to := november.span(time.UTC)
			uses, err := usesOf(ctx, tx, nil, []loot.Subject{s}, from, to)
			if err != nil {
				return err
			}
			by, _, _ := charged(uses[s], november, time.UTC, "en")
			inv := invoice.Invoice{Currency: "EUR", Lines: by["EUR"].lines}
			err = inv.Compute()
			net = inv.Totals.WithoutTax
			return err
		}))
		over := max(0, sum-m.Included)
		price, _ := new(big.Rat).SetString(m.Price.String())
		exact := new(big.Rat).Mul(big.NewRat(over, oneUnit), price)
		cents := new(big.Int)
		half := new(big.Rat).Add(new(big.Rat).Mul(exact, big.NewRat(100, 1)), big.NewRat(1, 2))
		cents.Quo(half.Num(), half.Denom()) // nothing is below 0
		if want := invoice.Scaled(cents.Int64(), 2); !net.Equal(want) {
			rt.Fatalf("%d of %d millionths at %s: %s, want %s", sum, m.Included, m.Price, net, want)
		}
	})
}

// What is used as a month begins, as a service begins or as it ends is of that month and
// that service, and is charged by the plan of the month, only beyond what that includes.
func TestUseIsOfItsMonthAndPlan(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s, id := o.server()
		began, first, ended := o.Clock.Now(), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 20, 12, 0, 0, 0, time.UTC)
		n := 0
		uses := func(at time.Time, units int64, want string) {
			t.Helper()
			n++
			got, err := o.b.record(t.Context(), loot.Actor{}, []Record{{Service: id, Meter: "traffic", Key: fmt.Sprint("k", n), At: at, Amount: units * oneUnit}}, false)
			ok(t, err)
			if (got.Added == 1) != (want == "") || want != "" && !strings.Contains(got.Refused[0].Why, want) {
				t.Errorf("at %s: %+v, want it refused as %q", at, got, want)
			}
		}
		charges := func(m Month, want string) {
			t.Helper()
			from, to := m.span(o.b.seller.place())
			got := ""
			ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
				all, err := usesOf(t.Context(), tx, nil, []loot.Subject{s}, from, to)
				by, _, _ := charged(all[s], m, from.Location(), "en")
				for _, l := range by["EUR"].lines {
					if strings.HasSuffix(l.Item, "/traffic") {
						got += fmt.Sprintf("%s %s from %s to %s", l.Quantity, l.Item, l.Period.From, l.Period.To)
					}
				}
				return err
			}))
			if got != want {
				t.Errorf("%s: %q, want %q", m, got, want)
			}
		}
		stands := func(want string) {
			t.Helper()
			shows(t, o.Get(servicePath(id)), http.StatusOK, want)
		}
		o.asStaff("billing")
		desktest.Leads(t, o.Post(servicePath(id)+"/plan", "plan", "virtual-4", "from", "2026-12"), servicePath(id))
		uses(began.Add(-time.Microsecond), 1, "did not run yet")
		uses(began, 900, "")
		o.after(first.Add(-time.Minute))
		uses(first, 2000, "") // by a clock that is ahead
		stands("900 GB of 1,000 GB")
		o.after(first)
		stands("2,000 GB of 2,000 GB")
		uses(first.Add(-time.Microsecond), 100, "")
		charges(november, "") // all of it is included
		charges("2026-12", "")
		uses(first.Add(-time.Microsecond), 7, "")
		charges(november, "7 virtual-2/traffic from 2026-11-23 to 2026-11-30")
		o.after(ended)
		o.as(s)
		desktest.Leads(t, o.Post("/portal/services/"+id+"/end"), "/portal/services")
		uses(ended, 3, "")
		uses(ended.Add(time.Microsecond), 1, "had ended")
		charges("2026-12", "3 virtual-4/traffic from 2026-12-01 to 2026-12-20")
	})
}

func TestAmountsAreExactAndBounded(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1_000_000, "0.000001": 1, "999999999.999999": 999_999_999_999_999,
		"-1": -1, "1000000000": -1, "0.0000001": -1, "1e3": -1, "1,5": -1, "": -1, "NaN": -1, ".5": -1, "1.": -1, "٣": -1,
	} {
		got, err := parseAmount(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if got := total(1<<62, 1<<62); got != mostUsed {
		t.Errorf("a sum beyond all bounds: %d", got)
	}
}

func TestEveryDayOfAQuarterIsChargedOnce(t *testing.T) {
	u := use{Service: Service{Since: moment("2026-11-30 09:00"), Ended: moment("2027-06-10 09:00")}, cents: 3000, each: "quarter", setup: 500}
	got := ""
	for m := november; m != "2027-08"; m = Month(m.days().To.AddDays(1).String()[:7]) {
		for _, l := range u.lines(m, time.UTC, "en") {
			got += fmt.Sprintf("%s: %s %s to %s; ", string(m), l.Quantity, l.Unit, l.Period.To)
		}
	}
	if want := "2026-11: 1 C62 to 2026-11-30; 2027-02: 1 QAN to 2027-02-27; 2027-05: 1 QAN to 2027-05-29; 2027-06: 11 DAY to 2027-06-09; "; got != want {
		t.Errorf("%s", got)
	}
}

func FuzzReadUsage(f *testing.F) {
	for _, seed := range []string{"service,meter,key,at,amount\na,b,c,2026-11-24,1\n", "\ufeffservice;meter;key;at;amount\n", "service\tmeter\tkey\tat\tamount\na\tb\tc\t2026-11-24\t\"1\n", "\xff\xfe"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		all, wrong, err := readUsage(content, time.UTC)
		if err != nil {
			if k := loot.KindOf(err); k != loot.Invalid && k != loot.TooLarge {
				t.Fatalf("%v", err)
			}
			return
		}
		if len(all)+len(wrong) == 0 || len(wrong) > mostWrong {
			t.Fatalf("%d rows, %d wrong", len(all), len(wrong))
		}
		for _, r := range all {
			if r.Amount < 0 || wrongKey(r.Key) != "" {
				t.Fatalf("%+v", r)
			}
		}
	})
}
