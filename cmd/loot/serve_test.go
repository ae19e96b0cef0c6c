package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot/app"
)

// TestASecondServerSaysNothingOfRunning: on one SQLite file one process serves,
// and the other must not print addresses where it does not answer.
func TestASecondServerSaysNothingOfRunning(t *testing.T) {
	config := app.Config{Place: app.Place{Data: filepath.Join(t.TempDir(), "data")}, BaseURL: "http://localhost", Shutdown: 5 * time.Second}
	a, err := app.New(t.Context(), config, app.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, stop := context.WithCancel(t.Context())
	wait, err := a.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := lootRuns(t, "serve", "--data", config.Data, "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--log-level", "error")
	if code != 1 || stdout != "" || !strings.Contains(stderr, "Another process runs on this SQLite database already.") {
		t.Errorf("exit %d, prints %q, says %q", code, stdout, stderr)
	}
	stop()
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// TestAnAddressThatIsTaken is told before anything is made.
func TestAnAddressThatIsTaken(t *testing.T) {
	ln, err := listen(t.Context(), "", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	for _, command := range []string{"serve", "demo"} {
		for flag, other := range map[string]string{"--listen": "--metrics", "--metrics": "--listen"} {
			data := filepath.Join(t.TempDir(), "data")
			code, stdout, stderr := lootRuns(t, command, "--data", data, flag, taken, other, "127.0.0.1:0")
			if code != 1 || stdout != "" || stderr != "loot: Another program listens on "+taken+" already. Stop it, or choose another address with "+flag+".\n" {
				t.Errorf("%s %s: exit %d, prints %q, says %q", command, flag, code, stdout, stderr)
			}
			if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s %s: something was made: %v", command, flag, err)
			}
		}
	}
}

// TestSettingsAreCheckedBeforeThePort: a port that is taken hides nothing that
// would be wrong on another one, too, and an address that is none is called so.
func TestSettingsAreCheckedBeforeThePort(t *testing.T) {
	ln, err := listen(t.Context(), "", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := errors.Join(os.WriteFile(open, []byte("a secret that is none"), 0o600), os.Chmod(open, 0o644)); err != nil {
		t.Fatal(err)
	}
	smtp := []string{"--listen", taken, "--smtp", "smtp://loot@mail.example.com:587", "--smtp-password-file"}
	for want, args := range map[string][]string{
		"--base-url: the public address begins with https:// or http:// and a host":              {"--listen", taken, "--base-url", "privacy.example.com"},
		"--base-url: the public address begins with https:// or http://":                         {"--listen", taken, "--base-url", "ftp://x"},
		"--from: a sender is written Name <name@example.com>.":                                   {"--listen", taken, "--from", "nonsense"},
		"The file with the mail server's password may be read by everybody":                      append(slices.Clip(smtp), open),
		"The file with the mail server's password cannot be read: " + file + "x.":                append(slices.Clip(smtp), file+"x"),
		"The file with the client's secret (--oidc-client-secret-file) may be read by everybody": {"--listen", taken, "--oidc-issuer", "https://id.example.com", "--oidc-client-secret-file", open},
		"--transit-token-file names no file with the token.":                                     {"--listen", taken, "--root", "transit:https://vault.example.com#loot"},
		file + ":1:1": {"--listen", taken, "--statement", file},
		"The statement " + file + "x cannot be read.":                       {"--listen", taken, "--statement", file + "x"},
		"--seller-exempt: the reason":                                       {"--listen", taken, "--seller-exempt-from", "2026-01-01"},
		"--seller-exempt-until lies before":                                 {"--listen", taken, "--seller-exempt", "x", "--seller-exempt-from", "2026-01-02", "--seller-exempt-until", "2026-01-01"},
		"Two exemptions of the seller overlap: 2026-01-01/ and 2027-01-01/": {"--listen", taken, "--seller-exempt", "x", "--seller-exempt-from", "2026-01-01", "--seller-exempt-span", "2027-01-01/ y"},
		"--seller-exempt-span “next year y”: the first day is a day, such as 2026-01-01. A span is written FIRST/LAST CODE REASON": {"--listen", taken, "--seller-exempt-span", "2026-01-01/2026-12-31 x;next year y"},
		"A witness is written VKEY=URL":            {"--listen", taken, "--witness", "foo"},
		"--witness: A key is written as name":      {"--listen", taken, "--witness", "foo=http://localhost"},
		"is no network":                            {"--listen", taken, "--trusted-proxies", "x"},
		"The folder " + file + "/x cannot be made": {"--listen", taken, "--data", file + "/x"},
		"The folder " + file + " cannot be made":   {"--listen", taken, "--data", file},
		`--listen: "nonsense" is no address to listen on. It is written HOST:PORT, such as 127.0.0.1:8080`:    {"--listen", "nonsense"},
		`--listen: "localhost:99999" is no address to listen on.`:                                             {"--listen", "localhost:99999"},
		`--metrics: "9090" is no address to listen on.`:                                                       {"--listen", "127.0.0.1:0", "--metrics", "9090"},
		"Nothing can listen on 192.0.2.1:80: it is no address of this machine. Choose another with --listen.": {"--listen", "192.0.2.1:80"},
	} {
		dir := t.TempDir()
		code, stdout, stderr := lootRuns(t, append([]string{"serve", "--data", filepath.Join(dir, "data")}, args...)...)
		if code != 1 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d, prints %q, says %q", args, code, stdout, stderr)
		}
		if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
			t.Errorf("%v: something was made: %v, %v", args, made, err)
		}
	}
}

// TestServingIsSaidAndItsEnd: the addresses are printed once it answers, and
// the log says when it stops and when it has. A first start warns of nothing.
func TestServingIsSaidAndItsEnd(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var out, log bytes.Buffer
	c := &command{ctx: ctx, stdout: &out, stderr: &log, now: time.Now}
	config := app.Config{Place: app.Place{Data: filepath.Join(t.TempDir(), "data")}, Listen: "127.0.0.1:0", BaseURL: "http://localhost", Shutdown: 5 * time.Second, LogLevel: "info"}
	on, err := c.listenFor(&config)
	if err != nil {
		t.Fatal(err)
	}
	defer on.Close()
	a, err := app.New(ctx, config, app.Options{Now: c.now, Log: c.log(config)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	said := 0
	if err := a.Serve(ctx, on.public, on.metrics, func() {
		said++
		stop()
	}); err != nil {
		t.Fatal(err)
	}
	stopping, stopped := strings.Index(log.String(), "msg=\"stopping; what runs may finish\""), strings.Index(log.String(), "msg=stopped")
	if said != 1 || stopping < 0 || stopped < stopping || strings.Count(log.String(), "msg=stopped") != 1 {
		t.Errorf("said %d times; the log:\n%s", said, &log)
	}
	for _, bad := range []string{"WARN", "ERROR"} {
		if strings.Contains(log.String(), bad) {
			t.Errorf("a first start logs %s:\n%s", bad, &log)
		}
	}
}

// An announcer calls a function once what it is written holds a text.
type announcer struct {
	bytes.Buffer
	text string
	then func(all string)
}

func (s *announcer) Write(p []byte) (int, error) {
	n, err := s.Buffer.Write(p)
	if then := s.then; then != nil && strings.Contains(s.String(), s.text) {
		s.then = nil
		then(s.String())
	}
	return n, err
}

// TestThePortThatTheSystemChose: it is printed, it stands in links, and Loot
// answers there.
func TestThePortThatTheSystemChose(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log bytes.Buffer
	link := regexp.MustCompile(`http://localhost:([1-9][0-9]*)/\S+/\S+`)
	out := &announcer{text: "it works once:\n\n  http", then: func(all string) {
		defer stop()
		base := regexp.MustCompile(`public site  (http://localhost:[1-9][0-9]*)/\n`).FindStringSubmatch(all)
		if base == nil {
			return
		}
		a, err := http.Get(base[1] + "/healthz")
		if err != nil {
			t.Error(err)
			return
		}
		a.Body.Close()
		if a.StatusCode != http.StatusOK || !strings.Contains(link.FindString(all), base[1]+"/") {
			t.Errorf("status %d; it says:\n%s", a.StatusCode, all)
		}
	}}
	c := &command{ctx: ctx, stdout: out, stderr: &log, now: time.Now}
	config := app.Config{Place: app.Place{Data: filepath.Join(t.TempDir(), "data")}, Listen: ":0", Shutdown: 5 * time.Second, LogLevel: "error"}
	if err := (&serveCmd{config}).Run(c); err != nil {
		t.Fatal(err)
	}
	if out.then != nil || !link.MatchString(out.String()) {
		t.Errorf("it says:\n%s\nand logs:\n%s", out.String(), &log)
	}
}
