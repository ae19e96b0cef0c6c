// Package imports takes over customers, their services and their old invoices from
// the system that was used before. It shows what would become of each row before
// it does anything, can be stopped and killed at any point and goes on where it
// was, and takes nothing over twice.
package imports

import (
	"context"
	"crypto/rand"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"loot"
	"loot/api"
	"loot/desk"
	"loot/job"
	"loot/statement"
	"loot/store"
	"loot/web"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// name is the desk's, in the program.
const name = "imports"

// An Order is a service that somebody ordered in the system before.
type Order struct {
	ID      string
	Subject loot.Subject
	Service string // id in the statement
	Plan    string
	Made    time.Time
	Ended   time.Time // zero: it runs
	Charged time.Time // the first day that the system before has not invoiced; zero: it does not say
	Name    string    // domain name by which it is told from others; empty: none
}

// named reports whether a service of somebody gets a name here: one that has ended has none.
func (o Order) named() bool { return o.Name != "" && o.Ended.IsZero() }

// A Customer is somebody who is to be taken over.
type Customer struct {
	Subject loot.Subject
	Given   map[loot.Field]string
	Orders  []Order
	Source  string
}

// Needs is what this desk asks of others; app wires it. What the functions about
// customers promise stands at those of the desk that keeps them.
type Needs struct {
	Fields   func(*statement.Statement) []statement.FieldDecl
	Address  func(*statement.Statement) loot.Field
	Check    func(s *statement.Statement, orders []Order, raw map[loot.Field]string) (given, wrong map[loot.Field]string)
	Lapsed   func(*statement.Statement, Order) bool
	Known    func(ctx context.Context, tx *store.Tx, s *statement.Statement, reason string, addresses []string) (map[string]loot.Subject, error)
	Keys     func(ctx context.Context, people ...loot.Subject) error
	Take     func(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor, reason string, all []Customer) error
	Order    func(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, o Order) (bool, error)
	Held     func(ctx context.Context, tx *store.Tx, s loot.Subject) (bool, error)
	Invite   func(ctx context.Context, s loot.Subject) error
	Country  func(name string) (code string)
	SourceOf func(system string, at time.Time) string

	// Plans returns what can be chosen and paid for services. Price writes a price for each
	// so many months as people read it; of no month it is the amount alone.
	Plans func(ctx context.Context) ([]Plan, error)
	Price func(amount int64, currency string, months int) string
	// Charged returns from when on a service is charged that is taken over now.
	Charged func(Order) time.Time
	// Services begins services, whose orders were written in the same transaction. NameKeys
	// makes the keys for the names that some of them have, of newcomers and of people who
	// are here, and DropNameKeys removes those of newcomers who were not taken over.
	Services     func(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, orders []Order) error
	NameKeys     func(ctx context.Context, newcomers, here []loot.Subject) error
	DropNameKeys func(ctx context.Context, newcomers ...loot.Subject) error
	// LongestName returns how many characters such a name may have; zero: none is kept.
	LongestName func(*statement.Statement) int

	// Amount reads an amount in the smallest unit of a currency; the others are about
	// invoices of the system before.
	Amount        func(text, currency string) (int64, bool)
	ArchivedUntil func(s *statement.Statement, day time.Time) time.Time
	ArchiveKeys   func(ctx context.Context, people ...loot.Subject) error
	Archive       func(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, all []Invoice) error

	// Member returns a member of staff as they are now; nobody if they left.
	Member func(ctx context.Context, tx *store.Tx, id string) (loot.Actor, error)
	// Signed returns when a member of staff signed the undertaking; zero: not.
	Signed func(ctx context.Context, tx *store.Tx, id string) (time.Time, error)
}

// A sealer seals what lies in the database until it was read.
type sealer interface {
	Seal(plain, ad []byte) ([]byte, error)
	Open(sealed, ad []byte) ([]byte, error)
}

// An Imports is the desk.
type Imports struct {
	desk.Kit
	needs  Needs
	key    sealer
	secret []byte            // of the names of what was taken over
	since  time.Time         // when this process began
	at     func(step string) // of tests; nil: none
}

// New returns the desk and registers its jobs.
func New(kit desk.Kit, needs Needs) (*Imports, error) {
	key, err := kit.Keyring.System(name)
	if err != nil {
		return nil, err
	}
	key.Hold(kit.DB, store.Sealed{Table: "imports_chunk", Key: []string{"import", "number"}, Column: "sealed", Bound: func(row []any) []byte { return bound(row[0].(string), row[1].(int64)) }})
	secret, err := kit.Keyring.Secret(name, func() []byte { return []byte(rand.Text()) })
	if err != nil {
		return nil, err
	}
	i := &Imports{Kit: kit, needs: needs, key: key, secret: secret, since: kit.Now()}
	job.Register(kit.Jobs, i.work, job.Timeout(30*time.Minute))
	job.Register(kit.Jobs, i.minutely, job.Timeout(5*time.Minute))
	job.Register(kit.Jobs, func(ctx context.Context, a inviteArgs) error { return i.needs.Invite(ctx, a.Subject) })
	kit.Jobs.Periodic(time.Minute, minutelyArgs{})
	return i, nil
}

// roles are who may take customers over. They have to have signed the undertaking
// besides, as they see what a file holds of people.
var roles = []loot.Role{"billing", "support"}

// Desk returns the desk as a value.
func (i *Imports) Desk() desk.Desk {
	migrations, _ := fs.Sub(migrationFiles, "migrations")
	return desk.Desk{
		Name:       name,
		Routes:     i.routes(),
		Migrations: migrations,
		API:        i.api,
		Demo:       i.demo,
		Export:     i.export,
		Erase:      i.forget,
		Lapses:     i.lapses,
		Nav: []web.Nav{
			{Audience: web.Console, Group: "Customers", Order: 9, Label: "Imports", Icon: "upload", Href: "/console/imports", Roles: roles},
		},
	}
}

func (i *Imports) routes() []web.Route {
	page := func(pattern string, serve web.HandlerFunc) web.Route {
		return web.Route{Pattern: pattern, Audience: web.Console, Serve: serve, Roles: roles}
	}
	bring := page("POST /console/imports", i.bring)
	bring.Body = maxForm
	return []web.Route{
		page("GET /console/imports", i.list),
		bring,
		page("GET /console/imports/{id}", i.show),
		page("GET /console/imports/{id}/columns", i.columns),
		page("POST /console/imports/{id}/columns", i.saveColumns),
		page("GET /console/imports/{id}/products", i.products),
		page("POST /console/imports/{id}/products", i.saveProducts),
		page("POST /console/imports/{id}/run", i.begin),
		page("POST /console/imports/{id}/stop", i.stop),
		page("POST /console/imports/{id}/try", i.again),
		page("POST /console/imports/{id}/remove", i.remove),
		page("GET /console/imports/{id}/rows", i.rows),
		page("POST /console/imports/{id}/refused", i.report),
	}
}

// Scopes are what tokens can be for.
var Scopes = map[api.Scope]string{
	"imports:write": "Bring files of customers from another system, take them over, and see how far that is.",
}

// step is where a test ends the process.
func (i *Imports) step(what string) {
	if i.at != nil {
		i.at(what)
	}
}

func (i *Imports) inForce() (*statement.Statement, error) {
	v, ok := i.Gate.InForce()
	if !ok {
		return nil, loot.Errorf(loot.Unavailable, "No statement is in force yet, so nobody can be taken over. Please come back shortly.")
	}
	return v.Statement, nil
}

// may refuses whoever has not signed the undertaking.
func (i *Imports) may(ctx context.Context, tx *store.Tx, who loot.Actor) error {
	signed, err := i.needs.Signed(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	if signed.IsZero() || signed.After(i.Now()) {
		return loot.Errorf(loot.Denied, "Sign the confidentiality undertaking first: a file of customers is about people.")
	}
	return nil
}

// export tells what of somebody was taken over: beside their record, that it was.
func (i *Imports) export(ctx context.Context, tx *store.Tx, s loot.Subject) (any, error) {
	rows, err := tx.Query(ctx, `SELECT reference FROM imports_known WHERE subject = $1 ORDER BY reference`, s)
	if err != nil {
		return nil, fmt.Errorf("imports: export: %w", err)
	}
	defer rows.Close()
	out := struct {
		Record   bool     `json:"record"` // they themself were
		Orders   []string `json:"orders,omitempty"`
		Invoices int      `json:"invoices,omitempty"`
	}{}
	for rows.Next() {
		var reference string
		if err := rows.Scan(&reference); err != nil {
			return nil, fmt.Errorf("imports: export: %w", err)
		}
		switch reference {
		case "":
			out.Record = true
		case invoices:
			out.Invoices++
		default:
			out.Orders = append(out.Orders, reference)
		}
	}
	if !out.Record && len(out.Orders) == 0 && out.Invoices == 0 {
		return nil, rows.Err()
	}
	return map[string]any{"taken_over": out}, rows.Err()
}

// forget leaves of somebody that something was taken over, and no longer of whom.
func (i *Imports) forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	if _, err := tx.Exec(ctx, `UPDATE imports_known SET subject = '', waits = 0 WHERE subject = $1`, s); err != nil {
		return fmt.Errorf("imports: forget: %w", err)
	}
	return forgetNewcomers(ctx, tx, []loot.Subject{s})
}
