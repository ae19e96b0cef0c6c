package vault

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"loot"
	"loot/gate"
	"loot/keyring"
	"loot/ledger"
	"loot/store"
)

// A File is a sealed file of a person: a scan, a document, a mail as it came.
type File struct {
	ID    string
	Field loot.Field // as which it was given
	Name  Clear
	Type  string // media type
	Size  int64
	About About
}

// fileAbout is what is sealed about a file: a name can say a lot.
type fileAbout struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int64  `json:"size"`
}

// fileBound is what the parts of a sealed file are bound to.
func fileBound(part, id string, f loot.Field) []byte {
	b := appendText(nil, "loot vault file")
	b = appendText(b, part)
	b = appendText(b, id)
	return appendText(b, string(f))
}

// Stage seals what r gives, piece by piece and in transactions of its own, so
// that a slow sender holds nobody up, and returns the id under which
// [Vault.KeepFile] takes it in. What is not taken in within a day is removed.
// The person's key must have been made.
func (v *Vault) Stage(ctx context.Context, s loot.Subject, c loot.Collection, f loot.Field, name, mediaType string, r io.Reader) (id string, err error) {
	id = loot.NewID("f")
	row := fileRow{id: id, subject: s, collection: c, field: f, made: v.Now().UnixMicro()}
	var key *keyring.PersonKey
	if err := v.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		if key, err = v.sealing(ctx, tx, s, c); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO vault_file (id, subject, collection, field, made, kept, size, source, statement, about) VALUES ($1, $2, $3, $4, $5, 0, 0, '', '', $6)
			ON CONFLICT (id) DO NOTHING`,
			id, s.Compact(), string(c), string(f), row.made, []byte{})
		return err
	}); err != nil {
		return "", fmt.Errorf("vault: stage: %w", err)
	}
	chunks := &chunkWriter{ctx: ctx, v: v, file: id}
	sealing, err := key.Of(f).SealStream(chunks, fileBound("content", id, f))
	if err != nil {
		return "", fmt.Errorf("vault: stage: %w", err)
	}
	if row.size, err = io.Copy(sealing, r); err != nil {
		return "", fmt.Errorf("vault: stage: %w", err)
	}
	if err := errors.Join(sealing.Close(), chunks.flush()); err != nil {
		return "", fmt.Errorf("vault: stage: %w", err)
	}
	about, err := json.Marshal(fileAbout{name, mediaType, row.size})
	if err != nil {
		return "", fmt.Errorf("vault: stage: %w", err)
	}
	row.about = key.Of(f).Seal(about, fileBound("about", id, f))
	_, err = v.DB.Exec(ctx, `UPDATE vault_file SET size = $1, about = $2, mac = $3 WHERE id = $4`, row.size, row.about, key.MAC(row.covered()), id)
	if err != nil {
		return "", fmt.Errorf("vault: stage: %w", err)
	}
	return id, nil
}

// A chunkWriter writes what is sealed into rows of a segment each.
type chunkWriter struct {
	ctx  context.Context // of the one call that it lives in
	v    *Vault
	file string
	n    int
	b    bytes.Buffer
}

func (w *chunkWriter) Write(b []byte) (int, error) {
	w.b.Write(b)
	for w.b.Len() >= keyring.Segment {
		if err := w.row(w.b.Next(keyring.Segment)); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (w *chunkWriter) flush() error {
	if w.b.Len() == 0 {
		return nil
	}
	return w.row(w.b.Next(w.b.Len()))
}

func (w *chunkWriter) row(b []byte) error {
	_, err := w.v.DB.Exec(w.ctx, `INSERT INTO vault_chunk (file, number, sealed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, w.file, w.n, b)
	w.n++
	return err
}

// KeepFile takes a staged file in. The permit is to collect the field that it
// was staged as.
func (v *Vault) KeepFile(ctx context.Context, tx *store.Tx, p gate.Permit, id string, src Source) error {
	g, err := p.Spend(tx, loot.Collect)
	if err != nil {
		return err
	}
	f, key, err := v.file(ctx, tx, g, id)
	if err != nil {
		return err
	}
	if f.kept != 0 {
		return loot.Errorf(loot.Conflict, "This file was taken in before.")
	}
	f.kept, f.source, f.statement = g.At.UnixMicro(), string(src), short(g.Statement.Hash())
	_, err = tx.Exec(ctx, `UPDATE vault_file SET kept = $1, source = $2, statement = $3, mac = $4 WHERE id = $5`, f.kept, f.source, f.statement, key.MAC(f.covered()), id)
	if err != nil {
		return fmt.Errorf("vault: keep file: %w", err)
	}
	return nil
}

// RemoveFile removes a file. The permit is to collect its field, as one that
// corrects a value is. One whose row is damaged goes with its field or its
// person, as nobody knows what it is.
func (v *Vault) RemoveFile(ctx context.Context, tx *store.Tx, p gate.Permit, id string) error {
	g, err := p.Spend(tx, loot.Collect)
	if err != nil {
		return err
	}
	if _, _, err := v.file(ctx, tx, g, id); err != nil {
		return err
	}
	return dropFiles(ctx, tx, `id = $1`, id)
}

// dropFiles removes the files for which a condition holds, of which the database itself
// keeps those that were taken in until they are let go.
func dropFiles(ctx context.Context, tx *store.Tx, condition string, args ...any) error {
	for _, q := range []string{
		`UPDATE vault_file SET kept = 0 WHERE ` + condition,
		`DELETE FROM vault_chunk WHERE file IN (SELECT id FROM vault_file WHERE ` + condition + `)`,
		`DELETE FROM vault_file WHERE ` + condition,
	} {
		if _, err := tx.Exec(ctx, q, args...); err != nil {
			return fmt.Errorf("vault: remove files: %w", err)
		}
	}
	return nil
}

// sweepFiles removes files that no permit took in. Those have no statement
// either: a file is not lost by one column that was changed.
func (v *Vault) sweepFiles(ctx context.Context) error {
	for {
		var ids []string
		err := v.DB.InTx(ctx, func(tx *store.Tx) error {
			ids = nil
			rows, err := tx.Query(ctx, `SELECT id FROM vault_file WHERE kept = 0 AND statement = '' AND made < $1 LIMIT 10`, v.Now().Add(-leftover).UnixMicro())
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var id string
				if err := rows.Scan(&id); err != nil {
					return err
				}
				ids = append(ids, id)
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
			for _, id := range ids {
				if err := dropFiles(ctx, tx, `id = $1`, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("vault: sweep files: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
	}
}

// A fileRow is a row of vault_file.
type fileRow struct {
	id         string
	subject    loot.Subject
	collection loot.Collection
	field      loot.Field
	made       int64
	kept       int64
	size       int64
	source     string
	statement  string
	about      []byte
	mac        []byte
}

const fileColumns = `id, subject, collection, field, made, kept, size, source, statement, about, mac`

func scanFile(row interface{ Scan(...any) error }) (f fileRow, err error) {
	err = row.Scan(&f.id, compact{&f.subject}, &f.collection, &f.field, &f.made, &f.kept, &f.size, &f.source, &f.statement, &f.about, &f.mac)
	return f, err
}

// arriving reports whether the row is as [Vault.Stage] begins it: it says
// nothing yet.
func (f *fileRow) arriving() bool { return f.kept == 0 && len(f.about) == 0 && f.mac == nil }

// covered is what the MAC of a file covers: all that its row says. The key adds
// the person and the collection. The content is a stream whose seal is bound to
// the id and the field.
func (f *fileRow) covered() []byte {
	b := make([]byte, 0, len(f.about)+len(f.source)+128)
	b = appendText(b, "loot vault file row")
	b = appendText(b, f.id)
	b = appendText(b, string(f.field))
	b = binary.AppendVarint(b, f.made)
	b = binary.AppendVarint(b, f.kept)
	b = binary.AppendVarint(b, f.size)
	b = appendText(b, f.source)
	b = appendText(b, f.statement)
	return appendText(b, string(f.about))
}

// prove returns [ErrDamaged] unless the row is as whoever had its key wrote it.
func (f *fileRow) prove(key *keyring.PersonKey) error {
	if f.mac == nil {
		return fmt.Errorf("vault: file %s of %s has no MAC: %w", f.id, f.subject, ErrDamaged)
	}
	if err := key.Verify(f.mac, f.covered()); err != nil {
		return fmt.Errorf("vault: file %s of %s: %w: %w", f.id, f.subject, ErrDamaged, err)
	}
	return nil
}

// lost is [cell.lost] of a file.
func (f *fileRow) lost(key *keyring.PersonKey) bool {
	e, erased := key.Erased(f.field)
	return erased && f.made <= e.At
}

// file reads a file that a grant covers, with its key. The row is proven before
// it is held against the grant, so that damage is not taken for a misuse.
func (v *Vault) file(ctx context.Context, tx *store.Tx, g gate.Grant, id string) (fileRow, *keyring.PersonKey, error) {
	f, err := scanFile(tx.QueryRow(ctx, `SELECT `+fileColumns+` FROM vault_file WHERE id = $1`+tx.ForUpdate(), id))
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && f.arriving():
		return f, nil, errErased
	case err != nil:
		return f, nil, fmt.Errorf("vault: file: %w", err)
	}
	key, err := v.key(ctx, f.subject, f.collection)
	if err != nil {
		return f, nil, err
	}
	if err := f.prove(key); err != nil {
		return f, nil, err
	}
	if f.lost(key) {
		return f, nil, errErased
	}
	if f.subject != g.Subject || f.collection != g.Collection || !slices.Contains(g.Fields, f.field) {
		return f, nil, g.Widened()
	}
	rec, err := v.load(ctx, tx, g.Subject, g.Collection, false)
	if err == nil {
		err = rec.prove(key) // else nobody knows what was set aside
	}
	if err != nil { // of somebody who is erased, or not yet there, there is no record
		return f, nil, err
	}
	if g.Action != loot.Answer && rec.aside()[f.field].tookFile(f) {
		return f, nil, errErased
	}
	return f, key, nil
}

// filesOf reads the files of a record that have arrived, which are not proven
// yet.
func (v *Vault) filesOf(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) ([]fileRow, error) {
	rows, err := tx.Query(ctx, `SELECT `+fileColumns+` FROM vault_file WHERE subject = $1 AND collection = $2 ORDER BY kept, id`, s.Compact(), string(c))
	if err != nil {
		return nil, fmt.Errorf("vault: files: %w", err)
	}
	defer rows.Close()
	var out []fileRow
	for rows.Next() {
		f, err := scanFile(rows)
		if err != nil {
			return nil, fmt.Errorf("vault: files: %w", err)
		}
		if !f.arriving() {
			out = append(out, f)
		}
	}
	return out, rows.Err()
}

// files opens what is sealed about the files of a grant's fields. All are
// proven, as a damaged one may be of such a field.
func (o *opener) files(ctx context.Context, tx *store.Tx) ([]File, error) {
	rows, err := o.v.filesOf(ctx, tx, o.g.Subject, o.g.Collection)
	if err != nil {
		return nil, err
	}
	var out []File
	for _, row := range rows {
		if err := row.prove(o.key); err != nil {
			return nil, err
		}
		if row.kept == 0 || row.lost(o.key) || !slices.Contains(o.g.Fields, row.field) || o.aside[row.field].tookFile(row) {
			continue
		}
		f, err := o.about(row)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (o *opener) about(row fileRow) (File, error) {
	var about fileAbout
	plain, err := o.key.Of(row.field).Open(row.about, fileBound("about", row.id, row.field))
	if err != nil {
		return File{}, fmt.Errorf("vault: file %s of %s: %w", row.id, row.subject, err)
	}
	if err := json.Unmarshal(plain, &about); err != nil {
		return File{}, fmt.Errorf("vault: file %s of %s: %w", row.id, row.subject, ErrDamaged)
	}
	if how := o.mask(row.field); how != "none" {
		about.Name = mask(how, "text", about.Name)
	}
	return File{
		ID: row.id, Field: row.field, Name: clearOf(about.Name), Type: about.Type, Size: about.Size,
		About: About{Source: row.source, At: time.UnixMicro(row.kept).UTC(), Statement: o.v.Gate.Hash(row.statement), State: states[0]},
	}, nil
}

// A Content is the content of an opened file. It can be read once the
// transaction in which it was opened has committed, and needs no memory but
// for a segment. What was changed on disk ends in [keyring.ErrTampered], and
// nothing of the segment where that happened is read.
type Content struct {
	File
	committed atomic.Bool
	open      func() (io.Reader, error)
	r         io.Reader
}

// Read implements [io.Reader].
func (c *Content) Read(b []byte) (int, error) {
	if !c.committed.Load() {
		return 0, errors.New("vault: a file is read before its opening is committed")
	}
	if c.r == nil {
		r, err := c.open()
		if err != nil {
			return 0, err
		}
		c.r = r
	}
	return c.r.Read(b)
}

// OpenFile opens a file. The permit is to open its field. A field that is
// masked is not opened: there is no mask for a file.
func (v *Vault) OpenFile(ctx context.Context, tx *store.Tx, p gate.Permit, id string) (*Content, error) {
	g, err := p.SpendAny(tx, ledger.Openings...)
	if err != nil {
		return nil, err
	}
	row, key, err := v.file(ctx, tx, g, id)
	if err != nil {
		return nil, err
	}
	if row.kept == 0 {
		return nil, errErased
	}
	o := v.opener(tx, g, key)
	if o.mask(row.field) != "none" {
		return nil, loot.Errorf(loot.Denied, "A file has no masked form. Ask to reveal the field.")
	}
	c := &Content{}
	if c.File, err = o.about(row); err != nil {
		return nil, err
	}
	key = o.key.For(keyring.Record).Of(row.field) // it is read after the commit
	c.open = func() (io.Reader, error) {
		return key.OpenStream(&chunkReader{ctx: ctx, v: v, file: id}, fileBound("content", id, row.field))
	}
	tx.AfterCommit(func() { c.committed.Store(true) })
	return c, nil
}

// A chunkReader reads the rows of a file, one at a time.
type chunkReader struct {
	ctx  context.Context // of the request that reads it
	v    *Vault
	file string
	n    int
	b    []byte
}

func (r *chunkReader) Read(b []byte) (int, error) {
	if len(r.b) == 0 {
		err := r.v.DB.ReadTx(r.ctx, func(tx *store.Tx) error {
			return tx.QueryRow(r.ctx, `SELECT sealed FROM vault_chunk WHERE file = $1 AND number = $2`, r.file, r.n).Scan(&r.b)
		})
		if errors.Is(err, sql.ErrNoRows) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, fmt.Errorf("vault: read file: %w", err)
		}
		r.n++
	}
	n := copy(b, r.b)
	r.b = r.b[n:]
	return n, nil
}
