package statement

import (
	"iter"
	"slices"

	"github.com/cedar-policy/cedar-go"

	"loot"
)

// An Explanation says why an input is refused and what would be needed.
type Explanation struct {
	Clause       loot.Clause   `json:"clause"`            // that forbids it; if nothing does, the nearest that would permit it
	Title        string        `json:"title"`             // of Clause
	Needed       []string      `json:"needed"`            // in plain words
	Nearest      loot.Clause   `json:"nearest,omitempty"` // of the permit that comes nearest
	NearestTitle string        `json:"nearest_title,omitempty"`
	Others       []loot.Clause `json:"others,omitempty"`  // further clauses that forbid it
	Planned      bool          `json:"planned,omitempty"` // the nearest permit's clause is not in operation yet
	Fault        string        `json:"fault,omitempty"`   // for the log: the input could not be decided
}

// Explain says why the input is refused. For an input that is permitted it
// returns the zero Explanation.
func (s *Statement) Explain(in *Input) Explanation {
	w, err := s.build(in)
	if err != nil {
		return Explanation{Needed: []string{"The request is complete and speaks of what this statement knows."}, Fault: err.Error()}
	}
	v := s.decide(w, in)
	if v.Allowed {
		return Explanation{}
	}
	var e Explanation
	for _, id := range v.Rules {
		r := s.byID[cedar.PolicyID(id)]
		switch {
		case e.Clause == "":
			e.Clause, e.Title = r.Clause, s.titleOf(r.Clause)
		case r.Clause != e.Clause && !slices.Contains(e.Others, r.Clause):
			e.Others = append(e.Others, r.Clause)
		}
		e.Needed = append(e.Needed, s.lifts(r))
	}
	near := s.nearest(w, in)
	if near.rule != nil {
		e.Nearest, e.NearestTitle = near.rule.Clause, s.titleOf(near.rule.Clause)
		e.Needed = append(e.Needed, s.missing(near, w)...)
		if e.Clause == "" {
			e.Clause, e.Title = e.Nearest, e.NearestTitle
		}
		if near.rule.planned {
			e.Planned = true
			e.Needed = append(e.Needed, "“"+e.NearestTitle+"” is in operation; it is only planned so far")
		}
	}
	if len(v.Errors) > 0 {
		e.Fault = v.Errors[0]
	}
	e.Needed = distinct(e.Needed)
	return e
}

func distinct(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (s *Statement) titleOf(id loot.Clause) string {
	c, _ := s.Clause(id)
	return c.Title
}

// holds evaluates one policy by itself; an error counts as no.
func holds(p *cedar.Policy, w *world) bool {
	d, _ := cedar.Authorize(single{p}, w, w.request)
	return d == cedar.Allow
}

// single is a set of one policy.
type single struct{ policy *cedar.Policy }

// All yields the policy.
func (o single) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) { yield("", o.policy) }
}

// A near miss is a permit and the conditions of it that fail.
type miss struct {
	rule   *rule
	failed []int
	score  int
}

// nearest finds the permit of the action that misses by the least: its head
// matches if any permit's does, and the purpose weighs more than the rest,
// since it is what the request is about.
func (s *Statement) nearest(w *world, in *Input) miss {
	best := miss{score: 1 << 20}
	for _, r := range s.rules {
		if r.Forbid || !slices.Contains(r.actions, in.Action) {
			continue
		}
		m := miss{rule: r}
		if !slices.Contains(r.kinds, in.Actor.Kind) {
			m.score += 200
		} else if !holds(r.scope, w) {
			m.score += 100
		}
		if r.planned {
			m.score++
		}
		for i := range r.conds {
			if m.score >= best.score {
				break
			}
			c := &r.conds[i]
			if holds(c.policy, w) == c.unless {
				m.failed = append(m.failed, i)
				m.score += 2
				if c.purpose {
					m.score += 4
				}
			}
		}
		if m.score < best.score {
			best = m
		}
	}
	return best
}

// missing puts the failed conditions of a permit into words.
func (s *Statement) missing(m miss, w *world) []string {
	var out []string
	if !holds(m.rule.scope, w) {
		out = append(out, s.headNeeds(m.rule))
	}
	for _, i := range m.failed {
		c := &m.rule.conds[i]
		if c.needs != "" {
			out = append(out, c.needs)
			continue
		}
		for _, p := range c.parts {
			if holds(p.policy, w) == c.unless {
				out = append(out, s.phrase(p.body, !c.unless))
				if !c.unless {
					break // what follows in a chain may be guarded by this
				}
			}
		}
	}
	return out
}

// lifts says what would keep a forbid from applying: any one of these.
func (s *Statement) lifts(r *rule) string {
	var out []string
	for i := range r.conds {
		if c := &r.conds[i]; c.needs != "" {
			out = append(out, c.needs)
		}
	}
	if len(out) == 0 {
		for i := range r.conds {
			if c := &r.conds[i]; c.unless {
				out = append(out, s.phrase(c.body, true))
			}
		}
	}
	if len(out) == 0 {
		for i := range r.conds {
			out = append(out, s.phrase(r.conds[i].body, false))
		}
	}
	if len(out) == 0 {
		return "nothing helps: it is forbidden altogether"
	}
	return clauses(out, "or")
}
