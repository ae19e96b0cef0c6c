// Package rights is where people use the rights that the law gives them over what is
// held about them: they take all of it along, have it left alone, object to a use of it,
// and see by when they have an answer. It counts what is erased because its time is over.
package rights

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"loot"
	"loot/desk"
	"loot/job"
	"loot/outbound"
	"loot/statement"
	"loot/store"
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
	// Leave ends everything that somebody has and erases their record: at once, or on the
	// day that is returned at the earliest.
	Leave func(ctx context.Context, me loot.Actor) (due time.Time, gone bool, err error)
	// Gone returns which details somebody who waits to be erased has no longer, as they are
	// shown it.
	Gone func(ctx context.Context, tx *store.Tx, s loot.Subject) ([]loot.Field, error)
	// Desks returns every desk.
	Desks func() []desk.Desk
	Staff desk.Staff
	// Client posts to agents where a request stands.
	Client *outbound.Client
}

// A Rights is the desk together with what others ask of it.
type Rights struct {
	desk.Kit
	needs  Needs
	notes  desk.Notes
	silent silentHosts
	page   int // requests on one page of the console; in tests fewer than perPage
}

// New returns the desk and registers its jobs.
func New(kit desk.Kit, needs Needs) (*Rights, error) {
	key, err := kit.Keyring.System(name)
	if err != nil {
		return nil, err
	}
	d := &Rights{Kit: kit, needs: needs, notes: desk.Notes{Table: "rights_note", Case: "request", Key: key}, page: perPage}
	d.notes.Hold(kit.DB)
	key.Hold(kit.DB, store.Sealed{Table: "rights_exercise", Key: []string{"id"}, Column: "callback"})
	job.Register(kit.Jobs, d.tell)
	job.Register(kit.Jobs, d.confirm)
	job.Register(kit.Jobs, d.askOwner)
	job.Register(kit.Jobs, d.call, job.Apart("agents", 4))
	job.Register(kit.Jobs, d.sweep)
	kit.Jobs.Listen("erasure.revoked", "rights.kept", d.kept)
	kit.Jobs.Periodic(time.Hour, sweepArgs{})
	return d, nil
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
			{Audience: web.Console, Group: "Customers", Order: 8, Label: "Requests", Icon: "scale", Href: "/console/requests", Count: d.waiting},
			{Audience: web.Console, Group: "Customers", Order: 9, Label: "Retention", Icon: "eraser", Href: "/console/retention"},
		},
		Proofs: d.proofs(),
		Demo:   d.demo,
		Export: d.export,
		Erase:  d.forget,
		Lapses: d.lapses,
	}
}

func (d *Rights) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /portal/rights", Audience: web.Portal, Serve: d.mine},
		{Pattern: "GET " + categoriesPath, Audience: web.Portal, Serve: d.categories},
		{Pattern: "POST /portal/rights/copy", Audience: web.Portal, Serve: d.take, Fresh: true, Limit: web.PerMinute(6)},
		{Pattern: "POST /portal/rights/restriction", Audience: web.Portal, Serve: d.askRestriction, Limit: web.PerMinute(20)},
		{Pattern: "POST /portal/rights/restriction/end", Audience: web.Portal, Serve: d.endRestriction, Limit: web.PerMinute(20)},
		{Pattern: "POST /portal/rights/objection", Audience: web.Portal, Serve: d.askObjection, Limit: web.PerMinute(20)},
		{Pattern: "POST /portal/rights/objection/{purpose}/end", Audience: web.Portal, Serve: d.endObjection, Limit: web.PerMinute(20)},

		{Pattern: "GET /.well-known/data-rights.json", Audience: web.Public, Serve: d.speaks(d.entry)},
		{Pattern: "POST " + drpBase + "/v1/agent/{agent}", Audience: web.Public, Incognito: true, Serve: d.setUp, Limit: web.PerMinute(10), Body: maxMessage},
		{Pattern: "GET " + drpBase + "/v1/agent/{agent}", Audience: web.Public, Incognito: true, Serve: d.speaks(d.information), Limit: web.PerMinute(60)},
		{Pattern: "POST " + drpBase + "/v1/data-rights-request", Audience: web.Public, Incognito: true, Serve: d.speaks(d.exercise), Limit: web.PerMinute(60), Body: maxMessage},
		{Pattern: "GET " + drpBase + "/v1/data-rights-request/{id}", Audience: web.Public, Incognito: true, Serve: d.speaks(d.exercised), Limit: web.PerMinute(120)},
		{Pattern: "DELETE " + drpBase + "/v1/data-rights-request/{id}", Audience: web.Public, Incognito: true, Serve: d.speaks(d.revoke), Limit: web.PerMinute(60), Body: maxMessage},
		{Pattern: "GET /rights/agent", Audience: web.Public, Serve: d.lookForLetter},
		{Pattern: "GET /rights/agent/{token}", Audience: web.Public, Serve: d.askPerson, Limit: web.PerMinute(30)},
		{Pattern: "POST /rights/agent/{token}", Audience: web.Public, Serve: d.answerAgent, Limit: web.PerMinute(30)},

		{Pattern: "GET /console/requests/agents", Audience: web.Console, Serve: d.listAgents},
		{Pattern: "POST /console/requests/agents", Audience: web.Console, Serve: d.letIn, Roles: keepers, Fresh: true},
		{Pattern: "POST /console/requests/agents/{agent}/end", Audience: web.Console, Serve: d.endAgent, Roles: keepers, Fresh: true},
		{Pattern: "GET /rights/request/{token}", Audience: web.Public, Serve: d.askedWhether, Limit: web.PerMinute(30)},
		{Pattern: "POST /rights/request/{token}", Audience: web.Public, Serve: d.saidWhether, Limit: web.PerMinute(30)},
		{Pattern: "GET " + entryPath, Audience: web.Console, Serve: d.entryPage},
		{Pattern: "GET /console/requests", Audience: web.Console, Serve: d.queue},
		{Pattern: "POST /console/requests", Audience: web.Console, Serve: d.enter, Limit: web.PerMinute(20)},
		{Pattern: "GET /console/requests/{id}", Audience: web.Console, Serve: d.show},
		{Pattern: "POST /console/requests/{id}", Audience: web.Console, Serve: d.decide},
		{Pattern: "POST /console/requests/{id}/read", Audience: web.Console, Serve: d.read},
		{Pattern: "POST /console/requests/{id}/letter", Audience: web.Console, Serve: d.askOnceMore},
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
