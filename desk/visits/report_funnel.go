package visits

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/column"
)

// The steps of a funnel.
const (
	fewSteps  = 2
	mostSteps = 8
)

// A Funnel is how far visits came on a way.
type Funnel struct {
	Visits   int64     `json:"visits" doc:"All, on the days that are told of"`
	Visitors int64     `json:"visitors"`
	Steps    []Reached `json:"steps"`
	Left     int       `json:"left,omitempty" doc:"Days of which nothing is told, as nobody or too few took the first step, or too few did not"`
}

// Reached is how many came to a step or beyond it.
type Reached struct {
	Visits   int64 `json:"visits"`
	Visitors int64 `json:"visitors"`
}

func (a Reached) plus(b Reached) Reached {
	return Reached{a.Visits + b.Visits, a.Visitors + b.Visitors}
}

func (a Reached) less(b Reached) Reached {
	return Reached{max(a.Visits-b.Visits, 0), max(a.Visitors-b.Visitors, 0)}
}

// few reports whether somebody is in it and fewer than a crowd.
func (a Reached) few(crowd int) bool { return a != Reached{} && a.Visitors < int64(crowd) }

// A funnelDay is how many of a day came as far as each step and no farther, the
// first being those who took none; nil: nothing is told of the day.
type funnelDay []Reached

// Funnel says how many visits took the steps one after another, with whatever
// between.
//
// Of a day the visits are parted by the last step that they took. A part of
// somebody and fewer than a crowd is told as if it had ended a step before, for
// all who the filters part alike; and if then few took the first step, or few
// did not, nothing is told of the day. So no two steps, days or filters differ
// by few.
func (r *Reports) Funnel(ctx context.Context, q Question, steps []Filter) (*Funnel, error) {
	q.Dimensions = nil
	if _, err := q.check(); err != nil {
		return nil, err
	}
	if err := checkSteps(steps, fewSteps); err != nil {
		return nil, err
	}
	days, err := r.funnelDays(ctx, q, steps)
	if err != nil {
		return nil, err
	}
	out := &Funnel{Steps: make([]Reached, len(steps))}
	for _, day := range days {
		if day == nil {
			out.Left++
			continue
		}
		var reached Reached
		for k := len(steps); k >= 1; k-- {
			reached = reached.plus(day[k])
			out.Steps[k-1] = out.Steps[k-1].plus(reached)
		}
		reached = reached.plus(day[0])
		out.Visits, out.Visitors = out.Visits+reached.Visits, out.Visitors+reached.Visitors
	}
	return out, nil
}

// stepDimensions are what a goal or a step is told by.
var stepDimensions = []string{"path", "event", "outbound", "download", "form"}

// checkSteps says what is wrong with the steps of a funnel, or of a goal, which
// is one.
func checkSteps(steps []Filter, least int) error {
	if len(steps) < least || len(steps) > mostSteps {
		return loot.Errorf(loot.Invalid, "A funnel has %d to %d steps.", fewSteps, mostSteps)
	}
	for i, s := range steps {
		if err := s.checkStep(); err != nil {
			return err
		}
		if i > 0 && s.String() == steps[i-1].String() {
			return loot.Errorf(loot.Invalid, "Step %d of the funnel is the one before again. Leave one of them out.", i+1)
		}
	}
	return nil
}

// A funnelKey is a funnel on a day.
type funnelKey struct {
	site          uint16
	day           column.Day
	chosen, steps string
}

// A knownFunnel is what was found of a sealed day, by its mark.
type knownFunnel struct {
	mark Sum
	day  funnelDay
}

// mostFunnelDays bounds how many are known.
const mostFunnelDays = 50_000

// funnelDays returns what each day of a question comes to; a sealed one is asked
// about once.
func (r *Reports) funnelDays(ctx context.Context, q Question, steps []Filter) (map[column.Day]funnelDay, error) {
	snap, err := r.snapshot(ctx, q.Site, false)
	if err != nil {
		return nil, err
	}
	key := funnelKey{site: q.Site, chosen: q.chosen(), steps: inOrder(steps)}
	out := map[column.Day]funnelDay{}
	missing := q
	missing.From, missing.To = q.To+1, q.From-1
	r.mu.Lock()
	for key.day = q.From; key.day <= q.To; key.day++ {
		f, ok := r.funnels.Get(key)
		if ok && snap.open[key.day] == nil && f.mark == snap.sealed[key.day] {
			out[key.day] = f.day
			continue
		}
		missing.From, missing.To = min(missing.From, key.day), max(missing.To, key.day)
	}
	r.mu.Unlock()
	if missing.From > missing.To {
		return out, nil
	}
	found, err := steadily(ctx, r, missing, func() (map[column.Day]funnelDay, error) { return r.funnel(ctx, missing, steps) })
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for key.day = missing.From; key.day <= missing.To; key.day++ {
		out[key.day] = found[key.day]
		if snap.open[key.day] == nil {
			r.funnels.Add(key, knownFunnel{snap.sealed[key.day], found[key.day]})
		}
	}
	return out, nil
}

func (r *Reports) funnel(ctx context.Context, q Question, steps []Filter) (map[column.Day]funnelDay, error) {
	m, days, snap, err := r.match(ctx, q, nil, steps)
	if err != nil {
		return nil, err
	}
	var wanted []*chosen
	for _, s := range steps {
		wanted = append(wanted, choose(s, days))
	}
	parts := map[column.Day]map[int]funnelDay{} // by which filters hold
	part := func(day column.Day, mask int) funnelDay {
		if parts[day] == nil {
			parts[day] = map[int]funnelDay{}
		}
		if parts[day][mask] == nil {
			parts[day][mask] = make(funnelDay, len(steps)+1)
		}
		return parts[day][mask]
	}
	enough := map[column.Day]bool{}
	if len(q.Filters) == 0 {
		for _, b := range days { // of a day that was opened again there are two
			day := b.points[0].Day
			enough[day] = enough[day] || b.total.Visitors >= int64(r.crowd)
			part(day, 0)[0] = part(day, 0)[0].plus(Reached{b.total.Visits, b.total.Visitors})
		}
	}
	err = m.each(snap, "", func(m matching, from facts, _ int) error {
		if len(q.Filters) > 0 {
			if err := m.find(ctx, from, 1); err != nil {
				return err
			}
		}
		m, coded, _, args, err := m.code(ctx, from)
		if err != nil {
			return err
		}
		if len(q.Filters) > 0 {
			if err := m.masks(ctx, coded, args, part); err != nil {
				return err
			}
		}
		query := m.furthest(coded.codedRows(), wanted, &args)
		return m.cellsOf(ctx, query, args, func(day column.Day, mask, step int, r Reached) {
			of := part(day, mask)
			of[step] = of[step].plus(r)
			of[0] = of[0].less(r)
		})
	})
	if err != nil {
		return nil, err
	}
	for day, d := range m.found {
		enough[day] = d.total.Visitors >= int64(r.crowd) && !m.few[day]
	}
	out := map[column.Day]funnelDay{}
	for day, parts := range parts {
		if enough[day] && foldFunnel(parts, m.full(), r.crowd) {
			out[day] = parts[m.full()]
		}
	}
	return out, nil
}

// foldFunnel folds the parts of a day downwards, and reports whether of those for
// whom all filters hold may be told. That nobody took the first step is not told
// either, as it would tell the days on which a few did.
func foldFunnel(parts map[int]funnelDay, full, crowd int) bool {
	if crowd <= 1 || len(parts[full]) == 0 {
		return len(parts[full]) > 0
	}
	few := func(k int) bool {
		for _, of := range parts {
			if of[k].few(crowd) {
				return true
			}
		}
		return false
	}
	for k := len(parts[full]) - 1; k > 1; k-- {
		if few(k) {
			for _, of := range parts {
				of[k-1], of[k] = of[k-1].plus(of[k]), Reached{}
			}
		}
	}
	taken := slices.ContainsFunc(parts[full][1:], func(r Reached) bool { return r != Reached{} })
	return taken && !few(1) && !few(0)
}

// masks counts the visits by which filters hold.
func (m matching) masks(ctx context.Context, coded facts, args []any, part func(column.Day, int) funnelDay) (err error) {
	query := "SELECT day, site AS mask, 0 AS step, visits, visitors FROM (" + sums(coded.grouped(m.mask(), "1 = 1"), dimensions[:1], countVisitors) + ") AS masks"
	return m.cellsOf(ctx, query, args, func(day column.Day, mask, _ int, r Reached) {
		of := part(day, mask)
		of[0] = of[0].plus(r)
	})
}

func (m matching) cellsOf(ctx context.Context, query string, args []any, f func(day column.Day, mask, step int, r Reached)) (err error) {
	rows, err := m.store.Query(ctx, m.q.From, m.q.To, m.prelude+query, args...)
	if err != nil {
		return fmt.Errorf("visits: funnel: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var day column.Day
		var mask, step int
		var r Reached
		if err := rows.Scan(&day, &mask, &step, &r.Visits, &r.Visitors); err != nil {
			return fmt.Errorf("visits: funnel: %w", err)
		}
		f(day, mask, step, r)
	}
	return rows.Err()
}

// furthest writes how many visits of each day came to which step and no farther,
// by which filters hold. A visitor of several visits is counted with the one that
// came farthest, so that visitors add up.
//
// A page's place in its visit is its number, and an event's is behind the page
// that it followed. Of two events on one page it is not known which came first.
func (m matching) furthest(coded string, steps []*chosen, args *[]any) string {
	const never = "1000000"
	var inner, joins, marks, some string
	for i, c := range steps {
		n := strconv.Itoa(i)
		where := c.where
		if where == "" {
			where = peoplesViews
		}
		inner += ", " + c.value + " AS value" + n + ", CASE WHEN " + where + " THEN 1 ELSE 0 END AS may" + n
		place, join := c.place("b", "value"+n, "q"+n, args)
		joins += join
		marks += ", CASE WHEN b.may" + n + " = 1 AND " + place + " > 0 THEN 1 ELSE 0 END AS s" + n
		some += " + s" + n
	}
	level := "SELECT b.day AS day, b.mask AS mask, b.visit AS visit, b.visitor AS visitor, b.place AS place" + marks +
		" FROM (SELECT day, visit, visitor, CAST(" + m.mask() + " AS BIGINT) AS mask, CAST(CASE WHEN event = '' THEN 2 * nth ELSE 2 * nth + 1 END AS BIGINT) AS place" + inner + " FROM (" + coded + ") AS coded) AS b" + joins
	columns := "day, mask, visit, visitor, place"
	for i := range steps {
		columns += ", s" + strconv.Itoa(i)
	}
	level = "SELECT " + columns + " FROM (" + level + ") AS marked WHERE 0" + some + " > 0"
	step := "CASE"
	for i, c := range steps {
		n, after := strconv.Itoa(i), ""
		if i > 0 {
			after = " AND place > t" + strconv.Itoa(i-1)
			if c.events() {
				after = " AND place >= t" + strconv.Itoa(i-1)
			}
		}
		level = "SELECT " + columns + ", min(CASE WHEN s" + n + " = 1" + after + " THEN place ELSE " + never + " END) OVER (PARTITION BY day, mask, visit) AS t" + n + " FROM (" + level + ") AS level" + n
		columns += ", t" + n
	}
	for i := len(steps); i >= 1; i-- {
		step += " WHEN t" + strconv.Itoa(i-1) + " < " + never + " THEN " + strconv.Itoa(i)
	}
	visits := "SELECT day, mask, visit, visitor, max(" + step + " ELSE 0 END) AS step FROM (" + level + ") AS timed GROUP BY day, mask, visit, visitor"
	ranked := "SELECT day, mask, step, row_number() OVER (PARTITION BY day, mask, visitor ORDER BY step DESC) AS best FROM (" + visits + ") AS visits WHERE step > 0"
	return strings.Join([]string{
		"SELECT day, mask, step, CAST(count(*) AS BIGINT) AS visits, CAST(sum(CASE WHEN best = 1 THEN 1 ELSE 0 END) AS BIGINT) AS visitors",
		"FROM (" + ranked + ") AS ranked GROUP BY day, mask, step",
	}, " ")
}
