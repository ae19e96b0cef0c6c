package disclosure

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"loot"
	"loot/store"
)

// A request is one that was entered.
type request struct {
	ID        string
	Kind      string
	Authority string
	Basis     string
	Emergency bool
	Opened    time.Time
	Author    string
	Owner     string
	Due       time.Time
	Until     time.Time // when it runs out
	Scope     []loot.Category
	Gag       time.Time // end of secrecy; zero: none was ordered
	Hold      time.Time // end of preservation; zero: none was ordered
	Subject   loot.Subject
	Assessed  string // what the last assessment came to; empty: there was none
	Fields    []loot.Field
	Approval  string
	Entry     string
	Outcome   string
	Answered  time.Time
	Reviewed  time.Time
	Closed    time.Time
	Reminded  time.Time
	Version   int64
}

const requestColumns = `id, kind, authority, basis, emergency, opened, author, owner, due, until, scope, gag, hold, subject, valid, assessed, fields, approval, entry, outcome, answered, reviewed, closed, reminded, version`

// valid reports whether the last assessment says that the request is lawful.
func (r request) valid() bool { return r.Assessed == passed }

func joined[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, one := range list {
		out[i] = string(one)
	}
	return strings.Join(out, " ")
}

func parted[T ~string](text string) (out []T) {
	for one := range strings.FieldsSeq(text) {
		out = append(out, T(one))
	}
	return out
}

func (r request) row() []any {
	return []any{
		r.ID, r.Kind, r.Authority, r.Basis, store.Flag(r.Emergency), store.Micro(r.Opened), r.Author, r.Owner, store.Micro(r.Due), store.Micro(r.Until), joined(r.Scope),
		store.Micro(r.Gag), store.Micro(r.Hold), string(r.Subject), store.Flag(r.valid()), r.Assessed, joined(r.Fields), r.Approval, r.Entry, r.Outcome,
		store.Micro(r.Answered), store.Micro(r.Reviewed), store.Micro(r.Closed), store.Micro(r.Reminded),
	}
}

func scanRequest(row store.Row) (r request, err error) {
	var emergency, opened, due, until, gag, hold, answered, reviewed, closed, reminded int64
	var scope, fields string
	var valid int64 // kept for the schema alone: assessed says it
	err = row.Scan(&r.ID, &r.Kind, &r.Authority, &r.Basis, &emergency, &opened, &r.Author, &r.Owner, &due, &until, &scope, &gag, &hold, &r.Subject, &valid,
		&r.Assessed, &fields, &r.Approval, &r.Entry, &r.Outcome, &answered, &reviewed, &closed, &reminded, &r.Version)
	r.Emergency = emergency != 0
	r.Opened, r.Due, r.Until, r.Gag, r.Hold = store.Instant(opened), store.Instant(due), store.Instant(until), store.Instant(gag), store.Instant(hold)
	r.Answered, r.Reviewed, r.Closed, r.Reminded = store.Instant(answered), store.Instant(reviewed), store.Instant(closed), store.Instant(reminded)
	r.Scope, r.Fields = parted[loot.Category](scope), parted[loot.Field](fields)
	return r, err
}

func requests(ctx context.Context, tx *store.Tx, where string, args ...any) (out []request, err error) {
	rows, err := tx.Query(ctx, `SELECT `+requestColumns+` FROM disclosure_request WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("disclosure: requests: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanRequest(rows)
		if err != nil {
			return nil, fmt.Errorf("disclosure: requests: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func findRequest(ctx context.Context, tx *store.Tx, id, lock string) (request, error) {
	r, err := scanRequest(tx.QueryRow(ctx, `SELECT `+requestColumns+` FROM disclosure_request WHERE id = $1`+lock, id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, loot.Errorf(loot.NotFound, "There is no such request.")
	}
	if err != nil {
		return r, fmt.Errorf("disclosure: request: %w", err)
	}
	return r, nil
}

func insertRequest(ctx context.Context, tx *store.Tx, r request) error {
	if _, err := tx.Exec(ctx, `INSERT INTO disclosure_request (`+requestColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, 0)`, r.row()...); err != nil {
		return fmt.Errorf("disclosure: request: %w", err)
	}
	return nil
}

var errChanged = loot.Errorf(loot.Conflict, "Somebody else changed this request meanwhile. Nothing of theirs was overwritten; look again.")

// updateRequest rewrites a request that nobody else changed meanwhile.
func updateRequest(ctx context.Context, tx *store.Tx, r request) error {
	n, err := tx.Exec(ctx, `UPDATE disclosure_request SET owner = $1, due = $2, until = $3, scope = $4, gag = $5, hold = $6, subject = $7, valid = $8, assessed = $9, fields = $10,
		approval = $11, entry = $12, outcome = $13, answered = $14, reviewed = $15, closed = $16, reminded = $17, version = version + 1 WHERE id = $18 AND version = $19`,
		r.Owner, store.Micro(r.Due), store.Micro(r.Until), joined(r.Scope), store.Micro(r.Gag), store.Micro(r.Hold), string(r.Subject), store.Flag(r.valid()), r.Assessed, joined(r.Fields), r.Approval,
		r.Entry, r.Outcome, store.Micro(r.Answered), store.Micro(r.Reviewed), store.Micro(r.Closed), store.Micro(r.Reminded), r.ID, r.Version)
	if err != nil {
		return fmt.Errorf("disclosure: request: %w", err)
	}
	if n == 0 {
		return errChanged
	}
	return nil
}

// countOpen counts what somebody may open: requests that are not closed, and the mail that
// waits.
func (d *disclosure) countOpen(ctx context.Context, tx *store.Tx, by loot.Actor) (n int, err error) {
	sees, err := d.sight(ctx, tx, by)
	switch {
	case err != nil || sees == nothingYet:
		return 0, err
	case sees == theirs:
		err = tx.QueryRow(ctx, `SELECT count(*) FROM disclosure_request WHERE closed = 0 AND owner = $1`, by.ID).Scan(&n)
	default:
		err = tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM disclosure_request WHERE closed = 0) + (SELECT count(*) FROM disclosure_mail WHERE `+thatWaits+`)`).Scan(&n)
	}
	if err != nil {
		return 0, fmt.Errorf("disclosure: count: %w", err)
	}
	return n, nil
}

// holdUntil returns until when the open requests about somebody have their record kept.
func holdUntil(ctx context.Context, tx *store.Tx, s loot.Subject) (time.Time, error) {
	var until int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(max(hold), 0) FROM disclosure_request WHERE subject = $1 AND closed = 0`, string(s)).Scan(&until); err != nil {
		return time.Time{}, fmt.Errorf("disclosure: hold: %w", err)
	}
	return store.Instant(until), nil
}

// A file is one that lies sealed with a request.
type file struct {
	ID      string
	Request string
	At      time.Time
	Author  string
	Kind    string
	Type    string // media type
	Size    int64
	SHA256  string // in hex
}

// keepFile seals a file and keeps it with a request.
func (d *disclosure) keepFile(ctx context.Context, tx *store.Tx, r request, by loot.Actor, kind, media string, content []byte) error {
	sum := sha256.Sum256(content)
	f := file{ID: loot.NewID("f"), Request: r.ID, At: d.Now(), Author: by.ID, Kind: kind, Type: media, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
	sealed, err := d.key.Seal(content, []byte(f.ID))
	if err != nil {
		return fmt.Errorf("disclosure: file: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO disclosure_file (id, request, at, author, kind, type, size, sha256, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		f.ID, f.Request, f.At.UnixMicro(), f.Author, f.Kind, f.Type, f.Size, f.SHA256, sealed); err != nil {
		return fmt.Errorf("disclosure: file: %w", err)
	}
	return nil
}

func files(ctx context.Context, tx *store.Tx, requestID string) (out []file, err error) {
	rows, err := tx.Query(ctx, `SELECT id, request, at, author, kind, type, size, sha256 FROM disclosure_file WHERE request = $1 ORDER BY at, id`, requestID)
	if err != nil {
		return nil, fmt.Errorf("disclosure: files: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var f file
		var at int64
		if err := rows.Scan(&f.ID, &f.Request, &at, &f.Author, &f.Kind, &f.Type, &f.Size, &f.SHA256); err != nil {
			return nil, fmt.Errorf("disclosure: files: %w", err)
		}
		f.At = store.Instant(at)
		out = append(out, f)
	}
	return out, rows.Err()
}

// content opens a file of a request, and refuses one that is not what was kept.
func (d *disclosure) content(ctx context.Context, tx *store.Tx, requestID, id string) (f file, content []byte, err error) {
	var sealed []byte
	err = tx.QueryRow(ctx, `SELECT id, request, kind, type, size, sha256, content FROM disclosure_file WHERE id = $1 AND request = $2`, id, requestID).
		Scan(&f.ID, &f.Request, &f.Kind, &f.Type, &f.Size, &f.SHA256, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return f, nil, loot.Errorf(loot.NotFound, "This request has no such file.")
	}
	if err == nil {
		content, err = d.key.Open(sealed, []byte(f.ID))
	}
	if err != nil {
		return f, nil, fmt.Errorf("disclosure: file %s: %w", id, err)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != f.SHA256 {
		return f, nil, fmt.Errorf("disclosure: file %s: its hash has changed", id)
	}
	return f, content, nil
}
