package hook

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// The example of the specification's reference libraries.
func TestTheSignatureIsThatOfTheSpecification(t *testing.T) {
	m := Message{ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", At: time.Unix(1614265330, 0), Body: []byte(`{"test": 2432232314}`)}
	const secret, want = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	got, err := Sign(m, secret)
	if err != nil || got != want {
		t.Errorf("%s %v, want %s", got, err, want)
	}
	both, err := Sign(m, NewSecret(), secret)
	if err != nil || !strings.HasSuffix(both, " "+want) {
		t.Errorf("of two secrets: %s %v", both, err)
	}
	if _, err := Sign(m, "whsec_?"); err == nil {
		t.Error("what is no secret signs")
	}
}

func TestMessagesAreSentSigned(t *testing.T) {
	var got http.Header
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	m := Message{ID: "msg_1", At: time.Unix(1614265330, 0), Body: []byte(`{"a":1}`)}
	secret := NewSecret()
	a, err := NewSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}).Send(t.Context(), server.URL, m, secret)
	want, _ := Sign(m, secret)
	if err != nil || !a.OK() || string(body) != `{"a":1}` || got.Get("Webhook-Id") != "msg_1" || got.Get("Webhook-Timestamp") != "1614265330" || got.Get("Webhook-Signature") != want || got.Get("Content-Type") != "application/json" {
		t.Errorf("%+v %v: %v %s", a, err, got, body)
	}
}

// TestWhatLiesInsideIsNamedByTheOperator, who is told so where they type an address and where
// they read why a message did not arrive.
func TestWhatLiesInsideIsNamedByTheOperator(t *testing.T) {
	s := NewSender(nil)
	_, sent := s.Send(t.Context(), "https://127.0.0.1/", Message{ID: "m"}, NewSecret())
	for what, err := range map[string]error{"checked": s.CheckURL("https://127.0.0.1/"), "sent to": sent} {
		if err == nil || !strings.HasSuffix(err.Error(), "The operator can name it with --outbound-networks.") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.CheckURL("nothing"); err == nil || strings.Contains(err.Error(), "--outbound-networks") {
		t.Errorf("no address: %v", err)
	}
}
