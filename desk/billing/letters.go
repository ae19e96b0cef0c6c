package billing

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/mail"
	"loot/store"
	"loot/web"
)

// letterArgs asks for a letter about an invoice: that it was issued, or the
// reminder of a level.
type letterArgs struct {
	Number string `json:"number"`
	Level  int    `json:"level,omitempty"` // 0: it was issued
}

// Kind names the job.
func (letterArgs) Kind() string { return "billing.letter" }

// A reminder is what is written to whoever has not paid so many days after the
// invoice was due.
type reminder struct {
	Level int // 1 is the first
	Days  int
	Texts map[string]string // by language; that of no language is for all others
}

// text is what it says to whoever has an invoice in a language.
func (r reminder) text(language string) string { return cmp.Or(r.Texts[language], r.Texts[""]) }

func readReminders(ctx context.Context, tx *store.Tx) (out []reminder, err error) {
	rows, err := tx.Query(ctx, `SELECT r.days, r.text, t.language, t.text FROM billing_reminder r LEFT JOIN billing_reminder_text t ON t.days = r.days ORDER BY r.days`)
	if err != nil {
		return nil, fmt.Errorf("billing: reminders: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var days int
		var text string
		var language, own sql.NullString
		if err := rows.Scan(&days, &text, &language, &own); err != nil {
			return nil, fmt.Errorf("billing: reminders: %w", err)
		}
		if len(out) == 0 || out[len(out)-1].Days != days {
			out = append(out, reminder{Level: len(out) + 1, Days: days, Texts: map[string]string{"": text}})
		}
		if language.Valid {
			out[len(out)-1].Texts[language.String] = own.String
		}
	}
	return out, rows.Err()
}

// written is a letter about an invoice, of a level.
type written struct {
	Level int
	At    time.Time
	Sent  bool // else the customer could not be written to
}

// fact says on the page of an invoice that a letter was written.
func (w written) fact() web.Fact {
	f := web.Fact{Term: "Letter that it was issued", Value: w.At.UTC().Format("2 January 2006")}
	if w.Level > 0 {
		f.Term = "Reminder " + strconv.Itoa(w.Level)
	}
	if !w.Sent {
		f.Note = "Not sent: the statement gives no address to write to, or the mail server refuses it."
	}
	return f
}

// lettersOf returns the letters about an invoice, the first one first.
func lettersOf(ctx context.Context, tx *store.Tx, number string) (out []written, err error) {
	rows, err := tx.Query(ctx, `SELECT level, at, sent FROM billing_letter WHERE invoice = $1 ORDER BY level`, number)
	if err != nil {
		return nil, fmt.Errorf("billing: letters: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var w written
		var at, sent int64
		if err := rows.Scan(&w.Level, &at, &sent); err != nil {
			return nil, fmt.Errorf("billing: letters: %w", err)
		}
		w.At, w.Sent = store.Instant(at), sent != 0
		out = append(out, w)
	}
	return out, rows.Err()
}

// Disputed has the desk ask whether a customer reported a mistake on an invoice of
// theirs that is not answered: they are not reminded of it meanwhile.
func (b *Billing) Disputed(ask func(ctx context.Context, tx *store.Tx, s loot.Subject, number string) (bool, error)) {
	b.disputed = ask
}

// due returns the reminder that is to be written about an invoice now: one level
// after the other, each as long after the last as it is later than that.
func due(i Issued, levels []reminder, before []written, now time.Time, today invoice.Date) (reminder, bool) {
	if i.Kind == invoice.CreditNote || i.Open() <= 0 {
		return reminder{}, false
	}
	last, at := 0, time.Time{}
	for _, w := range before {
		if w.Level > last {
			last, at = w.Level, w.At
		}
	}
	if last >= len(levels) {
		return reminder{}, false
	}
	r := levels[last]
	gap := 0
	if last > 0 {
		gap = r.Days - levels[last-1].Days
	}
	return r, between(i.Due, today) >= int64(r.Days) && !now.Before(at.AddDate(0, 0, gap))
}

// remindAll has reminders written about invoices that were due long enough ago.
func (b *Billing) remindAll(ctx context.Context) error {
	for after := ""; ; {
		var last string
		if err := b.DB.InTx(ctx, func(tx *store.Tx) error {
			levels, err := readReminders(ctx, tx)
			if err != nil || len(levels) == 0 {
				return err
			}
			list, err := readInvoices(ctx, tx, `WHERE i.number > $1 AND i.due <= $2 AND i.due > $3 AND i.kind <> '381' ORDER BY i.number LIMIT 500`,
				after, b.today().AddDays(-levels[0].Days).String(), b.today().AddDays(-remindWithin).String())
			if err != nil {
				return err
			}
			for _, i := range list {
				if i.Open() <= 0 {
					continue // as most are, so that nothing more is asked about them
				}
				before, err := lettersOf(ctx, tx, i.Number)
				if err != nil {
					return err
				}
				if r, is := due(i, levels, before, b.Now(), b.today()); is {
					if err := b.Jobs.Enqueue(ctx, tx, letterArgs{i.Number, r.Level}); err != nil {
						return err
					}
				}
			}
			if last = ""; len(list) == 500 {
				last = list[499].Number
			}
			return nil
		}); err != nil || last == "" {
			return err
		}
		after = last
	}
}

// remindWithin is how many days after an invoice was due somebody is reminded of it
// at most.
const remindWithin = 365

// letter writes to a customer about an invoice, once for each level. The note that
// it went out is made after it did: a crash in between sends the same message again,
// which mail programs show once.
func (b *Billing) letter(ctx context.Context, a letterArgs) error {
	var i Issued
	var r reminder
	write := false
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		write = false
		if i, err = findInvoice(ctx, tx, a.Number); err != nil {
			return err
		}
		if i.Language == "" {
			chosen, err := languageOf(ctx, tx, i.Subject)
			if err != nil {
				return err
			}
			i.Language = cmp.Or(chosen, b.seller.Language)
		}
		before, err := lettersOf(ctx, tx, a.Number)
		if err != nil || slices.ContainsFunc(before, func(w written) bool { return w.Level == a.Level }) {
			return err
		}
		if write = a.Level == 0; !write {
			r, write, err = b.reminds(ctx, tx, i, before, a.Level)
		}
		return err
	}); err != nil || !write {
		return err
	}
	letter, id := b.issuedLetter(i), "invoice-"+i.Number
	if a.Level > 0 {
		letter, id = b.reminderLetter(i, r), id+"-reminder-"+strconv.Itoa(a.Level)
	}
	sent, err := b.Write(ctx, desk.Errand{By: b.actor(), Purpose: "service", To: i.Subject, Collection: collection, ID: id, Letter: letter})
	if err != nil {
		return err
	}
	return b.DB.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO billing_letter (invoice, level, at, sent) VALUES ($1, $2, $3, $4) ON CONFLICT (invoice, level) DO NOTHING`,
			i.Number, a.Level, b.Now().UnixMicro(), store.Flag(sent)); err != nil {
			return fmt.Errorf("billing: letter: %w", err)
		}
		return nil
	})
}

// reminds returns the reminder of a level, and whether it is to be written about an
// invoice now.
func (b *Billing) reminds(ctx context.Context, tx *store.Tx, i Issued, before []written, level int) (r reminder, yes bool, err error) {
	levels, err := readReminders(ctx, tx)
	if err != nil {
		return r, false, err
	}
	if r, yes = due(i, levels, before, b.Now(), b.today()); !yes || r.Level != level {
		return r, false, nil
	}
	if here, err := came(ctx, tx, i); err != nil || here {
		return r, !here, err
	}
	disputed, err := b.isDisputed(ctx, tx, i)
	return r, !disputed, err
}

// came reports whether money of a customer's is here that may be for an invoice, and nobody
// has said so yet: a payment of theirs waits to be decided, or as much as is open is in
// credit. They have done what a reminder would ask of them.
func came(ctx context.Context, tx *store.Tx, i Issued) (bool, error) {
	all, err := readPayments(ctx, tx, `WHERE p.subject = $1`, i.Subject)
	credit := int64(0)
	for _, p := range all {
		if p.Decided.IsZero() && p.Amount > 0 {
			return true, nil
		}
		if p.Currency == i.Currency {
			credit += p.Left()
		}
	}
	return credit >= i.Open(), err
}

// sumIn writes an amount in the language of the document.
func (i Issued) sumIn(units int64) string { return invoice.Money(units, i.Currency, i.Language) }

func (b *Billing) issuedLetter(i Issued) mail.Letter {
	w := invoice.LetterWordsIn(i.Language)
	what, text := w.Invoice, fmt.Sprintf(w.Issued, i.Period.Words(i.Language))
	switch i.Kind {
	case invoice.CreditNote:
		what, text = w.CreditNote, fmt.Sprintf(w.TakenBack, i.Preceding)
	case invoice.Corrected:
		what, text = w.Corrected, fmt.Sprintf(w.Again, i.Preceding)
	case invoice.Commercial:
	}
	rows := []mail.Row{{Term: w.Number, Value: i.Number}, {Term: w.Total, Value: i.sumIn(i.signed(i.Total))}}
	if i.Paid > 0 {
		rows = append(rows, mail.Row{Term: w.Paid, Value: i.sumIn(i.Paid)})
	}
	if i.Paid > 0 && i.Open() > 0 {
		rows = append(rows, mail.Row{Term: w.Open, Value: i.sumIn(i.Open())})
	}
	if i.Open() > 0 {
		rows = append(rows, mail.Row{Term: w.Due, Value: i.Due.Words(i.Language)})
	}
	return mail.Letter{
		Language: i.Language, Subject: what + " " + i.Number, Greet: w.Greet,
		Blocks: []mail.Block{
			mail.Para(text),
			mail.Table(w.Short, rows...),
			mail.Button(w.See, b.invoiceURL(i)),
			mail.Note(w.Mistake),
		},
		Why: w.Once,
	}
}

func (b *Billing) reminderLetter(i Issued, r reminder) mail.Letter {
	w := invoice.LetterWordsIn(i.Language)
	blocks := make([]mail.Block, 0, 6)
	for text := range strings.SplitSeq(r.text(i.Language), "\n\n") {
		blocks = append(blocks, mail.Para(strings.Join(strings.Fields(text), " ")))
	}
	return mail.Letter{
		Language: i.Language, Subject: fmt.Sprintf(w.Unpaid, i.Number), Greet: w.Greet,
		Blocks: append(blocks,
			mail.Table(w.Short,
				mail.Row{Term: w.Number, Value: i.Number}, mail.Row{Term: w.Day, Value: i.Day.Words(i.Language)}, mail.Row{Term: w.Due, Value: i.Due.Words(i.Language)},
				mail.Row{Term: w.Total, Value: i.sumIn(i.signed(i.Total))}, mail.Row{Term: w.Open, Value: i.sumIn(i.Open())}),
			mail.Button(w.See, b.invoiceURL(i)),
			mail.Note(w.Crossed),
		),
		Why: w.Reminded,
	}
}

func (b *Billing) invoiceURL(i Issued) string {
	return b.BaseURL + "/portal/invoices/" + url.PathEscape(i.Number)
}
