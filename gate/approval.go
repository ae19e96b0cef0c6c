package gate

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/job"
	"loot/store"
)

// approvalLife is how long an approval waits and, once given, can be used.
const approvalLife = 72 * time.Hour

// YoungAccount is how long an account approves nothing after it was made or
// its roles changed.
const YoungAccount = 72 * time.Hour

// An Approval is something that waits for other people's yes.
type Approval struct {
	ID        string
	Kind      string // "open", or a desk's own such as "statement.publish"
	Requester string // staff id
	Needed    int
	Granted   int
	Made      time.Time
	Expires   time.Time // until when it can be voted on, used or gone on with
	State     ApprovalState
}

// An ApprovalState is how an approval stands now.
type ApprovalState string

// The states of an approval.
const (
	Pending  ApprovalState = "pending"
	Approved ApprovalState = "approved" // and can be used
	Refused  ApprovalState = "refused"
	Begun    ApprovalState = "begun" // see [Gate.Begin]
	Used     ApprovalState = "used"
	Expired  ApprovalState = "expired" // before it was voted on, used or ended; never stored
)

// Sealed is what the gate keeps sealed by its Sealer.
func Sealed() store.Sealed {
	return store.Sealed{Table: "gate_approval", Key: []string{"id"}, Column: "request"}
}

// asked is what an approval is about.
type asked struct {
	Request *Request        `json:"request,omitempty"` // of kind "open"
	Subject json.RawMessage `json:"subject,omitempty"` // of a desk's own kind
	Reason  string          `json:"reason,omitempty"`
}

// RequestApproval keeps a refused request until enough other people approved.
// What is kept is the request, never a permit: it is decided again when it is
// used. If the same person asked for the same already, that is what is
// returned, and nobody is asked twice.
func (g *Gate) RequestApproval(ctx context.Context, tx *store.Tx, r Request, needed int) (loot.Awaited, error) {
	r.Approval = ""
	// The second of two who ask at once waits here, and finds what the first left.
	if _, _, err := g.person(ctx, tx, r.Subject, tx.ForUpdate()); err != nil {
		return loot.Awaited{}, err
	}
	found, err := g.Awaited(ctx, tx, r)
	if err != nil {
		return loot.Awaited{}, err
	}
	if found != nil {
		return *found, nil
	}
	id, err := g.ask(ctx, tx, "open", r.by(), r.digest(), needed, asked{Request: &r, Reason: r.Reason})
	if err != nil {
		return loot.Awaited{}, err
	}
	a, _, err := g.approval(ctx, tx, id, "")
	return a.awaited(), err
}

// Awaited returns the approval of exactly r, as it was asked for by the same,
// that waits or was given and can still be used; nil if there is none.
func (g *Gate) Awaited(ctx context.Context, tx *store.Tx, r Request) (*loot.Awaited, error) {
	a, err := g.latest(ctx, tx, "open", r.by(), r.digest())
	if err != nil || a.State != Pending && a.State != Approved {
		return nil, err
	}
	found := a.awaited()
	return &found, nil
}

// Asked returns the approval of exactly this matter of a desk's own kind, as it
// was asked for by the same: one that was begun and can still be gone on with,
// that was given and can still be used, that waits, or that was refused last and
// could still be agreed to; the first of these that there is, and the zero
// Approval if there is none.
func (g *Gate) Asked(ctx context.Context, tx *store.Tx, kind string, by loot.Actor, matter any) (Approval, error) {
	b, err := json.Marshal(matter)
	if err != nil {
		return Approval{}, fmt.Errorf("gate: asked: %w", err)
	}
	return g.latest(ctx, tx, kind, by, matterDigest(kind, b))
}

func (g *Gate) latest(ctx context.Context, tx *store.Tx, kind string, by loot.Actor, digest []byte) (Approval, error) {
	a, err := g.scanApproval(tx.QueryRow(ctx, `SELECT `+approvalColumns+` FROM gate_approval
		WHERE digest = $1 AND kind = $2 AND requester = $3 AND state <> 'used' AND expires >= $4
		ORDER BY CASE state WHEN 'begun' THEN 0 WHEN 'approved' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END, made DESC LIMIT 1`,
		digest, kind, by.ID, store.Micro(g.Now())))
	if errors.Is(err, sql.ErrNoRows) {
		return Approval{}, nil
	}
	return a, err
}

func (a Approval) awaited() loot.Awaited {
	return loot.Awaited{ID: a.ID, Asked: a.Made, Until: a.Expires, Agreed: a.Granted, Needed: a.Needed}
}

// Ask keeps a desk's own matter, such as the publishing of a statement, until
// enough other people approved. The notice "approval.given" with its id says
// when that is so.
func (g *Gate) Ask(ctx context.Context, tx *store.Tx, kind string, by loot.Actor, matter any, needed int, reason string) (string, error) {
	b, err := json.Marshal(matter)
	if err != nil {
		return "", fmt.Errorf("gate: ask: %w", err)
	}
	return g.ask(ctx, tx, kind, by, matterDigest(kind, b), needed, asked{Subject: b, Reason: reason})
}

func matterDigest(kind string, matter []byte) []byte { return []byte(digestKey(kind, string(matter))) }

// Begin takes an approval of a desk's own kind for its one use, which may take
// longer than a transaction. Whoever is interrupted goes on with it until
// [Gate.End], for as long as an approval lives: what fails again and again is
// not agreed to for good.
func (g *Gate) Begin(ctx context.Context, tx *store.Tx, kind, id string) error {
	now := g.Now()
	n, err := tx.Exec(ctx, `UPDATE gate_approval SET state = 'begun', expires = $1 WHERE id = $2 AND kind = $3 AND state = 'approved' AND expires >= $4`,
		store.Micro(now.Add(approvalLife)), id, kind, store.Micro(now))
	return moved(n, err)
}

// End says that what was approved, or begun under an approval, is done: the
// approval is used. It may take as long as it takes. The error is of kind
// [loot.Conflict] if nobody approved it, or it was done before.
func (g *Gate) End(ctx context.Context, tx *store.Tx, kind, id string) error {
	n, err := tx.Exec(ctx, `UPDATE gate_approval SET state = 'used' WHERE id = $1 AND kind = $2 AND state IN ('approved', 'begun')`, id, kind)
	return moved(n, err)
}

// TakeBack says that whoever asked does not want it any more: an approval that waits
// expires at once, and nobody answers it. What was answered or expired before stays as it is.
func (g *Gate) TakeBack(ctx context.Context, tx *store.Tx, by loot.Actor, kind, id string) error {
	now := g.Now()
	n, err := tx.Exec(ctx, `UPDATE gate_approval SET expires = $1 WHERE id = $2 AND kind = $3 AND state = 'pending' AND expires >= $4`,
		store.Micro(now.Add(-time.Microsecond)), id, kind, store.Micro(now))
	if err != nil {
		return fmt.Errorf("gate: take back: %w", err)
	}
	if n == 0 {
		return nil
	}
	_, err = g.Note(ctx, tx, by, "approval.taken_back "+kind, "")
	return err
}

func moved(n int64, err error) error {
	if err != nil {
		return fmt.Errorf("gate: approval: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.Conflict, "This approval is not approved, or it has expired. It must be asked for again.")
	}
	return nil
}

func (g *Gate) ask(ctx context.Context, tx *store.Tx, kind string, by loot.Actor, digest []byte, needed int, a asked) (string, error) {
	id := loot.NewID("a")
	b, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("gate: ask: %w", err)
	}
	request, err := g.Sealer.Seal(b, []byte(id))
	if err != nil {
		return "", fmt.Errorf("gate: ask: %w", err)
	}
	now := g.Now()
	if _, err := tx.Exec(ctx, `INSERT INTO gate_approval (id, kind, request, digest, requester, needed, made, expires, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending')`,
		id, kind, request, digest, by.ID, needed, store.Micro(now), store.Micro(now.Add(approvalLife))); err != nil {
		return "", fmt.Errorf("gate: ask: %w", err)
	}
	_, err = g.Note(ctx, tx, by, "approval.asked "+kind, a.Reason)
	return id, err
}

// A Voter is a member of staff who approves or refuses.
type Voter struct {
	Actor loot.Actor
	Since time.Time // when the account was made or its roles last changed
}

// Vote records one person's yes or no. It refuses the requester, accounts
// that are too young, and roles that do not approve. A no ends the matter;
// enough yeses publish the notice "approval.given" with the id.
func (g *Gate) Vote(ctx context.Context, tx *store.Tx, id string, v Voter, yes bool) (Approval, error) {
	now := g.Now()
	a, sealed, err := g.approval(ctx, tx, id, tx.ForUpdate())
	if err != nil {
		return Approval{}, err
	}
	switch {
	case a.State == Expired:
		return a, loot.Errorf(loot.Conflict, "This has expired. It must be asked for again.")
	case a.State != Pending:
		return a, loot.Errorf(loot.Conflict, "This was %s already.", a.State)
	case a.Requester == v.Actor.ID:
		return a, loot.Errorf(loot.Denied, "Nobody approves their own request. Somebody else has to.")
	case now.Sub(v.Since) < YoungAccount:
		return a, loot.Errorf(loot.Denied, "An account approves nothing for 72 hours after it was made or its roles changed.")
	case !g.Approves(v.Actor):
		return a, loot.Errorf(loot.Denied, "None of your roles may approve.")
	}
	holds, err := g.among(id, sealed, v.Actor)
	if err != nil {
		return a, err
	}
	n, err := tx.Exec(ctx, `INSERT INTO gate_vote (approval, approver, granted, at, among) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (approval, approver) DO NOTHING`,
		id, v.Actor.ID, store.Flag(yes), store.Micro(now), store.Flag(holds))
	if err != nil {
		return a, fmt.Errorf("gate: vote: %w", err)
	}
	if n == 0 {
		return a, loot.Errorf(loot.Conflict, "You have answered this already.")
	}
	state, note := Pending, "approval.given"
	if yes {
		a.Granted++
		if a.Granted >= a.Needed {
			state = Approved
			if err := heldByOne(ctx, tx, id); err != nil {
				return a, err
			}
		}
	} else {
		state, note = Refused, "approval.refused"
	}
	a.State = state
	if _, err := tx.Exec(ctx, `UPDATE gate_approval SET state = $1 WHERE id = $2`, state, id); err != nil {
		return a, fmt.Errorf("gate: vote: %w", err)
	}
	if _, err := g.Note(ctx, tx, v.Actor, note+" "+a.Kind, ""); err != nil {
		return a, err
	}
	if state == Approved {
		return a, g.Jobs.Publish(ctx, tx, job.Notice{Name: "approval.given", ID: id})
	}
	return a, nil
}

// among reports whether a voter holds the role that one of those who approve has
// to hold, which everybody does if none is asked for.
func (g *Gate) among(id string, sealed []byte, who loot.Actor) (bool, error) {
	b, err := g.Sealer.Open(sealed, []byte(id))
	if err != nil {
		return false, fmt.Errorf("gate: vote %s: %w", id, err)
	}
	var what asked
	if err := json.Unmarshal(b, &what); err != nil {
		return false, fmt.Errorf("gate: vote %s: %w", id, err)
	}
	return what.Request == nil || what.Request.Among == "" || who.Has(what.Request.Among), nil
}

// heldByOne refuses the last yes if the role that was asked for is still missing:
// what all agreed to could not be used.
func heldByOne(ctx context.Context, tx *store.Tx, id string) error {
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM gate_vote WHERE approval = $1 AND granted = 1 AND among = 1`, id).Scan(&n); err != nil {
		return fmt.Errorf("gate: vote: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.Denied, "One of those who agree has to hold a certain role, such as legal counsel, and so far none does. Somebody who holds it has to agree.")
	}
	return nil
}

// Approves reports whether somebody's roles approve what others ask for.
func (g *Gate) Approves(a loot.Actor) bool {
	v, ok := g.at(g.Now())
	if !ok {
		return false
	}
	approves := false
	for _, id := range a.Roles {
		r, ok := v.Statement.Role(id)
		if ok && r.Administers {
			return false // whoever administers accounts could make approvers
		}
		approves = approves || ok && r.Approves
	}
	return approves
}

// SaidYes returns which of the approvals that wait somebody said yes to already.
func (g *Gate) SaidYes(ctx context.Context, tx *store.Tx, who loot.Actor) (map[string]bool, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM gate_approval JOIN gate_vote ON approval = id WHERE state = 'pending' AND approver = $1 AND granted = 1`, who.ID)
	if err != nil {
		return nil, fmt.Errorf("gate: said yes: %w", err)
	}
	defer rows.Close()
	said := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("gate: said yes: %w", err)
		}
		said[id] = true
	}
	return said, rows.Err()
}

// Approval returns one approval with what is asked: of kind "open" a request,
// of a desk's own kind its matter as JSON.
func (g *Gate) Approval(ctx context.Context, tx *store.Tx, id string) (Approval, *Request, json.RawMessage, string, error) {
	a, sealed, err := g.approval(ctx, tx, id, "")
	if err != nil {
		return Approval{}, nil, nil, "", err
	}
	b, err := g.Sealer.Open(sealed, []byte(id))
	if err != nil {
		return Approval{}, nil, nil, "", fmt.Errorf("gate: approval %s: %w", id, err)
	}
	var what asked
	if err := json.Unmarshal(b, &what); err != nil {
		return Approval{}, nil, nil, "", fmt.Errorf("gate: approval %s: %w", id, err)
	}
	return a, what.Request, what.Subject, what.Reason, nil
}

// Standing returns how an approval stands, and unseals nothing of what it is about. One
// that the gate has forgotten has expired: nobody's yes is left to go on.
func (g *Gate) Standing(ctx context.Context, tx *store.Tx, id string) (Approval, error) {
	a, err := g.scanApproval(tx.QueryRow(ctx, `SELECT `+approvalColumns+` FROM gate_approval WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Approval{State: Expired}, nil
	}
	return a, err
}

// Approvals returns what waits or is under way, then the others, latest first,
// at most n.
func (g *Gate) Approvals(ctx context.Context, tx *store.Tx, n int) ([]Approval, error) {
	rows, err := tx.Query(ctx, `SELECT `+approvalColumns+` FROM gate_approval ORDER BY CASE WHEN state IN ('pending', 'begun') AND expires >= $1 THEN 0 ELSE 1 END, made DESC LIMIT $2`, store.Micro(g.Now()), n)
	if err != nil {
		return nil, fmt.Errorf("gate: approvals: %w", err)
	}
	defer rows.Close()
	var out []Approval
	for rows.Next() {
		a, err := g.scanApproval(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

const approvalColumns = `id, kind, requester, needed, made, expires, state,
	(SELECT count(*) FROM gate_vote WHERE approval = gate_approval.id AND granted = 1)`

func (g *Gate) scanApproval(row interface{ Scan(...any) error }, more ...any) (Approval, error) {
	var a Approval
	var made, expires int64
	if err := row.Scan(append([]any{&a.ID, &a.Kind, &a.Requester, &a.Needed, &made, &expires, &a.State, &a.Granted}, more...)...); err != nil {
		return Approval{}, fmt.Errorf("gate: approval: %w", err)
	}
	a.Made, a.Expires = store.Instant(made), store.Instant(expires)
	if a.State != Refused && a.State != Used && g.Now().After(a.Expires) {
		a.State = Expired
	}
	return a, nil
}

func (g *Gate) approval(ctx context.Context, tx *store.Tx, id, lock string) (Approval, []byte, error) {
	var sealed []byte
	a, err := g.scanApproval(tx.QueryRow(ctx, `SELECT `+approvalColumns+`, request FROM gate_approval WHERE id = $1`+lock, id), &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return Approval{}, nil, loot.Errorf(loot.NotFound, "There is no such approval.")
	}
	return a, sealed, err
}

// useApproval takes the approval of r for one use and returns how many
// people gave it. Its row stays locked until
// the transaction ends, so it is never used twice.
func (g *Gate) useApproval(ctx context.Context, tx *store.Tx, r Request, now time.Time) (int, error) {
	var digest []byte
	var requester string
	var state ApprovalState
	var expires int64
	err := tx.QueryRow(ctx, `SELECT digest, requester, state, expires FROM gate_approval WHERE id = $1 AND kind = 'open'`+tx.ForUpdate(), r.Approval).
		Scan(&digest, &requester, &state, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, loot.Errorf(loot.NotFound, "There is no such approval.")
	case err != nil:
		return 0, fmt.Errorf("gate: approval: %w", err)
	case requester != r.by().ID:
		return 0, loot.Errorf(loot.Denied, "This approval was given to somebody else.")
	case !bytes.Equal(digest, r.digest()):
		return 0, loot.Errorf(loot.Denied, "The approval is for something else than what is asked now.")
	case state != Approved:
		return 0, loot.Errorf(loot.Conflict, "This approval is %s.", state)
	case now.UnixMicro() > expires:
		return 0, loot.Errorf(loot.Conflict, "This approval has expired. It must be asked for again.")
	}
	var granted int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM gate_vote WHERE approval = $1 AND granted = 1`, r.Approval).Scan(&granted); err != nil {
		return 0, fmt.Errorf("gate: approval: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE gate_approval SET state = 'used' WHERE id = $1`, r.Approval); err != nil {
		return 0, fmt.Errorf("gate: approval: %w", err)
	}
	return granted, nil
}
