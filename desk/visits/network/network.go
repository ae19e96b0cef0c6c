// Package network names the provider and the country of an address, from files
// in the MaxMind format that the operator puts there. Loot ships none; without
// one the answer is "unknown". Addresses go in and none is kept.
package network

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"loot/statement"
)

// A Network is what is known of the network of an address. What is not known
// is empty, 0 or Unknown.
type Network struct {
	Number  uint32 // of the autonomous system
	Name    string // of whoever runs it
	Country string // ISO 3166-1, two capitals
	Kind    Kind
}

// Truncate leaves so many bits of an address as its family is given; the rest
// become 0. An IPv4 address in the clothes of an IPv6 one is cut as IPv4.
func Truncate(addr netip.Addr, v4bits, v6bits int) netip.Addr {
	addr = addr.Unmap().WithZone("")
	bits := v6bits
	if addr.Is4() {
		bits = v4bits
	}
	prefix, err := addr.Prefix(min(max(bits, 0), addr.BitLen()))
	if err != nil {
		return netip.Addr{} // of no address nothing is left
	}
	return prefix.Addr()
}

// Databases are files that are asked in turn: what the first does not say, the
// next may.
type Databases struct {
	now   func() time.Time
	every time.Duration

	looking sync.Mutex // one looks at the files at a time
	next    time.Time
	paths   []string

	files atomic.Pointer[[]*file]
}

// largest is the largest file that is read. It is read whole: a file that is
// cut while it is mapped ends the process.
const largest = 256 << 20

type file struct {
	source  Source
	size    int64
	changed time.Time
	reader  *maxminddb.Reader

	mu    sync.RWMutex
	known map[uintptr]Network // by where the record stands; of the file, not of addresses
}

// mostKnown bounds what a file's records take in memory beside it.
const mostKnown = 1 << 15

// A Source is what a report says of a file.
type Source struct {
	Path        string
	Type        string    // "GeoLite2-ASN"
	Description string    // says the licence, where its maker says it there
	Built       time.Time // by its maker
	Problem     string    // why a newer file at the path is not used
}

// Open opens files and returns their answers. Every so often, Refresh looks
// whether one has changed.
func Open(paths []string, every time.Duration, now func() time.Time) (*Databases, error) {
	d := &Databases{now: now, every: every, next: now().Add(every), paths: paths}
	files := make([]*file, len(paths))
	for i, path := range paths {
		var err error
		if files[i], err = open(path); err != nil {
			return nil, err
		}
	}
	d.files.Store(&files)
	return d, nil
}

func open(path string) (*file, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	if info.Size() > largest {
		return nil, fmt.Errorf("network: %s has %d MB, more than %d; take one with fewer fields", path, info.Size()>>20, largest>>20)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	reader, err := maxminddb.OpenBytes(b)
	if err != nil {
		return nil, fmt.Errorf("network: %s is no file in the MaxMind format, or not whole: %w; put the file there anew", path, err)
	}
	m := reader.Metadata
	return &file{
		source: Source{Path: path, Type: m.DatabaseType, Description: described(m.Description), Built: m.BuildTime().UTC()},
		size:   info.Size(), changed: info.ModTime(), reader: reader, known: map[uintptr]Network{},
	}, nil
}

func described(by map[string]string) string {
	if text, ok := by["en"]; ok {
		return text
	}
	for _, text := range by {
		return text
	}
	return ""
}

// Refresh reads those files anew that have changed, if it is time to look. What
// cannot be read leaves the former in place, and is said in the error and by
// Sources until the file is put right.
func (d *Databases) Refresh() error {
	d.looking.Lock()
	defer d.looking.Unlock()
	if d.now().Before(d.next) {
		return nil
	}
	d.next = d.now().Add(d.every)
	old := *d.files.Load()
	files, all := make([]*file, len(old)), []error(nil)
	for i, f := range old {
		var err error
		files[i], err = f.refreshed()
		all = append(all, err)
	}
	d.files.Store(&files)
	return errors.Join(all...)
}

func (f *file) refreshed() (*file, error) {
	info, err := os.Stat(f.source.Path)
	if err == nil && info.Size() == f.size && info.ModTime().Equal(f.changed) {
		return f.with(""), nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("network: %s is gone; what it said when it was read still holds", f.source.Path)
		return f.with(err.Error()), err
	}
	newer, err := open(f.source.Path)
	if err != nil {
		return f.with(err.Error()), err
	}
	return newer, nil
}

// with is the file with a problem, or without.
func (f *file) with(problem string) *file {
	if f.source.Problem == problem {
		return f
	}
	c := &file{source: f.source, size: f.size, changed: f.changed, reader: f.reader, known: map[uintptr]Network{}}
	c.source.Problem = problem
	return c
}

// Sources says what the answers come from.
func (d *Databases) Sources() (out []Source) {
	for _, f := range *d.files.Load() {
		out = append(out, f.source)
	}
	return out
}

// Lookup says what the files say of an address.
func (d *Databases) Lookup(addr netip.Addr) Network {
	var n Network
	for _, f := range *d.files.Load() {
		m := f.lookup(addr.Unmap().WithZone(""))
		if n.Number == 0 && n.Name == "" {
			n.Number, n.Name = m.Number, m.Name
		}
		if n.Country == "" {
			n.Country = m.Country
		}
		if n.Kind == Unknown {
			n.Kind = m.Kind
		}
	}
	return n
}

func (f *file) lookup(addr netip.Addr) Network {
	result := f.reader.Lookup(addr)
	if result.Err() != nil || !result.Found() {
		return Network{}
	}
	at := result.Offset()
	f.mu.RLock()
	n, ok := f.known[at]
	f.mu.RUnlock()
	if ok {
		return n
	}
	var record any
	if result.Decode(&record) == nil {
		n = read(record)
	}
	f.mu.Lock()
	if len(f.known) >= mostKnown {
		clear(f.known)
	}
	f.known[at] = n
	f.mu.Unlock()
	return n
}

// Where makers keep the fields: MaxMind, DB-IP, IPinfo, IP2Location,
// ip-location-db and others, as their documentation says; a dot is a map inside
// of the record.
var (
	numberFields  = []string{"autonomous_system_number", "traits.autonomous_system_number", "as_number", "asn", "as.number", "as"}
	nameFields    = []string{"isp", "traits.isp", "autonomous_system_organization", "traits.autonomous_system_organization", "as_name", "as_org", "as_organization", "organization", "traits.organization", "as.name", "name"}
	countryFields = []string{"country.iso_code", "country_code", "country", "registered_country.iso_code"}
	kindFields    = []string{"traits.connection_type", "connection_type", "traits.user_type", "usage_type", "as_type", "type"}
)

func read(record any) Network {
	var n Network
	for _, f := range numberFields {
		if n.Number = number(field(record, f)); n.Number != 0 {
			break
		}
	}
	for _, f := range nameFields {
		if name, ok := field(record, f).(string); ok && name != "" {
			n.Name = clean(name)
			break
		}
	}
	for _, f := range countryFields {
		if code, ok := field(record, f).(string); ok && statement.IsCountry(strings.ToUpper(code)) {
			n.Country = strings.ToUpper(code)
			break
		}
	}
	for _, f := range kindFields {
		if word, ok := field(record, f).(string); ok && said[strings.ToLower(word)] != Unknown {
			n.Kind = said[strings.ToLower(word)]
			return n
		}
	}
	n.Kind = kindOf(n.Number, n.Name)
	return n
}

func field(record any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		m, ok := record.(map[string]any)
		if !ok {
			return nil
		}
		record = m[part]
	}
	return record
}

func number(v any) uint32 {
	switch v := v.(type) {
	case uint64:
		return uint32(min(v, 1<<32-1))
	case string:
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(v), "AS"), 10, 32)
		if err == nil {
			return uint32(n)
		}
	}
	return 0
}

// clean bounds a name: it comes from a file and ends on pages.
func clean(name string) string {
	name = strings.ToValidUTF8(strings.Join(strings.Fields(name), " "), "")
	for i := range name {
		if i > 80 {
			return name[:i]
		}
	}
	return name
}
