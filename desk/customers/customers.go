// Package customers is where people become known by ordering a service, see
// everything that is held about them, permit or refuse what it is used for,
// and watch every use of it. It is also where staff find and open a customer's
// record, for a purpose that they state.
package customers

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/job"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// collection is the drawer in which this desk keeps what customers give.
const collection loot.Collection = "customer"

// name is the desk's, in the statement and on the ledger.
const name = "customers"

// A Service is one that a customer has or had, as the desk that keeps them
// tells.
type Service struct {
	Reference string
	Service   string // id in the statement
	Title     string
	Plan      string // in words, such as "Medium, € 9.00 a month"
	Since     time.Time
	Ended     time.Time // zero: it runs
}

// A Check is how a detail was checked, and what a customer can ask about it.
type Check struct {
	Facts   []web.Fact
	Actions []web.Action
}

// Needs is what this desk asks of others. app wires it; a function that is nil
// has nothing to say.
type Needs struct {
	// Plans returns what can be chosen and paid for a service.
	Plans func(ctx context.Context, service string) ([]web.Option, error)
	// Services returns what a customer has or had.
	Services func(ctx context.Context, tx *store.Tx, s loot.Subject) ([]Service, error)
	// EndServices ends everything that runs.
	EndServices func(ctx context.Context, tx *store.Tx, by loot.Actor, s loot.Subject) error
	// Fulfilled returns the duties towards somebody whose services have ended that are done
	// with before their time, as when the last invoice is written.
	Fulfilled func(ctx context.Context, tx *store.Tx, s loot.Subject) ([]loot.Purpose, error)
	// Written are the fields that the program fills in by itself, so that no
	// form asks for them.
	Written []loot.Field
	// Checks returns what stands beside each detail that is checked.
	Checks func(ctx context.Context, tx *store.Tx, s loot.Subject) (map[loot.Field]Check, error)
	// Desks returns every desk, so that a customer's export and erasure reach
	// what they keep.
	Desks func() []desk.Desk
}

type customers struct {
	desk.Kit
	needs Needs
}

//go:embed migrations/*.sql
var migrationFiles embed.FS

// New returns the desk and registers its jobs and listeners, with what the desk of
// people's rights asks of it.
func New(kit desk.Kit, needs Needs) (desk.Desk, Records) {
	c := build(kit, needs)
	return c.desk(), Records{c}
}

func build(kit desk.Kit, needs Needs) *customers {
	c := &customers{kit, needs}
	job.Register(kit.Jobs, c.tellPage)
	job.Register(kit.Jobs, c.tellOne)
	job.Register(kit.Jobs, c.greetKnown)
	job.Register(kit.Jobs, c.erase)
	job.Register(kit.Jobs, c.leaving)
	job.Register(kit.Jobs, c.lapsePage)
	job.Register(kit.Jobs, c.lapse)
	job.Register(kit.Jobs, c.sweep)
	job.Register(kit.Jobs, c.assumedPage)
	job.Register(kit.Jobs, c.assumedOne)
	kit.Jobs.Listen("statement.announced", name, c.announced)
	kit.Jobs.Listen("notify.subject", name, c.notifySubject)
	kit.Jobs.Listen("notify.everyone", name, c.notifyEveryone)
	kit.Jobs.Periodic(24*time.Hour, sweepArgs{})
	return c
}

func (c *customers) desk() desk.Desk {
	migrations, _ := fs.Sub(migrationFiles, "migrations")
	return desk.Desk{
		Name:       name,
		Keeps:      Keeps,
		Routes:     c.routes(),
		Nav:        nav(),
		Migrations: migrations,
		API:        c.api,
		Proofs:     c.proofs(),
		Demo:       c.demo,
		Export:     c.export,
		Erase:      c.forget,
		Lapses:     c.lapses,
	}
}

func (c *customers) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /order/{service}", Audience: web.Public, Serve: c.orderForm},
		{Pattern: "POST /order/{service}", Audience: web.Public, Serve: c.register, Limit: web.PerMinute(12)},
		{Pattern: "GET /order/{service}/thanks", Audience: web.Public, Serve: c.thanks},

		{Pattern: "GET /portal", Audience: web.Portal, Serve: c.held},
		{Pattern: "GET /portal/correct/{field}", Audience: web.Portal, Serve: c.correctOwnForm},
		{Pattern: "POST /portal/correct/{field}", Audience: web.Portal, Serve: c.correctOwn},
		{Pattern: "POST /portal/address/again", Audience: web.Portal, Serve: c.sendAgain, Limit: web.PerMinute(3)},
		{Pattern: "POST /portal/address/keep", Audience: web.Portal, Serve: c.keepAddress},
		{Pattern: "GET /portal/permissions", Audience: web.Portal, Serve: c.permissions},
		{Pattern: "POST /portal/permissions/{offer}", Audience: web.Portal, Serve: c.choose},
		{Pattern: "GET /portal/timeline", Audience: web.Portal, Serve: c.timeline},
		{Pattern: "GET /portal/timeline/news", Audience: web.Portal, Serve: c.news},
		{Pattern: "GET /portal/proof/{entry}", Audience: web.Portal, Serve: c.proof},
		{Pattern: "GET /portal/order/{service}", Audience: web.Portal, Serve: c.orderMoreForm},
		{Pattern: "POST /portal/order/{service}", Audience: web.Portal, Serve: c.orderMore},
		{Pattern: "GET /portal/account", Audience: web.Portal, Serve: c.account},
		{Pattern: "POST /portal/account/erase", Audience: web.Portal, Serve: c.askErasure, Fresh: true},
		{Pattern: "POST /portal/account/keep", Audience: web.Portal, Serve: c.keepAccount},
		{Pattern: "GET /goodbye", Audience: web.Public, Serve: c.goodbye},

		{Pattern: "GET /console/customers", Audience: web.Console, Serve: c.list},
		{Pattern: "GET /console/customers/find", Audience: web.Console, Serve: c.toSearch},
		{Pattern: "POST /console/customers/find", Audience: web.Console, Serve: c.find, Limit: web.PerMinute(30)},
		{Pattern: "GET /console/customers/{id}", Audience: web.Console, Serve: c.card},
		{Pattern: "POST /console/customers/{id}/open", Audience: web.Console, Serve: c.open},
		{Pattern: "POST /console/customers/{id}/reveal", Audience: web.Console, Serve: c.reveal},
		{Pattern: "POST /console/customers/{id}/ask", Audience: web.Console, Serve: c.askOthers},
		{Pattern: "POST /console/customers/{id}/correct", Audience: web.Console, Serve: c.correctForm},
		{Pattern: "POST /console/customers/{id}/save", Audience: web.Console, Serve: c.save},
	}
}

func nav() []web.Nav {
	return []web.Nav{
		{Audience: web.Portal, Order: 10, Label: "What we hold", Icon: "id-card", Href: "/portal", Exact: true},
		{Audience: web.Portal, Order: 20, Label: "Permissions", Icon: "sliders-horizontal", Href: "/portal/permissions"},
		{Audience: web.Portal, Order: 30, Label: "Timeline", Icon: "history", Href: "/portal/timeline"},
		{Audience: web.Console, Group: "Customers", Order: 5, Label: "Customers", Icon: "users", Href: "/console/customers"},
	}
}

// self returns this desk as who acts.
func (c *customers) actor() loot.Actor { return loot.Actor{Kind: loot.Desk, ID: name} }

// inForce returns the statement that is in force.
func (c *customers) inForce() (*statement.Statement, error) {
	v, ok := c.Gate.InForce()
	if !ok {
		return nil, loot.Errorf(loot.Unavailable, "No statement is in force yet, so nothing can be ordered or shown. Please come back shortly.")
	}
	return v.Statement, nil
}

// version returns the statement with a hash, and nil if it is not known.
func (c *customers) version(hash string) *statement.Statement {
	if v, ok := c.Gate.Version(hash); ok {
		return v.Statement
	}
	return nil
}

func (c *customers) services(ctx context.Context, tx *store.Tx, s loot.Subject) ([]Service, error) {
	if c.needs.Services == nil {
		return nil, nil
	}
	return c.needs.Services(ctx, tx, s)
}

func (c *customers) checks(ctx context.Context, tx *store.Tx, s loot.Subject) (map[loot.Field]Check, error) {
	if c.needs.Checks == nil {
		return nil, nil
	}
	return c.needs.Checks(ctx, tx, s)
}

// own returns the request of a person about their own record.
func own(a loot.Actor, action loot.Action, p loot.Purpose, fields []loot.Field) gate.Request {
	return gate.Request{
		Action: action, Actor: a, Desk: name, Purpose: p, Subject: loot.Subject(a.ID), Collection: collection, Fields: fields,
	}
}

// Keeps are the clauses that this desk carries out.
var Keeps = []loot.Clause{"collection.compulsory", "adequacy.visible", "disclosure.permission", "network.ways"}
