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
	Ref       string
	Title     string // what it is called by whoever looks
	Words     string // what it is, which everybody sees
	About     string // what stands beside the title; empty: nothing
	OwnerName string
	Href      string
	State     web.Badge
}

// showReport puts the beginning of a report on the page, for those who may read it. What
// was reported has no other name; what was declared or found has.
func (v *incidentView) showReport(report string) {
	v.About = beginning(report)
	if v.What == "reported" && v.About != "" {
		v.Title, v.About = v.About, v.Words
	}
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
	Alone              bool        // nobody else could deal with it
	Second             bool        // somebody other than its owner could close it
	Closes             bool        // whoever looks may close it
	Concerns           string      // the colleague whom it is about; empty: nobody
	Reported           bool        // by whoever looks
	Reads              bool        // whoever looks may read what was written about it
	Record             *recordView // the way to a record in an emergency; nil: there is none
	Refused            string      // why whoever looks may not deal with it; empty: they may
	Unsigned           *web.Alert  // they may not even read what was done; nil: they may
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
