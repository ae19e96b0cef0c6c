package invoice

import (
	"bytes"
	"encoding/xml"
)

// guideline is the specification that the documents keep (BT-24): EN 16931-1
// itself, without an extension.
const guideline = "urn:cen.eu:en16931:2017"

// A writer writes XML, the same bytes for the same calls. An element without
// text or without children is left out: the rules of the standard ask for that.
type writer struct {
	buf   bytes.Buffer
	open  []string // what stands open
	began []int    // where each began, and where its content begins
}

func newWriter(root string, namespaces ...string) *writer {
	w := &writer{}
	w.buf.WriteString(`<?xml version="1.0" encoding="UTF-8"?>`)
	w.start(root, namespaces...)
	return w
}

func (w *writer) start(name string, attributes ...string) {
	w.open, w.began = append(w.open, name), append(w.began, w.buf.Len())
	w.tag(name, attributes)
	w.began = append(w.began, w.buf.Len())
}

func (w *writer) end() {
	last := len(w.open) - 1
	name, from, content := w.open[last], w.began[2*last], w.began[2*last+1]
	w.open, w.began = w.open[:last], w.began[:2*last]
	if w.buf.Len() == content {
		w.buf.Truncate(from)
		return
	}
	w.indent()
	w.buf.WriteString("</" + name + ">")
}

// in writes an element around what inside writes.
func (w *writer) in(name string, inside func()) {
	w.start(name)
	inside()
	w.end()
}

// text writes an element with a text. Attributes are names and values in turn;
// one without a value is left out.
func (w *writer) text(name, text string, attributes ...string) {
	if text == "" {
		return
	}
	w.tag(name, attributes)
	_ = xml.EscapeText(&w.buf, []byte(text)) // a buffer takes everything
	w.buf.WriteString("</" + name + ">")
}

func (w *writer) tag(name string, attributes []string) {
	w.indent()
	w.buf.WriteString("<" + name)
	for i := 0; i < len(attributes); i += 2 {
		if attributes[i+1] == "" {
			continue
		}
		w.buf.WriteString(" " + attributes[i] + `="`)
		_ = xml.EscapeText(&w.buf, []byte(attributes[i+1]))
		w.buf.WriteByte('"')
	}
	w.buf.WriteByte('>')
}

func (w *writer) indent() {
	w.buf.WriteByte('\n')
	depth := len(w.open)
	if len(w.began) == 2*depth-1 { // the element that is being opened
		depth--
	}
	for range depth {
		w.buf.WriteByte(' ')
	}
}

func (w *writer) bytes() []byte {
	for len(w.open) > 0 {
		w.end()
	}
	w.buf.WriteByte('\n')
	return w.buf.Bytes()
}

// optional returns a number, and nothing for 0.
func optional(d Decimal, places int) string {
	if d.IsZero() {
		return ""
	}
	return d.Fixed(places)
}

func line(lines []string, i int) string {
	if i >= len(lines) {
		return ""
	}
	return lines[i]
}
