// Package job does work in the background. A job is enqueued in the transaction
// that makes it necessary and runs at least once after that transaction is
// committed, on this process or another, and again until it succeeds; so every
// job is idempotent, and its arguments hold ids and nothing else.
package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"loot/store"
)

// Args are the arguments of a job: a struct that is kept as JSON. It holds ids
// only, because finished jobs stay in the database for a day and nothing erases
// a person's data from them.
type Args interface {
	// Kind names the work, such as "vault.rewrap". Kinds outlive programs: a
	// kind that was once enqueued is not given another meaning.
	Kind() string
}

// Options are what a client needs.
type Options struct {
	Log *slog.Logger
	Now func() time.Time
	// Simulated says that Now is not the real time: jobs fall due by it rather
	// than by the clock of the database. As whoever moves a clock waits for the
	// jobs at each step, that one is done is also kept at once, which costs a
	// transaction each; else River keeps it of many together, up to a quarter of
	// a second later.
	Simulated bool
	// Workers is how many jobs run at the same time; 50 if zero.
	Workers int
}

// A Client enqueues jobs and, once started, runs them. Enqueueing needs no
// start, so a command that opens the store need not run jobs.
type Client struct {
	db      *store.DB
	options Options
	queue   queue
	workers *river.Workers

	running sync.Mutex // held by Start and Stop
	lead    *store.Lead

	mu       sync.Mutex
	kinds    map[string]settings
	ran      map[string]*runs
	notices  map[string][]string // notice to the kinds that listen
	periodic []*river.PeriodicJob
	regular  []string       // the kinds of those
	fault    error          // of a registration; told by Start
	apart    map[string]int // queues with workers of their own, and how many
	started  bool
}

// settings are what was said about a kind when it was registered.
type settings struct {
	timeout  time.Duration
	attempts int
	queue    string // empty: the one of all others
	workers  int    // of the queue, in each process
}

const (
	defaultTimeout  = time.Minute
	defaultAttempts = 25 // over about three weeks, as the pauses grow
	defaultWorkers  = 50
	// A job whose process was killed runs again after this long, or after its own
	// timeout if that is longer.
	rescueAfter = 90 * time.Second
	// A notice tells of a new job. Where time is simulated the queue is asked often
	// besides, as time may have leapt to when a job is due.
	pollEvery = 100 * time.Millisecond
	cooldown  = 10 * time.Millisecond
)

// New returns a client of the queue in db.
func New(db *store.DB, o Options) (*Client, error) {
	if o.Log == nil || o.Now == nil {
		return nil, errors.New("job: options lack a log or a clock")
	}
	if o.Workers <= 0 {
		o.Workers = defaultWorkers
	}
	c := &Client{db: db, options: o, kinds: map[string]settings{}, ran: map[string]*runs{}, notices: map[string][]string{}, apart: map[string]int{}, workers: river.NewWorkers()}
	var err error
	if db.Dialect() == store.SQLite {
		c.queue, err = open(riversqlite.New(db.SQLitePool()), (*store.Tx).SQL, c.config())
	} else {
		c.queue, err = open(riverpgxv5.New(db.PGXPool()), (*store.Tx).PGX, c.config())
	}
	if err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	return c, nil
}

// An Option says how jobs of a kind are run.
type Option func(*settings)

// Timeout ends the context of a run after d; a minute otherwise.
func Timeout(d time.Duration) Option { return func(s *settings) { s.timeout = d } }

// MaxAttempts gives a job up after n runs that failed; 25 otherwise, which
// takes about three weeks. A run whose process was killed counts on PostgreSQL,
// so 1 means at most once there. A job that is given up is logged as an error.
func MaxAttempts(n int) Option { return func(s *settings) { s.attempts = n } }

// Apart runs the jobs in a queue of that name with n workers of its own, so that
// those that wait for somebody outside do not hold up all others. A name is
// letters, digits and underscores.
func Apart(queue string, n int) Option {
	return func(s *settings) { s.queue, s.workers = queue, n }
}

// Register says what a job of the kind A does. It is called before Start, and
// in every process that enqueues the kind.
func Register[A Args](c *Client, work func(ctx context.Context, a A) error, options ...Option) {
	var zero A
	register(c, zero, work, options)
}

func register[A Args](c *Client, zero A, work func(context.Context, A) error, options []Option) {
	s := settings{timeout: defaultTimeout, attempts: defaultAttempts}
	for _, o := range options {
		o(&s)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := zero.Kind()
	switch _, twice := c.kinds[kind]; {
	case c.started:
		c.fault = errors.Join(c.fault, fmt.Errorf("job: %s registered after the start", kind))
		return
	case twice:
		c.fault = errors.Join(c.fault, fmt.Errorf("job: %s registered twice", kind))
		return
	}
	c.kinds[kind], c.ran[kind] = s, &runs{}
	if s.queue != "" {
		c.apart[s.queue] = max(c.apart[s.queue], s.workers)
	}
	w := &worker[A]{kind: kind, work: work, settings: s, log: c.options.Log, ran: c.ran[kind]}
	if c.options.Simulated {
		w.done = func(ctx context.Context, j *rivertype.JobRow) error {
			return c.db.InTx(ctx, func(tx *store.Tx) error { return c.queue.complete(ctx, tx, j) })
		}
	}
	river.AddWorkerArgs(c.workers, zero, w)
}

// Periodic enqueues a once in every period: at most one run a period among all
// processes and restarts, and at least one while any process runs.
func (c *Client) Periodic(every time.Duration, a Args) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if every < time.Second {
		c.fault = errors.Join(c.fault, fmt.Errorf("job: %s: a period is at least a second", a.Kind()))
		return
	}
	c.regular = append(c.regular, a.Kind())
	var begun atomic.Bool
	c.periodic = append(c.periodic, river.NewPeriodicJob(river.PeriodicInterval(every),
		func() (river.JobArgs, *river.InsertOpts) {
			// When a simulated clock jumps, River takes its leader for lost, chooses
			// it anew some seconds later, and begins all that is periodic again: in the
			// middle of whatever is done then.
			if c.options.Simulated && begun.Swap(true) {
				return nil, nil
			}
			o := c.insertOptions(a.Kind())
			o.UniqueOpts = river.UniqueOpts{ByArgs: true, ByPeriod: every}
			return a, o
		},
		&river.PeriodicJobOpts{ID: fmt.Sprintf("%s.%s", a.Kind(), every), RunOnStart: true}))
}

// An EnqueueOption says how one job is enqueued.
type EnqueueOption func(*river.InsertOpts)

// At runs the job at t and not before.
func At(t time.Time) EnqueueOption { return func(o *river.InsertOpts) { o.ScheduledAt = t } }

// Unique drops the job if one of the same kind and arguments waits or runs
// already. As one that runs counts, it suits work that comes round again.
func Unique() EnqueueOption {
	return func(o *river.InsertOpts) {
		o.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
			rivertype.JobStateRunning, rivertype.JobStateScheduled,
		}}
	}
}

// Enqueue has a run once tx is committed.
func (c *Client) Enqueue(ctx context.Context, tx *store.Tx, a Args, options ...EnqueueOption) error {
	o := c.insertOptions(a.Kind())
	if o == nil {
		return fmt.Errorf("job: %s is not registered", a.Kind())
	}
	for _, set := range options {
		set(o)
	}
	if err := c.queue.insert(ctx, tx, []river.InsertManyParams{{Args: a, InsertOpts: o}}); err != nil {
		return fmt.Errorf("job: enqueue %s: %w", a.Kind(), err)
	}
	return nil
}

// insertOptions returns the options of a registered kind, and nil for any other.
func (c *Client) insertOptions(kind string) *river.InsertOpts {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.kinds[kind]
	if !ok {
		return nil
	}
	return &river.InsertOpts{MaxAttempts: s.attempts, Queue: s.queue}
}

// heard is what a listener to a notice is given.
type heard struct {
	kind string
	ID   string `json:"id"`
}

// Kind names the notice and the listener.
func (h heard) Kind() string { return h.kind }

// Listen runs work, as a job of its own, for every notice of the name that is
// published from then on. The second name is the listener's, unique among those
// to the notice.
func (c *Client) Listen(notice, name string, work func(ctx context.Context, id string) error, options ...Option) {
	kind := notice + ":" + name
	register(c, heard{kind: kind}, func(ctx context.Context, h heard) error { return work(ctx, h.ID) }, options)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notices[notice] = append(c.notices[notice], kind)
}

// A Notice says what happened, by its name and by the id of what it happened to.
type Notice struct{ Name, ID string }

// Publish enqueues a job for everyone who listens to one of the notices. A
// notice to which nobody listens is no fault.
func (c *Client) Publish(ctx context.Context, tx *store.Tx, notices ...Notice) error {
	var jobs []river.InsertManyParams
	for _, n := range notices {
		c.mu.Lock()
		kinds := c.notices[n.Name]
		c.mu.Unlock()
		for _, kind := range kinds {
			jobs = append(jobs, river.InsertManyParams{Args: heard{kind: kind, ID: n.ID}, InsertOpts: c.insertOptions(kind)})
		}
	}
	if len(jobs) == 0 {
		return nil
	}
	if err := c.queue.insert(ctx, tx, jobs); err != nil {
		return fmt.Errorf("job: publish: %w", err)
	}
	return nil
}

// A worker runs the jobs of one kind.
type worker[A Args] struct {
	river.WorkerDefaults[A]
	kind     string
	work     func(context.Context, A) error
	settings settings
	log      *slog.Logger
	ran      *runs
	done     func(context.Context, *rivertype.JobRow) error // keeps that one succeeded; nil: River does
}

// Timeout returns how long a run may take.
func (w *worker[A]) Timeout(*river.Job[A]) time.Duration { return w.settings.timeout }

// Work runs a job. What is logged and kept of a failure is its error, which by
// the rule for errors holds nothing of a person, and never the arguments.
func (w *worker[A]) Work(ctx context.Context, j *river.Job[A]) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
		if err == nil {
			w.ran.finished.Add(1)
			return
		}
		w.ran.failed.Add(1)
		level, msg := slog.LevelWarn, "job failed and will run again"
		if j.Attempt >= j.MaxAttempts {
			level, msg = slog.LevelError, "job failed for the last time"
		}
		w.log.Log(ctx, level, msg, "kind", w.kind, "job", j.ID, "attempt", j.Attempt, "error", err)
	}()
	if err := w.work(ctx, j.Args); err != nil || w.done == nil {
		return err
	}
	return w.done(ctx, j.JobRow)
}
