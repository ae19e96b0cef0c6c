package visits

import (
	"cmp"
	"html/template"
	"slices"
	"strconv"

	"loot"
	"loot/desk/visits/network"
	"loot/web"
)

// fewRows is how many rows a panel has on the report, manyRows on a page of its
// own.
const (
	fewRows  = 10
	manyRows = 100
)

// A toldView is what a report tells, on the console and to guests alike.
type toldView struct {
	When    string
	Against string // empty: nothing
	Told    []string
	Tiles   []tile
	Trend   template.HTML
	Measure string
	Files   []web.Action
	Few     bool
	Crowd   int
	Groups  []groupView
	Moves   []moveRow
	Keep    string
}

type tile struct {
	web.Stat
	Current bool
	Change  *changed
}

// A changed is by how much a number differs from that of the other period.
type changed struct {
	Tone web.Tone
	Icon string
	Text string
	Than string
}

type groupView struct {
	ID    string
	Title string
	Icon  string
	Tabs  []web.Tab
	Rows  rowsView
	All   string // leads to all rows; empty: nowhere does
	More  int
	CSV   string
}

// A rowsView is the table of a panel.
type rowsView struct {
	Title  string
	Guest  bool // whoever reads it has no console
	Word   string
	Cells  []string
	Rows   []rowView
	Others []string // what is folded; nil: nothing
	None   string   // what stands where there are no rows
	// Sources are the files that said what the rows are called.
	Sources []network.Source
}

type rowView struct {
	Name  string
	None  bool // the want of a value
	Href  string
	Share string
	Cells []string
}

type moveRow struct {
	What, Name string
	Href       string
	Up         bool
	By         string
	Was, Is    string
}

// days says which days it is about.
func (v *toldView) days(a asked) {
	v.When = daysWords(a.from, a.to)
	if from, to, ok := a.compared(); ok {
		v.Against = daysWords(from, to)
	}
}

// tell fills in what the answers say.
func (v *toldView) tell(a *asked, c comparison, notes []annotation, crowd int) {
	now, before := c.now, c.before
	v.Few = now.Few
	v.days(*a)
	v.Told = a.told(now, crowd)
	for _, m := range measuresOf(a.site) {
		o := *a
		o.measure = m
		t := tile{Stat: web.Stat{Label: m.label, Icon: m.icon, Value: m.word(now.Total), Href: o.href()}, Current: m.name == a.measure.name}
		if now.Few && m.name != "visitors" {
			t.Value = "–"
		}
		if c.whole != nil && !c.whole.Few && !c.other.Few {
			t.Change = m.change(c.whole.Total, c.other.Total, false)
		}
		v.Tiles = append(v.Tiles, t)
	}
	v.Measure = a.measure.label
	v.Trend = a.trend(now, before, notes)
	if !a.guest {
		v.Files = filesAt(a.href())
	}
	for i, g := range panelGroups {
		d, _ := findDimension(a.shown[i])
		group := groupView{ID: "g-" + g.tabs[0].dimension, Title: g.title, Icon: g.icon}
		if !a.guest {
			group.All, group.CSV = a.panelHref(d.Name), a.panelHref(d.Name, "format", "csv")
		}
		for _, t := range g.tabs {
			o := *a
			o.shown[i] = t.dimension
			group.Tabs = append(group.Tabs, web.Tab{Label: t.label, Href: o.href() + "#" + group.ID, Current: t.dimension == d.Name})
		}
		p := panelOf(now, d)
		shown := p
		if len(shown.Rows) > fewRows {
			shown.Rows = shown.Rows[:fewRows]
		}
		group.More = len(p.Rows) - len(shown.Rows) + p.More
		group.Rows = a.rows(shown)
		v.Groups = append(v.Groups, group)
	}
	if c.whole != nil {
		for _, m := range moved(c.whole.Panels, c.other.Panels, 8, 2) {
			name, _ := nameOf(m.Name, m.value)
			diff := m.now - m.before
			v.Moves = append(v.Moves, moveRow{
				What: filterWord(m.dimension), Name: name, Href: a.chosen(m.Name, m.value), Up: diff > 0,
				By: web.Number(int(max(diff, -diff))), Was: web.Number(int(m.before)), Is: web.Number(int(m.now)),
			})
		}
	}
}

// panelOf returns the panel of a dimension; an empty one if there is none, as
// there is of programs under a filter.
func panelOf(a *Answer, d dimension) Panel {
	i := slices.IndexFunc(a.Panels, func(p Panel) bool { return p.Name == d.Name })
	if i < 0 {
		return Panel{Name: d.Name, Title: d.Title, Word: d.Word, Events: d.events()}
	}
	p := a.Panels[i]
	if d.numeric() {
		p.Rows = slices.SortedFunc(slices.Values(p.Rows), func(a, b Row) int {
			return cmp.Or(cmp.Compare(len(a.Value), len(b.Value)), cmp.Compare(a.Value, b.Value))
		})
	}
	return p
}

// told says what of the period is not told, and why.
func (a *asked) told(now *Answer, crowd int) (out []string) {
	fewer := "fewer than " + strconv.Itoa(crowd) + " visitors"
	if now.Left > 0 {
		days := loot.Plural(now.Left, "day", "days")
		if len(a.filters) > 0 {
			out = append(out, "Of "+days+" nothing is told here: nobody matched, or "+fewer+", or the filters would have set them apart.")
		} else {
			out = append(out, "On "+days+" "+fewer+" came. They are counted, and nothing else is told of them.")
		}
	}
	if a.from < now.Began && now.Began <= a.to {
		out = append(out, "There are records from "+daysWords(now.Began, now.Began)+" on.")
	}
	if a.to == a.today {
		goes := "Today is not over yet."
		if a.compare != withNothing {
			goes = "Today is not over yet, so changes are told without it."
		}
		out = append(out, goes+a.step(now, crowd))
	}
	return out
}

// step says until when today is told, and what comes next.
func (a *asked) step(now *Answer, crowd int) string {
	if now.Until == 0 || now.Total.Visitors < int64(crowd) {
		return ""
	}
	return " It is told until " + a.today.Time().Add(now.Until).Format("15:04") + ", and further as soon as " + strconv.Itoa(crowd) +
		" visitors did something after that, so that nobody is seen to arrive."
}

func (a asked) rows(p Panel) rowsView {
	d, _ := findDimension(p.Name)
	cells := cellsOf(d, a.site.Currency)
	v := rowsView{Title: p.Title, Guest: a.guest, Word: p.Word, None: "Nothing of this in these days."}
	if d.programs() && len(a.filters) > 0 {
		v.None = "Filters choose among people. Without them, programs are listed here."
	}
	if d.file {
		v.Sources = a.sources
	}
	for _, c := range cells {
		v.Cells = append(v.Cells, c.title)
	}
	of := func(s Sum) (out []string) {
		for _, c := range cells {
			out = append(out, c.of(s))
		}
		return out
	}
	var most int64
	for _, row := range p.Rows {
		most = max(most, row.Visitors)
	}
	for _, row := range p.Rows {
		r := rowView{Cells: of(row.Sum), Href: a.chosen(d.Name, row.Value), Share: "0"}
		r.Name, r.None = nameOf(d.Name, row.Value)
		if most > 0 {
			r.Share = strconv.FormatFloat(100*float64(max(row.Visitors, 0))/float64(most), 'f', 1, 64)
		}
		v.Rows = append(v.Rows, r)
	}
	if p.Others != (Sum{}) {
		v.Others = of(p.Others)
	}
	return v
}
