package customers

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"loot/statement"
)

// foreign are the languages in which exports name countries.
var foreign = []language.Tag{
	language.German, language.French, language.Spanish, language.Italian, language.Dutch, language.Polish, language.Portuguese,
	language.Danish, language.Swedish, language.Norwegian, language.Czech, language.English,
}

// foreignNames returns the codes of countries by their names in other languages,
// in small letters, by the data of the Unicode CLDR. A name of two countries is of
// neither.
var foreignNames = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, tag := range foreign {
		names := display.Regions(tag)
		for _, c := range statement.Countries() {
			region, err := language.ParseRegion(c.Code)
			if err != nil {
				continue
			}
			name := strings.ToLower(names.Name(region))
			if other, there := out[name]; there && other != c.Code {
				out[name] = ""
				continue
			}
			out[name] = c.Code
		}
	}
	return out
})
