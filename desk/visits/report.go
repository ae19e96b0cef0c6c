package visits

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"loot"
	"loot/column"
)

// A Question is what a report is about. A comparison is two of them.
type Question struct {
	Site       uint16
	From, To   column.Day // both included, in the site's time
	Filters    []Filter   // all must hold
	Dimensions []string   // the panels that are wanted, see [Dimensions]
	Search     string     // rows with this in their value alone are listed
	Skip, Top  int        // which rows of a panel are listed; Top 0: as many as can be
}

// An Answer is what a report says. Every panel adds up: its rows, those that are
// not listed and the others are its total, and that is the answer's in views, or
// in visits for the pages on which visits end.
type Answer struct {
	// Total is what the days come to that are told of. Its visitors are all,
	// unless there is a filter.
	Total Sum
	// Few says that there were visitors, and nothing more, as they are too few.
	Few bool
	// Trend is by day, or by hour of a single day.
	Trend  []Point
	Panels []Panel
	// Left is the number of days of which nothing is told but the visitors:
	// fewer than a crowd came, or, with a filter, matched, if any, or could be
	// told from the others by comparing this report with another.
	Left int
	// Until is the time of the last day until which it is told, if that day goes
	// on; see [NewReports].
	Until time.Duration
	// Began is the first day of which there are records of the site.
	Began column.Day
}

// A Point is one of a trend.
type Point struct {
	Day  column.Day
	Hour int // of a single day's trend
	Sum
	Few bool // there may be more than is told
}

// A Panel is a table of a report.
type Panel struct {
	Name, Title, Word string
	Events            bool // it counts events
	Rows              []Row
	More              int // rows that are not listed
	Rest              Sum // which come to this
	// Others is what is folded, as fewer than a crowd would stand alone. Its
	// visitors are counted once for each value.
	Others Sum
	Total  Sum
}

// A Row is a value of a dimension, and what is counted of it.
type Row struct {
	Value string
	Sum
}

// A DimensionName is what a dimension is called.
type DimensionName struct {
	Name, Title, Word string
	Filter            bool // whether there are filters by it
	Events            bool
}

// Dimensions returns what reports count by, in the order of their panels.
func Dimensions() (out []DimensionName) {
	for _, d := range dimensions[1:] {
		out = append(out, DimensionName{d.Name, d.Title, d.Word, true, d.events()})
	}
	return out
}

const (
	mostRows = 10_000 // of a panel
	mostDays = 3_660  // of a report
	fresh    = 5 * time.Second
	firstDay = column.Day(0)
	lastDay  = column.Day(2_900_000)

	mostKept = 300_000 // values of blocks
)

// Reports answers questions about visits.
type Reports struct {
	store column.Store
	now   func() time.Time
	crowd int
	local func(site uint16, t time.Time) (column.Day, uint32)

	flight singleflight.Group

	mu      sync.Mutex
	open    map[uint16]*snapshot
	blocks  *simplelru.LRU[blockKey, *kept]
	values  int // in blocks
	funnels *simplelru.LRU[funnelKey, knownFunnel]
}

type blockKey struct {
	site   uint16
	first  column.Day
	days   int
	by     string // a dimension; empty: all of them
	chosen string // filters; empty: none
}

type kept struct {
	*block
	marks []Sum     // of the days
	open  *dayTally // of a day that is open, where there are filters
}

// NewReports returns what answers questions. Fewer visitors than crowd do not
// stand alone; 1 folds nothing. local says what time it is at a site. Days that
// are not sealed are then told until a moment, and that moves on when as many as
// a crowd did something after it, so that nobody is seen to arrive; nil: they are
// told as they are.
func NewReports(store column.Store, crowd int, now func() time.Time, local func(site uint16, t time.Time) (column.Day, uint32)) *Reports {
	r := &Reports{store: store, now: now, crowd: max(crowd, 1), local: local, open: map[uint16]*snapshot{}}
	r.funnels, _ = simplelru.NewLRU[funnelKey, knownFunnel](mostFunnelDays, nil)
	r.blocks, _ = simplelru.NewLRU(1<<20, func(_ blockKey, k *kept) { r.values -= k.size() })
	return r
}

// Renew finds out what came to the open days of a site since somebody asked last,
// as far as that may be told.
func (r *Reports) Renew(ctx context.Context, site uint16) error {
	_, err := r.snapshot(ctx, site, true)
	return err
}

// Answer answers a question.
func (r *Reports) Answer(ctx context.Context, q Question) (*Answer, error) {
	asked, err := q.check()
	if err != nil {
		return nil, err
	}
	wanted := asked
	if q.From == q.To && !slices.ContainsFunc(asked, func(d dimension) bool { return d.Name == "hour" }) {
		hour, _ := findDimension("hour")
		wanted = append(slices.Clone(asked), hour)
	}
	type told struct {
		blocks []*block
		*snapshot
	}
	found, err := steadily(ctx, r, q, func() (t told, err error) {
		if len(q.Filters) == 0 {
			t.blocks, t.snapshot, err = r.told(ctx, q)
		} else {
			t.blocks, t.snapshot, err = r.filtered(ctx, q, wanted)
		}
		return t, err
	})
	if err != nil {
		return nil, err
	}
	blocks, snap := found.blocks, found.snapshot
	a := q.assemble(blocks, asked)
	a.Began = snap.began()
	if snap.open[q.To] != nil && snap.until.day == q.To {
		a.Until = time.Duration(snap.until.second) * time.Second
	}
	return a, nil
}

func (q *Question) check() (asked []dimension, err error) {
	if _, text := checkDays(q.From, q.To); text != "" {
		return nil, &loot.Error{Kind: loot.Invalid, Msg: text}
	}
	if len(q.Filters) > mostFilters {
		return nil, loot.Errorf(loot.Invalid, "A report takes at most %d filters at once. Remove some.", mostFilters)
	}
	for _, f := range q.Filters {
		if err := f.check(); err != nil {
			return nil, err
		}
	}
	for _, name := range q.Dimensions {
		d, ok := findPanel(name)
		if !ok {
			return nil, loot.Errorf(loot.Invalid, "There is no panel of this name.")
		}
		if d.programs() && len(q.Filters) > 0 {
			continue // a filter is about people, or about one class
		}
		if d.whole && len(q.Filters) > 0 {
			d.every = everyVisit(q.Site)
		}
		asked = append(asked, d)
	}
	return asked, nil
}

func (q *Question) assemble(blocks []*block, asked []dimension) *Answer {
	a := &Answer{}
	days := map[column.Day]int{}
	for _, b := range blocks {
		a.Total = a.Total.plus(b.total)
		a.Left += b.left
		for _, p := range b.points {
			i, ok := days[p.Day]
			if !ok {
				i = len(a.Trend)
				days[p.Day] = i
				a.Trend = append(a.Trend, Point{Day: p.Day})
			}
			a.Trend[i].Sum, a.Trend[i].Few = a.Trend[i].plus(p.Sum), a.Trend[i].Few || p.Few
		}
	}
	slices.SortFunc(a.Trend, func(a, b Point) int { return cmp.Compare(a.Day, b.Day) })
	if len(q.Filters) == 0 {
		told := a.Total
		a.Total.Visitors = 0
		for _, p := range a.Trend {
			a.Total.Visitors += p.Visitors
		}
		a.Few = a.Total.Visitors > 0 && told == Sum{}
	}
	if q.From == q.To {
		a.Trend = q.hours(blocks)
	}
	for _, d := range asked {
		a.Panels = append(a.Panels, q.panel(d, blocks))
	}
	return a
}

// merge puts together what blocks tell by a dimension.
func merge(name string, blocks []*block) (rows []Row, total Sum) {
	most := 0
	for _, b := range blocks {
		if p := b.panels[name]; p != nil {
			most = max(most, len(p.rows))
		}
	}
	at := make(map[string]int, most)
	rows = make([]Row, 0, most)
	for _, b := range blocks {
		p := b.panels[name]
		if p == nil {
			continue
		}
		total = total.plus(p.total)
		for v, s := range p.rows {
			if i, ok := at[v]; ok {
				rows[i].Sum = rows[i].plus(s)
				continue
			}
			at[v] = len(rows)
			rows = append(rows, Row{v, s})
		}
	}
	return rows, total
}

// hours is the trend of a single day. An hour that is missing had nobody, or is
// folded.
func (q *Question) hours(blocks []*block) (out []Point) {
	for h := range 24 {
		out = append(out, Point{Day: q.From, Hour: h, Few: true})
	}
	rows, _ := merge("hour", blocks)
	for _, row := range rows {
		if h, err := strconv.Atoi(row.Value); err == nil && h < len(out) {
			out[h].Sum, out[h].Few = row.Sum, false
		}
	}
	return out
}

func (q *Question) panel(d dimension, blocks []*block) Panel {
	p := Panel{Name: d.Name, Title: d.Title, Word: d.Word, Events: d.events()}
	var rows []Row
	rows, p.Total = merge(d.Name, blocks)
	if d.Name == "class" { // the total says as much of people
		var people Sum
		for _, b := range blocks {
			people = people.plus(b.total)
		}
		if people != (Sum{}) {
			rows = append(rows, Row{human, people})
			p.Total = p.Total.plus(people)
		}
	}
	p.Others = p.Total
	for _, row := range rows {
		p.Others = p.Others.less(row.Sum)
	}
	p.Others = p.Others.tidy()
	p.More = len(rows)
	if search := strings.ToLower(q.Search); search != "" {
		rows = slices.DeleteFunc(rows, func(row Row) bool { return !strings.Contains(strings.ToLower(row.Value), search) })
	}
	from := min(max(q.Skip, 0), len(rows))
	to := min(len(rows), from+mostRows)
	if q.Top > 0 {
		to = min(to, from+q.Top)
	}
	p.Rows = greatest(rows, to)[from:]
	p.More -= len(p.Rows)
	p.Rest = p.Total.less(p.Others)
	for _, row := range p.Rows {
		p.Rest = p.Rest.less(row.Sum)
	}
	p.Rest = p.Rest.tidy()
	return p
}

// greatest returns the n greatest rows in their order. A few of many are found
// without sorting all.
func greatest(rows []Row, n int) []Row {
	order := func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Visitors, a.Visitors), cmp.Compare(b.Views, a.Views), cmp.Compare(a.Value, b.Value))
	}
	if n > manyRows {
		slices.SortFunc(rows, order)
		return rows[:n]
	}
	var out []Row
	for _, row := range rows {
		if len(out) == n {
			if n == 0 || order(row, out[n-1]) > 0 {
				continue
			}
			out = out[:n-1]
		}
		i, _ := slices.BinarySearchFunc(out, row, order)
		out = slices.Insert(out, i, row)
	}
	return out
}

// told returns the blocks of a period without a filter: of weeks where that may
// be, or by some dimensions alone, of days.
func (r *Reports) told(ctx context.Context, q Question, by ...string) ([]*block, *snapshot, error) {
	for again := range 5 {
		snap, err := r.snapshot(ctx, q.Site, again > 0)
		if err != nil {
			return nil, nil, err
		}
		out, ok, err := r.collect(ctx, q, snap, by)
		if ok || err != nil {
			return out, snap, err
		}
	}
	return nil, nil, errClosing
}

// collect puts the blocks together. It reports false if a day was sealed since
// the snapshot.
func (r *Reports) collect(ctx context.Context, q Question, snap *snapshot, by []string) (out []*block, ok bool, err error) {
	weeks := len(by) == 0
	if weeks {
		by = []string{""}
	}
	var missing []blockKey
	at := map[column.Day]int{} // in out
	add := func(first column.Day, b *block) {
		if i, ok := at[first]; ok {
			out[i] = out[i].with(b)
			return
		}
		at[first] = len(out)
		out = append(out, b)
	}
	for day := q.From; day <= q.To; {
		key := blockKey{site: q.Site, first: day, days: 1}
		if weeks && isMonday(day) && day+6 <= q.To && snap.closed(day, 7) {
			key.days = 7
		}
		for d := day; d < day+column.Day(key.days); d++ {
			if o := snap.open[d]; o != nil {
				out = append(out, newBlock([]*dayTally{o}, r.crowd, nil))
			}
		}
		for _, key.by = range by {
			if b := r.cached(key, snap); b != nil {
				add(day, b)
			} else {
				missing = append(missing, key)
			}
		}
		day += column.Day(key.days)
	}
	if len(missing) == 0 {
		return out, true, nil
	}
	loaded, sealed, err := r.load(ctx, missing)
	if err != nil {
		return nil, false, err
	}
	for _, key := range missing {
		var days []*dayTally
		var marks []Sum
		for d := key.first; d < key.first+column.Day(key.days); d++ {
			if sealed[d] != snap.sealed[d] {
				return nil, false, nil
			}
			t := loaded[d]
			if t == nil {
				t = &dayTally{day: d}
			}
			days, marks = append(days, t.only(key.by)), append(marks, sealed[d])
		}
		b := newBlock(days, r.crowd, nil)
		add(key.first, b)
		r.keep(key, &kept{block: b, marks: marks})
	}
	return out, true, nil
}

func (r *Reports) cached(key blockKey, snap *snapshot) *block {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.blocks.Get(key)
	if !ok || key.chosen != "" && k.open != snap.open[key.first] {
		return nil
	}
	for i, m := range k.marks {
		if snap.sealed[key.first+column.Day(i)] != m {
			return nil
		}
	}
	return k.block
}

func (r *Reports) keep(key blockKey, k *kept) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocks.Remove(key)
	r.blocks.Add(key, k)
	r.values += k.size()
	for r.values > mostKept && r.blocks.Len() > 1 {
		r.blocks.RemoveOldest()
	}
}
