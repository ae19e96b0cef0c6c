package number

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// registers is the one table of the numbers that companies have in registers,
// which in some countries are those of tax offices.
var registers = []Scheme{
	{
		ID: "at.fn", Country: "AT", Name: "Firmenbuchnummer", Looks: "FN, one to six digits and a letter", Example: "FN 93363z",
		shape: shape(`FN[1-9]\d{0,5}[abdfghikmpstvwxyz]`), tidy: firmenbuch, digits: func(s string) Checked { return yes(firmenbuchLetter(s[2:])) },
	},
	{
		ID: "be.enterprise", Country: "BE", tax: true, Name: "Belgian enterprise number", Looks: "0 or 1 and nine more digits", Example: "0403.019.261",
		shape: shape(`[01]\d{9}`), groups: "####.###.###", tidy: func(s string) string { return belgian(strings.TrimPrefix(s, "BE")) },
		digits: func(s string) Checked { return yes(enterprise(s)) },
		inVAT:  behindLetters,
	},
	{
		ID: "bg.eik", Country: "BG", tax: true, Name: "EIK", Looks: "9 or 13 digits", Example: "831650349",
		shape: shape(`\d{9}(?:\d{4})?`), digits: func(s string) Checked { return yes(eik(s)) },
		inVAT: long(11), whole: 9,
	},
	{
		ID: "ch.uid", Country: "CH", tax: true, Name: "Swiss UID", Looks: "CHE and nine digits", Example: "CHE-107.787.577",
		shape: shape(`CHE\d{9}`), groups: "###-###.###.###", tidy: swiss, digits: func(s string) Checked { return yes(uid(s[3:])) },
		inVAT: func(vat string) string { return vat[:12] },
	},
	{
		ID: "cy.he", Country: "CY", Name: "Cypriot company number", Looks: "HE and one to six digits", Example: "HE 123456",
		shape: shape(`HE[1-9]\d{0,5}`), tidy: strings.NewReplacer("\u0397\u0395", "HE").Replace, // the same letters in Greek
	},
	{
		ID: "cz.ico", Country: "CZ", tax: true, Name: "Czech IČO", Looks: "eight digits", Example: "25123891",
		shape: shape(`\d{8}`), tidy: zeros(8), digits: func(s string) Checked { return yes(ico(s)) },
		inVAT: long(10),
	},
	{
		ID: "de.hr", Country: "DE", Name: "German register number", Looks: "the court, HRA, HRB, GnR, GsR, PR or VR, and up to six digits", Example: "HRB 6684, Amtsgericht München",
		shape: shape(`\p{Lu}[\pL\pM.()' /-]{1,60} (?:HRA|HRB|GnR|GsR|PR|VR) [1-9]\d{0,5}(?: [A-Z]{1,2})?`), read: handelsregister,
	},
	{
		ID: "dk.cvr", Country: "DK", tax: true, Name: "CVR number", Looks: "eight digits", Example: "13 58 56 28",
		shape: shape(`[1-9]\d{7}`), groups: "## ## ## ##", tidy: without("DK"), digits: func(s string) Checked { return yes(cvr(s)) },
		inVAT: behindLetters,
	},
	{
		ID: "ee.register", Country: "EE", tax: true, Name: "Estonian register code", Looks: "eight digits that begin with 1, 7, 8 or 9", Example: "12345678",
		shape: shape(`[1789]\d{7}`), digits: func(s string) Checked { return yes(twice(s)) },
	},
	{
		ID: "es.nif", Country: "ES", tax: true, Name: "Spanish NIF", Looks: "nine digits, of which the first, the last or both may be letters", Example: "B58378431",
		shape: shape(spanish), digits: func(s string) Checked { return yes(nif(s)) },
		inVAT: behindLetters,
	},
	{
		ID: "fi.ytunnus", Country: "FI", tax: true, Name: "Y-tunnus", Looks: "seven digits, a dash and one digit", Example: "2077474-0",
		shape: shape(`\d{8}`), groups: "#######-#", tidy: zeros(8), digits: func(s string) Checked { return yes(ytunnus(s)) },
		inVAT: behindLetters,
	},
	{
		ID: "fr.siret", Country: "FR", Name: "SIRET", Looks: "14 digits", Example: "732 829 320 00074",
		shape: shape(`\d{14}`), groups: "### ### ### #####", digits: func(s string) Checked { return yes(siret(s)) },
		inVAT: inFrenchVAT, whole: 9,
	},
	{
		ID: "fr.siren", Country: "FR", tax: true, Name: "SIREN", Looks: "nine digits", Example: "732 829 320",
		shape: shape(`\d{9}`), groups: "### ### ###", digits: func(s string) Checked { return yes(luhn(s)) },
		inVAT: inFrenchVAT,
	},
	{
		ID: "gb.company", Country: "GB", Name: "UK company number", Looks: "eight digits, or two letters and six digits", Example: "SC123456",
		shape: shape(`\d{8}|(?:AC|CE|CS|FC|FE|GE|GN|GS|IC|IP|LP|NA|NC|NF|NI|NL|NO|NP|NR|NV|OC|OE|PC|RC|SA|SC|SE|SF|SG|SI|SL|SO|SP|SR|SZ|ZC)\d{6}|R\d{7}|(?:IP|NP|RS|SP)\d{5}[A-Z]`),
		tidy:  companiesHouse,
	},
	{
		ID: "gr.afm", Country: "GR", tax: true, Name: "Greek AFM", Looks: "nine digits", Example: "094259216",
		shape: shape(`\d{9}`), tidy: func(s string) string { return strings.TrimPrefix(greek(s), "EL") }, digits: func(s string) Checked { return yes(afm(s)) },
		inVAT: behindLetters,
	},
	{
		ID: "gr.gemi", Country: "GR", Name: "Greek GEMI number", Looks: "12 digits, of which the first may be left out if they are 0", Example: "001037501000",
		shape: shape(`\d{12}`), tidy: func(s string) string {
			return zeros(12)(strings.NewReplacer("\u0393\u0395\u039c\u0397", "", "GEMI", "").Replace(s))
		},
	},
	{
		ID: "hr.oib", Country: "HR", tax: true, Name: "Croatian OIB", Looks: "11 digits", Example: "33392005961",
		shape: shape(`\d{11}`), tidy: without("HR"), digits: func(s string) Checked { return yes(mod11to10(s)) },
		inVAT: behindLetters,
	},
	{
		ID: "hr.mbs", Country: "HR", Name: "Croatian MBS", Looks: "nine digits", Example: "080000604",
		shape: shape(`\d{9}`), tidy: func(s string) string { return zeros(9)(strings.TrimPrefix(s, "MBS")) },
	},
	{
		ID: "hu.tax", Country: "HU", tax: true, Name: "Hungarian tax number", Looks: "eight digits, or behind them also one from 1 to 5 and two for the county", Example: "12892312-2-41",
		shape: shape(`\d{8}(?:[1-5](?:0[2-9]|[1-4]\d|51))?`), groups: "########-#-##", tidy: without("HU"), digits: func(s string) Checked { return yes(hungarian(s)) },
		inVAT: behindLetters, whole: 8,
	},
	{
		ID: "hu.register", Country: "HU", Name: "Hungarian register number", Looks: "ten digits: the court, the form and six", Example: "01-09-123456",
		shape: shape(`(?:0[1-9]|1\d|20)(?:0[1-9]|[12]\d)\d{6}`), groups: "##-##-######",
	},
	{
		ID: "ie.cro", Country: "IE", Name: "Irish company number", Looks: "up to seven digits", Example: "123456",
		shape: shape(`[1-9]\d{0,6}`), tidy: func(s string) string { return strings.TrimLeft(s, "0") },
	},
	{
		ID: "it.piva", Country: "IT", tax: true, Name: "Italian partita IVA", Looks: "11 digits", Example: "00743110157",
		shape: shape(italian), tidy: without("IT"), digits: func(s string) Checked { return yes(luhn(s)) },
		inVAT: behindLetters,
	},
	{
		ID: "it.rea", Country: "IT", Name: "REA number", Looks: "the two letters of the province and up to seven digits", Example: "MI-1234567",
		shape: shape(`[A-Z]{2}[1-9]\d{0,6}`), tidy: func(s string) string { return strings.TrimPrefix(s, "REA") },
	},
	{
		ID: "lt.code", Country: "LT", tax: true, Name: "Lithuanian company code", Looks: "seven or nine digits", Example: "123033512",
		shape: shape(`\d{7}|\d{9}`), digits: lithuanian,
	},
	{
		ID: "lu.rcs", Country: "LU", Name: "Luxembourg RCS number", Looks: "a letter, most often B, and up to six digits", Example: "B 123456",
		shape: shape(`[A-L][1-9]\d{0,5}`), tidy: func(s string) string { return strings.TrimPrefix(s, "RCSLUXEMBOURG") },
	},
	{
		ID: "lv.register", Country: "LV", tax: true, Name: "Latvian register number", Looks: "11 digits that begin with 4, 5 or 9", Example: "40003521600",
		shape: shape(`[459]\d{10}`), tidy: without("LV"), digits: latvian,
		inVAT: inLatvianVAT,
	},
	{
		ID: "mt.company", Country: "MT", Name: "Maltese company number", Looks: "C and up to six digits", Example: "C 12345",
		shape: shape(`C[1-9]\d{0,5}`),
	},
	{
		ID: "nl.kvk", Country: "NL", Name: "KvK number", Looks: "eight digits", Example: "12345678",
		shape: shape(`\d{8}`), tidy: without("KVK"),
	},
	{
		ID: "nl.rsin", Country: "NL", tax: true, Name: "RSIN", Looks: "nine digits", Example: "004495445",
		shape: shape(`\d{9}`), digits: func(s string) Checked { return yes(rsin(s)) },
		inVAT: inDutchVAT,
	},
	{
		ID: "no.org", Country: "NO", tax: true, Name: "Norwegian organisation number", Looks: "nine digits", Example: "995 525 828",
		shape: shape(`\d{9}`), groups: "### ### ###", tidy: func(s string) string { return strings.TrimSuffix(strings.TrimPrefix(s, "NO"), "MVA") },
		digits: func(s string) Checked { return yes(orgnr(s)) },
		inVAT:  func(vat string) string { return vat[2:11] },
	},
	{
		ID: "pl.krs", Country: "PL", Name: "KRS number", Looks: "ten digits, of which the first are 0", Example: "0000123456",
		shape: shape(`0{3}\d{7}`), tidy: without("KRS"),
	},
	{
		ID: "pl.nip", Country: "PL", tax: true, Name: "NIP", Looks: "ten digits", Example: "856-73-46-215",
		shape: shape(`\d{10}`), groups: "###-##-##-###", tidy: without("PL"), digits: func(s string) Checked { return yes(nip(s)) },
		inVAT: behindLetters,
	},
	{
		ID: "pl.regon", Country: "PL", Name: "REGON", Looks: "9 or 14 digits", Example: "192598184",
		shape: shape(`\d{9}(?:\d{5})?`), digits: func(s string) Checked { return yes(regon(s)) },
	},
	{
		ID: "pt.nipc", Country: "PT", tax: true, Name: "NIF or NIPC", Looks: "nine digits", Example: "501 964 843",
		shape: shape(`[1-9]\d{8}`), groups: "### ### ###", tidy: without("PT"), digits: func(s string) Checked { return yes(nipc(s)) },
		inVAT: behindLetters,
	},
	{
		ID: "ro.cui", Country: "RO", tax: true, Name: "Romanian CUI", Looks: "2 to 10 digits", Example: "18547290",
		shape: shape(`[1-9]\d{1,9}`), tidy: without("RO"), digits: func(s string) Checked { return yes(cui(s)) },
		inVAT: behindLetters,
	},
	{
		ID: "ro.register", Country: "RO", Name: "Romanian register number", Looks: "J, F or C, the county, the number and the year, or J, F or C and 13 digits", Example: "J40/8302/1997",
		shape: shape(`[CFJ](?:(?:0[1-9]|[1-4]\d|5[12])/[1-9]\d{0,5}/(?:199\d|20\d\d)|(?:199\d|20\d\d)\d{9})`), read: romanian,
	},
	{
		ID: "se.org", Country: "SE", tax: true, Name: "Swedish organisation number", Looks: "six digits, a dash and four", Example: "123456-7897",
		shape: shape(`\d{10}`), groups: "######-####", digits: func(s string) Checked { return yes(luhn(s)) },
		also:  func(s string) bool { return s[2] > '1' || swedishDay(s) }, // or of whoever trades in their own name
		inVAT: func(vat string) string { return vat[2:12] },
	},
	{
		ID: "si.davcna", Country: "SI", tax: true, Name: "Slovenian davčna številka", Looks: "eight digits, of which the first is not 0", Example: "50223054",
		shape: shape(`[1-9]\d{7}`), tidy: without("SI"), digits: func(s string) Checked { return yes(slovenian(s)) },
		inVAT: behindLetters,
	},
	{
		ID: "si.maticna", Country: "SI", Name: "Slovenian matična številka", Looks: "seven digits, and three more for a part of the company", Example: "9331310000",
		shape: shape(`\d{7}(?:[0-9A-Z]\d{2})?`), digits: func(s string) Checked { return yes(slovenian(s[:7])) },
	},
	{
		ID: "sk.dic", Country: "SK", tax: true, Name: "Slovak DIČ", Looks: "ten digits", Example: "2022749619",
		shape: shape(slovakian), also: slovakDay, tidy: without("SK"), digits: func(s string) Checked { return yes(slovak(s)) },
		inVAT: behindLetters,
	},
	{
		ID: "sk.ico", Country: "SK", Name: "Slovak IČO", Looks: "eight digits", Example: "31333532",
		shape: shape(`\d{8}`), tidy: zeros(8), digits: func(s string) Checked { return yes(ico(s)) },
	},
}

// OfOneCompany reports whether a number of the country, as [Register] or [Tax] read
// it, is the one that a VAT number is made of. It is not known where the VAT numbers
// of the country, or of such companies, are made of none, where it may be a number
// of another kind, and where it is none at all.
func OfOneCompany(vat Number, given []Number) (yes, known bool) {
	another, elsewhere := false, false
	for _, n := range given {
		within := ""
		if n.Scheme.inVAT != nil && vat.Scheme != nil {
			within = n.Scheme.inVAT(vat.Value)
		}
		if n.Scheme.whole > 0 {
			n.Value = n.Value[:n.Scheme.whole]
		}
		switch within {
		case n.Value:
			return true, true
		case "":
			elsewhere = true
		default:
			another = true
		}
	}
	return false, another && !elsewhere
}

func behindLetters(vat string) string { return vat[2:] }

// long is for countries whose companies have VAT numbers of one length, and
// people others.
func long(length int) func(vat string) string {
	return func(vat string) string {
		if len(vat) != length {
			return ""
		}
		return vat[2:]
	}
}

// inFrenchVAT: Monaco's VAT numbers hold no SIREN.
func inFrenchVAT(vat string) string {
	if strings.HasPrefix(vat[4:], "000") {
		return ""
	}
	return vat[4:]
}

// inLatvianVAT: those of people hold what people are told apart by.
func inLatvianVAT(vat string) string {
	if vat[2] < '4' {
		return ""
	}
	return vat[2:]
}

// inDutchVAT: those that people have since 2020 hold no RSIN.
func inDutchVAT(vat string) string {
	if !rsin(vat[2:11]) {
		return ""
	}
	return vat[2:11]
}

// without takes away the letters that people put before a number that has none.
func without(letters string) func(string) string {
	return func(s string) string { return strings.TrimPrefix(s, letters) }
}

// zeros puts back the zeros in front that people and spreadsheets leave out.
func zeros(length int) func(string) string {
	return func(s string) string {
		if missing := length - len(s); missing > 0 && missing <= 2 {
			return strings.Repeat("0", missing) + s
		}
		return s
	}
}

func swiss(s string) string {
	for _, ending := range []string{"MWST", "TVA", "IVA", "TPV", "HR", "RC"} {
		s = strings.TrimSuffix(s, ending)
	}
	if len(s) == 9 && s[0] != 'C' {
		return "CHE" + s
	}
	return s
}

// firmenbuch writes the letter small, as the register does.
func firmenbuch(s string) string {
	s = strings.TrimPrefix(s, "FN")
	if s == "" {
		return s
	}
	return "FN" + strings.TrimLeft(s[:len(s)-1], "0") + strings.ToLower(s[len(s)-1:])
}

func firmenbuchLetter(s string) bool {
	digits := strings.Repeat("0", 7-len(s)) + s[:len(s)-1]
	return s[len(s)-1] == "abdfghikmpstvwxyz"[weighted(digits, 6, 4, 14, 15, 10, 1)%17]
}

// lithuanian: the old ones of seven digits have no published check digit.
func lithuanian(s string) Checked {
	if len(s) == 7 {
		return ShapeOnly
	}
	return yes(twice(s))
}

// eik weighs once more where the check digit would be 10, and then takes 0. A
// branch has four digits more, and a check digit of its own.
func eik(s string) bool {
	mod := func(s string, once, again []int) bool {
		c := weighted(s, once...) % 11
		if c == 10 {
			c = weighted(s, again...) % 11 % 10
		}
		return c == digit(s, len(once))
	}
	return mod(s, []int{1, 2, 3, 4, 5, 6, 7, 8}, []int{3, 4, 5, 6, 7, 8, 9, 10}) &&
		(len(s) == 9 || mod(s[8:], []int{2, 7, 3, 5}, []int{4, 9, 5, 7}))
}

// siret: a SIREN and five digits. La Poste, whose post offices are more than
// there were numbers for, has a sum of its own.
func siret(s string) bool {
	if strings.HasPrefix(s, "356000000") && s != "35600000000048" {
		sum := 0
		for i := range len(s) {
			sum += digit(s, i)
		}
		return sum%5 == 0
	}
	return luhn(s[:9]) && luhn(s)
}

// regon: a part of a company has five digits more, and a check digit over all.
func regon(s string) bool {
	fits := weighted(s, 8, 9, 2, 3, 4, 5, 6, 7)%11%10 == digit(s, 8)
	if len(s) == 14 {
		return fits && weighted(s, 2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8)%11%10 == digit(s, -1)
	}
	return fits
}

// romanian keeps the slashes that divide a number of before 2024, and of the day behind
// it the year.
func romanian(typed string) string {
	parts := strings.Split(typed, "/")
	for i := range parts {
		parts[i] = Compact(parts[i])
	}
	if len(parts) != 3 {
		return strings.Join(parts, "")
	}
	if len(parts[0]) == 2 {
		parts[0] = parts[0][:1] + "0" + parts[0][1:]
	}
	parts[1] = strings.TrimLeft(parts[1], "0")
	if len(parts[2]) == 8 { // day, month and year
		parts[2] = parts[2][4:]
	}
	return strings.Join(parts, "/")
}

// companiesHouse puts back the zeros in front, or behind the letters.
func companiesHouse(s string) string {
	letters := len(s) - len(strings.TrimLeft(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	if missing := 8 - len(s); letters <= 2 && len(s) > letters && missing > 0 && missing < 6 {
		return s[:letters] + strings.Repeat("0", missing) + s[letters:]
	}
	return s
}

// handelsregister reads a court, a kind of register, a number and the letters
// that some courts put behind it, in whatever order people write them: the
// number alone is given out by more than a hundred courts.
func handelsregister(typed string) string {
	words := strings.FieldsFunc(typed, func(r rune) bool {
		return r == ',' || r == ';' || r == ':' || r == ' ' || r == '\t' || r == '\n' || r == '\u00a0'
	})
	var court []string
	kind, number, letters := "", "", ""
	for _, w := range words {
		switch {
		case isAny(w, "Amtsgericht", "AG", "beim", "des", "Amtsgerichts", "Registergericht", "Nr.", "Nummer"):
			continue
		case kind == "":
			for _, k := range []string{"HRA", "HRB", "GnR", "GsR", "PR", "VR"} {
				if len(w) >= len(k) && strings.EqualFold(w[:len(k)], k) && strings.Trim(w[len(k):], "0123456789") == "" {
					kind, number = k, strings.TrimLeft(w[len(k):], "0")
				}
			}
			if kind != "" {
				continue
			}
		case number == "":
			number = strings.TrimLeft(w, "0")
			continue
		case letters == "" && len(w) <= 2 && strings.Trim(w, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "":
			letters = w
			continue
		}
		court = append(court, w)
	}
	if len(court) > 0 {
		first, size := utf8.DecodeRuneInString(court[0])
		court[0] = string(unicode.ToUpper(first)) + court[0][size:]
	}
	out := strings.Join(court, " ") + " " + kind + " " + number
	if letters != "" {
		out += " " + letters
	}
	return out
}

func isAny(w string, these ...string) bool {
	for _, t := range these {
		if strings.EqualFold(w, t) {
			return true
		}
	}
	return false
}
