package pdfa

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// forms are the letters of the Arabic script (Arabic, Persian, Urdu) of which Unicode
// has each shape as a character, by the first of theirs: alone, at the end, and of those
// that join what follows at the beginning and in the middle.
var forms = map[rune]struct {
	first rune
	joins bool // what follows
}{
	'ء': {first: 0xFE80}, 'آ': {first: 0xFE81}, 'أ': {first: 0xFE83}, 'ؤ': {first: 0xFE85}, 'إ': {first: 0xFE87},
	'ئ': {0xFE89, true}, 'ا': {first: 0xFE8D}, 'ب': {0xFE8F, true}, 'ة': {first: 0xFE93}, 'ت': {0xFE95, true},
	'ث': {0xFE99, true}, 'ج': {0xFE9D, true}, 'ح': {0xFEA1, true}, 'خ': {0xFEA5, true}, 'د': {first: 0xFEA9},
	'ذ': {first: 0xFEAB}, 'ر': {first: 0xFEAD}, 'ز': {first: 0xFEAF}, 'س': {0xFEB1, true}, 'ش': {0xFEB5, true},
	'ص': {0xFEB9, true}, 'ض': {0xFEBD, true}, 'ط': {0xFEC1, true}, 'ظ': {0xFEC5, true}, 'ع': {0xFEC9, true},
	'غ': {0xFECD, true}, 'ف': {0xFED1, true}, 'ق': {0xFED5, true}, 'ك': {0xFED9, true}, 'ل': {0xFEDD, true},
	'م': {0xFEE1, true}, 'ن': {0xFEE5, true}, 'ه': {0xFEE9, true}, 'و': {first: 0xFEED}, 'ى': {first: 0xFEEF},
	'ي': {0xFEF1, true},
	'ٹ': {0xFB66, true}, 'پ': {0xFB56, true}, 'چ': {0xFB7A, true}, 'ڈ': {first: 0xFB88}, 'ژ': {first: 0xFB8A},
	'ڑ': {first: 0xFB8C}, 'ک': {0xFB8E, true}, 'گ': {0xFB92, true}, 'ں': {first: 0xFB9E}, 'ہ': {0xFBA6, true},
	'ھ': {0xFBAA, true}, 'ے': {first: 0xFBAE}, 'ی': {0xFBFC, true},
}

// lamAlef are the shapes of lam with what it makes one letter with: alone, and after it
// at the end.
var lamAlef = map[rune]rune{'آ': 0xFEF5, 'أ': 0xFEF7, 'إ': 0xFEF9, 'ا': 0xFEFB}

const (
	hamza     = 'ء' // joins nothing
	lam       = 'ل'
	tatweel   = 'ـ'
	nonJoiner = '\u200C'
	joiner    = '\u200D'
)

// shaped puts for each Arabic letter the shape that it has beside its neighbours,
// as far as a font has it. What only says how letters join is left out.
func (f *Face) shaped(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r >= hamza && (r <= 'ۿ' || r == nonJoiner || r == joiner) }) {
		return text
	}
	runes := []rune(text)
	var out []rune
	before := false // what stands before joins what follows
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		form, letter := forms[r]
		switch {
		case r == nonJoiner || r == joiner:
			before = r == joiner
			continue
		case unicode.Is(unicode.Mn, r):
			out = append(out, r)
			continue
		case !letter:
			out, before = append(out, r), r == tatweel
			continue
		}
		if r == lam && i+1 < len(runes) && lamAlef[runes[i+1]] != 0 {
			one := lamAlef[runes[i+1]]
			if before {
				one++
			}
			if f.has(one) {
				out, before = append(out, one), false
				i++
				continue
			}
		}
		after := form.joins && joined(runes[i+1:])
		one := form.first
		switch {
		case before && after:
			one += 3
		case after:
			one += 2
		case before && r != hamza:
			one++
		}
		if !f.has(one) {
			one = r
		}
		out, before = append(out, one), form.joins
	}
	return string(out)
}

// joined tells whether what follows a letter joins it.
func joined(after []rune) bool {
	i := slices.IndexFunc(after, func(r rune) bool { return !unicode.Is(unicode.Mn, r) })
	if i < 0 {
		return false
	}
	r := after[i]
	_, letter := forms[r]
	return letter && r != hamza || r == tatweel || r == joiner
}

func (f *Face) has(r rune) bool {
	_, _, own := f.glyph(r)
	return own
}

// letters returns the letters of which a character is a shape; any other is itself.
func letters(r rune) string {
	if r >= 0xFB50 && r <= 0xFDFF || r >= 0xFE70 && r <= 0xFEFF {
		return norm.NFKC.String(string(r))
	}
	return string(r)
}
