package billing

import (
	"context"
	"fmt"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// What reports call the documents of invoices, and those of the system before.
const copies, copiesBefore = "Copies of invoices", "Invoices of the system before"

// oldCopies are the documents of invoices that the law wants kept no longer. The
// invoices say from then on that those are removed.
func (b *Billing) oldCopies(p statement.Purpose) lapsing {
	read := func(ctx context.Context, tx *store.Tx, rest string, args ...any) (out []lapsed, err error) {
		all, err := readInvoices(ctx, tx, `WHERE r.number IS NULL AND i.at < $1`+rest, args...)
		for _, i := range all {
			out = append(out, lapsed{ID: i.Number, Subject: i.Subject, At: p.Keep.After(i.At.UTC()), File: i.File, said: asWas(i.Number)})
		}
		return out, err
	}
	return lapsing{
		Lapse: desk.Lapse{What: copies, Why: whyOver(p), Clause: p.Clause}, in: invoices,
		take: func(ctx context.Context, tx *store.Tx) ([]lapsed, error) {
			now := b.Now()
			all, err := read(ctx, tx, ` ORDER BY i.at, i.number LIMIT $2`, p.Keep.AboutBefore(now).UnixMicro(), sweepSize)
			if err != nil {
				return nil, err
			}
			all = over(all, now)
			for _, one := range all {
				tx.Add(`INSERT INTO billing_removed (number, at) VALUES`, one.ID, now.UnixMicro())
			}
			return all, tx.Flush(ctx) // what is left of somebody's is counted next
		},
		ahead: func(ctx context.Context, tx *store.Tx, l desk.Lapse, until time.Time) ([]desk.Lapse, error) {
			all, err := read(ctx, tx, ``, p.Keep.AboutBefore(until).UnixMicro())
			return perDay(l, over(all, until)), err
		},
	}
}

// oldArchive is what the law wants kept no longer of the system before.
func (b *Billing) oldArchive(p statement.Purpose) lapsing {
	return lapsing{
		Lapse: desk.Lapse{What: copiesBefore, Why: whyOver(p), Clause: p.Clause}, in: invoices,
		take: b.takes(0, func(row store.Row) (one lapsed, err error) {
			var kept int64
			var number string
			err = row.Scan(&one.File, &one.Subject, &kept, &number)
			one.At, one.said = store.Instant(kept), asWas(number)
			return one, err
		}, `DELETE FROM billing_archive WHERE id IN (SELECT id FROM billing_archive WHERE kept <= $1 ORDER BY kept, id LIMIT $2) RETURNING id, subject, kept, number`),
		ahead: counts(0, `SELECT (kept + $1) / $2, count(*) FROM billing_archive WHERE kept <= $3 GROUP BY 1`),
	}
}

func whyOver(p statement.Purpose) string { return p.Keep.Words() + " after it was written: " + p.Law }

// retains tells which invoices the law has kept, of a person or of everybody.
func (b *Billing) retains(ctx context.Context, tx *store.Tx, s loot.Subject) ([]desk.Retained, error) {
	v, err := b.inForce()
	if err != nil {
		return nil, err
	}
	p, ok := v.Purpose(forBookkeeping)
	if !ok {
		return nil, nil
	}
	n, last, err := countCopies(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	before, kept, err := countArchive(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	var out []desk.Retained
	if n > 0 {
		out = append(out, desk.Retained{What: copies, Law: p.Law, Clause: p.Clause, Count: n, Until: p.Keep.After(last.UTC())})
	}
	if before > 0 {
		out = append(out, desk.Retained{What: copiesBefore, Law: p.Law, Clause: p.Clause, Count: before, Until: kept})
	}
	return out, nil
}

// countArchive counts the invoices of the system before, of a person or of
// everybody, and tells until when the last of them is kept.
func countArchive(ctx context.Context, tx *store.Tx, s loot.Subject) (n int, last time.Time, err error) {
	where, args := "", []any{}
	if s != "" {
		where, args = `WHERE subject = $1`, []any{s}
	}
	var at int64
	if err := tx.QueryRow(ctx, `SELECT count(*), COALESCE(max(kept), 0) FROM billing_archive `+where, args...).Scan(&n, &at); err != nil {
		return 0, last, fmt.Errorf("billing: archive: %w", err)
	}
	return n, store.Instant(at), nil
}

// countCopies counts the invoices whose documents are there, of a person or of
// everybody, and tells when the last of them was issued.
func countCopies(ctx context.Context, tx *store.Tx, s loot.Subject) (n int, last time.Time, err error) {
	where, args := "", []any{}
	if s != "" {
		where, args = ` AND i.subject = $1`, []any{s}
	}
	var at int64
	if err := tx.QueryRow(ctx, `SELECT count(*), COALESCE(max(i.at), 0) FROM billing_invoice i LEFT JOIN billing_removed r ON r.number = i.number WHERE r.number IS NULL`+where, args...).Scan(&n, &at); err != nil {
		return 0, last, fmt.Errorf("billing: copies: %w", err)
	}
	return n, store.Instant(at), nil
}

// eraseCopies destroys the key to the copies of somebody's invoices once the law wants
// none of them kept and their record is erased.
func (b *Billing) eraseCopies(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	left, _, err := countCopies(ctx, tx, s)
	if err != nil || left > 0 {
		return err
	}
	if left, _, err = countArchive(ctx, tx, s); err != nil || left > 0 {
		return err
	}
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM billing_aside WHERE subject = $1 AND file <> ''`, s).Scan(&left); err != nil || left > 0 {
		return err
	}
	row, err := b.Vault.Row(ctx, tx, s, invoices)
	if loot.KindOf(err) == loot.NotFound || err == nil && row.Erased() {
		return nil // none was ever written, or it is done
	}
	if err != nil {
		return err
	}
	p, err := b.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Erase, Actor: b.actor(), Desk: name, Purpose: forBookkeeping, Subject: s, Collection: invoices, Fields: []loot.Field{partyField},
	})
	if err != nil {
		return err
	}
	// Erasing the record is told to all who keep something of the person,
	// which would be wrong of somebody who is still a customer.
	row, err = b.Vault.Row(ctx, tx, s, collection)
	if loot.KindOf(err) == loot.NotFound || err == nil && row.Erased() {
		return b.Vault.Erase(ctx, tx, p)
	}
	if err != nil {
		return err
	}
	return b.Vault.Remove(ctx, tx, p)
}
