package visits

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"loot"
	"loot/desk/desktest"
)

// TestOnesOwnRecordIsTheWholeOfIt: each detail as it was kept, what the program
// makes of it, and what a signal changes.
func TestOnesOwnRecordIsTheWholeOfIt(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	mine := func(more ...string) string {
		t.Helper()
		header := http.Header{"X-Forwarded-For": {"203.0.113.77"}, "User-Agent": {firefox}, "Accept-Language": {"de-AT"}, "Accept": {"text/html"}, "Referer": {"https://chatgpt.com/"}}
		for i := 0; i < len(more); i += 2 {
			header.Set(more[i], more[i+1])
		}
		page := h.Do("GET", "/visits/mine", "", header)
		desktest.Shows(t, page, http.StatusOK, "What this visit leaves behind")
		return desktest.Text(page.Body)
	}
	contains := func(text string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("no %q in %q", w, text)
			}
		}
	}
	contains(mine(), "This page belongs to no site", "Browser Firefox 133", "Operating system Linux", "Desktop", "AI assistants, ChatGPT", "Taken for a person", "page 1 of the visit")
	h.site("UTC")
	h.Site.Actor = admin
	own, err := url.Parse(desktest.Base)
	desktest.OK(t, err)
	desktest.Leads(t, h.Post(sitesHref, "name", "Here", "hosts", own.Hostname()+"\n127.0.0.1", "zone", "UTC", "script", "here"), sitesHref+"/2")
	h.Site.Actor = loot.Actor{}
	mine()
	contains(mine(), "Kept of this request", "page 2 of the visit")
	if got := h.ask("SELECT count(*), max(nth), min(system), min(class) FROM visits_hit WHERE path = '/visits/mine'"); got != "2 2 Linux human" {
		t.Errorf("kept %q", got)
	}
	contains(mine("User-Agent", "Googlebot/2.1 (+http://www.google.com/bot.html)"), "Taken for a program, as it says itself, Googlebot")
	contains(mine("Sec-GPC", "1", "DNT", "1"), "Your browser asks for Global Privacy Control and Do Not Track, so the visit is counted, and no more.", "Taken for Counted only", "Not kept: Provider")
}
