package invoice

// A Record is all that the documents of one invoice are drawn from. Kept as it
// is, it gives the same bytes years later.
type Record struct {
	Invoice  Invoice
	Language string   // of the words: "en" or "de"
	Known    []Known  // what is known about the buyer for this invoice
	Foot     []string // small lines at the end, as the key of the ledger
}

// A Known is one field about the buyer that the invoice is drawn from.
type Known struct {
	Field  string // its name in the language of the record
	Value  string
	Source string // where it came from, in that language
	Since  Date
	Wrong  string // the address at which a mistake in it is reported
}
