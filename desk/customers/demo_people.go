package customers

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/number"
	"loot/statement"
)

// A land is how made-up companies of a country look. Telephone numbers are of
// the ranges that the countries keep for films and books, addresses are at
// domains kept for examples, VAT numbers have the right check digits in ranges
// that nobody is given a number of, and no town or street of these names exists.
type land struct {
	code   string
	share  int // of 100
	forms  []string
	towns  []string
	street string // %d: the number
	post   string // # is a digit
	phone  string // # is a digit
	vat    string // empty: none; # is a digit and @ a letter
	speaks string // code of the language
}

var lands = []land{
	{"IE", 22, []string{"Ltd", "DAC"}, []string{"Exampleford", "Ballysample", "Port Instance"}, "%d Sample Quay", "", "+353 1 555 01##", "IE0000###@", "en"},
	{"GB", 16, []string{"Ltd", "LLP"}, []string{"Exampleton", "Lower Sample", "Testbury"}, "%d Specimen Road", "ZZ# #ZZ", "+44 20 7946 0###", "GB0000#####", "en"},
	{"DE", 18, []string{"GmbH", "UG", "e. K."}, []string{"Musterstadt", "Beispielhausen", "Probenheim"}, "Musterstraße %d", "0####", "+49 30 23125 ###", "DE9999#####", "de"},
	{"FR", 10, []string{"SARL", "SAS"}, []string{"Villexemple", "Saint-Exemple", "Modèle-sur-Mer"}, "%d rue de l’Exemple", "0####", "+33 1 99 00 ## ##", "FR##1499#####", "fr"},
	{"NL", 9, []string{"B.V."}, []string{"Voorbeeldstad", "Testdijk"}, "Voorbeeldweg %d", "#### ZZ", "+31 85 555 01##", "NL00000####B##", "nl"},
	{"SE", 6, []string{"AB"}, []string{"Exempelstad", "Provköping"}, "Exempelgatan %d", "### ##", "+46 8 465 004 ##", "SE0000######01", "sv"},
	{"ES", 6, []string{"S.L."}, []string{"Villaejemplo", "Puerto Muestra"}, "Calle del Ejemplo %d", "0####", "+34 911 555 ###", "ESB0000####", "es"},
	{"PL", 5, []string{"sp. z o.o."}, []string{"Przykładowo", "Wzorcowice"}, "ul. Przykładowa %d", "0#-###", "+48 22 555 01 ##", "PL0000######", "pl"},
	{"AT", 4, []string{"GmbH"}, []string{"Musterdorf", "Beispielbach"}, "Beispielgasse %d", "0###", "+43 1 555 01##", "ATU0000####", "de"},
	{"US", 4, []string{"Inc.", "LLC"}, []string{"Sampleville", "Exampleburg"}, "%d Placeholder Avenue", "000##", "+1 202 555 01##", "", "en"},
}

// regions are of the countries whose post wants one in an address.
var regions = map[string]string{"US": "Vermont"}

var (
	firstWords  = strings.Fields("Quillmoor Tallfern Sandwick Brackenhall Oddfellow Larkspire Mossgate Fennimore Wrenfield Hollowbrook Pebbledown Thistlewood Cloverhatch Marrowby Silverreed Duskwater Amberlow Greywick Copperleaf Winterbourne Applewhisk Norbury Saltfield Ivymere Rookhaven")
	trades      = strings.Fields("Bakery Surveyors Optics Bicycles Press Joinery Instruments Gardens Museums Travel Textiles Acoustics Printing Bookbinders Cartography Robotics Nurseries Ceramics Brewery Software Veterinary Logistics Studio Archive Theatre")
	givenNames  = strings.Fields("Aoife Bram Celia Dario Elin Fergus Greta Hanno Ines Jonas Kaja Lorcan Mirte Nils Odile Pavel Quirin Rosa Signe Tomas Ulla Viggo Wanda Xenia Yves Zora")
	familyNames = strings.Fields("Quillfeather Applewhisk Tallowby Moorhatch Sandelin Fernhollow Brackwater Larkenby Oddleton Pebbleworth Marrowick Thistledew Hollowell Copperfen Duskwell Amberley-Test Wrenwick Rookley")
	domains     = []string{"example.com", "example.net", "example.org"}
)

// fillIn replaces each # of a pattern by a digit.
func fillIn(rnd *rand.Rand, pattern string) string {
	return strings.Map(func(r rune) rune {
		if r == '#' {
			return rune('0' + rnd.IntN(10))
		}
		return r
	}, pattern)
}

// fillInVAT makes a VAT number of a country; empty if it has none.
func fillInVAT(rnd *rand.Rand, l land) string {
	vat, ok := number.Find("vat." + strings.ToLower(l.code))
	if !ok {
		return ""
	}
	return vat.MadeUp(rnd, l.vat)
}

// fillInIBAN makes the number of an account, of ten digits, at a bank that does
// not exist.
func fillInIBAN(rnd *rand.Rand, account string) string {
	iban, _ := number.Find("iban")
	return iban.MadeUp(rnd, "IE##MADE0000"+account)
}

func pick[T any](rnd *rand.Rand, list []T) T { return list[rnd.IntN(len(list))] }

func pickLand(rnd *rand.Rand) land {
	n := rnd.IntN(100)
	for _, l := range lands {
		if n -= l.share; n < 0 {
			return l
		}
	}
	return lands[0]
}

// A figure is a made-up customer in the making.
type figure struct {
	email   string
	service string
	form    url.Values
}

// figureOf makes the n-th customer, who orders a service.
func figureOf(rnd *rand.Rand, s *statement.Statement, service statement.ServiceDecl, n int, email string) figure {
	l := pickLand(rnd)
	company := firstWords[n%len(firstWords)] + " " + trades[(n*7+n/len(firstWords))%len(trades)] + " " + pick(rnd, l.forms)
	given, family := pick(rnd, givenNames), pick(rnd, familyNames)
	if email == "" {
		email = fmt.Sprintf("%s.%s%d@%s", ascii(given), ascii(family), n, domains[n%len(domains)])
	}
	answers := map[loot.Field]string{
		"company.name": company, "company.vat": fillInVAT(rnd, l), "company.register": "TEST-" + strconv.Itoa(100000+rnd.IntN(800000)),
		"address.street": fmt.Sprintf(l.street, 1+rnd.IntN(180)), "address.postcode": fillIn(rnd, l.post), "address.city": pick(rnd, l.towns), "address.region": regions[l.code], "address.country": l.code,
		"contact.name": given + " " + family, "contact.email": email, "contact.phone": fillIn(rnd, l.phone), "contact.language": l.speaks,
		"payment.iban": fillInIBAN(rnd, "00########"),
	}
	f := figure{email: email, service: service.ID, form: url.Values{"sent": {loot.NewID("f")}}}
	form := draw(s, service, nil, nil)
	for _, q := range form.questions() {
		value, known := answers[q.Decl.ID]
		if !known {
			value = madeUp(q.Decl)
		}
		if q.Decl.Type == "email" {
			value = email
		}
		likely := map[loot.Field]int{"company.vat": 75, "address.postcode": 95, "address.region": 100, "contact.name": 80, "contact.phone": 55, "contact.language": 30, "company.register": 25, "payment.iban": 20}
		share, known := likely[q.Decl.ID]
		if !known {
			share = 30
		}
		if value != "" && (q.Required || rnd.IntN(100) < share) {
			f.form.Set(q.Name, value)
		}
	}
	for i, o := range form.offered {
		if rnd.IntN(100) < []int{35, 45, 12}[min(i, 2)] {
			f.form.Set(offerPrefix+o.ID, yesPlease)
		}
	}
	return f
}

// speaksGerman makes the figure a business in Germany that is registered for tax there.
func (f *figure) speaksGerman(rnd *rand.Rand) {
	i := slices.IndexFunc(lands, func(l land) bool { return l.code == "DE" })
	for field, value := range map[string]string{
		"company.name": "Buchbinderei Muster & Beispiel GmbH", "company.vat": fillInVAT(rnd, lands[i]), "contact.name": "Svenja Muster", "contact.phone": fillIn(rnd, lands[i].phone), "contact.language": "de",
		"address.street": "Musterstraße 12", "address.postcode": "01234", "address.city": "Musterstadt", "address.region": "", "address.country": "DE",
	} {
		f.form.Set(field, value)
	}
}

func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}
