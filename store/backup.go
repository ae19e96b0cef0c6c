package store

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"loot"
)

// Backup writes a consistent copy of the database, which was opened at address,
// into the folder dir while it is in use: of SQLite a database file, of
// PostgreSQL an archive of pg_dump, which must be installed.
func (db *DB) Backup(ctx context.Context, address, dir, name string) error {
	if db.dialect == Postgres {
		path := filepath.Join(dir, name+".dump")
		if err := client(ctx, address, "pg_dump", "--format=custom", "--no-owner", "--file="+path); err != nil {
			return err
		}
		return os.Chmod(path, 0o600)
	}
	path := filepath.Join(dir, name+".db")
	if _, err := db.SQLitePool().ExecContext(ctx, `VACUUM INTO $1`, path); err != nil {
		return explain(fmt.Errorf("store: backup: %w", err))
	}
	return os.Chmod(path, 0o600)
}

// RestoreDump loads an archive made by [DB.Backup] into the empty PostgreSQL
// database at address.
func RestoreDump(ctx context.Context, path, address string) error {
	return client(ctx, address, "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", path)
}

// client runs a program of PostgreSQL's against the database at address: of
// several hosts against the one that takes writes, and with the same demands
// on its certificate. The password goes by the environment, so that no list of
// processes shows it.
func client(ctx context.Context, address, program string, args ...string) error {
	u, err := url.Parse(address)
	if err != nil {
		// The error would repeat the address, and so the password.
		return loot.Errorf(loot.Invalid, "The address of the database cannot be read.")
	}
	env := os.Environ()
	if password, ok := u.User.Password(); ok {
		env = append(env, "PGPASSWORD="+password)
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	for name := range query {
		if strings.HasPrefix(name, "pool_") { // for the pool of this program alone
			query.Del(name)
		}
	}
	if !query.Has("target_session_attrs") {
		query.Set("target_session_attrs", "read-write")
	}
	u.RawQuery = query.Encode()
	var complaint strings.Builder
	cmd := exec.CommandContext(ctx, program, append([]string{"--dbname=" + u.String()}, args...)...)
	cmd.Env, cmd.Stderr = env, &complaint
	if err := cmd.Run(); err != nil {
		first, _, _ := strings.Cut(complaint.String(), "\n")
		return loot.Wrap(loot.Unavailable, err, strings.TrimSpace(program+" did not succeed. It must be installed, at least as new as the server; a database that is restored into must be empty. "+first))
	}
	return nil
}
