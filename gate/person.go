package gate

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"loot"
	"loot/statement"
	"loot/store"
)

// personState is what the gate keeps about a person: nothing they said about
// themself, only what they permit and what they ordered.
type personState struct {
	Given       string                    `json:"given,omitempty"`     // hash of the version under which they last gave data or ordered
	Orders      map[string]order          `json:"orders,omitempty"`    // by the reference of the service
	Permissions map[string][]loot.Purpose `json:"permits,omitempty"`   // recipient key to purposes
	Assumed     []loot.Purpose            `json:"assumed,omitempty"`   // of what the company itself is permitted: by the statement, not by them
	Declined    []loot.Purpose            `json:"declined,omitempty"`  // that they refused the company itself before they ever permitted them
	Withdrawn   map[loot.Purpose]int64    `json:"withdrawn,omitempty"` // when a permission for the purpose was last taken back, microseconds
	Objected    []loot.Purpose            `json:"objected,omitempty"`  // purposes
	Frozen      map[string][]loot.Field   `json:"frozen,omitempty"`    // by what it waits for: which fields are; none: all there is
	Confirmed   bool                      `json:"confirmed,omitempty"`
	ConfirmedAt int64                     `json:"confirmed_at,omitempty"` // microseconds
	Hold        int64                     `json:"hold,omitempty"`         // a preservation order stands until, microseconds
	Gag         int64                     `json:"gag,omitempty"`          // what a gag hides is kept until, microseconds
}

// An order is a service that somebody ordered.
type order struct {
	Purposes []loot.Purpose `json:"for"`              // that the contract needs
	Duties   []duty         `json:"duties,omitempty"` // that the law keeps after its end
	Ended    int64          `json:"ended,omitempty"`  // microseconds; 0: runs
}

type duty struct {
	Purpose loot.Purpose `json:"p"`
	Until   int64        `json:"u,omitempty"` // microseconds
}

// heldUntil returns until when the person's records are kept from erasure.
func (p personState) heldUntil() time.Time { return store.Instant(max(p.Hold, p.Gag)) }

// restricted reports whether all that is held of the person is frozen.
func (p personState) restricted() bool {
	for _, fields := range p.Frozen {
		if len(fields) == 0 {
			return true
		}
	}
	return false
}

// disputed reports whether a field is frozen by itself.
func (p personState) disputed(f loot.Field) bool {
	for _, fields := range p.Frozen {
		if slices.Contains(fields, f) {
			return true
		}
	}
	return false
}

// input returns the state as the rules read it.
func (p personState) input(now time.Time) statement.Person {
	out := statement.Person{Permissions: p.Permissions, Objected: p.Objected, Restricted: p.restricted(), Confirmed: p.Confirmed}
	for _, o := range p.Orders {
		if o.Ended == 0 {
			out.Ordered = append(out.Ordered, o.Purposes...)
		}
		for _, d := range o.Duties {
			if o.Ended == 0 || d.Until > now.UnixMicro() {
				out.Duties = append(out.Duties, d.Purpose)
			}
		}
	}
	slices.Sort(out.Ordered)
	out.Ordered = slices.Compact(out.Ordered)
	slices.Sort(out.Duties)
	out.Duties = slices.Compact(out.Duties)
	return out
}

// A locked person is one whose state this transaction read under a lock.
type locked loot.Subject

// A lockedState is what a transaction keeps of a locked person.
type lockedState struct {
	personState
	written bool // by this transaction, so that nobody else can read it meanwhile
	added   bool // and its row is to be inserted yet
}

// held returns the state of a person, which nobody changes before tx ends.
// Whoever gives something for the first time gets a row here: without one there
// would be nothing to lock.
func (g *Gate) held(ctx context.Context, tx *store.Tx, s loot.Subject, collects bool) (personState, error) {
	if kept, ok := tx.Kept(locked(s)).(lockedState); ok {
		return kept.personState, nil
	}
	made := false
	if collects { // most of those from whom something is collected are new
		n, err := tx.Exec(ctx, newPerson, s)
		if err != nil {
			return personState{}, fmt.Errorf("gate: person: %w", err)
		}
		made = n == 1
	}
	var p personState
	known := made
	if !made {
		var err error
		if p, known, err = g.person(ctx, tx, s, tx.ForShare()); err != nil {
			return personState{}, err
		}
	}
	if known {
		tx.Keep(locked(s), lockedState{personState: p, written: made})
	}
	return p, nil
}

// Lock has everybody else wait for a person's state until tx ends. What ends with
// [Gate.Forget] begins with it: two who had read the state before would wait for each other.
func (g *Gate) Lock(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	p, known, err := g.person(ctx, tx, s, tx.ForUpdate())
	if err == nil && known {
		tx.Keep(locked(s), lockedState{personState: p})
	}
	return err
}

const newPerson = `INSERT INTO gate_person (subject, state, version) VALUES ($1, '{}', 0) ON CONFLICT (subject) DO NOTHING`

func (g *Gate) person(ctx context.Context, tx *store.Tx, s loot.Subject, lock string) (p personState, known bool, err error) {
	var text string
	err = tx.QueryRow(ctx, `SELECT state FROM gate_person WHERE subject = $1`+lock, s).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return personState{}, false, nil
	}
	if err != nil {
		return personState{}, false, fmt.Errorf("gate: person: %w", err)
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return personState{}, false, fmt.Errorf("gate: state of a person: %w", err)
	}
	return p, true, nil
}

// change rewrites a person's row under an exclusive lock: a decision that
// already read it commits first, one that comes later sees the new row.
func (g *Gate) change(ctx context.Context, tx *store.Tx, s loot.Subject, f func(*personState)) error {
	kept, _ := tx.Kept(locked(s)).(lockedState)
	p := kept.personState
	if kept.added {
		if err := tx.Flush(ctx); err != nil {
			return fmt.Errorf("gate: person: %w", err)
		}
	}
	if !kept.written {
		if err := tx.Queue(ctx, newPerson, s); err != nil {
			return fmt.Errorf("gate: person: %w", err)
		}
		var err error
		if p, _, err = g.person(ctx, tx, s, tx.ForUpdate()); err != nil {
			return err
		}
	}
	f(&p)
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("gate: person: %w", err)
	}
	tx.Keep(locked(s), lockedState{personState: p, written: true})
	if err := tx.Queue(ctx, `UPDATE gate_person SET state = $1, version = version + 1 WHERE subject = $2`, string(b), s); err != nil {
		return fmt.Errorf("gate: person: %w", err)
	}
	return nil
}

// Freeze has something of a person kept and left alone from the moment tx commits
// until [Gate.Thaw]: the fields named or, without one, all that is held of them.
// Rules read the first as resource.disputed, the second as
// resource.subject.restricted, and say what may still be done. The reference is of
// what it waits for, such as a case; what is frozen for two ends with the second.
// The caller notes it in the ledger, in the words of its own subject.
func (g *Gate) Freeze(ctx context.Context, tx *store.Tx, s loot.Subject, reference string, fields ...loot.Field) error {
	return g.change(ctx, tx, s, func(p *personState) {
		p.Frozen = maps.Clone(p.Frozen)
		if p.Frozen == nil {
			p.Frozen = map[string][]loot.Field{}
		}
		p.Frozen[reference] = slices.Clone(fields)
	})
}

// Thaw ends what [Gate.Freeze] began under a reference. What was never frozen is
// no error.
func (g *Gate) Thaw(ctx context.Context, tx *store.Tx, s loot.Subject, reference string) error {
	return g.change(ctx, tx, s, func(p *personState) {
		p.Frozen = maps.Clone(p.Frozen)
		delete(p.Frozen, reference)
	})
}

// Confirm records that the address that a person has now is theirs.
func (g *Gate) Confirm(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	return g.change(ctx, tx, s, func(p *personState) { p.Confirmed, p.ConfirmedAt = true, g.Now().UnixMicro() })
}

// Unconfirm records that the address that was confirmed is not there any more.
func (g *Gate) Unconfirm(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	return g.change(ctx, tx, s, func(p *personState) { p.Confirmed, p.ConfirmedAt = false, 0 })
}

// Hold keeps a person's records from erasure until a time; the zero time ends it.
func (g *Gate) Hold(ctx context.Context, tx *store.Tx, s loot.Subject, until time.Time) error {
	return g.change(ctx, tx, s, func(p *personState) {
		p.Hold = 0
		if !until.IsZero() {
			p.Hold = until.UnixMicro()
		}
	})
}

// tellWithin is how long, after the end of a gag, the person's records are still
// kept, so that the notice which waited for it finds whom to tell.
const tellWithin = 24 * time.Hour

// keepUnderGag keeps a person's records from erasure while a gag stands, if one
// does: whoever is erased is told nothing when it ends. It ends by itself.
func (g *Gate) keepUnderGag(ctx context.Context, tx *store.Tx, s loot.Subject, gag time.Time) error {
	if gag.IsZero() || s == "" {
		return nil
	}
	// Nothing is kept of somebody who is not there, or not any longer.
	if _, known, err := g.person(ctx, tx, s, tx.ForUpdate()); err != nil || !known {
		return err
	}
	return g.change(ctx, tx, s, func(p *personState) { p.Gag = max(p.Gag, gag.Add(tellWithin).UnixMicro()) })
}

// Forget removes a person's row; their records were erased in the same
// transaction.
func (g *Gate) Forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	tx.Keep(locked(s), nil)
	if _, err := tx.Exec(ctx, `DELETE FROM gate_person WHERE subject = $1`, s); err != nil {
		return fmt.Errorf("gate: forget: %w", err)
	}
	return nil
}
