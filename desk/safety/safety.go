// Package safety is the abuse desk: reports of misuse become cases, in which the customer
// is heard and a colleague judges with reasons, and on appeal another one. Disagreements
// with customers run on the same cases. Nothing about anybody opens without one.
package safety

import (
	"context"
	"embed"
	"io"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/job"
	"loot/keyring"
	"loot/statement"
	"loot/store"
	"loot/web"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

//go:embed pages/*.html
var pageFiles embed.FS

const (
	name                       = "safety"
	forSafety  loot.Purpose    = "safety"
	forDispute loot.Purpose    = "dispute"
	reporters  loot.Collection = "reporter" // who report
	customer   loot.Collection = "customer" // whom cases are about

	reporterEmail loot.Field = "reporter.email"
	reporterText  loot.Field = "reporter.text"
)

// Keeps are the clauses that this desk carries out.
var Keeps = []loot.Clause{"collection.safety"}

// A Holder is who had an address.
type Holder struct {
	Subject loot.Subject
	Service string // reference
}

// Needs is what this desk asks of others; app wires it.
type Needs struct {
	// WhoHad returns who had an address at a time; false: nobody. The gate may refuse.
	WhoHad func(ctx context.Context, tx *store.Tx, by loot.Actor, purpose loot.Purpose, reason string, a netip.Addr, at time.Time) (Holder, bool, error)
	// Services returns the titles of a customer's services by reference.
	Services func(ctx context.Context, tx *store.Tx, s loot.Subject) (map[string]string, error)
	// Suspend suspends a service for a case and Resume ends that; false: it does not run,
	// or is suspended for something else.
	Suspend, Resume func(ctx context.Context, tx *store.Tx, by loot.Actor, service, matter string) (bool, error)
	Staff           desk.Staff
	// Bundle writes copies of records as one ZIP.
	Bundle func(ctx context.Context, to io.Writer, all []desk.Bundled) error
}

// A Safety is the desk together with what others ask of it.
type Safety struct {
	desk.Kit
	needs Needs
	notes desk.Notes
	key   *keyring.SystemKey
	marks []byte // key of what is compared and never read
}

// New returns the desk and registers its jobs.
func New(kit desk.Kit, needs Needs) (*Safety, error) {
	key, err := kit.Keyring.System(name)
	if err != nil {
		return nil, err
	}
	marks, err := kit.Keyring.Secret(name, freshKey)
	if err != nil {
		return nil, err
	}
	d := &Safety{Kit: kit, needs: needs, key: key, marks: marks, notes: desk.Notes{Table: "safety_note", Case: "matter", Key: key}}
	d.notes.Hold(kit.DB)
	key.Hold(kit.DB, store.Sealed{Table: "safety_about", Key: []string{"id"}, Column: "said"}, store.Sealed{Table: "safety_judgment", Key: []string{"id"}, Column: "text"})
	kit.Gate.Fact("context.case", d.openCase)
	job.Register(kit.Jobs, d.tell)
	job.Register(kit.Jobs, d.hourly)
	job.Register(kit.Jobs, d.writeHeld)
	job.Register(kit.Jobs, d.sweep)
	kit.Jobs.Periodic(time.Hour, hourlyArgs{})
	kit.Jobs.Periodic(24*time.Hour, sweepArgs{})
	return d, nil
}

// Desk returns the desk as a value.
func (d *Safety) Desk() desk.Desk {
	migrations, _ := fs.Sub(migrationFiles, "migrations")
	return desk.Desk{
		Name:       name,
		Keeps:      Keeps,
		Routes:     d.routes(),
		Migrations: migrations,
		API:        d.api,
		Nav: []web.Nav{
			{Audience: web.Public, Group: web.Footer, Order: 40, Label: "Report misuse", Icon: "flag", Href: "/abuse"},
			{Audience: web.Portal, Order: 80, Label: "Cases", Icon: "gavel", Href: "/portal/cases"},
			{Audience: web.Console, Group: "Work", Order: 30, Label: "Abuse and disputes", Icon: "gavel", Href: "/console/abuse", Count: d.waiting},
		},
		Proofs: d.proofs(),
		Demo:   d.demo,
		Export: d.export,
		Erase:  d.forget,
		Lapses: d.lapses,
	}
}

func (d *Safety) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /abuse", Audience: web.Public, Serve: d.askReport},
		{Pattern: "POST /abuse", Audience: web.Public, Serve: d.sendReport, Limit: web.PerMinute(6), Body: mostForm},
		{Pattern: "GET /abuse/report/{token}", Audience: web.Public, Serve: d.reportStands, Limit: web.PerMinute(30)},
		{Pattern: "POST /abuse/report/{token}", Audience: web.Public, Serve: d.forgetReporter, Limit: web.PerMinute(10)},
		{Pattern: "GET /abuse/mine", Audience: web.Public, Serve: d.askHeld},
		{Pattern: "POST /abuse/mine", Audience: web.Public, Serve: d.sendHeld, Limit: web.PerMinute(6)},
		{Pattern: "GET /abuse/mine/{token}", Audience: web.Public, Serve: d.held, Limit: web.PerMinute(30)},
		{Pattern: "POST /abuse/mine/{token}/copy", Audience: web.Public, Serve: d.copyHeld, Limit: web.PerMinute(6)},
		{Pattern: "POST /abuse/mine/{token}/erase", Audience: web.Public, Serve: d.eraseHeld, Limit: web.PerMinute(6)},
		{Pattern: "GET /abuse/answer/{token}", Audience: web.Public, Serve: d.askAnswer, Limit: web.PerMinute(30)},
		{Pattern: "POST /abuse/answer/{token}", Audience: web.Public, Serve: d.takeAnswer, Limit: web.PerMinute(10)},

		{Pattern: "GET /portal/cases", Audience: web.Portal, Serve: d.mine},
		{Pattern: "POST /portal/cases", Audience: web.Portal, Serve: d.dispute, Limit: web.PerMinute(6)},
		{Pattern: "GET /portal/cases/{id}", Audience: web.Portal, Serve: d.mineOne},
		{Pattern: "POST /portal/cases/{id}", Audience: web.Portal, Serve: d.answerMine, Limit: web.PerMinute(10)},

		{Pattern: "GET /console/abuse", Audience: web.Console, Serve: d.queue},
		{Pattern: "GET /console/abuse/figures", Audience: web.Console, Serve: d.figures},
		{Pattern: "GET /console/abuse/reasons.json", Audience: web.Console, Serve: d.exportReasons},
		{Pattern: "GET /console/abuse/trusted", Audience: web.Console, Serve: d.trusted},
		{Pattern: "POST /console/abuse/trusted", Audience: web.Console, Serve: d.trust},
		{Pattern: "POST /console/abuse/trusted/end", Audience: web.Console, Serve: d.trustNoMore},
		{Pattern: "GET /console/abuse/{id}", Audience: web.Console, Serve: d.show},
		{Pattern: "POST /console/abuse/{id}/reports", Audience: web.Console, Serve: d.openReports},
		{Pattern: "POST /console/abuse/{id}/evidence/{file}", Audience: web.Console, Serve: d.openEvidence},
		{Pattern: "POST /console/abuse/{id}/{step}", Audience: web.Console, Serve: d.step},
	}
}

func (d *Safety) actor() loot.Actor { return loot.Actor{Kind: loot.Desk, ID: name} }

func (d *Safety) inForce() (*statement.Statement, error) {
	v, ok := d.Gate.InForce()
	if !ok {
		return nil, loot.Errorf(loot.Unavailable, "No statement is in force yet, so nothing can be reported. Please come back shortly.")
	}
	return v.Statement, nil
}

// openCase offers the fact that a case which is still open is named, and that it is about
// whoever is asked about: the customer, or somebody whose report is in it.
func (d *Safety) openCase(ctx context.Context, tx *store.Tx, r gate.Request, in *statement.Input) error {
	if !strings.HasPrefix(r.Case, casePrefix) {
		return nil
	}
	c, err := findCase(ctx, tx, r.Case, "")
	if loot.KindOf(err) == loot.NotFound {
		return nil
	}
	if err != nil || !c.Closed.IsZero() {
		return err
	}
	concerned := r.Subject == c.Subject && c.Subject != ""
	if r.Collection == reporters {
		if concerned, err = reportedIn(ctx, tx, c.ID, r.Subject); err != nil {
			return err
		}
	}
	if concerned {
		in.Context.Case = c.What
	}
	return nil
}

var errUnsigned = loot.Errorf(loot.Denied, "Whoever deals with cases signs the confidentiality undertaking first. You find it under Undertaking.")

// may refuses whoever has no role that deals with such cases, or has not signed.
func (d *Safety) may(ctx context.Context, tx *store.Tx, s *statement.Statement, what string, by loot.Actor) error {
	signed, err := d.needs.Staff.Signed(ctx, tx, by.ID)
	switch {
	case err != nil:
		return err
	case signed.IsZero():
		return errUnsigned
	case !deals(s, purposeOf(what), by):
		return loot.Errorf(loot.Denied, "None of your roles deals with cases of this kind: those do whose purposes include it.")
	}
	return nil
}

// deals reports whether somebody has a role for a purpose.
func deals(s *statement.Statement, p loot.Purpose, who loot.Actor) bool {
	return slices.ContainsFunc(who.Roles, func(id loot.Role) bool {
		r, ok := s.Role(id)
		return ok && slices.Contains(r.Purposes, p)
	})
}
