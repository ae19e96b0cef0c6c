package safety

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
)

// What a case is: of misuse, or of a disagreement. The words are the statement's, as the
// fact context.case has them.
const (
	anAbuse  = "abuse"
	aDispute = "dispute"
)

// casePrefix begins the number of each case of this desk.
const casePrefix = "c"

// What is done about misuse.
const (
	removed   = "removed" // what was reported is gone
	limited   = "limited"
	suspended = "suspended"
)

// How a case ends.
const (
	violation = "violation"
	none      = "none"      // no misuse was found
	elsewhere = "elsewhere" // nobody here had the address
	granted   = "granted"   // a dispute, to the customer
	refused   = "refused"
	gone      = "gone" // the customer was erased
	upheld    = "upheld"
	milder    = "milder" // there was misuse, and less is enough
	reversed  = "reversed"
)

// A matter is a case.
type matter struct {
	ID        string
	What      string
	Kind      string
	Mark      []byte
	Network   string
	Subject   loot.Subject
	Service   string
	Earliest  time.Time
	Latest    time.Time
	Opened    time.Time
	Due       time.Time
	Owner     string
	Acted     time.Time
	Notified  time.Time
	Answered  time.Time
	Escalated time.Time
	Measure   string
	Outcome   string
	Judge     string
	Appealed  time.Time
	Decided   time.Time
	Reversed  bool
	Reminded  time.Time
	Closed    time.Time
	Version   int64
}

// Reference is what the case is called in letters and on pages.
func (c matter) Reference() string { return desk.Reference("C", c.ID) }

const caseColumns = `id, what, kind, mark, network, subject, service, earliest, latest, opened, due, owner, acted, notified, answered, escalated, measure, outcome, judge, appealed, decided, reversed, reminded, closed, version`

// cases returns the cases that a condition takes, but for those that are held aside.
func cases(ctx context.Context, tx *store.Tx, where string, args ...any) ([]matter, error) {
	return readCases(ctx, tx, `aside = 0 AND `+where, args...)
}

func readCases(ctx context.Context, tx *store.Tx, where string, args ...any) (out []matter, err error) {
	rows, err := tx.Query(ctx, `SELECT `+caseColumns+` FROM safety_case WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("safety: cases: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c matter
		var earliest, latest, opened, due, acted, notified, answered, escalated, appealed, decided, undone, reminded, closed int64
		if err := rows.Scan(&c.ID, &c.What, &c.Kind, &c.Mark, &c.Network, &c.Subject, &c.Service, &earliest, &latest, &opened, &due, &c.Owner,
			&acted, &notified, &answered, &escalated, &c.Measure, &c.Outcome, &c.Judge, &appealed, &decided, &undone, &reminded, &closed, &c.Version); err != nil {
			return nil, fmt.Errorf("safety: cases: %w", err)
		}
		c.Earliest, c.Latest, c.Opened, c.Due, c.Acted = store.Instant(earliest), store.Instant(latest), store.Instant(opened), store.Instant(due), store.Instant(acted)
		c.Notified, c.Answered, c.Escalated, c.Appealed = store.Instant(notified), store.Instant(answered), store.Instant(escalated), store.Instant(appealed)
		c.Decided, c.Reversed, c.Reminded, c.Closed = store.Instant(decided), undone == 1, store.Instant(reminded), store.Instant(closed)
		out = append(out, c)
	}
	return out, rows.Err()
}

func findCase(ctx context.Context, tx *store.Tx, id, lock string) (matter, error) {
	list, err := cases(ctx, tx, `id = $1`+lock, id)
	if err == nil && len(list) == 0 {
		err = loot.Errorf(loot.NotFound, "There is no such case.")
	}
	if err != nil {
		return matter{}, err
	}
	return list[0], nil
}

func insertCase(ctx context.Context, tx *store.Tx, c matter) error {
	if _, err := tx.Exec(ctx, `INSERT INTO safety_case (`+caseColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', 0, 0, 0, 0, '', $12, '', 0, 0, 0, 0, 0, 0)`,
		c.ID, c.What, c.Kind, append([]byte{}, c.Mark...), c.Network, c.Subject, c.Service, store.Micro(c.Earliest), store.Micro(c.Latest), store.Micro(c.Opened), store.Micro(c.Due), c.Outcome); err != nil {
		return fmt.Errorf("safety: case: %w", err)
	}
	return nil
}

// updateCase rewrites a case that nobody else changed meanwhile.
func updateCase(ctx context.Context, tx *store.Tx, c matter) error {
	n, err := tx.Exec(ctx, `UPDATE safety_case SET kind = $1, mark = $2, network = $3, subject = $4, service = $5, earliest = $6, latest = $7, due = $8, owner = $9, acted = $10,
		notified = $11, answered = $12, escalated = $13, measure = $14, outcome = $15, judge = $16, appealed = $17, decided = $18, reversed = $19, reminded = $20, closed = $21,
		version = version + 1 WHERE id = $22 AND version = $23`,
		c.Kind, append([]byte{}, c.Mark...), c.Network, c.Subject, c.Service, store.Micro(c.Earliest), store.Micro(c.Latest), store.Micro(c.Due), c.Owner, store.Micro(c.Acted),
		store.Micro(c.Notified), store.Micro(c.Answered), store.Micro(c.Escalated), c.Measure, c.Outcome, c.Judge, store.Micro(c.Appealed), store.Micro(c.Decided), store.Flag(c.Reversed),
		store.Micro(c.Reminded), store.Micro(c.Closed), c.ID, c.Version)
	if err != nil {
		return fmt.Errorf("safety: case: %w", err)
	}
	if n == 0 {
		return errChanged
	}
	return nil
}

var errChanged = loot.Errorf(loot.Conflict, "Somebody else changed this case meanwhile. Nothing of theirs was overwritten; look again.")

// A filed report is one that is in a case.
type filed struct {
	ID       string
	Subject  loot.Subject
	At       time.Time // when it came
	Seen     time.Time
	Way      string
	Kind     string
	Reporter []byte
	Proven   bool
	Trusted  bool
	Repeats  int
	said     []byte
	about    string
}

// said is what a report names, and what to know of it, sealed with it.
type said struct {
	Address  string   `json:"address,omitempty"`
	URLs     []string `json:"urls,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// reportsOf returns the reports in a case, the first one first.
func reportsOf(ctx context.Context, tx *store.Tx, id string) (out []filed, err error) {
	rows, err := tx.Query(ctx, `SELECT r.id, r.subject, r.at, a.at, r.way, r.kind, r.reporter, r.proven = 1, r.trusted = 1, r.repeats, a.said, a.id
		FROM safety_about a JOIN safety_report r ON r.id = a.report WHERE a.matter = $1 ORDER BY r.at, r.id LIMIT $2`, id, mostShown)
	if err != nil {
		return nil, fmt.Errorf("safety: reports: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var f filed
		var at, seen int64
		if err := rows.Scan(&f.ID, &f.Subject, &at, &seen, &f.Way, &f.Kind, &f.Reporter, &f.Proven, &f.Trusted, &f.Repeats, &f.said, &f.about); err != nil {
			return nil, fmt.Errorf("safety: reports: %w", err)
		}
		f.At, f.Seen = store.Instant(at), store.Instant(seen)
		out = append(out, f)
	}
	return out, rows.Err()
}

// mostShown is how many reports of a case its page shows and its letters go to.
const mostShown = 500

// open opens what a report names.
func (d *Safety) openSaid(f filed) (s said, err error) {
	b, err := d.key.Open(f.said, []byte(f.about))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return s, fmt.Errorf("safety: report %s: %w", f.ID, err)
	}
	return s, nil
}

// reportedIn reports whether a report of somebody's is in a case.
func reportedIn(ctx context.Context, tx *store.Tx, id string, s loot.Subject) (bool, error) {
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM safety_about a JOIN safety_report r ON r.id = a.report WHERE a.matter = $1 AND r.subject = $2 AND r.subject <> ''`, id, s).Scan(&n); err != nil {
		return false, fmt.Errorf("safety: reporter: %w", err)
	}
	return n > 0, nil
}

// An exhibit is a file of evidence.
type exhibit struct {
	ID     string
	Report string
	Kind   string
	Size   int64
	SHA256 string
}

// evidenceOf returns the files of the reports in a case.
func evidenceOf(ctx context.Context, tx *store.Tx, id string) ([]exhibit, error) {
	return exhibits(ctx, tx, `SELECT e.id, e.report, e.kind, e.size, e.sha256 FROM safety_evidence e JOIN safety_about a ON a.report = e.report WHERE a.matter = $1 ORDER BY e.report, e.id LIMIT $2`, id)
}

func exhibits(ctx context.Context, tx *store.Tx, query, id string) (out []exhibit, err error) {
	rows, err := tx.Query(ctx, query, id, mostShown)
	if err != nil {
		return nil, fmt.Errorf("safety: evidence: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e exhibit
		if err := rows.Scan(&e.ID, &e.Report, &e.Kind, &e.Size, &e.SHA256); err != nil {
			return nil, fmt.Errorf("safety: evidence: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// A judgment says what was decided and why.
type judgment struct {
	ID        string
	Matter    string
	At        time.Time
	Author    string
	Appeal    bool
	Outcome   string
	Measure   string
	Ground    string
	Automated bool
	Because   because
}

// because is what a judgment says in words, sealed.
type because struct {
	Rule    string `json:"rule,omitempty"`
	Facts   string `json:"facts"`
	Reasons string `json:"reasons"`
}

func (d *Safety) addJudgment(ctx context.Context, tx *store.Tx, j judgment) error {
	text, err := json.Marshal(j.Because)
	if err == nil {
		text, err = d.key.Seal(text, []byte(j.ID))
	}
	if err != nil {
		return fmt.Errorf("safety: judgment: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO safety_judgment (id, matter, at, author, appeal, outcome, measure, ground, automated, text) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		j.ID, j.Matter, j.At.UnixMicro(), j.Author, one(j.Appeal), j.Outcome, j.Measure, j.Ground, one(j.Automated), text); err != nil {
		return fmt.Errorf("safety: judgment: %w", err)
	}
	return nil
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// judgments returns those that are asked for, with their reasons, but for those of cases
// that are held aside.
func (d *Safety) judgments(ctx context.Context, tx *store.Tx, where string, args ...any) (out []judgment, err error) {
	rows, err := tx.Query(ctx, `SELECT id, matter, at, author, appeal = 1, outcome, measure, ground, automated = 1, text FROM safety_judgment
		WHERE NOT EXISTS (SELECT 1 FROM safety_case c WHERE c.id = safety_judgment.matter AND c.aside = 1) AND `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("safety: judgments: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var j judgment
		var at int64
		var sealed []byte
		if err := rows.Scan(&j.ID, &j.Matter, &at, &j.Author, &j.Appeal, &j.Outcome, &j.Measure, &j.Ground, &j.Automated, &sealed); err != nil {
			return nil, fmt.Errorf("safety: judgments: %w", err)
		}
		text, err := d.key.Open(sealed, []byte(j.ID))
		if err == nil {
			err = json.Unmarshal(text, &j.Because)
		}
		if err != nil {
			return nil, fmt.Errorf("safety: judgment %s: %w", j.ID, err)
		}
		j.At = store.Instant(at)
		out = append(out, j)
	}
	return out, rows.Err()
}

func (d *Safety) waiting(ctx context.Context) (n int, err error) {
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM safety_case WHERE closed = 0 AND outcome = ''`).Scan(&n)
	})
	return n, err
}
