package pdfa

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The size of a page: A4, in points of 1/72 inch.
const (
	Width  = 595.276
	Height = 841.89
)

// A Colour is red, green and blue of sRGB, from 0 to 1.
type Colour [3]float64

// A Style is how a text is set.
type Style struct {
	Face    *Face
	Size    float64 // in points
	Colour  Colour
	Figures bool // digits have one width, for columns of numbers
}

// A Face is the fonts that a text is set in: a character is taken from the
// first that has it.
type Face struct{ fonts []*Font }

// NewFace returns a face of at least one font.
func NewFace(first *Font, more ...*Font) *Face { return &Face{append([]*Font{first}, more...)} }

// missing stands for a character that no font has. A reader still finds and
// copies the character itself.
const missing = '\u25A1'

// glyph returns the font and the glyph of a character, and whether it is that
// character's own.
func (f *Face) glyph(r rune) (int, uint16, bool) {
	for i, font := range f.fonts {
		if g, ok := font.glyphs[r]; ok {
			return i, g, true
		}
	}
	for i, font := range f.fonts {
		for _, r := range []rune{missing, '?'} {
			if g, ok := font.glyphs[r]; ok {
				return i, g, false
			}
		}
	}
	return 0, 0, false
}

// Draws reports whether the fonts have every character of a text that is to be seen.
func (f *Face) Draws(text string) bool {
	return !strings.ContainsFunc(f.shaped(text), func(r rune) bool {
		_, _, own := f.glyph(r)
		return !own && unicode.IsGraphic(r)
	})
}

// Width returns how wide a text is, in points.
func (s Style) Width(text string) float64 {
	var width float64
	for _, r := range s.Face.shaped(text) {
		at, g, _ := s.Face.glyph(r)
		font := s.Face.fonts[at]
		advance := font.advanceOf(g)
		if s.Figures && r >= '0' && r <= '9' {
			advance = font.digit
		}
		width += float64(advance) / font.units
	}
	return width * s.Size
}

// Wrap divides a text into lines that are at most so wide. A word that is wider
// is divided, too; a space that does not break (U+00A0) does not.
func (s Style) Wrap(text string, width float64) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(s.Face.shaped(text), "\n") {
		line := ""
		for _, word := range strings.FieldsFunc(paragraph, func(r rune) bool { return r == ' ' || r == '\t' }) {
			with := word
			if line != "" {
				with = line + " " + word
			}
			if s.Width(with) <= width {
				line = with
				continue
			}
			if line != "" {
				lines = append(lines, line)
			}
			line = word
			for s.Width(line) > width {
				cut := s.fitting(line, width)
				lines, line = append(lines, line[:cut]), line[cut:]
			}
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// fitting returns how many bytes of a word fit, at least one character.
func (s Style) fitting(word string, width float64) int {
	for i := range word {
		_, size := utf8.DecodeRuneInString(word[i:])
		if i > 0 && s.Width(word[:i+size]) > width {
			return i
		}
	}
	return len(word)
}

// A Page is drawn from the left upper corner, in points.
type Page struct {
	doc   *Doc
	out   bytes.Buffer
	links []link
}

type link struct {
	x, y, w, h float64
	url, text  string
}

func number(b *bytes.Buffer, v float64) {
	b.Write(strconv.AppendFloat(b.AvailableBuffer(), float64(int64(v*100+0.5*sign(v)))/100, 'f', -1, 64))
	b.WriteByte(' ')
}

func sign(v float64) float64 {
	if v < 0 {
		return -1
	}
	return 1
}

func (p *Page) numbers(values ...float64) {
	for _, v := range values {
		number(&p.out, v)
	}
}

func (p *Page) colour(c Colour) {
	p.numbers(c[0], c[1], c[2])
	p.out.WriteString("rg\n")
}

// Text writes a text whose baseline begins at x, y.
func (p *Page) Text(x, y float64, s Style, text string) {
	if text == "" {
		return
	}
	p.out.WriteString("BT ")
	p.colour(s.Colour)
	p.numbers(1, 0, 0, 1, x, Height-y)
	p.out.WriteString("Tm\n")
	for _, part := range ordered(s.Face.shaped(text)) {
		p.stretch(s, part)
	}
	p.out.WriteString("ET\n")
}

// stretch writes a part of a line. A character that no font has is named, for a reader
// who copies it.
func (p *Page) stretch(s Style, part stretch) {
	runes := part.runes
	for i := 0; i < len(runes); {
		at, _, own := s.Face.glyph(runes[i])
		n := 1
		for i+n < len(runes) {
			if next, _, ownNext := s.Face.glyph(runes[i+n]); next != at || ownNext != own {
				break
			}
			n++
		}
		if !own {
			read := runes[i : i+n]
			if part.right {
				read = reversed(read)
			}
			p.out.WriteString("/Span <</ActualText " + textString(string(read)) + ">> BDC\n")
		}
		p.run(at, s, runes[i:i+n])
		if !own {
			p.out.WriteString("EMC\n")
		}
		i += n
	}
}

// run writes characters of one font.
func (p *Page) run(at int, s Style, runes []rune) {
	font := s.Face.fonts[at]
	name, set := p.doc.font(font)
	p.out.WriteString("/" + name + " ")
	p.numbers(s.Size)
	p.out.WriteString("Tf [(")
	for _, r := range runes {
		_, g, own := s.Face.glyph(r)
		id := set.use(g)
		if _, has := set.runes[id]; !has {
			set.runes[id] = letters(r)
			if !own {
				set.runes[id] = string(missing)
			}
		}
		pad := 0.0
		if s.Figures && r >= '0' && r <= '9' {
			pad = float64(font.digit-font.advanceOf(g)) * 500 / font.units
		}
		if pad > 0 {
			p.out.WriteByte(')')
			number(&p.out, -pad)
			p.out.WriteByte('(')
		}
		escaped(&p.out, byte(id>>8), byte(id))
		if pad > 0 {
			p.out.WriteByte(')')
			number(&p.out, -pad)
			p.out.WriteByte('(')
		}
	}
	p.out.WriteString(")] TJ\n")
}

func escaped(out *bytes.Buffer, all ...byte) {
	for _, b := range all {
		switch b {
		case '(', ')', '\\':
			out.WriteByte('\\')
		case '\r':
			out.WriteString(`\r`)
			continue
		}
		out.WriteByte(b)
	}
}

// TextRight writes a text that ends at x.
func (p *Page) TextRight(x, y float64, s Style, text string) { p.Text(x-s.Width(text), y, s, text) }

// Fill fills a rectangle.
func (p *Page) Fill(x, y, w, h float64, c Colour) {
	p.colour(c)
	p.numbers(x, Height-y-h, w, h)
	p.out.WriteString("re f\n")
}

// Bits draws a picture of black and white squares, as a QR code, of the given
// side; a set bit is black.
func (p *Page) Bits(x, y, side float64, n int, black func(column, row int) bool, c Colour) {
	stride := (n + 7) / 8
	bits := make([]byte, stride*n)
	for row := range n {
		for column := range n {
			if black(column, row) {
				bits[row*stride+column/8] |= 0x80 >> (column % 8)
			}
		}
	}
	p.out.WriteString("q ")
	p.colour(c)
	p.numbers(side, 0, 0, side, x, Height-y-side)
	p.out.WriteString("cm BI /W " + strconv.Itoa(n) + " /H " + strconv.Itoa(n) + " /IM true /BPC 1 /D [1 0] /F /AHx ID\n")
	p.out.WriteString(hex.EncodeToString(bits) + ">\nEI Q\n")
}

// Link makes a rectangle lead to an address; the text says to what, for those
// who hear the page.
func (p *Page) Link(x, y, w, h float64, url, text string) {
	p.links = append(p.links, link{x, y, w, h, url, text})
}
