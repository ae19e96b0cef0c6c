// Package scrub takes out of addresses of pages what may name a person: e-mail
// and network addresses, tokens, long numbers, and every parameter that is not
// of a campaign. What is left names the page; scrubbing it again changes
// nothing. It errs on the side of taking out: a product whose name looks like a
// token is shown as one.
package scrub

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	longestPath  = 256
	longestValue = 100
	longestRead  = 1024 // what stands beyond it is not looked at
	passes       = 32
)

// What stands where something was taken out.
const (
	email   = "{email}"
	address = "{address}"
	token   = "{token}"
	figures = "{number}"
)

// Path is what may be kept of a path.
func Path(path string) string {
	text := plain(path)
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		text = text[:i]
	}
	if !strings.HasPrefix(text, "/") {
		text = "/" + text
	}
	return settled(text, longestPath)
}

// Text is what may be kept of a short text that a page or a link chose: the
// name of an event, the value of a parameter.
func Text(text string) string {
	return strings.TrimSpace(settled(plain(text), longestValue))
}

// A Campaign is what a link says of itself.
type Campaign struct{ Source, Medium, Name, Term, Content string }

// Query is what may be kept of the parameters of a page: those of campaigns, by
// the names of Google Analytics, which most tools write, of Matomo, and of links
// that are short.
func Query(values url.Values) Campaign {
	if len(values) == 0 {
		return Campaign{}
	}
	first := func(keys ...string) string {
		for _, key := range keys {
			if value := values.Get(key); value != "" {
				return Text(value)
			}
		}
		return ""
	}
	return Campaign{
		Source:  first("utm_source", "mtm_source", "pk_source", "source", "ref"),
		Medium:  first("utm_medium", "mtm_medium", "pk_medium"),
		Name:    first("utm_campaign", "mtm_campaign", "pk_campaign", "utm_id", "mtm_cid"),
		Term:    first("utm_term", "mtm_keyword", "pk_keyword", "pk_kwd"),
		Content: first("utm_content", "mtm_content", "pk_content"),
	}
}

// plain undoes percent-encoding, however often it was done, and drops what is no
// text.
func plain(text string) string {
	out := make([]byte, 0, min(len(text), longestRead))
	for i := range min(len(text), longestRead) {
		out = put(out, text[i])
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

func put(out []byte, b byte) []byte {
	if b < ' ' || b == 0x7f {
		return out
	}
	out = append(out, b)
	for n := len(out); n >= 3 && out[n-3] == '%' && hex(out[n-2]) >= 0 && hex(out[n-1]) >= 0; n = len(out) {
		b := byte(hex(out[n-2])<<4 | hex(out[n-1]))
		out = out[:n-3]
		if b >= ' ' && b != 0x7f {
			out = append(out, b)
		}
	}
	return out
}

func hex(b byte) int {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0')
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}

// settled scrubs until nothing changes: what is taken out, or cut off, can leave
// a part that is told from its surroundings only then.
func settled(text string, longest int) string {
	for range passes {
		next := cut(once(text), longest)
		if next == text {
			return text
		}
		text = next
	}
	return "/" + token
}

// cut ends a text at a rune, and not within what stands for something.
func cut(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	for longest > 0 && !utf8.RuneStart(text[longest]) {
		longest--
	}
	text = text[:longest]
	if open := strings.LastIndexByte(text, '{'); open > strings.LastIndexByte(text, '}') {
		text = text[:open]
	}
	return text
}

func once(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	for len(text) > 0 {
		n := strings.IndexByte(text, '/')
		if n < 0 {
			n = len(text)
		}
		segment, _, _ := strings.Cut(text[:n], ";") // ;jsessionid=…
		scrubSegment(&out, segment)
		if n < len(text) {
			out.WriteByte('/')
			n++
		}
		text = text[n:]
	}
	return out.String()
}

// scrubSegment goes word by word; a word is what an e-mail address can be of.
func scrubSegment(out *strings.Builder, text string) {
	for len(text) > 0 {
		n := 0
		for n < len(text) && inWord(text[n]) {
			n++
		}
		switch word := text[:n]; {
		case n == 0:
			out.WriteByte(text[0])
			n = 1
		case strings.IndexByte(word[1:], '@') >= 0: // one that begins with it is a name that is shown
			out.WriteString(email)
		case isAddress(word):
			out.WriteString(address)
		default:
			scrubWord(out, word)
		}
		text = text[n:]
	}
}

func inWord(b byte) bool {
	return letter(b) || digit(b) || b >= utf8.RuneSelf || strings.IndexByte("@.-_+~!*'", b) >= 0
}

func letter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }
func digit(b byte) bool  { return '0' <= b && b <= '9' }

func isAddress(word string) bool {
	if strings.Count(word, ".") != 3 {
		return false
	}
	_, err := netip.ParseAddr(word)
	return err == nil
}

// scrubWord takes tokens out of the parts between dots, and long numbers.
func scrubWord(out *strings.Builder, word string) {
	for more := true; more; {
		var part string
		part, word, more = strings.Cut(word, ".")
		if isToken(part) {
			out.WriteString(token)
		} else {
			scrubNumbers(out, part)
		}
		if more {
			out.WriteByte('.')
		}
	}
}

// isToken tells what a program made up from what a person wrote: in words,
// letters seldom turn into figures or small letters into capitals; in random
// letters and figures they do at every second or third place.
func isToken(part string) bool {
	const shortest, longestWord = 16, 64
	if len(part) < shortest {
		return false
	}
	changes, hexes, figures, run, longestRun := 0, 0, 0, 0, 0
	for i := range len(part) {
		b := part[i]
		if hex(b) >= 0 {
			hexes++
		}
		if digit(b) {
			figures++
		}
		if letter(b) || digit(b) {
			run++
		} else {
			run = 0
		}
		longestRun = max(longestRun, run)
		if i == 0 {
			continue
		}
		a := part[i-1]
		small := 'a' <= a && a <= 'z'
		capital := 'A' <= b && b <= 'Z'
		if digit(a) && letter(b) || letter(a) && digit(b) || small && capital {
			changes++
		}
	}
	isHex := figures > 0 && hexes+strings.Count(part, "-") == len(part) && hexes > figures
	return isHex || 4*changes >= len(part) || longestRun > longestWord
}

func scrubNumbers(out *strings.Builder, part string) {
	const long = 6
	for len(part) > 0 {
		n := 0
		for n < len(part) && digit(part[n]) {
			n++
		}
		switch {
		case n >= long:
			out.WriteString(figures)
		case n > 0:
			out.WriteString(part[:n])
		default:
			for n < len(part) && !digit(part[n]) {
				n++
			}
			out.WriteString(part[:n])
		}
		part = part[n:]
	}
}
