package logfile

import (
	"encoding/binary"
	"strings"
	"time"
)

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// printable tells whether all of a text is plain ASCII, which nearly all lines
// are, and nothing of it is escaped: eight bytes at a time.
func printable(text []byte) bool {
	for len(text) >= 8 {
		x := binary.LittleEndian.Uint64(text)
		deleted := x ^ 0x7f*ones
		escaped := x ^ '\\'*ones
		if ((x-' '*ones)&^x|x|(deleted-ones)&^deleted|(escaped-ones)&^escaped)&high != 0 {
			return false
		}
		text = text[8:]
	}
	for _, b := range text {
		if b < ' ' || b >= 0x7f || b == '\\' {
			return false
		}
	}
	return true
}

// clean takes control characters out and puts U+FFFD where no UTF-8 is.
func clean(text string) string {
	fine := true
	for i := range len(text) {
		if b := text[i]; b < ' ' || b >= 0x7f {
			fine = false
			break
		}
	}
	if fine {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || 0x7f <= r && r < 0xa0 {
			return -1
		}
		return r // utf8.RuneError where it is broken
	}, text)
}

// unescape undoes what Apache and nginx do to quotation marks, backslashes and
// what is not ASCII: \" \\ \t \xC3 and the like.
func unescape(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out = append(out, text[i])
			continue
		}
		i++
		switch text[i] {
		case 'x':
			if i+2 < len(text) && nibble(text[i+1]) >= 0 && nibble(text[i+2]) >= 0 {
				out = append(out, byte(nibble(text[i+1])<<4|nibble(text[i+2])))
				i += 2
				continue
			}
			out = append(out, '\\', 'x')
		case 'n', 't', 'r', 'b', 'f', 'v':
			out = append(out, ' ')
		default:
			out = append(out, text[i])
		}
	}
	return string(out)
}

// undouble takes one of two layers of percent-encoding away: %2520 is %20.
func undouble(text string) string {
	if !strings.Contains(text, "%25") {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		out = append(out, text[i])
		if i+4 < len(text) && text[i:i+3] == "%25" && nibble(text[i+3]) >= 0 && nibble(text[i+4]) >= 0 {
			i += 2
		}
	}
	return string(out)
}

// unpercent undoes percent-encoding that was done twice at most.
func unpercent(text string) string {
	for range 2 {
		if strings.IndexByte(text, '%') < 0 {
			return text
		}
		out := make([]byte, 0, len(text))
		for i := 0; i < len(text); i++ {
			if text[i] == '%' && i+2 < len(text) && nibble(text[i+1]) >= 0 && nibble(text[i+2]) >= 0 {
				out = append(out, byte(nibble(text[i+1])<<4|nibble(text[i+2])))
				i += 2
				continue
			}
			out = append(out, text[i])
		}
		text = string(out)
	}
	return text
}

func nibble(b byte) int {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0')
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}

// digits reads a number of exactly so many figures.
func digits(text string) int {
	n := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return -1
		}
		n = 10*n + int(text[i]-'0')
	}
	return n
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// clfTime reads 10/Oct/2000:13:55:36 -0700.
func clfTime(s string) (time.Time, bool) {
	if len(s) != 26 || s[2] != '/' || s[6] != '/' || s[11] != ':' || s[14] != ':' || s[17] != ':' || s[20] != ' ' {
		return time.Time{}, false
	}
	month := strings.Index(months, s[3:6])
	if month < 0 || month%3 != 0 {
		return time.Time{}, false
	}
	return moment(digits(s[7:11]), month/3+1, digits(s[:2]), digits(s[12:14]), digits(s[15:17]), digits(s[18:20]), 0, s[21:])
}

// isoTime reads 2026-03-01T13:55:36.123Z, and what is written like it: with a
// space, with slashes, with an offset or without, which is UTC.
func isoTime(s string) (time.Time, bool) {
	if len(s) < 19 || s[4] != s[7] || s[4] != '-' && s[4] != '/' || s[10] != 'T' && s[10] != ' ' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	rest, nanos := s[19:], 0
	if rest != "" && (rest[0] == '.' || rest[0] == ',') {
		n := 1
		for unit := 100_000_000; n < len(rest) && '0' <= rest[n] && rest[n] <= '9'; n++ {
			nanos += int(rest[n]-'0') * unit
			unit /= 10
		}
		rest = rest[n:]
	}
	return moment(digits(s[:4]), digits(s[5:7]), digits(s[8:10]), digits(s[11:13]), digits(s[14:16]), digits(s[17:19]), nanos, strings.TrimPrefix(rest, " "))
}

func moment(year, month, day, hour, minute, second, nanos int, zone string) (time.Time, bool) {
	if year < 1990 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return time.Time{}, false
	}
	east := 0
	if zone != "" && zone != "Z" {
		figures := zone[1:]
		if len(figures) == 5 && figures[2] == ':' {
			figures = figures[:2] + figures[3:]
		}
		n := digits(figures)
		if len(figures) != 4 || n < 0 || n%100 > 59 || n/100 > 23 || zone[0] != '+' && zone[0] != '-' {
			return time.Time{}, false
		}
		east = n/100*3600 + n%100*60
		if zone[0] == '-' {
			east = -east
		}
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second-east, nanos, time.UTC)
	return t, day <= 28 || time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() == day
}

// unixTime reads seconds since 1970 with their fraction, or milliseconds.
func unixTime(s string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	seconds, ok := number(whole)
	if !ok || digits(fraction) < 0 || len(whole) > 13 {
		return time.Time{}, false
	}
	if len(whole) >= 12 {
		return time.UnixMilli(seconds).UTC(), true
	}
	nanos := digits((fraction + "000000000")[:9])
	return time.Unix(seconds, int64(nanos)).UTC(), seconds > 0
}

// seconds reads a length of time: 0.003, or 3ms as Go writes it.
func seconds(s string) time.Duration {
	whole, fraction, _ := strings.Cut(s, ".")
	n, ok := number(whole)
	if ok && n < 1<<31 && digits(fraction) >= 0 {
		nanos := digits((fraction + "000000000")[:9])
		return time.Duration(n)*time.Second + time.Duration(nanos)
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return d
	}
	return 0
}
