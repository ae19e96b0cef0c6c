package billing

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/desk/billing/camt"
	"loot/desk/billing/invoice"
	"loot/store"
)

// A finder finds numbers of invoices in what a payer wrote.
type finder struct {
	series []string
	shapes []*regexp.Regexp // of each: its parts and the number, however they are put apart
}

const apart = `[\s\-/._:]*`

var parts = regexp.MustCompile(`[A-Z0-9]+`)

func newFinder(series []string) (f finder) {
	for _, s := range series {
		words := parts.FindAllString(strings.ToUpper(s), -1)
		if len(words) == 0 {
			continue
		}
		f.series = append(f.series, s)
		f.shapes = append(f.shapes, regexp.MustCompile(`(?:^|[^A-Z0-9])`+strings.Join(words, apart)+apart+`([0-9]{1,9})`))
	}
	return f
}

// A named invoice is one that a payment names.
type named struct {
	series   string
	sequence int64
	sure     bool // by a reference with check digits
}

// find returns the invoices that a payment names, each once.
func (f finder) find(p *camt.Payment) (out []named) {
	add := func(series, digits string, sure bool) {
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n == 0 {
			return
		}
		i := slices.IndexFunc(out, func(o named) bool { return o.series == series && o.sequence == n })
		if i < 0 {
			i, out = len(out), append(out, named{series: series, sequence: n})
		}
		out[i].sure = out[i].sure || sure
	}
	// A bank breaks long lines, within a number too.
	texts := append([]string{strings.ReplaceAll(p.Text, "\n", " "), strings.ReplaceAll(p.Text, "\n", ""), p.EndToEnd}, p.Refs...)
	for _, text := range texts {
		for i, shape := range f.shapes {
			for _, m := range shape.FindAllStringSubmatch(strings.ToUpper(text), -1) {
				add(f.series[i], m[1], false)
			}
		}
		for _, ref := range camt.CreditorReferences(text) {
			for _, s := range f.series {
				if rest, ok := strings.CutPrefix(ref, strings.Join(parts.FindAllString(strings.ToUpper(s), -1), "")); ok {
					add(s, rest, true)
				}
			}
		}
	}
	return out
}

// A share is a part of a payment that is for an invoice; below zero, one that
// is taken back.
type share struct {
	Invoice string
	Amount  int64
}

// A matching is what became of a payment.
type matching struct {
	Subject loot.Subject // whose it is; empty: nobody knows
	Shares  []share
	Of      string // the payment that it takes back; empty: none
	Finding string // why a person has to decide; empty: it is decided
}

// match decides for which invoices a payment is, by what it says and its amount.
// What is not certain is left to a person.
func match(ctx context.Context, tx *store.Tx, f finder, p *camt.Payment, amount int64, thread string) (matching, error) {
	var list []Issued
	sure := true
	for _, n := range f.find(p) {
		found, err := readInvoices(ctx, tx, `WHERE i.series = $1 AND i.sequence = $2`, n.series, n.sequence)
		if err != nil {
			return matching{}, err
		}
		for _, i := range found {
			if i.Kind != invoice.CreditNote {
				list, sure = append(list, i), sure && n.sure
			}
		}
	}
	if p.Returned {
		return matchReturn(ctx, tx, list, p, amount, thread)
	}
	return judgePayment(list, sure, p, amount), nil
}

// judgePayment decides about a payment that names invoices: surely, if by a
// reference with check digits. What is less than what is open on the one that is named
// is a part of it.
func judgePayment(list []Issued, sure bool, p *camt.Payment, amount int64) (m matching) {
	if len(list) == 0 {
		m.Finding = "It names no invoice of ours."
		return m
	}
	m.Subject = list[0].Subject
	var open int64
	for _, i := range list {
		if i.Subject != m.Subject {
			return matching{Finding: "It names invoices of several customers."}
		}
		if i.Currency != p.Currency {
			m.Finding = "It is in another currency than invoice " + i.Number + "."
			return m
		}
		open += max(0, i.Open())
	}
	one := list[0]
	switch {
	case p.Whole:
		m.Finding = "The bank put several payments together and does not say how much each is."
	case len(list) > 1 && open != amount:
		m.Finding = "It names several invoices, and is not the sum of what is open on them."
	case open == 0 && one.Credited != "":
		m.Finding = "Invoice " + one.Number + " was taken back."
	case open == 0:
		m.Finding = "Invoice " + one.Number + " is paid already, so this may be a payment made twice."
	case amount > open && !sure:
		m.Finding = "It names invoice " + one.Number + ", of which less is open."
	default:
		left := amount
		for _, i := range list {
			if part := min(left, i.Open()); part > 0 {
				m.Shares = append(m.Shares, share{i.Number, part})
				left -= part
			}
		}
	}
	return m
}

// matchReturn looks for the payment that another takes back: of the same amount,
// with the payer's own reference or for an invoice that both name.
func matchReturn(ctx context.Context, tx *store.Tx, list []Issued, p *camt.Payment, amount int64, thread string) (m matching, err error) {
	if amount > 0 {
		m.Finding = "A transfer of ours came back."
		return m, nil
	}
	numbers := make([]string, len(list))
	for i := range list {
		numbers[i] = list[i].Number
	}
	taken, err := takeable(ctx, tx, -amount, p.Currency, thread, numbers)
	if err != nil {
		return m, err
	}
	if len(taken) != 1 {
		m.Finding = "It takes back a payment, and nothing tells surely which."
		return m, nil
	}
	shares, err := sharesOf(ctx, tx, taken[0].ID)
	m.Subject, m.Of, m.Shares = taken[0].Subject, taken[0].ID, negated(shares)
	return m, err
}

// units counts an amount of the bank's in the smallest unit of its currency.
func units(p *camt.Payment) (int64, error) {
	n, err := smallest(p.Amount, p.Currency)
	if err != nil {
		return 0, fmt.Errorf("billing: payment: %w", err)
	}
	return n, nil
}
