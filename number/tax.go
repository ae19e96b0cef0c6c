package number

import (
	"slices"
	"strings"
	"unicode"
)

// taxes is the one table of the numbers that people and companies have with tax
// offices and that are neither VAT numbers nor those of a register: shapes and
// check digits as the countries publish them for the TIN portal of the European
// Union and for the OECD. Rows of registers that are tax numbers too say so there.
var taxes = []Scheme{
	{
		ID: "at.abgabenkonto", Country: "AT", Name: "Austrian Abgabenkontonummer", Looks: "nine digits, of which the first two are the tax office", Example: "93-173/6581",
		shape: shape(`\d{9}`), groups: "##-###/####", digits: func(s string) Checked { return yes(luhn(s)) },
	},
	{
		ID: "be.national", Country: "BE", Name: "Belgian national number", Looks: "11 digits that begin with the year, month and day of birth", Example: "85.07.30-033.28",
		shape: shape(`\d\d(?:[024]\d|[135][0-2])(?:[0-2]\d|3[01])\d{5}`), also: belgianDay, groups: "##.##.##-###.##", digits: func(s string) Checked { return yes(nationalSince(1900, s) || nationalSince(2000, s)) },
	},
	{
		ID: "bg.egn", Country: "BG", Name: "Bulgarian EGN", Looks: "ten digits that begin with the year, month and day of birth", Example: "7523169263",
		shape: shape(`\d{10}`), also: egnDay, digits: func(s string) Checked { return yes(egn(s)) },
		inVAT: long(12),
	},
	{
		ID: "bg.lnch", Country: "BG", Name: "Bulgarian LNCh of a foreigner", Looks: "ten digits", Example: "7111042925",
		shape: shape(`\d{10}`), digits: func(s string) Checked { return yes(lnch(s)) },
		inVAT: long(12),
	},
	{
		ID: "ch.ahv", Country: "CH", Name: "Swiss AHV number", Looks: "756 and ten more digits", Example: "756.1234.5678.97",
		shape: shape(`756\d{10}`), groups: "###.####.####.##", digits: func(s string) Checked { return yes(weighted(s, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1)%10 == 0) },
	},
	{
		ID: "cy.tic", Country: "CY", Name: "Cypriot TIC", Looks: "eight digits and a letter", Example: "00123123T",
		shape: shape(`\d{8}[A-Z]`), digits: cypriot,
	},
	{
		ID: "cz.rc", Country: "CZ", Name: "Czech rodné číslo", Looks: "9 or 10 digits that begin with the year, month and day of birth", Example: "736028/5163",
		shape: shape(`\d\d` + czechDate + `\d{3,4}`), also: birthday, groups: "######/###|######/####", digits: birthChecked,
		inVAT: func(vat string) string {
			if len(vat) == 10 || ownCzech(vat[2:]) {
				return ""
			}
			return vat[2:]
		},
	},
	{
		ID: "cz.dic", Country: "CZ", Name: "Czech DIČ of a person without rodné číslo", Looks: "6 and eight more digits", Example: "640903926",
		shape: shape(`6\d{8}`), digits: czech,
		inVAT: func(vat string) string {
			if !ownCzech(vat[2:]) {
				return ""
			}
			return vat[2:]
		},
	},
	{
		ID: "de.idnr", Country: "DE", Name: "German IdNr", Looks: "11 digits, of which the first is not 0 and of whose first ten one stands there twice or three times and the others once", Example: "86 095 742 719",
		shape: shape(`[1-9]\d{10}`), also: oneAgain, groups: "## ### ### ###", digits: func(s string) Checked { return yes(mod11to10(s)) },
	},
	{
		ID: "de.steuernummer", Country: "DE", Name: "German Steuernummer", Looks: "13 digits in the form of ELSTER, with the number of the tax office, which begins with that of its Land, and a 0", Example: "9181081508155",
		shape: shape(`(?:1[01]|2[1-46-8]|3[0-2]|4[01]|[59]\d)\d{2}0\d{8}`),
	},
	{
		ID: "de.steuernummer.short", Country: "DE", Name: "German Steuernummer as tax offices print it", Looks: "10 or 11 digits, in groups with slashes or spaces between them", Example: "181/815/08155",
		shape: shape(`\d{2,3}/\d{3}/\d{5}|\d{3}/\d{4}/\d{4}|\d{5}/\d{5}|\d{2}/\d{3}/\d{4}/\d`), read: printed, // no check digit: each Land has a sum of its own
	},
	{
		ID: "de.widnr", Country: "DE", Name: "German W-IdNr", Looks: "DE, nine digits and, behind a dash, five for the activity", Example: "DE136695976-00001",
		shape: shape(`DE[1-9]\d{8}(?:\d{5})?`), groups: "###########-#####", digits: func(s string) Checked { return yes(mod11to10(s[2:11])) },
	},
	{
		ID: "dk.cpr", Country: "DK", Name: "CPR number", Looks: "ten digits that begin with the day, month and year of birth", Example: "070761-4285",
		shape: shape(`\d{10}`), also: danishDay, groups: "######-####", // the check digit is none any more since 2007
	},
	{
		ID: "ee.isikukood", Country: "EE", Name: "Estonian isikukood", Looks: "11 digits: one for the century, the year, month and day of birth and four", Example: "37605030299",
		shape: shape(baltic), also: balticDay, digits: func(s string) Checked { return yes(twice(s)) },
	},
	{
		ID: "fi.hetu", Country: "FI", Name: "Finnish henkilötunnus", Looks: "the day, month and year of birth, a sign for the century, three digits and a digit or letter", Example: "131052-308T",
		shape: shape(`\d{6}[-+A-FU-Y](?:00[2-9]|0[1-9]\d|[1-8]\d\d)[0-9A-FHJ-NPR-Y]`), also: finnishDay, tidy: finnish,
		digits: func(s string) Checked {
			return yes(s[10] == "0123456789ABCDEFHJKLMNPRSTUVWXY"[rest(s[:6]+s[7:10], 31)])
		},
	},
	{
		ID: "fr.spi", Country: "FR", Name: "French numéro fiscal", Looks: "13 digits, of which the first is 0 to 3", Example: "30 23 217 600 053",
		shape: shape(`[0-3]\d{12}`), groups: "## ## ### ### ###", digits: func(s string) Checked { return yes(rest(s[:10], 511) == rest(s[10:], 1000)) },
	},
	{
		ID: "gb.utr", Country: "GB", Name: "UTR", Looks: "ten digits", Example: "32824 97350",
		shape: shape(`\d{10}`), groups: "##### #####", tidy: func(s string) string { return strings.Trim(s, "K") },
		digits: func(s string) Checked {
			return yes(s[0] == "21987654321"[weighted(s[1:], 6, 7, 8, 9, 10, 5, 4, 3, 2)%11])
		},
	},
	{
		ID: "gb.nino", Country: "GB", Name: "National Insurance number", Looks: "two letters, six digits and A, B, C or D", Example: "AA 12 34 56 A",
		shape: shape(`[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]`), groups: "## ## ## ## #",
		also: func(s string) bool {
			return !slices.Contains([]string{"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}, s[:2])
		},
	},
	{
		ID: "hu.adoazonosito", Country: "HU", Name: "Hungarian adóazonosító jel", Looks: "8 and nine more digits", Example: "8365670003",
		shape: shape(`8\d{9}`), digits: func(s string) Checked { return yes(weighted(s, 1, 2, 3, 4, 5, 6, 7, 8, 9)%11 == digit(s, -1)) },
	},
	{
		ID: "ie.pps", Country: "IE", Name: "Irish PPS or tax reference number", Looks: "seven digits and one or two letters", Example: "1234567FA",
		shape: shape(`\d{7}[A-W][A-ITWX]?`), digits: func(s string) Checked { return yes(irish(s)) },
		inVAT: func(vat string) string {
			if vat[3] < '0' || vat[3] > '9' { // the old ones
				return ""
			}
			return vat[2:]
		},
	},
	{
		ID: "it.cf", Country: "IT", Name: "Italian codice fiscale", Looks: "16 letters and digits", Example: "MRT MTT 25D09 F205Z",
		shape: shape(`[A-Z]{6}` + omocode + `{2}[A-EHLMPRST]` + omocode + `{2}[A-Z]` + omocode + `{3}[A-Z]`), also: italianDay, groups: "### ### ##### #####",
		digits: func(s string) Checked { return yes(codice(s)) },
	},
	{
		ID: "lt.asmens", Country: "LT", Name: "Lithuanian asmens kodas", Looks: "11 digits: one for the century, the year, month and day of birth and four, or 9 and ten more", Example: "33309240064",
		shape: shape(`[1-69]\d{10}`), also: lithuanianDay, digits: func(s string) Checked { return yes(twice(s)) },
	},
	{
		ID: "lt.tin", Country: "LT", Name: "Lithuanian tax number of whoever has no asmens kodas", Looks: "ten digits that begin with 6 or 9", Example: "9000000012",
		shape: shape(`[69]\d{9}`), // the sum that the OECD's sheet gives has no published number to try it on
	},
	{
		ID: "lu.matricule", Country: "LU", Name: "Luxembourg national number of a person", Looks: "13 digits that begin with the year, month and day of birth", Example: "1893 1201 057 32",
		shape: shape(`(?:18|19|20)\d{11}`), groups: "#### #### ### ##", also: func(s string) bool { return isDay(pair(s, 0)*100+pair(s, 2), pair(s, 4), pair(s, 6)) },
		digits: func(s string) Checked { return yes(luhn(s[:12]) && verhoeff(s[:11]+s[12:])) },
	},
	{
		ID: "lu.entity", Country: "LU", Name: "Luxembourg national number of a company", Looks: "11 digits that begin with a year", Example: "2012 24 00671",
		shape: shape(`(?:18|19|20)\d{9}`), groups: "#### ## #####", digits: func(s string) Checked { return yes(eleven(s, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) },
	},
	{
		ID: "lv.personas", Country: "LV", Name: "Latvian personas kods", Looks: "11 digits that begin with the day, month and year of birth or with 3 and one from 2 on", Example: "161175-19997",
		shape: shape(latvianPerson), also: latvianDay, groups: "######-#####", digits: latvian,
		inVAT: func(vat string) string {
			if vat[2] > '3' {
				return ""
			}
			return vat[2:]
		},
	},
	{
		ID: "mt.tin", Country: "MT", Name: "Maltese tax number", Looks: "up to seven digits and a letter, or nine digits", Example: "1234567M",
		shape: shape(`\d{7}[ABGHLMPZ]|\d{9}`), tidy: maltese,
	},
	{
		ID: "nl.bsn", Country: "NL", Name: "BSN", Looks: "nine digits", Example: "111222333",
		shape: shape(`\d{9}`), tidy: zeros(9), digits: func(s string) Checked { return yes(rsin(s)) },
	},
	{
		ID: "no.fnr", Country: "NO", Name: "Norwegian fødselsnummer or D-nummer", Looks: "11 digits that begin with the day, month and year of birth", Example: "151086 95088",
		shape: shape(`\d{11}`), also: norwegianDay, groups: "###### #####",
		digits: func(s string) Checked {
			return yes(eleven(s[:10], 3, 7, 6, 1, 8, 9, 4, 5, 2) && eleven(s, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2))
		},
	},
	{
		ID: "pl.pesel", Country: "PL", Name: "PESEL", Looks: "11 digits that begin with the year, month and day of birth", Example: "44051401359",
		shape: shape(`\d{11}`), also: peselDay, digits: func(s string) Checked { return yes(weighted(s, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)%10 == 0) },
	},
	{
		ID: "ro.cnp", Country: "RO", Name: "Romanian CNP", Looks: "13 digits: one for sex and century, the year, month and day of birth and six", Example: "1630615123457",
		shape: shape(`[1-9]\d{12}`), also: cnpDay, digits: func(s string) Checked { return yes(cnp(s)) },
	},
	{
		ID: "se.personnummer", Country: "SE", Name: "Swedish personnummer or samordningsnummer", Looks: "the year, month and day of birth, a dash and four digits", Example: "640823-3234",
		shape: shape(`\d{6}\+?\d{4}|(?:18|19|20)\d{10}`), also: swedishDay, groups: "######-####|########-####", digits: func(s string) Checked { return yes(luhn(swedish(s))) },
	},
	{
		ID: "sk.rc", Country: "SK", Name: "Slovak rodné číslo", Looks: "9 or 10 digits that begin with the year, month and day of birth", Example: "710319/2745",
		shape: shape(`\d\d` + czechDate + `\d{3,4}`), also: birthday, groups: "######/###|######/####", digits: birthChecked,
	},
}

// nationalSince reports whether the last two digits of a Belgian number are those
// of somebody who was born in the century.
func nationalSince(century int, s string) bool {
	first := s[:9]
	if century == 2000 {
		first = "2" + first
	}
	return 97-rest(first, 97) == rest(s[9:], 100)
}

// belgianDay: those who are not in the national register have 20 or 40 more in the
// month; what is not known is 0, and so is the month where a day had no numbers left.
func belgianDay(s string) bool {
	year, month, day := pair(s, 0)+1900, pair(s, 2)%20, pair(s, 4)
	if nationalSince(2000, s) {
		year += 100
	}
	return month == 0 || day == 0 || isDay(year, month, day)
}

// oneAgain reports whether one of the first ten digits stands there twice or three
// times, though not three times in a row, and the others once.
func oneAgain(s string) bool {
	again := 0
	for d := '0'; d <= '9'; d++ {
		switch n := strings.Count(s[:10], string(d)); {
		case n > 3 || strings.Contains(s[:10], strings.Repeat(string(d), 3)):
			return false
		case n > 1:
			again++
		}
	}
	return again == 1
}

// printed keeps the groups of a Steuernummer, by which it is told from other numbers.
func printed(typed string) string {
	out := strings.Join(strings.FieldsFunc(typed, func(r rune) bool { return r == '/' || unicode.IsSpace(r) }), "/")
	if len(out) > 2 && strings.EqualFold(out[:2], "DE") {
		out = strings.TrimPrefix(out[2:], "/")
	}
	return out
}

// danishDay: the seventh digit and the year tell the century, which for the year 00
// is that of 1900 up to 3 and then that of 2000. Other years have the same days in both.
func danishDay(s string) bool {
	century := 2000
	if digit(s, 6) < 4 {
		century = 1900
	}
	return isDay(century+pair(s, 4), pair(s, 2), pair(s, 0))
}

const baltic = `[1-8]\d{10}`

// balticDay: the first digit tells sex and century, from the 19th on.
func balticDay(s string) bool {
	return isDay(1800+(digit(s, 0)-1)/2*100+pair(s, 1), pair(s, 3), pair(s, 5))
}

// lithuanianDay: what is not known of a birthday is 00, and behind a 9 there is none.
func lithuanianDay(s string) bool {
	month, day := pair(s, 3), pair(s, 5)
	switch {
	case s[0] == '9':
		return true
	case month == 0 || day == 0:
		return month <= 12 && day <= 31
	}
	return balticDay(s)
}

// finnish puts the dash back that stands for the 20th century. The other signs
// are no punctuation.
func finnish(s string) string {
	if len(s) == 10 {
		return s[:6] + "-" + s[6:]
	}
	return s
}

func finnishDay(s string) bool {
	year := pair(s, 4)
	switch c := s[6]; {
	case c == '+':
		year += 1800
	case c == '-' || c > 'F':
		year += 1900
	default:
		year += 2000
	}
	return isDay(year, pair(s, 2), pair(s, 0))
}

// omocode is a digit of a codice fiscale, or the letter that stands for it where
// two people would have the same.
const omocode = `[0-9LMNPQRSTUV]`

// italianDay: women have 40 more in the day, and nothing tells the century.
func italianDay(s string) bool {
	number := func(i int) int {
		n := 0
		for _, c := range []byte(s[i : i+2]) {
			if at := strings.IndexByte("LMNPQRSTUV", c); at >= 0 {
				c = '0' + byte(at)
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	day := number(9)
	if day > 40 {
		day -= 40
	}
	return isDay(2000+number(6), strings.IndexByte("ABCDEHLMPRST", s[8])+1, day)
}

// codice: characters count by their place in the alphabet, a digit as the letter of
// its place, and every other one from the first on in an order of its own.
func codice(s string) bool {
	const order = "BAKPLCQDREVOSFTGUHMINJWZYX"
	sum := 0
	for i := range 15 {
		at := s[i]
		if at <= '9' {
			at += 'A' - '0'
		}
		if i%2 == 0 {
			sum += strings.IndexByte(order, at)
		} else {
			sum += int(at - 'A')
		}
	}
	return int(s[15]-'A') == sum%26
}

// maltese puts back the zeros in front of an identity card's number.
func maltese(s string) string {
	if missing := 8 - len(s); len(s) > 1 && missing > 0 && s[len(s)-1] >= 'A' {
		return strings.Repeat("0", missing) + s
	}
	return s
}

// norwegianDay: the three digits behind the date, and the year, tell the century; a
// D-nummer has 40 more in the day.
func norwegianDay(s string) bool {
	day, month, year, individual := pair(s, 0), pair(s, 2), pair(s, 4), pair(s, 6)*10+digit(s, 8)
	if day > 40 {
		day -= 40
	}
	switch {
	case individual < 500 || individual >= 900 && year >= 40:
		year += 1900
	case individual < 750 && year >= 54:
		year += 1800
	case year < 40:
		year += 2000
	default:
		return false
	}
	return isDay(year, month, day)
}

// peselDay: what is added to the month tells the century.
func peselDay(s string) bool {
	month := pair(s, 2)
	return isDay([]int{1900, 2000, 2100, 2200, 1800}[month/20]+pair(s, 0), month%20, pair(s, 4))
}

// cnpDay: the first digit tells sex and century, except of foreigners.
func cnpDay(s string) bool {
	century := 2000
	if first := digit(s, 0); first < 7 {
		century = []int{1900, 1800, 2000}[(first-1)/2]
	}
	return isDay(century+pair(s, 1), pair(s, 3), pair(s, 5))
}

// cnp: a remainder of 10 is written as 1.
func cnp(s string) bool {
	c := weighted(s, 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9) % 11
	if c == 10 {
		c = 1
	}
	return c == digit(s, -1)
}

// swedish returns the ten digits of a number that may be written with its century,
// or with the sign of those who are older than a hundred years.
func swedish(s string) string {
	s = strings.Replace(s, "+", "", 1)
	return s[len(s)-10:]
}

// swedishDay: a samordningsnummer has 60 more in the day, and 0 for what is not
// known of the date.
func swedishDay(s string) bool {
	ten := swedish(s)
	year, month, day := 2000+pair(ten, 0), pair(ten, 2), pair(ten, 4)
	if len(s) == 12 {
		year = pair(s, 0)*100 + pair(s, 2)
	}
	if day >= 60 {
		day -= 60
		if month == 0 || day == 0 {
			return month <= 12 && day <= 31
		}
	}
	return isDay(year, month, day)
}
