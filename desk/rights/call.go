package rights

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"loot"
)

// callArgs asks for an agent to be told where a request of its stands.
type callArgs struct {
	Exercise string `json:"exercise"`
}

// Kind names the job.
func (callArgs) Kind() string { return "rights.call" }

// mostCalls is how often it is tried to tell an agent of a change: by the queue's waits,
// of which each is longer, for about a day. It may still ask.
const mostCalls = 14

// maxCallback is how long the address may be that an agent names, in bytes.
const maxCallback = 1000

// mayCall reports whether an address that an agent names in a message may be called: of a
// host that was let in with it, by https.
func (d *Rights) mayCall(a agent, address string) bool {
	u, err := url.Parse(address)
	return err == nil && len(address) <= maxCallback && d.needs.Client.CheckURL(address) == nil && slices.Contains(a.Hosts, host(u))
}

// host is that of an address, with its port unless it is that of https.
func host(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Host), ":443") }

// readHosts reads where an agent may be called.
func (d *Rights) readHosts(text string) (out []string, err error) {
	for one := range strings.FieldsSeq(text) {
		address := "https://" + one
		u, err := url.Parse(address)
		if err != nil || u.Host != one || d.needs.Client.CheckURL(address) != nil {
			return nil, loot.Errorf(loot.Invalid, "A host is written as it stands in an address, such as agents.example.com or agents.example.com:8443, and is one of the public internet.")
		}
		out = append(out, host(u))
	}
	return out, nil
}

// call tells an agent where a request stands by now, which may be further than when the
// call was asked for (section 2.03). What it answers is not looked at, but for whether it
// took it.
func (d *Rights) call(ctx context.Context, a callArgs) error {
	address, body, err := d.toCall(ctx, a.Exercise)
	if err != nil || address == "" {
		return err
	}
	answer, err := d.needs.Client.Post(ctx, address, nil, body)
	if err != nil {
		return fmt.Errorf("rights: an agent is not reached: %w", err)
	}
	if !answer.OK() {
		return fmt.Errorf("rights: an agent did not take where a request stands: status %d", answer.Status)
	}
	return nil
}
