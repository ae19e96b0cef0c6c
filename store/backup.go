package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"

	"loot"
)

// Backup writes a consistent copy of the database at url into the folder dir
// while it is in use, and returns the path of the file that it made: of SQLite
// a database file, of PostgreSQL an archive of pg_dump, which must be installed.
func Backup(ctx context.Context, url, dir, name string) (string, error) {
	db, err := Open(ctx, url)
	if err != nil {
		return "", err
	}
	defer db.Close()
	if db.dialect == Postgres {
		path := filepath.Join(dir, name+".dump")
		if err := client(ctx, url, "pg_dump", "--format=custom", "--no-owner", "--file="+path); err != nil {
			return "", err
		}
		return path, os.Chmod(path, 0o600)
	}
	path := filepath.Join(dir, name+".db")
	if _, err := db.SQLitePool().ExecContext(ctx, `VACUUM INTO $1`, path); err != nil {
		return "", explain(fmt.Errorf("store: backup: %w", err))
	}
	return path, os.Chmod(path, 0o600)
}

// RestoreDump loads an archive made by [Backup] into the empty PostgreSQL
// database at url.
func RestoreDump(ctx context.Context, path, url string) error {
	return client(ctx, url, "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", "--dbname=", path)
}

// client runs a program of PostgreSQL's against the database at url. What is
// in the address goes by the environment, so that no list of processes shows
// the password.
func client(ctx context.Context, url, program string, args ...string) error {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return loot.Wrap(loot.Invalid, err, "The address of the database cannot be read.")
	}
	for i, a := range args {
		if a == "--dbname=" {
			args[i] += c.Database
		}
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "PGHOST="+c.Host, "PGPORT="+strconv.Itoa(int(c.Port)), "PGUSER="+c.User, "PGPASSWORD="+c.Password, "PGDATABASE="+c.Database)
	if err := cmd.Run(); err != nil {
		return loot.Wrap(loot.Unavailable, err, program+" did not succeed. It must be installed, at least as new as the server; a database that is restored into must be empty.")
	}
	return nil
}
