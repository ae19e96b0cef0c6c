package billing

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"loot"
	"loot/api"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/store"
)

const invoicesTag = "Invoices"

// billers are who may see what was issued.
var billers = []loot.Role{"billing"}

// invoicesAPI adds the operations on what was issued. The list knows customers by
// their ids alone; a document is opened as on the console, with a reason.
func (b *Billing) invoicesAPI(a *api.API) {
	api.Add(a, api.Operation{
		ID: "list-invoices", Method: http.MethodGet, Path: "/api/invoices", Tag: invoicesTag, Scope: "invoices:read",
		Summary: "List invoices and credit notes, latest first", Kinds: []loot.Kind{loot.Denied, loot.NotFound},
		Text: "What was issued never changes; what is paid of it, and whether it was taken back, does. Amounts are exact; those of a credit note are what it takes back.",
	}, b.apiInvoices)
	api.Add(a, api.Operation{
		ID: "open-invoice", Method: http.MethodPost, Path: "/api/invoices/{number}/open", Tag: invoicesTag, Scope: "invoices:open",
		Summary: "Open a document of an invoice, with a reason", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound},
		Text: "Answers with the document as it was issued: a PDF, or XML as UBL or CII. The customer sees that it was opened. A refusal names the clause and what would be needed.",
	}, b.apiOpenInvoice)
	api.Add(a, api.Operation{
		ID: "list-own-invoices", Method: http.MethodGet, Path: "/api/me/invoices", Tag: invoicesTag, Scope: "me:invoices",
		Summary: "List the invoices and credit notes of the owner of the token, latest first", Kinds: []loot.Kind{loot.Denied, loot.NotFound},
	}, b.apiOwnInvoices)
	api.Add(a, api.Operation{
		ID: "fetch-own-invoice", Method: http.MethodGet, Path: "/api/me/invoices/{number}/{document}", Tag: invoicesTag, Scope: "me:invoices",
		Summary: "Fetch a document of one's own invoice", Kinds: []loot.Kind{loot.Denied, loot.NotFound},
		Text: "Answers with the document as it was issued: a PDF, or XML as UBL or CII. That a program fetched it stands in the owner's timeline.",
	}, b.apiOwnInvoice)
}

// An issuedRow is an invoice as programs see it.
type issuedRow struct {
	Number    string       `json:"number"`
	Customer  loot.Subject `json:"customer"`
	Kind      string       `json:"kind" enum:"invoice,corrected,credit-note"`
	Preceding string       `json:"preceding,omitempty" doc:"Number of the one that it corrects or takes back"`
	Credited  string       `json:"creditNote,omitempty" doc:"Number of the one that took it back"`
	Issued    string       `json:"issued" format:"date"`
	Due       string       `json:"due,omitempty" format:"date" doc:"Not of a credit note"`
	From      string       `json:"from" format:"date" doc:"First day that it is for"`
	To        string       `json:"to" format:"date" doc:"Last day that it is for"`
	Currency  string       `json:"currency" doc:"Of ISO 4217"`
	Net       string       `json:"net"`
	Tax       string       `json:"tax"`
	Total     string       `json:"total"`
	Paid      string       `json:"paid"`
	Open      string       `json:"open" doc:"Below zero: in credit"`
	State     string       `json:"state" enum:"open,overdue,paid,taken-back,credit-note"`
	Removed   *time.Time   `json:"removed,omitempty" doc:"When its documents were removed, as no law has them kept any longer"`
}

// apiKinds are the kinds of invoices as programs know them.
var apiKinds = map[invoice.Kind]string{invoice.Commercial: "invoice", invoice.Corrected: "corrected", invoice.CreditNote: "credit-note"}

func issuedRowOf(i Issued, today invoice.Date) issuedRow {
	amount := func(n int64) string { return plainAmount(n, i.Currency) }
	out := issuedRow{
		Number: i.Number, Customer: i.Subject, Kind: apiKinds[i.Kind], Preceding: i.Preceding, Credited: i.Credited,
		Issued: i.Day.String(), Due: i.Due.String(), From: i.Period.From.String(), To: i.Period.To.String(), Currency: i.Currency,
		Net: amount(i.Net), Tax: amount(i.Tax), Total: amount(i.Total), Paid: amount(i.Paid), Open: amount(i.Open()), State: "open", Removed: momentOf(i.Removed),
	}
	switch {
	case i.Kind == invoice.CreditNote:
		out.State, out.Due = "credit-note", ""
	case i.Credited != "":
		out.State = "taken-back"
	case i.Open() <= 0:
		out.State = "paid"
	case i.Due.Before(today):
		out.State = "overdue"
	}
	return out
}

type invoicesIn struct {
	Customer loot.Subject `query:"customer" maxLength:"64" doc:"Only those of a customer"`
	After    string       `query:"after" maxLength:"64" doc:"Number to go on after"`
	Limit    int          `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type ownInvoicesIn struct {
	After string `query:"after" maxLength:"64" doc:"Number to go on after"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type invoicesOut struct {
	Body struct {
		Invoices []issuedRow `json:"invoices"`
		Next     string      `json:"next,omitempty" doc:"Number to go on after; empty at the end"`
	}
}

func (b *Billing) apiInvoices(ctx context.Context, in *invoicesIn) (*invoicesOut, error) {
	if err := api.Allow(ctx, billers); err != nil {
		return nil, err
	}
	if in.Customer == "" {
		return b.apiIssued(ctx, `1 = 1`, nil, in.After, in.Limit)
	}
	return b.apiIssuedTo(ctx, in.Customer, in.After, in.Limit)
}

func (b *Billing) apiOwnInvoices(ctx context.Context, in *ownInvoicesIn) (*invoicesOut, error) {
	me, err := api.Person(ctx)
	if err != nil {
		return nil, err
	}
	if in.After != "" { // whether there is one of somebody else's is not told
		if _, err := b.mineByNumber(ctx, me, in.After); err != nil {
			return nil, err
		}
	}
	return b.apiIssuedTo(ctx, loot.Subject(me.ID), in.After, in.Limit)
}

func (b *Billing) apiIssuedTo(ctx context.Context, s loot.Subject, after string, limit int) (*invoicesOut, error) {
	return b.apiIssued(ctx, `i.subject = $1`, []any{s}, after, limit)
}

func (b *Billing) apiIssued(ctx context.Context, where string, args []any, after string, limit int) (*invoicesOut, error) {
	var all []Issued
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		all, err = listIssued(ctx, tx, where, args, after, limit)
		return err
	}); err != nil {
		return nil, err
	}
	out := &invoicesOut{}
	out.Body.Invoices = []issuedRow{}
	for _, i := range all {
		out.Body.Invoices = append(out.Body.Invoices, issuedRowOf(i, b.today()))
	}
	if len(all) == limit {
		out.Body.Next = all[len(all)-1].Number
	}
	return out, nil
}

type openInvoiceIn struct {
	Number string `path:"number" maxLength:"64"`
	Body   struct {
		Document string `json:"document" enum:"pdf,ubl,cii"`
		Reason   string `json:"reason" minLength:"1" maxLength:"200" doc:"Sealed beside the name of who asks"`
	}
}

type openInvoiceOut struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (b *Billing) apiOpenInvoice(ctx context.Context, in *openInvoiceIn) (*openInvoiceOut, error) {
	if err := api.Allow(ctx, billers); err != nil {
		return nil, err
	}
	reason := strings.TrimSpace(in.Body.Reason)
	if err := openFields().Check(url.Values{"document": {in.Body.Document}, "reason": {reason}}); err != nil {
		return nil, err
	}
	i, err := b.byNumber(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	d, err := b.download(ctx, i, in.Body.Document, gate.Request{Action: loot.Use, Actor: api.ActorOf(ctx), Unmask: true, Reason: reason})
	if err != nil {
		return nil, err
	}
	return &openInvoiceOut{d.mediaType, d.disposition, d.content}, nil
}

type ownInvoiceIn struct {
	Number   string `path:"number" maxLength:"64"`
	Document string `path:"document" enum:"pdf,ubl,cii"`
}

func (b *Billing) apiOwnInvoice(ctx context.Context, in *ownInvoiceIn) (*openInvoiceOut, error) {
	me, err := api.Person(ctx)
	if err != nil {
		return nil, err
	}
	i, err := b.mineByNumber(ctx, me, in.Number)
	if err != nil {
		return nil, err
	}
	d, err := b.download(ctx, i, in.Document, gate.Request{Action: loot.Export, Actor: me})
	if err != nil {
		return nil, err
	}
	return &openInvoiceOut{d.mediaType, d.disposition, d.content}, nil
}
