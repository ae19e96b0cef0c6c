package visits

import (
	"cmp"
	"maps"
	"slices"
)

// A parting is how a filter that stands for several values parts the rows of a panel of
// a day. A report whose filter has one of them less differs from this one by those who
// came by that value alone; and in a row to which somebody came by several of them, by
// some of these as well.
type parting struct {
	places map[int]bool            // of the values that count on the day
	crowds map[string]map[int]bool // the places of which a crowd came to a row by that value alone
	split  map[string]bool         // rows to which a few came by one value alone
	met    map[string]bool         // rows to which somebody came by several
	few    map[int]bool            // places of which a few came to something by that value alone
	apart  bool                    // somebody came by several to what is no row, as no crowd did
}

// partings are those of a panel, by the number of the filter.
type partings map[int]*parting

func newParting(places map[int]bool) *parting {
	return &parting{places: places, crowds: map[string]map[int]bool{}, split: map[string]bool{}, met: map[string]bool{}, few: map[int]bool{}}
}

// note takes in that a crowd or a few came to a row by a value alone, or that somebody
// came by several; listed is false for what is no row.
func (p *parting) note(row string, listed bool, place int, crowd bool) {
	switch {
	case place == several && listed:
		p.met[row] = true
	case place == several:
		p.apart = true
	case !crowd:
		p.few[place] = true
		p.split[row] = true
	default:
		if p.crowds[row] == nil {
			p.crowds[row] = map[int]bool{}
		}
		p.crowds[row][place] = true
	}
}

// may reports whether a row may be listed: a crowd came to it by each value, or nobody;
// and where somebody came by several, a crowd by each.
func (p *parting) may(row string) bool {
	return !p.split[row] && (!p.met[row] || len(p.crowds[row]) == len(p.places))
}

// cover folds a row more for each place of which it is known, of what is folded, that a
// few came to it by that value alone: the others of this report have them, and those of
// another lack them. It reports false where there is no row to fold.
func (p *parting) cover(shown, folded map[string]Sum) (covered bool) {
	isFolded := func(row string) bool { _, ok := shown[row]; return !ok }
	covered = true
	met := p.apart || slices.ContainsFunc(slices.Collect(maps.Keys(p.met)), isFolded)
	for _, place := range slices.Sorted(maps.Keys(p.places)) {
		if !p.few[place] && !met {
			continue
		}
		var by []string // rows to which a crowd came by it
		for row, places := range p.crowds {
			if places[place] {
				by = append(by, row)
			}
		}
		switch {
		case len(by) == 0:
			covered = false
		case !slices.ContainsFunc(by, isFolded):
			least := slices.MinFunc(by, func(a, b string) int {
				return cmp.Or(cmp.Compare(shown[a].Visitors, shown[b].Visitors), cmp.Compare(a, b))
			})
			folded[least] = shown[least]
			delete(shown, least)
		}
	}
	return covered
}

func (ps partings) may(row string) bool {
	for _, p := range ps {
		if !p.may(row) {
			return false
		}
	}
	return true
}

// cover folds more rows until none is to be folded, as a row that is folded may leave a
// few by another value.
func (ps partings) cover(shown, folded map[string]Sum) (covered bool) {
	for before := -1; before != len(shown); {
		before, covered = len(shown), true
		for _, n := range slices.Sorted(maps.Keys(ps)) {
			covered = ps[n].cover(shown, folded) && covered
		}
	}
	return covered
}
