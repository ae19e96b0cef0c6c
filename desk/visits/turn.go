package visits

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"loot/column"
	"loot/desk/visits/source"
	"loot/job"
)

// turn is the job that ends days: it destroys their secrets, replaces what told
// visitors apart, and erases what is kept no longer.
type turn struct{}

func (turn) Kind() string { return "visits.turn" }

// turnTime is how long a day may take to be sealed.
const turnTime = 30 * time.Minute

func (d *Visits) jobs() {
	job.Register(d.Jobs, func(ctx context.Context, _ turn) error { return d.Turn(ctx) }, job.Timeout(turnTime))
	d.Jobs.Periodic(time.Minute, turn{})
}

// Begin destroys the secrets whose time passed while no process ran, before
// anybody is served. The ledger is told by the first [Visits.Turn].
func (d *Visits) Begin(ctx context.Context) error {
	all, err := d.sites.list(ctx)
	if err != nil {
		return err
	}
	_, err = d.secrets.end(ctx, d.over(all, d.Now()))
	return err
}

// Turn does what is due now. It may be interrupted anywhere and done again. What
// fails of it keeps nothing else from being done.
func (d *Visits) Turn(ctx context.Context) error {
	d.turning.Lock()
	defer d.turning.Unlock()
	now := d.Now()
	all, err := d.sites.list(ctx)
	known := err == nil
	if known {
		err = d.secrets.destroy(ctx, d.over(all, now))
	}
	if d.column == nil {
		return err // a command that looks at something else
	}
	if known {
		err = errors.Join(err, d.sealBefore(ctx, d.today(all, now), now))
	}
	return errors.Join(err, d.retain(ctx, now))
}

// retain erases what is kept no longer.
func (d *Visits) retain(ctx context.Context, now time.Time) error {
	r := d.ruling.rules()
	if r.keep.IsZero() && !r.keeps {
		return nil // no statement is in force that says how long
	}
	if err := d.column.Drop(ctx, r.since(now)); err != nil {
		return fmt.Errorf("visits: erase what is kept no longer: %w", err)
	}
	return nil
}

// today returns the first day that is not over at every site.
func (d *Visits) today(all []*Site, now time.Time) column.Day {
	first := column.DayOf(now.Add(-crossing).UTC())
	for _, s := range all {
		first = min(first, column.DayOf(now.Add(-crossing).In(s.place)))
	}
	return first
}

// mostImport is how long the secrets of an import live that does not end.
const mostImport = 24 * time.Hour

// over says which secrets have had their time.
func (d *Visits) over(all []*Site, now time.Time) func(secretOf) bool {
	bySite := map[uint16]*Site{}
	for _, s := range all {
		bySite[s.Number] = s
	}
	return func(o secretOf) bool {
		if o.lane != live && o.lane != logs {
			return laneOver(o.lane, now)
		}
		s := bySite[o.site]
		return s == nil || !now.Before(s.end(o.day).Add(crossing))
	}
}

// Run takes secrets and visits that are over out of this process's memory, until
// ctx ends, and first puts back the visits that went on when the last one ended.
func (d *Visits) Run(ctx context.Context) error {
	if err := d.resume(ctx); err != nil {
		d.Log.WarnContext(ctx, "visits that go on are counted as new ones", "err", err)
	}
	tick := time.NewTicker(20 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			d.sweep(ctx)
		}
	}
}

func (d *Visits) sweep(ctx context.Context) {
	now := d.Now()
	d.live.sittings.sweep(now)
	d.imports.sweep(now)
	if all, err := d.sites.list(ctx); err == nil {
		d.secrets.wipe(d.over(all, now))
	}
	if err := d.networks.Refresh(); err != nil {
		d.Log.WarnContext(ctx, "a file of networks is not used", "err", err)
	}
}

// resume puts back the visits that may go on, from the rows of the last half
// hour.
func (d *Visits) resume(ctx context.Context) error {
	all, err := d.sites.list(ctx)
	if err != nil {
		return err
	}
	now := d.Now()
	for _, s := range all {
		if !s.Ended.IsZero() {
			continue
		}
		from, second := s.local(now.Add(-idle))
		to, _ := s.local(now)
		if err := d.resumeSite(ctx, d.live, s, from, to, second, "via <> '"+viaLog+"' AND via <> '"+viaExport+"'"); err != nil {
			return err
		}
	}
	return nil
}

// resumeSite puts back those of a lane whose rows are from a second of a day on.
func (d *Visits) resumeSite(ctx context.Context, l *lane, s *Site, from, to column.Day, second uint32, via string) (err error) {
	rows, err := d.column.Query(ctx, from, to, `SELECT CAST(day AS BIGINT), CAST(second AS BIGINT), visitor, visit, page, CAST(nth AS BIGINT), path, entry, channel, source, medium, campaign, term, content, clicked, class
		FROM visits_hit WHERE site = $1 AND nth > 0 AND event = '' AND (day > $2 OR second >= $3) AND `+via+` ORDER BY day DESC, second DESC, nth DESC LIMIT $4`, int64(s.Number), int64(from), int64(second), int64(mostSittings))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	known := map[seat]bool{}
	for rows.Next() {
		var day, second, who, nth int64
		var sit sitting
		var page int64
		var channel, class string
		f := &sit.from
		if err := rows.Scan(&day, &second, &who, &sit.visit, &page, &nth, &sit.path, &sit.entry, &channel, &f.Name, &f.Campaign.Medium, &f.Campaign.Name, &f.Campaign.Term, &f.Campaign.Content, &f.Clicked, &class); err != nil {
			return err
		}
		l.seen.add(d.key(s, &happening{page: page}))
		at := seat{s.Number, visitor(who)}
		if known[at] {
			continue
		}
		known[at] = true
		f.Channel, sit.views, sit.human = source.Channel(channel), uint16(nth), class == human
		y, m, date := column.Day(day).Time().Date()
		sit.last = time.Date(y, m, date, 0, 0, int(second), 0, s.place)
		sit.pages[int(nth-1)%mostPages] = viewed{page, column.Day(day), uint32(second)}
		l.sittings.resume(at, sit)
	}
	return rows.Err()
}

// importLane names the secrets of an import that begins.
func importLane(now time.Time) string { return "import" + strconv.FormatInt(now.Unix(), 36) }

// laneOver reports whether an import's secrets have had their time.
func laneOver(lane string, now time.Time) bool {
	at, ok := laneBegan(lane)
	return !ok || now.Sub(at) > mostImport
}

// laneBegan returns when an import's lane was made.
func laneBegan(lane string) (time.Time, bool) {
	began, ok := strings.CutPrefix(lane, "import")
	at, err := strconv.ParseInt(began, 36, 64)
	return time.Unix(at, 0).UTC(), ok && err == nil
}
