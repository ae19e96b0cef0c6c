package incidents

import (
	"context"
	"net/http"
	"testing"

	"loot/desk/desktest"
	"loot/job"
	"loot/store"
)

// TestTheRegulatorIsToldOfAUse by a person: a case with its 72 hours is opened
// once, and does not close before it is noted that it was done.
func TestTheRegulatorIsToldOfAUse(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		dpo := h.hire("t-dpo", "dpo")
		for range 2 {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				return h.Kit.Jobs.Publish(ctx, tx, job.Notice{Name: "notify.regulator", ID: "s1 e1"})
			})
			h.Drain()
		}
		all := cases(h)
		if len(all) != 1 || all[0].Entry != "e1" || all[0].Due.Sub(h.Clock.Now()) != untilRegulator {
			t.Fatalf("cases %+v, want one about e1 with 72 hours left", all)
		}
		path := "/console/incidents/" + all[0].ID
		says(t, h.as(dpo).Get(path), http.StatusOK, "A clause has the regulator told of a use", "e1")
		h.take(dpo, path)
		desktest.Leads(t, h.assess(dpo, path, "none"), path)
		says(t, h.Post(path, "version", "2", "kind", "closing", "text", "Nothing to do."), http.StatusConflict, "Note that this was done before closing.")
		says(t, h.Get("/console/incidents"), http.StatusOK, "72 h left")
		h.Post(path, "version", "2", "kind", "told", "text", "Written today.")
		if a := h.Post(path, "version", "3", "kind", "closing", "text", "Answered."); a.Status != http.StatusSeeOther {
			t.Error(a.Status, read(a.Body))
		}
	})
}

// TestTheSameAboutOneEntryIsOneCase while that is open: a notice to everyone that
// cannot be sent opens none for every customer.
func TestTheSameAboutOneEntryIsOneCase(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		raise := func(what, entry string, want int) {
			t.Helper()
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := h.Kit.Gate.Incident(ctx, tx, what, entry)
				return err
			})
			h.Drain()
			if n := len(cases(h)); n != want {
				t.Errorf("%d cases, want %d", n, want)
			}
		}
		raise("notice.unsent", "e1", 1)
		raise("notice.unsent", "e1", 1)
		raise("notice.unsent", "e2", 2)
		raise("permit.twice", "e1", 3)
		raise("reconciliation", "", 4)
		raise("reconciliation", "", 5)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE incidents_case SET closed = 1`)
			return err
		})
		raise("notice.unsent", "e1", 6)
	})
}

func cases(h *house) (all []incident) {
	h.t.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		all, err = list(ctx, tx, listed)
		return err
	})
	return all
}
