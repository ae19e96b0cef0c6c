package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"loot/store"
	"loot/store/storetest"
)

// kills is how often the long runs and the ordinary ones kill.
func kills() int {
	if os.Getenv("LOOT_SOAK") != "" {
		return 20
	}
	return 3
}

// TestAKilledServerLosesNothing kills the server under load, again and again on
// the same installation: whatever it answered is there and in the ledger.
func TestAKilledServerLosesNothing(t *testing.T) {
	t.Parallel()
	o := newOperator(t, t.TempDir(), nil, "1")
	all := &load{o: o, refused: map[string]int{}}
	for run := range kills() {
		served := o.serve()
		l := o.load(8)
		l.more(100 + 37*run)
		served.end(syscall.SIGKILL)
		l.wg.Wait()
		all.entries, all.addresses = append(all.entries, l.entries...), append(all.addresses, l.addresses...)
	}
	all.check(o.serve())
}

// fillUp leaves no room on the disk of a folder, and returns what gives it back.
func fillUp(t *testing.T, dir string) (room func()) {
	t.Helper()
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 64<<10); len(chunk) > 0; {
		if _, err := f.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			chunk = chunk[:len(chunk)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(ballast); err != nil {
			t.Error(err)
		}
	}
}

// unavailable has visitors order until one is told, on a page, that it cannot be
// done just now: what is small may find room on a full disk.
func (o *operator) unavailable() {
	o.t.Helper()
	within(o.t, "a page that says so", func() bool {
		address := fmt.Sprintf("visitor%d@example.com", registered.Add(1))
		res, err := client.PostForm("http://"+o.vars["ADDR"]+"/order/shared-hosting", url.Values{
			"plan": {"shared-small"}, "company.name": {"Example Meadow Ltd"}, "contact.email": {address},
			"address.street": {"Sample Street 1"}, "address.city": {"Exampleton"}, "address.country": {"DE"},
		})
		if err != nil {
			o.t.Fatal(err)
		}
		defer res.Body.Close()
		page, err := io.ReadAll(res.Body)
		if err != nil {
			o.t.Fatal(err)
		}
		if res.StatusCode == http.StatusOK {
			return false
		}
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" ||
			!strings.Contains(string(page), "Not just now") || strings.Contains(string(page), address) {
			o.t.Errorf("status %d: %s", res.StatusCode, page)
		}
		return true
	})
	if status, _ := o.ask(http.MethodGet, "/healthz", nil); status != http.StatusOK {
		o.t.Errorf("/healthz: status %d", status)
	}
}

// ready waits until /readyz is answered with the status.
func (o *operator) ready(status int) {
	o.t.Helper()
	within(o.t, fmt.Sprintf("/readyz answers %d", status), func() bool {
		got, _ := o.ask(http.MethodGet, "/readyz", nil)
		return got == status
	})
}

// works waits until the server has taken up every job that is due.
func (o *operator) works(address string) {
	o.t.Helper()
	db, err := store.Open(o.t.Context(), address)
	if err != nil {
		o.t.Fatal(err)
	}
	defer db.Close()
	within(o.t, "the jobs are taken up", func() bool {
		var left int
		if err := db.ReadTx(o.t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(o.t.Context(), `SELECT count(*) FROM river_job WHERE state IN ('available', 'pending')`).Scan(&left)
		}); err != nil {
			o.t.Fatal(err)
		}
		return left == 0
	})
}

// TestAFullDisk: whoever asks is told, nothing that was answered is lost, and
// it is over when there is room, without a restart.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	dir := storetest.Disk(t, "24m")
	o := newOperator(t, dir, nil, "1")
	served := o.serve()
	l := o.load(4)
	l.more(50)
	room := fillUp(t, dir)
	l.refuses("The disk of the database is full. Nothing was saved;")
	o.ready(http.StatusServiceUnavailable)
	o.unavailable()
	room()
	o.ready(http.StatusOK)
	l.more(50)
	l.end()
	o.works("sqlite:" + filepath.Join(dir, "data", "loot.db"))
	l.check(served)
}

// TestFaultsOfPostgreSQL takes one running server through all that can happen
// to its database: each time whoever asks is told, nothing that was answered is
// lost, and it is over when its cause is, without a restart.
func TestFaultsOfPostgreSQL(t *testing.T) {
	t.Parallel()
	dir := storetest.Disk(t, "24m")
	server := storetest.NewServer(t)
	data := server.Database(t) + "&options=-c%20default_tablespace%3D" + server.Tablespace(t, dir)
	o := newOperator(t, t.TempDir(), nil, "1", "LOOT_STORE="+data, "LOOT_KEYS="+server.Database(t))
	served := o.serve()
	l := o.load(4)
	l.more(50)

	room := fillUp(t, dir)
	l.refuses("The disk of the database is full. Nothing was saved;")
	o.unavailable()
	room()
	l.more(50)

	server.Exec(t, "ALTER SYSTEM SET default_transaction_read_only = on")
	server.Exec(t, "SELECT pg_reload_conf()")
	l.refuses("The database cannot be written to at the moment. Nothing was saved;")
	o.unavailable()
	server.Exec(t, "ALTER SYSTEM RESET default_transaction_read_only")
	server.Exec(t, "SELECT pg_reload_conf()")
	l.more(50)

	server.Kill()
	l.refuses("The database cannot be reached at the moment. Nothing was saved;")
	o.ready(http.StatusServiceUnavailable)
	o.unavailable()
	server.Start(t)
	o.ready(http.StatusOK)
	l.more(50)
	l.end()
	o.works(data)
	l.check(served)
}

// TestFailover kills the primary of a synchronous pair under load, and then its
// successor: nothing that was answered is lost, and the server goes on with the
// standby by itself.
func TestFailover(t *testing.T) {
	t.Parallel()
	pair := storetest.NewPair(t)
	data := pair.Database(t)
	o := newOperator(t, t.TempDir(), nil, "1", "LOOT_STORE="+data, "LOOT_KEYS="+pair.Database(t))
	served := o.serve()
	l := o.load(8)
	l.more(100)
	rounds := 2
	if os.Getenv("LOOT_SOAK") != "" {
		rounds = 10
	}
	for round := range rounds {
		if round > 0 {
			pair.Rejoin(t)
			l.more(100)
		}
		pair.Kill()
		pair.Promote(t)
		l.more(100)
	}
	l.end()
	o.ready(http.StatusOK)
	o.works(data)
	o.wants(0, []string{"backup", "data", filepath.Join(o.dir, "backup")}) // from the one that serves now
	l.check(served)
}

// somebody returns a user who is not root, under whom a folder can be one that
// cannot be written, and a folder of theirs; nil if the test is not root's.
func somebody(t *testing.T) (*syscall.Credential, string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil, t.TempDir()
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	dir, err := os.MkdirTemp("", "loot-nobody-") // those of testing are for root alone
	if err != nil || err1 != nil || err2 != nil {
		t.Fatal(err, err1, err2)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	// So is the folder of the commands.
	program, err := exec.LookPath("loot")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(filepath.Dir(program)), 0o711); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, dir
}

// rests waits until everything recorded is in the log: its library ends the
// process if it cannot open its lock in the midst of writing.
func (o *operator) rests() {
	o.t.Helper()
	within(o.t, "the log rests", func() bool {
		out, _ := o.run("loot", "ledger", "verify")
		return strings.Contains(out, " 0 waiting.")
	})
}

// writable lets everything below a folder be written, or nothing.
func writable(t *testing.T, dir string, yes bool) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o400)
		if d.IsDir() {
			mode = 0o500
		}
		if yes {
			mode |= 0o200
		}
		return os.Chmod(path, mode)
	}); err != nil {
		t.Fatal(err)
	}
}

// TestAFolderThatCannotBeWritten: the server says so and answers nothing of a
// person while its folder cannot be written, goes on by itself afterwards, and
// at a start says what to do.
// TestAKeyFolderThatIsAway: without it nothing opens, which whoever asks whether
// the server is ready is told; once it is back, all goes on.
func TestAKeyFolderThatIsAway(t *testing.T) {
	t.Parallel()
	o := newOperator(t, t.TempDir(), nil, "1")
	served := o.serve()
	o.open("ID0")
	o.ready(http.StatusOK)
	keys := filepath.Join(o.dir, "data-keys", "epochs")
	if err := os.Rename(keys, keys+".away"); err != nil {
		t.Fatal(err)
	}
	o.ready(http.StatusServiceUnavailable)
	if err := os.Rename(keys+".away", keys); err != nil {
		t.Fatal(err)
	}
	o.ready(http.StatusOK)
	o.open("ID0")
	served.stop()
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, sub := range map[string]string{"data": "data", "log": "tiles"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who, home := somebody(t)
			o := newOperator(t, home, who, "1", "LOOT_LOG="+filepath.Join(home, sub, "log"))
			dir := filepath.Join(home, sub)
			served := o.serve()
			o.open("ID0")
			o.rests()
			writable(t, dir, false)
			t.Cleanup(func() { writable(t, dir, true) })
			o.ready(http.StatusServiceUnavailable)
			status, answer := o.ask(http.MethodPost, "/api/customers/"+o.vars["ID0"]+"/open", opening)
			if status != http.StatusServiceUnavailable || !strings.Contains(string(answer), "please try again") {
				t.Errorf("status %d: %s", status, answer)
			}
			o.unavailable()
			writable(t, dir, true)
			o.ready(http.StatusOK)
			o.open("ID0")
			served.stop()
			o.wants(0, []string{"ledger", "verify"})
			writable(t, dir, false)
			if name == "data" {
				o.wants(1, []string{"serve"}, "The database "+filepath.Join(dir, "loot.db")+" cannot be opened for writing. Check its owner and its mode, and those of its folder.")
				return
			}
			served = o.start("loot", "serve")
			within(t, "the server says what to do", func() bool {
				return strings.Contains(served.out.String(), "look at its folder's owner, mode and free space")
			})
			writable(t, dir, true)
			if err := readyAt(t.Context(), "http://"+o.vars["ADDR"]); err != nil {
				t.Error(err)
			}
			o.open("ID0")
			served.stop()
		})
	}
}
