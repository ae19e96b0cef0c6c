package vault

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"loot"
	"loot/gate"
	"loot/store"
)

// mostFound is how many values one search looks for.
const mostFound = 1000

// FindAll is [Vault.Find] for many values of a field, at most a thousand: it
// returns who has one of them, by the value as it was given. It is one search with
// one permit and one entry on the ledger.
func (v *Vault) FindAll(ctx context.Context, tx *store.Tx, p gate.Permit, f loot.Field, values []string) (map[string]loot.Subject, error) {
	g, err := p.Spend(tx, loot.Find)
	if err != nil {
		return nil, err
	}
	d, ok := g.Statement.Field(f)
	if !ok || g.Collection == "" || !slices.Contains(g.Fields, f) {
		return nil, g.Widened()
	}
	if !d.Index {
		return nil, loot.Errorf(loot.Invalid, "The statement lets nobody be found by this field.")
	}
	if len(values) > mostFound {
		return nil, fmt.Errorf("vault: find: %d values at once", len(values))
	}
	sought, err := v.sought(ctx, g, f, values)
	if err != nil {
		return nil, err
	}
	for {
		out, err := v.searchAll(ctx, tx, g, f, sought)
		if err != nil {
			return nil, err
		}
		// As in Find: an epoch may have begun meanwhile, which one value tells.
		now, err := v.sought(ctx, g, f, values[:min(1, len(values))])
		if err != nil {
			return nil, err
		}
		moved := false
		for h := range now {
			_, is := sought[h]
			moved = moved || !is
		}
		if !moved {
			return out, v.found(ctx, tx, g, f, slices.Sorted(maps.Values(out)))
		}
		if sought, err = v.sought(ctx, g, f, values); err != nil {
			return nil, err
		}
	}
}

// sought returns values by their blind indexes under every epoch.
func (v *Vault) sought(ctx context.Context, g gate.Grant, f loot.Field, values []string) (map[string][]string, error) {
	d, _ := g.Statement.Field(f)
	out := make(map[string][]string, len(values))
	for _, value := range values {
		text := spell(spellingOf(d), value)
		if text == "" {
			continue
		}
		hashes, err := v.hashes(ctx, g.Collection, f, text)
		if err != nil {
			return nil, err
		}
		for _, h := range hashes {
			out[string(h)] = append(out[string(h)], value)
		}
	}
	return out, nil
}

func (v *Vault) searchAll(ctx context.Context, tx *store.Tx, g gate.Grant, f loot.Field, sought map[string][]string) (map[string]loot.Subject, error) {
	out := map[string]loot.Subject{}
	hashes := make([][]byte, 0, len(sought))
	for h := range sought {
		hashes = append(hashes, []byte(h))
	}
	for some := range slices.Chunk(hashes, 250) {
		recs, err := v.candidates(ctx, tx, g.Collection, some)
		if err != nil {
			return nil, err
		}
		for _, rec := range recs {
			if i := rec.cell(f); i >= 0 {
				for _, value := range sought[string(rec.cells[i].hash)] {
					out[value] = rec.Subject
				}
			}
		}
	}
	return out, nil
}
