package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot"
	"loot/keyring"
	"loot/store"
)

// desk is a table in which something is kept sealed by a system key.
var desk = store.Sealed{
	Table: "keyring_desk", Key: []string{"owner", "id"}, More: []string{"place"}, Column: "sealed",
	Bound: func(row []any) []byte { return deskAD(row[0].([]byte), row[1].(string), row[2].(string)) },
}

func deskAD(owner []byte, id, place string) []byte {
	return []byte(fmt.Sprintf("%x %s %s", owner, id, place))
}

func makeDesk(t testing.TB, db *store.DB) {
	t.Helper()
	bytea := map[store.Dialect]string{store.SQLite: "BLOB", store.Postgres: "BYTEA"}[db.Dialect()]
	if err := db.InTx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `CREATE TABLE keyring_desk (owner `+bytea+`, id TEXT, place TEXT, sealed `+bytea+`, PRIMARY KEY (owner, id))`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func sealOwn(t testing.TB, key *keyring.SystemKey, plain, ad string) []byte {
	t.Helper()
	b, err := key.Seal([]byte(plain), []byte(ad))
	if err != nil {
		t.Fatalf("seal: %v", err)
	}
	return b
}

// putOnDesk seals something and keeps it, as those do who serve.
func putOnDesk(t testing.TB, db *store.DB, key *keyring.SystemKey, id, plain string) {
	t.Helper()
	owner := []byte(id[:2])
	if err := db.InTx(t.Context(), func(tx *store.Tx) error {
		sealed, err := key.Seal([]byte(plain), deskAD(owner, id, "here"))
		if err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), `INSERT INTO keyring_desk (owner, id, place, sealed) VALUES ($1, $2, 'here', $3)
			ON CONFLICT (owner, id) DO UPDATE SET sealed = excluded.sealed`, owner, id, sealed)
		return err
	}); err != nil {
		t.Errorf("put: %v", err)
	}
}

// onDesk opens all that is kept.
func onDesk(t testing.TB, db *store.DB, key *keyring.SystemKey) map[string]string {
	t.Helper()
	out := map[string]string{}
	if err := db.ReadTx(t.Context(), func(tx *store.Tx) error {
		clear(out)
		rows, err := tx.Query(t.Context(), `SELECT owner, id, place, sealed FROM keyring_desk WHERE sealed IS NOT NULL`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var owner, sealed []byte
			var id, place string
			if err := rows.Scan(&owner, &id, &place, &sealed); err != nil {
				return err
			}
			plain, err := key.Open(sealed, deskAD(owner, id, place))
			if err != nil {
				t.Errorf("%s does not open: %v", id, err)
			}
			out[id] = string(plain)
		}
		return rows.Err()
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func system(t testing.TB, k *keyring.Keyring, name string) *keyring.SystemKey {
	t.Helper()
	s, err := k.System(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func finishOwn(t testing.TB, s *keyring.SystemKey) keyring.Rotation {
	t.Helper()
	r, err := s.Finish(t.Context())
	if err != nil {
		t.Fatalf("finish: %v", err)
	}
	return r
}

func TestSystemKeyRotates(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		makeDesk(t, p.db)
		k, elsewhere := p.open(t), p.open(t)
		sys, there := system(t, k, "staff"), system(t, elsewhere, "staff")
		if err := sys.Rotate(t.Context()); err == nil {
			t.Fatal("rotated although nobody said what it sealed")
		}
		sys.Hold(p.db, desk)
		sys.Hold(p.db, desk) // said twice, it is held once
		for i := range 1200 {
			putOnDesk(t, p.db, sys, fmt.Sprintf("%04d", i), fmt.Sprint("value ", i))
		}
		alter(t, p.db, `INSERT INTO keyring_desk (owner, id, place) VALUES ($1, 'nothing', 'here')`, []byte("x"))
		before := sealOwn(t, sys, "who", "entry")
		if r := finishOwn(t, sys); r.Former != 0 || r.Resealed != 0 {
			t.Errorf("nothing was begun: %+v", r)
		}
		if err := sys.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		begun := p.now()
		after := sealOwn(t, sys, "who", "entry")
		if bytes.Equal(before[:5], after[:5]) {
			t.Error("still sealed by the former version")
		}
		if r := check(t, k); r.System != 1 || r.Former != 1 || r.Waiting != 1200 || len(r.Problems) > 0 {
			t.Errorf("%+v; want 1200 values under the former version", r)
		}
		for i, b := range [][]byte{before, after} {
			for _, s := range []*keyring.SystemKey{sys, there} {
				if got, err := s.Open(b, []byte("entry")); err != nil || string(got) != "who" {
					t.Errorf("%d: %q, %v", i, got, err)
				}
				if _, err := s.Open(b, []byte("other")); !errors.Is(err, keyring.ErrTampered) {
					t.Errorf("%d as another entry: %v", i, err)
				}
			}
		}
		r := finishOwn(t, sys)
		if r.Resealed != 1200 || r.Former != 1 || !r.Since.Equal(begun) || !r.Due.Equal(begun.Add(time.Hour)) {
			t.Errorf("%+v; want 1200 values, and an hour", r)
		}
		if err := sys.Rotate(t.Context()); err != nil { // goes on with the one that is not finished
			t.Fatal(err)
		}
		p.pass(time.Hour - time.Second)
		if r := finishOwn(t, sys); r.Resealed != 0 || r.Former != 1 {
			t.Errorf("a second early: %+v", r)
		}
		p.pass(time.Second)
		if r := finishOwn(t, sys); r.Former != 0 {
			t.Errorf("an hour later: %+v", r)
		}
		if r := check(t, k); r.System != 1 || r.Former != 0 || r.Waiting != 0 || len(r.Problems) > 0 {
			t.Errorf("%+v", r)
		}
		for name, s := range map[string]*keyring.SystemKey{"here": sys, "on another node": there, "in a new process": system(t, p.open(t), "staff")} {
			if _, err := s.Open(before, []byte("entry")); !errors.Is(err, keyring.ErrTampered) {
				t.Errorf("%s the destroyed version opens: %v", name, err)
			}
			if got, err := s.Open(after, []byte("entry")); err != nil || string(got) != "who" {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			if got := onDesk(t, p.db, s); len(got) != 1200 || got["0007"] != "value 7" || got["1199"] != "value 1199" {
				t.Errorf("%s: %d values", name, len(got))
			}
		}
		if _, err := system(t, k, "mail").Open(after, []byte("entry")); !errors.Is(err, keyring.ErrTampered) {
			t.Errorf("opens with another system key: %v", err)
		}
	})
}

// TestSystemKeyRotatesWhileServing: several nodes seal, change and open while a
// key gets one version after another. Nothing is lost.
func TestSystemKeyRotatesWhileServing(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		makeDesk(t, p.db)
		var nodes []*keyring.SystemKey
		for range 3 {
			s := system(t, p.open(t), "staff")
			s.Hold(p.db, desk)
			nodes = append(nodes, s)
		}
		var mu sync.Mutex
		turn := sync.NewCond(&mu)
		turns := make([]int, len(nodes))
		want := map[string]string{}
		var stop atomic.Bool
		var wg sync.WaitGroup
		for w, s := range nodes {
			wg.Go(func() {
				for i := 0; !stop.Load(); i++ {
					id, value := fmt.Sprintf("%d%d row %d", w, w, i%40), fmt.Sprint("value ", i)
					putOnDesk(t, p.db, s, id, value)
					mu.Lock()
					want[id] = value
					turns[w]++
					turn.Broadcast()
					mu.Unlock()
				}
			})
		}
		// serve returns once each node has sealed and committed some more.
		serve := func() {
			mu.Lock()
			defer mu.Unlock()
			for w, n := range slices.Clone(turns) {
				for turns[w] < n+5 {
					turn.Wait()
				}
			}
		}
		for i := range 3 {
			s := nodes[i]
			serve()
			if err := s.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			finishOwn(t, s)
			serve()
			// Each node finds out by itself within a minute; what it sealed until
			// then is found by the last look, an hour later.
			for range 4 {
				p.pass(20 * time.Minute)
				serve()
			}
			if r := finishOwn(t, s); r.Former > 0 {
				t.Errorf("rotation %d: %+v", i, r)
			}
		}
		stop.Store(true)
		wg.Wait()
		for _, s := range append(nodes, system(t, p.open(t), "staff")) {
			got := onDesk(t, p.db, s)
			for id, value := range want {
				if got[id] != value {
					t.Errorf("%s is %q, want %q", id, got[id], value)
				}
			}
		}
	})
}

// TestValueThatDoesNotOpenKeepsItsVersion: it is named, the others are moved, and
// the version that it may yet be opened by stays until somebody took care of it.
func TestValueThatDoesNotOpenKeepsItsVersion(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		makeDesk(t, p.db)
		k := p.open(t)
		sys := system(t, k, "staff")
		sys.Hold(p.db, desk)
		for i := range 3 {
			putOnDesk(t, p.db, sys, fmt.Sprint("row", i), "who")
		}
		var sealed []byte
		if err := p.db.ReadTx(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `SELECT sealed FROM keyring_desk WHERE id = 'row1'`).Scan(&sealed)
		}); err != nil {
			t.Fatal(err)
		}
		damaged := bytes.Clone(sealed)
		damaged[20] ^= 1
		alter(t, p.db, `UPDATE keyring_desk SET sealed = $1 WHERE id = 'row1'`, damaged)
		if err := sys.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.pass(2 * time.Hour)
		for range 2 {
			r, err := sys.Finish(t.Context())
			if !errors.Is(err, keyring.ErrTampered) || !bytes.Contains([]byte(fmt.Sprint(err)), []byte("keyring_desk.sealed")) || r.Former != 1 {
				t.Errorf("%+v, %v; want it named and the version kept", r, err)
			}
		}
		if ended, err := k.FinishSystem(t.Context()); !errors.Is(err, keyring.ErrTampered) || len(ended) > 0 {
			t.Errorf("%v, %v", ended, err)
		}
		alter(t, p.db, `UPDATE keyring_desk SET sealed = $1 WHERE id = 'row1'`, sealed)
		for _, want := range [][]string{{sys.Name()}, nil} {
			if ended, err := k.FinishSystem(t.Context()); err != nil || !slices.Equal(ended, want) {
				t.Fatalf("ended %v, %v; want %v", ended, err, want)
			}
		}
		if r := check(t, k); r.Former != 0 || r.Waiting != 0 || len(r.Problems) > 0 {
			t.Errorf("%+v", r)
		}
		// A value of a version that is gone is a problem with a name.
		alter(t, p.db, `UPDATE keyring_desk SET sealed = $1 WHERE id = 'row1'`, sealed)
		if got := problems(t, k); !slices.Equal(got, []string{"1 value in keyring_desk.sealed: missing"}) {
			t.Errorf("%v", got)
		}
	})
}

// TestSealingNeedsToKnowTheVersion: while the key folder cannot be read the
// version that is known is used for half an hour, and then nothing is sealed.
func TestSealingNeedsToKnowTheVersion(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k := p.open(t)
		sys := system(t, k, "staff")
		sealed := sealOwn(t, sys, "who", "")
		away := filepath.Join(filepath.Dir(p.dir), "away")
		if err := os.Rename(p.dir, away); err != nil {
			t.Fatal(err)
		}
		p.pass(29 * time.Minute)
		sealOwn(t, sys, "who", "")
		p.pass(time.Minute)
		if _, err := sys.Seal([]byte("who"), nil); loot.KindOf(err) != loot.Unavailable {
			t.Errorf("sealed by what may have been destroyed: %v", err)
		}
		if _, err := sys.Open(sealed, nil); loot.KindOf(err) != loot.Unavailable {
			t.Errorf("opened: %v", err)
		}
		if err := os.Rename(away, p.dir); err != nil {
			t.Fatal(err)
		}
		if got, err := sys.Open(sealOwn(t, sys, "who", ""), nil); err != nil || string(got) != "who" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestNodeLearnsOfANewVersion: a node that only seals uses it after a minute.
func TestNodeLearnsOfANewVersion(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		sys, there := system(t, p.open(t), "staff"), system(t, p.open(t), "staff")
		sys.Hold(p.db)
		former := sealOwn(t, there, "x", "")[:5]
		if err := sys.Rotate(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
		p.pass(time.Minute - time.Second)
		if got := sealOwn(t, there, "x", "")[:5]; !bytes.Equal(got, former) {
			t.Log("it knew early")
		}
		p.pass(time.Second)
		if got := sealOwn(t, there, "x", "")[:5]; bytes.Equal(got, former) {
			t.Error("a minute later it still seals by the former version")
		}
	})
}

// TestNamedVersionIsNotDestroyed: a value that comes to the former version after
// it was looked for, however that may be, keeps the version.
func TestNamedVersionIsNotDestroyed(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		makeDesk(t, p.db)
		k := p.open(t)
		sys := system(t, k, "staff")
		sys.Hold(p.db, desk)
		putOnDesk(t, p.db, sys, "row0", "who")
		late := sealOwn(t, sys, "late", string(deskAD([]byte("ro"), "row0", "here")))
		if err := sys.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.pass(2 * time.Hour)
		k.StopAt(func(step string) {
			if step == "system: batch" {
				alter(t, p.db, `UPDATE keyring_desk SET sealed = $1`, late)
			}
		})
		if r := finishOwn(t, sys); r.Former != 1 {
			t.Errorf("%+v; want the version kept", r)
		}
		k.StopAt(nil)
		if r := finishOwn(t, sys); r.Former != 0 || r.Resealed != 1 {
			t.Errorf("%+v", r)
		}
		if got := onDesk(t, p.db, sys); got["row0"] != "late" {
			t.Errorf("%v", got)
		}
	})
}

// TestWhoDestroyedIsWhoSaysSo: of two processes that finish a rotation at once,
// one destroyed the former version.
func TestWhoDestroyedIsWhoSaysSo(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		makeDesk(t, p.db)
		k := p.open(t)
		sys, there := system(t, k, "staff"), system(t, p.open(t), "staff")
		sys.Hold(p.db, desk)
		there.Hold(p.db, desk)
		for _, anew := range []bool{false, true} {
			if err := sys.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			p.pass(time.Hour)
			k.StopAt(func(step string) {
				if step != "system: batch" {
					return
				}
				k.StopAt(nil)
				if r := finishOwn(t, there); !r.Ended || r.Former != 0 {
					t.Errorf("the first: %+v", r)
				}
				if anew {
					if err := there.Rotate(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
			r := finishOwn(t, sys)
			want := map[bool]int{true: 1}[anew]
			if r.Ended || r.Former != want {
				t.Errorf("the second, begun anew %t: %+v", anew, r)
			}
			if anew && !r.Since.Equal(p.now().UTC().Truncate(time.Second)) {
				t.Errorf("%+v; it began now", r)
			}
		}
	})
}
