// Package chart draws small charts as SVG on the server: no script, no inline
// style, colours from the page's CSS, and the same numbers as a table for
// those who do not see it.
package chart

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
)

// A Series is one colour of a chart.
type Series struct {
	Name   string
	Values []int
	Colour int // 1 to 4; 0: its place among the series
}

// Bars is a stacked bar chart.
type Bars struct {
	Title  string
	Unit   string // heads the first column of the table, such as "Month"
	Labels []string
	Series []Series
}

const (
	height = 236
	above  = 10
	below  = 26
	marked = 24 // what a chart with marks is higher, for them to stand above its lines
)

// Figure returns the chart with its legend and, folded, its table.
func (c Bars) Figure() template.HTML {
	return figure("", c.Series, c.SVG(), c.Table())
}

// figure puts a drawing between its legend and its table.
func figure(kind string, series []Series, drawing, table template.HTML) template.HTML {
	var b strings.Builder
	b.WriteString(`<figure class="figure">`)
	if len(series) > 1 {
		b.WriteString(`<ul class="` + strings.TrimSpace("legend "+kind) + `">`)
		for k, s := range series {
			fmt.Fprintf(&b, `<li class="k%d">%s</li>`, s.colour(k), template.HTMLEscapeString(s.Name))
		}
		b.WriteString(`</ul>`)
	}
	b.WriteString(string(drawing))
	b.WriteString(`<details class="fold"><summary>As a table</summary>` + string(table) + `</details></figure>`)
	return template.HTML(b.String())
}

// frame begins a drawing with its lines and the numbers beside them, and
// returns how high a value is. Across, a chart is measured in per cent and so
// fits any screen; letters, bars and lines are measured in pixels upwards and
// keep their size. The numbers stand left of it, where the page's CSS leaves
// room. What stands above the highest line has so many pixels more.
func frame(b *strings.Builder, kind, title string, top, more int, word func(int) string) (y func(int) float64) {
	tick, n := ticks(top)
	y = func(v int) float64 {
		return float64(more+height-below) - float64(height-below-above)*float64(v)/float64(tick*n)
	}
	esc := template.HTMLEscapeString
	fmt.Fprintf(b, `<svg class="chart %s" height="%d" role="img" aria-label="%s">`, kind, height+more, esc(title))
	for i := range n + 1 {
		v := tick * i
		class := "grid"
		if i == 0 {
			class = "axis"
		}
		fmt.Fprintf(b, `<line class="%s" x2="100%%" y1="%.1f" y2="%.1f"/>`, class, y(v), y(v))
		fmt.Fprintf(b, `<text class="tick" x="-8" y="%.1f" text-anchor="end">%s</text>`, y(v)+4, esc(word(v)))
	}
	return y
}

// labels writes what stands at the foot of a drawing.
func labels(b *strings.Builder, all []string, foot int) {
	slot := 100 / float64(max(1, len(all)))
	every := max(1, (len(all)+11)/12) // of many labels only some have room
	for i, label := range all {
		if i%every != 0 {
			continue
		}
		class := "tick"
		if (i/every)%2 == 1 {
			class = "tick second" // a phone leaves these out
		}
		fmt.Fprintf(b, `<text class="%s" x="%.2f%%" y="%d" text-anchor="middle">%s</text>`, class, slot*float64(i)+slot/2, foot-7, template.HTMLEscapeString(label))
	}
}

// SVG draws the chart.
func (c Bars) SVG() template.HTML {
	var b strings.Builder
	y := frame(&b, "bars", c.Title, c.tallest(), 0, short)
	slot := 100 / float64(max(1, len(c.Labels)))
	for i, label := range c.Labels {
		x := slot * float64(i)
		base := 0
		for k, s := range c.Series {
			v := s.at(i)
			if v <= 0 {
				continue
			}
			fmt.Fprintf(&b, `<rect class="s%d" x="%.2f%%" y="%.1f" width="%.2f%%" height="%.1f" rx="2"><title>%s</title></rect>`,
				s.colour(k), x+slot*.18, y(base+v), slot*.64, max(1, y(base)-y(base+v)-1), template.HTMLEscapeString(c.tip(label, s, v)))
			base += v
		}
	}
	labels(&b, c.Labels, height)
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func (c Bars) tip(label string, s Series, v int) string {
	if s.Name == "" {
		return label + ": " + strconv.Itoa(v)
	}
	return label + ", " + s.Name + ": " + strconv.Itoa(v)
}

// Table returns the numbers of the chart.
func (c Bars) Table() template.HTML {
	return table(c.Title, c.Unit, c.Labels, c.Series, nil, strconv.Itoa)
}

// table writes the numbers, and what is marked if anything is.
func table(title, unit string, labels []string, series []Series, marks []string, word func(int) string) template.HTML {
	var b strings.Builder
	esc := template.HTMLEscapeString
	if unit == "" {
		unit = "When"
	}
	b.WriteString(`<div class="scroll" tabindex="0" role="region" aria-label="` + esc(title) + `, as a table"><table><thead><tr><th scope="col">` + esc(unit) + `</th>`)
	for _, s := range series {
		name := s.Name
		if name == "" {
			name = title
		}
		b.WriteString(`<th scope="col" class="num">` + esc(name) + `</th>`)
	}
	if marks != nil {
		b.WriteString(`<th scope="col">Notes</th>`)
	}
	b.WriteString(`</tr></thead><tbody>`)
	for i, label := range labels {
		b.WriteString(`<tr><th scope="row">` + esc(label) + `</th>`)
		for _, s := range series {
			b.WriteString(`<td class="num">` + esc(word(s.at(i))) + `</td>`)
		}
		if marks != nil {
			b.WriteString(`<td>` + esc(marks[i]) + `</td>`)
		}
		b.WriteString(`</tr>`)
	}
	b.WriteString(`</tbody></table></div>`)
	return template.HTML(b.String())
}

// at returns the value at i, and none where the series is shorter.
func (s Series) at(i int) int {
	if i < len(s.Values) {
		return s.Values[i]
	}
	return 0
}

func (c Bars) tallest() int {
	top := 0
	for i := range c.Labels {
		sum := 0
		for _, s := range c.Series {
			sum += max(0, s.at(i))
		}
		top = max(top, sum)
	}
	return top
}

// colour returns which of the four colours the k-th series has.
func (s Series) colour(k int) int {
	if s.Colour >= 1 && s.Colour <= 4 {
		return s.Colour
	}
	return k%4 + 1
}

// ticks returns the distance of the lines and how many there are, at most
// five, so that the highest is not below top.
func ticks(top int) (distance, n int) {
	top = max(top, 1)
	for step := 1; step < 1<<58; step *= 10 {
		for _, m := range []int{1, 2, 5} {
			if n := (top + m*step - 1) / (m * step); n <= 5 {
				return m * step, n
			}
		}
	}
	return top, 1
}

// short writes a number for an axis.
func short(n int) string {
	switch {
	case n >= 10_000_000:
		return strconv.Itoa(n/1_000_000) + "M"
	case n >= 10_000:
		return strconv.Itoa(n/1000) + "k"
	}
	return strconv.Itoa(n)
}
