package source

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// maxDepth is how deep a dump may be nested.
const maxDepth = 32

// A jsonReader reads the tables of a dump as JSON: arrays of objects, each under
// the name of its table. phpMyAdmin writes the name beside the rows, as
// {"type": "table", "name": …, "data": […]}; others write {"name": […]}.
type jsonReader struct {
	bounded *bounded
	dec     *json.Decoder
	wanted  func(string) bool
	levels  []level
	columns map[string][]string
	counts  map[string]int64
}

// A level is an object or an array that is being read.
type level struct {
	array bool
	key   string // of an object: whose value comes next; empty: a key comes
	table string // of an array: whose rows are in it
	name  string // of an object: the value of its "name"
}

func newJSON(r io.Reader, wanted func(string) bool) *jsonReader {
	b := &bounded{r: r}
	dec := json.NewDecoder(b)
	dec.UseNumber()
	return &jsonReader{bounded: b, dec: dec, wanted: wanted, columns: map[string][]string{}, counts: map[string]int64{}}
}

// bounded refuses a text or a number that is longer than can be kept, before it
// is in memory.
type bounded struct {
	r       io.Reader
	n       int // bytes since the last mark or separator
	quoted  bool
	escaped bool
	failed  error
}

var errLongText = &Error{What: "A text in it is longer than 1 MiB."}

func (b *bounded) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	n, err := b.r.Read(p)
	for _, c := range p[:n] {
		switch {
		case b.escaped:
			b.escaped = false
		case b.quoted && c == '\\':
			b.escaped = true
		case c == '"':
			b.quoted, b.n = !b.quoted, 0
		case !b.quoted && (c == ',' || c == ':' || c == '[' || c == ']' || c == '{' || c == '}'):
			b.n = 0
		}
		if b.n++; b.n > MaxRow {
			b.failed = errLongText
			return 0, b.failed
		}
	}
	return n, err
}

// Next returns the next row of a wanted table.
func (j *jsonReader) Next() (*Row, error) {
	for {
		if n := len(j.levels); n > 0 && j.levels[n-1].array && j.levels[n-1].table != "" && j.dec.More() {
			row, err := j.row(j.levels[n-1].table)
			if err != nil || row != nil {
				return row, err
			}
			continue
		}
		t, err := j.dec.Token()
		if errors.Is(err, io.EOF) && len(j.levels) > 0 {
			return nil, &Error{What: "The file ends within a value: it did not arrive whole."}
		}
		if err != nil {
			return nil, j.fault(err)
		}
		if err := j.take(t); err != nil {
			return nil, err
		}
	}
}

func (j *jsonReader) fault(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case j.bounded.failed != nil:
		return j.bounded.failed
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Error{What: "It is not well-formed JSON, or did not arrive whole."}
	}
	return err
}

// take follows where in the file a token stands.
func (j *jsonReader) take(t json.Token) error {
	var in *level
	if n := len(j.levels); n > 0 {
		in = &j.levels[n-1]
	}
	if d, ok := t.(json.Delim); ok {
		switch d {
		case '}', ']':
			j.levels = j.levels[:len(j.levels)-1]
			return nil
		case '{', '[':
			next := level{array: d == '['}
			if next.array {
				next.table = j.tableHere(in)
			}
			if in != nil {
				in.key = ""
			}
			if j.levels = append(j.levels, next); len(j.levels) > maxDepth {
				return &Error{What: "It is nested deeper than can be read."}
			}
			return nil
		}
	}
	if in == nil || in.array {
		return nil
	}
	if in.key == "" {
		in.key, _ = t.(string)
		if in.key == "" {
			in.key = "-" // an empty key is one
		}
		return nil
	}
	if in.key == "name" {
		in.name, _ = t.(string)
	}
	in.key = ""
	return nil
}

// tableHere names the table whose rows an array holds that begins in a level;
// empty: it is of no interest.
func (j *jsonReader) tableHere(in *level) string {
	if in == nil || in.array {
		return ""
	}
	name := in.key
	if name == "data" && in.name != "" {
		name = in.name
	}
	if !j.wanted(name) {
		return ""
	}
	return name
}

// row reads the next element of an array of rows; nil: it is none.
func (j *jsonReader) row(table string) (*Row, error) {
	var raw json.RawMessage
	j.bounded.n = 0
	if err := j.dec.Decode(&raw); err != nil {
		return nil, j.fault(err)
	}
	j.counts[table]++
	row := &Row{Table: table, Line: j.counts[table]}
	if len(raw) > MaxRow {
		row.Columns, row.Wrong = j.columns[table], "This row is longer than 1 MiB."
		return row, nil
	}
	names, values, ok := flat(raw)
	if !ok {
		row.Columns, row.Wrong = j.columns[table], "This is not a row with a value for each column."
		return row, nil
	}
	columns := j.columns[table]
	cells := make([]string, len(columns), max(len(columns), len(names)))
	for i, name := range names {
		at := i
		if at >= len(columns) || columns[at] != name {
			at = slices.Index(columns, name)
		}
		if at < 0 {
			if len(columns) >= MaxColumns {
				row.Wrong = "There are more columns than can be read."
				break
			}
			at = len(columns)
			columns = append(slices.Clip(columns), name) // who has the former ones keeps them
			cells = append(cells, "")
		}
		if len(values[i]) > MaxCell {
			row.Wrong = "A value of this row is longer than 64 KiB."
			continue
		}
		cells[at] = values[i]
	}
	j.columns[table] = columns
	row.Columns, row.Cells = columns, cells
	return row, nil
}

// flat reads an object whose values are no objects or arrays.
func flat(raw []byte) (names, values []string, ok bool) {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, false
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, nil, false
		}
		name, _ := key.(string)
		value, err := dec.Token()
		if err != nil {
			return nil, nil, false
		}
		text := ""
		switch v := value.(type) {
		case string:
			text = v
		case json.Number:
			text = v.String()
		case bool:
			if text = "0"; v {
				text = "1"
			}
		case json.Delim: // of no interest, and passed over
			for depth := 1; depth > 0; {
				t, err := dec.Token()
				if err != nil {
					return nil, nil, false
				}
				switch t {
				case json.Delim('{'), json.Delim('['):
					depth++
				case json.Delim('}'), json.Delim(']'):
					depth--
				}
			}
			continue
		}
		if len(names) > MaxColumns || len(name) > maxName {
			return nil, nil, false
		}
		if name != "" && !slices.Contains(names, name) {
			names, values = append(names, name), append(values, text)
		}
	}
	return names, values, true
}
