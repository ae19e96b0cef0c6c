// Package app puts Loot together. It is the one package that imports every
// desk, and the first to read.
package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/column"
	"loot/desk"
	"loot/desk/billing"
	"loot/desk/disclosure"
	"loot/desk/partners"
	"loot/desk/publication"
	"loot/desk/rights"
	"loot/desk/safety"
	"loot/desk/signin"
	"loot/desk/staff"
	"loot/desk/verification"
	"loot/desk/visits"
	"loot/gate"
	"loot/job"
	"loot/keyring"
	"loot/ledger"
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// An App is a Loot that is put together. [App.Start] makes it work.
type App struct {
	desk.Kit
	Config Config
	Desks  []desk.Desk

	keys    *store.DB // persons' keys
	signin  *signin.Desk
	staff   *staff.Desk
	billing *billing.Billing
	checks  *verification.Verification
	rights  *rights.Rights
	safety  *safety.Safety
	asked   mail.Taker // takes what authorities ask by mail
	partner *partners.Partners
	visits  *visits.Visits
	rows    column.Store // of visits; nil: this is a command that looks at something else
	outbox  *mail.Outbox // nil: mail is sent
	mailbox mailbox
	served  *served
	coming  func() web.Coming
	demo    bool
	scratch bool // everything in it is made up, and nobody looks at it
	stop    []func()

	noLimits bool // also for those who come by the network, as a world always is
}

// Options are what tests and the demonstration set.
type Options struct {
	Now       func() time.Time
	Simulated bool // Now is not the real time
	Log       *slog.Logger
	Demo      bool                 // everything in it is made up, and every page says so
	Scratch   bool                 // everything in it is made up, to try things in
	NoLimits  bool                 // nobody is asked to wait, as in a load test; no setting of an operator's
	Existing  bool                 // refuse to begin a new Loot, as a command that looks or mends does
	Statement *statement.Statement // that a first start puts in force, instead of the configured one
}

// New opens the databases, the keys and the ledger, brings their tables up to
// date, builds the desks and, at the first start, puts the statement in force.
// Nothing runs yet.
func New(ctx context.Context, c Config, o Options) (_ *App, err error) {
	c = c.withDefaults()
	a := &App{Config: c, demo: o.Demo, scratch: o.Scratch, noLimits: o.NoLimits, served: newServed()}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	if err := c.whole(); err != nil {
		return nil, err
	}
	if o.Existing {
		if err := c.exists(ctx); err != nil {
			return nil, err
		}
	}
	if _, err := c.proxies(); err != nil {
		return nil, err
	}
	for _, dir := range []string{c.Data, c.KeyFolder} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, errFolder(dir, err)
		}
	}
	// Made-up people stay marked as such, and whoever looks round as one of them
	// too, by whatever command their folder is served.
	if _, err := os.Stat(filepath.Join(c.Data, demoMark)); err == nil {
		a.demo = true
	}
	db, err := store.Open(ctx, c.Store)
	if err != nil {
		return nil, err
	}
	a.stop = append(a.stop, func() { db.Close() })
	if a.keys, err = store.Open(ctx, c.Keys); err != nil {
		return nil, err
	}
	a.stop = append(a.stop, func() { a.keys.Close() })
	root, former, err := c.roots(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := keyring.Open(ctx, keyring.Config{DB: a.keys, Dir: filepath.Join(c.KeyFolder, "epochs"), Root: root, Former: former, Now: o.Now, Log: o.Log})
	if err != nil {
		return nil, err
	}
	a.stop = append(a.stop, func() {
		if err := keys.Close(context.WithoutCancel(ctx)); err != nil {
			o.Log.ErrorContext(ctx, "the keys did not close", "err", err)
		}
	})
	jobs, err := job.New(db, job.Options{Log: o.Log, Now: o.Now, Simulated: o.Simulated})
	if err != nil {
		return nil, err
	}
	origin, err := c.origin(keys)
	if err != nil {
		return nil, err
	}
	witnesses, err := c.witnesses()
	if err != nil {
		return nil, err
	}
	log, err := ledger.Open(ctx, ledger.Config{DB: db, Keyring: keys, Dir: c.Log, Origin: origin, Now: o.Now, Log: o.Log, Witnesses: witnesses, Quorum: c.WitnessQuorum})
	if err != nil {
		return nil, err
	}
	approvals, err := keys.System("approval")
	if err != nil {
		return nil, err
	}
	approvals.Hold(db, gate.Sealed())
	g := gate.New(gate.Config{DB: db, Ledger: log, Jobs: jobs, Sealer: approvals, Now: o.Now, Log: o.Log})
	v := vault.New(vault.Config{DB: db, Gate: g, Keyring: keys, Ledger: log, Jobs: jobs, Now: o.Now, Log: o.Log})
	a.Kit = desk.Kit{
		Log: o.Log, Now: o.Now, DB: db, Gate: g, Vault: v, Ledger: log, Keyring: keys, Jobs: jobs,
		BaseURL: c.BaseURL, House: a.house,
	}
	if a.Mail, err = a.sender(c); err != nil {
		return nil, err
	}
	if !o.Existing {
		duckdb, _ := c.memory()
		if a.rows, err = column.Later(c.Visits, visits.Schema(), column.Options{Memory: duckdb, Linger: 20 * time.Millisecond}); err != nil {
			return nil, err
		}
		a.stop = append(a.stop, func() {
			if err := a.rows.Close(); err != nil {
				o.Log.ErrorContext(ctx, "the column store did not close", "err", err)
			}
		})
	}
	if err := a.build(); err != nil {
		return nil, err
	}
	if err := errors.Join(a.takes(c.AbuseMailAt, a.safety.TakeMail, 0), a.takes(c.AskingMailAt, a.asked, disclosure.MostMail)); err != nil {
		return nil, err
	}
	if err := a.migrate(ctx); err != nil {
		return nil, err
	}
	if err := g.Refresh(ctx); err != nil {
		return nil, err
	}
	if o.Existing {
		if !g.Begun() {
			return nil, loot.Errorf(loot.NotFound, "The Loot in %s was never started, so no statement is in force; run loot serve first.", c.Data)
		}
		return a, nil
	}
	return a, a.firstStatement(ctx, o.Statement)
}

// migrate brings every package's tables up to date.
func (a *App) migrate(ctx context.Context) error {
	sets := []struct {
		owner string
		files fs.FS
	}{
		{"ledger", ledger.Migrations()},
		{"gate", gate.Migrations()},
		{"vault", vault.Migrations()},
		{"mail", mail.Migrations()},
	}
	for _, d := range a.Desks {
		if d.Migrations != nil {
			sets = append(sets, struct {
				owner string
				files fs.FS
			}{d.Name, d.Migrations})
		}
	}
	for _, s := range sets {
		if err := a.DB.Migrate(ctx, s.owner, s.files); err != nil {
			return fmt.Errorf("app: tables of %s: %w", s.owner, err)
		}
	}
	return a.Jobs.Migrate(ctx)
}

// firstStatement puts a statement in force when there is none: the one start
// that needs no notice and no second person, on the ledger.
func (a *App) firstStatement(ctx context.Context, given *statement.Statement) error {
	if _, ok := a.Gate.InForce(); ok {
		return nil
	}
	s := given
	if s == nil {
		var err error
		if s, err = a.configured(); err != nil {
			return err
		}
	}
	a.Gate.Know(s)
	return a.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := a.Gate.Propose(ctx, tx, s); err != nil {
			return err
		}
		return a.Gate.Announce(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "publication"}, s.Hash(), a.Now(), "first start")
	})
}

// written returns the statement that the operator wrote, if it is sound; nil if
// they wrote none.
func (c Config) written() (*statement.Statement, error) {
	if c.Statement == "" {
		return nil, nil
	}
	source, err := os.ReadFile(c.Statement)
	if err != nil {
		return nil, loot.Wrap(loot.Invalid, err, "The statement "+c.Statement+" cannot be read.")
	}
	s, problems := statement.Read(c.Statement, source, Keepers(), nil)
	if len(problems) > 0 {
		return nil, problems
	}
	return s, nil
}

// configured returns the statement that the operator wrote, or the one that
// comes with Loot, which the tests hold against the same keepers.
func (a *App) configured() (*statement.Statement, error) {
	s, err := a.Config.written()
	if err != nil {
		return nil, err
	}
	if s == nil {
		if s, err = statement.Parse("the statement that comes with Loot", statement.Default()); err != nil {
			return nil, err
		}
		return dated(s, a.Now())
	}
	if err := publication.OwnKey(a.Ledger, s); err != nil || !a.demo {
		return s, err
	}
	return dated(s, a.Now())
}

// dated returns a statement of which nobody says when it takes effect, or that a
// made-up history begins with, written on a day if its own is still to come.
func dated(s *statement.Statement, day time.Time) (*statement.Statement, error) {
	front := s.Front()
	if !front.Effective.After(day) && !front.Changed.After(day) {
		return s, nil
	}
	on := day.UTC().Format(time.DateOnly)
	return statement.Parse("the statement written on "+on, []byte(strings.NewReplacer(
		"\neffective: "+front.Effective.Format(time.DateOnly), "\neffective: "+on,
		"\nchanged: "+front.Changed.Format(time.DateOnly), "\nchanged: "+on,
	).Replace(string(s.Source()))))
}

// Close ends what New opened. Call it after the context of [App.Start] ended.
func (a *App) Close() {
	for _, f := range slices.Backward(a.stop) {
		f()
	}
	a.stop = nil
}
