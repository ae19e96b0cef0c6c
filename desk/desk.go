// Package desk says what a desk is: one subject that the operator serves, with
// its own tables, routes, pages, jobs and proofs. A desk is built on the
// kernel and the tools and never imports another desk.
package desk

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"loot"
	"loot/api"
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

// A Kit is what every desk is given.
type Kit struct {
	Log     *slog.Logger
	Now     func() time.Time
	DB      *store.DB
	Gate    *gate.Gate
	Vault   *vault.Vault
	Ledger  *ledger.Ledger
	Keyring *keyring.Keyring
	Jobs    *job.Client
	Mail    mail.Sender
	BaseURL string            // such as "https://privacy.example.com", without a slash at the end
	House   func() mail.House // whose letters go out

	// Lapsed counts what goes and what stays when its time is over; see [Kit.Erased]. nil:
	// nobody counts.
	Lapsed func(ctx context.Context, tx *store.Tx, desk string, l Lapse, stayed bool) error
}

// A Desk is what a desk gives back. Its jobs, facts and listeners are
// registered by its New.
type Desk struct {
	Name       string
	Keeps      []loot.Clause // the clauses of the statement that it carries out
	Routes     []web.Route
	Nav        []web.Nav
	Migrations fs.FS
	API        func(*api.API) // nil: no operations
	Proofs     []Proof        // of the clauses that it keeps
	// AtWork tries in a world what the statement has the desk do by itself besides
	// opening details; an empty outcome: nothing. nil: the desk has no such work.
	AtWork func(context.Context, *World, *statement.Statement) (outcome string, err error)
	Demo   func(context.Context, *World) error                         // tells the History what happens here; nil: nothing to show
	Export func(context.Context, *store.Tx, loot.Subject) (any, error) // nil: it keeps nothing about people outside the vault
	Erase  func(context.Context, *store.Tx, loot.Subject) error        // nil: it keeps nothing about people outside the vault
	// Holds reports whether it keeps something of a person in a collection outside the vault,
	// and opens nothing for it; nil: it never does.
	Holds func(context.Context, *store.Tx, loot.Subject, loot.Collection) (bool, error)
	// Documents lists what a person takes along beside their copy; nil: there is nothing.
	Documents func(context.Context, *store.Tx, loot.Actor) ([]Document, error)
	// Lapses foretells what its jobs erase up to a time, by day; nil: none of them does.
	Lapses func(ctx context.Context, tx *store.Tx, until time.Time) ([]Lapse, error)
	// Retains tells what a law has it keep of a person who is erased, or of everybody if
	// none is named; nil: nothing.
	Retains func(context.Context, *store.Tx, loot.Subject) ([]Retained, error)
}

// Reference returns what something is called in letters and in lists: its id is too long
// to be read to somebody, and its end tells it from the others as well.
func Reference(prefix, id string) string {
	return prefix + "-" + strings.ToUpper(id[max(0, len(id)-referenceLength):])
}

const referenceLength = 8

var idForm = regexp.MustCompile(`^[a-z2-7]{26}$`)

// IsID reports whether a text has the form of an id with this prefix, see [loot.NewID].
func IsID(prefix, text string) bool {
	id, ok := strings.CutPrefix(text, prefix)
	return ok && idForm.MatchString(id)
}

// IsReference reports whether a text has the form of what [Reference] returns for an id.
func IsReference(prefix, text string) bool {
	end, ok := strings.CutPrefix(text, prefix+"-")
	return ok && len(end) == referenceLength && strings.Trim(end, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// A Proof tries something that a clause promises or forbids, on a scratch copy
// with the operator's statement, and says what happened. It fails with an
// error that says what should have happened instead.
type Proof struct {
	Clause loot.Clause
	Name   string // "a purpose that the role does not have is refused"
	Run    func(ctx context.Context, w *World) (outcome string, err error)
}

// ProofUnder is a proof that knows the statement it is tried under, which is the one
// in force.
func ProofUnder(clause loot.Clause, name string, run func(context.Context, *World, *statement.Statement) (string, error)) Proof {
	return Proof{Clause: clause, Name: name, Run: func(ctx context.Context, w *World) (string, error) {
		s, err := w.Statement()
		if err != nil {
			return "", err
		}
		return run(ctx, w, s)
	}}
}

// A World is a whole Loot to try things in: a scratch copy for a proof, the
// demonstration's own for its history. Time passes only when it is told to.
type World struct {
	Kit
	HTTP    http.Handler
	Clock   *Clock
	Drain   func(context.Context) error // works off every job that is due and confirms the ledger
	Desks   []Desk
	History *History // of the demonstration; nil: a scratch copy

	// Sent returns how many letters went out so far.
	Sent func() int
	// SentTo returns how many of them went to a person who is not erased.
	SentTo func(context.Context, loot.Subject) (int, error)
	// NewPerson registers a made-up customer who ordered the statement's first
	// service, by the way that every customer goes.
	NewPerson func(context.Context) (loot.Subject, error)
	// NewStaff makes a member of staff with roles, who has signed the
	// confidentiality undertaking or not.
	NewStaff func(ctx context.Context, signed bool, roles ...loot.Role) (loot.Actor, error)
	// Staff returns the members of staff who signed the undertaking.
	Staff func(context.Context) ([]loot.Actor, error)
}

// Letters returns how many letters go to a person by what f does, whatever else goes
// meanwhile.
func (w *World) Letters(ctx context.Context, to loot.Subject, f func() error) (n int, err error) {
	if err := w.Drain(ctx); err != nil { // what was on its way before
		return 0, err
	}
	before, err := w.SentTo(ctx, to)
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	if err := w.Drain(ctx); err != nil {
		return 0, err
	}
	n, err = w.SentTo(ctx, to)
	return n - before, err
}

// Statement returns the statement in force there.
func (w *World) Statement() (*statement.Statement, error) {
	v, ok := w.Gate.InForce()
	if !ok {
		return nil, errors.New("no statement is in force")
	}
	return v.Statement, nil
}

// A Clock is a time that stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows t.
func NewClock(t time.Time) *Clock { return &Clock{now: t} }

// Now returns what the clock shows.
func (c *Clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

var subjectForm = regexp.MustCompile(`\bs[a-z2-7]{26}\b`)

// SubjectIn returns the customer whom somebody names: by their id, or by the address of
// a page about them, which is what a browser has to copy.
func SubjectIn(text string) loot.Subject {
	if id := subjectForm.FindString(text); id != "" {
		return loot.Subject(id)
	}
	return loot.Subject(strings.TrimSpace(text))
}

// ApprovalAnswered is the notice that somebody said yes or no to what waits for a second
// person: "approval who yes" or "approval who no".
const ApprovalAnswered = "approval.answered"

// CustomerPath is where the console shows a customer.
func CustomerPath(s loot.Subject) string { return "/console/customers/" + url.PathEscape(string(s)) }

// SubjectMax is how long the address of a page about a customer may be, in a field of a form.
const SubjectMax = 500
