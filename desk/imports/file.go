package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"loot"
	"loot/desk/imports/source"
	"loot/store"
	"loot/web"
)

const (
	chunkSize = 512 << 10
	maxForm   = 64 << 20  // bytes of a form with a file
	maxFile   = 512 << 20 // bytes of a file that comes in parts
	filesKept = 14        // days that a file stays after the last thing that was done with it
)

// found is what a file was found to be.
type found struct {
	source.Format
	Tables []foundTable `json:"tables,omitempty"`
}

// foundTable is a table of a file.
type foundTable struct {
	Name    string   `json:"name,omitempty"` // of a dump
	Columns []string `json:"columns"`
	Shapes  []string `json:"shapes"` // of a first value of each column: what it looks like, and not what it says
	Rows    int64    `json:"rows"`
}

func (f found) table(name string) *foundTable {
	for n := range f.Tables {
		if f.Tables[n].Name == name {
			return &f.Tables[n]
		}
	}
	return nil
}

// bound is what a chunk is bound to.
func bound(id string, n int64) []byte { return []byte("import/" + id + "/" + strconv.FormatInt(n, 10)) }

// An incoming file is sealed as it comes, in transactions of its own.
type incoming struct {
	i    *Imports
	id   string
	size int64
	n    int64
}

// chunk keeps the next piece.
func (f *incoming) chunk(ctx context.Context, b []byte) error {
	if f.size+int64(len(b)) > maxFile {
		return loot.Errorf(loot.TooLarge, "A file has at most %d MiB. Export fewer tables, or divide it.", maxFile>>20)
	}
	sealed, err := f.i.key.Seal(b, bound(f.id, f.n))
	if err != nil {
		return err
	}
	now := f.i.Now().UnixMicro()
	if err := f.i.DB.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO imports_chunk (import, number, sealed) VALUES ($1, $2, $3)`, f.id, f.n, sealed); err != nil {
			return fmt.Errorf("imports: chunk: %w", err)
		}
		n, err := tx.Exec(ctx, `UPDATE imports_run SET size = $1, chunks = $2, touched = $3 WHERE id = $4 AND state = '`+arriving+`'`, f.size+int64(len(b)), f.n+1, now, f.id)
		if err == nil && n == 0 {
			err = loot.Errorf(loot.Conflict, "This file has arrived already.")
		}
		return err
	}); err != nil {
		return err
	}
	f.n, f.size = f.n+1, f.size+int64(len(b))
	return nil
}

// take keeps all that r gives.
func (f *incoming) take(ctx context.Context, r io.Reader) error {
	buffer := make([]byte, chunkSize)
	for {
		n, err := 0, error(nil)
		for n < len(buffer) && err == nil { // io.ReadFull says of a form that was cut off what it says of a file's end
			var more int
			more, err = r.Read(buffer[n:])
			n += more
		}
		if n > 0 && (err == nil || errors.Is(err, io.EOF)) {
			if err := f.chunk(ctx, buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// content returns the file again.
func (i *Imports) content(ctx context.Context, r *run) io.Reader {
	return &chunks{ctx: ctx, i: i, r: r}
}

type chunks struct {
	ctx  context.Context // of the one call that it lives in
	i    *Imports
	r    *run
	n    int64
	left []byte
}

func (c *chunks) Read(b []byte) (int, error) {
	for len(c.left) == 0 {
		if c.n >= c.r.Chunks {
			return 0, io.EOF
		}
		var sealed []byte
		if err := c.i.DB.Read(c.ctx, func(tx *store.Tx) error {
			return tx.QueryRow(c.ctx, `SELECT sealed FROM imports_chunk WHERE import = $1 AND number = $2`, c.r.ID, c.n).Scan(&sealed)
		}); err != nil {
			return 0, fmt.Errorf("imports: chunk: %w", err)
		}
		var err error
		if c.left, err = c.i.key.Open(sealed, bound(c.r.ID, c.n)); err != nil {
			return 0, fmt.Errorf("imports: chunk: %w", err)
		}
		c.n++
	}
	n := copy(b, c.left)
	c.left = c.left[n:]
	return n, nil
}

// open begins to read the wanted tables of a file.
func (i *Imports) open(ctx context.Context, r *run, wanted func(string) bool) (source.Reader, error) {
	return source.Open(i.content(ctx, r), r.Mapping.format(r.Found.Format), wanted)
}

// arrived looks at a file that is whole, and has it wait for its columns to be named.
func (i *Imports) arrived(ctx context.Context, id string) error {
	r, err := i.read(ctx, id)
	if err != nil {
		return err
	}
	if r.State != arriving {
		return nil
	}
	s, err := i.inForce()
	if err != nil {
		return err
	}
	state, fault := fresh, ""
	r.Found, err = i.look(ctx, r)
	var wrong *source.Error
	switch {
	case errors.As(err, &wrong):
		state, fault = failed, wrong.Error()
		r.Mapping = i.suggest(s, r.Found) // it may make sense when it is read otherwise
	case err != nil:
		return err
	default:
		r.Mapping = i.suggest(s, r.Found)
		if len(r.Mapping.steps(r.Found)) == 0 {
			state, fault = failed, "No table in it is of customers, services or invoices as WHMCS or FOSSBilling keep them."
		}
	}
	return i.DB.InTx(ctx, func(tx *store.Tx) error {
		if ok, err := move(ctx, tx, id, state, i.Now(), arriving); err != nil || !ok {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE imports_run SET fault = $1 WHERE id = $2`, fault, id); err != nil {
			return fmt.Errorf("imports: fault: %w", err)
		}
		if err := writeFound(ctx, tx, id, r.Found); err != nil {
			return err
		}
		return writeMapping(ctx, tx, id, r.Mapping)
	})
}

// look reads a file once, to find out how it is to be read and what is in it.
func (i *Imports) look(ctx context.Context, r *run) (out found, err error) {
	var s source.Sniffer
	if _, err := io.Copy(&s, i.content(ctx, r)); err != nil {
		return out, err
	}
	if s.Binary() {
		return out, source.ErrBinary
	}
	return i.lookAs(ctx, r, s.Format())
}

// lookAs finds out what is in a file that is read in a format.
func (i *Imports) lookAs(ctx context.Context, r *run, f source.Format) (out found, err error) {
	out.Format = f
	in, err := source.Open(i.content(ctx, r), f, wanted)
	if err != nil {
		return out, err
	}
	for {
		row, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		t := out.table(row.Table)
		if t == nil {
			out.Tables = append(out.Tables, foundTable{Name: row.Table})
			t = &out.Tables[len(out.Tables)-1]
		}
		t.Rows++
		t.see(row)
	}
}

// see learns the columns of a table and what their values look like.
func (t *foundTable) see(row *source.Row) {
	for len(t.Columns) < len(row.Columns) {
		t.Columns, t.Shapes = append(t.Columns, row.Columns[len(t.Columns)]), append(t.Shapes, "")
	}
	if row.Wrong != "" || t.Rows > 1000 {
		return
	}
	for n, cell := range row.Cells {
		if t.Shapes[n] == "" && strings.TrimSpace(cell) != "" {
			t.Shapes[n] = shape(cell)
		}
	}
}

// shape tells what a value looks like without telling it: letters are a, digits 9.
func shape(value string) string {
	var b strings.Builder
	var last rune
	run := 0
	for _, c := range strings.TrimSpace(value) {
		switch {
		case c >= '0' && c <= '9':
			c = '9'
		case c > ' ' && c < 0x7f && (c|0x20 < 'a' || c|0x20 > 'z'):
		case c == ' ' || c == '\n':
			c = ' '
		default:
			c = 'a'
		}
		if run++; c != last {
			run = 1
		}
		if last = c; run > 4 {
			continue
		}
		if b.WriteRune(c); b.Len() >= 24 {
			b.WriteString("…")
			break
		}
	}
	return b.String()
}

// bring takes a file that was sent with the form, as it comes.
func (i *Imports) bring(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	if err := i.DB.ReadTx(ctx, func(tx *store.Tx) error { return i.may(ctx, tx, me) }); err != nil {
		return err
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return loot.Wrap(loot.Invalid, err, "The form did not arrive as a form with a file. Please send it again.")
	}
	title, brought := "", ""
	wrong := "Please choose a file that is not empty."
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return i.cutShort(ctx, brought, err)
		}
		switch part.FormName() {
		case "title":
			text, err := io.ReadAll(io.LimitReader(part, 4<<10))
			if err != nil {
				return i.cutShort(ctx, brought, err)
			}
			title = strings.TrimSpace(string(text))
		case "file":
			if part.FileName() == "" || brought != "" {
				continue
			}
			f, err := i.beginFile(ctx, me, title) // which comes after the file, from a browser
			if err != nil {
				return err
			}
			var seen source.Sniffer
			if err := f.take(ctx, io.TeeReader(part, &seen)); err != nil {
				return i.cutShort(ctx, f.id, err)
			}
			if binary := seen.Binary(); binary || f.size == 0 {
				if err := i.drop(ctx, f.id); err != nil {
					return err
				}
				if binary {
					wrong = source.ErrBinary.What
				}
				continue
			}
			brought = f.id
		}
	}
	if brought == "" {
		return i.showList(w, r, http.StatusUnprocessableEntity, title, web.Invalid("", map[string]string{"file": wrong}))
	}
	if err := i.entitle(ctx, brought, title); err != nil {
		return err
	}
	if err := i.arrived(ctx, brought); err != nil {
		return err
	}
	return web.Redirect(w, r, "/console/imports/"+url.PathEscape(brought))
}

// cutShort removes what came of a file whose form did not arrive whole, and says why: the
// end may be missing after the file too.
func (i *Imports) cutShort(ctx context.Context, id string, err error) error {
	if id != "" {
		err = errors.Join(err, i.drop(ctx, id))
	}
	return tooLarge(err)
}

// tooLarge says of a form that it was, if that ended it.
func tooLarge(err error) error {
	if _, is := errors.AsType[*http.MaxBytesError](err); is {
		return loot.Errorf(loot.TooLarge, "A file that is sent in the browser has at most %d MiB. Larger ones are brought on the command line, by loot import.", maxForm>>20)
	}
	if loot.KindOf(err) != loot.Internal {
		return err
	}
	return loot.Wrap(loot.Invalid, err, "The file did not arrive whole. Please send it again.")
}

// beginFile begins an import with nothing of its file.
func (i *Imports) beginFile(ctx context.Context, by loot.Actor, title string) (*incoming, error) {
	r := &run{ID: loot.NewID("i"), Title: i.titleOf(title), Author: by.ID, State: arriving, Made: i.Now()}
	err := i.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := i.may(ctx, tx, by); err != nil {
			return err
		}
		if err := insertRun(ctx, tx, r); err != nil {
			return err
		}
		_, err := i.Gate.Note(ctx, tx, by, "import.brought", r.ID)
		return err
	})
	return &incoming{i: i, id: r.ID}, err
}

// entitle gives an import its title.
func (i *Imports) entitle(ctx context.Context, id, title string) error {
	return i.DB.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE imports_run SET title = $1 WHERE id = $2`, i.titleOf(title), id); err != nil {
			return fmt.Errorf("imports: title: %w", err)
		}
		return nil
	})
}

// titleOf returns the title of an import that somebody wrote or, if they wrote none, one that
// says when it was brought.
func (i *Imports) titleOf(written string) string {
	title := strings.Join(strings.Fields(strings.ToValidUTF8(written, "")), " ")
	if title == "" {
		title = "File of " + i.Now().UTC().Format("2 January 2006, 15:04")
	}
	return loot.Cut(title, 80)
}

// drop removes a file that did not arrive whole, also when nobody waits for the answer
// any more: that the connection was closed is one way in which it did not.
func (i *Imports) drop(ctx context.Context, id string) error {
	ctx = context.WithoutCancel(ctx)
	return i.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, q := range []string{`DELETE FROM imports_chunk WHERE import = $1`, `DELETE FROM imports_run WHERE id = $1`} {
			if _, err := tx.Exec(ctx, q, id); err != nil {
				return fmt.Errorf("imports: drop: %w", err)
			}
		}
		return nil
	})
}

// removeFile removes a file whose import has ended; what became of its rows stays.
func removeFile(ctx context.Context, tx *store.Tx, id string, now int64) error {
	if _, err := tx.Exec(ctx, `DELETE FROM imports_chunk WHERE import = $1`, id); err != nil {
		return fmt.Errorf("imports: remove: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE imports_run SET removed = $1 WHERE id = $2 AND removed = 0`, now, id); err != nil {
		return fmt.Errorf("imports: remove: %w", err)
	}
	return nil
}

func writeFound(ctx context.Context, tx *store.Tx, id string, f found) error {
	text, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("imports: found: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE imports_run SET found = $1 WHERE id = $2`, string(text), id); err != nil {
		return fmt.Errorf("imports: found: %w", err)
	}
	return nil
}
