package visits

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/api"
	"loot/desk/desktest"
	"loot/store"
	"loot/store/storetest"
)

var (
	admin   = loot.Actor{Kind: loot.Staff, ID: "t-admin", Roles: []loot.Role{"administrator"}}
	support = loot.Actor{Kind: loot.Staff, ID: "t-support", Roles: []loot.Role{"support"}}
)

// TestGoalsAreKept in both databases as they were written.
func TestGoalsAreKept(t *testing.T) {
	files, err := fs.Sub(migrations, "migrations")
	desktest.OK(t, err)
	storetest.Each(t, map[string]fs.FS{Name: files}, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		goal := &Goal{Site: 1, Name: "Ordered", Steps: []Filter{{"path", Is, []string{"/a,b\\c", "/ü'"}}}, Made: time.UnixMicro(5).UTC()}
		funnel := &Goal{Site: 1, Name: "Way", Steps: []Filter{{"path", Contains, []string{"/a"}}, {"event", Is, []string{"Order"}}}, Made: time.UnixMicro(6).UTC()}
		desktest.OK(t, db.InTx(ctx, func(tx *store.Tx) error {
			desktest.OK(t, writeGoal(ctx, tx, goal))
			desktest.OK(t, writeGoal(ctx, tx, funnel))
			return writeGoal(ctx, tx, &Goal{Site: 2, Name: "Elsewhere", Steps: goal.Steps})
		}))
		read := func(want ...*Goal) {
			t.Helper()
			desktest.OK(t, db.Read(ctx, func(tx *store.Tx) error {
				got, err := readGoals(ctx, tx, 1)
				if len(got) != len(want) {
					t.Errorf("%d goals, not %d", len(got), len(want))
					return err
				}
				for i, g := range got {
					w := want[i]
					if g.ID != w.ID || g.Name != w.Name || !g.Made.Equal(w.Made) || !slices.EqualFunc(g.Steps, w.Steps, func(a, b Filter) bool { return a.String() == b.String() }) {
						t.Errorf("%+v, not %+v", g, w)
					}
				}
				return err
			}))
		}
		read(goal, funnel)
		goal.Name, goal.Steps = "Bought", funnel.Steps[:1]
		desktest.OK(t, db.InTx(ctx, func(tx *store.Tx) error {
			desktest.OK(t, writeGoal(ctx, tx, goal))
			return deleteGoal(ctx, tx, funnel.ID)
		}))
		read(goal)
		err := db.InTx(ctx, func(tx *store.Tx) error {
			for range mostGoals {
				if err := writeGoal(ctx, tx, &Goal{Site: 1, Name: "More", Steps: goal.Steps}); err != nil {
					return err
				}
			}
			return nil
		})
		if loot.KindOf(err) != loot.Conflict {
			t.Errorf("more goals than there may be: %v", err)
		}
	})
}

// TestGoalsAreAddedChangedAndRemoved by who may, and are told as the report that
// is filtered by them.
func TestGoalsAreAddedChangedAndRemoved(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	const goals = goalsHref + "?period=yesterday&site=1"
	desktest.Shows(t, h.Get(goals), http.StatusOK, "No goal yet", "Administrators and the data protection officer add goals here.")
	if got := h.Post(goals, "name", "Ordered", "by1", "event", "how1", "is", "what1", "Order"); got.Status != http.StatusForbidden {
		t.Errorf("support adds a goal: %d", got.Status)
	}
	h.Site.Actor = admin
	desktest.Shows(t, h.Get(goals), http.StatusOK, "No goal yet", "Say what visits are meant to come to", "Add the goal")
	for _, wrong := range [][]string{
		{"name", "", "by1", "event", "how1", "is", "what1", "Order"},
		{"name", "x", "by1", "event", "how1", "contains", "what1", "Order"},
		{"name", "x", "by1", "path", "how1", "is", "what1", ""},
		{"name", "x", "by1", "country", "how1", "is", "what1", "IE"},
		{"name", "x", "by1", "path", "how1", "not", "what1", "/a"},
		{"name", "x", "by1", "path", "how1", "any", "what1", strings.Repeat("a,", 60)},
	} {
		if got := h.Post(goals, wrong...); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d", wrong, got.Status)
		}
	}
	desktest.Leads(t, h.Post(goals, "name", "Ordered", "by1", "event", "how1", "is", "what1", "Order"), goals)
	page := h.Get(goals)
	desktest.Shows(t, page, http.StatusOK, "Ordered Event is Order", "7 7 58.3 %", "CSV")
	const filtered = `href="/console/visits?filter=event%3Ais%3AOrder&amp;period=yesterday&amp;site=1"`
	if !strings.Contains(page.Body, filtered) {
		t.Error("the goal does not lead to the report of its visits")
	}
	desktest.Shows(t, h.Get(yesterday+"&filter=event:is:Order"), http.StatusOK, "Visitors 7 ", "Visits 7 ")
	// Five of the seven from Ireland would be apart from two.
	desktest.Shows(t, h.Get(goals+"&filter=country:is:DE"), http.StatusOK, "Country is Germany", "1 day of nobody, or of fewer than 5, not told")

	all, _, err := h.d.goals(t.Context(), 1)
	desktest.OK(t, err)
	one := goalsHref + "/" + all[0].ID
	desktest.Shows(t, h.Get(one), http.StatusOK, "What counts", "Keep the changes")
	desktest.Leads(t, h.Post(one, "name", "Read b", "by1", "path", "how1", "any", "what1", "/b, /c"), goalsHref+"?site=1")
	desktest.Shows(t, h.Get(goals), http.StatusOK, "Read b Page is /b or /c", "7 7 58.3 %")
	lines, err := csv.NewReader(strings.NewReader(h.Get(goals + "&format=csv").Body)).ReadAll()
	desktest.OK(t, err)
	if len(lines) != 3 || !slices.Equal(lines[1], []string{"Read b", "path:is:/b,/c", "7", "7", "14", "0", "140000", "840", "87.5"}) {
		t.Errorf("%q", lines)
	}
	desktest.Leads(t, h.Post(one+"/remove"), goalsHref+"?site=1")
	desktest.Shows(t, h.Get(goals), http.StatusOK, "No goal yet")
	if got := h.Get(one); got.Status != http.StatusNotFound {
		t.Errorf("a goal that was removed: %d", got.Status)
	}
}

// TestFunnelsJourneysAndHoursAreShown as was recorded.
func TestFunnelsJourneysAndHoursAreShown(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	h.Site.Actor = admin
	const funnels = funnelsHref + "?period=yesterday&site=1"
	desktest.Shows(t, h.Get(funnels), http.StatusOK, "No funnel yet", "Add the funnel")
	for _, wrong := range [][]string{
		{"name", "Way", "by1", "path", "how1", "is", "what1", "/b"}, {"name", "Way", "by1", "path", "how1", "is", "what1", "/b", "by2", "path", "how2", "is", "what2", "/b"},
	} {
		if got := h.Post(funnels, wrong...); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d", wrong, got.Status)
		}
	}
	desktest.Leads(t, h.Post(funnels, "name", "Way", "by1", "path", "how1", "is", "what1", "/b", "by3", "event", "how3", "is", "what3", "Order"), funnels)
	h.Site.Actor = support
	desktest.Shows(t, h.Get(funnels), http.StatusOK, "100.0 % of 7 visits", "1 Page is /b 7 7 100.0 % 58.3 % of all 0", "2 Event is Order 7 7 100.0 % 100.0 % –")
	desktest.Shows(t, h.Get(funnelsHref+"?site=1&period=yesterday&filter=country:is:FR"), http.StatusOK, "Nothing of this is told in these days.", "Of 1 day nothing is told here")
	if got := h.Get(funnels + "&format=csv"); !strings.Contains(got.Body, "Way,2,event:is:Order,7,7\n") {
		t.Errorf("%s", got.Body)
	}

	const journeys = journeysHref + "?period=yesterday&site=1"
	start := h.Get(journeys)
	desktest.Shows(t, start, http.StatusOK, "Where visits begin", "/a 12 12 42 %")
	if !strings.Contains(start.Body, `href="/console/visits/journeys?about=%2Fa&amp;period=yesterday&amp;site=1"`) {
		t.Error("no entry page leads to its journeys")
	}
	desktest.Shows(t, h.Get(journeys+"&about=/a"), http.StatusOK, "What came before", "began here 12 12", "What came after", "ended here 5 5 /b 7 7", "The report of its visits")
	desktest.Shows(t, h.Get(journeys+"&about=/none"), http.StatusOK, "Nothing of this page is told in these days.", "Of 1 day nothing is told here")
	if got := h.Get(journeys + "&about=/a&format=csv"); !strings.Contains(got.Body, "after,/b,,7,7\n") || !strings.Contains(got.Body, "before,,(began here),12,12\n") {
		t.Errorf("%s", got.Body)
	}
	desktest.Shows(t, h.Get(hoursHref+"?period=yesterday&site=1"), http.StatusOK, "Views an hour", "09:00", " 19 ")
	desktest.Shows(t, h.Get(hoursHref+"?period=today&site=1"), http.StatusOK, "No hour is told in these days")
	if got := h.Get(hoursHref + "?period=yesterday&site=1&format=csv"); !strings.Contains(got.Body, "Sunday,9,1,12,12,19,") {
		t.Errorf("%s", got.Body)
	}
	for _, href := range []string{goalsHref, funnelsHref, journeysHref, hoursHref} {
		added := h.Get(href + "?site=1&by=country&how=is&what=Ireland")
		desktest.Leads(t, added, href+"?filter=country%3Ais%3AIE&site=1")
		if got := h.Get(href + "?site=1&format=exe"); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: an unknown kind of file: %d", href, got.Status)
		}
		h.Site.Actor = loot.Actor{Kind: loot.Person, ID: "c"}
		if got := h.Get(href + "?site=1"); got.Status == http.StatusOK {
			t.Errorf("a customer sees %s", href)
		}
		h.Site.Actor = support
	}
}

// TestPagesBesideTheReportWithoutASite say what to do.
func TestPagesBesideTheReportWithoutASite(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.Site.Actor = support
	for _, href := range []string{goalsHref, funnelsHref, journeysHref, hoursHref} {
		desktest.Shows(t, h.Get(href), http.StatusOK, "No site is recorded yet", "Add a site")
	}
}

// TestRevenueIsToldWhereThereIsACurrency, in the sums, their trend and the
// panels.
func TestRevenueIsToldWhereThereIsACurrency(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	desktest.Lacks(t, h.Get(yesterday), "Revenue, EUR", "87.50")
	h.Site.Actor = admin
	desktest.Leads(t, h.Post(sitesHref+"/1", "name", "Main", "hosts", "example.com", "zone", "UTC", "script", "m", "currency", "EUR", "full", "on"), sitesHref+"/1")
	h.Site.Actor = support
	desktest.Shows(t, h.Get(yesterday), http.StatusOK, "Revenue, EUR 87.50", "Country Visitors Views EUR Ireland 7 14 87.50 Germany 5 5 –", "Channel Visitors Views EUR Search 12 19 87.50", "Page Visitors Views EUR /a 12 12 – /b 7 7 87.50")
	desktest.Shows(t, h.Get(yesterday+"&trend=amount&filter=path:is:/b"), http.StatusOK, "09:00 87.50", "Revenue, EUR 87.50")
}

// TestProgramsReadGoals, funnels and journeys by the API, as people by the page.
func TestProgramsReadGoals(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	desktest.OK(t, h.Kit.DB.InTx(t.Context(), func(tx *store.Tx) error {
		desktest.OK(t, writeGoal(t.Context(), tx, &Goal{Site: 1, Name: "Ordered", Steps: []Filter{{"event", Is, []string{"Order"}}}}))
		return writeGoal(t.Context(), tx, &Goal{Site: 1, Name: "Way", Steps: []Filter{{"path", Is, []string{"/a"}}, {"path", Is, []string{"/b"}}}})
	}))
	mux := http.NewServeMux()
	h.d.goalAPI(api.New(mux, api.Options{Title: "Loot", Log: h.Kit.Log, Scopes: Scopes, Authenticate: func(context.Context, string) (api.Caller, error) {
		return api.Caller{Actor: support, Scopes: []api.Scope{"visits:read"}}, nil
	}}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for path, want := range map[string]string{
		"goals?period=yesterday&compare=before":    `"reached":{"visitors":7,"visits":7,"views":14,`,
		"funnels?period=yesterday":                 `"visits":12,"visitors":12,"steps":[{"visits":12,"visitors":12},{"visits":7,"visitors":7}]`,
		"journey?period=yesterday&page=/a":         `"after":{"pages":[{"page":"/b","visitors":7,"views":7}],"edge":{"visitors":5,"views":5}`,
		"journey?period=yesterday":                 `"status":422`,
		"funnels?period=yesterday&filter=path:is:": `"left":1`,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/visits/m/"+path, nil)
		desktest.OK(t, err)
		req.Header.Set("Authorization", "Bearer x")
		a, err := server.Client().Do(req)
		desktest.OK(t, err)
		var out json.RawMessage
		desktest.OK(t, json.NewDecoder(a.Body).Decode(&out))
		desktest.OK(t, a.Body.Close())
		if text := strings.NewReplacer(" ", "", "\n", "").Replace(string(out)); !strings.Contains(text, want) {
			t.Errorf("%s: %s", path, text)
		}
	}
}

// TestAnEventKnowsThePageThatItFollowed, as a funnel's order is told by it, and
// is not taken for a page itself when another process takes over.
func TestAnEventKnowsThePageThatItFollowed(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	const addr = "203.0.113.20"
	event := func(page, name string) {
		if got := h.send(addr, firefox, `{"kind":"event","page":"`+page+`","url":"https://example.com/a","name":"`+name+`","count":1}`); got != http.StatusAccepted {
			t.Fatalf("%s: %d", name, got)
		}
	}
	h.view(addr, "/a")
	page := h.view(addr, "/b")
	h.Clock.Advance(time.Second)
	event(page, "Order")
	if got := h.ask("SELECT event, CAST(nth AS BIGINT) AS nth FROM visits_hit ORDER BY nth, event"); got != "1\n2\nOrder 2" {
		t.Errorf("%q", got)
	}
	desktest.OK(t, h.rows.Close())
	h.rebuild(h.open())
	desktest.OK(t, h.d.resume(t.Context()))
	event(h.view(addr, "/c"), "Thanks")
	if got := h.ask("SELECT before, event, CAST(nth AS BIGINT) AS nth FROM visits_hit WHERE nth > 2 ORDER BY nth, event"); got != "/b 3\nThanks 3" {
		t.Errorf("after another process took over: %q", got)
	}
}
