package partners

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"loot"
	"loot/gate"
	"loot/store"
	"loot/vault"
)

// chunkSize is how many people are decided in one transaction, right before they leave.
const chunkSize = 100

// A parcel is what goes to a partner in one delivery.
type parcel struct {
	Delivery   string
	Partner    string
	Purpose    loot.Purpose
	Fields     []loot.Field
	By         loot.Actor
	Reason     string
	succession bool
}

// A line is what a partner receives of one person.
type line struct {
	Reference string                `json:"reference"`
	Purpose   loot.Purpose          `json:"purpose"`
	Details   map[loot.Field]string `json:"details"`
}

// parcel returns what would go to a partner for a purpose.
func (d *Partners) parcel(ctx context.Context, tx *store.Tx, partner string, p loot.Purpose, by loot.Actor) (parcel, error) {
	s, to, err := d.partner(partner)
	if err != nil {
		return parcel{}, err
	}
	a, err := standing(ctx, tx, partner)
	if err != nil {
		return parcel{}, err
	}
	if !a.runs(d.Now()) {
		return parcel{}, loot.Errorf(loot.Denied, "No confidentiality agreement of %s is in force, so nothing goes there.", to.Title)
	}
	fields := a.fields(s, p)
	if len(fields) == 0 {
		return parcel{}, loot.Errorf(loot.Denied, "The agreement of %s covers no details for this purpose, so nothing goes there for it.", to.Title)
	}
	all, err := notices(ctx, tx, `partner = $1`, partner)
	moves := slices.ContainsFunc(all, func(n notice) bool {
		return n.Kind == succession && n.goes() && slices.Contains(n.Purposes, p)
	})
	return parcel{Partner: partner, Purpose: p, Fields: fields, By: by, succession: moves && !slices.Contains(to.Cooperation, p)}, err
}

// request asks whether somebody's details go. A partner receives them as they are, whoever
// of the staff has them go.
func (p parcel) request(s loot.Subject) gate.Request {
	return gate.Request{
		Action: loot.Transfer, Actor: loot.Actor{Kind: loot.Partner, ID: p.Partner}, By: p.By, Desk: name, Purpose: p.Purpose,
		Subject: s, Collection: collection, Fields: p.Fields, Reason: p.Reason, Entered: true, Unmask: true,
	}
}

// errNothingHeld refuses to hand over what somebody never gave.
var errNothingHeld = loot.Errorf(loot.Conflict, "The customer has given none of the details that this purpose needs, so there is nothing to hand over.")

// heldOf narrows a parcel to what is held of somebody, so that the ledger, and what they
// see, name only what goes. The error is [errNothingHeld] if that is nothing.
func (d *Partners) heldOf(ctx context.Context, tx *store.Tx, p parcel, s loot.Subject) (parcel, error) {
	held, err := d.Vault.Held(ctx, tx, s, collection)
	if errors.Is(err, vault.ErrDamaged) {
		return p, nil // opening it says so, if anything of them may go at all
	}
	if err != nil {
		return p, err
	}
	p.Fields = slices.DeleteFunc(slices.Clone(p.Fields), func(f loot.Field) bool { _, ok := held[f]; return !ok })
	if len(p.Fields) == 0 {
		return p, errNothingHeld
	}
	return p, nil
}

// handOver opens what goes to a partner of one person. It is on the ledger with tx, and it
// must not leave before tx is committed.
func (d *Partners) handOver(ctx context.Context, tx *store.Tx, p parcel, s loot.Subject) (line, error) {
	p, err := d.heldOf(ctx, tx, p, s)
	if err != nil {
		return line{}, err
	}
	permit, err := d.Gate.Decide(ctx, tx, p.request(s))
	if err != nil {
		return line{}, err
	}
	return d.packed(ctx, tx, p, s, permit)
}

// packed opens what a permit is for.
func (d *Partners) packed(ctx context.Context, tx *store.Tx, p parcel, s loot.Subject, permit gate.Permit) (line, error) {
	values, err := d.Vault.Open(ctx, tx, permit)
	if err != nil {
		return line{}, err
	}
	out := line{Reference: d.reference(p.Partner, s, p.Purpose), Purpose: p.Purpose, Details: map[loot.Field]string{}}
	for f, v := range values {
		out.Details[f] = v.Reveal() //nolint:forbidigo // it goes to the partner that the gate permits it
	}
	fields, err := json.Marshal(p.Fields)
	if err != nil {
		return line{}, fmt.Errorf("partners: hand over: %w", err)
	}
	now := d.Now().UnixMicro()
	tx.Add(`INSERT INTO partners_sent (partner, subject, purpose, reference, fields, first, last, times, succession, deletion) VALUES
		ON CONFLICT (partner, subject, purpose) DO UPDATE SET fields = excluded.fields, last = excluded.last, times = partners_sent.times + 1, succession = excluded.succession, deletion = ''`,
		p.Partner, s, string(p.Purpose), out.Reference, string(fields), now, now, 1, store.Flag(p.succession), "")
	return out, nil
}

// chunk hands over the next people who qualify at this instant, of those after one. It
// returns the person to go on after; empty: those were the last.
func (d *Partners) chunk(ctx context.Context, tx *store.Tx, p parcel, after loot.Subject, n int) (out []line, last loot.Subject, err error) {
	rows, err := d.Vault.List(ctx, tx, collection, after, n)
	if err != nil {
		return nil, "", err
	}
	var people []loot.Subject
	for _, r := range rows {
		if !r.Erased() {
			people = append(people, r.Subject)
		}
	}
	if err := d.Keyring.ReadAhead(ctx, collection, people...); err != nil {
		return nil, "", err
	}
	if err := d.Gate.ReadAhead(ctx, tx, people...); err != nil {
		return nil, "", err
	}
	if err := d.Vault.ReadAhead(ctx, tx, collection, false, people...); err != nil {
		return nil, "", err
	}
	for _, s := range people {
		p, err := d.heldOf(ctx, tx, p, s)
		if errors.Is(err, errNothingHeld) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		permit, ok, err := d.Gate.Qualifies(ctx, tx, p.request(s))
		if err != nil {
			return nil, "", err
		}
		if !ok {
			continue
		}
		one, err := d.packed(ctx, tx, p, s, permit)
		if err != nil {
			return nil, "", err
		}
		out = append(out, one)
	}
	if len(rows) == n {
		last = rows[n-1].Subject
	}
	return out, last, nil
}

// feed decides everybody, chunk by chunk, and gives each chunk to leave once its
// transaction is committed. What it holds at a time is one chunk.
func (d *Partners) feed(ctx context.Context, p parcel, leave func([]line) error) (people int, err error) {
	for after := loot.Subject(""); ; {
		var lines []line
		var last loot.Subject
		if err := d.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
			lines, last, err = d.chunk(ctx, tx, p, after, chunkSize)
			return err
		}); err != nil {
			return people, err
		}
		if err := leave(lines); err != nil {
			return people, err
		}
		people += len(lines)
		if last == "" {
			return people, nil
		}
		after = last
	}
}

// refused returns the refusal that an error is; nil: it is none.
func refusalOf(err error) *gate.Refusal {
	r, _ := errors.AsType[*gate.Refusal](err)
	return r
}
