package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"loot/app"
	"loot/store/storetest"
)

// lootRuns runs the program and returns its exit code and what it printed.
func lootRuns(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// lookers are the commands that look at an installation or mend it.
var lookers = [][]string{
	{"ledger", "verify"},
	{"ledger", "checkpoint"},
	{"ledger", "proof", "e1"},
	{"vault", "check"},
	{"keys", "check"},
	{"keys", "rotate"},
	{"statement", "diff", "FILE"},
	{"backup", "data", "TARGET"},
	{"backup", "keys", "TARGET"},
}

// TestLookingMakesNothing: a mistyped --data is an error, and no empty Loot in
// perfect order.
func TestLookingMakesNothing(t *testing.T) {
	for _, args := range lookers {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			dir := t.TempDir()
			call := withFiles(t, args)
			missing := filepath.Join(dir, "mistyped")
			code, stdout, stderr := lootRuns(t, append(call, "--data", missing)...)
			if code == 0 || stdout != "" {
				t.Errorf("exit %d, prints %q", code, stdout)
			}
			if !strings.Contains(stderr, missing) || !strings.Contains(stderr, "with --data") {
				t.Errorf("says %q", stderr)
			}
			nothingIn(t, dir)

			// A folder that is there and holds something else.
			if err := os.WriteFile(filepath.Join(dir, "letter.txt"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := lootRuns(t, append(call, "--data", dir)...); code == 0 || !strings.Contains(stderr, "with --data") {
				t.Errorf("exit %d, says %q", code, stderr)
			}
			nothingIn(t, dir, "letter.txt")
			if _, err := os.Stat(call[len(call)-1]); args[0] == "backup" && err == nil {
				t.Error("the folder for a backup that cannot be made was made")
			}
		})
	}
}

// TestLookingMakesNothingInADatabase: an address of another, empty database.
func TestLookingMakesNothingInADatabase(t *testing.T) {
	dir, url := t.TempDir(), storetest.Postgres(t)
	for _, args := range lookers {
		if args[0] == "statement" || args[len(args)-1] == "TARGET" {
			continue
		}
		code, _, stderr := lootRuns(t, append(args, "--data", filepath.Join(dir, "data"), "--store", url)...)
		if code == 0 || !strings.Contains(stderr, "--store names") || strings.Contains(stderr, url) {
			t.Errorf("%v: exit %d, says %q", args, code, stderr)
		}
	}
	nothingIn(t, dir)
	db := storetest.Open(t, url, nil)
	if n, err := db.TableBytes(t.Context(), "%goose%"); err != nil || n != 0 {
		t.Errorf("tables of %d bytes were made (%v)", n, err)
	}
}

// TestLookingAtALootThatIsThere: what a first start made is found, its keys
// gone or mistyped are not.
func TestLookingAtALootThatIsThere(t *testing.T) {
	for name, address := range map[string]func(testing.TB) string{"SQLite": nil, "PostgreSQL": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			data := filepath.Join(dir, "data")
			where := []string{"--data", data}
			config := app.Config{Place: app.Place{Data: data}, BaseURL: "http://localhost"}
			if address != nil {
				config.Store = address(t)
				where = append(where, "--store", config.Store)
			}
			firstStart(t, config)
			for _, args := range [][]string{{"ledger", "verify"}, {"vault", "check"}, {"keys", "check"}, {"backup", "keys", "TARGET"}} {
				if code, _, stderr := lootRuns(t, append(withFiles(t, args), where...)...); code != 0 {
					t.Errorf("%v: exit %d, says %q", args, code, stderr)
				}
			}
			if address == nil {
				code, stdout, stderr := lootRuns(t, withFiles(t, []string{"statement", "diff", "FILE", "--data", data})...)
				if code != 0 || !strings.Contains(stdout, "recorded decisions were decided again") {
					t.Errorf("diff: exit %d, prints %q, says %q", code, stdout, stderr)
				}
			}
			others := filepath.Join(dir, "mistyped")
			code, _, stderr := lootRuns(t, append([]string{"keys", "check", "--key-folder", others}, where...)...)
			if code == 0 || !strings.Contains(stderr, "There are no keys in "+others) {
				t.Errorf("exit %d, says %q", code, stderr)
			}
			if _, err := os.Stat(others); err == nil {
				t.Error("a key folder was made")
			}
		})
	}
}

// firstStart makes a Loot with a statement in force.
func firstStart(t *testing.T, config app.Config) {
	t.Helper()
	a, err := app.New(t.Context(), config, app.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
}

// withFiles puts paths in place of FILE and TARGET.
func withFiles(t *testing.T, args []string) []string {
	t.Helper()
	call := append([]string(nil), args...)
	for i, a := range call {
		switch a {
		case "FILE":
			call[i] = filepath.Join("..", "..", "statement", "statement.md")
		case "TARGET":
			call[i] = filepath.Join(t.TempDir(), "backup")
		}
	}
	return call
}

func nothingIn(t *testing.T, dir string, but ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(but, " ") {
		t.Errorf("made %v", names)
	}
}
