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

// lapses foretells which documents of invoices go up to a time.
func (b *Billing) lapses(ctx context.Context, tx *store.Tx, until time.Time) ([]desk.Lapse, error) {
	p, ok, err := b.bookkeeping()
	if err != nil || !ok {
		return nil, err
	}
	old, err := readInvoices(ctx, tx, `WHERE r.number IS NULL AND i.at < $1`, until.Add(-p.Retain+48*time.Hour).UnixMicro())
	if err != nil {
		return nil, err
	}
	days := map[time.Time]int{}
	for _, i := range old {
		if end := p.Keep.After(i.At.UTC()); !end.After(until) {
			days[desk.DayOf(end)]++
		}
	}
	before, err := readArchive(ctx, tx, `WHERE kept <= $1`, until.UnixMicro())
	if err != nil {
		return nil, err
	}
	daysBefore := map[time.Time]int{}
	for _, a := range before {
		daysBefore[desk.DayOf(a.Kept)]++
	}
	var out []desk.Lapse
	for what, days := range map[string]map[time.Time]int{copies: days, copiesBefore: daysBefore} {
		for day, n := range days {
			out = append(out, desk.Lapse{Day: day, What: what, Why: whyOver(p), Clause: p.Clause, Count: n})
		}
	}
	return out, nil
}

func whyOver(p statement.Purpose) string { return p.Keep.Words() + " after it was written: " + p.Law }

// bookkeeping returns the purpose for which the law has invoices kept; false: the
// statement in force has none.
func (b *Billing) bookkeeping() (statement.Purpose, bool, error) {
	s, err := b.inForce()
	if err != nil {
		return statement.Purpose{}, false, err
	}
	p, ok := s.Purpose(forBookkeeping)
	return p, ok, nil
}

// retains tells which invoices the law has kept, of a person or of everybody.
func (b *Billing) retains(ctx context.Context, tx *store.Tx, s loot.Subject) ([]desk.Retained, error) {
	p, ok, err := b.bookkeeping()
	if err != nil || !ok {
		return nil, err
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

// removeCopy removes the documents of an invoice that no law wants kept any longer,
// and with the last of somebody's the key to them. Gone notes that they are gone.
func (b *Billing) removeCopy(ctx context.Context, s loot.Subject, file, what string, why statement.Purpose, gone func(*store.Tx) error) error {
	return b.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := b.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Collect, Actor: b.actor(), Desk: name, Purpose: forBookkeeping, Subject: s, Collection: invoices, Fields: []loot.Field{partyField},
		})
		if err != nil {
			return err
		}
		if err := b.Vault.RemoveFile(ctx, tx, p, file); err != nil {
			return err
		}
		if err := gone(tx); err != nil {
			return fmt.Errorf("billing: removed: %w", err)
		}
		if err := b.Erased(ctx, tx, name, desk.Lapse{What: what, Why: whyOver(why), Clause: why.Clause, Count: 1}); err != nil {
			return err
		}
		return b.eraseCopies(ctx, tx, s)
	})
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
