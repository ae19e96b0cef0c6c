package app

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"loot"
	"loot/desk/disclosure"
	"loot/desk/safety/report"
	"loot/job"
	"loot/mail"
	"loot/store"
)

// Receiving is how mail comes in.
type Receiving struct {
	SMTPListen   string `help:"Address on which mail is taken in by SMTP, such as :25; empty: none is." placeholder:"HOST:PORT" env:"LOOT_SMTP_LISTEN" name:"smtp-listen"`
	SMTPName     string `help:"Name of this mail server in its greeting, as DNS has it. Default: the host of the public address." placeholder:"HOST" env:"LOOT_SMTP_NAME" name:"smtp-name"`
	SMTPCert     string `help:"File with the certificate for STARTTLS, in PEM with those that it needs; read again when it is renewed." type:"path" placeholder:"FILE" env:"LOOT_SMTP_CERTIFICATE_FILE" name:"smtp-certificate-file"`
	SMTPKey      string `help:"File with the certificate's key." type:"path" placeholder:"FILE" env:"LOOT_SMTP_KEY_FILE" name:"smtp-key-file"`
	SMTPMax      int64  `help:"MiB that a mail may have." default:"50" env:"LOOT_SMTP_MAX" name:"smtp-max"`
	SMTPRate     int    `help:"Mails a minute that are taken from one address of the internet." default:"120" env:"LOOT_SMTP_RATE" name:"smtp-rate"`
	AbuseMailAt  string `help:"Address to which reports of abuse are sent by mail, such as abuse@example.com." placeholder:"ADDRESS" env:"LOOT_ABUSE_ADDRESS" name:"abuse-address"`
	AskingMailAt string `help:"Address to which authorities and courts send requests by mail, such as requests@example.com." placeholder:"ADDRESS" env:"LOOT_REQUEST_ADDRESS" name:"request-address"`
}

// check says what is wrong with the settings.
func (r Receiving) check() error {
	switch {
	case r.SMTPListen == "":
		return nil
	case r.AbuseMailAt == "" && r.AskingMailAt == "":
		return loot.Errorf(loot.Invalid, "--smtp-listen: mail is taken in for addresses that are named by --abuse-address or --request-address, such as abuse@example.com.")
	case r.AbuseMailAt != "" && !mail.ValidAddress(r.AbuseMailAt):
		return loot.Errorf(loot.Invalid, "--abuse-address is no e-mail address, such as abuse@example.com.")
	case r.AskingMailAt != "" && !mail.ValidAddress(r.AskingMailAt):
		return loot.Errorf(loot.Invalid, "--request-address is no e-mail address, such as requests@example.com.")
	case r.SMTPMax < 0 || r.SMTPMax > 50:
		return loot.Errorf(loot.Invalid, "--smtp-max is between 1 and 50.")
	case r.SMTPRate < 0:
		return loot.Errorf(loot.Invalid, "--smtp-rate is 1 or more.")
	}
	_, err := mail.NewReceiver(mail.Receiving{Certificate: r.SMTPCert, Key: r.SMTPKey})
	return err
}

// MailAt returns the addresses for which mail is taken in, in words.
func (r Receiving) MailAt() string {
	return strings.Join(slices.DeleteFunc([]string{r.AbuseMailAt, r.AskingMailAt}, func(s string) bool { return s == "" }), " and ")
}

// A mailbox takes mail in for the addresses that are registered.
type mailbox struct {
	*mail.Receiver
	taken    int          // addresses
	listener net.Listener // nil: none comes in
}

// takeMail hands an accepted mail to whoever takes it.
type takeMail struct {
	ID string `json:"id"`
}

// Kind names the job.
func (takeMail) Kind() string { return "mail.take" }

// offerMail offers again what waits for long.
type offerMail struct{}

// Kind names the job.
func (offerMail) Kind() string { return "mail.offer" }

// Mail is taken by few at a time, so that mail that comes in masses leaves the
// processor to others.
const mailTakers = 4

// receiver makes what takes mail in; it takes none before an address is registered.
func (a *App) receiver(sealer mail.Sealer) (err error) {
	c := a.Config.Receiving
	name := c.SMTPName
	if u, err := url.Parse(a.Config.BaseURL); name == "" && err == nil {
		name = cmp.Or(u.Hostname(), "localhost")
	}
	perMinute := cmp.Or(c.SMTPRate, 120)
	if a.noLimits {
		perMinute = 0
	}
	a.mailbox.Receiver, err = mail.NewReceiver(mail.Receiving{
		DB: a.DB, Sealer: sealer, Now: a.Now, Log: a.Log, Name: name, Certificate: c.SMTPCert, Key: c.SMTPKey, MaxBytes: c.SMTPMax << 20, PerMinute: perMinute,
		Enqueue: func(ctx context.Context, tx *store.Tx, id string) error {
			return a.Jobs.Enqueue(ctx, tx, takeMail{id}, job.Unique())
		},
	})
	if err != nil {
		return err
	}
	job.Register(a.Jobs, func(ctx context.Context, t takeMail) error { return a.mailbox.Deliver(ctx, t.ID) }, job.Timeout(10*time.Minute), job.Apart("mail_in", mailTakers))
	job.Register(a.Jobs, func(ctx context.Context, _ offerMail) error { return a.mailbox.Sweep(ctx) })
	a.Jobs.Periodic(time.Hour, offerMail{})
	return nil
}

// takes has the mail to an address that was set taken, as [mail.Receiver.Register] does; nil
// takes none.
func (a *App) takes(address string, t mail.Taker, most int64) error {
	if address == "" || t == nil {
		return nil
	}
	a.mailbox.taken++
	return a.mailbox.Register(address, t, most)
}

// readMail reads a mail to the desk of disclosures within the limits in which reports of
// misuse are read. What a report would be made of it is left alone.
func readMail(content []byte) (disclosure.Mail, error) {
	r, err := report.Read(bytes.NewReader(content))
	m := disclosure.Mail{ID: r.ID, From: r.Reporter.Address, Subject: r.Subject, Text: r.Text}
	for _, p := range r.Evidence {
		m.Files = append(m.Files, disclosure.MailFile{Name: p.Name, Type: p.MediaType, Size: p.Size, SHA256: p.SHA256})
	}
	return m, err
}

// ListenForMail has [App.Serve] take mail in on ln; nil: none comes in.
func (a *App) ListenForMail(ln net.Listener) error {
	if ln != nil && a.mailbox.taken == 0 {
		return loot.Errorf(loot.Invalid, "--smtp-listen: no part of this program takes mail in.")
	}
	a.mailbox.listener = ln
	return nil
}

// receive takes mail in until ctx ends, if that is set, and returns what waits
// for its end.
func (a *App) receive(ctx context.Context, failed chan<- error) (wait func()) {
	if a.mailbox.listener == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := a.mailbox.Serve(ctx, a.mailbox.listener, min(a.Config.Shutdown, 5*time.Second)); err != nil {
			failed <- err
		}
	}()
	return func() { <-done }
}

// A receivedMail shows what became of mail that was sent here.
type receivedMail struct{ app *App }

var (
	mailReceived = prometheus.NewDesc("loot_mail_received_total", "What was sent to this process by mail, by what became of it.", []string{"outcome"}, nil)
	mailWaiting  = prometheus.NewDesc("loot_mail_waiting", "Mails that were accepted and not taken yet, by whichever process.", nil, nil)
	mailOldest   = prometheus.NewDesc("loot_mail_oldest_waiting_seconds", "How long the oldest of them has waited.", nil, nil)
)

func (r receivedMail) Describe(c chan<- *prometheus.Desc) {
	c <- mailReceived
	c <- mailWaiting
	c <- mailOldest
}

func (r receivedMail) Collect(c chan<- prometheus.Metric) {
	for _, n := range r.app.mailbox.Counts() {
		c <- prometheus.MustNewConstMetric(mailReceived, prometheus.CounterValue, float64(n.N), n.What)
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	w, err := r.app.mailbox.Waiting(ctx)
	if err != nil {
		c <- prometheus.NewInvalidMetric(mailWaiting, errors.New("the database does not answer"))
		return
	}
	oldest := 0.0
	if w.Mails > 0 {
		oldest = r.app.Now().Sub(w.Since).Seconds()
	}
	c <- prometheus.MustNewConstMetric(mailWaiting, prometheus.GaugeValue, float64(w.Mails))
	c <- prometheus.MustNewConstMetric(mailOldest, prometheus.GaugeValue, oldest)
}
