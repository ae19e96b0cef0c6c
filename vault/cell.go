package vault

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/keyring"
)

// A cell is one sealed value with what stands about it.
type cell struct {
	field   loot.Field
	version int64 // of the record when it was written; bound into the seal
	origin  origin
	state   uint8  // index into states
	until   int64  // seconds: when it is to be erased; 0: with its purposes
	spell   uint8  // how the value is spelt for its blind index; 0: it has none
	hash    []byte // blind index
	sealed  []byte
}

// An origin is where and when a value came from. The cells of one form share
// theirs, so a record keeps each once. It is bound into the seal too: nobody
// can say afterwards that a value was given earlier, elsewhere or under
// another statement.
type origin struct {
	source    string
	at        int64  // microseconds
	statement string // first 16 characters of the hash of the version in force
}

// The verification states of a value.
const (
	Unverified = "unverified"
	Checked    = "checked"
	Verified   = "verified"
	Disputed   = "disputed"
	Expired    = "expired"
)

var states = []string{Unverified, Checked, Verified, Disputed, Expired} // a cell holds the place in it

// packVersion is the first byte of packed cells.
const packVersion = 1

// pack writes cells into one row: a table of origins, then the cells. Numbers
// are varints, texts and seals have their length before them. A field is a
// zero and its id, or its name.
func pack(cells []cell, names naming) []byte {
	var origins []origin
	size := 16
	for _, c := range cells {
		size += len(c.field) + len(c.sealed) + len(c.hash) + 16
		if !slices.Contains(origins, c.origin) {
			origins = append(origins, c.origin)
			size += len(c.origin.source) + 24
		}
	}
	b := append(make([]byte, 0, size), packVersion)
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
		if id, ok := names.short(c.field); ok {
			b = append(append(b, 0), id[:]...)
		} else {
			b = appendText(b, string(c.field))
		}
		b = binary.AppendUvarint(b, uint64(c.version))
		b = binary.AppendUvarint(b, uint64(slices.Index(origins, c.origin)))
		b = append(b, c.state|c.spell<<4)
		b = binary.AppendVarint(b, c.until)
		if c.spell != 0 {
			b = append(b, c.hash...)
		}
		b = appendText(b, string(c.sealed))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// ErrDamaged says that a row is not what the vault wrote.
var ErrDamaged = errors.New("damaged")

// errNameless says that a row refers to a name that is not known here.
var errNameless = fmt.Errorf("a field of no name: %w", ErrDamaged)

// A reader takes packed cells apart. After the first fault it gives zeroes.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	// The shortest form only: what opens has one spelling.
	if n <= 0 || n > 1 && r.b[n-1] == 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	t := r.b[:n:n]
	r.b = r.b[n:]
	return t
}

func (r *reader) text() []byte { return r.take(r.uvarint()) }

func (r *reader) byte() byte {
	b := r.take(1)
	if r.bad {
		return 0
	}
	return b[0]
}

// unpack is the inverse of pack. It refuses what pack cannot have written.
func unpack(b []byte, names naming) ([]cell, error) {
	r := &reader{b: b}
	if v := r.byte(); v != packVersion {
		return nil, fmt.Errorf("cells of format %d: %w", v, ErrDamaged)
	}
	n := r.uvarint()
	if n > uint64(len(b)) {
		return nil, ErrDamaged
	}
	origins := make([]origin, n)
	for i := range origins {
		origins[i] = origin{source: string(r.text()), at: r.varint(), statement: hex.EncodeToString(r.text())}
		if slices.Contains(origins[:i], origins[i]) {
			return nil, ErrDamaged
		}
	}
	if n = r.uvarint(); n > uint64(len(b)) {
		return nil, ErrDamaged
	}
	cells := make([]cell, n)
	used := uint64(0) // origins come in the order of their first use
	for i := range cells {
		c := &cells[i]
		if name := r.text(); len(name) > 0 {
			c.field = loot.Field(name)
		} else if id := r.take(3); !r.bad {
			var known bool
			if c.field, known = names.long(wordID(id)); !known {
				return nil, errNameless
			}
		}
		version := r.uvarint()
		o := r.uvarint()
		bits := r.byte()
		c.state, c.spell = bits&0xf, bits>>4
		c.until = r.varint()
		if c.spell != 0 {
			c.hash = r.take(keyring.HashSize)
		}
		c.sealed = r.text()
		if c.version = int64(version); c.version < 0 {
			r.bad = true
		}
		if r.bad || o >= uint64(len(origins)) || o > used || int(c.state) >= len(states) || int(c.spell) >= len(spellings) {
			return nil, ErrDamaged
		}
		if o == used {
			used++
		}
		c.origin = origins[o]
	}
	if r.bad || len(r.b) > 0 || used != uint64(len(origins)) {
		return nil, ErrDamaged
	}
	return cells, nil
}

// bound is what a cell's seal is bound to, besides the person and the
// collection, which the key adds: moved to another field, or given another
// history, it does not open.
func (c cell) bound() []byte {
	b := make([]byte, 0, 64+len(c.origin.source))
	b = appendText(b, "loot vault cell")
	b = appendText(b, string(c.field))
	b = binary.AppendVarint(b, c.version)
	b = appendText(b, c.origin.source)
	b = binary.AppendVarint(b, c.origin.at)
	return appendText(b, c.origin.statement)
}

// lookup is what a cell is found by.
func (c cell) lookup() int64 { return lookup(c.hash) }

func lookup(hash []byte) int64 { return int64(binary.BigEndian.Uint64(hash)) }

func (c cell) deadline() time.Time {
	if c.until == 0 {
		return time.Time{}
	}
	return time.Unix(c.until, 0).UTC()
}

// deadlineOf returns a time as a cell keeps it; what has begun of a second counts
// whole, so that nothing is due before its time.
func deadlineOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, t.Add(time.Second-1).Unix())
}

// dueOf returns when the first of the cells is to be erased, in microseconds.
func dueOf(cells []cell) int64 {
	var first int64
	for _, c := range cells {
		if c.until != 0 && (first == 0 || c.until < first) {
			first = c.until
		}
	}
	return first * int64(time.Second/time.Microsecond)
}
