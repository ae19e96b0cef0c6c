package verification

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// legalForms are words that one register writes and another leaves out.
var legalForms = strings.Fields("ab ag as aps bv bvba eood gmbh inc kft kg limited llc llp ltd nv ood oy plc sa sarl sas sl spa spzoo srl sro ug uab und co")

// sameName reports whether two names of a company are one but for capitals,
// accents, punctuation and the legal form.
func sameName(a, b string) bool {
	one, other := words(a), words(b)
	return one != "" && one == other
}

func words(name string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), name)
	if err != nil {
		plain = name
	}
	plain = strings.NewReplacer(".", "", "'", "", "’", "").Replace(cases.Fold().String(plain))
	list := strings.FieldsFunc(plain, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	kept := slices.DeleteFunc(slices.Clone(list), func(w string) bool { return slices.Contains(legalForms, w) })
	if len(kept) == 0 {
		kept = list
	}
	return strings.Join(kept, " ")
}
