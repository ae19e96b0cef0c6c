package rights

import (
	"embed"
	"net/http"

	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var minePage = web.NewPage[mineView](pageFiles, "pages/mine.html")

type mineView struct {
	web.View
	Copy web.Action
}

// mine is where people begin who want to use one of their rights.
func (d *Rights) mine(w http.ResponseWriter, r *http.Request) error {
	v := mineView{View: web.ViewOf(r, "Your rights")}
	v.Lead = "What the law and our statement let you ask for. Most of it is done at once; for the rest you see by when it is."
	v.Again = web.SignInAgain(r, d.Now(), "Taking a copy")
	v.Copy = web.Action{Label: "Take a copy", Icon: "download", Href: "/portal/rights/copy", Post: true, Primary: true}
	return minePage.Render(w, r, http.StatusOK, v)
}
