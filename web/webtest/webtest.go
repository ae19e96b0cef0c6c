// Package webtest helps desks test their pages: every template against the
// type of its data, every icon against the sprite, and requests through the
// whole shell.
package webtest

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jba/templatecheck"

	"loot"
	"loot/web"
)

var iconUse = regexp.MustCompile(`icon "([a-z0-9-]+)"`)

// CheckPages checks every page of the packages that the test imports: that
// its template fits the type of its data, names only icons that there are,
// and has no style attribute and no inline script.
func CheckPages(t testing.TB) {
	t.Helper()
	for _, p := range web.Pages() {
		page := p.Parse()
		if err := templatecheck.CheckHTML(page, p.Data); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		for _, tm := range page.Templates() {
			if tm.Tree == nil {
				continue
			}
			source := tm.Tree.Root.String()
			for _, m := range iconUse.FindAllStringSubmatch(source, -1) {
				if web.Icon(m[1]) == "" {
					t.Errorf("%s: the sprite has no icon %q", p.Name, m[1])
				}
			}
			for _, bad := range []string{" style=", "<style", "javascript:", " onclick=", " onchange=", " onsubmit=", "hx-on"} {
				if strings.Contains(source, bad) {
					t.Errorf("%s: template %q has %q, which the content security policy refuses", p.Name, tm.Name(), bad)
				}
			}
		}
	}
}

var idUse = regexp.MustCompile(`<[a-z][^>]*\sid="([^"]*)"`)

// A Site is a shell with the routes given, reached as a browser reaches it.
type Site struct {
	t       testing.TB
	Shell   *web.Shell
	Server  *httptest.Server
	Actor   loot.Actor // who asks; may be changed between requests
	cookies map[string]string
}

// New starts a site. The clock stands still at 1 March 2026 unless the options give one.
func New(t testing.TB, o web.Options, routes ...[]web.Route) *Site {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Site{t: t, cookies: map[string]string{}}
	if o.Identify == nil {
		o.Identify = func(*http.Request) (web.Identity, error) {
			return web.Identity{Actor: s.Actor, Name: "Test", At: o.Now()}, nil
		}
	}
	s.Shell = web.New(o)
	mux := http.NewServeMux()
	s.Shell.Mount(mux, routes...)
	s.Server = httptest.NewServer(s.Shell.Handler(mux))
	t.Cleanup(s.Server.Close)
	return s
}

// An Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Get asks for a page and follows nothing.
func (s *Site) Get(path string) Answer {
	s.t.Helper()
	return s.Do(http.MethodGet, path, "", nil)
}

// Post sends a form, given as name and value in turn.
func (s *Site) Post(path string, pairs ...string) Answer {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return s.Do(http.MethodPost, path, form.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

// Do sends any request, and keeps the cookies that come back.
func (s *Site) Do(method, path, body string, header http.Header) Answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.Server.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	for name, value := range s.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := s.Server.Client().Transport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, c := range resp.Cookies() {
		if c.MaxAge < 0 {
			delete(s.cookies, c.Name)
		} else {
			s.cookies[c.Name] = c.Value
		}
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		seen := map[string]bool{}
		for _, m := range idUse.FindAllStringSubmatch(string(b), -1) {
			if seen[m[1]] {
				s.t.Errorf("%s %s: two elements have the id %q, so that a label may lead to the wrong one", method, path, m[1])
			}
			seen[m[1]] = true
		}
	}
	return Answer{resp.StatusCode, resp.Header, string(b)}
}
