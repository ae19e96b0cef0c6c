package keyring_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"loot"
	"loot/keyring"
	"loot/store"
	"loot/store/storetest"
)

// problems returns what is wrong, as "where: which".
func problems(t *testing.T, k *keyring.Keyring) []string {
	t.Helper()
	var out []string
	for _, p := range check(t, k).Problems {
		which := "?"
		for name, err := range map[string]error{
			"tampered": keyring.ErrTampered, "missing": keyring.ErrMissing, "root": keyring.ErrRoot, "stranger": keyring.ErrStranger, "orphan": keyring.ErrOrphan,
		} {
			if errors.Is(p.Err, err) {
				which = name
			}
		}
		out = append(out, p.Where+": "+which)
	}
	slices.Sort(out)
	return out
}

func alter(t *testing.T, db *store.DB, query string, args ...any) {
	t.Helper()
	if err := db.InTx(t.Context(), func(tx *store.Tx) error {
		n, err := tx.Exec(t.Context(), query, args...)
		if err == nil && n == 0 {
			err = errors.New("no row was changed")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestDamageIsNamed damages keys in every way that a disk or an intruder
// might, one at a time.
func TestDamageIsNamed(t *testing.T) {
	const where = "epoch.customer.1.key"
	change := func(key string, to any) func(t *testing.T, p place, s, other loot.Subject) {
		return func(t *testing.T, p place, _, _ loot.Subject) {
			path := filepath.Join(p.dir, where)
			var m map[string]any
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &m); err != nil {
				t.Fatal(err)
			}
			m[key] = to
			if text, err = json.Marshal(m); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		damage func(t *testing.T, p place, s, other loot.Subject)
		want   []string
	}{
		"date":      {change("made", "2020-01-01T00:00:00Z"), []string{where + ": tampered"}},
		"kind":      {change("kind", "system"), []string{where + ": tampered"}},
		"name":      {change("name", "applicant"), []string{where + ": tampered"}},
		"number":    {change("epoch", 2), []string{where + ": tampered"}},
		"key":       {change("key", "AAAA"), []string{where + ": tampered"}},
		"addition":  {change("more", 1), []string{where + ": tampered"}},
		"root":      {change("root", "file:00000000"), nil}, // said for people only
		"empty":     {func(t *testing.T, p place, _, _ loot.Subject) { write(t, p, where, "") }, []string{where + ": tampered"}},
		"lost":      {func(t *testing.T, p place, _, _ loot.Subject) { remove(t, p, where) }, []string{where + ": missing", "key of O in customer: missing", "key of S in customer: missing"}},
		"foreigner": {func(t *testing.T, p place, _, _ loot.Subject) { write(t, p, "notes.txt", "x") }, []string{"notes.txt: orphan"}},
		"copy": {func(t *testing.T, p place, _, _ loot.Subject) {
			text, err := os.ReadFile(filepath.Join(p.dir, where))
			if err != nil {
				t.Fatal(err)
			}
			write(t, p, "epoch.applicant.1.key", string(text))
		}, []string{"epoch.applicant.1.key: tampered"}},
		"row": {func(t *testing.T, p place, s, _ loot.Subject) {
			alter(t, p.db, `UPDATE keyring_person SET sealed = $1 WHERE subject = $2`, bytes.Repeat([]byte{1}, 60), s.Compact())
		}, []string{"key of S in customer: tampered"}},
		"row of another": {func(t *testing.T, p place, s, other loot.Subject) {
			alter(t, p.db, `UPDATE keyring_person SET sealed = (SELECT sealed FROM keyring_person WHERE subject = $1) WHERE subject = $2`, other.Compact(), s.Compact())
		}, []string{"key of S in customer: tampered"}},
		"row of another epoch": {func(t *testing.T, p place, s, _ loot.Subject) {
			alter(t, p.db, `UPDATE keyring_person SET epoch = 7 WHERE subject = $1`, s.Compact())
		}, []string{"key of S in customer: missing"}},
		"another folder": {func(t *testing.T, p place, _, _ loot.Subject) {
			alter(t, p.db, `UPDATE keyring_epoch SET mark = $1`, []byte("12345678"))
		}, []string{where + ": stranger"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, storetest.Open(t, storetest.SQLite(t), nil))
			k := p.open(t)
			s, other := loot.NewSubject(), loot.NewSubject()
			create(t, k, s, customer)
			create(t, k, other, customer)
			if _, err := k.System("staff"); err != nil {
				t.Fatal(err)
			}
			sound(t, k)
			c.damage(t, p, s, other)
			got := problems(t, k)
			for i := range got {
				got[i] = strings.NewReplacer(string(s), "S", string(other), "O").Replace(got[i])
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("the process that was running: %q; want %q", got, c.want)
			}
			k, err := keyring.Open(t.Context(), p.config(t))
			if err != nil {
				t.Fatalf("one damaged key keeps everything closed: %v", err)
			}
			if len(c.want) > 0 && len(problems(t, k)) == 0 {
				t.Error("a fresh process finds nothing")
			}
			if _, err := k.System("staff"); err != nil {
				t.Errorf("another key: %v", err)
			}
		})
	}
}

func write(t *testing.T, p place, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, p place, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(p.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// TestLostEpochIsNotBegunAgain: a fresh key under an old number would hide
// that every person of the collection is lost.
func TestLostEpochIsNotBegunAgain(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k, s := p.open(t), loot.NewSubject()
		create(t, k, s, customer)
		if _, err := k.System("staff"); err != nil {
			t.Fatal(err)
		}
		remove(t, p, "epoch.customer.1.key")
		k = p.open(t)
		if err := k.Create(t.Context(), loot.NewSubject(), customer); !errors.Is(err, keyring.ErrMissing) || loot.KindOf(err) != loot.Unavailable {
			t.Errorf("create: %v", err)
		}
		if _, err := k.Person(t.Context(), s, customer); !errors.Is(err, keyring.ErrMissing) {
			t.Errorf("person: %v", err)
		}
		if _, err := k.Rotate(t.Context(), customer); !errors.Is(err, keyring.ErrMissing) {
			t.Errorf("rotate: %v", err)
		}
		if err := k.Create(t.Context(), loot.NewSubject(), applicant); err != nil {
			t.Errorf("another collection: %v", err)
		}
	})
}

// TestTamperedKeyDoesNotStopARotation: the others move on, and the epoch stays
// as long as the damaged row names it.
func TestTamperedKeyDoesNotStopARotation(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k := p.open(t)
		bad := loot.Subject("s0") // the first in order
		create(t, k, bad, customer)
		for range 5 {
			create(t, k, loot.NewSubject(), customer)
		}
		alter(t, p.db, `UPDATE keyring_person SET sealed = $1 WHERE subject = $2`, bytes.Repeat([]byte{1}, 60), bad.Compact())
		if _, err := k.Rotate(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
		left := 0
		for range 10 {
			var err error
			if left, err = k.RewrapBatch(t.Context(), customer, 1); !errors.Is(err, keyring.ErrTampered) {
				t.Fatalf("re-wrap: %v", err)
			}
		}
		if left != 1 {
			t.Errorf("%d left", left)
		}
		if left, err := k.DestroyOld(t.Context(), customer); left != 1 || err != nil {
			t.Errorf("destroy old: %d left, %v", left, err)
		}
	})
}

// TestUnwritableFolderIsSaid: a clear answer instead of a half-made key.
func TestUnwritableFolderIsSaid(t *testing.T) {
	p := newPlace(t, storetest.Open(t, storetest.SQLite(t), nil))
	if err := os.WriteFile(p.dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Open(t.Context(), p.config(t)); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("got %v", err)
	}
}
