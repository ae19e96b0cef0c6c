package safety

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/billing"
	"loot/desk/desktest"
	"loot/store"
	"loot/web/webtest"
)

// TestReportToJudgmentAndAppeal: a phishing report goes all the way. The customer is
// heard by a link, is judged with reasons, objects, and somebody else reverses it.
func TestReportToJudgmentAndAppeal(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		jo := h.customer("jo@example.com", "192.0.2.7")
		h.visitor()
		a := h.Post("/abuse", "kind", "phishing", "addresses", "192.0.2.7", "urls", "https://192.0.2.7/bank", "text", "It asks for passwords of a bank.", "email", "ann@example.net")
		if a.Status != http.StatusSeeOther {
			t.Fatalf("%d: %s", a.Status, desktest.Text(a.Body))
		}
		follow := a.Header.Get("Location")
		shows(t, h.Get(follow), http.StatusOK, "Phishing", "waits for a colleague", "Your address and what you wrote", h.only().Reference())
		c := h.only()
		if c.Subject != jo || c.Service != h.services[jo] || c.Network != "192.0.2.0/24" || !c.Due.Equal(c.Opened.Add(4*time.Hour)) {
			t.Errorf("the case is %+v", c)
		}

		h.asStaff("t-support", "support")
		shows(t, h.Get("/console/abuse"), http.StatusOK, "Phishing", string(jo), "new")
		shows(t, h.Get("/console/abuse/"+c.ID), http.StatusOK, "You can look at the queue, and not into its cases.")
		shows(t, h.Post("/console/abuse/"+c.ID+"/reports"), http.StatusForbidden)
		h.asStaff("t-abuse-unsigned", "abuse")
		shows(t, h.Get("/console/abuse/"+c.ID), http.StatusOK, "undertaking")

		h.asAbuse()
		page := h.Get("/console/abuse/" + c.ID)
		shows(t, page, http.StatusOK, "1 report, none judged yet", "The address is not proved")
		desktest.Hides(t, page, "passwords of a bank", "ann@example.net", "192.0.2.7")
		if !strings.Contains(page.Body, `value="Case `+c.Reference()+`"`) {
			t.Error("the record opens for another reason than the case")
		}
		shows(t, h.Post("/console/abuse/"+c.ID+"/reports"), http.StatusOK, "It asks for passwords of a bank.", "ann@example.net", "https://192.0.2.7/bank")
		h.step(c, "take")
		shows(t, h.Post("/console/abuse/"+c.ID+"/note", "version", "0", "text", "late"), http.StatusConflict, "Somebody else changed this case")
		h.step(c, "notify", "hours", "24", "text", "A page on your server imitates a bank.")
		text, link := h.letter("jo@example.com", "Answer")
		if !strings.Contains(text, "A page on your server imitates a bank.") || !strings.Contains(text, c.Reference()) || strings.Contains(text, "ann@") {
			t.Errorf("the letter is %s", text)
		}
		h.step(c, "measure", "measure", suspended, "text", "It collects passwords now.")
		if got := h.state(c.Service); got != billing.Suspended {
			t.Errorf("the service is %s", got)
		}
		if text, _ := h.letter("jo@example.com", ""); !strings.Contains(text, "It collects passwords now.") {
			t.Errorf("the letter is %s", text)
		}

		h.visitor()
		shows(t, h.Get(link), http.StatusOK, "Your side", "A page on your server imitates a bank.", "waits for you", c.Reference())
		shows(t, h.Get(link[:len(link)-2]), http.StatusNotFound)
		shows(t, h.Get(strings.Replace(link, "-", "-a", 1)), http.StatusNotFound)
		shows(t, h.Post(link, "text", ""), http.StatusUnprocessableEntity)
		leads(t, h.Post(link, "text", "We were broken into."), link)
		shows(t, h.Post(link, "text", "Again."), http.StatusConflict)
		desktest.Lacks(t, h.Get(link), "Send the answer")

		h.asAbuse()
		shows(t, h.Get("/console/abuse/"+c.ID), http.StatusOK, "We were broken into.", "answered")
		shows(t, h.Post("/console/abuse/"+c.ID+"/judge", "outcome", violation, "ground", nothing, "facts", "F", "reasons", "R"), http.StatusUnprocessableEntity, "law or our terms")
		h.step(c, "judge", "outcome", violation, "measure", suspended, "ground", "terms", "rule", "Terms, section 4", "facts", "A page imitated a bank.", "reasons", "It harmed others.")
		page = h.Get("/console/abuse/" + c.ID)
		shows(t, page, http.StatusOK, "The customer can object until", "Dealt with by Name of t-abuse", c.Reference())
		desktest.Lacks(t, page, "You can object until")
		text, appeal := h.letter("jo@example.com", "Object")
		for _, want := range []string{"Terms, section 4", "A page imitated a bank.", "It harmed others.", "A person decided", "You can object until", c.Reference()} {
			if !strings.Contains(text, want) {
				t.Errorf("the judgment does not say %q: %s", want, text)
			}
		}
		if text, _ := h.letter("ann@example.net", ""); !strings.Contains(text, "it was misuse") || !strings.Contains(text, c.Reference()) || strings.Contains(text, "Meadow") {
			t.Errorf("the reporter reads %s", text)
		}
		c = h.only()
		if c.Closed.IsZero() || c.Outcome != violation {
			t.Errorf("the case is %+v", c)
		}
		// Nothing opens for a case that is closed.
		shows(t, h.Post("/console/abuse/"+c.ID+"/reports"), http.StatusForbidden, "an open case is named")

		var out struct {
			Statements []map[string]any `json:"statements"`
		}
		ok(t, json.Unmarshal([]byte(h.Get("/console/abuse/reasons.json?case="+c.ID).Body), &out))
		if len(out.Statements) != 1 {
			t.Fatalf("%d statements", len(out.Statements))
		}
		for name, want := range map[string]string{
			"decision_provision": "DECISION_PROVISION_TOTAL_SUSPENSION", "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT", "incompatible_content_ground": "Terms, section 4",
			"category": "STATEMENT_CATEGORY_SCAMS_AND_FRAUD", "decision_facts": "A page imitated a bank.", "source_type": "SOURCE_ARTICLE_16",
			"automated_detection": "No", "automated_decision": "AUTOMATED_DECISION_NOT_AUTOMATED", "application_date": "2026-11-23",
		} {
			if out.Statements[0][name] != want {
				t.Errorf("%s is %v, want %s", name, out.Statements[0][name], want)
			}
		}

		h.visitor()
		leads(t, h.Post(appeal, "text", "The page was gone within the hour."), appeal)
		h.asAbuse()
		shows(t, h.Post("/console/abuse/"+c.ID+"/review", "outcome", reversed, "facts", "F", "reasons", "R"), http.StatusForbidden, "somebody else decides the appeal")
		h.asStaff("t-abuse-2", "abuse")
		shows(t, h.Get("/console/abuse?state=appeals"), http.StatusOK, "Phishing", "appeal")
		leads(t, h.Post("/console/abuse/"+c.ID+"/review", "outcome", reversed, "facts", "Logs of the hour.", "reasons", "The customer was the victim."), "/console/abuse")
		h.Drain()
		shows(t, h.Get("/console/abuse"), http.StatusOK, "Decided. The customer is told, and so is whoever reported it")
		if got := h.state(c.Service); got != billing.Active {
			t.Errorf("the service is %s", got)
		}
		if text, _ := h.letter("jo@example.com", ""); !strings.Contains(text, "The customer was the victim.") {
			t.Errorf("the letter is %s", text)
		}
		if text, _ := h.letter("ann@example.net", ""); !strings.Contains(text, "reversed it") {
			t.Errorf("the reporter reads %s", text)
		}
		ok(t, json.Unmarshal([]byte(h.Get("/console/abuse/reasons.json").Body), &out))
		if got := out.Statements[0]["end_date_service_restriction"]; got != "2026-11-23" {
			t.Errorf("the measure ends %v", got)
		}
		shows(t, h.Get("/console/abuse/figures"), http.StatusOK, "Phishing", "192.0.2.0/24", "1 reversed", "Month", "November 2026")
		h.as(jo)
		shows(t, h.Get("/portal/cases"), http.StatusOK, "Phishing", "reversed")
		shows(t, h.Get("/portal/cases/"+c.ID), http.StatusOK, "We were broken into.", "It harmed others.", "The customer was the victim.")
		desktest.Hides(t, h.Get("/portal/cases/"+c.ID), "ann@example.net", "It asks for passwords of a bank.")
		h.as(h.customer("kim@example.com", "192.0.2.8"))
		shows(t, h.Get("/portal/cases/"+c.ID), http.StatusNotFound)
	})
}

// TestAppealFindsAMilderMeasure: there was misuse, and what followed was too hard. Both
// hear that, and the statement of reasons ends where another one begins.
func TestAppealFindsAMilderMeasure(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		jo := h.customer("jo@example.com", "192.0.2.7")
		h.visitor()
		h.Post("/abuse", "kind", "phishing", "addresses", "192.0.2.7", "text", "A page of a bank.", "email", "ann@example.net")
		h.asAbuse()
		c := h.only()
		judged := []string{"outcome", violation, "measure", suspended, "rule", "Terms, section 4", "facts", "A page imitated a bank.", "reasons", "It harmed others."}
		shows(t, h.Post("/console/abuse/"+c.ID+"/judge", judged...), http.StatusUnprocessableEntity, "Please choose one")
		shows(t, h.Post("/console/abuse/"+c.ID+"/judge", append(judged, "ground", nothing)...), http.StatusUnprocessableEntity, "law or our terms")
		h.step(c, "judge", append(judged, "ground", "terms", "automated", "on")...)
		shows(t, h.Get("/console/abuse/"+c.ID), http.StatusOK, "Dealt with by Name of t-abuse") // nobody had taken it on
		h.as(jo)
		leads(t, h.Post("/portal/cases/"+c.ID, "text", "The page was gone within the hour."), "/portal/cases/"+c.ID)
		h.Clock.Advance(24 * time.Hour)

		h.asStaff("t-second", "counsel")
		h.step(c, "take") // who took it on keeps it, whoever decides
		h.asStaff("t-counsel", "counsel")
		review := func(outcome, measure string) webtest.Answer {
			return h.Post("/console/abuse/"+c.ID+"/review", "outcome", outcome, "measure", measure, "facts", "Logs.", "reasons", "To limit it is enough.")
		}
		shows(t, review(milder, ""), http.StatusUnprocessableEntity, "what follows instead")
		shows(t, review(milder, suspended), http.StatusUnprocessableEntity, "one of those offered")
		shows(t, review(upheld, limited), http.StatusUnprocessableEntity, "only where a milder measure is enough")
		leads(t, review(milder, limited), "/console/abuse")
		h.Drain()
		shows(t, h.Get("/console/abuse"), http.StatusOK, "Decided. The customer is told")
		c = h.only()
		if got := h.state(c.Service); got != billing.Active || c.Measure != limited || c.Owner != "t-second" || c.Outcome != violation || c.Reversed || c.Closed.IsZero() {
			t.Errorf("the service is %s and the case %+v", got, c)
		}
		text, _ := h.letter("jo@example.com", "")
		for _, want := range []string{"a milder measure is enough", "The service is limited", "Terms, section 4", "To limit it is enough.", "out-of-court settlement"} {
			if !strings.Contains(text, want) {
				t.Errorf("the decision does not say %q: %s", want, text)
			}
		}
		if text, _ := h.letter("ann@example.net", ""); !strings.Contains(text, "It was misuse") || !strings.Contains(text, "the service is limited") {
			t.Errorf("the reporter reads %s", text)
		}
		h.asAbuse()
		var out struct {
			Statements []StatementOfReasons `json:"statements"`
		}
		ok(t, json.Unmarshal([]byte(h.Get("/console/abuse/reasons.json").Body), &out))
		if len(out.Statements) != 2 {
			t.Fatalf("%d statements, want the one that ends and the one that begins", len(out.Statements))
		}
		was, is := out.Statements[0], out.Statements[1]
		if was.DecisionProvision != "DECISION_PROVISION_TOTAL_SUSPENSION" || was.EndServiceRestriction != "2026-11-24" || was.DecisionFacts != "A page imitated a bank." {
			t.Errorf("the one that ends is %+v", was)
		}
		if is.DecisionProvision != "DECISION_PROVISION_PARTIAL_SUSPENSION" || is.EndServiceRestriction != "" || is.ApplicationDate != "2026-11-24" || is.TermsGround != "Terms, section 4" ||
			is.TermsExplanation != "To limit it is enough." || is.AutomatedDetection != "Yes" || is.PlatformUniqueIdentity == was.PlatformUniqueIdentity {
			t.Errorf("the one that begins is %+v", is)
		}
	})
}

// TestAStatementOfReasonsEndsWithItsMeasure: what an appeal upholds does not end, and what
// ends is what was restricted.
func TestAStatementOfReasonsEndsWithItsMeasure(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ measure, appeal, service, visibility string }{
		{suspended, upheld, "", ""},
		{suspended, reversed, "2026-11-24", ""},
		{removed, upheld, "", ""},
		{removed, reversed, "", "2026-11-24"},
	} {
		h := newHouse(t, desktest.One(t), desktest.Standard(t))
		jo := h.customer("jo@example.com", "192.0.2.7")
		h.visitor()
		h.Post("/abuse", "kind", "phishing", "addresses", "192.0.2.7", "text", "A page of a bank.")
		h.asAbuse()
		c := h.only()
		h.step(c, "judge", "outcome", violation, "measure", tt.measure, "ground", "terms", "rule", "Terms, section 4", "facts", "F", "reasons", "R")
		h.as(jo)
		leads(t, h.Post("/portal/cases/"+c.ID, "text", "No."), "/portal/cases/"+c.ID)
		h.Clock.Advance(24 * time.Hour)
		h.asStaff("t-counsel", "counsel")
		leads(t, h.Post("/console/abuse/"+c.ID+"/review", "outcome", tt.appeal, "facts", "F", "reasons", "R"), "/console/abuse")
		h.asAbuse()
		var out struct {
			Statements []StatementOfReasons `json:"statements"`
		}
		ok(t, json.Unmarshal([]byte(h.Get("/console/abuse/reasons.json").Body), &out))
		if len(out.Statements) != 1 || out.Statements[0].EndServiceRestriction != tt.service || out.Statements[0].EndVisibility != tt.visibility {
			t.Errorf("%s, and %s on appeal: %+v", tt.measure, tt.appeal, out.Statements)
		}
	}
}

// TestOutcomesAreSaidToTheirReader: a customer reads of themself as "you", in a sentence
// that stands, and colleagues read of the customer.
func TestOutcomesAreSaidToTheirReader(t *testing.T) {
	t.Parallel()
	for id, o := range outcomes {
		if o.words(toStaff) == "" || strings.Contains(o.words(toStaff), "you") {
			t.Errorf("colleagues read of %s: %q", id, o.words(toStaff))
		}
		if text := o.words(toCustomer); text == "" || strings.Contains(text, "customer") || strings.Contains(text, "you is") {
			t.Errorf("a customer reads of %s: %q", id, text)
		}
	}
	row := judgmentRows(matter{}, judgment{Outcome: refused}, toCustomer)[1]
	if row.Value != "decided against you" {
		t.Errorf("the letter says %q", row.Value)
	}
}

// TestNothingIsMilderThanNothing: where nothing followed, an appeal finds no milder measure.
func TestNothingIsMilderThanNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	jo := h.customer("jo@example.com", "192.0.2.7")
	h.visitor()
	h.Post("/abuse", "kind", "spam", "addresses", "192.0.2.7", "text", "Spam.")
	h.asAbuse()
	c := h.only()
	h.step(c, "judge", "outcome", violation, "ground", "law", "rule", "A law", "facts", "F", "reasons", "R")
	h.as(jo)
	h.Post("/portal/cases/"+c.ID, "text", "No.")
	h.asStaff("t-counsel", "counsel")
	shows(t, h.Post("/console/abuse/"+c.ID+"/review", "outcome", milder, "measure", nothing, "facts", "F", "reasons", "R"), http.StatusUnprocessableEntity, "not milder than what was judged")
	if c := h.only(); !c.Decided.IsZero() {
		t.Error("the appeal is decided")
	}
	leads(t, h.Post("/console/abuse/"+c.ID+"/review", "outcome", upheld, "facts", "F", "reasons", "R"), "/console/abuse")
	h.Drain()
	desktest.Lacks(t, h.Get("/console/abuse"), "so is whoever reported it") // what they were told stands
}

// TestQueueKeepsItsList: choosing a kind stays in the list, and the lists keep the kind.
func TestQueueKeepsItsList(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	h.visitor()
	h.Post("/abuse", "kind", "spam", "urls", "https://a.example.org/", "text", "Spam.")
	h.Post("/abuse", "kind", "fraud", "urls", "https://b.example.org/", "text", "A shop.")
	h.asAbuse()
	page := h.Get("/console/abuse?state=new&kind=spam")
	shows(t, page, http.StatusOK, "All kinds")
	for _, want := range []string{`name="state" value="new"`, `<option value="spam" selected>`, `href="/console/abuse?kind=spam&amp;state=late"`} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if n := strings.Count(page.Body, `<a href="/console/abuse/c`); n != 1 {
		t.Errorf("%d cases are listed, want the one of its kind", n)
	}
	// A case of a web address is in no network that anybody knows.
	shows(t, h.Get("/console/abuse/figures"), http.StatusOK, "Network", "not known")
	// Statements of reasons are offered to those to whom they open.
	for role, want := range map[loot.Role]int{"abuse": http.StatusOK, "billing": http.StatusForbidden} {
		h.asStaff("t-"+string(role), role)
		offered := strings.Contains(h.Get("/console/abuse/figures").Body, "/console/abuse/reasons.json")
		if got := h.Get("/console/abuse/reasons.json").Status; got != want || offered != (want == http.StatusOK) {
			t.Errorf("%s is offered statements of reasons: %t, and gets %d", role, offered, got)
		}
	}
}

// TestDeadlinePasses: whoever does not answer in time is passed on, once, and colleagues
// who deal with cases hear of it.
func TestDeadlinePasses(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	h.customer("jo@example.com", "192.0.2.7")
	h.visitor()
	h.Post("/abuse", "kind", "spam", "addresses", "192.0.2.7", "text", "Spam.")
	h.asAbuse()
	c := h.only()
	h.step(c, "notify", "hours", "24", "text", "Stop it.")
	h.hourly(23 * time.Hour)
	if c := h.only(); !c.Escalated.IsZero() {
		t.Error("passed on before the time was over")
	}
	h.hourly(2 * time.Hour)
	c = h.only()
	if c.Escalated.IsZero() || !c.Due.After(h.Clock.Now()) {
		t.Errorf("not passed on: %+v", c)
	}
	if text, _ := h.letter("t-abuse@staff.example", "Open the queue"); !strings.Contains(text, "1 case waits for you") {
		t.Errorf("the reminder says %s", text)
	}
	if _, found := h.Mail.Last("t-support@staff.example"); found {
		t.Error("a colleague was reminded who deals with no cases")
	}
	n := h.Mail.Count()
	h.hourly(time.Hour)
	if got := h.Mail.Count(); got != n {
		t.Errorf("reminded %d times more of the same", got-n)
	}
	shows(t, h.Get("/console/abuse/"+c.ID), http.StatusOK, "not answered in time", "The customer has not answered in time.")
	// A late answer still counts.
	_, link := h.letter("jo@example.com", "Answer")
	h.visitor()
	leads(t, h.Post(link, "text", "It is stopped."), link)
	if c := h.only(); c.Answered.IsZero() {
		t.Error("a late answer was not kept")
	}
}

type asked string

func (a asked) Kind() string                { return string(a) }
func (asked) MarshalJSON() ([]byte, error)  { return []byte("{}"), nil }
func (h *house) hourly(after time.Duration) { h.Helper(); h.after(after, "safety.hourly") }
func (h *house) swept(after time.Duration)  { h.Helper(); h.after(after, "safety.sweep") }
func (h *house) after(d time.Duration, job asked) {
	h.Helper()
	h.Clock.Advance(d)
	h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Jobs.Enqueue(ctx, tx, job) })
	h.Drain()
}

// TestDispute: a customer opens a dispute in the portal, a colleague decides with reasons,
// and the record opens for the dispute and for nothing else.
func TestDispute(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	jo := h.customer("jo@example.com", "192.0.2.7")
	h.as(jo)
	shows(t, h.Post("/portal/cases", "kind", "invoice"), http.StatusUnprocessableEntity)
	a := h.Post("/portal/cases", "kind", "invoice", "reference", "2026-7", "text", "The sum is wrong.")
	c := h.only()
	leads(t, a, "/portal/cases/"+c.ID)
	if c.What != aDispute || c.Subject != jo {
		t.Errorf("the case is %+v", c)
	}
	h.asStaff("t-counsel", "counsel")
	shows(t, h.Get("/console/abuse/"+c.ID), http.StatusOK, "The sum is wrong.", "About 2026-7")
	open := "/console/customers/" + string(jo) + "/open"
	shows(t, h.Post(open, "purpose", "dispute", "case", c.ID, "reason", "Case"), http.StatusOK, "Open for: Settling disputes")
	shows(t, h.Post(open, "purpose", "dispute", "case", "cnone", "reason", "Case"), http.StatusForbidden)
	h.asAbuse()
	shows(t, h.Post(open, "purpose", "safety", "case", c.ID, "reason", "Case"), http.StatusForbidden)
	h.step(c, "judge", "outcome", refused, "rule", "Contract, section 2", "facts", "Two months were charged.", "reasons", "Both were used.")
	text, link := h.letter("jo@example.com", "Object")
	if !strings.Contains(text, "Both were used.") || strings.Contains(text, "against the customer") || link == "" {
		t.Errorf("the letter is %s", text)
	}
	h.as(jo)
	for _, path := range []string{"/portal/cases", "/portal/cases/" + c.ID} {
		page := h.Get(path)
		shows(t, page, http.StatusOK, "decided against you", c.Reference())
		desktest.Lacks(t, page, "the customer")
	}
	leads(t, h.Post("/portal/cases/"+c.ID, "text", "One was not."), "/portal/cases/"+c.ID)
	shows(t, h.Post("/portal/cases/"+c.ID, "text", "Twice."), http.StatusConflict)
	h.asStaff("t-counsel", "counsel")
	review := "/console/abuse/" + c.ID + "/review"
	shows(t, h.Post(review, "outcome", milder, "measure", nothing, "facts", "F", "reasons", "R"), http.StatusUnprocessableEntity) // nothing is milder in a dispute
	leads(t, h.Post(review, "outcome", upheld, "facts", "The log.", "reasons", "It was used."), "/console/abuse")
	h.Drain()
	page := h.Get("/console/abuse")
	shows(t, page, http.StatusOK, "Decided. The customer is told.")
	desktest.Lacks(t, page, "whoever reported it")
	if c := h.only(); c.Closed.IsZero() || c.Owner != "t-counsel" || c.Outcome != refused || c.Reversed {
		t.Errorf("the case is %+v", c)
	}
	if text, _ := h.letter("jo@example.com", ""); !strings.Contains(text, "out-of-court settlement") {
		t.Errorf("the letter is %s", text)
	}
}

// TestCaseOpensItsOwnOnly: a case opens the record of its customer and the reports in it.
func TestCaseOpensItsOwnOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	jo := h.customer("jo@example.com", "192.0.2.7")
	kim := h.customer("kim@example.com", "192.0.2.8")
	h.visitor()
	h.Post("/abuse", "kind", "spam", "addresses", "192.0.2.7", "text", "One.")
	c := h.only()
	h.asAbuse()
	for s, want := range map[loot.Subject]int{jo: http.StatusOK, kim: http.StatusForbidden} {
		if a := h.Post("/console/customers/"+string(s)+"/open", "purpose", "safety", "case", c.ID, "reason", "Case"); a.Status != want {
			t.Errorf("the record opens with %d, want %d", a.Status, want)
		}
	}
	shows(t, h.Post("/console/customers/"+string(jo)+"/open", "purpose", "safety", "reason", "Case"), http.StatusForbidden)
}
