package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"loot"
)

// ErrLed says that another process holds the name that [DB.Lead] was asked for.
var ErrLed = errors.New("store: led by another")

var (
	errFinished = errors.New("store: transaction used after its function returned")
	errRowsOpen = errors.New("store: the rows of one query were still open at the next")
	errReadOnly = errors.New("store: nothing can be written here")
	errNested   = errors.New("store: a transaction inside a transaction of the same database; pass the Tx on")
)

// What a person reads when the database does not serve.
const (
	msgClosed  = "The database is being closed. Nothing was saved; please try again in a moment."
	msgFull    = "The disk of the database is full. Nothing was saved; please try again later."
	msgLocked  = "The database cannot be written to at the moment. Nothing was saved; please try again later."
	msgLost    = "The database cannot be reached at the moment. Nothing was saved; please try again in a moment."
	msgBroken  = "The database cannot read or write its files. Nothing was saved; please try again later."
	msgBusy    = "Too many others change the same thing at this moment. Nothing was saved; please try again."
	msgUnknown = "The connection to the database broke while it was saving. Please look whether the change was kept before you try again."
)

// IsUnique reports whether err says that a row with the same key exists.
func IsUnique(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return sqlState(err) == "23505"
}

// explain gives a database's error the kind and the words that it deserves,
// and leaves alone what somebody has classified already.
func explain(err error) error {
	if err == nil || loot.KindOf(err) != loot.Internal {
		return err
	}
	if msg := reason(err); msg != "" {
		return loot.Wrap(loot.Unavailable, err, msg)
	}
	if s := sqlState(err); s == "22021" || s == "22P05" {
		return loot.Wrap(loot.Invalid, err, "The text holds characters that cannot be stored.")
	}
	return err
}

// reason returns the words for an error that is the fault of the database's
// surroundings, and nothing for any other.
func reason(err error) string {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_FULL:
			return msgFull
		case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
			return msgLocked
		case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PROTOCOL:
			return msgBroken
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return msgBusy
		}
		return ""
	}
	switch s := sqlState(err); {
	case s == "53100":
		return msgFull
	case s == "25006":
		return msgLocked
	case s == "40001" || s == "40P01" || s == "55P03":
		return msgBusy
	case s == "58030" || strings.HasPrefix(s, "XX"):
		return msgBroken
	case strings.HasPrefix(s, "08") || strings.HasPrefix(s, "57P") || strings.HasPrefix(s, "53"):
		return msgLost
	}
	if lostConnection(err) {
		return msgLost
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return msgLocked
	}
	return ""
}

func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// lostConnection reports whether err tells of a connection to PostgreSQL that
// ended or never came to be.
func lostConnection(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, io.ErrUnexpectedEOF)
}
