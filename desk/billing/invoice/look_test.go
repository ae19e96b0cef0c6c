package invoice_test

import (
	"loot/desk/billing/invoice"
	"loot/desk/billing/invoice/madeup"
	"os"
	"testing"
)

func TestLook(t *testing.T) {
	p, err := invoice.NewPrinter()
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range madeup.Kinds() {
		r := madeup.Record(k, uint64(i+1), []string{"en", "de"}[i%2])
		b, err := p.PDF(r)
		if err != nil {
			t.Fatal(k, err)
		}
		os.WriteFile("/tmp/invoice.scratch/pdf/"+k+".pdf", b, 0o644)
	}
}
