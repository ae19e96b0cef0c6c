package invoice

import (
	"errors"
	"math/big"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

var anyTax = rapid.SampledFrom([]Tax{
	{Standard, Dec("19")},
	{Standard, Dec("7")},
	{Standard, Dec("5.5")},
	{Canaries, Dec("0")},
	{CeutaMelilla, Dec("0.5")},
	{Category: ZeroRated},
	{Category: Exempt},
	{Category: ReverseCharge},
})

func amount(pattern string) *rapid.Generator[Decimal] {
	return rapid.Custom(func(t *rapid.T) Decimal { return Dec(rapid.StringMatching(pattern).Draw(t, "amount")) })
}

var anyInvoice = rapid.Custom(func(t *rapid.T) *Invoice {
	inv := &Invoice{Currency: rapid.SampledFrom([]string{"EUR", "JPY", "KWD"}).Draw(t, "currency")}
	adjustments := func(label string) (out []Adjustment) {
		for range rapid.IntRange(0, 2).Draw(t, label) {
			a := Adjustment{Tax: anyTax.Draw(t, "tax"), Amount: amount(`[0-9]{1,5}`).Draw(t, "fixed")}
			if rapid.Bool().Draw(t, "in percent") {
				a.Percent, a.Base = amount(`[1-9][0-9]?(\.[0-9])?`).Draw(t, "percent"), amount(`[0-9]{1,6}`).Draw(t, "base")
			}
			out = append(out, a)
		}
		return out
	}
	for i := range rapid.IntRange(0, 8).Draw(t, "lines") {
		l := Line{
			ID: strconv.Itoa(i + 1), Tax: anyTax.Draw(t, "tax"),
			Quantity: amount(`-?[0-9]{1,6}(\.[0-9]{1,4})?`).Draw(t, "quantity"), Price: amount(`[0-9]{1,4}(\.[0-9]{1,6})?`).Draw(t, "price"),
			Allowances: adjustments("allowances"), Charges: adjustments("charges"),
		}
		if rapid.Bool().Draw(t, "based") {
			l.Base = amount(`[1-9][0-9]{0,3}`).Draw(t, "base")
		}
		inv.Lines = append(inv.Lines, l)
	}
	inv.Allowances, inv.Charges = adjustments("of document"), adjustments("of document")
	inv.Prepaid = amount(`[0-9]{1,4}`).Draw(t, "prepaid")
	return inv
})

func sumRat(all ...*big.Rat) *big.Rat {
	sum := new(big.Rat)
	for _, r := range all {
		sum.Add(sum, r)
	}
	return sum
}

// TestSums computes any invoice a second time with fractions, and bounds what
// rounding does.
func TestSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inv := anyInvoice.Draw(t, "invoice")
		if err := inv.Compute(); err != nil {
			t.Fatal(err)
		}
		places, _ := Places(inv.Currency)
		list := func(all []Adjustment) *big.Rat {
			sum := new(big.Rat)
			for _, a := range all {
				if !a.Percent.IsZero() {
					want := halfUpRat(new(big.Rat).Quo(new(big.Rat).Mul(rat(a.Base), rat(a.Percent)), big.NewRat(100, 1)), places)
					if rat(a.Amount).Cmp(want) != 0 {
						t.Fatalf("%v %% of %v is %v", a.Percent, a.Base, a.Amount)
					}
				}
				sum.Add(sum, rat(a.Amount))
			}
			return sum
		}
		minus := func(r *big.Rat) *big.Rat { return new(big.Rat).Neg(r) }
		lines, exact, byTax := new(big.Rat), new(big.Rat), map[string]*big.Rat{}
		key := func(tax Tax) string { return string(tax.Category) + tax.Rate.String() }
		put := func(tax Tax, r *big.Rat) {
			if byTax[key(tax)] == nil {
				byTax[key(tax)] = new(big.Rat)
			}
			byTax[key(tax)].Add(byTax[key(tax)], r)
		}
		for _, l := range inv.Lines {
			base := big.NewRat(1, 1)
			if !l.Base.IsZero() {
				base = rat(l.Base)
			}
			gross := new(big.Rat).Quo(new(big.Rat).Mul(rat(l.Quantity), rat(l.Price)), base)
			net := sumRat(halfUpRat(gross, places), list(l.Charges), minus(list(l.Allowances)))
			if rat(l.Net).Cmp(net) != 0 {
				t.Fatalf("line %s: net %v, want %v", l.ID, l.Net, net)
			}
			lines.Add(lines, net)
			exact.Add(exact, sumRat(gross, list(l.Charges), minus(list(l.Allowances))))
			put(l.Tax, net)
		}
		for _, a := range inv.Allowances {
			put(a.Tax, minus(rat(a.Amount)))
		}
		for _, a := range inv.Charges {
			put(a.Tax, rat(a.Amount))
		}
		tax := new(big.Rat)
		if len(inv.Breakdown) != len(byTax) {
			t.Fatalf("%d subtotals, want %d", len(inv.Breakdown), len(byTax))
		}
		for _, s := range inv.Breakdown {
			want := halfUpRat(new(big.Rat).Quo(new(big.Rat).Mul(byTax[key(s.Tax)], rat(s.Tax.Rate)), big.NewRat(100, 1)), places)
			if rat(s.Taxable).Cmp(byTax[key(s.Tax)]) != 0 || rat(s.Amount).Cmp(want) != 0 {
				t.Fatalf("%v: %v on %v, want %v on %v", s.Tax, s.Amount, s.Taxable, want, byTax[key(s.Tax)])
			}
			tax.Add(tax, want)
		}
		without := sumRat(lines, list(inv.Charges), minus(list(inv.Allowances)))
		totals := inv.Totals
		for _, c := range []struct {
			name string
			got  Decimal
			want *big.Rat
		}{
			{"lines", totals.Lines, lines},
			{"without tax", totals.WithoutTax, without},
			{"tax", totals.Tax, tax},
			{"with tax", totals.WithTax, sumRat(without, tax)},
			{"due", totals.Due, sumRat(without, tax, minus(rat(inv.Prepaid)))},
		} {
			if rat(c.got).Cmp(c.want) != 0 {
				t.Fatalf("%s: %v, want %v", c.name, c.got, c.want)
			}
		}
		// each line is off by at most half of the smallest unit
		bound := big.NewRat(int64(len(inv.Lines)), 2)
		for range places {
			bound.Quo(bound, big.NewRat(10, 1))
		}
		if off := new(big.Rat).Abs(sumRat(lines, minus(exact))); off.Cmp(bound) > 0 {
			t.Fatalf("rounding takes %v, more than %v", off, bound)
		}
		for _, f := range inv.Check() { // whatever is missing, the sums are right
			if f.Rule == ruleNet || f.Where == "totals" || f.Rule == "BR-CO-17" {
				t.Fatal(f)
			}
		}
	})
}

func TestComputeIsDoneOnceAndForAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inv := anyInvoice.Draw(t, "invoice")
		if err := inv.Compute(); err != nil {
			t.Fatal(err)
		}
		first := string(inv.UBL())
		if err := inv.Compute(); err != nil {
			t.Fatal(err)
		}
		if first != string(inv.UBL()) {
			t.Fatal("computing twice changes the invoice")
		}
	})
}

func TestWhatIsTooLargeFailsAndChangesNothing(t *testing.T) {
	large := Dec("999999999999999")
	for name, inv := range map[string]*Invoice{
		"a line":      {Currency: "EUR", Lines: []Line{{Quantity: large, Price: large}}},
		"two lines":   {Currency: "EUR", Lines: []Line{{Quantity: Int(1), Price: large}, {Quantity: Int(1), Price: large}}},
		"the tax":     {Currency: "EUR", Lines: []Line{{Quantity: Int(1), Price: large, Tax: Tax{Standard, Dec("19")}}}},
		"a charge":    {Currency: "EUR", Lines: []Line{{Quantity: Int(1), Price: large, Charges: []Adjustment{{Amount: Int(1)}}}}},
		"a small one": {Currency: "EUR", Lines: []Line{{Quantity: large, Price: large, Base: Dec("0.0000000001")}}},
	} {
		inv.Totals.Due = Int(7)
		inv.Allowances = []Adjustment{{Percent: Int(10), Base: Int(100)}}
		if err := inv.Compute(); !errors.Is(err, ErrOverflow) {
			t.Errorf("%s: %v", name, err)
		}
		if !inv.Totals.Due.Equal(Int(7)) || !inv.Lines[0].Net.IsZero() || !inv.Allowances[0].Amount.IsZero() {
			t.Errorf("%s: an error leaves something behind", name)
		}
	}
	if err := (&Invoice{Currency: "EUO"}).Compute(); err == nil {
		t.Error("a currency that does not exist is computed in")
	}
}
