package vault_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/job"
	"loot/keyring"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/store/storetest"
	"loot/vault"
)

const customer, applicant = loot.Collection("customer"), loot.Collection("applicant")

var (
	desk     = loot.Actor{Kind: loot.Desk, ID: "customers"}
	staff    = loot.Actor{Kind: loot.Staff, ID: "u1", Roles: []loot.Role{"support"}}
	quiet    = slog.New(slog.DiscardHandler)
	errNever = errors.New("never mind")
)

// A clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Microsecond) // no two things happen at one instant
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// A bench is a vault and what it stands on.
type bench struct {
	*clock
	db    *store.DB
	keyDB *store.DB
	dir   string // of the root, the key folder and the log
	st    *statement.Statement
	keys  *keyring.Keyring
	gate  *gate.Gate
	jobs  *job.Client
	vault *vault.Vault
}

var engines = map[string]func(testing.TB) string{"sqlite": desktest.Kernel.SQLite, "postgres": desktest.Kernel.Postgres}

// each runs f on a vault on either engine, with the keys on SQLite.
func each(t *testing.T, f func(t *testing.T, b *bench)) {
	t.Helper()
	for name, url := range engines {
		t.Run(name, func(t *testing.T) { f(t, newBench(t, url, desktest.Keys)) })
	}
}

// eachAlike runs f with both databases on one engine.
func eachAlike(t *testing.T, f func(t *testing.T, b *bench)) {
	t.Helper()
	for name, url := range engines {
		t.Run(name, func(t *testing.T) { f(t, newBench(t, url, url)) })
	}
}

func newBench(t testing.TB, data, keys func(testing.TB) string) *bench {
	t.Helper()
	b := &bench{
		clock: &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
		db:    storetest.Open(t, data(t), nil), keyDB: storetest.Open(t, keys(t), nil), dir: t.TempDir(),
	}
	b.open(t)
	t.Cleanup(func() {
		if err := b.keys.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	ctx := t.Context()
	b.do(t, func(tx *store.Tx) error {
		if err := b.gate.Propose(ctx, tx, b.st); err != nil {
			return err
		}
		return b.gate.Announce(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "publication"}, b.st.Hash(), b.now(), "test")
	})
	return b
}

// open opens what stands on the databases and folders of b: another process.
func (b *bench) open(t testing.TB) {
	t.Helper()
	if err := b.assemble(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) assemble(ctx context.Context) error {
	root, err := keyring.FileRoot(filepath.Join(b.dir, "root.key"))
	if err != nil {
		return err
	}
	if b.keys, err = keyring.Open(ctx, keyring.Config{DB: b.keyDB, Dir: filepath.Join(b.dir, "keys"), Root: root, Now: b.now, Log: quiet}); err != nil {
		return err
	}
	l, err := ledger.Open(ctx, ledger.Config{DB: b.db, Keyring: b.keys, Dir: filepath.Join(b.dir, "log"), Origin: "network.example/ledger", Now: b.now, Log: quiet})
	if err != nil {
		return err
	}
	if b.jobs, err = job.New(b.db, job.Options{Log: quiet, Now: b.now, Simulated: true}); err != nil {
		return err
	}
	sealer, err := b.keys.System("approval")
	if err != nil {
		return err
	}
	src, err := os.ReadFile("testdata/statement.md")
	if err != nil {
		return err
	}
	if b.st, err = statement.Parse("statement.md", src); err != nil {
		return err
	}
	b.gate = gate.New(gate.Config{DB: b.db, Ledger: l, Jobs: b.jobs, Sealer: sealer, Now: b.now, Log: quiet})
	b.gate.Know(b.st)
	if err := b.gate.Refresh(ctx); err != nil {
		return err
	}
	b.vault = vault.New(vault.Config{DB: b.db, Gate: b.gate, Keyring: b.keys, Ledger: l, Jobs: b.jobs, Now: b.now, Log: quiet})
	return nil
}

// another is a second node: other processes on the same databases and folders.
func (b *bench) another(t testing.TB) *bench {
	t.Helper()
	other := *b
	other.open(t)
	t.Cleanup(func() {
		if err := other.keys.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &other
}

// counted adds up what the keyring counted so far.
func (b *bench) counted(t testing.TB) map[keyring.Kind]int64 {
	t.Helper()
	hours, err := b.keys.Hours(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	sum := map[keyring.Kind]int64{}
	for _, h := range hours {
		for kind, n := range h.Count {
			sum[kind] += n
		}
	}
	return sum
}

// do runs f in a transaction that must succeed.
func (b *bench) do(t testing.TB, f func(tx *store.Tx) error) {
	t.Helper()
	if err := b.gate.InTx(t.Context(), f); err != nil {
		t.Fatalf("%v", err)
	}
}

// request is what the desk asks by default.
func request(a loot.Action, s loot.Subject, fields ...loot.Field) gate.Request {
	return gate.Request{Action: a, Actor: desk, Desk: "customers", Purpose: "service", Subject: s, Collection: customer, Fields: fields}
}

// with decides a request and hands the permit to f.
func (b *bench) with(t testing.TB, r gate.Request, f func(tx *store.Tx, p gate.Permit) error) error {
	t.Helper()
	return b.gate.InTx(t.Context(), func(tx *store.Tx) error {
		p, err := b.gate.Decide(t.Context(), tx, r)
		if err != nil {
			return fmt.Errorf("decide: %w", err)
		}
		return f(tx, p)
	})
}

func fieldsOf(given map[loot.Field]string) []loot.Field {
	return slices.Sorted(maps.Keys(given))
}

// ada is a customer of ten fields and more.
func ada() map[loot.Field]string {
	return map[loot.Field]string{
		"company.name": "Lovelace Engines", "company.vat": "IE 1234567FA", "company.register": "HRB 99817 B",
		"address.street": "12 Analytical Row\nTop floor", "address.code": "D08 X2A7", "address.town": "Dunlaoghaire", "address.country": "IE",
		"contact.name": "Ada Lovelace", "contact.email": "Ada@Engines.example", "contact.phone": "+353 1 555 0199", "payment.iban": "IE29AIBK93115212345678",
	}
}

// create makes a customer of what is given.
func (b *bench) create(t testing.TB, given map[loot.Field]string) loot.Subject {
	t.Helper()
	s := loot.NewSubject()
	if err := b.keys.Create(t.Context(), s, customer); err != nil {
		t.Fatal(err)
	}
	err := b.with(t, request(loot.Collect, s, fieldsOf(given)...), func(tx *store.Tx, p gate.Permit) error {
		return b.vault.Create(t.Context(), tx, p, given, "your order: shared hosting")
	})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return s
}

func (b *bench) correct(t testing.TB, s loot.Subject, version int64, given map[loot.Field]string) error {
	t.Helper()
	return b.with(t, request(loot.Collect, s, fieldsOf(given)...), func(tx *store.Tx, p gate.Permit) error {
		return b.vault.Correct(t.Context(), tx, p, vault.Change{Version: version, Given: given, Source: "you, in your portal"})
	})
}

func (b *bench) values(t testing.TB, s loot.Subject, fields ...loot.Field) (vault.Values, error) {
	t.Helper()
	var out vault.Values
	err := b.with(t, request(loot.Use, s, fields...), func(tx *store.Tx, p gate.Permit) (err error) {
		out, err = b.vault.Open(t.Context(), tx, p)
		return err
	})
	return out, err
}

// clear opens fields and reveals them.
func (b *bench) clear(t testing.TB, s loot.Subject, fields ...loot.Field) map[loot.Field]string {
	t.Helper()
	values, err := b.values(t, s, fields...)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return reveal(values)
}

func reveal(values vault.Values) map[loot.Field]string {
	out := map[loot.Field]string{}
	for f, v := range values {
		out[f] = v.Reveal()
	}
	return out
}

func (b *bench) find(t testing.TB, f loot.Field, value string) []loot.Subject {
	t.Helper()
	var out []loot.Subject
	err := b.with(t, request(loot.Find, "", f), func(tx *store.Tx, p gate.Permit) (err error) {
		out, err = b.vault.Find(t.Context(), tx, p, f, value)
		return err
	})
	if err != nil {
		t.Fatalf("find: %v", err)
	}
	return out
}

func (b *bench) row(t testing.TB, s loot.Subject) (row vault.Row) {
	t.Helper()
	b.do(t, func(tx *store.Tx) (err error) {
		row, err = b.vault.Row(t.Context(), tx, s, customer)
		return err
	})
	return row
}

// sound fails for every problem of the vault and of the keys.
func (b *bench) sound(t testing.TB) vault.Report {
	t.Helper()
	for _, p := range b.problems(t) {
		t.Errorf("problem: %s", p)
	}
	r, err := b.vault.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (b *bench) problems(t testing.TB) []string {
	t.Helper()
	r, err := b.vault.Check(t.Context())
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	k, err := b.keys.Check(t.Context())
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	var out []string
	for _, p := range r.Problems {
		out = append(out, p.String())
	}
	for _, p := range k.Problems {
		out = append(out, p.String())
	}
	return out
}
