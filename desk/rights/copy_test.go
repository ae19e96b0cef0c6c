package rights

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/store/storetest"
)

// fits fails unless a copy is as its schema says.
func fits(t *testing.T, schema, copied string) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	ok(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	ok(t, c.AddResource("copy.json", doc))
	compiled, err := c.Compile("copy.json")
	ok(t, err)
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(copied))
	ok(t, err)
	if err := compiled.Validate(v); err != nil {
		t.Errorf("the copy is not as its schema says: %v", err)
	}
}

// TestACopyIsWholeAndReadWithoutANetwork: one click gives the page, the JSON as its
// schema says with a proof of every entry, and the invoices; it needs a sign-in from just
// now, and the person's timeline has it.
func TestACopyIsWholeAndReadWithoutANetwork(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register("jo@example.com")
		h.invoice()
		h.idle = time.Hour
		shows(t, h.Get("/portal/rights"), http.StatusOK, "Taking a copy needs a sign-in from the last quarter of an hour.")
		shows(t, h.Post("/portal/rights/copy"), http.StatusUnauthorized, "sign in again")
		h.idle = 0
		shows(t, h.Get("/portal/rights"), http.StatusOK, "Take a copy", "Erase my account")

		files := h.taken()
		page, data := files[filePage], files[fileCopy]
		for _, want := range []string{
			"Example Meadow Ltd", "jo@example.com", "Telephone number", "your order: shared hosting", "Writing invoices", "Shared hosting",
			`<a href="documents/EX-2026-000001.pdf">`, "Who used it", "You took a copy of everything", "Orders and invoices",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not show %q", want)
			}
		}
		for what, bad := range map[string]string{"a script": "<script", "an image": "<img", "what is fetched": ` src=`, "a stylesheet": "<link"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page has %s", what)
			}
		}
		fits(t, files[fileSchema], data)
		faults := 0
		res, err := ledger.VerifyCopy(strings.NewReader(data), h.Kit.Ledger.VerifierKey(), nil, func(_ ledger.CopiedEntry, one ledger.Result) error {
			if one.Fault != nil {
				faults++
			}
			return nil
		})
		ok(t, err)
		if res.Verdict != ledger.Holds || res.Missing+res.Broken+faults > 0 || res.Proved != res.Entries {
			t.Errorf("the proofs: %+v, %d faults", res, faults)
		}
		var copied desk.Copy
		ok(t, json.Unmarshal([]byte(data), &copied))
		if copied.Version != desk.CopyVersion || copied.Subject != s || len(copied.Fields) != 6 || copied.Elsewhere["billing"] == nil {
			t.Errorf("version %d of %s with %d details", copied.Version, copied.Subject, len(copied.Fields))
		}
		if !strings.HasSuffix(copied.Timeline[0].What, "took a copy of everything") || !slices.ContainsFunc(copied.Timeline, func(e desk.CopiedEntry) bool { return e.Collection == "invoice" }) {
			t.Errorf("the timeline begins with %q, or lacks the copies of invoices", copied.Timeline[0].What)
		}
		if pdf := files[folder+"EX-2026-000001.pdf"]; !strings.HasPrefix(pdf, "%PDF-") || !strings.Contains(files[folder+"EX-2026-000001.ubl.xml"], "Example Meadow Ltd") || files[folder+"EX-2026-000001.cii.xml"] == "" {
			t.Errorf("the invoice: %d bytes of PDF", len(pdf))
		}
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "You took a copy of everything")

		// A file of somebody else, or one that is damaged, is none of theirs to see.
		storetest.Unfix(t, h.Kit.DB, "vault_chunk")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE vault_chunk SET sealed = $1`, []byte("broken"))
			return err
		})
		if files := h.taken(); files[folder+"EX-2026-000001.pdf.missing.txt"] == "" || files[folder+"EX-2026-000001.pdf"] != "" || files[fileCopy] == "" {
			t.Error("a document that cannot be read keeps the rest back, or is not named")
		}
		h.register("an@example.com")
		if files := h.taken(); len(files) != 3 {
			t.Errorf("somebody else gets %d files", len(files))
		}
	})
}

// TestWhatIsRecordedMeanwhileIsNotInTheCopy: it ends with the entry that it began with.
func TestWhatIsRecordedMeanwhileIsNotInTheCopy(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	s := h.register("jo@example.com")
	h.Get("/portal")
	h.Confirm()
	page, _, err := h.desk.needs.Entries(t.Context(), s, collection, "", false)
	ok(t, err)
	var b bytes.Buffer
	out := bufio.NewWriter(&b)
	ok(t, h.desk.writeCopy(t.Context(), out, archive{copied: desk.Copy{Subject: s}, newest: page[1].ID, collections: []loot.Collection{collection}, data: []byte("{\n}")}))
	ok(t, out.Flush())
	if strings.Contains(b.String(), page[0].ID) || !strings.Contains(b.String(), page[1].ID) || !strings.Contains(b.String(), page[2].ID) {
		t.Error("a newer entry is in the copy, or its own is not")
	}
}

// random is what differs between two people of whom the same is known.
var random = regexp.MustCompile(`\b[a-z][0-9a-z]{26}\b|"receipt": "[^"]*"|\b(jo|an)@example\.com`)

// TestAGagIsNotSeenInACopy: whoever is under one takes along what anybody else would.
func TestAGagIsNotSeenInACopy(t *testing.T) {
	t.Parallel()
	before, clause, _ := bytes.Cut(statement.Default(), []byte("{#disclosure.authorities}"))
	serves := desktest.Parse(t, slices.Concat(before, []byte("{#disclosure.authorities}"), bytes.Replace(clause, []byte("status: planned\n"), nil, 1)))
	h := newHouse(t, desktest.One(t), serves)
	secret := h.register("jo@example.com")
	other := h.register("an@example.com")
	staff := func(id string, role loot.Role) loot.Actor {
		return loot.Actor{Kind: loot.Staff, ID: id, Roles: []loot.Role{role}}
	}
	r := gate.Request{
		Action: loot.Answer, Actor: loot.Actor{Kind: loot.Authority, ID: "police"}, By: staff("u-counsel", "counsel"), Desk: "disclosure",
		Purpose: "lawful-request", Subject: secret, Collection: collection, Fields: []loot.Field{"contact.email"}, Entered: true,
		Asked: &statement.Asked{Basis: "law", Valid: true, Until: h.Clock.Now().AddDate(0, 1, 0), Scope: []loot.Category{"contact"}, Gag: h.Clock.Now().AddDate(1, 0, 0)},
	}
	decide := func() error {
		return h.Kit.Gate.InTx(t.Context(), func(tx *store.Tx) error {
			p, err := h.Kit.Gate.Decide(t.Context(), tx, r)
			if err == nil {
				_, err = h.Kit.Vault.Open(t.Context(), tx, p)
			}
			return err
		})
	}
	if refusal, refused := errors.AsType[*gate.Refusal](decide()); !refused || refusal.Approvals != 2 {
		t.Fatalf("unapproved: %+v", refusal)
	}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		a, err := h.Kit.Gate.RequestApproval(ctx, tx, r, 2)
		r.Approval = a.ID
		for _, v := range []loot.Actor{staff("u-dpo", "dpo"), staff("u-second", "counsel")} {
			if err == nil {
				_, err = h.Kit.Gate.Vote(ctx, tx, a.ID, gate.Voter{Actor: v, Since: h.Clock.Now().AddDate(-1, 0, 0)}, true)
			}
		}
		return err
	})
	ok(t, decide())
	h.Confirm()
	take := func(s loot.Subject) string {
		h.as(s)
		files := h.taken()
		var b strings.Builder
		for _, name := range []string{filePage, fileCopy} {
			b.WriteString(random.ReplaceAllString(strings.ReplaceAll(files[name], string(s), "s"), "x"))
		}
		return b.String()
	}
	if a, b := take(secret), take(other); a != b {
		t.Error("the one under a gag sees something else")
	}

	// Of a record that waits to be erased neither sees what goes at once, though an order
	// holds it of the one.
	const phone = "Telephone number"
	var seen []string
	for _, s := range []loot.Subject{secret, other} {
		h.as(s)
		shows(t, h.Get("/portal/rights/categories"), http.StatusOK, phone)
		_, gone, err := h.desk.needs.Leave(t.Context(), h.Actor)
		if err != nil || gone {
			t.Fatal(gone, err)
		}
		h.Confirm()
		page := h.Get("/portal/rights/categories")
		shows(t, page, http.StatusOK, "E-mail address")
		if strings.Contains(page.Body, phone) {
			t.Error("a kind of detail that went at once is shown")
		}
		seen = append(seen, take(s))
	}
	if seen[0] != seen[1] {
		t.Error("the one under a gag sees something else while they wait to be erased")
	}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		held, err := h.Kit.Vault.Aside(ctx, tx, secret, collection)
		if _, is := held["contact.phone"]; !is {
			t.Error("the order holds nothing")
		}
		return err
	})
}
