package invoice

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed fragment.html
var fragmentText string

var fragment = template.Must(template.New("invoice").Parse(fragmentText))

// HTML writes the record as a fragment for a page: the same words and figures
// as on the PDF, with the classes of Loot's style sheet and without styles and
// scripts of its own. How to pay is left out unless something is to be paid yet.
func (r *Record) HTML(w io.Writer, toPay bool) error {
	v := r.view()
	if !toPay {
		v.Payment = nil
	}
	return fragment.ExecuteTemplate(w, "invoice", v)
}
