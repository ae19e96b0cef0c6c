package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/app"
	"loot/ledger"
	"loot/store"
)

// proofs makes a Loot in which somebody's record was opened once, and returns
// the receipt of that, a copy with it, and the ledger's key.
func proofs(t *testing.T) (receipt, copied, key string) {
	t.Helper()
	ctx := t.Context()
	a, err := app.New(ctx, app.Config{Place: app.Place{Data: filepath.Join(t.TempDir(), "data")}, BaseURL: "http://localhost", Shutdown: 5 * time.Second},
		app.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	running, stop := context.WithCancel(ctx)
	wait, err := a.Start(running)
	if err != nil {
		t.Fatal(err)
	}
	who := loot.NewSubject()
	if err := a.Keyring.Create(ctx, who, "customer"); err != nil {
		t.Fatal(err)
	}
	id := ""
	if err := a.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		id, err = a.Ledger.Append(ctx, tx, ledger.Entry{
			Facts: ledger.Facts{
				At: time.Date(2026, 11, 28, 7, 8, 30, 0, time.UTC), Action: loot.Use, Purpose: "support", Verdict: ledger.Permitted,
				Clauses: []loot.Clause{"security.staff"}, Statement: "9ddc", ActorKind: loot.Staff, Role: "support", Desk: "customers", Fields: 1,
			},
			Subject: &ledger.SubjectFacet{Subject: who, Collection: "customer", Fields: []loot.Field{"contact.email"}},
			Actor:   ledger.ActorFacet{ID: "m1", Name: "Made-up Name", Reason: "Made-up reason"},
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.Ledger.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	var entry ledger.CopiedEntry
	if err := a.DB.ReadTx(ctx, func(tx *store.Tx) error {
		items, err := a.Ledger.Timeline(ctx, tx, who, "customer", "", 1)
		if err != nil {
			return err
		}
		b, err := a.Ledger.Receipt(ctx, tx, who, "customer", id)
		entry, receipt = items[0].Copied(), string(b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	entry.Receipt = receipt
	b, err := json.MarshalIndent(map[string]any{"id": who, "timeline": []ledger.CopiedEntry{entry}}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	key = a.Ledger.VerifierKey()
	stop()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	return receipt, string(b), key
}

// emptyReport is a transparency report of a half-year in which nobody asked, with its
// entries, of the ledger that signed a receipt.
func emptyReport(t *testing.T, receipt, key string) map[string]any {
	t.Helper()
	_, checkpoint, _ := strings.Cut(receipt, "\n\n")
	figures := []map[string]string{}
	for _, f := range [][2]string{
		{"requests", "Requests that were entered"},
		{"accounts", "Accounts of which something was handed over"},
		{"secret", "Requests under an order of secrecy that has ended"},
		{"emergency", "Requests in an emergency"},
	} {
		figures = append(figures, map[string]string{"group": "Requests", "key": f[0], "title": f[1], "value": "0", "entries_sha256": fmt.Sprintf("%x", sha256.Sum256([]byte("Requests\n"+f[0]+"\n")))})
	}
	return map[string]any{
		"half_year": "2026-1", "over": true, "until": time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC), "log": key,
		"checkpoint": checkpoint, "figures": figures, "days_until_answer": "", "proofs": map[string]string{},
	}
}

// TestVerifyAReport: with its entries, without them as the public has it, changed, and
// with its keys in another order, which is that of their names.
func TestVerifyAReport(t *testing.T) {
	receipt, _, key := proofs(t)
	dir := t.TempDir()
	for name, change := range map[string]func(map[string]any){
		"report":        func(map[string]any) {},
		"public report": func(r map[string]any) { delete(r, "proofs") },
		"made up":       func(r map[string]any) { r["checkpoint"] = "" },
		"another log":   func(r map[string]any) { r["log"] = "x" },
		"other title": func(r map[string]any) {
			r["figures"].([]map[string]string)[2]["title"] = "Requests under no order of secrecy"
		},
	} {
		told := emptyReport(t, receipt, key)
		change(told)
		b, err := json.MarshalIndent(told, "", "  ") // sorts the keys
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		file string
		args []string
		code int
		says string
	}{
		{"report", []string{"--key", key}, 0, "✓ 4 figures of 2026-1, counted again from 0 entries: they are the same."},
		{"report", nil, 3, "Consistent, signer not trusted"},
		{"report", []string{"--key", "rubbish"}, 2, "--key or --witness"},
		{"report", []string{"--witness", "rubbish"}, 2, "--key or --witness"},
		{"public report", []string{"--key", key}, 2, "This transparency report comes without its entries, so it cannot be counted again: "},
		{"public report", []string{"--key", "rubbish"}, 2, "--key or --witness"},
		{"made up", []string{"--key", key}, 1, "✗ The checkpoint cannot be read: "},
		{"made up", nil, 1, "The report does not hold."},
		{"another log", []string{"--key", key}, 1, "✗ What is named as the key of the log is none."},
		{"other title", []string{"--key", key}, 1, "✗ Requests, Requests under no order of secrecy: the entries call it Requests under an order of secrecy that has ended"},
	} {
		code, stdout, stderr := lootRuns(t, append([]string{"verify", filepath.Join(dir, c.file)}, c.args...)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.says) {
			t.Errorf("%s %v: exit %d, want %d: %s%s", c.file, c.args, code, c.code, stdout, stderr)
		}
	}
	for name, want := range map[string]string{"report": "holds", "public report": "none"} {
		_, stdout, _ := lootRuns(t, "verify", "--json", "--key", key, filepath.Join(dir, name))
		var got map[string]any
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || got["kind"] != "transparency report" || got["verdict"] != want || (got["without_entries"] == true) != (want == "none") {
			t.Errorf("%s: %v: %s", name, err, stdout)
		}
	}
}

// TestVerify: what the command says and how it ends, for receipts and copies.
func TestVerify(t *testing.T) {
	receipt, copied, key := proofs(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"sound": receipt, "windows": strings.ReplaceAll(receipt, "\n", "\r\n"), "changed": strings.Replace(receipt, "\nindex ", "\nindex 9", 1),
		"copy": copied, "changed copy": strings.Replace(copied, `"purpose": "support"`, `"purpose": "invoice"`, 1), "empty": "",
		"text": "Dear customer,\nsomething extra.\n", "settings": `{"listen": 1}`, "stylesheet": "{ x }",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		file string
		args []string
		code int
		says []string
	}{
		{"sound", []string{"--key", key}, 0, []string{
			"✓ The signer is the key you trust.", "28 November 2026, 07:08:30 UTC", "opening, 1 detail", "support", "a member of staff in the role support, at the desk customers",
			"security.staff", "9ddc", "contact.email", "The receipt holds.",
		}},
		{"sound", nil, 3, []string{"– No trusted key", "signer not trusted", "--key"}},
		{"changed", []string{"--key", key}, 1, []string{"✗", "line 3", "The receipt does not hold: "}},
		{"windows", []string{"--key", key}, 1, []string{"✗", "CR LF"}},
		{"empty", nil, 2, []string{"This is not a proof: "}},
		{"text", []string{"--key", key}, 2, []string{"This is not a proof: ", ".tlog-proof", "what-we-hold.json"}},
		{"settings", []string{"--key", key}, 2, []string{"This is not a proof: "}},
		{"stylesheet", nil, 2, []string{"This is not a proof: "}},
		{"copy", []string{"--key", key}, 0, []string{"✓ 1 of 1 entries are proved", "The timeline of the copy holds."}},
		{"copy", nil, 3, []string{"signer not trusted"}},
		{"changed copy", []string{"--key", key}, 1, []string{"✗ Entry", "the purpose", "0 of 1", "The copy does not hold."}},
		{"sound", []string{"--key", "no key"}, 2, []string{"--key or --witness", "name+id+key"}},
		{"copy", []string{"--witness", "no key"}, 2, []string{"--key or --witness"}},
		{"missing", nil, 2, []string{"cannot be read", "no such file"}},
		{".", nil, 2, []string{"cannot be read", "directory"}},
	} {
		code, stdout, stderr := lootRuns(t, append([]string{"verify", filepath.Join(dir, c.file)}, c.args...)...)
		if code != c.code {
			t.Errorf("%s %v: exit %d, want %d: %s%s", c.file, c.args, code, c.code, stdout, stderr)
		}
		for _, want := range c.says {
			if !strings.Contains(stdout+stderr, want) {
				t.Errorf("%s %v: %q is not said in\n%s%s", c.file, c.args, want, stdout, stderr)
			}
		}
		if strings.Contains(stdout, "Made-up") || strings.Contains(stdout, "\x1b") || strings.Contains(stdout, "{") {
			t.Errorf("%s: prints\n%s", c.file, stdout)
		}
	}
}

func TestVerifyAsJSON(t *testing.T) {
	receipt, copied, key := proofs(t)
	for text, want := range map[string]map[string]any{
		receipt:   {"kind": "receipt", "verdict": "holds", "signer": key},
		"junk":    {"kind": "receipt", "verdict": "none"},
		`{"a":1}`: {"kind": "copy", "verdict": "none"},
		copied:    {"kind": "copy", "verdict": "holds", "proved": 1.0, "signer": key},
		strings.Replace(receipt, "\nindex ", "\nindex 9", 1):                       {"kind": "receipt", "verdict": "fails"},
		strings.Replace(copied, `"purpose": "support"`, `"purpose": "invoice"`, 1): {"kind": "copy", "verdict": "fails", "broken": 1.0},
	} {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := lootRuns(t, "verify", "--json", "--key", key, file)
		var got map[string]any
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || stderr != "" {
			t.Fatalf("%v: %s%s", err, stdout, stderr)
		}
		for name, v := range want {
			if got[name] != v {
				t.Errorf("%s is %v, want %v", name, got[name], v)
			}
		}
		if (code == 0) != (want["verdict"] == "holds") {
			t.Errorf("exit %d for %s", code, want["verdict"])
		}
	}
}
