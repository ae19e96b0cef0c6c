package desk

import (
	"context"
	"time"

	"loot"
	"loot/store"
)

// A Lapse is how many of one kind of thing go on a day because their time is over,
// or stay although it is. It says nothing of a person.
type Lapse struct {
	Day    time.Time   // midnight UTC
	What   string      // such as "Telephone number"
	Why    string      // in words, such as "90 days after it was last needed"
	Clause loot.Clause // by which it goes or stays
	Count  int
}

// A Retained is what a law has a desk keep, of one person or of all.
type Retained struct {
	What   string // such as "Invoices"
	Law    string
	Clause loot.Clause
	Count  int
	Until  time.Time // when the last of it goes
}

// DayOf returns the day of a moment, as a [Lapse] has it.
func DayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// Erased counts, in the transaction that erased it, what went because its time was over.
func (k Kit) Erased(ctx context.Context, tx *store.Tx, desk string, l Lapse) error {
	return k.lapsed(ctx, tx, desk, l, false)
}

// Stayed counts what did not go although its time was over, and why.
func (k Kit) Stayed(ctx context.Context, tx *store.Tx, desk string, l Lapse) error {
	return k.lapsed(ctx, tx, desk, l, true)
}

func (k Kit) lapsed(ctx context.Context, tx *store.Tx, desk string, l Lapse, stayed bool) error {
	if k.Lapsed == nil || l.Count == 0 {
		return nil
	}
	if l.Day.IsZero() {
		l.Day = DayOf(k.Now())
	}
	return k.Lapsed(ctx, tx, desk, l, stayed)
}
