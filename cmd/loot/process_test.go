package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// An operator has one installation and calls commands on it, each a process of
// its own, as TestMain provides them.
type operator struct {
	t    testing.TB
	dir  string // of data, keys and root
	env  []string
	user *syscall.Credential // nil: whoever runs the test
	vars map[string]string   // what fill printed
}

// newOperator fills an installation with n customers.
func newOperator(t testing.TB, dir string, user *syscall.Credential, n string, env ...string) *operator {
	t.Helper()
	address, err := freeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{t: t, dir: dir, user: user, vars: map[string]string{}}
	o.env = append(os.Environ(), append([]string{
		"LOOT_DATA=" + filepath.Join(dir, "data"), "LOOT_LISTEN=" + address, "LOOT_METRICS=", "LOOT_LOG_LEVEL=error", "LOOT_VERIFY_ASK=none", "TMPDIR=" + dir,
	}, env...)...)
	o.vars["ADDR"] = address
	out, code := o.run("fill", n)
	if code != 0 {
		t.Fatal(out)
	}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		o.vars[name] = value
	}
	return o
}

// command makes a command that is not started yet.
func (o *operator) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Dir, c.Env = o.dir, o.env
	c.SysProcAttr = &syscall.SysProcAttr{Credential: o.user}
	return c
}

// run runs a command to its end and returns all that it said, and its exit code.
func (o *operator) run(program string, args ...string) (out string, code int) {
	o.t.Helper()
	b, err := o.command(program, args...).CombinedOutput()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		code = e.ExitCode()
	} else if err != nil {
		o.t.Fatal(err)
	}
	return string(b), code
}

// wants runs loot and complains unless it ends with the code and says all of
// the texts.
func (o *operator) wants(code int, args []string, texts ...string) {
	o.t.Helper()
	out, got := o.run("loot", args...)
	if got != code {
		o.t.Errorf("loot %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			o.t.Errorf("loot %s does not say %q:\n%s", strings.Join(args, " "), text, out)
		}
	}
}

// A process is a command that runs until it is told to end.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	out   said
	ended chan struct{}
}

// said is what a process said so far.
type said struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) { s.mu.Lock(); defer s.mu.Unlock(); return s.buf.Write(b) }

func (s *said) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.buf.String() }

// start starts a command, which ends with the test at the latest.
func (o *operator) start(program string, args ...string) *process {
	o.t.Helper()
	p := &process{t: o.t, cmd: o.command(program, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is asked of its state
		close(p.ended)
	}()
	o.t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		if o.t.Failed() {
			o.t.Logf("%s %s:\n%s", program, strings.Join(args, " "), p.out.String())
		}
	})
	return p
}

// end sends the process a signal and waits until it has ended.
func (p *process) end(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // it may have ended
	<-p.ended
}

// stop has the process end in good order.
func (p *process) stop() {
	p.t.Helper()
	p.end(syscall.SIGINT)
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("it ended with exit code %d", code)
	}
}

// serve starts the server, without rate limits, and waits until it is ready.
func (o *operator) serve(args ...string) *process {
	o.t.Helper()
	p := o.start("loot", append([]string{"bench-server"}, args...)...)
	if err := readyAt(o.t.Context(), "http://"+o.vars["ADDR"]); err != nil {
		o.t.Fatal(err)
	}
	return p
}

// client keeps its connections, of which a load would else use up thousands.
var client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}

// ask sends the server a request and returns the status and the body of its
// answer; status 0: there was none.
func (o *operator) ask(method, path string, body any) (status int, answer []byte) {
	b, err := json.Marshal(body)
	if err != nil {
		o.t.Error(err)
		return 0, nil
	}
	req, err := http.NewRequestWithContext(o.t.Context(), method, "http://"+o.vars["ADDR"]+path, bytes.NewReader(b))
	if err != nil {
		o.t.Error(err)
		return 0, nil
	}
	req.Header.Set("Authorization", "Bearer "+o.vars["TOKEN"])
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	if answer, err = io.ReadAll(res.Body); err != nil {
		return 0, nil
	}
	if res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") == "" {
		o.t.Errorf("%s %s: nothing says when to try again: %s", method, path, answer)
	}
	return res.StatusCode, answer
}
