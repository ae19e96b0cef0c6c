package customers

import (
	"context"
	"maps"
	"net/http"

	"loot"
	"loot/gate"
	"loot/job"
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// addressProposed is the notice that an address waits in somebody's record to
// be confirmed by whoever has it.
const addressProposed = "address.proposed"

// recordChanged is the notice that something in somebody's record was given or
// changed.
const recordChanged = "record.changed"

// addressField returns the field that people are found by and that letters go to.
func addressField(s *statement.Statement) loot.Field { return s.AddressField(collection) }

// write decides a change and hands it to the vault, which refuses it when the
// record moved on since the form was drawn. Another address does not count
// before its owner has confirmed it, whoever entered it: it is what people sign
// in with.
func (c *customers) write(ctx context.Context, tx *store.Tx, s *statement.Statement, req gate.Request, version string, given map[loot.Field]string, source vault.Source) error {
	p, err := c.Gate.Decide(ctx, tx, req)
	if err != nil {
		return err
	}
	if err := c.needed(ctx, tx, s, req.Subject, given); err != nil {
		return err
	}
	change := vault.Change{Version: stamp(version), Given: given, Source: source}
	field := addressField(s)
	address, touched := given[field]
	if touched {
		change.Proposed = map[loot.Field]string{field: address}
	}
	if address != "" {
		change.Given = maps.Clone(given)
		delete(change.Given, field)
	}
	if err := c.Vault.Correct(ctx, tx, p, change); err != nil {
		return err
	}
	if err := c.Jobs.Publish(ctx, tx, job.Notice{Name: recordChanged, ID: string(req.Subject)}); err != nil {
		return err
	}
	switch {
	case address != "":
		return c.Jobs.Publish(ctx, tx, job.Notice{Name: addressProposed, ID: string(req.Subject)})
	case touched:
		return c.Gate.Unconfirm(ctx, tx, req.Subject)
	}
	return nil
}

// saved says what became of a change: text, unless it waits.
func (c *customers) saved(s *statement.Statement, change correction, text string) string {
	switch {
	case change.Field.ID != addressField(s) || change.Value == "":
		return text
	case mail.Kept(c.Mail):
		return "The new address waits, and its link is in the outbox of the console, as no mail server is set up yet. It counts as soon as somebody has opened the link; until then the one before does."
	}
	return "We have sent a link to the new address. It counts as soon as somebody there has opened it; until then the one before does."
}

// becomes says what a change of a field does: text, unless it waits.
func (c *customers) becomes(s *statement.Statement, d statement.FieldDecl, text string) string {
	switch {
	case d.ID != addressField(s):
		return text
	case mail.Kept(c.Mail):
		return "Another address counts once its link was opened, and until then the one before does. No mail server is set up yet: the link waits in the outbox of the console."
	}
	return "Another address counts once its owner has opened the link that we send to it. Until then the one before does."
}

// needFresh refuses to change an address in a session that began long ago, as
// the account follows its address.
func (c *customers) needFresh(r *http.Request, s *statement.Statement, d statement.FieldDecl) error {
	if d.ID != addressField(s) {
		return nil
	}
	return web.NeedFresh(r, c.Now())
}

// waits says that a value waits to be confirmed, and what can be done about it.
func (c *customers) waits(p vault.Proposal) *web.Alert {
	link, again := "A link to it was sent.", "Send the link again"
	if mail.Kept(c.Mail) {
		link, again = "The link to it is in the outbox of the console, as no mail server is set up yet.", "Make another link"
	}
	return &web.Alert{
		Tone:  web.Info,
		Title: p.Reveal() + " waits for confirmation.", //nolint:forbidigo // the person sees their own record
		Text:  link + " It counts once the link was opened, by " + p.Until.UTC().Format("2 January, 15:04 UTC") + " at the latest; until then nothing changes. From: " + p.Source + ".",
		Actions: []web.Action{
			{Label: again, Icon: "send", Href: "/portal/address/again", Post: true, Small: true},
			{Label: "Give it up", Icon: "undo-2", Href: "/portal/address/keep", Post: true, Small: true},
		},
	}
}

// sendAgain has the link sent again to the address that waits.
func (c *customers) sendAgain(w http.ResponseWriter, r *http.Request) error {
	if err := c.DB.InTx(r.Context(), func(tx *store.Tx) error {
		return c.Jobs.Publish(r.Context(), tx, job.Notice{Name: addressProposed, ID: web.ActorOf(r.Context()).ID})
	}); err != nil {
		return err
	}
	way := "on its way to it"
	if mail.Kept(c.Mail) {
		way = "in the outbox of the console"
	}
	web.SetFlash(w, r, web.Good, "If an address still waits, another link is "+way+". The one before does not work any more.")
	return web.Redirect(w, r, "/portal")
}

// keepAddress gives up the address that waits.
func (c *customers) keepAddress(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	s, err := c.inForce()
	if err != nil {
		return err
	}
	d, err := c.fieldOf(s, string(addressField(s)))
	if err != nil {
		return err
	}
	if err := c.Gate.InTx(ctx, func(tx *store.Tx) error {
		row, err := c.Vault.Row(ctx, tx, loot.Subject(me.ID), collection)
		if err != nil {
			return err
		}
		p, err := c.Gate.Decide(ctx, tx, own(me, loot.Collect, collectFor(s, d, nil), []loot.Field{d.ID}))
		if err != nil {
			return err
		}
		return c.Vault.Correct(ctx, tx, p, vault.Change{Version: row.Version, Proposed: map[loot.Field]string{d.ID: ""}})
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "It is given up. The address that you have stays.")
	return web.Redirect(w, r, "/portal")
}
