package statement

import "testing"

func TestCountriesAreTheStandards(t *testing.T) {
	if len(countries) != 250 {
		t.Errorf("%d countries, want 249 of ISO 3166-1 and Kosovo", len(countries))
	}
	seen := map[string]bool{}
	for _, c := range countries {
		if len(c.Code) != 2 || c.Name == "" || seen[c.Code] {
			t.Errorf("%q %q", c.Code, c.Name)
		}
		seen[c.Code] = true
		if !IsCountry(c.Code) || CountryName(c.Code) != c.Name {
			t.Errorf("%s is no country", c.Code)
		}
	}
	for _, code := range []string{"", "I", "ie", "EU", "UK", "IRL"} {
		if IsCountry(code) || CountryName(code) != code {
			t.Errorf("%q is a country", code)
		}
	}
}
