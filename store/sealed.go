package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Sealed names a column of values that a key of the program sealed, so that
// whoever gives the key a new version finds them all. A sealed value begins with
// the mark of the version that sealed it, and so tells it without being opened.
type Sealed struct {
	Table  string
	Key    []string // the columns of the primary key
	More   []string // other columns that Bound needs
	Column string
	// Bound returns what the value of a row is bound to, from its Key and More;
	// nil: to its key, a text.
	Bound func(row []any) []byte
}

func (s Sealed) bound(row []any) []byte {
	if s.Bound != nil {
		return s.Bound(row)
	}
	return []byte(row[0].(string))
}

func (s Sealed) String() string { return s.Table + "." + s.Column }

// Marks counts the values by their mark, the first n bytes.
func (s Sealed) Marks(ctx context.Context, db *DB, n int) (map[string]int, error) {
	var out map[string]int
	err := db.ReadTx(ctx, func(tx *Tx) error {
		out = map[string]int{}
		rows, err := tx.Query(ctx, `SELECT substr(`+s.Column+`, 1, `+strconv.Itoa(n)+`), COUNT(*) FROM `+s.Table+` WHERE `+s.Column+` IS NOT NULL GROUP BY 1`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var mark []byte
			var count int
			if err := rows.Scan(&mark, &count); err != nil {
				return err
			}
			out[string(mark)] = count
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("store: marks of %s: %w", s, err)
	}
	return out, nil
}

// A Resealed says how far a batch of [Sealed.Reseal] came.
type Resealed struct {
	Next []any // the key after which to go on; nil: that was the end
	Done int
	Bad  int   // values that stayed as they were …
	Why  error // … and why the first of them did
}

// Reseal goes over the next n values, in order of their key, that have another
// mark than the one given, and puts in the place of each what again makes of
// it. It begins after a key, or with nil at the first. A value of which again
// fails stays as it is.
func (s Sealed) Reseal(ctx context.Context, db *DB, mark []byte, after []any, n int, again func(sealed, bound []byte) ([]byte, error)) (out Resealed, err error) {
	type row struct {
		columns []any
		sealed  []byte
	}
	err = db.InTx(ctx, func(tx *Tx) error {
		out = Resealed{}
		args := []any{mark, n}
		where := s.Column + ` IS NOT NULL AND substr(` + s.Column + `, 1, ` + strconv.Itoa(len(mark)) + `) <> $1`
		if after != nil {
			where += ` AND (` + strings.Join(s.Key, ", ") + `) > (` + Placeholders(3, len(s.Key)) + `)`
			args = append(args, after...)
		}
		columns := append(append([]string{}, s.Key...), s.More...)
		rows, err := tx.Query(ctx, `SELECT `+strings.Join(columns, ", ")+`, `+s.Column+` FROM `+s.Table+` WHERE `+where+` ORDER BY `+strings.Join(s.Key, ", ")+` LIMIT $2`+tx.ForUpdate(), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		var page []row
		for rows.Next() {
			r := row{columns: make([]any, len(columns))}
			into := make([]any, 0, len(columns)+1)
			for i := range r.columns {
				into = append(into, &r.columns[i])
			}
			if err := rows.Scan(append(into, &r.sealed)...); err != nil {
				return err
			}
			page = append(page, r)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for _, r := range page {
			fresh, err := again(r.sealed, s.bound(r.columns))
			if err != nil {
				if out.Bad++; out.Bad == 1 {
					out.Why = fmt.Errorf("%s: %w", s, err)
				}
				continue
			}
			if err := s.replace(ctx, tx, r.columns[:len(s.Key)], fresh); err != nil {
				return err
			}
			out.Done++
		}
		if len(page) == n {
			out.Next = page[n-1].columns[:len(s.Key)]
		}
		return nil
	})
	if err != nil {
		return Resealed{}, fmt.Errorf("store: reseal %s: %w", s, err)
	}
	return out, nil
}

func (s Sealed) replace(ctx context.Context, tx *Tx, key []any, fresh []byte) error {
	where := make([]string, len(s.Key))
	for i, k := range s.Key {
		where[i] = k + ` = $` + strconv.Itoa(i+2)
	}
	_, err := tx.Exec(ctx, `UPDATE `+s.Table+` SET `+s.Column+` = $1 WHERE `+strings.Join(where, " AND "), append([]any{fresh}, key...)...)
	return err
}
