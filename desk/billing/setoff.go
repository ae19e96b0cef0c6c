package billing

import (
	"context"
	"fmt"
	"slices"

	"loot"
	"loot/store"
)

// setOff gives what customers have in credit to what is open on their invoices, the
// oldest payment and the oldest invoice first, each in its currency. A payment that waits
// to be decided, or went back, is no credit; and what somebody says is wrong on an invoice
// is answered before it is paid from that.
func (b *Billing) setOff(ctx context.Context, tx *store.Tx, subjects []loot.Subject) error {
	if len(subjects) == 0 {
		return nil
	}
	args := make([]any, len(subjects))
	for i, s := range subjects {
		args[i] = s
	}
	of := store.Placeholders(1, len(args))
	const left = `p.decided <> 0 AND p.amount > COALESCE((SELECT SUM(s.amount) FROM billing_paid s WHERE s.payment = p.id), 0) AND p.amount > 0 AND NOT EXISTS (SELECT 1 FROM billing_payment b WHERE b.takes = p.id)`
	where := `WHERE p.subject IN (` + of + `) AND ` + left + ` ORDER BY p.day, p.at, p.id`
	credits, err := readPayments(ctx, tx, where, args...)
	if err != nil || len(credits) == 0 {
		return err // as of most customers, so that nobody waits
	}
	if err := settling(ctx, tx); err != nil {
		return err
	}
	if credits, err = readPayments(ctx, tx, where, args...); err != nil {
		return err // they may have been given meanwhile
	}
	open, err := readInvoices(ctx, tx, `WHERE i.subject IN (`+of+`) AND i.kind <> '381' AND c.original IS NULL AND i.total > `+paidSum+` ORDER BY i.at, i.series, i.sequence`, args...)
	if err != nil {
		return err
	}
	for _, i := range open {
		due := i.Open()
		for n := range credits {
			p := &credits[n]
			part := min(due, p.Left())
			if part <= 0 || p.Subject != i.Subject || p.Currency != i.Currency {
				continue
			}
			disputed, err := b.isDisputed(ctx, tx, i)
			if err != nil {
				return err
			}
			if disputed {
				break
			}
			if err := b.give(ctx, tx, p.ID, "", []share{{i.Number, part}}); err != nil {
				return err
			}
			p.Given, due = p.Given+part, due-part
		}
	}
	return nil
}

// isDisputed reports whether its customer says that something on an invoice is wrong, and
// nobody has answered yet.
func (b *Billing) isDisputed(ctx context.Context, tx *store.Tx, i Issued) (bool, error) {
	if b.disputed == nil {
		return false, nil
	}
	yes, err := b.disputed(ctx, tx, i.Subject, i.Number)
	if err != nil {
		return false, fmt.Errorf("billing: disputed: %w", err)
	}
	return yes, nil
}

// subjectsOf returns whose drafts are, each once.
func subjectsOf(drafts []draft) (out []loot.Subject) {
	for _, d := range drafts {
		out = append(out, d.subject)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
