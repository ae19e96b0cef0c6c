package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"loot"
	"loot/mail"
)

var noon = time.Date(2026, 3, 12, 12, 0, 0, 0, time.UTC)

// A post is a mail server that keeps what it takes.
type post struct {
	mu       sync.Mutex
	mails    []string
	sessions int
	hasty    bool // hangs up when thanked
	conns    []net.Conn
	user     string // empty: no sign-in is asked for
	password string
	refuse   *smtp.SMTPError // of every recipient
	secure   int             // mails that came over TLS
	address  string
	roots    *x509.CertPool
	server   *smtp.Server
}

func (p *post) NewSession(c *smtp.Conn) (smtp.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions++
	p.conns = append(p.conns, c.Conn())
	_, secure := c.TLSConnectionState()
	return &session{p: p, conn: c.Conn(), secure: secure, in: p.user == ""}, nil
}

type session struct {
	p          *post
	conn       net.Conn
	resets     int
	secure, in bool
	to         string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.p.mu.Lock()
		defer s.p.mu.Unlock()
		if user != s.p.user || password != s.p.password {
			return smtp.ErrAuthFailed
		}
		s.in = true
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	if !s.in {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.p.refuse != nil {
		return s.p.refuse
	}
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.mails = append(s.p.mails, "RCPT "+s.to+"\r\n"+string(b))
	if s.secure {
		s.p.secure++
	}
	return nil
}

// Reset is called after each mail, and again when the client asks for it.
func (s *session) Reset() {
	if s.resets++; s.p.hasty && s.resets == 2 {
		s.conn.Close()
	}
}

func (s *session) Logout() error { return nil }

// open starts a mail server. With implicit, every byte is TLS.
func open(t *testing.T, p *post, implicit bool) *post {
	t.Helper()
	cert, roots := certificate(t)
	p.roots = roots
	p.server = smtp.NewServer(p)
	p.server.Domain = "localhost"
	p.server.AllowInsecureAuth = true
	p.server.ErrorLog = quiet{}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = l.Addr().String()
	if implicit {
		l = tls.NewListener(l, config)
	} else {
		p.server.TLSConfig = config
	}
	go p.server.Serve(l)
	t.Cleanup(func() { p.server.Close() })
	return p
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func sender(t *testing.T, p *post, change func(*mail.Server)) *mail.SMTP {
	t.Helper()
	s := mail.Server{Address: p.address, Roots: p.roots, Timeout: 5 * time.Second, Now: func() time.Time { return noon }}
	if change != nil {
		change(&s)
	}
	m, err := mail.NewSMTP(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func message(id string) mail.Message {
	return mail.Message{
		ID: id, From: "Loot <noreply@loot.example>", To: "Erika Mustermann <erika@münchen.example>",
		Subject: "Schöne Grüße", Text: "Guten Tag,\n\ndies ist die Nachricht.\n", HTML: "<p>Guten Tag</p>",
		Headers: map[string]string{"List-Unsubscribe": "<https://loot.example/u/1>"},
	}
}

func passwordFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMessageArrivesWholeBySTARTTLS(t *testing.T) {
	p := open(t, &post{}, false)
	if err := sender(t, p, nil).Send(t.Context(), message("m1")); err != nil {
		t.Fatal(err)
	}
	if len(p.mails) != 1 || p.secure != 1 {
		t.Fatalf("%d mails, %d over TLS", len(p.mails), p.secure)
	}
	envelope, rest, _ := strings.Cut(p.mails[0], "\r\n")
	if envelope != "RCPT erika@xn--mnchen-3ya.example" {
		t.Errorf("envelope %q", envelope)
	}
	m, err := netmail.ReadMessage(strings.NewReader(rest))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Message-Id": "<m1@loot.example>", "Date": "Thu, 12 Mar 2026 12:00:00 +0000", "List-Unsubscribe": "<https://loot.example/u/1>", "Auto-Submitted": "auto-generated",
		"From": `"Loot" <noreply@loot.example>`,
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"X-Mailer", "User-Agent"} {
		if got := m.Header.Get(name); got != "" {
			t.Errorf("%s: %q tells what is no business of the reader's", name, got)
		}
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), "text/plain") || !strings.Contains(string(body), "text/html") || !strings.HasPrefix(m.Header.Get("Content-Type"), "multipart/alternative") {
		t.Errorf("%s\n%s", m.Header.Get("Content-Type"), body)
	}
}

func TestImplicitTLSSignInAndPasswordChange(t *testing.T) {
	p := open(t, &post{user: "loot", password: "first"}, true)
	file := passwordFile(t, "first\n")
	m := sender(t, p, func(s *mail.Server) { s.Security, s.Username, s.PasswordFile = mail.TLS, "loot", file })
	if err := m.Send(t.Context(), message("m1")); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.password = "second"
	p.mu.Unlock()
	m.Close() // the connection that is signed in
	if err := m.Send(t.Context(), message("m2")); err == nil {
		t.Error("the old password is still good")
	} else if errors.Is(err, mail.ErrRejected) || loot.KindOf(err) != loot.Unavailable {
		t.Errorf("a password that is wrong today is no reason to give the message up: %v", err)
	}
	if err := os.WriteFile(file, []byte("second\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.Send(t.Context(), message("m2")); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	if len(p.mails) != 2 {
		t.Errorf("%d mails", len(p.mails))
	}
}

func TestConnectionIsUsedAgain(t *testing.T) {
	p := open(t, &post{}, false)
	m := sender(t, p, func(s *mail.Server) { s.Security = mail.Plain })
	for _, id := range []string{"m1", "m2", "m3"} {
		if err := m.Send(t.Context(), message(id)); err != nil {
			t.Fatal(err)
		}
	}
	if p.sessions != 1 {
		t.Errorf("%d connections for three mails", p.sessions)
	}
	p.server.Close()
	if err := m.Send(t.Context(), message("m4")); err == nil {
		t.Error("a server that is gone took a mail")
	} else if errors.Is(err, mail.ErrRejected) {
		t.Errorf("given up for good: %v", err)
	}
}

func TestHungUpConnectionCostsNoMail(t *testing.T) {
	p := open(t, &post{}, false)
	m := sender(t, p, func(s *mail.Server) { s.Security = mail.Plain })
	if err := m.Send(t.Context(), message("m1")); err != nil {
		t.Fatal(err)
	}
	for _, c := range p.conns {
		c.Close()
	}
	if err := m.Send(t.Context(), message("m2")); err != nil {
		t.Errorf("after the server hung up: %v", err)
	}
	if len(p.mails) != 2 || p.sessions != 2 {
		t.Errorf("%d mails over %d connections", len(p.mails), p.sessions)
	}
}

func TestMailThatWasTakenIsNotSentAgain(t *testing.T) {
	p := open(t, &post{hasty: true}, false)
	m := sender(t, p, func(s *mail.Server) { s.Security = mail.Plain })
	if err := m.Send(t.Context(), message("m1")); err != nil || len(p.mails) != 1 {
		t.Errorf("the server has it, and hung up afterwards: %d mails, %v", len(p.mails), err)
	}
}

func TestErrorsSayWhatToDoAndNameNobody(t *testing.T) {
	for name, c := range map[string]struct {
		refuse *smtp.SMTPError
		final  bool
	}{
		"no such user": {&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "erika@münchen.example unknown"}, true},
		"come back":    {&smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted erika"}, false},
	} {
		p := open(t, &post{refuse: c.refuse}, false)
		err := sender(t, p, nil).Send(t.Context(), message("m1"))
		if err == nil || errors.Is(err, mail.ErrRejected) != c.final {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(strings.ToLower(err.Error()), "erika") || strings.Contains(err.Error(), "Grüße") {
			t.Errorf("%s: the error names somebody: %v", name, err)
		}
	}
	p := open(t, &post{}, false)
	err := sender(t, p, func(s *mail.Server) { s.Roots = x509.NewCertPool() }).Send(t.Context(), message("m1"))
	if loot.KindOf(err) != loot.Unavailable || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of a stranger: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sender(t, p, nil).Send(ctx, message("m1")); err == nil {
		t.Error("sent although it was called off")
	}
	if len(p.mails) != 0 {
		t.Errorf("%d mails went out", len(p.mails))
	}
}

func TestSTARTTLSIsDemanded(t *testing.T) {
	p := &post{}
	open(t, p, false)
	p.server.TLSConfig = nil // offers none
	if err := sender(t, p, nil).Send(t.Context(), message("m1")); err == nil || len(p.mails) != 0 {
		t.Errorf("sent in the clear: %v", err)
	}
}

func TestSettingsThatWouldLeakAreRefused(t *testing.T) {
	for name, s := range map[string]mail.Server{
		"plain over a network": {Address: "mail.example:25", Security: mail.Plain},
		"no port":              {Address: "mail.example"},
		"odd port":             {Address: "mail.example:smtp"},
		"odd security":         {Address: "mail.example:25", Security: "maybe"},
		"user, no password":    {Address: "mail.example:25", Username: "loot"},
	} {
		if _, err := mail.NewSMTP(s); loot.KindOf(err) != loot.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadMessagesAreRefusedBeforeTheyLeave(t *testing.T) {
	p := open(t, &post{}, false)
	m := sender(t, p, nil)
	for name, spoil := range map[string]func(*mail.Message){
		"no id":            func(m *mail.Message) { m.ID = "" },
		"id with a line":   func(m *mail.Message) { m.ID = "a\r\nBcc: b@c.example" },
		"subject line end": func(m *mail.Message) { m.Subject = "a\r\nBcc: b@c.example" },
		"two recipients":   func(m *mail.Message) { m.To = "a@b.example, c@d.example" },
		"no recipient":     func(m *mail.Message) { m.To = "erika" },
		"line in address":  func(m *mail.Message) { m.To = "a@b.example\r\nBcc: c@d.example" },
		"header line end":  func(m *mail.Message) { m.Headers = map[string]string{"X-A": "a\r\nBcc: b@c.example"} },
		"header name":      func(m *mail.Message) { m.Headers = map[string]string{"X A": "a"} },
		"header of ours":   func(m *mail.Message) { m.Headers = map[string]string{"bcc": "b@c.example"} },
		"no text":          func(m *mail.Message) { m.Text = "" },
		"not UTF-8":        func(m *mail.Message) { m.Text = "\xff" },
		"NUL":              func(m *mail.Message) { m.HTML = "\x00" },
	} {
		msg := message("m1")
		spoil(&msg)
		err := m.Send(t.Context(), msg)
		if loot.KindOf(err) != loot.Invalid || !errors.Is(err, mail.ErrRejected) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "example") {
			t.Errorf("%s: the error names somebody: %v", name, err)
		}
	}
	if len(p.mails) != 0 {
		t.Errorf("%d mails went out", len(p.mails))
	}
}
