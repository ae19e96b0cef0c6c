package verification

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/store"
)

// A last is how a detail was checked last. Its state stands in the vault alone.
type last struct {
	Outcome  outcome
	Method   string // keys of checkTitles, by comma
	Actor    string // staff id; empty: the program
	At, Next time.Time
	Tries    int
	Evidence string
	Result   string
}

// A storedLast is a last as it is stored.
type storedLast struct {
	Outcome  outcome `json:"outcome"`
	Method   string  `json:"method,omitempty"`
	Actor    string  `json:"actor,omitempty"`
	At       int64   `json:"at"` // microseconds
	Next     int64   `json:"next,omitempty"`
	Tries    int     `json:"tries,omitempty"`
	Evidence string  `json:"evidence,omitempty"`
	Result   string  `json:"result,omitempty"`
}

// Methods says in words by what it was checked.
func (l last) Methods() string {
	var out []string
	for id := range strings.SplitSeq(l.Method, ",") {
		if id != "" {
			out = append(out, cmp.Or(checkTitles[id], id))
		}
	}
	return strings.Join(out, "; ")
}

// Open reports whether who was asked has not answered, so that no check was made.
func (l last) Open() bool { return l.Outcome == later }

func lastOf(ctx context.Context, tx *store.Tx, s loot.Subject) (map[loot.Field]last, error) {
	all, err := lastsOf(ctx, tx, []loot.Subject{s}, "")
	return all[s], err
}

// lastsOf returns how the details of some people were checked last. Whoever goes on to
// put them has locked their records before, or locks them here, so that nothing that
// somebody else puts meanwhile is lost.
func lastsOf(ctx context.Context, tx *store.Tx, people []loot.Subject, lock string) (map[loot.Subject]map[loot.Field]last, error) {
	if err := tx.Flush(ctx); err != nil { // some may have been checked in this transaction
		return nil, fmt.Errorf("verification: last checks: %w", err)
	}
	rows, err := tx.Query(ctx, `SELECT subject, fields FROM verification_last WHERE subject IN `+list(people)+lock, anys(people)...)
	if err != nil {
		return nil, fmt.Errorf("verification: last checks: %w", err)
	}
	defer rows.Close()
	out := make(map[loot.Subject]map[loot.Field]last, len(people))
	for _, s := range people {
		out[s] = map[loot.Field]last{}
	}
	for rows.Next() {
		var s loot.Subject
		var text []byte
		if err := rows.Scan(&s, &text); err != nil {
			return nil, fmt.Errorf("verification: last checks: %w", err)
		}
		var stored map[loot.Field]storedLast
		if err := json.Unmarshal(text, &stored); err != nil {
			return nil, fmt.Errorf("verification: last checks of %s: %w", s, err)
		}
		for f, l := range stored {
			out[s][f] = last{l.Outcome, l.Method, l.Actor, store.Instant(l.At), store.Instant(l.Next), l.Tries, l.Evidence, l.Result}
		}
	}
	return out, rows.Err()
}

// list returns the placeholders of some people, and anys their values.
func list(people []loot.Subject) string { return `(` + store.Placeholders(1, len(people)) + `)` }

func anys(people []loot.Subject) []any {
	out := make([]any, len(people))
	for i, s := range people {
		out[i] = s
	}
	return out
}

// pastOf returns what is known of the checks of some people.
func pastOf(ctx context.Context, tx *store.Tx, people []loot.Subject) (map[loot.Subject]past, error) {
	lasts, err := lastsOf(ctx, tx, people, "")
	if err != nil {
		return nil, err
	}
	asked, err := requests(ctx, tx, `subject IN `+list(people)+` AND answered = 0 ORDER BY asked, id`, anys(people)...)
	if err != nil {
		return nil, err
	}
	cases, err := matters(ctx, tx, `subject IN `+list(people)+` ORDER BY opened DESC, id`, anys(people)...)
	if err != nil {
		return nil, err
	}
	out := make(map[loot.Subject]past, len(people))
	for s, l := range lasts {
		out[s] = past{lasts: l}
	}
	for _, r := range asked {
		st := out[r.Subject]
		st.asked = append(st.asked, r)
		out[r.Subject] = st
	}
	for _, m := range cases {
		st := out[m.Subject]
		st.cases = append(st.cases, m)
		out[m.Subject] = st
	}
	return out, nil
}

// putLasts keeps how all details of a person were checked last, by the end of the
// transaction. They are not changed any more.
func putLasts(tx *store.Tx, s loot.Subject, lasts map[loot.Field]last) {
	tx.AddLater(`INSERT INTO verification_last (subject, next, fields) VALUES ON CONFLICT (subject) DO UPDATE SET next = excluded.next, fields = excluded.fields`, 3, func() ([]any, error) {
		stored, next := make(map[loot.Field]storedLast, len(lasts)), int64(0)
		for f, l := range lasts {
			one := storedLast{l.Outcome, l.Method, l.Actor, store.Micro(l.At), store.Micro(l.Next), l.Tries, l.Evidence, l.Result}
			if stored[f] = one; one.Next > 0 && (next == 0 || one.Next < next) {
				next = one.Next
			}
		}
		text, err := json.Marshal(stored)
		if err != nil {
			return nil, fmt.Errorf("verification: last checks: %w", err)
		}
		return []any{s, next, string(text)}, nil
	})
}

// rest has nothing of a person checked again by itself.
func rest(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	all, err := lastsOf(ctx, tx, []loot.Subject{s}, tx.ForUpdate())
	if err != nil || len(all[s]) == 0 {
		return err
	}
	for f, l := range all[s] {
		l.Next = time.Time{}
		all[s][f] = l
	}
	putLasts(tx, s, all[s])
	return nil
}

// dueAgain returns whose details are to be checked again by now, at most n, after
// a subject.
func dueAgain(ctx context.Context, tx *store.Tx, now time.Time, after loot.Subject, n int) ([]loot.Subject, error) {
	return due(ctx, tx, `next <= $1 AND subject > $2 ORDER BY subject LIMIT $3`, now.UnixMicro(), after, n)
}

// stillDue returns who of some people has details that are to be checked again by
// now.
func stillDue(ctx context.Context, tx *store.Tx, now time.Time, people []loot.Subject) ([]loot.Subject, error) {
	return due(ctx, tx, `next <= $1 AND subject IN (`+store.Placeholders(2, len(people))+`)`, slices.Concat([]any{now.UnixMicro()}, anys(people))...)
}

func due(ctx context.Context, tx *store.Tx, where string, args ...any) (out []loot.Subject, err error) {
	rows, err := tx.Query(ctx, `SELECT subject FROM verification_last WHERE next > 0 AND `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("verification: due: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s loot.Subject
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("verification: due: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// A request is a customer's wish that something is checked.
type request struct {
	ID       string
	Subject  loot.Subject
	Field    loot.Field // empty: the whole record
	Asked    time.Time
	Due      time.Time
	Answered time.Time // zero: open
	Answer   []answer
}

// An answer is what was found of one detail.
type answer struct {
	Field  loot.Field `json:"field"`
	State  string     `json:"state"`
	Method string     `json:"method,omitempty"`
	Result string     `json:"result,omitempty"`
	Case   string     `json:"case,omitempty"`
}

const requestColumns = `id, subject, field, asked, due, answered, answer`

func requests(ctx context.Context, tx *store.Tx, where string, args ...any) ([]request, error) {
	rows, err := tx.Query(ctx, `SELECT `+requestColumns+` FROM verification_request WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("verification: requests: %w", err)
	}
	defer rows.Close()
	var out []request
	for rows.Next() {
		var r request
		var asked, due, answered int64
		var text string
		if err := rows.Scan(&r.ID, &r.Subject, &r.Field, &asked, &due, &answered, &text); err != nil {
			return nil, fmt.Errorf("verification: requests: %w", err)
		}
		r.Asked, r.Due, r.Answered = store.Instant(asked), store.Instant(due), store.Instant(answered)
		if text != "" {
			if err := json.Unmarshal([]byte(text), &r.Answer); err != nil {
				return nil, fmt.Errorf("verification: request %s: %w", r.ID, err)
			}
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func requestsOf(ctx context.Context, tx *store.Tx, s loot.Subject) ([]request, error) {
	return requests(ctx, tx, `subject = $1 ORDER BY asked DESC, id`, s)
}

func openRequests(ctx context.Context, tx *store.Tx, s loot.Subject) ([]request, error) {
	return requests(ctx, tx, `subject = $1 AND answered = 0 ORDER BY asked, id`, s)
}

func insertRequest(ctx context.Context, tx *store.Tx, r request) error {
	if _, err := tx.Exec(ctx, `INSERT INTO verification_request (id, subject, field, asked, due, answered, answer) VALUES ($1, $2, $3, $4, $5, 0, '')`,
		r.ID, r.Subject, string(r.Field), r.Asked.UnixMicro(), r.Due.UnixMicro()); err != nil {
		return fmt.Errorf("verification: request: %w", err)
	}
	return nil
}

func answerRequest(ctx context.Context, tx *store.Tx, id string, now time.Time, list []answer) error {
	text, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("verification: answer: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE verification_request SET answered = $1, answer = $2 WHERE id = $3 AND answered = 0`, now.UnixMicro(), string(text), id); err != nil {
		return fmt.Errorf("verification: answer: %w", err)
	}
	return nil
}

// The kinds of cases.
const (
	kindCheck   = "check"   // a check found a fault
	kindAsked   = "asked"   // a customer asked, and no program can tell
	kindMistake = "mistake" // a customer reported a mistake
	kindOld     = "old"     // what a colleague found has grown old
)

// A matter is a case for a person.
type matter struct {
	ID       string
	Subject  loot.Subject
	Field    loot.Field
	Kind     string
	Why      string
	Invoice  string
	Line     int // of the invoice that is wrong, from 1; 0: the case is about a detail
	Before   string
	Opened   time.Time
	Due      time.Time
	Reminded time.Time
	Decision string // "", "right", "wrong", "corrected", "refused", "moot"
	Decider  string
	Decided  time.Time
	Second   string
	Closed   time.Time
	Owner    string // staff id of whoever deals with it; empty: nobody yet
	Version  int64
}

const caseColumns = `id, subject, field, kind, why, invoice, line, before, opened, due, reminded, decision, decider, decided, second, closed, owner, version`

func matters(ctx context.Context, tx *store.Tx, where string, args ...any) ([]matter, error) {
	rows, err := tx.Query(ctx, `SELECT `+caseColumns+` FROM verification_case WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("verification: cases: %w", err)
	}
	defer rows.Close()
	var out []matter
	for rows.Next() {
		var m matter
		var opened, due, reminded, decided, closed int64
		if err := rows.Scan(&m.ID, &m.Subject, &m.Field, &m.Kind, &m.Why, &m.Invoice, &m.Line, &m.Before, &opened, &due, &reminded, &m.Decision, &m.Decider, &decided, &m.Second, &closed, &m.Owner, &m.Version); err != nil {
			return nil, fmt.Errorf("verification: cases: %w", err)
		}
		m.Opened, m.Due, m.Reminded, m.Decided, m.Closed = store.Instant(opened), store.Instant(due), store.Instant(reminded), store.Instant(decided), store.Instant(closed)
		out = append(out, m)
	}
	return out, rows.Err()
}

func findMatter(ctx context.Context, tx *store.Tx, id, lock string) (matter, error) {
	list, err := matters(ctx, tx, `id = $1`+lock, id)
	if err == nil && len(list) == 0 {
		err = loot.Errorf(loot.NotFound, "There is no such case.")
	}
	if err != nil {
		return matter{}, err
	}
	return list[0], nil
}

func mattersOf(ctx context.Context, tx *store.Tx, s loot.Subject) ([]matter, error) {
	return matters(ctx, tx, `subject = $1 ORDER BY opened DESC, id`, s)
}

// insertMatter reports false if a case of the kind is open about the detail.
func insertMatter(ctx context.Context, tx *store.Tx, m matter) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO verification_case (id, subject, field, kind, why, invoice, line, before, opened, due, reminded, decision, decider, decided, second, closed, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, '', '', 0, '', 0, 0) ON CONFLICT DO NOTHING`,
		m.ID, m.Subject, string(m.Field), m.Kind, m.Why, m.Invoice, m.Line, m.Before, m.Opened.UnixMicro(), m.Due.UnixMicro())
	if err != nil {
		return false, fmt.Errorf("verification: case: %w", err)
	}
	return n == 1, nil
}

// updateMatter rewrites a case that nobody else changed meanwhile.
func updateMatter(ctx context.Context, tx *store.Tx, m matter) error {
	n, err := tx.Exec(ctx, `UPDATE verification_case SET why = $1, reminded = $2, decision = $3, decider = $4, decided = $5, second = $6, closed = $7, owner = $8, version = version + 1
		WHERE id = $9 AND version = $10`, m.Why, store.Micro(m.Reminded), m.Decision, m.Decider, store.Micro(m.Decided), m.Second, store.Micro(m.Closed), m.Owner, m.ID, m.Version)
	if err != nil {
		return fmt.Errorf("verification: case: %w", err)
	}
	if n == 0 {
		return errChanged
	}
	return nil
}

var errChanged = loot.Errorf(loot.Conflict, "Somebody else changed this case meanwhile. Look at it again; nothing of yours was kept.")

func countOpen(ctx context.Context, tx *store.Tx) (n int, err error) {
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM verification_case WHERE closed = 0`).Scan(&n); err != nil {
		return 0, fmt.Errorf("verification: count: %w", err)
	}
	return n, nil
}

// forget removes everything that this desk keeps about a person.
func (v *Verification) forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	for _, q := range []string{
		`DELETE FROM verification_note WHERE matter IN (SELECT id FROM verification_case WHERE subject = $1)`,
		`DELETE FROM verification_evidence WHERE subject = $1`,
		`DELETE FROM verification_case WHERE subject = $1`,
		`DELETE FROM verification_request WHERE subject = $1`,
		`DELETE FROM verification_last WHERE subject = $1`,
	} {
		if _, err := tx.Exec(ctx, q, s); err != nil {
			return fmt.Errorf("verification: forget: %w", err)
		}
	}
	return nil
}
