package invoice_test

import (
	"testing"

	"loot/desk/billing/invoice"
	"loot/desk/billing/invoice/madeup"
)

// BenchmarkDocuments measures what one invoice costs: checking it, and UBL, CII
// and PDF of it.
func BenchmarkDocuments(b *testing.B) {
	printer, err := invoice.NewPrinter()
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []string{"plain", "mixed", "long"} {
		r := madeup.Record(kind, 1, "en")
		b.Run(kind, func(b *testing.B) {
			size := 0
			for b.Loop() {
				if found := r.Invoice.Check(); len(found) > 0 {
					b.Fatal(found)
				}
				pdf, err := printer.PDF(r)
				if err != nil {
					b.Fatal(err)
				}
				size = len(r.Invoice.UBL()) + len(r.Invoice.CII()) + len(pdf)
			}
			b.ReportMetric(float64(size), "bytes/invoice")
		})
	}
}
