package app

import (
	"testing"

	"loot/number"
)

// TestTheLoadTestsCustomersHaveRightNumbers: the API takes each of them, and
// finds one by its VAT number.
func TestTheLoadTestsCustomersHaveRightNumbers(t *testing.T) {
	court, _ := number.Find("de.hr")
	seen := map[string]bool{}
	for i := range 2000 {
		f := ScratchFields(i)
		n, err := number.VAT(f["company.vat"])
		if err != nil || n.Value != f["company.vat"] || seen[n.Value] {
			t.Fatalf("%d: %s (%v), seen %t", i, f["company.vat"], err, seen[n.Value])
		}
		seen[n.Value] = true
		if n, err := court.Check(f["company.register"]); err != nil || n.Value != f["company.register"] {
			t.Fatalf("%d: %s %v", i, f["company.register"], err)
		}
	}
}
