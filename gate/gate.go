// Package gate is the one door to personal data: it decides every request by
// the statement in force, writes the decision to the ledger in the transaction
// of the use, and hands out the permit without which the vault opens nothing.
package gate

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"loot"
	"loot/job"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the tables of the gate.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// A Sealer seals what waits for approval, so that a stolen database does not
// show what was asked about whom.
type Sealer interface {
	Seal(plain, ad []byte) ([]byte, error)
	Open(sealed, ad []byte) ([]byte, error)
}

// A Config is what a gate stands on. Every field is needed.
type Config struct {
	DB     *store.DB
	Ledger *ledger.Ledger
	Jobs   *job.Client
	Sealer Sealer
	Now    func() time.Time
	Log    *slog.Logger
}

// A Gate decides. It is safe for concurrent use once every fact is registered.
type Gate struct {
	Config
	facts    map[string][]FactFunc
	keepers  []Keeper
	versions atomic.Pointer[[]Version] // in order of effect
	known    atomic.Pointer[statement.Statement]
	asked    sync.Map // readers to []FactFunc
	followed

	permitted, refused atomic.Uint64
}

// New returns a gate that permits nothing until a statement is in force.
func New(c Config) *Gate {
	g := &Gate{Config: c, facts: map[string][]FactFunc{}}
	g.versions.Store(&[]Version{})
	job.Register(c.Jobs, g.deliver)
	g.forgetApprovals()
	return g
}

// A FactFunc fills its part of an input. It asks the desk that knows, inside
// the transaction of the decision.
type FactFunc func(ctx context.Context, tx *store.Tx, r Request, in *statement.Input) error

// Fact registers who knows the attribute called name, such as
// "staff.undertaking" or "context.case". It is asked only when a rule of the
// action reads that attribute; an attribute that nobody knows keeps its zero
// value, which no rule takes for a yes. Several may know of one attribute, such
// as each of its own cases: whoever does not know leaves it as it is.
func (g *Gate) Fact(name string, f FactFunc) { g.facts[name] = append(g.facts[name], f) }

// InTx runs f in a transaction. A refusal or a misused permit that f returns
// rolls the work back and is then recorded in a transaction of its own, before
// the error is returned; if it cannot be recorded, the error is of kind
// [loot.Unavailable]. f may run more than once.
func (g *Gate) InTx(ctx context.Context, f func(*store.Tx) error) error {
	err := g.DB.InTx(ctx, f)
	if refusal, ok := errors.AsType[*Refusal](err); ok && refusal.record != nil {
		return g.recordRefusal(ctx, refusal, err)
	}
	if misuse, ok := errors.AsType[*Misuse](err); ok {
		return g.recordMisuse(ctx, misuse, err)
	}
	return err
}

func (g *Gate) recordRefusal(ctx context.Context, refusal *Refusal, err error) error {
	entry := *refusal.record
	rec := g.DB.InTx(ctx, func(tx *store.Tx) error {
		id, err := g.Ledger.Append(ctx, tx, entry)
		if err != nil {
			return err
		}
		refusal.Entry = id
		return g.keepUnderGag(ctx, tx, refusal.request.Subject, refusal.request.gag(entry.Facts.At))
	})
	if rec != nil {
		g.Log.ErrorContext(ctx, "a refusal could not be recorded", "err", rec)
		return loot.Wrap(loot.Unavailable, rec, "The ledger takes no entries at the moment, so nothing can be used. Please try again shortly.")
	}
	refusal.record = nil
	return err
}

func (g *Gate) recordMisuse(ctx context.Context, m *Misuse, err error) error {
	rec := g.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := g.Incident(ctx, tx, "permit."+m.How, m.Grant.Entry)
		return err
	})
	if rec != nil {
		g.Log.ErrorContext(ctx, "a misused permit could not be recorded", "how", m.How, "err", rec)
		return loot.Wrap(loot.Unavailable, rec, "The ledger takes no entries at the moment, so nothing can be used. Please try again shortly.")
	}
	return err
}

// Incident records in the ledger that something happened that no clause
// permits, and tells whoever listens to the notice "incident.raised". The
// entry is the ledger entry that it concerns; empty: none. It returns the entry
// that records the incident.
func (g *Gate) Incident(ctx context.Context, tx *store.Tx, what, entry string) (id string, err error) {
	return g.incident(ctx, tx, what, entry, "")
}

// incident is Incident; what has the same repeat on one day is one entry.
func (g *Gate) incident(ctx context.Context, tx *store.Tx, what, entry, repeat string) (id string, err error) {
	id, err = g.Ledger.Append(ctx, tx, ledger.Entry{Repeat: repeat, Facts: ledger.Facts{
		At: g.Now(), Verdict: "recorded", Note: "incident." + what, Clauses: []loot.Clause{"disclosure.responsibility"}, Statement: g.hash(),
	}})
	if err != nil {
		return "", err
	}
	return id, g.Jobs.Publish(ctx, tx, job.Notice{Name: "incident.raised", ID: id + " " + what + " " + entry})
}

// Note records in the ledger something that was done and needed no decision
// about anybody, such as "statement.announced" or "role.granted".
func (g *Gate) Note(ctx context.Context, tx *store.Tx, by loot.Actor, note, reason string) (string, error) {
	return g.Ledger.Append(ctx, tx, ledger.Entry{
		Facts: ledger.Facts{At: g.Now(), Verdict: "recorded", Note: note, ActorKind: by.Kind, Role: firstRole(by), Statement: g.hash()},
		Actor: ledger.ActorFacet{ID: by.ID, Name: by.Name, Reason: reason},
	})
}

func firstRole(a loot.Actor) loot.Role {
	if len(a.Roles) > 0 {
		return a.Roles[0]
	}
	return ""
}

// Decided returns how many requests this process permitted and refused.
func (g *Gate) Decided() (permitted, refused uint64) { return g.permitted.Load(), g.refused.Load() }

func (g *Gate) hash() string {
	if v, ok := g.at(g.Now()); ok {
		return v.Statement.Hash()
	}
	return ""
}

func digestKey(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
