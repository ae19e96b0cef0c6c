package statement

import (
	"os"
	"sync"
	"testing"
	"time"

	"loot"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func read1(t testing.TB, name string) []byte {
	t.Helper()
	src, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

var loaded sync.Map // name to *Statement: immutable, so the tests share them

// load parses a statement of the test data.
func load(t testing.TB, name string) *Statement {
	t.Helper()
	if s, ok := loaded.Load(name); ok {
		return s.(*Statement)
	}
	s, err := parse(name, read1(t, name))
	if err != nil {
		t.Fatalf("%s:\n%v", name, err)
	}
	loaded.Store(name, s)
	return s
}

func purposes(list ...loot.Purpose) []loot.Purpose { return list }

// opening is a use by support that full.md permits.
func opening() *Input {
	return &Input{
		Action:  loot.Use,
		Actor:   Actor{Kind: loot.Staff, Roles: []loot.Role{"support"}, Undertaking: noon.AddDate(-1, 0, 0)},
		Record:  Record{Collection: "customer", Category: "contact", Level: 2, Purposes: purposes("service", "invoice", "recommendation"), Identifying: true},
		Person:  Person{Ordered: purposes("service"), Permissions: map[string][]loot.Purpose{"acme": purposes("partner")}},
		Context: Context{Purpose: "service", Now: noon},
	}
}

// transfer is a transfer to a partner that full.md permits.
func transfer() *Input {
	in := opening()
	in.Action = loot.Transfer
	in.Actor = Actor{Kind: loot.Partner, Key: "acme", Agreement: &Agreement{Signed: noon.AddDate(-1, 0, 0), Ends: noon.AddDate(1, 0, 0), Purposes: purposes("partner", "service")}}
	in.Context = Context{Purpose: "partner", Now: noon, Entered: true}
	return in
}

// answer is an answer to an authority that full.md permits.
func answer() *Input {
	in := opening()
	in.Action = loot.Answer
	in.Actor = Actor{Kind: loot.Authority}
	in.Context = Context{
		Purpose: "safety", Now: noon, Entered: true, Approvals: 2,
		Request: &Asked{Basis: "a law", Valid: true, Until: noon.AddDate(0, 1, 0), Scope: []loot.Category{"contact"}},
	}
	return in
}

// cookie is an item that full.md permits to a visitor who agreed.
func cookie() *Input {
	return &Input{
		Action:  loot.Store,
		Actor:   Actor{Kind: loot.Visitor, Region: "eu", Consent: &Consent{Purposes: purposes("advertising"), Statement: "this"}},
		Item:    Item{Kind: "device", Purpose: "advertising", Declared: true, Third: true},
		Context: Context{Now: noon, Statement: "this"},
	}
}
