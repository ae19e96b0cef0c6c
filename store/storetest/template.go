package storetest

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"loot/store"
)

// A Template is a database that is filled once on each engine and that every
// test is given a copy of: copying tables costs far less than making them.
type Template struct {
	// Fill makes the tables; nil: there are those of Add alone.
	Fill func(context.Context, *store.DB) error

	mu       sync.Mutex
	more     map[string]fs.FS // migrations by their owners
	sqlite   []byte           // the file
	postgres string           // the database
}

// Add has copies from now on hold the tables of one more owner.
func (m *Template) Add(owner string, migrations fs.FS) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.more[owner]; known {
		return
	}
	if m.more == nil {
		m.more = map[string]fs.FS{}
	}
	m.more[owner] = migrations
	m.sqlite, m.postgres = nil, "" // the server that has the database is thrown away
}

// Each runs f as a subtest on a copy on SQLite and on one on PostgreSQL.
func (m *Template) Each(t *testing.T, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	each(t, m.SQLite, m.Postgres, func(t *testing.T, url string) { f(t, Open(t, url, nil)) })
}

// SQLite returns the address of a copy on SQLite.
func (m *Template) SQLite(tb testing.TB) string {
	tb.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	url := SQLite(tb)
	path := url[len("sqlite:"):]
	if m.sqlite != nil {
		if err := os.WriteFile(path, m.sqlite, 0o600); err != nil {
			tb.Fatal(err)
		}
		return url
	}
	m.fill(tb, url)
	var err error
	if m.sqlite, err = os.ReadFile(path); err != nil {
		tb.Fatal(err)
	}
	return url
}

// Postgres returns the address of a copy on PostgreSQL.
func (m *Template) Postgres(tb testing.TB) string {
	tb.Helper()
	s := shared(tb)
	if !s.scrap { // nobody would remove the template from a server that stays
		url := s.Database(tb)
		m.fill(tb, url)
		return url
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.postgres == "" {
		name := databaseName()
		s.Exec(tb, "CREATE DATABASE "+name)
		m.fill(tb, s.URL(name))
		m.postgres = name
	}
	return s.copyOf(tb, m.postgres)
}

// fill makes the tables in the database at url.
func (m *Template) fill(tb testing.TB, url string) {
	tb.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, url)
	if err != nil {
		tb.Fatalf("open the database: %v", err)
	}
	if m.Fill != nil {
		err = m.Fill(ctx, db)
	}
	for _, owner := range slices.Sorted(maps.Keys(m.more)) {
		err = errors.Join(err, db.Migrate(ctx, owner, m.more[owner]))
	}
	if err != nil {
		tb.Errorf("fill the database: %v", err)
	}
	if err := db.Close(); err != nil {
		tb.Errorf("close the database: %v", err)
	}
	if tb.Failed() {
		tb.FailNow()
	}
}
