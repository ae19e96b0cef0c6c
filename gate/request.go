package gate

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"loot"
	"loot/statement"
)

// A Request is the question: may this actor do this with these fields of this
// person, for this purpose?
type Request struct {
	Action     loot.Action
	Actor      loot.Actor // who opens or asks or, for a disclosure, receives
	By         loot.Actor // who carries out a disclosure; zero: the actor
	Desk       string     // the part of the program where it happens, such as "customers"
	Purpose    loot.Purpose
	Subject    loot.Subject
	Collection loot.Collection
	Fields     []loot.Field
	Unmask     bool   // show what the level masks; decided and recorded apart
	Reason     string // given by staff; sealed in the ledger's actor facet
	Case       string // reference of the case it is done for; sealed beside the reason if it counts as one
	Approval   string // id of the approval it was given, see [Gate.RequestApproval]
	Demanded   bool   // collect: the service is refused without these fields
	Told       string `json:",omitempty"` // what the person is told of it besides, in words; sealed with their part of the entry
	Page       string `json:",omitempty"` // where in the console it is carried out, never as typed: a browser is led there; empty: the record

	// Hidden is until when the person is not shown the decision, whatever it is: of an
	// erasure that others may hold, as else they would see whether it was carried out.
	Hidden time.Time `json:",omitzero"`

	// Aside asks to erase what was set aside of the fields (see [Gate.SetAside]) and nothing
	// beside it: that serves no purpose any longer, whatever was given anew.
	Aside bool `json:",omitempty"`

	// Among asks that one of those who approve holds this role; empty: anybody who
	// approves will do.
	Among loot.Role `json:",omitempty"`

	// What only some actions need; see [statement.Input].
	Item                             statement.Item
	Visitor                          statement.Actor
	Topic, Sender, Region, Recipient string
	Asked                            *statement.Asked
	Entered, Agreed, Sent            bool
	Sponsors                         []string
	Contextual, FullAddress          bool
	Group                            int
}

func (r Request) by() loot.Actor {
	if r.By.Kind != "" {
		return r.By
	}
	return r.Actor
}

// digest names what is asked, so that an approval is good for exactly what was
// approved: all of the request but its reason, the approval and the page, which moves with
// the program and says nothing of what is asked.
func (r Request) digest() []byte {
	r.Reason, r.Approval, r.Page = "", "", ""
	r.Fields = slices.Sorted(slices.Values(r.Fields))
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(r); err != nil {
		panic(err) // plain values encode
	}
	return h.Sum(nil)
}

// gag returns the end of the secrecy that was ordered with the request, and the
// zero time if none was or it has ended.
func (r Request) gag(now time.Time) time.Time {
	if r.Asked == nil || !r.Asked.Gag.After(now) {
		return time.Time{}
	}
	return r.Asked.Gag
}
