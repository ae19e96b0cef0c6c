package customers

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"

	"loot"
	"loot/job"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// orderMoreForm shows the form of a further service to somebody who is known:
// it asks only what this service needs and is not there yet.
func (c *customers) orderMoreForm(w http.ResponseWriter, r *http.Request) error {
	held, err := c.holds(r.Context(), web.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	s, form, err := c.drawFor(r, held)
	if err != nil {
		return err
	}
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	form.forMore()
	form.choose(q.Get("plan"))
	return c.showOrder(w, r, http.StatusOK, s, form, orderView{Sent: rand.Text()})
}

// forMore leaves out what a further order does not decide: permissions have
// their switches in the portal, and optional details their place there.
func (f *orderForm) forMore() { f.May, f.Offers, f.offered = nil, nil, nil }

// choose ticks the plan that a link names, if the service has it.
func (f *orderForm) choose(plan string) {
	for i := range f.Plans {
		if slices.ContainsFunc(f.Plans[i].Options, func(o web.Option) bool { return o.Value == plan }) {
			f.Plans[i].Value = plan
		}
	}
}

// holds reports which fields of a person's record are there.
func (c *customers) holds(ctx context.Context, me loot.Actor) (map[loot.Field]bool, error) {
	s, err := c.inForce()
	if err != nil {
		return nil, err
	}
	held := map[loot.Field]bool{}
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		rec, err := c.openOwn(ctx, tx, s, me)
		if err != nil {
			return err
		}
		clear(held)
		for f := range rec.Values {
			held[f] = true
		}
		return nil
	})
	return held, err
}

// orderMore orders a further service for somebody who is known.
func (c *customers) orderMore(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	held, err := c.holds(ctx, me)
	if err != nil {
		return err
	}
	s, form, err := c.drawFor(r, held)
	if err != nil {
		return err
	}
	form.forMore()
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
	if _, err := c.addService(ctx, s, loot.Subject(me.ID), given, registration{service: form.Service.ID, sent: typed.Get("sent")}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, form.Service.Title+" is ordered.")
	return web.Redirect(w, r, "/portal")
}

// addService orders a further service for somebody who is known, and returns the
// order: the one that is there already, if the form was sent before.
func (c *customers) addService(ctx context.Context, s *statement.Statement, subject loot.Subject, a answer, reg registration) (Order, error) {
	service, ok := s.Service(reg.service)
	if !ok {
		return Order{}, loot.Errorf(loot.Invalid, "The statement in force declares no such service.")
	}
	o := Order{ID: reg.reference(subject), Subject: subject, Service: service.ID, Plan: a.plan}
	by := reg.carrier
	if by.Kind == "" {
		by = loot.Actor{Kind: loot.Person, ID: string(subject)}
	}
	made := o
	err := c.Gate.InTx(ctx, func(tx *store.Tx) error {
		made = o
		if reg.sent != "" {
			first, err := sentOnce(ctx, tx, reg.sent, c.Now())
			if err != nil {
				return err
			}
			made, err = FindOrder(ctx, tx, o.ID)
			if loot.KindOf(err) != loot.NotFound || !first {
				return ignoreAbsent(err)
			}
			made = o
		}
		if _, waits, err := findErasure(ctx, tx, subject, tx.ForShare()); err != nil {
			return err
		} else if waits && by.Kind == loot.Person {
			return loot.Errorf(loot.Conflict, "Your account is about to be erased. Keep it first, under Account.")
		} else if waits {
			return loot.Errorf(loot.Conflict, "The customer's account is about to be erased. They alone can keep it, in the portal.")
		}
		// What was given before is held under the version it was given under;
		// what this order adds is collected now.
		for _, b := range batches(s, service.ID, service.Purposes, a.given) {
			req := own(c.actor(), loot.Collect, b.Purpose, b.Fields)
			req.Subject, req.Demanded, req.By = subject, b.Demanded, reg.carrier
			p, err := c.Gate.Decide(ctx, tx, req)
			if err != nil {
				return err
			}
			part := map[loot.Field]string{}
			for _, f := range b.Fields {
				part[f] = a.given[f]
			}
			if err := c.Vault.Add(ctx, tx, p, part, reg.from(service)); err != nil {
				return err
			}
		}
		ordered, err := c.order(ctx, tx, by, made)
		if err != nil {
			return err
		}
		return c.Jobs.Publish(ctx, tx, ordered, job.Notice{Name: recordChanged, ID: string(subject)})
	})
	return made, err
}

// ignoreAbsent leaves out that something is not there.
func ignoreAbsent(err error) error {
	if loot.KindOf(err) == loot.NotFound {
		return nil
	}
	return err
}
