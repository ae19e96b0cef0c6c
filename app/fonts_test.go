package app

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
)

// TestAFontThatCannotBeUsedIsNamedAtTheStart, with what is wrong with it.
func TestAFontThatCannotBeUsedIsNamedAtTheStart(t *testing.T) {
	inter, err := os.ReadFile("../desk/billing/invoice/fonts/Inter-Regular.ttf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, other := put("good.ttf", inter), put("other.otf", []byte("OTTO"))
	at := strings.Index(string(inter), "OS/2")
	binary.BigEndian.PutUint16(inter[binary.BigEndian.Uint32(inter[at+8:])+8:], 2)
	forbidden := put("forbidden.ttf", inter)
	for _, c := range []struct{ path, want string }{
		{good, ""},
		{filepath.Join(dir, "none.ttf"), "none.ttf cannot be read"},
		{other, "other.otf is not a TrueType font"},
		{forbidden, "forbidden.ttf says of itself that it may not be embedded"},
	} {
		config := Config{Place: Place{Data: filepath.Join(dir, "data")}, BaseURL: "https://privacy.example"}
		config.InvoiceFonts = []string{good, c.path}
		switch err := config.Check(t.Context()); {
		case c.want == "" && err != nil:
			t.Error(err)
		case c.want != "" && (loot.KindOf(err) != loot.Invalid || !strings.Contains(err.Error(), "--invoice-font: ") || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", c.path, err)
		}
	}
}

// TestLettersAreDrawnWithTheFontsThatAreSet, as invoices are. They are read once something
// is drawn, as [Config.Check] has read them before the start; one that is gone by then is a
// matter of the log, and not of whoever asks for the letter.
func TestLettersAreDrawnWithTheFontsThatAreSet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "font.ttf")
	letter := func() ([]byte, error) {
		t.Helper()
		config := Config{Place: Place{Data: filepath.Join(t.TempDir(), "data")}, Listen: "127.0.0.1:0", BaseURL: "https://loot.example", From: "Loot <no-reply@loot.example>"}
		config.InvoiceFonts = []string{path}
		a, err := New(t.Context(), config, Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		return a.billing.Letter(invoice.Letter{Title: "רחוב הדוגמה", Language: "en"})
	}
	if _, err := letter(); loot.KindOf(err) != loot.Internal || !strings.Contains(err.Error(), "--invoice-font: "+path+" cannot be read") {
		t.Errorf("without the font: %v", err)
	}
	if err := os.WriteFile(path, desktest.Font(t, desktest.DejaVu), 0o600); err != nil {
		t.Fatal(err)
	}
	pdf, err := letter()
	if err != nil || !bytes.Contains(pdf, []byte("+Additional-1 ")) || bytes.Contains(pdf, []byte("/ActualText")) {
		t.Errorf("the font is not used: %v", err)
	}
}
