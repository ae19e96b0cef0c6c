package camt

import (
	"errors"
	"strings"
	"time"

	"loot"
	"loot/desk/billing/invoice"
)

// The elements of a statement that are read, by their names in ISO 20022. What
// moved between versions is read at either place.
type (
	account struct {
		IBAN  string `xml:"Id>IBAN"`
		Other string `xml:"Id>Othr>Id"`
	}
	amount struct {
		Value    string `xml:",chardata"`
		Currency string `xml:"Ccy,attr"`
	}
	entry struct {
		Amount   amount `xml:"Amt"`
		Credit   string `xml:"CdtDbtInd"`
		Reversal string `xml:"RvslInd"`
		Status   struct {
			Text string `xml:",chardata"` // up to version 07
			Code string `xml:"Cd"`        // from 08 on
		} `xml:"Sts"`
		Day       day    `xml:"BookgDt"`
		Value     day    `xml:"ValDt"`
		Reference string `xml:"AcctSvcrRef"`
		Code      code   `xml:"BkTxCd"`
		Details   []struct {
			Payments []detail `xml:"TxDtls"`
		} `xml:"NtryDtls"`
		Text string `xml:"AddtlNtryInf"`
	}
	day struct {
		Day  string `xml:"Dt"`
		Time string `xml:"DtTm"`
	}
	code struct {
		Family string `xml:"Domn>Fmly>SubFmlyCd"`
	}
	detail struct {
		References struct {
			Servicer string `xml:"AcctSvcrRef"`
			EndToEnd string `xml:"EndToEndId"`
			Payment  string `xml:"TxId"`
			Clearing string `xml:"ClrSysRef"`
		} `xml:"Refs"`
		Amount  amount `xml:"Amt"`               // from 03 on
		Former  amount `xml:"AmtDtls>TxAmt>Amt"` // in 02
		Credit  string `xml:"CdtDbtInd"`
		Code    code   `xml:"BkTxCd"`
		Parties struct {
			Debtor    party   `xml:"Dbtr"`
			Account   account `xml:"DbtrAcct"`
			Creditor  party   `xml:"Cdtr"`
			Creditors account `xml:"CdtrAcct"`
		} `xml:"RltdPties"`
		Free       []string `xml:"RmtInf>Ustrd"`
		Structured []struct {
			Creditor  string   `xml:"CdtrRefInf>Ref"`
			Documents []string `xml:"RfrdDocInf>Nb"`
			More      []string `xml:"AddtlRmtInf"`
		} `xml:"RmtInf>Strd"`
		Return struct {
			Code string `xml:"Rsn>Cd"`
			Own  string `xml:"Rsn>Prtry"`
		} `xml:"RtrInf"`
		Text string `xml:"AddtlTxInf"`
	}
	party struct {
		Name   string `xml:"Nm"`     // up to version 07
		Person string `xml:"Pty>Nm"` // from 08 on
	}
)

func (a account) number() string {
	if a.IBAN != "" {
		return compact(a.IBAN)
	}
	return compact(a.Other)
}

func compact(s string) string { return strings.ToUpper(strings.ReplaceAll(text(s), " ", "")) }

// returns are the sub-families of transactions that take one back
// (ExternalBankTransactionSubFamily1Code).
var returns = []string{"RRTN", "RPCR", "RIMB", "PRDD", "UPDD", "RCDD", "UPCT", "RPCT", "RCHQ", "UPCQ", "CQRV", "RSTN"}

func (c code) returns() bool {
	for _, r := range returns {
		if strings.EqualFold(text(c.Family), r) {
			return true
		}
	}
	return false
}

func (d day) date() (time.Time, bool) {
	if s := text(d.Time); len(s) >= len(time.DateOnly) {
		d.Day = s[:len(time.DateOnly)]
	}
	// A day may carry a zone behind it (XML Schema), which does not move it.
	s := text(d.Day)
	if len(s) > len(time.DateOnly) {
		s = s[:len(time.DateOnly)]
	}
	t, err := time.Parse(time.DateOnly, s)
	return t, err == nil && t.Year() >= 1970
}

var (
	errAmount = errors.New("its amount is none that can be booked")
	errDay    = errors.New("it has no day on which it was booked")
)

// decimal reads an amount as it was booked.
func (a amount) decimal() (invoice.Decimal, error) {
	n, err := invoice.ParseDecimal(strings.TrimPrefix(text(a.Value), "+"))
	places, ok := invoice.Decimals(text(a.Currency))
	if err != nil || !ok || n.Sign() < 0 || n.Places() > places {
		return n, errAmount
	}
	return n, nil
}

// payments returns what an entry is made of.
func (e *entry) payments(account string) ([]Payment, error) {
	total, err := e.Amount.decimal()
	if err != nil {
		return nil, err
	}
	booked, ok := e.Day.date()
	if !ok {
		if booked, ok = e.Value.date(); !ok {
			return nil, errDay
		}
	}
	base := Payment{
		Account: account, Booked: booked, Currency: text(e.Amount.Currency), Amount: total, Returned: text(e.Reversal) == "true" || text(e.Reversal) == "1" || e.Code.returns(),
		// NtryRef is left out: some banks count it anew in each statement.
		own: []string{text(e.Reference)},
	}
	gone := text(e.Credit) == "DBIT"
	if !gone && text(e.Credit) != "CRDT" {
		return nil, errAmount
	}
	var details []*detail
	for i := range e.Details {
		for j := range e.Details[i].Payments {
			details = append(details, &e.Details[i].Payments[j])
		}
	}
	if parts, ok := e.divided(details, base, gone); ok {
		return parts, nil
	}
	// The bank does not say how the sum is made up.
	base.Whole = len(details) > 1
	for _, d := range details {
		d.into(&base, gone)
	}
	if len(details) == 0 {
		base.Text = text(e.Text)
	}
	if gone {
		base.Amount = base.Amount.Neg()
	}
	return []Payment{base}, nil
}

// divided returns a payment for each detail of an entry, if their amounts make up
// the entry's.
func (e *entry) divided(details []*detail, base Payment, gone bool) (out []Payment, ok bool) {
	if len(details) < 2 {
		return nil, false
	}
	sum := invoice.Decimal{}
	for _, d := range details {
		a := d.Amount
		if text(a.Value) == "" {
			a = d.Former
		}
		n, err := a.decimal()
		if err != nil || text(a.Currency) != base.Currency {
			return nil, false
		}
		p := base
		p.own = append([]string{}, base.own...)
		goes := gone
		if c := text(d.Credit); c != "" {
			goes = c == "DBIT"
		}
		if p.Amount = n; goes {
			p.Amount = n.Neg()
		}
		d.into(&p, goes)
		if sum, err = invoice.Sum(sum, p.Amount); err != nil {
			return nil, false
		}
		out = append(out, p)
	}
	total := base.Amount
	if gone {
		total = total.Neg()
	}
	return out, sum.Equal(total)
}

// into adds to a payment what a detail says of it.
func (d *detail) into(p *Payment, gone bool) {
	who, theirs := d.Parties.Debtor, d.Parties.Account
	if gone != (p.Returned || d.returned()) { // who paid first is the debtor of what is returned, too
		who, theirs = d.Parties.Creditor, d.Parties.Creditors
	}
	p.Returned = p.Returned || d.returned()
	add := func(to *string, s string) {
		if s = text(s); s != "" && *to == "" {
			*to = s
		}
	}
	add(&p.Party, who.Name)
	add(&p.Party, who.Person)
	add(&p.PartyIBAN, theirs.number())
	add(&p.Reason, d.Return.Code)
	add(&p.Reason, d.Return.Own)
	if s := text(d.References.EndToEnd); s != "NOTPROVIDED" {
		add(&p.EndToEnd, s)
	}
	lines := strings.FieldsFunc(p.Text, func(r rune) bool { return r == '\n' })
	for _, s := range d.Free {
		lines = append(lines, text(s))
	}
	for _, s := range d.Structured {
		for _, ref := range append([]string{s.Creditor}, s.Documents...) {
			if ref = text(ref); ref != "" && len(p.Refs) < 50 {
				p.Refs = append(p.Refs, ref)
			}
		}
		for _, more := range s.More {
			lines = append(lines, text(more))
		}
	}
	if len(d.Free)+len(d.Structured) == 0 {
		lines = append(lines, text(d.Text))
	}
	p.Text = loot.Cut(strings.Trim(strings.Join(lines, "\n"), "\n"), maxText)
	for _, s := range []string{d.References.Servicer, d.References.Payment, d.References.Clearing} {
		if s = text(s); s != "" && len(p.own) < 50 {
			p.own = append(p.own, s)
		}
	}
}

func (d *detail) returned() bool {
	return text(d.Return.Code) != "" || text(d.Return.Own) != "" || d.Code.returns()
}
