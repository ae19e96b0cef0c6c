package visits

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"loot"
	"loot/store"
	"loot/web"
)

// mostName is how long what people keep may be called, in characters.
const mostName = 60

// mostSegments bounds what a site has of them.
const mostSegments = 200

// A segment is filters under a name, for everybody who sees the reports or for
// one of them.
type segment struct {
	ID      string
	Site    uint16
	Name    string
	Filters []Filter
	Holder  string // whose alone it is; empty: everybody's
	Writer  string
	Made    time.Time
}

// sameFilters reports whether two lists choose by the same, in whatever order.
func sameFilters(a, b []Filter) bool {
	one, other := filterTexts(a), filterTexts(b)
	slices.Sort(one)
	slices.Sort(other)
	return slices.Equal(one, other)
}

// filtersWords says what filters choose.
func filtersWords(of []Filter) string {
	if len(of) == 0 {
		return "All visits"
	}
	words := make([]string, len(of))
	for i, f := range of {
		words[i] = f.words()
	}
	return strings.Join(words, ", ")
}

// checkName says what is wrong with what somebody calls something.
func checkName(name string, most int) string {
	switch {
	case name == "":
		return "Please fill this in."
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == utf8.RuneError }):
		return web.NotText
	case utf8.RuneCountInString(name) > most:
		return web.TooLong(most)
	}
	return ""
}

var errNameTaken = web.Invalid("", map[string]string{"name": "There is a segment of this name already. Choose another."})

// addSegment keeps filters under a name.
func addSegment(ctx context.Context, tx *store.Tx, s segment) error {
	if len(s.Filters) == 0 {
		return loot.Errorf(loot.Invalid, "A segment has at least one filter. Filter the report first.")
	}
	if wrong := checkName(s.Name, mostName); wrong != "" {
		return web.Invalid("", map[string]string{"name": wrong})
	}
	var have int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM visits_segment WHERE site = $1`, s.Site).Scan(&have); err != nil {
		return fmt.Errorf("visits: segments: %w", err)
	}
	if have >= mostSegments {
		return loot.Errorf(loot.Conflict, "A site has %d segments at most. Delete one first.", mostSegments)
	}
	n, err := tx.Exec(ctx, `INSERT INTO visits_segment (id, site, name, filters, holder, writer, made) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (site, holder, name) DO NOTHING`,
		s.ID, s.Site, s.Name, writeFilters(s.Filters), s.Holder, s.Writer, s.Made.UnixMicro())
	if err != nil {
		return fmt.Errorf("visits: segment: %w", err)
	}
	if n == 0 {
		return errNameTaken
	}
	return nil
}

const selectSegment = `SELECT id, site, name, filters, holder, writer, made FROM visits_segment`

func scanSegment(row store.Row) (s segment, err error) {
	var filters string
	var made int64
	if err := row.Scan(&s.ID, &s.Site, &s.Name, &filters, &s.Holder, &s.Writer, &made); err != nil {
		return s, err
	}
	s.Made = store.Instant(made)
	s.Filters, err = readFilters(filters)
	return s, err
}

// listSegments returns the segments of a site that somebody sees, by their names.
func listSegments(ctx context.Context, tx *store.Tx, site uint16, who string) ([]segment, error) {
	rows, err := tx.Query(ctx, selectSegment+` WHERE site = $1 AND (holder = '' OR holder = $2) ORDER BY name, holder, id`, site, who)
	return readRows(rows, err, "segments", scanSegment)
}

// readRows reads what a query gives.
func readRows[T any](rows store.Rows, err error, what string, scan func(store.Row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, fmt.Errorf("visits: %s: %w", what, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("visits: %s: %w", what, err)
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// findSegment returns a segment that somebody sees.
func findSegment(ctx context.Context, tx *store.Tx, site uint16, id, who string) (segment, error) {
	s, err := scanSegment(tx.QueryRow(ctx, selectSegment+` WHERE id = $1 AND site = $2 AND (holder = '' OR holder = $3)`, id, site, who))
	if errors.Is(err, sql.ErrNoRows) {
		return s, loot.Errorf(loot.NotFound, "There is no such segment.")
	}
	return s, err
}

// renameSegment gives a segment another name.
func renameSegment(ctx context.Context, tx *store.Tx, site uint16, id, name string, by loot.Actor) error {
	s, err := findSegment(ctx, tx, site, id, by.ID)
	if err != nil {
		return err
	}
	if !mayEnd(by, s.Writer) {
		return errNotYours
	}
	if wrong := checkName(name, mostName); wrong != "" {
		return web.Invalid("", map[string]string{"name": wrong})
	}
	n, err := tx.Exec(ctx, `UPDATE visits_segment SET name = $1 WHERE id = $2 AND NOT EXISTS (SELECT 1 FROM visits_segment AS o WHERE o.site = $3 AND o.holder = $4 AND o.name = $1 AND o.id <> $2)`, name, id, s.Site, s.Holder)
	if err != nil {
		return fmt.Errorf("visits: segment: %w", err)
	}
	if n == 0 {
		return errNameTaken
	}
	return nil
}

// deleteSegment deletes a segment. What was made by its filters keeps them.
func deleteSegment(ctx context.Context, tx *store.Tx, site uint16, id string, by loot.Actor) error {
	s, err := findSegment(ctx, tx, site, id, by.ID)
	if err != nil {
		return err
	}
	if !mayEnd(by, s.Writer) {
		return errNotYours
	}
	if _, err := tx.Exec(ctx, `DELETE FROM visits_segment WHERE id = $1`, id); err != nil {
		return fmt.Errorf("visits: segment: %w", err)
	}
	return nil
}
