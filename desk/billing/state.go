package billing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/gate"
	"loot/store"
	"loot/web"
)

// A State says where a service stands.
type State string

// The states of a service. One that is suspended is still the customer's, and
// charged.
const (
	Ordered   State = "ordered" // not set up yet, and not charged
	Active    State = "active"
	Suspended State = "suspended"
	Ended     State = "ended"
)

// onward says which states can follow.
var onward = map[State][]State{Ordered: {Active, Ended}, Active: {Suspended, Ended}, Suspended: {Active, Ended}}

// Badge shows the state.
func (s State) Badge() web.Badge {
	switch s {
	case Ordered:
		return web.Badge{Tone: web.Info, Text: "being set up", Icon: "hourglass"}
	case Active:
		return web.Badge{Tone: web.Good, Text: "runs"}
	case Suspended:
		return web.Badge{Tone: web.Warn, Text: "suspended", Icon: "pause"}
	case Ended:
	}
	return web.Badge{Text: "ended"}
}

// A Reason says why a service came to stand as it does. The list is closed, so
// that nothing about a person is written here; a ticket says more.
type Reason string

// The reasons, in the order in which they are offered.
const (
	AsOrdered Reason = "ordered"
	TakenOver Reason = "taken-over"
	SetUp     Reason = "set-up"
	AsAsked   Reason = "asked"
	Unpaid    Reason = "unpaid"
	Misuse    Reason = "misuse"
	Upkeep    Reason = "maintenance"
	Settled   Reason = "settled"
)

var reasonWords = []struct {
	is    Reason
	words string
}{
	{AsOrdered, "Ordered"},
	{TakenOver, "Taken over from the system before"},
	{SetUp, "Set up"},
	{AsAsked, "As the customer asked"},
	{Unpaid, "An invoice is not paid"},
	{Misuse, "Misuse of the network"},
	{Upkeep, "Maintenance"},
	{Settled, "What stood against it is settled"},
}

// Words writes the reason as people read it.
func (r Reason) Words() string {
	for _, one := range reasonWords {
		if one.is == r {
			return one.words
		}
	}
	return string(r)
}

// fittingReasons returns the reasons for which a service comes from one state to another by a
// colleague or a program.
func fittingReasons(from, to State) []Reason {
	switch {
	case to == Suspended:
		return []Reason{AsAsked, Unpaid, Misuse, Upkeep}
	case to == Ended:
		return []Reason{AsAsked, Unpaid, Misuse}
	case from == Ordered:
		return []Reason{SetUp}
	}
	return []Reason{Settled, AsAsked, Upkeep}
}

// A Move is a change of a service's state.
type Move struct {
	To     State
	By     loot.Actor
	Why    Reason
	Ticket string // where more is said; empty: nowhere
}

// A Step is one that a service made.
type Step struct {
	At     time.Time
	State  State
	Why    Reason
	Ticket string
	Kind   loot.ActorKind // of who did it
	Author string         // their id
	PlanID string         // of a step that is another plan
	Plan   string         // its title
	From   Month          // in which it begins; empty: the step is no other plan
	Own    bool           // it is shown to whom the service belongs

	Case     string // what the case is called whose id is the ticket; empty: it is none
	CaseHref string // of its page; empty: who looks cannot see it
}

// Words says what happened and why.
func (s Step) Words() string {
	if s.From != "" {
		return "“" + s.Plan + "” from 1 " + s.From.String() + " on"
	}
	if s.Own && s.Why == AsAsked {
		return "As you asked"
	}
	return s.Why.Words()
}

// Badge shows to which state it led, or that it is another plan.
func (s Step) Badge() web.Badge {
	if s.From != "" {
		return web.Badge{Tone: web.Info, Text: "plan", Icon: "tag"}
	}
	return s.State.Badge()
}

// Who says who made the step, without a name.
func (s Step) Who() string {
	switch {
	case s.Kind == loot.Staff && s.Why == AsOrdered: // no colleague orders by hand
		return "a program"
	case s.Kind == loot.Person && s.Own:
		return "you"
	case s.Kind == loot.Person:
		return "the customer"
	case s.Kind == loot.Staff && s.Own:
		return "one of our staff"
	case s.Kind == loot.Staff:
		return "a colleague"
	case s.Own:
		return "our program"
	}
	return "the program"
}

// move changes the state of a service, writes it down and, at its end, ends the
// permission that ordering it was.
func (b *Billing) move(ctx context.Context, tx *store.Tx, one Service, m Move) error {
	if !slices.Contains(onward[one.State], m.To) {
		return loot.Errorf(loot.Conflict, "A service that is %s cannot become %s.", one.State, m.To)
	}
	if !slices.Contains(fittingReasons(one.State, m.To), m.Why) {
		return web.Invalid("", map[string]string{"why": "“" + m.Why.Words() + "” is no reason for which a service that is " + string(one.State) + " becomes " + string(m.To) + "."})
	}
	now := b.Now()
	since, ended := one.Since, time.Time{}
	if one.State == Ordered {
		since = now // it is charged from when it runs
	}
	if m.To == Ended {
		ended = now
	}
	n, err := tx.Exec(ctx, `UPDATE billing_service SET state = $1, since = $2, ended = $3 WHERE reference = $4 AND state = $5`,
		string(m.To), store.Micro(since), store.Micro(ended), one.Reference, string(one.State))
	if err != nil {
		return fmt.Errorf("billing: state: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.Conflict, "Somebody else changed this service meanwhile. Look at it again.")
	}
	if err := insertStep(ctx, tx, one.Reference, now, m); err != nil {
		return err
	}
	switch {
	case m.To == Ended:
		if err := b.releaseAll(ctx, tx, one.Reference, now); err != nil {
			return err
		}
		if err := b.Gate.EndOrder(ctx, tx, gate.Ordered{Subject: one.Subject, Collection: collection, By: m.By, Reference: one.Reference, Service: one.Service}); err != nil {
			return err
		}
	case m.By.Kind == loot.Staff:
		if err := b.Gate.NoteAbout(ctx, tx, one.Subject, collection, m.By, "service."+string(m.To), Keeps[0]); err != nil {
			return err
		}
	}
	return b.tellState(ctx, tx, one, m)
}

func insertStep(ctx context.Context, tx *store.Tx, reference string, at time.Time, m Move) error {
	if _, err := tx.Exec(ctx, `INSERT INTO billing_state (service, sequence, at, state, reason, ticket, kind, author)
		SELECT $1, COALESCE(MAX(sequence), 0) + 1, $2, $3, $4, $5, $6, $7 FROM billing_state WHERE service = $1`,
		reference, at.UnixMicro(), string(m.To), string(m.Why), m.Ticket, string(m.By.Kind), m.By.ID); err != nil {
		return fmt.Errorf("billing: step: %w", err)
	}
	return nil
}

// stepsOf returns the history of services, each latest first.
func stepsOf(ctx context.Context, tx *store.Tx, where string, args ...any) (map[string][]Step, error) {
	rows, err := tx.Query(ctx, `SELECT h.service, h.at, h.state, h.reason, h.ticket, h.kind, h.author, h.plan, COALESCE(q.title, h.plan), h.month
		FROM billing_state h LEFT JOIN billing_plan q ON q.id = h.plan `+where+` ORDER BY h.service, h.sequence DESC`, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: steps: %w", err)
	}
	defer rows.Close()
	out := map[string][]Step{}
	for rows.Next() {
		var reference string
		var at int64
		var s Step
		if err := rows.Scan(&reference, &at, &s.State, &s.Why, &s.Ticket, &s.Kind, &s.Author, &s.PlanID, &s.Plan, &s.From); err != nil {
			return nil, fmt.Errorf("billing: steps: %w", err)
		}
		s.At = store.Instant(at)
		out[reference] = append(out[reference], s)
	}
	return out, rows.Err()
}

// findService returns one service.
func (b *Billing) findService(ctx context.Context, tx *store.Tx, reference string) (Service, error) {
	rows, err := tx.Query(ctx, selectService+` WHERE s.reference = $2`, string(b.thisMonth()), reference)
	if err != nil {
		return Service{}, fmt.Errorf("billing: service: %w", err)
	}
	all, err := scanServices(rows, b.titles())
	if err == nil && len(all) == 0 {
		err = loot.Errorf(loot.NotFound, "There is no such service.")
	}
	if err != nil {
		return Service{}, err
	}
	return all[0], nil
}
