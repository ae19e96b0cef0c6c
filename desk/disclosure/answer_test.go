package disclosure

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

func (h *house) exports(s loot.Subject, want int) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		got, err := h.desk.export(ctx, tx, s)
		list, _ := got.([]exportedRequest)
		if len(list) != want || want == 0 && got != nil {
			h.Errorf("the copy has %d requests, want %d: %v", len(list), want, got)
		}
		return err
	})
}

// filesOf returns the contents of the files of a request, by kind.
func (h *house) filesOf(id string) map[string][]byte {
	h.Helper()
	out := map[string][]byte{}
	var list []file
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		list, err = files(ctx, tx, id)
		return err
	})
	for _, f := range list {
		a := h.Get(home + "/" + id + "/file/" + f.ID)
		if a.Status != http.StatusOK {
			h.Errorf("%s: %d", f.Kind, a.Status)
		}
		if sum := sha256.Sum256([]byte(a.Body)); hex.EncodeToString(sum[:]) != f.SHA256 {
			h.Errorf("%s is not what its hash says", f.Kind)
		}
		out[f.Kind] = []byte(a.Body)
	}
	return out
}

// unseal opens an answer and returns its files.
func unseal(t *testing.T, sealed []byte, by age.Identity) map[string][]byte {
	t.Helper()
	r, err := age.Decrypt(bytes.NewReader(sealed), by)
	ok(t, err)
	plain, err := io.ReadAll(r)
	ok(t, err)
	z, err := zip.NewReader(bytes.NewReader(plain), int64(len(plain)))
	ok(t, err)
	out := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		ok(t, err)
		out[f.Name], err = io.ReadAll(r)
		ok(t, err)
	}
	return out
}

var shownPassword = regexp.MustCompile(`<code>([A-Z2-7]{26})</code>`)

// TestTheAnswerIsSealed to the authority's key or by a password that its owner sees, has
// the chosen details and no other, a mark and a manifest; whoever chooses sees no value.
func TestTheAnswerIsSealed(t *testing.T) {
	h := onOne(t)
	key, err := age.GenerateX25519Identity()
	ok(t, err)
	h.ages["police"] = key.Recipient().String()
	s := h.person("jo@example.com")
	h.as("t-support")
	for recipient, basis := range map[string]string{"police": "subscriber", "revenue": "tax"} {
		id := h.enter(recipient, basis)
		h.leads(h.do(id, "person", "by", "id", "value", string(s)))
		h.leads(h.do(id, "assess", lawful("contact")...))
		page := h.Get(home + "/" + id)
		shows(t, page, http.StatusOK, "Choose the least that answers it", "••••••••")
		for _, value := range []string{"jo@example.com", "555 0100", "Sample Quay"} {
			if strings.Contains(page.Body, value) {
				t.Errorf("whoever chooses is shown %q", value)
			}
		}
		if strings.Contains(page.Body, `value="address.street"`) {
			t.Error("a detail is offered that the request does not cover")
		}
		shows(t, h.do(id, "ask", "field", "address.street", "extent", whole), http.StatusUnprocessableEntity, "Please choose one of those offered.")
		h.leads(h.do(id, "ask", "field", "contact.email", "extent", part, "reason", "The telephone was not asked for."))
		asked := h.request(id).Approval
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, q, _, _, err := h.Kit.Gate.Approval(ctx, tx, asked)
			if err == nil && q.Page != home+"/"+id {
				t.Errorf("whoever asked and those who agree are led to %q", q.Page)
			}
			return err
		})
		ok(t, h.vote(id, "t-dpo", true))
		ok(t, h.vote(id, "t-counsel", true))
		a := h.do(id, "answer")
		var by age.Identity = key
		if recipient == "revenue" {
			m := shownPassword.FindStringSubmatch(a.Body)
			if a.Status != http.StatusOK || m == nil {
				t.Fatalf("no password: %d %s", a.Status, text(a.Body))
			}
			if by, err = age.NewScryptIdentity(m[1]); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(h.Get(home+"/"+id).Body, m[1]) {
				t.Error("the password is shown unasked")
			}
			h.as("t-dpo")
			shows(t, h.do(id, "password"), http.StatusConflict, "This step is not open")
			h.as("t-support")
			files := h.notes("disclosure.file")
			if again := h.do(id, "password"); again.Status != http.StatusOK || !strings.Contains(again.Body, m[1]) {
				t.Errorf("whoever deals with it does not see the password again: %d", again.Status)
			}
			if seen, more := h.notes("disclosure.password"), h.notes("disclosure.file")-files; seen != 1 || more != 0 {
				t.Errorf("the ledger has %d looks at the password, and %d at files with it", seen, more)
			}
		} else {
			h.leads(a)
		}
		kept := h.filesOf(id)
		got := unseal(t, kept["answer"], by)
		var read answered
		ok(t, json.Unmarshal(got["answer.json"], &read))
		if len(read.Details) != 1 || read.Details[0].Value != "jo@example.com" {
			t.Errorf("the answer: %+v", read)
		}
		var m manifest
		ok(t, json.Unmarshal(got["manifest.json"], &m))
		for _, f := range m.Files {
			if fileOf(f.Name, got[f.Name]) != f {
				t.Errorf("the manifest does not have %s right", f.Name)
			}
		}
		if len(m.Files) != 2 || m.Entry == "" || !bytes.HasPrefix(got["answer.pdf"], []byte("%PDF-1.7")) || !bytes.Contains(kept["letter."+part], []byte("%PDF-1.7")) {
			t.Errorf("manifest %+v, files %d", m, len(kept))
		}
		h.Confirm()
		var outside manifest
		ok(t, json.Unmarshal([]byte(h.Get(home+"/"+id+"/manifest").Body), &outside))
		if len(outside.Files) != 1 || outside.Files[0].SHA256 != fileOf("", kept["answer"]).SHA256 || outside.Receipt == "" {
			t.Errorf("the manifest beside the file: %+v", outside)
		}
		if r := h.request(id); r.Outcome != part {
			t.Errorf("outcome %q", r.Outcome)
		}
		h.leads(h.do(id, "close", "receipt", "By courier."))
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			notes, err := h.desk.notes.Of(ctx, tx, id)
			if desk.LatestNote(notes, notePassword) != "" {
				t.Error("the password is kept after the file was handed over")
			}
			if desk.LatestNote(notes, "receipt") == "" {
				t.Error("more is gone than the password")
			}
			return err
		})
	}
	h.exports(s, 2)
}

// TestWhatAnOrderHoldsIsAnswered: what its owner had erased and an order preserves is offered,
// and handed over, and shows nowhere else.
func TestWhatAnOrderHoldsIsAnswered(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		key, err := age.GenerateX25519Identity()
		ok(t, err)
		h.ages["police"] = key.Recipient().String()
		s := h.person("jo@example.com")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			return h.Kit.Gate.Hold(ctx, tx, s, h.Clock.Now().AddDate(0, 0, 30))
		})
		h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)}
		h.leads(h.Post("/portal/account/erase", "sure", "yes"))
		h.Drain()
		h.leads(h.Post("/portal/account/keep"))
		desktest.Lacks(t, h.Get("/portal"), "+353 1 555 0100")
		h.as("t-counsel")
		id := h.enter("police", "subscriber")
		h.leads(h.do(id, "person", "by", "id", "value", string(s)))
		h.leads(h.do(id, "assess", lawful("contact")...))
		h.leads(h.do(id, "ask", "field", "contact.phone", "extent", whole))
		ok(t, h.vote(id, "t-dpo", true))
		ok(t, h.vote(id, "t-counsel-2", true))
		h.leads(h.do(id, "answer"))
		var read answered
		ok(t, json.Unmarshal(unseal(t, h.filesOf(id)["answer"], key)["answer.json"], &read))
		if len(read.Details) != 1 || read.Details[0].Value != "+353 1 555 0100" {
			t.Errorf("the answer: %+v", read)
		}
	})
}

// TestTwoPeopleAgree: nobody to their own request, one of them counsel, each once, and
// what was agreed to is used once and by whoever asked.
func TestTwoPeopleAgree(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.person("jo@example.com")
		h.as("t-dpo")
		id := h.enter("police", "subscriber")
		h.agreed(id, s)
		if err := h.vote(id, "t-dpo", true); loot.KindOf(err) != loot.Denied {
			t.Errorf("one's own request: %v", err)
		}
		ok(t, h.vote(id, "t-dpo-2", true))
		shows(t, h.do(id, "answer"), http.StatusConflict, "This step is not open")
		if err := h.vote(id, "t-dpo-3", true); loot.KindOf(err) != loot.Denied || !strings.Contains(loot.Message(err), "legal counsel") {
			t.Errorf("without counsel: %v", err)
		}
		var wait sync.WaitGroup
		var mu sync.Mutex
		done, late := 0, 0
		for _, who := range []string{"t-counsel", "t-counsel-2"} {
			wait.Go(func() {
				err := h.vote(id, who, true)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					done++
				case loot.KindOf(err) == loot.Conflict:
					late++
				default:
					t.Errorf("two at once: %v", err)
				}
			})
		}
		wait.Wait()
		if done != 1 || late != 1 {
			t.Errorf("of two who agreed at once, %d were taken and %d were late", done, late)
		}
		h.as("t-counsel-3")
		shows(t, h.do(id, "answer"), http.StatusConflict, "This step is not open")
		h.as("t-dpo")
		stale := h.request(id).Version
		if a := h.do(id, "answer"); a.Status != http.StatusOK {
			t.Fatal(a.Status, text(a.Body))
		}
		shows(t, h.Post(home+"/"+id+"/answer", "version", "0"), http.StatusConflict, "Somebody else changed this request")
		if h.request(id).Version == stale {
			t.Error("the answer changed nothing")
		}
		shows(t, h.do(id, "answer"), http.StatusConflict, "This step is not open")
		h.as("t-unsigned")
		shows(t, h.Get(home+"/"+id), http.StatusForbidden, "signs the confidentiality undertaking first")
		h.as("t-billing")
		shows(t, h.Get(home+"/"+id), http.StatusForbidden, "A request is open to whoever deals with it")
	})
}

// TestSteps: too broad, refused, preserved, an emergency and proceedings, each to its end.
func TestSteps(t *testing.T) {
	h := onOne(t)
	s := h.person("jo@example.com")
	h.as("t-counsel")

	id := h.enter("revenue", "tax", "scope", "contact")
	h.leads(h.do(id, "person", "by", "id", "value", string(s)))
	broad := append(lawful("contact"), "", "")
	for i, v := range broad {
		if v == "scope" {
			broad[i+1] = no
		}
	}
	h.leads(h.do(id, "assess", broad...))
	if kept := h.filesOf(id); !bytes.HasPrefix(kept["letter.narrowing"], []byte("%PDF-1.7")) || h.request(id).valid() {
		t.Error("what is too broad got no letter, or counts as lawful")
	}
	if strings.Contains(h.Get(home+"/"+id).Body, "Choose the least") {
		t.Error("what is too broad can be answered")
	}
	h.leads(h.do(id, "refuse", "outcome", refused, "reason", "They did not ask for less."))
	if r := h.request(id); r.Outcome != refused || r.Closed.IsZero() || len(h.filesOf(id)["letter."+refused]) == 0 {
		t.Errorf("refused: %+v", r)
	}

	id = h.enter("police", "production", "kind", preservation, "hold", h.inDays(30))
	h.leads(h.do(id, "person", "by", "id", "value", string(s)))
	erases := func() error {
		return h.Kit.Gate.InTx(h.Context(), func(tx *store.Tx) error {
			_, err := h.Kit.Gate.Decide(h.Context(), tx, gate.Request{
				Action: loot.Erase, Actor: loot.Actor{Kind: loot.Person, ID: string(s)}, Desk: "customers", Purpose: "service", Subject: s, Collection: collection, Fields: []loot.Field{"contact.phone"},
			})
			return err
		})
	}
	waits := func(when string) {
		t.Helper()
		if erases() == nil {
			t.Errorf("%s, what is preserved is erased", when)
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			items, err := h.Kit.Ledger.Timeline(ctx, tx, s, collection, "", 100)
			for _, i := range items {
				if i.Facts.Action == loot.Erase {
					t.Errorf("%s, the timeline shows that an erasure waits", when)
				}
			}
			return err
		})
	}
	waits("under the order")
	h.as("t-counsel")
	h.leads(h.do(id, "preserve", "hold", h.inDays(60), "@file", scan))
	h.after(40 * 24 * time.Hour)
	waits("after the end of the first order")
	h.after(25 * 24 * time.Hour)
	if r := h.request(id); r.Outcome != preserved || r.Closed.IsZero() {
		t.Errorf("after its end: %+v", r)
	}

	h.as("t-counsel")
	id = h.enter("police", "danger", "danger", "Somebody says that they will hurt themselves.")
	h.agreed(id, s, "t-dpo", "t-counsel-2")
	if a := h.do(id, "answer"); a.Status != http.StatusOK {
		t.Fatal(a.Status, text(a.Body))
	}
	shows(t, h.do(id, "close", "receipt", "By telephone."), http.StatusConflict, "This step is not open")
	shows(t, h.do(id, "review", "finding", "right", "reason", "It was."), http.StatusConflict, "This step is not open")
	h.as("t-dpo")
	h.leads(h.do(id, "review", "finding", "wrong", "reason", "There was no danger."))
	h.leads(h.do(id, "close", "receipt", "By telephone."))

	id = h.enter("court", "civil", "kind", proceedings)
	opens := func() error {
		return h.Kit.Gate.InTx(h.Context(), func(tx *store.Tx) error {
			_, err := h.Kit.Gate.Decide(h.Context(), tx, gate.Request{
				Action: loot.Use, Actor: staff("t-counsel"), Desk: "customers", Purpose: "dispute", Subject: s, Collection: collection, Fields: []loot.Field{"contact.email"}, Case: id, Reason: "The hearing.",
			})
			return err
		})
	}
	h.Drain() // the letter about the answer before goes
	letters := h.Mail.Count()
	ok(t, opens())
	h.Drain()
	if n := h.Mail.Count(); n != letters+1 {
		t.Errorf("a use in proceedings sent %d letters, want 1", n-letters)
	}
	h.leads(h.do(id, "end", "reason", "Settled."))
	if opens() == nil {
		t.Error("opened for proceedings that are over")
	}
}

// TestWhatIsWrongIsSaid beside the field, with all that was typed.
func TestWhatIsWrongIsSaid(t *testing.T) {
	h := onOne(t)
	h.as("t-counsel")
	for name, one := range map[string]struct {
		basis string
		pairs []string
		says  string
	}{
		"a deadline in the past":    {"subscriber", []string{"due", h.inDays(-1)}, isPast},
		"a deadline far away":       {"subscriber", []string{"due", h.inDays(9000)}, tooFar},
		"no day":                    {"subscriber", []string{"due", "tomorrow"}, "This is not a day."},
		"run out before":            {"subscriber", []string{"until", h.inDays(2)}, "The request would have run out"},
		"secrecy without a paper":   {"subscriber", []string{"gag", h.inDays(9)}, "Secrecy is kept only by its document."},
		"a basis of courts":         {"order", nil, "This is not a basis of such an authority."},
		"proceedings of the police": {"subscriber", []string{"kind", proceedings}, "Proceedings are before a court."},
		"preserve without an end":   {"subscriber", []string{"kind", preservation}, "Say until when"},
		"a program as the document": {"subscriber", []string{"@document", "MZ\x00\x01"}, "This is no PDF"},
		"a danger that is not said": {danger, nil, "Say what the danger is"},
	} {
		pairs := append([]string{"authority", h.authority("police"), "basis", one.basis, "asked", "A question", "scope", "contact"}, one.pairs...)
		if !strings.Contains(strings.Join(one.pairs, " "), "due ") {
			pairs = append(pairs, "due", h.inDays(5))
		}
		if !strings.Contains(strings.Join(one.pairs, " "), "kind ") {
			pairs = append(pairs, "kind", answering)
		}
		a := h.upload(home+"/new", pairs...)
		t.Log(name)
		shows(t, a, http.StatusUnprocessableEntity, one.says, "A question")
	}
	id := h.enter("police", "subscriber")
	shows(t, h.do(id, "person", "by", "id", "value", "p-nobody"), http.StatusUnprocessableEntity, "No record has this id")
	h.leads(h.do(id, "person", "by", "contact.email", "value", "nobody@example.com"))
	shows(t, h.Get(home+"/"+id), http.StatusOK, "Nobody has this.")
	h.as("t-dpo")
	h.leads(h.Post(home+"/register", "title", "Another", "recipient", "police", "country", "IE", "contact", "3 Sample Square"))
	shows(t, h.Post(home+"/register", "title", "Another", "recipient", "police", "country", "ireland", "contact", "x", "age", "AGE-SECRET-KEY-1"), http.StatusUnprocessableEntity, "Please choose one of those offered.")
	shows(t, h.Post(home+"/register/"+h.registered("Another")+"/verified"), http.StatusForbidden, "Nobody verifies a contact that they entered.")
	shows(t, h.Get(home+"/d-nobody"), http.StatusNotFound, "There is no such request.")
}

// TestReminderAndEnd: whoever deals with a request is reminded once; what was closed goes
// when the statement says, and what is about somebody goes with them.
func TestReminderAndEnd(t *testing.T) {
	h := onOne(t)
	// Months, of which three years have fewer days than their longest would.
	text := strings.Replace(string(statement.Default()), `version: "2026-1"`, `version: "2026-2"`, 1)
	before, own, _ := strings.Cut(text, "  lawful-request:\n")
	h.InForce(desktest.Parse(t, []byte(before+"  lawful-request:\n"+strings.Replace(own, "3y", "36m", 1))))
	s := h.person("jo@example.com")
	h.as("t-counsel")
	id := h.enter("police", "subscriber")
	h.after(8 * 24 * time.Hour)
	h.after(24 * time.Hour)
	n := 0
	for _, m := range h.Mail.Sent() {
		if m.To == "t-counsel@staff.example" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("reminded %d times", n)
	}
	shows(t, h.Get(home), http.StatusOK, "Example police", "Who has how much", "Within 7 days")
	h.leads(h.do(id, "person", "by", "id", "value", string(s)))
	h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.desk.forget(ctx, tx, s) })
	if r := h.request(id); r.Subject != "" || strings.Contains(h.Get(home+"/"+id).Body, "192.0.2.7") {
		t.Error("something is left of somebody who is gone")
	}
	h.leads(h.do(id, "refuse", "outcome", nothing, "reason", "Nobody is known."))
	until := h.Clock.Now().AddDate(3, 0, 1)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		list, err := h.desk.lapses(ctx, tx, until)
		if len(list) != 1 || list[0].Count != 1 {
			t.Errorf("foretold: %+v", list)
		}
		return err
	})
	h.after(until.Sub(h.Clock.Now()))
	shows(t, h.Get(home+"/"+id), http.StatusNotFound, "There is no such request.")
}

// TestARequestStaysUnderAnOrder: what was closed long ago about somebody whose record is to
// be preserved goes after the order, and their copy does not tell of it any longer than
// that of anybody.
func TestARequestStaysUnderAnOrder(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		counts := map[bool]int{}
		h.desk.Lapsed = func(_ context.Context, _ *store.Tx, _ string, l desk.Lapse, stayed bool) error {
			counts[stayed] += l.Count
			return nil
		}
		var ids []string
		two := []loot.Subject{h.person("jo@example.com"), h.person("an@example.com")}
		for _, s := range two {
			h.as("t-counsel")
			id := h.enter("police", "subscriber")
			h.leads(h.do(id, "person", "by", "id", "value", string(s)))
			h.exports(s, 1)
			h.leads(h.do(id, "refuse", "outcome", refused, "reason", "It was not lawful."))
			h.exports(s, 1)
			ids = append(ids, id)
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			return h.Kit.Gate.Hold(ctx, tx, two[0], h.Clock.Now().AddDate(4, 0, 0))
		})
		for day, want := range []map[bool]int{{true: 1, false: 1}, {true: 2, false: 1}} {
			h.after(time.Duration(1+(1-day)*3*366) * 24 * time.Hour)
			if !maps.Equal(counts, want) {
				t.Errorf("on day %d counted are %v, want %v", day, counts, want)
			}
		}
		for i, status := range []int{http.StatusOK, http.StatusNotFound} {
			h.as("t-counsel")
			if a := h.Get(home + "/" + ids[i]); a.Status != status {
				t.Errorf("request %d: %d", i, a.Status)
			}
			h.exports(two[i], 0)
		}
		h.after(366 * 24 * time.Hour)
		shows(t, h.Get(home+"/"+ids[0]), http.StatusNotFound)
		if want := map[bool]int{true: 2, false: 2}; !maps.Equal(counts, want) {
			t.Errorf("after the order counted are %v, want %v", counts, want)
		}
	})
}

// TestRemovingGoesOnPastItsPage: more requests than one transaction looks at go all the
// same, and those that an order holds keep none from going.
func TestRemovingGoesOnPastItsPage(t *testing.T) {
	const many = 2*removeSize + 1
	h := onOne(t)
	counts := map[bool]int{}
	h.desk.Lapsed = func(_ context.Context, _ *store.Tx, _ string, l desk.Lapse, stayed bool) error {
		counts[stayed] += l.Count
		return nil
	}
	s := h.person("jo@example.com")
	h.as("t-counsel")
	one := h.request(h.enter("police", "subscriber"))
	one.Subject, one.Outcome, one.Closed = s, refused, h.Clock.Now()
	closed := one.Closed
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		ok(t, updateRequest(ctx, tx, one))
		for n := range many - 1 {
			one.ID = "q" + strconv.Itoa(n)
			ok(t, insertRequest(ctx, tx, one))
		}
		one.ID, one.Gag = "secret", closed.AddDate(4, 0, 0)
		ok(t, insertRequest(ctx, tx, one))
		return h.Kit.Gate.Hold(ctx, tx, s, closed.AddDate(3, 0, 10))
	})
	for i, want := range []map[bool]int{{}, {true: many, false: 0}, {true: 0, false: many}, {true: 0, false: 1}} { // before their time, held, after the order, and after the secrecy of one
		clear(counts)
		h.after(closed.AddDate(3, 0, []int{-1, 1, 11, 366}[i]).Sub(h.Clock.Now()))
		if counts[true] != want[true] || counts[false] != want[false] {
			t.Errorf("step %d: counted are %v, want %v", i, counts, want)
		}
	}
}
