package billing

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var (
	myInvoicesPage = web.NewPage[myInvoicesView](pageFiles, "pages/my_invoices.html")
	myInvoicePage  = web.NewPage[myInvoiceView](pageFiles, "pages/my_invoice.html")
	invoicesPage   = web.NewPage[invoicesView](pageFiles, "pages/invoices.html")
	invoicePage    = web.NewPage[invoiceView](pageFiles, "pages/invoice.html")
)

// documents are those that can be asked for.
var documents = map[string]struct{ name, mediaType, file string }{
	"pdf": {docPDF, "application/pdf", ".pdf"},
	"ubl": {docUBL, "application/xml", ".ubl.xml"},
	"cii": {docCII, "application/xml", ".cii.xml"},
}

// invoiceRow is an invoice in a list.
type invoiceRow struct {
	Issued
	Href  string
	Whose string    // where the staff find the customer
	For   string    // the period
	On    string    // the day of issue
	By    string    // the day by which it is due
	State web.Badge // how far it is paid, or that its documents are gone

	Stands *web.Badge // that it stands for one that was taken back; nil: it does not
}

// inPages is the language of the pages around invoices.
const inPages = "en"

// rowOf is an invoice in a list.
func (b *Billing) rowOf(i Issued, base string) invoiceRow {
	row := invoiceRow{Issued: i, Href: base + url.PathEscape(i.Number), Whose: desk.CustomerPath(i.Subject), For: i.Period.Words(inPages), On: i.Day.Words(inPages), By: i.dueWords(), State: i.standing(b.today())}
	if !i.Removed.IsZero() {
		row.State = web.Badge{Text: "removed"}
	}
	if i.Kind == invoice.Corrected {
		row.Stands = &web.Badge{Tone: web.Info, Text: "corrected"}
	}
	return row
}

type myInvoicesView struct {
	web.View
	Rows     []invoiceRow
	Language web.Fields
	Balances []string // in each currency, what is to pay or in credit
	Waits    []waitingRow
	Looks    []web.Day // at the copies, by others
	Empty    web.Empty
}

// waitingRow is an invoice of somebody's that waits.
type waitingRow struct {
	Month    string
	Missing  []web.Action // each leads to where it can be given
	Disputed string       // what its owner says is wrong; empty: nothing
	Fault    string       // what was found not to be valid; empty: nothing
}

// myInvoices lists the customer's own invoices, and what others wait for.
func (b *Billing) myInvoices(w http.ResponseWriter, r *http.Request) error {
	s, err := b.inForce()
	if err != nil {
		return err
	}
	me := loot.Subject(web.ActorOf(r.Context()).ID)
	v := myInvoicesView{View: web.ViewOf(r, "Invoices")}
	v.Lead = "Each as it was issued: it never changes."
	v.Empty = web.Empty{Icon: "receipt-text", Title: "No invoice yet", Text: "A month is invoiced when it is over."}
	var issued []Issued
	var waits []pending
	var items []ledger.Item
	var open loot.Field
	var balances []balance
	var chosen string
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		if balances, err = balancesOf(r.Context(), tx, me); err != nil {
			return err
		}
		if chosen, err = languageOf(r.Context(), tx, me); err != nil {
			return err
		}
		if items, err = b.Ledger.Timeline(r.Context(), tx, me, invoices, "", 100); err != nil && loot.KindOf(err) != loot.NotFound {
			return err
		}
		if issued, err = readInvoices(r.Context(), tx, `WHERE i.subject = $1 ORDER BY i.at DESC, i.number DESC`, me); err != nil {
			return err
		}
		held, err := b.Vault.Held(r.Context(), tx, me, collection)
		if err != nil && loot.KindOf(err) != loot.NotFound {
			return err
		}
		if open, err = b.reported(r.Context(), tx, me, held, terms); err != nil {
			return err
		}
		if v.Actions, err = b.before(r.Context(), tx, me); err != nil {
			return err
		}
		waits, err = readPending(r.Context(), tx, `WHERE subject = $1 ORDER BY month`, me)
		return err
	}); err != nil {
		return err
	}
	for _, i := range issued {
		v.Rows = append(v.Rows, b.rowOf(i, "/portal/invoices/"))
	}
	for _, one := range balances {
		v.Balances = append(v.Balances, one.Words())
	}
	v.Looks = looks(s, items)
	v.Language = languageFields(cmp.Or(chosen, b.seller.Language))
	for _, p := range waits {
		row, theirs := waitingRow{Month: p.Month.String()}, p.Missing
		switch {
		case len(p.Missing) > 0:
		case open != "":
			row.Disputed = s.Titles(open)[0]
		case p.Finding.Fault != "":
			row.Fault, theirs = s.Titles(p.Finding.Fault)[0], []loot.Field{p.Finding.Fault}
		default:
			continue // what is wrong is the company's to mend
		}
		for n, title := range s.Titles(theirs...) {
			row.Missing = append(row.Missing, web.Action{Label: title, Icon: "pencil", Small: true, Href: "/portal/correct/" + url.PathEscape(string(theirs[n]))})
		}
		v.Waits = append(v.Waits, row)
	}
	return myInvoicesPage.Render(w, r, http.StatusOK, v)
}

// looks tells when others opened, or tried to open, the copies of somebody's invoices.
func looks(s *statement.Statement, items []ledger.Item) []web.Day {
	var events []web.Event
	for _, item := range items {
		if item.Facts.Action != loot.Use {
			continue
		}
		events = append(events, lookAt(s, item, "The copy of an invoice was opened", "Somebody tried to open the copy of an invoice, and was refused"))
	}
	return web.Days(events)
}

// lookAt shows its owner that something was opened, or was not, and by whom.
func lookAt(s *statement.Statement, item ledger.Item, opened, refused string) web.Event {
	e := web.Event{At: item.At, Icon: "eye", Title: opened, Who: "A part of our program"}
	if item.Facts.ActorKind == loot.Staff {
		e.Who = "One of our staff"
		if role, ok := s.Role(item.Facts.Role); ok {
			e.Who = role.Title
		}
	}
	if item.Facts.Verdict == ledger.Refused {
		e.Icon, e.Tone, e.Title = "shield-x", web.Good, refused
	}
	if len(item.Facts.Clauses) > 0 {
		e.Clause = item.Facts.Clauses[0]
		e.Href = "/statement#" + string(e.Clause)
	}
	return e
}

type myInvoiceView struct {
	web.View
	Credit   *web.Alert // what it has to do with one that was taken back; nil: nothing
	Body     template.HTML
	Facts    []web.Fact // how far it is paid
	Payments []paidRow
}

// mineByNumber returns an invoice of a customer. Somebody else's is none.
func (b *Billing) mineByNumber(ctx context.Context, me loot.Actor, number string) (Issued, error) {
	i, err := b.byNumber(ctx, number)
	if err == nil && string(i.Subject) != me.ID {
		return Issued{}, loot.Errorf(loot.NotFound, "There is no invoice with this number.")
	}
	return i, err
}

// myInvoice shows one as it was issued, from the record that is sealed with it.
func (b *Billing) myInvoice(w http.ResponseWriter, r *http.Request) error {
	i, err := b.mineByNumber(r.Context(), web.ActorOf(r.Context()), r.PathValue("number"))
	if err != nil {
		return err
	}
	record, err := b.recordOf(r.Context(), i, gate.Request{Action: loot.Export, Actor: web.ActorOf(r.Context())})
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := record.HTML(&body, i.Open() > 0); err != nil {
		return err
	}
	v := myInvoiceView{View: web.ViewOf(r, i.Number), Body: template.HTML(body.String())} //nolint:gosec // a template wrote it
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/portal/invoices"}}
	if v.Credit, err = b.creditAlert(r.Context(), i, "/portal/invoices/"); err != nil {
		return err
	}
	state := i.standing(b.today())
	v.Facts = []web.Fact{{Term: "State", Badge: &state}, {Term: "Open", Value: i.OpenSum()}}
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		v.Payments, err = paidOf(r.Context(), tx, i)
		return err
	}); err != nil {
		return err
	}
	base := "/portal/invoices/" + url.PathEscape(i.Number) + "/"
	v.Actions = []web.Action{
		{Label: "PDF", Icon: "download", Primary: true, Href: base + "pdf"},
		{Label: "UBL", Icon: "code", Href: base + "ubl"},
		{Label: "CII", Icon: "code", Href: base + "cii"},
	}
	return myInvoicePage.Render(w, r, http.StatusOK, v)
}

// myDocument hands a document of one's own out.
func (b *Billing) myDocument(w http.ResponseWriter, r *http.Request) error {
	i, err := b.mineByNumber(r.Context(), web.ActorOf(r.Context()), r.PathValue("number"))
	if err != nil {
		return err
	}
	return b.send(w, r, i, r.PathValue("document"), gate.Request{Action: loot.Export, Actor: web.ActorOf(r.Context())})
}

// send opens a document and hands it to a browser.
func (b *Billing) send(w http.ResponseWriter, r *http.Request, i Issued, document string, req gate.Request) error {
	d, err := b.download(r.Context(), i, document, req)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", d.mediaType)
	h.Set("Content-Disposition", d.disposition)
	h.Set("Content-Length", strconv.Itoa(len(d.content)))
	_, err = w.Write(d.content)
	return err
}

// A download is a document with the headers that go with it.
type download struct {
	mediaType, disposition string
	content                []byte
}

// download opens one of an invoice's documents.
func (b *Billing) download(ctx context.Context, i Issued, document string, req gate.Request) (download, error) {
	doc, ok := documents[document]
	if !ok {
		return download{}, loot.Errorf(loot.NotFound, "There is no such document: an invoice has pdf, ubl and cii.")
	}
	content, err := b.opened(ctx, i, doc.name, req)
	return download{doc.mediaType, `attachment; filename="` + i.Number + doc.file + `"`, content}, err
}

type invoicesView struct {
	web.View
	Number  string
	States  web.Fields // by which the list can be narrowed
	Missing *web.Alert
	Stats   []web.Stat
	Rows    []invoiceRow
	Pager   web.Pager
	Empty   web.Empty
}

// narrowed writes what a list was narrowed by, as an address has it.
func narrowed(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q.Encode()
}

// unset says what of the seller is missing for the invoices of a month, or with none
// for any; nil: nothing.
func (b *Billing) unset(m Month) *web.Alert {
	s, err := b.inForce()
	if err != nil {
		return nil
	}
	if missing := b.seller.of(s.Front()).missing(m); len(missing) > 0 {
		return &web.Alert{Tone: web.Warn, Title: "No invoice can be issued yet.", Text: "The law wants on an invoice what is not set:", List: missing}
	}
	return nil
}

// An invoiceState is one by which the list is narrowed; its zero value takes all of it.
type invoiceState struct {
	id, title string
	where     string
	due       bool // only those that were due before today
}

var invoiceStates = []invoiceState{
	{id: "open", title: "Open", where: countsStill + ` AND i.total > ` + paidSum},
	{id: "overdue", title: "Overdue", where: countsStill + ` AND i.total > ` + paidSum, due: true},
	{id: "paid", title: "Paid", where: countsStill + ` AND i.total <= ` + paidSum},
	{id: "back", title: "Taken back", where: `c.credit IS NOT NULL`},
	{id: "credit", title: "Credit notes", where: `i.kind = '381'`},
}

const countsStill = `i.kind <> '381' AND c.credit IS NULL`

// numbersLike returns, in a query, the invoices whose number begins as was typed: in
// capitals or not, and the last part without the zeros before it.
func numbersLike(typed string) (where string, args []any) {
	typed = strings.ToUpper(strings.NewReplacer("%", "", "_", "").Replace(typed))
	where, args = `UPPER(i.number) LIKE $1`, []any{typed + "%"}
	if i := strings.LastIndex(typed, "-"); i > 0 {
		if n, err := strconv.ParseInt(typed[i+1:], 10, 64); err == nil {
			where, args = `(`+where+` OR UPPER(i.series) = $2 AND i.sequence = $3)`, append(args, typed[:i], n)
		}
	}
	return where, args
}

// listIssued returns the next n of what was issued after a number, latest first; with
// no number, the first n.
func listIssued(ctx context.Context, tx *store.Tx, where string, args []any, after string, n int) ([]Issued, error) {
	at := int64(1<<63 - 1)
	if after != "" {
		last, err := findInvoice(ctx, tx, after)
		if err != nil {
			return nil, err
		}
		at = last.At.UnixMicro()
	}
	p := len(args)
	return readInvoices(ctx, tx, fmt.Sprintf(`WHERE %s AND (i.at, i.number) < ($%d, $%d) ORDER BY i.at DESC, i.number DESC LIMIT $%d`, where, p+1, p+2, p+3), append(args, at, after, n)...)
}

// invoices lists what was issued, latest first, or the one with a number.
func (b *Billing) invoices(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	v := invoicesView{View: web.ViewOf(r, "Invoices"), Number: strings.TrimSpace(q.Get("number")), Missing: b.unset("")}
	v.Lead = "What was issued, by number and the customer's id. Opening one needs a reason, and the customer sees that it was opened."
	v.Actions = []web.Action{{Label: "Draw a month", Icon: "calendar-check", Href: "/console/billing/run"}, {Label: "Payments", Icon: "banknote", Href: paymentsPath}, {Label: "Reminders", Icon: "mail", Href: remindersPath}, {Label: "Rates", Icon: "percent", Href: ratesPath}}
	v.Empty = web.Empty{Icon: "receipt-text", Title: "No invoice", Text: "Draw a month that is over, and its invoices appear here."}
	var state invoiceState
	states := []web.Option{{Label: "In any state"}}
	for _, s := range invoiceStates {
		states = append(states, web.Option{Value: s.id, Label: s.title})
		if s.id == q.Get("state") {
			state = s
		}
	}
	v.States = stateFields(states, state.id)
	switch {
	case v.Number != "":
		v.Empty = web.Empty{Icon: "search", Title: "No invoice has this number", Text: "A number is found by how it begins, in small letters, too."}
	case state.id != "":
		v.Empty = web.Empty{Icon: "search", Title: "No invoice is in this state", Text: "There are others in the whole list."}
	}
	listed := &url.URL{Path: "/console/billing/invoices", RawQuery: narrowed("number", v.Number, "state", state.id)}
	var all []Issued
	var total, waiting int
	var before []web.Action
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		ctx := r.Context()
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM billing_invoice`).Scan(&total); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM billing_pending`).Scan(&waiting); err != nil {
			return err
		}
		if before, err = b.before(ctx, tx, ""); err != nil {
			return err
		}
		where, args := `1 = 1`, []any{}
		if v.Number != "" {
			where, args = numbersLike(v.Number)
		}
		if state.where != "" {
			where += ` AND ` + state.where
		}
		if state.due {
			args = append(args, b.today().String())
			where += fmt.Sprintf(` AND i.due < $%d`, len(args))
		}
		all, err = listIssued(ctx, tx, where, args, q.Get("after"), perPage+1)
		return err
	}); err != nil {
		return err
	}
	v.Actions = append(v.Actions, before...)
	v.Stats = []web.Stat{{Label: "Issued", Value: web.Number(total)}, {Label: "Waiting", Value: web.Number(waiting), Href: "/console/billing/run#waiting"}}
	if len(all) > perPage {
		all = all[:perPage]
		v.Pager.Next = web.After(listed, all[perPage-1].Number)
	}
	if q.Get("after") != "" {
		v.Pager.Prev = web.After(listed, "")
	}
	for _, i := range all {
		v.Rows = append(v.Rows, b.rowOf(i, "/console/billing/invoices/"))
	}
	return invoicesPage.Render(w, r, http.StatusOK, v)
}

type invoiceView struct {
	web.View
	Facts   []web.Fact
	Credit  *web.Alert // what it has to do with one that was taken back; nil: nothing
	Open    string
	Form    web.Fields
	Wrong   *web.Problems
	Refusal *web.Refusal
	Gone    bool
	Key     string // of the ledger, as it stands on the invoice
	Back    string // where it is taken back; empty: it cannot be
	Taking  web.Fields
	Untaken *web.Problems

	Payments []paidRow
	Pay      web.Fields // of a payment that is written down
	PayTo    string
	PayWrong *web.Problems
}

func openFields() web.Fields {
	return web.Fields{
		{Name: "document", Type: "select", Label: "Document", Options: []web.Option{{Value: "pdf", Label: "PDF"}, {Value: "ubl", Label: "UBL"}, {Value: "cii", Label: "CII"}}, Value: "pdf", Required: true, Plain: true},
		{Name: "reason", Label: "Reason", MaxLen: 200, Required: true, Plain: true, Hint: "Such as a ticket's number. It goes on the ledger under your name."},
	}
}

// invoice shows what stands about one, and opens nothing.
func (b *Billing) invoice(w http.ResponseWriter, r *http.Request) error {
	return b.showInvoice(w, r, http.StatusOK, invoiceView{})
}

// showInvoice shows the page with the forms of the view, or fresh ones.
func (b *Billing) showInvoice(w http.ResponseWriter, r *http.Request, status int, v invoiceView) error {
	i, err := b.byNumber(r.Context(), r.PathValue("number"))
	if err != nil {
		return err
	}
	v.View, v.Gone = web.ViewOf(r, i.Number), !i.Removed.IsZero()
	if v.Form == nil {
		v.Form = openFields()
	}
	if v.Taking == nil {
		v.Taking = takingFields()
	}
	if v.Credit, err = b.creditAlert(r.Context(), i, "/console/billing/invoices/"); err != nil {
		return err
	}
	if i.Kind != invoice.CreditNote && i.Credited == "" && !v.Gone {
		v.Back = "/console/billing/invoices/" + url.PathEscape(i.Number) + "/credit"
	}
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/console/billing/invoices"}}
	v.Open = "/console/billing/invoices/" + url.PathEscape(i.Number) + "/open"
	v.Facts = []web.Fact{
		{Term: "Customer", Value: string(i.Subject), Code: true, Action: customerAction(i.Subject)},
		{Term: "Issued", Value: i.Day.Words(inPages)},
		{Term: "For", Value: i.Period.Words(inPages)},
		{Term: "Due", Value: i.dueWords()},
		{Term: "Without tax", Value: i.signed(i.Net)},
		{Term: "Tax", Value: i.signed(i.Tax)},
		{Term: "Total", Value: i.Sum()},
		b.statementFact(i.Statement),
	}
	v.Key = b.Ledger.VerifierKey()
	if err := b.showPaid(r, &v, i); err != nil {
		return err
	}
	return invoicePage.Render(w, r, status, v)
}

// statementFact names the version of the statement under which an invoice was issued.
func (b *Billing) statementFact(hash string) web.Fact {
	return web.Fact{
		Term: "Statement in force", Value: loot.Cut(hash, 12), Code: true,
		Action: &web.Action{Label: "Version", Icon: "scroll-text", Small: true, Href: "/statement/versions/" + url.PathEscape(hash)},
	}
}

// byNumber returns the invoice with a number, of whomever it is.
func (b *Billing) byNumber(ctx context.Context, number string) (i Issued, err error) {
	err = b.DB.ReadTx(ctx, func(tx *store.Tx) error {
		i, err = findInvoice(ctx, tx, number)
		return err
	})
	return i, err
}

// open hands a document to a member of staff, who says why.
func (b *Billing) open(w http.ResponseWriter, r *http.Request) error {
	i, err := b.byNumber(r.Context(), r.PathValue("number"))
	if err != nil {
		return err
	}
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := openFields()
	if err := form.Check(typed); web.Wrong(err) != nil {
		form = form.With(typed, err)
		return b.showInvoice(w, r, http.StatusUnprocessableEntity, invoiceView{Form: form, Wrong: web.ProblemsOf(err, form)})
	} else if err != nil {
		return err
	}
	err = b.send(w, r, i, typed.Get("document"), gate.Request{Action: loot.Use, Actor: web.ActorOf(r.Context()), Unmask: true, Reason: typed.Get("reason")})
	if refusal, refused := web.RefusalOf(err); refused {
		return b.showInvoice(w, r, http.StatusForbidden, invoiceView{Form: form.With(typed, nil), Refusal: &refusal})
	}
	return err
}
