package visits

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk/visits/logfile"
)

// The kinds of lines that are sent: what a log has of other kinds counts as
// nothing.
const (
	lineView     = "v"
	lineMissing  = "m"
	lineDownload = "d"
)

// lineFields is how many fields a line has that is sent.
const lineFields = 10

// AppendLine appends what the server needs of a line of a log, and reports
// false where it counts as nothing: its kind, offset and time in seconds,
// address, host, path, referrer, user agent, language and signals, between tabs.
func AppendLine(to []byte, l *logfile.Line) ([]byte, bool) {
	kind := ""
	switch l.Kind() {
	case logfile.Page:
		kind = lineView
	case logfile.Missing:
		kind = lineMissing
	case logfile.Download:
		kind = lineDownload
	default:
		return to, false
	}
	to = append(to, kind...)
	to = strconv.AppendInt(append(to, '\t'), l.Offset, 10)
	to = strconv.AppendInt(append(to, '\t'), l.Time.Unix(), 10)
	to = l.Address.AppendTo(append(to, '\t'))
	for _, text := range []string{l.Host, l.Path, l.Referrer, l.UserAgent, l.Language} {
		to = append(to, '\t')
		if strings.ContainsAny(text, "\t\n") {
			text = strings.NewReplacer("\t", " ", "\n", " ").Replace(text)
		}
		to = append(to, text...)
	}
	to = append(to, '\t')
	if l.GPC {
		to = append(to, 'g')
	}
	if l.DNT {
		to = append(to, 'd')
	}
	return append(to, '\n'), true
}

// An imported is a line of a log, or a record of an export.
type imported struct {
	at     time.Time
	page   int64
	record recorder
}

// A logged is a line as it was sent.
type logged struct {
	client    client
	happening happening
}

// readLines reads what AppendLine wrote, and overwrites it: addresses and user
// agents must not lie in a buffer that waits for the next request. It says which
// line is wrong, and repeats nothing of it.
func (d *Visits) readLines(s *Site, body []byte) ([]imported, error) {
	wrong := func(n int, what string) error {
		return loot.Errorf(loot.Invalid, "Line %d of what was sent %s. Nothing of it was recorded.", n, what)
	}
	out := make([]imported, 0, bytes.Count(body, []byte("\n")))
	ids := d.imports.ids(s)
	usual := strings.TrimPrefix(s.Hosts[0], "*.")
	text := string(body)
	clear(body)
	for n := 1; text != ""; n++ {
		line, rest, whole := strings.Cut(text, "\n")
		text = rest
		if !whole {
			return nil, wrong(n, "has no end")
		}
		if n > mostLines {
			return nil, loot.Errorf(loot.TooLarge, "A batch has %d lines at most. Nothing of it was recorded.", mostLines)
		}
		var f [lineFields]string
		i := 0
		for ; i < lineFields-1; i++ {
			var more bool
			if f[i], line, more = strings.Cut(line, "\t"); !more {
				return nil, wrong(n, "has too few fields")
			}
		}
		if f[i] = line; strings.Contains(line, "\t") {
			return nil, wrong(n, "has too many fields")
		}
		offset, err1 := strconv.ParseInt(f[1], 10, 64)
		seconds, err2 := strconv.ParseInt(f[2], 10, 64)
		addr, err3 := netip.ParseAddr(f[3])
		if err1 != nil || err2 != nil || err3 != nil || offset < 0 || seconds < 0 || seconds > maxSeconds {
			return nil, wrong(n, "has no offset, time or address")
		}
		host := f[4]
		if host == "" {
			host = usual
		}
		// What a visit remembers of a referrer must not keep all lines in memory.
		x := &logged{
			client:    client{addr: addr, agent: loot.Cut(f[7], 1000), language: f[8]},
			happening: happening{kind: aView, at: time.Unix(seconds, 0), url: urlOf(host, f[5]), referrer: strings.Clone(loot.Cut(f[6], 1000)), via: viaLog},
		}
		h := &x.happening
		switch f[0] {
		case lineView:
		case lineMissing:
			h.kind, h.name = anEvent, eventMissing
		case lineDownload:
			h.kind, h.name, h.target = anEvent, eventDownload, h.url.Path
		default:
			return nil, wrong(n, "is of no known kind")
		}
		if strings.Contains(f[9], "g") {
			x.client.sent |= gpc
		}
		if strings.Contains(f[9], "d") {
			x.client.sent |= dnt
		}
		h.page = ids.of(offset, h.at, f[5])
		out = append(out, imported{h.at, h.page, x})
	}
	return out, nil
}

// maxSeconds is the year 3000.
const maxSeconds = 32_503_680_000

// urlOf is the address of a page by its host and its path with query, however
// a program wrote it.
func urlOf(host, path string) *url.URL {
	u := &url.URL{Scheme: "https", Host: host}
	u.Path, u.RawQuery, _ = strings.Cut(loot.Cut(path, 2000), "?")
	if plain, err := url.PathUnescape(u.Path); err == nil {
		u.Path = plain
	}
	u.Path = strings.ToValidUTF8(strings.ReplaceAll(u.Path, "\x00", ""), "\uFFFD")
	return u
}

// ids are those of the lines of a site's logs: the same line has the same one
// whenever it comes, and it says nothing of whoever is in it.
type ids struct {
	mac  hash.Hash
	site uint16
	sum  []byte
}

func (i *imports) ids(s *Site) *ids { return &ids{mac: hmac.New(sha256.New, i.secret), site: s.Number} }

func (i *ids) of(offset int64, at time.Time, path string) int64 {
	var b [18]byte
	binary.BigEndian.PutUint16(b[:], i.site)
	binary.BigEndian.PutUint64(b[2:], uint64(offset))
	binary.BigEndian.PutUint64(b[10:], uint64(at.Unix()))
	i.mac.Reset()
	i.mac.Write(b[:])
	i.mac.Write([]byte(path))
	i.sum = i.mac.Sum(i.sum[:0])
	return int64(binary.BigEndian.Uint64(i.sum)>>1 | 1)
}

// Batches of a log.
const (
	batchLines = 12_000
	batchBytes = 8 << 20
	batchRead  = 500_000 // lines after which it is full though few count
)

// A LogBatch is what was read of a log and not handed over yet.
type LogBatch struct {
	After string // mark before it; empty: it is the beginning

	mark        logfile.Mark
	body        []byte
	lines, read int
}

// NewLogBatch returns an empty one behind a mark.
func NewLogBatch(after logfile.Mark) LogBatch {
	b := LogBatch{mark: after}
	if after != (logfile.Mark{}) {
		b.After = after.String()
	}
	return b
}

// Add adds a line, and reports whether it is full.
func (b *LogBatch) Add(l *logfile.Line) (full bool) {
	body, counts := AppendLine(b.body, l)
	b.body, b.mark = body, l.Next
	b.read++
	if counts {
		b.lines++
	}
	return b.lines >= batchLines || len(b.body) >= batchBytes || b.read >= batchRead
}

// Empty reports whether there is nothing in it.
func (b *LogBatch) Empty() bool { return b.read == 0 }

// Take empties it, and returns what was in it with the marks before and behind.
func (b *LogBatch) Take() (after, mark string, body []byte) {
	after, mark, body = b.After, b.mark.String(), b.body
	b.After, b.body, b.lines, b.read = mark, make([]byte, 0, len(body)+len(body)/8), 0, 0
	return after, mark, body
}
