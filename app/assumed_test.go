package app_test

import (
	"bytes"
	"testing"

	"loot"
	"loot/app"
	"loot/statement"
)

// assuming is the statement that comes with Loot, with suggestions on in Canada and
// where those live whom proofs make up.
func assuming(t *testing.T) *statement.Statement {
	t.Helper()
	src := statement.Default()
	for _, change := range [][2]string{
		{"    purpose: recommendation\n    recipient: self\n", "    purpose: recommendation\n    recipient: self\n    assumed: [CA, IE]\n"},
		{"      recommendation: Without it we might suggest", "      notice: Without it we cannot tell which switches are on where you live.\n      recommendation: Without it we might suggest"},
	} {
		if bytes.Count(src, []byte(change[0])) != 1 {
			t.Fatalf("the statement does not say %q once", change[0])
		}
		src = bytes.Replace(src, []byte(change[0]), []byte(change[1]), 1)
	}
	s, err := statement.Parse("assuming.md", src)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is on in some countries without a click is proved like all else, and missed
// where the statement says it no longer.
func TestProveWhatIsAssumed(t *testing.T) {
	s := assuming(t)
	report, err := app.Prove(t.Context(), s, []loot.Clause{"collection.recommendation", "disclosure.permission"}, provedAt)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report {
		if r.State != app.Passed {
			t.Errorf("%+v", r)
		}
	}
	m, err := app.MutateOne(t.Context(), s, "permissions suggestions assumed", provedAt)
	if err != nil {
		t.Fatal(err)
	}
	if !m.Killed || m.How != app.Lost || m.Clause != "disclosure.permission" || m.By != "where the permission “suggestions” is on without a click" {
		t.Errorf("%+v", m)
	}
}
