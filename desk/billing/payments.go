package billing

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"loot"
	"loot/desk"
	"loot/desk/billing/camt"
	"loot/desk/billing/invoice"
	"loot/store"
	"loot/web"
)

var (
	paymentsPage = web.NewPage[paymentsView](pageFiles, "pages/payments.html")
	paymentPage  = web.NewPage[paymentView](pageFiles, "pages/payment.html")
)

// paymentRoutes are those of payments.
func (b *Billing) paymentRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET /console/billing/payments", Audience: web.Console, Serve: b.payments, Roles: billers},
		{Pattern: "POST /console/billing/payments/statement", Audience: web.Console, Serve: b.upload, Roles: billers, Body: camt.MaxBytes + web.MaxBody},
		{Pattern: "GET /console/billing/payments/{id}", Audience: web.Console, Serve: b.payment, Roles: billers},
		{Pattern: "POST /console/billing/payments/{id}/read", Audience: web.Console, Serve: b.readPayment, Roles: billers},
		{Pattern: "POST /console/billing/payments/{id}/give", Audience: web.Console, Serve: b.givePayment, Roles: billers},
		{Pattern: "POST /console/billing/payments/{id}/undo", Audience: web.Console, Serve: b.undoPayment, Roles: billers},
		{Pattern: "POST /console/billing/payments/{id}/back", Audience: web.Console, Serve: b.payBack, Roles: billers},
		{Pattern: "POST /console/billing/payments/{id}/dismiss", Audience: web.Console, Serve: b.dismissPayment, Roles: billers},
		{Pattern: "POST /console/billing/invoices/{number}/payments", Audience: web.Console, Serve: b.paidByHand, Roles: billers},
	}
}

const paymentsPath = "/console/billing/payments"

// Open is what is still to be paid of an invoice; below zero, what is too much.
func (i Issued) Open() int64 {
	switch {
	case i.Kind == invoice.CreditNote:
		return 0
	case i.Credited != "":
		return -i.Paid
	}
	return i.Total - i.Paid
}

// standing says in a word or two how far an invoice is paid on a day.
func (i Issued) standing(today invoice.Date) web.Badge {
	open := i.Open()
	switch {
	case i.Kind == invoice.CreditNote:
		return web.Badge{Tone: web.Info, Text: "credit note"}
	case open < 0 && i.Credited != "":
		return web.Badge{Tone: web.Warn, Text: "taken back, in credit", Icon: "undo-2"}
	case open < 0:
		return web.Badge{Tone: web.Info, Text: "paid too much"}
	case open == 0 && i.Credited != "":
		return web.Badge{Tone: web.Warn, Text: "taken back", Icon: "undo-2"}
	case open == 0:
		return web.Badge{Tone: web.Good, Text: "paid", Icon: "check"}
	case i.Due.Before(today):
		return web.Badge{Tone: web.Bad, Text: "overdue", Icon: "clock-alert"}
	case i.Paid != 0:
		return web.Badge{Tone: web.Warn, Text: "partly paid"}
	}
	return web.Badge{Tone: web.Info, Text: "open"}
}

// today is the day that it is where the seller is.
func (b *Billing) today() invoice.Date { return invoice.DateOf(b.Now().In(b.seller.place())) }

type paymentsView struct {
	web.View
	Stats []web.Stat
	Form  web.Fields
	Wrong *web.Problems
	Waits []paymentRow
	More  web.Pager // of those that wait
	Rows  []paymentRow
	Pager web.Pager
	Empty web.Empty
}

// paymentRow is a payment in a list.
type paymentRow struct {
	payment
	Href  string
	Whose string // where the customer is found
	On    string
	From  string
	State web.Badge
}

func rowOfPayment(p payment) paymentRow {
	row := paymentRow{payment: p, Href: paymentsPath + "/" + url.PathEscape(p.ID), Whose: desk.CustomerPath(p.Subject), On: p.Day.Words(inPages), From: "bank statement", State: web.Badge{Tone: web.Good, Text: "matched"}}
	if p.Statement == "" {
		row.From = "by hand"
	}
	switch {
	case p.Decided.IsZero():
		row.State = web.Badge{Tone: web.Warn, Text: "to decide", Icon: "hand"}
	case p.Subject == "":
		row.State = web.Badge{Text: "no customer's"}
	case p.Amount < 0 && p.Takes != "":
		row.State = web.Badge{Tone: web.Warn, Text: "returned"}
	case p.Amount < 0:
		row.State = web.Badge{Text: "paid back"}
	case p.Left() > 0:
		row.State = web.Badge{Tone: web.Info, Text: "in credit"}
	}
	return row
}

func statementFields() web.Fields {
	return web.Fields{{Name: "statement", Type: "file", Label: "Bank statement", Accept: ".xml,application/xml,text/xml", Required: true, Plain: true, Hint: "camt.053 in XML, as your bank offers it. The same once more adds nothing."}}
}

// waitingPerPage is how much that waits stands on one page, beside another list.
const waitingPerPage = 200

// payments lists what came, what has to be decided first.
func (b *Billing) payments(w http.ResponseWriter, r *http.Request) error {
	return b.showPayments(w, r, http.StatusOK, nil)
}

func (b *Billing) showPayments(w http.ResponseWriter, r *http.Request, status int, wrong error) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	form := statementFields().With(nil, wrong)
	v := paymentsView{View: web.ViewOf(r, "Payments"), Form: form, Wrong: web.ProblemsOf(wrong, form)}
	v.Lead = "What came by bank, and what was written down by hand. Who paid is sealed; looking at it is on the ledger."
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/console/billing/invoices"}}
	v.Empty = web.Empty{Icon: "banknote", Title: "No payment yet", Text: "Upload a bank statement, or write a payment down on the page of its invoice."}
	after, waitsAfter := q.Get("after"), q.Get("waits")
	var list, waits []payment
	var waiting int
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		ctx := r.Context()
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM billing_payment WHERE decided = 0`).Scan(&waiting); err != nil {
			return fmt.Errorf("billing: payments: %w", err)
		}
		if after == "" {
			var from int64
			if waitsAfter != "" {
				last, err := findPayment(ctx, tx, waitsAfter)
				if err != nil {
					return err
				}
				from = last.At.UnixMicro()
			}
			if waits, err = readPayments(ctx, tx, `WHERE p.decided = 0 AND (p.at, p.id) > ($1, $2) ORDER BY p.at, p.id LIMIT $3`, from, waitsAfter, b.listed+1); err != nil {
				return err
			}
		}
		at := int64(1<<63 - 1)
		if after != "" {
			last, err := findPayment(ctx, tx, after)
			if err != nil {
				return err
			}
			at = last.At.UnixMicro()
		}
		list, err = readPayments(ctx, tx, `WHERE p.decided <> 0 AND (p.at, p.id) < ($1, $2) ORDER BY p.at DESC, p.id DESC LIMIT $3`, at, after, perPage+1)
		return err
	}); err != nil {
		return err
	}
	v.Stats = []web.Stat{{Label: "To decide", Value: web.Number(waiting), Tone: map[bool]web.Tone{true: web.Warn}[waiting > 0]}}
	if len(list) > perPage {
		list = list[:perPage]
		v.Pager.Next = web.After(&url.URL{Path: paymentsPath}, list[perPage-1].ID)
	}
	if after != "" {
		v.Pager.Prev = paymentsPath
	}
	if len(waits) > b.listed {
		waits = waits[:b.listed]
		v.More.Next = paymentsPath + "?waits=" + url.QueryEscape(waits[b.listed-1].ID)
	}
	if waitsAfter != "" {
		v.More.Prev = paymentsPath
	}
	for _, p := range waits {
		v.Waits = append(v.Waits, rowOfPayment(p))
	}
	for _, p := range list {
		v.Rows = append(v.Rows, rowOfPayment(p))
	}
	return paymentsPage.Render(w, r, status, v)
}

type paymentView struct {
	web.View
	Facts  []web.Fact
	Told   []web.Fact // what the bank says, if it was asked for
	Read   string     // where it is asked for; empty: there is nothing, or it is shown
	Shares []shareRow
	Fits   []fitRow // invoices that it may be for
	Give   web.Fields
	Wrong  *web.Problems
	Base   string
	Do     []web.Action
}

// fitRow is an invoice that a payment may be for.
type fitRow struct {
	invoiceRow
	Match *web.Action // gives it as much as fits; nil: nothing is left to give
}

// shareRow is a part of a payment.
type shareRow struct{ Invoice, Href, Sum string }

func (b *Billing) payment(w http.ResponseWriter, r *http.Request) error {
	return b.showPayment(w, r, http.StatusOK, nil, nil, nil)
}

func giveFields(p payment) web.Fields {
	return web.Fields{
		{Name: "invoice", Label: "Invoice", MaxLen: 40, Required: true, Plain: true},
		{Name: "amount", Label: "Amount", InputMode: "decimal", MaxLen: 20, Required: true, Plain: true, Value: plainAmount(p.Left(), p.Currency), Suffix: p.Currency},
	}
}

// plainAmount writes an amount as a form takes it.
func plainAmount(n int64, currency string) string {
	places, ok := invoice.Decimals(currency)
	if !ok {
		places = 2
	}
	return invoice.Scaled(n, places).Fixed(places)
}

// amountOf reads an amount above zero from a form, with a point or a comma.
func amountOf(text, currency string) (int64, error) {
	n, err := invoice.ParseDecimal(strings.Replace(strings.TrimSpace(text), ",", ".", 1))
	places, ok := invoice.Decimals(currency)
	if err != nil || !ok || n.Sign() <= 0 || n.Places() > places {
		return 0, web.Invalid("", map[string]string{"amount": "This is no amount of " + currency + ". One looks like " + plainAmount(1250, currency) + "."})
	}
	return smallest(n, currency)
}

func (b *Billing) showPayment(w http.ResponseWriter, r *http.Request, status int, read *told, typed url.Values, wrong error) error {
	ctx := r.Context()
	var p payment
	var shares []share
	var fits []Issued
	var back bool
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if p, err = findPayment(ctx, tx, r.PathValue("id")); err != nil {
			return err
		}
		if shares, err = sharesOf(ctx, tx, p.ID); err != nil {
			return err
		}
		if back, err = takenBack(ctx, tx, p.ID); err != nil || p.Left() <= 0 {
			return err
		}
		fits, err = fitting(ctx, tx, p)
		return err
	}); err != nil {
		return err
	}
	v := paymentView{View: web.ViewOf(r, "Payment of "+p.Sum()), Base: paymentsPath + "/" + url.PathEscape(p.ID)}
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/console/billing/invoices"}, {Label: "Payments", Href: paymentsPath}}
	row := rowOfPayment(p)
	v.Facts = []web.Fact{{Term: "State", Badge: &row.State, Note: p.Finding}, {Term: "Booked", Value: row.On}, {Term: "Amount", Value: p.Sum()}, {Term: "From", Value: row.From}}
	if p.Left() != 0 && p.Subject != "" {
		v.Facts = append(v.Facts, web.Fact{Term: "For no invoice yet", Value: money(p.Left(), p.Currency)})
	}
	if p.Subject != "" {
		v.Facts = append(v.Facts, web.Fact{Term: "Customer", Value: string(p.Subject), Code: true, Action: customerAction(p.Subject)})
	}
	if p.Takes != "" {
		v.Facts = append(v.Facts, web.Fact{Term: "Takes back", Value: "another payment", Action: &web.Action{Label: "See it", Icon: "banknote", Small: true, Href: paymentsPath + "/" + url.PathEscape(p.Takes)}})
	}
	if p.Sealed && read == nil {
		v.Read = v.Base + "/read"
	}
	if read != nil {
		v.Told = read.facts()
	}
	for _, s := range shares {
		v.Shares = append(v.Shares, shareRow{s.Invoice, "/console/billing/invoices/" + url.PathEscape(s.Invoice), money(s.Amount, p.Currency)})
	}
	free := !back && p.Left() > 0 && (p.Decided.IsZero() || p.Subject != "")
	for _, i := range fits {
		one := b.rowOf(i, "/console/billing/invoices/")
		one.State = i.standing(b.today())
		row := fitRow{one, nil}
		if free {
			row.Match = &web.Action{Label: "Match", Icon: "check", Small: true, Post: true, Href: v.Base + "/give", Hidden: []web.Hidden{
				{Name: "invoice", Value: i.Number}, {Name: "amount", Value: plainAmount(min(p.Left(), i.Open()), p.Currency)},
			}}
		}
		v.Fits = append(v.Fits, row)
	}
	if free {
		v.Give = giveFields(p)
		if len(fits) == 1 {
			v.Give[0].Value = fits[0].Number
		}
		v.Give = v.Give.With(typed, wrong)
		v.Wrong = web.ProblemsOf(wrong, v.Give)
	}
	v.Do = actionsOf(p, len(shares) > 0, back, v.Base)
	return paymentPage.Render(w, r, status, v)
}

func customerAction(s loot.Subject) *web.Action {
	return &web.Action{Label: "Customer", Icon: "user", Small: true, Href: desk.CustomerPath(s)}
}

// actionsOf are what can be done with a payment besides giving it to an invoice.
func actionsOf(p payment, shared, back bool, base string) (out []web.Action) {
	if shared && !back && p.Takes == "" {
		out = append(out, web.Action{Label: "It is for another invoice", Icon: "undo-2", Post: true, Href: base + "/undo", Confirm: "The invoices that it was for are open again. Take it from them?"})
	}
	if p.Amount > 0 && p.Subject != "" && !back {
		out = append(out, web.Action{Label: "It went back", Icon: "undo-2", Post: true, Href: base + "/back", Confirm: "The bank returned it, or you paid it back: the invoices that it was for are open again. Note that?"})
	}
	if p.Decided.IsZero() {
		out = append(out, web.Action{Label: "It is no customer's", Icon: "x", Post: true, Href: base + "/dismiss", Confirm: "What the bank says of who paid is removed at once. Is it no customer's?"})
	}
	return out
}

func (t told) facts() (out []web.Fact) {
	for _, f := range []web.Fact{
		{Term: "Name", Value: t.Party},
		{Term: "Account", Value: t.IBAN, Code: true},
		{Term: "Text", Value: strings.ReplaceAll(t.Text, "\n", " ")},
		{Term: "References", Value: strings.Join(t.Refs, ", ")},
		{Term: "Payer’s reference", Value: t.Own},
		{Term: "Returned because", Value: t.Reason},
	} {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

// fitting returns invoices that a payment may be for: the open ones of its
// customer, or those of which as much is open.
func fitting(ctx context.Context, tx *store.Tx, p payment) ([]Issued, error) {
	where, args := `i.currency = $1 AND i.total = $2`, []any{p.Currency, p.Left()}
	if p.Subject != "" {
		where, args = `i.currency = $1 AND i.subject = $2`, []any{p.Currency, p.Subject}
	}
	list, err := readInvoices(ctx, tx, `WHERE `+where+` ORDER BY i.at DESC LIMIT 100`, args...)
	var out []Issued
	for _, i := range list {
		if i.Open() > 0 && len(out) < 10 {
			out = append(out, i)
		}
	}
	return out, err
}

// takenBack reports whether another payment takes one back.
func takenBack(ctx context.Context, tx *store.Tx, id string) (yes bool, err error) {
	var n int
	err = tx.QueryRow(ctx, `SELECT count(*) FROM billing_payment WHERE takes = $1`, id).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("billing: payment: %w", err)
	}
	return n > 0, nil
}

var errUnsigned = loot.Errorf(loot.Denied, "Sign the confidentiality undertaking first: what the bank says of a payer is about a person.")

// readPayment shows what the bank says, which is on the ledger by the name of
// whoever looks, and in the timeline of whom it is about if that is known.
func (b *Billing) readPayment(w http.ResponseWriter, r *http.Request) error {
	by := web.ActorOf(r.Context())
	var read told
	if err := b.DB.InTx(r.Context(), func(tx *store.Tx) error {
		ctx := r.Context()
		p, err := findPayment(ctx, tx, r.PathValue("id"))
		if err != nil {
			return err
		}
		signed, err := b.signed(ctx, tx, by.ID)
		if err != nil {
			return err
		}
		if signed.IsZero() {
			return errUnsigned
		}
		var there bool
		if read, there, err = b.tellOf(ctx, tx, p.ID); err != nil || !there {
			return err
		}
		if p.Subject == "" || !b.isCustomer(ctx, tx, p.Subject) {
			_, err := b.Gate.Note(ctx, tx, by, "payment.read", p.ID)
			return err
		}
		return b.Gate.NoteAbout(ctx, tx, p.Subject, collection, by, "payment.read", Keeps[0])
	}); err != nil {
		return err
	}
	return b.showPayment(w, r, http.StatusOK, &read, nil, nil)
}

// isCustomer reports whether somebody's record is there.
func (b *Billing) isCustomer(ctx context.Context, tx *store.Tx, s loot.Subject) bool {
	row, err := b.Vault.Row(ctx, tx, s, collection)
	return err == nil && !row.Erased()
}

// paidByHand writes down a payment that came another way than by a bank statement.
func (b *Billing) paidByHand(w http.ResponseWriter, r *http.Request) error {
	ctx, by := r.Context(), web.ActorOf(r.Context())
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	i, err := b.byNumber(r.Context(), r.PathValue("number"))
	if err != nil {
		return err
	}
	form := b.paidFields(i)
	err = form.Check(typed)
	day, wrong := invoice.ParseDate(typed.Get("day"))
	if err == nil && (wrong != nil || !day.Valid() || b.today().Before(day)) {
		err = web.Invalid("", map[string]string{"day": "This is no day on which something was paid already."})
	}
	amount := int64(0)
	if err == nil {
		amount, err = amountOf(typed.Get("amount"), i.Currency)
	}
	if web.Wrong(err) != nil {
		return b.showInvoicePaid(w, r, http.StatusUnprocessableEntity, form.With(typed, err), err)
	}
	if err != nil {
		return err
	}
	if err := b.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := settling(ctx, tx); err != nil {
			return err
		}
		i, err := findInvoice(ctx, tx, i.Number)
		if err != nil {
			return err
		}
		if i.Kind == invoice.CreditNote {
			return loot.Errorf(loot.Conflict, "A credit note is not paid. Pay back what is in credit on the page of the payment.")
		}
		p := payment{
			ID: loot.NewID("y"), Mark: "hand " + typed.Get("sent"), Author: by.ID, Subject: i.Subject, Day: day, Amount: amount, Currency: i.Currency, At: b.Now(), Decided: b.Now(),
		}
		fresh, err := insertPayment(ctx, tx, p, nil)
		if err != nil || !fresh {
			return err // the same form was sent twice
		}
		if part := min(amount, i.Open()); part > 0 {
			if err := b.give(ctx, tx, p.ID, by.ID, []share{{i.Number, part}}); err != nil {
				return err
			}
		}
		_, err = b.Gate.Note(ctx, tx, by, "payment.written", p.ID)
		return err
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The payment is written down.")
	return web.Redirect(w, r, "/console/billing/invoices/"+url.PathEscape(i.Number))
}
