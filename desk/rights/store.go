package rights

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
)

// The kinds of requests that a person answers.
const (
	restriction = "restriction" // GDPR Article 18
	objection   = "objection"   // GDPR Article 21
)

// The decisions on a request.
const (
	granted   = "granted"
	refused   = "refused"
	lifted    = "lifted"    // granted once, and ended since by us
	withdrawn = "withdrawn" // by its owner
	answered  = "answered"  // outside of the program
	disowned  = "disowned"  // whom it names did not make it
)

// A request is a right that somebody used.
type request struct {
	ID       string
	Subject  loot.Subject // empty: nobody who is known
	Kind     string       // restriction, objection, or the name of an action
	Purpose  loot.Purpose
	Ground   string
	Opened   time.Time
	Due      time.Time
	Extended time.Time // zero: not
	Reminded time.Time
	Decision string
	Decider  string
	Closed   time.Time // zero: open
	Ended    time.Time // zero: it counts
	Version  int64
	Way      string    // how it came that a colleague entered; empty: its owner made it in the portal
	Confirm  time.Time // until when its owner can confirm it; zero: they did, or need not
}

// proved reports whether whose right it is made the request, or confirmed it.
func (r request) proved() bool { return r.Subject != "" && r.Confirm.IsZero() }

// By says how it came that a colleague entered.
func (r request) By() string { return wayOf(r.Way).label }

const requestColumns = `id, subject, kind, purpose, ground, opened, due, extended, reminded, decision, decider, closed, ended, version, way, confirm`

func requests(ctx context.Context, tx *store.Tx, where string, args ...any) (out []request, err error) {
	rows, err := tx.Query(ctx, `SELECT `+requestColumns+` FROM rights_request WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("rights: requests: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanRequest(rows)
		if err != nil {
			return nil, fmt.Errorf("rights: requests: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func scanRequest(row store.Row) (r request, err error) {
	var opened, due, extended, reminded, closed, ended, confirm int64
	err = row.Scan(&r.ID, &r.Subject, &r.Kind, &r.Purpose, &r.Ground, &opened, &due, &extended, &reminded, &r.Decision, &r.Decider, &closed, &ended, &r.Version, &r.Way, &confirm)
	r.Opened, r.Due, r.Extended, r.Reminded = store.Instant(opened), store.Instant(due), store.Instant(extended), store.Instant(reminded)
	r.Closed, r.Ended, r.Confirm = store.Instant(closed), store.Instant(ended), store.Instant(confirm)
	return r, err
}

func findRequest(ctx context.Context, tx *store.Tx, id string) (request, error) {
	r, err := scanRequest(tx.QueryRow(ctx, `SELECT `+requestColumns+` FROM rights_request WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, loot.Errorf(loot.NotFound, "There is no such request.")
	}
	if err != nil {
		return r, fmt.Errorf("rights: request: %w", err)
	}
	return r, nil
}

// requestsOf returns what somebody asked for, latest first.
func requestsOf(ctx context.Context, tx *store.Tx, s loot.Subject) ([]request, error) {
	return requests(ctx, tx, `subject = $1 ORDER BY opened DESC, id`, s)
}

// counting returns the request of somebody that has not ended; false: none has.
func counting(ctx context.Context, tx *store.Tx, s loot.Subject, kind string, p loot.Purpose) (request, bool, error) {
	list, err := requests(ctx, tx, `subject = $1 AND kind = $2 AND purpose = $3 AND ended = 0`, s, kind, string(p))
	if err != nil || len(list) == 0 {
		return request{}, false, err
	}
	return list[0], true, nil
}

// insertRequest keeps a request, and reports false if the same counts already.
func insertRequest(ctx context.Context, tx *store.Tx, r request) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO rights_request (`+requestColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, '', '', 0, 0, 0, $8, $9) ON CONFLICT DO NOTHING`,
		r.ID, r.Subject, r.Kind, string(r.Purpose), r.Ground, r.Opened.UnixMicro(), r.Due.UnixMicro(), r.Way, store.Micro(r.Confirm))
	if err != nil {
		return false, fmt.Errorf("rights: request: %w", err)
	}
	return n == 1, nil
}

// updateRequest rewrites a request that nobody else changed meanwhile.
func updateRequest(ctx context.Context, tx *store.Tx, r request) error {
	n, err := tx.Exec(ctx, `UPDATE rights_request SET due = $1, extended = $2, reminded = $3, decision = $4, decider = $5, closed = $6, ended = $7, ground = $8, confirm = $9, version = version + 1 WHERE id = $10 AND version = $11`,
		store.Micro(r.Due), store.Micro(r.Extended), store.Micro(r.Reminded), r.Decision, r.Decider, store.Micro(r.Closed), store.Micro(r.Ended), r.Ground, store.Micro(r.Confirm), r.ID, r.Version)
	if err != nil {
		return fmt.Errorf("rights: request: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.Conflict, "Somebody else changed this request meanwhile. Nothing of theirs was overwritten; look again.")
	}
	return nil
}

func countOpen(ctx context.Context, tx *store.Tx) (n int, err error) {
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM rights_request WHERE closed = 0`).Scan(&n); err != nil {
		return 0, fmt.Errorf("rights: count: %w", err)
	}
	return n, nil
}

// forget removes what this desk keeps about a person.
func (d *Rights) forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	for _, q := range []string{
		`DELETE FROM rights_note WHERE request IN (SELECT id FROM rights_request WHERE subject = $1)`,
		`DELETE FROM rights_request WHERE subject = $1`,
	} {
		if _, err := tx.Exec(ctx, q, s); err != nil {
			return fmt.Errorf("rights: forget: %w", err)
		}
	}
	// An agent is still told what became of what the person confirmed, and names nobody from
	// now on. What they did not confirm is denied in its time, as it is for nobody: else the
	// agent would learn from it who was known here, and has left. What they confirm at this
	// moment is settled by whoever carries it out.
	if err := d.close(ctx, tx, func(e exercise) exercise {
		e.State, e.Reason, e.Detail, e.Subject = denied, "", "The record is erased.", ""
		if e.Action == drpDeletion {
			e.State = fulfilled
		}
		return e
	}, `subject = $1 AND closed = 0 AND reason <> $2`, s, unverified); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE rights_exercise SET subject = '' WHERE subject = $1`, s); err != nil {
		return fmt.Errorf("rights: forget: %w", err)
	}
	return nil
}

// An exportedRequest is one in a person's copy.
type exportedRequest struct {
	Kind     string       `json:"kind"`
	Purpose  loot.Purpose `json:"purpose,omitempty"`
	Ground   string       `json:"ground,omitempty"`
	Said     string       `json:"said,omitempty"`
	Came     string       `json:"came_by,omitempty"` // empty: it was made in the portal
	Noted    string       `json:"noted,omitempty"`   // what a colleague wrote of it
	Asked    time.Time    `json:"asked"`
	Due      time.Time    `json:"answer_by"`
	Extended string       `json:"extended_because,omitempty"`
	Answered time.Time    `json:"answered,omitzero"`
	Decision string       `json:"decision,omitempty"`
	Reason   string       `json:"reason,omitempty"`
	Ended    time.Time    `json:"ended,omitzero"`
}

// export returns what this desk keeps about a person.
func (d *Rights) export(ctx context.Context, tx *store.Tx, s loot.Subject) (any, error) {
	list, err := requestsOf(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	byAgents, err := exercises(ctx, tx, `subject = $1 ORDER BY received, id`, s)
	if err != nil || len(list)+len(byAgents) == 0 {
		return nil, err
	}
	var out []exportedRequest
	for _, r := range list {
		notes, err := d.notes.Of(ctx, tx, r.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, exportedRequest{
			r.Kind, r.Purpose, r.Ground, desk.LatestNote(notes, "asked"), r.Way, noted(r, notes), r.Opened, r.Due, desk.LatestNote(notes, "extension"), r.Closed, r.Decision, desk.LatestNote(notes, "reason"), r.Ended,
		})
	}
	type asked struct {
		Agent    string    `json:"agent"`
		Action   string    `json:"action"`
		Received time.Time `json:"received"`
		State    string    `json:"state"`
	}
	all := struct {
		Requests []exportedRequest `json:"requests,omitempty"`
		ByAgents []asked           `json:"by_agents,omitempty"`
	}{Requests: out}
	for _, e := range byAgents {
		all.ByAgents = append(all.ByAgents, asked{e.Agent, e.Action, e.Received, e.State})
	}
	return all, nil
}
