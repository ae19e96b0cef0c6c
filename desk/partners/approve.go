package partners

import (
	"context"
	"encoding/json"
	"fmt"

	"loot"
	"loot/gate"
	"loot/store"
	"loot/web"
)

// Kind is the kind of the approvals that this desk asks for.
const Kind = "partners.succession"

// A matter is what is asked to be approved before the letters of a succession go.
type matter struct {
	Partner string `json:"partner"`
	Notice  string `json:"notice"`
}

// propose announces a notice. A succession waits for a second person, as nobody calls back
// a letter to everybody; where nobody else could agree it goes at once.
func (d *Partners) propose(ctx context.Context, tx *store.Tx, by loot.Actor, n notice) (waits bool, err error) {
	others, err := d.othersFor(ctx, tx, by, n)
	if err != nil {
		return false, err
	}
	if !others {
		_, err := d.announce(ctx, tx, by, n)
		return false, err
	}
	if err := d.makeRoom(ctx, tx, by, n.Partner); err != nil {
		return false, err
	}
	n.ID = loot.NewID("p")
	if n.Approval, err = d.Gate.Ask(ctx, tx, Kind, by, matter{n.Partner, n.ID}, 1, ""); err != nil {
		return false, err
	}
	return true, d.keep(ctx, tx, by, n)
}

// makeRoom takes back the announcements of a partner to which nobody agreed, as another one
// is asked for now. It returns an error if a second person can still agree to one.
func (d *Partners) makeRoom(ctx context.Context, tx *store.Tx, by loot.Actor, partner string) error {
	asked, err := notices(ctx, tx, `partner = $1 AND ended = 0 AND approval <> ''`, partner)
	if err != nil {
		return err
	}
	for _, n := range asked {
		a, err := d.Gate.Standing(ctx, tx, n.Approval)
		if err != nil {
			return err
		}
		switch a.State {
		case gate.Pending:
			return loot.Errorf(loot.Conflict, "An announcement of this company waits for a second person already. Take it back before you ask for another.")
		case gate.Approved:
			continue // its letters go in a moment
		}
		if err := d.withdrawNotice(ctx, tx, by, n.ID); err != nil {
			return err
		}
	}
	return nil
}

// othersFor reports whether a second person has to agree to a notice, and there is one.
func (d *Partners) othersFor(ctx context.Context, tx *store.Tx, by loot.Actor, n notice) (bool, error) {
	if n.Kind != succession {
		return false, nil
	}
	needed, err := d.needs.Needed(ctx, tx, by)
	return needed > 0, err
}

// approved has the letters of a succession go once a second person agreed.
func (d *Partners) approved(ctx context.Context, id string) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		a, _, raw, _, err := d.Gate.Approval(ctx, tx, id)
		if err != nil || a.Kind != Kind {
			return err
		}
		switch err := d.Gate.End(ctx, tx, Kind, id); {
		case loot.KindOf(err) == loot.Conflict:
			return nil // they go already: the notice of the approval came twice
		case err != nil:
			return err
		}
		var m matter
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Errorf("partners: approval %s: %w", id, err)
		}
		n, ok, err := findNotice(ctx, tx, m.Notice)
		if err != nil || !ok {
			return err // taken back in the meantime
		}
		by := loot.Actor{Kind: loot.Staff, ID: a.Requester}
		signed, err := standing(ctx, tx, n.Partner)
		if err != nil {
			return err
		}
		if signed.ID == "" { // revoked in the meantime, so there is nothing to tell
			return d.withdrawNotice(ctx, tx, by, n.ID)
		}
		if _, err := tx.Exec(ctx, `UPDATE partners_notice SET approval = '' WHERE id = $1`, n.ID); err != nil {
			return fmt.Errorf("partners: approved: %w", err)
		}
		return d.begun(ctx, tx, by, n)
	})
}

// Describe says what an approval of this desk is about, and where its letter stands.
func (d *Partners) Describe(ctx context.Context, tx *store.Tx, raw []byte) (text, href string, err error) {
	var m matter
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", "", fmt.Errorf("partners: matter: %w", err)
	}
	n, ok, err := findNotice(ctx, tx, m.Notice)
	if err != nil {
		return "", "", err
	}
	if !ok {
		return "It was taken back.", path(m.Partner), nil
	}
	s, to, err := d.partner(m.Partner)
	if loot.KindOf(err) == loot.NotFound {
		return "The statement names this company no longer.", path(m.Partner), nil
	}
	if err != nil {
		return "", "", err
	}
	return to.Title + " takes over " + whatMoves(s, n), path(m.Partner) + "/notice/" + n.ID, nil
}

// countable is how many customers are looked at one by one to say how many a notice is about.
const countable = 5000

// whom says to how many a notice would go. It looks at many customers, so only whoever is
// about to announce one is told.
func (d *Partners) whom(ctx context.Context, tx *store.Tx, n notice) (string, error) {
	total, err := d.Vault.Count(ctx, tx, collection)
	if err != nil || len(n.Services) == 0 {
		return loot.Plural(total, "customer", "customers"), err
	}
	if total > countable {
		return fmt.Sprintf("those of %d customers who have such a service", total), nil
	}
	concerned := 0
	for after := loot.Subject(""); ; {
		rows, err := d.Vault.List(ctx, tx, collection, after, pageSize)
		if err != nil {
			return "", err
		}
		for _, r := range rows {
			if r.Erased() {
				continue
			}
			is, err := d.concerned(ctx, tx, n, r.Subject)
			if err != nil {
				return "", err
			}
			if is {
				concerned++
			}
		}
		if len(rows) < pageSize {
			return loot.Plural(concerned, "customer", "customers"), nil
		}
		after = rows[pageSize-1].Subject
	}
}

// noticeState says how far a notice is.
func (d *Partners) noticeState(ctx context.Context, tx *store.Tx, n notice) (web.Badge, error) {
	switch {
	case !n.Ended.IsZero():
		return web.Badge{Text: "taken back"}, nil
	case n.Approval != "":
		a, err := d.Gate.Standing(ctx, tx, n.Approval)
		switch a.State {
		case gate.Refused:
			return web.Badge{Tone: web.Bad, Text: "a second person said no", Icon: "x"}, err
		case gate.Expired:
			return web.Badge{Tone: web.Warn, Text: "nobody agreed in time", Icon: "clock-alert"}, err
		}
		return web.Badge{Tone: web.Info, Text: "waits for a second person", Icon: "users"}, err
	case n.Announced.IsZero():
		return web.Badge{Tone: web.Info, Text: "letters are going out", Icon: "send"}, nil
	case n.Due.After(d.Now()):
		return web.Badge{Tone: web.Info, Text: "time to object until " + n.Due.Format("2 Jan 2006"), Icon: "hourglass"}, nil
	}
	return web.Badge{Tone: web.Good, Text: "counts since " + n.Due.Format("2 Jan 2006"), Icon: "check"}, nil
}
