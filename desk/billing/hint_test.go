package billing

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"loot"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/gate"
	"loot/store"
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
		shows(t, a, http.StatusOK, "You could use “2 TB”, because the disk of your backup space is 91 % full.", "told on 23 November 2026", "You could use domain name, because about 50 % of our customers", "Switch them off")
		if n := strings.Count(a.Body, "You could use"); n != 2 {
			t.Errorf("%d suggestions", n)
		}
		looks := regexp.MustCompile(`/portal/suggestions/n[a-z0-9]+`).FindAllString(a.Body, -1)
		for _, one := range looks {
			if got := o.Post(one, "do", "look"); got.Status != http.StatusSeeOther {
				t.Errorf("%d", got.Status)
			}
		}
		o.as(off)
		shows(t, o.Post(looks[0], "do", "look"), http.StatusNotFound)
		o.order("d-new", on, "domain", "domain-year")
		o.asStaff("billing")
		page := desktest.Text(o.Get("/console/billing/suggestions").Body)
		for _, want := range []string{"the next larger plan of the service. 1 1 1 0", "in steps of ten per cent. 1 1 1 1", "Backup space Domain name about 50 %"} {
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
		run()
		o.as(on)
		shows(t, o.Get("/portal/services"), http.StatusOK, "“2 cores”, because what your virtual server used beyond the included cost more", "9,000 GB in January 2027 and 9,000 GB in December 2026")
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

// Whatever the numbers are, what is told of others is told of ten at least, and is
// the same whether one customer has something or not, but for steps of ten per cent.
func TestNobodyCanBeToldFromWhatOthersTook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.IntRange(0, 200).Draw(t, "all")
		both := rapid.IntRange(0, all).Draw(t, "both")
		share, told := supported(all, both)
		if told != (all >= leastHolders && both >= leastTakers && all-both >= leastTakers && both*100 >= all*leastShare) {
			t.Fatalf("%d of %d: %v", both, all, told)
		}
		if told && (share%10 != 0 || share < leastShare || share > both*100/all) {
			t.Fatalf("%d of %d: %d %%", both, all, share)
		}
	})
}
