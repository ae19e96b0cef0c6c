package statement

import (
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

// CountryName returns the name of a country, or the code if there is none.
func CountryName(code string) string {
	if c, ok := lookup(countries, func(c Country) bool { return c.Code == code }); ok {
		return c.Name
	}
	return code
}
