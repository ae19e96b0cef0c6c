package logfile

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Mark is how far a log was read. It is of the log, not of a file: it holds
// when the file is renamed, copied or compressed. Two logs that begin alike to
// the byte are one and the same to it, so of logs that were put together behind
// one another it knows the first alone.
type Mark struct {
	Fingerprint [16]byte // of what was read, up to its first 4 KiB
	Offset      int64    // in the log without compression
}

// printed is how much of the beginning a fingerprint is of.
const printed = 4 << 10

// MarshalText writes the mark for storing.
func (m Mark) MarshalText() ([]byte, error) {
	return []byte(m.String()), nil
}

// String writes it as MarshalText does.
func (m Mark) String() string { return fmt.Sprintf("%x:%d", m.Fingerprint, m.Offset) }

// UnmarshalText reads what MarshalText wrote.
func (m *Mark) UnmarshalText(text []byte) error {
	print, offset, _ := strings.Cut(string(text), ":")
	n, err := strconv.ParseInt(offset, 10, 64)
	if err != nil || n < 0 || len(print) != 2*len(m.Fingerprint) {
		return errors.New("logfile: a mark is a fingerprint of 32 hexadecimal figures, a colon and a number of bytes")
	}
	if _, err := hex.Decode(m.Fingerprint[:], []byte(print)); err != nil {
		return errors.New("logfile: the fingerprint of a mark is of hexadecimal figures")
	}
	m.Offset = n
	return nil
}

// A fingerprint tells a log by its beginning.
type fingerprint struct {
	key  []byte
	head []byte // the beginning, until it is enough
	done *[16]byte
}

func (f *fingerprint) add(text []byte) {
	if f.done == nil {
		f.head = append(f.head, text[:min(len(text), printed-len(f.head))]...)
	}
}

// settle forgets the beginning once the fingerprint does not change any more.
func (f *fingerprint) settle(end int64) {
	if f.done == nil && end >= printed {
		sum := f.of(f.head)
		f.done, f.head = &sum, nil
	}
}

func (f *fingerprint) sum(end int64) [16]byte {
	if f.done != nil {
		return *f.done
	}
	return f.of(f.head[:end])
}

func (f *fingerprint) of(text []byte) (out [16]byte) {
	h := hmac.New(sha256.New, f.key)
	h.Write(text)
	copy(out[:], h.Sum(nil))
	return out
}

// Mark says where to go on after the line that was read last.
func (r *Reader) Mark() Mark {
	if r.end == 0 {
		return Mark{}
	}
	return Mark{Fingerprint: r.print.sum(r.end), Offset: r.end}
}

// Resume goes on where one of the marks says that this log was left, the
// furthest one, and returns it. Where none is of this log it returns the zero
// mark, and reading begins at the beginning. It comes before the first Next.
func (r *Reader) Resume(marks ...Mark) (Mark, error) {
	if r.begun {
		return Mark{}, errors.New("logfile: resume before reading")
	}
	for r.to < printed {
		if err := r.fill(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return Mark{}, fmt.Errorf("logfile: %w", err)
		}
	}
	var best Mark
	for _, m := range marks {
		n := min(m.Offset, printed)
		if m.Offset > best.Offset && n <= int64(r.to) && r.print.of(r.buf[:n]) == m.Fingerprint {
			best = m
		}
	}
	return best, r.skip(best.Offset)
}

// skip passes over what was read before. Comments count still: one of them says
// what the lines behind it mean.
func (r *Reader) skip(to int64) error {
	if r.seek != nil && r.to > 0 && r.buf[0] != '#' && to > int64(r.to) {
		size, err := r.seek.Seek(0, io.SeekEnd)
		if err == nil {
			_, err = r.seek.Seek(min(to, size), io.SeekStart)
		}
		if err != nil {
			return fmt.Errorf("logfile: %w", err)
		}
		r.print.add(r.buf[:r.to])
		r.from, r.to, r.searched, r.offset = 0, 0, 0, min(to, size)
		r.ended()
		return nil
	}
	for r.offset < to {
		raw, err := r.line()
		if errors.Is(err, io.EOF) {
			return nil // a shorter copy of what was read
		}
		if err != nil {
			return err
		}
		if len(raw) > 0 && raw[0] == '#' {
			r.parser.w3c.directive(string(raw))
		}
	}
	clear(r.refused[:])
	return nil
}
