package invoice

// A Record is all that the documents of one invoice are drawn from: the same
// record gives the same bytes, on any machine and at any time. A release that
// draws otherwise is seen by its goldens; whoever must show the very page that
// was sent keeps the PDF beside the record.
type Record struct {
	Invoice  Invoice
	Language string   // of the words: one of [Languages]
	Known    []Known  // what is known about the buyer for this invoice
	Foot     []string // small lines at the end, as the key of the ledger
}

// A Known is one field about the buyer that the invoice is drawn from, or a service.
type Known struct {
	Field  string // its name in the language of the record
	Value  string
	Source string // where it came from, in that language
	Since  Date
	Wrong  string // the address at which a mistake in it is reported; empty: none
	Line   string `json:",omitempty"` // of a service: the line that charges it
}

// An Origin is how what a line charges came.
type Origin int

// The origins of what lines charge.
const (
	Ordered   Origin = iota // by the buyer
	Brought                 // ordered by a program for the buyer
	TakenOver               // from the system that was used before
	Counted                 // by a meter
)

// Charged is what is known of the service that a line charges: how it came, and since when
// it is there or, of what is counted, when it was told last.
func Charged(l Line, field string, from Origin, at Date, language, wrong string) Known {
	w := wordsOf(language)
	return Known{
		Field: field + " (" + l.ID + ")", Value: joined(", ", l.Name, l.Description), Since: at, Wrong: wrong, Line: l.ID,
		Source: map[Origin]string{Ordered: w.Ordered, Brought: w.Brought, TakenOver: w.TakenOver, Counted: w.Counted}[from],
	}
}
