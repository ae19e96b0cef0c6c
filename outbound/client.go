package outbound

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"loot"
)

// A Client posts JSON to what may be reached, and to nothing else.
type Client struct {
	reach  Reach
	client *http.Client
}

// postFor is how long a message may take.
const postFor = 15 * time.Second

// NewClient returns a client that connects to what reach allows.
func NewClient(reach Reach) *Client {
	return &Client{reach, &http.Client{
		Timeout: postFor,
		Transport: &http.Transport{ // no proxy: it would reach for us what we may not
			DialContext: reach.Dialer(5 * time.Second).DialContext, TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// CheckURL says what is wrong with an address that is to be sent to: it has to be of
// https, or of http on this very machine where that may be reached. One that lies inside
// is an [ErrInside].
func (c *Client) CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return loot.Errorf(loot.Invalid, "This is no address of a server. One looks like https://panel.example.com/hooks.")
	}
	host := u.Hostname()
	a, notIP := netip.ParseAddr(host)
	if host == "localhost" {
		a, notIP = netip.MustParseAddr("127.0.0.1"), nil
	}
	switch {
	case notIP == nil && !c.reach.Allows(a):
		return loot.Wrap(loot.Invalid, ErrInside, "The address is inside a network that may not be reached.")
	case u.Scheme == "https":
	case u.Scheme == "http" && notIP == nil && a.IsLoopback():
	default:
		return loot.Errorf(loot.Invalid, "The address begins with https://.")
	}
	return nil
}

// An Answer is what came back.
type Answer struct {
	Status int
	Text   string // the beginning of the body, if it is text
}

// OK reports whether the message was taken.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Gone reports whether whoever answered wants no more of them.
func (a Answer) Gone() bool { return a.Status == http.StatusGone }

// mostText is how much of an answer is kept.
const mostText = 300

// Post sends JSON with headers by their names as they are written. An answer of any status
// is no error; what is one names no address.
func (c *Client) Post(ctx context.Context, address string, headers map[string]string, body []byte) (Answer, error) {
	if err := c.CheckURL(address); err != nil {
		return Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return Answer{}, Why(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Loot")
	for name, value := range headers {
		req.Header[name] = []string{value}
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return Answer{}, Why(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, mostText)) // the status says whether it was taken
	return Answer{Status: resp.StatusCode, Text: plain(text)}, nil
}

// plain returns the text of an answer in one line, if it is one.
func plain(text []byte) string {
	for n := 1; n < utf8.UTFMax && len(text) == mostText && !utf8.Valid(text); n++ {
		if cut := text[:mostText-n]; utf8.Valid(cut) { // it ended within a letter
			text = cut
		}
	}
	if !utf8.Valid(text) {
		return ""
	}
	return strings.Join(strings.FieldsFunc(string(text), func(r rune) bool { return r < ' ' || r == ' ' || r == 0x7f }), " ")
}
