package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"loot/app"
	"loot/column"
	"loot/desk/visits"
)

// TestKillsLoseNoView: the server is killed under load again and again. Every
// view that was acknowledged is there once, and each way of counting comes to
// the same.
func TestKillsLoseNoView(t *testing.T) {
	o := newOperator(t, t.TempDir(), nil, "1", "LOOT_TRUSTED_PROXIES=127.0.0.0/8")
	site := app.ScratchSite{Script: "live", Host: "live.example", Path: "/v/live"}
	kills := 4
	if os.Getenv("LOOT_SOAK") != "" {
		kills = 20
	}
	said := map[int64]bool{}
	for range kills {
		p := o.serve()
		var mu sync.Mutex
		var wg sync.WaitGroup
		enough := make(chan struct{})
		var once sync.Once
		for i := range 16 {
			wg.Go(func() {
				b, err := newBrowsers(t.Context(), o.vars["ADDR"], site, int(time.Now().UnixNano())+i)
				if err != nil {
					return // it was killed before
				}
				defer b.conn.Close()
				for {
					page, status, err := b.view()
					if err != nil {
						return // it was killed
					}
					if status != http.StatusAccepted {
						t.Errorf("status %d", status)
						return
					}
					mu.Lock()
					said[int64(page)] = true
					if len(said)%300 == 0 {
						once.Do(func() { close(enough) })
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		p.end(syscall.SIGKILL)
		wg.Wait()
	}
	p := o.serve() // what is left over is put right
	p.stop()

	rows, err := column.Open(t.Context(), "duckdb:"+filepath.Join(o.dir, "data", "visits"), visits.Schema(), column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	today := column.DayOf(time.Now().UTC())
	answer, err := rows.Query(t.Context(), today-1, today+1, "SELECT page AS page, count(*) AS times FROM visits_hit GROUP BY page")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	there, total := 0, 0
	for answer.Next() {
		var page, times int64
		if err := answer.Scan(&page, &times); err != nil {
			t.Fatal(err)
		}
		if times != 1 {
			t.Errorf("a view is there %d times", times)
		}
		total++
		if said[page] {
			there++
		}
	}
	if err := answer.Err(); err != nil {
		t.Fatal(err)
	}
	if there != len(said) {
		t.Errorf("%d views of %d that were acknowledged are there", there, len(said))
	}
	q := visits.Question{Site: 1, From: today - 1, To: today, Top: 10}
	for _, d := range visits.Dimensions() {
		q.Dimensions = append(q.Dimensions, d.Name)
	}
	report, err := visits.NewReports(rows, 1, time.Now).Answer(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if report.Total.Views != int64(total) {
		t.Errorf("the report has %d views of %d", report.Total.Views, total)
	}
	for _, p := range report.Panels {
		listed := p.Rest.Views + p.Others.Views
		for _, row := range p.Rows {
			listed += row.Views
		}
		if p.Name != "exit" && !p.Events && p.Name != "bot" && listed != int64(total) {
			t.Errorf("%s adds up to %d views of %d", p.Name, listed, total)
		}
	}
	fmt.Fprintf(t.Output(), "%d kills, %d views acknowledged, %d stored\n", kills, len(said), total)
}
