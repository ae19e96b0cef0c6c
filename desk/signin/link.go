package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/store"
	"loot/vault"
)

// What a one-time link is for. It is good for nothing else.
const (
	linkFirst = "first" // makes the first administrator
	linkJoin  = "join"  // sets up a way of signing in for an account that was invited, or lost its own
	linkEnter = "enter" // signs a customer in

	linkConfirm = "confirm" // lets a customer's new address count; leads to the number of what waits

	// Of the demonstration, where everybody may look round as anybody, and come
	// back. These alone are not used up.
	linkDemoStaff    = "demo-staff"
	linkDemoCustomer = "demo-customer"
)

var linkLife = map[string]time.Duration{
	linkFirst: 7 * 24 * time.Hour, linkJoin: 72 * time.Hour, linkEnter: 15 * time.Minute, linkConfirm: vault.ProposalLife,
	linkDemoStaff: 30 * 24 * time.Hour, linkDemoCustomer: 30 * 24 * time.Hour,
}

// A link is one that was sent and not used yet.
type link struct {
	hash    []byte
	purpose string
	owner   string
	next    string
}

// errLink does not say whether there ever was such a link.
var errLink = loot.Errorf(loot.NotFound, "This link does not work any more: it was used, or it is too old. Please ask for a new one.")

// makeLink keeps a new link and returns what stands in it. Only its hash is
// kept, so nobody can read it again.
func (d *Desk) makeLink(ctx context.Context, tx *store.Tx, purpose, owner, next string) (string, error) {
	now := d.kit.Now()
	token := newSecret()
	if err := tx.Queue(ctx, `INSERT INTO signin_link (hash, purpose, owner, next, made, ends) VALUES ($1, $2, $3, $4, $5, $6)`,
		digest(token), purpose, owner, next, now.UnixMicro(), expires(now, linkLife[purpose])); err != nil {
		return "", fmt.Errorf("signin: link: %w", err)
	}
	return token, nil
}

// findLink returns a link that still works, for one of the purposes.
func (d *Desk) findLink(ctx context.Context, tx *store.Tx, token string, purposes ...string) (link, error) {
	if len(token) > maxToken {
		return link{}, errLink
	}
	l := link{hash: digest(token)}
	err := tx.QueryRow(ctx, `SELECT purpose, owner, next FROM signin_link WHERE hash = $1 AND ends > $2`, l.hash, d.kit.Now().UnixMicro()).
		Scan(&l.purpose, &l.owner, &l.next)
	if errors.Is(err, sql.ErrNoRows) {
		return link{}, errLink
	}
	if err != nil {
		return link{}, fmt.Errorf("signin: link: %w", err)
	}
	for _, p := range purposes {
		if l.purpose == p {
			return l, nil
		}
	}
	return link{}, errLink
}

// useLink uses a link up; of two who try at the same time, one does.
func (d *Desk) useLink(ctx context.Context, tx *store.Tx, hash []byte) error {
	n, err := tx.Exec(ctx, `DELETE FROM signin_link WHERE hash = $1`, hash)
	if err != nil {
		return fmt.Errorf("signin: link: %w", err)
	}
	if n == 0 {
		return errLink
	}
	return nil
}

// dropLinks makes every link of somebody for a purpose worthless.
func (d *Desk) dropLinks(ctx context.Context, tx *store.Tx, purpose, owner string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM signin_link WHERE purpose = $1 AND owner = $2`, purpose, owner); err != nil {
		return fmt.Errorf("signin: links: %w", err)
	}
	return nil
}

// FirstAdminLink returns the one-time link that makes the first administrator,
// and nothing once there is an account. Each call makes the earlier ones
// worthless. It is printed where the server was started.
func (d *Desk) FirstAdminLink(ctx context.Context) (string, error) {
	var token string
	err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		token = ""
		empty, err := d.accounts.Empty(ctx, tx)
		if err != nil {
			return err
		}
		if err := d.dropLinks(ctx, tx, linkFirst, ""); err != nil || !empty {
			return err
		}
		token, err = d.makeLink(ctx, tx, linkFirst, "", "")
		return err
	})
	if err != nil || token == "" {
		return "", err
	}
	return d.kit.BaseURL + welcomePath + token, nil
}

// DemoLink returns a link that signs a member of staff of the
// demonstration in, as somebody who looks round has no passkey of theirs.
func (d *Desk) DemoLink(ctx context.Context, tx *store.Tx, account string) (string, error) {
	token, err := d.makeLink(ctx, tx, linkDemoStaff, account, "/console")
	if err != nil {
		return "", err
	}
	return d.kit.BaseURL + welcomePath + token, nil
}

// DemoCustomerLink is [Desk.DemoLink] for a customer.
func (d *Desk) DemoCustomerLink(ctx context.Context, tx *store.Tx, s loot.Subject) (string, error) {
	token, err := d.makeLink(ctx, tx, linkDemoCustomer, string(s), "/portal")
	if err != nil {
		return "", err
	}
	return d.kit.BaseURL + enterPath + token, nil
}
