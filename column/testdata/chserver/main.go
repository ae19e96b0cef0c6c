// Command chserver runs ClickHouse, which npm has as a library, as a server for
// tests on ports that the system chooses. It prints the two, of the native
// protocol and of HTTP, and ends when its standard input does.
//
//	chserver [--remove] LIBRARY FOLDER
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

func main() {
	remove := len(os.Args) > 1 && os.Args[1] == "--remove"
	args := os.Args[1:]
	if remove {
		args = args[1:]
	}
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: chserver [--remove] LIBRARY FOLDER")
		os.Exit(2)
	}
	if err := serve(args[0], args[1], remove); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(library, dir string, remove bool) error {
	// A client that is killed would otherwise end the server: the library takes
	// SIGPIPE for a crash. Its threads inherit the mask from this one.
	runtime.LockOSThread()
	pipe := uint64(1) << (syscall.SIGPIPE - 1)
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 0, uintptr(unsafe.Pointer(&pipe)), 0, unsafe.Sizeof(pipe), 0, 0); errno != 0 {
		return errno
	}
	lib, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	ports := filepath.Join(dir, "ports.tsv")
	if err := os.Remove(ports); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		for try := 0; remove && try < 100 && os.RemoveAll(dir) != nil; try++ { // the server still writes
		}
		os.Exit(0)
	}()
	go func() {
		for range time.Tick(10 * time.Millisecond) {
			var native, http int
			if b, err := os.ReadFile(ports); err != nil || !bytes.HasSuffix(b, []byte("\n")) {
				continue
			} else if _, err := fmt.Sscan(string(b), &native, &http); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			front, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println(front.Addr().(*net.TCPAddr).Port, http)
			for {
				client, err := front.Accept()
				if err != nil {
					return
				}
				go forward(client, native)
			}
		}
	}()
	return run(lib, "clickhouse", "--path="+dir, "--listen_host=127.0.0.1", "--tcp_port=0", "--http_port=0", "--query",
		"SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP;"+
			"SELECT getServerPort('tcp_port'), getServerPort('http_port') INTO OUTFILE '"+ports+"' FORMAT TSV;"+
			"SELECT sleepEachRow(1) FROM numbers(1000000) SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0 FORMAT Null")
}

// forward stands between a client and the server: when a client is killed, its
// connection is reset, for which the library, unlike ClickHouse's own server,
// aborts. From here it comes to an orderly end.
func forward(client net.Conn, port int) {
	defer client.Close()
	server, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(client, server)
	_, _ = io.Copy(io.Discard, server)
}

// run is the library's command line, which is that of clickhouse-local.
func run(lib uintptr, args ...string) error {
	var cmdline func(int32, unsafe.Pointer) uintptr
	var failure func(uintptr) string
	purego.RegisterLibFunc(&cmdline, lib, "chdb_query_cmdline")
	purego.RegisterLibFunc(&failure, lib, "chdb_result_error")
	var pin runtime.Pinner
	defer pin.Unpin()
	argv := make([]*byte, len(args)+1)
	for i, a := range args {
		b := append([]byte(a), 0)
		argv[i] = &b[0]
		pin.Pin(argv[i])
	}
	if e := failure(cmdline(int32(len(args)), unsafe.Pointer(&argv[0]))); e != "" {
		return errors.New(e)
	}
	return nil
}
