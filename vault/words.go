package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"loot"
	"loot/store"
)

// A wordID stands for the name of a field in packed cells. It is the beginning
// of the name's hash, so that no process ever takes it for another name.
type wordID [3]byte

func idOf(f loot.Field) wordID {
	sum := sha256.Sum256([]byte(f))
	return wordID(sum[:3])
}

func (id wordID) number() int64 { return int64(id[0])<<16 | int64(id[1])<<8 | int64(id[2]) }

// words is what a process knows of vault_word.
type words struct {
	mu    sync.RWMutex
	names map[wordID]loot.Field
	kept  map[loot.Field]bool // whose row is committed
}

// A naming turns names of fields into ids and back while cells are packed.
type naming interface {
	short(loot.Field) (wordID, bool)
	long(wordID) (loot.Field, bool)
}

// inFull is the naming that has no ids.
type inFull struct{}

func (inFull) short(loot.Field) (wordID, bool) { return wordID{}, false }
func (inFull) long(wordID) (loot.Field, bool)  { return "", false }

// cells unpacks a row that tx read. A name that another process gave an id
// meanwhile is read in the same transaction, which sees it since it sees the
// row; so no rows may be open. A second connection would be one that everybody
// who waits for one already holds.
func (v *Vault) cells(ctx context.Context, tx *store.Tx, packed []byte) ([]cell, error) {
	cells, err := unpack(packed, &v.words)
	if !errors.Is(err, errNameless) {
		return cells, err
	}
	if err := v.words.load(ctx, tx); err != nil {
		return nil, fmt.Errorf("names of fields: %w", err)
	}
	return unpack(packed, &v.words)
}

func (w *words) short(loot.Field) (wordID, bool) { return wordID{}, false }

func (w *words) long(id wordID) (loot.Field, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	f, ok := w.names[id]
	return f, ok
}

func (w *words) load(ctx context.Context, tx *store.Tx) error {
	rows, err := tx.Query(ctx, `SELECT word FROM vault_word`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var f loot.Field
		if err := rows.Scan(&f); err != nil {
			return err
		}
		w.learn(f, true)
	}
	return rows.Err()
}

func (w *words) learn(f loot.Field, kept bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.names == nil {
		w.names, w.kept = map[wordID]loot.Field{}, map[loot.Field]bool{}
	}
	w.names[idOf(f)] = f
	if kept {
		w.kept[f] = true
	}
}

// A writing is the naming of one transaction that writes cells.
type writing struct {
	v     *Vault
	fresh map[loot.Field]bool // that this transaction gave ids
}

// naming gives ids to the names of the cells that have none yet. A name whose
// id another name has is written in full.
func (v *Vault) naming(ctx context.Context, tx *store.Tx, cells []cell) (naming, error) {
	w := &writing{v: v}
	for _, c := range cells {
		v.words.mu.RLock()
		kept := v.words.kept[c.field]
		v.words.mu.RUnlock()
		if kept || w.fresh[c.field] {
			continue
		}
		id := idOf(c.field)
		if _, err := tx.Exec(ctx, `INSERT INTO vault_word (id, word) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id.number(), string(c.field)); err != nil {
			return nil, fmt.Errorf("vault: name: %w", err)
		}
		var there loot.Field
		if err := tx.QueryRow(ctx, `SELECT word FROM vault_word WHERE id = $1`, id.number()).Scan(&there); err != nil {
			return nil, fmt.Errorf("vault: name: %w", err)
		}
		if there != c.field {
			continue
		}
		if w.fresh == nil {
			w.fresh = map[loot.Field]bool{}
		}
		w.fresh[c.field] = true
		v.words.learn(c.field, false)
	}
	for f := range w.fresh {
		tx.AfterCommit(func() { v.words.learn(f, true) })
	}
	return w, nil
}

func (w *writing) short(f loot.Field) (wordID, bool) {
	w.v.words.mu.RLock()
	defer w.v.words.mu.RUnlock()
	return idOf(f), w.fresh[f] || w.v.words.kept[f]
}

func (w *writing) long(wordID) (loot.Field, bool) { return "", false }

// A compact subject is scanned from its 16 bytes.
type compact struct{ to *loot.Subject }

// Scan implements [database/sql.Scanner].
func (c compact) Scan(from any) error {
	b, ok := from.([]byte)
	if !ok {
		return fmt.Errorf("vault: a subject is a %T", from)
	}
	*c.to = loot.SubjectOf(b)
	return nil
}
