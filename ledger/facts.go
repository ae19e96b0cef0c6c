package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"loot"
)

// The verdicts of an entry.
const (
	Permitted = "permitted" // decided by the statement: yes
	Refused   = "refused"   // decided by the statement: no
	Recorded  = "recorded"  // something that happened and needed no decision
)

// Facts is the facet of an entry that reports and replays read. It holds no
// identifier of anyone: neither of the person nor of who acted.
type Facts struct {
	At         time.Time       `json:"at"` // in UTC, to the microsecond
	Action     loot.Action     `json:"action,omitempty"`
	Purpose    loot.Purpose    `json:"purpose,omitempty"`
	Verdict    string          `json:"verdict"` // Permitted, Refused or Recorded
	Clauses    []loot.Clause   `json:"clauses,omitempty"`
	Statement  string          `json:"statement,omitempty"` // hash of the version that decided
	ActorKind  loot.ActorKind  `json:"actor,omitempty"`
	Role       loot.Role       `json:"role,omitempty"`
	Desk       string          `json:"desk,omitempty"`
	Recipient  string          `json:"recipient,omitempty"` // the kind of recipient
	Country    string          `json:"country,omitempty"`   // of the recipient
	Collection loot.Collection `json:"collection,omitempty"`
	Fields     int             `json:"fields,omitempty"` // how many were opened
	Note       string          `json:"note,omitempty"`   // such as "statement.announced", "key.destroyed"
	Input      json.RawMessage `json:"input,omitempty"`  // what the rules read
}

// A SubjectFacet says whom an entry is about. It is kept sealed under the
// person's key, so it cannot be read once that key is destroyed.
type SubjectFacet struct {
	Subject    loot.Subject    `json:"subject"`
	Collection loot.Collection `json:"collection"`
	Fields     []loot.Field    `json:"fields,omitempty"`
	Covered    []loot.Field    `json:"covered,omitempty"` // those of them that were shown covered
	Recipient  string          `json:"recipient,omitempty"`
	Told       string          `json:"told,omitempty"` // what they are told of it besides, in words
}

// An ActorFacet says who acted, which reason they gave and for which case. It is
// kept sealed under the key of staff accountability, so erasing a customer leaves
// the member of staff accountable.
type ActorFacet struct {
	ID     string `json:"id,omitempty"`
	Name   string `json:"name,omitempty"`
	Reason string `json:"reason,omitempty"`
	Case   string `json:"case,omitempty"` // as they named it, where it counted as one
}

// canonical returns the one spelling of a facet that is hashed: compact JSON
// with the fields in the order of its type, nothing escaped that need not be.
func canonical(facet any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(facet); err != nil {
		return nil, fmt.Errorf("ledger: encode facet: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
