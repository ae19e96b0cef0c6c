package verification

import (
	"context"
	"time"

	"loot"
	"loot/statement"
)

// ScratchCheck checks what is held of a load test's customer, as the job does
// after a registration: opened by a decision, checked and written down.
func (v *Verification) ScratchCheck(ctx context.Context, s loot.Subject) error {
	return v.check(ctx, checkArgs{s})
}

// ScratchInspect runs every check that asks nobody over made-up values again and
// again for a while, on one core, and returns how many records it checked.
func ScratchInspect(s *statement.Statement, values func(i int) map[loot.Field]string, now func() time.Time, span time.Duration) int {
	const some = 1000
	var records [some]record
	for i := range records {
		records[i] = record{s: s, values: values(i)}
	}
	n := 0
	for end := now().Add(span); now().Before(end); {
		for i := range records {
			inspect(records[i])
		}
		n += some
	}
	return n
}
