package export

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A googleReader reads the files that Google Analytics downloads as CSV, of
// version 4 and of the one before, in English. There are several tables in a
// file, below comments that say the days.
//
// A table is by day where it has a column of days, and else over the range, which
// comes out as the grain. It lacks bounces and lengths, of which it has shares
// and averages alone; countries are names, not codes; what is rare Google adds
// up or leaves out, so that sums are often below the total.
// https://support.google.com/analytics/answer/9317657
type googleReader struct {
	*reading
	s           *source
	first, last time.Time
	table       *googleTable
	line        int // of the row before, at its end
}

type googleTable struct {
	dimension   Dimension
	value, days string // columns
	row         int
	parts, says map[Measure]int64
}

var googleDimensions = map[string]Dimension{
	"page": Page, "pagepath": Page, "pagepathandscreenclass": Page, "pagepathquerystring": Page, "pagepathquerystringandscreenclass": Page, "landingpage": Entry, "landingpagequerystring": Entry, "exitpage": Exit,
	"source": Source, "sourcemedium": Source, "sessionsource": Source, "sessionsourcemedium": Source, "campaign": Source, "sessioncampaign": Source,
	"country": Country, "countryid": Country, "city": City, "language": Language, "languagecode": Language, "browser": Browser, "operatingsystem": System, "devicecategory": Device,
	"screenresolution": Width, "eventname": Event,
}

var googleMeasures = map[Measure][]string{Visitors: {"activeusers", "totalusers", "users"}, Visits: {"sessions"}, Views: {"views", "pageviews"}, Events: {"eventcount"}}

func (r *reading) google(s *source) error {
	s.begin()
	s.csv.LazyQuotes = true // comments have names in them
	g := &googleReader{reading: r, s: s, first: r.options.First, last: r.options.Last}
	return g.read()
}

// googleTable reads a file of one table, without comments.
func (r *reading) googleTable(s *source) error {
	g := &googleReader{reading: r, s: s, first: r.options.First, last: r.options.Last, line: 1}
	g.heading()
	return g.read()
}

func (g *googleReader) read() error {
	if err := g.be(GoogleAnalytics, g.s.name); err != nil {
		return err
	}
	fresh := g.table == nil && g.s.titles == nil
	for {
		record, err := g.s.read()
		if errors.Is(err, io.EOF) {
			g.end()
			return nil
		}
		if err != nil {
			return g.s.wrong(err)
		}
		fresh = fresh || g.s.at > g.line+1 // a blank line
		g.line = g.s.at
		for _, field := range record {
			g.line += strings.Count(field, "\n")
		}
		switch {
		case strings.HasPrefix(record[0], "#"):
			g.comment(strings.Join(record, ","))
			fresh = true
		case fresh:
			g.end()
			g.s.entitle(record)
			g.heading()
			fresh = false
		case g.table != nil:
			g.s.record = record
			if err := g.row(); err != nil {
				return err
			}
		}
	}
}

// comment takes the days from "# Start date: 20260301" or "# 20260301-20260331".
func (g *googleReader) comment(text string) {
	text = strings.TrimSpace(strings.TrimLeft(clean(text), "#"))
	if from, ok := strings.CutPrefix(text, "Start date:"); ok {
		g.first, _ = day(strings.TrimSpace(from))
	} else if to, ok := strings.CutPrefix(text, "End date:"); ok {
		g.last, _ = day(strings.TrimSpace(to))
	} else if from, to, ok := strings.Cut(text, "-"); ok {
		if first, ok := day(strings.TrimSpace(from)); ok {
			if last, ok := day(strings.TrimSpace(to)); ok {
				g.first, g.last = first, last
			}
		}
	}
}

// heading says what a table is of, by its columns. One of other things is left.
func (g *googleReader) heading() {
	t := &googleTable{dimension: Total, parts: map[Measure]int64{}, says: map[Measure]int64{}}
	for _, title := range g.s.titles {
		name := plain(title)
		if d, ok := googleDimensions[name]; ok && t.dimension == Total {
			t.dimension, t.value = d, name
		}
		if name == "date" || name == "nthday" || name == "dayindex" {
			t.days = name
		}
	}
	counts := false
	for _, names := range googleMeasures {
		counts = counts || slices.ContainsFunc(names, g.s.has)
	}
	if g.table = t; !counts || t.dimension == Total && t.days == "" {
		g.table = nil
		g.summary.Left = append(g.summary.Left, fmt.Sprintf("%s from line %d on", g.s.name, max(g.s.at, 1)))
	}
}

func (g *googleReader) row() error {
	s, t := g.s, g.table
	if len(s.record) < len(s.titles) || len(s.record) > len(s.titles)+1 {
		return &Error{File: s.name, Line: s.at, Unit: s.unit, What: fmt.Sprintf("it has %d fields, and the heading has %d", len(s.record), len(s.titles))}
	}
	d := Daily{First: g.first, Last: g.last, Dimension: t.dimension, Value: s.get(t.value)}
	for _, m := range []Measure{Visitors, Visits, Views, Events} {
		s.measure(&d, m, googleMeasures[m]...)
	}
	if s.err != nil {
		return s.err
	}
	counts := map[Measure]int64{Visits: d.Visits, Views: d.Views, Events: d.Events}
	if slices.ContainsFunc(s.record, isTotal) || t.value != "" && d.Value == "" && (t.days == "" || s.get(t.days) == "") || t.value == "" && s.get(t.days) == "" {
		for m, n := range counts {
			if d.Has&m != 0 {
				t.says[m] = n
			}
		}
		return nil
	}
	t.row++
	switch t.days {
	case "date":
		d.First = s.day("date")
		d.Last = d.First
	case "nthday":
		n := s.count("nthday")
		d.First = g.first.AddDate(0, 0, int(min(n, 100_000)))
		d.Last = d.First
	case "dayindex": // its dates are written as the browser's country does, but they are in order
		d.First = g.first.AddDate(0, 0, t.row-1)
		d.Last = d.First
	}
	if s.err == nil && (d.First.IsZero() || d.Last.Before(d.First)) {
		return &Error{File: s.name, Line: s.at, Unit: s.unit, What: "the file says no days, or the last before the first; give the days that it was exported for"}
	}
	if t.days != "" && !g.last.IsZero() && (d.First.After(g.last) || d.First.Before(g.first)) {
		s.fail(t.days, "it is not within the days of the file")
	}
	if s.err != nil {
		return s.err
	}
	g.detail(&d, t.value)
	for m, n := range counts {
		t.parts[m] += n
	}
	return g.daily(d)
}

// isTotal tells the row of totals.
func isTotal(field string) bool {
	switch strings.TrimSpace(field) {
	case "Grand total", "Totals", "Total":
		return true
	}
	return false
}

func (g *googleReader) detail(d *Daily, column string) {
	if d.Value == "(not set)" || d.Value == "(direct)" || d.Value == "(none)" {
		d.Value = ""
	}
	switch column {
	case "sourcemedium", "sessionsourcemedium":
		source, medium, _ := strings.Cut(d.Value, " / ")
		if d.Value = source; source == "(direct)" {
			d.Value = ""
		}
		if medium != "(none)" && medium != "(not set)" {
			d.Campaign.Medium = medium
		}
	case "campaign", "sessioncampaign":
		d.Campaign.Name, d.Value = d.Value, ""
	case "screenresolution":
		if n := screenWidth(d.Value); n > 0 {
			d.Value = strconv.Itoa(n)
		}
	case "browser":
		d.Detail = g.s.get("browserversion")
	case "operatingsystem":
		d.Detail = g.s.either("operatingsystemversion", "osversion")
	}
	if d.Dimension == Source && d.Campaign.Medium == "" {
		d.Campaign.Medium = g.s.either("medium", "sessionmedium")
	}
}

// end compares what a table has with its row of totals.
func (g *googleReader) end() {
	if g.table == nil {
		return
	}
	for m, total := range g.table.says {
		g.says(g.s.name, g.table.dimension, m, g.table.parts[m], total)
	}
	g.table = nil
}
