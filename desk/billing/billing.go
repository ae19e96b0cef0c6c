// Package billing keeps the catalogue of what can be ordered, the services that
// customers have, and the invoices that are drawn from them. It opens what the
// statement gives for invoices and nothing else; an invoice that is issued never
// changes.
package billing

import (
	"context"
	"embed"
	"io/fs"
	"strconv"
	"sync"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/job"
	"loot/statement"
	"loot/store"
	"loot/web"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

const (
	name                       = "billing"
	collection loot.Collection = "customer" // whose orders are kept here
)

// An Order is a service that somebody ordered, as the desk that takes orders
// tells.
type Order struct {
	Subject loot.Subject
	Service string // id in the statement
	Plan    string
	Made    time.Time
	Ended   time.Time // zero: it runs
}

// A Billing is the desk together with what others ask of it.
type Billing struct {
	desk.Kit
	order   func(ctx context.Context, tx *store.Tx, reference string) (Order, error)
	seller  Seller
	issuing sync.Mutex // held while numbers are given
	printer func() (*invoice.Printer, error)
	at      func(step string) // of tests; nil: none
}

// New returns the desk. Order tells of an order when the notice
// "service.ordered" names it.
func New(kit desk.Kit, order func(ctx context.Context, tx *store.Tx, reference string) (Order, error)) *Billing {
	b := &Billing{Kit: kit, order: order, seller: Seller{}.withDefaults()}
	b.printer = sync.OnceValues(func() (*invoice.Printer, error) { return invoice.NewPrinter() })
	kit.Jobs.Listen("service.ordered", name, b.ordered)
	job.Register(kit.Jobs, b.runPage, job.Timeout(10*time.Minute))
	job.Register(kit.Jobs, b.tell)
	job.Register(kit.Jobs, b.tellCredited)
	job.Register(kit.Jobs, b.hourly, job.Timeout(10*time.Minute))
	kit.Jobs.Periodic(time.Hour, hourlyArgs{})
	return b
}

// Sell says who issues the invoices. It is called before jobs start; without it
// nothing is issued.
func (b *Billing) Sell(s Seller) { b.seller = s.withDefaults() }

// Desk returns the desk as a value.
func (b *Billing) Desk() desk.Desk {
	migrations, _ := fs.Sub(migrationFiles, "migrations")
	return desk.Desk{
		Name:       name,
		Keeps:      Keeps,
		Proofs:     b.proofs(),
		Demo:       b.demo,
		Routes:     b.routes(),
		Nav:        nav(),
		Migrations: migrations,
		Export:     b.export,
		Erase:      b.forget,
		Documents:  b.along,
		Lapses:     b.lapses,
		Retains:    b.retains,
	}
}

func (b *Billing) routes() []web.Route {
	prices, bills := []loot.Role{"billing", "administrator"}, []loot.Role{"billing"}
	return []web.Route{
		{Pattern: "GET /services", Audience: web.Public, Serve: b.catalogue},
		{Pattern: "GET /portal/services", Audience: web.Portal, Serve: b.mine},
		{Pattern: "POST /portal/services/{reference}/end", Audience: web.Portal, Serve: b.end},
		{Pattern: "GET /console/billing", Audience: web.Console, Serve: b.list},
		{Pattern: "GET /console/billing/plans", Audience: web.Console, Serve: b.plans, Roles: prices},
		{Pattern: "POST /console/billing/plans", Audience: web.Console, Serve: b.addPlan, Roles: prices},
		{Pattern: "POST /console/billing/plans/{id}/retire", Audience: web.Console, Serve: b.retirePlan, Roles: prices},

		{Pattern: "GET /portal/invoices", Audience: web.Portal, Serve: b.myInvoices},
		{Pattern: "GET /portal/invoices/{number}", Audience: web.Portal, Serve: b.myInvoice},
		{Pattern: "GET /portal/invoices/{number}/{document}", Audience: web.Portal, Serve: b.myDocument, Limit: web.PerMinute(60)},
		{Pattern: "GET /console/billing/invoices", Audience: web.Console, Serve: b.invoices, Roles: bills},
		{Pattern: "GET /console/billing/invoices/{number}", Audience: web.Console, Serve: b.invoice, Roles: bills},
		{Pattern: "POST /console/billing/invoices/{number}/open", Audience: web.Console, Serve: b.open, Roles: bills},
		{Pattern: "POST /console/billing/invoices/{number}/credit", Audience: web.Console, Serve: b.credit, Roles: bills},
		{Pattern: "GET /console/billing/run", Audience: web.Console, Serve: b.preview, Roles: bills},
		{Pattern: "POST /console/billing/run", Audience: web.Console, Serve: b.start, Roles: bills},
	}
}

// Keeps are the clauses that this desk carries out.
var Keeps = []loot.Clause{"collection.invoice"}

func nav() []web.Nav {
	return []web.Nav{
		{Audience: web.Public, Order: 20, Label: "Services", Icon: "server", Href: "/services"},
		{Audience: web.Portal, Order: 40, Label: "Services", Icon: "server", Href: "/portal/services"},
		{Audience: web.Portal, Order: 45, Label: "Invoices", Icon: "receipt-text", Href: "/portal/invoices"},
		{Audience: web.Console, Group: "Customers", Order: 8, Label: "Invoices", Icon: "receipt-text", Href: "/console/billing/invoices", Roles: []loot.Role{"billing"}},
		{Audience: web.Console, Group: "Customers", Order: 6, Label: "Services", Icon: "server", Href: "/console/billing", Exact: true},
		{Audience: web.Console, Group: "Customers", Order: 7, Label: "Prices", Icon: "tag", Href: "/console/billing/plans", Roles: []loot.Role{"billing", "administrator"}},
	}
}

// ordered begins a service. A notice that comes twice begins nothing twice, and
// an order whose customer was erased meanwhile begins nothing at all.
func (b *Billing) ordered(ctx context.Context, reference string) error {
	return b.DB.InTx(ctx, func(tx *store.Tx) error {
		o, err := b.order(ctx, tx, reference)
		if loot.KindOf(err) == loot.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		return insertService(ctx, tx, reference, o)
	})
}

// Services returns what a customer has or had, latest first.
func (b *Billing) Services(ctx context.Context, tx *store.Tx, s loot.Subject) ([]Service, error) {
	return servicesOf(ctx, tx, b.titles(), s)
}

// EndAll ends every service of a customer that runs.
func (b *Billing) EndAll(ctx context.Context, tx *store.Tx, by loot.Actor, s loot.Subject) error {
	all, err := b.Services(ctx, tx, s)
	if err != nil {
		return err
	}
	for _, one := range all {
		if !one.Ended.IsZero() {
			continue
		}
		if err := b.endService(ctx, tx, by, one); err != nil {
			return err
		}
	}
	return nil
}

// endService ends one service, and with it the permission that ordering it was.
func (b *Billing) endService(ctx context.Context, tx *store.Tx, by loot.Actor, one Service) error {
	ended, err := endService(ctx, tx, one.Reference, b.Now())
	if err != nil || !ended {
		return err
	}
	return b.Gate.EndOrder(ctx, tx, gate.Ordered{Subject: one.Subject, Collection: collection, By: by, Reference: one.Reference, Service: one.Service})
}

// Plans returns what can be chosen for a service, for the form that orders it.
func (b *Billing) Plans(ctx context.Context, service string) ([]web.Option, error) {
	plans, err := b.listPlans(ctx, service, false)
	var options []web.Option
	for _, p := range plans {
		options = append(options, web.Option{Value: p.ID, Label: p.Title + ", " + p.Price(), Hint: p.Text})
	}
	return options, err
}

// titles returns the names of services in the statement in force.
func (b *Billing) titles() map[string]string {
	titles := map[string]string{}
	if s, err := b.inForce(); err == nil {
		for _, d := range s.Services() {
			titles[d.ID] = d.Title
		}
	}
	return titles
}

func (b *Billing) inForce() (*statement.Statement, error) {
	v, ok := b.Gate.InForce()
	if !ok {
		return nil, loot.Errorf(loot.Unavailable, "No statement is in force yet, so nothing can be ordered. Please come back shortly.")
	}
	return v.Statement, nil
}

// A Plan is a price of a service.
type Plan struct {
	ID       string
	Service  string
	Title    string
	Text     string
	Cents    int64
	Currency string
	Period   string
	Retired  bool
}

// signs are the currencies that are written by a sign.
var signs = map[string]string{"EUR": "€", "GBP": "£", "USD": "$"}

// Price writes the price as people read it.
func (p Plan) Price() string { return money(p.Cents, p.Currency) + " a " + p.Period }

func money(cents int64, currency string) string {
	sign, ok := signs[currency]
	if !ok {
		sign = currency
	}
	frac := strconv.FormatInt(cents%100, 10)
	if len(frac) < 2 {
		frac = "0" + frac
	}
	return sign + "\u00a0" + strconv.FormatInt(cents/100, 10) + "." + frac
}

// A Service is one that a customer has or had.
type Service struct {
	Reference string
	Subject   loot.Subject
	Service   string // id in the statement
	Title     string
	Plan      string // in words; empty: none was chosen
	Since     time.Time
	Ended     time.Time // zero: it runs
}

// State says in a word where the service stands.
func (s Service) State() web.Badge {
	if s.Ended.IsZero() {
		return web.Badge{Tone: web.Good, Text: "runs"}
	}
	return web.Badge{Text: "ended"}
}
