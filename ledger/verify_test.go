package ledger_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"loot"
	"loot/ledger"
	"loot/store"
)

// fill appends n entries and waits until they are in the log.
func (b *bench) fill(l *ledger.Ledger, n int) {
	b.t.Helper()
	s := b.person()
	for n > 0 {
		es := make([]ledger.Entry, min(n, 100))
		for i := range es {
			es[i] = opening(s, b.now())
		}
		b.append(l, es...)
		n -= len(es)
	}
	b.sync(l)
}

func (b *bench) exec(q string, args ...any) {
	b.t.Helper()
	err := b.db.InTx(b.t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(b.t.Context(), q, args...)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) verify(l *ledger.Ledger, a ledger.Against) ledger.Report {
	b.t.Helper()
	r, err := l.Verify(b.t.Context(), a)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, filepath.FromSlash(name)) }

// wants fails unless the report names the trouble, and, if given, the place.
func wants(t *testing.T, r ledger.Report, trouble ledger.Trouble, where string) {
	t.Helper()
	for _, p := range r.Problems {
		if p.Trouble == trouble && (where == "" || p.Where == where) {
			return
		}
	}
	t.Errorf("%s of %s was not found:\n%s", trouble, where, r)
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSoundLogIsSound(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		if r := b.verify(l, ledger.Against{}); !r.OK() {
			t.Errorf("a log that never ran: %s", r)
		}
		stop := b.run(l)
		b.fill(l, 700)
		r := b.verify(l, ledger.Against{})
		if !r.OK() || r.Size != 700 || r.Records != 700 || !strings.Contains(r.String(), "Compared with no checkpoint and no witness, so a rewind") {
			t.Errorf("%s", r)
		}
		stop()
	})
}

// TestTamperingIsFoundByItself covers deletion, change, reordering and a cut
// tail, in the records and in the log's files.
func TestTamperingIsFoundByItself(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		stop := b.run(l)
		b.fill(l, 600)
		stop()
		if r := b.verify(l, ledger.Against{}); !r.OK() {
			t.Fatal(r)
		}
		saved := filepath.Join(t.TempDir(), "log")
		if err := os.CopyFS(saved, os.DirFS(b.dir)); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name    string
			do      []string // SQL
			file    func()
			trouble ledger.Trouble
			where   string
		}{
			{"a record deleted", []string{`DELETE FROM ledger_entry WHERE id = (SELECT id FROM ledger_place WHERE idx = 17)`}, nil, ledger.Deletion, "entry 17"},
			{"the first deleted", []string{`DELETE FROM ledger_entry WHERE id = (SELECT id FROM ledger_place WHERE idx = 0)`}, nil, ledger.Deletion, "entry 0"},
			{"facts changed", []string{`UPDATE ledger_entry SET facts = '{"verdict":"recorded"}' WHERE id = (SELECT id FROM ledger_place WHERE idx = 300)`}, nil, ledger.Change, "entry 300"},
			{"a record replaced by a copy of another", []string{
				`UPDATE ledger_entry SET leaf = o.leaf, subject_hash = o.subject_hash, actor_hash = o.actor_hash, facts = o.facts, facts_salt = o.facts_salt
				 FROM (SELECT leaf, subject_hash, actor_hash, facts, facts_salt FROM ledger_entry WHERE id = (SELECT id FROM ledger_place WHERE idx = 6)) AS o WHERE id = (SELECT id FROM ledger_place WHERE idx = 5)`,
			}, nil, ledger.Change, "entry 5"},
			{"two records swapped", []string{
				`UPDATE ledger_place SET idx = 100000 WHERE idx = 41`, `UPDATE ledger_place SET idx = 41 WHERE idx = 599`, `UPDATE ledger_place SET idx = 599 WHERE idx = 100000`,
			}, nil, ledger.Reordering, "entry 599"},
			{"the last records deleted", []string{`DELETE FROM ledger_entry WHERE id IN (SELECT id FROM ledger_place WHERE idx >= 590)`}, nil, ledger.CutTail, "entries 590–599"},
			{"the last records deleted and the size set back", []string{`DELETE FROM ledger_entry WHERE id IN (SELECT id FROM ledger_place WHERE idx >= 590)`, `UPDATE ledger_state SET size = 590`}, nil, ledger.CutTail, "entries 590–599"},
			{"a place taken away", []string{`DELETE FROM ledger_place WHERE idx = 17`}, nil, ledger.Deletion, "entry 17"},
			{"a record that waits for no place", []string{
				`INSERT INTO ledger_entry (id, at, leaf, person, subject, subject_hash, actor, actor_hash, facts, facts_salt, gag)
				 SELECT 'e-more', at, leaf, person, subject, subject_hash, actor, actor_hash, facts, facts_salt, gag FROM ledger_saved WHERE id = (SELECT id FROM ledger_place WHERE idx = 3)`,
			}, nil, ledger.Change, "the records"},
			{"a record deleted while it waited", []string{`INSERT INTO ledger_waiting (id) VALUES ('e-gone')`}, nil, ledger.Deletion, "the records"},
			{"a record added", []string{`UPDATE ledger_state SET size = 599`}, nil, ledger.Change, "the records"},
			{"the log's tail cut off", nil, func() {
				os.WriteFile(b.file(".state/treeState"), []byte(`{"size":256,"root":"AAAA"}`), 0o600)
			}, ledger.CutTail, "entries 256–599"},
			{"the log removed", nil, func() { os.RemoveAll(b.dir) }, ledger.CutTail, "entries 0–599"},
			{"an entry of the log changed", nil, func() { flip(t, b.file("tile/entries/001"), 40) }, ledger.Change, "entry 257"},
			{"a tile changed", nil, func() { flip(t, b.file("tile/0/000"), 32*9) }, ledger.Change, "tile/0/000"},
			{"an upper tile changed", nil, func() { flip(t, b.file("tile/1/000.p/2"), 3) }, ledger.Change, "tile/1/000.p/2"},
			{"a tile removed", nil, func() { os.Remove(b.file("tile/0/001")) }, ledger.Change, "tile/0/001"},
			{"a bundle cut short", nil, func() { os.Truncate(b.file("tile/entries/000"), 100) }, ledger.Change, "tile/entries/000"},
			{"the checkpoint changed", nil, func() { flip(t, b.file("checkpoint"), len(origin)+2) }, ledger.Change, "checkpoint"},
			{"the checkpoint removed", nil, func() { os.Remove(b.file("checkpoint")) }, ledger.Change, "checkpoint"},
		} {
			t.Run(c.name, func(t *testing.T) {
				if c.file != nil {
					c.file()
					wants(t, b.verify(l, ledger.Against{}), c.trouble, c.where)
					os.RemoveAll(b.dir)
					if err := os.CopyFS(b.dir, os.DirFS(saved)); err != nil {
						t.Fatal(err)
					}
					return
				}
				b.exec(`CREATE TABLE ledger_saved AS SELECT id, at, leaf, person, subject, subject_hash, actor, actor_hash, facts, facts_salt, gag FROM ledger_entry`)
				b.exec(`CREATE TABLE ledger_saved_place AS SELECT idx, id FROM ledger_place`)
				for _, q := range c.do {
					b.exec(q)
				}
				wants(t, b.verify(l, ledger.Against{}), c.trouble, c.where)
				for _, table := range []string{"ledger_entry", "ledger_place", "ledger_waiting"} {
					b.exec(`DELETE FROM ` + table)
				}
				b.exec(`INSERT INTO ledger_entry (id, at, leaf, person, subject, subject_hash, actor, actor_hash, facts, facts_salt, gag)
					SELECT id, at, leaf, person, subject, subject_hash, actor, actor_hash, facts, facts_salt, gag FROM ledger_saved`)
				b.exec(`INSERT INTO ledger_place (idx, id) SELECT idx, id FROM ledger_saved_place`)
				b.exec(`UPDATE ledger_state SET size = 600`)
				b.exec(`DROP TABLE ledger_saved`)
				b.exec(`DROP TABLE ledger_saved_place`)
			})
		}
		if r := b.verify(l, ledger.Against{}); !r.OK() {
			t.Errorf("the test left traces: %s", r)
		}
	})
}

// newWitness starts a witness for the ledger's key.
func newWitness(t testing.TB, dir, logKey string) (*ledger.Witness, *httptest.Server) {
	t.Helper()
	w, err := ledger.OpenWitness(ledger.WitnessConfig{
		Dir: dir, Name: "witness.example.net", Logs: []string{logKey}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	s := httptest.NewServer(w.Handler())
	t.Cleanup(s.Close)
	return w, s
}

// TestRewindAndSecondHistory covers what a log cannot show by itself.
func TestRewindAndSecondHistory(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		w, s := newWitness(t, t.TempDir(), l.VerifierKey())
		seen := ledger.Against{Witnesses: []ledger.WitnessAt{{Key: w.Key(), URL: s.URL}}}
		stop := b.run(l)
		b.fill(l, 300)
		stop()
		old, err := l.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		backup := filepath.Join(t.TempDir(), "log")
		if err := os.CopyFS(backup, os.DirFS(b.dir)); err != nil {
			t.Fatal(err)
		}
		if r := b.verify(l, seen); !r.OK() || len(r.Against) != 1 || !strings.Contains(r.String(), "for the first time") { // the witness sees 300
			t.Fatal(r)
		}
		stop = b.run(l)
		b.fill(l, 250)
		stop()
		saved, err := l.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		if r := b.verify(l, ledger.Against{Checkpoint: old, Witnesses: seen.Witnesses}); !r.OK() || len(r.Against) != 2 || strings.Contains(r.String(), "for the first time") { // and 550
			t.Fatal(r)
		}

		// Both are set back to a state that was once true.
		b.exec(`DELETE FROM ledger_entry WHERE id IN (SELECT id FROM ledger_place WHERE idx >= 300)`)
		b.exec(`DELETE FROM ledger_place WHERE idx >= 300`)
		b.exec(`UPDATE ledger_state SET size = 300`)
		os.RemoveAll(b.dir)
		if err := os.CopyFS(b.dir, os.DirFS(backup)); err != nil {
			t.Fatal(err)
		}
		l = b.open()
		if r := b.verify(l, ledger.Against{}); !r.OK() {
			t.Fatalf("by itself a rewind of both cannot show, yet: %s", r)
		}
		wants(t, b.verify(l, ledger.Against{Checkpoint: saved}), ledger.SetBack, "entries 300–549")
		wants(t, b.verify(l, seen), ledger.SetBack, "")
		if r := b.verify(l, ledger.Against{Checkpoint: old}); !r.OK() {
			t.Errorf("the older checkpoint: %s", r)
		}

		// And another history grows from there.
		stop = b.run(l)
		b.fill(l, 400)
		stop()
		if r := b.verify(l, ledger.Against{}); !r.OK() {
			t.Fatalf("by itself a second history cannot show, yet: %s", r)
		}
		wants(t, b.verify(l, ledger.Against{Checkpoint: saved}), ledger.SecondHistory, "the saved checkpoint")
		wants(t, b.verify(l, seen), ledger.SecondHistory, "")

		// A saved checkpoint that was changed is said to be none.
		wants(t, b.verify(l, ledger.Against{Checkpoint: bytes.Replace(saved, []byte("550"), []byte("551"), 1)}), ledger.Change, "the saved checkpoint")
	})
}

// TestAnEntryOfAnEarlierReleaseHolds: facts are hashed as they were written, so
// what a later release no longer writes stays proved.
func TestAnEntryOfAnEarlierReleaseHolds(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		who := b.person()
		id := b.append(l, opening(who, b.now()))[0]
		var facts string
		var subject, actor, salt []byte
		b.read(func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `SELECT subject_hash, actor_hash, facts, facts_salt FROM ledger_entry WHERE id = $1`, id).Scan(&subject, &actor, &facts, &salt)
		})
		facts = strings.TrimSuffix(facts, "}") + `,"count":3}`
		commitment := sha256.Sum256(append(salt, facts...))
		leaf := sha256.Sum256(slices.Concat(subject, actor, commitment[:]))
		b.exec(`UPDATE ledger_entry SET facts = $1, leaf = $2 WHERE id = $3`, facts, append([]byte{1}, leaf[:]...), id)
		stop := b.run(l)
		b.sync(l)
		if r := b.verify(l, ledger.Against{}); !r.OK() {
			t.Error(r)
		}
		if items := b.timeline(l, who); len(items) != 1 || items[0].Facts.Role != "support" {
			t.Errorf("%+v", items)
		}
		if res := check(t, b.receipt(l, who, id), l.VerifierKey()); res.Verdict != ledger.Holds || res.Facts == nil {
			t.Errorf("%v %v", res.Verdict, res.Fault)
		}
		stop()
	})
}

// TestAWitnessThatDoesNotWatchIsNoComparison: it would find nothing, so that is
// said and what to do.
func TestAWitnessThatDoesNotWatchIsNoComparison(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		stop := b.run(l)
		b.fill(l, 3)
		stop()
		_, other, err := note.GenerateKey(rand.Reader, "elsewhere.example")
		if err != nil {
			t.Fatal(err)
		}
		w, s := newWitness(t, t.TempDir(), other)
		_, err = l.Verify(t.Context(), ledger.Against{Witnesses: []ledger.WitnessAt{{Key: w.Key(), URL: s.URL}}})
		if loot.KindOf(err) != loot.Invalid || !strings.Contains(loot.Message(err), "does not watch this ledger") || !strings.Contains(loot.Message(err), "--log") {
			t.Errorf("got %v", err)
		}
	})
}

// TestWithoutAComparisonNoneIsClaimed: a log that has nothing sound to show to
// its witnesses was not compared with them, and what is wrong is the log.
func TestWithoutAComparisonNoneIsClaimed(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		w, s := newWitness(t, t.TempDir(), l.VerifierKey())
		b.witness = []ledger.WitnessAt{{Key: w.Key(), URL: s.URL}}
		l = b.open()
		stop := b.run(l)
		b.fill(l, 300)
		within(t, 5*time.Second, "a cosigned checkpoint", func() bool {
			cp, err := l.Checkpoint()
			return err == nil && strings.Contains(string(cp), "\n— witness.example.net ")
		})
		stop()
		b.witness = nil // it does not see how the log grows
		l = b.open()
		stop = b.run(l)
		b.fill(l, 250)
		stop()
		b.witness = []ledger.WitnessAt{{Key: w.Key(), URL: s.URL}}
		l = b.open()
		for _, c := range []struct {
			name  string
			spoil func()
			where string
			says  string
		}{
			{"no checkpoint", func() { os.Remove(b.file("checkpoint")) }, "checkpoint", "The newest checkpoint cannot be read"},
			{"another's checkpoint", func() { flip(t, b.file("checkpoint"), len(origin)+2) }, "checkpoint", "It is not signed by this log's key."},
			{"no tile", func() { os.Remove(b.file("tile/0/001")) }, "the log's tiles", "To the witness witness.example.net the log cannot prove that it only grew: "},
		} {
			t.Run(c.name, func(t *testing.T) {
				saved := filepath.Join(t.TempDir(), "log")
				if err := os.CopyFS(saved, os.DirFS(b.dir)); err != nil {
					t.Fatal(err)
				}
				c.spoil()
				for _, against := range []ledger.Against{{Witnesses: b.witness}, {OwnWitnesses: true}} {
					r, err := l.Verify(t.Context(), against)
					if err != nil {
						t.Errorf("%+v: %v", against, err)
						continue
					}
					wants(t, r, ledger.Change, c.where)
					if len(r.Against) != 0 || len(r.Unasked) != 0 || !strings.Contains(r.String(), c.says) || !strings.Contains(r.String(), "a rewind of log and records together would not show") {
						t.Errorf("%+v: %s", against, r)
					}
				}
				os.RemoveAll(b.dir)
				if err := os.CopyFS(b.dir, os.DirFS(saved)); err != nil {
					t.Fatal(err)
				}
			})
		}
		if r := b.verify(l, ledger.Against{Checkpoint: []byte("none")}); len(r.Against) != 0 {
			t.Errorf("what is no checkpoint: %s", r)
		}
		if r := b.verify(l, ledger.Against{OwnWitnesses: true}); !r.OK() || len(r.Against) != 1 {
			t.Errorf("the test left traces: %s", r)
		}
	})
}
