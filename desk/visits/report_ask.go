package visits

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/column"
	"loot/desk/visits/network"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// A noReport is a report that somebody may not see, or nobody.
type noReport struct {
	why      statement.Explanation
	unsigned bool
}

// Kind returns [loot.Denied].
func (noReport) Kind() loot.Kind { return loot.Denied }

func (n noReport) Error() string {
	if len(n.why.Needed) == 0 {
		return "The statement does not permit reports on visits."
	}
	return "The statement does not permit this report. Needed: " + strings.Join(n.why.Needed, "; ") + "."
}

// Refused returns the clause that decided, its title, and what would be needed.
func (n noReport) Refused() (clause loot.Clause, title string, needed []string) {
	return n.why.Clause, n.why.Title, n.why.Needed
}

// NeedsUndertaking reports whether whoever asked has not signed it.
func (n noReport) NeedsUndertaking() bool { return n.unsigned }

// reportsFor returns the reports for somebody who may see them by the statement
// in force, and the crowd in which they are told.
func (d *Visits) reportsFor(ctx context.Context, who loot.Actor) (*Reports, int, error) {
	r, err := d.reportRules()
	if err != nil {
		return nil, 0, err
	}
	if who.Kind != loot.Staff {
		return nil, 0, loot.Errorf(loot.Denied, "Reports on visits are for members of the staff.")
	}
	if err := d.DB.Read(ctx, func(tx *store.Tx) error { return d.permitted(ctx, tx, r, who) }); err != nil {
		return nil, 0, err
	}
	return d.reportsIn(r.crowd), r.crowd, nil
}

// ownReports returns the reports for this desk itself, if the statement in force
// has it draw them up now: for letters, and for people who were given a link.
func (d *Visits) ownReports() (*Reports, int, error) {
	r, err := d.reportRules()
	if err != nil {
		return nil, 0, err
	}
	question := analyse(r.version.Statement, statement.Actor{Kind: loot.Desk, Desk: Name}, r.crowd, d.Now())
	if !r.version.Statement.Decide(question).Allowed {
		return nil, 0, noReport{why: r.version.Statement.Explain(question)}
	}
	return d.reportsIn(r.crowd), r.crowd, nil
}

// reportRules returns the rules in force, if they permit any report.
func (d *Visits) reportRules() (*rules, error) {
	r := d.ruling.rules()
	s := r.version.Statement
	if s == nil {
		return nil, loot.Errorf(loot.Unavailable, "No statement is in force yet, so there are no reports. Publish one first.")
	}
	if r.crowd == 0 {
		return nil, noReport{why: s.Explain(analyse(s, statement.Actor{Kind: loot.Desk, Desk: Name}, mostCrowd, d.Now()))}
	}
	return r, nil
}

// permitted says why a member of staff may not see reports; nil: they may.
func (d *Visits) permitted(ctx context.Context, tx *store.Tx, r *rules, who loot.Actor) error {
	in := statement.Actor{Kind: who.Kind, Roles: who.Roles}
	var err error
	if in.Undertaking, err = d.staff.Signed(ctx, tx, who.ID); err != nil {
		return err
	}
	if question := analyse(r.version.Statement, in, r.crowd, d.Now()); !r.version.Statement.Decide(question).Allowed {
		return noReport{r.version.Statement.Explain(question), in.Undertaking.IsZero()}
	}
	return nil
}

// reportsIn returns what answers questions in a crowd.
func (d *Visits) reportsIn(crowd int) *Reports {
	d.reporting.Lock()
	defer d.reporting.Unlock()
	if d.reports == nil || d.reports.crowd != crowd {
		d.reports = NewReports(d.column, crowd, d.Now, d.sites.local)
	}
	return d.reports
}

// A period is one that is chosen by its name.
type period struct {
	name, label string
	days        func(today column.Day) (from, to column.Day)
	whole       bool // of whole months, which are compared with months
}

const (
	usual  = "7d"
	custom = "custom"
)

var periods = []period{
	{"today", "Today", func(d column.Day) (from, to column.Day) { return d, d }, false},
	{"yesterday", "Yesterday", func(d column.Day) (from, to column.Day) { return d - 1, d - 1 }, false},
	{usual, "7 days", func(d column.Day) (from, to column.Day) { return d - 6, d }, false},
	{"30d", "30 days", func(d column.Day) (from, to column.Day) { return d - 29, d }, false},
	{"month", "This month", func(d column.Day) (from, to column.Day) { return monthOf(d, 0), d }, true},
	{"last-month", "Last month", func(d column.Day) (from, to column.Day) { return monthOf(d, -1), monthOf(d, 0) - 1 }, true},
	{"12m", "12 months", func(d column.Day) (from, to column.Day) { return yearsBack(d) + 1, d }, false},
}

// monthOf returns the first day of a month so many before or after the day's.
func monthOf(d column.Day, months int) column.Day {
	t := d.Time()
	return column.DayOf(time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC))
}

func yearsBack(d column.Day) column.Day { return column.DayOf(d.Time().AddDate(-1, 0, 0)) }

// What a period is compared with.
const (
	withBefore  = "before"
	withYear    = "year"
	withNothing = "none"
)

// An asked is what the address of a report says.
type asked struct {
	at       string // path of the page; empty: the report's
	about    string // page that a journey is about
	site     *Site
	guest    bool // somebody without an account, who sees the site and the filters that it is about
	today    column.Day
	period   string
	from, to column.Day
	compare  string
	filters  []Filter
	shown    [len(panelGroups)]string
	measure  measure
	sources  []network.Source // of what the networks are called
}

// address is what an address has for a report; both the pages and the API read
// it.
type address struct {
	Period  string
	From    string
	To      string
	Compare string
	Filters []string
	Panels  []string
	Measure string
	About   string
}

func addressOf(q url.Values) address {
	return address{q.Get("period"), q.Get("from"), q.Get("to"), q.Get("compare"), q["filter"], q["panel"], q.Get("trend"), q.Get("about")}
}

// ask reads what is asked of a site.
func (d *Visits) ask(s *Site, at address) (a asked, err error) {
	a = asked{site: s, period: at.Period, compare: at.Compare, about: at.About, sources: d.networks.Sources()}
	a.today, _ = s.local(d.Now())
	if a.period == "" {
		a.period = usual
		if at.From != "" || at.To != "" {
			a.period = custom
		}
	}
	if a.period == custom {
		if a.from, a.to, err = customDays(at.From, at.To, a.today); err != nil {
			return a, err
		}
	} else {
		i := slices.IndexFunc(periods, func(p period) bool { return p.name == a.period })
		if i < 0 {
			return a, loot.Errorf(loot.Invalid, "There is no period of this name. Choose one of those offered, or name its first and its last day.")
		}
		a.from, a.to = periods[i].days(a.today)
	}
	switch a.compare {
	case "":
		a.compare = withBefore
	case withBefore, withYear, withNothing:
	default:
		return a, loot.Errorf(loot.Invalid, "A period is compared with before, year or none.")
	}
	if a.filters, err = ParseFilters(at.Filters); err != nil {
		return a, err
	}
	for i, g := range panelGroups {
		a.shown[i] = g.tabs[0].dimension
	}
	for _, name := range at.Panels {
		if i := groupOf(name); i >= 0 {
			a.shown[i] = name
		}
	}
	var ok bool
	if a.measure, ok = measureNamed(measuresOf(s), at.Measure); !ok {
		a.measure = measures[0]
	}
	return a, nil
}

// notDate is the complaint about what is no day.
const notDate = "This is not a date. One looks like 2026-11-28."

func customDays(first, last string, today column.Day) (from, to column.Day, err error) {
	wrong := map[string]string{}
	read := func(name, text string, otherwise column.Day) column.Day {
		d := otherwise
		if text != "" && d.UnmarshalText([]byte(text)) != nil {
			wrong[name] = notDate
		}
		return d
	}
	to = read("to", last, today)
	from = read("from", first, to)
	message := "A day of the period is not a date. One looks like 2026-11-28."
	if len(wrong) == 0 {
		name, text := checkDays(from, to)
		if message = text; text != "" {
			wrong[name] = text
		}
	}
	return from, to, web.Invalid(message, wrong)
}

// checkDays says what is wrong with the days of a report, and which of them it is
// about.
func checkDays(from, to column.Day) (name, text string) {
	switch {
	case to < from:
		return "to", "The last day of the report is before its first. Choose them the other way round."
	case from < firstDay || to > lastDay:
		return "from", "A report is of days from " + firstDay.String() + " to " + lastDay.String() + "."
	case to-from >= mostDays:
		return "from", "A report is about " + strconv.Itoa(mostDays) + " days at most. Choose a shorter period."
	}
	return "", ""
}

// compared returns the period that it is compared with.
func (a asked) compared() (from, to column.Day, ok bool) {
	switch a.compare {
	case withNothing:
		return 0, 0, false
	case withYear:
		return yearsBack(a.from), yearsBack(a.to), true
	}
	if i := slices.IndexFunc(periods, func(p period) bool { return p.name == a.period }); i >= 0 && periods[i].whole {
		from = monthOf(a.from, -1)
		to = min(a.from-1, from+a.to-a.from)
		if a.to == monthOf(a.from, 1)-1 {
			to = a.from - 1
		}
		return from, to, true
	}
	return a.from - (a.to - a.from + 1), a.from - 1, true
}

// values writes the address, without what is usual.
func (a asked) values() url.Values {
	v := url.Values{}
	if !a.guest {
		v.Set("site", strconv.Itoa(int(a.site.Number)))
	}
	switch a.period {
	case usual:
	case custom:
		v.Set("from", a.from.String())
		v.Set("to", a.to.String())
	default:
		v.Set("period", a.period)
	}
	if a.compare != withBefore {
		v.Set("compare", a.compare)
	}
	for _, f := range a.filters {
		if !a.guest {
			v.Add("filter", f.String())
		}
	}
	for i, g := range panelGroups {
		if a.shown[i] != g.tabs[0].dimension {
			v.Add("panel", a.shown[i])
		}
	}
	if a.measure.name != measures[0].name {
		v.Set("trend", a.measure.name)
	}
	if a.about != "" && a.path() == journeysHref {
		v.Set("about", a.about)
	}
	return v
}

// path is that of the page.
func (a asked) path() string {
	if a.at == "" {
		return reportHref
	}
	return a.at
}

func (a asked) href() string { return a.path() + "?" + a.values().Encode() }

// on returns the same on another page.
func (a asked) on(path string) asked {
	a.at = path
	return a
}

// panelHref leads to all rows of a panel.
func (a asked) panelHref(dimension string, more ...string) string {
	v := a.values()
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return panelsHref + "/" + dimension + "?" + v.Encode()
}

// chosen returns the same with one more filter; the address is empty if it is
// there already, there may be no more, or whoever reads it chooses none.
func (a asked) chosen(dimension, value string) string {
	return a.filtered(Filter{Dimension: dimension, Op: Is, Values: []string{value}})
}

func (a asked) filtered(f Filter) string {
	if a.guest || f.check() != nil || len(a.filters) >= mostFilters || f.Dimension == "class" && f.Values[0] == human ||
		slices.ContainsFunc(a.filters, func(o Filter) bool { return o.String() == f.String() }) {
		return ""
	}
	a.filters = append(slices.Clone(a.filters), f)
	return a.href()
}

// hidden is the address as a form carries it along, but for some of it.
func (a asked) hidden(but ...string) (out []web.Hidden) {
	v := a.values()
	for _, name := range []string{"site", "period", "from", "to", "compare", "filter", "panel", "trend", "about"} {
		if slices.Contains(but, name) {
			continue
		}
		for _, value := range v[name] {
			out = append(out, web.Hidden{Name: name, Value: value})
		}
	}
	return out
}
