package billing

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"loot"
)

// The bounds of a file of use.
const (
	mostCSV   = 4 << 20 // bytes
	mostRows  = 20_000
	mostCell  = 200
	mostWrong = 20 // rows whose faults are told
)

// columns are those of a file of use, in any order.
var columns = []string{"service", "meter", "key", "at", "amount"}

// A RowError says what is wrong with a row.
type RowError struct {
	Row int // as spreadsheets count: the heading is row 1, and an empty one counts
	Why string
}

// readUsage reads a file of use: UTF-8 with a heading, parted by commas,
// semicolons or tabs. What is wrong with rows is told by row, the first so many of
// them; what is wrong with the file as a whole is the error. at is where days begin.
func readUsage(content []byte, at *time.Location) (all []Record, wrong []RowError, err error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	switch {
	case len(bytes.TrimSpace(content)) == 0:
		return nil, nil, loot.Errorf(loot.Invalid, "The file is empty.")
	case bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) || bytes.IndexByte(content, 0) >= 0:
		return nil, nil, loot.Errorf(loot.Invalid, "The file is no text in UTF-8. Save it as “CSV UTF-8” and send it again.")
	case !utf8.Valid(content):
		return nil, nil, loot.Errorf(loot.Invalid, "Row %d holds what is no text in UTF-8. Save the file as “CSV UTF-8” and send it again.", rowOfFault(content))
	}
	heading, _, _ := bytes.Cut(content, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(content))
	r.Comma = ','
	for _, c := range ";\t" {
		if bytes.Count(heading, []byte(string(c))) > bytes.Count(heading, []byte(string(r.Comma))) {
			r.Comma = c
		}
	}
	r.FieldsPerRecord = -1
	where, err := readHeading(r)
	if err != nil {
		return nil, nil, err
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if parse, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, nil, loot.Errorf(loot.Invalid, "Line %d is not CSV: a quotation mark stands where none may, or is not closed.", parse.Line)
		}
		if err != nil {
			return nil, nil, err
		}
		if len(all)+len(wrong) >= mostRows {
			return nil, nil, loot.Errorf(loot.TooLarge, "The file has more than %d rows. Send it in parts.", mostRows)
		}
		one, why := readRow(cells, where, at)
		one.row, _ = r.FieldPos(0)
		if why == "" {
			all = append(all, one)
		} else if wrong = append(wrong, RowError{one.row, why}); len(wrong) >= mostWrong {
			break
		}
	}
	if len(all)+len(wrong) == 0 {
		return nil, nil, loot.Errorf(loot.Invalid, "The file has a heading and no row.")
	}
	return all, wrong, nil
}

// rowOfFault returns the first row that is no text.
func rowOfFault(content []byte) int {
	row := 1
	for line := range bytes.Lines(content) {
		if !utf8.Valid(line) {
			break
		}
		row++
	}
	return row
}

// readHeading returns where each column stands.
func readHeading(r *csv.Reader) (where map[string]int, err error) {
	heading, err := r.Read()
	if err != nil {
		return nil, loot.Errorf(loot.Invalid, "Row 1 is not CSV. It names the columns: %s.", strings.Join(columns, ", "))
	}
	where = map[string]int{}
	for i, cell := range heading {
		name := strings.ToLower(strings.TrimSpace(cell))
		if !slices.Contains(columns, name) {
			return nil, loot.Errorf(loot.Invalid, "Row 1 names a column that is not known, the %s. The columns are %s.", ordinal(i+1), strings.Join(columns, ", "))
		}
		if _, twice := where[name]; twice {
			return nil, loot.Errorf(loot.Invalid, "Row 1 names the column %s twice.", name)
		}
		where[name] = i
	}
	for _, name := range columns {
		if _, ok := where[name]; !ok {
			return nil, loot.Errorf(loot.Invalid, "Row 1 lacks the column %s. The columns are %s.", name, strings.Join(columns, ", "))
		}
	}
	return where, nil
}

func ordinal(n int) string {
	if n < 4 {
		return []string{"", "first", "second", "third"}[n]
	}
	return fmt.Sprintf("%dth", n)
}

// readRow reads one row, or says what is wrong with it.
func readRow(cells []string, where map[string]int, place *time.Location) (out Record, why string) {
	if len(cells) != len(where) {
		return out, fmt.Sprintf("It has %s, and the heading has %d.", loot.Plural(len(cells), "cell", "cells"), len(where))
	}
	for i := range cells {
		if cells[i] = strings.TrimSpace(cells[i]); len(cells[i]) > mostCell {
			return out, fmt.Sprintf("A cell is longer than %d bytes.", mostCell)
		}
	}
	cell := func(name string) string { return cells[where[name]] }
	out = Record{Service: cell("service"), Meter: cell("meter"), Key: cell("key")}
	if why := wrongKey(out.Key); why != "" {
		return out, why
	}
	var err error
	if out.At, err = parseMoment(cell("at"), place); err != nil {
		return out, loot.Message(err)
	}
	if out.Amount, err = parseAmount(cell("amount")); err != nil {
		return out, loot.Message(err)
	}
	return out, ""
}

// parseMoment reads a time as in RFC 3339, or a day, which is its first moment.
func parseMoment(text string, place *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, place); err == nil {
		return t, nil
	}
	return time.Time{}, loot.Errorf(loot.Invalid, "This is not a time. One looks like 2026-02-28T14:30:00Z, or 2026-02-28 for a day.")
}
