package rights

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/mail"
	"loot/statement"
	"loot/store"
)

// The states of what an agent asked for (section 3.02).
const (
	inProgress = "in_progress"
	fulfilled  = "fulfilled"
	revoked    = "revoked"
	denied     = "denied"
	unverified = "need_user_verification"
	unproved   = "insuf_verification"
)

// An exercise is what an agent asked for somebody.
type exercise struct {
	ID       string
	Agent    string
	Subject  loot.Subject // empty: nobody is known, or not any longer
	Action   string
	Regime   string
	Named    string
	Received time.Time
	Due      time.Time
	Ends     time.Time // until when it can be confirmed
	State    string
	Reason   string
	Detail   string
	Closed   time.Time // zero: in progress
	Changed  time.Time // last
	callback []byte    // sealed; nil: nobody is called, or not any longer
}

const exerciseColumns = `id, agent, subject, action, regime, named, received, due, ends, state, reason, detail, closed, changed, callback`

func scanExercise(row store.Row) (e exercise, err error) {
	var received, due, ends, closed, changed int64
	err = row.Scan(&e.ID, &e.Agent, &e.Subject, &e.Action, &e.Regime, &e.Named, &received, &due, &ends, &e.State, &e.Reason, &e.Detail, &closed, &changed, &e.callback)
	e.Received, e.Due, e.Ends, e.Closed, e.Changed = store.Instant(received), store.Instant(due), store.Instant(ends), store.Instant(closed), store.Instant(changed)
	return e, err
}

func exercises(ctx context.Context, tx *store.Tx, where string, args ...any) (out []exercise, err error) {
	rows, err := tx.Query(ctx, `SELECT `+exerciseColumns+` FROM rights_exercise WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("rights: exercises: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanExercise(rows)
		if err != nil {
			return nil, fmt.Errorf("rights: exercises: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func findExercise(ctx context.Context, tx *store.Tx, column string, value any) (exercise, error) {
	e, err := scanExercise(tx.QueryRow(ctx, `SELECT `+exerciseColumns+` FROM rights_exercise WHERE `+column+` = $1`, value))
	if errors.Is(err, sql.ErrNoRows) {
		return e, loot.Errorf(loot.NotFound, "There is no such request.")
	}
	if err != nil {
		return e, fmt.Errorf("rights: exercise: %w", err)
	}
	return e, nil
}

// updateExercise keeps where a request stands, and has the agent told that wants to be. Whom
// it was about may be forgotten by it or meanwhile, and does not come back.
func (d *Rights) updateExercise(ctx context.Context, tx *store.Tx, e exercise) error {
	if _, err := tx.Exec(ctx, `UPDATE rights_exercise SET subject = CASE WHEN CAST($1 AS TEXT) = '' THEN '' ELSE subject END, due = $2, state = $3, reason = $4, detail = $5, closed = $6, link = $7, changed = $8 WHERE id = $9`,
		e.Subject, e.Due.UnixMicro(), e.State, e.Reason, e.Detail, store.Micro(e.Closed), []byte{}, d.Now().UnixMicro(), e.ID); err != nil {
		return fmt.Errorf("rights: exercise: %w", err)
	}
	if e.callback == nil {
		return nil
	}
	return d.Jobs.Enqueue(ctx, tx, callArgs{e.ID})
}

// A status is how the protocol tells where a request stands (section 3.03).
type status struct {
	ID       string    `json:"request_id"`
	Named    string    `json:"agent_request_id,omitempty"`
	Received time.Time `json:"received_at"`
	Expected time.Time `json:"expected_by,omitzero"`
	Detail   string    `json:"processing_details,omitempty"`
	State    string    `json:"status"`
	Reason   string    `json:"reason,omitempty"`
	Verify   string    `json:"user_verification_url,omitempty"`
	Results  string    `json:"results_url,omitempty"`
	Expires  time.Time `json:"expires_at,omitzero"`
}

func (d *Rights) statusOf(e exercise) status {
	s := status{ID: e.ID, Named: e.Named, Received: e.Received, Detail: e.Detail, State: e.State, Reason: e.Reason}
	if e.State == inProgress {
		s.Expected = e.Due
	}
	if e.Reason == unverified {
		s.Verify, s.Expires = d.BaseURL+"/rights/agent", e.Ends
	}
	if at := actionOf(e.Action).place; e.State == fulfilled && at.path != "" {
		s.Results = d.BaseURL + at.path
	}
	return s
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, loot.Wrap(loot.TooLarge, err, "That is more than a message of the protocol holds.")
	}
	return body, nil
}

// exercise takes what an agent asks for somebody. Whether there is such a person shows in
// nothing that the agent learns: without their click in a letter it is denied in the end.
func (d *Rights) exercise(r *http.Request) (any, error) {
	ctx := r.Context()
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	s, err := d.inForce()
	if err != nil {
		return nil, err
	}
	var e exercise
	err = d.Gate.InTx(ctx, func(tx *store.Tx) error {
		a, err := d.caller(ctx, tx, r)
		if err != nil {
			return err
		}
		m, hash, err := d.checked(body, a)
		if err != nil {
			return err
		}
		if m.Exercise == drpOptOutBefore {
			m.Exercise = drpOptOut
		}
		switch {
		case actionOf(m.Exercise).name == "":
			return drpErrorf(http.StatusBadRequest, true, "What can be exercised here is %s.", strings.Join(actionNames(), ", "))
		case m.Email == "" || len(m.Email) > 254:
			return drpErrorf(http.StatusBadRequest, true, "People are known here by their e-mail address alone; send it as email.")
		case len(m.Named) > 100 || len(m.Regime) > 20:
			return drpErrorf(http.StatusBadRequest, true, "agent-request-id has 100 characters at most, and regime 20.")
		}
		if err := once(ctx, tx, hash, m); err != nil {
			return err
		}
		now := d.Now()
		var lately int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM rights_exercise WHERE agent = $1 AND received > $2`, a.ID, now.Add(-time.Hour).UnixMicro()).Scan(&lately); err != nil {
			return fmt.Errorf("rights: exercise: %w", err)
		}
		if lately >= maxHour {
			return drpErrorf(http.StatusTooManyRequests, false, "An agent asks at most %d times in an hour.", maxHour)
		}
		e = exercise{
			ID: loot.NewID("x"), Agent: a.ID, Action: m.Exercise, Regime: m.Regime, Named: m.Named, Received: now, Due: monthsAfter(now, toAnswer), Ends: now.Add(toConfirm),
			State: inProgress, Reason: unverified, Detail: "If we know this address, a letter with a link went there. Nothing is done before the link is used.",
		}
		if m.Callback != "" {
			if _, may := d.mayCall(a, m.Callback); !may {
				e.Detail += fmt.Sprintf(" Its status is not posted: status_callback has to be of https and of a host that was agreed with us for this agent, without a user's name or a fragment, in %d bytes at most. Ask for it instead.", maxCallback)
			} else if e.callback, err = d.notes.Key.Seal([]byte(m.Callback), []byte(e.ID)); err != nil {
				return err
			}
		}
		found, err := d.named(ctx, tx, s, m.Email)
		if err != nil {
			return err
		}
		if len(found) == 1 {
			e.Subject = found[0]
		}
		if _, err := tx.Exec(ctx, `INSERT INTO rights_exercise (`+exerciseColumns+`, link) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $7, $13, $14)`,
			e.ID, e.Agent, e.Subject, e.Action, e.Regime, e.Named, e.Received.UnixMicro(), e.Due.UnixMicro(), e.Ends.UnixMicro(), e.State, e.Reason, e.Detail, e.callback, []byte{}); err != nil {
			return fmt.Errorf("rights: exercise: %w", err)
		}
		return d.Jobs.Enqueue(ctx, tx, confirmArgs{e.ID})
	})
	if _, no := errors.AsType[*gate.Refusal](err); no {
		return nil, drpErrorf(http.StatusForbidden, true, "The privacy statement in force lets nobody be found for an agent.")
	}
	return d.statusOf(e), err
}

// named finds whose address somebody named who asks for them.
func (d *Rights) named(ctx context.Context, tx *store.Tx, s *statement.Statement, address string) ([]loot.Subject, error) {
	field := s.AddressField(collection)
	permit, err := d.Gate.Decide(ctx, tx, gate.Request{Action: loot.Find, Actor: d.actor(), Desk: name, Purpose: forAccess, Collection: collection, Fields: []loot.Field{field}})
	if err != nil {
		return nil, err
	}
	return d.Vault.Find(ctx, tx, permit, field, address)
}

// confirmArgs asks for the letter with the link by which somebody confirms.
type confirmArgs struct {
	Exercise string `json:"exercise"`
}

// Kind names the job.
func (confirmArgs) Kind() string { return "rights.confirm" }

// An action is something that agents can ask for.
type action struct {
	name  string
	title string // as lists have it
	asks  string // how it is said to the person for whom it is asked
	place place  // where they find it; zero: it is done when they confirm it
}

// A place is where somebody finds in the portal what an agent asked for them, so that nothing
// of it goes through the agent, and how that is told to the agent and said to them.
type place struct{ path, told, said string }

// actions are those that agents can ask for, as the directory has them.
var actions = []action{
	{"access", "Copy of what is held", forACopy, aCopy},
	{"access:categories", "Kinds of detail that are held", "to see which kinds of detail we hold about you, what for, and who may receive them", place{
		categoriesPath, "The person confirmed it, and sees the kinds of detail in their portal, where they sign in.", "Sign in and see them: they stand under “Your rights”, “Kinds of detail”, in your portal.",
	}},
	{"access:specific", "Copy of what is held", forACopy, aCopy}, // which the protocol has not described yet: a copy is all of it
	{drpDeletion, "Erasure", "to end your services and erase your account", place{}},
	{drpOptOut, "End of every permission", "to take back every permission to hand your details to others", place{}},
}

const forACopy = "to take a copy of everything that we hold about you"

var aCopy = place{
	"/portal/rights", "The person confirmed it, and takes the copy in their portal, where they sign in.", "Sign in and take the copy: it stands under “Your rights” in your portal.",
}

// actionOf returns the action of a name; its zero value: agents cannot ask for that.
func actionOf(name string) action {
	i := slices.IndexFunc(actions, func(a action) bool { return a.name == name })
	if i < 0 {
		return action{}
	}
	return actions[i]
}

func actionNames() (out []string) {
	for _, a := range actions {
		out = append(out, a.name)
	}
	return out
}

// confirm writes to whom an agent's request is about.
func (d *Rights) confirm(ctx context.Context, a confirmArgs) error {
	var e exercise
	var by agent
	token := rand.Text()
	write := false
	if err := d.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		write = false
		if e, err = findExercise(ctx, tx, "id", a.Exercise); err != nil || e.Subject == "" || e.Reason != unverified {
			return err
		}
		var known bool
		if by, known, err = agentBy(ctx, tx, "id", e.Agent); err != nil || !known {
			return err
		}
		var lately int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM rights_exercise WHERE subject = $1 AND received > $2 AND received <= $3`,
			e.Subject, e.Received.Add(-24*time.Hour).UnixMicro(), e.Received.UnixMicro()).Scan(&lately); err != nil || lately > maxLetters {
			return err
		}
		write = true
		sum := sha256.Sum256([]byte(token))
		_, err = tx.Exec(ctx, `UPDATE rights_exercise SET link = $1 WHERE id = $2`, sum[:], e.ID)
		return err
	}); err != nil || !write {
		return err
	}
	_, err := d.Write(ctx, desk.Errand{By: d.actor(), Purpose: forAccess, To: e.Subject, Collection: collection, ID: "agent-" + e.ID, Letter: mail.Letter{
		Subject: "Did you ask " + by.Title + " to use your rights?", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para(by.Title + " says that you authorised it " + actionOf(e.Action).asks + ". Nothing happens unless you confirm it."),
			mail.Button("Look at it", d.BaseURL+"/rights/agent/"+token),
			mail.Note("The link works until " + e.Ends.Format("2 January 2006") + ". If you know nothing of this, do nothing."),
		},
		Why: "You get this because somebody named your address to us.",
	}})
	return err
}

// managed returns the request of the agent that calls.
func (d *Rights) managed(ctx context.Context, tx *store.Tx, r *http.Request) (agent, exercise, error) {
	a, err := d.caller(ctx, tx, r)
	if err != nil {
		return a, exercise{}, err
	}
	e, err := findExercise(ctx, tx, "id", r.PathValue("id"))
	if loot.KindOf(err) == loot.NotFound || err == nil && e.Agent != a.ID {
		return a, e, drpErrorf(http.StatusForbidden, false, "There is no request of this id that this agent made.")
	}
	return a, e, err
}

// exercised tells an agent where its request stands (section 2.02).
func (d *Rights) exercised(r *http.Request) (any, error) {
	var e exercise
	err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		_, e, err = d.managed(r.Context(), tx, r)
		return err
	})
	return d.statusOf(e), err
}

// revoke ends a request that its person has not confirmed yet (section 2.04).
func (d *Rights) revoke(r *http.Request) (any, error) {
	ctx := r.Context()
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	var e exercise
	err = d.DB.InTx(ctx, func(tx *store.Tx) error {
		a, one, err := d.managed(ctx, tx, r)
		if err != nil {
			return err
		}
		text, _, err := opened(body, a.Key)
		if err != nil {
			return err
		}
		var said struct {
			Reason string `json:"reason"`
		}
		if err := json.Unmarshal(text, &said); err != nil {
			return drpErrorf(http.StatusBadRequest, true, "What was signed is not the JSON of the protocol.")
		}
		open, err := exercises(ctx, tx, `id = $1 AND closed = 0 AND reason = $2`+tx.ForUpdate(), one.ID, unverified)
		if err != nil {
			return err
		}
		if len(open) == 0 {
			return drpErrorf(http.StatusConflict, false, "The person has confirmed this request, or it is over. They can still take an erasure back in their portal.")
		}
		e = open[0]
		e.State, e.Reason, e.Detail, e.Closed = revoked, "", "", d.Now()
		return d.updateExercise(ctx, tx, e)
	})
	return d.statusOf(e), err
}

// byLink returns what the link of a letter is for.
func (d *Rights) byLink(ctx context.Context, tx *store.Tx, token string) (exercise, agent, error) {
	if len(token) > 100 {
		return exercise{}, agent{}, errNoLink
	}
	sum := sha256.Sum256([]byte(token))
	e, err := findExercise(ctx, tx, "link", sum[:])
	if loot.KindOf(err) == loot.NotFound || err == nil && (e.Reason != unverified || e.Subject == "" || !e.Ends.After(d.Now())) {
		return e, agent{}, errNoLink
	}
	if err != nil {
		return e, agent{}, err
	}
	a, known, err := agentBy(ctx, tx, "id", e.Agent)
	if err == nil && !known {
		err = errNoLink
	}
	return e, a, err
}

var errNoLink = loot.Errorf(loot.NotFound, "This link does not work any more: it was used, or it is too old.")

// carryOut does what was asked for whoever confirmed it.
func (d *Rights) carryOut(ctx context.Context, e exercise) (exercise, error) {
	done, err := d.perform(ctx, e.Subject, actionOf(e.Action))
	e.State, e.Reason, e.Detail, e.Closed = fulfilled, "", done.detail, d.Now()
	if done.waits {
		e.State, e.Closed = inProgress, time.Time{}
		if !done.until.IsZero() {
			e.Due = done.until
		}
	}
	return e, err
}

// A performance is what was done of what somebody asked for.
type performance struct {
	detail string    // in a sentence without anything personal
	waits  bool      // it is over later
	until  time.Time // when, at the earliest; zero: that is not told
}

// perform does what somebody asked for and confirmed.
func (d *Rights) perform(ctx context.Context, whose loot.Subject, what action) (done performance, err error) {
	me := loot.Actor{Kind: loot.Person, ID: string(whose)}
	switch what.name {
	case drpOptOut:
		s, err := d.inForce()
		if err != nil {
			return done, err
		}
		return performance{detail: "Every permission to hand details to others is taken back."}, d.Gate.InTx(ctx, func(tx *store.Tx) error {
			p, err := d.Gate.Person(ctx, tx, whose)
			if err != nil {
				return err
			}
			for _, o := range s.Offers() {
				if o.Recipient == "self" || !p.Permits(o) {
					continue
				}
				if err := d.Gate.Withdraw(ctx, tx, gate.Choice{Subject: whose, Collection: collection, By: me, Offer: o.ID}); err != nil {
					return err
				}
			}
			return nil
		})
	case drpDeletion:
		due, gone, err := d.needs.Leave(ctx, me)
		switch {
		case gone:
			done.detail = "The record is erased."
		case due.After(d.Now()):
			done = performance{"The services have ended. A law has the record kept until " + due.UTC().Format("2 January 2006") + "; it is erased on that day.", true, due}
		default: // what holds it is not told, nor for how long
			done = performance{detail: "The services have ended. The record is erased as soon as nothing holds it any longer.", waits: true}
		}
		return done, err
	default: // it stands in their portal
		return performance{detail: what.place.told}, nil
	}
}

// kept ends what an agent asked for somebody who took their erasure back.
func (d *Rights) kept(ctx context.Context, subject string) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		return d.close(ctx, tx, func(e exercise) exercise {
			e.State, e.Detail = revoked, "The person took the erasure back."
			return e
		}, `subject = $1 AND action = $2 AND reason = '' AND closed = 0`, subject, drpDeletion)
	})
}

// close ends requests that are in progress, each as it is told to.
func (d *Rights) close(ctx context.Context, tx *store.Tx, as func(exercise) exercise, where string, args ...any) error {
	all, err := exercises(ctx, tx, where+tx.ForUpdate(), args...) // else what is confirmed meanwhile would be written over
	if err != nil {
		return err
	}
	for _, e := range all {
		e = as(e)
		e.Closed = d.Now()
		if err := d.updateExercise(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// settle keeps what became of a request that its person answered.
func (d *Rights) settle(ctx context.Context, e exercise) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error { return d.updateExercise(ctx, tx, e) })
}

// sweepAgents denies what nobody confirmed in time, and forgets messages that have expired
// and where agents are not told any longer.
func (d *Rights) sweepAgents(ctx context.Context, tx *store.Tx) error {
	now := d.Now().UnixMicro()
	if err := d.close(ctx, tx, func(e exercise) exercise {
		e.State, e.Reason, e.Detail, e.Subject = denied, unproved, "Nobody confirmed it in time.", ""
		return e
	}, `closed = 0 AND reason = $1 AND ends <= $2`, unverified, now); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM rights_message WHERE ends <= $1`, now); err != nil {
		return fmt.Errorf("rights: agents: %w", err)
	}
	// An address may name somebody, so it does not outlast what it is for, also where nobody
	// took what was posted, or it may not be called any more.
	if _, err := tx.Exec(ctx, `UPDATE rights_exercise SET callback = NULL WHERE closed > 0 AND changed <= $1 AND callback IS NOT NULL`, d.Now().Add(-callFor).UnixMicro()); err != nil {
		return fmt.Errorf("rights: agents: %w", err)
	}
	return nil
}
