package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"loot"
	"loot/keyring"
	"loot/store"
)

// hash gives a cell its blind index. What makes those of a record is asked for once.
func (v *Vault) hash(ctx context.Context, rec *record, c *cell, how uint8, value string) (err error) {
	text := spell(how, value)
	if text == "" {
		return nil // nobody looks for nothing
	}
	if rec.by == nil {
		if rec.by, err = v.Keyring.Indexer(ctx, rec.collection); err != nil {
			return fmt.Errorf("vault: index: %w", err)
		}
	}
	epoch, hash, _ := rec.by.Index(c.field, text)
	c.spell, c.hash = how, hash
	if rec.epoch == 0 || epoch < rec.epoch {
		rec.epoch = epoch
	}
	return nil
}

// index enters a person under the blind indexes of cells.
func (v *Vault) index(ctx context.Context, tx *store.Tx, s loot.Subject, cells []cell) error {
	var rows string
	args := []any{s.Compact()}
	for _, c := range cells {
		if c.spell != 0 {
			args = append(args, c.lookup())
			rows += fmt.Sprintf(", ($%d, $1)", len(args))
		}
	}
	if rows == "" {
		return nil
	}
	if err := tx.Queue(ctx, `INSERT INTO vault_index (lookup, subject) VALUES `+rows[2:], args...); err != nil {
		return fmt.Errorf("vault: index: %w", err)
	}
	return nil
}

func (v *Vault) unindex(ctx context.Context, tx *store.Tx, s loot.Subject, c cell) error {
	if c.spell == 0 {
		return nil
	}
	if err := tx.Queue(ctx, `DELETE FROM vault_index WHERE lookup = $1 AND subject = $2`, c.lookup(), s.Compact()); err != nil {
		return fmt.Errorf("vault: index: %w", err)
	}
	return nil
}

// indexed is the vault's [keyring.Guard]: how many records are found by an epoch.
func (v *Vault) indexed(ctx context.Context, c loot.Collection, epoch int) (n int, err error) {
	err = v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM vault_record WHERE collection = $1 AND epoch = $2 AND erased = 0`, string(c), epoch).Scan(&n)
	})
	return n, err
}

// Reindex gives up to n records new blind indexes by the epoch in use and
// returns how many are left. The values are opened for it, which counts as
// openings of the program itself. Records that do not open stay as they are
// and are counted as left; the error names one.
func (v *Vault) Reindex(ctx context.Context, c loot.Collection, n int) (left int, err error) {
	epoch, err := v.Keyring.Epoch(ctx, c)
	if err != nil {
		return 0, err
	}
	done, bad := 0, map[loot.Subject]error{}
	for more := true; more && done < n && len(bad) < 100; {
		var page map[loot.Subject]error
		err := v.DB.InTx(ctx, func(tx *store.Tx) error {
			page = map[loot.Subject]error{}
			recs, err := v.stale(ctx, tx, c, epoch, slices.Collect(maps.Keys(bad)), min(n-done, 200))
			if err != nil {
				return err
			}
			for _, rec := range recs {
				var sick *sickError
				if err := v.reindex(ctx, tx, rec); errors.As(err, &sick) {
					page[rec.Subject] = err
				} else if err != nil {
					return err
				} else {
					page[rec.Subject] = nil
				}
			}
			return nil
		})
		if err != nil {
			return 0, fmt.Errorf("vault: re-index: %w", err)
		}
		more = len(page) > 0
		for s, err := range page {
			if err == nil {
				done++
				continue
			}
			bad[s] = err
		}
	}
	err = v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM vault_record WHERE collection = $1 AND epoch > 0 AND epoch < $2 AND erased = 0`, string(c), epoch).Scan(&left)
	})
	for _, e := range bad {
		return left, errors.Join(e, err)
	}
	return left, err
}

// A sickError is of one record and does not stop the others.
type sickError struct{ error }

func (e *sickError) Unwrap() error { return e.error }

// stale returns records that are found by an older epoch, to be changed.
func (v *Vault) stale(ctx context.Context, tx *store.Tx, c loot.Collection, epoch int, skip []loot.Subject, n int) ([]record, error) {
	args, except := []any{string(c), epoch, n}, ""
	if len(skip) > 0 {
		except = ` AND subject NOT IN (` + store.Placeholders(4, len(skip)) + `)`
		for _, s := range skip {
			args = append(args, s.Compact())
		}
	}
	return v.records(ctx, tx, `collection = $1 AND epoch > 0 AND epoch < $2 AND erased = 0`+except+` LIMIT $3`+tx.ForUpdate(), args...)
}

func (v *Vault) reindex(ctx context.Context, tx *store.Tx, rec record) error {
	if rec.damaged != nil {
		return &sickError{rec.damaged}
	}
	key, err := v.proven(ctx, &rec)
	if unusable(err) {
		return &sickError{fmt.Errorf("vault: %s: %w", rec.Subject, err)}
	}
	if err != nil {
		return err
	}
	key = key.For(keyring.System)
	values := make([]string, len(rec.cells))
	for i, c := range rec.cells { // first, so that a cell that does not open changes nothing
		if c.spell == 0 {
			continue
		}
		plain, err := c.of(key).Open(c.sealed, c.bound())
		if err != nil {
			return &sickError{fmt.Errorf("vault: %s of %s: %w", c.field, rec.Subject, err)}
		}
		values[i] = string(plain)
	}
	rec.epoch = 0
	for i := range rec.cells {
		c := &rec.cells[i]
		if c.spell == 0 {
			continue
		}
		if err := v.unindex(ctx, tx, rec.Subject, *c); err != nil {
			return err
		}
		if err := v.hash(ctx, &rec, c, c.spell, values[i]); err != nil {
			return err
		}
	}
	if err := v.index(ctx, tx, rec.Subject, rec.cells); err != nil {
		return err
	}
	return v.update(ctx, tx, key, &rec)
}

// unusable reports whether an error is of one record or its key.
func unusable(err error) bool { return Damaged(err) || errors.Is(err, errErased) }

// rotateBatch is how many rows a transaction of a rotation changes, so that
// those who serve wait no longer than for each other.
var rotateBatch = 500 // tests make it smaller

// Rotate gives a collection a new epoch of keys while it is served: new keys
// and indexes use it at once, the others are moved in batches, and then the
// former epoch is destroyed. A rotation that was killed goes on where it
// stopped, rather than begin another epoch.
func (v *Vault) Rotate(ctx context.Context, c loot.Collection) error {
	unfinished, err := v.Keyring.Old(ctx, c)
	if err != nil {
		return err
	}
	if len(unfinished) == 0 {
		var named int // by a record; above the key store's own after an older one was restored
		if err := v.DB.ReadTx(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT COALESCE(MAX(epoch), 0) FROM vault_record WHERE collection = $1`, string(c)).Scan(&named)
		}); err != nil {
			return fmt.Errorf("vault: rotate: %w", err)
		}
		if _, err := v.Keyring.RotateBeyond(ctx, c, named); err != nil {
			return err
		}
		v.step("rotate: begun")
	}
	// A record that is written at this moment may still bear the epoch that was
	// in use when its writer asked, so that the batches may have to go round again.
	for needed := 1; needed > 0; {
		for _, batch := range []func(context.Context, loot.Collection, int) (int, error){v.Reindex, v.Keyring.RewrapBatch} {
			for left := 1; left > 0; {
				if left, err = batch(ctx, c, rotateBatch); err != nil {
					return err
				}
				v.step("rotate: batch")
			}
		}
		if needed, err = v.Keyring.DestroyOld(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
