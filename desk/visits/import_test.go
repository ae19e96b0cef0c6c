package visits

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/column"
	"loot/desk/desktest"
	"loot/desk/visits/export"
)

// post has a program send something to the site, and returns the status and what
// was answered.
func (h *house) post(path, kind, body string, answer any) (int, string) {
	h.t.Helper()
	status, _, said := h.call(http.MethodPost, "/m"+path, kind, body)
	if answer != nil && status < 300 {
		desktest.OK(h.t, json.Unmarshal([]byte(said), answer))
	}
	return status, said
}

func (h *house) begin() (begun ImportBegun) {
	h.t.Helper()
	if status, said := h.post("/imports", "application/json", "", &begun); status != http.StatusOK {
		h.t.Fatalf("begin: %d %s", status, said)
	}
	return begun
}

// lines sends lines of a log; a mark is the number of lines so far.
func (h *house) lines(id string, after, mark int, text string) (status int, taken ImportTaken) {
	h.t.Helper()
	q := url.Values{"after": {markOf(after)}, "mark": {markOf(mark)}}
	status, said := h.post("/imports/"+id+"/lines?"+q.Encode(), "text/tab-separated-values", text, &taken)
	if status != http.StatusOK {
		h.t.Logf("lines: %d %s", status, said)
	}
	return status, taken
}

func markOf(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%032x:%d", 7, n)
}

// line is a page's; the offset tells it from others.
func line(offset int, at time.Time, who int, path string) string {
	return fmt.Sprintf("v\t%d\t%d\t198.51.100.%d\twww.example.com\t%s\t\t%s\ten\t\n", offset, at.Unix(), who, path, firefox)
}

// BenchmarkImport imports views of many visitors; an operation is a line.
func BenchmarkImport(b *testing.B) {
	h := newHouse(b, desktest.Standard(b))
	h.site("Europe/Dublin")
	begun := h.begin()
	mark := 0
	for b.Loop() {
		var text strings.Builder
		for i := range 12_000 {
			n := mark + i
			fmt.Fprintf(&text, "v\t%d\t%d\t198.51.%d.%d\twww.example.com\t/articles/%d\thttps://www.google.com/\t%s\ten\t\n", n, desktest.Start.Add(-24*time.Hour+time.Duration(n)*10*time.Millisecond).Unix(), n*7%251, n*13%241, n*17%2000, firefox)
		}
		if status, taken := h.lines(begun.ID, mark, mark+12_000, text.String()); status != http.StatusOK || taken.Recorded != 12_000 {
			b.Fatal(status, taken)
		}
		mark += 12_000
	}
	b.ReportMetric(float64(mark)/b.Elapsed().Seconds(), "lines/s")
}

// counts returns what all sites' days come to, by dimension and value, of days
// that are open or sealed.
func (h *house) counts() map[string]Sum {
	h.t.Helper()
	out := map[string]Sum{}
	today := column.DayOf(h.Kit.Now())
	rows, err := h.rows.Query(h.Context(), today-300, today+1, "SELECT dimension, value, "+addSums+" FROM (SELECT * FROM ("+sums(eachRow(openRows), dimensions, countVisitors)+
		") AS open UNION ALL SELECT day, site, dimension, value, "+counts("visitors", "visits", "views", "bounces", "engaged", "scrolled", "amount")+" FROM visits_sum) AS added GROUP BY dimension, value")
	desktest.OK(h.t, err)
	defer rows.Close()
	for rows.Next() {
		var name, value string
		var x Sum
		desktest.OK(h.t, rows.Scan(&name, &value, &x.Visitors, &x.Visits, &x.Views, &x.Bounces, &x.Engaged, &x.Scrolled, &x.Amount))
		if x != (Sum{}) {
			out[name+" "+value] = x
		}
	}
	desktest.OK(h.t, rows.Err())
	return out
}

func (h *house) openDays() []column.Day {
	h.t.Helper()
	days, err := h.rows.Open(h.Context())
	desktest.OK(h.t, err)
	return days
}

// TestProgramsRecordVisits: a server records as the script of a page does; what
// is wrong with an item refuses that one, and says so without what was sent.
func TestProgramsRecordVisits(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.site("Europe/Dublin")
		item := func(more string) string {
			return `{"kind":"view","address":"198.51.100.77","user_agent":"` + firefox + `","url":"https://www.example.com/a?q=1"` + more + `}`
		}
		now := h.Kit.Now()
		body := `{"visits":[` + strings.Join([]string{
			item(`,"page":"one"`), // 0
			item(`,"page":"two","time":"` + now.Add(-2*time.Minute).Format(time.RFC3339) + `"`), // 1
			strings.Replace(item(`,"page":"one","engaged_ms":12000,"scroll":80`), "view", "engagement", 1),
			strings.Replace(item(`,"page":"one","name":"Order","value":9.5`), "view", "event", 1),
			strings.Replace(item(``), "198.51.100.77", "nowhere", 1),              // 4
			strings.Replace(item(``), "www.example.com", "other.example", 1),      // 5
			item(`,"time":"` + now.Add(time.Hour).Format(time.RFC3339) + `"`),     // 6
			item(`,"time":"` + now.Add(-48*time.Hour).Format(time.RFC3339) + `"`), // 7
			item(`,"time":"yesterday"`),                                           // 8
			strings.Replace(item(``), "view", "look", 1),                          // 9
			strings.Replace(item(``), "https:", "gopher:", 1),                     // 10
			strings.Replace(item(``), `"view"`, `"engagement"`, 1),                // 11
			item(`,"page":"one"`),                                                 // 12
			strings.Replace(item(``), "/a?q=1", "/"+strings.Repeat("x", 2000), 1), // 13
			item(`,"page":"` + strings.Repeat("x", 200) + `"`),                    // 14
		}, ",") + `]}`
		var out struct {
			Recorded int
			Refused  []refusal
		}
		if status, said := h.post("", "application/json", body, &out); status != http.StatusAccepted {
			t.Fatal(status, said)
		} else if strings.Contains(said, "198.51") || strings.Contains(said, "other.example") || strings.Contains(said, "nowhere") {
			t.Errorf("the answer repeats what was sent: %s", said)
		}
		var at []int
		for _, r := range out.Refused {
			at = append(at, r.Index)
		}
		if out.Recorded != 4 || fmt.Sprint(at) != "[4 5 6 7 8 9 10 11 12 13 14]" {
			t.Errorf("%d recorded, refused %v", out.Recorded, out.Refused)
		}
		got := h.counts()
		if total := got["total "]; total.Views != 2 || total.Visitors != 1 || total.Visits != 1 || total.Engaged != 12000 || total.Scrolled != 80 {
			t.Errorf("%+v", total)
		}
		if got["event Order"].Amount != 9.5 || got["network 198.51.100.0/24"].Views != 2 || got["path /a"].Views != 2 {
			t.Errorf("%+v", got)
		}
		// A restart does not forget what came just now.
		h.rebuild(h.rows)
		desktest.OK(t, h.d.resume(t.Context()))
		if h.post("", "application/json", `{"visits":[`+item(`,"page":"one"`)+`]}`, &out); out.Recorded != 0 || len(out.Refused) != 1 {
			t.Errorf("came again: %+v", out)
		}
	})
}

func TestBodiesOfProgramsAreBounded(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("Europe/Dublin")
	many := strings.TrimSuffix(strings.Repeat(`{"kind":"view","address":"198.51.100.77","user_agent":"x","url":"https://www.example.com/"},`, 1001), ",")
	for body, want := range map[string]int{
		``: http.StatusBadRequest, `{}`: http.StatusUnprocessableEntity, `{"visits":[]}`: http.StatusUnprocessableEntity, `[]`: http.StatusUnprocessableEntity,
		`{"visits":[{"kind":7,"address":"198.51.100.77","user_agent":"x","url":"y"}]}`: http.StatusUnprocessableEntity,
		`{"visits":[` + many + `]}`:                         http.StatusUnprocessableEntity,
		`{"visits":["` + strings.Repeat("x", 5<<20) + `"]}`: http.StatusRequestEntityTooLarge,
	} {
		if status, said := h.post("", "application/json", body, nil); status != want || strings.Contains(said, "198.51") {
			t.Errorf("%.60s: %d, want %d: %.200s", body, status, want, said)
		}
	}
	id := h.begin().ID
	good := line(0, desktest.Start, 1, "/")
	for text, want := range map[string]int{
		"nonsense\n": http.StatusUnprocessableEntity, good[:len(good)-1]: http.StatusUnprocessableEntity, strings.Replace(good, "v\t", "x\t", 1): http.StatusUnprocessableEntity,
		strings.Replace(good, "198.51.100.1", "here", 1): http.StatusUnprocessableEntity, strings.Replace(good, "\t0\t", "\t-1\t", 1): http.StatusUnprocessableEntity,
		strings.Replace(good, "\ten\t", "\ten\t\t", 1): http.StatusUnprocessableEntity,
		strings.Repeat(good, mostLines+1):              http.StatusRequestEntityTooLarge,
		strings.Repeat("x", 17<<20):                    http.StatusRequestEntityTooLarge,
	} {
		if status, _ := h.lines(id, 0, 1, text); status != want {
			t.Errorf("%.40q: %d, want %d", text, status, want)
		}
	}
	for _, mark := range []string{"", "nonsense", "aa:", "aa:1x"} {
		if status, said := h.post("/imports/"+id+"/lines?mark="+mark, "text/tab-separated-values", good, nil); status != http.StatusUnprocessableEntity {
			t.Errorf("mark %q: %d %s", mark, status, said)
		}
	}
	if status, _ := h.lines("nobody", 0, 1, good); status != http.StatusNotFound {
		t.Errorf("an import that is none: %d", status)
	}
	if len(h.counts()) != 0 {
		t.Errorf("something was recorded: %v", h.counts())
	}
	h.caller.Roles = []loot.Role{"support"}
	for _, path := range []string{"", "/imports", "/imports/" + id + "/lines?mark=a:1", "/imports/" + id + "/records", "/imports/" + id + "/end"} {
		body, kind := `{"visits":[{"kind":"view","address":"198.51.100.77","user_agent":"x","url":"https://www.example.com/"}]}`, "application/json"
		if strings.HasSuffix(path, "records") {
			body = `{"after":"","mark":"a:1","first":0}`
		}
		if strings.Contains(path, "lines") {
			kind = "text/tab-separated-values"
		}
		if status, said := h.post(path, kind, body, nil); status != http.StatusForbidden {
			t.Errorf("%s by who keeps no sites: %d %s", path, status, said)
		}
	}
}

// TestLinesAreOverwritten: the buffer that lines came in holds no address and no
// user agent once they are read, or could not be.
func TestLinesAreOverwritten(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	s := h.site("Europe/Dublin")
	for _, text := range []string{line(0, desktest.Start, 1, "/"), line(0, desktest.Start, 1, "/")[1:]} {
		body := []byte(text)
		_, err := h.d.readLines(s, body)
		if wrong := text[0] != 'v'; (err != nil) != wrong {
			t.Errorf("%v", err)
		}
		if strings.Trim(string(body), "\x00") != "" {
			t.Errorf("left is %q", body)
		}
	}
}

// someLog is a log of two days, with a visit across the midnight between them,
// a page that is not there and a download.
func someLog(midnight time.Time) (lines []string) {
	add := func(kind string, at time.Time, who int, path string) {
		lines = append(lines, kind+line(100*len(lines), at, who, path)[1:])
	}
	day := midnight.Add(-24 * time.Hour)
	for who := 1; who <= 8; who++ {
		at := day.Add(time.Duration(who) * time.Hour)
		add("v", at, who, "/")
		add("v", at.Add(40*time.Second), who, fmt.Sprintf("/%d", who%3))
		add("d", at.Add(50*time.Second), who, "/files/a.pdf")
		add("v", at.Add(29*time.Minute), who, "/late")
		add("v", at.Add(90*time.Minute), who, "/another-visit")
		add("m", at.Add(91*time.Minute), who, "/gone")
	}
	add("v", midnight.Add(-10*time.Second), 9, "/before")
	add("v", midnight.Add(20*time.Second), 9, "/after")
	add("v", midnight.Add(2*time.Hour), 1, "/")
	return lines
}

// TestAnImportIsStoredOnce: a log is imported in batches, again, and past the
// end of its days, and each line counts once; its past days stay open until it
// ended, and are sealed then.
func TestAnImportIsStoredOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		midnight := h.site("Europe/Dublin").end(column.DayOf(h.Kit.Now()) - 3)
		all := someLog(midnight)
		begun := h.begin()
		half := len(all) / 2
		for _, part := range [][2]int{{0, half}, {half, len(all)}} {
			text := strings.Join(all[part[0]:part[1]], "")
			if status, taken := h.lines(begun.ID, part[0], part[1], text); status != http.StatusOK || taken.Recorded != part[1]-part[0] || !taken.Holds {
				t.Fatalf("%d %+v", status, taken)
			}
			// The answer may be lost.
			if status, taken := h.lines(begun.ID, part[0], part[1], text); status != http.StatusOK || taken.Recorded != 0 || len(taken.Refused) != 0 {
				t.Errorf("sent again: %d %+v", status, taken)
			}
			desktest.OK(t, h.d.Turn(t.Context()))
		}
		if n := len(h.openDays()); n != 2 {
			t.Errorf("%d days are open while the import runs", n)
		}
		want := Sum{
			Visitors: 8 + 1 + 1 + 1, Visits: 16 + 1 + 1, Views: 8*4 + 3, Bounces: 8 + 1,
			Engaged: (8*(40+28*60+20) + 30) * 1000,
		}
		before := h.counts()
		if before["total "] != want {
			t.Errorf("got  %+v\nwant %+v", before["total "], want)
		}
		if before["missing /gone"].Views != 8 || before["download /files/a.pdf"].Views != 8 || before["entry /"].Visits != 9 {
			t.Errorf("%+v", before)
		}
		if again := h.begin(); again.ID != begun.ID || len(again.Marks) != 1 || again.Marks[0] != markOf(len(all)) {
			t.Errorf("goes on with %+v", again)
		}
		if status, said := h.post("/imports/"+begun.ID+"/end", "application/json", "", nil); status != http.StatusOK {
			t.Fatal(status, said)
		}
		if names, err := h.Kit.Keyring.Fleetings(); err != nil || len(names) != 0 {
			t.Errorf("secrets are left: %v, %v", names, err)
		}
		desktest.OK(t, h.d.Turn(t.Context()))
		if n := len(h.openDays()); n != 0 {
			t.Errorf("%d days are open after the import", n)
		}
		if after := h.counts(); after["total "] != want || after["path /late"] != before["path /late"] {
			t.Errorf("sealed: %+v", after["total "])
		}
		// Another log of the same days opens them again, and adds to them.
		next := h.begin()
		if next.ID == begun.ID {
			t.Error("an import that ended goes on")
		}
		if status, taken := h.lines(next.ID, len(all), len(all)+1, line(9999, midnight.Add(-5*time.Hour), 20, "/more")); status != http.StatusOK || taken.Recorded != 1 {
			t.Errorf("%d %+v", status, taken)
		}
		h.post("/imports/"+next.ID+"/end", "application/json", "", nil)
		desktest.OK(t, h.d.Turn(t.Context()))
		if got := h.counts()["total "]; got.Views != want.Views+1 || got.Visitors != want.Visitors+1 || len(h.openDays()) != 0 {
			t.Errorf("%+v", got)
		}
		// Nobody goes on with what somebody else read meanwhile.
		if status, _ := h.lines(next.ID, 3, 4, line(1, midnight, 1, "/")); status != http.StatusConflict {
			t.Errorf("a mark that is gone: %d", status)
		}
	})
}

// TestLinesThatAreNotImported: of days that retention dropped, of the future, of
// other hosts; and the import that was given up holds no day.
func TestLinesThatAreNotImported(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.site("Europe/Dublin")
		id, now := h.begin().ID, h.Kit.Now()
		status, taken := h.lines(id, 0, 1, line(0, now.AddDate(-20, 0, 0), 1, "/")+line(1, now.Add(time.Hour), 1, "/")+
			strings.Replace(line(2, now, 1, "/"), "www.example.com", "other.example", 1)+line(3, now.AddDate(0, 0, -2), 1, "/")+strings.Replace(line(4, now, 1, "/"), "\t\n", "\tg\n", 1))
		if status != http.StatusOK || taken.Refused[refusedGone] != 1 || taken.Refused[refusedFuture] != 1 || taken.Refused[refusedHost] != 1 {
			t.Fatalf("%d %+v", status, taken)
		}
		h.Clock.Advance(23 * time.Hour)
		desktest.OK(t, h.d.Turn(t.Context()))
		if days := h.openDays(); len(days) != 1 || days[0] != column.DayOf(now)-2 {
			t.Errorf("%v are open of an import that may go on", days)
		}
		h.Clock.Advance(26 * time.Hour)
		desktest.OK(t, h.d.Turn(t.Context()))
		if n := len(h.openDays()); n != 0 {
			t.Errorf("%d days are open of an import that was given up", n)
		}
		if names, err := h.Kit.Keyring.Fleetings(); err != nil || len(names) != 0 {
			t.Errorf("secrets are left: %v, %v", names, err)
		}
	})
}

// TestLogsComeInAnyOrder: a visit of a later hour is none of an earlier one.
func TestLogsComeInAnyOrder(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("Europe/Dublin")
	id, noon := h.begin().ID, h.Kit.Now().AddDate(0, 0, -2)
	for i, at := range []time.Time{noon, noon.Add(-4 * time.Hour), noon.Add(time.Minute)} {
		if status, taken := h.lines(id, i, i+1, line(i, at, 1, "/")); status != http.StatusOK || taken.Recorded != 1 {
			t.Fatal(status, taken)
		}
	}
	if got := h.counts()["total "]; got.Visits != 3 || got.Visitors != 1 || got.Engaged != 0 {
		t.Errorf("%+v", got)
	}
}

// A mortal store ends, with the process, at its n-th append: before it, or once
// it is on the disk and before anybody knows.
type mortal struct {
	column.Store
	left  int
	after bool
}

var errDied = errors.New("died")

func (m *mortal) Append(ctx context.Context, day column.Day, batch column.Batch) error {
	m.left--
	if m.left == 0 && !m.after || m.left < 0 {
		return errDied
	}
	if err := m.Store.Append(ctx, day, batch); err != nil || m.left > 0 {
		return err
	}
	return errDied
}

// TestAnImportOutlivesItsProcess: wherever the process ends, the next one goes
// on, and at the end everything is there once.
func TestAnImportOutlivesItsProcess(t *testing.T) {
	run := func(h *house, dies int, after bool) (map[string]Sum, int) {
		all := someLog(h.site("Europe/Dublin").end(column.DayOf(h.Kit.Now()) - 3))
		h.rebuild(&mortal{h.rows, dies, after})
		deaths := 0
		for from := 0; from < len(all); {
			to := min(from+7, len(all))
			status, _ := h.lines(h.begin().ID, from, to, strings.Join(all[from:to], ""))
			if status == http.StatusOK {
				from = to
				continue
			}
			if deaths++; deaths > 1 {
				t.Fatalf("died again: %d", status)
			}
			h.rebuild(h.rows)
		}
		return h.counts(), deaths
	}
	fresh := func() *house { return newHouse(t, desktest.Standard(t)) }
	want, _ := run(fresh(), 1000, false)
	if want["total "].Views != 35 {
		t.Fatalf("%+v", want["total "])
	}
	step := 4
	if os.Getenv("LOOT_SOAK") != "" {
		step = 1
	}
	for n := 1; ; n += step {
		ended := false
		for _, after := range []bool{false, true} {
			got, deaths := run(fresh(), n, after)
			if !maps.Equal(got, want) {
				t.Errorf("append %d, on the disk %v:\ngot  %v\nwant %v", n, after, got["total "], want["total "])
			}
			ended = ended || deaths == 0
		}
		if ended {
			break
		}
	}
}

// TestGapTimeIsToldFromEngagedTime: a report on visits that a log and the script
// recorded has both under one figure, and filtered by how they were recorded each
// by itself.
func TestGapTimeIsToldFromEngagedTime(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	begun := h.begin()
	at := h.Clock.Now().Add(-time.Hour)
	var log strings.Builder
	for who := range 6 { // a page for 40 seconds, then one of which a log does not say how long
		log.WriteString(line(2*who, at, who+1, "/a") + line(2*who+1, at.Add(40*time.Second), who+1, "/b"))
	}
	if status, taken := h.lines(begun.ID, 0, 12, log.String()); status != http.StatusOK || taken.Recorded != 12 {
		t.Fatalf("%d %+v", status, taken)
	}
	if status, said := h.post("/imports/"+begun.ID+"/end", "application/json", "", nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, said)
	}
	for who := range 5 {
		addr := fmt.Sprintf("203.0.113.%d", who+1)
		page := h.view(addr, "/a")
		if got := h.send(addr, firefox, `{"kind":"engagement","page":"`+page+`","url":"https://example.com/a","time":9000,"scroll":50}`); got != http.StatusAccepted {
			t.Fatalf("an engagement: %d", got)
		}
	}
	h.Clock.Advance(24 * time.Hour)
	desktest.OK(t, h.d.Turn(t.Context()))
	h.as("t-support")
	for query, want := range map[string][]string{
		"":                                  {"Visitors 11 ", "Engaged time 26 s", "Recorded by Visitors Views Imported logs 6 12 The script 5 5", "Host Visitors Views www.example.com 6 12 example.com 5 5"},
		"&filter=via:is:log":                {"Way of recording is Imported logs", "Visitors 6 ", "Engaged time 40 s", "Imported logs 6 12"},
		"&filter=via:is:tag":                {"Way of recording is The script", "Visitors 5 ", "Engaged time 9 s", "The script 5 5"},
		"&by=via&how=is&what=imported+logs": nil,
	} {
		page := h.Get(yesterday + "&panel=via&panel=host&compare=none" + query)
		if want == nil {
			if to := page.Header.Get("Location"); !strings.Contains(to, "filter=via%3Ais%3Alog") {
				t.Errorf("the filter that was typed leads to %s", to)
			}
			continue
		}
		desktest.Shows(t, page, http.StatusOK, want...)
	}
}

// TestWhatAnotherProgramCounted: single views become rows, counts become sums of
// their day, and neither comes twice.
func TestWhatAnotherProgramCounted(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.site("Europe/Dublin")
		day := h.Kit.Now().AddDate(0, 0, -10).Truncate(24 * time.Hour)
		views := []export.View{
			{Time: day.Add(9 * time.Hour), Visitor: "a", Visit: "1", Path: "/x?utm_source=letter", Browser: "Firefox 140", System: "Linux", Device: "Desktop", Country: "IE", Referrer: "www.google.com", Duration: time.Minute},
			{Time: day.Add(9*time.Hour + time.Minute), Visitor: "a", Visit: "1", Path: "/y", Browser: "Firefox 140", Country: "IE"},
			{Time: day.Add(10 * time.Hour), Visitor: "b", Visit: "2", Path: "/x", Bot: true},
			{Time: day.Add(11 * time.Hour), Visitor: "a", Visit: "1", Path: "/x", Event: "Order"},
		}
		on := func(d int) time.Time { return day.AddDate(0, 0, d) }
		counted := []export.Daily{
			{First: on(1), Last: on(1), Dimension: export.Total, Visitors: 40, Visits: 50, Views: 120, Bounces: 20, Duration: time.Hour},
			{First: on(1), Last: on(1), Dimension: export.Page, Value: "/x", Visitors: 30, Visits: 35, Views: 70},
			{First: on(1), Last: on(1), Dimension: export.Browser, Value: "Firefox", Detail: "140", Visitors: 12, Visits: 13, Views: 20},
			{First: on(1), Last: on(1), Dimension: export.City, Value: "Dublin", Visitors: 5},
		}
		send := func(id string, first int64, after, mark string, views []export.View, counts []export.Daily) (int, ImportTaken) {
			body, err := json.Marshal(ImportRecords{After: after, Mark: mark, First: first, Views: views, Counts: counts})
			desktest.OK(t, err)
			var taken ImportTaken
			status, said := h.post("/imports/"+id+"/records", "application/json", string(body), &taken)
			if status != http.StatusOK {
				t.Log(said)
			}
			return status, taken
		}
		id := h.begin().ID
		if status, taken := send(id, 0, "", markOf(4), views, nil); status != http.StatusOK || taken.Recorded != 4 {
			t.Fatal(status, taken)
		}
		if status, taken := send(id, 4, markOf(4), markOf(8), nil, counted); status != http.StatusOK || taken.Recorded != 3 || taken.Refused[refusedPassed] != 1 {
			t.Fatal(status, taken)
		}
		// The process ended before it wrote how far it came.
		_, err := h.Kit.DB.Exec(t.Context(), `DELETE FROM visits_log`)
		desktest.OK(t, err)
		h.rebuild(h.rows)
		if status, taken := send(id, 0, "", markOf(8), views, counted); status != http.StatusOK || taken.Recorded != 7 {
			t.Error(status, taken)
		}
		h.post("/imports/"+id+"/end", "application/json", "", nil)
		desktest.OK(t, h.d.Turn(t.Context()))
		got := h.counts()
		for key, want := range map[string]Sum{
			"total ":              {Visitors: 41, Visits: 51, Views: 122, Bounces: 20, Engaged: 3600_000 + 60_000},
			"via import":          {Visitors: 41, Visits: 51, Views: 122, Bounces: 20, Engaged: 3600_000 + 60_000},
			"path /x":             {Visitors: 31, Visits: 36, Views: 71, Bounces: 1 * 1, Engaged: 60_000},
			"browser Firefox":     {Visitors: 13, Visits: 14, Views: 22, Engaged: 60_000},
			"version Firefox 140": {Visitors: 13, Visits: 14, Views: 22, Engaged: 60_000},
			"class declared":      {Visitors: 1, Visits: 1, Views: 1, Bounces: 1},
			"event Order":         {Visitors: 1, Visits: 1, Views: 1},
		} {
			if got[key] != want {
				t.Errorf("%s: %+v, want %+v", key, got[key], want)
			}
		}
		counted[0].Last = on(3)
		if status, _ := send(h.begin().ID, 8, markOf(8), markOf(9), nil, counted[:1]); status != http.StatusUnprocessableEntity {
			t.Errorf("over several days: %d", status)
		}
	})
}
