package app

import (
	"path/filepath"
	"testing"

	"loot/keyring"
)

// TestFormerRootHasItsOwnToken, since the two may be keys of two services.
func TestFormerRootHasItsOwnToken(t *testing.T) {
	c := Config{
		Roots: Roots{
			Root: "transit:https://new.example:8200#loot", TokenFile: filepath.Join(t.TempDir(), "new"),
			FormerRoot: "transit:https://old.example:8200/#keys", FormerTokenFile: filepath.Join(t.TempDir(), "old"),
		},
	}
	at := func(r keyring.Root, address, key, token string) {
		t.Helper()
		if r, ok := r.(*keyring.Transit); !ok || r.Address != address || r.Key != key || r.TokenFile != token {
			t.Errorf("got %+v", r)
		}
	}
	root, former, err := c.roots(t.Context())
	if err != nil || len(former) != 1 {
		t.Fatal(former, err)
	}
	at(root, "https://new.example:8200", "loot", c.TokenFile)
	at(former[0], "https://old.example:8200", "keys", c.FormerTokenFile)
	c.FormerTokenFile = "" // one service
	if _, former, err = c.roots(t.Context()); err != nil {
		t.Fatal(err)
	}
	at(former[0], "https://old.example:8200", "keys", c.TokenFile)
	c.FormerRoot = ""
	if _, former, err = c.roots(t.Context()); err != nil || former != nil {
		t.Errorf("%v, %v", former, err)
	}
}
