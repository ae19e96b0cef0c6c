package customers

import (
	"strings"
	"testing"
	"unicode/utf8"

	"loot/statement"
)

func TestCheckKeepsOneFormOfEachValue(t *testing.T) {
	for _, tt := range []struct{ kind, typed, want string }{
		{"text", "  Meadow & Sons  ", "Meadow & Sons"},
		{"text", "Zu\u0308rich", "Zürich"},
		{"text", `<script>alert(1)</script>`, `<script>alert(1)</script>`}, // kept as typed, escaped where it is shown
		{"lines", "1 Quay\nDublin", "1 Quay\nDublin"},
		{"email", "Jo.Example@Example.COM", "Jo.Example@example.com"},
		{"email", "jo@bücher.example", "jo@bücher.example"},
		{"email", "jo@XN--BCHER-KVA.example", "jo@bücher.example"},
		{"email", "jö@example.com", "jö@example.com"},
		{"tel", "+353 (1) 555-0100", "+35315550100"},
		{"tel", "00353 1 555 0100", "+35315550100"},
		{"tel", "01 555 0100", "015550100"},
		{"vat", "ie 1234567 t", "IE1234567T"},
		{"vat", "ATU12345678", "ATU12345678"},
		{"vat", "CHE-123.456.789 MWST", "CHE123456789MWST"},
		{"vat", "AU 51824753556", "AU51824753556"},
		{"country", "IE", "IE"},
		{"country", "ireland", "IE"},
		{"country", "", ""},
	} {
		got, complaint := check(statement.FieldDecl{Type: tt.kind, Max: 100}, tt.typed)
		if got != tt.want || complaint != "" {
			t.Errorf("%s %q: got %q (%s), want %q", tt.kind, tt.typed, got, complaint, tt.want)
		}
	}
}

func TestCheckRefusesWhatIsNoAnswer(t *testing.T) {
	for _, tt := range []struct{ kind, typed string }{
		{"text", "two\nlines"},
		{"text", "a\x00b"},
		{"text", "a\xffb"},
		{"text", "pay \u202eeveryone"},
		{"text", strings.Repeat("ö", 101)},
		{"email", "nobody"},
		{"email", "Jo <jo@example.com>"},
		{"email", "jo@example.com, mo@example.com"},
		{"email", "jo@localhost"},
		{"email", "jo@-example.com"},
		{"email", "\"a b\"@example.com"},
		{"email", strings.Repeat("a", 65) + "@example.com"},
		{"email", "jo@example.com\r\nBcc: mo@example.com"},
		{"tel", "call me"},
		{"tel", "+1"},
		{"tel", "+1234567890123456"},
		{"vat", "DE12345678"},
		{"vat", "!!"},
		{"country", "Atlantis"},
		{"country", "XX"},
	} {
		got, complaint := check(statement.FieldDecl{Type: tt.kind, Max: 100}, tt.typed)
		if complaint == "" || got != "" {
			t.Errorf("%s %q: taken as %q", tt.kind, tt.typed, got)
		}
		if len(tt.typed) > 3 && strings.Contains(complaint, tt.typed) {
			t.Errorf("%s: the complaint repeats what was typed", tt.kind)
		}
	}
}

// FuzzCheck: whatever is typed, what is kept is text, fits, and is kept again
// as it is.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"jo@example.com", "+353 1 555 0100", "IE1234567T", "ie", "a\x00", "\xff", "a@b\u202e.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		for _, kind := range []string{"text", "lines", "email", "tel", "vat", "country"} {
			d := statement.FieldDecl{Type: kind, Max: 80}
			got, complaint := check(d, typed)
			if complaint != "" {
				continue
			}
			if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 80 {
				t.Fatalf("%s %q: kept %q", kind, typed, got)
			}
			again, complaint := check(d, got)
			if again != got || complaint != "" {
				t.Fatalf("%s: %q becomes %q on the second look (%s)", kind, got, again, complaint)
			}
		}
	})
}

func TestCountriesAreTheStandards(t *testing.T) {
	if len(countries) != 250 {
		t.Errorf("%d countries, want 249 of ISO 3166-1 and Kosovo", len(countries))
	}
	seen := map[string]bool{}
	for _, c := range countries {
		if len(c.code) != 2 || c.name == "" || seen[c.code] {
			t.Errorf("%q %q", c.code, c.name)
		}
		seen[c.code] = true
	}
}
