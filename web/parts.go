package web

import (
	"net/url"
	"strconv"
	"time"

	"loot"
)

// A Crumb is a step of the way to a page, the nearest last. The page itself
// is not among them.
type Crumb struct{ Label, Href string }

// An Action is a link or, with Post, a button that sends a form with nothing
// but Hidden in it.
type Action struct {
	Label, Icon, Href string
	Primary           bool
	Danger            bool
	Small             bool
	Post              bool
	Hidden            []Hidden
	Confirm           string // with Post: asked in a dialog before it is sent
	Disabled          bool
}

// Hidden is a value that a form carries along.
type Hidden struct{ Name, Value string }

// DialogID names the dialog that asks for the confirmation.
func (a Action) DialogID() string {
	id := "d"
	for _, c := range a.Href {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			id += string(c)
		} else {
			id += "-"
		}
	}
	for _, h := range a.Hidden {
		id += "-" + h.Value
	}
	return id
}

// An Alert is a message within a page.
type Alert struct {
	Tone    Tone
	Title   string
	Text    string
	List    []string
	Actions []Action
}

// Icon returns the icon that goes with the tone.
func (a Alert) Icon() string { return a.Tone.Icon() }

// Icon returns the icon that goes with a tone.
func (t Tone) Icon() string {
	switch t {
	case Good:
		return "circle-check"
	case Warn:
		return "triangle-alert"
	case Bad:
		return "circle-alert"
	case Info, Neutral:
	}
	return "info"
}

// A Badge is a state in one or two words.
type Badge struct {
	Tone Tone
	Text string
	Icon string
}

// A Stat is one number with what it counts.
type Stat struct {
	Label string
	Value string
	Note  string
	Href  string
	Icon  string
	Tone  Tone
}

// A Fact is one row of a list of terms.
type Fact struct {
	Term   string
	Value  string
	Href   string // of a page about it; empty: there is none
	Note   string
	Badge  *Badge
	Code   bool // is an id or a hash
	Mail   bool // is an e-mail address
	Action *Action
}

// An Event is one entry of a timeline.
type Event struct {
	At      time.Time
	Icon    string
	Tone    Tone
	Title   string
	Text    string
	Who     string
	Clause  loot.Clause
	Href    string // of the clause
	Facts   []Fact
	Badge   *Badge
	Actions []Action
}

// A Day is the events of one day.
type Day struct {
	Date   time.Time
	Events []Event
}

// Days groups events, which come in their order, by day.
func Days(events []Event) []Day {
	var days []Day
	for _, e := range events {
		date := e.At.UTC().Truncate(24 * time.Hour)
		if n := len(days); n == 0 || !days[n-1].Date.Equal(date) {
			days = append(days, Day{Date: date})
		}
		last := &days[len(days)-1]
		last.Events = append(last.Events, e)
	}
	return days
}

// Empty is what stands where nothing is yet.
type Empty struct {
	Icon, Title, Text string
	Action            *Action
}

// A Tab leads to one of several pages on the same thing.
type Tab struct {
	Label, Href, Icon string
	Current           bool
	Count             string
}

// A Rule is what runs for a clause: in plain words, and as code.
type Rule struct {
	Title  string
	Plain  []string
	Code   string
	Syntax string // "cedar", "yaml" or "json"
	Open   bool
	Lines  string // where in the statement, such as "lines 120–131"
}

// A Pager leads through a list that is too long for one page. Lists go on
// from the last entry shown, not by number, so there is no last page.
type Pager struct {
	Shown string // such as "50 of 100 000"
	Prev  string // address; empty: none
	Next  string
}

// After returns the address of the page that goes on after the entry given,
// keeping what else was asked for.
func After(at *url.URL, after string) string {
	q := at.Query()
	if after == "" {
		q.Del("after")
	} else {
		q.Set("after", after)
	}
	if len(q) == 0 {
		return at.Path
	}
	return at.Path + "?" + q.Encode()
}

// A Dialog asks before something is done. It opens from a button that names
// it, without a script.
type Dialog struct {
	ID, Title, Text string
	Fields          Fields
	Confirm         Action
}

// A Step is one of a few that lead to an end.
type Step struct {
	Label string
	State string // "done", "current" or empty
}

// Steps returns steps of which the n-th, from 1, is the current one.
func Steps(n int, labels ...string) []Step {
	steps := make([]Step, len(labels))
	for i, l := range labels {
		steps[i] = Step{Label: strconv.Itoa(i+1) + ". " + l}
		switch {
		case i+1 < n:
			steps[i].State = "done"
		case i+1 == n:
			steps[i].State = "current"
		}
	}
	return steps
}

// A Secret is a value that is hidden until somebody asks to see it, which is
// a use of its own and therefore a form.
type Secret struct {
	Shown    string // masked, or in the clear once revealed
	Masked   bool
	Reveal   Action // with Post
	Why      string // why it is masked
	Copyable bool
}
