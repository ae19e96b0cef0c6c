package column_test

import (
	"strings"
	"testing"

	"loot"
	"loot/column"
	"loot/column/columntest"
)

// TestTheStoreIsOpenedByTheFirstWhoUsesIt: until then another process may have
// it, and whoever was refused has it as soon as that one is gone.
func TestTheStoreIsOpenedByTheFirstWhoUsesIt(t *testing.T) {
	address := columntest.DuckDB(t)
	open := func() column.Store {
		s, err := column.Later(address, views, column.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	waits, works := open(), open()
	batch := column.Batch{"test_view": {view(1, "a", 1, "/")}}
	add(t, works, first, batch)
	if err := waits.Append(t.Context(), first, batch); loot.KindOf(err) != loot.Unavailable || !strings.Contains(loot.Message(err), "in use by another process") {
		t.Errorf("while another has it: %v", err)
	}
	if err := works.Close(); err != nil {
		t.Fatal(err)
	}
	if err := works.Append(t.Context(), first, batch); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("once it is closed: %v", err)
	}
	add(t, waits, first, batch)
	if got := ask(t, waits, first, first, "SELECT count(*) AS n FROM test_view"); got != "2" {
		t.Errorf("%s rows", got)
	}
	if err := waits.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := column.Later("sqlite:x", views, column.Options{}); loot.KindOf(err) != loot.Invalid {
		t.Errorf("an address of something else: %v", err)
	}
}
