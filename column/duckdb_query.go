package column

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
)

func (d *duck) Query(ctx context.Context, from, to Day, query string, args ...any) (*Rows, error) {
	if err := d.fold(ctx, func(day Day) bool { return from <= day && day <= to }); err != nil {
		return nil, err
	}
	v, err := d.see(ctx, func(m *manifest) (names []string) {
		for _, day := range slices.Sorted(maps.Keys(m.Days)) {
			if from <= day && day <= to {
				names = append(names, fileName(day.String(), m.Days[day]))
			}
		}
		for _, month := range slices.Sorted(maps.Keys(m.Months)) {
			if from.Month() <= month && month <= to.Month() {
				names = append(names, fileName(month, m.Months[month]))
			}
		}
		return names
	})
	if err != nil {
		return nil, err
	}
	args = slices.Clone(args)
	for i, a := range args {
		if u, ok := a.(uint64); ok {
			args[i] = new(big.Int).SetUint64(u) // database/sql takes no large one
		}
	}
	fail := func(err error) error { return d.failed(v.inst, canceled(ctx, err)) }
	rows, err := v.inst.db.QueryContext(ctx, within(d.relations(v.files, from, to), notMaterialized, query), args...)
	if err != nil {
		v.release()
		return nil, fail(err)
	}
	return newRows(rows, v.release, fail)
}

// relations says what each table's name stands for.
func (d *duck) relations(files []*file, from, to Day) (out []relation) {
	for _, t := range d.schema.Open {
		out = append(out, union(t, files, func(f *file) (string, string) { return f.dayLiteral(), "" }))
	}
	for _, t := range d.schema.Sealed {
		out = append(out, union(t.Table, files, func(*file) (string, string) {
			return `"day"`, fmt.Sprintf(` WHERE "day" BETWEEN %d AND %d`, from, to)
		}))
	}
	return out
}

// dayLiteral is the day of an open day's file.
func (f *file) dayLiteral() string {
	date, _, _ := strings.Cut(f.name, ".")
	var d Day
	_ = d.UnmarshalText([]byte(date)) // this package made the name
	return "CAST(" + strconv.Itoa(int(d)) + " AS INTEGER)"
}

// union is a table's rows in all files that have it; of says how a file tells
// the day and which rows are meant.
func union(t Table, files []*file, of func(*file) (day, where string)) relation {
	var parts []string
	for _, f := range files {
		have := f.tables[t.Name]
		if have == nil {
			continue
		}
		day, where := of(f)
		columns := list(t.Columns, func(c Column) string {
			if have[c.Name] {
				return quoted(c.Name)
			}
			return "CAST(" + types[c.Type].zero + " AS " + types[c.Type].duck + ") AS " + quoted(c.Name)
		})
		parts = append(parts, "SELECT "+day+` AS "day", `+columns+" FROM "+f.table(t.Name)+where)
	}
	if len(parts) == 0 {
		parts = []string{`SELECT CAST(0 AS INTEGER) AS "day", ` + list(t.Columns, func(c Column) string {
			return "CAST(" + types[c.Type].zero + " AS " + types[c.Type].duck + ") AS " + quoted(c.Name)
		}) + " WHERE false"}
	}
	return relation{t.Name, strings.Join(parts, " UNION ALL ")}
}

func (d *duck) Open(context.Context) ([]Day, error) {
	return slices.Sorted(maps.Keys(d.manifest().Days)), nil
}

func (d *duck) Stats(ctx context.Context) ([]Part, error) {
	if err := d.fold(ctx, everyDay); err != nil {
		return nil, err
	}
	v, err := d.see(ctx, (*manifest).files)
	if err != nil {
		return nil, err
	}
	defer v.release()
	var out []Part
	for _, f := range v.files {
		name, _, _ := strings.Cut(f.name, ".")
		p := Part{Name: name, Open: f.open, Files: 1}
		for t := range f.tables {
			if t == foldedTable {
				continue
			}
			var n int64
			if err := v.inst.db.QueryRowContext(ctx, "SELECT count(*) FROM "+f.table(t)).Scan(&n); err != nil {
				return nil, d.failed(v.inst, err)
			}
			p.Rows += n
		}
		for _, path := range []string{d.path(f.name), d.path(f.name) + ".wal"} {
			if s, err := os.Stat(path); err == nil {
				p.Bytes += s.Size()
			}
		}
		out = append(out, p)
	}
	sortParts(out)
	return out, nil
}
