package safety

import (
	"context"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing"
	"loot/desk/customers"
	"loot/desk/desktest"
	"loot/desk/rights"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

var ok, shows, leads = desktest.OK, desktest.Shows, desktest.Leads

func TestPages(t *testing.T) { webtest.CheckPages(t) }

// A house is this desk with those for customers and billing.
type house struct {
	*desktest.House
	*webtest.Site
	desk     *Safety
	bills    *billing.Billing
	services map[loot.Subject]string // of whom was registered
}

func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel() // most of the time is spent waiting for jobs
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db, desktest.Standard(t))) })
}

func newHouse(t testing.TB, db *store.DB, s *statement.Statement) *house {
	t.Helper()
	h := &house{House: desktest.New(t, db, desktest.Base), services: map[loot.Subject]string{}}
	h.Kit.Gate.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		if r.Actor.Kind == loot.Staff {
			in.Actor.Undertaking = desktest.Start.Add(-time.Hour)
		}
		return nil
	})
	var err error
	h.bills, err = billing.New(h.Kit, func(ctx context.Context, tx *store.Tx, id string) (billing.Order, error) {
		o, err := customers.FindOrder(ctx, tx, id)
		return billing.Order{Subject: o.Subject, Service: o.Service, Plan: o.Plan, Made: o.Made, Ended: o.Ended, Carrier: o.Carrier}, err
	}, func(context.Context, *store.Tx, string) (time.Time, error) { return desktest.Start, nil })
	ok(t, err)
	h.bills.Sell(billing.MadeUpSeller)
	var desks []desk.Desk
	people, records := customers.New(h.Kit, customers.Needs{
		Plans: h.bills.Plans, EndServices: h.bills.EndAll, Desks: func() []desk.Desk { return desks },
	})
	colleague := func(id string) loot.Actor {
		return loot.Actor{Kind: loot.Staff, ID: id, Name: "Name of " + id, Roles: []loot.Role{loot.Role(strings.Split(id, "-")[1])}}
	}
	taking, err := rights.New(h.Kit, rights.Needs{Copy: records.Copy, Entries: records.Entries, Leave: records.Leave, Gone: records.Gone, Desks: func() []desk.Desk { return desks }})
	ok(t, err)
	h.desk, err = New(h.Kit, Needs{
		Bundle: taking.Bundle,
		WhoHad: func(ctx context.Context, tx *store.Tx, by loot.Actor, purpose loot.Purpose, reason string, a netip.Addr, at time.Time) (Holder, bool, error) {
			found, ok, err := h.bills.WhoHad(ctx, tx, by, purpose, reason, a, at)
			return Holder{found.Subject, found.Service}, ok, err
		},
		Services: func(ctx context.Context, tx *store.Tx, s loot.Subject) (map[string]string, error) {
			list, err := h.bills.Services(ctx, tx, s)
			out := map[string]string{}
			for _, one := range list {
				out[one.Reference] = one.Title
			}
			return out, err
		},
		Suspend: h.bills.Suspend, Resume: h.bills.Resume,
		Staff: desk.Staff{
			Name: func(_ context.Context, _ *store.Tx, id string) (string, error) { return "Name of " + id, nil },
			Signed: func(_ context.Context, _ *store.Tx, id string) (time.Time, error) {
				if id == "t-abuse-unsigned" {
					return time.Time{}, nil
				}
				return desktest.Start, nil
			},
			Everybody: func(context.Context, *store.Tx) ([]loot.Actor, error) {
				return []loot.Actor{colleague("t-abuse"), colleague("t-support")}, nil
			},
			Member: func(_ context.Context, _ *store.Tx, id string) (loot.Actor, string, error) {
				return colleague(id), id + "@staff.example", nil
			},
		},
	})
	ok(t, err)
	h.bills.Cases(h.desk.CaseOf)
	desks = []desk.Desk{people, h.bills.Desk(), taking.Desk(), h.desk.Desk()}
	var routes [][]web.Route
	for _, d := range desks {
		routes = append(routes, d.Routes)
	}
	h.Open(s, desks...)
	h.Site = webtest.New(t, web.Options{Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true, Identify: func(*http.Request) (web.Identity, error) {
		return web.Identity{Actor: h.Actor, Name: "Test", At: h.Clock.Now()}, nil
	}}, routes...)
	return h
}

// keeping has the statement keep cases of misuse for so long.
func (h *house) keeping(span string) {
	h.Helper()
	const title = "    title: Keeping the network safe\n"
	before, own, _ := strings.Cut(strings.Replace(string(statement.Default()), `version: "2026-1"`, `version: "2026-2"`, 1), title)
	h.InForce(desktest.Parse(h, []byte(before+title+strings.Replace(own, "retain: 1y", "retain: "+span, 1))))
}

func (h *house) as(s loot.Subject) { h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)} }

func (h *house) asStaff(id string, roles ...loot.Role) {
	h.Actor = loot.Actor{Kind: loot.Staff, ID: id, Name: "Name of " + id, Roles: roles}
}

func (h *house) asAbuse() { h.asStaff("t-abuse", "abuse") }

func (h *house) visitor() { h.Actor = loot.Actor{} }

var sentName = regexp.MustCompile(`name="sent" value="([^"]+)"`)

// customer registers somebody whose service has an address.
func (h *house) customer(email, address string) loot.Subject {
	h.Helper()
	known := map[loot.Subject]bool{}
	for _, s := range h.everybody() {
		known[s] = true
	}
	h.visitor()
	m := sentName.FindStringSubmatch(h.Get("/order/shared-hosting").Body)
	a := h.Post("/order/shared-hosting", "company.name", "Example Meadow Ltd", "address.street", "1 Sample Quay", "address.city", "Exampleton", "address.country", "IE",
		"contact.email", email, "contact.phone", "+353 1 555 0100", "plan", "shared-small", "sent", m[1])
	if a.Status != http.StatusSeeOther {
		h.Fatalf("register: %d\n%s", a.Status, desktest.Text(a.Body))
	}
	h.Drain()
	for _, s := range h.everybody() {
		if known[s] {
			continue
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			list, err := h.bills.Services(ctx, tx, s)
			for _, one := range list {
				h.services[s] = one.Reference
			}
			return err
		})
		h.asStaff("t-billing", "billing")
		if a := h.Post("/console/billing/services/"+h.services[s]+"/addresses", "address", address); a.Status != http.StatusSeeOther {
			h.Fatalf("assign: %d\n%s", a.Status, desktest.Text(a.Body))
		}
		h.visitor()
		return s
	}
	h.Fatal("nobody was registered")
	return ""
}

func (h *house) everybody() (out []loot.Subject) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		out = nil
		rows, err := h.Kit.Vault.List(ctx, tx, "customer", "", 1000)
		for _, r := range rows {
			out = append(out, r.Subject)
		}
		return err
	})
	return out
}

// cases returns the cases there are, the first one first.
func (h *house) cases() (out []matter) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		out, err = cases(ctx, tx, `1 = 1 ORDER BY opened, id`)
		return err
	})
	return out
}

// only returns the one case there is.
func (h *house) only() matter {
	h.Helper()
	all := h.cases()
	if len(all) != 1 {
		h.Fatalf("%d cases, want one", len(all))
	}
	return all[0]
}

func (h *house) state(service string) (state billing.State) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		for s, reference := range h.services {
			if reference != service {
				continue
			}
			list, err := h.bills.Services(ctx, tx, s)
			if err != nil {
				return err
			}
			state = list[0].State
		}
		return nil
	})
	return state
}

// step takes a step in the only case and wants it done.
func (h *house) step(c matter, step string, pairs ...string) {
	h.Helper()
	a := h.Post("/console/abuse/"+c.ID+"/"+step, pairs...)
	if a.Status != http.StatusSeeOther {
		h.Fatalf("%s: %d\n%s", step, a.Status, desktest.Text(a.Body))
	}
	h.Drain()
}

// letter returns the last letter to an address, and where a link in it leads.
func (h *house) letter(to, label string) (text, link string) {
	h.Helper()
	m, found := h.Mail.Last(to)
	if !found {
		h.Fatalf("no letter to %s", to)
	}
	for _, l := range m.Links() {
		if l.Text == label {
			link = strings.TrimPrefix(l.URL, desktest.Base)
		}
	}
	return m.Subject + "\n" + m.Text, link
}
