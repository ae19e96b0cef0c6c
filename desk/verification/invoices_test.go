package verification

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// Bills are a desk that issues invoices, as far as this one asks it.
type bills struct {
	issued []Invoice
	since  time.Time // of the value, as was asked last
	more   int       // that say it, too
	again  []Again   // what was written again
	moves  int       // how often the numbers are taken meanwhile
}

func (b *bills) concerned(_ context.Context, _ *store.Tx, _ loot.Subject, f loot.Field, since time.Time, _ string) ([]Invoice, int, error) {
	b.since = since
	if f == "contact.phone" {
		return nil, 0, nil
	}
	return slices.Clone(b.issued), b.more, nil
}

func (b *bills) lines(_ context.Context, _ loot.Actor, number string) ([]Line, error) {
	if number == "" {
		return nil, errors.New("bills: an invoice without a number is opened")
	}
	if !slices.ContainsFunc(b.issued, func(i Invoice) bool { return i.Number == number }) {
		return nil, nil
	}
	return []Line{{1, "1: Shared hosting, Small"}, {2, "2: Backup, 500 GB"}}, nil
}

func (h *house) writeAgain(ctx context.Context, a Again, decide func(*store.Tx) error) error {
	before := len(h.bills.again)
	for {
		moved := false
		err := h.Kit.Gate.InTx(ctx, func(tx *store.Tx) error {
			if err := decide(tx); err != nil {
				return err
			}
			if moved = h.bills.moves > 0; moved {
				h.bills.moves--
				return loot.Errorf(loot.Conflict, "The numbers were taken.")
			}
			h.bills.again = append(h.bills.again[:before], a) // whoever is told of it looks once it is committed
			return nil
		})
		if err != nil {
			h.bills.again = h.bills.again[:before]
		}
		if !moved {
			return err
		}
	}
}

func (h *house) writtenIn(_ context.Context, _ *store.Tx, reference string) (out []Written, err error) {
	for _, a := range h.bills.again {
		for _, n := range a.Numbers {
			if a.Reference == reference {
				one := Written{n, n + "-C", n + "-N"}
				if a.Field == "usage.service" {
					one.Corrected = ""
				}
				out = append(out, one)
			}
		}
	}
	return out, nil
}

// TestInvoicesAreWrittenAgain in the transaction that puts the record right: those
// that are ticked, at first the one that the customer named.
func TestInvoicesAreWrittenAgain(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		h.bills = bills{issued: []Invoice{{"EX-9", "EX-9, November"}, {"EX-7", "EX-7, October"}}, moves: 2}
		support := h.hire("m-support", "support")
		s := h.customer(meadow())
		given := h.standing(s).held["address.city"].At
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "address.city", "invoice", "EX-7", "text", "We moved."))
		m := h.open(s, "address.city")
		a := h.as(support).Get("/console/checks/" + m.ID)
		shows(t, a, http.StatusOK, "EX-9, November", "EX-7, October")
		if got := ticked(a.Body); !slices.Equal(got, []string{"EX-7"}) {
			t.Errorf("ticked: %v", got)
		}
		if !h.bills.since.Equal(given) {
			t.Errorf("asked for invoices since %s, the value is of %s", h.bills.since, given)
		}
		shows(t, h.post(support, m, "", "decision", "corrected", "value", "Corkville", "reason", "So.", "again", "EX-1"), http.StatusUnprocessableEntity)
		if h.state(s, "address.city") != vault.Disputed || len(h.bills.again) > 0 {
			t.Error("something was decided by a form that is wrong")
		}
		h.taken(h.post(support, m, "", "decision", "corrected", "value", "Corkville", "reason", "They moved.", "again", "EX-7"))
		if len(h.bills.again) != 1 {
			t.Fatalf("written again %d times", len(h.bills.again))
		}
		want := Again{s, []string{"EX-7"}, "address.city", 0, "Corkville", source, m.ID, support}
		got := h.bills.again[0]
		got.By.Roles, want.By.Roles = nil, nil
		if !slices.Equal(got.Numbers, want.Numbers) || got.Value != want.Value || got.Field != want.Field || got.Reference != want.Reference || got.Subject != s || got.Source != want.Source || got.By.ID != support.ID {
			t.Errorf("%+v", got)
		}
		shows(t, h.as(support).Get("/console/checks/"+m.ID), http.StatusOK, "EX-7 taken back by credit note EX-7-C , written again as EX-7-N")
		a = h.as(person(s)).Get("/portal/checks")
		shows(t, a, http.StatusOK, "Invoice EX-7 was taken back by credit note EX-7-C , and EX-7-N stands for it.")
		if !strings.Contains(a.Body, `href="/portal/invoices/EX-7-N"`) {
			t.Error("nothing leads to the corrected invoice")
		}
		if text := h.letter().Text; !strings.Contains(text, "EX-7-C") || strings.Contains(text, "Corkville") {
			t.Errorf("the letter: %s", text)
		}
	})
}

// TestInvoicesThatAreTooManyAreSaid: to whoever decides, and to the customer with what to
// do, once it is decided; nothing is said where there are none.
func TestInvoicesThatAreTooManyAreSaid(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		support := h.hire("m-support", "support")
		for more, says := range map[int]string{0: "", 1: "1 earlier invoice says the same", 40: "40 earlier invoices say the same"} {
			h.bills = bills{issued: []Invoice{{"EX-9", "EX-9, November"}}, more: more}
			s := h.customer(meadow())
			h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "address.city", "text", "We moved."))
			m := h.open(s, "address.city")
			asked := desktest.Text(h.as(support).Get("/console/checks/" + m.ID).Body)
			if got := strings.Contains(asked, "These are the latest"); got != (more > 0) {
				t.Errorf("with %d more whoever decides reads %q", more, asked)
			}
			desktest.Lacks(t, h.as(person(s)).Get("/portal/checks"), "the same")
			h.taken(h.post(support, m, "", "decision", "corrected", "value", "Corkville", "reason", "They moved.", "again", "EX-9"))
			for who, text := range map[string]string{"the portal": desktest.Text(h.as(person(s)).Get("/portal/checks").Body), "the letter": strings.Join(strings.Fields(h.letter().Text), " ")} {
				if got := strings.Contains(text, "the same"); got != (more > 0) || !strings.Contains(text, says) {
					t.Errorf("with %d more %s says %q", more, who, text)
				}
			}
			decided := desktest.Text(h.as(support).Get("/console/checks/" + m.ID).Body)
			if got := strings.Contains(decided, "Earlier invoices"); got != (more > 0) {
				t.Errorf("with %d more the case says %q", more, decided)
			}
		}
	})
}

// TestAReportNamesAnInvoiceThatStands: one of the customer's own that says the detail,
// and nothing is ticked once that was taken back.
func TestAReportNamesAnInvoiceThatStands(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		h.bills = bills{issued: []Invoice{{"EX-9", "EX-9, November"}, {"EX-7", "EX-7, October"}}}
		support := h.hire("m-support", "support")
		s := h.customer(meadow())
		for field, number := range map[string]string{"address.city": "EX-9999", "contact.phone": "EX-7"} {
			shows(t, h.as(person(s)).Post("/portal/checks/wrong", "field", field, "invoice", number, "text", "We moved."), http.StatusUnprocessableEntity, "None of your invoices that still stand has this number", "We moved.")
		}
		shows(t, h.Post("/portal/checks/wrong", "field", "address.city", "invoice", "EX 7", "text", "We moved."), http.StatusUnprocessableEntity, "A number of an invoice is made of letters", "We moved.")
		if st := h.standing(s); len(st.cases) > 0 || st.held["address.city"].State == vault.Disputed {
			t.Errorf("a report about an invoice that is not theirs was kept: %+v", st.cases)
		}
		h.taken(h.Post("/portal/checks/wrong", "field", "address.city", "invoice", "EX-7", "line", "2", "text", "We moved."))
		h.bills.issued = h.bills.issued[:1]
		m := h.open(s, "address.city")
		if m.Line != 0 {
			t.Errorf("a detail is taken for line %d", m.Line)
		}
		a := h.as(support).Get("/console/checks/" + m.ID)
		shows(t, a, http.StatusOK, "EX-9, November")
		if got := ticked(a.Body); len(got) > 0 {
			t.Errorf("ticked, though the one that was named does not stand any more: %v", got)
		}
	})
}

// ticked returns the values of the checkboxes that are.
func ticked(page string) (out []string) {
	for input := range strings.SplitSeq(page, "<input") {
		input, _, _ = strings.Cut(input, ">")
		if strings.Contains(input, `type="checkbox"`) && strings.Contains(input, " checked") {
			_, value, _ := strings.Cut(input, `value="`)
			value, _, _ = strings.Cut(value, `"`)
			out = append(out, value)
		}
	}
	return out
}

// TestAllInvoicesAreTickedWhereNoneIsNamed, and what is refused has none.
func TestAllInvoicesAreTickedWhereNoneIsNamed(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		h.bills = bills{issued: []Invoice{{"EX-9", "EX-9, November"}, {"EX-7", "EX-7, October"}}}
		support := h.hire("m-support", "support")
		s := h.customer(meadow())
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "address.city", "text", "We moved."))
		m := h.open(s, "address.city")
		if got := ticked(h.as(support).Get("/console/checks/" + m.ID).Body); !slices.Equal(got, []string{"EX-9", "EX-7"}) {
			t.Errorf("ticked: %v", got)
		}
		h.taken(h.post(support, m, "", "decision", "refused", "reason", "It is so.", "again", "EX-9"))
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "contact.phone", "text", "Nobody answers."))
		lacks(t, h.as(support).Get("/console/checks/"+h.open(s, "contact.phone").ID), "Invoices that say the wrong value")
		if len(h.bills.again) > 0 {
			t.Errorf("%+v", h.bills.again)
		}
	})
}

// TestASecondPersonsYesWritesAgain, and nothing does before.
func TestASecondPersonsYesWritesAgain(t *testing.T) {
	t.Parallel()
	s := desktest.Parse(t, secondForAddresses(t))
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, s, Options{})
		h.bills = bills{issued: []Invoice{{"EX-9", "EX-9, November"}}}
		one, other := h.hire("m-one", "billing"), h.hire("m-other", "billing")
		s := h.customer(meadow())
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "address.city", "invoice", "EX-9", "text", "We moved."))
		m := h.open(s, "address.city")
		h.taken(h.post(one, m, "", "decision", "corrected", "value", "Corkville", "reason", "By a letter.", "again", "EX-9"))
		if len(h.bills.again) > 0 {
			t.Fatal("written again before a second person agreed")
		}
		shows(t, h.as(other).Get("/console/checks/"+m.ID), http.StatusOK, "Taken back and written again with it: EX-9 .")
		h.taken(h.post(other, m, "/second", "agree", "yes"))
		if len(h.bills.again) != 1 || !slices.Equal(h.bills.again[0].Numbers, []string{"EX-9"}) || h.bills.again[0].Value != "Corkville" || h.bills.again[0].By.ID != other.ID {
			t.Errorf("%+v", h.bills.again)
		}
	})
}

// TestWhatNobodyAgreedToIsNotSaid: how many invoices stay as they are is what it was when that
// was decided to which a second person agreed.
func TestWhatNobodyAgreedToIsNotSaid(t *testing.T) {
	t.Parallel()
	s := desktest.Parse(t, secondForAddresses(t))
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, s, Options{})
		one, other := h.hire("m-one", "billing"), h.hire("m-other", "billing")
		s := h.customer(meadow())
		for _, by := range []struct {
			field           loot.Field
			more            int
			decision, agree string
		}{{"address.city", 2, "corrected", "no"}, {"address.city", 0, "corrected", "yes"}, {"address.street", 2, "corrected", "no"}, {"address.street", 0, "refused", "yes"}} {
			h.bills = bills{issued: []Invoice{{"EX-9", "EX-9, November"}}, more: by.more}
			if by.agree == "no" {
				h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", string(by.field), "text", "We moved."))
			}
			m := h.open(s, by.field)
			h.taken(h.post(one, m, "", "decision", by.decision, "value", "2 Corkville", "reason", "By a letter.", "again", "EX-9"))
			lacks(t, h.as(person(s)).Get("/portal/checks"), "earlier invoices")
			h.taken(h.post(other, m, "/second", "agree", by.agree, "reason", "That is older."))
			lacks(t, h.as(person(s)).Get("/portal/checks"), "earlier invoices")
		}
	})
}

// secondForAddresses is the statement with a second person for addresses.
func secondForAddresses(t *testing.T) []byte {
	t.Helper()
	const before = "address: {title: Registered address, level: 2,"
	text := string(statement.Default())
	if !strings.Contains(text, before) {
		t.Fatal("the statement does not say " + before)
	}
	return []byte(strings.Replace(text, before, "address: {title: Registered address, level: 3,", 1))
}

// TestALineOfAnInvoiceIsReported: the form offers the lines of the invoice, whoever checks
// records and deals with invoices decides, nothing is decided by what was used until then, and
// an accepted report has the invoice taken back.
func TestALineOfAnInvoiceIsReported(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		h.bills = bills{issued: []Invoice{{"EX-9", "EX-9, November"}, {"EX-7", "EX-7, October"}}}
		biller, other := h.hire("m-billing", "billing"), h.hire("m-desk", "support")
		s := h.customer(meadow())
		me := person(s)
		const wrong, services = "/portal/checks/wrong", "usage.service"
		frozen := func(want bool) {
			t.Helper()
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				p, err := h.Kit.Gate.Person(ctx, tx, s)
				if p.Disputed(services) != want {
					t.Errorf("what was used is in dispute: %t", !want)
				}
				return err
			})
		}
		a := h.as(me).Get(wrong)
		shows(t, a, http.StatusOK, "Services used, on an invoice")
		desktest.Lacks(t, a, "Line of the invoice")
		a = h.Get(wrong + "?field=usage.service&line=2&invoice=EX-7")
		shows(t, a, http.StatusOK, "Line of the invoice", "1: Shared hosting, Small", "2: Backup, 500 GB")
		desktest.Lacks(t, a, "correct it yourself")
		if !strings.Contains(a.Body, `value="2" selected`) {
			t.Error("the line that the invoice leads from is not chosen")
		}
		for _, bad := range []struct {
			sent []string
			want string
		}{
			{[]string{"invoice", ""}, "Say on which invoice."},
			{[]string{"invoice", "EX-7"}, "Line of the invoice"},
			{[]string{"invoice", "EX-7", "line", "3"}, "2: Backup, 500 GB"},
			{[]string{"invoice", "EX-1"}, "None of your invoices that still stand has this number"},
			{[]string{"invoice", "EX-1", "line", "1"}, "None of your invoices that still stand has this number"},
		} {
			shows(t, h.Post(wrong, append([]string{"field", services, "text", "We have none."}, bad.sent...)...), http.StatusUnprocessableEntity, bad.want, "We have none.")
		}
		if st := h.standing(s); len(st.cases) > 0 {
			t.Fatalf("kept: %+v", st.cases)
		}
		frozen(false)
		h.taken(h.Post(wrong, "field", services, "invoice", "EX-7", "line", "2", "text", "We have no backup."))
		shows(t, h.Post(wrong, "field", services, "invoice", "EX-7", "line", "1", "text", "Nor this."), http.StatusConflict, "already", "Nor this.")
		frozen(true)
		shows(t, h.Get("/portal/checks"), http.StatusOK, "Services used, line 2 on invoice EX-7", "We have no backup.")

		h.correct(s, "address.city", "Corkville") // checks run, and it is none of their cases
		m := h.open(s, services)
		path := "/console/checks/" + m.ID
		a = h.as(other).Get(path)
		shows(t, a, http.StatusOK, "This case is for other colleagues.")
		a = h.as(biller).Get(path)
		shows(t, a, http.StatusOK, "EX-7 , line 2", "invoice EX-7 is taken back and written again as follows", "How much the line should charge")
		shows(t, h.attaches(path, "of-it.txt", []byte("Made up.")), http.StatusConflict, "Evidence goes with a detail")
		desktest.Lacks(t, a, "We have no backup.", "New value", "Attach")
		shows(t, h.Post(path+"/open"), http.StatusOK, "We have no backup.")
		shows(t, h.post(biller, m, "", "decision", "corrected", "reason", "It was ended."), http.StatusUnprocessableEntity, "Say how much it should charge.")
		h.taken(h.post(biller, m, "", "decision", "corrected", "value", " 0.5 ", "reason", "It was ended."))
		if len(h.bills.again) != 1 || h.bills.again[0].Line != 2 || h.bills.again[0].Value != "0.5" || !slices.Equal(h.bills.again[0].Numbers, []string{"EX-7"}) || h.bills.again[0].Field != services || h.bills.again[0].Reference != m.ID {
			t.Fatalf("%+v", h.bills.again)
		}
		shows(t, h.as(biller).Get(path), http.StatusOK, "EX-7 taken back by credit note EX-7-C")
		a = h.as(me).Get("/portal/checks")
		shows(t, a, http.StatusOK, "accepted, put right", "It was ended.", "Invoice EX-7 was taken back by credit note EX-7-C .")
		desktest.Lacks(t, a, "stands for it")
		frozen(false)
		if text := h.letter().Text; !strings.Contains(text, "EX-7-C") || strings.Contains(text, "corrected invoice") {
			t.Errorf("the letter: %s", text)
		}

		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			copied, err := h.desk.export(ctx, tx, s)
			if text, _ := json.Marshal(copied); !strings.Contains(string(text), `"invoice":"EX-7","line":2`) {
				t.Errorf("the copy does not tell which line: %s", text)
			}
			return err
		})

		// What stays as it is is refused with its reason, and touches no invoice.
		h.taken(h.as(me).Post(wrong, "field", services, "invoice", "EX-9", "line", "1", "text", "Too much."))
		h.taken(h.post(biller, h.open(s, services), "", "decision", "refused", "reason", "It is the price that you ordered."))
		if len(h.bills.again) != 1 {
			t.Errorf("taken back: %+v", h.bills.again)
		}
		shows(t, h.as(me).Get("/portal/checks"), http.StatusOK, "It is the price that you ordered.")

		// Where somebody took the invoice back meanwhile, nothing is left to be written again.
		h.taken(h.Post(wrong, "field", services, "invoice", "EX-9", "line", "1", "text", "Still too much."))
		h.bills.issued, m = nil, h.open(s, services)
		a = h.as(biller).Get("/console/checks/" + m.ID)
		shows(t, a, http.StatusOK, "the invoice is taken back already")
		desktest.Lacks(t, a, "How much the line should charge")
		h.taken(h.post(biller, m, "", "decision", "corrected", "reason", "Billing has found it, too."))
		if len(h.bills.again) != 1 {
			t.Errorf("taken back twice: %+v", h.bills.again)
		}
	})
}
