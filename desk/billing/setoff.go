package billing

import (
	"context"
	"fmt"
	"slices"

	"loot"
	"loot/store"
)

// A purse is what a customer has in one currency.
type purse struct {
	subject  loot.Subject
	currency string
}

// A setting is what of a payment is set off against an invoice.
type setting struct {
	payment string
	share   share
}

// setOff gives what customers have in credit to what is open on their invoices as
// [Billing.settings] says, but for some invoices, and returns how much each got.
func (b *Billing) setOff(ctx context.Context, tx *store.Tx, subjects []loot.Subject, but ...string) (map[string]int64, error) {
	all, left, err := b.settings(ctx, tx, subjects, but)
	if err != nil || len(all)+len(left) == 0 {
		return nil, err // as of most customers, so that nobody waits
	}
	if err := settling(ctx, tx); err != nil {
		return nil, err
	}
	if all, _, err = b.settings(ctx, tx, subjects, but); err != nil {
		return nil, err // it may have been given meanwhile
	}
	got := map[string]int64{}
	for _, one := range all {
		if err := b.give(ctx, tx, one.payment, "", []share{one.share}); err != nil {
			return nil, err
		}
		got[one.share.Invoice] += one.share.Amount
	}
	return got, nil
}

// settings returns what customers' credit is set off against, and what is left of it then:
// the oldest payment goes to the oldest open invoice, each in its currency. A payment that
// waits to be decided, or went back, is no credit; and what somebody says is wrong on an
// invoice is answered before it is paid from that.
func (b *Billing) settings(ctx context.Context, tx *store.Tx, subjects []loot.Subject, but []string) (all []setting, left map[purse]int64, err error) {
	if len(subjects) == 0 {
		return nil, nil, nil
	}
	args := make([]any, len(subjects))
	for i, s := range subjects {
		args[i] = s
	}
	of := store.Placeholders(1, len(args))
	credits, err := readPayments(ctx, tx, `WHERE p.subject IN (`+of+`) AND p.decided <> 0 AND p.amount > 0 AND p.amount > COALESCE((SELECT SUM(s.amount) FROM billing_paid s WHERE s.payment = p.id), 0)
		AND NOT EXISTS (SELECT 1 FROM billing_payment b WHERE b.takes = p.id) ORDER BY p.day, p.at, p.id`, args...)
	if err != nil || len(credits) == 0 {
		return nil, nil, err
	}
	open, err := readInvoices(ctx, tx, `WHERE i.subject IN (`+of+`) AND i.kind <> '381' AND c.original IS NULL AND i.total > `+paidSum+` ORDER BY i.at, i.series, i.sequence`, args...)
	if err != nil {
		return nil, nil, err
	}
	left = map[purse]int64{}
	for _, p := range credits {
		left[purse{p.Subject, p.Currency}] += p.Left()
	}
	for _, i := range open {
		mine := purse{i.Subject, i.Currency}
		if left[mine] == 0 || slices.Contains(but, i.Number) {
			continue
		}
		if disputed, err := b.isDisputed(ctx, tx, i); err != nil {
			return nil, nil, err
		} else if disputed {
			continue
		}
		due := i.Open()
		for n := range credits {
			p := &credits[n]
			part := min(due, p.Left())
			if part <= 0 || p.Subject != i.Subject || p.Currency != i.Currency {
				continue
			}
			all = append(all, setting{p.ID, share{i.Number, part}})
			p.Given, due = p.Given+part, due-part
			left[mine] -= part
		}
	}
	return all, left, nil
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
