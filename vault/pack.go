package vault

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
)

// A cell is one sealed value with what stands about it.
type cell struct {
	field   loot.Field
	version uint64 // rises with every correction; bound into the seal
	origin  origin
	state   uint8 // index into states
	until   int64 // seconds: when it is to be erased; 0: with its purposes
	sealed  []byte
}

// An origin is where and when a value came from. The cells of one form share
// theirs, so a record keeps each once.
type origin struct {
	source    string
	at        int64  // microseconds
	statement string // first 16 characters of the hash of the version in force
}

// The verification states of a value.
var states = []string{"unverified", "checked", "verified", "disputed", "expired"}

// packVersion is the first byte of packed cells.
const packVersion = 1

// pack writes cells into one row: a table of origins, then the cells. Numbers
// are varints, texts and seals have their length before them.
func pack(cells []cell) []byte {
	var origins []origin
	for _, c := range cells {
		if !slices.Contains(origins, c.origin) {
			origins = append(origins, c.origin)
		}
	}
	b := []byte{packVersion}
	b = binary.AppendUvarint(b, uint64(len(origins)))
	for _, o := range origins {
		b = appendText(b, o.source)
		b = binary.AppendVarint(b, o.at)
		raw, err := hex.DecodeString(o.statement)
		if err != nil {
			panic(err) // the hash of a statement is hexadecimal
		}
		b = appendText(b, string(raw))
	}
	b = binary.AppendUvarint(b, uint64(len(cells)))
	for _, c := range cells {
		b = appendText(b, string(c.field))
		b = binary.AppendUvarint(b, c.version)
		b = binary.AppendUvarint(b, uint64(slices.Index(origins, c.origin)))
		b = append(b, c.state)
		b = binary.AppendVarint(b, c.until)
		b = appendText(b, string(c.sealed))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errPacked = errors.New("vault: the row is damaged")

// A reader takes packed cells apart. After the first fault it gives zeroes.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	t := r.b[:n]
	r.b = r.b[n:]
	return t
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// unpack is the inverse of pack. It refuses what pack cannot have written.
func unpack(b []byte) ([]cell, error) {
	r := &reader{b: b}
	if v := r.byte(); v != packVersion {
		return nil, fmt.Errorf("%w: format %d", errPacked, v)
	}
	n := r.uvarint()
	if n > uint64(len(b)) {
		return nil, errPacked
	}
	origins := make([]origin, n)
	for i := range origins {
		origins[i] = origin{source: string(r.text()), at: r.varint(), statement: hex.EncodeToString(r.text())}
	}
	if n = r.uvarint(); n > uint64(len(b)) {
		return nil, errPacked
	}
	cells := make([]cell, n)
	for i := range cells {
		c := &cells[i]
		c.field = loot.Field(r.text())
		c.version = r.uvarint()
		o := r.uvarint()
		c.state = r.byte()
		c.until = r.varint()
		c.sealed = r.text()
		if r.bad || o >= uint64(len(origins)) || int(c.state) >= len(states) {
			return nil, errPacked
		}
		c.origin = origins[o]
	}
	if r.bad || len(r.b) > 0 {
		return nil, errPacked
	}
	return cells, nil
}

func (c cell) at() time.Time { return time.UnixMicro(c.origin.at).UTC() }

func (c cell) deadline() time.Time {
	if c.until == 0 {
		return time.Time{}
	}
	return time.Unix(c.until, 0).UTC()
}

// ad binds a seal to whose it is, on which occasion it was given, what it is
// and which correction of it: moved elsewhere, it does not open.
func ad(s loot.Subject, c loot.Collection, f loot.Field, version uint64) []byte {
	return fmt.Appendf(nil, "loot/vault/cell\x00%s\x00%s\x00%s\x00%d", s, c, f, version)
}
