package billing

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
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
		shows(t, o.Get(remindersPath), http.StatusOK, "1. reminder, after 7 days", "2. reminder, after 21 days")
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
		shows(t, o.Get("/console/billing/invoices/"+all[0].Number), http.StatusOK, "1. reminder", "2. reminder", "23 December 2026")

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

// The second follows the first as long after it as its days are apart, however late
// the first one was.
func TestRemindersFollowEachOther(t *testing.T) {
	levels := []reminder{{1, 7, ""}, {2, 21, ""}, {3, 35, ""}}
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
