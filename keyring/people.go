package keyring

import (
	"context"
	"fmt"

	"loot"
	"loot/store"
)

// CreateAll is [Keyring.Create] for many people at once, of whom there is nothing
// yet: each gets a key of their own, and all of them are committed together or
// none is. A person who has a key already is an error.
func (k *Keyring) CreateAll(ctx context.Context, c loot.Collection, people ...loot.Subject) error {
	secrets := make([]personSecret, len(people))
	for i := range secrets {
		secrets[i] = newPersonSecret()
	}
	for range 4 { // as in Create
		e, _, err := k.using(ctx, c)
		if err != nil {
			return err
		}
		made := false
		if err := k.DB.InTx(ctx, func(tx *store.Tx) (err error) {
			if made, err = stillCurrent(ctx, tx, c, e.n); err != nil || !made {
				return err
			}
			for i, s := range people {
				tx.Add(`INSERT INTO keyring_person (made, epoch, subject, collection, sealed) VALUES`,
					k.Now().UnixMicro(), e.n, s.Compact(), string(c), seal(e.wrap, secrets[i].bytes(), personAD(s, c, e.n)))
			}
			return nil
		}); err != nil {
			return fmt.Errorf("keyring: create: %w", err)
		}
		if made {
			generation := k.held.generation()
			for i, s := range people {
				k.held.add(k.person(s, c, secrets[i]), generation)
			}
			return nil
		}
		if _, err := k.load(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("keyring: create: the epoch of %s keeps changing", c)
}
