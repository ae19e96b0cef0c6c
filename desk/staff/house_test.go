package staff

import (
	"context"
	"fmt"
	"html"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
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

// A house is this desk on the whole kernel. Who asks is said by hand; what
// letting staff in would do is written down.
type house struct {
	*webtest.Site
	t     *testing.T
	kit   desk.Kit
	desk  *Desk
	clock *desk.Clock
	s     *statement.Statement
	at    time.Time // when whoever asks signed in

	mu   sync.Mutex
	done []string // such as "invite u…"
	sent []mail.Message
}

// Send keeps what was sent.
func (h *house) Send(_ context.Context, m mail.Message) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent = append(h.sent, m)
	return nil
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
	return newHouseUnder(t, db, statement.Default())
}

// newHouseUnder is a house under a statement of its own.
func newHouseUnder(t *testing.T, db *store.DB, source []byte) *house {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	h := &house{t: t, clock: desk.NewClock(start)}
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
	v := vault.New(vault.Config{DB: db, Gate: g, Keyring: keys, Ledger: led, Jobs: jobs, Now: now, Log: log})
	h.kit = desk.Kit{
		Log: log, Now: now, DB: db, Gate: g, Vault: v, Ledger: led, Keyring: keys, Jobs: jobs, Mail: h, BaseURL: "https://loot.example",
		House: func() mail.House {
			return mail.House{Name: "Example Network", From: "Example <no-reply@loot.example>"}
		},
	}
	h.desk, err = New(h.kit, Options{Matters: map[string]Matter{"test.matter": {Title: "Something else", Describe: func(_ context.Context, _ *store.Tx, m []byte) (string, string, error) {
		return "about " + string(m), "/console", nil
	}}}})
	ok(t, err)
	h.desk.Connect(SignIn{
		Invite: h.noted("invite"), Reset: h.noted("reset"), Forget: h.noted("forget"), EndSessions: h.noted("end sessions"),
		Ways: func(context.Context, *store.Tx, string) (string, error) { return "a passkey", nil },
	})
	ok(t, db.Migrate(ctx, "staff", h.desk.Desk().Migrations))
	ok(t, jobs.Migrate(ctx))
	h.inForce(source)
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- led.Run(runCtx) }()
	ok(t, jobs.Start(runCtx))
	t.Cleanup(func() {
		ok(t, jobs.Stop(context.WithoutCancel(runCtx)))
		cancel()
		<-ended
	})
	h.at = start
	h.Site = webtest.New(t, web.Options{
		Now: now, Log: log, NoLimits: true,
		Identify: func(*http.Request) (web.Identity, error) {
			return web.Identity{Actor: h.Actor, Name: h.Actor.Name, At: h.at}, nil
		},
	}, h.desk.Desk().Routes)
	return h
}

// noted writes down what letting staff in was asked, once it is committed.
func (h *house) noted(what string) func(context.Context, *store.Tx, string) error {
	return func(_ context.Context, tx *store.Tx, account string) error {
		tx.AfterCommit(func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.done = append(h.done, what+" "+account)
		})
		return nil
	}
}

func (h *house) did(what string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.done {
		if d == what {
			return true
		}
	}
	return false
}

func (h *house) inForce(source []byte) {
	h.t.Helper()
	s, err := statement.Parse("statement.md", source)
	ok(h.t, err)
	effective := h.clock.Now()
	if h.s != nil {
		effective = effective.AddDate(0, 0, h.s.Front().NoticeDays)
	}
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		if err := h.kit.Gate.Propose(ctx, tx, s); err != nil {
			return err
		}
		return h.kit.Gate.Announce(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "publication"}, s.Hash(), effective, "test")
	})
	h.clock.Advance(effective.Sub(h.clock.Now()))
	h.s = s
}

func (h *house) drain() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 30*time.Second)
	defer cancel()
	ok(h.t, h.kit.Jobs.Idle(ctx))
}

func (h *house) tx(f func(ctx context.Context, tx *store.Tx) error) {
	h.t.Helper()
	ok(h.t, h.kit.Gate.InTx(h.t.Context(), func(tx *store.Tx) error { return f(h.t.Context(), tx) }))
}

// colleague makes a member of staff who has been here for a while.
func (h *house) colleague(name string, signed bool, roles ...loot.Role) loot.Actor {
	h.t.Helper()
	var a loot.Actor
	h.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		a, err = h.desk.Add(ctx, tx, Newcomer{
			Name: name, Email: strings.ToLower(strings.Fields(name)[0]) + "@network.example", Roles: roles, Signed: signed, Since: h.clock.Now().AddDate(0, -3, 0),
		})
		return err
	})
	return a
}

// as says who asks, freshly signed in, with the roles that they have now.
func (h *house) as(a loot.Actor) {
	h.t.Helper()
	h.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		h.Actor, err = h.desk.Actor(ctx, tx, a.ID)
		return err
	})
	if h.Actor.ID == "" {
		h.t.Fatalf("%s may not sign in", a.Name)
	}
	h.at = h.clock.Now()
}

func (h *house) member(id string) (m Member) {
	h.t.Helper()
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		var found bool
		var err error
		if m, found, err = h.desk.Member(ctx, tx, id); err == nil && !found {
			h.t.Fatalf("there is no account %s", id)
		}
		return err
	})
	return m
}

func (h *house) find(email string) (m Member) {
	h.t.Helper()
	h.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		m, _, err = h.desk.one(tx.QueryRow(ctx, `SELECT `+columns+` FROM staff_account WHERE email = $1`, h.desk.emailHash(email)))
		return err
	})
	return m
}

// pending returns the ids of the approvals that wait.
func (h *house) pending() (ids []string) {
	h.t.Helper()
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		ids = nil
		list, err := h.kit.Gate.Approvals(ctx, tx, 100)
		for _, a := range list {
			if a.State == "pending" {
				ids = append(ids, a.ID)
			}
		}
		return err
	})
	return ids
}

// notes returns the notes of the ledger.
func (h *house) notes() (out []string) {
	h.t.Helper()
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		out = nil
		for row, err := range h.kit.Ledger.Facts(ctx, tx, start.AddDate(-2, 0, 0), start.AddDate(2, 0, 0)) {
			if err != nil {
				return err
			}
			if row.Facts.Note != "" {
				out = append(out, row.Facts.Note)
			}
		}
		return nil
	})
	return out
}

// person registers a customer who ordered the first service.
func (h *house) person(ctx context.Context) (loot.Subject, error) {
	subject := loot.NewSubject()
	if err := h.kit.Keyring.Create(ctx, subject, proved); err != nil {
		return "", err
	}
	return subject, h.kit.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := h.kit.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Collect, Actor: loot.Actor{Kind: loot.Desk, ID: "customers"}, Desk: "customers", Purpose: "service",
			Subject: subject, Collection: proved, Fields: []loot.Field{"contact.email"}, Demanded: true,
		})
		if err != nil {
			return err
		}
		if err := h.kit.Vault.Create(ctx, tx, p, map[loot.Field]string{"contact.email": string(subject[:12]) + "@example.com"}, "a test"); err != nil {
			return err
		}
		return h.kit.Gate.Order(ctx, tx, gate.Ordered{
			Subject: subject, Collection: proved, By: loot.Actor{Kind: loot.Desk, ID: "customers"}, Reference: "o1", Service: h.s.Services()[0].ID,
		})
	})
}

// world shows the house as a proof sees it.
func (h *house) world() *desk.World {
	made := 0
	return &desk.World{
		Kit: h.kit, Clock: h.clock,
		Drain:     func(ctx context.Context) error { return h.kit.Jobs.Idle(ctx) },
		NewPerson: h.person,
		NewStaff: func(ctx context.Context, signed bool, roles ...loot.Role) (a loot.Actor, err error) {
			made++
			err = h.kit.DB.InTx(ctx, func(tx *store.Tx) error {
				a, err = h.desk.Add(ctx, tx, Newcomer{Name: fmt.Sprint("Proof ", made), Email: fmt.Sprintf("proof%d@network.example", made), Roles: roles, Signed: signed, Since: h.clock.Now().AddDate(0, -3, 0)})
				return err
			})
			return a, err
		},
	}
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

func leads(t *testing.T, a webtest.Answer, to string) {
	t.Helper()
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != to {
		t.Fatalf("status %d to %q, want 303 to %q: %s", a.Status, a.Header.Get("Location"), to, words(a.Body))
	}
}
