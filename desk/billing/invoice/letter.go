package invoice

import (
	"time"

	"loot/desk/billing/invoice/pdfa"
)

// A Letter is one that is not about an invoice: a page or more of text in the looks of
// the house.
type Letter struct {
	From       string   // the company, with its address in one line
	To         []string // lines of the address
	Made       time.Time
	Language   string // of BCP 47
	Title      string
	Paragraphs []string
	Rows       [][2]string // a term and what stands beside it
	Watermark  string      // written again and again behind the text; empty: none
	Data       []byte      // the same for programs, as JSON
}

var pale = pdfa.Colour{0.9, 0.91, 0.905}

// Letter returns a letter as PDF/A-3B with its data inside. The same letter gives the
// same bytes.
func (p *Printer) Letter(l Letter) []byte {
	s := &sheet{view: &view{}, printer: p, doc: pdfa.New(pdfa.Info{Title: composed(l.Title), Author: composed(l.From), Language: l.Language, Made: l.Made})}
	begin := func() {
		s.newPage()
		if l.Watermark == "" {
			return
		}
		style := fitted(s.bold(11, pale), right-left, composed(l.Watermark))
		for y := 30 * mm; y < 285*mm; y += 22 * mm {
			s.text(left, y, style, l.Watermark)
		}
	}
	begin()
	room := func(height float64) {
		if s.y+height > bottom {
			begin()
		}
	}
	s.y = s.column(left, s.y, right-left, 4*mm, s.plain(8, soft), l.From) + 12*mm
	for _, line := range l.To {
		s.y = s.column(left, s.y, 85*mm, 4.9*mm, s.plain(10, ink), line)
	}
	s.y += 8 * mm
	s.text(left, s.y, s.plain(9, soft), l.Made.UTC().Format("2 January 2006"))
	s.y += 12 * mm
	s.y = s.column(left, s.y, right-left, 7*mm, s.bold(15, ink), l.Title) + 4*mm
	for _, text := range l.Paragraphs {
		for _, line := range s.plain(10, ink).Wrap(composed(text), right-left) {
			room(5 * mm)
			s.text(left, s.y, s.plain(10, ink), line)
			s.y += 5 * mm
		}
		s.y += 3 * mm
	}
	for _, row := range l.Rows {
		lines := s.plain(10, ink).Wrap(composed(row[1]), right-70*mm)
		room(6 * mm)
		s.column(left, s.y, 40*mm, 4.5*mm, s.plain(9, soft), row[0])
		for _, line := range lines {
			room(5 * mm)
			s.text(70*mm, s.y, s.plain(10, ink), line)
			s.y += 5 * mm
		}
		s.y += 2 * mm
	}
	return s.doc.Bytes(pdfa.Attachment{Name: "letter.json", Description: "The same as data", Type: "application/json", Content: l.Data})
}
