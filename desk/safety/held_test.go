package safety

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"loot/desk/desktest"
	"loot/ledger"
	"loot/store"
)

// sends has somebody report misuse of an address by mail.
func (h *house) sends(email, address, text string, files ...Evidence) Taken {
	h.Helper()
	got, err := h.desk.take(h.Context(), Report{Way: ByMail, Kind: Spam, Addresses: []Seen{{Address: netip.MustParseAddr(address)}}, Text: text, Reporter: email, Evidence: files})
	ok(h, err)
	return got
}

// asksHeld asks for a link to what is held of reports of an address, and returns the answer.
func (h *house) asksHeld(email string) string {
	h.Helper()
	h.visitor()
	a := h.Post("/abuse/mine", "email", email)
	shows(h, a, http.StatusOK, "If a report was sent with this address")
	h.Drain()
	return a.Body
}

// bundle takes a copy, and returns its files.
func (h *house) bundle(link string) map[string][]byte {
	h.Helper()
	a := h.Post(link + "/copy")
	z, err := zip.NewReader(strings.NewReader(a.Body), int64(len(a.Body)))
	if err != nil {
		h.Fatalf("%d: %v: %s", a.Status, err, desktest.Text(a.Body))
	}
	out := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		ok(h, err)
		out[f.Name], err = io.ReadAll(r)
		ok(h, err)
	}
	return out
}

// TestWhoReportedTakesACopy: by a link to the address that they left, and nobody else's; the
// answer is one whether there is a report or not.
func TestWhoReportedTakesACopy(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.customer("jo@example.com", "192.0.2.7")
		h.sends("ann@reporter.example", "192.0.2.7", "Spam at noon.", Evidence{Name: "log.txt", Type: "text/plain", Content: []byte("a line of a log")})
		h.Clock.Advance(hour)
		follow := h.sends("ann@reporter.example", "203.0.113.9", "Spam at one.").Follow
		h.sends("bob@reporter.example", "192.0.2.7", "Spam of Bob.")
		h.Drain()

		h.visitor()
		shows(t, h.Get("/abuse"), http.StatusOK, "What we hold of your reports")
		shows(t, h.Get("/abuse/mine"), http.StatusOK, "Your e-mail address")
		shows(t, h.Post("/abuse/mine", "email", "nothing"), http.StatusUnprocessableEntity)
		before := h.Mail.Count()
		nobody := h.asksHeld("nobody@reporter.example")
		if h.Mail.Count() != before {
			t.Error("a letter goes to somebody who reported nothing")
		}
		if somebody := h.asksHeld("Ann@reporter.example"); somebody != nobody {
			t.Error("the answer tells whether there is a report")
		}
		_, link := h.letter("Ann@reporter.example", "Look at it")
		page := h.Get(link)
		shows(t, page, http.StatusOK, "Your reports", "Take a copy", "Erase all of it")
		if strings.Contains(page.Body+link, "reporter.example") {
			t.Error("the page or its address has the e-mail address")
		}
		files := h.bundle(link)
		first, second := string(files["report-1/what-we-hold.json"]), string(files["report-2/what-we-hold.json"])
		for what, has := range map[string]bool{
			"the later report first":     strings.Contains(first, "Spam at one.") && strings.Contains(second, "Spam at noon."),
			"the address":                strings.Contains(first, "ann@reporter.example"),
			"what they named":            strings.Contains(first, "203.0.113.9") && strings.Contains(second, "192.0.2.7"),
			"the letter of how it ended": strings.Contains(first, "Nobody whom we serve had the address"),
			"no letter of what is open":  !strings.Contains(second, "letter_to_you"),
			"the timeline":               strings.Contains(first, `"timeline": [`) && strings.Contains(first, "You took a copy"),
			"a page":                     bytes.Contains(files["report-1/index.html"], []byte("Spam at one.")),
			"the schema":                 len(files["report-2/what-we-hold.schema.json"]) > 0,
			"nothing of others":          !strings.Contains(first+second, "Spam of Bob") && !strings.Contains(first+second, "bob@reporter") && !strings.Contains(first+second, "Meadow"),
		} {
			if !has {
				t.Errorf("the copy: %s is missing", what)
			}
		}
		log := ""
		for name, text := range files {
			if strings.HasPrefix(name, "report-2/documents/") {
				log += string(text)
			}
		}
		if log != "a line of a log" {
			t.Errorf("the file that they sent is %q", log)
		}
		res, err := ledger.VerifyCopy(strings.NewReader(first), h.Kit.Ledger.VerifierKey(), nil, func(ledger.CopiedEntry, ledger.Result) error { return nil })
		if err != nil || res.Verdict != ledger.Holds {
			t.Errorf("the timeline is not proved: %+v, %v", res, err)
		}

		// No link of another purpose leads here, and this one nowhere else.
		token := strings.TrimPrefix(link, "/abuse/mine/")
		shows(t, h.Get("/abuse/report/"+token), http.StatusNotFound)
		shows(t, h.Post("/abuse/answer/"+token), http.StatusNotFound)
		shows(t, h.Get("/abuse/mine/"+token+"x"), http.StatusNotFound)
		shows(t, h.Get(follow), http.StatusOK, "Your report")
		shows(t, h.Get("/abuse/mine/"+strings.TrimPrefix(follow, "/abuse/report/")), http.StatusNotFound)
		h.Clock.Advance(heldFor)
		shows(t, h.Get(link), http.StatusNotFound)
		shows(t, h.Post(link+"/copy"), http.StatusNotFound)
		shows(t, h.Post(link+"/erase"), http.StatusNotFound)
	})
}

// TestWhoReportedIsErasedAtTheirWish: all of their reports at once, and nobody else's; and a
// flood of links ends.
func TestWhoReportedIsErasedAtTheirWish(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.customer("jo@example.com", "192.0.2.7")
		for _, text := range []string{"One.", "Two."} {
			h.sends("ann@reporter.example", "192.0.2.7", text)
		}
		h.sends("bob@reporter.example", "192.0.2.7", "Spam of Bob.")
		before := h.Mail.Count()
		for range mostHeld + 2 {
			h.asksHeld("ann@reporter.example")
		}
		if n := h.Mail.Count() - before; n != mostHeld {
			t.Errorf("%d letters in a day, want %d", n, mostHeld)
		}
		_, link := h.letter("ann@reporter.example", "Look at it")
		shows(t, h.Post(link+"/erase"), http.StatusOK, "It is erased.")
		shows(t, h.Get(link), http.StatusNotFound)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			theirs, err := reportsBy(ctx, tx, h.desk.markOfReporter("ann@reporter.example"))
			if err != nil {
				return err
			}
			others, err := reportsBy(ctx, tx, h.desk.markOfReporter("bob@reporter.example"))
			if len(theirs) != 0 || len(others) != 1 {
				t.Errorf("%d reports of theirs are left, and %d of another", len(theirs), len(others))
			}
			return err
		})
		h.Clock.Advance(heldFor)
		before = h.Mail.Count()
		h.asksHeld("ann@reporter.example")
		if h.Mail.Count() != before {
			t.Error("a letter goes to who was erased")
		}

		// What an order holds past its day is as gone, for whoever reported it too.
		h.asksHeld("bob@reporter.example")
		_, link = h.letter("bob@reporter.example", "Look at it")
		shows(t, h.Get(link), http.StatusOK, "Your reports")
		c := h.only()
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return setAside(ctx, tx, c) })
		shows(t, h.Get(link), http.StatusNotFound)
		shows(t, h.Post(link+"/copy"), http.StatusNotFound)
		before = h.Mail.Count()
		h.asksHeld("bob@reporter.example")
		if h.Mail.Count() != before {
			t.Error("a letter tells of what is held aside")
		}
	})
}
