package billing

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/api"
	"loot/desk/desktest"
	"loot/gate"
	"loot/ledger"
	"loot/store"
	"loot/web/webtest"
)

// Programs follow what was issued, by numbers and ids alone: what it says, how far it
// is paid, and what took it back.
func TestAProgramFollowsInvoices(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		issued := o.billedFor(3)
		one := issued[0].Subject
		c := o.api([]api.Scope{"invoices:read"}, "billing")
		list := func(query string) (rows []string, next any) {
			t.Helper()
			got := c.call(http.StatusOK, http.MethodGet, "/api/invoices"+query, "")
			for _, row := range got["invoices"].([]any) {
				rows = append(rows, strings.TrimPrefix(fmt.Sprint(row), "map"))
			}
			return rows, got["next"]
		}
		numbers := func(rows []string) (out []string) {
			for _, row := range rows {
				_, rest, _ := strings.Cut(row, "number:EX-2026-00000")
				out = append(out, rest[:1])
			}
			return out
		}
		rows, _ := list("?customer=" + string(one))
		want := "[currency:EUR customer:" + string(one) + " due:2026-12-16 from:2026-11-01 issued:2026-12-02 kind:invoice net:1.31 number:EX-2026-000001 open:1.61 paid:0.00 state:open tax:0.30 to:2026-11-30 total:1.61]"
		if len(rows) != 1 || rows[0] != want {
			t.Errorf("got  %s\nwant %s", rows, want)
		}
		var all []string
		for after := ""; ; {
			page, next := list("?limit=2" + after)
			all = append(all, numbers(page)...)
			if next == nil {
				break
			}
			after = "&after=" + next.(string)
		}
		if fmt.Sprint(all) != "[3 2 1]" {
			t.Errorf("by pages: %v", all)
		}
		desktest.Leads(t, o.uploads(madeUpEntry{Amount: "1.61", Text: "EX-2026-000001"}), paymentsPath)
		ok(t, o.b.WriteAgain(t.Context(), again(issued[1].Subject, town, "Right Town", "EX-2026-000002"), fine))
		o.after(time.Date(2026, 12, 17, 9, 0, 0, 0, time.UTC))
		rows, _ = list("")
		for number, says := range map[string]string{
			"1": "paid:1.61 state:paid", "2": "creditNote:EX-2026-000004", "3": "paid:0.00 state:overdue",
			"4": "paid:0.00 preceding:EX-2026-000002 state:credit-note", "5": "kind:corrected",
		} {
			i := slices.Index(numbers(rows), number)
			if i < 0 || !strings.Contains(rows[i], says) {
				t.Errorf("invoice %s does not say %q: %s", number, says, rows)
			}
			if due := strings.Contains(rows[i], "due:"); due == (number == "4") {
				t.Errorf("invoice %s is due by a day: %v", number, due)
			}
		}
		if all := strings.Join(rows, ""); strings.Contains(all, "Meadow") || strings.Contains(all, "Town") || strings.Contains(all, "jo@") {
			t.Errorf("it says who the customers are: %s", all)
		}
		if rows, _ := list("?customer=snobody"); len(rows) != 0 {
			t.Errorf("of nobody: %v", rows)
		}
		c.call(http.StatusNotFound, http.MethodGet, "/api/invoices?after=EX-1", "")
		o.api([]api.Scope{"invoices:read"}, "support").call(http.StatusForbidden, http.MethodGet, "/api/invoices", "")
		o.api([]api.Scope{"invoices:open"}, "billing").call(http.StatusForbidden, http.MethodGet, "/api/invoices", "")
	})
}

// handedOut fails if a document is not what the portal hands its owner.
func handedOut(t *testing.T, doc string, header http.Header, got []byte, same webtest.Answer) {
	t.Helper()
	if same.Status != http.StatusOK || string(got) != same.Body {
		t.Errorf("%s is not the customer's: %.60q", doc, got)
	}
	for _, h := range []string{"Content-Type", "Content-Disposition"} {
		if header.Get(h) != same.Header.Get(h) {
			t.Errorf("%s: %s is %q, want %q", doc, h, header.Get(h), same.Header.Get(h))
		}
	}
}

// Customers' own programs list their invoices and fetch them as the portal hands them
// out, decided and on the ledger likewise, and nobody else's.
func TestACustomersProgramFetchesTheirInvoices(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		issued := o.billedFor(2)
		mine, other := issued[0], issued[1]
		me := loot.Actor{Kind: loot.Person, ID: string(mine.Subject)}
		c := o.apiOf(me, "me:invoices")
		got := c.call(http.StatusOK, http.MethodGet, "/api/me/invoices", "")
		if rows := got["invoices"].([]any); len(rows) != 1 || rows[0].(map[string]any)["number"] != mine.Number || rows[0].(map[string]any)["open"] != "1.61" {
			t.Errorf("their own: %v", rows)
		}
		got = c.call(http.StatusOK, http.MethodGet, "/api/me/invoices?limit=1", "")
		if got = c.call(http.StatusOK, http.MethodGet, "/api/me/invoices?after="+got["next"].(string), ""); len(got["invoices"].([]any)) != 0 {
			t.Errorf("after the last: %v", got)
		}
		o.as(mine.Subject)
		for _, doc := range []string{"pdf", "ubl", "cii"} {
			header, raw := c.raw(http.StatusOK, http.MethodGet, "/api/me/invoices/"+mine.Number+"/"+doc, "")
			handedOut(t, doc, header, raw, o.Get("/portal/invoices/"+mine.Number+"/"+doc))
		}
		c.call(http.StatusNotFound, http.MethodGet, "/api/me/invoices/"+other.Number+"/pdf", "")
		c.call(http.StatusNotFound, http.MethodGet, "/api/me/invoices?after="+other.Number, "")
		c.call(http.StatusUnprocessableEntity, http.MethodGet, "/api/me/invoices/"+mine.Number+"/doc", "")
		for _, refused := range []*caller{o.apiOf(me, "me:read"), o.api([]api.Scope{"me:invoices"}, "billing")} {
			refused.call(http.StatusForbidden, http.MethodGet, "/api/me/invoices", "")
			refused.call(http.StatusForbidden, http.MethodGet, "/api/me/invoices/"+mine.Number+"/pdf", "")
		}
		c.call(http.StatusForbidden, http.MethodGet, "/api/invoices", "")

		o.Confirm()
		notes, fetched := map[string]int{}, 0
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			fetched = 0
			items, err := o.b.Ledger.Timeline(ctx, tx, mine.Subject, collection, "", 100)
			for _, it := range items {
				if it.Facts.Note == "invoice.fetched" {
					fetched++
				}
			}
			return err
		})
		if fetched != 3 {
			t.Errorf("the owner's timeline has %d fetched by a program, want 3", fetched)
		}
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			items, err := o.b.Ledger.Timeline(ctx, tx, mine.Subject, invoices, "", 100)
			clear(notes)
			for _, it := range items {
				if it.Facts.Action == loot.Export && it.Facts.ActorKind == loot.Person && it.Facts.Verdict == ledger.Permitted {
					notes[it.Facts.Note]++
				}
			}
			return err
		})
		if notes[""] != 3 || notes[gate.ByToken] != 3 {
			t.Errorf("on the ledger: %v, want three by the page and three by the token", notes)
		}
	})
}

// A document is opened for a program as for a colleague: decided by the statement, with
// a reason, and the customer sees it.
func TestAProgramOpensADocumentWithAReason(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		i := o.billedFor(1)[0]
		scopes := []api.Scope{"invoices:open"}
		c := o.api(scopes, "billing")
		at := "/api/invoices/" + i.Number + "/open"
		for doc, begins := range map[string]string{"pdf": "%PDF-", "ubl": "<?xml", "cii": "<?xml"} {
			header, got := c.raw(http.StatusOK, http.MethodPost, at, fmt.Sprintf(`{"document":%q,"reason":"Bookkeeping, ticket 7"}`, doc))
			o.as(i.Subject)
			same := o.Get("/portal/invoices/" + i.Number + "/" + doc)
			if !bytes.HasPrefix(got, []byte(begins)) {
				t.Errorf("%s begins with %.60q", doc, got)
			}
			handedOut(t, doc, header, got, same)
		}
		for _, bad := range []string{`{"document":"pdf"}`, `{"document":"pdf","reason":""}`, `{"document":"pdf","reason":" "}`, `{"document":"doc","reason":"x"}`, `{"reason":"x"}`} {
			c.call(http.StatusUnprocessableEntity, http.MethodPost, at, bad)
		}
		const body = `{"document":"pdf","reason":"x"}`
		c.call(http.StatusNotFound, http.MethodPost, "/api/invoices/EX-1/open", body)
		o.api(scopes, "support").call(http.StatusForbidden, http.MethodPost, at, body)
		o.api([]api.Scope{"invoices:read"}, "billing").call(http.StatusForbidden, http.MethodPost, at, body)

		o.Confirm()
		used, told := 0, 0
		ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			used, told = 0, 0
			copies, err := o.b.Ledger.Timeline(t.Context(), tx, i.Subject, invoices, "", 100)
			for _, it := range copies {
				if it.Facts.Action == loot.Use && it.Facts.ActorKind == loot.Staff && it.Facts.Verdict == ledger.Permitted && it.Facts.Note == gate.ByToken {
					used++
				}
			}
			if err != nil {
				return err
			}
			record, err := o.b.Ledger.Timeline(t.Context(), tx, i.Subject, collection, "", 100)
			for _, it := range record {
				if it.Facts.Note == "invoice.opened" {
					told++
				}
			}
			return err
		}))
		if used != 3 || told != 3 {
			t.Errorf("%d decisions and %d entries in the customer's timeline, want 3 of each", used, told)
		}
		o.as(i.Subject)
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "Who opened the copies", "Billing")
	})
}
