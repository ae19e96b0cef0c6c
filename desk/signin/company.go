package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"loot"
	"loot/web"
)

// A Company is the sign-on of the company that runs Loot, spoken to by OpenID
// Connect. What it says about its people is believed: it is their employer's.
type Company struct {
	Name         string // on the button, such as "Example AG"
	Issuer       string // such as "https://login.example.com"
	ClientID     string
	ClientSecret string
}

// company speaks with the sign-on. It finds out how when it is first needed, so
// that Loot starts while it cannot be reached.
type company struct {
	Company
	back string
	now  func() time.Time
	http *http.Client

	mu     sync.Mutex
	ready  *provider
	failed time.Time
}

type provider struct {
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
	origin   string // where the browser is sent
	at       time.Time
}

const (
	companyLearn = 24 * time.Hour   // how long what was found out is believed
	companyRetry = 20 * time.Second // how long a failure is not tried again
	companyWait  = 5 * time.Second
)

func newCompany(c Company, back string, now func() time.Time) (*company, error) {
	if c.Name == "" || c.Issuer == "" || c.ClientID == "" {
		return nil, fmt.Errorf("signin: the company's sign-on needs a name, an issuer and a client id")
	}
	return &company{Company: c, back: back, now: now, http: &http.Client{Timeout: companyWait}}, nil
}

func (c *company) errAway(err error) error {
	return loot.Wrap(loot.Unavailable, err, "The sign-on of "+c.Name+" cannot be reached at the moment. Please try again shortly, or sign in another way.")
}

// learn finds out how the sign-on is spoken to.
func (c *company) learn(ctx context.Context) (*provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.ready != nil && now.Sub(c.ready.at) < companyLearn {
		return c.ready, nil
	}
	if !c.failed.IsZero() && now.Sub(c.failed) < companyRetry {
		return nil, c.errAway(errors.New("signin: company: not tried again yet"))
	}
	// The keys of the issuer are fetched later, with the context of this moment.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), c.http), c.Issuer)
	if err != nil {
		c.failed = now
		return nil, c.errAway(fmt.Errorf("signin: company: %w", err))
	}
	to, err := url.Parse(p.Endpoint().AuthURL)
	if err != nil {
		c.failed = now
		return nil, c.errAway(fmt.Errorf("signin: company: address: %w", err))
	}
	c.failed = time.Time{}
	c.ready = &provider{
		verifier: p.Verifier(&oidc.Config{ClientID: c.ClientID, Now: c.now}),
		oauth: oauth2.Config{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: c.back,
			Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
		},
		origin: to.Scheme + "://" + to.Host, at: now,
	}
	return c.ready, nil
}

// sentAway is what is kept while somebody is away at the company's sign-on.
type sentAway struct{ State, Nonce, Verifier string }

// send returns where to send the browser. The sign-on is told to ask again who
// they are if it last did longer ago than a fresh sign-in may be.
func (c *company) send(ctx context.Context) (string, sentAway, error) {
	p, err := c.learn(ctx)
	if err != nil {
		return "", sentAway{}, err
	}
	s := sentAway{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	return p.oauth.AuthCodeURL(s.State, oidc.Nonce(s.Nonce), oauth2.S256ChallengeOption(s.Verifier),
		oauth2.SetAuthURLParam("max_age", fmt.Sprint(int(web.Fresh.Seconds())))), s, nil
}

// A voucher is what the company's sign-on says about somebody.
type voucher struct {
	issuer, subject string
	email           string // only if it says that it checked it
	at              time.Time
}

// errVoucher is what somebody gets whom the sign-on's answer does not let in.
func errVoucher(err error) error {
	return loot.Wrap(loot.Denied, err, "Your company's sign-on did not confirm who you are. Please begin again.")
}

// redeem turns what the browser brought back into a voucher.
func (c *company) redeem(ctx context.Context, s sentAway, state, code string) (voucher, error) {
	if subtle.ConstantTimeCompare([]byte(s.State), []byte(state)) != 1 || code == "" {
		return voucher{}, errVoucher(errors.New("signin: company: not the answer that was waited for"))
	}
	p, err := c.learn(ctx)
	if err != nil {
		return voucher{}, err
	}
	ctx = oidc.ClientContext(ctx, c.http)
	token, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(s.Verifier))
	if err != nil {
		if _, ok := errors.AsType[*oauth2.RetrieveError](err); ok { // it repeats what was sent
			return voucher{}, errVoucher(errors.New("signin: company: the code was refused"))
		}
		return voucher{}, c.errAway(errors.New("signin: company: no answer to the code"))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return voucher{}, errVoucher(errors.New("signin: company: no id token"))
	}
	id, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return voucher{}, errVoucher(errors.New("signin: company: the id token does not hold"))
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(s.Nonce)) != 1 {
		return voucher{}, errVoucher(errors.New("signin: company: the id token is for another sign-in"))
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
		AuthTime int64  `json:"auth_time"`
	}
	if err := id.Claims(&claims); err != nil {
		return voucher{}, errVoucher(errors.New("signin: company: claims that cannot be read"))
	}
	v := voucher{issuer: id.Issuer, subject: id.Subject, at: id.IssuedAt}
	if claims.Verified {
		v.email = claims.Email
	}
	// A sign-on that keeps to itself when it last asked is believed to have
	// done so now, as it was told to.
	if claims.AuthTime > 0 {
		v.at = time.Unix(claims.AuthTime, 0)
	}
	if now := c.now(); v.at.After(now) {
		v.at = now
	}
	return v, nil
}
