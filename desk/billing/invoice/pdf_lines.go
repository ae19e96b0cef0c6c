package invoice

import (
	"loot/desk/billing/invoice/pdfa"
)

// Where the columns of the lines end; the first begins at left.
const (
	nameWidth   = 68 * mm
	quantityEnd = 119 * mm
	priceEnd    = 140 * mm
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
	s.figure(priceEnd, s.y, 20*mm, number, l.Price)
	s.page.TextRight(priceEnd, s.y+lineLeading, fitted(small, 20*mm, l.Per), l.Per)
	s.figure(taxEnd, s.y, 21*mm, number, l.Tax)
	s.figure(right, s.y, 23*mm, number, l.Amount)
	for i, c := range cells {
		if i > 0 && s.room(0) { // a description may be longer than a page
			s.lineHeads()
		}
		s.text(left, s.y, c.style, c.text)
		if c.amount != "" {
			s.figure(taxEnd, s.y, 30*mm, small, c.amount)
		}
		s.y += c.leading
	}
	if len(cells) == 1 {
		s.y += moreLeading // the unit is below the quantity
	}
}

const (
	sumsFrom    = 116 * mm // where the totals begin, beside the tax by rate
	taxWidth    = 78 * mm
	taxLeading  = 4.6 * mm
	whyLeading  = 3.4 * mm
	headLeading = 5 * mm
)

// sums draws the totals at the right and the tax by rate at the left.
func (s *sheet) sums() {
	totals, taxes := 12*mm, headLeading
	for _, t := range s.Totals {
		totals += float64(len(s.plain(9, soft).Wrap(t.Label, 42*mm)))*4*mm + 1.2*mm
	}
	for i := range s.Breakdown {
		taxes += s.taxHeight(&s.Breakdown[i])
	}
	s.y -= 1 * mm
	s.room(min(max(totals, taxes), bottom-top-10*mm) + 3.5*mm)
	s.rule(right-left, s.y-3*mm)
	s.y += 3.5 * mm
	start, page := s.y, s.page
	s.totals()
	end := s.y
	s.y = start
	s.taxes()
	if s.page == page {
		s.y = max(s.y, end)
	}
	s.y += 11 * mm
}

func (s *sheet) totals() {
	for _, t := range s.Totals {
		y := s.column(sumsFrom, s.y, 42*mm, 4*mm, s.plain(9, soft), t.Label)
		s.figure(right, s.y, 30*mm, s.plain(9, ink), t.Value)
		s.y = y + 1.2*mm
	}
	s.y += 0.8 * mm
	s.page.Fill(sumsFrom, s.y-3.6*mm, right-sumsFrom, 0.9, ink)
	s.y += 2.6 * mm
	style := s.bold(12, ink)
	s.text(sumsFrom, s.y, style, s.Due.Label)
	s.figure(right, s.y, right-sumsFrom-style.Width(s.Due.Label)-3*mm, style, s.Due.Value)
}

func (s *sheet) taxHeight(b *viewTax) float64 {
	if b.Reason == "" {
		return taxLeading
	}
	return taxLeading + 0.9*mm + float64(len(s.plain(7.5, soft).Wrap(composed(b.Reason), taxWidth)))*whyLeading
}

func (s *sheet) taxes() {
	small, style, w := s.plain(8, soft), s.plain(8.5, ink), s.Words
	s.text(left, s.y, small, w.VAT)
	s.page.TextRight(left+54*mm, s.y, small, w.Net)
	s.page.TextRight(left+taxWidth, s.y, small, w.Tax)
	s.y += headLeading
	for i := range s.Breakdown {
		b := &s.Breakdown[i]
		s.room(s.taxHeight(b) - taxLeading)
		s.text(left, s.y, fitted(style, 26*mm, b.Tax), b.Tax)
		s.figure(left+54*mm, s.y, 28*mm, style, b.Taxable)
		s.figure(left+taxWidth, s.y, 22*mm, style, b.Amount)
		s.column(left, s.y+taxLeading-0.7*mm, taxWidth, whyLeading, s.plain(7.5, soft), b.Reason)
		s.y += s.taxHeight(b)
	}
}
