package verification

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// Invoices is what the desk asks about documents that say what a customer's
// record said. The zero value: there are none.
type Invoices struct {
	// Concerned returns those of a customer that say what has stood in a field since
	// a time, latest first, and the one named whenever it was issued; none that was
	// taken back. There are so many more, earlier ones, than can be written again at once.
	Concerned func(ctx context.Context, tx *store.Tx, s loot.Subject, f loot.Field, since time.Time, named string) (list []Invoice, more int, err error)
	// WriteAgain decides in a transaction in which the invoices are taken back and, unless
	// nothing is left to charge, written again: all of it happens or nothing. Decide may run
	// more than once.
	WriteAgain func(ctx context.Context, a Again, decide func(*store.Tx) error) error
	// Services is the field of what invoices charge, in which a mistake is reported by the
	// line, and Lines opens an invoice of a customer's own that still stands for them, and
	// returns its lines; none: there is no such invoice.
	Services loot.Field
	Lines    func(ctx context.Context, me loot.Actor, number string) ([]Line, error)
	// Written returns what was taken back and written again in a case.
	Written func(ctx context.Context, tx *store.Tx, reference string) ([]Written, error)
}

// An Invoice is one in words, by its number.
type Invoice struct{ Number, Words string }

// A Line is one of an invoice in words, by its number there.
type Line struct {
	Number int
	Words  string
}

// An Again says which invoices are written again, since a field was wrong.
type Again struct {
	Subject   loot.Subject
	Numbers   []string
	Field     loot.Field
	Line      int    // of the invoice, if one is wrong, from 1
	Value     string // that is right; of a line, how much
	Source    string // of the value
	Reference string // of the case
	By        loot.Actor
}

// A Written is an invoice that was taken back, the credit note for it, and the
// invoice that stands for it, by number; empty: none does.
type Written struct{ Original, Credit, Corrected string }

// source is where a value came from that a colleague put right.
const source = string(desk.FromCheck)

// concerned returns the invoices that may have to be written again when a mistake
// is put right, and how many more there are. Only a report of a customer has any.
func (v *Verification) concerned(ctx context.Context, tx *store.Tx, m matter) (list []Invoice, more int, err error) {
	if v.invoices.Concerned == nil || m.Kind != kindMistake || !m.Closed.IsZero() {
		return nil, 0, nil
	}
	if m.Line > 0 { // its own and no other
		list, _, err := v.invoices.Concerned(ctx, tx, m.Subject, m.Field, v.Now(), m.Invoice)
		return slices.DeleteFunc(list, func(i Invoice) bool { return i.Number != m.Invoice }), 0, err
	}
	held, err := v.Vault.Held(ctx, tx, m.Subject, collection)
	if err != nil {
		return nil, 0, unlessGone(err)
	}
	about, is := held[m.Field]
	if !is {
		return nil, 0, nil
	}
	return v.invoices.Concerned(ctx, tx, m.Subject, m.Field, about.At, m.Invoice)
}

// named refuses a report that names an invoice which is not this customer's, was taken
// back, or does not say what stands in the field: others would look for the mistake
// where it is not.
func (v *Verification) named(ctx context.Context, tx *store.Tx, s loot.Subject, f loot.Field, number string) error {
	if number == "" {
		return nil
	}
	var list []Invoice
	if v.invoices.Concerned != nil {
		var err error
		if list, _, err = v.invoices.Concerned(ctx, tx, s, f, v.Now(), number); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(list, func(i Invoice) bool { return i.Number == number }) {
		return nil
	}
	return errNotNamed
}

var errNotNamed = web.Invalid("", map[string]string{"invoice": "None of your invoices that still stand has this number and says this detail. Look the number up under Invoices, or leave it out."})

// unlessGone lets pass that nothing is held about somebody.
func unlessGone(err error) error {
	if loot.KindOf(err) == loot.NotFound {
		return nil
	}
	return err
}

// againField asks which invoices are written again: at first the one from which
// the mistake was reported or, if it was from none, all that say it. Where that one
// does not stand any more, a colleague says which.
func againField(m matter, list []Invoice, more int) web.Field {
	f := web.Field{
		Name: "again", Label: "Invoices that say the wrong value", Type: "checkboxes", Wide: true,
		Hint: "Each that is ticked is taken back by a credit note and written again, in the same instant as the record is put right.",
	}
	if more > 0 {
		f.Hint += " These are the latest: " + loot.Plural(more, "earlier one that says it stays", "earlier ones that say it stay") +
			" as they are, which the customer is told. Whoever works in billing takes one of those back on its page, with a reason."
	}
	for _, i := range list {
		f.Options = append(f.Options, web.Option{Value: i.Number, Label: i.Words})
		if m.Invoice == "" || i.Number == m.Invoice {
			f.Values = append(f.Values, i.Number)
		}
	}
	return f
}

// within runs a decision in the transaction in which its invoices are written
// again, if it has any.
func (v *Verification) within(ctx context.Context, a Again, decide func(*store.Tx) error) error {
	if len(a.Numbers) == 0 || v.invoices.WriteAgain == nil {
		return v.Gate.InTx(ctx, decide)
	}
	return v.invoices.WriteAgain(ctx, a, decide)
}

// again returns what a ruling that needs nobody else has written again.
func (v *Verification) again(s *statement.Statement, m matter, by loot.Actor, r ruling) Again {
	if r.Decision != "corrected" || secondNeeded(s, m.Field) {
		return Again{}
	}
	return v.againOf(m, by, r.Again, r.Value)
}

// againAgreed returns what a decision to which a second person agrees has written
// again.
func (v *Verification) againAgreed(m matter, by loot.Actor, notes []desk.Note) Again {
	if m.Decision != "corrected" {
		return Again{}
	}
	return v.againOf(m, by, strings.Fields(desk.LatestNote(notes, "invoices")), desk.LatestNote(notes, "correction"))
}

func (v *Verification) againOf(m matter, by loot.Actor, numbers []string, value string) Again {
	return Again{Subject: m.Subject, Numbers: numbers, Field: m.Field, Line: m.Line, Value: value, Source: source, Reference: m.ID, By: by}
}

// left returns how many invoices with the wrong value stay as they are after a case, as
// they were too many to be written again with it.
func left(m matter, notes []desk.Note) int {
	if m.Decision != "corrected" || m.Closed.IsZero() {
		return 0
	}
	n, _ := strconv.Atoi(desk.LatestNote(notes, "left"))
	return n
}

// leftInWords says it to whom they are.
func leftInWords(n int) string {
	if n == 0 {
		return ""
	}
	return loot.Plural(n, "earlier invoice says", "earlier invoices say") + " the same, which is more than can be written again at once. Write to us, with its number, if you need one of those taken back."
}

// written returns what was written again in a case.
func (v *Verification) written(ctx context.Context, tx *store.Tx, m matter) ([]Written, error) {
	if v.invoices.Written == nil || m.Decision != "corrected" || m.Closed.IsZero() {
		return nil, nil
	}
	return v.invoices.Written(ctx, tx, m.ID)
}
