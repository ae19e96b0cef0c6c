package visits

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"loot/column"
)

func rowNames(prefix string) string {
	var out []string
	for _, n := range []string{"day", "hour", "visitor", "visit", "engaged", "scroll"} {
		out = append(out, prefix+n+" AS "+n)
	}
	return strings.Join(out, ", ") + ", " + names(prefix, hitColumns)
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

// filtered returns the blocks of the days with filters.
//
// The filters part the visits of a day into cells, by which of them hold. If
// one of the cells has somebody and fewer than a crowd, a report with one filter
// more or less would differ from this by them, so nothing is told of the day.
// The same is so of each row of a panel, which then is folded, and within a
// filter of each value that it stands for.
func (r *Reports) filtered(ctx context.Context, q Question, wanted []dimension) ([]*block, error) {
	days, snap, err := r.told(ctx, q, false)
	if err != nil {
		return nil, err
	}
	var args []any
	who, rest := scope(q.Filters, &args)
	people := len(rest) == len(q.Filters)
	m := matching{Reports: r, q: q, scope: who, args: args, wanted: wanted, found: map[column.Day]*dayTally{}, split: map[cellKey]bool{}}
	for _, f := range rest {
		m.filters = append(m.filters, choose(f, days))
	}
	site := strconv.Itoa(int(q.Site))
	// An open day is asked about at once, as more arrives meanwhile. A sealed one
	// does not change, and asked for little at a time it needs little memory.
	open, sealed := snap.has(q.From, q.To)
	if open {
		if err := m.find(ctx, openRows+" WHERE h.site = "+site, len(wanted)); err != nil {
			return nil, err
		}
	}
	if sealed {
		if err := m.find(ctx, sealedRows+" WHERE site = "+site, panelsAtOnce); err != nil {
			return nil, err
		}
	}
	full, found, split := m.full(), m.found, m.split

	all := map[column.Day]map[string]map[string]Sum{}
	for _, b := range days {
		day := b.points[0].Day
		if all[day] == nil {
			all[day] = map[string]map[string]Sum{}
		}
		for name, p := range b.panels {
			if all[day][name] == nil {
				all[day][name] = map[string]Sum{}
			}
			for _, rows := range []map[string]Sum{p.rows, p.spare} {
				for v, s := range rows {
					all[day][name][v] = all[day][name][v].plus(s)
				}
			}
		}
	}
	var out []*block
	for day := q.From; day <= q.To; day++ {
		d := found[day]
		if d == nil {
			d = &dayTally{day: day}
		}
		masks := d.of["total"]
		delete(d.of, "total")
		if masks != nil {
			d.total = masks.rows[strconv.Itoa(full)]
			for value, s := range masks.rows {
				if s.few(r.crowd) || split[cellKey{day, "total", value}] {
					d.total = Sum{}
				}
			}
		}
		if d.total.Visitors < int64(r.crowd) {
			out = append(out, &block{points: []Point{{Day: day, Few: true}}, left: 1})
			continue
		}
		out = append(out, newBlock([]*dayTally{d}, r.crowd, func(name, value string) bool {
			if split[cellKey{day, name, value}] {
				return false
			}
			return !people || len(rest) == 0 || !all[day][name][value].less(d.of[name].rows[value]).few(r.crowd)
		}))
	}
	return out, nil
}

const panelsAtOnce = 6

// A matching finds what filters choose.
type matching struct {
	*Reports
	q       Question
	scope   string
	args    []any
	filters []*chosen
	wanted  []dimension

	found map[column.Day]*dayTally
	split map[cellKey]bool
}

// full is the group of the rows for which all filters hold: a bit for each.
func (m matching) full() int { return 1<<len(m.filters) - 1 }

// find adds what is among the rows.
func (m matching) find(ctx context.Context, rows string, atOnce int) error {
	rows = "SELECT " + strings.Replace(rowNames(""), "class AS class", "'"+human+"' AS class", 1) + " FROM (" + rows + ") AS whole WHERE " + m.scope +
		" AND day BETWEEN " + strconv.Itoa(int(m.q.From)) + " AND " + strconv.Itoa(int(m.q.To))
	args := slices.Clone(m.args)
	m.filters = slices.Clone(m.filters)
	for i, c := range m.filters {
		c := *c
		m.filters[i] = &c
		if err := m.part(ctx, &c, rows, args); err != nil {
			return err
		}
	}
	coded := with(rows, m.filters, &args)
	mask := "0"
	for i, c := range m.filters {
		mask += " + " + c.group(i)
	}
	groups := []string{strconv.Itoa(m.full())}
	if len(m.filters) > 1 || m.scope != onlyPeople {
		for i := range m.filters {
			groups = append(groups, strconv.Itoa(m.full()-1<<i))
		}
	}
	where := " WHERE " + mask + " IN (" + strings.Join(groups, ", ") + ")"
	whole := "SELECT day, 'total' AS dimension, 1 AS listed, CAST(site AS VARCHAR) AS value, " + sumNames + ", CAST(0 AS BIGINT) AS most FROM (" +
		sums(grouped(coded, mask), dimensions[:1], "") + ") AS whole"
	queries := []string{whole}
	for some := range slices.Chunk(m.wanted, max(atOnce, 1)) {
		queries = append(queries, m.cells(grouped(coded, mask)+where, some))
	}
	if atOnce >= len(m.wanted) {
		queries = []string{strings.Join(queries, " UNION ALL ")}
	}
	for _, query := range queries {
		found, _, err := m.read(ctx, m.q.From, m.q.To, query, args...)
		if err != nil {
			return err
		}
		for day, d := range found {
			m.add(day, d)
		}
	}
	for i, c := range m.filters {
		if m.crowd > 1 && c.several() {
			if err := m.splits(ctx, i, coded, args); err != nil {
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

// A cellKey is a value of a dimension on a day.
type cellKey struct {
	day              column.Day
	dimension, value string
}

// grouped writes the rows with a group of each in the place of the site.
func grouped(coded, group string) string {
	return "SELECT " + strings.Replace(rowNames(""), "site AS site", group+" AS site", 1) + " FROM (" + coded + ") AS coded"
}

// cells writes the query of what the full group comes to, where a value is
// listed if no other group has a few of it.
func (m matching) cells(rows string, of []dimension) string {
	in := "c.site = " + strconv.Itoa(m.full())
	var counted []string
	for _, n := range strings.Split(sumNames, ", ") {
		counted = append(counted, "sum(CASE WHEN "+in+" THEN c."+n+" ELSE 0 END) AS "+n)
	}
	few := "c.visitors < " + strconv.Itoa(m.crowd) + " AND (c.visitors > 0 OR c.visits <> 0 OR c.views <> 0)"
	return digest("SELECT c.day AS day, c.dimension AS dimension, c.value AS value, "+strings.Join(counted, ", ")+
		", max(CASE WHEN NOT ("+in+") AND "+few+" THEN 1 ELSE 0 END) AS told FROM ("+sums(rows, of, "")+") AS c"+
		" GROUP BY c.day, c.dimension, c.value HAVING sum(CASE WHEN "+in+" THEN 1 ELSE 0 END) > 0",
		"told = 0 AND visitors >= "+strconv.Itoa(m.crowd))
}

// part takes out of a filter what it stands for on a day if fewer than a crowd
// came by that value alone, so that no value makes a small difference.
func (m matching) part(ctx context.Context, c *chosen, rows string, args []any) (err error) {
	if !c.byVisit() || m.crowd <= 1 || !c.several() {
		return nil
	}
	args = slices.Clone(args)
	found, err := m.store.Query(ctx, m.q.From, m.q.To, "SELECT day, place, CAST(count(DISTINCT visitor) AS BIGINT) AS visitors FROM ("+
		c.visits(rows, &args)+") AS alone GROUP BY day, place", args...)
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

// splits notes where a filter of several values stands for one by which too few
// came, among those for which the other filters hold.
func (m matching) splits(ctx context.Context, i int, coded string, args []any) (err error) {
	const most = several << 1
	code := "code" + strconv.Itoa(i)
	others := "0"
	for j, c := range m.filters {
		if j != i {
			others += " + " + c.group(j)
		}
	}
	held := 1<<len(m.filters) - 1 - 1<<i
	full := strconv.Itoa(held * most)
	group := "(" + others + ") * " + strconv.Itoa(most) + " + " + code
	value := "CASE WHEN c.dimension = 'total' THEN CAST(floor(c.site / " + strconv.Itoa(most) + ") AS BIGINT) ELSE -1 END"
	place := "(c.site % " + strconv.Itoa(most) + ")"
	of := []dimension{dimensions[0]}
	for _, d := range m.wanted {
		if d.where == "" {
			d.where = peoplesViews
		}
		d.where += " AND site > " + full
		of = append(of, d)
	}
	query := "SELECT c.day AS day, c.dimension AS dimension, c.value AS value, " + value + " AS held," +
		" min(CASE WHEN " + place + " = " + strconv.Itoa(several) + " OR (c.visitors = 0 AND c.visits = 0 AND c.views = 0) THEN " + strconv.Itoa(m.crowd) + " ELSE c.visitors END) AS least," +
		" sum(CASE WHEN " + place + " = " + strconv.Itoa(several) + " THEN 0 ELSE 1 END) AS places," +
		" max(CASE WHEN " + place + " = " + strconv.Itoa(several) + " THEN 1 ELSE 0 END) AS met FROM (" +
		sums(grouped(coded, group), of, "") + ") AS c WHERE " + place + " > 0 GROUP BY c.day, c.dimension, c.value, " + value
	query = "SELECT day, dimension, value, held, least, places, met FROM (" + query + ") AS parted WHERE least < " + strconv.Itoa(m.crowd) + " OR met = 1"
	rows, err := m.store.Query(ctx, m.q.From, m.q.To, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var k cellKey
		var group, least, places, met int
		if err := rows.Scan(&k.day, &k.dimension, &k.value, &group, &least, &places, &met); err != nil {
			return err
		}
		if least >= m.crowd && places >= len(m.filters[i].days[k.day]) {
			continue
		}
		if k.dimension != "total" {
			m.split[k] = true
			continue
		}
		// The day is left out whichever group it is.
		for _, bit := range []int{0, 1 << i} {
			k.value = strconv.Itoa(group | bit)
			m.split[k] = true
		}
	}
	return rows.Err()
}
