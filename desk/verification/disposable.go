package verification

import (
	_ "embed"
	"strings"
	"sync"
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
