package desk

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"

	"loot"
	"loot/web"
)

// A Browser reaches the pages of a world as somebody, for proofs and the
// demonstration. It keeps no cookies: who asks is said.
type Browser struct {
	World *World
	Who   loot.Actor // zero: a visitor
}

// An Answer is what came back.
type Answer struct {
	Status int
	Body   bytes.Buffer
	header http.Header
}

// Header returns the header of the answer.
func (a *Answer) Header() http.Header { return a.header }

// Write takes a part of the body.
func (a *Answer) Write(p []byte) (int, error) { return a.Body.Write(p) }

// WriteHeader takes the status; the first one counts.
func (a *Answer) WriteHeader(status int) {
	if a.Status == 0 {
		a.Status = status
	}
}

// Get asks for a page.
func (b Browser) Get(ctx context.Context, path string) (*Answer, error) {
	return b.do(ctx, http.MethodGet, path, nil)
}

// Post sends a form.
func (b Browser) Post(ctx context.Context, path string, form url.Values) (*Answer, error) {
	return b.do(ctx, http.MethodPost, path, form)
}

func (b Browser) do(ctx context.Context, method, path string, form url.Values) (*Answer, error) {
	header := http.Header{}
	if method == http.MethodPost {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.Send(ctx, method, path, form.Encode(), header, "192.0.2.1")
}

// Send sends any request, from an address.
func (b Browser) Send(ctx context.Context, method, path, body string, header http.Header, from string) (*Answer, error) {
	if b.Who.Kind != "" {
		ctx = web.WithIdentity(ctx, web.Identity{Actor: b.Who, Name: "made up", At: b.World.Now()})
	}
	r, err := http.NewRequestWithContext(ctx, method, b.World.BaseURL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.RemoteAddr, r.Header = net.JoinHostPort(from, "1"), header
	a := &Answer{header: http.Header{}}
	b.World.HTTP.ServeHTTP(a, r)
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	return a, nil
}
