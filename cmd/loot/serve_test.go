package main

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"loot/app"
)

// TestASecondServerSaysNothingOfRunning: on one SQLite file one process serves,
// and the other must not print addresses where it does not answer.
func TestASecondServerSaysNothingOfRunning(t *testing.T) {
	config := app.Config{Data: filepath.Join(t.TempDir(), "data"), BaseURL: "http://localhost", Shutdown: 5 * time.Second}
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

// TestServingIsSaidAndItsEnd: the addresses are printed once it answers, and
// the log says when it stops and when it has. A first start warns of nothing.
func TestServingIsSaidAndItsEnd(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var out, log bytes.Buffer
	c := &command{ctx: ctx, stdout: &out, stderr: &log, now: time.Now}
	config := app.Config{Data: filepath.Join(t.TempDir(), "data"), Listen: "127.0.0.1:0", BaseURL: "http://localhost", Shutdown: 5 * time.Second, LogLevel: "info"}
	a, err := app.New(ctx, config, app.Options{Now: c.now, Log: c.log(config)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	said := 0
	if err := c.serve(a, func(string) {
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
