package visits

import (
	"net/http"
	"strconv"
	"strings"

	"loot"
	"loot/web"
)

var (
	journeyPage = web.NewPage[journeyView](pageFiles, "pages/journey.html", sectionParts...)
	hoursPage   = web.NewPage[hoursView](pageFiles, "pages/hours.html", sectionParts...)
)

type journeyView struct {
	reportView
	About    string
	Hidden   []web.Hidden
	Entries  *rowsView // with which to begin
	Before   rowsView
	After    rowsView
	Views    string
	Filtered string // the report of the visits that saw the page
	Start    string
}

// showJourney shows what came before and after a page, or the pages with which
// visits began.
func (d *Visits) showJourney(w http.ResponseWriter, r *http.Request) error {
	o, err := d.open(r, journeysHref, "Journeys", "From page to page: what came before one within visits, and what after it.")
	if err != nil {
		return err
	}
	v := journeyView{reportView: o.reportView}
	if o.to != "" {
		return web.Redirect(w, r, o.to)
	}
	if o.a == nil {
		return journeyPage.Render(w, r, o.status, v)
	}
	a := o.a
	a.about = strings.TrimSpace(a.about)
	v.Compares, v.About, v.Hidden = nil, a.about, a.hidden("about")
	format := r.URL.Query().Get("format")
	if a.about == "" {
		q := a.question()
		q.Dimensions, q.Top = []string{"entry"}, manyRows
		all, err := o.reports.Answer(r.Context(), q)
		if err != nil {
			return err
		}
		if format != "" {
			return a.serve(w, format, panelSheet(all.Panels[0]))
		}
		v.Told = a.told(all, o.Crowd)
		rows := a.rows(all.Panels[0])
		for i, row := range all.Panels[0].Rows {
			rows.Rows[i].Href = a.aboutHref(row.Value)
		}
		v.Entries = &rows
		return journeyPage.Render(w, r, o.status, v)
	}
	j, err := o.reports.Journey(r.Context(), a.question(), a.about)
	if err != nil {
		return err
	}
	if format != "" {
		return a.serve(w, format, journeySheet(j))
	}
	v.Views = number(int(j.Views))
	v.Filtered, v.Start = a.on("").chosen("path", a.about), a.aboutHref("")
	v.Before = a.way(j.Before, "What came before", "Page before", "began here")
	v.After = a.way(j.After, "What came after", "Page after", "ended here")
	if j.Left > 0 {
		v.Told = append(v.Told, "Of "+loot.Plural(j.Left, "day", "days")+" nothing is told here: nobody saw this page, or fewer than "+strconv.Itoa(o.Crowd)+" visitors did, or it is folded with others.")
	}
	return journeyPage.Render(w, r, o.status, v)
}

// aboutHref leads to the journey about a page.
func (a *asked) aboutHref(page string) string {
	o := *a
	o.about = page
	return o.href()
}

func (a *asked) way(w Way, title, word, edge string) rowsView {
	v := rowsView{Title: title, Word: word, Cells: []string{"Visitors", "Views"}, None: "Nothing of this page is told in these days. Choose more days, or another page."}
	cells := func(s Step) []string { return []string{number(int(s.Visitors)), number(int(s.Views))} }
	most := w.Edge.Visitors
	for _, p := range w.Pages {
		most = max(most, p.Visitors)
	}
	add := func(r rowView, s Step) {
		r.Share, r.Cells = strconv.FormatFloat(100*float64(s.Visitors)/float64(max(most, 1)), 'f', 1, 64), cells(s)
		v.Rows = append(v.Rows, r)
	}
	if w.Edge.Views > 0 {
		add(rowView{Name: edge, None: true}, w.Edge)
	}
	for _, p := range w.Pages[:min(len(w.Pages), manyRows)] {
		add(rowView{Name: p.Page, Href: a.aboutHref(p.Page)}, p)
	}
	if w.Others.Views > 0 {
		v.Others = cells(w.Others)
	}
	return v
}

type hoursView struct {
	reportView
	Days []string
	Rows []hourRow
	Any  bool
}

type hourRow struct {
	Hour  string
	Cells []hourCell
}

// An hourCell is an hour of a weekday.
type hourCell struct {
	Text  string
	Level string // 0 to 5, by which it is coloured
}

var weekdays = [7]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// showHours shows when the site is visited.
func (d *Visits) showHours(w http.ResponseWriter, r *http.Request) error {
	o, err := d.open(r, hoursHref, "Hours", "When the site is visited, by its own clock.")
	if err != nil {
		return err
	}
	v := hoursView{reportView: o.reportView, Days: weekdays[:]}
	if o.to != "" {
		return web.Redirect(w, r, o.to)
	}
	if o.a == nil {
		return hoursPage.Render(w, r, o.status, v)
	}
	v.Compares = nil
	of, days, err := o.reports.Hours(r.Context(), o.a.question())
	if err != nil {
		return err
	}
	if format := r.URL.Query().Get("format"); format != "" {
		return o.a.serve(w, format, hourSheet(of, days))
	}
	perDay := func(day, hour int) int { return ratio(of[day][hour].Views, int64(max(days[day], 1)), 1) }
	most := 0
	for day := range of {
		for hour := range of[day] {
			most = max(most, perDay(day, hour))
		}
	}
	for hour, value := range hourValues {
		row := hourRow{Hour: hourNames()[value]}
		for day := range of {
			c := hourCell{Level: "0"}
			if of[day][hour] != (Sum{}) {
				n := perDay(day, hour)
				c.Text, c.Level, v.Any = number(n), strconv.Itoa(min(5, 1+n*5/max(most+1, 1))), true
			}
			row.Cells = append(row.Cells, c)
		}
		v.Rows = append(v.Rows, row)
	}
	return hoursPage.Render(w, r, o.status, v)
}
