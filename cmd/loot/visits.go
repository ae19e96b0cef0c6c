package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"loot"
	"loot/desk/visits"
	"loot/desk/visits/export"
	"loot/desk/visits/logfile"
)

type visitsCmd struct {
	Import visitsImportCmd `cmd:"" help:"Import access logs of web servers, or an export of another program for web analytics. What was imported is not imported again."`
	Tail   visitsTailCmd   `cmd:"" help:"Follow an access log, beginning where it was left."`
}

// An importing is what both commands need to reach the server.
type importing struct {
	Site      string            `help:"The site's name in addresses, as the console shows it." required:"" placeholder:"NAME"`
	Server    string            `help:"Address of the server." default:"http://127.0.0.1:8080" placeholder:"URL" env:"LOOT_SERVER"`
	TokenFile string            `help:"File with a token of an administrator or the data protection officer that may record visits (visits:write)." required:"" type:"path" placeholder:"FILE" env:"LOOT_TOKEN_FILE"`
	Field     map[string]string `help:"A field of a JSON log that is not called as usual: what the log calls it, and what it is, such as client_ip=address." placeholder:"NAME=WHAT"`
}

type visitsImportCmd struct {
	importing
	From      string   `help:"The files are exports of goatcounter, plausible, umami, matomo or google, and no logs." enum:",goatcounter,plausible,umami,matomo,google" default:"" placeholder:"PROGRAM"`
	First     string   `help:"First day of an export that says none." placeholder:"DATE"`
	Last      string   `help:"Last day of an export that says none." placeholder:"DATE"`
	Dimension string   `help:"What a report of Matomo is by, where its file does not tell, such as browser." placeholder:"NAME"`
	Files     []string `arg:"" name:"file" help:"Logs or exports, also compressed by gzip." type:"path"`
}

type visitsTailCmd struct {
	importing
	File string `arg:"" help:"Log." type:"path"`
}

// An importer sends batches to the server.
type importer struct {
	c      *command
	flags  importing
	token  string
	client *http.Client
	begun  visits.ImportBegun
	marks  []logfile.Mark

	patient  bool // a server that does not answer is waited for
	recorded int64
	refused  map[string]int64
	holds    bool
}

func (c *command) importer(flags importing) (*importer, error) {
	token, err := loot.ReadSecret(flags.TokenFile, "the token (--token-file)")
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(flags.Server); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, loot.Errorf(loot.Invalid, "--server: the address of the server begins with https:// or http:// and a host.")
	}
	flags.Server = strings.TrimSuffix(flags.Server, "/")
	return &importer{c: c, flags: flags, token: token, client: &http.Client{Timeout: 5 * time.Minute}, refused: map[string]int64{}}, nil
}

func (i *importer) options() (logfile.Options, error) {
	key, err := base64.RawURLEncoding.DecodeString(i.begun.Key)
	return logfile.Options{Fields: i.flags.Field, Key: key}, err
}

// begin begins an import, or goes on with one.
func (i *importer) begin() error {
	if err := i.post(i.c.ctx, "", "application/json", nil, &i.begun); err != nil {
		return err
	}
	i.marks = i.marks[:0]
	for _, text := range i.begun.Marks {
		var m logfile.Mark
		if err := m.UnmarshalText([]byte(text)); err != nil {
			return err
		}
		i.marks = append(i.marks, m)
	}
	return nil
}

func (i *importer) end(ctx context.Context) error {
	i.holds = false
	return i.post(ctx, "/"+i.begun.ID+"/end", "application/json", nil, nil)
}

// take sends a batch and adds up what became of it.
func (i *importer) take(path, kind string, body []byte) error {
	var taken visits.ImportTaken
	if err := i.post(i.c.ctx, "/"+i.begun.ID+path, kind, body, &taken); err != nil {
		return err
	}
	i.recorded, i.holds = i.recorded+int64(taken.Recorded), taken.Holds
	for why, n := range taken.Refused {
		i.refused[why] += int64(n)
	}
	return nil
}

// The waits between tries of a server that has too much to do, or is away.
const (
	firstWait = time.Second
	mostWait  = 30 * time.Second
	mostTries = 8
)

// post calls an operation of the site's imports. A batch may be sent again
// whatever became of it.
func (i *importer) post(ctx context.Context, path, kind string, body []byte, answer any) error {
	wait := firstWait
	for tries := 1; ; tries++ {
		again, err := i.try(ctx, path, kind, body, answer)
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if again == 0 || !i.patient && tries == mostTries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(wait, again)):
		}
		wait = min(2*wait, mostWait)
	}
}

// try calls it once. It says after what time to try again; 0: it is of no use.
func (i *importer) try(ctx context.Context, path, kind string, body []byte, answer any) (again time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.flags.Server+"/api/visits/"+url.PathEscape(i.flags.Site)+"/imports"+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+i.token)
	r.Header.Set("Content-Type", kind)
	w, err := i.client.Do(r)
	if err != nil {
		said := loot.Wrap(loot.Unavailable, err, "The server cannot be reached under "+i.flags.Server+". Nothing is lost: the same command goes on where it was.")
		if i.patient {
			return firstWait, said
		}
		return 0, said
	}
	defer w.Body.Close()
	b, err := io.ReadAll(io.LimitReader(w.Body, 64<<20))
	if err != nil {
		return firstWait, loot.Wrap(loot.Unavailable, err, "The answer of the server broke off. Nothing is lost: the same command goes on where it was.")
	}
	if w.StatusCode < 300 {
		if answer == nil {
			return 0, nil
		}
		return 0, json.Unmarshal(b, answer)
	}
	if w.StatusCode == http.StatusTooManyRequests || w.StatusCode == http.StatusServiceUnavailable {
		again = firstWait
		if seconds, err := strconv.Atoi(w.Header.Get("Retry-After")); err == nil {
			again = min(time.Duration(seconds)*time.Second, mostWait)
		}
	}
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(b, &problem) != nil || problem.Detail == "" {
		problem.Detail = "the answer was " + w.Status
	}
	return again, loot.Errorf(loot.Unavailable, "The server says: %s", problem.Detail)
}

// Batches of a log.
const (
	batchLines = 12_000
	batchBytes = 8 << 20
	batchRead  = 500_000 // lines after which the mark is sent though few count
)

// A batch is what was read of a log and not sent yet.
type batch struct {
	i     *importer
	after string
	body  []byte
	lines int
	read  int
	mark  logfile.Mark
	sent  chan error // of the batch before, which is sent while this one is read
}

func newBatch(i *importer, after logfile.Mark) (*batch, error) {
	b := &batch{i: i, sent: make(chan error, 1), mark: after}
	b.sent <- nil
	if after == (logfile.Mark{}) {
		return b, nil
	}
	text, err := after.MarshalText()
	b.after = string(text)
	return b, err
}

func (b *batch) add(l *logfile.Line) error {
	body, counts := visits.AppendLine(b.body, l)
	b.body, b.mark = body, l.Next
	b.read++
	if counts {
		b.lines++
	}
	if b.lines < batchLines && len(b.body) < batchBytes && b.read < batchRead {
		return nil
	}
	return b.send()
}

// send sends what there is, once the batch before is taken.
func (b *batch) send() error {
	text, err := b.mark.MarshalText()
	if err != nil {
		return err
	}
	if err := <-b.sent; err != nil || b.read == 0 {
		b.sent <- err
		return err
	}
	path := "/lines?" + url.Values{"after": {b.after}, "mark": {string(text)}}.Encode()
	body := b.body
	go func() { b.sent <- b.i.take(path, "text/tab-separated-values", body) }()
	b.after, b.body, b.lines, b.read = string(text), make([]byte, 0, len(body)+len(body)/8), 0, 0
	return nil
}

// wait returns what became of the batch that was sent last.
func (b *batch) wait() error {
	err := <-b.sent
	b.sent <- err
	return err
}

// flush sends what is left and waits until it is taken.
func (b *batch) flush() error {
	if err := b.send(); err != nil {
		return err
	}
	return b.wait()
}

// A measured file counts how far it was read.
type measured struct {
	*os.File
	at atomic.Int64
}

func (m *measured) Read(p []byte) (int, error) {
	n, err := m.File.Read(p)
	m.at.Add(int64(n))
	return n, err
}

func (m *measured) Seek(offset int64, whence int) (int64, error) {
	at, err := m.File.Seek(offset, whence)
	m.at.Store(at)
	return at, err
}

func (v *visitsImportCmd) Run(c *command) error {
	i, err := c.importer(v.importing)
	if err != nil {
		return err
	}
	if err := i.begin(); err != nil {
		return err
	}
	read := i.importLog
	files := v.Files
	if v.From != "" {
		o, err := v.options()
		if err != nil {
			return err
		}
		read = func(path string) error { return i.importExport(path, v.From, o) }
	} else if files, err = i.inOrder(files); err != nil {
		return err
	}
	for _, path := range files {
		if err := read(path); err != nil {
			if c.ctx.Err() != nil {
				i.tell()
				fmt.Fprintln(c.stderr, "Interrupted. The same command goes on where it was, within 24 hours with the same visitors.")
				return exit(130)
			}
			return err
		}
	}
	if err := i.end(c.ctx); err != nil {
		return err
	}
	i.tell()
	return nil
}

// tell says what became of all lines.
func (i *importer) tell() {
	fmt.Fprintf(i.c.stdout, "%d recorded.\n", i.recorded)
	for _, why := range slices.Sorted(maps.Keys(i.refused)) {
		fmt.Fprintf(i.c.stdout, "%d not recorded: %s.\n", i.refused[why], why)
	}
}

// inOrder sorts logs by the time of their first lines, as a visit may begin in
// one and end in the next.
func (i *importer) inOrder(files []string) ([]string, error) {
	at := map[string]time.Time{}
	for _, path := range files {
		err := i.open(path, func(_ *measured, r *logfile.Reader) error {
			l, err := r.Next()
			at[path] = l.Time
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	out := slices.Clone(files)
	slices.SortStableFunc(out, func(a, b string) int { return at[a].Compare(at[b]) })
	return slices.Compact(out), nil
}

func (i *importer) open(path string, f func(*measured, *logfile.Reader) error) error {
	file, err := os.Open(path)
	if err != nil {
		return loot.Wrap(loot.Invalid, err, "The log "+path+" cannot be read. Check its name, and that this user may read it.")
	}
	defer file.Close()
	o, err := i.options()
	if err != nil {
		return err
	}
	m := &measured{File: file}
	r, err := logfile.New(m, o)
	if err != nil {
		return loot.Wrap(loot.Invalid, err, path+": "+err.Error()+".")
	}
	return f(m, r)
}

func (i *importer) importLog(path string) error {
	return i.open(path, func(file *measured, r *logfile.Reader) error {
		info, err := file.Stat()
		if err != nil {
			return err
		}
		from, err := r.Resume(i.marks...)
		if err != nil {
			return err
		}
		b, err := newBatch(i, from)
		if err != nil {
			return err
		}
		p := i.progress(filepath.Base(path))
		defer p.end()
		for n := int64(1); ; n++ {
			l, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				err = b.add(&l)
			}
			if err == nil && n&0xfff == 0 {
				err = i.c.ctx.Err()
				p.at(n, file.at.Load(), info.Size())
			}
			if err != nil {
				return errors.Join(err, b.wait())
			}
		}
		if err := b.flush(); err != nil {
			return err
		}
		counts := r.Counts()
		for why, n := range counts.Refused {
			i.refused["a line "+string(why)] += n
		}
		p.done(counts, from.Offset > 0)
		return nil
	})
}

// A progress says how far a file was read.
type progress struct {
	i        *importer
	name     string
	began    time.Time
	last     time.Time
	terminal bool
	shown    bool
}

func (i *importer) progress(name string) *progress {
	p := &progress{i: i, name: name, began: time.Now(), last: time.Now()}
	if f, ok := i.c.stderr.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *progress) at(lines, bytes, of int64) {
	every, end := 10*time.Second, "\n"
	if p.terminal {
		every, end = time.Second, "\r"
	}
	if now := time.Now(); now.Sub(p.last) >= every {
		p.last, p.shown = now, true
		share := 100.0
		if of > 0 {
			share = 100 * float64(bytes) / float64(of)
		}
		fmt.Fprintf(p.i.c.stderr, "%s: %d lines, %.0f %%, %.0f lines/s   %s", p.name, lines, share, float64(lines)/now.Sub(p.began).Seconds(), end)
	}
}

// end leaves the line that is written over.
func (p *progress) end() {
	if p.shown && p.terminal {
		fmt.Fprintln(p.i.c.stderr)
	}
}

func (p *progress) done(counts logfile.Counts, before bool) {
	n, what := counts.Read, "lines"
	for _, refused := range counts.Refused {
		n += refused
	}
	if before {
		what = "new lines"
	}
	took := time.Since(p.began)
	fmt.Fprintf(p.i.c.stdout, "%s: %d %s in %s, %.0f a second.\n", p.name, n, what, took.Round(time.Millisecond), float64(n)/took.Seconds())
}

func (v *visitsTailCmd) Run(c *command) (err error) {
	i, err := c.importer(v.importing)
	if err != nil {
		return err
	}
	i.patient = true
	if err := i.begin(); err != nil {
		return err
	}
	o, err := i.options()
	if err != nil {
		return err
	}
	f, err := logfile.Follow(v.File, o, i.marks...)
	if err != nil {
		return loot.Wrap(loot.Invalid, err, v.File+": "+err.Error()+".")
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, err := newBatch(i, f.Mark())
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := f.Mark().Offset - 1
	err = f.Each(c.ctx, tick.C, func(l logfile.Line) error {
		if l.Offset <= last { // another log of the same name
			if err := b.flush(); err != nil {
				return err
			}
			b.after = ""
		}
		last = l.Offset
		return b.add(&l)
	}, func(logfile.Mark) error {
		if err := b.flush(); err != nil || !i.holds {
			return err
		}
		return i.end(c.ctx) // what was past is read
	})
	if c.ctx.Err() != nil {
		i.tell()
		return nil
	}
	return err
}

// options are what the flags say of an export.
func (v *visitsImportCmd) options() (export.Options, error) {
	o := export.Options{Dimension: export.Dimension(v.Dimension)}
	for _, day := range []struct {
		flag, text string
		to         *time.Time
	}{{"--first", v.First, &o.First}, {"--last", v.Last, &o.Last}} {
		if day.text == "" {
			continue
		}
		var err error
		if *day.to, err = time.Parse(time.DateOnly, day.text); err != nil {
			return o, loot.Errorf(loot.Invalid, "%s: a day is written as 2026-11-28.", day.flag)
		}
	}
	return o, nil
}

// products are the programs by their names on the command line.
var products = map[string]export.Product{
	"goatcounter": export.GoatCounter, "plausible": export.Plausible, "umami": export.Umami, "matomo": export.Matomo, "google": export.GoogleAnalytics,
}

// batchRecords are how many records of an export are sent at once.
const batchRecords = 1000

// importExport reads an export as a whole before anything of it is sent, so
// that one that is wrong somewhere is not imported by halves. Its views are
// sorted by time, as visits are told by it.
func (i *importer) importExport(path, from string, o export.Options) error {
	file, err := os.Open(path)
	if err != nil {
		return loot.Wrap(loot.Invalid, err, "The export "+path+" cannot be read. Check its name, and that this user may read it.")
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	var views []export.View
	var counts []export.Daily
	summary, err := export.Read(path, file, info.Size(), o, export.Sink{
		View: func(v export.View) error { views = append(views, v); return nil },
		Daily: func(d export.Daily) error {
			if !d.First.Equal(d.Last) {
				return loot.Errorf(loot.Invalid, "%s counts over several days together, which cannot be told apart. Export it by day.", filepath.Base(path))
			}
			counts = append(counts, d)
			return nil
		},
	})
	if wrong, ok := errors.AsType[*export.Error](err); ok {
		return loot.Wrap(loot.Invalid, err, strings.TrimPrefix(wrong.Error(), "export: ")+".")
	}
	if err != nil {
		return err
	}
	if summary.Product != products[from] {
		return loot.Errorf(loot.Invalid, "%s is an export of %s, and not of what --from says.", filepath.Base(path), summary.Product)
	}
	slices.SortStableFunc(views, func(a, b export.View) int { return a.Time.Compare(b.Time) })
	key, err := base64.RawURLEncoding.DecodeString(i.begun.Key)
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	if _, err := io.Copy(mac, io.NewSectionReader(file, 0, info.Size())); err != nil {
		return err
	}
	at := logfile.Mark{Fingerprint: [16]byte(mac.Sum(nil))}
	for _, m := range i.marks {
		if m.Fingerprint == at.Fingerprint && m.Offset > at.Offset {
			at.Offset = m.Offset
		}
	}
	p := i.progress(filepath.Base(path))
	defer p.end()
	all := int64(len(views) + len(counts))
	for at.Offset < all {
		var r visits.ImportRecords
		if r.First = at.Offset; at.Offset > 0 {
			text, err := at.MarshalText()
			if err != nil {
				return err
			}
			r.After = string(text)
		}
		views, counts := views[min(at.Offset, int64(len(views))):], counts[max(at.Offset-int64(len(views)), 0):]
		r.Views = views[:min(batchRecords, len(views))]
		r.Counts = counts[:min(batchRecords-len(r.Views), len(counts))]
		at.Offset += int64(len(r.Views) + len(r.Counts))
		text, err := at.MarshalText()
		if err != nil {
			return err
		}
		r.Mark = string(text)
		body, err := json.Marshal(&r)
		if err != nil {
			return err
		}
		if err := i.take("/records", "application/json", body); err != nil {
			return err
		}
		p.at(at.Offset, at.Offset, all)
	}
	for _, left := range summary.Left {
		fmt.Fprintf(i.c.stdout, "%s says nothing that Loot counts.\n", left)
	}
	for _, check := range summary.Checks {
		if !check.OK() {
			fmt.Fprintf(i.c.stdout, "%s: the parts come to %d, and the export says %d.\n", check.What, check.Parts, check.Says)
		}
	}
	return nil
}
