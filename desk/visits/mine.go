package visits

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"loot/desk/visits/network"
	"loot/web"
)

// A mineRecord is the record of a request for a page of our own.
type mineRecord struct {
	hit
	may      set  // what of it is kept
	always   set  // what would be, if the browser asked for nothing
	recorded bool // the page belongs to a site that is recorded
}

// recordOf makes the record of a request for a page of our own. If that page
// belongs to a site that is recorded it is kept; otherwise it is made for a site
// of nobody's and goes.
func (d *Visits) recordOf(r *http.Request) (m mineRecord, err error) {
	all, err := d.sites.list(r.Context())
	if err != nil {
		return m, err
	}
	scheme := "http"
	c := clientOf(r)
	if c.secure {
		scheme = "https"
	}
	at := &url.URL{Scheme: scheme, Host: r.Host, Path: r.URL.Path}
	nobodys := &Site{Hosts: []string{strings.ToLower(at.Hostname())}, Zone: "UTC"}
	nobodys.check(nil)
	s, l := nobodys, newLane("")
	for _, one := range all {
		if one.Ended.IsZero() && one.has(strings.ToLower(at.Hostname())) {
			s, l, m.recorded = one, d.live, true
			break
		}
	}
	x := &happening{kind: aView, at: d.Now(), url: at, referrer: r.Referer(), via: "page"}
	region := regionOf(d.lookup(c.addr).Country)
	m.may, m.always = d.ruling.rules().of(region, c.sent), d.ruling.rules().of(region, 0)
	made, err := d.record(r.Context(), l, s, c, x)
	if nothing(err) {
		m.may = 0
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if m.hit = *made.hit; m.recorded {
		err = d.keep(r.Context(), made.day, []*recording{made})
	}
	return m, err
}

// signalWords says what the browser asks for, and what comes of that; empty: it
// asks for nothing.
func (m mineRecord) signalWords(sent signals) string {
	var asks []string
	if sent&gpc != 0 {
		asks = append(asks, "Global Privacy Control")
	}
	if sent&dnt != 0 {
		asks = append(asks, "Do Not Track")
	}
	if len(asks) == 0 {
		return ""
	}
	words := "Your browser asks for " + strings.Join(asks, " and ")
	switch m.may {
	case m.always:
		return words + ". By the statement in force that changes nothing here."
	case 0:
		return words + ", so nothing is kept."
	case mayCount:
		return words + ", so the visit is counted, and no more."
	}
	return words + ", so less is kept."
}

// takenFor says of one request what its class is.
var takenFor = map[string]string{human: "a person", "declared": "a program, as it says itself", "suspected": "a program, by how it asks", "spam": "referrer spam"}

// aside are the facts that are kept beside the details of the statement.
func (m mineRecord) aside() []web.Fact {
	if m.may&^mayCount == 0 {
		return nil
	}
	taken := takenFor[m.class]
	if m.bot != "" {
		taken += ": " + m.bot
	}
	return []web.Fact{
		{Term: "Taken for", Value: taken, Note: "Programs are told apart from people, by what a request says of itself."},
		{Term: "Visit", Value: "page " + strconv.Itoa(int(m.nth)) + " of it, under a random number", Note: "Without it we cannot tell which pages were one visit. When the day is closed, a shuffled number stands in its place."},
	}
}

// words says what is kept of a detail, as a person reads it.
func (h *hit) words(is set) string {
	join := func(parts ...string) string {
		var out []string
		for _, p := range parts {
			if p != "" {
				out = append(out, p)
			}
		}
		if len(out) == 0 {
			return "unknown"
		}
		return strings.Join(out, ", ")
	}
	named := func(dimension, value string) string {
		name, _ := nameOf(dimension, value)
		return name
	}
	switch is {
	case mayCount:
		return join(h.host)
	case mayProvider:
		if h.kind == network.Unknown.String() {
			return join(h.provider)
		}
		return join(h.provider, named("kind", h.kind))
	case mayAddress:
		return join(h.network)
	case mayCountry:
		return named("country", h.country)
	case mayBrowser:
		return join(cmp.Or(h.version, h.browser))
	case maySystem:
		return join(cmp.Or(h.release, h.system))
	case mayDevice:
		width := "a width that only the script tells"
		if h.width > 0 {
			width = named("width", strconv.Itoa(int(h.width)))
		}
		return join(named("device", h.device), width)
	case mayLanguage:
		return named("language", h.language)
	case mayPage:
		return join(h.path)
	case mayReferrer:
		clicked := ""
		if h.clicked {
			clicked = "with the mark of an advertisement, of which only that it was there is kept"
		}
		return join(named("channel", h.channel), h.source, h.campaign, h.medium, h.term, h.content, clicked)
	case mayTime:
		return fmt.Sprintf("seen at %02d:%02d:%02d; how long comes when you leave", h.second/3600, h.second/60%60, h.second%60)
	case mayEvent:
		return "none so far"
	}
	return ""
}
