package pdfa

import (
	"slices"
	"unicode"

	"golang.org/x/text/unicode/bidi"
)

// A stretch is a part of a line, its characters as they stand from left to right.
type stretch struct {
	runes []rune
	right bool // it is read from the right
	level int  // of the Unicode Bidirectional Algorithm
}

// ordered divides a line as it is read into stretches from left to right, by the
// Unicode Bidirectional Algorithm (UAX 9). The first letter says from which side
// the line is read. Brackets are not taken in pairs (rule N0): x/text looks for pairs
// and finds none, as its prepareInput notes one that closes by itself and not by the one
// that opens, so that no two are alike. Where one that closes stands before a number,
// both go with the word before.
func ordered(line string) []stretch {
	runes := []rune(line)
	if !slices.ContainsFunc(runes, turns) {
		return []stretch{{runes: runes}}
	}
	if slices.ContainsFunc(runes, func(r rune) bool { return class(r) == bidi.B }) { // it ends a paragraph, of which this is one
		return []stretch{{runes: runes}}
	}
	var p bidi.Paragraph
	if _, err := p.SetString(line); err != nil {
		return []stretch{{runes: runes}}
	}
	order, err := p.Order()
	if err != nil {
		return []stretch{{runes: runes}}
	}
	base := 0
	for _, r := range runes {
		if c := class(r); c == bidi.L || c == bidi.R || c == bidi.AL {
			if c != bidi.L {
				base = 1
			}
			break
		}
	}
	var out []stretch
	for i := range order.NumRuns() {
		run := order.Run(i)
		part := []rune(run.String())
		switch {
		case run.Direction() == bidi.RightToLeft:
			out = append(out, stretch{reversed(part), true, 1})
		case base == 1:
			out = append(out, stretch{part, false, 2})
		default:
			first, last := 0, len(part)
			if i > 0 {
				first = figures(part)
			}
			if i+1 < order.NumRuns() {
				for last > first && arabicNumber(part, last-1) {
					last--
				}
			}
			for _, s := range []stretch{{part[:first], false, 2}, {part[first:last], false, 0}, {part[last:], false, 2}} {
				if len(s.runes) > 0 {
					out = append(out, s)
				}
			}
		}
	}
	for level := 2; level > 0; level-- {
		for i := 0; i < len(out); i++ {
			end := i
			for end < len(out) && out[end].level >= level {
				end++
			}
			slices.Reverse(out[i:end])
			i = end
		}
	}
	return out
}

// beforeRight is below every character that is written from the right.
const beforeRight = 0x590

// turns reports whether a character is read from the right, or has others read so: in a
// line without any, all stand as they are read, such as dashes, quotes and €.
func turns(r rune) bool {
	if r < beforeRight {
		return false
	}
	switch class(r) {
	case bidi.R, bidi.AL, bidi.AN, bidi.RLE, bidi.RLO, bidi.RLI:
		return true
	}
	return false
}

func class(r rune) bidi.Class {
	p, _ := bidi.LookupRune(r)
	return p.Class()
}

// arabicNumber reports whether a character is of a number in Arabic digits: a digit, or
// a comma, colon, slash or stop between two of them.
func arabicNumber(part []rune, i int) bool {
	digit := func(i int) bool { return i >= 0 && i < len(part) && class(part[i]) == bidi.AN }
	return digit(i) || class(part[i]) == bidi.CS && digit(i-1) && digit(i+1)
}

// figures returns how many characters at the beginning of a part that is read from
// the left are a number: after a word that is read from the right, it belongs to that.
func figures(part []rune) (n int) {
	digits := false
	for i, r := range part {
		switch c := class(r); c {
		case bidi.EN, bidi.AN, bidi.ET:
			n, digits = i+1, digits || c != bidi.ET
		case bidi.L, bidi.ON, bidi.WS, bidi.B, bidi.S:
			if !digits {
				return 0
			}
			return n
		}
	}
	if !digits {
		return 0
	}
	return n
}

// reversed returns characters in the other order; a mark stays behind its letter,
// and a bracket opens to the other side.
func reversed(runes []rune) []rune {
	out := make([]rune, 0, len(runes))
	for end := len(runes); end > 0; {
		from := end - 1
		for from > 0 && unicode.Is(unicode.Mn, runes[from]) {
			from--
		}
		for _, r := range runes[from:end] {
			out = append(out, []rune(bidi.ReverseString(string(r)))...)
		}
		end = from
	}
	return out
}
