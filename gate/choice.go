package gate

import (
	"context"
	"slices"

	"loot"
	"loot/job"
	"loot/statement"
	"loot/store"
)

// A Choice is a permission that a person gives or withdraws.
type Choice struct {
	Subject    loot.Subject
	Collection loot.Collection
	By         loot.Actor
	Offer      string // id of an offer of the statement in force
}

// Permit gives the permission of an offer, from the moment tx commits.
func (g *Gate) Permit(ctx context.Context, tx *store.Tx, c Choice) error {
	return g.choose(ctx, tx, c, "permission.given", func(p *personState, o statement.Offer) {
		p.settle(o)
		p.permit(o.Recipient, o.Purpose)
		p.Objected = slices.DeleteFunc(p.Objected, func(x loot.Purpose) bool { return x == o.Purpose })
	})
}

// permissionWithdrawn is the note of a permission that was taken back.
const permissionWithdrawn = "permission.withdrawn"

// Withdraw takes the permission of an offer back: no use commits after tx. Whoever
// listens to the notice "permission.withdrawn" is told as "subject purpose recipient".
func (g *Gate) Withdraw(ctx context.Context, tx *store.Tx, c Choice) error {
	return g.choose(ctx, tx, c, permissionWithdrawn, func(p *personState, o statement.Offer) {
		if !slices.Contains(p.Permissions[o.Recipient], o.Purpose) {
			return // what was not given does not end
		}
		p.settle(o)
		p.forbid(o.Recipient, o.Purpose)
		if p.Withdrawn == nil {
			p.Withdrawn = map[loot.Purpose]int64{}
		}
		p.Withdrawn[o.Purpose] = g.Now().UnixMicro()
	})
}

// Decline records that a person refused a permission that they never gave: no
// statement assumes it of them. One that stands, or was withdrawn, is not touched.
func (g *Gate) Decline(ctx context.Context, tx *store.Tx, c Choice) error {
	return g.choose(ctx, tx, c, notedDeclined, func(p *personState, o statement.Offer) {
		if o.Recipient == self && !p.chose(o.Purpose) && !slices.Contains(p.Assumed, o.Purpose) {
			p.Declined = append(slices.Clone(p.Declined), o.Purpose)
		}
	})
}

func (g *Gate) choose(ctx context.Context, tx *store.Tx, c Choice, note string, f func(*personState, statement.Offer)) error {
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	offer, ok := v.Statement.Offer(c.Offer)
	if !ok {
		return loot.Errorf(loot.Invalid, "The statement in force offers no such permission.")
	}
	if err := g.changePurposes(ctx, tx, c.Subject, c.Collection, func(p *personState) { f(p, offer) }); err != nil {
		return err
	}
	if err := g.noteAbout(ctx, tx, v, c.Subject, c.Collection, c.By, note, offer.Clause, offer.Purpose, offer.Recipient); err != nil || note != permissionWithdrawn {
		return err
	}
	return g.Jobs.Publish(ctx, tx, job.Notice{Name: note, ID: string(c.Subject) + " " + string(offer.Purpose) + " " + offer.Recipient})
}

// Object records that a person objects to a purpose that rests on an interest
// or on cooperation. Whoever listens to the notice "objection.made" is told as "subject
// purpose".
func (g *Gate) Object(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, by loot.Actor, p loot.Purpose, objects bool) error {
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	decl, ok := v.Statement.Purpose(p)
	if !ok {
		return loot.Errorf(loot.Invalid, "The statement declares no such purpose.")
	}
	note := "objection.withdrawn"
	if objects {
		note = "objection.made"
	}
	if err := g.change(ctx, tx, s, func(st *personState) {
		st.Objected = slices.DeleteFunc(st.Objected, func(x loot.Purpose) bool { return x == p })
		if objects {
			st.Objected = append(st.Objected, p)
		}
	}); err != nil {
		return err
	}
	if err := g.noteAbout(ctx, tx, v, s, c, by, note, decl.Clause, p, ""); err != nil || !objects {
		return err
	}
	return g.Jobs.Publish(ctx, tx, job.Notice{Name: note, ID: string(s) + " " + string(p)})
}
