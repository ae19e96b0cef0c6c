package invoice

import (
	"loot/desk/billing/invoice/pdfa"
)

// Where the columns of the lines end; the first begins at left.
const (
	nameWidth   = 70 * mm
	quantityEnd = 122 * mm
	priceEnd    = 145 * mm
	taxEnd      = 165 * mm
	lineLeading = 4.4 * mm
	moreLeading = 3.8 * mm
)

func (s *sheet) lineHeads() {
	style, w := s.plain(8, soft), s.Words
	s.text(left, s.y, style, w.Service)
	s.page.TextRight(quantityEnd, s.y, style, w.Quantity)
	s.page.TextRight(priceEnd, s.y, style, w.Price)
	s.page.TextRight(taxEnd, s.y, style, w.VAT)
	s.page.TextRight(right, s.y, style, s.HeadAmount)
	s.rule(right-left, s.y+2*mm)
	s.y += 7 * mm
}

// A cell is one line of a column of text.
type cell struct {
	style   pdfa.Style
	text    string
	leading float64
	amount  string
}

func (s *sheet) lines() {
	s.lineHeads()
	for i := range s.Lines {
		l := &s.Lines[i]
		var cells []cell
		add := func(style pdfa.Style, leading float64, text, amount string) {
			for j, line := range style.Wrap(composed(text), nameWidth) {
				if j > 0 {
					amount = ""
				}
				cells = append(cells, cell{style, line, leading, amount})
			}
		}
		add(s.bold(9, ink), lineLeading, l.Name, "")
		for _, m := range l.More {
			add(s.plain(8, soft), moreLeading, m, "")
		}
		for _, a := range l.Adjustments {
			add(s.plain(8, soft), moreLeading, a.Label, a.Value)
		}
		var height float64
		for _, c := range cells {
			height += c.leading
		}
		if s.room(min(height, 60*mm)) {
			s.lineHeads()
		}
		s.line(l, cells)
		s.y += 2.6 * mm
		if i < len(s.Lines)-1 {
			s.rule(right-left, s.y-4.7*mm)
			s.y += 0.8 * mm
		}
	}
}

func (s *sheet) line(l *viewLine, cells []cell) {
	number, small := s.plain(9, ink), s.plain(8, soft)
	s.figure(quantityEnd, s.y, 25*mm, number, l.Quantity)
	s.page.TextRight(quantityEnd, s.y+lineLeading, small, l.Unit)
	s.figure(priceEnd, s.y, 21*mm, number, l.Price)
	s.page.TextRight(priceEnd, s.y+lineLeading, small, l.Per)
	s.figure(taxEnd, s.y, 18*mm, number, l.Tax)
	s.figure(right, s.y, 23*mm, number, l.Amount)
	for i, c := range cells {
		if i > 0 && s.room(0) { // a description may be longer than a page
			s.lineHeads()
		}
		s.text(left, s.y, c.style, c.text)
		if c.amount != "" {
			s.figure(taxEnd, s.y, 23*mm, small, c.amount)
		}
		s.y += c.leading
	}
	if len(cells) == 1 {
		s.y += moreLeading // the unit is below the quantity
	}
}

// sums draws the tax by rate at the left and the totals at the right.
func (s *sheet) sums() {
	height := float64(len(s.Totals)+2) * 5.2 * mm
	for _, b := range s.Breakdown {
		h := 5.2 * mm
		if b.Reason != "" {
			h += float64(len(s.plain(7.5, soft).Wrap(composed(b.Reason), 78*mm))) * 3.4 * mm
		}
		height = max(height, h)
	}
	s.y -= 1 * mm
	s.room(height + 6*mm)
	s.rule(right-left, s.y-3*mm)
	s.y += 3.5 * mm
	start := s.y

	small, w := s.plain(8, soft), s.Words
	s.text(left, s.y, small, w.VAT)
	s.page.TextRight(left+54*mm, s.y, small, w.Net)
	s.page.TextRight(left+78*mm, s.y, small, w.Tax)
	s.y += 5 * mm
	for _, b := range s.Breakdown {
		s.room(6 * mm)
		style := s.plain(8.5, ink)
		s.text(left, s.y, fitted(style, 26*mm, b.Tax), b.Tax)
		s.figure(left+54*mm, s.y, 28*mm, style, b.Taxable)
		s.figure(left+78*mm, s.y, 22*mm, style, b.Amount)
		s.y += 4.6 * mm
		if b.Reason != "" {
			s.y = s.column(left, s.y-0.7*mm, 78*mm, 3.4*mm, s.plain(7.5, soft), b.Reason) + 1.6*mm
		}
	}
	end, from := s.y, 116*mm

	s.y = start
	for _, t := range s.Totals {
		y := s.column(from, s.y, 42*mm, 4*mm, s.plain(9, soft), t.Label)
		s.figure(right, s.y, 30*mm, s.plain(9, ink), t.Value)
		s.y = y + 1.2*mm
	}
	s.y += 0.8 * mm
	s.page.Fill(from, s.y-3.6*mm, right-from, 0.9, ink)
	s.y += 2.6 * mm
	s.text(from, s.y, s.bold(12, ink), s.Due.Label)
	s.figure(right, s.y, right-from-s.bold(12, ink).Width(s.Due.Label)-3*mm, s.bold(12, ink), s.Due.Value)
	s.y = max(s.y, end) + 11*mm
}
