package desk

import (
	"context"
	"fmt"
	"strings"
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

// Held counts what does not go although its time is over, as more is needed by a clause:
// that no order to preserve it stands, say.
func (k Kit) Held(ctx context.Context, tx *store.Tx, desk, what string, by loot.Clause, needed []string, n int) error {
	return k.Stayed(ctx, tx, desk, Lapse{What: what, Why: "needed: " + strings.Join(needed, "; "), Clause: by, Count: n})
}

// Foretell returns on which days what is kept for so long after some moment goes, up to a
// time. The query counts by days since 1970, for which $1 is how long it is kept and $2 how
// long a day is, the moments up to $3; more arguments are numbered from $4 on:
//
//	SELECT (at + $1) / $2, count(*) FROM shop_thing WHERE at <= $3 GROUP BY 1
func Foretell(ctx context.Context, tx *store.Tx, l Lapse, kept time.Duration, until time.Time, query string, args ...any) (out []Lapse, err error) {
	rows, err := tx.Query(ctx, query, append([]any{kept.Microseconds(), (24 * time.Hour).Microseconds(), until.Add(-kept).UnixMicro()}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("desk: foretell: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var days int64
		if err := rows.Scan(&days, &l.Count); err != nil {
			return nil, fmt.Errorf("desk: foretell: %w", err)
		}
		l.Day = time.Unix(0, 0).UTC().AddDate(0, 0, int(days))
		out = append(out, l)
	}
	return out, rows.Err()
}
