package customers

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing"
	"loot/desk/desktest"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/store/storetest"
	"loot/web"
	"loot/web/webtest"
)

var ok, text, shows, hides = desktest.OK, desktest.Text, desktest.Shows, desktest.Hides

// A house is this desk and the one for billing, with what other desks would
// know put in by hand.
type house struct {
	*desktest.House
	*webtest.Site
	desk *customers

	idle        time.Duration     // since whoever asks signed in
	undertaking time.Time         // of every member of staff; zero: not signed
	cases       map[string]string // reference to kind
}

// onEach runs f in a house on each database.
func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel() // most of the time is spent waiting for jobs
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db, desktest.Standard(t))) })
}

// benchEach runs f in a house on each database.
func benchEach(b *testing.B, f func(*testing.B, *house)) {
	b.Helper()
	for name, open := range map[string]func(testing.TB) string{"sqlite": desktest.Kernel.SQLite, "postgres": desktest.Kernel.Postgres} {
		b.Run(name, func(b *testing.B) { f(b, newHouse(b, storetest.Open(b, open(b), nil), desktest.Standard(b))) })
	}
}

// newHouse returns a house, with the desks that are put beside.
func newHouse(t testing.TB, db *store.DB, s *statement.Statement, beside ...func(desk.Kit) (desk.Desk, error)) *house {
	t.Helper()
	h := &house{House: desktest.New(t, db, desktest.Base), undertaking: desktest.Start.Add(-time.Hour), cases: map[string]string{}}
	h.Kit.Gate.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		if r.Actor.Kind == loot.Staff {
			in.Actor.Undertaking = h.undertaking
		}
		return nil
	})
	h.Kit.Gate.Fact("context.case", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		in.Context.Case = h.cases[r.Case]
		return nil
	})
	bill, err := billing.New(h.Kit, func(ctx context.Context, tx *store.Tx, id string) (billing.Order, error) {
		o, err := FindOrder(ctx, tx, id)
		return billing.Order{Subject: o.Subject, Service: o.Service, Plan: o.Plan, Made: o.Made, Ended: o.Ended, Carrier: o.Carrier}, err
	}, func(context.Context, *store.Tx, string) (time.Time, error) { return desktest.Start, nil })
	ok(t, err)
	var desks []desk.Desk
	h.desk = build(h.Kit, Needs{
		Plans: bill.Plans,
		Services: func(ctx context.Context, tx *store.Tx, s loot.Subject) ([]Service, error) {
			var out []Service
			all, err := bill.Services(ctx, tx, s)
			for _, one := range all {
				out = append(out, Service{one.Reference, one.Service, one.Title, one.Plan, one.Since, one.Ended})
			}
			return out, err
		},
		EndServices: bill.EndAll,
		Desks:       func() []desk.Desk { return desks },
	})
	desks = []desk.Desk{h.desk.desk(), bill.Desk()}
	for _, f := range beside {
		d, err := f(h.Kit)
		ok(t, err)
		desks = append(desks, d)
	}
	var routes [][]web.Route
	for _, d := range desks {
		routes = append(routes, d.Routes)
	}
	h.Open(s, desks...)
	h.Site = webtest.New(t, web.Options{Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true, Identify: func(*http.Request) (web.Identity, error) {
		return web.Identity{Actor: h.Actor, Name: "Test", At: h.Clock.Now().Add(-h.idle)}, nil
	}}, routes...)
	return h
}

// Jo is a customer who gives what shared hosting needs, and a telephone number.
var jo = []string{
	"company.name", "Example Meadow Ltd", "address.street", "1 Sample Quay", "address.city", "Exampleton", "address.country", "IE",
	"contact.email", "jo@example.com", "contact.phone", "+353 1 555 0100", "company.vat", "IE1234567T", "plan", "shared-small",
}

// with returns pairs in which some are replaced, added or, with "-", left out.
func with(pairs []string, changes ...string) []string {
	out := append([]string(nil), pairs...)
	for i := 0; i+1 < len(changes); i += 2 {
		at := -1
		for j := 0; j+1 < len(out); j += 2 {
			if out[j] == changes[i] {
				at = j
			}
		}
		switch {
		case changes[i+1] == "-":
			if at >= 0 {
				out = append(out[:at], out[at+2:]...)
			}
		case at >= 0:
			out[at+1] = changes[i+1]
		default:
			out = append(out, changes[i], changes[i+1])
		}
	}
	return out
}

var sentName = regexp.MustCompile(`name="sent" value="([^"]+)"`)

// register orders shared hosting as a visitor does and returns who that made.
func (h *house) register(pairs ...string) loot.Subject {
	h.Helper()
	before := h.everybody()
	h.Actor = loot.Actor{}
	form := h.Get("/order/shared-hosting")
	m := sentName.FindStringSubmatch(form.Body)
	if form.Status != http.StatusOK || m == nil {
		h.Fatalf("the form: %d\n%s", form.Status, form.Body)
	}
	a := h.Post("/order/shared-hosting", append(pairs, "sent", m[1])...)
	if a.Status != http.StatusSeeOther {
		h.Fatalf("register: %d\n%s", a.Status, text(a.Body))
	}
	h.Confirm()
	for s := range h.everybody() {
		if !before[s] {
			return s
		}
	}
	h.Fatal("nobody was registered")
	return ""
}

func (h *house) everybody() map[loot.Subject]bool {
	h.Helper()
	ctx, out := h.Context(), map[loot.Subject]bool{}
	ok(h, h.Kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		rows, err := h.Kit.Vault.List(ctx, tx, collection, "", 1000)
		for _, r := range rows {
			out[r.Subject] = true
		}
		return err
	}))
	return out
}

func (h *house) as(s loot.Subject) { h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)} }

func (h *house) asStaff(id string, roles ...loot.Role) {
	h.Actor = loot.Actor{Kind: loot.Staff, ID: id, Name: "Made-up " + id, Roles: roles}
}

// copied returns what a person takes along, with their timeline and its receipts, as
// JSON.
func (h *house) copied(s loot.Subject) (desk.Copy, string) {
	h.Helper()
	records := Records{h.desk}
	copied, newest, err := records.Copy(h.Context(), loot.Actor{Kind: loot.Person, ID: string(s)})
	ok(h, err)
	ok(h, h.Kit.Ledger.Sync(h.Context()))
	begun := false
	for before := ""; ; {
		page, last, err := records.Entries(h.Context(), s, collection, before, true)
		ok(h, err)
		for _, e := range page {
			if begun = begun || e.ID == newest; begun {
				copied.Timeline = append(copied.Timeline, e)
			}
		}
		if last == "" {
			break
		}
		before = last
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	ok(h, enc.Encode(copied))
	return copied, b.String()
}

// items returns the timeline of a person as the ledger has it.
func (h *house) items(s loot.Subject) []ledger.Item {
	h.Helper()
	var items []ledger.Item
	ok(h, h.Kit.DB.ReadTx(h.Context(), func(tx *store.Tx) (err error) {
		items, err = h.Kit.Ledger.Timeline(h.Context(), tx, s, collection, "", 200)
		return err
	}))
	return items
}
