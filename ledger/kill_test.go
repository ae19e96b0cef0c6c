package ledger_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"loot/ledger"
	"loot/store"
	"loot/store/storetest"
)

// The environment by which the test starts itself as the process to be killed.
const (
	childURL = "LOOT_LEDGER_CHILD"
	childDir = "LOOT_LEDGER_CHILD_DIR"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		// The tests' own helpers need a test to report to; run the child as one.
		os.Args = []string{os.Args[0], "-test.run=^TestKillLosesNothing$", "-test.timeout=60s"}
	}
	os.Exit(m.Run())
}

// appendUntilKilled is 8 clients that append without a pause and say each
// acknowledged id.
func appendUntilKilled(t *testing.T, url, dir string) {
	b := benchAt(t, url, dir)
	l := b.open()
	b.run(l)
	s := b.person()
	var out sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				var id string
				err := b.db.InTx(context.Background(), func(tx *store.Tx) (err error) {
					id, err = l.Append(context.Background(), tx, opening(s, b.now()))
					return err
				})
				if err != nil {
					continue
				}
				out.Lock()
				fmt.Println("ack", id)
				out.Unlock()
			}
		})
	}
	wg.Wait()
}

// benchAt is a bench on a database and folders that outlive the process.
func benchAt(t *testing.T, url, dir string) *bench {
	t.Helper()
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	b := newBench(t, db)
	b.dir, b.keys = filepath.Join(dir, "log"), openKeys(t, dir, time.Now)
	return b
}

// TestKillLosesNothing kills the process again and again under 8 clients: no
// acknowledged entry is without its record, and none is in the log twice.
func TestKillLosesNothing(t *testing.T) {
	if url := os.Getenv(childURL); url != "" {
		appendUntilKilled(t, url, os.Getenv(childDir))
		return
	}
	kills := 3
	if os.Getenv("LOOT_SOAK") != "" {
		kills = 20
	}
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "loot.db") },
		"postgres": func(t *testing.T) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			url, dir := url(t), t.TempDir()
			var acked []string
			for range kills {
				acked = append(acked, killed(t, url, dir)...)
			}
			b := benchAt(t, url, dir)
			l := b.open()
			b.run(l)
			b.sync(l)
			lost := 0
			for _, id := range acked {
				b.read(func(tx *store.Tx) error {
					var idx int64
					if tx.QueryRow(t.Context(), `SELECT idx FROM ledger_place WHERE id = $1`, id).Scan(&idx) != nil {
						lost++
					}
					return nil
				})
			}
			r := b.verify(l, ledger.Against{})
			if lost > 0 || !r.OK() || int(r.Size) < len(acked) || r.Waiting != 0 {
				t.Errorf("%d of %d acknowledged entries lost; %s", lost, len(acked), r)
			}
			t.Logf("%d kills, %d acknowledged, %d in the log, %d lost", kills, len(acked), r.Size, lost)
		})
	}
}

// killed runs a child for a moment, kills it and returns what it acknowledged.
func killed(t *testing.T, url, dir string) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childURL+"="+url, childDir+"="+dir, "TMPDIR="+t.TempDir()) // which it cannot remove
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	after := 300 + rand.IntN(1200)
	var kill *time.Timer
	var acked []string
	for sc := bufio.NewScanner(pipe); sc.Scan(); {
		var id string
		if n, _ := fmt.Sscanf(sc.Text(), "ack %s", &id); n == 1 && len(id) == 27 {
			acked = append(acked, id)
		}
		if kill == nil && len(acked) > 0 {
			kill = time.AfterFunc(time.Duration(after)*time.Millisecond, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait()
	if len(acked) == 0 {
		t.Fatal("the child acknowledged nothing")
	}
	return acked
}
