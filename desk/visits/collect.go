package visits

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"loot"
	"loot/column"
	"loot/desk/visits/agent"
	"loot/store"
	"loot/tag"
	"loot/web"
)

// collectLimit is how much one address may send: an office behind one address
// reads a lot, and a program that floods us is slowed down.
var collectLimit = web.Limit{Every: 25 * time.Millisecond, Burst: 1200}

// clientOf returns what a request says of whoever sent it.
func clientOf(r *http.Request) *client {
	addr, secure, claims := web.ClientOf(r)
	h := r.Header
	c := &client{
		addr: addr, agent: r.UserAgent(), header: h.Get, secure: secure, claims: claims, language: h.Get("Accept-Language"),
		hints: agent.Hints{
			Brands: h.Get("Sec-Ch-Ua"), Platform: h.Get("Sec-Ch-Ua-Platform"),
			PlatformVersion: h.Get("Sec-Ch-Ua-Platform-Version"), Mobile: h.Get("Sec-Ch-Ua-Mobile"),
		},
	}
	if full := h.Get("Sec-Ch-Ua-Full-Version-List"); full != "" {
		c.hints.Brands = full
	}
	if strings.TrimSpace(h.Get("Sec-Gpc")) == "1" {
		c.sent |= gpc
	}
	if strings.TrimSpace(h.Get("Dnt")) == "1" {
		c.sent |= dnt
	}
	return c
}

// nobodysCookies says on an answer to another site's page that nothing of it is
// kept, and lets that page have it.
func nobodysCookies(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
}

// beacon takes what the script sends. The answer means that it is on the disk.
func (d *Visits) beacon(w http.ResponseWriter, r *http.Request) error {
	script, _, _ := strings.Cut(r.PathValue("file"), ".")
	s, err := d.sites.named(r.Context(), script)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			d.count(refusedLarge, 1)
			return loot.Wrap(loot.TooLarge, err, "A beacon is no longer than this.")
		}
		d.count(refusedForm, 1)
		return loot.Wrap(loot.Invalid, err, "This is not a beacon: it has no end.")
	}
	b, err := tag.Parse(body)
	if err != nil {
		if errors.Is(err, tag.ErrValue) {
			d.count(refusedValue, 1)
		} else {
			d.count(refusedForm, 1)
		}
		return loot.Wrap(loot.Invalid, err, "This is not a beacon: "+strings.TrimPrefix(err.Error(), "tag: beacon: ")+".")
	}
	at, err := url.Parse(b.URL)
	if err != nil || at.Host == "" {
		d.count(refusedForm, 1)
		return loot.Errorf(loot.Invalid, "This is not a beacon: url is not an address of the web.")
	}
	if s.foreign(r.Header.Get("Origin"), at) {
		d.count(refusedOrigin, 1)
		return errOrigin
	}
	c := clientOf(r)
	c.automated = b.Automated
	x := &happening{
		kind: kinds[b.Kind], at: d.Now(), page: pageID(uint64(b.Page)), url: at, referrer: b.Referrer, width: uint8(b.Width), via: "tag",
		engaged: b.Engaged, scroll: b.Scroll, name: b.Name, target: b.Target, amount: b.Value, count: b.Count,
	}
	nobodysCookies(w.Header())
	kept, err := d.take(r.Context(), s, c, x)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	if !kept {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// foreign reports whether a beacon about a page was sent by a page of another
// site, by the origin that the browser says. One that says none is no browser's.
// "null" is what a browser says for a page that may not be told by its origin
// (https://fetch.spec.whatwg.org/#append-a-request-origin-header): one that is
// shown in a sandbox, and every page of a site whose Referrer-Policy is
// no-referrer or same-origin, so it is believed.
func (s *Site) foreign(origin string, page *url.URL) bool {
	if origin == "" || origin == "null" {
		return false
	}
	if rest, ok := strings.CutPrefix(origin, page.Scheme); ok && strings.TrimPrefix(rest, "://") == page.Host {
		return false
	}
	from, err := url.Parse(origin)
	return err != nil || !s.has(strings.ToLower(from.Hostname()))
}

// refused counts what was refused before it was looked at.
func (d *Visits) refused(err error) {
	switch {
	case loot.KindOf(err) == loot.Limited:
		d.count(refusedOften, 1)
	case errors.Is(err, errNoSite):
		d.count(refusedSite, 1)
	}
}

// pageID is a view's id as it is stored; zero is none.
func pageID(id uint64) int64 { return max(int64(id&math.MaxInt64), 1) }

var kinds = map[tag.Kind]happens{tag.View: aView, tag.Engagement: aStay, tag.Event: anEvent}

// take records what a client did and returns when it is durable. It reports
// whether something was kept.
func (d *Visits) take(ctx context.Context, s *Site, c *client, x *happening) (bool, error) {
	if c.claims {
		d.count(unheeded, 1)
	}
	r, err := d.record(ctx, d.live, s, c, x)
	if nothing(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := d.keepLive(ctx, r.day, []*recording{r}); err != nil {
		return false, err
	}
	return true, nil
}

// keepLive stores recordings of one day that came as they happened, and counts
// what became of them.
func (d *Visits) keepLive(ctx context.Context, day column.Day, all []*recording) error {
	if err := d.keep(ctx, day, all); err != nil {
		for _, r := range all {
			d.live.seen.remove(r.key)
		}
		if errors.Is(err, column.ErrSealed) {
			d.count(refusedLate, len(all))
		} else {
			d.count(refusedFull, len(all))
		}
		return err
	}
	for _, r := range all {
		d.count(r.what(), 1)
	}
	return nil
}

// what says under which word a recording is counted.
func (r *recording) what() string {
	switch {
	case r.given != nil:
		return recordedGiven
	case r.stay != nil:
		return recordedStay
	case r.hit.class == counted:
		return recordedCounted
	case r.hit.event != "":
		return recordedEvent
	}
	return recordedView
}

// serveFile serves a site's script, under an address that says which, and its
// pixel.
func (d *Visits) serveFile(w http.ResponseWriter, r *http.Request) error {
	name, rest, _ := strings.Cut(r.PathValue("file"), ".")
	s, err := d.sites.named(r.Context(), name)
	if err != nil {
		return err
	}
	if rest == "gif" {
		return d.pixel(w, r, s)
	}
	hash, ok := strings.CutSuffix(rest, ".js")
	if !ok {
		return errNoSite
	}
	script, err := d.scriptOf(r.Context(), hash)
	if err != nil {
		return err
	}
	nobodysCookies(w.Header())
	return script.Serve(w, r)
}

func packed(script string) *web.Packed { return web.NewPacked("script.js", []byte(script)) }

// scriptOf returns the script of a hash, of this program or one before.
func (d *Visits) scriptOf(ctx context.Context, hash string) (*web.Packed, error) {
	if script, ok := d.scripts.Load(hash); ok {
		return script.(*web.Packed), nil
	}
	var text string
	if err := d.DB.Read(ctx, func(tx *store.Tx) (err error) {
		text, err = formerScript(ctx, tx, hash)
		return err
	}); err != nil {
		return nil, err
	}
	script, _ := d.scripts.LoadOrStore(hash, packed(text))
	return script.(*web.Packed), nil
}

// dot is a picture of one transparent point.
var dot, _ = base64.StdEncoding.DecodeString("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

// pixel records a view of a page that ran no script: all that is known of it is
// the address that the browser says the picture stands on.
func (d *Visits) pixel(w http.ResponseWriter, r *http.Request, s *Site) error {
	at, err := url.Parse(r.Referer())
	switch {
	case err != nil || at.Host == "":
		d.count(refusedForm, 1)
	case s.foreign(r.Header.Get("Origin"), at):
		d.count(refusedOrigin, 1)
	default:
		if _, err := d.take(r.Context(), s, clientOf(r), &happening{kind: aView, at: d.Now(), url: at, via: "pixel"}); err != nil && loot.KindOf(err) != loot.Denied {
			return err
		}
	}
	nobodysCookies(w.Header())
	w.Header().Set("Content-Type", "image/gif")
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(dot)
	return err
}

// Embed returns the HTML that a site's pages need.
func (d *Visits) Embed(s *Site) (string, error) {
	script := s.script()
	base := d.BaseURL + d.options.Path + "/" + s.Script
	return tag.Embed(tag.Embedding{Script: script, Src: base + "." + script.Hash + ".js", To: base, Pixel: base + ".gif", Hash: s.Hash})
}
