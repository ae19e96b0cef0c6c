package visits

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"loot/column"
	"loot/column/columntest"
)

const someDay column.Day = 20_780 // 23 November 2026

func keep(t testing.TB, s column.Store, day column.Day, hits []hit, stays []stay) {
	t.Helper()
	if err := s.Append(t.Context(), day, batchOf(hits, stays)); err != nil {
		t.Fatal(err)
	}
}

// addUp returns the sums that a query gives, by dimension and value.
func addUp(ctx context.Context, t testing.TB, s column.Store, query string) map[string]Sum {
	t.Helper()
	rows, err := s.Query(ctx, someDay-5, someDay+5, "SELECT dimension, value, "+addSums+" FROM ("+query+") AS added GROUP BY dimension, value")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]Sum{}
	for rows.Next() {
		var name, value string
		var x Sum
		if err := rows.Scan(&name, &value, &x.Visitors, &x.Visits, &x.Views, &x.Bounces, &x.Engaged, &x.Scrolled, &x.Amount); err != nil {
			t.Fatal(err)
		}
		out[name+" "+value] = x
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSealedSumsAreThoseOfTheOpenDay: what a day comes to is the same before and
// after it is sealed, and every dimension of views adds up to the whole.
func TestSealedSumsAreThoseOfTheOpenDay(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, Schema(), column.Options{})
		var hits []hit
		var stays []stay
		for i := range 60 {
			h := hit{
				second: uint32(i * 1400), site: uint16(1 + i%2), who: visitor(i/6 + 1), visit: int64(i/3 + 1), nth: uint16(1 + i%3), page: int64(i + 1),
				host: "example.com", path: fmt.Sprintf("/%d", i%4), entry: "/0", browser: "Firefox", country: "IE", class: human, via: "tag",
			}
			if h.nth > 1 {
				h.before = fmt.Sprintf("/%d", (i-1)%4)
			}
			if i%20 == 19 {
				h.class, h.bot = "declared", "Crawler"
			}
			hits = append(hits, h)
			stays = append(stays, stay{h.site, h.page, 100, 30}, stay{h.site, h.page, uint32(i), 80})
			if i%5 == 0 {
				h.nth, h.event, h.target, h.amount = 0, eventOutbound, "other.example", 0
				hits = append(hits, h)
				h.event, h.target, h.amount = "Order", "", 9.5
				hits = append(hits, h)
			}
		}
		keep(t, s, someDay, hits, stays)
		open := addUp(t.Context(), t, s, sums(eachRow(openRows), dimensions, countVisitors))
		if err := s.Seal(t.Context(), someDay); err != nil {
			t.Fatal(err)
		}
		sealed := addUp(t.Context(), t, s, "SELECT day, site, dimension, value, "+sumNames+" FROM visits_sum")
		if !maps.Equal(open, sealed) {
			t.Errorf("open   %v\nsealed %v", open, sealed)
		}
		if again := addUp(t.Context(), t, s, sums(facts{rows: sealedRows, visits: sealedVisits}, dimensions, countVisitors)); !maps.Equal(again, sealed) {
			t.Errorf("rows %v\nsums %v", again, sealed)
		}
		total := sealed["total "]
		if total.Views != 57 || total.Visits == 0 || total.Amount != 9.5*12 || sealed["event Order"].Amount == 0 || sealed["class declared"].Views != 3 {
			t.Errorf("%+v", sealed)
		}
		for _, d := range dimensions {
			if d.where != "" {
				continue
			}
			var views, visits int64
			var amount float64
			for _, key := range slices.Sorted(maps.Keys(sealed)) {
				var name, value string
				fmt.Sscanf(key, "%s %s", &name, &value)
				if name == d.Name {
					views, visits, amount = views+sealed[key].Views, visits+sealed[key].Visits, amount+sealed[key].Amount
				}
			}
			if d.Name != "exit" && views != total.Views || visits != total.Visits || d.worth() && amount != total.Amount {
				t.Errorf("%s: %d views in %d visits, of %d in %d; %v of %v", d.Name, views, visits, total.Views, total.Visits, amount, total.Amount)
			}
		}
	})
}
