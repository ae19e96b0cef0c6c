// Package mail carries messages out: to a mail server by SMTP, or, where none
// is configured, into an outbox that can be looked at. It writes letters that
// read well as text and as HTML, and it never puts an address, a subject or a
// server's answer into an error or a log.
package mail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"loot"
)

// A Message is one mail to one person. There is no second recipient, who
// would learn of the first.
type Message struct {
	ID      string            `json:"id"`   // random; the same when a message is tried again, so that nobody gets it twice
	From    string            `json:"from"` // "Loot <noreply@loot.example>"
	To      string            `json:"to"`
	Subject string            `json:"subject"`
	Text    string            `json:"text"`
	HTML    string            `json:"html,omitempty"`
	Headers map[string]string `json:"headers,omitempty"` // such as List-Unsubscribe

	About      loot.Subject    `json:"about,omitempty"`      // the customer whose letter it is; empty: it is to the staff
	Collection loot.Collection `json:"collection,omitempty"` // of that customer's record
}

// A Sender carries a message out. It returns nil only when somebody else is
// answerable for it now: the server that took it, or the outbox.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// ErrRejected is wrapped by the error of a message that the server will not
// take however often it is tried.
var ErrRejected = errors.New("mail: rejected for good")

// ownHeaders are written by this package and by nobody else.
var ownHeaders = []string{
	"Bcc", "Cc", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Sender", "Subject", "To",
}

var headerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,60}$`)

// check says what is wrong with a message, without saying it of whom.
func (m Message) check() error {
	switch {
	case m.ID == "" || strings.ContainsFunc(m.ID, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`<>@"`, c) }):
		return fault("it has no usable id")
	case m.Text == "":
		return fault("it has no text")
	case !utf8.ValidString(m.Subject + m.Text + m.HTML):
		return fault("it is not UTF-8")
	case strings.ContainsAny(m.Subject, "\r\n\x00"):
		return fault("its subject has a line end")
	case strings.Contains(m.Text+m.HTML, "\x00"):
		return fault("it holds a NUL")
	}
	if _, err := address(m.From); err != nil {
		return fault("its sender is not an address")
	}
	if _, err := address(m.To); err != nil {
		return fault("its recipient is not an address")
	}
	for name, value := range m.Headers {
		if !headerName.MatchString(name) || slices.Contains(ownHeaders, textproto.CanonicalMIMEHeaderKey(name)) {
			return fault("it sets a header that is not its to set")
		}
		if strings.ContainsAny(value, "\r\n\x00") || !utf8.ValidString(value) {
			return fault("one of its headers has a line end")
		}
	}
	return nil
}

func fault(what string) error {
	return loot.Wrap(loot.Invalid, fmt.Errorf("%w: %s", ErrRejected, what), "This message cannot be sent: "+what+".")
}

// address reads one address and writes its domain as DNS knows it.
func address(s string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return nil, errors.New("mail: not an address") // err repeats it
	}
	local, domain := split(a.Address)
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return nil, errors.New("mail: not a domain")
	}
	a.Address = local + "@" + ascii
	return a, nil
}

// split parts an address at its last @.
func split(s string) (local, domain string) {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}
