package customers

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/job"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// orderForm shows the form that the statement draws for a service.
func (c *customers) orderForm(w http.ResponseWriter, r *http.Request) error {
	if web.ActorOf(r.Context()).Kind == loot.Person {
		return web.Redirect(w, r, "/portal/order/"+url.PathEscape(r.PathValue("service")))
	}
	s, form, err := c.drawFor(r, nil)
	if err != nil {
		return err
	}
	return c.showOrder(w, r, http.StatusOK, s, form, orderView{Sent: rand.Text()})
}

// drawFor returns the form of the service that the path names.
func (c *customers) drawFor(r *http.Request, held map[loot.Field]bool) (*statement.Statement, orderForm, error) {
	s, err := c.inForce()
	if err != nil {
		return nil, orderForm{}, err
	}
	service, ok := s.Service(r.PathValue("service"))
	if !ok {
		return nil, orderForm{}, web.Onward(loot.Errorf(loot.NotFound, "There is no such service. The list of services has those there are."),
			web.Action{Label: "See the services", Icon: "list", Href: "/services"})
	}
	form, err := c.drawAll(r.Context(), s, service, held)
	return s, form, err
}

// drawAll draws the form of a service with the plans that it can be ordered in.
func (c *customers) drawAll(ctx context.Context, s *statement.Statement, service statement.ServiceDecl, held map[loot.Field]bool) (orderForm, error) {
	plans, err := c.plans(ctx, service)
	form := draw(s, service, held, c.needs.Written)
	form.Plans = plans
	return form, err
}

// plans returns the field of the plans that a service can be ordered in; none if there
// are none.
func (c *customers) plans(ctx context.Context, service statement.ServiceDecl) (web.Fields, error) {
	if c.needs.Plans == nil {
		return nil, nil
	}
	plans, err := c.needs.Plans(ctx, service.ID)
	if err != nil || len(plans) == 0 {
		return nil, err
	}
	return web.Fields{{Name: "plan", Type: "radio", Label: "Plan", Options: plans, Value: plans[0].Value, Required: true, Plain: true, Wide: true}}, nil
}

// register makes somebody a customer: what they gave is collected, the service
// is ordered and the permissions that they ticked are given, all or nothing.
func (c *customers) register(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	s, form, err := c.drawFor(r, nil)
	if err != nil {
		return err
	}
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	given, err := form.read(typed)
	if web.Wrong(err) != nil {
		v := orderView{Sent: typed.Get("sent"), Wrong: form.with(typed, err)}
		return c.showOrder(w, r, http.StatusUnprocessableEntity, s, form, v)
	}
	if err != nil {
		return err
	}
	if err := c.create(ctx, s, given, registration{service: form.Service.ID, sent: typed.Get("sent")}); err != nil {
		return err
	}
	return web.Redirect(w, r, "/order/"+url.PathEscape(form.Service.ID)+"/thanks")
}

// A registration is how an order came, by which somebody became known or of somebody who is.
type registration struct {
	service string     // by whose order somebody becomes known; empty: they are known, and the order names its own
	sent    string     // the form's random name; empty: an order that is never sent twice
	carrier loot.Actor // whose token sent it; zero: nobody's
}

// create makes a customer. An address that is known already makes nobody: its
// owner is written to, and whoever filled in the form sees the same answer, so
// that nobody learns here who is a customer. Where the statement does not let
// this desk look, nobody is known.
func (c *customers) create(ctx context.Context, s *statement.Statement, a answer, reg registration) error {
	subject, message := loot.NewSubject(), loot.NewID("m")
	if err := c.Keyring.Create(ctx, subject, collection); err != nil {
		return err
	}
	try := func(look bool) error {
		return c.Gate.InTx(ctx, func(tx *store.Tx) error {
			if reg.sent != "" {
				first, err := sentOnce(ctx, tx, reg.sent, c.Now())
				if err != nil || !first {
					return err
				}
			}
			if look {
				known, err := c.known(ctx, tx, s, a)
				if err != nil {
					return err
				}
				if known != "" {
					return c.Jobs.Enqueue(ctx, tx, greetKnownArgs{Subject: known, Message: message})
				}
			}
			return c.enter(ctx, tx, s, subject, a, reg)
		})
	}
	err := try(true)
	if refusal, ok := errors.AsType[*gate.Refusal](err); ok && refusal.Request().Action == loot.Find {
		return try(false)
	}
	return err
}

// enter writes a new customer down, within tx.
func (c *customers) enter(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject, a answer, reg registration) error {
	service, ok := s.Service(reg.service)
	if !ok {
		return loot.Errorf(loot.Invalid, "The statement in force declares no such service.")
	}
	person := loot.Actor{Kind: loot.Person, ID: string(subject)}
	if err := c.choices(ctx, tx, person, a); err != nil { // first, so that nothing is assumed of whoever chose
		return err
	}
	if err := c.collect(ctx, tx, s, subject, service, a.given, reg); err != nil {
		return err
	}
	ordered, err := c.order(ctx, tx, person, Order{ID: loot.NewID("o"), Subject: subject, Service: service.ID, Plan: a.plan, Carrier: reg.carrier.ID})
	if err != nil {
		return err
	}
	return c.Jobs.Publish(ctx, tx, ordered, job.Notice{Name: "person.registered", ID: string(subject)})
}

// collect takes what was given into the vault, in one decision for each
// purpose, as every decision names one.
func (c *customers) collect(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject, service statement.ServiceDecl, given map[loot.Field]string, reg registration) error {
	var parts []vault.Part
	for _, b := range batches(s, service.ID, service.Purposes, given) {
		p, err := c.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Collect, Actor: c.actor(), By: reg.carrier, Desk: name, Purpose: b.Purpose,
			Subject: subject, Collection: collection, Fields: b.Fields, Demanded: b.Demanded,
		})
		if err != nil {
			return err
		}
		part := vault.Part{Permit: p, Given: map[loot.Field]string{}}
		for _, f := range b.Fields {
			part.Given[f] = given[f]
		}
		parts = append(parts, part)
	}
	return c.Vault.CreateOf(ctx, tx, reg.from(service), parts...)
}

// from says where the details come from that an order brings.
func (reg registration) from(service statement.ServiceDecl) vault.Source {
	how := desk.FromOrder
	if reg.carrier.Kind != "" {
		how = desk.FromProgram
	}
	return how.Of(loot.LowerFirst(service.Title))
}

// reference names the order that a form makes for somebody who is known: the same one
// each time that the form is sent, so that what it made is found again. Of the form
// itself nothing is kept that leads to a person.
func (reg registration) reference(s loot.Subject) string {
	if reg.sent == "" {
		return loot.NewID("o")
	}
	sum := sha256.Sum256([]byte(string(s) + "\x00" + reg.sent))
	return loot.IDOf("o", [16]byte(sum[:16]))
}

// order writes an order of somebody who is known down, and returns the notice of it
// that is to be published.
func (c *customers) order(ctx context.Context, tx *store.Tx, by loot.Actor, o Order) (job.Notice, error) {
	o.Made = c.Now()
	if err := insertOrder(ctx, tx, o); err != nil {
		return job.Notice{}, err
	}
	if err := c.Gate.Order(ctx, tx, gate.Ordered{Subject: o.Subject, Collection: collection, By: by, Reference: o.ID, Service: o.Service}); err != nil {
		return job.Notice{}, err
	}
	return job.Notice{Name: "service.ordered", ID: o.ID}, nil
}

// known returns the customer to whom the address that was given belongs, if it
// is one.
func (c *customers) known(ctx context.Context, tx *store.Tx, s *statement.Statement, a answer) (loot.Subject, error) {
	field := addressField(s)
	value := a.given[field]
	if value == "" {
		return "", nil
	}
	p, err := c.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Find, Actor: c.actor(), Desk: name, Purpose: forService, Collection: collection, Fields: []loot.Field{field},
	})
	if err != nil {
		return "", err
	}
	found, err := c.Vault.Find(ctx, tx, p, field, value)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}
