package visits

import (
	"testing"
	"time"

	"loot/column"
	"loot/statement"
)

// TestNoDayIsErasedBeforeItsTimeIsOver at the ends of months, which do not all have
// the same days.
func TestNoDayIsErasedBeforeItsTimeIsOver(t *testing.T) {
	r := &rules{keep: statement.Span{Months: 13}}
	day := func(text string) column.Day {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return column.DayOf(at)
	}
	for now, want := range map[string]string{
		"2030-04-02": "2029-03-02", "2030-03-31": "2029-03-01", "2030-03-01": "2029-01-29", "2029-03-29": "2028-02-29", "2029-03-30": "2028-03-01",
	} {
		if got := r.since(day(now).Time().Add(12 * time.Hour)); got != day(want) {
			t.Errorf("on %s the first day kept is %s, want %s", now, got, want)
		}
	}
	for d := day("2028-01-01"); d < day("2032-01-01"); d++ {
		if since := r.since(d.Time()); r.keep.After(since.Time()).Before(d.Time()) || !r.keep.After((since - 1).Time()).Before(d.Time()) {
			t.Errorf("on %s the first day kept is %s", d, since)
		}
	}
}
