package publication

import (
	"bytes"
	"context"
	"html"
	"io/fs"
	"log/slog"
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
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/store/storetest"
	"loot/vault"
	"loot/web"
	"loot/web/webtest"
)

// A house is this desk on the whole kernel. Who asks is said by hand.
type house struct {
	*webtest.Site
	t      *testing.T
	kit    desk.Kit
	clock  *desk.Clock
	needed int // how many others have to approve
}

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// onEach runs f in a house on each database.
func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	storetest.Each(t, map[string]fs.FS{"gate": gate.Migrations(), "vault": vault.Migrations()}, func(t *testing.T, db *store.DB) {
		f(t, newHouse(t, db))
	})
}

// onOne runs f in a house on SQLite, for what no database has a part in.
func onOne(t *testing.T) *house {
	t.Helper()
	return newHouse(t, storetest.Open(t, storetest.SQLite(t), map[string]fs.FS{"gate": gate.Migrations(), "vault": vault.Migrations()}))
}

func newHouse(t *testing.T, db *store.DB) *house {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	h := &house{t: t, clock: desk.NewClock(start), needed: 2}
	now := h.clock.Now
	root, err := keyring.FileRoot(filepath.Join(dir, "root.key"))
	ok(t, err)
	keys, err := keyring.Open(ctx, keyring.Config{DB: storetest.Open(t, storetest.SQLite(t), nil), Dir: filepath.Join(dir, "keys"), Root: root, Now: now, Log: log})
	ok(t, err)
	t.Cleanup(func() { ok(t, keys.Close(context.WithoutCancel(ctx))) })
	jobs, err := job.New(db, job.Options{Log: log, Now: now, Simulated: true})
	ok(t, err)
	led, err := ledger.Open(ctx, ledger.Config{DB: db, Keyring: keys, Dir: filepath.Join(dir, "log"), Origin: "test.example/ledger", Now: now, Log: log})
	ok(t, err)
	sealer, err := keys.System("approval")
	ok(t, err)
	g := gate.New(gate.Config{DB: db, Ledger: led, Jobs: jobs, Sealer: sealer, Now: now, Log: log})
	h.kit = desk.Kit{
		Log: log, Now: now, DB: db, Gate: g, Ledger: led, Keyring: keys, Jobs: jobs, BaseURL: "https://loot.example",
		Vault: vault.New(vault.Config{DB: db, Gate: g, Keyring: keys, Ledger: led, Jobs: jobs, Now: now, Log: log}),
		House: func() mail.House { return mail.House{Name: "Example Network"} },
	}
	d := New(h.kit, Others{
		Needed: func(context.Context, *store.Tx, loot.Actor) (int, error) { return h.needed, nil },
		Solo:   func(context.Context, *store.Tx) (bool, error) { return false, nil },
		Name:   func(context.Context, *store.Tx, string) (string, error) { return "Robin Testing", nil },
	}, func() []loot.Clause { return nil })
	ok(t, jobs.Migrate(ctx))
	h.announce(statement.Default(), start)
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- led.Run(runCtx) }()
	ok(t, jobs.Start(runCtx))
	t.Cleanup(func() {
		ok(t, jobs.Stop(context.WithoutCancel(runCtx)))
		cancel()
		<-ended
	})
	h.Site = webtest.New(t, web.Options{Now: now, Log: log, NoLimits: true}, d.Routes)
	return h
}

// propose keeps a statement as a draft and returns its hash.
func (h *house) propose(source []byte) string {
	h.t.Helper()
	s, err := statement.Parse("statement.md", source)
	ok(h.t, err)
	h.tx(func(ctx context.Context, tx *store.Tx) error { return h.kit.Gate.Propose(ctx, tx, s) })
	return s.Hash()
}

// announce proposes a statement and announces it for a time.
func (h *house) announce(source []byte, effective time.Time) string {
	h.t.Helper()
	hash := h.propose(source)
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		return h.kit.Gate.Announce(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "publication"}, hash, effective, "test")
	})
	return hash
}

func (h *house) tx(f func(ctx context.Context, tx *store.Tx) error) {
	h.t.Helper()
	ok(h.t, h.kit.Gate.InTx(h.t.Context(), func(tx *store.Tx) error { return f(h.t.Context(), tx) }))
}

// edited is the statement that comes with Loot, with texts replaced in pairs.
func edited(t *testing.T, pairs ...string) []byte {
	t.Helper()
	text := statement.Default()
	for i := 0; i+1 < len(pairs); i += 2 {
		if n := bytes.Count(text, []byte(pairs[i])); n != 1 {
			t.Fatalf("the statement has %q %d times", pairs[i], n)
		}
		text = bytes.Replace(text, []byte(pairs[i]), []byte(pairs[i+1]), 1)
	}
	return text
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var tags = regexp.MustCompile(`(?s)<script.*?</script>|<[^>]*>`)

func words(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page, " "))), " ")
}

func shows(t *testing.T, a webtest.Answer, status int, want ...string) {
	t.Helper()
	page := words(a.Body)
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, page)
	}
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("the page does not show %q: %s", w, page)
		}
	}
}

func hides(t *testing.T, a webtest.Answer, secret ...string) {
	t.Helper()
	for _, w := range secret {
		if strings.Contains(words(a.Body), w) {
			t.Errorf("the page shows %q", w)
		}
	}
}
