//go:build ignore

// Generate writes regions.tsv from two npm packages:
//
//	npm pack cldr-subdivisions-full && tar xzf cldr-subdivisions-full-*.tgz
//	npm pack iso-3166 && tar xzf iso-3166-*.tgz package/2.js
//	go run generate.go package/subdivisions/en/en.json package/2.js >regions.tsv
//
// A line is a country, the code of a part of it by ISO 3166-2, and what that is called:
// in English by the first, and in Latin letters as the country itself writes it by the second.
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// countries are those in whose addresses a state, province or prefecture stands.
var countries = strings.Fields("AE AR AU BR CA CL CN CO EG ES ID IE IN IT JP KR MX MY NG PE PH TH TR TW US VE VN")

// also is what people write and neither package has: other languages of a country, former
// names, and codes of posts alone, as for the armed forces.
var also = [][3]string{
	{"CA", "BC", "Colombie-Britannique"},
	{"CA", "NB", "Nouveau-Brunswick"},
	{"CA", "NL", "Newfoundland"},
	{"CA", "NL", "Terre-Neuve-et-Labrador"},
	{"CA", "NS", "Nouvelle-Écosse"},
	{"CA", "NT", "Territoires du Nord-Ouest"},
	{"CA", "PE", "Île-du-Prince-Édouard"},
	{"CA", "PQ", "Québec"},
	{"CN", "NM", "Inner Mongolia"},
	{"ES", "A", "Alacant"},
	{"ES", "BI", "Vizcaya"},
	{"ES", "C", "La Coruña"},
	{"ES", "CN", "Islas Canarias"},
	{"ES", "CS", "Castelló"},
	{"ES", "CT", "Cataluña"},
	{"ES", "GI", "Gerona"},
	{"ES", "IB", "Islas Baleares"},
	{"ES", "IB", "Baleares"},
	{"ES", "L", "Lérida"},
	{"ES", "NA", "Navarre"},
	{"ES", "OR", "Orense"},
	{"ES", "PV", "Euskadi"},
	{"ES", "SS", "Guipúzcoa"},
	{"ES", "VI", "Araba"},
	{"IN", "OR", "Orissa"},
	{"IT", "BZ", "Südtirol"},
	{"IT", "BZ", "Alto Adige"},
	{"IT", "LI", "Leghorn"},
	{"IT", "TN", "Trento"},
	{"MX", "CDMX", "Ciudad de México"},
	{"MX", "DF", "Distrito Federal"},
	{"MX", "EDOMEX", "Estado de México"},
	{"MX", "QRO", "Querétaro"},
	{"US", "AA", "Armed Forces Americas"},
	{"US", "AE", "Armed Forces Europe"},
	{"US", "AP", "Armed Forces Pacific"},
	{"US", "FM", "Micronesia"},
	{"US", "MH", "Marshall Islands"},
	{"US", "PW", "Palau"},
	{"US", "VI", "US Virgin Islands"},
}

var (
	entry = regexp.MustCompile(`code: '(..)-(\w+)',\s+name: (?:'([^']+)'|"([^"]+)")`)
	// behind is what a name begins with that is written behind a comma, as in "Asturias, Principado de".
	behind = regexp.MustCompile(`, (?:[^,]* de$|Comuni\pL*)`)
)

func main() {
	english, own := read(os.Args[1]), read(os.Args[2])
	var of struct {
		Subdivisions struct {
			LocaleDisplayNames struct{ Subdivisions map[string]string }
		}
	}
	if err := json.Unmarshal(english, &of); err != nil {
		panic(err)
	}
	called := map[[2]string][]string{}
	add := func(country, code, name string) {
		id := [2]string{country, code}
		if name = strings.TrimSpace(name); name != "" && slices.Contains(countries, country) && !slices.Contains(called[id], name) {
			called[id] = append(called[id], name)
		}
	}
	for id, name := range of.Subdivisions.LocaleDisplayNames.Subdivisions {
		id = strings.ToUpper(id)
		add(id[:2], id[2:], name)
	}
	for _, m := range entry.FindAllStringSubmatch(string(own), -1) {
		name := behind.ReplaceAllString(cmp.Or(m[3], m[4]), "")
		for one := range strings.FieldsFuncSeq(name, func(r rune) bool { return strings.ContainsRune(",()/", r) }) {
			add(m[1], m[2], one)
		}
	}
	for _, a := range also {
		add(a[0], a[1], a[2])
	}
	for _, id := range slices.SortedFunc(maps.Keys(called), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		fmt.Printf("%s\t%s\t%s\n", id[0], id[1], strings.Join(called[id], "\t"))
	}
}

func read(file string) []byte {
	b, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	return b
}
