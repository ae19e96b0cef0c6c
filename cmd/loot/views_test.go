package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"loot/app"
	"loot/column"
	"loot/desk/visits"
)

// acknowledged is what a server said that it keeps, by the page's id.
type acknowledged struct {
	sync.Mutex
	views, events map[int64]bool
	engaged       map[int64]int64 // milliseconds
	noted         func(view bool) // is called at each
}

// TestKillsLoseNoView: the server is killed under load again and again. Every
// view, engagement and event that was acknowledged is there once, and each way of
// counting comes to the same.
func TestKillsLoseNoView(t *testing.T) {
	o := newOperator(t, t.TempDir(), nil, "1", "LOOT_TRUSTED_PROXIES=127.0.0.0/8")
	site := app.ScratchSite{Script: "live", Host: "live.example", Path: "/v/live"}
	kills := 4
	if os.Getenv("LOOT_SOAK") != "" {
		kills = 20
	}
	said := acknowledged{views: map[int64]bool{}, events: map[int64]bool{}, engaged: map[int64]int64{}}
	for kill := range kills {
		p := o.serve()
		var wg sync.WaitGroup
		enough := make(chan struct{})
		var once sync.Once
		said.noted = func(view bool) { // each second time right behind what happened on a view
			if len(said.views) >= 300*(kill+1) && view == (kill%2 == 0) {
				once.Do(func() { close(enough) })
			}
		}
		for i := range 16 {
			wg.Go(func() {
				b, err := newBrowsers(t.Context(), o.vars["ADDR"], site, int(time.Now().UnixNano())+i)
				if err != nil {
					return // it was killed before
				}
				defer b.conn.Close()
				if i == 0 { // one of them is a program
					b.addr, b.agent, b.left = "198.51.100.9", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 1<<30
				}
				for n := 1; said.look(t, b, n); n++ { //nolint:revive // that is all
				}
			})
		}
		<-enough
		p.end(syscall.SIGKILL)
		wg.Wait()
	}
	p := o.serve() // what is left over is put right
	p.stop()
	said.check(t, o)
	fmt.Fprintf(t.Output(), "%d kills, %d views, %d engagements and %d events acknowledged\n", kills, len(said.views), len(said.engaged), len(said.events))
}

// look sends a view, and of some what happens on it, and reports false when the
// server was killed.
func (a *acknowledged) look(t *testing.T, b *browsers, n int) bool {
	page, status, err := b.view()
	note := func(f func(page int64)) bool {
		if err != nil {
			return false
		}
		if status != http.StatusAccepted {
			t.Errorf("status %d", status)
			return false
		}
		a.Lock()
		defer a.Unlock()
		f(int64(page))
		a.noted(a.views[int64(page)] && a.engaged[int64(page)] == 0 && !a.events[int64(page)])
		return true
	}
	alive := note(func(page int64) { a.views[page] = true })
	about := fmt.Sprintf(`"page":"%d","url":"https://%s/"`, page, b.site.Host)
	if alive && n%3 == 0 {
		status, err = b.post(fmt.Sprintf(`{"kind":"engagement",%s,"time":%d,"scroll":50}`, about, 1000+n))
		alive = note(func(page int64) { a.engaged[page] = int64(1000 + n) })
	}
	if alive && n%5 == 0 {
		status, err = b.post(fmt.Sprintf(`{"kind":"event",%s,"name":%q,"target":"/a","value":2,"count":1}`, about, slices.Sorted(maps.Keys(eventPanels))[page%uint64(len(eventPanels))]))
		alive = note(func(page int64) { a.events[page] = true })
	}
	return alive
}

// check holds what was acknowledged against what is stored, and that against a
// report with every panel. No server runs.
func (a *acknowledged) check(t *testing.T, o *operator) {
	t.Helper()
	rows, err := column.Open(t.Context(), "duckdb:"+filepath.Join(o.dir, "data", "visits"), visits.Schema(), column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	today := column.DayOf(time.Now().UTC())
	stored := func(query string) map[int64]int64 {
		t.Helper()
		out := map[int64]int64{}
		answer, err := rows.Query(t.Context(), today-1, today+1, query)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Close()
		for answer.Next() {
			var key, n int64
			if err := answer.Scan(&key, &n); err != nil {
				t.Fatal(err)
			}
			out[key] = n
		}
		if err := answer.Err(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	views := stored("SELECT page AS page, count(*) AS times FROM visits_hit WHERE event = '' GROUP BY page")
	events := stored("SELECT page AS page, count(*) AS times FROM visits_hit WHERE event <> '' GROUP BY page")
	for what, of := range map[string]struct {
		said   map[int64]bool
		stored map[int64]int64
	}{"view": {a.views, views}, "event": {a.events, events}} {
		lost := 0
		for page := range of.said {
			if of.stored[page] == 0 {
				lost++
			}
		}
		if lost > 0 || len(of.said) == 0 {
			t.Errorf("%d %ss of %d that were acknowledged are not there", lost, what, len(of.said))
		}
		for _, times := range of.stored {
			if times != 1 {
				t.Errorf("a %s is there %d times", what, times)
			}
		}
	}
	stays := stored("SELECT page AS page, CAST(max(engaged) AS BIGINT) AS engaged FROM visits_stay GROUP BY page")
	for page, ms := range a.engaged {
		if stays[page] != ms {
			t.Errorf("an engagement of %d ms that was acknowledged is there as %d", ms, stays[page])
		}
	}
	if len(a.engaged) == 0 {
		t.Error("no engagement was acknowledged")
	}

	q := visits.Question{Site: 1, From: today - 1, To: today, Top: 10}
	for _, d := range visits.Dimensions() {
		q.Dimensions = append(q.Dimensions, d.Name)
	}
	report, err := visits.NewReports(rows, 1, time.Now, nil).Answer(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	count := func(what, where string) int64 {
		return stored("SELECT CAST(1 AS BIGINT) AS one, CAST(" + what + " AS BIGINT) AS n FROM visits_hit AS h LEFT JOIN (SELECT page, max(engaged) AS engaged FROM visits_stay GROUP BY page) AS s ON s.page = h.page WHERE " + where)[1]
	}
	const people = "class = 'human' AND event = ''"
	want := map[string]int64{
		"": count("count(*)", people), "exit": count("count(DISTINCT visit)", people), "class": count("count(*)", "event = ''"), "bot": count("count(*)", "event = '' AND class <> 'human'"),
	}
	for name, panel := range eventPanels {
		want[panel] = count("count(*)", "class = 'human' AND event = '"+name+"'")
	}
	if got := report.Total; got.Views != want[""] || got.Visits != want["exit"] || got.Engaged != count("sum(s.engaged)", people) {
		t.Errorf("the report comes to %+v, which is not what is stored", got)
	}
	for _, p := range report.Panels {
		listed, visits := p.Rest.Views+p.Others.Views, p.Rest.Visits+p.Others.Visits
		for _, row := range p.Rows {
			listed, visits = listed+row.Views, visits+row.Visits
		}
		if !p.Events && p.Name != "class" && p.Name != "bot" && (visits != want["exit"] || p.Total.Visits != want["exit"]) {
			t.Errorf("%s adds up to %d visits of %d, and says %d", p.Name, visits, want["exit"], p.Total.Visits)
		}
		views, its := want[p.Name]
		if !its {
			views = want[""]
		}
		if listed != views || p.Total.Views != views || views == 0 {
			t.Errorf("%s adds up to %d views of %d, and says %d", p.Name, listed, views, p.Total.Views)
		}
	}
}

// eventPanels are the panels of events, by the event's name.
var eventPanels = map[string]string{"Order": "event", "outbound": "outbound", "download": "download", "form": "form", "404": "missing"}
