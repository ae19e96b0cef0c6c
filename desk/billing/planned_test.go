package billing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/api"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/ledger"
	"loot/store"
	"loot/web"
)

// charged returns what a customer is charged for in a month, in short.
func (o *office) charged(s loot.Subject, m Month) (out string) {
	o.Helper()
	at := o.b.seller.place()
	from, to := m.span(at)
	ok(o, o.b.DB.ReadTx(o.Context(), func(tx *store.Tx) error {
		uses, err := usesOf(o.Context(), tx, nil, []loot.Subject{s}, from, to)
		by, _, wrong := charged(uses[s], m, at, "en")
		for _, l := range by["EUR"].lines {
			out += fmt.Sprintf("%s: %s %s %s; ", l.Item, l.Quantity, l.Unit, l.Price)
		}
		out += wrong.Text
		return err
	}))
	return strings.TrimSuffix(out, "; ")
}

// A service that came without a plan waits in every month's run until a colleague sets
// one, which leads there; months that are invoiced keep theirs.
func TestAColleagueSetsThePlanOfAService(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		o.order("bare", s, "backup", "")
		o.after(december)
		o.run(november)
		o.asStaff("billing")
		page := o.preview("2026-11")
		shows(t, page, http.StatusOK, "has no plan, so nothing says what it costs", "Set its plan")
		if n := strings.Count(page.Body, `href="/console/billing/services/bare"`); n != 2 {
			t.Errorf("%d links to the service", n)
		}
		const at = "/console/billing/services/bare"
		shows(t, o.Get(at), http.StatusOK, "Set the plan", "500 GB, € 5.00 a month", "1 November 2026", "None, so nothing says what it costs.")
		for _, bad := range [][]string{{"plan", "", "from", "2026-11"}, {"plan", "shared-small", "from", "2026-11"}, {"plan", "backup-500", "from", "2026-10"}, {"plan", "backup-500", "from", "2026-11", "ticket", "a b"}} {
			shows(t, o.Post(at+"/plan", bad...), http.StatusUnprocessableEntity)
		}
		o.asStaff("support")
		desktest.Lacks(t, o.Get(at), "Set the plan")
		shows(t, o.Post(at+"/plan", "plan", "backup-500", "from", "2026-11"), http.StatusForbidden)
		o.asStaff("billing")
		desktest.Leads(t, o.Post(at+"/plan", "plan", "backup-500", "from", "2026-11", "ticket", "T-1"), at)
		shows(t, o.Get(at), http.StatusOK, "500 GB, € 5.00 a month", "“500 GB” from 1 November 2026 on ( T-1 ), by a colleague")
		ok(t, o.b.hourly(t.Context(), hourlyArgs{}))
		if all := o.issued(""); len(all) != 1 || all[0].Net != 131+133 {
			t.Fatalf("%+v", all)
		}
		// November is invoiced now, so that another plan counts from December on at the earliest.
		shows(t, o.Post(at+"/plan", "plan", "backup-2000", "from", "2026-11"), http.StatusUnprocessableEntity)
		desktest.Leads(t, o.Post(at+"/plan", "plan", "backup-2000", "from", "2027-01"), at)
		shows(t, o.Get(at), http.StatusOK, "500 GB, € 5.00 a month", "“2 TB” from 1 January 2027 on")
		for plan, from := range map[string]string{"backup-500": "2026-12", "backup-2000": "2027-02"} {
			shows(t, o.Post(at+"/plan", "plan", plan, "from", from), http.StatusConflict, "The service has this plan in", "anyway")
		}
		o.as(s)
		shows(t, o.Get("/portal/services"), http.StatusOK, "“2 TB” from 1 January 2027 on", "500 GB")
		o.after(december.AddDate(0, 2, 0))
		for m, want := range map[Month]string{"2026-12": "backup-500: 1 MON 5; shared-small: 1 MON 4.9", "2027-01": "backup-2000: 1 MON 15; shared-small: 1 MON 4.9"} {
			if got := o.charged(s, m); got != want {
				t.Errorf("%s: %s, want %s", m, got, want)
			}
		}
		page = o.Get("/portal/services") // the plan that it has now is none to come
		shows(t, page, http.StatusOK, "2 TB, € 15.00 a month")
		if n := strings.Count(desktest.Text(page.Body), "“2 TB” from 1 January 2027 on"); n != 1 {
			t.Errorf("it is said %d times, want once, in the history", n)
		}
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			err := insertMeter(ctx, tx, Meter{Plan: "backup-2000", ID: "more", Title: "More", Kind: Level, Unit: percent})
			if loot.KindOf(err) != loot.Conflict {
				t.Errorf("something is added to a plan that somebody has: %v", err)
			}
			return nil
		})
	})
}

// A customer changes to a larger plan that is suggested, and orders nothing twice.
func TestACustomerChangesToASuggestedPlan(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s, other := o.customer(meadow), o.customer(meadow)
		o.order("space", s, "backup", "backup-500")
		o.permit(s, true)
		o.Clock.Advance(time.Hour)
		_, err := o.b.record(t.Context(), loot.Actor{}, []Record{{Service: "space", Meter: "disk", Key: "1", At: o.Clock.Now(), Amount: 91 * oneUnit}}, true)
		ok(t, err)
		ok(t, o.b.hints(t.Context(), hintArgs{}))
		o.as(s)
		hint := regexp.MustCompile(`/portal/suggestions/n[a-z0-9]+`).FindString(o.Get("/portal/services").Body)
		o.as(other)
		shows(t, o.Post(hint, "do", "change"), http.StatusNotFound)
		move := func(f func(context.Context, *store.Tx, loot.Actor, string, string) (bool, error)) {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := f(ctx, tx, clerk, "space", "case")
				return err
			})
		}
		o.as(s)
		move(o.b.Suspend)
		desktest.Lacks(t, o.Get("/portal/services"), "You could use") // of what does not run
		move(o.b.Resume)
		shows(t, o.Get("/portal/services"), http.StatusOK, "You could use")
		desktest.Leads(t, o.Post(hint, "do", "change"), "/portal/services")
		page := o.Get("/portal/services")
		shows(t, page, http.StatusOK, "“2 TB” from 1 December 2026 on")
		desktest.Lacks(t, page, "You could use")
		shows(t, o.Post(hint, "do", "change"), http.StatusNotFound)
		if all := o.of(s); len(all) != 2 || all[0].PlanID != "backup-500" && all[1].PlanID != "backup-500" {
			t.Errorf("%+v", all)
		}
		o.after(december)
		if all := o.of(s); all[0].PlanID != "backup-2000" && all[1].PlanID != "backup-2000" {
			t.Errorf("%+v", all)
		}
		o.asStaff("billing")
		if page := desktest.Text(o.Get("/console/billing/suggestions").Body); !strings.Contains(page, "another one beside it. 1 1 0 1 0") {
			t.Error(page)
		}
	})
}

// Nobody is advised to change a plan that changes already.
func TestNoPlanIsSuggestedWhereOneComes(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		o.order("space", s, "backup", "backup-500")
		o.permit(s, true)
		o.Clock.Advance(time.Hour)
		_, err := o.b.record(t.Context(), loot.Actor{}, []Record{{Service: "space", Meter: "disk", Key: "1", At: o.Clock.Now(), Amount: 91 * oneUnit}}, true)
		ok(t, err)
		o.asStaff("billing")
		desktest.Leads(t, o.Post("/console/billing/services/space/plan", "plan", "backup-2000", "from", "2026-12"), "/console/billing/services/space")
		ok(t, o.b.hints(t.Context(), hintArgs{}))
		o.as(s)
		page := o.Get("/portal/services")
		shows(t, page, http.StatusOK, "“2 TB” from 1 December 2026 on")
		desktest.Lacks(t, page, "You could use")
	})
}

// However the plan changes, every day is charged by one plan, and setting up once.
func TestAPlanThatChangesDividesNoPeriod(t *testing.T) {
	month := func(m Month) time.Time { from, _ := m.span(time.UTC); return from }
	plan := func(id, each string, from Month) use {
		u := use{plan: id, cents: 3650, each: each, currency: "EUR", setup: 100}
		u.Since = month(from)
		return u
	}
	for _, tt := range []struct {
		name  string
		ended string
		first use
		later []use
		want  map[Month]string
	}{
		{"by the month", "", plan("a", "month", "2026-03"), []use{plan("b", "month", "2026-05")}, map[Month]string{"2026-04": "a: 1 MON", "2026-05": "b: 1 MON"}},
		{"by the year", "", plan("a", "year", "2026-03"), []use{plan("b", "year", "2026-05")}, map[Month]string{"2026-03": "a: 1 C62", "2026-04": "", "2026-05": "a: 61 DAY", "2027-02": "", "2027-04": "b: 1 ANN"}},
		{"what was said last counts", "", plan("a", "month", "2026-03"), []use{plan("b", "month", "2026-06"), plan("c", "month", "2026-05")}, map[Month]string{"2026-05": "c: 1 MON", "2026-06": "c: 1 MON"}},
		{"no plan at first", "", use{}, []use{plan("b", "month", "2026-03")}, map[Month]string{"2026-03": "b: 1 C62b: 1 MON", "2026-04": "b: 1 MON"}},
		{"no plan until later", "", use{}, []use{plan("b", "month", "2026-05")}, map[Month]string{"2026-04": "no plan: 1 MON", "2026-05": "b: 1 MON"}},
		{"it had ended", "2026-04-10 09:00", plan("a", "month", "2026-03"), []use{plan("b", "month", "2026-05")}, map[Month]string{"2026-04": "a: 9 DAY", "2026-05": ""}},
	} {
		first := tt.first
		first.Since, first.Ended = month("2026-03"), moment(tt.ended)
		for m, want := range tt.want {
			got := ""
			from, to := m.span(time.UTC)
			for _, u := range within(first.parted(tt.later), from, to, nil) {
				if u.plan == "" {
					got += "no plan"
				}
				for _, l := range u.lines(m, time.UTC, "en") {
					got += l.Item + ": " + l.Quantity.String() + " " + l.Unit
				}
			}
			if got != want {
				t.Errorf("%s, %s: %q, want %q", tt.name, m, got, want)
			}
		}
	}
}

// A service that was taken over is charged from the day on that is written down for it:
// that of the taking over, or another.
func TestWhatWasTakenOverIsChargedFromThen(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		day := func(d int) time.Time { return time.Date(2026, 11, d, 9, 0, 0, 0, time.UTC) }
		began := time.Date(2025, 1, 5, 0, 0, 0, 0, time.UTC)
		s := o.customer(meadow)
		o.Tx(func(_ context.Context, tx *store.Tx) error {
			for id, order := range map[string]Order{
				"taken":  {Service: "backup", Plan: "backup-500"},
				"other":  {Service: "backup", Plan: "backup-2000"},
				"before": {Service: "backup", Plan: "backup-500", Ended: day(10)},
				"whole":  {Service: "dedicated-server", Plan: "dedicated-16"},
			} {
				order.Subject, order.Made = s, began
				o.b.Begin(tx, id, order)
			}
			return nil
		})
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			for id, at := range map[string]time.Time{"other": day(11), "whole": began} {
				if _, err := tx.Exec(ctx, `UPDATE billing_service SET charged = $1 WHERE reference = $2`, at.UnixMicro(), id); err != nil {
					return err
				}
			}
			return nil
		})
		o.after(december.AddDate(0, 1, 0))
		for m, want := range map[Month]string{
			"2025-01": "dedicated-16: 1 C62 49; dedicated-16: 27 DAY 99", "2026-10": "dedicated-16: 1 MON 99",
			"2026-11": "backup-2000: 20 DAY 15; backup-500: 8 DAY 5; dedicated-16: 1 MON 99; shared-small: 8 DAY 4.9",
			"2026-12": "backup-2000: 1 MON 15; backup-500: 1 MON 5; dedicated-16: 1 MON 99; shared-small: 1 MON 4.9",
		} {
			got := strings.Split(o.charged(s, m), "; ")
			slices.Sort(got)
			if all := strings.Join(got, "; "); all != want {
				t.Errorf("%s: %s, want %s", m, all, want)
			}
		}
		o.asStaff("billing")
		shows(t, o.Get("/console/billing/services/taken"), http.StatusOK, "Charged from", "23 November 2026")
	})
}

// Whoever takes a service over charges nothing of what was before: neither setting it up
// nor what was used then, whichever plan it gets, and nobody is drawn for it.
func TestThePlanOfWhatWasTakenOver(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		day := func(d int) time.Time { return time.Date(2026, 11, d, 9, 0, 0, 0, time.UTC) }
		began := time.Date(2025, 1, 5, 0, 0, 0, 0, time.UTC)
		s, later := o.customer(meadow), loot.NewSubject()
		o.Tx(func(_ context.Context, tx *store.Tx) error {
			for id, order := range map[string]Order{
				"net":  {Subject: s, Service: "virtual-server", Plan: "virtual-2"},
				"disk": {Subject: s, Service: "dedicated-server", Plan: "dedicated-16"},
				"bare": {Subject: s, Service: "backup"},
				"next": {Subject: s, Service: "backup"}, // without a plan, as is what had ended
				"gone": {Subject: s, Service: "backup", Ended: day(10)},
				"not":  {Subject: later, Service: "backup", Plan: "backup-500"},
			} {
				order.Made = began
				o.b.Begin(tx, id, order)
			}
			return nil
		})
		for id, from := range map[string]time.Time{"net": day(11), "disk": day(11), "gone": day(11), "bare": began, "next": december, "not": december} {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE billing_service SET charged = $1 WHERE reference = $2`, from.UnixMicro(), id)
				return err
			})
		}
		o.asStaff("billing")
		const net = "/console/billing/services/net"
		for _, from := range []string{"2026-10", "2027-12"} { // before it is charged, and more than a year ahead
			shows(t, o.Post(net+"/plan", "plan", "virtual-4", "from", from), http.StatusUnprocessableEntity)
		}
		running := func(q string) {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, q)
				return err
			})
		}
		running(`INSERT INTO billing_run (month, started, author, members, seen, last, done) VALUES ('2026-11', 1, '', 1, 0, '', 0)`)
		shows(t, o.Post(net+"/plan", "plan", "virtual-4", "from", "2026-11"), http.StatusUnprocessableEntity)
		running(`DELETE FROM billing_run`)
		desktest.Leads(t, o.Post(net+"/plan", "plan", "virtual-4", "from", "2026-11"), net)
		desktest.Leads(t, o.Post("/console/billing/services/bare/plan", "plan", "backup-500", "from", "2026-11"), "/console/billing/services/bare")
		got, err := o.b.record(t.Context(), loot.Actor{}, []Record{
			{Service: "net", Meter: "traffic", Key: "before", At: day(5), Amount: 5000 * oneUnit},
			{Service: "net", Meter: "traffic", Key: "after", At: day(12), Amount: 2500 * oneUnit},
			{Service: "bare", Meter: "disk", Key: "no plan", At: day(1).AddDate(0, -1, 0), Amount: oneUnit},
			{Service: "bare", Meter: "disk", Key: "plan", At: day(12), Amount: oneUnit},
		}, false)
		if ok(t, err); got.Added != 3 || len(got.Refused) != 1 {
			t.Errorf("%+v", got)
		}
		const want = "backup-500: 1 MON 5; dedicated-16: 20 DAY 99; virtual-4: 20 DAY 22; virtual-4/traffic: 500 E34 0.004; shared-small: 8 DAY 4.9"
		if got := o.charged(s, november); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		one := fmt.Sprint(o.api([]api.Scope{"services:read"}, "billing").call(http.StatusOK, http.MethodGet, "/api/services/net", ""))
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			copied, err := o.b.export(ctx, tx, s)
			text, _ := json.Marshal(copied)
			for _, want := range []string{`"chargedFrom":"2026-11-11`, "“4 cores” from 1 November 2026 on"} {
				if !strings.Contains(string(text), want) {
					t.Errorf("the copy does not say %q: %s", want, text)
				}
			}
			items, err2 := o.b.Ledger.Timeline(ctx, tx, s, collection, "", 100)
			if !slices.ContainsFunc(items, func(i ledger.Item) bool { return i.Facts.Note == "service.plan" }) {
				t.Error("the ledger does not say that the plan was changed")
			}
			return errors.Join(err, err2)
		})
		for _, want := range []string{"chargedFrom:2026-11-11", "from:2026-11", "plan:virtual-4"} {
			if !strings.Contains(one, want) {
				t.Errorf("the API does not say %q: %s", want, one)
			}
		}
		o.after(december)
		o.run(november)
		page := o.preview("2026-11")
		shows(t, page, http.StatusOK, "1 of 1 customers")
		desktest.Lacks(t, page, string(later))
	})
}

// A case ends what it suspended, though the service got another plan meanwhile.
func TestAnotherPlanIsNoOtherState(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		reference := "o-" + string(s)
		move := func(f func(context.Context, *store.Tx, loot.Actor, string, string) (bool, error)) {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				done, err := f(ctx, tx, clerk, reference, "case")
				if !done {
					t.Error("it stays as it was")
				}
				return err
			})
		}
		move(o.b.Suspend)
		o.asStaff("billing")
		desktest.Leads(t, o.Post(servicePath(reference)+"/plan", "plan", "shared-large", "from", "2026-12"), servicePath(reference))
		move(o.b.Resume)
	})
}

// Who came after a month was drawn is no more said to wait for what was done: they
// have a state and an action of their own.
func TestWhoCameLaterIsDrawnLater(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		first, late := o.customer(meadow), o.customer(meadow)
		held := o.of(late)[0].Since
		since := func(at time.Time) {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE billing_service SET since = $1 WHERE subject = $2`, at.UnixMicro(), late)
				return err
			})
		}
		since(december)
		o.after(december)
		o.run(november)
		o.asStaff("billing")
		const path = "/console/billing/run?month=2026-11"
		desktest.Lacks(t, o.preview(november), "Issue the invoices", "came later")
		since(held)
		page := o.preview(november)
		shows(t, page, http.StatusOK, "came later", "Draw it again")
		desktest.Lacks(t, page, "to be issued")
		// They may stand on another page of the list.
		shows(t, o.Get(path+"&after="+string(max(first, late))), http.StatusOK, "Draw it again")
		// One that is just being drawn goes on where it is.
		done := func(at, seen int64) {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE billing_run SET done = $1, seen = $2`, at, seen)
				return err
			})
		}
		done(0, 1)
		desktest.Lacks(t, o.Get(path), "Draw it again")
		desktest.Leads(t, o.Post("/console/billing/run", "month", "2026-11", "later", "yes"), path)
		shows(t, o.Get(path), http.StatusOK, "1 of 1 customers")
		done(o.Clock.Now().UnixMicro(), 1)
		for range 2 {
			desktest.Leads(t, o.Post("/console/billing/run", "month", "2026-11", "later", "yes"), path)
			o.Drain()
		}
		drawn := 0
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			drawn = 0
			for row, err := range o.b.Ledger.Facts(ctx, tx, desktest.Start, o.Clock.Now().Add(time.Hour)) {
				if err != nil {
					return err
				}
				if row.Facts.Note == "invoices.run" {
					drawn++
				}
			}
			return nil
		})
		if drawn != 3 {
			t.Errorf("the ledger says %d times that it was drawn, want 3", drawn)
		}
		if all := o.issued(""); len(all) != 2 || all[0].Subject != first || all[1].Subject != late {
			t.Errorf("%+v", all)
		}
		page = o.preview(november)
		shows(t, page, http.StatusOK, "done", "2 of 2 customers")
		desktest.Lacks(t, page, "came later")
	})
}

// Drawing a month once more keeps to what drawing it does: it closes the month, and
// nothing is drawn too early, or without a seller.
func TestAMonthIsDrawnAgainAsItWasDrawn(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.customer(meadow)
		o.asStaff("billing")
		again := func() int { return o.Post("/console/billing/run", "month", "2026-11", "later", "yes").Status }
		if got := again(); got != http.StatusConflict {
			t.Errorf("a month that is not over: %d", got)
		}
		o.after(december)
		asked := make(chan struct{})
		o.b.at = func(string) { <-asked }
		for _, again := range []bool{false, true} { // the second time it is just being drawn
			began, err := o.b.startRun(t.Context(), november, clerk, again)
			if ok(t, err); began == again {
				t.Errorf("again %v: begun %v", again, began)
			}
		}
		close(asked)
		o.Drain()
		o.Clock.Advance(time.Hour)
		o.b.Sell(Seller{})
		if got := again(); got != http.StatusConflict {
			t.Errorf("without a seller: %d", got)
		}
		o.b.Sell(MadeUpSeller)
		if got := again(); got != http.StatusSeeOther {
			t.Errorf("a month that was drawn: %d", got)
		}
		now := o.Clock.Now().UnixMicro()
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			var closed int64
			err := tx.QueryRow(ctx, `SELECT closed FROM billing_month WHERE month = '2026-11'`).Scan(&closed)
			if closed != now {
				t.Errorf("closed at %d, not at %d", closed, now)
			}
			return err
		})
	})
}

// An invoice that breaks a rule waits, and the staff see the rule's name. It takes no
// number, holds up nobody else, and goes out once it is mended.
func TestAnInvoiceThatBreaksARuleWaitsUntilItIsMended(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(with(meadow, map[loot.Field]string{street: "1 Sample Quay\nHouse\nFloor\nRoom"}))
		other := o.customer(meadow)
		o.after(december)
		o.run(november)
		o.hour() // tried again, it is still wrong
		if all := o.issued(""); len(all) != 1 || all[0].Subject != other || all[0].Number != "EX-2026-000001" {
			t.Fatalf("%+v", all)
		}
		o.asStaff("billing")
		shows(t, o.preview("2026-11"), http.StatusOK, "wrong", "LOOT-07, buyer: Write the address, without postcode and city, in at most three lines.")
		o.give(s, street, "1 Sample Quay\nRoom")
		o.hour()
		if all := o.issued(""); len(all) != 2 || all[1].Subject != s || all[1].Number != "EX-2026-000002" {
			t.Fatalf("after the mend: %+v", all)
		}
		desktest.Lacks(t, o.preview("2026-11"), "LOOT-07")
	})
}

// What only the invoice with its number breaks keeps it from being sealed, too, and the
// staff see the rule's name.
func TestANumberThatBreaksARuleIsNotTaken(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		o.after(december)
		seller := MadeUpSeller
		seller.Series = "EX\x01"
		o.b.Sell(seller)
		o.run(november)
		o.asStaff("billing")
		shows(t, o.preview("2026-11"), http.StatusOK, "wrong", "LOOT-03, document: Remove the control characters from the text: XML cannot carry them.")
		if all := o.issued(""); len(all) != 0 {
			t.Fatalf("%+v", all)
		}
		o.b.Sell(MadeUpSeller)
		o.hour()
		if all := o.issued(""); len(all) != 1 || all[0].Subject != s || all[0].Number != "EX-2026-000001" {
			t.Fatalf("after the mend: %+v", all)
		}
	})
}

// What is found later stands in place of what was found before, and leads to no service
// that it is not about.
func TestAFindingReplacesTheOneBefore(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		for _, want := range []finding{{Text: "It is wrong."}, {Text: "It has no plan.", Service: "one"}, {Text: "It is not valid.", Fault: companyVAT}, {Text: "It has no plan.", Service: "two"}, {Text: "It is wrong.", Unregistered: true}, {Text: "It is wrong."}} {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				if err := putPending(ctx, tx, pending{Subject: s, Month: november, Finding: want, Since: o.Clock.Now()}); err != nil {
					return err
				}
				list, err := readPending(ctx, tx, `WHERE subject = $1`, s)
				if len(list) != 1 || list[0].Finding != want {
					t.Errorf("%+v, want the finding %+v", list, want)
				}
				return err
			})
		}
	})
}

// The plan that comes next is shown, whatever was said after it of a later month.
func TestTheNextPlanIsTheOneThatComes(t *testing.T) {
	step := func(plan string, from Month) Step { return Step{PlanID: plan, From: from} }
	for _, tt := range []struct {
		name  string
		steps []Step // latest first
		want  string
	}{
		{"none", []Step{{}}, ""},
		{"one", []Step{step("b", "2027-01"), {}}, "b"},
		{"two that come after each other", []Step{step("c", "2027-03"), step("b", "2027-01"), {}}, "b"},
		{"one instead of another", []Step{step("c", "2027-01"), step("b", "2027-03"), {}}, "c"},
		{"said again of the same month", []Step{step("c", "2027-01"), step("b", "2027-01"), {}}, "c"},
		{"after one that counts", []Step{step("c", "2027-03"), step("b", "2026-12"), step("a", "2027-01")}, "c"},
		{"the present one in place of another", []Step{step("present", "2027-01"), step("b", "2027-01"), {}}, ""},
		{"the present one in place of a later one", []Step{step("present", "2027-01"), step("b", "2027-03"), {}}, ""},
		{"one after the present one", []Step{step("b", "2027-03"), step("present", "2027-01"), step("b", "2027-01"), {}}, "b"},
		{"the present one again after another", []Step{step("present", "2027-03"), step("b", "2027-01"), {}}, "b"},
		{"instead of those that were to come", []Step{step("c", "2026-12"), step("b", "2027-01")}, ""},
	} {
		got := ""
		if next := coming(tt.steps, "2026-12", "present"); next != nil {
			got = next.PlanID
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A state has the reasons that fit it, and nobody ends a service without being sure.
func TestAStateHasItsReasons(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		o.asStaff("support")
		at := servicePath("o-" + string(s))
		page := o.Get(at)
		shows(t, page, http.StatusOK, "Suspend it", "Misuse of the network", "End it", "nothing leads back")
		desktest.Lacks(t, page, "Have it run", "What stood against it is settled")
		shows(t, o.Post(at, "to", "suspended", "why", "set-up"), http.StatusUnprocessableEntity)
		shows(t, o.Post(at, "to", "ended", "why", "asked"), http.StatusUnprocessableEntity, "nothing leads back")
		shows(t, o.Post(at, "to", "active", "why", "settled"), http.StatusConflict)
		shows(t, o.Post(at, "to", "suspended", "why", "unpaid", "ticket", "Jo Example"), http.StatusUnprocessableEntity) // no name is kept
		desktest.Leads(t, o.Post(at, "to", "suspended", "why", "unpaid"), at)
		desktest.Leads(t, o.Post(at, "to", "active", "why", "settled"), at)
		desktest.Leads(t, o.Post(at, "to", "ended", "why", "asked", "sure", "on"), at)
		desktest.Lacks(t, o.Get(at), "End it", "Suspend it", "Set the plan")
		for _, bad := range []struct {
			from, to State
			why      Reason
		}{{Active, Suspended, SetUp}, {Active, Ended, Settled}, {Ordered, Active, AsAsked}, {Suspended, Active, SetUp}} {
			err := o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
				return o.b.move(t.Context(), tx, Service{Reference: "x", State: bad.from}, Move{To: bad.to, By: clerk, Why: bad.why})
			})
			if web.Wrong(err) == nil {
				t.Errorf("a program's reason that does not fit: %+v: %v", bad, err)
			}
		}
		o.asStaff("billing")
		desktest.Lacks(t, o.Get(at), "Set the plan", "Charged from")
		over := o.of(s)[0]
		err := o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
			return o.b.replan(t.Context(), tx, over, "shared-large", "2027-01", "", clerk)
		})
		if loot.KindOf(err) != loot.Conflict {
			t.Errorf("a service that has ended gets another plan: %v", err)
		}
	})
}

// What waits is counted in the navigation.
func TestWhatWaitsIsCounted(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.customer(with(meadow, map[loot.Field]string{town: ""}))
		o.billedFor(1)
		o.uploads(madeUpEntry{Amount: "3.00", Day: "2026-12-01", Text: "nothing"})
		got := map[string]int{}
		for _, n := range o.b.nav() {
			if n.Count != nil {
				waits, err := n.Count(t.Context())
				ok(t, err)
				got[n.Label] = waits
			}
		}
		if fmt.Sprint(got) != "map[Invoices:1 Payments:1]" {
			t.Error(got)
		}
	})
}

// Lists are searched and narrowed, and lead to the customer.
func TestListsAreSearched(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedFor(2)
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		o.uploads(madeUpEntry{Amount: "1.61", Text: all[0].Number}, madeUpEntry{Amount: "1.00", Text: "who knows", Nth: 1}, madeUpEntry{Amount: "5.00", Text: "nobody", Nth: 2})
		const path = "/console/billing/invoices"
		for q, want := range map[string]string{
			"?number=ex-2026-1": all[0].Number, "?number=ex-2026-000002": all[1].Number, "?state=paid": all[0].Number, "?state=open": all[1].Number, "?number=EX&state=open": all[1].Number,
		} {
			page := o.Get(path + q)
			shows(t, page, http.StatusOK, want)
			other := map[string]string{all[0].Number: all[1].Number, all[1].Number: all[0].Number}[want]
			desktest.Lacks(t, page, other)
			if i := o.issued(`WHERE i.number = $1`, want)[0]; !strings.Contains(page.Body, `href="/console/customers/`+string(i.Subject)+`"`) {
				t.Errorf("%s: nothing leads to the customer", q)
			}
		}
		shows(t, o.Get(path+"?state=unknown"), http.StatusOK, all[0].Number, all[1].Number)
		for _, q := range []string{path + "?state=paid", "/console/billing?state=ended"} {
			_, chosen, _ := strings.Cut(q, "=")
			if !strings.Contains(o.Get(q).Body, `<option value="`+chosen+`" selected>`) {
				t.Errorf("%s: the form does not say so", q)
			}
		}
		for _, none := range []string{"EX-2026-000383", "EX_2026"} {
			shows(t, o.Get(path+"?number="+none), http.StatusOK, "No invoice has this number")
		}
		shows(t, o.Get(path+"?state=overdue"), http.StatusOK, "No invoice is in this state")
		o.after(december.AddDate(0, 1, 0))
		page := o.Get(path + "?state=overdue")
		shows(t, page, http.StatusOK, all[1].Number)
		desktest.Lacks(t, page, all[0].Number)
		for _, q := range []string{"?state=back", "?state=credit"} {
			shows(t, o.Get(path+q), http.StatusOK, "No invoice is in this state")
		}
		shows(t, o.Get(path+"/"+all[0].Number), http.StatusOK, loot.Cut(all[0].Statement, 12), "is that of our ledger", o.b.Ledger.VerifierKey())
		desktest.Lacks(t, o.Get(path+"/"+all[0].Number), all[0].Statement)

		one, two := "o-"+string(all[0].Subject), "o-"+string(all[1].Subject)
		for q, want := range map[string]string{"?of=" + one: one, "?of=" + string(all[1].Subject): two} {
			page := o.Get("/console/billing" + q)
			shows(t, page, http.StatusOK, want)
			desktest.Lacks(t, page, map[string]string{one: two, two: one}[want])
		}
		shows(t, o.Get("/console/billing?state=active"), http.StatusOK, one, two)
		for _, none := range []string{"?state=ended", "?of=o_" + string(all[0].Subject)} {
			shows(t, o.Get("/console/billing"+none), http.StatusOK, "No such service")
		}

		// A payment of which nobody knows whose it is is matched by a click.
		var at string
		for _, sum := range []struct {
			amount int
			match  string
		}{{500, "1.61"}, {100, "1.00"}} {
			waits := o.paid(fmt.Sprintf(`WHERE p.decided = 0 AND p.amount = %d`, sum.amount))[0]
			at = paymentsPath + "/" + waits.ID
			desktest.Lacks(t, o.Get(at), "It may be one of these")
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				waits.Subject = all[1].Subject
				return setPayment(ctx, tx, waits)
			})
			page = o.Get(at)
			shows(t, page, http.StatusOK, "It may be one of these", "Match")
			if !regexp.MustCompile(`name="invoice" value="` + all[1].Number + `"[^>]*>\s*<input[^>]*name="amount" value="` + sum.match + `"`).MatchString(page.Body) {
				t.Errorf("the button does not match as much of %d as fits", sum.amount)
			}
		}
		desktest.Leads(t, o.Post(at+"/give", "invoice", all[1].Number, "amount", "1.00"), at)
		if page := o.Get(paymentsPath); !strings.Contains(page.Body, `href="/console/customers/`+string(all[1].Subject)+`"`) {
			t.Error("nothing leads from a payment to the customer")
		}

		// What was taken back is open no more, whatever was paid of it.
		ok(t, o.b.WriteAgain(t.Context(), again(all[1].Subject, town, "Right Town", all[1].Number), fine))
		for q, want := range map[string]string{"?state=back": all[1].Number, "?state=credit": "EX-2027-000001", "?state=open": "EX-2027-000002", "?state=paid": all[0].Number} {
			page := o.Get(path + q)
			for _, number := range []string{all[0].Number, all[1].Number, "EX-2027-000001", "EX-2027-000002"} {
				if strings.Contains(page.Body, path+"/"+number) != (number == want) {
					t.Errorf("%s: %s", q, number)
				}
			}
		}
	})
}

// An invoice of nothing is paid from the beginning, but not once it is taken back, and a
// credit note of nothing never is.
func TestWhatIsTakenBackIsNotPaid(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			if err := insertPlan(ctx, tx, Plan{ID: "free", Service: "shared-hosting", Title: "Free", Currency: "EUR", Period: "month"}); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE billing_service SET plan = 'free' WHERE subject = $1`, s)
			return err
		})
		o.after(december)
		o.run(november)
		o.asStaff("billing")
		const list, one = "/console/billing/invoices", "EX-2026-000001"
		shows(t, o.Get(list+"?state=paid"), http.StatusOK, one)
		credit, err := o.b.takeBack(t.Context(), one, "It was a mistake.", clerk)
		ok(t, err)
		page := o.Get(list + "?state=paid")
		shows(t, page, http.StatusOK, "No invoice is in this state")
		desktest.Lacks(t, page, one, credit.Number)
		for state, number := range map[string]string{"back": one, "credit": credit.Number} {
			shows(t, o.Get(list+"?state="+state), http.StatusOK, number)
		}
	})
}

// What the customer reads says “you”, and the month that runs says when it can be issued.
func TestTheCustomerIsSpokenTo(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		at := servicePath("o-" + string(s))
		o.asStaff("support")
		desktest.Leads(t, o.Post(at, "to", "suspended", "why", "asked"), at)
		shows(t, o.Get(at), http.StatusOK, "Ordered, by the customer", "As the customer asked, by a colleague")
		o.as(s)
		page := o.Get("/portal/services")
		shows(t, page, http.StatusOK, "Ordered, by you", "As you asked, by one of our staff")
		desktest.Lacks(t, page, "the customer", "a colleague", "the program")
		o.asStaff("billing")
		shows(t, o.preview("2026-11"), http.StatusOK, "It can be issued from 1 December 2026 on.")
	})
}

// The day from which the system before has not invoiced is a day where the seller is,
// whatever its clocks do, and none before the taking over.
func TestTheDayFromWhichItIsCharged(t *testing.T) {
	o := newOffice(t, desktest.One(t))
	now := o.Clock.Now()
	for _, zone := range []string{"America/New_York", "Europe/Dublin", "America/Santiago", "Pacific/Auckland"} {
		seller := MadeUpSeller
		seller.Zone = zone
		o.b.Sell(seller)
		for text, want := range map[string]string{"2026-12-01": "1 December 2026", "2027-09-05": "5 September 2027", "2026-11-01": o.b.dayOf(now), "": o.b.dayOf(now)} {
			var day time.Time
			if text != "" {
				day, _ = time.Parse(time.DateOnly, text)
			}
			got := o.b.ChargedFrom(Order{Charged: day})
			if o.b.dayOf(got) != want || got.Before(now) {
				t.Errorf("%s: %s is %v, want %s", zone, text, got, want)
			}
		}
	}
}

// What is invoiced far ahead gets its plan for the first month that is not, and nothing is
// suggested of it that cannot be had yet, nor for what it used before.
func TestWhatIsInvoicedFarAhead(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		began := time.Date(2025, 1, 5, 0, 0, 0, 0, time.UTC)
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			if err := insertPlan(ctx, tx, Plan{ID: "tiny", Service: "virtual-server", Title: "Tiny", Cents: 1000, Currency: "EUR", Period: "month"}); err != nil {
				return err
			}
			if err := insertMeter(ctx, tx, Meter{Plan: "tiny", ID: "traffic", Title: "Traffic", Kind: Sum, Unit: "E34", Included: 10 * oneUnit, Price: invoice.Dec("0.01")}); err != nil {
				return err
			}
			for id, order := range map[string]Order{
				"bare": {Service: "backup", Charged: time.Date(2028, 9, 11, 0, 0, 0, 0, time.UTC)},
				"full": {Service: "backup", Plan: "backup-500", Charged: time.Date(2027, 9, 11, 0, 0, 0, 0, time.UTC)},
				"busy": {Service: "virtual-server", Plan: "tiny", Charged: time.Date(2026, 12, 11, 0, 0, 0, 0, time.UTC)},
			} {
				order.Subject, order.Made = s, began
				o.b.Begin(tx, id, order)
			}
			return nil
		})
		o.asStaff("billing")
		const bare = "/console/billing/services/bare"
		shows(t, o.Get(bare), http.StatusOK, "Charged from 11 September 2028", "1 September 2028")
		desktest.Leads(t, o.Post(bare+"/plan", "plan", "backup-500", "from", "2028-09"), bare)
		for m, want := range map[Month]bool{"2028-08": false, "2028-09": true} {
			if got := o.charged(s, m); strings.Contains(got, "backup-500: 20 DAY 5") != want || strings.Count(got, "backup-500: 1 MON 5") != 1 {
				t.Errorf("%s: %s", m, got)
			}
		}

		o.permit(s, true)
		use := func(service, meter string, at time.Time, amount int64) {
			t.Helper()
			taken, err := o.b.record(t.Context(), loot.Actor{}, []Record{{Service: service, Meter: meter, Key: at.Format(time.DateOnly), At: at, Amount: amount * oneUnit}}, true)
			if err != nil || len(taken.Refused) > 0 {
				t.Fatal(taken, err)
			}
		}
		mine := func() string {
			t.Helper()
			ok(t, o.b.hints(t.Context(), hintArgs{}))
			o.as(s)
			return desktest.Text(o.Get("/portal/services").Body)
		}
		for _, at := range []time.Time{december, december.AddDate(0, 1, 0)} {
			o.after(at)
			use("busy", "traffic", at, 9000)
		}
		o.after(december.AddDate(0, 2, 0))
		use("full", "disk", o.Clock.Now(), 95)
		if page := mine(); strings.Contains(page, "You could use") {
			t.Errorf("it suggests what cannot be had or cost nothing: %s", page)
		}
		use("busy", "traffic", o.Clock.Now(), 9000)
		o.after(december.AddDate(0, 3, 0))
		if page := mine(); !strings.Contains(page, "9,000 GB in February 2027 and 9,000 GB in January 2027") {
			t.Errorf("nothing is suggested: %s", page)
		}
		o.after(time.Date(2027, 8, 20, 9, 0, 0, 0, time.UTC))
		use("full", "disk", o.Clock.Now(), 95)
		if page := mine(); !strings.Contains(page, "95 % full") {
			t.Errorf("nothing is suggested of what is charged next month: %s", page)
		}
	})
}
