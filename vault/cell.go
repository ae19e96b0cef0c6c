package vault

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// packVersion is the first byte of packed cells. Those of version 1 had no MAC.
const packVersion = 2

// The first byte of a packed cell.
const (
	stateBits  = 0x07
	spellBits  = 0x38
	spellShift = 3
	hasUntil   = 0x40 // a deadline, which few have
	inWords    = 0x80 // the name of the field, in place of its id
)

// pack writes cells into one row: a table of origins, then the cells. Numbers
// are varints, texts and seals have their length before them. A cell begins with
// a byte that holds its state and its spelling and says what else follows.
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
		id, short := names.short(c.field)
		head := c.state | c.spell<<spellShift
		if c.until != 0 {
			head |= hasUntil
		}
		if !short {
			head |= inWords
		}
		b = append(b, head)
		if short {
			b = append(b, id[:]...)
		} else {
			b = appendText(b, string(c.field))
		}
		b = binary.AppendUvarint(b, uint64(c.version))
		b = binary.AppendUvarint(b, uint64(slices.Index(origins, c.origin)))
		if c.until != 0 {
			b = binary.AppendVarint(b, c.until)
		}
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

// Damaged reports whether an error is of one record that is held and cannot be read, as
// it or its key is not what was written. What goes on with the others need not stop at it.
func Damaged(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, keyring.ErrTampered) || errors.Is(err, keyring.ErrMissing)
}

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
		head := r.byte()
		c.state, c.spell = head&stateBits, head&spellBits>>spellShift
		if head&inWords != 0 {
			c.field = loot.Field(r.text())
		} else if id := r.take(3); !r.bad {
			var known bool
			if c.field, known = names.long(wordID(id)); !known {
				return nil, errNameless
			}
		}
		version := r.uvarint()
		o := r.uvarint()
		if head&hasUntil != 0 {
			c.until = r.varint()
			r.bad = r.bad || c.until == 0
		}
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

// withMAC adds to packed cells the MAC over them and what stands beside them.
func withMAC(key *keyring.PersonKey, packed, covered []byte) []byte {
	return append(packed, key.MAC(covered)...)
}

// splitMAC is the inverse of withMAC; it checks nothing.
func splitMAC(b []byte) (packed, mac []byte) {
	n := max(0, len(b)-keyring.MACSize)
	return b[:n:n], b[n:]
}

// covered is what the MAC of a record covers: all that its row says, as the
// cells' seals are bound to a part only and their states and deadlines change
// without a seal. The key adds the person and the collection. Two columns are
// left out: due, which must be that of the cells and is compared with them,
// and erased, as a row that is erased says nothing more. Names of fields are in
// it since the cells hold only ids of rows elsewhere.
func (r *record) covered() []byte {
	b := make([]byte, 0, len(r.packed)+32*len(r.cells)+64)
	b = appendText(b, "loot vault record")
	b = binary.AppendVarint(b, r.Version)
	b = binary.AppendVarint(b, r.Created.UnixMicro())
	b = binary.AppendVarint(b, r.Changed.UnixMicro())
	b = binary.AppendVarint(b, int64(r.epoch))
	return appendPacked(b, r.packed, r.cells...)
}

// covered is what the MAC of a former value covers.
func (h *formerCell) covered() []byte {
	b := make([]byte, 0, len(h.packed)+64)
	b = appendText(b, "loot vault history")
	b = binary.AppendVarint(b, h.replaced.UnixMicro())
	return appendPacked(b, h.packed, h.cell)
}

func appendPacked(b, packed []byte, cells ...cell) []byte {
	b = binary.AppendUvarint(b, uint64(len(packed)))
	b = append(b, packed...)
	for _, c := range cells {
		b = appendText(b, string(c.field))
	}
	return b
}

// base returns the field of which the cell says something, by its value or otherwise.
func (c cell) base() loot.Field {
	return loot.Field(strings.TrimRight(string(c.field), proposed+aside))
}

// counts reports whether the cell has the value of its field that counts.
func (c cell) counts() bool { return c.base() == c.field }

// of returns the key that seals the cell: that of its field.
func (c cell) of(key *keyring.PersonKey) *keyring.PersonKey {
	return key.Of(c.base())
}

// lost reports whether the key of the cell was destroyed: it came back with a backup from
// before its field was erased. Neither number nor time says that alone, as numbers go back with
// a backup, and the clocks of two nodes differ.
func (c cell) lost(key *keyring.PersonKey) bool {
	e, erased := key.Erased(c.base())
	return erased && c.version <= e.Version && c.origin.at <= e.At
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
