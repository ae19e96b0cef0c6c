package vault_test

import (
	"errors"
	"fmt"
	"testing"

	"loot"
	"loot/gate"
	"loot/keyring"
	"loot/store"
	"loot/vault"
)

// TestWrongCallerGetsNothing: each of these is a fault in the program or an
// attack. None opens, finds or changes anything.
func TestWrongCallerGetsNothing(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		s, other := b.create(t, ada()), b.create(t, map[loot.Field]string{"contact.name": "Charles Babbage"})
		before := b.row(t, s)
		use := request(loot.Use, s, "contact.name")
		collect := request(loot.Collect, s, "contact.name")
		wider := map[loot.Field]string{"contact.name": "Eve", "contact.email": "eve@example.net"}
		var stolen gate.Permit
		if err := b.with(t, use, func(_ *store.Tx, p gate.Permit) error { stolen = p; return nil }); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			req gate.Request
			how string
			try func(tx *store.Tx, p gate.Permit) (any, error)
		}{
			"zero permit": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) { return b.vault.Open(ctx, tx, gate.Permit{}) }},
			"zero, whole": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) { return b.vault.OpenWhole(ctx, tx, gate.Permit{}) }},
			"zero, find": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return b.vault.Find(ctx, tx, gate.Permit{}, "contact.email", "Ada@Engines.example")
			}},
			"zero, create": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return nil, b.vault.Create(ctx, tx, gate.Permit{}, wider, "x")
			}},
			"zero, add": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return nil, b.vault.Add(ctx, tx, gate.Permit{}, wider, "x")
			}},
			"zero, correct": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return nil, b.vault.Correct(ctx, tx, gate.Permit{}, vault.Change{Version: 1, Given: wider, Source: "x"})
			}},
			"zero, erase": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) { return nil, b.vault.Erase(ctx, tx, gate.Permit{}) }},
			"zero, file":  {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) { return b.vault.OpenFile(ctx, tx, gate.Permit{}, "f1") }},
			"zero, keep": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return nil, b.vault.KeepFile(ctx, tx, gate.Permit{}, "f1", "x")
			}},
			"zero, remove": {use, "missing", func(tx *store.Tx, _ gate.Permit) (any, error) {
				return nil, b.vault.RemoveFile(ctx, tx, gate.Permit{}, "f1")
			}},
			"kept from then": {use, "elsewhere", func(tx *store.Tx, _ gate.Permit) (any, error) { return b.vault.Open(ctx, tx, stolen) }},
			"used twice": {use, "twice", func(tx *store.Tx, p gate.Permit) (any, error) {
				if _, err := b.vault.Open(ctx, tx, p); err != nil {
					t.Error(err)
				}
				return b.vault.Open(ctx, tx, p)
			}},
			"a copy": {use, "twice", func(tx *store.Tx, p gate.Permit) (any, error) {
				again := p
				if _, err := b.vault.Open(ctx, tx, p); err != nil {
					t.Error(err)
				}
				return b.vault.OpenWhole(ctx, tx, again)
			}},
			"to use, and finds": {use, "widened", func(tx *store.Tx, p gate.Permit) (any, error) {
				return b.vault.Find(ctx, tx, p, "contact.name", "Ada Lovelace")
			}},
			"to use, and writes": {use, "widened", func(tx *store.Tx, p gate.Permit) (any, error) {
				return nil, b.vault.Add(ctx, tx, p, map[loot.Field]string{"contact.name": "Eve"}, "x")
			}},
			"to use, and erases":    {use, "widened", func(tx *store.Tx, p gate.Permit) (any, error) { return nil, b.vault.Erase(ctx, tx, p) }},
			"to collect, and opens": {collect, "widened", func(tx *store.Tx, p gate.Permit) (any, error) { return b.vault.Open(ctx, tx, p) }},
			"adds more fields":      {collect, "widened", func(tx *store.Tx, p gate.Permit) (any, error) { return nil, b.vault.Add(ctx, tx, p, wider, "x") }},
			"corrects more fields": {collect, "widened", func(tx *store.Tx, p gate.Permit) (any, error) {
				return nil, b.vault.Correct(ctx, tx, p, vault.Change{Version: before.Version, Given: wider, Source: "x"})
			}},
			"creates with more": {request(loot.Collect, other, "contact.name"), "widened", func(tx *store.Tx, p gate.Permit) (any, error) { return nil, b.vault.Create(ctx, tx, p, wider, "x") }},
			"finds by another field": {request(loot.Find, "", "contact.email"), "widened", func(tx *store.Tx, p gate.Permit) (any, error) {
				return b.vault.Find(ctx, tx, p, "company.name", "Lovelace Engines")
			}},
			"collects about nobody": {request(loot.Collect, "", "contact.name"), "widened", func(tx *store.Tx, p gate.Permit) (any, error) {
				return nil, b.vault.Create(ctx, tx, p, map[loot.Field]string{"contact.name": "Eve"}, "x")
			}},
		} {
			t.Run(name, func(t *testing.T) {
				err := b.with(t, c.req, func(tx *store.Tx, p gate.Permit) error {
					got, err := c.try(tx, p)
					if fmt.Sprint(got) != "<nil>" && fmt.Sprint(got) != "map[]" && fmt.Sprint(got) != "[]" && fmt.Sprint(got) != fmt.Sprint(vault.Whole{}) {
						t.Errorf("got %T", got)
					}
					return err
				})
				if m, ok := errors.AsType[*gate.Misuse](err); !ok || m.How != c.how {
					t.Errorf("error %v; want a misuse: %s", err, c.how)
				}
				if loot.KindOf(err) != loot.Internal {
					t.Errorf("the caller is told %q", loot.Message(err))
				}
			})
		}
		if got := b.row(t, s); got != before {
			t.Errorf("changed: %+v, before %+v", got, before)
		}
		// Another person's permit opens nothing of this one: the subject is the
		// permit's, and no call takes another.
		if got := b.clear(t, other, fieldsOf(ada())...); len(got) != 1 || got["contact.name"] != "Charles Babbage" {
			t.Errorf("got %v", got)
		}
	})
}

func TestCustomersDataIsNotReadAsAnApplicants(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		r := request(loot.Use, s, "contact.name", "contact.email")
		r.Actor.ID, r.Desk, r.Purpose, r.Collection = "hiring", "hiring", "hiring", applicant
		err := b.with(t, r, func(tx *store.Tx, p gate.Permit) error {
			_, err := b.vault.Open(t.Context(), tx, p)
			return err
		})
		if loot.KindOf(err) != loot.NotFound {
			t.Errorf("got %v", err)
		}
	})
}

func TestRolledBackOpeningIsCountedApart(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		b.clear(t, s, "contact.name", "contact.email", "company.vat")
		err := b.with(t, request(loot.Use, s, "contact.name", "contact.email"), func(tx *store.Tx, p gate.Permit) error {
			if _, err := b.vault.Open(t.Context(), tx, p); err != nil {
				return err
			}
			return errNever
		})
		if !errors.Is(err, errNever) {
			t.Fatal(err)
		}
		ops := b.counted(t)
		if ops[keyring.Record] != 3 || ops[keyring.Permits] != 1 || ops[keyring.Discarded] != 2 || ops[keyring.System] != 0 {
			t.Errorf("%v; want 3 for a permit and 2 discarded", ops)
		}
		b.sound(t)
		ops = b.counted(t)
		if ops[keyring.Record] != 3 || ops[keyring.System] != int64(2*len(ada())) {
			t.Errorf("%v; want a check to count as the program's own", ops)
		}
	})
}
