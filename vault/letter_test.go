package vault_test

import (
	"errors"
	"testing"

	"loot/keyring"
)

// TestLetterKeyOpensLettersAlone: of its own person, and neither their values
// nor what others were written.
func TestLetterKeyOpensLettersAlone(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, other := b.create(t, ada()), b.create(t, ada())
		key, err := b.vault.LetterKey(t.Context(), s, customer)
		if err != nil {
			t.Fatal(err)
		}
		ad := []byte("m1")
		letter, err := key.Seal([]byte("Good day"), ad)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := key.Open(letter, ad); err != nil || string(text) != "Good day" {
			t.Errorf("%q %v", text, err)
		}
		theirs, err := b.vault.LetterKey(t.Context(), other, customer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.Open(letter, ad); !errors.Is(err, keyring.ErrTampered) {
			t.Errorf("another person's key: %v", err)
		}
		person, err := b.keys.Person(t.Context(), s, customer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.Open(person.Seal([]byte("a value"), ad), ad); !errors.Is(err, keyring.ErrTampered) {
			t.Errorf("what is no letter: %v", err)
		}
		b.erase(t, s)
		b.work(t)
		if _, err := b.vault.LetterKey(t.Context(), s, customer); !errors.Is(err, keyring.ErrShredded) {
			t.Errorf("after the erasure: %v", err)
		}
	})
}
