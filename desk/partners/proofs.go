package partners

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

func (d *Partners) proofs() []desk.Proof {
	return []desk.Proof{
		{Clause: "disclosure.partners", Name: "a feed holds exactly those who were told in time and do not object, and ends with the agreement", Run: d.feedProved},
		{Clause: "disclosure.partners", Name: "what somebody does not want there any longer is asked back from the partner", Run: d.deletionProved},
		{Clause: "network.exceptions", Name: "nothing moves to a successor before the time to object is over, and nothing of who objects", Run: d.successionProved},
		{Clause: "network.exceptions", Name: "whoever is moved is told", Run: d.movedTold},
	}
}

// A trial is a partner with an agreement and a notice, in a world.
type trial struct {
	d    *Partners
	w    *desk.World
	s    *statement.Statement
	to   statement.Recipient
	p    loot.Purpose
	kind string
	by   loot.Actor
	id   string // of the notice
}

// try has the first partner of the statement that could, sign for a purpose; false: there is
// none.
func (d *Partners) try(ctx context.Context, w *desk.World, kind string) (t trial, found bool, err error) {
	s, err := d.inForce()
	if err != nil {
		return t, false, err
	}
	t = trial{d: d, w: w, s: s, kind: kind, by: loot.Actor{Kind: loot.Staff, ID: loot.NewID("m")}}
	all := partners(s)
	i := slices.IndexFunc(all, func(r statement.Recipient) bool { return kind == succession || len(r.Cooperation) > 0 })
	if i < 0 {
		return t, false, nil
	}
	t.to = all[i]
	if kind == cooperation {
		t.p = t.to.Cooperation[0]
	} else if t.p = contractPurpose(s, t.to); t.p == "" {
		return t, false, nil
	}
	return t, true, t.sign(ctx)
}

// contractPurpose is what the first service needs, and what the partner does not cooperate in.
func contractPurpose(s *statement.Statement, to statement.Recipient) loot.Purpose {
	services := s.Services()
	if len(services) == 0 {
		return ""
	}
	for _, p := range services[0].Purposes {
		if decl, ok := s.Purpose(p); ok && decl.Basis == "contract" && !slices.Contains(to.Cooperation, p) {
			return p
		}
	}
	return ""
}

func (t trial) sign(ctx context.Context) error {
	a := agreement{Partner: t.to.Key, Signed: t.w.Now(), Ends: t.w.Now().AddDate(1, 0, 0), Purposes: []loot.Purpose{t.p}, Categories: t.s.CategoryIDs(), Country: t.to.Country}
	return t.d.Gate.InTx(ctx, func(tx *store.Tx) error {
		return t.d.register(ctx, tx, t.by, a, papers{[]byte("Made up for a proof."), "Nobody"})
	})
}

func (t *trial) announce(ctx context.Context) error {
	if err := t.d.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
		t.id, err = t.d.announce(ctx, tx, t.by, notice{Partner: t.to.Key, Kind: t.kind, Purposes: []loot.Purpose{t.p}})
		return err
	}); err != nil {
		return err
	}
	return t.w.Drain(ctx)
}

// end leaves the world as it was before.
func (t trial) end(ctx context.Context) error {
	if err := t.d.Gate.InTx(ctx, func(tx *store.Tx) error {
		if t.id != "" {
			if err := t.d.withdrawNotice(ctx, tx, t.by, t.id); err != nil {
				return err
			}
		}
		if err := t.d.revoke(ctx, tx, t.by, t.to.Key, "The proof is over."); loot.KindOf(err) != loot.Conflict {
			return err
		}
		return nil
	}); err != nil {
		return err
	}
	return t.w.Drain(ctx) // the letters that take the notice back
}

// received returns of whom something goes to the partner now.
func (t trial) received(ctx context.Context) (map[string]bool, error) {
	var p parcel
	if err := t.d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		p, err = t.d.parcel(ctx, tx, t.to.Key, t.p, t.d.actor())
		return err
	}); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	_, err := t.d.feed(ctx, p, func(lines []line) error {
		for _, one := range lines {
			out[one.Reference] = true
		}
		return nil
	})
	return out, err
}

// expect fails unless exactly those named are received of the people of the trial.
func (t trial) expect(ctx context.Context, when string, people []loot.Subject, want ...loot.Subject) error {
	got, err := t.received(ctx)
	if err != nil {
		return err
	}
	for _, s := range people {
		if has := got[t.d.reference(t.to.Key, s, t.p)]; has != slices.Contains(want, s) {
			return fmt.Errorf("%s: %s received a record: %v, want %v", when, t.to.Title, has, !has)
		}
	}
	return nil
}

func (t trial) object(ctx context.Context, s loot.Subject, p loot.Purpose) error {
	if err := t.d.Gate.InTx(ctx, func(tx *store.Tx) error {
		return t.d.Gate.Object(ctx, tx, s, collection, loot.Actor{Kind: loot.Person, ID: string(s)}, p, true)
	}); err != nil {
		return err
	}
	return t.w.Drain(ctx)
}

func two(ctx context.Context, w *desk.World) (out []loot.Subject, err error) {
	for range 2 {
		s, err := w.NewPerson(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, w.Drain(ctx)
}

// wait lets the notice period pass.
func (t trial) wait() { t.w.Clock.Advance(time.Duration(t.s.Front().NoticeDays) * day) }

func (d *Partners) feedProved(ctx context.Context, w *desk.World) (string, error) {
	t, found, err := d.try(ctx, w, cooperation)
	if err != nil || !found {
		return "the statement names no partner that cooperates", err
	}
	people, err := two(ctx, w)
	if err != nil {
		return "", err
	}
	if err := t.expect(ctx, "before anybody was told", people); err != nil {
		return "", err
	}
	if err := t.announce(ctx); err != nil {
		return "", err
	}
	if err := t.expect(ctx, "while the time to object runs", people); err != nil {
		return "", err
	}
	if err := t.object(ctx, people[1], t.p); err != nil {
		return "", err
	}
	t.wait()
	late, err := two(ctx, w)
	if err != nil {
		return "", err
	}
	all := slices.Concat(people, late)
	if err := t.expect(ctx, "after it", all, people[0]); err != nil {
		return "", err
	}
	if err := t.end(ctx); err != nil {
		return "", err
	}
	if _, err := t.received(ctx); loot.KindOf(err) != loot.Denied {
		return "", fmt.Errorf("after the agreement was ended the feed was not refused: %w", err)
	}
	return fmt.Sprintf("%s received one of %d people: not who objected, nor who was told too late; nothing without the notice or the agreement", t.to.Title, len(all)), nil
}

func (d *Partners) deletionProved(ctx context.Context, w *desk.World) (string, error) {
	t, found, err := d.try(ctx, w, cooperation)
	if err != nil || !found {
		return "the statement names no partner that cooperates", err
	}
	people, err := two(ctx, w)
	if err != nil {
		return "", err
	}
	if err := t.announce(ctx); err != nil {
		return "", err
	}
	t.wait()
	if err := t.expect(ctx, "after the notice", people, people...); err != nil {
		return "", err
	}
	if err := t.object(ctx, people[0], t.p); err != nil {
		return "", err
	}
	if err := d.Gate.InTx(ctx, func(tx *store.Tx) error { return d.forget(ctx, tx, people[1]) }); err != nil {
		return "", err
	}
	var open []deletion
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		open, err = deletions(ctx, tx, `confirmed = 0 AND partner = $1`, t.to.Key)
		return err
	}); err != nil {
		return "", err
	}
	for i, s := range people {
		if !slices.ContainsFunc(open, func(x deletion) bool { return x.Reference == d.reference(t.to.Key, s, t.p) }) {
			return "", fmt.Errorf("after %s the partner was not asked to delete", []string{"an objection", "an erasure"}[i])
		}
	}
	return "asked, signed, after an objection and after an erasure", t.end(ctx)
}

func (d *Partners) successionProved(ctx context.Context, w *desk.World) (string, error) {
	t, found, err := d.try(ctx, w, succession)
	if err != nil || !found {
		return "the statement names no partner and no service that could move", err
	}
	people, err := two(ctx, w)
	if err != nil {
		return "", err
	}
	if err := t.expect(ctx, "before anybody was told", people); err != nil {
		return "", err
	}
	if err := t.announce(ctx); err != nil {
		return "", err
	}
	if err := t.expect(ctx, "while the time to object runs", people); err != nil {
		return "", err
	}
	if err := t.object(ctx, people[1], toSucceed); err != nil {
		return "", err
	}
	t.wait()
	if err := t.expect(ctx, "after it", people, people[0]); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s received one of two, who had been told and did not object", t.to.Title), t.end(ctx)
}

// movedTold looks whether the clause has those told whose record moves, and whether a letter
// goes.
func (d *Partners) movedTold(ctx context.Context, w *desk.World) (string, error) {
	t, found, err := d.try(ctx, w, succession)
	if err != nil || !found {
		return "the statement names no partner and no service that could move", err
	}
	people, err := two(ctx, w)
	if err != nil {
		return "", err
	}
	if err := t.announce(ctx); err != nil {
		return "", err
	}
	t.wait()
	n, err := w.Letters(ctx, people[0], func() error {
		return d.Gate.InTx(ctx, func(tx *store.Tx) error {
			p, err := d.parcel(ctx, tx, t.to.Key, t.p, d.actor())
			if err != nil {
				return err
			}
			_, err = d.handOver(ctx, tx, p, people[0])
			return err
		})
	})
	if refusal := (*gate.Refusal)(nil); errors.As(err, &refusal) {
		return "", fmt.Errorf("a record that may move did not: %w", err)
	}
	if err != nil {
		return "", err
	}
	if n != 1 {
		return "", fmt.Errorf("%d letters went to whose record moved, want 1", n)
	}
	return "a letter went when the record moved", t.end(ctx)
}
