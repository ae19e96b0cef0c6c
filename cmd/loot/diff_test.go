package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"loot/app"
	"loot/statement"
	"loot/store/storetest"
)

// Recorded decisions are decided again from the command line, whichever
// database holds them.
func TestDiffDecidesRecordedDecisionsAgain(t *testing.T) {
	dir := t.TempDir()
	before, after := filepath.Join(dir, "before.md"), filepath.Join(dir, "after.md")
	text := string(statement.Default())
	stricter := strings.Replace(text, "unless { [Purpose::\"service\", Purpose::\"support\", Purpose::\"invoice\",", "unless { [Purpose::\"service\", Purpose::\"support\",", 1)
	stricter = strings.Replace(stricter, "unless { resource.purposes.contains(context.purpose) };", "unless { resource.purposes.contains(context.purpose) && context.purpose != Purpose::\"invoice\" };", 1)
	for path, text := range map[string]string{before: text, after: stricter} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, engine := range []struct {
		name        string
		store, keys string
	}{{name: "sqlite"}, {"postgres", storetest.Postgres(t), storetest.Postgres(t)}} {
		t.Run(engine.name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			a, err := app.New(t.Context(), app.Config{Place: app.Place{Data: data, Store: engine.store, Keys: engine.keys}, Listen: "127.0.0.1:0", BaseURL: "https://loot.example", From: "Loot <no-reply@loot.example>"},
				app.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = a.Scratch(t.Context(), 3)
			a.Close()
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"statement", "diff", before, after, "--json", "--data", data}
			if engine.store != "" {
				args = append(args, "--store", engine.store, "--keys", engine.keys)
			}
			var stdout, stderr bytes.Buffer
			if code := run(args, nil, &stdout, &stderr); code != 0 {
				t.Fatalf("exit %d: %s", code, stderr.String())
			}
			var got struct{ Replay *statement.Replay }
			if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if got.Replay == nil || len(got.Replay.Changed) != 1 || got.Replay.Changed[0].Purpose != "invoice" || got.Replay.Differ() < 3 || got.Replay.Tried <= got.Replay.Differ() {
				t.Errorf("got %+v", got.Replay)
			}
		})
	}
	var stdout, stderr bytes.Buffer
	if code := run([]string{"statement", "diff", before, after}, nil, &stdout, &stderr); code != 0 || strings.Contains(stdout.String(), "decided again") {
		t.Errorf("without an installation: exit %d, %s%s", code, stdout.String(), stderr.String())
	}
}
