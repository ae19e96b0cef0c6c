package vault_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"loot"
	"loot/store"
	"loot/vault"
)

// TestWhatIsReadAheadIsAsItIsThen: several records are read at once, each says what
// it says by itself, and what is written afterwards in the transaction counts.
func TestWhatIsReadAheadIsAsItIsThen(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		one, other, damaged, gone := b.create(t, ada()), b.create(t, ada()), b.create(t, ada()), loot.NewSubject()
		b.do(t, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE vault_record SET cells = $1 WHERE subject = $2`, []byte{9, 9, 9}, damaged.Compact())
			return err
		})
		mark := func(tx *store.Tx, s loot.Subject, from, to string) error {
			return b.vault.Mark(ctx, tx, s, customer, 1, map[loot.Field]vault.Marking{"contact.name": {From: from, To: to}})
		}
		state := func(ctx context.Context, tx *store.Tx, s loot.Subject) string {
			held, err := b.vault.Held(ctx, tx, s, customer)
			if err != nil {
				t.Error(err)
			}
			return held["contact.name"].State
		}
		for _, change := range []bool{false, true} {
			b.do(t, func(tx *store.Tx) error {
				if err := b.vault.ReadAhead(ctx, tx, customer, change, one, other, damaged, gone); err != nil {
					return err
				}
				before := state(ctx, tx, one)
				for _, next := range []string{vault.Checked, vault.Verified} {
					if err := mark(tx, one, before, next); err != nil {
						t.Errorf("changing %v: from %s to %s: %v", change, before, next, err)
					}
					if before = state(ctx, tx, one); before != next {
						t.Errorf("changing %v: it is %s, want %s", change, before, next)
					}
				}
				if row, err := b.vault.Row(ctx, tx, other, customer); err != nil || row.Version != 1 || row.Created.IsZero() || state(ctx, tx, other) != vault.Unverified {
					t.Errorf("changing %v: the other is %+v, %v", change, row, err)
				}
				if _, err := b.vault.Held(ctx, tx, damaged, customer); !errors.Is(err, vault.ErrDamaged) {
					t.Errorf("changing %v: the damaged one: %v", change, err)
				}
				if _, err := b.vault.Held(ctx, tx, gone, customer); loot.KindOf(err) != loot.NotFound {
					t.Errorf("changing %v: who is not there: %v", change, err)
				}
				return mark(tx, one, vault.Verified, vault.Unverified)
			})
		}
	})
}

// TestWhatIsReadAheadIsNotReadAgain: what somebody does to the row meanwhile, which nobody
// but a test can, is not seen by those who find the record read.
func TestWhatIsReadAheadIsNotReadAgain(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		for _, change := range []bool{false, true} {
			s := b.create(t, ada())
			b.do(t, func(tx *store.Tx) error {
				if err := b.vault.ReadAhead(ctx, tx, customer, change, s); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, `UPDATE vault_record SET cells = $1 WHERE subject = $2`, []byte{9, 9, 9}, s.Compact()); err != nil {
					return err
				}
				if _, err := b.vault.Held(ctx, tx, s, customer); err != nil {
					t.Errorf("changing %v: it is read again to be looked at: %v", change, err)
				}
				if !change {
					return nil
				}
				err := b.vault.Mark(ctx, tx, s, customer, 1, map[loot.Field]vault.Marking{"contact.name": {From: vault.Unverified, To: vault.Checked}})
				if err != nil {
					t.Errorf("it is read again to be changed: %v", err)
				}
				return nil
			})
		}
	})
}

// TestWhatIsReadAheadToBeChangedIsLocked: whoever changes the record meanwhile waits, and
// then finds that it is not as they saw it.
func TestWhatIsReadAheadToBeChangedIsLocked(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		s := b.create(t, ada())
		mark := func(tx *store.Tx, to string) error {
			return b.vault.Mark(ctx, tx, s, customer, 1, map[loot.Field]vault.Marking{"contact.name": {From: vault.Unverified, To: to}})
		}
		other := make(chan error, 1)
		b.do(t, func(tx *store.Tx) error {
			if err := b.vault.ReadAhead(ctx, tx, customer, true, s); err != nil {
				return err
			}
			go func() {
				other <- b.gate.InTx(ctx, func(tx *store.Tx) error { return mark(tx, vault.Verified) })
			}()
			select {
			case err := <-other:
				t.Errorf("it was changed meanwhile: %v", err)
				other <- err
			case <-time.After(200 * time.Millisecond):
			}
			return mark(tx, vault.Checked)
		})
		if err := <-other; loot.KindOf(err) != loot.Conflict {
			t.Errorf("whoever waited: %v", err)
		}
	})
}
