package verification

import (
	"fmt"
	"testing"

	"loot"
	"loot/desk/desktest"
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
