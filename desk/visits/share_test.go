package visits

import (
	"context"
	"encoding/base64"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot/desk/desktest"
	"loot/store"
	"loot/web"
)

var sharedAt = regexp.MustCompile(regexp.QuoteMeta(desktest.Base+sharedHref) + `([A-Za-z0-9_-]{43})`)

// share makes a link by the console and returns its path.
func (h *house) share(pairs ...string) string {
	h.t.Helper()
	h.as("t-admin")
	if !slices.Contains(pairs, "days") {
		pairs = append(pairs, "days", "90")
	}
	page := h.Post(linksHref+"?site=1", append(pairs, "name", "The agency")...)
	desktest.Shows(h.t, page, http.StatusCreated, "It is shown this one time")
	m := sharedAt.FindStringSubmatch(page.Body)
	if m == nil {
		h.t.Fatal("no address is shown")
	}
	if raw, err := base64.RawURLEncoding.DecodeString(m[1]); err != nil || len(raw) != 32 {
		h.t.Errorf("the token has %d bytes", len(raw))
	}
	return sharedHref + m[1]
}

// guest asks for a page as somebody without an account, whose browser brings
// cookies all the same.
func (h *house) guest(path string) (status int, header http.Header, body string) {
	h.t.Helper()
	a := h.Do(http.MethodGet, path, "", http.Header{"Cookie": {"theme=dark; session=x"}})
	return a.Status, a.Header, a.Body
}

// TestASharedReportIsForReading shows a report to somebody who has a link: with
// its filters and in crowds, without a way into the console, a cookie or a search
// engine's copy, and in the frames of those alone who were named.
func TestASharedReportIsForReading(t *testing.T) {
	onBoth(t, "UTC", func(t *testing.T, h *house) {
		h.known()
		h.as("t-support")
		desktest.Leads(t, h.Post(segmentsHref+"?filter=country:is:IE&site=1", "name", "The Irish", "everybody", "on"), reportHref+"?filter=country%3Ais%3AIE&site=1")
		path := h.share("visits", h.segment(), "origins", "https://A.example\nhttps://b.example:8443/")
		desktest.Shows(t, h.Get(linksHref+"?site=1"), http.StatusOK, "The agency The Irish https://a.example https://b.example:8443", "23 Nov 2026 by Ada Admin", "21 Feb 2027")
		if strings.Contains(h.Get(linksHref+"?site=1").Body, path) {
			t.Error("the address is shown again")
		}

		status, header, body := h.guest(path + "?period=yesterday")
		text := desktest.Text(body)
		if status != http.StatusOK || !strings.Contains(text, "Country is Ireland") || !strings.Contains(text, "Views 14 ") || !strings.Contains(text, "Page Visitors Views /a 7 7 /b 7 7") {
			t.Errorf("%d %s", status, text)
		}
		for _, never := range []string{"/console", " hx-", "Set-Cookie", `data-theme="dark"`, "<form", "filter=", "format=csv"} {
			if strings.Contains(body, never) {
				t.Errorf("the page has %q", never)
			}
		}
		if !strings.Contains(body, `href="`+path+`?period=30d"`) {
			t.Error("the reader cannot choose the days")
		}
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow", "Set-Cookie": "",
			"Content-Security-Policy": web.Policy{Framers: []string{"https://a.example", "https://b.example:8443"}}.String(),
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if got := h.Get(reportHref + "?site=1").Header.Get("Content-Security-Policy"); got != (web.Policy{}).String() {
			t.Errorf("another page has the policy %q", got)
		}
		// Neither another site nor other filters can be asked for.
		if _, _, other := h.guest(path + "?period=yesterday&site=9&filter=country:is:DE"); desktest.Text(other) != text {
			t.Errorf("the reader chose otherwise: %s", desktest.Text(other))
		}
		if _, _, few := h.guest(path + "?period=today"); !strings.Contains(desktest.Text(few), "nothing is told here") {
			t.Errorf("%s", desktest.Text(few))
		}
		if _, header, _ := h.guest(h.share()); !strings.HasSuffix(header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Error("a link without origins may be shown in a frame")
		}
	})
}

// TestALinkEnds by itself, by being revoked and with the statement; and nobody
// can tell a link that ended from one that never was.
func TestALinkEnds(t *testing.T) {
	onBoth(t, "UTC", func(t *testing.T, h *house) {
		h.known()
		gone := func(path, why string) {
			t.Helper()
			status, header, body := h.guest(path)
			_, _, never := h.guest(sharedHref + strings.Repeat("A", 43))
			hide := regexp.MustCompile(`<code>[0-9a-f]{16}</code>|` + regexp.QuoteMeta(strings.TrimPrefix(path, sharedHref)) + "|" + strings.Repeat("A", 43))
			if status != http.StatusNotFound || hide.ReplaceAllString(body, "") != hide.ReplaceAllString(never, "") || header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %s", why, status, desktest.Text(body))
			}
		}
		revoked, short, long := h.share(), h.share("days", "1"), h.share("days", "365")
		revoke := action(t, h.Get(linksHref+"?site=1").Body, "/revoke")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			l, err := openLink(ctx, tx, strings.TrimPrefix(revoked, sharedHref), h.Clock.Now())
			revoke = linksHref + "/" + l.ID + "/revoke?site=1"
			return err
		})
		h.as("t-support")
		desktest.Shows(t, h.Post(revoke), http.StatusForbidden)
		if status, _, _ := h.guest(revoked); status != http.StatusOK {
			t.Fatalf("%d", status)
		}
		h.as("t-admin")
		desktest.Leads(t, h.Post(revoke), linksHref+"?site=1")
		gone(revoked, "revoked")
		gone(sharedHref+"x", "malformed")
		h.Clock.Advance(24 * time.Hour)
		gone(short, "over")
		if status, _, _ := h.guest(long); status != http.StatusOK {
			t.Errorf("one that goes on: %d", status)
		}
		for days, want := range map[string]int{"0": http.StatusUnprocessableEntity, "366": http.StatusUnprocessableEntity, "x": http.StatusUnprocessableEntity} {
			if got := h.Post(linksHref+"?site=1", "name", "x", "days", days); got.Status != want {
				t.Errorf("%s days: %d", days, got.Status)
			}
		}
		for _, origin := range []string{"a.example", "https://a.example/x", "https://*.a.example", "https://a.example; script-src *", "javascript:alert(1)", "https://u@a.example", "https://a.example:"} {
			desktest.Shows(t, h.Post(linksHref+"?site=1", "name", "x", "days", "9", "origins", origin), http.StatusUnprocessableEntity, "One of these is not the origin of a site.")
		}

		if got := h.noted("visits.link "); got != "made, made, made, revoked" {
			t.Errorf("the ledger has %s", got)
		}

		mute := edited(t, `permit (principal == Desk::"visits", action == Action::"analyse"`, `permit (principal == Desk::"billing", action == Action::"analyse"`,
			"version: \"2026-1\"", "version: \"2026-2\"", "effective: 2026-11-23", "effective: 2026-12-24")
		h.InForce(mute)
		if status, _, body := h.guest(long); status != http.StatusForbidden || !strings.Contains(body, "network.improve") {
			t.Errorf("a report that the statement does not permit: %d %s", status, desktest.Text(body))
		}
	})
}

// TestATokenIsKeptAsItsHash: nobody who reads the database can open a link.
func TestATokenIsKeptAsItsHash(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	token := strings.TrimPrefix(h.share(), sharedHref)
	raw, err := base64.RawURLEncoding.DecodeString(token)
	desktest.OK(t, err)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, hash, name, filters, origins, writer FROM visits_link`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, name, filters, origins, writer string
			var hash []byte
			if err := rows.Scan(&id, &hash, &name, &filters, &origins, &writer); err != nil {
				return err
			}
			all := strings.Join([]string{id, string(hash), name, filters, origins, writer}, " ")
			if len(hash) != 32 || strings.Contains(all, token) || strings.Contains(all, string(raw)) {
				t.Errorf("the row tells the token: %q", all)
			}
		}
		return rows.Err()
	})
}
