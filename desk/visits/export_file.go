package visits

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"loot"
	"loot/desk/visits/export"
	"loot/desk/visits/logfile"
)

// An ExportFile is an export of another program that was read as a whole, so
// that one that is wrong somewhere is not imported by halves. Its views are
// sorted by time, as visits are told by it.
type ExportFile struct {
	*export.Summary

	views  []export.View
	counts []export.Daily
	print  [16]byte
}

// ReadExport reads an export of a program, of at most so many records; 0: any
// number. The key is that of the fingerprints of marks.
func ReadExport(name string, file io.ReaderAt, size int64, of export.Product, key []byte, most int, o export.Options) (*ExportFile, error) {
	name = filepath.Base(name)
	f := &ExportFile{}
	room := func() error {
		if most > 0 && len(f.views)+len(f.counts) > most {
			return errLargeUpload
		}
		return nil
	}
	var err error
	f.Summary, err = export.Read(name, file, size, o, export.Sink{
		View: func(v export.View) error { f.views = append(f.views, v); return room() },
		Daily: func(d export.Daily) error {
			if !d.First.Equal(d.Last) {
				return loot.Errorf(loot.Invalid, "%s counts over several days together, which cannot be told apart. Export it by day.", name)
			}
			if wrong := outOfBounds(&d); wrong != "" {
				return loot.Errorf(loot.Invalid, "%s has a number of %s that is not between 0 and %d.", name, wrong, mostCounted)
			}
			f.counts = append(f.counts, d)
			return room()
		},
	})
	if wrong, ok := errors.AsType[*export.Error](err); ok {
		return nil, loot.Wrap(loot.Invalid, err, strings.TrimPrefix(wrong.Error(), "export: ")+".")
	}
	if err != nil {
		return nil, err
	}
	if f.Product != of {
		return nil, loot.Errorf(loot.Invalid, "%s is an export of %s, and not of %s.", name, f.Product, of)
	}
	slices.SortStableFunc(f.views, func(a, b export.View) int { return a.Time.Compare(b.Time) })
	mac := hmac.New(sha256.New, key)
	if _, err := io.Copy(mac, io.NewSectionReader(file, 0, size)); err != nil {
		return nil, err
	}
	f.print = [16]byte(mac.Sum(nil))
	return f, nil
}

// Records returns how many there are.
func (f *ExportFile) Records() int64 { return int64(len(f.views) + len(f.counts)) }

// Taken returns how many of the records the marks say were taken.
func (f *ExportFile) Taken(marks ...logfile.Mark) (n int64) {
	for _, m := range marks {
		if m.Fingerprint == f.print {
			n = max(n, m.Offset)
		}
	}
	return n
}

// Each hands over the records behind the first n in batches.
func (f *ExportFile) Each(n int64, take func(r *ImportRecords) error) error {
	at := logfile.Mark{Fingerprint: f.print, Offset: n}
	for at.Offset < f.Records() {
		r := &ImportRecords{First: at.Offset, Product: string(f.Product)}
		if at.Offset > 0 {
			r.After = at.String()
		}
		views, counts := f.views[min(at.Offset, int64(len(f.views))):], f.counts[max(at.Offset-int64(len(f.views)), 0):]
		r.Views = views[:min(mostRecords, len(views))]
		r.Counts = counts[:min(mostRecords-len(r.Views), len(counts))]
		at.Offset += int64(len(r.Views) + len(r.Counts))
		r.Mark = at.String()
		if err := take(r); err != nil {
			return err
		}
	}
	return nil
}

// Remarks say what of the export is not imported, and where it does not add up.
func (f *ExportFile) Remarks() (out []string) {
	for _, left := range f.Left {
		out = append(out, left+" says nothing that Loot counts.")
	}
	for _, check := range f.Checks {
		if !check.OK() {
			out = append(out, check.Words())
		}
	}
	return out
}
