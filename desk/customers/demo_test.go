package customers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/store"
)

func TestTheDemonstrationIsMadeUpAndHasAHistory(t *testing.T) {
	db := desktest.One(t)
	h := newHouse(t, db, desktest.Standard(t))
	begin := h.Clock.Now()
	w := h.world()
	w.History = &desk.History{Begin: begin, End: begin.AddDate(0, 0, 140)}
	ok(t, h.desk.demo(t.Context(), w))
	ok(t, w.History.Play(t.Context(), h.Clock))
	if end := h.Clock.Now(); end.Before(w.History.End) || end.Sub(w.History.End) > time.Minute {
		t.Errorf("it ends at %s, want %s", end, w.History.End)
	}
	erased, held := 0, 0
	countries, roles := map[string]int{}, map[loot.Role]int{}
	refused, opened, looked := 0, 0, 0
	ok(t, h.Kit.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
		rows, err := h.Kit.Vault.List(t.Context(), tx, collection, "", DemoCustomers+1)
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
		for row, err := range h.Kit.Ledger.Facts(t.Context(), tx, begin, h.Clock.Now()) {
			if err != nil {
				return err
			}
			if row.Facts.ActorKind == loot.Staff && row.Facts.Verdict == "permitted" {
				switch row.Facts.Action {
				case loot.Use:
					opened++
				case loot.Find:
					looked++
				}
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
	var waits []gate.Approval
	var guest loot.Subject
	ok(t, h.Kit.Gate.InTx(t.Context(), func(tx *store.Tx) (err error) {
		if waits, err = h.Kit.Gate.Approvals(t.Context(), tx, 10); err != nil {
			return err
		}
		guest, err = DemoCustomer(t.Context(), tx, h.Kit, DemoEmail)
		return err
	}))
	if len(waits) != 1 || waits[0].State != "pending" || h.Clock.Now().After(waits[0].Expires) {
		t.Errorf("approvals %+v, want one that waits", waits)
	}
	h.as(guest)
	shows(t, h.Get("/portal/permissions"), http.StatusOK, "Offers from Tallowmere Software on")
	shows(t, h.Get("/portal"), http.StatusOK, "Address Confirmed", "by the link in a letter to it")
	shows(t, h.Get("/portal/timeline"), http.StatusOK, "Permission given", "For “offers from a partner”, to Tallowmere Software")
	if held+erased != DemoCustomers || erased == 0 {
		t.Errorf("%d customers and %d erased, want %d", held, erased, DemoCustomers)
	}
	if looked < opened/3 {
		t.Errorf("%d searches and %d openings: whoever opens a record has to find it first", looked, opened)
	}
	if len(roles) < 3 || refused == 0 {
		t.Errorf("openings by role %v, %d refused", roles, refused)
	}
	for s := range h.everybody() {
		ctx := t.Context()
		email, err := valueOf(ctx, w, h.S, s, "contact.email")
		if loot.KindOf(err) == loot.NotFound {
			continue
		}
		ok(t, err)
		if !strings.HasSuffix(email, "@example.com") && !strings.HasSuffix(email, "@example.net") && !strings.HasSuffix(email, "@example.org") {
			t.Errorf("the address of a made-up customer is at a domain that may be somebody's")
		}
		country, err := valueOf(ctx, w, h.S, s, "address.country")
		ok(t, err)
		countries[country]++
	}
	if len(countries) < 6 {
		t.Errorf("countries %v", countries)
	}
}
