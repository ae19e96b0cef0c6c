package statement

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"loot"
)

// A kind is what a value of a declaration may be.
type kind uint8

const (
	kindText   kind = iota // a string
	kindName               // a name as loot.ValidName has it
	kindRef                // the name of something declared in another table
	kindChoice             // one of a few words
	kindNumber             // a whole number from min to max
	kindFlag               // true or false
	kindDate               // a date
	kindSpan               // a length of time
	kindLife               // "session" or a length of time, down to minutes
	kindList               // values of one shape, each once
	kindMap                // keys of one shape to values of one shape
	kindObject             // known keys, each with its shape
)

// A shape describes a value of a declaration. The one description checks the
// YAML of a statement and is printed as the published JSON Schema, so that the
// two cannot disagree.
type shape struct {
	kind     kind
	doc      string
	ref      string   // kindRef: the table
	words    []string // kindChoice: the words; kindRef: words allowed beside the table's names
	min, max int      // kindNumber: bounds; kindText: characters; kindList: length
	form     *form    // kindText: how it is written
	key, of  *shape   // kindMap: key and value; kindList: of
	keys     []member // kindObject
}

// A form is a way in which a text must be written.
type form struct {
	pattern *regexp.Regexp
	says    string
}

var (
	termForm    = &form{regexp.MustCompile(`^(dpv|pd):[A-Za-z][A-Za-z0-9]*$`), "a term such as dpv:Customer"}
	countryForm = &form{regexp.MustCompile(`^[A-Z]{2}$`), "a country as two capital letters"}
	logKeyForm  = &form{regexp.MustCompile(`^([^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44})?$`), "the verifier key of a ledger such as loot.example/ledger+0123abcd+AX…, or nothing"}
)

// A member is a known key of an object.
type member struct {
	name     string
	required bool
	shape    *shape
}

// spanPattern and namePattern are what the JSON Schema says and the checks do.
const (
	spanPattern = `^[0-9]{1,3}[ymd]$`
	lifePattern = `^(session|[0-9]{1,3}(y|m|d|min))$`
	namePattern = `^[a-z][a-z0-9.-]{0,63}$`
	datePattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
	textPattern = `\S`
)

var lifeText = regexp.MustCompile(lifePattern)

// A mention is a name that a declaration uses.
type mention struct {
	table, name string
	at          place
}

// yamlReader checks nodes against shapes and gathers what they mention.
type yamlReader struct {
	*reporter
	mentions []mention
	doubts   []string // texts of a block that could not be read
}

// parseYAML reads the one document of a block. Lines and columns of the nodes
// are those of the file.
func (y *yamlReader) parseYAML(b block, clause loot.Clause) *yaml.Node {
	at := place{line: b.line, col: 1, clause: clause}
	var doc yaml.Node
	if err := yaml.Load([]byte(b.text), &doc); err != nil {
		if bad, ok := errors.AsType[*yaml.LoadError](err); ok {
			if bad.Mark.Line > 0 {
				at.line, at.col = b.line+bad.Mark.Line-1, max(bad.Mark.Column, 1)
			}
			y.add(at, "YAML: %s.", strings.TrimSuffix(bad.Message, "."))
			return nil
		}
		y.add(at, "YAML: %v.", err)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		y.add(at, "The block holds nothing.")
		return nil
	}
	shift(&doc, b.line-1)
	return doc.Content[0]
}

func shift(n *yaml.Node, by int) {
	n.Line += by
	for _, c := range n.Content {
		shift(c, by)
	}
}

// check reports whether n has the shape, and every place where it has not.
func (y *yamlReader) check(n *yaml.Node, s *shape, clause loot.Clause) bool {
	at := place{line: n.Line, col: n.Column, clause: clause}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		y.add(at, "Anchors and aliases are not allowed in a statement.")
		return false
	}
	if n.Style&yaml.TaggedStyle != 0 {
		y.add(at, "Tags are not allowed in a statement.")
		return false
	}
	switch s.kind {
	case kindObject:
		return y.checkObject(n, s, clause)
	case kindMap:
		return y.checkMap(n, s, clause)
	case kindList:
		return y.checkList(n, s, clause)
	default:
		if n.Kind != yaml.ScalarNode {
			y.add(at, "Here stands %s, not a list or a table.", s.words0())
			return false
		}
		return y.checkScalar(n, s, at)
	}
}

// words0 says what a value of the shape is.
func (s *shape) words0() string {
	switch s.kind {
	case kindName:
		return "a name"
	case kindRef:
		return "the name of " + article(singular[s.ref])
	case kindChoice:
		return "one of " + strings.Join(s.words, ", ")
	case kindNumber:
		return fmt.Sprintf("a whole number from %d to %d", s.min, s.max)
	case kindFlag:
		return "true or false"
	case kindDate:
		return "a date such as 2026-03-01"
	case kindSpan:
		return "a length of time such as 10y, 18m or 30d"
	case kindLife:
		return "session or a length of time such as 30d or 1min"
	case kindList:
		return "a list"
	case kindMap, kindObject:
		return "a table"
	default:
		if s.form != nil {
			return s.form.says
		}
		return "text"
	}
}

func article(noun string) string {
	if noun != "" && strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

func (y *yamlReader) checkObject(n *yaml.Node, s *shape, clause loot.Clause) bool {
	if !y.isMapping(n, s, clause) {
		return false
	}
	ok := true
	have := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := place{line: k.Line, col: k.Column, clause: clause}
		if k.Kind != yaml.ScalarNode || k.Anchor != "" {
			y.add(at, "A key is a plain word.")
			ok = false
			continue
		}
		m := slices.IndexFunc(s.keys, func(m member) bool { return m.name == k.Value })
		switch {
		case m < 0:
			y.add(at, "Unknown key %q%s.", k.Value, suggest(k.Value, s.names()))
			ok = false
		case have[k.Value]:
			y.add(at, "The key %q stands here twice.", k.Value)
			ok = false
		case !y.check(v, s.keys[m].shape, clause):
			ok = false
		}
		have[k.Value] = true
	}
	for _, m := range s.keys {
		if m.required && !have[m.name] {
			y.add(place{line: n.Line, col: n.Column, clause: clause}, "The key %q is missing.", m.name)
			ok = false
		}
	}
	return ok
}

func (s *shape) names() []string {
	out := make([]string, len(s.keys))
	for i, m := range s.keys {
		out[i] = m.name
	}
	return out
}

func (y *yamlReader) checkMap(n *yaml.Node, s *shape, clause loot.Clause) bool {
	if !y.isMapping(n, s, clause) {
		return false
	}
	ok := true
	have := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if s.key.kind == kindNumber && k.Kind == yaml.ScalarNode && k.Anchor == "" && k.Style&yaml.TaggedStyle == 0 {
			k.Tag = "!!int" // a key is text to JSON, so quotes make no difference
		}
		switch {
		case !y.check(k, s.key, clause):
			ok = false
		case have[k.Value]:
			y.add(place{line: k.Line, col: k.Column, clause: clause}, "The key %q stands here twice.", k.Value)
			ok = false
		}
		have[k.Value] = true
		ok = y.check(v, s.of, clause) && ok
	}
	return ok
}

func (y *yamlReader) isMapping(n *yaml.Node, s *shape, clause loot.Clause) bool {
	if n.Kind != yaml.MappingNode {
		y.add(place{line: n.Line, col: n.Column, clause: clause}, "Here stands %s.", s.words0())
		return false
	}
	return true
}

func (y *yamlReader) checkList(n *yaml.Node, s *shape, clause loot.Clause) bool {
	at := place{line: n.Line, col: n.Column, clause: clause}
	if n.Kind != yaml.SequenceNode {
		y.add(at, "Here stands a list, such as [%s].", "a, b")
		return false
	}
	if len(n.Content) < s.min {
		y.add(at, "The list is empty.")
		return false
	}
	ok := true
	have := map[string]bool{}
	for _, c := range n.Content {
		if !y.check(c, s.of, clause) {
			ok = false
			continue
		}
		if have[c.Value] {
			y.add(place{line: c.Line, col: c.Column, clause: clause}, "%q stands in the list twice.", c.Value)
			ok = false
		}
		have[c.Value] = true
	}
	return ok
}

func (y *yamlReader) checkScalar(n *yaml.Node, s *shape, at place) bool {
	tag := n.ShortTag()
	bad := func() bool {
		y.add(at, "Here stands %s, not %q.", s.words0(), clip(n.Value))
		return false
	}
	isText := tag == "!!str"
	switch s.kind {
	case kindText:
		if !isText || s.form == nil && strings.TrimSpace(n.Value) == "" {
			return bad()
		}
		if s.form != nil && !s.form.pattern.MatchString(n.Value) {
			return bad()
		}
		if s.max > 0 && len([]rune(n.Value)) > s.max {
			y.add(at, "The text is longer than %d characters.", s.max)
			return false
		}
	case kindName:
		if !isText || !loot.ValidName(n.Value) {
			y.add(at, "%q is no name: write letters a-z, digits, dots and dashes.", clip(n.Value))
			return false
		}
	case kindRef:
		if !isText || !loot.ValidName(n.Value) && !slices.Contains(s.words, n.Value) {
			return bad()
		}
		if !slices.Contains(s.words, n.Value) {
			y.mentions = append(y.mentions, mention{table: s.ref, name: n.Value, at: at})
		}
	case kindChoice:
		if !isText || !slices.Contains(s.words, n.Value) {
			return bad()
		}
	case kindNumber:
		v, err := strconv.Atoi(n.Value)
		if tag != "!!int" || err != nil || strconv.Itoa(v) != n.Value || v < s.min || v > s.max {
			return bad()
		}
	case kindFlag:
		if tag != "!!bool" || n.Value != "true" && n.Value != "false" {
			return bad()
		}
	case kindDate:
		if _, err := time.Parse(time.DateOnly, n.Value); err != nil || !isText && tag != "!!timestamp" {
			return bad()
		}
		n.Tag, n.Style = "!!timestamp", 0
	case kindSpan:
		if _, err := ParseSpan(n.Value); err != nil || !isText {
			return bad()
		}
	case kindLife:
		if !isText || !lifeText.MatchString(n.Value) {
			return bad()
		}
	default:
		return bad()
	}
	return true
}

// clip shortens a value for a message.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// suggest returns " (did you mean x?)" if one of the words is close to s.
func suggest(s string, words []string) string {
	if at := Nearest(s, words); at != "" {
		return " (did you mean " + at + "?)"
	}
	return ""
}

// Nearest returns the word that s may be a slip of the pen for; empty: none.
func Nearest(s string, words []string) string {
	best, at := min(3, len(s)/3+1), ""
	for _, w := range words {
		if d := distance(s, w); d < best {
			best, at = d, w
		}
	}
	return at
}

// distance counts the letters to add, drop, change or swap.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var before, prev, cur [65]int
	for j := range len(b) + 1 {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev = prev, cur
	}
	return prev[len(b)]
}
