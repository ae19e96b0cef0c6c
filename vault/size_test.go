package vault_test

import (
	"fmt"
	"testing"

	"loot"
	"loot/gate"
	"loot/store"
)

// bytesFor is how much a customer of ten fields may take, with indexes and keys.
const bytesFor = 1500

// tenFields is a customer of ten fields of the length they have in life.
func tenFields(i int) map[loot.Field]string {
	given := ada()
	delete(given, "company.register")
	given["company.name"] = fmt.Sprintf("Lovelace Engines %d GmbH", i)
	given["company.vat"] = fmt.Sprintf("IE%07dFA", i)
	given["contact.email"] = fmt.Sprintf("ada.lovelace%d@engines.example", i)
	return given
}

// fill makes n customers, a hundred in a transaction.
func (b *bench) fill(t testing.TB, n int) (out []loot.Subject) {
	t.Helper()
	ctx := t.Context()
	for done := 0; done < n; {
		part := min(100, n-done)
		var some []loot.Subject
		for range part {
			s := loot.NewSubject()
			if err := b.keys.Create(ctx, s, customer); err != nil {
				t.Fatal(err)
			}
			some = append(some, s)
		}
		b.do(t, func(tx *store.Tx) error {
			for i, s := range some {
				given := tenFields(done + i)
				p, err := b.gate.Decide(ctx, tx, request(loot.Collect, s, fieldsOf(given)...))
				if err != nil {
					return err
				}
				if err := b.vault.Create(ctx, tx, p, given, "your order: shared hosting"); err != nil {
					return err
				}
			}
			return nil
		})
		done += part
		out = append(out, some...)
	}
	return out
}

// size returns how many bytes the tables and indexes of a package take.
func size(t testing.TB, db *store.DB, owner string) (n int64) {
	t.Helper()
	query := `SELECT SUM(pgsize) FROM dbstat WHERE name LIKE $1`
	if db.Dialect() == store.Postgres {
		query = `SELECT SUM(pg_total_relation_size(c.oid)) FROM pg_class c WHERE c.relkind = 'r' AND c.relname LIKE $1`
	}
	if err := db.ReadTx(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(t.Context(), query, "%"+owner+"_%").Scan(&n)
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBytesOfACustomer(t *testing.T) {
	eachAlike(t, func(t *testing.T, b *bench) {
		const n = 2000
		vaultEmpty, keysEmpty := size(t, b.db, "vault"), size(t, b.keyDB, "keyring")
		b.fill(t, n)
		inVault, inKeys := (size(t, b.db, "vault")-vaultEmpty)/n, (size(t, b.keyDB, "keyring")-keysEmpty)/n
		t.Logf("%d bytes a customer: %d in the vault, %d in the key store", inVault+inKeys, inVault, inKeys)
		if inVault+inKeys > bytesFor {
			t.Errorf("more than %d", bytesFor)
		}
	})
}

// each engine, for benchmarks.
func benchEach(b *testing.B, f func(b *testing.B, v *bench)) {
	for name, url := range engines {
		b.Run(name, func(b *testing.B) {
			v := newBench(b, url, url)
			b.ResetTimer()
			f(b, v)
		})
	}
}

// BenchmarkCreate registers customers of ten fields: key, decision, ledger
// entry, sealed record and indexes, each in a transaction of its own, from 16
// callers at a time.
func BenchmarkCreate(b *testing.B) {
	benchEach(b, func(b *testing.B, v *bench) {
		given := tenFields(1)
		fields := fieldsOf(given)
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				s := loot.NewSubject()
				if err := v.keys.Create(b.Context(), s, customer); err != nil {
					b.Error(err)
					return
				}
				if err := v.with(b, request(loot.Collect, s, fields...), func(tx *store.Tx, p gate.Permit) error {
					return v.vault.Create(b.Context(), tx, p, given, "your order: shared hosting")
				}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkOpen opens records of ten fields, with decision and ledger entry.
func BenchmarkOpen(b *testing.B) {
	benchEach(b, func(b *testing.B, v *bench) {
		people := v.fill(b, 2000)
		fields := fieldsOf(tenFields(1))
		b.ResetTimer()
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if err := v.with(b, request(loot.Use, people[i*37%len(people)], fields...), func(tx *store.Tx, p gate.Permit) error {
					_, err := v.vault.Open(b.Context(), tx, p)
					return err
				}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkLists shows a page of 50, finds one by address and counts, among
// many.
func BenchmarkLists(b *testing.B) {
	benchEach(b, func(b *testing.B, v *bench) {
		people := v.fill(b, 20_000)
		b.Run("page", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				v.do(b, func(tx *store.Tx) error {
					_, err := v.vault.List(b.Context(), tx, customer, people[i*37%len(people)], 50)
					return err
				})
			}
		})
		b.Run("find", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if got := v.find(b, "contact.email", fmt.Sprintf("ada.lovelace%d@engines.example", i*37%len(people))); len(got) != 1 {
					b.Errorf("found %d", len(got))
				}
			}
		})
		b.Run("count", func(b *testing.B) {
			for b.Loop() {
				v.do(b, func(tx *store.Tx) error {
					_, err := v.vault.Count(b.Context(), tx, customer)
					return err
				})
			}
		})
	})
}

// BenchmarkUse decides and opens ten fields over and over in one transaction of
// SQLite: what a use costs apart from its commit.
func BenchmarkUse(b *testing.B) {
	v := newBench(b, engines["sqlite"], engines["sqlite"])
	s := v.create(b, tenFields(1))
	fields := fieldsOf(tenFields(1))
	v.do(b, func(tx *store.Tx) error {
		for b.Loop() {
			p, err := v.gate.Decide(b.Context(), tx, request(loot.Use, s, fields...))
			if err != nil {
				return err
			}
			if _, err := v.vault.Open(b.Context(), tx, p); err != nil {
				return err
			}
		}
		return nil
	})
}
