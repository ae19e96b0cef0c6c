package visits

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"loot"
	"loot/column"
)

// A snapshot is what the open days of a site come to until a moment, and what was
// sealed then.
type snapshot struct {
	at     time.Time
	took   time.Duration
	until  moment
	open   map[column.Day]*dayTally
	sealed marks
}

// A moment is a second of a site's day.
type moment struct {
	day    column.Day
	second uint32
}

// marks tell a sealed day's sums from those that it had before it was reopened.
type marks map[column.Day]Sum

// steadily asks again if a day of a question was sealed since the snapshot: what
// its rows were asked for was not among those of open days any more.
func steadily[T any](ctx context.Context, r *Reports, q Question, ask func() (T, error)) (out T, err error) {
	for range 5 {
		if out, err = ask(); err != nil {
			return out, err
		}
		still, err := r.store.Open(ctx)
		if err != nil {
			return out, fmt.Errorf("visits: report: %w", err)
		}
		r.mu.Lock()
		snap := r.open[q.Site]
		r.mu.Unlock()
		if snap == nil || !slices.ContainsFunc(slices.Collect(maps.Keys(snap.open)), func(d column.Day) bool {
			return q.From <= d && d <= q.To && !slices.Contains(still, d)
		}) {
			return out, nil
		}
		if _, err := r.snapshot(ctx, q.Site, true); err != nil {
			return out, err
		}
	}
	return out, errClosing
}

var errClosing = loot.Errorf(loot.Unavailable, "The days of the report are being closed at the moment. Please try again shortly.")

func isMonday(d column.Day) bool { return (d+3)%7 == 0 }

// closed reports whether none of the days is open.
func (s *snapshot) closed(day column.Day, n int) bool {
	for d := day; d < day+column.Day(n); d++ {
		if s.open[d] != nil {
			return false
		}
	}
	return true
}

// began returns the first day that is known; after all others: none is.
func (s *snapshot) began() column.Day {
	first := lastDay
	for d := range s.open {
		first = min(first, d)
	}
	for d := range s.sealed {
		first = min(first, d)
	}
	return first
}

// has reports whether some of the days are open, and whether some are sealed.
func (s *snapshot) has(from, to column.Day) (open, sealed bool) {
	for d := from; d <= to; d++ {
		_, is := s.sealed[d]
		open, sealed = open || s.open[d] != nil, sealed || is
	}
	return open, sealed
}

// snapshot returns what the open days come to: at once if that is known, and
// then it is found anew for the next who ask.
func (r *Reports) snapshot(ctx context.Context, site uint16, again bool) (*snapshot, error) {
	r.mu.Lock()
	snap := r.open[site]
	r.mu.Unlock()
	old := snap == nil || again
	if !old && r.now().Sub(snap.at) < max(fresh, 10*snap.took) { // finding it takes a tenth of the time at most
		return snap, nil
	}
	ctx = context.WithoutCancel(ctx) // several wait for it
	found := r.flight.DoChan(strconv.Itoa(int(site)), func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		s, err := r.next(ctx, site, snap)
		if err != nil {
			if !old {
				slog.WarnContext(ctx, "visits: the sums of the open days stay as they were", "err", err)
			}
			return nil, err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.open[site] = s
		return s, nil
	})
	if !old {
		return snap, nil
	}
	x := <-found
	if x.Err != nil {
		return nil, x.Err
	}
	return x.Val.(*snapshot), nil
}

// next returns the snapshot that follows one; nil: there was none. It is the same
// until a crowd did something after its moment, or a day was sealed.
func (r *Reports) next(ctx context.Context, site uint16, former *snapshot) (*snapshot, error) {
	began := r.now()
	still, err := r.still(ctx, site, former)
	if err != nil {
		return nil, err
	}
	if still {
		same := *former
		same.at = began
		return &same, nil
	}
	snap := &snapshot{at: began, until: moment{lastDay, 0}}
	if r.local != nil {
		snap.until.day, snap.until.second = r.local(site, began)
	}
	query := recorded(snap.rows(site)) + digest(sums(eachRow("SELECT * FROM recorded"), dimensions, countVisitors), r.ofCrowd()) + " UNION ALL " + markRows(site)
	snap.open, snap.sealed, err = r.read(ctx, firstDay, lastDay, query)
	snap.took = r.now().Sub(began)
	return snap, err
}

// rows writes the query of the rows of a site's open days, until the moment.
func (s *snapshot) rows(site uint16) string {
	return openRowsOf("site = "+strconv.Itoa(int(site))) + " WHERE NOT (" + s.until.before("h.", ">") + ")"
}

// recorded names rows for a query, as which DuckDB looks for them once.
func recorded(rows string) string { return "WITH recorded AS (" + rows + ") " }

// before is the condition that a row came after the moment, or, with >=, maybe in
// the same second.
func (m moment) before(prefix, than string) string {
	day, second := strconv.Itoa(int(m.day)), strconv.Itoa(int(m.second))
	return prefix + "day > " + day + " OR " + prefix + "day = " + day + " AND " + prefix + "second " + than + " " + second
}

// still reports whether a snapshot has to stay.
func (r *Reports) still(ctx context.Context, site uint16, s *snapshot) (still bool, err error) {
	if s == nil || r.local == nil || len(s.open) == 0 {
		return false, nil
	}
	for _, d := range s.open {
		if d.total.Visitors < int64(r.crowd) {
			return false, nil // of such a day nothing but the number is told
		}
	}
	of := strconv.Itoa(int(site))
	_, sealed, err := r.read(ctx, firstDay, lastDay, markRows(site))
	if err != nil || !maps.Equal(sealed, s.sealed) {
		return false, err
	}
	rows, err := r.store.Query(ctx, firstDay, lastDay, "SELECT day, CAST(count(DISTINCT visitor) AS BIGINT) AS visitors FROM visits_hit"+
		" WHERE site = "+of+" AND "+onlyPeople+" AND ("+s.until.before("", ">=")+") GROUP BY day")
	if err != nil {
		return false, fmt.Errorf("visits: report: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	came := 0
	for rows.Next() {
		var day column.Day
		var visitors int
		if err := rows.Scan(&day, &visitors); err != nil {
			return false, fmt.Errorf("visits: report: %w", err)
		}
		if s.open[day] == nil {
			return false, nil // another day has begun
		}
		came += visitors
	}
	return came < r.crowd, rows.Err()
}
