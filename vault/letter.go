package vault

import (
	"context"

	"loot"
	"loot/keyring"
)

// A LetterKey seals the letters to one person that wait in an outbox, so that
// nothing of them is left once the person is erased. Whoever opens one is on
// the ledger by name, and needs no permit.
type LetterKey struct{ key *keyring.PersonKey }

// LetterKey returns the key of a person's letters; of one who is erased it is
// [keyring.ErrShredded].
func (v *Vault) LetterKey(ctx context.Context, s loot.Subject, c loot.Collection) (LetterKey, error) {
	key, err := v.Keyring.Person(ctx, s, c)
	if err != nil {
		return LetterKey{}, err
	}
	return LetterKey{key.For(keyring.KeyKind("mail"))}, nil
}

// Seal never fails.
func (k LetterKey) Seal(plain, ad []byte) ([]byte, error) {
	return k.key.Seal(plain, letterAD(ad)), nil
}

// Open fails for what is not a letter to this person, whatever else it is.
func (k LetterKey) Open(sealed, ad []byte) ([]byte, error) { return k.key.Open(sealed, letterAD(ad)) }

// letterAD keeps letters apart from values and files, which this key never
// opens: those need a permit.
func letterAD(ad []byte) []byte { return append([]byte("loot letter\x00"), ad...) }
