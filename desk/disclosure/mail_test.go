package disclosure

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"loot/store"
)

// TestARequestComesByMail: it waits in the queue without a word of it, is read by name, and is
// then entered with the mail as a document, or put aside and erased.
func TestARequestComesByMail(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		comes := func(content string) {
			t.Helper()
			write, err := h.desk.keepMail([]byte(content))
			ok(t, err)
			h.Tx(func(ctx context.Context, tx *store.Tx) error { return write(ctx, tx) })
		}
		waiting := func() (ids []string) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				list, err := mails(ctx, tx)
				for _, m := range list {
					ids = append(ids, m.Href)
				}
				return err
			})
			return ids
		}
		h.authority("police")
		comes("Our file 7/2026\n\nSection 10: who had the service?")
		comes("Our file 7/2026\n\nSection 10: who had the service?")
		h.as("t-counsel")
		shows(t, h.Get(home), http.StatusOK, "Came by mail", "to be entered, or put aside")
		if b := h.Get(home).Body; strings.Contains(b, "Our file") || strings.Contains(b, "Section 10") {
			t.Error("the queue says what the mail does")
		}
		at := waiting()
		if len(at) != 1 {
			t.Fatalf("%d mails wait, want the one that came twice", len(at))
		}
		if n, err := h.desk.waiting(t.Context()); err != nil || n != 1 {
			t.Errorf("the navigation says that %d wait: %v", n, err)
		}
		h.as("t-unsigned")
		if a := h.Get(at[0]); a.Status != http.StatusForbidden {
			t.Errorf("whoever has not signed reads it: %d", a.Status)
		}
		h.as("t-counsel")
		if n := h.noted("authority.mail_read"); n != 0 {
			t.Errorf("the ledger has %d who read it before", n)
		}
		shows(t, h.Get(at[0]), http.StatusOK, "Our file 7/2026", "Section 10: who had the service?", "desk@police.example", "order.pdf", "as it says")
		if a := h.Get(at[0] + "/whole"); a.Status != http.StatusOK || a.Body != "Our file 7/2026\n\nSection 10: who had the service?" || a.Header.Get("Content-Disposition") == "" {
			t.Errorf("the whole mail: %d %q", a.Status, a.Body)
		}
		if read, taken := h.noted("authority.mail_read"), h.noted("authority.mail_taken"); read != 1 || taken != 1 {
			t.Errorf("the ledger has %d who read it and %d who took it, want 1 of each", read, taken)
		}
		id := at[0][len(mailHome+"/"):]
		form := h.Get(home + "/new?mail=" + id)
		shows(t, form, http.StatusOK, "Section 10: who had the service?")
		for _, want := range []string{`value="Our file 7/2026"`, `value="` + id + `"`} {
			if !strings.Contains(form.Body, want) {
				t.Errorf("the form does not begin with %s", want)
			}
		}
		request := h.enter("police", "subscriber", "mail", id)
		shows(t, h.Get(home+"/"+request), http.StatusOK, "The request")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			list, err := files(ctx, tx, request)
			if len(list) != 1 || list[0].Type != mailType || list[0].Kind != "request" {
				t.Errorf("the files are %+v", list)
			}
			return err
		})
		if at := waiting(); len(at) != 0 {
			t.Errorf("%v wait on", at)
		}
		if a := h.upload(home+"/new", "mail", id, "authority", h.authority("police"), "kind", answering, "basis", "subscriber", "asked", "x", "scope", "contact", "due", h.inDays(10)); a.Status != http.StatusNotFound {
			t.Errorf("entered twice: %d", a.Status)
		}

		h.desk.needs.ReadMail = func([]byte) (Mail, error) { return Mail{Text: "Buy now."}, nil }
		comes("Cheap pills\n\nBuy now.")
		at = waiting()
		shows(t, h.Get(at[0]), http.StatusOK, "A mail", "it names nobody", "Buy now.")
		shows(t, h.Post(at[0], "reason", ""), http.StatusUnprocessableEntity, "Why it is no request")
		h.leads(h.Post(at[0], "reason", "It sells something."))
		if a := h.Get(at[0]); a.Status != http.StatusNotFound {
			t.Errorf("what was put aside is there: %d", a.Status)
		}
	})
}
