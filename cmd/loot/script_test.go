package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"loot"
	"loot/app"
	"loot/ledger"
	"loot/store"
	"loot/store/storetest"
	"loot/web"
)

// TestMain lets the test's own binary be the commands that scripts and tests
// run as processes: loot itself, what fills a scratch installation, what one of
// its customers sees, what looks entries up in its ledger, what rotates its keys
// without a pause, what adds a site whose visits are recorded, and what ends the
// day of one.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"loot":    main,
		"fill":    func() { tool(fill) },
		"portal":  func() { tool(portal) },
		"entries": func() { tool(entries) },
		"rotate":  func() { tool(rotate) },
		"site":    func() { tool(site) },
		"later":   func() { tool(later) },
	})
}

func tool(f func(ctx context.Context, args []string) error) {
	if err := f(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestScripts runs testdata/script: what people and other programs call, as
// they call it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Deadline:            time.Now().Add(20 * time.Minute), // a server that should have refused to start would run on
		Setup: func(e *testscript.Env) error {
			address, err := freeAddress(t.Context())
			e.Setenv("ADDR", address)
			e.Setenv("LOOT_LISTEN", address)
			e.Setenv("LOOT_METRICS", "")
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ask": ask, "change": change, "exits": exits, "flip": flip, "ready": ready, "take": take,
			"postgres": func(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv(args[0], storetest.Postgres(t)) },
		},
	})
}

// ready waits until the server of the script can be used.
func ready(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(readyAt(context.Background(), "http://"+ts.Getenv("ADDR")))
}

func readyAt(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	last := errors.New("it was not asked")
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(res.Status)
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the server does not become ready: %w", last)
		}
	}
}

// ask METHOD PATH [BODY] sends a request with $TOKEN and has the answer as its
// output. It fails if the answer is a refusal.
func ask(ts *testscript.TestScript, neg bool, args []string) {
	body := ""
	if len(args) > 2 {
		body = args[2]
	}
	req, err := http.NewRequest(args[0], "http://"+ts.Getenv("ADDR")+args[1], strings.NewReader(body))
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+ts.Getenv("TOKEN"))
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	_, err = io.Copy(ts.Stdout(), res.Body)
	ts.Check(err)
	if refused := res.StatusCode >= 400; refused != neg {
		ts.Fatalf("%s %s: %s", args[0], args[1], res.Status)
	}
}

// exits CODE PROGRAM [ARG]... runs a program that ends with an exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// take REGEXP sets a variable for each of its groups that has a name to what it
// matched in the latest output.
func take(ts *testscript.TestScript, _ bool, args []string) {
	re, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	m := re.FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("no match for %s", args[0])
	}
	for i, name := range re.SubexpNames() {
		if name != "" {
			ts.Setenv(name, m[i])
		}
	}
}

// change FILE OLD NEW puts other text in the place of old, which the file has
// once. In both, \n is the end of a line.
func change(ts *testscript.TestScript, _ bool, args []string) {
	text, before, after := ts.ReadFile(args[0]), strings.ReplaceAll(args[1], `\n`, "\n"), strings.ReplaceAll(args[2], `\n`, "\n")
	if n := strings.Count(text, before); n != 1 {
		ts.Fatalf("%s has %q %d times", args[0], before, n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, before, after, 1)), 0o600))
}

// flip FILE AT changes one bit of a byte of a file.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := []byte(ts.ReadFile(args[0]))
	b[at] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// settings are those of a scratch installation, from the environment as the
// commands take them.
func settings() app.Config {
	return app.Config{
		Place: app.Place{Data: os.Getenv("LOOT_DATA"), Log: os.Getenv("LOOT_LOG"), Store: os.Getenv("LOOT_STORE"), Keys: os.Getenv("LOOT_KEYS")}, Listen: "127.0.0.1:0",
		From: "Loot <no-reply@localhost>", Shutdown: 10 * time.Second, Visiting: app.Visiting{Visits: os.Getenv("LOOT_VISITS")},
	}
}

// opened calls f with a Loot, at a time of its own.
func opened(ctx context.Context, now func() time.Time, f func(a *app.App) error) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := readStatement("") // which need not be checked again for each
	if err != nil {
		return err
	}
	a, err := app.New(ctx, settings(), app.Options{Now: now, Simulated: true, Log: log, Statement: s})
	if err != nil {
		return err
	}
	defer a.Close()
	return f(a)
}

// started calls f with a Loot that works, and has it finish its work.
func started(ctx context.Context, now func() time.Time, f func(ctx context.Context, a *app.App) error) error {
	return running(ctx, now, func(ctx context.Context, a *app.App) error {
		if err := f(ctx, a); err != nil {
			return err
		}
		return a.Jobs.Idle(ctx)
	})
}

// running calls f with a Loot that works.
func running(ctx context.Context, now func() time.Time, f func(ctx context.Context, a *app.App) error) error {
	return opened(ctx, now, func(a *app.App) (err error) {
		life, stop := context.WithCancel(ctx)
		wait, err := a.Start(life)
		if err != nil {
			stop()
			return err
		}
		defer func() {
			stop()
			err = errors.Join(err, wait())
		}()
		for _, step := range []func(context.Context) error{
			a.Ledger.Sync, // with what an earlier process recorded
			func(ctx context.Context) error { return f(ctx, a) },
			a.Ledger.Sync,
		} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// fill N fills the installation with customers, as a load test does, and prints
// a token and their ids as variables.
func fill(ctx context.Context, args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	return started(ctx, time.Now, func(ctx context.Context, a *app.App) error {
		token, ids, err := a.Scratch(ctx, n)
		if err != nil {
			return err
		}
		if _, err := a.ScratchVisits(ctx, "live", 0, 0); err != nil {
			return err
		}
		fmt.Printf("TOKEN=%s\nKEY=%s\n", token, a.Ledger.VerifierKey())
		for i, id := range ids {
			fmt.Printf("ID%d=%s\n", i, id)
		}
		return nil
	})
}

// portal ID METHOD PATH [FORM] asks for a page as a customer who has just
// signed in, and prints what it answers, or where it leads to.
func portal(ctx context.Context, args []string) error {
	return started(ctx, time.Now, func(ctx context.Context, a *app.App) error {
		h, err := a.Handler()
		if err != nil {
			return err
		}
		r := httptest.NewRequest(args[1], args[2], strings.NewReader(strings.Join(args[3:], "&")))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		who := web.Identity{Actor: loot.Actor{Kind: loot.Person, ID: args[0]}, At: time.Now()}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(web.WithIdentity(ctx, who)))
		if w.Code >= http.StatusBadRequest {
			return fmt.Errorf("%s is answered with %d", args[2], w.Code)
		}
		_, err = fmt.Print(w.Header().Get("Location"), w.Body)
		return err
	})
}

// entries ID... holds each entry's proof against the ledger's key. It waits for no job: one
// that ended in the moment in which its database went is taken for running for an hour.
func entries(ctx context.Context, ids []string) error {
	return running(ctx, time.Now, func(ctx context.Context, a *app.App) error {
		return a.DB.ReadTx(ctx, func(tx *store.Tx) error {
			for _, id := range ids {
				proof, err := a.Ledger.Proof(ctx, tx, id)
				if err != nil {
					return fmt.Errorf("entry %s: %w", id, err)
				}
				if res, err := ledger.VerifyReceipt(proof, a.Ledger.VerifierKey(), nil); err != nil || res.Verdict != ledger.Holds {
					return fmt.Errorf("entry %s: %v: %v", id, res.Fault, err)
				}
			}
			return nil
		})
	})
}

// rotate rotates the keys of customers for as long as it lives.
func rotate(ctx context.Context, _ []string) error {
	return opened(ctx, time.Now, func(a *app.App) error {
		for {
			if err := a.Vault.Rotate(ctx, "customer"); err != nil {
				return err
			}
		}
	})
}
