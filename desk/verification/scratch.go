package verification

import (
	"context"
	"errors"
	"time"

	"loot"
	"loot/statement"
)

// ScratchTogether is how many of a load test's customers are checked at once.
const ScratchTogether = together

// ScratchCheck checks what is held of a load test's customers, as the jobs do: of
// one after a registration, of many when their time has come. Each is opened by a
// decision of its own, checked and written down.
func (v *Verification) ScratchCheck(ctx context.Context, all ...loot.Subject) error {
	var errs []error
	for _, err := range v.checkAll(ctx, len(all) > 1, all...) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
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
