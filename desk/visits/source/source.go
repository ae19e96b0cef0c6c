// Package source says where a visit came from: a name, a channel, and what the
// link says of its campaign. Of the referring page only its site is kept, and
// of an advertisement's click only that there was one: its id, which would name
// the person, is not.
package source

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"loot/desk/visits/scrub"
	"loot/desk/visits/words"
)

// A Source is where a visit came from.
type Source struct {
	Channel  Channel
	Name     string // "Google", or the site that referred: "example.org"
	Campaign scrub.Campaign
	Clicked  bool // the link carried a click id
}

// A Channel is a kind of source.
type Channel string

// The channels.
const (
	Direct   Channel = "direct"
	Internal Channel = "internal" // from the site itself
	Search   Channel = "search"
	Social   Channel = "social"
	AI       Channel = "AI"
	Mail     Channel = "mail"
	Paid     Channel = "paid"
	Campaign Channel = "campaign"
	Referral Channel = "referral"
	Spam     Channel = "spam" // a referrer that is made up to be looked at in reports
)

// longest is how much of a referrer is read.
const longest = 2048

// Lists are what one site's sources are told by.
type Lists struct {
	own  map[string]bool
	spam map[string]bool
}

// New returns the lists of a site. Own are its hosts; spam are referrers' sites
// beside those that are built in, see ReadSpam.
func New(own, spam []string) *Lists {
	l := &Lists{own: map[string]bool{}, spam: map[string]bool{}}
	for _, host := range own {
		l.own[bare(host)] = true
	}
	for _, host := range spam {
		l.spam[bare(host)] = true
	}
	return l
}

// ReadSpam reads a list of referrers' sites, one a line, as
// https://github.com/matomo-org/referrer-spam-list (public domain) publishes it
// in spammers.txt.
func ReadSpam(r io.Reader) ([]string, error) {
	var out []string
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		host := strings.TrimSpace(lines.Text())
		if host == "" || strings.HasPrefix(host, "#") {
			continue
		}
		if !strings.Contains(host, ".") || strings.ContainsAny(host, " \t/") {
			return nil, fmt.Errorf("source: line %d of the list of referrer spam is no host; write one a line, without path", n)
		}
		out = append(out, host)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("source: list of referrer spam: %w", err)
	}
	return out, nil
}

// bare is a host as the lists have it.
func bare(host string) string {
	host = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(host)), ".")
	return strings.TrimPrefix(host, "www.")
}

// Of says where a visit came from that landed with these parameters.
func (l *Lists) Of(referrer string, landing url.Values) Source {
	host := hostOf(referrer)
	if host != "" && l.own[host] {
		return Source{Channel: Internal}
	}
	from := l.referred(host)
	if from.Channel == Spam {
		return from
	}
	s := Source{Campaign: scrub.Query(landing)}
	id, clicked := click(landing)
	s.Clicked = clicked
	s.Channel, s.Name = channel(s.Campaign, id, from)
	return s
}

// channel weighs what is said: a paid click before the link's own words, these
// before the page that referred.
func channel(c scrub.Campaign, id clickID, from Source) (Channel, string) {
	name := c.Source
	known, isKnown := sources()[strings.ToLower(c.Source)]
	if !isKnown && strings.Contains(c.Source, ".") {
		known, isKnown = parse(bare(c.Source)).known()
	}
	if isKnown {
		name = known.name
	}
	if name == "" {
		name = from.Name
	}
	medium := strings.ToLower(c.Medium)
	switch {
	case id.paid:
		return Paid, id.name
	case mediums[medium] != "":
		return mediums[medium], name
	case strings.HasPrefix(medium, "paid"):
		return Paid, name
	case isKnown && c.Medium == "":
		return known.channel, known.name
	case c.Source != "" || c.Medium != "" || c.Name != "":
		return Campaign, name
	case from.Channel == Direct && id.name != "":
		return id.channel, id.name
	}
	return from.Channel, from.Name
}

// hostOf returns the host of a referrer, without the www. that some write.
func hostOf(referrer string) string {
	if referrer == "" || len(referrer) > longest {
		return ""
	}
	u, err := url.Parse(referrer)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "android-app" {
		return ""
	}
	host := bare(u.Hostname())
	if len(host) > 253 { // RFC 1035
		return ""
	}
	return host
}

// referred is what the referring page alone tells.
func (l *Lists) referred(name string) Source {
	if name == "" {
		return Source{Channel: Direct}
	}
	h := parse(name)
	if l.spam[name] || l.spam[h.site] || isSpam(name, h.site) {
		return Source{Channel: Spam, Name: scrub.Text(h.site)}
	}
	if known, ok := h.known(); ok {
		return Source{Channel: known.channel, Name: known.name}
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return Source{Channel: Referral, Name: "(address)"} // of a line rather than a site
	}
	return Source{Channel: looksLike(name), Name: scrub.Text(h.site)}
}

// A host is a name with its parts: in a.b.example.co.uk the site that somebody
// registered is example.co.uk, and its suffix co.uk.
type host struct{ name, site, suffix string }

func parse(name string) host {
	suffix, _ := publicsuffix.PublicSuffix(name)
	if len(name) <= len(suffix)+1 {
		return host{name, name, suffix}
	}
	start := strings.LastIndexByte(name[:len(name)-len(suffix)-1], '.') + 1
	return host{name, name[start:], suffix}
}

// looksLike goes by how hosts of a kind are called that no list can have all of.
func looksLike(host string) Channel {
	if strings.HasSuffix(host, ".social") || strings.Contains(host, "mastodon") || strings.Contains(host, "mstdn") {
		return Social
	}
	for above := host; strings.Contains(above, "."); {
		var label string
		label, above, _ = strings.Cut(above, ".")
		if channel, ok := hostLabels[label]; ok && strings.Contains(above, ".") {
			return channel
		}
	}
	return Referral
}

type known struct {
	channel Channel
	name    string
}

//go:embed sites.tsv
var table string

// sites are hosts by name; one that ends in .* is good for every public suffix.
var sites = sync.OnceValue(func() map[string]known {
	out := map[string]known{}
	for line := range strings.Lines(table) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		out[f[0]] = known{Channel(f[1]), f[2]}
	}
	for channel, names := range ours {
		for name, hosts := range names {
			for _, host := range hosts {
				out[host] = known{channel, name}
			}
		}
	}
	return out
})

// patterns are what of sites is good for every public suffix, up to that.
var patterns = sync.OnceValue(func() map[string]known {
	out := map[string]known{}
	for host, k := range sites() {
		if start, ok := strings.CutSuffix(host, "*"); ok {
			out[start] = k
		}
	}
	return out
})

// sources are the names of sites, as links say them in utm_source.
var sources = sync.OnceValue(func() map[string]known {
	out := map[string]known{}
	for _, k := range sites() {
		name := strings.ToLower(k.name)
		if precedence[k.channel] > precedence[out[name].channel] {
			out[name] = k
		}
	}
	for alias, name := range aliases {
		out[alias] = out[strings.ToLower(name)]
	}
	for word, channel := range mediums {
		if channel == Mail {
			out[word] = known{Mail, word}
		}
	}
	return out
})

// known looks for a host, then for those above it. Of a portal not every page
// is its search.
func (h host) known() (known, bool) {
	const deepest = 4 // labels before the site; no list has more
	from := 0
	for i, dots := len(h.name)-len(h.site)-1, 0; i > 0; i-- {
		if h.name[i-1] == '.' {
			if dots++; dots == deepest {
				from = i
				break
			}
		}
	}
	for at := from; ; {
		k, ok := sites()[h.name[at:]]
		if !ok {
			k, ok = patterns()[strings.TrimSuffix(h.name[at:], h.suffix)]
		}
		if ok {
			if k.channel == Search && portals[k.name] && !searches(h.name[from:at]) {
				k.channel = Referral
			}
			return k, true
		}
		if at >= len(h.name)-len(h.site) {
			return known{}, false
		}
		at += strings.IndexByte(h.name[at:], '.') + 1
	}
}

// searches tells whether a part of a portal searches.
func searches(above string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(above, "."), ".") {
		if len(label) > 2 && !searchLabels[label] {
			return false
		}
	}
	return true
}

type clickID struct {
	name    string
	channel Channel
	paid    bool
}

func click(values url.Values) (id clickID, clicked bool) {
	for key := range values {
		if k, ok := clickIDs[strings.ToLower(key)]; ok {
			clicked = true
			if !id.paid && (k.paid || k.name > id.name) { // the same of several, whatever their order
				id = k
			}
		}
	}
	return id, clicked
}

func isSpam(host, name string) bool {
	if spamSites[name] {
		return true
	}
	spam := false
	spamSet().Each(host, func(_, _, _ int) { spam = true })
	return spam
}

var spamSet = sync.OnceValue(func() *words.Set { return words.New(spamWords) })
