package verification

import (
	"cmp"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// legalForms are what registers write this way and that, and people leave out: short, in
// letters that stand apart, and in full. The longer ones come first.
var legalForms = func() []string {
	var out []string
	for line := range strings.Lines(`
		spolka z ograniczona odpowiedzialnoscia, spolka akcyjna, sp z o o, sp z oo, spzoo
		spolecnost s rucenim omezenym, akciova spolecnost, spolocnost s rucenim obmedzenym, akciova spolocnost, spol s r o, spol sro, s r o, sro, a s, as
		gesellschaft mit beschrankter haftung, aktiengesellschaft, kommanditgesellschaft, gmbh, mbh, ag, kg, kgaa, ug, ohg, ek, und co, co
		societe a responsabilite limitee, societe par actions simplifiee, societe anonyme, sarl, sasu, sas, eurl, snc, sa
		societa a responsabilita limitata, societa per azioni, srls, srl, spa
		sociedad de responsabilidad limitada, sociedad limitada, sociedad anonima, sociedade anonima, unipessoal lda, limitada, slu, sl, lda
		besloten vennootschap, naamloze vennootschap, bvba, bv, nv, vof
		designated activity company, public limited company, limited, ltd, llc, llp, plc, dac, inc, corp
		uzdaroji akcine bendrove, akcine bendrove, sabiedriba ar ierobezotu atbildibu, akciju sabiedriba, osauhing, aktsiaselts, uab, sia, ou
		osakeyhtio, aktiebolag, aktieselskab, anpartsselskab, oyj, oy, ab, aps, asa
		korlatolt felelossegu tarsasag, zartkoruen mukodo reszvenytarsasag, nyilvanosan mukodo reszvenytarsasag, kft, zrt, nyrt
		societate cu raspundere limitata, societate pe actiuni, drustvo s ogranicenom odgovornoscu, druzba z omejeno odgovornostjo, dionicko drustvo, delniska druzba, d o o, doo, d d, dd
		eood, ood, еоод, оод, еад, ад, ανωνυμη εταιρεια, επε, ικε, αε`) {
		for form := range strings.SplitSeq(strings.TrimSpace(line), ", ") {
			if form != "" {
				out = append(out, " "+form+" ")
			}
		}
	}
	return out
}()

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
	all := " " + strings.Join(split(unpointed.Replace(fold(name))), " ") + " "
	kept := all
	for _, form := range legalForms {
		kept = strings.ReplaceAll(kept, form, " ")
	}
	return strings.TrimSpace(cmp.Or(strings.TrimSpace(kept), all))
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
