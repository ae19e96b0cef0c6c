// Package e2e drives Loot with a real browser, over real mail, on both
// databases.
package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// A browser is a headless Chromium with one page.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string
	dir  string // for screenshots; empty: none are kept; or judged
	now  func() time.Time
}

// judged stands for the folder of a browser whose pages are those of another walk, where they
// are looked at.
const judged = "judged"

// within is how long one step may take on a slow machine.
const within = 45 * time.Second

func open(t *testing.T, base, artefacts string) *browser {
	t.Helper()
	return openAs(t, base, artefacts)
}

// openAs is open with a browser that differs.
func openAs(t *testing.T, base, artefacts string, more ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("the tests need Debian's chromium; scripts/install-test-tools installs it")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("hide-scrollbars", true))
	opts = append(opts, more...)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, base: base, dir: artefacts, now: time.Now}
	// The browser lives as long as the context of its first step.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1440, 900), scheme("light")); err != nil {
		t.Fatalf("chromium does not start: %v", err)
	}
	return b
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("at %s: %v\n%s", b.location(), err, b.text("body"))
	}
}

// eval runs a function body in the page and returns what it returns.
func eval[T any](b *browser, body string, args ...any) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	list, err := json.Marshal(append([]any{}, args...))
	if err != nil {
		b.t.Fatal(err)
	}
	step := chromedp.Evaluate[T](fmt.Sprintf("(async (...a) => {%s})(...%s)", body, list), chromedp.EvalAwaitPromise)
	v, err := chromedp.Run(ctx, step)
	// The browser may have replaced the page in the instant between; nothing ran.
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "Cannot find context") {
		v, err = chromedp.Run(ctx, step)
	}
	if err != nil {
		b.t.Fatalf("at %s: %v", b.location(), err)
	}
	return v
}

func (b *browser) location() string {
	url, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		return "?"
	}
	return url
}

// visit loads a page of this Loot.
func (b *browser) visit(path string) {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.base + path
	}
	b.do(chromedp.Navigate(path))
}

// fill types into the fields of a form, by their names. A checkbox is ticked
// by "on"; a choice is made by its value.
func (b *browser) fill(values map[string]string) {
	b.t.Helper()
	for name, value := range values {
		missing := eval[string](b, `
			const [name, value] = a;
			const all = [...document.getElementsByName(name)].filter(e => e.type !== "hidden");
			if (!all.length) return "there is no field " + name;
			const e = all.find(e => (e.type === "radio" || e.type === "checkbox") && (e.value === value || value === "on")) || all[0];
			if (e.type === "radio" || e.type === "checkbox") { if (!e.checked) e.click(); return ""; }
			e.focus(); e.value = value;
			e.dispatchEvent(new Event("input", {bubbles: true})); e.dispatchEvent(new Event("change", {bubbles: true}));
			return e.value === value ? "" : name + " does not take " + value;`, name, value)
		if missing != "" {
			b.t.Fatalf("at %s: %s", b.location(), missing)
		}
	}
}

// attach chooses a file of the content in the page's first field for one.
func (b *browser) attach(name, content string) {
	b.t.Helper()
	b.attachTo("input[type=file]", name, content)
}

// attachTo chooses a file of the content in the field of a selector.
func (b *browser) attachTo(field, name, content string) {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.SetUploadFiles("main "+field, []string{path}))
}

// press clicks the first button or link with the words, or one that a CSS
// selector names, and waits for the page that follows.
func (b *browser) press(what string) {
	b.t.Helper()
	found := eval[string](b, `
		let e;
		try { e = document.querySelector("main " + a[0]) } catch { }
		e ||= [...document.querySelectorAll("main button, main a, main summary, header button")].find(e => e.textContent.replace(/\s+/g, " ").trim().startsWith(a[0]));
		if (!e) return "there is nothing to press that reads " + a[0] + "; there are: " + [...document.querySelectorAll("main button, main a")].map(e => e.textContent.trim()).join(" | ");
		document.querySelectorAll("[data-e2e]").forEach(x => x.removeAttribute("data-e2e"));
		e.setAttribute("data-e2e", ""); e.scrollIntoView({block: "center"});
		return "";`, what)
	if found != "" {
		b.t.Fatalf("at %s: %s", b.location(), found)
	}
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](`document.querySelector("[data-e2e]").click()`))
		return err
	})); err != nil {
		invalid := eval[string](b, `return [...document.querySelectorAll(":invalid")].map(e => e.name + ": " + e.validationMessage).join("; ")`)
		b.t.Fatalf("pressing %q at %s: %v\n%s\n%s", what, b.location(), err, invalid, b.text("main"))
	}
}

// opens waits until a page stands beside this one.
func (b *browser) opens(url string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	for {
		all, err := chromedp.Targets(ctx)
		if err != nil {
			b.t.Fatalf("no page opened at %s: %v", url, err)
		}
		if slices.ContainsFunc(all, func(i *target.Info) bool { return i.Type == "page" && i.URL == url }) {
			return
		}
	}
}

// text returns what a person reads in the first element of the selector.
func (b *browser) text(selector string) string {
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector)))
	if err != nil {
		return ""
	}
	return text
}

// reads fails unless the page's main part has all the words.
func (b *browser) reads(words ...string) {
	b.t.Helper()
	text := b.text("main")
	for _, w := range words {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(w)) {
			b.t.Fatalf("the page %s does not read %q:\n%s", b.location(), w, text)
		}
	}
}

// lacks fails if the page's main part has any of the words.
func (b *browser) lacks(words ...string) {
	b.t.Helper()
	text := b.text("main")
	for _, w := range words {
		if strings.Contains(text, w) {
			b.t.Fatalf("the page %s reads %q", b.location(), w)
		}
	}
}

// shoot keeps the page in light on a desk and in dark on a phone, and holds it against the
// rules of accessibility.
func (b *browser) shoot(name string) {
	b.t.Helper()
	if b.dir == judged {
		return
	}
	b.accessible(name)
	kept := map[int64]string{1440: "light", 390: "dark"} // each theme and each width once, as a picture takes long
	for _, width := range []int64{1440, 1000, 390} {     // outside: the page is laid out anew for each
		b.do(chromedp.EmulateViewport(width, 900))
		if over := eval[int](b, `return document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
			b.t.Errorf("%s runs %d pixels over at %d", name, over, width)
		}
		theme := kept[width]
		if b.dir == "" || theme == "" {
			continue
		}
		b.do(scheme(theme))
		// Nobody keeps them for long: pressing them harder takes the walk a fifth of its time.
		shot, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
			Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: new(true), OptimizeForSpeed: new(true),
		})
		if err != nil {
			b.t.Fatalf("screenshot %s: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join(b.dir, fmt.Sprintf("%s-%s-%d.png", name, theme, width)), shot.Data, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	b.do(chromedp.EmulateViewport(1440, 900), scheme("light"))
}

func scheme(theme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	})
}
