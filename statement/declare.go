package statement

import (
	"time"

	"loot"
)

// A Front is the front matter of a statement.
type Front struct {
	Version    string     `yaml:"version"` // such as "2026-1"
	Title      string     `yaml:"title"`
	Controller Controller `yaml:"controller"`
	Contact    string     `yaml:"contact"` // address for questions about the statement
	LogKey     string     `yaml:"log_key"` // verifier key of the ledger (C2SP signed-note); empty: the one that the server shows
	Effective  time.Time  `yaml:"effective"`
	Changed    time.Time  `yaml:"changed"`
	NoticeDays int        `yaml:"notice_days"` // how long a change is announced before it takes effect
	KeyDays    int        `yaml:"key_days"`    // how long an epoch of keys and its backups live: after erasure plus this nothing can be recovered
	Regions    []string   `yaml:"regions"`     // "eu", "uk", "us", "ca", "other"
}

// A Controller is the company that answers for the data.
type Controller struct {
	Name    string `yaml:"name"`
	Address string `yaml:"address"`
	Email   string `yaml:"email"`
}

// A Clause is one promise: a level-three heading with an id.
type Clause struct {
	ID      loot.Clause
	Chapter string // the level-two heading above it
	Title   string
	Prose   string // Markdown without the fenced blocks
	HTML    string // Prose rendered; safe: raw HTML in a statement is refused
	Planned bool   // its desk is not there yet
	NoRule  string // why it has no rule; empty: it has
	Rules   []Rule // in statement order, written and generated
	Line    int
}

// A Rule is one Cedar policy under a clause.
type Rule struct {
	ID        string // clause id, "#" and its number in the clause from 1
	Clause    loot.Clause
	Forbid    bool
	Generated bool   // from a table of declarations
	Text      string // as it stands in the statement or was generated
	Words     string // the same in plain language
	Line, Col int
}

// A Purpose is a declared reason for using data.
type Purpose struct {
	ID     loot.Purpose
	Clause loot.Clause
	Title  string        // "Drawing invoices"
	Why    string        // a sentence for the customer
	Basis  string        // "contract", "duty", "permission", "interest"
	Law    string        // for a duty: the law that is named
	DPV    string        // W3C DPV term, such as "dpv:ServiceProvision"
	Retain time.Duration // how long data is kept for it after the service, the permission or the case ended
}

// A Category is a kind of data with one level.
type Category struct {
	ID    loot.Category
	Title string
	Level int
	DPV   string
}

// A Level says how confidential data of a category is treated.
type Level struct {
	Level     int
	Title     string
	Mask      string // what is shown before a field is revealed: "none", "partly", "fully"
	Approvals int    // people other than the requester who must approve an opening by staff
}

// A CollectionDecl is a way in.
type CollectionDecl struct {
	ID          loot.Collection
	Title       string
	Way         string // "order", "subscribe", "apply", or empty: none of the three identifying ways
	Identifying bool
	Purposes    []loot.Purpose // the only purposes its records may be used for
	Subject     string         // DPV data subject, such as "dpv:Customer"
}

// A FieldDecl is one item of data that is asked.
type FieldDecl struct {
	ID          loot.Field
	Title       string // label in forms
	Hint        string
	Category    loot.Category
	Collections []loot.Collection
	Type        string // "text", "email", "tel", "country", "vat", "lines"
	Max         int    // characters
	Identifying bool
	Index       bool                    // can be looked up by exact value
	Needed      map[loot.Purpose]string // purpose to what cannot be done without it; every field has one or more
	Services    []string                // services that cannot be ordered without it; "*": any; empty: always optional
	Since       time.Time               // effective date of the version that first asks for it
}

// A Offer is a permission that is offered, never ticked beforehand.
type Offer struct {
	ID        string
	Clause    loot.Clause
	Title     string
	Text      string
	Purpose   loot.Purpose
	Recipient string // key of a recipient; "self": the company
}

// A Recipient is somebody who may be disclosed to.
type Recipient struct {
	Key, Title, Country string
	Kind                string         // "self", "partner", "authority", "court", "sponsor"
	Cooperation         []loot.Purpose // compatible purposes: agreement, notice and objection suffice
}

// A RoleDecl is what a member of staff is employed for.
type RoleDecl struct {
	ID          loot.Role
	Title       string
	Purposes    []loot.Purpose // purposes for which it may open records
	Named       bool           // the customer sees the person's name in the timeline, else the role only
	Approves    bool           // may approve as a second person
	Administers bool           // administers accounts and keys, and so holds no approving role
}

// A ServiceDecl is a service that can be ordered, with the purposes it needs.
type ServiceDecl struct {
	ID       string
	Title    string
	Text     string
	Purposes []loot.Purpose
}
