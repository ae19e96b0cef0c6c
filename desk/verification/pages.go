package verification

import (
	"embed"
	"time"

	"loot"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	minePage  = web.NewPage[mineView](pageFiles, "pages/mine.html")
	wrongPage = web.NewPage[wrongView](pageFiles, "pages/wrong.html")
	queuePage = web.NewPage[queueView](pageFiles, "pages/queue.html")
	casePage  = web.NewPage[caseView](pageFiles, "pages/case.html")
)

type mineView struct {
	web.View
	Details  []detailView
	Ask      web.Fields // nil: nothing can be checked
	Wrong    *web.Problems
	Requests []requestView
	Reports  []reportView
}

// A detailView is one detail and its last check.
type detailView struct {
	Title string
	State web.Badge
	Last  look
	Was   bool // it was checked
}

type requestView struct {
	Title    string
	Asked    time.Time
	Due      time.Time
	Answered time.Time // zero: open
	Late     bool
	Over     bool     // it is answered
	Attached []string // files of theirs, in a few words
	Answers  []answeredView
}

type answeredView struct {
	Title   string
	State   web.Badge
	Methods string
	Result  string
	Reason  string // of a colleague
}

// A reportView is a mistake that was reported, or a detail that a colleague found
// wrong.
type reportView struct {
	Title   string
	Mistake bool
	Invoice string
	Line    int // of the invoice; 0: it is about a detail
	At, Due time.Time
	Closed  time.Time
	Said    string

	Attached []string // files of theirs, in a few words

	Reason  string
	Answer  web.Badge
	Correct string // where it is put right; empty: nothing is to be done
	Written []Written
	Left    string // what stays of earlier invoices; empty: nothing does
}

type wrongView struct {
	web.View
	Form    web.Fields
	Wrong   *web.Problems
	Told    *web.Alert // it was reported already; nil: not yet
	Correct string     // where they put it right themselves; empty: they cannot
}

type matterView struct {
	matter
	Title     string
	KindTitle string
	Href      string
	State     web.Badge
	Owned     string // who deals with it; empty: nobody
}

type queueView struct {
	web.View
	Tabs       []web.Tab
	Of         string       // the list; empty: the open ones
	Customer   loot.Subject // whose cases; empty: everybody's
	Filter     web.Fields
	Narrowed   bool   // some are left out by kind or detail
	Everything string // where they are not
	Cases      []matterView
	Pager      web.Pager
}

type caseView struct {
	web.View
	Case       matterView
	Customer   string // address of the record
	Last       look
	Was        bool // it was checked
	Second     bool // the level asks for a second person
	Decider    string
	Agreed     string
	Barred     *web.Alert // whoever looks may not deal with it; nil: they may
	Refusal    *web.Refusal
	Asked      *web.Alert // how it stands with the agreement of others to a look; nil: nobody is asked
	Opened     bool
	Read       bool   // what the customer wrote was opened
	Value      string // as the level covers it
	Covered    bool
	Notes      []noteView
	Proposed   string   // decision that waits for a second person
	Correction string   // value that waits with it
	Unseen     bool     // there is one, which opens with what it would replace
	Waiting    []string // numbers of the invoices that wait with it to be written again
	Written    []Written
	Left       int    // earlier invoices that say the wrong value, too
	Approval   string // of the others for a look; empty: none is given
	Evidence   []evidenceView
	Attach     web.Fields // nil: nothing is attached any longer
	Form       web.Fields
	Agree      web.Fields
	Wrong      *web.Problems
}

type noteView struct {
	At   time.Time
	Who  string
	What string
	Text string

	Closed bool // it opens with the value
}
