package invoice

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNumbersAreReadOrRefused(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "-0.00": "0", "12.50": "12.5", "-12.50": "-12.5", "0012": "12", "100": "100", "1000000": "1000000",
		"999999999999999": "999999999999999", "000999999999999999": "999999999999999", "0.0000000001": "0.0000000001", "1.00000000000000": "1",
	} {
		d, err := ParseDecimal(in)
		if err != nil || d.String() != want {
			t.Errorf("%q: %v, %v, want %v", in, d, err, want)
		}
	}
	for _, in := range []string{
		"", "-", ".", "1.", ".5", "+1", "1e3", "1,5", " 1", "1 ", "0x1", "NaN", "Infinity", "--1", "1.2.3", "١", "0.00000000001",
		"1000000000000000", "-1000000000000000", strings.Repeat("9", 400), "1" + strings.Repeat("0", 100_000),
	} {
		if d, err := ParseDecimal(in); err == nil {
			t.Errorf("%.20q is read as %v", in, d)
		}
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"0", "-1.5", "1e9", "999999999999999.9999999999", "..", "1.0.0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDecimal(s)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok || want.Cmp(rat(d)) != 0 {
			t.Fatalf("%q is read as %v", s, d)
		}
		if again, err := ParseDecimal(d.String()); err != nil || !again.Equal(d) || again.String() != d.String() {
			t.Fatalf("%q: %v is written and read as %v, %v", s, d, again, err)
		}
	})
}

func rat(d Decimal) *big.Rat {
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic(d.String())
	}
	return r
}

// halfUpRat rounds as EN 16931 says, by another way than the code: twice the
// number plus one half, cut.
func halfUpRat(r *big.Rat, places int) *big.Rat {
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil))
	scaled := new(big.Rat).Mul(new(big.Rat).Abs(r), scale)
	scaled.Add(scaled, big.NewRat(1, 2))
	whole := new(big.Rat).SetInt(new(big.Int).Quo(scaled.Num(), scaled.Denom()))
	if r.Sign() < 0 {
		whole.Neg(whole)
	}
	return whole.Quo(whole, scale)
}

var number = rapid.Custom(func(t *rapid.T) Decimal {
	digits := rapid.StringMatching(`-?[0-9]{1,15}(\.[0-9]{1,10})?`).Draw(t, "number")
	return Dec(digits)
})

func TestRoundingIsHalfUp(t *testing.T) {
	for _, c := range []struct {
		in     string
		places int
		want   string
	}{
		{"0.005", 2, "0.01"},
		{"-0.005", 2, "-0.01"},
		{"0.0049999999", 2, "0"},
		{"1.005", 2, "1.01"},
		{"2.675", 2, "2.68"},
		{"0.5", 0, "1"},
		{"-0.5", 0, "-1"},
		{"1.5", 0, "2"},
		{"2.5", 0, "3"},
		{"0.0005", 3, "0.001"},
		{"99.995", 2, "100"},
	} {
		calc := &calc{}
		if got := calc.round(Dec(c.in), c.places); got.String() != c.want || calc.err != nil {
			t.Errorf("%s to %d places: %v, %v, want %s", c.in, c.places, got, calc.err, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, by := number.Draw(t, "a"), number.Draw(t, "b"), number.Draw(t, "by")
		places := rapid.IntRange(0, 3).Draw(t, "places")
		c := &calc{}
		got := c.share(a, b, by, places)
		if by.IsZero() {
			if c.err == nil {
				t.Fatal("divided by zero")
			}
			return
		}
		want := halfUpRat(new(big.Rat).Quo(new(big.Rat).Mul(rat(a), rat(b)), rat(by)), places)
		if new(big.Rat).Abs(want).Cmp(big.NewRat(1_000_000_000_000_000, 1)) >= 0 {
			if !errors.Is(c.err, ErrOverflow) {
				t.Fatalf("%v × %v ÷ %v is too large, and is %v, %v", a, b, by, got, c.err)
			}
			return
		}
		if c.err != nil || rat(got).Cmp(want) != 0 {
			t.Fatalf("%v × %v ÷ %v = %v, %v, want %v", a, b, by, got, c.err, want)
		}
	})
}

func TestSumsAreExactOrFail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		c := &calc{}
		sum, difference := c.add(a, b), c.sub(a, b)
		if c.err != nil {
			if !errors.Is(c.err, ErrOverflow) {
				t.Fatal(c.err)
			}
			return
		}
		if rat(sum).Cmp(new(big.Rat).Add(rat(a), rat(b))) != 0 || rat(difference).Cmp(new(big.Rat).Sub(rat(a), rat(b))) != 0 {
			t.Fatalf("%v, %v: %v, %v", a, b, sum, difference)
		}
	})
	c := &calc{}
	if c.add(Dec("999999999999999"), Dec("1")); !errors.Is(c.err, ErrOverflow) {
		t.Errorf("too large, and no error: %v", c.err)
	}
	if got := c.add(Int(1), Int(1)); !got.IsZero() {
		t.Errorf("a sum goes on after an error: %v", got)
	}
}

func TestFixedNeverRounds(t *testing.T) {
	for _, c := range []struct {
		in     string
		places int
		want   string
	}{{"1", 2, "1.00"}, {"1.5", 2, "1.50"}, {"1.005", 2, "1.005"}, {"-0.1", 0, "-0.1"}, {"1000", 0, "1000"}, {"0", 3, "0.000"}} {
		if got := Dec(c.in).Fixed(c.places); got != c.want {
			t.Errorf("%s with %d places: %s, want %s", c.in, c.places, got, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	for in, ok := range map[string]bool{
		"2024-02-29": true, "2023-02-29": false, "2026-13-01": false, "2026-1-1": false, "": true, "2026-02-28T00:00:00Z": false, "0000-00-00": false,
	} {
		d, err := ParseDate(in)
		if (err == nil) != ok || ok && d.String() != in {
			t.Errorf("%q: %v, %v", in, d, err)
		}
	}
	if (Date{2023, 2, 29}).Valid() || (Date{}).Valid() || !(Date{2024, 2, 29}).Valid() {
		t.Error("leap days are not told")
	}
	if got := Day(2024, 12, 31).AddDays(60); got != Day(2025, 3, 1) {
		t.Errorf("60 days after the end of 2024: %v", got)
	}
}

func TestCurrenciesHaveTheirPlaces(t *testing.T) {
	for code, want := range map[string][2]int{"EUR": {2, 2}, "JPY": {0, 0}, "KWD": {3, 2}, "CHF": {2, 2}, "ISK": {0, 0}, "TND": {3, 2}} {
		decimals, ok := Decimals(code)
		places, _ := Places(code)
		if !ok || decimals != want[0] || places != want[1] {
			t.Errorf("%s: %d, %d, %v, want %v", code, decimals, places, ok, want)
		}
	}
	for _, code := range []string{"", "EU", "eur", "XTS", "XAU", "EURO", "currency:"} {
		if _, ok := Decimals(code); ok {
			t.Errorf("%q is a currency", code)
		}
	}
	for _, code := range append(withoutDecimals, threeDecimals...) {
		if !isCode("currency", code) {
			t.Errorf("%s has places and is no currency", code)
		}
	}
}
