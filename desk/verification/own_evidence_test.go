package verification

import (
	"bytes"
	"context"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"loot"
	"loot/desk/desktest"
	"loot/store"
	"loot/vault"
	"loot/web/webtest"
)

// sends posts a form with a file beside it.
func (h *house) sends(path string, content []byte, pairs ...string) webtest.Answer {
	h.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for i := 0; i+1 < len(pairs); i += 2 {
		ok(h, form.WriteField(pairs[i], pairs[i+1]))
	}
	part, err := form.CreateFormFile("file", "of Meadow.pdf")
	ok(h, err)
	_, err = part.Write(content)
	ok(h, err)
	ok(h, form.Close())
	a := h.Do(http.MethodPost, path, b.String(), http.Header{"Content-Type": {form.FormDataContentType()}})
	h.Drain()
	return a
}

// evidence returns what is attached about a customer.
func (h *house) evidence(s loot.Subject) (out []evidence) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		out, err = evidenceOf(ctx, tx, "", s)
		return err
	})
	return out
}

var ownPDF = []byte("%PDF-1.7 made-up extract about Meadow")

// TestACustomerAttachesWhatShowsAMistake: it is sealed as theirs, stands in the case as the
// customer's, opens as what colleagues attach does, and is in their copy; also beside a detail
// that was not given to be checked.
func TestACustomerAttachesWhatShowsAMistake(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow())
		h.correctFor(s, "support", "contact.language", "en")
		support := h.hire("m-support", "support")
		for n, f := range []loot.Field{"company.name", "contact.language"} {
			h.as(person(s))
			page := h.Get("/portal/checks/wrong?field=" + string(f))
			shows(t, page, http.StatusOK, "A file that shows it")
			if !strings.Contains(page.Body, `enctype="multipart/form-data"`) {
				t.Error("the form sends no file")
			}
			shows(t, h.sends("/portal/checks/wrong", []byte("<html><script>"), "field", string(f), "text", "Wrong."), http.StatusUnprocessableEntity, "no PDF, PNG or JPEG", "Wrong.")
			shows(t, h.sends("/portal/checks/wrong", append(ownPDF, make([]byte, mostEvidence)...), "field", string(f), "text", "Wrong."), http.StatusUnprocessableEntity, "larger than 10 MiB")
			shows(t, h.sends("/portal/checks/wrong", ownPDF, "field", string(f)), http.StatusUnprocessableEntity)
			if got := len(h.evidence(s)); got != n {
				t.Fatalf("%d files are kept of what was refused", got)
			}
			h.taken(h.sends("/portal/checks/wrong", ownPDF, "field", string(f), "text", "It is another."))
			shows(t, h.Get("/portal/checks"), http.StatusOK, "You attached: PDF, ")
			m := h.open(s, f)
			if m.Kind != kindMistake {
				t.Fatalf("%+v", m)
			}
			path := "/console/checks/" + m.ID
			page = h.as(support).Get(path)
			shows(t, page, http.StatusOK, "Document 1", "The customer")
			desktest.Hides(t, page, "of Meadow")
			href := evidenceHref.FindStringSubmatch(page.Body)[1]
			if a := h.Post(href); a.Status != http.StatusOK || a.Body != string(ownPDF) {
				t.Errorf("%s: %d %q", f, a.Status, a.Body)
			}
			along := h.along(s)
			if len(along) != n+1 {
				t.Fatalf("they take along %+v", along)
			}
			if read, err := along[n].Read(t.Context()); err != nil || string(read[0]) != string(ownPDF) {
				t.Errorf("%s: they read %q: %v", f, read, err)
			}
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				held, err := h.Kit.Vault.Held(ctx, tx, s, collection)
				if held[f].State != vault.Disputed {
					t.Errorf("%s is %s", f, held[f].State)
				}
				return err
			})
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			copied, err := h.desk.export(ctx, tx, s)
			if text, _ := json.Marshal(copied); strings.Count(string(text), `"from":"you"`) != 2 {
				t.Errorf("the copy does not tell of them: %s", text)
			}
			if err == nil {
				err = h.desk.forget(ctx, tx, s)
			}
			return err
		})
		if left := h.evidence(s); len(left) != 0 {
			t.Errorf("erased, there is %+v", left)
		}
	})
}

// TestNobodyAttachesToALineOfAnInvoice, as there is no detail that the file would go with.
func TestNobodyAttachesToALineOfAnInvoice(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow())
		h.bills = bills{issued: []Invoice{{"EX-7", "EX-7, October"}}}
		h.as(person(s))
		lacks(t, h.Get("/portal/checks/wrong?field=usage.service&invoice=EX-7&line=1"), "A file that shows it")
		a := h.sends("/portal/checks/wrong", ownPDF, "field", "usage.service", "invoice", "EX-7", "line", "1", "text", "Half.")
		shows(t, a, http.StatusUnprocessableEntity, "A file goes with a detail of your record.")
		if len(h.evidence(s)) != 0 {
			t.Error("the file is kept")
		}
	})
}

// TestWhoeverAsksAttachesWhatShowsIt: a colleague looks then, whatever a program can tell, and
// where a fault takes the place of the question its case has the files.
func TestWhoeverAsksAttachesWhatShowsIt(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow())
		support := h.hire("m-support", "support")
		h.as(person(s))
		shows(t, h.Get("/portal/checks"), http.StatusOK, "Have something checked", "A file that shows it")
		shows(t, h.sends("/portal/checks", ownPDF), http.StatusUnprocessableEntity, "Say which detail")
		shows(t, h.sends("/portal/checks", []byte("GIF89a"), "field", "company.vat"), http.StatusUnprocessableEntity, "no PDF, PNG or JPEG")
		shows(t, h.sends("/portal/checks", ownPDF, "field", "contact.language"), http.StatusUnprocessableEntity, "nothing of this kind")
		if len(h.evidence(s)) != 0 || len(h.standing(s).cases) != 0 {
			t.Fatal("something is kept of what was refused")
		}
		h.taken(h.sends("/portal/checks", ownPDF, "field", "company.vat"))
		m := h.open(s, "company.vat")
		if m.Kind != kindAsked || !strings.Contains(m.Why, "attached") || h.state(s, "company.vat") != vault.Checked {
			t.Errorf("%+v, and it is %s", m, h.state(s, "company.vat"))
		}
		shows(t, h.Get("/portal/checks"), http.StatusOK, "You attached: PDF, ", "answer by")
		for range mostOwn - 1 {
			h.taken(h.sends("/portal/checks", ownPDF, "field", "company.vat"))
		}
		shows(t, h.sends("/portal/checks", ownPDF, "field", "company.vat"), http.StatusUnprocessableEntity, "as many files as we take")
		if got := h.evidence(s); len(got) != mostOwn || got[0].Matter != m.ID || got[0].Author != "" || len(h.standing(s).cases) != 1 {
			t.Errorf("%+v", got)
		}
		shows(t, h.as(support).Get("/console/checks/"+m.ID), http.StatusOK, "Document 5", "The customer")
		h.taken(h.post(support, m, "", "decision", "right", "reason", "The extract says so."))
		shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, "answered", "The extract says so.", "You attached")

		h.taken(h.sends("/portal/checks", ownPDF, "field", "contact.phone"))
		asked := h.open(s, "contact.phone")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			j := judgment{last: last{Outcome: failed, Result: "Too short."}, State: vault.Unverified, Case: kindCheck, Fault: true}
			return h.desk.follow(ctx, tx, s, "contact.phone", j, []matter{asked})
		})
		m = h.open(s, "contact.phone")
		list := h.evidence(s)
		if m.Kind != kindCheck || !slices.ContainsFunc(list, func(e evidence) bool { return e.Matter == m.ID }) {
			t.Errorf("the case about the fault, %s, has not what was attached: %v", m.ID, list)
		}
	})
}
