package rights

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// The files of an archive.
const (
	filePage   = "index.html"
	fileCopy   = "what-we-hold.json"
	fileSchema = "what-we-hold.schema.json"
	folder     = "documents/"
)

//go:embed archive/copy.schema.json
var copySchema []byte

// proofsWithin is how long an archive waits for the receipts of its newest entries.
const proofsWithin = 5 * time.Second

// An archive is what somebody takes along, before their timeline and documents are read.
type archive struct {
	copied      desk.Copy
	newest      string // entry of the timeline that it begins with
	collections []loot.Collection
	documents   []desk.Document
	data        []byte // the copy as JSON, up to its timeline
	s           *statement.Statement
}

// take hands a person everything in one ZIP: a page to read, JSON for programs with
// its schema, and their documents. The record is opened by one decision and each
// document by another; the timeline may be long, so it is written as it is read.
func (d *Rights) take(w http.ResponseWriter, r *http.Request) error {
	a, err := d.archive(r.Context(), web.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="what-we-hold-`+a.copied.Made.Format(time.DateOnly)+`.zip"`)
	web.Stream(w, func(w http.ResponseWriter) error { return d.write(r.Context(), w, a) })
	return nil
}

func (d *Rights) archive(ctx context.Context, me loot.Actor) (a archive, err error) {
	if a.s, err = d.inForce(); err != nil {
		return a, err
	}
	if a.copied, a.newest, err = d.needs.Copy(ctx, me); err != nil {
		return a, err
	}
	a.collections = []loot.Collection{collection} // first, as the archive ends its timeline with its own entry
	for _, c := range a.s.Collections() {
		if c.ID != collection {
			a.collections = append(a.collections, c.ID)
		}
	}
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		a.documents = nil
		for _, other := range d.needs.Desks() {
			if other.Documents == nil {
				continue
			}
			more, err := other.Documents(ctx, tx, me)
			if err != nil {
				return err
			}
			a.documents = append(a.documents, more...)
		}
		return nil
	}); err != nil {
		return a, err
	}
	a.data, err = marshal(a.copied, "")
	return a, err
}

func marshal(v any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent(prefix, "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("rights: copy: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// write writes the archive. It holds a page of the timeline, or one document, at a time.
func (d *Rights) write(ctx context.Context, to io.Writer, a archive) error {
	return d.zip(ctx, to, func(z *zip.Writer) error { return d.writeInto(ctx, z, "", a) })
}

// Bundle writes archives of several records as one ZIP, each in its folder.
func (d *Rights) Bundle(ctx context.Context, to io.Writer, all []desk.Bundled) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	return d.zip(ctx, to, func(z *zip.Writer) error {
		for _, one := range all {
			a := archive{copied: one.Copy, collections: []loot.Collection{one.In}, documents: one.Documents, s: s}
			if a.data, err = marshal(a.copied, ""); err != nil {
				return err
			}
			if err := d.writeInto(ctx, z, one.Folder, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// zip waits for the proofs of the newest entries and has a ZIP written.
func (d *Rights) zip(ctx context.Context, to io.Writer, write func(*zip.Writer) error) error {
	wait, cancel := context.WithTimeout(ctx, proofsWithin)
	err := d.Ledger.Sync(wait)
	late := wait.Err() != nil
	cancel()
	if err != nil && !late {
		return err
	}
	z := zip.NewWriter(to)
	if err := write(z); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("rights: archive: %w", err)
	}
	return nil
}

// writeInto writes one archive into a folder of a ZIP.
func (d *Rights) writeInto(ctx context.Context, z *zip.Writer, in string, a archive) error {
	for _, one := range []struct {
		name  string
		write func(context.Context, *bufio.Writer, archive) error
	}{
		{filePage, d.writePage},
		{fileCopy, d.writeCopy},
		{fileSchema, func(_ context.Context, out *bufio.Writer, _ archive) error {
			_, err := out.Write(copySchema)
			return err
		}},
	} {
		out, err := z.CreateHeader(&zip.FileHeader{Name: in + one.name, Method: zip.Deflate, Modified: a.copied.Made})
		if err != nil {
			return fmt.Errorf("rights: archive: %w", err)
		}
		buffered := bufio.NewWriter(out)
		if err := one.write(ctx, buffered, a); err != nil {
			return err
		}
		if err := buffered.Flush(); err != nil {
			return fmt.Errorf("rights: archive: %w", err)
		}
	}
	for _, doc := range a.documents {
		if err := d.writeDocument(ctx, z, in+folder, doc); err != nil {
			return err
		}
	}
	return nil
}

// writeDocument adds one document. One that cannot be read must not keep the rest from
// the person: a line in its place says so.
func (d *Rights) writeDocument(ctx context.Context, z *zip.Writer, in string, doc desk.Document) error {
	contents, err := doc.Read(ctx)
	names := doc.Files
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		d.Log.ErrorContext(ctx, "a document of an archive cannot be read", "file", doc.Files[0], "err", err)
		names, contents = []string{doc.Files[0] + ".missing.txt"}, [][]byte{[]byte("This document could not be read. Please tell us.\n")}
	}
	for i, name := range names {
		// What these files hold is packed already.
		out, err := z.CreateHeader(&zip.FileHeader{Name: in + name, Method: zip.Store, Modified: doc.At})
		if err == nil {
			_, err = out.Write(contents[i])
		}
		if err != nil {
			return fmt.Errorf("rights: archive: %w", err)
		}
	}
	return nil
}

// writeCopy writes the copy as JSON, its timeline last and with receipts.
func (d *Rights) writeCopy(ctx context.Context, out *bufio.Writer, a archive) error {
	// Whoever flushes gets the first error of all that is written before.
	fmt.Fprintf(out, "%s,\n  \"timeline\": [", bytes.TrimSuffix(a.data, []byte("\n}")))
	sep := "\n    "
	if err := d.eachEntry(ctx, a, true, func(e desk.CopiedEntry) error {
		text, err := marshal(e, "    ")
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s%s", sep, text)
		sep = ",\n    "
		return nil
	}); err != nil {
		return err
	}
	fmt.Fprint(out, "\n  ]\n}\n")
	return nil
}

// eachEntry goes over every entry about the person, newest first within each
// collection. What was recorded since the archive was begun is left out.
func (d *Rights) eachEntry(ctx context.Context, a archive, receipts bool, f func(desk.CopiedEntry) error) error {
	for _, in := range a.collections {
		begun := in != collection
		for before := ""; ; {
			page, last, err := d.needs.Entries(ctx, a.copied.Subject, in, before, receipts)
			if err != nil {
				return err
			}
			for _, e := range page {
				if begun = begun || e.ID == a.newest; !begun || in != collection && e.At.After(a.copied.Made) {
					continue
				}
				if err := f(e); err != nil {
					return err
				}
			}
			if last == "" {
				break
			}
			before = last
		}
	}
	return nil
}
