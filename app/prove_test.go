package app_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"loot"
	"loot/app"
	"loot/statement"
)

var provedAt = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

func standard(t *testing.T) *statement.Statement {
	t.Helper()
	s, err := statement.Parse("statement.md", statement.Default())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every clause that the statement has in force is proved, and no planned one
// is said to be.
func TestProveTheStatement(t *testing.T) {
	s := standard(t)
	report, err := app.Prove(t.Context(), s, nil, provedAt)
	if err != nil {
		t.Fatal(err)
	}
	if len(report) != len(s.Clauses()) {
		t.Fatalf("%d clauses in the report, %d in the statement", len(report), len(s.Clauses()))
	}
	for i, c := range s.Clauses() {
		r := report[i]
		want := app.Passed
		if c.Planned {
			want = app.Unproved
		}
		if r.Clause == c.ID && r.State == want {
			continue
		}
		t.Errorf("%s: %s, want %s of %s", r.Clause, r.State, want, c.ID)
		for _, tried := range r.Tried {
			if tried.Failed {
				t.Errorf("  %s: %s", tried.Name, tried.Outcome)
			}
		}
	}
}

// Whatever is removed from a clause, a proof of that clause notices.
func TestMutateOneClause(t *testing.T) {
	s := standard(t)
	const clause = loot.Clause("disclosure.partners")
	told := 0
	report, err := app.Mutate(t.Context(), s, app.Removal{Only: []loot.Clause{clause}, Done: func(app.Mutation) { told++ }}, provedAt)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := s.Clause(clause)
	if len(report) <= len(c.Rules) || told != len(report) {
		t.Fatalf("%d things removed, %d told; the clause has %d rules and declarations besides", len(report), told, len(c.Rules))
	}
	for _, m := range report {
		if !m.Killed || m.By == "" || m.Clause != clause {
			t.Errorf("%+v", m)
		}
	}
}

// A declaration that is gone is missed by what it did, in a world: to say that
// it is gone is not enough.
func TestRemovedDeclarationsAreMissed(t *testing.T) {
	report, err := app.Mutate(t.Context(), standard(t), app.Removal{Only: []loot.Clause{"disclosure.permission", "collection.compulsory", "adequacy.verification"}}, provedAt)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"permissions newsletter", "services backup", "fields company.vat", "fields contact.phone", "checks company", "checks address", "checks contact", "checks payment"} {
		i := slices.IndexFunc(report, func(m app.Mutation) bool { return m.Removed == what })
		if i < 0 || report[i].How != app.Lost || report[i].World == "" {
			t.Errorf("%s: %+v", what, report)
		}
	}
}

// The kernel's own proofs find out what a changed text lets through, without
// knowing what it said before.
func TestProofsFailWithoutTheirRule(t *testing.T) {
	for _, c := range []struct {
		clause    loot.Clause
		old, with string
	}{
		{
			"disclosure.partners", "context.now < principal.agreement.ends && principal.agreement.purposes", "principal.agreement.purposes",
		},
		{"network.purpose", `unless { resource.purposes.contains(context.purpose) };`, `unless { resource.purposes.contains(context.purpose) || context.purpose == Purpose::"payment" };`},
	} {
		t.Run(string(c.clause), func(t *testing.T) {
			src := bytes.Replace(statement.Default(), []byte(c.old), []byte(c.with), 1)
			if bytes.Equal(src, statement.Default()) {
				t.Fatal("the statement does not say this any more")
			}
			s, err := statement.Parse("changed.md", src)
			if err != nil {
				t.Fatal(err)
			}
			report, err := app.Prove(t.Context(), s, []loot.Clause{c.clause}, provedAt)
			if err != nil {
				t.Fatal(err)
			}
			if len(report) != 1 || report[0].State != app.Failed {
				t.Errorf("%+v", report)
			}
		})
	}
}

func TestProveEndsWhenToldTo(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := app.Prove(ctx, standard(t), nil, provedAt); err == nil {
		t.Error("it went on")
	}
	if _, err := app.Mutate(ctx, standard(t), app.Removal{}, provedAt); err == nil {
		t.Error("it went on removing")
	}
}

// A clause that is not asked for is not tried.
func TestProveOnly(t *testing.T) {
	report, err := app.Prove(t.Context(), standard(t), []loot.Clause{"disclosure.responsibility", "network.events"}, provedAt)
	if err != nil {
		t.Fatal(err)
	}
	states := map[loot.Clause]app.ProofState{}
	for _, r := range report {
		states[r.Clause] = r.State
		if r.Tried == nil {
			t.Errorf("%s: no list of what was tried", r.Clause)
		}
	}
	if len(report) != 2 || states["disclosure.responsibility"] != app.Passed || states["network.events"] != app.Unproved {
		t.Error(states)
	}
	if slices.ContainsFunc(report, func(r app.Proved) bool { return r.State == app.Failed }) {
		t.Errorf("%+v", report)
	}
}

// Links lead as the statement in force says, and are marked either way.
func TestLinksLeadAsTheStatementSays(t *testing.T) {
	for setting, want := range map[string]string{
		"links: notice\n": "4 links lead over the notice, which names the site", "links: direct\n": "4 links lead there at once", "": "4 links lead there at once",
	} {
		src := bytes.Replace(statement.Default(), []byte("\nlinks: notice\n"), []byte("\n"+setting), 1)
		s, err := statement.Parse("changed.md", src)
		if err != nil {
			t.Fatal(err)
		}
		report, err := app.Prove(t.Context(), s, []loot.Clause{"network.links"}, provedAt)
		if err != nil {
			t.Fatal(err)
		}
		if len(report) != 1 || report[0].State != app.Passed || !slices.ContainsFunc(report[0].Tried, func(tried app.Tried) bool { return tried.Outcome == want }) {
			t.Errorf("%q: %+v", setting, report)
		}
	}
}
