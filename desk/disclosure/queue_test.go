package disclosure

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot/desk/desktest"
	"loot/store"
	"loot/store/storetest"
	"loot/web"
	"loot/web/webtest"
)

// counts is how many the navigation says to somebody.
func (h *house) counts(want int) {
	h.Helper()
	n, err := h.desk.waiting(web.WithIdentity(h.Context(), web.Identity{Actor: h.Actor}))
	ok(h, err)
	if n != want {
		h.Errorf("the navigation tells %s of %d, want %d", h.Actor.ID, n, want)
	}
}

// TestNobodyReadsInAListWhatDoesNotOpenForThem: neither who asks nor that it is secret, and no
// contact; to others a request is one of so many.
func TestNobodyReadsInAListWhatDoesNotOpenForThem(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.as("t-support")
		desktest.Lacks(t, h.Get(home), openTo) // there is none
		h.as("t-counsel")
		secret := h.enter("court", "order", "gag", h.inDays(30), "@order", scan)
		h.enter("police", "subscriber")
		h.as("t-billing")
		theirs := h.enter("revenue", "tax")
		h.as("t-counsel")
		h.leads(h.do(h.enter("regulator", "supervision"), "refuse", "outcome", refused, "reason", "No law is named."))

		shows(t, h.Get(home), http.StatusOK, "Example court", "Example police", "Example revenue", "Secrecy until", "Who has how much")
		desktest.Lacks(t, h.Get(home), "dealt with by others")
		shows(t, h.Get(home+"?state=closed"), http.StatusOK, "Example regulator")
		shows(t, h.Get(home+"/register"), http.StatusOK, "2 Sample Square")
		h.counts(3)

		for id, unsigned := range map[string]bool{"t-support": false, "t-unsigned": true, "t-counsel-unsigned": true} {
			h.as(id)
			for _, state := range []string{"", "?state=closed"} {
				page := h.Get(home + state)
				desktest.Lacks(t, page, "Example", "Order of a judge", "Secrecy until", "Who has how much")
				if strings.Contains(page.Body, secret) {
					t.Errorf("%s is led to what does not open for them", id)
				}
				want := map[string]string{"": "3 requests are dealt with by others.", "?state=closed": "1 request is dealt with by others."}[state]
				shows(t, page, http.StatusOK, want)
				if signs := strings.Contains(page.Body, `href="/console/undertaking"`); signs != unsigned {
					t.Errorf("%s is led to the undertaking: %t", id, signs)
				}
			}
			desktest.Lacks(t, h.Get(home+"/register"), "2 Sample Square", "555 0199")
			h.counts(0)
		}

		h.as("t-billing")
		page := h.Get(home)
		shows(t, page, http.StatusOK, "Example revenue", "2 requests are dealt with by others.")
		desktest.Lacks(t, page, "Example court", "Example police", "Who has how much")
		if !strings.Contains(page.Body, home+"/"+theirs) {
			t.Error("what they deal with is not there")
		}
		shows(t, h.Get(home+"/register"), http.StatusOK, "2 Sample Square") // they call back
		h.counts(1)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE disclosure_request SET owner = 't-support' WHERE id = $1`, theirs)
			return err
		})
		for _, who := range []string{"t-billing", "t-support"} { // who entered it and who deals with it
			h.as(who)
			shows(t, h.Get(home+"/register"), http.StatusOK, "2 Sample Square")
		}
	})
}

// TestAContactIsVerifiedBySomebodyElse who sees it: it is offered to no other.
func TestAContactIsVerifiedBySomebodyElse(t *testing.T) {
	h := onOne(t)
	h.as("t-support")
	h.leads(h.Post(home+"/register", "title", "Another", "recipient", "police", "country", "IE", "contact", "3 Sample Square"))
	page := h.Get(home + "/register")
	shows(t, page, http.StatusOK, "3 Sample Square", "Somebody else verifies it.", "Police and prosecutors, Ireland")
	desktest.Lacks(t, page, "It is verified")
	h.as("t-billing")
	page = h.Get(home + "/register")
	desktest.Lacks(t, page, "3 Sample Square", "It is verified")
	at := home + "/register/" + h.registered("Another") + "/verified"
	shows(t, h.Post(at), http.StatusForbidden, "Whoever verifies a contact has seen it.")
	h.as("t-dpo")
	shows(t, h.Get(home+"/register"), http.StatusOK, "It is verified")
	h.leads(h.Post(at))
}

// TestNobodyVerifiesWhatIsEndedMeanwhile: whoever verifies a contact waits for a colleague
// who is just ending it, and finds it ended.
func TestNobodyVerifiesWhatIsEndedMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.Open(t, desktest.Kernel.Postgres(t), nil)) // on SQLite one writes at a time
	h.as("t-support")
	h.leads(h.Post(home+"/register", "title", "Another", "recipient", "police", "country", "IE", "contact", "3 Sample Square"))
	at := home + "/register/" + h.registered("Another") + "/verified"
	h.as("t-dpo")
	said := make(chan webtest.Answer, 1)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE disclosure_authority SET ended = $1 WHERE title = 'Another'`, h.Clock.Now().UnixMicro()); err != nil {
			return err
		}
		go func() { said <- h.Post(at) }()
		for waits := 0; waits == 0; {
			if len(said) > 0 {
				return errors.New("it was answered without waiting")
			}
			if err := tx.QueryRow(ctx, `SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))`).Scan(&waits); err != nil {
				return err
			}
		}
		return nil
	})
	shows(t, <-said, http.StatusConflict, "This authority is no longer used.")
}

// stands wants that the queue and the page of a request say the same of it.
func (h *house) stands(id string, want ...string) {
	h.Helper()
	shows(h, h.Get(home+"/"+id), http.StatusOK, want...)
	_, row, _ := strings.Cut(h.Get(home).Body, home+"/"+id)
	row, _, _ = strings.Cut(row, "</tr>")
	for _, w := range want {
		if !strings.Contains(row, w) {
			h.Errorf("the queue does not say %q: %s", w, text(row))
		}
	}
}

// TestTheQueueSaysWhatThePageSays of a request, at each step of it.
func TestTheQueueSaysWhatThePageSays(t *testing.T) {
	h := onOne(t)
	s := h.person("jo@example.com")
	h.as("t-counsel")
	id := h.enter("police", danger, "danger", "Somebody is missing.", "until", h.inDays(200))
	h.leads(h.do(id, "person", "by", "id", "value", string(s)))
	h.stands(id, "to be checked", "emergency")
	for question, want := range map[string]string{"scope": "waits for their narrower request", "validity": "not lawful as it stands"} {
		answers := lawful("contact")
		answers[slices.Index(answers, question)+1] = no
		h.leads(h.do(id, "assess", answers...))
		h.stands(id, want)
	}
	h.leads(h.do(id, "assess", lawful("contact")...))
	h.stands(id, "checked")
	ask := func() { h.Helper(); h.leads(h.do(id, "ask", "field", "contact.email", "extent", whole)) }
	ask()
	h.stands(id, "others were asked")
	ok(t, h.vote(id, "t-dpo", false))
	h.stands(id, "somebody said no")
	ask()
	ok(t, h.vote(id, "t-dpo", true))
	h.Clock.Advance(73 * time.Hour)
	h.stands(id, "not all answered: ask again")
	ask()
	ok(t, h.vote(id, "t-dpo", true))
	ok(t, h.vote(id, "t-counsel-2", true))
	h.stands(id, "others agreed: answer it", "emergency")
	h.Clock.Advance(73 * time.Hour)
	h.stands(id, "agreement ran out: ask again")
	h.Clock.Advance(10 * 24 * time.Hour)
	h.stands(id, "agreement ran out: ask again", "overdue", "emergency")
	// The gate forgets what nobody can use any more, and the request is there all the same.
	approval := h.request(id).Approval
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM gate_vote WHERE approval = $1`, approval)
		if err == nil {
			_, err = tx.Exec(ctx, `DELETE FROM gate_approval WHERE id = $1`, approval)
		}
		return err
	})
	h.stands(id, "agreement ran out: ask again")
	ask()
	h.Clock.Advance(200 * 24 * time.Hour)
	h.stands(id, "has run out: refuse it")
}

// TestAListThatIsReadAgain says what it says at once: the database has a transaction run again
// that others were in the way of.
func TestAListThatIsReadAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.Open(t, desktest.Kernel.Postgres(t), nil))
	h.as("t-counsel")
	h.enter("police", "subscriber")
	h.as("t-billing")
	h.enter("revenue", "tax")
	runs, name := 0, h.desk.needs.Staff.Name
	h.desk.needs.Staff.Name = func(ctx context.Context, tx *store.Tx, id string) (string, error) {
		if runs++; runs == 1 {
			_, err := tx.Exec(ctx, "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
			return "", err
		}
		return name(ctx, tx, id)
	}
	page := h.Get(home)
	shows(t, page, http.StatusOK, "Example revenue", "1 request is dealt with by others.")
	if n := strings.Count(page.Body, "Example revenue"); runs != 2 || n != 1 {
		t.Errorf("it was read %d times and says %d times who asks", runs, n)
	}
}

// TestTheQueueUnsealsNothing that was written, nor what the others were asked: there are many.
func TestTheQueueUnsealsNothing(t *testing.T) {
	h := onOne(t)
	s := h.person("jo@example.com")
	h.as("t-counsel")
	for question, with := range map[string]string{"scope": "police", "validity": "revenue"} {
		answers := lawful("contact")
		answers[slices.Index(answers, question)+1] = no
		h.leads(h.do(h.enter(with, map[string]string{"police": "subscriber", "revenue": "tax"}[with]), "assess", answers...))
	}
	h.agreed(h.enter("court", "order"), s)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE disclosure_note SET text = $1`, []byte("no key opens this"))
		if err == nil {
			_, err = tx.Exec(ctx, `UPDATE gate_approval SET request = $1`, []byte("no key opens this"))
		}
		return err
	})
	shows(t, h.Get(home), http.StatusOK, "waits for their narrower request", "not lawful as it stands", "others were asked")
}

// TestWhatIsPreservedSaysUntilWhen, and no day of an answer that has long passed.
func TestWhatIsPreservedSaysUntilWhen(t *testing.T) {
	h := onOne(t)
	s := h.person("jo@example.com")
	h.as("t-counsel")
	until := h.Clock.Now().AddDate(0, 0, 40)
	id := h.enter("police", "production", "kind", preservation, "hold", h.inDays(40))
	h.leads(h.do(id, "person", "by", "id", "value", string(s)))
	h.Clock.Advance(20 * 24 * time.Hour)
	page := h.Get(home)
	shows(t, page, http.StatusOK, "Preserved until", until.Format("2 Jan 2006"))
	desktest.Lacks(t, page, "Answer by")
	if n := strings.Count(page.Body, until.Format("2 Jan 2006")); n != 1 {
		t.Errorf("it is due to be answered, too: %d days", n)
	}
}

// TestWhoIsNoLongerUsedAsksNothing: a register of none but those is empty.
func TestWhoIsNoLongerUsedAsksNothing(t *testing.T) {
	h := onOne(t)
	who := h.authority("police")
	h.as("t-counsel")
	desktest.Lacks(t, h.Get(home+"/new"), "The register is empty")
	h.leads(h.Post(home + "/register/" + who + "/ended"))
	shows(t, h.Get(home+"/new"), http.StatusOK, "The register is empty")
}
