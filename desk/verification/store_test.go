package verification

import (
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/store"
	"loot/store/storetest"
)

// TestFormerChecksAreKept: how details were checked is known on, and when they are
// checked again, after an update of the program that had a row for each of them.
func TestFormerChecksAreKept(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) { // a copy of the kernel's may have all migrations
		after, err := fs.Sub(migrationFiles, "migrations")
		desktest.OK(t, err)
		before := fstest.MapFS{}
		for _, file := range []string{"0001_verification.sql", "0002_evidence.sql", "0003_line.sql"} {
			b, err := fs.ReadFile(after, file)
			desktest.OK(t, err)
			before[file] = &fstest.MapFile{Data: b}
		}
		desktest.OK(t, db.Migrate(t.Context(), name, before))
		const some, others, nobody = loot.Subject("p-some"), loot.Subject("p-others"), loot.Subject("p-nobody")
		at, soon := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
		want := map[loot.Subject]map[loot.Field]last{
			some: {
				"company.name":  {Outcome: proved, Method: "vies.name", At: at, Next: soon.AddDate(0, 1, 0), Evidence: "WAPIAAAAX"},
				"contact.phone": {Outcome: later, Method: "a,b", At: at, Next: soon, Tries: 2, Result: `Not "yet" – later.`},
			},
			others: {"contact.email": {Outcome: failed, Method: "person", Actor: "u-1", At: at}},
			nobody: {},
		}
		desktest.OK(t, db.InTx(t.Context(), func(tx *store.Tx) error {
			for s, lasts := range want {
				for f, l := range lasts {
					if _, err := tx.Exec(t.Context(), `INSERT INTO verification_field (subject, field, outcome, method, actor, at, next, tries, evidence, result) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
						s, string(f), string(l.Outcome), l.Method, l.Actor, store.Micro(l.At), store.Micro(l.Next), l.Tries, l.Evidence, l.Result); err != nil {
						return err
					}
				}
			}
			return nil
		}))
		desktest.OK(t, db.Migrate(t.Context(), name, after))
		desktest.OK(t, db.ReadTx(t.Context(), func(tx *store.Tx) error {
			got, err := lastsOf(t.Context(), tx, slices.Collect(maps.Keys(want)), "")
			if !reflect.DeepEqual(got, want) {
				t.Errorf("the checks are %v, want %v", got, want)
			}
			if err != nil {
				return err
			}
			for day, n := range map[time.Time]int{soon.Add(-time.Second): 0, soon: 1} {
				if due, err := dueAgain(t.Context(), tx, day, "", 9); err != nil || len(due) != n {
					t.Errorf("on %s due are %v, %v", day, due, err)
				}
			}
			return nil
		}))
	})
}
