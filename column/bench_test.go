package column_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"loot/column"
	"loot/column/columntest"
)

func eachBench(b *testing.B, f func(b *testing.B, address string)) {
	b.Run("duckdb", func(b *testing.B) { f(b, columntest.DuckDB(b)) })
	b.Run("clickhouse", func(b *testing.B) { f(b, columntest.ClickHouse(b)) })
}

// BenchmarkAppend is durable appends of one row to each of one or ten tables,
// an operation each.
func BenchmarkAppend(b *testing.B) {
	for _, tables := range []int{1, 10} {
		schema, batch := column.Schema{Name: "bench"}, column.Batch{}
		for i := range tables {
			t := column.Table{Name: fmt.Sprintf("bench_t%d", i), Columns: views.Open[0].Columns}
			schema.Open = append(schema.Open, t)
			batch[t.Name] = []column.Row{view(1, "www.example.com", 0x9E3779B97F4A7C15, "/a/page/of/the/site")}
		}
		for _, clients := range []int{64, 256, 1024} {
			b.Run(fmt.Sprintf("tables=%d/clients=%d", tables, clients), func(b *testing.B) {
				eachBench(b, func(b *testing.B, address string) {
					s := columntest.Open(b, address, schema, column.Options{})
					add(b, s, first, batch)
					var n atomic.Int64
					b.ResetTimer()
					var wg sync.WaitGroup
					for range clients {
						wg.Go(func() {
							for n.Add(1) <= int64(b.N) {
								if err := s.Append(context.Background(), first, batch); err != nil {
									b.Error(err)
									return
								}
							}
						})
					}
					wg.Wait()
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
				})
			})
		}
	}
}

func fillDay(b *testing.B, s column.Store, day column.Day, rows int) {
	for i := 0; i < rows; i += 8000 {
		batch := column.Batch{}
		for k := i; k < min(rows, i+8000); k++ {
			batch["test_view"] = append(batch["test_view"], view(uint64(k), "www.example.com", uint64(k/3)*0x9E3779B97F4A7C15, fmt.Sprintf("/page/%d", k%2000)))
		}
		add(b, s, day, batch)
	}
}

// BenchmarkQuery asks about a million rows, of ten open days, while 64 clients
// append.
func BenchmarkQuery(b *testing.B) {
	eachBench(b, func(b *testing.B, address string) {
		s := columntest.Open(b, address, views, column.Options{})
		for day := range column.Day(10) {
			fillDay(b, s, first+day, 100_000)
		}
		ctx, stop := context.WithCancel(b.Context())
		var wg sync.WaitGroup
		var appended atomic.Int64
		for range 64 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if s.Append(ctx, first+10, column.Batch{"test_view": {view(1, "a", 1, "/")}}) == nil {
						appended.Add(1)
					}
				}
			})
		}
		b.ResetTimer()
		for b.Loop() {
			if _, err := answer(b.Context(), s, first, first+9, "SELECT path, count(*) AS n, count(DISTINCT visitor) FROM test_view WHERE NOT bot GROUP BY path ORDER BY n DESC LIMIT 10"); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(appended.Load())/b.Elapsed().Seconds(), "appends/s")
		stop()
		wg.Wait()
	})
}

// BenchmarkSeal seals a day of 200,000 rows into a month that has one more of
// them each time.
func BenchmarkSeal(b *testing.B) {
	eachBench(b, func(b *testing.B, address string) {
		s := columntest.Open(b, address, views, column.Options{})
		for day := first + 1; b.Loop(); day++ {
			b.StopTimer()
			fillDay(b, s, day, 200_000)
			b.StartTimer()
			if err := s.Seal(b.Context(), day); err != nil {
				b.Fatal(err)
			}
		}
		parts, err := s.Stats(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(parts[0].Bytes)/float64(parts[0].Rows), "B/row")
	})
}

// BenchmarkIdle says what an open store costs before and after DuckDB starts.
func BenchmarkIdle(b *testing.B) {
	rss := func() (mib float64) {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			b.Skip(err)
		}
		var kib float64
		_, rest, _ := strings.Cut(string(status), "VmRSS:")
		fmt.Sscan(rest, &kib)
		return kib / 1024
	}
	before := rss()
	s := columntest.Open(b, columntest.DuckDB(b), views, column.Options{})
	opened := rss()
	add(b, s, first, column.Batch{"test_view": {view(1, "a", 1, "/")}})
	appended := rss()
	ask(b, s, first, first, "SELECT path, count(*), count(DISTINCT visitor) FROM test_view GROUP BY path")
	for b.Loop() {
	}
	b.ReportMetric(before, "MiB-before")
	b.ReportMetric(opened-before, "MiB-opened")
	b.ReportMetric(appended-before, "MiB-appended")
	b.ReportMetric(rss()-before, "MiB-queried")
}
