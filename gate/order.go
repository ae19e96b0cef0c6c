package gate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/statement"
	"loot/store"
)

// An Ordered service is the permission for the purposes its contract needs.
type Ordered struct {
	Subject    loot.Subject
	Collection loot.Collection
	By         loot.Actor
	Reference  string // of the service, given by the desk that keeps it
	Service    string // id in the statement
}

// Order records that a service was ordered. The purposes that it needs are
// permitted until [Gate.EndOrder], those that rest on a legal duty for their
// retention beyond.
func (g *Gate) Order(ctx context.Context, tx *store.Tx, o Ordered) error {
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	made, err := permits(v.Statement, o.Service)
	if err != nil {
		return err
	}
	if err := g.changePurposes(ctx, tx, o.Subject, o.Collection, func(p *personState) {
		if p.Orders == nil {
			p.Orders = map[string]order{}
		}
		p.Orders[o.Reference] = made
		p.Given = v.Statement.Hash()
	}); err != nil {
		return err
	}
	return g.noteAbout(ctx, tx, v, o.Subject, o.Collection, o.By, "service.ordered", "disclosure.permission", "", "")
}

// permits returns what ordering a service of a statement permits.
func permits(s *statement.Statement, id string) (made order, err error) {
	service, ok := s.Service(id)
	if !ok {
		return made, loot.Errorf(loot.Invalid, "The statement in force declares no such service.")
	}
	for _, id := range service.Purposes {
		p, ok := s.Purpose(id)
		switch {
		case !ok:
			return made, fmt.Errorf("gate: service %s: no purpose %q", service.ID, id)
		case p.Basis == "duty":
			made.Duties = append(made.Duties, duty{Purpose: id})
		default:
			made.Purposes = append(made.Purposes, id)
		}
	}
	return made, nil
}

// end ends an order at a time: its contract's purposes then, its legal duties
// when their retention has passed.
func (o *order) end(s *statement.Statement, at time.Time) {
	o.Ended = at.UnixMicro()
	for i, d := range o.Duties {
		if decl, ok := s.Purpose(d.Purpose); ok {
			o.Duties[i].Until = decl.Keep.After(at.UTC()).UnixMicro()
		}
	}
}

// EndOrder ends a service: its contract's purposes end now, its legal duties
// when their retention has passed.
func (g *Gate) EndOrder(ctx context.Context, tx *store.Tx, o Ordered) error {
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	now := g.Now()
	found := false
	if err := g.changePurposes(ctx, tx, o.Subject, o.Collection, func(p *personState) {
		made, ok := p.Orders[o.Reference]
		if !ok || made.Ended != 0 {
			return
		}
		found = true
		made.end(v.Statement, now)
		p.Orders[o.Reference] = made
	}); err != nil {
		return err
	}
	if !found {
		return loot.Errorf(loot.Conflict, "This service has ended already.")
	}
	return g.noteAbout(ctx, tx, v, o.Subject, o.Collection, o.By, "service.ended", "disclosure.permission", "", "")
}

// Fulfil ends duties before their time, of services that have ended: what the law asked for
// is done, as when the last invoice is written.
func (g *Gate) Fulfil(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, duties ...loot.Purpose) error {
	now := g.Now().UnixMicro()
	return g.changePurposes(ctx, tx, s, c, func(p *personState) {
		for _, o := range p.Orders {
			for i, d := range o.Duties {
				if slices.Contains(duties, d.Purpose) {
					o.Duties[i].Until = min(d.Until, now) // none yet of a service that runs, and not later of one that is done with
				}
			}
		}
	})
}
