package billing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/gate"
	"loot/store"
	"loot/vault"
)

var clerk = loot.Actor{Kind: loot.Staff, ID: "member-one"}

// again orders invoices to be written again with another value.
func again(s loot.Subject, f loot.Field, value string, numbers ...string) Again {
	return Again{Subject: s, Numbers: numbers, Field: f, Value: value, Source: "our staff, after a check", Reference: "c1", By: clerk}
}

func fine(*store.Tx) error { return nil }

// record returns what an invoice was drawn from.
func (o *office) record(number string) (r invoice.Record) {
	o.Helper()
	i := o.issued(`WHERE i.number = $1`, number)[0]
	text, err := o.b.opened(o.Context(), i, docRecord, gate.Request{Action: loot.Use, Actor: o.b.actor()})
	ok(o, err)
	ok(o, json.Unmarshal(text, &r))
	return r
}

// TestAWrongInvoiceIsWrittenAgain: the credit note credits what it said, the
// corrected invoice says the one value right and nothing else otherwise, and the
// customer finds each from the others.
func TestAWrongInvoiceIsWrittenAgain(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		o.after(december)
		o.run(november)
		was := o.record("EX-2026-000001")
		o.Clock.Advance(24 * time.Hour)
		o.Drain()
		decided, letters := false, o.Mail.Count()
		ok(t, o.b.WriteAgain(t.Context(), again(s, town, "Right Town", "EX-2026-000001"), func(*store.Tx) error { decided = true; return nil }))
		all := o.issued("")
		if !decided || len(all) != 3 {
			t.Fatalf("decided: %t, %d documents", decided, len(all))
		}
		credit, corrected := all[1], all[2]
		o.Drain()
		if m, _ := o.Mail.Last("jo@example.com"); o.Mail.Count() != letters+1 || !strings.Contains(m.Subject, corrected.Number) {
			t.Errorf("%d letters, the last: %s", o.Mail.Count()-letters, m.Subject)
		}
		if credit.Kind != "381" || credit.Number != "EX-2026-000002" || credit.Preceding != "EX-2026-000001" || credit.Total != 161 || credit.Sum() != "−€\u00a01.61" {
			t.Errorf("%+v", credit)
		}
		if corrected.Kind != "384" || corrected.Number != "EX-2026-000003" || corrected.Preceding != "EX-2026-000001" || corrected.Total != 161 || corrected.Due.String() != "2026-12-17" {
			t.Errorf("%+v", corrected)
		}
		now := o.record(corrected.Number)
		if now.Invoice.Buyer.Address.City != "Right Town" {
			t.Errorf("it says %q", now.Invoice.Buyer.Address.City)
		}
		now.Invoice.Buyer.Address.City = was.Invoice.Buyer.Address.City
		if got, want := party(now.Invoice.Buyer), party(was.Invoice.Buyer); got != want || len(now.Invoice.Lines) != len(was.Invoice.Lines) || !now.Invoice.Totals.Due.Equal(was.Invoice.Totals.Due) {
			t.Errorf("more is otherwise: %q, %q", got, want)
		}
		i := slices.IndexFunc(now.Known, func(k invoice.Known) bool { return k.Value == "Right Town" })
		if len(now.Known) != len(was.Known) || i < 0 || now.Known[i].Source != "our staff, after a check" || now.Known[i].Since.String() != "2026-12-03" ||
			now.Known[i].Wrong != desktest.Base+"/portal/checks/wrong?field=address.city&invoice=EX-2026-000003" {
			t.Errorf("known: %+v", now.Known)
		}
		o.as(s)
		shows(t, o.Get("/portal/invoices/EX-2026-000001"), http.StatusOK, "This invoice was taken back.", "Credit note EX-2026-000002", "Corrected invoice EX-2026-000003")
		shows(t, o.Get("/portal/invoices/EX-2026-000002"), http.StatusOK, "takes an invoice back", "Invoice EX-2026-000001", "It takes invoice EX-2026-000001 back, on which “Town or city” was wrong.", "Credited to you")
		shows(t, o.Get("/portal/invoices/EX-2026-000003"), http.StatusOK, "stands for another", "Credit note EX-2026-000002", "Right Town", "Put right: Town or city.")
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "taken back", "credit note", "corrected", "−€ 1.61")
		for number, want := range map[string]string{"EX-2026-000002": ">381<", "EX-2026-000003": ">384<"} {
			for _, doc := range []string{"ubl", "cii"} {
				if body := o.Get("/portal/invoices/" + number + "/" + doc).Body; !strings.Contains(body, want) || !strings.Contains(body, ">EX-2026-000001<") {
					t.Errorf("%s of %s lacks its type or what it is about", doc, number)
				}
			}
		}
		o.asStaff("billing")
		a := o.Get("/console/billing/invoices/EX-2026-000001")
		shows(t, a, http.StatusOK, "taken back", "Corrected invoice EX-2026-000003")
		desktest.Lacks(t, a, "Take it back")
		shows(t, o.preview("2026-11"), http.StatusOK, "issued")
		ok(t, o.b.drawAll(t.Context(), november, []loot.Subject{s}))
		if n := len(o.issued("")); n != 3 {
			t.Errorf("the month was drawn again: %d documents", n)
		}
		ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			list, err := o.b.Credits(t.Context(), tx, "c1")
			if err != nil || len(list) != 1 || list[0].Original != "EX-2026-000001" || list[0].Credit != "EX-2026-000002" || list[0].Corrected != "EX-2026-000003" {
				t.Errorf("%+v, %v", list, err)
			}
			for _, c := range []struct {
				field loot.Field
				since time.Time
				named string
				want  int
			}{
				{town, o.Clock.Now(), "", 1},
				{town, o.Clock.Now().Add(time.Hour), "", 0},
				{town, o.Clock.Now().Add(time.Hour), "EX-2026-000003", 1},
				{town, o.Clock.Now(), "EX-2026-000001", 1},
				{"contact.phone", o.Clock.Now(), "EX-2026-000003", 0},
			} {
				got, _, err := o.b.Concerned(t.Context(), tx, s, c.field, c.since, c.named)
				if err != nil || len(got) != c.want || c.want == 1 && got[0].Number != "EX-2026-000003" {
					t.Errorf("%+v: %+v, %v", c, got, err)
				}
			}
			return nil
		}))
		// What stands for another may be wrong itself.
		if err := o.b.WriteAgain(t.Context(), again(s, town, "Third Town", "EX-2026-000001"), fine); loot.KindOf(err) != loot.Conflict {
			t.Errorf("taken back twice: %v", err)
		}
		ok(t, o.b.WriteAgain(t.Context(), again(s, town, "Third Town", "EX-2026-000003"), fine))
		if all = o.issued(""); len(all) != 5 || o.record("EX-2026-000005").Invoice.Buyer.Address.City != "Third Town" {
			t.Errorf("%d documents", len(all))
		}
	})
}

// TestTaxFollowsWhatWasPutRight: another country, or the number without which the
// buyer counted as a consumer, changes who owes which tax.
func TestTaxFollowsWhatWasPutRight(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		consumer := o.customer(with(meadow, map[loot.Field]string{country: "DE", postcode: "12345"}))
		abroad := o.customer(with(meadow, map[loot.Field]string{country: "CH", postcode: "8000", companyVAT: "DE136695976"}))
		o.after(december)
		o.run(november)
		for s, c := range map[loot.Subject]struct {
			field loot.Field
			value string
		}{consumer: {companyVAT, "DE136695976"}, abroad: {country, "DE"}} {
			number := o.issued(`WHERE i.subject = $1`, s)[0].Number
			ok(t, o.b.WriteAgain(t.Context(), again(s, c.field, c.value, number), fine))
			out := o.issued(`WHERE i.subject = $1 AND i.kind = '384'`, s)[0]
			inv := o.record(out.Number).Invoice
			if out.Tax != 0 || inv.Lines[0].Tax.Category != invoice.ReverseCharge || inv.Buyer.VAT != "DE136695976" || inv.Seller.VAT == "" {
				t.Errorf("%s: %+v, buyer %q", c.field, inv.Lines[0].Tax, inv.Buyer.VAT)
			}
		}
		number := o.issued(`WHERE i.subject = $1 AND i.kind = '384'`, abroad)[0].Number
		err := o.b.WriteAgain(t.Context(), again(abroad, country, "XX", number), fine)
		if loot.KindOf(err) != loot.Invalid || !strings.Contains(err.Error(), number) {
			t.Errorf("no country: %v", err)
		}
	})
}

// TestNoFaultMakesReverseCharge: by a number in which a fault was found nothing is written
// again without tax that had it, and what was right when it was issued stays.
func TestNoFaultMakesReverseCharge(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		german := map[loot.Field]string{country: "DE", postcode: "10115", companyVAT: "DE136695976"}
		moved, stays := o.customer(with(meadow, map[loot.Field]string{companyVAT: german[companyVAT], postcode: german[postcode]})), o.customer(with(meadow, german))
		o.after(december)
		o.run(november)
		fault := true
		o.b.Faulty(func(context.Context, *store.Tx, loot.Subject, loot.Field) (bool, error) { return fault, nil })
		of := func(s loot.Subject) string { return o.issued(`WHERE i.subject = $1 AND i.kind <> '381'`, s)[0].Number }
		err := o.b.WriteAgain(t.Context(), again(moved, country, "DE", of(moved)), fine)
		if loot.KindOf(err) != loot.Invalid || !strings.Contains(err.Error(), "VAT number") {
			t.Errorf("moved: %v", err)
		}
		ok(t, o.b.WriteAgain(t.Context(), again(stays, companyName, "Example Garden GmbH", of(stays)), fine))
		ok(t, o.b.WriteAgain(t.Context(), again(moved, town, "Elsewhere", of(moved)), fine)) // as before, with tax
		for s, want := range map[loot.Subject]int64{moved: 30, stays: 0} {
			if out := o.issued(`WHERE i.subject = $1 AND i.kind = '384'`, s); len(out) != 1 || out[0].Tax != want {
				t.Errorf("%+v, want a tax of %d", out, want)
			}
		}
		fault = false
		ok(t, o.b.WriteAgain(t.Context(), again(moved, country, "DE", o.issued(`WHERE i.subject = $1 AND i.kind = '384'`, moved)[0].Number), fine))
	})
}

// TestAnotherNumberIsNotTheOneWithTheFault: what stands in the place of a number in which
// a fault was found was not looked at yet.
func TestAnotherNumberIsNotTheOneWithTheFault(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(with(meadow, map[loot.Field]string{country: "DE", postcode: "10115"}))
		o.after(december)
		o.run(november)
		o.b.Faulty(func(context.Context, *store.Tx, loot.Subject, loot.Field) (bool, error) { return true, nil })
		ok(t, o.b.WriteAgain(t.Context(), again(s, companyVAT, "DE136695976", "EX-2026-000001"), fine))
		if out := o.issued(`WHERE i.kind = '384'`); len(out) != 1 || out[0].Tax != 0 {
			t.Errorf("%+v", out)
		}
	})
}

// TestAllOfItOrNothing: what was decided, the credit note and the corrected invoice
// stand or fall together, and no number is lost.
func TestAllOfItOrNothing(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		o.after(december)
		o.run(november)
		x := again(s, town, "Right Town", "EX-2026-000001")
		note := func(tx *store.Tx) error {
			_, err := tx.Exec(o.Context(), `INSERT INTO billing_removed (number, at) VALUES ('decided', 1)`)
			return err
		}
		decided := func() (n int) {
			ok(t, o.b.DB.ReadTx(o.Context(), func(tx *store.Tx) error {
				return tx.QueryRow(o.Context(), `SELECT count(*) FROM billing_removed WHERE number = 'decided'`).Scan(&n)
			}))
			return n
		}
		stop := errors.New("stop")
		if err := o.b.WriteAgain(t.Context(), x, func(tx *store.Tx) error { return errors.Join(note(tx), stop) }); !errors.Is(err, stop) {
			t.Errorf("refused: %v", err)
		}
		for _, step := range []string{"sealed", "kept"} {
			ctx, kill := context.WithCancel(o.Context())
			o.b.at = func(at string) {
				if at == step {
					kill()
				}
			}
			if err := o.b.WriteAgain(ctx, x, note); err == nil {
				t.Errorf("killed when it was %s, it went on", step)
			}
			kill()
			if n, all := decided(), len(o.issued("")); n != 0 || all != 1 {
				t.Errorf("killed when it was %s: decided %d times, %d documents", step, n, all)
			}
		}
		o.b.at = nil
		taken := false // others take the number that was looked at
		ok(t, o.b.WriteAgain(t.Context(), x, func(tx *store.Tx) error {
			if !taken {
				taken = true
				return errMoved
			}
			return note(tx)
		}))
		if all := o.issued(""); decided() != 1 || len(all) != 3 || all[2].Sequence != 3 {
			t.Errorf("%+v", all)
		}
		if err := o.b.WriteAgain(t.Context(), again(loot.NewSubject(), town, "Right Town", "EX-2026-000003"), fine); loot.KindOf(err) != loot.NotFound {
			t.Errorf("somebody else's: %v", err)
		}
		if err := o.b.WriteAgain(t.Context(), again(s, town, "Right Town", "EX-2026-000002"), fine); loot.KindOf(err) != loot.Conflict {
			t.Errorf("a credit note: %v", err)
		}
	})
}

// TestAColleagueTakesAnInvoiceBack as a whole, with a reason that the customer reads.
func TestAColleagueTakesAnInvoiceBack(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		o.after(december)
		o.run(november)
		o.Clock.Advance(25 * 24 * time.Hour) // the invoice is overdue
		const path = "/console/billing/invoices/EX-2026-000001"
		o.asStaff("support")
		shows(t, o.Post(path+"/credit", "why", "An outage."), http.StatusForbidden)
		o.asStaff("billing")
		shows(t, o.Get(path), http.StatusOK, "Take it back")
		shows(t, o.Post(path+"/credit", "why", ""), http.StatusUnprocessableEntity)
		before := o.Mail.Count()
		desktest.Leads(t, o.Post(path+"/credit", "why", "An outage of the whole month."), path)
		o.Drain()
		if m, found := o.Mail.Last("jo@example.com"); o.Mail.Count() != before+1 || !found || !strings.Contains(m.Text, "EX-2026-000002") || strings.Contains(m.Text, "outage") {
			t.Errorf("%d letters, the last: %s", o.Mail.Count()-before, m.Text)
		}
		shows(t, o.Post(path+"/credit", "why", "Again."), http.StatusConflict, "already")
		shows(t, o.Post("/console/billing/invoices/EX-2026-000002/credit", "why", "Again."), http.StatusConflict, "credit note")
		if all := o.issued(""); len(all) != 2 || all[1].Kind != "381" || all[1].Total != 161 {
			t.Errorf("%+v", all)
		}
		o.as(s)
		shows(t, o.Get("/portal/invoices/EX-2026-000002"), http.StatusOK, "Reason: An outage of the whole month.")
		a := o.Get("/portal/invoices/EX-2026-000001")
		shows(t, a, http.StatusOK, "taken back", "Credit note EX-2026-000002")
		desktest.Lacks(t, a, "Corrected invoice")
	})
}

// TestWhatIsInDisputeIsNotDrawnFrom: the invoice waits, its owner sees why, and it
// goes out once they have an answer. A record that is frozen is left alone, but
// for the copies that a law has kept.
func TestWhatIsInDisputeIsNotDrawnFrom(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		mark := func(from, to string) {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				row, err := o.Kit.Vault.Row(ctx, tx, s, collection)
				if err != nil {
					return err
				}
				return o.Kit.Vault.Mark(ctx, tx, s, collection, row.Version, map[loot.Field]vault.Marking{town: {From: from, To: to}})
			})
		}
		mark(vault.Unverified, vault.Disputed)
		o.after(december)
		o.run(november)
		o.asStaff("billing")
		shows(t, o.preview("2026-11"), http.StatusOK, "waits", "The customer says that “Town or city” is wrong")
		o.as(s)
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "November 2026 waits", "You told us that “Town or city” is wrong.")
		if n := len(o.issued("")); n != 0 {
			t.Fatalf("%d invoices were drawn from it", n)
		}
		mark(vault.Disputed, vault.Checked)
		o.Tx(func(ctx context.Context, tx *store.Tx) error { return o.Kit.Gate.Freeze(ctx, tx, s, "r1") })
		ok(t, o.b.hourly(t.Context(), hourlyArgs{}))
		if n := len(o.issued("")); n != 0 {
			t.Fatalf("%d invoices were drawn from a frozen record", n)
		}
		o.Tx(func(ctx context.Context, tx *store.Tx) error { return o.Kit.Gate.Thaw(ctx, tx, s, "r1") })
		ok(t, o.b.hourly(t.Context(), hourlyArgs{}))
		if n := len(o.issued("")); n != 1 {
			t.Fatalf("answered, %d invoices were drawn", n)
		}
		desktest.Lacks(t, o.Get("/portal/invoices"), "waits")
		o.Tx(func(ctx context.Context, tx *store.Tx) error { return o.Kit.Gate.Freeze(ctx, tx, s, "r1") })
		ok(t, o.b.WriteAgain(t.Context(), again(s, town, "Right Town", "EX-2026-000001"), fine))
	})
}

// TestServicesThatAreWrongAreTakenBack: the invoice is credited in the transaction in which
// it was decided, and none that says the same stands for it; what is in dispute meanwhile is
// not drawn from, and the customer is told what the invoice waits for.
func TestServicesThatAreWrongAreTakenBack(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		freeze := func(on bool) {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				if on {
					return o.b.Gate.Freeze(ctx, tx, s, "c1", Services)
				}
				return o.b.Gate.Thaw(ctx, tx, s, "c1")
			})
		}
		freeze(true)
		o.after(december)
		o.asStaff("billing")
		before := o.preview("2026-11")
		shows(t, before, http.StatusOK, "The customer says that “Services used” is wrong")
		desktest.Lacks(t, before, "to be issued")
		o.run(november)
		if n := len(o.issued("")); n != 0 {
			t.Fatalf("%d invoices were drawn from what is in dispute", n)
		}
		o.as(s)
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "Services used")
		if n := o.shown(november, "The customer says that “Services used” is wrong"); n != 2 || o.shown(november, "Wait 1 invoice") != 1 {
			t.Errorf("said %d times, want of the customer and among those who wait", n)
		}
		freeze(false)
		o.hour()
		me := loot.Actor{Kind: loot.Person, ID: string(s)}
		lines, err := o.b.Lines(t.Context(), me, "EX-2026-000001")
		if err != nil || len(lines) != 1 || lines[0].Number != 1 || !strings.HasPrefix(lines[0].Words, "1: Shared hosting, Small, ") || !strings.HasSuffix(lines[0].Words, "€\u00a01.31") {
			t.Errorf("%+v, %v", lines, err)
		}
		if lines, err := o.b.Lines(t.Context(), loot.Actor{Kind: loot.Person, ID: string(o.customer(meadow))}, "EX-2026-000001"); err != nil || lines != nil {
			t.Errorf("somebody else sees %+v, %v", lines, err)
		}
		ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			list, _, err := o.b.Concerned(t.Context(), tx, s, Services, o.Clock.Now().Add(time.Hour), "EX-2026-000001")
			if len(list) != 1 {
				t.Errorf("%d invoices are concerned", len(list))
			}
			return err
		}))
		decided := false
		charges := func(number, quantity string, line int) error {
			a := again(s, Services, quantity, number)
			a.Line = line
			return o.b.WriteAgain(t.Context(), a, func(*store.Tx) error { decided = true; return nil })
		}
		for quantity, line := range map[string]int{"": 1, "x": 1, "-1": 1, "NaN": 1, "0.5": 2, "2": 0, o.record("EX-2026-000001").Invoice.Lines[0].Quantity.String(): 1, "99999999999999999999": 1} {
			if err := charges("EX-2026-000001", quantity, line); loot.KindOf(err) != loot.Invalid || decided {
				t.Errorf("line %d, %q: %v", line, quantity, err)
			}
		}
		ok(t, charges("EX-2026-000001", "0", 1))
		all := o.issued("")
		if !decided || len(all) != 2 || all[1].Kind != invoice.CreditNote || all[1].Total != all[0].Total {
			t.Fatalf("decided: %t, %+v", decided, all)
		}
		o.as(s)
		shows(t, o.Get("/portal/invoices/EX-2026-000002"), http.StatusOK, "It takes invoice EX-2026-000001 back. Reason: Services used (1)")
		ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			list, err := o.b.Credits(t.Context(), tx, "c1")
			if len(list) != 1 || list[0].Credit != "EX-2026-000002" || list[0].Corrected != "" {
				t.Errorf("%+v", list)
			}
			return err
		}))
		for _, i := range all { // the one that was taken back, and its credit note
			if lines, err := o.b.Lines(t.Context(), me, i.Number); err != nil || lines != nil {
				t.Errorf("%s can be reported line by line: %+v, %v", i.Number, lines, err)
			}
		}
		if err := charges("EX-2026-000001", "0", 1); loot.KindOf(err) != loot.Conflict {
			t.Errorf("taken back twice: %v", err)
		}
	})
}

// TestALineIsWrittenAgain with how much it should charge, at the same price, or not at all;
// what else the invoice says stays.
func TestALineIsWrittenAgain(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s, _ := o.server()
		o.after(december)
		o.run(november)
		was := o.record("EX-2026-000001")
		a := again(s, Services, "0", "EX-2026-000001")
		a.Line = 1
		ok(t, o.b.WriteAgain(t.Context(), a, fine))
		all, now := o.issued(""), o.record("EX-2026-000003")
		if len(all) != 3 || all[1].Kind != invoice.CreditNote || all[2].Kind != invoice.Corrected || all[2].Net >= all[0].Net || len(now.Invoice.Lines) != len(was.Invoice.Lines)-1 || len(was.Invoice.Lines) < 2 {
			t.Fatalf("%+v", all)
		}
		if one := now.Invoice.Lines[0]; one.ID != "2" || !one.Net.Equal(was.Invoice.Lines[1].Net) || now.Invoice.Buyer.Name != was.Invoice.Buyer.Name {
			t.Errorf("%+v", now.Invoice)
		}
		if slices.ContainsFunc(now.Known, func(k invoice.Known) bool { return k.Line == "1" }) || !slices.ContainsFunc(now.Known, func(k invoice.Known) bool { return k.Line == "2" }) {
			t.Errorf("known are %+v", now.Known)
		}
		o.as(s)
		shows(t, o.Get("/portal/invoices/EX-2026-000003"), http.StatusOK, "Put right: Services used (1)")
		shows(t, o.Get("/portal/invoices/EX-2026-000002"), http.StatusOK, "on which “Services used (1)” was wrong")
		lines, err := o.b.Lines(t.Context(), o.Actor, "EX-2026-000003")
		if err != nil || len(lines) == 0 || lines[0].Number != 2 {
			t.Errorf("%+v, %v", lines, err)
		}
		a.Numbers, a.Line, a.Value = []string{"EX-2026-000003"}, 2, "0.5"
		ok(t, o.b.WriteAgain(t.Context(), a, fine))
		if one := o.record("EX-2026-000005").Invoice.Lines[0]; one.Quantity.String() != "0.5" || !one.Price.Equal(was.Invoice.Lines[1].Price) || one.Net.IsZero() {
			t.Errorf("%+v", one)
		}
	})
}

// TestWhatIsChargedSaysHowItCame: each line that an invoice charges stands among what is
// known, with how it came and when, and with its own way to say that it is wrong. The credit
// note names the same, where nothing is left to say, and the corrected invoice the same anew.
func TestWhatIsChargedSaysHowItCame(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s, id := o.server()
		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
			o.b.Begin(tx, "o-taken", Order{Subject: s, Service: "backup", Plan: "backup-500", Made: desktest.Start.AddDate(-1, 0, 0)})
			if err := o.b.begin(t.Context(), tx, "o-brought", Order{Subject: s, Service: "backup", Plan: "backup-2000", Made: desktest.Start, Carrier: "m1"}); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `UPDATE billing_service SET since = $1 WHERE reference = 'o-brought'`, desktest.Start.AddDate(0, 0, 1).UnixMicro())
			return err // it was set up a day later
		}))
		told := desktest.Start.AddDate(0, 0, 3)
		o.after(told)
		taken, err := o.b.record(t.Context(), loot.Actor{}, []Record{{Service: id, Meter: "traffic", Key: "1", At: told, Amount: 1250 * oneUnit}}, true)
		if err != nil || taken.Added != 1 {
			t.Fatal(taken, err)
		}
		o.after(december)
		o.run(november)
		r := o.record("EX-2026-000001")
		field, value, source := map[string]string{}, map[string]string{}, map[string]string{}
		for _, k := range r.Known {
			if k.Line == "" {
				continue
			}
			field[k.Value], source[k.Value] = k.Field, k.Source+", "+k.Since.String()
			value[k.Line] = k.Value
			if want := desktest.Base + "/portal/checks/wrong?field=usage.service&line=" + k.Line + "&invoice=EX-2026-000001"; k.Wrong != want {
				t.Errorf("line %s leads to %s, want %s", k.Line, k.Wrong, want)
			}
		}
		if len(value) != len(r.Invoice.Lines) || len(value) != 5 {
			t.Errorf("%d of %d lines are known: %v", len(value), len(r.Invoice.Lines), value)
		}
		for i, l := range r.Invoice.Lines {
			if want := l.Name + ", " + l.Description; value[l.ID] != want || field[want] != "Services used ("+l.ID+")" {
				t.Errorf("line %d: %q as %q, want %q", i+1, value[l.ID], field[want], want)
			}
		}
		for what, want := range map[string]string{
			"Shared hosting, Small":   "ordered by you, 2026-11-23",
			"Virtual server, 2 cores": "ordered by you, 2026-11-23",
			"Backup space, 500 GB":    "from the system before, 2025-11-23",
			"Backup space, 2 TB":      "ordered for you by a program, 2026-11-23",
			"Virtual server: Traffic, 1,250\u00a0GB − 1,000\u00a0GB": "counted, told last, 2026-11-26",
		} {
			if source[what] != want {
				t.Errorf("%s: %q, want %q", what, source[what], want)
			}
		}
		o.as(s)
		page := o.Get("/portal/invoices/EX-2026-000001")
		shows(t, page, http.StatusOK, "Services used (1)", "counted, told last, 26 November 2026")
		if !strings.Contains(page.Body, `/portal/checks/wrong?field=usage.service&amp;line=5&amp;invoice=EX-2026-000001`) {
			t.Error("nothing leads from a line to where it is reported")
		}

		ok(t, o.b.WriteAgain(t.Context(), again(s, town, "Right Town", "EX-2026-000001"), fine))
		credit, corrected := o.record("EX-2026-000002"), o.record("EX-2026-000003")
		if len(credit.Known) != len(r.Known) || len(corrected.Known) != len(r.Known) {
			t.Fatalf("%d facts on the invoice, %d on the credit note, %d on the corrected one", len(r.Known), len(credit.Known), len(corrected.Known))
		}
		for i, was := range r.Known {
			now, anew := credit.Known[i], corrected.Known[i]
			wrong, _, _ := strings.Cut(was.Wrong, "&invoice=")
			if was.Line != "" {
				wrong = ""
			}
			if now.Wrong != wrong {
				t.Errorf("%s leads from the credit note to %q, want %q", was.Field, now.Wrong, wrong)
			}
			if now.Wrong = was.Wrong; now != was {
				t.Errorf("the credit note says %+v, want %+v", now, was)
			}
			if want := strings.Replace(was.Wrong, "000001", "000003", 1); anew.Wrong != want || was.Line != "" && (anew.Value != was.Value || anew.Source != was.Source) {
				t.Errorf("the corrected invoice says %+v", anew)
			}
		}

		// By another plan it is still the same order.
		o.asStaff("billing", "support")
		desktest.Leads(t, o.Post(servicePath("o-"+string(s))+"/plan", "plan", "shared-large", "from", "2026-12"), servicePath("o-"+string(s)))
		o.after(december.AddDate(0, 1, 0))
		o.run("2026-12")
		if !slices.ContainsFunc(o.record("EX-2027-000001").Known, func(k invoice.Known) bool {
			return strings.HasPrefix(k.Value, "Shared hosting, Large") && k.Source == "ordered by you" && k.Since == invoice.DateOf(desktest.Start)
		}) {
			t.Errorf("%+v", o.record("EX-2027-000001").Known)
		}
	})
}

// TestHowManyInvoicesAreConcernedIsTold: the latest that can be written again at once, with
// the one that is named however old it is, and how many more there are.
func TestHowManyInvoicesAreConcernedIsTold(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := loot.NewSubject()
		begin := o.Clock.Now()
		number := func(n int) string { return fmt.Sprintf("EX-2026-%06d", n) }
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			for n := range mostAgain + 5 {
				at := begin.AddDate(0, n, 0)
				day := invoice.DateOf(at)
				if err := insertInvoice(ctx, tx, Issued{Number: number(n), Series: "EX", Sequence: int64(n), Subject: s, Kind: "380", At: at, Day: day, Due: day, Period: invoice.Period{From: day, To: day}, Currency: "EUR", File: number(n)}); err != nil {
					return err
				}
			}
			return nil
		})
		for _, c := range []struct {
			since time.Time
			named string
			n     int
			more  int
			last  string
		}{
			{begin, "", mostAgain, 5, number(5)},
			{begin.AddDate(0, 5, 0), "", mostAgain, 0, number(5)},
			{begin.AddDate(0, 4, 0), number(0), mostAgain, 2, number(0)},
			{begin.AddDate(0, 39, 0), number(0), 3, 0, number(0)},
		} {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				list, more, err := o.b.Concerned(ctx, tx, s, town, c.since, c.named)
				if len(list) != c.n || more != c.more || list[len(list)-1].Number != c.last || list[0].Number != number(mostAgain+4) {
					t.Errorf("since %v, %q named: %d and %d more, the last is %s; want %d, %d and %s", c.since, c.named, len(list), more, list[len(list)-1].Number, c.n, c.more, c.last)
				}
				return err
			})
		}
	})
}
