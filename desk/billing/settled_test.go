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
		o.order("o-again", s, "shared-hosting", "shared-small")
		expect("another service runs", s, false)
		ends(free)
		expect("nothing says what it costs", free, false)
		expect("nothing was ever ordered", never, true)
	})
}
