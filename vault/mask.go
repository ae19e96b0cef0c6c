package vault

import (
	"strings"
	"unicode"
)

const dots = "•••"

// mask returns what is shown of a value before it is revealed: enough for
// whoever knows it to see which one it is, too little to learn it.
func mask(how, kind, value string) string {
	shown := dots + dots
	if how == "partly" {
		shown = partly(kind, value)
	}
	if shown == value { // somebody gave dots
		shown += "•"
	}
	return shown
}

func partly(kind, value string) string {
	switch kind {
	case "email":
		local, domain, ok := strings.Cut(value, "@")
		if !ok {
			return dots + dots
		}
		name, top := domain, ""
		if i := strings.LastIndexByte(domain, '.'); i > 0 {
			name, top = domain[:i], domain[i:]
		}
		return initial(local) + "@" + initial(name) + top
	case "tel", "vat", "iban":
		return tail(value)
	case "country", "language":
		return dots
	}
	words := strings.Fields(value)
	if len(words) == 1 && strings.ContainsFunc(value, unicode.IsDigit) {
		return tail(value)
	}
	words = words[:min(4, len(words))]
	for i, w := range words {
		words[i] = initial(w)
	}
	if len(words) == 0 {
		return dots + dots
	}
	return strings.Join(words, " ")
}

// initial shows the first letter of a word, unless that is most of it.
func initial(word string) string {
	r := []rune(word)
	if len(r) < 3 {
		return dots
	}
	return string(r[:1]) + dots
}

// tail shows the last four characters, and fewer of a short value.
func tail(s string) string {
	r := []rune(strings.TrimSpace(s))
	n := min(4, len(r)/3)
	if n == 0 {
		return "••••"
	}
	return "•••• " + string(r[len(r)-n:])
}
