package visits

import (
	"html/template"
	"strconv"

	"loot"
	"loot/column"
	"loot/web"
	"loot/web/chart"
)

// change compares two numbers. A day that is not over is not judged.
func (m measure) change(now, before Sum, open bool) *changed {
	n, b := m.of(now), m.of(before)
	if n == chart.Untold || b == chart.Untold {
		return nil
	}
	c := &changed{Than: m.words(b)}
	diff := n - b
	switch {
	case diff == 0:
		c.Icon, c.Text, c.Than = "minus", "as before", ""
		return c
	case b == 0:
		return nil
	case m.share:
		c.Text = loot.Plural(max(diff, -diff), "point", "points")
	default:
		c.Text = strconv.Itoa(int(100*float64(max(diff, -diff))/float64(b)+.5)) + " %"
	}
	c.Icon = "arrow-up"
	c.Tone = web.Good
	if diff < 0 {
		c.Icon = "arrow-down"
	}
	if diff > 0 != (m.better > 0) {
		c.Tone = web.Bad
	}
	if open {
		c.Tone = web.Neutral
	}
	return c
}

// most points of a trend that are told apart; of longer periods it is by week.
const mostPoints = 100

// points returns a trend by hour, day or week, and what its labels are.
func (a asked) points(of []Point, from, to column.Day) (sums []Point, labels []string, unit string) {
	if from == to {
		for _, p := range of {
			labels = append(labels, hourNames()[strconv.Itoa(p.Hour)])
		}
		return of, labels, "Hour"
	}
	step := column.Day(1)
	unit = "Day"
	if a.to-a.from >= mostPoints {
		step, unit = 7, "Week from"
	}
	// Weeks are counted from the end, so that the latest is whole.
	n := int((to-from)/step) + 1
	sums, labels = make([]Point, n), make([]string, n)
	for i := range sums {
		sums[i].Day, sums[i].Few = max(from, to-step*column.Day(n-i)+1), true
		labels[i] = sums[i].Day.Time().Format("2 Jan")
	}
	for _, p := range of {
		i := n - 1 - int((to-p.Day)/step)
		if i >= 0 && i < n {
			sums[i].Sum = sums[i].plus(p.Sum)
			sums[i].Few = sums[i].Few && p.Few // some of its days are told
		}
	}
	return sums, labels, unit
}

// marks returns the notes as marks of a trend, each by its number in the list.
// A trend by hour has none: a note is of a day.
func (a asked) marks(of []annotation, labels int) (out []chart.Mark) {
	if a.from == a.to {
		return nil
	}
	for i, n := range of {
		at := int(n.Day - a.from)
		if a.to-a.from >= mostPoints {
			at = labels - 1 - int((a.to-n.Day)/7)
		}
		out = append(out, chart.Mark{At: at, Sign: strconv.Itoa(i + 1), Text: n.Day.Time().Format("2 Jan") + ": " + n.Text})
	}
	return out
}

func (a asked) trend(now, before *Answer, notes []annotation) template.HTML {
	points, labels, unit := a.points(now.Trend, a.from, a.to)
	values := func(of []Point, last column.Day, n int) []int {
		out := make([]int, n)
		for i := range out {
			until := last
			if i+1 < len(of) {
				until = max(of[i].Day, of[i+1].Day-1)
			}
			switch {
			case i >= len(of), until < now.Began, of[i].Few && (a.from == a.to || len(a.filters) > 0 || a.measure.name != "visitors"):
				out[i] = chart.Untold
			default:
				out[i] = a.measure.of(of[i].Sum)
			}
		}
		return out
	}
	c := chart.Lines{Title: a.measure.label, Unit: unit, Labels: labels, Word: a.measure.words, Marks: a.marks(notes, len(labels))}
	c.Series = []chart.Series{{Name: daysWords(a.from, a.to), Values: values(points, a.to, len(labels))}}
	if before != nil {
		from, to, _ := a.compared()
		former, _, _ := a.points(before.Trend, from, to)
		c.Series = append(c.Series, chart.Series{Name: daysWords(from, to), Values: values(former, to, len(labels))})
	}
	return c.Figure()
}
