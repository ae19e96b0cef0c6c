package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/store"
)

// An exported is what a person's copy says of this desk.
type exported struct {
	Services []exportedService `json:"services"`
	Invoices []exportedInvoice `json:"invoices,omitempty"`
	Before   []beforeHere      `json:"invoices_from_the_system_before,omitempty"`
	Waiting  []exportedWait    `json:"invoices_that_wait,omitempty"`
	Payments []exportedPayment `json:"payments,omitempty"`
	Language string            `json:"languageOfInvoices,omitempty"`
	Hints    []exportedHint    `json:"suggestions,omitempty"`
	Messages []exportedMessage `json:"messages_to_other_systems,omitempty"`
}

type exportedService struct {
	Reference string            `json:"reference"`
	Service   string            `json:"service"`
	Plan      string            `json:"plan,omitempty"`
	State     State             `json:"state"`
	Since     time.Time         `json:"since"`
	Ended     time.Time         `json:"ended,omitzero"`
	Charged   time.Time         `json:"chargedFrom,omitzero"` // of one that was taken over
	History   []exportedStep    `json:"history,omitempty"`
	Usage     []monthUsed       `json:"usage,omitempty"`
	Addresses []exportedAddress `json:"addresses,omitempty"`
}

type exportedStep struct {
	At    time.Time `json:"at"`
	State State     `json:"state"`
	Why   string    `json:"why"`
	By    string    `json:"by"`
}

type exportedAddress struct {
	Address string    `json:"address"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until,omitzero"`
}

type exportedInvoice struct {
	Number   string           `json:"number"`
	Kind     string           `json:"kind"` // of UNTDID 1001: 380 invoice, 381 credit note, 384 corrected invoice
	About    string           `json:"about,omitempty"`
	Issued   invoice.Date     `json:"issued"`
	Due      invoice.Date     `json:"due,omitzero"` // none of a credit note
	From     invoice.Date     `json:"from"`
	To       invoice.Date     `json:"to"`
	Currency string           `json:"currency"`
	Net      string           `json:"net"`
	Tax      string           `json:"tax"`
	Total    string           `json:"total"`
	Credited string           `json:"taken_back_by,omitempty"` // number of the credit note
	Removed  time.Time        `json:"documents_removed,omitzero"`
	Letters  []exportedLetter `json:"letters,omitempty"`
}

type exportedLetter struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
	Sent bool      `json:"sent"`
}

type exportedWait struct {
	Month   Month        `json:"month"`
	Missing []loot.Field `json:"missing,omitempty"`
	Finding string       `json:"finding,omitempty"`
	Since   time.Time    `json:"since"`
	Told    time.Time    `json:"told,omitzero"`
}

type exportedHint struct {
	At      time.Time `json:"at"`
	Why     string    `json:"why"`
	Data    string    `json:"data"`
	Shown   time.Time `json:"shown,omitzero"`
	Opened  time.Time `json:"opened,omitzero"`
	Taken   time.Time `json:"taken,omitzero"`
	Refused time.Time `json:"refused,omitzero"`
	Gone    time.Time `json:"reasonGone,omitzero"`
}

type exportedMessage struct {
	At   time.Time          `json:"at"`
	Said json.RawMessage    `json:"message"` // as it is sent
	To   []exportedDelivery `json:"to"`
}

type exportedDelivery struct {
	System string    `json:"system"` // its host: the rest of the address may hold a secret
	State  string    `json:"state"`
	At     time.Time `json:"at,omitzero"` // of the last try
}

// export returns what is kept about a person.
func (b *Billing) export(ctx context.Context, tx *store.Tx, s loot.Subject) (any, error) {
	var out exported
	for _, part := range []func(context.Context, *store.Tx, loot.Subject, *exported) error{
		b.exportServices, exportInvoices, exportWaiting, exportHints, exportMessages,
	} {
		if err := part(ctx, tx, s, &out); err != nil {
			return nil, err
		}
	}
	var err error
	if out.Before, err = exportArchive(ctx, tx, s); err != nil {
		return nil, err
	}
	if out.Payments, err = b.exportPayments(ctx, tx, s); err != nil {
		return nil, err
	}
	if out.Language, err = languageOf(ctx, tx, s); err != nil {
		return nil, err
	}
	if len(out.Services)+len(out.Invoices)+len(out.Before)+len(out.Waiting)+len(out.Payments)+len(out.Hints)+len(out.Messages)+len(out.Language) == 0 {
		return nil, nil
	}
	return out, nil
}

func (b *Billing) exportServices(ctx context.Context, tx *store.Tx, s loot.Subject, out *exported) error {
	all, err := b.Services(ctx, tx, s)
	if err != nil {
		return err
	}
	steps, err := stepsOf(ctx, tx, `JOIN billing_service s ON s.reference = h.service WHERE s.subject = $1`, s)
	if err != nil {
		return err
	}
	months, err := monthsUsed(ctx, tx, s, b.seller.place())
	if err != nil {
		return err
	}
	addresses, err := b.ownAddresses(ctx, tx, s)
	if err != nil {
		return err
	}
	for _, one := range all {
		l := exportedService{Reference: one.Reference, Service: one.Title, Plan: one.Plan, State: one.State, Since: one.Since, Ended: one.Ended, Charged: one.Charged, Usage: months[one.Reference]}
		for _, h := range steps[one.Reference] {
			l.History = append(l.History, exportedStep{h.At, h.State, h.Words(), h.Who()})
		}
		for _, a := range addresses[one.Reference] {
			l.Addresses = append(l.Addresses, exportedAddress{a.Address.Reveal(), a.Since, a.Until}) //nolint:forbidigo // their own copy
		}
		out.Services = append(out.Services, l)
	}
	return nil
}

func exportInvoices(ctx context.Context, tx *store.Tx, s loot.Subject, out *exported) error {
	issued, err := readInvoices(ctx, tx, `WHERE i.subject = $1 ORDER BY i.at, i.number`, s)
	if err != nil {
		return err
	}
	for _, i := range issued {
		one := exportedInvoice{
			Number: i.Number, Kind: string(i.Kind), About: i.Preceding, Issued: i.Day, From: i.Period.From, To: i.Period.To,
			Currency: i.Currency, Net: plainAmount(i.Net, i.Currency), Tax: plainAmount(i.Tax, i.Currency), Total: plainAmount(i.Total, i.Currency), Credited: i.Credited, Removed: i.Removed,
		}
		if i.Kind != invoice.CreditNote {
			one.Due = i.Due
		}
		letters, err := lettersOf(ctx, tx, i.Number)
		if err != nil {
			return err
		}
		for _, l := range letters {
			one.Letters = append(one.Letters, exportedLetter{l.At, l.fact().Term, l.Sent})
		}
		out.Invoices = append(out.Invoices, one)
	}
	return nil
}

func exportWaiting(ctx context.Context, tx *store.Tx, s loot.Subject, out *exported) error {
	waits, err := readPending(ctx, tx, `WHERE subject = $1 ORDER BY month`, s)
	for _, p := range waits {
		out.Waiting = append(out.Waiting, exportedWait{p.Month, p.Missing, p.Finding.Text, p.Since, p.Told})
	}
	return err
}

// exportHints returns the suggestions that are kept, also those that are not shown any
// longer.
func exportHints(ctx context.Context, tx *store.Tx, s loot.Subject, out *exported) error {
	rows, err := tx.Query(ctx, `SELECT why, data, made, shown, clicked, taken, refused, gone FROM billing_hint WHERE subject = $1 ORDER BY made DESC, id`, s)
	if err != nil {
		return fmt.Errorf("billing: hints: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var h exportedHint
		var made, shown, clicked, taken, refused, gone int64
		if err := rows.Scan(&h.Why, &h.Data, &made, &shown, &clicked, &taken, &refused, &gone); err != nil {
			return fmt.Errorf("billing: hints: %w", err)
		}
		h.At, h.Shown, h.Opened, h.Taken, h.Refused, h.Gone = store.Instant(made), store.Instant(shown), store.Instant(clicked), store.Instant(taken), store.Instant(refused), store.Instant(gone)
		out.Hints = append(out.Hints, h)
	}
	return rows.Err()
}

// exportMessages returns what other systems were told of somebody's services.
func exportMessages(ctx context.Context, tx *store.Tx, s loot.Subject, out *exported) error {
	rows, err := tx.Query(ctx, `SELECT e.id, e.at, e.body, COALESCE(d.state, ''), COALESCE(d.tried, 0), COALESCE(h.url, '') FROM billing_event e
		LEFT JOIN billing_delivery d ON d.event = e.id LEFT JOIN billing_hook h ON h.id = d.hook WHERE e.subject = $1 ORDER BY e.at, e.id, d.id`, s)
	if err != nil {
		return fmt.Errorf("billing: messages: %w", err)
	}
	defer rows.Close()
	last := ""
	for rows.Next() {
		var event, body, address string
		var at, tried int64
		var d exportedDelivery
		if err := rows.Scan(&event, &at, &body, &d.State, &tried, &address); err != nil {
			return fmt.Errorf("billing: messages: %w", err)
		}
		if event != last {
			last, out.Messages = event, append(out.Messages, exportedMessage{At: store.Instant(at), Said: json.RawMessage(body)})
		}
		if d.State == "" {
			continue // to nobody yet
		}
		if u, err := url.Parse(address); err == nil {
			d.System = u.Host
		}
		d.At = store.Instant(tried)
		m := &out.Messages[len(out.Messages)-1]
		m.To = append(m.To, d)
	}
	return rows.Err()
}
