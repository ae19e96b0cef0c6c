package visits

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/column"
)

// A Journey is what came before and after a page within visits. Each way adds up
// to the page.
type Journey struct {
	Page   string `json:"page"`
	Views  int64  `json:"views"`
	Before Way    `json:"before"`
	After  Way    `json:"after"`
	Left   int    `json:"left,omitempty" doc:"Days of which nothing is told: nobody saw the page, or too few, or it is folded with others"`
}

// A Way is where views of a page came from, or where they led.
type Way struct {
	Pages  []Step `json:"pages"`
	Edge   Step   `json:"edge" doc:"Visits that began here, or ended here"`
	Others Step   `json:"others" doc:"What is folded, as too few would stand alone"`
}

// A Step is a page and how often it was seen before or after.
type Step struct {
	Page     string `json:"page,omitempty"`
	Visitors int64  `json:"visitors"`
	Views    int64  `json:"views"`
}

func (s Step) plus(o Sum) Step { return Step{s.Page, s.Visitors + o.Visitors, s.Views + o.Views} }

// The values by which views are told apart in a journey: whether they are of the
// page, and what is beside it, or nothing. A page's path stands behind a sign of
// its own.
const (
	here     = "here"
	away     = "away"
	edge     = "edge"
	pathSign = "="
)

// aroundPage are the dimensions of a journey about the page that is the query's
// first value. The page behind is that of the visit's next number.
var aroundPage = []dimension{
	{Name: "at", value: "CASE WHEN path = $1 THEN '" + here + "' ELSE '" + away + "' END", varies: true},
	{Name: "before", varies: true, table: "SELECT day, site, visitor, nth, engaged, scroll, CASE WHEN nth = 1 THEN '" + edge + "' ELSE '" + pathSign + "' || before END AS value FROM counted WHERE " + peoplesViews + " AND path = $1"},
	{Name: "after", varies: true, table: "SELECT v.day AS day, v.site AS site, v.visitor AS visitor, v.nth AS nth, v.engaged AS engaged, v.scroll AS scroll," +
		" CASE WHEN coalesce(n.path, '') = '' THEN '" + edge + "' ELSE '" + pathSign + "' || n.path END AS value" +
		" FROM (SELECT day, site, visitor, visit, nth, engaged, scroll, CAST(nth AS BIGINT) + 1 AS behind FROM counted WHERE " + peoplesViews + " AND path = $1) AS v" +
		" LEFT JOIN (SELECT day, site, visit, CAST(nth AS BIGINT) AS behind, max(path) AS path FROM counted WHERE " + peoplesViews + " AND before = $1 AND nth > 1 GROUP BY day, site, visit, nth) AS n" +
		" ON n.day = v.day AND n.site = v.site AND n.visit = v.visit AND n.behind = v.behind"},
}

// Journey says what came before and after a page in the visits that a question
// is about.
//
// Of each day the page must be told of at all: by the panel of pages, or with
// filters, which the panel does not know, if it has a crowd and so has all else.
// What is beside it on one side parts its views, and is folded as a panel's rows
// are.
func (r *Reports) Journey(ctx context.Context, q Question, page string) (*Journey, error) {
	q.Dimensions = nil
	if _, err := q.check(); err != nil {
		return nil, err
	}
	if err := (Filter{Dimension: "path", Op: Is, Values: []string{page}}).check(); err != nil || page == "" {
		return nil, loot.Errorf(loot.Invalid, "A journey is about a page. Choose one of those that are listed.")
	}
	return steadily(ctx, r, q, func() (*Journey, error) { return r.journey(ctx, q, page) })
}

func (r *Reports) journey(ctx context.Context, q Question, page string) (*Journey, error) {
	wanted := aroundPage
	if len(q.Filters) == 0 {
		wanted = aroundPage[1:]
	}
	m, days, snap, err := r.match(ctx, q, wanted, []Filter{{Dimension: "path"}}, page)
	if err != nil {
		return nil, err
	}
	find := matching.sides
	visitors := map[column.Day]int64{} // of the page; missing: it is not told
	if len(q.Filters) == 0 {
		for _, b := range days {
			if p := b.panels["path"]; p != nil && p.rows[page] != (Sum{}) {
				visitors[b.points[0].Day] += p.rows[page].Visitors
			}
		}
	} else {
		m.apart = true
		find = matching.find
	}
	if err := m.each(snap, " AND CAST($1 AS VARCHAR) <> ''", func(m matching, from facts, atOnce int) error { return find(m, ctx, from, atOnce) }); err != nil {
		return nil, err
	}
	out := &Journey{Page: page}
	before, after := map[string]Step{}, map[string]Step{}
	for day := q.From; day <= q.To; day++ {
		d := m.found[day]
		if len(q.Filters) > 0 && d != nil && !m.few[day] && !d.total.few(r.crowd) {
			at := m.listed(d, "at", d.total.Visitors)
			if s, ok := at[here]; ok {
				visitors[day] = s.Visitors
			}
		}
		if d == nil || visitors[day] == 0 {
			out.Left++
			continue
		}
		out.Views += d.tally("before").whole.Views
		m.side(d, "before", visitors[day], &out.Before, before)
		m.side(d, "after", visitors[day], &out.After, after)
	}
	out.Before.list(before)
	out.After.list(after)
	return out, nil
}

// sides finds what is beside the page where there is no filter: its own views
// alone are looked at.
func (m matching) sides(ctx context.Context, from facts, _ int) error {
	m, coded, _, args, err := m.code(ctx, from)
	if err != nil {
		return err
	}
	found, _, err := m.read(ctx, m.q.From, m.q.To, m.prelude+digest(sums(coded.grouped("0", "1 = 1"), m.wanted, countVisitors), "visitors >= "+strconv.Itoa(m.crowd)), args...)
	for day, d := range found {
		m.add(day, d)
	}
	return err
}

// listed returns what may be told of a day where filters stand for several values.
func (m matching) listed(d *dayTally, name string, visitors int64) map[string]Sum {
	of := m.partings[panelKey{d.day, name}]
	shown, folded := d.tally(name).fold(m.crowd, visitors, of.may)
	of.cover(shown, folded)
	return shown
}

// side adds what is on one side of the page on a day.
func (m matching) side(d *dayTally, name string, visitors int64, way *Way, rows map[string]Step) {
	rest := d.tally(name).whole
	for v, s := range m.listed(d, name, visitors) {
		rest = rest.less(s)
		if v == edge {
			way.Edge = way.Edge.plus(s)
			continue
		}
		rows[v] = rows[v].plus(s)
	}
	way.Others = way.Others.plus(rest)
}

// list puts the pages that most came from, or went to, first.
func (w *Way) list(rows map[string]Step) {
	for v, s := range rows {
		s.Page = strings.TrimPrefix(v, pathSign)
		w.Pages = append(w.Pages, s)
	}
	slices.SortFunc(w.Pages, func(a, b Step) int {
		if a.Views != b.Views {
			return int(b.Views - a.Views)
		}
		return strings.Compare(a.Page, b.Page)
	})
}

// Hours returns what the hours of the weekdays came to, Monday first, and of how
// many days each weekday is the sum.
func (r *Reports) Hours(ctx context.Context, q Question) (of [7][24]Sum, days [7]int, err error) {
	if _, err := q.check(); err != nil {
		return of, days, err
	}
	var blocks []*block
	if len(q.Filters) == 0 {
		blocks, _, err = r.told(ctx, q, "hour")
	} else {
		hour, _ := findDimension("hour")
		blocks, _, err = r.filtered(ctx, q, []dimension{hour})
	}
	if err != nil {
		return of, days, err
	}
	seen := map[column.Day]bool{}
	for _, b := range blocks {
		day := b.points[0].Day
		weekday := int(day+3) % 7
		if !seen[day] {
			seen[day] = true
			days[weekday]++
		}
		if p := b.panels["hour"]; p != nil {
			for h, name := range hourValues {
				of[weekday][h] = of[weekday][h].plus(p.rows[name])
			}
		}
	}
	return of, days, nil
}
