package visits

import (
	"context"
	"maps"
	"slices"
	"strings"

	"loot/column"
)

// filtered returns the blocks of the days with filters. What was found of a
// sealed day is known from then on, by dimension.
func (r *Reports) filtered(ctx context.Context, q Question, wanted []dimension) ([]*block, *snapshot, error) {
	snap, err := r.snapshot(ctx, q.Site, false)
	if err != nil {
		return nil, nil, err
	}
	if len(wanted) == 0 {
		wanted = dimensions[:1]
	}
	days := map[column.Day]*block{}
	var known, unknown []dimension
	missing := daySpan{}
	for _, d := range wanted {
		all := true
		for day := q.From; day <= q.To; day++ {
			if !snap.closed(day, 1) {
				continue
			}
			if b := r.cached(q.found(day, d), snap); b != nil {
				days[day] = days[day].with(b)
				continue
			}
			missing.add(day)
			all = false
		}
		if all {
			known = append(known, d)
		} else {
			unknown = append(unknown, d)
		}
	}
	open := daySpan{}
	for day := range snap.open {
		if q.From <= day && day <= q.To {
			open.add(day)
			missing.add(day)
		}
	}
	for _, look := range []struct {
		daySpan
		wanted []dimension
	}{{missing, unknown}, {open, known}} {
		if look.none() || len(look.wanted) == 0 {
			continue
		}
		some := q
		some.From, some.To = look.first, look.last
		blocks, err := r.filter(ctx, some, slices.DeleteFunc(slices.Clone(look.wanted), func(d dimension) bool { return d.Name == dimensions[0].Name }))
		if err != nil {
			return nil, nil, err
		}
		for _, b := range blocks {
			day := b.points[0].Day
			days[day] = days[day].with(b)
			if !snap.closed(day, 1) {
				continue
			}
			for _, d := range look.wanted {
				r.keep(q.found(day, d), &kept{b.only(d.Name), []Sum{snap.sealed[day]}})
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
	filters := make([]string, len(q.Filters))
	for i, f := range q.Filters {
		filters[i] = f.String()
	}
	slices.Sort(filters)
	return blockKey{q.Site, day, 1, strings.Join(append(filters, d.Name), "\n")}
}

// A daySpan is the days from one to another, or none.
type daySpan struct {
	first, last column.Day
	some        bool
}

func (r *daySpan) add(day column.Day) {
	if !r.some {
		*r = daySpan{day, day, true}
	}
	r.first, r.last = min(r.first, day), max(r.last, day)
}

func (r *daySpan) none() bool { return !r.some }

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
