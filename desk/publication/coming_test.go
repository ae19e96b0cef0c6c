package publication

import (
	"net/http"
	"strings"
	"testing"

	"loot"
	"loot/desk/desktest"
	"loot/web"
	"loot/web/webtest"
)

var other = web.NewPage[otherView](pageFiles, "pages/versions.html")

// An otherView is a page of another desk.
type otherView struct {
	web.View
	Versions []version
}

// From the announcement until it is in force, every page of visitors and
// customers says when the statement changes, what changes, and where to read it.
func TestAnAnnouncedChangeIsToldOnEveryPage(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		page := func(w http.ResponseWriter, r *http.Request) error {
			return other.Render(w, r, http.StatusOK, otherView{View: web.ViewOf(r, "Something else")})
		}
		coming := Coming(h.Kit.Gate)
		site := webtest.New(t, web.Options{Now: h.Clock.Now, NoLimits: true, Site: func() web.Site { return web.Site{Coming: coming()} }}, []web.Route{
			{Pattern: "GET /order/x", Audience: web.Public, Serve: page},
			{Pattern: "GET /portal", Audience: web.Portal, Serve: page},
			{Pattern: "GET /console", Audience: web.Console, Serve: page},
		})
		told := func(path string, by loot.ActorKind) (string, bool) {
			t.Helper()
			site.Actor = loot.Actor{Kind: by, ID: "x"}
			a := site.Get(path)
			shows(t, a, http.StatusOK, "Something else")
			_, banner, ok := strings.Cut(a.Body, `aria-label="Announced change">`)
			banner, _, _ = strings.Cut(banner, "</aside>")
			return banner, ok
		}
		if _, ok := told("/portal", loot.Person); ok {
			t.Error("a change is told of before there is one")
		}
		hash := h.announce(edited(t, `version: "2026-1"`, `version: "2026-2"`, "retain: 45d", "retain: 60d", "Two kinds of cookies", "Kinds of cookies"), desktest.Start.AddDate(0, 0, 50))
		for path, by := range map[string]loot.ActorKind{"/order/x": "", "/portal": loot.Person} {
			banner, ok := told(path, by)
			if !ok || words(banner) != "On 12 January 2027 the privacy statement changes : “Kinds of cookies” and “Used for what you gave it for” . See what changes" {
				t.Errorf("%s: %q", path, words(banner))
			}
			if !strings.Contains(banner, `href="/statement/versions/`+hash+`"`) {
				t.Errorf("%s does not link to the comparison: %s", path, banner)
			}
		}
		if _, ok := told("/console", loot.Staff); ok {
			t.Error("the console tells of it too")
		}
		h.Clock.Advance(desktest.Start.AddDate(0, 0, 50).Sub(h.Clock.Now()))
		if banner, ok := told("/portal", loot.Person); ok {
			t.Errorf("in force, and still told: %s", banner)
		}
	})
}
