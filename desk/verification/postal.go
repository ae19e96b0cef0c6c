package verification

import (
	"regexp"
	"strings"
)

// A format is how addresses of a country are written.
type format struct {
	postcode *regexp.Regexp // of one without spaces around it, in capitals
	looks    string         // such as "five digits"
	optional bool           // letters arrive without a postcode
}

// formats are the postcodes of countries, by ISO 3166-1, as the Universal Postal
// Union and the posts themselves publish them. A country that is not here has
// none that we know, so anything is taken.
var formats = func() map[string]format {
	out := map[string]format{}
	add := func(countries, pattern, looks string) {
		f := format{postcode: regexp.MustCompile(`^(?:` + pattern + `)$`), looks: looks}
		for c := range strings.FieldsSeq(countries) {
			out[c] = f
		}
	}
	add("AT BE BG CH CY DK HU LI LU NO SI AU NZ ZA", `(?:[A-Z]{1,2}-)?\d{4}`, "four digits")
	add("DE EE ES FI FR HR IT LT TR UA MX RS ME BA MC SM VA", `(?:[A-Z]{1,2}-)?\d{5}`, "five digits")
	add("CZ GR SE SK", `(?:[A-Z]{1,2}-)?\d{3} ?\d{2}`, "five digits, such as 123 45")
	add("CN IN RO RU SG BY KZ", `\d{6}`, "six digits")
	add("LV", `LV-?\d{4}`, "LV- and four digits")
	add("NL", `[1-9]\d{3} ?[A-Z]{2}`, "four digits and two letters")
	add("PL", `\d{2}-?\d{3}`, "five digits, such as 12-345")
	add("PT", `\d{4}-\d{3}`, "seven digits, such as 1234-567")
	add("MT", `[A-Z]{3} ?\d{4}`, "three letters and four digits")
	add("GB", `(?:GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})`, "such as SW1A 1AA")
	add("US PR", `\d{5}(?:-\d{4})?`, "five digits, or nine")
	add("CA", `[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d`, "such as K1A 0B1")
	add("JP", `\d{3}-?\d{4}`, "seven digits, such as 123-4567")
	add("BR", `\d{5}-?\d{3}`, "eight digits, such as 12345-678")
	add("IS FO", `\d{3}`, "three digits")
	add("IL", `\d{5}(?:\d{2})?`, "seven digits")
	add("KR", `\d{5}`, "five digits")
	add("IE", `(?:D6W|[A-Z]\d{2}) ?[A-Z\d]{4}`, "an Eircode, such as D02 AF30")
	eircode := out["IE"]
	eircode.optional = true
	out["IE"] = eircode
	return out
}()

// postcodeOf checks a postcode by the format of a country and says what one
// looks like; ok is also true of a country of which we know no format.
func postcodeOf(country, postcode string) (looks string, ok bool) {
	f, known := formats[country]
	postcode = strings.ToUpper(strings.Join(strings.Fields(postcode), " "))
	switch {
	case !known:
		return "", true
	case postcode == "":
		return f.looks, f.optional
	}
	return f.looks, f.postcode.MatchString(postcode)
}
