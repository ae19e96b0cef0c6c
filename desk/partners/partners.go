// Package partners is about the companies that receive something of customers: what each
// signed, who was told of it, what went to whom, and what a partner has to delete again.
// Nothing goes to a partner but through the gate, right before it leaves.
package partners

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base32"
	"fmt"
	"io/fs"
	"slices"
	"strings"
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
	name                       = "partners"
	collection loot.Collection = "customer" // of the people whose details go to partners
	day                        = 24 * time.Hour
)

// Keeps are the clauses that this desk carries out.
var Keeps = []loot.Clause{"disclosure.partners", "network.exceptions"}

// keepers look after agreements, announcements and feeds.
var keepers = []loot.Role{"counsel", "dpo"}

// Needs is what this desk asks of others; app wires it.
type Needs struct {
	Staff desk.Staff
	// Services returns the ids, in the statement, of the services of somebody that run.
	Services func(context.Context, *store.Tx, loot.Subject) ([]string, error)
	// Needed is how many other people could approve what somebody asks for, two at most.
	Needed func(ctx context.Context, tx *store.Tx, by loot.Actor) (int, error)
	// Reach is how far servers of partners may be away.
	Reach outbound.Reach
}

// A Partners is the desk.
type Partners struct {
	desk.Kit
	needs  Needs
	key    sealer
	notes  desk.Notes
	secret []byte // makes references, and the key that signs
	sign   ed25519.PrivateKey
}

type sealer interface {
	Seal(plain, ad []byte) ([]byte, error)
	Open(sealed, ad []byte) ([]byte, error)
}

// New returns the desk and registers its jobs.
func New(kit desk.Kit, needs Needs) (*Partners, error) {
	key, err := kit.Keyring.System(name)
	if err != nil {
		return nil, err
	}
	for table, columns := range map[string][]string{"partners_agreement": {"document", "signers"}, "partners_company": {"contact"}} {
		id := "id"
		if table == "partners_company" {
			id = "partner"
		}
		for _, column := range columns {
			key.Hold(kit.DB, store.Sealed{Table: table, Key: []string{id}, Column: column, Bound: func(row []any) []byte { return bound(column, row[0].(string)) }})
		}
	}
	secret, err := kit.Keyring.Secret(name, func() []byte {
		var b [32]byte
		rand.Read(b[:]) // never fails
		return b[:]
	})
	if err != nil {
		return nil, err
	}
	d := &Partners{Kit: kit, needs: needs, key: key, notes: desk.Notes{Table: "partners_note", Case: "partner", Key: key}, secret: secret}
	d.sign = ed25519.NewKeyFromSeed(d.derived("signing key"))
	d.notes.Hold(kit.DB)
	job.Register(kit.Jobs, d.tellPage, job.Timeout(10*time.Minute)) // it writes many letters
	job.Register(kit.Jobs, d.tellOne)
	job.Register(kit.Jobs, d.unsayPage)
	job.Register(kit.Jobs, d.unsay)
	job.Register(kit.Jobs, d.remind)
	job.Register(kit.Jobs, d.sweep)
	job.Register(kit.Jobs, d.put, job.Timeout(putTimeout), job.MaxAttempts(putTries), job.Apart("partners_server", putWorkers))
	kit.Jobs.Listen("person.registered", "partners.registered", d.registered)
	kit.Jobs.Listen("permission.withdrawn", "partners.withdrawn", d.withdrawn)
	kit.Jobs.Listen("objection.made", "partners.objected", d.withdrawn)
	kit.Jobs.Listen("approval.given", "partners.approved", d.approved)
	kit.Jobs.Periodic(day, sweepArgs{})
	kit.Gate.Fact("context.announced", d.announced)
	return d, nil
}

// derived returns 32 bytes of the desk's secret for one use.
func (d *Partners) derived(parts ...string) []byte {
	h := hmac.New(sha256.New, d.secret)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)
}

// reference returns the name under which a partner has somebody for a purpose. Two
// partners, or two purposes, cannot be matched by it.
func (d *Partners) reference(partner string, s loot.Subject, p loot.Purpose) string {
	return "r" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(d.derived("reference", partner, string(s), string(p))[:15]))
}

// bound is what a sealed column of a row is bound to.
func bound(column, id string) []byte { return []byte(name + "." + column + " " + id) }

// Desk returns the desk as a value.
func (d *Partners) Desk() desk.Desk {
	migrations, _ := fs.Sub(migrationFiles, "migrations")
	return desk.Desk{
		Name:       name,
		Keeps:      Keeps,
		Routes:     d.routes(),
		Migrations: migrations,
		Nav: []web.Nav{
			{Audience: web.Portal, Order: 45, Label: "Partners", Icon: "handshake", Href: "/portal/partners"},
			{Audience: web.Console, Group: "Disclosure", Order: 60, Label: "Partners", Icon: "handshake", Href: "/console/partners", Count: d.waiting},
		},
		API:    d.api,
		Proofs: d.proofs(),
		Demo:   d.demo,
		Export: d.export,
		Erase:  d.forget,
	}
}

func (d *Partners) routes() []web.Route {
	kept := func(pattern string, serve web.HandlerFunc) web.Route {
		return web.Route{Pattern: pattern, Audience: web.Console, Serve: serve, Roles: keepers}
	}
	upload := kept("POST /console/partners/{key}/agreement", d.takeAgreement)
	upload.Body = maxDocument + 1<<20
	key := kept("POST /console/partners/{key}/key", d.newKey)
	key.Fresh = true
	return []web.Route{
		{Pattern: "GET /portal/partners", Audience: web.Portal, Serve: d.mine},
		{Pattern: "POST /portal/partners/{key}", Audience: web.Portal, Serve: d.object, Limit: web.PerMinute(20)},

		{Pattern: "GET /console/partners", Audience: web.Console, Serve: d.list},
		{Pattern: "GET /console/partners/{key}", Audience: web.Console, Serve: d.show},
		upload,
		kept("GET /console/partners/{key}/agreement/{id}", d.document),
		kept("POST /console/partners/{key}/revoke", d.takeRevocation),
		kept("POST /console/partners/{key}/notice", d.takeNotice),
		{Pattern: "GET /console/partners/{key}/notice/{id}", Audience: web.Console, Serve: d.showNotice},
		kept("POST /console/partners/{key}/notice/{id}/end", d.endNotice),
		kept("POST /console/partners/{key}/company", d.takeCompany),
		key,
		kept("POST /console/partners/{key}/feed", d.takeFeed),
		{Pattern: "GET /console/partners/{key}/person", Audience: web.Console, Serve: d.person},
		{Pattern: "POST /console/partners/{key}/person", Audience: web.Console, Serve: d.takePerson, Limit: web.PerMinute(30)},
		kept("GET /console/partners/{key}/deletions/{id}", d.deletionNote),
		kept("POST /console/partners/{key}/deletions/{id}", d.takeConfirmation),

		{Pattern: "POST " + base + "/feeds", Audience: web.Public, Incognito: true, Serve: d.pulls(d.beginFeed), Limit: web.PerMinute(60), Body: maxAsked},
		{Pattern: "POST " + base + "/feeds/{id}", Audience: web.Public, Incognito: true, Serve: d.pulls(d.nextPage), Limit: web.PerMinute(600), Body: maxAsked},
		{Pattern: "POST " + base + "/feeds/{id}/receipt", Audience: web.Public, Incognito: true, Serve: d.pulls(d.takeReceipt), Limit: web.PerMinute(60), Body: maxAsked},
		{Pattern: "GET " + base + "/deletions", Audience: web.Public, Incognito: true, Serve: d.pulls(d.openDeletions), Limit: web.PerMinute(60)},
		{Pattern: "POST " + base + "/deletions/{id}", Audience: web.Public, Incognito: true, Serve: d.pulls(d.confirmDeletion), Limit: web.PerMinute(600), Body: maxAsked},
	}
}

func (d *Partners) inForce() (*statement.Statement, error) {
	v, ok := d.Gate.InForce()
	if !ok {
		return nil, loot.Errorf(loot.Unavailable, "No statement is in force yet, so nothing goes to partners. Please come back shortly.")
	}
	return v.Statement, nil
}

// partner returns a recipient of kind partner.
func (d *Partners) partner(key string) (*statement.Statement, statement.Recipient, error) {
	s, err := d.inForce()
	if err != nil {
		return nil, statement.Recipient{}, err
	}
	to, ok := s.Recipient(key)
	if !ok || to.Kind != string(loot.Partner) {
		return nil, statement.Recipient{}, loot.Errorf(loot.NotFound, "The statement in force names no such partner.")
	}
	return s, to, nil
}

// partners returns the recipients of kind partner.
func partners(s *statement.Statement) []statement.Recipient {
	return slices.DeleteFunc(s.Recipients(), func(r statement.Recipient) bool { return r.Kind != string(loot.Partner) })
}

func (d *Partners) actor() loot.Actor { return loot.Actor{Kind: loot.Desk, ID: name} }

// keeps reports whether somebody looks after agreements and feeds.
func keeps(by loot.Actor) bool { return slices.ContainsFunc(keepers, by.Has) }

// signed returns an error unless somebody signed the confidentiality undertaking.
func (d *Partners) signed(ctx context.Context, tx *store.Tx, by loot.Actor) error {
	at, err := d.needs.Staff.Signed(ctx, tx, by.ID)
	if err == nil && (at.IsZero() || at.After(d.Now())) {
		err = loot.Errorf(loot.Denied, "Sign the confidentiality undertaking first: nothing is handed over by somebody who has not.")
	}
	return err
}
