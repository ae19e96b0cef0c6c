package ledger_test

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot/ledger"
	"loot/store"
	"loot/store/storetest"
)

// eachB runs a benchmark on both databases.
func eachB(b *testing.B, f func(b *testing.B, w *bench)) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			f(b, newBench(b, storetest.Open(b, url(b), map[string]fs.FS{"ledger": ledger.Migrations()})))
		})
	}
}

// BenchmarkEntries commits transactions of 100 entries from 8 writers, and
// counts an entry when it has its confirmed place in the log.
func BenchmarkEntries(b *testing.B) {
	for _, writers := range []int{4, 8, 16} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			eachB(b, func(b *testing.B, w *bench) {
				l := w.open()
				w.run(l)
				w.fill(l, 100)
				s := w.person()
				var left atomic.Int64
				left.Store(int64(b.N))
				var mu sync.Mutex
				var took []time.Duration
				var wg sync.WaitGroup
				cpu := storetest.CPU()
				b.ResetTimer()
				for range writers {
					wg.Go(func() {
						for left.Add(-100) > -100 {
							start := time.Now()
							var ids []string
							err := w.db.InTx(context.Background(), func(tx *store.Tx) error {
								ids = ids[:0]
								for range 100 {
									id, err := l.Append(context.Background(), tx, opening(s, time.Now()))
									if err != nil {
										return err
									}
									ids = append(ids, id)
								}
								return nil
							})
							if err != nil {
								b.Error(err)
								return
							}
							if err := l.Await(context.Background(), ids[99]); err != nil {
								b.Error(err)
							}
							mu.Lock()
							took = append(took, time.Since(start))
							mu.Unlock()
						}
					})
				}
				wg.Wait()
				b.StopTimer()
				own, server := cpu()
				slices.Sort(took)
				n := float64(len(took) * 100)
				b.ReportMetric(n/b.Elapsed().Seconds(), "entries/s")
				b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99_ms")
				b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50_ms")
				b.ReportMetric(float64((own+server).Microseconds())/n, "cpu_us/entry")
			})
		})
	}
}

// BenchmarkVerify sweeps a log of 100,000 entries.
func BenchmarkVerify(b *testing.B) {
	eachB(b, func(b *testing.B, w *bench) {
		l := w.open()
		stop := w.run(l)
		w.fill(l, 100_000)
		stop()
		for b.Loop() {
			if r := w.verify(l, ledger.Against{}); !r.OK() || r.Records != 100_000 {
				b.Fatal(r)
			}
		}
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/sweep")
		w.reportBytes(b, 100_000)
	})
}

// reportBytes reports what an entry takes in the database and in the log.
func (b *bench) reportBytes(r *testing.B, entries int) {
	size := `SELECT sum(pg_total_relation_size(oid))::BIGINT FROM pg_class WHERE relkind = 'r' AND relname LIKE 'ledger_%'`
	if b.db.Dialect() == store.SQLite {
		size = `SELECT (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)`
	}
	var n int64
	b.read(func(tx *store.Tx) error { return tx.QueryRow(r.Context(), size).Scan(&n) })
	r.ReportMetric(float64(n)/float64(entries), "db_bytes/entry")
	var log int64
	filepath.WalkDir(b.dir, func(_ string, d fs.DirEntry, _ error) error {
		if i, err := d.Info(); err == nil && i.Mode().IsRegular() {
			log += i.Size()
		}
		return nil
	})
	r.ReportMetric(float64(log)/float64(entries), "log_bytes/entry")
}

// BenchmarkVerifyReceipt checks one receipt.
func BenchmarkVerifyReceipt(b *testing.B) {
	s := newSample(b, 9)
	for b.Loop() {
		if check(b, s.receipt, s.key).Verdict != ledger.Holds {
			b.Fatal("it does not hold")
		}
	}
}

// BenchmarkReceipt makes one receipt out of a log of 1,000 entries.
func BenchmarkReceipt(b *testing.B) {
	eachB(b, func(b *testing.B, w *bench) {
		l := w.open()
		stop := w.run(l)
		w.fill(l, 1000)
		s := w.person()
		id := w.append(l, opening(s, w.now()))[0]
		w.sync(l)
		stop()
		for b.Loop() {
			w.receipt(l, s, id)
		}
	})
}
