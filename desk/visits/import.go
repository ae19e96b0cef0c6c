package visits

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"loot"
	"loot/column"
	"loot/store"
)

// logs is the lane of lines of logs whose day is not over yet: its secrets live
// as long as those of what comes live, so that a log may be followed for ever
// and several servers of one site know the same visitors. Lines of past days
// have secrets of their import.
const logs = "log"

// mostLines are how many lines one batch has. It is written in parts that the
// column store takes at once: at most a view, and how long the one before it
// lasted, for each line.
const (
	mostLines = 16_384
	part      = column.MaxBatch / 2
)

// What is refused of imports, beside what is of any visit.
const (
	refusedGone   = "of a day that is kept no longer"
	refusedFuture = "of the future"
)

// imports are what this process knows of imports that run. All of it can be
// found again in the rows: it is dropped whenever something fails, and what
// comes then is held against the rows that are there.
type imports struct {
	secret []byte // of fingerprints and of the ids of lines

	mu      sync.Mutex // one batch at a time, and none while a day is sealed
	lanes   map[laneOf]*lane
	used    time.Time
	settled map[string]bool // logs of which nothing is stored beyond their mark
}

type laneOf struct {
	site uint16
	name string
}

// drop forgets all; the caller holds the lock.
func (i *imports) drop() { i.lanes, i.settled = nil, nil }

// sweep forgets what was not used for so long that no visit goes on.
func (i *imports) sweep(now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now.Sub(i.used) > idle {
		i.drop()
	}
}

// key is for fingerprints of a site's logs, which are made by who reads them.
func (i *imports) key(s *Site) string {
	mac := hmac.New(sha256.New, i.secret)
	mac.Write([]byte("fingerprints " + strconv.Itoa(int(s.Number))))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// A recorder makes a recording of what is imported; l is the lane of its day.
type recorder interface {
	lane(d *Visits, s *Site, im *theImport, day column.Day, now time.Time) string
	take(ctx context.Context, d *Visits, l *lane, s *Site, page int64) (*recording, error)
}

func (x *logged) lane(_ *Visits, s *Site, im *theImport, day column.Day, now time.Time) string {
	if s.over(day, now) {
		return im.lane
	}
	return logs
}

func (x *logged) take(ctx context.Context, d *Visits, l *lane, s *Site, _ int64) (*recording, error) {
	return d.record(ctx, l, s, &x.client, &x.happening)
}

// over reports whether a day is, and nobody's visit crosses its midnight.
func (s *Site) over(day column.Day, now time.Time) bool {
	return !now.Before(s.end(day).Add(crossing))
}

// An ImportBegun is what whoever reads a log needs to know.
type ImportBegun struct {
	ID    string   `json:"id"`
	Key   string   `json:"key" doc:"Of the fingerprints of marks, in base64url"`
	Marks []string `json:"marks" doc:"How far logs and exports of this site were read"`
}

// An ImportTaken is what became of a batch.
type ImportTaken struct {
	Recorded int            `json:"recorded"`
	Refused  map[string]int `json:"refused" doc:"How many for which reason"`
	Holds    bool           `json:"holds" doc:"Past days are kept open until the import ends"`
}

// An ImportEnded is what an import came to.
type ImportEnded struct {
	Recorded int64 `json:"recorded"`
	Refused  int64 `json:"refused"`
}

// theImport is a row of visits_import.
type theImport struct {
	id                string
	lane              string
	recorded, refused int64
	held, ended       time.Time
}

var errNoImport = loot.Errorf(loot.NotFound, "There is no such import of this site. Begin one.")

func readImport(ctx context.Context, tx *store.Tx, s *Site, id string) (*theImport, error) {
	im := &theImport{id: id}
	var held, ended int64
	err := tx.QueryRow(ctx, `SELECT lane, recorded, refused, held, ended FROM visits_import WHERE id = $1 AND site = $2`, id, s.Number).
		Scan(&im.lane, &im.recorded, &im.refused, &held, &ended)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNoImport
	}
	if err != nil {
		return nil, fmt.Errorf("visits: import: %w", err)
	}
	if held != 0 {
		im.held = time.UnixMicro(held)
	}
	if ended != 0 {
		im.ended = time.UnixMicro(ended)
	}
	return im, nil
}

// beginImport begins an import, or goes on with the one that was interrupted,
// whose visitors are known still.
func (d *Visits) beginImport(ctx context.Context, by loot.Actor, s *Site) (*ImportBegun, error) {
	now := d.Now()
	out := &ImportBegun{Key: d.imports.key(s)}
	return out, d.DB.InTx(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(ctx, `SELECT id FROM visits_import WHERE site = $1 AND ended = 0 AND touched > $2 ORDER BY began DESC, id LIMIT 1`, s.Number, now.Add(-mostImport).UnixMicro()).Scan(&out.ID)
		if errors.Is(err, sql.ErrNoRows) {
			out.ID = loot.NewID("i")
			if _, err := tx.Exec(ctx, `INSERT INTO visits_import (id, site, lane, recorded, refused, began, touched, held, ended) VALUES ($1, $2, $3, 0, 0, $4, $4, 0, 0)`,
				out.ID, s.Number, importLane(now), now.UnixMicro()); err != nil {
				return fmt.Errorf("visits: begin an import: %w", err)
			}
			_, err = d.Gate.Note(ctx, tx, by, "visits.import begun", "site "+strconv.Itoa(int(s.Number)))
		}
		if err != nil {
			return fmt.Errorf("visits: begin an import: %w", err)
		}
		out.Marks, err = listMarks(ctx, tx, s)
		return err
	})
}

// listMarks returns how far the logs and exports of a site were read.
func listMarks(ctx context.Context, tx *store.Tx, s *Site) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT mark FROM visits_log WHERE site = $1 ORDER BY mark`, s.Number)
	all, err := readRows(rows, err, "marks", func(row store.Row) (mark string, err error) { return mark, row.Scan(&mark) })
	return slices.Concat([]string{}, all), err
}

// addToImport adds what became of some of an import.
func addToImport(ctx context.Context, tx *store.Tx, id, kind string, recorded int, refused map[string]int, now time.Time) error {
	parts := maps.Clone(refused)
	if parts == nil {
		parts = map[string]int{}
	}
	parts[""] = recorded
	all := 0
	for _, reason := range slices.Sorted(maps.Keys(parts)) {
		n := parts[reason]
		if n == 0 {
			continue
		}
		if reason != "" {
			all += n
		}
		if _, err := tx.Exec(ctx, `INSERT INTO visits_import_part (import, kind, reason, n) VALUES ($1, $2, $3, $4)
			ON CONFLICT (import, kind, reason) DO UPDATE SET n = visits_import_part.n + excluded.n`, id, kind, reason, n); err != nil {
			return fmt.Errorf("visits: import: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE visits_import SET recorded = recorded + $2, refused = refused + $3, touched = $4 WHERE id = $1`, id, recorded, all, now.UnixMicro()); err != nil {
		return fmt.Errorf("visits: import: %w", err)
	}
	return nil
}

// endImport ends an import: its secrets are destroyed, and the days that it
// wrote to are sealed at the next turn. It may go on all the same.
func (d *Visits) endImport(ctx context.Context, by loot.Actor, s *Site, id string) (*ImportEnded, error) {
	d.imports.mu.Lock()
	defer d.imports.mu.Unlock()
	var im *theImport
	if err := d.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		if im, err = readImport(ctx, tx, s, id); err != nil || !im.ended.IsZero() {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE visits_import SET ended = $2, held = 0 WHERE id = $1`, id, d.Now().UnixMicro()); err != nil {
			return fmt.Errorf("visits: end an import: %w", err)
		}
		_, err = d.Gate.Note(ctx, tx, by, "visits.import ended", "site "+strconv.Itoa(int(s.Number)))
		return err
	}); err != nil {
		return nil, err
	}
	delete(d.imports.lanes, laneOf{s.Number, im.lane})
	if err := d.secrets.destroy(ctx, func(o secretOf) bool { return o.site == s.Number && o.lane == im.lane }); err != nil {
		return nil, err
	}
	return &ImportEnded{im.recorded, im.refused}, nil
}

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

// hold keeps the past days that a batch is of from being sealed. An import that
// ended goes on with other secrets: its own are gone.
//
// A day that still has visits which came as they happened is not held: it is
// sealed with them when it is over at every site, and whoever is in the import
// after that is a visitor anew.
func (d *Visits) hold(ctx context.Context, im *theImport, days []column.Day, now time.Time) error {
	if !im.ended.IsZero() || laneOver(im.lane, now) {
		im.lane, im.held = importLane(now), time.Time{}
	}
	mine, imports, err := d.holders(ctx, im)
	if err != nil {
		return err
	}
	if days = slices.DeleteFunc(days, func(day column.Day) bool { return mine[day] }); len(days) > 0 {
		open, err := d.column.Open(ctx)
		if err != nil {
			return fmt.Errorf("visits: import: %w", err)
		}
		days = slices.DeleteFunc(days, func(day column.Day) bool { return slices.Contains(open, day) && !imports[day] })
	}
	if len(days) == 0 && now.Sub(im.held) < time.Minute {
		return nil
	}
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, day := range days {
			if _, err := tx.Exec(ctx, `INSERT INTO visits_import_day (import, day) VALUES ($1, $2)`, im.id, int64(day)); err != nil {
				return fmt.Errorf("visits: import: %w", err)
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE visits_import SET lane = $2, held = $3, touched = $3, ended = 0 WHERE id = $1`, im.id, im.lane, now.UnixMicro()); err != nil {
			return fmt.Errorf("visits: import: %w", err)
		}
		return nil
	})
}

// holders returns the days that an import wrote to, and those that any did since
// they were sealed.
func (d *Visits) holders(ctx context.Context, im *theImport) (mine, all map[column.Day]bool, err error) {
	mine, all = map[column.Day]bool{}, map[column.Day]bool{}
	err = d.DB.Read(ctx, func(tx *store.Tx) error {
		return eachHeld(ctx, tx, `SELECT import, day FROM visits_import_day`, func(id string, day column.Day) {
			all[day] = true
			if id == im.id {
				mine[day] = true
			}
		})
	})
	return mine, all, err
}

// held returns the days that an import needs.
func (d *Visits) held(ctx context.Context, now time.Time) (days map[column.Day]bool, err error) {
	days = map[column.Day]bool{}
	err = d.DB.Read(ctx, func(tx *store.Tx) error {
		return eachHeld(ctx, tx, `SELECT import, day FROM visits_import_day WHERE import IN (SELECT id FROM visits_import WHERE held > $1)`,
			func(_ string, day column.Day) { days[day] = true }, heldSince(now))
	})
	return days, err
}

func heldSince(now time.Time) int64 { return now.Add(-mostImport).UnixMicro() }

func eachHeld(ctx context.Context, tx *store.Tx, query string, f func(id string, day column.Day), args ...any) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("visits: days of imports: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var day int64
		if err := rows.Scan(&id, &day); err != nil {
			return fmt.Errorf("visits: days of imports: %w", err)
		}
		f(id, column.Day(day))
	}
	return rows.Err()
}

// sealBefore seals the open days before a day, but for those that an import
// needs.
func (d *Visits) sealBefore(ctx context.Context, today column.Day, now time.Time) error {
	d.imports.mu.Lock()
	defer d.imports.mu.Unlock()
	days, err := d.column.Open(ctx)
	if err != nil {
		return fmt.Errorf("visits: seal: %w", err)
	}
	held, err := d.held(ctx, now)
	if err != nil {
		return err
	}
	if days = slices.DeleteFunc(days, func(day column.Day) bool { return day >= today || held[day] }); len(days) == 0 {
		return nil
	}
	if err := d.column.Seal(ctx, days...); err != nil {
		return fmt.Errorf("visits: seal: %w", err)
	}
	if _, err := d.DB.Exec(ctx, `DELETE FROM visits_import_day WHERE import NOT IN (SELECT id FROM visits_import WHERE held > $1)`, heldSince(now)); err != nil {
		return fmt.Errorf("visits: days of imports: %w", err)
	}
	return nil
}

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
