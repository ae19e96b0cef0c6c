package visits

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"loot/desk/desktest"
	"loot/store"
	"loot/tag"
)

// TestAVisitIsKeptWithoutWhoeverItWas: provider, prefix, browser and way are
// kept; the address and the browser's own words are in no file.
func TestAVisitIsKeptWithoutWhoeverItWas(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	a := h.Do("POST", "/v/m", `{"kind":"view","page":"2","url":"https://www.example.com/a?utm_source=news&q=secret","referrer":"https://www.google.com/search?q=words","width":3}`, http.Header{
		"X-Forwarded-For": {"203.0.113.77"}, "User-Agent": {firefox}, "Accept-Language": {"de-AT,de;q=0.8"}, "Cookie": {"session=abc"},
	})
	if a.Status != http.StatusAccepted || a.Body != "" || a.Header.Get("Set-Cookie") != "" || a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %q %v", a.Status, a.Body, a.Header)
	}
	const want = "www.example.com /a /a campaign news 203.0.113.0/24 de Firefox Firefox 133 Linux desktop 3 human"
	if got := h.ask("SELECT host, path, entry, channel, source, network, language, browser, version, system, device, width, class FROM visits_hit"); got != want {
		t.Errorf("kept %q, not %q", got, want)
	}
	h.view("2001:db8:1:2:3:4:5:6", "/b")
	if got := h.ask("SELECT network FROM visits_hit WHERE path = '/b'"); got != "2001:db8:1::/48" {
		t.Errorf("kept %q", got)
	}
	desktest.OK(t, h.rows.Close())
	if found := holds(t, strings.TrimPrefix(h.at, "duckdb:"), "203.0.113.77", "2001:db8:1:2", firefox, "secret", "words"); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// TestWhatComesTwiceCountsOnce: whatever the order, and the longest stay counts.
func TestWhatComesTwiceCountsOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.site("UTC")
		const addr = "198.51.100.1"
		stay := func(ms, scroll int) {
			t.Helper()
			if got := h.send(addr, firefox, fmt.Sprintf(`{"kind":"engagement","page":"8","url":"https://example.com/a","time":%d,"scroll":%d}`, ms, scroll)); got != http.StatusAccepted {
				t.Errorf("a stay: %d", got)
			}
		}
		stay(700, 20)
		for i, want := range []int{http.StatusAccepted, http.StatusNoContent} {
			if got := h.send(addr, firefox, `{"kind":"view","page":"8","url":"https://example.com/a"}`); got != want {
				t.Errorf("view %d: %d", i, got)
			}
		}
		stay(9000, 90)
		stay(300, 95)
		event := `{"kind":"event","page":"8","url":"https://example.com/a","name":"Order","value":12.5,"count":1}`
		for i, want := range []int{http.StatusAccepted, http.StatusNoContent} {
			if got := h.send(addr, firefox, event); got != want {
				t.Errorf("event %d: %d", i, got)
			}
		}
		if got := h.send(addr, firefox, strings.Replace(event, `"count":1`, `"count":2`, 1)); got != http.StatusAccepted {
			t.Errorf("another event: %d", got)
		}
		got := addUp(t.Context(), t, h.rows, sums(eachRow(openRows), dimensions, countVisitors))
		if total := got["total "]; total != (Sum{Visitors: 1, Visits: 1, Views: 1, Bounces: 1, Engaged: 9000, Scrolled: 95, Amount: 25}) {
			t.Errorf("%+v", total)
		}
		if orders := got["event Order"]; orders != (Sum{Visitors: 1, Visits: 1, Views: 2, Amount: 25}) {
			t.Errorf("%+v", orders)
		}
	})
}

// TestOnlyTheSitesOwnPagesAreRecorded: what is made up, too long or about other
// sites is refused with a reason, counted, and changes nothing.
func TestOnlyTheSitesOwnPagesAreRecorded(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	good := `{"kind":"view","page":"2","url":"https://example.com/a"}`
	for _, c := range []struct {
		name, path, body string
		want             int
	}{
		{"another host", "/v/m", strings.Replace(good, "example.com", "example.org", 1), http.StatusForbidden},
		{"a host that ends alike", "/v/m", strings.Replace(good, "example.com", "notexample.com", 1), http.StatusForbidden},
		{"no beacon", "/v/m", "hello", http.StatusUnprocessableEntity},
		{"empty", "/v/m", "", http.StatusUnprocessableEntity},
		{"no address", "/v/m", strings.Replace(good, "https://", "javascript:", 1), http.StatusUnprocessableEntity},
		{"no host", "/v/m", strings.Replace(good, "example.com", "", 1), http.StatusUnprocessableEntity},
		{"huge", "/v/m", good[:len(good)-1] + `,"x":"` + strings.Repeat("x", tag.MaxBeacon) + `"}`, http.StatusRequestEntityTooLarge},
		{"no site", "/v/nothing", good, http.StatusNotFound},
	} {
		a := h.Do("POST", c.path, c.body, http.Header{"User-Agent": {firefox}})
		if a.Status != c.want || strings.Contains(a.Body, "example.org") {
			t.Errorf("%s: %d %s", c.name, a.Status, desktest.Text(a.Body))
		}
	}
	if got := h.ask("SELECT count(*) FROM visits_hit"); got != "0" {
		t.Errorf("%s rows", got)
	}
	var refused int64
	for _, c := range h.d.Counts() {
		refused += c.N
	}
	if refused != 7 {
		t.Errorf("counted: %v", h.d.Counts())
	}
}

// TestSignalsAreAnsweredAsTheStatementSays.
func TestSignalsAreAnsweredAsTheStatementSays(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.view("198.51.100.1", "/with", "Sec-GPC", "1")
	h.view("198.51.100.2", "/dnt", "DNT", "1")
	if got := h.ask("SELECT class, path, network, visitor FROM visits_hit WHERE class <> 'human'"); got != "counted 0" {
		t.Errorf("with a signal: %q", got)
	}
	if got := h.send("198.51.100.1", firefox, `{"kind":"engagement","page":"2","url":"https://example.com/a","time":5}`, "Sec-GPC", "1"); got != http.StatusNoContent {
		t.Errorf("a stay with a signal: %d", got)
	}
	if got := h.ask("SELECT path FROM visits_hit WHERE class = 'human'"); got != "/dnt" {
		t.Errorf("%q", got)
	}
	h.InForce(edited(t, `principal.signals.contains(Signal::"gpc") && resource.category != Category::"count"`, `principal.signals.contains(Signal::"gpc") || principal.signals.contains(Signal::"dnt")`,
		"version: \"2026-1\"", "version: \"2026-2\""))
	for _, signal := range []string{"Sec-GPC", "DNT"} {
		h.page += 2
		if got := h.send("198.51.100.3", firefox, fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://example.com/n"}`, h.page), signal, "1"); got != http.StatusNoContent {
			t.Errorf("%s where nothing may be kept: %d", signal, got)
		}
	}
}

// TestAtMidnightAVisitGoesOnAndIdsGo: a visit crosses the site's midnight; half
// an hour later the former day's key is destroyed, and its ids with it.
func TestAtMidnightAVisitGoesOnAndIdsGo(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.site("Europe/Dublin")
		midnight := s.end(someDay)
		h.Clock.Advance(midnight.Add(-10 * time.Minute).Sub(h.Clock.Now()))
		const addr = "198.51.100.1"
		page := h.view(addr, "/before")
		before := h.ask("SELECT visitor FROM visits_hit")
		h.Clock.Advance(20 * time.Minute)
		h.view(addr, "/after")
		if got := h.send(addr, firefox, fmt.Sprintf(`{"kind":"engagement","page":%q,"url":"https://example.com/before","time":4000}`, page)); got != http.StatusAccepted {
			t.Errorf("a stay: %d", got)
		}
		if got := h.ask("SELECT nth, path, before, entry FROM visits_hit ORDER BY nth"); got != "1 /before /before\n2 /after /before /before" {
			t.Errorf("%q", got)
		}
		if got := h.ask("SELECT count(DISTINCT visit), count(DISTINCT visitor), count(DISTINCT day) FROM visits_hit"); got != "1 2 2" {
			t.Errorf("one visit of two days' visitors: %q", got)
		}
		desktest.OK(t, h.d.Turn(t.Context()))
		if names, err := h.Kit.Keyring.Fleetings(); err != nil || len(names) != 2 {
			t.Errorf("while a visit may cross: %v %v", names, err)
		}
		h.Clock.Advance(20 * time.Minute)
		desktest.OK(t, h.d.Turn(t.Context()))
		yesterday, _ := s.local(h.Clock.Now().AddDate(0, 0, -1))
		names, err := h.Kit.Keyring.Fleetings()
		if err != nil || len(names) != 1 || strings.Contains(names[0], yesterday.String()) {
			t.Errorf("afterwards: %v %v", names, err)
		}
		if got := h.ask("SELECT path, visitor, visit, engaged, nth FROM visits_row"); got != "/before 1 1 4000 1" {
			t.Errorf("sealed: %q", got)
		}
		if got := h.ask("SELECT count(*) FROM visits_hit WHERE visitor = $1", before); got != "0" {
			t.Errorf("the id is still there")
		}
		h.Confirm()
		var notes []string
		desktest.OK(t, h.Kit.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			rows, err := tx.Query(t.Context(), `SELECT facts FROM ledger_entry`)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var f string
				if err := rows.Scan(&f); err != nil {
					return err
				}
				if strings.Contains(f, "visits.secret") {
					notes = append(notes, f)
				}
			}
			return rows.Err()
		}))
		if all := strings.Join(notes, "\n"); strings.Count(all, "visits.secret made") != 2 || strings.Count(all, "visits.secret destroyed") != 1 {
			t.Errorf("on the ledger: %s", all)
		}
	})
}

// TestARestartKeepsVisits: the key and the visits that go on outlive the process.
func TestARestartKeepsVisits(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.site("UTC")
		h.view("198.51.100.1", "/1")
		last := h.view("198.51.100.1", "/2")
		h.Clock.Advance(5 * time.Minute)
		former := h.d
		desktest.OK(t, h.rows.Close())
		h.rebuild(h.open())
		if h.d == former {
			t.Fatal("it is the same")
		}
		desktest.OK(t, h.d.resume(t.Context()))
		if got := h.send("198.51.100.1", firefox, fmt.Sprintf(`{"kind":"view","page":%q,"url":"https://example.com/2"}`, last)); got != http.StatusNoContent {
			t.Errorf("the same view again: %d", got)
		}
		h.view("198.51.100.1", "/3")
		if got := h.ask("SELECT nth, path, before, entry FROM visits_hit ORDER BY nth"); got != "1 /1 /1\n2 /2 /1 /1\n3 /3 /2 /1" {
			t.Errorf("%q", got)
		}
	})
}

// TestWhatIsKeptNoLongerIsErased: after the time that the statement says.
func TestWhatIsKeptNoLongerIsErased(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.view("198.51.100.1", "/marked-path")
	h.Clock.Advance(24 * time.Hour)
	desktest.OK(t, h.d.Turn(t.Context()))
	h.Clock.Advance(390 * 24 * time.Hour)
	desktest.OK(t, h.d.Turn(t.Context()))
	if got := h.ask("SELECT count(*) FROM visits_row"); got != "1" {
		t.Errorf("a few days before: %s", got)
	}
	h.Clock.Advance(10 * 24 * time.Hour)
	desktest.OK(t, h.d.Turn(t.Context()))
	desktest.OK(t, h.rows.Close())
	if found := holds(t, strings.TrimPrefix(h.at, "duckdb:"), "marked-path"); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// TestScriptsAreServedForEver: under an address that names their content, to
// other sites' pages, also when the program has others by now.
func TestScriptsAreServedForEver(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	s := h.site("UTC")
	full := tag.Full()
	a := h.Get("/v/m." + full.Hash + ".js")
	if a.Status != http.StatusOK || a.Body != full.Text || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") || a.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO visits_script (hash, script) VALUES ('former', 'of long ago')`)
		return err
	})
	if a := h.Get("/v/m.former.js"); a.Status != http.StatusOK || a.Body != "of long ago" {
		t.Errorf("%d %q", a.Status, a.Body)
	}
	for _, path := range []string{"/v/m.other.js", "/v/m", "/v/x." + full.Hash + ".js"} {
		if a := h.Get(path); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	embed, err := h.d.Embed(s)
	desktest.OK(t, err)
	if !strings.Contains(embed, full.Integrity) || !strings.Contains(embed, `src="`+desktest.Base+`/v/m.`+full.Hash+`.js"`) {
		t.Errorf("%s", embed)
	}
	a = h.Do("GET", "/v/m.gif", "", http.Header{"Referer": {"https://example.com/plain"}, "User-Agent": {firefox}})
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "image/gif" || h.ask("SELECT path, via FROM visits_hit") != "/plain pixel" {
		t.Errorf("%d: %s", a.Status, h.ask("SELECT path, via FROM visits_hit"))
	}
}

// TestOnlyOurProxiesNameTheClient.
func TestOnlyOurProxiesNameTheClient(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.view("8.8.8.8, 198.51.100.1", "/a")
	if got := h.ask("SELECT network FROM visits_hit"); got != "198.51.100.0/24" {
		t.Errorf("%q", got)
	}
}

// TestFloodsAreBounded: a program that makes up addresses fills neither memory
// nor reports.
func TestFloodsAreBounded(t *testing.T) {
	var n novel
	at := columnAt{1, "path", someDay}
	last := ""
	for i := range 3 * mostPaths {
		last = n.value(at, mostPaths, fmt.Sprintf("/%d", i))
	}
	if last != beyond || n.value(at, mostPaths, "/1") != "/1" || len(n.of[at]) != mostPaths {
		t.Errorf("%q, %d values", last, len(n.of[at]))
	}
	n.value(columnAt{1, "path", someDay + 5}, mostPaths, "/")
	if len(n.of) != 1 {
		t.Errorf("%d days are held", len(n.of))
	}
	var s seen
	for i := range uint64(5 * mostSeen) {
		s.add(i)
	}
	if len(s.young)+len(s.old) > 2*mostSeen {
		t.Errorf("%d are held", len(s.young)+len(s.old))
	}
}

// TestWhoIsOnTheSiteNow are people of the last minutes, and no programs.
func TestWhoIsOnTheSiteNow(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.view("198.51.100.1", "/a")
	h.view("198.51.100.2", "/b", "User-Agent", "Googlebot/2.1 (+http://www.google.com/bot.html)")
	if got := h.d.live.sittings.active(1, h.Clock.Now().Add(-time.Minute)); got != 1 {
		t.Errorf("%d people", got)
	}
	h.Clock.Advance(10 * time.Minute)
	if got := h.d.live.sittings.active(1, h.Clock.Now().Add(-5*time.Minute)); got != 0 {
		t.Errorf("%d people who are gone", got)
	}
}
