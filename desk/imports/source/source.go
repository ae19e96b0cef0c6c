// Package source reads what other systems give out of their customers: CSV in any
// usual encoding, and dumps of their databases as SQL or JSON. It reads row by row
// within bounds, whatever is in the file, and knows nobody.
package source

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Bounds of a file. What is beyond them is refused rather than held in memory.
const (
	MaxCell    = 64 << 10 // bytes of one value
	MaxRow     = 1 << 20  // bytes of one row
	MaxColumns = 500
	maxName    = 256 // bytes of the name of a table or a column
)

// The forms of a file.
const (
	CSV  = "csv"
	SQL  = "sql"
	JSON = "json"
)

// The encodings of a file.
const (
	UTF8        = "UTF-8"
	UTF16LE     = "UTF-16LE"
	UTF16BE     = "UTF-16BE"
	Windows1252 = "Windows-1252"
)

// A Format is how a file is to be read.
type Format struct {
	Form      string `json:"form"`                // [CSV], [SQL] or [JSON]
	Encoding  string `json:"encoding"`            // [UTF8], [UTF16LE], [UTF16BE] or [Windows1252]
	Delimiter string `json:"delimiter,omitempty"` // of CSV: one character
}

// Delimiters are what can stand between the cells of CSV.
var Delimiters = []string{",", ";", "\t", "|"}

// A Row is one of a table of the file.
type Row struct {
	Table   string   // its name in a dump; empty in CSV
	Columns []string // the same slice as long as they stay the same
	Line    int64    // of CSV, the line at which it begins; else the number of the row in its table, from 1
	Cells   []string // one for each column
	Wrong   string   // why it cannot be used, in a sentence; empty: it can
}

// Cell returns the value of a column; empty if there is no such column.
func (r *Row) Cell(column string) string {
	for i, c := range r.Columns {
		if c == column && i < len(r.Cells) {
			return r.Cells[i]
		}
	}
	return ""
}

// An Error is a fault of the file that ends the reading of it.
type Error struct {
	Line int64 // of the file; 0: not known
	What string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.What
	}
	return fmt.Sprintf("Line %d: %s", e.Line, e.What)
}

// A Reader gives the rows of a file, one after another. After the last one the
// error is [io.EOF].
type Reader interface {
	Next() (*Row, error)
}

// Open begins to read a file, of a dump the tables that are wanted. Of CSV every
// row is.
func Open(r io.Reader, f Format, wanted func(table string) bool) (Reader, error) {
	text, err := decoded(r, f.Encoding)
	if err != nil {
		return nil, err
	}
	switch f.Form {
	case CSV:
		if len(f.Delimiter) != 1 {
			return nil, &Error{What: "It is not known what stands between the cells."}
		}
		return newCSV(text, f.Delimiter[0])
	case SQL:
		return newSQL(text, wanted), nil
	case JSON:
		return newJSON(text, wanted), nil
	}
	return nil, &Error{What: "This is neither CSV nor a dump as SQL or JSON."}
}

func decoded(r io.Reader, name string) (io.Reader, error) {
	var e encoding.Encoding
	switch name {
	case UTF8:
		e = unicode.UTF8BOM
	case UTF16LE: // with a byte order mark or without
		e = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case UTF16BE:
		e = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case Windows1252:
		e = charmap.Windows1252
	default:
		return nil, &Error{What: "Its encoding is not one that is known here."}
	}
	return transform.NewReader(r, e.NewDecoder()), nil
}

// headSize is how much of the beginning is looked at.
const headSize = 64 << 10

// A Sniffer watches a file go by and finds out how it is to be read.
type Sniffer struct {
	head   []byte
	rest   []byte // of a character that is cut
	broken bool   // it is no UTF-8
	zeros  bool   // it has zero bytes
	size   int64
}

// Write takes the next piece; it never fails.
func (s *Sniffer) Write(b []byte) (int, error) {
	s.size += int64(len(b))
	s.zeros = s.zeros || bytes.IndexByte(b, 0) >= 0
	if left := headSize - len(s.head); left > 0 {
		s.head = append(s.head, b[:min(left, len(b))]...)
	}
	if !s.broken {
		piece := slices.Concat(s.rest, b)
		for len(piece) > 0 {
			r, n := utf8.DecodeRune(piece)
			if r == utf8.RuneError && n == 1 {
				if !utf8.FullRune(piece) {
					break
				}
				s.broken = true
				piece = nil
				break
			}
			piece = piece[n:]
		}
		s.rest = append([]byte(nil), piece...)
	}
	return len(b), nil
}

// Size returns how many bytes went by.
func (s *Sniffer) Size() int64 { return s.size }

// signatures are how files begin that are no text: pictures, documents, spreadsheets,
// databases and what is packed.
var signatures = []string{
	"\x89PNG\r\n", "\xff\xd8\xff", "GIF87a", "GIF89a", "%PDF-", "PK\x03\x04", "\x1f\x8b", "\xfd7zXZ\x00", "7z\xbc\xaf\x27\x1c", "\x28\xb5\x2f\xfd", "Rar!\x1a\x07",
	"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "SQLite format 3\x00",
}

// Binary reports whether it is no text that could be read: it begins like another kind
// of file, or has zero bytes that its encoding does not ask for.
func (s *Sniffer) Binary() bool {
	if slices.ContainsFunc(signatures, func(how string) bool { return bytes.HasPrefix(s.head, []byte(how)) }) {
		return true
	}
	f := s.Format()
	return s.zeros && f.Form == CSV && f.Encoding != UTF16LE && f.Encoding != UTF16BE
}

// ErrBinary is the fault of a file that is no text.
var ErrBinary = &Error{What: "This is a picture, a document or something packed, and no text. Export it as CSV, or unpack it."}

// Format returns how the file is to be read.
func (s *Sniffer) Format() Format {
	f := Format{Encoding: s.encoding()}
	head := s.head
	if text, err := decoded(bytes.NewReader(s.head), f.Encoding); err == nil {
		head, _ = io.ReadAll(text) // the last character may be cut
	}
	f.Form = formOf(head)
	if f.Form == CSV {
		f.Delimiter = delimiterOf(head)
	}
	return f
}

func (s *Sniffer) encoding() string {
	switch h := s.head; {
	case bytes.HasPrefix(h, []byte{0xef, 0xbb, 0xbf}):
		return UTF8
	case bytes.HasPrefix(h, []byte{0xff, 0xfe}):
		return UTF16LE
	case bytes.HasPrefix(h, []byte{0xfe, 0xff}):
		return UTF16BE
	}
	// Text of most languages has a zero in every other byte of UTF-16.
	var zero [2]int
	for i, b := range s.head {
		if b == 0 {
			zero[i%2]++
		}
	}
	switch half := len(s.head) / 4; {
	case half > 0 && zero[1] >= half && zero[0] == 0:
		return UTF16LE
	case half > 0 && zero[0] >= half && zero[1] == 0:
		return UTF16BE
	case s.broken || len(s.rest) > 0:
		return Windows1252
	}
	return UTF8
}

// formOf tells the forms apart by how they begin.
func formOf(head []byte) string {
	text := bytes.TrimSpace(head)
	if len(text) > 0 && (text[0] == '[' || text[0] == '{') {
		return JSON
	}
	upper := bytes.ToUpper(text)
	for _, start := range []string{"-- ", "--\n", "/*", "CREATE TABLE", "INSERT INTO", "SET ", "DROP TABLE", "LOCK TABLES", "START TRANSACTION"} {
		if bytes.HasPrefix(upper, []byte(start)) {
			return SQL
		}
	}
	return CSV
}

// delimiterOf returns what most often stands between cells in the first lines,
// outside of quotation marks.
func delimiterOf(head []byte) string {
	best, most := ",", 0
	for _, d := range Delimiters {
		n, quoted := 0, false
		for _, b := range head {
			switch {
			case b == '"':
				quoted = !quoted
			case !quoted && b == '\n':
				goto counted // the first line names the columns
			case !quoted && b == d[0]:
				n++
			}
		}
	counted:
		if n > most {
			best, most = d, n
		}
	}
	return best
}
