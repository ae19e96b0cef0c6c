package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/hook"
	"loot/statement"
	"loot/store"
)

// eventTypes are what a provisioning system can be told.
var eventTypes = []string{
	"service.ordered", "service.active", "service.suspended", "service.ended", servicePlanned, addressAssigned, addressReleased,
}

// What a message says: ids, from which whoever is entitled to reads the rest from
// the API, so that nothing else about anybody leaves.
type happened struct {
	Type string    `json:"type"`
	At   time.Time `json:"timestamp"`
	Data eventData `json:"data"`
}

type eventData struct {
	Service  string       `json:"service"` // reference
	Customer loot.Subject `json:"customer"`
	Kind     string       `json:"kind,omitempty"` // id of the service in the statement
	Plan     string       `json:"plan,omitempty"`
	Former   string       `json:"formerPlan,omitempty"` // that it had for the month from which on it has another
	From     Month        `json:"from,omitempty"`
	State    State        `json:"state,omitempty"`
	Reason   Reason       `json:"reason,omitempty"`
	Address  string       `json:"address,omitempty"` // id of the assignment
}

// A webhook is somebody who is told.
type webhook struct {
	ID         string
	URL        string
	Events     []string
	Provisions bool
	Made       time.Time
	Ended      time.Time // zero: it is told
	sealed     []byte
}

// bothFor is how long the former secret signs beside a new one.
const bothFor = 24 * time.Hour

// secrets are those of a webhook.
type secrets struct {
	Now    string    `json:"now"`
	Former string    `json:"former,omitempty"`
	Until  time.Time `json:"until,omitzero"` // the former one signs, too
}

// sign returns those that sign at a time.
func (s secrets) sign(now time.Time) []string {
	if s.Former != "" && now.Before(s.Until) {
		return []string{s.Now, s.Former}
	}
	return []string{s.Now}
}

func (b *Billing) sealSecrets(id string, s secrets) ([]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("billing: secrets: %w", err)
	}
	return b.key.Seal(text, []byte(id))
}

func (b *Billing) openSecrets(h webhook) (s secrets, err error) {
	text, err := b.key.Open(h.sealed, []byte(h.ID))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("billing: secrets: %w", err)
	}
	return s, nil
}

// readHooks reads webhooks.
func readHooks(ctx context.Context, tx *store.Tx, where string, args ...any) (out []webhook, err error) {
	rows, err := tx.Query(ctx, `SELECT h.id, h.url, h.events, h.provisions, h.secrets, h.made, h.ended FROM billing_hook h `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: webhooks: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var h webhook
		var events string
		var provisions, made, ended int64
		if err := rows.Scan(&h.ID, &h.URL, &events, &provisions, &h.sealed, &made, &ended); err != nil {
			return nil, fmt.Errorf("billing: webhooks: %w", err)
		}
		h.Events, h.Provisions, h.Made, h.Ended = strings.Fields(events), provisions != 0, store.Instant(made), store.Instant(ended)
		out = append(out, h)
	}
	return out, rows.Err()
}

// mostHooks is how many are told at the same time.
const mostHooks = 20

// addHook adds a webhook and returns it with the secret that signs its messages.
func (b *Billing) addHook(ctx context.Context, by loot.Actor, h webhook) (webhook, string, error) {
	h.ID, h.Made = loot.NewID("h"), b.Now()
	secret := hook.NewSecret()
	sealed, err := b.sealSecrets(h.ID, secrets{Now: secret})
	if err != nil {
		return h, "", err
	}
	return h, secret, b.DB.InTx(ctx, func(tx *store.Tx) error {
		live, err := readHooks(ctx, tx, `WHERE h.ended = 0`)
		if err != nil {
			return err
		}
		if len(live) >= mostHooks {
			return loot.Errorf(loot.Conflict, "There are %d webhooks already. End one that is not needed any more.", mostHooks)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO billing_hook (id, url, events, provisions, secrets, made, ended) VALUES ($1, $2, $3, $4, $5, $6, 0)`,
			h.ID, h.URL, strings.Join(h.Events, " "), store.Flag(h.Provisions), sealed, h.Made.UnixMicro()); err != nil {
			return fmt.Errorf("billing: webhook: %w", err)
		}
		_, err = b.Gate.Note(ctx, tx, by, "webhook.added", h.ID)
		return err
	})
}

// changeHook has a webhook told of other events from now on. What waits for it is sent.
func (b *Billing) changeHook(ctx context.Context, by loot.Actor, h webhook) error {
	return b.DB.InTx(ctx, func(tx *store.Tx) error {
		if _, err := liveHook(ctx, tx, h.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE billing_hook SET events = $1, provisions = $2 WHERE id = $3`, strings.Join(h.Events, " "), store.Flag(h.Provisions), h.ID); err != nil {
			return fmt.Errorf("billing: webhook: %w", err)
		}
		_, err := b.Gate.Note(ctx, tx, by, "webhook.changed", h.ID)
		return err
	})
}

// rotateHook gives a webhook a new secret; the former one signs beside it for a day.
func (b *Billing) rotateHook(ctx context.Context, by loot.Actor, id string) (secret string, err error) {
	secret = hook.NewSecret()
	return secret, b.DB.InTx(ctx, func(tx *store.Tx) error {
		h, err := liveHook(ctx, tx, id)
		if err != nil {
			return err
		}
		s, err := b.openSecrets(h)
		if err != nil {
			return err
		}
		sealed, err := b.sealSecrets(id, secrets{Now: secret, Former: s.Now, Until: b.Now().Add(bothFor)})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE billing_hook SET secrets = $1 WHERE id = $2`, sealed, id); err != nil {
			return fmt.Errorf("billing: webhook: %w", err)
		}
		_, err = b.Gate.Note(ctx, tx, by, "webhook.rotated", id)
		return err
	})
}

func liveHook(ctx context.Context, tx *store.Tx, id string) (webhook, error) {
	all, err := readHooks(ctx, tx, `WHERE h.id = $1 AND h.ended = 0`+tx.ForUpdate(), id)
	if err == nil && len(all) == 0 {
		err = loot.Errorf(loot.NotFound, "There is no such webhook, or it was ended.")
	}
	if err != nil {
		return webhook{}, err
	}
	return all[0], nil
}

// endHook tells a webhook nothing any more. What waits for it has failed.
func (b *Billing) endHook(ctx context.Context, tx *store.Tx, by loot.Actor, id string) error {
	n, err := tx.Exec(ctx, `UPDATE billing_hook SET ended = $1 WHERE id = $2 AND ended = 0`, b.Now().UnixMicro(), id)
	if err != nil {
		return fmt.Errorf("billing: webhook: %w", err)
	}
	if n == 0 {
		return nil // another answer ended it meanwhile
	}
	if _, err := tx.Exec(ctx, `UPDATE billing_delivery SET state = 'failed' WHERE hook = $1 AND state = 'waiting'`, id); err != nil {
		return fmt.Errorf("billing: webhook: %w", err)
	}
	_, err = b.Gate.Note(ctx, tx, by, "webhook.ended", id)
	return err
}

// provisioned reports whether services wait until a provisioning system says that
// they are set up.
func provisioned(ctx context.Context, tx *store.Tx) (bool, error) {
	live, err := readHooks(ctx, tx, `WHERE h.ended = 0 AND h.provisions = 1`)
	return len(live) > 0, err
}

// tellHooks has every webhook told that wants to know what happened, once tx is committed.
func (b *Billing) tellHooks(ctx context.Context, tx *store.Tx, what string, all ...eventData) error {
	hooks, err := readHooks(ctx, tx, `WHERE h.ended = 0 ORDER BY h.id`) // looked up once for all
	if err != nil {
		return err
	}
	hooks = slices.DeleteFunc(hooks, func(h webhook) bool { return !slices.Contains(h.Events, what) })
	if len(hooks) == 0 {
		return nil
	}
	for _, d := range all {
		if err := b.writeMessage(ctx, tx, hooks, what, d); err != nil {
			return err
		}
	}
	return nil
}

// writeMessage writes down what webhooks are told, and has it delivered to each.
func (b *Billing) writeMessage(ctx context.Context, tx *store.Tx, hooks []webhook, what string, d eventData) error {
	now := b.Now()
	body, err := json.Marshal(happened{what, now.UTC().Truncate(time.Millisecond), d})
	if err != nil {
		return fmt.Errorf("billing: event: %w", err)
	}
	event := loot.NewID("msg_")
	if _, err := tx.Exec(ctx, `INSERT INTO billing_event (id, at, type, subject, body) VALUES ($1, $2, $3, $4, $5)`, event, now.UnixMicro(), what, d.Customer, string(body)); err != nil {
		return fmt.Errorf("billing: event: %w", err)
	}
	for _, h := range hooks {
		id := loot.NewID("d")
		if _, err := tx.Exec(ctx, `INSERT INTO billing_delivery (id, event, hook, made, state, tries, tried, status) VALUES ($1, $2, $3, $4, 'waiting', 0, 0, 0)`,
			id, event, h.ID, now.UnixMicro()); err != nil {
			return fmt.Errorf("billing: delivery: %w", err)
		}
		if err := b.Jobs.Enqueue(ctx, tx, deliverArgs{Delivery: id}); err != nil {
			return err
		}
	}
	return nil
}

// tellState tells of the state of a service.
func (b *Billing) tellState(ctx context.Context, tx *store.Tx, one Service, m Move) error {
	return b.tellHooks(ctx, tx, "service."+string(m.To), eventData{
		Service: one.Reference, Customer: one.Subject, Kind: one.Service, Plan: one.PlanID, State: m.To, Reason: m.Why,
	})
}

// keepDeliveries is how long it is kept what was told.
const keepDeliveries = 90 * 24 * time.Hour

// oldMessages are those that webhooks were told long ago.
func (b *Billing) oldMessages(s *statement.Statement) lapsing {
	p, _ := s.Purpose(forService)
	return lapsing{
		Lapse: desk.Lapse{What: "Messages to webhooks", Why: inDays(keepDeliveries) + " after they were written", Clause: p.Clause}, in: collection,
		take: func(ctx context.Context, tx *store.Tx) ([]lapsed, error) {
			const old = `(SELECT id FROM billing_event WHERE at <= $1 ORDER BY at, id LIMIT $2)`
			before := b.Now().Add(-keepDeliveries).UnixMicro()
			told := map[string][]delivery{}
			list, err := readDeliveries(ctx, tx, `WHERE e.id IN `+old, before, sweepSize)
			if err != nil {
				return nil, err
			}
			for _, d := range list {
				told[d.Event] = append(told[d.Event], d)
			}
			if _, err := tx.Exec(ctx, `DELETE FROM billing_delivery WHERE event IN `+old, before, sweepSize); err != nil {
				return nil, fmt.Errorf("billing: sweep: %w", err)
			}
			return takeRows(ctx, tx, func(row store.Row) (one lapsed, err error) {
				var at int64
				var body string
				err = row.Scan(&one.ID, &at, &one.Subject, &body)
				id := one.ID
				one.At, one.said = store.Instant(at).Add(keepDeliveries), func() (any, error) { return b.saidOf(body, told[id]), nil }
				return one, err
			}, `DELETE FROM billing_event WHERE id IN `+old+` RETURNING id, at, subject, body`, before, sweepSize)
		},
		ahead: counts(keepDeliveries, `SELECT (at + $1) / $2, count(*) FROM billing_event WHERE at <= $3 GROUP BY 1`),
	}
}

// saidOf is what is kept of a message, and of what came of it, while it is held.
func (b *Billing) saidOf(message string, told []delivery) any {
	type answered struct {
		Hook, State, Answer string
		Tried               time.Time
		Status              int
	}
	var answers []answered
	for _, d := range told {
		answers = append(answers, answered{d.Hook, d.State, b.answer(d), d.Tried, d.Status})
	}
	return struct {
		Message string
		Told    []answered
	}{message, answers}
}

// sweepHooks forgets webhooks that ended long ago, which are about nobody.
func (b *Billing) sweepHooks(ctx context.Context) error {
	if _, err := b.DB.Exec(ctx, `DELETE FROM billing_hook WHERE ended > 0 AND ended < $1`, b.Now().Add(-keepDeliveries).UnixMicro()); err != nil {
		return fmt.Errorf("billing: sweep: %w", err)
	}
	return nil
}
