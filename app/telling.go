package app

import (
	"net/netip"

	"loot"
)

// Telling is which systems inside the operator's own networks webhooks may reach.
type Telling struct {
	HookNetworks []string `help:"Networks of your own that webhooks may reach, such as 10.1.0.0/16; with 127.0.0.0/8 also by http on this machine. Others than these and the public internet are never reached." placeholder:"CIDR" env:"LOOT_WEBHOOK_NETWORKS" name:"webhook-networks"`
}

// networks returns them, or what is wrong with one.
func (t Telling) networks() (out []netip.Prefix, err error) {
	for _, text := range t.HookNetworks {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, loot.Errorf(loot.Invalid, "--webhook-networks: %q is not a network. One looks like 10.1.0.0/16.", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
