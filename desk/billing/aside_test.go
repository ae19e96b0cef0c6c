package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/hook"
	"loot/desk/desktest"
	"loot/store"
)

// TestWhatGoesByTimeStaysUnderAnOrder: of two people of whom the same is known all goes
// from where people look on the same day. What is of the one whom an order to preserve
// is about is kept apart, which shows nowhere but in the counts, until the order ends.
func TestWhatGoesByTimeStaysUnderAnOrder(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		went, stayed := map[string]int{}, map[string]int{}
		o.b.Lapsed = func(_ context.Context, _ *store.Tx, of string, l desk.Lapse, kept bool) error {
			if of != name || l.Clause == "" || l.Why == "" || kept != strings.Contains(l.Why, "order to preserve") {
				t.Errorf("%s counts %+v, kept: %v", of, l, kept)
			}
			counts := went
			if kept {
				counts = stayed
			}
			counts[l.What] += l.Count
			return nil
		}
		system := httptest.NewServer(&panel{status: http.StatusOK})
		t.Cleanup(system.Close)
		o.b.Tell(hook.NewSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}))
		_, _, err := o.b.addHook(t.Context(), loot.Actor{Kind: loot.Staff, ID: "t-billing"}, webhook{URL: system.URL, Events: eventTypes})
		ok(t, err)
		secret, other := o.customer(meadow), o.customer(meadow)
		two := []loot.Subject{secret, other}
		clerk := loot.Actor{Kind: loot.Staff, ID: "t-billing", Name: "Made-up Clerk", Roles: []loot.Role{"billing"}}
		ok(t, o.b.ArchiveKeys(t.Context(), two...))
		o.Clock.Advance(2 * time.Hour)
		for n, s := range two {
			at := o.Clock.Now()
			_, err := o.b.assign(t.Context(), clerk, lease{Service: "o-" + string(s), Prefix: netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/32", n)), From: at.Add(-time.Hour), To: at})
			ok(t, err)
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				for _, q := range []string{
					`INSERT INTO billing_usage (service, mark, meter, kind, at, amount) VALUES ($1, 'a', 'disk', 'level', $2, 1), ($1, 'b', 'disk', 'level', $2, 2)`,
					`INSERT INTO billing_hint (id, subject, rule, service, target, plan, why, data, made, shown, clicked, taken, refused) VALUES ('h' || $3, $3, 'r', $1, 'backup', '', 'w', 'd', $2, 0, 0, 0, 0)`,
				} {
					args := []any{"o-" + string(s), at.UnixMicro(), string(s)}
					if !strings.Contains(q, "$3") {
						args = args[:2]
					}
					if _, err := tx.Exec(ctx, q, args...); err != nil {
						return err
					}
				}
				return o.b.Archive(ctx, tx, clerk, "Import", []Former{{Subject: s, System: "old", Number: "1", Issued: at, Currency: "EUR", Total: 100, Party: "Example Meadow Ltd"}})
			})
		}
		o.after(december)
		o.run(november)
		bills := o.issued("")
		o.after(december.AddDate(0, 0, 10))
		for _, i := range bills {
			o.uploads(madeUpEntry{Amount: "1.61", Text: i.Number, Name: "Made-up Payer " + i.Number})
		}
		if got := o.paid(`WHERE p.subject <> '' AND p.sealed IS NOT NULL`); len(got) != 2 {
			t.Fatalf("%d payments", len(got))
		}

		years := december.AddDate(7, 0, 0)
		foretold := func() map[desk.Lapse]int { // of each day
			days := map[desk.Lapse]int{}
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				list, err := o.b.lapses(ctx, tx, years)
				for _, l := range list {
					if l.Clause == "" || l.Day.Before(desktest.Start) || l.Day.After(years) {
						t.Errorf("foretold: %+v", l)
					}
					n := l.Count
					l.Count = 0
					days[l] += n
				}
				return err
			})
			return days
		}
		days, ahead := foretold(), map[string]int{}
		for l, n := range days {
			ahead[l.What] += n
		}
		messages := ahead["Messages to webhooks"] / 2
		one := map[string]int{
			"Addresses of services": 1, "Records of use": 2, "Suggestions": 1, "What banks said of payments": 1, copies: 1, copiesBefore: 1, "Messages to webhooks": messages,
		}
		both := map[string]int{}
		for what, n := range one {
			both[what] = 2 * n
		}
		if messages == 0 || !maps.Equal(ahead, both) {
			t.Errorf("foretold: %v, want %v", ahead, both)
		}

		until := years.Add(time.Hour)
		o.Tx(func(ctx context.Context, tx *store.Tx) error { return o.Kit.Gate.Hold(ctx, tx, secret, until) })
		o.after(years)
		sweep := func() { t.Helper(); clear(went); clear(stayed); ok(t, o.b.sweep(t.Context(), sweepArgs{})) }
		sweep()
		if !maps.Equal(went, one) || !maps.Equal(stayed, one) {
			t.Errorf("went: %v, stayed: %v, want %v of each", went, stayed, one)
		}
		if a, b := o.looks(secret), o.looks(other); a != b {
			t.Errorf("the one whom the order is about sees something else:\n%s\n%s", a, b)
		}
		if n := o.kept(secret); n != 6+1+messages || o.kept(other) != 0 {
			t.Errorf("kept apart are %d and %d, want %d and none", n, o.kept(other), 7+messages)
		}
		for l, n := range foretold() {
			if 2*n != days[l] {
				t.Errorf("%d are held that were to go as %+v, and %d were to go of both", n, l, days[l])
			}
		}
		sweep()
		if len(went) != 0 || !maps.Equal(stayed, one) {
			t.Errorf("again went: %v, stayed: %v, want nothing and %v", went, stayed, one)
		}
		o.after(until)
		sweep()
		if len(stayed) != 0 || !maps.Equal(went, one) || o.kept(secret) != 0 {
			t.Errorf("after the order went: %v, stayed: %v, want %v and nothing; kept: %d", went, stayed, one, o.kept(secret))
		}
		if a, b := o.looks(secret), o.looks(other); a != b {
			t.Errorf("whom the order was about sees something else:\n%s\n%s", a, b)
		}
	})
}

// TestNothingIsKeptApartOfWhoIsErased: what an order held goes with its owner.
func TestNothingIsKeptApartOfWhoIsErased(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		i := o.billedFor(1)[0]
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			return o.Kit.Gate.Hold(ctx, tx, i.Subject, december.AddDate(7, 0, 0))
		})
		o.after(i.At.AddDate(6, 0, 1))
		ok(t, o.b.sweep(t.Context(), sweepArgs{}))
		if n := o.kept(i.Subject); n == 0 {
			t.Fatal("nothing is held")
		}
		o.as(i.Subject)
		shows(t, o.Get("/portal/invoices/"+i.Number+"/pdf"), http.StatusNotFound)
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			if err := o.Kit.Gate.Hold(ctx, tx, i.Subject, time.Time{}); err != nil {
				return err
			}
			return o.b.forget(ctx, tx, i.Subject)
		})
		if n := o.kept(i.Subject); n != 0 {
			t.Errorf("%d things are held of somebody who is erased", n)
		}
	})
}

// TestASweepGoesOnPastItsPage: more than one transaction removes goes all the same, be it
// at once or when an order to preserve has ended.
func TestASweepGoesOnPastItsPage(t *testing.T) {
	const many = 2*sweepSize + 1
	o := newOffice(t, desktest.One(t))
	s := loot.NewSubject()
	o.order("one", s, "backup", "backup-500")
	until := o.Clock.Now().Add(time.Hour)
	o.Tx(func(ctx context.Context, tx *store.Tx) error {
		for n := range many {
			tx.Add(`INSERT INTO billing_usage (service, mark, meter, kind, at, amount) VALUES`, "one", fmt.Sprint(n), "disk", "level", int64(1+n/100), int64(1))
		}
		return o.Kit.Gate.Hold(ctx, tx, s, until)
	})
	for _, want := range []int{many, many, 0} {
		if want == 0 {
			o.after(until)
		}
		ok(t, o.b.sweep(t.Context(), sweepArgs{}))
		if n := o.kept(s); n != want {
			t.Errorf("%d are held, want %d", n, want)
		}
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			var n int
			err := tx.QueryRow(ctx, `SELECT count(*) FROM billing_usage`).Scan(&n)
			if n != 0 {
				t.Errorf("%d are left", n)
			}
			return err
		})
	}
}

// kept returns how much is held apart of somebody.
func (o *office) kept(s loot.Subject) (n int) {
	o.Helper()
	o.Tx(func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM billing_aside WHERE subject = $1`, s).Scan(&n)
	})
	return n
}

var random = regexp.MustCompile(`\b[a-z][0-9a-z]{26}\b|\bEX-\d{4}-\d{6}|name="(csrf|sent|version)" value="[^"]*"`)

// looks returns what somebody, their copy and colleagues see of them, without what is random.
func (o *office) looks(s loot.Subject) string {
	o.Helper()
	var b strings.Builder
	o.as(s)
	for _, path := range []string{"/portal/services", "/portal/invoices"} {
		b.WriteString(o.Get(path).Body)
	}
	o.asStaff("billing", "support")
	for _, path := range []string{servicePath("o-" + string(s)), servicePath("o-"+string(s)) + "/addresses"} {
		b.WriteString(o.Get(path).Body)
	}
	o.Tx(func(ctx context.Context, tx *store.Tx) error {
		out, err := o.b.export(ctx, tx, s)
		text, failed := json.Marshal(out)
		if err == nil {
			err = failed
		}
		b.Write(text)
		for _, c := range []loot.Collection{used, connections} {
			if held, failed := o.b.holds(ctx, tx, s, c); failed != nil {
				return failed
			} else if held {
				b.WriteString("\n" + string(c))
			}
		}
		law, failed := o.b.retains(ctx, tx, s)
		if err == nil {
			err = failed
		}
		fmt.Fprint(&b, law)
		return err
	})
	return random.ReplaceAllString(strings.ReplaceAll(b.String(), string(s), "s"), "x")
}
