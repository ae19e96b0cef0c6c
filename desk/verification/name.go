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

var (
	unpointed  = strings.NewReplacer(".", "", "'", "", "’", "")
	unaccented = strings.NewReplacer("ł", "l", "ø", "o", "đ", "d", "ħ", "h", "ı", "i", "æ", "ae", "œ", "oe")
)

// words are those of a name, without the legal form unless it is all there is.
func words(name string) string {
	list := split(unpointed.Replace(fold(name)))
	kept := slices.DeleteFunc(slices.Clone(list), func(w string) bool { return slices.Contains(legalForms, w) })
	if len(kept) == 0 {
		kept = list
	}
	return strings.Join(kept, " ")
}

// fold is a text without what registers write this way and that: capitals and accents,
// also those that Unicode takes for letters of their own.
func fold(text string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), text)
	if err != nil {
		plain = text
	}
	return unaccented.Replace(cases.Fold().String(plain))
}

// split returns the words of a text that was folded.
func split(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
