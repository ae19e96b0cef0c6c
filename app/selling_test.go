package app

import (
	"testing"

	"loot/desk/billing"
)

// A demonstration sells as the made-up company, unless it is said who sells, be it one
// that is exempt and has no VAT number.
func TestWhoSellsIsWhoIsSet(t *testing.T) {
	set := Selling{SellerTaxNumber: "1", SellerExempt: "2", SellerExemptCode: "3", SellerExemptFrom: "4", SellerExemptUntil: "5"}
	if got, want := set.seller(true), (billing.Seller{TaxNumber: "1", Exempt: "2", ExemptCode: "3", ExemptFrom: "4", ExemptUntil: "5"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := (Selling{}).seller(true); got != billing.MadeUpSeller {
		t.Errorf("%+v", got)
	}
}
