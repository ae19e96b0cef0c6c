package loot_test

import (
	"testing"

	"loot"
)

// TestCut counts letters, whatever bytes they have, and leaves none in halves.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"čžš", 3, "čžš"}, // six bytes
		{"čžš", 5, "čžš"}, // fewer letters than asked for, more bytes
		{"čžšć", 3, "čžš"},
		{"日本語", 1, "日"},
		{"ab", 0, ""},
	} {
		if got := loot.Cut(c.text, c.n); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

// TestLowerFirst leaves what is no plain word as it is.
func TestLowerFirst(t *testing.T) {
	for title, want := range map[string]string{"": "", "A": "A", "Phishing": "phishing", "E-mail address": "e-mail address", "VAT number": "VAT number", "Äpfel": "Äpfel"} {
		if got := loot.LowerFirst(title); got != want {
			t.Errorf("%q is %q, want %q", title, got, want)
		}
	}
}
