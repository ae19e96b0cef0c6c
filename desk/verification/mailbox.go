package verification

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

//go:embed disposable.txt
var disposableList string

// disposableDated is the day of the list of domains whose addresses are thrown
// away after use.
const disposableDated = "21 August 2026"

var disposable = sync.OnceValue(func() map[string]bool {
	domains := map[string]bool{}
	for line := range strings.Lines(disposableList) {
		if d := strings.TrimSpace(line); d != "" {
			domains[d] = true
		}
	}
	return domains
})

// isDisposable reports whether addresses of a domain, or of one above it, are
// thrown away after use. The domain is in ASCII and small letters.
func isDisposable(domain string) bool {
	for {
		if disposable()[domain] {
			return true
		}
		_, above, found := strings.Cut(domain, ".")
		if !found {
			return false
		}
		domain = above
	}
}

// mailbox reads an address as RFC 5321 writes it, in any script (RFC 6531), and
// returns its domain in ASCII (RFC 5891) and small letters; empty: it is none.
func mailbox(address string) (domain string) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || len(address) > 254 || !utf8.ValidString(address) {
		return ""
	}
	if local := address[:at]; len(local) > 64 || !dotted(local) && !quoted(local) {
		return ""
	}
	ascii, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil || len(ascii) > 253 || !strings.Contains(ascii, ".") {
		return ""
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 {
			return ""
		}
	}
	return strings.ToLower(ascii)
}

// dotted reports whether a local part is a Dot-string.
func dotted(local string) bool {
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.IndexFunc(atom, func(r rune) bool { return !atext(r) }) >= 0 {
			return false
		}
	}
	return true
}

func atext(r rune) bool {
	if r >= utf8.RuneSelf {
		return !unicode.IsSpace(r) && !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r)
	}
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// quoted reports whether a local part is a Quoted-string.
func quoted(local string) bool {
	inner, begins := strings.CutPrefix(local, `"`)
	inner, ends := strings.CutSuffix(inner, `"`)
	if !begins || !ends || inner == "" {
		return false
	}
	escaped := false
	for _, r := range inner {
		switch {
		case r < ' ' || r == 0x7f, r == '"' && !escaped:
			return false
		case r == '\\' && !escaped:
			escaped = true
		default:
			escaped = false
		}
	}
	return !escaped
}
