// Package pdfa writes documents of PDF/A-3B (ISO 19005-3): text in embedded
// fonts, lines, links, and one file attached. Nothing is compressed and nothing
// depends on the time, so that a document is the same bytes for as long as its
// text is.
package pdfa

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// Info is what a document says of itself.
type Info struct {
	Title    string
	Author   string
	Language string // of BCP 47
	Made     time.Time
}

// producer is the program that writes the documents.
const producer = "Loot"

// An Attachment is a file inside of the document, the same as the document in
// another form (its AFRelationship is Alternative).
type Attachment struct {
	Name        string // in ASCII
	Description string
	Type        string // of media, as text/xml
	Content     []byte
	// Extension is a part of the XMP metadata that says what the file is, with
	// its schema: elements rdf:Description. Empty: nothing is said.
	Extension string
}

// A Doc is a document that is being written.
type Doc struct {
	info    Info
	pages   []*Page
	fonts   []*subset
	out     bytes.Buffer
	offsets []int // by the number of an object, less 1
}

// New begins a document.
func New(info Info) *Doc { return &Doc{info: info} }

// Page adds a page.
func (d *Doc) Page() *Page {
	p := &Page{doc: d}
	d.pages = append(d.pages, p)
	return p
}

func (d *Doc) font(f *Font) (string, *subset) {
	for i, s := range d.fonts {
		if s.font == f {
			return "F" + strconv.Itoa(i), s
		}
	}
	s := newSubset(f)
	d.fonts = append(d.fonts, s)
	return "F" + strconv.Itoa(len(d.fonts)-1), s
}

// The numbers of the objects that others name before they are written.
const (
	catalogObject = 1 + iota
	pagesObject
	infoObject
	fixedObjects = infoObject
)

// object begins an object of a number; 0 is the next that is free.
func (d *Doc) object(n int) int {
	if n == 0 {
		d.offsets = append(d.offsets, 0)
		n = len(d.offsets)
	}
	d.offsets[n-1] = d.out.Len()
	fmt.Fprintf(&d.out, "%d 0 obj\n", n)
	return n
}

func (d *Doc) dictionary(n int, entries string) int {
	n = d.object(n)
	d.out.WriteString("<<" + entries + ">>\nendobj\n")
	return n
}

func (d *Doc) stream(entries string, content []byte) int {
	n := d.object(0)
	fmt.Fprintf(&d.out, "<<%s/Length %d>>\nstream\n", entries, len(content))
	d.out.Write(content)
	d.out.WriteString("\nendstream\nendobj\n")
	return n
}

// Bytes ends the document.
func (d *Doc) Bytes(attached Attachment) []byte {
	d.offsets = make([]int, fixedObjects)
	d.out.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	var fonts, kids strings.Builder
	for i, s := range d.fonts {
		fmt.Fprintf(&fonts, "/F%d %d 0 R ", i, d.putFont(s, i))
	}
	for _, p := range d.pages {
		fmt.Fprintf(&kids, "%d 0 R ", d.putPage(p, fonts.String()))
	}
	d.dictionary(pagesObject, fmt.Sprintf("/Type /Pages /Count %d /Kids [%s]", len(d.pages), kids.String()))

	made := "D:" + d.info.Made.UTC().Format("20060102150405") + "Z"
	colour := d.stream("/N 3 ", profile)
	meta := d.stream("/Type /Metadata /Subtype /XML ", d.xmp(attached.Extension))
	file := d.stream(fmt.Sprintf("/Type /EmbeddedFile /Subtype /%s /Params <</Size %d /ModDate (%s)>> ",
		strings.ReplaceAll(attached.Type, "/", "#2F"), len(attached.Content), made), attached.Content)
	spec := d.dictionary(0, fmt.Sprintf("/Type /Filespec /F (%s) /UF %s /Desc %s /AFRelationship /Alternative /EF <</F %d 0 R /UF %d 0 R>>",
		attached.Name, textString(attached.Name), textString(attached.Description), file, file))
	d.dictionary(infoObject, fmt.Sprintf("/Title %s /Author %s /Producer (%s) /Creator (%s) /CreationDate (%s) /ModDate (%s)",
		textString(d.info.Title), textString(d.info.Author), producer, producer, made, made))
	d.dictionary(catalogObject, fmt.Sprintf("/Type /Catalog /Pages %d 0 R /Lang (%s) /Metadata %d 0 R /ViewerPreferences <</DisplayDocTitle true>> "+
		"/OutputIntents [<</Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) /Info (sRGB) /DestOutputProfile %d 0 R>>] "+
		"/AF [%d 0 R] /Names <</EmbeddedFiles <</Names [(%s) %d 0 R]>>>>",
		pagesObject, d.info.Language, meta, colour, spec, attached.Name, spec))
	d.trailer()
	return d.out.Bytes()
}

func (d *Doc) trailer() {
	id := sha256.Sum256(d.out.Bytes())
	at := d.out.Len()
	fmt.Fprintf(&d.out, "xref\n0 %d\n0000000000 65535 f \n", len(d.offsets)+1)
	for _, o := range d.offsets {
		fmt.Fprintf(&d.out, "%010d 00000 n \n", o)
	}
	name := hex.EncodeToString(id[:16])
	fmt.Fprintf(&d.out, "trailer\n<</Size %d /Root %d 0 R /Info %d 0 R /ID [<%s> <%s>]>>\nstartxref\n%d\n%%%%EOF\n",
		len(d.offsets)+1, catalogObject, infoObject, name, name, at)
}

func (d *Doc) putPage(p *Page, fonts string) int {
	content := d.stream("", p.out.Bytes())
	var annotations strings.Builder
	for _, l := range p.links {
		var rect bytes.Buffer
		for _, v := range []float64{l.x, Height - l.y - l.h, l.x + l.w, Height - l.y} {
			number(&rect, v)
		}
		n := d.dictionary(0, fmt.Sprintf("/Type /Annot /Subtype /Link /F 4 /Border [0 0 0] /Rect [%s] /Contents %s /A <</S /URI /URI %s>>",
			rect.String(), textString(l.text), asciiString(l.url)))
		fmt.Fprintf(&annotations, "%d 0 R ", n)
	}
	entries := fmt.Sprintf("/Type /Page /Parent %d 0 R /MediaBox [0 0 %g %g] /Resources <</Font <<%s>>>> /Contents %d 0 R",
		pagesObject, Width, Height, fonts, content)
	if annotations.Len() > 0 {
		entries += " /Annots [" + annotations.String() + "]"
	}
	return d.dictionary(0, entries)
}

func (d *Doc) putFont(s *subset, i int) int {
	f := s.font
	used := len(s.glyphs) // the program adds the parts of composite glyphs, which no text names
	file := s.program()
	name := string([]byte{'L', 'O', 'O', 'T', 'A', 'A' + byte(i%26)}) + "+" + f.name
	program := d.stream(fmt.Sprintf("/Length1 %d ", len(file)), file)
	descriptor := d.dictionary(0, fmt.Sprintf("/Type /FontDescriptor /FontName /%s /Flags 4 /FontBBox [%d %d %d %d] /ItalicAngle 0 "+
		"/Ascent %d /Descent %d /CapHeight %d /StemV 80 /FontFile2 %d 0 R", name, f.box[0], f.box[1], f.box[2], f.box[3],
		f.ascent, f.descent, f.capHeight, program))
	var widths, characters strings.Builder
	for id, g := range s.glyphs[:used] {
		fmt.Fprintf(&widths, "%.0f ", float64(f.advanceOf(g))*1000/f.units)
		if r, ok := s.runes[id]; ok {
			fmt.Fprintf(&characters, "1 beginbfchar <%04X> <%s> endbfchar\n", id, utf16Hex(r))
		}
	}
	descendant := d.dictionary(0, fmt.Sprintf("/Type /Font /Subtype /CIDFontType2 /BaseFont /%s /CIDSystemInfo <</Registry (Adobe) /Ordering (Identity) "+
		"/Supplement 0>> /FontDescriptor %d 0 R /CIDToGIDMap /Identity /DW 0 /W [0 [%s]]", name, descriptor, widths.String()))
	unicode := d.stream("", []byte("/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) "+
		"/Supplement 0>> def /CMapName /Adobe-Identity-UCS def /CMapType 2 def\n1 begincodespacerange <0000> <FFFF> endcodespacerange\n"+
		characters.String()+"endcmap CMapName currentdict /CMap defineresource pop end end"))
	return d.dictionary(0, fmt.Sprintf("/Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R",
		name, descendant, unicode))
}

// textString writes a text of any script.
func textString(s string) string { return "<FEFF" + utf16Hex(s) + ">" }

func utf16Hex(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, "%04X", u)
	}
	return b.String()
}

// asciiString writes an address; what is not ASCII is escaped as in an address.
func asciiString(s string) string {
	var b strings.Builder
	b.WriteByte('(')
	for _, c := range []byte(s) {
		switch {
		case c <= ' ' || c > '~':
			fmt.Fprintf(&b, "%%%02X", c)
		case c == '(' || c == ')' || c == '\\':
			b.WriteString("\\" + string(c))
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + ")"
}
