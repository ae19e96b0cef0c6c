package statement

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// A Span is a length of time as a lawyer writes it: so many years, months or
// days. It is kept apart from [time.Duration] because ten years are not a
// number of hours.
type Span struct{ Years, Months, Days int }

var spanText = regexp.MustCompile(`^([0-9]{1,3})([ymd])$`)

// ParseSpan reads "10y", "18m" or "30d".
func ParseSpan(s string) (Span, error) {
	m := spanText.FindStringSubmatch(s)
	if m == nil {
		return Span{}, fmt.Errorf("%q is not a length of time such as 10y, 18m or 30d", s)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return Span{}, fmt.Errorf("%q is not a length of time: %w", s, err)
	}
	switch m[2] {
	case "y":
		return Span{Years: n}, nil
	case "m":
		return Span{Months: n}, nil
	default:
		return Span{Days: n}, nil
	}
}

// After returns the instant that is s after t by the calendar.
func (s Span) After(t time.Time) time.Time { return t.AddDate(s.Years, s.Months, s.Days) }

// AboutBefore returns a moment before which all lies that is s old at t, and little else:
// to look there alone, as months differ, so that [Span.After] has the last word.
func (s Span) AboutBefore(t time.Time) time.Time { return t.AddDate(-s.Years, -s.Months, 2-s.Days) }

// Duration returns s as a duration that is never shorter than the calendar's.
func (s Span) Duration() time.Duration {
	days := s.Days + s.Months*31 + s.Years*365 + (s.Years+3)/4
	return time.Duration(days) * 24 * time.Hour
}

// IsZero reports whether nothing was declared. A retention of no days is
// written "0d" and is zero too; the difference is kept by the declarations.
func (s Span) IsZero() bool { return s == Span{} }

// String returns the span as it is written in a statement.
func (s Span) String() string {
	switch {
	case s.Years > 0:
		return strconv.Itoa(s.Years) + "y"
	case s.Months > 0:
		return strconv.Itoa(s.Months) + "m"
	default:
		return strconv.Itoa(s.Days) + "d"
	}
}

// Words returns the span for a reader, such as "10 years".
func (s Span) Words() string {
	count := func(n int, unit string) string { return counted(strconv.Itoa(n), unit) }
	switch {
	case s.Years > 0:
		return count(s.Years, "year")
	case s.Months > 0:
		return count(s.Months, "month")
	case s.Days > 0:
		return count(s.Days, "day")
	default:
		return "no time"
	}
}

// counted says how many of a unit, such as "10 years".
func counted(n, unit string) string {
	if n == "1" {
		return "1 " + unit
	}
	return n + " " + unit + "s"
}

// MarshalText writes the span as in a statement.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a span as in a statement.
func (s *Span) UnmarshalText(b []byte) error {
	v, err := ParseSpan(string(b))
	if err != nil {
		return err
	}
	*s = v
	return nil
}
