package billing

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"loot"
	"loot/desk"
)

// demo has services used, and a colleague in billing issue the invoices of every month of the
// history that is over, on the second day of the next.
func (b *Billing) demo(ctx context.Context, w *desk.World) error {
	staff, err := w.Staff(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(staff, func(a loot.Actor) bool { return slices.Contains(a.Roles, "billing") })
	if i < 0 {
		return nil // nobody writes invoices there
	}
	clerk := staff[i]
	b.demoUse(w, clerk)
	b.demoHints(w)
	if j := slices.IndexFunc(staff, func(a loot.Actor) bool { return a.Has(tellers[0]) }); j >= 0 {
		b.demoHook(w, staff[j])
	}
	w.History.On(w.History.Begin.Add(34*time.Hour), func(ctx context.Context) error { return b.demoReminders(ctx, w, clerk) })
	for m := monthOf(w.History.Begin, b.seller.place()); ; m = m.after() {
		_, over := m.span(b.seller.place())
		at := over.Add(33 * time.Hour)
		if !at.Before(w.History.End) {
			return nil
		}
		w.History.On(at, func(ctx context.Context) error {
			if err := w.Drain(ctx); err != nil {
				return err
			}
			a, err := desk.Browser{World: w, Who: clerk}.Post(ctx, "/console/billing/run", url.Values{"month": {string(m)}})
			if err != nil {
				return err
			}
			if a.Status != http.StatusSeeOther {
				return fmt.Errorf("billing: the run of %s was answered with %d", m, a.Status)
			}
			return w.Drain(ctx)
		})
		if paid := over.Add(16 * 24 * time.Hour); paid.Before(w.History.End) {
			w.History.On(paid, func(ctx context.Context) error { return b.demoPayments(ctx, w, clerk, over) })
		}
	}
}
