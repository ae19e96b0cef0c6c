package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/web"
	"loot/web/webtest"
)

func say(text string) web.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) error { _, err := io.WriteString(w, text); return err }
}

func failing(err error) web.HandlerFunc {
	return func(http.ResponseWriter, *http.Request) error { return err }
}

func TestRouteIsClosedToWhoeverItDoesNotName(t *testing.T) {
	s := webtest.New(t, web.Options{}, []web.Route{
		{Pattern: "GET /nobody", Serve: say("in")},
		{Pattern: "GET /public", Audience: web.Public, Serve: say("in")},
		{Pattern: "GET /portal", Audience: web.Portal, Serve: say("in")},
		{Pattern: "GET /console", Audience: web.Console, Serve: say("in")},
		{Pattern: "GET /admin", Audience: web.Console, Roles: []loot.Role{"admin"}, Serve: say("in")},
		{Pattern: "GET /odd", Audience: web.Audience(9), Serve: say("in")},
	})
	actors := map[string]loot.Actor{
		"visitor":  {},
		"customer": {Kind: loot.Person, ID: "s1"},
		"staff":    {Kind: loot.Staff, ID: "st1", Roles: []loot.Role{"support"}},
		"admin":    {Kind: loot.Staff, ID: "st2", Roles: []loot.Role{"admin"}},
		"desk":     {Kind: loot.Desk, ID: "billing"},
		"partner":  {Kind: loot.Partner, ID: "p1"},
	}
	open := map[string]string{
		"/nobody": "", "/odd": "", "/public": "visitor customer staff admin desk partner",
		"/portal": "customer", "/console": "staff admin", "/admin": "admin",
	}
	for path, who := range open {
		for name, actor := range actors {
			s.Actor = actor
			a := s.Get(path)
			if got, want := a.Status == http.StatusOK, strings.Contains(" "+who+" ", " "+name+" "); got != want {
				t.Errorf("%s at %s: status %d", name, path, a.Status)
			}
			if a.Status != http.StatusOK && strings.Contains(a.Body, "in\n") {
				t.Errorf("%s at %s: the page was served with its refusal", name, path)
			}
		}
	}
}

func TestNothingOfAFailedAnswerLeaves(t *testing.T) {
	s := webtest.New(t, web.Options{}, []web.Route{
		{Pattern: "GET /half", Audience: web.Public, Serve: func(w http.ResponseWriter, _ *http.Request) error {
			http.SetCookie(w, &http.Cookie{Name: "secret", Value: "x"})
			w.Header().Set("X-Name", "Erika")
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, "Erika Mustermann")
			return errors.New("after the fact")
		}},
		{Pattern: "GET /panic", Audience: web.Public, Serve: func(w http.ResponseWriter, _ *http.Request) error {
			fmt.Fprint(w, "Erika Mustermann")
			panic("Erika Mustermann")
		}},
		{Pattern: "GET /much", Audience: web.Public, Serve: func(w http.ResponseWriter, _ *http.Request) error {
			for {
				if _, err := w.Write(bytes.Repeat([]byte("Erika"), 1<<16)); err != nil {
					return err
				}
			}
		}},
		{Pattern: "GET /streamed", Audience: web.Public, Serve: func(w http.ResponseWriter, _ *http.Request) error {
			web.Stream(w, func(w http.ResponseWriter) error { _, err := fmt.Fprint(w, "Erika"); return err })
			return errors.New("after the fact")
		}},
	})
	for _, path := range []string{"/half", "/panic", "/much", "/streamed"} {
		a := s.Get(path)
		if a.Status != http.StatusInternalServerError {
			t.Errorf("%s: status %d", path, a.Status)
		}
		if strings.Contains(a.Body, "Erika") || a.Header.Get("X-Name") != "" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: something of the failed answer left", path)
		}
		if !strings.Contains(a.Body, "The fault is ours") {
			t.Errorf("%s: the page does not say whose fault it is", path)
		}
	}
}

func TestStreamLeavesAfterTheHandlerAndIsCutWhenItFails(t *testing.T) {
	var order []string
	s := webtest.New(t, web.Options{}, []web.Route{
		{Pattern: "GET /file", Audience: web.Public, Serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", "text/plain")
			web.Stream(w, func(w http.ResponseWriter) error {
				order = append(order, "body")
				for range 20 {
					if _, err := w.Write(bytes.Repeat([]byte("a"), 1<<20)); err != nil {
						return err
					}
				}
				return nil
			})
			order = append(order, "handler")
			return nil
		}},
		{Pattern: "GET /cut", Audience: web.Public, Serve: func(w http.ResponseWriter, _ *http.Request) error {
			web.Stream(w, func(w http.ResponseWriter) error {
				fmt.Fprint(w, strings.Repeat("b", 1<<16))
				return errors.New("the disk is gone")
			})
			return nil
		}},
	})
	a := s.Get("/file")
	if len(a.Body) != 20<<20 || strings.Join(order, " ") != "handler body" {
		t.Errorf("%d bytes, in the order %v", len(a.Body), order)
	}
	resp, err := s.Server.Client().Get(s.Server.URL + "/cut")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("half a file passed for a whole one")
	}
}

func TestErrorsBecomePagesAndProblems(t *testing.T) {
	kinds := map[loot.Kind]int{
		loot.Invalid: 422, loot.Denied: 403, loot.NotFound: 404, loot.Conflict: 409, loot.Unavailable: 503,
		loot.Limited: 429, loot.TooLarge: 413, loot.Unsupported: 415, loot.Internal: 500,
	}
	var routes []web.Route
	for k := range kinds {
		routes = append(routes, web.Route{Pattern: fmt.Sprintf("GET /e/%d", k), Audience: web.Public, Serve: failing(loot.Wrap(k, errors.New("pq: Erika"), "A <b>sentence</b>."))})
	}
	s := webtest.New(t, web.Options{}, routes)
	for k, want := range kinds {
		path := fmt.Sprintf("/e/%d", k)
		a := s.Get(path)
		if a.Status != want || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") || strings.Contains(a.Body, "Erika") {
			t.Errorf("kind %d: a page with status %d of type %q", k, a.Status, a.Header.Get("Content-Type"))
		}
		if (k == loot.Internal) == strings.Contains(a.Body, "A &lt;b&gt;sentence&lt;/b&gt;.") {
			t.Errorf("kind %d: the sentence is on the page: %v", k, k == loot.Internal)
		}
		b := s.Do("GET", path, "", http.Header{"Accept": {"application/json"}})
		var p struct {
			Type, Title, Detail, Instance string
			Status                        int
		}
		if err := json.Unmarshal([]byte(b.Body), &p); err != nil || b.Header.Get("Content-Type") != "application/problem+json" {
			t.Fatalf("kind %d: no problem: %v %q", k, err, b.Body)
		}
		if b.Status != want || p.Status != want || p.Detail == "" || strings.Contains(b.Body, "Erika") || p.Instance != "urn:loot:request:"+b.Header.Get("Request-Id") ||
			!strings.HasPrefix(p.Type, "/problems/") || p.Type != loot.ProblemOf(want, "").Type() || p.Title != loot.ProblemOf(want, "").Title {
			t.Errorf("kind %d: problem %s", k, b.Body)
		}
		if (want == 503 || want == 429) != (a.Header.Get("Retry-After") != "") {
			t.Errorf("kind %d: Retry-After %q", k, a.Header.Get("Retry-After"))
		}
	}
}

func TestRefusalNamesTheClauseAndWhatWouldBeNeeded(t *testing.T) {
	o := web.Options{Site: func() web.Site { return web.Site{Statement: "/statement"} }}
	s := webtest.New(t, o, []web.Route{{Pattern: "GET /x", Audience: web.Public, Serve: failing(fmt.Errorf("desk: %w", refused{}))}})
	page := s.Get("/x")
	for _, want := range []string{"Support may not open", `href="/statement#security.levels"`, "Protection fitted to the data", "the approval of a second person"} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if a := s.Do("GET", "/x", "", http.Header{"Accept": {"application/json"}}); !strings.Contains(a.Body, `"clause":"security.levels"`) || !strings.Contains(a.Body, `"needed":["the approval`) {
		t.Errorf("the problem says %s", a.Body)
	}
	a := s.Do("GET", "/x", "", http.Header{"Hx-Request": {"true"}})
	if a.Header.Get("Hx-Retarget") != "#messages" || strings.Count(a.Body, `class="alert`) != 1 || strings.Contains(a.Body, "<html") || !strings.Contains(a.Body, "security.levels") {
		t.Errorf("for htmx: %v %s", a.Header, a.Body)
	}
}

// awaiting is a refusal of what others were asked to agree to.
type awaiting struct{ refused }

func (awaiting) Awaits() *loot.Awaited {
	asked := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	return &loot.Awaited{ID: "a7", Asked: asked, Until: asked.AddDate(0, 0, 3), Agreed: 1, Needed: 2}
}

func TestRefusalSaysHowTheApprovalStandsThatWasAskedFor(t *testing.T) {
	s := webtest.New(t, web.Options{}, []web.Route{{Pattern: "GET /x", Audience: web.Public, Serve: failing(awaiting{})}})
	page := s.Get("/x").Body
	for _, want := range []string{"Others have to agree", "1 of 2 agreed", "1 Mar 2026, 09:00 UTC", "4 Mar 2026, 09:00 UTC"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	a := s.Do("GET", "/x", "", http.Header{"Accept": {"application/json"}})
	if want := `"approval":{"id":"a7","asked":"2026-03-01T09:00:00Z","until":"2026-03-04T09:00:00Z","agreed":1,"needed":2}`; !strings.Contains(a.Body, want) {
		t.Errorf("the problem says %s", a.Body)
	}
}

func TestSignInIsAskedForAndLedBackFrom(t *testing.T) {
	o := web.Options{Site: func() web.Site { return web.Site{SignIn: "/signin", StaffSignIn: "/console/signin"} }}
	s := webtest.New(t, o, []web.Route{
		{Pattern: "GET /portal/data", Audience: web.Portal, Serve: say("in")},
		{Pattern: "POST /portal/data", Audience: web.Portal, Serve: say("in")},
		{Pattern: "GET /console", Audience: web.Console, Serve: say("in")},
	})
	if a := s.Get("/portal/data?tab=2"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/signin?next=%2Fportal%2Fdata%3Ftab%3D2" {
		t.Errorf("%d %q", a.Status, a.Header.Get("Location"))
	}
	if a := s.Get("/console"); a.Header.Get("Location") != "/console/signin?next=%2Fconsole" {
		t.Errorf("%d %q", a.Status, a.Header.Get("Location"))
	}
	if a := s.Post("/portal/data"); a.Status != http.StatusUnauthorized || !strings.Contains(a.Body, `href="/signin?next=`) {
		t.Errorf("a form: %d", a.Status)
	}
}

func TestFreshSignInIsAskedForWhenItIsLongAgo(t *testing.T) {
	at := noon
	o := web.Options{
		Site: func() web.Site { return web.Site{StaffSignIn: "/console/signin"} },
		Now:  func() time.Time { return noon },
		Identify: func(*http.Request) (web.Identity, error) {
			return web.Identity{Actor: loot.Actor{Kind: loot.Staff, ID: "st1"}, At: at}, nil
		},
	}
	s := webtest.New(t, o, []web.Route{{Pattern: "POST /keys", Audience: web.Console, Fresh: true, Serve: say("in")}})
	if a := s.Post("/keys"); a.Status != http.StatusOK {
		t.Errorf("just signed in: %d", a.Status)
	}
	for _, at = range []time.Time{noon.Add(-web.Fresh - time.Second), {}} {
		if a := s.Post("/keys"); a.Status != http.StatusUnauthorized || strings.Contains(a.Body, "<form method=\"post\" action=\"/keys\"") {
			t.Errorf("signed in at %v: %d", at, a.Status)
		}
		a := s.Post("/keys", "title", `"Print" <all>`, "scope", "one", "scope", "two")
		for _, want := range []string{`action="/keys"`, `name="title" value="&#34;Print&#34; &lt;all&gt;"`, `name="scope" value="one"`, `name="scope" value="two"`, "Nothing that you filled in is lost"} {
			if a.Status != http.StatusUnauthorized || !strings.Contains(a.Body, want) {
				t.Errorf("status %d, lacks %s", a.Status, want)
			}
		}
		var form bytes.Buffer
		parts := multipart.NewWriter(&form)
		file, err := parts.CreateFormFile("file", "statement.md")
		if _, wrote := file.Write([]byte("the text that counts")); err != nil || wrote != nil || parts.WriteField("source", "another text") != nil || parts.Close() != nil {
			t.Fatal(err, wrote)
		}
		if a := s.Do(http.MethodPost, "/keys", form.String(), http.Header{"Content-Type": {parts.FormDataContentType()}}); a.Status != http.StatusUnauthorized || strings.Contains(a.Body, "another text") {
			t.Errorf("status %d, and half of what was sent would be sent again", a.Status)
		}
		if a := s.Post("/keys", "title", "x", "new-password", "hush hush"); a.Status != http.StatusUnauthorized || strings.Contains(a.Body, "hush hush") {
			t.Errorf("status %d, and a password is on the page", a.Status)
		}
	}
}

func TestIdentifyThatFailsClosesAllButThePublicPages(t *testing.T) {
	o := web.Options{Identify: func(*http.Request) (web.Identity, error) {
		return web.Identity{}, loot.Errorf(loot.Unavailable, "Sessions cannot be read.")
	}}
	s := webtest.New(t, o, []web.Route{
		{Pattern: "GET /statement", Audience: web.Public, Serve: say("in")},
		{Pattern: "GET /console", Audience: web.Console, Serve: say("in")},
	})
	if a := s.Get("/statement"); a.Status != http.StatusOK {
		t.Errorf("the public page: %d", a.Status)
	}
	if a := s.Get("/console"); a.Status != http.StatusServiceUnavailable {
		t.Errorf("the console: %d", a.Status)
	}
}

func TestUnknownPagesAndMethods(t *testing.T) {
	s := webtest.New(t, web.Options{}, []web.Route{{Pattern: "GET /a", Audience: web.Public, Serve: say("in")}})
	if a := s.Get("/b"); a.Status != http.StatusNotFound || !strings.Contains(a.Body, "There is nothing here") {
		t.Errorf("unknown page: %d", a.Status)
	}
	if a := s.Post("/a"); a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET, HEAD" || !strings.Contains(a.Body, "<html") {
		t.Errorf("wrong method: %d, Allow %q", a.Status, a.Header.Get("Allow"))
	}
	if a := s.Get("/api/b"); a.Status != http.StatusNotFound || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("unknown operation: %d %q", a.Status, a.Header.Get("Content-Type"))
	}
	if a := s.Do("HEAD", "/a", "", nil); a.Status != http.StatusOK || a.Body != "" {
		t.Errorf("HEAD: %d %q", a.Status, a.Body)
	}
}

// TestErrorsLeadBackFromWhereTheyAre: they stay in the console or the portal of
// whoever asks, and lead to the nearest page there.
func TestErrorsLeadBackFromWhereTheyAre(t *testing.T) {
	s := webtest.New(t, web.Options{Nav: []web.Nav{{Audience: web.Console, Label: "Approvals", Href: "/console/approvals"}}}, []web.Route{
		{Pattern: "GET /console", Audience: web.Console, Serve: say("in")},
		{Pattern: "GET /console/approvals", Audience: web.Console, Serve: say("in")},
		{Pattern: "POST /console/approvals/{id}", Audience: web.Console, Serve: func(http.ResponseWriter, *http.Request) error {
			return loot.Errorf(loot.Conflict, "You have answered this already.")
		}},
		{Pattern: "GET /console/customers/{id}", Audience: web.Console, Serve: say("in")},
		{Pattern: "POST /console/customers/{id}/open", Audience: web.Console, Serve: say("in")},
		{Pattern: "GET /console/prices", Audience: web.Console, Serve: say("in"), Roles: []loot.Role{"billing"}},
		{Pattern: "GET /portal", Audience: web.Portal, Serve: say("in")},
		{Pattern: "GET /order", Audience: web.Public, Serve: func(http.ResponseWriter, *http.Request) error {
			return web.Onward(loot.Errorf(loot.NotFound, "There is no such service."), web.Action{Label: "See the services", Href: "/services"})
		}},
	})
	staff, person := loot.Actor{Kind: loot.Staff, ID: "u1"}, loot.Actor{Kind: loot.Person, ID: "s1"}
	for _, c := range []struct {
		who                 loot.Actor
		method, path        string
		status              int
		layout, says, leads string
		not                 string
	}{
		{staff, "GET", "/console/nonsense", 404, "console", "Back to the console", `href="/console"`, "One page up"},
		{staff, "GET", "/console/approvals/a1", 405, "console", "the answer to a form", `href="/console/approvals">`, "address may have a slip"},
		{staff, "POST", "/console/approvals/a1", 409, "console", "Back to Approvals", `class="button" href="/console/approvals"`, ""},
		{staff, "GET", "/console/customers/s1/open", 405, "console", "One page up", `href="/console/customers/s1"`, ""},
		{staff, "GET", "/console/customers/s1/" + strings.Repeat("a/", 12) + "a", 404, "console", "One page up", `href="/console/customers/s1"`, ""},
		{staff, "GET", "/console/customers/s1/" + strings.Repeat("a/", 20) + "a", 404, "console", "Back to the console", `href="/console"`, "One page up"},
		{staff, "POST", "/console", 405, "console", "not asked in this way", `href="/console"`, "the answer to a form"},
		{staff, "GET", "/console/prices/old", 404, "console", "There is nothing here", `href="/console"`, "One page up"},
		{person, "GET", "/portal/nonsense", 404, "portal", "Back to your portal", `href="/portal"`, ""},
		{person, "GET", "/console/approvals/a1", 405, "site", "To the start", `href="/"`, "/console/approvals\""},
		{loot.Actor{}, "GET", "/console/nonsense", 404, "site", "To the start", `href="/"`, ""},
		{loot.Actor{}, "GET", "/order", 404, "site", "See the services", `href="/services"`, ""},
	} {
		s.Actor = c.who
		a := s.Do(c.method, c.path, "", nil)
		if a.Status != c.status || !strings.Contains(a.Body, `data-layout="`+c.layout+`"`) || !strings.Contains(a.Body, c.says) || !strings.Contains(a.Body, c.leads) || c.not != "" && strings.Contains(a.Body, c.not) {
			t.Errorf("%s %s of %q: %d\n%s", c.method, c.path, c.who.Kind, a.Status, a.Body)
		}
	}
}

func TestLogNamesTheRouteAndNothingOfThePerson(t *testing.T) {
	var b bytes.Buffer
	s := webtest.New(t, web.Options{Log: slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))}, []web.Route{
		{Pattern: "GET /c/{name}", Audience: web.Public, Serve: say("in")},
		{Pattern: "GET /f/{name}", Audience: web.Public, Serve: func(http.ResponseWriter, *http.Request) error { panic("Mustermann") }},
	})
	s.Get("/c/Mustermann?q=erika@example.org")
	s.Get("/f/Mustermann?q=erika@example.org")
	s.Get("/none/Mustermann")
	log := b.String()
	for _, bad := range []string{"Mustermann", "erika", "127.0.0.1", "Go-http-client"} {
		if strings.Contains(log, bad) {
			t.Errorf("the log says %q:\n%s", bad, log)
		}
	}
	for _, want := range []string{`"route":"GET /c/{name}"`, `"status":200`, `"status":500`, `"status":404`, "panicked: string"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
}

func TestForeignHandlersOnTheMuxAreGuardedToo(t *testing.T) {
	shell := web.New(web.Options{Now: func() time.Time { return noon }})
	mux := http.NewServeMux()
	shell.Mount(mux)
	mux.HandleFunc("GET /api/panic", func(http.ResponseWriter, *http.Request) { panic("Erika") })
	mux.HandleFunc("POST /api/x", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "in") })
	h := shell.Handler(mux)
	rec := serve(h, "GET", "/api/panic", nil)
	if rec.Code != 500 || strings.Contains(rec.Body.String(), "Erika") || rec.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("panic: %d %s", rec.Code, rec.Body)
	}
	if rec := serve(h, "POST", "/api/x", http.Header{"Sec-Fetch-Site": {"cross-site"}}); rec.Code != http.StatusForbidden {
		t.Errorf("a write from another site: %d", rec.Code)
	}
	if rec := serve(h, "POST", "/api/x", nil); rec.Code != 200 || rec.Header().Get("Content-Security-Policy") == "" {
		t.Errorf("a program: %d %v", rec.Code, rec.Header())
	}
}
