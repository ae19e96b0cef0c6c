package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk/visits"
	"loot/desk/visits/export"
	"loot/desk/visits/logfile"
)

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
