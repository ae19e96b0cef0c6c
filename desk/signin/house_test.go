package signin

import (
	"context"
	"html"
	"net/http"
	"regexp"
	"testing"

	"loot"
	"loot/api"
	"loot/desk/desktest"
	"loot/desk/staff"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

var ok, text, shows, hides, leads = desktest.OK, desktest.Text, desktest.Shows, desktest.Hides, desktest.Leads

const base = desktest.Base

// A house is this desk and the one for staff, reached as a browser reaches them.
type house struct {
	*desktest.House
	*webtest.Site
	desk  *Desk
	staff *staff.Desk
}

var scopes = map[api.Scope]string{"customers:read": "Read customers' records", "customers:write": "Change customers' records", "me:read": "Read one's own record"}

// onEach runs f in a house on each database.
func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db, base, Options{Scopes: scopes})) })
}

// onOne returns a house on SQLite, for what no database has a part in.
func onOne(t *testing.T, baseURL string, o Options) *house {
	t.Helper()
	return newHouse(t, desktest.One(t), baseURL, o)
}

// onOneUnder is a house under a statement of its own.
func onOneUnder(t *testing.T, source []byte) *house {
	t.Helper()
	return newHouseUnder(t, desktest.One(t), base, Options{}, desktest.Parse(t, source))
}

func newHouse(t *testing.T, db *store.DB, baseURL string, o Options) *house {
	t.Helper()
	return newHouseUnder(t, db, baseURL, o, desktest.Standard(t))
}

func newHouseUnder(t *testing.T, db *store.DB, baseURL string, o Options, s *statement.Statement) *house {
	t.Helper()
	h := &house{House: desktest.New(t, db, baseURL)}
	var err error
	h.staff, err = staff.New(h.Kit, staff.Options{})
	ok(t, err)
	account := func(m staff.Member, found bool, err error) (Account, bool, error) {
		return Account{Actor: m.Actor(), Email: m.Email, Joined: m.Joined()}, found, err
	}
	h.desk, err = New(h.Kit, o, Accounts{
		Actor: h.staff.Actor, Joined: h.staff.Joined, Empty: h.staff.Empty, First: h.staff.First,
		Account: func(ctx context.Context, tx *store.Tx, id string) (Account, bool, error) {
			return account(h.staff.Invitee(ctx, tx, id))
		},
		Find: func(ctx context.Context, tx *store.Tx, email string) (Account, bool, error) {
			return account(h.staff.Find(ctx, tx, email))
		},
	})
	ok(t, err)
	h.desk.hashing.memory, h.desk.hashing.passes = 64, 1 // what it costs is TestHashes' affair
	h.staff.Connect(staff.SignIn{Invite: h.desk.Invite, Reset: h.desk.Reset, Forget: h.desk.Forget, EndSessions: h.desk.EndSessions, Ways: h.desk.Ways})
	h.Open(s, h.desk.Desk(), h.staff.Desk())
	h.Site = h.browser()
	return h
}

// pages are what every browser can reach.
func (h *house) pages() []web.Route {
	hello := func(w http.ResponseWriter, r *http.Request) error {
		who := web.IdentityOf(r.Context())
		_, err := w.Write([]byte("you are " + string(who.Actor.Kind) + " " + who.Actor.ID))
		return err
	}
	return []web.Route{
		{Pattern: "GET /whoami", Audience: web.Public, Serve: hello},
		{Pattern: "GET /portal", Audience: web.Portal, Serve: hello},
		{Pattern: "GET /portal/orders", Audience: web.Portal, Serve: hello},
		{Pattern: "GET /console", Audience: web.Console, Serve: hello},
		{Pattern: "GET /console/fresh", Audience: web.Console, Serve: hello, Fresh: true},
	}
}

// browser returns another browser, with no cookies.
func (h *house) browser() *webtest.Site {
	h.Helper()
	return webtest.New(h, web.Options{
		Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true, BaseURL: h.Kit.BaseURL, Identify: h.desk.Identify,
		Site: func() web.Site {
			return web.Site{Name: "Example Network", Statement: "/statement", SignIn: "/signin", StaffSignIn: "/console/signin", SignOut: "/signout"}
		},
	}, h.desk.Desk().Routes, h.staff.Desk().Routes, h.pages())
}

// colleague makes a member of staff who has no way of signing in yet.
func (h *house) colleague(name, email string, roles ...loot.Role) loot.Actor {
	h.Helper()
	var a loot.Actor
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		a, err = h.staff.Add(ctx, tx, staff.Newcomer{Name: name, Email: email, Roles: roles, Since: desktest.Start.AddDate(0, -3, 0)})
		return err
	})
	return a
}

const (
	goodPassword = " correct otter bicycle lantern " // a space is as good as a letter
	anna         = "anna@network.example"
)

// withPassword gives a member of staff password and app, and returns the
// app's secret and the recovery codes.
func (h *house) withPassword(a loot.Actor) (secret string, recovery []string) {
	h.Helper()
	secret = newAppSecret()
	hash, err := h.desk.hashing.hash(h.Context(), goodPassword)
	ok(h, err)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		if err := h.desk.setPassword(ctx, tx, a.ID, hash, secret, 0); err != nil {
			return err
		}
		recovery, err = h.desk.newRecoveryCodes(ctx, tx, a.ID)
		return err
	})
	return secret, recovery
}

// customer registers somebody with an address.
func (h *house) customer(email string) loot.Subject {
	h.Helper()
	return h.ordered(email).Subject
}

// ordered is customer, with what they ordered.
func (h *house) ordered(email string) gate.Ordered {
	h.Helper()
	order, err := h.desk.someone(h.Context(), email)
	ok(h, err)
	return order
}

var linkIn = regexp.MustCompile(regexp.QuoteMeta(base) + `(/[^\s"]+)`)

// linkTo returns the path of the link in the latest letter to somebody.
func (h *house) linkTo(email string) string {
	h.Helper()
	m, found := h.Mail.Last(email)
	if !found {
		h.Fatalf("no letter to %s", email)
	}
	at := linkIn.FindStringSubmatch(m.Text)
	if at == nil {
		h.Fatalf("no link in:\n%s", m.Text)
	}
	return at[1]
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// hidden returns a hidden value of a page's form.
func hidden(t testing.TB, page, name string) string {
	t.Helper()
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		if m[1] == name {
			return html.UnescapeString(m[2])
		}
	}
	t.Fatalf("the page has no hidden field %q", name)
	return ""
}
