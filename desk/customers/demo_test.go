package customers

import (
	"io/fs"
	"strings"
	"testing"

	"loot"
	"loot/gate"
	"loot/store"
	"loot/store/storetest"
	"loot/vault"
)

func TestTheDemonstrationIsMadeUpAndHasAHistory(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), map[string]fs.FS{"gate": gate.Migrations(), "vault": vault.Migrations()})
	h := newHouse(t, db, whole(t))
	begin := h.clock.Now()
	w := h.world()
	ok(t, h.desk.demo(t.Context(), w))
	if passed := h.clock.Now().Sub(begin).Hours() / 24; passed < DemoDays-2 || passed > DemoDays {
		t.Errorf("%.0f days passed, want at most %d", passed, DemoDays)
	}
	erased, held := 0, 0
	countries, roles := map[string]int{}, map[loot.Role]int{}
	refused := 0
	ok(t, h.kit.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
		rows, err := h.kit.Vault.List(t.Context(), tx, collection, "", DemoCustomers+1)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.Erased() {
				erased++
			} else {
				held++
			}
		}
		for row, err := range h.kit.Ledger.Facts(t.Context(), tx, begin, h.clock.Now()) {
			if err != nil {
				return err
			}
			if row.Facts.ActorKind == loot.Staff && row.Facts.Action == loot.Use {
				roles[row.Facts.Role]++
				if row.Facts.Verdict == "refused" {
					refused++
				}
			}
		}
		return nil
	}))
	if held+erased != DemoCustomers || erased == 0 {
		t.Errorf("%d customers and %d erased, want %d", held, erased, DemoCustomers)
	}
	if len(roles) < 3 || refused == 0 {
		t.Errorf("openings by role %v, %d refused", roles, refused)
	}
	for s := range h.everybody() {
		ctx := t.Context()
		email, err := valueOf(ctx, w, h.s, s, "contact.email")
		if loot.KindOf(err) == loot.NotFound {
			continue
		}
		ok(t, err)
		if !strings.HasSuffix(email, "@example.com") && !strings.HasSuffix(email, "@example.net") && !strings.HasSuffix(email, "@example.org") {
			t.Errorf("the address of a made-up customer is at a domain that may be somebody's")
		}
		country, err := valueOf(ctx, w, h.s, s, "address.country")
		ok(t, err)
		countries[country]++
	}
	if len(countries) < 6 {
		t.Errorf("countries %v", countries)
	}
}
