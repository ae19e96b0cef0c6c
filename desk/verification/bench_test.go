package verification

import (
	"fmt"
	"slices"
	"testing"

	"loot"
	"loot/desk/desktest"
	"loot/store/storetest"
)

// BenchmarkInspect measures the checks of a record that ask nobody.
func BenchmarkInspect(b *testing.B) {
	r := record{s: desktest.Standard(b), values: map[loot.Field]string{
		"company.name": "Example Meadow GmbH", "company.vat": "DE136695976", "company.register": "Exampleton HRB 1", "address.street": "Sample Street 1", "address.postcode": "10115",
		"address.city": "Exampleton", "address.country": "DE", "contact.name": "Jo Example", "contact.email": "jo@example.com", "contact.phone": "+49761555010",
	}}
	for i := 0; b.Loop(); i++ {
		r.values["contact.email"] = fmt.Sprintf("jo%d@example.com", i)
		inspect(r)
	}
}

// BenchmarkCheck checks records as they are after a registration, with everything
// committed: each by itself, and together as when their time has come.
func BenchmarkCheck(b *testing.B) {
	for name, open := range map[string]func(testing.TB) string{"sqlite": desktest.Kernel.SQLite, "postgres": desktest.Kernel.Postgres} {
		for _, n := range []int{1, together} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				h := newHouse(b, storetest.Open(b, open(b), nil), desktest.Standard(b), Options{})
				all := make([]loot.Subject, b.N)
				for i := range all {
					all[i], _ = h.Customer(collection, purpose, meadow())
				}
				b.ResetTimer()
				for some := range slices.Chunk(all, n) {
					for _, err := range h.desk.checkAll(b.Context(), n > 1, some...) {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
