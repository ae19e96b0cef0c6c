package billing

import (
	"net/http"

	"loot"
	"loot/desk/billing/invoice"
	"loot/store"
	"loot/web"
)

var ratesPage = web.NewPage[ratesView](pageFiles, "pages/rates.html")

const ratesPath = "/console/billing/rates"

func (b *Billing) rateRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET " + ratesPath, Audience: web.Console, Serve: b.rates, Roles: billers},
		{Pattern: "POST " + ratesPath, Audience: web.Console, Serve: b.addRate, Roles: billers},
		{Pattern: "POST " + ratesPath + "/file", Audience: web.Console, Serve: b.uploadRates, Roles: billers, Body: mostRatesFile + web.MaxBody},
	}
}

type ratesView struct {
	web.View
	Rows   []rateRow
	Form   web.Fields
	Wrong  *web.Problems
	File   web.Fields
	Unread *web.Problems // what is wrong with the file
	Empty  web.Empty
}

type rateRow struct{ Currency, Rate, On, From string }

func rateFields() web.Fields {
	return web.Fields{
		{Name: "currency", Label: "Currency", MaxLen: 3, Required: true, Plain: true, Hint: "Such as USD."},
		{Name: "rate", Label: "One euro is", InputMode: "decimal", MaxLen: 20, Required: true, Plain: true, Hint: "So much of the currency, such as 1.0823."},
		{Name: "day", Type: "date", Label: "Day", Required: true, Plain: true},
	}
}

func rateFile() web.Fields {
	return web.Fields{{Name: "file", Type: "file", Label: "File of the European Central Bank", Accept: ".xml,application/xml,text/xml", Required: true, Plain: true, Hint: "eurofxref-daily.xml, or that of the last 90 days."}}
}

// rates shows the latest rates of exchange, to be changed.
func (b *Billing) rates(w http.ResponseWriter, r *http.Request) error {
	return b.showRates(w, r, http.StatusOK, ratesView{})
}

func (b *Billing) showRates(w http.ResponseWriter, r *http.Request, status int, v ratesView) error {
	v.View = web.ViewOf(r, "Rates of exchange")
	if v.Form == nil {
		v.Form = rateFields()
	}
	if v.File == nil {
		v.File = rateFile()
	}
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/console/billing/invoices"}}
	v.Lead = "Where an invoice with tax is in another currency than the seller accounts for tax in, it says the tax in that, too, at the rate of the last day that it is for. An invoice waits for a rate that is missing."
	v.Empty = web.Empty{Icon: "banknote", Title: "No rate yet", Text: "No rate is fetched from anywhere: import the file of the bank, or enter one."}
	var all []fx
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		all, err = lastFX(r.Context(), tx)
		return err
	}); err != nil {
		return err
	}
	for _, one := range all {
		v.Rows = append(v.Rows, rateRow{one.Currency, one.Rate.String(), one.Day.Words(inPages), map[string]string{byECB: "European Central Bank", byHand: "entered"}[one.Source]})
	}
	return ratesPage.Render(w, r, status, v)
}

// addRate takes a rate that a colleague entered.
func (b *Billing) addRate(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := rateFields()
	err = form.Check(typed)
	one := fx{Currency: typed.Get("currency"), Source: byHand}
	if err == nil {
		wrong := map[string]string{}
		if _, known := invoice.Places(one.Currency); !known || one.Currency == euro {
			wrong["currency"] = "This is no currency of ISO 4217 beside the euro. One looks like USD."
		}
		var bad error
		if one.Rate, bad = invoice.ParseDecimal(typed.Get("rate")); bad != nil || one.Rate.Sign() <= 0 {
			wrong["rate"] = "This is no rate. One looks like 1.0823."
		}
		if one.Day, bad = invoice.ParseDate(typed.Get("day")); bad != nil || !one.Day.Valid() || b.today().Before(one.Day) {
			wrong["day"] = "This is no day of which there is a rate yet."
		}
		if len(wrong) > 0 {
			err = web.Invalid("", wrong)
		}
	}
	if web.Wrong(err) != nil {
		form = form.With(typed, err)
		return b.showRates(w, r, http.StatusUnprocessableEntity, ratesView{Form: form, Wrong: web.ProblemsOf(err, form)})
	}
	if err != nil {
		return err
	}
	if err := b.DB.InTx(r.Context(), func(tx *store.Tx) error {
		if err := putFX(r.Context(), tx, one); err != nil {
			return err
		}
		_, err := b.Gate.Note(r.Context(), tx, web.ActorOf(r.Context()), "rate.entered", one.Currency+" "+one.Day.String())
		return err
	}); err != nil {
		return err
	}
	return web.Redirect(w, r, ratesPath)
}

func (b *Billing) uploadRates(w http.ResponseWriter, r *http.Request) error {
	_, files, err := web.Upload(r, mostRatesFile)
	if err != nil {
		return err
	}
	n := 0
	if err = errRatesFile; len(files["file"]) == 1 {
		n, err = b.importRates(r.Context(), web.ActorOf(r.Context()), files["file"][0].Content)
	}
	if loot.KindOf(err) == loot.Invalid {
		err = web.Invalid("", map[string]string{"file": loot.Message(err)})
		file := rateFile().With(nil, err)
		return b.showRates(w, r, http.StatusUnprocessableEntity, ratesView{File: file, Unread: web.ProblemsOf(err, file)})
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, loot.Plural(n, "rate was", "rates were")+" taken in.")
	return web.Redirect(w, r, ratesPath)
}
