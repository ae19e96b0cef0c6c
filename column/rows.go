package column

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"os"
	"reflect"
)

// Rows are the answer to a query. They hold what they read from: close them.
type Rows struct {
	rows *sql.Rows
	done func()
	fail func(error) error
	ptrs []any
	vals []any
}

func newRows(rows *sql.Rows, done func(), fail func(error) error) (*Rows, error) {
	r := &Rows{rows: rows, done: done, fail: fail}
	columns, err := rows.Columns()
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.vals, r.ptrs = make([]any, len(columns)), make([]any, len(columns))
	for i := range r.vals {
		r.ptrs[i] = &r.vals[i]
	}
	return r, nil
}

// canceled says that a query ended because its context did, in whatever words
// the engine says that.
func canceled(ctx context.Context, err error) error {
	end := ctx.Err()
	if _, limited := ctx.Deadline(); end == nil && limited && errors.Is(err, os.ErrDeadlineExceeded) {
		end = context.DeadlineExceeded // the connection's clock was first
	}
	if end != nil && !errors.Is(err, end) {
		return errors.Join(end, err)
	}
	return err
}

// Next goes to the next row, if there is one; see [Rows.Err].
func (r *Rows) Next() bool { return r.rows.Next() }

// Err returns what ended the rows early.
func (r *Rows) Err() error {
	if err := r.rows.Err(); err != nil {
		return r.fail(err)
	}
	return nil
}

// Close ends the query.
func (r *Rows) Close() error {
	err := r.rows.Close()
	if r.done != nil {
		r.done()
		r.done = nil
	}
	return err
}

// Columns returns the names of the columns.
func (r *Rows) Columns() ([]string, error) { return r.rows.Columns() }

// Scan copies the row into pointers to integers, floats, text or bool, whatever
// width the engine gave its numbers, or into [sql.Scanner]s, which alone take
// NULL.
func (r *Rows) Scan(dest ...any) error {
	if len(dest) != len(r.vals) {
		return fmt.Errorf("column: scan: %d columns into %d values", len(r.vals), len(dest))
	}
	if err := r.rows.Scan(r.ptrs...); err != nil {
		return err
	}
	for i, d := range dest {
		if err := assign(d, plain(r.vals[i])); err != nil {
			return fmt.Errorf("column: scan: column %d: %w", i+1, err)
		}
	}
	return nil
}

// plain returns a value as bool, int64, uint64, float64, string or nil.
func plain(v any) any {
	switch v := v.(type) {
	case nil, bool, int64, uint64, float64, string:
		return v
	case []byte:
		return string(v)
	case *big.Int:
		switch {
		case v.IsInt64():
			return v.Int64()
		case v.IsUint64():
			return v.Uint64()
		}
		f, _ := new(big.Float).SetInt(v).Float64()
		return f
	case big.Int:
		return plain(&v)
	case interface{ Float64() float64 }:
		return v.Float64()
	case interface{ InexactFloat64() float64 }:
		return v.InexactFloat64()
	}
	switch x := reflect.ValueOf(v); x.Kind() {
	case reflect.Pointer:
		if x.IsNil() {
			return nil
		}
		return plain(x.Elem().Interface())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32:
		return x.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return x.Uint()
	case reflect.Float32:
		return x.Float()
	case reflect.String:
		return x.String()
	}
	return v
}

func assign(dest, v any) error {
	if s, ok := dest.(sql.Scanner); ok {
		if u, big := v.(uint64); big && u>>63 == 0 {
			v = int64(u) // the one width that a driver's value has
		}
		return s.Scan(v)
	}
	if v == nil {
		return fmt.Errorf("NULL into %T", dest)
	}
	d := reflect.ValueOf(dest)
	if d.Kind() != reflect.Pointer || d.IsNil() {
		return fmt.Errorf("into %T, which is no pointer", dest)
	}
	d = d.Elem()
	x := reflect.ValueOf(v)
	ok := false
	switch d.Kind() {
	case reflect.Interface:
		d.Set(x)
		return nil
	case reflect.String:
		if s, is := v.(string); is {
			d.SetString(s)
			ok = true
		}
	case reflect.Bool:
		switch v := v.(type) {
		case bool:
			d.SetBool(v)
			ok = true
		case int64:
			d.SetBool(v != 0)
			ok = v == 0 || v == 1
		case uint64:
			d.SetBool(v != 0)
			ok = v <= 1
		}
	case reflect.Float32, reflect.Float64:
		if x.CanInt() || x.CanUint() || x.CanFloat() {
			d.SetFloat(x.Convert(reflect.TypeFor[float64]()).Float())
			ok = true
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		switch {
		case x.CanInt():
			d.SetInt(x.Int())
			ok = !d.OverflowInt(x.Int())
		case x.CanUint():
			d.SetInt(int64(x.Uint()))
			ok = x.Uint()>>63 == 0 && !d.OverflowInt(int64(x.Uint()))
		case x.CanFloat():
			d.SetInt(int64(x.Float()))
			ok = float64(d.Int()) == x.Float()
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		switch {
		case x.CanInt():
			d.SetUint(uint64(x.Int()))
			ok = x.Int() >= 0 && !d.OverflowUint(uint64(x.Int()))
		case x.CanUint():
			d.SetUint(x.Uint())
			ok = !d.OverflowUint(x.Uint())
		case x.CanFloat():
			d.SetUint(uint64(x.Float()))
			ok = float64(d.Uint()) == x.Float()
		}
	}
	if !ok {
		return fmt.Errorf("a %T into %T, which does not hold it", v, dest)
	}
	return nil
}
