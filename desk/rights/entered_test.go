package rights

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/store"
)

var ownerPath = regexp.MustCompile(`/rights/request/[A-Z2-7]+`)

// onDay is a day as a form has it, so many before today.
func (h *house) onDay(before int) string {
	return h.Clock.Now().AddDate(0, 0, -before).UTC().Format(time.DateOnly)
}

// enters has a colleague enter a request that came by letter some days ago, and returns
// where it is in the console.
func (h *house) enters(right, whose string, before int) string {
	h.Helper()
	h.asStaff("t-dpo", "dpo")
	a := h.Post("/console/requests", "right", right, "way", "letter", "day", h.onDay(before), "customer", whose, "text", "They write of a lawyer.")
	path := a.Header.Get("Location")
	if a.Status != http.StatusSeeOther || !requestPath.MatchString(path) {
		h.Fatalf("%d to %q: %s", a.Status, path, desktest.Text(a.Body))
	}
	h.Drain()
	return path
}

func (h *house) ownerLink() string {
	h.Helper()
	return ownerPath.FindString(h.letter("use your rights").Text)
}

// TestALetterIsAClock: what came by letter is entered by its day, its clock runs from it,
// nothing is done before the person confirms it, and all of it once they do.
func TestALetterIsAClock(t *testing.T) {
	onEachFreezing(t, func(t *testing.T, h *house) {
		s := h.register("jo@example.com")
		path := h.enters("restriction/claims", "jo@example.com", 10)
		shows(t, h.Get(path), http.StatusOK, "13 Nov 2026", "It came by letter.", "13 Dec 2026", "waits for the person", "Nothing is done before they confirm", "entered what came", string(s))
		shows(t, h.Get("/console/requests"), http.StatusOK, "by letter", "13 Nov 2026", "13 Dec 2026")
		desktest.Hides(t, h.Get(path), "They write of a lawyer")
		shows(t, h.Post(path+"/read"), http.StatusOK, "They write of a lawyer")
		h.as(s)
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Entered a request that came in your name", "Looked into a request of yours")
		mine := h.Get("/portal/rights")
		shows(t, mine, http.StatusOK, "asked by letter on 13 Nov 2026", "waits for the person", "Freeze my record")
		desktest.Hides(t, mine, "They write of a lawyer", "Your record is frozen")
		desktest.Hides(t, h.Get("/portal"), "Your record is frozen")
		if copied := h.taken()[fileCopy]; strings.Contains(copied, "lawyer") || !strings.Contains(copied, `"came_by": "letter"`) {
			t.Error("the copy has what somebody else may have written, or lacks that it came")
		}
		if !h.uses("billing", "invoice", s, "company.name") {
			t.Error("it is done before it is confirmed")
		}

		h.Actor = loot.Actor{}
		link := h.ownerLink()
		if text := h.letter("use your rights").Text; strings.Contains(text, "lawyer") || !strings.Contains(strings.Join(strings.Fields(text), " "), "13 November 2026 we were asked by letter, in your name, to leave your record alone") {
			t.Errorf("the letter: %s", text)
		}
		shows(t, h.Get(link), http.StatusOK, "Did you ask us for this?", "“You need it no longer, and I need it for a legal claim”", "Yes, I asked for it")
		if !h.uses("billing", "invoice", s, "company.name") {
			t.Error("a link that is looked at confirms it")
		}
		shows(t, h.Post(link, "answer", "yes"), http.StatusOK, "It counts from this moment on", "13 December 2026")
		if h.uses("billing", "invoice", s, "company.name") {
			t.Error("confirmed, and not frozen")
		}
		shows(t, h.Post(link, "answer", "yes"), http.StatusNotFound, "does not work")
		h.as(s)
		shows(t, h.Get("/portal/rights"), http.StatusOK, "Your record is frozen.", "We noted: They write of a lawyer.")
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "You confirmed a request", "Your record was frozen")
		h.decides(path, refused, "There is no claim.")
		if !h.uses("billing", "invoice", s, "company.name") {
			t.Error("refused, and still frozen")
		}

		// An objection, and what is done by the click alone.
		path = h.enters("objection/dispute", string(s), 0)
		shows(t, h.Post(h.ownerLink(), "answer", "yes"), http.StatusOK, "It counts from this moment on")
		h.as(s)
		shows(t, h.Get("/portal/rights"), http.StatusOK, "You object to")
		leads(t, h.Post("/portal/rights/objection/dispute/end"), "/portal/rights")
		h.asStaff("t-dpo", "dpo")
		shows(t, h.Get(path), http.StatusOK, "taken back")

		path = h.enters("access", string(s), 0)
		shows(t, h.Post(h.ownerLink(), "answer", "yes"), http.StatusOK, "Sign in and take the copy")
		shows(t, h.Get(path), http.StatusOK, "Copy of what is held", "done")
		path = h.enters("correction", string(s), 0)
		shows(t, h.Post(h.ownerLink(), "answer", "no"), http.StatusOK, "you did not make")
		shows(t, h.Get(path), http.StatusOK, "not theirs")
		path = h.enters("deletion", string(s), 0)
		shows(t, h.Post(h.ownerLink(), "answer", "yes"), http.StatusOK, "A law has the record kept until")
		shows(t, h.Get(path), http.StatusOK, "Erasure", "done")
		h.after(100 * day)
		shows(t, h.Get(path), http.StatusNotFound)
	})
}

// TestWhatIsEnteredIsChecked: a day to come, one that never was, whom nobody knows, and
// what is entered already; and an address is looked for only by who answers.
func TestWhatIsEnteredIsChecked(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register("jo@example.com")
		h.asStaff("t-dpo", "dpo")
		shows(t, h.Get("/console/requests"), http.StatusOK, "Enter a request")
		shows(t, h.Get("/console/requests/new"), http.StatusOK, "Whose right it is")
		tries := func(changes ...string) []string {
			form := map[string]string{"right": "access", "way": "telephone", "day": h.onDay(1), "customer": string(s)}
			for i := 0; i+1 < len(changes); i += 2 {
				form[changes[i]] = changes[i+1]
			}
			var out []string
			for k, v := range form {
				out = append(out, k, v)
			}
			return out
		}
		for _, one := range []struct{ field, value, says string }{
			{"day", h.onDay(-1), "still to come"},
			{"day", "0202-01-01", "Look at the year"},
			{"day", "yesterday", "Please give a day"},
			{"right", "", "Please choose one."},
			{"right", "objection/nothing", "one of those offered"},
			{"way", "pigeon", "one of those offered"},
			{"customer", "nobody@example.com", "No record has this address."},
			{"customer", "s2abc", "No record has this id"},
		} {
			a := h.Post("/console/requests", tries(one.field, one.value)...)
			shows(t, a, http.StatusUnprocessableEntity, one.says)
		}
		h.asStaff("t-support", "support")
		for _, address := range []string{"jo@example.com", "nobody@example.com"} {
			shows(t, h.Post("/console/requests", tries("customer", address)...), http.StatusUnprocessableEntity, "None of your roles looks for an address")
		}
		a := h.Post("/console/requests", tries()...)
		path := a.Header.Get("Location")
		leads(t, a, path)
		shows(t, h.Get(path), http.StatusOK, "It came by telephone.", "not into its requests")
		shows(t, h.Post("/console/requests", tries()...), http.StatusUnprocessableEntity, "They have asked for this already")
		h.Drain()
		shows(t, h.Get(h.ownerLink()), http.StatusOK, "we were asked by telephone, in your name, to take a copy")
	})
}

// TestALinkExpiresAndIsSentAgain: it works a week; a colleague has another sent, a day later
// at the earliest, and the one before works no longer. What is never confirmed is closed
// with a reason.
func TestALinkExpiresAndIsSentAgain(t *testing.T) {
	onEachFreezing(t, func(t *testing.T, h *house) {
		s := h.register("jo@example.com")
		path := h.enters("restriction/accuracy", string(s), 0)
		first := h.ownerLink()
		shows(t, h.Post(path+"/letter"), http.StatusConflict, "less than a day ago")
		desktest.Hides(t, h.Get(path), "Write again")
		h.Clock.Advance(25 * time.Hour)
		shows(t, h.Get(path), http.StatusOK, "Write again")
		leads(t, h.Post(path+"/letter"), path)
		h.Drain()
		second := h.ownerLink()
		shows(t, h.Get(first), http.StatusNotFound, "does not work")
		shows(t, h.Get(second), http.StatusOK, "Did you ask us for this?")
		h.Clock.Advance(toConfirm)
		shows(t, h.Post(second, "answer", "yes"), http.StatusNotFound, "does not work")
		shows(t, h.Get(path), http.StatusOK, "did not use the link in time")
		h.decides(path, "extend", "We try to reach them.")
		if text := h.letter("more time").Text; !strings.Contains(text, "in your name") || strings.Contains(text, "Until then it counts") {
			t.Errorf("the letter: %s", text)
		}
		h.decides(path, refused, "Nobody proved that it is theirs.")
		if !h.uses("billing", "invoice", s, "company.name") {
			t.Error("it is frozen")
		}
		shows(t, h.Get("/console/requests?state=over"), http.StatusOK, "refused", "by letter")
		h.as(s)
		shows(t, h.Get("/portal/rights"), http.StatusOK, "Our answer: Nobody proved that it is theirs.")

		// Who asks for the same in the portal confirms it.
		path = h.enters("restriction/claims", string(s), 2)
		link := h.ownerLink()
		h.as(s)
		shows(t, h.Post("/portal/rights/restriction/end"), http.StatusNotFound, "nothing of this kind")
		leads(t, h.Post("/portal/rights/restriction", "ground", "accuracy", "text", "It is wrong."), "/portal/rights")
		if h.uses("billing", "invoice", s, "company.name") {
			t.Error("not frozen")
		}
		shows(t, h.Get(link), http.StatusNotFound)
		h.asStaff("t-dpo", "dpo")
		shows(t, h.Get(path), http.StatusOK, "Restriction: they say that something in it is wrong", "left alone")
	})
}

// TestOneWhomNobodyKnowsIsAnswered: what somebody asks who has no record has the same clock
// and reminders, is closed with a reason, and what was written of it goes.
func TestOneWhomNobodyKnowsIsAnswered(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		before := h.Mail.Count()
		path := h.enters("access", "", 3)
		other := h.enters("access", "", 2)
		if h.Mail.Count() != before {
			t.Error("somebody is written to")
		}
		shows(t, h.Get(path), http.StatusOK, "Nobody who is known here", "Nothing is done here", "waits for an answer")
		shows(t, h.Get("/console/requests"), http.StatusOK, "not known")
		h.Clock.Advance(22 * day)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.letter("have to be answered soon")
		due := time.Date(2026, 12, 20, 18, 0, 0, 0, time.UTC)
		h.Clock.Advance(due.Sub(h.Clock.Now()))
		desktest.Hides(t, h.Get(path), "overdue")
		h.Clock.Advance(day)
		shows(t, h.Get(path), http.StatusOK, "overdue")
		shows(t, h.Post(path+"/read"), http.StatusOK, "They write of a lawyer")
		shows(t, h.Post(path+"/letter"), http.StatusConflict)
		h.decides(path, answered, "We wrote back that we hold nothing.")
		shows(t, h.Get(path), http.StatusOK, "answered outside", "Name of t-dpo", "We wrote back that we hold nothing.")
		shows(t, h.Get("/console/retention"), http.StatusOK, "Requests of people who are not known")
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		desktest.Hides(t, h.Get(path), "We wrote back", "entered what came")
		shows(t, h.Get(other), http.StatusOK, "entered what came")
		shows(t, h.Get("/console/requests?state=over"), http.StatusOK, "answered outside", "not known")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			lapses, err := readLapses(ctx, tx, h.Clock.Now().Add(-day))
			if len(lapses) != 1 || lapses[0].What != lapsing || lapses[0].Count != 1 {
				t.Errorf("%+v", lapses)
			}
			return err
		})
	})
}
