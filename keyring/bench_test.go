package keyring_test

import (
	"testing"

	"loot"
	"loot/store/storetest"
)

// BenchmarkTenFields seals and opens ten fields of one person, with the key
// held in memory; the openings count for a permit.
func BenchmarkTenFields(b *testing.B) {
	p := newPlace(b, storetest.Open(b, storetest.SQLite(b), nil))
	k := p.open(b)
	key := create(b, k, loot.NewSubject(), customer)
	ad, plain := []byte("contact.email and what else it is bound to"), []byte("somebody@example.com")
	sealed := key.Seal(plain, ad)
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			for range 10 {
				key.Seal(plain, ad)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			tally := k.Tally(p.now())
			key := key.In(tally)
			for range 10 {
				if _, err := key.Open(sealed, ad); err != nil {
					b.Fatal(err)
				}
			}
			tally.Committed()
		}
	})
}

// BenchmarkMAC proves a row of the length that ten fields have.
func BenchmarkMAC(b *testing.B) {
	p := newPlace(b, storetest.Open(b, storetest.SQLite(b), nil))
	key, row := create(b, p.open(b), loot.NewSubject(), customer), make([]byte, 800)
	mac := key.MAC(row)
	for b.Loop() {
		if err := key.Verify(mac, row); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkKeys makes, reads and indexes on SQLite.
func BenchmarkKeys(b *testing.B) {
	p := newPlace(b, storetest.Open(b, storetest.SQLite(b), nil))
	k := p.open(b)
	s := loot.NewSubject()
	create(b, k, s, customer)
	b.Run("create", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := k.Create(b.Context(), loot.NewSubject(), customer); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("held", func(b *testing.B) {
		for b.Loop() {
			person(b, k, s, customer)
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			p.pass(1 << 40)
			person(b, k, s, customer)
		}
	})
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			if _, _, _, err := k.Index(b.Context(), customer, "contact.email", "somebody@example.com"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
