package statement

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"loot"
)

// Check reports what a sound statement should not leave open: a promise without
// a rule, a declaration that nothing uses, a rule that cannot apply, a purpose
// without an end, and, if keepers are given, a promise in force that no part of
// the program keeps. Parse has already refused what is wrong by itself.
func (s *Statement) Check(keepers []loot.Clause) Problems {
	rep := &reporter{file: s.parsed.file}
	s.checkFront(rep)
	s.checkClauses(rep, keepers, nil)
	s.checkLinks(rep)
	s.checkDeclarations(rep)
	full := s // with the planned clauses in force as well
	if slices.ContainsFunc(s.clauses, func(c Clause) bool { return c.Planned }) {
		var err error
		if full, err = s.recompile(without{inForce: true}); err != nil {
			full = s // cannot be: s itself compiled
		}
		full.found = s.found
	}
	s.checkRules(rep, full, (*Statement).witness)
	full.checkRegister(rep)
	return rep.problems.sorted()
}

// checkRest checks what could be read of a statement with problems. What may
// only follow from them is not reported: rules and declarations that are wrong
// are taken to say and to use what they may have been meant to.
func (s *Statement) checkRest(rep *reporter, keepers []loot.Clause) {
	wrong := map[loot.Clause]bool{"": true} // its id could not be read
	for _, p := range rep.problems {
		wrong[p.Clause] = true
	}
	s.checkFront(rep)
	s.checkClauses(rep, keepers, wrong)
	s.checkDeclarations(rep)
	if !s.sure {
		return
	}
	s.checkLinks(rep)
	full := compile(&reporter{}, s.parsed, without{inForce: true})
	full.found = s.found
	s.checkRules(rep, full, (*Statement).possible)
}

// possible is witness where rules are missing. Without them a permit decides
// the more, and a forbid can only be asked whether it matches anything at all.
func (s *Statement) possible(r *rule) (*Input, bool) {
	if !r.Forbid {
		return s.witness(r)
	}
	permit := *r
	permit.Forbid = false
	alone := &Statement{
		parsed: s.parsed, d: s.d, vocab: s.vocab, parents: s.parents, cases: s.cases, found: &sync.Map{},
		rules: []*rule{&permit}, byID: map[types.PolicyID]*rule{r.key: &permit}, index: map[slot][]*rule{},
	}
	for _, at := range alone.slots(&permit) {
		alone.index[at] = []*rule{&permit}
	}
	return alone.search(&permit)
}

// checkFront reports dates that contradict each other.
func (s *Statement) checkFront(rep *reporter) {
	if f := s.parsed.front; f.Changed.After(f.Effective) {
		rep.add(s.parsed.frontAt["changed"], "The statement was changed on %s, after it takes effect (%s): one of the two dates is wrong.", f.Changed.Format(time.DateOnly), f.Effective.Format(time.DateOnly))
	}
}

// checkClauses checks every clause; what is wrong with one may be why it has no
// rule or no words.
func (s *Statement) checkClauses(rep *reporter, keepers []loot.Clause, wrong map[loot.Clause]bool) {
	for _, c := range s.clauses {
		at := place{line: c.Line, col: 1, clause: c.ID}
		declares := !s.sure && slices.ContainsFunc(s.parsed.entries, func(e entry) bool { return e.at.clause == c.ID })
		if len(c.Rules) == 0 && c.NoRule == "" && !wrong[c.ID] && !declares {
			rep.add(at, "The clause has no rule; write one, or say with norule why it needs none.")
		}
		if c.Prose == "" && !wrong[c.ID] {
			rep.add(at, "The clause has rules and says nothing to a reader.")
		}
		if keepers != nil && !c.Planned && c.ID != "" && !s.parsed.unclear[c.ID] && !slices.Contains(keepers, c.ID) {
			rep.add(at, "The clause is in force, but no part of the program keeps it: add status: planned, or the part.")
		}
	}
}

var linkWithin = regexp.MustCompile(`href="#([^"]*)"`)

// checkLinks reports links within the statement that lead to no clause, no
// table and no declaration.
func (s *Statement) checkLinks(rep *reporter) {
	there := map[string]bool{}
	for _, c := range s.clauses {
		there[string(c.ID)] = true
		for _, part := range s.Parts(c.ID, "") {
			for _, t := range part.Tables {
				there[t.Anchor] = true
				for _, r := range t.Rows {
					there[r.Anchor] = true
				}
			}
		}
	}
	said := map[string]bool{}
	look := func(rendered string, clause loot.Clause) {
		for _, m := range linkWithin.FindAllStringSubmatch(rendered, -1) {
			if there[m[1]] || said[m[1]] {
				continue
			}
			said[m[1]] = true
			before, _, _ := bytes.Cut(s.parsed.src, []byte("](#"+m[1]+")"))
			rep.add(place{line: bytes.Count(before, []byte("\n")) + 1, col: 1, clause: clause}, "The link to #%s leads nowhere%s.", m[1], suggest(m[1], slices.Sorted(maps.Keys(there))))
		}
	}
	look(s.Intro(), "")
	for _, c := range s.parsed.doc.chapters {
		look(c.Intro, "")
	}
	for _, c := range s.clauses {
		look(c.HTML, c.ID)
	}
}

func (s *Statement) checkDeclarations(rep *reporter) {
	used := map[string]bool{}
	for _, e := range s.parsed.entries {
		if e.table == "checks" {
			continue // to look again is no use of a category
		}
		for _, m := range e.mentions {
			used[m.table+" "+m.name] = true
		}
	}
	for _, r := range s.rules {
		if r.Generated {
			continue // made from the declarations, so it uses nothing by itself
		}
		for _, l := range r.literal {
			used[l.table+" "+l.name] = true
		}
	}
	unused := s.unused(used)
	for _, e := range s.parsed.entries {
		if e.node == nil {
			continue // it is wrong, which is said already
		}
		switch e.table {
		case "purposes":
			if unused(e) {
				rep.add(e.at, "The purpose %s is not used by any field, service, role, desk, item or rule.", e.id)
			}
			if !hasKey(e, "retain") {
				rep.add(e.at, "The purpose %s does not say how long data is kept for it (retain).", e.id)
			}
			s.checkTerm(rep, e, "dpv", "purposes")
		case "collections":
			s.checkTerm(rep, e, "subject", "data subjects")
		case "categories":
			s.checkTerm(rep, e, "dpv", "kinds of data")
			if unused(e) {
				rep.add(e.at, "No field and no rule is of the category %s.", e.id)
			}
		case "fields":
			f, _ := s.Field(loot.Field(e.id))
			if len(f.Needed) == 0 {
				rep.add(e.at, "The field %s is needed for nothing; name a purpose and what cannot be done without it.", e.id)
			}
		}
	}
}

// unused returns a function that reports whether nothing uses an entry, not
// even a text that could not be read or a name that was not found.
func (s *Statement) unused(used map[string]bool) func(entry) bool {
	var doubts []string
	for _, text := range slices.Concat(s.parsed.doubts, s.faulty) {
		doubts = append(doubts, nameWithin.FindAllString(text, -1)...)
	}
	for _, e := range s.parsed.entries {
		for _, m := range e.mentions {
			if !s.d.names[m.table][m.name] {
				doubts = append(doubts, m.name)
			}
		}
	}
	slices.Sort(doubts)
	doubts = slices.Compact(doubts)
	blind := s.parsed.doc.unsure || len(doubts)*len(s.parsed.entries) > maxDoubts
	return func(e entry) bool {
		return !blind && !used[e.table+" "+e.id] &&
			!slices.ContainsFunc(doubts, func(word string) bool { return Nearest(word, []string{e.id}) != "" })
	}
}

// maxDoubts bounds how many names are compared, so that a hostile file costs
// little.
const maxDoubts = 1 << 20

var nameWithin = regexp.MustCompile(`[A-Za-z0-9.-]+`)

// checkTerm reports a term that the vocabulary does not have.
func (s *Statement) checkTerm(rep *reporter, e entry, key, group string) {
	for i := 0; i+1 < len(e.node.Content); i += 2 {
		if k, v := e.node.Content[i], e.node.Content[i+1]; k.Value == key {
			if wrong := unknownTerm(v.Value, group); wrong != "" {
				rep.add(place{line: v.Line, col: v.Column, clause: e.at.clause}, "%s", wrong)
			}
		}
	}
}

func hasKey(e entry, key string) bool {
	for i := 0; i+1 < len(e.node.Content); i += 2 {
		if e.node.Content[i].Value == key {
			return true
		}
	}
	return false
}

// checkRules looks for a request that each rule decides. A rule without one
// says nothing that its neighbours do not say already, or cannot apply at all.
func (s *Statement) checkRules(rep *reporter, full *Statement, decides func(*Statement, *rule) (*Input, bool)) {
	idle := make([]bool, len(s.rules))
	var next atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(s.rules) {
					return
				}
				r := s.rules[i]
				if !r.planned {
					if _, ok := decides(s, r); ok {
						continue
					}
				}
				ok := false
				if full != s {
					_, ok = decides(full, full.byID[r.key])
				}
				idle[i] = !ok
			}
		})
	}
	wait.Wait()
	for i, r := range s.rules {
		if idle[i] {
			rep.add(place{line: r.Line, col: r.Col, clause: r.Clause}, "%s", full.idle(full.byID[r.key]))
		}
	}
}

// idle says why a rule without a witness may be idle.
func (s *Statement) idle(r *rule) string {
	what := fmt.Sprintf("No request was found that the rule %s decides", r.ID)
	if r.Generated {
		what += ", which comes from " + strings.Join(r.decls, ", ")
	}
	if twin, ok := lookup(s.rules, func(o *rule) bool { return o != r && o.Forbid == r.Forbid && o.Words == r.Words }); ok {
		return what + fmt.Sprintf(": the rule %s says the same.", twin.ID)
	}
	switch {
	case len(r.actions) == 0 || len(r.kinds) == 0:
		return what + ": nobody who passes its head can do what it speaks of."
	case r.Forbid && len(s.ways(r)) == 0 && len(s.faulty)+len(s.parsed.doubts) == 0:
		return what + ": nothing permits what it forbids."
	case r.Forbid:
		return what + ": its conditions never hold, or other rules forbid all of it already."
	default:
		return what + ": its conditions never hold, or other rules permit or forbid all of it already."
	}
}

// checkRegister looks for an item or a tag that stands in no register and is
// permitted all the same. Whoever declares a register means it to be complete.
func (s *Statement) checkRegister(rep *reporter) {
	for _, a := range []loot.Action{loot.Store, loot.Load} {
		if slices.ContainsFunc(s.index[slot{action: a, kind: loot.Visitor}], (*rule).closesRegister) {
			continue // nothing to look for
		}
		for _, r := range s.index[slot{action: a, kind: loot.Visitor}] {
			if r.Forbid {
				continue
			}
			if _, ok := s.undeclaredPasses(r, a); ok {
				rep.add(place{line: r.Line, col: r.Col, clause: r.Clause}, "The rule %s permits what stands in no register; forbid it unless resource.declared.", r.ID)
			}
		}
	}
}

// closesRegister reports whether the rule forbids whatever stands in no
// register and has no other condition.
func (r *rule) closesRegister() bool {
	if !r.Forbid || len(r.conds) != 1 || !r.conds[0].unless {
		return false
	}
	_, anyone := r.ast.Principal.(ast.ScopeTypeAll)
	_, visitor := r.ast.Principal.(ast.ScopeTypeIs) // the slot is the visitor's
	_, anything := r.ast.Resource.(ast.ScopeTypeAll)
	return (anyone || visitor) && anything && pathOf(r.conds[0].body) == "resource.declared"
}
