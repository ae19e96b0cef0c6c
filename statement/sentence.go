package statement

import (
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"loot"
)

// kindWords name who asks, by entity type.
var kindWords = map[types.EntityType]string{
	"Staff": "a member of staff", "Desk": "a part of the program", "Person": "a person", "Partner": "a partner",
	"Sponsor": "a sponsor", "Authority": "an authority", "Court": "a court", "Visitor": "a visitor",
}

// actionWords say what is done by the one who asks. A disclosure is decided
// for the one who receives.
var actionWords = map[loot.Action]string{
	loot.Collect: "give or enter data", loot.Use: "open records", loot.Find: "look for a person", loot.Analyse: "report over visits and feedback",
	loot.Transfer: "receive records as a partner", loot.Sponsor: "receive registrations as a sponsor", loot.Answer: "receive records on a request",
	loot.Contact: "write to a person", loot.Store: "have an item stored on the device", loot.Load: "have a tag loaded",
	loot.Export: "take a copy of a record", loot.Erase: "have a record erased",
}

// wordsOf puts a rule into a sentence. It is made from the code, not from the
// rule's annotations, so that it cannot say anything else than what runs.
func (s *Statement) wordsOf(r *rule) string {
	var b strings.Builder
	who, denies := s.who(r)
	may := " may "
	if r.Forbid && !denies {
		may = " must not "
	}
	if device(r.actions) {
		b.WriteString(titles(deviceWords(r.actions, 0), "or") + may + "be " + titles(deviceWords(r.actions, 1), "or"))
	} else {
		b.WriteString(who + may + s.deeds(r) + s.where(r.ast.Resource))
	}
	s.conditionsInto(&b, r)
	b.WriteString(".")
	for _, more := range obligationWords(r.about) {
		b.WriteString(" " + more)
	}
	return b.String()
}

// deeds says what is done.
func (s *Statement) deeds(r *rule) string {
	if len(r.actions) == len(actionsOf) {
		return "do anything"
	}
	words := make([]string, len(r.actions))
	for i, a := range r.actions {
		words[i] = actionWords[a]
		if len(r.kinds) == 1 && isDisclosure(a) {
			words[i] = "receive records"
		}
	}
	return titles(distinct(words), "or")
}

// device reports whether all of the actions are about a visitor's device.
func device(actions []loot.Action) bool {
	return len(actions) > 0 && !slices.ContainsFunc(actions, func(a loot.Action) bool { return a != loot.Store && a != loot.Load })
}

func deviceWords(actions []loot.Action, part int) []string {
	var out []string
	for _, a := range actions {
		if a == loot.Store {
			out = append(out, [2]string{"An item", "stored on the visitor's device"}[part])
		} else {
			out = append(out, [2]string{"A tag", "loaded"}[part])
		}
	}
	if len(out) == 2 && part == 0 {
		out[1] = "a tag"
	}
	return out
}

// who names the one who asks, and reports whether the word already denies.
func (s *Statement) who(r *rule) (words string, denies bool) {
	switch t := r.ast.Principal.(type) {
	case ast.ScopeTypeEq:
		return "The part of the program for " + s.titleOfEntity(t.Entity), false
	case ast.ScopeTypeIn:
		return "The part of the program for " + s.titleOfEntity(t.Entity), false
	case ast.ScopeTypeIs:
		w := kindWords[t.Type]
		return strings.ToUpper(w[:1]) + w[1:], false
	case ast.ScopeTypeIsIn:
		w := kindWords[t.Type]
		return strings.ToUpper(w[:1]) + w[1:], false
	default:
		if len(r.kinds) == 1 {
			w := kindWords[entityTypes[r.kinds[0]]]
			return strings.ToUpper(w[:1]) + w[1:], false
		}
		if r.Forbid {
			return "Nobody", true
		}
		return "Anybody", false
	}
}

func (s *Statement) where(scope ast.IsResourceScopeNode) string {
	switch t := scope.(type) {
	case ast.ScopeTypeEq:
		return " of " + s.titleOfEntity(t.Entity)
	case ast.ScopeTypeIn:
		return " in " + s.titleOfEntity(t.Entity)
	case ast.ScopeTypeIsIn:
		return " in " + s.titleOfEntity(t.Entity)
	default:
		return ""
	}
}

// conditionsInto writes the conditions: all of the when, none of the unless.
// The approvals that an annotation asks for are said with the obligations.
func (s *Statement) conditionsInto(b *strings.Builder, r *rule) {
	conds := r.conds
	if r.about.approvals > 0 {
		conds = conds[:len(conds)-1]
	}
	var when, unless []string
	for i := range conds {
		c := &conds[i]
		words := s.phrase(c.body, true)
		if len(conds) > 1 && isChain(c.body) && (c.unless != isOr(c.body)) {
			words = bracket(words)
		}
		if c.unless {
			unless = append(unless, words)
		} else {
			when = append(when, words)
		}
	}
	if len(when) > 0 {
		b.WriteString(" if " + clauses(when, "and"))
	}
	if len(unless) > 0 {
		if len(when) > 0 {
			b.WriteString(",")
		}
		b.WriteString(" unless " + clauses(unless, "or"))
	}
}

func isOr(n ast.IsNode) bool {
	_, ok := n.(ast.NodeTypeOr)
	return ok
}

func obligationWords(o obligationsOf) []string {
	var out []string
	if o.approvals > 0 {
		words := approvalsWords(o.approvals)
		out = append(out, "Only once "+words+".")
	}
	told := map[string]string{"subject": "The person is told", "everyone": "Everyone concerned is told", "regulator": "The regulator is told"}
	for _, who := range slices.Sorted(slices.Values(o.notify)) {
		words := told[who]
		if o.delay {
			words += "; if secrecy was ordered, as soon as it ends"
		}
		out = append(out, words+".")
	}
	switch o.mask {
	case "partly":
		out = append(out, "It is shown partly covered.")
	case "fully":
		out = append(out, "It is shown covered.")
	}
	return out
}

// headNeeds says what would make the head of a permit match.
func (s *Statement) headNeeds(r *rule) string {
	who, _ := s.who(r)
	words := "it is " + strings.ToLower(who[:1]) + who[1:] + " who asks"
	if who == "Anybody" {
		words = "the request"
	}
	if in := s.where(r.ast.Resource); in != "" {
		words += ", for a record" + in
	}
	return words
}
