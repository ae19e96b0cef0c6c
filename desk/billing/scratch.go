package billing

import (
	"context"
	"fmt"
	"time"

	"loot"
	"loot/store"
)

// Scratch gives customers of a load test a service each, since the beginning of
// the month before this one, and returns that month.
func (b *Billing) Scratch(ctx context.Context, tx *store.Tx, subjects []loot.Subject) (Month, error) {
	m := b.thisMonth().before()
	from, _ := m.span(b.seller.place())
	for _, s := range subjects {
		if _, err := insertService(ctx, tx, loot.NewID("o"), Order{Subject: s, Service: "shared-hosting", Plan: "shared-small", Made: from}, Active); err != nil {
			return "", err
		}
	}
	return m, nil
}

// ScratchDocuments draws the invoice of a load test's customer for a month n times,
// issues none, and returns how long the documents took each time: sums, rules, PDF,
// UBL and CII.
func (b *Billing) ScratchDocuments(ctx context.Context, s loot.Subject, m Month, n int) ([]time.Duration, error) {
	d, err := b.draw(ctx, s, m)
	if err != nil {
		return nil, err
	}
	if len(d.drafts) == 0 {
		return nil, loot.Errorf(loot.Conflict, "There is nothing to invoice.")
	}
	v, err := b.inForce()
	if err != nil {
		return nil, err
	}
	waits, seller := make([]time.Duration, n), b.seller.of(v.Front())
	for i := range waits {
		began := b.Now()
		r := d.drafts[0].record
		numbered(&r.Invoice, seller, "X", int64(i), b.Now())
		if err := r.Invoice.Compute(); err != nil {
			return nil, err
		}
		if found := r.Invoice.Check(); len(found) > 0 {
			return nil, loot.Errorf(loot.Internal, "The invoice breaks %s.", found[0].Rule)
		}
		if _, err := b.documents(&r); err != nil {
			return nil, err
		}
		waits[i] = b.Now().Sub(began)
	}
	return waits, nil
}

// ScratchPages returns how long the customers of a month who are drawn together took, each
// time: from the moment of which their invoices are to that of the next ones, so with the
// opening, the documents, the commit and what the run waited for in between.
func (b *Billing) ScratchPages(ctx context.Context, m Month) (waits []time.Duration, err error) {
	err = b.DB.ReadTx(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT DISTINCT at FROM billing_invoice WHERE kind = '380' AND began = $1 ORDER BY at`, m.days().From.String())
		if err != nil {
			return fmt.Errorf("billing: pages: %w", err)
		}
		defer rows.Close()
		var last time.Time
		for rows.Next() {
			var at int64
			if err := rows.Scan(&at); err != nil {
				return fmt.Errorf("billing: pages: %w", err)
			}
			now := store.Instant(at)
			if !last.IsZero() {
				waits = append(waits, now.Sub(last))
			}
			last = now
		}
		return rows.Err()
	})
	return waits, err
}
