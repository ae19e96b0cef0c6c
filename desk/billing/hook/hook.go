// Package hook sends webhooks, signed as the Standard Webhooks specification says
// (https://www.standardwebhooks.com, version 1.0.0), and to no address that an
// operator's settings do not allow. It knows nobody's data, since it talks to the
// outside.
package hook

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

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

// A Sender sends messages.
type Sender struct{ *outbound.Client }

// NewSender returns a sender that connects to what reach allows and to nothing else.
func NewSender(reach outbound.Reach) *Sender { return &Sender{outbound.NewClient(reach)} }

// Send sends a message, signed by each secret. An answer of any status is no error.
func (s *Sender) Send(ctx context.Context, address string, m Message, secrets ...string) (outbound.Answer, error) {
	signature, err := Sign(m, secrets...)
	if err != nil {
		return outbound.Answer{}, err
	}
	answer, err := s.Post(ctx, address, map[string]string{
		"webhook-id": m.ID, "webhook-timestamp": strconv.FormatInt(m.At.Unix(), 10), "webhook-signature": signature,
	}, m.Body)
	return answer, advised(err)
}

// CheckURL says what is wrong with the address of a webhook; see [outbound.Client.CheckURL].
func (s *Sender) CheckURL(address string) error { return advised(s.Client.CheckURL(address)) }

// advised adds to what says that an address lies inside what the operator can do.
func advised(err error) error {
	if !errors.Is(err, outbound.ErrInside) {
		return err
	}
	return loot.Errorf(loot.Invalid, "The address is inside a network that may not be reached. The operator can name it with --outbound-networks.")
}
