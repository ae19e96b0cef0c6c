package visits

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"loot/column"
	"loot/column/columntest"
)

// benchDays is the period of the dashboard, of which the last day is open.
const benchDays = 30

// benchStore returns a store with LOOT_BENCH_VIEWS views, or a million. Where
// LOOT_BENCH_DIR names a folder they are kept there for the next time, as it
// takes long to seal them.
func benchStore(b *testing.B) column.Store {
	b.Helper()
	views := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("LOOT_BENCH_VIEWS")); err == nil {
		views = n
	}
	address := columntest.DuckDB(b)
	if dir := os.Getenv("LOOT_BENCH_DIR"); dir != "" {
		address = "duckdb:" + filepath.Join(dir, strconv.Itoa(views))
	}
	s := columntest.Open(b, address, Schema(), column.Options{})
	parts, err := s.Stats(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if len(parts) == 0 {
		start := time.Now()
		if err := Fill(b.Context(), s, 1, someDay, benchDays, views); err != nil {
			b.Fatal(err)
		}
		b.Logf("%d views stored and sealed in %v", views, time.Since(start))
	}
	return s
}

// write has 2,000 views a second arrive of another site until it is stopped, and
// then erases them.
func write(b *testing.B, s column.Store) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		m := newSampler(2)
		for {
			var hits []hit
			var stays []stay
			for len(hits) < 20 {
				visited, stayed := m.visit()
				hits, stays = append(hits, visited...), append(stays, stayed...)
			}
			batch := batchOf(hits, stays)
			wg.Go(func() { _ = s.Append(ctx, someDay, batch) })
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
		if err := s.Rewrite(b.Context(), "site <> 2"); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkReport asks for the dashboard of 30 days, at first and again, and
// with filters, alone and while views arrive.
func BenchmarkReport(b *testing.B) {
	s := benchStore(b)
	q := Question{Site: 1, From: someDay - benchDays + 1, To: someDay, Top: 10}
	for _, d := range Dimensions() {
		q.Dimensions = append(q.Dimensions, d.Name)
	}
	page := []string{"path", "source", "country", "provider", "browser", "device"} // as many as are seen at once
	run := func(b *testing.B, name string, r func() *Reports, q Question) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			var before, after syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
			for b.Loop() {
				b.StopTimer()
				r := r()
				b.StartTimer()
				begin := time.Now()
				if _, err := r.Answer(b.Context(), q); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begin))
			}
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
			cpu := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
			b.ReportMetric(float64(cpu.Milliseconds())/float64(len(took)), "cpu-ms/op") // of all cores, which says more on a busy machine
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
	run(b, "first", func() *Reports { return NewReports(s, 5, noon, nil) }, q)
	warm := NewReports(s, 5, time.Now, nil)
	filters := map[string]Filter{
		"country": {"country", Is, []string{"IE"}}, "path": {"path", Is, []string{"/a/page/of/it/0"}}, "source": {"source", Is, []string{"source0.example"}},
		"browser": {"browser", Is, []string{"Browser 0"}}, "provider": {"provider", Contains, []string{"Provider 0 "}}, "entry": {"entry", Contains, []string{"/1"}},
		"device": {"device", Is, []string{"phone"}},
	}
	all := func(b *testing.B) {
		run(b, "all", func() *Reports { return warm }, q)
		for _, by := range [][]string{{"country"}, {"country", "browser"}, {"browser", "device"}, {"path", "source"}, {"provider", "country"}, {"browser", "entry"}} {
			q := q
			for _, name := range by {
				q.Filters = append(q.Filters, filters[name])
			}
			run(b, fmt.Sprint("all/", strings.Join(by, ",")), func() *Reports { return warm }, q)
			q.Dimensions = page
			run(b, fmt.Sprint("page/", strings.Join(by, ",")), func() *Reports { return warm }, q)
		}
	}
	b.Run("again", all)
	b.Run("writing", func(b *testing.B) {
		stop := write(b, s)
		defer stop()
		all(b)
	})
}

// BenchmarkGoals asks for a goal, a funnel and a journey of 30 days, at first, and
// again when the sealed days are remembered.
func BenchmarkGoals(b *testing.B) {
	s := benchStore(b)
	q := Question{Site: 1, From: someDay - benchDays + 1, To: someDay}
	filtered := q
	filtered.Filters = []Filter{{"country", Is, []string{"IE"}}}
	page := Filter{"path", Is, []string{"/a/page/of/it/0"}}
	next := Filter{"path", Is, []string{"/a/page/of/it/1"}}
	for _, what := range []struct {
		name string
		ask  func(*Reports, Question) error
	}{
		{"goal", func(r *Reports, q Question) error { _, err := r.Reach(b.Context(), q, page); return err }},
		{"funnel", func(r *Reports, q Question) error {
			_, err := r.Funnel(b.Context(), q, []Filter{page, next, {"outbound", Is, []string{"other1.example/"}}})
			return err
		}},
		{"journey", func(r *Reports, q Question) error {
			_, err := r.Journey(b.Context(), q, page.Values[0])
			return err
		}},
	} {
		for name, q := range map[string]Question{"": q, "/filtered": filtered} {
			warm := NewReports(s, 5, time.Now, nil)
			if _, err := warm.Answer(b.Context(), q); err != nil {
				b.Fatal(err)
			}
			b.Run(what.name+name+"/first", func(b *testing.B) {
				for b.Loop() {
					warm.funnels.Purge()
					warm.blocks.Purge()
					if err := what.ask(warm, q); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(what.name+name+"/again", func(b *testing.B) {
				for b.Loop() {
					if err := what.ask(warm, q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
