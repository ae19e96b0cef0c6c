package verification

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/desk/verification/register"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web/webtest"
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

// TestEveryDetailCanBeReported, also one that was not given to be checked: whoever helps
// the customer by the same job opens it and puts it right, whoever does not cannot, and a
// report about what the customer put right meanwhile is closed.
func TestEveryDetailCanBeReported(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow())
		h.correctFor(s, "support", "contact.name", "Jo Meadow")
		h.correctFor(s, "support", "contact.language", "ga")
		support, billing := h.hire("m-support", "abuse", "support"), h.hire("m-billing", "billing")
		h.as(person(s))
		form, held := h.Get("/portal/checks/wrong"), h.standing(s).held
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			beside, err := h.desk.Beside(ctx, tx, s)
			for f := range held {
				d, _ := h.S.Field(f)
				shows(t, form, http.StatusOK, d.Title)
				_, checkable := d.Needed[purpose]
				if last := len(beside[f].Actions) - 1; last < 0 || beside[f].Actions[last].Href != "/portal/checks/wrong?field="+string(f) || (last == 1) != checkable {
					t.Errorf("beside %s: %+v", f, beside[f].Actions)
				}
			}
			return err
		})
		for _, f := range []string{"contact.name", "contact.language"} {
			h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", f, "text", "We wrote it wrong."))
		}
		h.Drain()
		m := h.open(s, "contact.name")
		if m.Kind != kindMistake || h.state(s, "contact.name") != vault.Disputed {
			t.Errorf("reported: %+v, %s", m, h.state(s, "contact.name"))
		}
		path, others := "/console/checks/"+m.ID, "Whoever has one of these roles decides: Customer support."
		page := h.as(billing).Get(path)
		shows(t, page, http.StatusOK, "This case is for other colleagues.", others)
		lacks(t, page, "Show the value", "What was said", "Decide")
		for _, page := range []webtest.Answer{
			h.Post(path+"/open", "uncover", "yes"), h.Post(path + "/ask"), h.attaches(path, "name.pdf", []byte("%PDF-1.7")),
			h.post(billing, m, "", "decision", "corrected", "value", "Jo Field", "reason", "As they say."),
			h.post(billing, m, "", "decision", "refused", "reason", "It is not."),
			h.post(billing, m, "/second", "agree", "yes"),
		} {
			shows(t, page, http.StatusForbidden, others)
			hides(t, page, "Jo Meadow", "We wrote it wrong.")
		}
		if h.open(s, m.Field).Decision != "" || h.state(s, m.Field) != vault.Disputed {
			t.Error("whose job it is not decided it")
		}
		shows(t, h.as(support).Post("/console/checks/"+m.ID+"/open", "uncover", "yes"), http.StatusOK, "The person's name", "Jo Meadow", "We wrote it wrong.")

		// Its owner takes along what shows it, as of any other detail.
		pdf := []byte("%PDF-1.7 a made-up signature")
		desktest.Leads(t, h.attaches(path, "name.pdf", pdf), path)
		if read, err := h.along(s)[0].Read(t.Context()); err != nil || string(read[0]) != string(pdf) {
			t.Errorf("its owner reads %q: %v", read, err)
		}

		// A check of the others meanwhile leaves the reports as they are.
		ok(t, h.desk.check(t.Context(), checkArgs{s}))
		h.Drain()
		shows(t, h.post(support, m, "", "decision", "corrected", "value", "Jo Meadow ", "reason", "As they say."), http.StatusUnprocessableEntity, "This is what stands already.")
		h.taken(h.post(support, m, "", "decision", "corrected", "value", "Jo Field", "reason", "As they say."))
		if st := h.standing(s); openCase(st.cases, "contact.name") != nil || st.held["contact.name"].State == vault.Disputed {
			t.Errorf("put right: %+v", st)
		}
		shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, "accepted, put right", "As they say.")

		m = h.open(s, "contact.language")
		shows(t, h.as(support).Post("/console/checks/"+m.ID+"/open", "uncover", "yes"), http.StatusOK, "Irish")
		shows(t, h.post(support, m, "", "decision", "corrected", "value", "Gaelic", "reason", "As they say."), http.StatusUnprocessableEntity, "Please choose one of those offered")
		shows(t, h.post(support, m, "", "decision", "corrected", "value", "ga", "reason", "As they say."), http.StatusUnprocessableEntity, "This is what stands already.")
		h.Clock.Advance(time.Minute)
		h.correctFor(s, "support", "contact.language", "en")
		if st := h.standing(s); openCase(st.cases, "contact.language") != nil {
			t.Errorf("the customer put it right: %+v", st.cases)
		}
	})
}

// TestWhatACustomerPutsRightIsDecided also once no service of theirs has anything checked.
func TestWhatACustomerPutsRightIsDecided(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow())
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "address.city", "text", "We have moved."))
		h.taken(h.Post("/portal/checks/wrong", "field", "address.street", "text", "We have moved."))
		h.ends(s)
		h.Clock.Advance(time.Minute)
		h.correct(s, "address.city", "Corkville")
		if st := h.standing(s); openCase(st.cases, "address.city") != nil || openCase(st.cases, "address.street") == nil {
			t.Errorf("%+v", st.cases)
		}
	})
}

// TestAReportIsSomebodysCase: a job that checks records has a purpose for each detail of
// a customer in the statement that comes with Loot. Where another gives it none, the page
// says so, and of a detail that is declared no longer the report is decided.
func TestAReportIsSomebodysCase(t *testing.T) {
	t.Parallel()
	all := desktest.Standard(t)
	for _, d := range all.Fields(collection) {
		if whose(all, d.ID) == "" {
			t.Errorf("a report about %s is nobody's", d.ID)
		}
	}
	if got := whose(all, "company.vat"); got != "Customer support, Billing" {
		t.Errorf("a report about a detail that is checked is the case of %s", got)
	}
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, all, Options{})
		s := h.customer(meadow())
		h.correctFor(s, "support", "contact.language", "ga")
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "contact.language", "text", "It is English."))
		m, support, billing := h.open(s, "contact.language"), h.hire("m-support", "support"), h.hire("m-billing", "billing")
		without := func(version, old, fresh string) {
			t.Helper()
			text := strings.Replace(string(statement.Default()), `version: "2026-1"`, `version: "`+version+`"`, 1)
			if !strings.Contains(text, old) {
				t.Fatal("the statement does not say " + old)
			}
			h.InForce(desktest.Parse(t, []byte(strings.Replace(text, old, fresh, 1))))
		}
		without("2026-2", "      support: Without it our answers come in English.\n", "      service: Without it our answers come in English.\n")
		shows(t, h.as(support).Get("/console/checks/"+m.ID), http.StatusOK, "not given for any purpose of a role that checks records")
		shows(t, h.post(support, m, "", "decision", "refused", "reason", "It is not."), http.StatusForbidden, "Once the statement gives such a role one")
		_, gone, _ := strings.Cut(string(statement.Default()), "  contact.language:\n")
		gone, _, _ = strings.Cut(gone, "  payment.iban:\n")
		without("2026-3", "  contact.language:\n"+gone, "")
		h.taken(h.post(billing, m, "", "decision", "refused", "reason", "Nothing is done by it any more."))
	})
}

// TestWhatCountsAsAFault for others: what a register or a colleague says against the value
// that is held, and never that nobody has answered, or that an answer has grown old.
func TestWhatCountsAsAFault(t *testing.T) {
	vies := &book{name: "VIES"}
	onEach(t, Options{Registers: []register.Register{vies}}, func(t *testing.T, h *house) {
		support := h.hire("m-support", "support")
		const number = loot.Field("company.vat")
		faulty := func(s loot.Subject, f loot.Field, want bool, when string) {
			t.Helper()
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				if got, err := h.desk.FaultIn(ctx, tx, s, f); err != nil || got != want {
					t.Errorf("%s, there is a fault in %s: %v, %v", when, f, got, err)
				}
				return nil
			})
		}
		knows := book{name: "VIES", number: "IE1234567T", says: "Other Company"}
		for when, answers := range map[string]book{"down": {name: "VIES", down: true}, "refusing": {name: "VIES", refuse: true}} {
			*vies = answers
			faulty(h.customer(meadow()), number, false, when)
		}
		*vies = knows
		s := h.customer(meadow())
		faulty(s, number, false, "known")
		faulty(s, "company.name", true, "with another name")
		h.Clock.Advance(366 * 24 * time.Hour)
		vies.number = "other"
		ask := func() {
			t.Helper()
			h.Clock.Advance(time.Hour)
			ok(t, h.desk.check(t.Context(), checkArgs{s}))
			h.Drain()
		}
		faulty(s, number, false, "grown old")
		ask()
		faulty(s, number, true, "known no more")
		vies.down = true
		ask()
		faulty(s, number, true, "silent after that")
		h.taken(h.post(support, h.open(s, number), "", "decision", "right", "reason", "It was valid."))
		faulty(s, number, false, "found right")
		vies.down = false
		s = h.customer(meadow())
		h.taken(h.post(support, h.open(s, number), "", "decision", "wrong", "reason", "It belongs to nobody."))
		faulty(s, number, true, "found wrong")
		h.Clock.Advance(time.Minute)
		h.replace(s, purpose, number, "IE6388047V")
		faulty(s, number, false, "given another, that nobody looked at")
		h.replace(s, purpose, number, "")
		faulty(s, number, false, "removed")
		faulty(loot.NewSubject(), number, false, "held no more")
	})
}
