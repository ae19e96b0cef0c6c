package store

import "time"

// Micro returns a time as the columns of times hold it: microseconds since 1970,
// and 0 for the zero time.
func Micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Instant returns the time that [Micro] wrote.
func Instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// Flag returns a yes or no as a column holds it: 1 or 0.
func Flag(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
