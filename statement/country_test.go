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
	}
}
