package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"loot"
	"loot/statement"
)

// A Mutation is something removed from the statement, and what noticed.
type Mutation struct {
	Clause  loot.Clause `json:"clause"`
	Removed string      `json:"removed"` // the rule's id, or the table and id of a declaration
	Killed  bool        `json:"killed"`  // a proof failed, or the check refused what was left
	By      string      `json:"by,omitempty"`
	Why     string      `json:"why,omitempty"`
}

// String says it in a line.
func (m Mutation) String() string {
	if m.Killed {
		return fmt.Sprintf("✓ %-44s noticed by %s", m.Removed, m.By)
	}
	return fmt.Sprintf("✗ %-44s no proof noticed", m.Removed)
}

// A cut is one thing to remove.
type cut struct {
	clause loot.Clause
	what   string
	line   int
	remove func() (*statement.Statement, error)
}

// cuts returns every rule and declaration of the clauses in force.
func cuts(s *statement.Statement, only []loot.Clause) []cut {
	wanted := func(c loot.Clause) bool { return inForce(s, c) && (len(only) == 0 || slices.Contains(only, c)) }
	var out []cut
	for _, r := range s.Rules() {
		if wanted(r.Clause) {
			out = append(out, cut{r.Clause, r.ID, r.Line, func() (*statement.Statement, error) { return s.Without(r.ID) }})
		}
	}
	for _, d := range s.Declarations() {
		if wanted(d.Clause) {
			out = append(out, cut{d.Clause, d.Table + " " + d.ID, d.Line, func() (*statement.Statement, error) {
				return s.WithoutDeclaration(d.Table, d.ID)
			}})
		}
	}
	return out
}

// Mutate removes each rule and declaration of the statement in turn and says
// which proof of its clause noticed. Planned clauses are left out. Each result
// is passed to done as soon as it is there, one at a time; all of them come
// back in statement order.
func Mutate(ctx context.Context, s *statement.Statement, only []loot.Clause, now time.Time, done func(Mutation)) ([]Mutation, error) {
	list := cuts(s, only)
	out := make([]Mutation, len(list))
	generic := genericProofs(s)
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range list {
		group.Go(func() error {
			m, err := try(ctx, c, generic, now)
			if err != nil {
				return fmt.Errorf("without %s: %w", c.what, err)
			}
			mu.Lock()
			defer mu.Unlock()
			out[i] = m
			done(m)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	order := map[string]int{}
	for _, c := range list {
		order[c.what] = c.line
	}
	slices.SortStableFunc(out, func(a, b Mutation) int { return cmp.Compare(order[a.Removed], order[b.Removed]) })
	return out, nil
}

// try removes one thing. What the statement alone can answer is asked first;
// only what that does not notice is tried in a world of its own.
func try(ctx context.Context, c cut, generic []proof, now time.Time) (Mutation, error) {
	m := Mutation{Clause: c.clause, Removed: c.what}
	if err := ctx.Err(); err != nil {
		return m, err
	}
	left, err := c.remove()
	if problems, ok := errors.AsType[statement.Problems](err); ok {
		m.Killed, m.By = true, "the check of the statement"
		if len(problems) > 0 {
			m.Why = problems[0].Text
		}
		return m, nil
	}
	if err != nil {
		return m, err
	}
	for _, p := range generic {
		if p.Clause != c.clause || p.ask == nil {
			continue
		}
		if _, err := p.ask(left); err != nil {
			m.Killed, m.By, m.Why = true, p.Name, err.Error()
			return m, nil
		}
	}
	p, err := newProver(ctx, left, nil, now)
	if err != nil {
		return m, err
	}
	defer p.end()
	for _, t := range p.prove(ctx, c.clause, false).Tried {
		if t.Failed {
			m.Killed, m.By, m.Why = true, t.Name, t.Outcome
			break
		}
	}
	return m, ctx.Err()
}
