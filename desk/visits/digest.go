package visits

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/column"
	"loot/store"
	"loot/web"
)

// How often a digest comes.
const (
	daily   = "day"
	weekly  = "week"
	monthly = "month"
)

// rhythms are how often a digest comes, as people choose it.
var rhythms = []web.Option{
	{Value: daily, Label: "Every day", Hint: "About the day before."},
	{Value: weekly, Label: "Every week", Hint: "On Monday, about the week before."},
	{Value: monthly, Label: "Every month", Hint: "On the first, about the month before."},
}

// digestHour is when one comes, by the clock of the site.
const digestHour = 7

// A subscription is a digest that a member of staff gets.
type subscription struct {
	ID      string
	Site    uint16
	Filters []Filter
	Every   string
	Who     string
	Made    time.Time
	Sent    time.Time // zero: none was
}

// mostDigests bounds what one member gets of a site.
const mostDigests = 20

func rhythm(every string) string {
	i := slices.IndexFunc(rhythms, func(o web.Option) bool { return o.Value == every })
	if i < 0 {
		return ""
	}
	return rhythms[i].Label
}

// latest returns the days that the latest digest is about.
func latest(every string, today column.Day) (from, to column.Day) {
	switch every {
	case daily:
		return today - 1, today - 1
	case weekly:
		monday := today - (today+3)%7
		return monday - 7, monday - 1
	}
	return monthOf(today, -1), monthOf(today, 0) - 1
}

// due returns the days that a digest is about whose time has come, since it was
// subscribed to; false: none.
func (s subscription) due(site *Site, now time.Time) (from, to column.Day, ok bool) {
	today, _ := site.local(now)
	from, to = latest(s.Every, today)
	y, m, day := (to + 1).Time().Date()
	at := time.Date(y, m, day, digestHour, 0, 0, 0, site.place)
	return from, to, !now.Before(at) && at.After(s.Made)
}

func subscribe(ctx context.Context, tx *store.Tx, s subscription) error {
	if rhythm(s.Every) == "" {
		return web.Invalid("", map[string]string{"every": "Please choose one."})
	}
	var have int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM visits_digest WHERE site = $1 AND who = $2`, s.Site, s.Who).Scan(&have); err != nil {
		return fmt.Errorf("visits: digests: %w", err)
	}
	if have >= mostDigests {
		return loot.Errorf(loot.Conflict, "Nobody gets more than %d digests of a site. End one first.", mostDigests)
	}
	n, err := tx.Exec(ctx, `INSERT INTO visits_digest (id, site, filters, every, who, made, through, sent) VALUES ($1, $2, $3, $4, $5, $6, 0, 0) ON CONFLICT (site, who, every, filters) DO NOTHING`,
		s.ID, s.Site, writeFilters(s.Filters), s.Every, s.Who, s.Made.UnixMicro())
	if err != nil {
		return fmt.Errorf("visits: digest: %w", err)
	}
	if n == 0 {
		return web.Invalid("", map[string]string{"every": "You get this one already."})
	}
	return nil
}

const selectDigest = `SELECT id, site, filters, every, who, made, sent FROM visits_digest`

func scanDigest(row store.Row) (s subscription, err error) {
	var filters string
	var made, sent int64
	if err := row.Scan(&s.ID, &s.Site, &filters, &s.Every, &s.Who, &made, &sent); err != nil {
		return s, err
	}
	s.Made, s.Sent = store.Instant(made), store.Instant(sent)
	s.Filters, err = readFilters(filters)
	return s, err
}

// listDigests returns the digests of a site: all of them, or somebody's.
func listDigests(ctx context.Context, tx *store.Tx, site uint16, who string) ([]subscription, error) {
	rows, err := tx.Query(ctx, selectDigest+` WHERE site = $1 AND ($2 = '' OR who = $2) ORDER BY made, id`, site, who)
	return readRows(rows, err, "digests", scanDigest)
}

// findDigest returns a digest; false if it was ended.
func findDigest(ctx context.Context, tx *store.Tx, id string) (subscription, bool, error) {
	s, err := scanDigest(tx.QueryRow(ctx, selectDigest+` WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return s, false, nil
	}
	return s, err == nil, err
}

func deleteDigest(ctx context.Context, tx *store.Tx, id string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM visits_digest WHERE id = $1`, id); err != nil {
		return fmt.Errorf("visits: digest: %w", err)
	}
	return nil
}

// endDigest ends a digest, if whoever asks may.
func endDigest(ctx context.Context, tx *store.Tx, site uint16, id string, by loot.Actor) error {
	s, there, err := findDigest(ctx, tx, id)
	switch {
	case err != nil:
		return fmt.Errorf("visits: digest: %w", err)
	case !there || s.Site != site || s.Who != by.ID && !keeps(by):
		return loot.Errorf(loot.NotFound, "There is no such digest.")
	}
	return deleteDigest(ctx, tx, id)
}

// claimDigest takes the letter about the days up to one upon this process, and
// reports whether no other did before.
func claimDigest(ctx context.Context, tx *store.Tx, id string, to column.Day) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE visits_digest SET through = $1 WHERE id = $2 AND through < $1`, int64(to), id)
	if err != nil {
		return false, fmt.Errorf("visits: digest: %w", err)
	}
	return n > 0, nil
}

// claimDigests has the digests of a site written that are due.
func (d *Visits) claimDigests(ctx context.Context, s *Site) error {
	now := d.Now()
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		all, err := listDigests(ctx, tx, s.Number, "")
		if err != nil {
			return err
		}
		for _, one := range all {
			from, to, ok := one.due(s, now)
			if !ok {
				continue
			}
			if ok, err = claimDigest(ctx, tx, one.ID, to); err != nil {
				return err
			}
			if !ok {
				continue
			}
			if err := d.Jobs.Enqueue(ctx, tx, digestJob{one.ID, from, to}); err != nil {
				return err
			}
		}
		return nil
	})
}
