package tag_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"loot/tag"
)

// within is how long one step may take on a slow machine.
const within = 30 * time.Second

// A site has pages at one origin; the script is served at another, to which it
// sends.
type site struct {
	t     *testing.T
	pages map[string]string // what stands in the body, by path
	embed tag.Embedding     // what the case says of it; the addresses are filled in
	head  string            // what runs in each page before the script
	serve string            // instead of the script's text, if not empty

	home, away string // origins
	mu         sync.Mutex
	beacons    []tag.Beacon
	pixels     []string     // Referer
	ready      []url.Values // what pages said of themselves
	changed    chan struct{}
}

// Each page counts what is sent from it, and what goes wrong in it.
const counting = `<script>
	window.sends = []; window.wrong = [];
	addEventListener("error", e => wrong.push(e.message));
	addEventListener("unhandledrejection", e => wrong.push(String(e.reason)));
	addEventListener("securitypolicyviolation", e => wrong.push(e.violatedDirective));
	const beacon = Navigator.prototype.sendBeacon;
	Navigator.prototype.sendBeacon = function (to, body) { sends.push(body); return beacon.call(this, to, body) };
</script>`

func open(t *testing.T, s *site) *site {
	t.Helper()
	s.t, s.changed = t, make(chan struct{})
	home, away := httptest.NewServer(s), httptest.NewServer(s)
	t.Cleanup(home.Close)
	t.Cleanup(away.Close)
	s.home, s.away = home.URL, away.URL
	if s.embed.Script.Text == "" {
		s.embed.Script = tag.Core()
	}
	s.embed.Src = s.away + "/count/" + s.embed.Script.Hash + ".js"
	s.embed.Pixel = s.away + "/count/pixel"
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, body := r.URL.Path, s.pages[r.URL.Path]
	switch {
	case r.Method == http.MethodOptions:
		s.t.Errorf("the browser asks before it sends to %s", path)
	case r.Method == http.MethodPost:
		if got := r.Header.Get("Content-Type"); got != "text/plain;charset=UTF-8" {
			s.t.Errorf("a beacon is %q, which a browser asks about first", got)
		}
		if to, _ := url.Parse(cmp.Or(s.embed.To, s.embed.Src)); to.Path != path {
			s.t.Errorf("a beacon went to %s", path)
		}
		text, err := io.ReadAll(r.Body)
		if err != nil {
			s.t.Errorf("a beacon breaks off: %v", err)
		}
		b, err := tag.Parse(text)
		if err != nil {
			s.t.Errorf("%v: %s", err, text)
		}
		s.note(func() { s.beacons = append(s.beacons, b) })
		w.WriteHeader(http.StatusAccepted)
	case path == "/count/pixel":
		s.note(func() { s.pixels = append(s.pixels, r.Referer()) })
	case strings.HasPrefix(path, "/count/"):
		w.Header().Set("Content-Type", "text/javascript")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		io.WriteString(w, cmp.Or(s.serve, s.embed.Script.Text))
	case path == "/ready":
		s.note(func() { s.ready = append(s.ready, r.URL.Query()) })
	case path == "/prepared":
		s.until("a page is prepared", func() bool { return slices.ContainsFunc(s.ready, prepared) })
	case strings.HasPrefix(path, "/files/"):
		w.Header().Set("Content-Disposition", "attachment")
	case body == "":
		http.NotFound(w, r)
	default:
		snippet, err := tag.Embed(s.embed)
		if err != nil {
			s.t.Error(err)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// A strict policy but for what the test itself needs.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' "+
			s.away+"; connect-src 'self' "+s.away+"; img-src "+s.away+"; form-action 'self'")
		fmt.Fprintf(w, "<!doctype html><title>%s</title>%s%s<body style='margin:0'>%s\n%s", path, counting, s.head, body, snippet)
	}
}

func prepared(ready url.Values) bool { return ready.Get("prerendering") == "true" }

func (s *site) note(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// until waits for what the server hears.
func (s *site) until(what string, is func() bool) {
	timeout := time.After(within)
	for {
		s.mu.Lock()
		done, changed := is(), s.changed
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			s.t.Errorf("%s: not within %v; told: %s", what, within, s.said())
			return
		}
	}
}

func (s *site) said() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.beacons {
		at := strings.TrimPrefix(b.URL, s.home)
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", b.Kind, at, b.Name, b.Target)))
	}
	slices.Sort(out)
	return out
}

// tells fails unless exactly this is sent, whatever arrives first, and returns
// it.
func (s *site) tells(want ...string) []tag.Beacon {
	s.t.Helper()
	slices.Sort(want)
	s.until(fmt.Sprintf("%d beacons", len(want)), func() bool { return len(s.beacons) >= len(want) })
	if got := s.said(); !slices.Equal(got, want) {
		s.t.Fatalf("told:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	views := map[tag.PageID]string{}
	for _, b := range s.beacons {
		if b.Kind == tag.View {
			views[b.Page] = b.URL
		}
	}
	if want := slices.DeleteFunc(want, func(w string) bool { return !strings.HasPrefix(w, "view ") }); len(views) != len(want) {
		s.t.Errorf("%d views have %d ids", len(want), len(views))
	}
	for _, b := range s.beacons {
		if views[b.Page] != b.URL {
			s.t.Errorf("%+v is of no view", b)
		}
	}
	return slices.Clone(s.beacons)
}

// only returns the one beacon of a kind for a path.
func (s *site) only(kind tag.Kind, path string) tag.Beacon {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []tag.Beacon
	for _, b := range s.beacons {
		if b.Kind == kind && b.URL == s.home+path {
			found = append(found, b)
		}
	}
	if len(found) != 1 {
		s.t.Fatalf("%d beacons say %s of %s", len(found), kind, path)
	}
	return found[0]
}

// chromium starts one for all cases; each has tabs of its own.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("the tests need Debian's chromium; scripts/install-test-tools installs it")
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithNewWindow(false)) // of two tabs of a window, one is hidden
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium does not start: %v", err)
	}
	if _, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorDeny}); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// A tab is one of the browser.
type tab struct {
	t   *testing.T
	ctx context.Context
	s   *site
}

func (s *site) tab(ctx context.Context, options ...chromedp.ContextOption) *tab {
	s.t.Helper()
	ctx, cancel := chromedp.NewContext(ctx, options...)
	s.t.Cleanup(cancel)
	b := &tab{s.t, ctx, s}
	if err := chromedp.Do(ctx); err != nil { // a tab lives as long as the context of its first step
		s.t.Fatal(err)
	}
	return b
}

// visit opens a page in a tab of its own, in front.
func (s *site) visit(ctx context.Context, path string) *tab {
	s.t.Helper()
	b := s.tab(ctx)
	b.do(chromedp.EmulateViewport(1200, 800), chromedp.Navigate(s.home+path))
	b.front()
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func call[P, R any](b *tab, c cdp.Command[P, R], params P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, c, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// eval runs the body of a function in the page and returns what it returns.
func eval[T any](b *tab, body string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T]("(async () => {"+body+"\n})()", chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%v in %s", err, body)
	}
	return v
}

func (b *tab) run(body string) {
	b.t.Helper()
	eval[json.RawMessage](b, body+"; return null")
}

// front brings the tab before the others, which are hidden then.
func (b *tab) front() {
	b.t.Helper()
	call(b, page.BringToFront, cdp.Empty{})
	b.run(`while (document.hidden || !document.hasFocus()) await new Promise(r => setTimeout(r, 5))`)
}

// leave leaves the page for an empty one. Nothing may have gone wrong there.
func (b *tab) leave() {
	b.t.Helper()
	if wrong := eval[[]string](b, `return wrong`); len(wrong) > 0 {
		b.t.Errorf("in the page: %v", wrong)
	}
	b.do(chromedp.Navigate("about:blank"))
}

func TestInABrowser(t *testing.T) {
	ctx := chromium(t)

	t.Run("first load", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": "<a id=b href=/b>b</a>", "/b": "b"}, embed: tag.Embedding{Site: "shop"}})
		b := s.visit(ctx, "/?utm_source=letter#part")
		b.run(`document.querySelector("#b").click()`)
		s.tells("view /?utm_source=letter", "engagement /?utm_source=letter", "view /b")
		b.leave()
		s.tells("view /?utm_source=letter", "engagement /?utm_source=letter", "view /b", "engagement /b")
		first := s.only(tag.View, "/?utm_source=letter")
		want := tag.Beacon{Kind: tag.View, Page: first.Page, URL: s.home + "/?utm_source=letter", Site: "shop", Width: 3, Automated: true}
		if first != want {
			t.Errorf("got %+v, want %+v", first, want)
		}
		if got := s.only(tag.View, "/b").Referrer; got != s.home+"/?utm_source=letter" {
			t.Errorf("the second page comes from %q", got)
		}
	})

	for _, c := range []struct {
		name, head, push string
		back             int
	}{
		{"pushState", "", `window.go = async to => history.pushState(null, "", to)`, 4},
		{"pushState without the Navigation API", `<script>Object.defineProperty(window, "navigation", {value: undefined})</script>`, `window.go = async to => history.pushState(null, "", to)`, 4},
		{"Navigation API", "", `
			navigation.addEventListener("navigate", e => { if (!e.hashChange) e.intercept() });
			window.go = to => navigation.navigate(to).finished`, 3}, // which makes no second entry of the same address
	} {
		t.Run("single page by "+c.name, func(t *testing.T) {
			s := open(t, &site{pages: map[string]string{"/": "one"}, head: c.head})
			b := s.visit(ctx, "/")
			b.run(c.push)
			b.run(`await go("/a"); await go("/b"); await go("/b")`)
			b.run(`const there = new Promise(r => addEventListener("hashchange", r)); location.hash = "part"; await there`)
			b.run(fmt.Sprintf(`const there = new Promise(r => addEventListener("popstate", r)); history.go(-%d); await there`, c.back))
			b.run(`const there = new Promise(r => addEventListener("popstate", r)); history.forward(); await there`)
			b.run(`history.replaceState(null, "", "/a?letter=b")`)
			b.leave()
			all := s.tells("view /", "engagement /", "view /a", "engagement /a", "view /b", "engagement /b", "view /", "engagement /", "view /a", "engagement /a")
			var from []string
			for _, b := range all {
				if b.Kind == tag.View {
					from = append(from, strings.TrimPrefix(b.Referrer, s.home))
				}
			}
			slices.Sort(from)
			if want := []string{"", "/", "/", "/a", "/b"}; !slices.Equal(from, want) {
				t.Errorf("the views come from %q, want %q", from, want)
			}
		})
	}

	t.Run("hash as page", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": "one"}, embed: tag.Embedding{Hash: true}})
		s.embed.To = s.away + "/tell"
		b := s.visit(ctx, "/#one")
		b.run(`const there = new Promise(r => addEventListener("hashchange", r)); location.hash = "two"; await there`)
		b.leave()
		s.tells("view /#one", "engagement /#one", "view /#two", "engagement /#two")
	})

	t.Run("back-forward cache", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": "one", "/b": "two"}})
		b := s.visit(ctx, "/")
		b.run(`addEventListener("pageshow", e => { window.cached = e.persisted }); location = "/b"`)
		s.tells("view /", "engagement /", "view /b")
		b.run(`history.back()`)
		all := s.tells("view /", "engagement /", "view /b", "engagement /b", "view /")
		if !eval[bool](b, `return window.cached`) {
			t.Error("the page does not come out of the cache")
		}
		if !slices.ContainsFunc(all, func(b tag.Beacon) bool { return b.Kind == tag.View && b.Referrer == s.home+"/" && b.URL == s.home+"/" }) {
			t.Errorf("the page that comes back does not say so: %+v", all)
		}
		b.leave()
		s.tells("view /", "engagement /", "view /b", "engagement /b", "view /", "engagement /")
	})

	// Not every browser says that it hides the page that it keeps.
	t.Run("back-forward cache without visibility", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": "one"}})
		b := s.visit(ctx, "/")
		b.run(`for (const type of ["pagehide", "pageshow"]) dispatchEvent(new PageTransitionEvent(type, {persisted: true}))`)
		s.tells("view /", "engagement /", "view /")
	})

	t.Run("long address", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": "one", "/b": "two"}})
		long := "/?" + strings.Repeat("long", 1000)
		cut := long[:999-len(s.home)]
		b := s.visit(ctx, long)
		b.run(`location = "/b"`)
		s.tells("view "+cut, "engagement "+cut, "view /b")
		if got := s.only(tag.View, "/b").Referrer; got != s.home+cut {
			t.Errorf("the second page comes from %s", got)
		}
	})

	// A page that says when it has been loaded, and what was sent until then.
	const waiting = `<script>
		addEventListener("load", () => {
			document.querySelector("button")?.click();
			fetch("/ready?" + new URLSearchParams({sent: sends.length, prerendering: document.prerendering, state: document.visibilityState}));
		})
	</script>`

	t.Run("background", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": early + `<button data-loot-event=Never></button>`}, head: waiting, embed: tag.Embedding{Script: tag.Full()}})
		made, err := chromedp.CallBrowser(ctx, target.CreateTarget, target.CreateTargetParams{URL: s.home + "/", Background: new(true)})
		if err != nil {
			t.Fatal(err)
		}
		s.until("the page is loaded", func() bool { return len(s.ready) > 0 })
		if got := s.ready[0].Encode(); got != "prerendering=false&sent=0&state=hidden" {
			t.Fatalf("in the background: %s", got)
		}
		b := s.tab(ctx, chromedp.WithTargetID(made.TargetID))
		b.front()
		s.tells("view /", "event / Early plan")
		s.tab(ctx).front()
		s.tells("view /", "event / Early plan", "engagement /")
		if again := eval[int](b, `const before = sends.length; dispatchEvent(new PageTransitionEvent("pagehide")); return sends.length - before`); again > 0 {
			t.Error("what has been told is told again")
		}
		b.front()
		b.leave()
		s.tells("view /", "event / Early plan", "engagement /", "view /", "engagement /")
	})

	// A browser prepares no page in a tab that is steered, so these steer themselves.
	t.Run("prerender", func(t *testing.T) {
		s := open(t, &site{head: waiting, pages: map[string]string{
			"/": `<script type=speculationrules>{"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]}</script>
				<script>fetch("/prepared").then(() => { location = "/next" })</script>`,
			"/next": "two",
		}})
		made, err := chromedp.CallBrowser(ctx, target.CreateTarget, target.CreateTargetParams{URL: s.home + "/"})
		if err != nil {
			t.Fatal(err)
		}
		s.tells("view /", "engagement /", "view /next")
		if got := s.ready[slices.IndexFunc(s.ready, prepared)].Encode(); got != "prerendering=true&sent=0&state=hidden" {
			t.Errorf("while it was prepared: %s", got)
		}
		if got := s.only(tag.View, "/next").Referrer; got != s.home+"/" {
			t.Errorf("the page comes from %q", got)
		}
		if _, err := chromedp.CallBrowser(ctx, target.CloseTarget, target.CloseTargetParams(made)); err != nil {
			t.Fatal(err)
		}
		s.tells("view /", "engagement /", "view /next", "engagement /next")
	})

	t.Run("engaged time", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": "one"}, head: `<script>
			window.log = [];
			const note = () => log.push({at: performance.now(), engaged: !document.hidden && document.hasFocus()});
			note();
			for (const type of ["visibilitychange", "focus", "blur"]) addEventListener(type, note);
		</script>`})
		// The window of a browser just started has no focus but what is emulated.
		ctx := chromium(t)
		b := &tab{t, ctx, s}
		focus := func(on bool) {
			call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: on})
		}
		wait := func(b *tab, ms int) { b.run(fmt.Sprintf(`await new Promise(r => setTimeout(r, %d))`, ms)) }
		b.do(chromedp.Navigate(s.home + "/"))
		focus(true)
		wait(b, 300)
		focus(false)
		wait(b, 500)
		focus(true)
		wait(b, 300)
		focus(false)
		beside := s.tab(ctx)
		beside.front()
		wait(beside, 500)
		b.front()
		wait(b, 300)
		beside.front()
		type moment struct {
			At      float64
			Engaged bool
		}
		var own, not float64
		log := eval[[]moment](b, `return log`)
		for i, m := range log[1:] {
			if took := m.At - log[i].At; log[i].Engaged {
				own += took
			} else {
				not += took
			}
		}
		if own < 900 || not < 1000 {
			t.Fatalf("the page was read for %.0f ms, and not for %.0f: %+v", own, not, log)
		}
		all := s.tells("view /", "engagement /", "engagement /")
		said := slices.MaxFunc(all, func(a, b tag.Beacon) int { return cmp.Compare(a.Engaged, b.Engaged) }).Engaged
		t.Logf("read for %.1f ms, told as %v", own, said)
		if off := said - time.Duration(own*1e6); off.Abs() > 250*time.Millisecond {
			t.Errorf("the page was read for %.0f ms, and told as %v", own, said)
		}
		b.front()
		began := eval[float64](b, `const before = performance.now(); history.pushState(null, "", "/a"); return before`)
		beside.front()
		s.tells("view /", "engagement /", "engagement /", "engagement /", "view /a", "engagement /a")
		log = eval[[]moment](b, `return log`)
		if next, most := s.only(tag.Engagement, "/a").Engaged.Seconds()*1000, log[len(log)-1].At-began; next > most+1 {
			t.Errorf("the page after it was read for %.0f ms, and is there for %.0f", next, most)
		}
	})

	t.Run("scroll", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": `<div id=tall style="height: 4000px"></div>`}})
		b := s.visit(ctx, "/") // 800 pixels high
		b.run(`window.to = y => new Promise(r => { addEventListener("scroll", r, {once: true}); scrollTo(0, y) })`)
		b.run(`await to(1200); await to(0)`)
		b.run(`history.pushState(null, "", "/a"); await to(3200)`)
		b.run(`history.pushState(null, "", "/b"); await to(0); document.querySelector("#tall").style.height = "8000px"`)
		b.leave()
		s.tells("view /", "engagement /", "view /a", "engagement /a", "view /b", "engagement /b")
		for path, want := range map[string]int{"/": 50, "/a": 100, "/b": 10} {
			if got := s.only(tag.Engagement, path).Scroll; got != want {
				t.Errorf("%s was read down to %d %%, want %d", path, got, want)
			}
		}
	})

	t.Run("events", func(t *testing.T) {
		s := open(t, &site{embed: tag.Embedding{Script: tag.Full()}})
		away := strings.TrimPrefix(s.away, "http://")
		s.pages = map[string]string{"/": early + doings(s.away)}
		b := s.visit(ctx, "/")
		b.run(do)
		b.run(`loot.push(["Late", "yearly", 49.9])`)
		if got := eval[int](b, `return sends.filter(s => s.includes("secret")).length`); got > 0 {
			t.Errorf("%d beacons say what is secret", got)
		}
		b.run(`document.querySelector("#away").click()`)
		want := []string{
			"view /", "engagement /", "event / Early plan", "event / Late yearly", "event / Tour",
			"event / download /files/report.PDF", "event / download /files/data", "event / form search", "event / Signed up join",
			"event / outbound " + away + "/there", "event / outbound " + away + "/there",
		}
		all := s.tells(want...)
		counts := map[uint32]bool{}
		for _, b := range all {
			if b.Kind == tag.Event {
				counts[b.Count] = true
			}
			if b.Name == "Late" && b.Value != 49.9 {
				t.Errorf("a value of 49.9 is told as %v", b.Value)
			}
		}
		if len(counts) != len(want)-2 {
			t.Errorf("the events are counted %v", slices.Sorted(maps.Keys(counts)))
		}
	})

	t.Run("no events in the core", func(t *testing.T) {
		s := open(t, &site{})
		s.pages = map[string]string{"/": early + doings(s.away) + "<p data-loot-404>"}
		b := s.visit(ctx, "/")
		b.run(do)
		b.run(`loot.push(["Late"])`)
		b.leave()
		s.tells("view /", "engagement /")
	})

	t.Run("missing page", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": "<p data-loot-404>"}, embed: tag.Embedding{Script: tag.Full()}})
		b := s.visit(ctx, "/")
		b.run(`history.pushState(null, "", "/a")`) // the router has not drawn it yet
		b.leave()
		s.tells("view /", "event / 404", "engagement /", "view /a", "engagement /a")
	})

	t.Run("nothing on the device", func(t *testing.T) {
		s := open(t, &site{embed: tag.Embedding{Script: tag.Full()}})
		s.pages = map[string]string{"/": early + doings(s.away)}
		b := s.visit(ctx, "/")
		b.run(do)
		s.until("events", func() bool { return len(s.beacons) > 5 })
		got := eval[[]string](b, `return [document.cookie, ...Object.keys(localStorage), ...Object.keys(sessionStorage),
			...(await indexedDB.databases()).map(d => d.name), ...await caches.keys(), window.name,
			...(await navigator.serviceWorker.getRegistrations()).map(r => r.scope), JSON.stringify(history.state)]`)
		if want := []string{"", "", "null"}; !slices.Equal(got, want) {
			t.Errorf("kept in the page: %q", got)
		}
		if cookies := call(b, storage.GetCookies, storage.GetCookiesParams{}).Cookies; len(cookies) > 0 {
			t.Errorf("%d cookies", len(cookies))
		}
		for _, origin := range []string{s.home, s.away} {
			if used := call(b, storage.GetUsageAndQuota, storage.GetUsageAndQuotaParams{Origin: origin}).Usage; used > 0 {
				t.Errorf("%v bytes are kept", used)
			}
		}
		b.leave()
	})

	t.Run("beacons turned off", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": "one"}, head: `<script>delete Navigator.prototype.sendBeacon</script>`})
		b := s.visit(ctx, "/")
		b.run(`history.pushState(null, "", "/a")`)
		b.leave()
		s.tells()
	})

	t.Run("another script", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": "one"}, serve: tag.Core().Text + " "})
		b := s.visit(ctx, "/")
		b.leave()
		s.tells()
	})

	t.Run("without script", func(t *testing.T) {
		s := open(t, &site{pages: map[string]string{"/": "one"}})
		b := s.tab(ctx)
		call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		b.do(chromedp.Navigate(s.home + "/?utm_source=letter"))
		s.until("the picture", func() bool { return len(s.pixels) > 0 })
		if want := s.home + "/?utm_source=letter"; s.pixels[0] != want {
			t.Errorf("the picture is asked for by %q, want %q", s.pixels[0], want)
		}
		s.tells()
	})
}

// early is what a site tells before the script has run.
const early = `<script>(window.loot ||= []).push(["Early", "plan", 5])</script>`

// doings is what can be done in a page, and do does it.
func doings(away string) string {
	return `
		<button id=named data-loot-event=Tour onclick="event.stopPropagation()"><b>Tour</b></button>
		<a id=file href="/files/report.PDF?secret=1">Report</a>
		<a id=data href=/files/data download>Data</a>
		<a id=mail href=mailto:secret@example.org onclick="return false">Mail</a>
		<a id=here href=#here>Here</a>
		<form id=search action=/files/found><input name=id value=secret></form>
		<form id=join action=/files/joined data-loot-event="Signed up"><input name=name value=secret></form>
		<a id=away href="` + away + `/there?secret=1#secret"><i>Away</i></a>`
}

const do = `
	for (const what of ["#named b", "#file", "#data", "#mail", "#here", "#join input"]) document.querySelector(what).click();
	document.querySelector("#search").requestSubmit();
	document.querySelector("#join").requestSubmit();
	for (const button of [1, 2]) document.querySelector("#away i").dispatchEvent(new MouseEvent("auxclick", {button, bubbles: true}));
`
