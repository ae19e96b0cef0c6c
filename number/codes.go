package number

import (
	"fmt"
	"regexp"
	"strings"
)

// IBAN checks a bank account number of ISO 13616: the country's length and
// characters, and its check digits.
func IBAN(typed string) (Number, error) { return iban.Check(typed) }

// BIC checks a business identifier code of ISO 9362, of a bank for the most
// part. It has no check digit.
func BIC(typed string) (Number, error) { return bic.Check(typed) }

// LEI checks a legal entity identifier of ISO 17442.
func LEI(typed string) (Number, error) { return lei.Check(typed) }

var (
	iban = Scheme{
		ID: "iban", Name: "IBAN", Looks: "two letters for the country, two digits and the account", Example: "IE29 AIBK 9311 5212 3456 78",
		shape: ibanShape(), groups: "#### ", closer: ibanLooks,
		digits: func(s string) Checked { return yes(mod97(s[4:] + s[:4])) },
	}
	bic = Scheme{
		ID: "bic", Name: "BIC", Looks: "8 or 11 letters and digits, the fifth and sixth of them the letters of the country", Example: "AIBKIE2D",
		shape: bicOf(strings.Join(strings.Fields(isoCountries), "|")), closer: bicLooks,
	}
	lei = Scheme{
		ID: "lei", Name: "LEI", Looks: "18 letters and digits and two check digits", Example: "5067 00GE 1G29 325Q X363",
		shape: shape(`[A-Z0-9]{18}\d\d`), groups: "#### ",
		digits: func(s string) Checked { return yes(mod97(s)) },
	}
)

// isoCountries are those of ISO 3166-1, and Kosovo, which the standard leaves out
// and ISO 9362 does not.
const isoCountries = `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH
	CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN
	GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI
	LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM
	PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD
	TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW`

// accounts is what follows the check digits of an IBAN, by country, of the
// registry of ISO 13616: n digits, a capitals, c either.
const accounts = `AD8n12c AE19n AL8n16c AT16n AZ4a20c BA16n BE12n BG4a6n8c BH4a14c BI23n BR23n1a1c BY4c4n16c CH5n12c CR18n CY8n16c CZ20n DE18n DJ23n DK14n
	DO4c20n EE16n EG25n ES20n FI14n FK2a12n FO14n FR10n11c2n GB4a14n GE2a16n GI4a15c GL14n GR7n16c GT24c HN4a20n HR17n HU24n IE4a14n IL19n
	IQ4a15n IS22n IT1a10n12c JO4a4n18c KW4a22c KZ3n13c LB4n20c LC4a24c LI5n12c LT16n LU3n13c LV4a13c LY21n MC10n11c2n MD20c ME18n MK3n10c2n
	MN16n MR23n MT4a5n18c MU4a19n3a NI4a20n NL4a10n NO11n OM3n16c PK4a16c PL24n PS4a21c PT21n QA4a21c RO4a16c RS18n RU14n15c SA2n18c SC4a20n3a
	SD14n SE20n SI15n SK20n SM1a10n12c SO19n ST21n SV4a20n TL19n TN20n TR6n16c UA6n19c VA18n VG4a16n XK16n YE4a4n18c`

var (
	accountPart = regexp.MustCompile(`(\d+)([nac])`)
	// ibanLengths counts the letters of the country and the check digits too.
	ibanLengths = map[string]int{}
)

func ibanShape() *regexp.Regexp {
	var countries []string
	for _, a := range strings.Fields(accounts) {
		length := 4
		pattern := accountPart.ReplaceAllStringFunc(a[2:], func(part string) string {
			var n int
			var kind rune
			if _, err := fmt.Sscanf(part, "%d%c", &n, &kind); err != nil {
				panic("number: the table of accounts: " + part)
			}
			length += n
			return fmt.Sprintf("%s{%d}", map[rune]string{'n': `\d`, 'a': `[A-Z]`, 'c': `[A-Z0-9]`}[kind], n)
		})
		ibanLengths[a[:2]] = length
		countries = append(countries, a[:2]+`\d\d`+pattern)
	}
	return shape(strings.Join(countries, "|"))
}

var ibanBegins = regexp.MustCompile(`^[A-Z]{2}\d\d`)

func ibanLooks(value string) string {
	if !ibanBegins.MatchString(value) {
		return ""
	}
	length, known := ibanLengths[value[:2]]
	switch {
	case !known:
		return "of one of the countries that have them, by whose two letters it begins"
	case length != len(value):
		return fmt.Sprintf("%d letters and digits long in this country", length)
	}
	return "of this length in this country, but has letters where this has digits or digits where this has letters"
}

// bicOf is what a BIC looks like that has one of some countries in it.
func bicOf(countries string) *regexp.Regexp {
	return shape(`[A-Z0-9]{4}(?:` + countries + `)[A-Z0-9]{2}(?:[A-Z0-9]{3})?`)
}

var likeBIC = bicOf(`[A-Z]{2}`)

func bicLooks(value string) string {
	if !likeBIC.MatchString(value) {
		return ""
	}
	return "of a country, whose two letters are the fifth and the sixth"
}
