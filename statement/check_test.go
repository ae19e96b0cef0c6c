package statement

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/google/go-cmp/cmp"

	"loot"
)

func TestCheckFindsNothingInASoundStatement(t *testing.T) {
	for _, p := range load(t, "full.md").Check(nil) {
		t.Error(p)
	}
}

func TestCheck(t *testing.T) {
	const permit = `permit (principal is Staff, action == Action::"find", resource)
when { context.purpose == Purpose::"service" };`
	tests := []struct {
		name, src, want string
	}{
		{"a clause without a rule", swap("```cedar\n"+permit+"\n```", ""), "35:1: a.second: The clause has no rule"},
		{"a clause without words", swap("Prose of the second.", ""), "35:1: a.second: The clause has rules and says nothing"},
		{"an unused purpose", inYAML("") + "\n```yaml\npurposes: {idle: {title: Idle, why: X., basis: interest, retain: 1y}}\n```\n", "The purpose idle is not used"},
		{"an unused category", swap("  contact: {title: Contact, level: 1}", "  contact: {title: Contact, level: 1}\n  idle: {title: Idle, level: 1}"), "27:3: a.first: No field and no rule is of the category idle."},
		{"no retention", swap(", retain: 1y", ""), "22:3: a.first: The purpose service does not say how long"},
		{"a field for nothing", swap("needed: {service: None.}", "needed: {}"), "30:3: a.first: The field contact.email is needed for nothing"},
		{"a field that does not say what for", swap(", needed: {service: None.}", ""), "30:3: a.first: The field contact.email is needed for nothing"},
		{"a term that the vocabulary lacks", swap("basis: contract", `dpv: "dpv:ServiceProvison", basis: contract`), "22:49: a.first: The Data Privacy Vocabulary has no term dpv:ServiceProvison among its purposes (did you mean dpv:ServiceProvision?)."},
		{"a term of another group", swap("basis: contract", `dpv: "pd:Contact", basis: contract`), "is one of the kinds of data"},
		// what Cedar's validator lets pass
		{"never true", when("false"), "its conditions never hold"},
		{"an empty range", when("resource.level < 1 && resource.level > 5"), "its conditions never hold"},
		{"two purposes at once", when(`context.purpose == Purpose::"service" && context.purpose == Purpose::"other"`) + "\n```yaml\npurposes: {other: {title: O, why: X., basis: interest, retain: 1y}}\n```\n", "its conditions never hold"},
		{"an actor that does not do this", inCedar(`permit (principal, action == Action::"find", resource)
when { principal is Visitor };`), "No request was found that the rule a.second#1 decides"},
		{"two words that differ", when(`"a" == "b"`), "its conditions never hold"},
		{"two kinds of thing compared", when(`context.purpose == Region::"eu"`), "its conditions never hold"},
		{"permitted and wholly forbidden", inCedar(permit + "\n\nforbid (principal, action == Action::\"find\", resource);"), "a.second#1 decides: its conditions never hold, or other rules permit or forbid all of it"},
		{"forbidden twice", inCedar(permit + `

forbid (principal is Staff, action == Action::"find", resource)
unless { principal has undertaking };

forbid (principal, action == Action::"find", resource)
when { principal is Staff && !(principal has undertaking) };`), "or other rules forbid all of it already"},
		{"the same rule twice", inCedar(permit + "\n" + permit), "the rule a.second#2 says the same"},
		{"nothing permits what is forbidden", inCedar(permit + "\nforbid (principal, action == Action::\"erase\", resource);"), "nothing permits what it forbids"},
		{"what stands in no register passes", inCedar(permit + "\npermit (principal, action == Action::\"store\", resource)\nwhen { resource.kind == Kind::\"cookie\" };"), "permits what stands in no register"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // each looks long for what is not there
			s, err := parse("base.md", []byte(test.src))
			if err != nil {
				t.Fatal(err)
			}
			found := s.Check(nil)
			if !strings.Contains(found.Error(), test.want) {
				t.Errorf("want %q, got\n%v", test.want, found)
			}
		})
	}
}

func TestCheckWantsAKeeperOfEachPromiseInForce(t *testing.T) {
	s := load(t, "full.md")
	var keepers []loot.Clause
	for _, c := range s.Clauses() {
		if c.ID != "collection.safety" && !c.Planned {
			keepers = append(keepers, c.ID)
		}
	}
	found := s.Check(keepers)
	if len(found) != 1 || found[0].Clause != "collection.safety" || !strings.Contains(found[0].Text, "no part of the program keeps it") {
		t.Errorf("got %v", found)
	}
	if found := s.Check([]loot.Clause{}); len(found) < 10 {
		t.Errorf("with no keeper at all: got %v", found)
	}
}

// A witness is a ready-made proof: with the rule the input comes out one way,
// without it the other.
func TestWitnessesTurnTheVerdict(t *testing.T) {
	s := load(t, "full.md")
	for _, r := range s.Rules() {
		if s.byID[types.PolicyID(r.ID)].planned {
			continue
		}
		in, ok := s.Witnesses(r.ID)
		if !ok {
			t.Errorf("%s: no witness", r.ID)
			continue
		}
		rest, err := s.Without(r.ID)
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		with, without := s.Decide(in), rest.Decide(in)
		turned := with.Allowed != without.Allowed || !with.Obligations.equal(without.Obligations)
		if !turned || with.Allowed == r.Forbid || !slices.Contains(with.Rules, r.ID) {
			t.Errorf("%s: with it %+v, without it %+v", r.ID, with, without)
		}
		if rest.Hash() == s.Hash() {
			t.Errorf("%s: the statement without it has the same hash", r.ID)
		}
	}
}

func TestWitnessOfAPlannedRule(t *testing.T) {
	s := load(t, "full.md")
	in, ok := s.Witnesses("network.reuse#1")
	if !ok {
		t.Fatal("no witness")
	}
	if v := s.Decide(in); v.Allowed {
		t.Errorf("what is planned is permitted: %+v", v)
	}
	if _, ok := s.Witnesses("network.reuse#99"); ok {
		t.Error("a rule that is not there has a witness")
	}
}

func TestWitnessIsTheSameEveryTime(t *testing.T) {
	s := load(t, "full.md")
	for _, id := range []string{"disclosure.partners#1", "security.levels#1", "cookies.signals#1"} {
		a, _ := s.Witnesses(id)
		b, _ := s.Witnesses(id)
		if !cmp.Equal(a, b) {
			t.Errorf("%s: %s", id, cmp.Diff(a, b))
		}
	}
}

// Each declaration that is taken out is missed: by what speaks of it, or by the
// rules that came from it.
func TestWithoutDeclaration(t *testing.T) {
	s := load(t, "full.md")
	unmissed := []string{
		// read by the desks, not by rules
		"fields payment.iban", "permissions hints", "permissions offers", "services server", "levels 1", "levels 2",
		"topics servers", "topics offers", "items session", "items number", "signals dnt", "roles administrator", "recipients police", "recipients court",
		"recipients fair", "desks reports", "roles abuse", "desks mailing", "senders self", "senders acme", "fields applicant.letter", "fields visit.page", "fields guest.name",
		"fields contact.email", "tags ads", "checks contact",
	}
	for _, e := range s.parsed.entries {
		what := e.table + " " + e.id
		rest, err := s.WithoutDeclaration(e.table, e.id)
		if err != nil {
			continue // something speaks of it
		}
		changed := len(rest.rules) != len(s.rules) || !cmp.Equal(rest.CedarPolicies(), s.CedarPolicies())
		if !changed && !slices.Contains(unmissed, what) {
			t.Errorf("nothing misses %s", what)
		}
		if rest.d.names[e.table][e.id] || rest.Hash() == s.Hash() {
			t.Errorf("%s is still there", what)
		}
	}
	if _, err := s.WithoutDeclaration("purposes", "nothing"); err == nil {
		t.Error("what is not declared was taken out")
	}
	if _, err := s.WithoutDeclaration("nothings", "x"); err == nil {
		t.Error("a table that is not there was read")
	}
	if _, err := s.Without("a#1"); err == nil {
		t.Error("a rule that is not there was taken out")
	}
}

func TestFacts(t *testing.T) {
	s := load(t, "full.md")
	for a, want := range map[loot.Action]string{
		loot.Use:      "context.approvals context.case context.now context.purpose person.duties person.ordered person.permissions record.collection record.level staff.roles staff.undertaking",
		loot.Transfer: "context.announced context.approvals context.due context.entered context.now context.purpose partner.agreement partner.agreement.ends partner.agreement.purposes partner.agreement.signed partner.cooperation partner.key partner.successor person.objected person.permissions person.restricted record.collection",
		loot.Contact:  "context.purpose context.region context.sender context.topic person.cancelled person.confirmed person.topics",
		loot.Export:   "context.now person.own staff.undertaking",
		loot.Load:     "context.contextual context.statement item.declared item.purpose visitor.consent visitor.consent.purposes visitor.consent.statement visitor.optedOut visitor.region visitor.signals",
	} {
		if got := strings.Join(s.Facts(a), " "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", a, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	var b strings.Builder
	s := inForce(t, "full.md", read1(t, "full.md"))
	for _, r := range s.Rules() {
		fmt.Fprintf(&b, "%s: %s\n", r.ID, r.Words)
	}
	golden(t, "testdata/full.words", []byte(b.String()))
	for _, r := range inForce(t, "statement.md", Default()).Rules() {
		if strings.Contains(r.Words, "`") || strings.Contains(r.Words, "  ") {
			t.Errorf("%s is not in plain words: %s", r.ID, r.Words)
		}
	}
}

// What is known from another version makes a check quick and changes nothing of
// what it finds.
func TestACheckThatLearnedFindsTheSame(t *testing.T) {
	old, err := parse("full.md", read1(t, "full.md"))
	if err != nil {
		t.Fatal(err)
	}
	if problems := old.Check(nil); len(problems) > 0 {
		t.Fatal(problems)
	}
	known := 0
	old.found.Range(func(any, any) bool { known++; return true })
	if known != len(old.rules) {
		t.Errorf("%d of %d rules are known", known, len(old.rules))
	}
	for name, pairs := range map[string][]string{
		"the same":          nil,
		"a rule twice":      {"when { context.fullAddress };\n", "when { context.fullAddress };\n\nforbid (principal, action == Action::\"collect\", resource in Collection::\"visit\")\nwhen { context.fullAddress };\n"},
		"a wider rule":      {"when { context.fullAddress };\n", "when { context.fullAddress };\n\nforbid (principal, action == Action::\"collect\", resource in Collection::\"visit\");\n"},
		"another condition": {"context.group >= 5", "context.group >= 10"},
	} {
		want := changed(t, pairs...).Check(nil)
		s := changed(t, pairs...)
		s.Learn(old)
		if got := s.Check(nil); !cmp.Equal(got, want) {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
	}
}
