package statement

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"loot"
)

func TestExplain(t *testing.T) {
	s := load(t, "full.md")
	tests := []struct {
		name string
		from func() *Input
		make func(in *Input)
		want Explanation
	}{
		{"permitted", opening, func(*Input) {}, Explanation{}},
		{"a forbid cites itself, with the nearest permit", opening, func(in *Input) { in.Actor.Undertaking = time.Time{} }, Explanation{
			Clause: "security.staff", Title: "Staff", Nearest: "security.staff", NearestTitle: "Staff",
			Needed: []string{"the member of staff has signed the confidentiality undertaking"},
		}},
		{"all that is missing is said at once", opening, func(in *Input) {
			in.Actor.Undertaking, in.Person.Ordered, in.Actor.Roles = time.Time{}, nil, nil
		}, Explanation{
			Clause: "security.staff", Title: "Staff", Nearest: "security.staff", NearestTitle: "Staff", Others: []loot.Clause{"disclosure.permission"},
			Needed: []string{
				"the member of staff has signed the confidentiality undertaking",
				"the customer ordered a service that needs this, a law that is named asks for it or the customer permitted it",
				"the member of staff has the role “Support”",
			},
		}},
		{"another role has that purpose", opening, func(in *Input) {
			in.Context.Purpose, in.Person.Ordered = "invoice", purposes("invoice")
		}, Explanation{
			Clause: "security.staff", Title: "Staff", Nearest: "security.staff", NearestTitle: "Staff",
			Needed: []string{"the member of staff has the role “Accounts”"},
		}},
		{"a condition without words of its own", transfer, func(in *Input) {
			in.Context.Purpose, in.Person.Permissions, in.Context.Announced, in.Context.Due = "service", nil, noon.AddDate(0, -1, 0), noon.AddDate(0, 0, 1)
		}, Explanation{
			Clause: "disclosure.partners", Title: "Partners", Nearest: "disclosure.partners", NearestTitle: "Partners",
			Needed: []string{"the end of the notice period has come"},
		}},
		{"two approvals", answer, func(in *Input) { in.Context.Approvals = 0 }, Explanation{
			Clause: "disclosure.authorities", Title: "Authorities and courts", Nearest: "disclosure.authorities", NearestTitle: "Authorities and courts",
			Needed: []string{"two people other than the one who asks have approved it"},
		}},
		{"a guard stops the chain", opening, func(in *Input) {
			in.Actor.Roles, in.Context.Purpose, in.Context.Case = []loot.Role{"abuse"}, "safety", "dispute"
		}, Explanation{
			Clause: "collection.safety", Title: "Safety", Nearest: "collection.safety", NearestTitle: "Safety",
			Needed: []string{"an open case of abuse is named"},
		}},
		{"somebody else could", opening, func(in *Input) {
			in.Action, in.Actor = loot.Export, Actor{Kind: loot.Staff, Undertaking: noon.AddDate(-1, 0, 0)}
		}, Explanation{
			Clause: "adequacy.visible", Title: "Your own record", Nearest: "adequacy.visible", NearestTitle: "Your own record",
			Needed: []string{"it is a person who asks", "the record is your own"},
		}},
		{"only planned", opening, func(in *Input) {
			in.Actor.Roles, in.Context.Purpose, in.Person.Ordered = []loot.Role{"recruiter"}, "recruitment", purposes("recruitment")
			in.Record.Collection, in.Record.Category, in.Record.Purposes = "applicant", "application", purposes("recruitment")
		}, Explanation{
			Clause: "network.reuse", Title: "Applications", Nearest: "network.reuse", NearestTitle: "Applications", Planned: true,
			Needed: []string{"“Applications” is in operation; it is only planned so far"},
		}},
		{"what is not known", opening, func(in *Input) { in.Context.Purpose = "curiosity" }, Explanation{
			Needed: []string{"The request is complete and speaks of what this statement knows."},
			Fault:  `the purpose "curiosity" is not in the statement`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := test.from()
			test.make(in)
			if got := s.Explain(in); !cmp.Equal(got, test.want) {
				t.Error(cmp.Diff(test.want, got))
			}
		})
	}
}

// Every refusal says something, and never in code.
func TestEveryRefusalIsExplained(t *testing.T) {
	for _, s := range []*Statement{load(t, "full.md"), inForce(t, "statement.md", Default())} {
		next := randomInputs(s, 6)
		for range 2000 {
			in := next()
			v, e := s.Decide(in), s.Explain(in)
			switch {
			case v.Allowed && !cmp.Equal(e, Explanation{}):
				t.Fatalf("permitted and explained: %+v\n%+v", e, in)
			case !v.Allowed && (e.Clause == "" || e.Title == "" || len(e.Needed) == 0 || e.Fault != ""):
				t.Fatalf("refused without a reason: %+v\n%+v", e, in)
			case len(v.Clauses) > 0 && !v.Allowed && e.Clause != v.Clauses[0]:
				t.Fatalf("the verdict cites %v, the explanation %v", v.Clauses, e.Clause)
			}
			for _, text := range e.Needed {
				if strings.ContainsAny(text, "`{") || strings.Contains(text, "::") || text == "" {
					t.Fatalf("not in plain words: %q", text)
				}
			}
		}
	}
}
