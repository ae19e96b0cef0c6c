// Package desktest gives tests of desks a house to stand in: the whole kernel
// on either database, with a clock that is moved by hand and a letterbox that
// keeps what was sent. Only tests import it.
package desktest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
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
)

// Start is the time at which a house's clock stands at first.
var Start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// Base is where a house is reached, unless the test says otherwise.
const Base = "https://loot.example"

// Kernel is the database that every house has a copy of.
var Kernel = storetest.Template{Fill: func(ctx context.Context, db *store.DB) error {
	jobs, err := job.New(db, job.Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return Start }})
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, "ledger", ledger.Migrations()); err != nil {
		return err
	}
	if err := db.Migrate(ctx, "gate", gate.Migrations()); err != nil {
		return err
	}
	if err := db.Migrate(ctx, "vault", vault.Migrations()); err != nil {
		return err
	}
	return jobs.Migrate(ctx)
}}

var keys = storetest.Template{Fill: func(ctx context.Context, db *store.DB) error {
	return db.Migrate(ctx, "keyring", keyring.Migrations())
}}

// One returns a copy of [Kernel] on SQLite, for what no database has a part in.
func One(t testing.TB) *store.DB {
	t.Helper()
	return storetest.Open(t, Kernel.SQLite(t), nil)
}

// A House is the kernel for one test. The desks that the test is about are
// built with its kit and then opened.
type House struct {
	testing.TB
	Kit   desk.Kit
	Clock *desk.Clock
	Mail  *Letterbox
	S     *statement.Statement // put in force last
}

// New returns a house without desks on a copy of [Kernel], reached at base.
func New(t testing.TB, db *store.DB, base string) *House {
	t.Helper()
	return At(t, db, base, folder(t), Keys(t))
}

// Keys returns the address of a database for the keys of persons.
func Keys(t testing.TB) string { return keys.SQLite(t) }

// At returns a house whose keys and log are in a folder, and the keys of persons in
// a database, so that a process can go on where another was killed.
func At(t testing.TB, db *store.DB, base, dir, persons string) *House {
	t.Helper()
	ctx := t.Context()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	h := &House{TB: t, Clock: desk.NewClock(Start), Mail: &Letterbox{}}
	now := h.Clock.Now
	root, err := keyring.FileRoot(filepath.Join(dir, "root.key"))
	OK(t, err)
	ring, err := keyring.Open(ctx, keyring.Config{DB: storetest.Open(t, persons, nil), Dir: filepath.Join(dir, "keys"), Root: root, Now: now, Log: log})
	OK(t, err)
	t.Cleanup(func() { OK(t, ring.Close(context.WithoutCancel(ctx))) })
	jobs, err := job.New(db, job.Options{Log: log, Now: now, Simulated: true})
	OK(t, err)
	led, err := ledger.Open(ctx, ledger.Config{DB: db, Keyring: ring, Dir: filepath.Join(dir, "log"), Origin: "test.example/ledger", Now: now, Log: log})
	OK(t, err)
	sealer, err := ring.System("approval")
	OK(t, err)
	g := gate.New(gate.Config{DB: db, Ledger: led, Jobs: jobs, Sealer: sealer, Now: now, Log: log})
	h.Kit = desk.Kit{
		Log: log, Now: now, DB: db, Gate: g, Ledger: led, Keyring: ring, Jobs: jobs, Mail: h.Mail, BaseURL: base,
		Vault: vault.New(vault.Config{DB: db, Gate: g, Keyring: ring, Ledger: led, Jobs: jobs, Now: now, Log: log}),
		House: func() mail.House {
			return mail.House{Name: "Example Network", From: "Example <no-reply@loot.example>", URL: base}
		},
	}
	return h
}

// folder is a temporary one like that of testing. The library of the ledger's log
// does not wait for what it was writing when it was told to end, so that a file may
// come while the folder is removed, which is no fault of the test.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "house")
	OK(t, err)
	t.Cleanup(func() {
		for range 100 {
			if err = os.RemoveAll(dir); err == nil {
				return
			}
		}
		t.Errorf("the folder is not removed: %v", err)
	})
	return dir
}

// Open makes the tables of the desks, puts a statement in force and starts what
// runs by itself, until the test ends.
func (h *House) Open(s *statement.Statement, desks ...desk.Desk) {
	h.Helper()
	for _, d := range desks {
		if d.Migrations != nil {
			OK(h, h.Kit.DB.Migrate(h.Context(), d.Name, d.Migrations))
			Kernel.Add(d.Name, d.Migrations) // for the next house
		}
	}
	h.InForce(s)
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.Context()))
	ended := make(chan error, 1)
	go func() { ended <- h.Kit.Ledger.Run(ctx) }()
	OK(h, h.Kit.Jobs.Start(ctx))
	h.Cleanup(func() {
		OK(h, h.Kit.Jobs.Stop(context.WithoutCancel(ctx)))
		cancel()
		OK(h, <-ended)
	})
}

// Propose keeps a statement as a draft.
func (h *House) Propose(s *statement.Statement) {
	h.Helper()
	h.Kit.Gate.Know(s)
	h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Gate.Propose(ctx, tx, s) })
}

// Announce proposes a statement and announces it for a time.
func (h *House) Announce(s *statement.Statement, effective time.Time) {
	h.Helper()
	h.Propose(s)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return h.Kit.Gate.Announce(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "publication"}, s.Hash(), effective, "test")
	})
}

// InForce puts a statement in force. One that follows another is announced in
// time, and the clock is moved to its date.
func (h *House) InForce(s *statement.Statement) {
	h.Helper()
	effective := h.Clock.Now()
	if h.S != nil {
		effective = effective.AddDate(0, 0, h.S.Front().NoticeDays)
	}
	h.Announce(s, effective)
	h.Clock.Advance(effective.Sub(h.Clock.Now()))
	h.S = s
}

// Standard returns the statement that comes with Loot.
func Standard(t testing.TB) *statement.Statement {
	t.Helper()
	s, err := standard()
	OK(t, err)
	return s
}

var standard = sync.OnceValues(func() (*statement.Statement, error) {
	return statement.Parse("statement.md", statement.Default())
})

// Parse compiles a statement.
func Parse(t testing.TB, source []byte) *statement.Statement {
	t.Helper()
	s, err := statement.Parse("statement.md", source)
	OK(t, err)
	return s
}

// Drain works off every job.
func (h *House) Drain() {
	h.Helper()
	OK(h, h.drain(h.Context(), false))
}

// Confirm works off every job and has the ledger confirm everything, for which
// it waits until the log's next checkpoint.
func (h *House) Confirm() {
	h.Helper()
	OK(h, h.drain(h.Context(), true))
}

func (h *House) drain(ctx context.Context, confirm bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := h.Kit.Jobs.Idle(ctx); err != nil || !confirm {
		return err
	}
	return h.Kit.Ledger.Sync(ctx)
}

// Tx runs f in a transaction; what the gate refuses is recorded.
func (h *House) Tx(f func(ctx context.Context, tx *store.Tx) error) {
	h.Helper()
	OK(h, h.Kit.Gate.InTx(h.Context(), func(tx *store.Tx) error { return f(h.Context(), tx) }))
}

// Customer makes somebody who gave what is named for a purpose, in a collection of
// customers, and ordered shared hosting.
func (h *House) Customer(c loot.Collection, purpose loot.Purpose, given map[loot.Field]string) (loot.Subject, gate.Ordered) {
	h.Helper()
	s := loot.NewSubject()
	OK(h, h.Kit.Keyring.Create(h.Context(), s, c))
	o := gate.Ordered{Subject: s, Collection: c, By: loot.Actor{Kind: loot.Person, ID: string(s)}, Reference: loot.NewID("o"), Service: "shared-hosting"}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		r := gate.Request{Action: loot.Collect, Actor: loot.Actor{Kind: loot.Desk, ID: "customers"}, Desk: "customers", Purpose: purpose, Subject: s, Collection: c}
		for f := range given {
			r.Fields = append(r.Fields, f)
		}
		p, err := h.Kit.Gate.Decide(ctx, tx, r)
		if err != nil {
			return err
		}
		if err := h.Kit.Vault.Create(ctx, tx, p, given, "test"); err != nil {
			return err
		}
		return h.Kit.Gate.Order(ctx, tx, o)
	})
	return s, o
}

// World shows the house as a proof and the demonstration see it, without what
// other desks would make.
func (h *House) World() *desk.World {
	return &desk.World{
		Kit: h.Kit, Clock: h.Clock, Sent: h.Mail.Count,
		SentTo: func(_ context.Context, s loot.Subject) (n int, err error) {
			for _, m := range h.Mail.Sent() {
				if m.About == s {
					n++
				}
			}
			return n, nil
		},
		Drain: func(ctx context.Context) error { return h.drain(ctx, true) },
	}
}

// A Letterbox keeps what was sent.
type Letterbox struct {
	mu   sync.Mutex
	all  []mail.Message
	fail error
}

// Send keeps a letter.
func (l *Letterbox) Send(_ context.Context, m mail.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	l.all = append(l.all, m)
	return nil
}

// Fail has every letter refused with an error from now on; nil: none.
func (l *Letterbox) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// Sent returns every letter.
func (l *Letterbox) Sent() []mail.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]mail.Message(nil), l.all...)
}

// Count returns how many letters were sent.
func (l *Letterbox) Count() int { return len(l.Sent()) }

// Last returns the latest letter to somebody.
func (l *Letterbox) Last(to string) (m mail.Message, found bool) {
	for _, sent := range l.Sent() {
		if sent.To == to {
			m, found = sent, true
		}
	}
	return m, found
}
