package register

import (
	"context"
	"errors"
	"net"
)

// Mailboxes says whether a domain takes mail, as the DNS tells.
type Mailboxes int

const (
	// NoMailboxes: the domain does not exist, or has neither a mail server nor an address.
	NoMailboxes Mailboxes = iota + 1
	// RefusesMail: the domain says itself that it takes none (a null MX, RFC 7505).
	RefusesMail
	// TakesMail: it has a mail server or, as RFC 5321 section 5.1 allows, an address that stands for one.
	TakesMail
)

// A DNS asks for the mail servers of domains.
type DNS struct{ resolver net.Resolver }

// NewDNS returns a DNS that asks the server at an address, host:port, or those of
// the system if it is empty.
func NewDNS(server string) *DNS {
	d := &DNS{}
	if server != "" {
		d.resolver.PreferGo = true
		d.resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			var line net.Dialer
			return line.DialContext(ctx, network, server)
		}
	}
	return d
}

// Mailboxes asks about a domain, which is written in ASCII. A server that is
// slow, down or in trouble gives [ErrNotYet]; no error holds the domain.
func (d *DNS) Mailboxes(ctx context.Context, domain string) (Mailboxes, error) {
	ctx, cancel := context.WithTimeout(ctx, usualTimeout)
	defer cancel()
	servers, err := d.resolver.LookupMX(ctx, domain+".")
	switch {
	case len(servers) == 1 && servers[0].Host == ".":
		return RefusesMail, nil
	case len(servers) > 0: // whatever else was wrong with the answer
		return TakesMail, nil
	case !isUnknown(err):
		return 0, notYet("the DNS did not answer")
	}
	switch hosts, err := d.resolver.LookupHost(ctx, domain+"."); {
	case len(hosts) > 0:
		return TakesMail, nil
	case isUnknown(err):
		return NoMailboxes, nil
	}
	return 0, notYet("the DNS did not answer")
}

// isUnknown reports whether the DNS answered that there is nothing, rather than
// not at all.
func isUnknown(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound && !e.IsTemporary && !e.IsTimeout
}
