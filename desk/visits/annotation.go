package visits

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"loot"
	"loot/column"
	"loot/store"
	"loot/web"
)

// mostNote is how long a note may be, in characters.
const mostNote = 200

// mostNotes bounds what a site has of them.
const mostNotes = 5000

// An annotation is a note of a day of a site, such as a release or a campaign.
type annotation struct {
	ID     string
	Site   uint16
	Day    column.Day
	Text   string
	Writer string
	Made   time.Time
}

// check says what is wrong with a note, by the names of the fields of its form.
func (n annotation) check(today column.Day) (wrong map[string]string) {
	wrong = map[string]string{}
	switch {
	case n.Text == "":
		wrong["text"] = "Please fill this in."
	case strings.Contains(n.Text, "\n"):
		wrong["text"] = "This has to be on one line."
	case !utf8.ValidString(n.Text) || strings.ContainsFunc(n.Text, func(r rune) bool { return r < ' ' || r == utf8.RuneError }):
		wrong["text"] = web.NotText
	case utf8.RuneCountInString(n.Text) > mostNote:
		wrong["text"] = web.TooLong(mostNote)
	}
	if n.Day < firstDay || n.Day > today+366 {
		wrong["day"] = "A note is of a day since 1970, or of the coming year."
	}
	return wrong
}

func addAnnotation(ctx context.Context, tx *store.Tx, n annotation) error {
	var have int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM visits_annotation WHERE site = $1`, n.Site).Scan(&have); err != nil {
		return fmt.Errorf("visits: notes: %w", err)
	}
	if have >= mostNotes {
		return loot.Errorf(loot.Conflict, "A site has %d notes at most. Remove some first.", mostNotes)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO visits_annotation (id, site, day, text, writer, made) VALUES ($1, $2, $3, $4, $5, $6)`,
		n.ID, n.Site, int64(n.Day), n.Text, n.Writer, n.Made.UnixMicro()); err != nil {
		return fmt.Errorf("visits: note: %w", err)
	}
	return nil
}

const selectAnnotation = `SELECT id, site, day, text, writer, made FROM visits_annotation`

func scanAnnotation(row store.Row) (n annotation, err error) {
	var day, made int64
	err = row.Scan(&n.ID, &n.Site, &day, &n.Text, &n.Writer, &made)
	n.Day, n.Made = column.Day(day), store.Instant(made)
	return n, err
}

// listAnnotations returns the notes of some days, the earliest first.
func listAnnotations(ctx context.Context, tx *store.Tx, site uint16, from, to column.Day) ([]annotation, error) {
	rows, err := tx.Query(ctx, selectAnnotation+` WHERE site = $1 AND day BETWEEN $2 AND $3 ORDER BY day, made, id`, site, int64(from), int64(to))
	return readRows(rows, err, "notes", scanAnnotation)
}

// removeAnnotation removes a note, if whoever asks may.
func removeAnnotation(ctx context.Context, tx *store.Tx, site uint16, id string, by loot.Actor) error {
	n, err := scanAnnotation(tx.QueryRow(ctx, selectAnnotation+` WHERE id = $1 AND site = $2`, id, site))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return loot.Errorf(loot.NotFound, "There is no such note.")
	case err != nil:
		return fmt.Errorf("visits: note: %w", err)
	case !mayEnd(by, n.Writer):
		return errNotYours
	}
	if _, err := tx.Exec(ctx, `DELETE FROM visits_annotation WHERE id = $1`, id); err != nil {
		return fmt.Errorf("visits: note: %w", err)
	}
	return nil
}
