// Package column keeps rows that are appended fast, asked in aggregate, sealed
// by the day and dropped by the month: in DuckDB files inside a folder, or in
// ClickHouse. What it acknowledges is on disk, a day is never lost or doubled,
// and what it erases is gone from every file.
//
// It knows nothing of what the rows mean. Whoever owns them gives a [Schema]
// and asks in SQL that both engines speak: CTEs, joins, window functions,
// UNION ALL, VALUES, GROUPING SETS, count(DISTINCT), FILTER, CAST(... AS BIGINT), coalesce and, for shuffling,
// row_number() OVER (ORDER BY [Random]). Where they differ, say it plainly: floor
// a float before it is cast to an integer, give each column of a join a name
// (s.id AS id), cast the sides of a union to one type, and order it as a subquery
// of its own.
package column

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"loot"
)

// A Store keeps the rows of one schema.
type Store interface {
	// Append writes the rows of one open day, all or none, and returns when
	// they are durable. It answers with [ErrSealed] when the day is closed, and
	// with an error of the kind Unavailable, having kept nothing, when it cannot
	// keep up or has no room. Rows are kept whole or not at all also when the
	// context ends or the process is killed meanwhile, but then nobody is told
	// which.
	Append(ctx context.Context, day Day, batch Batch) error

	// Query asks about the days from the first to the last, both included. The
	// name of a table of the schema stands for its rows of these days: those of
	// the open table are days that are not sealed, those of a sealed table the
	// days that are. The first column of each is the day. Values are written $1
	// and so on; they are integers, floats, text or bool.
	Query(ctx context.Context, from, to Day, query string, args ...any) (*Rows, error)

	// Seal closes days: makes their rows of the sealed tables from those of the
	// open ones, which are then gone from the disk. A day that is sealed stays so,
	// and sealing it again does nothing. Whoever reads meanwhile sees a day once,
	// as it was or as it is then. It returns when those who read the old rows have
	// ended, so whoever calls it must not be one of them. DuckDB writes a month
	// anew once for all its days that are given.
	Seal(ctx context.Context, days ...Day) error

	// Reopen takes appends for a sealed day again. Sealing it then adds what
	// was appended to what is there.
	Reopen(ctx context.Context, day Day) error

	// Drop erases all days before a day, and refuses appends to them for good.
	Drop(ctx context.Context, before Day) error

	// Rewrite erases the rows for which a condition over columns that every
	// table has does not hold, such as "site <> $1".
	Rewrite(ctx context.Context, keep string, args ...any) error

	// Open returns the days that have rows and are not sealed, the earliest first.
	Open(ctx context.Context) ([]Day, error)

	// Stats says what is kept, by month and by open day.
	Stats(ctx context.Context) ([]Part, error)

	// Close ends the store when what is being appended is committed.
	Close() error
}

// ErrSealed says that a day takes no more rows.
var ErrSealed = errors.New("column: the day is sealed")

// Random is the SQL function by which rows are shuffled on both engines.
const Random = "rand()"

// Mark is SQL that makes a mark of an integer that is not negative. How many
// different ones there are at least is then counted from the marks: some make the
// same, and there are 62. Over many rows it takes a fraction of what
// count(DISTINCT) does.
func Mark(integer string) string {
	return "bitShiftLeft(CAST(1 AS BIGINT), CAST(" + integer + " % 62 AS BIGINT))"
}

// NoMark stands in the place of a mark, and is not counted.
const NoMark = "CAST(4611686018427387904 AS BIGINT)"

// Marked is SQL that counts the marks of rows.
func Marked(marks string) string {
	return "(CAST(bitCount(bit_or(" + marks + ")) AS BIGINT) - " + Unmarked(marks) + ")"
}

// Unmarked is SQL that is 1 if a row has [NoMark], and 0 otherwise.
func Unmarked(marks string) string {
	return "CASE WHEN bit_or(" + marks + ") >= " + NoMark + " THEN 1 ELSE 0 END"
}

// A Batch is the rows to append, by table. A row has a value a column in the
// table's order, without the day, each of exactly the column's type.
type Batch map[string][]Row

// A Row is the values of a row.
type Row []any

// A Part is what is kept of a month, or of a day that is open.
type Part struct {
	Name  string // such as 2026-11, or 2026-11-28 for an open day
	Open  bool
	Files int // of DuckDB, or parts of ClickHouse
	Rows  int64
	Bytes int64 // on disk
}

// sortParts puts the months first.
func sortParts(parts []Part) {
	slices.SortFunc(parts, func(a, b Part) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
}

// Options bound what a store takes. The zero value of each stands for what is
// said beside it.
type Options struct {
	Memory  int64         // that DuckDB may use, in bytes: 256 MiB
	Threads int           // of DuckDB: as many as the program may use
	Queue   int           // rows that may wait for a commit: 65,536
	Linger  time.Duration // that a commit waits for others to share it: 5 ms, on ClickHouse 50 ms
}

// MaxBatch is the largest number of rows in a batch, and of a commit.
const MaxBatch = 8192

// Open opens the store at an address: "duckdb:FOLDER" or
// "clickhouse://USER:PASSWORD@HOST:PORT/DATABASE". DuckDB itself is started by
// the first append or query.
//
// Of several processes on one ClickHouse all may append and query; one at a time
// may seal, drop or rewrite.
func Open(ctx context.Context, address string, schema Schema, o Options) (Store, error) {
	if err := schema.check(); err != nil {
		return nil, err
	}
	if o.Memory == 0 {
		o.Memory = 256 << 20
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Queue == 0 {
		o.Queue = 65_536
	}
	if dir, ok := strings.CutPrefix(address, "duckdb:"); ok && dir != "" {
		return openDuck(dir, schema, o)
	}
	if strings.HasPrefix(address, "clickhouse:") {
		return openClick(ctx, address, schema, o)
	}
	return nil, loot.Errorf(loot.Invalid, msgAddress)
}

// A Day is a date: days since 1 January 1970.
type Day int32

// DayOf returns the date that a time shows where it is.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Time returns the day's midnight in UTC.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

func (d Day) is(o Day) bool { return d == o }

func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// Month returns the day's month, such as 2026-11.
func (d Day) Month() string { return d.Time().Format("2006-01") }

// MarshalText writes the day as a date.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a date.
func (d *Day) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return fmt.Errorf("column: day: %w", err)
	}
	*d = DayOf(t)
	return nil
}

// What a person reads when the store does not serve.
const (
	msgAddress = "The column store is written duckdb:FOLDER or clickhouse://USER:PASSWORD@HOST:PORT/DATABASE."

	msgQueue  = "More arrives than can be stored at the moment. Nothing was saved; please try again in a moment."
	msgFull   = "The disk of the column store is full. Nothing was saved; please try again later."
	msgLost   = "The column store cannot be reached at the moment. Nothing was saved; please try again in a moment."
	msgMemory = "This needs more memory than the column store may use. Ask about fewer days or tables, or give it more with --memory."
	msgBroken = "The column store cannot read or write its files. Nothing was saved; please try again later."
	msgClosed = "The column store is being closed. Nothing was saved; please try again in a moment."
)

func sealedError(day Day) error {
	return loot.Wrap(loot.Conflict, ErrSealed, fmt.Sprintf("The day %s is closed and takes no more rows.", day))
}
