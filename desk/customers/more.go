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
	if err := c.addService(ctx, s, me, form.Service, given, typed.Get("sent")); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, form.Service.Title+" is ordered.")
	return web.Redirect(w, r, "/portal")
}

func (c *customers) addService(ctx context.Context, s *statement.Statement, me loot.Actor, service statement.ServiceDecl, a answer, sent string) error {
	subject := loot.Subject(me.ID)
	return c.Gate.InTx(ctx, func(tx *store.Tx) error {
		if sent != "" {
			first, err := sentOnce(ctx, tx, sent, c.Now())
			if err != nil || !first {
				return err
			}
		}
		if _, waits, err := findErasure(ctx, tx, subject, tx.ForShare()); err != nil {
			return err
		} else if waits {
			return loot.Errorf(loot.Conflict, "Your account is about to be erased. Keep it first, under Account.")
		}
		// What was given before is held under the version it was given under;
		// what this order adds is collected now.
		for _, b := range batches(s, service.ID, service.Purposes, a.given) {
			req := own(c.actor(), loot.Collect, b.Purpose, b.Fields)
			req.Subject, req.Demanded = subject, b.Demanded
			p, err := c.Gate.Decide(ctx, tx, req)
			if err != nil {
				return err
			}
			part := map[loot.Field]string{}
			for _, f := range b.Fields {
				part[f] = a.given[f]
			}
			if err := c.Vault.Add(ctx, tx, p, part, sourceOf(service)); err != nil {
				return err
			}
		}
		ordered, err := c.order(ctx, tx, me, service.ID, a.plan)
		if err != nil {
			return err
		}
		return c.Jobs.Publish(ctx, tx, ordered, job.Notice{Name: recordChanged, ID: string(subject)})
	})
}
