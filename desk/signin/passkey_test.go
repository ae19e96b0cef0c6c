package signin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"loot/desk/desktest"
	"loot/ledger"
	"loot/store"
	"loot/web/webtest"
)

// A device makes passkeys and signs with them, as a browser and its
// authenticator do together.
type device struct {
	t      *testing.T
	origin string
	host   string
	id     []byte
	key    *ecdsa.PrivateKey
	user   []byte
	count  uint32
	seen   byte // flags: 1 present, 4 verified
}

func newDevice(t *testing.T) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	id := make([]byte, 24)
	rand.Read(id)
	return &device{t: t, origin: base, host: "loot.example", id: id, key: key, seen: 1 | 4}
}

var b64 = base64.RawURLEncoding

func (d *device) clientData(kind, challenge string) []byte {
	d.t.Helper()
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	ok(d.t, err)
	return b
}

func (d *device) authData(extra byte) []byte {
	rp := sha256.Sum256([]byte(d.host))
	b := append(rp[:], d.seen|extra)
	return binary.BigEndian.AppendUint32(b, d.count)
}

// asked is what the server asks of the browser.
type asked struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	} `json:"publicKey"`
}

func readAsked(t *testing.T, a webtest.Answer) asked {
	t.Helper()
	if a.Status != http.StatusOK {
		t.Fatalf("asking for a passkey: %d %s", a.Status, a.Body)
	}
	var out asked
	ok(t, json.Unmarshal([]byte(a.Body), &out))
	return out
}

// make answers a request for a new passkey.
func (d *device) make(a asked) string {
	d.t.Helper()
	user, err := b64.DecodeString(a.PublicKey.User.ID)
	ok(d.t, err)
	d.user = user
	public, err := d.key.PublicKey.Bytes()
	ok(d.t, err)
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: public[1:33], -3: public[33:65]})
	ok(d.t, err)
	auth := d.authData(0x40)
	auth = append(auth, make([]byte, 16)...)
	auth = binary.BigEndian.AppendUint16(auth, uint16(len(d.id)))
	auth = append(append(auth, d.id...), cose...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": auth})
	ok(d.t, err)
	return d.answer(map[string]any{
		"clientDataJSON":    b64.EncodeToString(d.clientData("webauthn.create", a.PublicKey.Challenge)),
		"attestationObject": b64.EncodeToString(object),
	})
}

// use answers a request to sign in.
func (d *device) use(a asked) string {
	d.t.Helper()
	d.count++
	client := d.clientData("webauthn.get", a.PublicKey.Challenge)
	auth := d.authData(0)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, auth...), sum[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	ok(d.t, err)
	return d.answer(map[string]any{
		"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(auth),
		"signature": b64.EncodeToString(sig), "userHandle": b64.EncodeToString(d.user),
	})
}

func (d *device) answer(response map[string]any) string {
	d.t.Helper()
	id := b64.EncodeToString(d.id)
	b, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
	ok(d.t, err)
	return string(b)
}

// script sends a request as the page's script does.
func script(s *webtest.Site, path, kind, body string) webtest.Answer {
	return s.Do(http.MethodPost, path, body, http.Header{"Content-Type": {kind}, "Accept": {"application/json"}})
}

func begin(s *webtest.Site, path string, form url.Values) webtest.Answer {
	return script(s, path, "application/x-www-form-urlencoded", form.Encode())
}

func finish(s *webtest.Site, path, body string) webtest.Answer {
	return script(s, path, "application/json", body)
}

// add registers a passkey on the page of an account.
func add(t *testing.T, s *webtest.Site, root, label string, d *device) webtest.Answer {
	t.Helper()
	return finish(s, root+"/passkey/done", d.make(readAsked(t, begin(s, root+"/passkey", url.Values{"label": {label}}))))
}

// enter signs in with a passkey.
func enterWith(t *testing.T, s *webtest.Site, door string, d *device) webtest.Answer {
	t.Helper()
	return finish(s, door+"/passkey/done", d.use(readAsked(t, begin(s, door+"/passkey", nil))))
}

func nextOf(t *testing.T, a webtest.Answer) string {
	t.Helper()
	var l leading
	if a.Status != http.StatusOK {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	ok(t, json.Unmarshal([]byte(a.Body), &l))
	return l.Next
}

func TestPasskeys(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.colleague("Anna Example", anna, "support")
		secret, _ := h.withPassword(a)
		h.signIn(h.Site, anna, secret)
		phone := newDevice(t)
		if got := nextOf(t, add(t, h.Site, "/console/account", "Phone", phone)); got != "/console/account" {
			t.Errorf("leads to %q", got)
		}
		shows(t, h.Get("/console/account"), http.StatusOK, "Phone", "Not used yet", "on one device")
		h.Drain()
		if m, _ := h.Mail.Last(anna); !strings.Contains(m.Text, "A passkey was added") {
			t.Errorf("the owner was not told: %q", m.Text)
		}

		other := h.browser()
		if got := nextOf(t, enterWith(t, other, "/console/signin", phone)); got != "/console" {
			t.Errorf("leads to %q", got)
		}
		if got := other.Get("/console").Body; got != "you are staff "+a.ID {
			t.Fatal(got)
		}
		shows(t, other.Get("/console/account"), http.StatusOK, "Last used 23 Nov 2026")

		// Where it may lead is said at the beginning.
		third := h.browser()
		question := begin(third, "/console/signin/passkey", url.Values{"next": {"/console/fresh"}})
		said, step := phone.use(readAsked(t, question)), cookie(t, question, flowCookie)
		if got := nextOf(t, finish(third, "/console/signin/passkey/done", said)); got != "/console/fresh" {
			t.Errorf("leads to %q", got)
		}
		// The same answer once more is too late: each question is asked once.
		again := h.browser().Do(http.MethodPost, "/console/signin/passkey/done", said, http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Cookie": {step}})
		if got := again; got.Status != http.StatusUnauthorized {
			t.Errorf("an answer is taken twice: %d", got.Status)
		}

		// It opens the staff's door, not the customers'.
		if got := enterWith(t, h.browser(), "/signin", phone); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("a colleague's passkey at the customers' door: %d %s", got.Status, got.Body)
		}
		// Removed, it opens nothing.
		name := strings.TrimSuffix(strings.TrimPrefix(between(t, h.Get("/console/account").Body, `action="`, `/remove"`), "/console/account/passkey/"), "")
		leads(t, h.Post("/console/account/passkey/"+name+"/remove"), "/console/account")
		if got := enterWith(t, h.browser(), "/console/signin", phone); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("a removed passkey: %d", got.Status)
		}
	})
}

// between returns the last stretch of s between two marks, before the second.
func between(t *testing.T, s, from, to string) string {
	t.Helper()
	end := strings.Index(s, to)
	if end < 0 {
		t.Fatalf("no %q", to)
	}
	begin := strings.LastIndex(s[:end], from)
	return s[begin+len(from) : end]
}

func TestPasskeysThatAreRefused(t *testing.T) {
	h := onOne(t, base, Options{})
	a := h.colleague("Anna Example", anna, "support")
	secret, _ := h.withPassword(a)
	h.signIn(h.Site, anna, secret)
	good := newDevice(t)
	nextOf(t, add(t, h.Site, "/console/account", "Phone", good))
	for name, spoil := range map[string]func(*device){
		"another site":       func(d *device) { d.origin = "https://evil.example" },
		"another name":       func(d *device) { d.host = "evil.example" },
		"nobody was checked": func(d *device) { d.seen = 1 },
		"another key":        func(d *device) { d.key = newDevice(t).key },
		"another person":     func(d *device) { d.user = handle("somebody else") },
		"unknown":            func(d *device) { d.id = newDevice(t).id },
	} {
		t.Run(name, func(t *testing.T) {
			bad := *good
			bad.t = t
			spoil(&bad)
			s := h.browser()
			if got := enterWith(t, s, "/console/signin", &bad); got.Status != http.StatusUnprocessableEntity {
				t.Errorf("status %d: %s", got.Status, got.Body)
			}
			if got := s.Get("/whoami").Body; got != "you are visitor " {
				t.Error(got)
			}
		})
	}
	// An answer to somebody else's question.
	one, two := h.browser(), h.browser()
	asked := readAsked(t, begin(one, "/console/signin/passkey", nil))
	begin(two, "/console/signin/passkey", nil)
	if got := finish(two, "/console/signin/passkey/done", good.use(asked)); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("an answer to another question: %d", got.Status)
	}
	// Broken answers.
	for _, body := range []string{"", "{}", "null", `{"id":"x"}`, strings.Repeat("x", 70<<10), "\xff\xfe"} {
		begin(two, "/console/signin/passkey", nil)
		if got := finish(two, "/console/signin/passkey/done", body); got.Status != http.StatusUnprocessableEntity && got.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("a broken answer: %d %s", got.Status, got.Body)
		}
	}
	// A closed account's.
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE staff_account SET state = 'removed' WHERE id = $1`, a.ID)
		return err
	})
	if got := enterWith(t, h.browser(), "/console/signin", good); got.Status != http.StatusForbidden {
		t.Errorf("a closed account: %d", got.Status)
	}
}

// A passkey whose counter goes backwards was copied: it is not taken, and a
// case is opened.
func TestCopiedPasskeyIsAnIncident(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.colleague("Anna Example", anna, "support")
		secret, _ := h.withPassword(a)
		h.signIn(h.Site, anna, secret)
		d := newDevice(t)
		nextOf(t, add(t, h.Site, "/console/account", "Key", d))
		copied := *d
		nextOf(t, enterWith(t, h.browser(), "/console/signin", d))
		nextOf(t, enterWith(t, h.browser(), "/console/signin", d))
		if got := enterWith(t, h.browser(), "/console/signin", &copied); got.Status != http.StatusForbidden || !strings.Contains(got.Body, "incident") {
			t.Fatalf("a copied passkey: %d %s", got.Status, got.Body)
		}
		raised := false
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			for row, err := range h.Kit.Ledger.Facts(ctx, tx, desktest.Start.Add(-time.Hour), desktest.Start.Add(time.Hour)) {
				if err != nil {
					return err
				}
				raised = raised || row.Facts.Note == "incident.passkey.copied" && row.Facts.Verdict == ledger.Recorded
			}
			return nil
		})
		if !raised {
			t.Error("no incident was raised")
		}
	})
}

func TestCustomersPasskey(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.customer(jo)
		leads(t, h.Post("/signin", "email", jo), "/signin/sent")
		h.Drain()
		leads(t, h.Post(h.linkTo(jo)), "/portal")
		shows(t, h.Get("/portal/signin"), http.StatusOK, "How you sign in", "No passkey yet", "by one-time link")
		d := newDevice(t)
		if got := nextOf(t, add(t, h.Site, "/portal/signin", "My phone", d)); got != "/portal/signin" {
			t.Errorf("leads to %q", got)
		}
		other := h.browser()
		if got := nextOf(t, enterWith(t, other, "/signin", d)); got != "/portal" {
			t.Errorf("leads to %q", got)
		}
		if got := other.Get("/portal").Body; got != "you are person "+string(s) {
			t.Error(got)
		}
		// The link stays, so the last passkey may go.
		name := strings.TrimPrefix(between(t, h.Get("/portal/signin").Body, `action="`, `/remove"`), "/portal/signin/passkey/")
		leads(t, h.Post("/portal/signin/passkey/"+name+"/remove"), "/portal/signin")
		h.Clock.Advance(16 * time.Minute)
		if got := begin(h.Site, "/portal/signin/passkey", url.Values{"label": {"x"}}); got.Status != http.StatusUnauthorized {
			t.Errorf("adding a passkey without a fresh sign-in: %d", got.Status)
		}
		shows(t, h.Get("/portal/signin"), http.StatusOK, "needs a sign-in from the last quarter of an hour")
	})
}

func TestSetUpWithAPasskey(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		leads(t, h.Post(h.firstLink(), "name", "Anna Example", "email", anna), "/console/set-up")
		d := newDevice(t)
		a := finish(h.Site, "/console/set-up/passkey/done", d.make(readAsked(t, begin(h.Site, "/console/set-up/passkey", nil))))
		if got := nextOf(t, a); got != "/console" {
			t.Errorf("leads to %q", got)
		}
		shows(t, h.Get("/console"), http.StatusOK, "you are staff")
		nextOf(t, enterWith(t, h.browser(), "/console/signin", d))
		shows(t, h.Get("/console/staff"), http.StatusOK, "Anna Example", "Administrator of machines and accounts")
	})
}

// At a bare address there are no passkeys, and the pages say so.
func TestNoPasskeysAtABareAddress(t *testing.T) {
	h := onOne(t, "http://127.0.0.1:8080", Options{})
	if a := begin(h.Site, "/console/signin/passkey", nil); a.Status != http.StatusServiceUnavailable {
		t.Errorf("status %d", a.Status)
	}
	page := h.Get("/console/signin")
	shows(t, page, http.StatusOK, "Password")
	if strings.Contains(text(page.Body), "passkey") {
		t.Error("the page offers a passkey")
	}
}
