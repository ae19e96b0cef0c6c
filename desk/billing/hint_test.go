package billing

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"loot"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/gate"
	"loot/store"
	"loot/web/webtest"
)

// permit switches suggestions on or off.
func (o *office) permit(s loot.Subject, on bool) {
	o.Helper()
	offer, _ := hintOffer(o.S)
	ok(o, o.b.DB.InTx(o.Context(), func(tx *store.Tx) error {
		c := gate.Choice{Subject: s, Collection: collection, By: loot.Actor{Kind: loot.Person, ID: string(s)}, Offer: offer.ID}
		if on {
			return o.b.Gate.Permit(o.Context(), tx, c)
		}
		return o.b.Gate.Withdraw(o.Context(), tx, c)
	}))
}

// Suggestions come to those who switched them on, by their own use and by what many
// others took; each says why; what became of them is counted.
func TestSuggestionsComeToThoseWhoWantThem(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		on, off := o.customer(meadow), o.customer(meadow)
		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
			if err := insertPlan(t.Context(), tx, Plan{ID: "tiny", Service: "virtual-server", Title: "Tiny", Cents: 1000, Currency: "EUR", Period: "month"}); err != nil {
				return err
			}
			if err := insertMeter(t.Context(), tx, Meter{Plan: "tiny", ID: "disk", Title: "Disk", Kind: Level, Unit: percent}); err != nil {
				return err
			}
			return insertMeter(t.Context(), tx, Meter{Plan: "tiny", ID: "traffic", Title: "Traffic", Kind: Sum, Unit: "E34", Included: 10 * oneUnit, Price: invoice.Dec("0.01")})
		}))
		for _, s := range []loot.Subject{on, off} {
			o.order("b-"+string(s), s, "backup", "backup-500")
			o.order("w-"+string(s), s, "virtual-server", "tiny")
		}
		o.permit(on, true)
		// Of 30 other customers with backup space 15 have a domain.
		for i := range 28 {
			s := loot.NewSubject()
			o.order(fmt.Sprint("x", i), s, "backup", "backup-500")
			if i < 15 {
				o.order(fmt.Sprint("y", i), s, "domain", "domain-year")
			}
		}
		o.Clock.Advance(time.Hour)
		use := func(s loot.Subject, service, meter, key string, at time.Time, amount int64) {
			t.Helper()
			taken, err := o.b.record(t.Context(), loot.Actor{}, []Record{{Service: service + "-" + string(s), Meter: meter, Key: key, At: at, Amount: amount}}, true)
			if err != nil || len(taken.Refused) > 0 {
				t.Fatal(taken, err)
			}
		}
		run := func() {
			t.Helper()
			ok(t, o.b.hints(t.Context(), hintArgs{}))
		}
		for _, s := range []loot.Subject{on, off} {
			use(s, "b", "disk", "1", o.Clock.Now(), 91*oneUnit)
			use(s, "w", "disk", "1", o.Clock.Now(), 89*oneUnit)
			use(s, "w", "traffic", "t", o.Clock.Now(), 9000*oneUnit)
		}
		run()
		run() // nothing is suggested twice
		o.as(off)
		a := o.Get("/portal/services")
		shows(t, a, http.StatusOK, "are off")
		desktest.Lacks(t, a, "You could use")
		o.as(on)
		a = o.Get("/portal/services")
		shows(t, a, http.StatusOK, "You could use the plan “2 TB”, because the disk of your backup space is 91 % full.", "told on 23 November 2026", "You could use “Domain name”, because about 50 % of our customers", "Switch them off")
		if n := strings.Count(a.Body, "You could use"); n != 2 {
			t.Errorf("%d suggestions", n)
		}
		looks := regexp.MustCompile(`/portal/suggestions/n[a-z0-9]+`).FindAllString(a.Body, -1)
		for range 2 { // looked at twice, shown once
			o.Get("/portal/services")
		}
		shows(t, a, http.StatusOK, "Change to this plan", "“2 TB”, € 15.00 a month without tax, on 1 December 2026")
		var led []string
		for _, one := range looks {
			led = append(led, o.Post(one, "do", "look").Header.Get("Location"))
		}
		if !slices.Contains(led, "/portal/order/domain") {
			t.Errorf("looking at them leads to %q", led)
		}
		o.as(off)
		shows(t, o.Post(looks[0], "do", "look"), http.StatusNotFound)
		o.order("d-new", on, "domain", "domain-year")
		o.asStaff("billing")
		page := desktest.Text(o.Get("/console/billing/suggestions").Body)
		for _, want := range []string{"another one beside it. 1 1 1 0 0", "in steps of ten per cent. 1 1 1 1 0", "Backup space Domain name about 50 %"} {
			if !strings.Contains(page, want) {
				t.Errorf("not %q: %s", want, page)
			}
		}
		for _, s := range []loot.Subject{on, off} {
			if strings.Contains(page, string(s)) {
				t.Error("the counts name somebody")
			}
		}
		// Two months of more than included.
		for m, at := range map[string]time.Time{"dec": december, "jan": december.AddDate(0, 1, 0)} {
			o.after(at)
			use(on, "w", "traffic", m, at, 9000*oneUnit)
		}
		o.after(december.AddDate(0, 2, 0))
		ok(t, o.b.sweep(t.Context(), sweepArgs{}))
		run()
		o.as(on)
		a = o.Get("/portal/services")
		shows(t, a, http.StatusOK, "the plan “2 cores”, because your virtual server, with what it used beyond the included, cost more than it would have by that plan", "9,000 GB in January 2027 and 9,000 GB in December 2026")
		desktest.Lacks(t, a, "91 % full.", "told on") // a level of November says nothing of February
		no := regexp.MustCompile(`/portal/suggestions/n[a-z0-9]+`).FindString(a.Body)
		desktest.Leads(t, o.Post(no, "do", "no"), "/portal/services")
		run()
		desktest.Lacks(t, o.Get("/portal/services"), "“2 cores”")
		use(on, "b", "disk", "now", o.Clock.Now(), 92*oneUnit)
		run()
		shows(t, o.Get("/portal/services"), http.StatusOK, "92 % full.")
		// It says what is so today, and nothing once that is no reason any more.
		level := func(percent int64) webtest.Answer {
			t.Helper()
			o.Clock.Advance(24 * time.Hour)
			use(on, "b", "disk", fmt.Sprint("l", percent), o.Clock.Now(), percent*oneUnit)
			run()
			return o.Get("/portal/services")
		}
		a = level(97)
		shows(t, a, http.StatusOK, "97 % full.")
		desktest.Lacks(t, a, "92 % full.")
		desktest.Lacks(t, level(40), "% full.")
		shows(t, level(92), http.StatusOK, "92 % full.")
		o.asStaff("billing")
		shows(t, o.Get("/console/billing/suggestions"), http.StatusOK, "another one beside it. 2 2 1 0 0", "that plan. 1 1 0 0 1") // it was written once more, after November
		o.as(on)
		// Nothing bigger is suggested for what does not run.
		staff := loot.Actor{Kind: loot.Staff, ID: "t-abuse"}
		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := o.b.Suspend(t.Context(), tx, staff, "b-"+string(on), "case")
			return err
		}))
		desktest.Lacks(t, o.Get("/portal/services"), "92 % full.")
		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := o.b.Resume(t.Context(), tx, staff, "b-"+string(on), "case")
			return err
		}))
		shows(t, o.Get("/portal/services"), http.StatusOK, "92 % full.")
		o.permit(on, false)
		a = o.Get("/portal/services")
		desktest.Lacks(t, a, "You could use")
		use(on, "b", "disk", "2", o.Clock.Now(), 95*oneUnit)
		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `DELETE FROM billing_hint`)
			return err
		}))
		run()
		o.permit(on, true)
		a = o.Get("/portal/services")
		desktest.Lacks(t, a, "You could use")
	})
}

// Where no plan is larger another server is suggested beside the one that is full, until
// there is room in one; who has a retired plan is told of a larger one.
func TestAnotherOneIsSuggestedWhereNoPlanIsLarger(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		o.order("b-large", s, "backup", "backup-2000")
		o.permit(s, true)
		o.Clock.Advance(time.Hour)
		full := func(reference string) {
			t.Helper()
			taken, err := o.b.record(t.Context(), loot.Actor{}, []Record{{Service: reference, Meter: "disk", Key: loot.NewID("k"), At: o.Clock.Now(), Amount: 91 * oneUnit}}, true)
			if err != nil || len(taken.Refused) > 0 {
				t.Fatal(taken, err)
			}
		}
		page := func() webtest.Answer {
			t.Helper()
			ok(t, o.b.hints(t.Context(), hintArgs{}))
			o.as(s)
			return o.Get("/portal/services")
		}
		full("b-large")
		a := page()
		shows(t, a, http.StatusOK, "You could use another “Backup space”, because the disk of yours is 91 % full, and of its period no plan is larger.", "Backup space, since 23 November 2026: 91 % full, told on 23 November 2026; the plan 2 TB")
		look := regexp.MustCompile(`/portal/suggestions/n[a-z0-9]+`).FindString(a.Body)
		desktest.Leads(t, o.Post(look, "do", "look"), "/portal/order/backup")
		o.order("b-small", s, "backup", "backup-500")
		desktest.Lacks(t, page(), "You could use") // it is taken, and there is room
		o.asStaff("billing")
		if page := desktest.Text(o.Get("/console/billing/suggestions").Body); !strings.Contains(page, "another one beside it. 1 1 1 1 0") {
			t.Errorf("what became of it is not counted: %s", page)
		}
		o.Clock.Advance(time.Hour)
		shows(t, o.Post("/console/billing/plans/backup-500/retire"), http.StatusSeeOther)
		full("b-small")
		shows(t, page(), http.StatusOK, "You could use the plan “2 TB”, because the disk of your backup space is 91 % full.")
		o.asStaff("billing")
		shows(t, o.Post("/console/billing/plans/backup-2000/retire"), http.StatusSeeOther)
		desktest.Lacks(t, page(), "“2 TB”") // which nobody can choose any more

		// Whoever has room in another one from the beginning is told of none.
		s = o.customer(meadow)
		o.order("c-large", s, "backup", "backup-2000")
		o.order("c-small", s, "backup", "backup-500")
		o.permit(s, true)
		o.Clock.Advance(time.Hour)
		full("c-large")
		desktest.Lacks(t, page(), "You could use")
	})
}

// Whatever the numbers are, what is told of others is told of ten at least, and is
// the same whether one customer has something or not, but for steps of ten per cent.
func TestNobodyCanBeToldFromWhatOthersTook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.IntRange(0, 200).Draw(t, "all")
		both := rapid.IntRange(0, all).Draw(t, "both")
		share, told := supported(all, both)
		if told != (all >= 20 && both >= 10 && all-both >= 10 && both*100 >= all*30) {
			t.Fatalf("%d of %d: %v", both, all, told)
		}
		if told && (share%10 != 0 || share < 30 || share > both*100/all) {
			t.Fatalf("%d of %d: %d %%", both, all, share)
		}
	})
}

// One customer with many services is one customer, and who ended theirs is none.
func TestCustomersAreCountedAndNotTheirServices(t *testing.T) {
	o := newOffice(t, desktest.One(t))
	ctx := t.Context()
	begin := func(s loot.Subject, service string, ended time.Time) {
		t.Helper()
		ok(t, o.b.DB.InTx(ctx, func(tx *store.Tx) error {
			return o.b.begin(ctx, tx, loot.NewID("o"), Order{Subject: s, Service: service, Made: o.Clock.Now(), Ended: ended})
		}))
	}
	told := func(want string) {
		t.Helper()
		var got []companion
		ok(t, o.b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
			got, err = companions(ctx, tx)
			return err
		}))
		if fmt.Sprint(got) != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	many, running := loot.NewSubject(), time.Time{}
	for range 12 { // of one customer
		begin(many, "backup", running)
		begin(many, "domain", running)
	}
	for n := range 19 { // 8 of whom took a domain besides, and others had one
		s := loot.NewSubject()
		begin(s, "backup", running)
		switch {
		case n < 8:
			begin(s, "domain", running)
		case n < 10:
			begin(s, "domain", o.Clock.Now())
		}
	}
	told("[]")
	s := loot.NewSubject()
	begin(s, "backup", running)
	begin(s, "domain", running)
	told("[{backup domain 40}]") // 10 of 21
}

// What is used beyond the included is compared in the plan's currency, and for the
// time that its price is for.
func TestAPlanIsComparedInItsCurrencyAndTime(t *testing.T) {
	o := newOffice(t, desktest.One(t))
	ctx := t.Context()
	for name, c := range map[string]struct {
		currency, period string
		more             int64 // what the larger plan costs more, in the smallest unit
		want             bool
	}{
		"cents":            {"EUR", "month", 4999, true},
		"as much":          {"EUR", "month", 5000, false},
		"yen":              {"JPY", "month", 49, true},
		"more yen":         {"JPY", "month", 51, false},
		"a year of months": {"EUR", "year", 12*5000 - 1, true},
		"a dearer year":    {"EUR", "year", 12 * 5000, false},
		"two years":        {"EUR", "two-years", 24*5000 - 1, true},
	} {
		plans := []Plan{
			{ID: "small", Service: "backup", Cents: 1000, Currency: c.currency, Period: c.period},
			{ID: "large", Service: "backup", Cents: 1000 + c.more, Currency: c.currency, Period: c.period},
		}
		m := Meter{Plan: "small", ID: "traffic", Kind: Sum, Unit: "E34", Included: oneUnit, Price: invoice.Int(1)}
		plans[1].Meters = []Meter{{Plan: "large", ID: "traffic", Kind: Sum, Unit: "E34", Included: 1000 * oneUnit, Price: invoice.Int(1)}}
		one := Service{Reference: loot.NewID("o"), PlanID: "small"}
		ok(t, o.b.DB.InTx(ctx, func(tx *store.Tx) error {
			month := monthOf(o.Clock.Now(), o.b.seller.place())
			for range 2 {
				month = month.before()
				from, _ := month.span(o.b.seller.place())
				if _, err := tx.Exec(ctx, `INSERT INTO billing_usage (service, mark, meter, kind, at, amount) VALUES ($1, $2, 'traffic', 'sum', $3, $4)`,
					one.Reference, string(month), from.UnixMicro(), int64(51*oneUnit)); err != nil {
					return err
				}
			}
			_, got, err := o.b.overUsed(ctx, tx, one, Gauge{Meter: m}, plans, plans[1])
			if got != c.want {
				t.Errorf("%s: %v", name, got)
			}
			return err
		}))
	}
}
