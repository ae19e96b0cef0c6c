package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"loot"
	"loot/gate"
	"loot/keyring"
	"loot/ledger"
	"loot/store"
)

// SealBeside seals what a desk keeps of one person in a row of a table of its own,
// as a field has many values there and each has its own dates, such as the
// addresses of a service. It opens by the person's key alone, so that nothing of it
// is left once that is destroyed. The permit is to collect the field, id names the
// row, and the person's key was made before (see [keyring.Keyring.Create]).
func (v *Vault) SealBeside(ctx context.Context, tx *store.Tx, p gate.Permit, f loot.Field, id, value string) ([]byte, error) {
	g, err := p.Spend(tx, loot.Collect)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(g.Fields, f) {
		return nil, g.Widened()
	}
	key, err := v.keyBeside(ctx, g)
	if err != nil {
		return nil, err
	}
	return key.Seal([]byte(value), besideAD(f, id)), nil
}

// A Beside opens what [Vault.SealBeside] sealed, for one permit.
type Beside struct{ o *opener }

// OpenBeside returns what opens rows of the person of a permit, as many as there are.
func (v *Vault) OpenBeside(ctx context.Context, tx *store.Tx, p gate.Permit) (Beside, error) {
	g, err := p.SpendAny(tx, ledger.Openings...)
	if err != nil {
		return Beside{}, err
	}
	key, err := v.keyBeside(ctx, g)
	if err != nil {
		return Beside{}, err
	}
	return Beside{v.opener(tx, g, key)}, nil
}

func (v *Vault) keyBeside(ctx context.Context, g gate.Grant) (*keyring.PersonKey, error) {
	key, err := v.Keyring.Person(ctx, g.Subject, g.Collection)
	if errors.Is(err, keyring.ErrShredded) {
		return nil, loot.Wrap(loot.NotFound, err, "Nothing is kept of this person any more.")
	}
	return key, err
}

// Open opens a row's value of a field of the permit, masked as that says.
func (b Beside) Open(f loot.Field, id string, sealed []byte) (value Clear, masked bool, err error) {
	if !slices.Contains(b.o.g.Fields, f) {
		return Clear{}, false, b.o.g.Widened()
	}
	plain, err := b.o.key.Open(sealed, besideAD(f, id))
	if err != nil {
		return Clear{}, false, fmt.Errorf("vault: %s of %s: %w", f, b.o.g.Subject, err)
	}
	if how := b.o.mask(f); how != "none" {
		d, _ := b.o.g.Statement.Field(f)
		return clearOf(mask(how, d.Type, string(plain))), true, nil
	}
	return clearOf(string(plain)), false, nil
}

// besideAD keeps what lies beside a record apart from its values, files and letters.
func besideAD(f loot.Field, id string) []byte {
	return []byte("loot beside\x00" + string(f) + "\x00" + id)
}
