package visits

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"loot/column"
)

// match returns what the filters of a question choose among the days that it is
// about, which are returned too, by what is wanted, the filters' dimensions, and
// steps'; nothing is looked for yet. more is a condition of the rows, over args.
func (r *Reports) match(ctx context.Context, q Question, wanted []dimension, steps []Filter, args ...any) (m matching, days []*block, snap *snapshot, err error) {
	by := []string{dimensions[0].Name}
	for _, d := range nested(wanted) {
		by = append(by, d.Name)
	}
	for _, f := range slices.Concat(q.Filters, steps) {
		by = append(by, f.Dimension)
	}
	slices.Sort(by)
	if days, snap, err = r.told(ctx, q, slices.Compact(by)...); err != nil {
		return matching{}, nil, nil, err
	}
	who, rest := scope(q.Filters, &args)
	m = matching{Reports: r, q: q, on: "1 = 1", scope: who, args: args, wanted: wanted, found: map[column.Day]*dayTally{}, few: map[column.Day]bool{}, partings: map[panelKey]partings{}}
	for _, f := range rest {
		m.filters = append(m.filters, choose(f, days))
	}
	return m, days, snap, nil
}

// each calls f with the facts of the open days, of which the rows alone are stored,
// and with those of the sealed ones, where there are such days. An open day is
// asked about at once, as more arrives meanwhile. A sealed one does not change:
// of these f is asked for some at a time, and for little, which needs little
// memory.
func (m matching) each(snap *snapshot, where string, f func(m matching, from facts, atOnce int) error) error {
	open, sealed := snap.has(m.q.From, m.q.To)
	if open {
		m.prelude = recorded(snap.rows(m.q.Site) + where)
		if err := f(m, facts{rows: "SELECT * FROM recorded"}, len(m.wanted)+1); err != nil {
			return err
		}
	}
	if !sealed {
		return nil
	}
	m.prelude = ""
	of := " WHERE site = " + strconv.Itoa(int(m.q.Site)) + where
	for from, last := m.q.From, m.q.To; from <= last; from = m.q.To + 1 {
		m.q.From, m.q.To = from, snap.enough(from, last)
		if err := f(m, facts{rows: sealedRows + of, visits: sealedVisits + of}, panelsAtOnce); err != nil {
			return err
		}
	}
	return nil
}

// viewsAtOnce bounds the sealed days that are asked about at once: so many views,
// or a single day. Tests have fewer.
var viewsAtOnce int64 = 2_500_000

// enough returns the last of the days from one on that are asked about at once.
func (s *snapshot) enough(from, last column.Day) column.Day {
	views := s.sealed[from].Views
	for from < last && views+s.sealed[from+1].Views <= 2*viewsAtOnce { // a mark has them twice
		from++
		views += s.sealed[from].Views
	}
	return from
}

// code writes what the report is about, each with the place of the value that
// each filter chose it by, 0 for none; and the same without some of what not all
// of them chose. The filters that are returned know which of their values count.
func (m matching) code(ctx context.Context, from facts) (_ matching, coded, matched facts, args []any, err error) {
	all := func(names, from string) string {
		return "SELECT " + strings.Replace(names, "class AS class", "'"+human+"' AS class", 1) + " FROM (" + from + ") AS whole"
	}
	about := func(names, from string) string {
		return all(names, from) + " WHERE " + m.scope + " AND day BETWEEN " + strconv.Itoa(int(m.q.From)) + " AND " + strconv.Itoa(int(m.q.To))
	}
	open := from.visits == ""
	columns := func(prefix string) string { return visitNames(prefix) + ", " + named(prefix, "variant") }
	withVariant := rowNames("") + ", " + named("", "variant")
	var of facts
	if open {
		columns = func(prefix string) string { return rowNames(prefix) + ", " + names(prefix, visitColumns) }
		of = eachRow(about(columns(""), from.rows))
	} else {
		of = facts{rows: about(withVariant, from.rows), visits: about(columns(""), from.visits)}
	}
	args = slices.Clone(m.args)
	m.filters = slices.Clone(m.filters)
	for i, c := range m.filters {
		c := *c
		m.filters[i] = &c
		if err := m.part(ctx, &c, of, args); err != nil {
			return m, coded, matched, nil, err
		}
	}
	if len(m.filters) == 0 {
		return m, of, of, args, nil
	}
	codes := make([]string, len(m.filters))
	for i := range codes {
		codes[i] = "code" + strconv.Itoa(i)
	}
	if open {
		coded.rows, matched.rows = with(of, of.rows, columns, m.filters, &args)
		coded.visits, matched.visits = eachVisit(coded.rows, codes...), eachVisit(matched.rows, codes...)
		return m, coded, matched, args, nil
	}
	// Without conditions of their own, as a visit's are theirs, the engine can tell
	// that there are more rows than visits.
	coded.rows, coded.codes = all(withVariant, from.rows), codes
	matched = coded
	coded.visits, matched.visits = with(of, of.visits, columns, m.filters, &args)
	return m, coded, matched, args, nil
}

// mask writes which of the filters choose a row: a bit for each.
func (m matching) mask() string {
	mask := "0"
	for i, c := range m.filters {
		mask += " + " + c.group(i)
	}
	return mask
}
