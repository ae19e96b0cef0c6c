package vault_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/keyring"
	"loot/store"
	"loot/vault"
)

// edit changes the packed cells of a record behind the vault's back, as somebody
// could who can make MACs: what remains are the seals.
func (b *bench) edit(t testing.TB, s loot.Subject, f func(cells []vault.Cell) []vault.Cell) {
	t.Helper()
	ctx := t.Context()
	if err := b.db.InTx(ctx, func(tx *store.Tx) error {
		return b.vault.Edit(ctx, tx, s, customer, f)
	}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if err := b.db.InTx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), query, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) cell(t testing.TB, s loot.Subject, f loot.Field) (out vault.Cell) {
	t.Helper()
	b.edit(t, s, func(cells []vault.Cell) []vault.Cell {
		out = cells[slices.IndexFunc(cells, func(c vault.Cell) bool { return c.Field == f })]
		return cells
	})
	return out
}

// TestMovedOrChangedValueIsRefused: whoever can write to the database can
// damage, and cannot make one person's, field's or day's value pass for
// another's.
func TestMovedOrChangedValueIsRefused(t *testing.T) {
	const email, name = loot.Field("contact.email"), loot.Field("contact.name")
	set := func(change func(c *vault.Cell)) func(*testing.T, *bench, loot.Subject, loot.Subject) {
		return func(t *testing.T, b *bench, s, _ loot.Subject) {
			b.edit(t, s, func(cells []vault.Cell) []vault.Cell {
				i := slices.IndexFunc(cells, func(c vault.Cell) bool { return c.Field == email })
				change(&cells[i])
				return cells
			})
		}
	}
	damages := map[string]func(t *testing.T, b *bench, s, other loot.Subject){
		"another field": func(t *testing.T, b *bench, s, _ loot.Subject) {
			from := b.cell(t, s, name)
			set(func(c *vault.Cell) { c.Sealed = from.Sealed })(t, b, s, "")
		},
		"another field, with what stands about it": func(t *testing.T, b *bench, s, _ loot.Subject) {
			from := b.cell(t, s, name)
			from.Field = email
			set(func(c *vault.Cell) { *c = from })(t, b, s, "")
		},
		"another person": func(t *testing.T, b *bench, s, other loot.Subject) {
			from := b.cell(t, other, email)
			set(func(c *vault.Cell) { *c = from })(t, b, s, "")
		},
		"another person's whole row": func(t *testing.T, b *bench, s, other loot.Subject) {
			b.exec(t, `UPDATE vault_record SET cells = (SELECT cells FROM vault_record WHERE subject = $1) WHERE subject = $2`, other.Compact(), s.Compact())
		},
		"another person, key and all": func(t *testing.T, b *bench, s, other loot.Subject) {
			b.exec(t, `UPDATE vault_record SET cells = (SELECT cells FROM vault_record WHERE subject = $1) WHERE subject = $2`, other.Compact(), s.Compact())
			if err := b.keyDB.InTx(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(t.Context(), `UPDATE keyring_person SET sealed = (SELECT sealed FROM keyring_person WHERE subject = $1) WHERE subject = $2`, other.Compact(), s.Compact())
				return err
			}); err != nil {
				t.Fatal(err)
			}
			b.open(t) // nothing held in memory
		},
		"an earlier number": set(func(c *vault.Cell) { c.Version = 0 }),
		"another source":    set(func(c *vault.Cell) { c.Source = "a partner" }),
		"an earlier day":    set(func(c *vault.Cell) { c.At -= 1e6 }),
		"another statement": set(func(c *vault.Cell) { c.Statement = "0000000000000000" }),
		"a flipped bit":     set(func(c *vault.Cell) { c.Sealed[20] ^= 1 }),
		"cut short":         set(func(c *vault.Cell) { c.Sealed = c.Sealed[:10] }),
		"nothing":           set(func(c *vault.Cell) { c.Sealed = nil }),
	}
	each(t, func(t *testing.T, b *bench) {
		for what, damage := range damages {
			t.Run(what, func(t *testing.T) {
				s, other := b.create(t, ada()), b.create(t, ada())
				damage(t, b, s, other)
				values, err := b.values(t, s, email)
				if values != nil || !errors.Is(err, keyring.ErrTampered) || loot.KindOf(err) != loot.Internal {
					t.Fatalf("opened: %v, %v", values, err)
				}
				if text := err.Error(); strings.Contains(text, "Ada") || strings.Contains(text, "Engines") {
					t.Errorf("the error says %q", text)
				}
				problems := strings.Join(b.problems(t), "\n")
				if !strings.Contains(problems, string(s)) {
					t.Error("the check does not name the record")
				}
				if strings.Contains(problems, string(other)) {
					t.Errorf("blames another: %s", problems)
				}
				if got := b.clear(t, other, email); got[email] != "Ada@Engines.example" {
					t.Errorf("another record: %v", got)
				}
			})
		}
	})
}

// TestDamageIsNamed damages rows of every table and looks for it in the check.
func TestDamageIsNamed(t *testing.T) {
	cases := map[string]struct {
		damage string
		want   string
	}{
		"no cells at all":       {`UPDATE vault_record SET cells = '' WHERE subject = $1`, "S in customer: the row is damaged"},
		"another collection":    {`UPDATE vault_record SET collection = 'applicant' WHERE subject = $1`, "S in applicant: its key is destroyed or lost"},
		"lost from the index":   {`DELETE FROM vault_index WHERE subject = $1`, "contact.email of S in customer: it stands 0 times in the index"},
		"entered for nobody":    {`INSERT INTO vault_index (lookup, subject) VALUES (7, NOBODY)`, "nobody: it stands in the index and has no record"},
		"entered once more":     {`INSERT INTO vault_index (lookup, subject) VALUES (7, $1)`, "the index has"},
		"former value, moved":   {`UPDATE vault_history SET version = 7 WHERE subject = $1`, "S in customer: its history is damaged"},
		"former value, stray":   {`UPDATE vault_history SET collection = 'applicant' WHERE subject = $1`, "contact.name of S in applicant: a former value has no record"},
		"former value, changed": {`UPDATE vault_history SET subject = $2 WHERE subject = $1`, "does not open"},
		"erased":                {`UPDATE vault_record SET erased = 1 WHERE subject = $1`, "S in customer: the row is damaged"},
		"lost":                  {`DELETE FROM vault_record WHERE subject = $1`, "S in customer: there is a key but no record"},
	}
	each(t, func(t *testing.T, b *bench) {
		for what, c := range cases {
			t.Run(what, func(t *testing.T) {
				s, other := b.create(t, ada()), b.create(t, ada())
				if err := b.correct(t, s, 1, map[loot.Field]string{"contact.name": "Ada King"}); err != nil {
					t.Fatal(err)
				}
				b.pass(25 * time.Hour)
				b.sound(t)
				good := b.backup(t, "vault_record", "vault_index", "vault_history")
				args := []any{s.Compact(), other.Compact()}[:1+strings.Count(c.damage, "$2")]
				if strings.Contains(c.damage, "NOBODY") {
					args = []any{loot.Subject("nobody").Compact()}
				}
				b.exec(t, strings.ReplaceAll(c.damage, "NOBODY", "$1"), args...)
				problems := b.problems(t)
				if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(strings.ReplaceAll(p, string(s), "S"), c.want) }) {
					t.Errorf("problems %q; want %q", problems, c.want)
				}
				b.restore(t, good)
			})
		}
	})
}

// TestADisputeWithoutAFreezeIsFound: what a record says is in dispute and the gate
// does not leave alone is a problem.
func TestADisputeWithoutAFreezeIsFound(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		b.do(t, func(tx *store.Tx) error {
			if err := b.gate.Freeze(t.Context(), tx, s, "c1", "company.vat"); err != nil {
				return err
			}
			return b.vault.Mark(t.Context(), tx, s, customer, 1, map[loot.Field]vault.Marking{"company.vat": {From: vault.Unverified, To: vault.Disputed}})
		})
		b.sound(t)
		b.do(t, func(tx *store.Tx) error { return b.gate.Thaw(t.Context(), tx, s, "c1") })
		if got := b.problems(t); len(got) != 1 || !strings.Contains(got[0], "company.vat of "+string(s)) || !strings.Contains(got[0], "in dispute") {
			t.Errorf("the problems are %q", got)
		}
	})
}

// TestFormerValuePutBackIsFound: the seal of a former value is good for its
// field, and its number gives it away.
func TestFormerValuePutBackIsFound(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		former := b.cell(t, s, "contact.name")
		if err := b.correct(t, s, 1, map[loot.Field]string{"contact.name": "Ada King"}); err != nil {
			t.Fatal(err)
		}
		b.edit(t, s, func(cells []vault.Cell) []vault.Cell {
			cells[slices.IndexFunc(cells, func(c vault.Cell) bool { return c.Field == "contact.name" })] = former
			return cells
		})
		if p := b.problems(t); len(p) != 1 || !strings.Contains(p[0], "a former value was put in the place of the present one") {
			t.Errorf("problems: %q", p)
		}
	})
}

// TestDamagedRecordCanBeErased: what nobody can read any more can still be ended.
func TestDamagedRecordCanBeErased(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		b.exec(t, `UPDATE vault_record SET cells = $1 WHERE subject = $2`, []byte{9, 9, 9}, s.Compact())
		if _, err := b.values(t, s, "contact.name"); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("open: %v", err)
		}
		b.erase(t, s)
		b.work(t)
		b.sound(t)
	})
}

// TestADamagedRecordHasNoDates: what a person's purposes are is known without
// it, so a service ends and a permission is taken back all the same.
func TestADamagedRecordHasNoDates(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for name, damage := range map[string]func(s loot.Subject){
			"changed row": func(s loot.Subject) {
				b.exec(t, `UPDATE vault_record SET version = version + 7 WHERE subject = $1`, s.Compact())
			},
			"changed key": func(loot.Subject) { b.keysExec(t, `UPDATE keyring_person SET sealed = ''`) },
			"lost key": func(s loot.Subject) {
				if err := b.keys.Destroy(t.Context(), s, customer); err != nil {
					t.Fatal(err)
				}
			},
		} {
			s := b.create(t, ada())
			damage(s)
			if err := b.gate.InTx(t.Context(), func(tx *store.Tx) error { return b.vault.Keep(t.Context(), tx, s, customer) }); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
