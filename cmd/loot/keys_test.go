package main

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"loot/app"
)

// TestKeysCommands: what was rotated and what never is, in words.
func TestKeysCommands(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	a, err := app.New(t.Context(), app.Config{Place: app.Place{Data: data}, BaseURL: "https://loot.example"}, app.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	loot := func(args ...string) (int, string) {
		t.Helper()
		var out, errs bytes.Buffer
		code := run(append(args, "--data", data), nil, &out, &errs)
		return code, out.String() + errs.String()
	}
	says := func(want []string, args ...string) {
		t.Helper()
		code, out := loot(args...)
		for _, w := range want {
			if code != 0 || !strings.Contains(out, w) {
				t.Errorf("loot %s: exit %d, does not say %q: %s", strings.Join(args, " "), code, w, out)
			}
		}
	}
	says([]string{"6 are the program's own keys and 5 its secrets; 0 versions", "0 problems"}, "keys", "check")
	says([]string{
		"No collection holds anything yet", "approval: a new version since ", "incidents: ", "mail: ", "session: ", "signin: ", "staff: ", "destroys the former version after ",
		"ledger: not replaced, because receipts, the statement and invoices name this key as the one that signs the ledger; it is wrapped anew when the root is rotated",
		"ledger-origin: not replaced", "ledger-repeat: not replaced", "signin: not replaced", "staff: not replaced",
	}, "keys", "rotate")
	says([]string{"6 versions of those keys are replaced and not destroyed yet, and 0 values are still sealed by them"}, "keys", "check")
	says([]string{"The root is new; 11 key files were wrapped by it.", "staff: a new version"}, "keys", "rotate", "--own-only", "--also-root")
	says([]string{`"system": 6`, `"secrets": 5`, `"former": 6`}, "keys", "check", "--json")
	if code, out := loot("keys", "rotate", "--own-only", "--root-only"); code == 0 {
		t.Errorf("two different onlys: %s", out)
	}
}
