package desk_test

import (
	"strings"
	"testing"

	"loot/desk"
)

func TestHostname(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		" WWW.Example.ORG. ":                 "www.example.org",
		"srv1":                               "srv1",
		"3com.example":                       "3com.example",
		"xn--bcher-kva.example":              "xn--bcher-kva.example",
		"bücher.example":                     "bücher.example",
		"παράδειγμα.δοκιμή":                  "παράδειγμα.δοκιμή",
		"_dmarc.example.org":                 "_dmarc.example.org",
		"192.0.2.300":                        "",
		"192.0.2.7":                          "",
		"2001:db8::7":                        "",
		"::ffff:192.0.2.7":                   "",
		"fe80::1%eth0":                       "",
		"192.0.2.0/28":                       "",
		"a..example":                         "",
		".example":                           "",
		"example-":                           "",
		"a.-org":                             "",
		"-example.org":                       "",
		"jo@example.org":                     "",
		"two words":                          "",
		"":                                   "",
		strings.Repeat("a.", 125) + "org":    strings.Repeat("a.", 125) + "org",
		strings.Repeat("a.", 126) + "orgs":   "",
		strings.Repeat("-", 100_000) + "org": "",

		"उदाहरण.परीक्षा": "उदाहरण.परीक्षा", // apart, as formatters do not agree on its width
	} {
		if got := desk.Hostname(typed); got != want {
			t.Errorf("%.40q: %.40q, want %.40q", typed, got, want)
		}
	}
}
