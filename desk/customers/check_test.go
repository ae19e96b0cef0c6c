package customers

import (
	"math/rand/v2"
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
		{"email", `"Jo @ Meadow"@Example.COM`, `"Jo @ Meadow"@example.com`},
		{"tel", "+353 (1)  555-0100", "+353 (1) 555-0100"},
		{"tel", "00353 1 555 0100", "+353 1 555 0100"},
		{"tel", "01 555 0100", "01 555 0100"},
		{"vat", "ie 1234567 t", "IE1234567T"},
		{"vat", "ATU10223006", "ATU10223006"},
		{"vat", "CHE-116.281.710 MWST", "CHE116281710MWST"},
		{"vat", "gr 090000045", "EL090000045"},
		{"vat", "AU 51824753556", "AU51824753556"},
		{"vat", "US 12-3456789", "US123456789"},
		{"iban", "IE29 AIBK 9311 5212 3456 78", "IE29AIBK93115212345678"},
		{"iban", "de89370400440532013000", "DE89370400440532013000"},
		{"iban", "NO93 8601 1117 947", "NO9386011117947"},
		{"iban", "MT84 MALT 0110 0001 2345 MTLC AST0 01S", "MT84MALT011000012345MTLCAST001S"},
		{"iban", madeUpIBAN, madeUpIBAN},
		{"language", "de", "de"},
		{"language", "german", "de"},
		{"language", "", ""},
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
		{"email", `"a b@example.com`},
		{"email", `"a b"c@example.com`},
		{"email", strings.Repeat("a", 65) + "@example.com"},
		{"email", "jo@example.com\r\nBcc: mo@example.com"},
		{"tel", "call me"},
		{"tel", "+1"},
		{"tel", "+1234567890123456"},
		{"vat", "DE12345678"},
		{"vat", "DE123456789"},
		{"vat", "IE7654321T"},
		{"vat", "CH116281710"},
		{"vat", "!!"},
		{"vat", "XX123"},
		{"vat", "XX12345678"},
		{"vat", "ABCDEFGH"},
		{"vat", "123456789"},
		{"vat", "US12"},
		{"iban", "DE00 1234"},
		{"iban", "DE88370400440532013000"},
		{"iban", "DE8937040044053201300"},
		{"iban", "XX89370400440532013000"},
		{"iban", "IE29AIBK93115212345687"},
		{"iban", "DE89é70400440532013000"},
		{"iban", "12345678"},
		{"language", "Klingon"},
		{"language", "qq"},
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

// TestMadeUpNumbersAreTaken: whoever is made up passes the checks that a customer
// passes, in every country.
func TestMadeUpNumbersAreTaken(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, l := range lands {
		vat := fillInVAT(rnd, l)
		got, complaint := check(statement.FieldDecl{Type: "vat"}, vat)
		if complaint != "" || got != vat || (vat == "") != (l.code == "US") {
			t.Errorf("%s: %q, kept %q (%s)", l.code, vat, got, complaint)
		}
	}
	for _, d := range []statement.FieldDecl{{Type: "vat"}, {Type: "iban"}} {
		if got, complaint := check(d, madeUp(d)); complaint != "" || got != madeUp(d) {
			t.Errorf("%s: %q (%s)", d.Type, madeUp(d), complaint)
		}
	}
	iban := fillInIBAN(rnd, "00########")
	if got, complaint := check(statement.FieldDecl{Type: "iban"}, iban); complaint != "" || got != iban {
		t.Errorf("%q (%s)", iban, complaint)
	}
}

// FuzzCheck: whatever is typed, what is kept is text, fits, and is kept again
// as it is.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"jo@example.com", "+353 1 555 0100", "IE1234567T", "ie", "IE29 AIBK 9311 5212 3456 78", "a\x00", "\xff", "a@b\u202e.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		for _, kind := range []string{"text", "lines", "email", "tel", "vat", "iban", "country", "language"} {
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
