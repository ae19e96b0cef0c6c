package verification

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/job"
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
	"loot/web/webtest"
)

func TestPages(t *testing.T) { webtest.CheckPages(t) }

var ok, text, shows, hides, lacks = desktest.OK, desktest.Text, desktest.Shows, desktest.Hides, desktest.Lacks

// A house is this desk, with colleagues and customers put in by hand.
type house struct {
	*desktest.House
	*webtest.Site
	desk    *Verification
	all     []loot.Actor
	newbies []string // who has not signed
	bills   bills
	heard   []string // whose records were corrected, as other desks hear it
}

func onEach(t *testing.T, o Options, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db, desktest.Standard(t), o)) })
}

func newHouse(t testing.TB, db *store.DB, s *statement.Statement, o Options) *house {
	t.Helper()
	h := &house{House: desktest.New(t, db, desktest.Base)}
	h.Kit.Gate.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		if r.Actor.Kind == loot.Staff && !slices.Contains(h.newbies, r.Actor.ID) {
			in.Actor.Undertaking = desktest.Start.Add(-time.Hour)
		}
		return nil
	})
	var err error
	h.desk, err = New(h.Kit, desk.Staff{
		Name: func(_ context.Context, _ *store.Tx, id string) (string, error) { return "Name of " + id, nil },
		Signed: func(_ context.Context, _ *store.Tx, id string) (time.Time, error) {
			if slices.Contains(h.newbies, id) {
				return time.Time{}, nil
			}
			return desktest.Start, nil
		},
		Everybody: func(context.Context, *store.Tx) ([]loot.Actor, error) { return slices.Clone(h.all), nil },
		Member: func(_ context.Context, _ *store.Tx, id string) (loot.Actor, string, error) {
			i := slices.IndexFunc(h.all, func(a loot.Actor) bool { return a.ID == id })
			return h.all[i], id + "@staff.example", nil
		},
	}, Invoices{Concerned: h.bills.concerned, Services: "usage.service", Lines: h.bills.lines, WriteAgain: h.writeAgain, Written: h.writtenIn}, o)
	ok(t, err)
	h.Kit.Jobs.Listen("record.corrected", "test.corrected", func(_ context.Context, id string) error {
		h.heard = append(h.heard, id)
		return nil
	})
	d := h.desk.Desk()
	h.Open(s, d)
	h.Site = webtest.New(t, web.Options{Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true}, d.Routes)
	return h
}

// hire adds a colleague.
func (h *house) hire(id string, roles ...loot.Role) loot.Actor {
	a := loot.Actor{Kind: loot.Staff, ID: id, Name: "Name of " + id, Roles: roles}
	h.all = append(h.all, a)
	return a
}

func (h *house) as(a loot.Actor) *house { h.Actor = a; return h }

func person(s loot.Subject) loot.Actor { return loot.Actor{Kind: loot.Person, ID: string(s)} }

// meadow is what a customer gave in which no check finds a fault.
func meadow(changes ...string) map[loot.Field]string {
	out := map[loot.Field]string{
		"company.name": "Example Meadow Ltd", "company.vat": "IE1234567T", "address.street": "1 Sample Quay", "address.postcode": "D02 AF30",
		"address.city": "Dublin", "address.country": "IE", "contact.email": "jo@meadow.example", "contact.phone": "+353 1 555 0100",
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if out[loot.Field(changes[i])] = changes[i+1]; changes[i+1] == "-" {
			delete(out, loot.Field(changes[i]))
		}
	}
	return out
}

// customer makes somebody who ordered a service and gave what is named, and lets
// the checks run.
func (h *house) customer(given map[loot.Field]string) loot.Subject {
	s, _ := h.Customer(collection, purpose, given)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return h.Kit.Jobs.Publish(ctx, tx, job.Notice{Name: "person.registered", ID: string(s)})
	})
	h.Drain()
	return s
}

// correct has a customer give another value, as the portal does.
func (h *house) correct(s loot.Subject, f loot.Field, value string) {
	h.Helper()
	h.correctFor(s, purpose, f, value)
}

// correctFor is correct of a detail that was given for another purpose.
func (h *house) correctFor(s loot.Subject, p loot.Purpose, f loot.Field, value string) {
	h.Helper()
	h.replace(s, p, f, value)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return h.Kit.Jobs.Publish(ctx, tx, job.Notice{Name: "record.changed", ID: string(s)})
	})
	h.Drain()
}

// replace puts another value into a record, of which no notice is given yet.
func (h *house) replace(s loot.Subject, p loot.Purpose, f loot.Field, value string) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		row, err := h.Kit.Vault.Row(ctx, tx, s, collection)
		if err != nil {
			return err
		}
		permit, err := h.Kit.Gate.Decide(ctx, tx, gate.Request{Action: loot.Collect, Actor: person(s), Desk: "customers", Purpose: p, Subject: s, Collection: collection, Fields: []loot.Field{f}})
		if err != nil {
			return err
		}
		return h.Kit.Vault.Correct(ctx, tx, permit, vault.Change{Version: row.Version, Given: map[loot.Field]string{f: value}, Source: "test"})
	})
}

func (h *house) standing(s loot.Subject) standing {
	h.Helper()
	st, err := h.desk.standing(h.Context(), s)
	ok(h, err)
	return st
}

// state returns how a detail stands in the vault.
func (h *house) state(s loot.Subject, f loot.Field) string {
	h.Helper()
	return h.standing(s).held[f].State
}

// open returns the one open case about a detail.
func (h *house) open(s loot.Subject, f loot.Field) matter {
	h.Helper()
	m := openCase(h.standing(s).cases, f)
	if m == nil {
		h.Fatalf("no case about %s is open", f)
	}
	return *m
}

var versionField = regexp.MustCompile(`name="version"[^>]*value="(\d+)"`)

// post sends a form about a case, with the version that its page has.
func (h *house) post(by loot.Actor, m matter, to string, pairs ...string) webtest.Answer {
	h.Helper()
	path := "/console/checks/" + m.ID
	version := "0"
	if found := versionField.FindStringSubmatch(h.as(by).Get(path).Body); found != nil {
		version = found[1]
	}
	a := h.Post(path+to, append(pairs, "version", version)...)
	h.Drain()
	return a
}

// decides asks whether something is decided by a detail, such as what stands on
// an invoice, while a check of it always goes on.
func (h *house) decides(s loot.Subject, f loot.Field, want bool) {
	h.Helper()
	for p, may := range map[loot.Purpose]bool{"invoice": want, purpose: true} {
		err := h.Kit.Gate.InTx(h.Context(), func(tx *store.Tx) error {
			_, err := h.Kit.Gate.Decide(h.Context(), tx, gate.Request{
				Action: loot.Use, Actor: loot.Actor{Kind: loot.Desk, ID: map[bool]string{true: name, false: "billing"}[p == purpose]},
				Desk: name, Purpose: p, Subject: s, Collection: collection, Fields: []loot.Field{f},
			})
			return err
		})
		refusal, refused := errors.AsType[*gate.Refusal](err)
		if may != (err == nil) || refused && refusal.Clause != "adequacy.mistakes" {
			h.Errorf("%s for %s: %v", f, p, err)
		}
	}
}

func (h *house) taken(a webtest.Answer) {
	h.Helper()
	if a.Status != http.StatusSeeOther {
		h.Fatalf("%d: %s", a.Status, text(a.Body))
	}
}

// letter returns the last letter to the customer.
func (h *house) letter() mail.Message {
	h.Helper()
	m, found := h.Mail.Last("jo@meadow.example")
	if !found {
		h.Fatal("no letter")
	}
	return m
}

// world shows the house as a world to try proofs in.
func (h *house) world() *desk.World {
	w := h.World()
	w.HTTP = h.Server.Config.Handler
	w.NewPerson = func(context.Context) (loot.Subject, error) {
		return h.customer(meadow("contact.phone", "+353 1 5")), nil
	}
	w.NewStaff = func(_ context.Context, _ bool, roles ...loot.Role) (loot.Actor, error) {
		return h.hire(loot.NewID("m"), roles...), nil
	}
	return w
}

func TestTheProofsHold(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		w := h.world()
		for _, p := range h.desk.proofs() {
			if outcome, err := p.Run(t.Context(), w); err != nil || outcome == "" {
				t.Errorf("%s: %s: %q, %v", p.Clause, p.Name, outcome, err)
			}
		}
	})
}

// TestEveryRuleOfTheClausesIsMissed: without any one rule of a clause that is
// kept here, one of its proofs fails.
func TestEveryRuleOfTheClausesIsMissed(t *testing.T) {
	all := desktest.Standard(t)
	tried := 0
	for _, rule := range all.Rules() {
		if !slices.Contains(Keeps, rule.Clause) {
			continue
		}
		tried++
		t.Run(rule.ID, func(t *testing.T) {
			less, err := all.Without(rule.ID)
			ok(t, err)
			h := newHouse(t, desktest.One(t), less, Options{})
			w := h.world()
			for _, p := range h.desk.proofs() {
				if p.Clause != rule.Clause {
					continue
				}
				if _, err := p.Run(t.Context(), w); err != nil {
					return
				}
			}
			t.Errorf("no proof of %s fails without:\n%s", rule.Clause, rule.Text)
		})
	}
	if tried == 0 {
		t.Error("the clauses have no rule")
	}
}
