package verification

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"
)

//go:embed regions.tsv
var regionList string

// Regions are the states, provinces or prefectures of a country.
type regions struct {
	codes, names map[string]bool
	example      string // a name and its code
}

// regionsOf are those of the countries in whose addresses one stands, by ISO 3166-1.
var regionsOf = sync.OnceValue(func() map[string]*regions {
	out := map[string]*regions{}
	for line := range strings.Lines(regionList) {
		all := strings.Split(strings.TrimSpace(line), "\t")
		country, code, names := all[0], all[1], all[2:]
		r := out[country]
		if r == nil {
			r = &regions{codes: map[string]bool{}, names: map[string]bool{}}
			out[country] = r
		}
		r.example = names[0] + " or " + code
		r.codes[code] = true
		for _, name := range names {
			r.names[regionName(name)] = true
		}
	}
	return out
})

// has reports whether there is a region of this code, with or without that of its country,
// or of this name.
func (r *regions) has(country, text string) bool {
	code := strings.ToUpper(strings.Join(split(text), ""))
	if len(code) > len(country) && !r.codes[code] {
		code = strings.TrimPrefix(code, country)
	}
	return r.codes[code] || r.names[regionName(text)]
}

// regionWords are those that say what a region is, not which, and those that join others.
var regionWords = strings.Fields(plain(`
	state states province provinces provincial prefecture pref county co region district department governorate emirate territory city autonomous community principality of the and
	estado provincia departamento region comunidad comunitat autonoma foral principado gobernacion distrito de del y
	stato provincia regione citta metropolitana di e estado do contae chontae provinsi wilayah persekutuan negeri il ili sheng shi zizhiqu zhuangzu huizu uygur weiwuer sar
	ken fu to si teukbyeolsi gwangyeoksi teukbyeoljachido teukbyeoljachisi tinh thanh pho changwat`))

// regionName is the name of a region as it is compared: without what people and lists
// write this way and that.
func regionName(text string) string {
	words := split(strings.ReplaceAll(plain(text), ".", ""))
	kept := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(regionWords, w) })
	if len(kept) == 0 {
		kept = words
	}
	return strings.Join(kept, "")
}

// otherScript reports whether a text has letters that the list is not written in.
func otherScript(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) })
}
