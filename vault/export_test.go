package vault

import (
	"context"

	"loot"
)

// StopAt has f called between the steps of what must survive a kill.
func (v *Vault) StopAt(f func(step string)) { v.stop = f }

// Destroy does the job that an erasure asks for.
func (v *Vault) Destroy(ctx context.Context, s loot.Subject, c loot.Collection) error {
	return v.destroy(ctx, destroyKey{s, c})
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

// Unpack takes a row apart whose names the vault has met.
func (v *Vault) Unpack(b []byte) ([]Cell, error) { return opened(unpack(b, &v.words)) }

func opened(cells []cell, err error) ([]Cell, error) {
	var out []Cell
	for _, c := range cells {
		out = append(out, Cell{c.field, c.version, c.origin.source, c.origin.at, c.origin.statement, c.state, c.until, c.spell, c.hash, c.sealed})
	}
	return out, err
}

// Pack puts one together.
func Pack(cells []Cell) []byte {
	var in []cell
	for _, c := range cells {
		in = append(in, cell{c.Field, c.Version, origin{c.Source, c.At, c.Statement}, c.State, c.Until, c.Spell, c.Hash, c.Sealed})
	}
	return pack(in, inFull{})
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
