// Package columntest gives tests real, empty column stores: DuckDB in a
// temporary folder, and ClickHouse. A promise is tested on both, so no test is
// skipped when ClickHouse is missing: it fails and says what to install.
package columntest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"loot/column"
)

// Each runs f as a subtest with the address of an empty store of each engine.
func Each(t *testing.T, f func(t *testing.T, address string)) {
	t.Helper()
	for _, engine := range []struct {
		name    string
		address func(testing.TB) string
	}{{"duckdb", DuckDB}, {"clickhouse", ClickHouse}} {
		t.Run(engine.name, func(t *testing.T) { f(t, engine.address(t)) })
	}
}

// DuckDB returns the address of an empty store in a folder.
func DuckDB(tb testing.TB) string { return "duckdb:" + tb.TempDir() }

// ClickHouse returns the address of an empty database on a server that this
// test process starts once and that ends with it.
func ClickHouse(tb testing.TB) string {
	tb.Helper()
	return shared(tb).Database(tb)
}

// Open opens the store at an address, and closes it when the test ends.
func Open(tb testing.TB, address string, schema column.Schema, o column.Options) column.Store {
	tb.Helper()
	s, err := column.Open(tb.Context(), address, schema, o)
	if err != nil {
		tb.Fatalf("open the column store: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close the column store: %v", err)
		}
	})
	return s
}

// NoLeftovers fails the test if a store has files or parts that it does not
// count among its own.
func NoLeftovers(tb testing.TB, address string) {
	tb.Helper()
	if dir, ok := strings.CutPrefix(address, "duckdb:"); ok {
		manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
		if err != nil {
			tb.Fatal(err)
		}
		var m struct{ Months, Days map[string]uint64 }
		if err := json.Unmarshal(manifest, &m); err != nil {
			tb.Fatal(err)
		}
		named := map[string]bool{"manifest.json": true, "lock": true, "spill": true}
		for _, of := range []map[string]uint64{m.Months, m.Days} {
			for name, n := range of {
				file := fmt.Sprintf("%s.%d.duckdb", name, n)
				named[file], named[file+".wal"] = true, true
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			tb.Fatal(err)
		}
		for _, e := range entries {
			if !named[e.Name()] {
				tb.Errorf("%s is left over", e.Name())
			}
		}
	}
}
