package rights

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web/webtest"
)

// An envoy is an agent as it speaks.
type envoy struct {
	*house
	id    string
	key   ed25519.PrivateKey
	token string
}

// envoy lets an agent in, as the console does.
func (h *house) envoy(id string) *envoy {
	h.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	ok(h, err)
	h.asStaff("t-dpo", "dpo")
	leads(h, h.Post("/console/requests/agents", "id", id, "title", "Example Agents", "key", base64.StdEncoding.EncodeToString(public)), "/console/requests/agents")
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
func (e *envoy) asks(action, email string) status {
	e.Helper()
	e.Clock.Advance(time.Second)
	s := e.status(e.send(http.MethodPost, "/v1/data-rights-request", e.sign(e.fields("exercise", action, "email", email, "agent-request-id", "ours", "regime", "ccpa"))))
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
		"another right":       {good("exercise", "access:categories"), http.StatusBadRequest},
		"nobody":              {good("email", ""), http.StatusBadRequest},
	} {
		a := e.send(http.MethodPost, "/v1/data-rights-request", one.body)
		var said struct{ Code, Message string }
		if err := json.Unmarshal([]byte(a.Body), &said); err != nil || a.Status != one.want || said.Code != fmt.Sprint(one.want) || said.Message == "" {
			t.Errorf("%s: %d, want %d: %s", what, a.Status, one.want, a.Body)
		}
	}
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
	shows(t, h.Post("/console/requests/agents", "id", "lower", "title", "x", "key", "AAAA"), http.StatusUnprocessableEntity, "capital letters", "no Ed25519 key")
	leads(t, h.Post("/console/requests/agents/EXAMPLE_AGENT/end"), "/console/requests/agents")
	h.Actor = loot.Actor{}
	if a := e.send(http.MethodGet, "/v1/data-rights-request/"+made.ID, ""); a.Status != http.StatusUnauthorized {
		t.Errorf("an agent that was ended: %d", a.Status)
	}
	var entry directoryEntry
	ok(t, json.Unmarshal([]byte(h.Get("/.well-known/data-rights.json").Body), &entry))
	if entry.ID != "LOOT_EXAMPLE_NETWORK_LTD" || entry.Base != desktest.Base+"/drp" || len(entry.Actions) != 3 {
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
	asked = e.asks("deletion", "jo@example.com")
	h.desk.needs.Leave = func(context.Context, loot.Actor) (time.Time, bool, error) { return h.Clock.Now(), true, nil }
	shows(t, h.Post(h.link(), "answer", "yes"), http.StatusOK, "The record is erased.")
	if got := e.now(asked.ID); got.State != fulfilled || got.Detail != "The record is erased." {
		t.Errorf("%+v", got)
	}
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
