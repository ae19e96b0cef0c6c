package visits

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"loot/column"
)

// match returns what the filters of a question choose among the days that it is
// about, which are returned too; nothing is looked for yet. more is a condition
// of the rows, over args.
func (r *Reports) match(ctx context.Context, q Question, wanted []dimension, args ...any) (m matching, days []*block, snap *snapshot, err error) {
	if days, snap, err = r.told(ctx, q, false); err != nil {
		return matching{}, nil, nil, err
	}
	who, rest := scope(q.Filters, &args)
	m = matching{Reports: r, q: q, on: "1 = 1", scope: who, args: args, wanted: wanted, found: map[column.Day]*dayTally{}, few: map[column.Day]bool{}, split: map[cellKey]bool{}}
	for _, f := range rest {
		m.filters = append(m.filters, choose(f, days))
	}
	return m, days, snap, nil
}

// each calls f with the rows of the open days, and with those of the sealed ones,
// where there are such days. An open day is asked about at once, as more arrives
// meanwhile. A sealed one does not change, and asked for little at a time it
// needs little memory.
func (m matching) each(snap *snapshot, where string, f func(rows string, atOnce int) error) error {
	open, sealed := snap.has(m.q.From, m.q.To)
	if open {
		if err := f(snap.rows(m.q.Site)+where, len(m.wanted)+1); err != nil {
			return err
		}
	}
	if sealed {
		return f(sealedRows+" WHERE site = "+strconv.Itoa(int(m.q.Site))+where, panelsAtOnce)
	}
	return nil
}

// code writes the rows that the report is about, as [with] does, and those that
// are matched. The filters that are returned know which of their values count.
func (m matching) code(ctx context.Context, rows string) (_ matching, coded, matched string, args []any, err error) {
	rows = "SELECT " + strings.Replace(rowNames(""), "class AS class", "'"+human+"' AS class", 1) + " FROM (" + rows + ") AS whole WHERE " + m.scope +
		" AND day BETWEEN " + strconv.Itoa(int(m.q.From)) + " AND " + strconv.Itoa(int(m.q.To))
	args = slices.Clone(m.args)
	m.filters = slices.Clone(m.filters)
	for i, c := range m.filters {
		c := *c
		m.filters[i] = &c
		if err := m.part(ctx, &c, rows, args); err != nil {
			return m, "", "", nil, err
		}
	}
	coded, matched = with(rows, m.filters, &args)
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

// A foundKey is a question about a sealed day.
type foundKey struct {
	site  uint16
	day   column.Day
	asked string
}

// A foundDay is what was found of it.
type foundDay struct {
	mark Sum
	day  any
}

// mostFound bounds what is remembered of single days.
const mostFound = 50_000

// byDay returns what find finds of each day of a question, of which a sealed one
// is asked about once.
func byDay[T any](ctx context.Context, r *Reports, q Question, asked string, find func(context.Context, Question) (map[column.Day]T, error)) (map[column.Day]T, error) {
	snap, err := r.snapshot(ctx, q.Site, false)
	if err != nil {
		return nil, err
	}
	for _, f := range q.Filters {
		asked += " " + f.String()
	}
	out := map[column.Day]T{}
	missing := q
	missing.From, missing.To = q.To+1, q.From-1
	r.mu.Lock()
	for day := q.From; day <= q.To; day++ {
		f, ok := r.found.Get(foundKey{q.Site, day, asked})
		if ok && snap.open[day] == nil && f.mark == snap.sealed[day] {
			out[day] = f.day.(T)
			continue
		}
		missing.From, missing.To = min(missing.From, day), max(missing.To, day)
	}
	r.mu.Unlock()
	if missing.From > missing.To {
		return out, nil
	}
	found, err := steadily(ctx, r, missing, func() (map[column.Day]T, error) { return find(ctx, missing) })
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for day := missing.From; day <= missing.To; day++ {
		out[day] = found[day]
		if snap.open[day] == nil {
			r.found.Add(foundKey{q.Site, day, asked}, foundDay{snap.sealed[day], found[day]})
		}
	}
	return out, nil
}
