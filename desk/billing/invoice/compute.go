package invoice

import (
	"cmp"
	"fmt"
	"slices"
)

// Compute sets what follows from the rest: net amounts, allowances and charges
// in percent, the breakdown of the tax and the totals. Each amount is rounded
// half up to the places of the currency ([Places]), the tax once for each
// category and rate, from the sum of what it is on. It fails on a currency that
// ISO 4217 does not have, and on an amount that is too large ([ErrOverflow]);
// the invoice is then as it was.
func (inv *Invoice) Compute() error {
	places, ok := Places(inv.Currency)
	if !ok {
		return fmt.Errorf("invoice: no currency %.8q in ISO 4217", inv.Currency)
	}
	c := &calc{}
	lines := slices.Clone(inv.Lines)
	for i := range lines {
		l := &lines[i]
		l.Allowances, l.Charges = c.adjust(l.Allowances, places), c.adjust(l.Charges, places)
		l.Net = c.net(*l, places)
	}
	allowances, charges := c.adjust(inv.Allowances, places), c.adjust(inv.Charges, places)
	out := *inv
	out.Lines, out.Allowances, out.Charges = lines, allowances, charges
	out.Breakdown = c.breakdown(&out, places)
	out.Totals = c.totals(&out)
	if c.err != nil {
		return c.err
	}
	*inv = out
	return nil
}

// net returns the net amount of a line: price by quantity, with its charges and
// without its allowances.
func (c *calc) net(l Line, places int) Decimal {
	base := l.Base
	if base.IsZero() {
		base = Int(1)
	}
	net := c.share(l.Quantity, l.Price, base, places)
	return c.sub(c.add(net, c.sum(l.Charges)), c.sum(l.Allowances))
}

func (c *calc) adjust(list []Adjustment, places int) []Adjustment {
	list = slices.Clone(list)
	for i, a := range list {
		if !a.Percent.IsZero() {
			list[i].Amount = c.share(a.Base, a.Percent, Int(100), places)
		}
	}
	return list
}

func (c *calc) sum(list []Adjustment) (sum Decimal) {
	for _, a := range list {
		sum = c.add(sum, a.Amount)
	}
	return sum
}

// number returns what names the account.
func (a Account) number() string {
	if a.IBAN != "" {
		return a.IBAN
	}
	return a.Other
}

// Convert returns an amount in another currency, rounded half up to its places: so
// much of it is as much as so much of the amount's own, as exchange rates are told
// against a third.
func Convert(amount, of, own Decimal, currency string) (Decimal, error) {
	places, ok := Places(currency)
	if !ok {
		return Decimal{}, fmt.Errorf("invoice: no currency %.8q in ISO 4217", currency)
	}
	c := &calc{}
	out := c.share(amount, of, own, places)
	return out, c.err
}

// categories is the order in which a breakdown is shown.
var categories = []Category{Standard, ZeroRated, Exempt, ReverseCharge, IntraCommunity, Export, OutOfScope, Canaries, CeutaMelilla}

func (c *calc) breakdown(inv *Invoice, places int) []Subtotal {
	var out []Subtotal
	at := func(t Tax) *Subtotal {
		i := slices.IndexFunc(out, func(s Subtotal) bool { return s.Tax.Category == t.Category && s.Tax.Rate.Equal(t.Rate) })
		if i < 0 {
			i = len(out)
			out = append(out, Subtotal{Tax: t})
		}
		return &out[i]
	}
	for _, l := range inv.Lines {
		s := at(l.Tax)
		s.Taxable = c.add(s.Taxable, l.Net)
	}
	for _, a := range inv.Allowances {
		s := at(a.Tax)
		s.Taxable = c.sub(s.Taxable, a.Amount)
	}
	for _, a := range inv.Charges {
		s := at(a.Tax)
		s.Taxable = c.add(s.Taxable, a.Amount)
	}
	for i := range out {
		s := &out[i]
		s.Amount = c.share(s.Taxable, s.Tax.Rate, Int(100), places)
		for _, e := range inv.Exemptions {
			if e.Category == s.Tax.Category {
				s.Code, s.Text = e.Code, e.Text
			}
		}
	}
	slices.SortFunc(out, func(a, b Subtotal) int {
		return cmp.Or(
			cmp.Compare(slices.Index(categories, a.Tax.Category), slices.Index(categories, b.Tax.Category)),
			b.Tax.Rate.Cmp(a.Tax.Rate))
	})
	return out
}

func (c *calc) totals(inv *Invoice) (t Totals) {
	for _, l := range inv.Lines {
		t.Lines = c.add(t.Lines, l.Net)
	}
	t.Allowances, t.Charges = c.sum(inv.Allowances), c.sum(inv.Charges)
	t.WithoutTax = c.add(c.sub(t.Lines, t.Allowances), t.Charges)
	for _, s := range inv.Breakdown {
		t.Tax = c.add(t.Tax, s.Amount)
	}
	t.WithTax = c.add(t.WithoutTax, t.Tax)
	t.Due = c.add(c.sub(t.WithTax, inv.Prepaid), inv.Rounding)
	return t
}
