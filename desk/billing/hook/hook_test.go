package hook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/outbound"
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

func TestNothingInsideIsReached(t *testing.T) {
	s := NewSender([]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")})
	for address, want := range map[string]bool{
		"https://panel.example.com/hooks?x=1": true, "https://10.1.2.3:8443/": true,
		"http://panel.example.com/": false, "http://10.1.2.3/": false, "http://127.0.0.1/": false, "https://127.0.0.1/": false, "https://[::1]/": false, "http://localhost/": false,
		"https://user:word@panel.example.com/": false, "ftp://panel.example.com/": false, "https:///x": false, "": false, "https://panel.example.com/#x": false,
	} {
		if err := s.CheckURL(address); (err == nil) != want || err != nil && loot.KindOf(err) != loot.Invalid {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestMessagesAreSentAndAnswersKept(t *testing.T) {
	var got http.Header
	var body []byte
	answer := func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		body, _ = io.ReadAll(r.Body)
		answer(w)
	}))
	defer server.Close()
	m := Message{ID: "msg_1", At: time.Unix(1614265330, 0), Body: []byte(`{"a":1}`)}
	ctx, secret := t.Context(), NewSecret()
	if _, err := NewSender(nil).Send(ctx, server.URL, m, secret); loot.KindOf(err) != loot.Invalid {
		t.Errorf("to this machine: %v", err)
	}
	s := NewSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	a, err := s.Send(ctx, server.URL, m, secret)
	want, _ := Sign(m, secret)
	if err != nil || !a.OK() || string(body) != `{"a":1}` || got.Get("Webhook-Id") != "msg_1" || got.Get("Webhook-Timestamp") != "1614265330" || got.Get("Webhook-Signature") != want || got.Get("Content-Type") != "application/json" {
		t.Errorf("%+v %v: %v %s", a, err, got, body)
	}
	answer = func(w http.ResponseWriter) {
		w.Header().Set("Location", "http://169.254.169.254/")
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, "a\n\x00b"+strings.Repeat("ä", 300))
	}
	if a, err := s.Send(ctx, server.URL, m, secret); err != nil || a.Status != http.StatusFound || a.OK() || !strings.HasPrefix(a.Text, "a b") || len(a.Text) > mostText {
		t.Errorf("%+v %v", a, err)
	}
	// What is cut within a letter loses that letter alone, and what is no text is not kept.
	for body, want := range map[string]string{"a" + strings.Repeat("€", 200): "a" + strings.Repeat("€", 99), strings.Repeat("\xff", 400): "", "\xe2\x82": ""} {
		answer = func(w http.ResponseWriter) { _, _ = io.WriteString(w, body) }
		if a, err := s.Send(ctx, server.URL, m, secret); err != nil || a.Text != want {
			t.Errorf("%q: %+v %v", body, a, err)
		}
	}
	// A name that leads inside is found out when it is connected to.
	inside := NewSender(nil)
	if resp, err := inside.client.Get(server.URL); !errors.Is(err, outbound.ErrInside) {
		t.Errorf("connected to this machine: %v", err)
		resp.Body.Close()
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Send(ended, server.URL, m, secret); err == nil || strings.Contains(err.Error(), server.URL) {
		t.Errorf("%v", err)
	}
}
