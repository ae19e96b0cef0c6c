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
	"strconv"
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
	host, port, err := net.SplitHostPort(s.Address)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || host == "" || n == 0 {
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
	unfinished = ".part"
)

// How long a server may take. They are no constants so that a test need not wait.
var (
	greetFor  = 20 * time.Second // until both sides know each other and the file is begun
	answerFor = time.Minute      // to answer after that: one that is silent holds nobody
)

// A File is one that is being put on a server. It has its name there once it is whole.
type File struct {
	conn   net.Conn
	ssh    *ssh.Client
	client *sftp.Client
	file   *sftp.File
	ended  func() error // why the context of the file ended; nil: it did not
	stop   func() bool
	name   string
	size   int64
}

// Create begins a file on a server, signed in by key, and ctx holds until it is finished.
// Errors of this package are for a page: they name neither the server nor the account, and
// say nothing that the server wrote.
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
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, why(ctx.Err())
	case errors.Is(err, outbound.ErrInside):
		return nil, said(outbound.ErrInside.Error() + "; the operator can name it with --outbound-networks")
	case err != nil:
		return nil, said(outbound.Why(err).Error())
	}
	f := &File{conn: conn, ended: ctx.Err, stop: context.AfterFunc(ctx, func() { _ = conn.Close() }), name: path.Join(s.Folder, name)}
	greeting, greeted := context.WithTimeout(ctx, greetFor)
	defer greeted()
	inTime := context.AfterFunc(greeting, func() { _ = conn.Close() })
	err = f.begin(s.Address, &ssh.ClientConfig{
		User: s.Account, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(host), HostKeyAlgorithms: kinds,
	})
	if !inTime() {
		err = greeting.Err() // whatever the closed connection says
	}
	if err != nil {
		f.end()
		return nil, why(err)
	}
	return f, nil
}

// begin has both sides know each other, and opens the file.
func (f *File) begin(address string, config *ssh.ClientConfig) error {
	c, channels, requests, err := ssh.NewClientConn(f.conn, address, config)
	if err != nil {
		return err
	}
	f.ssh = ssh.NewClient(c, channels, requests)
	if f.client, err = sftp.NewClient(f.ssh); err != nil {
		return err
	}
	f.file, err = f.client.OpenFile(f.name+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	return err
}

// asked asks something of the server, which has answerFor to answer.
func (f *File) asked(ask func() error) error {
	silent := time.AfterFunc(answerFor, func() { _ = f.conn.Close() })
	err := ask()
	inTime := silent.Stop()
	switch {
	case err == nil:
		return nil
	case !inTime:
		err = context.DeadlineExceeded
	case f.ended() != nil:
		err = f.ended()
	}
	return why(err)
}

// Write writes to the file.
func (f *File) Write(p []byte) (n int, err error) {
	err = f.asked(func() error {
		n, err = f.file.Write(p)
		return err
	})
	f.size += int64(n)
	return n, err
}

// errCut says that not all of a file is there.
var errCut = errors.New("the server has not all of what was sent")

// Finish closes the file and, if the server has all of it, gives it its name. After an
// error the file is still to be aborted.
func (f *File) Finish() error {
	if err := f.asked(func() error {
		if err := f.file.Close(); err != nil {
			return err
		}
		info, err := f.client.Stat(f.name + unfinished)
		if err != nil {
			return err
		}
		if info.Size() != f.size {
			return errCut
		}
		if err := f.client.PosixRename(f.name+unfinished, f.name); err == nil { // an extension of OpenSSH
			return nil
		}
		return f.client.Rename(f.name+unfinished, f.name)
	}); err != nil {
		return err
	}
	f.end()
	return nil
}

// Abort leaves nothing of the file there, as far as the server lets it.
func (f *File) Abort() {
	_ = f.asked(func() error {
		_ = f.file.Close()
		return f.client.Remove(f.name + unfinished)
	})
	f.end()
}

func (f *File) end() {
	if f.client != nil {
		_ = f.asked(f.client.Close) // it waits until the server has taken leave
	}
	if f.ssh != nil {
		_ = f.ssh.Close()
	}
	_ = f.conn.Close()
	f.stop()
}

// said is an error with words for a page. What it says of a server may be another at the
// next try.
func said(words string) error {
	return loot.Errorf(loot.Unavailable, "%s.", strings.ToUpper(words[:1])+words[1:])
}

// Codes of servers with a newer version (draft-ietf-secsh-filexfer-13) than what the
// library names.
const (
	noSuchPath   = 10
	writeProtect = 12
	noSpace      = 14
	overQuota    = 15
)

// why says in words of ours what went wrong. What the server wrote may be of any length and
// about anybody, so nothing of it is in them.
func why(err error) error {
	code := uint32(0)
	if status, ok := errors.AsType[*sftp.StatusError](err); ok {
		code = status.Code
	}
	text := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return said("no answer in time")
	case errors.Is(err, context.Canceled):
		return said("it was stopped on our side")
	case errors.Is(err, errCut):
		return said(errCut.Error())
	case errors.Is(err, os.ErrPermission), code == writeProtect:
		return said("the account may not write there")
	case errors.Is(err, os.ErrNotExist), code == noSuchPath:
		return said("the folder is not there")
	case code == noSpace, code == overQuota:
		return said("the server has no room left for it")
	case code != 0:
		return said("the server did not take it: its disk may be full, or something of that name in the way")
	case strings.Contains(text, "host key mismatch"), strings.Contains(text, "no common algorithm for host key"):
		return said("the server shows another host key")
	case strings.Contains(text, "unable to authenticate"):
		return said("the server does not let us in: the partner has to enter our key for the account")
	case strings.Contains(text, "no common algorithm"):
		return said("the server and we know no way to encrypt in common")
	case strings.Contains(text, "subsystem request failed"):
		return said("the server has no SFTP for the account")
	}
	return said("the connection to the server broke off")
}
