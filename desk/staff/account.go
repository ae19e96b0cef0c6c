package staff

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/store"
)

// A State says where an account stands.
type State string

// The states of an account.
const (
	Proposed  State = "proposed"  // waits for other people's approval
	Invited   State = "invited"   // has not signed in yet
	Active    State = "active"    // may sign in
	Suspended State = "suspended" // may not, for now
	Removed   State = "removed"   // never again; kept because the ledger names it
)

// A Member is an account of a member of staff.
type Member struct {
	ID       string
	Name     string
	Email    string
	Roles    []loot.Role
	State    State
	Made     time.Time
	Since    time.Time // when it was made, its roles changed or it was let in again
	Approver time.Time // since when it has an approving role; zero: it has none
	Version  int64
}

// Actor returns the member as who acts.
func (m Member) Actor() loot.Actor {
	return loot.Actor{Kind: loot.Staff, ID: m.ID, Name: m.Name, Roles: m.Roles}
}

// Joined reports whether the member has signed in before.
func (m Member) Joined() bool { return m.State == Active || m.State == Suspended }

// profile is what is sealed of an account.
type profile struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

const columns = `id, profile, roles, state, made, since, approver, version`

func (d *Desk) scan(row interface{ Scan(...any) error }) (Member, error) {
	var m Member
	var sealed []byte
	var roles string
	var made, since, approver int64
	if err := row.Scan(&m.ID, &sealed, &roles, &m.State, &made, &since, &approver, &m.Version); err != nil {
		return Member{}, err
	}
	b, err := d.sealer.Open(sealed, []byte(m.ID))
	if err != nil {
		return Member{}, fmt.Errorf("staff: unseal account: %w", err)
	}
	var p profile
	if err := json.Unmarshal(b, &p); err != nil {
		return Member{}, fmt.Errorf("staff: account: %w", err)
	}
	if err := json.Unmarshal([]byte(roles), &m.Roles); err != nil {
		return Member{}, fmt.Errorf("staff: roles: %w", err)
	}
	m.Name, m.Email = p.Name, p.Email
	m.Made, m.Since, m.Approver = store.Instant(made), store.Instant(since), store.Instant(approver)
	return m, nil
}

// Member returns an account; false if there is none.
func (d *Desk) Member(ctx context.Context, tx *store.Tx, id string) (Member, bool, error) {
	return d.one(tx.QueryRow(ctx, `SELECT `+columns+` FROM staff_account WHERE id = $1`, id))
}

// locked is Member, and nobody else changes the account meanwhile.
func (d *Desk) locked(ctx context.Context, tx *store.Tx, id string) (Member, error) {
	m, ok, err := d.one(tx.QueryRow(ctx, `SELECT `+columns+` FROM staff_account WHERE id = $1`+tx.ForUpdate(), id))
	if err == nil && !ok {
		err = errNobody
	}
	return m, err
}

var errNobody = loot.Errorf(loot.NotFound, "There is no such colleague.")

func (d *Desk) one(row store.Row) (Member, bool, error) {
	m, err := d.scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		return Member{}, false, nil
	}
	if err != nil {
		return Member{}, false, fmt.Errorf("staff: account: %w", err)
	}
	return m, true, nil
}

// Find returns the account with an address that may sign in or was invited to;
// false if there is none.
func (d *Desk) Find(ctx context.Context, tx *store.Tx, email string) (Member, bool, error) {
	m, ok, err := d.one(tx.QueryRow(ctx, `SELECT `+columns+` FROM staff_account WHERE email = $1`, d.emailHash(email)))
	return m, ok && m.maySet(), err
}

// Invitee returns an account that may sign in or was invited to; false if there
// is none.
func (d *Desk) Invitee(ctx context.Context, tx *store.Tx, id string) (Member, bool, error) {
	m, ok, err := d.Member(ctx, tx, id)
	return m, ok && m.maySet(), err
}

// maySet reports whether the member may set up how they sign in.
func (m Member) maySet() bool { return m.State == Active || m.State == Invited }

// Actor returns who acts under an id, with the roles of this moment that the
// statement in force knows; the zero Actor if they may not sign in.
func (d *Desk) Actor(ctx context.Context, tx *store.Tx, id string) (loot.Actor, error) {
	m, ok, err := d.Member(ctx, tx, id)
	if err != nil || !ok || m.State != Active {
		return loot.Actor{}, err
	}
	a := m.Actor()
	if s, ok := d.inForce(); ok {
		a.Roles = slices.DeleteFunc(a.Roles, func(r loot.Role) bool { _, ok := s.Role(r); return !ok })
	}
	return a, nil
}

// members returns every account, the oldest first.
func (d *Desk) members(ctx context.Context, tx *store.Tx) ([]Member, error) {
	rows, err := tx.Query(ctx, `SELECT `+columns+` FROM staff_account ORDER BY made, id`)
	if err != nil {
		return nil, fmt.Errorf("staff: accounts: %w", err)
	}
	defer rows.Close()
	var out []Member
	for rows.Next() {
		m, err := d.scan(rows)
		if err != nil {
			return nil, fmt.Errorf("staff: accounts: %w", err)
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// Everybody returns all who have signed in before, also those who are
// suspended.
func (d *Desk) Everybody(ctx context.Context, tx *store.Tx) ([]loot.Actor, error) {
	all, err := d.members(ctx, tx)
	if err != nil {
		return nil, err
	}
	var out []loot.Actor
	for _, m := range all {
		if m.Joined() {
			out = append(out, m.Actor())
		}
	}
	return out, nil
}

// Empty reports whether there is no account yet.
func (d *Desk) Empty(ctx context.Context, tx *store.Tx) (bool, error) {
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM staff_account WHERE state <> 'proposed'`).Scan(&n); err != nil {
		return false, fmt.Errorf("staff: accounts: %w", err)
	}
	return n == 0, nil
}

func (d *Desk) emailHash(email string) []byte {
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte("email\x00" + strings.ToLower(strings.TrimSpace(email))))
	return mac.Sum(nil)
}

// insert keeps a new account.
func (d *Desk) insert(ctx context.Context, tx *store.Tx, m Member) error {
	b, err := json.Marshal(profile{m.Name, m.Email})
	if err != nil {
		return fmt.Errorf("staff: account: %w", err)
	}
	sealed, err := d.sealer.Seal(b, []byte(m.ID))
	if err != nil {
		return fmt.Errorf("staff: account: %w", err)
	}
	roles, err := rolesText(m.Roles)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `INSERT INTO staff_account (id, profile, email, roles, state, made, since, approver, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1) ON CONFLICT (email) DO NOTHING`,
		m.ID, sealed, d.emailHash(m.Email), roles, string(m.State), m.Made.UnixMicro(), m.Since.UnixMicro(), store.Micro(m.Approver))
	if err != nil {
		return fmt.Errorf("staff: insert: %w", err)
	}
	if n == 0 {
		return &loot.Error{Kind: loot.Invalid, Msg: "There is an account with this address already.", Fields: map[string]string{"email": "There is an account with this address already."}}
	}
	return nil
}

// update keeps roles and state of an account, and counts its version on.
func (d *Desk) update(ctx context.Context, tx *store.Tx, m Member) error {
	roles, err := rolesText(m.Roles)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE staff_account SET roles = $1, state = $2, since = $3, approver = $4, version = version + 1 WHERE id = $5 AND version = $6`,
		roles, string(m.State), m.Since.UnixMicro(), store.Micro(m.Approver), m.ID, m.Version)
	if err != nil {
		return fmt.Errorf("staff: update: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.Conflict, "The account was changed meanwhile. Open it again to see how it is now.")
	}
	return nil
}

func rolesText(roles []loot.Role) (string, error) {
	if roles == nil {
		roles = []loot.Role{}
	}
	b, err := json.Marshal(roles)
	if err != nil {
		return "", fmt.Errorf("staff: roles: %w", err)
	}
	return string(b), nil
}

// withRoles gives the member roles as of now. Since when it approves goes on
// when it did before: that decides how many approvals others need, and nobody
// may shorten it by changing a role to and fro.
func (d *Desk) withRoles(m Member, roles []loot.Role, now time.Time) Member {
	m.Roles, m.Since = roles, now
	switch {
	case !d.has(roles, approves):
		m.Approver = time.Time{}
	case m.Approver.IsZero():
		m.Approver = now
	}
	return m
}

// First makes the first administrator, under the id given. Nobody can approve
// it; the ledger says so.
func (d *Desk) First(ctx context.Context, tx *store.Tx, id, name, email string) error {
	empty, err := d.Empty(ctx, tx)
	if err != nil {
		return err
	}
	if !empty {
		return loot.Errorf(loot.Conflict, "There is an account already. Its administrator can invite you.")
	}
	s, ok := d.inForce()
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet, so there are no roles.")
	}
	var roles []loot.Role
	for _, r := range s.Roles() {
		if r.Administers {
			roles = append(roles, r.ID)
		}
	}
	now := d.kit.Now()
	m := Member{ID: id, Name: name, Email: email, Roles: roles, State: Invited, Made: now, Since: now}
	if err := d.insert(ctx, tx, m); err != nil {
		return err
	}
	_, err = d.kit.Gate.Note(ctx, tx, m.Actor(), "staff.first", "")
	return err
}

// Joined makes an account that was invited active: it can sign in now.
func (d *Desk) Joined(ctx context.Context, tx *store.Tx, id string) error {
	m, err := d.locked(ctx, tx, id)
	if err != nil || m.State != Invited {
		return err
	}
	m.State = Active
	return d.update(ctx, tx, m)
}

// A Newcomer is somebody made without being invited: in a proof or in the
// demonstration.
type Newcomer struct {
	Name, Email string
	Roles       []loot.Role
	Signed      bool      // the undertaking
	Since       time.Time // zero: now
}

// Add makes an active account without anybody's approval. It is for scratch
// copies and the demonstration only, where no person is behind an account.
func (d *Desk) Add(ctx context.Context, tx *store.Tx, n Newcomer) (loot.Actor, error) {
	now := d.kit.Now()
	if !n.Since.IsZero() {
		now = n.Since
	}
	m := d.withRoles(Member{ID: loot.NewID("u"), Name: n.Name, Email: n.Email, State: Active, Made: now}, n.Roles, now)
	if err := d.insert(ctx, tx, m); err != nil {
		return loot.Actor{}, err
	}
	if n.Signed {
		if err := d.sign(ctx, tx, m.Actor(), n.Name); err != nil {
			return loot.Actor{}, err
		}
	}
	return m.Actor(), nil
}

// Name returns what a member of staff is called; empty if there is none.
func (d *Desk) Name(ctx context.Context, tx *store.Tx, id string) (string, error) {
	m, _, err := d.Member(ctx, tx, id)
	return m.Name, err
}
