package sftp

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	if b, _ := os.ReadFile(filepath.Join(srv.Folder, "in", "feed.age")); string(b) != content {
		t.Errorf("one that was cut took the place of the whole one")
	}
	f = begin()
	if err := f.Finish(); err != nil { // a second of the same name takes its place
		t.Error(err)
	}
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
		"no answer: ":               {func(s *Server) { s.Address = silent.Addr().String() }, here, key},
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
	for field, s := range map[string]Server{
		"address": {"sftp.example.com", "a", "", srv.HostKey}, "account": {"a:22", "", "", srv.HostKey}, "folder": {"a:22", "a", "a\nb", srv.HostKey}, "hostkey": {"a:22", "a", "", "ssh-ed25519"},
	} {
		if wrong := s.Check(); wrong[field] == "" || len(wrong) != 1 {
			t.Errorf("%s: %v", field, wrong)
		}
	}
}
