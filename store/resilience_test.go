package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot"
	"loot/store"
	"loot/store/storetest"
)

// A load writes rows until it is told to stop, and knows which were acknowledged.
type load struct {
	db     *store.DB
	stop   chan struct{}
	wg     sync.WaitGroup
	acked  sync.Map
	count  atomic.Int64
	mu     sync.Mutex
	errs   []error
	latest atomic.Int64
	gap    atomic.Int64 // the longest time without an acknowledgement
}

func newLoad(t *testing.T, db *store.DB, clients int) *load {
	l := &load{db: db, stop: make(chan struct{})}
	l.latest.Store(time.Now().UnixNano())
	for c := range clients {
		l.wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-l.stop:
					return
				default:
				}
				id := fmt.Sprintf("%d.%d", c, i)
				err := db.InTx(context.Background(), func(tx *store.Tx) error { return put(context.Background(), tx, id, i) })
				if err != nil {
					l.mu.Lock()
					l.errs = append(l.errs, err)
					l.mu.Unlock()
					continue
				}
				l.acked.Store(id, true)
				l.count.Add(1)
				now := time.Now().UnixNano()
				if g := now - l.latest.Swap(now); g > l.gap.Load() {
					l.gap.Store(g)
				}
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.wg.Wait()
}

// more waits until 500 more rows are acknowledged.
func (l *load) more(t *testing.T) {
	t.Helper()
	want := l.count.Load() + 500
	deadline := time.After(60 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for l.count.Load() < want {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("service does not come back; errors: %v", l.errs)
		}
	}
}

// check fails the test if a row that was acknowledged is not there, or if
// somebody was told anything else than that the database is not available.
func (l *load) check(t *testing.T) {
	t.Helper()
	there := map[string]bool{}
	for _, id := range ids(t, l.db) {
		there[id] = true
	}
	lost := 0
	l.acked.Range(func(id, _ any) bool {
		if !there[id.(string)] {
			lost++
		}
		return true
	})
	if lost > 0 {
		t.Errorf("%d of %d acknowledged rows are lost", lost, l.count.Load())
	}
	for _, err := range l.errs {
		if loot.KindOf(err) != loot.Unavailable {
			t.Errorf("a caller was told %v", err)
		}
	}
	t.Logf("%d acknowledged, %d lost, %d refused, longest gap %v", l.count.Load(), lost, len(l.errs), time.Duration(l.gap.Load()))
}

func TestFailoverLosesNothingAndNeedsNoHands(t *testing.T) {
	pair := storetest.NewPair(t)
	db := storetest.Open(t, pair.Database(t), notes)
	l := newLoad(t, db, 8)
	l.more(t)
	pair.Kill()
	pair.Promote(t)
	l.more(t)
	l.end()
	l.check(t)
}

func TestRestartOfTheServerLosesNothing(t *testing.T) {
	server := storetest.NewServer(t)
	db := storetest.Open(t, server.Database(t), notes)
	l := newLoad(t, db, 8)
	l.more(t)
	server.Kill()
	server.Start(t)
	l.more(t)
	l.end()
	l.check(t)
}
