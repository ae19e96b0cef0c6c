package statement

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"loot"
)

func changed(t *testing.T, pairs ...string) *Statement {
	t.Helper()
	text := string(read1(t, "full.md"))
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			t.Fatalf("full.md has %q %d times", pairs[i], strings.Count(text, pairs[i]))
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	s, err := parse("full.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDiff(t *testing.T) {
	old := load(t, "full.md")
	if d := Diff(old, changed(t)); len(d) != 0 {
		t.Errorf("the same: got %+v", d)
	}
	tests := []struct {
		name string
		new  *Statement
		want []string // kind, clause, what, and which sides
	}{
		{"a word", changed(t, "Incognito, and for better pages.", "Incognito."), []string{"text network.visits Visits -+"}},
		{"the front", changed(t, "notice_days: 30", "notice_days: 60"), []string{"front  Front matter -+"}},
		{"a rule is rewritten", changed(t, "context.group >= 5", "context.group >= 10"), []string{"rule network.visits A part of the program may report over visits and feedback in “Visits” if the purpose is “Improving our pages” and the smallest group shown is 10 or more. -+"}},
		{"a rule is gone", changed(t, "forbid (principal, action == Action::\"collect\", resource in Collection::\"visit\")\nwhen { context.fullAddress };\n", ""), []string{"rule network.visits Nobody may give or enter data in “Visits” if the address is kept in full. -"}},
		{"a rule is new", changed(t, "when { context.fullAddress };\n", "when { context.fullAddress };\n\nforbid (principal, action == Action::\"analyse\", resource);\n"), []string{"rule network.visits Nobody may report over visits and feedback. +"}},
		{"a declaration brings rules", changed(t, "support: {title: Support, purposes: [service, recommendation]}", "support: {title: Support, purposes: [service]}"), []string{
			"rule security.staff A member of staff may open records if the member of staff has the role “Support” and the purpose is “Running the service”. -+",
			"declaration  role support -+",
		}},
		{"planned comes into force", changed(t, "status: planned\n", ""), []string{"text network.reuse Applications -+"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, c := range Diff(old, test.new) {
				sides := ""
				if c.Before != "" {
					sides += "-"
				}
				if c.After != "" {
					sides += "+"
				}
				got = append(got, strings.Join([]string{c.Kind, string(c.Clause), c.What, sides}, " "))
			}
			if !cmp.Equal(got, test.want) {
				t.Error(cmp.Diff(test.want, got))
			}
		})
	}
}

func TestReplayFindsWhatWouldChange(t *testing.T) {
	old := load(t, "full.md")
	ins := []Input{*opening(), *opening(), *transfer(), *answer(), *cookie()}
	if r := ReplayInputs(old, changed(t), ins); r.Tried != 5 || len(r.Changed) != 0 {
		t.Errorf("the same: got %+v", r)
	}
	stricter := changed(t, "support: {title: Support, purposes: [service, recommendation]}", "support: {title: Support, purposes: [recommendation]}", `@approvals("2")`, `@approvals("3")`)
	want := Replay{Tried: 5, Changed: []ReplayChange{
		{Action: loot.Use, Actor: loot.Staff, Purpose: "service", Before: true, Times: 2},
		{Action: loot.Answer, Actor: loot.Authority, Purpose: "safety", Before: true, Times: 1},
	}}
	if got := ReplayInputs(old, stricter, ins); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	// how confidential the data is, is what each version says of it
	closer := changed(t, "contact: {title: Contact data, level: 2", "contact: {title: Contact data, level: 3")
	got := ReplayInputs(old, closer, ins)
	if len(got.Changed) != 1 || got.Changed[0].Times != 2 || !cmp.Equal(got.Changed[0].Clauses, []loot.Clause{"security.levels"}) {
		t.Errorf("got %+v", got)
	}
	// a purpose that the new version does not know is refused there
	gone := []Input{*opening()}
	gone[0].Context.Purpose, gone[0].Person.Ordered = "service", purposes("service")
	if got := ReplayInputs(load(t, "small.md"), old, gone); got.Tried != 1 {
		t.Errorf("got %+v", got)
	}
}
