package app

import (
	"reflect"
	"testing"

	"loot/desk/billing"
)

// A demonstration sells as the made-up company, unless it is said who sells, be it one
// that is exempt and has no VAT number.
func TestWhoSellsIsWhoIsSet(t *testing.T) {
	set := Selling{SellerTerms: "0", SellerTaxNumber: "1", SellerExempt: "2", SellerExemptCode: "3", SellerExemptFrom: "4", SellerExemptUntil: "5", SellerExemptSpans: []string{"6/7 VATEX-8 9", " "}}
	want := billing.Seller{Terms: "0", TaxNumber: "1", Exempt: []billing.Exemption{{Text: "2", Code: "3", From: "4", Until: "5"}, billing.ExemptionOf("6/7 VATEX-8 9")}}
	if got := set.seller(true); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	one := Selling{SellerExemptSpans: set.SellerExemptSpans}
	if got, want := one.seller(true), (billing.Seller{Exempt: want.Exempt[1:]}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := (Selling{}).seller(true); !reflect.DeepEqual(got, billing.MadeUpSeller) {
		t.Errorf("%+v", got)
	}
}
