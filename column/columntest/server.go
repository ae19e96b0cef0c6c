package columntest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Server is a server of ClickHouse that a test owns. It ends when the test
// process does, even by a kill.
type Server struct {
	dir       string
	cmd       *exec.Cmd
	leash     io.Closer // it reads from here, and ends when this closes
	tcp, http string    // its ports
}

var (
	sharedOnce   sync.Once
	sharedServer *Server
	errShared    error
	databases    atomic.Int64
)

func shared(tb testing.TB) *Server {
	tb.Helper()
	sharedOnce.Do(func() {
		var dir string
		if dir, errShared = os.MkdirTemp("", "loot-clickhouse-"); errShared == nil {
			sharedServer = &Server{dir: dir}
			errShared = sharedServer.start("--remove")
		}
	})
	if errShared != nil {
		tb.Fatalf("start ClickHouse: %v", errShared)
	}
	return sharedServer
}

// NewServer starts a server of the test's own, on files in its Dir.
func NewServer(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{dir: tb.TempDir()}
	s.Start(tb)
	tb.Cleanup(s.Kill)
	return s
}

// Dir is the folder of the server's files.
func (s *Server) Dir() string { return s.dir }

// Start starts a server that was killed, on the same files and another port.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	if err := s.start(); err != nil {
		tb.Fatalf("start ClickHouse: %v", err)
	}
}

// Kill kills the server with SIGKILL.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.leash.Close()
		s.cmd = nil
	}
}

// Database makes an empty database and returns its address.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("loot_%d_%d", os.Getpid(), databases.Add(1))
	s.Exec(tb, "CREATE DATABASE "+name)
	return s.Address(name)
}

// Address is the address of a database, which changes when the server is
// started again.
func (s *Server) Address(database string) string {
	return "clickhouse://default:@127.0.0.1:" + s.tcp + "/" + database
}

// Exec runs a statement and returns what the server answers, as text.
func (s *Server) Exec(tb testing.TB, query string) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:"+s.http+"/", strings.NewReader(query))
	if err != nil {
		tb.Fatal(err)
	}
	answer, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		tb.Fatalf("%s: %v %s", query, err, body)
	}
	return string(bytes.TrimSpace(body))
}

func (s *Server) start(args ...string) error {
	program, lib, err := program()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "server.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(program, append(args, lib, s.dir)...)
	s.cmd.Dir, s.cmd.Stderr = "/", log
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	s.leash = stdin
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(line, &s.tcp, &s.http)
	}
	if err != nil {
		said, _ := os.ReadFile(log.Name())
		return fmt.Errorf("it ended: %w\n%s", err, said)
	}
	return nil
}

// program builds the program that runs the library as a server, once, and
// returns both.
var program = func() func() (program, lib string, err error) {
	type both struct{ program, lib string }
	build := sync.OnceValues(func() (both, error) {
		_, here, _, _ := runtime.Caller(0)
		source := filepath.Join(filepath.Dir(here), "..", "testdata", "chserver")
		lib := filepath.Join(source, "node_modules", "@chdb", "lib-linux-x64-gnu", "libchdb.so")
		if _, err := os.Stat(lib); err != nil {
			return both{}, fmt.Errorf("these tests need ClickHouse, as npm has it for Linux on x86-64: run scripts/install-test-tools: %w", err)
		}
		cache, err := os.UserCacheDir()
		if err != nil {
			return both{}, err
		}
		// Kept between runs, and put in its place whole: several tests build at once.
		to := filepath.Join(cache, "loot-test", "chserver")
		temporary := fmt.Sprintf("%s.%d", to, os.Getpid())
		build := exec.Command("go", "build", "-o", temporary, ".")
		build.Dir = source
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			return both{}, fmt.Errorf("build chserver: %w\n%s", err, out)
		}
		return both{to, lib}, os.Rename(temporary, to)
	})
	return func() (string, string, error) {
		b, err := build()
		return b.program, b.lib, err
	}
}()
