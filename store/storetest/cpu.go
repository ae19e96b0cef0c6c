package storetest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// CPU returns the processor time that this process took so far.
func CPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// CPU returns the processor time that the server took so far, in steps of ten
// milliseconds. It reads /proc, so it is
// zero where there is none, and for no server.
func (s *Server) CPU() time.Duration {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return 0
	}
	main := s.server.Process.Pid
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	var ticks int64
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it ended meanwhile
		}
		_, rest, ok := bytes.Cut(b, []byte(") "))
		fields := bytes.Fields(rest)
		if !ok || len(fields) < 15 {
			continue
		}
		parent := string(fields[1]) == strconv.Itoa(main)
		if name != fmt.Sprintf("/proc/%d/stat", main) && !parent {
			continue
		}
		for _, f := range fields[11:15] { // its own time and that of children it waited for
			n, _ := strconv.ParseInt(string(f), 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
