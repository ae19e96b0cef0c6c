package vault

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/gate"
	"loot/job"
	"loot/keyring"
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
	if g.Held() || g.Aside {
		return g.Widened()
	}
	rec, err := v.load(ctx, tx, g.Subject, g.Collection, true)
	if err != nil && !errors.Is(err, ErrDamaged) { // what is damaged can be erased
		return err
	}
	if err := v.bury(ctx, tx, rec, g.Subject, g.Collection, g.At); err != nil {
		return err
	}
	if err := v.Jobs.Enqueue(ctx, tx, destroyKey{g.Subject, g.Collection}); err != nil {
		return err
	}
	return v.Jobs.Publish(ctx, tx, job.Notice{Name: "person.erased", ID: string(g.Subject)})
}

// A destroyFields asks for the keys of a person's fields to be destroyed that were erased.
type destroyFields struct {
	Subject    loot.Subject    `json:"subject"`
	Collection loot.Collection `json:"collection"`
	Fields     []loot.Field    `json:"fields"`
	Erasure    keyring.Erasure `json:"erasure"`
}

// Kind names the job.
func (destroyFields) Kind() string { return "vault.destroyfields" }

// Remove erases the fields of a permit, with their earlier values and their
// files, and then their keys are destroyed, which reaches every copy. The rest of the
// record stays. What an order holds leaves the record as if it were erased, and is set
// aside (see [gate.Gate.SetAside]): it opens for answers to authorities and courts alone, until
// a permit for what lies aside erases it.
func (v *Vault) Remove(ctx context.Context, tx *store.Tx, p gate.Permit) error {
	g, err := p.Spend(tx, loot.Erase)
	if err != nil {
		return err
	}
	rec, key, err := v.loadToSeal(ctx, tx, g.Subject, g.Collection)
	if err != nil {
		return err
	}
	take := v.removeField
	switch {
	case g.Held():
		take = v.setAside
	case g.Aside:
		take = v.removeAside
	}
	if !g.Aside { // which nobody sees go
		rec.Version++
		rec.Changed = g.At
	}
	for _, f := range g.Fields {
		if err := take(ctx, tx, g, key, &rec, f); err != nil {
			return err
		}
	}
	if !g.Aside && slices.Contains(g.Fields, g.Statement.CountryField(g.Collection)) {
		if err := v.Gate.Assume(ctx, tx, g.Residence("")); err != nil {
			return err
		}
	}
	if err := v.update(ctx, tx, key, &rec); err != nil || g.Held() {
		return err
	}
	return v.Jobs.Enqueue(ctx, tx, destroyFields{g.Subject, g.Collection, g.Fields, keyring.Erasure{Version: rec.Version, At: g.At.UnixMicro()}})
}

// removeField leaves nothing of a field, nor of what was set aside of it.
func (v *Vault) removeField(ctx context.Context, tx *store.Tx, g gate.Grant, _ *keyring.PersonKey, rec *record, f loot.Field) error {
	for _, held := range []loot.Field{f, proposalOf(f), asideName(f)} {
		i := rec.cell(held)
		if i < 0 {
			continue
		}
		if err := v.unindex(ctx, tx, rec.Subject, rec.cells[i]); err != nil {
			return err
		}
		rec.cells = slices.Delete(rec.cells, i, i+1)
	}
	return removeFormer(ctx, tx, g, f, math.MaxInt64, math.MaxInt64)
}

// removeFormer removes the former values of a field up to a version, and its files that were
// made by a time.
func removeFormer(ctx context.Context, tx *store.Tx, g gate.Grant, f loot.Field, version, at int64) error {
	const of = `subject = $1 AND collection = $2 AND field = $3`
	if _, err := tx.Exec(ctx, `DELETE FROM vault_history WHERE `+of+` AND version <= $4`, g.Subject.Compact(), string(g.Collection), string(f), version); err != nil {
		return fmt.Errorf("vault: remove: %w", err)
	}
	return dropFiles(ctx, tx, of+` AND made <= $4`, g.Subject.Compact(), string(g.Collection), string(f), at)
}

// destroyFields destroys the keys of erased fields and says so on the ledger. What was given
// again meanwhile keeps its key. Doing it twice does no harm.
func (v *Vault) destroyFields(ctx context.Context, a destroyFields) error {
	err := v.DB.InTx(ctx, func(tx *store.Tx) error {
		rec, err := v.load(ctx, tx, a.Subject, a.Collection, true) // nobody seals anything meanwhile
		if errors.Is(err, errErased) {
			return nil // and so does the whole key
		}
		if err != nil {
			return err
		}
		used, err := v.fieldsOf(ctx, tx, rec)
		if err != nil {
			return err
		}
		gone := map[loot.Field]keyring.Erasure{}
		for _, f := range a.Fields {
			if !slices.Contains(used, f) {
				gone[f] = a.Erasure
			}
		}
		if len(gone) == 0 {
			return nil
		}
		if in, ok := v.Gate.InForce(); ok { // else who holds the former keys for a moment yet could not open what is given next
			for _, d := range in.Statement.Fields(a.Collection) {
				used = append(used, d.ID)
			}
		}
		if err := v.Keyring.DestroyFields(ctx, a.Subject, a.Collection, gone, used); err != nil {
			return err
		}
		v.step("destroy fields: keys")
		_, err = v.Gate.Note(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "vault"}, "key.destroyed", "")
		return err
	})
	if err != nil {
		return fmt.Errorf("vault: destroy fields: %w", err)
	}
	return nil
}

// fieldsOf returns the fields as which something of a record is sealed.
func (v *Vault) fieldsOf(ctx context.Context, tx *store.Tx, rec record) (out []loot.Field, err error) {
	for _, c := range rec.cells {
		out = append(out, c.base())
	}
	rows, err := tx.Query(ctx, `SELECT field FROM vault_history WHERE subject = $1 AND collection = $2 UNION SELECT field FROM vault_file WHERE subject = $1 AND collection = $2`,
		rec.Subject.Compact(), string(rec.collection))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var f loot.Field
		if err := rows.Scan(&f); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

// buried is what the cells of an erased record are. They have no MAC, as the
// key goes too.
var buried = pack(nil, inFull{})

// bury leaves nothing of a record but that there was one.
func (v *Vault) bury(ctx context.Context, tx *store.Tx, rec record, s loot.Subject, c loot.Collection, at time.Time) error {
	readNoMore(tx, s, c)
	switch _, err := v.proven(ctx, &rec); {
	case err == nil, errors.Is(err, errErased): // a key that is gone proves nothing
	case unusable(err):
		rec.cells = nil // what they are found by may have been changed
	default:
		return err
	}
	for _, c := range slices.Concat(rec.cells, rec.lost) {
		if err := v.unindex(ctx, tx, s, c); err != nil {
			return err
		}
	}
	if rec.cells == nil { // damaged: what it is found by is not known
		if _, err := tx.Exec(ctx, `DELETE FROM vault_index WHERE subject = $1`, s.Compact()); err != nil {
			return fmt.Errorf("vault: erase: %w", err)
		}
	}
	const of = `subject = $1 AND collection = $2`
	if _, err := tx.Exec(ctx, `DELETE FROM vault_history WHERE `+of, s.Compact(), string(c)); err != nil {
		return fmt.Errorf("vault: erase: %w", err)
	}
	if err := dropFiles(ctx, tx, of, s.Compact(), string(c)); err != nil {
		return err
	}
	// It is due at once: the key is still to be destroyed.
	if _, err := tx.Exec(ctx, `UPDATE vault_record SET erased = $1, changed = $1, due = $1, epoch = 0, version = version + 1, cells = $2 WHERE subject = $3 AND collection = $4`,
		at.UnixMicro(), buried, s.Compact(), string(c)); err != nil {
		return fmt.Errorf("vault: erase: %w", err)
	}
	return nil
}

// destroy destroys the key of an erased record and says so on the ledger.
// Doing it twice does no harm.
func (v *Vault) destroy(ctx context.Context, a destroyKey) error {
	var erased, due int64
	var cells []byte
	err := v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT erased, due, cells FROM vault_record WHERE subject = $1 AND collection = $2`, a.Subject.Compact(), string(a.Collection)).Scan(&erased, &due, &cells)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && (erased == 0 || !bytes.Equal(cells, buried)):
		// A key that still has a record is never destroyed, whatever a job or a
		// changed column says.
		return fmt.Errorf("vault: destroy: %s is not erased", a.Subject)
	case err != nil:
		return fmt.Errorf("vault: destroy: %w", err)
	case due == 0:
		return nil
	}
	v.step("destroy: begun")
	if err := v.Keyring.Destroy(ctx, a.Subject, a.Collection); err != nil {
		return err
	}
	v.step("destroy: key")
	return v.DB.InTx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE vault_record SET due = 0 WHERE subject = $1 AND collection = $2 AND erased > 0 AND due > 0`, a.Subject.Compact(), string(a.Collection))
		if err != nil || n == 0 {
			return err
		}
		_, err = v.Gate.Note(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "vault"}, "key.destroyed", "")
		return err
	})
}

// A Claim reports whether a person's key that has no record here is needed
// elsewhere.
type Claim func(ctx context.Context, s loot.Subject, c loot.Collection) (bool, error)

// Claim has f asked before a key that has no record is taken for a leftover.
// It is called before jobs start.
func (v *Vault) Claim(f Claim) { v.claims = append(v.claims, f) }

const (
	sweepEvery = 6 * time.Hour
	sweepFor   = time.Hour
	// leftover is how old a key, or a file that no permit took in, is before it
	// counts as left by a transaction that failed.
	leftover = 24 * time.Hour
)

// A sweepUp asks for what failed transactions and restored backups left.
type sweepUp struct{}

// Kind names the job.
func (sweepUp) Kind() string { return "vault.sweep" }

func (v *Vault) sweep(ctx context.Context, _ sweepUp) error { return v.Sweep(ctx) }

// Sweep puts right what a kill or a restored backup may leave: it destroys the
// keys of erased records whose job was lost, erases records that came back
// with an old backup although their key is destroyed, and removes keys and
// files of transactions that failed a day ago or earlier, and values that
// nobody confirmed in time. It also finishes the rotation of the program's own
// keys.
func (v *Vault) Sweep(ctx context.Context) error {
	if err := v.sweepErased(ctx); err != nil {
		return err
	}
	if err := v.sweepFiles(ctx); err != nil {
		return err
	}
	if err := v.sweepProposals(ctx); err != nil {
		return err
	}
	if err := v.Keyring.Persons(ctx, false, func(page []keyring.Person) error { return v.sweepKeys(ctx, page) }); err != nil {
		return err
	}
	return v.finishOwnKeys(ctx)
}

// finishOwnKeys needs nobody's approval: it ends what was begun with one. The
// ledger says afterwards that former versions are destroyed; a kill between the
// two leaves them destroyed without that entry, which nothing rests on.
func (v *Vault) finishOwnKeys(ctx context.Context) error {
	ended, err := v.Keyring.FinishSystem(ctx)
	if len(ended) == 0 {
		return err
	}
	return errors.Join(err, v.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := v.Gate.Note(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "vault"}, "keys.rotate former versions destroyed: "+strings.Join(ended, ", "), "")
		return err
	}))
}

func (v *Vault) sweepErased(ctx context.Context) error {
	var due []destroyKey
	err := v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		due = nil
		rows, err := tx.Query(ctx, `SELECT subject, collection FROM vault_record WHERE due > 0 AND erased > 0 AND cells = $1`, buried)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a destroyKey
			if err := rows.Scan(compact{&a.Subject}, &a.Collection); err != nil {
				return err
			}
			due = append(due, a)
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("vault: sweep: %w", err)
	}
	for _, a := range due {
		if err := v.destroy(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (v *Vault) sweepKeys(ctx context.Context, page []keyring.Person) error {
	for _, p := range page {
		if !p.Destroyed && v.Now().Sub(p.Made) < leftover {
			continue
		}
		held, known, err := v.has(ctx, p)
		switch {
		case err != nil:
			return err
		case p.Destroyed && held:
			err = v.buryAgain(ctx, p)
		case !p.Destroyed && !held && known:
			err = v.Keyring.Drop(ctx, p.Subject, p.Collection)
		case p.Parted && held:
			err = v.removeLost(ctx, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeLost removes what an old backup brought back of fields that were erased: nobody can
// open it. A record that is damaged stays as it is.
func (v *Vault) removeLost(ctx context.Context, p keyring.Person) error {
	return v.DB.InTx(ctx, func(tx *store.Tx) error {
		rec, key, err := v.loadProven(ctx, tx, p.Subject, p.Collection, true)
		if unusable(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(rec.lost) > 0 {
			rec.Version++
			if err := v.update(ctx, tx, key, &rec); err != nil {
				return err
			}
		}
		former, err := v.history(ctx, tx, p.Subject, p.Collection)
		if err != nil {
			return ignore(err, ErrDamaged)
		}
		for _, h := range former {
			if !h.lost(key) {
				continue
			}
			if _, err := tx.Exec(ctx, `DELETE FROM vault_history WHERE subject = $1 AND collection = $2 AND field = $3 AND version = $4`,
				p.Subject.Compact(), string(p.Collection), string(h.field), h.version); err != nil {
				return fmt.Errorf("vault: sweep: %w", err)
			}
		}
		files, err := v.filesOf(ctx, tx, p.Subject, p.Collection)
		if err != nil {
			return err
		}
		for _, f := range files {
			if f.lost(key) {
				if err := dropFiles(ctx, tx, `id = $1`, f.id); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// has reports whether a person has a record that is not erased; and whether,
// if there is none at all, the key is known to be a leftover: a collection
// without any record keeps its data elsewhere.
func (v *Vault) has(ctx context.Context, p keyring.Person) (held, leftover bool, err error) {
	err = v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		held, leftover = false, false
		var erased int64
		err := tx.QueryRow(ctx, `SELECT erased FROM vault_record WHERE subject = $1 AND collection = $2`, p.Subject.Compact(), string(p.Collection)).Scan(&erased)
		if err == nil {
			held = erased == 0
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) || p.Destroyed {
			return ignore(err, sql.ErrNoRows)
		}
		var one int
		err = tx.QueryRow(ctx, `SELECT 1 FROM vault_record WHERE collection = $1 LIMIT 1`, string(p.Collection)).Scan(&one)
		leftover = err == nil
		return ignore(err, sql.ErrNoRows)
	})
	if err != nil {
		return false, false, fmt.Errorf("vault: sweep: %w", err)
	}
	for i := 0; leftover && i < len(v.claims); i++ {
		needed, err := v.claims[i](ctx, p.Subject, p.Collection)
		if err != nil {
			return false, false, fmt.Errorf("vault: sweep: %w", err)
		}
		leftover = !needed
	}
	return held, leftover, nil
}

func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}

// buryAgain erases a record that an old backup brought back. Those who keep
// something about the person are told again, as theirs came back too.
func (v *Vault) buryAgain(ctx context.Context, p keyring.Person) error {
	return v.DB.InTx(ctx, func(tx *store.Tx) error {
		rec, err := v.load(ctx, tx, p.Subject, p.Collection, true)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return ignore(err, errErased)
		}
		if err := v.bury(ctx, tx, rec, p.Subject, p.Collection, v.Now()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE vault_record SET due = 0 WHERE subject = $1 AND collection = $2`, p.Subject.Compact(), string(p.Collection)); err != nil {
			return err
		}
		return v.Jobs.Publish(ctx, tx, job.Notice{Name: "person.erased", ID: string(p.Subject)})
	})
}
