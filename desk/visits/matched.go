package visits

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"loot/column"
)

// rowNames writes the columns of rows, and visitNames those of what is counted of
// visits.
func rowNames(prefix string) string {
	return named(prefix, "day", "hour", "visitor", "visit", "engaged", "scroll") + ", " + names(prefix, slices.Concat(bothColumns, rowColumns))
}

func visitNames(prefix string) string {
	return named(prefix, "day", "visitor", "visit", "alone") + ", " + names(prefix, countColumns) + ", " + names(prefix, slices.Concat(bothColumns, visitColumns))
}

const onlyPeople = "class = '" + human + "'"

// scope is the condition of whom a report is about.
func scope(filters []Filter, args *[]any) (condition string, rest []Filter) {
	condition = onlyPeople
	for _, f := range filters {
		d, _ := findDimension(f.Dimension)
		if !d.programs() {
			rest = append(rest, f)
			continue
		}
		*args = append(*args, f.Values[0])
		where := d.value + " = $" + strconv.Itoa(len(*args))
		if d.Name == "bot" {
			where += " AND class <> '" + human + "'"
		}
		if condition == onlyPeople {
			condition = where
		} else {
			condition += " AND " + where
		}
	}
	return condition, rest
}

// filter finds the blocks of the days of a question with filters.
//
// The filters part the visits of a day into cells, by which of them hold. If
// one of the cells has somebody and fewer than a crowd, a report with one filter
// more or less would differ from this by them, so nothing is told of the day.
// The same is so of each row of a panel, and of what is folded, beside each
// report with one filter less; and within a filter of each value that it stands
// for.
func (r *Reports) filter(ctx context.Context, q Question, wanted []dimension) ([]*block, error) {
	m, days, snap, err := r.match(ctx, q, wanted, nil)
	if err != nil {
		return nil, err
	}
	if err := m.each(snap, "", func(m matching, from facts, atOnce int) error { return m.find(ctx, from, atOnce) }); err != nil {
		return nil, err
	}
	var wider []map[column.Day][]*block // the reports with one filter less
	switch {
	case r.crowd <= 1:
	case len(m.filters) == 1 && m.scope == onlyPeople:
		wider = append(wider, byDay(days))
	default:
		for i, f := range q.Filters {
			if d, _ := findDimension(f.Dimension); d.programs() {
				continue
			}
			less := q
			less.Filters = slices.Delete(slices.Clone(q.Filters), i, i+1)
			blocks, _, err := r.filtered(ctx, less, wanted)
			if err != nil {
				return nil, err
			}
			wider = append(wider, byDay(blocks))
		}
	}
	var out []*block
	for day := q.From; day <= q.To; day++ {
		d := m.found[day]
		if d == nil {
			d = &dayTally{day: day}
		}
		if m.few[day] {
			d.total = Sum{}
		}
		if d.total.Visitors < int64(r.crowd) {
			out = append(out, &block{points: []Point{{Day: day, Few: true}}, left: 1})
			continue
		}
		out = append(out, newBlock([]*dayTally{d}, r.crowd, func(name string) narrowing {
			n := narrowing{partings: m.partings[panelKey{day, name}]}
			for _, blocks := range wider {
				n.wider = append(n.wider, toldOf(blocks[day], name))
			}
			return n
		}))
	}
	return out, nil
}

func byDay(blocks []*block) map[column.Day][]*block {
	days := map[column.Day][]*block{}
	for _, b := range blocks {
		days[b.points[0].Day] = append(days[b.points[0].Day], b)
	}
	return days
}

// toldOf returns what blocks tell by a dimension.
func toldOf(blocks []*block, name string) *told {
	all := &told{rows: map[string]Sum{}, spare: map[string]Sum{}}
	for _, b := range blocks {
		if p := b.panels[name]; p != nil {
			all.add(p)
		}
	}
	return all
}

const panelsAtOnce = setsAtOnce // with the total

// A matching finds what filters choose.
type matching struct {
	*Reports
	q       Question
	scope   string
	args    []any
	filters []*chosen
	wanted  []dimension
	prelude string // of each query, which the facts take rows from
	on      string // the condition of the days that may be told of
	apart   bool   // what is wanted is in no other report, from which what a filter leaves out could be taken

	found map[column.Day]*dayTally
	few   map[column.Day]bool // a cell of the day has few
	// how the filters that stand for several values part panels
	partings map[panelKey]partings
}

// full is the group of the rows for which all filters hold: a bit for each.
func (m matching) full() int { return 1<<len(m.filters) - 1 }

// find adds what is among what is stored.
func (m matching) find(ctx context.Context, from facts, atOnce int) error {
	m, coded, matched, args, err := m.code(ctx, from)
	if err != nil {
		return err
	}
	// What leaves a day out comes first: there is no more to ask of it then.
	if m.crowd > 1 {
		left, err := m.parted(ctx, coded, args)
		if err != nil || len(left) == 0 {
			return err
		}
		m.on = onDays("day", left)
		if err := m.eachSplit(func(i int) error { return m.splits(ctx, i, coded, args) }); err != nil {
			return err
		}
		left = slices.DeleteFunc(left, func(d column.Day) bool { return m.few[d] })
		if len(left) == 0 {
			return nil
		}
		m.on = onDays("day", left)
	}
	var queries []string
	for some := range slices.Chunk(append([]dimension{dimensions[0]}, m.wanted...), max(atOnce, 1)) {
		queries = append(queries, m.cells(coded, matched, some))
	}
	if atOnce > len(m.wanted) {
		queries = []string{strings.Join(queries, " UNION ALL ")}
	}
	for _, query := range queries {
		found, _, err := m.read(ctx, m.q.From, m.q.To, m.prelude+query, args...)
		if err != nil {
			return err
		}
		for day, d := range found {
			m.add(day, d)
		}
	}
	if m.crowd <= 1 || len(m.wanted) == 0 {
		return nil
	}
	return m.eachSplit(func(i int) error { return m.partPanels(ctx, i, coded, args) })
}

// eachSplit calls f for each filter that stands for several values.
func (m matching) eachSplit(f func(int) error) error {
	for i, c := range m.filters {
		if c.several() {
			if err := f(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// add takes in what was found of a day.
func (m matching) add(day column.Day, d *dayTally) {
	have := m.found[day]
	if have == nil {
		m.found[day] = d
		return
	}
	have.total = have.total.plus(d.total)
	for name, t := range d.of {
		to := have.tally(name)
		for v, s := range t.rows {
			to.list(v, s)
			t.whole = t.whole.less(s)
		}
		if t.hidden {
			to.hide(t.whole, t.most)
		}
	}
}

// A panelKey is a dimension on a day.
type panelKey struct {
	day       column.Day
	dimension string
}

// grouped writes the same with a group of each in the place of the site, where a
// condition over the day and the codes holds.
func (f facts) grouped(group, where string) facts {
	rows, visits := rowNames(""), visitNames("")
	instead := func(names, as string) string { return strings.Replace(names, "site AS site", as+" AS site", 1) }
	of := func(names, from string) string {
		return "SELECT " + names + " FROM (" + from + ") AS coded WHERE " + where
	}
	if f.codes != nil {
		f.rows = "SELECT " + joinedNames.Replace(rowNames("r.")) + joined(f.rows, of(named("", "day", "visit", "variant")+", "+group+" AS site", f.visits))
	} else {
		f.rows = of(instead(rows, group), f.rows)
	}
	return facts{rows: f.rows, visits: of(instead(visits, group), f.visits)}
}

// joinedNames takes the group of the visit. DuckDB overrates what a condition on
// the event leaves out, and would then hash all rows and not the visits: it does
// not if the event seems to depend on the visit.
var joinedNames = strings.NewReplacer("r.site AS site", "v.site AS site", "r.event AS event", "CASE WHEN v.visit < 0 THEN '' ELSE r.event END AS event")

// codedRows writes the rows with the codes of the filters.
func (f facts) codedRows() string {
	if f.codes == nil {
		return f.rows
	}
	return "SELECT " + rowNames("r.") + ", " + named("v.", f.codes...) + joined(f.rows, f.visits)
}

// joined writes the rows of visits from FROM on.
func joined(rows, visits string) string {
	return " FROM (" + rows + ") AS r JOIN (" + visits + ") AS v ON v.day = r.day AND v.visit = r.visit AND v.variant = r.variant"
}

// seen is how it is found out where there are few.
func (m matching) seen() counting { return m.crowd <= mostSeenCrowd }

// isFew is the condition that somebody is in a cell and no crowd is seen.
func (m matching) isFew() string {
	return "visitors < " + strconv.Itoa(m.crowd) + " AND (visitors > 0 OR visits <> 0 OR views <> 0 OR amount <> 0)"
}

// parted notes the days of which the filters part off a few, and returns the
// others that have what comes to them.
func (m matching) parted(ctx context.Context, coded facts, args []any) (left []column.Day, err error) {
	query := "SELECT day, max(CASE WHEN " + m.isFew() + " THEN 1 ELSE 0 END) AS few, max(CASE WHEN site = " + strconv.Itoa(m.full()) + " THEN 1 ELSE 0 END) AS come FROM (" +
		sums(coded.grouped(m.mask(), "1 = 1"), dimensions[:1], m.seen()) + ") AS masks GROUP BY day"
	rows, err := m.store.Query(ctx, m.q.From, m.q.To, m.prelude+query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var day column.Day
		var few, come int
		if err := rows.Scan(&day, &few, &come); err != nil {
			return nil, err
		}
		if few > 0 {
			m.few[day] = true
		} else if come > 0 {
			left = append(left, day)
		}
	}
	return left, rows.Err()
}

// cells writes the query of what comes to the filters, where a value is listed
// if of none of the visits that miss one of the filters there are a few.
func (m matching) cells(coded, matched facts, of []dimension) string {
	holds := []string{m.on}
	misses, missed := "0", "0"
	for i, c := range m.filters {
		holds = append(holds, c.holds(i))
		misses += " + CASE WHEN " + c.holds(i) + " THEN 0 ELSE 1 END"
		missed += " + CASE WHEN " + c.holds(i) + " THEN 0 ELSE " + strconv.Itoa(i) + " END"
	}
	whole := sums(matched.grouped("0", strings.Join(holds, " AND ")), of, countVisitors)
	crowd := "visitors >= " + strconv.Itoa(m.crowd)
	if m.crowd <= 1 || len(m.filters) == 0 || !m.apart {
		return digest(whole, crowd)
	}
	near := "SELECT day, dimension, value FROM (" + sums(coded.grouped(missed, m.on+" AND "+misses+" = 1"), of, m.seen()) +
		") AS near WHERE " + m.isFew() + " GROUP BY day, dimension, value"
	var names []string
	for _, n := range strings.Split(sumNames, ", ") {
		names = append(names, "w."+n+" AS "+n)
	}
	return digest("SELECT w.day AS day, w.dimension AS dimension, w.value AS value, "+strings.Join(names, ", ")+
		", CASE WHEN n.value IS NULL THEN 0 ELSE 1 END AS told FROM ("+whole+") AS w LEFT JOIN ("+near+") AS n"+
		" ON n.day = w.day AND n.dimension = w.dimension AND n.value = w.value", crowd+" AND told = 0")
}

// part takes out of a filter what it stands for on a day if fewer than a crowd
// came by that value alone, so that no value makes a small difference.
func (m matching) part(ctx context.Context, c *chosen, from facts, args []any) (err error) {
	if !c.byVisit() || m.crowd <= 1 || !c.several() {
		return nil
	}
	args = slices.Clone(args)
	found, err := m.store.Query(ctx, m.q.From, m.q.To, m.prelude+"SELECT day, place, CAST(count(DISTINCT visitor) AS BIGINT) AS visitors FROM ("+
		c.visits(from, &args)+") AS alone GROUP BY day, place", args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	alone := map[column.Day]map[int]bool{}
	for found.Next() {
		var day column.Day
		var place int
		var visitors int64
		if err := found.Scan(&day, &place, &visitors); err != nil {
			return err
		}
		if visitors >= int64(m.crowd) && place != several {
			if alone[day] == nil {
				alone[day] = map[int]bool{}
			}
			alone[day][place] = true
		}
	}
	c.days = alone
	return found.Err()
}

// alone writes the sums by which of its values alone a filter chose what it did, in a
// group of each place and of what else the site is to tell apart.
func (m matching) alone(i int, coded facts, of []dimension, how counting, apart, where string) string {
	code := "code" + strconv.Itoa(i)
	return sums(coded.grouped("("+apart+") * "+strconv.Itoa(mostPlaces)+" + "+code, where+" AND "+code+" > 0"), of, how)
}

const mostPlaces = several << 1

// nobodyCame is the condition that nobody is in a cell.
const nobodyCame = "visitors = 0 AND visits = 0 AND views = 0 AND amount = 0"

// splits notes the days on which a filter of several values stands for one by which too
// few came, among those for which the other filters hold or do not.
func (m matching) splits(ctx context.Context, i int, coded facts, args []any) (err error) {
	others := "0"
	for j, c := range m.filters {
		if j != i {
			others += " + " + c.group(j)
		}
	}
	met := "CASE WHEN site % " + strconv.Itoa(mostPlaces) + " = " + strconv.Itoa(several) + " THEN 1 ELSE 0 END"
	query := "SELECT day, min(CASE WHEN " + met + " = 1 OR (" + nobodyCame + ") THEN " + strconv.Itoa(m.crowd) + " ELSE visitors END) AS least," +
		" sum(1 - " + met + ") AS places, max(" + met + ") AS met FROM (" + m.alone(i, coded, dimensions[:1], m.seen(), others, m.on) + ") AS cells GROUP BY day, floor(site / " + strconv.Itoa(mostPlaces) + ")"
	query = "SELECT day, least, places FROM (" + query + ") AS parted WHERE least < " + strconv.Itoa(m.crowd) + " OR met = 1"
	rows, err := m.store.Query(ctx, m.q.From, m.q.To, m.prelude+query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var day column.Day
		var least, places int
		if err := rows.Scan(&day, &least, &places); err != nil {
			return err
		}
		if least < m.crowd || places < len(m.filters[i].days[day]) {
			m.few[day] = true
		}
	}
	return rows.Err()
}

// partPanels notes how a filter of several values parts the panels of what all filters
// chose. Rows that are of no crowd, however they are put together, are noted as one: for
// that visitors are counted, as of some who are seen a crowd may be listed.
func (m matching) partPanels(ctx context.Context, i int, coded facts, args []any) (err error) {
	where := m.on
	for j, c := range m.filters {
		if j != i {
			where += " AND " + c.holds(j)
		}
	}
	code := "site % " + strconv.Itoa(mostPlaces)
	row := "CASE WHEN together >= " + strconv.Itoa(m.crowd) + " THEN value ELSE '' END"
	one := "CASE WHEN together >= " + strconv.Itoa(m.crowd) + " THEN 1 ELSE 0 END"
	query := "SELECT day, dimension, " + row + " AS value, " + one + " AS listed, " + code + " AS place, max(visitors) AS came FROM (" +
		"SELECT *, sum(visitors) OVER (PARTITION BY day, dimension, value) AS together FROM (" + m.alone(i, coded, m.wanted, countVisitors, "0", where) +
		") AS cells WHERE NOT (" + nobodyCame + ")) AS parted GROUP BY day, dimension, " + row + ", " + one + ", " + code
	rows, err := m.store.Query(ctx, m.q.From, m.q.To, m.prelude+query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var k panelKey
		var value string
		var listed, place, came int
		if err := rows.Scan(&k.day, &k.dimension, &value, &listed, &place, &came); err != nil {
			return err
		}
		if m.partings[k] == nil {
			m.partings[k] = partings{}
		}
		if m.partings[k][i] == nil {
			m.partings[k][i] = newParting(m.filters[i].days[k.day])
		}
		m.partings[k][i].note(value, listed == 1, place, came >= m.crowd)
	}
	return rows.Err()
}
