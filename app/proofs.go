package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// The kernel's proofs go through the real gate and the real vault of a world,
// as whoever the statement in force knows.

// customer is the collection of those who order.
const customer loot.Collection = "customer"

// kernelProofs are those of the clauses that gate and vault keep by
// themselves. What the world writes to the disk is under dir.
func kernelProofs(dir string) []desk.Proof {
	return []desk.Proof{
		{Clause: "security.levels", Name: "nothing of what somebody gave lies readable on the disk", Run: func(ctx context.Context, w *desk.World) (string, error) {
			return sealedOnDisk(ctx, w, dir)
		}},
		{Clause: "security.levels", Name: "staff see each detail as its level says, or not at all", Run: shownByLevel},
		{Clause: "network.purpose", Name: "no detail opens for a purpose that it was not given for", Run: openedForItsPurposes},
		{Clause: "network.reuse", Name: "what an applicant gave opens for no customer's purpose", Run: applicationStaysShut},
		{Clause: "network.reuse", Name: "whoever is known in one drawer is unknown in the others", Run: drawersApart},
		{Clause: "disclosure.partners", Name: "without an agreement in force, nothing goes to a partner", Run: agreementFirst},
		{Clause: "disclosure.partners", Name: "cooperation waits for the notice and stops at an objection", Run: cooperationAnnounced},
		{Clause: "disclosure.permission", Name: "what was not ordered, obliged or switched on opens for nobody", Run: nothingUnasked},
	}
}

// A scene is a person with a record in a world, and the statement in force.
type scene struct {
	w       *desk.World
	s       *statement.Statement
	subject loot.Subject
}

func stage(ctx context.Context, w *desk.World) (scene, error) {
	s, err := w.Statement()
	if err != nil {
		return scene{}, err
	}
	subject, err := w.NewPerson(ctx)
	if err != nil {
		return scene{}, fmt.Errorf("nobody could be registered: %w", err)
	}
	return scene{w, s, subject}, nil
}

// stageOf is a scene in which every permission is given and what is promised is
// that of s, whatever is in force.
func stageOf(ctx context.Context, w *desk.World, s *statement.Statement) (scene, error) {
	c, err := stage(ctx, w)
	c.s = s
	if err == nil {
		err = c.switchOn(ctx)
	}
	return c, err
}

// open decides r and opens what the permit names; finding somebody opens
// nothing. The refusal is nil if it was permitted.
func (c scene) open(ctx context.Context, r gate.Request) (out vault.Values, refusal *gate.Refusal, err error) {
	err = c.w.Gate.InTx(ctx, func(tx *store.Tx) error {
		permit, err := c.w.Gate.Decide(ctx, tx, r)
		if err != nil || r.Action == loot.Find {
			return err
		}
		out, err = c.w.Vault.Open(ctx, tx, permit)
		return err
	})
	if r, ok := errors.AsType[*gate.Refusal](err); ok {
		return nil, r, nil
	}
	return out, nil, err
}

// expect opens r and complains if it was not decided as wanted.
func (c scene) expect(ctx context.Context, permitted bool, when string, r gate.Request) error {
	values, refusal, err := c.open(ctx, r)
	switch {
	case err != nil:
		return err
	case permitted && refusal != nil:
		return fmt.Errorf("%s it was refused: %w", when, refusal)
	case !permitted && refusal == nil:
		return fmt.Errorf("%s it opened", when)
	case permitted && len(values) == 0:
		return fmt.Errorf("%s it was permitted and nothing opened", when)
	}
	return nil
}

func (c scene) person() loot.Actor { return loot.Actor{Kind: loot.Person, ID: string(c.subject)} }

// request is a use of the person's record as a customer.
func (c scene) request(a loot.Actor, p loot.Purpose, fields ...loot.Field) gate.Request {
	return gate.Request{
		Action: loot.Use, Actor: a, Desk: "proof", Purpose: p, Subject: c.subject, Collection: customer, Fields: fields, Reason: "Tried for the proof.",
	}
}

// own is the person's look at their own record.
func (c scene) own(fields ...loot.Field) gate.Request {
	r := c.request(c.person(), "", fields...)
	r.Action, r.Reason = loot.Export, ""
	for _, p := range c.s.Purposes() {
		r.Purpose = p.ID
		break
	}
	return r
}

// users returns everybody whom the statement lets use records, with a member of
// staff in each role.
func (c scene) users(ctx context.Context) ([]user, error) {
	out := usersOf(c.s)
	for i, u := range out {
		if u.Kind != loot.Staff {
			continue
		}
		var err error
		if out[i].Actor, err = c.w.NewStaff(ctx, true, loot.Role(u.ID)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// usersOf returns everybody whom the statement lets use records: each part of
// the program, and each role, whose id stands for whoever holds it.
func usersOf(s *statement.Statement) []user {
	var out []user
	for _, d := range s.Desks() {
		out = append(out, user{loot.Actor{Kind: loot.Desk, ID: d.Name}, d.Purposes, d.Title, declaredBy(s, "desks", d.Name)})
	}
	for _, r := range s.Roles() {
		out = append(out, user{loot.Actor{Kind: loot.Staff, ID: string(r.ID)}, r.Purposes, r.Title, declaredBy(s, "roles", string(r.ID))})
	}
	return out
}

type user struct {
	loot.Actor
	purposes []loot.Purpose
	title    string
	clause   loot.Clause // that declares it
}

func declaredBy(s *statement.Statement, table, id string) loot.Clause {
	list := s.Declarations()
	i := slices.IndexFunc(list, func(d statement.Declaration) bool { return d.Table == table && d.ID == id })
	if i < 0 {
		return ""
	}
	return list[i].Clause
}

// cites reports whether a clause is among those that refused.
func cites(r *gate.Refusal, c loot.Clause) bool { return r.Clause == c || slices.Contains(r.Others, c) }

// unpermitted reports whether nothing forbade the request, and yet nothing
// permitted it.
func unpermitted(r *gate.Refusal) bool { return r.Clause == r.Nearest && len(r.Others) == 0 }

func fieldsOf(s *statement.Statement, c loot.Collection) []loot.Field {
	var out []loot.Field
	for _, f := range s.Fields(c) {
		out = append(out, f.ID)
	}
	return out
}
