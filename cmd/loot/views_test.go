package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
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
	report, err := visits.NewReports(rows, 1, time.Now, nil).Answer(t.Context(), q)
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

// TestNoAddressIsLeft: after a load, in its midst and after the end, no file of
// the installation, no log and no temporary file holds an address or the words
// of a browser.
func TestNoAddressIsLeft(t *testing.T) {
	o := newOperator(t, t.TempDir(), nil, "1", "LOOT_TRUSTED_PROXIES=127.0.0.0/8", "LOOT_LOG_LEVEL=debug", "LOOT_LOG_FORMAT=json")
	p := o.serve()
	const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0 Marked-Browser/7"
	long := netip.MustParseAddr("2001:db8:77:1:abcd:ef01:2345:6789")
	addresses := []string{long.String(), "203.0.113.77", "198.51.100.201"}
	for i := range 300 {
		body := fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://live.example/page/%d?mail=someone@example.com"}`, i+1, i%20)
		if i%50 == 49 {
			body = "nonsense"
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+o.vars["ADDR"]+"/v/live", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Forwarded-For", addresses[i%len(addresses)])
		r.Header.Set("User-Agent", agent)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if i%50 != 49 && res.StatusCode != http.StatusAccepted {
			t.Fatalf("a view: %d", res.StatusCode)
		}
	}
	whole := long.As16()
	look := func(when string) {
		t.Helper()
		files := 0
		if err := filepath.WalkDir(o.dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) {
				return nil // a temporary one
			}
			files++
			for _, what := range append(addresses, "Marked-Browser", string(whole[:]), "someone@example.com") {
				if bytes.Contains(b, []byte(what)) {
					t.Errorf("%s: %s holds %q", when, path, what)
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, what := range append(addresses, "Marked-Browser", "someone@example.com") {
			if strings.Contains(p.out.String(), what) {
				t.Errorf("%s: the log says %q", when, what)
			}
		}
		if files < 10 {
			t.Errorf("%s: %d files were looked at", when, files)
		}
	}
	look("while it runs")
	p.end(syscall.SIGKILL)
	look("killed")
	p = o.serve()
	p.stop()
	look("stopped")
}
