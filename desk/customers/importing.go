package customers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// An Importer takes in who were customers in the system that was used before. It
// goes by the way that every customer goes: what they gave is collected for the
// service that they ordered, each under a key and with entries of their own.
type Importer struct{ c *customers }

// NewImporter returns an importer. Nobody is written to by it.
func NewImporter(kit desk.Kit) *Importer { return &Importer{&customers{Kit: kit}} }

// An Incoming customer comes from the system before.
type Incoming struct {
	Subject loot.Subject
	Given   map[loot.Field]string // as [Importer.Check] returned it
	Orders  []Order               // at least one, each with an id of its own
	Source  string                // where it comes from, in words for the person
}

// CollectedFields returns the fields that customers have, in the statement's order.
func CollectedFields(s *statement.Statement) []statement.FieldDecl { return s.Fields(collection) }

// AddressField returns the field by which a customer is known again: the address
// that the letters go to.
func AddressField(s *statement.Statement) loot.Field { return addressField(s) }

// Check looks at what a row gives for fields of the statement as the order form
// does, with the services that were ordered. It returns each value in the one
// form in which it is kept, and what is wrong by the field; no complaint repeats a
// value. What no order has a use for any more is left out.
func (i *Importer) Check(s *statement.Statement, orders []Order, raw map[loot.Field]string) (given map[loot.Field]string, wrong map[loot.Field]string) {
	given, wrong = map[loot.Field]string{}, map[loot.Field]string{}
	stands := i.stands(s, orders)
	for _, d := range s.Fields(collection) {
		value, complaint := check(d, raw[d.ID])
		needed := slices.ContainsFunc(orders, func(o Order) bool { return o.Ended.IsZero() && compulsory(d, o.Service) })
		switch {
		case complaint != "":
			wrong[d.ID] = complaint
		case value == "" && needed:
			wrong[d.ID] = "This is missing, and the service cannot be had without it."
		case value != "" && slices.ContainsFunc(stands, func(p loot.Purpose) bool { _, ok := d.Needed[p]; return ok }):
			given[d.ID] = value
		}
	}
	return given, wrong
}

// stands returns the purposes for which something may be held because of orders:
// those of services that run, and of ended ones those whose retention goes on.
func (i *Importer) stands(s *statement.Statement, orders []Order) (out []loot.Purpose) {
	for _, o := range orders {
		service, _ := s.Service(o.Service)
		for _, id := range service.Purposes {
			p, _ := s.Purpose(id)
			if !slices.Contains(out, id) && (o.Ended.IsZero() || p.Keep.After(o.Ended.UTC()).After(i.c.Now())) {
				out = append(out, id)
			}
		}
	}
	return out
}

// Lapsed reports whether nothing may be held any more because of an order that
// ended then.
func (i *Importer) Lapsed(s *statement.Statement, o Order) bool {
	return len(i.stands(s, []Order{o})) == 0
}

// Known returns which of some addresses belong to customers, by the address as it
// was given. It is one search, which the ledger records once, found or not. Where
// the statement does not let this desk look, nobody is known.
func (i *Importer) Known(ctx context.Context, tx *store.Tx, s *statement.Statement, reason string, addresses []string) (map[string]loot.Subject, error) {
	field := addressField(s)
	if len(addresses) == 0 {
		return nil, nil
	}
	p, err := i.c.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Find, Actor: i.c.actor(), Desk: name, Purpose: forService, Collection: collection, Fields: []loot.Field{field}, Reason: reason,
	})
	if _, refused := errors.AsType[*gate.Refusal](err); refused {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return i.c.Vault.FindAll(ctx, tx, p, field, addresses)
}

// Take takes customers in within tx. By is the member of staff who has them taken
// in, and reason what stands beside their name on the ledger. The keys were made
// before tx began; see [Importer.Keys].
func (i *Importer) Take(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor, reason string, all []Incoming) error {
	newcomers := make([]gate.Newcomer, len(all))
	for n, in := range all {
		if len(in.Orders) == 0 {
			return errors.New("customers: import: somebody without an order")
		}
		newcomers[n] = gate.Newcomer{Subject: in.Subject, Collection: collection}
		for _, o := range in.Orders {
			newcomers[n].Orders = append(newcomers[n].Orders, gate.Former{Reference: o.ID, Service: o.Service, Ended: o.Ended})
		}
	}
	if err := i.c.Gate.Welcome(ctx, tx, by, reason, newcomers...); err != nil {
		return err
	}
	for _, in := range all {
		var parts []vault.Part
		for _, b := range batches(s, "", i.stands(s, in.Orders), in.Given) {
			p, err := i.c.Gate.Decide(ctx, tx, gate.Request{
				Action: loot.Collect, Actor: i.c.actor(), By: by, Desk: name, Purpose: b.Purpose, Reason: reason,
				Subject: in.Subject, Collection: collection, Fields: b.Fields,
			})
			if err != nil {
				return err
			}
			part := vault.Part{Permit: p, Given: make(map[loot.Field]string, len(b.Fields))}
			for _, f := range b.Fields {
				part.Given[f] = in.Given[f]
			}
			parts = append(parts, part)
		}
		if err := i.c.Vault.CreateMore(ctx, tx, vault.Source(in.Source), parts...); err != nil {
			return err
		}
		for _, o := range in.Orders {
			addOrder(tx, in.Subject, o)
		}
	}
	return nil
}

// Keys makes the keys of people who are to be taken in.
func (i *Importer) Keys(ctx context.Context, people ...loot.Subject) error {
	return i.c.Keyring.CreateAll(ctx, collection, people...)
}

// Held reports whether a customer is here still.
func (i *Importer) Held(ctx context.Context, tx *store.Tx, s loot.Subject) (bool, error) {
	row, err := i.c.Vault.Row(ctx, tx, s, collection)
	if loot.KindOf(err) == loot.NotFound {
		return false, nil
	}
	return err == nil && !row.Erased(), err
}

// Order takes an order of the system before over for somebody who is a customer
// here; it reports false if it was taken over before.
func (i *Importer) Order(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, o Order) (bool, error) {
	fresh, err := i.c.Gate.OrderFormer(ctx, tx, by, reason, o.Subject, collection, gate.Former{Reference: o.ID, Service: o.Service, Ended: o.Ended})
	if err == nil && fresh {
		addOrder(tx, o.Subject, o)
	}
	return fresh, err
}

func addOrder(tx *store.Tx, s loot.Subject, o Order) {
	tx.Add(`INSERT INTO customers_order (id, subject, service, plan, made, ended) VALUES`,
		o.ID, s, o.Service, o.Plan, o.Made.UnixMicro(), store.Micro(o.Ended))
}

// Invite tells somebody who was taken over where their record is now, if the
// statement lets this desk write to them.
func (i *Importer) Invite(ctx context.Context, s loot.Subject) error {
	house := i.c.House().Name
	_, err := i.c.Write(ctx, desk.Errand{By: i.c.actor(), Purpose: forNotice, To: s, Collection: collection, ID: "taken-over-" + string(s), Letter: mail.Letter{
		Subject: "Your record has moved to another system of ours",
		Greet:   "Good day",
		Blocks: []mail.Block{
			mail.Para("What you gave " + house + " when you ordered has been taken over into the system that we use now. Nothing about your services changes by that."),
			mail.Para("In your portal you see all that is held about you, what for and from where, and who looked at it. To get in, ask for a link with the address that this letter went to."),
			mail.Button("Where customers sign in", i.c.BaseURL+"/signin"),
		},
		Why: "You get this once, because the law has us tell you where your details come from. It is no advertisement.",
	}})
	return err
}

// CountryCode returns the code of a country that is named by its code or by its
// name in English or another language that is spoken there or nearby; empty: it is
// no country.
func CountryCode(value string) string {
	value = strings.TrimSpace(value)
	if code, _ := checkChoice(desk.Countries(), value); code != "" {
		return code
	}
	return foreignNames()[strings.ToLower(value)]
}

// SourceOf says, in words for the person, where a detail comes from that was taken
// over from a system.
func SourceOf(system string, at time.Time) string {
	day := at.UTC().Format(desk.SourceDay)
	if system == "" {
		return string(desk.FromFormer.Of(day))
	}
	return string(desk.FromSystem.Of(system, day))
}
