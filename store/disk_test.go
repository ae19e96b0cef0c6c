package store_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"loot"
	"loot/store"
	"loot/store/storetest"
)

// fill writes rows until that fails, and returns how many were acknowledged.
func fill(t *testing.T, db *store.DB) int {
	t.Helper()
	body := bytes.Repeat([]byte("x"), 20_000)
	for n := range 10_000 {
		err := db.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO note_note (id, n, body) VALUES ($1, $2, $3)", fmt.Sprintf("fill%05d", n), n, body)
			return err
		})
		if err == nil {
			continue
		}
		if loot.KindOf(err) != loot.Unavailable || !strings.Contains(loot.Message(err), "disk") {
			t.Errorf("a full disk is said to be %v", err)
		}
		return n
	}
	t.Fatal("the disk does not get full")
	return 0
}

func TestAFullDiskIsSaidAndIsOverWhenThereIsRoom(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		dir := storetest.Disk(t, "4m")
		ballast := filepath.Join(dir, "ballast")
		if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		db := storetest.Open(t, "sqlite:"+filepath.Join(dir, "loot.db"), notes)
		fullThenNot(t, db, func() {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("sqlite with a bound on pages", func(t *testing.T) {
		db := storetest.Open(t, storetest.SQLite(t), notes)
		bound := func(pages int) {
			if _, err := db.SQLitePool().Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
				t.Fatal(err)
			}
		}
		bound(100)
		fullThenNot(t, db, func() { bound(10_000) })
	})
	t.Run("postgres", func(t *testing.T) {
		dir := storetest.Disk(t, "4m")
		server := storetest.NewServer(t)
		address := server.Database(t)
		space := server.Tablespace(t, dir)
		db := storetest.Open(t, address+"&options=-c%20default_tablespace%3D"+space, notes)
		ballast := filepath.Join(dir, "ballast")
		if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		fullThenNot(t, db, func() {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func fullThenNot(t *testing.T, db *store.DB, room func()) {
	t.Helper()
	acknowledged := fill(t, db)
	if acknowledged == 0 {
		t.Error("nothing fitted")
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("reading fails too: %v", err)
	}
	room()
	if err := db.InTx(t.Context(), func(tx *store.Tx) error { return put(t.Context(), tx, "zz after", 1) }); err != nil {
		t.Errorf("it does not recover: %v", err)
	}
	if n := len(ids(t, db)); n != acknowledged+1 {
		t.Errorf("%d rows, want %d", n, acknowledged+1)
	}
}

func TestADatabaseThatTurnsReadOnlyIsSaidAndIsOverWhenItIsNot(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), notes)
	set := func(v int) {
		if _, err := db.SQLitePool().Exec(fmt.Sprintf("PRAGMA query_only = %d", v)); err != nil {
			t.Fatal(err)
		}
	}
	set(1)
	err := db.InTx(t.Context(), func(tx *store.Tx) error { return put(t.Context(), tx, "a", 1) })
	if loot.KindOf(err) != loot.Unavailable {
		t.Errorf("got %v", err)
	}
	set(0)
	if err := db.InTx(t.Context(), func(tx *store.Tx) error { return put(t.Context(), tx, "b", 1) }); err != nil {
		t.Errorf("it does not recover: %v", err)
	}
}

// As root may write everywhere, this runs the test again as somebody else.
func TestAFolderThatCannotBeWrittenIsSaidSo(t *testing.T) {
	if dir := os.Getenv("LOOT_TEST_READONLY"); dir != "" {
		for _, name := range []string{"new.db", "old.db"} {
			_, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, name))
			if loot.KindOf(err) != loot.Unavailable || !strings.Contains(loot.Message(err), dir) {
				t.Errorf("%s: %v", name, err)
			}
		}
		return
	}
	dir, err := os.MkdirTemp("", "loot-readonly-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	old := filepath.Join(dir, "old.db")
	if err := os.WriteFile(old, nil, 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	if os.Geteuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Fatalf("a read-only folder is tried as the user nobody, whom this machine lacks: %v", err)
		}
		uid, _ := strconv.ParseUint(nobody.Uid, 10, 32)
		gid, _ := strconv.ParseUint(nobody.Gid, 10, 32)
		// The test's own binary is where others may not read it.
		shared, err := os.MkdirTemp("", "loot-program-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(shared) })
		if err := os.Chmod(shared, 0o755); err != nil {
			t.Fatal(err)
		}
		program := filepath.Join(shared, "test")
		b, err := os.ReadFile(self)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(program, b, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd = exec.Command(program)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	cmd.Args = append(cmd.Args, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "LOOT_TEST_READONLY="+dir)
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
}
