// Package billing keeps the catalogue of what can be ordered, the services that
// customers have, and the invoices that are drawn from them. It opens what the
// statement gives for invoices and nothing else; an invoice that is issued never
// changes.
package billing

import (
	"context"
	"crypto/rand"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/hook"
	"loot/desk/billing/invoice"
	"loot/job"
	"loot/keyring"
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
	Carrier string    // staff id of whose program brought it; empty: the customer ordered themself
	Charged time.Time // the day from which it is charged, if it was taken over and others invoiced until then; zero: that of the taking over
}

// A Billing is the desk together with what others ask of it.
type Billing struct {
	desk.Kit
	order     func(ctx context.Context, tx *store.Tx, reference string) (Order, error)
	signed    func(ctx context.Context, tx *store.Tx, staff string) (time.Time, error)
	key       *keyring.SystemKey                                                                   // seals what banks say of payers, and what is nobody's
	marks     []byte                                                                               // by which addresses are found
	disputed  func(ctx context.Context, tx *store.Tx, s loot.Subject, number string) (bool, error) // nil: nothing is
	faulty    func(ctx context.Context, tx *store.Tx, s loot.Subject, f loot.Field) (bool, error)  // nil: nothing is
	caseOf    func(ctx context.Context, tx *store.Tx, who loot.Actor, about loot.Subject, ticket string) (called, place string, err error)
	seller    Seller
	sold      time.Time  // when that was said
	issuing   sync.Mutex // held while numbers are given
	listed    int        // that wait on one page of the console; in tests fewer than waitingPerPage
	pages     int        // that one job of a run draws; in tests fewer than pagesOnce
	pageOf    int        // customers of each; in tests fewer than pageOf
	previewed int        // customers who are previewed together; in tests fewer than previewedTogether
	messenger Messenger
	printer   func() (*invoice.Printer, error)
	at        func(step string) // of tests; nil: none
}

// New returns the desk. Order tells of an order when the notice
// "service.ordered" names it, and signed when a member of staff signed the
// undertaking; zero: never.
func New(kit desk.Kit, order func(ctx context.Context, tx *store.Tx, reference string) (Order, error), signed func(ctx context.Context, tx *store.Tx, staff string) (time.Time, error)) (*Billing, error) {
	key, err := kit.Keyring.System(name)
	if err != nil {
		return nil, err
	}
	key.Hold(kit.DB,
		store.Sealed{Table: "billing_payment", Key: []string{"id"}, Column: "sealed"},
		store.Sealed{Table: "billing_hook", Key: []string{"id"}, Column: "secrets"},
		store.Sealed{Table: "billing_delivery", Key: []string{"id"}, Column: "answer"},
		store.Sealed{Table: "billing_aside", Key: []string{"id"}, Column: "sealed"},
	)
	b := &Billing{Kit: kit, order: order, signed: signed, key: key, messenger: hook.NewSender(nil), seller: Seller{}.withDefaults(), pages: pagesOnce, pageOf: pageOf, previewed: previewedTogether, listed: waitingPerPage}
	if b.marks, err = kit.Keyring.Secret(name, func() []byte { return []byte(rand.Text()) }); err != nil {
		return nil, err
	}
	b.DrawWith(func() ([]*invoice.Font, error) { return nil, nil })
	kit.Jobs.Listen("service.ordered", name, b.ordered)
	kit.Jobs.Listen("person.erased", "billing.erased", b.erased)
	job.Register(kit.Jobs, b.runPages, job.Timeout(10*time.Minute))
	job.Register(kit.Jobs, b.previewMonth, job.Timeout(10*time.Minute))
	job.Register(kit.Jobs, b.tell)
	job.Register(kit.Jobs, b.letter)
	job.Register(kit.Jobs, b.deliver, job.Apart("webhooks", 4))
	job.Register(kit.Jobs, b.hourly, job.Timeout(10*time.Minute))
	kit.Jobs.Periodic(time.Hour, hourlyArgs{})
	job.Register(kit.Jobs, b.sweep, job.Timeout(10*time.Minute))
	kit.Jobs.Periodic(24*time.Hour, sweepArgs{})
	job.Register(kit.Jobs, b.hints, job.Timeout(10*time.Minute))
	kit.Jobs.Periodic(24*time.Hour, hintArgs{})
	return b, nil
}

// Sell says who issues the invoices. It is called before jobs start; without it
// nothing is issued.
func (b *Billing) Sell(s Seller) { b.seller, b.sold = s.withDefaults(), b.Now() }

// DrawWith says from where fonts come for what Inter does not have, as
// [invoice.NewPrinter] takes them. They are fetched once, when something is drawn. It is
// called before jobs start. An invoice that is issued stays as it was drawn.
func (b *Billing) DrawWith(fonts func() ([]*invoice.Font, error)) {
	b.printer = sync.OnceValues(func() (*invoice.Printer, error) {
		more, err := fonts()
		if err != nil {
			return nil, loot.Wrap(loot.Internal, err, "fonts") // whoever asks for a document set none
		}
		return invoice.NewPrinter(more...)
	})
}

// Desk returns the desk as a value.
func (b *Billing) Desk() desk.Desk {
	migrations, _ := fs.Sub(migrationFiles, "migrations")
	return desk.Desk{
		Name:       name,
		Keeps:      Keeps,
		Proofs:     b.proofs(),
		Demo:       b.demo,
		Routes:     b.routes(),
		Nav:        b.nav(),
		API:        b.api,
		Migrations: migrations,
		Export:     b.export,
		Holds:      b.holds,
		Erase:      b.forget,
		Documents:  b.along,
		Lapses:     b.lapses,
		Retains:    b.retains,
	}
}

// prices are who may change what is sold, and say what was used.
var prices = []loot.Role{"billing", "administrator"}

func (b *Billing) routes() []web.Route {
	return slices.Concat(b.paymentRoutes(), b.reminderRoutes(), b.rateRoutes(), b.hookRoutes(), b.archiveRoutes(), []web.Route{
		{Pattern: "POST /portal/invoices/language", Audience: web.Portal, Serve: b.chooseLanguage},
		{Pattern: "GET /services", Audience: web.Public, Serve: b.catalogue},
		{Pattern: "GET /portal/services", Audience: web.Portal, Serve: b.mine},
		{Pattern: "POST /portal/services/{reference}/end", Audience: web.Portal, Serve: b.end},
		{Pattern: "POST /portal/suggestions/{id}", Audience: web.Portal, Serve: b.answerHint},
		{Pattern: "GET /console/billing/suggestions", Audience: web.Console, Serve: b.hintCounts, Roles: prices},
		{Pattern: "GET /console/billing", Audience: web.Console, Serve: b.list},
		{Pattern: "GET /console/billing/plans", Audience: web.Console, Serve: b.plans, Roles: prices},
		{Pattern: "POST /console/billing/plans", Audience: web.Console, Serve: b.addPlan, Roles: prices},
		{Pattern: "GET /console/billing/plans/{id}", Audience: web.Console, Serve: b.plan, Roles: prices},
		{Pattern: "POST /console/billing/plans/{id}", Audience: web.Console, Serve: b.addMeter, Roles: prices},
		{Pattern: "POST /console/billing/plans/{id}/retire", Audience: web.Console, Serve: b.retirePlan, Roles: prices},
		{Pattern: "GET /console/billing/services/{reference}", Audience: web.Console, Serve: b.service, Roles: keepers},
		{Pattern: "POST /console/billing/services/{reference}", Audience: web.Console, Serve: b.moveService, Roles: keepers},
		{Pattern: "POST /console/billing/services/{reference}/plan", Audience: web.Console, Serve: b.planService, Roles: prices},
		{Pattern: "GET /console/billing/services/{reference}/addresses", Audience: web.Console, Serve: b.addresses, Roles: keepers},
		{Pattern: "POST /console/billing/services/{reference}/addresses", Audience: web.Console, Serve: b.assignAddress, Roles: keepers},
		{Pattern: "POST /console/billing/services/{reference}/addresses/open", Audience: web.Console, Serve: b.showAddresses, Roles: keepers},
		{Pattern: "POST /console/billing/addresses/{id}/release", Audience: web.Console, Serve: b.releaseAddress, Roles: keepers},
		{Pattern: "GET /console/billing/addresses", Audience: web.Console, Serve: b.whoHad, Roles: lookers},
		{Pattern: "POST /console/billing/addresses", Audience: web.Console, Serve: b.lookWhoHad, Roles: lookers, Limit: web.PerMinute(30)},
		{Pattern: "GET /console/billing/usage", Audience: web.Console, Serve: b.usagePage, Roles: prices},
		{Pattern: "POST /console/billing/usage", Audience: web.Console, Serve: b.uploadUsage, Roles: prices, Body: mostCSV + 64<<10},

		{Pattern: "GET /portal/invoices", Audience: web.Portal, Serve: b.myInvoices},
		{Pattern: "GET /portal/invoices/{number}", Audience: web.Portal, Serve: b.myInvoice},
		{Pattern: "GET /portal/invoices/{number}/{document}", Audience: web.Portal, Serve: b.myDocument, Limit: web.PerMinute(60)},
		{Pattern: "GET /console/billing/invoices", Audience: web.Console, Serve: b.invoices, Roles: billers},
		{Pattern: "GET /console/billing/invoices/{number}", Audience: web.Console, Serve: b.invoice, Roles: billers},
		{Pattern: "POST /console/billing/invoices/{number}/open", Audience: web.Console, Serve: b.open, Roles: billers},
		{Pattern: "POST /console/billing/invoices/{number}/credit", Audience: web.Console, Serve: b.credit, Roles: billers},
		{Pattern: "GET /console/billing/run", Audience: web.Console, Serve: b.monthPage, Roles: billers},
		{Pattern: "POST /console/billing/run", Audience: web.Console, Serve: b.start, Roles: billers},
		{Pattern: "POST /console/billing/run/preview", Audience: web.Console, Serve: b.workOut, Roles: billers},
	})
}

// Keeps are the clauses that this desk carries out.
var Keeps = []loot.Clause{"collection.invoice", "collection.recommendation"}

func (b *Billing) nav() []web.Nav {
	return []web.Nav{
		{Audience: web.Public, Order: 20, Label: "Services", Icon: "server", Href: "/services"},
		{Audience: web.Portal, Order: 40, Label: "Services", Icon: "server", Href: "/portal/services"},
		{Audience: web.Portal, Order: 45, Label: "Invoices", Icon: "receipt-text", Href: "/portal/invoices"},
		{Audience: web.Console, Group: "Customers", Order: 8, Label: "Invoices", Icon: "receipt-text", Href: "/console/billing/invoices", Roles: billers, Count: b.waiting(`SELECT count(*) FROM billing_pending`)},
		{Audience: web.Console, Group: "Customers", Order: 8, Label: "Payments", Icon: "banknote", Href: paymentsPath, Roles: billers, Count: b.waiting(`SELECT count(*) FROM billing_payment WHERE decided = 0`)},
		{Audience: web.Console, Group: "Customers", Order: 6, Label: "Services", Icon: "server", Href: "/console/billing", Exact: true},
		{Audience: web.Console, Group: "Customers", Order: 7, Label: "Addresses", Icon: "network", Href: "/console/billing/addresses", Roles: lookers},
		{Audience: web.Console, Group: "Customers", Order: 9, Label: "Suggestions", Icon: "lightbulb", Href: "/console/billing/suggestions", Roles: prices},
		{Audience: web.Console, Group: "Customers", Order: 9, Label: "Webhooks", Icon: "webhook", Href: "/console/billing/webhooks", Roles: tellers},
		{Audience: web.Console, Group: "Customers", Order: 7, Label: "Prices", Icon: "tag", Href: "/console/billing/plans", Roles: prices},
	}
}

// waiting counts what waits in a queue.
func (b *Billing) waiting(q string) func(context.Context) (int, error) {
	return func(ctx context.Context) (n int, err error) {
		return n, b.DB.Read(ctx, func(tx *store.Tx) error { return tx.QueryRow(ctx, q).Scan(&n) })
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
		return b.begin(ctx, tx, reference, o)
	})
}

// Begin begins services whose orders were taken over from another system, within
// the transaction that writes the orders. What was before, and what that system has
// invoiced in advance, is that system's to charge.
func (b *Billing) Begin(tx *store.Tx, reference string, o Order) {
	state, at := Active, o.Made
	if !o.Ended.IsZero() {
		state, at = Ended, o.Ended
	}
	by := b.actor()
	tx.Add(`INSERT INTO billing_state (service, sequence, at, state, reason, ticket, kind, author) VALUES`,
		reference, 1, at.UnixMicro(), string(state), string(TakenOver), "", string(by.Kind), by.ID)
	tx.Add(`INSERT INTO billing_service (reference, subject, service, plan, since, ended, state, charged) VALUES`,
		reference, o.Subject, o.Service, o.Plan, store.Micro(o.Made), store.Micro(o.Ended), string(state), store.Micro(b.ChargedFrom(o)))
}

// ChargedFrom returns from when on a service is charged that is taken over now: from now
// on, or from the beginning of the day, where the seller is, that the system before has
// not invoiced.
func (b *Billing) ChargedFrom(o Order) time.Time {
	at := b.seller.place()
	now, y, m, d := b.Now().In(at), o.Charged.Year(), o.Charged.Month(), o.Charged.Day()
	from := time.Date(y, m, d, 0, 0, 0, 0, at)
	if from.Day() != d { // the clocks go forward at midnight there
		from = from.Add(time.Hour)
	}
	if from.After(now) {
		return from
	}
	return now
}

// Services returns what a customer has or had, latest first.
func (b *Billing) Services(ctx context.Context, tx *store.Tx, s loot.Subject) ([]Service, error) {
	rows, err := tx.Query(ctx, selectService+` WHERE s.subject = $2 ORDER BY s.since DESC, s.reference`, string(b.thisMonth()), s)
	if err != nil {
		return nil, fmt.Errorf("billing: services: %w", err)
	}
	return scanServices(rows, b.titles())
}

// thisMonth is the month that it is where the seller is.
func (b *Billing) thisMonth() Month { return monthOf(b.Now(), b.seller.place()) }

// EndAll ends every service of a customer that runs.
func (b *Billing) EndAll(ctx context.Context, tx *store.Tx, by loot.Actor, s loot.Subject) error {
	all, err := b.Services(ctx, tx, s)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.State == Ended {
			continue
		}
		if err := b.move(ctx, tx, one, Move{To: Ended, By: by, Why: AsAsked}); err != nil {
			return err
		}
	}
	return nil
}

// begin begins a service that was ordered, once.
func (b *Billing) begin(ctx context.Context, tx *store.Tx, reference string, o Order) error {
	waits, err := provisioned(ctx, tx)
	if err != nil {
		return err
	}
	by := loot.Actor{Kind: loot.Person, ID: string(o.Subject)}
	ordered := Move{To: Ordered, By: by, Why: AsOrdered}
	if o.Carrier != "" {
		ordered.By = loot.Actor{Kind: loot.Staff, ID: o.Carrier}
	}
	steps, state := []Move{ordered, {To: Active, By: b.actor(), Why: SetUp}}, Active
	switch {
	case !o.Ended.IsZero():
		steps, state = append(steps, Move{To: Ended, By: by, Why: AsAsked}), Ended
	case waits:
		steps, state = steps[:1], Ordered
	}
	made, err := insertService(ctx, tx, reference, o, state)
	if err != nil || !made {
		return err
	}
	for _, m := range steps {
		at := o.Made
		if m.To == Ended {
			at = o.Ended
		}
		if err := insertStep(ctx, tx, reference, at, m); err != nil {
			return err
		}
	}
	one := Service{Reference: reference, Subject: o.Subject, Service: o.Service, PlanID: o.Plan}
	if err := b.took(ctx, tx, o); err != nil {
		return err
	}
	for _, m := range steps {
		if err := b.tellState(ctx, tx, one, m); err != nil {
			return err
		}
	}
	return nil
}

// Plans returns what can be chosen for a service, for the form that orders it.
func (b *Billing) Plans(ctx context.Context, service string) ([]web.Option, error) {
	plans, err := b.listPlans(ctx, service, false)
	var options []web.Option
	for _, p := range plans {
		options = append(options, web.Option{Value: p.ID, Label: p.Title + ", " + p.Price(), Hint: p.hint()})
	}
	return options, err
}

// Catalogue returns all plans that can be chosen.
func (b *Billing) Catalogue(ctx context.Context) ([]Plan, error) { return b.listPlans(ctx, "", false) }

// hint says in a line what a plan holds and what may come on top of its price.
func (p Plan) hint() string {
	parts := []string{p.Text}
	parts = append(parts, p.Once(), p.Untaxed())
	for _, m := range p.Meters {
		if m.Kind == Sum {
			parts = append(parts, m.Title+": "+m.Words(p.Currency))
		}
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
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
	Period   string // of periods
	Setup    int64  // cents, once
	Exempt   string // why it is exempt from tax at home, in words for invoices; empty: it is not
	Code     string // of that, of the list VATEX; empty: none fits
	Retired  bool
	Meters   []Meter // what of it is counted
}

// Price writes the price as people read it.
func (p Plan) Price() string { return PriceOf(p.Cents, p.Currency, p.Months()) }

// Months returns for how many months the price is.
func (p Plan) Months() int { return periodOf(p.Period).months }

// PriceOf writes a price that is asked for each so many months as people read it, as those
// of plans are, in the smallest unit of its currency. Of no month it is the amount alone.
func PriceOf(amount int64, currency string, months int) string {
	price := money(amount, currency)
	if n := slices.IndexFunc(periods, func(p period) bool { return p.months == months }); n >= 0 {
		return price + " " + periods[n].every
	}
	switch {
	case months == 0:
		return price
	case months%12 == 0:
		return price + " every " + strconv.Itoa(months/12) + " years"
	}
	return price + " every " + strconv.Itoa(months) + " months"
}

// Once writes what it costs to set the service up; empty: nothing.
func (p Plan) Once() string {
	if p.Setup == 0 {
		return ""
	}
	return money(p.Setup, p.Currency) + " once, to set it up"
}

// Untaxed says why there is no tax on it at home; empty: there is.
func (p Plan) Untaxed() string {
	if p.Exempt == "" {
		return ""
	}
	return reasons[inPages].exempt + p.Exempt
}

// money writes an amount in the smallest unit of its currency as people read it.
func money(units int64, currency string) string { return invoice.Money(units, currency, inPages) }

// A Service is one that a customer has or had.
type Service struct {
	Reference string
	Subject   loot.Subject
	Service   string // id in the statement
	Title     string
	Plan      string // in words; empty: none was chosen
	PlanID    string // empty: none was chosen
	State     State
	Since     time.Time // it runs; of one that is being set up: it was ordered
	Ended     time.Time // zero: it did not
	Charged   time.Time // from when on it is charged; zero: since it runs
}

// chargedSince is when the first day begins of which something is charged.
func (s Service) chargedSince() time.Time {
	if s.Charged.After(s.Since) {
		return s.Charged
	}
	return s.Since
}
