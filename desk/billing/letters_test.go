package billing

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/store"
)

// lettersTo returns the subjects of the letters to a customer about invoices.
func (o *office) lettersTo(address string) (out []string) {
	for _, m := range o.Mail.Sent() {
		if m.To == address {
			out = append(out, m.Subject)
		}
	}
	return out
}

func (o *office) hour() {
	o.Helper()
	ok(o, o.b.hourly(o.Context(), hourlyArgs{}))
	o.Drain()
}

func TestWhoGetsAnInvoiceIsToldOnce(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		i := o.billedFor(1)[0]
		for range 2 {
			ok(t, o.b.letter(t.Context(), letterArgs{Number: i.Number}))
		}
		o.hour()
		got := o.lettersTo("jo@example.com")
		if len(got) != 1 || got[0] != "Your invoice EX-2026-000001" {
			t.Fatalf("%q", got)
		}
		m, _ := o.Mail.Last("jo@example.com")
		for _, want := range []string{"€ 1.61", "16 December 2026", desktest.Base + "/portal/invoices/EX-2026-000001"} {
			if text := strings.ReplaceAll(m.Text, "\u00a0", " "); !strings.Contains(text, want) {
				t.Errorf("the letter lacks %q: %s", want, text)
			}
		}
		for _, lacks := range []string{"Example Meadow", "jo@example.com", string(i.Subject)} {
			if strings.Contains(m.Text, lacks) {
				t.Errorf("the letter says %q", lacks)
			}
		}
		if m.About != i.Subject {
			t.Error("the letter is about nobody, so that it outlives whoever it is to")
		}
	})
}

func TestWhoHasNotPaidIsRemindedOnceForEachLevel(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedFor(2)
		disputes := map[string]bool{all[1].Number: true}
		o.b.Disputed(func(_ context.Context, _ *store.Tx, s loot.Subject, number string) (bool, error) {
			if !slices.ContainsFunc(all, func(i Issued) bool { return i.Number == number && i.Subject == s }) {
				t.Errorf("%s is asked of about invoice %s, which is another's", s, number)
			}
			return disputes[number], nil
		})
		o.asStaff("billing")
		shows(t, o.Get(remindersPath), http.StatusOK, "Nobody is reminded")
		for _, bad := range [][]string{{"days", "0", "text", "x"}, {"days", "x", "text", "x"}, {"days", "7", "text", ""}} {
			shows(t, o.Post(remindersPath, bad...), http.StatusUnprocessableEntity)
		}
		desktest.Leads(t, o.Post(remindersPath, "days", "21", "text", "The second one."), remindersPath)
		desktest.Leads(t, o.Post(remindersPath, "days", "7", "text", "Perhaps it was forgotten.\n\nSo we write."), remindersPath)
		shows(t, o.Get(remindersPath), http.StatusOK, "Reminder 1, after 7 days", "Reminder 2, after 21 days")
		count := func() int { return len(o.lettersTo("jo@example.com")) - 2 } // two said that there is an invoice
		for _, one := range []struct {
			on   string
			want int
		}{{"2026-12-22", 0}, {"2026-12-23", 1}, {"2026-12-24", 1}, {"2027-01-05", 1}, {"2027-01-06", 2}, {"2027-03-01", 2}} {
			day, err := time.Parse(time.DateOnly, one.on)
			ok(t, err)
			o.after(day.Add(12 * time.Hour))
			for range 2 {
				o.hour()
			}
			if got := count(); got != one.want {
				t.Errorf("on %s there were %d reminders, want %d", one.on, got, one.want)
			}
		}
		m, _ := o.Mail.Last("jo@example.com")
		if m.Subject != "Invoice EX-2026-000001 is still to be paid" || !strings.Contains(m.Text, "The second one.") || !strings.Contains(m.Text, "/portal/invoices/EX-2026-000001") {
			t.Errorf("%s: %s", m.Subject, m.Text)
		}
		shows(t, o.Get("/console/billing/invoices/"+all[0].Number), http.StatusOK, "Reminder 1", "Reminder 2", "23 December 2026")

		// What was disputed is reminded of when that is answered, unless it is paid.
		delete(disputes, all[1].Number)
		o.hour()
		if got := count(); got != 3 {
			t.Errorf("%d reminders after the answer, want 3", got)
		}
		o.after(o.Clock.Now().AddDate(0, 0, 14))
		o.asStaff("billing")
		desktest.Leads(t, o.Post("/console/billing/invoices/"+all[1].Number+"/payments", "sent", "a", "amount", "1.61", "day", "2027-03-10"), "/console/billing/invoices/"+all[1].Number)
		o.hour()
		if got := count(); got != 3 {
			t.Errorf("%d reminders though it was paid, want 3", got)
		}
		desktest.Leads(t, o.Post(remindersPath+"/7/remove"), remindersPath)
		desktest.Lacks(t, o.Get(remindersPath), "after 7 days")
	})
}

// TestNobodyIsRemindedWhoseMoneyIsHere: not while a payment of theirs waits for a colleague,
// nor while as much as is open is in credit.
func TestNobodyIsRemindedWhoseMoneyIsHere(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedFor(2)
		o.asStaff("billing")
		desktest.Leads(t, o.Post(remindersPath, "days", "7", "text", "Perhaps it was forgotten."), remindersPath)
		reminders := func(want int, when string) {
			t.Helper()
			o.hour()
			if got := len(o.lettersTo("jo@example.com")) - 2; got != want {
				t.Errorf("%d reminders %s, want %d", got, when, want)
			}
		}
		// One pays in another currency, so that somebody has to decide; the other owes nothing in sum.
		o.uploads(madeUpEntry{Amount: "1.00", Currency: "USD", Text: all[0].Number})
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := insertPayment(ctx, tx, payment{ID: "y-ahead", Mark: "ahead", Author: "t-bill", Subject: all[1].Subject, Day: o.b.today(), Amount: 161, Currency: "EUR", At: o.b.Now(), Decided: o.b.Now()}, nil)
			return err
		})
		o.after(time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC))
		reminders(0, "while the money of both is here")

		waits := o.paid(`WHERE p.decided = 0`)
		desktest.Leads(t, o.Post(paymentsPath+"/"+waits[0].ID+"/dismiss"), paymentsPath+"/"+waits[0].ID)
		reminders(1, "once it is decided that it was somebody else's")
		desktest.Leads(t, o.Post(paymentsPath+"/y-ahead/back"), paymentsPath+"/y-ahead")
		reminders(2, "once what was in credit went back")
	})
}

// TestAReminderNamesWhatIsLeft of an invoice that is paid in part.
func TestAReminderNamesWhatIsLeft(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		i := o.billedFor(1)[0]
		o.asStaff("billing")
		desktest.Leads(t, o.Post(remindersPath, "days", "7", "text", "Perhaps it was forgotten."), remindersPath)
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		o.uploads(madeUpEntry{Amount: "1.00", Text: "Invoice " + i.Number})
		o.stands(i.Number, "partly paid")
		o.after(time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC))
		o.hour()
		o.says("jo@example.com", "en", "Invoice EX-2026-000001 is still to be paid", "€ 1.61", "€ 0.61")
		o.asStaff("billing")
		o.uploads(madeUpEntry{Amount: "0.61", Text: "the rest of " + i.Number, Nth: 1})
		o.stands(i.Number, "paid")
	})
}

// billedIn makes customers who chose a language each, with an invoice of 1.61 for
// November. Each one's address begins with the language.
func (o *office) billedIn(languages ...string) (out []Issued) {
	o.Helper()
	var people []loot.Subject
	for _, language := range languages {
		s := o.customer(with(meadow, map[loot.Field]string{"contact.email": language + "@example.com"}))
		o.as(s)
		desktest.Leads(o, o.Post("/portal/invoices/language", "language", language), "/portal/invoices")
		people = append(people, s)
	}
	o.after(december)
	o.run(november)
	for _, s := range people {
		out = append(out, o.issued(`WHERE i.subject = $1`, s)[0])
	}
	return out
}

// says checks what the last letter to an address says.
func (o *office) says(address, language, subject string, wants ...string) {
	o.Helper()
	m, _ := o.Mail.Last(address)
	if strings.ReplaceAll(m.Subject, "\u00a0", " ") != subject || !strings.Contains(m.HTML, `<html lang="`+language+`">`) {
		o.Errorf("%q to %s is not %q in %s", m.Subject, address, subject, language)
	}
	text := strings.Join(strings.Fields(strings.ReplaceAll(m.Text, "\u00a0", " ")), " ")
	for _, want := range wants {
		if !strings.Contains(text, want) {
			o.Errorf("the letter to %s lacks %q: %s", address, want, text)
		}
	}
}

func TestLettersSpeakTheLanguageOfTheInvoice(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		const german, french = "de@example.com", "fr@example.com"
		all := o.billedIn("de", "fr")
		de, fr := all[0], all[1]
		o.says(german, "de", "Ihre Rechnung "+de.Number, "Guten Tag, Ihre Rechnung für den Zeitraum 1.–30. November 2026 liegt", "Gesamtbetrag 1,61 €", "Zu zahlen bis 16. Dezember 2026",
			"Rechnung ansehen: "+desktest.Base+"/portal/invoices/"+de.Number, "Sie erhalten diese Nachricht einmal")
		o.says(french, "fr", "Votre facture "+fr.Number, "Bonjour, Votre facture pour la période 1er–30 novembre 2026", "Montant total 1,61 €")

		// Whoever chooses another language now has the invoices as they are, and the letters about them.
		o.as(de.Subject)
		desktest.Leads(t, o.Post("/portal/invoices/language", "language", "nl"), "/portal/invoices")

		o.asStaff("billing")
		shows(t, o.Get(remindersPath), http.StatusOK, "All other languages", "Deutsch", "Nederlands")
		for _, bad := range [][]string{{"days", "7", "language", "tlh", "text", "x"}, {"days", "7", "language", "de", "text", "Zu früh."}} {
			shows(t, o.Post(remindersPath, bad...), http.StatusUnprocessableEntity)
		}
		shows(t, o.Post(remindersPath, "days", "7", "language", "de", "text", "Zu früh."), http.StatusUnprocessableEntity, "There is no reminder after 7 days yet. Add it for “All other languages” first", "Zu früh.")
		desktest.Lacks(t, o.Get(remindersPath), "Zu früh.")
		for _, one := range [][]string{{"7", "", "Perhaps forgotten."}, {"7", "de", "Ein erster Versuch."}, {"7", "de", "Vielleicht vergessen."}, {"7", "es", "Quizá lo olvidó."}, {"21", "", "The second one."}, {"21", "fr", "La deuxième."}} {
			desktest.Leads(t, o.Post(remindersPath, "days", one[0], "language", one[1], "text", one[2]), remindersPath)
		}
		page := o.Get(remindersPath)
		shows(t, page, http.StatusOK, "Reminder 1, after 7 days", "Deutsch Vielleicht vergessen.", "Español Quizá lo olvidó.", "All other languages Perhaps forgotten.", "Reminder 2, after 21 days")
		desktest.Lacks(t, page, "Ein erster Versuch.")

		o.after(time.Date(2026, 12, 23, 12, 0, 0, 0, time.UTC))
		o.hour()
		o.says(german, "de", "Die Rechnung "+de.Number+" ist noch nicht bezahlt", "Guten Tag, Vielleicht vergessen.", "Ausgestellt am 2. Dezember 2026", "Noch offen 1,61 €", "erinnern wir Sie nicht", "Sie ist keine Werbung.")
		o.says(french, "fr", "La facture "+fr.Number+" reste à payer", "Bonjour, Perhaps forgotten.", "Reste à payer 1,61 €")

		// A text that was removed is not written, and the one for all others is.
		o.asStaff("billing")
		desktest.Leads(t, o.Post(remindersPath, "days", "21", "language", "de", "text", "Die zweite."), remindersPath)
		desktest.Leads(t, o.Post(remindersPath+"/21/de/remove"), remindersPath)
		desktest.Lacks(t, o.Get(remindersPath), "Die zweite.")
		o.after(time.Date(2027, 1, 6, 12, 0, 0, 0, time.UTC))
		o.hour()
		o.says(german, "de", "Die Rechnung "+de.Number+" ist noch nicht bezahlt", "Guten Tag, The second one.")
		o.says(french, "fr", "La facture "+fr.Number+" reste à payer", "Bonjour, La deuxième.")

		// The texts of a reminder go with it.
		o.asStaff("billing")
		desktest.Leads(t, o.Post(remindersPath+"/7/remove"), remindersPath)
		desktest.Leads(t, o.Post(remindersPath, "days", "7", "language", "", "text", "Again."), remindersPath)
		page = o.Get(remindersPath)
		shows(t, page, http.StatusOK, "All other languages Again.", "Français La deuxième.")
		desktest.Lacks(t, page, "Vielleicht vergessen.", "Quizá lo olvidó.")
	})
}

// Letters about what is taken back, and written again, are in the language of what was.
func TestLettersAboutWhatIsTakenBackSpeakItsLanguage(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedIn("nl", "es")
		dutch, spanish := all[0], all[1]
		o.asStaff("billing")
		desktest.Leads(t, o.Post("/console/billing/invoices/"+dutch.Number+"/credit", "why", "An outage."), "/console/billing/invoices/"+dutch.Number)
		ok(t, o.b.WriteAgain(t.Context(), again(spanish.Subject, "address.city", "Otra", spanish.Number), fine))
		o.Drain()
		credit, second := o.issued(`WHERE i.preceding = $1`, dutch.Number)[0], o.issued(`WHERE i.preceding = $1 AND i.kind = '384'`, spanish.Number)[0]
		o.says("nl@example.com", "nl", "Uw creditnota "+credit.Number, "Wij hebben factuur "+dutch.Number+" teruggenomen.", "Totaalbedrag −€ 1,61")
		o.says("es@example.com", "es", "Su factura rectificativa "+second.Number, "Buenos días: Hemos anulado la factura "+spanish.Number+" y la hemos emitido de nuevo.")
	})
}

// The source of each detail is said in the language of the invoice, but for what the
// statement or somebody else named.
func TestSourcesSpeakTheLanguageOfTheInvoice(t *testing.T) {
	named := map[desk.Source][]any{
		desk.FromPurpose: {"helping you"}, desk.FromOrder: {"shared hosting"}, desk.FromProgram: {"shared hosting"},
		desk.FromFormer: {"1 March 2026"}, desk.FromSystem: {"Made-up Ledger", "1 March 2026"},
	}
	titles := map[string]string{"shared-hosting": "Shared hosting"}
	said := map[string]bool{}
	for _, s := range desk.Sources() {
		text := string(s.Of(named[s]...))
		for _, l := range invoice.Languages() {
			got := strings.ReplaceAll(sourceIn(text, l.Code, titles), "\u00a0", " ")
			if (got == text) != (l.Code == "en") || said[got] || strings.Contains(got, "%") {
				t.Errorf("%s: %q is %q", l.Code, text, got)
			}
			said[got] = true
		}
	}
	for _, want := range []string{"Ihre Bestellung, aus Made-up Ledger übernommen am 1. März 2026", "Ihre Bestellung: Shared hosting", "your order: shared hosting", "votre commande, transmise par un programme : Shared hosting"} {
		if !said[want] {
			t.Errorf("nothing is %q: %v", want, said)
		}
	}
	if got := sourceIn("a fair, in spring", "de", titles); got != "a fair, in spring" {
		t.Error(got)
	}
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		o.as(s)
		desktest.Leads(t, o.Post("/portal/invoices/language", "language", "de"), "/portal/invoices")
		o.giveFrom(s, "address.city", "Otherville", desk.FromPortal.Of())
		o.after(december)
		o.run(november)
		i := o.issued("")[0]
		shows(t, o.Get("/portal/invoices/"+i.Number), http.StatusOK, "Sie selbst, in Ihrem Kundenportal, 23. November 2026")
		if known := o.record(i.Number).Known; !slices.ContainsFunc(known, func(k invoice.Known) bool { return k.Field == "Country" && k.Value == "Irland" }) {
			t.Errorf("%+v", known)
		}
		ok(t, o.b.WriteAgain(t.Context(), again(s, "address.city", "Anotherville", i.Number), fine))
		second := o.issued(`WHERE i.kind = '384'`)[0]
		shows(t, o.Get("/portal/invoices/"+second.Number), http.StatusOK, "unser Team, nach einer Prüfung, 2. Dezember 2026")
	})
}

// An invoice from before its language was noted is told of in the one that its owner
// has chosen, or else in that of the seller.
func TestLettersAboutOlderInvoices(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedFor(2)
		o.as(all[0].Subject)
		desktest.Leads(t, o.Post("/portal/invoices/language", "language", "nl"), "/portal/invoices")
		for n, want := range []string{"Uw factuur X-1", "Ihre Rechnung X-2"} {
			old := all[n]
			old.Number, old.Series, old.Sequence, old.Language = "X-"+strconv.Itoa(n+1), "X", int64(n+1), ""
			old.Period.From = invoice.Day(2026, time.October, 1)
			o.Tx(func(ctx context.Context, tx *store.Tx) error { return insertInvoice(ctx, tx, old) })
			o.b.seller.Language = "de"
			ok(t, o.b.letter(t.Context(), letterArgs{Number: old.Number}))
			o.Drain()
			if m, _ := o.Mail.Last("jo@example.com"); m.Subject != want {
				t.Errorf("%q, want %q", m.Subject, want)
			}
		}
	})
}

// The second follows the first as long after it as its days are apart, however late
// the first one was.
func TestRemindersFollowEachOther(t *testing.T) {
	levels := []reminder{{1, 7, nil}, {2, 21, nil}, {3, 35, nil}}
	at := func(day int) time.Time { return time.Date(2026, 1, day, 12, 0, 0, 0, time.UTC) }
	i := Issued{Kind: invoice.Commercial, Total: 100, Due: invoice.Day(2026, time.January, 1)}
	for _, tt := range []struct {
		name   string
		change func(*Issued)
		before []written
		day    int
		want   int
	}{
		{"not due long enough", nil, nil, 7, 0},
		{"the first", nil, nil, 8, 1},
		{"the first, late", nil, nil, 60, 1},
		{"right after it", nil, []written{{1, at(60), true}}, 61, 0},
		{"the second", nil, []written{{0, at(1), true}, {1, at(60), true}}, 74, 2},
		{"no address", nil, []written{{1, at(8), false}}, 22, 2},
		{"all were written", nil, []written{{3, at(60), true}}, 200, 0},
		{"paid", func(i *Issued) { i.Paid = 100 }, nil, 60, 0},
		{"in part", func(i *Issued) { i.Paid = 99 }, nil, 60, 1},
		{"taken back", func(i *Issued) { i.Credited = "C-2026-000001" }, nil, 60, 0},
		{"a credit note", func(i *Issued) { i.Kind = invoice.CreditNote }, nil, 60, 0},
	} {
		one := i
		if tt.change != nil {
			tt.change(&one)
		}
		now := at(tt.day)
		got, is := due(one, levels, tt.before, now, invoice.DateOf(now))
		if !is {
			got.Level = 0
		}
		if got.Level != tt.want {
			t.Errorf("%s: level %d, want %d", tt.name, got.Level, tt.want)
		}
	}
	if _, is := due(i, nil, nil, at(60), invoice.DateOf(at(60))); is {
		t.Error("without a setting somebody is reminded")
	}
}

// Whoever looks at a copy or at what a bank says stands in the customer's timeline.
func TestOpeningsStandInTheTimelineOfTheCustomer(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		i := o.billedFor(1)[0]
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		o.uploads(madeUpEntry{Amount: "1.61", Text: i.Number, Name: "Made-up Payer"})
		notes := func() (out []string) {
			ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
				items, err := o.Kit.Ledger.Timeline(t.Context(), tx, i.Subject, collection, "", 100)
				for _, item := range items {
					if item.Facts.ActorKind == loot.Staff {
						out = append(out, item.Facts.Note)
					}
				}
				return err
			}))
			return out
		}
		o.as(i.Subject)
		shows(t, o.Get("/portal/invoices/"+i.Number), http.StatusOK) // by the customer, which is no news to them
		if got := notes(); len(got) != 0 {
			t.Fatalf("%q", got)
		}
		o.asStaff("billing")
		shows(t, o.Post("/console/billing/invoices/"+i.Number+"/open", "document", "cii", "reason", "Ticket 1"), http.StatusOK)
		shows(t, o.Post(paymentsPath+"/"+o.paid("")[0].ID+"/read"), http.StatusOK, "Made-up Payer")
		if got := notes(); len(got) != 2 || got[0] != "payment.read" || got[1] != "invoice.opened" {
			t.Errorf("%q", got)
		}
	})
}
