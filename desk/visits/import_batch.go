package visits

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"loot"
	"loot/column"
	"loot/store"
)

// A reached is how far a log was read, before a batch and after it, and of what
// kind it is.
type reached struct{ after, mark, kind string }

// The kinds of what is imported. Of an export it is the program's name, if it is
// said.
const (
	kindLog    = "log"
	kindExport = "export"
)

var errElsewhere = loot.Errorf(loot.Conflict, "This log was read from another place meanwhile. Begin the import again: it goes on where that one is.")

// log returns the id of the log that was read as far as a mark, and whether a
// batch was taken before, so that it is sent again because the answer was lost.
func (r reached) log(ctx context.Context, tx *store.Tx, s *Site) (id string, taken bool, err error) {
	find := func(mark string) (id string, err error) {
		err = tx.QueryRow(ctx, `SELECT id FROM visits_log WHERE site = $1 AND mark = $2 ORDER BY id LIMIT 1`, s.Number, mark).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return "", nil
		}
		return id, err
	}
	if id, err = find(r.mark); err != nil || id != "" {
		return id, id != "" && r.after != r.mark, err
	}
	if r.after == "" {
		return "", false, nil
	}
	if id, err = find(r.after); err == nil && id == "" {
		err = errElsewhere
	}
	return id, false, err
}

// takeBatch records a batch, and how far its log was read then. All of it can
// be sent again whatever happened meanwhile: what is stored is not stored twice.
func (d *Visits) takeBatch(ctx context.Context, s *Site, id string, at reached, all []imported) (out *ImportTaken, err error) {
	d.imports.mu.Lock()
	defer d.imports.mu.Unlock()
	now := d.Now()
	var im *theImport
	var log string
	var taken bool
	if err := d.DB.Read(ctx, func(tx *store.Tx) error {
		if im, err = readImport(ctx, tx, s, id); err != nil {
			return err
		}
		log, taken, err = at.log(ctx, tx, s)
		return err
	}); err != nil {
		return nil, err
	}
	out = &ImportTaken{Refused: map[string]int{}, Holds: !im.held.IsZero()}
	if taken {
		return out, nil
	}
	defer func() {
		d.imports.used = now
		if err != nil {
			d.imports.drop()
		}
	}()
	due, past := d.due(s, all, now, out)
	if len(past) > 0 {
		if err := d.hold(ctx, im, past, now); err != nil {
			return nil, err
		}
		out.Holds = true
	}
	var known map[int64]bool
	if log == "" || !d.imports.settled[log] {
		if known, err = d.stored(ctx, s, due); err != nil {
			return nil, err
		}
	}
	if err := d.recordAll(ctx, s, im, due, known, out); err != nil {
		return nil, err
	}
	settled := len(due) > 0 && !known[due[len(due)-1].page]
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		query := `UPDATE visits_log SET mark = $3 WHERE id = $1 AND site = $2`
		if log == "" {
			log = loot.NewID("l")
			query = `INSERT INTO visits_log (id, site, mark) VALUES ($1, $2, $3)`
		}
		if _, err := tx.Exec(ctx, query, log, s.Number, at.mark); err != nil {
			return fmt.Errorf("visits: mark: %w", err)
		}
		return addToImport(ctx, tx, id, at.kind, out.Recorded, out.Refused, now)
	}); err != nil {
		return nil, err
	}
	if settled {
		if d.imports.settled == nil {
			d.imports.settled = map[string]bool{}
		}
		d.imports.settled[log] = true
	}
	return out, nil
}

// due returns what is of a day that is kept, in place of all, and which of its
// days are past.
func (d *Visits) due(s *Site, all []imported, now time.Time, out *ImportTaken) (due []imported, past []column.Day) {
	r := d.ruling.rules()
	since := column.Day(-1 << 31)
	if !r.keep.IsZero() {
		since = r.since(now)
	}
	due = all[:0]
	days := map[column.Day]bool{} // and whether they are past
	for _, x := range all {
		day, _ := s.local(x.at)
		switch {
		case x.at.After(now.Add(mostSkew)):
			out.Refused[refusedFuture]++
		case day < since:
			out.Refused[refusedGone]++
		default:
			if _, known := days[day]; !known {
				days[day] = s.over(day, now)
			}
			due = append(due, x)
		}
	}
	for day, over := range days {
		if over {
			past = append(past, day)
		}
	}
	return due, past
}

// mostSkew is by how much the clock of another server may be fast.
const mostSkew = 5 * time.Minute

// span returns the first and the last time of what is imported.
func span(all []imported) (first, last time.Time) {
	for i, x := range all {
		if i == 0 || x.at.Before(first) {
			first = x.at
		}
		if i == 0 || x.at.After(last) {
			last = x.at
		}
	}
	return first, last
}

// stored returns the ids of what is stored already of the days of a batch: the
// process may have ended between storing them and the mark.
func (d *Visits) stored(ctx context.Context, s *Site, all []imported) (map[int64]bool, error) {
	out := map[int64]bool{}
	if len(all) == 0 {
		return out, nil
	}
	first, last := span(all)
	from, second := s.local(first)
	to, until := s.local(last)
	add := func(query string, args ...any) (err error) {
		rows, err := d.column.Query(ctx, from, to, query, args...)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			var page int64
			if err := rows.Scan(&page); err != nil {
				return err
			}
			out[page] = true
		}
		return rows.Err()
	}
	err := add(`SELECT page FROM visits_hit WHERE site = $1 AND via IN ('`+viaLog+`', '`+viaExport+`') AND (day > $2 OR second >= $3) AND (day < $4 OR second <= $5)`,
		int64(s.Number), int64(from), int64(second), int64(to), int64(until))
	if err == nil {
		err = add(`SELECT page FROM visits_given WHERE site = $1`, int64(s.Number))
	}
	return out, err
}

// laneFor returns a lane with the visits that go on in it.
func (d *Visits) laneFor(ctx context.Context, s *Site, name string, first time.Time) (*lane, error) {
	at := laneOf{s.Number, name}
	if l := d.imports.lanes[at]; l != nil {
		return l, nil
	}
	l := newLane(name)
	l.gaps = true
	from, second := s.local(first.Add(-idle))
	to, _ := s.local(d.Now())
	if err := d.resumeSite(ctx, l, s, from, max(to, from), second, "via = '"+viaLog+"'"); err != nil {
		return nil, err
	}
	if d.imports.lanes == nil {
		d.imports.lanes = map[laneOf]*lane{}
	}
	d.imports.lanes[at] = l
	return l, nil
}

// recordAll records what is not known, a part being stored while the next one is
// made.
func (d *Visits) recordAll(ctx context.Context, s *Site, im *theImport, due []imported, known map[int64]bool, out *ImportTaken) error {
	first, _ := span(due)
	stored := make(chan error, 1)
	stored <- nil
	now := d.Now()
	for some := range slices.Chunk(due, part) {
		made, err := d.recordPart(ctx, s, im, some, known, first, now, out)
		if before := <-stored; err == nil {
			err = before
		}
		if err != nil {
			return err
		}
		go func() { stored <- d.store(ctx, made) }()
	}
	if err := <-stored; err != nil {
		return err
	}
	for key, l := range d.imports.lanes {
		if key.site == s.Number {
			l.sittings.sweep(first)
		}
	}
	return nil
}

func (d *Visits) recordPart(ctx context.Context, s *Site, im *theImport, some []imported, known map[int64]bool, first, now time.Time, out *ImportTaken) ([]*recording, error) {
	made := make([]*recording, 0, len(some))
	counts := map[string]int{}
	for _, x := range some {
		if known[x.page] {
			out.Recorded++
			continue
		}
		day, _ := s.local(x.at)
		l, err := d.laneFor(ctx, s, x.record.lane(d, s, im, day, now), first)
		if err != nil {
			return nil, err
		}
		r, err := x.record.take(ctx, d, l, s, x.page)
		switch {
		case errors.Is(err, errAgain):
			out.Refused[refusedAgain]++
		case errors.Is(err, errSignal):
			out.Refused[refusedSignal]++
		case errors.Is(err, errHost):
			out.Refused[refusedHost]++
		case errors.Is(err, errPassed):
			out.Refused[refusedPassed]++
		case err != nil:
			return nil, err
		default:
			out.Recorded++
			counts[r.what()]++
			made = append(made, r)
		}
	}
	for what, n := range counts {
		d.count(what, n)
	}
	return made, nil
}

// store stores recordings, the earlier days first: how long the last page of a
// day lasted is there before the page of the next day by which it is known.
func (d *Visits) store(ctx context.Context, made []*recording) error {
	byDay := rowsByDay(made)
	for _, day := range slices.Sorted(maps.Keys(byDay)) {
		if err := appendLate(ctx, d.column, day, byDay[day]); err != nil {
			return err
		}
	}
	return nil
}
