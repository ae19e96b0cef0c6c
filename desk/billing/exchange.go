package billing

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"

	"loot"
	"loot/desk/billing/invoice"
	"loot/store"
)

// accounting are the currencies in which tax is accounted for in the member states
// that do not have the euro.
var accounting = map[string]string{"CZ": "CZK", "DK": "DKK", "HU": "HUF", "PL": "PLN", "RO": "RON", "SE": "SEK"}

// accountingOf returns the currency in which a seller accounts for tax.
func accountingOf(seller invoice.Party) string {
	home, _ := taxCountry(seller.Address)
	if own, ok := accounting[home]; ok {
		return own
	}
	return euro
}

// euro is what rates are told against.
const euro = "EUR"

// A fx is how much of a currency a euro was on a day.
type fx struct {
	Day      invoice.Date
	Currency string
	Rate     invoice.Decimal
	Source   string
}

// The sources of rates.
const (
	byECB  = "ecb"
	byHand = "hand"
)

// staleAfter is how many days old a rate may be at most: none is told on weekends and
// holidays.
const staleAfter = 7

// fxOn returns the rate of a currency on a day, or of the last day before on which
// there is one; false if that is too long ago.
func fxOn(ctx context.Context, tx *store.Tx, currency string, day invoice.Date) (r fx, ok bool, err error) {
	if currency == euro {
		return fx{Day: day, Currency: euro, Rate: invoice.Int(1)}, true, nil
	}
	var on, rate string
	err = tx.QueryRow(ctx, `SELECT day, rate, source FROM billing_rate WHERE currency = $1 AND day <= $2 AND day >= $3 ORDER BY day DESC LIMIT 1`,
		currency, day.String(), day.AddDays(-staleAfter).String()).Scan(&on, &rate, &r.Source)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("billing: rate: %w", err)
	}
	r.Currency = currency
	if r.Day, err = invoice.ParseDate(on); err == nil {
		r.Rate, err = invoice.ParseDecimal(rate)
	}
	if err != nil {
		return r, false, fmt.Errorf("billing: rate: %w", err)
	}
	return r, true, nil
}

func putFX(ctx context.Context, tx *store.Tx, r fx) error {
	if _, err := tx.Exec(ctx, `INSERT INTO billing_rate (day, currency, rate, source) VALUES ($1, $2, $3, $4)
		ON CONFLICT (currency, day) DO UPDATE SET rate = excluded.rate, source = excluded.source`, r.Day.String(), r.Currency, r.Rate.String(), r.Source); err != nil {
		return fmt.Errorf("billing: rate: %w", err)
	}
	return nil
}

// account sets the tax in the currency in which the seller accounts for it, at the
// rate of the day on which it became chargeable, the last of the period (Directive
// 2006/112/EC, Articles 64, 91 and 230; the rates of the European Central Bank are good
// for it). What stands against that is a sentence for the staff.
func account(ctx context.Context, tx *store.Tx, inv *invoice.Invoice, lang string) (finding string, err error) {
	own := accountingOf(inv.Seller)
	if !has(inv, invoice.Standard) || inv.Currency == own {
		return "", nil
	}
	if err := inv.Compute(); err != nil {
		return "The sums cannot be worked out: " + err.Error() + ".", nil //nolint:nilerr // it is told to the staff
	}
	rates, missing, err := ratesOf(ctx, tx, own, inv.Currency, inv.Period.To)
	if err != nil || missing != "" {
		return "There is tax on an invoice in " + inv.Currency + ", which the law wants in " + own + ", too, and " + missing, err
	}
	tax, err := invoice.Convert(inv.Totals.Tax, rates[0].Rate, rates[1].Rate, own)
	if err != nil {
		return "The tax in " + own + " cannot be worked out: " + err.Error() + ".", nil //nolint:nilerr // it is told to the staff
	}
	inv.AccountingCurrency, inv.AccountingTax = own, tax
	for _, r := range rates {
		if r.Currency == euro {
			continue
		}
		note := rateWords[lang] + ": 1 EUR = " + r.Rate.String() + " " + r.Currency + ", " + r.Day.Words(lang)
		if r.Source == byECB {
			note += " (" + ecbWords[lang] + ")"
		}
		inv.Notes = append(inv.Notes, note+".")
	}
	return "", nil
}

// ratesOf returns the rates by which an amount is told in another currency on a day, or
// which is missing.
func ratesOf(ctx context.Context, tx *store.Tx, own, currency string, day invoice.Date) (rates []fx, missing string, err error) {
	for _, c := range []string{own, currency} {
		r, ok, err := fxOn(ctx, tx, c, day)
		if err != nil {
			return nil, "", err
		}
		if !ok {
			return nil, "no rate of " + c + " is known of " + day.String() + " or the days before: import the file of the European Central Bank, or enter it, under Invoices, Rates.", nil
		}
		rates = append(rates, r)
	}
	return rates, "", nil
}

var (
	rateWords = map[string]string{"en": "Exchange rate", "de": "Wechselkurs", "es": "Tipo de cambio", "fr": "Taux de change", "nl": "Wisselkoers"}
	ecbWords  = map[string]string{"en": "European Central Bank", "de": "Europäische Zentralbank", "es": "Banco Central Europeo", "fr": "Banque centrale européenne", "nl": "Europese Centrale Bank"}
)

// The bounds of the ECB's file: that of all days since 1999 has some 8 MiB.
const (
	mostRatesFile = 16 << 20
	mostRates     = 500_000
)

var errRatesFile = loot.Errorf(loot.Invalid, "This is no file of the European Central Bank's reference rates. It is called eurofxref-daily.xml or eurofxref-hist-90d.xml.")

// readECB reads the reference rates as the European Central Bank publishes them in
// XML: cubes of days, with a cube for each currency, of which a euro was so much.
func readECB(r io.Reader, each func(fx) error) error {
	d := xml.NewDecoder(io.LimitReader(r, mostRatesFile))
	var day invoice.Date
	n := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if n == 0 {
				return errRatesFile
			}
			return nil
		}
		if err != nil {
			return errRatesFile // the library's words repeat the file
		}
		t, ok := token.(xml.StartElement)
		if _, declares := token.(xml.Directive); declares {
			return errRatesFile
		}
		if !ok || t.Name.Local != "Cube" || t.Name.Space != "http://www.ecb.int/vocabulary/2002-08-01/eurofxref" {
			continue
		}
		of := map[string]string{}
		for _, a := range t.Attr {
			of[a.Name.Local] = a.Value
		}
		if on, is := of["time"]; is {
			if day, err = invoice.ParseDate(on); err != nil || !day.Valid() {
				return errRatesFile
			}
		}
		if of["currency"] == "" || of["rate"] == "N/A" {
			continue
		}
		rate, err := invoice.ParseDecimal(of["rate"])
		if err != nil || rate.Sign() <= 0 || day.IsZero() {
			return errRatesFile
		}
		if _, known := invoice.Places(of["currency"]); !known {
			continue // one that is gone
		}
		if n++; n > mostRates {
			return errRatesFile
		}
		if err := each(fx{day, of["currency"], rate, byECB}); err != nil {
			return err
		}
	}
}

// importRates takes the ECB's file in; rates that are there already are set anew.
func (b *Billing) importRates(ctx context.Context, by loot.Actor, file []byte) (n int, err error) {
	var all []fx
	if err := readECB(bytes.NewReader(file), func(r fx) error { all = append(all, r); return nil }); err != nil {
		return 0, err
	}
	// What is older than any invoice that may still be written is of no use.
	since := invoice.DateOf(b.Now().AddDate(-2, 0, 0))
	all = slices.DeleteFunc(all, func(r fx) bool { return r.Day.Before(since) })
	for part := range slices.Chunk(all, 500) {
		if err := b.DB.InTx(ctx, func(tx *store.Tx) error {
			for _, r := range part {
				if err := putFX(ctx, tx, r); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return 0, err
		}
	}
	return len(all), b.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := b.Gate.Note(ctx, tx, by, "rates.imported", "")
		return err
	})
}

// lastFX returns the latest rate of each currency.
func lastFX(ctx context.Context, tx *store.Tx) (out []fx, err error) {
	rows, err := tx.Query(ctx, `SELECT r.day, r.currency, r.rate, r.source FROM billing_rate r
		WHERE r.day = (SELECT MAX(l.day) FROM billing_rate l WHERE l.currency = r.currency) ORDER BY r.currency`)
	if err != nil {
		return nil, fmt.Errorf("billing: rates: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r fx
		var day, rate string
		if err := rows.Scan(&day, &r.Currency, &rate, &r.Source); err != nil {
			return nil, fmt.Errorf("billing: rates: %w", err)
		}
		var err1, err2 error
		r.Day, err1 = invoice.ParseDate(day)
		r.Rate, err2 = invoice.ParseDecimal(rate)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("billing: rates: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
