package incidents

import (
	"context"
	"html"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/job"
	"loot/keyring"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/store/storetest"
	"loot/vault"
	"loot/web"
	"loot/web/webtest"
)

func TestPages(t *testing.T) { webtest.CheckPages(t) }

var tags = regexp.MustCompile(`(?s)<script.*?</script>|<[^>]*>`)

func read(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page, " "))), " ")
}

// Whoever takes an incident on closes it, whatever their role, and nobody else
// does; the page says who that is.
func TestTheOwnerClosesAnIncident(t *testing.T) {
	storetest.Each(t, map[string]fs.FS{"gate": gate.Migrations(), "vault": vault.Migrations()}, func(t *testing.T, db *store.DB) {
		site := newSite(t, db)
		says := func(a webtest.Answer, status int, want ...string) {
			t.Helper()
			if a.Status != status {
				t.Fatalf("status %d, want %d: %s", a.Status, status, read(a.Body))
			}
			for _, w := range want {
				if !strings.Contains(read(a.Body), w) {
					t.Errorf("the page does not say %q: %s", w, read(a.Body))
				}
			}
		}
		site.Actor = loot.Actor{Kind: loot.Staff, ID: "t-support", Roles: []loot.Role{"support"}}
		a := site.Post("/console/incidents", "text", "A list was sent to the wrong address.")
		if a.Status != http.StatusSeeOther {
			t.Fatal(a.Status, read(a.Body))
		}
		path := a.Header.Get("Location")
		page := site.Get(path)
		says(page, http.StatusOK, "Any member of staff may take it on. Its owner, and nobody else, closes it.")
		if strings.Contains(page.Body, `value="closing"`) {
			t.Error("closing is offered to somebody who cannot")
		}
		closing := func(version, risk string) webtest.Answer {
			return site.Post(path, "version", version, "kind", "closing", "risk", risk, "text", "All copies were deleted.")
		}
		says(closing("0", "some"), http.StatusConflict, "Only its owner closes an incident. Take it on first.")

		site.Actor = loot.Actor{Kind: loot.Staff, ID: "t-dpo", Roles: []loot.Role{"dpo"}}
		if a := site.Post(path + "/take"); a.Status != http.StatusSeeOther {
			t.Fatal(a.Status, read(a.Body))
		}
		page = site.Get(path)
		says(page, http.StatusOK, "You own this incident, so it is you who closes it", "Closing, with the reason")
		_, version, _ := strings.Cut(page.Body, `name="version"`)
		version, _, _ = strings.Cut(version, ">")
		version = regexp.MustCompile(`value="(\d+)"`).FindStringSubmatch(version)[1]

		site.Actor = loot.Actor{Kind: loot.Staff, ID: "t-support", Roles: []loot.Role{"support"}}
		says(site.Get(path), http.StatusOK, "Only its owner, Name of t-dpo, closes it.")
		says(closing(version, "some"), http.StatusConflict, "Only its owner closes")

		site.Actor = loot.Actor{Kind: loot.Staff, ID: "t-dpo", Roles: []loot.Role{"dpo"}}
		says(closing(version, ""), http.StatusConflict, "Say how high the risk is before closing.")
		if a := closing(version, "some"); a.Status != http.StatusSeeOther {
			t.Fatal(a.Status, read(a.Body))
		}
		page = site.Get(path)
		says(page, http.StatusOK, "closed", "All copies were deleted.")
		if strings.Contains(page.Body, "Take it on") || strings.Contains(page.Body, "Next step") {
			t.Error("what is closed still offers a step")
		}
	})
}

// newSite is this desk on the kernel it needs.
func newSite(t *testing.T, db *store.DB) *webtest.Site {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	now := desk.NewClock(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)).Now
	root, err := keyring.FileRoot(filepath.Join(dir, "root.key"))
	must(err)
	keys, err := keyring.Open(ctx, keyring.Config{DB: storetest.Open(t, storetest.SQLite(t), nil), Dir: filepath.Join(dir, "keys"), Root: root, Now: now, Log: log})
	must(err)
	t.Cleanup(func() { must(keys.Close(context.WithoutCancel(ctx))) })
	jobs, err := job.New(db, job.Options{Log: log, Now: now, Simulated: true})
	must(err)
	led, err := ledger.Open(ctx, ledger.Config{DB: db, Keyring: keys, Dir: filepath.Join(dir, "log"), Origin: "test.example/ledger", Now: now, Log: log})
	must(err)
	sealer, err := keys.System("approval")
	must(err)
	g := gate.New(gate.Config{DB: db, Ledger: led, Jobs: jobs, Sealer: sealer, Now: now, Log: log})
	v := vault.New(vault.Config{DB: db, Gate: g, Keyring: keys, Ledger: led, Jobs: jobs, Now: now, Log: log})
	d, err := New(desk.Kit{Log: log, Now: now, DB: db, Gate: g, Vault: v, Ledger: led, Keyring: keys, Jobs: jobs}, func(_ context.Context, _ *store.Tx, id string) (string, error) {
		return "Name of " + id, nil
	})
	must(err)
	must(db.Migrate(ctx, "incidents", d.Migrations))
	must(jobs.Migrate(ctx))
	s, err := statement.Parse("statement.md", statement.Default())
	must(err)
	must(db.InTx(ctx, func(tx *store.Tx) error {
		if err := g.Propose(ctx, tx, s); err != nil {
			return err
		}
		return g.Announce(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "publication"}, s.Hash(), now(), "test")
	}))
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- led.Run(running) }()
	t.Cleanup(func() { cancel(); <-ended })
	return webtest.New(t, web.Options{Now: now, Log: log, NoLimits: true}, d.Routes)
}
