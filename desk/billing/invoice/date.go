package invoice

import (
	"errors"
	"time"
)

// A Date is a day of the calendar, without a time and a zone. The zero value is
// no date.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the day that a moment falls on in its own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// ParseDate reads a day as 2026-02-28 (ISO 8601). The empty string is no date.
func ParseDate(s string) (Date, error) {
	if s == "" {
		return Date{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, errors.New("invoice: not a date: write year, month and day, as 2026-02-28")
	}
	return DateOf(t), nil
}

// Day returns a date in code; it panics if there is no such day.
func Day(year int, month time.Month, day int) Date {
	d := Date{year, month, day}
	if !d.Valid() {
		panic("invoice: no such day")
	}
	return d
}

// IsZero says whether there is no date.
func (d Date) IsZero() bool { return d == Date{} }

// Valid says whether the calendar has the day, in the years 1900 to 9999.
func (d Date) Valid() bool { return d.Year >= 1900 && d.Year <= 9999 && DateOf(d.utc()) == d }

// String returns the day as 2026-02-28, and no date as the empty string.
func (d Date) String() string { return d.format(time.DateOnly) }

// Before says whether the day is before another.
func (d Date) Before(other Date) bool { return d.utc().Before(other.utc()) }

// AddDays returns the day so many days later.
func (d Date) AddDays(n int) Date { return DateOf(d.utc().AddDate(0, 0, n)) }

// MarshalText writes the day as [Date.String] does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [ParseDate] reads.
func (d *Date) UnmarshalText(b []byte) error {
	parsed, err := ParseDate(string(b))
	if err == nil {
		*d = parsed
	}
	return err
}

func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

func (d Date) format(layout string) string {
	if d.IsZero() {
		return ""
	}
	return d.utc().Format(layout)
}

// A Period is a span of days, both of them included (BG-14, BG-26). The zero
// value is no period.
type Period struct{ From, To Date }

// IsZero says whether there is no period.
func (p Period) IsZero() bool { return p == Period{} }
