package mail_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/mail"
	"loot/store"
	"loot/store/storetest"
)

const abuse = "abuse@net.example"

// A counter is a receiver that listens, and what it was given to take.
type counter struct {
	*testing.T
	*mail.Receiver
	db      *store.DB
	address string
	log     bytes.Buffer
	mu      sync.Mutex
	queue   []string
	took    []string
	fail    error // of whoever takes
	write   error // of what they write
}

func (c *counter) enqueue(_ context.Context, tx *store.Tx, id string) error {
	tx.AfterCommit(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.queue = append(c.queue, id)
	})
	return nil
}

// take reads a mail and, where it is ended, notes it in the outbox's table, of
// which each test has one.
func (c *counter) take(_ context.Context, m *mail.Received) (func(context.Context, *store.Tx) error, error) {
	if c.fail != nil {
		return nil, c.fail
	}
	b, err := io.ReadAll(m.Open())
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO mail_outbox (id, at, sealed) VALUES ($1, $2, $3)`, m.ID, 1, []byte("x")); err != nil {
			return err
		}
		tx.AfterCommit(func() { c.took = append(c.took, fmt.Sprintf("%s from %s at %s: %s", m.To, m.From, m.Peer, b)) })
		return c.write
	}, nil
}

// deliver delivers what is queued, each twice.
func (c *counter) deliver() (err error) {
	c.mu.Lock()
	ids := slices.Clone(c.queue)
	c.mu.Unlock()
	for _, id := range append(ids, ids...) {
		err = errors.Join(err, c.Deliver(c.Context(), id))
	}
	return err
}

func (c *counter) count(what string) int64 {
	for _, n := range c.Counts() {
		if n.What == what {
			return n.N
		}
	}
	return -1
}

func (c *counter) rows(table string) (n int) {
	if err := c.db.ReadTx(c.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(c.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n)
	}); err != nil {
		c.Fatal(err)
	}
	return n
}

func receiver(t *testing.T, db *store.DB, change func(*mail.Receiving)) *counter {
	t.Helper()
	c := &counter{T: t, db: db}
	o := mail.Receiving{
		DB: db, Sealer: mask{}, Enqueue: c.enqueue, Now: func() time.Time { return noon }, Name: "mx.net.example", PerMinute: 100,
		Log: slog.New(slog.NewTextHandler(&c.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	var err error
	if c.Receiver, err = mail.NewReceiver(o); err != nil {
		t.Fatal(err)
	}
	if err := c.Register("Abuse@NET.example", c.take, 0); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address = ln.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- c.Serve(ctx, ln, time.Second) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

func mailSet() map[string]fs.FS { return map[string]fs.FS{"mail": mail.Migrations()} }

func sqlite(t *testing.T) *store.DB { return storetest.Open(t, storetest.SQLite(t), mailSet()) }

const letter = "From: jo@watch.example\r\nSubject: spam\r\n\r\nFrom 192.0.2.7\r\n"

func TestMailIsTakenOnceFromAnotherProgram(t *testing.T) {
	storetest.Each(t, mailSet(), func(t *testing.T, db *store.DB) {
		c := receiver(t, db, nil)
		if err := smtp.SendMail(c.address, nil, "jo@watch.example", []string{abuse}, []byte(letter)); err != nil {
			t.Fatal(err)
		}
		if c.rows("mail_received") != 1 || c.rows("mail_part") != 1 {
			t.Error("it was accepted and is not kept")
		}
		if err := db.ReadTx(t.Context(), func(tx *store.Tx) error {
			var head, part []byte
			err := tx.QueryRow(t.Context(), `SELECT r.sealed, p.sealed FROM mail_received r JOIN mail_part p ON p.mail = r.mail`).Scan(&head, &part)
			if all := string(head) + string(part); strings.Contains(all, "watch") || strings.Contains(all, "spam") {
				t.Error("the rows can be read")
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		// What fails leaves the mail where it is, also after something was written.
		c.fail = errors.New("not now")
		if err := c.deliver(); err == nil {
			t.Error("the failure is lost")
		}
		c.fail, c.write = nil, errors.New("not now")
		if err := c.deliver(); err == nil || len(c.took) > 0 || c.rows("mail_outbox") > 0 {
			t.Errorf("%v %q", err, c.took)
		}
		c.write = nil
		if err := c.deliver(); err != nil {
			t.Fatal(err)
		}
		if want := []string{"abuse@net.example from jo@watch.example at 127.0.0.1: " + letter}; !slices.Equal(c.took, want) {
			t.Errorf("%q", c.took)
		}
		if c.rows("mail_received") > 0 || c.rows("mail_part") > 0 || c.rows("mail_outbox") != 1 || c.count("accepted") != 1 || c.count("taken") != 1 {
			t.Errorf("%v", c.Counts())
		}
	})
}

// A dialogue says to the server what stands in lines that begin with C, and wants
// what stands in the others.
func (c *counter) dialogue(script string) {
	c.Helper()
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		c.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for line := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
		who, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if who == "C" {
			fmt.Fprint(conn, text+"\r\n")
			continue
		}
		for {
			got, err := in.ReadString('\n')
			if err != nil || !strings.HasPrefix(got, who) {
				c.Errorf("after %q: got %q, %v", line, got, err)
				return
			}
			if strings.HasPrefix(text, "without ") && strings.Contains(got, strings.TrimPrefix(text, "without ")) {
				c.Errorf("%q", got)
			}
			if got[3] == ' ' {
				if !strings.HasPrefix(text, "without ") && !strings.Contains(got, text) {
					c.Errorf("after %q: got %q", line, got)
				}
				break
			}
		}
	}
}

func TestDialogue(t *testing.T) {
	c := receiver(t, sqlite(t), func(o *mail.Receiving) { o.MaxBytes = 1000 })
	for name, script := range map[string]string{
		"no relay": `
			220 mx.net.example
			C EHLO watch.example
			250 without AUTH
			C MAIL FROM:<jo@watch.example>
			250
			C RCPT TO:<victim@other.example>
			550 5.1.1
			C RCPT TO:<root@net.example>
			550 5.1.1
			C RCPT TO:<abuse%other.example@net.example>
			550 5.1.1
			C DATA
			502
			C QUIT
			221`,
		"no sign-in": `
			220
			C EHLO watch.example
			250
			C AUTH PLAIN AGEAYg==
			523
			C VRFY abuse
			252
			C STARTTLS
			502`,
		"dots, a second mail, and no sender": `
			220
			C EHLO watch.example
			250
			C MAIL FROM:<>
			250
			C RCPT TO:<ABUSE@Net.Example>
			250
			C RCPT TO:<abuse@net.example>
			250
			C DATA
			354
			C Subject: dots
			C
			C ..a
			C .
			250
			C MAIL FROM:<jo@watch.example>
			250
			C RSET
			250
			C RCPT TO:<abuse@net.example>
			502
			C QUIT
			221`,
		"said to be too large": `
			220
			C EHLO watch.example
			250
			C MAIL FROM:<jo@watch.example> SIZE=1001
			552`,
		"too large": `
			220
			C EHLO watch.example
			250
			C MAIL FROM:<jo@watch.example>
			250
			C RCPT TO:<abuse@net.example>
			250
			C DATA
			354
			C ` + strings.Repeat("x", 1000) + `
			C .
			552
			C NOOP
			250`,
		"in chunks": `
			220
			C EHLO watch.example
			250
			C MAIL FROM:<jo@watch.example>
			250
			C RCPT TO:<abuse@net.example>
			250
			C BDAT 14 LAST
			C Subject: x
			C
			250`,
		"nonsense": `
			220
			C HELO
			501
			C GET / HTTP/1.1
			501`,
	} {
		t.Run(name, func(t *testing.T) {
			c.T = t
			c.dialogue(script)
		})
	}
	c.T = t
	if err := c.deliver(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(c.took)
	if want := []string{
		"abuse@net.example from  at 127.0.0.1: Subject: dots\r\n\r\n.a\r\n", "abuse@net.example from jo@watch.example at 127.0.0.1: Subject: x\r\n\r\n",
	}; !slices.Equal(c.took, want) {
		t.Errorf("%q", c.took)
	}
	if c.count("unknown recipient") != 3 || c.count("too large") != 1 {
		t.Errorf("%v", c.Counts())
	}
	for _, secret := range []string{"watch", "127.0.0.1", "victim"} {
		if strings.Contains(c.log.String(), secret) {
			t.Errorf("the log names somebody: %s", &c.log)
		}
	}
}

// TestAnAddressTakesLess than the others: where the sender says how much it is at the
// recipient, and else once so much came; nothing of it is kept.
func TestAnAddressTakesLess(t *testing.T) {
	c := receiver(t, sqlite(t), func(o *mail.Receiving) { o.MaxBytes = 4 << 20 })
	if err := c.Register("Small@net.example", c.take, 1<<20); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat(strings.Repeat("x", 1<<10)+"\r\n\t\t\tC ", 1<<11)
	begin := `
			220
			C EHLO watch.example
			250
			C MAIL FROM:<jo@watch.example>`
	c.dialogue(begin + ` SIZE=2000000
			250
			C RCPT TO:<small@net.example>
			552 5.3.4
			C RCPT TO:<abuse@net.example>
			250`)
	c.dialogue(begin + `
			250
			C RCPT TO:<abuse@net.example>
			250
			C RCPT TO:<SMALL@net.example>
			250
			C DATA
			354
			C ` + large + `
			C .
			552 5.3.4
			C MAIL FROM:<jo@watch.example>
			250
			C RCPT TO:<abuse@net.example>
			250
			C DATA
			354
			C ` + large + `
			C .
			250`)
	if err := c.deliver(); err != nil {
		t.Fatal(err)
	}
	if len(c.took) != 1 || c.count("too large") != 2 || c.rows("mail_part") != 0 {
		t.Errorf("%d taken, %d too large, %d parts", len(c.took), c.count("too large"), c.rows("mail_part"))
	}
}

func TestWhatDoesNotComeWholeIsNotKept(t *testing.T) {
	c := receiver(t, sqlite(t), nil)
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for _, say := range []string{"EHLO a", "MAIL FROM:<jo@watch.example>", "RCPT TO:<" + abuse + ">", "DATA"} {
		fmt.Fprintf(conn, "%s\r\n", say)
	}
	line := strings.Repeat("x", 998) + "\r\n"
	for range 2100 { // of which a block is in the database
		io.WriteString(conn, line)
	}
	conn.Close()
	io.Copy(io.Discard, in)
	// The session ends when it has seen that, and has told so by its last word.
	if err := smtp.SendMail(c.address, nil, "jo@watch.example", []string{abuse}, []byte("Subject: large\r\n\r\n"+strings.Repeat(line, 3000))); err != nil {
		t.Fatal(err)
	}
	if n := c.rows("mail_received"); n != 1 {
		t.Errorf("%d mails are kept", n)
	}
	if err := c.deliver(); err != nil || len(c.took) != 1 || !strings.HasSuffix(c.took[0], "\r\n\r\n"+strings.Repeat(line, 3000)) {
		t.Errorf("%d were taken, %v", len(c.took), err)
	}
}

func TestSweepForgetsWhatIsAbandonedAndOffersWhatWaits(t *testing.T) {
	now := noon
	c := receiver(t, sqlite(t), func(o *mail.Receiving) { o.Now = func() time.Time { return now } })
	if err := smtp.SendMail(c.address, nil, "jo@watch.example", []string{abuse}, []byte(letter)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.db.Exec(t.Context(), `INSERT INTO mail_part (mail, n, at, sealed) VALUES ('gone', 0, $1, $2)`, now.UnixMicro(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	queued := func(want, parts int) {
		t.Helper()
		if err := c.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(c.queue) != want || c.rows("mail_part") != parts {
			t.Errorf("queued %d times, %d parts", len(c.queue), c.rows("mail_part"))
		}
	}
	now = noon.Add(9 * time.Minute)
	queued(1, 2)
	now = noon.Add(2 * time.Hour)
	queued(2, 1)
	if w, err := c.Waiting(t.Context()); err != nil || w.Mails != 1 || w.Bytes != int64(len(letter)) || !w.Since.Equal(noon) {
		t.Errorf("%+v %v", w, err)
	}
}

func TestWhoeverSendsTooMuchWaits(t *testing.T) {
	c := receiver(t, sqlite(t), func(o *mail.Receiving) { o.PerMinute = 2 })
	for i := range 4 {
		err := smtp.SendMail(c.address, nil, "jo@watch.example", []string{abuse}, []byte(letter))
		if refused := err != nil && strings.HasPrefix(err.Error(), "451"); refused != (i >= 2) {
			t.Errorf("mail %d: %v", i, err)
		}
	}
	if c.count("too many") != 2 || c.rows("mail_received") != 2 {
		t.Errorf("%v", c.Counts())
	}
}

// TestOneAddressHasSoManyConnections as it may, and no more.
func TestOneAddressHasSoManyConnections(t *testing.T) {
	c := receiver(t, sqlite(t), nil)
	for i := range 21 {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got, err := bufio.NewReader(conn).ReadString('\n'); err != nil || strings.HasPrefix(got, "421") != (i == 20) {
			t.Errorf("connection %d: %q %v", i, got, err)
		}
	}
}

func TestSTARTTLSWithACertificateThatIsRenewed(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	renew := func() *x509.CertPool {
		pair, roots := certificate(t)
		der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
			if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return roots
	}
	renew()
	c := receiver(t, sqlite(t), func(o *mail.Receiving) { o.Certificate, o.Key = cert, key })
	roots := renew()
	client, err := smtp.Dial(c.address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.StartTLS(&tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	if auth, _ := client.Extension("AUTH"); auth {
		t.Error("somebody may sign in")
	}
	if err := errors.Join(client.Mail("jo@watch.example"), client.Rcpt(abuse)); err != nil {
		t.Fatal(err)
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, letter)
	if err := errors.Join(w.Close(), c.deliver()); err != nil || len(c.took) != 1 {
		t.Errorf("%q %v", c.took, err)
	}
	for name, o := range map[string]mail.Receiving{"no key": {Certificate: cert}, "no certificate": {Certificate: filepath.Join(dir, "none"), Key: key}} {
		if _, err := mail.NewReceiver(o); loot.KindOf(err) != loot.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"abuse", "Abuse <abuse@a.example>", `"the abuse desk"@a.example`, abuse, ""} {
		if err := c.Register(bad, c.take, 0); loot.KindOf(err) != loot.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestAKilledProcessLosesNoMail kills a process that takes mail in, again and
// again while somebody sends.
func TestAKilledProcessLosesNoMail(t *testing.T) {
	if url := os.Getenv("LOOT_TEST_CHILD"); url != "" {
		db, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		c := receiver(t, db, func(o *mail.Receiving) { o.PerMinute = 0 })
		os.Stdout.WriteString(c.address + "\n")
		select {}
	}
	url := storetest.SQLite(t)
	db := storetest.Open(t, url, mailSet())
	acknowledged := map[string]bool{}
	for round := range 3 {
		address, kill := child(t, url)
		for i := 0; ; i++ {
			subject := fmt.Sprintf("%d.%d.", round, i)
			err := smtp.SendMail(address, nil, "jo@watch.example", []string{abuse}, []byte("Subject: "+subject+"\r\n\r\n"+strings.Repeat("line\r\n", 20_000*(i%2))))
			if err != nil {
				break
			}
			acknowledged[subject] = true
			if i == 3 {
				go kill() // in the midst of whatever comes then
			}
		}
		kill()
	}
	c := receiver(t, db, nil)
	if err := db.ReadTx(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(t.Context(), `SELECT id FROM mail_received`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			c.queue = append(c.queue, id)
		}
		return rows.Err()
	}); err != nil {
		t.Fatal(err)
	}
	if err := c.deliver(); err != nil {
		t.Fatal(err)
	}
	for subject := range acknowledged {
		if n := strings.Count(strings.Join(c.took, ""), "Subject: "+subject+"\r\n"); n != 1 {
			t.Errorf("%s is there %d times", subject, n)
		}
	}
	if len(acknowledged) < 12 {
		t.Errorf("only %d were sent", len(acknowledged))
	}
}
