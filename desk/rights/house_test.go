package rights

import (
	"archive/zip"
	"context"
	"io"
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
	"loot/gate"
	"loot/outbound"
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
	desk  *Rights
	desks []desk.Desk
	idle  time.Duration // since whoever asks signed in
}

func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel() // most of the time is spent waiting for jobs
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db, desktest.Standard(t))) })
}

func newHouse(t testing.TB, db *store.DB, s *statement.Statement) *house {
	t.Helper()
	h := &house{House: desktest.New(t, db, desktest.Base)}
	h.Kit.Gate.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		if r.Actor.Kind == loot.Staff {
			in.Actor.Undertaking = desktest.Start.Add(-time.Hour)
		}
		return nil
	})
	h.Kit.Lapsed = func(ctx context.Context, tx *store.Tx, of string, l desk.Lapse, stayed bool) error {
		return h.desk.Count(ctx, tx, of, l, stayed)
	}
	bills, err := billing.New(h.Kit, func(ctx context.Context, tx *store.Tx, id string) (billing.Order, error) {
		o, err := customers.FindOrder(ctx, tx, id)
		return billing.Order{Subject: o.Subject, Service: o.Service, Plan: o.Plan, Made: o.Made, Ended: o.Ended, Carrier: o.Carrier}, err
	}, func(context.Context, *store.Tx, string) (time.Time, error) { return desktest.Start, nil })
	ok(t, err)
	bills.Sell(billing.MadeUpSeller)
	all := func() []desk.Desk { return h.desks }
	people, records := customers.New(h.Kit, customers.Needs{
		Plans: bills.Plans, EndServices: bills.EndAll, Desks: all,
		Services: func(ctx context.Context, tx *store.Tx, s loot.Subject) (out []customers.Service, err error) {
			list, err := bills.Services(ctx, tx, s)
			for _, one := range list {
				out = append(out, customers.Service{Reference: one.Reference, Service: one.Service, Title: one.Title, Plan: one.Plan, Since: one.Since, Ended: one.Ended})
			}
			return out, err
		},
	})
	colleague := func(id string) loot.Actor {
		return loot.Actor{Kind: loot.Staff, ID: id, Name: "Name of " + id, Roles: []loot.Role{loot.Role(strings.TrimPrefix(id, "t-"))}}
	}
	h.desk, err = New(h.Kit, Needs{Copy: records.Copy, Entries: records.Entries, Leave: records.Leave, Gone: records.Gone, Desks: all, Staff: desk.Staff{
		Name:   func(_ context.Context, _ *store.Tx, id string) (string, error) { return "Name of " + id, nil },
		Signed: func(context.Context, *store.Tx, string) (time.Time, error) { return desktest.Start, nil },
		Everybody: func(context.Context, *store.Tx) ([]loot.Actor, error) {
			return []loot.Actor{colleague("t-dpo"), colleague("t-support")}, nil
		},
		Member: func(_ context.Context, _ *store.Tx, id string) (loot.Actor, string, error) {
			return colleague(id), id + "@staff.example", nil
		},
	}, Client: outbound.NewClient(outbound.Reach{netip.MustParsePrefix("127.0.0.0/8")})})
	ok(t, err)
	h.desks = []desk.Desk{people, bills.Desk(), h.desk.Desk()}
	var routes [][]web.Route
	for _, d := range h.desks {
		routes = append(routes, d.Routes)
	}
	h.Open(s, h.desks...)
	h.Site = webtest.New(t, web.Options{Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true, Identify: func(*http.Request) (web.Identity, error) {
		return web.Identity{Actor: h.Actor, Name: "Test", At: h.Clock.Now().Add(-h.idle)}, nil
	}}, routes...)
	return h
}

func (h *house) as(s loot.Subject) { h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)} }

func (h *house) asStaff(id string, roles ...loot.Role) {
	h.Actor = loot.Actor{Kind: loot.Staff, ID: id, Name: "Name of " + id, Roles: roles}
}

var sentName = regexp.MustCompile(`name="sent" value="([^"]+)"`)

// register orders shared hosting as a visitor does, and acts as whom that made.
func (h *house) register(email string) loot.Subject {
	h.Helper()
	before := h.everybody()
	h.Actor = loot.Actor{}
	m := sentName.FindStringSubmatch(h.Get("/order/shared-hosting").Body)
	a := h.Post("/order/shared-hosting", "company.name", "Example Meadow Ltd", "address.street", "1 Sample Quay", "address.city", "Exampleton", "address.country", "IE",
		"contact.email", email, "contact.phone", "+353 1 555 0100", "plan", "shared-small", "sent", m[1])
	if a.Status != http.StatusSeeOther {
		h.Fatalf("register: %d\n%s", a.Status, desktest.Text(a.Body))
	}
	h.Confirm()
	for s := range h.everybody() {
		if !before[s] {
			h.as(s)
			return s
		}
	}
	h.Fatal("nobody was registered")
	return ""
}

func (h *house) everybody() map[loot.Subject]bool {
	h.Helper()
	out := map[loot.Subject]bool{}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		rows, err := h.Kit.Vault.List(ctx, tx, collection, "", 1000)
		for _, r := range rows {
			out[r.Subject] = true
		}
		return err
	})
	return out
}

// invoice lets a month pass and has it invoiced.
func (h *house) invoice() {
	h.Helper()
	was := h.Actor
	next := h.Clock.Now().AddDate(0, 1, 0)
	next = time.Date(next.Year(), next.Month(), 2, 9, 0, 0, 0, time.UTC)
	h.Clock.Advance(next.Sub(h.Clock.Now()))
	h.asStaff("t-bill", "billing")
	month := next.AddDate(0, -1, 0).Format("2006-01")
	leads(h, h.Post("/console/billing/run", "month", month), "/console/billing/run?month="+month)
	h.Drain()
	h.Actor = was
}

// taken is a copy that was taken, as its files.
func (h *house) taken() map[string]string {
	h.Helper()
	a := h.Post("/portal/rights/copy")
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/zip" {
		h.Fatalf("the copy: %d %s: %s", a.Status, a.Header, desktest.Text(a.Body))
	}
	z, err := zip.NewReader(strings.NewReader(a.Body), int64(len(a.Body)))
	ok(h, err)
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		ok(h, err)
		b, err := io.ReadAll(r)
		ok(h, err)
		out[f.Name] = string(b)
	}
	return out
}

// A nightly asks for what a desk does by itself.
type nightly string

// Kind names the job.
func (n nightly) Kind() string { return string(n) }

// MarshalJSON says that the job has no arguments.
func (nightly) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

// after moves the clock and has done what is done every day.
func (h *house) after(d time.Duration) {
	h.Helper()
	h.Clock.Advance(d)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		for _, job := range []nightly{"customers.sweep", "billing.hourly", "billing.sweep"} {
			if err := h.Kit.Jobs.Enqueue(ctx, tx, job); err != nil {
				return err
			}
		}
		return nil
	})
	h.Drain()
}
