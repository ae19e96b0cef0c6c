package storetest

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// CPU begins to measure the processor time of this process and of the servers of
// PostgreSQL that it has started, and the function it returns gives what each
// took since. It reads /proc; where there is none, the second is zero.
func CPU() func() (own, server time.Duration) {
	own, server := ownCPU(), serversCPU()
	return func() (time.Duration, time.Duration) { return ownCPU() - own, serversCPU() - server }
}

func ownCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// launched are the servers that run, by the id of their first process.
var launched sync.Map

// serversCPU adds up the first processes of the servers and their children, in
// steps of ten milliseconds.
func serversCPU() time.Duration {
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
		_, first := launched.Load(filepath.Base(filepath.Dir(name)))
		_, child := launched.Load(string(fields[1]))
		if !first && !child {
			continue
		}
		for _, f := range fields[11:15] { // its own time and that of children it waited for
			n, _ := strconv.ParseInt(string(f), 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
