package rights

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/store/storetest"
	"loot/web/webtest"
)

// An envoy is an agent as it speaks.
type envoy struct {
	*house
	id    string
	key   ed25519.PrivateKey
	token string
}

// envoy lets an agent in, as the console does; it may be called at some hosts.
func (h *house) envoy(id string, hosts ...string) *envoy {
	h.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	ok(h, err)
	h.asStaff("t-dpo", "dpo")
	leads(h, h.Post("/console/requests/agents", "id", id, "title", "Example Agents", "key", base64.StdEncoding.EncodeToString(public), "hosts", strings.Join(hosts, " ")), "/console/requests/agents")
	h.Actor = loot.Actor{}
	return &envoy{house: h, id: id, key: private}
}

// fields are those that a message has unless a test says otherwise.
func (e *envoy) fields(changes ...string) map[string]string {
	now := e.Clock.Now().UTC()
	out := map[string]string{
		"agent-id": e.id, "business-id": "LOOT_EXAMPLE_NETWORK_LTD", "issued-at": now.Add(-time.Second).Format(time.RFC3339), "expires-at": now.Add(10 * time.Minute).Format(time.RFC3339),
		"drp.version": "1.0",
	}
	for i := 0; i+1 < len(changes); i += 2 {
		out[changes[i]] = changes[i+1]
	}
	return out
}

func (e *envoy) sign(v any) string {
	text, err := json.Marshal(v)
	ok(e, err)
	return base64.StdEncoding.EncodeToString(append(ed25519.Sign(e.key, text), text...))
}

func (e *envoy) send(method, path, body string) webtest.Answer {
	e.Helper()
	return e.Do(method, drpBase+path, body, http.Header{"Content-Type": {"text/plain"}, "Authorization": {"Bearer " + e.token}})
}

// begin gets the agent a token.
func (e *envoy) begin() {
	e.Helper()
	a := e.send(http.MethodPost, "/v1/agent/"+e.id, e.sign(e.fields()))
	var got struct {
		ID    string `json:"agent-id"`
		Token string `json:"token"`
	}
	if ok(e, json.Unmarshal([]byte(a.Body), &got)); a.Status != http.StatusOK || got.ID != e.id || got.Token == "" {
		e.Fatalf("%d: %s", a.Status, a.Body)
	}
	e.token = got.Token
}

func (e *envoy) status(a webtest.Answer) (s status) {
	e.Helper()
	if a.Status != http.StatusOK {
		e.Fatalf("%d: %s", a.Status, a.Body)
	}
	ok(e, json.Unmarshal([]byte(a.Body), &s))
	return s
}

// asks sends a request for somebody, each another message.
func (e *envoy) asks(action, email string, more ...string) status {
	e.Helper()
	e.Clock.Advance(time.Second)
	fields := e.fields(append([]string{"exercise", action, "email", email, "agent-request-id", "ours", "regime", "ccpa"}, more...)...)
	s := e.status(e.send(http.MethodPost, "/v1/data-rights-request", e.sign(fields)))
	e.Drain()
	if s.State != inProgress || s.Reason != unverified || s.Named != "ours" || s.Verify == "" || s.Expected.IsZero() {
		e.Errorf("%+v", s)
	}
	return s
}

func (e *envoy) now(id string) status {
	e.Helper()
	return e.status(e.send(http.MethodGet, "/v1/data-rights-request/"+id, ""))
}

var confirmPath = regexp.MustCompile(`/rights/agent/[A-Z2-7]+`)

func (h *house) link() string {
	h.Helper()
	return confirmPath.FindString(h.letter("use your rights").Text)
}

// TestNothingHappensBeforeThePersonConfirms: an agent learns nothing of whether there is
// such a person; what it asked is done once they clicked, and is over without.
func TestNothingHappensBeforeThePersonConfirms(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register("jo@example.com")
		h.Post("/portal/permissions/tallowmere-offers", "give", "yes")
		permits := func() bool {
			var p gate.PersonView
			ok(t, h.Kit.DB.ReadTx(t.Context(), func(tx *store.Tx) (err error) {
				p, err = h.Kit.Gate.Person(t.Context(), tx, s)
				return err
			}))
			return len(p.Permissions["tallowmere"]) > 0
		}
		e := h.envoy("EXAMPLE_AGENT")
		e.begin()
		if a := e.send(http.MethodGet, "/v1/agent/EXAMPLE_AGENT", ""); a.Status != http.StatusOK || strings.TrimSpace(a.Body) != "{}" {
			t.Errorf("%d: %s", a.Status, a.Body)
		}

		before := h.Mail.Count()
		nobody := e.asks("access", "nobody@example.com")
		if h.Mail.Count() != before {
			t.Error("a letter goes to somebody who is not known")
		}
		optOut := e.asks("sale:opt-out", "jo@example.com")
		path := h.link()
		nobody.ID, nobody.Received, nobody.Expected, nobody.Expires = optOut.ID, optOut.Received, optOut.Expected, optOut.Expires
		if nobody != optOut {
			t.Errorf("the agent tells them apart: %+v and %+v", nobody, optOut)
		}
		shows(t, h.Get(path), http.StatusOK, "Does Example Agents speak for you?", "take back every permission")
		if !permits() || e.now(optOut.ID).State != inProgress {
			t.Error("it is done before it is confirmed")
		}
		shows(t, h.Post(path, "answer", "yes"), http.StatusOK, "Confirmed")
		if got := e.now(optOut.ID); permits() || got.State != fulfilled {
			t.Errorf("confirmed, and %+v", got)
		}
		shows(t, h.Post(path, "answer", "yes"), http.StatusNotFound, "does not work")

		access := e.asks("access", "jo@example.com")
		shows(t, h.Post(h.link(), "answer", "yes"), http.StatusOK, "Sign in and take the copy")
		if got := e.now(access.ID); got.State != fulfilled || got.Results != desktest.Base+"/portal/rights" {
			t.Errorf("%+v", got)
		}

		second := e.asks("deletion", "jo@example.com")
		shows(t, h.Post(h.link(), "answer", "no"), http.StatusOK, "Nothing is done")
		if got := e.now(second.ID); got.State != denied || got.Reason != unproved {
			t.Errorf("%+v", got)
		}
		h.Clock.Advance(25 * time.Hour)
		third := e.asks("deletion", "jo@example.com")
		path = h.link()
		if got := e.status(e.send(http.MethodDelete, "/v1/data-rights-request/"+third.ID, e.sign(map[string]string{"reason": "changed"}))); got.State != revoked {
			t.Errorf("%+v", got)
		}
		shows(t, h.Post(path, "answer", "yes"), http.StatusNotFound)

		kept := e.asks("deletion", "jo@example.com")
		shows(t, h.Post(h.link(), "answer", "yes"), http.StatusOK, "A law has the record kept until")
		h.as(s)
		leads(t, h.Post("/portal/account/keep"), "/portal/account")
		h.Actor = loot.Actor{}
		h.Drain()
		if got := e.now(kept.ID); got.State != revoked || !got.Expected.IsZero() {
			t.Errorf("taken back, and %+v", got)
		}

		last := e.asks("deletion", "jo@example.com")
		shows(t, h.Post(h.link(), "answer", "yes"), http.StatusOK, "A law has the record kept until "+e.now(last.ID).Expected.Format("2 January 2006"))
		if got := e.now(last.ID); got.State != inProgress || got.Reason != "" || !got.Expected.After(h.Clock.Now().Add(40*day)) {
			t.Errorf("%+v", got)
		}
		if a := e.send(http.MethodDelete, "/v1/data-rights-request/"+last.ID, e.sign(map[string]string{})); a.Status != http.StatusConflict {
			t.Errorf("what is confirmed is taken back: %d", a.Status)
		}
		h.after(100 * day)
		if got := e.now(last.ID); got.State != fulfilled {
			t.Errorf("erased, and %+v", got)
		}
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		if got := e.now(nobody.ID); got.State != fulfilled { // it has the other's id
			t.Errorf("%+v", got)
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			left, err := exercises(ctx, tx, `subject <> '' OR closed = 0`)
			if len(left) > 0 {
				t.Errorf("%d requests name somebody, or are open: %+v", len(left), left[0])
			}
			return err
		})
		h.asStaff("t-dpo", "dpo")
		shows(t, h.Get("/console/requests/agents"), http.StatusOK, "Example Agents", "sale:opt-out", "not confirmed", "done")
	})
}

// TestAMessageCountsOnceAndForWhomItIs: each way in which one is not as it should be is
// refused.
func TestAMessageCountsOnceAndForWhomItIs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	e, other := h.envoy("EXAMPLE_AGENT"), h.envoy("OTHER_AGENT")
	e.begin()
	other.begin()
	good := func(changes ...string) string {
		return e.sign(e.fields(append([]string{"exercise", "access", "email", "jo@example.com"}, changes...)...))
	}
	at := func(d time.Duration) string { return h.Clock.Now().Add(d).UTC().Format(time.RFC3339) }
	for what, one := range map[string]struct {
		body string
		want int
	}{
		"no base64":           {"%%%", http.StatusBadRequest},
		"too short":           {base64.StdEncoding.EncodeToString([]byte("x")), http.StatusBadRequest},
		"another's signature": {other.sign(e.fields("exercise", "access", "email", "jo@example.com")), http.StatusForbidden},
		"another agent":       {good("agent-id", "OTHER_AGENT"), http.StatusForbidden},
		"another business":    {good("business-id", "ELSEWHERE"), http.StatusForbidden},
		"from the future":     {good("issued-at", at(time.Minute)), http.StatusForbidden},
		"expired":             {good("expires-at", at(0)), http.StatusForbidden},
		"good for too long":   {good("expires-at", at(2*time.Hour)), http.StatusBadRequest},
		"no time":             {good("issued-at", "yesterday"), http.StatusBadRequest},
		"another version":     {good("drp.version", "0.5"), http.StatusBadRequest},
		"another right":       {good("exercise", "sale:opt-in"), http.StatusBadRequest},
		"nobody":              {good("email", ""), http.StatusBadRequest},
	} {
		a := e.send(http.MethodPost, "/v1/data-rights-request", one.body)
		var said struct{ Code, Message string }
		if err := json.Unmarshal([]byte(a.Body), &said); err != nil || a.Status != one.want || said.Code != fmt.Sprint(one.want) || said.Message == "" {
			t.Errorf("%s: %d, want %d: %s", what, a.Status, one.want, a.Body)
		}
	}
	e.status(e.send(http.MethodPost, "/v1/data-rights-request", good("exercise", "sale:opt_out"))) // as it was written before
	once := good()
	made := e.status(e.send(http.MethodPost, "/v1/data-rights-request", once))
	if a := e.send(http.MethodPost, "/v1/data-rights-request", once); a.Status != http.StatusConflict {
		t.Errorf("the same message again: %d", a.Status)
	}
	for what, want := range map[string]int{"/v1/data-rights-request/" + made.ID: http.StatusForbidden, "/v1/agent/EXAMPLE_AGENT": http.StatusForbidden, "/v1/data-rights-request/x": http.StatusForbidden} {
		if a := other.send(http.MethodGet, what, ""); a.Status != want {
			t.Errorf("another agent at %s: %d", what, a.Status)
		}
	}
	if a := e.send(http.MethodPost, "/v1/agent/EXAMPLE_AGENT", other.sign(e.fields())); a.Status != http.StatusForbidden || a.Body != "" {
		t.Errorf("a token for a wrong signature: %d %q", a.Status, a.Body)
	}
	h.asStaff("t-dpo", "dpo")
	asked := h.Get("/console/requests/agents")
	shows(t, asked, http.StatusOK, "sale:opt-out")
	desktest.Hides(t, asked, "sale:opt_out")
	shows(t, h.Post("/console/requests/agents", "id", "lower", "title", "x", "key", "AAAA"), http.StatusUnprocessableEntity, "capital letters", "no Ed25519 key")
	leads(t, h.Post("/console/requests/agents/EXAMPLE_AGENT/end"), "/console/requests/agents")
	h.Actor = loot.Actor{}
	if a := e.send(http.MethodGet, "/v1/data-rights-request/"+made.ID, ""); a.Status != http.StatusUnauthorized {
		t.Errorf("an agent that was ended: %d", a.Status)
	}
	var entry directoryEntry
	ok(t, json.Unmarshal([]byte(h.Get("/.well-known/data-rights.json").Body), &entry))
	if entry.ID != "LOOT_EXAMPLE_NETWORK_LTD" || entry.Base != desktest.Base+"/drp" || strings.Join(entry.Actions, " ") != "access access:categories access:specific deletion sale:opt-out" {
		t.Errorf("%+v", entry)
	}
}

// FuzzOpened: whatever comes is opened only with its signature.
func FuzzOpened(f *testing.F) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	text := []byte(`{"agent-id":"EXAMPLE"}`)
	f.Add([]byte(base64.StdEncoding.EncodeToString(append(ed25519.Sign(private, text), text...))))
	f.Add([]byte("AAAA"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, _, err := opened(body, public)
		if err == nil && string(got) != string(text) {
			t.Errorf("opened %q, which nobody signed", got)
		}
	})
}

// TestWhatHoldsARecordIsNotToldToAnAgent: one that waits for no law has no day, and the
// one by which an answer is due stands. One that nothing holds is erased at once.
func TestWhatHoldsARecordIsNotToldToAnAgent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	h.register("jo@example.com")
	e := h.envoy("EXAMPLE_AGENT")
	e.begin()
	asked := e.asks("deletion", "jo@example.com")
	h.desk.needs.Leave = func(context.Context, loot.Actor) (time.Time, bool, error) { return h.Clock.Now(), false, nil }
	shows(t, h.Post(h.link(), "answer", "yes"), http.StatusOK, "as soon as nothing holds it any longer")
	if got := e.now(asked.ID); got.State != inProgress || got.Reason != "" || !got.Expected.Equal(asked.Expected) {
		t.Errorf("%+v", got)
	}
	there := newListener(t)
	h.asStaff("t-dpo", "dpo")
	leads(t, h.Post("/console/requests/agents", "id", e.id, "title", "Example Agents", "key", base64.StdEncoding.EncodeToString(e.key.Public().(ed25519.PublicKey)), "hosts", there.host()), "/console/requests/agents")
	h.Actor = loot.Actor{}
	asked = e.asks("deletion", "jo@example.com", "status_callback", there.URL)
	h.desk.needs.Leave = func(ctx context.Context, me loot.Actor) (time.Time, bool, error) {
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.desk.forget(ctx, tx, loot.Subject(me.ID)) })
		return h.Clock.Now(), true, nil
	}
	shows(t, h.Post(h.link(), "answer", "yes"), http.StatusOK, "The record is erased.")
	if got := e.now(asked.ID); got.State != fulfilled || got.Detail != "The record is erased." {
		t.Errorf("%+v", got)
	}
	h.Drain()
	if told := there.heard(); len(told) != 1 || !strings.Contains(told[0], `"status":"fulfilled"`) {
		t.Errorf("told %v", told)
	}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		left, err := exercises(ctx, tx, `subject <> ''`)
		if len(left) > 0 {
			t.Errorf("%d requests name somebody who was forgotten", len(left))
		}
		return err
	})
}

// TestAnAgentLeadsPeopleToTheKindsOfDetail: they see in their portal which are held, what
// for, and who may receive them, as it stands then; nothing is opened for it, and nothing
// of it goes through the agent. A request for specific pieces is one for a copy.
func TestAnAgentLeadsPeopleToTheKindsOfDetail(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register("jo@example.com")
		e := h.envoy("EXAMPLE_AGENT")
		e.begin()
		asked := e.asks("access:categories", "jo@example.com")
		path := h.link()
		shows(t, h.Get(path), http.StatusOK, "to see which kinds of detail we hold about you")
		if got := e.now(asked.ID); got.Results != "" {
			t.Errorf("before it is confirmed: %+v", got)
		}
		shows(t, h.Post(path, "answer", "yes"), http.StatusOK, "Sign in and see them")
		const at = "/portal/rights/categories"
		if got := e.now(asked.ID); got.State != fulfilled || got.Results != desktest.Base+at {
			t.Errorf("%+v", got)
		}
		asked = e.asks("access:specific", "jo@example.com")
		shows(t, h.Post(h.link(), "answer", "yes"), http.StatusOK, "Sign in and take the copy")
		if got := e.now(asked.ID); got.State != fulfilled || got.Results != desktest.Base+"/portal/rights" {
			t.Errorf("%+v", got)
		}

		shows(t, h.Get(at), http.StatusUnauthorized)
		h.as(s)
		entries := h.entries(s)
		shows(t, h.Get("/portal/rights"), http.StatusOK, "Kinds of detail")
		page := func() string {
			t.Helper()
			a := h.Get(at)
			shows(t, a, http.StatusOK)
			return desktest.Text(a.Body)
		}
		category := func(title string) string {
			t.Helper()
			_, rest, found := strings.Cut(page(), title+" Details ")
			if !found {
				return ""
			}
			row, _, _ := strings.Cut(rest, " Details ")
			return row
		}
		const company, contact, usage, connection = "Your company", "How to reach you", "Services and their use", "Internet addresses of your services"
		for title, wants := range map[string][]string{
			company: {"Company name", "Where they come from your order", "Writing invoices"},
			contact: {"E-mail address", "Kelpwharf Data Centres, for: Helping you", "Telephone number"},
			usage:   {"Services used", "your services", "No company"},
		} {
			row := category(title)
			for _, want := range wants {
				if !strings.Contains(row, want) {
					t.Errorf("%s: %q lacks %q", title, row, want)
				}
			}
		}
		if got := page(); strings.Contains(got, connection) || strings.Contains(got, "jo@example.com") || strings.Contains(got, "Tallowmere") || strings.Contains(got, "VAT number") {
			t.Errorf("it says what is not held or not permitted, or what a detail is: %s", got)
		}
		h.Post("/portal/permissions/tallowmere-offers", "give", "yes")
		if got := category(contact); !strings.Contains(got, "Tallowmere Software, for: ") {
			t.Errorf("with a permission: %s", got)
		}
		h.Post("/portal/rights/objection", "purpose", "support")
		if got := page(); strings.Contains(got, "Kelpwharf") {
			t.Errorf("after an objection: %s", got)
		}
		h.Post("/portal/permissions/tallowmere-offers", "give", "no")
		if got := page(); strings.Contains(got, "Tallowmere") {
			t.Errorf("a permission was taken back: %s", got)
		}
		if got := h.entries(s) - entries; got != 3 { // the two changes of the permission, and the objection
			t.Errorf("%d entries on the ledger", got)
		}
		h.asStaff("t-support", "support")
		list := regexp.MustCompile(`/console/billing/services/[a-z0-9]+`).FindString(h.Get("/console/billing").Body) + "/addresses"
		leads(t, h.Post(list, "address", "192.0.2.16"), list)
		h.as(s)
		if got := category(connection); !strings.Contains(got, "Where they come from your services") {
			t.Errorf("with an address: %s", got)
		}
		// What is gone is not said to be held, although their timeline still tells of it.
		h.asStaff("t-support", "support")
		release := regexp.MustCompile(`/console/billing/addresses/[a-z0-9]+/release`).FindString(h.Get(list).Body)
		h.Clock.Advance(time.Minute)
		leads(t, h.Post(release), list)
		h.as(s)
		if got := category(connection); got == "" {
			t.Error("an address that is still kept is not said")
		}
		h.after(3 * 366 * day)
		if got := category(connection); got != "" {
			t.Errorf("without an address: %s", got)
		}
		if got := category(usage); !strings.Contains(got, "Services used") {
			t.Errorf("with a service: %s", got)
		}
	})
}

// TestEachPageSaysTheSameOfWhoReceives, also when no service runs any longer, and when a
// version does not offer any longer what somebody permitted.
func TestEachPageSaysTheSameOfWhoReceives(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.register("jo@example.com")
		h.Post("/portal/permissions/tallowmere-offers", "give", "yes")
		both := func(what string) {
			t.Helper()
			for _, at := range []string{"/portal", categoriesPath} {
				a := h.Get(at)
				shows(t, a, http.StatusOK)
				for _, who := range []string{"Kelpwharf Data Centres", "Tallowmere Software"} {
					if !strings.Contains(a.Body, who) {
						t.Errorf("%s: %s lacks %s", what, at, who)
					}
				}
			}
		}
		both("at first")
		ends := regexp.MustCompile(`/portal/services/[a-z0-9]+/end`).FindString(h.Get("/portal/services").Body)
		leads(t, h.Post(ends), "/portal/services")
		both("without a service")
		text := string(statement.Default())
		before, rest, _ := strings.Cut(text, "  tallowmere-offers:\n")
		_, after, found := strings.Cut(rest, "    recipient: tallowmere\n")
		if !found {
			t.Fatal("the statement does not offer it")
		}
		h.InForce(desktest.Parse(t, []byte(strings.Replace(before+after, `version: "2026-1"`, `version: "2026-2"`, 1))))
		shows(t, h.Get("/portal/permissions"), http.StatusOK)
		both("when it is not offered")
	})
}

// entries counts what the ledger has of somebody as a customer.
func (h *house) entries(s loot.Subject) (n int) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		items, err := h.Kit.Ledger.Timeline(ctx, tx, s, collection, "", 100)
		n = len(items)
		return err
	})
	return n
}

// A listener is the server of an agent, which keeps what it is told.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	told   []string
	during func() // what happens while it is told, once; nil: nothing
}

func newListener(t *testing.T) *listener {
	l := &listener{status: http.StatusOK}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		l.mu.Lock()
		during := l.during
		l.during = nil
		l.mu.Unlock()
		if during != nil {
			during()
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.told = append(l.told, r.Method+" "+r.URL.String()+" "+r.Header.Get("Content-Type")+r.Header.Get("Authorization")+" "+strings.TrimSpace(string(body)))
		w.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) host() string { return strings.TrimPrefix(l.URL, "http://") }

// heard returns what it was told since it was asked last.
func (l *listener) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.told
	l.told = nil
	return out
}

func (l *listener) answer(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
}

// TestAnAgentIsToldWhereItsRequestStands: each change is posted to the address that the
// message named, as the agent would be answered, until it is taken.
func TestAnAgentIsToldWhereItsRequestStands(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register("jo@example.com")
		there := newListener(t)
		e := h.envoy("EXAMPLE_AGENT", there.host())
		e.begin()
		callback := there.URL + "/status?of=ours"
		asks := func(action string) status {
			t.Helper()
			asked := e.asks(action, "jo@example.com", "status_callback", callback)
			if got := there.heard(); len(got) > 0 || strings.Contains(asked.Detail, "status_callback") {
				t.Errorf("%s: told %v before anything changed, and %q", action, got, asked.Detail)
			}
			return asked
		}
		told := func(what, id, state string) {
			t.Helper()
			h.Drain()
			want, err := json.Marshal(e.now(id))
			ok(t, err)
			if got := there.heard(); len(got) != 1 || got[0] != "POST /status?of=ours application/json "+string(want) || e.now(id).State != state {
				t.Errorf("%s: told %v, want %s", what, got, want)
			}
		}
		asked := asks("access")
		key, err := h.Kit.Keyring.System(name)
		ok(t, err)
		ok(t, key.Rotate(t.Context())) // as the command line has it
		_, err = key.Finish(t.Context())
		ok(t, err)
		h.Clock.Advance(time.Hour)
		ok(t, h.Kit.Vault.Sweep(t.Context()))
		h.Post(h.link(), "answer", "yes")
		told("confirmed", asked.ID, fulfilled)
		asked = asks("access:categories")
		h.Post(h.link(), "answer", "no")
		told("not confirmed", asked.ID, denied)
		asked = asks("deletion")
		e.send(http.MethodDelete, "/v1/data-rights-request/"+asked.ID, e.sign(map[string]string{}))
		told("taken back by the agent", asked.ID, revoked)
		h.Clock.Advance(25 * time.Hour) // three letters a day

		asked = asks("deletion")
		h.Post(h.link(), "answer", "yes")
		told("begun", asked.ID, inProgress)
		h.as(s)
		leads(t, h.Post("/portal/account/keep"), "/portal/account")
		h.Actor = loot.Actor{}
		told("kept after all", asked.ID, revoked)
		asked = asks("sale:opt-out")
		h.Clock.Advance(toConfirm)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		told("not confirmed in time", asked.ID, denied)
		asked = asks("deletion")
		h.Post(h.link(), "answer", "yes")
		told("begun again", asked.ID, inProgress)
		h.after(100 * day)
		told("erased", asked.ID, fulfilled)
	})
}

// TestNobodyIsCalledWhoWasNotLetInWithAHost: no other host, no other port, nothing but
// https (or this machine, where a test may reach it), and no agent that was ended or whose
// host was taken back. Its request is taken all the same.
func TestNobodyIsCalledWhoWasNotLetInWithAHost(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	there, elsewhere := newListener(t), newListener(t)
	none := h.envoy("QUIET_AGENT")
	none.begin()
	asked := func(e *envoy, callback string) status {
		t.Helper()
		h.Clock.Advance(24 * time.Hour)
		return e.asks("access", "jo@example.com", "status_callback", callback)
	}
	h.register("jo@example.com")
	h.Actor = loot.Actor{}
	e := h.envoy("EXAMPLE_AGENT", "agents.example.com", there.host())
	e.begin()
	for _, one := range []struct {
		e        *envoy
		callback string
	}{
		{none, there.URL},
		{e, elsewhere.URL}, // another port
		{e, "http://agents.example.com/status"},
		{e, "https://agents.example.com:8443/status"},
		{e, "https://agents.example.com.example.net/"},
		{e, "https://user@agents.example.com/"},
		{e, "https://agents.example.com/#status"},
		{e, there.URL + "/" + strings.Repeat("x", maxCallback)},
		{e, "nothing"},
	} {
		got := asked(one.e, one.callback)
		h.Post(h.link(), "answer", "yes")
		h.Drain()
		if !strings.Contains(got.Detail, "Its status is not posted") || !strings.Contains(got.Detail, "without a user's name or a fragment, in 1000 bytes at most") || one.e.now(got.ID).State != fulfilled {
			t.Errorf("%.60s: %+v", one.callback, got)
		}
	}
	for _, good := range []string{"https://agents.example.com/status", "https://AGENTS.example.com:443/status"} {
		if at, may := h.desk.mayCall(agent{Hosts: []string{"agents.example.com"}}, good); !may || at != "agents.example.com" {
			t.Errorf("%s of %s may not be called", good, at)
		}
	}

	// What did not arrive comes again, as it stands then, and the address is kept for it.
	key := base64.StdEncoding.EncodeToString(e.key.Public().(ed25519.PublicKey))
	let := func(hosts, key string) webtest.Answer {
		h.asStaff("t-dpo", "dpo")
		defer func() { h.Actor = loot.Actor{} }()
		return h.Post("/console/requests/agents", "id", e.id, "title", "Example Agents", "key", key, "hosts", hosts)
	}
	notTaken := func() status {
		t.Helper()
		there.answer(http.StatusServiceUnavailable)
		got := asked(e, there.URL)
		h.Post(h.link(), "answer", "yes")
		h.Drain()
		if told := there.heard(); len(told) != 1 || h.callbacks() != 1 {
			t.Errorf("it does not take it, and is told %v; %d addresses", told, h.callbacks())
		}
		if err := h.desk.call(t.Context(), callArgs{got.ID}); err == nil || strings.Contains(err.Error(), there.host()) {
			t.Errorf("it was not taken: %v", err)
		}
		there.answer(http.StatusNoContent)
		there.heard()
		return got
	}
	got := notTaken()
	leads(t, let("", key), "/console/requests/agents") // its host is taken back
	ok(t, h.desk.call(t.Context(), callArgs{got.ID}))
	if told := there.heard(); len(told) > 0 {
		t.Errorf("without a host: %v", told)
	}
	leads(t, let(there.host(), key), "/console/requests/agents")
	h.Clock.Advance(time.Hour)
	h.Drain()
	if told := there.heard(); len(told) != 1 || !strings.Contains(told[0], `"status":"fulfilled"`) || h.callbacks() != 0 {
		t.Errorf("with a host again: %v; %d addresses", told, h.callbacks())
	}
	got = notTaken()
	h.Clock.Advance(callFor)
	ok(t, h.desk.call(t.Context(), callArgs{got.ID}))
	if told := there.heard(); len(told) > 0 {
		t.Errorf("told after a day: %v", told)
	}
	ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
	if n := h.callbacks(); n != 0 {
		t.Errorf("%d addresses are kept that nobody calls any more", n)
	}
	got = notTaken()
	h.asStaff("t-dpo", "dpo")
	shows(t, h.Get("/console/requests/agents"), http.StatusOK, "Called at", there.host())
	for _, bad := range []string{"https://agents.example.com", "agents.example.com/status", "10.0.0.1", "user@agents.example.com", "agents example.com:x"} {
		shows(t, let(bad, key), http.StatusUnprocessableEntity, "A host is written as it stands in an address")
	}
	shows(t, let(elsewhere.host(), base64.StdEncoding.EncodeToString(make([]byte, ed25519.PublicKeySize))), http.StatusUnprocessableEntity, "has another key")
	h.asStaff("t-dpo", "dpo")
	leads(t, h.Post("/console/requests/agents/EXAMPLE_AGENT/end"), "/console/requests/agents")
	ok(t, h.desk.call(t.Context(), callArgs{got.ID}))
	if told := append(there.heard(), elsewhere.heard()...); len(told) > 0 {
		t.Errorf("an agent that was ended is told %v", told)
	}
}

// callbacks counts the addresses that are kept.
func (h *house) callbacks() (n int) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM rights_exercise WHERE callback IS NOT NULL`).Scan(&n)
	})
	return n
}

// TestAnAgentDoesNotLearnWhoLeft: what somebody did not confirm is denied in its time and not
// when they are erased, as for an address that nobody has.
func TestAnAgentDoesNotLearnWhoLeft(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register("jo@example.com")
		there := newListener(t)
		e := h.envoy("EXAMPLE_AGENT", there.host())
		e.begin()
		ids := map[string]bool{}
		for _, email := range []string{"jo@example.com", "nobody@example.com"} {
			ids[e.asks("deletion", email, "status_callback", there.URL).ID] = true
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.desk.forget(ctx, tx, s) })
		h.Drain()
		if told := there.heard(); len(told) > 0 {
			t.Errorf("told %v", told)
		}
		for id := range ids {
			if got := e.now(id); got.State != inProgress || got.Reason != unverified {
				t.Errorf("%+v", got)
			}
		}
		h.Clock.Advance(toConfirm)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Drain()
		if told := there.heard(); len(told) != 2 || h.callbacks() != 0 {
			t.Errorf("told %v; %d addresses", told, h.callbacks())
		}
		for id := range ids {
			if got := e.now(id); got.State != denied || got.Reason != unproved || got.Detail != "Nobody confirmed it in time." {
				t.Errorf("%+v", got)
			}
		}
	})
}

// TestWhatIsConfirmedMeanwhileIsNotDenied: whoever denies what nobody confirmed in time, or
// takes it back, waits for the person who is confirming it.
func TestWhatIsConfirmedMeanwhileIsNotDenied(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.Open(t, desktest.Kernel.Postgres(t), nil), desktest.Standard(t)) // on SQLite one writes at a time
	h.register("jo@example.com")
	e := h.envoy("EXAMPLE_AGENT")
	e.begin()
	for what, meanwhile := range map[string]func(id string){
		"the sweep": func(string) {
			h.Clock.Advance(toConfirm)
			if err := h.desk.sweep(context.WithoutCancel(t.Context()), sweepArgs{}); err != nil {
				t.Error(err)
			}
		},
		"the agent": func(id string) {
			e.send(http.MethodDelete, "/v1/data-rights-request/"+id, e.sign(map[string]string{}))
		},
	} {
		asked := e.asks("access", "jo@example.com")
		done := make(chan struct{})
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			one, err := findExercise(ctx, tx, "id", asked.ID)
			if err != nil {
				return err
			}
			one.State, one.Reason, one.Closed = fulfilled, "", h.Clock.Now()
			if err := h.desk.updateExercise(ctx, tx, one); err != nil {
				return err
			}
			go func() { defer close(done); meanwhile(asked.ID) }()
			for waits := 0; waits == 0; {
				select {
				case <-done:
					return errors.New(what + " did not wait")
				default:
				}
				if err := tx.QueryRow(ctx, `SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))`).Scan(&waits); err != nil {
					return err
				}
			}
			return nil
		})
		<-done
		if got := e.now(asked.ID); got.State != fulfilled {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// TestTheLastThatAnAgentIsToldIsHowItStands, also where a call is overtaken by the next.
func TestTheLastThatAnAgentIsToldIsHowItStands(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register("jo@example.com")
		there := newListener(t)
		e := h.envoy("EXAMPLE_AGENT", there.host())
		e.begin()
		asked := e.asks("deletion", "jo@example.com", "status_callback", there.URL)
		next := make(chan struct{})
		there.during = func() {
			there.mu.Lock()
			there.during = func() { close(next) }
			there.mu.Unlock()
			if err := h.desk.kept(context.WithoutCancel(t.Context()), string(s)); err != nil {
				t.Error(err)
			}
			<-next
		}
		h.Post(h.link(), "answer", "yes")
		h.Drain()
		told := there.heard()
		if len(told) < 2 || !strings.Contains(told[len(told)-1], `"status":"revoked"`) || e.now(asked.ID).State != revoked {
			t.Errorf("told %v", told)
		}
	})
}

// TestAServerThatDoesNotAnswerKeepsNobodyFromBeingCalled: it is left alone for a while.
func TestAServerThatDoesNotAnswerKeepsNobodyFromBeingCalled(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	h.register("jo@example.com")
	var called atomic.Int64
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		called.Add(1)
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
	}))
	defer broken.Close()
	there := newListener(t)
	e := h.envoy("EXAMPLE_AGENT", there.host(), strings.TrimPrefix(broken.URL, "http://"))
	e.begin()
	var ids []string
	for _, at := range []string{broken.URL, broken.URL + "/other", there.URL} {
		asked := e.asks("access", "jo@example.com", "status_callback", at)
		ids = append(ids, asked.ID)
		h.Post(h.link(), "answer", "no")
	}
	h.Drain()
	for _, id := range ids[:2] {
		if err := h.desk.call(t.Context(), callArgs{id}); err == nil {
			t.Error("a server that does not answer took it")
		}
	}
	if told := there.heard(); len(told) != 1 || called.Load() != 1 {
		t.Errorf("%d connections, and told %v", called.Load(), told)
	}
	h.Clock.Advance(waitFor)
	if err := h.desk.call(t.Context(), callArgs{ids[1]}); err == nil || called.Load() < 2 {
		t.Errorf("%d connections after a while: %v", called.Load(), err)
	}
}

// TestAnAgentIsChangedWithWhatItHas: its form has all of it, so that nothing is lost by what
// is not typed again, also where it cannot be kept, and the ledger tells a change from an
// agent that was let in.
func TestAnAgentIsChangedWithWhatItHas(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		e := h.envoy("EXAMPLE_AGENT", "agents.example.com")
		key := base64.StdEncoding.EncodeToString(e.key.Public().(ed25519.PublicKey))
		h.asStaff("t-dpo", "dpo")
		const at = "/console/requests/agents"
		shows(t, h.Get(at), http.StatusOK, "Let an agent in", key)
		shows(t, h.Get(at+"?agent=OTHER_AGENT"), http.StatusNotFound, "There is no such agent")
		page := h.Get(at + "?agent=EXAMPLE_AGENT")
		shows(t, page, http.StatusOK, "Change Example Agents")
		for _, value := range []string{"EXAMPLE_AGENT", "Example Agents", "agents.example.com", key} {
			if !strings.Contains(html.UnescapeString(page.Body), `value="`+value+`"`) {
				t.Errorf("the form lacks %s", value)
			}
		}
		notes := func(what string) (n int) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				for row, err := range h.Kit.Ledger.Facts(ctx, tx, time.Time{}, h.Clock.Now().Add(time.Second)) {
					if err != nil {
						return err
					}
					if row.Facts.Note == what {
						n++
					}
				}
				return nil
			})
			return n
		}
		change := func(hosts, said string) {
			t.Helper()
			leads(t, h.Post(at, "id", "EXAMPLE_AGENT", "title", "Example Agents", "key", key, "hosts", hosts), at)
			shows(t, h.Get(at), http.StatusOK, said)
		}
		change("agents.example.com b.example.com", "The agent is changed. It is called at agents.example.com, b.example.com.")
		change("", "The agent is changed. It is called nowhere from now on.")
		// What cannot be kept comes back with what was typed.
		wrong := func(said, key string) {
			t.Helper()
			a := h.Post(at, "id", "EXAMPLE_AGENT", "title", "Renamed Agents", "key", key, "hosts", "c.example.com")
			shows(t, a, http.StatusUnprocessableEntity, said)
			for _, value := range []string{"EXAMPLE_AGENT", "Renamed Agents", key, "c.example.com"} {
				if !strings.Contains(html.UnescapeString(a.Body), `value="`+value+`"`) {
					t.Errorf("%s: the form lacks %s", said, value)
				}
			}
			if text := desktest.Text(h.Get(at).Body); strings.Contains(text, "Renamed Agents") || strings.Contains(text, "c.example.com") {
				t.Errorf("%s, and it is kept", said)
			}
		}
		wrong("The agent with this id has another key.", base64.StdEncoding.EncodeToString(make([]byte, ed25519.PublicKeySize)))
		leads(t, h.Post(at+"/EXAMPLE_AGENT/end"), at)
		wrong("An agent with this id was ended.", key)
		if notes("agent.registered") != 1 || notes("agent.changed") != 2 {
			t.Errorf("%d registered, %d changed", notes("agent.registered"), notes("agent.changed"))
		}
	})
}

// TestAMessageForNobodyIsRefused, also where the controller's name makes no id.
func TestAMessageForNobodyIsRefused(t *testing.T) {
	t.Parallel()
	s := desktest.Parse(t, bytes.ReplaceAll(statement.Default(), []byte("Loot Example Network Ltd"), []byte("ルート株式会社")))
	e := newHouse(t, desktest.One(t), s).envoy("EXAMPLE_AGENT")
	if a := e.send(http.MethodPost, "/v1/agent/"+e.id, e.sign(e.fields("business-id", ""))); a.Status != http.StatusForbidden {
		t.Errorf("%d: %s", a.Status, a.Body)
	}
}
