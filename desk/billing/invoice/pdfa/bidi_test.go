package pdfa

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/bidi"
	"pgregory.net/rapid"

	"loot/desk/desktest"
)

// TestLinesStandAsTheyAreRead: letters that are read from the right stand so, numbers
// and Latin words in them do not, and brackets open to what is inside of them. Small
// letters of the cases are Latin, capital ones Hebrew, and & to * are digits of Arabic.
func TestLinesStandAsTheyAreRead(t *testing.T) {
	script := func(s string) string {
		return strings.Map(func(r rune) rune {
			switch {
			case r >= 'A' && r <= 'Z':
				return 'א' + r - 'A'
			case r >= '&' && r <= '*' && r != '(' && r != ')':
				return '٠' + r - '&'
			}
			return r
		}, s)
	}
	for _, c := range []struct{ read, stands string }{
		{"", ""},
		{"street 12", "street 12"},
		{"ABC", "CBA"},
		{"ABC DEF 12", "12 FED CBA"},
		{"ABC 12/3 (DEF 4)", "(4 FED) 12/3 CBA"},
		{"street ABC 12, town", "street 12 CBA, town"},
		{"street ABC 12, DEF", "street FED ,12 CBA"},
		{"street ABC $12 town", "street $12 CBA town"},
		{"street ABC$ town", "street CBA$ town"},
		{"street ABC 50% town", "street 50% CBA town"},
		{"12 ABC", "CBA 12"},
		{"street 12 ABC", "street 12 CBA"},
		{"street && ABC", "street CBA &&"},
		{"street &/& ABC", "street CBA &/&"},
		{"street &,& ABC", "street CBA &,&"},
		{"street, & ABC", "street, CBA &"},
		{"street (ABC), town", "street (CBA), town"},
		{"ABC gmbh-co, DEF", "FED ,gmbh-co CBA"},
		{"A\u05b7B", "BA\u05b7"}, // a point stays behind its letter
	} {
		var got strings.Builder
		for _, s := range ordered(script(c.read)) {
			got.WriteString(string(s.runes))
		}
		if got.String() != script(c.stands) {
			t.Errorf("%s stands as %q, want %q", c.read, got.String(), script(c.stands))
		}
	}
}

// TestOnlyWhatIsReadFromTheRightTurnsALine, and no sign that Latin text has, too.
func TestOnlyWhatIsReadFromTheRightTurnsALine(t *testing.T) {
	for _, r := range "aé 12–−“”’„€…•№Жλ字あ한\u2009\u202f\u200b\ufeff" {
		if turns(r) {
			t.Errorf("%q turns a line", r)
		}
	}
	for _, r := range "אبܐ߀ހ٢\u200f\u061c\u202b\u202e\u2067ﷲ" {
		if !turns(r) {
			t.Errorf("%q does not turn a line", r)
		}
	}
}

// A line that nothing turns stands as it is read by the whole algorithm, too.
func TestALineThatNothingTurnsStandsAsItIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.OneOf(rapid.StringMatching(`[a-c 0-3–−“”’€%.,()\x{202a}\x{202c}\x{2068}\x{2069}]{1,20}`), rapid.String()).
			Filter(func(s string) bool { return !slices.ContainsFunc([]rune(s), turns) }).Draw(t, "line")
		var p bidi.Paragraph
		if _, err := p.SetString(line); err != nil {
			t.Fatal(err)
		}
		order, err := p.Order()
		if err != nil {
			t.Fatal(err)
		}
		for i := range order.NumRuns() {
			if run := order.Run(i); run.Direction() != bidi.LeftToRight {
				t.Errorf("%q is read from the right in %q", run.String(), line)
			}
		}
	})
}

// TestNoCharacterIsLostWhereALineIsOrdered, whatever it is made of.
func TestNoCharacterIsLostWhereALineIsOrdered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []rune(rapid.OneOf(rapid.StringMatching(`[a-c אבגשل٠-٢0-3().,%\x{5b7}]{0,20}`), rapid.SampledFrom([]string{"\u2029", "א\u2029"}), rapid.String()).Draw(t, "text"))
		var got []rune
		for _, s := range ordered(string(text)) {
			part := s.runes
			if s.right {
				part = reversed(part)
			}
			got = append(got, part...)
		}
		slices.Sort(got)
		slices.Sort(text)
		if !slices.Equal(got, text) {
			t.Fatalf("%q", got)
		}
	})
}

func debian(t *testing.T, font string) *Font {
	t.Helper()
	parsed, err := ParseFont("Debian", desktest.Font(t, font))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestArabicLettersJoin: each has the shape that it has beside its neighbours, and what
// is copied are the letters. A font without the shapes has the letters alone.
func TestArabicLettersJoin(t *testing.T) {
	face := NewFace(inter, debian(t, desktest.DejaVu))
	for _, c := range []struct{ text, shapes string }{
		{"شركة", "\uFEB7\uFEAE\uFEDB\uFE94"},
		{"لا", "\uFEFB"},
		{"بلا", "\uFE91\uFEFC"},
		{"ببب", "\uFE91\uFE92\uFE90"},
		{"بـب", "\uFE91ـ\uFE90"},
		{"ماء", "\uFEE3\uFE8E\uFE80"},
		{"بَب", "\uFE91\u064E\uFE90"}, // a mark is passed over
		{"می\u200Cشود", "\uFEE3\uFBFD\uFEB7\uFEEE\uFEA9"},
		{"ه\u200D", "\uFEEB"},
		{"ب 12", "\uFE8F 12"},
		{"Straße\u200C", "Straße"},
	} {
		got := face.shaped(c.text)
		if got != c.shapes || face.shaped(got) != got {
			t.Errorf("%s has the shapes %+q, want %+q", c.text, got, c.shapes)
		}
	}
	pdf := document(func(p *Page) { p.Text(10, 10, Style{Face: face, Size: 9}, "شركة لا") })
	if got, want := shown(pdf), "لا ةكرش"; got != want {
		t.Errorf("from left to right %q is read, want %q", got, want)
	}
	if got := NewFace(inter).shaped("شركة"); got != "شركة" {
		t.Errorf("without the shapes it becomes %+q", got)
	}
	for r, f := range forms {
		shapes := rune(2)
		switch {
		case r == hamza:
			shapes = 1
		case f.joins:
			shapes = 4
		}
		for i := range shapes {
			if letters(f.first+i) != string(r) {
				t.Errorf("%c: %x is a shape of %s", r, f.first+i, letters(f.first+i))
			}
		}
	}
}

// TestABoxIsReadAsItWasWritten: letters that no font has are named in the order in which
// they are read, from whichever side that is.
func TestABoxIsReadAsItWasWritten(t *testing.T) {
	pdf := document(func(p *Page) { p.Text(10, 10, Style{Face: NewFace(inter), Size: 9}, "אבג 株字") })
	for _, want := range []string{"/ActualText <FEFF05D005D105D2>", "/ActualText <FEFF682A5B57>"} {
		if !strings.Contains(pdf, want) {
			t.Errorf("it lacks %s", want)
		}
	}
}

// TestAddressesOfManyScriptsAreDrawn: with fonts that have the characters, each is drawn
// by its own glyph, and none by a box or by the glyph for nothing.
func TestAddressesOfManyScriptsAreDrawn(t *testing.T) {
	fonts := []*Font{debian(t, desktest.Droid), debian(t, desktest.DejaVu)}
	for _, address := range []string{
		"北京市示例路12号", "東京都例区みほん町サンプル", "רחוב הדוגמה 12", "شارع المثال", "Օրինակ փողոց 12", "სამაგალითო ქუჩა 12", "οδός Παραδείγματος", "вулиця Зразкова",
	} {
		d := New(Info{})
		style := Style{Face: NewFace(inter, fonts...), Size: 9}
		d.Page().Text(10, 10, style, address)
		drawn := map[rune]bool{}
		for _, part := range d.fonts {
			for id, g := range part.glyphs[1:] {
				if g == 0 || part.runes[id+1] != " " && len(part.font.outline(int(g))) == 0 {
					t.Errorf("%s: %q is drawn as nothing", address, part.runes[id+1])
				}
				for _, r := range part.runes[id+1] {
					drawn[r] = true
				}
			}
		}
		for _, r := range address {
			if !drawn[r] {
				t.Errorf("%s: %c is not drawn", address, r)
			}
		}
		if pdf := string(d.Bytes(Attachment{Name: "a.xml", Type: "text/xml"})); strings.Contains(pdf, "/ActualText") {
			t.Errorf("%s: a box is drawn", address)
		}
	}
}

// TestAFontThatMayNotBeEmbeddedIsNotTaken, nor one of which no part may be.
func TestAFontThatMayNotBeEmbeddedIsNotTaken(t *testing.T) {
	at := 0
	for i := range u16(interFile, 4) {
		if e := 12 + 16*i; string(interFile[e:e+4]) == "OS/2" {
			at = u32(interFile, e+8) + 8
		}
	}
	for says, embeds := range map[uint16]bool{0: true, 2: false, 4: true, 8: true, 6: true, 0x100: false, 0x108: false, 0x200: false} {
		file := slices.Clone(interFile)
		binary.BigEndian.PutUint16(file[at:], says)
		if _, err := ParseFont("Inter", file); (err == nil) != embeds || err != nil && !errors.Is(err, ErrEmbedding) {
			t.Errorf("fsType %#x: %v", says, err)
		}
	}
}
