package sftp

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"loot/desk/partners/sftp/sftptest"
	"loot/outbound"
)

var here = outbound.Reach{netip.MustParsePrefix("127.0.0.0/8")}

// TestAFileArrivesWhole: under its name once all of it is there, and nothing stays of one
// that was given up.
func TestAFileArrivesWhole(t *testing.T) {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	srv := sftptest.Start(t, PublicKey(key))
	ctx := t.Context()
	to := Server{Address: srv.Address, Account: "loot", Folder: "in", HostKey: srv.HostKey}
	if wrong := to.Check(); len(wrong) > 0 || !strings.HasPrefix(to.Fingerprint(), "SHA256:") {
		t.Errorf("%v, %q", wrong, to.Fingerprint())
	}
	begin := func() *File {
		t.Helper()
		f, err := Create(ctx, here, to, key, "feed.age")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := begin()
	content := strings.Repeat("sealed", 50_000)
	if _, err := f.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(srv.Folder, "in", "feed.age")); err == nil {
		t.Error("it has its name before it is whole")
	}
	if err := f.Finish(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(srv.Folder, "in", "feed.age")); err != nil || string(b) != content {
		t.Errorf("%d bytes arrived, %v", len(b), err)
	}
	f = begin()
	_, _ = f.Write([]byte("half"))
	f.Abort()
	if list, _ := os.ReadDir(filepath.Join(srv.Folder, "in")); len(list) != 1 {
		t.Errorf("%v", list)
	}
	f = begin()
	_, _ = f.Write([]byte("all of it"))
	if err := os.Truncate(filepath.Join(srv.Folder, "in", "feed.age.part"), 3); err != nil { // as a full disk may
		t.Fatal(err)
	}
	if err := f.Finish(); err == nil || !strings.Contains(err.Error(), "has not all") {
		t.Errorf("a file that was cut: %v", err)
	}
	f.Abort()
	if list, _ := os.ReadDir(filepath.Join(srv.Folder, "in")); len(list) != 1 {
		t.Errorf("of a file that was cut there stays %v", list)
	}
	if b, _ := os.ReadFile(filepath.Join(srv.Folder, "in", "feed.age")); string(b) != content {
		t.Errorf("one that was cut took the place of the whole one")
	}
	f = begin()
	if err := f.Finish(); err != nil { // a second of the same name takes its place
		t.Error(err)
	}
	if err := os.MkdirAll(filepath.Join(srv.Folder, "in", "taken", "by a folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := Create(ctx, here, to, key, "taken")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Finish(); err == nil || !strings.Contains(err.Error(), "did not take it") || strings.Contains(err.Error(), "taken") {
		t.Errorf("a name that is taken: %v", err) // without the words of the server, which has its path in them
	}
	f.Abort()
	if list, _ := os.ReadDir(filepath.Join(srv.Folder, "in")); len(list) != 2 {
		t.Errorf("of a file whose name was taken there stays %v", list)
	}
}

// TestASilentServerHoldsNobody: before it greets, while it greets, and while it is written to.
func TestASilentServerHoldsNobody(t *testing.T) {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	srv := sftptest.Start(t, PublicKey(key))
	to := Server{Address: srv.Address, Account: "loot", Folder: "in", HostKey: srv.HostKey}
	was, answer := greetFor, answerFor
	t.Cleanup(func() { greetFor, answerFor = was, answer })
	late := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "No answer in time") {
			t.Errorf("%s: %v", what, err)
		}
	}
	f, err := Create(t.Context(), here, to, key, "feed.age")
	if err != nil {
		t.Fatal(err)
	}
	srv.Hush()
	answerFor = 50 * time.Millisecond
	_, err = f.Write([]byte("sealed"))
	late("a write", err)
	f.Abort()

	greetFor = 200 * time.Millisecond
	_, err = Create(t.Context(), here, to, key, "feed.age")
	late("SFTP", err)
	to.Address = accepting(t, nil)
	_, err = Create(t.Context(), here, to, key, "feed.age")
	late("SSH", err)

	ctx, stop := context.WithCancel(t.Context())
	greetFor = time.Hour
	to.Address = accepting(t, func(net.Conn) { stop() })
	if _, err := Create(ctx, here, to, key, "feed.age"); err == nil || !strings.Contains(err.Error(), "stopped on our side") {
		t.Errorf("one that was stopped: %v", err)
	}
}

// TestWordsOfAServerAreNotShown: one that sends us away may write whatever it likes.
func TestWordsOfAServerAreNotShown(t *testing.T) {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	to := Server{Account: "loot", HostKey: sftptest.Start(t, PublicKey(key)).HostKey}
	to.Address = accepting(t, func(c net.Conn) {
		away := ssh.Marshal(struct { // SSH_MSG_DISCONNECT (RFC 4253, section 11.1)
			Reason   uint32 `sshtype:"1"`
			Text     string
			Language string
		}{11, "jo@example.com may not come in", ""})
		padding := 16 - (5+len(away))%8
		packet := append(binary.BigEndian.AppendUint32(nil, uint32(1+len(away)+padding)), byte(padding))
		_, _ = c.Write(append([]byte("SSH-2.0-x\r\n"), append(append(packet, away...), make([]byte, padding)...)...))
	})
	if _, err := Create(t.Context(), here, to, key, "x"); err == nil || err.Error() != "The connection to the server broke off." {
		t.Errorf("%v", err)
	}
}

// accepting is the address of a server that takes connections, does something with each,
// and says nothing else. It ends with the test.
func accepting(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = ln.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			defer c.Close() // each stays open until the end
			if do != nil {
				do(c)
			}
		}
	}()
	return ln.Addr().String()
}

// TestWhatIsWrongIsSaid in words that name neither the server nor the account.
func TestWhatIsWrongIsSaid(t *testing.T) {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	_, stranger, _ := ed25519.GenerateKey(rand.Reader)
	srv := sftptest.Start(t, PublicKey(key))
	other := sftptest.Start(t, PublicKey(key))
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent.Close()
	right := Server{Address: srv.Address, Account: "loot", Folder: "in", HostKey: srv.HostKey}
	for want, c := range map[string]struct {
		change func(*Server)
		reach  outbound.Reach
		key    ed25519.PrivateKey
	}{
		"--outbound-networks":       {func(*Server) {}, nil, key},
		"another host key":          {func(s *Server) { s.HostKey = other.HostKey }, here, key},
		"does not let us in":        {func(*Server) {}, here, stranger},
		"folder is not there":       {func(s *Server) { s.Folder = "none" }, here, key},
		"cannot be read":            {func(s *Server) { s.HostKey = "ssh-rsa AAAA" }, here, key},
		"No answer: ":               {func(s *Server) { s.Address = silent.Addr().String() }, here, key},
		"of the server is not know": {func(s *Server) { s.Address = "nowhere.invalid:22" }, here, key},
	} {
		to := right
		c.change(&to)
		f, err := Create(context.Background(), c.reach, to, c.key, "x")
		if err == nil {
			f.Abort()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "invalid:22") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, port := range []string{"", "0", "99999", "ftpx", "-1"} {
		if wrong := (Server{Address: "a:" + port, Account: "a", HostKey: srv.HostKey}).Check(); wrong["address"] == "" || len(wrong) != 1 {
			t.Errorf("port %q: %v", port, wrong)
		}
	}
	for field, s := range map[string]Server{
		"address": {"sftp.example.com", "a", "", srv.HostKey}, "account": {"a:22", "", "", srv.HostKey}, "folder": {"a:22", "a", "a\nb", srv.HostKey}, "hostkey": {"a:22", "a", "", "ssh-ed25519"},
	} {
		if wrong := s.Check(); wrong[field] == "" || len(wrong) != 1 {
			t.Errorf("%s: %v", field, wrong)
		}
	}
}
