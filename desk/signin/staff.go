package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"loot"
	"loot/store"
	"loot/web"
)

// errClosed is what somebody gets whose account may not sign in.
var errClosed = loot.Errorf(loot.Denied, "This account may not sign in. Please ask an administrator.")

// mayEnter refuses an account that was closed or was never opened.
func (d *Desk) mayEnter(ctx context.Context, tx *store.Tx, account string) error {
	actor, err := d.accounts.Actor(ctx, tx, account)
	if err != nil {
		return err
	}
	if actor.ID == "" {
		return errClosed
	}
	return nil
}

// staffDoor is where staff sign in, and sign in again for what needs it.
func (d *Desk) staffDoor(w http.ResponseWriter, r *http.Request) error {
	return d.renderStaffDoor(w, r, http.StatusOK, nil, nil)
}

var doorFields = web.Fields{
	{Name: "email", Label: "E-mail address", Type: "email", Required: true, Plain: true, Autocomplete: "username webauthn", MaxLen: 254, Wide: true},
	{Name: "password", Label: "Password", Type: "password", Required: true, Plain: true, Autocomplete: "current-password", MaxLen: maxPassword, Wide: true},
}

// errPassword is the one answer to a wrong address and to a wrong password.
var errPassword = web.Invalid("The address and the password do not belong together.", map[string]string{"password": "Please try again."})

// checkPassword takes the first of two steps.
func (d *Desk) checkPassword(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0, "password")
	if err != nil {
		return err
	}
	if err := doorFields.Check(in); err != nil {
		return d.renderStaffDoor(w, r, http.StatusUnprocessableEntity, in, err)
	}
	ctx := r.Context()
	owner, err := d.passwordOwner(ctx, in.Get("email"), in.Get("password"))
	if err != nil {
		return d.staffDoorAgain(w, r, in, err)
	}
	var s started
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.mayEnter(ctx, tx, owner); err != nil {
			return err
		}
		s, err = d.startFlow(ctx, tx, flow{Kind: flowCode, Owner: owner, Next: next(r, in)})
		return err
	}); err != nil {
		return err
	}
	d.carry(w, s)
	return web.Redirect(w, r, "/console/signin/code")
}

// staffDoorAgain shows the form with what is wrong; other errors are the
// caller's caller's.
func (d *Desk) staffDoorAgain(w http.ResponseWriter, r *http.Request, in url.Values, err error) error {
	if web.Wrong(err) != nil || loot.KindOf(err) == loot.Limited {
		return d.renderStaffDoor(w, r, web.Status(err), in, err)
	}
	return err
}

// passwordOwner returns whose address and password they are. It takes as long
// for an address that nobody has.
func (d *Desk) passwordOwner(ctx context.Context, email, typed string) (string, error) {
	email = strings.ToLower(email)
	if err := d.try(ctx, "password", email); err != nil {
		return "", err
	}
	owner, hash := "", d.hashing.nobodys()
	err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		owner, hash = "", d.hashing.nobodys()
		a, ok, err := d.accounts.Find(ctx, tx, email)
		if err != nil || !ok {
			return err
		}
		p, ok, err := d.passwordOf(ctx, tx, a.Actor.ID, "")
		if err != nil || !ok {
			return err
		}
		owner, hash = a.Actor.ID, p.hash
		return nil
	})
	if err != nil {
		return "", err
	}
	// Outside of any transaction: it takes long on purpose.
	right, err := d.hashing.matches(ctx, hash, typed)
	if err != nil {
		return "", err
	}
	if !right || owner == "" {
		return "", errPassword
	}
	return owner, d.kit.DB.InTx(ctx, func(tx *store.Tx) error { return d.succeeded(ctx, tx, "password", email) })
}

var codeFields = web.Fields{
	{Name: "code", Label: "Code", Hint: "Six digits from your authenticator app, or one of your recovery codes.", Required: true, Plain: true, Autocomplete: "one-time-code", MaxLen: 40, Autofocus: true, Wide: true},
}

func (d *Desk) codePage(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.readFlow(r, flowCode); err != nil {
		return beginAgain(w, r, err)
	}
	return renderCode(w, r, http.StatusOK, nil, nil)
}

// beginAgain leads back to the door from a step that is not open any more.
func beginAgain(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, errLate) {
		return err
	}
	web.SetFlash(w, r, web.Info, loot.Message(err))
	return web.Redirect(w, r, "/console/signin")
}

var errCode = web.Invalid("", map[string]string{"code": "This code is not right, or it was used before. Wait for the next one and try again."})

// enterByCode takes the second of two steps.
func (d *Desk) enterByCode(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	f, err := d.readFlow(r, flowCode)
	if err != nil {
		return beginAgain(w, r, err)
	}
	if err := codeFields.Check(in); err != nil {
		return renderCode(w, r, http.StatusUnprocessableEntity, in, err)
	}
	ctx := r.Context()
	if err := d.try(ctx, "code", f.Owner); err != nil {
		return renderCode(w, r, web.Status(err), in, err)
	}
	var s begun
	err = d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		way, err := d.checkCode(ctx, tx, f.Owner, in.Get("code"))
		if err != nil {
			return err
		}
		if way == "" {
			return errCode
		}
		if err := d.finish(ctx, tx, f); err != nil {
			return err
		}
		if err := d.mayEnter(ctx, tx, f.Owner); err != nil {
			return err
		}
		if err := d.succeeded(ctx, tx, "code", f.Owner); err != nil {
			return err
		}
		if way == byRecovery {
			if err := d.changed(ctx, tx, f.Owner, "recovery"); err != nil {
				return err
			}
		}
		s, err = d.enter(r, tx, loot.Staff, f.Owner, way, d.kit.Now())
		return err
	})
	switch {
	case web.Wrong(err) != nil:
		return renderCode(w, r, http.StatusUnprocessableEntity, in, err)
	case err != nil:
		return beginAgain(w, r, err)
	}
	d.drop(w)
	s.write(w)
	return web.Redirect(w, r, leadsTo(loot.Staff, f.Next))
}

// toCompany sends the browser to the company's sign-on.
func (d *Desk) toCompany(w http.ResponseWriter, r *http.Request) error {
	if d.company == nil {
		return loot.Errorf(loot.NotFound, "There is no sign-on of a company here.")
	}
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	ctx := r.Context()
	to, away, err := d.company.send(ctx)
	if err != nil {
		return d.staffDoorAgain(w, r, in, err)
	}
	var s started
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		s, err = d.startFlow(ctx, tx, flow{Kind: flowCompany, Next: next(r, in), Company: &away})
		return err
	}); err != nil {
		return err
	}
	d.carry(w, s)
	return web.Redirect(w, r, to)
}

// fromCompany is where the company's sign-on sends the browser back to. As a
// GET changes nothing, the page sends what it brought as a form; its script
// does that by itself.
func (d *Desk) fromCompany(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	if q.Get("error") != "" || q.Get("code") == "" {
		return loot.Errorf(loot.Denied, "Your company's sign-on did not let you in. Please begin again, or ask whoever administers it.")
	}
	return renderReturn(w, r, q.Get("state"), q.Get("code"), d.company)
}

// enterByCompany redeems what the browser brought back from the sign-on.
func (d *Desk) enterByCompany(w http.ResponseWriter, r *http.Request) error {
	if d.company == nil {
		return loot.Errorf(loot.NotFound, "There is no sign-on of a company here.")
	}
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	ctx := r.Context()
	var f flow
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error { // used up first: what follows asks the sign-on
		if f, err = d.flowOf(ctx, tx, r, flowCompany); err != nil {
			return err
		}
		return d.finish(ctx, tx, f)
	}); err != nil {
		return beginAgain(w, r, err)
	}
	v, err := d.company.redeem(ctx, *f.Company, in.Get("state"), in.Get("code"))
	if err != nil {
		return err
	}
	var s begun
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		owner, err := d.vouched(ctx, tx, v)
		if err != nil {
			return err
		}
		s, err = d.enter(r, tx, loot.Staff, owner, byCompany, v.at)
		return err
	}); err != nil {
		return err
	}
	d.drop(w)
	s.write(w)
	return web.Redirect(w, r, leadsTo(loot.Staff, f.Next))
}

// vouched returns the account of somebody whom the company's sign-on vouches
// for. The first time it is found by an address that the sign-on checked; from
// then on by the sign-on's own name for them, as addresses are given to others.
func (d *Desk) vouched(ctx context.Context, tx *store.Tx, v voucher) (string, error) {
	id := d.keyed("company", v.issuer, v.subject)
	owner, err := d.boundTo(ctx, tx, id)
	if err != nil {
		return "", err
	}
	if owner != "" {
		return owner, d.mayEnter(ctx, tx, owner)
	}
	unknown := loot.Errorf(loot.Denied, "Your company's sign-on knows you, but there is no account for you here. Please ask an administrator to invite you.")
	if v.email == "" {
		return "", unknown
	}
	a, ok, err := d.accounts.Find(ctx, tx, v.email)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", unknown
	}
	if err := d.bind(ctx, tx, id, a.Actor.ID); err != nil {
		return "", err
	}
	if !a.Joined {
		if err := d.dropLinks(ctx, tx, linkJoin, a.Actor.ID); err != nil {
			return "", err
		}
		if err := d.accounts.Joined(ctx, tx, a.Actor.ID); err != nil {
			return "", err
		}
	}
	return a.Actor.ID, d.mayEnter(ctx, tx, a.Actor.ID)
}
