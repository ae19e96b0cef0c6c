package ledger_test

import (
	"crypto/sha256"
	"errors"
	"os"
	"testing"

	"loot"
	"loot/ledger"
	"loot/store"
)

// TestAnEntryIsAttestedOnlyAsItWasRecorded: whatever of an entry is changed in
// the database, nobody acts by it.
func TestAnEntryIsAttestedOnlyAsItWasRecorded(t *testing.T) {
	const forged = `{"at":"2026-03-01T12:00:00Z","verdict":"recorded","note":"other"}`
	for name, c := range map[string]struct {
		query string
		log   bool // it shows only once the entry is in the log
		gone  bool // it is then no entry to act by
	}{
		"facts":               {query: `UPDATE ledger_entry SET facts = '` + forged + `' WHERE id = $1`},
		"facts and leaf":      {query: `rewritten`, log: true},
		"who acted":           {query: `UPDATE ledger_entry SET actor = (SELECT o.actor FROM ledger_entry o WHERE o.id <> $1) WHERE id = $1`},
		"nobody acted":        {query: `UPDATE ledger_entry SET actor = NULL WHERE id = $1`, gone: true},
		"another's place":     {query: `UPDATE ledger_place SET idx = 1000 WHERE id = $1`, log: true},
		"no place":            {query: `DELETE FROM ledger_place WHERE id = $1`, log: true},
		"it waits for nobody": {query: `DELETE FROM ledger_waiting WHERE id = $1`},
		"a gag":               {query: `UPDATE ledger_entry SET gag = 9000000000000000 WHERE id = $1`, gone: true},
	} {
		for _, inLog := range []bool{false, true} {
			if c.log && !inLog || name == "it waits for nobody" && inLog {
				continue
			}
			t.Run(name, func(t *testing.T) {
				each(t, func(t *testing.T, b *bench) {
					l := b.open()
					ids := b.append(l,
						ledger.Entry{Facts: ledger.Facts{Verdict: ledger.Recorded, Note: "one"}, Actor: ledger.ActorFacet{ID: "u1"}},
						ledger.Entry{Facts: ledger.Facts{Verdict: ledger.Recorded, Note: "two"}, Actor: ledger.ActorFacet{ID: "u2"}})
					if inLog {
						b.run(l)
						b.sync(l)
					}
					attested := func() (f ledger.Facts, placed bool, err error) {
						b.read(func(tx *store.Tx) error {
							f, placed, err = l.Attested(t.Context(), tx, ids[0])
							return nil
						})
						return f, placed, err
					}
					if f, placed, err := attested(); err != nil || f.Note != "one" || placed != inLog {
						t.Fatalf("%q, placed %v, %v", f.Note, placed, err)
					}
					if c.query == "rewritten" {
						b.rewrite(ids[0], forged)
					} else if _, err := b.db.Exec(t.Context(), c.query, ids[0]); err != nil {
						t.Fatal(err)
					}
					_, _, err := attested()
					if c.gone && loot.KindOf(err) != loot.NotFound || !c.gone && !errors.Is(err, ledger.ErrDamaged) {
						t.Errorf("after the change: %v", err)
					}
				})
			})
		}
	}
}

// rewrite changes the facts of an entry and makes its leaf fit them.
func (b *bench) rewrite(id, facts string) {
	b.t.Helper()
	if err := b.db.InTx(b.t.Context(), func(tx *store.Tx) error {
		var subject, actor, salt []byte
		if err := tx.QueryRow(b.t.Context(), `SELECT subject_hash, actor_hash, facts_salt FROM ledger_entry WHERE id = $1`, id).Scan(&subject, &actor, &salt); err != nil {
			return err
		}
		fact := sha256.Sum256(append(salt, facts...))
		sum := sha256.Sum256(append(append(subject, actor...), fact[:]...))
		_, err := tx.Exec(b.t.Context(), `UPDATE ledger_entry SET facts = $1, leaf = $2 WHERE id = $3`, facts, append([]byte{1}, sum[:]...), id)
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
}

// TestWithoutTheLogAnEntryStandsByItsSeal: a log that cannot be read stops what
// is used, and not what looks at the trouble.
func TestWithoutTheLogAnEntryStandsByItsSeal(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		stop := b.run(l)
		id := b.append(l, ledger.Entry{Facts: ledger.Facts{Verdict: ledger.Recorded, Note: "one"}, Actor: ledger.ActorFacet{ID: "u1"}})[0]
		b.sync(l)
		stop()
		if err := os.RemoveAll(b.dir); err != nil {
			t.Fatal(err)
		}
		b.read(func(tx *store.Tx) error {
			f, placed, err := l.Attested(t.Context(), tx, id)
			if placed || f.Note != "one" {
				t.Errorf("%q, placed %v", f.Note, placed)
			}
			return err
		})
	})
}
