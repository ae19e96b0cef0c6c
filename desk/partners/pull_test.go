package partners

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/store"
	"loot/web/webtest"
)

// TestSignatureBaseIsThatOfTheStandard signs the example of RFC 9421, appendix B.2.6.
func TestSignatureBaseIsThatOfTheStandard(t *testing.T) {
	seed, err := base64.StdEncoding.DecodeString("n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=")
	ok(t, err)
	base, params := signatureBase([]component{
		{"date", "Tue, 20 Apr 2021 02:07:55 GMT"},
		{"@method", "POST"},
		{"@path", "/foo"},
		{"@authority", "example.com"},
		{"content-type", "application/json"},
		{"content-length", "18"},
	}, time.Unix(1618884473, 0), `;keyid="test-key-ed25519"`)
	if want := `("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`; params != want {
		t.Errorf("the parameters are %s", params)
	}
	got := base64.StdEncoding.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(seed), []byte(base)))
	if want := "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="; got != want {
		t.Errorf("the signature is %s, want %s", got, want)
	}
}

// verified fails unless an answer is signed by the key that the console shows.
func (h *house) verified(a webtest.Answer) {
	h.Helper()
	key, err := base64.StdEncoding.DecodeString(h.desk.publicKey())
	ok(h, err)
	sum := sha256.Sum256([]byte(a.Body))
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	params := strings.TrimPrefix(a.Header.Get("Signature-Input"), "loot=")
	text := "\"@status\": " + http.StatusText(a.Status)
	text = strings.Replace(text, http.StatusText(a.Status), map[int]string{200: "200", 401: "401", 404: "404", 409: "409", 403: "403"}[a.Status], 1)
	text += "\n\"content-type\": " + a.Header.Get("Content-Type") + "\n\"content-digest\": " + digest + "\n\"@signature-params\": " + params
	signature, err := base64.StdEncoding.DecodeString(strings.Trim(strings.TrimPrefix(a.Header.Get("Signature"), "loot="), ":"))
	ok(h, err)
	if !ed25519.Verify(key, []byte(text), signature) || !strings.Contains(params, `keyid="loot-partners"`) {
		h.Errorf("the answer is not signed: %s", a.Body)
	}
}

// TestAPartnerPulls: page by page, each decided when it leaves and signed; a receipt is
// kept, and what is to be deleted is confirmed.
func TestAPartnerPulls(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.customer("a@example.com")
		h.customer("b@example.com")
		h.ready(helper)
		h.asStaff("t-dpo", "dpo")
		page := h.Post("/console/partners/" + helper + "/key")
		key := regexp.MustCompile(`partner_[A-Z2-7]+`).FindString(page.Body)
		if key == "" || strings.Contains(h.Get("/console/partners/"+helper).Body, key) {
			t.Fatal("the key is shown never, or again")
		}
		h.as("")
		call := func(method, path, body string) (a webtest.Answer, out feedPage) {
			a = h.Do(method, base+path, body, http.Header{"Authorization": {"Bearer " + key}})
			h.verified(a)
			ok(t, json.Unmarshal([]byte(a.Body), &out))
			return a, out
		}
		if a := h.Do(http.MethodPost, base+"/feeds", `{"purpose":"support"}`, http.Header{"Authorization": {"Bearer partner_X"}}); a.Status != http.StatusUnauthorized {
			t.Errorf("another key: %d", a.Status)
		}
		if got, _ := call(http.MethodPost, "/feeds", `{"purpose":"invoice"}`); got.Status != http.StatusForbidden || !strings.Contains(got.Body, "covers no details") {
			t.Errorf("another purpose: %d %s", got.Status, got.Body)
		}
		got, feed := call(http.MethodPost, "/feeds", `{"purpose":"support"}`)
		if got.Status != http.StatusOK || len(feed.People) != 2 || feed.More || feed.Page != 1 || h.transfers(a) != 1 {
			t.Fatalf("the first page: %d %s", got.Status, got.Body)
		}
		if again, _ := call(http.MethodPost, "/feeds/"+feed.Delivery, `{"page":2}`); again.Status != http.StatusConflict || h.transfers(a) != 1 {
			t.Errorf("after the last page: %d %s", again.Status, again.Body)
		}
		one := sha256.Sum256([]byte(got.Body))
		sum := sha256.Sum256([]byte(hex.EncodeToString(one[:])))
		if wrong, _ := call(http.MethodPost, "/feeds/"+feed.Delivery+"/receipt", `{"hash":"00"}`); wrong.Status != http.StatusConflict {
			t.Errorf("a wrong receipt: %d", wrong.Status)
		}
		if right, _ := call(http.MethodPost, "/feeds/"+feed.Delivery+"/receipt", `{"hash":"`+hex.EncodeToString(sum[:])+`"}`); right.Status != http.StatusOK {
			t.Errorf("the receipt: %d %s", right.Status, right.Body)
		}
		h.asStaff("t-dpo", "dpo")
		shows(t, h.Get("/console/partners/"+helper), http.StatusOK, "received", hex.EncodeToString(sum[:]), "pulled")

		h.as(a)
		leads(t, h.Post("/portal/partners/"+helper, "purpose", "support", "object", "yes"), "/portal/partners")
		h.Drain()
		asked, _ := call(http.MethodGet, "/deletions", "")
		id := regexp.MustCompile(`"id":"(w[a-z0-9]+)"`).FindStringSubmatch(asked.Body)
		if id == nil || !strings.Contains(asked.Body, h.desk.reference(helper, a, support)) {
			t.Fatalf("to delete: %s", asked.Body)
		}
		if other, _ := call(http.MethodPost, "/deletions/wnone", ""); other.Status != http.StatusNotFound {
			t.Errorf("a request that is none: %d", other.Status)
		}
		for range 2 { // confirmed twice is confirmed
			if done, _ := call(http.MethodPost, "/deletions/"+id[1], ""); done.Status != http.StatusOK {
				t.Errorf("confirmed: %d %s", done.Status, done.Body)
			}
		}
		if asked, _ := call(http.MethodGet, "/deletions", ""); strings.Contains(asked.Body, id[1]) {
			t.Error("it is asked after it was confirmed")
		}
		if _, feed := call(http.MethodPost, "/feeds", `{"purpose":"support"}`); addresses(feed.People) != "b@example.com" {
			t.Errorf("after the objection went: %v", feed.People)
		}

		var begun string // pages leave in their order
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			p, err := h.desk.parcel(ctx, tx, helper, support, h.desk.actor())
			if err == nil {
				begun, err = h.desk.begin(ctx, tx, p, byPull)
			}
			return err
		})
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE partners_delivery SET pages = 1, after = $1 WHERE id = $2`, a, begun)
			return err
		})
		for n, want := range map[int]bool{1: false, 3: false, 2: true} {
			if _, err := h.desk.page(t.Context(), helper, begun, n); !want && loot.KindOf(err) != loot.Conflict {
				t.Errorf("page %d after page 1: %v", n, err)
			}
		}
		if _, err := h.desk.page(t.Context(), seller, begun, 1); loot.KindOf(err) != loot.NotFound {
			t.Errorf("another partner's feed: %v", err)
		}
	})
}
