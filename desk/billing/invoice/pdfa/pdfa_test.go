package pdfa

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"pgregory.net/rapid"
)

var interFile = func() []byte {
	b, err := os.ReadFile("../fonts/Inter-Regular.ttf")
	if err != nil {
		panic(err)
	}
	return b
}()

var inter = func() *Font {
	f, err := ParseFont("Inter", interFile)
	if err != nil {
		panic(err)
	}
	return f
}()

func document(draw func(p *Page)) string {
	d := New(Info{Title: "Title & <more>", Author: "Author", Language: "en", Made: time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)})
	draw(d.Page())
	return string(d.Bytes(Attachment{Name: "a.xml", Type: "text/xml", Content: []byte("<a/>")}))
}

// shown reads a document's text as a reader does: numbers of glyphs from the
// content, characters from the fonts' tables.
func shown(pdf string) string {
	var tables []map[int]string
	for _, m := range regexp.MustCompile(`(?s)endcodespacerange\n(.*?)endcmap`).FindAllStringSubmatch(pdf, -1) {
		table := map[int]string{}
		for _, m := range regexp.MustCompile(`beginbfchar <(\w+)> <(\w+)>`).FindAllStringSubmatch(m[1], -1) {
			id, _ := strconv.ParseInt(m[1], 16, 32)
			b, _ := hex.DecodeString(m[2])
			var units []uint16
			for i := 0; i < len(b); i += 2 {
				units = append(units, binary.BigEndian.Uint16(b[i:]))
			}
			table[int(id)] = string(utf16.Decode(units))
		}
		tables = append(tables, table)
	}
	var out strings.Builder
	for rest := pdf; ; {
		at := strings.Index(rest, "Tf [")
		if at < 0 {
			return out.String()
		}
		name := rest[strings.LastIndex(rest[:at], "/F")+2:]
		font, _ := strconv.Atoi(name[:strings.IndexByte(name, ' ')])
		rest = rest[at+len("Tf ["):]
		inside, escape := false, false
		var ids []byte
		i := 0
		for ; inside || rest[i] != ']'; i++ {
			switch c := rest[i]; {
			case escape && c == 'r':
				ids, escape = append(ids, '\r'), false
			case escape:
				ids, escape = append(ids, c), false
			case inside && c == '\\':
				escape = true
			case inside && c == ')':
				inside = false
			case !inside && c == '(':
				inside = true
			case inside:
				ids = append(ids, c)
			}
		}
		for j := 0; j+1 < len(ids); j += 2 {
			out.WriteString(tables[font][int(ids[j])<<8|int(ids[j+1])])
		}
		rest = rest[i:]
	}
}

func TestTextIsReadAsItWasWritten(t *testing.T) {
	var many strings.Builder // more than 256 glyphs, so that each byte comes up in a number
	for r := rune(' '); r < 0x600; r++ {
		if _, ok := inter.glyphs[r]; ok && many.Len() < 2000 {
			many.WriteRune(r)
		}
	}
	alone := map[uint16]rune{} // some characters share a glyph; a reader finds the first
	want := strings.Map(func(r rune) rune {
		if first, ok := alone[inter.glyphs[r]]; ok {
			return first
		}
		alone[inter.glyphs[r]] = r
		return r
	}, many.String())
	for _, figures := range []bool{false, true} {
		pdf := document(func(p *Page) {
			p.Text(10, 10, Style{Face: NewFace(inter), Size: 9, Figures: figures}, many.String())
		})
		if got := shown(pdf); got != want {
			t.Errorf("figures %v: read %q, want %q", figures, got, want)
		}
	}
}

func TestACharacterIsTakenFromTheFirstFontThatHasIt(t *testing.T) {
	poor, err := ParseFont("Poor", interFile)
	if err != nil {
		t.Fatal(err)
	}
	for r := range poor.glyphs {
		if r > '~' {
			delete(poor.glyphs, r)
		}
	}
	face := NewFace(poor, inter)
	pdf := document(func(p *Page) { p.Text(10, 10, Style{Face: face, Size: 9}, "Größe 株 x") })
	if got := shown(pdf); got != "Größe \u25A1 x" {
		t.Errorf("%q", got)
	}
	if !strings.Contains(pdf, "/ActualText <FEFF682A>") {
		t.Error("what no font has cannot be found")
	}
	if strings.Count(pdf, "/FontFile2") != 2 {
		t.Error("not both fonts are embedded")
	}
}

// TestNoTextShowsTheGlyphForNothing: PDF/A forbids it.
func TestNoTextShowsTheGlyphForNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		for _, r := range text {
			if _, g, _ := NewFace(inter).glyph(r); g == 0 {
				t.Fatalf("%q is shown as nothing", r)
			}
		}
		document(func(p *Page) { p.Text(0, 0, Style{Face: NewFace(inter), Size: 9}, text) })
	})
}

func TestLinesFit(t *testing.T) {
	style := Style{Face: NewFace(inter), Size: 9}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zA-Zß株 \n]{0,80}`).Draw(t, "text")
		width := rapid.Float64Range(1, 120).Draw(t, "width")
		lines := style.Wrap(text, width)
		for _, l := range lines {
			if style.Width(l) > width && len([]rune(l)) > 1 {
				t.Fatalf("%q is wider than %v", l, width)
			}
		}
		keep := func(s string) string { return strings.NewReplacer(" ", "", "\n", "").Replace(s) }
		if keep(strings.Join(lines, "")) != keep(text) {
			t.Fatalf("%q becomes %q", text, lines)
		}
	})
	if got := style.Wrap("1 February to 28\u00A0February", style.Width("1 February to 28")); !slices.Equal(got, []string{"1 February to", "28\u00A0February"}) {
		t.Errorf("%q", got)
	}
}

func TestFiguresHaveOneWidth(t *testing.T) {
	style := Style{Face: NewFace(inter), Size: 9, Figures: true}
	for d := '0'; d <= '9'; d++ {
		if style.Width(string(d)) != style.Width("0") {
			t.Errorf("%c is as wide as %v, 0 as %v", d, style.Width(string(d)), style.Width("0"))
		}
	}
	style.Figures = false
	if style.Width("1") == style.Width("0") {
		t.Error("the font's own digits have one width: the test shows nothing")
	}
}

// TestASubsetHasTheOutlines: each glyph of the part is the font's, parts of
// composite glyphs included.
func TestASubsetHasTheOutlines(t *testing.T) {
	s := newSubset(inter)
	text := "Aä Ǻ ﬁ ß Ж Ω ệ 0"
	for _, r := range text {
		if g, ok := inter.glyphs[r]; ok {
			s.use(g)
		}
	}
	used := len(s.glyphs)
	file := s.program()
	tables := map[string][]byte{}
	for i := range u16(file, 4) {
		at := 12 + 16*i
		data := file[u32(file, at+8):][:u32(file, at+12)]
		tables[string(file[at:at+4])] = data
		if int(sum(data)) != u32(file, at+4) {
			t.Errorf("the sum of table %s is wrong", file[at:at+4])
		}
	}
	part := &Font{tables: tables, long: true, count: u16(tables["maxp"], 4), units: inter.units}
	if part.count != len(s.glyphs) || part.count <= used {
		t.Fatalf("%d glyphs, %d of them used, and in the file %d: no composite glyph was taken", len(s.glyphs), used, part.count)
	}
	for id, g := range s.glyphs {
		was, is := inter.outline(int(g)), part.outline(id)
		if len(was) == 0 != (len(is) == 0) || len(is) > 0 && string(was[:10]) != string(is[:10]) {
			t.Errorf("glyph %d is another as %d", g, id)
		}
		if u16(tables["hmtx"], 4*id) != int(inter.advance[g]) {
			t.Errorf("glyph %d has another advance", g)
		}
		if len(is) > 0 && i16(is, 0) < 0 {
			if component := u16(is, 12); component >= part.count || string(part.outline(component)[:10]) != string(inter.outline(u16(was, 12))[:10]) {
				t.Errorf("glyph %d is made of another part", g)
			}
		}
	}
}

func TestOnlyTrueTypeIsAFont(t *testing.T) {
	for name, file := range map[string][]byte{
		"nothing": nil, "text": []byte("a font"), "CFF": append([]byte("OTTO"), make([]byte, 100)...),
		"half": interFile[:len(interFile)/2], "the head": interFile[:64],
	} {
		if _, err := ParseFont(name, file); err == nil {
			t.Errorf("%s is a font", name)
		}
	}
}

func FuzzParseFont(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x00"), 0, byte(0))
	small := newSubset(inter)
	for r := 'a'; r < 'z'; r++ {
		small.use(inter.glyphs[r])
	}
	program := small.program()
	f.Add(program, 40, byte(0xFF))
	for at := 0; at < 400; at += 7 {
		f.Add(interFile[:2000], at, byte(at))
	}
	f.Fuzz(func(t *testing.T, file []byte, at int, b byte) {
		for _, file := range [][]byte{file, append(slices.Clone(interFile[:12+16*19]), file...), interFile} {
			file = slices.Clone(file)
			if at >= 0 && at < len(file) {
				file[at] = b
			}
			font, err := ParseFont("Fuzz", file)
			if err != nil {
				continue
			}
			document(func(p *Page) { p.Text(0, 0, Style{Face: NewFace(font), Size: 9, Figures: true}, "Aäé0株") })
		}
	})
}

func TestAnAddressIsWrittenInASCII(t *testing.T) {
	pdf := document(func(p *Page) { p.Link(1, 2, 3, 4, "https://example.org/ä (b)\\\n", "Grüße") })
	if want := `/URI (https://example.org/%C3%A4%20\(b\)\\%0A)`; !strings.Contains(pdf, want) {
		t.Errorf("%s is not there", want)
	}
}

func TestTheProfileIsAProfile(t *testing.T) {
	if len(profile) != u32(profile, 0) || string(profile[36:40]) != "acsp" {
		t.Fatal("the head is wrong")
	}
	var white, sums [3]int
	for i := range u32(profile, 128) {
		at := 132 + 12*i
		tag, from, length := string(profile[at:at+4]), u32(profile, at+4), u32(profile, at+8)
		if from%4 != 0 || from+length > len(profile) {
			t.Errorf("%s lies outside", tag)
		}
		for j := range 3 {
			v := u32(profile, from+8+4*j)
			switch tag {
			case "wtpt":
				white[j] = v
			case "rXYZ", "gXYZ", "bXYZ":
				sums[j] += v
			}
		}
	}
	for j := range white { // red, green and blue together are white
		if d := white[j] - sums[j]; d < -16 || d > 16 { // thousandths of a percent
			t.Errorf("white is %v, and the colours are together %v", white, sums)
		}
	}
}
