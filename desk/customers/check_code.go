package customers

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"loot/statement"
	"loot/web"
)

// A choice is one of a list that is kept by its code.
type choice = statement.Country

type choices []choice

func readChoices(list string) choices {
	var out choices
	for line := range strings.Lines(list) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		out = append(out, choice{Code: code, Name: name})
	}
	return out
}

var (
	//go:embed languages.txt
	languageList string

	countries = choices(statement.Countries())
	languages = readChoices(languageList) // of ISO 639-1
)

// check takes a code or a name, whatever its case.
func (cs choices) check(value string) (string, string) {
	for _, c := range cs {
		if strings.EqualFold(value, c.Code) || strings.EqualFold(value, c.Name) {
			return c.Code, ""
		}
	}
	return "", "Please choose one of those offered."
}

// name returns what a code stands for, and what is no code as it is.
func (cs choices) name(code string) string {
	if i := slices.IndexFunc(cs, func(c choice) bool { return c.Code == code }); i >= 0 {
		return cs[i].Name
	}
	return code
}

func (cs choices) options() []web.Option {
	options := make([]web.Option, 0, len(cs)+1)
	options = append(options, web.Option{Label: "Choose…"})
	for _, c := range cs {
		options = append(options, web.Option{Value: c.Code, Label: c.Name})
	}
	return options
}

// compactCode takes out what people put between the groups of a number.
func compactCode(value string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" .-\u00a0", r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, value)
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

// vatElsewhere is what any other country's tax number looks like after its letters.
var vatElsewhere = shape(`[A-Z0-9]{4,18}`)

func shape(s string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + s + `)$`) }

func checkVAT(value string) (string, string) {
	number := compactCode(value)
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
	known := len(number) > 2 && slices.ContainsFunc(countries, func(c choice) bool { return c.Code == number[:2] })
	if !known || !vatElsewhere.MatchString(number[2:]) || !strings.ContainsAny(number[2:], "0123456789") {
		return "", "This is not a VAT number. It begins with the two letters of its country, and letters and digits follow, such as IE1234567T."
	}
	return number, ""
}

// ibanLengths are the lengths of bank account numbers by country, of the
// registry of ISO 13616.
var ibanLengths = func() map[string]int {
	out := map[string]int{}
	for length, list := range map[int]string{
		15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
		22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST",
		26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE",
		31: "MT SC", 32: "LC", 33: "RU",
	} {
		for _, code := range strings.Fields(list) {
			out[code] = length
		}
	}
	return out
}()

var ibanShape = shape(`[A-Z]{2}\d{2}[A-Z0-9]+`)

func checkIBAN(value string) (string, string) {
	number := compactCode(value)
	if !ibanShape.MatchString(number) {
		return "", "This is not an IBAN. One begins with two letters and two digits, such as IE29 AIBK 9311 5212 3456 78."
	}
	length, known := ibanLengths[number[:2]]
	if !known || len(number) != length {
		return "", "IBANs of this country have another length. Please compare it with your bank statement."
	}
	if ibanRest(number) != 1 {
		return "", "A letter or digit of this IBAN is wrong: it does not fit its check digits. Please compare it with your bank statement."
	}
	return number, ""
}

// ibanRest is what the check digits are computed with: the number with its
// first four characters at the end and its letters as 10 to 35, modulo 97.
func ibanRest(number string) int {
	rest := 0
	for _, r := range number[4:] + number[:4] {
		if r >= 'A' {
			rest = (rest*100 + int(r-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(r-'0')) % 97
		}
	}
	return rest
}
