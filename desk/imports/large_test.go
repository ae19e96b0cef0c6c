package imports

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"loot/desk/desktest"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

// made is a body that is made up as it is read. It watches how much is in memory
// meanwhile.
type made struct {
	left  int64
	since int64
	most  uint64
}

func (m *made) Read(b []byte) (int, error) {
	if m.left == 0 {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), m.left)]
	for n := range b {
		b[n] = "1,Meadow Ltd,m@meadow.example\n"[n%30]
	}
	m.left -= int64(len(b))
	if m.since += int64(len(b)); m.since >= 8<<20 || m.left == 0 {
		m.since = 0
		m.most = max(m.most, inMemory())
	}
	return len(b), nil
}

func inMemory() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// kept returns how many imports and pieces of files there are.
func (h *house) kept() (runs, chunks int) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM imports_run), (SELECT COUNT(*) FROM imports_chunk)`).Scan(&runs, &chunks)
	})
	return runs, chunks
}

// formHead is what stands before the file in a form with one.
const formHead = "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nOld panel\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n"

// sendsMade sends a form of a size with a file that begins so, and returns how much of it
// was in memory at most.
func (h *house) sendsMade(site *webtest.Site, size int64, start, tail string) (status int, says string, most uint64) {
	h.Helper()
	body := &made{left: size - int64(len(formHead)+len(start)+len(tail))}
	r, err := http.NewRequestWithContext(h.Context(), http.MethodPost, site.Server.URL+"/console/imports", io.MultiReader(strings.NewReader(formHead+start), body, strings.NewReader(tail)))
	ok(h, err)
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	before := inMemory()
	a, err := site.Server.Client().Transport.RoundTrip(r)
	ok(h, err)
	defer a.Body.Close()
	page, err := io.ReadAll(a.Body)
	ok(h, err)
	return a.StatusCode, text(string(page)), max(body.most, before) - before
}

const (
	formEnd     = "\r\n--b--\r\n"
	formTooMuch = "A file that is sent in the browser has at most 64 MiB. Larger ones are brought on the command line, by loot import."
)

// A form that is one byte larger than is taken is refused with what to do, nothing of it
// stays, and it is never in memory.
func TestAFormThatIsTooLarge(t *testing.T) { // not beside others, as it looks at the memory
	if maxForm != 64<<20 {
		t.Errorf("a form has at most %d bytes, and its page says 64 MiB", maxForm)
	}
	h := newHouse(t, desktest.One(t))
	status, says, most := h.sendsMade(h.Site, maxForm+1, "", formEnd)
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(says, formTooMuch) {
		t.Errorf("%d %s", status, says)
	}
	if most > 16<<20 {
		t.Errorf("%d MiB of it were in memory", most>>20)
	}
	if runs, chunks := h.kept(); runs+chunks > 0 {
		t.Errorf("%d imports and %d pieces are left", runs, chunks)
	}
}

// It does not matter where a form becomes too large or is cut off; one that is as large as
// is taken is taken.
func TestWhereAFormIsTooLarge(t *testing.T) {
	const most = 2 << 20
	h := newHouse(t, onlyOne(t))
	routes := h.desk.routes()
	for n := range routes {
		if routes[n].Pattern == "POST /console/imports" {
			if routes[n].Body != maxForm {
				t.Errorf("the form takes %d bytes", routes[n].Body)
			}
			routes[n].Body = most
		}
	}
	site := webtest.New(t, web.Options{Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true}, routes)
	site.Actor = h.clerk
	for name, c := range map[string]struct {
		size        int64
		start, tail string
		status      int
		says        string
	}{
		"within the file":      {most + 1<<20, "", formEnd, http.StatusRequestEntityTooLarge, formTooMuch},
		"at its end":           {most + 1, "", formEnd, http.StatusRequestEntityTooLarge, formTooMuch},
		"in a title behind it": {most + 1, "", "\r\n--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nOld" + formEnd, http.StatusRequestEntityTooLarge, formTooMuch},
		"cut off":              {most, "", "", http.StatusUnprocessableEntity, "The file did not arrive whole. Please send it again."},
		"not too large":        {most, "\x00", formEnd, http.StatusUnprocessableEntity, "This is a picture, a document or something packed, and no text."},
	} {
		if status, says, _ := h.sendsMade(site, c.size, c.start, c.tail); status != c.status || !strings.Contains(says, c.says) {
			t.Errorf("%s: %d %s", name, status, says)
		}
		if runs, chunks := h.kept(); runs+chunks > 0 {
			t.Errorf("%s: %d imports and %d pieces are left", name, runs, chunks)
		}
	}
}

// Whoever closes the connection before all of a form arrived waits for no answer, and
// nothing of the file stays.
func TestAFormWhoseConnectionIsClosed(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", h.Server.Listener.Addr().String())
		ok(t, err)
		_, err = fmt.Fprintf(c, "POST /console/imports HTTP/1.1\r\nHost: loot.example\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s", maxForm, formHead)
		ok(t, err)
		_, err = io.Copy(c, &made{left: 32 << 20}) // more than waits to be read: some of it is taken when this ends
		ok(t, err)
		ok(t, c.Close())
		h.Server.Close() // when what it was asked is done
		begun := 0
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			begun = 0
			for row, err := range h.Kit.Ledger.Facts(ctx, tx, desktest.Start, desktest.Start.Add(time.Hour)) {
				if err != nil {
					return err
				}
				if row.Facts.Note == "import.brought" {
					begun++
				}
			}
			return nil
		})
		if begun != 1 {
			t.Errorf("%d imports were begun", begun)
		}
		if runs, chunks := h.kept(); runs+chunks > 0 {
			t.Errorf("%d imports and %d pieces are left", runs, chunks)
		}
	})
}

// A file in parts that grows one byte beyond what is taken is refused with what to do, and
// nothing of it stays: half of it cannot be taken for the whole.
func TestAFileInPartsThatIsTooLarge(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	if maxFile != 512<<20 {
		t.Errorf("a file has at most %d bytes, and what is refused says 512 MiB", maxFile)
	}
	call := h.program()
	put := func(status int, path string, size int64) string {
		t.Helper()
		part, err := io.ReadAll(&made{left: size, since: -partSize * 2})
		ok(t, err)
		return call(status, http.MethodPut, path, "application/octet-stream", string(part))
	}
	var state ImportState
	ok(t, json.Unmarshal([]byte(call(http.StatusOK, http.MethodPost, "", "application/json", `{"title":"Old panel"}`)), &state))
	at := "/" + state.ID
	put(http.StatusOK, at+"/parts/0", partSize)
	for size, want := range map[int64]string{partSize + 1: "A part has at most 512 KiB.", 2*partSize + 1: "The body is more than this takes."} {
		if says := put(http.StatusRequestEntityTooLarge, at+"/parts/1", size); !strings.Contains(says, want) {
			t.Errorf("a part of %d bytes: %s", size, says)
		}
	}
	if runs, chunks := h.kept(); runs != 1 || chunks != 1 {
		t.Fatalf("%d imports and %d pieces are there, after a part that can be sent again", runs, chunks)
	}
	h.Tx(func(ctx context.Context, tx *store.Tx) error { // as after a thousand parts
		_, err := tx.Exec(ctx, `UPDATE imports_run SET size = $1 WHERE id = $2`, maxFile-partSize, state.ID)
		return err
	})
	put(http.StatusOK, at+"/parts/1", partSize)
	if says := put(http.StatusRequestEntityTooLarge, at+"/parts/2", 1); !strings.Contains(says, "A file has at most 512 MiB. Export fewer tables, or divide it.") {
		t.Errorf("one byte too many: %s", says)
	}
	if runs, chunks := h.kept(); runs+chunks > 0 {
		t.Errorf("%d imports and %d pieces are left", runs, chunks)
	}
	call(http.StatusNotFound, http.MethodPost, at+"/mapping", "application/json", `{}`)
}
