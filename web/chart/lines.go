package chart

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Untold is the value of what nobody may be told: the line has a gap there.
const Untold = -1

// Lines is a chart of one line, and of a second, dashed, that it is compared
// with.
type Lines struct {
	Title  string
	Unit   string // heads the first column of the table, such as "Day"
	Labels []string
	Series []Series
	Marks  []Mark
	Word   func(int) string // how a value is written; nil: as the number that it is
}

// A Mark says that something happened at one of the labels. It stands above the
// lines under a short sign, such as a number in a list below the chart, and in
// words in what the place tells and in the table.
type Mark struct {
	At   int // index of the label
	Sign string
	Text string
}

// Figure returns the chart with its legend and, folded, its table.
func (c Lines) Figure() template.HTML {
	return figure("lines", c.Series, c.SVG(), table(c.Title, c.Unit, c.Labels, c.Series, c.marks(), c.word))
}

// marks returns what is marked at each label; nil: nothing is at all.
func (c Lines) marks() []string {
	if len(c.Marks) == 0 {
		return nil
	}
	out := make([]string, len(c.Labels))
	for _, m := range c.Marks {
		if m.At < 0 || m.At >= len(out) {
			continue
		}
		if out[m.At] != "" {
			out[m.At] += "; "
		}
		out[m.At] += m.Text
	}
	return out
}

func (c Lines) word(v int) string {
	switch {
	case v == Untold:
		return "–"
	case c.Word == nil:
		return strconv.Itoa(v)
	}
	return c.Word(v)
}

// SVG draws the chart, measured as [Bars] is.
func (c Lines) SVG() template.HTML {
	top := 0
	for _, s := range c.Series {
		for i := range c.Labels {
			top = max(top, s.at(i))
		}
	}
	marks, more := c.marks(), 0
	if marks != nil {
		more = marked
	}
	var b strings.Builder
	y := frame(&b, "lines", c.Title, top, more, func(v int) string {
		if c.Word == nil {
			return short(v)
		}
		return c.Word(v)
	})
	n := len(c.Labels)
	x := func(i int) float64 { return 100 * (float64(i) + .5) / float64(max(1, n)) }
	// The lines are stretched as wide as there is room, and stay as thick as they are.
	fmt.Fprintf(&b, `<svg class="plot" width="100%%" height="%d" viewBox="0 0 100 %d" preserveAspectRatio="none" aria-hidden="true">`, height+more, height+more)
	for k := len(c.Series) - 1; k >= 0; k-- {
		s := c.Series[k]
		for from := 0; from < n; from++ {
			to := from
			for to < n && s.at(to) != Untold {
				to++
			}
			if to-from > 1 {
				var line strings.Builder
				for i := from; i < to; i++ {
					fmt.Fprintf(&line, " %.2f,%.1f", x(i), y(s.at(i)))
				}
				if k == 0 {
					fmt.Fprintf(&b, `<polygon class="area s%d" points="%.2f,%.1f%s %.2f,%.1f"/>`, s.colour(k), x(from), y(0), line.String(), x(to-1), y(0))
				}
				fmt.Fprintf(&b, `<polyline class="line l%d" points="%s"/>`, k+1, line.String()[1:])
			}
			from = to
		}
	}
	b.WriteString(`</svg>`)
	c.drawMarks(&b, x)
	for i, label := range c.Labels {
		tip := label
		for _, s := range c.Series {
			sep := ", " + s.Name + ": "
			if len(c.Series) == 1 {
				sep = ": "
			}
			tip += sep + c.word(s.at(i))
		}
		if marks != nil && marks[i] != "" {
			tip += "; " + marks[i]
		}
		fmt.Fprintf(&b, `<g class="spot"><rect x="%.2f%%" width="%.2f%%" height="%d"><title>%s</title></rect>`, x(i)-50/float64(n), 100/float64(n), height+more-below, template.HTMLEscapeString(tip))
		for k, s := range c.Series {
			if s.at(i) == Untold {
				continue
			}
			class := "dot"
			if alone := (i == 0 || s.at(i-1) == Untold) && (i+1 >= n || s.at(i+1) == Untold); alone { // there is no line to it
				class = "dot alone"
			}
			fmt.Fprintf(&b, `<circle class="%s l%d" cx="%.2f%%" cy="%.1f" r="3.5"/>`, class, k+1, x(i), y(s.at(i)))
		}
		b.WriteString(`</g>`)
	}
	labels(&b, c.Labels, height+more)
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// drawMarks draws one sign for all marks of a label, as they would lie upon each
// other: the first and the last of theirs.
func (c Lines) drawMarks(b *strings.Builder, x func(int) float64) {
	for i := range c.Labels {
		sign := ""
		for _, m := range c.Marks {
			if m.At != i {
				continue
			}
			first, _, _ := strings.Cut(sign, "–")
			if sign = m.Sign; first != "" {
				sign = first + "–" + m.Sign
			}
		}
		if sign == "" {
			continue
		}
		fmt.Fprintf(b, `<g class="mark" aria-hidden="true"><line x1="%.2f%%" x2="%.2f%%" y1="18" y2="%d"/>`, x(i), x(i), height+marked-below)
		const size = 18 // of a round; a longer sign has a longer one, centred without a measure in per cent
		wide := size + 7*(utf8.RuneCountInString(sign)-1)
		fmt.Fprintf(b, `<svg x="%.2f%%" overflow="visible"><rect x="%.1f" width="%d" height="%d" rx="9"/><text y="13" text-anchor="middle">%s</text></svg></g>`,
			x(i), -float64(wide)/2, wide, size, template.HTMLEscapeString(sign))
	}
}
