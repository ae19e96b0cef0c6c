package number

import (
	"regexp"
	"strings"
)

// How each country makes its check digits, without its letters. What a VAT
// number and a company number share stands here once.

// austrian is Luhn's sum from the other end, and 4 more.
func austrian(s string) bool {
	sum := 4
	for i := range len(s) - 1 {
		d := digit(s, i)
		if i%2 == 1 {
			d = d*2/10 + d*2%10
		}
		sum += d
	}
	return (sum+digit(s, -1))%10 == 0
}

// behind changes what follows the letters of the country.
func behind(letters, s string, change func(string) string) string {
	if behind, ok := strings.CutPrefix(s, letters); ok {
		return letters + change(behind)
	}
	return s
}

// belgian puts the 0 in front that came with the tenth digit, in 2005.
func belgian(s string) string {
	s = strings.Replace(s, "(0)", "0", 1)
	if len(s) == 9 {
		return "0" + s
	}
	return s
}

func enterprise(s string) bool { return 97-rest(s[:8], 97) == rest(s[8:], 100) }

// bulgarian: 9 digits are a company's. 10 are a person's (EGN), a foreigner's
// (PNF) or of those who are neither, and nothing tells which.
func bulgarian(s string) bool {
	if len(s) == 9 {
		return eik(s)
	}
	return egnDay(s) && egn(s) || lnch(s) || eleven(s, 4, 3, 2, 7, 6, 5, 4, 3, 2)
}

func egn(s string) bool { return weighted(s, 2, 4, 8, 5, 10, 9, 7, 3, 6)%11%10 == digit(s, -1) }

// egnDay: what is added to the month tells the century.
func egnDay(s string) bool {
	month := pair(s, 2)
	return month < 60 && isDay([]int{1900, 1800, 2000}[month/20]+pair(s, 0), month%20, pair(s, 4))
}

func lnch(s string) bool { return weighted(s, 21, 19, 17, 13, 11, 9, 7, 3, 1)%10 == digit(s, -1) }

// A month of a birth number tells the sex, and that a day had no numbers left, by
// what is added to it.
const czechDate = `(?:[0257][1-9]|[1368][0-2])(?:0[1-9]|[12]\d|3[01])`

func uid(s string) bool { return eleven(s, 5, 4, 3, 2, 7, 6, 5, 4) }

// cypriot: how the letter of those that begin with a 6, since 2023, is made is not published.
func cypriot(s string) Checked {
	if s[0] == '6' {
		return ShapeOnly
	}
	sum := 0
	for i := range 8 {
		if d := digit(s, i); i%2 == 0 {
			sum += []int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21}[d]
		} else {
			sum += d
		}
	}
	return yes(int(s[8]-'A') == sum%26)
}

// czech: 8 digits are a company's (IČO); 9 that begin with a 6 are of a person
// without a birth number, and the others birth numbers, which have a check digit
// since they have ten digits.
func czech(s string) Checked {
	switch {
	case len(s) == 8:
		return yes(ico(s))
	case ownCzech(s):
		return yes((18-(21-falling(s[1:])%11)%11)%10 == digit(s, -1))
	}
	return birthChecked(s)
}

// ownCzech reports whether a number is that of a person without a birth number.
func ownCzech(s string) bool { return len(s) == 9 && s[0] == '6' }

func birthChecked(s string) Checked {
	if len(s) == 9 {
		return ShapeOnly
	}
	return yes(birth(s))
}

// birth: until 1985 a remainder of 10 was written as 0.
func birth(s string) bool { return rest(s, 11) == 0 || rest(s[:9], 11) == 10 && digit(s, -1) == 0 }

// birthday reports whether a birth number begins with a day. Those of nine digits are of
// people born until 1953, the oldest in the 1880s, so that the year 00 of others is 2000.
func birthday(s string) bool {
	century := 1900
	switch {
	case len(s) == 10:
		century = 2000
	case pair(s, 0) > 53 && pair(s, 0) < 80:
		return false
	}
	return isDay(century+pair(s, 0), pair(s, 2)%50%20, pair(s, 4))
}

// ico is of Czechia and Slovakia, whose register was one.
func ico(s string) bool {
	return (11-falling(s)%11)%10 == digit(s, -1)
}

func cvr(s string) bool { return eleven(s, 2, 7, 6, 5, 4, 3, 2) }

func greek(s string) string {
	if behind, ok := strings.CutPrefix(s, "GR"); ok {
		return "EL" + behind
	}
	return s
}

func afm(s string) bool { return weighted(s, 256, 128, 64, 32, 16, 8, 4, 2)%11%10 == digit(s, -1) }

const spanish = `\d{8}[A-Z]|[XYZKLM]\d{7}[A-Z]|[ABCDEFGHJNPQRSUVW]\d{7}[0-9A-J]`

// nif: 8 digits and a letter are a Spaniard's, X, Y and Z a foreigner's, K, L and
// M those of other persons, and all else a company's or a public body's.
func nif(s string) bool {
	last := s[8]
	letter := func(digits string) bool { return last == "TRWAGMYFPDXBNJZSQVHLCKE"[rest(digits, 23)] }
	switch first := s[0]; {
	case first >= '0' && first <= '9':
		return letter(s[:8])
	case first >= 'X':
		return letter(string(first-'X'+'0') + s[1:8])
	case first >= 'K' && first <= 'M':
		return letter(s[1:8])
	}
	if last >= 'A' {
		last = '0' + (last-'A'+1)%10
	}
	return luhn(s[1:8] + string(last))
}

func ytunnus(s string) bool { return eleven(s, 7, 9, 10, 5, 8, 4, 2) }

// french: a key and a SIREN, which Monaco's companies do not have. A key with
// a letter is made another way.
func french(s string) bool {
	key, siren := s[:2], s[2:]
	if !strings.HasPrefix(siren, "000") && !luhn(siren) {
		return false
	}
	const alphabet = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	a, b := strings.IndexByte(alphabet, key[0]), strings.IndexByte(alphabet, key[1])
	switch {
	case a < 10 && b < 10:
		return rest(siren+"12", 97) == a*10+b
	case a < 10:
		a = a*24 + b - 10
	default:
		a = a*34 + b - 100
	}
	return (rest(siren, 11)+1+a/11)%11 == a%11
}

// british: 9 digits, 12 with a branch, and GD and HA for authorities.
func british(country string) *regexp.Regexp {
	return shape(country + `(?:\d{9}|\d{12}|GD[0-4]\d{2}|HA[5-9]\d{2})`)
}

// pounds: from 2010 on, and for numbers from 100 on, the sum is 42 or 55 more.
func pounds(s string) Checked {
	if s[0] > '9' {
		return ShapeOnly
	}
	sum := weighted(s, 8, 7, 6, 5, 4, 3, 2, 10, 1) % 97
	return yes(sum == 0 || s[0] > '0' && (sum == 42 || sum == 55))
}

func hungarian(s string) bool { return weighted(s, 9, 7, 3, 1, 9, 7, 3, 1)%10 == 0 }

// irish: seven digits and a letter, and since 2013 a second one that counts, up to
// I; the old ones have one behind the first that does not, or a letter or sign in
// the second place.
func irish(s string) bool {
	if s[1] < '0' || s[1] > '9' {
		s = "0" + s[2:7] + s[:1] + s[7:]
	}
	sum := weighted(s, 8, 7, 6, 5, 4, 3, 2)
	if len(s) == 9 && s[8] <= 'I' {
		sum += 9 * int(s[8]-'A'+1)
	}
	return s[7] == "WABCDEFGHIJKLMNOPQRSTUV"[sum%23]
}

// italian is seven digits that are not all 0, the province's three, and one; no
// expression says "not all 0" shorter than by where the first other one is.
const italian = `(?:[1-9]\d{6}|0[1-9]\d{5}|00[1-9]\d{4}|000[1-9]\d{3}|0000[1-9]\d{2}|00000[1-9]\d|000000[1-9])(?:0\d[1-9]|0[1-9]0|100|12[01]|888|999)\d`

// latvianPerson: a birthday with the century behind it, or, since 2017, a 3 and
// from 2 on whatever comes.
const latvianPerson = `3[2-9]\d{9}|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[012]\d{4}`

// dateless reports whether a number is that of a person without the birthday. The
// Latvian office for such says that all of it is random, so it has no check digit.
func dateless(s string) bool { return s[0] == '3' && s[1] > '1' }

func latvianDay(s string) bool {
	return s[0] > '3' || dateless(s) || isDay(1800+digit(s, 6)*100+pair(s, 4), pair(s, 2), pair(s, 0))
}

// latvian: from 4 on they are companies'.
func latvian(s string) Checked {
	switch {
	case s[0] > '3':
		return yes(weighted(s, 9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1)%11 == 3)
	case dateless(s):
		return ShapeOnly
	}
	return yes((1+weighted(s, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9))%11%10 == digit(s, -1))
}

func rsin(s string) bool {
	return s != "000000000" && weighted(s, 9, 8, 7, 6, 5, 4, 3, 2, -1)%11 == 0
}

func orgnr(s string) bool { return eleven(s, 3, 2, 7, 6, 5, 4, 3, 2) }

func nip(s string) bool { return weighted(s, 6, 5, 7, 2, 3, 4, 5, 6, 7)%11 == digit(s, -1) }

func nipc(s string) bool { return (11-falling(s)%11)%11%10 == digit(s, -1) }

func cui(s string) bool {
	s = strings.Repeat("0", 10-len(s)) + s
	return 10*weighted(s, 7, 5, 3, 2, 1, 7, 5, 3, 2)%11%10 == digit(s, -1)
}

const slovakian = `[1-9]\d[2-4789]\d{7}|\d\d` + czechDate + `\d{4}`

// slovakBirth: with these third digits ten digits are a person's birth number.
func slovakBirth(s string) bool { return strings.IndexByte("0156", s[2]) >= 0 }

func slovakDay(s string) bool { return !slovakBirth(s) || birthday(s) }

func slovak(s string) bool {
	if slovakBirth(s) {
		return birth(s)
	}
	return rest(s, 11) == 0
}

func slovenian(s string) bool {
	c := 11 - falling(s)%11
	return c < 11 && c%10 == digit(s, -1)
}
