package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
)

// Why says in words for a page why nothing came back. It names no address.
func Why(err error) error {
	switch dns, timeout := (*net.DNSError)(nil), net.Error(nil); {
	case errors.Is(err, ErrInside):
		return errors.New("the address is inside a network that may not be reached; the operator can name it with --outbound-networks")
	case errors.As(err, &dns):
		return errors.New("the name of the server is not known")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("no answer in time")
	}
	if words := ofCertificate(err); words != "" {
		return errors.New(words)
	}
	if _, ok := errors.AsType[*net.AddrError](err); ok {
		return errors.New("the address is none that can be reached")
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok { // it has both addresses in its words
		err = op.Err
	}
	return fmt.Errorf("no answer: %w", err)
}

// ofCertificate says what is wrong with the certificate of a server: its own words have the
// names in them that were asked for and shown. Empty: it is not about one.
func ofCertificate(err error) string {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the certificate of the server is for another name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the certificate of the server is signed by nobody who is trusted here"
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		return "the certificate of the server has expired, or does not count yet"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the certificate of the server is not valid"
	}
	return ""
}
