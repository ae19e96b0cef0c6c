package source

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"loot"
)

// A csvReader reads RFC 4180 as people really write it: other delimiters, line
// ends of every system, and quotation marks within a cell that does not begin
// with one.
type csvReader struct {
	r         *bufio.Reader
	delimiter byte
	columns   []string
	line      int64 // that is being read
	buffer    []byte
	ends      []int // of the cells in buffer
}

func newCSV(r io.Reader, delimiter byte) (*csvReader, error) {
	c := &csvReader{r: bufio.NewReaderSize(r, 64<<10), delimiter: delimiter, line: 1}
	names, _, err := c.record()
	if errors.Is(err, io.EOF) {
		return nil, &Error{What: "The file is empty."}
	}
	if err != nil {
		return nil, err
	}
	if len(names) > MaxColumns {
		return nil, &Error{1, fmt.Sprintf("There are %d columns; %d can be read.", len(names), MaxColumns)}
	}
	// The names of columns are kept and shown as they are, a row never is.
	if slices.ContainsFunc(names, isValue) {
		return nil, &Error{1, "The first line does not name the columns: a detail of somebody seems to stand in it. Put the names above."}
	}
	c.columns = columnNames(names)
	return c, nil
}

// isValue reports whether a cell is rather a value than the name of a column: an
// e-mail address, a day, a number.
func isValue(cell string) bool {
	return strings.Contains(cell, "@") || strings.ContainsFunc(cell, unicode.IsDigit) && !strings.ContainsFunc(cell, unicode.IsLetter)
}

// columnNames gives every column a name of its own.
func columnNames(names []string) []string {
	out, seen := make([]string, len(names)), map[string]int{}
	for i, name := range names {
		name = loot.Cut(strings.ToValidUTF8(strings.Join(strings.Fields(name), " "), "\ufffd"), 100)
		if name == "" {
			name = fmt.Sprintf("Column %d", i+1)
		}
		seen[name]++
		if n := seen[name]; n > 1 {
			name = fmt.Sprintf("%s (%d)", name, n)
		}
		out[i] = name
	}
	return out
}

// Next returns the next row that is not blank.
func (c *csvReader) Next() (*Row, error) {
	cells, line, err := c.record()
	if err != nil {
		return nil, err
	}
	row := &Row{Columns: c.columns, Line: line, Cells: cells}
	for len(row.Cells) > len(c.columns) && row.Cells[len(row.Cells)-1] == "" {
		row.Cells = row.Cells[:len(row.Cells)-1]
	}
	if n := len(row.Cells); n != len(c.columns) {
		row.Wrong = fmt.Sprintf("The row has %d cells and the first line %d.", n, len(c.columns))
	}
	return row, nil
}

// record reads one record that is not blank, and the line at which it began.
func (c *csvReader) record() ([]string, int64, error) {
	for {
		c.buffer, c.ends = c.buffer[:0], c.ends[:0]
		begun := c.line
		end, err := c.scan()
		if err != nil {
			return nil, 0, err
		}
		if len(c.ends) == 1 && strings.TrimSpace(string(c.buffer)) == "" {
			if end {
				return nil, 0, io.EOF
			}
			continue
		}
		// One string that all cells are parts of.
		all, from := string(c.buffer), 0
		cells := make([]string, len(c.ends))
		for i, to := range c.ends {
			cells[i], from = all[from:to], to
		}
		return cells, begun, nil
	}
}

// scan reads one record into buffer and ends. It reports whether the file ended.
func (c *csvReader) scan() (end bool, err error) {
	quoted, fresh, after := false, true, false // in quotation marks; at a cell's start; after its closing mark
	began := c.line
	for {
		b, err := c.r.ReadByte()
		if errors.Is(err, io.EOF) {
			if quoted {
				return false, &Error{began, "A quotation mark is opened here and never closed."}
			}
			c.ends = append(c.ends, len(c.buffer))
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if b == '\n' {
			c.line++
		}
		if len(c.buffer) > MaxRow || len(c.ends) > 4*MaxColumns {
			return false, &Error{began, "This row is larger than 1 MiB or has too many cells: a quotation mark may be opened and not closed."}
		}
		switch {
		case quoted && b == '"':
			if c.follows('"') {
				_, _ = c.r.ReadByte() // it was peeked
				c.buffer = append(c.buffer, '"')
				continue
			}
			quoted, after = false, true
		case quoted && b == '\r':
			if !c.follows('\n') {
				c.buffer = append(c.buffer, '\n')
			}
		case quoted:
			c.buffer = append(c.buffer, b)
		case b == '"' && fresh:
			quoted, fresh = true, false
		case b == c.delimiter:
			c.ends = append(c.ends, len(c.buffer))
			fresh, after = true, false
		case b == '\n':
			c.ends = append(c.ends, len(c.buffer))
			return false, nil
		case b == '\r':
			if !c.follows('\n') {
				c.line++ // a line end of its own
				c.ends = append(c.ends, len(c.buffer))
				return false, nil
			}
		case after && b == ' ':
		default:
			c.buffer = append(c.buffer, b)
			fresh = false
		}
	}
}

// follows reports whether a byte comes next.
func (c *csvReader) follows(b byte) bool {
	next, err := c.r.Peek(1)
	return err == nil && next[0] == b
}
