package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/gate"
	"loot/keyring"
	"loot/ledger"
	"loot/store"
)

// Open opens what the permit names, masked as it says.
func (v *Vault) Open(ctx context.Context, tx *store.Tx, p gate.Permit) (Values, error) {
	g, err := p.SpendAny(tx, ledger.Openings...)
	if err != nil {
		return nil, err
	}
	rec, key, err := v.loadProven(ctx, tx, g.Subject, g.Collection, false)
	if err != nil {
		return nil, err
	}
	return v.opener(tx, g, key).values(ctx, tx, rec)
}

// A Former is a value that was corrected or removed.
type Former struct {
	Value
	Replaced time.Time
}

// A Whole is all that is held of a person in the fields of a permit.
type Whole struct {
	Opened
	Former map[loot.Field][]Former // latest first
	Files  []File
}

// OpenWhole is [Vault.OpenRecord] together with the history and the names of
// the files.
func (v *Vault) OpenWhole(ctx context.Context, tx *store.Tx, p gate.Permit) (Whole, error) {
	opened, o, err := v.openRecord(ctx, tx, p)
	if err != nil {
		return Whole{}, err
	}
	w := Whole{Opened: opened, Former: map[loot.Field][]Former{}}
	if opened.Version > 1 { // else it was never changed
		if w.Former, err = o.former(ctx, tx); err != nil {
			return Whole{}, err
		}
	}
	w.Files, err = o.files(ctx, tx)
	return w, err
}

// former opens the history of a record in the fields of the grant.
func (o *opener) former(ctx context.Context, tx *store.Tx) (map[loot.Field][]Former, error) {
	cells, err := o.v.history(ctx, tx, o.g.Subject, o.g.Collection)
	if err != nil {
		return nil, err
	}
	out := map[loot.Field][]Former{}
	for _, h := range cells {
		if !slices.Contains(o.g.Fields, h.field) || o.aside[h.field].tookValue(h.cell) {
			continue
		}
		if err := h.prove(o.key); err != nil {
			return nil, fmt.Errorf("vault: history of %s of %s: %w", h.field, o.g.Subject, err)
		}
		if h.lost(o.key) {
			continue
		}
		value, err := o.open(h.cell)
		if err != nil {
			return nil, err
		}
		out[h.field] = append(out[h.field], Former{value, h.replaced})
	}
	return out, nil
}

type formerCell struct {
	cell
	replaced time.Time
	packed   []byte
	mac      []byte
}

// prove returns [ErrDamaged] unless the row is as whoever had its key wrote it.
func (h *formerCell) prove(key *keyring.PersonKey) error {
	if err := key.Verify(h.mac, h.covered()); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// history reads former values, which are not proven yet.
func (v *Vault) history(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) ([]formerCell, error) {
	rows, err := tx.Query(ctx, `SELECT field, version, replaced, cell FROM vault_history WHERE subject = $1 AND collection = $2 ORDER BY field, version DESC`, s.Compact(), string(c))
	if err != nil {
		return nil, fmt.Errorf("vault: history: %w", err)
	}
	defer rows.Close()
	var out []formerCell
	for rows.Next() {
		var c formerCell
		var replaced int64
		var cells []byte
		if err := rows.Scan(&c.field, &c.version, &replaced, &cells); err != nil {
			return nil, fmt.Errorf("vault: history: %w", err)
		}
		c.replaced = time.UnixMicro(replaced).UTC()
		c.packed, c.mac = splitMAC(cells)
		out = append(out, c)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("vault: history: %w", err)
	}
	for i := range out {
		c := &out[i]
		cells, err := v.cells(ctx, tx, c.packed)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return nil, fmt.Errorf("vault: history: %w", err)
		}
		if err != nil || len(cells) != 1 || cells[0].field != c.field || cells[0].version != c.version {
			return nil, fmt.Errorf("vault: history of %s of %s: %w", c.field, s, ErrDamaged)
		}
		c.cell = cells[0]
	}
	return out, nil
}

// An opener opens cells for one grant. What it opens counts for the permit once
// the transaction committed, so that a roll-back leaves no difference between
// openings and permits.
type opener struct {
	v   *Vault
	g   gate.Grant
	key *keyring.PersonKey

	aside map[loot.Field]cell // what of a record it does not see; see [record.aside]
}

func (v *Vault) opener(tx *store.Tx, g gate.Grant, key *keyring.PersonKey) *opener {
	tally := v.Keyring.Tally(g.At)
	tx.AfterCommit(tally.Committed)
	tx.AfterRollback(tally.RolledBack)
	return &opener{v: v, g: g, key: key.In(tally)}
}

// values opens what a record holds in the fields of the grant; for an answer, also what lies
// aside of those in which nothing counts.
func (o *opener) values(ctx context.Context, tx *store.Tx, rec record) (Values, error) {
	out := make(Values, len(o.g.Fields))
	for _, c := range rec.cells {
		if !slices.Contains(o.g.Fields, c.field) {
			continue
		}
		value, err := o.open(c)
		if err != nil {
			return nil, err
		}
		out[c.field] = value
	}
	if o.g.Action != loot.Answer {
		return out, nil
	}
	kept, err := o.v.asideOf(ctx, tx, rec, o.key)
	for f, c := range kept {
		if _, counts := out[f]; counts || !slices.Contains(o.g.Fields, f) {
			continue
		}
		if out[f], err = o.open(c); err != nil {
			return nil, err
		}
	}
	return out, err
}

// open opens one cell, masked as the grant says.
func (o *opener) open(c cell) (Value, error) {
	plain, err := c.of(o.key).Open(c.sealed, c.bound())
	if err != nil {
		return Value{}, fmt.Errorf("vault: %s of %s: %w", c.field, o.g.Subject, err)
	}
	value := Value{Clear: clearOf(string(plain)), About: o.v.about(c)}
	f := c.base()
	if how := o.mask(f); how != "none" {
		d, _ := o.g.Statement.Field(f)
		value.Clear, value.Masked = clearOf(mask(how, d.Type, string(plain))), true
	}
	return value, nil
}

// mask says how a field is shown. A grant that masks at all masks fully what
// it does not speak of.
func (o *opener) mask(f loot.Field) string {
	if o.g.Mask == nil {
		return "none"
	}
	switch how, said := o.g.Mask[f]; {
	case said && (how == "" || how == "none"):
		return "none"
	case how == "partly":
		return how
	}
	return "fully"
}

// Find returns whose value of a field is exactly the one given, spelling
// aside, 50 at most. The permit is to find, and names the field. Whoever is
// found sees it in their timeline.
func (v *Vault) Find(ctx context.Context, tx *store.Tx, p gate.Permit, f loot.Field, value string) ([]loot.Subject, error) {
	g, how, err := finding(tx, p, f)
	if err != nil {
		return nil, err
	}
	text := spell(how, value)
	if text == "" {
		return nil, nil
	}
	hashes, err := v.hashes(ctx, g.Collection, f, text)
	if err != nil {
		return nil, err
	}
	for {
		out, err := v.search(ctx, tx, g.Collection, f, hashes)
		if err != nil {
			return nil, err
		}
		// While we searched, an epoch may have begun and whom we look for moved
		// to it. Its key is there before the first row that it made.
		now, err := v.hashes(ctx, g.Collection, f, text)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(now, func(h []byte) bool { return !among(hashes, h) }) {
			return out, v.found(ctx, tx, g, f, out)
		}
		hashes = now
	}
}

// finding spends a permit to find by a field, and returns how its values are spelt.
func finding(tx *store.Tx, p gate.Permit, f loot.Field) (g gate.Grant, how uint8, err error) {
	if g, err = p.Spend(tx, loot.Find); err != nil {
		return g, how, err
	}
	d, ok := g.Statement.Field(f)
	if !ok || g.Collection == "" || !slices.Contains(g.Fields, f) {
		return g, how, g.Widened()
	}
	if !d.Index {
		return g, how, loot.Errorf(loot.Invalid, "The statement lets nobody be found by this field.")
	}
	return g, spellingOf(d), nil
}

func (v *Vault) found(ctx context.Context, tx *store.Tx, g gate.Grant, f loot.Field, hits []loot.Subject) error {
	for _, s := range hits {
		if err := v.Gate.Found(ctx, tx, g, f, s); err != nil {
			return err
		}
	}
	return nil
}

func among(hashes [][]byte, h []byte) bool {
	return slices.ContainsFunc(hashes, func(other []byte) bool { return bytes.Equal(h, other) })
}

// hashes returns the blind indexes of a value under every epoch there is.
func (v *Vault) hashes(ctx context.Context, c loot.Collection, f loot.Field, text string) ([][]byte, error) {
	_, now, other, err := v.Keyring.Index(ctx, c, f, text)
	if err != nil {
		return nil, fmt.Errorf("vault: find: %w", err)
	}
	return append(other, now), nil
}

// search returns whose field has one of the blind indexes.
func (v *Vault) search(ctx context.Context, tx *store.Tx, c loot.Collection, f loot.Field, hashes [][]byte) ([]loot.Subject, error) {
	recs, err := v.candidates(ctx, tx, c, hashes)
	if err != nil {
		return nil, err
	}
	var out []loot.Subject
	for _, rec := range recs {
		if i := rec.cell(f); i >= 0 && among(hashes, rec.cells[i].hash) && len(out) < 50 {
			out = append(out, rec.Subject)
		}
	}
	slices.Sort(out)
	return out, nil
}

// candidates returns the records that stand under the lookups of blind indexes.
func (v *Vault) candidates(ctx context.Context, tx *store.Tx, c loot.Collection, hashes [][]byte) ([]record, error) {
	likely, err := v.likely(ctx, tx, hashes)
	if err != nil || len(likely) == 0 {
		return nil, err
	}
	args := []any{string(c)}
	for _, s := range likely {
		args = append(args, s.Compact())
	}
	recs, err := v.records(ctx, tx, `collection = $1 AND erased = 0 AND subject IN (`+store.Placeholders(2, len(likely))+`) ORDER BY subject`, args...)
	if err != nil {
		return nil, fmt.Errorf("vault: find: %w", err)
	}
	for _, rec := range recs {
		if rec.damaged != nil {
			return nil, fmt.Errorf("vault: find: %w", rec.damaged)
		}
	}
	return recs, nil
}

// likely returns who stands under the lookups of hashes. It is a query of its
// own, as a planner without statistics begins a join at the wrong end.
func (v *Vault) likely(ctx context.Context, tx *store.Tx, hashes [][]byte) ([]loot.Subject, error) {
	var args []any
	for _, h := range hashes {
		args = append(args, lookup(h))
	}
	rows, err := tx.Query(ctx, `SELECT DISTINCT subject FROM vault_index WHERE lookup IN (`+store.Placeholders(1, len(hashes))+`) LIMIT 1000`, args...)
	if err != nil {
		return nil, fmt.Errorf("vault: find: %w", err)
	}
	defer rows.Close()
	var out []loot.Subject
	for rows.Next() {
		var s loot.Subject
		if err := rows.Scan(compact{&s}); err != nil {
			return nil, fmt.Errorf("vault: find: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
