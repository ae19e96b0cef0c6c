package app

import (
	"context"
	"io"
	"net"
	"net/smtp"
	"testing"
	"time"

	"loot"
	"loot/mail"
	"loot/store"
	"loot/store/storetest"
)

// sendMail sends a mail to an app that listens for it as long as that takes.
func sendMail(t *testing.T, a *App, to, text string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- a.mailbox.Serve(ctx, ln, time.Second) }()
	if err := smtp.SendMail(ln.Addr().String(), nil, "jo@watch.example", []string{to}, []byte("Subject: x\r\n\r\n"+text+"\r\n")); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestMailIsTakenByAJob once, and where it failed as well.
func TestMailIsTakenByAJob(t *testing.T) {
	ctx, a, w := simulated(t, storetest.SQLite, nil)
	tries, wrote := 0, 0
	if err := a.takes("abuse@loot.example", func(_ context.Context, m *mail.Received) (func(context.Context, *store.Tx) error, error) {
		if tries++; tries == 1 {
			return nil, loot.Errorf(loot.Unavailable, "not now")
		}
		_, err := io.ReadAll(m.Open())
		return func(context.Context, *store.Tx) error { wrote++; return nil }, err
	}); err != nil {
		t.Fatal(err)
	}
	sendMail(t, a, "abuse@loot.example", "192.0.2.7")
	for range 3 {
		if err := w.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		w.Clock.Advance(time.Minute)
	}
	waiting, err := a.mailbox.Waiting(ctx)
	if err != nil || tries != 2 || wrote != 1 || waiting.Mails != 0 {
		t.Errorf("tried %d times, written %d times, %d wait, %v", tries, wrote, waiting.Mails, err)
	}
}

func TestSettingsOfMailThatComesIn(t *testing.T) {
	for name, r := range map[string]Receiving{
		"no address":     {SMTPListen: ":25"},
		"a name alone":   {SMTPListen: ":25", AbuseMailAt: "abuse"},
		"another alone":  {SMTPListen: ":25", AskingMailAt: "requests"},
		"too large":      {SMTPListen: ":25", AbuseMailAt: "abuse@loot.example", SMTPMax: 51},
		"half a key":     {SMTPListen: ":25", AbuseMailAt: "abuse@loot.example", SMTPKey: "key.pem"},
		"no certificate": {SMTPListen: ":25", AbuseMailAt: "abuse@loot.example", SMTPCert: "none.pem", SMTPKey: "none.pem"},
	} {
		if err := r.check(); loot.KindOf(err) != loot.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (Receiving{AbuseMailAt: "abuse"}).check(); err != nil {
		t.Errorf("no mail comes in: %v", err)
	}
}
