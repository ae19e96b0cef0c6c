package ledger

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
)

// tilePath is every path that C2SP tlog-tiles has, and no other.
var tilePath = regexp.MustCompile(`^tile/(?:[0-9]|[1-5][0-9]|6[0-3]|entries)/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/(?:[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?$`)

// Handler serves the log to anybody, as C2SP tlog-tiles has it: /checkpoint and
// /tile/... It is to be mounted with its prefix stripped. Tiles never change,
// so any cache may keep them.
func (l *Ledger) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /checkpoint", func(w http.ResponseWriter, _ *http.Request) {
		cp, err := l.Checkpoint()
		if err != nil {
			http.Error(w, "There is no checkpoint yet.", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=1")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		send(w, cp)
	})
	mux.HandleFunc("GET /tile/{path...}", func(w http.ResponseWriter, r *http.Request) {
		path := "tile/" + r.PathValue("path")
		if !tilePath.MatchString(path) {
			http.Error(w, "There is no such tile.", http.StatusNotFound)
			return
		}
		b, err := l.files.read(path)
		if errors.Is(err, fs.ErrNotExist) {
			http.Error(w, "There is no such tile.", http.StatusNotFound)
			return
		}
		if err != nil {
			l.log.ErrorContext(r.Context(), "a tile cannot be read", "path", path, "err", err)
			w.Header().Set("Retry-After", "2")
			http.Error(w, "The tile cannot be read at the moment.", http.StatusServiceUnavailable)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Access-Control-Allow-Origin", "*")
		if strings.HasPrefix(path, "tile/entries/") && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			h.Set("Vary", "Accept-Encoding")
			z := gzip.NewWriter(w)
			send(z, b)
			if err := z.Close(); err != nil {
				l.log.DebugContext(r.Context(), "a client went away", "err", err)
			}
			return
		}
		send(w, b)
	})
	return mux
}

// send writes an answer. A client that went away is nobody's trouble.
func send(w io.Writer, b []byte) { _, _ = w.Write(b) }
