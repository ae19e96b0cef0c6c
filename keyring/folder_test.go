package keyring

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAFolderThatLongDidNotChangeIsNotReadAgain(t *testing.T) {
	f, err := openFolder(Config{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, ago time.Duration) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(f.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-ago)
		if err := os.Chtimes(f.dir, at, at); err != nil {
			t.Fatal(err)
		}
	}
	stamp := func() string {
		t.Helper()
		s, err := f.stamp()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write("a.key", 0)
	if stamp(); f.named.Load() != nil {
		t.Error("the names of a folder that has just changed were kept: a change in the same tick would not be seen")
	}
	write("b.key", time.Hour)
	if got := stamp(); got != "a.key\nb.key" || f.named.Load() == nil {
		t.Errorf("stamp %q, kept %v", got, f.named.Load())
	}
	write("c.key", time.Minute)
	if got := stamp(); got != "a.key\nb.key\nc.key" {
		t.Errorf("stamp %q after a change", got)
	}
}
