// Package outbound connects to systems of others whose address somebody typed, or named in
// a message: to the public internet and, of what lies inside, to the networks alone that
// the operator names. So nobody has the program reach what only it can reach.
package outbound

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// A Reach is what may be connected to: the public internet, and the operator's own
// networks that are in it.
type Reach []netip.Prefix

// ErrInside says that an address is neither of the public internet nor in a [Reach]. Where
// the operator can name networks for it, whoever tells of it says so.
var ErrInside = errors.New("the address is inside a network that may not be reached")

// Dialer returns a dialer that looks at the address that is connected to, whatever a name
// said before.
func (r Reach) Dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !r.Allows(at.Addr()) {
			return ErrInside
		}
		return nil
	}}
}

// special are the blocks that are no hosts of the public internet, or that lead to
// such by another name (IANA, Special-Purpose Address Registries; RFC 6890).
var special = func() (out []netip.Prefix) {
	for _, p := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"::/8", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

// Allows reports whether an address may be connected to.
func (r Reach) Allows(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	in := func(p netip.Prefix) bool { return p.Contains(a) }
	return slices.ContainsFunc(r, in) || !slices.ContainsFunc(special, in)
}
