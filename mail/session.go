package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	readTimeout  = 5 * time.Minute // RFC 5321, 4.5.3.2.7
	writeTimeout = time.Minute
	longest      = 30 * time.Minute // of a session
	mostLine     = 256 << 10        // bytes; RFC 5321 has 1,000, and programs that report write longer ones
	mostSessions = 200
	mostOfOne    = 20 // sessions of one address of the internet
	keepTimeout  = 2 * time.Minute
)

// Serve takes mail in on ln until ctx ends. Sessions may then finish for as long
// as grace; a mail of which the sender has no answer yet is sent again by them.
func (r *Receiver) Serve(ctx context.Context, ln net.Listener, grace time.Duration) error {
	door := &door{Listener: ln, open: map[*visit]bool{}, of: map[netip.Addr]int{}, most: mostOfOne}
	if r.PerMinute == 0 {
		door.most = mostSessions
	}
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		_, secure := c.TLSConnectionState()
		return &session{r: r, ctx: context.WithoutCancel(ctx), conn: c, peer: peerOf(c.Conn()), secure: secure}, nil
	}))
	srv.Domain, srv.MaxMessageBytes, srv.MaxRecipients, srv.EnableSMTPUTF8 = r.Name, r.MaxBytes, mostRecipients, true
	srv.MaxLineLength = mostLine
	srv.ReadTimeout, srv.WriteTimeout, srv.ErrorLog = readTimeout, writeTimeout, complaints{ctx, r.Log}
	if r.Certificate != "" {
		srv.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: r.certificate}
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(door) }()
	var err error
	select {
	case err = <-served:
		close(served)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if late := srv.Shutdown(bounded); late != nil && !errors.Is(late, net.ErrClosed) {
		door.clear()
	}
	if late := <-served; err == nil {
		err = late
	}
	return err
}

// A session is one connection's talk.
type session struct {
	r         *Receiver
	ctx       context.Context
	conn      *smtp.Conn
	peer      netip.Addr
	secure    bool
	from      string
	size      int64 // of the mail, as the sender says; 0: they do not
	to        []string
	most      int64 // bytes, by the bounds of the recipients; 0: as any
	strangers int
}

var (
	errStranger = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such address here, and no mail is passed on to others."}
	errHurried  = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Too many mails from your address. Try again in some minutes."}
	errFull     = &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "Too much mail waits here. Try again later."}
	errLine     = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "A line of the mail is too long. Send it encoded."}
	errUnkept   = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "The mail cannot be kept at the moment. Try again later."}
)

func errLarge(most int64) error {
	return &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "A mail to this address may have " + strconv.FormatInt(most>>20, 10) + " MiB. Send it in several."}
}

// Mail begins a mail.
func (s *session) Mail(from string, o *smtp.MailOptions) error {
	if !s.r.mayAgain(s.peer) {
		s.r.counts[hurried].Add(1)
		return errHurried
	}
	ctx, cancel := context.WithTimeout(s.ctx, keepTimeout)
	defer cancel()
	w, err := s.r.Waiting(ctx)
	switch {
	case err != nil:
		s.r.counts[unkept].Add(1)
		s.r.Log.ErrorContext(ctx, "mail cannot be taken in", "err", err)
		return errUnkept
	case w.Bytes > mostWaiting:
		s.r.counts[unkept].Add(1)
		s.r.Log.ErrorContext(ctx, "too much mail waits to be taken; see the jobs that failed", "mails", w.Mails)
		return errFull
	}
	s.from, s.size = from, o.Size
	return nil
}

// Rcpt takes a recipient, if mail for them is taken here.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	key := recipient(to)
	of := s.r.taking(key)
	if of.taker == nil {
		s.r.counts[strange].Add(1)
		if s.strangers++; s.strangers >= mostStrangers {
			_ = s.conn.Close() // whoever tries so many looks for what there is
		}
		return errStranger
	}
	if of.most > 0 {
		if s.size > of.most {
			s.r.counts[oversized].Add(1)
			return errLarge(of.most)
		}
		if s.most == 0 || of.most < s.most {
			s.most = of.most
		}
	}
	if !slices.Contains(s.to, key) {
		s.to = append(s.to, key)
	}
	return nil
}

// Data takes the mail, and says so once it is kept.
func (s *session) Data(content io.Reader) error {
	ctx, cancel := context.WithTimeout(s.ctx, longest)
	defer cancel()
	if s.most > 0 {
		content = &bounded{content, s.most, s.most}
	}
	err := s.r.keep(ctx, Envelope{From: s.from, Peer: s.peer, Secure: s.secure}, s.to, content)
	var told *smtp.SMTPError
	switch {
	case err == nil:
		s.r.counts[accepted].Add(1)
		return nil
	case errors.As(err, &told):
		s.r.counts[oversized].Add(1)
		return told
	case errors.Is(err, smtp.ErrTooLongLine):
		s.r.counts[oversized].Add(1)
		return errLine
	case errors.Is(err, errAbort):
		return errUnkept
	}
	s.r.counts[unkept].Add(1)
	s.r.Log.ErrorContext(ctx, "a mail was not kept", "err", err)
	return errUnkept
}

// A bounded mail is refused once more of it came than its recipients take.
type bounded struct {
	io.Reader
	most, left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errLarge(b.most)
	}
	return n, err
}

// Reset ends a mail.
func (s *session) Reset() { s.from, s.size, s.to, s.most = "", 0, nil, 0 }

// Logout ends the session.
func (s *session) Logout() error { return nil }

// complaints take what the server says of connections. It would name who is
// connected, and so only what is a fault of the program's own is passed on.
type complaints struct {
	ctx context.Context
	log *slog.Logger
}

func (c complaints) Printf(format string, v ...any) {
	if !strings.HasPrefix(format, "panic") || len(v) == 0 {
		c.log.DebugContext(c.ctx, "a connection for mail ended early")
		return
	}
	stack, _ := v[len(v)-1].([]byte)
	c.log.ErrorContext(c.ctx, "a session for mail panicked", "stack", string(stack))
}

func (c complaints) Println(...any) {
	c.log.DebugContext(c.ctx, "a connection for mail ended early")
}

// A door lets in as many as there is room for, and few of the same address.
type door struct {
	net.Listener
	most int
	mu   sync.Mutex
	open map[*visit]bool
	of   map[netip.Addr]int
}

// Accept returns the next connection that may come in.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		v := &visit{Conn: c, door: d, who: network(peerOf(c))}
		if d.enter(v) {
			return v, nil
		}
		// Small enough for the buffer of the connection, so that nobody is waited for.
		_, _ = io.WriteString(c, "421 4.7.0 Too many connections. Try again later.\r\n")
		_ = c.Close()
	}
}

func (d *door) enter(v *visit) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.open) >= mostSessions || d.of[v.who] >= d.most {
		return false
	}
	d.open[v] = true
	v.end = time.AfterFunc(longest, func() { _ = v.Close() })
	d.of[v.who]++
	return true
}

func (d *door) leave(v *visit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open[v] {
		return
	}
	delete(d.open, v)
	v.end.Stop()
	if d.of[v.who]--; d.of[v.who] == 0 {
		delete(d.of, v.who)
	}
}

// clear ends all connections.
func (d *door) clear() {
	d.mu.Lock()
	open := make([]*visit, 0, len(d.open))
	for v := range d.open {
		open = append(open, v)
	}
	d.mu.Unlock()
	for _, v := range open {
		_ = v.Close()
	}
}

// A visit is a connection that came in.
type visit struct {
	net.Conn
	door *door
	who  netip.Addr
	end  *time.Timer
}

// Close ends it.
func (v *visit) Close() error {
	v.door.leave(v)
	return v.Conn.Close()
}

func peerOf(c net.Conn) netip.Addr {
	p, _ := netip.ParseAddrPort(c.RemoteAddr().String()) // not of a socket in the file system
	return p.Addr().Unmap().WithZone("")
}
