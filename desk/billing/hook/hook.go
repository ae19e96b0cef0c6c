// Package hook sends webhooks, signed as the Standard Webhooks specification says
// (https://www.standardwebhooks.com, version 1.0.0), and to no address that an
// operator's settings do not allow. It knows nobody's data, since it talks to the
// outside.
package hook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"loot"
	"loot/outbound"
)

// secretBytes is how long a secret is; the specification asks for 24 to 64 bytes.
const secretBytes = 32

const secretMark = "whsec_"

// NewSecret returns a fresh secret as people copy it: "whsec_" and base64.
func NewSecret() string {
	var b [secretBytes]byte
	rand.Read(b[:]) // never fails
	return secretMark + base64.StdEncoding.EncodeToString(b[:])
}

// A Message is what is sent.
type Message struct {
	ID   string    // the same for every try: webhook-id
	At   time.Time // of this try: webhook-timestamp
	Body []byte    // JSON
}

// Sign returns the header webhook-signature: of each secret, while they are changed
// of both, "v1," and the base64 of the HMAC-SHA256 of id, timestamp and body with
// points between them.
func Sign(m Message, secrets ...string) (string, error) {
	var out []string
	for _, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, secretMark))
		if err != nil || len(key) == 0 {
			return "", errors.New("hook: a secret is not base64")
		}
		h := hmac.New(sha256.New, key)
		fmt.Fprintf(h, "%s.%d.", m.ID, m.At.Unix())
		h.Write(m.Body)
		out = append(out, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return strings.Join(out, " "), nil
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

// A Sender sends messages.
type Sender struct {
	reach  outbound.Reach
	client *http.Client
}

// sendFor is how long a message may take.
const sendFor = 15 * time.Second

// NewSender returns a sender that connects to what reach allows and to nothing else.
func NewSender(reach outbound.Reach) *Sender {
	s := &Sender{reach: reach}
	s.client = &http.Client{
		Timeout: sendFor,
		Transport: &http.Transport{ // no proxy: it would reach for us what we may not
			DialContext: reach.Dialer(5 * time.Second).DialContext, TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// CheckURL says what is wrong with an address that is to be sent to: it has to be of
// https, or of http on this very machine where the settings allow that.
func (s *Sender) CheckURL(address string) error {
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
	case notIP == nil && !s.reach.Allows(a):
		return loot.Errorf(loot.Invalid, "The address is inside a network that may not be reached. The operator can name it with --outbound-networks.")
	case u.Scheme == "https":
	case u.Scheme == "http" && notIP == nil && a.IsLoopback():
	default:
		return loot.Errorf(loot.Invalid, "The address begins with https://.")
	}
	return nil
}

// mostText is how much of an answer is kept.
const mostText = 300

// Send sends a message, signed by each secret. An answer of any status is no error.
func (s *Sender) Send(ctx context.Context, address string, m Message, secrets ...string) (Answer, error) {
	if err := s.CheckURL(address); err != nil {
		return Answer{}, err
	}
	signature, err := Sign(m, secrets...)
	if err != nil {
		return Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(m.Body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Loot")
	req.Header["webhook-id"] = []string{m.ID}
	req.Header["webhook-timestamp"] = []string{strconv.FormatInt(m.At.Unix(), 10)}
	req.Header["webhook-signature"] = []string{signature}
	resp, err := s.client.Do(req)
	if err != nil {
		return Answer{}, outbound.Why(err)
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
