package source

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// An sqlReader reads the INSERT statements of a dump, as mysqldump, mariadb-dump
// and phpMyAdmin write them. Everything else is passed over, nothing is carried out.
type sqlReader struct {
	r       *bufio.Reader
	wanted  func(string) bool
	columns map[string][]string // by table, from CREATE TABLE
	counts  map[string]int64
	line    int64

	table string   // whose values are being read; empty: none
	names []string // of the columns of those values
	skip  bool     // they are of no interest
	cell  []byte
	long  bool // the cell is longer than can be kept
}

func newSQL(r io.Reader, wanted func(string) bool) *sqlReader {
	return &sqlReader{r: bufio.NewReaderSize(r, 64<<10), wanted: wanted, columns: map[string][]string{}, counts: map[string]int64{}, line: 1}
}

func (s *sqlReader) fault(what string) error { return &Error{s.line, what} }

func (s *sqlReader) byte() (byte, error) {
	b, err := s.r.ReadByte()
	if b == '\n' && err == nil {
		s.line++
	}
	return b, err
}

func (s *sqlReader) back(b byte) {
	_ = s.r.UnreadByte() // one was read just now
	if b == '\n' {
		s.line--
	}
}

// token returns the next byte that is neither space nor comment.
func (s *sqlReader) token() (byte, error) {
	for {
		b, err := s.byte()
		if err != nil {
			return 0, err
		}
		switch b {
		case ' ', '\t', '\r', '\n':
			continue
		case '#':
			if err := s.restOfLine(); err != nil {
				return 0, err
			}
			continue
		case '-':
			if next, err := s.r.Peek(2); err == nil && next[0] == '-' && (next[1] == ' ' || next[1] == '\n' || next[1] == '\r' || next[1] == '\t') {
				if err := s.restOfLine(); err != nil {
					return 0, err
				}
				continue
			}
		case '/':
			if next, err := s.r.Peek(1); err == nil && next[0] == '*' {
				if err := s.comment(); err != nil {
					return 0, err
				}
				continue
			}
		}
		return b, nil
	}
}

func (s *sqlReader) restOfLine() error {
	for {
		b, err := s.byte()
		if err != nil || b == '\n' {
			return err
		}
	}
}

func (s *sqlReader) comment() error {
	var last byte
	for {
		b, err := s.byte()
		if err != nil || last == '*' && b == '/' {
			return err
		}
		last = b
	}
}

// word reads a name or a key word that begins with b; one in backquotes or
// double quotes is quoted.
func (s *sqlReader) word(b byte) (word string, quoted bool, err error) {
	var out []byte
	if b == '`' || b == '"' {
		for {
			c, err := s.byte()
			if err != nil {
				return "", true, s.ended(err)
			}
			if c == b {
				return string(out), true, nil
			}
			if out = append(out, c); len(out) > maxName {
				return "", true, s.fault("A name is longer than 256 characters.")
			}
		}
	}
	for c := b; ; {
		if !nameByte(c) {
			s.back(c)
			return string(out), false, nil
		}
		if out = append(out, c); len(out) > maxName {
			return "", false, s.fault("A name is longer than 256 characters.")
		}
		if c, err = s.byte(); errors.Is(err, io.EOF) {
			return string(out), false, nil
		} else if err != nil {
			return "", false, err
		}
	}
}

func nameByte(c byte) bool {
	return c == '_' || c == '$' || c == '@' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func (s *sqlReader) ended(err error) error {
	if errors.Is(err, io.EOF) {
		return s.fault("The file ends within a statement: it did not arrive whole.")
	}
	return err
}

// Next returns the next row of a wanted table.
func (s *sqlReader) Next() (*Row, error) {
	for {
		if s.table != "" {
			row, err := s.values()
			if err != nil || row != nil {
				return row, err
			}
			continue
		}
		b, err := s.token()
		if err != nil {
			return nil, err
		}
		if b == ';' {
			continue
		}
		if !nameByte(b) {
			if err := s.statement(b); err != nil {
				return nil, err
			}
			continue
		}
		word, _, err := s.word(b)
		if err != nil {
			return nil, err
		}
		switch strings.ToUpper(word) {
		case "INSERT", "REPLACE":
			err = s.insert()
		case "CREATE":
			err = s.create()
		default:
			err = s.statement(' ')
		}
		if err != nil {
			return nil, err
		}
	}
}

// statement passes over the rest of one, which may begin with b.
func (s *sqlReader) statement(b byte) error {
	for {
		switch b {
		case ';':
			return nil
		case '\'', '"', '`':
			if err := s.text(b, false); err != nil {
				return err
			}
		}
		var err error
		if b, err = s.token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// name reads the name of a table, without that of its database.
func (s *sqlReader) name() (string, error) {
	for {
		b, err := s.token()
		if err != nil {
			return "", s.ended(err)
		}
		word, _, err := s.word(b)
		if err != nil {
			return "", err
		}
		if next, err := s.r.Peek(1); err == nil && next[0] == '.' {
			_, _ = s.byte() // it was peeked
			continue
		}
		if word == "" {
			return "", s.fault("The name of a table is missing.")
		}
		return word, nil
	}
}

// insert reads up to the first values.
func (s *sqlReader) insert() error {
	var word string
	for {
		b, err := s.token()
		if err != nil {
			return s.ended(err)
		}
		if word, _, err = s.word(b); err != nil {
			return err
		}
		if word == "" {
			return s.statement(';')
		}
		if strings.EqualFold(word, "INTO") {
			break
		}
	}
	table, err := s.name()
	if err != nil {
		return err
	}
	names := s.columns[table]
	b, err := s.token()
	if err != nil {
		return s.ended(err)
	}
	if b == '(' {
		if names, err = s.list(); err != nil {
			return err
		}
		if b, err = s.token(); err != nil {
			return s.ended(err)
		}
	}
	if word, _, err = s.word(b); err != nil {
		return err
	}
	if !strings.EqualFold(word, "VALUES") {
		return s.statement(' ') // INSERT … SELECT gives no rows
	}
	s.table, s.skip, s.names = table, !s.wanted(table), names
	if !s.skip && len(names) == 0 {
		return s.fault("The columns of the table " + table + " are not named. Make the dump with the structure of its tables.")
	}
	return nil
}

// list reads names between parentheses, of which the first is read.
func (s *sqlReader) list() ([]string, error) {
	var out []string
	for {
		b, err := s.token()
		if err != nil {
			return nil, s.ended(err)
		}
		switch b {
		case ',':
			continue
		case ')':
			return columnNames(out), nil
		}
		word, _, err := s.word(b)
		if err != nil {
			return nil, err
		}
		if word == "" {
			return nil, s.fault("The names of the columns cannot be read.")
		}
		if out = append(out, word); len(out) > MaxColumns {
			return nil, s.fault("A table has more columns than can be read.")
		}
	}
}

// keys are how a line of CREATE TABLE begins that is no column.
var keys = []string{"PRIMARY", "KEY", "UNIQUE", "CONSTRAINT", "INDEX", "FULLTEXT", "FOREIGN", "CHECK", "SPATIAL", "PERIOD"}

// create learns the columns of a table.
func (s *sqlReader) create() error {
	b, err := s.token()
	if err != nil {
		return s.ended(err)
	}
	word, _, err := s.word(b)
	if err != nil {
		return err
	}
	if !strings.EqualFold(word, "TABLE") {
		return s.statement(' ')
	}
	table, err := s.name()
	if err != nil {
		return err
	}
	for strings.EqualFold(table, "IF") || strings.EqualFold(table, "NOT") || strings.EqualFold(table, "EXISTS") {
		if table, err = s.name(); err != nil {
			return err
		}
	}
	if b, err = s.token(); err != nil {
		return s.ended(err)
	}
	if b != '(' {
		return s.statement(b)
	}
	var names []string
	depth, first := 1, true
	for depth > 0 {
		if b, err = s.token(); err != nil {
			return s.ended(err)
		}
		switch {
		case b == '(':
			depth++
		case b == ')':
			depth--
		case b == ',' && depth == 1:
			first = true
		case first:
			word, quoted, err := s.word(b)
			if err != nil {
				return err
			}
			first = false
			if word != "" && (quoted || !isKey(word)) {
				if names = append(names, word); len(names) > MaxColumns {
					return s.fault("A table has more columns than can be read.")
				}
			}
			if word == "" && !quoted {
				if _, err := s.byte(); err != nil { // no name: what stands here is passed over
					return s.ended(err)
				}
			}
		case b == '\'' || b == '"' || b == '`':
			if err := s.text(b, false); err != nil {
				return err
			}
		}
	}
	if len(s.columns) < 5000 {
		s.columns[table] = columnNames(names)
	}
	return s.statement(' ')
}

func isKey(word string) bool {
	for _, k := range keys {
		if strings.EqualFold(word, k) {
			return true
		}
	}
	return false
}

// values reads one row of values; nil if the statement ended, or it is of no
// interest.
func (s *sqlReader) values() (*Row, error) {
	b, err := s.token()
	if err != nil {
		return nil, s.ended(err)
	}
	switch b {
	case ',':
		return nil, nil
	case ';':
		s.table = ""
		return nil, nil
	case '(':
	default:
		s.table = "" // ON DUPLICATE KEY UPDATE and the like
		return nil, s.statement(b)
	}
	row := &Row{Table: s.table, Columns: s.names}
	size := 0
	for {
		more, err := s.value()
		if err != nil {
			return nil, err
		}
		if !s.skip {
			size += len(s.cell)
			switch {
			case s.long:
				row.Wrong = "A value of this row is longer than 64 KiB."
			case size > MaxRow || len(row.Cells) >= MaxColumns:
				row.Wrong = "This row is longer than can be read."
			default:
				row.Cells = append(row.Cells, strings.ToValidUTF8(string(s.cell), "\ufffd"))
			}
		}
		if !more {
			break
		}
	}
	if s.skip {
		return nil, nil
	}
	s.counts[s.table]++
	row.Line = s.counts[s.table]
	if row.Wrong == "" && len(row.Cells) != len(s.names) {
		row.Wrong = fmt.Sprintf("The row has %d values and the table %d columns.", len(row.Cells), len(s.names))
	}
	return row, nil
}

// value reads one value and what ends it, and reports whether another follows.
func (s *sqlReader) value() (more bool, err error) {
	s.cell, s.long = s.cell[:0], false
	for {
		b, err := s.token()
		if err != nil {
			return false, s.ended(err)
		}
		switch b {
		case ',':
			return true, nil
		case ')':
			return false, nil
		case '\'', '"':
			s.cell = s.cell[:0] // a word before it, such as _binary, says how it is spelt
			if err := s.text(b, !s.skip); err != nil {
				return false, err
			}
		case '(', ';':
			return false, s.fault("The values of the table " + s.table + " cannot be read.")
		default:
			if err := s.bare(b); err != nil {
				return false, err
			}
		}
	}
}

// bare reads a number, NULL, or bytes as 0x….
func (s *sqlReader) bare(b byte) error {
	var out []byte
	for {
		if b == ',' || b == ')' || b == '\'' || b == ' ' || b == '\n' || b == '\r' || b == '\t' {
			s.back(b)
			break
		}
		if len(out) <= 2*MaxCell {
			out = append(out, b)
		}
		var err error
		if b, err = s.byte(); err != nil {
			return s.ended(err)
		}
	}
	text := string(out)
	switch {
	case s.skip || strings.EqualFold(text, "NULL"):
		return nil
	case len(text) > 2*MaxCell:
		s.long = true
		return nil
	case strings.HasPrefix(text, "0x"):
		if raw, err := hex.DecodeString(text[2:]); err == nil {
			s.cell = append(s.cell, raw...)
			return nil
		}
	}
	s.cell = append(s.cell, text...)
	return nil
}

// text reads a text up to its closing mark, and keeps it as the cell.
func (s *sqlReader) text(mark byte, keep bool) error {
	for {
		b, err := s.byte()
		if err != nil {
			return s.ended(err)
		}
		switch {
		case b == '\\' && mark != '`':
			if b, err = s.byte(); err != nil {
				return s.ended(err)
			}
			b = unescaped(b)
		case b == mark:
			if next, err := s.r.Peek(1); err == nil && next[0] == mark {
				_, _ = s.byte() // it was peeked
				break
			}
			return nil
		}
		if !keep {
			continue
		}
		if len(s.cell) >= MaxCell {
			s.long = true
			continue
		}
		s.cell = append(s.cell, b)
	}
}

// unescaped returns what a character after a backslash stands for (MySQL, string
// literals).
func unescaped(b byte) byte {
	switch b {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'Z':
		return 0x1a
	}
	return b
}
