package vault

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"loot/statement"
)

// normalise returns the spelling of a value under which it is looked up, so
// that two spellings of one thing are found alike.
func normalise(d statement.FieldDecl, value string) string {
	value = norm.NFKC.String(strings.TrimSpace(value))
	switch d.Type {
	case "email":
		local, domain, ok := strings.Cut(value, "@")
		if !ok {
			return strings.ToLower(value)
		}
		if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
			domain = ascii
		}
		return strings.ToLower(local) + "@" + strings.ToLower(domain)
	case "vat", "tel":
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '+' {
				return unicode.ToUpper(r)
			}
			return -1
		}, value)
	}
	return strings.Join(strings.Fields(cases.Fold().String(value)), " ")
}

// mask returns what is shown of a value before it is revealed: enough for
// whoever knows it to see which one it is, too little to learn it.
func mask(how string, d statement.FieldDecl, value string) (shown string, masked bool) {
	switch how {
	case "fully":
		return "••••••", true
	case "partly":
	default:
		return value, false
	}
	switch d.Type {
	case "email":
		local, domain, ok := strings.Cut(value, "@")
		if !ok {
			return "••••••", true
		}
		name, tld := domain, ""
		if i := strings.LastIndex(domain, "."); i > 0 {
			name, tld = domain[:i], domain[i:]
		}
		return first(local) + "•••@" + first(name) + "•••" + tld, true
	case "tel", "vat":
		return tail(value), true
	case "country":
		return value, false
	}
	words := strings.Fields(value)
	for i, w := range words {
		words[i] = first(w) + "•••"
	}
	if len(words) > 4 {
		words = words[:4]
	}
	if strings.IndexFunc(value, unicode.IsDigit) >= 0 && len(words) == 1 {
		return tail(value), true
	}
	return strings.Join(words, " "), true
}

func first(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// tail shows the last characters, and fewer of a short value.
func tail(s string) string {
	r := []rune(s)
	n := min(4, len(r)/3)
	return "•••• " + string(r[len(r)-n:])
}
