package verification

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/ledger"
	"loot/store"
	"loot/web/webtest"
)

// attaches a file to a case.
func (h *house) attaches(path, name string, content []byte) webtest.Answer {
	h.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("file", name)
	ok(h, err)
	_, err = part.Write(content)
	ok(h, err)
	ok(h, form.Close())
	return h.Do(http.MethodPost, path+"/evidence", b.String(), http.Header{"Content-Type": {form.FormDataContentType()}})
}

// along returns the documents that a customer takes along.
func (h *house) along(s loot.Subject) (out []desk.Document) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		out, err = h.desk.Desk().Documents(ctx, tx, person(s))
		return err
	})
	return out
}

var evidenceHref = regexp.MustCompile(`action="(/console/checks/[^"]+/evidence/[^"/]+)"`)

// Evidence is sealed under the customer's key, opened by who may see the detail, in the
// customer's timeline, and gone with the customer.
func TestEvidenceIsAttachedSealedAndOpened(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow("company.vat", "IE1234567A"))
		var m matter
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			list, err := mattersOf(ctx, tx, s)
			if err == nil && len(list) != 1 {
				t.Fatalf("%+v", list)
			}
			m = list[0]
			return err
		})
		path := "/console/checks/" + m.ID
		h.as(h.hire("checker", "billing"))
		pdf := []byte("%PDF-1.7 made-up letter of the tax office about Meadow")
		shows(t, h.attaches(path, "run.html", []byte("<html><script>")), http.StatusUnprocessableEntity, "no PDF, PNG or JPEG")
		desktest.Leads(t, h.attaches(path, "letter to Meadow.pdf", pdf), path)
		page := h.Get(path)
		shows(t, page, http.StatusOK, "Document 1", "Name of checker")
		desktest.Hides(t, page, "letter to Meadow")
		found := evidenceHref.FindStringSubmatch(page.Body)
		if found == nil {
			t.Fatal("nothing leads to the file")
		}
		if a := h.Post(found[1]); a.Status != http.StatusOK || a.Body != string(pdf) || a.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%d %q %v", a.Status, a.Body, a.Header)
		}
		along := h.along(s)
		if len(along) != 1 || along[0].Files[0] != "evidence-1.pdf" {
			t.Fatalf("its owner takes along %+v", along)
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			items, err := h.Kit.Ledger.Timeline(ctx, tx, s, collection, "", 10)
			if err == nil && (len(items) == 0 || items[0].Facts.Action != loot.Use || items[0].Facts.ActorKind != loot.Staff || items[0].Facts.Verdict != ledger.Permitted) {
				t.Errorf("the timeline begins with %+v", items)
			}
			copied, err2 := h.desk.export(ctx, tx, s)
			if text, _ := json.Marshal(copied); !strings.Contains(string(text), `"evidence":[{"at"`) {
				t.Errorf("the copy does not tell of it: %s", text)
			}
			if err == nil {
				err = err2
			}
			return err
		})
		if read, err := along[0].Read(t.Context()); err != nil || string(read[0]) != string(pdf) {
			t.Errorf("its owner reads %q: %v", read, err)
		}
		shows(t, h.Post(path+"/evidence/f123"), http.StatusNotFound)
		h.newbies = append(h.newbies, "newbie")
		h.as(h.hire("newbie", "billing"))
		shows(t, h.Post(found[1]), http.StatusForbidden)
		h.as(h.hire("hunter", "recruiter"))
		shows(t, h.Post(found[1]), http.StatusForbidden)
		shows(t, h.attaches(path, "a.pdf", pdf), http.StatusForbidden)
		h.as(h.hire("other", "support"))
		desktest.Leads(t, h.Post(found[1]+"/remove"), path)
		shows(t, h.Post(found[1]), http.StatusNotFound)
		desktest.Lacks(t, h.Get(path), "Document 1")
		desktest.Leads(t, h.attaches(path, "a.pdf", pdf), path)
		kept := evidenceHref.FindStringSubmatch(h.Get(path).Body)[1]
		h.taken(h.post(h.hire("decider", "support"), m, "", "decision", "right", "reason", "The letter says so."))
		shows(t, h.Post(kept+"/remove"), http.StatusConflict, "evidence stays")
		shows(t, h.attaches(path, "b.pdf", pdf), http.StatusConflict, "evidence stays")
		if a := h.Post(kept); a.Body != string(pdf) {
			t.Errorf("what was decided by is gone: %d", a.Status)
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			if err := h.desk.forget(ctx, tx, s); err != nil {
				return err
			}
			left, err := evidenceOf(ctx, tx, "", s)
			if len(left) != 0 {
				t.Errorf("%+v", left)
			}
			return err
		})
	})
}

// TestEvidenceThatNobodyOpensAlone: where the level asks for it, others agree to one look,
// at the detail or at a document.
func TestEvidenceThatNobodyOpensAlone(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		one := h.hire("m-one", "billing")
		s := h.customer(meadow("payment.iban", "IE29 AIBK 9311 5212 3456 78"))
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "payment.iban", "text", "It closed."))
		m := h.open(s, "payment.iban")
		path := "/console/checks/" + m.ID
		h.as(one)
		pdf := []byte("%PDF-1.7 a made-up letter of the bank")
		desktest.Leads(t, h.attaches(path, "letter.pdf", pdf), path)
		page := h.Get(path)
		shows(t, page, http.StatusOK, "or a document of the evidence does")
		if evidenceHref.MatchString(page.Body) {
			t.Error("there is a button that opens it")
		}
		var file string
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			list, err := evidenceOf(ctx, tx, m.ID, "")
			if err == nil {
				file = path + "/evidence/" + list[0].ID
			}
			return err
		})
		shows(t, h.Post(file), http.StatusForbidden)
		h.taken(h.Post(path + "/ask"))
		var asked *loot.Awaited
		h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
			if asked, err = h.Kit.Gate.Awaited(ctx, tx, h.desk.request(h.S, m, one, loot.Use)); err != nil || asked == nil {
				return errors.Join(err, errors.New("nobody was asked"))
			}
			_, err = h.Kit.Gate.Vote(ctx, tx, asked.ID, gate.Voter{Actor: loot.Actor{Kind: loot.Staff, ID: "m-dpo", Roles: []loot.Role{"dpo"}}, Since: desktest.Start.AddDate(-1, 0, 0)}, true)
			return err
		})
		page = h.Get(path)
		if found := evidenceHref.FindStringSubmatch(page.Body); found == nil || found[1] != file || !strings.Contains(page.Body, `value="`+asked.ID+`"`) {
			t.Error("nothing opens it once others agreed")
		}
		if a := h.Post(file, "approval", asked.ID); a.Status != http.StatusOK || a.Body != string(pdf) {
			t.Errorf("%d %q", a.Status, a.Body)
		}
		shows(t, h.Post(file, "approval", asked.ID), http.StatusConflict)
		hides(t, h.Post(path+"/open", "approval", asked.ID), "AIBK")
	})
}
