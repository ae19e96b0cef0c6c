package incidents

import (
	"embed"

	"loot/vault"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	listPage = web.NewPage[listView](pageFiles, "pages/list.html")
	showPage = web.NewPage[showView](pageFiles, "pages/show.html")
)

type incidentView struct {
	incident
	Words     string
	About     string // the beginning of the report; empty: found by the program
	OwnerName string
	Href      string
	State     web.Badge
}

type listView struct {
	web.View
	Incidents []incidentView
	Compared  vault.Reconciliation
	Form      web.Fields
	Wrong     *web.Problems
}

type showView struct {
	web.View
	Incident incidentView
	Owner    string
	Found    *vault.Difference // of a reconciliation; nil: it is no such incident
	Mine     bool
	Alone    bool       // nobody else could deal with it
	Concerns string     // the colleague whom it is about; empty: nobody
	Refused  string     // why whoever looks may not deal with it; empty: they may
	Unsigned *web.Alert // they may not even read what was done; nil: they may
	Days     []web.Day
	People   []personView
	Forms    []personForm // about them
	Form     web.Fields
	Wrong    *web.Problems
}

// A personForm is a form about the people concerned.
type personForm struct {
	Which  string
	Title  string
	Button string
	Form   web.Fields
	Wrong  *web.Problems
}
