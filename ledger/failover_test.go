package ledger_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"loot/ledger"
	"loot/store"
	"loot/store/storetest"
)

// TestFailoverOfTheDatabase kills the primary under load: the ledger goes on
// with the standby by itself, nothing acknowledged is lost and nothing is in
// the log twice.
func TestFailoverOfTheDatabase(t *testing.T) {
	pair := storetest.NewPair(t)
	b := newBench(t, storetest.Open(t, pair.Database(t), map[string]fs.FS{"ledger": ledger.Migrations()}))
	one, two := b.open(), b.open()
	b.run(one)
	b.run(two)
	s := b.person()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var acked []string
	var wg sync.WaitGroup
	for i := range 4 {
		l := []*ledger.Ledger{one, two}[i%2]
		wg.Go(func() {
			for ctx.Err() == nil {
				var id string
				err := b.db.InTx(ctx, func(tx *store.Tx) (err error) {
					id, err = l.Append(ctx, tx, opening(s, b.now()))
					return err
				})
				if err == nil {
					mu.Lock()
					acked = append(acked, id)
					mu.Unlock()
				}
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acked)
	}
	within(t, 20*time.Second, "500 entries", func() bool { return count() > 500 })
	start := time.Now()
	pair.Kill()
	pair.Promote(t)
	before := count()
	within(t, 30*time.Second, "entries after the failover", func() bool { return count() > before+10 })
	t.Logf("entries are taken again after %v", time.Since(start).Round(time.Millisecond))
	within(t, 30*time.Second, "500 more", func() bool { return count() > before+500 })
	cancel()
	wg.Wait()
	b.sync(two)
	lost := 0
	for _, id := range acked {
		b.read(func(tx *store.Tx) error {
			var n int
			err := tx.QueryRow(t.Context(), `SELECT count(*) FROM ledger_place WHERE id = $1`, id).Scan(&n)
			lost += 1 - n
			return err
		})
	}
	r := b.verify(two, ledger.Against{})
	if lost > 0 || !r.OK() || int(r.Size) < len(acked) {
		t.Errorf("%d of %d lost; %s", lost, len(acked), r)
	}
	t.Logf("%d acknowledged, %d in the log", len(acked), r.Size)
}

// TestVerifyWhileTheLogGrows finds nothing wrong with a log at work.
func TestVerifyWhileTheLogGrows(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		b.run(l)
		s := b.person()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for ctx.Err() == nil {
				err := b.db.InTx(ctx, func(tx *store.Tx) error {
					for range 20 {
						if _, err := l.Append(ctx, tx, opening(s, b.now())); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
		for n, size := 0, uint64(0); n < 10 || size < 500; n++ {
			r := b.verify(l, ledger.Against{})
			if size = r.Size; !r.OK() {
				t.Fatalf("%s", r)
			}
		}
		cancel()
		wg.Wait()
	})
}

// TestDamagedRecordIsShownAsSuch: it hides neither itself nor the others.
func TestDamagedRecordIsShownAsSuch(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		s := b.person()
		ids := b.append(l, opening(s, b.now()), opening(s, b.now().Add(time.Second)), opening(s, b.now().Add(2*time.Second)), opening(s, b.now().Add(3*time.Second)))
		b.exec(`UPDATE ledger_entry SET facts = REPLACE(facts, '"fields":3', '"fields":1') WHERE id = $1`, ids[0])
		b.exec(`UPDATE ledger_entry SET subject = (SELECT subject FROM ledger_entry WHERE id = $1) WHERE id = $2`, ids[3], ids[1])
		b.exec(`UPDATE ledger_entry SET facts = 'nothing' WHERE id = $1`, ids[2])
		items := b.timeline(l, s)
		if len(items) != 4 {
			t.Fatalf("%d entries, want 4", len(items))
		}
		for i, want := range []bool{false, true, true, true} {
			if items[i].Damaged != want {
				t.Errorf("entry %d: damaged is %v, want %v", i, items[i].Damaged, want)
			}
		}
	})
}

// TestClockSetBackDoesNotStopReceipts: the newest checkpoint then is a file of
// the future, which the log's library waits for.
func TestClockSetBackDoesNotStopReceipts(t *testing.T) {
	sqlite(t, func(b *bench) {
		l := b.open()
		b.run(l)
		b.fill(l, 1)
		future := time.Now().Add(time.Hour)
		if err := os.Chtimes(filepath.Join(b.dir, "checkpoint"), future, future); err != nil {
			t.Fatal(err)
		}
		b.fill(l, 1)
	})
}
