package gate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/job"
	"loot/keyring"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

const customer loot.Collection = "customer"

var (
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	shop    = loot.Actor{Kind: loot.Desk, ID: "shop"}
	acme    = loot.Actor{Kind: loot.Partner, ID: "acme"}
	support = loot.Actor{Kind: loot.Staff, ID: "u-support", Name: "Sam Support", Roles: []loot.Role{"support"}}
)

// A bench is a gate with what it stands on.
type bench struct {
	testing.TB
	ctx    context.Context
	db     *store.DB
	keys   *keyring.Keyring
	ledger *ledger.Ledger
	jobs   *job.Client
	gate   *gate.Gate
	clock  *desk.Clock
	signed map[string]time.Time // staff id to when they signed the undertaking
	asked  atomic.Int64         // how often the fact of the undertaking was asked for
	raised chan string          // what is told of incidents
	told   chan string          // what the person is told
	kept   gate.Permit          // out of its transaction
}

// each runs a test on both databases, with the statement of the tests in force.
func each(t *testing.T, f func(b *bench)) {
	t.Helper()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db)
		b.inForce(b.parse(source(t)))
		f(b)
	})
}

func newBench(t *testing.T, db *store.DB) *bench {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	b := &bench{
		TB: t, ctx: ctx, db: db, clock: desk.NewClock(noon), signed: map[string]time.Time{},
		raised: make(chan string, 1000), told: make(chan string, 1000),
	}
	log := slog.New(slog.DiscardHandler)
	keys, err := store.Open(ctx, "sqlite:"+filepath.Join(dir, "keys.db"))
	b.ok(err)
	t.Cleanup(func() { keys.Close() })
	root, err := keyring.FileRoot(filepath.Join(dir, "root.key"))
	b.ok(err)
	b.keys, err = keyring.Open(ctx, keyring.Config{DB: keys, Dir: filepath.Join(dir, "keys"), Root: root, Now: b.clock.Now, Log: log})
	b.ok(err)
	t.Cleanup(func() { b.keys.Close(context.Background()) })
	b.jobs, err = job.New(db, job.Options{Log: log, Now: b.clock.Now, Simulated: true})
	b.ok(err)
	b.ledger, err = ledger.Open(ctx, ledger.Config{DB: db, Keyring: b.keys, Dir: filepath.Join(dir, "log"), Origin: "small.example/ledger", Now: b.clock.Now, Log: log})
	b.ok(err)
	sealer, err := b.keys.System("approval")
	b.ok(err)
	b.gate = gate.New(gate.Config{DB: db, Ledger: b.ledger, Jobs: b.jobs, Sealer: sealer, Now: b.clock.Now, Log: log})
	b.gate.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		b.asked.Add(1)
		in.Actor.Undertaking = b.signed[r.Actor.ID]
		return nil
	})
	b.jobs.Listen("incident.raised", "test", func(_ context.Context, id string) error { b.raised <- id; return nil })
	b.jobs.Listen("notify.subject", "test", func(_ context.Context, id string) error { b.told <- id; return nil })
	return b
}

func source(t testing.TB) []byte {
	t.Helper()
	src, err := os.ReadFile("testdata/statement.md")
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func (b *bench) parse(src []byte) *statement.Statement {
	b.Helper()
	s, err := statement.Parse("statement.md", src)
	b.ok(err)
	return s
}

// with returns the statement of the tests with one text in place of another.
func (b *bench) with(old, new string) *statement.Statement {
	b.Helper()
	src := source(b)
	if !bytes.Contains(src, []byte(old)) {
		b.Fatalf("the statement does not say %q", old)
	}
	src = bytes.Replace(src, []byte(`version: "1"`), fmt.Appendf(nil, "version: %q", "with "+new[:min(len(new), 100)]), 1)
	return b.parse(bytes.Replace(src, []byte(old), []byte(new), 1))
}

// inForce puts the first version in force.
func (b *bench) inForce(s *statement.Statement) {
	b.Helper()
	b.tx(func(tx *store.Tx) error {
		return errors.Join(b.gate.Propose(b.ctx, tx, s), b.gate.Announce(b.ctx, tx, shop, s.Hash(), b.clock.Now(), "first"))
	})
}

// run starts the jobs.
func (b *bench) run() {
	b.Helper()
	b.ok(b.jobs.Start(b.ctx))
	b.Cleanup(func() { b.jobs.Stop(context.Background()) })
}

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) tx(f func(tx *store.Tx) error) {
	b.Helper()
	b.ok(b.gate.InTx(b.ctx, f))
}

func (b *bench) kind(err error, want loot.Kind) {
	b.Helper()
	if got := loot.KindOf(err); err == nil || got != want {
		b.Errorf("kind %d of %v, want %d", got, err, want)
	}
}

// person makes somebody who ordered a server.
func (b *bench) person() loot.Subject {
	b.Helper()
	s := loot.NewSubject()
	b.ok(b.keys.Create(b.ctx, s, customer))
	b.tx(func(tx *store.Tx) error {
		return b.gate.Order(b.ctx, tx, gate.Ordered{Subject: s, Collection: customer, By: shop, Reference: "o1", Service: "server"})
	})
	return s
}

// sign has a member of staff sign the undertaking.
func (b *bench) sign(a loot.Actor) loot.Actor {
	b.signed[a.ID] = b.clock.Now()
	return a
}

func (b *bench) choose(s loot.Subject, offer string, yes bool) {
	b.Helper()
	b.tx(func(tx *store.Tx) error { return b.choice(tx, s, offer, yes) })
}

func (b *bench) choice(tx *store.Tx, s loot.Subject, offer string, yes bool) error {
	c := gate.Choice{Subject: s, Collection: customer, By: own(s), Offer: offer}
	if yes {
		return b.gate.Permit(b.ctx, tx, c)
	}
	return b.gate.Withdraw(b.ctx, tx, c)
}

func own(s loot.Subject) loot.Actor { return loot.Actor{Kind: loot.Person, ID: string(s)} }

// use is the shop's request to use an address.
func use(s loot.Subject, p loot.Purpose) gate.Request {
	return gate.Request{
		Action: loot.Use, Actor: shop, Desk: "shop", Purpose: p, Subject: s, Collection: customer, Fields: []loot.Field{"contact.email"},
	}
}

// by is use by a member of staff.
func by(a loot.Actor, s loot.Subject, p loot.Purpose, f ...loot.Field) gate.Request {
	r := use(s, p)
	r.Actor = a
	if len(f) > 0 {
		r.Fields = f
	}
	return r
}

func transfer(s loot.Subject, p loot.Purpose) gate.Request {
	r := use(s, p)
	r.Action, r.Actor, r.By = loot.Transfer, acme, shop
	return r
}

// decide decides r in a transaction of its own and spends the permit.
func (b *bench) decide(r gate.Request) (g gate.Grant, err error) {
	err = b.gate.InTx(b.ctx, func(tx *store.Tx) error {
		p, err := b.gate.Decide(b.ctx, tx, r)
		if err != nil {
			return err
		}
		g, err = p.Spend(tx, r.Action)
		return err
	})
	return g, err
}

func (b *bench) permitted(r gate.Request) gate.Grant {
	b.Helper()
	g, err := b.decide(r)
	if err != nil {
		b.Errorf("%s for %s: %v, want a permit", r.Action, r.Purpose, err)
	}
	return g
}

func (b *bench) refused(r gate.Request, clause loot.Clause) *gate.Refusal {
	b.Helper()
	_, err := b.decide(r)
	refusal, ok := errors.AsType[*gate.Refusal](err)
	if !ok {
		b.Fatalf("%s for %s: %v, want a refusal", r.Action, r.Purpose, err)
	}
	if refusal.Clause != clause {
		b.Errorf("%s for %s: refused by %q, want %q", r.Action, r.Purpose, refusal.Clause, clause)
	}
	if refusal.Entry == "" {
		b.Errorf("the refusal has no entry")
	}
	return refusal
}

// facts returns the facts of every entry that the filter takes, oldest first.
func (b *bench) facts(take func(ledger.Facts) bool) []ledger.FactsRow {
	b.Helper()
	var out []ledger.FactsRow
	b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) error {
		for row, err := range b.ledger.Facts(b.ctx, tx, noon.AddDate(-1, 0, 0), noon.AddDate(10, 0, 0)) {
			if err != nil {
				return err
			}
			if take(row.Facts) {
				out = append(out, row)
			}
		}
		return nil
	}))
	return out
}

func noted(note string) func(ledger.Facts) bool {
	return func(f ledger.Facts) bool { return f.Note == note }
}

func verdict(v string) func(ledger.Facts) bool {
	return func(f ledger.Facts) bool { return f.Verdict == v }
}

// next waits for what a listener heard.
func (b *bench) next(from chan string, what string) string {
	b.Helper()
	select {
	case id := <-from:
		return id
	case <-time.After(10 * time.Second):
		b.Fatalf("nothing was heard of: %s", what)
		return ""
	}
}

// TestTheCaseIsKeptIfItCounts: any other words would outlive whom they name. What is kept
// says afterwards whether there was one, and whether it was an emergency.
func TestTheCaseIsKeptIfItCounts(t *testing.T) {
	each(t, func(b *bench) {
		counts := map[string]string{"i1": "incident", "i2": statement.Emergency}
		b.gate.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
			in.Context.Case = counts[r.Case]
			return nil
		})
		s := b.person()
		for named, want := range map[string]string{"i1": "i1", "i2": "i2", "the one of Made-up Name": "", `"case":"emergency"`: "", "": ""} {
			r := use(s, "service")
			r.Case, r.Reason = named, `"case":"emergency"`
			g, err := b.decide(r)
			b.ok(err)
			b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) error {
				who, err := b.ledger.Actor(b.ctx, tx, g.Entry)
				if who.Case != want {
					b.Errorf("%q is kept as %q", named, who.Case)
				}
				return err
			}))
			all := b.facts(verdict(ledger.Permitted))
			last := all[len(all)-1].Facts
			if got, want := gate.ForCase(last), counts[named] != ""; got != want {
				b.Errorf("%q: for a case %v, want %v", named, got, want)
			}
			if got, want := gate.InEmergency(last), counts[named] == statement.Emergency; got != want {
				b.Errorf("%q: in an emergency %v, want %v", named, got, want)
			}
		}
	})
}

func TestDecisionIsRecordedWithTheUse(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		var entry string
		g, err := b.decide(use(s, "service"))
		b.ok(err)
		entry = g.Entry
		rows := b.facts(verdict(ledger.Permitted))
		if len(rows) != 1 || rows[0].ID != entry {
			b.Fatalf("entries %v, want one with the id %s", rows, entry)
		}
		f := rows[0].Facts
		if !slices.Equal(f.Clauses, []loot.Clause{"orders"}) || f.Fields != 1 || f.Desk != "shop" || f.Statement == "" {
			b.Errorf("facts %+v", f)
		}
		if bytes.Contains(f.Input, []byte(s)) {
			b.Error("the recorded input names the person")
		}
		ins, err := gate.Inputs(f)
		b.ok(err)
		v, _ := b.gate.InForce()
		for _, in := range ins {
			if again := v.Statement.Decide(&in); !again.Allowed {
				b.Errorf("decided again from the ledger: %+v", again)
			}
		}

		// rolled back with the work: no use, no entry
		broken := errors.New("broken off")
		err = b.gate.InTx(b.ctx, func(tx *store.Tx) error {
			if _, err := b.gate.Decide(b.ctx, tx, use(s, "service")); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) {
			b.Errorf("got %v", err)
		}
		if n := len(b.facts(verdict(ledger.Permitted))); n != 1 {
			b.Errorf("%d entries after a roll-back, want 1", n)
		}
	})
}

func TestFactsAreAskedOnlyWhenARuleReadsThem(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		b.permitted(gate.Request{Action: loot.Export, Actor: own(s), Desk: "shop", Purpose: "service", Subject: s, Collection: customer, Fields: []loot.Field{"contact.email"}})
		if n := b.asked.Load(); n != 0 {
			b.Errorf("the undertaking was asked for %d times for an export", n)
		}
		b.refused(by(support, s, "service"), "staff")
		if n := b.asked.Load(); n != 1 {
			b.Errorf("the undertaking was asked for %d times, want once", n)
		}
		b.permitted(by(b.sign(support), s, "service"))
		failed := errors.New("the register burns")
		b.gate.Fact("staff.undertaking", func(context.Context, *store.Tx, gate.Request, *statement.Input) error { return failed })
		// a new version asks afresh
		next := b.with(`version: "1"`, `version: "2"`)
		b.tx(func(tx *store.Tx) error {
			return errors.Join(b.gate.Propose(b.ctx, tx, next), b.gate.Announce(b.ctx, tx, shop, next.Hash(), noon.AddDate(0, 0, 30), ""))
		})
		b.clock.Advance(30 * 24 * time.Hour)
		if _, err := b.decide(by(support, s, "service")); !errors.Is(err, failed) {
			b.Errorf("a fact that cannot be found out: %v, want its error", err)
		}
	})
}

func TestNothingIsUsedWithoutALedger(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		ctx, stop := context.WithCancel(b.ctx)
		ended := make(chan error, 1)
		go func() { ended <- b.ledger.Run(ctx) }()
		b.permitted(use(s, "service"))
		stop()
		b.ok(<-ended)
		for name, r := range map[string]gate.Request{"permitted": use(s, "service"), "refused": use(s, "advice")} {
			_, err := b.decide(r)
			if loot.KindOf(err) != loot.Unavailable {
				b.Errorf("what would be %s: %v, want unavailable", name, err)
			}
		}
	})
}

func TestNothingIsUsedBeforeAStatementIsInForce(t *testing.T) {
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db)
		s := loot.NewSubject()
		_, err := b.decide(use(s, "service"))
		b.kind(err, loot.Unavailable)
		b.kind(b.db.InTx(b.ctx, func(tx *store.Tx) error { return b.choice(tx, s, "advice", true) }), loot.Unavailable)
		b.kind(b.db.InTx(b.ctx, func(tx *store.Tx) error {
			return b.gate.Order(b.ctx, tx, gate.Ordered{Subject: s, Collection: customer, By: shop, Reference: "o1", Service: "server"})
		}), loot.Unavailable)
	})
}
