package billing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/store"
)

// madeUpRates is a file as the European Central Bank publishes it.
func madeUpRates(days ...string) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><gesmes:subject>Reference rates</gesmes:subject><gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender><Cube>`)
	for _, day := range days {
		b.WriteString(`<Cube time="` + day + `"><Cube currency="USD" rate="1.0823"/><Cube currency="JPY" rate="160.25"/><Cube currency="TRL" rate="N/A"/></Cube>`)
	}
	b.WriteString(`</Cube></gesmes:Envelope>`)
	return []byte(b.String())
}

func TestTheFileOfTheCentralBankIsRead(t *testing.T) {
	var got []string
	ok(t, readECB(bytes.NewReader(madeUpRates("2026-11-27", "2026-11-26")), func(r fx) error {
		got = append(got, fmt.Sprint(r.Day, " ", r.Currency, " ", r.Rate, " ", r.Source))
		return nil
	}))
	if want := "2026-11-27 USD 1.0823 ecb,2026-11-27 JPY 160.25 ecb,2026-11-26 USD 1.0823 ecb,2026-11-26 JPY 160.25 ecb"; strings.Join(got, ",") != want {
		t.Errorf("%v", got)
	}
	whole := string(madeUpRates("2026-11-27"))
	for name, file := range map[string]string{
		"nothing": "", "text": "hello", "another file": `<?xml version="1.0"?><Cube time="2026-11-27"><Cube currency="USD" rate="1"/></Cube>`,
		"cut off": whole[:len(whole)-20], "no day": strings.Replace(whole, "2026-11-27", "soon", 1), "no number": strings.Replace(whole, "1.0823", "1,0823", 1),
		"below zero": strings.Replace(whole, "1.0823", "-1", 1), "an entity": strings.Replace(whole, "<gesmes:E", `<!DOCTYPE x [<!ENTITY y "z">]><gesmes:E`, 1),
	} {
		if err := readECB(strings.NewReader(file), func(fx) error { return nil }); !errors.Is(err, errRatesFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadECB(f *testing.F) {
	f.Add(madeUpRates("2026-11-27"))
	f.Fuzz(func(t *testing.T, file []byte) {
		err := readECB(bytes.NewReader(file), func(r fx) error {
			if !r.Day.Valid() || r.Rate.Sign() <= 0 || len(r.Currency) != 3 {
				t.Errorf("%+v", r)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errRatesFile) {
			t.Error(err)
		}
	})
}

// priced has the plan of customers cost so much, in the smallest unit of a currency.
func (o *office) priced(cents int64, currency string) {
	o.Helper()
	o.Tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE billing_plan SET currency = $1, cents = $2 WHERE id = 'shared-small'`, currency, cents)
		return err
	})
}

func TestTaxStandsInTheSellersCurrencyToo(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.priced(490, "USD")
		s := o.customer(meadow)
		o.after(december)
		o.asStaff("billing")
		shows(t, o.preview("2026-11"), http.StatusOK, "to be issued", "It waits if there is tax on it: no rate of USD is known of 2026-11-30")
		o.run(november)
		shows(t, o.preview("2026-11"), http.StatusOK, "There is tax on an invoice in USD, which the law wants in EUR, too, and no rate of USD is known of 2026-11-30", "Rates")
		if all := o.issued(""); len(all) != 0 {
			t.Fatalf("%+v", all)
		}
		// A Monday's tax at the rate of the Friday before; what is older is of no use.
		body := func(file []byte) (string, http.Header) {
			text, contentType, err := statementForm(file)
			ok(t, err)
			return strings.Replace(text, `name="statement"`, `name="file"`, 1), http.Header{"Content-Type": {contentType}}
		}
		text, header := body([]byte("hello"))
		shows(t, o.Do(http.MethodPost, ratesPath+"/file", text, header), http.StatusUnprocessableEntity, "Import Please look at the fields that are marked. File of the European Central Bank : ")
		for _, one := range []struct {
			day  string
			want int
		}{{"2026-11-22", 0}, {"2026-11-27", 1}} {
			text, header = body(madeUpRates(one.day))
			desktest.Leads(t, o.Do(http.MethodPost, ratesPath+"/file", text, header), ratesPath)
			o.hour()
			if all := o.issued(""); len(all) != one.want {
				t.Fatalf("with the rate of %s: %+v", one.day, all)
			}
		}
		i := o.issued("")[0]
		if i.Currency != "USD" || i.Total != 161 {
			t.Errorf("%+v", i)
		}
		o.as(s)
		shows(t, o.Get("/portal/invoices/"+i.Number), http.StatusOK, "VAT in EUR", "0.28", "Exchange rate: 1 EUR = 1.0823 USD, 27 November 2026 (European Central Bank).") // 0.30 USD
		for doc, want := range map[string]string{"cii": `<ram:TaxTotalAmount currencyID="EUR">0.28<`, "ubl": `<cbc:TaxAmount currencyID="EUR">0.28<`} {
			if a := o.Get("/portal/invoices/" + i.Number + "/" + doc); !strings.Contains(a.Body, want) {
				t.Errorf("%s lacks %s", doc, want)
			}
		}
		credit, err := o.b.takeBack(t.Context(), i.Number, "An outage.", clerk)
		ok(t, err)
		shows(t, o.Get("/portal/invoices/"+credit.Number), http.StatusOK, "Reason: An outage.", "VAT in EUR", "0.28", "Exchange rate: 1 EUR = 1.0823 USD, 27 November 2026 (European Central Bank).")
	})
}

func TestARateIsEntered(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.asStaff("billing")
		shows(t, o.Get(ratesPath), http.StatusOK, "No rate yet")
		for _, bad := range [][]string{
			{"currency", "EUR", "rate", "1", "day", "2026-11-20"},
			{"currency", "XXY", "rate", "1", "day", "2026-11-20"},
			{"currency", "USD", "rate", "0", "day", "2026-11-20"},
			{"currency", "USD", "rate", "1.08", "day", "2026-11-24"},
			{"currency", "USD", "rate", "1.08", "day", ""},
		} {
			shows(t, o.Post(ratesPath, bad...), http.StatusUnprocessableEntity, "Enter one Please look at the fields that are marked.")
		}
		for _, rate := range []string{"1.08", "1.09"} {
			desktest.Leads(t, o.Post(ratesPath, "currency", "USD", "rate", rate, "day", "2026-11-20"), ratesPath)
		}
		shows(t, o.Get(ratesPath), http.StatusOK, "1.09", "entered", "20 November 2026")
	})
}

// A seller in a state without the euro accounts for tax in that state's money.
func TestTheCurrencyOfTheTax(t *testing.T) {
	for address, want := range map[string]string{"1 Example Quay, Dublin, Ireland": "EUR", "Prova 1, 00-001 Warszawa, Poland": "PLN", "Prov 1, 111 11 Stockholm, Sweden": "SEK", "Proba 1, 1000 Sofia, Bulgaria": "EUR"} {
		a, _ := addressOf(address)
		if got := accountingOf(invoice.Party{Address: a}); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func TestAnAccountThatIsNoIBAN(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		seller := MadeUpSeller
		seller.IBAN, seller.Account = "", "0210/0012-3456"
		o.b.Sell(seller)
		i := o.billedFor(1)[0]
		o.as(i.Subject)
		shows(t, o.Get("/portal/invoices/"+i.Number), http.StatusOK, "Account no. 0210/0012-3456")
		if a := o.Get("/portal/invoices/" + i.Number + "/cii"); !strings.Contains(a.Body, "<ram:ProprietaryID>0210/0012-3456<") || strings.Contains(a.Body, "IBANID") {
			t.Error("the XML names another account")
		}
	})
	if err := (Seller{IBAN: MadeUpSeller.IBAN, Account: "1"}).Check(); err == nil {
		t.Error("an IBAN and another number")
	}
}

// TestTermsOfPaymentStandOnInvoices: in each document, with an account to pay to or without.
func TestTermsOfPaymentStandOnInvoices(t *testing.T) {
	const terms = "Paid late, it bears interest & costs 40 EUR."
	onEach(t, func(t *testing.T, o *office) {
		for n, iban := range []string{MadeUpSeller.IBAN, ""} {
			seller := MadeUpSeller
			seller.IBAN, seller.Terms = iban, terms
			o.b.Sell(seller)
			s := o.customer(meadow)
			o.after(december.AddDate(0, n, 0))
			o.run(november)
			if n > 0 { // November is drawn
				o.run("2026-12")
			}
			i := o.issued(`WHERE i.subject = $1`, s)[0]
			o.as(s)
			shows(t, o.Get("/portal/invoices/"+i.Number), http.StatusOK, "Terms", terms)
			for doc, want := range map[string]string{"ubl": "<cbc:Note>Paid late, it bears interest &amp; costs 40 EUR.<", "cii": "<ram:Description>Paid late, it bears interest &amp; costs 40 EUR.<"} {
				if !strings.Contains(o.Get("/portal/invoices/"+i.Number+"/"+doc).Body, want) {
					t.Errorf("with the account %q, the %s lacks the terms", iban, doc)
				}
			}
		}
	})
	for _, bad := range []string{"two\nlines", strings.Repeat("x", 501)} {
		if err := (Seller{Terms: bad}).Check(); err == nil || !strings.Contains(err.Error(), "--seller-terms") {
			t.Errorf("%.10q: %v", bad, err)
		}
	}
}

func TestAnInvoiceIsInTheLanguageThatItsOwnerChose(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		i := o.billedFor(1)[0]
		o.as(i.Subject)
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "Language of your invoices", "Français")
		if a := o.Post("/portal/invoices/language", "language", "tlh"); a.Status != http.StatusUnprocessableEntity && a.Status != http.StatusBadRequest {
			t.Errorf("a language that there is not: %d", a.Status)
		}
		for _, code := range []string{"nl", "fr"} {
			desktest.Leads(t, o.Post("/portal/invoices/language", "language", code), "/portal/invoices")
		}
		o.Tx(func(ctx context.Context, tx *store.Tx) error { // as if it had been set up in December
			_, err := tx.Exec(ctx, `UPDATE billing_plan SET setup = 500 WHERE id = 'shared-small'`)
			if err == nil {
				_, err = tx.Exec(ctx, `UPDATE billing_service SET since = $1 WHERE subject = $2`, time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC).UnixMicro(), i.Subject)
			}
			return err
		})
		o.after(time.Date(2027, 1, 2, 9, 0, 0, 0, time.UTC))
		o.run("2026-12")
		second := o.issued(`WHERE i.began = '2026-12-01'`)[0]
		o.as(i.Subject)
		shows(t, o.Get("/portal/invoices/"+second.Number), http.StatusOK, "Facture "+second.Number, "Ce que nous savons de vous", "1er–31 décembre 2026", "2 janvier 2027", "Sa clé", "(mise en service)")
		shows(t, o.Get("/portal/invoices/"+i.Number), http.StatusOK, "What we know about you")
		language := func() (code string) {
			o.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
				code, err = languageOf(ctx, tx, i.Subject)
				return err
			})
			return code
		}
		if language() != "fr" {
			t.Errorf("the language is %q", language())
		}
		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error { return o.b.forget(t.Context(), tx, i.Subject) }))
		if language() != "" {
			t.Error("the language of somebody who is gone is still there")
		}
	})
}

// Amounts of currencies of 0 and 3 decimals stay what they are, from the price to the
// payment.
func TestCurrenciesOfOtherDecimals(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		for n, one := range []struct {
			currency, price, open, pays string
			cents                       int64
		}{
			{"JPY", "JPY 980", "JPY 980", "980", 980},
			{"KWD", "KWD 1.230", "KWD 1.230", "1.230", 1230},
		} {
			o.priced(one.cents, one.currency)
			o.asStaff("billing")
			shows(t, o.Get("/services"), http.StatusOK, one.price+" a month")
			s := o.customer(with(meadow, map[loot.Field]string{country: "JP", companyVAT: ""}))
			begin := time.Date(2026, time.Month(12+n), 1, 0, 0, 0, 0, time.UTC)
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE billing_service SET since = $1 WHERE subject = $2`, begin.UnixMicro(), s)
				return err
			})
			o.after(begin.AddDate(0, 1, 1))
			o.run(Month(begin.Format("2006-01")))
			i := o.issued(`WHERE i.subject = $1`, s)[0]
			if got := strings.ReplaceAll(i.OpenSum(), "\u00a0", " "); got != one.open {
				t.Errorf("%s is open, want %s", got, one.open)
			}
			o.uploads(madeUpEntry{Day: i.Day.String(), Amount: one.pays, Currency: one.currency, Text: i.Number})
			o.stands(i.Number, "paid")
		}
	})
}

func TestAPriceHasTheDecimalsOfItsCurrency(t *testing.T) {
	for _, tt := range []struct {
		text, currency string
		want           int64
	}{
		{"9.90", "EUR", 990},
		{"9,90", "EUR", 990},
		{"9", "EUR", 900},
		{"9.9", "EUR", -1},
		{"9.900", "EUR", -1},
		{"980", "JPY", 980},
		{"9.80", "JPY", -1},
		{"1.230", "KWD", 1230},
		{"1.234", "KWD", -1}, // EN 16931 lets amounts have two
		{"1.201", "TND", -1},
		{"1", "KWD", 1000},
		{"1.23", "KWD", -1},
		{"12345678", "EUR", -1},
		{"1e3", "EUR", -1},
		{"", "EUR", -1},
		{"1", "XXY", -1},
	} {
		n, err := priceOf(tt.text, tt.currency)
		if err != nil {
			n = -1
		}
		if n != tt.want {
			t.Errorf("%q in %s: %d, want %d", tt.text, tt.currency, n, tt.want)
		}
	}
	for _, o := range priceCurrencies {
		if _, ok := invoice.Decimals(o.Value); !ok {
			t.Errorf("%s is no currency", o.Value)
		}
	}
}
