package signin

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"loot"
	"loot/gate"
	"loot/mail"
	"loot/store"
	"loot/web"
)

// customerDoor is where customers sign in.
func (d *Desk) customerDoor(w http.ResponseWriter, r *http.Request) error {
	return d.renderCustomerDoor(w, r, http.StatusOK, nil, nil)
}

var askFields = web.Fields{
	{Name: "email", Label: "E-mail address", Type: "email", Required: true, Plain: true, Autocomplete: "username webauthn", MaxLen: 254, Wide: true},
}

// askLink has a link sent, if somebody has that address. The answer is the
// same, and so is the work, whether somebody has or not.
func (d *Desk) askLink(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	email := in.Get("email")
	if err := askFields.Check(in); err != nil {
		return d.renderCustomerDoor(w, r, http.StatusUnprocessableEntity, in, err)
	}
	if !mail.ValidAddress(email) {
		return d.renderCustomerDoor(w, r, http.StatusUnprocessableEntity, in, web.Invalid("", map[string]string{"email": web.NotEmail}))
	}
	if err := web.Limited(r, "sign-in link", email, web.Limit{Every: 3 * time.Minute, Burst: 4}); err != nil {
		return err
	}
	if err := d.lookUp(r, email, leadsTo(loot.Person, in.Get("next"))); err != nil {
		return err
	}
	return web.Redirect(w, r, "/signin/sent")
}

// maxSame bounds how many accounts with one address are sent a link.
const maxSame = 5

// lookUp finds whose address it is and enqueues the sending. The search is
// recorded, hit or miss.
func (d *Desk) lookUp(r *http.Request, email, next string) error {
	to, err := d.reach()
	if err != nil {
		return err
	}
	ctx := r.Context()
	return d.kit.Gate.InTx(ctx, func(tx *store.Tx) error {
		permit, err := d.kit.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Find, Actor: loot.Actor{Kind: loot.Desk, ID: "signin"}, Desk: "signin", Purpose: to.purpose,
			Collection: customers, Fields: []loot.Field{to.field},
		})
		if err != nil {
			return err
		}
		found, err := d.kit.Vault.Find(ctx, tx, permit, to.field, email)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			found = []loot.Subject{""} // nobody: the job does nothing
		}
		for _, s := range found[:min(len(found), maxSame)] {
			if err := d.kit.Jobs.Enqueue(ctx, tx, linkJob{Subject: s, Next: next}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Desk) linkSent(w http.ResponseWriter, r *http.Request) error {
	v := sentView{View: bare(r, "Look into your mail"), Minutes: int(linkLife[linkEnter].Minutes()), Kept: mail.Kept(d.kit.Mail)}
	if v.Kept {
		v.Title = "The letter waits here"
	}
	return sentPage.Render(w, r, http.StatusOK, v)
}

// showLink asks for a click: programs that look at mail open links, and must
// not use them up.
func (d *Desk) showLink(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	err := d.kit.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		_, err := d.findLink(r.Context(), tx, token, linkEnter, linkDemoCustomer)
		return err
	})
	if errors.Is(err, errLink) {
		return renderGone(w, r, "/signin")
	}
	if err != nil {
		return err
	}
	v := linkView{View: bare(r, "One more click"), To: enterPath + token, Label: "Sign in"}
	return linkPage.Render(w, r, http.StatusOK, v)
}

// enterByLink uses the link up, and so confirms the address it was sent to.
func (d *Desk) enterByLink(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var l link
	var s begun
	err := d.kit.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		if l, err = d.findLink(ctx, tx, r.PathValue("token"), linkEnter, linkDemoCustomer); err != nil {
			return err
		}
		if l.purpose == linkEnter {
			if err := d.useLink(ctx, tx, l.hash); err != nil {
				return err
			}
			if err := d.dropLinks(ctx, tx, linkEnter, l.owner); err != nil {
				return err
			}
			if err := d.confirmed(ctx, tx, loot.Subject(l.owner)); err != nil {
				return err
			}
		}
		s, err = d.enter(r, tx, loot.Person, l.owner, byLink, d.kit.Now())
		return err
	})
	if errors.Is(err, errLink) {
		return renderGone(w, r, "/signin")
	}
	if err != nil {
		return err
	}
	s.write(w)
	return web.Redirect(w, r, leadsTo(loot.Person, l.next))
}

// maxAnswer bounds what a browser says about a passkey.
const maxAnswer = 64 << 10

// errNoPasskeys says why there are none.
var errNoPasskeys = loot.Errorf(loot.Unavailable, "Passkeys need an address with a name and https, or localhost. This one has not.")

// askPasskey tells the browser what to ask its passkeys.
func (d *Desk) askPasskey(w http.ResponseWriter, r *http.Request) error {
	if d.passkeys == nil {
		return errNoPasskeys
	}
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	ask, session, err := d.askAny()
	if err != nil {
		return err
	}
	var s started
	if err := d.kit.DB.InTx(r.Context(), func(tx *store.Tx) (err error) {
		s, err = d.startFlow(r.Context(), tx, flow{Kind: flowEnter, Next: leadsTo(kindOf(r), in.Get("next")), Passkey: session})
		return err
	}); err != nil {
		return err
	}
	d.carry(w, s)
	return answer(w, ask)
}

func (d *Desk) customerPasskey(w http.ResponseWriter, r *http.Request) error {
	return d.enterByPasskey(w, r, loot.Person)
}

func (d *Desk) staffPasskey(w http.ResponseWriter, r *http.Request) error {
	return d.enterByPasskey(w, r, loot.Staff)
}

// enterByPasskey takes the passkey's answer.
func (d *Desk) enterByPasskey(w http.ResponseWriter, r *http.Request, kind loot.ActorKind) error {
	if d.passkeys == nil {
		return errNoPasskeys
	}
	said, err := readAnswer(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	var s begun
	var next string
	err = d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		f, err := d.flowOf(ctx, tx, r, flowEnter)
		if err != nil {
			return err
		}
		if err := d.finish(ctx, tx, f); err != nil {
			return err
		}
		key, err := d.useKey(ctx, tx, kind, *f.Passkey, said)
		if err != nil {
			return err
		}
		if kind == loot.Staff {
			if err := d.mayEnter(ctx, tx, key.owner); err != nil {
				return err
			}
		}
		next = f.Next
		s, err = d.enter(r, tx, kind, key.owner, byPasskey, d.kit.Now())
		return err
	})
	if errors.Is(err, errCopied) {
		return d.copied(r, err)
	}
	if err != nil {
		return err
	}
	d.drop(w)
	s.write(w)
	return answer(w, leading{leadsTo(kind, next)})
}

// copied raises an incident for a passkey that somebody copied.
func (d *Desk) copied(r *http.Request, err error) error {
	ctx := r.Context()
	if failed := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := d.kit.Gate.Incident(ctx, tx, "passkey.copied", "")
		return err
	}); failed != nil {
		return failed
	}
	return loot.Wrap(loot.Denied, err, "This passkey was used elsewhere in a way that a passkey cannot be, so it is not accepted. Please sign in another way and remove it; the incident has been recorded.")
}

func readAnswer(r *http.Request) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if err != nil {
		return nil, loot.Wrap(loot.Invalid, err, "The passkey's answer did not arrive whole. Please try again.")
	}
	if len(b) > maxAnswer {
		return nil, loot.Errorf(loot.TooLarge, "The passkey's answer is longer than any passkey's is.")
	}
	return b, nil
}

// endHere ends the sessions that the browser has.
func (d *Desk) endHere(r *http.Request) error {
	return d.kit.DB.InTx(r.Context(), func(tx *store.Tx) error {
		for _, kind := range []loot.ActorKind{loot.Person, loot.Staff} {
			if err := d.leave(r.Context(), tx, r, kind); err != nil {
				return err
			}
		}
		return nil
	})
}

// next keeps where somebody wanted to go, through the forms of a door.
func next(r *http.Request, in url.Values) string {
	if in != nil {
		return leadsTo(kindOf(r), in.Get("next"))
	}
	if q, err := web.Query(r); err == nil && strings.HasPrefix(q.Get("next"), "/") {
		return leadsTo(kindOf(r), q.Get("next"))
	}
	return ""
}
