package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/web"
	"loot/web/webtest"
)

func serve(h http.Handler, method, path string, header http.Header) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, nil)
	for k, v := range header {
		req.Header[k] = v
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec
}

func TestHeadersAreStrict(t *testing.T) {
	s := webtest.New(t, web.Options{BaseURL: "https://loot.example"}, []web.Route{{Pattern: "GET /a", Audience: web.Public, Serve: say("in")}})
	for _, path := range []string{"/a", "/none", web.Asset("loot.css")} {
		h := s.Get(path).Header
		policy := h.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: policy %q", path, policy)
		}
		for name, want := range map[string]string{
			"Strict-Transport-Security": "max-age=63072000", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if h.Get("Permissions-Policy") == "" || h.Get("Request-Id") == "" {
			t.Errorf("%s: %v", path, h)
		}
	}
	if cc := s.Get("/a").Header.Get("Cache-Control"); cc != "no-store" {
		t.Errorf("a page may be kept: %q", cc)
	}
	plain := webtest.New(t, web.Options{BaseURL: "http://localhost:8080"})
	if h := plain.Get("/").Header.Get("Strict-Transport-Security"); h != "" {
		t.Errorf("without https: %q", h)
	}
}

func TestPolicyCanBeLoosenedOnlyByName(t *testing.T) {
	p := web.Policy{FormAction: []string{"https://idp.example"}, Frames: true, Framed: true, Scripts: []string{"sha256-abc"}, Workers: true}.String()
	for _, want := range []string{"form-action 'self' https://idp.example", "frame-src 'self'", "frame-ancestors 'self'", "script-src 'self' 'sha256-abc'", "worker-src 'self'"} {
		if !strings.Contains(p, want) {
			t.Errorf("%q is not in %q", want, p)
		}
	}
	if strings.Contains(p, "unsafe") {
		t.Errorf("policy %q", p)
	}
	for _, c := range []struct {
		policy web.Policy
		want   string
	}{
		{web.Policy{}, "frame-ancestors 'none'"},
		{web.Policy{Framers: []string{"https://a.example", "https://b.example:8443"}}, "frame-ancestors https://a.example https://b.example:8443"},
	} {
		if p := c.policy.String(); !strings.HasSuffix(p, "; "+c.want) {
			t.Errorf("%q, want %q", p, c.want)
		}
	}
}

func TestUntrustedDocumentCanDoNothingButLeadElsewhere(t *testing.T) {
	s := webtest.New(t, web.Options{}, []web.Route{{Pattern: "GET /m", Audience: web.Public, Serve: func(w http.ResponseWriter, _ *http.Request) error {
		return web.WriteUntrusted(w, "<script>alert(1)</script>")
	}}})
	a := s.Get("/m")
	p := a.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(p, "sandbox allow-popups allow-popups-to-escape-sandbox;") || strings.Contains(p, "script-src") || strings.Count(p, "allow-") != 2 || !strings.Contains(p, "default-src 'none'") {
		t.Errorf("policy %q", p)
	}
	if !strings.Contains(a.Body, `<base target="_blank">`) {
		t.Errorf("links stay in the frame: %s", a.Body)
	}
}

func TestWritesFromOtherSitesAreRefusedUnlessTheRouteTakesThem(t *testing.T) {
	s := webtest.New(t, web.Options{}, []web.Route{
		{Pattern: "POST /form", Audience: web.Public, Serve: say("in")},
		{Pattern: "POST /visit", Audience: web.Public, CrossOrigin: true, Serve: say("in")},
	})
	from := func(site, origin string) http.Header {
		return http.Header{"Sec-Fetch-Site": {site}, "Origin": {origin}}
	}
	for _, c := range []struct {
		path   string
		header http.Header
		want   int
	}{
		{"/form", from("cross-site", "https://evil.example"), 403},
		{"/form", from("same-site", "https://shop.loot.example"), 403},
		{"/form", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"/form", from("same-origin", "https://loot.example"), 200},
		{"/form", nil, 200}, // a mail program that unsubscribes has no origin
		{"/visit", from("cross-site", "https://shop.example"), 200},
	} {
		if a := s.Do("POST", c.path, "", c.header); a.Status != c.want {
			t.Errorf("%s with %v: %d, want %d", c.path, c.header, a.Status, c.want)
		}
	}
}

func TestLimitsAreKeptByRouteAndNetwork(t *testing.T) {
	now := noon
	o := web.Options{Now: func() time.Time { return now }, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	s := webtest.New(t, o, []web.Route{
		{Pattern: "POST /register", Audience: web.Public, Limit: web.PerMinute(3), Serve: say("in")},
		{Pattern: "POST /other", Audience: web.Public, Limit: web.PerMinute(3), Serve: say("in")},
		{Pattern: "POST /signin", Audience: web.Public, Limit: web.NoLimit, Serve: func(_ http.ResponseWriter, r *http.Request) error {
			return web.Limited(r, "signin", r.Header.Get("Account"), web.PerMinute(2))
		}},
	})
	post := func(path, address string) webtest.Answer {
		return s.Do("POST", path, "", http.Header{"X-Forwarded-For": {address}})
	}
	for range 3 {
		if a := post("/register", "198.51.100.7"); a.Status != 200 {
			t.Fatalf("within the limit: %d", a.Status)
		}
	}
	a := post("/register", "198.51.100.7")
	if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "20" {
		t.Errorf("over the limit: %d, Retry-After %q", a.Status, a.Header.Get("Retry-After"))
	}
	if strings.Contains(a.Body, "198.51") {
		t.Error("the page repeats the address")
	}
	for path, address := range map[string]string{"/other": "198.51.100.7", "/register": "198.51.100.8"} {
		if a := post(path, address); a.Status != 200 {
			t.Errorf("another bucket, %s from %s: %d", path, address, a.Status)
		}
	}
	if a := post("/register", "6.6.6.6, 198.51.100.7"); a.Status != http.StatusTooManyRequests {
		t.Errorf("an invented address in front got a bucket of its own: %d", a.Status)
	}
	for i := range 4 { // one household changes its IPv6 address at will
		a := post("/register", fmt.Sprintf("2001:db8:1:2::%d", i+1))
		if (i < 3) != (a.Status == 200) {
			t.Errorf("IPv6 address %d: %d", i, a.Status)
		}
	}
	now = now.Add(21 * time.Second)
	if a := post("/register", "198.51.100.7"); a.Status != 200 {
		t.Errorf("after the wait: %d", a.Status)
	}
	for i, account := range []string{"a@b.example", "A@b.example", "a@B.example", "c@b.example"} {
		a := s.Do("POST", "/signin", "", http.Header{"Account": {account}})
		if (i != 2) != (a.Status == 200) {
			t.Errorf("account %d: %d", i, a.Status)
		}
	}
}

func TestAllowLimitsWhatIsNoRoute(t *testing.T) {
	for _, none := range []bool{false, true} {
		allow := web.New(web.Options{Now: func() time.Time { return noon }, NoLimits: none}).Allow("api", web.PerMinute(2))
		r := httptest.NewRequest(http.MethodGet, "/api/x", nil)
		refused := 0
		for range 5 {
			if err := allow(r); loot.KindOf(err) == loot.Limited {
				refused++
			}
		}
		if want := map[bool]int{false: 3, true: 0}[none]; refused != want {
			t.Errorf("without limits %v: %d of 5 refused", none, refused)
		}
	}
}

func TestForwardedAddressIsBelievedOnlyFromOurProxies(t *testing.T) {
	for _, c := range []struct {
		proxies []netip.Prefix
		hops    string // of the second request; the first comes from 203.0.113.9
		refused bool
	}{
		{nil, "203.0.113.10", true}, // a stranger's word: both are who connects
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "203.0.113.10", false},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "198.51.100.7, 203.0.113.9", true}, // what the client claims itself
	} {
		s := webtest.New(t, web.Options{Proxies: c.proxies}, []web.Route{{Pattern: "GET /a", Audience: web.Public, Serve: say("in"), Limit: web.PerMinute(1)}})
		s.Do("GET", "/a", "", http.Header{"X-Forwarded-For": {"203.0.113.9"}})
		a := s.Do("GET", "/a", "", http.Header{"X-Forwarded-For": {c.hops}})
		if (a.Status == http.StatusTooManyRequests) != c.refused {
			t.Errorf("proxies %v, %s: %d", c.proxies, c.hops, a.Status)
		}
	}
}

func TestNobodySignedInIsLimitedByDefault(t *testing.T) {
	s := webtest.New(t, web.Options{}, []web.Route{
		{Pattern: "POST /c", Audience: web.Console, Serve: say("in")},
		{Pattern: "POST /p", Audience: web.Public, Serve: say("in")},
	})
	s.Actor = loot.Actor{Kind: loot.Staff, ID: "st1"}
	for i := range 100 {
		if a := s.Post("/c"); a.Status != 200 {
			t.Fatalf("staff, request %d: %d", i, a.Status)
		}
	}
	refused := 0
	for range 100 {
		if s.Post("/p").Status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Error("a public form may be sent without end")
	}
}
