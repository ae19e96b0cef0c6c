package statement

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
			_, err := parse("statement.md", []byte(text))
			problems, _ := err.(Problems)
			var got []string
			for i, p := range problems {
				if i < len(c.want) && strings.HasPrefix(p.Text, c.want[i]) {
					p.Text = c.want[i]
				}
				got = append(got, p.Text)
			}
			if !cmp.Equal(got, c.want) {
				t.Errorf("%s\n%v", cmp.Diff(c.want, got), err)
			}
		})
	}
}
