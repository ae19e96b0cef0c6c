package outbound

import (
	"errors"
	"fmt"
	"net"
	"net/url"
)

// Why says in words for a page why nothing came back. It names no address.
func Why(err error) error {
	switch dns, timeout := (*net.DNSError)(nil), net.Error(nil); {
	case errors.Is(err, ErrInside):
		return ErrInside
	case errors.As(err, &dns):
		return errors.New("the name of the server is not known")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("no answer in time")
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok { // it has both addresses in its words
		err = op.Err
	}
	return fmt.Errorf("no answer: %w", err)
}
