package invoice

import (
	"slices"
	"strconv"
)

// Places in which a rule of a category speaks of a rate: its number follows the
// category's name, as BR-S-05.
const (
	lineTax      = "05"
	allowanceTax = "06"
	chargeTax    = "07"
)

// families are the rules' names of the categories.
var families = map[Category]string{
	Standard: "BR-S-", ZeroRated: "BR-Z-", Exempt: "BR-E-", ReverseCharge: "BR-AE-", IntraCommunity: "BR-IC-",
	Export: "BR-G-", OutOfScope: "BR-O-", Canaries: "BR-AF-", CeutaMelilla: "BR-AG-",
}

// taxed says whether the category has rates of its own, and no reason for none.
func (k Category) taxed() bool { return k == Standard || k == Canaries || k == CeutaMelilla }

// reasoned says whether the category needs a reason for which there is no tax.
func (k Category) reasoned() bool { return !k.taxed() && k != ZeroRated }

func (c *checker) tax(t Tax, where, none, number string) {
	family, known := families[t.Category]
	c.must(t.Category != "", none, where, "Give the VAT category.")
	if !known {
		c.must(t.Category == "", "BR-CL-18", where, "Use a VAT category of the standard: S, Z, E, AE, K, G, O, L or M.")
		return
	}
	switch {
	case t.Category == Standard, t.Category == Canaries:
		// The standard's text lets IGIC have a rate of 0; its rules for CII, which each invoice must pass, do not.
		c.must(t.Rate.Sign() > 0, family+number, where, "Give the rate, greater than 0; the category Z is for a rate of 0.")
	case t.Category.taxed():
		c.must(t.Rate.Sign() >= 0, family+number, where, "Give a rate of 0 or more.")
	default:
		c.must(t.Rate.IsZero(), family+number, where, "Set the VAT rate to 0: the category has none.")
	}
}

func (c *checker) breakdown() {
	inv := c.inv
	c.must(len(inv.Breakdown) > 0, "BR-CO-18", "VAT breakdown", "Compute the invoice: it has no VAT breakdown.")
	want := &calc{}
	expected := want.breakdown(inv, c.places)
	for i, s := range inv.Breakdown {
		where := "VAT breakdown " + strconv.Itoa(i+1)
		family, known := families[s.Tax.Category]
		c.must(s.Tax.Category != "", "BR-47", where, "Give the VAT category.")
		c.must(known, "BR-CL-17", where, "Use a VAT category of the standard: S, Z, E, AE, K, G, O, L or M.")
		if !known {
			continue
		}
		c.amount(s.Taxable, "BR-DEC-19", where)
		c.amount(s.Amount, "BR-DEC-20", where)
		again := slices.ContainsFunc(inv.Breakdown[:i], func(e Subtotal) bool { return e.Tax.Category == s.Tax.Category })
		c.must(s.Tax.Category.taxed() || !again, family+"01", where, "Compute the invoice: this category stands in the breakdown once, with all its reasons.")
		at := slices.IndexFunc(expected, func(e Subtotal) bool { return e.Tax.Category == s.Tax.Category && e.Tax.Rate.Equal(s.Tax.Rate) })
		c.must(want.err == nil && at >= 0 && expected[at].Taxable.Equal(s.Taxable), family+"08", where,
			"Compute the invoice: the taxable amount is not the sum of what has this category and rate.")
		c.taxAmount(s, family, where)
		reason := filled(s.Code) || filled(s.Text)
		if s.Tax.Category.reasoned() {
			c.must(reason, family+"10", where, "Say why there is no tax, with a text or a code of the list VATEX.")
		} else {
			c.must(!reason, family+"10", where, "Remove the reason: the category is taxed.")
		}
		c.must(s.Code == "" || isCode("vatex", s.Code), "BR-CL-22", where, "Use a code of the list VATEX, as VATEX-EU-AE.")
		c.text(where, s.Text)
	}
	for _, e := range expected {
		in := func(s Subtotal) bool { return s.Tax.Category == e.Tax.Category && s.Tax.Rate.Equal(e.Tax.Rate) }
		c.must(slices.ContainsFunc(inv.Breakdown, in), families[e.Tax.Category]+"01", "VAT breakdown", "Compute the invoice: a category or rate that is used is missing.")
	}
}

func (c *checker) taxAmount(s Subtotal, family, where string) {
	if !s.Tax.Category.taxed() {
		c.must(s.Amount.IsZero(), family+"09", where, "Compute the invoice: this category has no tax.")
		return
	}
	if !c.money {
		return
	}
	sum := &calc{}
	amount := sum.share(s.Taxable, s.Tax.Rate, Int(100), c.places)
	ok := sum.err == nil && amount.Equal(s.Amount)
	c.must(ok, "BR-CO-17", where, "Compute the invoice: the tax is not the rate of the taxable amount.")
	c.must(ok, family+"09", where, "Compute the invoice: the tax is not the rate of the taxable amount.")
}

// used says in which places a category stands: lines, allowances, charges.
func (c *checker) used(k Category) []bool {
	of := func(a Adjustment) bool { return a.Tax.Category == k }
	return []bool{
		slices.ContainsFunc(c.inv.Lines, func(l Line) bool { return l.Tax.Category == k }),
		slices.ContainsFunc(c.inv.Allowances, of),
		slices.ContainsFunc(c.inv.Charges, of),
	}
}

// categories checks who must be registered for what, and what may not stand
// beside each other.
func (c *checker) categories() {
	inv := c.inv
	representative := inv.Representative != nil && filled(inv.Representative.VAT)
	byVAT := filled(inv.Seller.VAT) || representative
	buyer := filled(inv.Buyer.VAT)
	for _, k := range categories {
		for i, in := range c.used(k) {
			if !in {
				continue
			}
			where := []string{"lines", "allowances", "charges"}[i]
			rule := families[k] + []string{"02", "03", "04"}[i]
			switch k {
			case OutOfScope:
				c.must(!byVAT && !buyer, rule, where, "Remove the VAT numbers of seller, buyer and representative, or use another category: this is not subject to VAT.")
			case ReverseCharge:
				c.must(byVAT || filled(inv.Seller.TaxNumber), rule, "seller", "Give the seller's VAT or tax number: the tax is owed by the buyer.")
				c.must(buyer || filled(inv.Buyer.Register.Value), rule, "buyer", "Give the buyer's VAT number, or its number in a register: the buyer owes the tax.")
			case IntraCommunity:
				c.must(byVAT && buyer, rule, where, "Give the VAT numbers of seller and buyer: goods go to another member state.")
			case Export:
				c.must(byVAT, rule, where, "Give the seller's VAT number: this goes out of the Union.")
			default:
				c.must(byVAT || filled(inv.Seller.TaxNumber), rule, where, "Give the VAT or tax number of the seller or its representative.")
			}
		}
	}
	if slices.Contains(c.used(IntraCommunity), true) {
		c.must(!inv.Delivered.IsZero() || !inv.Period.IsZero(), "BR-IC-11", "delivery", "Set the day of delivery or the period of the invoice.")
		c.must(inv.DeliverTo != "", "BR-IC-12", "delivery", "Set the country to which the goods go.")
	}
	if slices.Contains(c.used(OutOfScope), true) {
		beside := func(s Subtotal) bool { return s.Tax.Category != OutOfScope }
		c.must(!slices.ContainsFunc(inv.Breakdown, beside), "BR-O-11", "VAT breakdown",
			"Put what is not subject to VAT on an invoice of its own.")
		for i, rule := range []string{"BR-O-12", "BR-O-13", "BR-O-14"} {
			for _, k := range categories {
				c.must(k == OutOfScope || !c.used(k)[i], rule, []string{"lines", "allowances", "charges"}[i],
					"Put what is not subject to VAT on an invoice of its own.")
			}
		}
	}
}

func (c *checker) totals() {
	inv, where := c.inv, "totals"
	sum := &calc{}
	want := sum.totals(inv)
	t := inv.Totals
	c.must(sum.err == nil, "BR-CO-10", where, "Divide the invoice: its sums are too large.")
	c.must(want.Lines.Equal(t.Lines), "BR-CO-10", where, "Compute the invoice: the sum of the lines is wrong.")
	c.must(want.Allowances.Equal(t.Allowances), "BR-CO-11", where, "Compute the invoice: the sum of the allowances is wrong.")
	c.must(want.Charges.Equal(t.Charges), "BR-CO-12", where, "Compute the invoice: the sum of the charges is wrong.")
	c.must(sum.add(sum.sub(t.Lines, t.Allowances), t.Charges).Equal(t.WithoutTax), "BR-CO-13", where, "Compute the invoice: the total without tax is wrong.")
	c.must(want.Tax.Equal(t.Tax), "BR-CO-14", where, "Compute the invoice: the sum of the tax is wrong.")
	c.must(sum.add(t.WithoutTax, t.Tax).Equal(t.WithTax), "BR-CO-15", where, "Compute the invoice: the total with tax is wrong.")
	c.must(sum.add(sum.sub(t.WithTax, inv.Prepaid), inv.Rounding).Equal(t.Due), "BR-CO-16", where, "Compute the invoice: the amount due is wrong.")
	for _, a := range []struct {
		amount Decimal
		rule   string
	}{
		{t.Lines, "BR-DEC-09"},
		{t.Allowances, "BR-DEC-10"},
		{t.Charges, "BR-DEC-11"},
		{t.WithoutTax, "BR-DEC-12"},
		{t.Tax, "BR-DEC-13"},
		{t.WithTax, "BR-DEC-14"},
		{inv.Prepaid, "BR-DEC-16"},
		{inv.Rounding, "BR-DEC-17"},
		{t.Due, "BR-DEC-18"},
	} {
		c.amount(a.amount, a.rule, where)
	}
}
