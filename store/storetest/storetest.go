// Package storetest gives tests real, empty databases: SQLite in a temporary
// folder and a throw-away PostgreSQL server. A promise of a package is tested
// on both, so no test is skipped when PostgreSQL is missing: it fails and says
// what to install.
package storetest

import (
	"context"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"loot/store"
)

// Each runs f as a subtest on SQLite and on PostgreSQL, each time with a fresh
// database to which the migrations, by their owner, are applied.
func Each(t *testing.T, migrations map[string]fs.FS, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	each(t, SQLite, Postgres, func(t *testing.T, url string) { f(t, Open(t, url, migrations)) })
}

// patient keeps a machine that is busy with other tests from failing this one: a
// server takes three seconds to connect for a sign that the host is gone.
const patient = "&connect_timeout=30"

// each runs f as a subtest with a database of each engine.
func each(t *testing.T, sqlite, postgres func(testing.TB) string, f func(t *testing.T, url string)) {
	t.Helper()
	for _, engine := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", sqlite}, {"postgres", func(tb testing.TB) string { return postgres(tb) + patient }}} {
		t.Run(engine.name, func(t *testing.T) { f(t, engine.url(t)) })
	}
}

// Open opens the database at url, migrates it, and closes it when the test ends.
func Open(tb testing.TB, url string, migrations map[string]fs.FS) *store.DB {
	tb.Helper()
	db, err := store.Open(context.Background(), url)
	if err != nil {
		tb.Fatalf("open the database: %v", err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close the database: %v", err)
		}
	})
	for _, owner := range slices.Sorted(maps.Keys(migrations)) {
		if err := db.Migrate(context.Background(), owner, migrations[owner]); err != nil {
			tb.Fatalf("migrate: %v", err)
		}
	}
	return db
}

// SQLite returns the address of a fresh database of SQLite.
func SQLite(tb testing.TB) string {
	return "sqlite:" + filepath.Join(tb.TempDir(), "loot.db")
}

// Postgres returns the address of a fresh database on the server that the
// environment variable LOOT_TEST_POSTGRES names (an address of a user who may
// make databases), or else on a server that this test process starts once and
// that ends with it. It does not sync to disk: for tests of what survives, see
// [Server] and [Pair].
func Postgres(tb testing.TB) string {
	tb.Helper()
	return shared(tb).Database(tb)
}

// Unfix lets rows of a table that is fixed or kept be changed and removed, as whoever owns
// the database can. One that is final has another trigger on PostgreSQL.
func Unfix(tb testing.TB, db *store.DB, table string) {
	tb.Helper()
	for _, trigger := range []string{"_no_update", "_kept"} {
		query := "DROP TRIGGER IF EXISTS " + table + trigger
		if db.Dialect() == store.Postgres {
			query += " ON " + table
		}
		if _, err := db.Exec(tb.Context(), query); err != nil {
			tb.Fatal(err)
		}
	}
}
