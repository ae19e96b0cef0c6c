package store

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// bounded gives up a connection whose data nobody confirms. Without it a query
// to a machine that vanished waits for a quarter of an hour.
func bounded(network, _ string, c syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	var failed error
	if err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 15_000)
	}); err != nil {
		return err
	}
	return failed
}
