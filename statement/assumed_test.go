package statement

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	hints    = "hints: {title: Hints, text: Now and then., purpose: recommendation, recipient: self}"
	iban     = "  payment.iban: {title: IBAN,"
	homeland = "  address.country: {title: Country, category: contact, collections: [customer], type: country, needed: {service: We cannot tell where., recommendation: It fits no country.}}\n"
	mailing  = "  mailing: {title: Mailing}"
	desk     = "\n  customers: {title: Registering, purposes: [service]}"
)

// where has hints on in countries.
func where(list string) []string {
	return []string{hints, strings.TrimSuffix(hints, "}") + ", assumed: " + list + "}", iban, homeland + iban, mailing, mailing + desk}
}

func TestAssumedPermissions(t *testing.T) {
	s := changed(t, where("[US, CA]")...)
	o, _ := s.Offer("hints")
	if !o.AssumedIn("CA") || o.AssumedIn("IE") || o.AssumedIn("") {
		t.Errorf("%+v", o)
	}
	if s.CountryField("customer") != "address.country" || s.CountryField("visit") != "" || s.CountryPurpose("customer") != "service" {
		t.Error("the country is looked for elsewhere")
	}
	if problems := s.Check(nil); len(problems) > 0 {
		t.Error(problems)
	}
	without, err := s.WithoutAssumed("hints")
	if err != nil {
		t.Fatal(err)
	}
	if o, _ = without.Offer("hints"); o.AssumedIn("CA") || without.Hash() == s.Hash() {
		t.Error("it is still assumed, or is the same statement")
	}
}

// What nobody could carry out, or nobody should be taken to want, is refused.
func TestWhatCannotBeAssumed(t *testing.T) {
	for _, test := range []struct {
		name, want string
		pairs      []string
	}{
		{"a country that is none", `There is no country "UK", in which the permission hints could be assumed.`, where("[US, UK]")},
		{"a code in small letters", `Here stands a country as two capital letters, not "us".`, where("[us]")},
		{"a country twice", `"US" stands in the list twice.`, where("[US, US]")},
		{"somebody else", "The permission hints is for acme: only what we ourselves may do can be assumed", append(where("[US]"), "purpose: recommendation, recipient: self", "purpose: recommendation, recipient: acme")},
		{"nobody knows where", "no collection that is for recommendation has a field of the type country", append(where("[US]"), "type: country, ", "")},
		{"the collection is for something else", "no collection that is for recommendation has a field of the type country", append(where("[US]"), "purposes: [service, invoice, recommendation, safety, partner]", "purposes: [service, invoice, safety, partner]")},
		{"nobody may look", "the field address.country is needed for no purpose of the desk customers", append(where("[US]"), "title: Registering, purposes: [service]", "title: Registering, purposes: [invoice]")},
		{"what is closest to somebody", "The permission hints cannot be assumed: it opens payment.iban, which is “Confidential”.", append(where("[US]"), "needed: {invoice: No direct debit.}", "needed: {invoice: No direct debit., recommendation: No hint.}")},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := string(read1(t, "full.md"))
			for i := 0; i < len(test.pairs); i += 2 {
				if !strings.Contains(text, test.pairs[i]) {
					t.Fatalf("full.md has no %q", test.pairs[i])
				}
				text = strings.Replace(text, test.pairs[i], test.pairs[i+1], 1)
			}
			if _, err := parse("full.md", []byte(text)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// A reader sees where a permission is on, and what changes about it.
func TestAssumedPermissionsInWords(t *testing.T) {
	none, one, two := changed(t, where("[]")...), changed(t, where("[CA]")...), changed(t, where("[US, CA]")...)
	first := func(s *Statement) string {
		r, _ := s.row("permissions", "hints")
		return r.Cells[len(r.Cells)-1].Text
	}
	for _, test := range []struct {
		s    *Statement
		want string
	}{
		{none, "Off"},
		{two, "On in Canada and the United States, for whoever never chose, until they switch it off. Off everywhere else"},
	} {
		if got := first(test.s); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	for _, test := range []struct{ from, to *Statement }{{none, one}, {one, two}, {two, none}} {
		want := []Change{{
			Kind: "declaration", Clause: "disclosure.permission", What: "permission hints", Title: "Permission “Hints”", State: "changed",
			Before: "At first: " + first(test.from), After: "At first: " + first(test.to),
		}}
		if got := Diff(test.from, test.to); !cmp.Equal(got, want) {
			t.Error(cmp.Diff(want, got))
		}
	}
	if got := Diff(two, changed(t, where("[CA, US]")...)); len(got) > 0 {
		t.Errorf("another order is no change: %+v", got)
	}
}
