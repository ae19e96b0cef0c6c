package staff

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

var ok, words, shows, lacks, leads = desktest.OK, desktest.Text, desktest.Shows, desktest.Lacks, desktest.Leads

// A house is this desk. Who asks is said by hand; what letting staff in would
// do is written down.
type house struct {
	*desktest.House
	*webtest.Site
	desk *Desk
	at   time.Time // when whoever asks signed in

	declared time.Time // when an emergency was

	mu      sync.Mutex
	done    []string // such as "invite u…"
	answers []string // to what was asked: "approval who yes"
}

// onEach runs f in a house on each database.
func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db)) })
}

func newHouse(t *testing.T, db *store.DB) *house {
	t.Helper()
	return newHouseUnder(t, db, desktest.Standard(t))
}

// newHouseUnder is a house under a statement of its own.
func newHouseUnder(t *testing.T, db *store.DB, s *statement.Statement) *house {
	t.Helper()
	h := &house{House: desktest.New(t, db, desktest.Base), at: desktest.Start}
	var err error
	h.desk, err = New(h.Kit, Options{Matters: map[string]Matter{"test.matter": {Title: "Something else", By: "the machine", Next: "Start it again.", Describe: func(_ context.Context, _ *store.Tx, m []byte) (string, string, error) {
		return "about " + string(m), "/console", nil
	}}}})
	ok(t, err)
	h.desk.Connect(SignIn{
		Invite: h.noted("invite"), Reset: h.noted("reset"), Forget: h.noted("forget"), EndSessions: h.noted("end sessions"),
		Ways: func(context.Context, *store.Tx, string) (string, error) { return "a passkey", nil },
	})
	// What other desks would do: an emergency is a case of its own for a day, and
	// who is to be told of a use has a letter.
	h.Kit.Gate.Fact("context.case", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		if r.Case == "emergency" && h.Clock.Now().Before(h.declared.Add(24*time.Hour)) {
			in.Context.Case = "emergency"
		}
		return nil
	})
	h.Kit.Jobs.Listen("notify.subject", "test", func(ctx context.Context, notice string) error {
		subject, _, _ := strings.Cut(notice, " ")
		return h.Kit.Mail.Send(ctx, mail.Message{To: "customer@example.com", About: loot.Subject(subject)})
	})
	h.Kit.Jobs.Listen("approval.answered", "test", func(_ context.Context, said string) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.answers = append(h.answers, said)
		return nil
	})
	h.Open(s, h.desk.Desk())
	h.Site = webtest.New(t, web.Options{
		Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true, Nav: h.desk.Desk().Nav,
		Identify: func(*http.Request) (web.Identity, error) {
			return web.Identity{Actor: h.Actor, Name: h.Actor.Name, At: h.at}, nil
		},
	}, h.desk.Desk().Routes)
	return h
}

// noted writes down what letting staff in was asked, once it is committed.
func (h *house) noted(what string) func(context.Context, *store.Tx, string) error {
	return func(_ context.Context, tx *store.Tx, account string) error {
		tx.AfterCommit(func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.done = append(h.done, what+" "+account)
		})
		return nil
	}
}

func (h *house) did(what string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.done {
		if d == what {
			return true
		}
	}
	return false
}

// colleague makes a member of staff who has been here for a while.
func (h *house) colleague(name string, signed bool, roles ...loot.Role) loot.Actor {
	h.Helper()
	var a loot.Actor
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		a, err = h.desk.Add(ctx, tx, Newcomer{
			Name: name, Email: strings.ToLower(strings.Fields(name)[0]) + "@network.example", Roles: roles, Signed: signed, Since: h.Clock.Now().AddDate(0, -3, 0),
		})
		return err
	})
	return a
}

// as says who asks, freshly signed in, with the roles that they have now.
func (h *house) as(a loot.Actor) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		h.Actor, err = h.desk.Actor(ctx, tx, a.ID)
		return err
	})
	if h.Actor.ID == "" {
		h.Fatalf("%s may not sign in", a.Name)
	}
	h.at = h.Clock.Now()
}

func (h *house) member(id string) (m Member) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		var found bool
		var err error
		if m, found, err = h.desk.Member(ctx, tx, id); err == nil && !found {
			h.Fatalf("there is no account %s", id)
		}
		return err
	})
	return m
}

func (h *house) find(email string) (m Member) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		m, _, err = h.desk.one(tx.QueryRow(ctx, `SELECT `+columns+` FROM staff_account WHERE email = $1`, h.desk.emailHash(email)))
		return err
	})
	return m
}

// pending returns the ids of the approvals that wait.
func (h *house) pending() (ids []string) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		ids = nil
		list, err := h.Kit.Gate.Approvals(ctx, tx, 100)
		for _, a := range list {
			if a.State == "pending" {
				ids = append(ids, a.ID)
			}
		}
		return err
	})
	return ids
}

// notes returns the notes of the ledger.
func (h *house) notes() (out []string) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		out = nil
		for row, err := range h.Kit.Ledger.Facts(ctx, tx, desktest.Start.AddDate(-2, 0, 0), desktest.Start.AddDate(2, 0, 0)) {
			if err != nil {
				return err
			}
			if row.Facts.Note != "" {
				out = append(out, row.Facts.Note)
			}
		}
		return nil
	})
	return out
}

// person registers a customer who ordered the first service.
func (h *house) person(ctx context.Context) (loot.Subject, error) {
	subject := loot.NewSubject()
	if err := h.Kit.Keyring.Create(ctx, subject, proved); err != nil {
		return "", err
	}
	return subject, h.Kit.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := h.Kit.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Collect, Actor: loot.Actor{Kind: loot.Desk, ID: "customers"}, Desk: "customers", Purpose: "service",
			Subject: subject, Collection: proved, Fields: []loot.Field{"contact.email"}, Demanded: true,
		})
		if err != nil {
			return err
		}
		if err := h.Kit.Vault.Create(ctx, tx, p, map[loot.Field]string{"contact.email": string(subject[:12]) + "@example.com"}, "a test"); err != nil {
			return err
		}
		return h.Kit.Gate.Order(ctx, tx, gate.Ordered{
			Subject: subject, Collection: proved, By: loot.Actor{Kind: loot.Desk, ID: "customers"}, Reference: "o1", Service: h.S.Services()[0].ID,
		})
	})
}

// world shows the house as a proof sees it.
func (h *house) world() *desk.World {
	w, made := h.World(), 0
	w.HTTP = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h.declared = h.Clock.Now()
		http.Redirect(rw, r, "/console/incidents/emergency", http.StatusSeeOther)
	})
	w.NewPerson = h.person
	w.NewStaff = func(ctx context.Context, signed bool, roles ...loot.Role) (a loot.Actor, err error) {
		made++
		err = h.Kit.DB.InTx(ctx, func(tx *store.Tx) error {
			a, err = h.desk.Add(ctx, tx, Newcomer{Name: fmt.Sprint("Proof ", made), Email: fmt.Sprintf("proof%d@network.example", made), Roles: roles, Signed: signed, Since: h.Clock.Now().AddDate(0, -3, 0)})
			return err
		})
		return a, err
	}
	return w
}
