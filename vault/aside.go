package vault

import (
	"context"
	"fmt"
	"slices"

	"loot"
	"loot/gate"
	"loot/keyring"
	"loot/store"
)

// aside marks the name of a cell that says that all of a field up to the cell's version, and
// the files of it up to its time, was set aside. It has no value; those lie in the history.
const aside = "!"

func asideName(f loot.Field) loot.Field { return f + aside }

// aside returns by field what says that something of it was set aside.
func (r *record) aside() map[loot.Field]cell {
	var out map[loot.Field]cell
	for _, c := range r.cells {
		if !c.marksAside() {
			continue
		}
		if out == nil {
			out = map[loot.Field]cell{}
		}
		out[c.base()] = c
	}
	return out
}

func (c cell) marksAside() bool { return c.field == asideName(c.base()) }

// tookValue reports whether a former value was set aside by the time of a cell; not by that
// of the zero cell.
func (c cell) tookValue(former cell) bool { return former.version <= c.version }

// tookFile is tookValue of a file.
func (c cell) tookFile(f fileRow) bool { return f.made <= c.origin.at }

// setAside takes all that a record has in a field out of it and erases nothing, as an order
// holds it. It comes out again no more: what is given anew has a number of its own beside it.
func (v *Vault) setAside(ctx context.Context, tx *store.Tx, g gate.Grant, key *keyring.PersonKey, rec *record, f loot.Field) error {
	if i := rec.cell(f); i >= 0 {
		if err := v.supersede(ctx, tx, key, rec, i, g.At); err != nil {
			return err
		}
	}
	rec.cells = slices.DeleteFunc(rec.cells, func(c cell) bool { return c.base() == f })
	mark := cell{
		field: asideName(f), version: rec.Version, until: deadlineOf(g.At), // due until nothing holds it
		origin: origin{at: g.At.UnixMicro(), statement: short(g.Statement.Hash())},
	}
	mark.sealed = mark.of(key).Seal(nil, mark.bound())
	rec.cells = append(rec.cells, mark)
	rec.sort()
	return nil
}

// removeAside removes what was set aside of a field.
func (v *Vault) removeAside(ctx context.Context, tx *store.Tx, g gate.Grant, _ *keyring.PersonKey, rec *record, f loot.Field) error {
	i := rec.cell(asideName(f))
	if i < 0 {
		return nil
	}
	mark := rec.cells[i]
	rec.cells = slices.Delete(rec.cells, i, i+1)
	return removeFormer(ctx, tx, g, f, mark.version, mark.origin.at)
}

// Aside returns which fields something was set aside of, of a person, and what stands about
// the latest value of each. It opens nothing and so takes no permit.
func (v *Vault) Aside(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) (map[loot.Field]About, error) {
	rec, key, err := v.loadProven(ctx, tx, s, c, false)
	if err != nil {
		return nil, err
	}
	cells, err := v.asideOf(ctx, tx, rec, key)
	out := map[loot.Field]About{}
	for f, mark := range rec.aside() {
		if c, ok := cells[f]; ok {
			mark = c
		}
		out[f] = v.about(mark)
	}
	return out, err
}

// asideOf returns the latest value of each field that was set aside of a record.
func (v *Vault) asideOf(ctx context.Context, tx *store.Tx, rec record, key *keyring.PersonKey) (map[loot.Field]cell, error) {
	marks := rec.aside()
	if len(marks) == 0 {
		return nil, nil
	}
	former, err := v.history(ctx, tx, rec.Subject, rec.collection) // latest first
	if err != nil {
		return nil, err
	}
	out := make(map[loot.Field]cell, len(marks))
	for _, h := range former {
		if _, found := out[h.field]; found || !marks[h.field].tookValue(h.cell) {
			continue
		}
		if err := h.prove(key); err != nil {
			return nil, fmt.Errorf("vault: history of %s of %s: %w", h.field, rec.Subject, err)
		}
		if !h.lost(key) {
			out[h.field] = h.cell
		}
	}
	return out, nil
}
