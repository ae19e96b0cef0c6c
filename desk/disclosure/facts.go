package disclosure

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"loot"
	"loot/ledger"
	"loot/store"
)

// A fact is what a step leaves on the ledger, as the input of its facts: plain words
// that reports count, and nothing of whom a request is about.
type fact struct {
	Request   string    `json:"request"`   // id, the same for each step
	Kind      string    `json:"kind"`      // "answer", "preservation" or "proceedings"
	Authority string    `json:"authority"` // kind of who asks: the key of a recipient of the statement
	Country   string    `json:"country"`   // of who asks
	Basis     string    `json:"basis"`
	Outcome   string    `json:"outcome,omitempty"`
	Accounts  int       `json:"accounts"` // of which something was handed over
	Gag       bool      `json:"gag"`      // secrecy was ordered
	Emergency bool      `json:"emergency"`
	Entered   time.Time `json:"entered"`
	Answered  time.Time `json:"answered,omitzero"`
}

// noted records a step of a request. It is about nobody, and hidden as long as the
// order of secrecy stands: by a count of one, somebody could tell that it is about them.
func (d *disclosure) noted(ctx context.Context, tx *store.Tx, r request, a authority, by loot.Actor, note, reason string) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	f := fact{
		Request: r.ID, Kind: r.Kind, Authority: a.Recipient, Country: a.Country, Basis: r.Basis, Outcome: r.Outcome,
		Gag: !r.Gag.IsZero(), Emergency: r.Emergency, Entered: r.Opened.UTC(), Answered: r.Answered,
	}
	if r.Outcome == whole || r.Outcome == part {
		f.Accounts = 1
	}
	input, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("disclosure: fact: %w", err)
	}
	clause := Keeps[0]
	e := ledger.Entry{
		Facts: ledger.Facts{
			At: d.Now(), Verdict: ledger.Recorded, Note: "disclosure." + note, Clauses: []loot.Clause{clause}, Statement: s.Hash(), Purpose: purpose,
			ActorKind: by.Kind, Desk: name, Recipient: string(kindOf(s, a.Recipient)), Country: a.Country, Collection: collection, Input: input,
		},
		Actor: ledger.ActorFacet{ID: by.ID, Name: by.Name, Reason: reason},
	}
	if len(by.Roles) > 0 {
		e.Facts.Role = by.Roles[0]
	}
	if r.Gag.After(d.Now()) {
		e.Gag = r.Gag
	}
	_, err = d.Ledger.Append(ctx, tx, e)
	return err
}

// A mailFact says on the ledger which mail something became of, so that it can be shown
// later what a mail was that is here no longer.
type mailFact struct {
	Mail    string `json:"mail"`   // id, the same for all that becomes of it
	SHA256  string `json:"sha256"` // of its content, in hex
	Request string `json:"request,omitempty"`
}

// mailNoted records what becomes of a mail; with a request it is as secret as that is.
func (d *disclosure) mailNoted(ctx context.Context, tx *store.Tx, m letterIn, r request, by loot.Actor, note, reason string) error {
	input, err := json.Marshal(mailFact{m.ID, m.SHA256, r.ID})
	if err != nil {
		return fmt.Errorf("disclosure: fact: %w", err)
	}
	e := ledger.Entry{
		Facts: ledger.Facts{At: d.Now(), Verdict: ledger.Recorded, Note: "authority.mail." + note, Clauses: []loot.Clause{Keeps[0]}, ActorKind: by.Kind, Desk: name, Input: input},
		Actor: ledger.ActorFacet{ID: by.ID, Name: by.Name, Reason: reason},
	}
	if v, ok := d.Gate.InForce(); ok { // mail comes before one is
		e.Facts.Statement = v.Statement.Hash()
	}
	if len(by.Roles) > 0 {
		e.Facts.Role = by.Roles[0]
	}
	if r.Gag.After(d.Now()) {
		e.Gag = r.Gag
	}
	_, err = d.Ledger.Append(ctx, tx, e)
	return err
}
