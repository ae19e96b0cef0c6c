package billing

import (
	"context"
	"fmt"
	"time"

	"loot"
	"loot/outbound"
	"loot/store"
)

// deliverArgs asks for a message to be sent.
type deliverArgs struct {
	Delivery string `json:"delivery"`
}

// Kind names the job.
func (deliverArgs) Kind() string { return "billing.deliver" }

// mostTries is how often a message is sent before it has failed: by the queue's
// waits, of which each is longer, for about a day. The tries that are written down
// count and not the queue's, which also count runs that were cut off before they
// could be: else a message would wait for ever.
const mostTries = 14

// A delivery is a message to one webhook.
type delivery struct {
	ID     string
	Event  string // id of the message
	Type   string
	Hook   string
	Made   time.Time
	State  string // "waiting", "delivered" or "failed"
	Tries  int
	Tried  time.Time // last; zero: not yet
	Status int       // of the last answer; 0: none came
	body   string
	sealed []byte
}

func readDeliveries(ctx context.Context, tx *store.Tx, where string, args ...any) (out []delivery, err error) {
	rows, err := tx.Query(ctx, `SELECT d.id, d.event, e.type, d.hook, d.made, d.state, d.tries, d.tried, d.status, d.answer, e.body
		FROM billing_delivery d JOIN billing_event e ON e.id = d.event `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: deliveries: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d delivery
		var made, tried int64
		if err := rows.Scan(&d.ID, &d.Event, &d.Type, &d.Hook, &made, &d.State, &d.Tries, &tried, &d.Status, &d.sealed, &d.body); err != nil {
			return nil, fmt.Errorf("billing: deliveries: %w", err)
		}
		d.Made, d.Tried = store.Instant(made), store.Instant(tried)
		out = append(out, d)
	}
	return out, rows.Err()
}

// answer opens what came back.
func (b *Billing) answer(d delivery) string {
	if len(d.sealed) == 0 {
		return ""
	}
	text, err := b.key.Open(d.sealed, []byte(d.ID))
	if err != nil {
		return "cannot be opened any more"
	}
	return string(text)
}

// An outgoing message is one that is to be sent now.
type outgoing struct {
	delivery
	url     string
	secrets []string
}

// outgoing returns what a job is to send; false: nothing, as it was sent or the
// webhook ended meanwhile.
func (b *Billing) outgoing(ctx context.Context, id string) (out outgoing, ok bool, err error) {
	err = b.DB.ReadTx(ctx, func(tx *store.Tx) error {
		all, err := readDeliveries(ctx, tx, `WHERE d.id = $1 AND d.state = 'waiting'`, id)
		if err != nil || len(all) == 0 {
			return err
		}
		hooks, err := readHooks(ctx, tx, `WHERE h.id = $1 AND h.ended = 0`, all[0].Hook)
		if err != nil || len(hooks) == 0 {
			return err
		}
		s, err := b.openSecrets(hooks[0])
		out, ok = outgoing{all[0], hooks[0].URL, s.sign(b.Now())}, true
		return err
	})
	return out, ok && err == nil, err
}

// sent notes what became of a try. A message that was not taken is an error while
// it is to be tried again, so that the queue does.
func (b *Billing) sent(ctx context.Context, d delivery, a outbound.Answer, failed error) error {
	text := a.Text
	if failed != nil {
		text = failed.Error()
	}
	sealed, err := b.key.Seal([]byte(text), []byte(d.ID))
	if err != nil {
		return err
	}
	state := "waiting"
	switch {
	case failed == nil && a.OK():
		state = "delivered"
	case a.Gone() || d.Tries+1 >= mostTries:
		state = "failed"
	}
	if err := b.DB.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE billing_delivery SET state = $1, tries = tries + 1, tried = $2, status = $3, answer = $4 WHERE id = $5 AND state = 'waiting'`,
			state, b.Now().UnixMicro(), a.Status, sealed, d.ID); err != nil {
			return fmt.Errorf("billing: delivery: %w", err)
		}
		if a.Gone() { // as the specification has it: whoever says so wants no more
			return b.endHook(ctx, tx, b.actor(), d.Hook)
		}
		return nil
	}); err != nil || state != "waiting" {
		return err
	}
	return fmt.Errorf("billing: webhook %s did not take a message: status %d", d.Hook, a.Status)
}

// again sends a message once more, whatever became of it before.
func (b *Billing) again(ctx context.Context, id string) (delivery, error) {
	var d delivery
	return d, b.DB.InTx(ctx, func(tx *store.Tx) error {
		all, err := readDeliveries(ctx, tx, `WHERE d.id = $1`, id)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return loot.Errorf(loot.NotFound, "There is no such message.")
		}
		d = all[0]
		if _, err := liveHook(ctx, tx, d.Hook); err != nil {
			return err
		}
		if d.State == "waiting" {
			return loot.Errorf(loot.Conflict, "The message waits to be sent already.")
		}
		if _, err := tx.Exec(ctx, `UPDATE billing_delivery SET state = 'waiting', tries = 0 WHERE id = $1`, id); err != nil {
			return fmt.Errorf("billing: delivery: %w", err)
		}
		return b.Jobs.Enqueue(ctx, tx, deliverArgs{Delivery: id})
	})
}
