package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"loot"
	"loot/keyring"
	"loot/store"
)

// keepCosigned stores a cosigned checkpoint for every node.
func (l *Ledger) keepCosigned(ctx context.Context, cp checkpoint) error {
	_, err := l.db.Exec(ctx, `UPDATE ledger_state SET cosigned = $1 WHERE id = 1`, cp.raw)
	if err != nil {
		return fmt.Errorf("ledger: keep checkpoint: %w", err)
	}
	l.cosigned.Store(&cp)
	return nil
}

// Receipt returns the proof that the entry about the person is in the log, as a
// file that anybody can check by themselves: a C2SP tlog-proof that opens the
// subject and the facts and gives the actor as a commitment. An entry that was
// recorded a moment ago is [ErrNotYet].
func (l *Ledger) Receipt(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, id string) ([]byte, error) {
	key, err := l.keyring.Person(ctx, s, c)
	if err != nil {
		return nil, fmt.Errorf("ledger: receipt: %w", err)
	}
	r, sealed, err := l.provable(ctx, tx, id, `AND person = $3`, key.Tag())
	if err != nil {
		return nil, err
	}
	f := &r.facets[0]
	if f.text, f.salt, err = openFacet(key.For(keyring.Ledger), "subject", id, sealed); err != nil {
		return nil, err
	}
	f.opened = true
	return l.receipt(ctx, r)
}

// Proof returns the proof that an entry is in the log, with its facts opened
// and nobody named. What is under a gag has none.
func (l *Ledger) Proof(ctx context.Context, tx *store.Tx, id string) ([]byte, error) {
	r, _, err := l.provable(ctx, tx, id, "")
	if err != nil {
		return nil, err
	}
	return l.receipt(ctx, r)
}

// provable reads what the database has of an entry for a receipt, and the
// sealed subject.
func (l *Ledger) provable(ctx context.Context, tx *store.Tx, id, where string, args ...any) (*receipt, []byte, error) {
	if err := tx.Flush(ctx); err != nil {
		return nil, nil, err
	}
	var idx sql.NullInt64
	var subjectHash, actorHash, sealed, factsSalt []byte
	var facts string
	err := tx.QueryRow(ctx, `SELECT p.idx, e.subject, e.subject_hash, e.actor_hash, e.facts, e.facts_salt
		FROM ledger_entry e LEFT JOIN ledger_place p ON p.id = e.id WHERE e.id = $1 AND e.gag <= $2 `+where, append([]any{id, micros(l.now())}, args...)...).
		Scan(&idx, &sealed, &subjectHash, &actorHash, &facts, &factsSalt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, errNoEntry
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: receipt: %w", err)
	}
	if !idx.Valid {
		return nil, nil, ErrNotYet
	}
	if len(subjectHash) != len(hash{}) || len(actorHash) != len(hash{}) {
		return nil, nil, fmt.Errorf("ledger: receipt: entry %s is damaged", id)
	}
	r := &receipt{log: l.signer.signerKey, index: uint64(idx.Int64)}
	r.facets[0].hash, r.facets[1].hash = hash(subjectHash), hash(actorHash)
	r.facets[2] = facet{hash: commit(factsSalt, []byte(facts)), opened: true, salt: factsSalt, text: []byte(facts)}
	return r, sealed, nil
}

// receipt completes a receipt with the newest checkpoint and the path to it.
// It checks the whole before it hands it out: a damaged log is to be noticed
// here and not by the person who trusts the receipt.
func (l *Ledger) receipt(ctx context.Context, r *receipt) ([]byte, error) {
	cp, err := l.covering(r.index)
	if err != nil {
		return nil, err
	}
	if r.path, err = l.files.inclusion(ctx, r.index, cp.size); err != nil {
		return nil, err
	}
	for _, w := range l.witnesses {
		if _, ok := cp.by(w.key); ok {
			r.witnesses = append(r.witnesses, w.key)
		}
	}
	// A cosignature of a witness that is not known here, or not any more, would
	// be of a key that the receipt does not name.
	r.note = cp.only(append([]signerKey{l.signer.signerKey}, r.witnesses...))
	b := r.format()
	res, err := VerifyReceipt(b, l.VerifierKey(), nil)
	if err != nil {
		return nil, err
	}
	if res.Verdict != Holds {
		return nil, fmt.Errorf("ledger: receipt: the log or the record of entry %d is damaged: %s", r.index, res.Fault)
	}
	return b, nil
}

// ErrDamaged says that an entry is not what was recorded.
var ErrDamaged = errors.New("ledger: the entry is not what was recorded")

// Attested returns the facts of an entry for whoever acts by them: they give,
// with the rest of the record, the leaf that lies at the entry's place in the
// log, and whoever made it was sealed by a process that had the keys. Otherwise
// the error is [ErrDamaged]. Placed says that the log bears them out; until an
// entry has its place, and where the log's folder cannot be read, the record
// stands by its seal alone. An entry in nobody's name, or under a gag, is none.
func (l *Ledger) Attested(ctx context.Context, tx *store.Tx, id string) (f Facts, placed bool, err error) {
	if err := tx.Flush(ctx); err != nil {
		return f, false, err
	}
	var idx, waits sql.NullInt64
	var leaf, subjectHash, sealed, actorHash, facts, factsSalt []byte
	err = tx.QueryRow(ctx, `SELECT p.idx, (SELECT 1 FROM ledger_waiting w WHERE w.id = e.id), e.leaf, e.subject_hash, e.actor, e.actor_hash, e.facts, e.facts_salt
		FROM ledger_entry e LEFT JOIN ledger_place p ON p.id = e.id WHERE e.id = $1 AND e.gag <= $2 AND e.actor IS NOT NULL`, id, micros(l.now())).
		Scan(&idx, &waits, &leaf, &subjectHash, &sealed, &actorHash, &facts, &factsSalt)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, errNoEntry
	}
	if err != nil {
		return f, false, fmt.Errorf("ledger: attest: %w", err)
	}
	text, salt, err := openFacet(l.staff, "actor", id, sealed)
	if errors.Is(err, keyring.ErrTampered) {
		return f, false, errors.Join(ErrDamaged, err)
	}
	if err != nil {
		return f, false, err
	}
	actor := commit(salt, text)
	if !bytes.Equal(actor[:], actorHash) || len(subjectHash) != len(hash{}) || idx.Valid == waits.Valid ||
		!bytes.Equal(leaf, leafOf(hash(subjectHash), actor, commit(factsSalt, facts))) {
		return f, false, ErrDamaged
	}
	if idx.Valid {
		switch inLog, err := l.files.leafAt(uint64(idx.Int64)); {
		case err != nil: // whoever appends says so
		case !bytes.Equal(inLog, leaf):
			return f, false, ErrDamaged
		default:
			placed = true
		}
	}
	if err := json.Unmarshal(facts, &f); err != nil {
		return Facts{}, false, errors.Join(ErrDamaged, err)
	}
	return f, placed, nil
}

// leafAt returns the leaf at an index; nil if the log does not reach that far.
func (f files) leafAt(index uint64) ([]byte, error) {
	size, _, err := f.treeSize()
	if err != nil || index >= size {
		return nil, err
	}
	leaves, err := f.leaves(index, index+1, size)
	if err != nil {
		return nil, err
	}
	return leaves[0], nil
}
