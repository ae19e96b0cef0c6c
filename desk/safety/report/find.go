package report

import (
	"cmp"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// A finder collects the sources that a report names.
type finder struct {
	r     *Report
	index map[string]int // of a source in r.Sources
}

// add adds a source, or what is new to one that was named before.
func (f *finder) add(s Source) {
	key := s.URL
	switch {
	case key != "":
	case s.Address.IsValid():
		key = s.Address.String()
	default:
		key = s.Domain
	}
	if key == "" {
		return
	}
	i, ok := f.index[key]
	if !ok {
		if len(f.r.Sources) == MaxSources {
			f.r.warn(TooMany)
			return
		}
		if f.index == nil {
			f.index = map[string]int{}
		}
		f.index[key] = len(f.r.Sources)
		f.r.Sources = append(f.r.Sources, s)
		return
	}
	have := &f.r.Sources[i]
	have.Stated = have.Stated || s.Stated
	have.Port = cmp.Or(have.Port, s.Port)
	have.happened(s.First, s.Zoned)
	have.happened(s.Last, s.Zoned)
}

// happened says that the source was seen at t.
func (s *Source) happened(t time.Time, zoned bool) {
	if t.IsZero() {
		return
	}
	if s.First.IsZero() {
		s.First, s.Last, s.Zoned = t, t, zoned
		return
	}
	s.Zoned = s.Zoned && zoned
	if t.Before(s.First) {
		s.First = t
	}
	if t.After(s.Last) {
		s.Last = t
	}
}

// settle puts the stated sources first, addresses before links, and gives those of which no time is said
// the times of the text.
func (f *finder) settle() {
	rank := func(s Source) int {
		switch {
		case !s.Stated:
			return 3
		case s.URL != "":
			return 1
		case s.Address.IsValid():
			return 0
		}
		return 2
	}
	slices.SortStableFunc(f.r.Sources, func(a, b Source) int { return rank(a) - rank(b) })
	for i := range f.r.Sources {
		s := &f.r.Sources[i]
		if s.First.IsZero() {
			for _, t := range f.r.Times {
				s.happened(t.At, t.Zoned)
			}
		}
		if !s.First.IsZero() && !s.Zoned {
			f.r.warn(NoZone)
		}
		if !f.r.Date.IsZero() && s.Last.Sub(f.r.Date) > 24*time.Hour {
			f.r.warn(LateTime)
		}
	}
	if len(f.r.Sources) == 0 {
		f.r.warn(NoSource)
	}
}

// scan finds what a text names. Of the report's own text it also keeps the
// times and the lines that look like those of a log; else within is the time of
// the mail that the text is of.
func (f *finder) scan(text string, own bool, within Time) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || f.quotesUs(line) {
			continue
		}
		at, timed := findTime(line, f.r.Date)
		if timed && own && len(f.r.Times) < maxTimes {
			f.r.Times = append(f.r.Times, at)
		}
		if !timed && !own {
			at = within
		}
		found, addressed := sourcesOf(line)
		for _, s := range found {
			s.happened(at.At, at.Zoned)
			f.add(s)
		}
		if own && timed && addressed && len(f.r.Lines) < MaxLines {
			f.r.Lines = append(f.r.Lines, cut(line, 1000))
		}
	}
}

// quotesUs reports whether a line says to whom or by which program it is
// written, and so names no source.
func (f *finder) quotesUs(line string) bool {
	low := strings.ToLower(cut(line, 40))
	return strings.HasPrefix(low, "to:") || strings.HasPrefix(low, "cc:") || strings.HasPrefix(low, "reply-to:") || strings.HasPrefix(low, "user-agent:")
}

var (
	labelled = regexp.MustCompile(`(?i)^\W*(?:reported[ -])?(?:domain|host|hostname|fqdn|web ?site|site)(?: name)?\s*[:=]\s*([^\s,;<>"]+)`)
	scheme   = regexp.MustCompile(`(?i)(h(?:tt|xx|\*\*)ps?|fxp|ftps?)(://|:\\\\)`)
	// What people put for dots, colons and signs so that nobody follows an address.
	armed = strings.NewReplacer("[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "(dot)", ".", "[DOT]", ".", "[:]", ":", "[://]", "://", "[/]", "/", "[@]", "@", "[at]", "@", "(at)", "@", "[AT]", "@")
)

// sourcesOf returns what a line names, and whether an address is among it.
func sourcesOf(line string) (out []Source, addressed bool) {
	plain := armed.Replace(line)
	if m := labelled.FindStringSubmatch(plain); m != nil {
		if d := domainOf(m[1]); d != "" {
			out = append(out, Source{Domain: d})
		}
	}
	words := func(s string) []string {
		return strings.FieldsFunc(s, func(c rune) bool {
			return c <= ' ' || strings.ContainsRune("<>\"`", c) || c == 0x85 || c == 0xa0 || c == '\u2028'
		})
	}
	for _, word := range words(plain) {
		if at := scheme.FindStringIndex(word); at != nil {
			if s, ok := linkOf(word[at[0]:]); ok {
				out = append(out, s)
				addressed = addressed || s.Address.IsValid()
			}
			continue
		}
		if strings.Contains(word, "@") || target(word) {
			continue
		}
		for _, part := range strings.FieldsFunc(word, func(c rune) bool { return strings.ContainsRune(",;|()[]{}='*", c) }) {
			if s, ok := addressOf(part); ok {
				out, addressed = append(out, s), true
			}
		}
	}
	if plain != line { // a name that was made harmless is meant as a source
		for _, word := range words(line) {
			made := strings.Trim(armed.Replace(word), ".,;:!?()[]{}'*")
			if made != strings.Trim(word, ".,;:!?()[]{}'*") && !strings.Contains(made, "@") && !scheme.MatchString(made) {
				host, _, _ := strings.Cut(made, "/")
				if d := domainOf(host); d != "" {
					out = append(out, Source{Domain: d})
				}
			}
		}
	}
	return out, addressed
}

// target reports whether a word of a log of a firewall names who was attacked.
func target(word string) bool {
	low := strings.ToLower(cut(word, 20))
	return strings.HasPrefix(low, "dst=") || strings.HasPrefix(low, "dest=") || strings.HasPrefix(low, "destination=")
}

// addressOf reads an IP address, also with its port, a name before it or a
// whole prefix behind it.
func addressOf(word string) (s Source, ok bool) {
	word = strings.Trim(word, ".!?#-")
	if len(word) < 3 || len(word) > 80 || !strings.ContainsAny(word, "0123456789") || !strings.ContainsAny(word, ".:") {
		return s, false
	}
	bare := strings.TrimSuffix(word, ":")
	for _, try := range []string{bare, strings.TrimSuffix(bare, "/32"), strings.TrimSuffix(bare, "/128")} {
		if a, err := netip.ParseAddr(try); err == nil {
			return Source{Address: a.Unmap().WithZone("")}, public(a)
		}
	}
	if p, err := netip.ParseAddrPort(bare); err == nil {
		return Source{Address: p.Addr().Unmap(), Port: p.Port()}, public(p.Addr())
	}
	// "ip:192.0.2.1", and "192.0.2.1:22->198.51.100.7:4711", of which the first began.
	if before, _, ok := strings.Cut(bare, "->"); ok {
		return addressOf(before)
	}
	if name, rest, ok := strings.Cut(bare, ":"); ok && name != "" && !strings.ContainsAny(name, ".0123456789") && strings.Contains(rest, ".") {
		return addressOf(rest)
	}
	return s, false
}

// public reports whether an address could be anybody's on the internet.
func public(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate()
}

// linkOf reads a link, also one that was made harmless, up to where it ends.
func linkOf(word string) (s Source, ok bool) {
	word = strings.TrimRight(word, ".,;:!?'*_")
	for _, pair := range []string{"()", "[]", "{}"} { // a bracket that was opened before the link
		for strings.HasSuffix(word, pair[1:]) && strings.Count(word, pair[:1]) < strings.Count(word, pair[1:]) {
			word = strings.TrimRight(word[:len(word)-1], ".,;:!?'*_")
		}
	}
	if len(word) > maxURL {
		return s, false
	}
	m := scheme.FindStringSubmatch(word)
	if m == nil {
		return s, false
	}
	name := strings.NewReplacer("xx", "tt", "**", "tt", "fxp", "ftp").Replace(strings.ToLower(m[1]))
	u, err := url.Parse(name + "://" + strings.ReplaceAll(word[len(m[0]):], `\`, "/"))
	if err != nil || u.Hostname() == "" {
		return s, false
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	host := u.Hostname()
	if a, err := netip.ParseAddr(host); err == nil {
		s.Address = a.Unmap().WithZone("")
		if !public(a) {
			return Source{}, false
		}
	} else if s.Domain = domainOf(host); s.Domain == "" {
		return Source{}, false
	} else if port := u.Port(); port != "" {
		u.Host = s.Domain + ":" + port
	} else {
		u.Host = s.Domain
	}
	s.URL = u.String()
	return s, true
}

// domainOf returns a name of a host in small letters and ASCII; empty: it is none.
func domainOf(name string) string {
	name = strings.TrimSuffix(strings.Trim(name, "'[](){}*"), ".")
	if len(name) < 4 || len(name) > 253 || !strings.Contains(name, ".") || strings.ContainsAny(name, "/@:_ ") {
		return ""
	}
	ascii, err := idna.Lookup.ToASCII(strings.ToLower(name))
	if err != nil || len(ascii) > 253 {
		return ""
	}
	last := ascii[strings.LastIndexByte(ascii, '.')+1:]
	if last == "" || last[0] >= '0' && last[0] <= '9' {
		return ""
	}
	return ascii
}

// cut returns at most n bytes of s, in whole letters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
