package app

import (
	"encoding/base64"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"loot/ledger"
	"loot/store/storetest"
	"loot/web"
	"loot/web/webtest"
)

// TestTheConsoleAsksTheWitnesses: checking the ledger there asks each witness of
// the settings. One that is away fails nothing and is named, with what it
// cosigned last; one that contradicts is said before anything else.
func TestTheConsoleAsksTheWitnesses(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			var servers []*httptest.Server
			var dirs []string
			ctx, a, w := simulated(t, url, func(key string) (all []string) {
				for _, name := range []string{"one.example", "two.example"} {
					dirs = append(dirs, t.TempDir())
					witness, err := ledger.OpenWitness(ledger.WitnessConfig{Dir: dirs[len(dirs)-1], Name: name, Logs: []string{key}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { witness.Close() })
					s := httptest.NewServer(witness.Handler())
					t.Cleanup(s.Close)
					servers = append(servers, s)
					all = append(all, witness.Key()+"="+s.URL)
				}
				return all
			})
			var routes []web.Route
			for _, d := range a.Desks {
				if d.Name == "publication" {
					routes = d.Routes
				}
			}
			site := webtest.New(t, web.Options{Now: w.Clock.Now, NoLimits: true}, routes)
			var err error
			if site.Actor, err = w.NewStaff(ctx, true, "support"); err != nil {
				t.Fatal(err)
			}
			if err := w.Drain(ctx); err != nil {
				t.Fatal(err)
			}
			args := ""
			for _, w := range a.Ledger.Witnesses() {
				args += ` --witness "` + w.Key + `"`
			}
			for path, want := range map[string]string{"/ledger": `loot verify --key "` + a.Ledger.VerifierKey() + `"` + args + " FILE", "/console/ledger": "one.example<br>"} {
				page := site.Get(path)
				if body := html.UnescapeString(page.Body); strings.Count(args, "--witness") != 2 || !strings.Contains(body, want) || !strings.Contains(body, "two.example<br>") || strings.Contains(body, "No witness watches") {
					t.Errorf("%s: %d, %s", path, page.Status, body)
				}
			}
			cosigned := func() bool {
				cp, err := a.Ledger.Checkpoint()
				return err == nil && strings.Contains(string(cp), "\n— one.example ") && strings.Contains(string(cp), "\n— two.example ")
			}
			for !cosigned() { // until the test's own limit
				select {
				case <-time.After(20 * time.Millisecond):
				case <-ctx.Done():
					t.Fatal("no witness cosigned")
				}
			}
			check := func() string {
				t.Helper()
				answer := site.Post("/console/ledger/verify")
				if answer.Status != http.StatusOK {
					t.Fatal(answer.Status, answer.Body)
				}
				_, found, _ := strings.Cut(answer.Body, "<main")
				return found
			}
			has := func(page string, want ...string) {
				t.Helper()
				for _, s := range want {
					if !strings.Contains(page, s) {
						t.Errorf("the page does not say %q: %s", s, page)
					}
				}
			}
			page := check()
			has(page, "The ledger holds.", "Compared with the witness one.example and the witness two.example.")
			if strings.Contains(page, "first time") || strings.Contains(page, "Not compared") {
				t.Error(page)
			}

			servers[0].Close()
			has(check(), "The ledger holds.", "Compared with the witness two.example.",
				"Not compared with a witness that the settings name.", "The witness cannot be asked at the moment: &#34;one.example&#34;.", "It last cosigned the log of ")

			// The other one saw nothing but a longer log that the same key signed: this
			// one was set back, then.
			name, rest, _ := strings.Cut(a.Ledger.VerifierKey(), "+")
			id, _, _ := strings.Cut(rest, "+")
			seed, err := a.Keyring.Secret("ledger", nil)
			if err != nil {
				t.Fatal(err)
			}
			signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + id + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
			if err != nil {
				t.Fatal(err)
			}
			cp, err := a.Ledger.Checkpoint()
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(cp), "\n")
			longer, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%s0\n%s\n", name, lines[1], lines[2])}, signer)
			if err != nil {
				t.Fatal(err)
			}
			seen, err := filepath.Glob(filepath.Join(dirs[1], "*.checkpoint"))
			if err != nil || len(seen) != 1 || os.Remove(seen[0]) != nil {
				t.Fatal(seen, err)
			}
			resp, err := http.Post(servers[1].URL+"/add-checkpoint", "text/plain", strings.NewReader("old 0\n\n"+string(longer)))
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatal(resp, err)
			}
			resp.Body.Close()
			page = check()
			has(page, "A witness contradicts this ledger", "the witness two.example: The witness saw a longer log than this one.", "By itself the ledger is sound.", "one.example")
			if strings.Index(page, "A witness contradicts") > strings.Index(page, "Entries confirmed") || strings.Contains(page, "The ledger holds.") {
				t.Errorf("what contradicts does not stand out: %s", page)
			}
		})
	}
}
