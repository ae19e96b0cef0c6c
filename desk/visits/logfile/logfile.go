// Package logfile reads the access logs of web servers, line by line. Of what
// it cannot read it counts how much and why, and goes on; and it knows how far
// it came in which log, so that what was read once is not read again.
//
// Addresses and user-agent strings are handed over as they stand in the log. The
// reader itself holds what it read ahead, some 128 KiB of the log, and its
// first 4 KiB until a fingerprint stands for them; it writes nothing anywhere.
package logfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
)

// Longest is how many bytes a line may have.
const Longest = 64 << 10

// A Line is what a log says of one request. What it does not say is empty.
type Line struct {
	Time      time.Time // in UTC
	Address   netip.Addr
	Host      string // without port
	Port      uint16
	TLS       bool
	Method    string
	Path      string // with its query, as it was sent
	Status    int
	Bytes     int64
	Duration  time.Duration
	Referrer  string
	UserAgent string

	// What a browser says beside, in logs that have more than the usual.
	Language    string // Accept-Language
	Purpose     string // Sec-Purpose
	Destination string // Sec-Fetch-Dest
	GPC, DNT    bool

	Offset int64 // where it begins, in the log without compression
	Next   Mark  // where to go on after it
}

// A Format is how a log is written.
type Format string

// The formats. Each line is read by the form that it has, so that a log may
// change its format on the way; see Reader.Format.
const (
	Common        Format = "common"
	Combined      Format = "combined"
	VhostCombined Format = "vhost_combined" // with the host before it, as in Apache's format of that name
	Vhost         Format = "vhost_common"
	Caddy         Format = "Caddy JSON"
	JSON          Format = "JSON"         // as nginx writes it, see Options.Fields
	W3C           Format = "W3C extended" // of IIS, and others that say #Fields
	CloudFront    Format = "CloudFront"
)

// A Reason is why a line is refused.
type Reason string

// The reasons.
const (
	TooLong   Reason = "longer than 64 KiB"
	Malformed Reason = "in none of the known formats"
	NoFields  Reason = "before any #Fields that would explain it"
	NoAddress Reason = "without an address"
	NoTime    Reason = "without a time"
	NoRequest Reason = "without a request" // as when somebody speaks TLS to the port of HTTP
	NoStatus  Reason = "without a status"
)

// Counts say what became of the lines.
type Counts struct {
	Read    int64
	Refused map[Reason]int64
	// Unfinished are the bytes after the last end of a line. They may be half
	// of a line that is being written, so they are left for the next time.
	Unfinished int
}

// Options are what a log does not say of itself.
type Options struct {
	// Fields names fields of JSON that are not called as usual: what the log
	// calls it, and what it is: "time", "address", "host", "method", "path",
	// "query", "request" (as in "GET / HTTP/1.1"), "status", "bytes",
	// "duration" (in seconds), "referrer", "agent", "scheme", "port",
	// "language", "purpose", "destination", "gpc" or "dnt". Fields of objects
	// within are named with > between.
	Fields map[string]string
	// Key is of the fingerprints of marks. Without it, the mark of a log of a
	// line or two could be tried out for the address in it.
	Key []byte
}

// A Reader reads one log.
type Reader struct {
	source   io.Reader
	seek     io.Seeker // nil where the source cannot
	whole    bool      // nothing can come after its end
	begun    bool
	buf      []byte
	from, to int   // what of buf is not yet read
	searched int   // no end of a line is between from and it
	offset   int64 // of buf[from]
	end      int64 // of the last whole line
	skipping bool  // the rest of a line that is too long
	print    fingerprint
	parser   parser
	format   Format
	counts   Counts
	refused  [len(reasons)]int64
}

var reasons = [...]Reason{TooLong, Malformed, NoFields, NoAddress, NoTime, NoRequest, NoStatus}

// New reads a log from its beginning. One that is compressed by gzip is
// unpacked, however many pieces it is of.
func New(source io.Reader, o Options) (*Reader, error) {
	names, err := jsonNames(o.Fields)
	if err != nil {
		return nil, err
	}
	r := &Reader{source: source, buf: make([]byte, 2*Longest), print: fingerprint{key: o.Key}, parser: parser{json: jsonReader{names: names}}}
	r.seek, _ = source.(io.Seeker)
	if err := r.fill(); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("logfile: %w", err)
	}
	if bytes.HasPrefix(r.buf[:r.to], []byte{0x1f, 0x8b}) {
		packed := bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(r.buf[:r.to])), source))
		unpacked, err := gzip.NewReader(packed)
		if err != nil {
			return nil, fmt.Errorf("logfile: the log is compressed, and not as gzip does it: %w", err)
		}
		r.source, r.seek, r.whole, r.to = unpacked, nil, true, 0
	}
	return r, nil
}

// Format says how the lines read last were written; empty before the first.
func (r *Reader) Format() Format { return r.format }

// Counts says what became of the lines so far.
func (r *Reader) Counts() Counts {
	c := Counts{Read: r.counts.Read, Refused: map[Reason]int64{}, Unfinished: r.to - r.from}
	for i, n := range r.refused {
		if n > 0 {
			c.Refused[reasons[i]] = n
		}
	}
	return c
}

func (r *Reader) refuse(why Reason) {
	for i, reason := range reasons {
		if why == reason {
			r.refused[i]++
		}
	}
}

// Next returns the next line that can be read. At the end it returns io.EOF;
// where the log may grow it can be called again then.
func (r *Reader) Next() (Line, error) {
	var line Line
	for {
		at := r.offset
		raw, err := r.line()
		if err != nil {
			return Line{}, err
		}
		format, why := r.parser.line(raw, &line)
		if why != "" {
			r.refuse(why)
			continue
		}
		if format == "" { // a comment
			continue
		}
		r.format = format
		r.counts.Read++
		line.Offset, line.Next = at, r.Mark()
		return line, nil
	}
}

// line returns a line without its end. It is of the buffer, and gone with the
// next call.
func (r *Reader) line() ([]byte, error) {
	r.begun = true
	for {
		if n := bytes.IndexByte(r.buf[r.searched:r.to], '\n'); n >= 0 {
			raw := r.buf[r.from : r.searched+n]
			r.take(len(raw) + 1)
			r.ended()
			if r.skipping || len(raw) > Longest {
				r.skipping = false
				r.refuse(TooLong)
				continue
			}
			return bytes.TrimSuffix(raw, []byte("\r")), nil
		}
		r.searched = r.to
		if r.skipping || r.to-r.from > Longest {
			r.skipping = true
			r.take(r.to - r.from)
		}
		switch err := r.fill(); {
		case errors.Is(err, io.EOF) && r.whole && r.to > r.from && !r.skipping:
			raw := r.buf[r.from:r.to]
			r.take(len(raw))
			r.ended()
			return raw, nil
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		case err != nil:
			return nil, fmt.Errorf("logfile: after %d bytes: %w", r.offset, err)
		}
	}
}

// ended says that what was taken is whole lines.
func (r *Reader) ended() {
	r.end = r.offset
	r.print.settle(r.end)
}

func (r *Reader) take(n int) {
	r.print.add(r.buf[r.from : r.from+n])
	r.from += n
	r.offset += int64(n)
	r.searched = r.from
}

// fill reads more behind what is there.
func (r *Reader) fill() error {
	if r.from > 0 && len(r.buf)-r.to < Longest {
		n := copy(r.buf, r.buf[r.from:r.to])
		r.searched -= r.from
		r.from, r.to = 0, n
	}
	for range 100 {
		n, err := r.source.Read(r.buf[r.to:])
		r.to += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// A parser reads single lines.
type parser struct {
	clf  clfReader
	json jsonReader
	w3c  w3cReader
}

// line reads a line by the form that it has, and says which. One that is of no
// request, as a comment, is of no format.
func (p *parser) line(raw []byte, l *Line) (format Format, why Reason) {
	raw = bytes.TrimLeft(raw, "\x00\ufeff") // what truncating under a writer leaves; the mark of UTF-8
	if len(bytes.TrimSpace(raw)) == 0 {
		return "", ""
	}
	*l = Line{}
	d := draft{odd: !printable(raw)}
	text := string(raw)
	switch {
	case text[0] == '#':
		p.w3c.directive(text)
		return "", ""
	case text[0] == '{':
		format, why = p.json.read(text, &d)
	case p.w3c.fields != nil:
		format, why = p.w3c.read(text, &d)
	default:
		format, why = p.clf.read(text, &d)
		if why == Malformed && p.w3c.looks(text) {
			why = NoFields
		}
	}
	if why == "" {
		why = d.line(l)
	}
	return format, why
}

// A draft is a line in the words of its log.
type draft struct {
	time      time.Time
	address   string
	host      string
	port      string
	method    string
	path      string
	query     string
	status    string
	bytes     string
	referrer  string
	userAgent string

	language, purpose, destination, gpc, dnt string

	duration time.Duration
	tls      bool
	odd      bool // it has bytes that are no plain text
}

// line checks a draft and makes a line of it.
func (d *draft) line(l *Line) Reason {
	var ok bool
	if l.Address, ok = address(d.address); !ok {
		return NoAddress
	}
	if d.time.IsZero() {
		return NoTime
	}
	l.Time = d.time
	if !isMethod(d.method) {
		return NoRequest
	}
	l.Method = d.method
	host, path := target(d.path)
	if path == "" {
		return NoRequest
	}
	status, ok := number(d.status)
	if !ok || status > 999 {
		return NoStatus
	}
	l.Status = int(status)
	l.Bytes, _ = number(d.bytes)
	l.Duration, l.TLS = d.duration, d.tls
	l.Path = d.clean(path)
	if query := said(d.query); query != "" {
		l.Path += "?" + d.clean(strings.TrimPrefix(query, "?"))
	}
	if host == "" {
		host = said(d.host)
	}
	var port string
	l.Host, port = splitPort(d.clean(host))
	if d.port != "" {
		port = d.port
	}
	if n, ok := number(port); ok && n <= 65535 {
		l.Port = uint16(n)
	}
	l.Referrer, l.UserAgent = d.clean(said(d.referrer)), d.clean(said(d.userAgent))
	l.Language, l.Purpose, l.Destination = d.clean(said(d.language)), d.clean(said(d.purpose)), d.clean(said(d.destination))
	l.GPC, l.DNT = d.gpc == "1", d.dnt == "1"
	return ""
}

// clean takes control characters out, and makes UTF-8 of what is not.
func (d *draft) clean(text string) string {
	if !d.odd || text == "" {
		return text
	}
	return clean(text)
}

// said is what a log says, where "-" is nothing.
func said(text string) string {
	if text == "-" {
		return ""
	}
	return text
}

// target is the host, if it is named, and the path of a request's target.
func target(text string) (host, path string) {
	if strings.HasPrefix(text, "/") || text == "*" {
		return "", text
	}
	rest, ok := strings.CutPrefix(text, "http://")
	if !ok {
		if rest, ok = strings.CutPrefix(text, "https://"); !ok {
			return "", ""
		}
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, path = rest[:i], rest[i:]
	} else {
		host = rest
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return host, path
}

func isMethod(text string) bool {
	if text == "" || len(text) > 20 {
		return false
	}
	for i := range len(text) {
		if b := text[i]; (b < 'A' || b > 'Z') && b != '-' && b != '_' {
			return false
		}
	}
	return true
}

// address reads an address, with or without a port behind it.
func address(text string) (netip.Addr, bool) {
	if text == "" || text == "-" {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		both, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = both.Addr()
	}
	return addr.Unmap().WithZone(""), true
}

// splitPort parts a host from the port behind it.
func splitPort(text string) (host, port string) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 || strings.IndexByte(text[i:], ']') >= 0 || strings.Count(text, ":") > 1 && !strings.Contains(text, "]") {
		return strings.Trim(text, "[]"), ""
	}
	return strings.Trim(text[:i], "[]"), text[i+1:]
}

// number reads a whole number that is not negative.
func number(text string) (int64, bool) {
	if text == "" || len(text) > 18 {
		return 0, false
	}
	var n int64
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = 10*n + int64(text[i]-'0')
	}
	return n, true
}
