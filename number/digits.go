package number

import "time"

// What follows takes digits only; shapes see to that.

// digit returns the value of the i-th character; negative: from the end.
func digit(s string, i int) int {
	if i < 0 {
		i += len(s)
	}
	return int(s[i] - '0')
}

// pair returns the value of two digits.
func pair(s string, i int) int { return 10*digit(s, i) + digit(s, i+1) }

// isDay reports whether the calendar has a day. Where a number does not tell the
// century, that of 2000 has every day that others have.
func isDay(year, month, day int) bool {
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t.Month() == time.Month(month) && t.Day() == day
}

// weighted adds up the digits, each times its weight, as far as there are weights.
func weighted(s string, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += w * digit(s, i)
	}
	return sum
}

// falling adds up all digits but the last, the one before it times 2, the next 3 and so on.
func falling(s string) int {
	sum := 0
	for i := range len(s) - 1 {
		sum += (len(s) - i) * digit(s, i)
	}
	return sum
}

// rest returns the number modulo m.
func rest(s string, m int) int {
	out := 0
	for i := range len(s) {
		out = (out*10 + digit(s, i)) % m
	}
	return out
}

// luhn is ISO/IEC 7812-1, annex B.
func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := digit(s, i)
		if (len(s)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// verhoeff is Verhoeff's check by the symmetries of a pentagon: five turns, and
// from 5 on five that turn it over, too.
func verhoeff(s string) bool {
	at := 0
	for i := range len(s) {
		d := digit(s, -1-i)
		for range i % 8 {
			d = int("1576283094"[d] - '0')
		}
		switch {
		case at < 5 && d < 5:
			at = (at + d) % 5
		case at < 5:
			at = 5 + (at+d)%5
		case d < 5:
			at = 5 + (at-d)%5
		default:
			at = (at - d + 5) % 5
		}
	}
	return at == 0
}

// mod11to10 is the hybrid system MOD 11,10 of ISO/IEC 7064.
func mod11to10(s string) bool {
	product := 10
	for i := range len(s) - 1 {
		sum := (digit(s, i) + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	return (product+digit(s, -1))%10 == 1
}

// mod97 is MOD 97-10 of ISO/IEC 7064 over digits and capitals, A being 10.
func mod97(s string) bool {
	out := 0
	for _, r := range s {
		if r >= 'A' {
			out = (out*100 + int(r-'A') + 10) % 97
		} else {
			out = (out*10 + int(r-'0')) % 97
		}
	}
	return out == 1
}

// eleven reports whether the last digit brings the sum of the others to a
// multiple of 11. What would need a 10 there is not given out.
func eleven(s string, weights ...int) bool {
	return (weighted(s, weights...)+digit(s, -1))%11 == 0
}

// twice is how Estonia and Lithuania avoid a check digit of 10: they weigh once
// more, two further on from 1 to 9 and round, and then take 0.
func twice(s string) bool {
	for _, more := range []int{0, 2} {
		sum := 0
		for i := range len(s) - 1 {
			sum += (1 + (i+more)%9) * digit(s, i)
		}
		if c := sum % 11; c < 10 {
			return c == digit(s, -1)
		}
	}
	return digit(s, -1) == 0
}
