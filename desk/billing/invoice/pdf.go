package invoice

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"rsc.io/qr"

	"loot/desk/billing/invoice/pdfa"
)

//go:embed fonts/Inter-Regular.ttf
var regularFile []byte

//go:embed fonts/Inter-SemiBold.ttf
var boldFile []byte

// ErrEmbedding says that a font may not be embedded in documents.
var ErrEmbedding = pdfa.ErrEmbedding

// A Font is one for scripts that Inter does not have. It may be used by many printers.
type Font = pdfa.Font

// ParseFont reads a TrueType file. The font is named by which one it is, counted from 1,
// of those that a printer gets.
func ParseFont(nth int, file []byte) (*Font, error) {
	return pdfa.ParseFont("Additional-"+strconv.Itoa(nth), file)
}

// A Printer draws records as PDF. It is made once and may be used by many at a
// time.
type Printer struct{ regular, bold *pdfa.Face }

// NewPrinter returns a printer. Of more fonts, for what Inter does not have (it has Latin,
// Greek and Cyrillic), the first that has a character is taken. A character that no font
// has is shown as a box, and a reader that copies or reads aloud still finds it. The
// documents depend on the fonts: whoever must show the same page later keeps the PDF.
func NewPrinter(more ...*Font) (*Printer, error) {
	regular, err := pdfa.ParseFont("Inter-Regular", regularFile)
	if err != nil {
		return nil, err
	}
	bold, err := pdfa.ParseFont("Inter-SemiBold", boldFile)
	if err != nil {
		return nil, err
	}
	return &Printer{pdfa.NewFace(regular, more...), pdfa.NewFace(bold, more...)}, nil
}

// Lengths are in points; mm is one millimetre.
const (
	mm     = 72 / 25.4
	left   = 25 * mm
	right  = 190 * mm
	bottom = 272 * mm // where the last line of a page ends
	top    = 22 * mm  // where the first line of a page that follows begins

	factsAt = 125 * mm // where what stands beside the window begins (DIN 5008)
)

var (
	ink   = pdfa.Colour{0.086, 0.125, 0.11}
	soft  = pdfa.Colour{0.325, 0.376, 0.353}
	hair  = pdfa.Colour{0.86, 0.885, 0.87}
	brand = pdfa.Colour{0.106, 0.416, 0.341}
	sunk  = pdfa.Colour{0.955, 0.967, 0.961}
)

// errLink says that an address is too long to be a QR code.
var errLink = errors.New("invoice: an address that is to be a QR code is longer than one can hold")

// PDF returns the record as PDF/A-3B with the invoice as CII inside: Factur-X
// in its profile EN 16931. The same record gives the same bytes.
func (p *Printer) PDF(r *Record) ([]byte, error) {
	inv := &r.Invoice
	v := r.view()
	s := &sheet{
		view: v, printer: p,
		doc: pdfa.New(pdfa.Info{
			Title: joined(", ", v.Title, v.From), Author: inv.Seller.Name, Language: v.Words.code,
			Made: time.Date(inv.Issued.Year, inv.Issued.Month, inv.Issued.Day, 0, 0, 0, 0, time.UTC),
		}),
	}
	s.newPage()
	s.head()
	s.lines()
	s.sums()
	if len(v.Payment) > 0 {
		s.payment()
	}
	s.remarks()
	if len(v.Known) > 0 {
		s.known()
	}
	s.footers()
	if s.err != nil {
		return nil, s.err
	}
	return s.doc.Bytes(pdfa.Attachment{
		Name: facturXName, Description: "The invoice as data", Type: "text/xml", Content: inv.CII(), Extension: facturXMeta,
	}), nil
}

// Draws reports whether the fonts have every character of a text that is to be seen.
func (p *Printer) Draws(text string) bool { return p.regular.Draws(composed(text)) }

// A sheet is a document that is being drawn, from above to below.
type sheet struct {
	*view
	printer *Printer
	doc     *pdfa.Doc
	page    *pdfa.Page
	pages   []*pdfa.Page
	y       float64 // the baseline of the next line
	err     error
}

func (s *sheet) newPage() {
	s.page = s.doc.Page()
	s.pages = append(s.pages, s.page)
	s.y = top
}

// room begins a new page if so much does not fit on this one.
func (s *sheet) room(height float64) bool {
	if s.y+height <= bottom {
		return false
	}
	s.newPage()
	return true
}

func (s *sheet) plain(size float64, c pdfa.Colour) pdfa.Style {
	return pdfa.Style{Face: s.printer.regular, Size: size, Colour: c}
}

func (s *sheet) bold(size float64, c pdfa.Colour) pdfa.Style {
	return pdfa.Style{Face: s.printer.bold, Size: size, Colour: c}
}

// composed puts letters and their marks together, since fonts have é and not e
// with a mark, and leaves out what has no shape: controls, marks of direction,
// selectors of a variant. What says how Arabic letters join stays until they are drawn.
func composed(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector) && !strings.ContainsRune("\n\t\u200C\u200D", r) {
			return -1
		}
		return r
	}, norm.NFC.String(text))
}

// text writes one line.
func (s *sheet) text(x, y float64, style pdfa.Style, text string) {
	s.page.Text(x, y, style, composed(text))
}

// column writes a text into lines of a width, each so far below the last, and
// returns the baseline of the line that would follow.
func (s *sheet) column(x, y, width, leading float64, style pdfa.Style, text string) float64 {
	for _, l := range style.Wrap(composed(text), width) {
		s.page.Text(x, y, style, l)
		y += leading
	}
	return y
}

// figure writes a number that ends at x, smaller if it is wider than its column.
func (s *sheet) figure(x, y, width float64, style pdfa.Style, text string) {
	style.Figures = true
	s.page.TextRight(x, y, fitted(style, width, text), text)
}

// fitted returns the style, smaller if a text in it is wider than a width.
func fitted(style pdfa.Style, width float64, text string) pdfa.Style {
	if w := style.Width(text); w > width {
		style.Size *= width / w
	}
	return style
}

func (s *sheet) rule(width, y float64) { s.page.Fill(left, y-0.25, width, 0.5, hair) }

// head draws the sender, the window for the address (DIN 5008, form B), the
// facts beside it and the title.
func (s *sheet) head() {
	s.column(left, 22*mm, 95*mm, 7*mm, s.bold(15, ink), s.From)
	ly := 20 * mm
	for _, l := range s.FromLines {
		ly = s.column(factsAt, ly, right-factsAt, 3.9*mm, s.plain(8, soft), l)
	}

	s.text(left, 51*mm, fitted(s.plain(6.5, soft), 85*mm, s.Return), s.Return)
	s.rule(85*mm, 52.5*mm)
	y := 58 * mm
	for i, l := range s.To {
		style := s.plain(10, ink)
		if i == 0 {
			style = s.bold(10, ink)
		}
		y = s.column(left, y, 85*mm, 4.9*mm, style, l)
	}

	fy := 51 * mm
	label, value := s.plain(8.5, soft), s.plain(8.5, ink)
	for _, f := range s.Facts {
		s.text(factsAt, fy, fitted(label, 30*mm, f.Label), f.Label)
		fy = max(s.column(156*mm, fy, right-156*mm, 4.3*mm, value, f.Value), fy+4.3*mm) + 0.5*mm
	}

	s.y = max(100*mm, y+9*mm, fy+9*mm)
	s.y = s.column(left, s.y, right-left, 8*mm, s.bold(18, ink), s.Title)
	if s.About != "" {
		s.y = s.column(left, s.y-1.5*mm, right-left, 5*mm, s.plain(10, soft), s.About) + 1*mm
	}
	s.y += 4 * mm
}

// footers writes on each page who sent it and which of how many it is.
func (s *sheet) footers() {
	style := s.plain(7, soft)
	for i, page := range s.pages {
		s.page = page
		s.rule(right-left, 279*mm)
		s.column(left, 283*mm, 145*mm, 3.3*mm, style, s.Imprint)
		page.TextRight(right, 283*mm, style, fmt.Sprintf("%s %d / %d", s.Words.Page, i+1, len(s.pages)))
	}
}

// code draws a QR code with its upper left corner at x, y.
func (s *sheet) code(x, y, side float64, text string, level qr.Level) {
	code, err := qr.Encode(text, level)
	if err != nil {
		s.err = errLink
		return
	}
	s.page.Bits(x, y, side, code.Size, code.Black, ink)
}
