package visits

import (
	"slices"
	"testing"

	"loot/column"
	"loot/column/columntest"
)

// TestASmallFirmStaysFolded: two people of a firm's own network are a crowd after
// a week to whoever counts days, and are not shown; the page that they read, which
// anybody could, is.
func TestASmallFirmStaysFolded(t *testing.T) {
	s := columntest.Open(t, columntest.DuckDB(t), Schema(), column.Options{})
	monday := someDay - (someDay+3)%7 - 7
	for day := monday; day < monday+7; day++ {
		var hits []hit
		for who := 1; who <= 20; who++ {
			h := hit{site: 1, who: visitor(who), visit: int64(who), nth: 1, page: int64(who), path: "/a", entry: "/a", provider: "Eir", network: "198.51.100.0/24", class: human, via: "tag"}
			if who > 10 {
				h.provider, h.network = "Vodafone", "203.0.113.0/24"
			}
			if who > 18 {
				h.provider, h.network = "A firm", "192.0.2.0/24"
				rare := h
				rare.nth, rare.page, rare.path, rare.before = 2, int64(100+who), "/rare", "/a"
				hits = append(hits, rare)
			}
			hits = append(hits, h)
		}
		keep(t, s, day, hits, nil)
		if err := s.Seal(t.Context(), day); err != nil {
			t.Fatal(err)
		}
	}
	a := ask(t, NewReports(s, 5, noon, nil), Question{Site: 1, From: monday, To: monday + 6, Dimensions: []string{"provider", "network", "path"}})
	for i, want := range []Row{{"Eir", Sum{Visitors: 70}}, {"198.51.100.0/24", Sum{Visitors: 70}}} {
		p := a.Panels[i]
		if len(p.Rows) != 1 || p.Rows[0].Value != want.Value || p.Rows[0].Visitors != want.Visitors || p.Others.Visitors != 70 {
			t.Errorf("%s: %+v and others %+v", p.Name, p.Rows, p.Others)
		}
	}
	if rows := a.Panels[2].Rows; !slices.ContainsFunc(rows, func(r Row) bool { return r.Value == "/rare" && r.Visitors == 14 }) {
		t.Errorf("what no day can tell and the week may is not told: %+v", rows)
	}
}
