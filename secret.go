package loot

import (
	"os"
	"strings"
)

// ReadSecret returns the secret that a file holds, without the line ends behind
// it; what names it in errors, such as "the mail server's password". A file that
// everybody on the machine may read is refused. The secret is in no error.
func ReadSecret(path, what string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", Wrap(Unavailable, err, "The file with "+what+" cannot be read: "+path+".")
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return "", Errorf(Unavailable, "The file with %s may be read by everybody on this machine (mode %04o). Make it yours alone: chmod 600 %s", what, mode, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", Wrap(Unavailable, err, "The file with "+what+" cannot be read: "+path+".")
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
