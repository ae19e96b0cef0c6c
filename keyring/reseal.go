package keyring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tink-crypto/tink-go/v2/keyset"

	"loot/store"
)

// Hold says what is kept sealed by the key in a database. A key of which nobody
// said so is not rotated.
func (s *SystemKey) Hold(db *store.DB, columns ...store.Sealed) {
	s.holding.Lock()
	defer s.holding.Unlock()
	s.told = true
	for _, c := range columns {
		s.holds = slices.DeleteFunc(s.holds, func(h holds) bool { return h.db == db && h.String() == c.String() })
		s.holds = append(s.holds, holds{db, c})
	}
}

// Holds returns the columns that are sealed by the key.
func (s *SystemKey) Holds() []store.Sealed {
	var out []store.Sealed
	for _, h := range s.held() {
		out = append(out, h.Sealed)
	}
	return out
}

func (s *SystemKey) held() []holds {
	s.holding.Lock()
	defer s.holding.Unlock()
	return slices.Clone(s.holds)
}

// SystemKeys returns the program's own keys that this process uses, by name.
func (k *Keyring) SystemKeys() []*SystemKey {
	var out []*SystemKey
	k.systems.Range(func(_, s any) bool {
		out = append(out, s.(*SystemKey))
		return true
	})
	slices.SortFunc(out, func(a, b *SystemKey) int { return cmp.Compare(a.name, b.name) })
	return out
}

// Rotate puts a new version into use for what is sealed from now on. While a
// former one is left it does nothing, so that a rotation which was interrupted
// is finished and not begun again. Follow it with [SystemKey.Finish].
func (s *SystemKey) Rotate(ctx context.Context) error {
	s.holding.Lock()
	told := s.told
	s.holding.Unlock()
	if !told {
		return fmt.Errorf("keyring: nobody said what the %s key sealed", s.name)
	}
	return s.change(ctx, func(now *systemSet) (*keyset.Manager, time.Time, error) {
		if len(now.marks) > 1 {
			return nil, time.Time{}, nil
		}
		m := keyset.NewManagerFromHandle(now.handle)
		return m, s.k.Now().UTC().Truncate(time.Second), addPrimary(m)
	})
}

// A Rotation says how far the rotation of a system key is.
type Rotation struct {
	Since    time.Time // when the version in use began
	Resealed int       // values that were sealed anew
	Former   int       // versions that are left
	Due      time.Time // when those can be destroyed
	Ended    bool      // that this call destroyed them, and not another process
}

// resealBatch is how many values a transaction seals anew, so that those who
// serve wait no longer than for each other.
var resealBatch = 500 // tests make it smaller

// Finish seals anew whatever a former version sealed and then, an hour after it
// was replaced and once nothing names it, destroys it. It may run while others
// seal and open, can be killed at any instant and is then called again, as it is
// when the hour was not over. What cannot be opened stays as it is and keeps its
// version; the error names where it is.
func (s *SystemKey) Finish(ctx context.Context) (Rotation, error) {
	var r Rotation
	if err := s.read(ctx); err != nil {
		return r, err
	}
	set := s.set.Load()
	r.Since, r.Due, r.Former = set.since.UTC(), set.since.Add(formerFor).UTC(), len(set.marks)-1
	if r.Former == 0 {
		return r, nil
	}
	var bad int
	var why error
	for _, h := range s.held() {
		all, err := s.reseal(ctx, h)
		r.Resealed += all.Done
		bad, why = bad+all.Bad, cmp.Or(why, all.Why)
		if err != nil {
			return r, err
		}
	}
	if bad > 0 {
		return r, fmt.Errorf("keyring: %d values stay under a former version of the %s key: %w", bad, s.name, why)
	}
	if s.k.Now().Before(r.Due) {
		return r, nil
	}
	ended, err := s.destroy(ctx)
	r.Ended, set = ended, s.set.Load()
	r.Since, r.Due, r.Former = set.since.UTC(), set.since.Add(formerFor).UTC(), len(set.marks)-1
	return r, err
}

// reseal seals anew what a former version sealed in a column.
func (s *SystemKey) reseal(ctx context.Context, h holds) (all store.Resealed, err error) {
	for {
		set, err := s.current()
		if err != nil {
			return all, err
		}
		batch, err := h.Reseal(ctx, h.db, set.mark, all.Next, resealBatch, func(sealed, bound []byte) ([]byte, error) {
			plain, err := s.Open(sealed, bound)
			if err != nil {
				return nil, err
			}
			return seal(set.aead, plain, s.ad(bound)), nil
		})
		if err != nil {
			return all, err
		}
		all = store.Resealed{Next: batch.Next, Done: all.Done + batch.Done, Bad: all.Bad + batch.Bad, Why: cmp.Or(all.Why, batch.Why)}
		s.k.step("system: batch")
		if all.Next == nil {
			return all, nil
		}
	}
}

// destroy destroys the former versions unless a value still names one, and
// reports whether it did.
func (s *SystemKey) destroy(ctx context.Context) (ended bool, err error) {
	err = s.change(ctx, func(now *systemSet) (*keyset.Manager, time.Time, error) {
		if len(now.marks) == 1 || s.k.Now().Before(now.since.Add(formerFor)) {
			return nil, time.Time{}, nil // another process did, or began anew
		}
		for _, h := range s.held() {
			marks, err := h.Marks(ctx, h.db, markSize)
			if err != nil {
				return nil, time.Time{}, err
			}
			delete(marks, string(now.mark))
			if len(marks) > 0 {
				return nil, time.Time{}, nil
			}
		}
		m, err := onlyPrimary(now.handle)
		ended = err == nil
		return m, now.since, err
	})
	return ended && err == nil, err
}

// FinishSystem finishes what rotations of system keys are under way, and returns
// the names of those whose former versions it destroyed.
func (k *Keyring) FinishSystem(ctx context.Context) (ended []string, err error) {
	for _, s := range k.SystemKeys() {
		r, failed := s.Finish(ctx)
		if r.Ended {
			ended = append(ended, s.name)
		}
		err = errors.Join(err, failed)
	}
	return ended, err
}

// change replaces the versions of the key, in one step; with a nil manager it
// leaves them.
func (s *SystemKey) change(ctx context.Context, f func(now *systemSet) (*keyset.Manager, time.Time, error)) error {
	return s.k.DB.Alone(ctx, "keyring", func() error {
		if err := s.read(ctx); err != nil {
			return err
		}
		m, since, err := f(s.set.Load())
		if err != nil || m == nil {
			return err
		}
		text, err := binaryKeyset(m)
		if err != nil {
			return err
		}
		if err := s.k.folder.change(ctx, s.file(), since, text); err != nil {
			return err
		}
		s.k.step("system: file")
		return s.read(ctx)
	})
}
