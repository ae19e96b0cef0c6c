package keyring

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"loot"
)

// The kinds of file in a key folder.
const (
	epochFile  = "epoch"
	systemFile = "system"
	secretFile = "secret"
	// A fleeting secret is sealed by an epoch key of its own, which is destroyed
	// soon. No backup holds either.
	fleetingFile      = "fleeting"
	fleetingEpochFile = "fleetingepoch"
)

// A file names a file of the key folder.
type file struct {
	kind  string
	name  string
	epoch int // of an epoch key
}

func (f file) String() string {
	if f.kind == epochFile {
		return fmt.Sprintf("epoch.%s.%d.key", f.name, f.epoch)
	}
	return f.kind + "." + f.name + ".key"
}

// parseFile is the reverse of String.
func parseFile(s string) (f file, ok bool) {
	s, ok = strings.CutSuffix(s, ".key")
	if !ok {
		return f, false
	}
	f.kind, f.name, ok = strings.Cut(s, ".")
	if !ok {
		return f, false
	}
	switch f.kind {
	case systemFile, secretFile, fleetingFile, fleetingEpochFile:
		return f, loot.ValidName(f.name)
	case epochFile:
		i := strings.LastIndexByte(f.name, '.')
		if i < 0 {
			return f, false
		}
		n, err := strconv.Atoi(f.name[i+1:])
		f.name, f.epoch = f.name[:i], n
		return f, err == nil && n > 0 && loot.ValidName(f.name) && f.String() == s+".key"
	}
	return f, false
}

// content is what a file holds. Everything but the root and the key is bound
// to the key as associated data.
type content struct {
	Kind  string    `json:"kind"`
	Name  string    `json:"name"`
	Epoch int       `json:"epoch,omitempty"`
	Made  time.Time `json:"made"`
	Root  string    `json:"root"` // that sealed the key, for people to read
	Key   []byte    `json:"key"`

	former bool // a former root opened it
}

func (c content) ad() []byte {
	return bind("loot key file", c.Kind, c.Name, strconv.Itoa(c.Epoch), c.Made.UTC().Format(time.RFC3339Nano))
}

// A folder is the key folder.
type folder struct {
	dir    string
	root   Root
	former []Root
	now    func() time.Time
	named  *atomic.Pointer[named]
}

// A named is the names of the key files when the folder had a time that no later
// change can have too.
type named struct {
	at    time.Time
	names string
}

// settled is how long ago a folder must have changed before its time tells two
// changes apart: longer than a tick of any clock that stamps files.
const settled = 3 * time.Second

func openFolder(c Config) (folder, error) {
	f := folder{dir: c.Dir, root: c.Root, former: c.Former, now: c.Now, named: new(atomic.Pointer[named])}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return f, loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The key folder %s cannot be made.", c.Dir))
	}
	return f, nil
}

func (f *folder) path(id file) string { return filepath.Join(f.dir, id.String()) }

// list returns the key files, and the names of files that are none.
func (f *folder) list() (files []file, others []string, err error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, nil, f.unreadable(err)
	}
	for _, e := range entries {
		if id, ok := parseFile(e.Name()); ok {
			files = append(files, id)
		} else {
			others = append(others, e.Name())
		}
	}
	return files, others, nil
}

// stamp changes whenever a key file comes or goes. It is the names themselves:
// the folder's time is that of the last tick of the kernel's clock, and two
// changes in one tick look like one. They are read again unless the folder still
// has the time that it had long before they were read.
func (f *folder) stamp() (string, error) {
	info, err := os.Stat(f.dir)
	if err != nil {
		return "", f.unreadable(err)
	}
	if last := f.named.Load(); last != nil && last.at.Equal(info.ModTime()) {
		return last.names, nil
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return "", f.unreadable(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".key") {
			names = append(names, e.Name())
		}
	}
	next := named{info.ModTime(), strings.Join(names, "\n")}
	if time.Since(next.at) > settled {
		f.named.Store(&next)
	}
	return next.names, nil
}

func (f *folder) unreadable(err error) error {
	return loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The key folder %s cannot be read.", f.dir))
}

// opens reports whether the root opens a file of the folder, if there is any.
// A wrong root is found at once this way, instead of at the first use.
func (f *folder) opens(ctx context.Context) error {
	files, _, err := f.list()
	if err != nil {
		return err
	}
	var last error
	for _, id := range files {
		if _, _, last = f.get(ctx, id); last == nil {
			return nil
		}
		if !errors.Is(last, ErrRoot) && !errors.Is(last, ErrTampered) && !errors.Is(last, ErrMissing) {
			return last // the root cannot be reached
		}
	}
	if last == nil {
		return nil
	}
	none := fmt.Sprintf("The root %s opens none of the keys in %s.", f.root.ID(), f.dir)
	if len(f.former) > 0 {
		none = fmt.Sprintf("%s opens any of the keys in %s.", f.neither(), f.dir)
	}
	return loot.Wrap(loot.Unavailable, last, none+" Was another one used before, or has it been replaced since?")
}

// neither begins a sentence about what no root opens.
func (f *folder) neither() string {
	s := "Neither the root " + f.root.ID()
	for _, r := range f.former {
		s += " nor the former root " + r.ID()
	}
	return s
}

// tryRoot has the root seal something and open it again, before anything stands
// or falls with that. What a former root opens, too, was sealed by the very
// root that is to be replaced.
func (f *folder) tryRoot(ctx context.Context) error {
	plain, ad := make([]byte, keySize), bind("loot root")
	sealed, err := f.root.Wrap(ctx, plain, ad)
	if err != nil {
		return fmt.Errorf("keyring: seal by root: %w", err)
	}
	if got, err := f.root.Unwrap(ctx, sealed, ad); err != nil || !bytes.Equal(got, plain) {
		return loot.Wrap(loot.Unavailable, cmp.Or(err, ErrTampered),
			fmt.Sprintf("The root %s seals and does not open what it sealed, so no key was given to it. It has to be allowed both.", f.root.ID()))
	}
	for _, r := range f.former {
		if _, err := r.Unwrap(ctx, sealed, ad); err == nil {
			return loot.Errorf(loot.Invalid, "The root and the former root are one and the same, %s. Name the new one with --root and the one that it replaces with --former-root.", f.root.ID())
		}
	}
	return nil
}

// put seals a key into a file that must not exist yet. A process that runs
// under a root which was replaced meanwhile puts nothing there: whoever starts
// under the new one could not open it.
func (f *folder) put(ctx context.Context, id file, key []byte) error {
	if err := f.opens(ctx); err != nil {
		return err
	}
	c := content{Kind: id.kind, Name: id.name, Epoch: id.epoch, Made: f.now().UTC().Truncate(time.Second)}
	text, err := f.encode(ctx, c, key)
	if err != nil {
		return err
	}
	if err := createFile(f.path(id), text); err != nil {
		return fmt.Errorf("keyring: %s: %w", id, err)
	}
	return nil
}

// change seals another key, or the same one by the root of today, into a file.
func (f *folder) change(ctx context.Context, id file, made time.Time, key []byte) error {
	text, err := f.encode(ctx, content{Kind: id.kind, Name: id.name, Epoch: id.epoch, Made: made}, key)
	if err != nil {
		return err
	}
	if err := replaceFile(f.path(id), text); err != nil {
		return fmt.Errorf("keyring: %s: %w", id, err)
	}
	return nil
}

// encode seals the key together with a hash of what it is bound to: a service
// of an older version ignores associated data without a word.
func (f *folder) encode(ctx context.Context, c content, key []byte) ([]byte, error) {
	ad := c.ad()
	sum := sha256.Sum256(ad)
	sealed, err := f.root.Wrap(ctx, append(sum[:], key...), ad)
	if err != nil {
		return nil, fmt.Errorf("keyring: seal by root: %w", err)
	}
	c.Root, c.Key = f.root.ID(), sealed
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("keyring: encode key file: %w", err)
	}
	return append(text, '\n'), nil
}

// get unseals the key of a file. It returns [ErrMissing], [ErrTampered] or
// [ErrRoot] if that cannot be.
func (f *folder) get(ctx context.Context, id file) (content, []byte, error) {
	var c content
	text, err := os.ReadFile(f.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil, fault(id, ErrMissing)
	}
	if err != nil {
		return c, nil, loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The key file %s cannot be read.", id))
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil || c.Kind != id.kind || c.Name != id.name || c.Epoch != id.epoch {
		return c, nil, fault(id, ErrTampered)
	}
	ad := c.ad()
	reason := ErrTampered
	var unreachable error
	if !slices.ContainsFunc(append([]Root{f.root}, f.former...), func(r Root) bool { return r.ID() == c.Root }) {
		reason = ErrRoot
	}
	for i, root := range append([]Root{f.root}, f.former...) {
		plain, err := root.Unwrap(ctx, c.Key, ad)
		if err != nil {
			if loot.KindOf(err) == loot.Unavailable && unreachable == nil {
				unreachable = err
			}
			if errors.Is(err, ErrRoot) {
				reason = ErrRoot
			}
			continue // a former root may open it
		}
		sum := sha256.Sum256(ad)
		if len(plain) < len(sum) || subtle.ConstantTimeCompare(plain[:len(sum)], sum[:]) != 1 {
			return c, nil, fault(id, ErrTampered)
		}
		c.former = i > 0
		return c, plain[len(sum):], nil
	}
	if unreachable != nil && len(f.former) > 0 {
		return c, nil, loot.Wrap(loot.Unavailable, unreachable, fmt.Sprintf("%s opens the key file %s. %s", f.neither(), id, loot.Message(unreachable)))
	}
	if unreachable != nil {
		return c, nil, unreachable
	}
	return c, nil, fault(id, reason)
}

func fault(id file, err error) error {
	if errors.Is(err, ErrRoot) {
		return loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The key file %s is %v. If the root was being replaced, name both with --root and --former-root and finish that with loot keys rotate --root-only; otherwise restore the file from the backup of the keys.", id, err))
	}
	return loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The key file %s is %v. Restore it from the backup of the keys.", id, err))
}

// remove overwrites and deletes a file; it is fine if it is gone.
func (f *folder) remove(id file) error {
	err := wipe(f.path(id))
	if err == nil {
		err = os.Remove(f.path(id))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(f.dir)
	}
	if err != nil {
		return fmt.Errorf("keyring: destroy %s: %w", id, err)
	}
	return nil
}

// createFile writes a file of mode 0600 that is there whole or not at all, and
// fails with [fs.ErrExist] if there is one.
func createFile(path string, text []byte) error {
	temp, err := writeTemp(path, text)
	if err != nil {
		return err
	}
	defer temp.Close()
	defer os.Remove(temp.Name())
	if err := os.Link(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// replaceFile replaces a file in one step and overwrites the former content.
func replaceFile(path string, text []byte) error {
	temp, err := writeTemp(path, text)
	if err != nil {
		return err
	}
	defer temp.Close()
	defer os.Remove(temp.Name())
	former, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer former.Close()
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return err
	}
	return zero(former)
}

// tempName is what a file is called until it is whole.
func tempName(path, unique string) string { return "." + filepath.Base(path) + ".new" + unique }

// sweepTemp removes what a killed process left of a file that is there. It may
// run while others write: what they hold is no leftover.
func sweepTemp(path string) {
	if _, err := os.Stat(path); err != nil {
		return
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), tempName(path, "*"))) // the pattern is well-formed
	for _, p := range left {
		sweepLeft(p, path)
	}
}

// sweepLeft removes one such file, and its content with it unless it is the
// content of the file that it was to become: a process that is killed after it
// gave the file its name leaves it two.
func sweepLeft(temp, path string) {
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if held, err := hold(f); !held || err != nil {
		return
	}
	left, err := f.Stat()
	if err != nil {
		return
	}
	there, err := os.Stat(path)
	if err != nil || !os.SameFile(left, there) && zero(f) != nil {
		return
	}
	os.Remove(temp)
}

// writeTemp writes a file that is to become the one at path. As long as it is
// open, nobody sweeps it up.
func writeTemp(path string, text []byte) (*os.File, error) {
	t, err := newTemp(path)
	if err != nil {
		return nil, err
	}
	_, err = t.Write(text)
	if err == nil {
		err = t.Sync()
	}
	if err != nil {
		os.Remove(t.Name())
		t.Close()
		return nil, err
	}
	return t, nil
}

// newTemp makes a file and holds it. It makes another if somebody swept it up
// in between.
func newTemp(path string) (*os.File, error) {
	for {
		t, err := os.CreateTemp(filepath.Dir(path), tempName(path, "*")) // mode 0600
		if err != nil {
			return nil, err
		}
		held, err := hold(t)
		if held && err == nil {
			if _, err = os.Lstat(t.Name()); err == nil {
				return t, nil
			}
		}
		t.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// hold takes the lock on a file for as long as it is open, and reports whether
// it was free.
func hold(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func wipe(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = zero(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func zero(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(make([]byte, info.Size()), 0); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
