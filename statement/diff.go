package statement

import (
	"cmp"
	"html"
	"regexp"
	"slices"
	"strings"
	"time"

	"loot"
)

// A Change is one difference between two versions of a statement, in words and
// no more than what differs.
type Change struct {
	Kind       string      `json:"kind"` // "front", "text", "rule" or "declaration"
	Clause     loot.Clause `json:"clause,omitempty"`
	What       string      `json:"what"`             // such as the clause's title, the rule in words, "purpose invoice"
	Title      string      `json:"title"`            // the same for a reader, such as "Purpose “Writing invoices”"
	Before     string      `json:"before,omitempty"` // one thing a line; empty: nothing that is not there any longer
	After      string      `json:"after,omitempty"`  // one thing a line; empty: nothing new
	State      string      `json:"state"`            // "added", "removed" or "changed"
	BeforeCode string      `json:"before_code,omitempty"`
	AfterCode  string      `json:"after_code,omitempty"` // of a rule
}

// Diff returns what changes from one version to another, in the order of the
// later one; what was removed comes last of its kind.
func Diff(before, after *Statement) []Change {
	var out []Change
	out = append(out, diffPairs("front", frontPairs(before), frontPairs(after))...)
	out = append(out, diffPairs("text", textPairs(before), textPairs(after))...)
	out = append(out, diffPairs("declaration", declarationPairs(before), declarationPairs(after))...)
	return append(out, diffRules(before, after)...)
}

// A pair is something with a name that two versions may have differently.
type pair struct {
	key, what string
	title     string // empty: what
	clause    loot.Clause
	lines     []line
}

func (p pair) titled() string { return cmp.Or(p.title, p.what) }

// A line is one thing that is said of something. Lines are the same if their
// keys are and differ if what they compare by does.
type line struct{ key, same, text string }

func diffPairs(kind string, before, after []pair) []Change {
	var out []Change
	for _, a := range after {
		i := slices.IndexFunc(before, func(b pair) bool { return b.key == a.key })
		if i < 0 {
			out = append(out, Change{Kind: kind, Clause: a.clause, What: a.what, Title: a.titled(), State: "added", After: textOf(a.lines)})
			continue
		}
		was, becomes := diffLines(before[i].lines, a.lines)
		if len(was)+len(becomes) > 0 {
			out = append(out, Change{Kind: kind, Clause: a.clause, What: a.what, Title: a.titled(), State: "changed", Before: textOf(was), After: textOf(becomes)})
		}
	}
	for _, b := range before {
		if !slices.ContainsFunc(after, func(a pair) bool { return a.key == b.key }) {
			out = append(out, Change{Kind: kind, Clause: b.clause, What: b.what, Title: b.titled(), State: "removed", Before: textOf(b.lines)})
		}
	}
	return out
}

// diffLines returns the lines of each side that the other has not as they are.
func diffLines(before, after []line) (was, becomes []line) {
	lacks := func(in []line) func(line) bool {
		return func(l line) bool {
			return slices.ContainsFunc(in, func(o line) bool { return o.key == l.key && o.same == l.same })
		}
	}
	return slices.DeleteFunc(slices.Clone(before), lacks(after)), slices.DeleteFunc(slices.Clone(after), lacks(before))
}

func textOf(lines []line) string {
	var out []string
	for _, l := range lines {
		if l.text != "" {
			out = append(out, l.text)
		}
	}
	return strings.Join(out, "\n")
}

// labelled is a line that begins with what it is about. Nothing is no line.
func labelled(label, text string) line {
	if text == "" {
		return line{key: label}
	}
	return line{label, text, label + ": " + text}
}

func frontPairs(s *Statement) []pair {
	f := s.Front()
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format("2 January 2006")
	}
	return []pair{{key: "front", what: "Front matter", title: "The statement as a whole", lines: []line{
		labelled("Version", f.Version), labelled("Title", f.Title),
		labelled("Who answers for it", f.Controller.Name), labelled("Address", f.Controller.Address), labelled("E-mail", f.Controller.Email),
		labelled("Questions", f.Contact), labelled("Key of the ledger", f.LogKey),
		labelled("Effective", day(f.Effective)), labelled("Last changed", day(f.Changed)),
		labelled("Notice before a change", loot.Plural(f.NoticeDays, "day", "days")),
		labelled("Nothing can be recovered after erasure and", loot.Plural(f.KeyDays, "day", "days")),
		labelled("Regions", titles(regionTitles(f.Regions), "and")),
		labelled("Links to other sites", linkWords[f.Links]),
	}}}
}

var linkWords = map[string]string{"": "lead there at once", "direct": "lead there at once", "notice": "lead over a notice that says where they lead"}

// paragraphs are compared by themselves, so that one that only moved on by a
// line is no change.
func paragraphs(text string) []line {
	var out []line
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.Join(strings.Fields(p), " "); p != "" {
			out = append(out, line{"", p, p})
		}
	}
	return out
}

var markup = regexp.MustCompile(`<[^>]*>`)

// unrendered returns rendered prose as text.
func unrendered(rendered string) string {
	return html.UnescapeString(markup.ReplaceAllString(strings.ReplaceAll(rendered, "</p>", "\n\n"), ""))
}

func textPairs(s *Statement) []pair {
	out := []pair{{key: "", what: "Introduction", lines: paragraphs(unrendered(s.Intro()))}}
	for _, c := range s.Chapters() {
		out = append(out, pair{key: "chapter " + c.Title, what: "Chapter “" + c.Title + "”", lines: paragraphs(unrendered(c.Intro))})
	}
	for _, c := range s.Clauses() {
		state, rule := "In force", ""
		if c.Planned {
			state = "Planned: what carries it out is still to come"
		}
		if c.NoRule != "" {
			rule = "No rule runs: " + c.NoRule
		}
		out = append(out, pair{key: "clause " + string(c.ID), what: c.Title, clause: c.ID, lines: append([]line{
			labelled("Title", c.Title), labelled("Chapter", c.Chapter), {"state", state, state}, {"rule", rule, rule},
		}, paragraphs(c.Prose)...)})
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
		c := Change{Kind: "rule", Clause: r.Clause, What: r.Words, Title: titleOf(after, r.Clause), State: "added", After: r.Words, AfterCode: r.Text}
		if i := slices.IndexFunc(gone, func(o *rule) bool { return o.Clause == r.Clause && o.Forbid == r.Forbid }); i >= 0 {
			c.State, c.Before, c.BeforeCode = "changed", gone[i].Words, gone[i].Text
			gone = slices.Delete(gone, i, i+1)
		}
		out = append(out, c)
	}
	for _, r := range gone {
		out = append(out, Change{Kind: "rule", Clause: r.Clause, What: r.Words, Title: titleOf(before, r.Clause), State: "removed", Before: r.Words, BeforeCode: r.Text})
	}
	return out
}

func titleOf(s *Statement, id loot.Clause) string {
	c, _ := s.Clause(id)
	return c.Title
}

func leftOver(of, without []*rule) []*rule {
	return slices.DeleteFunc(slices.Clone(of), func(r *rule) bool {
		return slices.ContainsFunc(without, func(o *rule) bool { return o.Clause == r.Clause && runs(o) == runs(r) })
	})
}

var needsLine = regexp.MustCompile(`(?m)^@needs.*\n`)

// runs returns the text of a rule. Of one that comes from declarations, the
// words for a refusal repeat titles, and a new title alone is told with its
// declaration.
func runs(r *rule) string {
	if r.Generated {
		return needsLine.ReplaceAllString(r.Text, "")
	}
	return r.Text
}

func declarationPairs(s *Statement) []pair {
	var out []pair
	for _, d := range s.Declarations() {
		if r, ok := s.row(d.Table, d.ID); ok {
			out = append(out, pair{key: r.Anchor, what: singular[d.Table] + " " + d.ID, title: tableTitles[d.Table][1] + " “" + r.Title + "”", clause: d.Clause, lines: r.lines()})
		}
	}
	return out
}

// lines is what a row says by itself. What it mentions is compared by its id,
// so that a purpose with a new title does not change all that speak of it.
func (r Row) lines() []line {
	out := []line{labelled("Name", r.Title), {"text", r.Text, r.Text}}
	for _, c := range slices.Concat(r.Cells, r.fine) {
		if c.derived {
			continue
		}
		var names, ids []string
		explained := false
		for _, m := range c.Of {
			id := m.anchor
			if id == "" {
				id = m.Title
			}
			if m.Why != "" {
				explained = true
				out = append(out, line{c.Label + " " + id, m.Why, c.Label + " “" + m.Title + "”: " + m.Why})
			}
			names, ids = append(names, m.Title), append(ids, id)
		}
		switch {
		case explained, c.Empty():
		case c.Folded() || len(names) > 0 && c.Text == "":
			out = append(out, line{c.Label, strings.Join(ids, " "), c.Label + ": " + titles(names, "and")})
		case len(names) > 0:
			out = append(out, line{c.Label, c.Text + strings.Join(ids, " "), c.Label + ": " + c.Text + " " + titles(names, "and")})
		default:
			out = append(out, labelled(c.Label, c.Text))
		}
	}
	return out
}

// A Replay is what deciding recorded decisions again under two versions found.
type Replay struct {
	Tried   int            `json:"tried"`
	Changed []ReplayChange `json:"changed"` // most frequent first
}

// Differ returns how many decisions come out differently.
func (r Replay) Differ() int {
	n := 0
	for _, c := range r.Changed {
		n += c.Times
	}
	return n
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
