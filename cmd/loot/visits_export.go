package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"loot"
	"loot/desk/visits"
	"loot/desk/visits/export"
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

// importExport sends what of an export was not sent before.
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
	key, err := base64.RawURLEncoding.DecodeString(i.begun.Key)
	if err != nil {
		return err
	}
	read, err := visits.ReadExport(path, file, info.Size(), products[from], key, 0, o)
	if err != nil {
		return err
	}
	p := i.progress(filepath.Base(path))
	defer p.end()
	if err := read.Each(read.Taken(i.marks...), func(r *visits.ImportRecords) error {
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := i.take("/records", "application/json", body); err != nil {
			return err
		}
		at := r.First + int64(len(r.Views)+len(r.Counts))
		p.at(at, at, read.Records())
		return nil
	}); err != nil {
		return err
	}
	for _, remark := range read.Remarks() {
		fmt.Fprintln(i.c.stdout, remark)
	}
	return nil
}
