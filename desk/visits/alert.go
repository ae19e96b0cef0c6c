package visits

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/column"
	"loot/store"
	"loot/web"
)

// The kinds of alert. A spike is today so far, a drop today so far or yesterday,
// a silence some hours up to now; each beside the same hours of the same weekday
// before.
const (
	spike   = "spike"
	drop    = "drop"
	silence = "silence"
)

// An alert is what letters are written about by themselves.
type alert struct {
	ID         string
	Site       uint16
	Kind       string
	Measure    string
	Filters    []Filter
	Percent    int // of a spike or a drop
	Hours      int // of a silence
	Least      int // what has to come, or to be usual, for it to matter
	Recipients []string
	Writer     string
	Made       time.Time
}

// A firing is what an alert saw when it fired on a day.
type firing struct {
	Day        column.Day
	At         time.Time
	Saw, Usual int64 // fewer: fewer than a crowd
	Text       string
}

// fewer stands for a number that is below the crowd.
const fewer = -1

// alertMeasures are what an alert can be about.
var alertMeasures = []string{"visitors", "visits", "views"}

// The bounds of an alert.
const (
	mostAlerts     = 100 // of a site
	mostRecipients = 20
	mostPercent    = 10_000
	mostSilence    = 24
	mostLeast      = 1_000_000
)

// check says what is wrong with an alert, by the names of the fields of its form.
func (a alert) check() (wrong map[string]string) {
	wrong = map[string]string{}
	upTo := func(name string, n, most int) {
		if n < 1 || n > most {
			wrong[name] = "This is a whole number from 1 to " + strconv.Itoa(most) + "."
		}
	}
	switch a.Kind {
	case spike:
		upTo("percent", a.Percent, mostPercent)
	case drop:
		upTo("percent", a.Percent, 100)
	case silence:
		upTo("hours", a.Hours, mostSilence)
	default:
		wrong["kind"] = "Please choose one."
	}
	if !slices.Contains(alertMeasures, a.Measure) {
		wrong["measure"] = "Please choose one."
	}
	upTo("least", a.Least, mostLeast)
	if len(a.Recipients) == 0 {
		wrong["to"] = "Please choose at least one."
	} else if len(a.Recipients) > mostRecipients {
		wrong["to"] = "An alert goes to " + strconv.Itoa(mostRecipients) + " people at most."
	}
	return wrong
}

func (a alert) measure() measure {
	m, _ := measureNamed(measures, a.Measure)
	return m
}

// words says what an alert is about.
func (a alert) words() string {
	m := a.measure()
	switch a.Kind {
	case spike:
		return m.label + " more than " + strconv.Itoa(a.Percent) + " % above the usual"
	case drop:
		return m.label + " more than " + strconv.Itoa(a.Percent) + " % below the usual"
	}
	return "No " + strings.ToLower(m.label) + " for " + loot.Plural(a.Hours, "hour", "hours")
}

func addAlert(ctx context.Context, tx *store.Tx, a alert) error {
	var have int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM visits_alert WHERE site = $1`, a.Site).Scan(&have); err != nil {
		return fmt.Errorf("visits: alerts: %w", err)
	}
	if have >= mostAlerts {
		return loot.Errorf(loot.Conflict, "A site has %d alerts at most. Remove one first.", mostAlerts)
	}
	recipients, err := json.Marshal(a.Recipients)
	if err != nil {
		return fmt.Errorf("visits: alert: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO visits_alert (id, site, kind, measure, filters, percent, hours, least, recipients, writer, made) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		a.ID, a.Site, a.Kind, a.Measure, writeFilters(a.Filters), a.Percent, a.Hours, a.Least, string(recipients), a.Writer, a.Made.UnixMicro()); err != nil {
		return fmt.Errorf("visits: alert: %w", err)
	}
	return nil
}

const selectAlert = `SELECT id, site, kind, measure, filters, percent, hours, least, recipients, writer, made FROM visits_alert`

func scanAlert(row store.Row) (a alert, err error) {
	var filters, recipients string
	var made int64
	if err := row.Scan(&a.ID, &a.Site, &a.Kind, &a.Measure, &filters, &a.Percent, &a.Hours, &a.Least, &recipients, &a.Writer, &made); err != nil {
		return a, err
	}
	a.Made = store.Instant(made)
	if err := json.Unmarshal([]byte(recipients), &a.Recipients); err != nil {
		return a, err
	}
	a.Filters, err = readFilters(filters)
	return a, err
}

// listAlerts returns the alerts of a site, the oldest first.
func listAlerts(ctx context.Context, tx *store.Tx, site uint16) ([]alert, error) {
	rows, err := tx.Query(ctx, selectAlert+` WHERE site = $1 ORDER BY made, id`, site)
	return readRows(rows, err, "alerts", scanAlert)
}

// findAlert returns an alert; false if it is there no more.
func findAlert(ctx context.Context, tx *store.Tx, id string) (alert, bool, error) {
	a, err := scanAlert(tx.QueryRow(ctx, selectAlert+` WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	return a, err == nil, err
}

// removeAlert removes an alert and what it saw, if whoever asks may.
func removeAlert(ctx context.Context, tx *store.Tx, site uint16, id string, by loot.Actor) error {
	a, there, err := findAlert(ctx, tx, id)
	switch {
	case err != nil:
		return fmt.Errorf("visits: alert: %w", err)
	case !there || a.Site != site:
		return loot.Errorf(loot.NotFound, "There is no such alert.")
	case !mayEnd(by, a.Writer):
		return errNotYours
	}
	for _, q := range []string{`DELETE FROM visits_alert WHERE id = $1`, `DELETE FROM visits_firing WHERE alert = $1`} {
		if _, err := tx.Exec(ctx, q, id); err != nil {
			return fmt.Errorf("visits: alert: %w", err)
		}
	}
	return nil
}

// listFirings returns how an alert fired, the latest first.
func listFirings(ctx context.Context, tx *store.Tx, id string, most int) ([]firing, error) {
	rows, err := tx.Query(ctx, `SELECT day, at, saw, usual, text FROM visits_firing WHERE alert = $1 ORDER BY day DESC LIMIT $2`, id, most)
	return readRows(rows, err, "alerts that fired", scanFiring)
}

func scanFiring(row store.Row) (f firing, err error) {
	var day, at int64
	err = row.Scan(&day, &at, &f.Saw, &f.Usual, &f.Text)
	f.Day, f.At = column.Day(day), store.Instant(at)
	return f, err
}

// findFiring returns what an alert saw on a day.
func findFiring(ctx context.Context, tx *store.Tx, id string, day column.Day) (firing, error) {
	return scanFiring(tx.QueryRow(ctx, `SELECT day, at, saw, usual, text FROM visits_firing WHERE alert = $1 AND day = $2`, id, int64(day)))
}

// claimFiring keeps what an alert saw, and reports whether it is the first of its
// day.
func claimFiring(ctx context.Context, tx *store.Tx, id string, f firing) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO visits_firing (alert, day, at, saw, usual, text) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (alert, day) DO NOTHING`,
		id, int64(f.Day), f.At.UnixMicro(), f.Saw, f.Usual, f.Text)
	if err != nil {
		return false, fmt.Errorf("visits: alert: %w", err)
	}
	return n > 0, nil
}

// readRecipients returns the people whom a form or a program names, if all of
// them may see reports.
func (d *Visits) readRecipients(ctx context.Context, tx *store.Tx, ids []string) ([]string, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	for _, id := range ids {
		if _, ok, err := d.reader(ctx, tx, id); err != nil {
			return nil, err
		} else if !ok {
			return nil, web.Invalid("", map[string]string{"to": "One of these may not see the reports, and so gets no letters about them."})
		}
	}
	return ids, nil
}
