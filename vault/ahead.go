package vault

import (
	"context"
	"fmt"

	"loot"
	"loot/store"
)

// A changing record is one that this transaction read and locked, and has not
// changed yet.
type changing looked

// ReadAhead reads the records of several people at once, so that what follows in
// tx finds them read; to change them, it locks them as well. Of those that are not
// held, or are damaged, nothing is said before they are asked for.
func (v *Vault) ReadAhead(ctx context.Context, tx *store.Tx, c loot.Collection, change bool, people ...loot.Subject) error {
	if len(people) == 0 {
		return nil
	}
	lock, args := "", []any{string(c)}
	if change {
		lock = tx.ForUpdate()
	}
	for _, s := range people {
		args = append(args, s.Compact())
	}
	// In one order, as two who lock the same records could wait for each other.
	recs, err := v.records(ctx, tx, `collection = $1 AND erased = 0 AND subject IN (`+store.Placeholders(2, len(people))+`) ORDER BY subject`+lock, args...)
	if err != nil {
		return fmt.Errorf("vault: read: %w", err)
	}
	for _, rec := range recs {
		if rec.damaged != nil {
			continue
		}
		at := looked{rec.Subject, rec.collection}
		tx.Keep(at, rec)
		if change {
			tx.Keep(changing(at), rec)
		}
	}
	return nil
}
