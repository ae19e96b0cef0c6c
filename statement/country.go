package statement

import (
	"cmp"
	_ "embed"
	"strings"
)

//go:embed countries.txt
var countryList string

// A Country is one of ISO 3166-1, or Kosovo, which the standard leaves out.
type Country struct{ Code, Name string }

var countries = func() []Country {
	var list []Country
	for line := range strings.Lines(countryList) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		list = append(list, Country{code, name})
	}
	return list
}()

// Countries returns the countries by name. Do not change the list.
func Countries() []Country { return countries }

var countryNames = func() map[string]string {
	names := make(map[string]string, len(countries))
	for _, c := range countries {
		names[c.Code] = c.Name
	}
	return names
}()

// CountryName returns the name of a country, or the code if there is none.
func CountryName(code string) string { return cmp.Or(countryNames[code], code) }

// IsCountry reports whether there is a country with a code, in capitals.
func IsCountry(code string) bool { return countryNames[code] != "" }
