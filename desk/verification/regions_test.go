package verification

import (
	"strings"
	"testing"

	"loot/statement"
)

// A state or province is known by its code and by its names, in English and as the country
// writes it, however people write them.
func TestWhatAStateIsCalled(t *testing.T) {
	for country, all := range map[string]string{
		"AE": "Dubai|Dubayy|DU", "AU": "NSW|new south wales|N.S.W.|AU-NSW", "BR": "SP|São Paulo|Sao Paulo|Estado de São Paulo|Distrito Federal",
		"CA": "QC|Québec|quebec|ON|Newfoundland & Labrador|Nouvelle-Écosse", "CN": "Guangdong|Guangdong Province|Guangdong Sheng|Inner Mongolia",
		"ES": "M|Madrid|Comunidad de Madrid|Cataluña|Catalunya|Catalonia|Vizcaya|Bizkaia|Comunitat Valenciana|Asturias", "IE": "Dublin|Co. Dublin|County Dublin|Tipperary",
		"IN": "KA|Karnataka|Jammu & Kashmir|Orissa|Delhi", "IT": "MI|Milano|Milan|Provincia di Milano|Südtirol|Bolzano|L'Aquila|Toscana|Tuscany", "JP": "13|JP-13|Tokyo|Tōkyō|Tokyo-to|Osaka Prefecture|Hokkaido|Kyoto-fu",
		"KR": "Seoul|Gyeonggi-do|Gyeonggi|Chungcheongbuk-do|North Chungcheong", "MX": "CDMX|Ciudad de México|JAL|Jal.|Jalisco|Estado de México|México", "TR": "34|Istanbul|İstanbul", "US": "CA|California|us-ca|Washington, D.C.|D.C.|N.Y.|PR|State of New York",
	} {
		for text := range strings.SplitSeq(all, "|") {
			if !regionsOf()[country].has(country, text) {
				t.Errorf("%s: %q is none", country, text)
			}
		}
	}
	for country, all := range map[string]string{
		"US": "Ontario|Q|Bavaria|State|US-|US|...", "CA": "Texas|TX", "AU": "Wales|NY", "IT": "Paris|XX", "JP": "48|99", "MX": "Texas|Ciudad",
	} {
		for text := range strings.SplitSeq(all, "|") {
			if regionsOf()[country].has(country, text) {
				t.Errorf("%s: %q is one", country, text)
			}
		}
	}
}

// Every line of the list is of a country that there is and has a code and a name that are
// found again, and each country whose post wants a state has some.
func TestTheListOfStatesIsWhole(t *testing.T) {
	for line := range strings.Lines(regionList) {
		all := strings.Split(strings.TrimSpace(line), "\t")
		if len(all) < 3 || !statement.IsCountry(all[0]) {
			t.Fatalf("%q is no line of the list", line)
		}
		for _, text := range all[1:] {
			if r := regionsOf()[all[0]]; !r.has(all[0], text) || regionName(all[2]) == "" {
				t.Errorf("%s: %q is not found", all[0], text)
			}
		}
	}
	for country, f := range formats {
		if f.region && regionsOf()[country] == nil {
			t.Errorf("%s has no states", country)
		}
	}
}
