// Package rights is where people use the rights that the law gives them over what is
// held about them: they take all of it along, and see what they asked for and by when
// it is answered.
package rights

import (
	"context"
	"embed"
	"io/fs"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/web"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

const (
	name                       = "rights"
	collection loot.Collection = "customer" // of the people who have a portal
)

// Needs is what this desk asks of others; app wires it.
type Needs struct {
	// Copy opens all that is held about a person for themself, and names the newest
	// entry of their timeline that belongs to it.
	Copy func(ctx context.Context, me loot.Actor) (copied desk.Copy, newest string, err error)
	// Entries returns the next entries about a person in a collection, newest first, and
	// the one to go on after; empty: those were the last.
	Entries func(ctx context.Context, s loot.Subject, in loot.Collection, before string, receipts bool) (page []desk.CopiedEntry, last string, err error)
	// Desks returns every desk.
	Desks func() []desk.Desk
}

// A Rights is the desk together with what others ask of it.
type Rights struct {
	desk.Kit
	needs Needs
}

// New returns the desk and registers its jobs.
func New(kit desk.Kit, needs Needs) *Rights {
	return &Rights{kit, needs}
}

// Desk returns the desk as a value.
func (d *Rights) Desk() desk.Desk {
	migrations, _ := fs.Sub(migrationFiles, "migrations")
	return desk.Desk{
		Name:       name,
		Routes:     d.routes(),
		Migrations: migrations,
		Nav: []web.Nav{
			{Audience: web.Portal, Order: 90, Label: "Your rights", Icon: "scale", Href: "/portal/rights"},
			{Audience: web.Console, Group: "Customers", Order: 9, Label: "Retention", Icon: "eraser", Href: "/console/retention"},
		},
		Proofs: d.proofs(),
	}
}

func (d *Rights) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /portal/rights", Audience: web.Portal, Serve: d.mine},
		{Pattern: "POST /portal/rights/copy", Audience: web.Portal, Serve: d.take, Fresh: true, Limit: web.PerMinute(6)},

		{Pattern: "GET /console/retention", Audience: web.Console, Serve: d.retention},
		{Pattern: "GET /console/retention/report.csv", Audience: web.Console, Serve: d.retentionFile},
	}
}

func (d *Rights) inForce() (*statement.Statement, error) {
	v, ok := d.Gate.InForce()
	if !ok {
		return nil, loot.Errorf(loot.Unavailable, "No statement is in force yet, so nothing can be asked for. Please come back shortly.")
	}
	return v.Statement, nil
}
