package visits

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"loot/column"
	"loot/column/columntest"
)

var stepsToTry = []Filter{
	{"path", Is, []string{"/a"}},
	{"path", Is, []string{"/b", "/d,\\'"}},
	{"path", Contains, []string{"/c"}},
	{"path", Is, []string{"/c"}},
	{"event", Is, []string{"Order"}},
	{"event", Is, []string{"Sign-up", "Order"}},
}

// oracleFurthest says how many of the steps each visit of a day took, one after
// another. What is not a crowd's is as if it was not there.
func oracleFurthest(day, matched []occurrence, steps []Filter, crowd int) map[int64]int {
	known := func(f Filter, h occurrence) bool {
		v, ok := oracle(day, h, f.Dimension)
		if !ok || !f.matches(v) {
			return false
		}
		return len(people(cells(day, day, f.Dimension)[v])) >= crowd
	}
	place := func(h occurrence) int {
		if h.event == "" {
			return 2 * int(h.nth)
		}
		return 2*int(h.nth) + 1
	}
	out := map[int64]int{}
	by := map[int64][]occurrence{}
	for _, h := range matched {
		by[h.visit] = append(by[h.visit], h)
		out[h.visit] = 0
	}
	for visit, of := range by {
		at := 0
		for i, f := range steps {
			next := 1 << 30
			for _, h := range of {
				if p := place(h); known(f, h) && (i == 0 || p > at || p == at && h.event != "") {
					next = min(next, p)
				}
			}
			if next == 1<<30 {
				break
			}
			at, out[visit] = next, i+1
		}
	}
	return out
}

// ofSteps returns the rows of the visits that took at least from and fewer than to
// steps.
func ofSteps(matched []occurrence, furthest map[int64]int, from, to int) []occurrence {
	return slices.DeleteFunc(slices.Clone(matched), func(h occurrence) bool { return furthest[h.visit] < from || furthest[h.visit] >= to })
}

func visitsOf(of []occurrence) int {
	seen := map[int64]bool{}
	for _, h := range of {
		seen[h.visit] = true
	}
	return len(seen)
}

// oracleAround says what is beside a view of a page on either side.
func oracleAround(day []occurrence, h occurrence) (before, after string) {
	before, after = h.before, ""
	for _, o := range day {
		if o.visit == h.visit && o.event == "" && o.nth == h.nth+1 {
			after = o.path
		}
	}
	return before, after
}

// inCrowds is what both engines say of the visits below in crowds of three.
const inCrowds = "{14 17 33 7 0 0 20} 2 {17 14 [{17 14} {3 3}] 2} 14 3 { 7 7}"

// TestFunnelsAndJourneysCountWhatWasThere compares them without crowds with a
// plain count, with open and sealed days, on both engines.
func TestFunnelsAndJourneysCountWhatWasThere(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, Schema(), column.Options{})
		all := madeUp(rand.New(rand.NewPCG(5, 6)), 1, someDay-3, someDay, 14)
		keepAll(t, s, all)
		keepAll(t, s, madeUp(rand.New(rand.NewPCG(7, 8)), 2, someDay-3, someDay, 14))
		for day := someDay - 3; day < someDay-1; day++ {
			if err := s.Seal(t.Context(), day); err != nil {
				t.Fatal(err)
			}
		}
		r := NewReports(s, 1, noon, nil)
		filtered := [][]Filter{{{"country", Is, []string{"IE"}}, {"path", Not, []string{"/b"}}}, nil}
		funnels := [][]Filter{{stepsToTry[4], stepsToTry[1], stepsToTry[5]}, {stepsToTry[0], stepsToTry[4]}, {stepsToTry[2], stepsToTry[1], stepsToTry[0]}}
		pages := []string{"/d,\\'", "/a"}
		if plansLong(address) {
			filtered, funnels, pages = filtered[:1], funnels[:1], pages[:1]
		}
		for _, filters := range filtered {
			q := Question{Site: 1, From: someDay - 3, To: someDay, Filters: filters}
			for _, steps := range funnels {
				want := make([]Reached, len(steps))
				for day := q.From; day <= q.To; day++ {
					rows := humans(all, 1, day)
					matched := oracleMatch(rows, filters, 1)
					furthest := oracleFurthest(rows, matched, steps, 1)
					for k := range steps {
						of := ofSteps(matched, furthest, k+1, 99)
						want[k] = want[k].plus(Reached{int64(visitsOf(of)), int64(len(people(of)))})
					}
				}
				for range 2 { // the second time sealed days are remembered
					got, err := r.Funnel(t.Context(), q, steps)
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(got.Steps, want) || len(filters) == 0 && want[1].Visits == 0 {
						t.Errorf("%v: %v: %+v, not %+v", filters, steps, got.Steps, want)
					}
				}
			}
			for _, page := range pages {
				want := map[string]Step{}
				for day := q.From; day <= q.To; day++ {
					rows := humans(all, 1, day)
					by := map[string][]occurrence{}
					for _, h := range oracleMatch(rows, filters, 1) {
						if h.event == "" && h.path == page {
							before, after := oracleAround(rows, h)
							by["<"+before], by[">"+after] = append(by["<"+before], h), append(by[">"+after], h)
						}
					}
					for v, of := range by {
						want[v] = Step{want[v].Page, want[v].Visitors + int64(len(people(of))), want[v].Views + int64(len(of))}
					}
				}
				j, err := r.Journey(t.Context(), q, page)
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]Step{}
				for sign, w := range map[string]Way{"<": j.Before, ">": j.After} {
					if w.Edge.Views > 0 {
						got[sign] = w.Edge
					}
					for _, p := range w.Pages {
						got[sign+p.Page] = Step{"", p.Visitors, p.Views}
					}
					if w.Others != (Step{}) {
						t.Errorf("%v: %s: others %+v", filters, page, w.Others)
					}
				}
				if !maps.Equal(got, want) || len(filters) == 0 && len(want) < 4 {
					t.Errorf("%v: %s: %v, not %v", filters, page, got, want)
				}
			}
		}
		// In crowds both engines are asked by other queries, which must say the same.
		crowds := NewReports(s, 3, noon, nil)
		q := Question{Site: 1, From: someDay - 3, To: someDay, Filters: []Filter{{"path", Contains, []string{"/"}}}, Dimensions: []string{"country", "pages", "exit"}}
		told := ask(t, crowds, q)
		q.Filters = append(q.Filters, Filter{"country", Not, []string{"FR"}})
		funnel, err := crowds.Funnel(t.Context(), q, stepsToTry[:2])
		if err != nil {
			t.Fatal(err)
		}
		journey, err := crowds.Journey(t.Context(), q, "/a")
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(told.Total, told.Left, *funnel, journey.Views, journey.Left, journey.Before.Edge); got != inCrowds {
			t.Errorf("in crowds: %s", got)
		}
		hours, days, err := r.Hours(t.Context(), Question{Site: 1, From: someDay - 3, To: someDay})
		if err != nil {
			t.Fatal(err)
		}
		var views, want int64
		for _, of := range hours {
			for _, s := range of {
				views += s.Views
			}
		}
		for day := someDay - 3; day <= someDay; day++ {
			want += int64(len(slices.DeleteFunc(humans(all, 1, day), func(h occurrence) bool { return h.event != "" })))
		}
		if views != want || days != [7]int{1, 0, 0, 0, 1, 1, 1} { // from Friday to Monday
			t.Errorf("%d views of %d by weekday and hour, %v", views, want, days)
		}
	})
}

// TestNoDifferenceOfGoalsFunnelsAndJourneysTellsOfFew asks for pairs of them, of
// which one has a filter more, or other days, and subtracts them.
func TestNoDifferenceOfGoalsFunnelsAndJourneysTellsOfFew(t *testing.T) {
	all, reports := smallSites(t, 1)
	told := map[string]int{}
	checksOf(t, "60")
	rapid.Check(t, func(t *rapid.T) {
		crowd := rapid.IntRange(3, 5).Draw(t, "crowd")
		site := rapid.IntRange(2, len(all)-1).Draw(t, "site")
		r := reports[crowd]
		day := someDay + column.Day(rapid.IntRange(-6, 2).Draw(t, "day"))
		rows := humans(all[site], uint16(site), day)
		more := Question{Site: uint16(site), From: day, To: day, Filters: rapid.SliceOfN(rapid.Custom(drawFilter), 0, 1).Draw(t, "filters")}
		less := more
		less.Filters = append(slices.Clone(more.Filters), drawFilter(t))
		enough := func(what string, a, b []occurrence) {
			x, y := people(without(a, b)), people(without(b, a))
			if len(y) == 0 && len(x) > 0 && len(x) < crowd || len(x) == 0 && len(y) > 0 && len(y) < crowd {
				t.Errorf("crowd %d: %+v\n%+v\n%s: the difference tells of %d and %d visitors", crowd, more, less, what, len(x), len(y))
			}
		}
		switch rapid.IntRange(0, 3).Draw(t, "about") {
		case 0:
			goal := rapid.SampledFrom(stepsToTry).Draw(t, "goal")
			for _, q := range []Question{more, less} {
				got, err := r.Reach(t.Context(), q, goal)
				if err != nil {
					t.Fatal(err)
				}
				whole := ask(t, r, q)
				q.Filters = append(slices.Clone(q.Filters), goal)
				if a := ask(t, r, q); a.Total != got.Sum || a.Left != got.Left {
					t.Errorf("%+v: the goal has %+v, and the report %+v", q, got, a.Total)
				}
				if got.Views > 0 && whole.Total.Views > 0 {
					told["goal"]++
					enough("goal", oracleMatch(rows, q.Filters[:len(q.Filters)-1], crowd), oracleMatch(rows, q.Filters, crowd))
				}
			}
		case 1:
			steps := rapid.SliceOfNDistinct(rapid.SampledFrom(stepsToTry), 2, 3, Filter.String).Draw(t, "steps")
			var sets [2][][]occurrence
			for i, q := range []Question{more, less} {
				f, err := r.Funnel(t.Context(), q, steps)
				if err != nil {
					t.Fatal(err)
				}
				if f.Left > 0 {
					return
				}
				told["funnel"]++
				matched := oracleMatch(rows, q.Filters, crowd)
				furthest := oracleFurthest(rows, matched, steps, crowd)
				sets[i] = [][]occurrence{matched}
				reached := append([]Reached{{f.Visits, f.Visitors}}, f.Steps...)
				for k := range reached {
					of := ofSteps(matched, furthest, k, 99)
					if k > 0 && reached[k] != (Reached{int64(visitsOf(of)), int64(len(people(of)))}) {
						// What is folded is told a step before.
						if reached[k].Visits >= int64(visitsOf(of)) {
							t.Errorf("crowd %d: %+v: %v: step %d has %+v of %d visits", crowd, q, steps, k, reached[k], visitsOf(of))
						}
						of = nil
						for j := k + 1; j < len(reached); j++ {
							if all := ofSteps(matched, furthest, j, 99); reached[k] == (Reached{int64(visitsOf(all)), int64(len(people(all)))}) {
								of = all
							}
						}
						if of == nil && reached[k].Visits > 0 {
							t.Errorf("crowd %d: %+v: %v: step %d has %+v, which no step has", crowd, q, steps, k, reached[k])
						}
					}
					sets[i] = append(sets[i], of)
				}
				for k, of := range sets[i][1:] {
					enough("step "+strconv.Itoa(k)+" and the next", sets[i][k], of)
				}
			}
			for k := range sets[0] {
				enough("step "+strconv.Itoa(k), sets[0][k], sets[1][k])
			}
		case 2:
			page := rapid.SampledFrom([]string{"/a", "/b", "/c", "/d,\\'"}).Draw(t, "page")
			var sets [2]map[string][]occurrence
			for i, q := range []Question{more, less} {
				j, err := r.Journey(t.Context(), q, page)
				if err != nil {
					t.Fatal(err)
				}
				if j.Left > 0 {
					return
				}
				told["journey"]++
				sets[i] = map[string][]occurrence{}
				for _, h := range oracleMatch(rows, q.Filters, crowd) {
					if h.event == "" && h.path == page {
						before, after := oracleAround(rows, h)
						for _, v := range []string{"page", "<" + before, ">" + after} {
							sets[i][v] = append(sets[i][v], h)
						}
					}
				}
				if j.Views != int64(len(sets[i]["page"])) {
					t.Errorf("crowd %d: %+v: %s has %d views of %d", crowd, q, page, j.Views, len(sets[i]["page"]))
				}
				shown := map[string]bool{"page": true}
				for sign, w := range map[string]Way{"<": j.Before, ">": j.After} {
					others := slices.Clone(sets[i]["page"])
					for _, p := range append(slices.Clone(w.Pages), w.Edge) {
						if p.Views > 0 {
							shown[sign+p.Page] = true
							told["row"]++
							of := sets[i][sign+p.Page]
							others = without(others, of)
							if len(people(of)) < crowd || p.Views != int64(len(of)) {
								t.Errorf("crowd %d: %+v: %s %s%s: %+v of %d visitors", crowd, q, page, sign, p.Page, p, len(people(of)))
							}
						}
					}
					if n := len(people(others)); n > 0 && n < crowd || w.Others.Views != int64(len(others)) {
						t.Errorf("crowd %d: %+v: %s %s: the others are %d visitors, %+v of %d", crowd, q, page, sign, n, w.Others, len(others))
					}
				}
				maps.DeleteFunc(sets[i], func(v string, _ []occurrence) bool { return !shown[v] })
			}
			for v, of := range sets[0] {
				if other, ok := sets[1][v]; ok {
					enough(page+" "+v, of, other)
				}
			}
		case 3:
			steps := rapid.SliceOfNDistinct(rapid.SampledFrom(stepsToTry), 2, 3, Filter.String).Draw(t, "steps")
			whole, part := more, more
			whole.From, whole.To = someDay-6, someDay+2
			part.From, part.To = day, min(day+2, someDay+2)
			a, err := r.Funnel(t.Context(), whole, steps)
			if err != nil {
				t.Fatal(err)
			}
			b, err := r.Funnel(t.Context(), part, steps)
			if err != nil {
				t.Fatal(err)
			}
			for k := range steps {
				x := Reached{a.Steps[k].Visits - b.Steps[k].Visits, a.Steps[k].Visitors - b.Steps[k].Visitors}
				if x.few(crowd) {
					t.Errorf("crowd %d: %+v %v: step %d of the other days: %+v", crowd, part, steps, k, x)
				}
			}
			told["days"]++
		}
	})
	t.Logf("%v", told)
	for _, what := range []string{"goal", "funnel", "journey", "row", "days"} {
		if told[what] == 0 {
			t.Errorf("no %s was told: the test has nothing to find", what)
		}
	}
}

// TestFewAreToldAsAStepBefore: what ended at a step is folded downwards, for all
// parts alike, and a day is left out of which few took the first step, or none.
func TestFewAreToldAsAStepBefore(t *testing.T) {
	of := func(visitors ...int64) (out funnelDay) {
		for _, n := range visitors {
			out = append(out, Reached{n, n})
		}
		return out
	}
	for _, c := range []struct {
		name      string
		full, one funnelDay // for whom all filters hold, and one does not
		want      funnelDay // nil: nothing is told
	}{
		{"all are crowds", of(9, 8, 7, 6), nil, of(9, 8, 7, 6)},
		{"the last step has few", of(9, 8, 7, 2), nil, of(9, 8, 9, 0)},
		{"two steps have few", of(9, 8, 2, 2), nil, of(9, 12, 0, 0)},
		{"few and few are a crowd", of(9, 0, 3, 3), nil, of(9, 0, 6, 0)},
		{"all go on", of(9, 0, 0, 7), nil, of(9, 0, 0, 7)},
		{"nobody took none", of(0, 8, 0, 7), nil, of(0, 8, 0, 7)},
		{"few took none", of(3, 8, 7, 6), nil, nil},
		{"few took the first", of(9, 3, 0, 0), nil, nil},
		{"few took any", of(9, 1, 1, 1), nil, nil},
		{"nobody took any", of(9, 0, 0, 0), nil, nil},
		{"few whom a filter leaves out", of(9, 8, 7, 6), of(9, 8, 2, 6), of(9, 15, 0, 6)},
		{"few whom a filter leaves out took none", of(9, 8, 7, 6), of(2, 8, 7, 6), nil},
		{"visits of those who came farther in another", funnelDay{{9, 9}, {2, 0}, {7, 7}, {1, 0}}, nil, nil},
	} {
		parts := map[int]funnelDay{1: slices.Clone(c.full)}
		if c.one != nil {
			parts[0] = slices.Clone(c.one)
		}
		if told := foldFunnel(parts, 1, 5); told != (c.want != nil) || told && !slices.Equal(parts[1], c.want) {
			t.Errorf("%s: %v, told %v, not %v", c.name, parts[1], told, c.want)
		}
	}
}

// TestAFilterTellsNoFewBesideAPage: of six who came to a page from another, one is
// from elsewhere, so that row is folded in the report of the five.
func TestAFilterTellsNoFewBesideAPage(t *testing.T) {
	s := columntest.Open(t, columntest.DuckDB(t), Schema(), column.Options{})
	var hits []hit
	view := func(who int, nth uint16, country, path, before string) {
		hits = append(hits, hit{site: 1, who: visitor(who), visit: int64(who), nth: nth, page: int64(len(hits) + 1), path: path, before: before, country: country, class: human})
	}
	come := func(from, to int, country, before string) {
		for who := from; who < to; who++ {
			view(who, 1, country, before, "")
			view(who, 2, country, "/b", before)
		}
	}
	come(1, 6, "IE", "/a")
	come(6, 7, "DE", "/a")
	come(7, 12, "IE", "/c")
	come(12, 17, "DE", "/c")
	come(17, 22, "IE", "/e")
	keep(t, s, someDay, hits, nil)
	r := NewReports(s, 3, noon, nil)
	q := Question{Site: 1, From: someDay, To: someDay}
	for _, c := range []struct {
		filters []Filter
		want    []Step
		others  Step
	}{
		{nil, []Step{{"/c", 10, 10}, {"/a", 6, 6}, {"/e", 5, 5}}, Step{}},
		{[]Filter{{"country", Is, []string{"IE"}}}, []Step{{"/c", 5, 5}, {"/e", 5, 5}}, Step{"", 5, 5}},
	} {
		q.Filters = c.filters
		j, err := r.Journey(t.Context(), q, "/b")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(j.Before.Pages, c.want) || j.Before.Others != c.others {
			t.Errorf("%v: %+v, not %+v and %+v", c.filters, j.Before, c.want, c.others)
		}
	}
}
