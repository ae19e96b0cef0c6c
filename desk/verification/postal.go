package verification

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A format is how addresses of a country are written.
type format struct {
	postcode *regexp.Regexp // of one in capitals that a text begins with, behind the country's letters
	looks    string         // such as "five digits"
	optional bool           // letters arrive without a postcode
	region   bool           // the post wants a state or province in it, too
}

// formats are the postcodes of countries, by ISO 3166-1, as the Universal Postal
// Union and the posts themselves publish them. A country that is not here has
// none that we know, so anything is taken. Of Austria, Germany and Spain also those
// that begin with zeros are taken: people of the demonstration have them, as they
// are given to nobody.
var formats = func() map[string]format {
	out := map[string]format{}
	add := func(countries, pattern, looks string) {
		f := format{postcode: regexp.MustCompile(`^(?:[A-Z]{1,2}-)?(` + pattern + `)`), looks: looks}
		f.postcode.Longest()
		for c := range strings.FieldsSeq(countries) {
			out[c] = f
		}
	}
	add("BE BG CH CY HU LU SI", `[1-9]\d{3}`, "four digits, of which the first is not 0")
	add("AT DK NO AU NZ ZA", `\d{4}`, "four digits")
	add("LI", `94(?:8[5-9]|9[0-8])`, "four digits from 9485 to 9498")
	add("DE EE ES FI FR HR IT LT TR UA MX RS ME BA KR", `\d{5}`, "five digits")
	add("MC", `980\d{2}`, "980 and two digits")
	add("SM", `4789\d`, "4789 and a digit")
	add("VA", `00120`, "00120")
	add("CZ GR SE SK", `\d{3} ?\d{2}`, "five digits, such as 123 45")
	add("CN RO RU SG BY", `\d{6}`, "six digits")
	add("IN", `[1-9]\d{2} ?\d{3}`, "six digits, of which the first is not 0")
	add("KZ", `\d{6}|[A-Z]\d{2}[A-Z\d]{4}`, "six digits, or a letter, two digits and four letters or digits")
	add("LV", `LV[- ]?\d{4}`, "LV- and four digits")
	add("NL", `[1-9]\d{3} ?(?:[A-RT-Z][A-Z]|S[BCE-RT-Z])`, "four digits and two letters, such as 1234 AB")
	add("PL", `\d{2}-?\d{3}`, "five digits, such as 12-345")
	add("PT", `[1-9]\d{3}[- ]?\d{3}`, "seven digits, such as 1234-567")
	add("MT", `[A-Z]{3} ?\d{4}`, "three letters and four digits")
	add("GB", `GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}`, "such as SW1A 1AA")
	add("US", `\d{5}(?:-\d{4})?`, "five digits, or nine")
	add("PR", `00[679]\d{2}(?:-\d{4})?`, "five digits, or nine, and begins with 006, 007 or 009")
	add("CA", `[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] ?\d[ABCEGHJ-NPRSTV-Z]\d`, "such as K1A 0B1")
	add("JP", `\d{3}-?\d{4}`, "seven digits, such as 123-4567")
	add("BR", `\d{5}-?\d{3}`, "eight digits, such as 12345-678")
	add("IS FO", `[1-9]\d{2}`, "three digits")
	add("IL", `\d{5}(?:\d{2})?`, "seven digits")
	add("IE", `(?:D6W|[AC-FHKNPRTV-Y]\d{2}) ?[AC-FHKNPRTV-Y\d]{4}`, "an Eircode, such as D02 AF30")
	eircode := out["IE"]
	eircode.optional = true
	out["IE"] = eircode
	for _, c := range []string{"AU", "BR", "CA", "IN", "MX", "US"} {
		f := out[c]
		f.region = true
		out[c] = f
	}
	return out
}()

// code returns the postcode that a text begins with, without what some write and others
// leave out: the letters of the country, spaces and dashes; and what follows it. It is
// empty where the text begins with none.
func (f format) code(text string) (bare, rest string) {
	at := f.postcode.FindStringSubmatchIndex(text)
	if at == nil {
		return "", text
	}
	return separators.Replace(text[at[2]:at[3]]), text[at[3]:]
}

// separators are what some write in a postcode and others leave out.
var separators = strings.NewReplacer(" ", "", "-", "")

// capitals is a postcode as formats have it.
func capitals(postcode string) string {
	return strings.ToUpper(strings.Join(strings.Fields(postcode), " "))
}

// postcodeOf checks a postcode by the format of a country and says what one
// looks like; ok is also true of a country of which we know no format.
func postcodeOf(country, postcode string) (looks string, ok bool) {
	f, known := formats[country]
	postcode = capitals(postcode)
	switch {
	case !known:
		return "", true
	case postcode == "":
		return f.looks, f.optional
	}
	bare, rest := f.code(postcode)
	return f.looks, bare != "" && rest == ""
}

// samePostcode reports whether a postcode stands in the text of an address, as far
// as the format of the country tells one there. It is not known where no postcode
// does.
func samePostcode(country, postcode, text string) (same, known bool) {
	f, there := formats[country]
	if !there {
		return false, false
	}
	want, _ := f.code(capitals(postcode))
	text = strings.ToUpper(text)
	before := ' '
	for i, r := range text {
		begins := !unicode.IsLetter(before) && !unicode.IsDigit(before)
		if before = r; !begins {
			continue
		}
		is, rest := f.code(text[i:])
		if is == "" || !ends(rest) {
			continue
		}
		known = true
		// One may be without what others add, such as the four last digits in the US.
		if is == want || len(is) >= 5 && strings.HasPrefix(want, is) || len(want) >= 5 && strings.HasPrefix(is, want) {
			return true, true
		}
	}
	return false, known
}

// ends reports whether a postcode is over before what follows it: neither a letter or a
// digit, nor a dash with more digits.
func ends(rest string) bool {
	next, size := utf8.DecodeRuneInString(rest)
	if next == '-' {
		next, _ = utf8.DecodeRuneInString(rest[size:])
		return !unicode.IsNumber(next)
	}
	return !unicode.IsLetter(next) && !unicode.IsNumber(next)
}
