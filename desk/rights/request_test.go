package rights

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/mail"
	"loot/statement"
	"loot/store"
)

// freezing is the statement with its rule on frozen records in force.
func freezing(t testing.TB) *statement.Statement {
	t.Helper()
	before, rest, _ := bytes.Cut(statement.Default(), []byte("{#adequacy.mistakes}"))
	clause, after, _ := bytes.Cut(rest, []byte("\n#"))
	clause = bytes.Replace(clause, []byte("```yaml\nstatus: planned\n```\n"), nil, 1)
	return desktest.Parse(t, slices.Concat(before, []byte("{#adequacy.mistakes}"), clause, []byte("\n#"), after))
}

func onEachFreezing(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db, freezing(t))) })
}

// uses reports whether a part of the program may use a detail of somebody.
func (h *house) uses(part string, p loot.Purpose, s loot.Subject, f loot.Field) bool {
	h.Helper()
	err := h.Kit.Gate.InTx(h.Context(), func(tx *store.Tx) error {
		_, err := h.Kit.Gate.Decide(h.Context(), tx, gate.Request{
			Action: loot.Use, Actor: loot.Actor{Kind: loot.Desk, ID: part}, Desk: part, Purpose: p, Subject: s, Collection: collection, Fields: []loot.Field{f},
		})
		return err
	})
	if err != nil && loot.KindOf(err) != loot.Denied {
		h.Fatal(err)
	}
	return err == nil
}

var versionField = regexp.MustCompile(`name="version"[^>]*value="(\d+)"`)

// decides has a colleague decide the request at a path, as its page asks.
func (h *house) decides(path, decision, reason string) {
	h.Helper()
	h.asStaff("t-dpo", "dpo")
	m := versionField.FindStringSubmatch(h.Get(path).Body)
	if m == nil {
		h.Fatalf("%s has no form", path)
	}
	leads(h, h.Post(path, "version", m[1], "decision", decision, "reason", reason), path)
	h.Drain()
}

var requestPath = regexp.MustCompile(`/console/requests/q[a-z0-9]+`)

// first returns where the first request of the queue is.
func (h *house) first() string {
	h.Helper()
	h.asStaff("t-dpo", "dpo")
	path := requestPath.FindString(h.Get("/console/requests").Body)
	if path == "" {
		h.Fatal("the queue is empty")
	}
	return path
}

func (h *house) letter(subject string) mail.Message {
	h.Helper()
	for _, m := range slices.Backward(h.Mail.Sent()) {
		if strings.Contains(m.Subject, subject) {
			return m
		}
	}
	h.Fatalf("no letter %q", subject)
	return mail.Message{}
}

// TestThePageNamesTheClauseThatRefuses: the clause that the page shows is the one by which
// a record is frozen, and there is none where the statement has no such rule.
func TestThePageNamesTheClauseThatRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		s    *statement.Statement
		want loot.Clause
	}{{freezing(t), "adequacy.mistakes"}, {heedless(t), ""}} {
		clause, goesOn := frozen(tt.s, desktest.Start)
		if is := restricting(tt.s, desktest.Start); clause != tt.want || is != tt.want {
			t.Errorf("the page names %q, and it is %q, want %q", clause, is, tt.want)
		}
		if !strings.Contains(goesOn, "running your service") {
			t.Errorf("the page says %q", goesOn)
		}
	}
}

// TestAFrozenRecordIsLeftAloneUntilItsOwnerWasTold: it counts from the click on; a
// colleague has a month, and two more once; what is refused ends after the letter.
func TestAFrozenRecordIsLeftAloneUntilItsOwnerWasTold(t *testing.T) {
	onEachFreezing(t, func(t *testing.T, h *house) {
		s := h.register("jo@example.com")
		if !h.uses("billing", "invoice", s, "company.name") {
			t.Fatal("an invoice may not be drawn")
		}
		shows(t, h.Post("/portal/rights/restriction", "text", "x"), http.StatusUnprocessableEntity, "Please choose one.")
		leads(t, h.Post("/portal/rights/restriction", "ground", "claims", "text", "Our lawyer needs it as it is."), "/portal/rights")
		if h.uses("billing", "invoice", s, "company.name") || !h.uses("customers", "service", s, "contact.email") {
			t.Error("the record is used, or the service does not run")
		}
		shows(t, h.Post("/portal/rights/restriction", "ground", "claims"), http.StatusConflict, "You have asked for this already")
		frozen := h.Get("/portal/rights")
		shows(t, frozen, http.StatusOK, "Your record is frozen since", "answer by 23 Dec 2026", "You wrote: Our lawyer", "These go on: ", "running your service", "checking that your details are right", "You need it no longer, and I need it")
		if strings.Contains(frozen.Body, "writing invoices") || !strings.Contains(frozen.Body, `href="/statement#adequacy.mistakes"`) {
			t.Error("what does not go on is said to, or nothing leads to the clause")
		}
		shows(t, h.Get("/portal"), http.StatusOK, "Your record is frozen.")
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Your record was frozen")

		path := h.first()
		h.asStaff("t-support", "support")
		shows(t, h.Get(path), http.StatusOK, "not into its requests")
		shows(t, h.Post(path, "version", "0", "decision", refused, "reason", "x"), http.StatusForbidden)
		h.asStaff("t-dpo", "dpo")
		page := h.Get(path)
		shows(t, page, http.StatusOK, "Restriction: we need it no longer, and they need it for a legal claim", "the reason that they gave")
		shows(t, h.Get("/console/requests"), http.StatusOK, "We need it no longer, and they need it for a legal claim")
		if strings.Contains(page.Body, "I need it") || strings.Contains(page.Body, "An objection") {
			t.Error("staff read the words of the customer's form, or those about objections")
		}
		if strings.Contains(page.Body, "Our lawyer") {
			t.Error("what they wrote is shown unasked")
		}
		shows(t, h.Post(path+"/read"), http.StatusOK, "Our lawyer needs it as it is.")
		shows(t, h.Post(path, "version", "0", "decision", refused), http.StatusUnprocessableEntity, "Please fill this in.")
		h.decides(path, "extend", "Proceedings are pending.")
		if !strings.Contains(h.letter("more time").Text, "23 February 2027") {
			t.Error("the letter does not say until when")
		}
		shows(t, h.Get(path), http.StatusOK, "23 Feb 2027", "it cannot be again")
		lack := h.Get(path)
		if strings.Contains(lack.Body, `value="extend"`) {
			t.Error("the time can be extended twice")
		}
		h.decides(path, refused, "The claim was settled in March.")
		if text := h.letter("Our answer").Text; !strings.Contains(text, "ends with this letter") || strings.Contains(text, "settled") {
			t.Errorf("the letter: %s", text)
		}
		if !h.uses("billing", "invoice", s, "company.name") {
			t.Error("it is frozen after it was refused")
		}
		h.as(s)
		shows(t, h.Get("/portal/rights"), http.StatusOK, "refused", "Our answer: The claim was settled in March.", "We need more time: Proceedings are pending.", "Freeze my record")
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Your record is no longer frozen", "Looked into a request of yours")

		// Granted, and lifted later.
		leads(t, h.Post("/portal/rights/restriction", "ground", "accuracy"), "/portal/rights")
		path = h.first()
		h.decides(path, granted, "Until it is settled.")
		if h.uses("billing", "invoice", s, "company.name") {
			t.Error("what was granted does not count")
		}
		h.decides(path, lifted, "It is settled.")
		if !h.uses("billing", "invoice", s, "company.name") {
			t.Error("what was lifted counts")
		}
		// Ended by its owner.
		h.as(s)
		leads(t, h.Post("/portal/rights/restriction", "ground", "unlawful"), "/portal/rights")
		leads(t, h.Post("/portal/rights/restriction/end"), "/portal/rights")
		if !h.uses("billing", "invoice", s, "company.name") {
			t.Error("it is frozen after its owner ended it")
		}
		if data := h.taken()[fileCopy]; !strings.Contains(data, "settled in March") || !strings.Contains(data, "Our lawyer") {
			t.Error("the copy lacks requests and answers")
		}
	})
}

// TestAnEndWaitsForItsLetter: as long as its owner could not be told, it counts.
func TestAnEndWaitsForItsLetter(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), freezing(t))
	s := h.register("jo@example.com")
	h.Post("/portal/rights/restriction", "ground", "accuracy")
	var r request
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		list, err := requestsOf(ctx, tx, s)
		r = list[0]
		r.Decision, r.Closed = refused, h.Clock.Now()
		if err != nil {
			return err
		}
		return updateRequest(ctx, tx, r)
	})
	h.Mail.Fail(context.DeadlineExceeded)
	if err := h.desk.tell(t.Context(), tellArgs{Request: r.ID}); err == nil {
		t.Error("a letter that did not go out is none to try again")
	}
	if h.uses("billing", "invoice", s, "company.name") {
		t.Error("it ended before its owner was told")
	}
	h.Mail.Fail(nil)
	ok(t, h.desk.tell(t.Context(), tellArgs{Request: r.ID}))
	if !h.uses("billing", "invoice", s, "company.name") {
		t.Error("it counts after its owner was told")
	}
}

// TestWithoutARuleNothingIsFrozen: nobody is promised what no clause in force does.
func TestWithoutARuleNothingIsFrozen(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), heedless(t))
	h.register("jo@example.com")
	if strings.Contains(h.Get("/portal/rights").Body, "Freeze my record") {
		t.Error("it is offered")
	}
	shows(t, h.Post("/portal/rights/restriction", "ground", "accuracy"), http.StatusConflict, "no rule")
}

// heedless is the statement without its rule on frozen records.
func heedless(t testing.TB) *statement.Statement {
	t.Helper()
	s := freezing(t)
	for _, r := range s.Rules() {
		if r.Clause == "adequacy.mistakes" && strings.Contains(r.Text, "restricted") {
			less, err := s.Without(r.ID)
			ok(t, err)
			return less
		}
	}
	t.Fatal("the statement has no rule on frozen records")
	return nil
}

// TestAnObjectionEndsTheUse: at once, until it is refused with a reason or taken back.
func TestAnObjectionEndsTheUse(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register("jo@example.com")
		objected := func() []loot.Purpose {
			var p gate.PersonView
			ok(t, h.Kit.DB.ReadTx(t.Context(), func(tx *store.Tx) (err error) {
				p, err = h.Kit.Gate.Person(t.Context(), tx, s)
				return err
			}))
			return p.Objected
		}
		shows(t, h.Get("/portal/rights"), http.StatusOK, "that Kelpwharf Data Centres helps")
		shows(t, h.Post("/portal/rights/objection", "purpose", "service"), http.StatusUnprocessableEntity, "one of those offered")
		for range 2 {
			leads(t, h.Post("/portal/rights/objection", "purpose", "support", "text", "They compete with us."), "/portal/rights")
			if got := objected(); !slices.Equal(got, []loot.Purpose{"support"}) {
				t.Errorf("objected to %v", got)
			}
			shows(t, h.Get("/portal/rights"), http.StatusOK, "You object to: Helping you")
			leads(t, h.Post("/portal/rights/objection/support/end"), "/portal/rights")
			if got := objected(); len(got) != 0 {
				t.Errorf("objected to %v", got)
			}
		}
		h.Post("/portal/rights/objection", "purpose", "support")
		h.decides(h.first(), refused, "Without them nobody reaches your machine at night.")
		if got := objected(); len(got) != 0 {
			t.Errorf("refused, and objected to %v", got)
		}
		h.as(s)
		shows(t, h.Get("/portal/rights"), http.StatusOK, "Our answer: Without them")
		h.Post("/portal/rights/objection", "purpose", "dispute")
		leads(t, h.Post("/portal/account/erase", "sure", "on"), "/portal/account")
		h.after(100 * day)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			left, err := requestsOf(ctx, tx, s)
			if len(left) > 0 {
				t.Errorf("%d requests are left of somebody who is erased", len(left))
			}
			return err
		})
	})
}

// TestAnObjectionToMarketingIsNotRefused: it is granted, whatever a colleague would weigh.
func TestAnObjectionToMarketingIsNotRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Parse(t, bytes.Replace(statement.Default(), []byte("dpv: dpv:DisputeManagement"), []byte("dpv: dpv:DirectMarketing"), 1)))
	h.register("jo@example.com")
	leads(t, h.Post("/portal/rights/objection", "purpose", "dispute"), "/portal/rights")
	path := h.first()
	page := h.Get(path)
	shows(t, page, http.StatusOK, "It stays as they asked", "never refused")
	desktest.Lacks(t, page, "It ends: they are told first")
	shows(t, h.Post(path, "version", versionField.FindStringSubmatch(page.Body)[1], "decision", refused, "reason", "We would rather."), http.StatusUnprocessableEntity, "one of those offered")
	h.decides(path, granted, "We stop.")
}

// TestColleaguesAreRemindedBeforeTheDay: once, and again when the time was extended.
func TestColleaguesAreRemindedBeforeTheDay(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	h.register("jo@example.com")
	h.Post("/portal/rights/objection", "purpose", "dispute")
	reminders := func() (n int) {
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		for _, m := range h.Mail.Sent() {
			if strings.Contains(m.Subject, "answered soon") {
				n++
				if m.To != "t-dpo@staff.example" {
					t.Errorf("a reminder goes to %s", m.To)
				}
			}
		}
		return n
	}
	path := h.first()
	for _, one := range []struct {
		after time.Duration
		want  int
	}{{22 * day, 0}, {2 * day, 1}, {day, 1}} {
		h.Clock.Advance(one.after)
		if n := reminders(); n != one.want {
			t.Errorf("%d reminders, want %d", n, one.want)
		}
	}
	shows(t, h.Get("/console/requests"), http.StatusOK, "due soon")
	h.decides(path, "extend", "More time.")
	if n := reminders(); n != 1 {
		t.Errorf("%d reminders after the time was extended", n)
	}
	h.Clock.Advance(70 * day)
	shows(t, h.Get("/console/requests"), http.StatusOK, "overdue")
	if n := reminders(); n != 2 {
		t.Errorf("%d reminders of the extended time", n)
	}
}

func TestAMonthIsCountedAsTheLawCounts(t *testing.T) {
	for _, one := range []struct {
		from   string
		months int
		want   string
	}{
		{"2026-11-23", 1, "2026-12-23"}, {"2026-01-31", 1, "2026-02-28"}, {"2028-01-31", 1, "2028-02-29"}, {"2026-12-31", 3, "2027-03-31"}, {"2026-11-30", 3, "2027-02-28"},
	} {
		from, err := time.Parse(time.DateOnly, one.from)
		ok(t, err)
		if got := monthsAfter(from.Add(15*time.Hour), one.months).Format(time.DateOnly); got != one.want {
			t.Errorf("%d months after %s: %s, want %s", one.months, one.from, got, one.want)
		}
	}
}
