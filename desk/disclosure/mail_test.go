package disclosure

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/mail"
	"loot/store"
	"loot/web/webtest"
)

// comes has a mail come to the desk.
func (h *house) comes(content string) {
	h.Helper()
	write, err := h.desk.keepMail([]byte(content))
	ok(h, err)
	h.Tx(func(ctx context.Context, tx *store.Tx) error { return write(ctx, tx) })
}

// mails returns the addresses of the mail that waits, or was put aside.
func (h *house) mails(which string) (at []string) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		list, err := mails(ctx, tx, which)
		for _, m := range list {
			at = append(at, m.Href)
		}
		return err
	})
	return at
}

// became returns what the ledger has of mails, in order.
func (h *house) became() (notes []string, of []mailFact) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		for row, err := range h.Kit.Ledger.Facts(ctx, tx, time.Time{}, h.Clock.Now().Add(time.Hour)) {
			if err != nil {
				return err
			}
			if note, is := strings.CutPrefix(row.Facts.Note, "authority.mail."); is {
				var f mailFact
				if err := json.Unmarshal(row.Facts.Input, &f); err != nil {
					return err
				}
				notes, of = append(notes, note), append(of, f)
			}
		}
		return nil
	})
	return notes, of
}

// TestARequestComesByMail: it waits in the queue without a word of it, is read by name, and is
// then entered with the mail as a document. The ledger says of each which mail it was.
func TestARequestComesByMail(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.authority("police")
		h.comes("Our file 7/2026\n\nSection 10: who had the service?")
		h.comes("Our file 7/2026\n\nSection 10: who had the service?")
		h.as("t-counsel")
		shows(t, h.Get(home), http.StatusOK, "Came by mail", "to be entered, or put aside")
		if b := h.Get(home).Body; strings.Contains(b, "Our file") || strings.Contains(b, "Section 10") {
			t.Error("the queue says what the mail does")
		}
		desktest.Lacks(t, h.Get(home+"?state=closed"), "Came by mail")
		at := h.mails(thatWaits)
		if len(at) != 1 {
			t.Fatalf("%d mails wait, want the one that came twice", len(at))
		}
		shows(t, h.Get(at[0]), http.StatusOK, "Our file 7/2026", "Section 10: who had the service?", "desk@police.example", "order.pdf", "as it says")
		if a := h.Get(at[0] + "/whole"); a.Status != http.StatusOK || a.Body != "Our file 7/2026\n\nSection 10: who had the service?" || a.Header.Get("Content-Disposition") == "" {
			t.Errorf("the whole mail: %d %q", a.Status, a.Body)
		}
		id := at[0][len(mailHome+"/"):]
		form := h.Get(home + "/new?mail=" + id)
		shows(t, form, http.StatusOK, "Section 10: who had the service?")
		wrong := h.upload(home+"/new", "mail", id, "asked", "x")
		shows(t, wrong, http.StatusUnprocessableEntity, "Please choose one.")
		for _, page := range []webtest.Answer{form, wrong} {
			shows(t, page, page.Status, "Attached: the mail of", "It is kept whole with the request, as “The request”")
			for _, want := range []string{`value="` + id + `"`, `href="` + at[0] + `"`} {
				if !strings.Contains(page.Body, want) {
					t.Errorf("the form does not have %s", want)
				}
			}
			if strings.Contains(page.Body, "Our file") { // it would stand in letters
				t.Error("the subject of a mail passes as their file number")
			}
		}
		request := h.enter("police", "subscriber", "mail", id)
		shows(t, h.Get(home+"/"+request), http.StatusOK, "The request")
		var sum string
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			list, err := files(ctx, tx, request)
			if len(list) != 1 || list[0].Type != mailType || list[0].Kind != "request" {
				t.Fatalf("the files are %+v", list)
			}
			sum = list[0].SHA256
			return err
		})
		if at := h.mails(thatWaits); len(at) != 0 {
			t.Errorf("%v wait on", at)
		}
		if a := h.upload(home+"/new", "mail", id, "authority", h.authority("police"), "kind", answering, "basis", "subscriber", "asked", "x", "scope", "contact", "due", h.inDays(10)); a.Status != http.StatusNotFound {
			t.Errorf("entered twice: %d", a.Status)
		}
		notes, of := h.became()
		if want := []string{"came", "read", "taken", "read", "entered"}; !slices.Equal(notes, want) {
			t.Errorf("the ledger has %v, want %v", notes, want)
		}
		for i, f := range of {
			if f.Mail != id || f.SHA256 != sum || (f.Request == request) != (notes[i] == "entered") {
				t.Errorf("%s: %+v", notes[i], f)
			}
		}
	})
}

// TestMailIsOpenToThoseWhoApprove: to nobody else, nor to one of them before they signed, as it
// may name somebody of whom nobody else here may know.
func TestMailIsOpenToThoseWhoApprove(t *testing.T) {
	h := onOne(t)
	who := h.authority("police")
	h.comes("Our file 7/2026\n\nWho was it?")
	at := h.mails(thatWaits)[0]
	id := at[len(mailHome+"/"):]
	for _, one := range []string{"t-support", "t-billing", "t-administrator", "t-unsigned"} {
		h.as(one)
		if b := h.Get(home).Body; strings.Contains(b, "Came by mail") || strings.Contains(b, id) {
			t.Errorf("%s learns that mail waits", one)
		}
		for what, a := range map[string]int{
			"reads it": h.Get(at).Status, "has it whole": h.Get(at + "/whole").Status, "enters it": h.Get(home + "/new?mail=" + id).Status,
			"puts it aside": h.Post(at, "reason", "x").Status, "takes it back": h.Post(at + "/back").Status,
			"sends the form": h.upload(home+"/new", "mail", id, "authority", who, "kind", answering, "basis", "subscriber", "asked", "x", "scope", "contact", "due", h.inDays(10)).Status,
		} {
			if a != http.StatusForbidden {
				t.Errorf("%s %s: %d", one, what, a)
			}
		}
		desktest.Lacks(t, h.upload(home+"/new", "mail", id, "asked", "x"), "Attached: the mail of")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			if n, err := h.desk.countOpen(ctx, tx, h.Actor); n != 0 {
				t.Errorf("%s: %d are counted, %v", one, n, err)
			}
			return nil
		})
	}
	h.Actor = loot.Actor{Kind: loot.Staff, ID: "t-unsigned", Roles: []loot.Role{counsel}}
	if a := h.Get(at); a.Status != http.StatusForbidden {
		t.Errorf("whoever approves and has not signed reads it: %d", a.Status)
	}
	h.as("t-dpo")
	shows(t, h.Get(at), http.StatusOK, "Who was it?")
	if notes, _ := h.became(); !slices.Equal(notes, []string{"came", "read"}) {
		t.Errorf("the ledger has %v", notes)
	}
}

// TestMailIsPutAside and stays for a while, in which it can be taken back.
func TestMailIsPutAside(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.as("t-counsel")
		h.comes("Cheap pills\n\nBuy now.")
		at := h.mails(thatWaits)
		shows(t, h.Post(at[0], "reason", ""), http.StatusUnprocessableEntity, "Why it is no request")
		h.leads(h.Post(at[0], "reason", "It sells something."))
		if len(h.mails(thatWaits)) != 0 || len(h.mails(thatIsOff)) != 1 {
			t.Fatal("it was not put aside")
		}
		if a := h.Post(at[0], "reason", "It sells something."); a.Status != http.StatusNotFound {
			t.Errorf("put aside twice: %d", a.Status)
		}
		id := at[0][len(mailHome+"/"):]
		if a := h.upload(home+"/new", "mail", id, "authority", h.authority("police"), "kind", answering, "basis", "subscriber", "asked", "x", "scope", "contact", "due", h.inDays(10)); a.Status != http.StatusNotFound {
			t.Errorf("entered while it is put aside: %d", a.Status)
		}
		h.as("t-counsel")
		shows(t, h.Get(home), http.StatusOK, "Mail that was put aside")
		shows(t, h.Get(at[0]), http.StatusOK, "It was put aside.", "Take it back", "Buy now.")
		h.leads(h.Post(at[0] + "/back"))
		if len(h.mails(thatWaits)) != 1 {
			t.Error("it was not taken back")
		}
		if a := h.Post(at[0] + "/back"); a.Status != http.StatusNotFound {
			t.Errorf("taken back twice: %d", a.Status)
		}
		h.leads(h.Post(at[0], "reason", "It sells something after all."))
		h.after(29 * 24 * time.Hour)
		if len(h.mails(thatIsOff)) != 1 {
			t.Error("it went before its time")
		}
		h.foretold(1, 2)
		if n := len(h.Mail.Sent()); n != 0 {
			t.Errorf("%d letters about what was put aside", n)
		}
		h.after(2 * 24 * time.Hour)
		if len(h.mails(thatIsOff)) != 0 {
			t.Error("it is kept for ever")
		}
		notes, of := h.became()
		if last := of[len(of)-1]; notes[len(notes)-1] != "erased" || last.Mail != id || last.SHA256 != of[0].SHA256 {
			t.Errorf("the ledger ends with %v %+v", notes, last)
		}
	})
}

// foretold wants that so many mails go within days.
func (h *house) foretold(want, days int) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		list, err := h.desk.lapses(ctx, tx, h.Clock.Now().AddDate(0, 0, days))
		n := 0
		for _, l := range list {
			if l.What == lapsingMail {
				n += l.Count
				if l.Day.Before(desk.DayOf(h.Clock.Now())) || l.Day.After(h.Clock.Now().AddDate(0, 0, days)) {
					h.Errorf("foretold to go within %d days is what goes on %s", days, l.Day)
				}
			}
		}
		if n != want {
			h.Errorf("%d mails are foretold to go, want %d", n, want)
		}
		return err
	})
}

// TestMailThatNobodyLooksAt: those who may are reminded once, and after a year it goes.
func TestMailThatNobodyLooksAt(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.comes("One\n\nWho was it?")
		h.comes("Two\n\nWho was it?")
		h.after(2 * 24 * time.Hour)
		if n := len(h.Mail.Sent()); n != 0 {
			t.Errorf("%d letters before it waited for days", n)
		}
		h.after(2 * 24 * time.Hour)
		h.after(24 * time.Hour)
		if sent := h.Mail.Sent(); len(sent) != 1 || sent[0].To != "t-counsel@staff.example" || strings.Contains(sent[0].Text, "Who was") {
			t.Errorf("sent: %+v", sent)
		}
		h.after(350 * 24 * time.Hour)
		if n := len(h.mails(thatWaits)); n != 2 {
			t.Errorf("%d wait", n)
		}
		h.foretold(2, 20)
		h.after(20 * 24 * time.Hour)
		notes, _ := h.became()
		if n := len(h.mails(thatWaits)); n != 0 || !slices.Equal(notes, []string{"came", "came", "erased", "erased"}) {
			t.Errorf("%d wait, the ledger has %v", n, notes)
		}
	})
}

// TestOneMailIsOneRequest however many colleagues enter it at once.
func TestOneMailIsOneRequest(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		who := h.authority("police")
		h.comes("Our file 7/2026\n\nWho was it?")
		id := h.mails(thatWaits)[0][len(mailHome+"/"):]
		var entered, late atomic.Int64
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				r := request{ID: loot.NewID("d"), Kind: answering, Authority: who, Basis: "subscriber", Opened: h.Clock.Now()}
				switch err := h.Kit.DB.InTx(h.Context(), func(tx *store.Tx) error {
					return h.desk.enter(h.Context(), tx, r, staff("t-counsel"), map[string][]string{"mail": {id}}, nil)
				}); {
				case err == nil:
					entered.Add(1)
				case loot.KindOf(err) == loot.NotFound:
					late.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if entered.Load() != 1 || late.Load() != 5 {
			t.Errorf("%d entered it, and %d were told that it is gone", entered.Load(), late.Load())
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			if err := endMail(ctx, tx, id); loot.KindOf(err) != loot.NotFound {
				t.Errorf("what is gone was removed: %v", err)
			}
			return nil
		})
	})
}

// TestAMailThatComesAgain by another way is the same; one that says something else is not, and
// neither is one without an id that came by another way.
func TestAMailThatComesAgain(t *testing.T) {
	h := onOne(t)
	for _, one := range []struct {
		content string
		wait    int
	}{
		{"A\nid 1\nby one way\n\nWho was it?", 1},
		{"A\nid 1\nby another\n\nWho was it?", 1},
		{"A\nid 2\nby another\n\nWho was it?", 2},
		{"A\nid 1\nby another\n\nWho else was it?", 3},
		{"B\n\nWho was it?", 4},
		{"B\n\nWho was it?", 4},
	} {
		h.comes(one.content)
		if n := len(h.mails(thatWaits)); n != one.wait {
			t.Errorf("after %q %d wait, want %d", one.content, n, one.wait)
		}
	}
}

// TestMailThatWaitsHasBounds in number and weight: what comes beyond is not taken yet.
func TestMailThatWaitsHasBounds(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		takes := func(size int64) loot.Kind {
			t.Helper()
			var m mail.Received
			m.Size = size
			write, err := h.desk.takeMail(h.Context(), &m)
			if (err == nil) != (write != nil) {
				t.Error("it is taken although it is refused, or the other way round")
			}
			return loot.KindOf(err)
		}
		h.comes("A\n\nx")
		h.comes("B\n\nx")
		change := func(q string, args ...any) {
			t.Helper()
			h.Tx(func(ctx context.Context, tx *store.Tx) error { _, err := tx.Exec(ctx, q, args...); return err })
		}
		change(`UPDATE disclosure_mail SET size = $1`, mostWeight/2)
		if got := takes(0); got == loot.Unavailable {
			t.Error("the last that there is room for is not taken")
		}
		if got := takes(1); got != loot.Unavailable {
			t.Errorf("one that there is no room for: %v", got)
		}
		change(`UPDATE disclosure_mail SET size = $1`, mostWeight/2+1)
		if got := takes(0); got != loot.Unavailable {
			t.Errorf("too heavy: %v", got)
		}
		change(`UPDATE disclosure_mail SET aside = 1`)
		if got := takes(0); got == loot.Unavailable {
			t.Error("what was put aside counts")
		}
		change(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) INSERT INTO disclosure_mail (id, at, sha256, repeat, size, reminded, aside, head, content)
			SELECT 'x' || i, 0, 'x' || i, 'x' || i, 1, 0, 0, head, content FROM n, (SELECT head, content FROM disclosure_mail LIMIT 1) AS one`, mostWaiting)
		if got := takes(0); got != loot.Unavailable {
			t.Errorf("too many: %v", got)
		}
	})
}

// TestOfALongMail a form takes and a page shows the beginning, and whoever has it whole all of it.
func TestOfALongMail(t *testing.T) {
	h := onOne(t)
	h.authority("police")
	h.as("t-counsel")
	h.comes("Long\n\n" + strings.Repeat("§", mostShown+1))
	at := h.mails(thatWaits)[0]
	for page, want := range map[string]int{at: mostShown, at + "/whole": mostShown + 1, home + "/new?mail=" + at[len(mailHome+"/"):]: 4000} {
		if n := strings.Count(h.Get(page).Body, "§"); n != want {
			t.Errorf("%s has %d letters of it, want %d", page, n, want)
		}
	}
}
