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
	g, how, err := finding(tx, p, f)
	if err != nil {
		return nil, err
	}
	if len(values) > mostFound {
		return nil, fmt.Errorf("vault: find: %d values at once", len(values))
	}
	texts := make(map[string][]string, len(values)) // as they are spelt, to the values
	one := ""
	for _, value := range values {
		if text := spell(how, value); text != "" {
			texts[text], one = append(texts[text], value), text
		}
	}
	if one == "" {
		return nil, nil
	}
	for {
		sought, err := v.sought(ctx, g.Collection, f, texts)
		if err != nil {
			return nil, err
		}
		out, err := v.searchAll(ctx, tx, g.Collection, f, sought)
		if err != nil {
			return nil, err
		}
		// As in Find: an epoch may have begun meanwhile, which any of them tells.
		now, err := v.hashes(ctx, g.Collection, f, one)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(now, func(h []byte) bool { return sought[string(h)] == nil }) {
			return out, v.found(ctx, tx, g, f, slices.Compact(slices.Sorted(maps.Values(out))))
		}
	}
}

// sought returns values by their blind indexes under every epoch.
func (v *Vault) sought(ctx context.Context, c loot.Collection, f loot.Field, texts map[string][]string) (map[string][]string, error) {
	out := make(map[string][]string, len(texts))
	indexes, err := v.Keyring.Indexer(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("vault: find: %w", err)
	}
	for text, values := range texts {
		_, now, other := indexes.Index(f, text)
		for _, h := range append(other, now) {
			out[string(h)] = values
		}
	}
	return out, nil
}

func (v *Vault) searchAll(ctx context.Context, tx *store.Tx, c loot.Collection, f loot.Field, sought map[string][]string) (map[string]loot.Subject, error) {
	out := map[string]loot.Subject{}
	hashes := make([][]byte, 0, len(sought))
	for h := range sought {
		hashes = append(hashes, []byte(h))
	}
	for some := range slices.Chunk(hashes, 250) {
		recs, err := v.candidates(ctx, tx, c, some)
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
