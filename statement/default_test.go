package statement

import (
	"testing"
)

// What Loot ships with is sound by its own check.
func TestDefaultStatementIsSound(t *testing.T) {
	s, err := Parse("statement.md", Default())
	if err != nil {
		t.Fatalf("\n%v", err)
	}
	for _, p := range s.Check(nil) {
		t.Error(p)
	}
}
