package number

import "strings"

// VAT checks a number for value added tax that begins with the letters of its
// country: those of the European Union, with XI for Northern Ireland, of Great
// Britain, Switzerland and Norway. Of other countries it says WrongCountry.
func VAT(typed string) (Number, error) {
	value := Compact(typed)
	if len(value) > 2 {
		if s, ok := vatBegins[value[:2]]; ok {
			return s.Check(value)
		}
	}
	return Number{}, &Error{Scheme: &anyVAT, Wrong: WrongCountry}
}

var anyVAT = Scheme{Name: "VAT number", Looks: "the letters of its country and a number", Example: "IE1234567T"}

var vatBegins = func() map[string]*Scheme {
	out := map[string]*Scheme{}
	for i := range vats {
		s := &vats[i]
		out[strings.ToUpper(strings.TrimPrefix(s.ID, "vat."))] = s
	}
	out["GR"] = out["EL"] // what everybody else calls Greece
	return out
}()

// vats is the one table of VAT numbers: shapes and check digits as the European
// Commission publishes them for VIES and as the four others publish theirs.
var vats = []Scheme{
	{
		ID: "vat.at", Country: "AT", Name: "VAT number of Austria", Looks: "ATU and eight digits", Example: "ATU13585627",
		shape: shape(`ATU\d{8}`), digits: func(s string) Checked { return yes(austrian(s[3:])) },
	},
	{
		ID: "vat.be", Country: "BE", Name: "VAT number of Belgium", Looks: "BE, 0 or 1 and nine more digits", Example: "BE 0403.019.261",
		shape: shape(`BE[01]\d{9}`), groups: "## ####.###.###", tidy: func(s string) string { return behind("BE", s, belgian) },
		digits: func(s string) Checked { return yes(enterprise(s[2:])) },
	},
	{
		ID: "vat.bg", Country: "BG", Name: "VAT number of Bulgaria", Looks: "BG and 9 or 10 digits", Example: "BG175074752",
		shape: shape(`BG\d{9,10}`), digits: func(s string) Checked { return yes(bulgarian(s[2:])) },
	},
	{
		ID: "vat.ch", Country: "CH", Name: "VAT number of Switzerland", Looks: "CHE, nine digits and MWST, TVA or IVA", Example: "CHE-107.787.577 IVA",
		shape: shape(`CHE\d{9}(?:MWST|TVA|IVA|TPV)?`), groups: "###-###.###.###|###-###.###.### ###|###-###.###.### ####",
		digits: func(s string) Checked { return yes(uid(s[3:12])) },
	},
	{
		ID: "vat.cy", Country: "CY", Name: "VAT number of Cyprus", Looks: "CY, eight digits and a letter", Example: "CY10259033P",
		shape: shape(`CY(?:[02-9]\d|1[013-9])\d{6}[A-Z]`), digits: func(s string) Checked { return cypriot(s[2:]) },
	},
	{
		ID: "vat.cz", Country: "CZ", Name: "VAT number of Czechia", Looks: "CZ and 8 to 10 digits", Example: "CZ25123891",
		shape:  shape(`CZ(?:[0-8]\d{7}|6\d{8}|\d\d` + czechDate + `\d{3,4})`),
		also:   func(s string) bool { return len(s) == 10 || ownCzech(s[2:]) || birthday(s[2:]) },
		digits: func(s string) Checked { return czech(s[2:]) },
	},
	{
		ID: "vat.de", Country: "DE", Name: "VAT number of Germany", Looks: "DE and nine digits", Example: "DE136695976",
		shape: shape(`DE[1-9]\d{8}`), digits: func(s string) Checked { return yes(mod11to10(s[2:])) },
	},
	{
		ID: "vat.dk", Country: "DK", Name: "VAT number of Denmark", Looks: "DK and eight digits", Example: "DK13585628",
		shape: shape(`DK[1-9]\d{7}`), digits: func(s string) Checked { return yes(cvr(s[2:])) },
	},
	{
		ID: "vat.ee", Country: "EE", Name: "VAT number of Estonia", Looks: "EE and nine digits", Example: "EE100931558",
		shape: shape(`EE\d{9}`), digits: func(s string) Checked { return yes(weighted(s[2:], 3, 7, 1, 3, 7, 1, 3, 7, 1)%10 == 0) },
	},
	{
		ID: "vat.el", Country: "GR", Name: "VAT number of Greece", Looks: "EL and nine digits", Example: "EL094259216",
		shape: shape(`EL\d{9}`), tidy: greek,
		digits: func(s string) Checked { return yes(afm(s[2:])) },
	},
	{
		ID: "vat.es", Country: "ES", Name: "VAT number of Spain", Looks: "ES and nine digits, of which the first, the last or both may be letters", Example: "ESB58378431",
		shape:  shape("ES(?:" + spanish + ")"),
		digits: func(s string) Checked { return yes(nif(s[2:])) },
	},
	{
		ID: "vat.fi", Country: "FI", Name: "VAT number of Finland", Looks: "FI and eight digits", Example: "FI20774740",
		shape: shape(`FI\d{8}`), digits: func(s string) Checked { return yes(ytunnus(s[2:])) },
	},
	{
		ID: "vat.fr", Country: "FR", Name: "VAT number of France", Looks: "FR, two letters or digits and the nine of the SIREN", Example: "FR83404833048",
		shape: shape(`FR[0-9A-HJ-NP-Z]{2}\d{9}`), groups: "## ## ### ### ###", digits: func(s string) Checked { return yes(french(s[2:])) },
	},
	{
		ID: "vat.gb", Country: "GB", Name: "VAT number of the United Kingdom", Looks: "GB and 9 or 12 digits", Example: "GB 980 7806 84",
		shape: british("GB"), groups: "## ### #### ##|## ### #### ## ###", digits: func(s string) Checked { return pounds(s[2:]) },
	},
	{
		ID: "vat.hr", Country: "HR", Name: "VAT number of Croatia", Looks: "HR and 11 digits", Example: "HR33392005961",
		shape: shape(`HR\d{11}`), digits: func(s string) Checked { return yes(mod11to10(s[2:])) },
	},
	{
		ID: "vat.hu", Country: "HU", Name: "VAT number of Hungary", Looks: "HU and eight digits", Example: "HU12892312",
		shape: shape(`HU\d{8}`), digits: func(s string) Checked { return yes(hungarian(s[2:])) },
	},
	{
		ID: "vat.ie", Country: "IE", Name: "VAT number of Ireland", Looks: "IE, seven digits and one or two letters", Example: "IE1234567T",
		shape: shape(`IE(?:\d{7}[A-W][A-IW]?|\d[A-Z+*]\d{5}[A-W])`), digits: func(s string) Checked { return yes(irish(s[2:])) },
	},
	{
		ID: "vat.it", Country: "IT", Name: "VAT number of Italy", Looks: "IT and 11 digits", Example: "IT00743110157",
		shape: shape("IT" + italian), digits: func(s string) Checked { return yes(luhn(s[2:])) },
	},
	{
		ID: "vat.lt", Country: "LT", Name: "VAT number of Lithuania", Looks: "LT and 9 or 12 digits", Example: "LT119511515",
		shape: shape(`LT(?:\d{7}|\d{10})1\d`), digits: func(s string) Checked { return yes(twice(s[2:])) },
	},
	{
		ID: "vat.lu", Country: "LU", Name: "VAT number of Luxembourg", Looks: "LU and eight digits", Example: "LU15027442",
		shape: shape(`LU\d{8}`), digits: func(s string) Checked { return yes(rest(s[2:8], 89) == rest(s[8:], 100)) },
	},
	{
		ID: "vat.lv", Country: "LV", Name: "VAT number of Latvia", Looks: "LV and 11 digits", Example: "LV40003521600",
		shape: shape(`LV(?:[4-9]\d{10}|` + latvianPerson + `)`), also: func(s string) bool { return latvianDay(s[2:]) }, digits: func(s string) Checked { return latvian(s[2:]) },
	},
	{
		ID: "vat.mt", Country: "MT", Name: "VAT number of Malta", Looks: "MT and eight digits", Example: "MT11679112",
		shape: shape(`MT[1-9]\d{7}`), digits: func(s string) Checked { return yes(weighted(s[2:], 3, 4, 6, 7, 8, 9, 10, 1)%37 == 0) },
	},
	{
		ID: "vat.nl", Country: "NL", Name: "VAT number of the Netherlands", Looks: "NL, nine digits, B and two digits", Example: "NL004495445B01",
		shape: shape(`NL\d{9}B(?:0[1-9]|[1-9]\d)`), digits: func(s string) Checked { return yes(rsin(s[2:11]) || mod97(s)) },
	},
	{
		ID: "vat.no", Country: "NO", Name: "VAT number of Norway", Looks: "NO, nine digits and MVA", Example: "NO 995 525 828 MVA",
		shape: shape(`NO\d{9}(?:MVA)?`), groups: "## ### ### ###|## ### ### ### ###",
		digits: func(s string) Checked { return yes(orgnr(s[2:11])) },
	},
	{
		ID: "vat.pl", Country: "PL", Name: "VAT number of Poland", Looks: "PL and ten digits", Example: "PL8567346215",
		shape: shape(`PL\d{10}`), digits: func(s string) Checked { return yes(nip(s[2:])) },
	},
	{
		ID: "vat.pt", Country: "PT", Name: "VAT number of Portugal", Looks: "PT and nine digits", Example: "PT501964843",
		shape: shape(`PT[1-9]\d{8}`), digits: func(s string) Checked { return yes(nipc(s[2:])) },
	},
	{
		ID: "vat.ro", Country: "RO", Name: "VAT number of Romania", Looks: "RO and 2 to 10 digits", Example: "RO18547290",
		shape: shape(`RO[1-9]\d{1,9}`), digits: func(s string) Checked { return yes(cui(s[2:])) },
	},
	{
		ID: "vat.se", Country: "SE", Name: "VAT number of Sweden", Looks: "SE and 12 digits", Example: "SE123456789701",
		shape: shape(`SE\d{10}(?:0[1-9]|[1-8]\d|9[0-4])`), digits: func(s string) Checked { return yes(luhn(s[2:12])) },
	},
	{
		ID: "vat.si", Country: "SI", Name: "VAT number of Slovenia", Looks: "SI and eight digits", Example: "SI50223054",
		shape: shape(`SI[1-9]\d{7}`), digits: func(s string) Checked { return yes(slovenian(s[2:])) },
	},
	{
		ID: "vat.sk", Country: "SK", Name: "VAT number of Slovakia", Looks: "SK and ten digits", Example: "SK2022749619",
		shape:  shape("SK(?:" + slovakian + ")"),
		also:   func(s string) bool { return slovakDay(s[2:]) },
		digits: func(s string) Checked { return yes(slovak(s[2:])) },
	},
	{
		ID: "vat.xi", Country: "GB", Name: "VAT number of Northern Ireland", Looks: "XI and 9 or 12 digits", Example: "XI 434 0314 94",
		shape: british("XI"), groups: "## ### #### ##|## ### #### ## ###", digits: func(s string) Checked { return pounds(s[2:]) },
	},
}
