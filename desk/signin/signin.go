// Package signin is how people prove who they are: staff by passkey, by
// password and code or through their company's sign-on, customers by a link
// sent to their address or by passkey, programs by token. Nothing that opens a
// door is kept in the clear, and no GET opens one.
package signin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-webauthn/webauthn/webauthn"

	"loot"
	"loot/api"
	"loot/desk"
	"loot/keyring"
	"loot/store"
	"loot/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// An Account is a member of staff as signing in knows them.
type Account struct {
	Actor  loot.Actor
	Email  string
	Joined bool // has signed in before
}

// Accounts is what signing in asks of whoever keeps the members of staff.
type Accounts struct {
	// Actor returns who acts under an id, with the roles of this moment; the
	// zero Actor if they may not sign in. It is asked for every request.
	Actor func(ctx context.Context, tx *store.Tx, id string) (loot.Actor, error)
	// Account returns an account that may sign in or was invited to; false if
	// there is none.
	Account func(ctx context.Context, tx *store.Tx, id string) (Account, bool, error)
	// Find is Account by e-mail address.
	Find func(ctx context.Context, tx *store.Tx, email string) (Account, bool, error)
	// Joined is told that somebody who was invited can sign in from now on.
	Joined func(ctx context.Context, tx *store.Tx, id string) error
	// Empty reports whether there is no account yet.
	Empty func(ctx context.Context, tx *store.Tx) (bool, error)
	// First makes the first administrator, under the id given; a conflict if
	// there is an account.
	First func(ctx context.Context, tx *store.Tx, id, name, email string) error
}

// Options are what an operator decides about signing in.
type Options struct {
	Company *Company             // sign-on of the company that runs Loot; nil: none
	Scopes  map[api.Scope]string // what tokens of the API can be for, in words
}

// A Desk is the sign-in desk.
type Desk struct {
	kit      desk.Kit
	options  Options
	accounts Accounts

	https    bool
	host     string
	key      []byte // of keyed hashes
	secrets  *keyring.SystemKey
	sessions *keyring.SystemKey
	hashing  hashing
	staff    *scs.SessionManager
	persons  *scs.SessionManager
	passkeys *webauthn.WebAuthn // nil: not possible at this address
	company  *company           // nil: none
}

// New returns the desk, with its jobs and listeners registered.
func New(kit desk.Kit, o Options, a Accounts) (*Desk, error) {
	d := &Desk{kit: kit, options: o, accounts: a, hashing: newHashing()}
	base, err := url.Parse(kit.BaseURL)
	if err != nil || base.Hostname() == "" {
		return nil, fmt.Errorf("signin: the base URL is not one")
	}
	d.https, d.host = base.Scheme == "https", base.Hostname()
	if d.key, err = kit.Keyring.Secret("signin", func() []byte {
		b := make([]byte, 32)
		rand.Read(b) // never fails
		return b
	}); err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	if d.secrets, err = kit.Keyring.System("signin"); err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	if d.sessions, err = kit.Keyring.System("session"); err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	d.tellSealed()
	d.staff, d.persons = newSessions(d, loot.Staff), newSessions(d, loot.Person)
	if d.passkeys, err = newPasskeys(base); err != nil {
		return nil, err
	}
	if o.Company != nil {
		if d.company, err = newCompany(*o.Company, kit.BaseURL+companyReturn, kit.Now); err != nil {
			return nil, err
		}
	}
	d.register()
	return d, nil
}

// Desk returns what the desk gives.
func (d *Desk) Desk() desk.Desk {
	sub, _ := fs.Sub(migrations, "migrations")
	return desk.Desk{
		Name: "signin", Routes: d.routes(), Nav: d.nav(), Migrations: sub, Proofs: d.proofs(),
		Export: d.export, Erase: d.erase,
	}
}

// tellSealed tells the desk's keys what they sealed.
func (d *Desk) tellSealed() {
	place := func(first string, from ...int) func([]any) []byte {
		return func(row []any) []byte {
			parts := []string{first}
			for _, i := range from {
				switch v := row[i].(type) {
				case string:
					parts = append(parts, v)
				case []byte:
					parts = append(parts, string(v))
				}
			}
			return bound(parts)
		}
	}
	d.secrets.Hold(d.kit.DB,
		store.Sealed{Table: "signin_password", Key: []string{"owner"}, Column: "hash", Bound: place("password", 0)},
		store.Sealed{Table: "signin_password", Key: []string{"owner"}, Column: "secret", Bound: place("app", 0)},
		store.Sealed{Table: "signin_passkey", Key: []string{"id"}, More: []string{"owner", "kind"}, Column: "data", Bound: place("passkey", 0, 1, 2)},
		store.Sealed{Table: "signin_token", Key: []string{"hash"}, More: []string{"id"}, Column: "title", Bound: place("token", 1)},
		store.Sealed{Table: "signin_flow", Key: []string{"hash"}, More: []string{"kind"}, Column: "data", Bound: place("flow", 1, 0)},
	)
	d.sessions.Hold(d.kit.DB, store.Sealed{Table: "signin_session", Key: []string{"token"}, Column: "data"})
}

// seal keeps a short text readable only for this program, and only in its place.
func (d *Desk) seal(plain string, place ...string) ([]byte, error) {
	b, err := d.secrets.Seal([]byte(plain), bound(place))
	if err != nil {
		return nil, fmt.Errorf("signin: seal %s: %w", place[0], err)
	}
	return b, nil
}

func (d *Desk) open(sealed []byte, place ...string) (string, error) {
	b, err := d.secrets.Open(sealed, bound(place))
	if err != nil {
		return "", fmt.Errorf("signin: unseal %s: %w", place[0], err)
	}
	return string(b), nil
}

// keyed hashes parts so that whoever has the database cannot try values out.
func (d *Desk) keyed(parts ...string) []byte {
	mac := hmac.New(sha256.New, d.key)
	mac.Write(bound(parts))
	return mac.Sum(nil)
}

// bound joins parts so that no two lists of them give the same bytes.
func bound(parts []string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

// newPasskeys returns what checks passkeys for the site at base, or nil where
// browsers have none: at a bare address.
func newPasskeys(base *url.URL) (*webauthn.WebAuthn, error) {
	host := base.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return nil, nil
	}
	if base.Scheme != "https" && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return nil, nil
	}
	w, err := webauthn.New(passkeyConfig(host, base.Scheme+"://"+base.Host))
	if err != nil {
		return nil, fmt.Errorf("signin: passkeys: %w", err)
	}
	return w, nil
}

const (
	customers loot.Collection = "customer" // the collection that customers are in
	access    loot.Purpose    = "access"   // reaching one's own record, as long as there is one
)

// A reach is how the statement lets this desk find somebody and write to them.
type reach struct {
	field   loot.Field
	purpose loot.Purpose
}

// reach reads from the statement in force in which field a customer's address
// stands, and for which purpose this desk may use it: to let people reach their
// own record, or, in a statement that has no word for that, the first.
func (d *Desk) reach() (reach, error) {
	v, ok := d.kit.Gate.InForce()
	if !ok {
		return reach{}, loot.Errorf(loot.Unavailable, "No statement is in force yet, so nobody can be written to.")
	}
	var out reach
	if decl, ok := v.Statement.Desk("signin"); ok && len(decl.Purposes) > 0 {
		out.purpose = decl.Purposes[0]
		if slices.Contains(decl.Purposes, access) {
			out.purpose = access
		}
	}
	out.field = v.Statement.AddressField(customers)
	if out.field == "" || out.purpose == "" {
		return reach{}, loot.Errorf(loot.Unavailable, "The statement in force does not let customers be sent a link: it needs a desk \"signin\" with a purpose, and an e-mail field that can be looked up.")
	}
	return out, nil
}

// site is what an authenticator app or a passkey is labelled with.
func (d *Desk) site() string {
	if name := d.kit.House().Name; name != "" {
		return name
	}
	return "Loot"
}

// nav is what the desk adds to the navigation.
func (d *Desk) nav() []web.Nav {
	return []web.Nav{
		{Audience: web.Portal, Order: 80, Label: "Signing in", Icon: "key-round", Href: "/portal/signin"},
		{Audience: web.Portal, Order: 85, Label: "API tokens", Icon: "terminal", Href: "/portal/tokens"},
		{Audience: web.Console, Group: "You", Order: 90, Label: "Signing in", Icon: "key-round", Href: "/console/account"},
		{Audience: web.Console, Group: "You", Order: 92, Label: "API tokens", Icon: "terminal", Href: "/console/tokens"},
	}
}

// expires is when something that lasts for d from now ends, for the database.
func expires(now time.Time, d time.Duration) int64 { return now.Add(d).UnixMicro() }
