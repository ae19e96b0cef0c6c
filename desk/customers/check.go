package customers

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"loot/desk"
	"loot/mail"
	"loot/statement"
	"loot/web"
)

// maxDefault is what a field takes that declares no limit.
const maxDefault = 500

// limit returns how many characters a field takes.
func limit(f statement.FieldDecl) int {
	if f.Max > 0 {
		return f.Max
	}
	return maxDefault
}

// check looks at what was typed into a field and returns it in the one form in
// which it is kept. Whether the value is true is another question: this only
// tells a slip of the fingers from an answer. The complaint stands beside the
// field and never repeats the value; it is empty if nothing is wrong.
func check(f statement.FieldDecl, typed string) (value, complaint string) {
	value = norm.NFC.String(strings.TrimSpace(typed))
	switch {
	case value == "":
		return "", ""
	case !utf8.ValidString(typed) || strings.IndexFunc(value, forbiddenRune) >= 0:
		return "", web.NotText
	case utf8.RuneCountInString(value) > limit(f):
		return "", web.TooLong(limit(f))
	case f.Type != "lines" && strings.Contains(value, "\n"):
		return "", "This has to be on one line."
	}
	switch f.Type {
	case "email":
		return checkEmail(value)
	case "tel":
		return checkPhone(value)
	case "vat":
		return checkVAT(value)
	case "iban":
		return checkIBAN(value)
	case "country", "language":
		return checkChoice(desk.Choices(f), value)
	}
	return value, ""
}

func forbiddenRune(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\ufeff' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// checkEmail takes one plain address. The domain may be in any script and is
// kept in lower case, as nobody tells addresses apart by its capitals.
func checkEmail(value string) (string, string) {
	ascii := mail.Domain(value)
	if ascii == "" {
		return "", web.NotEmail
	}
	shown, err := idna.Display.ToUnicode(ascii)
	if err != nil {
		shown = ascii
	}
	return value[:strings.LastIndexByte(value, '@')+1] + shown, ""
}

var phone = regexp.MustCompile(`^\+?[0-9]{6,15}$`)

// checkPhone takes a number as people write it, and keeps it so, as that is
// easier to read. A number without its country code is accepted: whoever calls
// knows the country.
func checkPhone(value string) (string, string) {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" ()./-\u00a0\u2011\u2013", r) {
			return -1
		}
		return r
	}, value)
	if strings.HasPrefix(digits, "00") {
		digits = "+" + digits[2:]
	}
	if !phone.MatchString(digits) {
		return "", "This is not a telephone number. Digits and spaces are enough, with the country code in front, such as +353 1 555 0100."
	}
	written := strings.Join(strings.Fields(value), " ")
	if strings.HasPrefix(written, "00") {
		written = "+" + strings.TrimLeft(written[2:], " ")
	}
	return written, ""
}
