// Package sftp puts files on servers of others by SFTP (draft-ietf-secsh-filexfer-02 over
// SSH, RFC 4251). It knows nobody's data: what it carries is sealed before.
package sftp

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"loot"
	"loot/outbound"
)

// A Server is where files are put.
type Server struct {
	Address string // host and port
	Account string
	Folder  string // empty: where the account begins
	HostKey string // by which the server is known, as ssh-keyscan prints it, without the host
}

// Check says what is wrong with what somebody typed, by field: "address", "account",
// "folder" and "hostkey".
func (s Server) Check() map[string]string {
	wrong := map[string]string{}
	if host, port, err := net.SplitHostPort(s.Address); err != nil || host == "" || port == "" {
		wrong["address"] = "A server is a host and a port, such as sftp.example.com:22."
	}
	if s.Account == "" {
		wrong["account"] = "Give the account under which files are put there."
	}
	if strings.ContainsFunc(s.Folder, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		wrong["folder"] = "A folder is such as /in/loot."
	}
	if _, err := s.hostKey(); err != nil {
		wrong["hostkey"] = "This is no host key. One is such as “ssh-ed25519 AAAA…”, and ssh-keyscan prints it."
	}
	return wrong
}

func (s Server) hostKey() (ssh.PublicKey, error) {
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(s.HostKey))
	if err == nil && len(strings.TrimSpace(string(rest))) > 0 {
		err = errors.New("sftp: more than one host key")
	}
	return key, err
}

// Fingerprint returns the SHA-256 of the host key as OpenSSH writes it; empty: it is none.
func (s Server) Fingerprint() string {
	key, err := s.hostKey()
	if err != nil {
		return ""
	}
	return ssh.FingerprintSHA256(key)
}

// PublicKey returns the key by which we sign in as a line of authorized_keys.
func PublicKey(key ed25519.PrivateKey) string {
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		panic(err) // a key of Ed25519 is one
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))) + " loot"
}

const (
	dialFor    = 10 * time.Second
	greetFor   = 20 * time.Second // until both sides know each other
	unfinished = ".part"
)

// A File is one that is being put on a server. It has its name there once it is whole.
type File struct {
	file   *sftp.File
	client *sftp.Client
	ssh    *ssh.Client
	stop   func() bool
	name   string
	size   int64
}

// Create begins a file on a server, signed in by key. Nothing of the errors names the
// server or the account.
func Create(ctx context.Context, reach outbound.Reach, s Server, key ed25519.PrivateKey, name string) (*File, error) {
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("sftp: key: %w", err)
	}
	host, err := s.hostKey()
	if err != nil {
		return nil, loot.Errorf(loot.Conflict, "The host key of the partner's server cannot be read. Enter it anew.")
	}
	kinds := []string{host.Type()}
	if host.Type() == ssh.KeyAlgoRSA {
		kinds = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	conn, err := reach.Dialer(dialFor).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, why(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	greeting, greeted := context.WithTimeout(ctx, greetFor)
	defer greeted()
	inTime := context.AfterFunc(greeting, func() { _ = conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, s.Address, &ssh.ClientConfig{
		User: s.Account, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(host), HostKeyAlgorithms: kinds,
	})
	if !inTime() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		stop()
		_ = conn.Close()
		return nil, why(err)
	}
	f := &File{ssh: ssh.NewClient(c, channels, requests), stop: stop, name: path.Join(s.Folder, name)}
	if f.client, err = sftp.NewClient(f.ssh); err == nil {
		f.file, err = f.client.OpenFile(f.name+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	}
	if err != nil {
		f.end()
		return nil, why(err)
	}
	return f, nil
}

// Write writes to the file.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	f.size += int64(n)
	if err != nil {
		err = why(err)
	}
	return n, err
}

// errCut says that not all of a file is there.
var errCut = errors.New("the server has not all of what was sent")

// Finish closes the file and, if the server has all of it, gives it its name.
func (f *File) Finish() error {
	defer f.end()
	err := f.file.Close()
	var info os.FileInfo
	if err == nil {
		info, err = f.client.Stat(f.name + unfinished)
	}
	if err == nil && info.Size() != f.size {
		err = errCut
	}
	if err == nil {
		if err = f.client.PosixRename(f.name+unfinished, f.name); err != nil { // an extension of OpenSSH
			err = f.client.Rename(f.name+unfinished, f.name)
		}
	}
	if err != nil {
		return why(err)
	}
	return nil
}

// Abort leaves nothing of the file there, as far as the server lets it.
func (f *File) Abort() {
	_ = f.file.Close()
	_ = f.client.Remove(f.name + unfinished)
	f.end()
}

func (f *File) end() {
	if f.client != nil {
		_ = f.client.Close()
	}
	_ = f.ssh.Close()
	f.stop()
}

// why says in words for a page what went wrong, without the server or the account.
func why(err error) error {
	status, refused := errors.AsType[*sftp.StatusError](err)
	switch {
	case errors.Is(err, os.ErrPermission):
		return errors.New("the account may not write there")
	case errors.Is(err, os.ErrNotExist):
		return errors.New("the folder is not there")
	case errors.Is(err, errCut):
		return err
	case strings.Contains(err.Error(), "host key mismatch"):
		return errors.New("the server shows another host key")
	case strings.Contains(err.Error(), "unable to authenticate"):
		return errors.New("the server does not let us in: the partner has to enter our key for the account")
	case refused:
		return fmt.Errorf("the server did not take it: %w", status)
	}
	return outbound.Why(err)
}
