package ledger_test

import (
	"context"
	"fmt"
	"io/fs"
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
