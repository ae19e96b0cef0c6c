package visits

import (
	"context"
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

// scope is the condition of whom a report is about.
func scope(filters []Filter, args *[]any) (condition string, rest []Filter) {
	condition = "class = '" + human + "'"
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
		if strings.HasPrefix(condition, "class = '"+human) {
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
	days, err := r.told(ctx, q, false)
	if err != nil {
		return nil, err
	}
	var args []any
	who, rest := scope(q.Filters, &args)
	people := len(rest) == len(q.Filters)
	site := strconv.Itoa(int(q.Site))
	rows := "SELECT " + strings.Replace(rowNames(""), "class AS class", "'"+human+"' AS class", 1) + " FROM (" +
		openRows + " WHERE h.site = " + site + " UNION ALL " + sealedRows + " WHERE site = " + site + ") AS whole WHERE " + who +
		" AND day BETWEEN " + strconv.Itoa(int(q.From)) + " AND " + strconv.Itoa(int(q.To))

	var filters []*chosen
	for _, f := range rest {
		c := choose(f, days)
		if err := r.part(ctx, q, c, rows, args); err != nil {
			return nil, err
		}
		filters = append(filters, c)
	}
	full := 1<<len(filters) - 1
	groups := []string{strconv.Itoa(full)}
	if len(filters) > 1 || !people {
		for i := range filters {
			groups = append(groups, strconv.Itoa(full-1<<i))
		}
	}
	coded := with(rows, filters, &args)
	mask := "0"
	for i, c := range filters {
		mask += " + " + c.group(i)
	}
	found, _, err := r.read(ctx, q.From, q.To, r.cells(grouped(coded, mask), wanted, full, "site IN ("+strings.Join(groups, ", ")+")"), args...)
	if err != nil {
		return nil, err
	}
	split := map[cellKey]bool{}
	for i, c := range filters {
		if r.crowd > 1 && c.several() {
			if err := r.splits(ctx, q, split, filters, i, coded, wanted, args); err != nil {
				return nil, err
			}
		}
	}

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
			return !people || len(filters) == 0 || !all[day][name][value].less(d.of[name].rows[value]).few(r.crowd)
		}))
	}
	return out, nil
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

// restricted are the dimensions with a further condition on what is counted,
// after the whole without it.
func restricted(of []dimension, condition string) []dimension {
	out := []dimension{dimensions[0]}
	for _, d := range of {
		if d.where == "" {
			d.where = peoplesViews
		}
		d.where += " AND " + condition
		out = append(out, d)
	}
	return out
}

// cells writes the query of what the full group comes to, where a value is
// listed if no other group has a few of it, and of the total of each group.
func (r *Reports) cells(rows string, of []dimension, full int, condition string) string {
	in := "c.dimension = 'total' OR c.site = " + strconv.Itoa(full)
	var counted []string
	for _, n := range strings.Split(sumNames, ", ") {
		counted = append(counted, "sum(CASE WHEN "+in+" THEN c."+n+" ELSE 0 END) AS "+n)
	}
	value := "CASE WHEN c.dimension = 'total' THEN CAST(c.site AS VARCHAR) ELSE c.value END"
	few := "c.visitors < " + strconv.Itoa(r.crowd) + " AND (c.visitors > 0 OR c.visits <> 0 OR c.views <> 0)"
	return digest("SELECT c.day AS day, c.dimension AS dimension, "+value+" AS value, "+strings.Join(counted, ", ")+
		", max(CASE WHEN NOT ("+in+") AND "+few+" THEN 1 ELSE 0 END) AS told FROM ("+sums(rows, restricted(of, condition), "")+") AS c"+
		" GROUP BY c.day, c.dimension, "+value+" HAVING sum(CASE WHEN "+in+" THEN 1 ELSE 0 END) > 0",
		"dimension = 'total' OR told = 0 AND visitors >= "+strconv.Itoa(r.crowd))
}

// part takes out of a filter what it stands for on a day if fewer than a crowd
// came by that value alone, so that no value makes a small difference.
func (r *Reports) part(ctx context.Context, q Question, c *chosen, rows string, args []any) error {
	if !c.byVisit() || r.crowd <= 1 || !c.several() {
		return nil
	}
	args = slices.Clone(args)
	found, err := r.store.Query(ctx, q.From, q.To, "SELECT day, place, CAST(count(DISTINCT visitor) AS BIGINT) AS visitors FROM ("+
		c.visits(rows, &args)+") AS alone GROUP BY day, place", args...)
	if err != nil {
		return err
	}
	defer found.Close()
	alone := map[column.Day]map[int]bool{}
	for found.Next() {
		var day column.Day
		var place int
		var visitors int64
		if err := found.Scan(&day, &place, &visitors); err != nil {
			return err
		}
		if visitors >= int64(r.crowd) && place != several {
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
func (r *Reports) splits(ctx context.Context, q Question, split map[cellKey]bool, filters []*chosen, i int, coded string, of []dimension, args []any) error {
	const most = several << 1
	code := "code" + strconv.Itoa(i)
	others := "0"
	for j, c := range filters {
		if j != i {
			others += " + " + c.group(j)
		}
	}
	held := 1<<len(filters) - 1 - 1<<i
	full := strconv.Itoa(held * most)
	group := "(" + others + ") * " + strconv.Itoa(most) + " + " + code
	value := "CASE WHEN c.dimension = 'total' THEN CAST(floor(c.site / " + strconv.Itoa(most) + ") AS BIGINT) ELSE -1 END"
	place := "(c.site % " + strconv.Itoa(most) + ")"
	query := "SELECT c.day AS day, c.dimension AS dimension, c.value AS value, " + value + " AS held," +
		" min(CASE WHEN " + place + " = " + strconv.Itoa(several) + " OR (c.visitors = 0 AND c.visits = 0 AND c.views = 0) THEN " + strconv.Itoa(r.crowd) + " ELSE c.visitors END) AS least," +
		" sum(CASE WHEN " + place + " = " + strconv.Itoa(several) + " THEN 0 ELSE 1 END) AS places," +
		" max(CASE WHEN " + place + " = " + strconv.Itoa(several) + " THEN 1 ELSE 0 END) AS met FROM (" +
		sums(grouped(coded, group), restricted(of, "site > "+full), "") + ") AS c WHERE " + place + " > 0 GROUP BY c.day, c.dimension, c.value, " + value
	query = "SELECT day, dimension, value, held, least, places, met FROM (" + query + ") AS parted WHERE least < " + strconv.Itoa(r.crowd) + " OR met = 1"
	rows, err := r.store.Query(ctx, q.From, q.To, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k cellKey
		var group, least, places, met int
		if err := rows.Scan(&k.day, &k.dimension, &k.value, &group, &least, &places, &met); err != nil {
			return err
		}
		if least >= r.crowd && places >= len(filters[i].days[k.day]) {
			continue
		}
		if k.dimension != "total" {
			split[k] = true
			continue
		}
		// The day is left out whichever group it is.
		for _, bit := range []int{0, 1 << i} {
			k.value = strconv.Itoa(group | bit)
			split[k] = true
		}
	}
	return rows.Err()
}

