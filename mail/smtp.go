package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"loot"
)

// Security says how the way to the server is kept private.
type Security string

// The ways. The zero Security is STARTTLS, which is demanded, not hoped for.
const (
	STARTTLS Security = "starttls"
	TLS      Security = "tls"
	Plain    Security = "none" // only to this very machine
)

// Server is how to reach a mail server.
type Server struct {
	Address      string // host:port
	Security     Security
	Username     string // empty: no sign-in
	PasswordFile string // read anew for each connection, so that it can be changed
	Hello        string // the name this machine goes by; empty: its own
	Timeout      time.Duration
	Roots        *x509.CertPool // nil: those of the system
	Idle         int            // connections kept open; 0: two
	Now          func() time.Time
	Log          *slog.Logger
}

// password reads the password of the user; empty: nobody signs in.
func (s Server) password() (string, error) {
	if s.Username == "" {
		return "", nil
	}
	return loot.ReadSecret(s.PasswordFile, "the mail server's password")
}

// An SMTP is a Sender by a mail server.
type SMTP struct {
	s    Server
	host string
	port int
	idle chan idle
}

// An idle connection is used again while it is young.
type idle struct {
	c     *smtp.Client
	since time.Time
}

const idleLife = 30 * time.Second

// NewSMTP returns a sender by the server, which it does not call yet. It
// refuses settings that would send mail or a password in the clear over a
// network.
func NewSMTP(s Server) (*SMTP, error) {
	host, p, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, loot.Wrap(loot.Invalid, err, "The mail server is given as HOST:PORT.")
	}
	port, err := strconv.Atoi(p)
	if err != nil || port < 1 || port > 65535 {
		return nil, loot.Errorf(loot.Invalid, "The port of the mail server is not a number between 1 and 65535.")
	}
	switch s.Security {
	case "":
		s.Security = STARTTLS
	case STARTTLS, TLS:
	case Plain:
		if !loopback(host) {
			return nil, loot.Errorf(loot.Invalid, "Mail may go unencrypted only to a server on this machine: choose starttls or tls.")
		}
	default:
		return nil, loot.Errorf(loot.Invalid, "The security of the mail server is one of starttls, tls and none.")
	}
	if s.Username != "" && s.PasswordFile == "" {
		return nil, loot.Errorf(loot.Invalid, "The mail server's user needs a file with the password.")
	}
	if _, err := s.password(); err != nil {
		return nil, err
	}
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	if s.Idle == 0 {
		s.Idle = 2
	}
	return &SMTP{s: s, host: host, port: port, idle: make(chan idle, s.Idle)}, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// Send hands the message to the server. An error that wraps [ErrRejected] is
// final; any other is worth another try.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg, err := s.compose(m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	conn, again, err := s.connect(ctx, client)
	if err != nil {
		return err
	}
	err = client.SendWithSMTPClient(conn, msg)
	if again && hungUp(err) {
		_ = conn.Close()
		if conn, err = s.dial(ctx, client); err != nil {
			return err
		}
		err = client.SendWithSMTPClient(conn, msg)
	}
	switch {
	case err == nil:
		s.keep(client, conn)
		return nil
	case msg.IsDelivered(): // taken, and only the parting went wrong: a second try would be a second mail
		_ = conn.Close()
		return nil
	}
	_ = conn.Close()
	return describe(err)
}

// hungUp reports whether the server had closed the connection before the
// message was begun.
func hungUp(err error) bool {
	e, ok := errors.AsType[*gomail.SendError](err)
	return ok && e.Reason == gomail.ErrConnCheck
}

// compose builds the message as it goes out.
func (s *SMTP) compose(m Message) (*gomail.Msg, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	from, _ := address(m.From) // checked
	to, _ := address(m.To)
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	msg.ToMailAddress(to)
	msg.Subject(m.Subject)
	msg.SetDateWithValue(s.s.Now())
	_, domain := split(from.Address)
	msg.SetMessageIDWithValue(m.ID + "@" + domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	for name, value := range m.Headers {
		msg.SetGenHeader(gomail.Header(name), value)
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

// client builds the caller of the server with the password as it is now.
func (s *SMTP) client() (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(s.s.Timeout),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12, RootCAs: s.s.Roots}),
	}
	switch s.s.Security {
	case STARTTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case TLS:
		options = append(options, gomail.WithSSL())
	case Plain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.s.Hello != "" {
		options = append(options, gomail.WithHELO(s.s.Hello))
	}
	if s.s.Username != "" {
		password, err := s.s.password()
		if err != nil {
			return nil, err
		}
		kind := gomail.SMTPAuthAutoDiscover
		if s.s.Security == Plain {
			kind = gomail.SMTPAuthPlainNoEnc // to this very machine
		}
		options = append(options, gomail.WithSMTPAuth(kind), gomail.WithUsername(s.s.Username), gomail.WithPassword(password))
	}
	c, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail: settings: %w", err)
	}
	return c, nil
}

// connect takes a connection that is there, or makes one. It reports whether
// it was there before.
func (s *SMTP) connect(ctx context.Context, c *gomail.Client) (*smtp.Client, bool, error) {
	for {
		select {
		case have := <-s.idle:
			if s.s.Now().Sub(have.since) > idleLife {
				_ = have.c.Close()
				continue
			}
			return have.c, true, nil
		default:
			conn, err := s.dial(ctx, c)
			return conn, false, err
		}
	}
}

func (s *SMTP) dial(ctx context.Context, c *gomail.Client) (*smtp.Client, error) {
	conn, err := c.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, loot.Wrap(loot.Unavailable, describe(err), "The mail server cannot be reached.")
	}
	return conn, nil
}

func (s *SMTP) keep(client *gomail.Client, conn *smtp.Client) {
	select {
	case s.idle <- idle{conn, s.s.Now()}:
	default:
		_ = client.CloseWithSMTPClient(conn)
	}
}

// Close hangs up.
func (s *SMTP) Close() error {
	for {
		select {
		case have := <-s.idle:
			_ = have.c.Close()
		default:
			return nil
		}
	}
}

// Ping reports whether the server answers and takes the sign-in.
func (s *SMTP) Ping(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	conn, err := s.dial(ctx, client)
	if err != nil {
		return err
	}
	s.keep(client, conn)
	return nil
}

// describe keeps of an error what names nobody: servers repeat the address
// in their answers, and go-mail lists the recipients.
func describe(err error) error {
	for _, gone := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, gone) {
			return fmt.Errorf("mail: %w", gone)
		}
	}
	if e, ok := errors.AsType[*gomail.SendError](err); ok {
		if e.ErrorCode() == 0 {
			return errors.New("mail: the connection broke")
		}
		text := fmt.Sprintf("mail: the server answered %d %s", e.ErrorCode(), e.EnhancedStatusCode())
		if !e.IsTemp() && e.ErrorCode() >= 500 {
			return fmt.Errorf("%w: %s", ErrRejected, text)
		}
		return errors.New(strings.TrimSpace(text))
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("mail: %s: %w", e.Op, e.Err)
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("mail: certificate: %w", e.Err)
	}
	switch {
	case errors.Is(err, gomail.ErrPlainAuthNotSupported), errors.Is(err, gomail.ErrNoSupportedAuthDiscovered):
		return errors.New("mail: the server offers no way to sign in that is known here")
	}
	return errors.New("mail: the server was not understood")
}
