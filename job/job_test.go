package job_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot"

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

func enqueue(t *testing.T, db *store.DB, c *job.Client, a job.Args, o ...job.EnqueueOption) {
	t.Helper()
	if err := db.InTx(t.Context(), func(tx *store.Tx) error { return c.Enqueue(t.Context(), tx, a, o...) }); err != nil {
		t.Fatal(err)
	}
}

func idle(t *testing.T, c *job.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := c.Idle(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestAJobThatFailsRunsAgain(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		var log bytes.Buffer
		r := newRecord()
		c, err := job.New(db, job.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		runs := 0
		job.Register(c, func(_ context.Context, a greet) error {
			runs++
			r.add(a.ID)
			switch runs {
			case 1:
				return errors.New("the mail server is away")
			case 2:
				panic("a value that could be somebody's: " + a.ID)
			}
			return nil
		})
		start(t, c)
		enqueue(t, db, c, greet{ID: "hushhush"})
		r.wait(t, 2) // the third is due after sixteen seconds
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"the mail server is away", "kind=greet", "attempt=1", "job: panicked: string", "job_test.go"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %q", want)
			}
		}
		if strings.Contains(log.String(), "hushhush") {
			t.Errorf("the log holds an argument:\n%s", log.String())
		}
	})
}

func TestAJobIsGivenUpAfterItsAttemptsAndThatIsAnError(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		var log bytes.Buffer
		c, err := job.New(db, job.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		job.Register(c, func(context.Context, greet) error { return errors.New("no") }, job.MaxAttempts(1))
		start(t, c)
		enqueue(t, db, c, greet{ID: "a"})
		idle(t, c)
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "last time") {
			t.Errorf("the log says %s", log.String())
		}
	})
}

func TestATimeoutEndsARun(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newRecord()
		c := started(t, db, func(c *job.Client) {
			job.Register(c, func(ctx context.Context, _ greet) error {
				<-ctx.Done()
				r.add(ctx.Err().Error())
				return ctx.Err()
			}, job.Timeout(50*time.Millisecond), job.MaxAttempts(1))
		})
		enqueue(t, db, c, greet{ID: "a"})
		r.wait(t, 1)
	})
}

func TestAUniqueJobIsEnqueuedOnceWhileItWaits(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newRecord()
		c := client(t, db)
		job.Register(c, func(_ context.Context, a greet) error { r.add(a.ID); return nil })
		for range 3 {
			enqueue(t, db, c, greet{ID: "a"}, job.Unique())
		}
		enqueue(t, db, c, greet{ID: "b"}, job.Unique())
		if err := db.InTx(t.Context(), func(tx *store.Tx) error { // and within one transaction
			for range 3 {
				if err := c.Enqueue(t.Context(), tx, greet{ID: "c"}, job.Unique()); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		start(t, c)
		idle(t, c)
		if slices.Sort(r.came); !slices.Equal(r.came, []string{"a", "b", "c"}) {
			t.Errorf("ran %v", r.came)
		}
		enqueue(t, db, c, greet{ID: "a"}, job.Unique())
		idle(t, c)
		if len(r.came) != 4 {
			t.Errorf("after it ran it cannot be enqueued again: %v", r.came)
		}
	})
}

func TestANoticeReachesEveryListener(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newRecord()
		c := started(t, db, func(c *job.Client) {
			for _, name := range []string{"billing", "mailing"} {
				c.Listen("customer.erased", name, func(_ context.Context, id string) error { r.add(name + " " + id); return nil })
			}
			c.Listen("customer.moved", "billing", func(_ context.Context, id string) error { r.add("moved " + id); return nil })
		})
		if err := db.InTx(t.Context(), func(tx *store.Tx) error {
			return errors.Join(
				c.Publish(t.Context(), tx, job.Notice{Name: "customer.erased", ID: "s1"}),
				c.Publish(t.Context(), tx, job.Notice{Name: "nobody.listens", ID: "s1"}))
		}); err != nil {
			t.Fatal(err)
		}
		idle(t, c)
		if slices.Sort(r.came); !slices.Equal(r.came, []string{"billing s1", "mailing s1"}) {
			t.Errorf("ran %v", r.came)
		}
	})
}

// simulated returns a client on a clock that stands still until it is moved.
func simulated(t *testing.T, db *store.DB) (c *job.Client, begin time.Time, moveTo func(time.Time)) {
	t.Helper()
	var now atomic.Int64
	moveTo = func(at time.Time) { now.Store(at.UnixNano()) }
	begin = time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	moveTo(begin)
	c, err := job.New(db, job.Options{
		Log: slog.New(slog.DiscardHandler), Simulated: true,
		Now: func() time.Time { return time.Unix(0, now.Load()).UTC() },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, begin, moveTo
}

func TestAJobIsDueAtItsTime(t *testing.T) {
	t.Parallel() // nearly all of it is waiting for River to look, every five seconds
	each(t, func(t *testing.T, db *store.DB) {
		r := newRecord()
		c, begin, moveTo := simulated(t, db)
		job.Register(c, func(_ context.Context, a greet) error { r.add(a.ID); return nil })
		start(t, c)
		enqueue(t, db, c, greet{ID: "in a month"}, job.At(begin.AddDate(0, 1, 0)))
		enqueue(t, db, c, greet{ID: "yesterday"}, job.At(begin.AddDate(0, 0, -1)))
		if got := r.wait(t, 1); got[0] != "yesterday" {
			t.Errorf("ran %v", got)
		}
		idle(t, c)
		moveTo(begin.AddDate(0, 2, 0))
		if got := r.wait(t, 1); got[0] != "in a month" {
			t.Errorf("ran %v", got)
		}
	})
}

// Whoever moves the clock waits for what is due before the next step: a job that
// failed, and is to run again in a second, must not hold them up for ever.
func TestAJobThatFailedIsNotDueBeforeItsPause(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newRecord()
		c, begin, moveTo := simulated(t, db)
		failed := false // the first time
		job.Register(c, func(_ context.Context, a greet) error {
			defer func() { failed = true }()
			if r.add(a.ID); !failed {
				return errors.New("not yet")
			}
			return nil
		})
		start(t, c)
		enqueue(t, db, c, greet{ID: "a"})
		r.wait(t, 1)
		idle(t, c)
		moveTo(begin.Add(time.Minute))
		r.wait(t, 1)
		idle(t, c)
	})
}

func TestAPeriodicJobRunsOnceAPeriodWhateverRestarts(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newRecord()
		for range 3 {
			c := client(t, db)
			job.Register(c, func(_ context.Context, a greet) error { r.add(a.ID); return nil })
			c.Periodic(24*time.Hour, greet{ID: "tidy"})
			if err := c.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.waitFirst(t)
			if err := c.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if len(r.came) > 2 { // two if midnight passes meanwhile
			t.Errorf("ran %d times", len(r.came))
		}
	})
}

// waitFirst waits until anything at all has come.
func (r *record) waitFirst(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	n := len(r.came)
	r.mu.Unlock()
	if n == 0 {
		r.wait(t, 1)
	}
}

type later struct{}

func (later) Kind() string { return "later" }

// A run may still enqueue while everything waits for it to end.
func TestStopLetsARunFinish(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		begun, finish := make(chan struct{}), make(chan struct{})
		finished := false
		c := client(t, db)
		job.Register(c, func(context.Context, later) error { return nil })
		job.Register(c, func(ctx context.Context, _ greet) error {
			close(begun)
			<-finish
			if err := db.InTx(ctx, func(tx *store.Tx) error { return c.Enqueue(ctx, tx, later{}) }); err != nil {
				return err
			}
			finished = true
			return ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		if err := c.Start(ctx); err != nil {
			t.Fatal(err)
		}
		enqueue(t, db, c, greet{ID: "a"})
		<-begun
		cancel() // the end of the context that it was started with ends nothing
		time.AfterFunc(50*time.Millisecond, func() { close(finish) })
		stopping, giveUp := context.WithTimeout(t.Context(), 20*time.Second)
		defer giveUp()
		if err := c.Stop(stopping); err != nil {
			t.Error(err)
		}
		if !finished {
			t.Error("it did not wait")
		}
		if err := c.Stop(t.Context()); err != nil {
			t.Errorf("a second stop: %v", err)
		}
	})
}

// TestWhatIsApartHoldsUpNothing: all workers of a queue of its own are busy, and
// another job is run.
func TestWhatIsApartHoldsUpNothing(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		begun, finish, r := make(chan struct{}, 5), make(chan struct{}), newRecord()
		c, err := job.New(db, job.Options{Log: slog.New(slog.DiscardHandler), Now: time.Now, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		job.Register(c, func(context.Context, later) error { begun <- struct{}{}; <-finish; return nil }, job.Apart("outside", 2))
		job.Register(c, func(_ context.Context, a greet) error { r.add(a.ID); return nil })
		start(t, c)
		for range 5 {
			if err := db.InTx(t.Context(), func(tx *store.Tx) error { return c.Enqueue(t.Context(), tx, later{}) }); err != nil {
				t.Fatal(err)
			}
		}
		<-begun
		<-begun
		enqueue(t, db, c, greet{ID: "a"})
		r.wait(t, 1)
		if len(begun) > 0 {
			t.Error("more of them run than it has workers")
		}
		close(finish)
	})
}

// TestJobsMayEnqueueWhileOthersAreStarted: queues are begun one after the other,
// and what the first of them runs holds the only writer while it enqueues.
func TestJobsMayEnqueueWhileOthersAreStarted(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		const queues = 30
		r, c := newRecord(), client(t, db)
		job.Register(c, func(_ context.Context, a greet) error { r.add(a.ID); return nil })
		for i := range queues {
			queue := fmt.Sprintf("queue%d", i)
			c.Listen("begin", queue, func(ctx context.Context, _ string) error {
				return db.InTx(ctx, func(tx *store.Tx) error { return c.Enqueue(ctx, tx, greet{ID: queue}) })
			}, job.Apart(queue, 1))
		}
		if err := db.InTx(t.Context(), func(tx *store.Tx) error {
			return c.Publish(t.Context(), tx, job.Notice{Name: "begin"})
		}); err != nil {
			t.Fatal(err)
		}
		start(t, c)
		r.wait(t, queues)
	})
}

func TestMistakesAreToldAtTheStart(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		c := client(t, db)
		for _, err := range []error{
			db.InTx(t.Context(), func(tx *store.Tx) error { return c.Enqueue(t.Context(), tx, greet{}) }),
		} {
			if err == nil || !strings.Contains(err.Error(), "not registered") {
				t.Errorf("got %v", err)
			}
		}
		job.Register(c, func(context.Context, greet) error { return nil })
		job.Register(c, func(context.Context, greet) error { return nil })
		c.Periodic(time.Millisecond, greet{})
		if err := c.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "twice") || !strings.Contains(err.Error(), "second") {
			t.Errorf("got %v", err)
		}
	})
	if _, err := job.New(storetest.Open(t, storetest.SQLite(t), nil), job.Options{}); err == nil {
		t.Error("no log, no clock, no error")
	}
}

func TestOneProcessRunsJobsOnSQLite(t *testing.T) {
	url := storetest.SQLite(t)
	one, two := storetest.Open(t, url, nil), storetest.Open(t, url, nil)
	work := func(c *job.Client) { job.Register(c, func(context.Context, greet) error { return nil }) }
	started(t, one, work)
	second := client(t, two)
	work(second)
	if err := second.Start(t.Context()); loot.KindOf(err) != loot.Conflict {
		t.Errorf("got %v", err)
	}
	enqueue(t, two, second, greet{ID: "from a command"})
}

func TestManyJobsRunOnceEach(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newRecord()
		c := started(t, db, func(c *job.Client) {
			job.Register(c, func(_ context.Context, a greet) error {
				return db.InTx(context.Background(), func(*store.Tx) error { r.add(a.ID); return nil })
			})
		})
		const n = 500
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { enqueue(t, db, c, greet{ID: fmt.Sprint(i)}) })
		}
		wg.Wait()
		idle(t, c)
		slices.Sort(r.came)
		if len(r.came) != n || len(slices.Compact(r.came)) != n {
			t.Errorf("ran %d of %d", len(r.came), n)
		}
	})
}

// Where the clock is moved by hand, whoever comes after a job finds it done.
func TestOnASimulatedClockAJobIsDoneAtOnce(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx, r := t.Context(), newRecord()
		c, err := job.New(db, job.Options{Log: slog.New(slog.DiscardHandler), Now: time.Now, Simulated: true, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		job.Register(c, func(ctx context.Context, _ greet) error {
			var done int
			err := db.ReadTx(ctx, func(tx *store.Tx) error {
				return tx.QueryRow(ctx, `SELECT count(*) FROM river_job WHERE state = 'completed'`).Scan(&done)
			})
			r.add(fmt.Sprint(done))
			return err
		})
		if err := c.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		want := []string{"0", "1", "2", "3", "4"}
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			for _, id := range want {
				if err := c.Enqueue(ctx, tx, greet{ID: id}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		start(t, c)
		if got := r.wait(t, len(want)); !slices.Equal(got, want) {
			t.Errorf("each saw %v done, want %v", got, want)
		}
	})
}
