package visits

import (
	_ "embed"
	"net/http"

	"loot"
	"loot/store"
	"loot/web"
)

// The pages that stand beside the report and take the same address.
const (
	goalsHref    = "/console/visits/goals"
	funnelsHref  = "/console/visits/funnels"
	journeysHref = "/console/visits/journeys"
	hoursHref    = "/console/visits/hours"
)

//go:embed assets/section.css
var sectionCSS []byte

var sectionStyle = web.NewAsset("section.css", sectionCSS)

// sectionParts are the templates that these pages share.
var sectionParts = []string{"pages/section.html", "pages/report_rows.html", "pages/network_source.html"}

// section is the strip of the pages about a site's visits.
func (a asked) section() (out []web.Tab) {
	for _, t := range []struct{ path, label, icon string }{
		{reportHref, "Report", "chart-line"}, {goalsHref, "Goals", "flag"}, {funnelsHref, "Funnels", "filter"}, {journeysHref, "Journeys", "route"}, {hoursHref, "Hours", "clock"},
	} {
		out = append(out, web.Tab{Label: t.label, Icon: t.icon, Href: a.on(t.path).href(), Current: a.path() == t.path})
	}
	return out
}

// noSite is what these pages show as long as nothing is recorded.
func noSite() *web.Empty {
	return &web.Empty{Icon: "chart-line", Title: "No site is recorded yet", Text: "Add one, put two lines into its pages, and the first visit shows here within seconds.", Action: &web.Action{Label: "Add a site", Icon: "plus", Href: sitesHref}}
}

// An opened is a page beside the report, before it tells anything.
type opened struct {
	reportView
	reports *Reports
	a       *asked // nil: there is no site
	to      string // where to go instead
	status  int
}

// open begins a page beside the report.
func (d *Visits) open(r *http.Request, path, title, lead string) (o opened, err error) {
	o.status = http.StatusOK
	var crowd int
	if o.reports, crowd, err = d.reportsFor(r.Context(), web.ActorOf(r.Context())); err != nil {
		return o, err
	}
	o.View, o.Crowd = web.ViewOf(r, title), crowd
	o.Wide, o.Styles, o.Lead = true, []string{reportStyle, sectionStyle, keptStyle}, lead
	a, all, slip, err := d.typedBy(r)
	if err != nil {
		return o, err
	}
	if a == nil {
		o.None = noSite()
		return o, nil
	}
	a.at = path
	if r.Method == http.MethodGet && slip == nil {
		o.to, slip = added(r, *a)
	}
	o.show(d, a, all, crowd)
	o.slipped(r, slip)
	if slip != nil {
		o.status = loot.KindOf(slip).Status()
	}
	o.days(*a)
	o.Files = filesAt(a.href())
	o.a = a
	err = d.DB.Read(r.Context(), func(tx *store.Tx) (err error) {
		o.Segments, err = d.segmentsView(r.Context(), tx, a, web.ActorOf(r.Context()))
		return err
	})
	return o, err
}

// question is what the address asks.
func (a *asked) question() Question {
	return Question{Site: a.site.Number, From: a.from, To: a.to, Filters: a.filters}
}

// both asks about the period, and about the other one if there is one.
func both[T any](a *asked, ask func(Question) (T, error)) (now T, before *T, err error) {
	q := a.question()
	if now, err = ask(q); err != nil {
		return now, nil, err
	}
	var compared bool
	if q.From, q.To, compared = a.compared(); !compared {
		return now, nil, nil
	}
	was, err := ask(q)
	return now, &was, err
}
