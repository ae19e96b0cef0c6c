package billing

import (
	"context"
	"net/http"
	"time"

	"loot"
	"loot/api"
	"loot/gate"
	"loot/store"
)

// addressAPI adds the operations on addresses that services have.
func (b *Billing) addressAPI(a *api.API) {
	api.Add(a, api.Operation{
		ID: "assign-address", Method: http.MethodPost, Path: "/api/services/{reference}/addresses", Tag: apiTag, Scope: "addresses:assign",
		Summary: "Assign an address, a prefix or a domain name to a service", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound, loot.Conflict},
		Text: "Prefixes of IPv4 from /24 on, and /48, /52, /56, /60, /64 and single addresses of IPv6. No two services have the same address at a time, nor one a part of what another has; a domain name several may have. What the service has already is answered with the same id, so that it may be sent again. " +
			"The address is sealed by the customer's key.",
	}, b.apiAssign)
	api.Add(a, api.Operation{
		ID: "release-address", Method: http.MethodPost, Path: "/api/addresses/{id}/release", Tag: apiTag, Scope: "addresses:assign",
		Summary: "Take an address back", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound},
		Text: "One that was taken back stays as it is. At the end of a service its addresses are taken back by themselves.",
	}, b.apiRelease)
	api.Add(a, api.Operation{
		ID: "open-addresses", Method: http.MethodPost, Path: "/api/services/{reference}/addresses/open", Tag: apiTag, Scope: "addresses:open",
		Summary: "Open the addresses of a service for a purpose", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound},
		Text: "They are covered as their level says, unless reveal is set. The customer sees that they were opened.",
	}, b.apiOpenAddresses)
	api.Add(a, api.Operation{
		ID: "find-address", Method: http.MethodPost, Path: "/api/addresses/find", Tag: apiTag, Scope: "addresses:find",
		Summary: "Find which service had an address at a time", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound},
		Text: "The search is written down, whether it finds one or not.",
	}, b.apiFindAddress)
}

type assignIn struct {
	Reference string `path:"reference" maxLength:"64"`
	Body      struct {
		Address string `json:"address" maxLength:"254" doc:"Address, prefix or domain name, of 253 characters without the dot that may stand last"`
		From    string `json:"from,omitempty" maxLength:"40" doc:"As in RFC 3339; now if it is left out"`
		To      string `json:"to,omitempty" maxLength:"40" doc:"As in RFC 3339; until it is released if it is left out"`
	}
}

type assignedOut struct {
	Body apiAssignment
}

type apiAssignment struct {
	ID       string       `json:"id"`
	Service  string       `json:"service" doc:"Reference"`
	Customer loot.Subject `json:"customer"`
	Address  string       `json:"address,omitempty" doc:"If it was opened"`
	Masked   bool         `json:"masked,omitempty" doc:"Only a part of it is shown"`
	From     time.Time    `json:"from"`
	To       *time.Time   `json:"to,omitempty" doc:"When it was taken back"`
}

func apiAssigned(a Assignment) apiAssignment {
	return apiAssignment{ID: a.ID, Service: a.Service, Customer: a.Subject, From: a.Since.UTC(), To: momentOf(a.Until)}
}

func (b *Billing) apiAssign(ctx context.Context, in *assignIn) (*assignedOut, error) {
	if err := api.Allow(ctx, keepers); err != nil {
		return nil, err
	}
	l, err := b.parseLease(in.Reference, in.Body.Address, in.Body.From, in.Body.To)
	if err != nil {
		return nil, err
	}
	a, err := b.assign(ctx, api.ActorOf(ctx), l)
	if err != nil {
		return nil, err
	}
	return &assignedOut{apiAssigned(a)}, nil
}

type releaseIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		At string `json:"at,omitempty" maxLength:"40" doc:"As in RFC 3339; now if it is left out"`
	}
}

func (b *Billing) apiRelease(ctx context.Context, in *releaseIn) (*assignedOut, error) {
	if err := api.Allow(ctx, keepers); err != nil {
		return nil, err
	}
	at := b.Now()
	if in.Body.At != "" {
		var err error
		if at, err = parseMoment(in.Body.At, b.seller.place()); err != nil {
			return nil, wrongIn("at", loot.Message(err))
		}
	}
	out := &assignedOut{}
	return out, b.DB.InTx(ctx, func(tx *store.Tx) error {
		a, err := b.release(ctx, tx, api.ActorOf(ctx), in.ID, at)
		out.Body = apiAssigned(a)
		return err
	})
}

type openAddressesIn struct {
	Reference string `path:"reference" maxLength:"64"`
	Body      struct {
		Purpose loot.Purpose `json:"purpose" maxLength:"64"`
		Reason  string       `json:"reason" minLength:"1" maxLength:"500" doc:"Sealed beside the name of who asks"`
		Case    string       `json:"case,omitempty" maxLength:"64"`
		Reveal  bool         `json:"reveal,omitempty"`
	}
}

type openAddressesOut struct {
	Body struct {
		Addresses []apiAssignment `json:"addresses" doc:"Latest first"`
	}
}

func (b *Billing) apiOpenAddresses(ctx context.Context, in *openAddressesIn) (*openAddressesOut, error) {
	if err := api.Allow(ctx, keepers); err != nil {
		return nil, err
	}
	all, err := b.openFor(ctx, in.Reference, gate.Request{
		Action: loot.Use, Actor: api.ActorOf(ctx), Purpose: in.Body.Purpose, Case: in.Body.Case, Reason: in.Body.Reason,
		Unmask: in.Body.Reveal, //nolint:forbidigo // asked for, not opened
	})
	if err != nil {
		return nil, err
	}
	out := &openAddressesOut{}
	out.Body.Addresses = []apiAssignment{}
	for _, a := range all {
		one := apiAssigned(a.Assignment)
		one.Address, one.Masked = a.Address.Reveal(), a.Masked //nolint:forbidigo // the answer to whom it was decided for, masked as the level says
		out.Body.Addresses = append(out.Body.Addresses, one)
	}
	return out, nil
}

type findAddressIn struct {
	Body struct {
		Address string `json:"address" maxLength:"50" doc:"One address"`
		At      string `json:"at" maxLength:"40" doc:"As in RFC 3339"`
		Reason  string `json:"reason" minLength:"1" maxLength:"500" doc:"Such as the number of the report"`
	}
}

func (b *Billing) apiFindAddress(ctx context.Context, in *findAddressIn) (*assignedOut, error) {
	if err := api.Allow(ctx, lookers); err != nil {
		return nil, err
	}
	addr, at, err := b.parseLook(in.Body.Address, in.Body.At)
	if err != nil {
		return nil, err
	}
	out, ok := &assignedOut{}, false
	if err := b.Gate.InTx(ctx, func(tx *store.Tx) error {
		var a Assignment
		var err error
		a, ok, err = b.WhoHad(ctx, tx, api.ActorOf(ctx), forSafety, in.Body.Reason, addr, at)
		out.Body = apiAssigned(a)
		return err
	}); err != nil {
		return nil, err
	}
	if !ok {
		return nil, loot.Errorf(loot.NotFound, "No service had this address at that time, as far as it was noted.")
	}
	return out, nil
}
