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

	noticePage = web.NewPage[noticeView](pageFiles, "pages/notice.html")
	printPage  = web.NewPage[printView](pageFiles, "pages/print.html")
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
	Incident           incidentView
	Owner              string
	Found              *vault.Difference // of a reconciliation; nil: it is no such incident
	Mine               bool
	Alone              bool       // nobody else could deal with it
	Second             bool       // somebody other than its owner could close it
	Closes             bool       // whoever looks may close it
	Concerns           string     // the colleague whom it is about; empty: nobody
	Refused            string     // why whoever looks may not deal with it; empty: they may
	Unsigned           *web.Alert // they may not even read what was done; nil: they may
	Days               []web.Day
	Assessed           assessment
	Kinds              string // of details, in words
	Regulator, Persons string // what is decided about them, in words
	Measures           []measureView
	Notices            []noticeRow
	Regions            []region
	Work               []personForm // about the risk and the measures
	People             []personView
	Forms              []personForm // about the people
	Form               web.Fields
	Wrong              *web.Problems
}

// A personForm is one of the forms of an incident's page beside the next step.
type personForm struct {
	Which  string
	Title  string
	Button string
	Form   web.Fields
	Wrong  *web.Problems
}
