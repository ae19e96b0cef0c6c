package mail_test

import (
	netmail "net/mail"
	"strings"
	"testing"

	"loot/mail"
)

func TestDomains(t *testing.T) {
	for address, want := range map[string]string{
		"jo@example.com": "example.com", "jo.o'neil+x@Example.COM": "example.com", `"jo meadow"@example.com`: "example.com", `"jo@home"@example.com`: "example.com",
		"пример@пример.испытание": "xn--e1afmkfd.xn--80akhbyknj4f", "jo@bücher.example": "xn--bcher-kva.example", "ü@b.example": "b.example",
		"": "", "jo": "", "Jo <jo@example.com>": "", "jo@example.com,mo@example.com": "", "jo@example.com\n": "", "@example.com": "", "jo@": "", "jo@localhost": "", ".jo@example.com": "", "jo..x@example.com": "", "jo @example.com": "",
		`"jo"x@example.com`: "", `jo"@example.com`: "", `"jo@example.com`: "", `"jo\"@example.com`: "", "jo@exa mple.com": "", "jo@-x.example": "", strings.Repeat("a", 65) + "@example.com": "",
		"jo@" + strings.Repeat("a", 64) + ".example": "", "jo@example..com": "", "jo\u202e@example.com": "", "jo\u200b@example.com": "", "jo@192.0.2.7": "", "jo@example.123": "", "jo@example.123a": "example.123a", "\"jo\r\nmeadow\"@example.com": "",
	} {
		if got := mail.Domain(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
		if mail.ValidAddress(address) != (want != "") {
			t.Errorf("%q is valid, or is not", address)
		}
	}
}

// FuzzDomain: what has a domain is an address that is read the same when a mail goes out.
func FuzzDomain(f *testing.F) {
	f.Add("jo@example.com")
	f.Add(`"\@"@xn--bcher-kva.example`)
	f.Fuzz(func(t *testing.T, address string) {
		domain := mail.Domain(address)
		if domain == "" {
			return
		}
		if domain != strings.ToLower(domain) || strings.ContainsAny(domain, " @") || len(domain) > 253 {
			t.Errorf("%q: %q is no domain", address, domain)
		}
		if a, err := netmail.ParseAddress(address); err != nil || a.Name != "" || mail.Domain(strings.Trim(a.String(), "<>")) != domain {
			t.Errorf("%q: is read as %v, %v", address, a, err)
		}
	})
}

// TestAQuotedAddressGetsItsMail: its quotes are in the letter, and in what is said to the server.
func TestAQuotedAddressGetsItsMail(t *testing.T) {
	p := open(t, &post{}, false)
	msg := message("m1")
	msg.To = `"jo @ meadow"@example.com`
	if err := sender(t, p, nil).Send(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	if got := p.mails[0]; !strings.HasPrefix(got, "RCPT jo @ meadow@example.com\r\n") || !strings.Contains(got, "\r\nTo: <\"jo @ meadow\"@example.com>\r\n") {
		t.Errorf("%s", got)
	}
}
