package ledger

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"loot"
	"loot/store"
)

// No log, no data: the ledger takes no entries, and the gate therefore permits
// nothing, from when the log cannot be written to until everything recorded
// is in it again.
const (
	watchEvery = 250 * time.Millisecond
	maxLag     = 5 * time.Second // how long an entry may wait for its place
	maxBacklog = 100_000         // how many may wait

	maxUnplaced = 1000 // looks that are remembered for the age of what waits
)

// A health is what [Ledger.Ready] answers from. It is kept in memory, so that
// asking costs nothing on the way of every use.
type health struct {
	broken  atomic.Pointer[string] // why this process's sequencer failed
	late    atomic.Pointer[string] // why the watch says no
	leading atomic.Bool            // this process is the sequencer, and nothing is wrong
	stale   atomic.Bool            // the database says that a sequencer failed, and this one did not
	ended   atomic.Bool            // Run has returned
	size    atomic.Int64           // confirmed entries, as last seen
	backlog atomic.Int64           // entries without a place, as last seen
	oldest  atomic.Int64           // nanoseconds that the oldest of them has waited, as last seen
}

// Ready returns nil if the ledger takes entries, and otherwise an error of
// kind [loot.Unavailable].
func (l *Ledger) Ready() error {
	for _, why := range []*string{l.broken.Load(), l.late.Load()} {
		if why != nil {
			return &loot.Error{
				Kind: loot.Unavailable,
				Msg:  "The ledger takes no entries at the moment, so no personal data can be used. It recovers by itself; please try again shortly.",
				Err:  fmt.Errorf("ledger: %s", *why),
			}
		}
	}
	if l.ended.Load() {
		return loot.Errorf(loot.Unavailable, "The ledger is being closed. Nothing was used; please try again in a moment.")
	}
	return nil
}

// Entries returns how many entries the log has, as this process last saw it.
func (l *Ledger) Entries() int64 { return l.size.Load() }

// Lag returns how many entries have no place in the log yet, and how long
// the oldest of them has waited, as this process, while it runs, saw them.
func (l *Ledger) Lag() (entries int64, oldest time.Duration) {
	return l.backlog.Load(), time.Duration(l.oldest.Load())
}

// A state is how far the log is, as the database knows it.
type state struct {
	size     int64  // confirmed entries
	backlog  int64  // entries without a place, counted up to a little over the limit
	failed   string // why the sequencer, wherever it runs, cannot append
	cosigned string
}

func (l *Ledger) state(ctx context.Context) (st state, err error) {
	err = l.db.ReadTx(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(ctx, `SELECT size, failed, cosigned FROM ledger_state WHERE id = 1`).Scan(&st.size, &st.failed, &st.cosigned)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT count(*) FROM (SELECT id FROM ledger_waiting LIMIT $1) AS waiting`, maxBacklog+1).Scan(&st.backlog)
	})
	if err != nil {
		return st, fmt.Errorf("ledger: state: %w", err)
	}
	return st, nil
}

// learn takes over what the sequencer, wherever it runs, made known.
func (l *Ledger) learn(st state) {
	l.size.Store(st.size)
	if known := l.cosigned.Load(); st.cosigned == "" || known != nil && known.raw == st.cosigned {
		return
	}
	if cp, err := parseCheckpoint(st.cosigned); err == nil {
		l.cosigned.Store(&cp)
	}
}

// A watch finds out how far the log lags behind without trusting any clock:
// everything that was recorded when the watch looked maxLag ago must have its
// place by now. Entries may carry dates of the past, and clocks jump.
type watch struct {
	recorded []int64 // confirmed and waiting entries at each look, oldest first
	unplaced []seen  // looks at which there was more than before, and not all of it has its place
}

// A seen is how many entries were recorded when they were looked at.
type seen struct {
	recorded int64
	at       time.Time
}

// age returns how long the oldest entry without a place is known to wait. The
// dates of entries do not tell it.
func (w *watch) age(st state, now time.Time) time.Duration {
	w.unplaced = slices.DeleteFunc(w.unplaced, func(s seen) bool { return s.recorded <= st.size })
	n := len(w.unplaced)
	if all := st.size + st.backlog; st.backlog > 0 && (n == 0 || n < maxUnplaced && w.unplaced[n-1].recorded < all) {
		w.unplaced = append(w.unplaced, seen{all, now})
	}
	if len(w.unplaced) == 0 {
		return 0
	}
	return max(0, now.Sub(w.unplaced[0].at)) // the clock may have been set back
}

// look returns why the ledger must take no entries, or nil.
func (w *watch) look(st state) *string {
	w.recorded = append(w.recorded, st.size+st.backlog)
	if keep := int(maxLag/watchEvery) + 1; len(w.recorded) > keep {
		w.recorded = w.recorded[1:]
	}
	why := ""
	switch {
	case st.failed != "":
		why = "the sequencer failed: " + st.failed
	case st.backlog > maxBacklog:
		why = "too many entries wait for their place in the log"
	case st.size < w.recorded[0] && len(w.recorded) > int(maxLag/watchEvery):
		why = "the log lags behind"
	}
	if why == "" {
		return nil
	}
	return &why
}

// watch looks at the log's state until ctx ends, on every node alike.
func (l *Ledger) watch(ctx context.Context) {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	var w watch
	for {
		if st, err := l.state(ctx); err == nil {
			if l.leading.Load() && st.failed != "" {
				// It was read before it was cleared, or is the late word of a
				// former sequencer.
				st.failed = ""
				l.stale.Store(true)
			}
			l.backlog.Store(st.backlog)
			l.oldest.Store(int64(w.age(st, l.now())))
			before, now := l.late.Load(), w.look(st)
			l.late.Store(now)
			known := l.size.Load()
			l.learn(st)
			if err := l.news(ctx, known, st.size); err != nil && ctx.Err() == nil {
				l.log.WarnContext(ctx, "what is new could not be told", "err", err)
			}
			switch {
			case now != nil && (before == nil || *before != *now):
				l.log.ErrorContext(ctx, "the ledger takes no entries", "reason", *now)
			case now == nil && before != nil:
				l.log.InfoContext(ctx, "the ledger takes entries again")
			}
		} else if ctx.Err() == nil {
			// Whoever appends meets the same database and fails there.
			l.log.WarnContext(ctx, "the ledger's state cannot be read", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
