package billing

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"slices"

	"loot"
)

// The blocks that are given out, by how many bits they are told by: whole addresses
// and the parts of a block of the largest size. RIPE-690 gives a customer a /48 or a
// /56 of IPv6, and a single link a /64.
var (
	widths4 = []int{24, 25, 26, 27, 28, 29, 30, 31, 32}
	widths6 = []int{48, 52, 56, 60, 64, 128}
)

const linkBits = 64 // of IPv6: what lies within is no more counted out

func widthsOf(a netip.Addr) []int {
	if a.Is4() {
		return widths4
	}
	return widths6
}

// parsePrefix reads an address or a prefix that can be given out.
func parsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, loot.Errorf(loot.Invalid, "This is neither an address nor a prefix. They look like 192.0.2.7, 192.0.2.0/28, 2001:db8::7 and 2001:db8:1::/56.")
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	switch a := p.Addr(); {
	case a.Is4In6():
		return netip.Prefix{}, loot.Errorf(loot.Invalid, "This is an address of IPv4 that is written as one of IPv6. Write it as one of IPv4.")
	case p.Masked() != p:
		return netip.Prefix{}, loot.Errorf(loot.Invalid, "The prefix does not begin where it says: the bits behind its length are not all 0.")
	case a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast():
		return netip.Prefix{}, loot.Errorf(loot.Invalid, "Nobody can be given this address: it means the machine itself, a link or a group.")
	case !slices.Contains(widthsOf(a), p.Bits()) && a.Is4():
		return netip.Prefix{}, loot.Errorf(loot.Invalid, "A prefix of IPv4 is between /24 and /32 long. Give a larger block out in parts.")
	case !slices.Contains(widthsOf(a), p.Bits()):
		return netip.Prefix{}, loot.Errorf(loot.Invalid, "A prefix of IPv6 is a /48, /52, /56, /60, /64 or a single address. Give another block out in such parts.")
	}
	return p, nil
}

// showPrefix writes a prefix, a single address without its length.
func showPrefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// above returns the prefixes that an address could lie in, the longest first.
func above(a netip.Addr) (out []netip.Prefix) {
	for _, bits := range slices.Backward(widthsOf(a)) {
		p, _ := a.Prefix(bits)
		out = append(out, p)
	}
	return out
}

// blockOf returns the largest block that a prefix lies in.
func blockOf(p netip.Prefix) netip.Prefix {
	out, _ := p.Addr().Prefix(widthsOf(p.Addr())[0])
	return out
}

// netOf returns the link that a single address of IPv6 lies in; false for any other prefix.
func netOf(p netip.Prefix) (netip.Prefix, bool) {
	if p.Addr().Is4() || p.Bits() <= linkBits {
		return netip.Prefix{}, false
	}
	out, _ := p.Addr().Prefix(linkBits)
	return out, true
}

// below returns the prefixes that lie in one and are longer, single addresses of
// IPv6 aside, and the links of IPv6 that lie in it, itself included.
func below(p netip.Prefix) (parts, links []netip.Prefix) {
	a := p.Addr()
	for _, bits := range widthsOf(a) {
		if bits < p.Bits() || !a.Is4() && bits > linkBits {
			continue
		}
		part, _ := a.Prefix(bits)
		for n := 1 << (bits - p.Bits()); n > 0; n-- {
			if bits > p.Bits() {
				parts = append(parts, part)
			}
			if !a.Is4() && bits == linkBits {
				links = append(links, part)
			}
			part = next(part)
		}
	}
	return parts, links
}

// next returns the prefix of the same length behind another.
func next(p netip.Prefix) netip.Prefix {
	b := p.Addr().AsSlice()
	for i, add := (p.Bits()-1)/8, 1<<(7-(p.Bits()-1)%8); i >= 0 && add > 0; i-- {
		sum := int(b[i]) + add
		b[i], add = byte(sum), sum>>8
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(a, p.Bits())
}

// markBytes are enough for no two prefixes of the internet to share a mark.
const markBytes = 16

// mark is what a prefix is found by: nobody without the desk's key can tell which it is.
func (b *Billing) mark(p netip.Prefix) []byte { return b.marked(p.String()) }

// marksOf returns by what a lease is found: by itself, by its block and, of a single
// address of IPv6, by the link that it lies in. A name is found with its service alone,
// as others may have it too.
func (b *Billing) marksOf(l lease) (mark, block []byte, net any) {
	if l.Name != "" {
		mark = b.marked(l.Service + " " + l.Name)
		return mark, mark, nil
	}
	if link, ok := netOf(l.Prefix); ok {
		net = b.mark(link)
	}
	return b.mark(l.Prefix), b.mark(blockOf(l.Prefix)), net
}

// marked returns the mark of a prefix, or of a name with its service.
func (b *Billing) marked(address string) []byte {
	h := hmac.New(sha256.New, b.marks)
	h.Write([]byte("address " + address))
	return h.Sum(nil)[:markBytes]
}
