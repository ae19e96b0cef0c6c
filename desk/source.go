package desk

import (
	"fmt"
	"regexp"
	"strings"

	"loot/vault"
)

// A Source is how a detail came, in words for whom it is of, with %s for what those who
// run Loot have named: so that it can be said in other languages, too.
type Source string

// The sources of details of customers.
const (
	FromPortal  Source = "you, in your portal"
	FromStaff   Source = "our staff"
	FromPurpose Source = "our staff, for “%s”" // title of a purpose
	FromCheck   Source = "our staff, after a check"
	FromOrder   Source = "your order: %s" // title of a service
	FromProgram Source = "your order, brought by a program: %s"
	FromFormer  Source = "your order, taken over from the system before on %s" // a day as in [SourceDay]
	FromSystem  Source = "your order, taken over from %s on %s"                // name of the system
)

// SourceDay is how a day is written in a source.
const SourceDay = "2 January 2006"

// Sources returns all of them, what says more before what would fit it, too.
func Sources() []Source {
	return []Source{FromPortal, FromStaff, FromPurpose, FromCheck, FromOrder, FromProgram, FromFormer, FromSystem}
}

// Of says it of what was named.
func (s Source) Of(named ...any) vault.Source { return vault.Source(fmt.Sprintf(string(s), named...)) }

// ReadSource returns how a detail came, and what was named; empty if it is none of
// [Sources].
func ReadSource(text string) (s Source, named []any) {
	for n, pattern := range sourcePatterns {
		found := pattern.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		for _, one := range found[1:] {
			named = append(named, one)
		}
		return Sources()[n], named
	}
	return "", nil
}

var sourcePatterns = func() (out []*regexp.Regexp) {
	for _, s := range Sources() {
		out = append(out, regexp.MustCompile("^"+strings.ReplaceAll(regexp.QuoteMeta(string(s)), "%s", "(.+)")+"$"))
	}
	return out
}()
