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
			"has passed on "+h.Kit.Now().AddDate(0, 0, 30).Add(time.Minute).Format(time.DateOnly)+" at the earliest",
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
		hash := h.propose(edited(t, `version: "2026-1"`, `version: "2026-2"`, "\neffective: 2026-11-23", "\neffective: 2027-01-12", "retain: 45d", "retain: 60d"))
		path := "/console/statement/" + hash
		shows(t, h.Get(path), http.StatusOK, "Ask for publication")
		if a := h.Post(path+"/publish", "reason", "longer invoices"); a.Status != http.StatusSeeOther {
			t.Fatal(a.Status, words(a.Body))
		}
		a := h.Get(path)
		shows(t, a, http.StatusOK, "Robin Testing asked on 23 Nov 2026 that it take effect on 12 Jan 2027", "0 of 2 agreed so far.", "“longer invoices”")
		lacks(t, a, "Ask for publication")
		shows(t, h.Post(path+"/publish", "reason", "again"), http.StatusConflict, "has asked for the publication of this version already")
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

// What the front matter says is true when a version is proposed and when it is
// announced: a number of its own, no change in the future, this ledger's key,
// the day on which it takes effect.
func TestTheFrontMatterHasToBeTrue(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.Actor = loot.Actor{Kind: loot.Staff, ID: "t1", Roles: []loot.Role{"dpo"}}
		h.needed = 0
		key := h.Kit.Ledger.VerifierKey()
		const number, effective, changed, logKey = `version: "2026-1"`, "\neffective: 2026-11-23", "\nchanged: 2026-11-23", "\nlog_key: \"\""
		for want, pairs := range map[string][]string{
			"2:10 There is a version &#34;2026-1&#34; already, with another text":                            {"retain: 45d", "retain: 60d"},
			"11:10 The statement was last changed on 2026-11-24, it says, which is still to come":            {number, `version: "2026-2"`, effective, "\neffective: 2027-01-12", changed, "\nchanged: 2026-11-24"},
			"11:10 The statement was changed on 2027-01-13, after it takes effect (2027-01-12)":              {number, `version: "2026-2"`, effective, "\neffective: 2027-01-12", changed, "\nchanged: 2027-01-13"},
			"9:10 This is not the key of this server&#39;s ledger, which is " + key + ": write that one, or": {number, `version: "2026-2"`, logKey, "\nlog_key: " + strings.Replace(key, "test.example", "other.example", 1)},
		} {
			a := h.Post("/console/statement", "source", string(edited(t, pairs...)))
			if want = strings.NewReplacer("&#34;", `"`, "&#39;", "'").Replace(want); a.Status != http.StatusUnprocessableEntity || !strings.Contains(words(a.Body), want) {
				t.Errorf("%q: status %d: %.600s", want, a.Status, words(a.Body))
			}
		}
		first := edited(t, number, `version: "2026-2"`, effective, "\neffective: 2027-01-12", logKey, "\nlog_key: "+key)
		var paths []string
		for _, source := range [][]byte{first, edited(t, number, `version: "2026-2"`, effective, "\neffective: 2027-01-13")} { // drafts may share one
			a := h.Post("/console/statement", "source", string(source))
			if a.Status != http.StatusSeeOther {
				t.Fatalf("status %d: %s", a.Status, words(a.Body))
			}
			paths = append(paths, a.Header.Get("Location"))
		}
		shows(t, h.Get(paths[0]), http.StatusOK, "It takes effect on 12 Jan 2027 , as its text says")
		if a := h.Post(paths[0]+"/publish", "reason", "because"); a.Status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", a.Status, words(a.Body))
		}
		if v, _ := h.Kit.Gate.Coming(); !v.Effective.Equal(v.Statement.Front().Effective) {
			t.Errorf("announced for %s, the text says %s", v.Effective, v.Statement.Front().Effective)
		}
		if a := h.Post(paths[1]+"/publish", "reason", "because"); a.Status < 400 || a.Status >= 500 {
			t.Errorf("a second version 2026-2 is announced: status %d", a.Status)
		}
	})
}

// Any two public versions can be laid side by side, the older one first.
func TestAnyTwoVersionsAreCompared(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	one := h.S.Hash()
	h.InForce(desktest.Parse(t, edited(t, `version: "2026-1"`, `version: "2026-2"`, "retain: 45d", "retain: 60d")))
	two := h.S.Hash()
	three := h.announce(edited(t, `version: "2026-1"`, `version: "2026-3"`, "retain: 45d", "retain: 70d"), h.Clock.Now().AddDate(0, 0, 40))
	draft := h.propose(edited(t, `version: "2026-1"`, `version: "2026-4"`))
	page := "/statement/versions/"
	a := h.Get(page + three)
	shows(t, a, http.StatusOK, "What changes against version 2026-2", "Until then Kept afterwards: 60 days From then on Kept afterwards: 70 days", "Compare with", "Version 2026-1, superseded, effective 23 Nov 2026")
	lacks(t, a, "2026-4")
	if !strings.Contains(a.Body, `<option value="`+two+`" selected`) || strings.Contains(a.Body, `value="`+three+`"`) {
		t.Errorf("the version before is not chosen, or its own can be: %s", a.Body)
	}
	for _, path := range []string{page + three + "?against=" + one, page + one + "?against=" + three} {
		shows(t, h.Get(path), http.StatusOK, "Version 2026-1 and Version 2026-3", "Version 2026-1 Kept afterwards: 45 days Version 2026-3 Kept afterwards: 70 days")
	}
	for against, want := range map[string]int{draft: http.StatusNotFound, "rubbish": http.StatusNotFound, two[:16]: http.StatusNotFound, three: http.StatusUnprocessableEntity} {
		if a := h.Get(page + three + "?against=" + against); a.Status != want {
			t.Errorf("against %s: status %d, want %d", against, a.Status, want)
		}
	}
}
