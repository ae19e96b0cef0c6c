package billing

import (
	"context"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

var ok, shows = desktest.OK, desktest.Shows

// An office is this desk with orders put in by hand.
type office struct {
	*desktest.House
	*webtest.Site
	b      *Billing
	orders map[string]Order
}

var issuedTo = flag.String("issued", "", "folder for all that the tests issue, as UBL and CII, so that the official rules judge it")

func onEach(t *testing.T, f func(*testing.T, *office)) {
	t.Helper()
	t.Parallel() // most of the time is spent waiting for jobs
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		if f(t, o); *issuedTo != "" {
			o.handIn()
		}
	})
}

func newOffice(t testing.TB, db *store.DB) *office {
	t.Helper()
	return newOfficeBy(t, db, desktest.Standard(t))
}

// newOfficeBy is an office under a statement.
func newOfficeBy(t testing.TB, db *store.DB, s *statement.Statement) *office {
	t.Helper()
	o := newOfficeIn(desktest.New(t, db, desktest.Base))
	o.Open(s, o.b.Desk())
	o.Site = webtest.New(t, web.Options{Now: o.Kit.Now, Log: o.Kit.Log, NoLimits: true}, o.b.Desk().Routes)
	return o
}

// handIn writes what was issued, and can still be opened, for the official rules to judge.
func (o *office) handIn() {
	for _, i := range o.issued("") {
		archive, err := o.b.openedWhole(o.Context(), i, gate.Request{Action: loot.Use, Actor: o.b.actor()})
		if err != nil {
			continue // its time is over, or the test damaged it
		}
		documents, err := documentsOf(archive, docUBL, docCII)
		if err != nil {
			continue
		}
		name := "valid-" + strings.ReplaceAll(o.Name(), "/", "-") + "-" + strings.ReplaceAll(i.Number, "/", "-")
		for n, syntax := range []string{".ubl.xml", ".cii.xml"} {
			ok(o, os.WriteFile(filepath.Join(*issuedTo, name+syntax), documents[n], 0o600))
		}
	}
}

// newOfficeIn is an office in a house that is not open yet.
func newOfficeIn(h *desktest.House) *office {
	h.Helper()
	o := &office{House: h, orders: map[string]Order{}}
	b, err := New(o.Kit, func(_ context.Context, _ *store.Tx, id string) (Order, error) {
		if found, known := o.orders[id]; known {
			return found, nil
		}
		return Order{}, loot.Errorf(loot.NotFound, "There is no such order.")
	}, func(context.Context, *store.Tx, string) (time.Time, error) { return desktest.Start, nil })
	ok(h, err)
	o.b = b
	o.b.Sell(MadeUpSeller)
	o.Kit.Gate.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		if r.Actor.Kind == loot.Staff {
			in.Actor.Undertaking = desktest.Start
		}
		return nil
	})
	return o
}

// order has somebody order a service, and the desk hear of it.
func (o *office) order(id string, s loot.Subject, service, plan string) {
	o.Helper()
	o.orders[id] = Order{Subject: s, Service: service, Plan: plan, Made: o.Clock.Now()}
	ctx := o.Context()
	ok(o, o.b.Keyring.Create(ctx, s, collection))
	ok(o, o.b.DB.InTx(ctx, func(tx *store.Tx) error {
		return o.b.Gate.Order(ctx, tx, gate.Ordered{Subject: s, Collection: collection, By: loot.Actor{Kind: loot.Person, ID: string(s)}, Reference: id, Service: service})
	}))
	ok(o, o.b.ordered(ctx, id))
}

func (o *office) of(s loot.Subject) (all []Service) {
	o.Helper()
	ok(o, o.b.DB.ReadTx(o.Context(), func(tx *store.Tx) (err error) {
		all, err = o.b.Services(o.Context(), tx, s)
		return err
	}))
	return all
}

func TestPagesFitTheirData(t *testing.T) { webtest.CheckPages(t) }

func TestTheCatalogueShowsEveryServiceOfTheStatement(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		a := o.Get("/services")
		s, err := o.b.inForce()
		ok(t, err)
		for _, d := range s.Services() {
			shows(t, a, http.StatusOK, d.Title, d.Text)
			if !strings.Contains(a.Body, `href="/order/`+d.ID+`"`) {
				t.Errorf("%s cannot be ordered", d.ID)
			}
			plans, err := o.b.Plans(t.Context(), d.ID)
			ok(t, err)
			if len(plans) == 0 {
				t.Errorf("%s has no price", d.ID)
			}
			_, card, _ := strings.Cut(a.Body, `id="`+d.ID+`"`)
			card, _, _ = strings.Cut(card, "</li>\n\n")
			for _, id := range d.Purposes {
				if p, _ := s.Purpose(id); !strings.Contains(card, "<li>"+p.Title+"</li>") {
					t.Errorf("%s does not say that it needs the purpose %s", d.ID, id)
				}
			}
		}
		shows(t, a, http.StatusOK, "€\u00a04.90 a month", "€\u00a014.90 a year", "Asks for 5 details")
	})
}

func TestAnOrderIsAServiceOnceAndEndsOnce(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		ctx := t.Context()
		one, two := loot.NewSubject(), loot.NewSubject()
		o.order("o1", one, "shared-hosting", "shared-small")
		o.order("o2", two, "backup", "")
		ok(t, o.b.ordered(ctx, "o1"))      // a notice that comes again
		ok(t, o.b.ordered(ctx, "unknown")) // its customer was erased meanwhile
		if all := o.of(one); len(all) != 1 || all[0].Title != "Shared hosting" || all[0].Plan != "Small, €\u00a04.90 a month" || !all[0].Ended.IsZero() {
			t.Fatalf("%+v", all)
		}
		o.Actor = loot.Actor{Kind: loot.Person, ID: string(one)}
		shows(t, o.Get("/portal/services"), http.StatusOK, "Shared hosting", "runs", "Small")
		shows(t, o.Post("/portal/services/o2/end"), http.StatusNotFound)
		o.Clock.Advance(time.Hour)
		for range 2 {
			if a := o.Post("/portal/services/o1/end"); a.Status != http.StatusSeeOther {
				t.Fatalf("status %d", a.Status)
			}
		}
		if all := o.of(one); !all[0].Ended.Equal(desktest.Start.Add(time.Hour)) {
			t.Errorf("ended %v", all[0].Ended)
		}
		var p gate.PersonView
		ok(t, o.b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
			p, err = o.b.Gate.Person(ctx, tx, one)
			return err
		}))
		if len(p.Ordered) != 0 {
			t.Errorf("the service ended and still permits %v", p.Ordered)
		}
		if all := o.of(two); !all[0].Ended.IsZero() || all[0].Plan != "" {
			t.Errorf("another customer's service: %+v", all[0])
		}
	})
}

func TestEverythingEndsAndIsForgotten(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		ctx, s := t.Context(), loot.NewSubject()
		o.order("o1", s, "shared-hosting", "shared-small")
		o.order("o2", s, "domain", "domain-year")
		by := loot.Actor{Kind: loot.Person, ID: string(s)}
		ok(t, o.b.DB.InTx(ctx, func(tx *store.Tx) error { return o.b.EndAll(ctx, tx, by, s) }))
		for _, one := range o.of(s) {
			if one.Ended.IsZero() {
				t.Errorf("%s still runs", one.Title)
			}
		}
		ok(t, o.b.DB.InTx(ctx, func(tx *store.Tx) error {
			copied, err := o.b.export(ctx, tx, s)
			if err == nil && copied == nil {
				t.Error("the copy holds nothing")
			}
			return err
		}))
		waits := func() (list []pending) {
			ok(t, o.b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
				list, err = readPending(ctx, tx, `WHERE subject = $1`, s)
				return err
			}))
			return list
		}
		ok(t, o.b.DB.InTx(ctx, func(tx *store.Tx) error {
			return putPending(ctx, tx, pending{Subject: s, Month: november, Missing: []loot.Field{town}, Since: o.Clock.Now()})
		}))
		if len(waits()) != 1 {
			t.Error("what waits was not noted")
		}
		o.Tx(func(ctx context.Context, tx *store.Tx) error { // nobody wants to be told of it
			var n int
			err := tx.QueryRow(ctx, `SELECT count(*) FROM billing_event`).Scan(&n)
			if n != 0 {
				t.Errorf("%d messages are to nobody", n)
			}
			return err
		})
		ok(t, o.b.DB.InTx(ctx, func(tx *store.Tx) error { return o.b.forget(ctx, tx, s) }))
		if len(waits()) != 0 {
			t.Error("what waits is still there")
		}
		if all := o.of(s); len(all) != 0 {
			t.Errorf("%d services are left", len(all))
		}
		ok(t, o.b.DB.InTx(ctx, func(tx *store.Tx) error {
			copied, err := o.b.export(ctx, tx, s)
			if copied != nil {
				t.Errorf("the copy still holds %+v", copied)
			}
			if err != nil {
				return err
			}
			documents, err := o.b.along(ctx, tx, by)
			if len(documents) != 0 {
				t.Errorf("beside the copy still lie %+v", documents)
			}
			return err
		}))
	})
}

func TestTheConsoleListsServicesAndKeepsPrices(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := loot.NewSubject()
		for i := range perPage + 2 {
			o.Clock.Advance(time.Minute)
			o.order("o"+string(rune('a'+i/26))+string(rune('a'+i%26)), s, "backup", "backup-500")
		}
		o.Actor = loot.Actor{Kind: loot.Staff, ID: "member-one", Roles: []loot.Role{"support"}}
		a := o.Get("/console/billing")
		shows(t, a, http.StatusOK, "Backup space", string(s), "52")
		next := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(a.Body)
		if next == nil {
			t.Fatal("there is no second page")
		}
		if n := strings.Count(o.Get(next[1]).Body, "/console/customers/"); n != 2 {
			t.Errorf("%d services on the second page, want 2", n)
		}
		next = regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(o.Get("/console/billing?state=active").Body)
		if next == nil || !strings.Contains(next[1], "state=active") {
			t.Errorf("the next page of those that run is %q", next)
		}
		shows(t, o.Get("/console/billing?after=nonsense"), http.StatusNotFound)
		shows(t, o.Get("/console/billing/plans"), http.StatusForbidden)

		o.Actor.Roles = []loot.Role{"billing"}
		shows(t, o.Get("/console/billing/plans"), http.StatusOK, "Small · €\u00a04.90 a month")
		add := func(price string) webtest.Answer {
			return o.Post("/console/billing/plans", "service", "backup", "title", "10 TB", "price", price, "currency", "EUR", "period", "month")
		}
		for _, bad := range []string{"", "cheap", "-1", "1.2.3", "9,9", "12345678", "1e3"} {
			a := add(bad)
			shows(t, a, http.StatusUnprocessableEntity)
			if !strings.Contains(a.Body, `value="10 TB"`) {
				t.Errorf("price %q: what was typed is lost", bad)
			}
		}
		if a := add("49,90"); a.Status != http.StatusSeeOther {
			t.Fatalf("status %d", a.Status)
		}
		shows(t, o.Get("/services"), http.StatusOK, "10 TB", "€\u00a049.90 a month")
		for period, price := range map[string]string{"half-year": "€\u00a0250.00 a half-year", "two-years": "€\u00a0250.00 every two years", "three-years": "€\u00a0250.00 every three years"} {
			shows(t, o.Post("/console/billing/plans", "service", "backup", "title", "Longer", "price", "250", "currency", "EUR", "period", period), http.StatusSeeOther)
			shows(t, o.Get("/services"), http.StatusOK, price)
		}
		shows(t, o.Post("/console/billing/plans", "service", "backup", "title", "Longer", "price", "250", "currency", "EUR", "period", "century"), http.StatusUnprocessableEntity)
		dinars := func(price, setup string) webtest.Answer {
			return o.Post("/console/billing/plans", "service", "backup", "title", "In dinars", "price", price, "setup", setup, "currency", "KWD", "period", "month")
		}
		for _, bad := range [][]string{{"1.234", ""}, {"1.230", "5.001"}} { // of which an invoice would say less
			shows(t, dinars(bad[0], bad[1]), http.StatusUnprocessableEntity, "two digits behind the point", "(EN 16931)", "whose last digit is 0, such as 0.990")
		}
		desktest.Lacks(t, o.Get("/services"), "In dinars")
		shows(t, dinars("1.230", "5.000"), http.StatusSeeOther)
		shows(t, o.Get("/services"), http.StatusOK, "In dinars", "KWD 1.230 a month")
		for i, want := range []int{http.StatusSeeOther, http.StatusNotFound} {
			if a := o.Post("/console/billing/plans/backup-500/retire"); a.Status != want {
				t.Errorf("retired the %d. time: %d, want %d", i+1, a.Status, want)
			}
		}
		plans, err := o.b.Plans(t.Context(), "backup")
		ok(t, err)
		for _, p := range plans {
			if p.Value == "backup-500" {
				t.Error("a retired plan is offered")
			}
		}
		if all := o.of(s); all[0].Plan != "500 GB, €\u00a05.00 a month" {
			t.Errorf("whoever has a retired plan keeps it: %q", all[0].Plan)
		}
	})
}

func TestMoneyIsWrittenInFull(t *testing.T) {
	for _, tt := range []struct {
		cents    int64
		currency string
		want     string
	}{{490, "EUR", "€\u00a04.90"}, {5, "GBP", "£\u00a00.05"}, {100000, "USD", "$\u00a01,000.00"}, {1205, "CHF", "CHF\u00a012.05"}, {980, "JPY", "JPY\u00a0980"}, {1234, "KWD", "KWD\u00a01.234"}, {-161, "EUR", "\u2212€\u00a01.61"}} {
		if got := money(tt.cents, tt.currency); got != tt.want {
			t.Errorf("%d %s: %q, want %q", tt.cents, tt.currency, got, tt.want)
		}
	}
}
