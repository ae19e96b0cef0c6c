package verification

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"loot"
	"loot/desk/desktest"
	"loot/desk/verification/register"
	"loot/statement"
	"loot/vault"
)

func TestDisposable(t *testing.T) {
	for domain, want := range map[string]bool{"mailinator.com": true, "eu.mailinator.com": true, "example.com": false, "notmailinator.example": false, "com": false} {
		if got := isDisposable(domain); got != want {
			t.Errorf("%s: got %v", domain, got)
		}
	}
	if n := len(disposable()); n < 5000 {
		t.Errorf("the list has %d domains", n)
	}
}

func TestPostcodes(t *testing.T) {
	for _, c := range []struct {
		country, postcode string
		want              bool
	}{
		{"DE", "10117", true},
		{"DE", "1011", false},
		{"DE", "", false},
		{"GB", "sw1a 1aa", true},
		{"GB", "12345", false},
		{"NL", "1012 AB", true},
		{"NL", "0012 AB", false},
		{"IE", "", true},
		{"IE", "D02 AF30", true},
		{"IE", "12", false},
		{"US", "12345-6789", true},
		{"PT", "1234", false},
		{"AE", "", true},
		{"AE", "anything", true},
		{"CA", "K1A 0B1", true},
	} {
		if looks, got := postcodeOf(c.country, c.postcode); got != c.want || !got && looks == "" {
			t.Errorf("%s %q: got %v (%s)", c.country, c.postcode, got, looks)
		}
	}
}

// TestPostcodesOfEachCountry: of every country in the table one that there is, or
// can be, and one that cannot.
func TestPostcodesOfEachCountry(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range []struct{ country, right, wrong string }{
		{"AT", "1010", "101"},
		{"BE", "1000", "0100"},
		{"BG", "1000", "10000"},
		{"CH", "8001", "0801"},
		{"CY", "1010", "101"},
		{"HU", "1011", "0111"},
		{"LU", "L-1234", "12345"},
		{"SI", "SI-1000", "0100"},
		{"DK", "0800", "800"},
		{"NO", "0150", "150"},
		{"AU", "0800", "800"},
		{"NZ", "0110", "110"},
		{"ZA", "0001", "001"},
		{"LI", "9490", "9499"},
		{"EE", "10111", "1011"},
		{"FI", "00100", "0100"},
		{"FR", "01000", "1000"},
		{"HR", "10000", "1000"},
		{"IT", "00118", "0118"},
		{"LT", "LT-01103", "1103"},
		{"TR", "06420", "6420"},
		{"UA", "01001", "1001"},
		{"MX", "06000", "6000"},
		{"RS", "11000", "1100"},
		{"ME", "81000", "8100"},
		{"BA", "71000", "7100"},
		{"KR", "03187", "110-110"},
		{"DE", "01067", "1067"},
		{"ES", "08001", "8001"},
		{"MC", "98000", "06000"},
		{"SM", "47890", "47900"},
		{"VA", "00120", "00121"},
		{"CZ", "110 00", "110 0"},
		{"GR", "GR-105 51", "105 511"},
		{"SE", "SE-111 22", "11 122"},
		{"SK", "81106", "8110"},
		{"CN", "100000", "10000"},
		{"RO", "010011", "10011"},
		{"RU", "101000", "10100"},
		{"SG", "018956", "18956"},
		{"BY", "220030", "22003"},
		{"IN", "110 001", "010 001"},
		{"KZ", "A15E3H3", "15E3H3"},
		{"LV", "LV-1010", "LV-101"},
		{"NL", "NL-1012 AB", "1012 SS"},
		{"PL", "00-950", "0-0950"},
		{"PT", "1000-001", "0100-001"},
		{"MT", "VLT 1117", "VL 1117"},
		{"GB", "BT1 5GS", "BT1 5GC"},
		{"US", "00501", "501"},
		{"PR", "00901-1234", "12345"},
		{"CA", "K1A 0B1", "K1O 0B1"},
		{"JP", "100-0001", "1000-001"},
		{"BR", "01001-000", "01001-00"},
		{"IS", "101", "011"},
		{"FO", "FO-100", "1000"},
		{"IL", "9100001", "910000"},
		{"IE", "D6W XY00", "B02 AF30"},
	} {
		tried[c.country] = true
		if looks, ok := postcodeOf(c.country, c.right); !ok {
			t.Errorf("%s %q is refused: %s", c.country, c.right, looks)
		}
		if _, ok := postcodeOf(c.country, c.wrong); ok {
			t.Errorf("%s %q is taken", c.country, c.wrong)
		}
		if same, _ := samePostcode(c.country, c.right, "Sample Street 7\n"+strings.ReplaceAll(c.right, " ", "")+" Exampleton"); !same {
			t.Errorf("%s %q is not found in a text", c.country, c.right)
		}
	}
	for c := range formats {
		if !tried[c] {
			t.Errorf("%s is not tried", c)
		}
	}
}

func TestAPostcodeInATextIsFound(t *testing.T) {
	const same, other, unknown = "same", "other", "unknown"
	for _, c := range []struct{ country, postcode, text, want string }{
		{"IE", "d02af30", "1 SAMPLE QUAY\nDUBLIN\nD02 AF30", same},
		{"IE", "D02 AF30", "1 SAMPLE QUAY\nDUBLIN\nT12 AF30", other},
		{"IE", "D02 AF30", "1 SAMPLE QUAY\nDUBLIN 2", unknown},
		{"IE", "D02 AF30", "UNIT 5\nB12 MILL LANE\nD02 QUAY ROAD", unknown}, // letters that no Eircode has
		{"AT", "1010", "Beispielgasse 1234\nAT-1010 Wien", same},
		{"AT", "1010", "Beispielgasse 3\nAT-1020 Wien", other},
		{"AT", "A-1010", "Beispielgasse 3, 1010 Wien", same},
		{"AT", " A-1010", "Beispielgasse 3, 1010 Wien", same},
		{"AT", "1010", "Beispielgasse 101010", unknown},
		{"AT", "1010", "", unknown},
		{"GR", "105 51", "ΟΔΟΣ 1 10551 - ΑΘΗΝΑ", same},
		{"GR", "10551", "ΟΔΟΣ 1 105 52-ΑΘΗΝΑ", other},
		{"NL", "1012 AB", "VOORBEELDSTRAAT 00012\n1012AB AMSTERDAM", same},
		{"NL", "1012 AB", "VOORBEELDSTRAAT 00012\n1012AC AMSTERDAM", other},
		{"LV", "LV-1010", "Parauga iela 1, Rīga, LV1010", same},
		{"LV", "LV-1010", "Parauga iela 1, Rīga, LV-1011", other},
		{"LT", "01103", "Pavyzdžio g. 1, LT-01103 Vilnius", same},
		{"PT", "1000-001", "RUA EXEMPLO N 1000\n1000-001 LISBOA", same},
		{"PT", "1000-001", "RUA EXEMPLO N 1000\n1000-002 LISBOA", other},
		{"SE", "11122", "BOX 123\n111 22 STOCKHOLM", same},
		{"MT", "VLT 1117", "VLT1117", same},
		{"MT", "VLT 1117", "SLM 1117", other},
		{"GB", "bt1 5gs", "1 SAMPLE ROAD\nBELFAST\nBT15GS", same},
		{"US", "12345-6789", "12345", same},
		{"US", "12345", "12345-6789", same},
		{"US", "12345-6789", "12345-6780", other},
		{"CA", "K1A 0B1", "K1A0B1", same},
		{"PL", "00950", "UL. PRZYKŁADOWA 1\n00-950 WARSZAWA", same},
		{"RO", "010011", "MUN. BUCUREŞTI, SECTOR 1\nSTR. EXEMPLU NR. 5", unknown},
		{"CH", "4051", "4051", same},
		{"AE", "anything", "anything", unknown},
		{"DE", "10117", "\xff10117", same},
	} {
		got := other
		switch yes, known := samePostcode(c.country, c.postcode, c.text); {
		case !known:
			got = unknown
		case yes:
			got = same
		}
		if got != c.want {
			t.Errorf("%s %s in %q: %s, want %s", c.country, c.postcode, c.text, got, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Example Meadow Ltd", "EXAMPLE MEADOW LIMITED", true},
		{"Müller & Söhne GmbH", "Muller Sohne", true},
		{"S.A.R.L. Exemple", "Exemple", true},
		{"Example Meadow Ltd", "Other Meadow Ltd", false},
		{"Ltd", "GmbH", false},
		{"", "", false},
		{"株式会社例", "株式会社例", true},
		{"Łąka Sp. z o.o.", "ŁĄKA SPÓŁKA Z OGRANICZONĄ ODPOWIEDZIALNOŚCIĄ", true},
		{"Louka s. r. o.", "Louka, s.r.o.", true},
		{"Travnik", "TRAVNIK, trgovina, d. o. o.", false},
		{"Travnik d.o.o.", "TRAVNIK D. O. O.", true},
		{"Beispielwiese GmbH & Co. KG", "Beispielwiese Gesellschaft mit beschränkter Haftung & Co. Kommanditgesellschaft", true},
		{"Поляна", "ПОЛЯНА - ЕООД", true},
		{"Spolka Akcyjna", "Spółka akcyjna", true},
	} {
		if got := sameName(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}

// A name in another script is compared by nobody, as no part of an address is.
func TestNamesOfRegistersAreCompared(t *testing.T) {
	for _, c := range []struct {
		given, told string
		want        outcome
	}{
		{"Livadi", "ΛΙΒΑΔΙ ΑΝΩΝΥΜΗ ΕΤΑΙΡΕΙΑ", none},
		{"Λιβάδι", "ΛΙΒΑΔΙ ΑΝΩΝΥΜΗ ΕΤΑΙΡΕΙΑ||ΚΗΠΟΣ", proved},
		{"Κήπος", "ΛΙΒΑΔΙ ΑΝΩΝΥΜΗ ΕΤΑΙΡΕΙΑ||ΚΗΠΟΣ", proved},
		{"Δάσος", "ΛΙΒΑΔΙ ΑΝΩΝΥΜΗ ΕΤΑΙΡΕΙΑ||ΚΗΠΟΣ", failed},
		{"Example Meadow", "Example Brook Ltd", failed},
		{"Example Meadow", "", none},
	} {
		if got, _ := compareName(c.given, register.Answer{Name: c.told}); got != c.want {
			t.Errorf("%q beside %q: %s, want %s", c.given, c.told, got, c.want)
		}
	}
}

func TestPlacesAreCompared(t *testing.T) {
	const same, other, unknown = proved, failed, none
	text := func(address string) register.Answer { return register.Answer{Address: address} }
	parts := func(street, city string) register.Answer {
		return register.Answer{Address: street + "\n" + city + "\nDE", Street: street, City: city, Country: "DE"}
	}
	for _, c := range []struct {
		country, street, city string
		told                  register.Answer
		isStreet, isCity      outcome
	}{
		{"AT", "Beispielstraße 3/12", "Wien", text("Beispielstr. 3\nAT-1010 WIEN"), same, same},
		{"AT", "Beispielstraße 3", "Wien", text("Beispielstr. 4\nAT-1010 WIEN"), other, same},
		{"AT", "Beispielstraße 3, Tür 12", "Wien", text("Beispielstr. 3\nAT-1010 WIEN"), same, same},
		{"AT", "Beispielstraße 3", "Wien", text("Beispielstr. 0003\nAT-1010 WIEN"), same, same},
		{"AT", "Beispielstraße 3", "Vienna", text("Beispielstraße 3\n1010 Wien"), same, same},
		{"AT", "Beispielstraße 3", "Graz", text("Beispielstraße 3\n1010 Wien"), same, other},
		{"BE", "Voorbeeldlaan 3", "Brussel", text("RUE VOORBEELD 3\n1000 BRUXELLES"), same, same},
		{"NL", "Voorbeeldstraat 3", "Den Haag", text("VOORBEELDSTR 00003\n2511AA 'S-GRAVENHAGE"), same, same},
		{"NL", "Voorbeeldstraat 3", "Den Haag", text("VOORBEELDSTR 00003\n5211AA 'S-HERTOGENBOSCH"), same, other},
		{"AT", "Musterstraße 3", "Wien", text("Beispielstraße 3\n1010 Wien"), other, same},
		{"AT", "Seestr. 3", "Wien", text("Seestraße 3\n1010 Wien"), same, same},
		{"AT", "Am See 3", "Wien", text("Am Berg 3\n1010 Wien"), same, same}, // no word is longer
		{"AT", "Am See 3", "Wien", text("Amselweg 3\n1010 Wien"), other, same},
		{"AT", "Amselweg 3", "Wien", text("Am See 3\n1010 Wien"), other, same},
		{"AT", "Hauptpl. 3", "Bad Beispiel an der Muster", text("Hauptplatz 3\n1010 Bad Beispiel a.d.M."), same, unknown}, // of which a part is there
		{"DE", "Karl-Beispiel-Str. 5", "Köln", parts("Karl-Muster-Str. 5", "Köln"), unknown, same},                        // a part of it
		{"DE", "Karl-Beispiel-Str. 5", "Köln", text("Karl-Muster-Str. 5\n50667 Köln"), unknown, same},
		{"IE", "1 Sample Quay, second floor", "Dublin", text("1 SAMPLE QUAY, DUBLIN"), unknown, same}, // it is not known whose floor it is
		{"DE", "Straße des 17. Juni 135", "Muenchen", parts("Straße des 17. Juni 100", "München"), other, same},
		{"DE", "Straße des 17. Juni 135", "Frankfurt", parts("Str. d. 17. Juni 135", "Frankfurt am Main"), same, same},
		{"DE", "Am Beispielweg 5\n3. OG", "Frankfurt am Main", parts("Am Beispielweg 5", "Frankfurt"), same, same},
		{"DE", "Q7, 12", "Mannheim", parts("Q7, 12", ""), unknown, unknown},
		{"DE", "Beispielweg 5", "Köln", parts("", ""), unknown, unknown},
		{"DE", "Beispielweg 5", "Y", parts("Beispielweg 5a", "Y"), same, unknown},
		{"IE", "Sample House", "Cork", text("SAMPLE HOUSE, 7 QUAY, CO. CORK, IRELAND"), same, same},
		{"DE", "7 Sample House", "Köln", parts("Sample House", "Köln"), same, same},
		{"IE", "1 Sample Street", "Cork", text("1 OTHER STREET\nCORK"), other, same},
		{"IE", "1 Park Lane", "Cork", text("1 PARK LANE\nCORK"), unknown, same}, // words that name none
		{"IE", "12 Sample Lane, Unit 5", "Cork", text("SAMPLE LANE 12"), same, unknown},
		{"IE", "2 Sample Quay", "Cork", text("1 SAMPLE QUAY\nCORK 2"), other, same}, // a district has the number
		{"IE", "2 Sample Quay", "Cork", text("1, SAMPLE QUAY, CO. CORK, D02 AF30"), other, same},
		{"IE", "2 Sample Quay", "Cork", text("2, SAMPLE QUAY, CORK, D02 AF30"), same, same},
		{"IT", "Via della Rosa 5", "L’Aquila", text("VIA DELLA ROSA 7 67100 L'AQUILA AQ"), other, same},
		{"FR", "5 Rue de l'Exemple", "La Rochelle", text("5 RUE DE LEXEMPLE\n17000 LA ROCHELLE"), same, same},
		{"FR", "3 Rue de Paris", "Paris", register.Answer{Street: "3 RUE DE PARIS", City: "PARIS"}, same, same}, // VIES in parts
		{"FR", "3 Rue de Paris", "Paris", register.Answer{Street: "5 RUE DE PARIS", City: "PARIS"}, other, same},
		{"FR", "3 Rue de Paris", "Montreuil", text("3 RUE DE PARIS\n93100 MONTREUIL"), same, same},
		{"FR", "3 Rue de Paris", "Montreuil", text("3 RUE DE ROUEN\n93100 MONTREUIL"), other, same},
		{"FR", "3 Rue de l'Exemple", "Rouen", text("3 RUE DE ROUEN\n93100 MONTREUIL"), other, same}, // the street is taken for the town
		{"FR", "3 Rue de Paris", "Paris", text("3 RUE DE ROUEN\n75001 PARIS"), unknown, unknown},    // which Paris is which
		{"IT", "Via della Rosa 5", "L’Aquila", text("VIA DELLA PACE 5\n67100 L'AQUILA AQ"), other, same},
		{"PL", "ul. Przykładowa 1", "Lodz", text("PRZYKLADOWA 1\n90-001 ŁÓDŹ"), same, same},
		{"CZ", "17. listopadu 43", "Praha", text("17. listopadu 43\n110 00 PRAHA 1"), same, same},
		{"DK", "Eksempelvej 7", "Aarhus", text("EKSEMPELVEJ 7\n8000 ÅRHUS C"), same, same},
		{"GR", "Odos Paradeigma 1", "Athina", text("ΟΔΟΣ ΠΑΡΑΔΕΙΓΜΑ 1\n10551 - ΑΘΗΝΑ"), unknown, unknown},
		{"GR", "Οδός Παράδειγμα 1", "Αθήνα", text("ΟΔΟΣ ΠΑΡΑΔΕΙΓΜΑ 1\n10551 - ΑΘΗΝΑ"), same, same},
		{"ES", "Calle Ejemplo 1", "Madrid", text(""), unknown, unknown},
		{"LU", "5 Rue de Luxembourg", "Luxembourg", text("5 RUE DE L'EXEMPLE\nL-1234 LUXEMBOURG"), unknown, unknown},
		{"LU", "5 Rue de l'Exemple", "Luxemburg", text("5 RUE DE L'EXEMPLE\nL-1234 LUXEMBOURG"), same, same},
		{"US", "Suite 4, 100 Sample Street", "Springfield", text("100 Sample St, Springfield"), same, same},
	} {
		a := address{country: c.country, street: part{value: c.street}, city: part{value: c.city}}
		if is, why := a.compareStreet(c.told); is != c.isStreet || (why != "") != (is == other) {
			t.Errorf("%s in %q: %q %s", c.street, c.told.Address, is, why)
		}
		if is, why := a.compareCity(c.told); is != c.isCity || (why != "") != (is == other) {
			t.Errorf("%s in %q: %q %s", c.city, c.told.Address, is, why)
		}
	}
	// What is told in parts has its postcode there, and none in a line of the street.
	a := address{country: "DE", postcode: part{value: "10115"}}
	if is, why := a.comparePostcode(register.Answer{Address: "Postfach 20095\nBerlin\nDE", Street: "Postfach 20095", City: "Berlin", Country: "DE"}); is != none {
		t.Errorf("a number of a box is taken for a postcode: %q %s", is, why)
	}
}

// TestWhatIsFound: each fault is found where it is, and no word of it repeats what
// was given.
func TestWhatIsFound(t *testing.T) {
	s := withTax(t)
	for _, c := range []struct {
		name    string
		changes []string
		field   loot.Field
		by      string // check that finds the fault; empty: none does
	}{
		{"nothing", nil, "", ""},
		{"a digit of the VAT number", []string{"company.vat", "IE1234567A"}, "company.vat", "vat.digits"},
		{"a VAT number of elsewhere", []string{"company.vat", "DE136695976"}, "company.vat", "vat.country"},
		{"a number of a country of which we know none", []string{"company.vat", "US123456789", "address.country", "US", "address.postcode", "10001", "address.region", "NY"}, "", ""},
		{"and an address in another", []string{"company.vat", "US123456789"}, "company.vat", "vat.country"},
		{"letters of no country", []string{"company.vat", "QX123456789"}, "company.vat", "vat.digits"},
		{"Northern Ireland is British", []string{"company.vat", "-", "address.country", "GB", "address.postcode", "BT1 5GS"}, "", ""},
		{"a digit of the IBAN", []string{"payment.iban", "IE29AIBK93115212345679"}, "payment.iban", "iban.digits"},
		{"a bank of the account's country", []string{"payment.bic", "AIBKIE2D", "payment.iban", "IE29AIBK93115212345678"}, "", ""},
		{"a bank of another country", []string{"payment.bic", "DEUTDEFF", "payment.iban", "IE29AIBK93115212345678"}, "payment.bic", "bic.iban"},
		{"a bank of a territory", []string{"payment.bic", "NWBKJE2X", "payment.iban", "GB29NWBK60161331926819"}, "", ""},
		{"a bank and no account", []string{"payment.bic", "DEUTDEFF"}, "", ""},
		{"no BIC", []string{"payment.bic", "DEUT"}, "payment.bic", "bic.form"},
		{"no name", []string{"company.name", "---"}, "company.name", "name.form"},
		{"one letter for a name", []string{"company.name", "X xx"}, "company.name", "name.form"},
		{"a name of a letter", []string{"company.name", "X"}, "", ""},
		{"a name with a digit", []string{"company.name", "3m"}, "", ""},
		{"a short number", []string{"contact.phone", "+353 1 5"}, "contact.phone", "phone.plan"},
		{"a code of no country", []string{"contact.phone", "+999 1 555 0100"}, "contact.phone", "phone.plan"},
		{"numbers that nobody has", []string{"contact.phone", "+353 99 999 99 99"}, "contact.phone", "phone.plan"},
		{"by the country of the address", []string{"contact.phone", "01 555 0100"}, "", ""},
		{"no code and no country", []string{"contact.phone", "01 555 0100", "address.country", "-"}, "contact.phone", "phone.plan"},
		{"thrown away", []string{"contact.email", "jo@mailinator.com"}, "contact.email", "email.kept"},
		{"no address", []string{"contact.email", "jo..x@example.com"}, "contact.email", "email.form"},
		{"a postcode of elsewhere", []string{"address.postcode", "12345"}, "address.postcode", "address.form"},
		{"no postcode where one is needed", []string{"address.country", "DE", "company.vat", "-", "address.postcode", "-"}, "address.city", "address.form"},
		{"no such country", []string{"address.country", "QX"}, "address.country", "address.country"},
		{"a register number", []string{"company.register", "xx"}, "company.register", "register.form"},
		{"the register number within the VAT number", french("404 833 048"), "", ""},
		{"that of a part of the company", french("404 833 048 00022"), "", ""},
		{"the register number of another company", french("732 829 320"), "company.register", "register.vat"},
		{"and of a part of another", french("732 829 320 00074"), "company.register", "register.vat"},
		{"no VAT number beside it", append(french("732 829 320"), "company.vat", "-"), "", ""},
		{"a VAT number that is none beside it", append(french("732 829 320"), "company.vat", "FR83404833049"), "company.vat", "vat.digits"},
		{"a VAT number of elsewhere beside it", append(french("123 450 330"), "company.vat", "NL004495445B01"), "company.vat", "vat.country"},
		{"a VAT number that is made of none", []string{"company.register", "104547"}, "", ""},
		{"an LEI as register number", []string{"company.register", "5067 00GE 1G29 325Q X363"}, "", ""},
		{"a tax number", []string{"company.tax", "6433435"}, "company.tax", "tax.form"},
		{"a digit of the tax number", []string{"company.vat", "-", "company.tax", "IE6433436F"}, "company.tax", "tax.form"},
		{"the tax number within the VAT number", []string{"company.tax", "1234567T"}, "", ""},
		{"the tax number of another", []string{"company.tax", "6433435F"}, "company.tax", "tax.vat"},
		{"a tax number of a country of which we know none", []string{"company.tax", "x", "company.vat", "-", "address.country", "JP", "address.postcode", "100-0001"}, "", ""},
		{"a tax number and no country", []string{"company.tax", "x", "company.vat", "-", "address.country", "-"}, "", ""},
	} {
		given := meadow(c.changes...)
		for f, list := range inspect(record{s: s, values: given}) {
			for _, one := range list {
				follows := c.field == "address.country" && f == "company.vat" // no country is that of the VAT number
				if one.Outcome == failed && (f != c.field || one.Check != c.by) && !follows {
					t.Errorf("%s: %s of %s: %s", c.name, one.Check, f, one.Why)
				}
				if one.Outcome == failed && (one.Why == "" || strings.Contains(one.Why, given[f])) {
					t.Errorf("%s: %s says %q", c.name, one.Check, one.Why)
				}
				if checkTitles[one.Check] == "" {
					t.Errorf("%s has no name that people see", one.Check)
				}
			}
			if f == c.field && sum(list) != failed {
				t.Errorf("%s: not found: %+v", c.name, list)
			}
		}
	}
}

// withTax returns a statement that declares a tax number and a BIC, too.
func withTax(t *testing.T) *statement.Statement {
	t.Helper()
	const before = "  address.street:\n"
	return desktest.Parse(t, bytes.Replace(statement.Default(), []byte(before), []byte(`  company.tax:
    title: Tax number
    category: company
    collections: [customer]
    type: text
    max: 40
    identifying: true
    needed:
      verification: Without it we cannot tell you from others of your name.
  payment.bic:
    title: BIC
    category: payment
    collections: [customer]
    type: text
    max: 11
    identifying: false
    needed:
      verification: Without it we cannot tell whose bank it is.
`+before), 1))
}

// french moves the company to France, with a register number.
func french(register string) []string {
	return []string{"company.vat", "FR83404833048", "company.register", register, "address.country", "FR", "address.postcode", "75001"}
}

// TestInspectNeverPanics: whatever was given, everything is judged.
func TestInspectNeverPanics(t *testing.T) {
	s := desktest.Standard(t)
	rapid.Check(t, func(t *rapid.T) {
		given := map[loot.Field]string{}
		for _, d := range checked(s) {
			given[d.ID] = rapid.String().Draw(t, string(d.ID))
		}
		inspect(record{s: s, values: given})
	})
}

func TestJudge(t *testing.T) {
	again, never := statement.Span{Years: 1}, statement.Span{}
	given := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := given.AddDate(0, 1, 0)
	pass, fail, prove, wait := finding{Check: "a", Outcome: passed}, finding{Check: "b", Outcome: failed, Why: "No."}, finding{Check: "c", Outcome: proved}, finding{Check: "d", Outcome: later}
	person := func(o outcome, next time.Time) last {
		return last{Outcome: o, Actor: "m", Method: "person", At: given.AddDate(0, 0, 1), Next: next}
	}
	for _, c := range []struct {
		name  string
		k     known
		state string
		out   outcome
		kase  string
	}{
		{"no check", known{about: vault.About{State: vault.Unverified}}, vault.Unverified, none, ""},
		{"no check, and asked", known{about: vault.About{State: vault.Unverified}, requested: true}, vault.Unverified, none, kindAsked},
		{"it can be right", known{about: vault.About{State: vault.Unverified}, found: []finding{pass}}, vault.Checked, passed, ""},
		{"a register knows it", known{about: vault.About{State: vault.Unverified}, found: []finding{pass, prove}}, vault.Verified, proved, ""},
		{"a fault counts most", known{about: vault.About{State: vault.Verified}, found: []finding{prove, wait, fail}}, vault.Unverified, failed, kindCheck},
		{"a register is silent", known{about: vault.About{State: vault.Unverified}, found: []finding{pass, wait}}, vault.Checked, later, ""},
		{"silent while another knows it", known{about: vault.About{State: vault.Unverified}, found: []finding{pass, prove, wait}}, vault.Verified, proved, ""},
		{"silent about the fault that it found, while another knows it", known{about: vault.About{State: vault.Unverified}, before: last{Outcome: failed, Method: "d", At: given, Next: now.Add(-1)}, found: []finding{prove, wait}}, vault.Unverified, failed, ""},
		{"silent about what it knew", known{about: vault.About{State: vault.Verified}, before: last{Outcome: proved, At: given, Next: now.Add(-1)}, found: []finding{pass, wait}}, vault.Verified, proved, ""},
		{"and again", known{about: vault.About{State: vault.Verified}, before: last{Outcome: later, Method: "d", Tries: 1, At: given, Next: now.Add(-1)}, found: []finding{pass, wait}}, vault.Verified, later, ""},
		{"silent where nothing else was looked at", known{about: vault.About{State: vault.Unverified}, found: []finding{wait}}, vault.Unverified, later, ""},
		{"where a customer asks for it", known{about: vault.About{State: vault.Unverified}, found: []finding{wait}, requested: true}, vault.Unverified, later, kindAsked},
		{"or for what else was looked at", known{about: vault.About{State: vault.Unverified}, found: []finding{pass, wait}, requested: true}, vault.Checked, later, ""},
		{"or for what it knew", known{about: vault.About{State: vault.Verified}, before: last{Outcome: proved, At: given, Next: now.Add(-1)}, found: []finding{wait}, requested: true}, vault.Verified, proved, ""},
		{"silent about the fault that it found", known{about: vault.About{State: vault.Unverified}, before: last{Outcome: failed, Method: "b,d", At: given, Next: now.Add(-1)}, found: []finding{pass, wait}}, vault.Unverified, failed, ""},
		{"while another fault is none any longer", known{about: vault.About{State: vault.Unverified}, before: last{Outcome: failed, Method: "b", At: given, Next: now.Add(-1)}, found: []finding{pass, wait}}, vault.Checked, later, ""},
		{"silent about another value", known{about: vault.About{State: vault.Unverified, At: now}, before: last{Outcome: failed, Method: "d", At: given, Next: now.Add(-1)}, found: []finding{pass, wait}}, vault.Checked, later, ""},
		{"with nothing to say when it answers", known{about: vault.About{State: vault.Unverified}, before: last{Outcome: later, Method: "d", At: given, Next: now.Add(-1)}}, vault.Unverified, none, ""},
		{"nor of the fault that it told", known{about: vault.About{State: vault.Unverified}, before: last{Outcome: failed, Method: "d", At: given, Next: now.Add(1)}}, vault.Unverified, none, ""},
		{"while a colleague's word stays", known{about: vault.About{State: vault.Unverified}, before: person(failed, now)}, vault.Unverified, failed, ""},
		{"nor of another value", known{about: vault.About{State: vault.Unverified, At: now}, before: last{Outcome: proved, Method: "d", At: given, Next: now.Add(1)}}, vault.Unverified, none, ""},
		{"a colleague's word outweighs", known{about: vault.About{State: vault.Verified}, before: person(proved, now.Add(1)), found: []finding{fail}}, vault.Verified, proved, ""},
		{"until it has grown old", known{about: vault.About{State: vault.Verified}, before: person(proved, now), found: []finding{pass}}, vault.Expired, passed, kindOld},
		{"also where no check is", known{about: vault.About{State: vault.Verified}, before: person(proved, now)}, vault.Expired, proved, kindOld},
		{"and not of another value", known{about: vault.About{State: vault.Unverified, At: now}, before: person(proved, again.After(now)), found: []finding{fail}}, vault.Unverified, failed, kindCheck},
		{"a link was opened", known{about: vault.About{State: vault.Verified, At: given}, confirmed: now.Add(-time.Hour), found: []finding{pass}}, vault.Verified, proved, ""},
		{"long ago", known{about: vault.About{State: vault.Verified, At: given.AddDate(-3, 0, 0)}, confirmed: now.AddDate(-1, 0, 0), found: []finding{pass}}, vault.Expired, passed, ""},
		{"in dispute", known{about: vault.About{State: vault.Disputed}, found: []finding{fail}}, vault.Disputed, failed, ""},
		{"in dispute, and right", known{about: vault.About{State: vault.Disputed}, found: []finding{prove}}, vault.Disputed, proved, ""},
	} {
		if c.k.about.At.IsZero() {
			c.k.about.At = given
		}
		j := judge(c.k, now, again)
		if j.State != c.state || j.Outcome != c.out || j.Case != c.kase || (j.Outcome == failed && j.Actor == "") != j.Fault {
			t.Errorf("%s: %s, %s, case %q, fault %t; want %s, %s, %q", c.name, j.State, j.Outcome, j.Case, j.Fault, c.state, c.out, c.kase)
		}
		if !j.Next.IsZero() && !j.Next.After(now) {
			t.Errorf("%s: looked at again on %s, which is over", c.name, j.Next)
		}
	}
	old := again.After(now)
	for _, c := range []struct {
		name  string
		k     known
		now   time.Time
		again statement.Span
		state string
		next  time.Time // when it is looked at again
	}{
		{"as the statement says", known{found: []finding{prove}}, now, again, vault.Verified, again.After(now)},
		{"where it says nothing", known{found: []finding{prove}}, now, never, vault.Verified, time.Time{}},
		{"a colleague's word that had no day", known{before: person(proved, time.Time{}), found: []finding{fail}}, now, again, vault.Verified, again.After(given.AddDate(0, 0, 1))},
		{"which is old by now", known{before: person(proved, time.Time{}), found: []finding{pass}}, old, again, vault.Expired, again.After(old)},
		{"or never is", known{before: person(proved, time.Time{}), found: []finding{fail}}, old, never, vault.Verified, time.Time{}},
		{"nor is a link", known{confirmed: given.Add(time.Hour), found: []finding{pass}}, old, never, vault.Verified, time.Time{}},
	} {
		c.k.about = vault.About{State: vault.Verified, At: given}
		if j := judge(c.k, c.now, c.again); j.State != c.state || !j.Next.Equal(c.next) {
			t.Errorf("%s: %s, again on %s; want %s, %s", c.name, j.State, j.Next, c.state, c.next)
		}
	}
}

// TestAProofOutlivesSilence: while a register is silent the proof that was stands as it
// is, with its date and its consultation, and grows old by that date once there is an
// answer that says nothing of it.
func TestAProofOutlivesSilence(t *testing.T) {
	again := statement.Span{Years: 1}
	given := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	proof := last{Outcome: proved, Method: "vies.name", At: given, Next: again.After(given), Evidence: "WAPIAAAAX"}
	wait, pass := finding{Check: "vies.name", Outcome: later, Why: "Not yet."}, finding{Check: "a", Outcome: passed}
	for _, c := range []struct {
		name  string
		after time.Duration // since the proof
		found []finding     // once the register answers
		state string
		kase  string
	}{
		{"in time, of nothing", 240 * time.Hour, nil, vault.Verified, ""},
		{"in time, of something else", 240 * time.Hour, []finding{pass}, vault.Verified, ""},
		{"late, of nothing", 9000 * time.Hour, nil, vault.Expired, kindOld},
		{"late, of something else", 9000 * time.Hour, []finding{pass}, vault.Expired, ""},
	} {
		k, now := known{about: vault.About{State: vault.Verified, At: given}, before: proof, found: []finding{wait}}, given.Add(c.after)
		for n := range 3 {
			j := judge(k, now, again)
			want := proof
			want.Tries, want.Next = n+1, now.Add(firstDelay<<n)
			if j.last != want || j.State != vault.Verified || j.Case != "" {
				t.Errorf("%s, silent: %+v, want %+v", c.name, j, want)
			}
			k.before, now = j.last, j.Next
		}
		k.found = c.found
		j := judge(k, now, again)
		if j.State != c.state || j.Case != c.kase || j.Tries != 0 || c.found == nil && !j.At.Equal(given) || c.state == vault.Verified && j.last != proof {
			t.Errorf("%s: %+v", c.name, j)
		}
	}
}

func TestDelaysGrow(t *testing.T) {
	var got []time.Duration
	for n := 1; n <= 7; n++ {
		got = append(got, delay(n, nil))
	}
	const h = time.Hour
	if want := []time.Duration{h, 2 * h, 4 * h, 8 * h, 16 * h, 24 * h, 24 * h}; !slices.Equal(got, want) {
		t.Error(got)
	}
	if d := delay(1, []finding{{Outcome: later, Wait: 5 * h}}); d != 5*h {
		t.Error(d)
	}
}
