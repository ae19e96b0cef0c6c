package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
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
	p, err := newProver(ctx, s, genericProofs(s), now)
	if err != nil {
		return nil, err
	}
	defer p.end()
	var out []Proved
	for _, c := range s.Clauses() {
		if len(only) > 0 && !slices.Contains(only, c.ID) {
			continue
		}
		out = append(out, p.prove(ctx, c.ID, c.Planned))
	}
	return out, ctx.Err()
}

// A prover is a world with the proofs that can be tried in it. The kernel's
// and the generic ones come first: a desk's may put another version in force.
type prover struct {
	world  *desk.World
	proofs []desk.Proof
	end    func()
}

func newProver(ctx context.Context, s *statement.Statement, generic []proof, now time.Time) (*prover, error) {
	dir, err := os.MkdirTemp("", "loot-proof-")
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	w, end, err := newWorld(ctx, dir, s, desk.NewClock(now), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	p := &prover{world: w, end: end, proofs: kernelProofs(dir)}
	for _, g := range generic {
		p.proofs = append(p.proofs, g.Proof)
	}
	for _, d := range w.Desks {
		p.proofs = append(p.proofs, d.Proofs...)
	}
	return p, nil
}

func (p *prover) prove(ctx context.Context, clause loot.Clause, planned bool) Proved {
	out := Proved{Clause: clause, State: Unproved, Tried: []Tried{}}
	if planned {
		return out
	}
	for _, proof := range p.proofs {
		if proof.Clause != clause {
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
