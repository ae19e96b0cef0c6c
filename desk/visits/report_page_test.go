package visits

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/net/html"

	"loot"
	"loot/column"
	"loot/desk/desktest"
	"loot/statement"
	"loot/store"
	"loot/web/webtest"
)

func TestPagesFitTheirData(t *testing.T) { webtest.CheckPages(t) }

// knownDay is the day before the house's first.
var knownDay = column.DayOf(desktest.Start) - 1

// reported returns a house whose site had twelve visitors on the known day, of
// whom seven from Ireland read two pages and ordered, and five from Germany read
// one; and six and five on the day before, who read one page.
func reported(t *testing.T, s *statement.Statement) *house {
	t.Helper()
	h := newHouse(t, s)
	h.site("UTC")
	h.known()
	return h
}

// before does something while the days of known are not over, lest they are
// closed meanwhile, and closes them then, rather than at some time by the job.
func (h *house) before(f func()) {
	h.t.Helper()
	h.Clock.Advance(-48 * time.Hour)
	f()
	h.Clock.Advance(48 * time.Hour)
	desktest.OK(h.t, h.d.Turn(h.t.Context()))
	h.as("t-support")
}

// known records these visitors.
func (h *house) known() { h.before(h.come) }

func (h *house) come() {
	t := h.t
	t.Helper()
	var hits []hit
	var stays []stay
	page := int64(0)
	view := func(who int, nth uint16, country, path, before string) {
		page++
		h := hit{second: 9 * 3600, site: 1, who: visitor(who), visit: int64(who), nth: nth, page: page, host: "example.com", path: path, before: before, entry: "/a", channel: "search", source: "Google", country: country, provider: "=1+1", browser: "Firefox", language: "en", width: 1, class: human, via: "tag"}
		hits, stays = append(hits, h), append(stays, stay{1, page, 10_000, 60})
	}
	for who := 1; who <= 12; who++ {
		if who > 7 {
			view(who, 1, "DE", "/a", "")
			continue
		}
		view(who, 1, "IE", "/a", "")
		view(who, 2, "IE", "/b", "/a")
		e := hits[len(hits)-1]
		e.event, e.target = "Order", ""
		e.amount = 12.5
		hits = append(hits, e)
	}
	keep(t, h.rows, knownDay, hits, stays)
	hits, stays = nil, nil
	for who := 21; who <= 31; who++ {
		view(who, 1, map[bool]string{true: "IE", false: "DE"}[who < 27], "/a", "")
	}
	keep(t, h.rows, knownDay-1, hits, stays)
}

const yesterday = reportHref + "?site=1&period=yesterday"

// TestTheReportTellsWhatWasThere compares the page of one day with what was
// recorded on it, alone and beside the day before.
func TestTheReportTellsWhatWasThere(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	page := h.Get(yesterday + "&panel=entry")
	desktest.Shows(t, page, http.StatusOK,
		"Sun 22 Nov 2026 compared with Sat 21 Nov 2026",
		"Visitors 12 up by 9 % 11 before", "Visits 12 ", "Views 19 up by 73 % 11 before", "Bounce rate 42 % down by 58 points 100 % before",
		"Engaged time 16 s up by 60 % 10 s before", "Views per visit 1.6 up by 60 % 1.0 before",
		"Page Visitors Visits Bounce rate /a 12 12 42 %", "Channel Visitors Views Search 12 19", "Country Visitors Views Ireland 7 14 Germany 5 5",
		"Event Visitors Times Order 7 7", "Class Visitors Views People 12 19", "fewer than 5 on the site now")
	if strings.Contains(page.Body, `class="by bad"`) {
		t.Error("what is better is shown as worse")
	}
	if !strings.Contains(page.Body, `href="/console/visits?filter=country%3Ais%3AIE&amp;panel=entry&amp;period=yesterday&amp;site=1"`) {
		t.Error("no row of the countries leads to a filter by it")
	}
	if got := h.Get(yesterday + "&compare=none"); strings.Contains(got.Body, "before</span>") || strings.Contains(got.Body, "What changed") {
		t.Error("what nothing is compared with, is")
	}
	desktest.Shows(t, page, http.StatusOK, "What changed, and why", "up by +8 Country Ireland 6 → 14")
	desktest.Shows(t, h.Get(yesterday+"&trend=bounce"), http.StatusOK, "09:00 42 %")
	desktest.Shows(t, h.Get(reportHref+"?from=2026-11-21&to=2026-11-22&compare=none"), http.StatusOK, "21–22 Nov 2026", "Visitors 23 ")
}

// TestASiteThatNobodyCameToSaysWhatToDo, instead of an empty trend.
func TestASiteThatNobodyCameToSaysWhatToDo(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	page := h.Get(reportHref + "?site=1&from=2026-10-01&to=2026-10-02&compare=none")
	desktest.Shows(t, page, http.StatusOK, "Nobody came in these days", "The lines for its pages")
	desktest.Lacks(t, page, "As a table")
	for _, told := range []string{yesterday, reportHref + "?site=1&period=today", yesterday + "&filter=country:is:FR"} {
		desktest.Lacks(t, h.Get(told), "Nobody came")
	}
}

// TestProgramsAreNoReasonForWhatPeopleDid: programs came and went, and the report
// explains people's views by people.
func TestProgramsAreNoReasonForWhatPeopleDid(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.before(func() {
		for day, n := range map[column.Day]int{knownDay: 60, knownDay - 1: 20} {
			var hits []hit
			for who := range n {
				hits = append(hits, hit{second: 9 * 3600, site: 1, who: visitor(1000 + who), visit: int64(1000 + who), nth: 1, page: int64(day)*1000 + int64(who), host: "example.com", path: "/a", entry: "/a", class: "declared", bot: "Crawler", via: "tag"})
			}
			keep(t, h.rows, day, hits, nil)
		}
		h.come()
	})
	for _, panel := range []string{"class", "bot"} {
		page := h.Get(yesterday + "&panel=" + panel)
		desktest.Shows(t, page, http.StatusOK, "60 60", "What changed, and why", "up by +8 Country Ireland 6 → 14")
		desktest.Lacks(t, page, "20 → 60", "+40")
	}
}

// TestADayThatGoesOnIsNoFall: what changed is told by the days that are over, and
// of a single day that is not, nothing.
func TestADayThatGoesOnIsNoFall(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.before(func() { // 12 visitors on the 22nd, 11 on the 21st, 6 on the 20th, and nobody on the 23rd so far
		h.come()
		var hits []hit
		for who := range 6 {
			hits = append(hits, hit{second: 9 * 3600, site: 1, who: visitor(50 + who), visit: int64(50 + who), nth: 1, page: int64(5000 + who), host: "example.com", path: "/a", entry: "/a", class: human, via: "tag"})
		}
		keep(t, h.rows, knownDay-2, hits, nil)
	})
	page := h.Get(reportHref + "?site=1&from=2026-11-22&to=2026-11-23")
	desktest.Shows(t, page, http.StatusOK, "Visitors 12 up by 100 % 6 before", "so changes are told without it")
	desktest.Lacks(t, page, "down by 29 %")
	today := h.Get(reportHref + "?site=1&period=today")
	desktest.Shows(t, today, http.StatusOK, "so changes are told without it")
	desktest.Lacks(t, today, "down by", "up by")
	desktest.Lacks(t, h.Get(reportHref+"?site=1&period=today&compare=none"), "changes are told")
}

// TestWhatLeavesTheReportLoadsAPage: what leads to the report changes a part of
// the page, and whatever leads elsewhere has no such part.
func TestWhatLeavesTheReportLoadsAPage(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	desktest.Leads(t, h.Post(notesHref+"?site=1", "day", "2026-11-22", "text", "A release"), reportHref+"?site=1#notes")
	h.Post(segmentsHref+"?site=1&filter=country:is:IE", "name", "The Irish")
	h.as("t-admin")
	var left int
	for _, query := range []string{"?site=1", "?site=1&filter=country:is:IE", "?site=1&filter=country:is:DE", "?site=1&period=today"} {
		page, err := html.Parse(strings.NewReader(h.Get(reportHref + query).Body))
		desktest.OK(t, err)
		for n := range page.Descendants() {
			to := attribute(n, "href") + attribute(n, "action")
			if path, _, _ := strings.Cut(to, "?"); n.Data != "a" && n.Data != "form" || to == "" || path == reportHref || strings.HasPrefix(to, "#") {
				continue
			}
			boost, inside := "", false
			for at := n; at != nil; at = at.Parent {
				if boost == "" {
					boost = attribute(at, "hx-boost") + attribute(at, "hx-boost:inherited")
				}
				inside = inside || attribute(at, "id") == "report"
			}
			if left++; inside && boost != "false" {
				t.Errorf("%s: what leads to %s would load into the report", query, to)
			}
		}
	}
	if left < 50 {
		t.Errorf("%d ways lead elsewhere", left)
	}
}

func attribute(n *html.Node, name string) string {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
	if i < 0 {
		return ""
	}
	return n.Attr[i].Val
}

// TestAFilterNarrows follows a row to its filter, adds another by the form and
// takes it off again.
func TestAFilterNarrows(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	german := h.Get(yesterday + "&compare=none&filter=country:is:DE")
	desktest.Shows(t, german, http.StatusOK, "Country is Germany Remove the filter", "Views 5 ", "Bounce rate 100 %", "Germany 5 5", "Filters choose among people.")
	desktest.Lacks(t, german, "Ireland 7")
	added := h.Get(yesterday + "&compare=none&by=country&how=any&what=ireland,+DE")
	desktest.Leads(t, added, reportHref+"?compare=none&filter=country%3Ais%3AIE%2CDE&period=yesterday&site=1")
	desktest.Shows(t, h.Get(added.Header.Get("Location")), http.StatusOK, "Country is Ireland or Germany", "Views 19 ")
	desktest.Shows(t, h.Get(yesterday+"&compare=none&filter=path:not:/b&filter=width:is:1"), http.StatusOK, "Page is not /b", "Width is below 500 px", "Views 5 ")
	few := h.Get(yesterday + "&compare=none&filter=country:is:FR")
	desktest.Shows(t, few, http.StatusOK, "Views 0 ", "Of 1 day nothing is told here", "Nothing of this in these days.")
}

// TestAPanelIsListedAndExported searches a panel's rows and reads its files.
func TestAPanelIsListedAndExported(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	const countries = panelsHref + "/country?site=1&period=yesterday"
	desktest.Shows(t, h.Get(countries), http.StatusOK, "Ireland 7 14 Germany 5 5")
	found := h.Get(countries + "&search=germ")
	desktest.Shows(t, found, http.StatusOK, "Germany 5 5")
	desktest.Lacks(t, found, "Ireland 7")
	desktest.Shows(t, h.Get(panelsHref+"/path?site=1&period=yesterday&search=%2Fb"), http.StatusOK, "/b 7 7")

	file := h.Get(panelsHref + "/provider?site=1&period=yesterday&format=csv")
	if file.Header.Get("Content-Type") != "text/csv; charset=utf-8" || file.Header.Get("Content-Disposition") != `attachment; filename="visits-m-provider-2026-11-22-2026-11-22.csv"` {
		t.Errorf("%v", file.Header)
	}
	lines, err := csv.NewReader(strings.NewReader(file.Body)).ReadAll()
	desktest.OK(t, err)
	if want := []string{"'=1+1", "", "12", "12", "19", "5", "190000", "1140", "87.5"}; len(lines) != 2 || !slices.Equal(lines[1], want) {
		t.Errorf("%q, want %q", lines, want)
	}
	trend := h.Get(yesterday + "&format=csv")
	if !strings.Contains(trend.Body, "2026-11-22,9,12,12,19,5,190000,1140,87.5,false\n") {
		t.Errorf("%s", trend.Body)
	}
	var panel toldPanel
	desktest.OK(t, json.Unmarshal([]byte(h.Get(countries+"&format=json").Body), &panel))
	if len(panel.Rows) != 2 || panel.Rows[0].Name != "Ireland" || panel.Rows[0].Views != 14 || panel.Total.Views != 19 {
		t.Errorf("%+v", panel)
	}
	rows := readParquet[toldRow](t, h.Get(countries+"&format=parquet").Body)
	if !slices.Equal(rows, panel.Rows) {
		t.Errorf("%+v, want %+v", rows, panel.Rows)
	}
	points := readParquet[toldPoint](t, h.Get(yesterday+"&format=parquet").Body)
	if len(points) != 24 || points[9].Day != knownDay || *points[9].Hour != 9 || points[9].Visitors != 12 {
		t.Errorf("%+v", points)
	}
	if got := h.Get(countries + "&format=exe"); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown kind of file: %d", got.Status)
	}
}

func readParquet[T any](t *testing.T, text string) []T {
	t.Helper()
	rows, err := parquet.Read[T](strings.NewReader(text), int64(len(text)))
	desktest.OK(t, err)
	return rows
}

// TestWhoMayNotSeeReports: the refusal names the clause and what is needed.
func TestWhoMayNotSeeReports(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	signed := h.d.staff.Signed
	h.d.staff.Signed = func(context.Context, *store.Tx, string) (time.Time, error) { return time.Time{}, nil }
	for _, path := range []string{yesterday, panelsHref + "/path", liveHref + "?site=1"} {
		desktest.Shows(t, h.Get(path), http.StatusForbidden, "security.staff", "Read and sign the undertaking")
	}
	h.d.staff.Signed = signed
	desktest.Shows(t, h.Get(yesterday), http.StatusOK)
	h.Site.Actor = loot.Actor{Kind: loot.Person, ID: "c"}
	if got := h.Get(yesterday); got.Status == http.StatusOK {
		t.Error("a customer sees the report")
	}

	mute := reported(t, edited(t, `permit (principal == Desk::"visits", action == Action::"analyse"`, `permit (principal == Desk::"billing", action == Action::"analyse"`))
	desktest.Shows(t, mute.Get(yesterday), http.StatusForbidden, "network.improve", "What would be needed")
	closed := reported(t, edited(t, "when { context.group < 5 };", "when { context.group < 5000 };", `@needs1("the smallest group shown has five visitors or more")`, `@needs1("reports are permitted")`))
	desktest.Shows(t, closed.Get(yesterday), http.StatusForbidden, "network.incognito", "reports are permitted")
}

// TestAddressesThatNobodyMeant are refused or come to what is usual.
func TestAddressesThatNobodyMeant(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	for query, want := range map[string]int{
		"site=9": http.StatusNotFound, "site=-1": http.StatusNotFound, "site=<script>": http.StatusNotFound,
		"period=ever": http.StatusUnprocessableEntity, "from=yesterday": http.StatusUnprocessableEntity, "from=2026-11-22&to=2026-11-01": http.StatusUnprocessableEntity,
		"from=0001-01-01&to=2026-11-22": http.StatusUnprocessableEntity, "compare=me": http.StatusUnprocessableEntity, "filter=country": http.StatusUnprocessableEntity, "filter=x:is:y": http.StatusUnprocessableEntity,
		"filter=country:is:'%3B DROP TABLE visits_hit--": http.StatusOK, "by=country&how=is&what=<b>": http.StatusSeeOther, "by=none&how=is&what=x": http.StatusUnprocessableEntity,
		"panel=none&panel=../x": http.StatusOK, "trend=none": http.StatusOK, "filter=path:is:%FF": http.StatusUnprocessableEntity,
		strings.Repeat("filter=country:is:IE&", 9): http.StatusUnprocessableEntity,
	} {
		q := strings.NewReplacer(" ", "%20", "<", "%3C", ">", "%3E").Replace(query)
		a := h.Get(reportHref + "?" + q)
		if a.Status != want {
			t.Errorf("%s: %d, want %d: %s", query, a.Status, want, desktest.Text(a.Body))
		}
		if strings.Contains(a.Body, "<script>") || strings.Contains(a.Body, "<b>") {
			t.Errorf("%s comes back as it was", query)
		}
	}
	for _, path := range []string{panelsHref + "/total", panelsHref + "/none", panelsHref + "/path%2F..", liveHref + "?site=0"} {
		if got := h.Get(path).Status; got != http.StatusNotFound {
			t.Errorf("%s: %d", path, got)
		}
	}
	if got := h.Get(panelsHref + "/path?page=-5&search=" + strings.Repeat("x", 400)).Status; got != http.StatusOK {
		t.Errorf("a page that there is not: %d", got)
	}
}

// TestProgramsReadReports by the API, as people by the page.
func TestProgramsReadReports(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	get := func(path string) (status int, out map[string]any) {
		status, _, body := h.call(http.MethodGet, path, "", "")
		desktest.OK(t, json.Unmarshal([]byte(body), &out))
		return status, out
	}
	status, out := get("/m/report?period=yesterday&compare=before&panel=country&panel=path&filter=" + url.QueryEscape("country:is:IE,DE"))
	total, _ := out["total"].(map[string]any)
	panels, _ := out["panels"].([]any)
	compared, _ := out["compared"].(map[string]any)
	if status != http.StatusOK || total["views"] != 19.0 || out["crowd"] != 5.0 || len(panels) != 2 || compared["from"] != "2026-11-21" {
		t.Errorf("%d %v", status, out)
	}
	if _, kind, body := h.call(http.MethodGet, "/m/report/country?period=yesterday", "", ""); kind != fileKinds["csv"] || !strings.Contains(body, "IE,Ireland,7,7,14,") {
		t.Errorf("%s %s", kind, body)
	}
	_, _, file := h.call(http.MethodGet, "/m/report/trend?from=2026-11-21&to=2026-11-22&format=parquet", "", "")
	if points := readParquet[toldPoint](t, file); len(points) != 2 || points[1].Views != 19 {
		t.Errorf("%+v", points)
	}
	for path, want := range map[string]int{
		"/m/report/total": http.StatusNotFound, "/m/report/path?format=exe": http.StatusUnprocessableEntity, "/9/report/path": http.StatusNotFound,
		"/9/report": http.StatusNotFound, "/m/report?panel=none": http.StatusUnprocessableEntity, "/m/report?filter=x": http.StatusUnprocessableEntity,
	} {
		if status, out := get(path); status != want {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
	h.caller = loot.Actor{Kind: loot.Person, ID: "c"}
	if status, out := get("/m/report"); status != http.StatusForbidden {
		t.Errorf("%d %v", status, out)
	}
}

// TestTheSettingsOfASiteAreKept as a browser sends them.
func TestTheSettingsOfASiteAreKept(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.Site.Actor = loot.Actor{Kind: loot.Staff, ID: "t-admin", Roles: []loot.Role{"administrator"}}
	set := func(pairs ...string) *Site {
		t.Helper()
		desktest.Leads(t, h.Post(sitesHref+"/1", append([]string{"name", "Main", "hosts", "example.com", "zone", "UTC", "script", "m"}, pairs...)...), sitesHref+"/1")
		s, err := h.d.sites.numbered(t.Context(), 1)
		desktest.OK(t, err)
		return s
	}
	if s := set("hash", "on"); s.Full || !s.Hash {
		t.Errorf("%+v", s)
	}
	if s := set("full", "on", "currency", "eur"); !s.Full || s.Hash || s.Currency != "EUR" {
		t.Errorf("%+v", s)
	}
	page := h.Get(sitesHref + "/1")
	desktest.Shows(t, page, http.StatusOK, "Put these two lines", "integrity=", "End recording")
	if !strings.Contains(page.Body, `name="full" value="on" checked`) {
		t.Error("what is ticked is not shown so")
	}
	h.view("203.0.113.9", "/a")
	desktest.Shows(t, h.Get(sitesHref), http.StatusOK, "views kept 1", "Report of Main")
}

// TestALongTrendIsByWeek, of which the latest is whole, and one of whose days
// nothing is told is told if another of its days is.
func TestALongTrendIsByWeek(t *testing.T) {
	a := asked{from: 1000, to: 1109}
	of := []Point{{Day: 1103, Few: true}, {Day: 1104, Sum: Sum{Visitors: 9}}, {Day: 1109, Sum: Sum{Visitors: 5}}, {Day: 1096, Few: true}}
	points, labels, unit := a.points(of, a.from, a.to)
	last, before := points[len(points)-1], points[len(points)-2]
	if len(points) != 16 || len(labels) != 16 || unit != "Week from" || points[0].Day != 1000 || last.Day != 1103 || last.Visitors != 14 || last.Few || !before.Few {
		t.Errorf("%d points by %s, %+v, %+v", len(points), unit, before, last)
	}
}

// TestPeriodsAreComparedWithTheirLike: months with months, days with as many.
func TestPeriodsAreComparedWithTheirLike(t *testing.T) {
	h := newHouse(t, desktest.Standard(t)) // on 23 November 2026
	s := h.site("UTC")
	for _, c := range []struct {
		at   address
		want string
	}{
		{address{Period: "today"}, "Mon 23 Nov 2026, Sun 22 Nov 2026"},
		{address{Period: "7d"}, "17–23 Nov 2026, 10–16 Nov 2026"},
		{address{Period: "30d"}, "25 Oct – 23 Nov 2026, 25 Sep – 24 Oct 2026"},
		{address{Period: "month"}, "1–23 Nov 2026, 1–23 Oct 2026"},
		{address{Period: "last-month"}, "1–31 Oct 2026, 1–30 Sep 2026"},
		{address{Period: "12m"}, "24 Nov 2025 – 23 Nov 2026, 24 Nov 2024 – 23 Nov 2025"},
		{address{Period: "month", Compare: "year"}, "1–23 Nov 2026, 1–23 Nov 2025"},
		{address{From: "2026-11-03"}, "3–23 Nov 2026, 13 Oct – 2 Nov 2026"},
	} {
		a, err := h.d.ask(s, c.at)
		desktest.OK(t, err)
		from, to, _ := a.compared()
		if got := daysWords(a.from, a.to) + ", " + daysWords(from, to); got != c.want {
			t.Errorf("%+v: %s, want %s", c.at, got, c.want)
		}
	}
}

// TestNoRevenueIsANumber, as that no visitor came is.
func TestNoRevenueIsANumber(t *testing.T) {
	m, _ := measureNamed(measuresOf(&Site{Currency: "EUR"}), "amount")
	for amount, want := range map[float64]string{0: "0", 1.5: "1.50", 1234.4: number(1234)} {
		if got := m.word(Sum{Amount: amount}); got != want {
			t.Errorf("%v is %q, not %q", amount, got, want)
		}
	}
}
