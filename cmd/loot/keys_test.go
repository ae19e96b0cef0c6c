package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"loot"
	"loot/app"
	"loot/desk"
	"loot/gate"
	"loot/store"
	"loot/web"
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
	says([]string{"13 are the program's own keys and 10 its secrets; 0 versions", "0 problems"}, "keys", "check")
	says([]string{
		"No collection holds anything yet", `The key "approval": a new version since `, `The key "billing": `, `The key "disclosure": `, `The key "imports": `, `The key "incidents": `, `The key "mail": `, `The key "partners": `, `The key "rights": `, `The key "safety": `, `The key "session": `, `The key "signin": `, `The key "staff": `, `The key "verification": `, "the server destroys the former version after ",
		`The secret "billing": not replaced`, `The secret "imports": not replaced`, `The secret "partners": not replaced`, `The secret "ledger": not replaced, because receipts, the statement and invoices name this key as the one that signs the ledger; it is wrapped anew when the root is rotated`,
		`The secret "ledger-origin": not replaced`, `The secret "ledger-repeat": not replaced`, `The secret "safety": not replaced`, `The secret "signin": not replaced`, `The secret "staff": not replaced`,
	}, "keys", "rotate")
	says([]string{"13 versions of those keys are replaced and not destroyed yet, and 0 values are still sealed by former versions"}, "keys", "check")
	says([]string{"The root is new; 23 key files were wrapped by it.", `The key "staff": a new version`}, "keys", "rotate", "--own-only", "--also-root")
	says([]string{`"system": 13`, `"secrets": 10`, `"former": 13`}, "keys", "check", "--json")
	if code, out := loot("keys", "rotate", "--own-only", "--root-only"); code == 0 {
		t.Errorf("two different onlys: %s", out)
	}
}

// colleagues is an installation of people in which two approve, and a function
// that has both answer in the console what waits.
func colleagues(t *testing.T) (o *operator, w *desk.World, answer func(yesOrNo string)) {
	t.Helper()
	dir := t.TempDir()
	s, err := readStatement("")
	if err != nil {
		t.Fatal(err)
	}
	w, end, err := app.NewWorld(t.Context(), dir, s, desk.NewClock(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	if _, err := w.NewPerson(t.Context()); err != nil {
		t.Fatal(err)
	}
	var approvers []loot.Actor
	for _, role := range []loot.Role{"dpo", "counsel"} {
		who, err := w.NewStaff(t.Context(), true, role)
		if err != nil {
			t.Fatal(err)
		}
		approvers = append(approvers, who)
	}
	o = &operator{t: t, dir: dir, env: append(os.Environ(), "LOOT_DATA="+filepath.Join(dir, "data"), "LOOT_BASE_URL=https://loot.example")}
	return o, w, func(yesOrNo string) {
		t.Helper()
		for _, a := range rotations(t, w) {
			for _, who := range approvers {
				if a.State != "pending" {
					continue
				}
				r := httptest.NewRequest(http.MethodPost, "/console/approvals/"+a.ID, strings.NewReader("answer="+yesOrNo))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				rec := httptest.NewRecorder()
				w.HTTP.ServeHTTP(rec, r.WithContext(web.WithIdentity(t.Context(), web.Identity{Actor: who, At: w.Now()})))
				if rec.Code != http.StatusSeeOther {
					t.Fatalf("%s answers %s: status %d: %s", who.Roles, yesOrNo, rec.Code, rec.Body)
				}
				if yesOrNo == "no" {
					break // which ends it
				}
			}
		}
	}
}

// rotations returns the approvals of rotations, those that wait first.
func rotations(t *testing.T, w *desk.World) (out []gate.Approval) {
	t.Helper()
	if err := w.DB.ReadTx(t.Context(), func(tx *store.Tx) (err error) {
		out, err = w.Gate.Approvals(t.Context(), tx, 100)
		out = slices.DeleteFunc(out, func(a gate.Approval) bool { return a.Kind != "keys.rotate" })
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestKeysRotateAsksColleagues by command: exit code 4 until both agreed, 1 when
// one refused.
func TestKeysRotateAsksColleagues(t *testing.T) {
	o, w, answer := colleagues(t)
	rotate := []string{"keys", "rotate", "--collection", "customer", "--reason", "A new year."}
	o.wants(1, []string{"keys", "rotate"}, "Say why with --reason")
	o.wants(1, []string{"keys", "rotate", "--collection", "nobody", "--reason", "A new year."}, `no collection "nobody" holds anything`)
	if asked := rotations(t, w); len(asked) > 0 {
		t.Fatalf("%+v were asked for", asked)
	}
	o.wants(4, rotate, "Asked for. Nothing was rotated yet: 2 colleagues have to agree, under Approvals in the console")
	o.wants(4, rotate, "0 agreed so far")
	answer("yes")
	o.wants(4, []string{"keys", "rotate", "--own-only", "--reason", "A new year."}, "Asked for.")
	o.wants(0, rotate, "customer: epoch 2;")
	o.wants(4, rotate, "Asked for.")
	answer("no")
	o.wants(1, rotate, "a colleague refused it")
	o.wants(0, []string{"keys", "check"}, "0 problems")
	if err := w.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.wants(0, []string{"ledger", "verify"}, " 0 waiting.")
}

// TestAKilledRotationGoesOn by the same command, and needs nobody again.
func TestAKilledRotationGoesOn(t *testing.T) {
	o, w, answer := colleagues(t)
	rotate := []string{"keys", "rotate", "--collection", "customer", "--reason", "A new year."}
	o.wants(4, rotate)
	answer("yes")
	keys, err := store.Open(t.Context(), "sqlite:"+filepath.Join(o.dir, "data-keys", "persons.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	// No epoch begins meanwhile, so it is killed between the one and the other.
	if err := keys.Alone(t.Context(), "keyring", func() error {
		killed := o.start("loot", rotate...)
		within(t, "it begins", func() bool { return rotations(t, w)[0].State == "begun" })
		killed.end(syscall.SIGKILL)
		if out := killed.out.String(); out != "" {
			t.Errorf("it came too far: %s", out)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	o.wants(0, rotate, "This did not come to its end, and goes on.", "customer: epoch 2;")
	if got := rotations(t, w); len(got) != 1 || got[0].State != "used" {
		t.Errorf("%+v", got)
	}
	o.wants(4, rotate, "Asked for.")
}
