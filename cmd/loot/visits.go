package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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

// A reached server is one that a command sends files to.
type reached struct {
	Server string `help:"Address of the server." default:"http://127.0.0.1:8080" placeholder:"URL" env:"LOOT_SERVER"`
}

// reach reads the token for the server, and returns what speaks with it.
func (r *reached) reach(tokenFile string) (token string, client *http.Client, err error) {
	if token, err = loot.ReadSecret(tokenFile, "the token (--token-file)"); err != nil {
		return "", nil, err
	}
	if u, err := url.Parse(r.Server); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", nil, loot.Errorf(loot.Invalid, "--server: the address of the server begins with https:// or http:// and a host.")
	}
	r.Server = strings.TrimSuffix(r.Server, "/")
	return token, &http.Client{Timeout: 5 * time.Minute}, nil
}

// An importing is what both commands need to reach the server.
type importing struct {
	Site string `help:"The site's name in addresses, as the console shows it." required:"" placeholder:"NAME"`
	reached
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
	token, client, err := flags.reach(flags.TokenFile)
	return &importer{c: c, flags: flags, token: token, client: client, refused: map[string]int64{}}, err
}

func (i *importer) options() (logfile.Options, error) {
	key, err := base64.RawURLEncoding.DecodeString(i.begun.Key)
	return logfile.Options{Fields: i.flags.Field, Key: key}, err
}

// The waits between tries of a server that has too much to do, or is away.
const (
	firstWait = time.Second
	mostWait  = 30 * time.Second
	mostTries = 8
)

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
		b := newBatch(i, from)
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
	now := i.c.now()
	p := &progress{i: i, name: name, began: now, last: now}
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
	if now := p.i.c.now(); now.Sub(p.last) >= every {
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
	took := p.i.c.now().Sub(p.began)
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
	b := newBatch(i, f.Mark())
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := f.Mark().Offset - 1
	err = f.Each(c.ctx, tick.C, func(l logfile.Line) error {
		if l.Offset <= last { // another log of the same name
			if err := b.flush(); err != nil {
				return err
			}
			b.After = ""
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
		_ = b.wait() // what was on its way: it is counted, or sent again next time
		i.tell()
		return nil
	}
	return err
}

// products are the programs by their names on the command line.
var products = map[string]export.Product{
	"goatcounter": export.GoatCounter, "plausible": export.Plausible, "umami": export.Umami, "matomo": export.Matomo, "google": export.GoogleAnalytics,
}
