package billing

import (
	"context"
	"net/http"

	"loot/desk/billing/hook"
	"loot/outbound"
)

// A Messenger sends the messages of webhooks, and says to where it would not.
type Messenger interface {
	CheckURL(address string) error
	Send(ctx context.Context, address string, m hook.Message, secrets ...string) (outbound.Answer, error)
}

// Tell says who sends the messages of webhooks. It is called before jobs start;
// without it they reach the public internet and nothing else.
func (b *Billing) Tell(m Messenger) { b.messenger = m }

// deliver sends one message of a webhook. It is not known whether one arrived whose
// answer did not, so it may come twice, with the same id.
func (b *Billing) deliver(ctx context.Context, a deliverArgs) error {
	out, ok, err := b.outgoing(ctx, a.Delivery)
	if err != nil || !ok {
		return err
	}
	answer, failed := b.messenger.Send(ctx, out.url, hook.Message{ID: out.Event, At: b.Now(), Body: []byte(out.body)}, out.secrets...)
	return b.sent(ctx, out.delivery, answer, failed)
}

// MadeUpMessenger stands for a provisioning system in demonstrations: it takes
// every message and sends none.
type MadeUpMessenger struct{ *hook.Sender }

// Send implements [Messenger].
func (MadeUpMessenger) Send(context.Context, string, hook.Message, ...string) (outbound.Answer, error) {
	return outbound.Answer{Status: http.StatusOK, Text: `{"taken": true}`}, nil
}
