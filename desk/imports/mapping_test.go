package imports

import "testing"

func TestAColumnIsSuggestedByItsName(t *testing.T) {
	for column, want := range map[string]string{
		"VAT number": "company.vat", "Steuernummer": "company.tax", "Codice fiscale": "company.tax", "Handelsregister": "company.register", "PLZ": "address.postcode", "Amount": rowTotal, "Remarks": "",
		"Province": "address.region", "Bundesland": "address.region", "Provincia": "address.region", "State": rowStatus,
	} {
		if got := suggested(column, []string{column}); got != want {
			t.Errorf("%s: %q, want %q", column, got, want)
		}
	}
	if got := suggested("State", []string{"Street", "City", "State"}); got != "address.region" {
		t.Errorf("a state in an address is %q", got)
	}
}
