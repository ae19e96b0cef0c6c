package billing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/gate"
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

const november Month = "2026-11"

// meadow is what a customer gives who gets an invoice.
var meadow = map[loot.Field]string{
	companyName: "Example Meadow Ltd", street: "1 Sample Quay", town: "Exampleton", country: "IE", "contact.email": "jo@example.com", "contact.phone": "+353 1 555 0100",
}

// with returns answers of which some are others; an empty one is not given.
func with(given map[loot.Field]string, changes map[loot.Field]string) map[loot.Field]string {
	out := map[loot.Field]string{}
	for _, m := range []map[loot.Field]string{given, changes} {
		for f, v := range m {
			out[f] = v
			if v == "" {
				delete(out, f)
			}
		}
	}
	return out
}

// customer makes somebody who ordered shared hosting and gave some details.
func (o *office) customer(given map[loot.Field]string) loot.Subject {
	o.Helper()
	s := loot.NewSubject()
	o.order("o-"+string(s), s, "shared-hosting", "shared-small")
	o.Tx(func(ctx context.Context, tx *store.Tx) error {
		var parts []vault.Part
		for f, v := range given {
			d, _ := o.S.Field(f)
			purpose := forInvoice
			if _, ok := d.Needed[purpose]; !ok {
				purpose = "service"
			}
			p, err := o.Kit.Gate.Decide(ctx, tx, gate.Request{Action: loot.Collect, Actor: loot.Actor{Kind: loot.Desk, ID: "customers"}, Desk: "customers", Purpose: purpose, Subject: s, Collection: collection, Fields: []loot.Field{f}})
			if err != nil {
				return err
			}
			parts = append(parts, vault.Part{Permit: p, Given: map[loot.Field]string{f: v}})
		}
		return o.Kit.Vault.CreateOf(ctx, tx, "your order", parts...)
	})
	return s
}

// give corrects a detail, as its owner does.
func (o *office) give(s loot.Subject, f loot.Field, value string) {
	o.Helper()
	o.giveFrom(s, f, value, "you, in the portal")
}

// giveFrom corrects a detail, as from some source.
func (o *office) giveFrom(s loot.Subject, f loot.Field, value string, from vault.Source) {
	o.Helper()
	o.Tx(func(ctx context.Context, tx *store.Tx) error {
		p, err := o.Kit.Gate.Decide(ctx, tx, gate.Request{Action: loot.Collect, Actor: loot.Actor{Kind: loot.Person, ID: string(s)}, Desk: "customers", Purpose: forInvoice, Subject: s, Collection: collection, Fields: []loot.Field{f}})
		if err != nil {
			return err
		}
		return o.Kit.Vault.Add(ctx, tx, p, map[loot.Field]string{f: value}, from)
	})
}

// after moves the clock to some day.
func (o *office) after(at time.Time) { o.Clock.Advance(at.Sub(o.Clock.Now())) }

var december = time.Date(2026, 12, 2, 9, 0, 0, 0, time.UTC)

func (o *office) run(m Month) {
	o.Helper()
	_, err := o.b.startRun(o.Context(), m, loot.Actor{Kind: loot.Staff, ID: "member-one"}, false)
	ok(o, err)
	o.Drain()
}

func (o *office) issued(where string, args ...any) (out []Issued) {
	o.Helper()
	ok(o, o.b.DB.ReadTx(o.Context(), func(tx *store.Tx) (err error) {
		out, err = readInvoices(o.Context(), tx, where+` ORDER BY i.series, i.sequence`, args...)
		return err
	}))
	return out
}

func (o *office) as(s loot.Subject) { o.Actor = loot.Actor{Kind: loot.Person, ID: string(s)} }

func (o *office) asStaff(roles ...loot.Role) {
	o.Actor = loot.Actor{Kind: loot.Staff, ID: "member-one", Name: "Made-up One", Roles: roles}
}

func TestAMonthIsInvoicedOnceAndShown(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		one, two := o.customer(meadow), o.customer(with(meadow, map[loot.Field]string{companyName: "Other Ltd"}))
		o.asStaff("billing")
		shows(t, o.preview("2026-11"), http.StatusOK, "not begun", "Nothing is opened", "to be issued")
		if a := o.Post("/console/billing/run", "month", "2026-11"); a.Status != http.StatusConflict {
			t.Fatalf("a month that is not over: %d", a.Status)
		}
		o.after(december)
		shows(t, o.preview("2026-11"), http.StatusOK, "Invoices for November 2026", "€ 1.31", "Issue the invoices")
		for n := range 2 {
			desktest.Leads(t, o.Post("/console/billing/run", "month", "2026-11"), "/console/billing/run?month=2026-11")
			if polls := strings.Contains(o.Get("/console/billing/run?month=2026-11").Body, `hx-get="/console/billing/run?month=2026-11" hx-trigger="every 2s"`); polls != (n == 0) {
				t.Errorf("after it was begun %d times, the page looks by itself how far the run is: %t", n+1, polls)
			}
			o.Drain()
		}
		shows(t, o.preview("2026-11"), http.StatusOK, "done", "2 of 2 customers", "Issued 2 invoices, € 2.62 without tax", "issued")
		all := o.issued("")
		if len(all) != 2 || all[0].Number != "EX-2026-000001" || all[1].Number != "EX-2026-000002" {
			t.Fatalf("%+v", all)
		}
		// 8 of 30 days of 4.90, and 23 %.
		for _, i := range all {
			if i.Net != 131 || i.Tax != 30 || i.Total != 161 || i.Day.String() != "2026-12-02" || i.Due.String() != "2026-12-16" || i.Statement != o.S.Hash() {
				t.Errorf("%+v", i)
			}
		}
		mine := o.issued(`WHERE i.subject = $1`, one)[0]
		o.as(one)
		shows(t, o.Get("/portal/invoices"), http.StatusOK, mine.Number, "€ 1.61", "1–30 November 2026", "16 December 2026")
		page := o.Get("/portal/invoices/" + mine.Number)
		shows(t, page, http.StatusOK, mine.Number, "Example Meadow Ltd", "1 Sample Quay", "Shared hosting", "1.61", "your order")
		desktest.Lacks(t, page, "jo@example.com", "555 0100")
		if !strings.Contains(page.Body, desktest.Base+"/portal/checks/wrong?field=company.name&amp;invoice="+mine.Number) {
			t.Error("nothing leads from the invoice to where a mistake in it is put right")
		}
		for doc, begins := range map[string]string{"pdf": "%PDF-", "ubl": "<?xml", "cii": "<?xml"} {
			a := o.Get("/portal/invoices/" + mine.Number + "/" + doc)
			if a.Status != http.StatusOK || !strings.HasPrefix(a.Body, begins) {
				t.Errorf("%s: %d, %.40q", doc, a.Status, a.Body)
			}
		}
		shows(t, o.Get("/portal/invoices/"+mine.Number+"/doc"), http.StatusNotFound)
		o.as(two)
		for _, path := range []string{"", "/pdf"} {
			shows(t, o.Get("/portal/invoices/"+mine.Number+path), http.StatusNotFound)
		}
		o.asStaff("billing")
		shows(t, o.Get("/console/billing/invoices?number=EX-2026-000001"), http.StatusOK, "EX-2026-000001")
		desktest.Lacks(t, o.Get("/console/billing/invoices?number=EX-2026-000001"), "EX-2026-000002")
		shows(t, o.Get("/console/billing/invoices"), http.StatusOK, "Draw a month", "Reminders", "Rates")
		at := "/console/billing/invoices/" + mine.Number
		shows(t, o.Get(at), http.StatusOK, "€ 1.31", "€ 0.30", string(one))
		shows(t, o.Post(at+"/open", "document", "pdf", "reason", ""), http.StatusUnprocessableEntity)
		if a := o.Post(at+"/open", "document", "pdf", "reason", "Ticket 1"); a.Status != http.StatusOK || !strings.HasPrefix(a.Body, "%PDF-") {
			t.Errorf("%d: %s", a.Status, desktest.Text(a.Body))
		}
		o.Confirm()
		o.as(one)
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "Who opened the copies", "Billing")
		o.asStaff("support")
		shows(t, o.Get(at), http.StatusForbidden)
	})
}

func TestNothingIsIssuedWithoutWhatTheLawWantsOfTheSeller(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.b.Sell(Seller{})
		o.customer(meadow)
		o.after(december)
		o.asStaff("billing")
		shows(t, o.Get("/console/billing/invoices"), http.StatusOK, "No invoice can be issued yet.", "--seller-vat")
		shows(t, o.Post("/console/billing/run", "month", "2026-11"), http.StatusConflict, "--seller-vat")
	})
}

func TestAnIssuedInvoiceIsNeverChanged(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.customer(meadow)
		o.after(december)
		o.run(november)
		final := []string{`UPDATE billing_invoice SET total = 0`, `UPDATE billing_invoice SET number = 'X'`, `DELETE FROM billing_invoice`, `DELETE FROM billing_invoice WHERE total > 0`, `UPDATE vault_chunk SET sealed = sealed`}
		kept := []string{`DELETE FROM vault_chunk`, `DELETE FROM vault_file`}
		if o.b.DB.Dialect() == store.SQLite {
			final = append(final, `INSERT OR REPLACE INTO billing_invoice SELECT * FROM billing_invoice`)
			kept = append(kept, `INSERT OR REPLACE INTO vault_chunk SELECT * FROM vault_chunk`)
		} else {
			kept = append(kept, `TRUNCATE vault_chunk`)
		}
		for why, statements := range map[string][]string{"final": final, "kept": kept} {
			for _, q := range statements {
				err := o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
					_, err := tx.Exec(t.Context(), q)
					return err
				})
				if err == nil || !strings.Contains(err.Error(), why) {
					t.Errorf("%s: %v", q, err)
				}
			}
		}
		if all := o.issued(""); len(all) != 1 || all[0].Total != 161 {
			t.Errorf("%+v", all)
		}
	})
}

// TestBoxesOnAnInvoiceAreTold: to whoever runs Loot, by its number alone.
func TestBoxesOnAnInvoiceAreTold(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		var log bytes.Buffer
		o.b.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.customer(meadow)
		o.customer(with(meadow, map[loot.Field]string{companyName: "株式会社"}))
		o.after(december)
		o.run(november)
		all := o.issued("")
		if said := log.String(); strings.Count(said, "--invoice-font") != 1 || strings.Contains(said, "株") || len(all) != 2 {
			t.Errorf("of %d invoices: %s", len(all), said)
		}
	})
}

func TestNumbersHaveNoGapsWhoeverTakesThem(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		const each = 4
		var list [4][]loot.Subject
		for i := range list {
			for range each {
				list[i] = append(list[i], o.customer(meadow))
			}
		}
		o.after(december)
		var group sync.WaitGroup
		for i := range list { // as in processes of their own, that do not wait for one another
			b := &Billing{Kit: o.b.Kit, order: o.b.order, seller: o.b.seller, printer: o.b.printer}
			group.Go(func() {
				for n := range each {
					if err := b.drawAll(o.Context(), november, list[i][n:n+1]); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		all := o.issued("")
		if len(all) != len(list)*each {
			t.Fatalf("%d invoices of %d", len(all), len(list)*each)
		}
		for n, i := range all {
			if i.Sequence != int64(n+1) || i.Number != fmt.Sprintf("EX-2026-%06d", n+1) {
				t.Errorf("the %d. is %s", n+1, i.Number)
			}
		}
	})
}

func TestARunThatIsKilledWritesNothingTwiceAndLosesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		subjects := map[loot.Subject]bool{}
		for range 7 {
			subjects[o.customer(meadow)] = true
		}
		o.after(december)
		const points = 20
		killed := 0
		for point := range points {
			ctx, kill := context.WithCancel(o.Context())
			var steps atomic.Int64
			o.b.at = func(string) {
				if steps.Add(1) == int64(point+1) {
					kill()
				}
			}
			// What was issued so far is left as it is: each kill meets another state.
			err := o.b.runPages(ctx, pageArgs{Month: november})
			kill()
			if errors.Is(err, context.Canceled) {
				killed++
			}
			all := o.issued("")
			for n, i := range all {
				if i.Sequence != int64(n+1) {
					t.Fatalf("killed at %d: the %d. has the number %s", point+1, n+1, i.Number)
				}
			}
		}
		o.b.at = nil
		ok(t, o.b.runPages(o.Context(), pageArgs{Month: november}))
		all := o.issued("")
		for _, i := range all {
			if !subjects[i.Subject] {
				t.Errorf("%s is nobody's, or the second of somebody", i.Number)
			}
			delete(subjects, i.Subject)
		}
		if len(subjects) > 0 || killed < 15 {
			t.Errorf("%d have no invoice; killed %d times", len(subjects), killed)
		}
	})
}

// A job that is killed in its second page goes on from there, and the run is over with
// everybody seen once.
func TestARunGoesOnFromThePageThatItWasKilledIn(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		const members = 2*pageOf + 5
		for range members {
			o.customer(meadow)
		}
		o.after(december)
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO billing_run (month, started, author, members, seen, last, done) VALUES ($1, 1, '', $2, 0, '', 0)`, string(november), members)
			return err
		})
		ctx, kill := context.WithCancel(o.Context())
		drawn := 0
		o.b.at = func(step string) {
			if step == "drawn" {
				drawn++
			}
			if drawn == pageOf+3 {
				kill()
			}
		}
		if err := o.b.runPages(ctx, pageArgs{Month: november}); !errors.Is(err, context.Canceled) {
			t.Fatalf("killed: %v", err)
		}
		o.b.at = nil
		seen := func() (r run) {
			o.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
				r, _, err = findRun(ctx, tx, november)
				return err
			})
			return r
		}
		if r := seen(); r.Seen != pageOf || !r.Done.IsZero() {
			t.Errorf("killed in the second page: %+v", r)
		}
		ok(t, o.b.runPages(o.Context(), pageArgs{Month: november}))
		if r := seen(); r.Seen != members || r.Done.IsZero() {
			t.Errorf("done again: %+v", r)
		}
		if n := len(o.issued("")); n != members {
			t.Errorf("%d invoices of %d", n, members)
		}
	})
}

// A job of a run draws as many pages as it may, and another goes on from there.
func TestARunIsHandedFromJobToJob(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		const members = 2*pageOf + 5
		for range members {
			o.customer(meadow)
		}
		o.b.pages = 2
		o.after(december)
		o.asStaff("billing")
		desktest.Leads(t, o.Post("/console/billing/run", "month", "2026-11"), "/console/billing/run?month=2026-11")
		o.Drain()
		jobs, err := o.Kit.Jobs.Counts(t.Context())
		ok(t, err)
		if n := jobs[pageArgs{}.Kind()]; n.Finished != 2 || n.Failed != 0 {
			t.Errorf("%+v, want one job for the first two pages, and one for the last", n)
		}
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			r, _, err := findRun(ctx, tx, november)
			if r.Seen != members || r.Done.IsZero() {
				t.Errorf("%+v, want all %d seen", r, members)
			}
			return err
		})
		if n := len(o.issued("")); n != members {
			t.Errorf("%d invoices of %d", n, members)
		}
	})
}

func TestAnInvoiceWaitsForWhatIsMissingAndThenGoesOut(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(with(meadow, map[loot.Field]string{town: ""}))
		o.as(s)
		desktest.Leads(t, o.Post("/portal/invoices/language", "language", "fr"), "/portal/invoices")
		o.after(december)
		o.asStaff("billing")
		shows(t, o.preview("2026-11"), http.StatusOK, "waits", "Missing: Town or city.")
		before := o.Mail.Count()
		o.run(november)
		ok(t, o.b.hourly(t.Context(), hourlyArgs{}))
		ok(t, o.b.drawAll(t.Context(), november, []loot.Subject{s})) // tried again, it is still missing
		o.Drain()
		if all := o.issued(""); len(all) != 0 {
			t.Fatalf("%+v", all)
		}
		if o.Mail.Count() != before+1 {
			t.Fatalf("%d letters", o.Mail.Count()-before)
		}
		o.says("jo@example.com", "fr", "Votre facture pour la période 1er–30 novembre 2026 attend une donnée", "Il manque : Town or city.", "dans votre espace client", "Voir ce qui manque")
		o.as(s)
		a := o.Get("/portal/invoices")
		shows(t, a, http.StatusOK, "November 2026 waits", "Town or city")
		if !strings.Contains(a.Body, `href="/portal/correct/address.city"`) {
			t.Error("nothing leads to where it can be given")
		}
		o.give(s, town, "Exampleton")
		ok(t, o.b.hourly(t.Context(), hourlyArgs{}))
		o.Drain()
		if all := o.issued(""); len(all) != 1 || all[0].Subject != s {
			t.Fatalf("%+v", all)
		}
		desktest.Lacks(t, o.Get("/portal/invoices"), "waits")
	})
}

// TestReverseChargeWaitsWhileTheNumberHasAFault, and for nothing else that a check says or
// does not say yet: its customer and colleagues are told, once for each reason.
func TestReverseChargeWaitsWhileTheNumberHasAFault(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		german := with(meadow, map[loot.Field]string{country: "DE", postcode: "10115", companyVAT: "DE136695976", "contact.email": "de@example.com"})
		faults := map[loot.Subject]bool{}
		o.b.Faulty(func(_ context.Context, _ *store.Tx, s loot.Subject, f loot.Field) (bool, error) {
			return f == companyVAT && faults[s], nil
		})
		unanswered := o.customer(german)
		o.b.seller.Language = "nl" // of who has chosen none
		home := o.customer(with(meadow, map[loot.Field]string{companyVAT: "IE1234567T"}))
		outside := o.customer(with(german, map[loot.Field]string{country: "CH"}))
		right, moves, left := o.customer(with(german, map[loot.Field]string{town: ""})), o.customer(german), o.customer(german)
		for _, s := range []loot.Subject{home, outside, right, moves, left} {
			faults[s] = true
		}
		o.after(december)
		o.asStaff("billing")
		page := o.preview("2026-11")
		shows(t, page, http.StatusOK, "It waits if the customer would owe the tax by “VAT number”, which was found not to be valid.")
		if n := strings.Count(page.Body, "It waits if"); n != 4 { // of whom a detail is missing, that is said
			t.Errorf("%d are said to wait", n)
		}
		o.run(november)
		issued := func(want ...loot.Subject) {
			t.Helper()
			all := o.issued("")
			for _, i := range all {
				if !slices.Contains(want, i.Subject) {
					t.Errorf("%s was issued", i.Number)
				}
			}
			if len(all) != len(want) {
				t.Errorf("%d invoices, want %d", len(all), len(want))
			}
		}
		hour := func() (drawn int) {
			t.Helper()
			o.Clock.Advance(time.Hour)
			o.b.at = func(step string) {
				if step == "drawn" {
					drawn++
				}
			}
			o.hour()
			o.b.at = nil
			return drawn
		}
		issued(unanswered, home, outside)
		o.as(right)
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "November 2026 waits", "you have not given us", "Town or city")
		o.give(right, town, "Exampleton")
		if n := hour(); n != 1 {
			t.Errorf("drawn %d times, and not once for the one who gave a detail", n)
		}
		if n := hour(); n != 0 { // nobody gave or decided anything
			t.Errorf("drawn %d times, while nothing has changed", n)
		}
		issued(unanswered, home, outside)
		a := o.Get("/portal/invoices")
		shows(t, a, http.StatusOK, "November 2026 waits", "“VAT number” was found not to be", "A colleague of ours looks at it")
		desktest.Lacks(t, a, "you have not given us")
		if !strings.Contains(a.Body, `href="/portal/correct/company.vat"`) {
			t.Error("nothing leads to where it is put right")
		}
		o.asStaff("billing")
		a = o.preview("2026-11")
		shows(t, a, http.StatusOK, "By “VAT number” the customer would owe the tax, and it was found not to be valid.", "The customer was told on 2 December.")
		if strings.Contains(a.Body, "badge bad") {
			t.Error("what its customer puts right is shown as the company's to mend")
		}
		told := slices.DeleteFunc(o.lettersTo("de@example.com"), func(subject string) bool { return !strings.Contains(subject, "wacht op een gegeven") })
		if m, _ := o.Mail.Last("de@example.com"); len(told) != 4 || !strings.Contains(m.Text, "‘VAT number’ bleek dat niet") || strings.Contains(m.Text, "DE136695976") {
			t.Errorf("%d letters say that an invoice waits, want one for each reason: %s", len(told), m.Text)
		}
		faults[right] = false // a colleague decides so
		o.give(moves, country, "IE")
		o.give(left, companyVAT, "") // with which its fault goes
		faults[left] = false
		if n := hour(); n != 3 {
			t.Errorf("drawn %d times", n)
		}
		issued(unanswered, home, outside, right, moves, left)
		for s, want := range map[loot.Subject]struct {
			c   invoice.Category
			vat string
		}{unanswered: {invoice.ReverseCharge, "DE136695976"}, right: {invoice.ReverseCharge, "DE136695976"}, home: {invoice.Standard, "IE1234567T"}, moves: {invoice.Standard, ""}, left: {invoice.Standard, ""}, outside: {invoice.OutOfScope, ""}} {
			inv := o.record(o.issued(`WHERE i.subject = $1`, s)[0].Number).Invoice
			if inv.Lines[0].Tax.Category != want.c || inv.Buyer.VAT != want.vat {
				t.Errorf("%+v of %q, want %+v", inv.Lines[0].Tax, inv.Buyer.VAT, want)
			}
		}
		o.as(right)
		desktest.Lacks(t, o.Get("/portal/invoices"), "waits")
	})
}

// TestAFaultHoldsNothingUpWhereTheTaxIsAnother: what waited for a number by which the customer
// owed the tax goes out with tax once the seller is at home where its customer is.
func TestAFaultHoldsNothingUpWhereTheTaxIsAnother(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.b.Faulty(func(context.Context, *store.Tx, loot.Subject, loot.Field) (bool, error) { return true, nil })
		o.customer(with(meadow, map[loot.Field]string{country: "DE", postcode: "10115", companyVAT: "DE136695976"}))
		o.after(december)
		o.run(november)
		o.Clock.Advance(time.Hour)
		o.hour()
		if all := o.issued(""); len(all) != 0 {
			t.Fatalf("%+v", all)
		}
		moved := MadeUpSeller
		moved.Address, moved.VAT = "1 Musterstraße, 10115 Berlin, Germany", "DE136695976"
		o.b.Sell(moved)
		o.Clock.Advance(time.Hour)
		o.hour()
		if all := o.issued(""); len(all) != 1 || o.record(all[0].Number).Invoice.Lines[0].Tax.Category != invoice.Standard {
			t.Errorf("%+v, want one with tax", all)
		}
	})
}

// meanwhile does something once while the first letter goes out.
type meanwhile struct {
	mail.Sender
	do func()
}

func (m *meanwhile) Send(ctx context.Context, one mail.Message) error {
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return m.Sender.Send(ctx, one)
}

// TestAFaultThatIsFoundMeanwhileIsTold by a letter of its own, which no mail program takes
// for the one that just goes out.
func TestAFaultThatIsFoundMeanwhileIsTold(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		wait := func(p pending) {
			p.Subject, p.Month, p.Since = s, november, o.Clock.Now()
			o.Tx(func(ctx context.Context, tx *store.Tx) error { return putPending(ctx, tx, p) })
		}
		o.b.Mail = &meanwhile{o.Mail, func() { wait(pending{Finding: finding{Text: "It is not valid.", Fault: companyVAT}}) }}
		wait(pending{Missing: []loot.Field{town}})
		for range 3 {
			ok(t, o.b.tell(t.Context(), tellArgs{s, november}))
		}
		sent := o.Mail.Sent()
		if len(sent) != 2 || !strings.Contains(sent[0].HTML, "Town or city") || !strings.Contains(sent[1].HTML, "VAT number") || sent[0].ID == sent[1].ID {
			t.Errorf("%+v", sent)
		}
	})
}

// Nobody is told of what is the company's to mend, and the page of the month says so of
// nobody, be it that they were told of something else before.
func TestWhatIsTheCompanysToMendIsToldNobody(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		for _, p := range []pending{
			{Month: november, Missing: []loot.Field{town}},
			{Month: november, Finding: finding{Text: "It has no plan."}},
			{Month: november.after(), Finding: finding{Text: "It has no plan."}},
		} {
			p.Subject, p.Since = s, o.Clock.Now()
			o.Tx(func(ctx context.Context, tx *store.Tx) error { return putPending(ctx, tx, p) })
			ok(t, o.b.tell(t.Context(), tellArgs{s, p.Month}))
		}
		if sent := o.Mail.Sent(); len(sent) != 1 || !strings.Contains(sent[0].HTML, "Town or city") {
			t.Errorf("%+v", sent)
		}
		o.asStaff("billing")
		page := o.preview("2026-11")
		shows(t, page, http.StatusOK, "It has no plan.")
		desktest.Lacks(t, page, "The customer was told")
	})
}

// contents returns every document of an invoice as its owner gets them.
func (o *office) contents(number string) (out []byte) {
	o.Helper()
	for _, doc := range []string{"pdf", "ubl", "cii"} {
		a := o.Get("/portal/invoices/" + number + "/" + doc)
		if a.Status != http.StatusOK {
			o.Fatalf("%s: %d: %s", doc, a.Status, desktest.Text(a.Body))
		}
		out = append(out, a.Body...)
	}
	return out
}

func TestDocumentsAreTheSameYearsLaterAndGoWhenTheLawSays(t *testing.T) {
	font, err := invoice.ParseFont(1, desktest.Font(t, desktest.DejaVu))
	ok(t, err)
	onEach(t, func(t *testing.T, o *office) {
		ctx := t.Context()
		o.b.DrawWith(func() ([]*invoice.Font, error) { return []*invoice.Font{font}, nil })
		s := o.customer(with(meadow, map[loot.Field]string{companyName: "מרעה לדוגמה"}))
		o.after(december)
		o.run(november)
		i := o.issued("")[0]
		o.as(s)
		first := o.contents(i.Number)
		if !bytes.Contains(first, []byte("+Additional-1 ")) {
			t.Error("the name of the customer is not drawn with the font that was given")
		}
		o.give(s, companyName, "Renamed Ltd")
		ok(t, o.b.DB.InTx(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE billing_plan SET cents = 9900, title = 'Other'`)
			return err
		}))
		o.b.Sell(Seller{Name: "Other Ltd", VAT: "DE136695976", Series: "ZZ"})
		o.b.DrawWith(func() ([]*invoice.Font, error) { return nil, nil })
		o.Clock.Advance(5 * 366 * 24 * time.Hour)
		if !bytes.Equal(first, o.contents(i.Number)) {
			t.Error("years later the documents are others")
		}

		// The customer goes; the copy stays.
		ok(t, o.b.DB.InTx(ctx, func(tx *store.Tx) error { return o.b.EndAll(ctx, tx, o.Actor, s) }))
		o.Clock.Advance(60 * 24 * time.Hour)
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			var fields []loot.Field
			for _, d := range o.S.Fields(collection) {
				fields = append(fields, d.ID)
			}
			p, err := o.Kit.Gate.Decide(ctx, tx, gate.Request{Action: loot.Erase, Actor: o.Actor, Desk: "customers", Purpose: "access", Subject: s, Collection: collection, Fields: fields})
			if err != nil {
				return err
			}
			if err := o.Kit.Vault.Erase(ctx, tx, p); err != nil {
				return err
			}
			if err := o.b.forget(ctx, tx, s); err != nil {
				return err
			}
			return o.Kit.Gate.Forget(ctx, tx, s)
		})
		o.Drain()
		ok(t, o.b.sweep(ctx, sweepArgs{}))
		ok(t, o.Kit.Vault.Sweep(ctx))
		open := func() (int, string) {
			o.asStaff("billing")
			a := o.Post("/console/billing/invoices/"+i.Number+"/open", "document", "pdf", "reason", "An audit")
			return a.Status, a.Body
		}
		if status, body := open(); status != http.StatusOK || !bytes.HasPrefix(first, []byte(body)) {
			t.Fatalf("after the customer's erasure: %d %s", status, desktest.Text(body))
		}
		for _, one := range []struct {
			at   time.Time
			want int
		}{{i.At.AddDate(6, 0, 0).Add(-time.Hour), http.StatusOK}, {i.At.AddDate(6, 0, 0).Add(time.Hour), http.StatusNotFound}} {
			o.after(one.at)
			ok(t, o.b.sweep(ctx, sweepArgs{}))
			o.Drain()
			if status, _ := open(); status != one.want {
				t.Errorf("at %v: %d, want %d", one.at, status, one.want)
			}
		}
		if _, err := o.Kit.Keyring.Person(ctx, s, invoices); err == nil {
			t.Error("the key to the copy is still there")
		}
		if lines, err := o.b.Lines(ctx, loot.Actor{Kind: loot.Person, ID: string(s)}, i.Number); err != nil || lines != nil {
			t.Errorf("of what is removed: %+v, %v", lines, err)
		}
	})
}

// The month that has passed is issued by the hourly job, where the seller has set
// that, as soon as it is over where the seller is, and once.
func TestAMonthIsIssuedByItself(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		seller := MadeUpSeller
		seller.Zone = "Europe/Berlin" // an hour before UTC
		s := o.customer(meadow)
		for _, one := range []struct {
			at   time.Time
			auto bool
			want int
		}{
			{time.Date(2026, 11, 30, 22, 59, 0, 0, time.UTC), true, 0},
			{time.Date(2026, 11, 30, 23, 1, 0, 0, time.UTC), false, 0},
			{time.Date(2026, 11, 30, 23, 2, 0, 0, time.UTC), true, 1},
			{time.Date(2026, 11, 30, 23, 3, 0, 0, time.UTC), true, 1},
			{time.Date(2026, 12, 31, 23, 1, 0, 0, time.UTC), true, 2},
		} {
			o.after(one.at)
			seller.Auto = one.auto
			o.b.Sell(seller)
			o.hour()
			if all := o.issued(`WHERE i.subject = $1`, s); len(all) != one.want {
				t.Errorf("at %v there are %d invoices, want %d", one.at, len(all), one.want)
			}
		}
		o.asStaff("billing")
		shows(t, o.preview("2026-11"), http.StatusOK, "done", "by itself")
		// Without what the law wants of the seller nothing is issued, and all else goes on.
		o.b.Sell(Seller{Auto: true})
		o.after(time.Date(2027, 2, 1, 9, 0, 0, 0, time.UTC))
		o.hour()
		if all := o.issued(""); len(all) != 2 {
			t.Errorf("%d invoices", len(all))
		}
	})
}

// A state or province stands on the invoice where the forms of invoices have it, and where
// people look for it; another one is put right by a new invoice, and stays where something
// else is.
func TestAStateStandsOnTheInvoice(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(with(meadow, map[loot.Field]string{postcode: "00042", town: "Sampleville", region: "VT", country: "US"}))
		irish := o.customer(with(meadow, map[loot.Field]string{region: "Co. Example"}))
		o.after(december)
		o.run(november)
		mine := o.issued(`WHERE i.subject = $1`, s)
		if len(mine) != 1 {
			t.Fatalf("%d invoices", len(mine))
		}
		says := func(s loot.Subject, number, line, ubl, cii string) {
			t.Helper()
			o.as(s)
			page := o.Get("/portal/invoices/" + number)
			shows(t, page, http.StatusOK, line, "State or province")
			if !strings.Contains(page.Body, "/portal/checks/wrong?field=address.region&amp;invoice="+number) {
				t.Error("nothing leads to where a mistake in it is put right")
			}
			for doc, want := range map[string]string{"ubl": ubl, "cii": cii} {
				if a := o.Get("/portal/invoices/" + number + "/" + doc); !strings.Contains(strings.Join(strings.Fields(a.Body), ""), want) {
					t.Errorf("%s lacks %s", doc, want)
				}
			}
		}
		says(s, mine[0].Number, "Sampleville, VT 00042 United States", "<cbc:CityName>Sampleville</cbc:CityName><cbc:PostalZone>00042</cbc:PostalZone><cbc:CountrySubentity>VT</cbc:CountrySubentity><cac:Country>",
			"<ram:CityName>Sampleville</ram:CityName><ram:CountryID>US</ram:CountryID><ram:CountrySubDivisionName>VT</ram:CountrySubDivisionName></ram:PostalTradeAddress>")
		says(irish, o.issued(`WHERE i.subject = $1`, irish)[0].Number, "Exampleton Co. Example, Ireland", "<cbc:CountrySubentity>Co.Example</cbc:CountrySubentity>", "<ram:CountrySubDivisionName>Co.Example<")
		ok(t, o.b.WriteAgain(t.Context(), again(s, town, "Sampleton", mine[0].Number), fine))
		second := o.issued(`WHERE i.preceding = $1 AND i.kind = '384'`, mine[0].Number)[0]
		says(s, second.Number, "Sampleton, VT 00042", "<cbc:CountrySubentity>VT<", "<ram:CountrySubDivisionName>VT<")
		ok(t, o.b.WriteAgain(t.Context(), again(s, region, "ME", second.Number), fine))
		says(s, o.issued(`WHERE i.preceding = $1 AND i.kind = '384'`, second.Number)[0].Number, "ME 00042", "<cbc:CountrySubentity>ME<", "<ram:CountrySubDivisionName>ME<")
	})
}

// Under a statement that does not ask for a state, invoices are issued without one.
func TestAnInvoiceUnderAStatementWithoutStates(t *testing.T) {
	t.Parallel()
	src := string(statement.Default())
	from, to := strings.Index(src, "  address.region:\n"), strings.Index(src, "  address.country:\n")
	by := desktest.Parse(t, []byte(src[:from]+src[to:]))
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		o := newOfficeBy(t, db, by)
		s := o.customer(with(meadow, map[loot.Field]string{country: "US"}))
		o.after(december)
		o.run(november)
		o.as(s)
		page := o.Get("/portal/invoices/" + o.issued("")[0].Number)
		shows(t, page, http.StatusOK, "Exampleton United States")
		desktest.Lacks(t, page, "State or province")
	})
}
