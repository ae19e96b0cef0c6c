package imports

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/api"
	"loot/desk"
	"loot/desk/billing"
	"loot/desk/customers"
	"loot/desk/desktest"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
	"loot/web/webtest"
)

func TestPages(t *testing.T) { webtest.CheckPages(t) }

var ok, text, shows, hides, leads = desktest.OK, desktest.Text, desktest.Shows, desktest.Hides, desktest.Leads

// A house is this desk with those of customers and billing, as app wires them.
type house struct {
	*desktest.House
	*webtest.Site
	desk   *Imports
	bill   *billing.Billing
	clerk  loot.Actor
	signed time.Time
	mu     sync.Mutex
	told   []string // whose details are to be checked
}

func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db)) })
}

func newHouse(t testing.TB, db *store.DB) *house {
	t.Helper()
	return newHouseBy(t, db, desktest.Standard(t))
}

// newHouseBy returns a house where a statement is in force.
func newHouseBy(t testing.TB, db *store.DB, s *statement.Statement) *house {
	t.Helper()
	h := &house{House: desktest.New(t, db, desktest.Base), signed: desktest.Start.Add(-time.Hour), clerk: loot.Actor{Kind: loot.Staff, ID: "m-clerk", Name: "Made-up Clerk", Roles: []loot.Role{"billing"}}}
	h.Kit.Gate.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		if r.Actor.Kind == loot.Staff {
			in.Actor.Undertaking = h.signed
		}
		return nil
	})
	in := customers.NewImporter(h.Kit)
	bill, err := billing.New(h.Kit, func(ctx context.Context, tx *store.Tx, id string) (billing.Order, error) {
		o, err := customers.FindOrder(ctx, tx, id)
		return billing.Order{Subject: o.Subject, Service: o.Service, Plan: o.Plan, Made: o.Made, Ended: o.Ended, Carrier: o.Carrier}, err
	}, func(context.Context, *store.Tx, string) (time.Time, error) { return h.signed, nil })
	if err != nil {
		t.Fatal(err)
	}
	order := func(o Order) customers.Order {
		return customers.Order{ID: o.ID, Subject: o.Subject, Service: o.Service, Plan: o.Plan, Made: o.Made, Ended: o.Ended}
	}
	service := func(o Order) billing.Order {
		return billing.Order{Subject: o.Subject, Service: o.Service, Plan: o.Plan, Made: o.Made, Ended: o.Ended, Charged: o.Charged}
	}
	bill.Sell(billing.MadeUpSeller)
	h.bill = bill
	orders := func(all []Order) (out []customers.Order) {
		for _, o := range all {
			out = append(out, order(o))
		}
		return out
	}
	h.desk, err = New(h.Kit, Needs{
		Fields: customers.CollectedFields, Address: customers.AddressField, Country: customers.CountryCode, SourceOf: customers.SourceOf,
		Known: in.Known, Keys: in.Keys, Held: in.Held, Invite: in.Invite, Price: billing.PriceOf,
		Plans: func(ctx context.Context) ([]Plan, error) {
			all, err := bill.Catalogue(ctx)
			out := make([]Plan, len(all))
			for n, p := range all {
				out[n] = Plan{ID: p.ID, Service: p.Service, Title: p.Title, Amount: p.Cents, Currency: p.Currency, Months: p.Months()}
			}
			return out, err
		},
		Lapsed: func(s *statement.Statement, o Order) bool { return in.Lapsed(s, order(o)) },
		Check: func(s *statement.Statement, all []Order, raw map[loot.Field]string) (given, wrong map[loot.Field]string) {
			return in.Check(s, orders(all), raw)
		},
		Order: func(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, o Order) (bool, error) {
			return in.Order(ctx, tx, by, reason, order(o))
		},
		Take: func(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor, reason string, all []Customer) error {
			var incoming []customers.Incoming
			for _, c := range all {
				incoming = append(incoming, customers.Incoming{Subject: c.Subject, Given: c.Given, Orders: orders(c.Orders), Source: c.Source})
			}
			return in.Take(ctx, tx, s, by, reason, incoming)
		},
		Amount: billing.Amount, ArchivedUntil: billing.ArchivedUntil, ArchiveKeys: bill.ArchiveKeys,
		Archive: func(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, all []Invoice) error {
			former := make([]billing.Former, len(all))
			for n, v := range all {
				former[n] = billing.Former{
					Subject: v.Subject, Source: v.Source, System: v.System, Number: v.Number, Issued: v.Issued, Due: v.Due, Currency: v.Currency,
					Net: v.Net, Tax: v.Tax, Total: v.Total, State: v.State, Party: v.Party,
				}
				for _, l := range v.Lines {
					former[n].Lines = append(former[n].Lines, billing.FormerLine(l))
				}
			}
			return bill.Archive(ctx, tx, by, reason, former)
		},
		Charged: func(o Order) time.Time { return bill.ChargedFrom(service(o)) },
		Services: func(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, all []Order) error {
			named := make([]billing.Named, len(all))
			for n, o := range all {
				bill.Begin(tx, o.ID, service(o))
				named[n] = billing.Named{Order: service(o), Reference: o.ID, Name: o.Name}
			}
			return bill.Name(ctx, tx, by, reason, named)
		},
		NameKeys: bill.NameKeys, DropNameKeys: bill.DropNameKeys, LongestName: billing.LongestName,
		Member: func(context.Context, *store.Tx, string) (loot.Actor, error) { return h.clerk, nil },
		Signed: func(context.Context, *store.Tx, string) (time.Time, error) { return h.signed, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Kit.Jobs.Listen("record.changed", "test.changed", func(_ context.Context, id string) error {
		h.mu.Lock() // jobs run beside each other
		defer h.mu.Unlock()
		h.told = append(h.told, id)
		return nil
	})
	var desks []desk.Desk
	people, _ := customers.New(h.Kit, customers.Needs{Plans: bill.Plans, Desks: func() []desk.Desk { return desks }})
	desks = append(desks, people, bill.Desk(), h.desk.Desk())
	h.Open(s, desks...)
	h.Site = webtest.New(t, web.Options{Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true}, desks[0].Routes, desks[1].Routes, desks[2].Routes)
	h.Actor = h.clerk
	return h
}

// bring sends a file and returns the path of its import.
func (h *house) bring(file string) string {
	h.Helper()
	a := h.sends(file)
	if a.Status != http.StatusSeeOther {
		h.Fatalf("bring: %d\n%s", a.Status, text(a.Body))
	}
	return a.Header.Get("Location")
}

// sends sends a file.
func (h *house) sends(file string) webtest.Answer {
	h.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", "export.csv") // in the order of the page
	ok(h, err)
	_, err = part.Write([]byte(file))
	ok(h, err)
	ok(h, w.WriteField("title", "Customers of the old panel"))
	ok(h, w.Close())
	return h.Do(http.MethodPost, "/console/imports", body.String(), http.Header{"Content-Type": {w.FormDataContentType()}})
}

// program returns what calls the operations as a program does, and gives back what is
// answered with a status.
func (h *house) program() func(status int, method, path, kind, body string) string {
	h.Helper()
	mux, scopes := http.NewServeMux(), []api.Scope{"imports:write"}
	h.desk.api(api.New(mux, api.Options{Title: "Loot", Log: h.Kit.Log, Scopes: Scopes, Authenticate: func(context.Context, string) (api.Caller, error) {
		return api.Caller{Actor: h.Actor, Scopes: scopes}, nil
	}}))
	server := httptest.NewServer(mux)
	h.Cleanup(server.Close)
	return func(status int, method, path, kind, body string) string {
		h.Helper()
		r, err := http.NewRequestWithContext(h.Context(), method, server.URL+"/api/imports"+path, strings.NewReader(body))
		ok(h, err)
		r.Header.Set("Authorization", "Bearer right")
		r.Header.Set("Content-Type", kind)
		a, err := server.Client().Do(r)
		ok(h, err)
		defer a.Body.Close()
		raw, err := io.ReadAll(a.Body)
		ok(h, err)
		if a.StatusCode != status {
			h.Fatalf("%s %s: %d, want %d: %s", method, path, a.StatusCode, status, raw)
		}
		return string(raw)
	}
}

// answers are what the form about columns holds, as it is drawn.
func (h *house) answers(path string) []string {
	h.Helper()
	page := h.Get(path + "/columns")
	if page.Status != http.StatusOK {
		h.Fatalf("columns: %d\n%s", page.Status, text(page.Body))
	}
	var out []string
	rest := page.Body
	for {
		at := strings.Index(rest, `name="`)
		if at < 0 {
			return out
		}
		rest = rest[at+len(`name="`):]
		name, _, _ := strings.Cut(rest, `"`)
		value, tag := "", rest
		if end := strings.Index(rest, "</select>"); strings.HasPrefix(name, "column.") || name == "kind" || name == "encoding" || name == "delimiter" || name == "dates" || name == "service" {
			tag = rest[:end]
			if i := strings.Index(tag, `" selected`); i >= 0 {
				value = tag[:i]
				value = strings.NewReplacer("&#9;", "\t").Replace(value[strings.LastIndex(value, `value="`)+len(`value="`):])
			}
		} else if end := strings.Index(rest, ">"); end >= 0 {
			tag = rest[:end]
			if _, v, found := strings.Cut(tag, `value="`); found {
				value, _, _ = strings.Cut(v, `"`)
			}
			if strings.Contains(tag, `value="on"`) && !strings.Contains(tag, " checked") {
				value = ""
			}
		}
		out = append(out, name, value)
	}
}

// name names the columns as they are suggested, with changes, and waits for the
// dry run.
func (h *house) name(path string, changes ...string) webtest.Answer {
	h.Helper()
	form := h.answers(path)
	for n := 0; n+1 < len(changes); n += 2 {
		for k := 0; k+1 < len(form); k += 2 {
			if form[k] == changes[n] {
				form[k+1] = changes[n+1]
			}
		}
	}
	a := h.Post(path+"/columns", form...)
	h.Drain()
	return a
}

func (h *house) run(path string) {
	h.Helper()
	leads(h, h.Post(path+"/run"), path)
	h.Drain()
}

// everybody returns the customers there are, oldest first.
func (h *house) everybody() (out []loot.Subject) {
	h.Helper()
	ok(h, h.Kit.DB.ReadTx(h.Context(), func(tx *store.Tx) error {
		rows, err := h.Kit.Vault.List(h.Context(), tx, "customer", "", 5000)
		out = nil
		for _, r := range rows {
			out = append(out, r.Subject)
		}
		return err
	}))
	return out
}

// held returns what stands about the details of somebody.
func (h *house) held(s loot.Subject) (out map[loot.Field]vault.About) {
	h.Helper()
	ok(h, h.Kit.DB.ReadTx(h.Context(), func(tx *store.Tx) (err error) {
		out, err = h.Kit.Vault.Held(h.Context(), tx, s, "customer")
		return err
	}))
	return out
}
