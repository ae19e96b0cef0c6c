package statement

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"loot"
)

// A Change is one difference between two versions of a statement.
type Change struct {
	Kind   string      `json:"kind"` // "front", "text", "rule" or "declaration"
	Clause loot.Clause `json:"clause,omitempty"`
	What   string      `json:"what"`             // such as the clause's title, the rule's id, "purpose invoice"
	Before string      `json:"before,omitempty"` // empty: added
	After  string      `json:"after,omitempty"`  // empty: removed
}

// Diff returns what changes from one version to another, in the order of the
// later one; what was removed comes last of its kind.
func Diff(before, after *Statement) []Change {
	var out []Change
	out = append(out, diffPairs("front", frontPairs(before), frontPairs(after))...)
	out = append(out, diffPairs("text", textPairs(before), textPairs(after))...)
	out = append(out, diffRules(before, after)...)
	return append(out, diffPairs("declaration", declarationPairs(before), declarationPairs(after))...)
}

// A pair is something with a name that two versions may have differently.
type pair struct {
	key, what, text string
	clause          loot.Clause
}

func diffPairs(kind string, before, after []pair) []Change {
	var out []Change
	for _, a := range after {
		i := slices.IndexFunc(before, func(b pair) bool { return b.key == a.key })
		switch {
		case i < 0:
			out = append(out, Change{Kind: kind, Clause: a.clause, What: a.what, After: a.text})
		case before[i].text != a.text:
			out = append(out, Change{Kind: kind, Clause: a.clause, What: a.what, Before: before[i].text, After: a.text})
		}
	}
	for _, b := range before {
		if !slices.ContainsFunc(after, func(a pair) bool { return a.key == b.key }) {
			out = append(out, Change{Kind: kind, Clause: b.clause, What: b.what, Before: b.text})
		}
	}
	return out
}

func frontPairs(s *Statement) []pair {
	return []pair{{key: "front", what: "Front matter", text: readable(s.Front())}}
}

func textPairs(s *Statement) []pair {
	out := []pair{{key: "", what: "Introduction", text: s.Intro()}}
	for _, c := range s.Clauses() {
		text := c.Title + "\n\n" + c.Prose
		if c.Planned {
			text += "\n\n(planned)"
		}
		if c.NoRule != "" {
			text += "\n\n(no rule: " + c.NoRule + ")"
		}
		out = append(out, pair{key: string(c.ID), what: c.Title, text: text, clause: c.ID})
	}
	return out
}

// diffRules tells rules apart by their clause and text, so that a rule that
// only moved up when another was removed is no change. What is left of a
// clause on both sides is paired in order: those rules were rewritten.
func diffRules(before, after *Statement) []Change {
	var out []Change
	gone := leftOver(before.rules, after.rules)
	for _, r := range leftOver(after.rules, before.rules) {
		c := Change{Kind: "rule", Clause: r.Clause, What: r.Words, After: r.Text}
		if i := slices.IndexFunc(gone, func(o *rule) bool { return o.Clause == r.Clause && o.Forbid == r.Forbid }); i >= 0 {
			c.Before = gone[i].Text
			gone = slices.Delete(gone, i, i+1)
		}
		out = append(out, c)
	}
	for _, r := range gone {
		out = append(out, Change{Kind: "rule", Clause: r.Clause, What: r.Words, Before: r.Text})
	}
	return out
}

func leftOver(of, without []*rule) []*rule {
	return slices.DeleteFunc(slices.Clone(of), func(r *rule) bool {
		return slices.ContainsFunc(without, func(o *rule) bool { return o.Clause == r.Clause && o.Text == r.Text })
	})
}

func declarationPairs(s *Statement) []pair {
	var out []pair
	for _, v := range s.Purposes() {
		out = append(out, pair{"purpose " + string(v.ID), "purpose " + string(v.ID), readable(v), v.Clause})
	}
	for _, v := range s.Levels() {
		out = append(out, declared("level", strconv.Itoa(v.Level), v))
	}
	for _, v := range s.Categories() {
		out = append(out, declared("category", string(v.ID), v))
	}
	for _, v := range s.Collections() {
		out = append(out, declared("collection", string(v.ID), v))
	}
	for _, v := range s.AllFields() {
		out = append(out, declared("field", string(v.ID), v))
	}
	for _, v := range s.Offers() {
		out = append(out, declared("permission", v.ID, v))
	}
	for _, v := range s.Recipients() {
		out = append(out, declared("recipient", v.Key, v))
	}
	for _, v := range s.Roles() {
		out = append(out, declared("role", string(v.ID), v))
	}
	for _, v := range s.Desks() {
		out = append(out, declared("desk", v.Name, v))
	}
	for _, v := range s.Services() {
		out = append(out, declared("service", v.ID, v))
	}
	for _, v := range s.Topics() {
		out = append(out, declared("topic", v.ID, v))
	}
	for _, v := range s.Senders() {
		out = append(out, declared("sender", v.Key, v))
	}
	for _, v := range s.Items() {
		out = append(out, declared("item", v.ID, v))
	}
	for _, v := range s.Tags() {
		out = append(out, declared("tag", v.ID, v))
	}
	for _, v := range s.Signals() {
		out = append(out, declared("signal", v.ID, v))
	}
	return out
}

func declared(table, id string, v any) pair {
	return pair{key: table + " " + id, what: table + " " + id, text: readable(v)}
}

func readable(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("statement: a declaration does not encode: %v", err)) // plain values do
	}
	return string(b)
}

// A Replay is what deciding recorded decisions again under two versions found.
type Replay struct {
	Tried   int            `json:"tried"`
	Changed []ReplayChange `json:"changed"` // most frequent first
}

// A ReplayChange is a kind of decision that comes out differently.
type ReplayChange struct {
	Action  loot.Action    `json:"action"`
	Actor   loot.ActorKind `json:"actor"`
	Purpose loot.Purpose   `json:"purpose,omitempty"`
	Before  bool           `json:"before"` // permitted
	After   bool           `json:"after"`
	Clauses []loot.Clause  `json:"clauses,omitempty"` // that decide it under the later version
	Times   int            `json:"times"`
}

// decideAgain decides an input that was recorded under another version. How
// confidential the data is, is what this version says of its category.
func (s *Statement) decideAgain(in Input) Verdict {
	if c, ok := s.Category(in.Record.Category); ok {
		in.Record.Level = c.Level
	}
	return s.Decide(&in)
}

// ReplayInputs decides each input under both versions and returns those that
// come out differently, those alike counted together.
func ReplayInputs(before, after *Statement, ins []Input) Replay {
	r := Replay{Tried: len(ins), Changed: []ReplayChange{}}
	for i := range ins {
		was, will := before.decideAgain(ins[i]), after.decideAgain(ins[i])
		if was.Allowed == will.Allowed {
			continue
		}
		c := ReplayChange{Action: ins[i].Action, Actor: ins[i].Actor.Kind, Purpose: ins[i].Context.Purpose, Before: was.Allowed, After: will.Allowed, Clauses: will.Clauses, Times: 1}
		at := slices.IndexFunc(r.Changed, func(o ReplayChange) bool {
			return o.Action == c.Action && o.Actor == c.Actor && o.Purpose == c.Purpose && o.Before == c.Before && slices.Equal(o.Clauses, c.Clauses)
		})
		if at < 0 {
			r.Changed = append(r.Changed, c)
			continue
		}
		r.Changed[at].Times++
	}
	slices.SortStableFunc(r.Changed, func(a, b ReplayChange) int { return cmp.Compare(b.Times, a.Times) })
	return r
}
