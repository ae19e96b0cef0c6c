package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Why says in words for a page why nothing came back. It names no address, and has nothing
// in it that the server sent: what cannot be read may say anything.
func Why(err error) error {
	switch dns, timeout := (*net.DNSError)(nil), net.Error(nil); {
	case errors.Is(err, ErrInside):
		return ErrInside
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
	if op, ok := errors.AsType[*net.OpError](err); ok { // it has both addresses in its words
		return fmt.Errorf("no answer: %w", op.Err)
	}
	for _, known := range []error{http.ErrSchemeMismatch, io.EOF, io.ErrUnexpectedEOF, context.Canceled} {
		if errors.Is(err, known) {
			return fmt.Errorf("no answer: %w", known)
		}
	}
	return errors.New("no answer that can be read")
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
