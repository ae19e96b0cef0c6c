package main

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/smtp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// benchAbuse is where the server of a benchmark takes reports of abuse.
const benchAbuse = "abuse@net.example"

// safety measures mail that reports abuse, from the first word of SMTP until each
// was read, kept as evidence and sorted into its cases. The addresses are of nobody.
func (r *bench) safety() (err error) {
	for _, address := range []*string{&r.config.SMTPListen, &r.config.Metrics} {
		if *address, err = freeAddress(r.ctx); err != nil {
			return err
		}
	}
	r.config.AbuseMailAt = benchAbuse
	pid, stop, err := r.startServer()
	if err != nil {
		return err
	}
	defer stop()
	r.metrics["rss_idle_mib"] = rss(pid)
	n := r.size(10_000, 1_000)
	own, database, began := processTime(pid), r.databaseTime(), r.now()
	var next atomic.Int64
	var mu sync.Mutex
	var waits []time.Duration
	if err := parallel(8, func(int) error { return r.sendMails(n, &next, &mu, &waits) }); err != nil {
		return err
	}
	var taken float64
	for still := 0; still < 600; still++ { // a minute without any
		before := taken
		if taken, err = r.counted(`loot_mail_received_total{outcome="taken"}`); err != nil {
			return err
		}
		if taken > before {
			still = 0
		}
		r.metrics["rss_mib"] = max(r.metrics["rss_mib"], rss(pid))
		if taken >= float64(len(waits)) {
			break
		}
		select {
		case <-r.ctx.Done():
			return r.ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	r.metrics["mails_per_s"] = taken / r.now().Sub(began).Seconds()
	r.metrics["mail_cpu_us"] = (processTime(pid) - own + r.databaseTime() - database) * 1e6 / float64(n)
	r.metrics["accepted"], r.metrics["lost"] = float64(len(waits)), float64(len(waits))-taken
	r.metrics["accept_p50_ms"], r.metrics["accept_p99_ms"] = percentile(waits, 0.5), percentile(waits, 0.99)
	return nil
}

// sendMails sends mails over one connection, as long as there are any.
func (r *bench) sendMails(n int, next *atomic.Int64, mu *sync.Mutex, waits *[]time.Duration) (err error) {
	conn, err := (&net.Dialer{}).DialContext(r.ctx, "tcp", r.config.SMTPListen)
	if err != nil {
		return err
	}
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Quit()) }()
	for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
		began := r.now()
		if err := errors.Join(c.Mail("reports@watch.example"), c.Rcpt(benchAbuse)); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		if _, err := w.Write([]byte(benchMail(i))); err != nil {
			return err
		}
		if err := w.Close(); err != nil { // the server has it now
			return err
		}
		mu.Lock()
		*waits = append(*waits, r.now().Sub(began))
		mu.Unlock()
	}
	return nil
}

// counted returns what a counter of the server shows.
func (r *bench) counted(series string) (float64, error) {
	req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, "http://"+r.config.Metrics+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := r.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), series+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, errors.Join(lines.Err(), fmt.Errorf("bench: the server does not count %s", series))
}

// benchMail returns a made-up report: in turns one of each format, of 2 to 20 KiB.
func benchMail(i int) string {
	from := fmt.Sprintf("192.0.2.%d", i%250+1)
	at := time.Date(2026, 3, 12, 10, i/60%60, i%60, 0, time.UTC)
	head := fmt.Sprintf("From: Watchers <reports@watch.example>\r\nTo: %s\r\nDate: %s\r\nMessage-ID: <%d@watch.example>\r\nMIME-Version: 1.0\r\n", benchAbuse, at.Format(time.RFC1123Z), i)
	lines := strings.Repeat(fmt.Sprintf("%s mx sshd[%d]: Failed password for root from %s port 4022 ssh2\r\n", at.Format(time.RFC3339), i, from), 20+i%7*20)
	switch i % 3 {
	case 0:
		return head + "Subject: Complaint\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nA complaint about mail.\r\n--b\r\n" +
			"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: Watchers/1.0\r\nVersion: 1\r\nSource-IP: " + from + "\r\nArrival-Date: " + at.Format(time.RFC1123Z) +
			"\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nReceived: from x (x [" + from + "]) by mx.watch.example; " + at.Format(time.RFC1123Z) + "\r\nSubject: Buy now\r\n\r\n" +
			strings.Repeat("Buy at http://shop.bulk.example/ today.\r\n", 40) + "\r\n--b--\r\n"
	case 1:
		document := fmt.Sprintf(`{"xarf_version":"4.2.0","report_id":"%d","timestamp":%q,"reporter":{"org":"Watchers","contact":"reports@watch.example","domain":"watch.example"},`+
			`"sender":{"org":"Watchers","contact":"reports@watch.example","domain":"watch.example"},"source_identifier":%q,"category":"connection","type":"login_attack",`+
			`"evidence":[{"content_type":"text/plain","payload":%q}]}`, i, at.Format(time.RFC3339), from, base64.StdEncoding.EncodeToString([]byte(lines)))
		var folded strings.Builder
		for text := base64.StdEncoding.EncodeToString([]byte(document)); text != ""; {
			k := min(76, len(text))
			folded.WriteString(text[:k] + "\r\n")
			text = text[k:]
		}
		return head + "Subject: Report\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee the document.\r\n--b\r\nContent-Type: application/json; name=xarf.json\r\n" +
			"Content-Transfer-Encoding: base64\r\n\r\n" + folded.String() + "--b--\r\n"
	}
	return head + "Subject: Attack from " + from + "\r\n\r\nHello,\r\n\r\nplease stop this:\r\n\r\n" + lines
}
