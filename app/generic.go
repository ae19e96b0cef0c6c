package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// A proof that asks needs nothing but the statement that decides, so that it
// can be tried without a world.
type proof struct {
	desk.Proof
	ask func(*statement.Statement) (outcome string, err error) // nil: it needs a world
}

// asking makes a proof that puts ask to the statement in force and then, if
// there is more to see, tries it in the world.
func asking(c loot.Clause, name string, ask func(*statement.Statement) (string, error), then func(context.Context, *desk.World) (string, error)) proof {
	return proof{ask: ask, Proof: desk.Proof{Clause: c, Name: name, Run: func(ctx context.Context, w *desk.World) (string, error) {
		v, ok := w.Gate.InForce()
		if !ok {
			return "", errors.New("no statement is in force")
		}
		outcome, err := ask(v.Statement)
		if err != nil || then == nil {
			return outcome, err
		}
		return then(ctx, w)
	}}}
}

// genericProofs are those that every statement brings along: one for each rule
// and each declaration of a clause in force, whoever wrote it. What they expect
// is worked out from s; what they ask is the statement of the world.
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
	return out
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
	name := fmt.Sprintf("rule %s lets through what it alone permits: %s", number(r), summary(r))
	if r.Forbid {
		name = fmt.Sprintf("rule %s stops what it alone forbids: %s", number(r), summary(r))
	}
	return asking(r.Clause, name, func(t *statement.Statement) (string, error) {
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
	}, nil)
}

func number(r statement.Rule) string {
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

// A kind is what is known of the declarations of one table.
type kind struct {
	one  string // "service"
	lost string // what is wrong when one is missing
	find func(*statement.Statement, string) (any, bool)
	then func(d statement.Declaration) func(context.Context, *desk.World) (string, error) // nil: nothing to see in a world
}

func found[T any](v T, ok bool) (any, bool) { return v, ok }

// kinds are the tables that a statement can have.
var kinds = map[string]kind{
	"purposes": {one: "purpose", lost: "nothing can be done for it", find: func(s *statement.Statement, id string) (any, bool) { return found(s.Purpose(loot.Purpose(id))) }},
	"categories": {one: "kind of detail", lost: "nothing says how confidential its details are", find: func(s *statement.Statement, id string) (any, bool) {
		return found(s.Category(loot.Category(id)))
	}},
	"levels": {one: "level", lost: "its details are neither covered nor locked", find: func(s *statement.Statement, id string) (any, bool) {
		n, err := strconv.Atoi(id)
		l, ok := s.Level(n)
		return l, ok && err == nil
	}},
	"collections": {one: "way in", lost: "nothing can be given there", find: func(s *statement.Statement, id string) (any, bool) {
		return found(s.Collection(loot.Collection(id)))
	}},
	"fields": {one: "detail", lost: "it is not asked for any more", then: askedFor, find: func(s *statement.Statement, id string) (any, bool) {
		return found(s.Field(loot.Field(id)))
	}},
	"permissions": {one: "permission", lost: "it cannot be given or taken back", then: givenAndTaken, find: func(s *statement.Statement, id string) (any, bool) {
		return found(s.Offer(id))
	}},
	"recipients": {one: "recipient", lost: "nobody knows what goes there", find: func(s *statement.Statement, id string) (any, bool) { return found(s.Recipient(id)) }},
	"roles":      {one: "role", lost: "nobody can hold it", find: func(s *statement.Statement, id string) (any, bool) { return found(s.Role(loot.Role(id))) }},
	"desks":      {one: "part of the program", lost: "it can do nothing", find: func(s *statement.Statement, id string) (any, bool) { return found(s.Desk(id)) }},
	"services":   {one: "service", lost: "it cannot be ordered", then: ordered, find: func(s *statement.Statement, id string) (any, bool) { return found(s.Service(id)) }},
	"topics":     {one: "topic", lost: "nobody can choose it", find: func(s *statement.Statement, id string) (any, bool) { return found(s.Topic(id)) }},
	"senders":    {one: "sender", lost: "nobody can choose it", find: func(s *statement.Statement, id string) (any, bool) { return found(s.Sender(id)) }},
	"items":      {one: "stored item", lost: "it is in no register", find: func(s *statement.Statement, id string) (any, bool) { return found(s.Item(id)) }},
	"tags":       {one: "tag", lost: "it is in no register", find: func(s *statement.Statement, id string) (any, bool) { return found(s.Tag(id)) }},
	"signals":    {one: "signal", lost: "nobody answers it", find: func(s *statement.Statement, id string) (any, bool) { return found(s.Signal(id)) }},
}

// declarationProof checks that the program goes by a declaration: that it is
// there as it was written and, where a world shows more, that it works.
func declarationProof(s *statement.Statement, d statement.Declaration) proof {
	k, known := kinds[d.Table]
	name := fmt.Sprintf("the %s “%s” holds as it is declared", k.one, d.ID)
	ask := func(t *statement.Statement) (string, error) {
		if !known {
			return "", fmt.Errorf("nothing is known of the table %s", d.Table)
		}
		want, _ := k.find(s, d.ID)
		switch got, ok := k.find(t, d.ID); {
		case !ok:
			return "", fmt.Errorf("it is missing: %s", k.lost)
		case !reflect.DeepEqual(got, want):
			return "", errors.New("it is not what was declared")
		}
		return "it is what the program goes by", nil
	}
	var then func(context.Context, *desk.World) (string, error)
	if known && k.then != nil {
		then = k.then(d)
	}
	return asking(d.Clause, name, ask, then)
}

// errUndone ends a transaction that was only a try.
var errUndone = errors.New("tried")

// askedFor has a detail given for each purpose that it is needed for, in each
// way in that asks for it, and for a purpose that it is not needed for.
func askedFor(d statement.Declaration) func(context.Context, *desk.World) (string, error) {
	return func(ctx context.Context, w *desk.World) (string, error) {
		v, _ := w.Gate.InForce()
		f, ok := v.Statement.Field(loot.Field(d.ID))
		if !ok {
			return "", errors.New("it is missing")
		}
		taken, left := 0, 0
		for _, id := range f.Collections {
			decl, _ := v.Statement.Collection(id)
			for _, p := range v.Statement.Purposes() {
				_, needed := f.Needed[p.ID]
				needed = needed && slices.Contains(decl.Purposes, p.ID)
				subject := loot.NewSubject()
				err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
					if _, err := w.Gate.Decide(ctx, tx, gate.Request{
						Action: loot.Collect, Actor: loot.Actor{Kind: loot.Person, ID: string(subject)}, Desk: "proof", Purpose: p.ID,
						Subject: subject, Collection: id, Fields: []loot.Field{f.ID},
					}); err != nil {
						return err
					}
					return errUndone
				})
				_, refused := errors.AsType[*gate.Refusal](err)
				switch {
				case !refused && !errors.Is(err, errUndone):
					return "", err
				case refused && needed:
					return "", fmt.Errorf("it was refused for “%s”, which it is needed for: %w", p.Title, err)
				case !refused && !needed:
					return "", fmt.Errorf("it was taken for “%s”, which it is not needed for", p.Title)
				case refused:
					left++
				default:
					taken++
				}
			}
		}
		return fmt.Sprintf("taken for %s that it is needed for, refused for %s", loot.Plural(taken, "purpose", "purposes"), loot.Plural(left, "other", "others")), nil
	}
}

// givenAndTaken gives a permission and takes it back.
func givenAndTaken(d statement.Declaration) func(context.Context, *desk.World) (string, error) {
	return func(ctx context.Context, w *desk.World) (string, error) {
		v, _ := w.Gate.InForce()
		offer, ok := v.Statement.Offer(d.ID)
		if !ok {
			return "", errors.New("it is missing")
		}
		c, err := stage(ctx, w)
		if err != nil {
			return "", err
		}
		choice := gate.Choice{Subject: c.subject, Collection: customer, By: c.person(), Offer: d.ID}
		for _, step := range []struct {
			when string
			do   func(context.Context, *store.Tx, gate.Choice) error
			want bool
		}{{when: "at first"}, {"once given", w.Gate.Permit, true}, {"once taken back", w.Gate.Withdraw, false}} {
			var stands gate.PersonView
			if err := w.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
				if step.do != nil {
					if err := step.do(ctx, tx, choice); err != nil {
						return err
					}
				}
				stands, err = w.Gate.Person(ctx, tx, c.subject)
				return err
			}); err != nil {
				return "", err
			}
			if stands.Permits(offer) != step.want {
				return "", fmt.Errorf("%s, the permission stands: %v", step.when, !step.want)
			}
		}
		return "off at first, on once given, off once taken back", nil
	}
}

// ordered has a service ordered, and ended.
func ordered(d statement.Declaration) func(context.Context, *desk.World) (string, error) {
	return func(ctx context.Context, w *desk.World) (string, error) {
		v, _ := w.Gate.InForce()
		service, ok := v.Statement.Service(d.ID)
		if !ok {
			return "", errors.New("it is missing")
		}
		subject := loot.NewSubject()
		o := gate.Ordered{
			Subject: subject, Collection: customer, By: loot.Actor{Kind: loot.Person, ID: string(subject)}, Reference: loot.NewID("o"), Service: d.ID,
		}
		for _, step := range []struct {
			do   func(context.Context, *store.Tx, gate.Ordered) error
			runs bool
		}{{w.Gate.Order, true}, {w.Gate.EndOrder, false}} {
			var stands gate.PersonView
			if err := w.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
				if err := step.do(ctx, tx, o); err != nil {
					return err
				}
				stands, err = w.Gate.Person(ctx, tx, subject)
				return err
			}); err != nil {
				return "", err
			}
			for _, id := range service.Purposes {
				p, _ := v.Statement.Purpose(id)
				if p.Basis == "duty" {
					if !slices.Contains(stands.Duties, id) && p.Retain > 0 {
						return "", fmt.Errorf("the law's purpose “%s” is not kept", p.Title)
					}
					continue
				}
				if slices.Contains(stands.Ordered, id) != step.runs {
					return "", fmt.Errorf("“%s” is permitted: %v, and the service runs: %v", p.Title, !step.runs, step.runs)
				}
			}
		}
		return fmt.Sprintf("its %s permitted while it runs; once it ended, only what a law keeps", loot.Plural(len(service.Purposes), "purpose is", "purposes are")), nil
	}
}
