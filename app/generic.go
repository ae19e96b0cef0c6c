package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"loot"
	"loot/desk"
	"loot/desk/customers"
	"loot/statement"
)

// A proof that asks needs nothing but the statement that decides, so that it
// can be tried without a world.
type proof struct {
	desk.Proof
	of  string                                                 // what it is about: a rule's id, or the table and id of a declaration
	ask func(*statement.Statement) (outcome string, err error) // nil: it needs a world
}

// genericProofs are those that every statement brings along: one for each rule
// and each declaration of a clause in force, whoever wrote it. What they expect
// is worked out from s; what they try is the world, where another may be in
// force.
func genericProofs(s *statement.Statement) []proof {
	var out []proof
	for _, found := range witnesses(s) {
		if found.in != nil {
			out = append(out, ruleProof(s, found))
		}
	}
	for _, d := range s.Declarations() {
		if inForce(s, d.Clause) {
			out = append(out, declarationProof(s, d))
		}
	}
	for _, o := range s.Offers() {
		if inForce(s, o.Clause) && len(o.Assumed) > 0 {
			out = append(out, assumedProof(s, o))
		}
	}
	return out
}

// assumedProof tries the countries in which s has a permission on without a click.
func assumedProof(s *statement.Statement, o statement.Offer) proof {
	return proof{of: assumedOf(o), Proof: desk.Proof{
		Clause: o.Clause, Name: fmt.Sprintf("where the permission “%s” is on without a click", o.ID),
		Run: func(ctx context.Context, w *desk.World) (string, error) { return customers.TryAssumed(ctx, w, s, o) },
	}}
}

func inForce(s *statement.Statement, id loot.Clause) bool {
	c, ok := s.Clause(id)
	return ok && !c.Planned
}

// A witness is a request that one rule alone decides; none was found if it is
// nil.
type witness struct {
	rule statement.Rule
	in   *statement.Input
}

func witnesses(s *statement.Statement) []witness {
	var out []witness
	for _, r := range s.Rules() {
		if inForce(s, r.Clause) {
			out = append(out, witness{rule: r})
		}
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range out {
		group.Go(func() error {
			if in, ok := s.Witnesses(out[i].rule.ID); ok {
				out[i].in = in
			}
			return nil
		})
	}
	_ = group.Wait() // nothing in it fails
	return out
}

// ruleProof asks what the rule alone decides. A permit has to let it through
// and a prohibition has to stop it, each under the rule's own clause.
func ruleProof(s *statement.Statement, found witness) proof {
	want := s.Decide(found.in)
	r := found.rule
	name := fmt.Sprintf("rule %s lets through what it alone permits: %s", ordinal(r), summary(r))
	if r.Forbid {
		name = fmt.Sprintf("rule %s stops what it alone forbids: %s", ordinal(r), summary(r))
	}
	ask := func(t *statement.Statement) (string, error) {
		got := t.Decide(found.in)
		switch {
		case want.Allowed == r.Forbid || !slices.Contains(want.Clauses, r.Clause):
			return "", errors.New("the rule does not decide what it speaks of")
		case len(got.Errors) > 0:
			return "", fmt.Errorf("it cannot be decided any more: %s", got.Errors[0])
		case got.Allowed != want.Allowed:
			return "", fmt.Errorf("it was %s instead of %s", verdict(got), verdict(want))
		case !slices.Equal(got.Clauses, want.Clauses):
			return "", fmt.Errorf("it was %s, under %s", verdict(got), clauses(got.Clauses))
		case !reflect.DeepEqual(got.Obligations, want.Obligations):
			return "", fmt.Errorf("it was %s, and asks for something else to be done", verdict(got))
		}
		return fmt.Sprintf("%s, under %s", verdict(got), clauses(got.Clauses)), nil
	}
	return proof{of: r.ID, ask: ask, Proof: desk.ProofUnder(r.Clause, name, func(_ context.Context, _ *desk.World, s *statement.Statement) (string, error) { return ask(s) })}
}

func ordinal(r statement.Rule) string {
	_, n, _ := strings.Cut(r.ID, "#")
	return n
}

// summary is the rule's first line in words, short enough for a list.
func summary(r statement.Rule) string {
	words := []rune(strings.Join(strings.Fields(r.Words), " "))
	if len(words) > 140 {
		words = append(words[:139], '…')
	}
	return string(words)
}

func verdict(v statement.Verdict) string {
	if v.Allowed {
		return "permitted"
	}
	return "refused"
}

func clauses(list []loot.Clause) string {
	if len(list) == 0 {
		return "no clause"
	}
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = string(c)
	}
	return strings.Join(names, ", ")
}
