package app

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
)

func changed(t *testing.T, old, with string) *statement.Statement {
	t.Helper()
	src := strings.Replace(string(statement.Default()), old, with, 1)
	if src == string(statement.Default()) && old != with {
		t.Fatalf("the statement does not say %q any more", old)
	}
	s, err := statement.Parse("changed.md", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What a declaration promises is tried in the world, whatever the statement in
// force there says of it: each change breaks exactly what was promised.
func TestDeclarationsAreTriedInTheWorld(t *testing.T) {
	now := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	promised := changed(t, "", "")
	for _, c := range []struct {
		name      string
		old, with string
		broken    []string // nothing else of these is
		whole     []string
	}{
		{
			"a level covers nothing", "2: {title: About you, mask: partly", "2: {title: About you, mask: none",
			[]string{"levels 2", "categories contact", "roles support"},
			[]string{"levels 3", "categories payment", "fields company.vat", "services backup", "recipients kelpwharf"},
		},
		{
			"a level waits for nobody", "mask: fully, approvals: 1", "mask: fully, approvals: 0",
			[]string{"levels 3", "categories payment", "roles billing", "roles support"},
			[]string{"levels 2", "categories company", "roles abuse"},
		},
		{
			"a service lost a purpose", "hate to lose.\n    purposes: [service, invoice,", "hate to lose.\n    purposes: [service,",
			[]string{"services backup"},
			[]string{"services domain", "roles support"},
		},
		{
			"a role lost a purpose", "purposes: [support, verification]", "purposes: [verification]",
			[]string{"roles support", "purposes support"},
			[]string{"roles billing", "roles dpo"},
		},
		{
			"a role lost its office", "    purposes: []\n    administers: true", "    purposes: []",
			[]string{"roles administrator"},
			[]string{"roles dpo"},
		},
		{
			"a partner cooperates no longer", "    cooperation: [support]\n", "",
			[]string{"recipients kelpwharf"},
			[]string{"recipients tallowmere"},
		},
		{
			"a detail is asked for less", "      verification: Without it we cannot confirm your company in the EU's register of VAT numbers.\n", "",
			[]string{"fields company.vat", "collections customer", "purposes verification"},
			[]string{"fields company.register", "collections applicant"},
		},
		{
			"a kind is looked at again later", "  contact: {again: 1y}", "  contact: {again: 2y}",
			[]string{"checks contact"},
			[]string{"checks company", "checks address", "categories contact"},
		},
		{
			"a permission is for another", "    purpose: recommendation\n    recipient: self", "    purpose: mailing\n    recipient: self",
			[]string{"permissions suggestions", "desks recommender"},
			[]string{"permissions newsletter", "desks mailing"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := WorldFor(t, changed(t, c.old, c.with), desk.NewClock(now), slog.New(slog.DiscardHandler))
			tried := 0
			for _, d := range promised.Declarations() {
				of := d.Table + " " + d.ID
				broken := slices.Contains(c.broken, of)
				if !broken && !slices.Contains(c.whole, of) {
					continue
				}
				tried++
				outcome, err := declarationProof(promised, d).Run(t.Context(), w)
				if (err != nil) != broken {
					t.Errorf("%s: %s, %v", of, outcome, err)
				}
			}
			if want := len(c.broken) + len(c.whole); tried != want {
				t.Errorf("%d tried, want %d", tried, want)
			}
		})
	}
}

// declarations of a clause in force that no part of the program goes by.
const forecasts = `### We tell the weather {#network.weather}

It is the weather of the sea.

` + "```yaml" + `
norule: The weather is free.
topics:
  weather: {title: Weather, text: Tides and winds.}
senders:
  coast: {title: The coast guard}
` + "```" + `

### Three ways in, and no fourth`

// What is only declared is neither a proof of its clause nor a removal that the
// program would notice, and is said to be so.
func TestDeclaredOnlyProvesNothing(t *testing.T) {
	now := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	s := changed(t, "### Three ways in, and no fourth", forecasts)
	only := []loot.Clause{"network.weather"}
	report, err := Prove(t.Context(), s, only, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(report) != 1 || report[0].State != Unproved || len(report[0].Tried) != 2 || !strings.HasPrefix(report[0].Tried[0].Outcome, "declared only: ") {
		t.Errorf("%+v", report)
	}
	removed, err := Mutate(t.Context(), s, Removal{Only: only}, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(removed) != 2 {
		t.Fatalf("%+v", removed)
	}
	for _, m := range removed {
		if m.How != Unread || m.World != "" || !strings.HasSuffix(m.String(), "it is declared only") {
			t.Errorf("%+v", m)
		}
	}
}
