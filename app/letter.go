package app

import (
	"loot/desk/billing/invoice"
	"loot/desk/disclosure"
)

// outsideLetter draws a letter to an authority in the looks of the house.
func (a *App) outsideLetter(l disclosure.Letter) ([]byte, error) {
	house := a.house()
	from := house.Company
	if from == "" {
		from = house.Name
	}
	return a.billing.Letter(invoice.Letter{
		From: from, To: l.To, Made: l.Made, Language: "en", Title: l.Title, Paragraphs: l.Paragraphs, Rows: l.Rows, Watermark: l.Watermark, Data: l.Data,
	})
}
