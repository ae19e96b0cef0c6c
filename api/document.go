package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// A document is the description of the API in its two writings.
type document struct{ json, yaml []byte }

func (a *API) build() (document, error) {
	j, err := json.MarshalIndent(a.huma.OpenAPI(), "", "  ")
	if err != nil {
		return document{}, fmt.Errorf("api: document: %w", err)
	}
	y, err := a.huma.OpenAPI().YAML()
	if err != nil {
		return document{}, fmt.Errorf("api: document: %w", err)
	}
	return document{append(j, '\n'), y}, nil
}

func (a *API) serveDocument(pick func(document) ([]byte, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d, err := a.doc()
		if err != nil {
			a.opts.Log.ErrorContext(r.Context(), "no document", "err", err)
			http.Error(w, "The description cannot be shown.", http.StatusInternalServerError)
			return
		}
		b, kind := pick(d)
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Length", strconv.Itoa(len(b)))
		h.Set("Cache-Control", "no-cache")
		h.Set("Access-Control-Allow-Origin", "*") // it is public, and tools on other origins read it
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		if _, err := w.Write(b); err != nil && r.Context().Err() == nil {
			a.opts.Log.WarnContext(r.Context(), "document cut short", "err", err)
		}
	}
}
