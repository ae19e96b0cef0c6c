package column_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"loot"
	"loot/column"
	"loot/column/columntest"
	"loot/store/storetest"
)

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestAFolderIsOfOneProcess(t *testing.T) {
	dir := t.TempDir()
	columntest.Open(t, "duckdb:"+dir, views, column.Options{})
	if _, err := column.Open(t.Context(), "duckdb:"+dir, views, column.Options{}); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("opened twice: %v", err)
	}
}

// TestWhatNeedsTooMuchMemoryIsRefused: and what is asked next is answered.
func TestWhatNeedsTooMuchMemoryIsRefused(t *testing.T) {
	s := columntest.Open(t, "duckdb:"+t.TempDir(), views, column.Options{Memory: 32 << 20})
	add(t, s, first, column.Batch{"test_view": {view(1, "a", 1, "/")}})
	rows, err := s.Query(t.Context(), first, first, "SELECT length(string_agg(repeat(path, 64), '')) FROM test_view, range(4000000)")
	if err == nil {
		for rows.Next() {
		}
		err = errors.Join(rows.Err(), rows.Close())
	}
	if loot.KindOf(err) != loot.Unavailable || !strings.Contains(err.Error(), "--memory") {
		t.Errorf("%v", err)
	}
	if got := ask(t, s, first, first, "SELECT count(*) FROM test_view"); got != "1" {
		t.Error(got)
	}
}

// TestLeftoversGoAtTheStart: what a killed process left is removed, what it did
// not make is not.
func TestLeftoversGoAtTheStart(t *testing.T) {
	dir := t.TempDir()
	s, err := column.Open(t.Context(), "duckdb:"+dir, views, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, first, column.Batch{"test_view": {view(1, "a", 1, "/")}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := names(t, dir)
	for _, name := range []string{"2026-10.9.duckdb", "2026-10.9.duckdb.wal", "2026-10-31.8.duckdb", "2026-10-30.1.duckdb.wal", "manifest.json.new", "spill/x.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = columntest.Open(t, "duckdb:"+dir, views, column.Options{})
	if got := names(t, dir); strings.Replace(got, " notes.txt", "", 1) != before || !strings.Contains(got, "notes.txt") {
		t.Errorf("the folder holds %s, want %s", got, before)
	}
	if got := names(t, filepath.Join(dir, "spill")); got != "" {
		t.Errorf("spilled: %s", got)
	}
	if got := ask(t, s, first, first, "SELECT count(*) FROM test_view"); got != "1" {
		t.Errorf("%s rows", got)
	}
}

// TestAMissingFileIsSaid rather than passed over.
func TestAMissingFileIsSaid(t *testing.T) {
	dir := t.TempDir()
	s, err := column.Open(t.Context(), "duckdb:"+dir, views, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, first, column.Batch{"test_view": {view(1, "a", 1, "/")}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "2026-10-31.1.duckdb")); err != nil {
		t.Fatal(err)
	}
	if _, err := column.Open(t.Context(), "duckdb:"+dir, views, column.Options{}); err == nil || !strings.Contains(err.Error(), "2026-10-31.1.duckdb") {
		t.Errorf("got %v", err)
	}
}

// TestQueriesReachNothingElse: SQL that gets out of hand reads and writes no
// file and loads nothing.
func TestQueriesReachNothingElse(t *testing.T) {
	s := columntest.Open(t, columntest.DuckDB(t), views, column.Options{})
	out := filepath.Join(t.TempDir(), "out.csv")
	for _, query := range []string{
		"SELECT * FROM read_csv('/etc/passwd')",
		"SELECT * FROM read_text('/etc/hostname')",
		"COPY (SELECT 1) TO '" + out + "'",
		"INSTALL httpfs",
		"LOAD httpfs",
		"SET enable_external_access = true",
		"SET memory_limit = '100GB'",
		"ATTACH '" + out + "' AS elsewhere",
	} {
		if got, err := answer(t.Context(), s, first, first, query); err == nil {
			t.Errorf("%s: %s", query, got)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a file was written elsewhere")
	}
}

// TestAFullDiskIsSaidAndIsOverWhenThereIsRoom fills the disk by appends, seals
// on it, and makes room.
func TestAFullDiskIsSaidAndIsOverWhenThereIsRoom(t *testing.T) {
	dir := storetest.Disk(t, "24m")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	address := "duckdb:" + filepath.Join(dir, "data")
	s, err := column.Open(t.Context(), address, views, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kept, refused := uint64(0), 0
	path := string(bytes.Repeat([]byte("/long"), 50))
	for i := uint64(0); refused < 5; i++ {
		if i > 10_000 {
			t.Fatal("the disk does not get full")
		}
		var rows, stays []column.Row
		for range 100 {
			rows = append(rows, view(i, "a", i, fmt.Sprint(path, i)))
			stays = append(stays, stay(i, "a", 1))
		}
		err := s.Append(t.Context(), first, column.Batch{"test_view": rows, "test_stay": stays})
		if err == nil {
			kept += 100
			continue
		}
		refused++
		if loot.KindOf(err) != loot.Unavailable {
			t.Fatalf("a full disk is said to be %v", err)
		}
	}
	rowsAre := func(when string) {
		t.Helper()
		got := ask(t, s, first, first, "SELECT (SELECT count(*) FROM test_view), (SELECT count(*) FROM test_stay)")
		if want := fmt.Sprint(kept, kept); got != want {
			t.Errorf("%s: %s rows, want %s", when, got, want)
		}
	}
	rowsAre("full")
	filler := filepath.Join(dir, "filler")
	for n := 16 << 20; n > 0; n /= 2 { // all that is left of it
		f, err := os.OpenFile(filler, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write(make([]byte, n))
		f.Close()
	}
	rowsAre("full to the last byte")
	if err := s.Seal(t.Context(), first); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("seal: %v", err)
	}
	rowsAre("after a seal that failed")
	if err := s.Append(t.Context(), first+1, column.Batch{"test_view": {view(1, "a", 1, "/")}}); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("another day on a full disk: %v", err)
	}

	if err := errors.Join(os.Remove(ballast), os.Remove(filler)); err != nil {
		t.Fatal(err)
	}
	add(t, s, first, column.Batch{"test_view": {view(1, "a", 1, "/")}, "test_stay": {stay(1, "a", 1)}})
	kept++
	rowsAre("with room")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = columntest.Open(t, address, views, column.Options{})
	rowsAre("opened again")
	if err := s.Seal(t.Context(), first); err != nil {
		t.Errorf("seal with room: %v", err)
	}
	if got := ask(t, s, first, first, "SELECT sum(views) FROM test_path"); got != fmt.Sprint(kept) {
		t.Errorf("sealed: %s", got)
	}
	columntest.NoLeftovers(t, address)
}

// TestALongLogIsFolded: what has to be replayed at a start stays bounded.
func TestALongLogIsFolded(t *testing.T) {
	dir := t.TempDir()
	s := columntest.Open(t, "duckdb:"+dir, views, column.Options{})
	path := strings.Repeat("/long", 100)
	for i := range uint64(10) {
		var rows []column.Row
		for range 8000 {
			rows = append(rows, view(i, "a", i, path))
		}
		add(t, s, first, column.Batch{"test_view": rows})
		if got, err := os.Stat(filepath.Join(dir, "2026-10-31.1.duckdb.wal")); err == nil && got.Size() > 24<<20 {
			t.Fatalf("the log has %d bytes", got.Size())
		}
	}
	if got := ask(t, s, first, first, "SELECT count(*) FROM test_view"); got != "80000" {
		t.Errorf("%s rows", got)
	}
}
