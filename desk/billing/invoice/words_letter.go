package invoice

import "strings"

// LetterWords are what letters about invoices say in one language. What goes into a
// sentence stands for its %s.
type LetterWords struct {
	Greet string

	Invoice, CreditNote, Corrected string // yours, before its number
	Issued, TakenBack, Again       string // an invoice for a period; of a number, taken back, and written again
	Unpaid                         string // the invoice of a number
	See                            string

	Waits         string // the invoice for a period
	Missing, Give string // for a period, the details that are missing; what to do
	Faulty, Mend  string // for a period, the number that is not valid; what to do
	Look          string // at what is missing

	Short, Number, Day, Due, Total, Paid, Open string // the table

	Mistake, Crossed string // what to do about one, of an invoice and of a reminder
	Once, Reminded   string // why somebody gets it
	Held             string // the same of an invoice that waits
}

// LetterWordsIn returns what letters about invoices say in a language.
func LetterWordsIn(language string) LetterWords { return wordsOf(language).letters }

// Money writes an amount in the smallest unit of its currency as in a language.
func Money(units int64, currency, language string) string {
	return wordsOf(language).money(units, currency)
}

func (w *words) money(units int64, currency string) string {
	if units < 0 {
		return w.minus + w.money(-units, currency)
	}
	places, ok := Decimals(currency)
	if !ok {
		places = 2
	}
	return strings.NewReplacer("#", w.figure(Scaled(units, places), places), "¤", Sign(currency)).Replace(w.sum)
}
