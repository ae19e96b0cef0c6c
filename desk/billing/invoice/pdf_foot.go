package invoice

import (
	"rsc.io/qr"
)

// payment draws how to pay, with a code for a bank's app.
func (s *sheet) payment() {
	const labelWidth, leading = 38 * mm, 5 * mm
	width := right - left - 12*mm - labelWidth
	if s.Scan != "" {
		width -= 34 * mm
	}
	style := s.plain(9, ink)
	height := 11 * mm
	for _, f := range s.Payment {
		height += float64(len(style.Wrap(composed(f.Value), width))) * leading
	}
	height += 2 * mm
	side, note := 24*mm, s.plain(6.5, soft)
	below := note.Wrap(s.Words.Scan, side+8*mm) // the code
	if s.Scan != "" {
		height = max(height, 35.4*mm+float64(len(below))*2.6*mm)
	}
	s.room(height)
	from := s.y - 5*mm
	s.page.Fill(left, from, right-left, height, sunk)
	s.y += 2 * mm
	s.text(left+6*mm, s.y, s.bold(10, ink), s.Words.Payment)
	y := s.y + 6.5*mm
	for _, f := range s.Payment {
		s.text(left+6*mm, y, s.plain(9, soft), f.Label)
		value := style
		value.Figures = f.Label == s.Words.IBAN
		y = s.column(left+6*mm+labelWidth, y, width, leading, value, f.Value)
	}
	if s.Scan != "" {
		x := right - side - 6*mm
		s.page.Fill(x-1.5*mm, from+4.5*mm, side+3*mm, side+3*mm, [3]float64{1, 1, 1})
		s.code(x, from+6*mm, side, s.Scan, qr.M)
		for i, l := range below {
			s.page.Text(x+side/2-note.Width(l)/2, from+35*mm+float64(i)*2.6*mm, note, l)
		}
	}
	s.y = from + height + 9*mm
}

// remarks draws the notes and the small lines at the end.
func (s *sheet) remarks() {
	for i, n := range s.Notes {
		if i == 0 {
			s.room(10 * mm)
			s.text(left, s.y, s.bold(9, ink), s.Words.Notes)
			s.y += 5 * mm
		}
		for _, l := range s.plain(9, ink).Wrap(composed(n), right-left) {
			s.room(0)
			s.text(left, s.y, s.plain(9, ink), l)
			s.y += 4.5 * mm
		}
	}
	if len(s.Notes) > 0 {
		s.y += 5 * mm
	}
	for _, n := range s.Foot {
		for _, l := range s.plain(7.5, soft).Wrap(composed(n), right-left) {
			s.room(0)
			s.text(left, s.y, s.plain(7.5, soft), l)
			s.y += 3.6 * mm
		}
	}
	if len(s.Foot) > 0 {
		s.y += 6 * mm
	}
}

// known draws what is known about the buyer: each field with its source, and
// beside it the way to say that it is wrong. Services may be many, and each code leads to
// a form that offers all of their lines: so each has its link, and the fields their codes.
func (s *sheet) known() {
	const side, gap = 15 * mm, 4.5 * mm
	intro := s.plain(9, soft).Wrap(s.Words.KnownWhy, right-left)
	height := 7*mm + float64(len(intro))*4.5*mm
	for _, k := range s.Known {
		height += s.knownHeight(k, side) + gap
	}
	if height > bottom-top { // more than a page: begin where we are
		height = 7*mm + float64(len(intro)+2)*4.5*mm + side
	}
	s.room(height)
	s.text(left, s.y, s.bold(12, ink), s.Words.Known)
	s.y += 6 * mm
	for _, l := range intro {
		s.text(left, s.y, s.plain(9, soft), l)
		s.y += 4.5 * mm
	}
	s.y += 1 * mm
	for _, k := range s.Known {
		s.knownField(k, side, gap)
	}
}

const knownAt, knownWidth = left + 40*mm, 64 * mm

func (s *sheet) knownHeight(k viewKnown, side float64) float64 {
	value, source := s.plain(9, ink).Wrap(composed(k.Value), knownWidth), s.plain(8, soft).Wrap(composed(k.Source), knownWidth)
	if k.Service {
		side = 0
	}
	return max(side, float64(len(value))*4.5*mm+float64(len(source))*3.8*mm)
}

func (s *sheet) knownField(k viewKnown, side, gap float64) {
	height := s.knownHeight(k, side)
	s.room(height + gap)
	s.rule(right-left, s.y)
	y := s.y + gap/2
	s.column(left, y+3.4*mm, 37*mm, 4.2*mm, s.plain(9, soft), k.Field)
	ty := s.column(knownAt, y+3.4*mm, knownWidth, 4.5*mm, s.plain(9, ink), k.Value)
	s.column(knownAt, ty, knownWidth, 3.8*mm, s.plain(8, soft), k.Source)
	if k.Wrong != "" {
		link := s.plain(9, brand)
		width := link.Width(s.Words.Wrong)
		x := right - side - 5*mm - width
		s.page.Text(x, y+3.4*mm, link, s.Words.Wrong)
		s.page.Fill(x, y+4.5*mm, width, 0.5, brand)
		label := s.Words.Wrong + ": " + k.Field
		s.page.Link(x-1*mm, y-0.5*mm, width+2*mm, 6*mm, k.Wrong, label)
		if !k.Service {
			s.code(right-side, y, side, k.Wrong, qr.L)
			s.page.Link(right-side, y, side, side, k.Wrong, label)
		}
	}
	s.y += height + gap
}
