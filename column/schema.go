package column

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"loot"
)

// A Type is what a column holds. None holds NULL; the zero value stands in
// where a row was written before the column was there.
type Type uint8

// The types of columns, and what they are in a [Row]: bool, uint8 and so on to
// float64, and string for Text, which is UTF-8.
const (
	Bool Type = iota + 1
	Uint8
	Uint16
	Uint32
	Uint64
	Int32
	Int64
	Float64
	Text
)

// types are each type's names in DuckDB and in ClickHouse, and its zero value.
var types = map[Type]struct{ duck, click, zero string }{
	Bool:    {"BOOLEAN", "Bool", "false"},
	Uint8:   {"UTINYINT", "UInt8", "0"},
	Uint16:  {"USMALLINT", "UInt16", "0"},
	Uint32:  {"UINTEGER", "UInt32", "0"},
	Uint64:  {"UBIGINT", "UInt64", "0"},
	Int32:   {"INTEGER", "Int32", "0"},
	Int64:   {"BIGINT", "Int64", "0"},
	Float64: {"DOUBLE", "Float64", "0"},
	Text:    {"VARCHAR", "String", "''"},
}

// zero is the type's zero value.
func (t Type) zero() any {
	return map[Type]any{
		Bool: false, Uint8: uint8(0), Uint16: uint16(0), Uint32: uint32(0), Uint64: uint64(0),
		Int32: int32(0), Int64: int64(0), Float64: float64(0), Text: "",
	}[t]
}

// holds reports whether a value is one of the type's.
func (t Type) holds(v any) (ok bool) {
	switch t {
	case Bool:
		_, ok = v.(bool)
	case Uint8:
		_, ok = v.(uint8)
	case Uint16:
		_, ok = v.(uint16)
	case Uint32:
		_, ok = v.(uint32)
	case Uint64:
		_, ok = v.(uint64)
	case Int32:
		_, ok = v.(int32)
	case Int64:
		_, ok = v.(int64)
	case Float64:
		f, is := v.(float64)
		ok = is && !math.IsNaN(f) // the engines disagree about its place in an order
	case Text:
		s, is := v.(string)
		ok = is && utf8.ValidString(s) && !strings.Contains(s, "\x00")
	}
	return ok
}

// A Column is a column of a table.
type Column struct {
	Name string
	Type Type
}

// A Table is a table besides its first column, the day, which each has.
type Table struct {
	Name    string
	Columns []Column
}

// A Derived is a table that sealing a day makes.
type Derived struct {
	Name string
	// Select makes the rows. It names the open tables, which then have the rows
	// of the day, the tables among Schema.Interim, and the sealed tables, which
	// have what was there of the day before it was reopened.
	Select string
}

// A Sealed is a table of the days that are sealed.
type Sealed struct {
	Table
	// Select makes the rows of a day, with a column for each of the table's by
	// its name, in any order, and none for the day; NULL becomes the type's zero
	// value. See [Derived].
	Select string
	// Order is the columns by which the rows of a day are sorted.
	Order []string
}

// A Schema is the tables of a store. A name is made of small letters, digits
// and underscores, and begins with its owner's. Columns and tables may be added
// from one version of a program to the next.
type Schema struct {
	Name string // of the whole, such as "visits"
	// Open are the tables that are appended to. Columns of one name are of one
	// type in all of them.
	Open []Table
	// Interim are made in this order when a day is sealed, and gone when it is:
	// what several selects share, such as a table of ids and what replaces them.
	// Each sees those before it.
	Interim []Derived
	// Sealed are the tables that are made from them.
	Sealed []Sealed
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

func (s *Schema) check() error {
	if !validName.MatchString(s.Name) || len(s.Open) == 0 {
		return fmt.Errorf("column: the schema %q needs a name of small letters and a table to append to", s.Name)
	}
	seen := map[string]bool{}
	name := func(n string) error {
		if !validName.MatchString(n) || seen[n] || n == s.Name {
			return fmt.Errorf("column: %q is no name for a table, or another table has it", n)
		}
		seen[n] = true
		return nil
	}
	table := func(t Table) error {
		if err := name(t.Name); err != nil {
			return err
		}
		columns := map[string]bool{"day": true}
		for _, c := range t.Columns {
			if _, ok := types[c.Type]; !ok || !validName.MatchString(c.Name) || columns[c.Name] {
				return fmt.Errorf("column: table %s: column %q has no type, a name that cannot be, or one that another has", t.Name, c.Name)
			}
			columns[c.Name] = true
		}
		return nil
	}
	shared := map[string]Type{}
	for _, t := range s.Open {
		if err := table(t); err != nil {
			return err
		}
		for _, c := range t.Columns {
			if have, ok := shared[c.Name]; ok && have != c.Type {
				return fmt.Errorf("column: table %s: column %q is of another type in another open table", t.Name, c.Name)
			}
			shared[c.Name] = c.Type
		}
	}
	for _, d := range s.Interim {
		if err := name(d.Name); err != nil {
			return err
		}
	}
	for _, t := range s.Sealed {
		if err := table(t.Table); err != nil {
			return err
		}
		for _, o := range t.Order {
			if !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == o }) {
				return fmt.Errorf("column: table %s is sorted by %q, which it has not", t.Name, o)
			}
		}
	}
	return nil
}

// checkBatch refuses what a database would, before it can spoil the commit that
// others share, and counts the rows.
func (s *Schema) checkBatch(batch Batch) (rows int, err error) {
	for name, of := range batch {
		i := slices.IndexFunc(s.Open, func(t Table) bool { return t.Name == name })
		if i < 0 {
			return 0, fmt.Errorf("column: append: there is no open table %q", name)
		}
		columns := s.Open[i].Columns
		for _, row := range of {
			if len(row) != len(columns) {
				return 0, fmt.Errorf("column: append: a row of %s has %d values, not %d", name, len(row), len(columns))
			}
			for j, c := range columns {
				if !c.Type.holds(row[j]) {
					return 0, loot.Wrap(loot.Invalid, fmt.Errorf("column: append: %s.%s: a %T that the column cannot hold", name, c.Name, row[j]),
						"A value cannot be stored: it is of another type, or text that is not UTF-8.")
				}
			}
		}
		rows += len(of)
	}
	if rows > MaxBatch {
		return 0, loot.Errorf(loot.TooLarge, "%d rows are more than the %d that are stored at once.", rows, MaxBatch)
	}
	return rows, nil
}

// A relation is a name and the query that it stands for.
type relation struct{ name, query string }

var (
	words     = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
	beginWith = regexp.MustCompile(`(?i)^\s*WITH\s`)
)

// within puts before a query what the names in it stand for.
func within(relations []relation, as, query string) string {
	used := map[string]bool{}
	for _, w := range words.FindAllString(query, -1) {
		used[w] = true
	}
	var ctes []string
	for _, r := range relations {
		if used[r.name] {
			ctes = append(ctes, quoted(r.name)+as+"("+r.query+")")
		}
	}
	if len(ctes) == 0 {
		return query
	}
	head := "WITH " + strings.Join(ctes, ",\n")
	if begin := beginWith.FindString(query); begin != "" {
		return head + ",\n" + query[len(begin):]
	}
	return head + "\n" + query
}

func quoted(name string) string { return `"` + name + `"` }

// literal returns text as SQL writes it.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// list writes columns one after another.
func list(columns []Column, f func(Column) string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = f(c)
	}
	return strings.Join(out, ", ")
}

// cast writes a column of a select as its table's type.
func cast(c Column, as string) string {
	return "coalesce(CAST(" + quoted(c.Name) + " AS " + as + "), " + types[c.Type].zero + ") AS " + quoted(c.Name)
}

// orderBy writes the order of a sealed table.
func orderBy(order []string) string {
	out := []string{`"day"`}
	for _, o := range order {
		out = append(out, quoted(o))
	}
	return strings.Join(out, ", ")
}
