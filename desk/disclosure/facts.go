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
	return d.record(ctx, tx, by, reason, r.Gag, ledger.Facts{
		Note: "disclosure." + note, Statement: s.Hash(), Purpose: purpose,
		Recipient: string(kindOf(s, a.Recipient)), Country: a.Country, Collection: collection, Input: input,
	})
}

// record puts on the ledger what was done in this desk, hidden until the end of a gag.
func (d *disclosure) record(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, gag time.Time, f ledger.Facts) error {
	f.At, f.Verdict, f.Clauses, f.ActorKind, f.Desk = d.Now(), ledger.Recorded, []loot.Clause{Keeps[0]}, by.Kind, name
	if len(by.Roles) > 0 {
		f.Role = by.Roles[0]
	}
	e := ledger.Entry{Facts: f, Actor: ledger.ActorFacet{ID: by.ID, Name: by.Name, Reason: reason}}
	if gag.After(d.Now()) {
		e.Gag = gag
	}
	_, err := d.Ledger.Append(ctx, tx, e)
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
	f := ledger.Facts{Note: "authority.mail." + note, Input: input}
	if v, ok := d.Gate.InForce(); ok { // mail comes before one is
		f.Statement = v.Statement.Hash()
	}
	return d.record(ctx, tx, by, reason, r.Gag, f)
}
