package staff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/gate"
	"loot/store"
)

// The kinds of matter that need other people's approval.
const (
	kindNew    = "staff.new"
	kindRoles  = "staff.roles"
	kindReset  = "staff.reset"
	kindRemove = "staff.remove"
)

// enough is how many other people approve a change of who may do what.
const enough = 2

// A change is what is approved: exactly this, of the account as it was then.
type change struct {
	Account string      `json:"account"`
	Roles   []loot.Role `json:"roles,omitempty"`
	Version int64       `json:"version"`
}

// needed returns how many other people have to approve what by asks for. It is
// two, or as many as there are: where nobody else approves, the install is run
// by one person and says so in public (see [Desk.Solo]). A suspended account
// counts on, so that nobody gets round an approval by suspending the approvers.
func (d *Desk) needed(ctx context.Context, tx *store.Tx, by string) (int, error) {
	n, err := d.approvers(ctx, tx, by)
	return min(n, enough), err
}

// Needed is how many other people have to approve a matter of another desk
// that asks for two.
func (d *Desk) Needed(ctx context.Context, tx *store.Tx, by loot.Actor) (int, error) {
	return d.needed(ctx, tx, by.ID)
}

func (d *Desk) approvers(ctx context.Context, tx *store.Tx, except string) (n int, err error) {
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM staff_account WHERE approver > 0 AND approver <= $1 AND state IN ('active', 'suspended') AND id <> $2`,
		d.kit.Now().Add(-gate.YoungAccount).UnixMicro(), except).Scan(&n); err != nil {
		return 0, fmt.Errorf("staff: approvers: %w", err)
	}
	return n, nil
}

// Solo reports whether the install is run by so few people that nobody's
// change of accounts and roles needs two others. The public page says so.
func (d *Desk) Solo(ctx context.Context, tx *store.Tx) (bool, error) {
	n, err := d.approvers(ctx, tx, "")
	return n < enough, err
}

// checkRoles refuses roles that the statement does not declare, and whoever
// administers accounts and approves too: they could make their own approvers.
func (d *Desk) checkRoles(roles []loot.Role) error {
	wrong := func(text string) error {
		return &loot.Error{Kind: loot.Invalid, Msg: text, Fields: map[string]string{"roles": text}}
	}
	s, ok := d.inForce()
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet, so there are no roles.")
	}
	for _, id := range roles {
		if _, ok := s.Role(id); !ok {
			return wrong("The statement in force declares no such role.")
		}
	}
	if d.has(roles, administers) && d.has(roles, approves) {
		return wrong("Whoever administers accounts cannot hold a role that approves: they could make their own approvers.")
	}
	return nil
}

// An outcome says what became of a change that was asked for.
type outcome struct {
	Approval string // waits for this; empty: it is done
	Needed   int
}

// propose asks for a new account, which waits until others have approved it.
func (d *Desk) propose(ctx context.Context, tx *store.Tx, by loot.Actor, name, email string, roles []loot.Role, reason string) (outcome, error) {
	if err := d.need(by, administers, "make accounts"); err != nil {
		return outcome{}, err
	}
	if err := d.checkRoles(roles); err != nil {
		return outcome{}, err
	}
	now := d.kit.Now()
	m := Member{ID: loot.NewID("u"), Name: name, Email: email, Roles: roles, State: Proposed, Made: now, Since: now, Version: 1}
	if err := d.insert(ctx, tx, m); err != nil {
		return outcome{}, err
	}
	return d.ask(ctx, tx, kindNew, by, change{m.ID, roles, m.Version}, reason)
}

// ask has others approve a change, or carries it out where there are none.
func (d *Desk) ask(ctx context.Context, tx *store.Tx, kind string, by loot.Actor, c change, reason string) (outcome, error) {
	n, err := d.needed(ctx, tx, by.ID)
	if err != nil {
		return outcome{}, err
	}
	if n == 0 {
		if _, err := d.kit.Gate.Note(ctx, tx, by, kind+" alone", reason); err != nil {
			return outcome{}, err
		}
		return outcome{}, d.carryOut(ctx, tx, kind, c)
	}
	id, err := d.kit.Gate.Ask(ctx, tx, kind, by, c, n, reason)
	return outcome{id, n}, err
}

// giveRoles asks for other roles of an account. Taking a role away needs
// nobody, unless it is one that approves.
func (d *Desk) giveRoles(ctx context.Context, tx *store.Tx, by loot.Actor, account string, version int64, roles []loot.Role, reason string) (outcome, error) {
	if err := d.need(by, administers, "change roles"); err != nil {
		return outcome{}, err
	}
	if err := d.checkRoles(roles); err != nil {
		return outcome{}, err
	}
	m, err := d.locked(ctx, tx, account)
	if err != nil {
		return outcome{}, err
	}
	if m.Version != version {
		return outcome{}, loot.Errorf(loot.Conflict, "The account was changed meanwhile. Open it again to see how it is now.")
	}
	if m.State == Proposed || m.State == Removed {
		return outcome{}, loot.Errorf(loot.Conflict, "The roles of this account cannot be changed: it is %s.", m.State)
	}
	slices.Sort(roles)
	if have := slices.Sorted(slices.Values(m.Roles)); slices.Equal(have, roles) {
		return outcome{}, loot.Errorf(loot.Conflict, "These are the roles that the account has.")
	}
	c := change{account, roles, version}
	fewer := !slices.ContainsFunc(roles, func(r loot.Role) bool { return !slices.Contains(m.Roles, r) })
	if fewer && d.has(m.Roles, approves) == d.has(roles, approves) {
		if _, err := d.kit.Gate.Note(ctx, tx, by, "staff.roles fewer", reason); err != nil {
			return outcome{}, err
		}
		return outcome{}, d.carryOut(ctx, tx, kindRoles, c)
	}
	return d.ask(ctx, tx, kindRoles, by, c, reason)
}

// resetWays asks for an account's ways of signing in to be renewed: whoever
// can do that alone can become anybody.
func (d *Desk) resetWays(ctx context.Context, tx *store.Tx, by loot.Actor, account, reason string) (outcome, error) {
	if err := d.need(by, administers, "renew how somebody signs in"); err != nil {
		return outcome{}, err
	}
	m, err := d.locked(ctx, tx, account)
	if err != nil {
		return outcome{}, err
	}
	if !m.maySet() {
		return outcome{}, loot.Errorf(loot.Conflict, "This account cannot sign in: it is %s.", m.State)
	}
	return d.ask(ctx, tx, kindReset, by, change{Account: account, Version: m.Version}, reason)
}

// remove closes an account for good. It needs others if the account approves,
// and nobody otherwise: whoever leaves is to be out at once.
func (d *Desk) remove(ctx context.Context, tx *store.Tx, by loot.Actor, account, reason string) (outcome, error) {
	if err := d.need(by, administers, "remove accounts"); err != nil {
		return outcome{}, err
	}
	if account == by.ID {
		return outcome{}, loot.Errorf(loot.Conflict, "You cannot remove yourself. A colleague has to.")
	}
	m, err := d.locked(ctx, tx, account)
	if err != nil {
		return outcome{}, err
	}
	if m.State == Removed {
		return outcome{}, loot.Errorf(loot.Conflict, "This account was removed already.")
	}
	c := change{Account: account, Version: m.Version}
	if !m.Approver.IsZero() {
		return d.ask(ctx, tx, kindRemove, by, c, reason)
	}
	if _, err := d.kit.Gate.Note(ctx, tx, by, kindRemove, reason); err != nil {
		return outcome{}, err
	}
	return outcome{}, d.carryOut(ctx, tx, kindRemove, c)
}

// suspend keeps an account out, at once and without anybody's approval: a
// stolen device cannot wait. It takes nothing away, so it can be undone alone.
func (d *Desk) suspend(ctx context.Context, tx *store.Tx, by loot.Actor, account, reason string, out bool) error {
	if err := d.need(by, administers, "suspend accounts"); err != nil {
		return err
	}
	if account == by.ID {
		return loot.Errorf(loot.Conflict, "You cannot suspend yourself. A colleague has to.")
	}
	m, err := d.locked(ctx, tx, account)
	if err != nil {
		return err
	}
	from, to, note := Suspended, Active, "staff.resumed"
	if out {
		from, to, note = Active, Suspended, "staff.suspended"
	}
	if m.State != from {
		return loot.Errorf(loot.Conflict, "The account is %s.", m.State)
	}
	m.State = to
	if out {
		if err := d.signIn.EndSessions(ctx, tx, account); err != nil {
			return err
		}
	} else {
		m.Since = d.kit.Now() // and so approves nothing for a while
	}
	if err := d.update(ctx, tx, m); err != nil {
		return err
	}
	_, err = d.kit.Gate.Note(ctx, tx, by, note, reason)
	return err
}

// carryOut makes a change that was approved. Done twice it does nothing more,
// and nothing at all to an account that changed since.
func (d *Desk) carryOut(ctx context.Context, tx *store.Tx, kind string, c change) error {
	m, err := d.locked(ctx, tx, c.Account)
	if loot.KindOf(err) == loot.NotFound {
		return nil // a proposal that expired meanwhile
	}
	if err != nil || m.Version != c.Version {
		return err
	}
	now := d.kit.Now()
	switch kind {
	case kindNew:
		if m.State != Proposed {
			return nil
		}
		m = d.withRoles(m, c.Roles, now)
		m.State = Invited
		if err := d.signIn.Invite(ctx, tx, m.ID); err != nil {
			return err
		}
	case kindRoles:
		m = d.withRoles(m, c.Roles, now)
	case kindReset:
		m.Since = now
		if err := d.signIn.Reset(ctx, tx, m.ID); err != nil {
			return err
		}
	case kindRemove:
		m.State, m.Roles, m.Approver = Removed, nil, time.Time{}
		// The address is free for somebody who comes back, under a new account.
		if _, err := tx.Exec(ctx, `UPDATE staff_account SET email = $1 WHERE id = $2`, d.emailHash("removed "+m.ID), m.ID); err != nil {
			return fmt.Errorf("staff: remove: %w", err)
		}
		if err := d.signIn.Forget(ctx, tx, m.ID); err != nil {
			return err
		}
	default:
		return fmt.Errorf("staff: no change of the kind %q", kind)
	}
	return d.update(ctx, tx, m)
}

// approved carries out what was approved, if it is this desk's.
func (d *Desk) approved(ctx context.Context, id string) error {
	err := d.kit.Gate.InTx(ctx, func(tx *store.Tx) error {
		a, _, matter, _, err := d.kit.Gate.Approval(ctx, tx, id)
		if err != nil {
			return err
		}
		if !slices.Contains([]string{kindNew, kindRoles, kindReset, kindRemove}, a.Kind) {
			return nil
		}
		switch err := d.kit.Gate.End(ctx, tx, a.Kind, id); {
		case loot.KindOf(err) == loot.Conflict:
			return nil // done before: the notice came twice
		case err != nil:
			return err
		}
		var c change
		if err := json.Unmarshal(matter, &c); err != nil {
			return fmt.Errorf("staff: approved change: %w", err)
		}
		if c.Roles != nil {
			if err := d.checkRoles(c.Roles); err != nil {
				return errors.Join(errObsolete, err)
			}
		}
		return d.carryOut(ctx, tx, a.Kind, c)
	})
	if errors.Is(err, errObsolete) {
		d.kit.Log.WarnContext(ctx, "an approved change does not fit the statement in force any more", "err", err)
		return nil
	}
	return err
}

var errObsolete = errors.New("staff: obsolete change")

// voter returns a member of staff as who approves.
func (d *Desk) voter(ctx context.Context, tx *store.Tx, a loot.Actor) (gate.Voter, error) {
	m, ok, err := d.Member(ctx, tx, a.ID)
	if err == nil && !ok {
		err = errNobody
	}
	return gate.Voter{Actor: a, Since: m.Since}, err
}
