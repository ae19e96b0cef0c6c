package visits

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// A came is how somebody came to a row by a filter: by one value, a crowd or a few, or
// by several.
type came struct {
	filter int
	row    string // empty: what is no row
	place  int
	crowd  bool
}

func parted(all ...came) partings {
	ps := partings{}
	for _, c := range all {
		if ps[c.filter] == nil {
			ps[c.filter] = newParting(map[int]bool{1: true, 2: true})
		}
		ps[c.filter].note(c.row, c.row != "", c.place, c.crowd)
	}
	return ps
}

// TestRowsOfSeveralValuesAreOfCrowds: a row to which a few came by a value alone is not
// listed, nor one to which somebody came by several unless a crowd came by each.
func TestRowsOfSeveralValuesAreOfCrowds(t *testing.T) {
	for name, tt := range map[string]struct {
		come []came
		want bool
	}{
		"nobody came by it":              {[]came{{0, "/b", 1, false}}, true},
		"a crowd by one, nobody else":    {[]came{{0, "/a", 1, true}}, true},
		"a crowd by each":                {[]came{{0, "/a", 1, true}, {0, "/a", 2, true}}, true},
		"a few by one":                   {[]came{{0, "/a", 1, true}, {0, "/a", 2, false}}, false},
		"some by both, a crowd by each":  {[]came{{0, "/a", several, true}, {0, "/a", 1, true}, {0, "/a", 2, true}}, true},
		"some by both, nobody by one":    {[]came{{0, "/a", several, true}, {0, "/a", 1, true}}, false},
		"some by both, nobody by either": {[]came{{0, "/a", several, true}}, false},
		"a few by the other filter":      {[]came{{0, "/a", 1, true}, {0, "/a", 2, true}, {1, "/a", 2, false}}, false},
	} {
		if got := parted(tt.come...).may("/a"); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestWhatIsFoldedIsOfACrowdByEachValue: where a few are folded who came by a value alone,
// or somebody who came by several, a row goes along to which a crowd came by it.
func TestWhatIsFoldedIsOfACrowdByEachValue(t *testing.T) {
	a := []came{{0, "/a", 1, true}, {0, "/a", 2, true}}
	b := []came{{0, "/b", 1, true}, {0, "/b", 2, true}}
	for name, tt := range map[string]struct {
		come   []came
		folded string // before
		want   string // after
		lacks  bool   // there is no row to fold
	}{
		"nothing is folded":                           {slices.Concat(a, b), "", "[]", false},
		"a few by one":                                {slices.Concat(a, b, []came{{0, "", 1, false}}), "", "[/a]", false},
		"a few by one, beside a crowd by it":          {slices.Concat(a, b, []came{{0, "", 1, false}}), "/b", "[/b]", false},
		"a few by one, by which no crowd came":        {[]came{{0, "/a", 1, true}, {0, "", 2, false}}, "", "[]", true},
		"the same, beside what another filter covers": {[]came{{0, "/a", 1, true}, {0, "", 2, false}, {1, "/a", 1, true}}, "", "[]", true},
		"some by both to what is no row":              {slices.Concat(a, b, []came{{0, "", several, true}}), "", "[/a]", false},
		"the same, where no row is of both":           {[]came{{0, "/a", 1, true}, {0, "/b", 2, true}, {0, "", several, true}}, "", "[/a /b]", false},
		"some by both to a row that is listed":        {slices.Concat(a, b, []came{{0, "/a", several, true}}), "", "[]", false},
		"some by both to a row that is folded":        {slices.Concat(a, b, []came{{0, "/c", several, true}}), "/c", "[/a /c]", false},
		"the same, by one of which no crowd came":     {[]came{{0, "/a", 1, true}, {0, "/c", several, true}}, "/c", "[/a /c]", true},
		"what one filter folds is folded for others": {
			[]came{{0, "/a", several, true}, {0, "/b", 1, true}, {0, "/d", 2, true}, {1, "/a", 1, true}, {1, "", 1, false}}, "", "[/a /b /d]", false,
		},
	} {
		shown, folded := map[string]Sum{}, map[string]Sum{}
		for i, row := range []string{"/a", "/b", "/c", "/d"} {
			if s := (Sum{Visitors: int64(5 + i)}); row == tt.folded {
				folded[row] = s
			} else {
				shown[row] = s
			}
		}
		covered := parted(tt.come...).cover(shown, folded)
		if got := fmt.Sprint(slices.Sorted(maps.Keys(folded))); got != tt.want || covered == tt.lacks || len(shown)+len(folded) != 4 {
			t.Errorf("%s: %s are folded, covered is %v, want %s and %v", name, got, covered, tt.want, !tt.lacks)
		}
	}
}
