package store

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
)

// An addition is the rows that one insert is to add.
type addition struct {
	insert string
	width  int // columns
	args   []any
	later  []laterRow
}

// A laterRow is a row that is still to be made, and its place among the arguments.
type laterRow struct {
	at  int
	row func() ([]any, error)
}

// complete makes the rows that are still to be made. A panic is an error: beside the
// function nobody would catch it, and the program would end.
func (a *addition) complete() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: a row could not be made: %v\n%s", p, debug.Stack())
		}
	}()
	for _, l := range a.later {
		row, err := l.row()
		if err != nil {
			return err
		}
		if len(row) != a.width {
			return fmt.Errorf("store: a row has %d columns, not %d: %s", len(row), a.width, a.insert)
		}
		copy(a.args[l.at:], row)
	}
	return nil
}

// maxAdded is how many rows go in one statement, and so how many statements of
// one insert are prepared: one for each number of rows. Where there are many,
// manyAdded go at once, and beside the function while it goes on.
const (
	maxAdded  = 8
	manyAdded = 64
)

// Add adds a row to the table of insert, such as "INSERT INTO t (a, b) VALUES",
// by the end of the transaction: the rows of one insert go together, as most of
// what a small statement costs is the statement. What follows VALUES follows the
// rows, such as " ON CONFLICT (a) DO NOTHING". A query of the transaction is sure
// to find them after [Tx.Flush] only. In which order the rows of different inserts
// go is not said, so that none may refer to one of another.
func (t *Tx) Add(insert string, row ...any) { t.add(insert, row, nil) }

// AddLater is [Tx.Add] for a row of so many columns that takes work to make: it is made
// when it goes in. Where rows go in beside the function it is made there, so that row must
// use neither the transaction nor what the function goes on to change. Its error is that
// of the transaction.
func (t *Tx) AddLater(insert string, columns int, row func() ([]any, error)) {
	t.add(insert, make([]any, columns), row)
}

func (t *Tx) add(insert string, row []any, later func() ([]any, error)) {
	i := slices.IndexFunc(t.added, func(a *addition) bool { return a.insert == insert })
	if i < 0 {
		i = len(t.added)
		t.added = append(t.added, &addition{insert: insert, width: len(row)})
	}
	a := t.added[i]
	if t.finished || a.width != len(row) {
		panic("store: a row was added after the end of the transaction, or has more or fewer columns than the one before")
	}
	if later != nil {
		a.later = append(a.later, laterRow{len(a.args), later})
	}
	if a.args = append(a.args, row...); len(a.args) == manyAdded*a.width && !t.reading() {
		t.insertBeside(*a)
		a.args, a.later = nil, nil
	}
}

// insertBeside inserts rows while the function goes on, after those that are on
// their way. Whatever else is asked of the database waits for them.
func (t *Tx) insertBeside(a addition) {
	before, done := t.beside, make(chan error, 1)
	t.beside = done
	go func() {
		completed := a.complete()
		if before != nil {
			if err := <-before; err != nil {
				done <- err
				return
			}
		}
		err := completed
		if err == nil {
			err = readable(a.args)
		}
		if err == nil && t.failed != nil {
			err = t.failed()
		}
		if err == nil {
			_, err = t.on.exec(context.Background(), a.statement(manyAdded, t.dialect), a.args)
		}
		done <- err
	}()
}

// settle waits for what is inserted beside the function.
func (t *Tx) settle() {
	if t.beside == nil {
		return
	}
	err := <-t.beside
	t.beside = nil
	if t.unadded == nil {
		t.unadded = err
	}
}

// Flush inserts at once what was added. Once it failed, the transaction cannot
// be committed.
func (t *Tx) Flush(ctx context.Context) error {
	t.settle()
	added := t.added
	t.added = nil
	for _, a := range added {
		if t.unadded == nil {
			t.unadded = a.complete()
		}
		for left := len(a.args) / a.width; left > 0 && t.unadded == nil; {
			n := min(left, maxAdded)
			if left >= manyAdded {
				n = manyAdded
			}
			rows := a.args[len(a.args)-left*a.width:]
			t.unadded = t.Queue(ctx, a.statement(n, t.dialect), rows[:n*a.width]...)
			left -= n
		}
	}
	return t.unadded
}

// statement returns the insert of n rows. SQLite gets parameters without numbers:
// one with a number has a name, and for each the names of all are gone through.
func (a *addition) statement(n int, d Dialect) string {
	head, tail, _ := strings.Cut(a.insert, " VALUES")
	var b strings.Builder
	b.WriteString(head)
	b.WriteString(" VALUES")
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(" (")
		if d == SQLite {
			b.WriteString(strings.Repeat(",?", a.width)[1:])
		} else {
			b.WriteString(Placeholders(1+i*a.width, a.width))
		}
		b.WriteByte(')')
	}
	b.WriteString(tail)
	return b.String()
}
