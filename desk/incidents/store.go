package incidents

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
)

// An incident is something that happened that no clause permits, or may have.
type incident struct {
	ID        string
	What      string
	Entry     string // of the ledger, that records it or, of what the regulator is to know, the use
	Concerned string // the entry that it is about; empty: none
	Opened    time.Time
	Due       time.Time // when the regulator must know, if at all
	Owner     string    // staff id; empty: nobody yet
	Colleague string    // staff id of whom the report is about; empty: nobody named
	Risk      string    // "", "none", "some", "high"
	Told      time.Time // when the regulator was told
	Closed    time.Time
	Version   int64
}

// reference is what an incident is called on pages and in notices.
func (i incident) reference() string { return desk.Reference("I", i.ID) }

// A note is a step in dealing with an incident.
type note struct {
	ID     string // empty: given when it is kept
	At     time.Time
	Author string
	Kind   string
	Text   string
	Alone  bool // nobody else could have done it
}

const columns = `id, what, entry, concerned, opened, due, owner, risk, told, closed, version, colleague`

func scan(row interface{ Scan(...any) error }) (incident, error) {
	var i incident
	var opened, due, told, closed int64
	if err := row.Scan(&i.ID, &i.What, &i.Entry, &i.Concerned, &opened, &due, &i.Owner, &i.Risk, &told, &closed, &i.Version, &i.Colleague); err != nil {
		return incident{}, err
	}
	i.Opened, i.Due, i.Told, i.Closed = store.Instant(opened), store.Instant(due), store.Instant(told), store.Instant(closed)
	return i, nil
}

func insert(ctx context.Context, tx *store.Tx, i incident) error {
	_, err := tx.Exec(ctx, `INSERT INTO incidents_case (id, what, entry, concerned, opened, due, owner, risk, told, closed, version, colleague)
		VALUES ($1, $2, $3, $4, $5, $6, $7, '', 0, 0, 0, $8) ON CONFLICT DO NOTHING`,
		i.ID, i.What, i.Entry, i.Concerned, i.Opened.UnixMicro(), i.Due.UnixMicro(), i.Owner, i.Colleague)
	if err != nil {
		return fmt.Errorf("incidents: insert: %w", err)
	}
	return nil
}

// find returns an incident by its id, or by its reference if no other has the same.
func find(ctx context.Context, tx *store.Tx, id, lock string) (incident, error) {
	if desk.IsReference("I", id) {
		var n int
		like := "%" + strings.ToLower(strings.TrimPrefix(id, "I-"))
		if err := tx.QueryRow(ctx, `SELECT count(*), COALESCE(min(id), '') FROM incidents_case WHERE id LIKE $1`, like).Scan(&n, &id); err != nil {
			return incident{}, fmt.Errorf("incidents: find: %w", err)
		}
		if n > 1 {
			return incident{}, loot.Errorf(loot.NotFound, "Two incidents have this reference. Choose the one you mean from the list.")
		}
	}
	i, err := scan(tx.QueryRow(ctx, `SELECT `+columns+` FROM incidents_case WHERE id = $1`+lock, id))
	if errors.Is(err, sql.ErrNoRows) {
		return incident{}, loot.Errorf(loot.NotFound, "There is no such incident.")
	}
	if err != nil {
		return incident{}, fmt.Errorf("incidents: find: %w", err)
	}
	return i, nil
}

// list returns the open incidents, then the latest closed ones.
func list(ctx context.Context, tx *store.Tx, n int) ([]incident, error) {
	rows, err := tx.Query(ctx, `SELECT `+columns+` FROM incidents_case ORDER BY CASE closed WHEN 0 THEN 0 ELSE 1 END, opened DESC, id LIMIT $1`, n)
	if err != nil {
		return nil, fmt.Errorf("incidents: list: %w", err)
	}
	defer rows.Close()
	var out []incident
	for rows.Next() {
		i, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("incidents: list: %w", err)
		}
		out = append(out, i)
	}
	return out, rows.Err()
}

// isOpen reports whether a case of the same about the same entry is open.
func isOpen(ctx context.Context, tx *store.Tx, what, concerned string) (bool, error) {
	if concerned == "" {
		return false, nil
	}
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM incidents_case WHERE closed = 0 AND what = $1 AND concerned = $2`, what, concerned).Scan(&n); err != nil {
		return false, fmt.Errorf("incidents: find: %w", err)
	}
	return n > 0, nil
}

func countOpen(ctx context.Context, tx *store.Tx) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM incidents_case WHERE closed = 0`).Scan(&n)
	return n, err
}

// update rewrites an incident that nobody else changed meanwhile.
func update(ctx context.Context, tx *store.Tx, i incident) error {
	n, err := tx.Exec(ctx, `UPDATE incidents_case SET owner = $1, risk = $2, told = $3, closed = $4, version = version + 1 WHERE id = $5 AND version = $6`,
		i.Owner, i.Risk, store.Micro(i.Told), store.Micro(i.Closed), i.ID, i.Version)
	if err != nil {
		return fmt.Errorf("incidents: update: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.Conflict, "Somebody else changed this incident meanwhile. Look at it again; your text is still in the form.")
	}
	return nil
}

func (d *incidents) addNote(ctx context.Context, tx *store.Tx, incidentID string, n note) error {
	id := cmp.Or(n.ID, loot.NewID("n"))
	text, err := d.key.Seal([]byte(n.Text), []byte(id))
	if err != nil {
		return fmt.Errorf("incidents: note: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO incidents_note (id, incident, at, author, kind, text, alone) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`, // what is heard twice is noted once
		id, incidentID, n.At.UnixMicro(), n.Author, n.Kind, text, store.Flag(n.Alone)); err != nil {
		return fmt.Errorf("incidents: note: %w", err)
	}
	return nil
}

func (d *incidents) notes(ctx context.Context, tx *store.Tx, incidentID string) ([]note, error) {
	rows, err := tx.Query(ctx, `SELECT id, at, author, kind, text, alone = 1 FROM incidents_note WHERE incident = $1 ORDER BY at, id`, incidentID)
	if err != nil {
		return nil, fmt.Errorf("incidents: notes: %w", err)
	}
	defer rows.Close()
	var out []note
	for rows.Next() {
		var n note
		var id string
		var at int64
		var sealed []byte
		if err := rows.Scan(&id, &at, &n.Author, &n.Kind, &sealed, &n.Alone); err != nil {
			return nil, fmt.Errorf("incidents: notes: %w", err)
		}
		text, err := d.key.Open(sealed, []byte(id))
		if err != nil {
			return nil, fmt.Errorf("incidents: note %s: %w", id, err)
		}
		n.ID, n.At, n.Text = id, store.Instant(at), string(text)
		out = append(out, n)
	}
	return out, rows.Err()
}

// noteText opens one note.
func (d *incidents) noteText(ctx context.Context, tx *store.Tx, id string) (string, error) {
	var sealed []byte
	if err := tx.QueryRow(ctx, `SELECT text FROM incidents_note WHERE id = $1`, id).Scan(&sealed); err != nil {
		return "", fmt.Errorf("incidents: note %s: %w", id, err)
	}
	text, err := d.key.Open(sealed, []byte(id))
	if err != nil {
		return "", fmt.Errorf("incidents: note %s: %w", id, err)
	}
	return string(text), nil
}

// reports returns what was reported and by whom, by incident.
func (d *incidents) reports(ctx context.Context, tx *store.Tx) (map[string]note, error) {
	rows, err := tx.Query(ctx, `SELECT incident, id, author, text FROM incidents_note WHERE kind = 'report' ORDER BY at DESC LIMIT $1`, listed)
	if err != nil {
		return nil, fmt.Errorf("incidents: reports: %w", err)
	}
	defer rows.Close()
	out := map[string]note{}
	for rows.Next() {
		var n note
		var incidentID, id string
		var sealed []byte
		if err := rows.Scan(&incidentID, &id, &n.Author, &sealed); err != nil {
			return nil, fmt.Errorf("incidents: reports: %w", err)
		}
		text, err := d.key.Open(sealed, []byte(id))
		if err != nil {
			return nil, fmt.Errorf("incidents: note %s: %w", id, err)
		}
		n.Text = string(text)
		out[incidentID] = n
	}
	return out, rows.Err()
}
