package invoice

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// The bounds of a number: what lies outside is refused, so that no sum of an
// invoice can leave the arithmetic.
const (
	wholeDigits    = 15
	decimalDigits  = 10
	workingDigits  = 120 // a product of three numbers within the bounds is exact
	quotientDigits = 40  // and a quotient is cut far behind the digit that rounding looks at
)

// ErrOverflow says that a number has more than 15 digits before the point.
var ErrOverflow = errors.New("invoice: an amount has more than 15 digits before the decimal point")

// A Decimal is an exact decimal number. The zero value is 0. It is a value:
// nothing changes it once it is made.
type Decimal struct{ d apd.Decimal }

// ParseDecimal reads digits with at most one point and a sign, as "-12.50":
// at most 15 digits before the point and 10 behind it, no exponent.
func ParseDecimal(s string) (Decimal, error) {
	digits := strings.TrimPrefix(s, "-")
	whole, part, point := strings.Cut(digits, ".")
	if whole == "" || point && part == "" || strings.Trim(whole+part, "0123456789") != "" {
		return Decimal{}, errors.New("invoice: not a decimal number: write digits with a point, as 12.50")
	}
	if len(strings.TrimLeft(whole, "0")) > wholeDigits {
		return Decimal{}, ErrOverflow
	}
	if len(strings.TrimRight(part, "0")) > decimalDigits {
		return Decimal{}, fmt.Errorf("invoice: a number has more than %d digits behind the decimal point", decimalDigits)
	}
	var out Decimal
	if _, _, err := out.d.SetString(s); err != nil {
		return Decimal{}, fmt.Errorf("invoice: not a decimal number: %w", err)
	}
	if out.d.IsZero() {
		return Decimal{}, nil // no minus, and no digits that an equal number lacks
	}
	out.d.Reduce(&out.d)
	return out, nil
}

// Dec is [ParseDecimal] for numbers in code; it panics on an error.
func Dec(s string) Decimal {
	d, err := ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

// Int returns a whole number.
func Int(n int64) Decimal { return Decimal{*apd.New(n, 0)} }

// Scaled returns n ÷ 10^places, as an amount that is kept in cents.
func Scaled(n int64, places int) Decimal {
	out := Decimal{*apd.New(n, int32(-places))}
	out.d.Reduce(&out.d)
	return out
}

// String returns the number without exponent and without trailing zeros behind
// the point.
func (a Decimal) String() string {
	s := a.d.Text('f')
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Fixed returns the number with so many digits behind the point, or with more
// if it has more: it never rounds.
func (a Decimal) Fixed(places int) string {
	s := a.String()
	whole, part, _ := strings.Cut(s, ".")
	if missing := places - len(part); missing > 0 {
		part += strings.Repeat("0", missing)
	}
	if part == "" {
		return whole
	}
	return whole + "." + part
}

// Places returns how many digits behind the point the number needs.
func (a Decimal) Places() int {
	_, part, _ := strings.Cut(a.String(), ".")
	return len(part)
}

// Sign returns -1, 0 or 1.
func (a Decimal) Sign() int { return a.d.Sign() }

// IsZero says whether the number is 0.
func (a Decimal) IsZero() bool { return a.d.IsZero() }

// Cmp returns -1, 0 or 1 as the number is less than, equal to or greater than b.
func (a Decimal) Cmp(b Decimal) int { return a.d.Cmp(&b.d) }

// Equal says whether both are the same number.
func (a Decimal) Equal(b Decimal) bool { return a.Cmp(b) == 0 }

// Neg returns the number with the other sign.
func (a Decimal) Neg() Decimal {
	var out Decimal
	if !a.IsZero() {
		out.d.Neg(&a.d)
	}
	return out
}

// MarshalText writes the number as [Decimal.String] does.
func (a Decimal) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what [ParseDecimal] reads.
func (a *Decimal) UnmarshalText(b []byte) error {
	d, err := ParseDecimal(string(b))
	if err == nil {
		*a = d
	}
	return err
}

var (
	exact = apd.Context{
		Precision: workingDigits, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent,
		Traps: apd.DefaultTraps | apd.Inexact,
	}
	cut    = apd.Context{Precision: workingDigits, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Traps: apd.DefaultTraps, Rounding: apd.RoundDown}
	halfUp = apd.Context{Precision: workingDigits, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Traps: apd.DefaultTraps, Rounding: apd.RoundHalfUp}
	bound  = *apd.New(1, wholeDigits)
)

// A calc does sums and remembers the first error, so that the sums read as
// sums.
type calc struct{ err error }

func (c *calc) keep(out Decimal, _ apd.Condition, err error) Decimal {
	if c.err == nil && err != nil {
		c.err = fmt.Errorf("invoice: a sum cannot be done exactly: %w", err)
	}
	var size apd.Decimal
	if c.err == nil && size.Abs(&out.d).Cmp(&bound) >= 0 {
		c.err = ErrOverflow
	}
	if c.err != nil {
		return Decimal{}
	}
	return out
}

func (c *calc) add(a, b Decimal) Decimal {
	var out Decimal
	cond, err := exact.Add(&out.d, &a.d, &b.d)
	return c.keep(out, cond, err)
}

func (c *calc) sub(a, b Decimal) Decimal {
	var out Decimal
	cond, err := exact.Sub(&out.d, &a.d, &b.d)
	return c.keep(out, cond, err)
}

// share returns a × b ÷ by, rounded half up, away from zero, to so many digits
// behind the point. What is cut before lies far behind the digit that decides.
func (c *calc) share(a, b, by Decimal, places int) Decimal {
	var product, quotient, out Decimal
	cond, err := exact.Mul(&product.d, &a.d, &b.d)
	if err == nil && by.IsZero() {
		err = errors.New("division by zero")
	}
	if err == nil {
		cond, err = cut.Quo(&quotient.d, &product.d, &by.d)
	}
	if err == nil && quotient.d.Exponent < -quotientDigits {
		cond, err = cut.Quantize(&quotient.d, &quotient.d, -quotientDigits)
	}
	if err == nil {
		cond, err = halfUp.Quantize(&out.d, &quotient.d, int32(-places))
	}
	if err == nil && out.d.IsZero() {
		out = Decimal{}
	}
	return c.keep(out, cond, err)
}

// round rounds half up, away from zero, as EN 16931-1 asks.
func (c *calc) round(a Decimal, places int) Decimal { return c.share(a, Int(1), Int(1), places) }

// Sum returns the exact sum of numbers; what is too large is [ErrOverflow].
func Sum(all ...Decimal) (sum Decimal, err error) {
	c := &calc{}
	for _, a := range all {
		sum = c.add(sum, a)
	}
	return sum, c.err
}
