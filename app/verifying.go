package app

import (
	"net/http"
	"slices"
	"time"

	"loot"
	"loot/desk/verification"
	"loot/desk/verification/register"
	official "loot/number"
)

// Verifying is how customers' details are checked. Without its defaults, as in a
// world, nobody outside is asked.
type Verifying struct {
	Ask       []string      `help:"Who outside is asked about customers' details: dns (mail servers of a domain), vies (VAT numbers of the EU), gleif (LEIs); none: nobody." default:"dns,vies,gleif" env:"LOOT_VERIFY_ASK" name:"verify-ask"`
	Requester string        `help:"Your own VAT number in the EU, so that VIES names each consultation." env:"LOOT_VERIFY_REQUESTER" name:"verify-requester"`
	VIES      string        `help:"Where VIES is asked; empty: the Commission's." placeholder:"URL" env:"LOOT_VERIFY_VIES" name:"verify-vies"`
	GLEIF     string        `help:"Where GLEIF is asked; empty: the foundation's." placeholder:"URL" env:"LOOT_VERIFY_GLEIF" name:"verify-gleif"`
	DNS       string        `help:"DNS server that is asked, HOST:PORT; empty: the system's." placeholder:"HOST:PORT" env:"LOOT_VERIFY_DNS" name:"verify-dns"`
	Answer    time.Duration `help:"How long a customer who asks waits for an answer at most." default:"336h" env:"LOOT_VERIFY_ANSWER" name:"verify-answer"`
}

// options returns what the desk of checks goes by, or what is wrong with it.
func (v Verifying) options(now func() time.Time) (o verification.Options, err error) {
	if v.Answer < 0 {
		return o, loot.Errorf(loot.Invalid, "--verify-answer is a length of time, such as 336h.")
	}
	o.Answer = v.Answer
	for _, who := range v.Ask {
		if !slices.Contains([]string{"dns", "vies", "gleif", "none"}, who) {
			return o, loot.Errorf(loot.Invalid, "--verify-ask: %q is none of dns, vies, gleif and none.", who)
		}
	}
	if slices.Contains(v.Ask, "dns") {
		o.Mailboxes = register.NewDNS(v.DNS).Mailboxes
	}
	line := register.Line{Client: &http.Client{}, Now: now}
	if slices.Contains(v.Ask, "vies") {
		var own official.Number
		if v.Requester != "" {
			if own, err = official.VAT(v.Requester); err != nil {
				return o, loot.Wrap(loot.Invalid, err, "--verify-requester: "+err.Error())
			}
		}
		line.Endpoint = v.VIES
		vies, err := register.NewVIES(line, own)
		if err != nil {
			return o, loot.Wrap(loot.Invalid, err, "--verify-vies: "+loot.Message(err))
		}
		o.Registers = append(o.Registers, vies)
	}
	if slices.Contains(v.Ask, "gleif") {
		line.Endpoint = v.GLEIF
		gleif, err := register.NewGLEIF(line)
		if err != nil {
			return o, loot.Wrap(loot.Invalid, err, "--verify-gleif: "+loot.Message(err))
		}
		o.Registers = append(o.Registers, gleif)
	}
	return o, nil
}
