package verification

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"loot"
	"loot/desk/desktest"
	"loot/statement"
	"loot/vault"
)

func TestMailbox(t *testing.T) {
	for address, want := range map[string]string{
		"jo@example.com": "example.com", "jo.o'neil+x@Example.COM": "example.com", `"jo meadow"@example.com`: "example.com",
		"пример@пример.испытание": "xn--e1afmkfd.xn--80akhbyknj4f", "jo@bücher.example": "xn--bcher-kva.example",
		"jo": "", "@example.com": "", "jo@": "", "jo@localhost": "", ".jo@example.com": "", "jo..x@example.com": "", "jo @example.com": "",
		`"jo"x@example.com`: "", `jo"@example.com`: "", `"jo@example.com`: "", `"jo\"@example.com`: "", "jo@exa mple.com": "", "jo@-x.example": "", strings.Repeat("a", 65) + "@example.com": "",
		"jo@" + strings.Repeat("a", 64) + ".example": "", "jo@example..com": "", "jo\u202e@example.com": "",
	} {
		if got := mailbox(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}

func FuzzMailbox(f *testing.F) {
	f.Add("jo@example.com")
	f.Add(`"\@"@xn--bcher-kva.example`)
	f.Fuzz(func(t *testing.T, address string) {
		domain := mailbox(address)
		if domain != "" && (domain != strings.ToLower(domain) || strings.ContainsAny(domain, " @") || len(domain) > 253) {
			t.Errorf("%q: %q is no domain", address, domain)
		}
	})
}

func TestDisposable(t *testing.T) {
	for domain, want := range map[string]bool{"mailinator.com": true, "eu.mailinator.com": true, "example.com": false, "notmailinator.example": false, "com": false} {
		if got := isDisposable(domain); got != want {
			t.Errorf("%s: got %v", domain, got)
		}
	}
	if n := len(disposable()); n < 5000 {
		t.Errorf("the list has %d domains", n)
	}
}

func TestPostcodes(t *testing.T) {
	for _, c := range []struct {
		country, postcode string
		want              bool
	}{
		{"DE", "10117", true},
		{"DE", "1011", false},
		{"DE", "", false},
		{"GB", "sw1a 1aa", true},
		{"GB", "12345", false},
		{"NL", "1012 AB", true},
		{"NL", "0012 AB", false},
		{"IE", "", true},
		{"IE", "D02 AF30", true},
		{"IE", "12", false},
		{"US", "12345-6789", true},
		{"PT", "1234", false},
		{"AE", "", true},
		{"AE", "anything", true},
		{"CA", "K1A 0B1", true},
	} {
		if looks, got := postcodeOf(c.country, c.postcode); got != c.want || !got && looks == "" {
			t.Errorf("%s %q: got %v (%s)", c.country, c.postcode, got, looks)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Example Meadow Ltd", "EXAMPLE MEADOW LIMITED", true},
		{"Müller & Söhne GmbH", "Muller Sohne", true},
		{"S.A.R.L. Exemple", "Exemple", true},
		{"Example Meadow Ltd", "Other Meadow Ltd", false},
		{"Ltd", "GmbH", false},
		{"", "", false},
		{"株式会社例", "株式会社例", true},
	} {
		if got := sameName(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}

// TestWhatIsFound: each fault is found where it is, and no word of it repeats what
// was given.
func TestWhatIsFound(t *testing.T) {
	s := desktest.Standard(t)
	for _, c := range []struct {
		name    string
		changes []string
		field   loot.Field
		by      string // check that finds the fault; empty: none does
	}{
		{"nothing", nil, "", ""},
		{"a digit of the VAT number", []string{"company.vat", "IE1234567A"}, "company.vat", "vat.digits"},
		{"a VAT number of elsewhere", []string{"company.vat", "DE136695976"}, "company.vat", "vat.country"},
		{"Northern Ireland is British", []string{"company.vat", "-", "address.country", "GB", "address.postcode", "BT1 5GS"}, "", ""},
		{"a digit of the IBAN", []string{"payment.iban", "IE29AIBK93115212345679"}, "payment.iban", "iban.digits"},
		{"a short number", []string{"contact.phone", "+353 1 5"}, "contact.phone", "phone.plan"},
		{"a code of no country", []string{"contact.phone", "+999 1 555 0100"}, "contact.phone", "phone.plan"},
		{"numbers that nobody has", []string{"contact.phone", "+353 99 999 99 99"}, "contact.phone", "phone.plan"},
		{"by the country of the address", []string{"contact.phone", "01 555 0100"}, "", ""},
		{"no code and no country", []string{"contact.phone", "01 555 0100", "address.country", "-"}, "contact.phone", "phone.plan"},
		{"thrown away", []string{"contact.email", "jo@mailinator.com"}, "contact.email", "email.kept"},
		{"no address", []string{"contact.email", "jo..x@example.com"}, "contact.email", "email.form"},
		{"a postcode of elsewhere", []string{"address.postcode", "12345"}, "address.postcode", "address.form"},
		{"no postcode where one is needed", []string{"address.country", "DE", "company.vat", "-", "address.postcode", "-"}, "address.city", "address.form"},
		{"no such country", []string{"address.country", "QX"}, "address.country", "address.form"},
		{"a register number", []string{"company.register", "xx"}, "company.register", "register.form"},
		{"an LEI as register number", []string{"company.register", "5067 00GE 1G29 325Q X363"}, "", ""},
	} {
		given := meadow(c.changes...)
		for f, list := range inspect(record{s: s, values: given}) {
			for _, one := range list {
				follows := c.field == "address.country" && f == "company.vat" // no country is that of the VAT number
				if one.Outcome == failed && (f != c.field || one.Check != c.by) && !follows {
					t.Errorf("%s: %s of %s: %s", c.name, one.Check, f, one.Why)
				}
				if one.Outcome == failed && (one.Why == "" || strings.Contains(one.Why, given[f])) {
					t.Errorf("%s: %s says %q", c.name, one.Check, one.Why)
				}
				if checkTitles[one.Check] == "" {
					t.Errorf("%s has no name that people see", one.Check)
				}
			}
			if f == c.field && sum(list) != failed {
				t.Errorf("%s: not found: %+v", c.name, list)
			}
		}
	}
}

// TestInspectNeverPanics: whatever was given, everything is judged.
func TestInspectNeverPanics(t *testing.T) {
	s := desktest.Standard(t)
	rapid.Check(t, func(t *rapid.T) {
		given := map[loot.Field]string{}
		for _, d := range checked(s) {
			given[d.ID] = rapid.String().Draw(t, string(d.ID))
		}
		inspect(record{s: s, values: given})
	})
}

func TestJudge(t *testing.T) {
	again, never := statement.Span{Years: 1}, statement.Span{}
	given := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := given.AddDate(0, 1, 0)
	pass, fail, prove, wait := finding{Check: "a", Outcome: passed}, finding{Check: "b", Outcome: failed, Why: "No."}, finding{Check: "c", Outcome: proved}, finding{Check: "d", Outcome: later}
	person := func(o outcome, next time.Time) last {
		return last{Outcome: o, Actor: "m", Method: "person", At: given.AddDate(0, 0, 1), Next: next}
	}
	for _, c := range []struct {
		name  string
		k     known
		state string
		out   outcome
		kase  string
	}{
		{"no check", known{about: vault.About{State: vault.Unverified}}, vault.Unverified, none, ""},
		{"no check, and asked", known{about: vault.About{State: vault.Unverified}, requested: true}, vault.Unverified, none, kindAsked},
		{"it can be right", known{about: vault.About{State: vault.Unverified}, found: []finding{pass}}, vault.Checked, passed, ""},
		{"a register knows it", known{about: vault.About{State: vault.Unverified}, found: []finding{pass, prove}}, vault.Verified, proved, ""},
		{"a fault counts most", known{about: vault.About{State: vault.Verified}, found: []finding{prove, wait, fail}}, vault.Unverified, failed, kindCheck},
		{"a register is silent", known{about: vault.About{State: vault.Unverified}, found: []finding{pass, wait}}, vault.Checked, later, ""},
		{"silent about what it knew", known{about: vault.About{State: vault.Verified}, before: last{Outcome: proved, At: given, Next: now.Add(-1)}, found: []finding{pass, wait}}, vault.Verified, later, ""},
		{"a colleague's word outweighs", known{about: vault.About{State: vault.Verified}, before: person(proved, now.Add(1)), found: []finding{fail}}, vault.Verified, proved, ""},
		{"until it has grown old", known{about: vault.About{State: vault.Verified}, before: person(proved, now), found: []finding{pass}}, vault.Expired, passed, kindOld},
		{"also where no check is", known{about: vault.About{State: vault.Verified}, before: person(proved, now)}, vault.Expired, proved, kindOld},
		{"and not of another value", known{about: vault.About{State: vault.Unverified, At: now}, before: person(proved, again.After(now)), found: []finding{fail}}, vault.Unverified, failed, kindCheck},
		{"a link was opened", known{about: vault.About{State: vault.Verified, At: given}, confirmed: now.Add(-time.Hour), found: []finding{pass}}, vault.Verified, proved, ""},
		{"long ago", known{about: vault.About{State: vault.Verified, At: given.AddDate(-3, 0, 0)}, confirmed: now.AddDate(-1, 0, 0), found: []finding{pass}}, vault.Expired, passed, ""},
		{"in dispute", known{about: vault.About{State: vault.Disputed}, found: []finding{fail}}, vault.Disputed, failed, ""},
		{"in dispute, and right", known{about: vault.About{State: vault.Disputed}, found: []finding{prove}}, vault.Disputed, proved, ""},
	} {
		if c.k.about.At.IsZero() {
			c.k.about.At = given
		}
		if j := judge(c.k, now, again); j.State != c.state || j.Outcome != c.out || j.Case != c.kase {
			t.Errorf("%s: %s, %s, case %q; want %s, %s, %q", c.name, j.State, j.Outcome, j.Case, c.state, c.out, c.kase)
		}
	}
	old := again.After(now)
	for _, c := range []struct {
		name  string
		k     known
		now   time.Time
		again statement.Span
		state string
		next  time.Time // when it is looked at again
	}{
		{"as the statement says", known{found: []finding{prove}}, now, again, vault.Verified, again.After(now)},
		{"where it says nothing", known{found: []finding{prove}}, now, never, vault.Verified, time.Time{}},
		{"a colleague's word that had no day", known{before: person(proved, time.Time{}), found: []finding{fail}}, now, again, vault.Verified, again.After(given.AddDate(0, 0, 1))},
		{"which is old by now", known{before: person(proved, time.Time{}), found: []finding{pass}}, old, again, vault.Expired, again.After(old)},
		{"or never is", known{before: person(proved, time.Time{}), found: []finding{fail}}, old, never, vault.Verified, time.Time{}},
		{"nor is a link", known{confirmed: given.Add(time.Hour), found: []finding{pass}}, old, never, vault.Verified, time.Time{}},
	} {
		c.k.about = vault.About{State: vault.Verified, At: given}
		if j := judge(c.k, c.now, c.again); j.State != c.state || !j.Next.Equal(c.next) {
			t.Errorf("%s: %s, again on %s; want %s, %s", c.name, j.State, j.Next, c.state, c.next)
		}
	}
}

func TestDelaysGrow(t *testing.T) {
	var got []time.Duration
	for n := 1; n <= 7; n++ {
		got = append(got, delay(n, nil))
	}
	const h = time.Hour
	if want := []time.Duration{h, 2 * h, 4 * h, 8 * h, 16 * h, 24 * h, 24 * h}; !slices.Equal(got, want) {
		t.Error(got)
	}
	if d := delay(1, []finding{{Outcome: later, Wait: 5 * h}}); d != 5*h {
		t.Error(d)
	}
}
