package desk

import (
	"context"
	"fmt"
	"time"

	"loot"
	"loot/keyring"
	"loot/store"
)

// A Note is what somebody wrote about a case of a desk.
type Note struct {
	At     time.Time
	Author string // staff id; empty: whom the case is about
	Kind   string // the desk's own word, such as "reason"
	Text   string
}

// Notes are the notes of a desk's cases, which lie sealed in a table of the desk
// with the columns id, the case's, place, at, author, kind and text.
type Notes struct {
	Table string // such as "rights_note"
	Case  string // the column that names the case, such as "request"
	Key   *keyring.SystemKey
}

// Hold has the key know what it sealed.
func (n Notes) Hold(db *store.DB) {
	n.Key.Hold(db, store.Sealed{Table: n.Table, Key: []string{"id"}, Column: "text"})
}

// Add writes a note down behind those that a case has.
func (n Notes) Add(ctx context.Context, tx *store.Tx, of string, one Note) error {
	id := loot.NewID("n")
	text, err := n.Key.Seal([]byte(one.Text), []byte(id))
	if err != nil {
		return fmt.Errorf("%s: %w", n.Table, err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO `+n.Table+` (id, `+n.Case+`, place, at, author, kind, text)
		VALUES ($1, $2, (SELECT count(*) FROM `+n.Table+` WHERE `+n.Case+` = $2), $3, $4, $5, $6)`, id, of, one.At.UnixMicro(), one.Author, one.Kind, text); err != nil {
		return fmt.Errorf("%s: %w", n.Table, err)
	}
	return nil
}

// Of returns the notes of a case, in the order in which they were written.
func (n Notes) Of(ctx context.Context, tx *store.Tx, of string) (out []Note, err error) {
	rows, err := tx.Query(ctx, `SELECT id, at, author, kind, text FROM `+n.Table+` WHERE `+n.Case+` = $1 ORDER BY place, id`, of)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.Table, err)
	}
	defer rows.Close()
	for rows.Next() {
		var one Note
		var id string
		var at int64
		var sealed []byte
		if err := rows.Scan(&id, &at, &one.Author, &one.Kind, &sealed); err != nil {
			return nil, fmt.Errorf("%s: %w", n.Table, err)
		}
		text, err := n.Key.Open(sealed, []byte(id))
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", n.Table, id, err)
		}
		one.At, one.Text = store.Instant(at), string(text)
		out = append(out, one)
	}
	return out, rows.Err()
}

// LatestNote returns the text of the last note of a kind; empty: there is none.
func LatestNote(notes []Note, kind string) string {
	text := ""
	for _, n := range notes {
		if n.Kind == kind {
			text = n.Text
		}
	}
	return text
}
