package verification

import (
	"context"
	"testing"

	"loot"
	"loot/store"
)

// TestOnlyTheirOwnReportConcernsAnInvoice: nobody keeps another from being reminded
// by naming the number of their invoice.
func TestOnlyTheirOwnReportConcernsAnInvoice(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		h.bills.issued = []Invoice{{"EX-7", "EX-7, October"}}
		owner, other := h.customer(meadow()), h.customer(meadow())
		reported := func(s loot.Subject) (yes bool) {
			h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
				yes, err = h.desk.ReportedOn(ctx, tx, s, "EX-7")
				return err
			})
			return yes
		}
		h.taken(h.as(person(other)).Post("/portal/checks/wrong", "field", "address.city", "invoice", "EX-7", "text", "Wrong."))
		if reported(owner) {
			t.Error("the report of somebody else counts")
		}
		h.taken(h.as(person(owner)).Post("/portal/checks/wrong", "field", "address.city", "invoice", "EX-7", "text", "Wrong."))
		if !reported(owner) {
			t.Error("their own report does not count")
		}
	})
}
