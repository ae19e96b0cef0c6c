package loot_test

import (
	"strings"
	"testing"

	"loot"
)

func TestCompactSubjectComesBack(t *testing.T) {
	for range 100 {
		s := loot.NewSubject()
		if b := s.Compact(); len(b) != 16 || loot.SubjectOf(b) != s {
			t.Errorf("%s is %x", s, b)
		}
	}
	made := map[string]loot.Subject{}
	for _, s := range []loot.Subject{
		"", "s", "s0", "somebody", loot.Subject(strings.Repeat("x", 14)), loot.Subject(strings.Repeat("x", 15)), loot.Subject(strings.Repeat("x", 16)),
		loot.Subject("s" + strings.Repeat("a", 26)), loot.Subject("s" + strings.Repeat("a", 25) + "b"), loot.Subject(strings.Repeat("a", 26)),
	} {
		b := s.Compact()
		if got := loot.SubjectOf(b); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
		if other, ok := made[string(b)]; ok {
			t.Errorf("%q and %q are both %x", s, other, b)
		}
		made[string(b)] = s
	}
}

// TestPlural: one of a thing is one thing.
func TestPlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 entries", 1: "1 entry", 2: "2 entries", 1234: "1234 entries"} {
		if got := loot.Plural(n, "entry", "entries"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
