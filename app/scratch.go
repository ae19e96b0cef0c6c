package app

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"loot"
	"loot/desk/staff"
	"loot/desk/visits"
	"loot/gate"
	"loot/number"
	"loot/store"
	"loot/vault"
)

// scratchAddress is that of the member of staff of a load test.
const scratchAddress = "load@staff.example"

// Scratch fills an empty installation for a load test: one member of staff who
// has signed the undertaking, a token of theirs for every operation, and n
// customers of ten fields each, who ordered the first service of the statement.
func (a *App) Scratch(ctx context.Context, n int) (token string, ids []loot.Subject, err error) {
	err = a.Gate.InTx(ctx, func(tx *store.Tx) error {
		who, err := a.staff.Add(ctx, tx, staff.Newcomer{
			Name: "Load Test", Email: scratchAddress, Roles: []loot.Role{"support", "billing", "administrator"}, Signed: true, Since: a.Now().AddDate(0, 0, -30),
		})
		if err != nil {
			return err
		}
		token, err = a.signin.ScratchToken(ctx, tx, who, slices.Sorted(maps.Keys(a.scopes()))...)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	const batch = 200
	for len(ids) < n {
		var made []loot.Subject
		for range min(batch, n-len(ids)) {
			s := loot.NewSubject()
			if err := a.Keyring.Create(ctx, s, "customer"); err != nil {
				return "", nil, err
			}
			made = append(made, s)
		}
		if err := a.Gate.InTx(ctx, func(tx *store.Tx) error {
			for i, s := range made {
				if err := a.scratchCustomer(ctx, tx, s, len(ids)+i); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return "", nil, err
		}
		ids = append(ids, made...)
	}
	return token, ids, nil
}

// ScratchFields are the ten fields of the i-th made-up customer.
func ScratchFields(i int) map[loot.Field]string {
	return map[loot.Field]string{
		"company.name": fmt.Sprintf("Example Meadow %d GmbH", i), "company.vat": scratchVAT(i), "company.register": fmt.Sprintf("Exampleton HRB %d", i%900000+1),
		"address.street": fmt.Sprintf("Sample Street %d", i%200+1), "address.postcode": fmt.Sprintf("%05d", i%90000+10000), "address.city": "Exampleton",
		"address.country": "DE", "contact.name": fmt.Sprintf("Jo Example %d", i), "contact.email": fmt.Sprintf("jo%d@example.com", i), "contact.phone": fmt.Sprintf("+49761%07d", i),
	}
}

// scratchVAT is another one for each i, with the check digit that fits it and in a
// range that Germany has not given out.
func scratchVAT(i int) string {
	vat, _ := number.Find("vat.de")
	return vat.MadeUp(rand.New(rand.NewPCG(1, uint64(i))), fmt.Sprintf("DE9%07d#", i%10_000_000))
}

func (a *App) scratchCustomer(ctx context.Context, tx *store.Tx, s loot.Subject, i int) error {
	given := ScratchFields(i)
	var parts []vault.Part
	for _, part := range []struct {
		purpose loot.Purpose
		fields  []loot.Field
	}{
		{"service", []loot.Field{"company.name", "contact.email", "contact.name", "contact.phone"}},
		{"invoice", []loot.Field{"address.city", "address.country", "address.postcode", "address.street", "company.register", "company.vat"}},
	} {
		p, err := a.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Collect, Actor: loot.Actor{Kind: loot.Desk, ID: "customers"}, Desk: "customers", Purpose: part.purpose,
			Subject: s, Collection: "customer", Fields: part.fields,
		})
		if err != nil {
			return err
		}
		values := map[loot.Field]string{}
		for _, f := range part.fields {
			values[f] = given[f]
		}
		parts = append(parts, vault.Part{Permit: p, Given: values})
	}
	if err := a.Vault.CreateOf(ctx, tx, "load test", parts...); err != nil {
		return err
	}
	return a.Gate.Order(ctx, tx, gate.Ordered{
		Subject: s, Collection: "customer", By: loot.Actor{Kind: loot.Person, ID: string(s)}, Reference: loot.NewID("o"), Service: "shared-hosting",
	})
}

// KeyBytes returns how much disk the persons' keys take.
func (a *App) KeyBytes(ctx context.Context) (int64, error) {
	return a.keys.TableBytes(ctx, "keyring_person%")
}

// Backends returns the processes that serve the databases of records and keys
// on the machines of their PostgreSQL servers.
func (a *App) Backends(ctx context.Context) ([]int, error) {
	var out []int
	for _, db := range []*store.DB{a.DB, a.keys} {
		pid, err := db.Backend(ctx)
		if err != nil {
			return nil, err
		}
		if pid != 0 {
			out = append(out, pid)
		}
	}
	return out, nil
}

// A ScratchSite is the site of a load test.
type ScratchSite = visits.ScratchSite

// ScratchVisits adds a site for a load test, with made-up views of the last days.
func (a *App) ScratchVisits(ctx context.Context, script string, views, days int) (ScratchSite, error) {
	return a.visits.Scratch(ctx, script, views, days)
}

// VisitsBytes returns how much disk visits take.
func (a *App) VisitsBytes(ctx context.Context) (float64, error) {
	parts, err := a.rows.Stats(ctx)
	n := 0.0
	for _, p := range parts {
		n += float64(p.Bytes)
	}
	return n, err
}
