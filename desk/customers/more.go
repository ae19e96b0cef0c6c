package customers

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
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
	o := Order{Subject: loot.Subject(me.ID), Service: form.Service.ID, Plan: given.plan}
	_, err = c.addService(ctx, s, o, registration{sent: typed.Get("sent")}, func(*store.Tx, map[loot.Field]bool) (map[loot.Field]string, error) { return given.given, nil })
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, form.Service.Title+" is ordered.")
	return web.Redirect(w, r, "/portal")
}

// addService orders a further service for somebody who is known, and returns the
// reference of the order: that of the one that is there already, if the form was sent
// before. Read returns what is given with it, when it is known what is held already.
func (c *customers) addService(ctx context.Context, s *statement.Statement, o Order, reg registration, read func(*store.Tx, map[loot.Field]bool) (map[loot.Field]string, error)) (reference string, err error) {
	service, ok := s.Service(o.Service)
	if !ok {
		return "", loot.Errorf(loot.Invalid, "The statement in force declares no such service.")
	}
	o.ID, o.Carrier = reg.reference(o.Subject), reg.carrier.ID
	by := reg.carrier
	if by.Kind == "" {
		by = loot.Actor{Kind: loot.Person, ID: string(o.Subject)}
	}
	return o.ID, c.Gate.InTx(ctx, func(tx *store.Tx) error {
		if made, err := c.orderedBefore(ctx, tx, o, reg); err != nil || made {
			return err
		}
		// The order is written first, as it keeps what follows as it is found: whoever
		// erases the person, takes a permission back or gives something more waits for
		// this, or was waited for.
		ordered, err := c.order(ctx, tx, by, o)
		if err != nil {
			return err
		}
		about, err := c.Vault.Held(ctx, tx, o.Subject, collection)
		if err != nil {
			return err
		}
		held := map[loot.Field]bool{}
		for f := range about {
			held[f] = true
		}
		if _, waits, err := findErasure(ctx, tx, o.Subject, tx.ForShare()); err != nil {
			return err
		} else if waits && by.Kind == loot.Person {
			return errLeaving
		} else if waits {
			return loot.Errorf(loot.Conflict, "The customer's account is about to be erased. They alone can keep it, in the portal.")
		}
		given, err := read(tx, held)
		if err != nil {
			return err
		}
		// What was given before is held under the version it was given under;
		// what this order adds is collected now.
		for _, b := range batches(s, service.ID, service.Purposes, given) {
			req := own(c.actor(), loot.Collect, b.Purpose, b.Fields)
			req.Subject, req.Demanded, req.By = o.Subject, b.Demanded, reg.carrier
			p, err := c.Gate.Decide(ctx, tx, req)
			if err != nil {
				return err
			}
			part := map[loot.Field]string{}
			for _, f := range b.Fields {
				part[f] = given[f]
			}
			if err := c.Vault.Add(ctx, tx, p, part, reg.from(service)); err != nil {
				return err
			}
		}
		return c.Jobs.Publish(ctx, tx, ordered, job.Notice{Name: recordChanged, ID: string(o.Subject)})
	})
}

// orderedBefore reports whether the form of an order made it before. A form that made
// anything else is refused: another order, or one of somebody else, which has another
// reference. That it was sent is noted first, so that of two who send it at once the
// second waits until the order of the first can be found.
func (c *customers) orderedBefore(ctx context.Context, tx *store.Tx, o Order, reg registration) (bool, error) {
	if reg.sent == "" {
		return false, nil
	}
	first, err := sentOnce(ctx, tx, reg.sent, c.Now())
	if err != nil {
		return false, err
	}
	made, err := FindOrder(ctx, tx, o.ID)
	switch {
	case loot.KindOf(err) == loot.NotFound && first:
		return false, nil
	case err != nil && loot.KindOf(err) != loot.NotFound:
		return false, err
	case made.Service == o.Service && made.Plan == o.Plan: // which is not so if it made nothing
		return true, nil
	case reg.carrier.Kind == "":
		return false, web.Onward(loot.Errorf(loot.Conflict, "This form was sent before and ordered something else, which stands. To order this too, begin with an empty form."),
			web.Action{Label: "Begin with an empty form", Icon: "plus", Href: "/portal/order/" + url.PathEscape(o.Service)})
	}
	return false, loot.Errorf(loot.Conflict, "This form was sent before, with another order, and orders nothing more. Begin a form of its own for this one.")
}
