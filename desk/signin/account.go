package signin

import (
	"net/http"
	"net/url"
	"slices"

	"loot"
	"loot/store"
	"loot/web"
)

// account shows how somebody signs in, and what they can change about it: for
// staff in the console, for customers in the portal.
func (d *Desk) account(w http.ResponseWriter, r *http.Request) error {
	return d.renderAccount(w, r)
}

// home is where the page of an account is, for whoever asks.
func home(kind loot.ActorKind) string {
	if kind == loot.Staff {
		return accountPath
	}
	return "/portal/signin"
}

var labelField = web.Field{Name: "label", Label: "What do you call it?", Hint: "Such as the device that it is on.", Plain: true, MaxLen: 60, Value: "Passkey", Required: true}

// holderOf returns who asks as a passkey names them. A customer's name stays in
// the vault: their passkey is named after the site.
func (d *Desk) holderOf(r *http.Request, tx *store.Tx) (holder, error) {
	who := web.ActorOf(r.Context())
	h := holder{owner: who.ID, name: "Customer of " + d.site(), display: "Customer of " + d.site()}
	if who.Kind == loot.Staff {
		a, ok, err := d.accounts.Account(r.Context(), tx, who.ID)
		if err != nil {
			return holder{}, err
		}
		if !ok {
			return holder{}, errClosed
		}
		h.name, h.display = a.Email, a.Actor.Name
	}
	var err error
	h.keys, err = d.keysOf(r.Context(), tx, who.ID)
	return h, err
}

// addAskPasskey tells the browser which passkey to make.
func (d *Desk) addAskPasskey(w http.ResponseWriter, r *http.Request) error {
	if d.passkeys == nil {
		return errNoPasskeys
	}
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	label := in.Get("label")
	if err := validLabel("label", label); err != nil {
		return err
	}
	ctx := r.Context()
	var ask any
	var s started
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		h, err := d.holderOf(r, tx)
		if err != nil {
			return err
		}
		creation, session, err := d.askNew(h)
		if err != nil {
			return err
		}
		ask = creation
		s, err = d.startFlow(ctx, tx, flow{Kind: flowAdd, Owner: h.owner, Label: label, Passkey: session})
		return err
	}); err != nil {
		return err
	}
	d.carry(w, s)
	return answer(w, ask)
}

// addPasskey keeps the passkey that the browser made.
func (d *Desk) addPasskey(w http.ResponseWriter, r *http.Request) error {
	if d.passkeys == nil {
		return errNoPasskeys
	}
	said, err := readAnswer(r)
	if err != nil {
		return err
	}
	ctx, who := r.Context(), web.ActorOf(r.Context())
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		f, err := d.flowOf(ctx, tx, r, flowAdd)
		if err != nil {
			return err
		}
		if f.Owner != who.ID {
			return errLate
		}
		if err := d.finish(ctx, tx, f); err != nil {
			return err
		}
		h, err := d.holderOf(r, tx)
		if err != nil {
			return err
		}
		if err := d.keepNew(ctx, tx, h, who.Kind, *f.Passkey, f.Label, said); err != nil {
			return err
		}
		return d.tell(r, tx, "passkey")
	}); err != nil {
		return err
	}
	d.drop(w)
	web.SetFlash(w, r, web.Good, "The passkey was added.")
	return answer(w, leading{home(who.Kind)})
}

// tell has a member of staff told of a change. A customer sees it in the
// portal: writing to them would open their record for it.
func (d *Desk) tell(r *http.Request, tx *store.Tx, what string) error {
	who := web.ActorOf(r.Context())
	if who.Kind != loot.Staff {
		return nil
	}
	return d.changed(r.Context(), tx, who.ID, what)
}

// done leads back to the page of an account with what was done.
func done(w http.ResponseWriter, r *http.Request, text string) error {
	web.SetFlash(w, r, web.Good, text)
	return web.Redirect(w, r, home(web.ActorOf(r.Context()).Kind))
}

// removePasskey removes one. Staff keep at least one way of signing in;
// customers always have the link.
func (d *Desk) removePasskey(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), web.ActorOf(r.Context())
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.keepsAWay(r, tx); err != nil {
			return err
		}
		if err := d.removeKey(ctx, tx, who.ID, r.PathValue("name")); err != nil {
			return err
		}
		return d.tell(r, tx, "removed")
	}); err != nil {
		return err
	}
	return done(w, r, "The passkey was removed.")
}

func (d *Desk) keepsAWay(r *http.Request, tx *store.Tx) error {
	who := web.ActorOf(r.Context())
	if who.Kind != loot.Staff {
		return nil
	}
	m, err := d.Methods(r.Context(), tx, who.ID)
	if err != nil {
		return err
	}
	return lastWay(m)
}

// passwordPage is where a member of staff sets password and app.
func (d *Desk) passwordPage(w http.ResponseWriter, r *http.Request) error {
	return d.renderPassword(w, r, http.StatusOK, newAppSecret(), nil)
}

// changePassword sets password, app and recovery codes, all anew.
func (d *Desk) changePassword(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0, "password", "password-again")
	if err != nil {
		return err
	}
	a, err := d.own(r)
	if err != nil {
		return err
	}
	c, err := d.choose(r, a.Actor.ID, a.Actor.Name, a.Email, in)
	if web.Wrong(err) != nil {
		return d.renderPassword(w, r, http.StatusUnprocessableEntity, c.secret, err)
	}
	if err != nil {
		return err
	}
	ctx := r.Context()
	var step started
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.setPassword(ctx, tx, a.Actor.ID, c.hash, c.secret, c.step); err != nil {
			return err
		}
		if err := d.endOthers(r, tx, loot.Staff, a.Actor.ID); err != nil {
			return err
		}
		if err := d.tell(r, tx, "password"); err != nil {
			return err
		}
		step, err = d.codesFor(r, tx, a.Actor.ID)
		return err
	}); err != nil {
		return err
	}
	d.carry(w, step)
	return web.Redirect(w, r, "/console/account/codes")
}

// own returns the account of whoever asks.
func (d *Desk) own(r *http.Request) (a Account, err error) {
	err = d.kit.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		var ok bool
		if a, ok, err = d.accounts.Account(r.Context(), tx, web.ActorOf(r.Context()).ID); err == nil && !ok {
			return errClosed
		}
		return err
	})
	return a, err
}

// codesFor makes new recovery codes and keeps them until they were shown.
func (d *Desk) codesFor(r *http.Request, tx *store.Tx, owner string) (started, error) {
	list, err := d.newRecoveryCodes(r.Context(), tx, owner)
	if err != nil {
		return started{}, err
	}
	return d.startFlow(r.Context(), tx, flow{Kind: flowCodes, Owner: owner, Next: accountPath, Codes: list})
}

// removePassword takes password and app away from an account that has another
// way of signing in.
func (d *Desk) removePassword(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), web.ActorOf(r.Context())
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.keepsAWay(r, tx); err != nil {
			return err
		}
		if err := d.dropPassword(ctx, tx, who.ID); err != nil {
			return err
		}
		return d.tell(r, tx, "dropped")
	}); err != nil {
		return err
	}
	return done(w, r, "The password and the authenticator app were removed.")
}

// renewCodes makes new recovery codes; the old ones are worth nothing then.
func (d *Desk) renewCodes(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), web.ActorOf(r.Context())
	var step started
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		m, err := d.Methods(ctx, tx, who.ID)
		if err != nil {
			return err
		}
		if !m.Password {
			return loot.Errorf(loot.Conflict, "Recovery codes stand in for the authenticator app, and you have none.")
		}
		if err := d.tell(r, tx, "codes"); err != nil {
			return err
		}
		step, err = d.codesFor(r, tx, who.ID)
		return err
	}); err != nil {
		return err
	}
	d.carry(w, step)
	return web.Redirect(w, r, "/console/account/codes")
}

// showCodes shows new recovery codes until their owner says that they kept them.
func (d *Desk) showCodes(w http.ResponseWriter, r *http.Request) error {
	f, err := d.readFlow(r, flowCodes)
	if err != nil || f.Owner != web.ActorOf(r.Context()).ID {
		return web.Redirect(w, r, accountPath)
	}
	return renderCodes(w, r, f.Codes)
}

func (d *Desk) keptCodes(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	to := accountPath
	if f, err := d.readFlow(r, flowCodes); err == nil {
		to = leadsTo(loot.Staff, f.Next)
		if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error { return d.finish(ctx, tx, f) }); err != nil {
			return err
		}
	}
	d.drop(w)
	return web.Redirect(w, r, to)
}

func (d *Desk) endOtherSessions(w http.ResponseWriter, r *http.Request) error {
	who := web.ActorOf(r.Context())
	if err := d.kit.DB.InTx(r.Context(), func(tx *store.Tx) error { return d.endOthers(r, tx, who.Kind, who.ID) }); err != nil {
		return err
	}
	return done(w, r, "Every other session of yours has ended.")
}

// tokensPage shows whoever asks their tokens of the API.
func (d *Desk) tokensPage(w http.ResponseWriter, r *http.Request) error {
	return d.renderTokens(w, r, http.StatusOK, nil, nil, "")
}

// newTokenPage makes a token and shows it, this one time.
func (d *Desk) newTokenPage(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	ctx, who := r.Context(), web.ActorOf(r.Context())
	t, err := d.readToken(who.Kind, in)
	if err != nil {
		return d.renderTokens(w, r, http.StatusUnprocessableEntity, in, err, "")
	}
	var token string
	err = d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		if token, err = d.makeToken(ctx, tx, who, t); err != nil {
			return err
		}
		return d.tell(r, tx, "token")
	})
	if err != nil {
		return err
	}
	return d.renderTokens(w, r, http.StatusOK, nil, nil, token)
}

// tokensAt is where the page of the tokens is, for whoever asks.
func tokensAt(kind loot.ActorKind) string {
	if kind == loot.Staff {
		return "/console/tokens"
	}
	return "/portal/tokens"
}

// tokenDays are how long a token may last.
var tokenDays = []web.Option{
	{Value: "7", Label: "7 days"}, {Value: "30", Label: "30 days"}, {Value: "90", Label: "90 days"}, {Value: "365", Label: "A year"},
}

func (d *Desk) tokenFields(kind loot.ActorKind) web.Fields {
	var scopes []web.Option
	for _, s := range d.scopesFor(kind) {
		scopes = append(scopes, web.Option{Value: string(s), Label: d.options.Scopes[s], Hint: string(s)})
	}
	return web.Fields{
		{Name: "title", Label: "What is it for?", Hint: "Such as the program that will use it.", Required: true, Plain: true, MaxLen: 60},
		{Name: "days", Label: "How long should it last?", Type: "select", Options: tokenDays, Value: "90", Required: true, Plain: true},
		{Name: "scopes", Label: "What may it be used for?", Type: "checkboxes", Options: scopes, Required: true, Plain: true, Wide: true},
	}
}

func (d *Desk) readToken(kind loot.ActorKind, in url.Values) (apiToken, error) {
	if err := d.tokenFields(kind).Check(in); err != nil {
		return apiToken{}, err
	}
	days := map[string]int{"7": 7, "30": 30, "90": 90, "365": 365}[in.Get("days")]
	now := d.kit.Now()
	return apiToken{Title: in.Get("title"), Scopes: slices.Compact(slices.Sorted(slices.Values(in["scopes"]))), Made: now, Ends: now.AddDate(0, 0, days)}, nil
}

func (d *Desk) withdrawToken(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), web.ActorOf(r.Context())
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error { return d.revokeToken(ctx, tx, who, r.PathValue("id")) }); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The token was withdrawn. Whatever uses it is refused from now on.")
	return web.Redirect(w, r, tokensAt(who.Kind))
}
