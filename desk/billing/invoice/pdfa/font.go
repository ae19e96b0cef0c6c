package pdfa

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A Font is a TrueType font. It is read once and may be used by many documents
// at a time.
type Font struct {
	name    string
	tables  map[string][]byte
	units   float64 // to an em
	glyphs  map[rune]uint16
	advance []uint16 // by glyph, in units
	long    bool     // offsets of glyphs are of four bytes
	count   int      // of glyphs

	ascent, descent, capHeight int
	box                        [4]int
	digit                      uint16 // the widest advance of a digit
}

// errFont says that a file is not a font that is read.
var errFont = errors.New("pdfa: not a TrueType font with outlines (OpenType with CFF, collections and WOFF are not read)")

// ErrEmbedding says that whoever made a font does not let a part of it be embedded.
var ErrEmbedding = errors.New("pdfa: the font says itself that it may not be embedded in documents (fsType of its table OS/2)")

// What a font says of embedding it (fsType of the table OS/2).
const (
	restricted   = 0x0002
	previewPrint = 0x0004
	editable     = 0x0008
	noSubset     = 0x0100
	bitmapOnly   = 0x0200
)

// embeds tells whether a part of the outlines may be embedded. Of several the least
// strict holds.
func (f *Font) embeds() bool {
	says := u16(f.tables["OS/2"], 8)
	return says&(noSubset|bitmapOnly) == 0 && says&(restricted|previewPrint|editable) != restricted
}

// ParseFont reads a TrueType font (ISO/IEC 14496-22, outlines in a table
// glyf). The name is written into the documents.
func ParseFont(name string, file []byte) (*Font, error) {
	if v := u32(file, 0); v != 0x00010000 && v != 0x74727565 {
		return nil, errFont
	}
	f := &Font{name: name, tables: map[string][]byte{}, glyphs: map[rune]uint16{}}
	for i := range u16(file, 4) {
		at := 12 + 16*i
		from, length := u32(file, at+8), u32(file, at+12)
		if at+16 > len(file) || from > len(file) || length > len(file)-from {
			return nil, fmt.Errorf("pdfa: font %s: a table lies outside of the file", name)
		}
		f.tables[string(file[at:at+4])] = file[from : from+length]
	}
	for need, length := range map[string]int{"head": 54, "hhea": 36, "hmtx": 4, "maxp": 6, "loca": 4, "glyf": 1, "cmap": 4} {
		if len(f.tables[need]) < length {
			return nil, errFont
		}
	}
	f.metrics()
	f.characters()
	if f.units == 0 || f.count == 0 || len(f.glyphs) == 0 {
		return nil, errFont
	}
	if !f.embeds() {
		return nil, ErrEmbedding
	}
	return f, nil
}

func u16(b []byte, at int) int {
	if at < 0 || at+2 > len(b) {
		return 0
	}
	return int(binary.BigEndian.Uint16(b[at:]))
}

func i16(b []byte, at int) int { return int(int16(u16(b, at))) }

func u32(b []byte, at int) int {
	if at < 0 || at+4 > len(b) {
		return 0
	}
	return int(binary.BigEndian.Uint32(b[at:]))
}

func (f *Font) metrics() {
	head, hhea, hmtx := f.tables["head"], f.tables["hhea"], f.tables["hmtx"]
	f.units = float64(u16(head, 18))
	f.long = u16(head, 50) == 1
	f.count = u16(f.tables["maxp"], 4)
	for i := range f.box {
		f.box[i] = f.per1000(i16(head, 36+2*i))
	}
	f.ascent, f.descent = f.per1000(i16(hhea, 4)), f.per1000(i16(hhea, 6))
	f.capHeight = f.ascent
	if os2 := f.tables["OS/2"]; u16(os2, 0) >= 2 {
		f.capHeight = f.per1000(i16(os2, 88))
	}
	f.advance = make([]uint16, f.count)
	last := u16(hhea, 34) - 1
	for i := range f.advance {
		f.advance[i] = uint16(u16(hmtx, 4*min(i, last)))
	}
}

func (f *Font) per1000(units int) int { return int(float64(units) * 1000 / max(f.units, 1)) }

// characters reads the table cmap: the format 12 if there is one, else 4.
func (f *Font) characters() {
	cmap := f.tables["cmap"]
	best, format := 0, 0
	for i := range u16(cmap, 2) {
		platform, encoding, at := u16(cmap, 4+8*i), u16(cmap, 6+8*i), u32(cmap, 8+8*i)
		if platform != 0 && (platform != 3 || encoding != 1 && encoding != 10) {
			continue
		}
		if is := u16(cmap, at); (is == 4 || is == 12) && is > format {
			best, format = at, is
		}
	}
	switch format {
	case 4:
		f.segments(cmap[best:])
	case 12:
		f.groups(cmap[best:])
	}
	for r := '0'; r <= '9'; r++ {
		f.digit = max(f.digit, f.advanceOf(f.glyphs[r]))
	}
}

func (f *Font) put(r, glyph int) {
	if glyph > 0 && glyph < f.count && r >= ' ' {
		f.glyphs[rune(r)] = uint16(glyph)
	}
}

func (f *Font) segments(t []byte) {
	n := u16(t, 6) // twice the segments
	before := -1   // they are in order
	for i := 0; i < n; i += 2 {
		end, start := u16(t, 14+i), u16(t, 16+n+i)
		if start <= before {
			return
		}
		before = max(end, start)
		delta, offset := u16(t, 16+2*n+i), u16(t, 16+3*n+i)
		for r := start; r <= end && r < 0xFFFF; r++ {
			glyph := r
			if offset != 0 {
				if glyph = u16(t, 16+3*n+i+offset+2*(r-start)); glyph == 0 {
					continue
				}
			}
			f.put(r, (glyph+delta)&0xFFFF)
		}
	}
}

func (f *Font) groups(t []byte) {
	before := -1 // they are in order
	for i := range min(u32(t, 12), max(0, len(t)-16)/12) {
		at := 16 + 12*i
		start, end, glyph := u32(t, at), u32(t, at+4), u32(t, at+8)
		if start <= before {
			return
		}
		before = max(end, start)
		for r := start; r <= min(end, 0x10FFFF) && glyph+r-start < f.count; r++ {
			f.put(r, glyph+r-start)
		}
	}
}

func (f *Font) advanceOf(glyph uint16) uint16 {
	if int(glyph) >= len(f.advance) {
		return 0
	}
	return f.advance[glyph]
}

// outline returns a glyph's description; the empty one for a space.
func (f *Font) outline(glyph int) []byte {
	loca, glyf := f.tables["loca"], f.tables["glyf"]
	from, to := 2*u16(loca, 2*glyph), 2*u16(loca, 2*glyph+2)
	if f.long {
		from, to = u32(loca, 4*glyph), u32(loca, 4*glyph+4)
	}
	if glyph < 0 || glyph >= f.count || from >= to || to > len(glyf) {
		return nil
	}
	return glyf[from:to]
}
