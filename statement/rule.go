package statement

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go"
	publicast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"loot"
)

// Bounds of one rule, so that no parser is driven into the ground.
const (
	maxRule  = 16 << 10 // characters
	maxDepth = 64       // brackets
	maxRules = 2000     // in a statement
)

// A rule is a Rule with everything that is known about it once it is compiled.
type rule struct {
	Rule
	key types.PolicyID
	// where Text begins; Line and Col are those of its first word
	textLine, textCol int
	planned           bool        // its clause is; a permit of it permits nothing
	ast               *ast.Policy // with the approvals that its annotation asks for
	policy            *cedar.Policy
	scope             *cedar.Policy // the head alone, without conditions
	matches           *cedar.Policy // the rule as a permit, whatever its effect
	conds             []condition
	actions           []loot.Action
	kinds             []loot.ActorKind
	collection        loot.Collection // the one that its head speaks of; empty: any
	about             obligationsOf
	decls             []string // "table id" of the declarations that a generated rule comes from
	literal           []literal
}

// A condition is one when or unless of a rule.
type condition struct {
	unless  bool
	policy  *cedar.Policy // permits where the condition holds
	needs   string        // what would be needed, from @needsN; empty: not said
	purpose bool          // it is about the purpose of the request
	body    ast.IsNode
	parts   []part
}

// A part is one member of a chain of && in a when or of || in an unless.
type part struct {
	body   ast.IsNode
	policy *cedar.Policy
}

type obligationsOf struct {
	notify    []string
	approvals int
	mask      string
	delay     bool
}

// A piece is the text of one policy and where it starts.
type piece struct {
	text      string
	line, col int
}

// splitRules cuts a block into its policies, which end with a semicolon, so
// that an error in one does not hide those in the next.
func splitRules(b block) []piece {
	var out []piece
	start, line, lineStart := 0, b.line, 0
	startLine, startCol := b.line, 1
	blank := true
	for i := 0; i < len(b.text); i++ {
		c := b.text[i]
		if blank && c != ' ' && c != '\t' && c != '\n' {
			start, startLine, startCol, blank = i, line, len([]rune(b.text[lineStart:i]))+1, false
		}
		switch c {
		case '\n':
			line++
			lineStart = i + 1
		case '/':
			if strings.HasPrefix(b.text[i:], "//") {
				for i+1 < len(b.text) && b.text[i+1] != '\n' {
					i++
				}
			}
		case '"':
			for i++; i < len(b.text) && b.text[i] != '"' && b.text[i] != '\n'; i++ {
				if b.text[i] == '\\' && i+1 < len(b.text) && b.text[i+1] != '\n' {
					i++
				}
			}
			if i < len(b.text) && b.text[i] == '\n' {
				i--
			}
		case ';':
			out = append(out, piece{text: b.text[start : i+1], line: startLine, col: startCol})
			blank = true
		}
	}
	if !blank {
		if rest := strings.TrimSpace(b.text[start:]); !onlyComments(rest) {
			out = append(out, piece{text: rest, line: startLine, col: startCol})
		}
	}
	return out
}

func onlyComments(s string) bool {
	for _, line := range strings.Split(s, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			return false
		}
	}
	return true
}

// tooDeep reports whether brackets are nested beyond reason.
func tooDeep(s string) bool {
	depth, most := 0, 0
	for _, c := range s {
		switch c {
		case '(', '[', '{':
			depth++
			most = max(most, depth)
		case ')', ']', '}':
			depth--
		}
	}
	return most > maxDepth
}

var (
	cedarPlace = regexp.MustCompile(`^(?:parser error: )?(?:parse error at )?(?:<input>:)?([0-9]+):([0-9]+):? ?`)
	cedarToken = regexp.MustCompile(`^"(.*?)": `)
	cedarWant  = regexp.MustCompile(`^exact got (.*) want (.*)$`)
)

// syntaxError puts a message of the Cedar parser into words, with its place in
// the file. The parser names the place after the word that it did not expect.
func syntaxError(text string, p piece, at place) (string, place) {
	if m := cedarPlace.FindStringSubmatch(text); m != nil {
		line, err := strconv.Atoi(m[1])
		col, err2 := strconv.Atoi(m[2])
		if err == nil && err2 == nil {
			at.line, at.col = p.place(line, col)
		}
		text = text[len(m[0]):]
	}
	near := ""
	if m := cedarToken.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		if near = " at its end"; m[1] != "" {
			near = " near " + m[1]
		}
	}
	m := cedarWant.FindStringSubmatch(text)
	if m == nil {
		return text + near, at
	}
	if m[1] == "" {
		return fmt.Sprintf("it ends where %s is expected", m[2]), at
	}
	lines := strings.Split(p.text, "\n")
	for line := min(at.line-p.line, len(lines)-1); line >= 0; line-- {
		runes := []rune(lines[line])
		end, shift := len(runes), 0
		if line == 0 {
			shift = p.col - 1
		}
		if line == at.line-p.line {
			end = max(min(at.col-1-shift, end), 0)
		}
		if i := strings.LastIndex(string(runes[:end]), m[1]); i >= 0 {
			at.line, at.col = p.line+line, len([]rune(string(runes[:end])[:i]))+shift+1
			break
		}
	}
	return fmt.Sprintf("here stands %s where %s is expected", m[1], m[2]), at
}

// parseRule parses one policy with the positions of the file.
func parseRule(rep *reporter, p piece, clause loot.Clause) *ast.Policy {
	at := place{line: p.line, col: p.col, clause: clause}
	switch {
	case len(p.text) > maxRule:
		rep.add(at, "The rule is longer than %d characters.", maxRule)
		return nil
	case tooDeep(p.text):
		rep.add(at, "The rule is nested too deeply.")
		return nil
	}
	list, err := cedar.NewPolicyListFromBytes(rep.file, []byte(p.text))
	if err != nil {
		text, at := syntaxError(err.Error(), p, at)
		rep.add(at, "The rule cannot be read: %s.", text)
		return nil
	}
	if len(list) != 1 {
		rep.add(at, "Here stands one rule, not %d.", len(list))
		return nil
	}
	policy := (*ast.Policy)(list[0].AST())
	policy.Position.Line, policy.Position.Column = p.place(policy.Position.Line, policy.Position.Column)
	return policy
}

// place turns a place in the piece into one in the file.
func (p piece) place(line, col int) (int, int) {
	if line == 1 {
		col += p.col - 1
	}
	return line + p.line - 1, col
}

func policyOf(p *ast.Policy) *cedar.Policy {
	return cedar.NewPolicyFromAST((*publicast.Policy)(p))
}

// conditionPolicy permits where the condition holds.
func conditionPolicy(body ast.IsNode) *cedar.Policy {
	return policyOf(ast.Permit().When(ast.NewNode(body)))
}

var needsKey = regexp.MustCompile(`^needs([1-9][0-9]?)$`)

// Audiences returns whom a rule can have told with @notify.
func Audiences() []string { return []string{"subject", "everyone", "regulator"} }

// annotations reads the obligations and the plain words of a rule.
func (r *rule) annotations(rep *reporter, at place) (needs map[int]string) {
	needs = map[int]string{}
	for _, a := range r.ast.Annotations {
		key, value := string(a.Key), strings.TrimSpace(string(a.Value))
		if m := needsKey.FindStringSubmatch(key); m != nil {
			n, _ := strconv.Atoi(m[1])
			switch {
			case value == "":
				rep.add(at, "@%s says nothing.", key)
			case n > len(r.ast.Conditions):
				rep.add(at, "@%s speaks of condition %d, but the rule has %d.", key, n, len(r.ast.Conditions))
			default:
				needs[n-1] = value
			}
			continue
		}
		switch key {
		case "notify":
			for _, who := range strings.Split(value, ",") {
				who = strings.TrimSpace(who)
				if !slices.Contains(Audiences(), who) {
					rep.add(at, "@notify says %q; it takes %s, with commas between.", who, strings.Join(Audiences(), ", "))
					continue
				}
				r.about.notify = append(r.about.notify, who)
			}
		case "approvals":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > mostApprovals {
				rep.add(at, "@approvals takes a number from 1 to %d.", mostApprovals)
			}
			r.about.approvals = n
		case "mask":
			if value != "partly" && value != "fully" {
				rep.add(at, "@mask takes partly or fully.")
			}
			r.about.mask = value
		case "delay":
			if value != "gag" {
				rep.add(at, "@delay takes gag.")
			}
			r.about.delay = true
		default:
			rep.add(at, "The annotation @%s is not known%s.", key, suggest(key, []string{"needs1", "notify", "approvals", "mask", "delay"}))
			continue
		}
		if r.Forbid {
			rep.add(at, "@%s is an obligation and stands on a permit: a forbid never lets anything pass that could be bound by it.", key)
		}
	}
	return needs
}

// compileRule checks one policy and makes a rule of it; nil if it is wrong.
func (s *Statement) compileRule(rep *reporter, p *ast.Policy, base rule) *rule {
	at := place{line: base.Line, col: base.Col, clause: base.Clause}
	r := &base
	r.key, r.ast = types.PolicyID(base.ID), p
	r.Forbid = p.Effect == ast.EffectForbid
	from := len(rep.problems)
	needs := r.annotations(rep, at)
	s.lint(rep, r, at)
	s.fits(rep, p, at)
	if len(rep.problems) > from {
		return nil
	}
	r.actions, r.kinds = s.scopeOf(p)
	if r.about.approvals > 0 {
		if slices.ContainsFunc(r.actions, func(a loot.Action) bool { return a == loot.Store || a == loot.Load }) {
			rep.add(at, "@approvals does not apply to a visitor's device.")
			return nil
		}
		needs[len(p.Conditions)] = approvalsWords(r.about.approvals)
		q := *p
		q.Conditions = slices.Clone(p.Conditions)
		r.ast = q.When(ast.Context().Access("approvals").GreaterThanOrEqual(ast.Long(r.about.approvals)))
	}
	if s.fits(rep, r.ast, at); len(rep.problems) > from {
		return nil
	}
	rest := r.behindIndex()
	r.policy = policyOf(&rest)
	match := rest
	match.Effect = ast.EffectPermit
	r.matches = policyOf(&match)
	head := *r.ast
	head.Conditions, head.Effect = nil, ast.EffectPermit
	r.scope = policyOf(&head)
	for i, c := range r.ast.Conditions {
		cond := condition{unless: c.Condition == ast.ConditionUnless, body: c.Body, policy: conditionPolicy(c.Body), needs: needs[i]}
		cond.purpose = mentions(c.Body, "context", "purpose")
		for _, b := range chain(c.Body, cond.unless) {
			cond.parts = append(cond.parts, part{body: b, policy: conditionPolicy(b)})
		}
		r.conds = append(r.conds, cond)
	}
	return r
}

// fits reports where a rule does not fit the schema.
func (s *Statement) fits(rep *reporter, p *ast.Policy, at place) {
	err := s.vocab.check.Policy("", p)
	if err == nil {
		return
	}
	errs := flatten(err)
	if slices.ContainsFunc(errs, isUnknown) {
		errs = slices.DeleteFunc(errs, func(e error) bool { return strings.HasPrefix(e.Error(), "unable to find an applicable action") }) // it follows
	}
	for _, e := range errs {
		rep.add(at, "The rule does not fit the schema: %s.", strings.TrimSuffix(e.Error(), "."))
	}
}

func isUnknown(e error) bool { return strings.HasPrefix(e.Error(), "unrecognized ") }

// behindIndex is the rule without the parts of its head that hold for every
// request of its slots.
func (r *rule) behindIndex() ast.Policy {
	p := *r.ast
	p.Action = ast.Scope{}.All()
	if _, ok := p.Principal.(ast.ScopeTypeIs); ok {
		p.Principal = ast.Scope{}.All()
	}
	switch t := p.Resource.(type) {
	case ast.ScopeTypeIs:
		p.Resource = ast.Scope{}.All()
	case ast.ScopeTypeIn:
		if t.Entity.Type == "Collection" {
			r.collection, p.Resource = loot.Collection(t.Entity.ID), ast.Scope{}.All()
		}
	case ast.ScopeTypeIsIn:
		if t.Entity.Type == "Collection" {
			r.collection, p.Resource = loot.Collection(t.Entity.ID), ast.Scope{}.All()
		}
	}
	return p
}

func approvalsWords(n int) string {
	if n == 1 {
		return "one person other than the one who asks has approved it"
	}
	return fmt.Sprintf("%s people other than the one who asks have approved it", number(n))
}

var numbers = []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}

func number(n int) string {
	if n >= 0 && n < len(numbers) {
		return numbers[n]
	}
	return strconv.Itoa(n)
}

func flatten(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, flatten(e)...)
		}
		return out
	}
	return []error{err}
}

// chain takes a chain of && (in an unless: of ||) apart, first to last.
func chain(n ast.IsNode, unless bool) []ast.IsNode {
	switch v := n.(type) {
	case ast.NodeTypeAnd:
		if !unless {
			return append(chain(v.Left, unless), chain(v.Right, unless)...)
		}
	case ast.NodeTypeOr:
		if unless {
			return append(chain(v.Left, unless), chain(v.Right, unless)...)
		}
	}
	return []ast.IsNode{n}
}

// mentions reports whether n reads the attribute of the variable.
func mentions(n ast.IsNode, variable, attribute types.String) bool {
	found := false
	ast.Inspect(ast.NewNode(n), func(n ast.IsNode) bool {
		if a, ok := n.(ast.NodeTypeAccess); ok && a.Value == attribute {
			if v, ok := a.Arg.(ast.NodeTypeVariable); ok && v.Name == variable {
				found = true
			}
		}
		return !found
	})
	return found
}

// scopeOf returns the actions and kinds of actor that a rule's head lets through.
func (s *Statement) scopeOf(p *ast.Policy) (actions []loot.Action, kinds []loot.ActorKind) {
	in := func(a loot.Action, uid types.EntityUID) bool {
		return actionUID(a) == uid || uid == discloseUID && isDisclosure(a)
	}
	for _, a := range actionsOf {
		ok := false
		switch t := p.Action.(type) {
		case ast.ScopeTypeAll:
			ok = true
		case ast.ScopeTypeEq:
			ok = t.Entity == actionUID(a)
		case ast.ScopeTypeIn:
			ok = in(a, t.Entity)
		case ast.ScopeTypeInSet:
			ok = slices.ContainsFunc(t.Entities, func(uid types.EntityUID) bool { return in(a, uid) })
		}
		if ok && s.resourceFits(p.Resource, a) {
			actions = append(actions, a)
		}
	}
	for _, k := range actorKinds {
		ok := true
		switch t := p.Principal.(type) {
		case ast.ScopeTypeEq:
			ok = t.Entity.Type == entityTypes[k]
		case ast.ScopeTypeIn:
			ok = t.Entity.Type == entityTypes[k]
		case ast.ScopeTypeIs:
			ok = t.Type == entityTypes[k]
		case ast.ScopeTypeIsIn:
			ok = t.Type == entityTypes[k]
		}
		if ok && slices.ContainsFunc(actions, func(a loot.Action) bool { return slices.Contains(s.vocab.kindsFor(a), k) }) {
			kinds = append(kinds, k)
		}
	}
	return actions, kinds
}

func isDisclosure(a loot.Action) bool {
	return a == loot.Transfer || a == loot.Sponsor || a == loot.Answer
}

// resourceFits reports whether the action's kind of resource passes the head.
func (s *Statement) resourceFits(scope ast.IsResourceScopeNode, a loot.Action) bool {
	want := types.EntityType("Record")
	switch a {
	case loot.Contact:
		want = "Person"
	case loot.Store:
		want = "StorageItem"
	case loot.Load:
		want = "Tag"
	}
	switch t := scope.(type) {
	case ast.ScopeTypeEq:
		return t.Entity.Type == want
	case ast.ScopeTypeIn:
		return t.Entity.Type == want || t.Entity.Type == "Collection" && want == "Record"
	case ast.ScopeTypeIs:
		return t.Type == want
	case ast.ScopeTypeIsIn:
		return t.Type == want
	default:
		return true
	}
}

var errNoSuchRule = errors.New("there is no such rule")
