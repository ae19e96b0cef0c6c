package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"loot/store"
	"loot/store/storetest"
)

// kills is how often the long runs and the ordinary ones kill.
func kills() int {
	if os.Getenv("LOOT_SOAK") != "" {
		return 20
	}
	return 3
}

// TestKilledUnderLoadKeepsWhatItAcknowledged kills a process that writes with
// many clients, again and again on the same database.
func TestKilledUnderLoadKeepsWhatItAcknowledged(t *testing.T) {
	if url := os.Getenv("LOOT_TEST_CHILD"); url != "" {
		writeUntilKilled(t, url, os.Getenv("LOOT_TEST_RUN"))
		return
	}
	eachURL(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url, notes)
		db.Close()
		acknowledged := map[string]bool{}
		for run := range kills() {
			for _, id := range killAfter(t, url, run, 1000+500*run) {
				acknowledged[id] = true
			}
			db, err := store.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			there := map[string]bool{}
			for _, id := range ids(t, db) {
				there[id] = true
			}
			lost := 0
			for id := range acknowledged {
				if !there[id] {
					lost++
				}
			}
			if lost > 0 {
				t.Errorf("%d of %d acknowledged rows are lost", lost, len(acknowledged))
			}
			t.Logf("kill %d: %d acknowledged, %d there", run+1, len(acknowledged), len(there))
			db.Close()
		}
	})
}

// killAfter runs a child that writes, kills it once it acknowledged n rows, and
// returns all that it acknowledged.
func killAfter(t *testing.T, url string, run, n int) (acknowledged []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^TestKilledUnderLoadKeepsWhatItAcknowledged$")
	child.Env = append(os.Environ(), "LOOT_TEST_CHILD="+url, fmt.Sprintf("LOOT_TEST_RUN=%d", run))
	child.Dir = filepath.Dir(self)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		acknowledged = append(acknowledged, lines.Text())
		if len(acknowledged) == n {
			if err := child.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := child.Wait(); err == nil || len(acknowledged) < n {
		t.Fatalf("the child ended by itself: %v after %d: %v", err, len(acknowledged), acknowledged)
	}
	return acknowledged
}

func writeUntilKilled(t *testing.T, url, run string) {
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string)
	for client := range 16 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s.%d.%d", run, client, i)
				if err := db.InTx(context.Background(), func(tx *store.Tx) error { return put(context.Background(), tx, id, i) }); err != nil {
					t.Error(err)
					return
				}
				told <- id
			}
		}()
	}
	for id := range told {
		os.Stdout.WriteString(id + "\n") // unbuffered: what is read was acknowledged
	}
}
