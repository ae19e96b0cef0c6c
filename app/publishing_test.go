package app

import (
	"os"
	"path/filepath"
	"testing"

	"loot"
)

// TestACanaryIsAFile that is read again each time.
func TestACanaryIsAFile(t *testing.T) {
	p := Publishing{Canary: filepath.Join(t.TempDir(), "canary.txt")}
	if c, err := p.canary(); err != nil || c.Text != "" {
		t.Errorf("a file that was taken away: %+v, %v", c, err)
	}
	for text, want := range map[string]loot.Kind{
		"2026-11-29\nNo order was received.\n": 0, "No order was received.\n": loot.Unavailable, "2026-11-29\n\n": loot.Unavailable,
	} {
		if err := os.WriteFile(p.Canary, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := p.canary()
		if want == 0 {
			if err != nil || c.Text != "No order was received." || c.Renewed.Format("2 Jan") != "29 Nov" {
				t.Errorf("%q: %+v, %v", text, c, err)
			}
		} else if loot.KindOf(err) != want || c.Text != "" {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}
