package customers

import (
	_ "embed"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

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
		return "", "This is longer than fits here."
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
	case "country":
		return checkCountry(value)
	}
	return value, ""
}

func forbiddenRune(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\ufeff' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

const wrongEmail = "This is not an e-mail address. One looks like name@example.com."

// checkEmail takes one plain address. The domain may be in any script and is
// kept in lower case, as nobody tells addresses apart by its capitals.
func checkEmail(value string) (string, string) {
	a, err := mail.ParseAddress(value)
	if err != nil || a.Name != "" || a.Address != value {
		return "", wrongEmail
	}
	at := strings.LastIndexByte(value, '@')
	local, domain := value[:at], value[at+1:]
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || len(local) > 64 || len(ascii) > 253 || !strings.Contains(ascii, ".") || strings.ContainsAny(local, "\" \t") {
		return "", wrongEmail
	}
	shown, err := idna.Display.ToUnicode(strings.ToLower(ascii))
	if err != nil {
		shown = strings.ToLower(domain)
	}
	return local + "@" + shown, ""
}

var phone = regexp.MustCompile(`^\+?[0-9]{6,15}$`)

// checkPhone takes a number as people write it and keeps its digits. A number
// without its country code is accepted: whoever calls knows the country.
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
	return digits, ""
}

// vatShapes are the shapes of VAT numbers after the letters of the country,
// for those whose numbers start with letters.
var vatShapes = map[string]*regexp.Regexp{
	"AT": shape(`U\d{8}`), "BE": shape(`[01]\d{9}`), "BG": shape(`\d{9,10}`), "CHE": shape(`\d{9}(MWST|TVA|IVA)?`), "CY": shape(`\d{8}[A-Z]`),
	"CZ": shape(`\d{8,10}`), "DE": shape(`\d{9}`), "DK": shape(`\d{8}`), "EE": shape(`\d{9}`), "EL": shape(`\d{9}`),
	"ES": shape(`[A-Z0-9]\d{7}[A-Z0-9]`), "FI": shape(`\d{8}`), "FR": shape(`[A-Z0-9]{2}\d{9}`), "GB": shape(`(\d{9}|\d{12}|(GD|HA)\d{3})`),
	"HR": shape(`\d{11}`), "HU": shape(`\d{8}`), "IE": shape(`\d[A-Z0-9+*]\d{5}[A-Z]{1,2}`), "IT": shape(`\d{11}`), "LT": shape(`(\d{9}|\d{12})`),
	"LU": shape(`\d{8}`), "LV": shape(`\d{11}`), "MT": shape(`\d{8}`), "NL": shape(`[A-Z0-9+*]{10}\d{2}`), "NO": shape(`\d{9}(MVA)?`),
	"PL": shape(`\d{10}`), "PT": shape(`\d{9}`), "RO": shape(`\d{2,10}`), "SE": shape(`\d{12}`), "SI": shape(`\d{8}`), "SK": shape(`\d{10}`),
	"XI": shape(`(\d{9}|\d{12}|(GD|HA)\d{3})`),
}

// vatElsewhere is what any other tax number looks like.
var vatElsewhere = regexp.MustCompile(`^[A-Z0-9]{4,20}$`)

func shape(s string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + s + `)$`) }

func checkVAT(value string) (string, string) {
	number := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" .-\u00a0", r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, value)
	for _, n := range []int{3, 2} {
		if len(number) <= n {
			continue
		}
		if re, ok := vatShapes[number[:n]]; ok {
			if !re.MatchString(number[n:]) {
				return "", "VAT numbers of this country look different. Please compare it with your last tax letter."
			}
			return number, ""
		}
	}
	if !vatElsewhere.MatchString(number) {
		return "", "This is not a VAT number. It has letters and digits only, with the country's letters in front, such as IE1234567T."
	}
	return number, ""
}

//go:embed countries.txt
var countryList string

// A country is one of ISO 3166-1, and Kosovo, which the standard leaves out.
type country struct{ code, name string }

var countries = func() []country {
	var list []country
	for line := range strings.Lines(countryList) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		list = append(list, country{code, name})
	}
	return list
}()

func checkCountry(value string) (string, string) {
	for _, c := range countries {
		if strings.EqualFold(value, c.code) || strings.EqualFold(value, c.name) {
			return c.code, ""
		}
	}
	return "", "Please choose one of those offered."
}

func countryName(code string) string {
	for _, c := range countries {
		if c.code == code {
			return c.name
		}
	}
	return code
}

func countryOptions() []web.Option {
	options := make([]web.Option, 0, len(countries)+1)
	options = append(options, web.Option{Label: "Choose…"})
	for _, c := range countries {
		options = append(options, web.Option{Value: c.code, Label: c.name})
	}
	return options
}

// shown returns a value as people read it: a country by its name.
func shown(f statement.FieldDecl, value string) string {
	if f.Type == "country" {
		return countryName(value)
	}
	return value
}
