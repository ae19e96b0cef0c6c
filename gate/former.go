package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"loot"
	"loot/ledger"
	"loot/store"
)

// A Former order is one that was made in the system that was used before. What it
// permits, and for how long its laws want it kept, is what the statement in force
// says of its service.
type Former struct {
	Reference string
	Service   string    // id in the statement
	Ended     time.Time // zero: it runs
}

// A Newcomer is somebody of whom nothing is known here yet, with what they
// ordered in the system before.
type Newcomer struct {
	Subject    loot.Subject
	Collection loot.Collection
	Orders     []Former
}

// Welcome records, before anything of theirs is collected, what newcomers ordered
// in the system before: each order is an entry about its person, by whoever has it
// taken over and with the reason that they give. Their rows are written together
// at the end of the transaction.
func (g *Gate) Welcome(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, all ...Newcomer) error {
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	for _, n := range all {
		p := personState{Given: v.Statement.Hash(), Orders: make(map[string]order, len(n.Orders))}
		for _, o := range n.Orders {
			made, err := permits(v.Statement, o.Service)
			if err != nil {
				return err
			}
			if !o.Ended.IsZero() {
				made.end(v.Statement, o.Ended)
			}
			p.Orders[o.Reference] = made
		}
		text, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("gate: person: %w", err)
		}
		tx.Add(`INSERT INTO gate_person (subject, state, version) VALUES`, n.Subject, string(text), 0)
		tx.Keep(locked(n.Subject), lockedState{personState: p, written: true, added: true})
		for range n.Orders {
			if err := g.noteFormer(ctx, tx, v, n.Subject, n.Collection, by, reason); err != nil {
				return err
			}
		}
	}
	return nil
}

// OrderFormer records an order of the system before for somebody who is known.
// Doing it again changes nothing and reports false.
func (g *Gate) OrderFormer(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, s loot.Subject, c loot.Collection, o Former) (bool, error) {
	v, ok := g.at(g.Now())
	if !ok {
		return false, loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	made, err := permits(v.Statement, o.Service)
	if err != nil {
		return false, err
	}
	if !o.Ended.IsZero() {
		made.end(v.Statement, o.Ended)
	}
	fresh := false
	if err := g.changePurposes(ctx, tx, s, c, func(p *personState) {
		if _, there := p.Orders[o.Reference]; there {
			return
		}
		if p.Orders == nil {
			p.Orders = map[string]order{}
		}
		p.Orders[o.Reference], fresh = made, true
	}); err != nil || !fresh {
		return false, err
	}
	return true, g.noteFormer(ctx, tx, v, s, c, by, reason)
}

func (g *Gate) noteFormer(ctx context.Context, tx *store.Tx, v Version, s loot.Subject, c loot.Collection, by loot.Actor, reason string) error {
	_, err := g.Ledger.Append(ctx, tx, ledger.Entry{
		Facts: ledger.Facts{
			At: g.Now(), Verdict: ledger.Recorded, Note: "service.imported", Clauses: []loot.Clause{"disclosure.permission"}, Statement: v.Statement.Hash(),
			ActorKind: by.Kind, Role: firstRole(by), Collection: c,
		},
		Subject: &ledger.SubjectFacet{Subject: s, Collection: c},
		Actor:   ledger.ActorFacet{ID: by.ID, Name: by.Name, Reason: reason},
	})
	return err
}
