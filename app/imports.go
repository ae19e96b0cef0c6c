package app

import (
	"context"
	"time"

	"loot"
	"loot/desk/billing"
	"loot/desk/customers"
	"loot/desk/imports"
	"loot/statement"
	"loot/store"
)

// importing shows imports what it asks of other desks.
func (a *App) importing() imports.Needs {
	in := customers.NewImporter(a.Kit)
	return imports.Needs{
		Fields: customers.CollectedFields, Address: customers.AddressField, Country: customers.CountryCode, SourceOf: customers.SourceOf,
		Known: in.Known, Keys: in.Keys, Held: in.Held, Invite: in.Invite, Price: billing.PriceOf, Signed: a.staff.Signed, Member: a.staff.Actor,
		Plans: func(ctx context.Context) ([]imports.Plan, error) {
			all, err := a.billing.Catalogue(ctx)
			out := make([]imports.Plan, len(all))
			for n, p := range all {
				out[n] = imports.Plan{ID: p.ID, Service: p.Service, Title: p.Title, Amount: p.Cents, Currency: p.Currency, Months: p.Months()}
			}
			return out, err
		},
		Lapsed: func(s *statement.Statement, o imports.Order) bool { return in.Lapsed(s, orderOf(o)) },
		Check: func(s *statement.Statement, orders []imports.Order, raw map[loot.Field]string) (given, wrong map[loot.Field]string) {
			return in.Check(s, ordersOf(orders), raw)
		},
		Order: func(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, o imports.Order) (bool, error) {
			return in.Order(ctx, tx, by, reason, orderOf(o))
		},
		Take: func(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor, reason string, all []imports.Customer) error {
			incoming := make([]customers.Incoming, len(all))
			for n, c := range all {
				incoming[n] = customers.Incoming{Subject: c.Subject, Given: c.Given, Orders: ordersOf(c.Orders), Source: c.Source}
			}
			return in.Take(ctx, tx, s, by, reason, incoming)
		},
		Amount: billing.Amount, ArchivedUntil: billing.ArchivedUntil, ArchiveKeys: a.billing.ArchiveKeys,
		Archive: func(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, all []imports.Invoice) error {
			former := make([]billing.Former, len(all))
			for n, v := range all {
				former[n] = billing.Former{
					Subject: v.Subject, Source: v.Source, System: v.System, Number: v.Number, Issued: v.Issued, Due: v.Due, Currency: v.Currency,
					Net: v.Net, Tax: v.Tax, Total: v.Total, State: v.State, Party: v.Party,
				}
				for _, l := range v.Lines {
					former[n].Lines = append(former[n].Lines, billing.FormerLine(l))
				}
			}
			return a.billing.Archive(ctx, tx, by, reason, former)
		},
		Charged: func(o imports.Order) time.Time { return a.billing.ChargedFrom(serviceOf(o)) },
		Services: func(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, orders []imports.Order) error {
			named := make([]billing.Named, len(orders))
			for n, o := range orders {
				a.billing.Begin(tx, o.ID, serviceOf(o))
				named[n] = billing.Named{Order: serviceOf(o), Reference: o.ID, Name: o.Name}
			}
			return a.billing.Name(ctx, tx, by, reason, named)
		},
		NameKeys: a.billing.NameKeys, DropNameKeys: a.billing.DropNameKeys, LongestName: billing.LongestName,
	}
}

func ordersOf(all []imports.Order) []customers.Order {
	out := make([]customers.Order, len(all))
	for n, o := range all {
		out[n] = orderOf(o)
	}
	return out
}

func orderOf(o imports.Order) customers.Order {
	return customers.Order{ID: o.ID, Subject: o.Subject, Service: o.Service, Plan: o.Plan, Made: o.Made, Ended: o.Ended}
}

func serviceOf(o imports.Order) billing.Order {
	return billing.Order{Subject: o.Subject, Service: o.Service, Plan: o.Plan, Made: o.Made, Ended: o.Ended, Charged: o.Charged}
}
