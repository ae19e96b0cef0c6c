package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A checkpoint is a signed statement of the log's size and root hash (C2SP
// tlog-checkpoint), as it was read, with where each part of it stands.
type checkpoint struct {
	raw    string // everything
	text   string // what is signed
	origin string
	size   uint64
	root   hash
	sigs   []signature
}

type signature struct {
	line int // counted from 0 within the checkpoint
	off  int // byte offset within the checkpoint
	len  int // with the line end
	name string
	id   uint32
	sig  []byte
}

// A spot is a stretch of a text: lines and bytes, counted from 0, the end
// excluded.
type spot struct{ line, lines, off, len int }

// A misread says where a text is not what it should be.
type misread struct {
	spot
	part string
	text string
}

func (m *misread) Error() string {
	return fmt.Sprintf("line %d, byte %d: %s", m.line+1, m.off, m.text)
}

// moved returns the error about a part of a text as one about the whole.
func moved(err error, to func(spot) spot) error {
	m, ok := errors.AsType[*misread](err)
	if !ok {
		return err
	}
	return &misread{to(m.spot), m.part, m.text}
}

const maxSignatures = 64

// parseCheckpoint reads a checkpoint strictly. Its error is a *misread.
func parseCheckpoint(raw string) (checkpoint, error) {
	c := checkpoint{raw: raw}
	bad := func(line, off, n int, text string) error {
		return &misread{spot{line, 1, off, n}, "checkpoint", text}
	}
	end := strings.LastIndex(raw, "\n\n")
	if end < 0 {
		return checkpoint{}, bad(0, 0, len(raw), "the checkpoint has no empty line before its signatures")
	}
	c.text = raw[:end+1]
	lines := strings.Split(strings.TrimSuffix(c.text, "\n"), "\n")
	if len(lines) < 3 {
		return checkpoint{}, bad(0, 0, len(c.text), "the checkpoint must state origin, size and root hash on a line each")
	}
	off := 0
	for i, line := range lines {
		if line == "" {
			return checkpoint{}, bad(i, off, 1, "an empty line stands within the checkpoint")
		}
		if p := strings.IndexFunc(line, func(r rune) bool { return r < ' ' || r == '\uFFFD' }); p >= 0 {
			return checkpoint{}, bad(i, off+p, 1, "a control or broken character stands within the checkpoint")
		}
		var err error
		switch i {
		case 0:
			c.origin = line
		case 1:
			if c.size, err = parseSize(line); err != nil {
				return checkpoint{}, bad(i, off, len(line)+1, "the size of the log must be a plain number")
			}
		case 2:
			b, err := b64.DecodeString(line)
			if err != nil || len(b) != len(c.root) || strings.ContainsAny(line, "\r\n") {
				return checkpoint{}, bad(i, off, len(line)+1, "the root hash must be 32 bytes in base64")
			}
			copy(c.root[:], b)
		}
		off += len(line) + 1
	}
	n, off := len(lines)+1, end+2
	rest := raw[off:]
	if rest == "" {
		return checkpoint{}, bad(n, off, 0, "the checkpoint carries no signature")
	}
	if !strings.HasSuffix(rest, "\n") {
		return checkpoint{}, bad(n+strings.Count(rest, "\n"), len(raw), 0, "the last signature is cut short: its line has no end")
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(rest, "\n"), "\n") {
		name, sig64, ok := strings.Cut(strings.TrimPrefix(line, "— "), " ")
		sig, err := b64.DecodeString(sig64)
		if !strings.HasPrefix(line, "— ") || !ok || !validName(name) || err != nil || len(sig) < 5 || strings.ContainsAny(line, "\r") {
			return checkpoint{}, bad(n, off, len(line)+1, "this is not a signature line: a dash, a name and base64")
		}
		c.sigs = append(c.sigs, signature{n, off, len(line) + 1, name, binary.BigEndian.Uint32(sig), sig[4:]})
		if len(c.sigs) > maxSignatures {
			return checkpoint{}, bad(n, off, len(line)+1, "the checkpoint carries too many signatures")
		}
		n, off = n+1, off+len(line)+1
	}
	return c, nil
}

func parseSize(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("ledger: not a plain number")
	}
	return n, nil
}

// by returns the first signature that claims to be of the key.
func (c checkpoint) by(k signerKey) (signature, bool) {
	for _, s := range c.sigs {
		if s.name == k.name && s.id == k.id {
			return s, true
		}
	}
	return signature{}, false
}

// signedBy reports whether the key signed the checkpoint.
func (c checkpoint) signedBy(k signerKey) (time.Time, bool) {
	s, ok := c.by(k)
	if !ok {
		return time.Time{}, false
	}
	return k.holds(c.text, s.sig)
}

// only returns the checkpoint as it reads with no signatures but those of the
// keys.
func (c checkpoint) only(keys []signerKey) string {
	out := c.text + "\n"
	for _, k := range keys {
		if s, ok := c.by(k); ok {
			out += c.raw[s.off : s.off+s.len]
		}
	}
	return out
}
