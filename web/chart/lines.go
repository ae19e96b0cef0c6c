package chart

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
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
	Word   func(int) string // how a value is written; nil: as the number that it is
}

// Figure returns the chart with its legend and, folded, its table.
func (c Lines) Figure() template.HTML {
	return figure("lines", c.Series, c.SVG(), table(c.Title, c.Unit, c.Labels, c.Series, c.word))
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
	var b strings.Builder
	y := frame(&b, "lines", c.Title, top, func(v int) string {
		if c.Word == nil {
			return short(v)
		}
		return c.Word(v)
	})
	n := len(c.Labels)
	x := func(i int) float64 { return 100 * (float64(i) + .5) / float64(max(1, n)) }
	// The lines are stretched as wide as there is room, and stay as thick as they are.
	fmt.Fprintf(&b, `<svg class="plot" width="100%%" height="%d" viewBox="0 0 100 %d" preserveAspectRatio="none" aria-hidden="true">`, height, height)
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
	for i, label := range c.Labels {
		tip := label
		for _, s := range c.Series {
			sep := ", " + s.Name + ": "
			if len(c.Series) == 1 {
				sep = ": "
			}
			tip += sep + c.word(s.at(i))
		}
		fmt.Fprintf(&b, `<g class="spot"><rect x="%.2f%%" width="%.2f%%" height="%d"><title>%s</title></rect>`, x(i)-50/float64(n), 100/float64(n), height-below, template.HTMLEscapeString(tip))
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
	labels(&b, c.Labels)
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}
