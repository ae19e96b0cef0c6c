package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"loot/store"
	"loot/store/storetest"
)

// A request as the kernel makes them: four reads and one write.
func request(ctx context.Context, db *store.DB, n int64) error {
	return db.InTx(ctx, func(tx *store.Tx) error {
		for i := range int64(4) {
			var got int64
			if err := tx.QueryRow(ctx, "SELECT n FROM note_note WHERE id = $1", fmt.Sprint((n*7+i)%1000)).Scan(&got); err != nil {
				return err
			}
		}
		return put(ctx, tx, fmt.Sprint("n", n), 1)
	})
}

func seed(b *testing.B, db *store.DB) {
	b.Helper()
	ctx := b.Context()
	if err := db.InTx(ctx, func(tx *store.Tx) error {
		for i := range 1000 {
			if err := put(ctx, tx, fmt.Sprint(i), i); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

// A place is where a benchmark keeps its database.
type place func(b *testing.B) (url string)

func file(b *testing.B) string { return storetest.SQLite(b) }

func network(b *testing.B) string { return storetest.NewServer(b).Database(b) }

func socket(b *testing.B) string {
	s := storetest.NewServer(b)
	return s.Socket(s.Database(b))
}

func benchmark(b *testing.B, where place, f func(ctx context.Context, db *store.DB, n int64) error) {
	for _, clients := range []int{1, 16, 32} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			db := storetest.Open(b, where(b), notes)
			seed(b, db)
			var n atomic.Int64
			cpu := storetest.CPU()
			b.ResetTimer()
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
						if err := f(b.Context(), db, i); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			own, theirs := cpu()
			b.ReportMetric(float64(own.Microseconds())/float64(b.N), "own-µs/op")
			b.ReportMetric(float64(theirs.Microseconds())/float64(b.N), "db-µs/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
		})
	}
}

func BenchmarkInTxSQLite(b *testing.B)         { benchmark(b, file, request) }
func BenchmarkInTxPostgres(b *testing.B)       { benchmark(b, network, request) }
func BenchmarkInTxPostgresSocket(b *testing.B) { benchmark(b, socket, request) }
func BenchmarkReadTxSQLite(b *testing.B)       { benchmark(b, file, look) }
func BenchmarkReadTxPostgres(b *testing.B)     { benchmark(b, network, look) }

func look(ctx context.Context, db *store.DB, n int64) error {
	return db.ReadTx(ctx, func(tx *store.Tx) error {
		var got int64
		return tx.QueryRow(ctx, "SELECT n FROM note_note WHERE id = $1", fmt.Sprint(n%1000)).Scan(&got)
	})
}
