package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/smtp"
	"testing"
	"time"

	"loot"
	"loot/desk/disclosure"
	"loot/mail"
	"loot/store"
	"loot/store/storetest"
)

// sendMail sends a text to an app that listens for it as long as that takes.
func sendMail(t *testing.T, a *App, to, text string) {
	t.Helper()
	sendWhole(t, a, to, "Subject: x\r\n\r\n"+text+"\r\n")
}

func sendWhole(t *testing.T, a *App, to, whole string) {
	t.Helper()
	listening(t, a, func(address string) {
		if err := smtp.SendMail(address, nil, "jo@watch.example", []string{to}, []byte(whole)); err != nil {
			t.Error(err)
		}
	})
}

// listening has an app take mail in as long as f takes.
func listening(t *testing.T, a *App, f func(address string)) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- a.mailbox.Serve(ctx, ln, time.Second) }()
	f(ln.Addr().String())
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
	}, 0); err != nil {
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

// TestAReportByMailIsInACase once, however often it comes, and also where it
// names no address and no kind.
func TestAReportByMailIsInACase(t *testing.T) {
	ctx, a, w := simulated(t, storetest.SQLite, nil)
	if err := a.takes("abuse@loot.example", a.safety.TakeMail, 0); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"You send spam from 192.0.2.7", "You send spam from 192.0.2.7", "Please call me."} {
		sendMail(t, a, "abuse@loot.example", text)
	}
	if err := w.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	var reports, repeats, open int
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT COUNT(*), SUM(repeats) FROM safety_report`).Scan(&reports, &repeats); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM safety_about`).Scan(&open)
	}); err != nil {
		t.Fatal(err)
	}
	waiting, err := a.mailbox.Waiting(ctx)
	if err != nil || reports != 2 || repeats != 1 || open != 2 || waiting.Mails != 0 {
		t.Errorf("%d reports, %d repeats, in %d cases, %d wait, %v", reports, repeats, open, waiting.Mails, err)
	}
}

// TestARequestByMailWaits until a colleague looks at it, and is no request before. One that
// comes again waits once, also where it came by another way.
func TestARequestByMailWaits(t *testing.T) {
	ctx, a, w := simulated(t, storetest.SQLite, nil)
	if err := a.takes("requests@loot.example", a.asked, disclosure.MostMail); err != nil {
		t.Fatal(err)
	}
	const head, text = "From: desk@police.example\r\nSubject: 7/2026\r\n", "\r\nWho had the service on 3 May? Section 10 of the Act.\r\n"
	for _, whole := range []string{
		head + text, head + text,
		"Received: by one.example\r\nMessage-ID: <1@police.example>\r\n" + head + text,
		"Received: by two.example\r\nMessage-ID: <1@police.example>\r\n" + head + text,
		"Received: by two.example\r\nMessage-ID: <1@police.example>\r\nFrom: desk@court.example\r\nSubject: 7/2026\r\n" + text,
	} {
		sendWhole(t, a, "requests@loot.example", whole)
	}
	if err := w.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	var waits, requests int
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM disclosure_mail), (SELECT COUNT(*) FROM disclosure_request)`).Scan(&waits, &requests)
	}); err != nil {
		t.Fatal(err)
	}
	if waits != 3 || requests != 0 {
		t.Errorf("%d mails wait and %d requests were entered, want 3 and 0", waits, requests)
	}
}

// TestARequestByMailIsBounded in the dialogue, so that its sender hears of it.
func TestARequestByMailIsBounded(t *testing.T) {
	c := Config{Place: Place{Data: t.TempDir(), Store: storetest.SQLite(t), Keys: storetest.SQLite(t)}, BaseURL: "https://loot.example", From: "Loot <no-reply@loot.example>"}
	c.AskingMailAt = "Requests@loot.example"
	a, err := New(t.Context(), c, Options{Now: time.Now, Simulated: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	listening(t, a, func(address string) {
		c, err := smtp.Dial(address)
		if err == nil {
			err = c.Hello("police.example")
		}
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		for bytes, want := range map[int]int{disclosure.MostMail: 250, disclosure.MostMail + 1: 552} {
			say := func(want int, line string) {
				t.Helper()
				_, err := c.Text.Cmd("%s", line)
				if err == nil {
					_, _, err = c.Text.ReadResponse(want)
				}
				if err != nil {
					t.Errorf("a mail of %d bytes: %v, want %d", bytes, err, want)
				}
			}
			say(250, fmt.Sprintf("MAIL FROM:<desk@police.example> SIZE=%d", bytes))
			say(want, "RCPT TO:<requests@loot.example>")
			say(250, "RSET")
		}
	})
}
