package web

import (
	"bytes"
	"errors"
	"net/http"
	"sync"
)

// maxAnswer bounds what one page may hold in memory. A file is longer, and
// goes through [Stream].
const maxAnswer = 16 << 20

var errAnswerTooLarge = errors.New("web: the answer is larger than what is held back; use Stream")

// An answer is the ResponseWriter that handlers see: it holds everything back.
type answer struct {
	header http.Header
	status int
	body   *bytes.Buffer
	stream func(http.ResponseWriter) error
}

var (
	buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	headers = sync.Pool{New: func() any { return http.Header{} }}
)

func newAnswer() *answer {
	return &answer{header: headers.Get().(http.Header), body: buffers.Get().(*bytes.Buffer)}
}

func (a *answer) free() {
	release(a.body)
	clear(a.header)
	headers.Put(a.header)
	a.body, a.header = nil, nil
}

// release gives a buffer back, empty.
func release(b *bytes.Buffer) {
	if b.Cap() <= 1<<18 { // one large page must not stay in memory for good
		b.Reset()
		buffers.Put(b)
	}
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.body.Len()+len(p) > maxAnswer {
		return 0, errAnswerTooLarge
	}
	return a.body.Write(p)
}

// flush sends what was held back, over what the answer says already.
func (a *answer) flush(w http.ResponseWriter, head bool) error {
	h := w.Header()
	for k, v := range a.header {
		h[k] = v
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(a.status)
	if head {
		return nil
	}
	if a.stream != nil {
		return a.stream(w)
	}
	_, err := a.body.WriteTo(w)
	return err
}

// Stream lets body write the answer after the handler has returned without an
// error, and so after its transaction. It is for files that are too long to
// hold back. When body fails the connection is cut, so that nobody takes half
// a file for a whole one. Headers and status are set before, as usual.
func Stream(w http.ResponseWriter, body func(w http.ResponseWriter) error) {
	if a, ok := w.(*answer); ok {
		a.stream = body
		return
	}
	panic("web: Stream needs the writer that the handler was given")
}
