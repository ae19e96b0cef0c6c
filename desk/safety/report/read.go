package report

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"math"
	netmail "net/mail"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-message/textproto"
)

// Read reads a report from a mail (RFC 5322 and 2045). Mail that is broken, or
// goes beyond the limits, gives the report that can be made of it, with
// warnings; the only errors are those of reading from r.
func Read(r io.Reader) (Report, error) {
	in := newInput(r, MaxBytes)
	w := newWalker(in)
	body := bufio.NewReader(in)
	if h, err := w.header(body); err != nil {
		w.broken = true
	} else {
		w.head(h)
		if err := w.entity(h, body, nil, nil); err != nil && !errors.Is(err, errEnough) {
			w.broken = true
		}
	}
	if err := in.end(w.r); err != nil {
		return Report{}, err
	}
	w.finish()
	return *w.r, nil
}

// errEnough ends a walk that has seen as much as is looked at.
var errEnough = errors.New("report: enough")

// An input is what a report is read from. It counts, hashes and bounds it, and
// keeps its beginning for the case that it cannot be read as what it says.
type input struct {
	r     io.Reader
	left  int64
	allow int64 // how much may be read until the header that is being read must be over
	over  bool  // there is more than may be read
	err   error // of r
	hash  hash.Hash
	size  int64
	begin []byte
}

func newInput(r io.Reader, limit int64) *input {
	return &input{r: r, left: limit, allow: math.MaxInt64, hash: sha256.New()}
}

var errHeader = errors.New("report: a header is too large")

func (in *input) Read(p []byte) (int, error) {
	switch {
	case in.err != nil:
		return 0, in.err
	case in.allow <= 0:
		return 0, errHeader
	case in.over:
		return 0, io.EOF
	case in.left == 0:
		var more [1]byte
		n, err := io.ReadFull(in.r, more[:])
		in.over = n > 0
		if n == 0 && err != nil && !errors.Is(err, io.EOF) {
			in.err = err
			return 0, err
		}
		return 0, io.EOF
	}
	n, err := in.r.Read(p[:min(int64(len(p)), in.left, in.allow)])
	in.left, in.allow, in.size = in.left-int64(n), in.allow-int64(n), in.size+int64(n)
	in.hash.Write(p[:n])
	if room := MaxText - len(in.begin); room > 0 {
		in.begin = append(in.begin, p[:min(n, room)]...)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		in.err = err
	}
	return n, err
}

// end reads what is left and says what all of it was.
func (in *input) end(r *Report) error {
	in.allow = math.MaxInt64
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	if in.over {
		r.warn(TooLarge)
	}
	r.Size, r.SHA256 = in.size, hex.EncodeToString(in.hash.Sum(nil))
	return nil
}

// A walker goes over the parts of a mail.
type walker struct {
	r        *Report
	f        *finder
	in       *input
	parts    int
	scanned  int // bytes of text that were looked through
	plain    strings.Builder
	page     strings.Builder // the text of HTML
	feedback *feedback
	reports  int // machine-readable reports that were seen
	document []byte
	path     string // of the document
	typed    bool   // the mail says that it is a report of feedback
	came     []Source
	broken   bool
}

func newWalker(in *input) *walker {
	r := &Report{Kind: Other, Format: Text, Incidents: 1}
	return &walker{r: r, f: &finder{r: r}, in: in}
}

// scanLimit bounds how much text is looked through in all.
const scanLimit = 4 * MaxText

// An attached mail is one that a report brings as evidence.
type attached struct {
	when Time // it was sent
}

// header reads a header. Lines that are no field are left out, as mailboxes and
// filters put such there.
func (w *walker) header(r *bufio.Reader) (all message.Header, err error) {
	w.in.allow = maxHeader + ahead
	defer func() { w.in.allow = math.MaxInt64 }()
	for range 20 {
		h, err := textproto.ReadHeader(r)
		for fields := h.Fields(); fields.Next(); {
			all.Add(fields.Key(), fields.Value())
		}
		if err == nil {
			return all, nil
		}
		if w.in.err != nil || errors.Is(err, errHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
			return all, err
		}
		w.r.warn(BadHeader)
	}
	return all, errHeader
}

// ahead is how many bytes the readers in between may read beyond a header.
const ahead = 64 << 10

// head reads what the header of the mail says.
func (w *walker) head(h message.Header) {
	m := mail.Header{Header: h}
	subject, _ := m.Subject() // what cannot be decoded is given as it is
	w.r.Subject = line(subject, maxSubject)
	w.r.ID = line(strings.Trim(h.Get("Message-Id"), "<> "), maxName)
	if at, err := netmail.ParseDate(cut(h.Get("Date"), 100)); err == nil {
		w.r.Date = at.UTC()
	}
	// A long list of addresses is no sender, and takes time to read.
	if from := h.Get("From"); len(from) <= 2000 {
		if list, err := m.AddressList("From"); err == nil && len(list) > 0 {
			w.r.Reporter = Reporter{Address: address(list[0].Address), Name: line(list[0].Name, maxName)}
		}
	}
	auto := strings.ToLower(strings.TrimSpace(h.Get("Auto-Submitted")))
	bulk := strings.ToLower(strings.TrimSpace(h.Get("Precedence")))
	w.r.Automatic = auto != "" && auto != "no" || bulk == "bulk" || bulk == "list" || bulk == "junk" || h.Has("List-Id") || h.Has("X-Auto-Response-Suppress")
}

// entity reads a mail or a part. Within is the attached mail that it is of; nil:
// it is of the report itself. An error ends the whole walk.
func (w *walker) entity(h message.Header, body io.Reader, path []int, within *attached) error {
	kind, params := contentType(h)
	if strings.HasPrefix(kind, "multipart/") {
		switch {
		case len(path) >= MaxDepth:
			w.r.warn(TooDeep)
			kind = "application/octet-stream"
		case params["boundary"] == "":
			w.r.warn(BadStructure)
			kind = "text/plain"
		default:
			if len(path) == 0 && kind == "multipart/report" && strings.EqualFold(params["report-type"], "feedback-report") {
				w.typed = true
			}
			return w.multipart(body, params["boundary"], path, within)
		}
	}
	return w.leaf(h, kind, params, body, path, within)
}

func (w *walker) multipart(body io.Reader, boundary string, path []int, within *attached) error {
	parts := textproto.NewMultipartReader(body, boundary)
	for i := 1; ; i++ {
		w.in.allow = maxHeader + ahead
		p, err := parts.NextPart()
		w.in.allow = math.MaxInt64
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && (len(path) == 0 || w.in.err != nil) {
			return err
		}
		if err != nil { // what stands around it can still be read
			w.r.warn(BadStructure)
			break
		}
		if w.parts++; w.parts > MaxParts {
			w.r.warn(TooManyParts)
			return errEnough
		}
		if err := w.entity(message.Header{Header: p.Header}, p, append(path[:len(path):len(path)], i), within); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, p); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
	}
	_, err := io.Copy(io.Discard, body)
	return err
}

// leaf reads a part that holds no others.
func (w *walker) leaf(h message.Header, kind string, params map[string]string, raw io.Reader, path []int, within *attached) error {
	disposition, _, _ := h.ContentDisposition() // "" if it cannot be read
	name := fileName(h)
	content := &meter{r: w.decoded(h, raw), hash: sha256.New()}
	evidence := Part{Path: pathOf(path), MediaType: kind, Name: name, Description: line(words8(h.Get("Content-Description")), maxName)}
	text := strings.HasPrefix(kind, "text/") && kind != "text/rfc822-headers"
	file := name != "" || strings.EqualFold(disposition, "attachment")

	if !file && (kind == "text/plain" || kind == "text/html") { // somebody's words, and no evidence beside the mail that holds them
		return w.ended(w.body(kind, params["charset"], content, within), content, raw)
	}
	place := len(w.r.Evidence)
	w.r.Evidence = append(w.r.Evidence, evidence)
	var err error
	switch {
	case kind == "message/feedback-report":
		err = w.feedbackReport(content, path, within)
	case (kind == "message/rfc822" || kind == "message/global" || kind == "text/rfc822-headers") && within == nil:
		err = w.attachedMail(content, path)
	case within == nil && (strings.HasSuffix(kind, "/json") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(strings.ToLower(name), ".json")):
		err = w.json(content, evidence.Path)
	case text:
		var found string
		found, err = w.text(kind, params["charset"], content, nil)
		w.scan(found, within == nil, within)
	}
	err = w.ended(err, content, raw)
	w.r.Evidence[place].Size, w.r.Evidence[place].SHA256 = content.size, hex.EncodeToString(content.hash.Sum(nil))
	return err
}

// ended reads a part to its end. That something in it is not what it says is no
// reason to end the walk.
func (w *walker) ended(err error, content *meter, raw io.Reader) error {
	_, bad := io.Copy(io.Discard, content)
	switch {
	case w.in.err != nil:
		return w.in.err
	case bad != nil:
		w.r.warn(BadEncoding)
		if _, bad := io.Copy(io.Discard, raw); bad != nil && !errors.Is(bad, io.ErrUnexpectedEOF) {
			return bad
		}
	case err != nil && !errors.Is(err, errEnough):
		w.r.warn(BadStructure)
	}
	if errors.Is(err, errEnough) {
		return err
	}
	return nil
}

// decoded undoes the transfer encoding alone, so that what is hashed is what was
// attached and not its letters in another character set.
func (w *walker) decoded(h message.Header, raw io.Reader) io.Reader {
	var only message.Header
	if how := strings.ToLower(strings.TrimSpace(cut(h.Get("Content-Transfer-Encoding"), 100))); how != "" {
		only.Set("Content-Transfer-Encoding", how)
	}
	e, err := message.New(only, raw)
	if err != nil {
		w.r.warn(BadEncoding)
	}
	return e.Body
}

// body reads what the reporter wrote, or who wrote the attached mail.
func (w *walker) body(kind, set string, content io.Reader, within *attached) error {
	var into *strings.Builder
	own := within == nil
	switch {
	case own && kind == "text/html":
		into, own = &w.page, w.plain.Len() == 0 // else it says the same again
	case own:
		into = &w.plain
	}
	found, err := w.text(kind, set, content, into)
	w.scan(found, own, within)
	return err
}

// text reads a text as far as one is looked at, in UTF-8. Of HTML it returns the
// words and the links, each on a line. It is added to a text that people read,
// if one is given, as far as there is room.
func (w *walker) text(kind, set string, content io.Reader, into *strings.Builder) (string, error) {
	converted := content
	switch strings.ToLower(set) {
	case "", "utf-8", "us-ascii":
	default:
		r, err := charset.Reader(cut(set, 40), content)
		if err != nil {
			w.r.warn(BadCharset)
		} else {
			converted = r
		}
	}
	limit := min(MaxText, scanLimit-w.scanned)
	b, err := io.ReadAll(io.LimitReader(converted, int64(limit)))
	w.scanned += len(b)
	text, links := string(b), ""
	if kind == "text/html" {
		text, links = pageText(text)
	}
	if !utf8.ValidString(text) && len(b) < limit {
		w.r.warn(BadCharset)
	}
	text = clean(text)
	if into != nil {
		room := MaxText - into.Len()
		into.WriteString(cut(text, room))
		if n, _ := converted.Read(make([]byte, 1)); n > 0 || len(text) > room {
			w.r.warn(TextCut)
		}
	}
	return text + "\n" + links, err
}

// scan finds the sources in a text.
func (w *walker) scan(text string, own bool, within *attached) {
	var when Time
	if within != nil {
		when = within.when
	}
	w.f.scan(text, own, when)
}

// attachedMail reads a mail that the report brings: through which addresses it
// came, and what its text leads to.
func (w *walker) attachedMail(content io.Reader, path []int) error {
	body := bufio.NewReader(content)
	h, err := w.header(body)
	if err != nil {
		return err
	}
	within := &attached{}
	if at, err := netmail.ParseDate(cut(h.Get("Date"), 100)); err == nil {
		within.when = Time{At: at.UTC(), Zoned: true}
	}
	for fields := h.FieldsByKey("Received"); fields.Next() && len(w.came) < 100; {
		value := cut(fields.Value(), 2000)
		at := Time{}
		if i := strings.LastIndexByte(value, ';'); i >= 0 {
			if t, err := netmail.ParseDate(strings.TrimSpace(value[i+1:])); err == nil {
				at = Time{At: t.UTC(), Zoned: true}
			}
			value = value[:i]
		}
		from, _, _ := strings.Cut(value, " by ") // who took it is not where it came from
		found, _ := sourcesOf(strings.TrimPrefix(from, "from "))
		for _, s := range found {
			if s.Address.IsValid() {
				s.happened(at.At, at.Zoned)
				w.came = append(w.came, s)
			}
		}
	}
	if kind, _ := contentType(h); !strings.HasPrefix(kind, "multipart/") {
		path = append(path[:len(path):len(path)], 1)
	}
	return w.entity(h, body, path, within)
}

// json keeps the first document that could be a report in XARF.
func (w *walker) json(content io.Reader, path string) error {
	b, err := io.ReadAll(io.LimitReader(content, MaxJSON+1))
	if err != nil || len(b) > MaxJSON || !looksLikeXARF(b) {
		return err
	}
	if w.reports++; w.document == nil {
		w.document, w.path = b, path
	}
	return nil
}

// finish makes the report of what was found.
func (w *walker) finish() {
	r := w.r
	r.Text = w.plain.String()
	if strings.TrimSpace(r.Text) == "" {
		r.Text = w.page.String()
	}
	if w.broken {
		r.warn(BadStructure)
		begin := clean(string(w.in.begin))
		if own := strings.TrimSpace(r.Text) == ""; own {
			r.Text = begin
			w.f.scan(begin, true, Time{})
		} else {
			w.f.scan(begin, false, Time{})
		}
	}
	if text := strings.TrimSpace(r.Text); w.document == nil && strings.HasPrefix(text, "{") && looksLikeXARF([]byte(text)) {
		w.document, w.path = []byte(text), "1"
		w.reports++
	}
	sender := r.Reporter
	switch {
	case w.document != nil && w.takeXARF():
		if sender.Address != "" && r.Reporter.Address != "" && !sameDomain(sender.Address, r.Reporter.Address) {
			r.warn(OtherSender)
		}
		if r.Reporter.Address == "" {
			r.Reporter.Address = sender.Address
		}
	case w.feedback != nil:
		w.takeARF()
	default:
		r.Kind = kindOfText(r.Subject, cut(r.Text, 64<<10))
	}
	if w.reports > 1 {
		r.warn(SeveralInOne)
	}
	for _, s := range w.came {
		w.f.add(s)
	}
	if r.Reporter.Address == "" {
		r.warn(NoReporter)
	}
	w.f.settle()
}

// A meter counts and hashes what is read through it.
type meter struct {
	r    io.Reader
	hash hash.Hash
	size int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.hash.Write(p[:n])
	m.size += int64(n)
	return n, err
}

// contentType returns the media type; that of a part which says none that can
// be read is one that nothing is known of.
func contentType(h message.Header) (kind string, params map[string]string) {
	if len(h.Get("Content-Type")) > 4000 {
		return "application/octet-stream", nil
	}
	kind, params, err := h.ContentType()
	kind = strings.ToLower(line(kind, 100))
	if err != nil || !strings.Contains(kind, "/") {
		return "application/octet-stream", params
	}
	return kind, params
}

// fileName returns the name of an attachment, without the folders before it.
func fileName(h message.Header) string {
	if len(h.Get("Content-Disposition")) > 4000 || len(h.Get("Content-Type")) > 4000 {
		return ""
	}
	a := mail.AttachmentHeader{Header: h}
	name, _ := a.Filename() // what cannot be decoded is given as it is
	return line(name[strings.LastIndexAny(name, `/\`)+1:], maxName)
}

// words8 decodes the words of a header (RFC 2047).
func words8(value string) string {
	var h message.Header
	h.Set("Subject", cut(value, 2000))
	s, _ := h.Text("Subject") // what cannot be decoded is given as it is
	return s
}

func pathOf(path []int) string {
	if len(path) == 0 {
		return "1"
	}
	out := make([]string, len(path))
	for i, n := range path {
		out[i] = strconv.Itoa(n)
	}
	return strings.Join(out, ".")
}

// clean returns a text with lines that end by "\n" and without what is neither
// letter nor line.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// line returns a text as one line of at most n bytes.
func line(s string, n int) string {
	return strings.TrimSpace(cut(strings.Join(strings.Fields(clean(cut(s, 4*n))), " "), n))
}

// address returns an e-mail address that can be one, or nothing.
func address(s string) string {
	s = line(s, 254)
	if a, err := netmail.ParseAddress(s); err == nil && a.Address == s && strings.Contains(s, "@") {
		return s
	}
	return ""
}

// sameDomain reports whether two addresses are of one domain, or of one below
// the other.
func sameDomain(a, b string) bool {
	domain := func(s string) string { return "." + strings.ToLower(s[strings.LastIndexByte(s, '@')+1:]) }
	return strings.HasSuffix(domain(a), domain(b)) || strings.HasSuffix(domain(b), domain(a))
}

// dated reads a time of a field.
func dated(s string, about time.Time) (Time, bool) {
	s = strings.TrimSpace(cut(s, 100))
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return Time{At: t.UTC(), Zoned: true}, true
	}
	if t, err := netmail.ParseDate(s); err == nil {
		return Time{At: t.UTC(), Zoned: true}, true
	}
	return findTime(s, about)
}

// fieldsOf reads what has the form of a header, as far as it has.
func fieldsOf(r io.Reader) (h textproto.Header, whole bool, err error) {
	b, err := io.ReadAll(io.LimitReader(r, maxHeader))
	if err != nil {
		return h, false, err
	}
	text := strings.TrimLeft(string(b), "\r\n\t ") + "\r\n\r\n"
	h, bad := textproto.ReadHeader(bufio.NewReader(strings.NewReader(text)))
	return h, bad == nil, nil
}
