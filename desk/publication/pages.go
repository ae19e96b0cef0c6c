package publication

import (
	"embed"
	"html/template"
	"time"

	"loot"
	"loot/statement"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	homePage           = web.NewPage[homeView](pageFiles, "pages/home.html")
	readPage           = web.NewPage[readView](pageFiles, "pages/read.html")
	versionsPage       = web.NewPage[versionsView](pageFiles, "pages/versions.html")
	differencePage     = web.NewPage[differenceView](pageFiles, "pages/difference.html", "pages/changes.html")
	publicLedgerPage   = web.NewPage[ledgerView](pageFiles, "pages/public-ledger.html")
	consolePage        = web.NewPage[consoleView](pageFiles, "pages/console.html")
	consoleVersionPage = web.NewPage[consoleVersionView](pageFiles, "pages/console-version.html", "pages/changes.html")
	ledgerPage         = web.NewPage[ledgerView](pageFiles, "pages/ledger.html")
)

type homeView struct {
	web.View
	Controller string
	Version    string
	Since      time.Time
	Services   []statement.ServiceDecl
	Kept       int // clauses in force
	Entries    int // of the ledger; -1: cannot be said now
}

type readView struct {
	web.View
	Front    statement.Front
	Version  version
	Hash     string
	Key      string // of the ledger
	Solo     bool   // one person runs the installation
	Intro    template.HTML
	Chapters []chapterView
	Kept     int
	Planned  int
}

type chapterView struct {
	Title   string
	Intro   template.HTML
	Clauses []clauseView
}

type clauseView struct {
	ID      loot.Clause
	Title   string
	HTML    template.HTML
	Planned bool
	NoRule  string
	Rule    *web.Rule
}

type versionsView struct {
	web.View
	Versions []version
}

type differenceView struct {
	web.View
	Version version
	Before  *version
	Changes []changeView
}

// A changeView is one change, as it is read.
type changeView struct {
	What   string // "Text", "Rule", "Declaration"
	Tone   web.Tone
	Clause loot.Clause
	Title  string
	Before string
	After  string
}

type consoleView struct {
	web.View
	Versions   []version
	Typed      string
	Problems   []statement.Problem
	MayPublish bool
}

type consoleVersionView struct {
	web.View
	Version    version
	Hash       string
	Before     *version
	Changes    []changeView
	Replay     statement.Replay
	Warnings   []statement.Problem
	MayPublish bool
	Form       web.Fields
	Wrong      *web.Problems
}

type ledgerView struct {
	web.View
	Size       int
	Checkpoint string
	Key        string
	Check      *checkView // nil: not asked for
}

// A checkView is what checking the whole ledger found.
type checkView struct {
	OK       bool
	Entries  int
	Problems []string
}

// viewDiff returns the changes as they are read.
func viewDiff(changes []statement.Change) []changeView {
	kinds := map[string]string{"front": "Front matter", "text": "Text", "rule": "Rule", "declaration": "Declaration"}
	out := make([]changeView, len(changes))
	for i, c := range changes {
		v := changeView{What: kinds[c.Kind] + " changed", Tone: web.Info, Clause: c.Clause, Title: c.What, Before: c.Before, After: c.After}
		switch {
		case c.Before == "":
			v.What, v.Tone = kinds[c.Kind]+" added", web.Good
		case c.After == "":
			v.What, v.Tone = kinds[c.Kind]+" removed", web.Warn
		}
		out[i] = v
	}
	return out
}
