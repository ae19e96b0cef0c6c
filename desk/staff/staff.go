// Package staff keeps who works here and answers for it by name: accounts and
// roles, which change only with other people's approval, the confidentiality
// undertaking without which nobody opens a record, and the review of what was
// opened how much and how unusually. It keeps the clause security.staff.
package staff

import (
	"context"
	"crypto/rand"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"loot"
	"loot/desk"
	"loot/keyring"
	"loot/statement"
	"loot/store"
	"loot/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// clause is the clause that the desk keeps.
const clause loot.Clause = "security.staff"

// SignIn is what the desk asks of whoever lets staff in.
type SignIn struct {
	// Invite sends an account the link to set up how it signs in.
	Invite func(ctx context.Context, tx *store.Tx, account string) error
	// Reset takes every way of signing in from an account and invites it anew.
	Reset func(ctx context.Context, tx *store.Tx, account string) error
	// Forget takes every way of signing in from an account that is removed.
	Forget func(ctx context.Context, tx *store.Tx, account string) error
	// EndSessions ends the sessions of an account that is suspended.
	EndSessions func(ctx context.Context, tx *store.Tx, account string) error
	// Ways says in words how an account signs in; empty: not at all yet.
	Ways func(ctx context.Context, tx *store.Tx, account string) (string, error)
}

// A Matter says what an approval of a desk's own kind is about.
type Matter struct {
	Title string // "Publish a statement"
	By    string // who asks, where it is no colleague, as it stands in a sentence
	Next  string // what somebody has to do once others agreed; empty: it happens by itself
	// Describe says what it is about in a sentence and, if there is one, on
	// which page more stands.
	Describe func(ctx context.Context, tx *store.Tx, matter []byte) (text, href string, err error)
}

// Options are what an operator and other desks decide.
type Options struct {
	Undertaking string            // the company's text above the clause; empty: the one that comes with Loot
	Matters     map[string]Matter // what approvals of other desks' kinds are about
}

// A Desk is the staff desk.
type Desk struct {
	kit     desk.Kit
	options Options
	signIn  SignIn
	sealer  *keyring.SystemKey
	notes   desk.Notes // of reviews
	key     []byte     // of keyed hashes
	texts   sync.Map   // statement hash to what is signed under it
}

// New returns the desk with its facts, jobs and listeners registered. Before it
// serves it has to be connected.
func New(kit desk.Kit, o Options) (*Desk, error) {
	d := &Desk{kit: kit, options: o}
	var err error
	if d.sealer, err = kit.Keyring.System("staff"); err != nil {
		return nil, fmt.Errorf("staff: %w", err)
	}
	d.sealer.Hold(kit.DB,
		store.Sealed{Table: "staff_account", Key: []string{"id"}, Column: "profile"},
		store.Sealed{Table: "staff_undertaking", Key: []string{"account", "hash"}, Column: "name", Bound: func(row []any) []byte { return undertakingAD(row[0].(string)) }},
	)
	d.notes = desk.Notes{Table: "staff_review_note", Case: "review", Key: d.sealer}
	d.notes.Hold(kit.DB)
	if d.key, err = kit.Keyring.Secret("staff", func() []byte {
		b := make([]byte, 32)
		rand.Read(b) // never fails
		return b
	}); err != nil {
		return nil, fmt.Errorf("staff: %w", err)
	}
	kit.Gate.Fact("staff.undertaking", d.undertakingFact)
	d.register()
	return d, nil
}

// Connect gives the desk what it asks of whoever lets staff in, who in turn
// asks it who they are.
func (d *Desk) Connect(s SignIn) { d.signIn = s }

// Desk returns what the desk gives.
func (d *Desk) Desk() desk.Desk {
	sub, _ := fs.Sub(migrations, "migrations")
	return desk.Desk{
		Name: "staff", Keeps: Keeps, Routes: d.routes(), Nav: d.nav(), Migrations: sub,
		Proofs: proofs(), Demo: d.demo, Export: d.export, Erase: d.forget,
	}
}

func (d *Desk) nav() []web.Nav {
	return []web.Nav{
		{Audience: web.Console, Group: "People", Order: 60, Label: "Approvals", Icon: "check-check", Href: "/console/approvals", Count: d.waiting, Each: true},
		{Audience: web.Console, Group: "People", Order: 62, Label: "Colleagues", Icon: "users", Href: "/console/staff"},
		{Audience: web.Console, Group: "People", Order: 64, Label: "Openings", Icon: "scan-eye", Href: "/console/openings"},
		{Audience: web.Console, Group: "People", Order: 65, Label: "Access review", Icon: "scale", Href: "/console/access-review", Count: d.reviewsWaiting, Each: true},
		{Audience: web.Console, Group: "You", Order: 88, Label: "Undertaking", Icon: "signature", Href: "/console/undertaking"},
	}
}

// inForce returns the statement in force; false before the first.
func (d *Desk) inForce() (*statement.Statement, bool) {
	v, ok := d.kit.Gate.InForce()
	return v.Statement, ok
}

// A power is what a role can bring beside purposes.
type power func(statement.RoleDecl) bool

func approves(r statement.RoleDecl) bool    { return r.Approves }
func administers(r statement.RoleDecl) bool { return r.Administers }

// has reports whether one of the roles brings a power.
func (d *Desk) has(roles []loot.Role, p power) bool {
	s, ok := d.inForce()
	if !ok {
		return false
	}
	for _, id := range roles {
		if r, ok := s.Role(id); ok && p(r) {
			return true
		}
	}
	return false
}

// need refuses somebody whose roles do not bring a power.
func (d *Desk) need(a loot.Actor, p power, what string) error {
	if d.has(a.Roles, p) {
		return nil
	}
	return loot.Errorf(loot.Denied, "None of your roles may %s.", what)
}

// roleTitle says a role in the statement's words.
func (d *Desk) roleTitle(id loot.Role) string {
	if s, ok := d.inForce(); ok {
		if r, ok := s.Role(id); ok {
			return r.Title
		}
	}
	return string(id)
}

func (d *Desk) roleTitles(roles []loot.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = d.roleTitle(r)
	}
	return strings.Join(words, ", ")
}

// Keeps are the clauses that this desk carries out.
var Keeps = []loot.Clause{clause}
