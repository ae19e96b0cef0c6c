package visits

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"loot/column"
)

// A tally is what a day, or one of the days of a week, came to by the values of
// a dimension. What is not listed is in the whole alone.
type tally struct {
	rows   map[string]Sum
	whole  Sum
	hidden bool  // something is not listed
	most   int64 // visitors of the largest such value
}

func (t *tally) list(value string, s Sum) {
	if t.rows == nil {
		t.rows = map[string]Sum{}
	}
	t.rows[value] = t.rows[value].plus(s)
	t.whole = t.whole.plus(s)
}

func (t *tally) hide(s Sum, most int64) {
	t.whole = t.whole.plus(s)
	t.hidden, t.most = true, max(t.most, most)
}

// fold takes what fewer than a crowd had out of the rows; and if that is fewer
// than a crowd together, the smallest of the others as well. Whoever is counted
// is so under at least one value, so at least all but those who are shown are in
// what was folded; of a part of the people, all is 0.
func (t *tally) fold(crowd int, all int64, keep func(string) bool) (shown, folded map[string]Sum) {
	if crowd <= 1 {
		return t.rows, nil
	}
	shown, folded = map[string]Sum{}, map[string]Sum{}
	for v, s := range t.rows {
		if s.Visitors < int64(crowd) || keep != nil && !keep(v) {
			folded[v] = s
			t.hidden, t.most = true, max(t.most, s.Visitors)
			continue
		}
		shown[v] = s
		all -= s.Visitors
	}
	if t.most = max(t.most, all); t.hidden && t.most < int64(crowd) && len(shown) > 0 {
		least := slices.MinFunc(slices.Collect(maps.Keys(shown)), func(a, b string) int {
			return cmp.Or(cmp.Compare(shown[a].Visitors, shown[b].Visitors), cmp.Compare(a, b))
		})
		t.most = shown[least].Visitors
		folded[least] = shown[least]
		delete(shown, least)
	}
	return shown, folded
}

// A dayTally is what a day came to.
type dayTally struct {
	day   column.Day
	total Sum
	of    map[string]*tally
}

func (d *dayTally) tally(dimension string) *tally {
	if d.of == nil {
		d.of = map[string]*tally{}
	}
	if d.of[dimension] == nil {
		d.of[dimension] = &tally{}
	}
	return d.of[dimension]
}

// only returns the day by one dimension, with the one that this is of; empty: by
// all.
func (d *dayTally) only(name string) *dayTally {
	if name == "" {
		return d
	}
	one := &dayTally{day: d.day, total: d.total, of: map[string]*tally{}}
	which, _ := findDimension(name)
	for _, w := range nested([]dimension{which}) {
		if t := d.of[w.Name]; t != nil {
			one.of[w.Name] = t
		}
	}
	return one
}

// A block is what is told of a day or of a whole week. Reports put blocks
// together and never take one apart, and every number of a block is of a crowd,
// or of nobody: so is every difference between reports. What a day is too short
// to tell, the week may, without what the day told already.
type block struct {
	points []Point
	total  Sum // of the days that are told of
	left   int // days that are not, as too few came
	panels map[string]*told
}

// told is what is told by a dimension.
type told struct {
	rows  map[string]Sum
	total Sum
	// spare had a crowd on the day, and is folded for the sake of others.
	spare map[string]Sum
}

// size is how many values there are in it.
func (b *block) size() (n int) {
	for _, p := range b.panels {
		n += len(p.rows) + len(p.spare)
	}
	return n + len(b.points)
}

// add takes in what else is told of the day.
func (t *told) add(o *told) {
	for v, s := range o.rows {
		t.rows[v] = t.rows[v].plus(s)
	}
	for v, s := range o.spare {
		t.spare[v] = t.spare[v].plus(s)
	}
	t.total = t.total.plus(o.total)
}

// aside returns whom a row of some of the visits leaves out, of those of whom all
// is told.
func (t *told) aside(value string, some Sum) Sum {
	return t.rows[value].plus(t.spare[value]).less(some)
}

// tells reports whether a report about some of the visits may list a value as s.
// What all came to must be listed by itself, or what is folded there but for
// this would be known; and a few more must not make the difference.
func (t *told) tells(crowd int, value string, s Sum) bool {
	_, spare := t.spare[value]
	return !spare && !t.aside(value, s).few(crowd)
}

// cover folds one of the rows of some of the visits as well, if what is folded
// may leave out a few: what all came to less all that is listed tells of them.
// It reports false if no row is left out by a crowd.
func (t *told) cover(crowd int, some *tally, shown, folded map[string]Sum) bool {
	if !some.hidden {
		return true
	}
	left := t.total.less(some.whole)
	var least string
	found := false
	for v, s := range shown {
		out := t.aside(v, s)
		left = left.less(out)
		if out.Visitors >= int64(crowd) && (!found || cmp.Or(cmp.Compare(s.Visitors, shown[least].Visitors), cmp.Compare(v, least)) < 0) {
			least, found = v, true
		}
	}
	if left.tidy() == (Sum{}) {
		return true
	}
	for _, rows := range []map[string]Sum{t.rows, t.spare} {
		for v, s := range rows {
			if _, ok := shown[v]; !ok && s.Visitors-some.most >= int64(crowd) {
				return true
			}
		}
	}
	if found {
		folded[least] = shown[least]
		delete(shown, least)
	}
	return found
}

// parentOf returns the value that one is of: "Firefox" of "Firefox 140".
func parentOf(nested string) string {
	of, _, _ := cutLast(nested, " ")
	return of
}

func (t *told) lists(value string) bool {
	_, ok := t.rows[value]
	return ok
}

// nest folds the smallest row of each value of which the rows that are listed
// leave a few.
func (t *told) nest(crowd int, shown, folded map[string]Sum) {
	left := maps.Clone(t.rows)
	least := map[string]string{}
	for v, s := range shown {
		of := parentOf(v)
		left[of] = left[of].less(s)
		if l, ok := least[of]; !ok || cmp.Or(cmp.Compare(s.Visitors, shown[l].Visitors), cmp.Compare(v, l)) < 0 {
			least[of] = v
		}
	}
	for of, v := range least {
		if left[of].few(crowd) {
			folded[v] = shown[v]
			delete(shown, v)
		}
	}
}

// A narrowing is what some of the visits of a day are told beside, in a panel: what the
// reports with one filter less tell, and how filters of several values part it.
type narrowing struct {
	wider    []*told
	partings partings
}

// newBlock folds a day, or the seven of a week. some is nil for all visits.
func newBlock(days []*dayTally, crowd int, some func(dimension string) narrowing) *block {
	b := &block{panels: map[string]*told{}}
	enough := int64(max(crowd, 1))
	var late int64 // visitors of days on which too few came
	for _, d := range days {
		if d.total.Visitors < enough {
			late += d.total.Visitors
		}
	}
	isLate := func(d *dayTally) bool { return d.total.Visitors < enough }
	isTold := func(d *dayTally) bool { return !isLate(d) || len(days) > 1 && late >= enough }
	names := map[string]bool{}
	for _, d := range days {
		p := Point{Day: d.day, Sum: d.total}
		if isLate(d) {
			p.Sum, p.Few = Sum{Visitors: d.total.Visitors}, d.total != Sum{}
		}
		b.points = append(b.points, p)
		if isTold(d) {
			b.total = b.total.plus(d.total)
		} else if d.total != (Sum{}) {
			b.left++
		}
		for name := range d.of {
			names[name] = true
		}
	}
	for name := range names {
		d, _ := findDimension(name)
		b.panels[name] = foldPanel(d, days, crowd, isTold, some)
	}
	return b
}

func foldPanel(d dimension, days []*dayTally, crowd int, isTold func(*dayTally) bool, some func(dimension string) narrowing) *told {
	out := &told{rows: map[string]Sum{}}
	show := func(rows map[string]Sum) (sum Sum) {
		for v, s := range rows {
			out.rows[v] = out.rows[v].plus(s)
			sum = sum.plus(s)
		}
		return sum
	}
	// Of a part of the people nobody knows how many they are together, and what
	// is not told is not counted either, if it is too few.
	part := d.where != ""
	settle := func(t *tally, shown Sum) {
		if part && t.hidden && t.most < int64(crowd) {
			out.total = out.total.plus(shown)
		} else {
			out.total = out.total.plus(t.whole)
		}
	}
	var rest tally
	var all int64
	for _, day := range days {
		if day.of[d.Name] == nil || !isTold(day) && !d.programs() {
			continue
		}
		t := *day.of[d.Name]
		total := day.total.Visitors
		if part {
			total = 0
		}
		var beside narrowing
		if some != nil {
			beside = some(d.Name)
		}
		hidden, most := t.hidden, t.most
		var of *told
		if d.of != "" && crowd > 1 {
			parent, _ := findDimension(d.of)
			of = foldPanel(parent, []*dayTally{day}, crowd, isTold, some)
		}
		shown, folded := t.fold(crowd, total, func(v string) bool {
			if of != nil && !of.lists(parentOf(v)) {
				return false
			}
			return beside.partings.may(v) && !slices.ContainsFunc(beside.wider, func(w *told) bool { return !w.tells(crowd, v, t.rows[v]) })
		})
		if of != nil {
			of.nest(crowd, shown, folded)
		}
		for _, w := range beside.wider {
			if !w.cover(crowd, &t, shown, folded) {
				t.most = 0
			}
		}
		if !beside.partings.cover(shown, folded) {
			t.most = 0
		}
		sum := show(shown)
		if len(days) == 1 || d.firm {
			settle(&t, sum)
			if len(days) == 1 {
				maps.DeleteFunc(folded, func(_ string, s Sum) bool { return s.Visitors < int64(crowd) })
				out.spare = folded
			}
			continue
		}
		// The week has what is left of each day.
		out.total = out.total.plus(sum)
		left := t.whole.less(sum)
		for v, s := range folded {
			rest.list(v, s)
			left = left.less(s)
		}
		if hidden {
			rest.hide(left, most)
		}
		all += max(total-sum.Visitors, 0)
	}
	if len(days) > 1 && !d.firm {
		if part {
			all = 0
		}
		shown, _ := rest.fold(crowd, all, nil)
		settle(&rest, show(shown))
	}
	return out
}

// programs reports whether it counts others than people.
func (d dimension) programs() bool { return d.Name == "class" || d.Name == "bot" }

func (s Sum) plus(o Sum) Sum {
	return Sum{
		s.Visitors + o.Visitors, s.Visits + o.Visits, s.Views + o.Views, s.Bounces + o.Bounces,
		s.Engaged + o.Engaged, s.Scrolled + o.Scrolled, s.Amount + o.Amount,
	}
}

func (s Sum) less(o Sum) Sum {
	return s.plus(Sum{-o.Visitors, -o.Visits, -o.Views, -o.Bounces, -o.Engaged, -o.Scrolled, -o.Amount})
}

// tidy takes away what is left of an amount where floats were subtracted.
func (s Sum) tidy() Sum {
	if math.Abs(s.Amount) < 1e-6 {
		s.Amount = 0
	}
	return s
}

// few reports whether somebody is in it and fewer than a crowd.
func (s Sum) few(crowd int) bool { return s.tidy() != Sum{} && s.Visitors < int64(crowd) }

// mostOf returns the keys with the greatest numbers.
func mostOf(of map[string]int64, n int) []string {
	keys := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b))
	})
	return keys[:min(n, len(keys))]
}
