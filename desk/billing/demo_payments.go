package billing

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/camt"
	"loot/store"
)

// A madeUpEntry is one of a made-up bank statement.
type madeUpEntry struct {
	Day      string // as 2026-02-28
	Amount   string // below zero: it was returned
	Currency string
	Name     string
	Text     string
	EndToEnd string
	Nth      int // tells two from one another that are the same but for it
}

// madeUpStatement is a bank statement of the made-up seller.
func madeUpStatement(entries ...madeUpEntry) []byte {
	var b bytes.Buffer
	escaped := func(s string) string {
		var out strings.Builder
		_ = xml.EscapeText(&out, []byte(s)) // a builder takes everything
		return out.String()
	}
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>MADE-UP</MsgId></GrpHdr><Stmt><Id>1</Id><Acct><Id><IBAN>%s</IBAN></Id></Acct>`, MadeUpSeller.IBAN)
	for _, e := range entries {
		way, reversal, amount := "CRDT", "", e.Amount
		if rest, gone := strings.CutPrefix(amount, "-"); gone {
			way, reversal, amount = "DBIT", "<RvslInd>true</RvslInd>", rest
		}
		fmt.Fprintf(&b, `<Ntry><Amt Ccy="%s">%s</Amt><CdtDbtInd>%s</CdtDbtInd>%s<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>%s</Dt></BookgDt><AcctSvcrRef>%s-%d</AcctSvcrRef><NtryDtls><TxDtls>`,
			e.Currency, amount, way, reversal, e.Day, e.Day, e.Nth)
		fmt.Fprintf(&b, `<Refs><EndToEndId>%s</EndToEndId></Refs><RltdPties><Dbtr><Pty><Nm>%s</Nm></Pty></Dbtr></RltdPties><RmtInf><Ustrd>%s</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`,
			escaped(e.EndToEnd), escaped(e.Name), escaped(e.Text))
	}
	b.WriteString(`</Stmt></BkToCstmrStmt></Document>`)
	return b.Bytes()
}

// statementForm is the form by which a bank statement is uploaded.
func statementForm(content []byte) (body, contentType string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("statement", "statement.xml")
	if err == nil {
		_, err = part.Write(content)
	}
	if err != nil {
		return "", "", fmt.Errorf("billing: form: %w", err)
	}
	return b.String() + "\r\n--" + w.Boundary() + "--\r\n", w.FormDataContentType(), nil
}

// demoPayments has most customers pay what was issued since a day, some in part or
// without a word for what, and one of them have the bank take it back. Who ordered first
// pays nothing for the last half of the history, so that they are reminded.
func (b *Billing) demoPayments(ctx context.Context, w *desk.World, clerk loot.Actor, since time.Time) error {
	var issued []Issued
	var idle loot.Subject
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		issued, err = readInvoices(ctx, tx, `WHERE i.at >= $1 AND i.at < $2 AND i.kind = '380' ORDER BY i.number`, since.UnixMicro(), b.Now().UnixMicro())
		if err != nil || b.Now().Before(w.History.End.AddDate(0, 0, -w.History.Days()/2)) {
			return err
		}
		all, err := b.listServices(ctx, tx, pick{}, "", 1000)
		for _, one := range slices.Backward(all) {
			if !one.Since.Before(w.History.Begin) { // else it was taken over
				idle = one.Subject
				break
			}
		}
		return err
	}); err != nil {
		return err
	}
	var entries []madeUpEntry
	for n, i := range issued {
		e := madeUpEntry{Day: b.today().AddDays(-n % 5).String(), Currency: i.Currency, Name: fmt.Sprintf("Made-up payer %d", n+1), Text: "Invoice " + i.Number, Nth: n, EndToEnd: "NOTPROVIDED"}
		amount := i.Total
		switch n % 30 {
		case 3:
			e.Text = camt.CreditorReference(strings.Join(parts.FindAllString(strings.ToUpper(i.Number), -1), ""))
		case 6:
			amount -= amount / 3
		case 7:
			e.Text = "Thank you for the server"
		case 8, 18, 28:
			continue
		}
		if e.Amount = plainAmount(amount, i.Currency); amount <= 0 || i.Subject == idle {
			continue
		}
		entries = append(entries, e)
		if n == 4 {
			e.Amount, e.Nth, e.Day = "-"+e.Amount, 1000, b.today().String()
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	body, contentType, err := statementForm(madeUpStatement(entries...))
	if err != nil {
		return err
	}
	a, err := desk.Browser{World: w, Who: clerk}.Send(ctx, http.MethodPost, paymentsPath+"/statement", body, http.Header{"Content-Type": {contentType}}, "192.0.2.1")
	if err != nil {
		return err
	}
	if a.Status != http.StatusSeeOther {
		return fmt.Errorf("billing: a bank statement was answered with %d", a.Status)
	}
	return nil
}

// demoReminders has a colleague set when who has not paid is reminded.
func (b *Billing) demoReminders(ctx context.Context, w *desk.World, clerk loot.Actor) error {
	for _, one := range []struct{ days, language, text string }{
		{"10", "", "Perhaps it was forgotten: an invoice of ours has been due for some days."},
		{"10", "de", "vielleicht ist es untergegangen: Eine Rechnung von uns ist seit einigen Tagen fällig."},
		{"30", "", "We wrote to you before about an invoice that is not paid. Please pay it, or tell us what keeps you from it."},
	} {
		a, err := desk.Browser{World: w, Who: clerk}.Post(ctx, remindersPath, url.Values{"days": {one.days}, "language": {one.language}, "text": {one.text}})
		if err != nil {
			return err
		}
		if a.Status != http.StatusSeeOther {
			return fmt.Errorf("billing: a reminder was answered with %d", a.Status)
		}
	}
	return nil
}
