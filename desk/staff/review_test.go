package staff

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/ledger"
	"loot/mail"
	"loot/store"
)

// opened has somebody open a record for a reason.
func (h *house) opened(a loot.Actor, s loot.Subject, reason string) {
	h.Helper()
	ok(h, h.Kit.Gate.InTx(h.Context(), func(tx *store.Tx) error {
		_, err := h.Kit.Gate.Decide(h.Context(), tx, gate.Request{
			Action: loot.Use, Actor: a, Desk: "customers", Purpose: "support", Subject: s, Collection: proved, Fields: []loot.Field{"contact.email"}, Reason: reason,
		})
		return err
	}))
}

// counted brings the tallies up to date and works off the letters.
func (h *house) counted() {
	h.Helper()
	ok(h, h.desk.countDays(h.Context(), countJob{}))
	h.Drain()
}

// raised returns what was raised, as "rule number".
func (h *house) raised() (out map[string]int) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		list, err := reviews(ctx, tx)
		out = map[string]int{}
		for _, r := range list {
			out[r.Rule] += r.Number
		}
		return err
	})
	return out
}

func (h *house) reviewID(rule string) (id string) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		list, err := reviews(ctx, tx)
		for _, r := range list {
			if r.Rule == rule {
				id = r.ID
			}
		}
		return err
	})
	return id
}

// TestUnusualAccessIsAnsweredForAndReviewed by two people, with letters to each
// in turn.
func TestUnusualAccessIsAnsweredForAndReviewed(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		sam, dpo := h.colleague("Sam Example", true, "support"), h.colleague("Dora Example", true, "dpo")
		s, err := h.person(t.Context())
		ok(t, err)
		h.as(sam)
		const page, known = "/console/access-review", "/console/access-review/known"
		shows(t, h.Post(known, "subject", string(loot.NewSubject())), http.StatusUnprocessableEntity, ": There is no customer with this id.")
		h.opened(sam, s, "Ticket 4711.")
		h.counted()
		if got := h.raised(); len(got) != 0 {
			t.Errorf("raised %v", got)
		}
		leads(t, h.Post(known, "subject", "https://privacy.example.com/console/customers/"+string(s)+"?approval="+loot.NewID("a")), page)
		shows(t, h.Get(page), http.StatusOK, string(s), "The customer is on your list.")
		h.opened(sam, s, "")
		h.counted()
		h.opened(sam, s, "Ticket 4712.")
		h.counted()
		if got := h.raised(); got[ruleKnown] != 3 || got[ruleBare] != 1 || len(got) != 2 {
			t.Errorf("raised %v", got)
		}
		id := h.reviewID(ruleKnown)
		if m, sent := h.Mail.Last("sam@network.example"); !sent || !strings.Contains(m.Subject, "Access review") || strings.Contains(m.Text, string(s)) {
			t.Errorf("%t: %q", sent, m.Text)
		}
		shows(t, h.Get(page), http.StatusOK, "The record of somebody whom this person knows", "Without a case and without a reason", "What did the work need it for?")
		h.as(h.colleague("Carl Example", false, "counsel"))
		lacks(t, h.Get(page), "Sam Example")
		shows(t, h.Get(page), http.StatusOK, "signs the confidentiality undertaking first")
		h.as(dpo)
		lacks(t, h.Get(page), string(s), "Why")
		shows(t, h.Get(page), http.StatusOK, "Sam Example", "3 openings")
		if a := h.Get("/console/openings"); !strings.Contains(a.Body, `href="/console/access-review"`) || !strings.Contains(words(a.Body), "Unusual days 1") {
			t.Errorf("what waits in the access review is not counted: %s", words(a.Body))
		}
		if a := h.Post(page+"/"+id+"/answer", "text", "It was me."); a.Status != http.StatusForbidden {
			t.Errorf("answered by somebody else: %d", a.Status)
		}
		if a := h.Post(page+"/"+id+"/outcome", "outcome", "in-order", "text", "Fine."); a.Status != http.StatusConflict {
			t.Errorf("recorded before it was answered: %d", a.Status)
		}
		h.as(sam)
		shows(t, h.Post(page+"/"+id+"/answer", "text", ""), http.StatusUnprocessableEntity, "Please fill this in")
		leads(t, h.Post(page+"/"+id+"/answer", "text", "Nobody else was on duty."), page)
		shows(t, h.Get(page), http.StatusOK, "Your answer is kept. Whoever reviews it is written to once the day is over.")
		h.Clock.Advance(26 * time.Hour)
		h.counted()
		if a := h.Post(page+"/"+id+"/outcome", "outcome", "in-order", "text", "Fine."); a.Status != http.StatusForbidden {
			t.Errorf("recorded by whoever opened it: %d", a.Status)
		}
		if !slices.ContainsFunc(h.Mail.Sent(), func(m mail.Message) bool { return m.To == h.member(dpo.ID).Email }) {
			t.Error("no reviewer was written to")
		}
		h.as(dpo)
		shows(t, h.Get(page), http.StatusOK, "Nobody else was on duty.")
		leads(t, h.Post(page+"/"+id+"/outcome", "outcome", "breach", "text", "A colleague was there."), page)
		shows(t, h.Get(page), http.StatusOK, "Recorded", "A breach of the undertaking", "A colleague was there.")
		notes := h.notes()
		for _, want := range []string{"access.answered", "access.reviewed breach", "incident.access.unjustified"} {
			if !slices.Contains(notes, want) {
				t.Errorf("%q is not on the ledger: %q", want, notes)
			}
		}
		// What nobody answers is reminded of, and can then be recorded.
		id = h.reviewID(ruleBare)
		sent := h.Mail.Count()
		h.Clock.Advance(8 * 24 * time.Hour)
		h.counted()
		h.counted()
		if h.Mail.Count() < sent+2 {
			t.Errorf("%d letters about what is overdue", h.Mail.Count()-sent)
		}
		h.as(dpo)
		shows(t, h.Get(page), http.StatusOK, "overdue")
		leads(t, h.Post(page+"/"+id+"/outcome", "outcome", "advised", "text", "Talked about it."), page)
		// Whoever is erased is known to nobody any more.
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			got, err := h.desk.export(ctx, tx, s)
			if got == nil {
				t.Error("nothing in the copy")
			}
			return errors.Join(err, h.desk.forget(ctx, tx, s))
		})
		h.as(sam)
		lacks(t, h.Get(page), string(s))
	})
}

// TestHoursAreThePersonsOwn: who works at night may, and who never did is asked.
func TestHoursAreThePersonsOwn(t *testing.T) {
	night := seen{account: "a", opened: map[string]bool{}}
	night.hours[3], night.latest[3] = 2, "e3"
	for name, c := range map[string]struct {
		usual uint32
		days  int
		want  int
	}{
		"by day, always":       {1<<9 | 1<<16, 20, 2},
		"not known yet":        {1<<9 | 1<<16, knownDays - 1, 0},
		"an hour after usual":  {1 << 2, 20, 0},
		"an hour before usual": {1 << 4, 20, 0},
		"two hours after":      {1 << 1, 20, 2},
	} {
		if got := night.unusualHours(c.usual, c.days); got.number != c.want {
			t.Errorf("%s: %d", name, got.number)
		}
	}
	turn := seen{opened: map[string]bool{}}
	turn.hours[0] = 1
	if got := turn.unusualHours(1<<23, 20); got.number != 0 {
		t.Error("midnight is an hour after eleven")
	}
	onEach(t, func(t *testing.T, h *house) {
		sam := h.colleague("Sam Example", true, "support")
		s, err := h.person(t.Context())
		ok(t, err)
		for range knownDays + 1 {
			h.opened(sam, s, "Ticket.")
			h.counted()
			h.Clock.Advance(24 * time.Hour)
		}
		if got := h.raised(); len(got) != 0 {
			t.Errorf("raised %v", got)
		}
		h.Clock.Advance(17 * time.Hour)
		h.opened(sam, s, "Ticket.")
		h.counted()
		if got := h.raised(); got[ruleHours] != 1 || len(got) != 1 {
			t.Errorf("raised %v", got)
		}
	})
}

// TestAnInstallOfOnePersonReviewsAlone, and it says so.
func TestAnInstallOfOnePersonReviewsAlone(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	sam := h.colleague("Sam Example", true, "support", "dpo")
	s, err := h.person(t.Context())
	ok(t, err)
	h.opened(sam, s, "")
	h.counted()
	h.Clock.Advance(26 * time.Hour)
	h.as(sam)
	id := h.reviewID(ruleBare)
	h.Post("/console/access-review/"+id+"/answer", "text", "Forgot it.")
	leads(t, h.Post("/console/access-review/"+id+"/outcome", "outcome", "in-order", "text", "Fine."), "/console/access-review")
	shows(t, h.Get("/console/access-review"), http.StatusOK, "Outcome, alone: there is nobody else")
}

// TestAnEmergencyIsReviewedByItself: an opening under it raises a review however
// good its reason was.
func TestAnEmergencyIsReviewedByItself(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	sam := h.colleague("Sam Example", true, "support")
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := h.Kit.Ledger.Append(ctx, tx, ledger.Entry{
			Facts: ledger.Facts{At: h.Clock.Now(), Action: loot.Use, Verdict: ledger.Permitted, ActorKind: loot.Staff, Role: "support", Purpose: "service", Input: []byte(`{"context":{"case":"emergency"}}`)},
			Actor: ledger.ActorFacet{ID: sam.ID, Reason: "The hall is on fire."},
		})
		return err
	})
	h.counted()
	if got := h.raised(); got[ruleEmergency] != 1 || len(got) != 1 {
		t.Errorf("raised %v", got)
	}
}
