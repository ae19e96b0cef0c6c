package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// A transfer is something that a partner could receive.
type transfer struct {
	to      statement.Recipient
	purpose loot.Purpose
	field   loot.Field
}

// transfers returns what could go to each partner for the purposes that it
// cooperates in or that a permission is offered for.
func transfers(s *statement.Statement) (cooperation, permitted []transfer) {
	decl, _ := s.Collection(customer)
	add := func(list []transfer, to statement.Recipient, p loot.Purpose) []transfer {
		if to.Kind != "partner" || !slices.Contains(decl.Purposes, p) {
			return list
		}
		for _, f := range s.Fields(customer) {
			if _, ok := f.Needed[p]; ok && len(f.Services) > 0 {
				return append(list, transfer{to, p, f.ID})
			}
		}
		return list
	}
	for _, to := range s.Recipients() {
		for _, p := range to.Cooperation {
			cooperation = add(cooperation, to, p)
		}
	}
	for _, o := range s.Offers() {
		if to, ok := s.Recipient(o.Recipient); ok {
			permitted = add(permitted, to, o.Purpose)
		}
	}
	return cooperation, permitted
}

func (c scene) send(t transfer) gate.Request {
	r := c.request(loot.Actor{Kind: loot.Partner, ID: t.to.Key}, t.purpose, t.field)
	r.Action, r.By, r.Entered = loot.Transfer, loot.Actor{Kind: loot.Desk, ID: "customers"}, true
	return r
}

// sign makes an agreement; change makes it unlike one that holds.
func (c scene) sign(ctx context.Context, t transfer, change func(*gate.Agreement)) error {
	now := c.w.Now()
	a := gate.Agreement{
		Partner: t.to.Key, Signed: now.AddDate(0, -2, 0), Ends: now.AddDate(1, 0, 0), Purposes: []loot.Purpose{t.purpose}, Categories: c.s.CategoryIDs(),
		Announced: now.AddDate(0, 0, -31), Due: now.AddDate(0, 0, -1),
	}
	if change != nil {
		change(&a)
	}
	return c.w.Gate.InTx(ctx, func(tx *store.Tx) error {
		return c.w.Gate.SetAgreement(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "customers"}, a)
	})
}

func (c scene) revoke(ctx context.Context, t transfer) error {
	return c.w.Gate.InTx(ctx, func(tx *store.Tx) error {
		return c.w.Gate.RevokeAgreement(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "customers"}, t.to.Key)
	})
}

func agreementFirst(ctx context.Context, w *desk.World) (string, error) {
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	if err := c.switchOn(ctx); err != nil {
		return "", err
	}
	cooperation, permitted := transfers(c.s)
	all := slices.Concat(cooperation, permitted)
	for _, t := range all {
		now := w.Now()
		steps := []struct {
			when      string
			permitted bool
			change    func(*gate.Agreement)
		}{
			{"before the agreement is signed", false, func(a *gate.Agreement) { a.Signed = now.Add(time.Hour) }},
			{"with an agreement for another purpose", false, func(a *gate.Agreement) { a.Purposes = nil }},
			{"with an agreement about other kinds of details", false, func(a *gate.Agreement) { a.Categories = nil }},
			{"on the day after the agreement", false, func(a *gate.Agreement) { a.Ends = now }},
			{"with an agreement in force", true, nil},
		}
		// An agreement of another proof may stand in this world.
		if err := c.revoke(ctx, t); err != nil && loot.KindOf(err) != loot.Conflict {
			return "", err
		}
		if err := c.expect(ctx, false, t.to.Title+": without an agreement", c.send(t)); err != nil {
			return "", err
		}
		for _, step := range steps {
			if err := c.sign(ctx, t, step.change); err != nil {
				return "", err
			}
			if err := c.expect(ctx, step.permitted, t.to.Title+": "+step.when, c.send(t)); err != nil {
				return "", err
			}
		}
		if err := c.revoke(ctx, t); err != nil {
			return "", err
		}
		if err := c.expect(ctx, false, t.to.Title+": right after the agreement was ended", c.send(t)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s to partners: refused before, outside and after the agreement, and in the instant it was ended", loot.Plural(len(all), "transfer", "transfers")), nil
}

func cooperationAnnounced(ctx context.Context, w *desk.World) (string, error) {
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	cooperation, _ := transfers(c.s)
	now := w.Now()
	for _, t := range cooperation {
		for _, step := range []struct {
			when      string
			permitted bool
			change    func(*gate.Agreement)
		}{
			{"before anybody was told", false, func(a *gate.Agreement) { a.Announced, a.Due = time.Time{}, time.Time{} }},
			{"while the time to object runs", false, func(a *gate.Agreement) { a.Due = now.Add(time.Hour) }},
			{"after the notice", true, nil},
		} {
			if err := c.sign(ctx, t, step.change); err != nil {
				return "", err
			}
			if err := c.expect(ctx, step.permitted, t.to.Title+": "+step.when, c.send(t)); err != nil {
				return "", err
			}
		}
		if err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
			return w.Gate.Object(ctx, tx, c.subject, customer, c.person(), t.purpose, true)
		}); err != nil {
			return "", err
		}
		if err := c.expect(ctx, false, t.to.Title+": against the person's objection", c.send(t)); err != nil {
			return "", err
		}
		if err := c.revoke(ctx, t); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s: refused before the notice was due and against an objection, permitted in between", loot.Plural(len(cooperation), "cooperation", "cooperations")), nil
}

// access is the purpose of letting people reach their own record, which a law
// asks for as long as there is one. That it serves nothing else is proved where
// it is declared.
const access loot.Purpose = "access"

// nothingUnasked tries every purpose of everybody: what the person neither
// ordered nor owes nor switched on has to stay shut.
func nothingUnasked(ctx context.Context, w *desk.World) (string, error) {
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	users, err := c.users(ctx)
	if err != nil {
		return "", err
	}
	var stands gate.PersonView
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		stands, err = w.Gate.Person(ctx, tx, c.subject)
		return err
	}); err != nil {
		return "", err
	}
	yes, no := 0, 0
	for _, u := range users {
		for _, p := range u.purposes {
			for _, f := range c.s.Fields(customer) {
				if _, ok := f.Needed[p]; !ok {
					continue
				}
				_, refusal, err := c.open(ctx, c.request(u.Actor, p, f.ID))
				if err != nil {
					return "", err
				}
				asked := p == access || slices.Contains(stands.Ordered, p) || slices.Contains(stands.Duties, p)
				switch {
				case refusal == nil && !asked:
					return "", fmt.Errorf("%s opened “%s” for “%s”, which nobody asked for", u.title, f.Title, p)
				case refusal == nil:
					yes++
				default:
					no++
				}
			}
		}
	}
	if yes == 0 {
		return "", errors.New("not even what was ordered opened, so nothing was proved")
	}
	return fmt.Sprintf("%s permitted for what was ordered or a law obliges to; %d refused", loot.Plural(yes, "opening", "openings"), no), nil
}
