package vault

import (
	"context"
	"time"

	"loot"
	"loot/store"
)

// SweepSize is how many records the sweep looks at in one transaction.
const SweepSize = sweepSize

// StopAt has f called between the steps of what must survive a kill.
func (v *Vault) StopAt(f func(step string)) { v.stop = f }

// Destroy does the job that an erasure asks for.
func (v *Vault) Destroy(ctx context.Context, s loot.Subject, c loot.Collection) error {
	return v.destroy(ctx, destroyKey{s, c})
}

// KeepUntil sets when fields are to be erased, whatever their purposes say.
func (v *Vault) KeepUntil(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, until map[loot.Field]time.Time) error {
	rec, key, err := v.loadProven(ctx, tx, s, c, true)
	if err != nil {
		return err
	}
	return v.keepUntil(ctx, tx, key, rec, until)
}

// SmallBatches makes a rotation take many steps.
func SmallBatches(n int) { rotateBatch = n }

// Cell is one packed cell, for tests that damage rows.
type Cell struct {
	Field     loot.Field
	Version   int64
	Source    string
	At        int64
	Statement string
	State     uint8
	Until     int64
	Spell     uint8
	Hash      []byte
	Sealed    []byte
}

// Unpack takes a row apart in which every field has its name.
func Unpack(b []byte) ([]Cell, error) { return opened(unpack(b, inFull{})) }

// Edit changes the cells of a record as whoever has the person's key could.
func (v *Vault) Edit(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, f func(cells []Cell) []Cell) error {
	rec, err := v.load(ctx, tx, s, c, true)
	if err != nil {
		return err
	}
	key, err := v.key(ctx, s, c)
	if err != nil {
		return err
	}
	cells, _ := opened(rec.cells, nil)
	rec.cells = closed(f(cells))
	return v.update(ctx, tx, key, &rec)
}

func opened(cells []cell, err error) ([]Cell, error) {
	var out []Cell
	for _, c := range cells {
		out = append(out, Cell{c.field, c.version, c.origin.source, c.origin.at, c.origin.statement, c.state, c.until, c.spell, c.hash, c.sealed})
	}
	return out, err
}

// Pack puts one together.
func Pack(cells []Cell) []byte { return pack(closed(cells), inFull{}) }

func closed(cells []Cell) []cell {
	var in []cell
	for _, c := range cells {
		in = append(in, cell{c.Field, c.Version, origin{c.Source, c.At, c.Statement}, c.State, c.Until, c.Spell, c.Hash, c.Sealed})
	}
	return in
}

// Mask and Spell are what a form and a search see of a value.
var (
	Mask  = mask
	Spell = func(kind, value string) string {
		return spell(map[string]uint8{"email": spellEmail, "vat": spellCode, "tel": spellTel, "text": spellText}[kind], value)
	}
)

// Bound is what a cell's seal is bound to, for a caller who goes round the vault.
func (c Cell) Bound() []byte {
	return cell{field: c.Field, version: c.Version, origin: origin{c.Source, c.At, c.Statement}}.bound()
}

// BusyHour has an hour with more permits than n wait until it is over.
func BusyHour(n int64) (back func()) {
	was := busyHour
	busyHour = n
	return func() { busyHour = was }
}
