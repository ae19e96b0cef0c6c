package billing

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"loot"
	"loot/api"
	"loot/desk/desktest"
	"loot/ledger"
	"loot/store"
)

// Programs read the catalogue as it is: exact prices, what is counted, and what is
// retired only if those who make prices ask for it.
func TestAProgramReadsTheCatalogue(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		scopes := []api.Scope{"plans:read"}
		c := o.api(scopes)
		plans := func(query string) (out []any) {
			t.Helper()
			return c.call(http.StatusOK, http.MethodGet, "/api/plans"+query, "")["plans"].([]any)
		}
		const virtual = "map[currency:EUR id:virtual-2 meters:[map[id:traffic included:1000 kind:sum price:0.004 title:Traffic unit:E34] map[id:disk kind:level title:Disk unit:P1]] period:month price:12.00 service:virtual-server text:4 GB of memory, 80 GB of disk title:2 cores]"
		if got := fmt.Sprint(plans("?service=virtual-server")[0]); got != virtual {
			t.Errorf("got  %s\nwant %s", got, virtual)
		}
		if got := fmt.Sprint(plans("?service=dedicated-server")[0]); !strings.Contains(got, "setup:49.00") {
			t.Error(got)
		}
		all := len(plans(""))
		if n := len(plans("?service=nothing")); all < 8 || n != 0 {
			t.Errorf("%d plans, and %d of no service", all, n)
		}
		o.asStaff("billing")
		desktest.Leads(t, o.Post("/console/billing/plans/virtual-2/retire"), "/console/billing/plans")
		if got := plans(""); len(got) != all-1 || strings.Contains(fmt.Sprint(got), "id:virtual-2 ") {
			t.Errorf("one of %d is retired, and %v are listed", all, got)
		}
		const retired = "/api/plans?retired=true&service=virtual-server"
		if got := o.api(scopes, "billing").call(http.StatusOK, http.MethodGet, retired, "")["plans"]; !strings.Contains(fmt.Sprint(got), "retired:true") {
			t.Errorf("%v", got)
		}
		for _, roles := range [][]loot.Role{nil, {"support"}} { // what anybody can choose is no secret, and what was is
			o.api(scopes, roles...).call(http.StatusForbidden, http.MethodGet, retired, "")
		}
		o.api(nil).call(http.StatusForbidden, http.MethodGet, "/api/plans", "")
	})
}

// A program sets the plan of a service as a colleague does on its page: for months that
// are not invoiced alone, on the ledger, and once however often it asks.
func TestAProgramSetsThePlanOfAService(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(meadow)
		o.order("bare", s, "backup", "")
		o.after(december)
		scopes := []api.Scope{"services:plan", "services:read"}
		c := o.api(scopes, "billing")
		const at = "/api/services/bare/plan"
		set := func(status int, plan, from, ticket string) string {
			t.Helper()
			return fmt.Sprint(c.call(status, http.MethodPost, at, fmt.Sprintf(`{"plan":%q,"from":%q,"ticket":%q}`, plan, from, ticket)))
		}
		for _, bad := range []struct{ plan, from, ticket, at string }{
			{"", "2026-11", "", "plan"},
			{"shared-small", "2026-11", "", "plan"},
			{"backup-500", "2026-10", "", "from"},
			{"backup-500", "November", "", "from"},
			{"backup-500", "2026-13", "", "from"},
			{"backup-500", "2026-11", "a b", "ticket"},
		} {
			if got := set(http.StatusUnprocessableEntity, bad.plan, bad.from, bad.ticket); !strings.Contains(got, "pointer:#/"+bad.at+"]") {
				t.Errorf("%v: %s", bad, got)
			}
		}
		c.call(http.StatusNotFound, http.MethodPost, "/api/services/none/plan", `{"plan":"backup-500","from":"2026-11"}`)
		o.api(scopes, "support").call(http.StatusForbidden, http.MethodPost, at, `{"plan":"backup-500","from":"2026-11"}`)
		o.api(scopes[1:], "billing").call(http.StatusForbidden, http.MethodPost, at, `{"plan":"backup-500","from":"2026-11"}`)

		for range 2 { // the second time changes nothing
			if got := set(http.StatusOK, "backup-500", "2026-11", "T-1"); got != "map[from:2026-11 plan:backup-500 reference:bare]" {
				t.Error(got)
			}
		}
		o.run(november)
		if all := o.issued(""); len(all) != 1 || all[0].Net != 131+133 {
			t.Fatalf("%+v", all)
		}
		set(http.StatusUnprocessableEntity, "backup-2000", "2026-11", "") // which is invoiced now
		set(http.StatusOK, "backup-2000", "2027-01", "")
		for m, want := range map[Month]string{"2026-12": "backup-500: 1 MON 5; shared-small: 1 MON 4.9", "2027-01": "backup-2000: 1 MON 15; shared-small: 1 MON 4.9"} {
			if got := o.charged(s, m); got != want {
				t.Errorf("%s: %s, want %s", m, got, want)
			}
		}
		one := c.call(http.StatusOK, http.MethodGet, "/api/services/bare", "")
		if n := strings.Count(fmt.Sprint(one["history"]), "reason:plan"); n != 2 || one["plan"] != "backup-500" {
			t.Errorf("%d changes of the plan, want 2: %v", n, one)
		}
		var items []ledger.Item
		ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) (err error) {
			items, err = o.b.Ledger.Timeline(t.Context(), tx, s, collection, "", 100)
			return err
		}))
		noted := 0
		for _, it := range items {
			if it.Facts.Note == "service.plan" && it.Facts.ActorKind == loot.Staff {
				noted++
			}
		}
		if noted != 2 {
			t.Errorf("%d entries of the plan, want 2", noted)
		}
		o.as(s)
		shows(t, o.Get("/portal/services"), http.StatusOK, "“500 GB” from 1 November 2026 on ( T-1 )", "“2 TB” from 1 January 2027 on, by one of our staff")
		desktest.Leads(t, o.Post("/portal/services/bare/end"), "/portal/services")
		set(http.StatusConflict, "backup-500", "2027-02", "")
	})
}
