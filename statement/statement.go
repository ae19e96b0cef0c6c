// Package statement reads a privacy statement, which is a document for people
// and in the same file the rules that the server obeys. It checks the whole of
// it, compiles it to a value that never changes, and decides by it; it opens no
// file and no connection, and whatever it does not understand it refuses.
package statement

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"go.yaml.in/yaml/v4"

	"loot"
)

// A Statement is one version of a privacy statement, compiled. It never changes
// (what it has built last it keeps, which nobody can see) and is safe for
// concurrent use.
type Statement struct {
	parsed  *parsed
	hash    string
	d       *declarations
	vocab   *vocabulary
	parents map[loot.Collection]types.EntityUIDSet
	clauses []Clause
	rules   []*rule
	sure    bool     // nothing is missing among the declarations
	faulty  []string // texts of rules that are wrong
	byID    map[types.PolicyID]*rule
	index   map[slot][]*rule
	cases   []string  // kinds of case that rules speak of
	found   *sync.Map // a rule's clause and text to the *Input that it was seen to decide

	records memo[Record, *Record]
	persons memo[Person, *Person]
	actors  memo[Actor, *Actor]
	items   memo[Item, *Item]
}

// A slot is what rules are indexed by, so that a rule whose head cannot match
// is not asked at all. Only requests about a record have a collection.
type slot struct {
	action     loot.Action
	kind       loot.ActorKind
	collection loot.Collection
}

// slotOf returns the slot of an input.
func slotOf(in *Input) slot {
	at := slot{action: in.Action, kind: in.Actor.Kind}
	if aboutRecord(in.Action) {
		at.collection = in.Record.Collection
	}
	return at
}

func aboutRecord(a loot.Action) bool { return a != loot.Contact && a != loot.Store && a != loot.Load }

// parsed is what stands in the file, before anything is left out or generated.
type parsed struct {
	file    string
	src     []byte
	front   Front
	doc     *document
	entries []entry
	planned map[loot.Clause]bool
	norule  map[loot.Clause]string
	written map[loot.Clause][]writtenRule
	frontAt map[string]place
	sure    bool                 // every declaration could be read
	unclear map[loot.Clause]bool // what stands in it may not have been read
	doubts  []string             // texts that could not be read: whatever they name may be used
}

type writtenRule struct {
	piece
	ast *ast.Policy
}

// without says what a compilation leaves out, for mutation.
type without struct {
	rule         string
	table, entry string
	key          string // of the entry; empty: all of it
	inForce      bool   // planned clauses count as in force
}

// entries returns those that a compilation does not leave out.
func (w without) entries(all []entry) []entry {
	if w.entry == "" {
		return all
	}
	is := func(e entry) bool { return e.table == w.table && e.id == w.entry }
	out := slices.Clone(all)
	if w.key == "" {
		return slices.DeleteFunc(out, is)
	}
	i := slices.IndexFunc(out, is)
	if i < 0 {
		return out
	}
	node := *out[i].node
	node.Content = nil
	for pair := range slices.Chunk(out[i].node.Content, 2) {
		if pair[0].Value != w.key {
			node.Content = append(node.Content, pair...)
		}
	}
	out[i].node = &node
	return out
}

// Parse reads a statement. Either all of it is sound, or the error is
// [Problems] with everything that is wrong, and no statement is returned.
func Parse(name string, src []byte) (s *Statement, err error) {
	// A library that gives up on a hostile file must not take the server with it.
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, confused(name)
		}
	}()
	return parse(name, src)
}

// Read reads a statement and checks it, so that whoever wrote it is told all
// that is wrong with it at once: what [Parse] refuses, and of the rest what
// [Statement.Check] reports and what does not only follow from it. What is
// known from another version makes it quick; nil: none is. The statement is nil
// if Parse refuses it.
func Read(name string, src []byte, keepers []loot.Clause, known *Statement) (s *Statement, problems Problems) {
	defer func() {
		if p := recover(); p != nil {
			s, problems = nil, confused(name)
		}
	}()
	return readAll(name, src, keepers, known)
}

func confused(name string) Problems {
	return Problems{{File: name, Line: 1, Col: 1, Text: "The statement cannot be read: it confuses the parser."}}
}

func readAll(name string, src []byte, keepers []loot.Clause, known *Statement) (*Statement, Problems) {
	rep := &reporter{file: name}
	s := readWhole(rep, src)
	if s != nil && known != nil {
		s.Learn(known)
	}
	switch {
	case s == nil:
		return nil, rep.problems.sorted()
	case len(rep.problems) == 0:
		return s, s.Check(keepers)
	default:
		s.checkRest(rep, keepers)
		return nil, rep.problems.sorted()
	}
}

func parse(name string, src []byte) (*Statement, error) {
	rep := &reporter{file: name}
	s := readWhole(rep, src)
	if len(rep.problems) > 0 {
		return nil, rep.problems.sorted()
	}
	return s, nil
}

// readWhole makes a statement of a file, of one with problems as much as could
// be read; nil: nothing.
func readWhole(rep *reporter, src []byte) *Statement {
	p := read(rep, src)
	if len(rep.problems) > 0 && p.doc == nil {
		return nil
	}
	return compile(rep, p, without{})
}

// read takes the file apart: front matter, clauses, declarations, rules.
func read(rep *reporter, src []byte) *parsed {
	p := &parsed{
		file: rep.file, src: bytes.Clone(src),
		planned: map[loot.Clause]bool{}, norule: map[loot.Clause]string{}, written: map[loot.Clause][]writtenRule{},
		frontAt: map[string]place{}, unclear: map[loot.Clause]bool{},
	}
	text, ok := plain(rep, src)
	if !ok {
		return p
	}
	p.doc = readMarkdown(rep, text)
	y, rulesRep, prose := &yamlReader{reporter: rep}, &reporter{file: rep.file}, len(rep.problems)
	defer func() {
		p.sure = !p.doc.unsure && len(rep.problems) == prose
		for _, wrong := range rep.problems {
			p.unclear[wrong.Clause] = true
		}
		rep.problems = append(rep.problems, rulesRep.problems...)
	}()
	p.readFront(y)
	rules := 0
	for _, sec := range p.doc.sections {
		said, before := map[string]bool{}, len(p.written[sec.id])
		for _, b := range sec.blocks {
			if b.lang == "yaml" {
				p.readYAML(y, b, sec.id, said)
				continue
			}
			pieces := splitRules(b)
			if rules += len(pieces); rules > maxRules {
				rep.add(place{line: b.line, col: 1, clause: sec.id}, "The statement has more than %d rules.", maxRules)
				return p
			}
			if len(pieces) == 0 {
				rep.add(place{line: b.line, col: 1, clause: sec.id}, "The block holds no rule.")
			}
			for _, pc := range pieces {
				if policy := parseRule(rulesRep, pc, sec.id); policy != nil {
					p.written[sec.id] = append(p.written[sec.id], writtenRule{pc, policy})
				} else {
					p.doubts = append(p.doubts, pc.text)
				}
			}
		}
		if said["norule"] && len(p.written[sec.id]) > before {
			rep.add(place{line: sec.line, col: 1, clause: sec.id}, "The clause says norule and has a rule.")
		}
	}
	return p
}

// plain refuses text that reads differently to a person and to a program, and
// returns it with \n line ends.
func plain(rep *reporter, src []byte) ([]byte, bool) {
	switch {
	case len(src) > maxSource:
		rep.add(place{}, "The statement is larger than %d bytes.", maxSource)
		return nil, false
	case len(bytes.TrimSpace(src)) == 0:
		rep.add(place{}, "The statement is empty.")
		return nil, false
	case !utf8.Valid(src):
		line := 0
		lines := strings.Split(string(src), "\n")
		for utf8.ValidString(lines[line]) {
			line++
		}
		rep.add(place{line: line + 1, clause: clausesOf(lines)[line]}, "The text is not UTF-8.")
		return nil, false
	}
	text := bytes.ReplaceAll(bytes.TrimPrefix(src, []byte("\uFEFF")), []byte("\r\n"), []byte("\n"))
	line, col := 1, 1
	var within []loot.Clause
	for _, r := range string(text) {
		if hidden(r) {
			if within == nil {
				within = clausesOf(strings.Split(string(text), "\n"))
			}
			rep.add(place{line: line, col: col, clause: within[line-1]}, "The character U+%04X is not allowed: it cannot be seen, or it changes the order in which the text is read.", r)
		}
		col++
		if r == '\n' {
			line, col = line+1, 1
		}
	}
	return text, within == nil
}

// hidden reports whether a character is a control, a bidirectional override, or
// has no width.
func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return true
	case r == 0x00ad, r == 0x034f, r == 0x061c, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x3164, r == 0xfeff, r == 0xffa0:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r >= 0xfff0 && r <= 0xfffd:
		return true
	case r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}

func (p *parsed) readFront(y *yamlReader) {
	if p.doc.front.text == "" {
		return
	}
	if strings.TrimSpace(p.doc.front.text) == "" {
		y.add(place{line: 1}, "The front matter is empty.")
		return
	}
	root := y.parseYAML(p.doc.front, "")
	if root == nil {
		return
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		v := root.Content[i+1]
		p.frontAt[root.Content[i].Value] = place{line: v.Line, col: v.Column}
	}
	if !y.check(root, frontShape, "") {
		p.readRegions(root)
		return
	}
	if err := root.Decode(&p.front); err != nil {
		y.add(place{line: 2}, "The front matter cannot be read: %v.", err)
		return
	}
	if !slices.Contains(p.front.Regions, "other") {
		y.add(place{line: 2}, "The regions must have one called other, for everybody else.")
	}
}

// readRegions reads the regions of front matter with another fault, so that
// what speaks of them is not wrong as well. With none known, none is wrong.
func (p *parsed) readRegions(root *yaml.Node) {
	if root.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		m := slices.IndexFunc(frontShape.keys, func(m member) bool { return m.name == "regions" })
		quiet := &yamlReader{reporter: &reporter{}}
		if v := root.Content[i+1]; root.Content[i].Value == "regions" && quiet.check(v, frontShape.keys[m].shape, "") {
			_ = v.Decode(&p.front.Regions) // it has the shape
		}
	}
}

// readYAML reads a block of declarations; said is what the blocks before it
// said about the clause.
func (p *parsed) readYAML(y *yamlReader, b block, clause loot.Clause, said map[string]bool) {
	entries, about := y.readBlock(b, clause)
	p.entries, p.doubts = append(p.entries, entries...), append(p.doubts, y.doubts...)
	y.doubts = nil
	for _, key := range []string{"status", "norule"} {
		n, ok := about[key]
		if !ok {
			continue
		}
		if said[key] {
			y.add(place{line: n.Line, col: n.Column, clause: clause}, "The %s of the clause is said twice.", key)
		}
		said[key] = true
		if key == "status" {
			p.planned[clause] = true
		} else {
			p.norule[clause] = strings.TrimSpace(n.Value)
		}
	}
}

// compile makes a statement of what was read, leaving out what it is told to.
func compile(rep *reporter, p *parsed, w without) *Statement {
	entries := w.entries(p.entries)
	s := &Statement{parsed: p, byID: map[types.PolicyID]*rule{}, index: map[slot][]*rule{}, parents: map[loot.Collection]types.EntityUIDSet{}, found: &sync.Map{}}
	s.hash = hashOf(p.src, w)
	var lost map[string][]string
	if !p.sure {
		lost = textualNames(string(p.src))
	}
	before := len(rep.problems)
	s.d = declare(rep, &p.front, entries, lost)
	s.sure = p.sure && len(rep.problems) == before
	vocab, err := newVocabulary(s.d, &p.front)
	if err != nil {
		rep.add(place{}, "The declarations make no schema: %v.", err)
		return nil
	}
	s.vocab = vocab
	for _, c := range s.d.collections {
		m, _ := vocab.member(collectionList, string(c.ID))
		s.parents[c.ID] = types.NewEntityUIDSet(m.uid)
	}
	var generated map[loot.Clause][]generatedRule
	if s.sure {
		generated = s.generate(entries) // from wrong declarations would come wrong rules
	}
	for i, sec := range p.doc.sections {
		if slices.ContainsFunc(p.doc.sections[:i], func(o *section) bool { return o.id == sec.id }) {
			continue // its rules are with those of the first, and it is reported
		}
		c := Clause{
			ID: sec.id, Chapter: sec.chapter, Title: sec.title, Prose: sec.prose, HTML: sec.html, Line: sec.line,
			Planned: p.planned[sec.id] && !w.inForce, NoRule: p.norule[sec.id],
		}
		for i, wr := range p.written[sec.id] {
			base := rule{planned: c.Planned, textLine: wr.line, textCol: wr.col}
			base.Rule = Rule{ID: ruleID(sec.id, i), Clause: sec.id, Text: wr.text, Line: wr.ast.Position.Line, Col: wr.ast.Position.Column}
			s.addRule(rep, &c, wr.ast, base, w)
		}
		for i, g := range generated[sec.id] {
			base := rule{planned: c.Planned, decls: g.decls, textLine: g.at.line, textCol: g.at.col}
			base.Rule = Rule{ID: ruleID(sec.id, len(p.written[sec.id])+i), Clause: sec.id, Generated: true, Text: g.text, Line: g.at.line, Col: g.at.col}
			at := g.at
			at.clause = sec.id
			policy := parseRule(&reporter{file: p.file}, piece{text: g.text, line: max(at.line, 1), col: max(at.col, 1)}, sec.id)
			if policy == nil {
				rep.add(at, "The declarations make no rule.")
				continue
			}
			s.addRule(rep, &c, policy, base, w)
		}
		s.clauses = append(s.clauses, c)
	}
	return s
}

func ruleID(c loot.Clause, i int) string { return fmt.Sprintf("%s#%d", c, i+1) }

func (s *Statement) addRule(rep *reporter, c *Clause, policy *ast.Policy, base rule, w without) {
	if base.ID == w.rule {
		return
	}
	r := s.compileRule(rep, policy, base)
	if r == nil {
		s.faulty = append(s.faulty, base.Text)
		return
	}
	r.Words = s.wordsOf(r)
	c.Rules = append(c.Rules, r.Rule)
	s.rules = append(s.rules, r)
	s.byID[r.key] = r
	if r.planned && !r.Forbid {
		return
	}
	for _, at := range s.slots(r) {
		s.index[at] = append(s.index[at], r)
	}
}

// slots returns every slot in which a rule's head can match.
func (s *Statement) slots(r *rule) []slot {
	var out []slot
	for _, a := range r.actions {
		for _, k := range r.kinds {
			switch {
			case !slices.Contains(s.vocab.kindsFor(a), k):
			case !aboutRecord(a):
				out = append(out, slot{action: a, kind: k})
			default:
				for _, c := range s.d.collections {
					if r.collection == "" || r.collection == c.ID {
						out = append(out, slot{a, k, c.ID})
					}
				}
			}
		}
	}
	return out
}

// hashOf is the SHA-256 of the source; a mutation has a hash of its own.
func hashOf(src []byte, w without) string {
	h := sha256.New()
	h.Write(src)
	if w != (without{}) {
		fmt.Fprintf(h, "\x00%+v", w)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Without returns the statement without one rule, by the rule's id.
func (s *Statement) Without(ruleID string) (*Statement, error) {
	if _, ok := s.byID[types.PolicyID(ruleID)]; !ok {
		return nil, fmt.Errorf("statement: without %s: %w", ruleID, errNoSuchRule)
	}
	return s.recompile(without{rule: ruleID})
}

// WithoutDeclaration returns the statement without one entry of a table, such
// as "purposes", "invoice". The error is [Problems] if what is left does not
// hold together, since something else speaks of the entry.
func (s *Statement) WithoutDeclaration(table, id string) (*Statement, error) {
	if !s.d.names[table][id] || table == "regions" {
		return nil, fmt.Errorf("statement: without %s %s: %w", table, id, errNoSuchDeclaration)
	}
	return s.recompile(without{table: table, entry: id})
}

var errNoSuchDeclaration = errors.New("there is no such declaration")

func (s *Statement) recompile(w without) (*Statement, error) {
	rep := &reporter{file: s.parsed.file}
	out := compile(rep, s.parsed, w)
	if len(rep.problems) > 0 {
		return nil, rep.problems.sorted()
	}
	return out, nil
}
