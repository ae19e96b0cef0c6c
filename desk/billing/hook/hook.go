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
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"loot"
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

// A Sender sends messages. The networks are those inside the operator's own that it
// may reach.
type Sender struct {
	networks []netip.Prefix
	client   *http.Client
}

// sendFor is how long a message may take.
const sendFor = 15 * time.Second

// NewSender returns a sender that reaches public addresses, and of others those in
// the networks named.
func NewSender(networks []netip.Prefix) *Sender {
	s := &Sender{networks: networks}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: s.control}
	s.client = &http.Client{
		Timeout: sendFor,
		Transport: &http.Transport{ // no proxy: it would reach for us what we may not
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// ErrInside says that an address is not of the public internet and in no network
// that the settings name.
var ErrInside = errors.New("hook: the address is inside a network that may not be reached; the operator can name it with --webhook-networks")

// control looks at the address that is connected to, whatever a name said before.
func (s *Sender) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return ErrInside
	}
	if !s.reaches(at.Addr()) {
		return ErrInside
	}
	return nil
}

// special are the blocks that are no hosts of the public internet, or that lead to
// such by another name (IANA, Special-Purpose Address Registries; RFC 6890).
var special = func() (out []netip.Prefix) {
	for _, p := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"::/8", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

// reaches reports whether an address may be connected to.
func (s *Sender) reaches(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	in := func(p netip.Prefix) bool { return p.Contains(a) }
	return slices.ContainsFunc(s.networks, in) || !slices.ContainsFunc(special, in)
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
	case notIP == nil && !s.reaches(a):
		return loot.Errorf(loot.Invalid, "The address is inside a network that may not be reached. The operator can name it with --webhook-networks.")
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
		return Answer{}, why(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, mostText)) // the status says whether it was taken
	return Answer{Status: resp.StatusCode, Text: plain(text)}, nil
}

// why says in words for a page why nothing came back, without the address.
func why(err error) error {
	switch dns, timeout := (*net.DNSError)(nil), net.Error(nil); {
	case errors.Is(err, ErrInside):
		return ErrInside
	case errors.As(err, &dns):
		return errors.New("the name of the server is not known")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("no answer in time")
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("no answer: %w", err)
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
