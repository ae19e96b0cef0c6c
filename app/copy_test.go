package app

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing"
	"loot/store"
	"loot/store/storetest"
)

// TestACopyHasTheInvoicesOfTheSystemBefore: whoever was taken over finds in the archive that
// one click gives them what stood on their invoices there, to read and for programs, and
// their page says that it is there.
func TestACopyHasTheInvoicesOfTheSystemBefore(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			ctx, a, w := simulated(t, url, nil)
			ok := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			s, err := w.NewPerson(ctx)
			ok(err)
			clerk, err := w.NewStaff(ctx, true, "billing")
			ok(err)
			ok(w.Drain(ctx))
			ok(a.billing.ArchiveKeys(ctx, s))
			ok(a.Gate.InTx(ctx, func(tx *store.Tx) error {
				return a.billing.Archive(ctx, tx, clerk, "Import", []billing.Former{{
					Subject: s, System: "old", Number: "INV-7", Issued: time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC), Currency: "EUR", Total: 1190,
					Party: "Made-up Meadow", Lines: []billing.FormerLine{{Text: "Domain meadow.example", Amount: 1000}},
				}})
			}))
			answer, err := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(s)}}.Post(ctx, "/portal/rights/copy", nil)
			ok(err)
			if answer.Status != http.StatusOK {
				t.Fatalf("status %d: %s", answer.Status, &answer.Body)
			}
			z, err := zip.NewReader(bytes.NewReader(answer.Body.Bytes()), int64(answer.Body.Len()))
			ok(err)
			read := func(name string) string {
				t.Helper()
				text, err := fs.ReadFile(z, name)
				ok(err)
				return string(text)
			}
			if got := read("documents/before-001-INV-7.txt"); !strings.Contains(got, "Made-up Meadow") || !strings.Contains(got, "Domain meadow.example: €\u00a010.00") {
				t.Errorf("what people read: %s", got)
			}
			var former billing.Former
			if err := json.Unmarshal([]byte(read("documents/before-001-INV-7.json")), &former); err != nil || former.Total != 1190 || len(former.Lines) != 1 {
				t.Errorf("what programs read: %+v, %v", former, err)
			}
			if page := read("index.html"); !strings.Contains(page, `<a href="documents/before-001-INV-7.txt">`) {
				t.Error("the page does not lead to it")
			}
		})
	}
}
