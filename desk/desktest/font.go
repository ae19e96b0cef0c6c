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

// FontPath returns where a font of Debian lies, which scripts/install-test-tools
// installs.
func FontPath(font string) string { return "/usr/share/fonts/truetype/" + font }

// Font returns a font of Debian.
func Font(t testing.TB, font string) []byte {
	t.Helper()
	file, err := os.ReadFile(FontPath(font))
	if err != nil {
		t.Fatalf("%v: scripts/install-test-tools installs it", err)
	}
	return file
}
