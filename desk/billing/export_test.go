package billing

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/store"
)

// A person's copy has the letters about their invoices, what waits and for what, which
// payment was for which invoice, what was suggested, what other systems were told, every
// record of use, and the invoices of the system before with all that stands on them.
func TestACopyHoldsAllThatBillingKeeps(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		i := o.billedFor(1)[0]
		s := i.Subject
		o.hour()
		clerk := loot.Actor{Kind: loot.Staff, ID: "m1", Name: "Made-up Clerk", Roles: []loot.Role{"billing"}}
		o.asStaff("billing")
		desktest.Leads(t, o.Post("/console/billing/invoices/"+i.Number+"/payments", "sent", "a", "amount", "1.61", "day", "2026-12-02"), "/console/billing/invoices/"+i.Number)
		for range 2 {
			_, _, err := o.b.addHook(t.Context(), clerk, webhook{URL: "https://panel.example.com/told?key=hidden", Events: []string{"service.ended"}})
			ok(t, err)
		}
		service := o.of(s)[0].Reference
		ok(t, o.b.ArchiveKeys(t.Context(), s))
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			if err := putPending(ctx, tx, pending{Subject: s, Month: november.after(), Missing: []loot.Field{town}, Finding: finding{Text: "Something stands against it."}, Since: o.Clock.Now()}); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO billing_hint (id, subject, rule, service, target, plan, why, data, made, shown, clicked, taken, refused)
				VALUES ('n1', $1, 'nearly-full', $2, 'backup', '', 'Because it is full.', 'The disk: 91 %', 1, 2, 0, 0, 3)`, s, service); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO billing_usage (service, mark, meter, kind, at, amount) VALUES ($1, 'told-1', 'disk', 'level', $2, 91500000)`, service, desktest.Start.UnixMicro()); err != nil {
				return err
			}
			if err := o.b.tellHooks(ctx, tx, "service.ended", eventData{Service: service, Customer: s, State: Ended}); err != nil {
				return err
			}
			return o.b.Archive(ctx, tx, clerk, "Import", []Former{{
				Subject: s, System: "old", Number: "../2024/7", Issued: time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC), Currency: "EUR", Net: 1000, Total: 1190, Tax: 190, State: "Paid",
				Party: "Example Meadow Ltd\n1 Sample Street", Lines: []FormerLine{{"Domain meadow.example", 1000}},
			}})
		})
		var copied any
		var documents []desk.Document
		o.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
			if copied, err = o.b.export(ctx, tx, s); err != nil {
				return err
			}
			documents, err = o.b.along(ctx, tx, loot.Actor{Kind: loot.Person, ID: string(s)})
			return err
		})
		text, err := json.Marshal(copied)
		ok(t, err)
		for _, want := range []string{
			`"issued":"2026-12-02","due":"2026-12-16"`, `"net":"1.31","tax":"0.30","total":"1.61"`,
			`"what":"Letter that it was issued","sent":true`,
			`"invoices_that_wait":[{"month":"2026-12","missing":["address.city"],"finding":"Something stands against it."`,
			`"for":[{"invoice":"` + i.Number + `","amount":"1.61"}]`,
			`"why":"Because it is full.","data":"The disk: 91 %","shown":"1970-01-01T00:00:00.000002Z","refused":"1970-01-01T00:00:00.000003Z"`,
			`"type":"service.ended"`, `"to":[{"system":"panel.example.com","state":"waiting"`,
			`"number":"../2024/7","system":"old"`,
		} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the copy lacks %s", want)
			}
		}
		if messages, told := strings.Count(string(text), `"message":{`), strings.Count(string(text), `{"system":"panel.example.com"`); messages != 1 || told != 2 {
			t.Errorf("%d messages to %d systems, want one to two", messages, told)
		}
		if strings.Contains(string(text), "hidden") {
			t.Error("the copy shows the whole address of another system")
		}
		if t.Failed() {
			t.Logf("%s", text)
		}
		for file, wants := range map[string][]string{
			"usage.csv":                 {"service,meter,key,at,amount\n" + service + ",disk,told-1,2026-11-23T09:00:00Z,91.5\n"},
			"before-001-..-2024-7.txt":  {"As it stood in old.", "Example Meadow Ltd\n1 Sample Street", "Number: ../2024/7", "State there: Paid", "Total: € 11.90", "Domain meadow.example: € 10.00"},
			"before-001-..-2024-7.json": {`"party": "Example Meadow Ltd\n1 Sample Street"`, `"text": "Domain meadow.example"`, `"total": 1190`},
			i.Number + ".pdf":           {"%PDF-"},
		} {
			n := -1
			at := slices.IndexFunc(documents, func(d desk.Document) bool { n = slices.Index(d.Files, file); return n >= 0 })
			if at < 0 {
				t.Errorf("there is no %s", file)
				continue
			}
			contents, err := documents[at].Read(t.Context())
			ok(t, err)
			got := strings.ReplaceAll(string(contents[n]), "\u00a0", " ")
			for _, want := range wants {
				if !strings.Contains(got, want) {
					t.Errorf("%s lacks %q: %.500s", file, want, got)
				}
			}
			if strings.HasSuffix(file, ".txt") && strings.Contains(got, ": \n") {
				t.Errorf("%s names what was not given: %s", file, got)
			}
		}
	})
}
