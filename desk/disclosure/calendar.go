package disclosure

import (
	"net/http"
	"slices"
	"time"

	"loot/desk"
	"loot/gate"
	"loot/store"
	"loot/web"
)

var calendarPage = web.NewPage[calendarView](pageFiles, "pages/calendar.html")

type calendarView struct {
	web.View
	Tabs   []web.Tab
	Months []calendarMonth
	Others *web.Alert // how many do not open for whoever looks; nil: none
	Empty  web.Empty
}

// A calendarMonth has what stands in one month, or what is overdue.
type calendarMonth struct {
	Title, ID string
	Rows      []calendarRow
}

// A calendarRow is a day of a request: nothing that anybody wrote, and nobody whom it is about.
type calendarRow struct {
	Day       time.Time
	What      string
	Reference string
	Overdue   *web.Badge // nil: it is to come
	queueRow
}

// Weekday is the day of the week.
func (c calendarRow) Weekday() string { return c.Day.Weekday().String() }

// calendar shows the days that requests have ahead of them, and what is overdue before.
func (d *disclosure) calendar(w http.ResponseWriter, r *http.Request) error {
	v := calendarView{View: web.ViewOf(r, "Disclosures"), Tabs: tabs("calendar")}
	v.Lead = "The days to come: when an answer is due, and when a request, an order or an agreement ends."
	v.Wide = true
	v.Empty = web.Empty{Icon: "calendar-check", Title: "No day is ahead", Text: "Each day that a request brings along stands here from the moment it is entered."}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.Months = nil
		by := web.ActorOf(r.Context())
		list, err := d.list(r.Context(), tx, by, `closed, due, id`, `closed = 0 OR gag > $1`, d.Now().UnixMicro())
		if err != nil {
			return err
		}
		// A closed one stands here for its secrecy alone, so a number with it gives that away.
		if v.Others, err = others(r.Context(), tx, list.sees, by, `closed = 0`); err != nil {
			return err
		}
		var days []calendarRow
		for _, one := range list.rows {
			days = append(days, d.days(one)...)
		}
		// What is overdue comes first, as all the others are not over yet.
		slices.SortStableFunc(days, func(a, b calendarRow) int { return a.Day.Compare(b.Day) })
		for _, one := range days {
			m := calendarMonth{Title: one.Day.Format("January 2006"), ID: one.Day.Format("m2006-01")}
			if one.Overdue != nil {
				m = calendarMonth{Title: "Overdue", ID: "overdue"}
			}
			if n := len(v.Months); n == 0 || v.Months[n-1].ID != m.ID {
				v.Months = append(v.Months, m)
			}
			last := &v.Months[len(v.Months)-1]
			last.Rows = append(last.Rows, one)
		}
		return nil
	}); err != nil {
		return err
	}
	return calendarPage.Render(w, r, http.StatusOK, v)
}

// days are those that a request has ahead of it, and the one that it missed.
func (d *disclosure) days(r queueRow) (out []calendarRow) {
	add := func(what string, day time.Time) {
		out = append(out, calendarRow{Day: desk.DayOf(day), What: what, Reference: reference(r.ID), queueRow: r})
	}
	ends := func(what string, end time.Time) {
		if end.After(d.Now()) {
			add(what, lastDay(end))
		}
	}
	if r.Closed.IsZero() {
		if r.Outcome == "" {
			add("Answer by", lastDay(r.Due))
			if d.overdue(r.request) {
				out[0].Overdue = &overdueBadge
			}
			if r.Kind == answering {
				ends("Request runs out", r.Until)
			}
		}
		if r.approval.State == gate.Approved { // it ends at an hour of its day
			add("Agreement of the others ends", r.approval.Expires)
		}
		ends("Preservation ends", r.Hold)
	}
	// Secrecy outlasts the request that it was ordered with.
	ends("Secrecy ends", r.Gag)
	return out
}
