// Package verification sees to it that what is held of customers is right: each
// detail is checked when it is given and again when it has grown old, a person
// looks where a program is in doubt, and customers ask for a check or report a
// mistake and get an answer.
package verification

import (
	"context"
	"embed"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/verification/register"
	"loot/job"
	"loot/statement"
	"loot/store"
	"loot/web"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

const (
	name                       = "verification"
	purpose    loot.Purpose    = "verification"
	collection loot.Collection = "customer" // whose details are checked
)

// Options are what an operator sets.
type Options struct {
	// Mailboxes asks whether a domain takes mail; nil: nobody is asked.
	Mailboxes func(ctx context.Context, domain string) (register.Mailboxes, error)
	// Registers are asked for the numbers that they take.
	Registers []register.Register
	// Answer is how long a customer waits for an answer at most; zero: 14 days.
	Answer time.Duration
}

// A Verification is the desk together with what others ask of it.
type Verification struct {
	desk.Kit
	notes        desk.Notes
	staff        desk.Staff
	invoices     Invoices
	options      Options
	outside      chan struct{} // holds as many as wait for an answer from outside
	outsideAgain chan struct{} // holds those of them who are checked again
	gone         func(ctx context.Context, tx *store.Tx, s loot.Subject) ([]loot.Field, error)
}

// Leaving has the desk ask which details of a customer who waits to be erased they are not
// shown any longer.
func (v *Verification) Leaving(gone func(ctx context.Context, tx *store.Tx, s loot.Subject) ([]loot.Field, error)) {
	v.gone = gone
}

// questions is how many wait for an answer from outside at once, of all records
// that are checked, and questionsAgain how many of them when their time has come:
// those are many and nobody waits for them, while a customer who just registered
// or changed something does.
const (
	questions      = 8
	questionsAgain = 4
)

// New returns the desk and registers its jobs and listeners.
func New(kit desk.Kit, staff desk.Staff, invoices Invoices, o Options) (*Verification, error) {
	if o.Answer <= 0 {
		o.Answer = 14 * 24 * time.Hour
	}
	key, err := kit.Keyring.System(name)
	if err != nil {
		return nil, err
	}
	notes := desk.Notes{Table: "verification_note", Case: "matter", Key: key}
	notes.Hold(kit.DB)
	v := &Verification{kit, notes, staff, invoices, o, make(chan struct{}, questions), make(chan struct{}, questionsAgain), nil}
	// A check may wait for those who are asked outside. So that no other job waits for
	// it, nor who gave something for those who are checked again, both have workers of
	// their own.
	outside := []job.Option{job.Apart("outside", questions), job.Timeout(3 * time.Minute)}
	job.Register(kit.Jobs, v.check, outside...)
	job.Register(kit.Jobs, v.checkDue, job.Apart("outside_again", questionsAgain), job.Timeout(10*time.Minute), job.MaxAttempts(3))
	job.Register(kit.Jobs, v.sweep)
	job.Register(kit.Jobs, v.tell)
	job.Register(kit.Jobs, v.tellOver)
	kit.Jobs.Listen("person.registered", "verification.registered", v.changed, outside...)
	kit.Jobs.Listen("record.changed", "verification.changed", v.changed, outside...)
	kit.Jobs.Listen("address.confirmed", "verification.confirmed", v.changed, outside...)
	kit.Jobs.Listen("record.corrected", "verification.corrected", v.changed, outside...)
	kit.Jobs.Periodic(time.Hour, sweepArgs{})
	return v, nil
}

// Desk returns the desk as a value.
func (v *Verification) Desk() desk.Desk {
	migrations, _ := fs.Sub(migrationFiles, "migrations")
	return desk.Desk{
		Name:       name,
		Keeps:      Keeps,
		Migrations: migrations,
		Routes:     v.routes(),
		Nav: []web.Nav{
			{Audience: web.Console, Group: "Customers", Order: 8, Label: "Checks", Icon: "badge-check", Href: "/console/checks", Count: v.waiting},
		},
		Proofs: v.proofs(),
		Demo:   v.demo,
		Export: v.export,
		Erase:  v.forget,

		Documents: v.along,
	}
}

// Keeps are the clauses that this desk carries out.
var Keeps = []loot.Clause{"adequacy.verification", "adequacy.request", mistakes}

func (v *Verification) actor() loot.Actor { return loot.Actor{Kind: loot.Desk, ID: name} }

func (v *Verification) inForce() (*statement.Statement, error) {
	now, ok := v.Gate.InForce()
	if !ok {
		return nil, loot.Errorf(loot.Unavailable, "No statement is in force yet, so nothing can be checked. Please come back shortly.")
	}
	return now.Statement, nil
}

// asked reads what was sent, and the statement by which it is answered.
func (v *Verification) asked(r *http.Request) (url.Values, *statement.Statement, error) {
	form, err := web.Form(r, 0)
	if err != nil {
		return nil, nil, err
	}
	s, err := v.inForce()
	return form, s, err
}

// checked returns the fields that the statement lets be checked.
func checked(s *statement.Statement) []statement.FieldDecl {
	return slices.DeleteFunc(slices.Clone(s.Fields(collection)), func(d statement.FieldDecl) bool { _, ok := d.Needed[purpose]; return !ok })
}

// secondNeeded reports whether the level of a field asks for a second person.
func secondNeeded(s *statement.Statement, f loot.Field) bool {
	d, _ := s.Field(f)
	c, _ := s.Category(d.Category)
	l, _ := s.Level(c.Level)
	return l.Approvals > 0
}

func titleOf(s *statement.Statement, f loot.Field) string {
	if f == "" {
		return "Everything"
	}
	return s.Titles(f)[0]
}

func (v *Verification) waiting(ctx context.Context) (n int, err error) {
	err = v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		n, err = countOpen(ctx, tx)
		return err
	})
	return n, err
}
