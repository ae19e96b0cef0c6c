package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"loot"
	"loot/gate"
	"loot/mail"
	"loot/store"
)

// An Errand is a letter to a person whom a desk may write to for a purpose.
type Errand struct {
	By         loot.Actor // the desk
	Purpose    loot.Purpose
	To         loot.Subject
	Collection loot.Collection
	Case       string // that is named as the reason; empty: none
	ID         string // a second letter of the same id is shown as the first
	Letter     mail.Letter
}

// Write opens a person's address and writes to it. Whether it may is decided
// right before: whoever the statement does not let the desk write to, who is
// gone, gave no address, or whose address the mail server refuses for good is
// not written to, and Write reports false. Any other error is worth another try.
func (k Kit) Write(ctx context.Context, e Errand) (sent bool, err error) {
	v, ok := k.Gate.InForce()
	if !ok {
		return false, loot.Errorf(loot.Unavailable, "No statement is in force, so nobody can be written to.")
	}
	field := v.Statement.AddressField(e.Collection)
	if field == "" {
		return false, nil // the statement asks nobody for an address
	}
	var address string
	err = k.Gate.InTx(ctx, func(tx *store.Tx) error {
		address = ""
		p, err := k.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Use, Actor: e.By, Desk: e.By.ID, Purpose: e.Purpose, Subject: e.To, Collection: e.Collection, Fields: []loot.Field{field}, Case: e.Case,
		})
		if err != nil {
			return err
		}
		values, err := k.Vault.Open(ctx, tx, p)
		if err == nil {
			address = values[field].Reveal() //nolint:forbidigo // the letter goes to it
		}
		return err
	})
	if _, refused := errors.AsType[*gate.Refusal](err); refused || loot.KindOf(err) == loot.NotFound {
		return false, nil
	}
	if err != nil || address == "" {
		return false, err
	}
	m, err := e.Letter.Message(k.House(), e.ID, address)
	if err == nil {
		m.About, m.Collection = e.To, e.Collection
		err = k.Mail.Send(ctx, m)
	}
	if errors.Is(err, mail.ErrRejected) {
		k.Log.WarnContext(ctx, "a letter to a person was refused for good", "desk", e.By.ID)
		return false, nil
	}
	return err == nil, err
}

// LetterID returns the id of the one letter to a person that says something since a time. It
// outlives the person, so that it names nobody.
func LetterID(what string, to loot.Subject, since string) string {
	sum := sha256.Sum256([]byte(string(to) + since))
	return what + "-" + hex.EncodeToString(sum[:12])
}
