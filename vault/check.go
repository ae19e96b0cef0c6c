package vault

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"

	"loot"
	"loot/keyring"
	"loot/store"
)

// A Report is what a check of the whole vault found.
type Report struct {
	Records  int       `json:"records"` // held
	Erased   int       `json:"erased"`
	Values   int       `json:"values"` // current and former, that open
	Files    int       `json:"files"`  // that open to their end
	Problems []Problem `json:"problems"`
}

// A Problem is something in the vault that is not as it should be.
type Problem struct {
	Subject    loot.Subject    `json:"subject,omitempty"`
	Collection loot.Collection `json:"collection,omitempty"`
	Field      loot.Field      `json:"field,omitempty"` // empty: the whole record
	What       string          `json:"problem"`
}

func (p Problem) String() string {
	where := ""
	if p.Field != "" {
		where = string(p.Field) + " of "
	}
	if p.Subject != "" {
		where += string(p.Subject)
	}
	if p.Collection != "" {
		where += " in " + string(p.Collection)
	}
	if where == "" {
		return p.What
	}
	return where + ": " + p.What
}

// Check opens every value and file, which counts as openings of the program
// itself, and holds indexes and keys against the records. It reads a page at a
// time, so that it holds up nobody; what changes meanwhile is looked at twice.
func (v *Vault) Check(ctx context.Context) (Report, error) {
	r := Report{Problems: []Problem{}}
	indexed := 0
	var last record
	for {
		var page []record
		err := v.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
			page, err = v.records(ctx, tx, `(subject, collection) > ($1, $2) ORDER BY subject, collection LIMIT 200`,
				last.Subject.Compact(), string(last.collection))
			return err
		})
		if err != nil {
			return r, fmt.Errorf("vault: check: %w", err)
		}
		if len(page) == 0 {
			break
		}
		for _, rec := range page {
			last = rec
			if rec.damaged != nil {
				r.add(rec, "", "the row is damaged")
				continue
			}
			n, err := v.checkRecord(ctx, &r, rec)
			if err != nil {
				return r, fmt.Errorf("vault: check: %w", err)
			}
			indexed += n
		}
	}
	if err := v.checkIndex(ctx, &r, indexed); err != nil {
		return r, fmt.Errorf("vault: check: %w", err)
	}
	if err := v.checkStrays(ctx, &r); err != nil {
		return r, fmt.Errorf("vault: check: %w", err)
	}
	err := v.Keyring.Persons(ctx, false, func(page []keyring.Person) error {
		for _, p := range page {
			if p.Destroyed || v.Now().Sub(p.Made) < leftover {
				continue
			}
			_, left, err := v.has(ctx, p)
			if err != nil {
				return err
			}
			if left {
				r.Problems = append(r.Problems, Problem{p.Subject, p.Collection, "", "there is a key but no record; the next sweep removes it"})
			}
		}
		return nil
	})
	return r, err
}

func (r *Report) add(rec record, f loot.Field, what string) {
	r.Problems = append(r.Problems, Problem{rec.Subject, rec.collection, f, what})
}

// checkRecord checks one record and returns how many index rows it has.
func (v *Vault) checkRecord(ctx context.Context, r *Report, rec record) (indexed int, err error) {
	key, err := v.Keyring.Person(ctx, rec.Subject, rec.collection)
	if rec.Erased() {
		r.Erased++
		switch {
		case !bytes.Equal(slices.Concat(rec.packed, rec.mac), buried):
			r.add(rec, "", "the row is damaged: it counts as erased and still holds values")
		case err == nil:
			r.add(rec, "", "it is erased, and its key is not destroyed yet; the next sweep does it")
		}
		return 0, ignore(err, keyring.ErrShredded)
	}
	r.Records++
	for _, c := range rec.cells {
		if c.spell != 0 {
			indexed++
		}
	}
	switch {
	case errors.Is(err, keyring.ErrShredded):
		r.add(rec, "", "its key is destroyed or lost: it came with a backup from before it was erased, or the key store is not the one that belongs here")
		return indexed, nil
	case errors.Is(err, keyring.ErrTampered), errors.Is(err, keyring.ErrMissing):
		r.add(rec, "", "its key: "+err.Error())
		return indexed, nil
	case err != nil:
		return 0, err
	}
	if rec.prove(key) != nil {
		r.add(rec, "", "the row is damaged: what stands about its values, or its version, dates or epoch, was changed")
	}
	key = key.For(keyring.System)
	for _, c := range rec.cells {
		if c.lost(key) {
			continue // it goes when the record is written next
		}
		plain, err := c.of(key).Open(c.sealed, c.bound())
		if err != nil {
			r.add(rec, c.field, "the value does not open: it was changed, or belongs elsewhere")
			continue
		}
		if c.marksAside() {
			continue
		}
		r.Values++
		if c.spell == 0 {
			continue
		}
		if err := v.checkFound(ctx, r, rec, c, string(plain)); err != nil {
			return indexed, err
		}
	}
	if err := v.checkDisputes(ctx, r, rec); err != nil {
		return indexed, err
	}
	if err := v.checkHistory(ctx, r, rec, key); err != nil {
		return indexed, err
	}
	return indexed, v.checkFiles(ctx, r, rec, key)
}

// checkDisputes checks that what is in dispute is frozen at the gate too, which
// alone keeps it from being used. The other way round needs no check: a corrected
// value stays frozen until its case is closed.
func (v *Vault) checkDisputes(ctx context.Context, r *Report, rec record) error {
	disputed := func(c cell) bool { return states[c.state] == Disputed }
	if !slices.ContainsFunc(rec.cells, disputed) {
		return nil
	}
	var used []loot.Field
	err := v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		used = nil
		now, err := v.load(ctx, tx, rec.Subject, rec.collection, false) // it may be settled by now
		if err != nil {
			return ignore(err, errErased)
		}
		person, err := v.Gate.Person(ctx, tx, rec.Subject)
		for _, c := range now.cells {
			if disputed(c) && !person.Disputed(c.field) {
				used = append(used, c.field)
			}
		}
		return err
	})
	for _, f := range used {
		r.add(rec, f, "it is in dispute, and the gate lets it be used all the same")
	}
	return ignore(err, ErrDamaged)
}

// checkFound checks that a value is found by what it is.
func (v *Vault) checkFound(ctx context.Context, r *Report, rec record, c cell, value string) error {
	_, now, other, err := v.Keyring.Index(ctx, rec.collection, c.field, spell(c.spell, value))
	if err != nil {
		return err
	}
	match := false
	for _, h := range append(other, now) {
		match = match || bytes.Equal(h, c.hash)
	}
	if !match {
		r.add(rec, c.field, "its blind index is that of another value, or of an epoch that is destroyed")
	}
	var n int
	err = v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM vault_index WHERE lookup = $1 AND subject = $2`, c.lookup(), rec.Subject.Compact()).Scan(&n)
	})
	if err == nil && n != 1 {
		r.add(rec, c.field, fmt.Sprintf("it stands %s in the index", loot.Plural(n, "time", "times")))
	}
	return err
}

func (v *Vault) checkHistory(ctx context.Context, r *Report, rec record, key *keyring.PersonKey) error {
	var former []formerCell
	err := v.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		former, err = v.history(ctx, tx, rec.Subject, rec.collection)
		return err
	})
	if errors.Is(err, ErrDamaged) {
		r.add(rec, "", "its history is damaged")
		return nil
	}
	if err != nil {
		return err
	}
	for _, h := range former {
		if h.lost(key) {
			continue
		}
		_, err := h.of(key).Open(h.sealed, h.bound())
		if err = cmp.Or(h.prove(key), err); err != nil {
			r.add(rec, h.field, fmt.Sprintf("the former value number %d does not open: it was changed, or belongs elsewhere", h.version))
			continue
		}
		r.Values++
		if i := rec.cell(h.field); i >= 0 && rec.cells[i].version <= h.version {
			r.add(rec, h.field, "a former value was put in the place of the present one")
		}
	}
	return nil
}

// checkStrays looks for former values and files that belong to no record. A file
// that was not taken in may come before its record.
func (v *Vault) checkStrays(ctx context.Context, r *Report) error {
	var strays []Problem
	err := v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		strays = nil
		rows, err := tx.Query(ctx, `SELECT h.subject, h.collection, h.field, 'a former value has no record' FROM vault_history h LEFT JOIN vault_record r
			ON r.subject = h.subject AND r.collection = h.collection AND r.erased = 0 WHERE r.subject IS NULL
			UNION ALL SELECT f.subject, f.collection, f.field, 'the file ' || f.id || ' has no record' FROM vault_file f LEFT JOIN vault_record r
			ON r.subject = f.subject AND r.collection = f.collection AND r.erased = 0 WHERE r.subject IS NULL AND f.kept <> 0 LIMIT 100`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var p Problem
			if err := rows.Scan(compact{&p.Subject}, &p.Collection, &p.Field, &p.What); err != nil {
				return err
			}
			strays = append(strays, p)
		}
		return rows.Err()
	})
	r.Problems = append(r.Problems, strays...)
	return err
}

func (v *Vault) checkFiles(ctx context.Context, r *Report, rec record, key *keyring.PersonKey) error {
	var files []fileRow
	err := v.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		files, err = v.filesOf(ctx, tx, rec.Subject, rec.collection)
		return err
	})
	if err != nil {
		return err
	}
	for _, f := range files {
		switch {
		case f.mac == nil:
			r.add(rec, f.field, "the row of the file "+f.id+" is damaged: it has no MAC")
			continue
		case f.prove(key) != nil:
			r.add(rec, f.field, "the row of the file "+f.id+" is damaged: what it names or what stands about it was changed")
			continue
		case f.kept == 0, f.lost(key):
			continue
		}
		key := key.Of(f.field)
		_, err := key.Open(f.about, fileBound("about", f.id, f.field))
		size := int64(-1)
		if err == nil {
			var content io.Reader
			if content, err = key.OpenStream(&chunkReader{ctx: ctx, v: v, file: f.id}, fileBound("content", f.id, f.field)); err == nil {
				size, err = io.Copy(io.Discard, content)
			}
		}
		switch {
		case errors.Is(err, keyring.ErrTampered), err == nil && size != f.size:
			r.add(rec, f.field, "the file "+f.id+" was changed, or belongs elsewhere")
		case err != nil:
			return err
		default:
			r.Files++
		}
	}
	return nil
}

// checkIndex looks for entries of the index that belong to no value.
func (v *Vault) checkIndex(ctx context.Context, r *Report, expected int) error {
	type entry struct {
		lookup  int64
		subject loot.Subject
	}
	var all int
	err := v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM vault_index`).Scan(&all)
	})
	if err != nil || all == expected {
		return err
	}
	var strays []entry
	err = v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		strays = nil
		rows, err := tx.Query(ctx, `SELECT i.lookup, i.subject FROM vault_index i LEFT JOIN vault_record r ON r.subject = i.subject AND r.erased = 0 WHERE r.subject IS NULL LIMIT 100`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e entry
			if err := rows.Scan(&e.lookup, compact{&e.subject}); err != nil {
				return err
			}
			strays = append(strays, e)
		}
		return rows.Err()
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for _, e := range strays {
		r.Problems = append(r.Problems, Problem{Subject: e.subject, What: "it stands in the index and has no record"})
	}
	if len(strays) == 0 {
		r.Problems = append(r.Problems, Problem{What: fmt.Sprintf("the index has %s where the records have %s to be found by", loot.Plural(all, "entry", "entries"), loot.Plural(expected, "value", "values"))})
	}
	return nil
}
