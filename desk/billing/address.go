package billing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
	"unicode/utf8"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// connections is the collection of addresses that services have, and addressOn the
// field that one is.
const (
	connections loot.Collection = "connection"
	addressOn   loot.Field      = "connection.address"
)

// An Assignment says that a service had an address, without saying which.
type Assignment struct {
	ID      string
	Service string // reference
	Subject loot.Subject
	Since   time.Time
	Until   time.Time // zero: it has it
	mark    []byte
	sealed  []byte
}

// An Assigned address is one that was opened.
type Assigned struct {
	Assignment
	Address vault.Clear // as 192.0.2.7 or 2001:db8:1::/56
	Masked  bool        // only a part is shown
}

const selectAddress = `SELECT a.id, a.service, a.subject, a.mark, a.sealed, a.since, a.until FROM billing_address a `

func readAssignments(ctx context.Context, tx *store.Tx, where string, args ...any) (out []Assignment, err error) {
	rows, err := tx.Query(ctx, selectAddress+where, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: addresses: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var a Assignment
		var since, until int64
		if err := rows.Scan(&a.ID, &a.Service, &a.Subject, &a.mark, &a.sealed, &since, &until); err != nil {
			return nil, fmt.Errorf("billing: addresses: %w", err)
		}
		a.Since, a.Until = store.Instant(since), store.Instant(until)
		out = append(out, a)
	}
	return out, rows.Err()
}

// A lease is an address that a service is to have.
type lease struct {
	Service string
	Prefix  netip.Prefix
	Name    string // a domain name, which several services may have; empty: the prefix
	From    time.Time
	To      time.Time // zero: until it is released
}

func (l lease) String() string {
	if l.Name != "" {
		return l.Name
	}
	return showPrefix(l.Prefix)
}

// assign gives a service an address for a time in which nobody else has it or a part
// of it, or a domain name. What the service has already from then on, it is told again.
func (b *Billing) assign(ctx context.Context, by loot.Actor, l lease) (out Assignment, err error) {
	var one Service
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		one, err = b.findService(ctx, tx, l.Service)
		return err
	}); err != nil {
		return out, err
	}
	if err := b.Keyring.Create(ctx, one.Subject, connections); err != nil {
		return out, err
	}
	err = b.Gate.InTx(ctx, func(tx *store.Tx) error {
		if err := holdService(ctx, tx, l.Service); err != nil {
			return err
		}
		one, err := b.findService(ctx, tx, l.Service)
		if err != nil {
			return err
		}
		if err := l.check(one, b.Now()); err != nil {
			return err
		}
		mark, block, _ := b.marksOf(l)
		if l.Name == "" {
			if err := lockBlock(ctx, tx, block); err != nil {
				return err
			}
		}
		taken, err := b.overlaps(ctx, tx, l)
		if err != nil {
			return err
		}
		if taken != nil {
			same := taken.Service == l.Service && bytes.Equal(taken.mark, mark)
			if same && taken.Until.IsZero() && l.To.IsZero() && !taken.Since.After(l.From) {
				out = *taken
				return nil
			}
			return loot.Errorf(loot.Conflict, "The address, or a part of it, is assigned at that time already. Release it first.")
		}
		if out, err = b.noteAddress(ctx, tx, by, "", one.Subject, l); err != nil {
			return err
		}
		return b.tellAddresses(ctx, tx, addressAssigned, out)
	})
	return out, err
}

// noteAddress notes within tx that a service of somebody has an address or a name.
// Whoever has it assigned, by, may give a reason for the ledger.
func (b *Billing) noteAddress(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, s loot.Subject, l lease) (a Assignment, err error) {
	now, err := b.inForce()
	if err != nil {
		return a, err
	}
	switch longest := LongestName(now); {
	case utf8.RuneCountInString(l.Name) <= longest:
	case longest == 0:
		return a, wrongIn("address", "The statement in force keeps no names of services: it does not declare "+string(addressOn)+".")
	default:
		return a, wrongIn("address", "The statement in force allows names of "+loot.Plural(longest, "character", "characters")+" at most.")
	}
	p, err := b.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Collect, Actor: b.actor(), By: by, Desk: name, Purpose: forService, Reason: reason,
		Subject: s, Collection: connections, Fields: []loot.Field{addressOn},
	})
	if err != nil {
		return a, err
	}
	mark, block, net := b.marksOf(l)
	a = Assignment{ID: loot.NewID("a"), Service: l.Service, Subject: s, Since: l.From, Until: l.To, mark: mark}
	if a.sealed, err = b.Vault.SealBeside(ctx, tx, p, addressOn, a.ID, l.String()); err != nil {
		return a, err
	}
	return a, insertAddress(ctx, tx, a, block, net)
}

// forService is the purpose of running what was ordered.
const forService loot.Purpose = "service"

// check says what is wrong with a lease.
func (l lease) check(one Service, now time.Time) error {
	switch {
	case one.State == Ended && (l.To.IsZero() || l.To.After(one.Ended)):
		return loot.Errorf(loot.Conflict, "The service has ended. Say until when it had the address, which is not after its end.")
	case l.From.Before(one.Since.Add(-time.Minute)):
		return wrongIn("from", "The service was not there yet at that time.")
	case l.From.After(now.Add(mostAhead)) || !l.To.IsZero() && l.To.After(now.Add(mostAhead)):
		return wrongIn("from", "Addresses are assigned when they are given and released when they are taken back, not ahead.")
	case !l.To.IsZero() && !l.To.After(l.From):
		return wrongIn("to", "The end is not after the beginning.")
	}
	return nil
}

// holdService has a service end no sooner than the transaction, so that what it is
// given is taken back at its end, and be given something else, such as the same name, no
// sooner either.
func holdService(ctx context.Context, tx *store.Tx, reference string) error {
	rows, err := tx.Query(ctx, `SELECT reference FROM billing_service WHERE reference = $1`+tx.ForUpdate(), reference)
	if err == nil {
		err = rows.Close()
	}
	if err != nil {
		return fmt.Errorf("billing: service: %w", err)
	}
	return nil
}

// lockBlock has nobody else be given a part of a block before the transaction is over.
func lockBlock(ctx context.Context, tx *store.Tx, block []byte) error {
	if _, err := tx.Exec(ctx, `INSERT INTO billing_block (block) VALUES ($1) ON CONFLICT (block) DO NOTHING`, block); err != nil {
		return fmt.Errorf("billing: block: %w", err)
	}
	var there []byte
	if err := tx.QueryRow(ctx, `SELECT block FROM billing_block WHERE block = $1`+tx.ForUpdate(), block).Scan(&there); err != nil {
		return fmt.Errorf("billing: block: %w", err)
	}
	return nil
}

func insertAddress(ctx context.Context, tx *store.Tx, a Assignment, block []byte, net any) error {
	if _, err := tx.Exec(ctx, `INSERT INTO billing_address (id, service, subject, mark, block, net, sealed, since, until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		a.ID, a.Service, a.Subject, a.mark, block, net, a.sealed, store.Micro(a.Since), store.Micro(a.Until)); err != nil {
		return fmt.Errorf("billing: address: %w", err)
	}
	return nil
}

// marksAtOnce is how many marks one query asks for.
const marksAtOnce = 400

// overlaps returns one who has a prefix, one that it lies in or a part of it at a
// time of a lease; nil: nobody. Of a name it is the service itself.
func (b *Billing) overlaps(ctx context.Context, tx *store.Tx, l lease) (*Assignment, error) {
	if l.Name != "" {
		mark, _, _ := b.marksOf(l)
		return takenAt(ctx, tx, "mark", [][]byte{mark}, l)
	}
	var marks, links [][]byte
	for _, p := range above(l.Prefix.Addr()) {
		if p.Bits() <= l.Prefix.Bits() {
			marks = append(marks, b.mark(p))
		}
	}
	column := "mark"
	if l.Prefix == blockOf(l.Prefix) { // whatever lies in the block is a part of it
		column, marks = "block", [][]byte{b.mark(l.Prefix)}
	} else {
		parts, inside := below(l.Prefix)
		for _, p := range parts {
			marks = append(marks, b.mark(p))
		}
		for _, p := range inside {
			links = append(links, b.mark(p))
		}
	}
	for _, ask := range []struct {
		column string
		marks  [][]byte
	}{{column, marks}, {"net", links}} {
		for len(ask.marks) > 0 {
			some := ask.marks[:min(len(ask.marks), marksAtOnce)]
			ask.marks = ask.marks[len(some):]
			found, err := takenAt(ctx, tx, ask.column, some, l)
			if err != nil || found != nil {
				return found, err
			}
		}
	}
	return nil, nil
}

func takenAt(ctx context.Context, tx *store.Tx, column string, marks [][]byte, l lease) (*Assignment, error) {
	to := int64(1<<63 - 1)
	if !l.To.IsZero() {
		to = l.To.UnixMicro()
	}
	args := []any{to, l.From.UnixMicro()}
	for _, m := range marks {
		args = append(args, m)
	}
	all, err := readAssignments(ctx, tx, `WHERE a.`+column+` IN (`+store.Placeholders(3, len(marks))+`) AND a.since < $1 AND (a.until = 0 OR a.until > $2) LIMIT 1`, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// release takes an address back at a time, of which the ledger says who did; one
// that was taken back stays as it is.
func (b *Billing) release(ctx context.Context, tx *store.Tx, by loot.Actor, id string, at time.Time) (Assignment, error) {
	all, err := readAssignments(ctx, tx, `WHERE a.id = $1`+tx.ForUpdate(), id)
	if err != nil {
		return Assignment{}, err
	}
	if len(all) == 0 {
		return Assignment{}, loot.Errorf(loot.NotFound, "There is no such address.")
	}
	a := all[0]
	if !a.Until.IsZero() {
		return a, nil
	}
	if !at.After(a.Since) || at.After(b.Now().Add(mostAhead)) {
		return a, loot.Errorf(loot.Invalid, "An address is taken back after it was assigned, and not ahead.")
	}
	a.Until = at
	if _, err := tx.Exec(ctx, `UPDATE billing_address SET until = $1 WHERE id = $2 AND until = 0`, at.UnixMicro(), id); err != nil {
		return a, fmt.Errorf("billing: release: %w", err)
	}
	if err := b.Gate.NoteAbout(ctx, tx, a.Subject, collection, by, addressReleased, ""); err != nil {
		return a, err
	}
	return a, b.tellAddresses(ctx, tx, addressReleased, a)
}

// releaseAll takes back what a service has.
func (b *Billing) releaseAll(ctx context.Context, tx *store.Tx, reference string, at time.Time) error {
	all, err := readAssignments(ctx, tx, `WHERE a.service = $1 AND a.until = 0`, reference)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE billing_address SET until = $1 WHERE service = $2 AND until = 0`, at.UnixMicro(), reference); err != nil {
		return fmt.Errorf("billing: release: %w", err)
	}
	return b.tellAddresses(ctx, tx, addressReleased, all...)
}

// What webhooks are told of addresses.
const (
	addressAssigned = "address.assigned"
	addressReleased = "address.released"
)

func (b *Billing) tellAddresses(ctx context.Context, tx *store.Tx, what string, all ...Assignment) error {
	data := make([]eventData, len(all))
	for i, a := range all {
		data[i] = eventData{Service: a.Service, Customer: a.Subject, Address: a.ID}
	}
	return b.tellHooks(ctx, tx, what, data...)
}

// openAddresses opens the addresses of a customer, or of one service of theirs, for
// whoever asks. The request says who, why and for what.
func (b *Billing) openAddresses(ctx context.Context, tx *store.Tx, r gate.Request, service string) (out []Assigned, err error) {
	r.Desk, r.Collection, r.Fields = name, connections, []loot.Field{addressOn}
	p, err := b.Gate.Decide(ctx, tx, r)
	if err != nil {
		return nil, err
	}
	all, err := readAssignments(ctx, tx, `WHERE a.subject = $1 AND ($2 = '' OR a.service = $2) ORDER BY a.since DESC, a.id`, r.Subject, service)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	beside, err := b.Vault.OpenBeside(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		one := Assigned{Assignment: a}
		if one.Address, one.Masked, err = beside.Open(addressOn, a.ID, a.sealed); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// ownAddresses opens a customer's addresses for themself, by the references of the
// services. Where there is none nothing is opened.
func (b *Billing) ownAddresses(ctx context.Context, tx *store.Tx, s loot.Subject) (map[string][]Assigned, error) {
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM billing_address WHERE subject = $1`, s).Scan(&n); err != nil {
		return nil, fmt.Errorf("billing: addresses: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	all, err := b.openAddresses(ctx, tx, gate.Request{Action: loot.Export, Actor: loot.Actor{Kind: loot.Person, ID: string(s)}, Subject: s, Purpose: forService}, "")
	out := map[string][]Assigned{}
	for _, a := range all {
		out[a.Service] = append(out[a.Service], a)
	}
	return out, err
}

// WhoHad returns who had an address at a time, for a member of staff who may look
// for that; false: nobody. The search is on the ledger whether it finds somebody or
// not, and whoever is found sees it.
func (b *Billing) WhoHad(ctx context.Context, tx *store.Tx, by loot.Actor, purpose loot.Purpose, reason string, a netip.Addr, at time.Time) (Assignment, bool, error) {
	p, err := b.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Find, Actor: by, Desk: name, Purpose: purpose, Reason: reason, Collection: connections, Fields: []loot.Field{addressOn},
	})
	if err != nil {
		return Assignment{}, false, err
	}
	grant, err := p.Spend(tx, loot.Find)
	if err != nil {
		return Assignment{}, false, err
	}
	found, ok, err := b.holder(ctx, tx, a.Unmap(), at)
	if err != nil || !ok {
		return Assignment{}, false, err
	}
	return found, true, b.Gate.Found(ctx, tx, grant, addressOn, found.Subject)
}

// holder looks an address up by the marks of all that it can lie in, each of which
// is one step in the index however many there are.
func (b *Billing) holder(ctx context.Context, tx *store.Tx, a netip.Addr, at time.Time) (Assignment, bool, error) {
	us := at.UnixMicro()
	for _, p := range above(a) {
		last, err := readAssignments(ctx, tx, `WHERE a.mark = $1 AND a.since <= $2 ORDER BY a.since DESC LIMIT 1`, b.mark(p), us)
		if err != nil {
			return Assignment{}, false, err
		}
		if len(last) > 0 && (last[0].Until.IsZero() || last[0].Until.After(at)) {
			return last[0], true, nil
		}
	}
	return Assignment{}, false, nil
}

// addressPurpose is the one for which an address that was taken back is kept the
// longest, of those that the statement gives it for.
func addressPurpose(s *statement.Statement) (longest statement.Purpose) {
	d, _ := s.Field(addressOn)
	for _, id := range slices.Sorted(maps.Keys(d.Needed)) {
		if p, _ := s.Purpose(id); longest.ID == "" || p.Retain > longest.Retain {
			longest = p
		}
	}
	return longest
}

// oldAddresses are those that were taken back longer ago than they are kept.
func (b *Billing) oldAddresses(s *statement.Statement) lapsing {
	p := addressPurpose(s)
	read := func(ctx context.Context, tx *store.Tx, rest string, args ...any) ([]lapsed, error) {
		return takeRows(ctx, tx, func(row store.Row) (one lapsed, err error) {
			var was struct {
				ID, Service  string
				Sealed       []byte // by the customer's key
				Since, Until time.Time
			}
			var since, until int64
			err = row.Scan(&was.ID, &was.Service, &one.Subject, &was.Sealed, &since, &until)
			was.Since, was.Until = store.Instant(since), store.Instant(until)
			one.ID, one.At, one.said = was.ID, p.Keep.After(was.Until), asWas(was)
			return one, err
		}, `SELECT id, service, subject, sealed, since, until FROM billing_address WHERE until > 0 AND until < $1`+rest, args...)
	}
	return lapsing{
		Lapse: desk.Lapse{What: "Addresses of services", Why: p.Keep.Words() + " after they were taken back", Clause: p.Clause}, in: connections,
		take: func(ctx context.Context, tx *store.Tx) ([]lapsed, error) {
			now := b.Now()
			all, err := read(ctx, tx, ` ORDER BY until, id LIMIT $2`, p.Keep.AboutBefore(now).UnixMicro(), sweepSize)
			if err != nil {
				return nil, err
			}
			all = over(all, now)
			return all, removeIn(ctx, tx, `DELETE FROM billing_address WHERE id IN `, all)
		},
		ahead: func(ctx context.Context, tx *store.Tx, l desk.Lapse, until time.Time) ([]desk.Lapse, error) {
			all, err := read(ctx, tx, ``, p.Keep.AboutBefore(until).UnixMicro())
			return perDay(l, over(all, until)), err
		},
	}
}

// erased destroys the key of what is kept beside the record of somebody who is gone,
// and removes what an old backup brought back.
func (b *Billing) erased(ctx context.Context, subject string) error {
	s := loot.Subject(subject)
	gone := false
	if err := b.DB.InTx(ctx, func(tx *store.Tx) error {
		row, err := b.Vault.Row(ctx, tx, s, collection)
		if gone = loot.KindOf(err) == loot.NotFound || err == nil && row.Erased(); !gone {
			return err // of a customer who is there, something else was erased
		}
		return b.forget(ctx, tx, s)
	}); err != nil || !gone {
		return err
	}
	return errors.Join(b.Keyring.Destroy(ctx, s, connections), b.Keyring.Destroy(ctx, s, used))
}

func wrongIn(field, text string) error { return web.Invalid("", map[string]string{field: text}) }
