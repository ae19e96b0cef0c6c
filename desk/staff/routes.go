package staff

import (
	"net/http"
	"net/url"
	"strconv"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/job"
	"loot/mail"
	"loot/store"
	"loot/web"
)

func (d *Desk) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /console/staff", Audience: web.Console, Serve: d.list},
		{Pattern: "GET /console/staff/new", Audience: web.Console, Serve: d.newForm},
		{Pattern: "POST /console/staff", Audience: web.Console, Serve: d.create, Fresh: true},
		{Pattern: "GET /console/staff/{id}", Audience: web.Console, Serve: d.show},
		{Pattern: "POST /console/staff/{id}/roles", Audience: web.Console, Serve: d.changeRoles, Fresh: true},
		{Pattern: "POST /console/staff/{id}/reset", Audience: web.Console, Serve: d.reset, Fresh: true},
		{Pattern: "POST /console/staff/{id}/suspend", Audience: web.Console, Serve: d.suspendAccount, Fresh: true},
		{Pattern: "POST /console/staff/{id}/resume", Audience: web.Console, Serve: d.resumeAccount, Fresh: true},
		{Pattern: "POST /console/staff/{id}/remove", Audience: web.Console, Serve: d.removeAccount, Fresh: true},

		{Pattern: "GET /console/undertaking", Audience: web.Console, Serve: d.undertaking},
		{Pattern: "POST /console/undertaking", Audience: web.Console, Serve: d.signUndertaking, Fresh: true},

		{Pattern: "GET /console/approvals", Audience: web.Console, Serve: d.approvals},
		{Pattern: "POST /console/approvals/{id}", Audience: web.Console, Serve: d.vote, Fresh: true},

		{Pattern: "GET /console/openings", Audience: web.Console, Serve: d.openings},
		{Pattern: "POST /console/openings", Audience: web.Console, Serve: d.namedOpenings, Fresh: true},

		{Pattern: "GET /console/access-review", Audience: web.Console, Serve: d.reviewPage},
		{Pattern: "POST /console/access-review/known", Audience: web.Console, Serve: d.know},
		{Pattern: "POST /console/access-review/{id}/answer", Audience: web.Console, Serve: d.answerReview},
		{Pattern: "POST /console/access-review/{id}/outcome", Audience: web.Console, Serve: d.closeReview},
	}
}

func (d *Desk) list(w http.ResponseWriter, r *http.Request) error { return d.renderList(w, r) }

func (d *Desk) newForm(w http.ResponseWriter, r *http.Request) error {
	return d.renderNew(w, r, http.StatusOK, nil, nil)
}

// create proposes a new account.
func (d *Desk) create(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	err = d.newFields().Check(in)
	if err == nil && !mail.ValidAddress(in.Get("email")) {
		err = web.Invalid("", map[string]string{"email": web.NotEmail})
	}
	var done outcome
	if err == nil {
		ctx := r.Context()
		err = d.kit.Gate.InTx(ctx, func(tx *store.Tx) error {
			done, err = d.propose(ctx, tx, web.ActorOf(ctx), in.Get("name"), in.Get("email"), rolesOf(in), in.Get("reason"))
			return err
		})
	}
	if web.Wrong(err) != nil {
		return d.renderNew(w, r, http.StatusUnprocessableEntity, in, err)
	}
	if err != nil {
		return err
	}
	return said(w, r, done, d.invited("The invitation"), "/console/staff")
}

// invited says where a letter with a link is.
func (d *Desk) invited(letter string) string {
	if mail.Kept(d.kit.Mail) {
		return letter + " waits in the outbox, as no mail server is set. Open it there and hand the link over yourself."
	}
	return letter + " is on its way."
}

// said says what became of a change, and leads on.
func said(w http.ResponseWriter, r *http.Request, o outcome, text, to string) error {
	tone := web.Good
	if o.Approval != "" {
		tone, text = web.Info, "Asked for. "+people(o.Needed)+" to approve it."
	}
	web.SetFlash(w, r, tone, text)
	return web.Redirect(w, r, to)
}

func people(n int) string {
	if n == 1 {
		return "One other person has"
	}
	return strconv.Itoa(n) + " other people have"
}

func rolesOf(in url.Values) []loot.Role {
	roles := []loot.Role{}
	for _, v := range in["roles"] {
		if v != "" {
			roles = append(roles, loot.Role(v))
		}
	}
	return roles
}

func (d *Desk) show(w http.ResponseWriter, r *http.Request) error {
	return d.renderMember(w, r, http.StatusOK, nil, nil)
}

// changeRoles asks for other roles of an account.
func (d *Desk) changeRoles(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	var done outcome
	if err = d.roleFields(nil).Check(in); err == nil {
		version, failed := strconv.ParseInt(in.Get("version"), 10, 64)
		if failed != nil {
			return loot.Errorf(loot.Invalid, "The form did not arrive whole. Please open the page again.")
		}
		ctx := r.Context()
		err = d.kit.Gate.InTx(ctx, func(tx *store.Tx) error {
			done, err = d.giveRoles(ctx, tx, web.ActorOf(ctx), r.PathValue("id"), version, rolesOf(in), in.Get("reason"))
			return err
		})
	}
	if web.Wrong(err) != nil {
		return d.renderMember(w, r, http.StatusUnprocessableEntity, in, err)
	}
	if err != nil {
		return err
	}
	return said(w, r, done, "The roles were changed.", "/console/staff/"+r.PathValue("id"))
}

// act does one of the deeds that a reason is given for.
func (d *Desk) act(w http.ResponseWriter, r *http.Request, text string, do func(tx *store.Tx, by loot.Actor, reason string) (outcome, error)) error {
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	if err := (web.Fields{reasonField}).Check(in); err != nil {
		return loot.Errorf(loot.Invalid, "Please say why, in at most 300 characters.")
	}
	var done outcome
	if err := d.kit.Gate.InTx(r.Context(), func(tx *store.Tx) error {
		done, err = do(tx, web.ActorOf(r.Context()), in.Get("reason"))
		return err
	}); err != nil {
		return err
	}
	return said(w, r, done, text, "/console/staff/"+r.PathValue("id"))
}

func (d *Desk) reset(w http.ResponseWriter, r *http.Request) error {
	return d.act(w, r, d.invited("A new invitation"), func(tx *store.Tx, by loot.Actor, reason string) (outcome, error) {
		return d.resetWays(r.Context(), tx, by, r.PathValue("id"), reason)
	})
}

func (d *Desk) removeAccount(w http.ResponseWriter, r *http.Request) error {
	return d.act(w, r, "The account was removed.", func(tx *store.Tx, by loot.Actor, reason string) (outcome, error) {
		return d.remove(r.Context(), tx, by, r.PathValue("id"), reason)
	})
}

func (d *Desk) suspendAccount(w http.ResponseWriter, r *http.Request) error {
	return d.act(w, r, "The account is suspended, and its sessions have ended.", func(tx *store.Tx, by loot.Actor, reason string) (outcome, error) {
		return outcome{}, d.suspend(r.Context(), tx, by, r.PathValue("id"), reason, true)
	})
}

func (d *Desk) resumeAccount(w http.ResponseWriter, r *http.Request) error {
	return d.act(w, r, "The account may sign in again.", func(tx *store.Tx, by loot.Actor, reason string) (outcome, error) {
		return outcome{}, d.suspend(r.Context(), tx, by, r.PathValue("id"), reason, false)
	})
}

func (d *Desk) undertaking(w http.ResponseWriter, r *http.Request) error {
	return d.renderUndertaking(w, r, http.StatusOK, nil, nil)
}

// signUndertaking takes the signature: one's own name, typed, and one's word.
func (d *Desk) signUndertaking(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	ctx := r.Context()
	who := web.ActorOf(ctx)
	err = signFields.Check(in)
	if err == nil && !sameName(in.Get("name"), who.Name) {
		err = web.Invalid("", map[string]string{"name": "Please type your name as it stands in your account."})
	}
	if err == nil {
		err = d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
			if s, ok := d.inForce(); ok && d.text(s).Hash != in.Get("text") {
				return loot.Errorf(loot.Conflict, "The text was changed while you read it. Please read it again.")
			}
			return d.sign(ctx, tx, who, in.Get("name"))
		})
	}
	if web.Wrong(err) != nil {
		return d.renderUndertaking(w, r, http.StatusUnprocessableEntity, in, err)
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Signed. From now on you can open what your roles have a purpose for.")
	return web.Redirect(w, r, "/console/undertaking")
}

func (d *Desk) approvals(w http.ResponseWriter, r *http.Request) error {
	return d.renderApprovals(w, r)
}

// vote takes somebody's yes or no. The notice of it lets a case have in its history who
// agreed to what was opened for it.
func (d *Desk) vote(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	answer := in.Get("answer")
	if answer != "yes" && answer != "no" {
		return loot.Errorf(loot.Invalid, "Please say yes or no.")
	}
	ctx := r.Context()
	var a gate.Approval
	if err := d.kit.Gate.InTx(ctx, func(tx *store.Tx) error {
		v, err := d.voter(ctx, tx, web.ActorOf(ctx))
		if err != nil {
			return err
		}
		if a, err = d.kit.Gate.Vote(ctx, tx, r.PathValue("id"), v, answer == "yes"); err != nil {
			return err
		}
		return d.kit.Jobs.Publish(ctx, tx, job.Notice{Name: desk.ApprovalAnswered, ID: a.ID + " " + v.Actor.ID + " " + answer})
	}); err != nil {
		return err
	}
	text := "You said no. It will not happen."
	if answer == "yes" {
		text = "You said yes."
	}
	if next := d.options.Matters[a.Kind].Next; next != "" && a.State == gate.Approved {
		text += " " + next
	}
	web.SetFlash(w, r, web.Good, text)
	return web.Redirect(w, r, "/console/approvals")
}

func (d *Desk) openings(w http.ResponseWriter, r *http.Request) error {
	return d.renderOpenings(w, r, http.StatusOK, nil, nil, nil)
}

// namedOpenings shows who opened how much, to those who approve. Looking into
// that is itself on the ledger, with the reason.
func (d *Desk) namedOpenings(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	ctx := r.Context()
	who := web.ActorOf(ctx)
	if err := d.need(who, approves, "see what colleagues opened"); err != nil {
		return err
	}
	if err := reviewFields.Check(in); err != nil {
		return d.renderOpenings(w, r, http.StatusUnprocessableEntity, in, err, nil)
	}
	days, _ := strconv.Atoi(in.Get("days")) // one of those offered
	var rows []personRow
	if err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		if _, err := d.kit.Gate.Note(ctx, tx, who, "openings.reviewed", in.Get("reason")); err != nil {
			return err
		}
		rows, err = d.personRows(ctx, tx, dayOf(d.kit.Now()).before(days-1))
		return err
	}); err != nil {
		return err
	}
	return d.renderOpenings(w, r, http.StatusOK, in, nil, rows)
}
