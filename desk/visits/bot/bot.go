// Package bot tells programs from people by what a request says and where it
// comes from. It counts nobody out: it says which class a visit belongs to and
// why, and the report shows each class by itself.
package bot

import (
	_ "embed"
	"strings"
	"sync"

	"loot/desk/visits/agent"
	"loot/desk/visits/network"
	"loot/desk/visits/words"
)

// Signals are what is known of a request.
type Signals struct {
	UserAgent string
	Agent     agent.Agent // of the same string
	Network   network.Kind
	// Automation is what the tag says of navigator.webdriver.
	Automation bool
	// Header is the request's http.Header.Get; nil where only the string is
	// known, as in a log.
	Header func(name string) string
	// Secure says that the request came by TLS: browsers send some headers
	// only then.
	Secure bool
}

// A Verdict is what a request is held for, and why. The zero value is a human.
type Verdict struct {
	Class  Class
	Name   string // of a listed bot
	Kind   string // "search engine", "AI", "monitor", …; "other" where a bot does not say
	Reason string // a sentence's worth, of words of ours alone
}

// A Class is how sure the verdict is.
type Class uint8

// The classes.
const (
	Human     Class = iota
	Declared        // it says itself that it is a program
	Suspected       // it does not, and behaves like one
)

// String returns the class as it is stored.
func (c Class) String() string {
	switch c {
	case Declared:
		return "declared"
	case Suspected:
		return "suspected"
	default:
		return "human"
	}
}

// longest is how much of a user-agent string is read.
const longest = 512

// enough is the weight of signs from which a request is suspected. No sign by
// itself is enough: people hire private networks, and proxies strip headers.
const enough = 4

// Score judges a request.
func Score(s Signals) Verdict {
	return known().score(s)
}

var known = sync.OnceValue(func() *list { return newList(listed()) })

// A list is words to look for and what each says.
type list struct {
	set     *words.Set
	entries []entry
}

type entry struct {
	word, kind, name string
	sort             sort
}

type sort uint8

const (
	named   sort = iota // a bot of its own
	generic             // a word that bots use
	allowed             // a word of people that contains one of bots
)

//go:embed words.tsv
var table string

// listed reads the list of crawler-user-agents, see generate.go.
func listed() (out []entry) {
	for line := range strings.Lines(table) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		out = append(out, entry{word: f[0], kind: f[1], name: f[2]})
	}
	return out
}

func newList(bots []entry) *list {
	l := &list{entries: bots}
	for kind, list := range genericWords {
		for _, w := range list {
			l.entries = append(l.entries, entry{word: w, kind: kind, sort: generic})
		}
	}
	for _, w := range allowedWords {
		l.entries = append(l.entries, entry{word: w, sort: allowed})
	}
	var texts []string
	for _, e := range l.entries {
		texts = append(texts, e.word)
	}
	l.set = words.New(texts)
	return l
}

// A reading keeps the first words of bots that no allowed word covers.
type reading struct {
	hits  [8]hit
	n     int
	allow hit // the last
}

type hit struct {
	entry      *entry
	start, end int
}

func (h hit) covers(o hit) bool { return h.entry != nil && h.start <= o.start && o.end <= h.end }

func (r *reading) found(h hit) {
	switch {
	case h.entry.sort == allowed:
		r.allow = h
		kept := r.hits[:0]
		for _, o := range r.hits[:r.n] {
			if !h.covers(o) {
				kept = append(kept, o)
			}
		}
		r.n = len(kept)
	case r.n < len(r.hits) && !r.allow.covers(h):
		r.hits[r.n] = h
		r.n++
	}
}

// best is the longest name, or else the first word of a kind.
func (r *reading) best() *entry {
	var best hit
	for _, h := range r.hits[:r.n] {
		switch b := best.entry; {
		case b == nil, h.entry.sort < b.sort,
			h.entry.sort == named && b.sort == named && h.end-h.start > best.end-best.start,
			h.entry.sort == generic && b.sort == generic && b.kind == other:
			best = h
		}
	}
	return best.entry
}

func (l *list) score(s Signals) Verdict {
	text := s.UserAgent[:min(len(s.UserAgent), longest)]
	var r reading
	l.set.Each(text, func(word, start, end int) { r.found(hit{&l.entries[word], start, end}) })
	switch e := r.best(); {
	case e != nil && e.sort == named:
		return Verdict{Declared, e.name, e.kind, "its name is on the list of crawlers"}
	case e != nil:
		return Verdict{Declared, "", e.kind, "it calls itself what programs call themselves"}
	case strings.TrimSpace(text) == "":
		return Verdict{Suspected, "", other, "it sends no user-agent string"}
	case s.Automation:
		return Verdict{Suspected, "", headless, "the browser says that a program steers it"}
	case s.Agent.Browser == "" && s.Agent.Device == agent.Other:
		return Verdict{Suspected, "", library, "its user-agent string is of no known browser or device"}
	case s.Agent.Browser == "" && !strings.HasPrefix(text, "Mozilla/") && s.Agent.Device == agent.Desktop:
		return Verdict{Suspected, "", library, "its user-agent string is of no known browser"}
	}
	return signs(s)
}

// signs weighs what a browser would have sent otherwise.
func signs(s Signals) Verdict {
	var reasons [4]string
	weight, n := 0, 0
	sign := func(holds bool, w int, reason string) {
		if holds {
			weight += w
			if n < len(reasons) {
				reasons[n] = reason
				n++
			}
		}
	}
	sign(s.Network == network.Hosting, 2, "it comes from a network of servers")
	if s.Header != nil {
		// Written as http.Header keeps them, which spares it to spell them anew.
		brands, platform := s.Header("Sec-Ch-Ua"), strings.Trim(s.Header("Sec-Ch-Ua-Platform"), `"`)
		if strings.Contains(brands, "HeadlessChrome") {
			return Verdict{Declared, "", headless, "its client hints name a browser without a window"}
		}
		sign(s.Header("Accept-Language") == "", 2, "it accepts no language")
		sign(s.Header("Accept") == "", 1, "it accepts no type of content")
		sign(contradicts(s.Agent.System, platform), 3, "its client hints name another system than its user-agent string")
		since, told := telling[s.Agent.Browser]
		told = told && s.Secure && s.Agent.Major >= since
		chromium := s.Agent.Browser == "Chrome" || s.Agent.Browser == "Edge"
		sign(told && chromium && brands == "" && s.Agent.System != "iOS", 2, "it sends no client hints")
		sign(told && s.Header("Sec-Fetch-Mode") == "" && s.Header("Sec-Fetch-Site") == "", 2, "it does not say what it fetches for")
	}
	sign(s.Network == network.Hosting && s.Agent.Browser == "Chrome" && s.Agent.Major > 0 && s.Agent.Major < 80, 2, "its browser is years old")
	if weight < enough {
		return Verdict{}
	}
	return Verdict{Suspected, "", other, strings.Join(reasons[:n], ", ")}
}

// telling are the versions since which browsers send Sec-Fetch-* and, those on
// Chromium, client hints: https://caniuse.com/mdn-http_headers_sec-fetch-mode
var telling = map[string]int{"Chrome": 89, "Edge": 89, "Firefox": 90, "Safari": 17}

// families are the systems that a client hint can contradict.
var families = map[string]string{
	"Windows": "Windows", "macOS": "macOS", "Linux": "Linux", "Ubuntu": "Linux", "Debian": "Linux", "Fedora": "Linux",
	"Android": "Android", "Chrome OS": "Chrome OS", "iOS": "iOS",
}

// contradicts tells whether the hints' platform cannot be the string's system.
// A phone in desktop mode says Linux in the string.
func contradicts(system, platform string) bool {
	a, b := families[system], families[platform]
	return a != "" && b != "" && a != b && (a == "Windows" || a == "macOS" || b == "Windows" || b == "macOS")
}
