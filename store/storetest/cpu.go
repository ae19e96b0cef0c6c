package storetest

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// CPU begins to measure the processor time of this process and that of the
// PostgreSQL servers on the machine. The function it returns gives what both
// took since. It reads /proc and knows Linux only; elsewhere the second is zero.
func CPU() func() (own, server time.Duration) {
	own, server := ownCPU(), serverCPU()
	return func() (time.Duration, time.Duration) { return ownCPU() - own, serverCPU() - server }
}

func ownCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func serverCPU() time.Duration {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	var ticks int64
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		head, rest, ok := bytes.Cut(b, []byte(") "))
		if !ok || !bytes.HasSuffix(head, []byte("(postgres")) {
			continue
		}
		fields := bytes.Fields(rest)
		if len(fields) < 15 {
			continue
		}
		// Of the process itself (14, 15) and of children it has waited for (16, 17).
		for _, f := range fields[11:15] {
			n, _ := strconv.ParseInt(string(f), 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / 100
}
