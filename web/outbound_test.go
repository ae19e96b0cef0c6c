package web_test

import (
	"html"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"loot/web"
	"loot/web/webtest"
)

// linked is a site with one page, which has the body given.
func linked(t *testing.T, notice bool, body string) *webtest.Site {
	t.Helper()
	return webtest.New(t, web.Options{BaseURL: "https://loot.example", Secret: []byte("one"), Site: func() web.Site { return web.Site{Notice: notice, Statement: "/statement"} }}, []web.Route{
		{Pattern: "GET /page", Audience: web.Public, Serve: func(w http.ResponseWriter, r *http.Request) error {
			return web.Document(w, r, web.ViewOf(r, "A page"), template.HTML(body))
		}},
	})
}

var marked = regexp.MustCompile(`<span class="outbound">&NoBreak;<svg [^>]*aria-hidden="true"><use [^>]*></use></svg><span class="hidden"> \(another site\)</span></span></a>`)

func TestLinksToOtherSitesAreMarked(t *testing.T) {
	for body, want := range map[string]string{
		`<a href="https://other.example">O</a>`:                                       `<a href="https://other.example" rel="noopener noreferrer">O`,
		`<a class="button" href="http://other.example/a?b&amp;c#d" title="T">O</a>`:   `<a class="button" href="http://other.example/a?b&amp;c#d" title="T" rel="noopener noreferrer">O`,
		`<a href="https://other.example" target="_blank" rel="noopener"><b>O</b></a>`: `<a href="https://other.example" target="_blank" rel="noopener noreferrer"><b>O</b>`,
		`<a href="//other.example/a">O</a>`:                                           `<a href="//other.example/a" rel="noopener noreferrer">O`,
		`<a href="HTTPS://other.example">O</a>`:                                       `<a href="HTTPS://other.example" rel="noopener noreferrer">O`,
		"<a\n  href=\"https://other.example\">O</a>":                                  "<a\n  href=\"https://other.example\" rel=\"noopener noreferrer\">O",
		`<a href="https://loot.example.other.example">O</a>`:                          `<a href="https://loot.example.other.example" rel="noopener noreferrer">O`,
		`<a href="https://loot.example@other.example">O</a>`:                          `<a href="https://loot.example@other.example" rel="noopener noreferrer">O`,
		`<a href="http://loot.example/">O</a>`:                                        `<a href="http://loot.example/" rel="noopener noreferrer">O`,
		`<a href="https://loot.example:8443/">O</a>`:                                  `<a href="https://loot.example:8443/" rel="noopener noreferrer">O`,
		`<a href="https://other.example:port">O</a>`:                                  `<a href="https://other.example:port" rel="noopener noreferrer">O`,
	} {
		page := linked(t, false, "<p>Before "+body+" after.</p>").Get("/page").Body
		_, got, _ := strings.Cut(page, "<p>Before ")
		got, _, _ = strings.Cut(got, " after.</p>")
		if !marked.MatchString(got) || marked.ReplaceAllString(got, "") != want {
			t.Errorf("%s became\n%s", body, got)
		}
	}
	for _, body := range []string{
		`<a href="/statement">O</a>`, `<a href="#https://x">O</a>`, `<a href="/leave?to=https://other.example">O</a>`, `<a href="mailto:a@other.example?body=https://x">O</a>`,
		`<a href="https://loot.example/a">O</a>`, `<a href="https://LOOT.example">O</a>`, `<a id="x">https://other.example</a>`,
		`<code>&lt;a href="https://other.example"&gt;O&lt;/a&gt;</code>`, `<a href="/a">O`,
	} {
		if page := linked(t, true, "<p>Before "+body+" after.</p>").Get("/page").Body; !strings.Contains(page, "<p>Before "+body+" after.</p>") {
			t.Errorf("%s was changed", body)
		}
	}
}

// One link changes nothing of those beside it, and pages that follow each other
// hold nothing of one another.
func TestMarkingLeavesThePageWhole(t *testing.T) {
	s := linked(t, false, `<p><a href="/a">A</a><a href="https://b.example">B</a><a href="/c">C</a><a href="https://d.example">D</a> end</p>`)
	for range 20 {
		page := s.Get("/page").Body
		if !strings.Contains(marked.ReplaceAllString(page, "</a>"), `<p><a href="/a">A</a><a href="https://b.example" rel="noopener noreferrer">B</a><a href="/c">C</a><a href="https://d.example" rel="noopener noreferrer">D</a> end</p>`) {
			t.Fatalf("the page is %s", page)
		}
		if strings.Count(page, "<!DOCTYPE") != 1 || !strings.HasSuffix(strings.TrimSpace(page), "</html>") {
			t.Fatal("the page holds another one, or is cut")
		}
	}
}

var firstLink = regexp.MustCompile(`<p>Before <a href="([^"]*)" data-to="([^"]*)">`)

// notice returns the address of the notice before a link of a page.
func notice(t *testing.T, s *webtest.Site) string {
	t.Helper()
	m := firstLink.FindStringSubmatch(s.Get("/page").Body)
	if m == nil {
		t.Fatal("the link does not lead over the notice")
	}
	return html.UnescapeString(m[1])
}

func TestNoticeNamesTheSite(t *testing.T) {
	for to, want := range map[string][]string{
		"https://other.example/a?b=c&d=e": {`<p class="leave-host">other.<wbr>example</p>`, `<code>https://other.example/a?b=c&amp;d=e</code>`, `href="https://other.example/a?b=c&amp;d=e" rel="noopener noreferrer"`},
		"https://bücher.example/":         {`<p class="leave-host">bücher.<wbr>example</p>`, `<code>xn--bcher-kva.example</code>`},
		"https://xn--bcher-kva.example/":  {`<p class="leave-host">bücher.<wbr>example</p>`, `<code>xn--bcher-kva.example</code>`},
		"https://other.example:8443/":     {`<p class="leave-host">other.<wbr>example:8443</p>`},
		"https://loot.example@evil.test/": {`<p class="leave-host">evil.<wbr>test</p>`},
		"https://under_score.example/":    {`<p class="leave-host">under_score.<wbr>example</p>`},
	} {
		s := linked(t, true, `<p>Before <a href="`+html.EscapeString(to)+`">O</a></p>`)
		a := s.Do(http.MethodGet, notice(t, s), "", http.Header{"Referer": {s.Server.URL + "/page?x=1"}})
		if a.Status != http.StatusOK {
			t.Errorf("%s: answered with %d", to, a.Status)
		}
		for _, w := range append(want, `<a class="button" href="/page?x=1">`, "(another site)") {
			if !strings.Contains(a.Body, w) {
				t.Errorf("%s: the notice lacks %s", to, w)
			}
		}
		if strings.Contains(a.Body, "leave-to") != (to == "https://other.example/a?b=c&d=e" || strings.Contains(to, "@") || strings.Contains(to, "xn--")) {
			t.Errorf("%s: the whole address is shown though it says no more than the host, or is not", to)
		}
		if strings.Contains(a.Body, "The net knows it") != strings.Contains(strings.Join(want, ""), "xn--") {
			t.Errorf("%s: other letters are spoken of where there are none, or not where there are", to)
		}
	}
}

// The notice lends itself to no link but ours: it shows nothing of an address
// that it was not signed for.
func TestNoticeLeadsNowhereElse(t *testing.T) {
	s := linked(t, true, `<p>Before <a href="https://other.example">O</a></p>`)
	signed, err := url.Parse(notice(t, s))
	if err != nil {
		t.Fatal(err)
	}
	by := signed.Query().Get("by")
	other := linked(t, true, "")
	if a := other.Get(signed.String()); a.Status != http.StatusOK {
		t.Errorf("another node with the same secret: %d", a.Status)
	}
	for name, q := range map[string]url.Values{
		"nothing": {}, "no signature": {"to": {"https://evil.test"}}, "an empty one": {"to": {"https://evil.test"}, "by": {""}},
		"that of another link": {"to": {"https://evil.test"}, "by": {by}}, "a longer address": {"to": {"https://other.example.evil.test"}, "by": {by}},
		"a second address": {"to": {"https://evil.test", "https://other.example"}, "by": {by}},
		"not base64":       {"to": {"https://other.example"}, "by": {by + "!"}}, "a script": {"to": {"javascript:alert(1)"}, "by": {by}},
	} {
		a := s.Get("/leave?" + q.Encode())
		if a.Status != http.StatusNotFound || strings.Contains(a.Body, `href="https://evil`) || strings.Contains(a.Body, `href="javascript`) || strings.Contains(a.Body, "Go there") {
			t.Errorf("%s: answered with %d", name, a.Status)
		}
	}
	broken := linked(t, true, `<p>Before <a href="https://other.example:port">O</a></p>`)
	if a := broken.Get(notice(t, broken)); a.Status != http.StatusNotFound {
		t.Errorf("an address that cannot be read: %d", a.Status)
	}
}
