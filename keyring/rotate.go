package keyring

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"loot"
	"loot/store"
)

// Rotate begins a new epoch of a collection and returns its number. New keys
// are sealed by it from then on, in every process. Follow it with
// [Keyring.RewrapBatch] until nothing is left, and [Keyring.DestroyOld]. Each
// can be killed at any instant and is then called again.
func (k *Keyring) Rotate(ctx context.Context, c loot.Collection) (int, error) {
	return k.RotateBeyond(ctx, c, 0)
}

// RotateBeyond is [Keyring.Rotate] to an epoch above n, which records name
// whose own key store was lost: of an older one the same number is another key.
func (k *Keyring) RotateBeyond(ctx context.Context, c loot.Collection, above int) (int, error) {
	if _, _, err := k.using(ctx, c); err != nil {
		return 0, err
	}
	var n int
	err := k.DB.Alone(ctx, "keyring", func() error {
		now, err := k.load(ctx)
		if err != nil {
			return err
		}
		n = max(now.rings[c].current, above) + 1
		return k.advance(ctx, c, n)
	})
	if err != nil {
		return 0, err
	}
	_, err = k.load(ctx)
	return n, err
}

// Old returns the epochs of a collection that are neither in use nor
// destroyed: a rotation that is not finished.
func (k *Keyring) Old(ctx context.Context, c loot.Collection) ([]int, error) {
	now, err := k.load(ctx)
	if err != nil {
		return nil, err
	}
	var out []int
	for n, state := range now.rings[c].states {
		if state == old {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// RewrapBatch seals up to n persons' keys anew by the epoch in use and returns
// how many are left. Keys that cannot be opened stay as they are: they are
// counted as left, and the error is [ErrTampered] or [ErrMissing].
func (k *Keyring) RewrapBatch(ctx context.Context, c loot.Collection, n int) (left int, err error) {
	to, _, err := k.using(ctx, c)
	if err != nil {
		return 0, err
	}
	moved, bad := 0, map[loot.Subject]error{}
	for more := true; more && moved < n && len(bad) < 100; {
		var page rewrapped
		err := k.DB.InTx(ctx, func(tx *store.Tx) error {
			ok, err := stillCurrent(ctx, tx, c, to.n)
			if err != nil {
				return err
			}
			if !ok {
				return loot.Errorf(loot.Conflict, "Another rotation of %s began meanwhile. Call again to go on with it.", c)
			}
			page, err = k.rewrap(ctx, tx, c, to, slices.Collect(maps.Keys(bad)), n-moved)
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("keyring: re-wrap: %w", err)
		}
		moved += page.moved
		maps.Copy(bad, page.bad)
		more = page.moved+len(page.bad) > 0
	}
	k.step("rewrap: batch")
	left, err = k.count(ctx, `SELECT COUNT(*) FROM keyring_person WHERE collection = $1 AND epoch > 0 AND epoch < $2`, string(c), to.n)
	for _, e := range bad {
		return left, errors.Join(e, err)
	}
	return left, err
}

type rewrapped struct {
	moved int
	bad   map[loot.Subject]error // keys that do not open
}

func (k *Keyring) rewrap(ctx context.Context, tx *store.Tx, c loot.Collection, to *epoch, skip []loot.Subject, n int) (rewrapped, error) {
	type row struct {
		s loot.Subject
		sealedKey
	}
	args := []any{string(c), to.n, n}
	except := ""
	if len(skip) > 0 {
		except = ` AND subject NOT IN (` + store.Placeholders(4, len(skip)) + `)`
		for _, s := range skip {
			args = append(args, s.Compact())
		}
	}
	var page []row
	rows, err := tx.Query(ctx, `SELECT subject, epoch, sealed FROM keyring_person
		WHERE collection = $1 AND epoch > 0 AND epoch < $2`+except+` LIMIT $3`+tx.ForUpdate(), args...)
	if err != nil {
		return rewrapped{}, err
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		var subject []byte
		if err := rows.Scan(&subject, &r.epoch, &r.sealed); err != nil {
			return rewrapped{}, err
		}
		r.s = loot.SubjectOf(subject)
		page = append(page, r)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return rewrapped{}, err
	}
	out := rewrapped{bad: map[loot.Subject]error{}}
	for _, r := range page {
		secret, err := k.unwrap(ctx, r.s, c, r.sealedKey)
		if err != nil {
			out.bad[r.s] = err
			continue
		}
		if _, err := tx.Exec(ctx, `UPDATE keyring_person SET epoch = $1, sealed = $2 WHERE subject = $3 AND collection = $4`,
			to.n, seal(to.wrap, secret.bytes(), personAD(r.s, c, to.n)), r.s.Compact(), string(c)); err != nil {
			return rewrapped{}, err
		}
		out.moved++
	}
	return out, nil
}

// DestroyOld destroys the epochs of a collection that are no longer in use and
// that nothing needs any more. It returns how many rows still need one; while
// that is not 0, re-wrap and re-index on.
func (k *Keyring) DestroyOld(ctx context.Context, c loot.Collection) (left int, err error) {
	k.guarding.Lock()
	guards := slices.Clone(k.guards)
	k.guarding.Unlock()
	err = k.DB.Alone(ctx, "keyring", func() error {
		now, err := k.load(ctx)
		if err != nil {
			return err
		}
		states := now.rings[c].states
		for _, n := range slices.Sorted(maps.Keys(states)) {
			if states[n] == current {
				continue
			}
			if states[n] == old {
				needed, err := k.retire(ctx, c, n, guards)
				if err != nil {
					return err
				}
				if needed > 0 {
					left += needed
					continue
				}
			}
			k.step("destroy old: row")
			if err := k.folder.remove(file{epochFile, string(c), n}); err != nil {
				return err
			}
			k.step("destroy old: file")
		}
		return nil
	})
	if err != nil {
		return left, err
	}
	if _, err := k.load(ctx); err != nil {
		return left, err
	}
	return left, k.scrub(ctx)
}

// retire marks an epoch destroyed unless something still needs it. No key can
// come to it meanwhile: it has not been current since its rotation.
func (k *Keyring) retire(ctx context.Context, c loot.Collection, n int, guards []Guard) (needed int, err error) {
	for _, g := range guards {
		more, err := g(ctx, c, n)
		if err != nil {
			return 0, fmt.Errorf("keyring: guard of epoch %d of %s: %w", n, c, err)
		}
		needed += more
	}
	if needed > 0 {
		return needed, nil
	}
	err = k.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM keyring_person WHERE collection = $1 AND epoch = $2`, string(c), n).Scan(&needed); err != nil || needed > 0 {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE keyring_epoch SET state = 'destroyed' WHERE collection = $1 AND epoch = $2 AND state = 'old'`, string(c), n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("keyring: destroy epoch: %w", err)
	}
	return needed, nil
}

// Still runs f while no epoch begins or ends and no key file changes, in any
// process: what f copies of the key store and of the folder belongs together.
func Still(ctx context.Context, db *store.DB, f func() error) error {
	return db.Alone(ctx, "keyring", f)
}

// rewrapRoot seals every file of the key folder anew by the root, including
// those that a former root sealed. It changes none unless every one of them
// opens, and unless the root opens what it seals.
func (k *Keyring) rewrapRoot(ctx context.Context) (files int, err error) {
	err = k.DB.Alone(ctx, "keyring", func() error {
		ids, _, err := k.folder.list()
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, _, err := k.folder.get(ctx, id); err != nil {
				return err
			}
		}
		if err := k.folder.tryRoot(ctx); err != nil {
			return err
		}
		k.step("root: tried")
		for _, id := range ids {
			c, key, err := k.folder.get(ctx, id)
			if err != nil {
				return err
			}
			if err := k.folder.change(ctx, id, c.Made, key); err != nil {
				return err
			}
			files++
			k.step("root: file")
		}
		return nil
	})
	return files, err
}

// RotateRoot replaces what seals the key folder. With a former root it seals
// every file by the one in use; the former one is needed until that has been
// done, and not after. Otherwise it gives the root a new key, seals every file
// by it and has the root forget the former key, which a root of one key, such
// as a passphrase, cannot. It can be killed at any instant and is then called
// again with the same roots.
func (k *Keyring) RotateRoot(ctx context.Context) (files int, err error) {
	if len(k.Former) > 0 {
		return k.rewrapRoot(ctx)
	}
	r, ok := k.Root.(Rotator)
	if !ok {
		return 0, k.CanRotateRoot()
	}
	if err := r.Rotate(ctx); err != nil {
		return 0, err
	}
	k.step("root: rotated")
	if files, err = k.rewrapRoot(ctx); err != nil {
		return files, err
	}
	k.step("root: wrapped")
	return files, r.Forget(ctx)
}

// CanRotateRoot says why [Keyring.RotateRoot] cannot begin, and nil if it can.
func (k *Keyring) CanRotateRoot() error {
	if _, ok := k.Root.(Rotator); ok || len(k.Former) > 0 {
		return nil
	}
	return loot.Errorf(loot.Invalid, "The root %s has one key only. To replace it, name a new one with --root and this one with --former-root.", k.Root.ID())
}
