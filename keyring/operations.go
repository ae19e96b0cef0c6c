package keyring

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"loot/store"
)

// A Kind says what a value was opened for.
type Kind string

// The kinds of opening that are counted, and what is counted beside them. The
// vault compares them with the ledger: what is Unanswered, and permits that the
// ledger does not know, are incidents.
const (
	Unanswered Kind = "unanswered" // by code that went round the gate; see [PersonKey.Open]
	Record     Kind = "record"     // for a permit whose transaction committed
	Discarded  Kind = "discarded"  // for a permit whose transaction did not
	System     Kind = "system"     // by the program for itself: checks, new indexes
	Ledger     Kind = "ledger"     // facets of ledger entries, for a timeline or a receipt
	Permits    Kind = "permits"    // permits that something was opened for, in the hour of their decision
	Started    Kind = "started"    // times a keyring was opened …
	Stopped    Kind = "stopped"    // … and closed; each one missing lost the counts of a second at most
)

// KeyKind is the kind that openings by a system key are counted as.
func KeyKind(name string) Kind { return Kind("key." + name) }

// operations counts openings in memory and writes the sums once a second, or
// sooner when there are many.
type operations struct {
	k       *Keyring
	mu      sync.Mutex
	pending map[slot]int64
	n       int // additions since the last writing
	timer   *time.Timer
	writing sync.Mutex
}

// A slot is one sum.
type slot struct {
	hour int64 // when it begins, in microseconds; 0: the hour of the writing
	kind Kind
}

const (
	flushAfter = time.Second
	flushCount = 1000
	// writeTime is how long the key store may take to count one opening.
	writeTime = 10 * time.Second
)

func hourOf(t time.Time) int64 { return t.Truncate(time.Hour).UnixMicro() }

func (o *operations) add(kind Kind, n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.plus(slot{kind: kind}, n)
	o.schedule()
}

func (o *operations) plus(s slot, n int64) {
	if o.pending == nil {
		o.pending = map[slot]int64{}
	}
	o.pending[s] += n
}

func (o *operations) schedule() {
	o.n++
	switch {
	case o.timer == nil:
		o.timer = time.AfterFunc(flushAfter, o.background)
	case o.n == flushCount:
		o.timer.Reset(0)
	}
}

func (o *operations) background() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := o.flush(ctx); err != nil {
		o.k.Log.WarnContext(ctx, "the counts of opened values are not written yet", "err", err)
	}
}

func (o *operations) flush(ctx context.Context) error {
	o.writing.Lock()
	defer o.writing.Unlock()
	o.mu.Lock()
	batch := o.pending
	o.pending, o.n = nil, 0
	if o.timer != nil {
		o.timer.Stop()
		o.timer = nil
	}
	o.mu.Unlock()
	if err := o.write(ctx, batch); err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		for s, n := range batch {
			o.plus(s, n) // kept for the next time
		}
		if len(batch) > 0 {
			o.schedule()
		}
		return err
	}
	return nil
}

// write adds sums to those in the key store, all of them or none: what is
// compared with each other is never written apart.
func (o *operations) write(ctx context.Context, batch map[slot]int64) error {
	if len(batch) == 0 {
		return nil
	}
	type sum struct {
		slot
		n int64
	}
	var sums []sum
	now := hourOf(o.k.Now())
	for s, n := range batch {
		if s.hour == 0 {
			s.hour = now
		}
		sums = append(sums, sum{s, n})
	}
	slices.SortFunc(sums, func(a, b sum) int { // in one order, or two processes could deadlock
		return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.kind, b.kind))
	})
	err := o.k.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, s := range sums {
			if _, err := tx.Exec(ctx, `INSERT INTO keyring_operation (hour, kind, count) VALUES ($1, $2, $3)
				ON CONFLICT (hour, kind) DO UPDATE SET count = keyring_operation.count + excluded.count`, s.hour, string(s.kind), s.n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keyring: count openings: %w", err)
	}
	return nil
}

// unanswered counts one opening that nothing answers for. It is written down
// before the value is opened: whoever kills the process afterwards hides
// nothing, and where it cannot be written nothing is opened.
func (o *operations) unanswered() error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTime)
	defer cancel()
	o.k.Log.ErrorContext(ctx, "a value is opened that no permit answers for")
	return o.write(ctx, map[slot]int64{{kind: Unanswered}: 1})
}

// A Tally counts what is opened in a transaction for one permit. What it was
// for is known when that has ended: until then nothing is counted anywhere, so
// a process that is killed meanwhile leaves no difference.
type Tally struct {
	k  *Keyring
	at time.Time
	n  int64
}

// Tally returns a tally for a permit that was decided at the time given. The
// vault alone asks for one.
func (k *Keyring) Tally(at time.Time) *Tally { return &Tally{k: k, at: at} }

// Committed counts the openings, and the permit that answers for them.
func (t *Tally) Committed() {
	if t.n == 0 {
		return
	}
	hour := hourOf(t.at)
	o := &t.k.ops
	o.mu.Lock()
	defer o.mu.Unlock()
	o.plus(slot{hour, Record}, t.n)
	o.plus(slot{hour, Permits}, 1)
	o.schedule()
}

// RolledBack counts the openings as discarded.
func (t *Tally) RolledBack() {
	if t.n > 0 {
		t.k.ops.add(Discarded, t.n)
	}
}

// An Hour is what was counted in one hour.
type Hour struct {
	At    time.Time // when it begins
	Count map[Kind]int64
}

// Hours returns what was counted since a time, hour by hour, and of the hours
// before it those in which something was opened that nothing answers for.
func (k *Keyring) Hours(ctx context.Context, from time.Time) ([]Hour, error) {
	if err := k.ops.flush(ctx); err != nil {
		return nil, err
	}
	var out []Hour
	err := k.DB.ReadTx(ctx, func(tx *store.Tx) error {
		out = nil
		rows, err := tx.Query(ctx, `SELECT hour, kind, count FROM keyring_operation
			WHERE hour >= $1 OR hour IN (SELECT hour FROM keyring_operation WHERE kind = $2) ORDER BY hour, kind`, hourOf(from), string(Unanswered))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var hour, n int64
			var kind Kind
			if err := rows.Scan(&hour, &kind, &n); err != nil {
				return err
			}
			at := time.UnixMicro(hour).UTC()
			if len(out) == 0 || !out[len(out)-1].At.Equal(at) {
				out = append(out, Hour{at, map[Kind]int64{}})
			}
			out[len(out)-1].Count[kind] = n
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("keyring: read counts: %w", err)
	}
	return out, nil
}
