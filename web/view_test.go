package web_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/web"
	"loot/web/webtest"
)

type plainView struct{ web.View }

var plainPage = web.NewPage[plainView](galleryFiles, "testdata/gallery/plain.html")

func showPlain(w http.ResponseWriter, r *http.Request) error {
	return plainPage.Render(w, r, http.StatusOK, plainView{web.ViewOf(r, "Plain")})
}

// node returns a server that says something on the page after a POST to /a.
func node(t *testing.T, secret string, now *time.Time) *webtest.Site {
	t.Helper()
	return webtest.New(t, web.Options{Now: func() time.Time { return *now }, Secret: []byte(secret), BaseURL: "https://loot.example"}, []web.Route{
		{Pattern: "GET /a", Audience: web.Public, Serve: showPlain},
		{Pattern: "POST /a", Audience: web.Public, Serve: func(w http.ResponseWriter, r *http.Request) error {
			web.SetFlash(w, r, web.Good, "Your change is saved.")
			return web.Redirect(w, r, "/a")
		}},
		{Pattern: "POST /b", Audience: web.Public, Serve: func(w http.ResponseWriter, r *http.Request) error {
			web.SetFlash(w, r, web.Good, "Your change is saved.")
			return errors.New("after all not")
		}},
	})
}

const saved = `<div class="alert good" role="status">`

func TestFlashIsShownOnceAndSoon(t *testing.T) {
	now := noon
	s := node(t, "one", &now)
	a := s.Post("/a")
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/a" {
		t.Fatalf("%d %q", a.Status, a.Header.Get("Location"))
	}
	c := a.Header.Get("Set-Cookie")
	for _, want := range []string{"flash=", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=60"} {
		if !strings.Contains(c, want) {
			t.Errorf("the cookie %q is not %s", c, want)
		}
	}
	for i, want := range []bool{true, false} {
		if got := strings.Contains(s.Get("/a").Body, saved); got != want {
			t.Errorf("look %d: shown %v", i+1, got)
		}
	}
	s.Post("/b")
	if strings.Contains(s.Get("/a").Body, saved) {
		t.Error("a change that failed is said to be saved")
	}
	s.Post("/a")
	now = now.Add(61 * time.Second)
	if strings.Contains(s.Get("/a").Body, saved) {
		t.Error("an old message is shown")
	}
}

// TestFlashIsShownByWhicheverNodeAnswers: what one node says, another with the
// same secret shows, and nobody else can make either say anything.
func TestFlashIsShownByWhicheverNodeAnswers(t *testing.T) {
	now := noon
	one, same, other := node(t, "one", &now), node(t, "one", &now), node(t, "other", &now)
	c, _, _ := strings.Cut(one.Post("/a").Header.Get("Set-Cookie"), ";")
	shown := func(s *webtest.Site, cookie string) bool {
		return strings.Contains(s.Do(http.MethodGet, "/a", "", http.Header{"Cookie": {cookie}}).Body, `role="status"`)
	}
	if !shown(same, c) {
		t.Error("a message is lost when another node answers")
	}
	if shown(other, c) {
		t.Error("a message that others signed is shown")
	}
	sealed, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(c, "flash="))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		forged := bytes.Clone(sealed)
		forged[i] ^= 1
		if shown(same, "flash="+base64.RawURLEncoding.EncodeToString(forged)) {
			t.Fatalf("a message whose byte %d somebody changed is shown", i)
		}
	}
	for _, forged := range []string{"flash=", "flash=x", "flash=" + base64.RawURLEncoding.EncodeToString([]byte("9999999999.good.Please send us your password.")), "flash=" + strings.Repeat("A", 5000)} {
		if shown(same, forged) {
			t.Errorf("%.40q is shown", forged)
		}
	}
}

func TestThemeIsKeptWithoutAScript(t *testing.T) {
	s := webtest.New(t, web.Options{BaseURL: "https://loot.example"}, []web.Route{{Pattern: "GET /a", Audience: web.Public, Serve: showPlain}})
	if !strings.Contains(s.Get("/a").Body, `data-theme="auto"`) {
		t.Error("the theme is not that of the system at first")
	}
	a := s.Post("/theme", "theme", "dark", "back", "/a?x=1")
	if a.Status != 303 || a.Header.Get("Location") != "/a?x=1" || !strings.Contains(a.Header.Get("Set-Cookie"), "Secure") {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	if !strings.Contains(s.Get("/a").Body, `data-theme="dark"`) {
		t.Error("the choice is not kept")
	}
	a = s.Post("/theme", "theme", "auto", "back", "//evil.example")
	if a.Header.Get("Location") != "/" || !strings.Contains(a.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("as the system has it: %v", a.Header)
	}
	s.Post("/theme", "theme", `"><script>`, "back", "/a")
	if !strings.Contains(s.Get("/a").Body, `data-theme="auto"`) {
		t.Error("an unknown theme is kept")
	}
}

func TestAssetsAreForEverAndPacked(t *testing.T) {
	s := webtest.New(t, web.Options{})
	page := s.Get("/none").Body
	for _, name := range []string{"loot.css", "loot.js", "htmx.js", "icon.svg", "inter-latin.woff2"} {
		url := web.Asset(name)
		if !strings.Contains(page, url) {
			t.Errorf("the page does not name %s", url)
		}
		a := s.Get(url)
		if a.Status != 200 || a.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %q", name, a.Status, a.Header.Get("Cache-Control"))
		}
	}
	a := s.Do("GET", web.Asset("loot.css"), "", http.Header{"Accept-Encoding": {"gzip"}})
	if a.Header.Get("Content-Encoding") != "gzip" || len(a.Body) > 12_000 {
		t.Errorf("packed: %q, %d bytes", a.Header.Get("Content-Encoding"), len(a.Body))
	}
	for _, url := range []string{"/assets/old/loot.css", web.Asset("nothing.css"), "/assets/x/..%2f..%2fgo.mod"} {
		if a := s.Get(url); a.Status != http.StatusNotFound || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q", url, a.Status, a.Header.Get("Cache-Control"))
		}
	}
	url := web.NewAsset("x/verify.js", []byte("const a = 1;"))
	if a := s.Get(url); a.Body != "const a = 1;" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("%s: %q", url, a.Body)
	}
}

// TestAPageWithoutAnEntryStandsUnderTheNearestOnItsWay.
func TestAPageWithoutAnEntryStandsUnderTheNearestOnItsWay(t *testing.T) {
	s := webtest.New(t, web.Options{Nav: []web.Nav{
		{Audience: web.Portal, Order: 10, Label: "What we hold", Href: "/portal", Exact: true},
		{Audience: web.Portal, Order: 20, Label: "Invoices", Href: "/portal/invoices"},
	}}, []web.Route{
		{Pattern: "GET /portal/correct/{field}", Audience: web.Portal, Serve: func(w http.ResponseWriter, r *http.Request) error {
			v := web.ViewOf(r, "Correct")
			v.Crumbs = []web.Crumb{{Label: "Elsewhere", Href: "/portal/invoices"}, {Label: "What we hold", Href: "/portal"}, {Label: "No entry", Href: "/portal/other"}}
			return web.Document(w, r, v, "")
		}},
	})
	s.Actor = loot.Actor{Kind: loot.Person, ID: "p1"}
	page := s.Get("/portal/correct/phone").Body
	if !strings.Contains(page, `href="/portal" aria-current="page"`) || strings.Contains(page, `href="/portal/invoices" aria-current`) {
		t.Error("the entry on the way to the page is not marked")
	}
}

func TestNavigationShowsWhatOneMaySeeAndWhereOneIs(t *testing.T) {
	asked := 0
	now := noon
	o := web.Options{Now: func() time.Time { return now }, Nav: []web.Nav{
		{Audience: web.Console, Group: "Company", Order: 30, Label: "Staff", Href: "/console/staff", Roles: []loot.Role{"admin"}},
		{Audience: web.Console, Group: "Work", Order: 20, Label: "Checks", Href: "/console/checks", Count: func(context.Context) (int, error) { asked++; return 1200 + asked, nil }},
		{Audience: web.Console, Group: "Work", Order: 21, Label: "Broken", Href: "/console/broken", Count: func(context.Context) (int, error) { return 0, errors.New("no table") }},
		{Audience: web.Console, Order: 10, Label: "Overview", Href: "/console"},
		{Audience: web.Portal, Order: 10, Label: "Invoices", Href: "/portal/invoices"},
		{Audience: web.Public, Group: web.Footer, Label: "Questions", Href: "/questions"},
	}}
	s := webtest.New(t, o, []web.Route{
		{Pattern: "GET /console/checks/{id}", Audience: web.Console, Serve: showPlain},
		{Pattern: "GET /console/other", Audience: web.Console, Serve: showPlain},
		{Pattern: "POST /console/other", Audience: web.Console, Serve: say("done")},
		{Pattern: "GET /portal", Audience: web.Portal, Serve: showPlain},
	})
	s.Actor = loot.Actor{Kind: loot.Staff, ID: "st1"}
	page := s.Get("/console/checks/7").Body
	if !strings.Contains(page, `href="/console/checks" aria-current="page"`) || strings.Contains(page, `href="/console" aria-current`) {
		t.Error("the place where one is is not marked")
	}
	if strings.Contains(page, "/console/staff") || strings.Contains(page, "/portal/invoices") {
		t.Error("shows what is not for them")
	}
	if strings.Index(page, "Overview") > strings.Index(page, "Checks") {
		t.Error("the order is not kept")
	}
	if !strings.Contains(page, "999+") || !strings.Contains(page, "Broken") {
		t.Error("the count is not shown")
	}
	if !strings.Contains(s.Get("/console/other").Body, `href="/console" aria-current="page"`) {
		t.Error("a page without an entry of its own is not under the overview")
	}
	if asked != 1 {
		t.Errorf("counted %d times for two looks", asked)
	}
	s.Post("/console/other")
	s.Get("/console/other")
	if asked != 2 {
		t.Errorf("counted %d times after a change", asked)
	}
	now = now.Add(6 * time.Second)
	s.Get("/console/other")
	if asked != 3 {
		t.Errorf("counted %d times after a while", asked)
	}
	s.Actor = loot.Actor{Kind: loot.Person, ID: "s1"}
	if page := s.Get("/portal").Body; !strings.Contains(page, "/portal/invoices") || !strings.Contains(page, "/questions") || strings.Contains(page, "/console/checks") {
		t.Error("the portal's navigation is not the portal's")
	}
}

func TestDemonstrationIsMarkedOnEveryPage(t *testing.T) {
	demo := false
	s := webtest.New(t, web.Options{Site: func() web.Site { return web.Site{Demo: demo} }}, []web.Route{{Pattern: "GET /a", Audience: web.Public, Serve: showPlain}})
	for _, demo = range []bool{false, true} {
		for _, path := range []string{"/a", "/none"} {
			if got := strings.Contains(s.Get(path).Body, `class="ribbon"`); got != demo {
				t.Errorf("%s: ribbon %v, want %v", path, got, demo)
			}
		}
	}
}

func TestCodeIsMarkedAndEscaped(t *testing.T) {
	got := string(web.Code("cedar", "@notify(\"a\") permit (principal is Staff) when { \"<b>\" == context.x }; // <i>"))
	for _, want := range []string{`<span class="ca">@notify</span>`, `<span class="ck">permit</span>`, `<span class="ct">Staff</span>`, `<span class="cs">&#34;&lt;b&gt;&#34;</span>`, `<span class="cc">// &lt;i&gt;</span>`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	yaml := string(web.Code("yaml", "fields:\n  - vat.id: {max: 5} # Länge\n"))
	for _, want := range []string{`<span class="ck">fields</span>`, `<span class="ck">vat.id</span>`, `<span class="cc"># Länge</span>`} {
		if !strings.Contains(yaml, want) {
			t.Errorf("%q is not in %s", want, yaml)
		}
	}
	for _, odd := range []string{"", "\"", "\"\\", "@", "//", "a:", "- ", "ü\x00<"} {
		for _, syntax := range []string{"cedar", "yaml", "json", ""} {
			if out := string(web.Code(syntax, odd)); strings.Contains(out, "<<") {
				t.Errorf("%s of %q: %s", syntax, odd, out)
			}
		}
	}
}

type wordsView struct {
	web.View
	Mail string
	Uses int
}

// Facts is how a page lists an address.
func (v wordsView) Facts() []web.Fact { return []web.Fact{{Term: "E-mail", Value: v.Mail, Mail: true}} }

var wordsPage = web.NewPage[wordsView](galleryFiles, "testdata/gallery/words.html")

// shown returns the page of v.
func shown(t *testing.T, v wordsView) string {
	t.Helper()
	s := webtest.New(t, web.Options{}, []web.Route{{Pattern: "GET /a", Audience: web.Public, Serve: func(w http.ResponseWriter, r *http.Request) error {
		v.View = web.ViewOf(r, "Words")
		return wordsPage.Render(w, r, http.StatusOK, v)
	}}})
	return s.Get("/a").Body
}

func TestAnAddressBreaksBetweenItsWords(t *testing.T) {
	for address, want := range map[string]string{
		`"<b>"@mail.example`: `&#34;&lt;b&gt;&#34;@<wbr>mail.<wbr>example`,
		"@a.":                "@<wbr>a.",
	} {
		if got := shown(t, wordsView{Mail: address}); !strings.Contains(got, "<dd>"+want+"</dd>") {
			t.Errorf("%q: %s", address, got)
		}
	}
}

func TestNumbersReadAsPeopleWriteThem(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567", -45000: "−45\u202f000"} {
		if got := web.Number(n); got != want {
			t.Errorf("Number(%d) = %q", n, got)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "1.5 kB", 9960: "10 kB", 2_400_000: "2.4 MB", 3_000_000_000_000_000: "3000 TB"} {
		if got := web.Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q", n, got)
		}
	}
	for n, want := range map[int]string{0: "0 uses", 1: "1 use", 2: "2 uses", 12345: "12\u202f345 uses"} {
		if got := shown(t, wordsView{Uses: n}); !strings.Contains(got, "<p>"+want+"</p>") {
			t.Errorf("%d: %s", n, got)
		}
	}
}
