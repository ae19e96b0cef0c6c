package visits

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"loot/column"
	"loot/desk/desktest"
	"loot/store"
)

// came records visitors of a day, as many in each of some hours, who read one
// page each. change says what is special about them; nil: nothing.
func (h *house) came(day column.Day, from, to, each int, change func(*hit)) {
	h.t.Helper()
	var hits []hit
	for hour := from; hour < to; hour++ {
		for range each {
			h.page++
			one := hit{second: uint32(hour * 3600), site: 1, who: visitor(h.page), visit: int64(h.page), nth: 1, page: int64(h.page), host: "example.com", path: "/a", entry: "/a", channel: "search", source: "Google", country: "IE", browser: "Firefox", language: "en", width: 1, class: human, via: "tag"}
			if change != nil {
				change(&one)
			}
			hits = append(hits, one)
		}
	}
	keep(h.t, h.rows, day, hits, nil)
}

// look finds what is due and has it written.
func (h *house) look() {
	h.t.Helper()
	desktest.OK(h.t, h.d.Look(h.t.Context()))
	h.Drain()
}

// sentTo returns the subjects and texts of the letters to a member of staff.
func (h *house) sentTo(id string) (out []string) {
	for _, m := range h.Mail.Sent() {
		if m.To == id+"@network.example" {
			out = append(out, m.Subject+"\n"+strings.Join(strings.Fields(m.Text), " "))
		}
	}
	return out
}

// alert adds an alert by the console.
func (h *house) alert(pairs ...string) {
	h.t.Helper()
	h.as("t-support")
	all := map[string]string{"kind": spike, "measure": "visitors", "percent": "50", "hours": "3", "least": "50", "to": "t-support"}
	for i := 0; i+1 < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	var form []string
	for name, value := range all {
		for _, v := range strings.Split(value, ",") {
			form = append(form, name, v)
		}
	}
	desktest.Leads(h.t, h.Post(alertsHref+"?site=1", form...), alertsHref+"?site=1")
}

// segment returns the id of the only segment.
func (h *house) segment() (id string) {
	h.t.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		all, err := listSegments(ctx, tx, 1, "")
		if desktest.OK(h.t, err); len(all) == 1 {
			id = all[0].ID
		}
		return nil
	})
	return id
}

// mondays records four Mondays of 10 visitors an hour before the house's first
// day, which is one.
func (h *house) mondays(change func(*hit)) column.Day {
	h.t.Helper()
	today := column.DayOf(desktest.Start)
	for back := column.Day(7); back <= 28; back += 7 {
		h.came(today-back, 0, 24, 10, change)
	}
	desktest.OK(h.t, h.d.Turn(h.t.Context())) // rather than at some time by the job
	return today
}

// TestASpikeIsToldOnce to those who may see reports: at nine, when 90 are usual
// and 160 came.
func TestASpikeIsToldOnce(t *testing.T) {
	onBoth(t, "UTC", func(t *testing.T, h *house) {
		today := h.mondays(nil)
		h.alert("to", "t-support,t-admin,t-billing")
		h.came(today, 0, 9, 15, nil) // 135: not half as many again
		h.look()
		if got := h.Mail.Count(); got != 0 {
			t.Fatalf("%d letters about what is usual", got)
		}
		desktest.Shows(t, h.Get(alertsHref+"?site=1"), http.StatusOK, "Visitors more than 50 % above the usual All visits 50 Ada Admin, Bo Billing, Sam Support never")
		h.Clock.Advance(time.Minute)
		h.came(today, 9, 10, 25, func(one *hit) { one.second += 30 })
		h.gone.Store("t-billing", true)
		var both sync.WaitGroup
		for range 2 { // as two processes do
			both.Go(func() { desktest.OK(t, h.d.Look(t.Context())) })
		}
		both.Wait()
		h.look()
		const said = "160 visitors came on Mon 23 Nov 2026 until 09:01. 90 are usual by that time of a Monday: that is 78 % more."
		for id, want := range map[string]int{"t-support": 1, "t-admin": 1, "t-billing": 0} {
			got := h.sentTo(id)
			if len(got) != want || want > 0 && (!strings.Contains(got[0], said) || !strings.HasPrefix(got[0], "Visits to Main: Visitors more than 50 % above the usual\n") ||
				!strings.Contains(got[0], desktest.Base+reportHref+"?from=2026-11-23&site=1&to=2026-11-23")) {
				t.Errorf("%s got %q", id, got)
			}
		}
		if got := h.Mail.Count(); got != 2 {
			t.Errorf("%d letters", got)
		}
		desktest.Shows(t, h.Get(alertsHref+"?site=1"), http.StatusOK, "23 Nov 2026, 09:01 UTC "+said)
		h.Clock.Advance(time.Hour)
		h.came(today, 9, 10, 90, nil)
		h.look()
		if got := len(h.sentTo("t-support")); got != 1 {
			t.Errorf("%d letters on one day", got)
		}

		remove := action(t, h.Get(alertsHref+"?site=1").Body, "/remove")
		h.as("t-billing")
		desktest.Shows(t, h.Post(remove), http.StatusForbidden, "Only whoever made this")
		h.as("t-support")
		desktest.Leads(t, h.Post(remove), alertsHref+"?site=1")
		desktest.Shows(t, h.Get(alertsHref+"?site=1"), http.StatusOK, "Nothing is watched yet")
	})
}

// TestADropTellsOfNoFewerThanACrowd, and not of a site that is too small.
func TestADropTellsOfNoFewerThanACrowd(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	today := h.mondays(nil)
	h.came(today, 8, 9, 3, nil)
	h.alert("kind", drop)
	h.alert("kind", drop, "least", "91")
	h.look()
	got := h.sentTo("t-support")
	if len(got) != 1 || !strings.Contains(got[0], "Fewer than 5 visitors came on Mon 23 Nov 2026 until 09:00. 90 are usual by that time of a Monday.") {
		t.Errorf("%q", got)
	}
	// The day that ended is looked at, too.
	h.came(today+1-7, 0, 24, 10, nil)
	h.came(today+1-14, 0, 24, 10, nil)
	h.came(today+1, 0, 24, 4, nil)
	h.Clock.Advance(39*time.Hour + 30*time.Minute) // Wednesday, half past midnight
	h.look()
	if got := h.sentTo("t-support"); len(got) != 3 || !strings.Contains(strings.Join(got, "\n"), "96 visitors came on Tue 24 Nov 2026. 240 are usual of a Tuesday: that is 60 % less.") {
		t.Errorf("%q", got)
	}
}

// TestSilenceIsToldWhereSomethingIsUsual.
func TestSilenceIsToldWhereSomethingIsUsual(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	today := h.mondays(nil)
	h.came(today, 0, 7, 10, nil) // before the alerts, as it is looked at any time
	h.alert("kind", silence, "measure", "views", "hours", "3", "least", "30")
	h.alert("kind", silence, "measure", "views", "hours", "3", "least", "31")
	h.look()
	if got := h.sentTo("t-support"); len(got) != 0 {
		t.Fatalf("two hours are no three: %q", got)
	}
	h.Clock.Advance(time.Hour)
	h.came(today, 9, 10, 2, nil) // too few to be told
	h.look()
	got := h.sentTo("t-support")
	if len(got) != 1 || !strings.Contains(got[0], "From 07:00 to 10:00 nobody came, or fewer than 5 visitors an hour. 30 views are usual in these hours of a Monday.") {
		t.Errorf("%q", got)
	}
}

// TestAnAlertIsAboutWhatAFilterChooses; and where that is usually nearly
// everybody, a day on which its numbers are withheld is no drop: the others are
// too few to be told.
func TestAnAlertIsAboutWhatAFilterChooses(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	n := 0
	german := func(hit *hit) {
		if n++; n%2 == 0 {
			hit.country = "DE"
		}
	}
	today := h.mondays(german)
	h.as("t-support")
	h.Post(segmentsHref+"?site=1&filter=country:is:DE", "name", "Germans", "everybody", "on")
	h.came(today, 0, 9, 10, nil) // from Ireland, all of them
	h.alert("kind", drop, "least", "40", "visits", h.segment())
	h.look()
	got := h.sentTo("t-support")
	if len(got) != 1 || !strings.Contains(got[0], "Fewer than 5 visitors came on Mon 23 Nov 2026 until 09:00. 45 are usual") || !strings.Contains(got[0], "Country is Germany") {
		t.Errorf("%q", got)
	}
	desktest.Shows(t, h.Get(alertsHref+"?site=1"), http.StatusOK, "below the usual Germans 40")

	few := newHouse(t, desktest.Standard(t))
	few.site("UTC")
	n = 0
	german = func(hit *hit) {
		if n++; n%5 == 0 {
			hit.country = "DE"
		}
	}
	few.mondays(german)
	few.as("t-support")
	few.Post(segmentsHref+"?site=1&filter=country:is:IE", "name", "Irish", "everybody", "on")
	few.came(today, 0, 9, 10, nil)
	few.came(today, 8, 9, 3, func(hit *hit) { hit.country = "DE" })
	few.alert("kind", drop, "least", "40", "visits", few.segment())
	few.look()
	if got := few.sentTo("t-support"); len(got) != 0 {
		t.Errorf("90 of 93 are told as a drop: %q", got)
	}
}

// TestAnAlertThatIsWrongComesBack with what was typed.
func TestAnAlertThatIsWrongComesBack(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.as("t-support")
	h.gone.Store("t-billing", true)
	page := h.Post(alertsHref+"?site=1", "kind", drop, "measure", "views", "percent", "101", "hours", "3", "least", "-7", "to", "t-admin")
	desktest.Shows(t, page, http.StatusUnprocessableEntity, "from 1 to 100.", "from 1 to 1000000.")
	for _, want := range []string{`value="101"`, `value="-7"`, `value="drop" checked`, `value="t-admin" checked`} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("what was typed is gone: %s", want)
		}
	}
	desktest.Lacks(t, page, "Bo Billing")
	desktest.Shows(t, h.Post(alertsHref+"?site=1", "kind", drop, "measure", "views", "percent", "50", "least", "7", "to", "t-billing"), http.StatusUnprocessableEntity, "Please choose one of those offered.")
	desktest.Shows(t, h.Post(alertsHref+"?site=1", "kind", drop, "measure", "views", "percent", "50", "least", "7"), http.StatusUnprocessableEntity, "Please choose at least one.")
	// What the form finds and what is wrong with the alert are said together.
	all := h.Post(alertsHref+"?site=1", "kind", drop, "percent", "101", "least", "0", "to", "t-billing")
	desktest.Shows(t, all, http.StatusUnprocessableEntity, "Of what : Please choose one.", "A spike or a drop by more than : This is a whole number from 1 to 100.",
		"Only from this number on : This is a whole number from 1 to 1000000.", "Letters go to : Please choose one of those offered.")
	if status, _, said := h.call(http.MethodPost, "/m/alerts", "application/json", `{"kind":"drop","measure":"views","percent":101,"least":1,"recipients":["t-billing"]}`); status != http.StatusUnprocessableEntity || !strings.Contains(said, "may not see the reports") || !strings.Contains(said, "from 1 to 100.") {
		t.Errorf("%d %s", status, said)
	}
}

// TestTheShareOfADay goes by the hours that are told, and evenly where none is.
func TestTheShareOfADay(t *testing.T) {
	f := figures{all: 80}
	if got := f.until(6); got != 20 {
		t.Errorf("%v", got)
	}
	f.hours[8], f.hours[9] = 30, 60
	for hours, want := range map[float64]float64{8: 0, 9: 80. / 3, 9.5: 160. / 3, 10: 80, 24: 80} {
		if got := f.until(hours); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("until %v: %v, want %v", hours, got, want)
		}
	}
}
