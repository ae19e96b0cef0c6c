package safety

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
	"loot/web"
)

var figuresPage = web.NewPage[figuresView](pageFiles, "pages/figures.html")

type figuresView struct {
	web.View
	Tabs   []web.Tab
	Stats  []web.Stat
	Tables []figureTable
	Repeat []repeatRow
	Export string // of the statements of reasons; empty: they do not open for whoever looks
}

// A figureTable counts the cases by something.
type figureTable struct {
	By   string // what the rows are, such as "Month"
	Rows []figureRow
}

// Lower is what the rows are, within a heading.
func (t figureTable) Lower() string { return loot.LowerFirst(t.By) }

// A figureRow counts the cases of a kind, a network or a month.
type figureRow struct {
	Title     string
	at        time.Time // of a month
	Cases     int
	Misuse    int
	Appealed  int
	Reversed  int
	ToAct     string // the median time until something was done
	toAct     []time.Duration
	Elsewhere int
}

// A repeatRow is a customer in whose cases misuse was found more than once.
type repeatRow struct {
	Subject loot.Subject
	Cases   int
	Href    string
}

func (f *figureRow) add(c matter) {
	f.Cases++
	f.Misuse += one(c.Outcome == violation)
	f.Appealed += one(!c.Appealed.IsZero())
	f.Reversed += one(c.Reversed)
	f.Elsewhere += one(c.Outcome == elsewhere)
	if !c.Acted.IsZero() {
		f.toAct = append(f.toAct, c.Acted.Sub(c.Opened))
	}
}

// median returns the middle of some times, in words; a dash if there is none.
func median(all []time.Duration) string {
	if len(all) == 0 {
		return "–"
	}
	all = slices.Clone(all)
	slices.Sort(all)
	m := (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	switch {
	case m < hour:
		return strconv.Itoa(int(m.Minutes())) + " min"
	case m < 48*hour:
		return strconv.FormatFloat(m.Hours(), 'f', 1, 64) + " h"
	}
	return strconv.FormatFloat(m.Hours()/24, 'f', 1, 64) + " days"
}

// figures counts the cases of the last year: nothing in it is about a person but the ids of
// customers in whose cases misuse was found more than once.
func (d *Safety) figures(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v := figuresView{View: web.ViewOf(r, "Figures"), Tabs: tabs("figures", "")}
	v.Lead = "The cases of misuse of the last year: by kind, network and month, and how soon something was done."
	v.Wide = true
	kinds, networks, months := map[string]*figureRow{}, map[string]*figureRow{}, map[string]*figureRow{}
	var total figureRow
	again := map[loot.Subject]int{}
	in := func(m map[string]*figureRow, key string, c matter) {
		if m[key] == nil {
			m[key] = &figureRow{Title: key, at: c.Opened}
		}
		m[key].add(c)
	}
	since := d.Now().AddDate(-1, 0, 0)
	for after, last := since.UnixMicro(), ""; ; {
		var page []matter
		if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
			page, err = cases(ctx, tx, `what = $1 AND (opened > $2 OR opened = $2 AND id > $3) ORDER BY opened, id LIMIT 1000`, anAbuse, after, last)
			return err
		}); err != nil {
			return err
		}
		for _, c := range page {
			total.add(c)
			in(kinds, kindTitle(c.What, c.Kind), c)
			in(networks, cmp.Or(c.Network, "not known"), c)
			in(months, c.Opened.UTC().Format("January 2006"), c)
			if c.Outcome == violation && c.Subject != "" {
				again[c.Subject]++
			}
			after, last = c.Opened.UnixMicro(), c.ID
		}
		if len(page) < 1000 {
			break
		}
	}
	v.Stats = []web.Stat{
		{Label: "Cases", Value: web.Number(total.Cases), Icon: "flag"},
		{Label: "Misuse found", Value: web.Number(total.Misuse), Icon: "gavel"},
		{Label: "Time to act", Value: median(total.toAct), Note: "median", Icon: "clock"},
		{Label: "Appeals", Value: web.Number(total.Appealed), Note: web.Number(total.Reversed) + " reversed", Icon: "scale"},
	}
	byMonth := ranked(months)
	slices.SortFunc(byMonth, func(a, b figureRow) int { return b.at.Compare(a.at) })
	v.Tables = []figureTable{{"Kind", ranked(kinds)}, {"Network", ranked(networks)}, {"Month", byMonth}}
	for s, n := range again {
		if n > 1 {
			v.Repeat = append(v.Repeat, repeatRow{s, n, desk.CustomerPath(s)})
		}
	}
	slices.SortFunc(v.Repeat, func(a, b repeatRow) int {
		if a.Cases != b.Cases {
			return b.Cases - a.Cases
		}
		return strings.Compare(string(a.Subject), string(b.Subject))
	})
	switch err := d.DB.ReadTx(ctx, func(tx *store.Tx) error { return d.dealing(ctx, tx) }); {
	case err == nil:
		v.Export = "/console/abuse/reasons.json"
	case loot.KindOf(err) != loot.Denied:
		return err
	}
	return figuresPage.Render(w, r, http.StatusOK, v)
}

// ranked returns rows with the most cases first, a hundred at most.
func ranked(m map[string]*figureRow) (out []figureRow) {
	for _, f := range m {
		f.ToAct = median(f.toAct)
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b figureRow) int {
		if a.Cases != b.Cases {
			return b.Cases - a.Cases
		}
		return strings.Compare(a.Title, b.Title)
	})
	return out[:min(len(out), 100)]
}
