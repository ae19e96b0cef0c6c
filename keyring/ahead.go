package keyring

import (
	"context"
	"errors"
	"fmt"

	"loot"
	"loot/store"
)

// ReadAhead reads the keys of several people at once, so that [Keyring.Person]
// finds them in memory. Of those whose key is not there, or does not open, nothing
// is said before they are asked for.
func (k *Keyring) ReadAhead(ctx context.Context, c loot.Collection, people ...loot.Subject) error {
	args := []any{string(c)}
	for _, s := range people {
		if k.held.get(s, c) == nil {
			args = append(args, s.Compact())
		}
	}
	if len(args) == 1 {
		return nil
	}
	generation := k.held.generation()
	var found map[loot.Subject]sealedKey
	err := k.DB.Read(ctx, func(tx *store.Tx) error {
		found = map[loot.Subject]sealedKey{}
		rows, err := tx.Query(ctx, `SELECT subject, epoch, sealed FROM keyring_person WHERE collection = $1 AND subject IN (`+store.Placeholders(2, len(args)-1)+`)`, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var subject []byte
			var row sealedKey
			if err := rows.Scan(&subject, &row.epoch, &row.sealed); err != nil {
				return err
			}
			if row.epoch > 0 { // else it is destroyed; a condition on it would have the database scan them all
				found[loot.SubjectOf(subject)] = row
			}
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	if err != nil {
		return fmt.Errorf("keyring: read keys: %w", err)
	}
	for s, row := range found {
		if secret, err := k.unwrap(ctx, s, c, row); err == nil {
			k.held.add(k.person(s, c, secret), generation)
		}
	}
	return nil
}
