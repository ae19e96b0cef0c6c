package export

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// A source is a file of rows. What is wrong with a row it remembers, the first
// thing, so that a row is read field after field and asked once.
type source struct {
	name    string
	text    *bufio.Reader
	budget  *budget
	csv     *csv.Reader
	columns map[string]int
	titles  []string // the columns as the file writes them
	first   string   // the first of them
	record  []string
	fields  map[string]any // of JSON, instead
	at      int
	unit    string
	err     error
}

// A budget bounds what is read for one row.
type budget struct {
	in   io.Reader
	left int
}

var errTooLong = errors.New("too long")

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// newSource reads UTF-8, and UTF-16 that says so, as Matomo's does.
func newSource(name string, in io.Reader) *source {
	b := &budget{in: transform.NewReader(in, unicode.BOMOverride(encoding.Nop.NewDecoder())), left: longestRecord}
	return &source{name: name, budget: b, text: bufio.NewReaderSize(b, 64<<10), unit: "line"}
}

// fail remembers what is wrong with a column of the row.
func (s *source) fail(column, what string) {
	if s.err == nil {
		if i, ok := s.columns[column]; ok && i < len(s.titles) {
			column = s.titles[i]
		}
		s.err = &Error{File: s.name, Line: s.at, Unit: s.unit, Column: column, What: what}
	}
}

// wrong makes an Error of what a reader says.
func (s *source) wrong(err error) error {
	var ours *Error
	var parse *csv.ParseError
	var stopped *stop
	switch {
	case errors.As(err, &stopped):
		return err
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, errTooLong):
		return &Error{File: s.name, Line: s.at + 1, Unit: s.unit, What: fmt.Sprintf("it is longer than %d MiB", longestRecord>>20)}
	case errors.As(err, &parse):
		return &Error{File: s.name, Line: parse.Line, Unit: "line", What: fmt.Sprintf("at byte %d: %v", parse.Column, parse.Err)}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &Error{File: s.name, Line: s.at + 1, Unit: s.unit, What: "it ends there, and is not whole"}
	default:
		return &Error{File: s.name, Line: s.at + 1, Unit: s.unit, What: "it cannot be read: " + err.Error()}
	}
}

// head is the beginning of the file, without space before it.
func (s *source) head() ([]byte, error) {
	for {
		head, err := s.text.Peek(512)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, s.wrong(err)
		}
		rest := bytes.TrimLeft(head, " \t\r\n")
		if len(rest) > 0 || len(head) == 0 {
			return rest, nil
		}
		if _, err := s.text.Discard(len(head)); err != nil {
			return nil, s.wrong(err)
		}
	}
}

func (s *source) begin() {
	s.csv = csv.NewReader(s.text)
	s.csv.ReuseRecord = true
	s.csv.FieldsPerRecord = -1
}

// heading reads the names of the columns.
func (s *source) heading() error {
	s.begin()
	record, err := s.read()
	if err != nil {
		return s.wrong(err)
	}
	s.entitle(record)
	return nil
}

func (s *source) entitle(record []string) {
	s.columns, s.titles = map[string]int{}, nil
	for i, title := range record {
		title = clean(title)
		s.titles = append(s.titles, title)
		if _, twice := s.columns[plain(title)]; !twice {
			s.columns[plain(title)] = i
		}
	}
	s.first = plain(record[0])
}

// plain is the name of a column as we ask for it: small letters and figures.
func plain(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r >= 0x80:
			return r
		}
		return -1
	}, title)
}

func (s *source) read() ([]string, error) {
	s.budget.left = longestRecord
	record, err := s.csv.Read()
	if err == nil {
		s.at, _ = s.csv.FieldPos(0)
	}
	return record, err
}

// next goes to the next row. It is false at the end and at an error, also of
// the row before.
func (s *source) next() bool {
	if s.err != nil {
		return false
	}
	record, err := s.read()
	switch {
	case errors.Is(err, io.EOF):
		return false
	case err != nil:
		s.err = s.wrong(err)
		return false
	case len(record) != len(s.titles):
		s.err = &Error{File: s.name, Line: s.at, Unit: s.unit, What: fmt.Sprintf("it has %d fields, and the heading has %d", len(record), len(s.titles))}
		return false
	}
	s.record = record
	return true
}

func (s *source) has(column string) bool {
	if s.fields != nil {
		_, ok := s.fields[column]
		return ok
	}
	_, ok := s.columns[column]
	return ok
}

// text is a column's text, without what is no text, and not longer than we keep
// anything. It is empty where the column is not there.
func (s *source) get(column string) string {
	if s.fields != nil {
		switch v := s.fields[column].(type) {
		case string:
			return clean(v)
		case json.Number:
			return v.String()
		case bool:
			return strconv.FormatBool(v)
		}
		return ""
	}
	if i, ok := s.columns[column]; ok && i < len(s.record) {
		return clean(s.record[i])
	}
	return ""
}

// either is the text of the first column that has one.
func (s *source) either(columns ...string) string {
	for _, column := range columns {
		if text := s.get(column); text != "" {
			return text
		}
	}
	return ""
}

func clean(text string) string {
	if len(text) > longestText {
		text = text[:longestText]
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || 0x7f <= r && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return strings.TrimSpace(text)
}

// most is more than anybody counts, and far from where sums overflow.
const most = 1 << 50

// count is a column's whole number; an empty one is 0. Programs write them with
// commas between thousands, and whole ones as 12.0.
func (s *source) count(column string) int64 {
	text := s.get(column)
	if text == "" || text == "-" {
		return 0
	}
	text = strings.ReplaceAll(text, ",", "")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > most {
			s.fail(column, "it is no whole number")
			return 0
		}
		n = int64(f)
	}
	if n < 0 || n > most {
		s.fail(column, "it is no number that can be counted")
		return 0
	}
	return n
}

// measure is a count that a row may lack, and whether it has it.
func (s *source) measure(d *Daily, m Measure, columns ...string) {
	for _, column := range columns {
		if !s.has(column) || s.get(column) == "" {
			continue
		}
		n := s.count(column)
		switch d.Has |= m; m {
		case Visitors:
			d.Visitors = n
		case Visits:
			d.Visits = n
		case Views:
			d.Views = n
		case Events:
			d.Events = n
		case Bounces:
			d.Bounces = n
		case Duration:
			d.Duration = time.Duration(min(n, math.MaxInt64/int64(time.Second))) * time.Second
		}
		return
	}
}

// flag is a column's yes or no.
func (s *source) flag(column string) bool {
	switch strings.ToLower(s.get(column)) {
	case "1", "t", "true", "yes":
		return true
	case "", "0", "f", "false", "no":
		return false
	}
	s.fail(column, "it is neither yes nor no")
	return false
}

// day reads 2026-03-01 or 20260301.
func (s *source) day(column string) time.Time {
	t, ok := day(s.get(column))
	if !ok {
		s.fail(column, "it is no day as in 2026-03-01")
	}
	return t
}

func day(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02", "20060102"} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 1990 {
			return t, true
		}
	}
	return time.Time{}, false
}

// moment reads a time, which is of UTC where it does not say.
func (s *source) moment(column string) time.Time {
	text := s.get(column)
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 1990 {
			return t.UTC()
		}
	}
	s.fail(column, "it is no time as in 2026-03-01 12:00:00")
	return time.Time{}
}
