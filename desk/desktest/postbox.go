package desktest

import (
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"loot/mail"
)

// A Postbox is a mail server that keeps what it gets.
type Postbox struct {
	Address string // host:port

	mu   sync.Mutex
	mail []posted
	came chan struct{}
}

type posted struct{ to, text string }

// NewPostbox starts a mail server, until the test ends.
func NewPostbox(t testing.TB) *Postbox {
	t.Helper()
	box := &Postbox{came: make(chan struct{}, 100)}
	server := smtp.NewServer(box)
	server.Domain = "localhost"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	OK(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		OK(t, server.Close())
		if err := <-served; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	box.Address = l.Addr().String()
	return box
}

// Sender returns what sends to it.
func (p *Postbox) Sender(t testing.TB, now func() time.Time) mail.Sender {
	t.Helper()
	s, err := mail.NewSMTP(mail.Server{Address: p.Address, Security: mail.Plain, Now: now})
	OK(t, err)
	t.Cleanup(func() { OK(t, s.Close()) })
	return s
}

// NewSession begins a delivery.
func (p *Postbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &delivery{box: p}, nil }

type delivery struct {
	box *Postbox
	to  string
}

func (d *delivery) Mail(string, *smtp.MailOptions) error      { return nil }
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error { d.to = to; return nil }
func (d *delivery) Reset()                                    {}
func (d *delivery) Logout() error                             { return nil }

func (d *delivery) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	d.box.mail = append(d.box.mail, posted{d.to, strings.ReplaceAll(string(b), "=\r\n", "")})
	select {
	case d.box.came <- struct{}{}:
	default:
	}
	return nil
}

// Letters returns what came to somebody, as it came.
func (p *Postbox) Letters(to string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.mail {
		if l.to == to {
			out = append(out, l.text)
		}
	}
	return out
}

// Link waits for a letter to somebody whose text has a link of the path, and
// returns the link. Each letter is used once.
func (p *Postbox) Link(t testing.TB, to, path string, within time.Duration) string {
	t.Helper()
	find := regexp.MustCompile(`http://[^\s"<>]*` + path + `[^\s"<>]*`)
	deadline := time.After(within)
	for {
		p.mu.Lock()
		for i, l := range p.mail {
			if url := find.FindString(l.text); l.to == to && url != "" {
				p.mail = append(p.mail[:i], p.mail[i+1:]...)
				p.mu.Unlock()
				return strings.ReplaceAll(url, "=3D", "=")
			}
		}
		p.mu.Unlock()
		select {
		case <-p.came:
		case <-deadline:
			t.Fatalf("no letter to %s with a link to %s", to, path)
		}
	}
}
