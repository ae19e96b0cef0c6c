package keyring

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/store"
)

// A Report is what a check of all keys found.
type Report struct {
	Files     int       `json:"files"`     // key files that open
	System    int       `json:"system"`    // the program's own keys among them, …
	Secrets   int       `json:"secrets"`   // … and its secrets, which are never replaced
	OldRoot   int       `json:"old_root"`  // files that a former root sealed
	Former    int       `json:"former"`    // versions of the program's own keys that are replaced and not destroyed yet
	Waiting   int       `json:"waiting"`   // values that such a version sealed
	Keys      int       `json:"keys"`      // persons' keys that open
	Destroyed int       `json:"destroyed"` // persons whose key was destroyed
	Problems  []Problem `json:"problems"`
}

// A Problem is a key that is not as it should be. Err is [ErrTampered],
// [ErrMissing], [ErrRoot], [ErrStranger] or [ErrOrphan].
type Problem struct {
	Where string // file, or row by subject and collection
	Err   error
}

func (p Problem) String() string { return p.Where + ": " + p.what() }

// what is wrong, and only that: not what it follows from once more.
func (p Problem) what() string {
	if e, ok := errors.AsType[*loot.Error](p.Err); ok {
		return e.Msg
	}
	return p.Err.Error()
}

// MarshalJSON says the same in JSON, to which an error is nothing.
func (p Problem) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"where": p.Where, "problem": p.what()})
}

// Check opens every key file and every person's key, and looks which version of
// the program's own keys sealed what.
func (k *Keyring) Check(ctx context.Context) (Report, error) {
	r := Report{Problems: []Problem{}}
	now, err := k.load(ctx)
	if err != nil {
		return r, err
	}
	files, others, err := k.folder.list()
	if err != nil {
		return r, err
	}
	for _, name := range others {
		if strings.HasPrefix(name, ".") {
			continue // being written
		}
		r.Problems = append(r.Problems, Problem{name, ErrOrphan})
	}
	for _, id := range files {
		r.file(ctx, k, id, now)
	}
	for _, c := range slices.Sorted(maps.Keys(now.rings)) {
		states := now.rings[c].states
		for _, n := range slices.Sorted(maps.Keys(states)) {
			id := file{epochFile, string(c), n}
			if states[n] != destroyed && !slices.Contains(files, id) {
				r.Problems = append(r.Problems, Problem{id.String(), ErrMissing})
			}
		}
	}
	for _, s := range k.SystemKeys() {
		if s.read(ctx) == nil { // otherwise the file is a problem already
			if err := r.system(ctx, s); err != nil {
				return r, err
			}
		}
	}
	return r, k.Persons(ctx, true, func(page []Person) error {
		for _, p := range page {
			switch {
			case p.Destroyed:
				r.Destroyed++
			case p.Err != nil:
				r.Problems = append(r.Problems, Problem{fmt.Sprintf("key of %s in %s", p.Subject, p.Collection), p.Err})
			default:
				r.Keys++
			}
		}
		return nil
	})
}

func (r *Report) file(ctx context.Context, k *Keyring, id file, now *known) {
	c, secret, err := k.folder.get(ctx, id)
	if err == nil && c.former {
		r.OldRoot++
	}
	if err == nil && id.kind == systemFile {
		set, perr := parseSystem(secret)
		if perr != nil {
			err = fault(id, ErrTampered)
		} else {
			r.System++
			r.Former += len(set.marks) - 1
		}
	}
	if err == nil && id.kind == secretFile {
		r.Secrets++
	}
	if err == nil && id.kind == epochFile {
		ring := now.rings[loot.Collection(id.name)]
		e := newEpoch(id.epoch, secret)
		mark, merr := k.mark(ctx, id)
		switch {
		case merr != nil:
			err = merr
		case ring.states[id.epoch] == destroyed:
			err = ErrOrphan
		case mark != nil && subtle.ConstantTimeCompare(mark, e.mark) != 1:
			err = ErrStranger
		}
	}
	if err != nil {
		r.Problems = append(r.Problems, Problem{id.String(), err})
		return
	}
	r.Files++
}

// system counts what is sealed by former versions of a key, and names what no
// version opens.
func (r *Report) system(ctx context.Context, s *SystemKey) error {
	set := s.set.Load()
	for _, h := range s.held() {
		marks, err := h.Marks(ctx, h.db, markSize)
		if err != nil {
			return err
		}
		for _, mark := range slices.Sorted(maps.Keys(marks)) {
			switch n := marks[mark]; {
			case mark == string(set.mark):
			case set.marks[mark]:
				r.Waiting += n
			default:
				r.Problems = append(r.Problems, Problem{fmt.Sprintf("%s in %s", loot.Plural(n, "value", "values"), h), fmt.Errorf("sealed by a version of %s that is %w", s.file(), ErrMissing)})
			}
		}
	}
	return nil
}

// mark returns what the key store remembers of an epoch's key, or nil.
func (k *Keyring) mark(ctx context.Context, id file) (mark []byte, err error) {
	err = k.DB.ReadTx(ctx, func(tx *store.Tx) error {
		mark = nil
		rows, err := tx.Query(ctx, `SELECT mark FROM keyring_epoch WHERE collection = $1 AND epoch = $2`, id.name, id.epoch)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&mark); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return mark, err
}

// A Person is a row of the key store.
type Person struct {
	Subject    loot.Subject
	Collection loot.Collection
	Made       time.Time
	Destroyed  bool
	Parted     bool  // keys of fields were destroyed
	Err        error // why the key cannot be opened
}

// Persons calls f for every person's key, a page at a time in order of
// subject, so that it holds up nobody. Whether a key can be opened is tried if
// try is set.
func (k *Keyring) Persons(ctx context.Context, try bool, f func(page []Person) error) error {
	var last Person
	for {
		var page []Person
		var sealed []sealedKey
		after := []byte{}
		if last.Subject != "" {
			after = last.Subject.Compact()
		}
		err := k.DB.ReadTx(ctx, func(tx *store.Tx) error {
			page, sealed = page[:0], sealed[:0]
			rows, err := tx.Query(ctx, `SELECT subject, collection, made, epoch, sealed FROM keyring_person
				WHERE (subject, collection) > ($1, $2) ORDER BY subject, collection LIMIT 1000`, after, string(last.Collection))
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var p Person
				var subject []byte
				var made int64
				var key sealedKey
				if err := rows.Scan(&subject, &p.Collection, &made, &key.epoch, &key.sealed); err != nil {
					return err
				}
				p.Subject = loot.SubjectOf(subject)
				p.Made, p.Destroyed, p.Parted = time.UnixMicro(made).UTC(), key.epoch == 0, len(key.sealed) > wholeSecret
				page, sealed = append(page, p), append(sealed, key)
			}
			return rows.Err()
		})
		if err != nil {
			return fmt.Errorf("keyring: read keys: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		for i := range page {
			if p := &page[i]; try && !p.Destroyed {
				_, p.Err = k.unwrap(ctx, p.Subject, p.Collection, sealed[i])
			}
		}
		if err := f(page); err != nil {
			return err
		}
		last = page[len(page)-1]
	}
}
