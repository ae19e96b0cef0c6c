package visits

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"loot/column"
)

// filtered returns the blocks of the days with filters. What was found of a
// sealed day is known from then on, by dimension, and of an open day as long as
// the snapshot tells the same.
func (r *Reports) filtered(ctx context.Context, q Question, wanted []dimension) ([]*block, *snapshot, error) {
	snap, err := r.snapshot(ctx, q.Site, false)
	if err != nil {
		return nil, nil, err
	}
	if len(wanted) == 0 {
		wanted = dimensions[:1]
	}
	days := map[column.Day]*block{}
	var unknown []dimension
	first, last := q.To+1, q.From-1
	for _, d := range wanted {
		all := true
		for day := q.From; day <= q.To; day++ {
			if b := r.cached(q.found(day, d), snap); b != nil {
				days[day] = days[day].with(b)
				continue
			}
			first, last, all = min(first, day), max(last, day), false
		}
		if !all {
			unknown = append(unknown, d)
		}
	}
	if len(unknown) > 0 {
		some := q
		some.From, some.To = first, last
		blocks, err := r.filter(ctx, some, slices.DeleteFunc(nested(unknown), func(d dimension) bool { return d.Name == dimensions[0].Name }))
		if err != nil {
			return nil, nil, err
		}
		for _, b := range blocks {
			day := b.points[0].Day
			days[day] = days[day].with(b)
			for _, d := range unknown {
				r.keep(q.found(day, d), &kept{b.only(d.Name), []Sum{snap.sealed[day]}, snap.open[day]})
			}
		}
	}
	out := make([]*block, 0, len(days))
	for _, day := range slices.Sorted(maps.Keys(days)) {
		out = append(out, days[day])
	}
	return out, snap, nil
}

// found is the key of what was found of a day by a dimension.
func (q Question) found(day column.Day, d dimension) blockKey {
	return blockKey{q.Site, day, 1, d.Name, q.chosen()}
}

// chosen tells the filters of a question from all others, in whatever order.
func (q Question) chosen() string {
	filters := slices.Clone(q.Filters)
	slices.SortFunc(filters, func(a, b Filter) int { return strings.Compare(a.String(), b.String()) })
	return inOrder(filters)
}

// inOrder tells filters that stand in an order from all others.
func inOrder(filters []Filter) string {
	texts := make([]string, len(filters))
	for i, f := range filters {
		texts[i] = strconv.Quote(f.String())
	}
	return strings.Join(texts, " ")
}

// with returns what two blocks of a day tell together.
func (b *block) with(o *block) *block {
	if b == nil {
		return o
	}
	both := *o
	both.panels = maps.Clone(b.panels)
	if both.panels == nil {
		both.panels = map[string]*told{}
	}
	maps.Copy(both.panels, o.panels)
	return &both
}

// only returns what a block tells by one dimension.
func (b *block) only(dimension string) *block {
	one := *b
	one.panels = nil
	if p := b.panels[dimension]; p != nil {
		one.panels = map[string]*told{dimension: p}
	}
	return &one
}
