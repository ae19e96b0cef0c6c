package app

import (
	"context"
	"errors"
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

	declared bool // nothing in the program goes by it
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
		if len(only) == 0 || slices.Contains(only, c.ID) {
			out = append(out, Proved{Clause: c.ID, State: Unproved, Tried: []Tried{}})
		}
	}
	for _, proofs := range [][]desk.Proof{p.early, p.late} {
		for i := range out {
			if inForce(s, out[i].Clause) {
				p.prove(ctx, &out[i], proofs)
			}
		}
	}
	return out, ctx.Err()
}

// A prover is a world with the proofs that can be tried in it.
type prover struct {
	world *desk.World
	early []desk.Proof // the kernel's and the generic ones
	late  []desk.Proof // the desks', which may put another version in force
	end   func()
}

func newProver(ctx context.Context, s *statement.Statement, generic []proof, now time.Time) (*prover, error) {
	dir, err := os.MkdirTemp("", "loot-proof-")
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	w, end, err := NewWorld(ctx, dir, s, desk.NewClock(now), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	p := &prover{world: w, end: end, early: kernelProofs(dir)}
	for _, g := range generic {
		p.early = append(p.early, g.Proof)
	}
	for _, d := range w.Desks {
		p.late = append(p.late, d.Proofs...)
	}
	return p, nil
}

// prove tries those of the proofs that are of the clause, and adds what
// happened. What is only declared proves nothing, unless it is lost.
func (p *prover) prove(ctx context.Context, out *Proved, proofs []desk.Proof) {
	for _, proof := range proofs {
		if proof.Clause != out.Clause || ctx.Err() != nil {
			continue
		}
		outcome, err := attempt(ctx, p.world, proof)
		t := Tried{Name: proof.Name, Outcome: outcome}
		only, isOnly := errors.AsType[*declaredOnly](err)
		t.declared = isOnly
		switch {
		case isOnly && only.lost == nil:
			t.Outcome = err.Error()
		case err != nil:
			t.Outcome, t.Failed = err.Error(), true
			out.State = Failed
		case out.State != Failed:
			out.State = Passed
		}
		out.Tried = append(out.Tried, t)
	}
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
