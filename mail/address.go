package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// ValidAddress reports whether s is one address that mail can be sent to,
// with no name beside it.
func ValidAddress(s string) bool { return Domain(s) != "" }

// Domain reads one address that mail can be sent to, as RFC 5321 writes it, in any
// script (RFC 6531), with no name beside it, and returns its domain in ASCII (RFC 5891)
// and small letters; empty: it is none.
func Domain(s string) string {
	local, domain := split(s)
	if len(s) > 254 || len(local) > 64 || !utf8.ValidString(s) || !dotted(local) && !quoted(local) {
		return ""
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || len(ascii) > 253 || !strings.Contains(ascii, ".") {
		return ""
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 {
			return ""
		}
	}
	if top := ascii[strings.LastIndexByte(ascii, '.')+1:]; strings.Trim(top, "0123456789") == "" { // RFC 1123, 2.1: it would be an IP address
		return ""
	}
	return ascii
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
		return !unicode.IsSpace(r) && !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) // nobody sees one, such as a zero-width space
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
