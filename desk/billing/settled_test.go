package billing

import (
	"context"
	"slices"
	"testing"
	"time"

	"loot"
	"loot/store"
)

// TestTheLastInvoiceIsWritten: then the law has no more to ask for, and not before.
func TestTheLastInvoiceIsWritten(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(with(meadow, map[loot.Field]string{town: ""}))
		free := loot.NewSubject()
		o.order("o-free", free, "shared-hosting", "")
		never := loot.NewSubject()
		expect := func(when string, s loot.Subject, done bool) {
			t.Helper()
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				got, err := o.b.Fulfilled(ctx, tx, s)
				if err == nil && slices.Contains(got, forInvoice) != done {
					t.Errorf("%s: %v", when, got)
				}
				return err
			})
		}
		expect("a service runs", s, false)
		ends := func(who loot.Subject) {
			o.as(who)
			o.Tx(func(ctx context.Context, tx *store.Tx) error { return o.b.EndAll(ctx, tx, o.Actor, who) })
		}
		o.Clock.Advance(24 * time.Hour)
		ends(s)
		expect("the month is not over", s, false)
		o.after(december)
		expect("the month is over and not invoiced", s, false)
		o.run(november)
		expect("the invoice waits for a detail", s, false)
		o.give(s, town, "Exampleton")
		o.hour()
		expect("the invoice is written", s, true)
		for _, wrong := range []loot.Field{companyName, Services} {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				return o.b.Gate.Freeze(ctx, tx, s, "c1", wrong)
			})
			expect("the customer says that it is wrong", s, false)
			o.Tx(func(ctx context.Context, tx *store.Tx) error { return o.b.Gate.Thaw(ctx, tx, s, "c1") })
		}
		o.order("o-again", s, "shared-hosting", "shared-small")
		expect("another service runs", s, false)
		o.Clock.Advance(time.Hour)
		o.order("o-short", s, "shared-hosting", "shared-small")
		short := o.of(s)[0]
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			return o.b.move(ctx, tx, short, Move{To: Ended, By: loot.Actor{Kind: loot.Person, ID: string(s)}, Why: AsAsked})
		})
		o.after(december.AddDate(0, 1, 0))
		ends(s)
		o.after(december.AddDate(0, 2, 0))
		o.run("2026-12")
		expect("one that was ordered before another ran for longer", s, false)
		o.run("2027-01")
		expect("the last invoice is written", s, true)
		ends(free)
		expect("nothing says what it costs", free, false)
		expect("nothing was ever ordered", never, true)
	})
}

// TestAllThatWasEverChargedIsInvoiced, of each service that there was, in whichever order its
// months are invoiced.
func TestAllThatWasEverChargedIsInvoiced(t *testing.T) {
	for _, months := range [][]Month{{november, "2026-12"}, {"2026-12", november}} {
		t.Run(string(months[0]), func(t *testing.T) {
			onEach(t, func(t *testing.T, o *office) {
				s := o.customer(meadow) // in November, and again in December
				end := func() {
					o.as(s)
					o.Tx(func(ctx context.Context, tx *store.Tx) error { return o.b.EndAll(ctx, tx, o.Actor, s) })
				}
				o.Clock.Advance(24 * time.Hour)
				end()
				o.after(december)
				o.order("o-december", s, "shared-hosting", "shared-small")
				o.Clock.Advance(24 * time.Hour)
				end()
				o.after(december.AddDate(0, 1, 0))
				for n, m := range months {
					o.run(m)
					o.Tx(func(ctx context.Context, tx *store.Tx) error {
						got, err := o.b.Fulfilled(ctx, tx, s)
						if done := slices.Contains(got, forInvoice); err == nil && done != (n == 1) {
							t.Errorf("%d months invoiced, the last of them %s: %v", n+1, m, got)
						}
						return err
					})
				}
			})
		})
	}
}
