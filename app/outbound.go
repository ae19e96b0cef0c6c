package app

import (
	"net/netip"

	"loot"
	"loot/outbound"
)

// Outbound is which systems inside the operator's own networks webhooks, and deliveries to
// partners, may reach.
type Outbound struct {
	OwnNetworks []string `help:"Networks of your own that webhooks and deliveries to partners may reach, such as 10.1.0.0/16; with 127.0.0.0/8 also by http on this machine. Others than these and the public internet are never reached." placeholder:"CIDR" env:"LOOT_OUTBOUND_NETWORKS" name:"outbound-networks"`
}

// networks returns them, or what is wrong with one.
func (o Outbound) networks() (out outbound.Reach, err error) {
	for _, text := range o.OwnNetworks {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, loot.Errorf(loot.Invalid, "--outbound-networks: %q is not a network. One looks like 10.1.0.0/16.", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
