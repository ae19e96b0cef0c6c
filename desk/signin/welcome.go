package signin

import (
	"errors"
	"maps"
	"net/http"
	"net/url"

	"loot"
	"loot/mail"
	"loot/store"
	"loot/web"
)

var firstFields = web.Fields{
	{Name: "name", Label: "Your name", Required: true, Plain: true, Autocomplete: "name", MaxLen: 100, Wide: true, Hint: "Colleagues see it, and the ledger keeps it sealed beside what you do."},
	{Name: "email", Label: "Your e-mail address", Type: "email", Required: true, Plain: true, Autocomplete: "email", MaxLen: 254, Wide: true},
}

// welcome shows what a one-time link for staff leads to, and changes nothing.
func (d *Desk) welcome(w http.ResponseWriter, r *http.Request) error {
	return d.renderWelcome(w, r, http.StatusOK, nil, nil)
}

// renderWelcome shows the page of a link for what the link is for.
func (d *Desk) renderWelcome(w http.ResponseWriter, r *http.Request, status int, in url.Values, wrong error) error {
	ctx := r.Context()
	var l link
	var a Account
	err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if l, err = d.findLink(ctx, tx, r.PathValue("token"), linkFirst, linkJoin, linkDemoStaff); err != nil || l.owner == "" {
			return err
		}
		var ok bool
		if a, ok, err = d.accounts.Account(ctx, tx, l.owner); err == nil && !ok {
			return errLink
		}
		return err
	})
	if errors.Is(err, errLink) {
		return renderGone(w, r, "/console/signin")
	}
	if err != nil {
		return err
	}
	v := welcomeView{
		View: bare(r, "Welcome"), To: welcomePath + r.PathValue("token"), First: l.purpose == linkFirst, Demo: l.purpose == linkDemoStaff,
		Name: a.Actor.Name,
	}
	if v.First {
		v.Fields = firstFields.With(in, wrong)
		v.Problems = web.ProblemsOf(wrong, v.Fields)
	}
	for _, id := range a.Actor.Roles {
		v.Roles = append(v.Roles, d.roleTitle(id))
	}
	return welcomePage.Render(w, r, status, v)
}

// roleTitle says a role in the statement's words.
func (d *Desk) roleTitle(id loot.Role) string {
	if v, ok := d.kit.Gate.InForce(); ok {
		if r, ok := v.Statement.Role(id); ok {
			return r.Title
		}
	}
	return string(id)
}

// accept goes on from a link: to setting up a way of signing in, and in the
// demonstration straight in. The link is used up once a way is set up, so that
// nobody is locked out by a browser that was closed too early.
func (d *Desk) accept(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	ctx := r.Context()
	var l link
	var step started
	var s begun
	err = d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		if l, err = d.findLink(ctx, tx, r.PathValue("token"), linkFirst, linkJoin, linkDemoStaff); err != nil {
			return err
		}
		if l.purpose == linkDemoStaff {
			if err := d.mayEnter(ctx, tx, l.owner); err != nil {
				return err
			}
			s, err = d.enter(r, tx, loot.Staff, l.owner, byLink, d.kit.Now())
			return err
		}
		f := flow{Kind: flowSetUp, Owner: l.owner, Link: l.hash, Next: "/console"}
		if l.purpose == linkFirst {
			if err := d.checkFirst(in); err != nil {
				return err
			}
			f.First = &newcomer{in.Get("name"), in.Get("email")}
			f.Owner = loot.NewID("u") // a passkey keeps a sign of it, before there is an account
		}
		step, err = d.startFlow(ctx, tx, f)
		return err
	})
	switch {
	case errors.Is(err, errLink):
		return renderGone(w, r, "/console/signin")
	case web.Wrong(err) != nil:
		return d.renderWelcome(w, r, http.StatusUnprocessableEntity, in, err)
	case err != nil:
		return err
	case l.purpose == linkDemoStaff:
		s.write(w)
		return web.Redirect(w, r, "/console")
	}
	d.carry(w, step)
	return web.Redirect(w, r, "/console/set-up")
}

func (d *Desk) checkFirst(in url.Values) error {
	if err := firstFields.Check(in); err != nil {
		return err
	}
	if !mail.ValidAddress(in.Get("email")) {
		return web.Invalid("", map[string]string{"email": web.NotEmail})
	}
	return nil
}

// whoSetsUp returns the name and the address of whoever sets an account up.
func (d *Desk) whoSetsUp(r *http.Request, f flow) (name, email string, err error) {
	if f.First != nil {
		return f.First.Name, f.First.Email, nil
	}
	err = d.kit.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		a, ok, err := d.accounts.Account(r.Context(), tx, f.Owner)
		if err == nil && !ok {
			err = errClosed
		}
		name, email = a.Actor.Name, a.Email
		return err
	})
	return name, email, err
}

// setUp is where somebody new says how they want to sign in.
func (d *Desk) setUp(w http.ResponseWriter, r *http.Request) error {
	f, err := d.readFlow(r, flowSetUp)
	if err != nil {
		return beginAgain(w, r, err)
	}
	return d.renderSetUp(w, r, http.StatusOK, f, newAppSecret(), nil)
}

var newPasswordFields = web.Fields{
	{Name: "password", Label: "New password", Hint: "At least 12 characters. Three or four words that do not belong together are good.", Type: "password", Required: true, Plain: true, Autocomplete: "new-password", MaxLen: maxPassword, Wide: true},
	{Name: "password-again", Label: "The same once more", Type: "password", Required: true, Plain: true, Autocomplete: "new-password", MaxLen: maxPassword, Wide: true},
	{Name: "code", Label: "Code from the app", Hint: "Six digits.", Required: true, Plain: true, Autocomplete: "one-time-code", InputMode: "numeric", MaxLen: 10, Wide: true},
}

// A chosen password was checked, together with the app that goes with it.
type chosen struct {
	hash, secret string
	step         int64
}

// choose checks a new password and the app's first code, for the account with
// the name and address given. It returns the app's secret with an error too,
// so that the form can be shown again with the same.
func (d *Desk) choose(r *http.Request, owner, name, email string, in url.Values) (chosen, error) {
	secret, ok := d.offeredApp(owner, in.Get("app"))
	if !ok {
		return chosen{secret: newAppSecret()}, web.Invalid("That took a little too long. Please scan the new code.", map[string]string{"code": "Please scan the new code with your app."})
	}
	c := chosen{secret: secret}
	wrong := map[string]string{}
	if in.Get("password") != in.Get("password-again") {
		wrong["password-again"] = "This is not the same."
	}
	if c.step, ok = stepOf(in.Get("code"), secret, d.kit.Now(), 0); !ok {
		wrong["code"] = "This code is not right. Wait for the next one and try again."
	}
	maps.Copy(wrong, web.Wrong(checkPassword("password", in.Get("password"), name, email, d.site(), d.host)))
	maps.Copy(wrong, web.Wrong(newPasswordFields.Check(in))) // last, as what is missing is said as that
	if err := web.Invalid("", wrong); err != nil {
		return c, err
	}
	var err error
	c.hash, err = d.hashing.hash(r.Context(), in.Get("password"))
	return c, err
}

// setUpPassword sets an account up with password and authenticator app.
func (d *Desk) setUpPassword(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0, "password", "password-again")
	if err != nil {
		return err
	}
	f, err := d.readFlow(r, flowSetUp)
	if err != nil {
		return beginAgain(w, r, err)
	}
	name, email, err := d.whoSetsUp(r, f)
	if err != nil {
		return err
	}
	c, err := d.choose(r, f.Owner, name, email, in)
	if web.Wrong(err) != nil {
		return d.renderSetUp(w, r, http.StatusUnprocessableEntity, f, c.secret, err)
	}
	if err != nil {
		return err
	}
	ctx := r.Context()
	var s begun
	var step started
	err = d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.join(r, tx, f); err != nil {
			return err
		}
		if err := d.setPassword(ctx, tx, f.Owner, c.hash, c.secret, c.step); err != nil {
			return err
		}
		list, err := d.newRecoveryCodes(ctx, tx, f.Owner)
		if err != nil {
			return err
		}
		if step, err = d.startFlow(ctx, tx, flow{Kind: flowCodes, Owner: f.Owner, Next: f.Next, Codes: list}); err != nil {
			return err
		}
		s, err = d.enter(r, tx, loot.Staff, f.Owner, byPassword, d.kit.Now())
		return err
	})
	if err != nil {
		return d.notJoined(w, r, err)
	}
	d.carry(w, step)
	s.write(w)
	return web.Redirect(w, r, "/console/account/codes")
}

// notJoined answers for a set-up that could not be ended.
func (d *Desk) notJoined(w http.ResponseWriter, r *http.Request, err error) error {
	if errors.Is(err, errLink) {
		return renderGone(w, r, "/console/signin")
	}
	return beginAgain(w, r, err)
}

// join ends a set-up: its steps and its link are used up, and the account may
// sign in from now on. The first administrator's account is made here.
func (d *Desk) join(r *http.Request, tx *store.Tx, f flow) error {
	ctx := r.Context()
	if err := d.finish(ctx, tx, f); err != nil {
		return err
	}
	if err := d.useLink(ctx, tx, f.Link); err != nil {
		return err
	}
	if f.First != nil {
		if err := d.accounts.First(ctx, tx, f.Owner, f.First.Name, f.First.Email); err != nil {
			return err
		}
	}
	if err := d.accounts.Joined(ctx, tx, f.Owner); err != nil {
		return err
	}
	return d.mayEnter(ctx, tx, f.Owner)
}

// setUpAskPasskey tells the browser which passkey to make.
func (d *Desk) setUpAskPasskey(w http.ResponseWriter, r *http.Request) error {
	if d.passkeys == nil {
		return errNoPasskeys
	}
	f, err := d.readFlow(r, flowSetUp)
	if err != nil {
		return err
	}
	name, email, err := d.whoSetsUp(r, f)
	if err != nil {
		return err
	}
	ask, session, err := d.askNew(holder{owner: f.Owner, name: email, display: name})
	if err != nil {
		return err
	}
	f.Passkey = session
	if err := d.kit.DB.InTx(r.Context(), func(tx *store.Tx) error { return d.change(r.Context(), tx, f) }); err != nil {
		return err
	}
	return answer(w, ask)
}

// setUpPasskey sets an account up with a passkey.
func (d *Desk) setUpPasskey(w http.ResponseWriter, r *http.Request) error {
	if d.passkeys == nil {
		return errNoPasskeys
	}
	said, err := readAnswer(r)
	if err != nil {
		return err
	}
	f, err := d.readFlow(r, flowSetUp)
	if err != nil {
		return err
	}
	if f.Passkey == nil {
		return errLate
	}
	name, email, err := d.whoSetsUp(r, f)
	if err != nil {
		return err
	}
	ctx := r.Context()
	var s begun
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.join(r, tx, f); err != nil {
			return err
		}
		if err := d.keepNew(ctx, tx, holder{owner: f.Owner, name: email, display: name}, loot.Staff, *f.Passkey, "Passkey", said); err != nil {
			return err
		}
		s, err = d.enter(r, tx, loot.Staff, f.Owner, byPasskey, d.kit.Now())
		return err
	}); err != nil {
		return err
	}
	d.drop(w)
	s.write(w)
	return answer(w, leading{f.Next})
}
