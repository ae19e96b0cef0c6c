package visits

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/column"
)

// weeksBefore is how many of the same weekday are looked at for what is usual,
// and fewestBefore how many of them there have to be.
const (
	weeksBefore  = 4
	fewestBefore = 2
)

// A watch looks at the days of a site, each once for all alerts.
type watch struct {
	reports *Reports
	crowd   int
	site    *Site
	now     time.Time
	seen    map[string]figures
}

func newWatch(reports *Reports, crowd int, s *Site, now time.Time) *watch {
	return &watch{reports: reports, crowd: crowd, site: s, now: now, seen: map[string]figures{}}
}

// figures are what a day came to by a measure. A day of which too little came to
// be told has none of it.
type figures struct {
	all      float64
	hours    [24]float64
	withheld bool // a filter's numbers are not told, whatever they are
}

func (w *watch) figures(ctx context.Context, m measure, filters []Filter, day column.Day) (figures, error) {
	key := m.name + " " + day.String() + " " + writeFilters(filters)
	if f, ok := w.seen[key]; ok {
		return f, nil
	}
	a, err := w.reports.Answer(ctx, Question{Site: w.site.Number, From: day, To: day, Filters: filters})
	if err != nil {
		return figures{}, err
	}
	f := figures{withheld: len(filters) > 0 && a.Left > 0}
	if !a.Few && a.Total.Visitors >= int64(w.crowd) {
		f.all = float64(m.of(a.Total))
		for _, p := range a.Trend {
			f.hours[p.Hour] = float64(m.of(p.Sum))
		}
	}
	w.seen[key] = f
	return f, nil
}

// until returns what had come by a time of the day: the share that the hours
// until then have in all that are told.
func (f figures) until(hours float64) float64 {
	var before, sum float64
	for h, n := range f.hours {
		sum += n
		before += n * min(max(hours-float64(h), 0), 1)
	}
	if sum == 0 {
		return f.all * hours / 24
	}
	return f.all * before / sum
}

// of returns what the hours from one to another came to.
func (f figures) of(from, to int) (sum float64) {
	for h := max(from, 0); h < min(to, 24); h++ {
		sum += f.hours[h]
	}
	return sum
}

// usual returns the median of what the same weekdays before came to, by a
// function over each; false: there were too few of them. Those before the site
// was recorded count only if something was imported of them. Where a filter
// usually chooses most visits, a day on which its numbers are withheld has few
// others, and not few of these: that day is unknown.
func (w *watch) usual(ctx context.Context, a alert, day column.Day, of func(figures, column.Day) (float64, error)) (n float64, share float64, ok bool, err error) {
	recorded, _ := w.site.local(w.site.Made)
	var told []float64
	withheld := 0
	var chosen, whole float64
	for back := 1; back <= weeksBefore; back++ {
		before := day - column.Day(7*back)
		f, err := w.figures(ctx, a.measure(), a.Filters, before)
		if err != nil {
			return 0, 0, false, err
		}
		if f.withheld {
			withheld++
			continue
		}
		if before < recorded && f.all == 0 {
			continue
		}
		n, err := of(f, before)
		if err != nil {
			return 0, 0, false, err
		}
		told = append(told, n)
		if len(a.Filters) > 0 {
			every, err := w.figures(ctx, a.measure(), nil, before)
			if err != nil {
				return 0, 0, false, err
			}
			chosen, whole = chosen+f.all, whole+every.all
		}
	}
	if whole > 0 {
		share = chosen / whole
	}
	if share <= .5 {
		told = append(told, make([]float64, withheld)...)
	}
	if len(told) < fewestBefore {
		return 0, share, false, nil
	}
	slices.Sort(told)
	half := len(told) / 2
	if len(told)%2 == 1 {
		return told[half], share, true, nil
	}
	return (told[half-1] + told[half]) / 2, share, true, nil
}

// look returns what an alert sees now; nil: nothing to tell of.
func (w *watch) look(ctx context.Context, a alert) (*firing, error) {
	today, second := w.site.local(w.now)
	hours := float64(second) / 3600
	switch a.Kind {
	case silence:
		return w.silent(ctx, a, today, int(hours))
	case drop:
		f, err := w.compare(ctx, a, today-1, 24)
		if f != nil || err != nil {
			return f, err
		}
	}
	return w.compare(ctx, a, today, hours)
}

// compare looks at a day until an hour.
func (w *watch) compare(ctx context.Context, a alert, day column.Day, hours float64) (*firing, error) {
	usual, share, ok, err := w.usual(ctx, a, day, func(f figures, _ column.Day) (float64, error) { return f.until(hours), nil })
	if err != nil || !ok {
		return nil, err
	}
	f, err := w.figures(ctx, a.measure(), a.Filters, day)
	if err != nil {
		return nil, err
	}
	least := float64(max(a.Least, w.crowd))
	switch {
	case a.Kind == spike && f.all >= least && f.all > usual*float64(100+a.Percent)/100:
	case a.Kind == drop && usual >= least && f.all < usual*float64(100-a.Percent)/100 && !(f.withheld && share > .5):
	default:
		return nil, nil
	}
	out := &firing{Day: day, At: w.now, Saw: w.told(f.all), Usual: w.told(usual)}
	m := strings.ToLower(a.measure().label)
	when, by := "on "+daysWords(day, day), ""
	if hours < 24 {
		when += " until " + w.now.In(w.site.place).Format("15:04")
		by = " by that time"
	}
	out.Text = sentence(w.words(out.Saw)+" "+m+" came "+when) + " " + sentence(w.words(out.Usual)+" are usual"+by+" of a "+day.Time().Weekday().String()+difference(out))
	return out, nil
}

// difference says by how much both differ, where both are told.
func difference(f *firing) string {
	if f.Saw == fewer || f.Usual <= 0 {
		return ""
	}
	more, by := " % more", f.Saw-f.Usual
	if by < 0 {
		more, by = " % less", -by
	}
	return ": that is " + strconv.Itoa(int(100*float64(by)/float64(f.Usual)+.5)) + more
}

// silent looks at the hours before the one that is running.
func (w *watch) silent(ctx context.Context, a alert, today column.Day, hour int) (*firing, error) {
	// What an alert's hours of a day, and those of the day before, came to.
	of := func(f figures, day column.Day) (float64, error) {
		sum := f.of(hour-a.Hours, hour)
		if hour < a.Hours {
			before, err := w.figures(ctx, a.measure(), a.Filters, day-1)
			if err != nil {
				return 0, err
			}
			sum += before.of(24+hour-a.Hours, 24)
		}
		return sum, nil
	}
	usual, share, ok, err := w.usual(ctx, a, today, of)
	if err != nil || !ok || usual < float64(max(a.Least, w.crowd)) {
		return nil, err
	}
	f, err := w.figures(ctx, a.measure(), a.Filters, today)
	if err != nil || f.withheld && share > .5 {
		return nil, err
	}
	if came, err := of(f, today); err != nil || came > 0 {
		return nil, err
	}
	m := strings.ToLower(a.measure().label)
	at := func(hour int) string { return hourNames()[strconv.Itoa((hour+24)%24)] }
	out := &firing{Day: today, At: w.now, Saw: fewer, Usual: w.told(usual)}
	out.Text = sentence("from "+at(hour-a.Hours)+" to "+at(hour)+" nobody came, or fewer than "+loot.Plural(w.crowd, "visitor", "visitors")+" an hour") +
		" " + sentence(w.words(out.Usual)+" "+m+" are usual in these hours of a "+today.Time().Weekday().String())
	return out, nil
}

// told returns a number as it may be told.
func (w *watch) told(n float64) int64 {
	if n < float64(w.crowd) {
		return fewer
	}
	return int64(n + .5)
}

func (w *watch) words(n int64) string {
	if n == fewer {
		return "fewer than " + strconv.Itoa(w.crowd)
	}
	return number(int(n))
}

// sentence writes words as one.
func sentence(words string) string {
	return strings.ToUpper(words[:1]) + words[1:] + "."
}
