package signin

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"loot"
	"loot/store"
	"loot/web/webtest"
)

// A signOn is a company's sign-on that speaks OpenID Connect: discovery, the
// code flow with PKCE, and signed id tokens.
type signOn struct {
	*httptest.Server
	t   *testing.T
	key *rsa.PrivateKey
	now func() time.Time

	mu     sync.Mutex
	down   bool
	codes  map[string]granted
	claims map[string]any // of whoever signs in next
	spoil  func(claims map[string]any)
	signer *rsa.PrivateKey // nil: key
}

type granted struct {
	nonce, challenge, redirect string
	claims                     map[string]any
}

func newSignOn(t *testing.T, now func() time.Time) *signOn {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	s := &signOn{t: t, key: key, now: now, codes: map[string]granted{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		s.json(w, map[string]any{
			"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		s.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", s.token)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		down := s.down
		s.mu.Unlock()
		if down {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *signOn) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.t.Error(err)
	}
}

// authorize is what happens in the browser at the sign-on: it returns the path
// that the browser comes back to.
func (s *signOn) authorize(to string) string {
	s.t.Helper()
	u, err := url.Parse(to)
	ok(s.t, err)
	q := u.Query()
	if !strings.HasPrefix(to, s.URL+"/authorize?") || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("max_age") != "900" || !strings.Contains(q.Get("scope"), "openid") {
		s.t.Fatalf("the sign-on is asked wrongly: %s", to)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	code := rand.Text()
	s.codes[code] = granted{q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri"), s.claims}
	back, err := url.Parse(q.Get("redirect_uri"))
	ok(s.t, err)
	return back.Path + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

func (s *signOn) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.codes[r.FormValue("code")]
	delete(s.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, secret, _ := r.BasicAuth()
	secret, _ = url.QueryUnescape(secret) // RFC 6749, 2.3.1
	if !found || b64.EncodeToString(sum[:]) != g.challenge || r.FormValue("redirect_uri") != g.redirect || id != "loot" || secret != "the secret" {
		w.WriteHeader(http.StatusBadRequest)
		s.json(w, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{
		"iss": s.URL, "aud": "loot", "nonce": g.nonce, "iat": s.now().Unix(), "exp": s.now().Add(5 * time.Minute).Unix(), "auth_time": s.now().Unix(),
	}
	for k, v := range g.claims {
		claims[k] = v
	}
	if s.spoil != nil {
		s.spoil(claims)
	}
	key := s.key
	if s.signer != nil {
		key = s.signer
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "1"))
	if err != nil {
		s.t.Error(err)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		s.t.Error(err)
	}
	s.json(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": raw})
}

// is says who signs in next.
func (s *signOn) is(subject, email string, verified bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = map[string]any{"sub": subject, "email": email, "email_verified": verified}
}

// viaCompany signs somebody in through the company, as a browser does.
func viaCompany(t *testing.T, h *house, s *signOn, in *webtest.Site, next string) webtest.Answer {
	t.Helper()
	a := in.Post("/console/signin/company", "next", next)
	if a.Status != http.StatusSeeOther {
		return a
	}
	back := s.authorize(a.Header.Get("Location"))
	page := in.Get(back)
	shows(t, page, http.StatusOK, "has confirmed who you are")
	if got := in.Get("/whoami").Body; got != "you are visitor " {
		t.Errorf("coming back is a GET and lets in: %s", got)
	}
	return in.Post(companyReturn, "state", hidden(t, page.Body, "state"), "code", hidden(t, page.Body, "code"))
}

func withCompany(t *testing.T) (*house, *signOn) {
	t.Helper()
	var now func() time.Time
	s := newSignOn(t, func() time.Time { return now() })
	h := onOne(t, base, Options{Company: &Company{Name: "Example AG", Issuer: s.URL, ClientID: "loot", ClientSecret: "the secret"}})
	now = h.Kit.Now
	return h, s
}

func TestCompanySignOn(t *testing.T) {
	h, s := withCompany(t)
	a := h.colleague("Anna Example", anna, "support")
	page := h.Get("/console/signin")
	shows(t, page, http.StatusOK, "Sign in with Example AG")
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+s.URL) {
		t.Errorf("the form may not lead to the sign-on: %s", csp)
	}
	s.is("subject-1", strings.ToUpper(anna), true)
	leads(t, viaCompany(t, h, s, h.Site, "/console/fresh"), "/console/fresh")
	shows(t, h.Get("/console/fresh"), http.StatusOK, "you are staff "+a.ID)

	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		out, err := h.desk.export(ctx, tx, loot.Subject(a.ID))
		if e, _ := out.(exported); !e.Company.Equal(h.Kit.Now()) || !e.Password.IsZero() {
			t.Errorf("the copy shows %+v", out)
		}
		return err
	})

	// From then on it is the sign-on's name for them that counts.
	s.is("subject-1", "anna.renamed@network.example", true)
	leads(t, viaCompany(t, h, s, h.browser(), ""), "/console")
	s.is("subject-2", anna, true)
	shows(t, viaCompany(t, h, s, h.browser(), ""), http.StatusForbidden, "belongs to somebody else")
}

func TestCompanySignOnLetsNobodyElseIn(t *testing.T) {
	h, s := withCompany(t)
	h.colleague("Anna Example", anna, "support")
	for name, c := range map[string]struct {
		email    string
		verified bool
		spoil    func(map[string]any)
		says     string
	}{
		"nobody here":          {"nobody@network.example", true, nil, "no account for you"},
		"an address unchecked": {anna, false, nil, "no account for you"},
		"no address":           {"", true, nil, "no account for you"},
		"another's token":      {anna, true, func(c map[string]any) { c["aud"] = "somebody else" }, "did not confirm"},
		"another issuer":       {anna, true, func(c map[string]any) { c["iss"] = "https://evil.example" }, "did not confirm"},
		"another sign-in":      {anna, true, func(c map[string]any) { c["nonce"] = "old" }, "did not confirm"},
		"expired": {anna, true, func(c map[string]any) {
			c["exp"] = h.Clock.Now().Add(-time.Hour).Unix()
		}, "did not confirm"},
	} {
		t.Run(name, func(t *testing.T) {
			s.is("subject "+name, c.email, c.verified)
			s.spoil = c.spoil
			defer func() { s.spoil = nil }()
			in := h.browser()
			shows(t, viaCompany(t, h, s, in, ""), http.StatusForbidden, c.says)
			if got := in.Get("/whoami").Body; got != "you are visitor " {
				t.Error(got)
			}
		})
	}
	t.Run("a false signature", func(t *testing.T) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		ok(t, err)
		s.signer = key
		defer func() { s.signer = nil }()
		s.is("subject-1", anna, true)
		shows(t, viaCompany(t, h, s, h.browser(), ""), http.StatusForbidden, "did not confirm")
	})
	t.Run("an answer to another browser", func(t *testing.T) {
		s.is("subject-1", anna, true)
		attacker, victim := h.browser(), h.browser()
		back, err := url.Parse(s.authorize(attacker.Post("/console/signin/company").Header.Get("Location")))
		ok(t, err)
		victim.Post("/console/signin/company")
		a := victim.Post(companyReturn, "state", back.Query().Get("state"), "code", back.Query().Get("code"))
		shows(t, a, http.StatusForbidden, "did not confirm")
		leads(t, h.browser().Post(companyReturn, "state", back.Query().Get("state"), "code", back.Query().Get("code")), "/console/signin")
	})
	t.Run("another state", func(t *testing.T) {
		s.is("subject-1", anna, true)
		in := h.browser()
		back, err := url.Parse(s.authorize(in.Post("/console/signin/company").Header.Get("Location")))
		ok(t, err)
		shows(t, in.Post(companyReturn, "state", "another", "code", back.Query().Get("code")), http.StatusForbidden, "did not confirm")
	})
	t.Run("refused there", func(t *testing.T) {
		shows(t, h.browser().Get(companyReturn+"?error=access_denied&state=x"), http.StatusForbidden, "did not let you in")
	})
}

// A sign-on that was asked long ago does not count as a fresh sign-in.
func TestCompanySignOnSaysHowFresh(t *testing.T) {
	h, s := withCompany(t)
	h.colleague("Anna Example", anna, "support")
	s.is("subject-1", anna, true)
	s.spoil = func(c map[string]any) { c["auth_time"] = h.Clock.Now().Add(-time.Hour).Unix() }
	leads(t, viaCompany(t, h, s, h.Site, ""), "/console")
	leads(t, h.Get("/console/fresh"), "/console/signin?next=%2Fconsole%2Ffresh")
	s.spoil = func(c map[string]any) { delete(c, "auth_time") }
	other := h.browser()
	leads(t, viaCompany(t, h, s, other, ""), "/console")
	shows(t, other.Get("/console/fresh"), http.StatusOK)
}

// Without the sign-on everything else works, and it is used again once it is back.
func TestCompanySignOnIsAway(t *testing.T) {
	h, s := withCompany(t)
	h.colleague("Anna Example", anna, "support")
	s.is("subject-1", anna, true)
	s.mu.Lock()
	s.down = true
	s.mu.Unlock()
	shows(t, h.Get("/console/signin"), http.StatusOK, "Sign in with Example AG", "Password")
	shows(t, h.Post("/console/signin/company"), http.StatusServiceUnavailable, "cannot be reached at the moment")
	s.mu.Lock()
	s.down = false
	s.mu.Unlock()
	h.Clock.Advance(time.Minute)
	leads(t, viaCompany(t, h, s, h.Site, ""), "/console")
}
