package vault

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"loot/statement"
)

// The ways in which a value is spelt for its blind index. The number stands in
// the cells, so a way once used is not changed: another gets another number.
const (
	spellNone = iota
	spellEmail
	spellCode // a VAT or an account number: letters and digits
	spellTel
	spellText
)

var spellings = [...]func(string) string{
	spellNone: nil, spellEmail: spellingEmail, spellCode: spellingCode, spellTel: spellingTel, spellText: spellingText,
}

func spellingOf(d statement.FieldDecl) uint8 {
	switch d.Type {
	case "email":
		return spellEmail
	case "vat", "iban":
		return spellCode
	case "tel":
		return spellTel
	}
	return spellText
}

// spell returns the spelling of a value under which it is looked up, so that
// two spellings of one thing are found alike.
func spell(how uint8, value string) string {
	return strings.TrimSpace(spellings[how](strings.TrimSpace(norm.NFKC.String(value))))
}

func spellingEmail(s string) string {
	local, domain, ok := strings.Cut(s, "@")
	if ascii, err := idna.Lookup.ToASCII(domain); ok && err == nil {
		s = local + "@" + ascii
	}
	return fold(s)
}

// fold makes letters alike that differ by case only: STRASSE and Straße. Upper
// and then lower case does it for every script; one step does not.
func fold(s string) string {
	upper := norm.NFKC.String(cases.Upper(language.Und).String(s)) // a change of case may undo the normal form
	return norm.NFKC.String(strings.ToLower(upper))
}

func spellingCode(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
		return -1
	}, s)
}

func spellingTel(s string) string {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
	if rest, ok := strings.CutPrefix(digits, "00"); ok && !strings.HasPrefix(s, "+") {
		return "+" + rest
	}
	if strings.HasPrefix(s, "+") {
		return "+" + digits
	}
	return digits
}

func spellingText(s string) string {
	return strings.Join(strings.Fields(fold(s)), " ")
}
