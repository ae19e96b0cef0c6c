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

// A Known is one field about the buyer that the invoice is drawn from.
type Known struct {
	Field  string // its name in the language of the record
	Value  string
	Source string // where it came from, in that language
	Since  Date
	Wrong  string // the address at which a mistake in it is reported
}
