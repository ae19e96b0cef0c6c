package app

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
)

// A ProofState says how a clause stands.
type ProofState string

// The states of a clause. One that is planned, or that nothing was tried for,
// is unproved and never passed.
const (
	Passed   ProofState = "passed"
	Failed   ProofState = "failed"
	Unproved ProofState = "unproved"
)

// Proved is what was tried for a clause, and what happened.
type Proved struct {
	Clause loot.Clause `json:"clause"`
	State  ProofState  `json:"state"`
	Tried  []Tried     `json:"tried"`
}

// Tried is one proof and its outcome.
type Tried struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Failed  bool   `json:"failed,omitempty"`
}

// Prove tries what the desks and the kernel know to try for each clause, on a
// scratch copy with the statement given. With clauses, only for those.
func Prove(ctx context.Context, s *statement.Statement, only []loot.Clause, now time.Time) ([]Proved, error) {
	p, err := newProver(ctx, s, now)
	if err != nil {
		return nil, err
	}
	defer p.end()
	var out []Proved
	for _, c := range s.Clauses() {
		if len(only) > 0 && !slices.Contains(only, c.ID) {
			continue
		}
		out = append(out, p.prove(ctx, c))
	}
	return out, ctx.Err()
}

// A prover is a world with the proofs that can be tried in it.
type prover struct {
	world  *desk.World
	proofs []desk.Proof
	end    func()
}

func newProver(ctx context.Context, s *statement.Statement, now time.Time) (*prover, error) {
	w, end, err := NewWorld(ctx, s, desk.NewClock(now), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	p := &prover{world: w, end: end, proofs: kernelProofs(s)}
	for _, d := range w.Desks {
		p.proofs = append(p.proofs, d.Proofs...)
	}
	return p, nil
}

func (p *prover) prove(ctx context.Context, c statement.Clause) Proved {
	out := Proved{Clause: c.ID, State: Unproved, Tried: []Tried{}}
	if c.Planned {
		return out
	}
	for _, proof := range p.proofs {
		if proof.Clause != c.ID {
			continue
		}
		outcome, err := attempt(ctx, p.world, proof)
		t := Tried{Name: proof.Name, Outcome: outcome}
		if err != nil {
			t.Outcome, t.Failed = err.Error(), true
			out.State = Failed
		} else if out.State != Failed {
			out.State = Passed
		}
		out.Tried = append(out.Tried, t)
	}
	return out
}

// attempt runs a proof. One that panics has failed.
func attempt(ctx context.Context, w *desk.World, p desk.Proof) (outcome string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the proof broke off: %v", r)
		}
	}()
	return p.Run(ctx, w)
}

// A Mutation is something removed from the statement, and the proof that
// noticed.
type Mutation struct {
	Clause  loot.Clause `json:"clause"`
	Removed string      `json:"removed"` // the rule's id, or the table and id of a declaration
	Killed  bool        `json:"killed"`  // some proof failed
	By      string      `json:"by,omitempty"`
}

// String says it in a line.
func (m Mutation) String() string {
	if m.Killed {
		return fmt.Sprintf("✓ %-44s noticed: %s", m.Removed, m.By)
	}
	return fmt.Sprintf("✗ %-44s no proof noticed", m.Removed)
}

// Mutate removes each rule and declaration of the statement in turn and says
// which proof of its clause noticed. Planned clauses are left out. Each result
// is passed to done as soon as it is there.
func Mutate(ctx context.Context, s *statement.Statement, only []loot.Clause, now time.Time, done func(Mutation)) ([]Mutation, error) {
	var out []Mutation
	for _, m := range s.Mutations() {
		c, ok := s.Clause(m.Clause)
		if !ok || c.Planned || len(only) > 0 && !slices.Contains(only, m.Clause) {
			continue
		}
		result, err := mutant(ctx, s, m, now)
		if err != nil {
			return out, err
		}
		done(result)
		out = append(out, result)
	}
	slices.SortStableFunc(out, func(a, b Mutation) int { return cmp.Compare(a.Removed, b.Removed) })
	return out, ctx.Err()
}
