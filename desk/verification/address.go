package verification

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"loot"
	"loot/desk/verification/register"
	"loot/statement"
)

// A part of an address, as it was given.
type part struct {
	field loot.Field // empty: it was not given
	value string
}

// regionEnding is how the name of a field ends that holds a state or province.
const regionEnding = ".region"

// An address is what was given of one.
type address struct {
	street, postcode, city, region part
	country                        string
}

func (r record) address() (a address) {
	a.street.field, a.street.value = r.by("", ".street")
	a.postcode.field, a.postcode.value = r.by("", ".postcode")
	a.city.field, a.city.value = r.by("", ".city")
	a.region.field, a.region.value = r.by("", regionEnding)
	a.country = r.country()
	return a
}

// inspectAddress looks at the parts of the address together. Without a register of
// addresses nobody can tell whether a town or a street is there, but some are none.
func (r record) inspectAddress(out map[loot.Field][]finding) {
	country, code := r.by("country", "")
	if country == "" {
		return
	}
	if !statement.IsCountry(code) {
		out[country] = append(out[country], finding{Check: "address.country", Outcome: failed, Why: "There is no country with this code."})
		return
	}
	out[country] = append(out[country], finding{Check: "address.country", Outcome: passed})
	check := "address.form"
	f, known := formats[code]
	if !known {
		check = "address.letters"
	}
	a := r.address()
	looks, fits := postcodeOf(code, a.postcode.value)
	for _, p := range []part{a.street, a.city, a.postcode} {
		one := finding{Check: check, Outcome: failed}
		switch {
		case p.field == "":
			continue
		case p == a.postcode && !fits:
			one.Why = "A postcode of " + statement.CountryName(code) + " is " + looks + "."
		case p == a.postcode:
			one.Outcome = passed
		case strings.IndexFunc(p.value, unicode.IsLetter) < 0:
			one.Why = "A street and a town have names, with letters; this has none."
		case repeats(p.value):
			one.Why = "This is one letter again and again. That can be right, as of a town of two letters; somebody has to look."
		case sameText(a.street.value, a.city.value):
			one.Why = "Street and town are the same. That can be right, as of a village without streets; somebody has to look."
		case p == a.city && a.postcode.field == "" && !fits:
			one.Why = "An address in " + statement.CountryName(code) + " needs a postcode: " + looks + "."
		case p == a.city && a.region.field == "" && f.region && r.asks(regionEnding):
			one.Why = "An address in " + statement.CountryName(code) + " needs its state or province, such as " + regionsOf()[code].example + "."
		default:
			one.Outcome = passed
		}
		out[p.field] = append(out[p.field], one)
	}
	if a.region.field != "" {
		out[a.region.field] = append(out[a.region.field], inspectRegion(code, a.region.value))
	}
}

// inspectRegion looks for a state or province in the list of its country. Of a country in
// whose addresses none stands, and in letters that the list does not have, anything that is
// a word is taken.
func inspectRegion(country, region string) finding {
	list := regionsOf()[country]
	one := finding{Check: "address.region", Outcome: passed}
	switch {
	case list != nil && list.has(country, region):
		return one
	case list != nil && !otherScript(region):
		one.Why = "There is no state or province called so in " + statement.CountryName(country) + ". It has a name or a code, such as " + list.example + "."
	case strings.IndexFunc(region, unicode.IsLetter) < 0:
		one.Check, one.Why = "region.letters", "A state or province has a name, with letters; this has none."
	case repeats(region):
		one.Check, one.Why = "region.letters", "This is one letter again and again."
	default:
		one.Check = "region.letters"
	}
	if one.Why != "" {
		one.Outcome = failed
	}
	return one
}

// repeats reports whether a text is one character again and again, but for spaces.
func repeats(text string) bool {
	all := []rune(strings.ToLower(strings.Join(strings.Fields(text), "")))
	return len(all) > 1 && !slices.ContainsFunc(all, func(r rune) bool { return r != all[0] })
}

func sameText(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

// elsewhere says that a register has an address in another country than was given, in which
// a town and a street of the same names prove nothing; empty: it does not.
func (a address) elsewhere(told register.Answer) string {
	if !statement.IsCountry(told.Country) || told.Country == a.country {
		return ""
	}
	return told.Register + " has an address in another country beside the number. That can be right; somebody has to look."
}

// comparePostcode compares the postcode that a register tells with the one that was
// given. It says nothing where the register tells none that can be read.
func (a address) comparePostcode(told register.Answer) (outcome, string) {
	text := cmp.Or(told.Postcode, told.Address)
	if told.Country != "" { // then all of it is told in parts
		text = told.Postcode
	}
	same, known := samePostcode(a.country, a.postcode.value, text)
	if !known || told.Country != "" && !statement.IsCountry(told.Country) {
		return none, ""
	}
	return compared(told, "postcode", same, true)
}

// compareCity compares the town that a register tells with the one that was given. It
// says nothing where the register tells none.
func (a address) compareCity(told register.Answer) (outcome, string) {
	ours, theirs := named(a.city.value, a.street.value, told.City, told)
	if !readable(ours, theirs) {
		return none, ""
	}
	return compared(told, "town", alike(ours, theirs), whole(ours, theirs, told))
}

// compareStreet compares the street that a register tells with the one that was given, and
// a number of it where both have some. It says nothing where the register tells none.
func (a address) compareStreet(told register.Answer) (outcome, string) {
	ours, theirs := named(a.street.value, a.city.value, told.Street, told)
	if !readable(ours, theirs) {
		return none, ""
	}
	given, is := numbersIn(a.street.value), a.numbersTold(told, ours)
	return compared(told, "street", alike(ours, theirs) && (len(given) == 0 || len(is) == 0 || shared(given, is)), whole(ours, theirs, told))
}

// compared is what a comparison found: nothing is said of what is the same in part.
func compared(told register.Answer, what string, same, whole bool) (outcome, string) {
	switch {
	case same && whole:
		return proved, ""
	case !same:
		return failed, told.Register + " has another " + what + " beside the number. That can be right, as of a company that works elsewhere; somebody has to look."
	}
	return none, ""
}

// named returns the words that name a part of an address: as it was given, the longer ones
// if there are some, and as a register tells it. Where that tells all in one text, the words
// of the other part that was given are left out of both, as a street that is called after a
// town is no town.
func named(given, other, part string, told register.Answer) (ours, theirs []string) {
	ours, theirs = names(given), names(part)
	if slices.ContainsFunc(ours, long) {
		ours = slices.DeleteFunc(ours, func(w string) bool { return !long(w) })
	}
	if part != "" || told.Country != "" { // told in parts
		return ours, theirs
	}
	of := names(other)
	beside := func(w string) bool { return slices.Contains(of, w) }
	return slices.DeleteFunc(ours, beside), slices.DeleteFunc(names(told.Address), beside)
}

// generic are words of streets, houses and towns that name none, and how people shorten them.
var generic = strings.Fields(plain(`
	street st road rd avenue ave av lane ln drive dr court ct place pl square sq terrace quay close way row park gardens estate boulevard blvd bd highway hwy
	house building suite unit floor room no nr co strasse str platz weg gasse allee straat laan plein rue chemin route rte quai via viale piazza corso della
	delle degli calle avenida avda plaza paseo carretera rua praca estrada ulica ul aleja al strada bulevardul ulice namesti gata gatan vagen vej gade katu
	utca odos gatve iela saint sankt`))

// namesakes are names of one town in several languages, of which a register tells one and
// people write another.
var namesakes = func() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(plain(`
		antwerpen antwerp anvers
		athina athens
		brugge bruges
		brussel brussels bruxelles
		bucuresti bucharest
		firenze florence
		geneve geneva genf
		genova genoa
		gent ghent gand
		gravenhage haag hague
		hertogenbosch bosch
		kobenhavn copenhagen
		koln cologne
		kortrijk courtrai
		krakow cracow
		lefkosia nicosia
		leuven louvain
		liege luik luttich
		lisboa lisbon
		luxembourg luxemburg letzebuerg
		mechelen malines
		milano milan
		munchen munich
		napoli naples
		nurnberg nuremberg
		praha prague
		roma rome
		torino turin
		venezia venice
		warszawa warsaw
		wien vienna`)) {
		for i, all := 0, strings.Fields(line); i < len(all); i++ {
			out[all[i]] = all[0]
		}
	}
	return out
}()

var spellings = strings.NewReplacer("'", "", "’", "", "ae", "a", "oe", "o", "ue", "u", "aa", "a")

// plain is a text as places are compared: folded, and an umlaut as one letter also where
// it is written with two.
func plain(text string) string { return spellings.Replace(fold(text)) }

// names returns the words of a text that name a place.
func names(text string) (out []string) {
	for _, w := range split(plain(text)) {
		if utf8.RuneCountInString(w) > 1 && !strings.ContainsFunc(w, unicode.IsDigit) && !slices.Contains(generic, w) {
			out = append(out, cmp.Or(namesakes[w], w))
		}
	}
	return out
}

// readable reports whether names are there on both sides, and not in different scripts.
func readable(ours, theirs []string) bool {
	return len(ours) > 0 && len(theirs) > 0 && latin(ours) == latin(theirs)
}

// latin reports whether most letters of some words are.
func latin(words []string) bool {
	all := []rune(strings.Join(words, ""))
	others := slices.DeleteFunc(slices.Clone(all), func(r rune) bool { return unicode.Is(unicode.Latin, r) })
	return 2*len(others) < len(all)
}

// alike reports whether two names of a place have a word in common.
func alike(ours, theirs []string) bool {
	return slices.ContainsFunc(ours, func(w string) bool { return oneOf(w, theirs) })
}

// whole reports whether each word of one name of a place is in the other. Of a register that
// tells all in one text it is not known where its own ends.
func whole(ours, theirs []string, told register.Answer) bool {
	missing := func(words, in []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return long(w) && !oneOf(w, in) })
	}
	return !missing(ours, theirs) || told.Country != "" && !missing(theirs, ours)
}

// oneOf reports whether a word, or the beginning of a longer one, as people and registers
// shorten them, is one of some.
func oneOf(word string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		return w == word || long(w) && long(word) && (strings.HasPrefix(w, word) || strings.HasPrefix(word, w))
	})
}

// long reports whether a word is none that many names have, such as an article.
func long(word string) bool { return utf8.RuneCountInString(word) > 3 }

var (
	figures = regexp.MustCompile(`[1-9]\d*`)
	// counted is a number within the name of a street, as in "17. Juni".
	counted = regexp.MustCompile(`\d+\. *\pL`)
)

// numbersIn returns the numbers in a street, such as those of the house and of the door.
func numbersIn(street string) []string {
	return figures.FindAllString(counted.ReplaceAllString(fold(street), ""), -1)
}

// numbersTold returns the numbers that a register tells with a street. Where it tells all in
// one text, those of the postcode, and of a district beside the town, are none of a house.
func (a address) numbersTold(told register.Answer, street []string) (out []string) {
	if told.Street != "" {
		return numbersIn(told.Street)
	}
	town := names(a.city.value)
	for text := range strings.FieldsFuncSeq(told.Address, func(r rune) bool { return r == '\n' || r == ',' }) {
		words := names(text)
		_, postcode := samePostcode(a.country, a.postcode.value, text)
		if alike(street, words) || !postcode && !alike(town, words) {
			out = append(out, numbersIn(text)...)
		}
	}
	return out
}

func shared(some, all []string) bool {
	return slices.ContainsFunc(some, func(one string) bool { return slices.Contains(all, one) })
}
