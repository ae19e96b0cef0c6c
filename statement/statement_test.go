package statement

import (
	"os"
	"testing"
	"time"

	"loot"
)

func load(t testing.TB, name string) *Statement {
	t.Helper()
	src, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := parse(name, src)
	if err != nil {
		t.Fatalf("%s:\n%v", name, err)
	}
	return s
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestSmall(t *testing.T) {
	s := load(t, "small.md")
	in := &Input{
		Action: loot.Use, Actor: Actor{Kind: loot.Staff, Roles: []loot.Role{"support"}, Undertaking: noon.AddDate(-1, 0, 0)},
		Record:  Record{Collection: "customer", Category: "contact", Level: 2, Purposes: []loot.Purpose{"service", "invoice"}},
		Person:  Person{Ordered: []loot.Purpose{"service"}},
		Context: Context{Purpose: "service", Now: noon},
	}
	v := s.Decide(in)
	t.Logf("%+v", v)
	if !v.Allowed {
		t.Errorf("%+v %+v", v, s.Explain(in))
	}
	in.Actor.Undertaking = time.Time{}
	in.Context.Purpose = "invoice"
	v = s.Decide(in)
	t.Logf("%+v\n%+v", v, s.Explain(in))
	for _, r := range s.Rules() {
		t.Log(r.ID, r.Line, r.Col, r.Generated, r.Text)
	}
	for _, c := range s.Clauses() {
		t.Logf("%+v", c.HTML)
	}
}

func BenchmarkDecideSmall(b *testing.B) {
	s := load(b, "small.md")
	in := &Input{
		Action: loot.Use, Actor: Actor{Kind: loot.Staff, Roles: []loot.Role{"support"}, Undertaking: noon.AddDate(-1, 0, 0)},
		Record:  Record{Collection: "customer", Category: "contact", Level: 2, Purposes: []loot.Purpose{"service", "invoice"}},
		Person:  Person{Ordered: []loot.Purpose{"service"}},
		Context: Context{Purpose: "service", Now: noon},
	}
	b.ReportAllocs()
	for b.Loop() {
		if !s.Decide(in).Allowed {
			b.Fatal("refused")
		}
	}
}
