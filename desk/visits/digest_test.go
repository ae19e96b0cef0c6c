package visits

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"loot/column"
	"loot/desk/desktest"
)

// TestADigestComesInTheMorningOnce: not of days before it was subscribed to, not
// before seven at the site, and one letter however many processes look.
func TestADigestComesInTheMorningOnce(t *testing.T) {
	onBoth(t, "Europe/Athens", func(t *testing.T, h *house) { // two hours before UTC
		h.known()
		today := column.DayOf(desktest.Start)
		h.came(today, 0, 9, 2, nil)
		for _, every := range []string{daily, weekly} {
			desktest.Leads(t, h.Post(digestsHref+"?site=1", "every", every), digestsHref+"?site=1")
		}
		desktest.Shows(t, h.Post(digestsHref+"?site=1", "every", weekly), http.StatusUnprocessableEntity, "You get this one already.")
		h.look()
		h.Clock.Advance(19*time.Hour + 50*time.Minute) // 04:50 UTC on Tuesday
		h.look()
		if got := h.sentTo("t-support"); len(got) != 0 {
			t.Fatalf("too early: %q", got)
		}
		h.Clock.Advance(20 * time.Minute)
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { desktest.OK(t, h.d.Look(t.Context())) })
		}
		both.Wait()
		h.look()
		got := h.sentTo("t-support")
		if len(got) != 1 || !strings.HasPrefix(got[0], "Main: Mon 23 Nov 2026\n") || !strings.Contains(got[0], "Visitors 18 ") {
			t.Fatalf("%q", got)
		}
		desktest.Shows(t, h.Get(digestsHref+"?site=1"), http.StatusOK, "Every day All visits 23 Nov 2026 24 Nov 2026, 05:10 UTC", "Every week All visits 23 Nov 2026 not yet")

		other, err := New(h.Kit, h.rows, h.staff(), Options{Path: "/v"}) // as a process that takes over
		desktest.OK(t, err)
		desktest.OK(t, other.Look(t.Context()))
		h.look()
		if got := h.sentTo("t-support"); len(got) != 1 {
			t.Errorf("%d letters of one day", len(got))
		}
		h.Clock.Advance(6 * 24 * time.Hour) // Monday
		h.gone.Store("t-support", true)
		h.look()
		if got := h.sentTo("t-support"); len(got) != 1 {
			t.Errorf("a letter to somebody who may not see reports: %q", got[1:])
		}
		h.gone.Delete("t-support")
		h.Clock.Advance(24 * time.Hour)
		h.look()
		if got := h.sentTo("t-support"); len(got) != 2 || !strings.HasPrefix(got[1], "Main: Mon 30 Nov 2026\n") || !strings.Contains(got[1], "Fewer than 5 visitors are told of") {
			t.Errorf("after some days without: %q", got)
		}
		h.Clock.Advance(6 * 24 * time.Hour)
		h.look()
		if got := h.sentTo("t-support"); len(got) != 4 || !strings.Contains(got[2]+got[3], "Main: 30 Nov – 6 Dec 2026\n") {
			t.Errorf("%q", got)
		}
	})
}

// TestADigestSaysWhatChanged, in both writings and by a real mail server, and a
// mail program ends it at one click.
func TestADigestSaysWhatChanged(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	box := desktest.NewPostbox(t)
	h.d.Mail = box.Sender(t, h.Clock.Now)
	today := column.DayOf(desktest.Start)
	french := func(hit *hit) { hit.country, hit.path, hit.entry = "FR", "/b", "/b" }
	h.came(today-7, 9, 10, 20, nil)
	h.came(today-7, 9, 10, 20, french)
	h.came(today, 9, 10, 20, nil)
	h.came(today, 9, 10, 60, french)
	h.as("t-support")
	desktest.Leads(t, h.Post(digestsHref+"?site=1", "every", daily), digestsHref+"?site=1")
	h.Clock.Advance(24 * time.Hour)
	h.look()
	letters := box.Letters("t-support@network.example")
	if len(letters) != 1 {
		t.Fatalf("%d letters", len(letters))
	}
	l := strings.ReplaceAll(strings.ReplaceAll(letters[0], "=3D", "="), "\r\n", "\n")
	text := strings.Join(strings.Fields(l), " ")
	for _, want := range []string{
		"Subject: Main: Mon 23 Nov 2026", "Good morning Sam Support,", "compared with Mon 16 Nov 2026.", "Visitors 80 up 100 %", "Bounce rate 100 % as before",
		"Most read pages, by visitors /b 60 60 views /a 20 20 views", "Countries, by visitors France 60 60 views Ireland 20 20 views", "What changed, in views", "Country France 20", "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
		">/b</th>", "<h2 ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the letter does not say %q:\n%s", want, l)
		}
	}
	_, leave, _ := strings.Cut(l, "No longer get this letter: ")
	leave, _, _ = strings.Cut(leave, "\n")
	u, err := url.Parse(leave)
	desktest.OK(t, err)
	if !strings.Contains(strings.Join(strings.Fields(l), ""), "List-Unsubscribe:<"+leave+">") {
		t.Errorf("the header does not name %s", leave)
	}

	h.Site.Actor.Kind, h.Site.Actor.ID = "", "" // whoever has the letter
	desktest.Shows(t, h.Get(u.Path), http.StatusOK, "End this digest?", "Main")
	h.as("t-support")
	desktest.Shows(t, h.Get(digestsHref+"?site=1"), http.StatusOK, "Every day All visits") // looking ended nothing
	for _, path := range []string{u.Path[:len(u.Path)-4] + "AAAA", "/visits/digest/x/y"} {
		if got := h.Post(path).Status; got != http.StatusNotFound {
			t.Errorf("%s: %d", path, got)
		}
	}
	click := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {"https://mail.example"}, "Sec-Fetch-Site": {"cross-site"}}
	desktest.Shows(t, h.Do(http.MethodPost, u.Path, "List-Unsubscribe=One-Click", click), http.StatusOK, "It has ended")
	desktest.Shows(t, h.Get(digestsHref+"?site=1"), http.StatusOK, "No digest comes to you")
	h.Clock.Advance(24 * time.Hour)
	h.look()
	if got := box.Letters("t-support@network.example"); len(got) != 1 {
		t.Errorf("%d letters after it ended", len(got))
	}
}

// TestKeepersSeeWhoGetsDigests and may end them; others see their own.
func TestKeepersSeeWhoGetsDigests(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.as("t-support")
	h.Post(digestsHref+"?site=1", "every", monthly)
	end := action(t, h.Get(digestsHref+"?site=1").Body, "/end")
	h.as("t-billing")
	desktest.Lacks(t, h.Get(digestsHref+"?site=1"), "Sam Support", "Colleagues get")
	if got := h.Post(end).Status; got != http.StatusNotFound {
		t.Errorf("a colleague ends it: %d", got)
	}
	h.as("t-admin")
	desktest.Shows(t, h.Get(digestsHref+"?site=1"), http.StatusOK, "Colleagues get", "Sam Support Every month All visits")
	desktest.Leads(t, h.Post(end), digestsHref+"?site=1")
	desktest.Shows(t, h.Get(digestsHref+"?site=1"), http.StatusOK, "Nobody else subscribed.")
}

// TestWhenADigestIsDue by the clock of the site.
func TestWhenADigestIsDue(t *testing.T) {
	site := &Site{Name: "x", Hosts: []string{"x.example"}, Zone: "America/New_York", Script: "x"}
	if wrong := site.check(nil); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, site.place)
		desktest.OK(t, err)
		return v
	}
	for _, c := range []struct{ every, made, now, want string }{
		{daily, "2026-11-01 12:00", "2026-11-23 06:59", ""},
		{daily, "2026-11-01 12:00", "2026-11-23 07:00", "2026-11-22 2026-11-22"},
		{daily, "2026-11-23 07:30", "2026-11-23 09:00", ""},
		{daily, "2026-11-23 06:30", "2026-11-23 09:00", "2026-11-22 2026-11-22"},
		{daily, "2026-10-01 12:00", "2026-11-02 07:00", "2026-11-01 2026-11-01"}, // clocks went back
		{weekly, "2026-11-01 12:00", "2026-11-23 07:00", "2026-11-16 2026-11-22"},
		{weekly, "2026-11-01 12:00", "2026-11-29 23:00", "2026-11-16 2026-11-22"},
		{weekly, "2026-11-24 12:00", "2026-11-29 23:00", ""},
		{monthly, "2026-01-01 12:00", "2026-03-01 07:00", "2026-02-01 2026-02-28"},
		{monthly, "2026-01-01 12:00", "2026-03-31 07:00", "2026-02-01 2026-02-28"},
	} {
		from, to, ok := subscription{Every: c.every, Made: at(c.made)}.due(site, at(c.now))
		got := ""
		if ok {
			got = from.String() + " " + to.String()
		}
		if got != c.want {
			t.Errorf("%s, made %s, on %s: %q, want %q", c.every, c.made, c.now, got, c.want)
		}
	}
}
