package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"loot"
	"loot/store"
)

// ReadAhead reads what stands about several people at once and locks it as a
// decision about each of them would, so that those that follow in tx find it read.
func (g *Gate) ReadAhead(ctx context.Context, tx *store.Tx, people ...loot.Subject) error {
	var left []loot.Subject
	for _, s := range people {
		if _, kept := tx.Kept(locked(s)).(lockedState); !kept {
			left = append(left, s)
		}
	}
	slices.Sort(left)
	for some := range slices.Chunk(slices.Compact(left), mostAtOnce) {
		if err := g.readSome(ctx, tx, some); err != nil {
			return err
		}
	}
	return nil
}

// mostAtOnce is how many people one query reads: no database takes any number of values.
const mostAtOnce = 1000

func (g *Gate) readSome(ctx context.Context, tx *store.Tx, people []loot.Subject) error {
	args := make([]any, 0, len(people))
	for _, s := range people {
		args = append(args, s)
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
