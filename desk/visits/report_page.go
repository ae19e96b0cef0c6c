package visits

import (
	"context"
	_ "embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"loot"
	"loot/store"
	"loot/web"
)

const (
	reportHref = "/console/visits"
	panelsHref = "/console/visits/panel"
	liveHref   = "/console/visits/live"
)

//go:embed assets/report.css
var reportCSS []byte

var reportStyle = web.NewAsset("report.css", reportCSS)

var (
	reportPage = web.NewPage[reportView](pageFiles, "pages/report.html", "pages/report_rows.html", "pages/network_source.html", "pages/report_parts.html", "pages/section.html")
	panelPage  = web.NewPage[panelView](pageFiles, "pages/report_panel.html", "pages/report_rows.html", "pages/network_source.html")
)

type reportView struct {
	web.View
	None     *web.Empty // there is no site
	Nobody   *web.Empty // came, so there is no trend
	Section  []web.Tab
	At       string // path of the page
	Sites    []web.Tab
	Periods  []web.Tab
	Compares []web.Tab
	Custom   daysForm
	Live     liveView
	Filters  filtersView
	Slip     *web.Problems // what was typed into the forms of the address
	Segments segmentsView
	Notes    notesView
	toldView
}

type daysForm struct {
	Open   bool
	Fields web.Fields
	Hidden []web.Hidden
}

// A liveView is how many are on the site now.
type liveView struct {
	Href string
	Text string
	Busy bool
}

type filtersView struct {
	Chips  []chip
	All    string // without any
	Fields web.Fields
	Hidden []web.Hidden
	Wrong  bool // with what was typed
}

type chip struct{ Words, Href string }

// report shows the report of a site.
func (d *Visits) report(w http.ResponseWriter, r *http.Request) error {
	return d.showReport(w, r, http.StatusOK, nil, nil)
}

// showReport shows the report with what was typed as a note and is wrong.
func (d *Visits) showReport(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	who := web.ActorOf(r.Context())
	reports, crowd, err := d.reportsFor(r.Context(), who)
	if err != nil {
		return err
	}
	v := reportView{View: web.ViewOf(r, "Visits"), toldView: toldView{Crowd: crowd, Keep: d.ruling.rules().keep.Words()}}
	v.Wide, v.Styles = true, []string{reportStyle, keptStyle}
	a, all, slip, err := d.typedBy(r)
	if err != nil {
		return err
	}
	if a == nil {
		v.None = noSite()
		return reportPage.Render(w, r, http.StatusOK, v)
	}
	to := ""
	if slip == nil {
		to, slip = added(r, *a)
	}
	if to != "" {
		return web.Redirect(w, r, to)
	}
	if slip != nil {
		status = loot.KindOf(slip).Status()
	}
	told, err := a.answers(r.Context(), reports)
	if err != nil {
		return err
	}
	now, before := told.now, told.before
	if format := r.URL.Query().Get("format"); format != "" {
		return a.serve(w, format, a.trendSheet(now))
	}
	v.Lead = "Pages, times and crowds of " + a.site.Name + ". Nobody is known here, and nobody can be."
	v.Actions = []web.Action{
		{Label: "Alerts", Icon: "bell", Href: a.hrefOf(alertsHref), Small: true},
		{Label: "Digest", Icon: "mail", Href: a.hrefOf(digestsHref), Small: true},
	}
	if keeps(who) {
		v.Actions = append(v.Actions, web.Action{Label: "Share", Icon: "share-2", Href: a.hrefOf(linksHref), Small: true})
	}
	v.show(d, a, all, crowd)
	v.slipped(r, slip)
	var notes []annotation
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		if v.Segments, err = d.segmentsView(r.Context(), tx, a, who); err != nil {
			return err
		}
		v.Notes, notes, err = d.notesView(r.Context(), tx, a, who, typed, wrong)
		return err
	}); err != nil {
		return err
	}
	v.tell(a, told, notes, crowd)
	if now.Total == (Sum{}) && !now.Few && len(a.filters) == 0 && (before == nil || before.Total == Sum{} && !before.Few) {
		v.Nobody = &web.Empty{Icon: "chart-line", Title: "Nobody came in these days", Text: "If the site is new, put its two lines into its pages, and the first visit shows here within seconds.", Action: &web.Action{Label: "The lines for its pages", Icon: "globe", Href: sitesHref + "/" + strconv.Itoa(int(a.site.Number))}}
	}
	return reportPage.Render(w, r, status, v)
}

// askedBy reads the address of a request, and returns nil if there is no site.
func (d *Visits) askedBy(r *http.Request) (*asked, []*Site, error) {
	q, err := web.Query(r)
	if err != nil {
		return nil, nil, err
	}
	all, err := d.sites.list(r.Context())
	if err != nil || len(all) == 0 {
		return nil, nil, err
	}
	s := all[max(0, slices.IndexFunc(all, func(s *Site) bool { return s.Ended.IsZero() }))]
	if text := q.Get("site"); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, nil, errNoSite
		}
		if s, err = d.sites.numbered(r.Context(), uint16(n)); err != nil {
			return nil, nil, err
		}
	}
	a, err := d.ask(s, addressOf(q))
	return &a, all, err
}

// typedBy reads the address of a page with forms that make it. If days were typed
// that are none, the slip says so, and the page is about the usual ones.
func (d *Visits) typedBy(r *http.Request) (a *asked, all []*Site, slip, err error) {
	a, all, err = d.askedBy(r)
	wrong := web.Wrong(err)
	if wrong["from"]+wrong["to"] == "" || r.URL.Query().Has("format") {
		return a, all, nil, err
	}
	q := r.URL.Query()
	for _, name := range []string{"period", "from", "to"} {
		q.Del(name)
	}
	rest := r.Clone(r.Context())
	rest.URL.RawQuery = q.Encode()
	slip = err
	a, all, err = d.askedBy(rest)
	return a, all, slip, err
}

// slipped gives back what was typed into the form that made the address, with
// what is wrong with it.
func (v *reportView) slipped(r *http.Request, slip error) {
	if slip == nil {
		return
	}
	if q := r.URL.Query(); q.Has("by") {
		v.Filters.Fields, v.Filters.Wrong = v.Filters.Fields.With(q, slip), true
	} else {
		v.Custom.Fields = v.Custom.Fields.With(q, slip)
	}
	v.Slip = web.ProblemsOf(web.Invalid("", web.Wrong(slip)), v.Custom.Fields, v.Filters.Fields)
}

// added returns the address with the filter that a form adds, and none if none
// does.
func added(r *http.Request, a asked) (string, error) {
	q := r.URL.Query()
	if q.Get("by") == "" {
		return "", nil
	}
	if err := filterFields().Check(q); err != nil {
		return "", err
	}
	f, err := typedFilter(q.Get("by"), q.Get("how"), q.Get("what"))
	if err == nil && len(a.filters) >= mostFilters {
		err = loot.Errorf(loot.Invalid, "A report takes at most %d filters at once. Remove some.", mostFilters)
	}
	if err != nil {
		return "", web.Invalid("", map[string]string{"what": loot.Message(err)})
	}
	a.filters = append(slices.Clone(a.filters), f)
	return a.href(), nil
}

// telling are the panels in which reasons are looked for besides those that are
// shown. Without a filter they are at hand.
var telling = []string{"path", "channel", "source", "campaign", "country", "provider", "event"}

// A comparison is what the report says of two periods. Changes are told by the
// same without a last day that is not over: beside a whole one it would look like
// a fall.
type comparison struct {
	now, before  *Answer // before nil: compared with nothing
	whole, other *Answer // nil: there is no change to tell
}

// answers returns what the report says, and what it is compared with.
func (a asked) answers(ctx context.Context, reports *Reports) (c comparison, err error) {
	q := Question{Site: a.site.Number, From: a.from, To: a.to, Filters: a.filters, Dimensions: slices.Clone(a.shown[:])}
	from, to, compared := a.compared()
	if compared && len(a.filters) == 0 {
		for _, name := range telling {
			if !slices.Contains(q.Dimensions, name) {
				q.Dimensions = append(q.Dimensions, name)
			}
		}
	}
	if c.now, err = reports.Answer(ctx, q); err != nil || !compared {
		return c, err
	}
	other := q
	other.From, other.To = from, to
	if c.before, err = reports.Answer(ctx, other); err != nil || a.to < a.today {
		c.whole, c.other = c.now, c.before
		return c, err
	}
	if q.To = a.today - 1; q.To < q.From {
		return c, nil
	}
	if c.whole, err = reports.Answer(ctx, q); err != nil {
		return c, err
	}
	other.To = min(to, from+q.To-q.From)
	c.other, err = reports.Answer(ctx, other)
	return c, err
}

// show fills in what leads from one report to another.
func (v *reportView) show(d *Visits, a *asked, all []*Site, crowd int) {
	for _, s := range all {
		if !s.Ended.IsZero() && s.Number != a.site.Number {
			continue
		}
		o := asked{at: a.at, site: s, period: a.period, from: a.from, to: a.to, compare: a.compare, measure: a.measure, shown: a.shown}
		v.Sites = append(v.Sites, web.Tab{Label: s.Name, Href: o.href(), Current: s.Number == a.site.Number})
	}
	if len(v.Sites) == 1 {
		v.Sites = nil
	}
	v.Periods = a.periodTabs()
	for _, c := range []struct{ name, label string }{{withBefore, "The time before"}, {withYear, "A year ago"}, {withNothing, "Nothing"}} {
		o := *a
		o.compare = c.name
		v.Compares = append(v.Compares, web.Tab{Label: c.label, Href: o.href(), Current: a.compare == c.name})
	}
	v.Section, v.At = a.section(), a.path()
	v.Custom = daysForm{Open: a.period == custom, Hidden: a.hidden("period", "from", "to"), Fields: web.Fields{
		{Name: "from", Label: "First day", Type: "date", Value: a.from.String(), Required: true, Plain: true},
		{Name: "to", Label: "Last day", Type: "date", Value: a.to.String(), Required: true, Plain: true},
	}}
	v.Live = d.liveOn(a.site, crowd)
	v.Filters = a.filtersView()
}

func (a asked) periodTabs() (out []web.Tab) {
	for _, p := range periods {
		o := a
		o.period = p.name
		out = append(out, web.Tab{Label: p.label, Href: o.href(), Current: a.period == p.name})
	}
	return out
}

func (a asked) filtersView() filtersView {
	v := filtersView{Hidden: a.hidden()}
	for i, f := range a.filters {
		o := a
		o.filters = slices.Delete(slices.Clone(a.filters), i, i+1)
		v.Chips = append(v.Chips, chip{f.words(), o.href()})
	}
	if len(v.Chips) > 1 {
		o := a
		o.filters = nil
		v.All = o.href()
	}
	v.Fields = filterFields()
	return v
}

// filterFields are those of the form that adds a filter.
func filterFields() web.Fields {
	var by []web.Option
	for _, g := range panelGroups {
		for _, t := range g.tabs {
			if d, _ := findDimension(t.dimension); !d.programs() {
				by = append(by, web.Option{Value: d.Name, Label: filterWord(d), Group: g.title})
			}
		}
	}
	hour, _ := findDimension("hour")
	by = append(by, web.Option{Value: hour.Name, Label: hour.Word, Group: "More"})
	return web.Fields{
		{Name: "by", Label: "Only visits whose", Type: "select", Options: by, Plain: true, Form: "filter"},
		{Name: "how", Label: "Comparison", Type: "select", Plain: true, Form: "filter", Options: []web.Option{
			{Value: string(Is), Label: "is"}, {Value: string(Not), Label: "is not"}, {Value: string(Contains), Label: "contains"}, {Value: anyOf, Label: "is any of"},
		}},
		{Name: "what", Label: "Value", Required: true, Plain: true, MaxLen: mostLength, Form: "filter", Hint: "Several with commas between, or “unknown”."},
	}
}

// onNow returns how many did something at a site in the last five minutes.
func (d *Visits) onNow(s *Site) int {
	return d.live.sittings.active(s.Number, d.Now().Add(-5*time.Minute))
}

// liveOn says how many are on a site now.
func (d *Visits) liveOn(s *Site, crowd int) liveView {
	n := d.onNow(s)
	v := liveView{Href: liveHref + "?site=" + strconv.Itoa(int(s.Number)), Text: web.Number(n) + " on the site now", Busy: n >= crowd}
	if n < crowd {
		v.Text = "fewer than " + strconv.Itoa(crowd) + " on the site now"
	}
	return v
}

// liveNow shows how many are on the site, for the page that asks every so often.
func (d *Visits) liveNow(w http.ResponseWriter, r *http.Request) error {
	_, crowd, err := d.reportsFor(r.Context(), web.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	a, _, err := d.askedBy(r)
	if err != nil {
		return err
	}
	if a == nil {
		return errNoSite
	}
	return reportPage.RenderPart(w, r, http.StatusOK, "live", reportView{Live: d.liveOn(a.site, crowd)})
}
