package visits

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"loot"
	"loot/desk/visits/export"
	"loot/desk/visits/logfile"
	"loot/store"
	"loot/web"
)

// An upload is a file that is to be imported.
type upload struct {
	web.File

	kind    string
	options export.Options
}

// readUpload checks the form.
func readUpload(s *Site, form url.Values, files []web.File) (up upload, err error) {
	wrong := map[string]string{}
	if !s.Ended.IsZero() {
		return up, loot.Errorf(loot.Invalid, "Nothing of this site is recorded at present. Record it again first.")
	}
	if len(files) == 1 {
		up.File = files[0]
	} else {
		wrong["file"] = "Choose the file."
	}
	up.kind, up.options = form.Get("kind"), export.Options{Dimension: export.Dimension(form.Get("dimension")), Limit: mostUnpacked}
	for name, to := range map[string]*time.Time{"first": &up.options.First, "last": &up.options.Last} {
		if day := form.Get(name); day != "" {
			if *to, err = time.Parse(time.DateOnly, day); err != nil {
				wrong[name] = "A day is written as 2026-11-28."
			}
		}
	}
	for name, what := range web.Wrong(importForm().Check(form)) {
		wrong[name] = what
	}
	return up, web.Invalid("", wrong)
}

// An uploaded file is what an upload came to.
type uploaded struct {
	recorded int
	refused  map[string]int
	before   bool // some of it, or all, was imported before
	remarks  []string
}

func (u *uploaded) add(t *ImportTaken) {
	u.recorded += t.Recorded
	for why, n := range t.Refused {
		u.refused[why] += n
	}
}

func (u *uploaded) tone() web.Tone {
	if u.recorded == 0 {
		return web.Info
	}
	return web.Good
}

// remarksSaid is how many remarks a message has room for.
const remarksSaid = 5

func (u *uploaded) words() string {
	text := number(u.recorded) + " recorded."
	n := 0
	for _, of := range u.refused {
		n += of
	}
	switch {
	case u.recorded+n == 0 && u.before:
		text = "Nothing is new in this file: it was imported before."
	case u.before:
		text = "A part of this file was imported before. Of the rest " + loot.LowerFirst(text)
	}
	if n > 0 {
		text += " " + number(n) + " not recorded; the list says why."
	}
	for _, remark := range u.remarks[:min(remarksSaid, len(u.remarks))] {
		text += " By the export itself: " + remark
	}
	return text
}

// importUpload imports a file. Nothing is begun, and nothing changes, unless the
// file can be read and has something that was not imported before.
func (d *Visits) importUpload(ctx context.Context, by loot.Actor, s *Site, up upload) (*uploaded, error) {
	if !d.uploading.TryLock() {
		return nil, errUploading
	}
	defer d.uploading.Unlock()
	key, err := base64.RawURLEncoding.DecodeString(d.imports.key(s))
	if err != nil {
		return nil, fmt.Errorf("visits: import: %w", err)
	}
	var marks []logfile.Mark
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		texts, err := listMarks(ctx, tx, s)
		marks = marks[:0]
		for _, text := range texts {
			var m logfile.Mark
			if m.UnmarshalText([]byte(text)) == nil { // a program's own may be of another form
				marks = append(marks, m)
			}
		}
		return err
	}); err != nil {
		return nil, err
	}
	if up.kind == kindLog {
		return d.uploadLog(ctx, by, s, up, key, marks)
	}
	return d.uploadExport(ctx, by, s, up, key, marks)
}

func (d *Visits) uploadExport(ctx context.Context, by loot.Actor, s *Site, up upload, key []byte, marks []logfile.Mark) (*uploaded, error) {
	f, err := ReadExport(up.Name, bytes.NewReader(up.Content), int64(len(up.Content)), export.Product(up.kind), key, mostUploaded, up.options)
	if err != nil {
		return nil, err
	}
	taken := f.Taken(marks...)
	out := &uploaded{refused: map[string]int{}, before: taken > 0, remarks: f.Remarks()}
	if taken >= f.Records() {
		out.remarks = nil
		return out, nil
	}
	return out, d.withinImport(ctx, by, s, func(id string) error {
		return f.Each(taken, func(r *ImportRecords) error {
			t, err := d.importRecords(ctx, s, id, r)
			if err == nil {
				out.add(t)
			}
			return err
		})
	})
}

func (d *Visits) uploadLog(ctx context.Context, by loot.Actor, s *Site, up upload, key []byte, marks []logfile.Mark) (*uploaded, error) {
	if err := unpacks(up.Content); err != nil {
		return nil, err
	}
	r, err := logfile.New(bytes.NewReader(up.Content), logfile.Options{Key: key})
	if err != nil {
		return nil, fmt.Errorf("visits: import: %w", err)
	}
	from, err := r.Resume(marks...)
	if err != nil {
		return nil, fmt.Errorf("visits: import: %w", err)
	}
	out := &uploaded{refused: map[string]int{}, before: from.Offset > 0}
	l, err := r.Next()
	if errors.Is(err, io.EOF) {
		if out.before {
			return out, nil
		}
		return nil, unreadable(r.Counts())
	}
	if err != nil {
		return nil, fmt.Errorf("visits: import: %w", err)
	}
	return out, d.withinImport(ctx, by, s, func(id string) error {
		b := NewLogBatch(from)
		hand := func() error {
			after, mark, lines := b.Take()
			t, err := d.importLines(ctx, s, id, after, mark, lines)
			if err == nil {
				out.add(t)
			}
			return err
		}
		for ; err == nil; l, err = r.Next() {
			if b.Add(&l) {
				if err := hand(); err != nil {
					return err
				}
			}
		}
		if !errors.Is(err, io.EOF) {
			return fmt.Errorf("visits: import: %w", err)
		}
		if !b.Empty() {
			if err := hand(); err != nil {
				return err
			}
		}
		unread := map[string]int{}
		for why, n := range r.Counts().Refused {
			unread["a line "+string(why)] = int(n)
			out.refused["a line "+string(why)] += int(n)
		}
		return d.DB.InTx(ctx, func(tx *store.Tx) error {
			return addToImport(ctx, tx, id, kindLog, 0, unread, d.Now())
		})
	})
}

// withinImport has f import something that was uploaded, and ends the import whatever
// came of it: an upload that failed and is sent again at once would take its own for one
// that is read for. One that was read for when this began is left to whoever began it,
// or goes on with it, too.
func (d *Visits) withinImport(ctx context.Context, by loot.Actor, s *Site, f func(id string) error) error {
	begun, others, err := d.beginImport(ctx, by, s)
	if err != nil {
		return err
	}
	err = f(begun.ID)
	if others {
		return err
	}
	// Whoever sent it may wait no longer, which may be why it failed.
	if _, failed := d.endImport(context.WithoutCancel(ctx), by, s, begun.ID); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// unpacks reads what is compressed once, lest it is found to be broken, or
// larger than can be, when a part of it is recorded.
func unpacks(content []byte) error {
	if !bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return loot.Wrap(loot.Invalid, err, "The file is compressed, and not as gzip does it.")
	}
	n, err := io.Copy(io.Discard, io.LimitReader(z, mostUnpacked+1))
	if err != nil {
		return loot.Wrap(loot.Invalid, err, "The file is compressed, and broken. Fetch it again.")
	}
	if n > mostUnpacked {
		return errLargeUpload
	}
	return nil
}

// unreadable says of a log why no line of it is one.
func unreadable(c logfile.Counts) error {
	var most logfile.Reason
	for why, n := range c.Refused {
		if most == "" || cmp.Or(cmp.Compare(n, c.Refused[most]), cmp.Compare(most, why)) > 0 {
			most = why
		}
	}
	if most == "" {
		return loot.Errorf(loot.Invalid, "There is no whole line in this file.")
	}
	return loot.Errorf(loot.Invalid, "No line of this can be read as one of a log: most are %s. Nothing of it was recorded.", most)
}
