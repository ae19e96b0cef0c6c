package visits

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"loot/column"
)

func (r *Reports) ofCrowd() string {
	return "visitors >= " + strconv.Itoa(r.crowd) + " OR dimension = 'total'"
}

// load reads the sealed sums of blocks.
func (r *Reports) load(ctx context.Context, keys []blockKey) (map[column.Day]*dayTally, marks, error) {
	site := keys[0].site
	rows := "SELECT day, dimension, value, " + sumNames + " FROM visits_sum WHERE site = " + strconv.Itoa(int(site))
	if keys[0].by != "" { // and so of all
		by := []string{"'" + dimensions[0].Name + "'"}
		for _, k := range keys {
			d, _ := findDimension(k.by)
			for _, d := range nested([]dimension{d}) {
				if name := "'" + d.Name + "'"; !slices.Contains(by, name) {
					by = append(by, name)
				}
			}
		}
		rows += " AND dimension IN (" + strings.Join(by, ", ") + ")"
	}
	listed := r.ofCrowd()
	var weeks []string
	for _, k := range keys {
		if k.days > 1 {
			weeks = append(weeks, strconv.Itoa(int(k.first+3)/7))
		}
	}
	if len(weeks) > 0 && r.crowd > 1 {
		// What no day can tell and the week may.
		var firm []string
		for _, d := range dimensions {
			if d.firm {
				firm = append(firm, "'"+d.Name+"'")
			}
		}
		small := "SELECT CAST(floor((day + 3) / 7) AS BIGINT) AS week, dimension, value FROM visits_sum WHERE site = " + strconv.Itoa(int(site)) +
			" AND visitors < " + strconv.Itoa(r.crowd) + " AND dimension NOT IN (" + strings.Join(firm, ", ") + ")" +
			" AND CAST(floor((day + 3) / 7) AS BIGINT) IN (" + strings.Join(weeks, ", ") + ")" +
			" GROUP BY CAST(floor((day + 3) / 7) AS BIGINT), dimension, value HAVING sum(visitors) >= " + strconv.Itoa(r.crowd)
		names := "s." + strings.ReplaceAll(sumNames, ", ", ", s.")
		for _, n := range strings.Split(sumNames, ", ") {
			names = strings.Replace(names, "s."+n, "s."+n+" AS "+n, 1)
		}
		rows = "SELECT s.day AS day, s.dimension AS dimension, s.value AS value, " + names + ", coalesce(w.week, 0) AS week FROM (" + rows + ") AS s LEFT JOIN (" + small + ") AS w" +
			" ON w.week = CAST(floor((s.day + 3) / 7) AS BIGINT) AND w.dimension = s.dimension AND w.value = s.value"
		listed += " OR week > 0"
	}
	last := keys[len(keys)-1]
	return r.read(ctx, keys[0].first, last.first+column.Day(last.days-1), digest(rows, listed)+" UNION ALL "+markRows(site))
}

// digest writes the query that lists each value for which a condition holds,
// and puts the others together.
func digest(cells, condition string) string {
	return "SELECT day, dimension, listed, shown AS value, " + addSums + ", CAST(max(had) AS BIGINT) AS most FROM (" +
		"SELECT day, dimension, CASE WHEN " + condition + " THEN 1 ELSE 0 END AS listed, CASE WHEN " + condition + " THEN value ELSE '' END AS shown, " +
		sumNames + ", visitors AS had FROM (" + cells + ") AS cells) AS split GROUP BY day, dimension, listed, shown"
}

// marked is what digest has for marks in the place of listed.
const marked = 2

func markRows(site uint16) string {
	return "SELECT day, '' AS dimension, " + strconv.Itoa(marked) + " AS listed, '' AS value, " + addSums + ", CAST(0 AS BIGINT) AS most FROM visits_sum" +
		" WHERE site = " + strconv.Itoa(int(site)) + " AND dimension IN ('total', 'class') GROUP BY day"
}

// read reads what digest gives.
func (r *Reports) read(ctx context.Context, from, to column.Day, query string, args ...any) (_ map[column.Day]*dayTally, sealed marks, err error) {
	rows, err := r.store.Query(ctx, from, to, query, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("visits: report: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	days := map[column.Day]*dayTally{}
	sealed = marks{}
	for rows.Next() {
		var day column.Day
		var name, value string
		var listed int
		var most int64
		var s Sum
		if err := rows.Scan(&day, &name, &listed, &value, &s.Visitors, &s.Visits, &s.Views, &s.Bounces, &s.Engaged, &s.Scrolled, &s.Amount, &most); err != nil {
			return nil, nil, fmt.Errorf("visits: report: %w", err)
		}
		if listed == marked {
			s.Amount = math.Round(100*s.Amount) / 100 // parts are not always added in the same order
			sealed[day] = s
			continue
		}
		d := days[day]
		if d == nil {
			d = &dayTally{day: day}
			days[day] = d
		}
		switch t := d.tally(name); {
		case name == "total" && value == "":
			d.total = s
		case name == "class" && value == human: // see panel
		case listed == 1 && len(t.rows) < mostRows:
			t.list(value, s)
		default:
			t.hide(s, most)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("visits: report: %w", err)
	}
	for _, d := range days {
		if t := d.of["total"]; t != nil && len(t.rows) == 0 {
			delete(d.of, "total")
		}
	}
	return days, sealed, nil
}
