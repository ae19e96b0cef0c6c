package desktest

import (
	"os"
	"testing"
)

// The fonts of Debian that tests draw with what Loot's own have no letters for.
const (
	DejaVu = "dejavu/DejaVuSans.ttf"
	Droid  = "droid/DroidSansFallbackFull.ttf"
)

// Font returns a font of Debian, which scripts/install-test-tools installs.
func Font(t testing.TB, font string) []byte {
	t.Helper()
	file, err := os.ReadFile("/usr/share/fonts/truetype/" + font)
	if err != nil {
		t.Fatalf("%v: scripts/install-test-tools installs it", err)
	}
	return file
}
