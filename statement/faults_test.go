package statement

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"loot"
)

// Every fault is told at once, and nothing that only follows from another:
// what a block that cannot be read would have declared is not missing.
func TestEveryFaultIsToldAndNoOther(t *testing.T) {
	const (
		staffID  = "{#security.staff}"
		find     = "permit (principal is Staff, action == Action::\"find\", resource in Collection::\"customer\")\nwhen { principal.roles.contains(Role::\"support\") }"
		typo     = "permit (principal is Staff, action == Action::\"find\", resource in Collection::\"custmer\")\nwhen { principal.roles.contains(Role::\"suport\") }"
		noFind   = `There is no collection "custmer" (did you mean customer?).`
		noRole   = `There is no role "suport" (did you mean support?).`
		misshape = "A clause is written as ### Title {#id}, with one id and nothing else between the braces."
		inside   = "A fence or a clause inside a block: is the block above not closed?"
	)
	already := func(id string) string {
		before, _, _ := strings.Cut(string(Default()), "{#"+id+"}")
		return fmt.Sprintf("The clause %s is already on line %d.", id, strings.Count(before, "\n")+1)
	}
	doubled := already("security.levels")
	whole, err := parse("statement.md", Default())
	if err != nil {
		t.Fatal(err)
	}
	var keepers []loot.Clause
	for _, c := range whole.clauses {
		if !c.Planned {
			keepers = append(keepers, c.ID)
		}
	}
	whole.Check(keepers) // so that no witness is looked for again and again
	for name, c := range map[string]struct {
		edits []string
		want  []string
	}{
		"a doubled id":               {[]string{staffID, "{#security.levels}"}, []string{doubled}},
		"with a fault of its own":    {[]string{staffID, "{#security.levels}", find, typo}, []string{doubled, noFind, noRole}},
		"and planned twice":          {[]string{"{#collection.recommendation}", "{#collection.invoice}"}, []string{already("collection.invoice")}},
		"a malformed id":             {[]string{staffID, "{#security.staff extra}", find, typo}, []string{misshape, noFind, noRole}},
		"no id":                      {[]string{" " + staffID, ""}, []string{misshape}},
		"an id that is no name":      {[]string{staffID, "{#Security}"}, []string{`"Security" is no clause id: write letters a-z, digits, dots and dashes.`}},
		"a fence that is open":       {[]string{"&& context.purpose == Purpose::\"enquiry\" };\n```\n", "&& context.purpose == Purpose::\"enquiry\" };\n"}, []string{inside}},
		"and a fault before it":      {[]string{"&& context.purpose == Purpose::\"enquiry\" };\n```\n", "&& context.purpose == Purpose::\"enqury\" };\n"}, []string{`There is no purpose "enqury" (did you mean enquiry?).`, inside}},
		"YAML that cannot be read":   {[]string{"roles:\n  support:\n    title: Customer support", "roles:\n  support:\n    title: [Customer support", find, typo}, []string{noFind, noRole, "YAML: did not find expected ',' or ']'."}},
		"front matter":               {[]string{`version: "2026-1"`, `version: ""`, "notice_days: 30\n", ""}, []string{`The key "notice_days" is missing.`, `Here stands text, not "".`}},
		"its regions":                {[]string{"regions: [eu, uk, us, ca, other]", "regions: eu"}, []string{"Here stands a list, such as [a, b]."}},
		"none of it":                 {[]string{"---\nversion:", "version:"}, []string{"The statement must begin with its front matter between two lines of ---.", "Write a heading as # Title, not underlined."}},
		"two in a declaration":       {[]string{"    kind: pixel\n    purpose: statistics", "    kind: picture\n    purpose: statistic"}, []string{"Here stands one of cookie, pixel, storage, device, sdk, not \"picture\".", `There is no purpose "statistic" (did you mean statistics?).`}},
		"two in a rule":              {[]string{"@needs1(\"it comes from a visitor, not from somebody who signed in\")\nforbid (principal is Person,", "@neds1(\"it comes from a visitor\")\nforbid (principal is Persn,"}, []string{"The annotation @neds1 is not known (did you mean needs1?).", "The rule does not fit the schema: unrecognized entity type `Persn`."}},
		"a recipient read wrongly":   {[]string{"  tallowmere:\n    title: Tallowmere Software\n    kind: partner", "  tallowmere:\n    title: Tallowmere Software\n    kind: friend"}, []string{"Here stands one of self, partner, authority, court, sponsor, not \"friend\"."}},
		"an action that is unknown":  {[]string{find, strings.Replace(find, `Action::"find"`, `Action::"fnd"`, 1)}, []string{"The rule does not fit the schema: unrecognized action `Action::\"fnd\"`."}},
		"a block within a quotation": {[]string{"```yaml\nroles:\n  support:", "> ```yaml\n> roles:\n>   support:"}, []string{"This looks like a fenced block and is none.", "A block inside a list", "Text indented by four spaces is code", "A fenced block is opened by"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := string(Default())
			for i := 0; i < len(c.edits); i += 2 {
				if n := strings.Count(text, c.edits[i]); n != 1 {
					t.Fatalf("the statement has %q %d times", c.edits[i], n)
				}
				text = strings.Replace(text, c.edits[i], c.edits[i+1], 1)
			}
			_, problems := readAll("statement.md", []byte(text), keepers, whole)
			var got []string
			for i, p := range problems {
				if i < len(c.want) && strings.HasPrefix(p.Text, c.want[i]) {
					p.Text = c.want[i]
				}
				got = append(got, p.Text)
			}
			if !cmp.Equal(got, c.want) {
				t.Errorf("%s\n%v", cmp.Diff(c.want, got), problems)
			}
		})
	}
}

// What a check reports is told together with what cannot be read, if it does
// not only follow from that.
func TestWhatTheCheckSaysIsToldWithTheRest(t *testing.T) {
	const (
		rule    = "permit (principal is Staff, action == Action::\"find\", resource)\nwhen { context.purpose == Purpose::\"service\" };"
		unknown = "permit (principal is Staff, action == Action::\"use\", resource)\nwhen { context.porpose == Purpose::\"service\" };"
		fits    = "The rule does not fit the schema: "
		never   = "No request was found that the rule a.second#%d decides: its conditions never hold"
		keeper  = "The clause is in force, but no part of the program keeps it"
		other   = "\n  other: {title: Other, why: Because., basis: interest, retain: 1y}"
		service = "basis: contract, retain: 1y}"
	)
	for name, c := range map[string]struct {
		src  string
		want []string
	}{
		"a rule, a keeper and a rule that never applies": {
			inCedar(rule + "\n\n" + unknown + "\n\npermit (principal is Staff, action == Action::\"find\", resource)\nwhen { false };"),
			[]string{keeper, fits, fmt.Sprintf(never, 3)},
		},
		"a forbid that never applies": {
			inCedar(unknown + "\n\nforbid (principal is Staff, action == Action::\"find\", resource)\nwhen { false };"),
			[]string{keeper, fits, fmt.Sprintf(never, 2)},
		},
		"a forbid of what only a wrong rule permits": {
			inCedar(unknown + "\n\nforbid (principal is Staff, action == Action::\"find\", resource);"),
			[]string{keeper, fits},
		},
		"a purpose that only a wrong rule uses": {
			strings.Replace(strings.Replace(inCedar(unknown), "service\" };", "other\" };", 1), service, service+other, 1),
			[]string{keeper, fits},
		},
		"that only a rule that cannot be read uses": {
			strings.Replace(inCedar(rule+"\n\npermit (principal is Staf action) when { context.purpose == Purpose::\"othr\" };"), service, service+other, 1),
			[]string{keeper, "The rule cannot be read: "},
		},
		"a purpose that nothing uses": {
			strings.Replace(inCedar(unknown), service, service+strings.ReplaceAll(other, "other", "idle"), 1),
			[]string{"The purpose idle is not used", keeper, fits},
		},
		"no retention and a term": {
			strings.Replace(swap(service, "basis: contract, dpv: dpv:Nothing}"), "Purpose::\"service\" }", "Purpose::\"servise\" }", 1),
			[]string{"The purpose service does not say how long", "The Data Privacy Vocabulary has no term", keeper, "There is no purpose \"servise\""},
		},
		"a field for nothing beside a wrong one": {
			swap("  contact.email: {title: E-mail,", "  contact.name: {title: Name, category: contact, collections: [customer]}\n  contact.email: {titel: E-mail,"),
			[]string{"The field contact.name is needed for nothing", "The key \"title\" is missing.", "Unknown key \"titel\"", keeper},
		},
		"a clause without a rule": {
			swap("### Second", "### Empty {#a.empty}\n\nA promise.\n\n### Second") + "\n```cedar\npermit (\n```\n",
			[]string{"The clause has no rule", keeper, keeper, "The rule cannot be read: "},
		},
		"a clause whose only rule is wrong": {inCedar(unknown), []string{keeper, fits}},
		"prose":                             {strings.Replace(inProse("a <b>bold</b> word"), service, service+other, 1), []string{"Raw HTML", "The purpose other is not used", keeper}},
		"a status that cannot be read":      {inCedar(rule + "\n```\n\n```yaml\nstatus: [planned"), []string{"YAML: "}},
		"dates":                             {inFront("version: \"1\"\nchanged: 2026-01-02"), []string{"The statement was changed on 2026-01-02, after it takes effect (2026-01-01)", keeper}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each looks long for what is not there
			// a second purpose, so that a collection is not for each of them
			src := strings.Replace(c.src, "  support: {title: Support, purposes: [service]}", "  support: {title: Support, purposes: [service, another]}", 1)
			src = strings.Replace(src, "purposes:\n", "purposes:\n  another: {title: Another, why: Because., basis: interest, retain: 1y}\n", 1)
			s, problems := readAll("base.md", []byte(src), []loot.Clause{"a.first"}, nil)
			same := len(problems) == len(c.want)
			for i := range c.want {
				same = same && strings.HasPrefix(problems[i].Text, c.want[i])
			}
			if !same || s != nil && name != "dates" {
				t.Errorf("want %q, got\n%v", c.want, problems)
			}
		})
	}
}
