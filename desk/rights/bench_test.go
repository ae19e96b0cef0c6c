package rights

import (
	"net/http"
	"testing"

	"loot/desk/desktest"
	"loot/store/storetest"
)

// BenchmarkCopy takes the copy of what is held of a customer with an invoice, as a
// browser does.
func BenchmarkCopy(b *testing.B) {
	for name, open := range map[string]func(testing.TB) string{"sqlite": desktest.Kernel.SQLite, "postgres": desktest.Kernel.Postgres} {
		b.Run(name, func(b *testing.B) {
			h := newHouse(b, storetest.Open(b, open(b), nil), desktest.Standard(b))
			h.register("jo@example.com")
			h.invoice()
			h.Confirm() // what is proved is there, so that nothing is waited for
			for b.Loop() {
				if a := h.Post("/portal/rights/copy"); a.Status != http.StatusOK {
					b.Fatalf("the copy: %d", a.Status)
				}
			}
		})
	}
}
