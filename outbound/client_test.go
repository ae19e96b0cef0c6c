package outbound

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"loot"
)

func TestAnAddressIsOfHTTPSAndNotInside(t *testing.T) {
	s := NewClient(Reach{netip.MustParsePrefix("10.1.0.0/16")})
	for address, want := range map[string]bool{
		"https://panel.example.com/hooks?x=1": true, "https://10.1.2.3:8443/": true,
		"http://panel.example.com/": false, "http://10.1.2.3/": false, "http://127.0.0.1/": false, "https://127.0.0.1/": false, "https://[::1]/": false, "http://localhost/": false,
		"https://user:word@panel.example.com/": false, "ftp://panel.example.com/": false, "https:///x": false, "": false, "https://panel.example.com/#x": false,
	} {
		if err := s.CheckURL(address); (err == nil) != want || err != nil && loot.KindOf(err) != loot.Invalid {
			t.Errorf("%s: %v", address, err)
		}
	}
	// Who may name networks is for whoever asked to say.
	if err := s.CheckURL("https://127.0.0.1/"); !errors.Is(err, ErrInside) || strings.Contains(err.Error(), "--") {
		t.Errorf("inside: %v", err)
	}
}

// TestWhatCannotBeReadIsNotRepeated: a server that speaks no HTTP, or wrong, has nothing of
// what it wrote in an error, and so in no log.
func TestWhatCannotBeReadIsNotRepeated(t *testing.T) {
	for what, answer := range map[string]string{
		"status line":       "HTTP/1.1 jo@example.com\r\n\r\n",
		"protocol":          "jo@example.com\r\n\r\n",
		"header":            "HTTP/1.1 200 OK\r\njo@example.com\r\n\r\n",
		"length":            "HTTP/1.1 200 OK\r\nContent-Length: jo@example.com\r\n\r\n",
		"transfer encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: jo@example.com\r\n\r\n",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, answer)
		}))
		_, err := NewClient(Reach{netip.MustParsePrefix("127.0.0.0/8")}).Post(t.Context(), server.URL, nil, []byte("{}"))
		server.Close()
		if err == nil || err.Error() != "no answer that can be read" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestWhatIsPostedArrivesAndTheAnswerIsKept(t *testing.T) {
	var got http.Header
	var body []byte
	answer := func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		body, _ = io.ReadAll(r.Body)
		answer(w)
	}))
	defer server.Close()
	ctx := t.Context()
	if _, err := NewClient(nil).Post(ctx, server.URL, nil, nil); loot.KindOf(err) != loot.Invalid {
		t.Errorf("to this machine: %v", err)
	}
	c := NewClient(Reach{netip.MustParsePrefix("127.0.0.0/8")})
	post := func() (Answer, error) {
		return c.Post(ctx, server.URL, map[string]string{"x-name": "value"}, []byte(`{"a":1}`))
	}
	if a, err := post(); err != nil || !a.OK() || string(body) != `{"a":1}` || got.Get("X-Name") != "value" || got.Get("Content-Type") != "application/json" {
		t.Errorf("%+v %v: %v %s", a, err, got, body)
	}
	answer = func(w http.ResponseWriter) {
		w.Header().Set("Location", "http://169.254.169.254/")
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, "a\n\x00b"+strings.Repeat("ä", 300))
	}
	if a, err := post(); err != nil || a.Status != http.StatusFound || a.OK() || !strings.HasPrefix(a.Text, "a b") || len(a.Text) > mostText {
		t.Errorf("%+v %v", a, err)
	}
	// What is cut within a letter loses that letter alone, and what is no text is not kept.
	for body, want := range map[string]string{"a" + strings.Repeat("€", 200): "a" + strings.Repeat("€", 99), strings.Repeat("\xff", 400): "", "\xe2\x82": ""} {
		answer = func(w http.ResponseWriter) { _, _ = io.WriteString(w, body) }
		if a, err := post(); err != nil || a.Text != want {
			t.Errorf("%q: %+v %v", body, a, err)
		}
	}
	// A name that leads inside is found out when it is connected to.
	inside := NewClient(nil)
	if resp, err := inside.client.Get(server.URL); !errors.Is(err, ErrInside) {
		t.Errorf("connected to this machine: %v", err)
		resp.Body.Close()
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Post(ended, server.URL, nil, nil); err == nil || strings.Contains(err.Error(), server.URL) {
		t.Errorf("%v", err)
	}
}
