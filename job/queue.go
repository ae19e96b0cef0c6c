package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"loot"
	"loot/store"
)

// A queue hides the type of transaction in which River differs between
// databases.
type queue interface {
	insert(ctx context.Context, tx *store.Tx, jobs []river.InsertManyParams) error
	complete(ctx context.Context, tx *store.Tx, job *rivertype.JobRow) error
	migrate(ctx context.Context) error
	start(ctx context.Context, config *river.Config) error
	stop(ctx context.Context) error
}

// on is the queue on a database whose transactions are of type T.
type on[T any] struct {
	driver  riverdriver.Driver[T]
	of      func(*store.Tx) T
	config  *river.Config
	enqueue *river.Client[T]
	running *river.Client[T]
}

func open[T any](driver riverdriver.Driver[T], of func(*store.Tx) T, config *river.Config) (queue, error) {
	client, err := river.NewClient(driver, config)
	if err != nil {
		return nil, err
	}
	return &on[T]{driver: driver, of: of, config: config, enqueue: client}, nil
}

func (q *on[T]) insert(ctx context.Context, tx *store.Tx, jobs []river.InsertManyParams) error {
	ctx, err := tx.Context(ctx)
	if err != nil {
		return err
	}
	// What River calls fast is one statement on SQLite, where it returns each job
	// otherwise, and a copy on PostgreSQL, which for a few jobs is slower.
	if tx.Dialect() == store.SQLite {
		_, err = q.enqueue.InsertManyFastTx(ctx, q.of(tx), jobs)
	} else {
		_, err = q.enqueue.InsertManyTx(ctx, q.of(tx), jobs)
	}
	return err
}

// complete keeps a job as completed.
func (q *on[T]) complete(ctx context.Context, tx *store.Tx, job *rivertype.JobRow) error {
	ctx, err := tx.Context(ctx)
	if err != nil {
		return err
	}
	_, err = river.JobCompleteTx[riverdriver.Driver[T]](ctx, q.of(tx), &river.Job[completed]{JobRow: job})
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil // it was cancelled meanwhile
	}
	return err
}

// completed stands for the arguments of a job, which completing it asks for and
// does not use.
type completed struct{}

// Kind names nothing.
func (completed) Kind() string { return "" }

func (q *on[T]) migrate(ctx context.Context) error {
	m, err := rivermigrate.New(q.driver, &rivermigrate.Config{Logger: q.config.Logger})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

func (q *on[T]) start(ctx context.Context, config *river.Config) error {
	client, err := river.NewClient(q.driver, config)
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return err
	}
	q.running = client
	return nil
}

func (q *on[T]) stop(ctx context.Context) error {
	err := q.running.Stop(ctx)
	if ctx.Err() != nil {
		// Those that still run are told to stop, and run again elsewhere or later.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = q.running.StopAndCancel(ctx)
	}
	return err
}

// searching are River's indexes for whoever looks for jobs by what they are and
// what is in them, which nothing here does. Keeping them up to date is a third of
// what a job costs PostgreSQL. SQLite has the last of them alone, and keeps it:
// River's migrations there drop it themselves.
var searching = []string{"river_job_args_index", "river_job_metadata_index", "river_job_kind"}

// config returns the settings that enqueueing and running share.
func (c *Client) config() *river.Config {
	config := &river.Config{
		Logger:               slog.New(quiet{c.options.Log.Handler()}),
		RescueStuckJobsAfter: rescueAfter,
		ReindexerIndexNames: slices.DeleteFunc(river.ReindexerIndexNamesDefault(), func(name string) bool {
			return slices.Contains(searching, name)
		}),
	}
	if c.options.Simulated {
		config.Test.Time = clock{c.options.Now}
		// River looks for jobs that are stuck or old by the real time: to it, what
		// runs in a simulated year ago would be both.
		config.RescueStuckJobsAfter = 100 * 365 * 24 * time.Hour
		config.CancelledJobRetentionPeriod, config.CompletedJobRetentionPeriod, config.DiscardedJobRetentionPeriod = -1, -1, -1
	}
	return config
}

// Migrate makes or updates the queue's own tables.
func (c *Client) Migrate(ctx context.Context) error {
	err := c.db.Alone(ctx, "migrate", func() error {
		if err := c.queue.migrate(ctx); err != nil || c.db.Dialect() != store.Postgres {
			return err
		}
		_, err := c.db.Exec(ctx, `DROP INDEX IF EXISTS `+strings.Join(searching, ", "))
		return err
	})
	if err != nil {
		return fmt.Errorf("job: migrate: %w", err)
	}
	return nil
}

// Start begins to run jobs, until Stop: the end of ctx does not end them. On
// SQLite one process runs jobs, and a second is refused.
func (c *Client) Start(ctx context.Context) error {
	if err := c.start(ctx); err != nil || !c.options.Simulated {
		return err
	}
	return c.begun(ctx)
}

func (c *Client) start(ctx context.Context) error {
	c.running.Lock()
	defer c.running.Unlock()
	config, err := c.whole()
	if err != nil || config == nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if c.db.Dialect() == store.SQLite {
		if err := c.own(ctx); err != nil {
			return errors.Join(err, c.ended())
		}
	}
	// River begins one queue after the other, each with a write, and the first
	// runs jobs meanwhile. A job that enqueues within its transaction, on SQLite
	// the only writer, must not wait for the start: c.mu is free.
	if err := c.queue.start(ctx, config); err != nil {
		return fmt.Errorf("job: start: %w", errors.Join(err, c.ended()))
	}
	return nil
}

// whole returns the settings with all that was registered, to which nothing is
// added from then on; nil if nothing was.
func (c *Client) whole() (*river.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return nil, c.fault
	}
	if c.started {
		return nil, errors.New("job: started twice")
	}
	if len(c.kinds) == 0 {
		return nil, nil
	}
	config := c.config()
	config.Workers = c.workers
	config.PeriodicJobs = c.periodic
	config.FetchCooldown = cooldown
	config.JobTimeout = defaultTimeout
	config.TestOnly = c.options.Simulated // begins at once what several servers do better a random while apart
	if c.options.Simulated {
		config.FetchPollInterval = pollEvery
	}
	config.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: c.options.Workers}}
	for queue, n := range c.apart {
		config.Queues[queue] = river.QueueConfig{MaxWorkers: n}
	}
	c.started = true
	return config, nil
}

// ended says that no jobs run here, and lets another process run them. It tells
// of a lead that could not be given back.
func (c *Client) ended() error {
	c.mu.Lock()
	c.started = false
	c.mu.Unlock()
	if c.lead == nil {
		return nil
	}
	lead := c.lead
	c.lead = nil
	return lead.Release()
}

// begun returns when what is periodic was run for the first time, which is soon
// after River has chosen its leader: it would come in the middle of whatever a
// test or the demonstration does, at whatever time that has made it.
func (c *Client) begun(ctx context.Context) error {
	err := c.poll(ctx, func(tx *store.Tx) (bool, error) {
		for _, kind := range c.regular {
			var ran bool
			if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM river_job WHERE kind = $1 AND state NOT IN ('available', 'pending', 'running'))`, kind).Scan(&ran); err != nil || !ran {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("job: start: %w", err)
	}
	return nil
}

// poll asks the database until it says yes, an error, or that ctx is over.
func (c *Client) poll(ctx context.Context, ask func(*store.Tx) (bool, error)) error {
	tick := time.NewTicker(cooldown)
	defer tick.Stop()
	for {
		var yes bool
		err := c.db.ReadTx(ctx, func(tx *store.Tx) (err error) {
			yes, err = ask(tx)
			return err
		})
		if yes || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// own makes this process the one that runs jobs on a file of SQLite, and hands
// the jobs that a killed process was running back to the queue at once.
func (c *Client) own(ctx context.Context) error {
	lead, err := c.db.Lead(ctx, "jobs")
	if errors.Is(err, store.ErrLed) {
		return loot.Wrap(loot.Conflict, err, "Another process runs on this SQLite database already. Stop it first, or use PostgreSQL for several.")
	}
	if err != nil {
		return fmt.Errorf("job: start: %w", err)
	}
	c.lead = lead
	if _, err := c.db.Exec(ctx, `UPDATE river_job SET state = 'available', max_attempts = max(max_attempts, attempt + 1) WHERE state = 'running'`); err != nil {
		return fmt.Errorf("job: start: %w", err)
	}
	return nil
}

// Stop lets the jobs that run finish and starts no others. When ctx ends
// first, those that still run are cancelled.
func (c *Client) Stop(ctx context.Context) error {
	c.running.Lock()
	defer c.running.Unlock()
	c.mu.Lock()
	started := c.started
	c.mu.Unlock() // what still runs may enqueue
	if !started {
		return nil
	}
	if err := errors.Join(c.queue.stop(ctx), c.ended()); err != nil {
		return fmt.Errorf("job: stop: %w", err)
	}
	return nil
}

// Idle returns when no job is due and none runs, for commands and tests that
// wait for the work that they caused. A job that failed and is to run again
// within seconds is available to River already, and not due.
func (c *Client) Idle(ctx context.Context) error {
	err := c.poll(ctx, func(tx *store.Tx) (bool, error) {
		var left int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM river_job
			WHERE state IN ('running', 'pending') OR state = 'available' AND scheduled_at <= $1`, c.now()).Scan(&left)
		return left == 0, err
	})
	if err != nil {
		return fmt.Errorf("job: idle: %w", err)
	}
	return nil
}

// now returns the time as River's tables hold it.
func (c *Client) now() any {
	now := c.options.Now().UTC()
	if c.db.Dialect() == store.SQLite {
		return now.Round(time.Millisecond).Format("2006-01-02 15:04:05.000")
	}
	return now
}

// quiet passes on what an operator acts on, and not River's daily routine.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelError && q.Handler.Enabled(ctx, l)
}

// Handle leaves out that a queue's row is missing: River erases it when it has said
// nothing for a day, which passes in a moment where time is simulated, and puts it
// back by itself.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	missing := false
	r.Attrs(func(a slog.Attr) bool {
		missing = a.Key == "err" && a.Value.String() == river.ErrNotFound.Error()
		return !missing
	})
	if missing && strings.HasSuffix(r.Message, "Error fetching queue settings") {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }
func (q quiet) WithGroup(name string) slog.Handler   { return quiet{q.Handler.WithGroup(name)} }

// A clock tells River a time that is not the real one.
type clock struct{ now func() time.Time }

// Now returns the time.
func (c clock) Now() time.Time { return c.now() }

// NowOrNil returns the time for the database to go by.
func (c clock) NowOrNil() *time.Time { t := c.now().UTC(); return &t }

// panicked turns a panic into an error that keeps where it happened and, as a
// value could be somebody's, of the value only what the program itself says.
func panicked(v any) error {
	what := fmt.Sprintf("%T", v)
	if e, ok := v.(runtime.Error); ok {
		what = e.Error()
	}
	return fmt.Errorf("job: panicked: %s\n%s", what, debug.Stack())
}
