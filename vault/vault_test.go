package vault_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
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
	desk  = loot.Actor{Kind: loot.Desk, ID: "customers"}
	staff = loot.Actor{Kind: loot.Staff, ID: "u1", Roles: []loot.Role{"support"}}
	quiet = slog.New(slog.DiscardHandler)
	never = errors.New("never mind")
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

var tables = map[string]fs.FS{"gate": gate.Migrations(), "vault": vault.Migrations()}

var engines = map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres}

// each runs f on a vault on either engine, with the keys on SQLite.
func each(t *testing.T, f func(t *testing.T, b *bench)) {
	t.Helper()
	for name, url := range engines {
		t.Run(name, func(t *testing.T) { f(t, newBench(t, url, storetest.SQLite)) })
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
		db:    storetest.Open(t, data(t), tables), keyDB: storetest.Open(t, keys(t), nil), dir: t.TempDir(),
	}
	b.open(t)
	t.Cleanup(func() {
		if err := b.keys.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	ctx := t.Context()
	if err := b.jobs.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
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
	ctx := t.Context()
	root, err := keyring.FileRoot(filepath.Join(b.dir, "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	if b.keys, err = keyring.Open(ctx, keyring.Config{DB: b.keyDB, Dir: filepath.Join(b.dir, "keys"), Root: root, Now: b.now, Log: quiet}); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(ctx, ledger.Config{DB: b.db, Keyring: b.keys, Dir: filepath.Join(b.dir, "log"), Origin: "network.example/ledger", Now: b.now, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	if b.jobs, err = job.New(b.db, job.Options{Log: quiet, Now: b.now, Simulated: true}); err != nil {
		t.Fatal(err)
	}
	sealer, err := b.keys.System("approval")
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile("testdata/statement.md")
	if err != nil {
		t.Fatal(err)
	}
	if b.st, err = statement.Parse("statement.md", src); err != nil {
		t.Fatal(err)
	}
	b.gate = gate.New(gate.Config{DB: b.db, Ledger: l, Jobs: b.jobs, Sealer: sealer, Now: b.now, Log: quiet})
	b.gate.Know(b.st)
	if err := b.gate.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	b.vault = vault.New(vault.Config{DB: b.db, Gate: b.gate, Keyring: b.keys, Ledger: l, Jobs: b.jobs, Now: b.now, Log: quiet})
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
		return b.vault.Correct(t.Context(), tx, p, version, given, "you, in your portal")
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

func TestWhatIsGivenComesBack(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		given := ada()
		s := b.create(t, given)
		values, err := b.values(t, s, fieldsOf(given)...)
		if err != nil {
			t.Fatal(err)
		}
		if got := reveal(values); !maps.Equal(got, given) {
			t.Errorf("got %v", got)
		}
		about := values["contact.email"].About
		if about.Source != "your order: shared hosting" || about.Statement != b.st.Hash() || about.State != "unverified" || !about.Until.IsZero() || b.now().Sub(about.At) > time.Second {
			t.Errorf("about: %+v", about)
		}
		var held map[loot.Field]vault.About
		b.do(t, func(tx *store.Tx) (err error) {
			held, err = b.vault.Held(t.Context(), tx, s, customer)
			return err
		})
		if len(held) != len(given) || held["contact.email"] != about {
			t.Errorf("held: %v", held)
		}
		if got := b.clear(t, s, "contact.name", "company.vat"); len(got) != 2 || got["contact.name"] != "Ada Lovelace" {
			t.Errorf("opened %v where two fields are permitted", got)
		}
		if r := b.sound(t); r.Records != 1 || r.Values != len(given) {
			t.Errorf("%+v", r)
		}
	})
}

// TestWrongCallerGetsNothing: each of these is a fault in the program or an
// attack. None opens, finds or changes anything.
func TestWrongCallerGetsNothing(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		s, other := b.create(t, ada()), b.create(t, map[loot.Field]string{"contact.name": "Charles Babbage"})
		before := b.row(t, s)
		use := request(loot.Use, s, "contact.name")
		collect := request(loot.Collect, s, "contact.name")
		wider := map[loot.Field]string{"contact.name": "Eve", "contact.email": "eve@example.net"}
		var stolen gate.Permit
		if err := b.with(t, use, func(_ *store.Tx, p gate.Permit) error { stolen = p; return nil }); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			req gate.Request
			how string
			try func(tx *store.Tx, p gate.Permit) (any, error)
		}{
			"zero permit": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) { return b.vault.Open(ctx, tx, gate.Permit{}) }},
			"zero, whole": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) { return b.vault.OpenWhole(ctx, tx, gate.Permit{}) }},
			"zero, find": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return b.vault.Find(ctx, tx, gate.Permit{}, "contact.email", "Ada@Engines.example")
			}},
			"zero, create": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return nil, b.vault.Create(ctx, tx, gate.Permit{}, wider, "x")
			}},
			"zero, add": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return nil, b.vault.Add(ctx, tx, gate.Permit{}, wider, "x")
			}},
			"zero, correct": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return nil, b.vault.Correct(ctx, tx, gate.Permit{}, 1, wider, "x")
			}},
			"zero, erase": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) { return nil, b.vault.Erase(ctx, tx, gate.Permit{}) }},
			"zero, file":  {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) { return b.vault.OpenFile(ctx, tx, gate.Permit{}, "f1") }},
			"zero, keep": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return nil, b.vault.KeepFile(ctx, tx, gate.Permit{}, "f1", "x")
			}},
			"zero, remove": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return nil, b.vault.RemoveFile(ctx, tx, gate.Permit{}, "f1")
			}},
			"kept from then": {use, "elsewhere", func(tx *store.Tx, _ gate.Permit) (any, error) { return b.vault.Open(ctx, tx, stolen) }},
			"used twice": {use, "twice", func(tx *store.Tx, p gate.Permit) (any, error) {
				if _, err := b.vault.Open(ctx, tx, p); err != nil {
					t.Error(err)
				}
				return b.vault.Open(ctx, tx, p)
			}},
			"a copy": {use, "twice", func(tx *store.Tx, p gate.Permit) (any, error) {
				again := p
				if _, err := b.vault.Open(ctx, tx, p); err != nil {
					t.Error(err)
				}
				return b.vault.OpenWhole(ctx, tx, again)
			}},
			"to use, and finds": {use, "widened", func(tx *store.Tx, p gate.Permit) (any, error) {
				return b.vault.Find(ctx, tx, p, "contact.name", "Ada Lovelace")
			}},
			"to use, and writes": {use, "widened", func(tx *store.Tx, p gate.Permit) (any, error) {
				return nil, b.vault.Add(ctx, tx, p, map[loot.Field]string{"contact.name": "Eve"}, "x")
			}},
			"to use, and erases":    {use, "widened", func(tx *store.Tx, p gate.Permit) (any, error) { return nil, b.vault.Erase(ctx, tx, p) }},
			"to collect, and opens": {collect, "widened", func(tx *store.Tx, p gate.Permit) (any, error) { return b.vault.Open(ctx, tx, p) }},
			"adds more fields":      {collect, "widened", func(tx *store.Tx, p gate.Permit) (any, error) { return nil, b.vault.Add(ctx, tx, p, wider, "x") }},
			"corrects more fields": {collect, "widened", func(tx *store.Tx, p gate.Permit) (any, error) {
				return nil, b.vault.Correct(ctx, tx, p, before.Version, wider, "x")
			}},
			"creates with more": {request(loot.Collect, other, "contact.name"), "widened", func(tx *store.Tx, p gate.Permit) (any, error) { return nil, b.vault.Create(ctx, tx, p, wider, "x") }},
			"finds by another field": {request(loot.Find, "", "contact.email"), "widened", func(tx *store.Tx, p gate.Permit) (any, error) {
				return b.vault.Find(ctx, tx, p, "company.name", "Lovelace Engines")
			}},
			"collects about nobody": {request(loot.Collect, "", "contact.name"), "widened", func(tx *store.Tx, p gate.Permit) (any, error) {
				return nil, b.vault.Create(ctx, tx, p, map[loot.Field]string{"contact.name": "Eve"}, "x")
			}},
		} {
			t.Run(name, func(t *testing.T) {
				err := b.with(t, c.req, func(tx *store.Tx, p gate.Permit) error {
					got, err := c.try(tx, p)
					if fmt.Sprint(got) != "<nil>" && fmt.Sprint(got) != "map[]" && fmt.Sprint(got) != "[]" && fmt.Sprint(got) != fmt.Sprint(vault.Whole{}) {
						t.Errorf("got %T", got)
					}
					return err
				})
				if m, ok := errors.AsType[*gate.Misuse](err); !ok || m.How != c.how {
					t.Errorf("error %v; want a misuse: %s", err, c.how)
				}
				if loot.KindOf(err) != loot.Internal {
					t.Errorf("the caller is told %q", loot.Message(err))
				}
			})
		}
		if got := b.row(t, s); got != before {
			t.Errorf("changed: %+v, before %+v", got, before)
		}
		// Another person's permit opens nothing of this one: the subject is the
		// permit's, and no call takes another.
		if got := b.clear(t, other, fieldsOf(ada())...); len(got) != 1 || got["contact.name"] != "Charles Babbage" {
			t.Errorf("got %v", got)
		}
	})
}

func TestCustomersDataIsNotReadAsAnApplicants(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		r := request(loot.Use, s, "contact.name", "contact.email")
		r.Actor.ID, r.Desk, r.Purpose, r.Collection = "hiring", "hiring", "hiring", applicant
		err := b.with(t, r, func(tx *store.Tx, p gate.Permit) error {
			_, err := b.vault.Open(t.Context(), tx, p)
			return err
		})
		if loot.KindOf(err) != loot.NotFound {
			t.Errorf("got %v", err)
		}
	})
}

func TestRolledBackOpeningIsCountedApart(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		start := b.now().Truncate(time.Hour)
		b.clear(t, s, "contact.name", "contact.email", "company.vat")
		err := b.with(t, request(loot.Use, s, "contact.name", "contact.email"), func(tx *store.Tx, p gate.Permit) error {
			if _, err := b.vault.Open(t.Context(), tx, p); err != nil {
				return err
			}
			return never
		})
		if !errors.Is(err, never) {
			t.Fatal(err)
		}
		ops, err := b.keys.Operations(t.Context(), start, start.Add(time.Hour))
		if err != nil || ops[keyring.Record] != 3 || ops[keyring.Discarded] != 2 || ops[keyring.System] != 0 {
			t.Errorf("%v, %v; want 3 for permits and 2 discarded", ops, err)
		}
		b.sound(t)
		ops, err = b.keys.Operations(t.Context(), start, start.Add(time.Hour))
		if err != nil || ops[keyring.Record] != 3 || ops[keyring.System] != int64(2*len(ada())) {
			t.Errorf("%v, %v; want a check to count as the program's own", ops, err)
		}
	})
}

func TestMaskedDisplayHidesTheValue(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		given := ada()
		s := b.create(t, given)
		show := func(reveal bool) vault.Values {
			r := request(loot.Use, s, fieldsOf(given)...)
			r.Actor, r.Unmask = staff, reveal
			var out vault.Values
			if err := b.with(t, r, func(tx *store.Tx, p gate.Permit) (err error) {
				out, err = b.vault.Open(t.Context(), tx, p)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return out
		}
		got := show(false)
		for f, want := range map[loot.Field]string{
			"company.name": "Lovelace Engines", "contact.email": "A•••@E•••.example", "contact.phone": "•••• 0199",
			"contact.name": "A••• L•••", "address.country": "•••", "payment.iban": "••••••",
		} {
			if got[f].Reveal() != want {
				t.Errorf("%s: %q; want %q", f, got[f].Reveal(), want)
			}
			if got[f].Masked != (f != "company.name") {
				t.Errorf("%s: masked %v", f, got[f].Masked)
			}
		}
		for f, v := range show(true) {
			if v.Masked || v.Reveal() != given[f] {
				t.Errorf("revealed %s: %q", f, v.Reveal())
			}
		}
	})
}

func TestCorrectionKeepsTheFormerValueSealed(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		first := b.row(t, s)
		b.pass(time.Hour)
		if err := b.correct(t, s, first.Version, map[loot.Field]string{"contact.email": "ada@lovelace.example", "contact.phone": ""}); err != nil {
			t.Fatal(err)
		}
		second := b.row(t, s)
		if second.Version != first.Version+1 || !second.Changed.After(first.Changed) || !second.Created.Equal(first.Created) {
			t.Errorf("row: %+v, before %+v", second, first)
		}
		// Removed and given again, twice: every value keeps a number of its own.
		for _, phone := range []string{"+353 1 555 0100", "", "+353 1 555 0101"} {
			if err := b.correct(t, s, b.row(t, s).Version, map[loot.Field]string{"contact.phone": phone}); err != nil {
				t.Fatal(err)
			}
		}
		r := request(loot.Export, s, fieldsOf(ada())...)
		r.Actor = loot.Actor{Kind: loot.Person, ID: string(s)}
		var whole vault.Whole
		if err := b.with(t, r, func(tx *store.Tx, p gate.Permit) (err error) {
			whole, err = b.vault.OpenWhole(t.Context(), tx, p)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got := whole.Values["contact.email"]; got.Reveal() != "ada@lovelace.example" || got.Source != "you, in your portal" {
			t.Errorf("now %q, %+v", got.Reveal(), got.About)
		}
		former := whole.Former["contact.email"]
		if len(former) != 1 || former[0].Reveal() != "Ada@Engines.example" || former[0].Source != "your order: shared hosting" || !former[0].Replaced.Equal(second.Changed) {
			t.Errorf("former: %+v", former)
		}
		var phones []string
		for _, f := range whole.Former["contact.phone"] {
			phones = append(phones, f.Reveal())
		}
		if want := []string{"+353 1 555 0100", "+353 1 555 0199"}; !slices.Equal(phones, want) {
			t.Errorf("former numbers: %q; want %q", phones, want)
		}
		if got := b.find(t, "contact.email", "ada@engines.example"); len(got) != 0 {
			t.Error("found by a former value")
		}
		if got := b.find(t, "contact.email", "ada@lovelace.example"); !slices.Equal(got, []loot.Subject{s}) {
			t.Errorf("found %v", got)
		}
		b.sound(t)
	})
}

// TestNoChangeIsLostSilently: of many who change what they saw, one does, and
// the others are told.
func TestNoChangeIsLostSilently(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		version := b.row(t, s).Version
		var mu sync.Mutex
		var wg sync.WaitGroup
		done, told := 0, 0
		for i := range 8 {
			wg.Go(func() {
				err := b.correct(t, s, version, map[loot.Field]string{"contact.name": fmt.Sprint("Ada ", i)})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					done++
				case loot.KindOf(err) == loot.Conflict:
					told++
				default:
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		if done != 1 || told != 7 {
			t.Errorf("%d changed, %d were told", done, told)
		}
		b.sound(t)
	})
}

func TestCreateTwiceConflicts(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		err := b.with(t, request(loot.Collect, s, "contact.name"), func(tx *store.Tx, p gate.Permit) error {
			return b.vault.Create(t.Context(), tx, p, map[loot.Field]string{"contact.name": "Eve"}, "x")
		})
		if loot.KindOf(err) != loot.Conflict {
			t.Errorf("got %v", err)
		}
		if got := b.clear(t, s, "contact.name")["contact.name"]; got != "Ada Lovelace" {
			t.Errorf("now %q", got)
		}
	})
}

func TestAddKeepsWhatIsHeld(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, map[loot.Field]string{"contact.name": "Ada"})
		more := map[loot.Field]string{"contact.email": "ada@example.net", "contact.name": "Ada Lovelace"}
		if err := b.with(t, request(loot.Collect, s, fieldsOf(more)...), func(tx *store.Tx, p gate.Permit) error {
			return b.vault.Add(t.Context(), tx, p, more, "another order")
		}); err != nil {
			t.Fatal(err)
		}
		if got := b.clear(t, s, "contact.name", "contact.email"); !maps.Equal(got, more) {
			t.Errorf("got %v", got)
		}
		b.sound(t)
	})
}

func TestBadValuesAreRefused(t *testing.T) {
	b := newBench(t, storetest.SQLite, storetest.SQLite)
	s := b.create(t, ada())
	for name, value := range map[string]string{"encoding": "\xff\xfe", "length": strings.Repeat("é", 201)} {
		err := b.correct(t, s, 1, map[loot.Field]string{"contact.name": value})
		var wrong *loot.Error
		if !errors.As(err, &wrong) || wrong.Kind != loot.Invalid || wrong.Fields["contact.name"] == "" || strings.Contains(err.Error(), value) {
			t.Errorf("%s: %v", name, err)
		}
	}
	hostile := strings.Repeat("'; DROP TABLE vault_record; --\x00", 6)
	if err := b.correct(t, s, 1, map[loot.Field]string{"contact.name": hostile}); err != nil {
		t.Fatal(err)
	}
	if got := b.clear(t, s, "contact.name")["contact.name"]; got != hostile {
		t.Errorf("got %q", got)
	}
}

func TestFindBySpelling(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, map[loot.Field]string{"company.name": "Straße  &  Söhne ＧｍｂＨ", "company.vat": "DE 123.456-789", "contact.email": "Jörg@BÜCHER.example"})
		twin := b.create(t, map[loot.Field]string{"company.name": "strasse & söhne gmbh"})
		b.create(t, ada())
		both := []loot.Subject{s, twin}
		slices.Sort(both)
		for _, c := range []struct {
			f    loot.Field
			v    string
			want []loot.Subject
		}{
			{"company.name", "STRASSE & SÖHNE GMBH ", both},
			{"company.name", "Straße & So\u0308hne GmbH", both},
			{"company.name", "Strasse", nil},
			{"company.vat", "de123456789", []loot.Subject{s}},
			{"company.vat", "DE123456780", nil},
			{"contact.email", " jörg@bücher.EXAMPLE", []loot.Subject{s}},
			{"contact.email", "jörg@xn--bcher-kva.example", []loot.Subject{s}},
			{"contact.email", "", nil},
		} {
			if got := b.find(t, c.f, c.v); !slices.Equal(got, c.want) {
				t.Errorf("%s %q: %v; want %v", c.f, c.v, got, c.want)
			}
		}
		err := b.with(t, request(loot.Find, "", "address.town"), func(tx *store.Tx, p gate.Permit) error {
			_, err := b.vault.Find(t.Context(), tx, p, "address.town", "Dunlaoghaire")
			return err
		})
		if loot.KindOf(err) != loot.Invalid {
			t.Errorf("by a field that is not looked up: %v", err)
		}
		b.sound(t)
	})
}

func TestListGoesThroughAllLatestFirst(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var want []loot.Subject
		for range 25 {
			want = append(want, b.create(t, map[loot.Field]string{"contact.name": "x"}))
		}
		slices.Reverse(want)
		var got []loot.Subject
		var n int
		b.do(t, func(tx *store.Tx) (err error) {
			got = nil
			var after loot.Subject
			for {
				rows, err := b.vault.List(t.Context(), tx, customer, after, 10)
				if err != nil {
					return err
				}
				for _, r := range rows {
					got = append(got, r.Subject)
				}
				if len(rows) < 10 {
					break
				}
				after = rows[len(rows)-1].Subject
			}
			n, err = b.vault.Count(t.Context(), tx, customer)
			return err
		})
		if !slices.Equal(got, want) || n != 25 {
			t.Errorf("%d of %d listed, in order %v; counted %d", len(got), len(want), slices.Equal(got, want), n)
		}
	})
}

func TestMarkIsOfTheValueThatWasChecked(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		mark := func(version int64, as map[loot.Field]string) error {
			return b.gate.InTx(t.Context(), func(tx *store.Tx) error { return b.vault.Mark(t.Context(), tx, s, customer, version, as) })
		}
		if err := mark(1, map[loot.Field]string{"company.vat": "verified"}); err != nil {
			t.Fatal(err)
		}
		values, err := b.values(t, s, "company.vat", "company.name")
		if err != nil || values["company.vat"].State != "verified" || values["company.name"].State != "unverified" {
			t.Errorf("%v, %v", values, err)
		}
		if err := mark(1, map[loot.Field]string{"company.vat": "disputed"}); loot.KindOf(err) != loot.Conflict {
			t.Errorf("of an older version: %v", err)
		}
		if err := mark(2, map[loot.Field]string{"company.vat": "splendid"}); err == nil {
			t.Error("a state that does not exist")
		}
		if err := b.correct(t, s, 2, map[loot.Field]string{"company.vat": "IE 7654321FA"}); err != nil {
			t.Fatal(err)
		}
		if values, err = b.values(t, s, "company.vat"); err != nil || values["company.vat"].State != "unverified" {
			t.Errorf("a corrected value is verified still: %v, %v", values, err)
		}
	})
}

func TestDueFieldsAreTold(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		b.create(t, ada())
		now := b.now()
		keep := func(until map[loot.Field]time.Time) {
			b.do(t, func(tx *store.Tx) error { return b.vault.KeepUntil(t.Context(), tx, s, customer, until) })
		}
		due := func(at time.Time) (out []vault.Due) {
			b.do(t, func(tx *store.Tx) (err error) {
				out, err = b.vault.Due(t.Context(), tx, at, 10)
				return err
			})
			return out
		}
		keep(map[loot.Field]time.Time{"contact.phone": now.Add(time.Hour), "company.vat": now.Add(48 * time.Hour), "nothing.here": now})
		if got := due(now); len(got) != 0 {
			t.Errorf("too early: %v", got)
		}
		if got := due(now.Add(2 * time.Hour)); len(got) != 1 || got[0].Subject != s || !slices.Equal(got[0].Fields, []loot.Field{"contact.phone"}) {
			t.Errorf("after two hours: %v", got)
		}
		values, err := b.values(t, s, "contact.phone")
		if err != nil || !values["contact.phone"].Until.Equal(now.Add(time.Hour).Truncate(time.Second)) {
			t.Errorf("until %v, %v", values["contact.phone"].Until, err)
		}
		keep(map[loot.Field]time.Time{"contact.phone": {}, "company.vat": {}})
		if got := due(now.Add(1000 * time.Hour)); len(got) != 0 {
			t.Errorf("after it was lifted: %v", got)
		}
	})
}

// TestClearIsRedactedEverywhere: the text leaves by Reveal and no other way.
func TestClearIsRedactedEverywhere(t *testing.T) {
	b := newBench(t, storetest.SQLite, storetest.SQLite)
	s := b.create(t, ada())
	values, err := b.values(t, s, "contact.name")
	if err != nil {
		t.Fatal(err)
	}
	v := values["contact.name"]
	var out []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%100v", "%-3s"} {
		for _, x := range []any{v, &v, v.Clear, &v.Clear, values, []vault.Value{v}, struct{ V vault.Clear }{v.Clear}, struct{ v vault.Value }{v}, struct{ v *vault.Clear }{&v.Clear}} {
			out = append(out, fmt.Sprintf(verb, x))
		}
	}
	for _, x := range []any{v, v.Clear, values, map[string]any{"v": v.Clear}} {
		text, err := json.Marshal(x)
		if err != nil {
			t.Error(err)
		}
		out = append(out, string(text))
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("opened", "v", v, "c", v.Clear, "all", values)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("opened", "v", v, "c", v.Clear, "all", values)
	out = append(out, log.String(), fmt.Sprint(v), fmt.Sprintln(values), errors.New(v.String()).Error())
	for _, text := range out {
		if strings.Contains(text, "Ada") || strings.Contains(text, "416461") {
			t.Errorf("in clear: %s", text)
		}
	}
	if !strings.Contains(fmt.Sprint(v), "[redacted]") || v.Reveal() != "Ada Lovelace" {
		t.Errorf("%v, %q", v, v.Reveal())
	}
}
