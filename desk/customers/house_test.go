package customers

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
	"loot/desk"
	"loot/desk/billing"
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

// A house is this desk and the one for billing on the whole kernel, with what
// other desks would know put in by hand.
type house struct {
	*webtest.Site
	t     testing.TB
	kit   desk.Kit
	desk  *customers
	clock *desk.Clock
	mail  *letterbox
	s     *statement.Statement

	idle        time.Duration     // since whoever asks signed in
	undertaking time.Time         // of every member of staff; zero: not signed
	cases       map[string]string // reference to kind
}

// A letterbox keeps what was sent.
type letterbox struct {
	mu  sync.Mutex
	all []mail.Message
}

func (l *letterbox) Send(_ context.Context, m mail.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, m)
	return nil
}

func (l *letterbox) sent() []mail.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]mail.Message(nil), l.all...)
}

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// onEach runs f in a house on each database.
func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel() // most of the time is spent waiting for jobs
	storetest.Each(t, map[string]fs.FS{"gate": gate.Migrations(), "vault": vault.Migrations()}, func(t *testing.T, db *store.DB) {
		f(t, newHouse(t, db, whole(t)))
	})
}

// benchEach runs f in a house on each database.
func benchEach(b *testing.B, f func(*testing.B, *house)) {
	b.Helper()
	for name, open := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := storetest.Open(b, open(b), map[string]fs.FS{"gate": gate.Migrations(), "vault": vault.Migrations()})
			f(b, newHouse(b, db, whole(b)))
		})
	}
}

// whole returns the default statement.
func whole(t testing.TB) *statement.Statement {
	t.Helper()
	s, err := statement.Parse("statement.md", statement.Default())
	ok(t, err)
	return s
}

// newHouse returns a house, with the desks that are put beside.
func newHouse(t testing.TB, db *store.DB, s *statement.Statement, beside ...func(desk.Kit) (desk.Desk, error)) *house {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	h := &house{t: t, clock: desk.NewClock(start), mail: &letterbox{}, undertaking: start.Add(-time.Hour), cases: map[string]string{}}
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
	g.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		if r.Actor.Kind == loot.Staff {
			in.Actor.Undertaking = h.undertaking
		}
		return nil
	})
	g.Fact("context.case", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		in.Context.Case = h.cases[r.Case]
		return nil
	})
	h.kit = desk.Kit{
		Log: log, Now: now, DB: db, Gate: g, Vault: v, Ledger: led, Keyring: keys, Jobs: jobs, Mail: h.mail, BaseURL: "https://loot.example",
		House: func() mail.House {
			return mail.House{Name: "Loot", From: "Loot <no-reply@loot.example>", URL: "https://loot.example"}
		},
	}
	bill := billing.New(h.kit, func(ctx context.Context, tx *store.Tx, id string) (billing.Order, error) {
		o, err := FindOrder(ctx, tx, id)
		return billing.Order{Subject: o.Subject, Service: o.Service, Plan: o.Plan, Made: o.Made, Ended: o.Ended}, err
	})
	var desks []desk.Desk
	h.desk = build(h.kit, Needs{
		Plans: bill.Plans,
		Services: func(ctx context.Context, tx *store.Tx, s loot.Subject) ([]Service, error) {
			var out []Service
			all, err := bill.Services(ctx, tx, s)
			for _, one := range all {
				out = append(out, Service{one.Reference, one.Service, one.Title, one.Plan, one.Since, one.Ended})
			}
			return out, err
		},
		EndServices: bill.EndAll,
		Desks:       func() []desk.Desk { return desks },
	})
	desks = []desk.Desk{h.desk.desk(), bill.Desk()}
	for _, f := range beside {
		d, err := f(h.kit)
		ok(t, err)
		desks = append(desks, d)
	}
	var routes [][]web.Route
	for _, d := range desks {
		ok(t, db.Migrate(ctx, d.Name, d.Migrations))
		routes = append(routes, d.Routes)
	}
	ok(t, jobs.Migrate(ctx))
	h.inForce(s)
	h.run(led, jobs)
	h.Site = webtest.New(t, web.Options{Now: now, Log: log, NoLimits: true, Identify: func(*http.Request) (web.Identity, error) {
		return web.Identity{Actor: h.Actor, Name: "Test", At: now().Add(-h.idle)}, nil
	}}, routes...)
	return h
}

// inForce puts a statement in force.
func (h *house) inForce(s *statement.Statement) {
	h.t.Helper()
	h.s = s
	h.kit.Gate.Know(s)
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

// drain works off every job and has the ledger confirm everything.
func (h *house) drain() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 30*time.Second)
	defer cancel()
	ok(h.t, h.kit.Jobs.Idle(ctx))
	ok(h.t, h.kit.Ledger.Sync(ctx))
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Jo is a customer who gives what shared hosting needs, and a telephone number.
var jo = []string{
	"company.name", "Example Meadow Ltd", "address.street", "1 Sample Quay", "address.city", "Exampleton", "address.country", "IE",
	"contact.email", "jo@example.com", "contact.phone", "+353 1 555 0100", "company.vat", "IE1234567T", "plan", "shared-small",
}

// with returns pairs in which some are replaced, added or, with "-", left out.
func with(pairs []string, changes ...string) []string {
	out := append([]string(nil), pairs...)
	for i := 0; i+1 < len(changes); i += 2 {
		at := -1
		for j := 0; j+1 < len(out); j += 2 {
			if out[j] == changes[i] {
				at = j
			}
		}
		switch {
		case changes[i+1] == "-":
			if at >= 0 {
				out = append(out[:at], out[at+2:]...)
			}
		case at >= 0:
			out[at+1] = changes[i+1]
		default:
			out = append(out, changes[i], changes[i+1])
		}
	}
	return out
}

var sentName = regexp.MustCompile(`name="sent" value="([^"]+)"`)

// register orders shared hosting as a visitor does and returns who that made.
func (h *house) register(pairs ...string) loot.Subject {
	h.t.Helper()
	before := h.everybody()
	h.Actor = loot.Actor{}
	form := h.Get("/order/shared-hosting")
	m := sentName.FindStringSubmatch(form.Body)
	if form.Status != http.StatusOK || m == nil {
		h.t.Fatalf("the form: %d\n%s", form.Status, form.Body)
	}
	a := h.Post("/order/shared-hosting", append(pairs, "sent", m[1])...)
	if a.Status != http.StatusSeeOther {
		h.t.Fatalf("register: %d\n%s", a.Status, text(a.Body))
	}
	h.drain()
	for s := range h.everybody() {
		if !before[s] {
			return s
		}
	}
	h.t.Fatal("nobody was registered")
	return ""
}

func (h *house) everybody() map[loot.Subject]bool {
	h.t.Helper()
	ctx, out := h.t.Context(), map[loot.Subject]bool{}
	ok(h.t, h.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		rows, err := h.kit.Vault.List(ctx, tx, collection, "", 1000)
		for _, r := range rows {
			out[r.Subject] = true
		}
		return err
	}))
	return out
}

func (h *house) as(s loot.Subject) { h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)} }

func (h *house) asStaff(id string, roles ...loot.Role) {
	h.Actor = loot.Actor{Kind: loot.Staff, ID: id, Name: "Made-up " + id, Roles: roles}
}

// items returns the timeline of a person as the ledger has it.
func (h *house) items(s loot.Subject) []ledger.Item {
	h.t.Helper()
	var items []ledger.Item
	ok(h.t, h.kit.DB.ReadTx(h.t.Context(), func(tx *store.Tx) (err error) {
		items, err = h.kit.Ledger.Timeline(h.t.Context(), tx, s, collection, "", 200)
		return err
	}))
	return items
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

// hides fails if the answer shows one of the words anywhere.
func hides(t *testing.T, a webtest.Answer, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(a.Body, w) {
			t.Errorf("the page shows %q", w)
		}
	}
}
