package billing

import (
	"cmp"
	"context"
	"errors"

	"loot"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// A Named service is one that was taken over, with the domain name by which its
// customer tells it from others.
type Named struct {
	Order

	Reference string
	Name      string
}

// NameKeys makes the keys by which names of services are sealed: those of newcomers
// together, and of people who are here already those of whoever has none.
func (b *Billing) NameKeys(ctx context.Context, newcomers, here []loot.Subject) error {
	if len(newcomers) > 0 {
		if err := b.Keyring.CreateAll(ctx, connections, newcomers...); err != nil {
			return err
		}
	}
	for _, s := range here {
		if err := b.Keyring.Create(ctx, s, connections); err != nil {
			return err
		}
	}
	return nil
}

// DropNameKeys removes the keys of newcomers of whom no name was ever sealed.
func (b *Billing) DropNameKeys(ctx context.Context, newcomers ...loot.Subject) error {
	for _, s := range newcomers {
		if err := b.Keyring.Drop(ctx, s, connections); err != nil {
			return err
		}
	}
	return nil
}

// mostName is how many characters a name has at most (RFC 1035, section 3.1), without the
// dot that may stand last.
const mostName = 253

// LongestName returns how many characters the name of a service may have by a statement;
// zero: it has none kept.
func LongestName(s *statement.Statement) int {
	d, declared := s.Field(addressOn)
	if !declared {
		return 0
	}
	return cmp.Or(d.Max, mostName)
}

// Name notes within tx the names of services that run, among the addresses that they
// have: a name is one, too, but several services may have the same. Webhooks are told, as
// they are when a service ends and its names are taken back. By has them taken over, with
// a reason for the ledger. The keys were made before; see [Billing.NameKeys]. Where the
// statement does not let this desk keep it, a service has none.
func (b *Billing) Name(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, all []Named) error {
	var noted []Assignment
	for _, n := range all {
		if n.Name == "" || !n.Ended.IsZero() {
			continue
		}
		a, err := b.noteAddress(ctx, tx, by, reason, n.Subject, lease{Service: n.Reference, Name: n.Name, From: n.Made})
		if _, refused := errors.AsType[*gate.Refusal](err); refused || web.Wrong(err) != nil {
			continue
		}
		if err != nil {
			return err
		}
		noted = append(noted, a)
	}
	return b.tellAddresses(ctx, tx, addressAssigned, noted...)
}

// called returns the name that a service has, of its addresses; empty: none.
func called(addresses []addressRow) string {
	for _, a := range addresses {
		if _, err := parsePrefix(a.Shown); err != nil && a.Until.IsZero() {
			return a.Shown
		}
	}
	return ""
}
