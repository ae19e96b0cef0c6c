package visits

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"loot"
	"loot/column"
	"loot/column/columntest"
)

// A occurrence is a hit and its day.
type occurrence struct {
	day column.Day
	hit
}

// madeUp are the visits of some days to a site: few people, so that crowds are
// rare, whose visits are alike in all but a little.
func madeUp(r *rand.Rand, site uint16, from, to column.Day, people int) (out []occurrence) {
	pick := func(of ...string) string { return of[min(r.IntN(len(of)), r.IntN(len(of)))] }
	var page int64
	for day := from; day <= to; day++ {
		for who := range r.IntN(people + 1) {
			h := hit{
				site: site, who: visitor(who + 1), host: "example.com", country: pick("IE", "DE", "FR"), provider: pick("Eir", "Vodafone", "A firm"),
				browser: pick("Firefox", "Safari"), system: pick("Linux", "macOS"), class: human, via: "tag",
			}
			h.version = h.browser + pick(" 1", " 2", " 3")
			if r.IntN(9) == 0 {
				h.class, h.bot = "declared", pick("Crawler", "Checker")
			}
			for visit := range 1 + r.IntN(5)/4 {
				h.visit, h.source, h.entry, h.before = int64(who*2+visit+1), pick("", "Search"), "", ""
				h.second = uint32(r.IntN(3) * 3600 * 4)
				for nth := range 1 + r.IntN(3) {
					page++
					if page%5 == 0 { // another machine behind the address
						h.language = []string{"en", "de", "fr"}[page/5%3]
					}
					h.nth, h.page, h.path, h.event, h.target = uint16(nth+1), page, pick("/a", "/b", "/c", "/d,\\'"), "", ""
					h.second++
					if nth == 0 {
						h.entry = h.path
					}
					out = append(out, occurrence{day, h})
					if r.IntN(3) == 0 {
						e := h
						e.event, e.amount = pick("Order", "Sign-up", "Trial"), 2
						out = append(out, occurrence{day, e})
					}
					h.before = h.path
				}
			}
		}
	}
	return out
}

func keepAll(t testing.TB, s column.Store, all []occurrence) {
	t.Helper()
	by := map[column.Day][]hit{}
	for _, h := range all {
		by[h.day] = append(by[h.day], h.hit)
	}
	for day, hits := range by {
		for chunk := range slices.Chunk(hits, 4000) {
			keep(t, s, day, chunk, nil)
		}
	}
}

// oracle says what the value of a row is by a dimension, and whether it counts.
func oracle(all []occurrence, h occurrence, dimension string) (string, bool) {
	view := h.event == ""
	ofVisit := func(o occurrence) bool { return o.day == h.day && o.visit == h.visit && o.event == "" }
	switch dimension {
	case "returns":
		visits := map[int64]bool{}
		for _, o := range all {
			if o.day == h.day && o.who == h.who && o.event == "" {
				visits[o.visit] = true
			}
		}
		return strconv.Itoa(min(len(visits), 4)), view
	case "pages":
		n := 0
		for _, o := range all {
			if ofVisit(o) {
				n++
			}
		}
		for _, least := range []int{11, 6, 3, 2} {
			if n >= least {
				return strconv.Itoa(least), view
			}
		}
		return "1", view
	case "path":
		return h.path, view
	case "hour":
		return strconv.Itoa(int(h.second / 3600)), view
	case "entry":
		return h.entry, view
	case "exit":
		last := h
		for _, o := range all {
			if ofVisit(o) && o.nth > last.nth {
				last = o
			}
		}
		return last.path, view && last.nth == h.nth
	case "country":
		return h.country, view
	case "provider":
		return h.provider, view
	case "browser":
		return h.browser, view
	case "version":
		return h.version, view
	case "source":
		return h.source, view
	case "event":
		return h.event, !view
	}
	panic(dimension)
}

var oracleDimensions = []string{"path", "entry", "exit", "hour", "country", "provider", "browser", "version", "source", "returns", "pages", "event"}

type who struct {
	day column.Day
	who visitor
}

func people(of []occurrence) map[who]bool {
	out := map[who]bool{}
	for _, h := range of {
		out[who{h.day, h.who}] = true
	}
	return out
}

// oracleMatch returns the rows of one day's people that the filters choose, with
// what is not a crowd's as if it was not there.
func oracleMatch(day []occurrence, filters []Filter, crowd int) []occurrence {
	out := day
	for _, f := range filters {
		d, _ := findDimension(f.Dimension)
		byVisit := d.varies || d.whole || f.Dimension == "exit"
		had := map[string][]occurrence{}
		for _, h := range day {
			if v, ok := oracle(day, h, f.Dimension); ok && f.matches(v) {
				had[v] = append(had[v], h)
			}
		}
		maps.DeleteFunc(had, func(_ string, of []occurrence) bool { return len(people(of)) < crowd })
		values := map[int64]map[string]bool{} // of a visit
		for v, of := range had {
			for _, h := range of {
				if values[h.visit] == nil {
					values[h.visit] = map[string]bool{}
				}
				values[h.visit][v] = true
			}
		}
		if byVisit && crowd > 1 && len(had) > 1 {
			alone := map[string][]occurrence{}
			for v, of := range had {
				for _, h := range of {
					if len(values[h.visit]) == 1 {
						alone[v] = append(alone[v], h)
					}
				}
			}
			for v := range had {
				if len(people(alone[v])) < crowd {
					for _, of := range values {
						delete(of, v)
					}
				}
			}
		}
		out = slices.DeleteFunc(slices.Clone(out), func(h occurrence) bool { return (len(values[h.visit]) > 0) == (f.Op == Not) })
	}
	return out
}

// cells returns the rows of each value of a dimension.
func cells(day, of []occurrence, dimension string) map[string][]occurrence {
	out := map[string][]occurrence{}
	for _, h := range of {
		if v, ok := oracle(day, h, dimension); ok {
			out[v] = append(out[v], h)
		}
	}
	return out
}

func humans(all []occurrence, site uint16, day column.Day) (out []occurrence) {
	for _, h := range all {
		if h.site == site && h.day == day && h.class == human {
			out = append(out, h)
		}
	}
	return out
}

func ask(t fataler, r *Reports, q Question) *Answer {
	t.Helper()
	a, err := r.Answer(t.Context(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	addsUp(t, q, a)
	nests(t, r.crowd, q, a)
	return a
}

// nests fails the test if what is listed by browser less what is listed of its
// versions leaves a few.
func nests(t fataler, crowd int, q Question, a *Answer) {
	t.Helper()
	i := slices.IndexFunc(a.Panels, func(p Panel) bool { return p.Name == "browser" })
	j := slices.IndexFunc(a.Panels, func(p Panel) bool { return p.Name == "version" })
	if i < 0 || j < 0 || a.Total == (Sum{}) || crowd <= 1 {
		return
	}
	left := map[string]Sum{"": a.Panels[i].Others}
	for _, row := range a.Panels[i].Rows {
		left[row.Value] = row.Sum
	}
	for _, row := range a.Panels[j].Rows {
		of, _ := versioned(row.Value)
		if _, ok := left[of]; !ok {
			of = ""
		}
		left[of] = left[of].less(row.Sum)
	}
	for of, s := range left {
		if s.few(crowd) {
			t.Errorf("crowd %d: %+v: browser %q without its versions is %+v", crowd, q, of, s)
		}
	}
}

type fataler interface {
	rapid.TB
	Context() context.Context
}

// addsUp fails the test unless every panel comes to the total.
func addsUp(t fataler, q Question, a *Answer) {
	t.Helper()
	for _, p := range a.Panels {
		sum := p.Others.plus(p.Rest)
		for _, row := range p.Rows {
			sum = sum.plus(row.Sum)
		}
		if sum != p.Total {
			t.Errorf("%+v: panel %s: %+v are not %+v", q, p.Name, sum, p.Total)
		}
		d, _ := findDimension(p.Name)
		if d.where != "" {
			continue
		}
		if d.worth() && p.Total.Amount != a.Total.Amount {
			t.Errorf("%+v: panel %s: worth %v, in all %v", q, p.Name, p.Total.Amount, a.Total.Amount)
		}
		if p.Total.Visits != a.Total.Visits || p.Name != "exit" && p.Total.Views != a.Total.Views {
			t.Errorf("%+v: panel %s: %+v, in all %+v", q, p.Name, p.Total, a.Total)
		}
	}
	var views int64
	for _, p := range a.Trend {
		views += p.Views
	}
	if q.From != q.To && len(q.Filters) > 0 && views != a.Total.Views {
		t.Errorf("%+v: the trend has %d views of %d", q, views, a.Total.Views)
	}
}

func drawFilter(t *rapid.T) Filter {
	d := rapid.SampledFrom(oracleDimensions).Draw(t, "dimension")
	values := map[string][]string{
		"path": {"/a", "/b", "/c", "/d,\\'", "/none"}, "entry": {"/a", "/b", "/c"}, "exit": {"/a", "/b", "/c"}, "hour": {"0", "4", "8"},
		"country": {"IE", "DE", "FR"}, "provider": {"Eir", "Vodafone", "A firm"}, "browser": {"Firefox", "Safari"},
		"version": {"Firefox 1", "Firefox 2", "Safari 1"}, "source": {"", "Search"}, "returns": {"1", "2"}, "pages": {"1", "2", "3"}, "event": {"Order", "Sign-up"},
	}[d]
	f := Filter{d, rapid.SampledFrom([]Op{Is, Not, Contains}).Draw(t, "op"), rapid.SliceOfNDistinct(rapid.SampledFrom(values), 1, 2, rapid.ID).Draw(t, "values")}
	if f.Op == Contains {
		f.Values = []string{rapid.SampledFrom([]string{"/", "a", "o", "F", "1", ""}).Draw(t, "part")}
	}
	return f
}

var noon = func() time.Time { return someDay.Time().Add(12 * time.Hour) }

// plansLong reports whether an engine takes seconds to plan a question, of which
// only some are asked then: those whose queries have every form.
func plansLong(address string) bool {
	return strings.HasPrefix(address, "clickhouse:") && os.Getenv("LOOT_SOAK") == ""
}

// TestReportsCountWhatWasThere compares answers without crowds with a plain
// count, with open and sealed days, on both engines.
func TestReportsCountWhatWasThere(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, Schema(), column.Options{})
		all := madeUp(rand.New(rand.NewPCG(1, 2)), 1, someDay-6, someDay, 12)
		keepAll(t, s, all)
		keepAll(t, s, madeUp(rand.New(rand.NewPCG(3, 4)), 2, someDay-6, someDay, 12))
		for day := someDay - 6; day < someDay-1; day++ {
			if err := s.Seal(t.Context(), day); err != nil {
				t.Fatal(err)
			}
		}
		r := NewReports(s, 1, noon, nil)
		questions := [][]Filter{
			nil,
			{{"country", Is, []string{"IE"}}},
			{{"path", Is, []string{"/b"}}},
			{{"path", Is, []string{"/b", "/d,\\'"}}, {"browser", Not, []string{"Safari"}}},
			{{"path", Contains, []string{"/"}}, {"event", Is, []string{"Order"}}, {"source", Is, []string{""}}},
			{{"exit", Not, []string{"/a"}}, {"hour", Is, []string{"4"}}},
			{{"pages", Is, []string{"2", "3"}}, {"returns", Not, []string{"1"}}},
			{{"entry", Contains, []string{"b"}}, {"path", Not, []string{"/c", "/a"}}},
			{{"country", Is, []string{"Atlantis"}}},
		}
		wanted := oracleDimensions
		defer func(views int64) { viewsAtOnce = views }(viewsAtOnce)
		if viewsAtOnce = 20; plansLong(address) {
			viewsAtOnce = 200
			questions, wanted = questions[4:7], []string{"path", "exit", "country", "returns", "event"}
		}
		for _, filters := range questions {
			q := Question{Site: 1, From: someDay - 6, To: someDay, Filters: filters, Dimensions: wanted}
			a := ask(t, r, q)
			want := map[string]map[string][3]int64{}
			var views, worth int64
			for day := q.From; day <= q.To; day++ {
				rows := humans(all, 1, day)
				matched := oracleMatch(rows, filters, 1)
				for _, h := range matched {
					if h.event == "" {
						views++
					}
					worth += int64(h.amount)
				}
				for _, d := range wanted {
					if want[d] == nil {
						want[d] = map[string][3]int64{}
					}
					if d != "event" {
						for _, h := range matched {
							v, _ := oracle(rows, h, d)
							x := want[d][v]
							x[2] += int64(h.amount)
							want[d][v] = x
						}
					}
					for v, of := range cells(rows, matched, d) {
						x := want[d][v]
						want[d][v] = [3]int64{x[0] + int64(len(people(of))), x[1] + int64(len(of)), x[2]}
						if d == "event" {
							for _, h := range of {
								x[2] += int64(h.amount)
							}
							want[d][v] = [3]int64{want[d][v][0], want[d][v][1], x[2]}
						}
					}
				}
			}
			if a.Total.Views != views || a.Total.Amount != float64(worth) {
				t.Errorf("%v: %d views worth %v, not %d and %d", filters, a.Total.Views, a.Total.Amount, views, worth)
			}
			for _, p := range a.Panels {
				got := map[string][3]int64{}
				for _, row := range p.Rows {
					if row.Views > 0 {
						got[row.Value] = [3]int64{row.Visitors, row.Views, int64(row.Amount)}
					}
				}
				if !maps.Equal(got, want[p.Name]) {
					t.Errorf("%v: %s: %v, not %v", filters, p.Name, got, want[p.Name])
				}
			}
		}
		bots := ask(t, r, Question{Site: 1, From: someDay - 6, To: someDay, Dimensions: []string{"class", "bot"}})
		var programs int64
		for _, row := range bots.Panels[1].Rows {
			programs += row.Views
		}
		one := ask(t, r, Question{Site: 1, From: someDay - 6, To: someDay, Dimensions: []string{"country"}, Filters: []Filter{{"class", Is, []string{"declared"}}}})
		if programs == 0 || one.Total.Views != programs || bots.Panels[0].Total.Views != programs+bots.Total.Views {
			t.Errorf("programs: %d, %+v, %+v", programs, one.Total, bots.Panels[0])
		}
	})
}

// smallSites are sites of few visitors, of whose days the last so many are open,
// and reports on them in crowds of three to five.
func smallSites(t *testing.T, open column.Day) (all [10][]occurrence, reports map[int]*Reports) {
	t.Helper()
	s := columntest.Open(t, columntest.DuckDB(t), Schema(), column.Options{})
	seed := uint64(7)
	if os.Getenv("LOOT_SOAK") != "" {
		seed = rand.Uint64()
		t.Logf("seed %d", seed)
	}
	var every []occurrence
	for i := range all {
		all[i] = madeUp(rand.New(rand.NewPCG(seed, uint64(i))), uint16(i), someDay-6, someDay+2, 12+3*i*i)
		every = append(every, all[i]...)
	}
	keepAll(t, s, every)
	for day := someDay - 6; day <= someDay+2-open; day++ {
		if err := s.Seal(t.Context(), day); err != nil {
			t.Fatal(err)
		}
	}
	reports = map[int]*Reports{}
	for crowd := 3; crowd <= 5; crowd++ {
		reports[crowd] = NewReports(s, crowd, noon, nil)
	}
	return all, reports
}

// TestNoDifferenceOfReportsTellsOfFew asks for pairs of reports and subtracts
// them. Whatever is left is of nobody or of a crowd.
func TestNoDifferenceOfReportsTellsOfFew(t *testing.T) {
	all, reports := smallSites(t, column.Day(1))
	shown, pairs := 0, 0
	check := func(t *rapid.T) {
		crowd := rapid.IntRange(3, 5).Draw(t, "crowd")
		site := rapid.IntRange(0, len(all)-1).Draw(t, "site")
		r := reports[crowd]
		if rapid.IntRange(0, 3).Draw(t, "about") == 0 {
			differentPeriods(t, r, site, crowd)
			return
		}
		day := someDay + column.Day(rapid.IntRange(-6, 2).Draw(t, "day"))
		rows := humans(all[site], uint16(site), day)
		more := Question{Site: uint16(site), From: day, To: day, Dimensions: rapid.SliceOfNDistinct(rapid.SampledFrom(oracleDimensions), 2, 3, rapid.ID).Draw(t, "panels")}
		more.Filters = rapid.SliceOfN(rapid.Custom(drawFilter), 0, 2).Draw(t, "filters")
		less := more
		less.Filters = append(slices.Clone(more.Filters), drawFilter(t))
		widened := len(more.Filters) > 0 && rapid.Bool().Draw(t, "widen")
		if n := len(less.Filters) - 1; widened {
			// The same filter with fewer values, or a longer part of them.
			less.Filters = slices.Clone(more.Filters)
			n--
			wide := drawFilter(t)
			wide.Op = Contains
			wide.Values = []string{""}
			more.Filters = append(slices.Clone(more.Filters[:n]), wide)
			narrow := drawFilter(t)
			narrow.Dimension = wide.Dimension
			less.Filters = append(slices.Clone(less.Filters[:n]), narrow)
		}
		a, b := ask(t, r, more), ask(t, r, less)
		setA, setB := oracleMatch(rows, more.Filters, crowd), oracleMatch(rows, less.Filters, crowd)
		for _, x := range []struct {
			q   Question
			a   *Answer
			set []occurrence
		}{{more, a, setA}, {less, b, setB}} {
			for _, p := range x.a.Panels {
				if d, _ := findDimension(p.Name); d.where != "" && p.Others.Views == 0 || x.a.Total.Views == 0 || len(p.Rows) == 0 {
					continue // nothing is told, or nothing but the total
				}
				in := cells(rows, x.set, p.Name)
				for _, row := range p.Rows {
					delete(in, row.Value)
				}
				if others := people(slices.Concat(slices.Collect(maps.Values(in))...)); len(others) > 0 && len(others) < crowd {
					t.Errorf("crowd %d: %+v: %s: the others are %d visitors", crowd, x.q, p.Name, len(others))
				}
			}
		}
		compare := func(name string, a, b Sum, of, ofB []occurrence) {
			pairs++
			if a.Views == 0 || b.Views == 0 {
				return // nothing is known of one
			}
			shown++
			if a.Views != count(of, name) || b.Views != count(ofB, name) {
				t.Errorf("crowd %d: %+v\n%+v\n%s: %d and %d views, of %d and %d", crowd, more, less, name, a.Views, b.Views, count(of, name), count(ofB, name))
			}
			if x, y := people(without(of, ofB)), people(without(ofB, of)); len(y) == 0 && len(x) > 0 && len(x) < crowd || len(x) == 0 && len(y) > 0 && len(y) < crowd {
				t.Errorf("crowd %d: %+v\n%+v\n%s: the difference tells of %d and %d visitors", crowd, more, less, name, len(x), len(y))
			}
			if p := len(people(of)); p < crowd {
				t.Errorf("crowd %d: %+v: %s: %d visitors stand alone", crowd, more, name, p)
			}
		}
		views := func(of []occurrence) []occurrence {
			return slices.DeleteFunc(slices.Clone(of), func(h occurrence) bool { return h.event != "" })
		}
		compare("total", a.Total, b.Total, views(setA), views(setB))
		for i, p := range a.Panels {
			inA, inB := cells(rows, setA, p.Name), cells(rows, setB, p.Name)
			if inOrder(less.Filters[:len(less.Filters)-1]) == inOrder(more.Filters) && a.Total.Views > 0 && b.Total.Views > 0 {
				if n := left(t, p, b.Panels[i], inA, inB); n > 0 && n < crowd {
					t.Errorf("crowd %d: %+v\n%+v\n%s: what is left of the others tells of %d visitors", crowd, more, less, p.Name, n)
				}
			}
			if widened && len(without(setB, setA)) == 0 && a.Total.Views > 0 && b.Total.Views > 0 {
				if n := apart(p, b.Panels[i], inA, inB); n > 0 && n < crowd {
					t.Errorf("crowd %d: %+v\n%+v\n%s: the others of both tell of %d visitors", crowd, more, less, p.Name, n)
				}
			}
			for _, row := range p.Rows {
				for _, other := range b.Panels[i].Rows {
					if row.Value == other.Value {
						compare(p.Name+" "+row.Value, row.Sum, other.Sum, inA[row.Value], inB[row.Value])
					}
				}
			}
		}
	}
	checksOf(t, "25") // each is two reports of several queries
	rapid.Check(t, check)
	t.Logf("%d of %d cells are shown in both", shown, pairs)
	if shown*20 < pairs {
		t.Errorf("only %d of %d cells are shown in both: the test has nothing to find", shown, pairs)
	}
}

// TestOthersOfSeveralValuesTellOfNoFew: what a report of two values folds as a few came to
// it by one of them is not left when the report of the other lists it.
func TestOthersOfSeveralValuesTellOfNoFew(t *testing.T) {
	for name, c := range map[string]struct {
		come   map[string]map[string]int // visitors by country and page
		listed []string                  // with both countries
		crowd  int                       // 0: 3
		alike  string                    // whose visitors look like one where they are seen and not counted
	}{
		"a few by one":               {map[string]map[string]int{"IE": {"/a": 5, "/b": 5}, "DE": {"/a": 4, "/b": 2}}, nil, 0, ""},
		"the smaller goes along":     {map[string]map[string]int{"IE": {"/a": 5, "/b": 5, "/c": 6}, "DE": {"/a": 4, "/b": 2, "/c": 7}}, []string{"/c"}, 0, ""},
		"a crowd is folded":          {map[string]map[string]int{"IE": {"/a": 5, "/b": 1, "/c": 6}, "DE": {"/a": 4, "/b": 5, "/c": 1}}, []string{"/a"}, 0, ""},
		"nobody by one":              {map[string]map[string]int{"IE": {"/a": 5, "/b": 5}, "DE": {"/a": 4}}, []string{"/a", "/b"}, 0, ""},
		"a few of both elsewhere":    {map[string]map[string]int{"IE": {"/a": 5, "/b": 6, "/c": 1}, "DE": {"/a": 4, "/b": 7, "/d": 1}}, []string{"/b"}, 0, ""},
		"a few who look like others": {map[string]map[string]int{"IE": {"/a": 12, "/b": 10}, "DE": {"/a": 12, "/b": 1}}, nil, 10, "IE/b"},
	} {
		t.Run(name, func(t *testing.T) {
			s := columntest.Open(t, columntest.DuckDB(t), Schema(), column.Options{})
			var hits []hit
			for country, pages := range c.come {
				for path, n := range pages {
					for range n {
						who := len(hits) + 1
						if country+path == c.alike {
							who *= 62
						}
						hits = append(hits, hit{site: 1, who: visitor(who), visit: int64(who), nth: 1, page: int64(who), path: path, country: country, class: human})
					}
				}
			}
			keep(t, s, someDay, hits, nil)
			a := ask(t, NewReports(s, cmp.Or(c.crowd, 3), noon, nil), Question{Site: 1, From: someDay, To: someDay, Dimensions: []string{"path"}, Filters: []Filter{{"country", Is, []string{"IE", "DE"}}}})
			var listed []string
			for _, row := range a.Panels[0].Rows {
				listed = append(listed, row.Value)
			}
			if slices.Sort(listed); !slices.Equal(listed, c.listed) || a.Total.Visitors != int64(len(hits)) {
				t.Errorf("%q are listed of %d, want %q of %d", listed, a.Total.Visitors, c.listed, len(hits))
			}
		})
	}
}

// TestADayIsToldWhereACrowdCameByEachValueOrNobodyByBoth: where somebody came by both of
// two values to what another filter chooses, and nobody by one of them alone, nothing is
// told of the day.
func TestADayIsToldWhereACrowdCameByEachValueOrNobodyByBoth(t *testing.T) {
	for name, c := range map[string]struct {
		come map[string][]string // pages of the visits, by country
		want int64               // visitors from Ireland of either page
	}{
		"a crowd by each":            {map[string][]string{"IE": {"a", "a", "a", "b", "b", "b", "ab"}, "DE": {"a", "a", "a", "b", "b", "b"}}, 7},
		"nobody by one alone":        {map[string][]string{"IE": {"a", "a", "a", "ab", "ab", "ab"}, "DE": {"a", "a", "a", "b", "b", "b"}}, 0},
		"the same, of the others":    {map[string][]string{"IE": {"a", "a", "a", "b", "b", "b"}, "DE": {"b", "b", "b", "ab", "ab", "ab"}}, 0},
		"nobody by one, nor by both": {map[string][]string{"IE": {"a", "a", "a"}, "DE": {"a", "a", "a", "b", "b", "b"}}, 3},
		"a few by one":               {map[string][]string{"IE": {"a", "a", "a", "b", "b"}, "DE": {"a", "a", "a", "b", "b", "b"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := columntest.Open(t, columntest.DuckDB(t), Schema(), column.Options{})
			var hits []hit
			who := 0
			for country, visits := range c.come {
				for _, pages := range visits {
					who++
					for i, page := range pages {
						hits = append(hits, hit{site: 1, who: visitor(who), visit: int64(who), nth: uint16(i + 1), page: int64(len(hits) + 1), path: "/" + string(page), country: country, class: human})
					}
				}
			}
			keep(t, s, someDay, hits, nil)
			a := ask(t, NewReports(s, 3, noon, nil), Question{Site: 1, From: someDay, To: someDay, Filters: []Filter{{"path", Is, []string{"/a", "/b"}}, {"country", Is, []string{"IE"}}}})
			if a.Total.Visitors != c.want || (a.Left == 1) != (c.want == 0) {
				t.Errorf("%d are told of, and of %d days nothing is, want %d", a.Total.Visitors, a.Left, c.want)
			}
		})
	}
}

// left counts the visitors of whom somebody is told who takes from what is folded
// of all what is folded of some, and takes into account what is listed of either.
func left(t rapid.TB, all, some Panel, inAll, inSome map[string][]occurrence) int {
	listed := func(p Panel) map[string]bool {
		out := map[string]bool{}
		for _, row := range p.Rows {
			out[row.Value] = true
		}
		return out
	}
	a, s := listed(all), listed(some)
	for v := range s {
		if !a[v] {
			t.Errorf("%s: %q is listed of some, and folded of all", all.Name, v)
		}
	}
	hides := false
	for v := range inSome {
		hides = hides || !s[v]
	}
	if !hides || some.Others == (Sum{}) {
		return 0 // what is not listed of some is nothing, or not told at all
	}
	var of []occurrence
	for v, had := range inAll {
		if !s[v] {
			of = append(of, without(had, inSome[v])...)
		}
	}
	return len(people(of))
}

// apart counts the visitors of whom somebody is told who takes from the total of all that
// of some, and what is listed of both.
func apart(all, some Panel, inAll, inSome map[string][]occurrence) int {
	if d, _ := findDimension(all.Name); d.where != "" && (all.Others == (Sum{}) || some.Others == (Sum{})) {
		return 0 // what is not listed is not told at all
	}
	in := func(p Panel, v string) bool {
		return slices.ContainsFunc(p.Rows, func(r Row) bool { return r.Value == v })
	}
	var of []occurrence
	for v, had := range inAll {
		if !in(all, v) || len(inSome[v]) > 0 && !in(some, v) {
			of = append(of, without(had, inSome[v])...)
		}
	}
	return len(people(of))
}

// checksOf has rapid check so often, unless the command says otherwise; and all
// night long in the long runs.
func checksOf(t *testing.T, number string) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	t.Cleanup(func() { _ = checks.Value.Set(before) })
	if os.Getenv("LOOT_SOAK") != "" {
		number = "3000"
	}
	flag.Visit(func(f *flag.Flag) {
		if f == checks {
			number = before
		}
	})
	if err := checks.Value.Set(number); err != nil {
		t.Fatal(err)
	}
}

func count(of []occurrence, _ string) int64 { return int64(len(of)) }

func without(a, b []occurrence) []occurrence {
	in := map[occurrence]bool{}
	for _, h := range b {
		in[h] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(h occurrence) bool { return in[h] })
}

func differentPeriods(t *rapid.T, r *Reports, site, crowd int) {
	draw := func(name string) column.Day { return someDay + column.Day(rapid.IntRange(-6, 2).Draw(t, name)) }
	d := []column.Day{draw("a"), draw("b"), draw("c"), draw("d")}
	slices.Sort(d)
	q := Question{Site: uint16(site), Dimensions: oracleDimensions, Filters: rapid.SliceOfN(rapid.Custom(drawFilter), 0, 1).Draw(t, "filters")}
	wide, part := q, q
	wide.From, wide.To, part.From, part.To = d[0], d[3], d[1], d[2]
	a, b := ask(t, r, wide), ask(t, r, part)
	for i, p := range a.Panels {
		of := map[string]Sum{}
		for _, row := range b.Panels[i].Rows {
			of[row.Value] = row.Sum
		}
		for _, row := range p.Rows {
			if x := row.less(of[row.Value]); x != (Sum{}) && x.Visitors < int64(crowd) {
				t.Errorf("crowd %d: %+v less %d to %d: %s %s: %+v", crowd, wide, part.From-someDay, part.To-someDay, p.Name, row.Value, x)
			}
			delete(of, row.Value)
		}
		if len(of) > 0 {
			t.Errorf("crowd %d: %+v: %s lacks what a part of it has: %v", crowd, wide, p.Name, of)
		}
	}
}

// TestFiltersPrintAsTheyAreRead is the round trip of filters.
func TestFiltersPrintAsTheyAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Filter{
			rapid.SampledFrom(dimensions[1:20]).Draw(t, "dimension").Name, rapid.SampledFrom([]Op{Is, Not, Contains}).Draw(t, "op"),
			rapid.SliceOfN(rapid.StringOf(rapid.RuneFrom([]rune(`a:,\%&é `))), 1, 4).Draw(t, "values"),
		}
		got, err := ParseFilters([]string{f.String()})
		if err != nil || len(got) != 1 || got[0].Dimension != f.Dimension || got[0].Op != f.Op || !slices.Equal(got[0].Values, f.Values) {
			t.Fatalf("%s: %v %v", f, got, err)
		}
	})
}

func FuzzFilters(f *testing.F) {
	for _, s := range []string{"country:is:IE", `path:contains:a\,b,c`, "a", "::", "bot:not:x", "path:is:\x00", `path:is:\`, "total:is:", strings.Repeat("path:is:", 99)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseFilters([]string{s})
		if err != nil {
			if loot.KindOf(err) != loot.Invalid {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseFilters([]string{got[0].String()})
		if err != nil || fmt.Sprint(again) != fmt.Sprint(got) {
			t.Fatalf("%q: %v %v %v", s, got, again, err)
		}
	})
}
