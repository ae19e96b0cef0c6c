package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"loot/app"
	"loot/store"
)

// elsewhere returns the operator of an empty place with the same root key, as
// on a machine that takes over.
func (o *operator) elsewhere() *operator {
	o.t.Helper()
	dir := o.t.TempDir()
	root, err := os.ReadFile(filepath.Join(o.dir, "data.root.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "data.root.key"), root, 0o600)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	other := *o
	other.dir, other.env = dir, slices.Concat(o.env, []string{"LOOT_DATA=" + filepath.Join(dir, "data")})
	return &other
}

// TestBackupsAtWork makes backups while customers register, records are opened
// and keys are rotated without a pause: each is whole.
func TestBackupsAtWork(t *testing.T) {
	t.Parallel()
	o := newOperator(t, t.TempDir(), nil, "2")
	served := o.serve()
	l := o.load(2)
	rotating := o.start("rotate")
	l.more(20)
	data := filepath.Join(o.dir, "backup-data")
	o.wants(0, []string{"backup", "data", data})
	keys := filepath.Join(o.dir, "backup-keys")
	o.wants(0, []string{"backup", "keys", keys})
	at := app.Place{Data: filepath.Join(o.dir, "data")}
	for n := range 20 {
		dir := filepath.Join(o.dir, "backup-keys-"+strconv.Itoa(n))
		if _, err := at.Backup(t.Context(), app.BackupKeys, dir, time.Now()); err != nil {
			t.Fatal(err)
		}
		for _, epoch := range epochs(t, dir) {
			if _, err := os.Stat(filepath.Join(dir, "epochs", fmt.Sprintf("epoch.customer.%d.key", epoch))); err != nil {
				t.Errorf("a backup of the keys has some of an epoch that it does not have: %v", err)
			}
		}
	}
	l.more(20)
	rotating.end(syscall.SIGKILL)
	if rotating.out.String() != "" {
		t.Error("the rotation ended by itself")
	}
	l.end()
	o.wants(0, []string{"keys", "rotate"}) // finishes what was interrupted
	l.check(served)

	other := o.elsewhere()
	other.wants(0, []string{"restore", "keys", keys})
	other.wants(0, []string{"restore", "data", data})
	other.wants(0, []string{"keys", "check"}, "; 0 problems")
	other.wants(0, []string{"keys", "rotate"}) // the indexes are of an epoch that has ended
	other.wants(0, []string{"vault", "check"}, "; 0 problems")
	// The log is copied after the records, so it may hold a few entries more.
	if out, _ := other.run("loot", "ledger", "verify"); strings.Contains(out, "change: ") || strings.Contains(out, "reordering: ") {
		t.Error(out)
	}
}

// epochs returns the epochs that seal keys of customers in a backup.
func epochs(t *testing.T, dir string) (out []int) {
	t.Helper()
	// Opening a database writes beside it, and a backup is left as it is.
	file := filepath.Join(t.TempDir(), "persons.db")
	b, err := os.ReadFile(filepath.Join(dir, "persons.db"))
	if err == nil {
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), "sqlite:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.ReadTx(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(t.Context(), `SELECT DISTINCT epoch FROM keyring_person WHERE collection = 'customer' AND epoch > 0`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n int
			if err := rows.Scan(&n); err != nil {
				return err
			}
			out = append(out, n)
		}
		return rows.Err()
	}); err != nil || len(out) == 0 {
		t.Fatal(out, err)
	}
	return out
}
