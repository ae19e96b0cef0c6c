package signin

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"loot"
	"loot/gate"
	"loot/job"
	"loot/mail"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// askToConfirm asks the owner of an address that waits in somebody's record to
// confirm it, and first tells the one that counts so far, if it is theirs. Each
// asking makes the links of the earlier ones worthless.
func (d *Desk) askToConfirm(ctx context.Context, id string) error {
	subject := loot.Subject(id)
	var letters []mail.Message
	err := d.kit.Gate.InTx(ctx, func(tx *store.Tx) error {
		letters = nil
		to, err := d.reach()
		if err != nil {
			return err
		}
		permit, err := d.kit.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Use, Actor: loot.Actor{Kind: loot.Desk, ID: "signin"}, Desk: "signin", Purpose: to.purpose,
			Subject: subject, Collection: customers, Fields: []loot.Field{to.field},
		})
		if err != nil {
			return err
		}
		rec, err := d.kit.Vault.OpenRecord(ctx, tx, permit)
		if err != nil {
			return err
		}
		next, waits := rec.Waiting[to.field]
		if !waits {
			return nil // it was given up meanwhile
		}
		number := strconv.FormatInt(next.Number, 10)
		if err := d.dropLinks(ctx, tx, linkConfirm, id); err != nil {
			return err
		}
		token, err := d.makeLink(ctx, tx, linkConfirm, id, number)
		if err != nil {
			return err
		}
		person, err := d.kit.Gate.Person(ctx, tx, subject)
		if err != nil {
			return err
		}
		//nolint:forbidigo // the letters go to them
		former, address := rec.Values[to.field].Reveal(), next.Reveal()
		if former != "" && person.Confirmed {
			// The same change has the same name, so that asking again shows it once.
			m, err := d.formerLetter().Message(d.kit.House(), "address-"+number+"-"+id, former)
			if err != nil {
				return err
			}
			letters = append(letters, m)
		}
		m, err := d.confirmLetter(d.kit.BaseURL+confirmPath+token).Message(d.kit.House(), loot.NewID("m"), address)
		letters = append(letters, m)
		return err
	})
	if _, refused := errors.AsType[*gate.Refusal](err); refused || loot.KindOf(err) == loot.NotFound {
		d.kit.Log.InfoContext(ctx, "a link to confirm an address was not sent", "err", err)
		return nil // trying again changes nothing
	}
	if err != nil {
		return err
	}
	for _, m := range letters {
		m.About, m.Collection = subject, customers
		if err := d.send(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) formerLetter() mail.Letter {
	return mail.Letter{
		Subject: "Your address is about to be changed", Preview: "Until the new one is confirmed, nothing changes.", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("In your record another e-mail address waits to take the place of this one. It counts as soon as its owner has opened the link in our letter to it. From then on you sign in with that address, and our letters go there."),
			mail.Para("If you did not want that, sign in now and keep the address that you have. Your timeline shows who asked for the change."),
			mail.Button("See it in my portal", d.kit.BaseURL+"/portal"),
		},
		Why: "You get this because it is the address that counts at present. Every change of it is told to you.",
	}
}

func (d *Desk) confirmLetter(url string) mail.Letter {
	return mail.Letter{
		Subject: "Please confirm your new address", Preview: "One click, and it counts.", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("This address was entered as the new one of a customer of " + d.site() + ". The button below shows that it is yours. From then on you sign in with it, and our letters come here."),
			mail.Button("Confirm this address", url),
			mail.Note("The link works once, and for three days."),
		},
		Why: "You get this because somebody entered this address. If that was not you, do nothing: without the click it is forgotten.",
	}
}

// showConfirm asks for a click: programs that look at mail open links.
func (d *Desk) showConfirm(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	err := d.kit.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		_, err := d.findLink(r.Context(), tx, token, linkConfirm)
		return err
	})
	if errors.Is(err, errLink) {
		return renderGone(w, r, "/signin")
	}
	if err != nil {
		return err
	}
	return linkPage.Render(w, r, http.StatusOK, linkView{View: bare(r, "Is this address yours?"), To: confirmPath + token, Label: "Yes, it is mine"})
}

// confirmByLink lets the address count to which the link was sent.
func (d *Desk) confirmByLink(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	err := d.kit.Gate.InTx(ctx, func(tx *store.Tx) error {
		l, err := d.findLink(ctx, tx, r.PathValue("token"), linkConfirm)
		if err != nil {
			return err
		}
		if err := d.useLink(ctx, tx, l.hash); err != nil {
			return err
		}
		return d.readdress(ctx, tx, loot.Subject(l.owner), l.next)
	})
	if loot.KindOf(err) == loot.NotFound { // the link, or what waited
		return renderGone(w, r, "/signin")
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Your address is confirmed. It counts from now on.")
	return web.Redirect(w, r, "/portal")
}

// readdress lets the address count that waited under a number.
func (d *Desk) readdress(ctx context.Context, tx *store.Tx, s loot.Subject, number string) error {
	to, err := d.reach()
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return errLink
	}
	// This waits for whoever is about to write to the former address, and has
	// those who come later read the new one; so no link to sign in is left that
	// went to the former.
	if err := d.kit.Gate.Confirm(ctx, tx, s); err != nil {
		return err
	}
	if err := d.dropLinks(ctx, tx, linkEnter, string(s)); err != nil {
		return err
	}
	permit, err := d.kit.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Collect, Actor: loot.Actor{Kind: loot.Person, ID: string(s)}, Desk: "signin", Purpose: to.purpose,
		Subject: s, Collection: customers, Fields: []loot.Field{to.field},
	})
	if err != nil {
		return err
	}
	if err := d.kit.Vault.Confirm(ctx, tx, permit, to.field, n); err != nil {
		return err
	}
	if err := d.kit.Gate.Confirm(ctx, tx, s); err != nil { // what counts only since then was not confirmed before
		return err
	}
	return d.kit.Jobs.Publish(ctx, tx, job.Notice{Name: addressConfirmed, ID: string(s)})
}

// addressConfirmed is the notice that the address in somebody's record was shown to be theirs.
const addressConfirmed = "address.confirmed"

// confirmed notes that the address that counts is its owner's, as they opened
// what was sent to it. One that they say is wrong stays in dispute until they are answered.
func (d *Desk) confirmed(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	if err := d.kit.Gate.Confirm(ctx, tx, s); err != nil {
		return err
	}
	to, err := d.reach()
	if err != nil {
		return err
	}
	row, err := d.kit.Vault.Row(ctx, tx, s, customers)
	if err != nil {
		return unlessGone(err)
	}
	held, err := d.kit.Vault.Held(ctx, tx, s, customers)
	about, is := held[to.field]
	if err != nil || !is || about.State == vault.Verified || about.State == vault.Disputed {
		return unlessGone(err)
	}
	err = d.kit.Vault.Mark(ctx, tx, s, customers, row.Version, map[loot.Field]vault.Marking{to.field: {From: about.State, To: vault.Verified}})
	if loot.KindOf(err) == loot.Conflict {
		return nil // somebody changes the record this instant; the next link marks it
	}
	if err != nil {
		return err
	}
	return d.kit.Jobs.Publish(ctx, tx, job.Notice{Name: addressConfirmed, ID: string(s)})
}

// unlessGone lets pass that nothing is held about somebody.
func unlessGone(err error) error {
	if loot.KindOf(err) == loot.NotFound {
		return nil
	}
	return err
}
