package desk_test

import (
	"fmt"
	"testing"

	"loot/desk"
)

func TestSourcesAreReadAsTheyWereWritten(t *testing.T) {
	for _, tt := range []struct {
		source desk.Source
		named  []any
	}{
		{desk.FromPortal, nil},
		{desk.FromStaff, nil},
		{desk.FromPurpose, []any{"helping you"}},
		{desk.FromCheck, nil},
		{desk.FromOrder, []any{"hosting, brought by a program: ours"}},
		{desk.FromProgram, []any{"shared hosting"}},
		{desk.FromFormer, []any{"2 January 2026"}},
		{desk.FromSystem, []any{"Ledger on wheels", "2 January 2026"}},
	} {
		text := string(tt.source.Of(tt.named...))
		if source, named := desk.ReadSource(text); source != tt.source || fmt.Sprint(named) != fmt.Sprint(tt.named) {
			t.Errorf("%q is read as %q of %q", text, source, named)
		}
	}
	for _, other := range []string{"", "your order", "our staff, as evidence", "load test", "so you, in your portal", "our staff\n"} {
		if source, _ := desk.ReadSource(other); source != "" {
			t.Errorf("%q is read as %q", other, source)
		}
	}
}
