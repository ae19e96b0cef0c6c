package job_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"loot/job"
	"loot/store"
	"loot/store/storetest"
)

type greet struct {
	ID string `json:"id"`
}

func (greet) Kind() string { return "greet" }

// started returns a client on a migrated queue; set registers jobs before it starts.
func started(t *testing.T, db *store.DB, set func(*job.Client)) *job.Client {
	t.Helper()
	c := client(t, db)
	set(c)
	start(t, c)
	return c
}

func client(t *testing.T, db *store.DB) *job.Client {
	t.Helper()
	c, err := job.New(db, job.Options{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func start(t *testing.T, c *job.Client) {
	t.Helper()
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// A record remembers who came, and tells when enough did.
type record struct {
	mu   sync.Mutex
	came []string
	c    chan string
}

func newRecord() *record { return &record{c: make(chan string, 1000)} }

func (r *record) add(s string) {
	r.mu.Lock()
	r.came = append(r.came, s)
	r.mu.Unlock()
	r.c <- s
}

func (r *record) wait(t *testing.T, n int) []string {
	t.Helper()
	var got []string
	for range n {
		select {
		case s := <-r.c:
			got = append(got, s)
		case <-time.After(30 * time.Second):
			t.Fatalf("only %v came", got)
		}
	}
	return got
}

func each(t *testing.T, f func(t *testing.T, db *store.DB)) {
	storetest.Each(t, map[string]fs.FS{}, f)
}

func TestAJobRunsAfterItsTransactionAndOnlyThen(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		r := newRecord()
		c := started(t, db, func(c *job.Client) {
			job.Register(c, func(_ context.Context, a greet) error { r.add(a.ID); return nil })
		})
		no := errors.New("no")
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			if err := c.Enqueue(ctx, tx, greet{ID: "never"}); err != nil {
				return err
			}
			return no
		}); !errors.Is(err, no) {
			t.Fatal(err)
		}
		if err := db.InTx(ctx, func(tx *store.Tx) error { return c.Enqueue(ctx, tx, greet{ID: "a"}) }); err != nil {
			t.Fatal(err)
		}
		if got := r.wait(t, 1); !slices.Equal(got, []string{"a"}) {
			t.Errorf("ran %v", got)
		}
		if err := c.Idle(ctx); err != nil {
			t.Fatal(err)
		}
		if len(r.came) != 1 {
			t.Errorf("ran %v", r.came)
		}
	})
}
