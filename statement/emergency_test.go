package statement

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"loot"
)

// TestInEmergency: what opens beyond a role is what the clause names and what opens in no
// other way, and for whoever looks after the machines nothing.
func TestInEmergency(t *testing.T) {
	always := bytes.Replace(Default(), []byte(`when { context has case && context.case == "emergency" }`), []byte(`when { principal has undertaking }`), 1)
	for _, c := range []struct {
		source []byte
		role   loot.Role
		want   string
	}{
		{Default(), "dpo", "service support"},
		{Default(), "support", "service"},
		{Default(), "administrator", ""},
		{always, "dpo", ""},
	} {
		s, err := Parse("statement.md", c.source)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range s.InEmergency([]loot.Role{c.role}, "customer") {
			got = append(got, string(p.ID))
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("in an emergency %s opens for %q, want %q", c.role, got, c.want)
		}
	}
}
