package loot_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"loot"
)

func TestReadSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if _, err := loot.ReadSecret(path, "the password"); loot.KindOf(err) != loot.Unavailable || loot.Message(err) != "The file with the password cannot be read: "+path+"." {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte(" hush \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, refused := range map[os.FileMode]bool{0o600: false, 0o440: false, 0o604: true, 0o644: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		got, err := loot.ReadSecret(path, "the password")
		switch {
		case refused && (got != "" || err == nil || !strings.Contains(loot.Message(err), "chmod 600 "+path)):
			t.Errorf("mode %o: %q, %v", mode, got, err)
		case !refused && (got != " hush " || err != nil):
			t.Errorf("mode %o: %q, %v", mode, got, err)
		}
	}
}
