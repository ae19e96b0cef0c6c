package publication

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/store"
)

// register records n decisions of one kind.
func (h *house) register(n int) {
	h.Helper()
	for range n {
		h.person("contact.email")
	}
	h.Clock.Advance(time.Minute)
}

// person registers somebody whose address stands in a field.
func (h *house) person(field loot.Field) loot.Subject {
	h.Helper()
	subject := loot.NewSubject()
	ok(h, h.Kit.Keyring.Create(h.Context(), subject, "customer"))
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		p, err := h.Kit.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Collect, Actor: loot.Actor{Kind: loot.Desk, ID: "customers"}, Desk: "customers", Purpose: "service",
			Subject: subject, Collection: "customer", Fields: []loot.Field{field}, Demanded: true,
		})
		if err != nil {
			return err
		}
		return h.Kit.Vault.Create(ctx, tx, p, map[loot.Field]string{field: string(subject[:12]) + "@example.com"}, "a test")
	})
	return subject
}

// Customers and staff read what changes, in words and no more than that.
func TestTheComparisonSaysWhatChangesInWords(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	source := edited(t, `version: "2026-1"`, `version: "2026-2"`, "retain: 45d", "retain: 60d",
		"title: Helping you", "title: Lending a hand", "You need no reason for asking.", "No reason is needed.")
	hash := h.announce(source, desktest.Start.AddDate(0, 0, 40))
	a := h.Get("/statement/versions/" + hash)
	shows(t, a, http.StatusOK,
		"The statement as a whole Until then Version: 2026-1 From then on Version: 2026-2",
		"Purpose “Writing invoices” network.purpose Until then Kept afterwards: 45 days From then on Kept afterwards: 60 days",
		"Purpose “Lending a hand” network.purpose Until then Name: Helping you From then on Name: Lending a hand",
		"You can ask us to check adequacy.request Until then You need no reason for asking. From then on No reason is needed.",
	)
	lacks(t, a, "retain_about", "Value-Added Tax", "Something looks odd", "Job “Customer support”", "Rule changed", `"retain`)
}

// The console counts decisions that would come out differently, not kinds.
func TestTheConsoleDecidesAgain(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.register(3)
		h.Actor = loot.Actor{Kind: loot.Staff, ID: "t1", Roles: []loot.Role{"dpo"}}
		hash := h.propose(edited(t, `version: "2026-1"`, `version: "2026-2"`,
			"unless { resource.purposes.contains(context.purpose) };", "unless { resource.purposes.contains(context.purpose) && context.purpose != Purpose::\"service\" };"))
		shows(t, h.Get("/console/statement/"+hash), http.StatusOK,
			"On "+h.Kit.Now().AddDate(0, 0, 30).Add(time.Minute).Format("2 January 2006")+" at the earliest",
			"3 recorded decisions were decided again under both versions: 3 come out differently.",
			"Collect by desk for “Running your service” 3 times: permitted until now, refused then")
		same := h.propose([]byte(strings.Replace(string(edited(t)), `version: "2026-1"`, `version: "2026-3"`, 1)))
		shows(t, h.Get("/console/statement/"+same), http.StatusOK, "all come out the same")
	})
}

// Whoever has to agree reads which version it is about and what it changes; the
// version's page says that it waits, and the same is not asked for twice.
func TestARequestToPublishIsReadable(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.Actor = loot.Actor{Kind: loot.Staff, ID: "t1", Roles: []loot.Role{"dpo"}}
		hash := h.propose(edited(t, `version: "2026-1"`, `version: "2026-2"`, "retain: 45d", "retain: 60d"))
		path := "/console/statement/" + hash
		shows(t, h.Get(path), http.StatusOK, "Ask for publication")
		if a := h.Post(path+"/publish", "effective", "2027-01-12", "reason", "longer invoices"); a.Status != http.StatusSeeOther {
			t.Fatal(a.Status, words(a.Body))
		}
		a := h.Get(path)
		shows(t, a, http.StatusOK, "Robin Testing asked on 23 Nov 2026 that it take effect on 12 Jan 2027", "0 of 2 agreed so far.", "“longer invoices”")
		lacks(t, a, "Ask for publication")
		shows(t, h.Post(path+"/publish", "effective", "2027-01-12", "reason", "again"), http.StatusConflict, "has asked for the publication of this version already")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			list, err := h.Kit.Gate.Approvals(ctx, tx, 10)
			if err != nil || len(list) != 1 {
				t.Fatalf("%d approvals, %v", len(list), err)
			}
			_, _, raw, _, err := h.Kit.Gate.Approval(ctx, tx, list[0].ID)
			if err != nil {
				return err
			}
			text, href, err := Describe(h.Kit.Gate, raw)
			if text != "version 2026-2 in place of 2026-1, from 12 January 2027. It changes “Used for what you gave it for”" || href != path {
				t.Errorf("%q %q", text, href)
			}
			return err
		})
	})
}

// A statement that is pasted, which a browser sends with its own line ends, is
// the same version as its file.
func TestAPastedStatementIsItsFile(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.Actor = loot.Actor{Kind: loot.Staff, ID: "t1", Roles: []loot.Role{"dpo"}}
		for version, name := range map[string]string{"2026-2": "source", "2026-3": "file"} {
			source := edited(t, `version: "2026-1"`, `version: "`+version+`"`)
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			var part io.Writer
			var err error
			text := source
			if name == "file" {
				part, err = form.CreateFormFile(name, "statement.md")
			} else {
				part, err = form.CreateFormField(name)
				text = bytes.ReplaceAll(source, []byte("\n"), []byte("\r\n"))
			}
			ok(t, err)
			_, err = part.Write(text)
			ok(t, err)
			ok(t, form.Close())
			a := h.Do(http.MethodPost, "/console/statement", body.String(), http.Header{"Content-Type": {form.FormDataContentType()}})
			if want := fmt.Sprintf("/console/statement/%x", sha256.Sum256(source)); a.Status != http.StatusSeeOther || a.Header.Get("Location") != want {
				t.Errorf("%s: status %d, to %q, want %q: %s", name, a.Status, a.Header.Get("Location"), want, words(a.Body))
			}
		}
	})
}
