package statement

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"loot"
)

// The words for what a rule reads, as the thing itself and its opposite.
// Everything here speaks of the schema; what a statement declares it names by
// its own titles.
var boolWords = map[string][2]string{
	"principal.successor":         {"the partner is the announced successor of the company", "the partner is not the successor of the company"},
	"principal.optedOut":          {"the visitor opted out of interest-based advertising", "the visitor has not opted out of interest-based advertising"},
	"principal.confirmed":         {"their address is confirmed", "their address is not confirmed"},
	"principal.restricted":        {"their record is frozen", "their record is not frozen"},
	"resource.identifying":        {"the data identifies a person", "the data does not identify a person"},
	"resource.verified":           {"the data has been verified", "the data has not been verified"},
	"resource.disputed":           {"the data is in dispute", "the data is not in dispute"},
	"resource.declared":           {"it stands in the register", "it does not stand in the register"},
	"resource.third":              {"it belongs to a third party", "it does not belong to a third party"},
	"resource.confirmed":          {"the person's address is confirmed", "the person's address is not confirmed"},
	"resource.restricted":         {"the person's record is frozen", "the person's record is not frozen"},
	"resource.subject.confirmed":  {"the person's address is confirmed", "the person's address is not confirmed"},
	"resource.subject.restricted": {"the person's record is frozen", "the person's record is not frozen"},
	"context.demanded":            {"an answer is demanded", "the field may be left empty"},
	"context.fullAddress":         {"the address is kept in full", "the address is cut short"},
	"context.entered":             {"the disclosure is entered at the disclosure desk", "the disclosure is not entered at the disclosure desk"},
	"context.agreed":              {"the registrant agreed", "the registrant did not agree"},
	"context.sent":                {"it was sent before", "it was not sent before"},
	"context.hold":                {"an order to preserve the record stands", "no order to preserve the record stands"},
	"context.contextual":          {"it is chosen with nothing about the visitor", "it is not chosen by the page alone"},
	"context.request.valid":       {"the request was checked and is valid", "the request is not valid"},
}

var hasWords = map[string][2]string{
	"principal.undertaking": {"the member of staff signed the confidentiality undertaking", "the member of staff has not signed the confidentiality undertaking"},
	"principal.agreement":   {"the partner has a confidentiality agreement", "the partner has no confidentiality agreement"},
	"principal.consent":     {"the visitor has chosen", "the visitor has not chosen yet"},
	"resource.since":        {"a version of the statement first asked for it", "no version of the statement first asked for it"},
	"context.case":          {"an open case is named", "no open case is named"},
	"context.announced":     {"prior notice was given", "no prior notice was given"},
	"context.due":           {"a notice period was set", "no notice period was set"},
	"context.request.gag":   {"secrecy was ordered", "no secrecy was ordered"},
}

// setWords say that a set holds something; %s is the thing.
var setWords = map[string][2]string{
	"principal.roles":                {"the member of staff has the role %s", "the member of staff does not have the role %s"},
	"principal.agreement.purposes":   {"the agreement covers %s", "the agreement does not cover %s"},
	"principal.agreement.categories": {"the agreement covers %s", "the agreement does not cover %s"},
	"principal.cooperation":          {"the statement names %s as cooperation with this partner", "the statement does not name %s as cooperation with this partner"},
	"principal.consent.purposes":     {"the visitor agreed to %s", "the visitor did not agree to %s"},
	"principal.signals":              {"the visitor's device sends the signal %s", "the visitor's device does not send the signal %s"},
	"resource.purposes":              {"the data was given for %s", "the data was not given for %s"},
	"resource.sponsors":              {"%s was named for the event", "%s was not named for the event"},
	"resource.subject.ordered":       {"the person ordered a service that needs %s", "no service that the person ordered needs %s"},
	"resource.subject.duties":        {"a law that is named asks for %s", "no law that is named asks for %s"},
	"resource.subject.objected":      {"the person objected to %s", "the person has not objected to %s"},
	"resource.subject.cancelled":     {"the person cancelled letters from %s", "the person has not cancelled letters from %s"},
	"resource.subject.topics":        {"the person chose %s", "the person did not choose %s"},
	"resource.ordered":               {"the person ordered a service that needs %s", "no service that the person ordered needs %s"},
	"resource.duties":                {"a law that is named asks for %s", "no law that is named asks for %s"},
	"resource.objected":              {"the person objected to %s", "the person has not objected to %s"},
	"resource.cancelled":             {"the person cancelled letters from %s", "the person has not cancelled letters from %s"},
	"resource.topics":                {"the person chose %s", "the person did not choose %s"},
	"context.request.scope":          {"the request covers %s", "the request does not cover %s"},
}

// nounWords name the values that are compared.
var nounWords = map[string]string{
	"principal.undertaking":       "the date of the undertaking",
	"principal.agreement.signed":  "the date of the agreement",
	"principal.agreement.ends":    "the end of the agreement",
	"principal.consent.statement": "the version that the visitor agreed to",
	"principal.key":               "this recipient",
	"principal.region":            "the visitor's region",
	"resource.category":           "this kind of data",
	"resource.level":              "the level of the data",
	"resource.kind":               "this kind of item",
	"resource.purpose":            "what it is for",
	"resource.since":              "the day from which it is asked",
	"context.now":                 "now",
	"context.purpose":             "this purpose",
	"context.approvals":           "the number of people who approved",
	"context.case":                "the kind of the open case",
	"context.announced":           "the prior notice",
	"context.due":                 "the end of the notice period",
	"context.request.until":       "the end of the request",
	"context.request.basis":       "the legal basis of the request",
	"context.request.gag":         "the end of secrecy",
	"context.topic":               "this topic",
	"context.sender":              "this sender",
	"context.region":              "the person's region",
	"context.statement":           "the version in force",
	"context.group":               "the smallest group shown",
}

// subjectWords open the phrase "… is one of …".
var subjectWords = map[string]string{
	"context.purpose": "the purpose", "context.topic": "the topic", "context.sender": "the sender", "principal.key": "the recipient",
	"resource.category": "the kind of data", "resource.kind": "the kind of item", "resource.purpose": "the purpose of the item",
}

// phrase puts an expression into words, or its opposite.
func (s *Statement) phrase(n ast.IsNode, yes bool) string {
	pick := func(w [2]string) string { return w[which(yes)] }
	switch n := n.(type) {
	case ast.NodeTypeAnd:
		return s.join(chain(n, false), yes, yes)
	case ast.NodeTypeOr:
		return s.join(chain(n, true), yes, !yes)
	case ast.NodeTypeNot:
		return s.phrase(n.Arg, !yes)
	case ast.NodeTypeAccess:
		if w, ok := boolWords[pathOf(n)]; ok {
			return pick(w)
		}
	case ast.NodeTypeHas:
		if w, ok := hasWords[pathOf(n.Arg)+"."+string(n.Value)]; ok {
			return pick(w)
		}
	case ast.NodeTypeHasTag:
		return fmt.Sprintf(pick([2]string{"the person permitted something to %s", "the person permitted nothing to %s"}), s.nounAt("tag", n.Right))
	case ast.NodeTypeContains:
		return s.contains(n.Left, n.Right, yes)
	case ast.NodeTypeContainsAny:
		return s.overlap(n.Left, n.Right, yes, false)
	case ast.NodeTypeContainsAll:
		return s.overlap(n.Left, n.Right, yes, true)
	case ast.NodeTypeIn:
		return fmt.Sprintf("the record %s to %s", pick([2]string{"belongs", "does not belong"}), s.noun(n.Right))
	case ast.NodeTypeIs:
		if w, ok := kindWords[n.EntityType]; ok {
			return pick([2]string{"it is " + w, "it is not " + w})
		}
	case ast.NodeTypeEquals:
		return s.equal(n.Left, n.Right, yes)
	case ast.NodeTypeNotEquals:
		return s.equal(n.Left, n.Right, !yes)
	case ast.NodeTypeLessThan:
		return s.compare(n.Left, n.Right, "<", yes)
	case ast.NodeTypeLessThanOrEqual:
		return s.compare(n.Left, n.Right, "<=", yes)
	case ast.NodeTypeGreaterThan:
		return s.compare(n.Left, n.Right, ">", yes)
	case ast.NodeTypeGreaterThanOrEqual:
		return s.compare(n.Left, n.Right, ">=", yes)
	case ast.NodeTypeIfThenElse:
		return "if " + s.phrase(n.If, true) + ", then " + s.phrase(n.Then, yes) + ", and otherwise " + s.phrase(n.Else, yes)
	case ast.NodeTypeIsEmpty:
		return s.noun(n.Arg) + pick([2]string{" is empty", " is not empty"})
	case ast.NodeValue:
		if b, ok := n.Value.(types.Boolean); ok {
			if bool(b) == yes {
				return "always"
			}
			return "never"
		}
	}
	return pick([2]string{"", "it is not so that "}) + "`" + codeOf(n) + "`"
}

// join puts the members of a chain together: all of them, or any.
func (s *Statement) join(parts []ast.IsNode, yes, all bool) string {
	if yes && all {
		parts = withoutGuards(parts)
	}
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = s.phrase(p, yes)
		if len(parts) > 1 && isChain(p) {
			words[i] = bracket(words[i])
		}
	}
	return clauses(words, map[bool]string{true: "and", false: "or"}[all])
}

// bracket keeps a phrase of several parts together.
func bracket(words string) string {
	if strings.Contains(words, " and ") || strings.Contains(words, " or ") {
		return "(" + words + ")"
	}
	return words
}

var brackets = regexp.MustCompile(`\(.*\)`)

// clauses joins phrases; those that have commas themselves need stronger ones.
func clauses(words []string, last string) string {
	if len(words) > 1 && slices.ContainsFunc(words, func(w string) bool { return strings.Contains(brackets.ReplaceAllString(w, ""), ", ") }) {
		return strings.Join(words[:len(words)-1], "; ") + "; " + last + " " + words[len(words)-1]
	}
	return titles(words, last)
}

// withoutGuards leaves out a "has" that only guards what follows it in the
// chain and would be said twice.
func withoutGuards(parts []ast.IsNode) []ast.IsNode {
	var out []ast.IsNode
	for i, p := range parts {
		guard := ""
		switch p := p.(type) {
		case ast.NodeTypeHas:
			if guard = pathOf(p.Arg) + "." + string(p.Value); guard == "principal.undertaking" || guard == "principal.agreement" {
				guard = "" // worth saying
			}
		case ast.NodeTypeHasTag:
			guard = "tag"
		}
		used := guard != "" && slices.ContainsFunc(parts[i+1:], func(n ast.IsNode) bool { return reads(n, guard) })
		if !used {
			out = append(out, p)
		}
	}
	return out
}

// reads reports whether an expression reads the attribute at the path, or a tag.
func reads(n ast.IsNode, path string) bool {
	found := false
	ast.Inspect(ast.NewNode(n), func(n ast.IsNode) bool {
		switch n := n.(type) {
		case ast.NodeTypeAccess:
			found = found || pathOf(n) == path
		case ast.NodeTypeGetTag:
			found = found || path == "tag"
		}
		return !found
	})
	return found
}

func isChain(n ast.IsNode) bool {
	switch n := n.(type) {
	case ast.NodeTypeAnd, ast.NodeTypeOr:
		return true
	case ast.NodeTypeNot:
		return isChain(n.Arg)
	}
	return false
}

// codeOf writes an expression as Cedar.
func codeOf(n ast.IsNode) string {
	text := string(conditionPolicy(n).MarshalCedar())
	_, text, _ = strings.Cut(text, "when {")
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "};"))
}

// noun names a value.
func (s *Statement) noun(n ast.IsNode) string {
	switch n := n.(type) {
	case ast.NodeValue:
		return s.valueWords(n.Value)
	case ast.NodeTypeSet:
		words := make([]string, len(n.Elements))
		for i, e := range n.Elements {
			words[i] = s.noun(e)
		}
		return titles(words, "or")
	case ast.NodeTypeVariable:
		return map[types.String]string{"principal": "the one who asks", "resource": "the record", "action": "what is done"}[n.Name]
	case ast.NodeTypeGetTag:
		return "the permission of " + s.noun(n.Right)
	case ast.NodeTypeExtensionCall:
		if len(n.Args) == 1 && (n.Name == "datetime" || n.Name == "duration") {
			if v, ok := n.Args[0].(ast.NodeValue); ok {
				if text, ok := v.Value.(types.String); ok {
					return string(text)
				}
			}
		}
	}
	if w, ok := nounWords[pathOf(n)]; ok {
		return w
	}
	return "`" + codeOf(n) + "`"
}

// valueWords names a literal by the title that the statement gives it.
func (s *Statement) valueWords(v types.Value) string {
	switch v := v.(type) {
	case types.EntityUID:
		return s.titleOfEntity(v)
	case types.String:
		return "“" + string(v) + "”"
	case types.Long:
		return strconv.FormatInt(int64(v), 10)
	case types.Boolean:
		return strconv.FormatBool(bool(v))
	case types.Set:
		var words []string
		for e := range v.All() {
			words = append(words, s.valueWords(e))
		}
		slices.Sort(words)
		return titles(words, "or")
	default:
		return v.String()
	}
}

// nounAt names a value that is compared with the attribute at the path: the
// key of a recipient or a sender is named by its title.
func (s *Statement) nounAt(path string, n ast.IsNode) string {
	table, _ := s.known(path)
	keys := stringsIn(n)
	if table == "" || len(keys) == 0 {
		return s.noun(n)
	}
	words := make([]string, len(keys))
	for i, key := range keys {
		r, isRecipient := s.Recipient(key)
		d, isSender := s.Sender(key)
		switch {
		case key == "self":
			words[i] = "the company"
		case table == "senders" && isSender:
			words[i] = "“" + d.Title + "”"
		case isRecipient:
			words[i] = "“" + r.Title + "”"
		default:
			words[i] = "“" + key + "”"
		}
	}
	return titles(words, "or")
}

func (s *Statement) titleOfEntity(e types.EntityUID) string {
	id := string(e.ID)
	title := id
	switch e.Type {
	case "Purpose":
		if d, ok := s.Purpose(loot.Purpose(id)); ok {
			title = d.Title
		}
	case "Category":
		if d, ok := s.Category(loot.Category(id)); ok {
			title = d.Title
		}
	case "Collection":
		if d, ok := s.Collection(loot.Collection(id)); ok {
			title = d.Title
		}
	case "Role":
		if d, ok := s.Role(loot.Role(id)); ok {
			title = d.Title
		}
	case "Desk":
		if d, ok := s.Desk(id); ok {
			title = d.Title
		}
	case "Topic":
		if d, ok := s.Topic(id); ok {
			title = d.Title
		}
	case "Signal":
		title = signalTitles[id]
	case "Region":
		return regionWords(id)
	case "Kind":
		return id
	}
	return "“" + title + "”"
}

func regionWords(id string) string {
	if w, ok := map[string]string{
		"eu": "the European Union", "uk": "the United Kingdom", "us": "the United States", "ca": "Canada", "other": "the rest of the world",
	}[id]; ok {
		return w
	}
	return "“" + id + "”"
}

// contains says that a set holds a value, or that a value is in a list.
func (s *Statement) contains(set, elem ast.IsNode, yes bool) string {
	if tag, ok := set.(ast.NodeTypeGetTag); ok {
		return permitted(s.noun(elem), s.nounAt("tag", tag.Right), yes)
	}
	path := pathOf(set)
	if w, ok := setWords[path]; ok {
		return fmt.Sprintf(w[which(yes)], s.nounAt(path, elem))
	}
	return s.is(elem, set, yes)
}

func permitted(what, whom string, yes bool) string {
	return fmt.Sprintf([2]string{"the person permitted %s to %s", "the person has not permitted %s to %s"}[which(yes)], what, whom)
}

// which is the index of a pair of words: the thing itself or its opposite.
func which(yes bool) int {
	if yes {
		return 0
	}
	return 1
}

// overlap says that a set holds one or all of several values.
func (s *Statement) overlap(a, b ast.IsNode, yes, all bool) string {
	if _, ok := setWords[pathOf(a)]; !ok {
		if _, isTag := a.(ast.NodeTypeGetTag); !isTag && !all {
			a, b = b, a
		}
	}
	things := s.things(b, all)
	if tag, ok := a.(ast.NodeTypeGetTag); ok {
		return permitted(things, s.nounAt("tag", tag.Right), yes)
	}
	if w, ok := setWords[pathOf(a)]; ok {
		return fmt.Sprintf(w[which(yes)], things)
	}
	return s.noun(a) + [2]string{" overlaps with ", " does not overlap with "}[which(yes)] + things
}

// things names what a set holds: something of it, or all.
func (s *Statement) things(n ast.IsNode, all bool) string {
	some := map[bool]string{false: "something that ", true: "everything that "}[all]
	switch path := pathOf(n); path {
	case "resource.subject.ordered", "resource.ordered":
		return some + "a service needs that the person ordered"
	case "resource.subject.duties", "resource.duties":
		return some + "a law asks for that is named"
	case "resource.purposes":
		return some + "the data was given for"
	case "resource.subject.objected", "resource.objected":
		return some + "the person objected to"
	case "principal.agreement.purposes", "principal.agreement.categories":
		return some + "the agreement covers"
	case "principal.cooperation":
		return some + "the partner cooperates for"
	}
	if tag, ok := n.(ast.NodeTypeGetTag); ok {
		return some + "the person permitted to " + s.nounAt("tag", tag.Right)
	}
	return s.noun(n)
}

func (s *Statement) is(a, b ast.IsNode, yes bool) string {
	subject, ok := subjectWords[pathOf(a)]
	if !ok {
		subject = s.noun(a)
	}
	return subject + [2]string{" is ", " is not "}[which(yes)] + s.nounAt(pathOf(a), b)
}

func (s *Statement) equal(a, b ast.IsNode, yes bool) string {
	if _, ok := a.(ast.NodeValue); ok {
		a, b = b, a
	}
	pa, pb := pathOf(a), pathOf(b)
	switch {
	case pa == "principal" && pb == "resource.subject" || pb == "principal" && pa == "resource.subject":
		return [2]string{"the record is their own", "the record is not their own"}[which(yes)]
	case pa == "principal":
		if v, ok := b.(ast.NodeValue); ok {
			return [2]string{"it is ", "it is not "}[which(yes)] + "the part of the program for " + s.valueWords(v.Value)
		}
	case pa == "resource.level":
		if v, ok := b.(ast.NodeValue); ok {
			if n, ok := v.Value.(types.Long); ok {
				if l, ok := s.Level(int(n)); ok {
					return "the data is " + map[bool]string{true: "", false: "not "}[yes] + "of the level “" + l.Title + "”"
				}
			}
		}
	}
	return s.is(a, b, yes)
}

var (
	opposite = map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
	mirrored = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}
)

// compare puts a comparison of dates or numbers into words.
func (s *Statement) compare(a, b ast.IsNode, op string, yes bool) string {
	if !yes {
		op = opposite[op]
	}
	if _, ok := a.(ast.NodeValue); ok || pathOf(a) == "context.now" {
		a, b, op = b, a, mirrored[op]
	}
	if pathOf(b) == "context.now" {
		switch op {
		case "<", "<=":
			return s.noun(a) + " has come"
		default:
			return s.noun(a) + " is still to come"
		}
	}
	if v, ok := b.(ast.NodeValue); ok {
		if n, ok := v.Value.(types.Long); ok {
			return s.compareNumber(pathOf(a), s.noun(a), op, int(n))
		}
	}
	return s.noun(a) + " is " + map[string]string{"<": "before ", "<=": "not after ", ">": "after ", ">=": "not before "}[op] + s.noun(b)
}

func (s *Statement) compareNumber(path, noun, op string, n int) string {
	switch op {
	case ">":
		op, n = ">=", n+1
	case "<=":
		op, n = "<", n+1
	}
	switch {
	case path == "context.approvals" && op == ">=":
		return approvalsWords(n)
	case path == "context.approvals":
		return "fewer than " + number(n) + " people other than the one who asks have approved it"
	case op == ">=":
		return noun + " is " + strconv.Itoa(n) + " or more"
	default:
		return noun + " is less than " + strconv.Itoa(n)
	}
}
