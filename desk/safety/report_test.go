package safety

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/api"
	"loot/desk"
	"loot/desk/desktest"
	"loot/desk/safety/report"
	"loot/store"
)

// TestReportsAreGrouped: what is about one address at one time is one case, and the same
// report counts once.
func TestReportsAreGrouped(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.customer("jo@example.com", "192.0.2.7")
		h.customer("kim@example.com", "2001:db8:1:2::/64")
		ctx := t.Context()
		h.Clock.Advance(60 * 24 * time.Hour)
		now := h.Clock.Now()
		about := func(at time.Time, addresses ...string) (out []Seen) {
			for _, a := range addresses {
				out = append(out, Seen{netip.MustParseAddr(a), at})
			}
			return out
		}
		take := func(r Report) Taken {
			t.Helper()
			r.Way = ByAPI
			got, err := h.desk.take(ctx, r)
			ok(t, err)
			return got
		}
		first := take(Report{Kind: Spam, Addresses: about(now, "192.0.2.7"), Text: "One."})
		if again := take(Report{Kind: Spam, Addresses: about(now, "::ffff:192.0.2.7"), Text: " One. "}); !again.Again || again.ID != first.ID || again.Follow != "" {
			t.Errorf("the same is %+v", again)
		}
		if two := take(Report{Kind: Phishing, Addresses: about(now.Add(-6*24*time.Hour), "192.0.2.7"), Text: "Two."}); two.Cases[0] != first.Cases[0] {
			t.Error("the same address at nearly the same time is another case")
		}
		if c := h.only(); c.Kind != string(Phishing) || !c.Due.Equal(now.Add(4*time.Hour)) || !c.Earliest.Equal(now.Add(-6*24*time.Hour)) {
			t.Errorf("the case is %+v", c)
		}
		if far := take(Report{Kind: Spam, Addresses: about(now.Add(-30*24*time.Hour), "192.0.2.7"), Text: "Three."}); far.Cases[0] == first.Cases[0] {
			t.Error("the same address a month before is the same case")
		}
		both := take(Report{Kind: Attack, Addresses: about(now, "2001:db8:1:2::7", "2001:db8:1:2:ffff::1", "192.0.2.7"), Text: "Four."})
		if len(both.Cases) != 2 {
			t.Errorf("a subscriber's network of IPv6 is %d cases", len(both.Cases)-1)
		}
		// The sender's own name tells reports apart, whatever they say.
		one := take(Report{Kind: Spam, Addresses: about(now, "192.0.2.7"), Text: "Five.", Key: "k1"})
		if two := take(Report{Kind: Spam, Addresses: about(now, "192.0.2.7"), Text: "Five again.", Key: "k1"}); two.ID != one.ID {
			t.Error("the same key is another report")
		}

		// Those that come at once end in one case.
		var wg sync.WaitGroup
		got := make([]Taken, 8)
		for i := range got {
			wg.Go(func() {
				var err error
				if got[i], err = h.desk.take(ctx, Report{Way: ByMail, Kind: Malware, Addresses: about(now, "192.0.2.7"), Text: "At once " + strconv.Itoa(i/2)}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		reports := map[string]bool{}
		for _, g := range got {
			reports[g.ID] = true
			if len(g.Cases) != 1 || g.Cases[0] != first.Cases[0] {
				t.Errorf("at once: %+v", g)
			}
		}
		if len(reports) != 4 {
			t.Errorf("%d reports, want 4", len(reports))
		}
	})
}

// TestNotOurs: a report of an address that nobody here had is answered and closed, and one
// of a web address waits until a colleague found out whose it was.
func TestNotOurs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	jo := h.customer("jo@example.com", "192.0.2.7")
	h.visitor()
	h.Post("/abuse", "kind", "spam", "addresses", "198.51.100.9", "text", "Spam.", "email", "ann@example.net")
	h.Drain()
	c := h.only()
	if c.Outcome != elsewhere || c.Closed.IsZero() || c.Network != "" {
		t.Errorf("the case is %+v", c)
	}
	if text, _ := h.letter("ann@example.net", ""); !strings.Contains(text, "Nobody whom we serve had the address") {
		t.Errorf("the letter is %s", text)
	}
	// Before the customer had the address nobody had it.
	h.Post("/abuse", "kind", "spam", "addresses", "192.0.2.7", "at", "2026-01-01T10:00", "text", "Spam.")
	h.Post("/abuse", "kind", "fraud", "urls", "https://shop.example.org/sale", "text", "A shop that sends nothing.")
	h.Drain()
	over := 0
	for _, one := range h.cases() {
		if one.Kind == string(Fraud) {
			c = one
		} else if one.Outcome == elsewhere && !one.Closed.IsZero() {
			over++
		}
	}
	if over != 2 || c.Outcome != "" {
		t.Fatalf("%d cases are over, and that of a web address is %+v", over, c)
	}
	h.asAbuse()
	shows(t, h.Post("/console/abuse/"+c.ID+"/judge", "outcome", violation, "ground", "law", "rule", "L", "facts", "F", "reasons", "R"), http.StatusUnprocessableEntity, "Look for that first")
	shows(t, h.Post("/console/abuse/"+c.ID+"/address", "address", "shop"), http.StatusUnprocessableEntity, "This is not one address.")
	h.step(c, "address", "address", "192.0.2.7")
	for _, one := range h.cases() {
		if one.ID == c.ID && (one.Subject != jo || one.Service != h.services[jo]) {
			t.Errorf("the case is %+v", one)
		}
	}
	// At another time nobody had it.
	h.visitor()
	h.Post("/abuse", "kind", "fraud", "urls", "https://other.example.org/", "text", "Another shop.")
	h.asAbuse()
	for _, one := range h.cases() {
		if one.Subject != "" || one.Outcome != "" {
			continue
		}
		h.step(one, "address", "address", "192.0.2.7", "at", "2026-01-01T10:00")
		if !slices.ContainsFunc(h.cases(), func(c matter) bool { return c.ID == one.ID && c.Outcome == elsewhere && c.Owner == "t-abuse" }) {
			t.Errorf("of %s somebody had the address then", one.ID)
		}
	}
}

// TestWrongReportsAreRefused: each with what is wrong, and nothing is kept.
func TestWrongReportsAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	h.visitor()
	form := h.Get("/abuse")
	shows(t, form, http.StatusOK, "What happened", "Your e-mail address", "optional", "In UTC")
	if !strings.Contains(form.Body, `type="datetime-local"`) {
		t.Error("the time is typed as a program writes it")
	}
	for _, one := range []struct {
		want  string
		pairs []string
	}{
		{"kind of misuse", []string{"addresses", "192.0.2.7", "text", "T"}},
		{"no internet address", []string{"kind", "spam", "addresses", "192.0.2.300", "text", "T"}},
		{"no web address", []string{"kind", "spam", "urls", "javascript:alert(1)", "text", "T"}},
		{"Name an internet address", []string{"kind", "spam", "text", "T"}},
		{"still to come", []string{"kind", "spam", "addresses", "192.0.2.7", "at", "2030-01-01 10:00", "text", "T"}},
		{"no time", []string{"kind", "spam", "addresses", "192.0.2.7", "at", "yesterday", "text", "T"}},
		{"not an e-mail address", []string{"kind", "spam", "addresses", "192.0.2.7", "text", "T", "email", "ann"}},
		{"What happened", []string{"kind", "spam", "addresses", "192.0.2.7"}},
	} {
		shows(t, h.Post("/abuse", one.pairs...), http.StatusUnprocessableEntity, one.want)
	}
	if all := h.cases(); len(all) != 0 {
		t.Errorf("%d cases were made", len(all))
	}
}

// TestEvidenceIsKeptSealed: a file keeps its hash, is handed out and never shown, and
// leaves with what its sender gave.
func TestEvidenceIsKeptSealed(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.customer("jo@example.com", "192.0.2.7")
		h.visitor()
		var body strings.Builder
		for name, value := range map[string]string{"kind": "malware", "addresses": "192.0.2.7", "text": "A file.", "email": "ann@example.net"} {
			body.WriteString("--b\r\nContent-Disposition: form-data; name=" + name + "\r\n\r\n" + value + "\r\n")
		}
		const content = "<script>harmful()</script>"
		body.WriteString("--b\r\nContent-Disposition: form-data; name=files; filename=\"x.html\"\r\n\r\n" + content + "\r\n--b--\r\n")
		a := h.Do(http.MethodPost, "/abuse", body.String(), http.Header{"Content-Type": {"multipart/form-data; boundary=b"}})
		if a.Status != http.StatusSeeOther {
			t.Fatalf("%d: %s", a.Status, desktest.Text(a.Body))
		}
		follow := a.Header.Get("Location")
		c := h.only()
		h.asAbuse()
		page := h.Get("/console/abuse/" + c.ID)
		shows(t, page, http.StatusOK, "SHA-256", sum256(content))
		_, path, _ := strings.Cut(page.Body, `action="/console/abuse/`+c.ID+"/evidence/")
		path, _, _ = strings.Cut(path, `"`)
		path = "/console/abuse/" + c.ID + "/evidence/" + path
		got := h.Post(path)
		if got.Body != content || got.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%d %v %q", got.Status, got.Header, got.Body)
		}
		h.asStaff("t-support", "support")
		shows(t, h.Post(path), http.StatusForbidden)

		h.visitor()
		leads(t, h.Post(follow), follow)
		h.Drain()
		shows(t, h.Get(follow), http.StatusOK, "It is erased.")
		h.asAbuse()
		shows(t, h.Post(path), http.StatusNotFound)
		shows(t, h.Post("/console/abuse/"+c.ID+"/reports"), http.StatusOK, "Erased")
		desktest.Hides(t, h.Post("/console/abuse/"+c.ID+"/reports"), "A file.", "ann@example.net")
	})
}

// TestCasesGoInTime: as long after it was closed as the statement says a case goes, and its
// reporter's record with it; a customer who is erased leaves what is counted.
func TestCasesGoInTime(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.keeping("36m") // of which there are fewer days than its longest months would have
		jo := h.customer("jo@example.com", "192.0.2.7")
		kim := h.customer("kim@example.com", "192.0.2.8")
		h.visitor()
		h.Post("/abuse", "kind", "spam", "addresses", "192.0.2.7\n192.0.2.8", "text", "Spam.", "email", "ann@example.net")
		h.asAbuse()
		for _, c := range h.cases() {
			h.step(c, "judge", "outcome", none, "ground", nothing, "facts", "F", "reasons", "R")
		}
		lapses := func(until time.Time) (n int) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				n = 0
				list, err := h.desk.lapses(ctx, tx, until)
				for _, l := range list {
					n += l.Count
				}
				return err
			})
			return n
		}
		reporters := func() (n int) {
			h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
				n, err = h.Kit.Vault.Count(ctx, tx, "reporter")
				return err
			})
			return n
		}
		copied := func(s loot.Subject) (text string) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				v, err := h.desk.export(ctx, tx, s)
				b, _ := json.Marshal(v)
				text = string(b)
				return err
			})
			return text
		}
		all := h.cases()
		of := all[slices.IndexFunc(all, func(c matter) bool { return c.Subject == jo })]
		if text := copied(jo); !strings.Contains(text, `"outcome":"none"`) || !strings.Contains(text, `"reference":"`+of.Reference()) || strings.Contains(text, "ann@") {
			t.Errorf("the copy holds %s", text)
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.desk.forget(ctx, tx, kim) })
		if text := copied(kim); text != "null" {
			t.Errorf("the copy of whoever is erased holds %s", text)
		}
		until := h.Clock.Now().AddDate(3, 0, 0)
		for days, want := range map[int]int{-1: 0, 1: 2} {
			if n := lapses(until.AddDate(0, 0, days)); n != want {
				t.Errorf("%d cases are foretold to go by day %d, want %d", n, days, want)
			}
		}
		h.swept(until.AddDate(0, 0, -1).Sub(h.Clock.Now()))
		if n := reporters(); len(h.cases()) != 2 || n != 1 {
			t.Errorf("%d cases and %d reporters before the time", len(h.cases()), n)
		}
		h.swept(2 * 24 * time.Hour)
		if n := reporters(); len(h.cases()) != 0 || n != 0 {
			t.Errorf("%d cases and %d reporters after the time", len(h.cases()), n)
		}
	})
}

// TestACaseStaysUnderAnOrderUnseen: of a customer or of a reporter whom an order to
// preserve is about nobody sees a case any longer than of others; it goes after the order.
func TestACaseStaysUnderAnOrderUnseen(t *testing.T) {
	for name, whose := range map[string]string{"the customer's": "customer", "the reporter's": "reporter"} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, h *house) {
				counts := map[bool]int{}
				h.desk.Lapsed = func(_ context.Context, _ *store.Tx, _ string, l desk.Lapse, stayed bool) error {
					if l.What == lapsing {
						counts[stayed] += l.Count
					}
					if stayed != strings.Contains(l.Why, "order to preserve") || l.Clause == "" {
						t.Errorf("%+v, stayed: %v", l, stayed)
					}
					return nil
				}
				h.keeping("1m") // so that what is held counted as one of the last year
				jo := h.customer("jo@example.com", "192.0.2.7")
				h.customer("kim@example.com", "192.0.2.8")
				var follow []string
				report := func(address, email string) string {
					h.visitor()
					return h.Post("/abuse", "kind", "spam", "addresses", address, "text", "Spam.", "email", email).Header.Get("Location")
				}
				follow = append(follow, report("192.0.2.7", "ann@example.net"), report("192.0.2.8", "bob@example.net"))
				h.asAbuse()
				var held loot.Subject
				var objected string // the link by which jo did
				for _, c := range h.cases() {
					h.step(c, "judge", "outcome", violation, "measure", limited, "ground", "law", "rule", "A law", "facts", "F", "reasons", "R")
					if c.Subject == jo { // whose case closes before the links of its letters are too old
						_, objected = h.letter("jo@example.com", "Object")
						h.visitor()
						leads(t, h.Post(objected, "text", "It was not me."), objected)
						h.asStaff("t-counsel", "counsel")
						leads(t, h.Post("/console/abuse/"+c.ID+"/review", "outcome", upheld, "facts", "F", "reasons", "R"), "/console/abuse")
						h.Drain()
						h.asAbuse()
					}
					h.Tx(func(ctx context.Context, tx *store.Tx) error {
						people, err := reportersOf(ctx, tx, c.ID)
						if err == nil && c.Subject == jo {
							held = map[string]loot.Subject{"customer": jo, "reporter": people[0]}[whose]
							err = h.Kit.Gate.Hold(ctx, tx, held, h.Clock.Now().AddDate(1, 0, 0))
						}
						return err
					})
				}
				all := h.cases()
				h.swept(32 * 24 * time.Hour)
				h.visitor()
				shows(t, h.Get(objected), http.StatusNotFound, "This link leads nowhere any more")
				h.hourly(toAppeal) // nobody else objects
				h.swept(32 * 24 * time.Hour)
				if len(h.cases()) != 0 || counts[true] != 2 || counts[false] != 1 {
					t.Fatalf("%d cases are seen, and counted are %v", len(h.cases()), counts)
				}
				h.asAbuse()
				if a := h.Get("/console/abuse/reasons.json"); a.Status != http.StatusOK || strings.Contains(a.Body, "A law") {
					t.Errorf("the statements of reasons: %d %s", a.Status, a.Body)
				}
				for _, c := range all {
					h.asAbuse()
					shows(t, h.Get("/console/abuse/"+c.ID), http.StatusNotFound)
					if c.Subject != "" {
						h.as(c.Subject)
						shows(t, h.Get("/portal/cases/"+c.ID), http.StatusNotFound)
						desktest.Lacks(t, h.Get("/portal/cases"), c.Reference())
					}
				}
				h.visitor()
				for _, path := range follow {
					if a := h.Get(path); a.Status != http.StatusNotFound {
						t.Errorf("a report can be followed: %d", a.Status)
					}
				}
				if to := report("192.0.2.7", "ann@example.net"); to == follow[0] || len(h.cases()) != 1 {
					t.Errorf("the same report again leads to %q, and %d cases are open", to, len(h.cases()))
				}
				h.asAbuse()
				again := h.Get("/console/abuse/" + h.cases()[0].ID)
				shows(t, again, http.StatusOK, "1 report, none judged yet.") // of a sender who was right in a case that nobody sees
				desktest.Lacks(t, again, "of misuse in a year")
				h.swept(time.Hour)
				if counts[true] != 3 || counts[false] != 1 {
					t.Errorf("on the next day counted are %v", counts)
				}
				h.swept(366 * 24 * time.Hour)
				if counts[true] != 3 || counts[false] != 2 {
					t.Errorf("after the order counted are %v", counts)
				}
			})
		})
	}
}

// TestWhatIsInAnotherCaseStaysKnown: a report of a case that is held is not new while
// another that everybody sees has it, too.
func TestWhatIsInAnotherCaseStaysKnown(t *testing.T) {
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	h.keeping("1m")
	jo := h.customer("jo@example.com", "192.0.2.7")
	h.customer("kim@example.com", "192.0.2.8")
	report := func() string {
		h.visitor()
		return h.Post("/abuse", "kind", "spam", "addresses", "192.0.2.7\n192.0.2.8", "text", "Spam.", "email", "ann@example.net").Header.Get("Location")
	}
	report()
	known := report()
	h.asAbuse()
	for _, c := range h.cases() {
		if c.Subject == jo {
			h.step(c, "judge", "outcome", none, "ground", nothing, "facts", "F", "reasons", "R")
		}
	}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return h.Kit.Gate.Hold(ctx, tx, jo, h.Clock.Now().AddDate(1, 0, 0))
	})
	h.swept(32 * 24 * time.Hour)
	if h.only().Subject == jo {
		t.Error("the case that is held is seen")
	}
	if again := report(); again != known {
		t.Errorf("the same report leads to %q, and before to %q", again, known)
	}
	h.only()
}

// TestASweepGoesOnPastItsPage: more cases than one transaction erases go all the same, and
// more that are not over, or are held, keep nobody's from going.
func TestASweepGoesOnPastItsPage(t *testing.T) {
	const many = 2*sweepSize + 1
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	counts := map[bool]int{}
	h.desk.Lapsed = func(_ context.Context, _ *store.Tx, _ string, l desk.Lapse, stayed bool) error {
		counts[stayed] += l.Count
		return nil
	}
	jo := h.customer("jo@example.com", "192.0.2.7")
	ends := h.Clock.Now().AddDate(1, 0, 10)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		for n := range many {
			c := matter{ID: "c" + strconv.Itoa(n), What: anAbuse, Kind: "spam", Network: "192.0.2.0/24", Subject: jo}
			ok(t, insertCase(ctx, tx, c))
			c.Outcome, c.Closed = none, h.Clock.Now()
			ok(t, updateCase(ctx, tx, c))
		}
		return h.Kit.Gate.Hold(ctx, tx, jo, ends)
	})
	swept := func(what string, after time.Duration, seen, stayed, went int) {
		t.Helper()
		clear(counts)
		h.swept(after)
		if n := len(h.cases()); n != seen || counts[true] != stayed || counts[false] != went {
			t.Errorf("%s %d cases are seen, and counted are %v", what, n, counts)
		}
	}
	swept("a day before their time", ends.AddDate(0, 0, -11).Sub(h.Clock.Now()), many, 0, 0)
	swept("held", 2*24*time.Hour, 0, many, 0)
	swept("held still", 24*time.Hour, 0, many, 0)
	swept("after the order", 10*24*time.Hour, 0, 0, many)
}

// TestAPI: programs report one at a time or many, and hear what became of each.
func TestAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	h.customer("jo@example.com", "192.0.2.7")
	h.asAbuse()
	leads(t, h.Post("/console/abuse/trusted", "title", "Example Watch", "email", "Watch@example.org"), "/console/abuse/trusted")
	mux := http.NewServeMux()
	h.desk.api(api.New(mux, api.Options{Title: "Loot", Log: h.Kit.Log, Scopes: Scopes, Authenticate: func(context.Context, string) (api.Caller, error) {
		return api.Caller{Actor: loot.Actor{Kind: loot.Staff, ID: "t-abuse"}, Scopes: []api.Scope{"abuse:write"}}, nil
	}}))
	server := httptest.NewServer(mux)
	defer server.Close()
	call := func(path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, bytes.NewReader([]byte(body)))
		ok(t, err)
		req.Header.Set("Authorization", "Bearer right")
		req.Header.Set("Content-Type", "application/json")
		resp, err := server.Client().Do(req)
		ok(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		ok(t, err)
		return resp.StatusCode, string(b)
	}
	const good = `{"kind":"attack","addresses":[{"address":"192.0.2.7","at":"2026-11-23T09:00:00Z"}],"reporter":"watch@example.org","key":"k1","evidence":[{"content":"bG9n","sha256":"` +
		`f9d2ad1ba9c4ef7c8a8eb7e2ff5be7a1a3f2d8ab8e4a2e0e5d8f0dd5b7b1b8b0"}]}`
	if status, body := call("/api/abuse/reports", good); status != http.StatusUnprocessableEntity || !strings.Contains(body, "SHA-256") {
		t.Errorf("a file that is another one: %d %s", status, body)
	}
	right := strings.Replace(good, `,"sha256":"f9d2ad1ba9c4ef7c8a8eb7e2ff5be7a1a3f2d8ab8e4a2e0e5d8f0dd5b7b1b8b0"`, "", 1)
	if status, body := call("/api/abuse/reports", right); status != http.StatusOK || !strings.Contains(body, `"follow":"https://loot.example/abuse/report/`) {
		t.Errorf("%d %s", status, body)
	}
	if c := h.only(); !c.Due.Equal(c.Opened.Add(2 * time.Hour)) {
		t.Errorf("a trusted reporter's case is due %v after it came", c.Due.Sub(c.Opened))
	}
	status, body := call("/api/abuse/reports/bulk", `{"reports":[`+right+`,{"kind":"spam","urls":["x"]},{"kind":"spam","addresses":[{"address":"192.0.2.7"}],"feed":true}]}`)
	var out struct{ Taken, Again, Refused int }
	ok(t, json.Unmarshal([]byte(body), &out))
	if status != http.StatusOK || out.Taken != 1 || out.Again != 1 || out.Refused != 1 || !strings.Contains(body, "no web address") {
		t.Errorf("%d %s", status, body)
	}
	c := h.only()
	h.step(c, "judge", "outcome", violation, "measure", limited, "ground", "law", "rule", "A law", "facts", "F", "reasons", "R", "automated", "on")
	shows(t, h.Get("/console/abuse/trusted"), http.StatusOK, "Example Watch", "1 of 1 judged led to a judgment (100 %)")
	shows(t, h.Get("/console/abuse/"+c.ID), http.StatusOK, "Trusted: Example Watch")
	if b := h.Get("/console/abuse/reasons.json").Body; !strings.Contains(b, "SOURCE_TRUSTED_FLAGGER") || !strings.Contains(b, `"illegal_content_legal_ground": "A law"`) || !strings.Contains(b, `"automated_detection": "Yes"`) {
		t.Errorf("the statement is %s", b)
	}
}

// TestXARFByAPI: what programs write already is taken as it is, one at a time or many, and
// what is odd about it stands beside what it says.
func TestXARFByAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	h.customer("jo@example.com", "192.0.2.7")
	h.asAbuse()
	leads(t, h.Post("/console/abuse/trusted", "title", "Watchers", "email", "reports@watch.example"), "/console/abuse/trusted")
	const one = `{"xarf_version":"4.0.0","report_id":"r-1","timestamp":"2026-11-23T09:00:00Z","category":"messaging","type":"spam","source_identifier":"192.0.2.7","description":"Bulk mail.",
		"reporter":{"org":"Watchers","contact":"reports@watch.example","domain":"watch.example"},"sender":{"org":"Relay","contact":"robin@elsewhere.example","domain":"elsewhere.example"}}`
	send := func(document string) bulkOut {
		t.Helper()
		out, err := h.desk.takeXARF(t.Context(), &xarfIn{RawBody: []byte(document)})
		ok(t, err)
		return *out
	}
	if out := send(one); out.Body.Taken != 1 || out.Body.Reports[0].Cases[0] != h.only().ID || out.Body.Reports[0].Follow == "" {
		t.Errorf("alone: %+v", out.Body)
	}
	spam, _ := playbookOf(Spam)
	if c := h.only(); !c.Due.Equal(c.Opened.Add(spam.First / 2)) {
		t.Errorf("a trusted reporter's case is due %v after it came", c.Due.Sub(c.Opened))
	}
	out := send(" [" + one + `,{"a":1},` + strings.Replace(one, "r-1", "r-2", 1) + "]")
	if out.Body.Again != 1 || out.Body.Refused != 1 || out.Body.Taken != 1 || !strings.Contains(out.Body.Reports[1].Error, "not in XARF") {
		t.Errorf("many: %+v", out.Body)
	}
	if _, err := h.desk.takeXARF(t.Context(), &xarfIn{RawBody: []byte("no JSON")}); loot.KindOf(err) != loot.Invalid {
		t.Errorf("no JSON: %v", err)
	}
	third := strings.Replace(one, "r-1", "r-3", 1)
	for name, document := range map[string]string{"too many": "[" + third + strings.Repeat(",{}", mostBulk) + "]", "broken": "[" + third + ",{", "not closed": "[" + third} {
		if out, err := h.desk.takeXARF(t.Context(), &xarfIn{RawBody: []byte(document)}); loot.KindOf(err) != loot.Invalid || out != nil {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
	}
	if out := send("[" + third + "]"); out.Body.Taken != 1 {
		t.Errorf("of an array that was refused a report was taken: %+v", out.Body)
	}
	shows(t, h.Post("/console/abuse/"+h.only().ID+"/reports"), http.StatusOK, "Bulk mail.", "of another domain than who reports", "application/json")
}

// TestXARFByMailProvesNobody: whoever writes a mail is whoever they say they are, so that the
// name of a trusted reporter hurries nobody. What it says counts once, by its id; of what its
// fields do not state, and of a time to come, nothing is taken.
func TestXARFByMailProvesNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	h.customer("jo@example.com", "192.0.2.7")
	h.asAbuse()
	leads(t, h.Post("/console/abuse/trusted", "title", "Watchers", "email", "reports@watch.example"), "/console/abuse/trusted")
	const document = `{"xarf_version":"4.0.0","report_id":"r-1","timestamp":"2030-11-23T09:00:00Z","category":"messaging","type":"spam","source_identifier":"192.0.2.7",
		"description":"Bulk mail, beside 192.0.2.8.","reporter":{"org":"Watchers","contact":"reports@watch.example","domain":"watch.example"},"sender":{"contact":"robin@elsewhere.example"}}`
	for _, subject := range []string{"One", "The same once more"} {
		mail := "From: reports@watch.example\r\nSubject: " + subject + "\r\n\r\n" + document
		r, err := report.Read(strings.NewReader(mail))
		ok(t, err)
		_, err = h.desk.take(t.Context(), h.desk.parsed(ByMail, r, nil))
		ok(t, err)
	}
	c := h.only()
	if spam, _ := playbookOf(Spam); !c.Due.Equal(c.Opened.Add(spam.First)) || c.Latest.After(h.Clock.Now()) {
		t.Errorf("it is due %v after it came, for what happened at %v", c.Due.Sub(c.Opened), c.Latest)
	}
	shows(t, h.Post("/console/abuse/"+c.ID+"/reports"), http.StatusOK, "1 time again", "The address is not proved.", "of another domain than who reports")
}

func sum256(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}
