package signin

import (
	"context"
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
	"loot/api"
	"loot/desk"
	"loot/desk/staff"
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

// A house is this desk and the one for staff on the whole kernel, reached as a
// browser reaches them.
type house struct {
	*webtest.Site
	t     *testing.T
	kit   desk.Kit
	desk  *Desk
	staff *staff.Desk
	clock *desk.Clock
	mail  *letterbox
	now   func() time.Time
}

// A letterbox keeps what was sent.
type letterbox struct {
	mu   sync.Mutex
	all  []mail.Message
	fail error
}

func (l *letterbox) Send(_ context.Context, m mail.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	l.all = append(l.all, m)
	return nil
}

// last returns the latest letter to somebody.
func (l *letterbox) last(to string) (mail.Message, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.all) - 1; i >= 0; i-- {
		if l.all[i].To == to {
			return l.all[i], true
		}
	}
	return mail.Message{}, false
}

func (l *letterbox) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

var start = time.Date(2026, 11, 23, 9, 0, 10, 0, time.UTC)

const base = "https://loot.example"

var scopes = map[api.Scope]string{"customers:read": "Read customers' records", "customers:write": "Change customers' records", "me:read": "Read one's own record"}

// onEach runs f in a house on each database.
func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	storetest.Each(t, map[string]fs.FS{"gate": gate.Migrations(), "vault": vault.Migrations()}, func(t *testing.T, db *store.DB) {
		f(t, newHouse(t, db, base, Options{Scopes: scopes}))
	})
}

// onOne runs f in a house on SQLite, for what no database has a part in.
func onOne(t *testing.T, baseURL string, o Options) *house {
	t.Helper()
	return newHouse(t, storetest.Open(t, storetest.SQLite(t), map[string]fs.FS{"gate": gate.Migrations(), "vault": vault.Migrations()}), baseURL, o)
}

// onOneUnder is a house under a statement of its own.
func onOneUnder(t *testing.T, source []byte) *house {
	t.Helper()
	return newHouseUnder(t, storetest.Open(t, storetest.SQLite(t), map[string]fs.FS{"gate": gate.Migrations(), "vault": vault.Migrations()}), base, Options{}, source)
}

func newHouse(t *testing.T, db *store.DB, baseURL string, o Options) *house {
	t.Helper()
	return newHouseUnder(t, db, baseURL, o, statement.Default())
}

func newHouseUnder(t *testing.T, db *store.DB, baseURL string, o Options, source []byte) *house {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	h := &house{t: t, clock: desk.NewClock(start), mail: &letterbox{}}
	h.now = h.clock.Now
	root, err := keyring.FileRoot(filepath.Join(dir, "root.key"))
	ok(t, err)
	keys, err := keyring.Open(ctx, keyring.Config{DB: storetest.Open(t, storetest.SQLite(t), nil), Dir: filepath.Join(dir, "keys"), Root: root, Now: h.now, Log: log})
	ok(t, err)
	t.Cleanup(func() { ok(t, keys.Close(context.WithoutCancel(ctx))) })
	jobs, err := job.New(db, job.Options{Log: log, Now: h.now, Simulated: true})
	ok(t, err)
	led, err := ledger.Open(ctx, ledger.Config{DB: db, Keyring: keys, Dir: filepath.Join(dir, "log"), Origin: "test.example/ledger", Now: h.now, Log: log})
	ok(t, err)
	sealer, err := keys.System("approval")
	ok(t, err)
	g := gate.New(gate.Config{DB: db, Ledger: led, Jobs: jobs, Sealer: sealer, Now: h.now, Log: log})
	v := vault.New(vault.Config{DB: db, Gate: g, Keyring: keys, Ledger: led, Jobs: jobs, Now: h.now, Log: log})
	h.kit = desk.Kit{
		Log: log, Now: h.now, DB: db, Gate: g, Vault: v, Ledger: led, Keyring: keys, Jobs: jobs, Mail: h.mail, BaseURL: baseURL,
		House: func() mail.House {
			return mail.House{Name: "Example Network", From: "Example <no-reply@loot.example>", URL: baseURL}
		},
	}
	h.staff, err = staff.New(h.kit, staff.Options{})
	ok(t, err)
	account := func(m staff.Member, found bool, err error) (Account, bool, error) {
		return Account{Actor: m.Actor(), Email: m.Email, Joined: m.Joined()}, found, err
	}
	h.desk, err = New(h.kit, o, Accounts{
		Actor: h.staff.Actor, Joined: h.staff.Joined, Empty: h.staff.Empty, First: h.staff.First,
		Account: func(ctx context.Context, tx *store.Tx, id string) (Account, bool, error) {
			return account(h.staff.Invitee(ctx, tx, id))
		},
		Find: func(ctx context.Context, tx *store.Tx, email string) (Account, bool, error) {
			return account(h.staff.Find(ctx, tx, email))
		},
	})
	ok(t, err)
	h.staff.Connect(staff.SignIn{Invite: h.desk.Invite, Reset: h.desk.Reset, Forget: h.desk.Forget, EndSessions: h.desk.EndSessions, Ways: h.desk.Ways})
	for _, d := range []desk.Desk{h.desk.Desk(), h.staff.Desk()} {
		ok(t, db.Migrate(ctx, d.Name, d.Migrations))
	}
	ok(t, jobs.Migrate(ctx))
	h.inForce(source)
	h.run(led, jobs)
	h.Site = h.browser()
	return h
}

// pages are what every browser can reach.
func (h *house) pages() []web.Route {
	hello := func(w http.ResponseWriter, r *http.Request) error {
		who := web.IdentityOf(r.Context())
		_, err := w.Write([]byte("you are " + string(who.Actor.Kind) + " " + who.Actor.ID))
		return err
	}
	return []web.Route{
		{Pattern: "GET /whoami", Audience: web.Public, Serve: hello},
		{Pattern: "GET /portal", Audience: web.Portal, Serve: hello},
		{Pattern: "GET /portal/orders", Audience: web.Portal, Serve: hello},
		{Pattern: "GET /console", Audience: web.Console, Serve: hello},
		{Pattern: "GET /console/fresh", Audience: web.Console, Serve: hello, Fresh: fresh},
	}
}

// browser returns another browser, with no cookies.
func (h *house) browser() *webtest.Site {
	h.t.Helper()
	return webtest.New(h.t, web.Options{
		Now: h.now, Log: h.kit.Log, NoLimits: true, BaseURL: h.kit.BaseURL, Identify: h.desk.Identify,
		Site: func() web.Site {
			return web.Site{Name: "Example Network", Statement: "/statement", SignIn: "/signin", StaffSignIn: "/console/signin", SignOut: "/signout"}
		},
	}, h.desk.Desk().Routes, h.staff.Desk().Routes, h.pages())
}

// inForce puts a statement in force.
func (h *house) inForce(source []byte) {
	h.t.Helper()
	s, err := statement.Parse("statement.md", source)
	ok(h.t, err)
	ctx := h.t.Context()
	ok(h.t, h.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := h.kit.Gate.Propose(ctx, tx, s); err != nil {
			return err
		}
		return h.kit.Gate.Announce(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "publication"}, s.Hash(), h.clock.Now(), "test")
	}))
}

func (h *house) run(led *ledger.Ledger, jobs *job.Client) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	done := make(chan error, 1)
	go func() { done <- led.Run(ctx) }()
	ok(h.t, jobs.Start(ctx))
	h.t.Cleanup(func() {
		ok(h.t, jobs.Stop(context.WithoutCancel(ctx)))
		cancel()
		<-done
	})
}

// drain works off every job.
func (h *house) drain() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 30*time.Second)
	defer cancel()
	ok(h.t, h.kit.Jobs.Idle(ctx))
}

// tx runs f in a transaction.
func (h *house) tx(f func(ctx context.Context, tx *store.Tx) error) {
	h.t.Helper()
	ok(h.t, h.kit.Gate.InTx(h.t.Context(), func(tx *store.Tx) error { return f(h.t.Context(), tx) }))
}

// colleague makes a member of staff who has no way of signing in yet.
func (h *house) colleague(name, email string, roles ...loot.Role) loot.Actor {
	h.t.Helper()
	var a loot.Actor
	h.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		a, err = h.staff.Add(ctx, tx, staff.Newcomer{Name: name, Email: email, Roles: roles, Since: start.AddDate(0, -3, 0)})
		return err
	})
	return a
}

const (
	goodPassword = "correct otter bicycle lantern"
	anna         = "anna@network.example"
)

// withPassword gives a member of staff password and app, and returns the
// app's secret and the recovery codes.
func (h *house) withPassword(a loot.Actor) (secret string, recovery []string) {
	h.t.Helper()
	secret = newAppSecret()
	hash, err := h.desk.hashing.hash(h.t.Context(), goodPassword)
	ok(h.t, err)
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		if err := h.desk.setPassword(ctx, tx, a.ID, hash, secret, 0); err != nil {
			return err
		}
		recovery, err = h.desk.newRecoveryCodes(ctx, tx, a.ID)
		return err
	})
	return secret, recovery
}

// customer registers somebody with an address.
func (h *house) customer(email string) loot.Subject {
	h.t.Helper()
	return h.ordered(email).Subject
}

// ordered is customer, with what they ordered.
func (h *house) ordered(email string) gate.Ordered {
	h.t.Helper()
	order, err := h.desk.someone(h.t.Context(), email)
	ok(h.t, err)
	return order
}

var linkIn = regexp.MustCompile(regexp.QuoteMeta(base) + `(/[^\s"]+)`)

// linkTo returns the path of the link in the latest letter to somebody.
func (h *house) linkTo(email string) string {
	h.t.Helper()
	m, found := h.mail.last(email)
	if !found {
		h.t.Fatalf("no letter to %s", email)
	}
	at := linkIn.FindStringSubmatch(m.Text)
	if at == nil {
		h.t.Fatalf("no link in:\n%s", m.Text)
	}
	return at[1]
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var tags = regexp.MustCompile(`(?s)<script.*?</script>|<[^>]*>`)

// text returns what a reader sees of a page, in one line.
func text(page string) string {
	page = tags.ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(html.UnescapeString(page)), " ")
}

// shows fails unless the answer has the status and shows every one of the words.
func shows(t *testing.T, a webtest.Answer, status int, words ...string) {
	t.Helper()
	page := text(a.Body)
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, page)
	}
	for _, w := range words {
		if !strings.Contains(page, w) {
			t.Errorf("the page does not show %q: %s", w, page)
		}
	}
}

// leads fails unless the answer leads to a path.
func leads(t *testing.T, a webtest.Answer, to string) {
	t.Helper()
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != to {
		t.Fatalf("status %d to %q, want 303 to %q: %s", a.Status, a.Header.Get("Location"), to, text(a.Body))
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// hidden returns a hidden value of a page's form.
func hidden(t *testing.T, page, name string) string {
	t.Helper()
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		if m[1] == name {
			return html.UnescapeString(m[2])
		}
	}
	t.Fatalf("the page has no hidden field %q", name)
	return ""
}
