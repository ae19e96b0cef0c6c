package column_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"loot"
	"loot/column"
	"loot/column/columntest"
)

// views is a schema like that of visits: views and what is known of them later,
// by ids that must not last.
var views = column.Schema{
	Name: "test",
	Open: []column.Table{
		{Name: "test_view", Columns: []column.Column{
			{Name: "id", Type: column.Uint64},
			{Name: "site", Type: column.Text},
			{Name: "visitor", Type: column.Uint64},
			{Name: "path", Type: column.Text},
			{Name: "hour", Type: column.Uint8},
			{Name: "network", Type: column.Uint32},
			{Name: "bot", Type: column.Bool},
		}},
		{Name: "test_stay", Columns: []column.Column{
			{Name: "id", Type: column.Uint64},
			{Name: "site", Type: column.Text},
			{Name: "seconds", Type: column.Float64},
			{Name: "scroll", Type: column.Uint16},
			{Name: "shift", Type: column.Int32},
			{Name: "cents", Type: column.Int64},
		}},
	},
	Interim: []column.Derived{
		{Name: "test_ordinal", Select: `SELECT visitor, row_number() OVER (ORDER BY ` + column.Random + `) AS ordinal
			FROM (SELECT DISTINCT visitor FROM test_view) AS v`},
		{Name: "test_stayed", Select: `SELECT id, max(seconds) AS seconds FROM test_stay GROUP BY id`},
	},
	Sealed: []column.Sealed{
		{
			Table: column.Table{Name: "test_page", Columns: []column.Column{
				{Name: "site", Type: column.Text},
				{Name: "ordinal", Type: column.Uint32},
				{Name: "path", Type: column.Text},
				{Name: "hour", Type: column.Uint8},
				{Name: "seconds", Type: column.Float64},
				{Name: "bot", Type: column.Bool},
			}},
			Select: `WITH folded AS (SELECT v.site AS site, o.ordinal AS ordinal, v.path AS path, v.hour AS hour, coalesce(s.seconds, 0) AS seconds, v.bot AS bot
					FROM test_view AS v JOIN test_ordinal AS o ON v.visitor = o.visitor LEFT JOIN test_stayed AS s ON v.id = s.id)
				SELECT bot, site, ordinal, path, hour, seconds FROM folded`,
			Order: []string{"site", "path", "ordinal"},
		},
		{
			Table: column.Table{Name: "test_path", Columns: []column.Column{
				{Name: "site", Type: column.Text},
				{Name: "path", Type: column.Text},
				{Name: "views", Type: column.Uint32},
				{Name: "visitors", Type: column.Uint32},
			}},
			Select: `SELECT site, path, count(*) AS views, count(DISTINCT visitor) AS visitors FROM test_view GROUP BY site, path`,
			Order:  []string{"site", "path"},
		},
	},
}

const first column.Day = 20_757 // 31 October 2026

func view(id uint64, site string, visitor uint64, path string) column.Row {
	return column.Row{id, site, visitor, path, uint8(id % 24), uint32(id), id%5 == 0}
}

func stay(id uint64, site string, seconds float64) column.Row {
	return column.Row{id, site, seconds, uint16(40), int32(-3), int64(-5)}
}

func add(t testing.TB, s column.Store, day column.Day, batch column.Batch) {
	t.Helper()
	if err := s.Append(t.Context(), day, batch); err != nil {
		t.Fatalf("append to %s: %v", day, err)
	}
}

// ask returns the answer, a line a row.
func ask(t testing.TB, s column.Store, from, to column.Day, query string, args ...any) string {
	t.Helper()
	out, err := answer(t.Context(), s, from, to, query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

func answer(ctx context.Context, s column.Store, from, to column.Day, query string, args ...any) (string, error) {
	rows, err := s.Query(ctx, from, to, query, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var lines []string
	for rows.Next() {
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = nullable{&values[i]}
		}
		if err := rows.Scan(dest...); err != nil {
			return "", err
		}
		lines = append(lines, strings.Trim(fmt.Sprint(values), "[]"))
	}
	return strings.Join(lines, "\n"), rows.Err()
}

type nullable struct{ v *any }

func (n nullable) Scan(v any) error {
	*n.v = v
	return nil
}

// both asks of open and sealed days at once.
const both = `WITH hits AS (
	SELECT day, site, path, hour, bot FROM test_view UNION ALL SELECT day, site, path, hour, bot FROM test_page)
	SELECT day, site, path, count(*) AS n FROM hits GROUP BY day, site, path ORDER BY day, site, path`

func TestRowsComeBackAsTheyWere(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, views, column.Options{})
		big := uint64(1<<64 - 1)
		add(t, s, first, column.Batch{
			"test_view": {{big, "ä 'quoted' \\ \"site\"", uint64(1 << 63), "/€?\n\t", uint8(255), uint32(1<<32 - 1), true}, {uint64(0), "", uint64(0), "", uint8(0), uint32(0), false}},
			"test_stay": {{big, "a", 1.5e300, uint16(65535), int32(-1 << 31), int64(-1 << 63)}},
		})
		rows, err := s.Query(t.Context(), first, first, "SELECT day, id, site, visitor, path, hour, network, bot FROM test_view WHERE site = $1 AND bot = $2 AND id = $3", "ä 'quoted' \\ \"site\"", true, big)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		if !rows.Next() {
			t.Fatalf("no row: %v", rows.Err())
		}
		var (
			day         column.Day
			id, visitor uint64
			site, path  string
			hour        uint8
			network     int
			bot         bool
		)
		if err := rows.Scan(&day, &id, &site, &visitor, &path, &hour, &network, &bot); err != nil {
			t.Fatal(err)
		}
		if day != first || id != big || site != "ä 'quoted' \\ \"site\"" || visitor != 1<<63 || path != "/€?\n\t" || hour != 255 || network != 1<<32-1 || !bot {
			t.Error(day, id, site, visitor, path, hour, network, bot)
		}
		var narrow int8
		if err := rows.Scan(&day, &id, &site, &visitor, &path, &narrow, &network, &bot); err == nil {
			t.Error("255 was read into an int8")
		}
		if rows.Next() {
			t.Error("there is a second row")
		}
		if got := ask(t, s, first, first, "SELECT seconds, scroll, shift, cents FROM test_stay WHERE seconds > $1", 1.0); got != "1.5e+300 65535 -2147483648 -9223372036854775808" {
			t.Error(got)
		}
		if got := ask(t, s, first-1, first-1, "SELECT count(*), sum(cents), max(site) FROM test_stay"); got != "0 <nil> <nil>" {
			t.Errorf("of no rows: %s", got)
		}
		rows2, err := s.Query(t.Context(), first, first, "SELECT max(site) FROM test_stay WHERE false")
		if err != nil {
			t.Fatal(err)
		}
		defer rows2.Close()
		if rows2.Next(); rows2.Scan(&site) == nil {
			t.Error("NULL was read into a string")
		}
	})
}

// TestSameQuestionsSameAnswers asks what reports ask, of days that are open and
// days that are sealed.
func TestSameQuestionsSameAnswers(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, views, column.Options{})
		for day := first; day < first+4; day++ { // across the end of a month
			batch := column.Batch{}
			for i := range uint64(60) {
				id := uint64(day)*1000 + i
				site := []string{"one.example", "two.example"}[i%2]
				batch["test_view"] = append(batch["test_view"], view(id, site, i/6, fmt.Sprintf("/p%d", i%7)))
				if i%3 == 0 {
					batch["test_stay"] = append(batch["test_stay"], stay(id, site, float64(i)), stay(id, site, float64(i)/2))
				}
			}
			add(t, s, day, batch)
		}
		for _, day := range []column.Day{first + 1, first} {
			if err := s.Seal(t.Context(), day); err != nil {
				t.Fatal(err)
			}
		}
		for name, q := range map[string]struct {
			query string
			args  []any
			want  string
		}{
			"views by day": {`WITH hits AS (SELECT day, site FROM test_view UNION ALL SELECT day, site FROM test_page)
				SELECT day, count(*) FROM hits WHERE site = $1 GROUP BY day ORDER BY day`, []any{"one.example"}, "20757 30\n20758 30\n20759 30\n20760 30"},
			"visitors by day": {`SELECT day, count(DISTINCT visitor) FROM test_view GROUP BY day ORDER BY day`, nil, "20759 10\n20760 10"},
			"sealed visitors": {`SELECT day, count(DISTINCT ordinal), min(ordinal), max(ordinal), sum(seconds) FROM test_page GROUP BY day ORDER BY day`, nil, "20757 10 1 10 570\n20758 10 1 10 570"},
			"a roll-up":       {`SELECT path, sum(views) AS v, sum(visitors) FROM test_path WHERE site = $2 AND day = $1 GROUP BY path ORDER BY v DESC, path LIMIT 3`, []any{int(first), "two.example"}, "/p1 5 5\n/p3 5 5\n/p0 4 4"},
			"marked":          {`SELECT day, ` + column.Marked(column.Mark("visitor")) + ` FROM test_view GROUP BY day ORDER BY day`, nil, "20759 10\n20760 10"},
			"marked many":     {`SELECT ` + column.Marked(column.Mark("id")) + `, ` + column.Unmarked(column.Mark("id")) + ` FROM test_view`, nil, "62 0"},
			"some unmarked":   {`SELECT ` + column.Marked("m") + `, ` + column.Unmarked("m") + ` FROM (SELECT CASE WHEN id % 1000 < 3 THEN ` + column.Mark("id") + ` ELSE ` + column.NoMark + ` END AS m FROM test_view) AS t`, nil, "6 1"},
			"several sets": {`SELECT coalesce(site, path, '') AS of, count(*) FROM (SELECT site, CASE WHEN path = '/p1' THEN path ELSE '/' END AS path FROM test_view) AS v
				GROUP BY GROUPING SETS ((site), (path)) ORDER BY of`, nil, "/ 102\n/p1 18\none.example 60\ntwo.example 60"},
			"values":         {`SELECT n, v FROM (VALUES (CAST($1 AS VARCHAR), 2), (CAST($2 AS VARCHAR), 1)) AS t(v, n) ORDER BY n`, []any{"a", "b"}, "1 b\n2 a"},
			"two filters":    {`SELECT count(*) FROM test_view WHERE path IN ($1, $2) AND hour < $3 AND NOT bot`, []any{"/p1", "/p2", 12}, "16"},
			"a window":       {`SELECT hour, n, CAST(row_number() OVER (ORDER BY n DESC, hour) AS BIGINT) AS r FROM (SELECT hour, count(*) AS n FROM test_view GROUP BY hour) AS h ORDER BY r LIMIT 2`, nil, "8 6 1\n9 6 2"},
			"a join":         {`SELECT count(*), sum(s.seconds) FROM test_view AS v JOIN test_stay AS s ON v.id = s.id AND v.day = s.day`, nil, "80 1710"},
			"none on a side": {`SELECT count(*), count(s.id) FROM test_view AS v LEFT JOIN test_stay AS s ON v.id = s.id AND v.day = s.day`, nil, "160 80"},
			"arithmetic":     {`SELECT 7 / 2, CAST(floor(7.9) AS BIGINT), coalesce(NULL, 3), CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END`, nil, "3.5 7 3 b"},
			"any of":         {`SELECT count(*) FROM test_view WHERE path LIKE $1`, []any{"%p3"}, "18"},
			"text as it is":  {`SELECT CAST($1 AS VARCHAR)`, []any{"a\\n'b\"\\\\\t\n%é"}, "a\\n'b\"\\\\\t\n%é"},
			"united":         {`SELECT path FROM (SELECT path FROM test_view UNION SELECT path FROM test_page) AS p ORDER BY path LIMIT 2`, nil, "/p0\n/p1"},
		} {
			got := ask(t, s, first, first+3, q.query, q.args...)
			if got != q.want {
				t.Errorf("%s:\n%s\nwant\n%s", name, got, q.want)
			}
		}
		if got := ask(t, s, first+1, first+2, "SELECT min(day), max(day) FROM (SELECT day FROM test_view UNION ALL SELECT day FROM test_page) AS d"); got != "20758 20759" {
			t.Errorf("the range is %s", got)
		}
	})
}

// TestDaysAreSealedAtOnce: each as if it were alone, named twice, of several
// months, without rows and once more after it was reopened.
func TestDaysAreSealedAtOnce(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, views, column.Options{})
		for day := first - 2; day <= first+1; day++ {
			add(t, s, day, column.Batch{"test_view": {view(1, "a", uint64(day), "/"), view(2, "a", 9, "/"), view(3, "a", 9, "/b")}})
		}
		seal := func(days ...column.Day) {
			t.Helper()
			if err := s.Seal(t.Context(), days...); err != nil {
				t.Fatal(err)
			}
		}
		seal(first-2, first+1, first-1, first+9, first-1)
		if err := s.Reopen(t.Context(), first-2); err != nil {
			t.Fatal(err)
		}
		add(t, s, first-2, column.Batch{"test_view": {view(4, "a", 9, "/late")}})
		seal(first-2, first-1, first)
		const query = "SELECT day, path, sum(views), sum(visitors), (SELECT count(*) FROM test_view) FROM test_path GROUP BY day, path ORDER BY day, path"
		want := "20755 / 2 2 0\n20755 /b 1 1 0\n20755 /late 1 1 0\n20756 / 2 2 0\n20756 /b 1 1 0\n20757 / 2 2 0\n20757 /b 1 1 0\n20758 / 2 2 0\n20758 /b 1 1 0"
		if got := ask(t, s, first-9, first+9, query); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		columntest.NoLeftovers(t, address)
	})
}

func TestASealedDayTakesNoMore(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, views, column.Options{})
		add(t, s, first, column.Batch{"test_view": {view(1, "a", 1, "/")}})
		add(t, s, first+1, column.Batch{"test_view": {view(2, "a", 1, "/")}})
		for range 2 {
			if err := s.Seal(t.Context(), first); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Seal(t.Context(), first-3); err != nil { // that has no rows
			t.Fatal(err)
		}
		for _, day := range []column.Day{first, first - 3} {
			err := s.Append(t.Context(), day, column.Batch{"test_view": {view(3, "a", 1, "/")}})
			if !errors.Is(err, column.ErrSealed) || loot.KindOf(err) != loot.Conflict {
				t.Errorf("append to %s: %v", day, err)
			}
		}
		add(t, s, first+1, column.Batch{"test_view": {view(4, "a", 1, "/")}})
		if got, want := ask(t, s, first-9, first+9, both), "20757 a / 1\n20758 a / 2"; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}

		if err := s.Reopen(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		add(t, s, first, column.Batch{"test_view": {view(5, "a", 1, "/late")}})
		if got, want := ask(t, s, first, first, both), "20757 a / 1\n20757 a /late 1"; got != want {
			t.Errorf("reopened:\n%s\nwant\n%s", got, want)
		}
		if err := s.Seal(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if got, want := ask(t, s, first, first, both), "20757 a / 1\n20757 a /late 1"; got != want {
			t.Errorf("sealed again:\n%s\nwant\n%s", got, want)
		}
		if got := ask(t, s, first, first, "SELECT count(*) FROM test_view"); got != "0" {
			t.Errorf("%s rows are open", got)
		}
	})
}

// TestAllOrNothing: a batch with one bad row leaves none, and others go on.
func TestAllOrNothing(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, views, column.Options{})
		for name, bad := range map[string]column.Row{
			"not UTF-8": {uint64(1), "a\xff", uint64(1), "/", uint8(0), uint32(0), false},
			"a type":    {1, "a", uint64(1), "/", uint8(0), uint32(0), false},
			"too few":   {uint64(1)},
		} {
			err := s.Append(t.Context(), first, column.Batch{"test_view": {view(1, "a", 1, "/"), bad}})
			if err == nil {
				t.Errorf("%s: taken", name)
			}
		}
		if err := s.Append(t.Context(), first, column.Batch{"test_page": {{}}}); err == nil {
			t.Error("a sealed table was appended to")
		}
		many := make([]column.Row, column.MaxBatch+1)
		for i := range many {
			many[i] = view(uint64(i), "a", 1, "/")
		}
		if err := s.Append(t.Context(), first, column.Batch{"test_view": many}); loot.KindOf(err) != loot.TooLarge {
			t.Errorf("a batch that is too large: %v", err)
		}
		add(t, s, first, column.Batch{})
		add(t, s, first, column.Batch{"test_view": many[1:]})
		if got := ask(t, s, first, first, "SELECT count(*) FROM test_view"); got != "8192" {
			t.Errorf("%s rows", got)
		}
	})
}

func TestDropErasesDaysAndMonths(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, views, column.Options{})
		days := []column.Day{first - 40, first - 1, first, first + 1, first + 2}
		for _, day := range days {
			add(t, s, day, column.Batch{"test_view": {view(1, "a", 1, "/")}})
			if day != first+2 && day != first-1 {
				if err := s.Seal(t.Context(), day); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, c := range []struct {
			before column.Day
			left   string
		}{
			{first - 41, "20717 20756 20757 20758 20759"},
			{first - 1, "20756 20757 20758 20759"},
			{first, "20757 20758 20759"},
			{first + 2, "20759"},
			{first + 1, "20759"}, // it does not go back
			{first + 3, ""},
		} {
			if err := s.Drop(t.Context(), c.before); err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(ask(t, s, 0, first+100, "SELECT day FROM (SELECT day FROM test_view UNION ALL SELECT day FROM test_page) AS d ORDER BY day"), "\n", " ")
			if got != c.left {
				t.Errorf("before %s: %s, want %s", c.before, got, c.left)
			}
		}
		if err := s.Append(t.Context(), first+2, column.Batch{"test_view": {view(1, "a", 1, "/")}}); !errors.Is(err, column.ErrSealed) {
			t.Errorf("a dropped day takes rows: %v", err)
		}
		if err := s.Reopen(t.Context(), first+2); !errors.Is(err, column.ErrSealed) {
			t.Errorf("a dropped day is reopened: %v", err)
		}
	})
}

// TestNothingErasedIsLeftInAnyFile looks for marks in all files: of ids after
// the seal, of a site after it was erased, of days after they were dropped.
func TestNothingErasedIsLeftInAnyFile(t *testing.T) {
	mark := func(what string, day column.Day, i int) string { return fmt.Sprintf("/mark-%s-%d-%d", what, day, i) }
	fill := func(t *testing.T, s column.Store) {
		schemaRows := func(day column.Day) column.Batch {
			b := column.Batch{}
			for i := range 3000 {
				site := []string{"keep.example", "erase.example"}[i%2]
				b["test_view"] = append(b["test_view"], view(uint64(i), site, uint64(i)*0x9E3779B97F4A7C15, mark(site, day, i)))
				b["test_stay"] = append(b["test_stay"], stay(uint64(i), site, 1))
			}
			return b
		}
		for _, day := range []column.Day{first - 1, first, first + 1, first + 2} {
			add(t, s, day, schemaRows(day))
		}
		for _, day := range []column.Day{first - 1, first, first + 1} {
			if err := s.Seal(t.Context(), day); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := func(t *testing.T, dir, address string, settle func()) {
		s := columntest.Open(t, address, views, column.Options{})
		fill(t, s)
		settle()
		if n := found(t, dir, "mark-keep.example"); n == 0 {
			t.Error("this does not find what is there")
		}
		if err := s.Rewrite(t.Context(), "site <> $1", "erase.example"); err != nil {
			t.Fatal(err)
		}
		settle()
		if n := found(t, dir, "erase.example"); n > 0 {
			t.Errorf("%d marks of an erased site are left", n)
		}
		if got := ask(t, s, first-9, first+9, "SELECT day, count(*) FROM (SELECT day FROM test_view UNION ALL SELECT day FROM test_page) AS v GROUP BY day ORDER BY day"); got != "20756 1500\n20757 1500\n20758 1500\n20759 1500" {
			t.Errorf("what is left:\n%s", got)
		}
		add(t, s, first+2, column.Batch{"test_view": {view(1, "keep.example", 1, "/after")}})
		if err := s.Drop(t.Context(), first+1); err != nil {
			t.Fatal(err)
		}
		settle()
		for _, day := range []column.Day{first - 1, first} {
			if n := found(t, dir, fmt.Sprintf("mark-keep.example-%d", day)); n > 0 {
				t.Errorf("%d marks of a dropped day are left", n)
			}
		}
		if got := ask(t, s, first-9, first+9, "SELECT day, count(*) FROM (SELECT day FROM test_view UNION ALL SELECT day FROM test_page) AS v GROUP BY day ORDER BY day"); got != "20758 1500\n20759 1501" {
			t.Errorf("what is left:\n%s", got)
		}
	}
	t.Run("duckdb", func(t *testing.T) {
		dir := t.TempDir()
		run(t, dir, "duckdb:"+dir, func() {})
	})
	t.Run("clickhouse", func(t *testing.T) {
		server := columntest.NewServer(t)
		run(t, server.Dir(), server.Database(t), func() {
			for server.Exec(t, "SELECT count() FROM system.parts WHERE NOT active") != "0" {
			}
		})
	})
}

// TestIdsGoWithTheSeal: of what the seal does not carry over nothing is left.
func TestIdsGoWithTheSeal(t *testing.T) {
	run := func(t *testing.T, dir, address string, settle func()) {
		// Text stands for the ids, for it is found in a file.
		schema := column.Schema{
			Name:    "ids",
			Open:    []column.Table{{Name: "ids_view", Columns: []column.Column{{Name: "visitor", Type: column.Text}}}},
			Interim: []column.Derived{{Name: "ids_ordinal", Select: "SELECT visitor, row_number() OVER (ORDER BY rand()) AS n FROM (SELECT DISTINCT visitor FROM ids_view) AS v"}},
			Sealed: []column.Sealed{{
				Table:  column.Table{Name: "ids_hit", Columns: []column.Column{{Name: "n", Type: column.Uint32}}},
				Select: "SELECT o.n AS n FROM ids_view AS v JOIN ids_ordinal AS o ON v.visitor = o.visitor",
			}},
		}
		s := columntest.Open(t, address, schema, column.Options{Memory: 32 << 20})
		for range 20 {
			var rows []column.Row
			for i := range 5000 {
				rows = append(rows, column.Row{fmt.Sprintf("idmark%09d", i*7919%5000)})
			}
			add(t, s, first, column.Batch{"ids_view": rows})
		}
		settle()
		if found(t, dir, "idmark") == 0 {
			t.Error("this does not find what is there")
		}
		if err := s.Seal(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		settle()
		if n := found(t, dir, "idmark"); n > 0 {
			t.Errorf("%d ids are left", n)
		}
		if got := ask(t, s, first, first, "SELECT count(*), count(DISTINCT n), max(n) FROM ids_hit"); got != "100000 5000 5000" {
			t.Error(got)
		}
	}
	t.Run("duckdb", func(t *testing.T) {
		dir := t.TempDir()
		run(t, dir, "duckdb:"+dir, func() {})
	})
	t.Run("clickhouse", func(t *testing.T) {
		server := columntest.NewServer(t)
		run(t, server.Dir(), server.Database(t), func() {
			for server.Exec(t, "SELECT count() FROM system.parts WHERE NOT active") != "0" {
			}
		})
	})
}

// found counts how often text occurs in the files of a folder. Another process
// looks: if this one closed a file that DuckDB has open, the lock would be gone.
func found(t *testing.T, dir, text string) int {
	t.Helper()
	var out []byte
	var err error
	for range 20 { // a server removes files meanwhile, which ends it with an error
		out, err = exec.Command("grep", "-rao", "--", text, dir).Output()
		if e, ok := errors.AsType[*exec.ExitError](err); ok && e.ExitCode() == 1 {
			err = nil // there is none
		}
		if err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(out, []byte("\n"))
}

// TestReadersSeeADayOnce: whoever asks while days are sealed, appended to and
// rewritten finds each row of the others once.
func TestReadersSeeADayOnce(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, views, column.Options{})
		const days, each = 6, 500
		for day := range column.Day(days) {
			var rows []column.Row
			for i := range uint64(each) {
				rows = append(rows, view(i, "keep", i%50, "/"))
			}
			rows = append(rows, view(1, "erase", 1, "/"))
			add(t, s, first+day, column.Batch{"test_view": rows})
		}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		asked := make(chan struct{})
		for range 3 {
			wg.Go(func() {
				for ctx.Err() == nil {
					got, err := answer(t.Context(), s, first, first+days-1, `WITH hits AS (SELECT site FROM test_view UNION ALL SELECT site FROM test_page)
						SELECT count(*) FROM hits WHERE site = $1`, "keep")
					if err != nil || got != fmt.Sprint(days*each) {
						t.Errorf("%s rows, want %d: %v", got, days*each, err)
						stop()
						return
					}
					select {
					case asked <- struct{}{}:
					default: // nobody waits for it now
					}
				}
			})
		}
		wg.Go(func() {
			for i := uint64(0); ctx.Err() == nil; i++ {
				if err := s.Append(t.Context(), first+days, column.Batch{"test_view": {view(i, "keep", i, "/")}}); err != nil {
					t.Error(err)
				}
			}
		})
		more := func() {
			for range 3 {
				select {
				case <-asked:
				case <-ctx.Done():
				}
			}
		}
		more()
		for day := range column.Day(days) {
			if err := s.Seal(t.Context(), first+day); err != nil {
				t.Error(err)
			}
		}
		if err := s.Rewrite(t.Context(), "site <> $1", "erase"); err != nil {
			t.Error(err)
		}
		more()
		stop()
		wg.Wait()
		fds, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil && strings.HasSuffix(to, "(deleted)") && strings.Contains(to, "TestReadersSeeADayOnce") {
				t.Errorf("still open: %s", to)
			}
		}
	})
}

func TestCancelStopsAQuery(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, views, column.Options{})
		var rows []column.Row
		for i := range uint64(8000) {
			rows = append(rows, view(i, "a", i, "/"))
		}
		add(t, s, first, column.Batch{"test_view": rows})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		// It would take hours.
		_, err := answer(ctx, s, first, first, "SELECT sum(a.id * b.id % 7 + c.id) FROM test_view AS a CROSS JOIN test_view AS b CROSS JOIN test_view AS c")
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if got := ask(t, s, first, first, "SELECT count(*) FROM test_view"); got != "8000" {
			t.Error(got)
		}
	})
}

func TestAFullQueueIsSaidAndIsOver(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, views, column.Options{Queue: 10})
		_, release := column.HoldCommits(s)
		var wg sync.WaitGroup
		var kept, refused atomic.Int64
		for i := range uint64(40) {
			wg.Go(func() {
				err := s.Append(t.Context(), first, column.Batch{"test_view": {view(i, "a", i, "/")}, "test_stay": {stay(i, "a", 1)}})
				switch {
				case err == nil:
					kept.Add(1)
				case loot.KindOf(err) == loot.Unavailable:
					if refused.Add(1) == 30 { // 5 fit while none is written, and 5 more may be taken out by the writer
						release()
					}
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if kept.Load() == 0 || refused.Load() < 30 {
			t.Errorf("%d kept, %d refused", kept.Load(), refused.Load())
		}
		add(t, s, first, column.Batch{"test_view": {view(99, "a", 99, "/")}})
		want := fmt.Sprint(kept.Load()+1, kept.Load())
		if got := ask(t, s, first, first, "SELECT (SELECT count(*) FROM test_view), (SELECT count(*) FROM test_stay)"); got != want {
			t.Errorf("%s rows, want %s", got, want)
		}
	})
}

// TestWhoNoLongerWaitsLeavesNothing: an append whose caller went before it was
// written is not written.
func TestWhoNoLongerWaitsLeavesNothing(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, views, column.Options{})
		entered, release := column.HoldCommits(s)
		held := make(chan error, 1)
		go func() { held <- s.Append(t.Context(), first, column.Batch{"test_view": {view(1, "a", 1, "/")}}) }()
		<-entered
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { gone <- s.Append(ctx, first, column.Batch{"test_view": {view(2, "a", 1, "/")}}) }()
		column.AwaitQueue(s, 1)
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		release()
		if err := <-held; err != nil {
			t.Fatal(err)
		}
		if got := ask(t, s, first, first, "SELECT id FROM test_view"); got != "1" {
			t.Errorf("rows %s", got)
		}
	})
}

// TestLaterVersions: a program with more columns and tables reads what an
// earlier one wrote, and goes on in the open day.
func TestLaterVersions(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s, err := column.Open(t.Context(), address, views, column.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for day := first; day < first+2; day++ {
			add(t, s, day, column.Batch{"test_view": {view(1, "a", 1, "/")}})
		}
		if err := s.Seal(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		later := views
		later.Open = append([]column.Table{}, views.Open...)
		later.Open[0].Columns = append([]column.Column{{Name: "language", Type: column.Text}}, views.Open[0].Columns...)
		later.Open = append(later.Open, column.Table{Name: "test_error", Columns: []column.Column{{Name: "site", Type: column.Text}, {Name: "status", Type: column.Uint16}}})
		later.Sealed = append([]column.Sealed{}, views.Sealed...)
		later.Sealed[0].Columns = append([]column.Column{{Name: "language", Type: column.Text}}, views.Sealed[0].Columns...)
		later.Sealed[0].Select = `SELECT v.language AS language, v.site AS site, o.ordinal AS ordinal, v.path AS path, v.hour AS hour, 0 AS seconds, v.bot AS bot
			FROM test_view AS v JOIN test_ordinal AS o ON v.visitor = o.visitor`
		later.Sealed = append(later.Sealed, column.Sealed{
			Table:  column.Table{Name: "test_status", Columns: []column.Column{{Name: "site", Type: column.Text}, {Name: "status", Type: column.Uint16}, {Name: "n", Type: column.Uint32}}},
			Select: "SELECT site, status, count(*) AS n FROM test_error GROUP BY site, status",
		})
		s = columntest.Open(t, address, later, column.Options{})
		add(t, s, first+1, column.Batch{
			"test_view":  {append(column.Row{"de"}, view(2, "a", 1, "/")...)},
			"test_error": {{"a", uint16(404)}},
		})
		ids := func() string {
			return ask(t, s, first, first+1, `SELECT day, language, count(*) FROM (SELECT day, language FROM test_view UNION ALL SELECT day, language FROM test_page) AS v
				GROUP BY day, language ORDER BY day, language`)
		}
		want := "20757  1\n20758  1\n20758 de 1"
		if got := ids(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if err := s.Seal(t.Context(), first+1); err != nil {
			t.Fatal(err)
		}
		if got := ids(); got != want {
			t.Errorf("sealed, got\n%s\nwant\n%s", got, want)
		}
		if got := ask(t, s, first, first+1, "SELECT site, status, n FROM test_status"); got != "a 404 1" {
			t.Error(got)
		}
	})
}

func TestStatsSayWhatIsKept(t *testing.T) {
	columntest.Each(t, func(t *testing.T, address string) {
		s := columntest.Open(t, address, views, column.Options{})
		for day := first; day < first+3; day++ {
			add(t, s, day, column.Batch{"test_view": {view(1, "a", 1, "/"), view(2, "a", 1, "/")}, "test_stay": {stay(1, "a", 1)}})
		}
		for day := first; day < first+2; day++ {
			if err := s.Seal(t.Context(), day); err != nil {
				t.Fatal(err)
			}
		}
		parts, err := s.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range parts {
			if p.Bytes <= 0 || p.Files <= 0 {
				t.Errorf("%+v", p)
			}
			parts[i].Bytes, parts[i].Files = 0, 0
		}
		want := []column.Part{{Name: "2026-10", Rows: 3}, {Name: "2026-11", Rows: 3}, {Name: "2026-11-02", Open: true, Rows: 3}}
		if d := cmp.Diff(want, parts); d != "" {
			t.Error(d)
		}
	})
}

func TestASchemaThatCannotBeIsRefused(t *testing.T) {
	table := func(name string, columns ...column.Column) column.Schema {
		return column.Schema{Name: "test", Open: []column.Table{{Name: name, Columns: columns}}}
	}
	for name, s := range map[string]column.Schema{
		"no table":       {Name: "test"},
		"a table":        table(`x"; DROP`),
		"a column":       table("x", column.Column{Name: "a b", Type: column.Text}),
		"no type":        table("x", column.Column{Name: "a"}),
		"day":            table("x", column.Column{Name: "day", Type: column.Int32}),
		"a column twice": table("x", column.Column{Name: "a", Type: column.Text}, column.Column{Name: "a", Type: column.Text}),
		"an order":       {Name: "test", Open: views.Open, Sealed: []column.Sealed{{Table: column.Table{Name: "x"}, Order: []string{"y"}}}},
		"a table twice":  {Name: "test", Open: append(views.Open, views.Open...)},
	} {
		if _, err := column.Open(t.Context(), columntest.DuckDB(t), s, column.Options{}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := column.Open(t.Context(), filepath.Join(os.TempDir(), "x"), views, column.Options{}); err == nil {
		t.Error("an address without an engine: taken")
	}
}
