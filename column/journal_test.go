package column_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"loot/column"
	"loot/column/columntest"
)

// TestAJournalIsFoldedOnce kills a process that appended: before its journal was
// folded, after it was and is still there, and by a version of the program that
// had fewer columns. The rows are there once; what was not written whole at the
// end of a journal is passed over.
func TestAJournalIsFoldedOnce(t *testing.T) {
	older := views
	older.Open = slices.Clone(views.Open)
	older.Open[0].Columns = older.Open[0].Columns[:2]
	const unfolded, folded, byOlder = 0, 1, 2
	if address := os.Getenv(childAddress); address != "" {
		var run int
		fmt.Sscan(os.Getenv(childRun), &run)
		schema, cut := views, len(views.Open[0].Columns)
		if run == byOlder {
			schema, cut = older, 2
		}
		s, err := column.Open(context.Background(), address, schema, column.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint64(3) {
			add(t, s, first, column.Batch{"test_view": {view(i, "a", i, "/")[:cut]}})
		}
		end := func(string) { syscall.Kill(os.Getpid(), syscall.SIGKILL) }
		if run == folded {
			column.Step(end)
			ask(t, s, first, first, "SELECT count(*) FROM test_view")
		}
		end("")
	}
	for _, run := range []int{unfolded, folded, byOlder} {
		dir := t.TempDir()
		lines, kill := child(t, "duckdb:"+dir, run)
		for line := range lines {
			t.Error(line)
		}
		kill()
		journals, err := filepath.Glob(filepath.Join(dir, "*.journal.*"))
		if err != nil || len(journals) != 1 {
			t.Fatalf("run %d left the journals %v, %v", run, journals, err)
		}
		whole, err := os.ReadFile(journals[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(journals[0], append(whole, whole[len(whole)-11:]...), 0o600); err != nil {
			t.Fatal(err)
		}
		s := columntest.Open(t, "duckdb:"+dir, views, column.Options{})
		add(t, s, first, column.Batch{"test_view": {view(3, "a", 3, "/")}})
		if got := ask(t, s, first, first, "SELECT count(*), count(DISTINCT id) FROM test_view"); got != "4 4" {
			t.Errorf("run %d: %s rows", run, got)
		}
		columntest.NoLeftovers(t, "duckdb:"+dir)
	}
}
