package billing

import (
	"context"
	"slices"
	"time"

	"loot"
	"loot/store"
)

// Fulfilled returns the duty to write invoices to a customer if it is done with: no service
// runs, all that was ever charged is invoiced, and nothing on invoices is said to be wrong, as
// one may have to be written again. Where nothing says what something costs, it is not.
func (b *Billing) Fulfilled(ctx context.Context, tx *store.Tx, s loot.Subject) ([]loot.Purpose, error) {
	services, err := b.Services(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	var from, to time.Time
	for _, one := range services {
		if one.Ended.IsZero() {
			return nil, nil
		}
		if since := one.chargedSince(); from.IsZero() || since.Before(from) {
			from = since
		}
		if one.Ended.After(to) {
			to = one.Ended
		}
	}
	v, err := b.inForce()
	if err != nil {
		return nil, err
	}
	person, err := b.Gate.Person(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	if all, _ := drawnFrom(v, nil); slices.ContainsFunc(append(all, Services), person.Disputed) {
		return nil, nil
	}
	at := b.seller.place()
	late, err := lastLate(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	for m := monthOf(from, at); !from.IsZero() && m <= max(monthOf(to, at), late); m = m.after() {
		begin, end := m.span(at)
		uses, err := usesOf(ctx, tx, b.titles(), []loot.Subject{s}, begin, end)
		if err != nil {
			return nil, err
		}
		done, err := invoicedIn(ctx, tx, []loot.Subject{s}, m)
		if err != nil {
			return nil, err
		}
		_, currencies, wrong := charged(uses[s], m, at, b.seller.Language)
		if wrong.Text != "" {
			return nil, nil
		}
		for _, c := range currencies {
			if !done[s][c] {
				return nil, nil
			}
		}
	}
	return []loot.Purpose{forInvoice}, nil
}
