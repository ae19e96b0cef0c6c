package ledger

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// A receipt is a C2SP tlog-proof, so that other people's tools read it. What
// it opens stands, as text, in the proof's "extra" line:
//
//	loot-receipt/v1
//	log <key of the log>
//	witness <key of a witness>         one line for each that cosigned
//	subject-hash <commitment>
//	subject-salt <salt>                these two lines where it is opened
//	subject <JSON>
//	actor-hash <commitment>
//	facts-hash <commitment>
//	facts-salt <salt>
//	facts <JSON>
//
// The commitments of opened facets could be computed; they stand there so that
// a changed receipt can say which facet was changed.
const (
	proofName     = "c2sp.org/tlog-proof"
	proofHeader   = proofName + "@v1"
	receiptHeader = "loot-receipt/v1"
	maxReceipt    = 1 << 20
	maxPath       = 63
)

var facetNames = [3]string{"subject", "actor", "facts"}

// A facet as a receipt gives it: its commitment and, where opened, its salt
// and text.
type facet struct {
	hash   hash
	opened bool
	salt   []byte
	text   []byte

	hashAt, saltAt, textAt spot // within the extra text
}

// A receipt in its parts.
type receipt struct {
	log       signerKey
	witnesses []signerKey
	facets    [3]facet // subject, actor, facts
	index     uint64
	path      []hash
	note      string // the signed checkpoint

	extra   []byte // decoded
	extraAt spot   // of the base64 within the file
	indexAt spot
	pathAt  spot
	noteAt  spot
	keysAt  []spot // of the log's and the witnesses' keys within the extra text
}

// format writes the receipt.
func (r *receipt) format() []byte {
	var x bytes.Buffer
	fmt.Fprintf(&x, "%s\nlog %s\n", receiptHeader, r.log)
	for _, w := range r.witnesses {
		fmt.Fprintf(&x, "witness %s\n", w)
	}
	for i, f := range r.facets {
		name := facetNames[i]
		fmt.Fprintf(&x, "%s-hash %s\n", name, b64.EncodeToString(f.hash[:]))
		if f.opened {
			fmt.Fprintf(&x, "%s-salt %s\n%s %s\n", name, b64.EncodeToString(f.salt), name, f.text)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHeader, b64.EncodeToString(x.Bytes()), r.index)
	for _, h := range r.path {
		fmt.Fprintf(&b, "%s\n", b64.EncodeToString(h[:]))
	}
	b.WriteString("\n")
	b.WriteString(r.note)
	return b.Bytes()
}

// lines hands out a text line by line and knows where it is.
type lines struct {
	rest string
	line int
	off  int
	part string
	last spot // the line before
}

// next returns the next line and where it stands; it fails where the text ends
// without a line end.
func (l *lines) next(want string) (string, spot, error) {
	at := spot{l.line, 1, l.off, len(l.rest)}
	line, rest, ok := strings.Cut(l.rest, "\n")
	if !ok {
		return "", at, &misread{at, l.part, "the text ends here, where " + want + " should stand"}
	}
	at.len = len(line) + 1 // a character may have become the line end, so it counts
	l.rest, l.line, l.off = rest, l.line+1, l.off+len(line)+1
	return line, at, nil
}

// word reads a line of the form "name value" and returns the value.
func (l *lines) word(name, want string) (string, spot, error) {
	line, at, err := l.next(want)
	if err != nil {
		return "", at, err
	}
	before := l.last
	l.last = at
	value, ok := strings.CutPrefix(line, name+" ")
	if !ok {
		if before.len > 0 { // the line before may have been broken in two
			at = spot{before.line, 2, before.off, at.off + at.len - before.off}
		}
		return "", at, &misread{at, l.part, want + " should stand here"}
	}
	at.off, at.len = at.off+len(name)+1, len(value)+1
	return value, at, nil
}

// hash reads a line of the form "name base64" of 32 bytes.
func (l *lines) hash(name, want string) (h hash, at spot, err error) {
	value, at, err := l.word(name, want)
	if err != nil {
		return h, at, err
	}
	h, err = decodeHash(value, at, l.part, want)
	return h, at, err
}

func decodeHash(s string, at spot, part, want string) (hash, error) {
	b, err := decode64(s)
	if err != nil || len(b) != len(hash{}) {
		return hash{}, &misread{at, part, want + " is not 32 bytes in base64"}
	}
	return hash(b), nil
}

// decode64 reads base64 strictly: the library's reader skips line breaks even
// in its strict form, and a skipped character is a change that goes unseen.
func decode64(s string) ([]byte, error) {
	if p := strings.IndexAny(s, "\r\n"); p >= 0 {
		return nil, fmt.Errorf("ledger: line break within base64")
	}
	return b64.DecodeString(s)
}

func (l *lines) peek(prefix string) bool { return strings.HasPrefix(l.rest, prefix) }

// parseReceipt takes a receipt apart. Its error is a *misread.
func parseReceipt(b []byte) (*receipt, error) {
	l := &lines{rest: string(b), part: "proof"}
	if len(b) > maxReceipt {
		return nil, &misread{spot{0, 1, 0, len(b)}, "proof", "the file is too long for a receipt"}
	}
	head, at, err := l.next("“" + proofHeader + "”")
	if err != nil {
		return nil, err
	}
	if head != proofHeader {
		return nil, &misread{at, "proof", "the first line should be “" + proofHeader + "”"}
	}
	r := &receipt{}
	extra, at, err := l.word("extra", "what the receipt opens (extra)")
	if err != nil {
		return nil, err
	}
	r.extraAt = at
	if r.extra, err = decode64(extra); err != nil {
		return nil, &misread{at, "extra", "what the receipt opens is not in base64"}
	}
	if err := r.parseExtra(); err != nil {
		return nil, moved(err, r.inFile)
	}
	index, at, err := l.word("index", "the place of the entry in the log (index)")
	if err != nil {
		return nil, err
	}
	r.indexAt = at
	if r.index, err = parseSize(index); err != nil {
		return nil, &misread{at, "index", "the index must be a plain number"}
	}
	r.pathAt = spot{line: l.line, off: l.off}
	for {
		line, at, err := l.next("the path or the checkpoint")
		if err != nil {
			return nil, err
		}
		if line == "" {
			break
		}
		h, err := decodeHash(line, at, "path", "a hash of the path")
		if err != nil {
			return nil, err
		}
		if r.path = append(r.path, h); len(r.path) > maxPath {
			return nil, &misread{at, "path", "the path is too long"}
		}
		r.pathAt.lines, r.pathAt.len = r.pathAt.lines+1, l.off-r.pathAt.off
	}
	r.note = l.rest
	r.noteAt = spot{l.line, strings.Count(l.rest, "\n"), l.off, len(l.rest)}
	return r, nil
}

func (r *receipt) parseExtra() error {
	l := &lines{rest: string(r.extra), part: "extra"}
	head, at, err := l.next("“" + receiptHeader + "”")
	if err != nil {
		return err
	}
	if head != receiptHeader {
		return &misread{at, "extra", "what the receipt opens should begin with “" + receiptHeader + "”"}
	}
	for len(r.keysAt) == 0 || l.peek("witness ") {
		name, part := "witness", "witness key"
		if len(r.keysAt) == 0 {
			name, part = "log", "log key"
		}
		value, at, err := l.word(name, "the "+part)
		if err != nil {
			return err
		}
		k, err := parseKey(value)
		if err != nil || (k.alg == algNote) != (name == "log") || k.String() != value {
			return &misread{at, part, "the " + part + " is damaged"}
		}
		if r.keysAt = append(r.keysAt, at); name == "log" {
			r.log = k
		} else {
			r.witnesses = append(r.witnesses, k)
		}
		if len(r.keysAt) > maxSignatures {
			return &misread{at, part, "too many keys are named"}
		}
	}
	for i := range r.facets {
		f, name := &r.facets[i], facetNames[i]
		l.part = name
		if f.hash, f.hashAt, err = l.hash(name+"-hash", "the commitment to the facet “"+name+"”"); err != nil {
			return err
		}
		if !l.peek(name + "-salt ") {
			continue
		}
		f.opened = true
		var s hash
		if s, f.saltAt, err = l.hash(name+"-salt", "the salt of the facet “"+name+"”"); err != nil {
			return err
		}
		f.salt = s[:]
		var text string
		if text, f.textAt, err = l.word(name, "the facet “"+name+"”"); err != nil {
			return err
		}
		f.text = []byte(text)
	}
	if l.rest != "" {
		return &misread{spot{l.line, 1, l.off - 1, len(l.rest) + 1}, "extra", "something stands after the last facet"}
	}
	return nil
}

// inFile turns a spot within the extra text into one within the file: three
// bytes of text are four characters of base64.
func (r *receipt) inFile(s spot) spot {
	from := s.off / 3 * 4
	to := min((s.off+max(s.len, 1)+2)/3*4, r.extraAt.len)
	return spot{r.extraAt.line, 1, r.extraAt.off + from, max(to-from, 0)}
}

func (r *receipt) inNote(s spot) spot {
	return spot{r.noteAt.line + s.line, s.lines, r.noteAt.off + s.off, s.len}
}

// String is for a person who wonders which lines are meant.
func (s spot) String() string {
	out := "line " + strconv.Itoa(s.line+1)
	if s.lines > 1 {
		out = "lines " + strconv.Itoa(s.line+1) + "–" + strconv.Itoa(s.line+s.lines)
	}
	if s.len > 1 {
		return out + ", bytes " + strconv.Itoa(s.off+1) + "–" + strconv.Itoa(s.off+s.len)
	}
	return out + ", byte " + strconv.Itoa(s.off+1)
}
