package vault

import (
	"context"
	"fmt"

	"loot"
	"loot/gate"
	"loot/store"
)

// A destroyKey asks for a person's key to be destroyed.
type destroyKey struct {
	Subject    loot.Subject    `json:"subject"`
	Collection loot.Collection `json:"collection"`
}

// Kind names the job.
func (destroyKey) Kind() string { return "vault.destroy" }

// Erase erases a person's record of a collection: from tx's commit on nothing
// of it is opened, and then its key is destroyed, which reaches every copy.
// The notice "person.erased" with the subject tells whoever keeps something.
func (v *Vault) Erase(ctx context.Context, tx *store.Tx, p gate.Permit) error {
	g, err := p.Spend(tx, loot.Erase)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE vault_record SET erased = $1, changed = $1, version = version + 1, cells = $2 WHERE collection = $3 AND subject = $4 AND erased = 0`,
		g.At.UnixMicro(), pack(nil), g.Collection, g.Subject)
	if err != nil {
		return fmt.Errorf("vault: erase: %w", err)
	}
	if n == 0 {
		return errErased
	}
	if _, err := tx.Exec(ctx, `DELETE FROM vault_history WHERE collection = $1 AND subject = $2`, g.Collection, g.Subject); err != nil {
		return fmt.Errorf("vault: erase: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM vault_index WHERE subject = $1`, g.Subject); err != nil {
		return fmt.Errorf("vault: erase: %w", err)
	}
	if err := v.Jobs.Enqueue(ctx, tx, destroyKey{g.Subject, g.Collection}); err != nil {
		return err
	}
	return v.Jobs.Publish(ctx, tx, "person.erased", string(g.Subject))
}

// destroy destroys the key and says so on the ledger. Doing it twice does no
// harm.
func (v *Vault) destroy(ctx context.Context, a destroyKey) error {
	if err := v.Keyring.Destroy(ctx, a.Subject, a.Collection); err != nil {
		return err
	}
	return v.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := v.Gate.Note(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "vault"}, "key.destroyed", "")
		return err
	})
}
