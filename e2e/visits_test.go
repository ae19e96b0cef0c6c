package e2e

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"loot/app"
)

// visitors are five browsers behind one address, so that there is a crowd.
var visitors = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
	"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 OPR/117.0.0.0",
}

// came is the expression for a page's beacons having been answered. Before that a
// report of the day may not tell of them, and then does not until more come.
func came(n int) string {
	return `performance.getEntriesByType("resource").filter(r => r.initiatorType === "beacon" && r.responseEnd).length >= ` + strconv.Itoa(n)
}

// TestVisits records what people do on a site's real pages, as the console says
// that they are to be made, and shows it in the report.
func TestVisits(t *testing.T) {
	h := serve(t, app.Config{})
	admin := h.administrator(t)
	admin.visit("/console/undertaking")
	admin.fill(map[string]string{"name": "Ada Admin", "word": "on"})
	admin.press(".primary")
	admin.visit("/console/visits/sites")
	admin.fill(map[string]string{"name": "Choir", "hosts": "127.0.0.1", "zone": "Europe/Dublin", "script": "choir", "full": "on"})
	admin.press("form[method=post] .primary")
	embed := eval[string](admin, `return document.querySelector("main pre, main textarea[readonly]")?.textContent || document.querySelector("main textarea[readonly]").value`)
	admin.shoot("site")
	admin.visit(admin.location() + "/imports")
	admin.press("form[enctype] .primary") // without a file
	admin.shoot("imports")

	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!DOCTYPE html><title>Choir</title><body><h1>`+r.URL.Path+`</h1>
			<a id="on" href="/concerts">Concerts</a> <button data-loot-event="Ticket">Ticket</button>`+embed+`</body>`)
	}))
	t.Cleanup(pages.Close)
	v := openAs(t, pages.URL, "", chromedp.Flag("enable-automation", false), chromedp.Flag("disable-blink-features", "AutomationControlled"))
	for _, agent := range visitors {
		v.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: "en-IE"})
			return err
		}))
		v.visit("/?utm_source=letter")
		eval[string](v, `while (document.visibilityState !== "visible") await new Promise(r => document.addEventListener("visibilitychange", r, {once: true})); return ""`)
		eval[string](v, `history.pushState({}, "", "/songs"); return ""`)
		eval[string](v, `document.querySelector("button").click(); return ""`)
		v.do(poll(came(3)))
		v.do(chromedp.Navigate(pages.URL + "/concerts"))
		v.do(poll(came(1)))
		v.do(chromedp.Navigate("about:blank"))
	}

	admin.visit("/console/visits?period=today")
	for _, words := range []string{"/songs", "/concerts", "Ticket"} {
		if row := eval[string](admin, `return [...document.querySelectorAll("main tr")].find(r => r.innerText.includes(a[0]))?.innerText ?? ""`, words); !strings.Contains(row, "5") {
			t.Errorf("%s is not counted five times: %q\n%s", words, row, admin.text("main"))
		}
	}
	admin.shoot("visits")
}
