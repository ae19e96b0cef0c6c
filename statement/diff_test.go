package statement

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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
		{"a chapter's introduction", changed(t, "What is asked, and why.", "What is asked.\n\nAnd why."), []string{"text  Chapter “Collection” -+"}},
		{"an introduction that is new", changed(t, "## Security\n", "## Security\n\nHow it is kept.\n"), []string{"text  Chapter “Security” +"}},
		{"an introduction that is gone", changed(t, "What is asked, and why.\n", ""), []string{"text  Chapter “Collection” -"}},
		{"the front", changed(t, "notice_days: 30", "notice_days: 60"), []string{"front  Front matter -+"}},
		{"a rule is rewritten", changed(t, "context.group >= 5", "context.group >= 10"), []string{"rule network.visits A part of the program may report over visits and feedback in “Visits” if the purpose is “Improving our pages” and the smallest group shown is 10 or more. -+"}},
		{"a rule is gone", changed(t, "forbid (principal, action == Action::\"collect\", resource in Collection::\"visit\")\nwhen { context.fullAddress };\n", ""), []string{"rule network.visits Nobody may give or enter data in “Visits” if the address is kept in full. -"}},
		{"a rule is new", changed(t, "when { context.fullAddress };\n", "when { context.fullAddress };\n\nforbid (principal, action == Action::\"analyse\", resource);\n"), []string{"rule network.visits Nobody may report over visits and feedback. +"}},
		{"a declaration brings rules", changed(t, "support: {title: Support, purposes: [service, recommendation]}", "support: {title: Support, purposes: [service]}"), []string{
			"declaration security.staff role support -+",
			"rule security.staff A member of staff may open records if the member of staff has the role “Support” and the purpose is “Running the service”. -+",
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

// What is shown of a change is what changed, in words, and no more.
func TestDiffSaysOnlyWhatChanged(t *testing.T) {
	old := load(t, "full.md")
	for _, test := range []struct {
		name          string
		new           *Statement
		before, after string
	}{
		{"a length of time", changed(t, "notice_days: 30", "notice_days: 60"), "Notice before a change: 30 days", "Notice before a change: 60 days"},
		{"where links lead", changed(t, "links: notice\n", ""), "Links to other sites: lead over a notice that says where they lead", "Links to other sites: lead there at once"},
		{"one purpose less", changed(t, "support: {title: Support, purposes: [service, recommendation]}", "support: {title: Support, purposes: [service]}"), "Opens records for: Running the service and Recommending servers", "Opens records for: Running the service"},
		{"one paragraph", changed(t, "Incognito, and for better pages.", "Incognito.\n\nFor better pages."), "Incognito, and for better pages.", "Incognito.\nFor better pages."},
		{"the end of being planned", changed(t, "status: planned\n", ""), "Planned: what carries it out is still to come", "In force"},
	} {
		d := Diff(old, test.new)
		if len(d) == 0 || d[0].Before != test.before || d[0].After != test.after || d[0].State != "changed" {
			t.Errorf("%s: got %+v", test.name, d)
		}
	}
}

// Whatever a declaration says is compared: no key of one can change unseen.
func TestDiffSeesEveryKeyOfADeclaration(t *testing.T) {
	s, err := parse("statement.md", Default())
	if err != nil {
		t.Fatal(err)
	}
	try := func(table, id string, v any, restore func()) {
		t.Helper()
		value := reflect.ValueOf(v).Elem()
		row, _ := s.row(table, id)
		was := row.lines()
		for i := range value.NumField() {
			name, f := value.Type().Field(i).Name, value.Field(i)
			if slices.Contains([]string{"ID", "Key", "Name", "Clause", "Retain"}, name) {
				continue
			}
			switch x := f.Addr().Interface().(type) {
			case *int:
				*x += 3
			case *bool:
				*x = !*x
			case *Span:
				*x = Span{Days: 7}
			case *time.Time:
				*x = noon
			case *map[loot.Purpose]string:
				*x = map[loot.Purpose]string{"service": "another reason"}
			case *map[string]string:
				*x = map[string]string{"eu": "none", "other": "honour"}
			default:
				switch f.Kind() {
				case reflect.String:
					f.SetString(f.String() + "x")
				case reflect.Slice:
					f.Set(reflect.MakeSlice(f.Type(), 1, 1))
					f.Index(0).SetString("other")
				default:
					t.Fatalf("%s has a %s", table, f.Type())
				}
			}
			row, _ := s.row(table, id)
			if before, after := diffLines(was, row.lines()); len(before)+len(after) == 0 {
				t.Errorf("%s: a change of %s is not seen", table, name)
			}
			restore()
		}
	}
	d := s.d
	tryFirst(try, "purposes", d.purposes, func(p Purpose) string { return string(p.ID) })
	tryFirst(try, "levels", d.levels, func(l Level) string { return strconv.Itoa(l.Level) })
	tryFirst(try, "categories", d.categories, func(c Category) string { return string(c.ID) })
	tryFirst(try, "collections", d.collections, func(c CollectionDecl) string { return string(c.ID) })
	tryFirst(try, "fields", d.fields, func(f FieldDecl) string { return string(f.ID) })
	tryFirst(try, "checks", d.checks, func(c CheckDecl) string { return string(c.ID) })
	tryFirst(try, "permissions", d.offers, func(o Offer) string { return o.ID })
	tryFirst(try, "recipients", d.recipients, func(r Recipient) string { return r.Key })
	tryFirst(try, "roles", d.roles, func(r RoleDecl) string { return string(r.ID) })
	tryFirst(try, "desks", d.desks, func(k DeskDecl) string { return k.Name })
	tryFirst(try, "services", d.services, func(v ServiceDecl) string { return v.ID })
	tryFirst(try, "topics", d.topics, func(v TopicDecl) string { return v.ID })
	tryFirst(try, "senders", d.senders, func(v SenderDecl) string { return v.Key })
	tryFirst(try, "items", d.items, func(v ItemDecl) string { return v.ID })
	tryFirst(try, "tags", d.tags, func(v TagDecl) string { return v.ID })
	tryFirst(try, "signals", d.signals, func(v SignalDecl) string { return v.ID })
}

func tryFirst[T any](try func(table, id string, v any, restore func()), table string, list []T, id func(T) string) {
	old := list[0]
	try(table, id(old), &list[0], func() { list[0] = old })
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
