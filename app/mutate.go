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
	"loot/desk"
	"loot/statement"
)

// A Mutation is something removed from the statement, and what noticed.
type Mutation struct {
	Clause  loot.Clause `json:"clause"`
	Removed string      `json:"removed"` // the rule's id, or the table and id of a declaration
	Killed  bool        `json:"killed"`  // a proof failed, or the check refused what was left
	How     Notice      `json:"how,omitempty"`
	By      string      `json:"by,omitempty"`
	Why     string      `json:"why,omitempty"`
	World   string      `json:"world,omitempty"` // the proof that noticed in a world of its own; empty: none, or it was not asked for
}

// A Notice says how a removal was noticed.
type Notice string

// The ways in which a removal is noticed, in the order in which they are tried.
const (
	Unsound  Notice = "unsound"  // the check of the statement refuses what is left
	Decided  Notice = "decided"  // a request that one rule alone decides came out differently
	Lost     Notice = "lost"     // in a world, something that was promised does not happen
	Happened Notice = "happened" // in a world, a proof that does not know what was removed failed
	Unread   Notice = "unread"   // declared only: nothing but the page that visitors read is without it
)

// String says it in a line.
func (m Mutation) String() string {
	switch {
	case m.How == Unread:
		return fmt.Sprintf("✓ %-32s noticed by readers alone: it is declared only", m.Removed)
	case m.World != "" && m.World != m.By:
		return fmt.Sprintf("✓ %-32s noticed by %s; in a world by %s", m.Removed, m.By, m.World)
	case m.Killed:
		return fmt.Sprintf("✓ %-32s noticed by %s", m.Removed, m.By)
	}
	return fmt.Sprintf("✗ %-32s no proof noticed", m.Removed)
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
	for _, o := range s.Offers() {
		if wanted(o.Clause) && len(o.Assumed) > 0 {
			out = append(out, cut{o.Clause, assumedOf(o), lineOf(s, o), func() (*statement.Statement, error) { return s.WithoutAssumed(o.ID) }})
		}
	}
	return out
}

// assumedOf names the countries of a permission as something to remove.
func assumedOf(o statement.Offer) string { return "permissions " + o.ID + " assumed" }

func lineOf(s *statement.Statement, o statement.Offer) int {
	for _, d := range s.Declarations() {
		if d.Table == "permissions" && d.ID == o.ID {
			return d.Line
		}
	}
	return 0
}

// A Removal says what [Mutate] removes and how hard it looks.
type Removal struct {
	Only []loot.Clause  // none: every clause in force
	Deep bool           // try each removal in a world as well, even if it was noticed without one
	Done func(Mutation) // is told each result as soon as it is there, one at a time
}

// Mutate removes each rule and declaration of the statement in turn and says
// which proof of its clause noticed. Planned clauses are left out. The results
// come back in statement order.
func Mutate(ctx context.Context, s *statement.Statement, r Removal, now time.Time) ([]Mutation, error) {
	list := cuts(s, r.Only)
	out := make([]Mutation, len(list))
	generic := genericProofs(s)
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range list {
		group.Go(func() error {
			m, err := try(ctx, c, generic, r.Deep, now)
			if err != nil {
				return fmt.Errorf("without %s: %w", c.what, err)
			}
			mu.Lock()
			defer mu.Unlock()
			out[i] = m
			if r.Done != nil {
				r.Done(m)
			}
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

// try removes one thing. What the statement alone can answer is asked first.
// What that does not notice is tried in a world of its own: first what was
// promised of the very thing, then whatever else its clause promises.
func try(ctx context.Context, c cut, generic []proof, deep bool, now time.Time) (Mutation, error) {
	m := Mutation{Clause: c.clause, Removed: c.what}
	if err := ctx.Err(); err != nil {
		return m, err
	}
	left, err := c.remove()
	if problems, ok := errors.AsType[statement.Problems](err); ok {
		m.Killed, m.How, m.By = true, Unsound, "the check of the statement"
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
			m.Killed, m.How, m.By, m.Why = true, Decided, p.Name, err.Error()
			break
		}
	}
	if m.Killed && !deep {
		return m, nil
	}
	p, err := newProver(ctx, left, nil, now)
	if err != nil {
		return m, err
	}
	defer p.end()
	read := Mutation{}
	for _, step := range []struct {
		how    Notice
		proofs []desk.Proof
	}{{Lost, promised(generic, c)}, {Happened, slices.Concat(p.early, p.late)}} {
		for _, proof := range step.proofs {
			seen := Proved{Clause: c.clause}
			p.prove(ctx, &seen, []desk.Proof{proof})
			if seen.State != Failed {
				continue
			}
			t := seen.Tried[0]
			if t.declared {
				read = Mutation{By: t.Name, Why: t.Outcome}
				continue // a proof of what the program does counts for more
			}
			m.World = t.Name
			if !m.Killed {
				m.Killed, m.How, m.By, m.Why = true, step.how, t.Name, t.Outcome
			}
			return m, ctx.Err()
		}
	}
	if !m.Killed && read.By != "" {
		m.Killed, m.How, m.By, m.Why = true, Unread, read.By, read.Why
	}
	return m, ctx.Err()
}

// promised returns the proofs of the declarations of a clause, that of the one
// which is removed first.
func promised(generic []proof, c cut) []desk.Proof {
	var out []desk.Proof
	for _, p := range generic {
		switch {
		case p.ask != nil || p.Clause != c.clause:
		case p.of == c.what:
			out = slices.Insert(out, 0, p.Proof)
		default:
			out = append(out, p.Proof)
		}
	}
	return out
}
