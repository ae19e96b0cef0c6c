package partners

import (
	"embed"
	"time"

	"loot"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	listPage    = web.NewPage[listView](pageFiles, "pages/list.html")
	partnerPage = web.NewPage[partnerView](pageFiles, "pages/partner.html")
	noticePage  = web.NewPage[noticeView](pageFiles, "pages/notice.html")
	personPage  = web.NewPage[personView](pageFiles, "pages/person.html")
	minePage    = web.NewPage[mineView](pageFiles, "pages/mine.html")
)

type listView struct {
	web.View
	Partners []listRow
	Open     []deletionRow
}

type listRow struct {
	Title     string
	Href      string
	Country   string
	Agreement web.Badge
	Notice    web.Badge
	People    int // who have something there
	Waiting   int // requests to delete that are open
}

type deletionRow struct {
	ID        string
	Partner   string
	Href      string
	Reference string
	Purpose   string
	Why       string
	Made      time.Time
	Sent      time.Time
	Letters   int
	State     web.Badge
	Confirm   bool // whoever looks may confirm it
	Note      string
}

type agreementRow struct {
	Href       string // of the document
	Signed     time.Time
	Ends       time.Time
	Purposes   string
	Categories string
	Country    string
	Processors []string
	Signers    string
	Hash       string
	Author     string
	State      web.Badge
}

type noticeRow struct {
	Href    string // of the letter
	What    string
	Words   string
	Made    time.Time
	Told    int
	Objects int
	Due     time.Time
	State   web.Badge
	End     *web.Action
}

type deliveryRow struct {
	ID      string
	Began   time.Time
	Way     string
	Purpose string
	Who     string
	People  int
	Hash    string
	Receipt time.Time
	State   web.Badge
	Why     string // it did not go; empty: it did, or nothing was said
}

type partnerView struct {
	web.View
	Key        string
	Facts      []web.Fact
	Keeper     bool
	Agreements []agreementRow
	Notices    []noticeRow
	Deliveries []deliveryRow
	Deletions  []deletionRow
	Notes      []noteRow
	Token      string // shown this once
	Public     string // key that signs answers
	ServerKey  string // by which we sign in on servers
	Verifier   string // key that signs notes
	Standing   bool   // an agreement stands

	Agreement, Revoke, Notice, Company, Feed web.Fields
	Wrong                                    map[string]*web.Problems
}

// A noticeView shows the letter of a notice, before it goes or afterwards.
type noticeView struct {
	web.View
	Key     string
	Facts   []web.Fact
	Subject string
	Letter  string
	Send    []web.Hidden // what is sent to have it go; none: it is only shown
	Button  string
}

type noteRow struct {
	At   time.Time
	Who  string
	What string
	Text string
}

type personView struct {
	web.View
	Key     string
	Form    web.Fields
	Wrong   *web.Problems
	Subject loot.Subject
	Purpose string
	Preview []previewRow
	Refused string // why it would not go; empty: it would
	Send    []web.Hidden
	Reason  web.Fields
}

type previewRow struct {
	Title string
	Value string
}
