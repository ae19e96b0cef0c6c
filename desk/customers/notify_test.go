package customers

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/ledger"
	"loot/mail"
	"loot/statement"
	"loot/store"
)

// onEachTelling runs f in houses whose statement has somebody told of every look
// at a record.
func onEachTelling(t *testing.T, whom string, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel() // most of the time is spent waiting for jobs
	const rule = "@needs1(\"the record is the person's own\")\npermit"
	src := bytes.Replace(statement.Default(), []byte(rule), []byte(`@notify("`+whom+`")`+"\n"+rule), 1)
	s := desktest.Parse(t, src)
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db, s)) })
}

// told returns who was written to of a use.
func (h *house) told() (to []string) {
	for _, m := range h.Mail.Sent() {
		if m.Subject == "Your details were used in a way that we tell you of at once" {
			to = append(to, m.To)
		}
	}
	slices.Sort(to)
	return to
}

func (h *house) expectTold(want ...string) {
	h.Helper()
	if got := h.told(); !slices.Equal(got, want) {
		h.Errorf("told of a use: %q, want %q", got, want)
	}
}

// unsent returns the incidents of notices that could not be sent.
func (h *house) unsent() (n int) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		n = 0
		for row, err := range h.Kit.Ledger.Facts(ctx, tx, desktest.Start.AddDate(-1, 0, 0), h.Clock.Now().AddDate(1, 0, 0)) {
			if err != nil {
				return err
			}
			if row.Facts.Note == "incident.notice.unsent" {
				n++
			}
		}
		return nil
	})
	return n
}

// TestTheSubjectIsToldOfAUse once, however often that job runs.
func TestTheSubjectIsToldOfAUse(t *testing.T) {
	onEachTelling(t, "subject", func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.register(with(jo, "contact.email", "other@example.com")...)
		h.as(s)
		h.Get("/portal")
		h.Confirm()
		h.expectTold("jo@example.com")
		entry := ""
		for _, it := range h.items(s) {
			if it.Facts.Action == loot.Export && it.Facts.Verdict == ledger.Permitted {
				entry = it.ID
			}
		}
		ok(t, h.desk.notifySubject(h.Context(), string(s)+" "+entry))
		h.Confirm()
		h.expectTold("jo@example.com")
		if n := h.unsent(); n != 0 {
			t.Errorf("%d incidents of notices that were sent", n)
		}
	})
}

// TestEveryoneIsToldOfAUse: every customer, but whoever is gone.
func TestEveryoneIsToldOfAUse(t *testing.T) {
	onEachTelling(t, "everyone", func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.register(with(jo, "contact.email", "other@example.com")...)
		h.as(s)
		h.Get("/portal")
		h.Confirm()
		h.expectTold("jo@example.com", "other@example.com")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			copied, err := h.desk.export(ctx, tx, s)
			if all, _ := copied.(exported); len(all.Notices) != 1 || all.Notices[0].Told.IsZero() {
				t.Errorf("the copy does not say that they were told: %+v", copied)
			}
			return err
		})
	})
}

// TestANoticeThatIsNotSent is not noted as sent, and opens an incident: who was
// not told is told by people.
func TestANoticeThatIsNotSent(t *testing.T) {
	onEachTelling(t, "subject", func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.desk.needs.EndServices(ctx, tx, h.Actor, s) })
		h.Clock.Advance(100 * 24 * time.Hour) // nothing may be written to them any longer
		h.Get("/portal")
		h.Confirm()
		h.expectTold()
		var noted int
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM customers_notified`).Scan(&noted)
		})
		if n := h.unsent(); n != 1 || noted != 0 {
			t.Errorf("%d incidents, want 1; %d noted as told, want none", n, noted)
		}
	})
}

// TestANoticeThatIsRefusedForGood opens an incident, too, instead of being tried
// for weeks.
func TestANoticeThatIsRefusedForGood(t *testing.T) {
	onEachTelling(t, "subject", func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.Mail.Fail(fmt.Errorf("550: %w", mail.ErrRejected))
		h.as(s)
		h.Get("/portal")
		h.Confirm()
		h.expectTold()
		if n := h.unsent(); n != 1 {
			t.Errorf("%d incidents, want 1", n)
		}
	})
}
