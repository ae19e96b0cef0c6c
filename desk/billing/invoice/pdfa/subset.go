package pdfa

import (
	"encoding/binary"
	"slices"
)

// A subset is the part of a font that a document uses. Glyphs are numbered
// anew, in the order of their first use; 0 is the one for what is missing,
// which is never shown.
type subset struct {
	font   *Font
	glyphs []uint16       // the font's number by the new one
	of     map[uint16]int // the new number
	runes  map[int]string // what a new number stands for
}

func newSubset(f *Font) *subset {
	return &subset{font: f, glyphs: []uint16{0}, of: map[uint16]int{0: 0}, runes: map[int]string{}}
}

func (s *subset) use(glyph uint16) int {
	n, ok := s.of[glyph]
	if !ok {
		n = len(s.glyphs)
		s.of[glyph] = n
		s.glyphs = append(s.glyphs, glyph)
	}
	return n
}

// Flags of a part of a composite glyph (table glyf).
const (
	wordArguments = 1 << 0
	hasScale      = 1 << 3
	moreParts     = 1 << 5
	hasTwoScales  = 1 << 6
	hasMatrix     = 1 << 7
	instructions  = 1 << 8
)

// program returns a font file of the glyphs used and their parts. Hints are
// left out: a reader of documents draws the outlines as they are.
func (s *subset) program() []byte {
	var glyf []byte
	loca := []byte{0, 0, 0, 0}
	for i := 0; i < len(s.glyphs); i++ { // it grows by the parts of composite glyphs
		glyf = append(glyf, s.outline(int(s.glyphs[i]))...)
		for len(glyf)%4 != 0 {
			glyf = append(glyf, 0)
		}
		loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
	}
	count := uint16(len(s.glyphs))

	head, hhea, maxp := slices.Clone(s.font.tables["head"]), slices.Clone(s.font.tables["hhea"]), slices.Clone(s.font.tables["maxp"])
	clear(head[8:12])                            // the sum, which nobody checks in a document
	binary.BigEndian.PutUint16(head[50:], 1)     // offsets are of four bytes
	binary.BigEndian.PutUint16(hhea[34:], count) // each glyph has its advance
	binary.BigEndian.PutUint16(maxp[4:], count)
	var hmtx []byte
	full := u16(s.font.tables["hhea"], 34)
	for _, g := range s.glyphs {
		hmtx = binary.BigEndian.AppendUint16(hmtx, s.font.advanceOf(g))
		bearing := 4*int(g) + 2
		if int(g) >= full {
			bearing = 4*full + 2*(int(g)-full)
		}
		hmtx = binary.BigEndian.AppendUint16(hmtx, uint16(u16(s.font.tables["hmtx"], bearing)))
	}
	return fontFile([]table{{"glyf", glyf}, {"head", head}, {"hhea", hhea}, {"hmtx", hmtx}, {"loca", loca}, {"maxp", maxp}})
}

// outline returns a glyph with its parts numbered anew and without its hints.
func (s *subset) outline(glyph int) []byte {
	old := s.font.outline(glyph)
	if len(old) < 10 {
		return nil
	}
	if i16(old, 0) >= 0 {
		return withoutHints(old)
	}
	out := slices.Clone(old)
	for at := 10; at+4 <= len(out); {
		flags := u16(out, at)
		part := s.use(uint16(u16(out, at+2)))
		binary.BigEndian.PutUint16(out[at:], uint16(flags&^instructions))
		binary.BigEndian.PutUint16(out[at+2:], uint16(part))
		at += 4 + 2
		if flags&wordArguments != 0 {
			at += 2
		}
		switch {
		case flags&hasScale != 0:
			at += 2
		case flags&hasTwoScales != 0:
			at += 4
		case flags&hasMatrix != 0:
			at += 8
		}
		if flags&moreParts == 0 {
			return out[:min(at, len(out))]
		}
	}
	return out
}

func withoutHints(glyph []byte) []byte {
	at := 10 + 2*i16(glyph, 0)
	length := u16(glyph, at)
	if at+2+length > len(glyph) {
		return glyph
	}
	out := append(slices.Clone(glyph[:at]), 0, 0)
	return append(out, glyph[at+2+length:]...)
}

type table struct {
	tag  string
	data []byte
}

// fontFile puts tables, in the order of their tags, together.
func fontFile(tables []table) []byte {
	n := len(tables)
	power, exponent := 1, 0
	for power*2 <= n {
		power, exponent = power*2, exponent+1
	}
	be := binary.BigEndian
	out := be.AppendUint32(nil, 0x00010000)
	for _, v := range []int{n, 16 * power, exponent, 16 * (n - power)} {
		out = be.AppendUint16(out, uint16(v))
	}
	at := 12 + 16*n
	for _, t := range tables {
		out = append(out, t.tag...)
		out = be.AppendUint32(out, sum(t.data))
		out = be.AppendUint32(out, uint32(at))
		out = be.AppendUint32(out, uint32(len(t.data)))
		at += (len(t.data) + 3) &^ 3
	}
	for _, t := range tables {
		out = append(out, t.data...)
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	return out
}

func sum(b []byte) (total uint32) {
	for len(b) >= 4 {
		total += binary.BigEndian.Uint32(b)
		b = b[4:]
	}
	if len(b) > 0 {
		var last [4]byte
		copy(last[:], b)
		total += binary.BigEndian.Uint32(last[:])
	}
	return total
}
