package desk_test

import (
	"strings"
	"testing"

	"loot"
	"loot/desk"
	"loot/statement"
)

// TestACustomerIsNamedByIDOrAddress, as a browser shows it.
func TestACustomerIsNamedByIDOrAddress(t *testing.T) {
	s := loot.NewSubject()
	for _, text := range []string{
		string(s), " " + string(s) + "\n",
		"/console/customers/" + string(s),
		"https://privacy.example.com/console/customers/" + string(s) + "?approval=" + loot.NewID("a"),
		"https://privacy.example.com/console/customers/" + string(s) + "/open#ask",
	} {
		if got := desk.SubjectIn(text); got != s {
			t.Errorf("%q names %q, want %q", text, got, s)
		}
	}
	for text, want := range map[string]loot.Subject{"": "", "sam\n": "sam", "https://privacy.example.com/console/customers": "https://privacy.example.com/console/customers"} {
		if got := desk.SubjectIn(text); got != want {
			t.Errorf("%q names %q, want %q", text, got, want)
		}
	}
}

func TestReference(t *testing.T) {
	for id, want := range map[string]string{"iaaaaabcdefghij": "I-CDEFGHIJ", "i1": "I-I1"} {
		if got := desk.Reference("I", id); got != want {
			t.Errorf("%s is called %s, want %s", id, got, want)
		}
	}
}

// TestWhatIsNamedIsKnownByItsForm: by its id or its reference, and by nothing that holds one.
func TestWhatIsNamedIsKnownByItsForm(t *testing.T) {
	id := loot.NewID("i")
	reference := desk.Reference("I", id)
	if !desk.IsID("i", id) || !desk.IsReference("I", reference) {
		t.Errorf("%q or %q is not known", id, reference)
	}
	for _, text := range []string{"", "i", "I-", id[1:], "s" + id[1:], id + "a", id + "\n", " " + id, strings.ToUpper(id), reference} {
		if desk.IsID("i", text) {
			t.Errorf("%q counts as an id", text)
		}
	}
	for _, text := range []string{"", "I", "I-", reference[1:], "D" + reference[1:], reference + "A", reference + "\n", " " + reference, strings.ToLower(reference), "I-ABCDEFG1", id} {
		if desk.IsReference("I", text) {
			t.Errorf("%q counts as a reference", text)
		}
	}
}

func TestLanguagesAreTheStandards(t *testing.T) {
	list := desk.Choices(statement.FieldDecl{Type: "language"})
	if len(list) != 183 {
		t.Errorf("%d languages, want 183 of ISO 639-1", len(list))
	}
	seen := map[string]bool{}
	for _, c := range list {
		if len(c.Value) != 2 || c.Label == "" || seen[c.Value] {
			t.Errorf("%q %q", c.Value, c.Label)
		}
		seen[c.Value] = true
	}
}
