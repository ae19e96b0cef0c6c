package column

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"loot"
)

// click is the store in a database of ClickHouse, where nothing but an insert
// into one partition of one table is atomic. So:
//
//   - All open tables are one table with a partition a day, so that a commit is
//     one insert.
//   - Sealed rows carry the number of the attempt that made them, and a table
//     with the manifest says which number counts. It is read at each query and
//     again when that has begun: where it was replaced between the two, the query
//     begins anew.
//   - It is read again also after each insert, before that is acknowledged: an
//     insert that ended when the day was still open is seen by the seal.
type click struct {
	schema Schema
	conn   driver.Conn // to append and administer
	db     *sql.DB     // to query
	group  *group

	maintenance sync.Mutex
	insert      func(ctx context.Context, token string, day Day, waiters []*waiter) error
}

const (
	retries = 5
	backOff = 200 * time.Millisecond
)

func openClick(ctx context.Context, address string, schema Schema, o Options) (Store, error) {
	options, err := clickhouse.ParseDSN(address)
	if err != nil {
		return nil, errors.New("column: the address of ClickHouse cannot be read: it must be clickhouse://USER:PASSWORD@HOST:PORT/DATABASE") // the error repeats the password
	}
	options.Settings = clickhouse.Settings{
		// What standard SQL and DuckDB do:
		"join_use_nulls":                     1,
		"aggregate_functions_null_for_empty": 1,
		"union_default_mode":                 "DISTINCT",
		"prefer_column_name_to_alias":        1,
		"cast_keep_nullable":                 1,
		"group_by_use_nulls":                 1,
		// An insert has happened when it returns:
		"async_insert":                    0,
		"mutations_sync":                  2,
		"alter_sync":                      2,
		"max_partitions_per_insert_block": 0,
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, explainClick(err)
	}
	c := &click{schema: schema, conn: conn, db: clickhouse.OpenDB(options)}
	c.insert = c.send
	err = c.create(ctx)
	if err == nil {
		err = c.emptied(ctx)
	}
	if err != nil {
		return nil, errors.Join(explainClick(err), c.db.Close(), conn.Close())
	}
	linger := o.Linger
	if linger == 0 {
		linger = 50 * time.Millisecond
	}
	c.group = &group{write: c.commit, linger: linger, few: 1000, bound: o.Queue}
	c.group.start()
	return c, nil
}

func (c *click) openTable() string     { return quoted(c.schema.Name + "_open") }
func (c *click) manifestTable() string { return quoted(c.schema.Name + "_manifest") }

// openColumns are the columns of all open tables; those of one name are one.
func (c *click) openColumns() (out []Column) {
	for _, t := range c.schema.Open {
		for _, column := range t.Columns {
			if !slices.Contains(out, column) {
				out = append(out, column)
			}
		}
	}
	return out
}

func clickColumn(c Column) string { return quoted(c.Name) + " " + types[c.Type].click }

// create makes the tables that are missing, and their columns.
func (c *click) create(ctx context.Context) error {
	// Synced, and gone from the disk as soon as it is dropped.
	const settings = " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, old_parts_lifetime = 0, cleanup_delay_period = 1, max_cleanup_delay_period = 1," +
		" non_replicated_deduplication_window = 1000"
	have := map[string]bool{}
	rows, err := c.conn.Query(ctx, "SELECT table, name FROM system.columns WHERE database = currentDatabase()")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t, name string
		if err := rows.Scan(&t, &name); err != nil {
			return err
		}
		have[quoted(t)], have[quoted(t)+quoted(name)] = true, true
	}
	if err := rows.Err(); err != nil {
		return err
	}
	table := func(name, first string, columns []Column, partition, order string) error {
		if len(columns) > 0 {
			first += ", " + list(columns, clickColumn)
		}
		if !have[name] {
			return c.conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS "+name+" ("+first+") ENGINE = MergeTree PARTITION BY "+partition+" ORDER BY "+order+settings)
		}
		for _, column := range columns {
			if have[name+quoted(column.Name)] {
				continue
			}
			if err := c.conn.Exec(ctx, "ALTER TABLE "+name+" ADD COLUMN IF NOT EXISTS "+clickColumn(column)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := table(c.manifestTable(), `"version" UInt64, "body" String`, nil, `"version"`, `"version"`); err != nil {
		return err
	}
	if err := table(c.openTable(), `"day" Int32, "_of" LowCardinality(String)`, c.openColumns(), `"day"`, `"_of"`); err != nil {
		return err
	}
	for _, t := range c.schema.Sealed {
		if err := table(quoted(t.Name), `"day" Int32, "_made" UInt64`, t.Columns, `("day", "_made")`, "("+orderBy(t.Order)+")"); err != nil {
			return err
		}
	}
	return nil
}

func (c *click) manifest(ctx context.Context) (manifest, error) {
	var body string
	rows, err := c.conn.Query(ctx, `SELECT "body" FROM `+c.manifestTable()+` ORDER BY "version" DESC LIMIT 1`)
	if err != nil {
		return manifest{}, explainClick(err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&body); err != nil {
			return manifest{}, explainClick(err)
		}
	}
	if err := rows.Err(); err != nil {
		return manifest{}, explainClick(err)
	}
	if body == "" {
		return manifest{}, nil
	}
	return readManifest([]byte(body))
}

func (c *click) Append(ctx context.Context, day Day, batch Batch) error {
	rows, err := c.schema.checkBatch(batch)
	if err != nil {
		return err
	}
	if rows == 0 {
		m, err := c.manifest(ctx)
		if err == nil && m.closed(day) {
			err = sealedError(day)
		}
		return err
	}
	return c.group.append(ctx, day, batch, rows)
}

// commit inserts the rows of those who wait for a day. Where the answer is
// lost it inserts them again, which ClickHouse knows by the token.
func (c *click) commit(day Day, waiters []*waiter) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	m, err := c.manifest(ctx)
	if err != nil {
		return err
	}
	if m.closed(day) {
		return sealedError(day)
	}
	token := rand.Text()
	for try := 1; ; try++ {
		if err = c.insert(ctx, token, day, waiters); err == nil || try == retries || !lost(err) {
			break
		}
		select {
		case <-time.After(time.Duration(try) * backOff):
		case <-ctx.Done():
		}
	}
	if err != nil {
		return explainClick(err)
	}
	if m, err = c.manifest(ctx); err != nil {
		return err
	}
	if m.closed(day) {
		return sealedError(day)
	}
	return nil
}

// send is one insert of one block.
func (c *click) send(ctx context.Context, token string, day Day, waiters []*waiter) error {
	columns := c.openColumns()
	insert, err := c.conn.PrepareBatch(clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"async_insert": 0, "insert_deduplicate": 1, "insert_deduplication_token": token,
	})), "INSERT INTO "+c.openTable()+` ("day", "_of", `+list(columns, func(c Column) string { return quoted(c.Name) })+")", driver.WithReleaseConnection())
	if err != nil {
		return err
	}
	defer func() { _ = insert.Abort() }() // nothing, once it is sent
	zero := make([]any, len(columns)+2)
	for i, column := range columns {
		zero[i+2] = column.Type.zero()
	}
	values := make([]any, len(zero))
	for _, t := range c.schema.Open {
		at := make([]int, len(t.Columns))
		for i, column := range t.Columns {
			at[i] = slices.Index(columns, column) + 2
		}
		for _, w := range waiters {
			for _, row := range w.batch[t.Name] {
				copy(values, zero)
				values[0], values[1] = int32(day), t.Name
				for i, v := range row {
					values[at[i]] = v
				}
				if err := insert.Append(values...); err != nil {
					return err
				}
			}
		}
	}
	return insert.Send()
}

// relations says what each table's name stands for.
func (c *click) relations(m *manifest, from, to Day) (out []relation) {
	for _, t := range c.schema.Open {
		where := fmt.Sprintf(`"_of" = %s AND "day" BETWEEN %d AND %d`, literal(t.Name), max(from, m.Before), to)
		var sealed []string
		for _, day := range m.Sealed {
			if from <= day && day <= to {
				sealed = append(sealed, strconv.Itoa(int(day)))
			}
		}
		if len(sealed) > 0 {
			where += ` AND "day" NOT IN (` + strings.Join(sealed, ", ") + ")"
		}
		out = append(out, relation{t.Name, c.rows(t, c.openTable(), where)})
	}
	var made []string
	for _, day := range slices.Sorted(maps.Keys(m.Days)) {
		if from <= day && day <= to {
			made = append(made, fmt.Sprintf("(%d, %d)", day, m.Days[day]))
		}
	}
	where := "false"
	if len(made) > 0 {
		where = fmt.Sprintf(`"day" BETWEEN %d AND %d AND ("day", "_made") IN (%s)`, from, to, strings.Join(made, ", "))
	}
	for _, t := range c.schema.Sealed {
		out = append(out, relation{t.Name, c.rows(t.Table, quoted(t.Name), where)})
	}
	return out
}

func (c *click) rows(t Table, from, where string) string {
	return `SELECT "day", ` + list(t.Columns, func(c Column) string { return quoted(c.Name) }) + " FROM " + from + " WHERE " + where
}

var placeholder = regexp.MustCompile(`'(?:[^'\\]|''|\\.)*'|\$[0-9]+`)

// escapeText writes text as a parameter has it, besides what the driver does: the
// server reads it as a field of a file with tabs.
var escapeText = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

// bind writes placeholders as ClickHouse has them: the values go beside the
// query, not into its text.
func bind(ctx context.Context, query string, args []any) (context.Context, string, error) {
	if len(args) == 0 {
		return ctx, query, nil
	}
	parameters := clickhouse.Parameters{}
	kinds := make([]string, len(args))
	for i, a := range args {
		var text string
		switch a := a.(type) {
		case string:
			kinds[i], text = "String", escapeText.Replace(a)
		case bool:
			kinds[i], text = "Bool", strconv.FormatBool(a)
		case float64:
			kinds[i], text = "Float64", strconv.FormatFloat(a, 'g', -1, 64)
		case uint, uint8, uint16, uint32, uint64:
			kinds[i], text = "UInt64", fmt.Sprint(a)
		case Day:
			kinds[i], text = "Int64", strconv.Itoa(int(a))
		case int, int8, int16, int32, int64:
			kinds[i], text = "Int64", fmt.Sprint(a)
		default:
			return nil, "", fmt.Errorf("column: query: $%d is a %T, not an integer, a float, text or bool", i+1, a)
		}
		parameters["p"+strconv.Itoa(i+1)] = text
	}
	var err error
	query = placeholder.ReplaceAllStringFunc(query, func(s string) string {
		if s[0] != '$' {
			return s
		}
		n, e := strconv.Atoi(s[1:])
		if e != nil || n < 1 || n > len(args) {
			err = fmt.Errorf("column: query: there is no value for %s", s)
			return s
		}
		return fmt.Sprintf("{p%d:%s}", n, kinds[n-1])
	})
	return clickhouse.Context(ctx, clickhouse.WithParameters(parameters)), query, err
}

func (c *click) Query(ctx context.Context, from, to Day, query string, args ...any) (*Rows, error) {
	bound, query, err := bind(ctx, query, args)
	if err != nil {
		return nil, err
	}
	for range 100 {
		m, err := c.manifest(ctx)
		if err != nil {
			return nil, err
		}
		step("looked")
		rows, err := c.db.QueryContext(bound, within(c.relations(&m, from, to), " AS ", query))
		if err != nil {
			return nil, explainClick(canceled(ctx, err))
		}
		r, err := newRows(rows, func() {}, func(err error) error { return explainClick(canceled(ctx, err)) })
		if err != nil {
			return nil, explainClick(err)
		}
		now, err := c.manifest(ctx)
		if err == nil && now.Version == m.Version {
			return r, nil
		}
		if err := errors.Join(err, r.Close()); err != nil {
			return nil, explainClick(err)
		}
	}
	return nil, loot.Errorf(loot.Unavailable, msgLost)
}

func (c *click) Close() error {
	c.group.close()
	c.maintenance.Lock()
	defer c.maintenance.Unlock()
	return errors.Join(c.db.Close(), c.conn.Close())
}

func (c *click) Open(ctx context.Context) (out []Day, err error) {
	parts, err := c.Stats(ctx)
	for _, p := range parts {
		var day Day
		if p.Open {
			err = errors.Join(err, day.UnmarshalText([]byte(p.Name)))
			out = append(out, day)
		}
	}
	slices.Sort(out)
	return out, err
}

func (c *click) Stats(ctx context.Context) ([]Part, error) {
	m, err := c.manifest(ctx)
	if err != nil {
		return nil, err
	}
	parts, err := c.partitions(ctx)
	if err != nil {
		return nil, err
	}
	sum := map[string]Part{}
	for _, p := range parts {
		name := p.day.Month()
		switch {
		case p.open && !m.sealed(p.day) && p.day >= m.Before:
			name = p.day.String()
		case p.open || m.Days[p.day] != p.made:
			continue
		}
		s := sum[name]
		sum[name] = Part{Name: name, Open: p.open, Files: s.Files + p.files, Rows: s.Rows + p.rows, Bytes: s.Bytes + p.bytes}
	}
	out := slices.Collect(maps.Values(sum))
	sortParts(out)
	return out, nil
}

// lost reports whether a request may have been carried out though its answer
// did not come.
func lost(err error) bool {
	if _, ok := errors.AsType[*clickhouse.Exception](err); ok {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, clickhouse.ErrAcquireConnTimeout) ||
		errors.Is(err, net.ErrClosed)
}

// explainClick gives an error the kind that it deserves, and leaves alone what
// has one.
func explainClick(err error) error {
	if err == nil || loot.KindOf(err) != loot.Internal || errors.Is(err, context.Canceled) {
		return err
	}
	if e, ok := errors.AsType[*clickhouse.Exception](err); ok {
		switch e.Code {
		case 243: // NOT_ENOUGH_SPACE
			return loot.Wrap(loot.Unavailable, err, msgFull)
		case 159, 202, 209, 210, 241, 242, 252, 394: // too slow, too many, no memory, read-only, being stopped
			return loot.Wrap(loot.Unavailable, err, msgLost)
		}
		return err
	}
	if lost(err) && !errors.Is(err, context.DeadlineExceeded) {
		return loot.Wrap(loot.Unavailable, err, msgLost)
	}
	return err
}

// literalOf writes a value into a statement that takes no parameters.
func literalOf(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'", nil
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v), nil
	case Day:
		return strconv.Itoa(int(v)), nil
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64), nil
		}
	}
	return "", fmt.Errorf("column: a %T is not an integer, a float, text or bool", v)
}
