package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Server is a server of PostgreSQL that a test owns. It listens on the
// loopback address, and ends when the test process does, even by a kill.
type Server struct {
	admin string // address of a database from which others are made
	bin   string
	dir   string
	port  int
	owner *syscall.Credential
	scrap bool // whether the files go when the test process ends

	mu       sync.Mutex
	server   *exec.Cmd
	ended    chan struct{} // closed when server has ended
	watchdog *exec.Cmd
	leash    io.Closer
}

var (
	sharedOnce   sync.Once
	sharedServer *Server
	errShared    error
	databases    atomic.Int64
)

// shared returns the server that all tests of the process share.
func shared(tb testing.TB) *Server {
	tb.Helper()
	sharedOnce.Do(func() {
		if given := os.Getenv("LOOT_TEST_POSTGRES"); given != "" {
			sharedServer = &Server{admin: given}
			return
		}
		var dir string
		if dir, errShared = os.MkdirTemp("", "loot-postgres-"); errShared != nil {
			return
		}
		sharedServer, errShared = newServer(dir, false)
		if errShared == nil {
			sharedServer.scrap = true
			errShared = sharedServer.start()
		}
	})
	if errShared != nil {
		tb.Fatalf("start PostgreSQL: %v", errShared)
	}
	return sharedServer
}

// NewServer starts a server of the test's own that syncs to disk as one in
// production does, so that what it acknowledged can be held against it.
func NewServer(tb testing.TB) *Server {
	tb.Helper()
	s, err := newServer(testDir(tb), true)
	if err == nil {
		err = s.start()
	}
	if err != nil {
		tb.Fatalf("start PostgreSQL: %v", err)
	}
	tb.Cleanup(s.Kill)
	return s
}

// testDir makes a temporary folder that the server's user can reach, which
// they cannot with those that testing makes for root.
func testDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "loot-postgres-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// newServer makes the files of a server in dir.
func newServer(dir string, sync bool) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir}
	if os.Geteuid() == 0 {
		if s.owner, err = serverUser(); err != nil {
			return nil, err
		}
	}
	if err := s.own(); err != nil {
		return nil, err
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := s.run("initdb", "-D", s.data(), "-U", "loot", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return nil, err
	}
	settings := []string{"shared_buffers=64MB", "max_connections=200", "max_wal_senders=4", "wal_level=replica"}
	if !sync {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	return s, s.configure(settings...)
}

// own gives the server's folder to the user it runs as.
func (s *Server) own() error {
	if s.owner == nil {
		return nil
	}
	return os.Chown(s.dir, int(s.owner.Uid), int(s.owner.Gid))
}

// Dir is the folder of the server's files and its log.
func (s *Server) Dir() string { return s.dir }

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// configure adds settings to the server's file.
func (s *Server) configure(settings ...string) error {
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(strings.Join(settings, "\n") + "\n")
	return err
}

// URL returns the address of a database on the server.
func (s *Server) URL(name string) string {
	u, err := url.Parse(s.admin)
	if err != nil {
		return s.admin
	}
	u.Path = "/" + name
	return u.String()
}

// Socket returns the same database's address by way of the server's socket, which
// costs both sides less than the loopback network.
func (s *Server) Socket(address string) string {
	u, err := url.Parse(address)
	if err != nil || s.port == 0 {
		return address
	}
	q := u.Query()
	q.Set("host", s.data())
	q.Set("port", strconv.Itoa(s.port))
	u.Host, u.RawQuery = "", q.Encode()
	return u.String()
}

// Database makes a fresh database, drops it when the test ends, and returns its
// address.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	return s.copyOf(tb, "template1")
}

// copyOf is Database, with what another one holds.
func (s *Server) copyOf(tb testing.TB, template string) string {
	tb.Helper()
	name := databaseName()
	if err := s.admit("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		tb.Fatalf("make a database: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.admit("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			tb.Logf("drop a database: %v", err)
		}
	})
	return s.URL(name)
}

// databaseName returns a name that no database has yet.
func databaseName() string { return fmt.Sprintf("loot_%d_%d", os.Getpid(), databases.Add(1)) }

// admit runs a statement as administrator.
func (s *Server) admit(query string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, query)
	return err
}

// Exec runs a statement as administrator in the server's own database.
func (s *Server) Exec(tb testing.TB, query string) {
	tb.Helper()
	if err := s.admit(query); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

// Tablespace has the server keep tables in a folder that exists, and returns the
// name to call it by.
func (s *Server) Tablespace(tb testing.TB, dir string) string {
	tb.Helper()
	name := fmt.Sprintf("space_%d", databases.Add(1))
	if s.owner != nil {
		if err := os.Chown(dir, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
			tb.Fatal(err)
		}
	}
	// The way there must be open too: folders of testing are their owner's alone.
	for d := filepath.Dir(dir); d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o711); err != nil {
			tb.Fatal(err)
		}
	}
	s.Exec(tb, fmt.Sprintf("CREATE TABLESPACE %s LOCATION '%s'", name, dir))
	return name
}

// Start starts a server that was killed, on the same files and port.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	if err := s.start(); err != nil {
		tb.Fatalf("start PostgreSQL: %v", err)
	}
}

// start starts the server and waits until it answers.
func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.admin = fmt.Sprintf("postgres://loot@127.0.0.1:%d/postgres?sslmode=disable", s.port)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	err := errEnded
	for {
		// After a kill, a server's last children hold its memory for a moment,
		// and a new one ends at once.
		if errors.Is(err, errEnded) {
			s.end()
			if err = s.launch(); err != nil {
				return err
			}
		}
		if err = s.answers(ctx); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "server.log"))
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, log)
		}
	}
}

var errEnded = errors.New("the server ended")

// launch starts the server and its watchdog.
func (s *Server) launch() error {
	// Nothing of the test's own output is inherited: "go test" would wait for it.
	log, err := os.OpenFile(filepath.Join(s.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	server := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data(), "-p", strconv.Itoa(s.port), "-k", s.data(),
		"-c", "listen_addresses=127.0.0.1")
	server.Dir, server.Stdout, server.Stderr = "/", log, log
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.owner}
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	id := strconv.Itoa(server.Process.Pid)
	launched.Store(id, true)
	go func() {
		_ = server.Wait() // it is killed
		launched.Delete(id)
		close(ended)
	}()
	s.server, s.ended = server, ended

	// The watchdog reads from a pipe whose other end this process alone holds:
	// it closes when the process ends, in whatever way.
	script, scrap := `read -r _; kill -QUIT "$1"; [ -z "$2" ] || { while kill -0 "$1"; do sleep 0.1; done; rm -rf "$2"; }`, ""
	if s.scrap {
		scrap = s.dir
	}
	watchdog := exec.Command("/bin/sh", "-c", script, "sh", id, scrap)
	watchdog.Dir, watchdog.SysProcAttr = "/", server.SysProcAttr
	leash, err := watchdog.StdinPipe()
	if err != nil {
		return err
	}
	if err := watchdog.Start(); err != nil {
		return err
	}
	s.watchdog, s.leash = watchdog, leash
	return nil
}

// answers reports whether the server answers.
func (s *Server) answers(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.admin)
	if err == nil {
		return conn.Close(ctx)
	}
	select {
	case <-s.ended:
		return errEnded
	default:
		return err
	}
}

// Kill kills the server with SIGKILL, as a power cut would end it.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

// end kills the server, if there is one, and its watchdog first: that must not
// outlive the process that it watches, whose number may then be another's.
func (s *Server) end() {
	if s.watchdog != nil {
		_ = s.watchdog.Process.Kill()
		_ = s.watchdog.Wait()
		s.leash.Close()
	}
	if s.server != nil {
		_ = s.server.Process.Kill()
		<-s.ended
	}
	s.server, s.watchdog = nil, nil
}

// run runs one of PostgreSQL's commands as the server's user.
func (s *Server) run(name string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// serverUser returns the user that PostgreSQL runs as when the test runs as
// root, under which it refuses to.
func serverUser() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("there is no user postgres to run the server as")
}

// binaries returns the folder of PostgreSQL's programs, the newest if there are several.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(found[len(found)-1]), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	return "", fmt.Errorf("these tests need PostgreSQL 15 or newer: install it (Debian: apt-get install postgresql), " +
		"or name a running server in LOOT_TEST_POSTGRES")
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
