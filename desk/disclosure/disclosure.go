// Package disclosure is the one desk at which requests of authorities and courts are
// entered, checked, agreed to and answered. Nothing leaves that was not entered here,
// and whom it concerns is told as soon as no order of secrecy stands.
package disclosure

import (
	"context"
	"embed"
	"io/fs"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/job"
	"loot/keyring"
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/web"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

//go:embed pages/*.html
var pageFiles embed.FS

const (
	name                       = "disclosure"
	collection loot.Collection = "customer"       // of whom requests are about
	purpose    loot.Purpose    = "lawful-request" // of the statement
	searching  loot.Purpose    = "dispute"        // under which legal counsel looks for whom a request names
	counsel    loot.Role       = "counsel"        // one of those who agree to an answer
	home                       = "/console/disclosures"
	mailHome                   = "/console/disclosure-mail"
)

// Keeps are the clauses that this desk carries out.
var Keeps = []loot.Clause{"collection.rare", "disclosure.authorities", "disclosure.court"}

// A Letter is one to an authority, as it is drawn.
type Letter struct {
	To         []string // lines of the address
	Made       time.Time
	Title      string
	Paragraphs []string
	Rows       [][2]string // a term and what stands beside it
	Watermark  string      // empty: none
	Data       []byte      // the same for programs, as JSON
}

// Needs is what this desk asks of others; app wires it.
type Needs struct {
	Staff  desk.Staff
	Letter func(Letter) ([]byte, error) // draws a letter as PDF
	// ReadMail reads a mail, within limits whatever it holds.
	ReadMail func(content []byte) (Mail, error)
}

type disclosure struct {
	desk.Kit
	needs Needs
	key   *keyring.SystemKey
	notes desk.Notes
}

// New returns the desk and what takes requests that come by mail, and registers its jobs
// and facts.
func New(kit desk.Kit, needs Needs) (desk.Desk, mail.Taker, error) {
	d, err := build(kit, needs)
	if err != nil {
		return desk.Desk{}, nil, err
	}
	return d.desk(), d.takeMail, nil
}

func build(kit desk.Kit, needs Needs) (*disclosure, error) {
	key, err := kit.Keyring.System(name)
	if err != nil {
		return nil, err
	}
	d := &disclosure{kit, needs, key, desk.Notes{Table: "disclosure_note", Case: "request", Key: key}}
	d.notes.Hold(kit.DB)
	key.Hold(kit.DB,
		store.Sealed{Table: "disclosure_authority", Key: []string{"id"}, Column: "contact"},
		store.Sealed{Table: "disclosure_file", Key: []string{"id"}, Column: "content"},
		store.Sealed{Table: "disclosure_mail", Key: []string{"id"}, Column: "head", Bound: func(row []any) []byte { return headOf(row[0].(string)) }},
		store.Sealed{Table: "disclosure_mail", Key: []string{"id"}, Column: "content", Bound: func(row []any) []byte { return bodyOf(row[0].(string)) }},
	)
	kit.Gate.Fact("context.case", d.openCase)
	job.Register(kit.Jobs, d.sweep)
	kit.Jobs.Periodic(time.Hour, sweepArgs{})
	job.Register(kit.Jobs, d.remove)
	kit.Jobs.Periodic(24*time.Hour, removeArgs{})
	return d, nil
}

func (d *disclosure) desk() desk.Desk {
	migrations, _ := fs.Sub(migrationFiles, "migrations")
	return desk.Desk{
		Name:       name,
		Keeps:      Keeps,
		Migrations: migrations,
		Routes:     d.routes(),
		Nav: []web.Nav{{
			Audience: web.Console, Group: "Work", Order: 42, Label: "Disclosures", Icon: "landmark", Href: home, Count: d.waiting, Each: true,
		}},
		Proofs: d.proofs(),
		Demo:   d.demo,
		Export: d.export,
		Erase:  d.forget,
		Lapses: d.lapses,
	}
}

// maxUpload is how large what comes with a form may be.
const maxUpload = 12 << 20

func (d *disclosure) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET " + home, Audience: web.Console, Serve: d.queue},
		{Pattern: "GET " + home + "/new", Audience: web.Console, Serve: d.intakeForm},
		{Pattern: "POST " + home + "/new", Audience: web.Console, Serve: d.intake, Body: maxUpload},
		{Pattern: "GET " + home + "/calendar", Audience: web.Console, Serve: d.calendar},
		{Pattern: "GET " + home + "/register", Audience: web.Console, Serve: d.register},
		{Pattern: "POST " + home + "/register", Audience: web.Console, Serve: d.enterAuthority},
		{Pattern: "POST " + home + "/register/{authority}/{what}", Audience: web.Console, Serve: d.changeAuthority},
		{Pattern: "GET " + mailHome + "/{mail}", Audience: web.Console, Serve: d.readMail},
		{Pattern: "POST " + mailHome + "/{mail}", Audience: web.Console, Serve: d.putAside},
		{Pattern: "GET " + mailHome + "/{mail}/whole", Audience: web.Console, Serve: d.wholeMail},
		{Pattern: "POST " + mailHome + "/{mail}/back", Audience: web.Console, Serve: d.takeBack},
		{Pattern: "GET " + home + "/{id}", Audience: web.Console, Serve: d.show},
		{Pattern: "POST " + home + "/{id}/ask", Audience: web.Console, Serve: d.ask},
		{Pattern: "POST " + home + "/{id}/{step}", Audience: web.Console, Serve: d.step, Body: maxUpload},
		{Pattern: "GET " + home + "/{id}/file/{file}", Audience: web.Console, Serve: d.file},
		{Pattern: "GET " + home + "/{id}/manifest", Audience: web.Console, Serve: d.manifest},
	}
}

func (d *disclosure) actor() loot.Actor { return loot.Actor{Kind: loot.Desk, ID: name} }

func (d *disclosure) inForce() (*statement.Statement, error) {
	v, ok := d.Gate.InForce()
	if !ok {
		return nil, loot.Errorf(loot.Unavailable, "No statement is in force yet, so no request can be dealt with. An administrator must publish one.")
	}
	return v.Statement, nil
}

func (d *disclosure) waiting(ctx context.Context) (n int, err error) {
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		n, err = d.countOpen(ctx, tx, web.ActorOf(ctx))
		return err
	})
	return n, err
}

// openCase offers the fact that a request which is still open is named: "court" if it
// is about proceedings before one.
func (d *disclosure) openCase(ctx context.Context, tx *store.Tx, r gate.Request, in *statement.Input) error {
	if r.Case == "" || in.Context.Case != "" {
		return nil
	}
	one, err := findRequest(ctx, tx, r.Case, "")
	switch {
	case loot.KindOf(err) == loot.NotFound:
		return nil
	case err != nil:
		return err
	case !one.Closed.IsZero():
		return nil
	case one.Kind == proceedings:
		in.Context.Case = "court"
	default:
		in.Context.Case = "request"
	}
	return nil
}

// approving reports whether a role of somebody agrees to what others ask for.
func approving(s *statement.Statement, who loot.Actor) bool {
	return slices.ContainsFunc(who.Roles, func(id loot.Role) bool { r, ok := s.Role(id); return ok && r.Approves && !r.Administers })
}

var errUnsigned = loot.Errorf(loot.Denied, "Whoever deals with requests from outside signs the confidentiality undertaking first. You find it under Undertaking.")

// signed refuses whoever has not signed the undertaking.
func (d *disclosure) signed(ctx context.Context, tx *store.Tx, by loot.Actor) error {
	at, err := d.needs.Staff.Signed(ctx, tx, by.ID)
	if err == nil && at.IsZero() {
		err = errUnsigned
	}
	return err
}

// A sight is which requests somebody may open.
type sight int

const (
	nothingYet sight = iota // they have not signed the undertaking
	theirs                  // those that they deal with
	everything              // their roles approve
)

// sight says which requests somebody may open, so that no list has more.
func (d *disclosure) sight(ctx context.Context, tx *store.Tx, by loot.Actor) (sight, error) {
	switch err := d.signed(ctx, tx, by); {
	case err == errUnsigned: //nolint:errorlint // the very value
		return nothingYet, nil
	case err != nil:
		return nothingYet, err
	case d.approves(by):
		return everything, nil
	}
	return theirs, nil
}

// may refuses whoever neither deals with a request nor has a role that approves.
func (d *disclosure) may(ctx context.Context, tx *store.Tx, r request, by loot.Actor) error {
	return d.opens(ctx, tx, by, r.Owner == by.ID, openTo)
}

// opens refuses, saying to whom it is open, whoever does not deal with something themself and
// has no role that approves.
func (d *disclosure) opens(ctx context.Context, tx *store.Tx, by loot.Actor, theirOwn bool, to string) error {
	sees, err := d.sight(ctx, tx, by)
	switch {
	case err != nil:
		return err
	case sees == nothingYet:
		return errUnsigned
	case sees == everything || theirOwn:
		return nil
	}
	return loot.Errorf(loot.Denied, "%s Ask one of them.", to)
}

const openTo = "A request is open to whoever deals with it and to those whose roles approve."
