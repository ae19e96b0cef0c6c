package visits

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// recordOf makes the record of a request for a page of our own. If that page
// belongs to a site that is recorded it is kept; otherwise it is made for a site
// of nobody's and goes.
func (d *Visits) recordOf(r *http.Request) (h hit, may set, kept bool, err error) {
	all, err := d.sites.list(r.Context())
	if err != nil {
		return h, 0, false, err
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
			s, l, kept = one, d.live, true
			break
		}
	}
	x := &happening{kind: aView, at: d.Now(), url: at, referrer: r.Referer(), via: "page"}
	may = d.ruling.rules().of(regionOf(d.lookup(c.addr).Country), c.sent)
	made, err := d.record(r.Context(), l, s, c, x)
	if nothing(err) {
		return h, 0, false, nil
	}
	if err != nil {
		return h, 0, false, err
	}
	if kept {
		err = d.keep(r.Context(), made.day, []*recording{made})
	}
	return *made.hit, may, kept, err
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
		return join(h.provider, h.kind)
	case mayAddress:
		return join(h.network)
	case mayCountry:
		return named("country", h.country)
	case mayBrowser:
		return join(h.version)
	case maySystem:
		return join(h.release)
	case mayDevice:
		return join(h.device)
	case mayLanguage:
		return named("language", h.language)
	case mayPage:
		return join(h.path)
	case mayReferrer:
		return join(h.channel, h.source, h.campaign)
	case mayTime:
		return fmt.Sprintf("seen at %02d:%02d:%02d; how long comes when you leave", h.second/3600, h.second/60%60, h.second%60)
	case mayEvent:
		return "none so far"
	}
	return ""
}
