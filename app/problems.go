package app

import (
	"net/http"

	"loot"
	"loot/web"
)

var problemsPage = web.NewPage[problemsView](pageFiles, "pages/problems.html")

type problemsView struct {
	web.View
	Problems []loot.Problem
}

// problems explains the kinds of problem that programs are answered with, one
// or all of them.
func (a *App) problems(w http.ResponseWriter, r *http.Request) error {
	data := problemsView{View: web.ViewOf(r, "Problems"), Problems: loot.Problems()}
	data.View.Lead = "What a program is answered when something is not done. Each answer names its kind by the address of a page here."
	if name := r.PathValue("name"); name != "" {
		for _, p := range data.Problems {
			if p.Name == name {
				data.View.Title, data.View.Lead = p.Title, ""
				data.View.Crumbs = []web.Crumb{{Label: "Interface for programs", Href: "/api"}, {Label: "Problems", Href: "/problems"}}
				data.Problems = []loot.Problem{p}
				return problemsPage.Render(w, r, http.StatusOK, data)
			}
		}
		return loot.Errorf(loot.NotFound, "There is no problem of this name.")
	}
	data.View.Crumbs = []web.Crumb{{Label: "Interface for programs", Href: "/api"}}
	return problemsPage.Render(w, r, http.StatusOK, data)
}
