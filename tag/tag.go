// Package tag is the script that sites embed to record visits, and the form of
// what it sends. It reads and writes nothing that a browser keeps.
//
// There are two, made from src/visit.ts: the core records views, engagement,
// how far down was read, navigation within a page, back and forward, and pages
// that a browser prepared; the full one also links that lead away, downloads,
// errors, forms and what a site tells itself. Both need a browser of 2021 or
// later; an older one is not counted, nor one whose beacons are turned off.
//
// # In a page
//
// The script's own element says what is to be done:
//
//	src         where the script is served
//	data-to     where beacons go; otherwise to the address in src
//	data-site   which site it is, if the address does not tell
//	data-hash   what follows # names a page, too: a router goes by it
//
// and, for the full one, elements of the page:
//
//	data-loot-event="Name"   a click, or a form's submission, is an event of that name
//	data-loot-404            the page that was asked for is missing; said once, as it is loaded
//
// A site tells an event itself by a name, a target and a value, of which only
// the name must be. This does no harm before the script has run, or if it never
// does:
//
//	(window.loot ||= []).push(["Order", "yearly", 49.90])
//
// # On the wire
//
// A beacon is one JSON object in a POST of text/plain, which a browser sends
// without asking first. As with any request, the cookies of the host that it
// goes to come along: whoever answers looks at none and sets none.
//
//	kind      "view", "engagement" or "event"
//	page      64 random bits of this view, as decimal digits in a string
//	url       the page's address, cut at 999 characters
//	referrer  the page before: as the browser says it for the first view, then one of our own
//	site      data-site
//	width     the class of the window's width, 1 to 5
//	auto      true if the browser says that a program drives it
//	time      engagement: milliseconds so far
//	scroll    engagement: percent of the page's height that has been seen
//	name      event: "outbound", "download", "form", "404", or the site's own
//	target    event: the link's host and path, the file's path, the form's id, or the site's own
//	value     event: a number of the site's own, from 0 to 1,000,000,000
//	count     event: grows within a page, so that one that comes twice is told from two
//
// Each beacon tells all about its page. An engagement is what has come together
// so far, sent whenever the page is hidden or left: of several for one page the
// one with the greatest time, then the greatest scroll, is right, whichever came
// first. Time runs while the page is visible and has the focus: whoever looks
// at it beside the window that they work in is not counted, whoever walks away
// from a page in front is. No clock of the visitor is told, and nothing is sent
// before the page has been visible.
package tag

import (
	"crypto/sha256"
	"crypto/sha512"
	_ "embed" // the scripts
	"encoding/base64"
	"fmt"
	"html"
	"net/url"
	"strings"
)

//go:generate go tool -modfile=../tools/go.mod esbuild src/visit.ts --define:FULL=false --minify --format=esm --target=es2020 --log-level=warning --outfile=dist/core.js
//go:generate go tool -modfile=../tools/go.mod esbuild src/visit.ts --define:FULL=true --minify --format=esm --target=es2020 --log-level=warning --outfile=dist/full.js

var (
	//go:embed dist/core.js
	core string
	//go:embed dist/full.js
	full string
)

// A Script is what a browser loads.
type Script struct {
	Text string
	// Hash is made for an address, which may then be kept for ever.
	Hash string
	// Integrity has a browser refuse any other text.
	Integrity string
}

// Core is the small one.
func Core() Script { return script(core) }

// Full is the one that records events, too.
func Full() Script { return script(full) }

func script(text string) Script {
	hash, integrity := sha256.Sum256([]byte(text)), sha512.Sum384([]byte(text))
	return Script{
		Text: text, Hash: base64.RawURLEncoding.EncodeToString(hash[:16]),
		Integrity: "sha384-" + base64.StdEncoding.EncodeToString(integrity[:]),
	}
}

// Embedding is how a site has a script. Src, To and Pixel are addresses, whole
// or from the root of the site's own host.
type Embedding struct {
	Script Script
	Src    string // where it is served
	To     string // where beacons go; empty: to Src
	Pixel  string // a picture that is asked for without script; empty: none
	Site   string
	Hash   bool // the part after # names a page, too
}

// Embed returns the HTML that belongs before the end of a page's body.
func Embed(e Embedding) (string, error) {
	for _, a := range []struct{ name, address string }{{"src", e.Src}, {"data-to", e.To}, {"the pixel", e.Pixel}} {
		u, err := url.Parse(a.address)
		whole := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
		fromRoot := err == nil && u.Scheme == "" && strings.HasPrefix(u.Path, "/")
		if !whole && !fromRoot && (a.address != "" || a.name == "src") {
			return "", fmt.Errorf("tag: embed: %s is no address: give one that begins with https:// or with /", a.name)
		}
	}
	var b strings.Builder
	attribute := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, ` %s="%s"`, name, html.EscapeString(value))
		}
	}
	b.WriteString("<script defer")
	attribute("src", e.Src)
	attribute("integrity", e.Script.Integrity)
	attribute("crossorigin", "anonymous")
	attribute("data-to", e.To)
	attribute("data-site", e.Site)
	if e.Hash {
		b.WriteString(" data-hash")
	}
	b.WriteString("></script>\n")
	if e.Pixel != "" {
		b.WriteString("<noscript><img")
		attribute("src", e.Pixel)
		// By default another origin hears nothing but the host.
		attribute("referrerpolicy", "no-referrer-when-downgrade")
		b.WriteString(` width="1" height="1" alt=""></noscript>` + "\n")
	}
	return b.String(), nil
}
