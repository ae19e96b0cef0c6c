package visits

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"loot/column"
	"loot/column/columntest"
)

// benchDays is the period of the dashboard, of which the last day is open.
const benchDays = 30

// plausible writes visits of 30 days, LOOT_BENCH_VIEWS views or a million.
func plausible(b *testing.B, s column.Store) (views int) {
	b.Helper()
	views = 1_000_000
	if n, err := strconv.Atoi(os.Getenv("LOOT_BENCH_VIEWS")); err == nil {
		views = n
	}
	r := rand.New(rand.NewPCG(1, 2))
	zipf := func(n uint64) func() int {
		z := rand.NewZipf(r, 1.2, 8, n-1)
		return func() int { return int(z.Uint64()) }
	}
	paths, sources, countries, providers, networks, versions := zipf(3000), zipf(200), zipf(60), zipf(1500), zipf(20_000), zipf(60)
	for day := range column.Day(benchDays) {
		var hits []hit
		var stays []stay
		flush := func() {
			for chunk := range slices.Chunk(hits, 4000) {
				keep(b, s, someDay-day, chunk, nil)
			}
			for chunk := range slices.Chunk(stays, 8000) {
				keep(b, s, someDay-day, nil, chunk)
			}
			hits, stays = nil, nil
		}
		for i := 0; i < views/benchDays; {
			v := versions()
			h := hit{
				second: uint32(r.IntN(80_000)), site: 1, who: visitor(r.Int64()), visit: r.Int64(), host: "www.example.com",
				channel: fmt.Sprint("Channel ", r.IntN(7)), source: fmt.Sprint("source", sources(), ".example"), country: fmt.Sprint("C", countries()),
				provider: fmt.Sprint("Provider ", providers()), kind: []string{"access", "mobile", "business"}[r.IntN(3)], network: fmt.Sprint("192.0.", networks(), ".0/24"),
				language: fmt.Sprint("l", r.IntN(20)), browser: fmt.Sprint("Browser ", v%8), version: fmt.Sprint("Browser ", v%8, " ", v),
				system: fmt.Sprint("System ", v%5), release: fmt.Sprint("System ", v%5, " ", v%20), device: []string{"desktop", "phone", "tablet"}[r.IntN(3)],
				width: uint8(r.IntN(6)), class: human, via: "tag",
			}
			if r.IntN(20) == 0 {
				h.class, h.bot = "declared", fmt.Sprint("Bot ", r.IntN(40))
			}
			for n := range 1 + zipf2(r) {
				h.nth, h.page, h.before, h.path = uint16(n+1), r.Int64(), h.path, fmt.Sprint("/a/page/of/it/", paths())
				if n == 0 {
					h.before, h.entry = "", h.path
				}
				h.second += uint32(r.IntN(90))
				hits = append(hits, h)
				stays = append(stays, stay{1, h.page, uint32(r.IntN(60_000)), uint8(r.IntN(100))})
				i++
				if r.IntN(12) == 0 {
					e := h
					e.nth, e.event, e.target = 0, eventOutbound, fmt.Sprint("https://other.example/", r.IntN(50))
					hits = append(hits, e)
				}
			}
			if len(hits) >= 32_000 {
				flush()
			}
		}
		flush()
		if day > 0 {
			if err := s.Seal(b.Context(), someDay-day); err != nil {
				b.Fatal(err)
			}
		}
	}
	return views
}

func zipf2(r *rand.Rand) int { return min(r.IntN(6), r.IntN(6)) }

// BenchmarkReport asks for the dashboard of 30 days with every panel, at first
// and again, and with filters by two dimensions.
func BenchmarkReport(b *testing.B) {
	s := columntest.Open(b, columntest.DuckDB(b), Schema(), column.Options{})
	start := time.Now()
	views := plausible(b, s)
	b.Logf("%d views loaded and sealed in %v", views, time.Since(start))
	q := Question{Site: 1, From: someDay - benchDays + 1, To: someDay, Top: 10}
	for _, d := range Dimensions() {
		q.Dimensions = append(q.Dimensions, d.Name)
	}
	run := func(name string, r func() *Reports, q Question) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
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
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
	run("first", func() *Reports { return NewReports(s, 5, noon) }, q)
	warm := NewReports(s, 5, time.Now)
	run("again", func() *Reports { return warm }, q)
	b.Run("writing", func(b *testing.B) {
		ctx, stop := context.WithCancel(b.Context())
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					h := hit{second: 80_000, site: 1, who: visitor(i), visit: int64(i), nth: 1, page: int64(i), path: "/now", entry: "/now", class: human}
					batch := column.Batch{tableHit: {rowOf(&h, hitsOnly, hitColumns)}}
					_ = s.Append(ctx, someDay, batch)
				}
			})
		}
		run("again", func() *Reports { return warm }, q)
		stop()
		wg.Wait()
	})
	filters := map[string]Filter{
		"country": {"country", Is, []string{"C0"}}, "path": {"path", Is, []string{"/a/page/of/it/0"}}, "source": {"source", Is, []string{"source0.example"}},
		"browser": {"browser", Is, []string{"Browser 0"}}, "provider": {"provider", Is, []string{"Provider 0"}}, "entry": {"entry", Contains, []string{"/1"}},
	}
	for _, by := range [][]string{{"country"}, {"country", "browser"}, {"path", "source"}, {"provider", "country"}, {"browser", "entry"}} {
		q := q
		for _, name := range by {
			q.Filters = append(q.Filters, filters[name])
		}
		run(fmt.Sprint("filtered/all/", by), func() *Reports { return warm }, q)
		q.Dimensions = []string{"path", "source", "country", "browser", "device"}
		run(fmt.Sprint("filtered/five/", by), func() *Reports { return warm }, q)
	}
}
