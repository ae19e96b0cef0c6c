package rights

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
	"loot/web"
)

var retentionPage = web.NewPage[retentionView](pageFiles, "pages/retention.html")

const (
	ahead      = 30      // days that are foretold
	week       = 7       // days
	reportDays = 30      // that the page shows
	fileDays   = 3 * 366 // that the file has
	day        = 24 * time.Hour
)

// Count adds up what went or stayed on a day; see [desk.Kit.Erased].
func (d *Rights) Count(ctx context.Context, tx *store.Tx, of string, l desk.Lapse, stayed bool) error {
	if _, err := tx.Exec(ctx, `INSERT INTO rights_lapse (day, desk, what, why, clause, stayed, number) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (day, desk, what, why, clause, stayed) DO UPDATE SET number = rights_lapse.number + excluded.number`,
		l.Day.Format(time.DateOnly), of, l.What, l.Why, string(l.Clause), store.Flag(stayed), l.Count); err != nil {
		return fmt.Errorf("rights: count: %w", err)
	}
	return nil
}

// A lapseRow is what went or stayed of one kind on a day.
type lapseRow struct {
	desk.Lapse
	Desk   string
	Stayed bool
}

func readLapses(ctx context.Context, tx *store.Tx, since time.Time) (out []lapseRow, err error) {
	rows, err := tx.Query(ctx, `SELECT day, desk, what, why, clause, stayed, number FROM rights_lapse WHERE day >= $1 ORDER BY day DESC, stayed, desk, what, why, clause`, since.UTC().Format(time.DateOnly))
	if err != nil {
		return nil, fmt.Errorf("rights: lapses: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r lapseRow
		var on string
		var stayed int
		if err := rows.Scan(&on, &r.Desk, &r.What, &r.Why, &r.Clause, &stayed, &r.Count); err != nil {
			return nil, fmt.Errorf("rights: lapses: %w", err)
		}
		if r.Day, err = time.Parse(time.DateOnly, on); err != nil {
			return nil, fmt.Errorf("rights: lapses: %w", err)
		}
		r.Stayed = stayed != 0
		out = append(out, r)
	}
	return out, rows.Err()
}

type retentionView struct {
	web.View
	Stats   []web.Stat
	Ahead   []aheadRow
	Law     []desk.Retained
	Lapses  []lapseRow
	Nothing web.Empty
}

// An aheadRow is how many of one kind go soon.
type aheadRow struct {
	Desk, What, Why    string
	Clause             loot.Clause
	Today, Week, Month int // each with what is before
}

// retention shows what goes soon, what the law keeps, and what went.
func (d *Rights) retention(w http.ResponseWriter, r *http.Request) error {
	v := retentionView{View: web.ViewOf(r, "Retention")}
	v.Lead = "What is erased when its time is over: by which clause it goes, what a law keeps, and what went. Numbers only; nobody can be told from them."
	v.Wide = true
	v.Actions = []web.Action{{Label: "As CSV", Icon: "download", Href: "/console/retention/report.csv"}}
	v.Nothing = web.Empty{Icon: "history", Title: "Nothing went yet", Text: "Once a day everything is erased whose time is over, and stands here."}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		if v.Ahead, v.Law, err = d.foretold(r.Context(), tx); err != nil {
			return err
		}
		v.Lapses, err = readLapses(r.Context(), tx, d.Now().Add(-reportDays*day))
		return err
	}); err != nil {
		return err
	}
	today, month, went, stayed := 0, 0, 0, 0
	for _, a := range v.Ahead {
		today, month = today+a.Today, month+a.Month
	}
	for i := range v.Lapses {
		l := &v.Lapses[i]
		l.Desk = inWords(l.Desk)
		if l.Stayed {
			stayed += l.Count
		} else {
			went += l.Count
		}
	}
	v.Stats = []web.Stat{
		{Label: "Go today", Value: web.Number(today), Icon: "eraser"},
		{Label: "Go within " + strconv.Itoa(ahead) + " days", Value: web.Number(month), Icon: "calendar-days"},
		{Label: "Went in " + strconv.Itoa(reportDays) + " days", Value: web.Number(went), Icon: "check"},
		{Label: "Held back in " + strconv.Itoa(reportDays) + " days", Value: web.Number(stayed), Icon: "lock", Note: "counted anew each day"},
	}
	return retentionPage.Render(w, r, http.StatusOK, v)
}

// foretold asks every desk what it erases soon, and what a law has it keep.
func (d *Rights) foretold(ctx context.Context, tx *store.Tx) (out []aheadRow, law []desk.Retained, err error) {
	today := desk.DayOf(d.Now())
	until := today.Add((ahead + 1) * day)
	for _, other := range d.needs.Desks() {
		if other.Lapses != nil {
			list, err := other.Lapses(ctx, tx, until)
			if err != nil {
				return nil, nil, err
			}
			for _, l := range list {
				row := aheadRow{Desk: inWords(other.Name), What: l.What, Why: l.Why, Clause: l.Clause}
				i := slices.IndexFunc(out, func(a aheadRow) bool {
					return a.Desk == row.Desk && a.What == row.What && a.Why == row.Why && a.Clause == row.Clause
				})
				if i < 0 {
					i, out = len(out), append(out, row)
				}
				out[i].Month += l.Count
				if l.Day.Before(today.Add(week * day)) {
					out[i].Week += l.Count
				}
				if !l.Day.After(today) {
					out[i].Today += l.Count
				}
			}
		}
		if other.Retains != nil {
			more, err := other.Retains(ctx, tx, "")
			if err != nil {
				return nil, nil, err
			}
			law = append(law, more...)
		}
	}
	slices.SortFunc(out, func(a, b aheadRow) int {
		return cmp.Or(cmp.Compare(b.Today, a.Today), cmp.Compare(b.Month, a.Month), cmp.Compare(a.What, b.What), cmp.Compare(a.Why, b.Why))
	})
	return out, law, nil
}

// retentionFile is the report as CSV (RFC 4180): no word of it comes from outside.
func (d *Rights) retentionFile(w http.ResponseWriter, r *http.Request) error {
	var all []lapseRow
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		all, err = readLapses(r.Context(), tx, d.Now().Add(-fileDays*day))
		return err
	}); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="retention-`+d.Now().UTC().Format(time.DateOnly)+`.csv"`)
	out := csv.NewWriter(w)
	rows := [][]string{{"day", "desk", "what", "why", "clause", "outcome", "number"}}
	for _, l := range all {
		outcome := "erased"
		if l.Stayed {
			outcome = "kept"
		}
		rows = append(rows, []string{l.Day.Format(time.DateOnly), l.Desk, l.What, l.Why, string(l.Clause), outcome, strconv.Itoa(l.Count)})
	}
	return out.WriteAll(rows)
}
