package vault_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"loot"
	"loot/keyring"
	"loot/vault"
)

func cells() *rapid.Generator[[]vault.Cell] {
	bytesOf := func(n int) *rapid.Generator[[]byte] { return rapid.SliceOfN(rapid.Byte(), n, n) }
	one := rapid.Custom(func(t *rapid.T) vault.Cell {
		c := vault.Cell{
			Field:     loot.Field(rapid.StringMatching(`[a-z]{1,8}(\.[a-z]{1,8})?`).Draw(t, "field")),
			Version:   rapid.Int64Min(0).Draw(t, "version"),
			Source:    rapid.SampledFrom([]string{"", "your order", "a partner: …"}).Draw(t, "source"),
			At:        rapid.Int64().Draw(t, "at"),
			Statement: hex.EncodeToString(rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "statement")),
			State:     rapid.Uint8Range(0, 4).Draw(t, "state"),
			Until:     rapid.Int64().Draw(t, "until"),
			Spell:     rapid.Uint8Range(0, 4).Draw(t, "spell"),
			Sealed:    rapid.SliceOfN(rapid.Byte(), 1, 80).Draw(t, "sealed"),
		}
		if c.Spell != 0 {
			c.Hash = bytesOf(keyring.HashSize).Draw(t, "hash")
		}
		return c
	})
	return rapid.SliceOfN(one, 0, 12)
}

func TestUnpackIsTheInverseOfPack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := cells().Draw(t, "cells")
		got, err := vault.Unpack(vault.Pack(in))
		if err != nil || len(got) != len(in) || len(in) > 0 && !reflect.DeepEqual(got, in) {
			t.Fatalf("%v, %v", got, err)
		}
	})
}

// TestDamagedRowNeverReadsTheSame: a changed byte of a row either makes it no
// row, or gives cells that are not those that were sealed, whose seals then do
// not open.
func TestDamagedRowNeverReadsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := cells().Draw(t, "cells")
		packed := vault.Pack(in)
		at := rapid.IntRange(0, len(packed)-1).Draw(t, "at")
		packed[at] ^= rapid.Byte().Filter(func(b byte) bool { return b != 0 }).Draw(t, "flip")
		got, err := vault.Unpack(packed)
		if err != nil {
			if !errors.Is(err, vault.ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if reflect.DeepEqual(got, in) {
			t.Fatal("a changed byte went unseen")
		}
	})
}

// FuzzUnpack: no bytes make it panic or use more memory than they are worth,
// and what it accepts is exactly what pack writes.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{2, 0, 0})
	f.Add([]byte{2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Add(vault.Pack([]vault.Cell{{Field: "contact.email", Version: 3, Source: "your order", At: 1 << 50, Statement: "0123456789abcdef", Spell: 1, Hash: make([]byte, 16), Sealed: make([]byte, 44)}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		cells, err := vault.Unpack(b)
		if err != nil {
			return
		}
		if again := vault.Pack(cells); !bytes.Equal(again, b) {
			t.Errorf("%x reads as %x", b, again)
		}
	})
}

// TestMaskIsNeverTheValue: whatever was given, what is shown in its place is
// something else, and shows half of it at most.
func TestMaskIsNeverTheValue(t *testing.T) {
	kinds := []string{"text", "email", "tel", "country", "vat", "lines", "what"}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringMatching(`[•@. ]{0,12}`), rapid.StringMatching(`[a-z]{1,6}@[a-z]{1,6}(\.[a-z]{2,3})?`), rapid.StringMatching(`\+?[0-9 ]{1,14}`)).Draw(t, "value")
		if !utf8.ValidString(value) {
			return
		}
		for _, kind := range kinds {
			for _, how := range []string{"partly", "fully", "", "else"} {
				shown := vault.Mask(how, kind, value)
				if shown == value {
					t.Fatalf("%s %s: the value itself", how, kind)
				}
				if how != "partly" && strings.Trim(shown, "•") != "" {
					t.Fatalf("%s %s: shows %q", how, kind, shown)
				}
			}
		}
	})
	for _, c := range []struct{ kind, value, want string }{
		{"email", "jo@example.com", "•••@e•••.com"},
		{"email", "john@example.com", "j•••@e•••.com"},
		{"email", "no address", "••••••"},
		{"tel", "+49 30 901820", "•••• 1820"},
		{"tel", "112", "•••• 2"},
		{"vat", "DE123456789", "•••• 789"},
		{"country", "DE", "•••"},
		{"text", "IE29AIBK93115212345678", "•••• 5678"},
		{"text", "Ada King Countess of Lovelace", "A••• K••• C••• •••"},
		{"text", "Bo", "•••"},
		{"text", "", "••••••"},
		{"lines", "12 Analytical Row\nDublin", "••• A••• R••• D•••"},
	} {
		if got := vault.Mask("partly", c.kind, c.value); got != c.want {
			t.Errorf("%s %q: %q; want %q", c.kind, c.value, got, c.want)
		}
	}
}

// TestSpellingIsStable: what was spelt once is spelt so, or a value would not
// be found by what a form shows of it.
func TestSpellingIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.String().Draw(t, "value")
		for _, kind := range []string{"text", "email", "tel", "vat"} {
			once := vault.Spell(kind, value)
			if twice := vault.Spell(kind, once); twice != once {
				t.Fatalf("%s %q: %q, then %q", kind, value, once, twice)
			}
			if got := vault.Spell(kind, "  "+value+"\t"); got != once {
				t.Fatalf("%s %q: space around it matters: %q, %q", kind, value, once, got)
			}
		}
	})
	for _, c := range []struct{ kind, a, b string }{
		{"tel", "0049 30 1234", "+49 (30) 1234"},
		{"vat", "ATU 123.456", "atu123456"},
		{"text", "ﬁnance İstanbul", "Finance i̇stanbul"},
	} {
		if a, b := vault.Spell(c.kind, c.a), vault.Spell(c.kind, c.b); a != b || a == "" {
			t.Errorf("%q is spelt %q and %q is spelt %q", c.a, a, c.b, b)
		}
	}
}
