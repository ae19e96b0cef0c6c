package publication

import (
	"embed"
	"html/template"
	"strings"
	"time"

	"loot"
	"loot/ledger"
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
	transparencyPage   = web.NewPage[transparencyView](pageFiles, "pages/transparency.html", "pages/canary.html")
	reportPage         = web.NewPage[reportView](pageFiles, "pages/report.html", "pages/canary.html")
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
	Parts   []partView
	Planned bool
	NoRule  string
	Rule    *web.Rule
}

// A partView is prose and the tables that stand under it.
type partView struct {
	HTML   template.HTML
	Tables []statement.Table
}

type versionsView struct {
	web.View
	Versions []version
}

type differenceView struct {
	web.View
	Version version
	Before  *version // nil: there is no other to compare with
	After   version
	Changes changesView
	Against web.Fields
	Chosen  bool // which versions are compared
}

// A changesView is what changes between two versions, and what those are called.
type changesView struct {
	Was, Becomes string
	List         []changeView
}

// A changeView is one change, as it is read.
type changeView struct {
	What       string // "Text changed"
	Tone       web.Tone
	Clause     loot.Clause
	Title      string
	Before     []string
	After      []string
	BeforeCode string // of a rule
	AfterCode  string
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
	Changes    changesView
	Replay     statement.Replay
	Replayed   []replayedView
	Warnings   []statement.Problem
	Asked      *askedView // its publication waits for others
	MayPublish bool
	Effective  time.Time // when it takes effect if it is published
	Late       string    // why it cannot be
	Form       web.Fields
	Wrong      *web.Problems
}

// An askedView is a request to publish a version.
type askedView struct {
	Who            string
	Made           time.Time
	Effective      time.Time
	Reason         string
	Agreed, Needed int
}

// A replayedView is a kind of decision that comes out differently.
type replayedView struct {
	Title   string // "Use by staff for “Helping you”"
	Times   int
	Verdict string
}

func viewReplay(s *statement.Statement, r statement.Replay) []replayedView {
	verdict := map[bool]string{true: "permitted", false: "refused"}
	out := make([]replayedView, len(r.Changed))
	for i, c := range r.Changed {
		title := strings.ToUpper(string(c.Action[:1])) + string(c.Action[1:]) + " by " + string(c.Actor)
		if c.Purpose != "" {
			name := string(c.Purpose)
			if p, ok := s.Purpose(c.Purpose); ok {
				name = p.Title
			}
			title += " for “" + name + "”"
		}
		out[i] = replayedView{title, c.Times, verdict[c.Before] + " until now, " + verdict[c.After] + " then"}
	}
	return out
}

type ledgerView struct {
	web.View
	Size       int
	Checkpoint string
	Key        string
	Witnesses  []ledger.WitnessKey
	Page       string     // hash of the page that checks proofs
	Check      *checkView // nil: not asked for
}

// A checkView is what checking the whole ledger found.
type checkView struct {
	Entries      int
	Contradicted []string // by witnesses
	Problems     []string // that the ledger shows by itself
	More         int      // beyond those listed
	Against      []string
	Unasked      []unaskedView
}

// An unaskedView is a witness that did not answer.
type unaskedView struct {
	Why  string
	Size int // of the log when it last cosigned; 0: that is not known
	At   time.Time
}

func viewCheck(r ledger.Report) *checkView {
	v := &checkView{Entries: int(r.Size), More: r.More, Against: r.Against}
	for _, p := range r.Problems {
		text := p.Where + ": " + p.Text
		if p.Trouble == ledger.SetBack || p.Trouble == ledger.SecondHistory {
			v.Contradicted = append(v.Contradicted, text)
		} else {
			v.Problems = append(v.Problems, text)
		}
	}
	for _, u := range r.Unasked {
		v.Unasked = append(v.Unasked, unaskedView{u.Why, int(u.Size), u.At})
	}
	return v
}

// viewDiff returns what changes between two versions as it is read.
func viewDiff(was, becomes string, before, after *statement.Statement) changesView {
	changes := statement.Diff(before, after)
	kinds := map[string]string{"front": "Front matter", "text": "Text", "rule": "Rule", "declaration": "Declaration"}
	tones := map[string]web.Tone{"added": web.Good, "removed": web.Warn, "changed": web.Info}
	out := make([]changeView, len(changes))
	for i, c := range changes {
		out[i] = changeView{
			What: kinds[c.Kind] + " " + c.State, Tone: tones[c.State], Clause: c.Clause, Title: c.Title,
			Before: split(c.Before), After: split(c.After), BeforeCode: c.BeforeCode, AfterCode: c.AfterCode,
		}
	}
	return changesView{was, becomes, out}
}

func split(lines string) []string {
	if lines == "" {
		return nil
	}
	return strings.Split(lines, "\n")
}
