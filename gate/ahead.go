package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"loot"
	"loot/store"
)

// ReadAhead reads what stands about several people at once and locks it as a
// decision about each of them would, so that those that follow in tx find it read.
func (g *Gate) ReadAhead(ctx context.Context, tx *store.Tx, people ...loot.Subject) error {
	var args []any
	for _, s := range people {
		if _, kept := tx.Kept(locked(s)).(lockedState); !kept {
			args = append(args, s)
		}
	}
	if len(args) == 0 {
		return nil
	}
	// In one order, as two who lock the same people could wait for each other.
	rows, err := tx.Query(ctx, `SELECT subject, state FROM gate_person WHERE subject IN (`+store.Placeholders(1, len(args))+`) ORDER BY subject`+tx.ForShare(), args...)
	if err != nil {
		return fmt.Errorf("gate: people: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s loot.Subject
		var text string
		if err := rows.Scan(&s, &text); err != nil {
			return fmt.Errorf("gate: people: %w", err)
		}
		var p personState
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			return fmt.Errorf("gate: state of a person: %w", err)
		}
		tx.Keep(locked(s), lockedState{personState: p})
	}
	return errors.Join(rows.Err(), rows.Close())
}
