package keyring

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// leftovers are the files beside path that were to become it.
func leftovers(t *testing.T, path string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), tempName(path, "*")))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func reads(t *testing.T, path, want string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != want {
		t.Errorf("%s reads %q, want %q: %v", filepath.Base(path), b, want, err)
	}
}

// TestSweepingSparesTheKey: a process that was killed after it gave a new key
// file its name leaves a second name of the very same file.
func TestSweepingSparesTheKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "epoch.customer.1.key")
	if err := createFile(path, []byte("the key")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, filepath.Join(filepath.Dir(path), tempName(path, "1"))); err != nil {
		t.Fatal(err)
	}
	sweepTemp(path)
	reads(t, path, "the key")
	if left := leftovers(t, path); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestSweepingOverwritesALeftover: what a killed process wrote and never used
// may hold a key.
func TestSweepingOverwritesALeftover(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	if err := createFile(path, []byte("the key")); err != nil {
		t.Fatal(err)
	}
	temp, err := writeTemp(path, []byte("another"))
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := os.Link(temp.Name(), again); err != nil {
		t.Fatal(err)
	}
	sweepTemp(path)
	if left := leftovers(t, path); len(left) != 1 {
		t.Fatalf("what is being written was swept up: %v", left)
	}
	reads(t, again, "another")
	temp.Close() // as when the process is killed
	sweepTemp(path)
	if left := leftovers(t, path); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	reads(t, again, "\x00\x00\x00\x00\x00\x00\x00")
	reads(t, path, "the key")
}

// TestSweepingWhileOthersWrite: no write fails, and none is lost.
func TestSweepingWhileOthersWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "root.key")
	if err := createFile(path, []byte("key 000")); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					sweepTemp(path)
				}
			}
		})
	}
	for range 50 {
		if err := replaceFile(path, []byte("key 001")); err != nil {
			t.Error(err)
		}
		reads(t, path, "key 001")
	}
	close(done)
	wg.Wait()
	if left := leftovers(t, path); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
