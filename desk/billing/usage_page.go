package billing

import (
	"fmt"
	"net/http"

	"loot"
	"loot/web"
)

var usePage = web.NewPage[usageView](pageFiles, "pages/usage.html")

type usageView struct {
	web.View
	Form    web.Fields
	Wrong   *web.Problems
	Rows    []RowError
	Columns []string
	Most    string
}

func usageFields() web.Fields {
	return web.Fields{{Name: "file", Type: "file", Label: "File", Accept: ".csv,text/csv", Required: true, Plain: true, Hint: "CSV in UTF-8."}}
}

// usagePage shows where a file of what was used is sent.
func (b *Billing) usagePage(w http.ResponseWriter, r *http.Request) error {
	return showUsage(w, r, http.StatusOK, nil, nil)
}

func showUsage(w http.ResponseWriter, r *http.Request, status int, wrong error, rows []RowError) error {
	form := usageFields().With(nil, wrong)
	v := usageView{View: web.ViewOf(r, "Record use"), Form: form, Wrong: web.ProblemsOf(wrong, form), Rows: rows, Columns: columns}
	v.Most = fmt.Sprintf("%s and %s rows", web.Bytes(mostCSV), web.Number(mostRows))
	v.Crumbs = []web.Crumb{{Label: "Services", Href: "/console/billing"}}
	v.Lead = "What services used, from a file. Programs send the same to the API."
	return usePage.Render(w, r, status, v)
}

// uploadUsage records a file, whole or not at all.
func (b *Billing) uploadUsage(w http.ResponseWriter, r *http.Request) error {
	_, files, err := web.Upload(r, mostCSV)
	if err != nil {
		return err
	}
	wrong := func(err error) error {
		status := http.StatusUnprocessableEntity
		if loot.KindOf(err) == loot.TooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		return showUsage(w, r, status, web.Invalid("", map[string]string{"file": loot.Message(err)}), nil)
	}
	if len(files["file"]) != 1 {
		return wrong(loot.Errorf(loot.Invalid, "Please choose one file."))
	}
	all, rows, err := readUsage(files["file"][0].Content, b.seller.place())
	if k := loot.KindOf(err); k == loot.Invalid || k == loot.TooLarge {
		return wrong(err)
	}
	if err != nil {
		return err
	}
	var taken Taken
	if len(rows) == 0 {
		if taken, err = b.record(r.Context(), web.ActorOf(r.Context()), all, true); err != nil {
			return err
		}
		for _, one := range taken.Refused[:min(len(taken.Refused), mostWrong)] {
			rows = append(rows, RowError{all[one.Index].row, one.Why})
		}
	}
	if len(rows) > 0 {
		return showUsage(w, r, http.StatusUnprocessableEntity, web.Invalid("", map[string]string{"file": "Nothing was recorded. Put the rows right that are listed below, and send the file again."}), rows)
	}
	web.SetFlash(w, r, web.Good, fmt.Sprintf("%s recorded; %d were there before.", loot.Plural(taken.Added, "row", "rows"), taken.Repeated))
	return web.Redirect(w, r, "/console/billing/usage")
}
