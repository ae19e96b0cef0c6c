package job_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot"
	"loot/job"
	"loot/store"
	"loot/store/storetest"
)

// TestAJobWhoseProcessWasKilledRunsAgain kills a process in the middle of a job.
func TestAJobWhoseProcessWasKilledRunsAgain(t *testing.T) {
	if url := os.Getenv("LOOT_TEST_CHILD"); url != "" {
		runUntilKilled(t, url)
		return
	}
	t.Parallel() // nearly all of it is waiting
	t.Run("sqlite", func(t *testing.T) { killed(t, storetest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { killed(t, storetest.Postgres(t)) })
}

func runUntilKilled(t *testing.T, url string) {
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, db)
	job.Register(c, func(context.Context, greet) error {
		os.Stdout.WriteString("running\n")
		select {}
	}, job.MaxAttempts(2))
	start(t, c)
	enqueue(t, db, c, greet{ID: "a"})
	select {}
}

func killed(t *testing.T, url string) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^TestAJobWhoseProcessWasKilledRunsAgain$")
	child.Env = append(os.Environ(), "LOOT_TEST_CHILD="+url)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "running" {
		t.Errorf("the child says %q", lines.Text())
	}
	child.Process.Kill()
	child.Wait()

	db := storetest.Open(t, url, nil)
	if db.Dialect() == store.Postgres {
		// Other processes must be sure that the first is gone, and go by the
		// database's record of when the run began: let them have waited already.
		if n, err := db.Exec(t.Context(), `UPDATE river_job SET attempted_at = attempted_at - interval '90 seconds' WHERE state = 'running'`); err != nil || n != 1 {
			t.Fatalf("%d jobs are left running: %v", n, err)
		}
	}
	r := newRecord()
	c := started(t, db, func(c *job.Client) {
		job.Register(c, func(_ context.Context, a greet) error { r.add(a.ID); return nil }, job.MaxAttempts(2))
	})
	select {
	case <-r.c:
	case <-time.After(4 * time.Minute):
		t.Fatal("it does not run again")
	}
	idle(t, c)
}

func TestFailoverLosesNoJobAndNeedsNoHands(t *testing.T) {
	pair := storetest.NewPair(t)
	db := storetest.Open(t, pair.Database(t), nil)
	var ran, acknowledged sync.Map
	var runs, wanted atomic.Int64
	c := client(t, db)
	job.Register(c, func(ctx context.Context, a greet) error {
		return db.InTx(ctx, func(tx *store.Tx) error {
			tx.AfterCommit(func() {
				if _, twice := ran.LoadOrStore(a.ID, true); !twice {
					runs.Add(1)
				}
			})
			return nil
		})
	})
	start(t, c)

	stop := make(chan struct{})
	var wg sync.WaitGroup
	for client := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("%d.%d", client, i)
				err := db.InTx(context.Background(), func(tx *store.Tx) error {
					return c.Enqueue(context.Background(), tx, greet{ID: id})
				})
				switch {
				case err == nil:
					acknowledged.Store(id, true)
					wanted.Add(1)
				case loot.KindOf(err) != loot.Unavailable:
					t.Error(err)
				}
			}
		})
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		deadline := time.After(2 * time.Minute)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for !ok() {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("%s: %d acknowledged, %d ran", what, wanted.Load(), runs.Load())
			}
		}
	}
	until("before", func() bool { return runs.Load() > 200 })
	pair.Kill()
	pair.Promote(t)
	before, fell := runs.Load(), time.Now()
	until("after", func() bool { return runs.Load() > before+200 })
	back := time.Since(fell)
	close(stop)
	wg.Wait()
	missing := func() (n int) {
		acknowledged.Range(func(id, _ any) bool {
			if _, ok := ran.Load(id); !ok {
				n++
			}
			return true
		})
		return n
	}
	until("all", func() bool { return missing() == 0 })
	t.Logf("%d acknowledged, %d missing, 200 more had run after %v", wanted.Load(), missing(), back)
}

func BenchmarkJobs(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   storetest.SQLite,
		"postgres": func(tb testing.TB) string { return storetest.NewServer(tb).Database(tb) },
	} {
		b.Run(name, func(b *testing.B) {
			db := storetest.Open(b, url(b), nil)
			c, err := job.New(db, job.Options{Log: slog.New(slog.DiscardHandler), Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			if err := c.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			job.Register(c, func(context.Context, greet) error { return nil })
			if err := c.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			defer c.Stop(context.Background())
			b.ResetTimer()
			var wg sync.WaitGroup
			var n atomic.Int64
			for range 16 {
				wg.Go(func() {
					for n.Add(1) <= int64(b.N) {
						if err := db.InTx(b.Context(), func(tx *store.Tx) error {
							return c.Enqueue(b.Context(), tx, greet{ID: "a"})
						}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "enqueued/s")
			if err := c.Idle(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "done/s")
		})
	}
}
