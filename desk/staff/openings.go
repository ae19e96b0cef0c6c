package staff

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/ledger"
	"loot/store"
)

// A day is days since 1970, in UTC.
type day int64

const dayLength = 24 * time.Hour

func dayOf(t time.Time) day           { return day(t.Unix() / int64(dayLength/time.Second)) }
func (d day) start() time.Time        { return time.Unix(int64(d)*int64(dayLength/time.Second), 0).UTC() }
func (d day) end() time.Time          { return (d + 1).start() }
func (d day) before(n int) day        { return d - day(n) }
func (d day) over(now time.Time) bool { return now.After(d.end().Add(time.Hour)) }

// A tally is how much somebody opened.
type tally struct {
	Account string
	Purpose loot.Purpose // empty: all
	Opened  int
	Looked  int
	Refused int
	Entry   string // the last one
}

// maxDays bounds how many days one run of the count goes through.
const maxDays = 400

// countDays brings the tallies up to date, day by day, and looks at each for
// what is unusual.
func (d *Desk) countDays(ctx context.Context, _ countJob) error {
	now := d.kit.Now()
	from, err := d.firstOpenDay(ctx, now)
	if err != nil {
		return err
	}
	for n := from; n <= dayOf(now) && n < from+maxDays; n++ {
		list, work, err := d.countDay(ctx, n)
		if err != nil {
			return err
		}
		if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
			if err := d.keepDay(ctx, tx, n, list, now); err != nil {
				return err
			}
			if err := keepHours(ctx, tx, n, work); err != nil {
				return err
			}
			if err := d.raise(ctx, tx, n, list, work); err != nil {
				return err
			}
			return d.alarm(ctx, tx, n, list)
		}); err != nil {
			return err
		}
	}
	return d.tellReviews(ctx)
}

// firstOpenDay returns the first day that may still change: the one after the
// last that is final, or the one on which the first account was made.
func (d *Desk) firstOpenDay(ctx context.Context, now time.Time) (from day, err error) {
	err = d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		var last, first sql.NullInt64
		if err := tx.QueryRow(ctx, `SELECT (SELECT max(day) FROM staff_day WHERE final = 1), (SELECT min(made) FROM staff_account)`).Scan(&last, &first); err != nil {
			return fmt.Errorf("staff: days: %w", err)
		}
		from = dayOf(now)
		switch {
		case last.Valid:
			from = day(last.Int64) + 1
		case first.Valid:
			from = dayOf(store.Instant(first.Int64))
		}
		return nil
	})
	return from, err
}

// countDay counts a day from the ledger, and how each worked on it. It reads who
// acted, and nothing of the persons it was about.
func (d *Desk) countDay(ctx context.Context, n day) ([]tally, []*seen, error) {
	type key struct {
		account string
		purpose loot.Purpose
	}
	var out []tally
	var work []*seen
	err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		sums, all := map[key]*tally{}, map[string]*seen{}
		for row, err := range d.kit.Ledger.ByStaff(ctx, tx, n.start(), n.end()) {
			if err != nil {
				return err
			}
			f := row.Facts
			if f.Action == "" || f.ActorKind != loot.Staff && f.Role == "" {
				continue
			}
			if row.Actor.ID == "" {
				continue
			}
			k := key{row.Actor.ID, f.Purpose}
			t := sums[k]
			if t == nil {
				t = &tally{Account: row.Actor.ID, Purpose: f.Purpose}
				sums[k] = t
			}
			t.add(f, max(1, row.Count))
			t.Entry = row.ID
			s := all[row.Actor.ID]
			if s == nil {
				s = &seen{account: row.Actor.ID, opened: map[string]bool{}}
				all[row.Actor.ID] = s
			}
			s.add(row)
		}
		work = sorted(all)
		out = nil
		for _, t := range sums {
			out = append(out, *t)
		}
		slices.SortFunc(out, func(a, b tally) int {
			return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Purpose, b.Purpose))
		})
		return nil
	})
	return out, work, err
}

func (t *tally) add(f ledger.Facts, n int) {
	switch {
	case f.Verdict == ledger.Refused:
		t.Refused += n
	case f.Action == loot.Find:
		t.Looked += n
	default:
		t.Opened += n
	}
}

func (d *Desk) keepDay(ctx context.Context, tx *store.Tx, n day, list []tally, now time.Time) error {
	if _, err := tx.Exec(ctx, `DELETE FROM staff_tally WHERE day = $1`, int64(n)); err != nil {
		return fmt.Errorf("staff: tally: %w", err)
	}
	for _, t := range list {
		if _, err := tx.Exec(ctx, `INSERT INTO staff_tally (day, account, purpose, opened, looked, refused, entry) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			int64(n), t.Account, string(t.Purpose), t.Opened, t.Looked, t.Refused, t.Entry); err != nil {
			return fmt.Errorf("staff: tally: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO staff_day (day, at, final) VALUES ($1, $2, $3)
		ON CONFLICT (day) DO UPDATE SET at = excluded.at, final = excluded.final`, int64(n), now.UnixMicro(), store.Flag(n.over(now))); err != nil {
		return fmt.Errorf("staff: day: %w", err)
	}
	return nil
}

// What is unusual in a day: more openings and searches than this many, and
// more than so many times what is usual for the same person; or this many
// refusals.
const (
	alarmFloor   = 60
	alarmTimes   = 4
	alarmRefused = 25
	usualDays    = 30
)

// alarm raises an incident, once a day, for each account that did what is
// unusual. The incident names the last entry; whoever handles it opens from
// there who it was.
func (d *Desk) alarm(ctx context.Context, tx *store.Tx, n day, list []tally) error {
	for _, t := range together(list) {
		usual, err := d.usual(ctx, tx, t.Account, n)
		if err != nil {
			return err
		}
		if !unusual(t, usual) {
			continue
		}
		first, err := tx.Exec(ctx, `INSERT INTO staff_alarm (account, day) VALUES ($1, $2) ON CONFLICT (account, day) DO NOTHING`, t.Account, int64(n))
		if err != nil {
			return fmt.Errorf("staff: alarm: %w", err)
		}
		if first == 0 {
			continue
		}
		if _, err := d.kit.Gate.Incident(ctx, tx, "access.unusual", t.Entry); err != nil {
			return err
		}
	}
	return nil
}

func unusual(t tally, usual int) bool {
	return t.Opened+t.Looked > max(alarmFloor, alarmTimes*usual) || t.Refused > alarmRefused
}

// together adds up what each account did for all purposes.
func together(list []tally) []tally {
	var out []tally
	for _, t := range list {
		i := slices.IndexFunc(out, func(o tally) bool { return o.Account == t.Account })
		if i < 0 {
			out = append(out, tally{Account: t.Account})
			i = len(out) - 1
		}
		o := &out[i]
		o.Opened, o.Looked, o.Refused = o.Opened+t.Opened, o.Looked+t.Looked, o.Refused+t.Refused
		o.Entry = max(o.Entry, t.Entry)
	}
	return out
}

// usual returns what an account opens and searches on a middling day of those
// on which it works, in the month before.
func (d *Desk) usual(ctx context.Context, tx *store.Tx, account string, n day) (int, error) {
	rows, err := tx.Query(ctx, `SELECT sum(opened + looked) FROM staff_tally WHERE account = $1 AND day >= $2 AND day < $3 GROUP BY day`,
		account, int64(n.before(usualDays)), int64(n))
	if err != nil {
		return 0, fmt.Errorf("staff: usual: %w", err)
	}
	defer rows.Close()
	var days []int
	for rows.Next() {
		var v int
		if err := rows.Scan(&v); err != nil {
			return 0, fmt.Errorf("staff: usual: %w", err)
		}
		if v > 0 {
			days = append(days, v)
		}
	}
	if err := rows.Err(); err != nil || len(days) == 0 {
		return 0, err
	}
	slices.Sort(days)
	return days[len(days)/2], nil
}

// tallies returns the sums from a day on, by account and purpose; of one
// account unless it is empty.
func (d *Desk) tallies(ctx context.Context, tx *store.Tx, from day, account string) ([]tally, error) {
	rows, err := tx.Query(ctx, `SELECT account, purpose, sum(opened), sum(looked), sum(refused) FROM staff_tally
		WHERE day >= $1 AND (account = $2 OR $2 = '') GROUP BY account, purpose ORDER BY account, purpose`, int64(from), account)
	if err != nil {
		return nil, fmt.Errorf("staff: tallies: %w", err)
	}
	defer rows.Close()
	var out []tally
	for rows.Next() {
		var t tally
		if err := rows.Scan(&t.Account, &t.Purpose, &t.Opened, &t.Looked, &t.Refused); err != nil {
			return nil, fmt.Errorf("staff: tallies: %w", err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// alarmed returns on how many days the rules raised something of each account, from a
// day on: it stands in the access review.
func (d *Desk) alarmed(ctx context.Context, tx *store.Tx, from day) (map[string]int, error) {
	rows, err := tx.Query(ctx, `SELECT account, count(DISTINCT day) FROM staff_review WHERE day >= $1 GROUP BY account`, int64(from))
	if err != nil {
		return nil, fmt.Errorf("staff: alarms: %w", err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var account string
		var n int
		if err := rows.Scan(&account, &n); err != nil {
			return nil, fmt.Errorf("staff: alarms: %w", err)
		}
		out[account] = n
	}
	return out, rows.Err()
}

// perDay returns how much was opened on each of the last n days, the oldest
// first.
func (d *Desk) perDay(ctx context.Context, tx *store.Tx, until day, n int) ([]int, error) {
	rows, err := tx.Query(ctx, `SELECT day, sum(opened) FROM staff_tally WHERE day > $1 AND day <= $2 GROUP BY day`, int64(until.before(n)), int64(until))
	if err != nil {
		return nil, fmt.Errorf("staff: per day: %w", err)
	}
	defer rows.Close()
	out := make([]int, n)
	for rows.Next() {
		var at int64
		var opened int
		if err := rows.Scan(&at, &opened); err != nil {
			return nil, fmt.Errorf("staff: per day: %w", err)
		}
		out[n-1-int(int64(until)-at)] = opened
	}
	return out, rows.Err()
}

// counted returns when the tallies were last brought up to date.
func (d *Desk) counted(ctx context.Context, tx *store.Tx) (time.Time, error) {
	var at sql.NullInt64
	if err := tx.QueryRow(ctx, `SELECT max(at) FROM staff_day`).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("staff: counted: %w", err)
	}
	return store.Instant(at.Int64), nil
}
