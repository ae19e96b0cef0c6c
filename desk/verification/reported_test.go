package verification

import (
	"context"
	"net/http"
	"testing"
	"time"

	"loot"
	"loot/store"
	"loot/vault"
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
		shows(t, h.as(billing).Post("/console/checks/"+m.ID+"/open", "uncover", "yes"), http.StatusForbidden, "network.purpose")
		shows(t, h.post(billing, m, "", "decision", "corrected", "value", "Jo Field", "reason", "As they say."), http.StatusForbidden, "network.purpose")
		shows(t, h.as(support).Post("/console/checks/"+m.ID+"/open", "uncover", "yes"), http.StatusOK, "The person's name", "Jo Meadow", "We wrote it wrong.")

		// A check of the others meanwhile leaves the reports as they are.
		ok(t, h.desk.check(t.Context(), checkArgs{s}))
		h.Drain()
		h.taken(h.post(support, m, "", "decision", "corrected", "value", "Jo Field", "reason", "As they say."))
		if st := h.standing(s); openCase(st.cases, "contact.name") != nil || st.held["contact.name"].State == vault.Disputed {
			t.Errorf("put right: %+v", st)
		}
		shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, "accepted, put right", "As they say.")

		m = h.open(s, "contact.language")
		shows(t, h.as(support).Post("/console/checks/"+m.ID+"/open", "uncover", "yes"), http.StatusOK, "Irish")
		shows(t, h.post(support, m, "", "decision", "corrected", "value", "Gaelic", "reason", "As they say."), http.StatusUnprocessableEntity, "Please choose one of those offered")
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
