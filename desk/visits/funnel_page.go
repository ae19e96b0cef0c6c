package visits

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"loot"
	"loot/web"
)

var funnelsPage = web.NewPage[funnelsView](pageFiles, "pages/funnels.html", sectionParts...)

type funnelsView struct {
	reportView
	Funnels []funnelView
	May     bool
	Form    goalForm
}

type funnelView struct {
	ID, Name string
	Lead     string
	Change   *changed
	Steps    []stepRow
	Left     string
	Edit     string
}

type stepRow struct {
	Number   string
	Words    string
	Href     string
	Share    string
	Visits   string
	Visitors string
	OfFirst  string
	OfBefore string
	Lost     string // how many went no farther; empty: the last step
}

// A told funnel is one with what came of it.
type toldFunnel struct {
	*Goal
	now    *Funnel
	before **Funnel
}

func (a *asked) toldFunnels(ctx context.Context, reports *Reports, funnels []*Goal) (out []toldFunnel, err error) {
	for _, g := range funnels {
		one := toldFunnel{Goal: g}
		if one.now, one.before, err = both(a, func(q Question) (*Funnel, error) { return reports.Funnel(ctx, q, g.Steps) }); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// showFunnels shows the funnels of a site.
func (d *Visits) showFunnels(w http.ResponseWriter, r *http.Request) error {
	return d.showFunnelsWith(w, r, http.StatusOK, nil, nil)
}

func (d *Visits) showFunnelsWith(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	o, err := d.open(r, funnelsHref, "Funnels", "How far visits come on a way of several steps, and where they leave it.")
	if err != nil {
		return err
	}
	v := funnelsView{reportView: o.reportView}
	status = max(status, o.status)
	if o.to != "" {
		return web.Redirect(w, r, o.to)
	}
	if o.a == nil {
		return funnelsPage.Render(w, r, status, v)
	}
	_, funnels, err := d.goals(r.Context(), o.a.site.Number)
	if err != nil {
		return err
	}
	all, err := o.a.toldFunnels(r.Context(), o.reports, funnels)
	if err != nil {
		return err
	}
	if format := r.URL.Query().Get("format"); format != "" {
		return o.a.serve(w, format, funnelSheet(all))
	}
	v.May = keeps(web.ActorOf(r.Context()))
	for _, f := range all {
		v.Funnels = append(v.Funnels, o.a.funnelView(f, v.May, o.Crowd))
	}
	v.Form = goalFormOf(&Goal{Steps: make([]Filter, fewSteps)}, o.a.href(), "Add the funnel", typed, wrong)
	return funnelsPage.Render(w, r, status, v)
}

func (d *Visits) addFunnel(w http.ResponseWriter, r *http.Request) error {
	return d.add(w, r, true, d.showFunnelsWith)
}

// through returns how many of those who took the first step took the last, in
// tenths of a per cent.
func (f *Funnel) through() int {
	return ratio(f.Steps[len(f.Steps)-1].Visits, f.Steps[0].Visits, 1000)
}

func (a *asked) funnelView(f toldFunnel, may bool, crowd int) funnelView {
	v := funnelView{ID: "f-" + f.ID, Name: f.Name}
	if may {
		v.Edit = goalsHref + "/" + f.ID
	}
	first := f.now.Steps[0].Visits
	switch through := f.now.through(); {
	case first == 0:
	case through == 0:
		v.Lead = "Of " + number(int(first)) + " visits that took the first step nobody came to the end, or on no day enough to be told"
	default:
		v.Lead = tenths(through) + " % of " + number(int(first)) + " visits that took the first step came to the end"
		if f.before != nil && (*f.before).through() > 0 {
			v.Change = sharesCompared(through, (*f.before).through(), a.to == a.today)
		}
	}
	if f.now.Left > 0 {
		v.Left = "Of " + loot.Plural(f.now.Left, "day", "days") + " nothing is told here: nobody took the first step, or fewer than " + strconv.Itoa(crowd) + " visitors did, or did not."
	}
	share := func(n, of int64) string {
		if of == 0 {
			return "–"
		}
		return tenths(ratio(n, of, 1000)) + " %"
	}
	before := first
	for i, s := range f.now.Steps {
		row := stepRow{
			Number: strconv.Itoa(i + 1), Words: f.Steps[i].words(), Href: a.on("").filtered(f.Steps[i]), Share: "0",
			Visits: number(int(s.Visits)), Visitors: number(int(s.Visitors)), OfFirst: share(s.Visits, first), OfBefore: share(s.Visits, before),
		}
		if first > 0 {
			row.Share = strconv.FormatFloat(100*float64(s.Visits)/float64(first), 'f', 1, 64)
		}
		if i == 0 && first > 0 {
			row.OfBefore = share(s.Visits, f.now.Visits) + " of all"
		}
		if i+1 < len(f.now.Steps) {
			row.Lost = number(int(s.Visits - f.now.Steps[i+1].Visits))
		}
		before = s.Visits
		v.Steps = append(v.Steps, row)
	}
	return v
}
