package imports

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/store"
)

// The states of an import.
const (
	arriving = "arriving"
	fresh    = "new"
	trying   = "trying"
	tried    = "tried"
	running  = "running"
	stopped  = "stopped"
	done     = "done"
	failed   = "failed"
)

// What becomes of a row.
const (
	taken   = 1
	already = 2
	refused = 3

	remarked = 4 // taken, with a remark
)

// A run is a file that was brought, and how far it is.
type run struct {
	ID      string
	Title   string
	Author  string // staff id
	State   string
	Size    int64
	Chunks  int64
	Found   found
	Mapping Mapping
	Step    int
	At      int64
	Fresh   int64
	Known   int64
	Refused int64
	Fault   string
	Made    time.Time
	Begun   time.Time
	Touched time.Time
	Ended   time.Time
	Removed time.Time
}

// works reports whether a job reads the file.
func (r *run) works() bool { return r.State == trying || r.State == running }

const runColumns = `id, title, author, state, size, chunks, found, mapping, step, at, fresh, known, refused, fault, made, begun, touched, ended, removed FROM imports_run `

var errNone = loot.Errorf(loot.NotFound, "There is no such import.")

func scanRun(row store.Row) (*run, error) {
	var r run
	var found, mapping string
	var made, begun, touched, ended, removed int64
	err := row.Scan(&r.ID, &r.Title, &r.Author, &r.State, &r.Size, &r.Chunks, &found, &mapping, &r.Step, &r.At, &r.Fresh, &r.Known, &r.Refused, &r.Fault,
		&made, &begun, &touched, &ended, &removed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNone
	}
	if err != nil {
		return nil, fmt.Errorf("imports: run: %w", err)
	}
	r.Made, r.Begun, r.Touched, r.Ended, r.Removed = store.Instant(made), store.Instant(begun), store.Instant(touched), store.Instant(ended), store.Instant(removed)
	if err := errors.Join(json.Unmarshal([]byte(found), &r.Found), json.Unmarshal([]byte(mapping), &r.Mapping)); err != nil {
		return nil, fmt.Errorf("imports: run: %w", err)
	}
	return &r, nil
}

func findRun(ctx context.Context, tx *store.Tx, id string) (*run, error) {
	return scanRun(tx.QueryRow(ctx, `SELECT `+runColumns+`WHERE id = $1`, id))
}

func readRuns(ctx context.Context, tx *store.Tx, where string, args ...any) (out []*run, err error) {
	rows, err := tx.Query(ctx, `SELECT `+runColumns+where, args...)
	if err != nil {
		return nil, fmt.Errorf("imports: runs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanRun(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// read returns an import in a transaction of its own.
func (i *Imports) read(ctx context.Context, id string) (r *run, err error) {
	err = i.DB.ReadTx(ctx, func(tx *store.Tx) error {
		r, err = findRun(ctx, tx, id)
		return err
	})
	return r, err
}

func insertRun(ctx context.Context, tx *store.Tx, r *run) error {
	_, err := tx.Exec(ctx, `INSERT INTO imports_run (id, title, author, state, size, chunks, found, mapping, step, at, fresh, known, refused, fault, made, begun, touched, ended, removed)
		VALUES ($1, $2, $3, $4, 0, 0, '{}', '{}', 0, 0, 0, 0, 0, '', $5, 0, $5, 0, 0)`, r.ID, r.Title, r.Author, r.State, r.Made.UnixMicro())
	if err != nil {
		return fmt.Errorf("imports: run: %w", err)
	}
	return nil
}

// A move changes the state of an import; false if it is not in one of those from
// which it may come.
func move(ctx context.Context, tx *store.Tx, id, to string, now time.Time, from ...string) (bool, error) {
	args := []any{to, now.UnixMicro(), id}
	for _, f := range from {
		args = append(args, f)
	}
	n, err := tx.Exec(ctx, `UPDATE imports_run SET state = $1, touched = $2 WHERE id = $3 AND state IN (`+store.Placeholders(4, len(from))+`)`, args...)
	if err != nil {
		return false, fmt.Errorf("imports: state: %w", err)
	}
	return n == 1, nil
}

// reset has an import begin anew at its first row, in a state.
func reset(ctx context.Context, tx *store.Tx, id, state string, now time.Time, from ...string) (bool, error) {
	if ok, err := move(ctx, tx, id, state, now, from...); err != nil || !ok {
		return false, err
	}
	if _, err := tx.Exec(ctx, `UPDATE imports_run SET step = 0, at = 0, fresh = 0, known = 0, refused = 0, fault = '', begun = $1, ended = 0 WHERE id = $2`, now.UnixMicro(), id); err != nil {
		return false, fmt.Errorf("imports: reset: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM imports_row WHERE import = $1`, id); err != nil {
		return false, fmt.Errorf("imports: reset: %w", err)
	}
	return true, nil
}

// A progress is how far a batch came.
type progress struct {
	step                  int
	at                    int64
	fresh, known, refused int64
}

// advance notes how far an import came; false if it was stopped or another
// process was here meanwhile.
func advance(ctx context.Context, tx *store.Tx, r *run, to progress, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE imports_run SET step = $1, at = $2, fresh = fresh + $3, known = known + $4, refused = refused + $5, touched = $6 WHERE id = $7 AND state = $8 AND step = $9 AND at = $10`,
		to.step, to.at, to.fresh, to.known, to.refused, now.UnixMicro(), r.ID, r.State, r.Step, r.At)
	if err != nil {
		return false, fmt.Errorf("imports: progress: %w", err)
	}
	return n == 1, nil
}

// A verdict is what becomes of a row.
type verdict struct {
	number  int64 // of the row in its table
	line    int64
	is      int
	why     string
	whose   nameOf // by which it is known whose it is, in the column "name"; zero: nobody's yet
	charged string // the day from which its service is charged, or whenTaken; empty: none is
}

// whenTaken says in a dry run that a service is charged from the day on which it will
// be taken over.
const whenTaken = "taken"

func addVerdict(tx *store.Tx, id string, step int, v verdict) {
	var whose []byte
	if v.whose != (nameOf{}) {
		whose = v.whose[:]
	}
	tx.Add(`INSERT INTO imports_row (import, step, number, line, verdict, why, name, charged) VALUES`, id, step, v.number, v.line, v.is, v.why, whose, v.charged)
}

// whereRemarked is as the index of these rows has it.
const whereRemarked = ` AND verdict = 1 AND why <> ''`

// countRemarked returns how many rows of an import are taken over with a remark.
func countRemarked(ctx context.Context, tx *store.Tx, id string) (n int, err error) {
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM imports_row WHERE import = $1`+whereRemarked, id).Scan(&n); err != nil {
		return 0, fmt.Errorf("imports: remarked: %w", err)
	}
	return n, nil
}

// verdicts returns the next n of an import after a row, all of them or those of a kind.
func verdicts(ctx context.Context, tx *store.Tx, id string, is, step int, after int64, n int) (out []verdict, steps []int, err error) {
	where, args := "", []any{id, step, after, n}
	switch is {
	case 0:
	case remarked:
		where = whereRemarked
	default:
		where, args = ` AND verdict = $5`, append(args, is)
		if is > taken { // of which there is an index
			where += ` AND verdict > 1`
		}
	}
	rows, err := tx.Query(ctx, `SELECT step, number, line, verdict, why, name, charged FROM imports_row WHERE import = $1 AND (step, number) > ($2, $3)`+where+` ORDER BY step, number LIMIT $4`, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("imports: rows: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v verdict
		var step int
		var whose []byte
		if err := rows.Scan(&step, &v.number, &v.line, &v.is, &v.why, &whose, &v.charged); err != nil {
			return nil, nil, fmt.Errorf("imports: rows: %w", err)
		}
		copy(v.whose[:], whose)
		out, steps = append(out, v), append(steps, step)
	}
	return out, steps, rows.Err()
}

// A known thing was taken over.
type known struct {
	subject   loot.Subject // empty: erased since
	reference string
	by        string // import
}

// A nameOf is the keyed hash by which something is known again: nobody can tell
// from it what its system called it.
type nameOf [16]byte

// nameOf returns the hash of what a system calls something.
func (i *Imports) nameOf(system, kind, id string) nameOf {
	mac := hmac.New(sha256.New, i.secret)
	for _, part := range []string{system, kind, id} {
		mac.Write(binary.AppendUvarint(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return nameOf(mac.Sum(nil)[:16])
}

// knownOf returns which of some things were taken over.
func knownOf(ctx context.Context, tx *store.Tx, names []nameOf) (map[nameOf]known, error) {
	out := map[nameOf]known{}
	for len(names) > 0 {
		n := min(len(names), 500)
		args := make([]any, n)
		for j, name := range names[:n] {
			args[j] = name[:]
		}
		names = names[n:]
		if err := readKnown(ctx, tx, args, out); err != nil {
			return nil, fmt.Errorf("imports: known: %w", err)
		}
	}
	return out, nil
}

func readKnown(ctx context.Context, tx *store.Tx, args []any, into map[nameOf]known) error {
	rows, err := tx.Query(ctx, `SELECT name, subject, reference, import FROM imports_known WHERE name IN (`+store.Placeholders(1, len(args))+`)`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name []byte
		var k known
		if err := rows.Scan(&name, &k.subject, &k.reference, &k.by); err != nil {
			return err
		}
		into[nameOf(name)] = k
	}
	return rows.Err()
}

// cameFrom returns which of some customers were taken over.
func cameFrom(ctx context.Context, tx *store.Tx, found map[string]loot.Subject) (map[loot.Subject]bool, error) {
	out := map[loot.Subject]bool{}
	if len(found) == 0 {
		return out, nil
	}
	var args []any
	for _, s := range found {
		args = append(args, s)
	}
	rows, err := tx.Query(ctx, `SELECT subject FROM imports_known WHERE reference = '' AND subject IN (`+store.Placeholders(1, len(args))+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("imports: known: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s loot.Subject
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("imports: known: %w", err)
		}
		out[s] = true
	}
	return out, rows.Err()
}

// addNewcomers notes who gets a key for names of services, and may be taken over.
func addNewcomers(tx *store.Tx, id string, all []loot.Subject) {
	for _, s := range all {
		tx.Add(`INSERT INTO imports_newcomer (subject, import) VALUES`, s, id)
	}
}

// forgetNewcomers forgets of newcomers that they may come: they did, or their keys are gone.
func forgetNewcomers(ctx context.Context, tx *store.Tx, all []loot.Subject) error {
	args := make([]any, len(all))
	for n, s := range all {
		args[n] = s
	}
	if _, err := tx.Exec(ctx, `DELETE FROM imports_newcomer WHERE subject IN (`+store.Placeholders(1, len(all))+`)`, args...); err != nil {
		return fmt.Errorf("imports: newcomers: %w", err)
	}
	return nil
}

// newcomersLeft returns some of the newcomers of imports that rest since a time, who did
// not come.
func newcomersLeft(ctx context.Context, tx *store.Tx, since time.Time) (out []loot.Subject, err error) {
	rows, err := tx.Query(ctx, `SELECT n.subject FROM imports_newcomer n JOIN imports_run r ON r.id = n.import WHERE r.state <> $1 AND r.touched < $2 LIMIT $3`, running, since.UnixMicro(), keysOnce)
	if err != nil {
		return nil, fmt.Errorf("imports: newcomers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s loot.Subject
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("imports: newcomers: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// What is to be done yet about something that was taken over.
const (
	settled  = 0
	toCheck  = 1
	toInvite = 2 // and to check
)

func addKnown(tx *store.Tx, n nameOf, k known, waits int) {
	tx.Add(`INSERT INTO imports_known (name, subject, reference, import, waits) VALUES`, n[:], k.subject, k.reference, k.by, waits)
}

// A saved mapping is remembered under a name.
type saved struct {
	Name string
	Mapping
}

func savedMappings(ctx context.Context, tx *store.Tx) (out []saved, err error) {
	rows, err := tx.Query(ctx, `SELECT name, mapping FROM imports_mapping ORDER BY name LIMIT 200`)
	if err != nil {
		return nil, fmt.Errorf("imports: mappings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s saved
		var text string
		if err := rows.Scan(&s.Name, &text); err != nil {
			return nil, fmt.Errorf("imports: mappings: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &s.Mapping); err != nil {
			return nil, fmt.Errorf("imports: mapping: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func remember(ctx context.Context, tx *store.Tx, name string, m Mapping, now time.Time) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("imports: mapping: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO imports_mapping (name, mapping, made) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET mapping = excluded.mapping, made = excluded.made`,
		name, string(text), now.UnixMicro())
	if err != nil {
		return fmt.Errorf("imports: mapping: %w", err)
	}
	return nil
}

func writeMapping(ctx context.Context, tx *store.Tx, id string, m Mapping) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("imports: mapping: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE imports_run SET mapping = $1 WHERE id = $2`, string(text), id); err != nil {
		return fmt.Errorf("imports: mapping: %w", err)
	}
	return nil
}
