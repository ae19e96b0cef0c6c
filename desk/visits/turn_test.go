package visits

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"loot/column"
	"loot/desk/desktest"
	"loot/store"
)

// another adds a second site, in another time zone.
func (h *house) another(zone string) *Site {
	h.t.Helper()
	return h.added(2, "name", "Other", "hosts", "other.example", "zone", zone, "script", "o", "full", "yes")
}

// moveTo moves the clock to a time.
func (h *house) moveTo(at time.Time) { h.Clock.Advance(at.Sub(h.Clock.Now())) }

// TestAnImportHoldsItsDaysAlone: while one goes on, every other day of every site
// is sealed when it is over, also one that the import wrote to before that, and
// the ids of its visitors are gone.
func TestAnImportHoldsItsDaysAlone(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		east, west := h.site("Pacific/Auckland"), h.another("America/Los_Angeles")
		day := column.DayOf(h.Kit.Now()) + 1
		other := func(addr string) {
			t.Helper()
			h.page++
			body := fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://other.example/live"}`, h.page)
			head := http.Header{"X-Forwarded-For": {addr}, "User-Agent": {firefox}, "Content-Type": {"text/plain"}, "Origin": {"https://other.example"}, "Accept": {"*/*"}, "Accept-Language": {"en"}}
			if got := h.Do("POST", "/v/o", body, head).Status; got != http.StatusAccepted {
				t.Fatalf("a view: %d", got)
			}
		}
		n := 0
		id := h.begin().ID
		lines := func(days ...column.Day) {
			t.Helper()
			for _, d := range days {
				at := east.end(d).Add(-5 * time.Hour)
				if status, taken := h.lines(id, n, n+1, line(n, at, 1, fmt.Sprintf("/%d", n))); status != http.StatusOK || taken.Recorded != 1 {
					t.Fatal(status, taken)
				}
				n++
			}
		}
		open := func(when string, want ...column.Day) {
			t.Helper()
			desktest.OK(t, h.d.Turn(t.Context()))
			if got := h.openDays(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: open are %v, want %v", when, got, want)
			}
		}
		// The day is over in the east, and goes on in the west.
		h.moveTo(east.end(day).Add(-time.Hour))
		h.view("198.51.100.7", "/live")
		h.moveTo(east.end(day).Add(crossing))
		other("198.51.100.8")
		lines(day-8, day)
		open("over in the east", day-8, day)
		h.moveTo(west.end(day).Add(crossing))
		other("198.51.100.8")
		open("over everywhere", day-8, day+1)
		if got := h.ask("SELECT count(*) FROM visits_row WHERE day = $1 AND visitor > 9", int64(day)); got != "0" {
			t.Errorf("ids of a day that is closed: %s", got)
		}
		// What is written to it after that is held as every other day.
		lines(day-8, day)
		open("written to again", day-8, day, day+1)
		lines(day-8, day)
		if status, said := h.post("/imports/"+id+"/end", "application/json", "", nil); status != http.StatusOK {
			t.Fatal(status, said)
		}
		open("ended", day+1)
		got := h.counts()["total "]
		// One visitor of the import on the first day, and on the second one before it
		// was sealed and one after that, beside two that were there.
		if got.Views != 1+1+1+2*3 || got.Visitors != 1+1+1+1+2 {
			t.Errorf("%+v", got)
		}
		desktest.OK(t, h.Kit.DB.Read(t.Context(), func(tx *store.Tx) error {
			return eachHeld(t.Context(), tx, `SELECT import, day FROM visits_import_day`, func(_ string, day column.Day) {
				t.Errorf("%s is held by an import that ended", day)
			})
		}))
	})
}

// A stuck store does not seal, or not erase.
type stuck struct {
	column.Store
	seal, drop error
	dropped    column.Day
}

func (s *stuck) Seal(context.Context, ...column.Day) error { return s.seal }

func (s *stuck) Drop(_ context.Context, before column.Day) error {
	s.dropped = before
	return s.drop
}

// TestWhatFailsAtTheEndOfADay: retention does not wait for a day that cannot be
// sealed, and neither error hides the other.
func TestWhatFailsAtTheEndOfADay(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	s := h.site("Europe/Dublin")
	h.view("198.51.100.7", "/")
	h.moveTo(s.end(column.DayOf(h.Clock.Now())).Add(crossing))
	rows := &stuck{Store: h.rows, seal: errors.New("no room to seal"), drop: errors.New("no file to erase")}
	h.rebuild(rows)
	err := h.d.Turn(t.Context())
	if !errors.Is(err, rows.seal) || !errors.Is(err, rows.drop) || rows.dropped != h.d.ruling.rules().since(h.Clock.Now()) {
		t.Errorf("%v; erased before %v", err, rows.dropped)
	}
	if names, err := h.Kit.Keyring.Fleetings(); err != nil || len(names) != 0 {
		t.Errorf("keys are left: %v, %v", names, err)
	}
}

// TestKeysOfDaysThatEndedWhileNobodyServed are destroyed at the start, and the
// ledger is told after that.
func TestKeysOfDaysThatEndedWhileNobodyServed(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.site("Europe/Dublin")
		h.view("198.51.100.7", "/")
		day, _ := s.local(h.Clock.Now())
		yesterday := secretOf{s.Number, day, live}
		h.Clock.Advance(24 * time.Hour)
		h.view("198.51.100.7", "/")
		today := secretOf{s.Number, day + 1, live}
		noted := func() int {
			h.Confirm()
			return strings.Count(h.noted("visits.secret"), "destroyed")
		}
		h.rebuild(h.rows)
		desktest.OK(t, h.d.Begin(t.Context()))
		never := func() []byte { t.Error("a key is made anew"); return nil }
		if _, err := h.Kit.Keyring.Fleeting(t.Context(), yesterday.name(), never); err == nil {
			t.Error("the key of yesterday is there")
		}
		if _, err := h.Kit.Keyring.Fleeting(t.Context(), today.name(), never); err != nil {
			t.Errorf("the key of today: %v", err)
		}
		if n := noted(); n != 0 {
			t.Errorf("%d on the ledger before it runs", n)
		}
		for range 2 {
			desktest.OK(t, h.d.Turn(t.Context()))
			if n := noted(); n != 1 {
				t.Errorf("%d on the ledger", n)
			}
		}
		if names, err := h.Kit.Keyring.Fleetings(); err != nil || len(names) != 1 || names[0] != today.name() {
			t.Errorf("keys: %v, %v", names, err)
		}
	})
}
