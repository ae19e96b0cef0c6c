package statement

import (
	"time"

	"loot"
)

// An Input is everything a decision depends on. It holds no identifier of a
// person, so that it can be kept with the ledger's facts and decided again
// under another version of the statement (see [Statement.Decide]).
type Input struct {
	Action  loot.Action `json:"action"`
	Actor   Actor       `json:"actor"`
	Record  Record      `json:"record,omitzero"`  // resource of collect, use, find, transfer, sponsor, answer, export, erase, analyse
	Person  Person      `json:"person,omitzero"`  // whose record it is; resource of contact
	Item    Item        `json:"item,omitzero"`    // resource of store and load
	Context Context     `json:"context,omitzero"` // the circumstances
}

// An Actor is the principal: who opens, asks or, for a disclosure, receives.
type Actor struct {
	Kind        loot.ActorKind `json:"kind"`
	Desk        string         `json:"desk,omitempty"`       // of a desk: its name
	Roles       []loot.Role    `json:"roles,omitempty"`      // of staff
	Undertaking time.Time      `json:"undertaking,omitzero"` // of staff: when the confidentiality undertaking was signed; zero: not
	Own         bool           `json:"own,omitempty"`        // of a person: the record is their own
	Key         string         `json:"key,omitempty"`        // of a partner or sponsor: its key among the recipients of the statement
	Agreement   *Agreement     `json:"agreement,omitempty"`  // of a partner: the confidentiality agreement, nil: none
	Successor   bool           `json:"successor,omitempty"`  // of a partner: the announced successor of the company
	Region      string         `json:"region,omitempty"`     // of a visitor
	Consent     *Consent       `json:"consent,omitempty"`    // of a visitor, nil: never chose
	Signals     []string       `json:"signals,omitempty"`    // of a visitor: "gpc", "dnt", "lat"
	OptedOut    bool           `json:"optedOut,omitempty"`   // of a visitor: of interest-based advertising
}

// An Agreement is a partner's confidentiality agreement.
type Agreement struct {
	Signed     time.Time       `json:"signed"`
	Ends       time.Time       `json:"ends"`
	Purposes   []loot.Purpose  `json:"purposes"`
	Categories []loot.Category `json:"categories,omitempty"` // none: it covers no kind of detail, or was decided before rules asked for it
}

// A Consent is a visitor's choice about items and tags.
type Consent struct {
	Purposes  []loot.Purpose `json:"purposes"`
	Statement string         `json:"statement"` // hash of the version that was in force when they chose
}

// A Record is a set of fields of one category in one collection.
type Record struct {
	Collection  loot.Collection `json:"collection"`
	Category    loot.Category   `json:"category"`
	Level       int             `json:"level"`                 // confidentiality, from the category
	Purposes    []loot.Purpose  `json:"purposes"`              // that every field of it was given for
	Identifying bool            `json:"identifying,omitempty"` // a field of it identifies
	Verified    bool            `json:"verified,omitempty"`    // every field of it is verified
	Disputed    bool            `json:"disputed,omitempty"`    // a field of it is frozen: its owner says that it is wrong
	Since       time.Time       `json:"since,omitzero"`        // collect: when the version that first asks for it takes effect
	Sponsors    []string        `json:"sponsors,omitempty"`    // keys of the sponsors named for the event it registers for
}

// A Person is what stands about the person whose record it is.
type Person struct {
	Ordered     []loot.Purpose            `json:"ordered,omitempty"`     // purposes that their running services need
	Duties      []loot.Purpose            `json:"duties,omitempty"`      // purposes that a named legal duty keeps after the service
	Permissions map[string][]loot.Purpose `json:"permissions,omitempty"` // recipient key ("self" for the company) to purposes they permit
	Objected    []loot.Purpose            `json:"objected,omitempty"`
	Cancelled   []string                  `json:"cancelled,omitempty"` // sender keys
	Topics      []string                  `json:"topics,omitempty"`
	Confirmed   bool                      `json:"confirmed,omitempty"`  // their address is confirmed
	Restricted  bool                      `json:"restricted,omitempty"` // all that is held of them is frozen
}

// An Item is a stored item or a third-party tag of the register.
type Item struct {
	Kind     string       `json:"kind,omitempty"` // "cookie", "pixel", "storage", "device", "sdk", "tag"
	Purpose  loot.Purpose `json:"purpose,omitempty"`
	Declared bool         `json:"declared,omitempty"`
	Third    bool         `json:"third,omitempty"` // of a third party
}

// A Context is the circumstances of a request.
type Context struct {
	Purpose    loot.Purpose `json:"purpose,omitempty"`
	Now        time.Time    `json:"now"`
	Approvals  int          `json:"approvals,omitempty"`   // people other than the requester who approved
	Case       string       `json:"case,omitempty"`        // kind of the open case that is named: "abuse", "incident", "enquiry"; empty: none
	Demanded   bool         `json:"demanded,omitempty"`    // collect: the service is refused without it
	Entered    bool         `json:"entered,omitempty"`     // disclose: it is entered on the disclosure desk
	Announced  time.Time    `json:"announced,omitzero"`    // transfer: prior notice naming the partner was given
	Due        time.Time    `json:"due,omitzero"`          // transfer: the notice period ends
	Agreed     bool         `json:"agreed,omitempty"`      // sponsor: the registrant agreed
	Sent       bool         `json:"sent,omitempty"`        // sponsor: it was sent before
	Request    *Asked       `json:"request,omitempty"`     // answer: what was asked
	Hold       bool         `json:"hold,omitempty"`        // erase: a preservation order or a gag stands
	Topic      string       `json:"topic,omitempty"`       // contact
	Sender     string       `json:"sender,omitempty"`      // contact: sender key
	Region     string       `json:"region,omitempty"`      // contact: of the person
	Statement  string       `json:"statement,omitempty"`   // store, load: hash of the version in force
	Contextual bool         `json:"contextual,omitempty"`  // load: an advertisement chosen with nothing about the visitor
	FullAddr   bool         `json:"fullAddress,omitempty"` // collect: a visit with an untruncated address
	Group      int          `json:"group,omitempty"`       // analyse: size of the smallest group shown
}

// An Asked is an authority's or a court's request.
type Asked struct {
	Basis string          `json:"basis"`
	Valid bool            `json:"valid"`
	Until time.Time       `json:"until"`
	Scope []loot.Category `json:"scope"`
	Gag   time.Time       `json:"gag,omitzero"` // end of a secrecy order
}
