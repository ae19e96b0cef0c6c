package visits

import (
	"context"
	"fmt"
	"testing"
	"time"

	"loot/column"
	"loot/column/columntest"
	"loot/desk"
)

// TestNobodyIsSeenToArrive: today's report, filtered or not, stays as it is until
// a crowd did something, and then tells all of it; the next day it is whole.
func TestNobodyIsSeenToArrive(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, Schema(), column.Options{})
		clock := desk.NewClock(someDay.Time().Add(9 * time.Hour))
		r := NewReports(s, 5, clock.Now, func(_ uint16, at time.Time) (column.Day, uint32) {
			return column.DayOf(at), uint32(at.Sub(column.DayOf(at).Time()) / time.Second)
		})
		come := func(from, to int) {
			t.Helper()
			clock.Advance(time.Minute)
			day, second := r.local(1, clock.Now())
			var all []hit
			for who := from; who <= to; who++ {
				all = append(all, hit{second: second, site: 1, who: visitor(who), visit: int64(who), nth: 1, page: int64(who), path: "/", country: "IE", class: human, via: "tag"})
			}
			keep(t, s, day, all, nil)
			clock.Advance(time.Minute)
		}
		views := func(filters ...Filter) int64 {
			t.Helper()
			q := Question{Site: 1, From: someDay, To: someDay, Filters: filters, Dimensions: []string{"country"}}
			// What is old is told once more, and found anew for the next who ask.
			if _, err := r.snapshot(t.Context(), 1, true); err != nil {
				t.Fatal(err)
			}
			return ask(t, r, q).Total.Views
		}
		irish := Filter{"country", Is, []string{"IE"}}
		come(1, 10)
		for who := 11; who <= 14; who++ {
			if all, some := views(), views(irish); all != 10 || some != 10 {
				t.Fatalf("before visitor %d: %d and %d views", who, all, some)
			}
			come(who, who)
		}
		come(15, 15)
		if all, some := views(), views(irish); all != 15 || some != 15 {
			t.Errorf("a crowd came: %d and %d views", all, some)
		}
		come(16, 17)
		if err := s.Seal(t.Context(), someDay); err != nil {
			t.Fatal(err)
		}
		if all, some := views(), views(irish); all != 17 || some != 17 {
			t.Errorf("the day is over: %d and %d views", all, some)
		}
	})
}

// TestADayThatIsSealedMeanwhileIsTold: what is known of the open days may be
// older than the seal of one of them.
func TestADayThatIsSealedMeanwhileIsTold(t *testing.T) {
	s := columntest.Open(t, columntest.DuckDB(t), Schema(), column.Options{})
	var all []hit
	for who := 1; who <= 12; who++ {
		all = append(all, hit{site: 1, who: visitor(who), visit: int64(who), nth: 1, page: int64(who), path: "/", entry: "/", country: "IE", browser: "Firefox", class: human, via: "tag"})
	}
	keep(t, s, someDay, all, nil)
	irish, front := Filter{"country", Is, []string{"IE"}}, Filter{"path", Is, []string{"/"}}
	q := Question{Site: 1, From: someDay, To: someDay, Filters: []Filter{irish}}
	views := func(r *Reports) string {
		reach, err := r.Reach(t.Context(), q, front)
		if err != nil {
			t.Fatal(err)
		}
		j, err := r.Journey(t.Context(), q, "/")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(ask(t, r, q).Total.Views, reach.Views, j.Views)
	}
	var known [3]*Reports
	for i := range known {
		known[i] = NewReports(s, 5, noon, nil)
		if got := views(known[i]); got != "12 12 12" {
			t.Fatalf("open: %s views", got)
		}
	}
	if err := s.Seal(t.Context(), someDay); err != nil {
		t.Fatal(err)
	}
	q.Filters = []Filter{{"browser", Is, []string{"Firefox"}}} // nothing is known of it yet
	if got := ask(t, known[0], q).Total.Views; got != 12 {
		t.Errorf("the report has %d views", got)
	}
	if reach, err := known[1].Reach(t.Context(), q, front); err != nil || reach.Views != 12 {
		t.Errorf("the goal has %d views: %v", reach.Views, err)
	}
	if j, err := known[2].Journey(t.Context(), q, "/"); err != nil || j.Views != 12 {
		t.Errorf("the journey has %d views: %v", j.Views, err)
	}
}

// An askedStore counts what it is asked.
type askedStore struct {
	column.Store
	asked int
}

func (s *askedStore) Query(ctx context.Context, from, to column.Day, query string, args ...any) (*column.Rows, error) {
	s.asked++
	return s.Store.Query(ctx, from, to, query, args...)
}

// TestWhatFiltersChooseIsFoundOnce: of a day that was sealed, and of an open one
// until its snapshot tells something else; by each dimension.
func TestWhatFiltersChooseIsFoundOnce(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := &askedStore{Store: columntest.Open(t, address, Schema(), column.Options{})}
		came := 0
		come := func(day column.Day) {
			t.Helper()
			var all []hit
			for range 6 {
				came++
				all = append(all, hit{site: 1, who: visitor(came), visit: int64(came), nth: 1, page: int64(came), path: "/", country: "IE", device: "phone", class: human, via: "tag"})
			}
			if err := appendLate(t.Context(), s, day, batchOf(all, nil)); err != nil {
				t.Fatal(err)
			}
		}
		seal := func() {
			t.Helper()
			if err := s.Seal(t.Context(), someDay-1); err != nil {
				t.Fatal(err)
			}
		}
		come(someDay - 1)
		seal()
		come(someDay)
		r := NewReports(s, 5, noon, nil)
		is := func(views int64, found bool, dimensions ...string) {
			t.Helper()
			s.asked = 0
			a := ask(t, r, Question{Site: 1, From: someDay - 1, To: someDay, Dimensions: dimensions, Filters: []Filter{{"country", Is, []string{"IE"}}}})
			if a.Total.Views != views || a.Panels[0].Total.Views != views || (s.asked > 0) != found {
				t.Errorf("by %v: %d views, %d in the panel; %d questions", dimensions, a.Total.Views, a.Panels[0].Total.Views, s.asked)
			}
		}
		is(12, true, "path")
		is(12, false, "path")
		is(12, true, "path", "device")
		is(12, false, "device")
		come(someDay)
		is(12, false, "device")
		if err := r.Renew(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		is(18, true, "device")
		come(someDay - 1) // opens it again
		seal()
		if err := r.Renew(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		is(24, true, "device")
		is(24, true, "path")
		is(24, false, "path")
		// The last page, of days that are open and sealed.
		q := Question{Site: 1, From: someDay - 1, To: someDay, Filters: []Filter{{"exit", Contains, []string{""}}, {"entry", Not, []string{"/c"}}}}
		f, err := r.Funnel(t.Context(), q, []Filter{{"path", Is, []string{"/"}}, {"path", Contains, []string{"/"}}})
		if err != nil || f.Visits != 24 || f.Steps[0].Visits != 24 {
			t.Errorf("a funnel of visits that ended somewhere: %+v, %v", f, err)
		}
	})
}

// TestFiltersAreToldApart: whatever their values hold, and in any order.
func TestFiltersAreToldApart(t *testing.T) {
	one := Filter{"country", Is, []string{"IE"}}
	two := Filter{"browser", Is, []string{"Firefox"}}
	both := Question{Filters: []Filter{one, two}}.chosen()
	if turned := (Question{Filters: []Filter{two, one}}).chosen(); turned != both {
		t.Errorf("%q is not %q", turned, both)
	}
	for _, between := range []string{"\n", " ", `" "`} {
		if odd := (Question{Filters: []Filter{{"browser", Is, []string{"Firefox" + between + one.String()}}}}).chosen(); odd == both {
			t.Errorf("one filter is taken for two: %q", odd)
		}
	}
}
