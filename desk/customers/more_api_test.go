package customers

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// A program brings a further order of a customer: it gives what is missing alone, is
// taken once, and stands in the portal, in services and on the ledger with who sent it.
func TestAProgramOrdersAFurtherService(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(with(jo, "contact.phone", "-")...)
		c := h.api(loot.Actor{Kind: loot.Staff, ID: "member-one", Name: "Made up", Roles: []loot.Role{"support"}, Program: true}, "customers:order")
		at := "/api/customers/" + string(s) + "/services"
		send := func(status int, path, body string, says ...string) map[string]any {
			t.Helper()
			got, v, raw := c.call(http.MethodPost, path, body)
			if got != status {
				t.Fatalf("%s: %d, want %d: %s", body, got, status, raw)
			}
			for _, want := range says {
				if !strings.Contains(raw, want) {
					t.Errorf("%s: it does not say %q: %s", body, want, raw)
				}
			}
			return v
		}
		const fields = `"contact.name":"Jo Testperson","contact.phone":"+353 1 555 0101"`
		const order = `{"service":"dedicated-server","plan":"dedicated-16","form":"f-1","fields":{` + fields + `}}`
		before := len(h.items(s))
		for body, says := range map[string]string{
			strings.Replace(order, "dedicated-server", "nothing", 1):                                   `"pointer":"#/service"`,
			strings.Replace(order, "dedicated-16", "backup-500", 1):                                    `"pointer":"#/plan"`,
			strings.Replace(order, `"plan":"dedicated-16",`, "", 1):                                    `"pointer":"#/plan"`,
			strings.Replace(order, `"contact.name":"Jo Testperson",`, "", 1):                           `"pointer":"#/fields/contact.name"`,
			strings.Replace(order, "+353 1 555 0101", "ring me", 1):                                    `"pointer":"#/fields/contact.phone"`,
			strings.Replace(order, `{"contact.name"`, `{"contact.language":"de","contact.name"`, 1):    `"pointer":"#/fields"`,
			strings.Replace(order, `{"contact.name"`, `{"company.name":"Other Ltd","contact.name"`, 1): "correct the record",
			strings.Replace(order, `"form"`, `"permissions":["newsletter"],"form"`, 1):                 "does not take",
		} {
			send(http.StatusUnprocessableEntity, at, body, says)
		}
		send(http.StatusNotFound, "/api/customers/snobody/services", order)
		c.who.Actor.Roles = []loot.Role{"recruiter"}
		send(http.StatusForbidden, at, order, "billing, support, administrator")
		c.who.Actor.Roles = []loot.Role{"support"}
		if n := len(h.items(s)); n != before {
			t.Errorf("%d entries of what was refused", n-before)
		}

		reference := send(http.StatusCreated, at, order)["reference"].(string)
		for range 2 { // at once, and when the service runs
			if again := send(http.StatusCreated, at, order)["reference"]; again != reference {
				t.Errorf("the same form made %v, and before %s", again, reference)
			}
			h.Confirm()
		}
		send(http.StatusConflict, at, strings.Replace(order, "dedicated-16", "dedicated-32", 1), "form of its own")
		second := send(http.StatusCreated, at, `{"service":"backup","plan":"backup-500"}`)["reference"].(string)
		if second == reference {
			t.Error("two orders have one reference")
		}
		for _, id := range []string{reference, second} {
			if !regexp.MustCompile(`^o[a-z2-7]{26}$`).MatchString(id) {
				t.Errorf("the reference is %s", id)
			}
		}
		h.Confirm()
		var made, collected int
		for _, it := range h.items(s)[:len(h.items(s))-before] {
			switch {
			case it.Facts.Note == "service.ordered" && it.Facts.ActorKind == loot.Staff:
				made++
			case it.Facts.Action == loot.Collect && it.Facts.Verdict == ledger.Permitted && it.Facts.Note == gate.ByToken:
				collected += it.Facts.Fields
			}
		}
		if made != 2 || collected != 2 {
			t.Errorf("%d orders and %d details on the ledger, want 2 and 2", made, collected)
		}
		h.as(s)
		a := h.Get("/portal/services")
		shows(t, a, http.StatusOK, "Dedicated server", "16 cores", "Backup space", "Shared hosting")
		if n := strings.Count(a.Body, "/end\""); n != 3 {
			t.Errorf("%d services run, want 3", n)
		}
		by := regexp.MustCompile(`Ordered, by [a-z ]+,`).FindAllString(text(a.Body), -1)
		if slices.Sort(by); fmt.Sprint(by) != "[Ordered, by a program, Ordered, by a program, Ordered, by you,]" {
			t.Errorf("who ordered: %v", by)
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			copied, err := h.desk.export(ctx, tx, s)
			all, _ := copied.(exported)
			brought := 0
			for _, o := range all.Orders {
				if o.Brought {
					brought++
				}
			}
			if len(all.Orders) != 3 || brought != 2 {
				t.Errorf("the copy has %d orders, of which a program brought %d", len(all.Orders), brought)
			}
			return err
		})
		shows(t, h.Get("/portal"), http.StatusOK, "Jo Testperson", "From your order, brought by a program: dedicated server")
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Customer support", "Service ordered")

		plans := h.desk.needs.Plans
		h.desk.needs.Plans = nil
		send(http.StatusUnprocessableEntity, at, `{"service":"backup","plan":"backup-500"}`, `"pointer":"#/plan"`)
		h.desk.needs.Plans = plans

		other := h.register(with(jo, "contact.email", "other@example.com")...)
		send(http.StatusConflict, "/api/customers/"+string(other)+"/services", strings.Replace(order, `,"contact.phone":"+353 1 555 0101"`, "", 1), "form of its own")
		h.as(s)
		desktest.Leads(t, h.Post("/portal/account/erase", "sure", "on"), "/portal/account")
		send(http.StatusConflict, at, `{"service":"backup","plan":"backup-500"}`, "They alone can keep it")
		send(http.StatusCreated, at, order) // which was taken
		c.who.Scopes = nil
		send(http.StatusForbidden, at, order, "customers:order")
	})
}

// What is asked of a customer holds when the order is written: whoever was erased, or gave
// a detail themself, while the program was read is not ordered for.
func TestAProgramOrdersForACustomerAsTheyAre(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		c := h.api(loot.Actor{Kind: loot.Staff, ID: "member-one", Roles: []loot.Role{"billing"}, Program: true}, "customers:order")
		plans := h.desk.needs.Plans
		for name, of := range map[string]struct {
			order     string
			meanwhile func(s loot.Subject)
			status    int
			says      string
		}{
			"was erased": {`{"service":"backup","plan":"backup-500"}`, func(s loot.Subject) {
				h.as(s)
				h.Post("/portal/account/erase", "sure", "on")
				h.Clock.Advance(120 * 24 * time.Hour)
				ok(t, h.desk.erase(t.Context(), eraseArgs{s}))
			}, http.StatusNotFound, "Nothing is held about this person"},
			"gave it": {`{"service":"dedicated-server","plan":"dedicated-16","fields":{"contact.name":"Jo Other"}}`, func(s loot.Subject) {
				h.as(s)
				sent := sentName.FindStringSubmatch(h.Get("/portal/order/dedicated-server").Body)[1]
				desktest.Leads(t, h.Post("/portal/order/dedicated-server", "contact.name", "Jo Testperson", "plan", "dedicated-16", "sent", sent), "/portal")
			}, http.StatusUnprocessableEntity, "correct the record"},
		} {
			s := h.register(with(jo, "contact.email", strings.ReplaceAll(name, " ", "-")+"@example.com")...)
			h.desk.needs.Plans = func(ctx context.Context, service string) ([]web.Option, error) {
				h.desk.needs.Plans = plans
				of.meanwhile(s)
				return plans(ctx, service)
			}
			status, _, raw := c.call(http.MethodPost, "/api/customers/"+string(s)+"/services", of.order)
			if status != of.status || !strings.Contains(raw, of.says) {
				t.Errorf("who %s: %d %s", name, status, raw)
			}
			h.Confirm()
		}
	})
}

// What rests on a permission is not ordered past the customer: they give it first.
func TestAnOrderThatNeedsAPermissionIsRefused(t *testing.T) {
	t.Parallel()
	const service = "    title: Backup space\n    text: Room in a second building for copies of what you would hate to lose.\n    purposes: [service, "
	src := statement.Default()
	if !bytes.Contains(src, []byte(service)) {
		t.Fatal("the statement has no such service")
	}
	needing := desktest.Parse(t, bytes.Replace(src, []byte(service), []byte(service+"recommendation, "), 1))
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, needing)
		s := h.register(jo...)
		c := h.api(loot.Actor{Kind: loot.Staff, ID: "member-one", Roles: []loot.Role{"billing"}, Program: true}, "customers:order")
		order := func() (int, string) {
			status, _, raw := c.call(http.MethodPost, "/api/customers/"+string(s)+"/services", `{"service":"backup","plan":"backup-500"}`)
			return status, raw
		}
		if status, raw := order(); status != http.StatusForbidden || !strings.Contains(raw, "They alone can give it") {
			t.Errorf("without the permission: %d %s", status, raw)
		}
		if h.use("recommender", "recommendation", s, "company.name") {
			t.Error("what was refused permits something")
		}
		choice := gate.Choice{Subject: s, Collection: collection, By: loot.Actor{Kind: loot.Person, ID: string(s)}, Offer: "suggestions"}
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Gate.Permit(ctx, tx, choice) })
		if status, raw := order(); status != http.StatusCreated {
			t.Errorf("with the permission: %d %s", status, raw)
		}
		plans := h.desk.needs.Plans
		h.desk.needs.Plans = func(ctx context.Context, service string) ([]web.Option, error) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Gate.Withdraw(ctx, tx, choice) })
			return plans(ctx, service)
		}
		if status, raw := order(); status != http.StatusForbidden {
			t.Errorf("with a permission that is taken back meanwhile: %d %s", status, raw)
		}
	})
}
