package keyring

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"loot/store"
)

// A Kind says what a value was opened for.
type Kind string

// The kinds of opening that are counted. Openings of "record" are those that
// permits answer for; a difference between the two is an incident.
const (
	Record    Kind = "record"    // for a permit whose transaction committed
	Discarded Kind = "discarded" // for a permit whose transaction did not
	System    Kind = "system"    // by the program for itself: checks, new indexes
	Ledger    Kind = "ledger"    // facets of ledger entries, for a timeline or a receipt
	Started   Kind = "started"   // times a keyring was opened …
	Stopped   Kind = "stopped"   // … and closed; each one missing lost the counts of a second at most
)

// KeyKind is the kind that openings by a system key are counted as.
func KeyKind(name string) Kind { return Kind("key." + name) }

// operations counts openings in memory and writes the sums once a second, or
// sooner when there are many.
type operations struct {
	k       *Keyring
	mu      sync.Mutex
	pending map[Kind]int64
	n       int // openings since the last writing
	timer   *time.Timer
	writing sync.Mutex
}

const (
	flushAfter = time.Second
	flushCount = 1000
)

func (o *operations) add(kind Kind, n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pending == nil {
		o.pending = map[Kind]int64{}
	}
	o.pending[kind] += n
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
	if len(batch) == 0 {
		return nil
	}
	hour := o.k.Now().Truncate(time.Hour).UnixMicro()
	err := o.k.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, kind := range slices.Sorted(maps.Keys(batch)) { // in one order, or two processes could deadlock
			n := batch[kind]
			if n == 0 {
				continue
			}
			if _, err := tx.Exec(ctx, `INSERT INTO keyring_operation (hour, kind, count) VALUES ($1, $2, $3)
				ON CONFLICT (hour, kind) DO UPDATE SET count = keyring_operation.count + excluded.count`, hour, string(kind), n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		for kind, n := range batch {
			o.add(kind, n) // kept for the next time
		}
		return fmt.Errorf("keyring: count openings: %w", err)
	}
	return nil
}

// Recount counts n openings as another kind than they were counted as before.
// What is opened within a transaction is Discarded until it commits.
func (k *Keyring) Recount(from, to Kind, n int) {
	k.ops.add(from, -int64(n))
	k.ops.add(to, int64(n))
}

// Operations returns how many openings there were of each kind in the hours
// that begin in [from, to).
func (k *Keyring) Operations(ctx context.Context, from, to time.Time) (map[Kind]int64, error) {
	if err := k.ops.flush(ctx); err != nil {
		return nil, err
	}
	out := map[Kind]int64{}
	err := k.DB.ReadTx(ctx, func(tx *store.Tx) error {
		clear(out)
		rows, err := tx.Query(ctx, `SELECT kind, CAST(SUM(count) AS BIGINT) FROM keyring_operation WHERE hour >= $1 AND hour < $2 GROUP BY kind`,
			from.UnixMicro(), to.UnixMicro())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var kind Kind
			var n int64
			if err := rows.Scan(&kind, &n); err != nil {
				return err
			}
			out[kind] = n
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("keyring: operations: %w", err)
	}
	return out, nil
}
