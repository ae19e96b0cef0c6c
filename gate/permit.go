package gate

import (
	"slices"
	"sync/atomic"
	"time"

	"loot"
	"loot/statement"
	"loot/store"
)

// A Permit is a yes: good for one use, in the transaction it was decided in.
// The zero Permit permits nothing, and copies share the one use.
type Permit struct{ state *permit }

type permit struct {
	tx    *store.Tx
	grant Grant
	held  *Refusal // see [Permit.Held]
	spent atomic.Bool
}

// A Grant is what a permit is for.
type Grant struct {
	Action     loot.Action
	Subject    loot.Subject
	Collection loot.Collection
	Fields     []loot.Field
	Purpose    loot.Purpose
	Mask       map[loot.Field]string // "none", "partly" or "fully"; nil: nothing is masked
	Statement  *statement.Statement  // that decided
	Clauses    []loot.Clause         // that decided
	Entry      string                // of the ledger
	At         time.Time             // of the decision
	Aside      bool                  // erase: what was set aside of the fields, and nothing beside it

	kind loot.ActorKind // of who asked
	by   loot.Actor
	desk string
	gag  time.Time // until when it is hidden; zero: it is not
	held bool
}

// Entry returns the id of the ledger entry that records the decision.
func (p Permit) Entry() string {
	if p.state == nil {
		return ""
	}
	return p.state.grant.Entry
}

// Clauses returns the clauses that permit.
func (p Permit) Clauses() []loot.Clause {
	if p.state == nil {
		return nil
	}
	return p.state.grant.Clauses
}

// Held returns why what is to be erased is set aside instead (see [Gate.SetAside]); nil: it
// is erased.
func (p Permit) Held() *Refusal {
	if p.state == nil {
		return nil
	}
	return p.state.held
}

// Held reports whether the grant is to set aside what it names, and to erase nothing.
func (g Grant) Held() bool { return g.held }

// Spend uses the permit up for action within tx and returns what it grants.
// A permit that is zero, spent, from another transaction or for another action
// is a [*Misuse].
func (p Permit) Spend(tx *store.Tx, action loot.Action) (Grant, error) {
	switch s := p.state; {
	case s == nil:
		return Grant{}, &Misuse{How: "missing"}
	case s.tx != tx:
		return Grant{}, &Misuse{How: "elsewhere", Grant: s.grant}
	case s.grant.Action != action:
		return Grant{}, &Misuse{How: "widened", Grant: s.grant}
	case s.spent.Swap(true):
		return Grant{}, &Misuse{How: "twice", Grant: s.grant}
	}
	return p.state.grant, nil
}

// SpendAny is [Permit.Spend] for whichever of the actions the permit is for.
func (p Permit) SpendAny(tx *store.Tx, actions ...loot.Action) (Grant, error) {
	if p.state != nil && slices.Contains(actions, p.state.grant.Action) {
		return p.Spend(tx, p.state.grant.Action)
	}
	return p.Spend(tx, actions[0])
}

// Widened returns the misuse of a grant for more than it is for, for packages
// that find it out themselves.
func (g Grant) Widened() error { return &Misuse{How: "widened", Grant: g} }

// A Misuse is an attempt to use a permit for what it is not for: a fault in
// the program or an attack. It is shown as an internal error, and [Gate.InTx]
// raises an incident.
type Misuse struct {
	How   string // "missing", "elsewhere", "twice", "widened"
	Grant Grant
}

func (m *Misuse) Error() string { return "gate: permit " + m.How }
