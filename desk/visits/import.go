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
// whose visitors are known still. Others is whether somebody else may read for that
// one at the moment.
func (d *Visits) beginImport(ctx context.Context, by loot.Actor, s *Site) (out *ImportBegun, others bool, err error) {
	now := d.Now()
	out = &ImportBegun{Key: d.imports.key(s)}
	err = d.DB.InTx(ctx, func(tx *store.Tx) error {
		var touched int64
		err := tx.QueryRow(ctx, `SELECT id, touched FROM visits_import WHERE site = $1 AND ended = 0 AND touched > $2 ORDER BY began DESC, id LIMIT 1`, s.Number, now.Add(-mostImport).UnixMicro()).Scan(&out.ID, &touched)
		others = err == nil && underWay(now, time.UnixMicro(touched))
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
	return out, others, err
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
