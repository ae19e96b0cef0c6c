// Package sftptest is a server of SFTP for tests: a real one, on a port of this machine.
package sftptest

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// A Server takes files of one key.
type Server struct {
	Address string
	HostKey string
	Folder  string // where the account begins, on this machine; it has the folder "in"
	hushed  *atomic.Bool
}

// Hush has the server fall silent: it still takes what is sent, and answers nothing.
func (s Server) Hush() { s.hushed.Store(true) }

// A hushable says nothing once it is hushed.
type hushable struct {
	ssh.Channel
	hushed *atomic.Bool
}

func (h hushable) Write(p []byte) (int, error) {
	if h.hushed.Load() {
		return len(p), nil
	}
	return h.Channel.Write(p)
}

// Start starts a server that ends with the test. Whoever has the key of that line of
// authorized_keys is let in.
func Start(t testing.TB, authorized string) Server {
	t.Helper()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	known, _, _, _, err := ssh.ParseAuthorizedKey([]byte(authorized))
	fail(err)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	fail(err)
	host, err := ssh.NewSignerFromKey(key)
	fail(err)
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, shown ssh.PublicKey) (*ssh.Permissions, error) {
		if string(shown.Marshal()) != string(known.Marshal()) {
			return nil, errors.New("another key")
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	fail(err)
	out := Server{Address: ln.Addr().String(), HostKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(host.PublicKey()))), Folder: t.TempDir(), hushed: new(atomic.Bool)}
	fail(os.Mkdir(filepath.Join(out.Folder, "in"), 0o700))
	done := make(chan struct{})
	t.Cleanup(func() { _ = ln.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go serve(c, config, out)
		}
	}()
	return out
}

func serve(c net.Conn, config *ssh.ServerConfig, s Server) {
	defer func() { _ = c.Close() }()
	_, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for one := range channels {
		channel, requests, err := one.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		}()
		if srv, err := sftp.NewServer(hushable{channel, s.hushed}, sftp.WithServerWorkingDirectory(s.Folder)); err == nil {
			_ = srv.Serve()
		}
		_ = channel.Close()
	}
}
