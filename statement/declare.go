package statement

import (
	"time"

	"loot"
)

// A Front is the front matter of a statement.
type Front struct {
	Version    string     `yaml:"version" json:"version"` // such as "2026-1"
	Title      string     `yaml:"title" json:"title"`
	Controller Controller `yaml:"controller" json:"controller"`
	Contact    string     `yaml:"contact" json:"contact"`          // address for questions about the statement
	LogKey     string     `yaml:"log_key" json:"log_key"`          // verifier key of the ledger (C2SP signed-note); empty: the one that the server shows
	Effective  time.Time  `yaml:"effective" json:"effective"`      // the day for which it is announced, when it takes effect unless it was agreed to too late
	Changed    time.Time  `yaml:"changed" json:"changed,omitzero"` // when it was last changed
	NoticeDays int        `yaml:"notice_days" json:"notice_days"`  // how long a change is announced before it takes effect
	KeyDays    int        `yaml:"key_days" json:"key_days"`        // how long an epoch of keys and its backups live: after erasure plus this nothing can be recovered
	Regions    []string   `yaml:"regions" json:"regions"`          // "eu", "uk", "us", "ca", "other"
	Links      string     `yaml:"links" json:"links,omitempty"`    // to other sites: "direct", or over a "notice" that says where they lead; empty: direct
}

// A Controller is the company that answers for the data.
type Controller struct {
	Name    string `yaml:"name" json:"name"`
	Address string `yaml:"address" json:"address"`
	Email   string `yaml:"email" json:"email"`
}

// A Chapter is a level-two heading and the clauses under it.
type Chapter struct {
	Title   string        `json:"title"`
	Intro   string        `json:"intro,omitempty"` // rendered prose before its first clause; safe as [Clause.HTML] is
	Clauses []loot.Clause `json:"clauses"`
}

// A Clause is one promise: a level-three heading with an id.
type Clause struct {
	ID      loot.Clause `json:"id"`
	Chapter string      `json:"chapter"` // the level-two heading above it
	Title   string      `json:"title"`
	Prose   string      `json:"prose"`             // Markdown without the fenced blocks
	HTML    string      `json:"-"`                 // Prose rendered; safe: raw HTML in a statement is refused
	Planned bool        `json:"planned,omitempty"` // its desk is not there yet
	NoRule  string      `json:"norule,omitempty"`  // why it has no rule; empty: it has
	Rules   []Rule      `json:"rules,omitempty"`   // in statement order, written and generated
	Line    int         `json:"line"`
}

// A Rule is one Cedar policy under a clause.
type Rule struct {
	ID        string      `json:"id"` // clause id, "#" and its number in the clause from 1
	Clause    loot.Clause `json:"clause"`
	Forbid    bool        `json:"forbid,omitempty"`
	Generated bool        `json:"generated,omitempty"` // from a table of declarations
	Text      string      `json:"text"`                // as it stands in the statement or was generated
	Words     string      `json:"words"`               // the same in plain language
	Line      int         `json:"line"`
	Col       int         `json:"column"`
}

// A Purpose is a declared reason for using data.
type Purpose struct {
	ID     loot.Purpose  `yaml:"-" json:"id"`
	Clause loot.Clause   `yaml:"-" json:"clause"`
	Title  string        `yaml:"title" json:"title"`              // "Drawing invoices"
	Why    string        `yaml:"why" json:"why,omitempty"`        // a sentence for the customer
	Basis  string        `yaml:"basis" json:"basis"`              // "contract", "duty", "permission", "interest"
	Law    string        `yaml:"law" json:"law,omitempty"`        // for a duty: the law that is named
	DPV    string        `yaml:"dpv" json:"dpv,omitempty"`        // W3C DPV term, such as "dpv:ServiceProvision"
	Keep   Span          `yaml:"retain" json:"retain,omitzero"`   // how long data is kept for it after the service, the permission or the case ended
	Retain time.Duration `yaml:"-" json:"retain_about,omitempty"` // about the same as Keep, never shorter; a deadline comes from [Span.After]
}

// A Category is a kind of data with one level.
type Category struct {
	ID    loot.Category `yaml:"-" json:"id"`
	Title string        `yaml:"title" json:"title"`
	Level int           `yaml:"level" json:"level"`
	DPV   string        `yaml:"dpv" json:"dpv,omitempty"`
}

// A Level says how confidential data of a category is treated.
type Level struct {
	Level     int    `yaml:"-" json:"level"`
	Title     string `yaml:"title" json:"title"`
	Mask      string `yaml:"mask" json:"mask"`           // what is shown before a field is revealed: "none", "partly", "fully"
	Approvals int    `yaml:"approvals" json:"approvals"` // people other than the requester who must approve an opening by staff
}

// A CollectionDecl is a way in.
type CollectionDecl struct {
	ID          loot.Collection `yaml:"-" json:"id"`
	Title       string          `yaml:"title" json:"title"`
	Way         string          `yaml:"way" json:"way,omitempty"` // "order", "subscribe", "apply", or empty: none of the three identifying ways
	Identifying bool            `yaml:"identifying" json:"identifying,omitempty"`
	Purposes    []loot.Purpose  `yaml:"purposes" json:"purposes"`         // the only purposes its records may be used for
	Subject     string          `yaml:"subject" json:"subject,omitempty"` // DPV data subject, such as "dpv:Customer"
}

// A FieldDecl is one item of data that is asked.
type FieldDecl struct {
	ID          loot.Field              `yaml:"-" json:"id"`
	Title       string                  `yaml:"title" json:"title"` // label in forms
	Hint        string                  `yaml:"hint" json:"hint,omitempty"`
	Category    loot.Category           `yaml:"category" json:"category"`
	Collections []loot.Collection       `yaml:"collections" json:"collections"`
	Type        string                  `yaml:"type" json:"type"` // "text", "email", "tel", "country", "language", "vat", "iban", "lines"
	Max         int                     `yaml:"max" json:"max,omitempty"`
	Identifying bool                    `yaml:"identifying" json:"identifying,omitempty"`
	Index       bool                    `yaml:"index" json:"index,omitempty"`       // can be looked up by exact value
	Needed      map[loot.Purpose]string `yaml:"needed" json:"needed"`               // purpose to what cannot be done without it; every field has one or more
	Services    []string                `yaml:"services" json:"services,omitempty"` // services that cannot be ordered without it; "*": any; empty: always optional
	Since       time.Time               `yaml:"since" json:"since,omitzero"`        // effective date of the version that first asks for it
}

// A CheckDecl says when details of a category that were checked are looked at
// again. Where a category has none, they are not, by date.
type CheckDecl struct {
	ID    loot.Category `yaml:"-" json:"category"`
	Again Span          `yaml:"again" json:"again"` // how long after a check
}

// An Offer is a permission that is offered, and off until it is given but for where
// it is assumed.
type Offer struct {
	ID        string       `yaml:"-" json:"id"`
	Clause    loot.Clause  `yaml:"-" json:"clause"`
	Title     string       `yaml:"title" json:"title"`
	Text      string       `yaml:"text" json:"text,omitempty"`
	Purpose   loot.Purpose `yaml:"purpose" json:"purpose"`
	Recipient string       `yaml:"recipient" json:"recipient"`       // key of a recipient; "self": the company
	Assumed   []string     `yaml:"assumed" json:"assumed,omitempty"` // countries (ISO 3166-1 alpha-2) in which it stands for whoever never chose, until it is withdrawn
}

// A Recipient is somebody who may be disclosed to.
type Recipient struct {
	Key         string         `yaml:"-" json:"key"`
	Title       string         `yaml:"title" json:"title"`
	Kind        string         `yaml:"kind" json:"kind"` // "self", "partner", "authority", "court", "sponsor"
	Country     string         `yaml:"country" json:"country,omitempty"`
	Cooperation []loot.Purpose `yaml:"cooperation" json:"cooperation,omitempty"` // compatible purposes: agreement, notice and objection suffice
}

// A RoleDecl is what a member of staff is employed for.
type RoleDecl struct {
	ID          loot.Role      `yaml:"-" json:"id"`
	Title       string         `yaml:"title" json:"title"`
	Purposes    []loot.Purpose `yaml:"purposes" json:"purposes,omitempty"`       // purposes for which it may open records
	Named       bool           `yaml:"named" json:"named,omitempty"`             // the customer sees the person's name in the timeline, else the role only
	Approves    bool           `yaml:"approves" json:"approves,omitempty"`       // may approve as a second person
	Administers bool           `yaml:"administers" json:"administers,omitempty"` // administers accounts and keys, and so holds no approving role
}

// Shown says who acts in the role as whom it is about is told: by the job or, where the
// statement says so, by name and job. The zero RoleDecl is a job that is not known.
func (d RoleDecl) Shown(name string) string {
	switch {
	case d.Title == "":
		return "A member of staff"
	case d.Named && name != "":
		return name + ", " + d.Title
	}
	return d.Title
}

// A DeskDecl is a part of the program that acts on its own.
type DeskDecl struct {
	Name     string         `yaml:"-" json:"name"`
	Title    string         `yaml:"title" json:"title"`
	Purposes []loot.Purpose `yaml:"purposes" json:"purposes,omitempty"`
}

// Shown says which part of the program acts as whom it is about is told, by what it
// does. The zero DeskDecl is a part that is not known.
func (d DeskDecl) Shown() string {
	if d.Title == "" {
		return "Our program"
	}
	return "Our program: " + loot.LowerFirst(d.Title)
}

// A ServiceDecl is a service that can be ordered, with the purposes it needs.
type ServiceDecl struct {
	ID       string         `yaml:"-" json:"id"`
	Title    string         `yaml:"title" json:"title"`
	Text     string         `yaml:"text" json:"text,omitempty"`
	Purposes []loot.Purpose `yaml:"purposes" json:"purposes"`
}

// A TopicDecl is what a mailing can be about.
type TopicDecl struct {
	ID    string `yaml:"-" json:"id"`
	Title string `yaml:"title" json:"title"`
	Text  string `yaml:"text" json:"text,omitempty"`
}

// A SenderDecl is in whose name a mailing goes out.
type SenderDecl struct {
	Key   string `yaml:"-" json:"key"`
	Title string `yaml:"title" json:"title"`
}

// An ItemDecl is something that is stored on or read from a visitor's device.
type ItemDecl struct {
	ID       string       `yaml:"-" json:"id"`
	Clause   loot.Clause  `yaml:"-" json:"clause"`
	Title    string       `yaml:"title" json:"title"`
	Kind     string       `yaml:"kind" json:"kind"` // "cookie", "pixel", "storage", "device", "sdk"
	Purpose  loot.Purpose `yaml:"purpose" json:"purpose"`
	Lifetime string       `yaml:"lifetime" json:"lifetime"` // "session" or a span such as "30d" or "1min"
	Owner    string       `yaml:"owner" json:"owner,omitempty"`
	Third    bool         `yaml:"third" json:"third,omitempty"`
	Without  string       `yaml:"without" json:"without"` // what stops working without it
}

// A TagDecl is a third-party script or picture that a page can load.
type TagDecl struct {
	ID      string       `yaml:"-" json:"id"`
	Clause  loot.Clause  `yaml:"-" json:"clause"`
	Title   string       `yaml:"title" json:"title"`
	Purpose loot.Purpose `yaml:"purpose" json:"purpose"`
	Owner   string       `yaml:"owner" json:"owner,omitempty"`
	Third   bool         `yaml:"third" json:"third,omitempty"`
	Without string       `yaml:"without" json:"without"`
}

// A SignalDecl is the answer to a signal of the browser or the device, by region.
type SignalDecl struct {
	ID      string            `yaml:"-" json:"id"` // "gpc", "dnt", "lat"
	Clause  loot.Clause       `yaml:"-" json:"clause"`
	Answers map[string]string `yaml:"-" json:"answers"` // region to "honour" or "none"; every region of the statement has one
}

// Honours reports whether the signal is honoured for visitors of the region.
func (d SignalDecl) Honours(region string) bool {
	if a, ok := d.Answers[region]; ok {
		return a == "honour"
	}
	return d.Answers["other"] == "honour"
}
