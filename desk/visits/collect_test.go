package visits

import (
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/column"
	"loot/desk/desktest"
	"loot/store"
	"loot/tag"
	"loot/web"
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
	h.Site.Actor = members[0]
	desktest.Leads(t, h.Post(sitesHref, "name", "Ended", "hosts", "example.com", "zone", "UTC", "script", "ended"), sitesHref+"/2")
	desktest.Leads(t, h.Post(sitesHref+"/2/end"), sitesHref+"/2")
	h.Site.Actor = loot.Actor{}
	for _, c := range []struct {
		name, path, body string
		want             int
		counted          string
	}{
		{"another host", "/v/m", strings.Replace(good, "example.com", "example.org", 1), http.StatusForbidden, refusedHost},
		{"a host that ends alike", "/v/m", strings.Replace(good, "example.com", "notexample.com", 1), http.StatusForbidden, refusedHost},
		{"no beacon", "/v/m", "hello", http.StatusUnprocessableEntity, refusedForm},
		{"empty", "/v/m", "", http.StatusUnprocessableEntity, refusedForm},
		{"no address", "/v/m", strings.Replace(good, "https://", "javascript:", 1), http.StatusUnprocessableEntity, refusedForm},
		{"no host", "/v/m", strings.Replace(good, "example.com", "", 1), http.StatusUnprocessableEntity, refusedForm},
		{"huge", "/v/m", good[:len(good)-1] + `,"x":"` + strings.Repeat("x", tag.MaxBeacon) + `"}`, http.StatusRequestEntityTooLarge, refusedLarge},
		{"a value beyond bounds", "/v/m", good[:len(good)-1] + `,"value":1e300}`, http.StatusUnprocessableEntity, refusedValue},
		{"no site", "/v/nothing", good, http.StatusNotFound, refusedSite},
		{"a site that has ended", "/v/ended", good, http.StatusNotFound, refusedSite},
	} {
		before := h.counted(c.counted)
		a := h.Do("POST", c.path, c.body, http.Header{"User-Agent": {firefox}, "Accept": {"*/*"}})
		if a.Status != c.want || strings.Contains(a.Body, "example.org") {
			t.Errorf("%s: %d %s", c.name, a.Status, desktest.Text(a.Body))
		}
		if kind := a.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") || len(a.Body) == 0 || len(a.Body) > 200 {
			t.Errorf("%s: answered with %d bytes of %s", c.name, len(a.Body), kind)
		}
		if got := h.counted(c.counted) - before; got != 1 {
			t.Errorf("%s: counted %d times as %q", c.name, got, c.counted)
		}
	}
	if got := h.ask("SELECT count(*) FROM visits_hit"); got != "0" {
		t.Errorf("%s rows", got)
	}
	var refused int64
	for _, c := range h.d.Counts() {
		refused += c.N
	}
	if refused != 10 {
		t.Errorf("counted: %v", h.d.Counts())
	}
	h.as("t-admin")
	page := desktest.Text(h.Get(sitesHref).Body)
	for _, why := range []string{refusedHost, refusedForm, refusedLarge, refusedValue, refusedSite} {
		if !strings.Contains(page, why) {
			t.Errorf("the page of the sites does not say %q", why)
		}
	}
}

// TestABeaconOfAnotherSitesPageIsRefused, whatever page it is about. A page whose
// origin may not be told is not another site's, nor is a program.
func TestABeaconOfAnotherSitesPageIsRefused(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	n := 0
	for origin, own := range map[string]bool{
		"https://example.com": true, "http://example.com": true, "https://example.com:8443": true, "https://shop.example.com": true, "https://EXAMPLE.com": true, "null": true,
		"https://evil.example": false, "https://example.com.evil.example": false, "https://evilexample.com": false, "http://%zz": false, "example.com": false,
		"https://example.com https://evil.example": false, "chrome-extension://abcdef": false,
	} {
		n++
		before, want := h.counted(refusedOrigin), http.StatusAccepted
		if !own {
			want = http.StatusForbidden
		}
		body := fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://example.com/a"}`, n)
		if got := h.send("198.51.100.1", firefox, body, "Origin", origin); got != want || h.counted(refusedOrigin)-before != int64(want/http.StatusForbidden) {
			t.Errorf("%s: %d, counted %d times", origin, got, h.counted(refusedOrigin)-before)
		}
	}
	if a := h.Do("POST", "/v/m", `{"kind":"view","page":"99","url":"https://example.com/a"}`, http.Header{"User-Agent": {firefox}}); a.Status != http.StatusAccepted {
		t.Errorf("without an origin: %d", a.Status)
	}
	rows := h.ask("SELECT count(*) FROM visits_hit")
	a := h.Do("GET", "/v/m.gif", "", http.Header{"Referer": {"https://example.com/plain"}, "Origin": {"https://evil.example"}, "User-Agent": {firefox}})
	if a.Status != http.StatusOK || h.ask("SELECT count(*) FROM visits_hit") != rows {
		t.Errorf("a pixel on another site's page: %d, %s rows", a.Status, h.ask("SELECT count(*) FROM visits_hit"))
	}
}

// TestWhatOneAddressMaySendIsBounded: what comes beyond is counted.
func TestWhatOneAddressMaySendIsBounded(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.d.column = nowhere{h.rows}
	shell := web.New(web.Options{Now: h.Clock.Now, BaseURL: desktest.Base})
	mux := http.NewServeMux()
	shell.Mount(mux, h.d.Desk().Routes)
	front := shell.Handler(mux)
	for n := range collectLimit.Burst + 3 {
		r := httptest.NewRequest(http.MethodPost, "/v/m", strings.NewReader(fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://example.com/a"}`, n+1)))
		r.Header.Set("User-Agent", firefox)
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", n%250)) // nobody's proxy
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		switch {
		case n < collectLimit.Burst && w.Code != http.StatusAccepted:
			t.Fatalf("beacon %d: %d", n, w.Code)
		case n >= collectLimit.Burst && (w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || w.Body.Len() > 200):
			t.Errorf("beacon %d: %d %v, %d bytes", n, w.Code, w.Header(), w.Body.Len())
		}
	}
	if often, named := h.counted(refusedOften), h.counted(unheeded); often != 3 || named != int64(collectLimit.Burst) {
		t.Errorf("%d were too many, %d named an address that is not believed", often, named)
	}
}

// TestWhatEventsAreWorthStaysANumber, whatever is sent, and so do the counts of
// other programs.
func TestWhatEventsAreWorthStaysANumber(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	page := h.view("198.51.100.1", "/a")
	event := func(value string, n int) int {
		return h.send("198.51.100.1", firefox, fmt.Sprintf(`{"kind":"event","page":%q,"url":"https://example.com/a","name":"Order","value":%s,"count":%d}`, page, value, n))
	}
	for i, value := range []string{"1e308", "1e308", "1e300", "1000000000.5", "-0.01", "-1e308"} {
		if got := event(value, i+1); got != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", value, got)
		}
	}
	for i := range 9 {
		if got := event("1000000000", 100+i); got != http.StatusAccepted {
			t.Errorf("the greatest: %d", got)
		}
	}
	item := func(value string) string {
		return `{"kind":"event","address":"198.51.100.1","user_agent":"` + firefox + `","url":"https://example.com/a","name":"Order","value":` + value + `}`
	}
	status, _, answer := h.call("POST", "/m", "application/json", `{"visits":[`+item("1e308")+`,`+item("12.5")+`,`+item("-1")+`]}`)
	if want := `{"recorded":1,"refused":[{"index":0,"reason":"value: not between 0 and 1000000000"},{"index":2,"reason":"value: not between 0 and 1000000000"}]}`; status != http.StatusAccepted || strings.TrimSpace(answer) != want {
		t.Errorf("%d %s", status, answer)
	}
	if got := h.counted(refusedValue); got != 8 {
		t.Errorf("counted %d times", got)
	}
	total := addUp(t.Context(), t, h.rows, sums(eachRow(openRows), dimensions, countVisitors))["total "]
	if total.Amount != 9*tag.MaxValue+12.5 {
		t.Errorf("worth %v", total.Amount)
	}

	_, _, answer = h.call("POST", "/m/imports", "application/json", "")
	var begun ImportBegun
	desktest.OK(t, json.Unmarshal([]byte(answer), &begun))
	for _, count := range []string{`"Visitors":-1`, `"Views":9223372036854775807`, `"Duration":-1000000000`, `"Bounces":2000000000`} {
		batches := h.counted(refusedBatch)
		status, _, answer := h.call("POST", "/m/imports/"+begun.ID+"/records", "application/json",
			`{"after":"","mark":"f:1","first":0,"counts":[{"First":"2026-11-22T00:00:00Z","Last":"2026-11-22T00:00:00Z","Dimension":"total","Value":"","Detail":"","Campaign":{"Source":"","Medium":"","Name":"","Term":"","Content":""},`+exported(count)+`}]}`)
		if status != http.StatusUnprocessableEntity || !strings.Contains(answer, "not between 0 and 1000000000") || h.counted(refusedBatch)-batches != 1 {
			t.Errorf("%s: %d %s", count, status, answer)
		}
	}
}

// exported are the numbers of a count of another program, one of which is given.
func exported(number string) string {
	out := []string{number, `"Has":0`}
	for _, name := range []string{"Visitors", "Visits", "Views", "Events", "Bounces", "Duration"} {
		if !strings.Contains(number, `"`+name+`"`) {
			out = append(out, `"`+name+`":0`)
		}
	}
	return strings.Join(out, ",")
}

// TestWhatServersSendIsRefusedByItsReason: by item, and whole batches too.
func TestWhatServersSendIsRefusedByItsReason(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	item := func(more string) string {
		return `{"kind":"view","address":"198.51.100.1","user_agent":"x","url":"https://example.com/a"` + more + `}`
	}
	for _, c := range []struct{ name, path, body, counted string }{
		{"of tomorrow", "/m", `{"visits":[` + item(`,"time":"2026-11-24T12:00:00Z"`) + `]}`, refusedFuture},
		{"of long ago", "/m", `{"visits":[` + item(`,"time":"2026-10-24T12:00:00Z"`) + `]}`, refusedLate},
		{"of no time", "/m", `{"visits":[` + item(`,"time":"noon"`) + `]}`, refusedForm},
		{"of another host", "/m", `{"visits":[` + strings.Replace(item(""), "example.com", "evil.example", 1) + `]}`, refusedHost},
		{"an item of the wrong type", "/m", `{"visits":[` + item(`,"scroll":"far"`) + `]}`, refusedBatch},
		{"no items", "/m", `{"visits":[]}`, refusedBatch},
		{"no site", "/nothing", `{"visits":[` + item("") + `]}`, refusedBatch},
		{"lines of no import", "/m/imports/i1/lines?mark=f:1", "v\t1", refusedBatch},
	} {
		before := h.counted(c.counted)
		kind := "application/json"
		if !strings.HasPrefix(c.body, "{") {
			kind = "text/tab-separated-values"
		}
		status, _, answer := h.call("POST", c.path, kind, c.body)
		if got := h.counted(c.counted) - before; got != 1 {
			t.Errorf("%s: counted %d times as %q: %d %s", c.name, got, c.counted, status, answer)
		}
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
		if all := h.noted("visits.secret"); strings.Count(all, "made") != 2 || strings.Count(all, "destroyed") != 1 {
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
	for hash, want := range map[string]string{full.Hash: full.Text, tag.Core().Hash: tag.Core().Text, "former": "of long ago"} {
		a := h.Do("GET", "/v/m."+hash+".js", "", http.Header{"Accept-Encoding": {"gzip, br"}})
		text := a.Body
		if a.Header.Get("Content-Encoding") == "gzip" {
			unpacked, err := gzip.NewReader(strings.NewReader(a.Body))
			desktest.OK(t, err)
			b, err := io.ReadAll(unpacked)
			desktest.OK(t, err)
			text = string(b)
		} else if hash != "former" { // which is too short to be packed
			t.Errorf("%s: %v", hash, a.Header)
		}
		if text != want || a.Header.Get("Vary") != "Accept-Encoding" || hash == full.Hash && len(a.Body) > 1000 || hash == tag.Core().Hash && len(a.Body) > 700 {
			t.Errorf("%s: %d bytes, of %d: %v", hash, len(a.Body), len(want), a.Header)
		}
		sum := sha512.Sum384([]byte(text))
		if hash == full.Hash && full.Integrity != "sha384-"+base64.StdEncoding.EncodeToString(sum[:]) {
			t.Errorf("a browser would refuse it")
		}
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
	sits := newSittings()
	for i := range 2 * mostSittings {
		sits.view(seat{1, visitor(i + 1)}, seat{}, look{at: someDay.Time()})
	}
	if sits.all.Len() != mostSittings {
		t.Errorf("%d visits are held", sits.all.Len())
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

// TestWhereNothingIsKeptNothingIsFoundOut: the signals come first. Where the
// statement keeps nothing or only counts, the address is looked up nowhere, the
// browser's words are not read, and no key of the day is made; how long a page
// was read needs no look-up either.
func TestWhereNothingIsKeptNothingIsFoundOut(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	networks, agents := h.d.networks, h.d.agents
	view := func(signal string) int {
		h.page += 2
		return h.send("198.51.100.1", firefox, fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://example.com/a"}`, h.page), signal, "1")
	}
	alone := func(signal string, want int) {
		t.Helper()
		h.d.networks, h.d.agents = nil, nil // to ask them is to fail
		if got := view(signal); got != want {
			t.Errorf("%s: %d", signal, got)
		}
		h.d.networks, h.d.agents = networks, agents
		if names, err := h.Kit.Keyring.Fleetings(); err != nil || len(names) > 0 {
			t.Errorf("%s: keys %v, %v", signal, names, err)
		}
	}
	alone("Sec-Gpc", http.StatusAccepted) // counted
	h.InForce(edited(t, `principal.signals.contains(Signal::"gpc") && resource.category != Category::"count"`, `principal.signals.contains(Signal::"dnt")`, "version: \"2026-1\"", "version: \"2026-2\""))
	alone("Dnt", http.StatusNoContent)
	if got := h.counted(refusedSignal); got != 1 {
		t.Errorf("counted %d times", got)
	}
	if got := view("X-Nothing"); got != http.StatusAccepted {
		t.Errorf("without a signal: %d", got)
	}
	h.d.networks = nil
	if got := h.send("198.51.100.1", firefox, fmt.Sprintf(`{"kind":"engagement","page":"%d","url":"https://example.com/a","time":5}`, h.page)); got != http.StatusAccepted {
		t.Errorf("a stay: %d", got)
	}
}

// TestTheRegionDecidesWhereItMatters: the look-up comes first where the statement
// heeds a signal in one region alone.
func TestTheRegionDecidesWhereItMatters(t *testing.T) {
	h := newHouse(t, edited(t, `principal.signals.contains(Signal::"gpc") && resource.category != Category::"count"`,
		`principal.signals.contains(Signal::"gpc") && principal.region == Region::"eu"`))
	h.site("UTC")
	desktest.OK(t, h.d.asIfKnown(func() error { // triedFrom is in Ireland
		for addr, want := range map[string]int{triedFrom: http.StatusNoContent, "192.0.2.9": http.StatusAccepted} {
			h.page += 2
			if got := h.send(addr, firefox, fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://example.com/a"}`, h.page), "Sec-Gpc", "1"); got != want {
				t.Errorf("from %s: %d", addr, got)
			}
		}
		return nil
	}))
}

// TestTheAddressIsGoneOnceTheVisitorHasAnId.
func TestTheAddressIsGoneOnceTheVisitorHasAnId(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	s := h.site("UTC")
	for _, kind := range []happens{aView, aStay, anEvent} {
		header := http.Header{"User-Agent": {firefox}}
		c := &client{addr: netip.MustParseAddr("198.51.100.7"), agent: firefox, header: header.Get}
		c.hints.Brands = `"Firefox";v="133"`
		r, err := h.d.record(t.Context(), h.d.live, s, c, &happening{kind: kind, at: h.Clock.Now(), page: int64(kind) + 1, url: urlOf("example.com", "/a"), name: "Order"})
		desktest.OK(t, err)
		if c.addr.IsValid() || c.agent != "" || c.hints.Brands != "" || c.header != nil {
			t.Errorf("after a happening of kind %d: %+v", kind, c)
		}
		if r.hit != nil && (r.hit.network != "198.51.100.0/24" || r.hit.who == 0) {
			t.Errorf("kept %+v", r.hit)
		}
	}
}

// taking takes rows, and keeps the values of their columns alone.
type taking struct {
	column.Store
	rows   int
	values map[string]map[any]bool
}

func (s *taking) Append(_ context.Context, _ column.Day, b column.Batch) error {
	all := slices.Concat(hitsOnly, hitColumns)
	for _, row := range b[tableHit] {
		s.rows++
		for i, c := range all[len(hitsOnly):] {
			s.values[c.name][row[len(hitsOnly)+i]] = true
		}
	}
	return nil
}

// TestAFloodIsBounded: a program that makes up addresses of pages, referrers,
// campaigns and browsers, by the front door and from many addresses, fills neither
// memory nor reports.
func TestAFloodIsBounded(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	store := &taking{Store: h.rows, values: map[string]map[any]bool{}}
	for _, c := range hitColumns {
		store.values[c.name] = map[any]bool{}
	}
	h.d.column = store
	shell := web.New(web.Options{Now: h.Clock.Now, BaseURL: desktest.Base, NoLimits: true, Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	mux := http.NewServeMux()
	shell.Mount(mux, h.d.Desk().Routes)
	front := shell.Handler(mux)
	send := func(n int) {
		body := fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://host-%d.example.com/made/up-%d?utm_source=s%d&utm_campaign=c%d&utm_term=t%d","referrer":"https://r%d.example/","width":3}`, n+1, n, n, n, n, n, n)
		r := httptest.NewRequest(http.MethodPost, "/v/m", strings.NewReader(body))
		r.Header = http.Header{
			"User-Agent": {fmt.Sprintf("Mozilla/5.0 (X%d; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.%d Made/%d", n, n%9999, n%9999, n, n)},
			"Accept":     {"*/*"}, "Accept-Language": {"en"}, "X-Forwarded-For": {fmt.Sprintf("198.51.%d.%d", n%7, n%250)},
		}
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		if w.Code != http.StatusAccepted {
			t.Fatalf("beacon %d: %d %s", n, w.Code, w.Body)
		}
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const warm, flood, bound = 1_000, 100_000, 32 << 20
	for n := range warm {
		send(n)
	}
	before := heap()
	for n := range flood {
		send(warm + n)
	}
	grown := int64(heap()) - int64(before)
	t.Logf("after %d beacons the heap has %.1f MB more", flood, float64(grown)/(1<<20))
	if grown > bound {
		t.Errorf("the heap has grown by %d bytes, more than %d", grown, bound)
	}
	if store.rows != warm+flood {
		t.Errorf("%d views are stored", store.rows)
	}
	for name, values := range store.values {
		most := mostWords + 2 // none, and the one that stands for the rest
		if name == "path" || name == "entry" || name == "before" {
			most = mostPaths + 2
		}
		if len(values) > most {
			t.Errorf("%s has %d values, more than %d", name, len(values), most)
		}
	}
	if n := len(store.values["path"]); n != mostPaths+1 || !store.values["path"][beyond] {
		t.Errorf("%d paths", n)
	}
	if n := len(h.d.novel.of); n > 12 {
		t.Errorf("%d columns are watched", n)
	}
	if got := h.counted(foldedValue); got < warm+flood-mostPaths {
		t.Errorf("%d values are counted as folded", got)
	}
	if held := len(h.d.live.seen.young) + len(h.d.live.seen.old); held > 2*mostSeen || h.d.live.sittings.all.Len() > 7*250 {
		t.Errorf("%d happenings and %d visits are held", held, h.d.live.sittings.all.Len())
	}
}

// TestReferrerSpamStandsApart: of a list that comes with the program, or the
// operator's. It is kept, and counts among nobody's visits.
func TestReferrerSpamStandsApart(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.d.sites.spam = []string{"buy-traffic.example"}
	h.site("UTC")
	view := func(addr, referrer string) {
		t.Helper()
		h.page += 2
		if got := h.send(addr, firefox, fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://example.com/a?utm_source=offer","referrer":%q}`, h.page, referrer)); got != http.StatusAccepted {
			t.Errorf("from %s: %d", referrer, got)
		}
	}
	view("198.51.100.1", "https://www.buy-traffic.example/offer")
	view("198.51.100.2", "https://fine.example/")
	if got := h.ask("SELECT class, channel, source FROM visits_hit ORDER BY class DESC"); got != "spam spam buy-traffic.example\nhuman campaign offer" {
		t.Errorf("%q", got)
	}
	told := addUp(t.Context(), t, h.rows, sums(eachRow(openRows), dimensions, countVisitors))
	if told["total "].Views != 1 || told["class spam"].Views != 1 || told["bot spam"].Views != 1 || told["channel spam"] != (Sum{}) {
		t.Errorf("%+v", told)
	}
	if got := h.d.live.sittings.active(1, h.Clock.Now().Add(-time.Minute)); got != 1 {
		t.Errorf("%d people on the site", got)
	}
}

// TestOfAClickIdAFlagIsLeft: that there was one is kept, and for what network of
// advertisements; the id, which would name the person, is in no file.
func TestOfAClickIdAFlagIsLeft(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.view("198.51.100.1", "/paid?gclid=Cj0KCQiAmarked1")
	h.view("198.51.100.2", "/social?fbclid=IwAR0marked2")
	h.view("198.51.100.3", "/plain")
	if got := h.ask("SELECT path, clicked, channel, source FROM visits_hit ORDER BY path"); got != "/paid true paid Google\n/plain false direct\n/social true social Facebook" {
		t.Errorf("%q", got)
	}
	desktest.OK(t, h.rows.Close())
	if found := holds(t, strings.TrimPrefix(h.at, "duckdb:"), "marked1", "marked2", "gclid"); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// TestClickIdsAreToldOfAndFiltered: how many came by a link that had one, by
// reports of days that were closed since there is a panel of it. A day that was
// closed before has none, and is told as it was.
func TestClickIdsAreToldOfAndFiltered(t *testing.T) {
	now := dimensions
	t.Cleanup(func() { dimensions = now })
	dimensions = slices.DeleteFunc(slices.Clone(now), func(d dimension) bool { return d.Name == "click" })
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	come := func() {
		for who := range 11 {
			query := ""
			if who < 6 {
				query = fmt.Sprintf("?gclid=Cj0KCQiA%d", who)
			}
			h.view(fmt.Sprintf("198.51.100.%d", who+1), "/a"+query)
		}
		h.Clock.Advance(24 * time.Hour)
		desktest.OK(t, h.d.Turn(t.Context()))
	}
	come()
	h.as("t-support")
	before := h.Get(yesterday + "&panel=channel&compare=none")
	dimensions = now
	desktest.OK(t, h.rows.Close())
	h.rebuild(h.open())
	h.as("t-support")
	desktest.Shows(t, before, http.StatusOK, "Visitors 11 ", "Advertisements 6 6 Direct 5 5")
	desktest.Shows(t, h.Get(yesterday+"&panel=channel&compare=none"), http.StatusOK, "Visitors 11 ", "Advertisements 6 6 Direct 5 5")
	desktest.Shows(t, h.Get(yesterday+"&panel=click&compare=none"), http.StatusOK, "Contents Click ids Nothing of this in these days.")
	desktest.Shows(t, h.Get(yesterday+"&compare=none&filter=click:is:yes"), http.StatusOK, "Click id is In the link", "Views 0 ")
	come()
	h.as("t-support")
	desktest.Shows(t, h.Get(yesterday+"&panel=click&compare=none"), http.StatusOK, "Click id Visitors Views In the link 6 6 None 5 5")
	desktest.Shows(t, h.Get(yesterday+"&compare=none&filter=click:is:yes"), http.StatusOK, "Click id is In the link", "Visitors 6 ")
	desktest.Shows(t, h.Get(panelsHref+"/click?site=1&period=yesterday"), http.StatusOK, "Links with a click id", "In the link 6 6 None 5 5")
	desktest.Leads(t, h.Get(yesterday+"&compare=none&by=click&how=is&what=none"), reportHref+"?compare=none&filter=click%3Ais%3Ano&period=yesterday&site=1")
}

// TestVisitorsSeeAllThatIsStored: each value of the row that their request made,
// and nothing of it where nothing is kept.
func TestVisitorsSeeAllThatIsStored(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.as("t-admin")
	desktest.Leads(t, h.Post(sitesHref, "name", "Own", "hosts", "127.0.0.1", "zone", "UTC", "script", "own"), sitesHref+"/2")
	h.Site.Actor = loot.Actor{}
	ask := func(more ...string) string {
		t.Helper()
		head := http.Header{"X-Forwarded-For": {"198.51.100.1"}, "User-Agent": {firefox}, "Accept": {"text/html"}, "Accept-Language": {"de-AT"}, "Referer": {"https://news.example/a"}}
		for i := 0; i+1 < len(more); i += 2 {
			head.Set(more[i], more[i+1])
		}
		a := h.Do("GET", "/visits/mine", "", head)
		if a.Status != http.StatusOK {
			t.Fatalf("%d", a.Status)
		}
		return desktest.Text(html.UnescapeString(a.Body))
	}
	page := ask()
	columns := []string{"host", "network", "language", "version", "system", "path", "source", "visitor", "visit", "page"}
	values := strings.Fields(h.ask("SELECT " + strings.Join(columns, ", ") + " FROM visits_hit"))
	for i, v := range append(values, "Linux", "a person", "Other sites", "09:00:00", "page 1 of the visit", "German") {
		if !strings.Contains(page, v) {
			t.Errorf("%d: %s is stored, and is not on the page: %s", i, v, page)
		}
	}
	if page := ask("User-Agent", "Googlebot/2.1 (+http://www.google.com/bot.html)"); !strings.Contains(page, "a program, as it says itself, Googlebot") {
		t.Errorf("a program is shown %s", page)
	}
	if page := ask("Sec-Gpc", "1"); !strings.Contains(page, "Counted only") || strings.Contains(page, "198.51.100") || strings.Contains(page, "visitor") && strings.Contains(page, "Your number, your visit's") && strings.Contains(page, "page 1 of the visit") {
		t.Errorf("with a signal: %s", page)
	}
}

// TestNoColumnIsHiddenFromVisitors: whatever is stored of a hit has words.
func TestNoColumnIsHiddenFromVisitors(t *testing.T) {
	s, all := desktest.Standard(t), ^set(0)
	for _, c := range slices.Concat(hitsOnly, hitColumns) {
		empty, _ := stored{}.facts(s, all)
		facts, _ := stored{c.name: "3"}.facts(s, all)
		if slices.Equal(facts, empty) {
			t.Errorf("%s has none", c.name)
		}
	}
	for _, names := range columnsOf {
		for _, name := range names {
			if known := name == "engaged" || name == "scroll" || slices.ContainsFunc(hitColumns, func(c columnOf[hit]) bool { return c.name == name }); !known {
				t.Errorf("there is no column %s", name)
			}
		}
	}
}
