package customers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/job"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

type accountView struct {
	web.View
	Services []Service       // that end when the account is erased
	Gone     []string        // titles of what goes at once although the rest stays for a while
	Duties   []dutyRow       // that keep the rest for a while
	Kept     []desk.Retained // beyond it, sealed apart
	Due      time.Time       // when it would be erased; zero: at once
	KeyDays  int
	Waiting  *web.Alert
	Confirm  web.Fields
	Wrong    *web.Problems
}

// A dutyRow is a law that keeps something of the record, and until when at the latest if
// every service ended now.
type dutyRow struct {
	standingRow
	Keeps  []string // titles
	Clause loot.Clause
	Ends   time.Time
}

// account shows what a person can do with the whole of their record.
func (c *customers) account(w http.ResponseWriter, r *http.Request) error {
	return c.showAccount(w, r, http.StatusOK, nil)
}

func confirmErasure() web.Fields {
	return web.Fields{{
		Name: "sure", Type: "checkbox", Required: true, Plain: true, Wide: true,
		Label: "End my services and erase my account.",
		Hint:  "Erasing cannot be undone by anyone. Until the day, you can keep what is left.",
	}}
}

func (c *customers) showAccount(w http.ResponseWriter, r *http.Request, status int, wrong error) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	s, err := c.inForce()
	if err != nil {
		return err
	}
	v := accountView{View: web.ViewOf(r, "Erase your account"), KeyDays: s.Front().KeyDays}
	v.Lead = "What goes, what a law keeps for a while, and when that goes too."
	v.Crumbs = []web.Crumb{{Label: "Your rights", Href: "/portal/rights"}}
	v.Again = web.SignInAgain(r, c.Now(), "Having it erased")
	v.Confirm = confirmErasure().With(nil, wrong)
	v.Wrong = web.ProblemsOf(wrong, v.Confirm)
	if err := c.DB.ReadTx(ctx, func(tx *store.Tx) error {
		subject := loot.Subject(me.ID)
		services, err := c.services(ctx, tx, subject)
		if err != nil {
			return err
		}
		for _, one := range services {
			if one.Ended.IsZero() {
				v.Services = append(v.Services, one)
			}
		}
		p, err := c.Gate.Person(ctx, tx, subject)
		if err != nil {
			return err
		}
		held, err := c.Vault.Held(ctx, tx, subject, collection)
		if err != nil {
			return err
		}
		l := newLeaving(s, p, services, c.Now())
		v.Duties = l.dutyRows(held)
		if due := l.due(); due.After(l.now) {
			v.Due, v.Gone = due, s.Titles(among(l.atOnce(), held)...)
		}
		if v.Kept, err = c.retained(ctx, tx, subject); err != nil {
			return err
		}
		v.Waiting, err = c.waiting(ctx, tx, subject)
		return err
	}); err != nil {
		return err
	}
	return accountPage.Render(w, r, status, v)
}

// retained returns what the law has every desk keep of a person beyond their record.
func (c *customers) retained(ctx context.Context, tx *store.Tx, s loot.Subject) (out []desk.Retained, err error) {
	if c.needs.Desks == nil {
		return nil, nil
	}
	for _, d := range c.needs.Desks() {
		if d.Retains == nil {
			continue
		}
		more, err := d.Retains(ctx, tx, s)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// among returns those of some fields that are held.
func among(fields []loot.Field, held map[loot.Field]vault.About) []loot.Field {
	return slices.DeleteFunc(fields, func(f loot.Field) bool { _, is := held[f]; return !is })
}

// dutyRows lists the laws that keep something of what is held, until they let go.
func (l leaving) dutyRows(held map[loot.Field]vault.About) (out []dutyRow) {
	for _, row := range standing(l.s, l.person) {
		ends, stands := l.duties[row.Purpose]
		if keeps := among(l.keeps(row.Purpose), held); stands && len(keeps) > 0 {
			d, _ := l.s.Purpose(row.Purpose)
			out = append(out, dutyRow{row, l.s.Titles(keeps...), d.Clause, ends})
		}
	}
	return out
}

// lastEnd returns when the last service ended, if those that run ended now.
func lastEnd(services []Service, now time.Time) (ended time.Time) {
	for _, one := range services {
		if one.Ended.IsZero() {
			ended = now
		} else if one.Ended.After(ended) {
			ended = one.Ended
		}
	}
	if ended.IsZero() {
		return now // an order that no desk has taken up yet
	}
	return ended
}

// waiting says that an erasure was asked for; nil: none.
func (c *customers) waiting(ctx context.Context, tx *store.Tx, s loot.Subject) (*web.Alert, error) {
	e, ok, err := findErasure(ctx, tx, s, "")
	if err != nil || !ok {
		return nil, err
	}
	return &web.Alert{
		Tone: web.Warn, Title: "Your account will be erased by " + e.Due.Format("2 January 2006") + ".",
		Text: "You asked for it on " + e.Asked.Format("2 January 2006") + ". What no law keeps goes at once and is not shown any longer; it stays only where an order holds it. " +
			"The rest goes as soon as the law lets go of it, and until then only what the law asks for is done with it.",
		Actions: []web.Action{{Label: "Keep my account", Icon: "undo-2", Href: "/portal/account/keep", Post: true, Small: true}},
	}, nil
}

// askErasure ends everything that runs, takes every permission back and erases the
// record, or what of it no law keeps, and notes the day on which the law lets go of the rest.
func (c *customers) askErasure(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	if err := confirmErasure().Check(typed); err != nil {
		return c.showAccount(w, r, http.StatusUnprocessableEntity, err)
	}
	_, kept, gone, err := c.leave(ctx, me)
	if err != nil {
		return err
	}
	if gone {
		if len(kept) > 0 { // the page that follows knows nobody
			web.SetFlash(w, r, web.Info, keptInWords(kept))
		}
		return web.Redirect(w, r, "/goodbye")
	}
	web.SetFlash(w, r, web.Info, "Your services have ended. What no law keeps goes now; the rest of your account as soon as nothing holds it any longer.")
	return web.Redirect(w, r, "/portal/account")
}

// leave ends everything that somebody has and erases their record, unless something
// still needs it: then what no law keeps goes at once and the rest when nothing needs it, on
// the day that is returned at the latest where nothing but the law does.
func (c *customers) leave(ctx context.Context, me loot.Actor) (due time.Time, kept []desk.Retained, gone bool, err error) {
	if due, kept, err = c.endAll(ctx, me); err != nil || due.After(c.Now()) {
		return due, kept, false, err
	}
	err = c.eraseNow(ctx, me)
	if _, refused := errors.AsType[*gate.Refusal](err); refused {
		return due, kept, false, nil
	}
	return due, kept, err == nil, err
}

// keptInWords says what the law keeps, and until when.
func keptInWords(kept []desk.Retained) string {
	var parts []string
	for _, k := range kept {
		parts = append(parts, k.What+" ("+strconv.Itoa(k.Count)+") until "+k.Until.UTC().Format("2 January 2006")+", by "+k.Law+" (clause "+string(k.Clause)+")")
	}
	return "What the law keeps stays sealed under a key of its own, which is destroyed then: " + strings.Join(parts, "; ") + "."
}

// endAll ends what runs and what is permitted, notes the erasure, and tells what stays
// beyond it.
func (c *customers) endAll(ctx context.Context, me loot.Actor) (due time.Time, kept []desk.Retained, err error) {
	subject := loot.Subject(me.ID)
	s, err := c.inForce()
	if err != nil {
		return due, nil, err
	}
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		now := c.Now()
		if err := c.endServices(ctx, tx, me, subject); err != nil {
			return err
		}
		p, err := c.Gate.Person(ctx, tx, subject)
		if err != nil {
			return err
		}
		for _, o := range s.Offers() {
			if !p.Permits(o) {
				continue
			}
			if err := c.Gate.Withdraw(ctx, tx, gate.Choice{Subject: subject, Collection: collection, By: me, Offer: o.ID}); err != nil {
				return err
			}
		}
		l, err := c.settle(ctx, tx, s, subject)
		if err != nil {
			return err
		}
		due = l.due()
		if kept, err = c.retained(ctx, tx, subject); err != nil {
			return err
		}
		if due.After(now) {
			if err := c.Jobs.Enqueue(ctx, tx, leavingArgs{subject}); err != nil {
				return err
			}
			if err := c.Jobs.Enqueue(ctx, tx, eraseArgs{subject}); err != nil {
				return err
			}
		}
		return putErasure(ctx, tx, subject, erasure{Asked: now, Due: due})
	})
	return due, kept, err
}

// endServices ends every service of a person that runs.
func (c *customers) endServices(ctx context.Context, tx *store.Tx, me loot.Actor, subject loot.Subject) error {
	if c.needs.EndServices != nil {
		if err := c.needs.EndServices(ctx, tx, me, subject); err != nil {
			return err
		}
	}
	// An order that no desk has taken up yet ends here.
	orders, err := openOrders(ctx, tx, subject)
	if err != nil {
		return err
	}
	for _, o := range orders {
		err := c.Gate.EndOrder(ctx, tx, gate.Ordered{Subject: subject, Collection: collection, By: me, Reference: o.ID, Service: o.Service})
		if err != nil && loot.KindOf(err) != loot.Conflict { // it has ended already
			return err
		}
	}
	return endOrders(ctx, tx, subject, c.Now())
}

// keepAccount takes the wish to be erased back, and tells whoever listens to
// "erasure.revoked" whose it was.
func (c *customers) keepAccount(w http.ResponseWriter, r *http.Request) error {
	me := loot.Subject(web.ActorOf(r.Context()).ID)
	if err := c.DB.InTx(r.Context(), func(tx *store.Tx) error {
		if err := endErasure(r.Context(), tx, me); err != nil {
			return err
		}
		return c.Jobs.Publish(r.Context(), tx, job.Notice{Name: "erasure.revoked", ID: string(me)})
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Taken back. Each detail stays for as long as your record says; a service that you order again keeps it.")
	return web.Redirect(w, r, "/portal/account")
}

// eraseNow erases a person's record at their own wish, unless they took it back meanwhile.
func (c *customers) eraseNow(ctx context.Context, me loot.Actor) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	subject := loot.Subject(me.ID)
	return c.Gate.InTx(ctx, func(tx *store.Tx) error {
		if _, wanted, err := c.lockErasure(ctx, tx, subject); err != nil || !wanted {
			return err
		}
		return c.eraseRecord(ctx, tx, s, me, subject)
	})
}

// lockErasure returns the erasure that somebody asked for, which they take back no sooner
// than tx ends, and nobody else carries out.
func (c *customers) lockErasure(ctx context.Context, tx *store.Tx, subject loot.Subject) (erasure, bool, error) {
	if err := c.Gate.Lock(ctx, tx, subject); err != nil {
		return erasure{}, false, err
	}
	return findErasure(ctx, tx, subject, tx.ForUpdate())
}

// eraseRecord erases a person's record, at their wish or because nothing needs
// it any longer: the vault refuses it from the commit on, and the key to it is
// destroyed by a job.
func (c *customers) eraseRecord(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor, subject loot.Subject) error {
	p, err := c.Gate.Decide(ctx, tx, erasureOf(s, by, subject, fieldIDs(s)))
	if err != nil {
		return err
	}
	why := whyNeedless
	if by.Kind == loot.Person {
		why = whyAsked
	}
	if err := c.Erased(ctx, tx, name, desk.Lapse{What: wholeRecord, Why: why, Clause: first(p.Clauses()), Count: 1}); err != nil {
		return err
	}
	if err := c.Vault.Erase(ctx, tx, p); err != nil {
		return err
	}
	if c.needs.Desks != nil {
		for _, d := range c.needs.Desks() {
			if d.Erase == nil || d.Name == name {
				continue
			}
			if err := d.Erase(ctx, tx, subject); err != nil {
				return err
			}
		}
	}
	if err := c.forget(ctx, tx, subject); err != nil {
		return err
	}
	return c.Gate.Forget(ctx, tx, subject)
}

// erasureOf returns the request to erase fields of a person.
func erasureOf(s *statement.Statement, by loot.Actor, subject loot.Subject, fields []loot.Field) gate.Request {
	r := own(by, loot.Erase, purposeOf(s), fields)
	r.Subject = subject
	return r
}

type goodbyeView struct {
	web.View
	KeyDays int
}

func (c *customers) goodbye(w http.ResponseWriter, r *http.Request) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	v := goodbyeView{View: web.ViewOf(r, "Your account is erased"), KeyDays: s.Front().KeyDays}
	v.Lead = "The key to your record is destroyed. Nobody can read it any longer, and neither can we."
	return goodbyePage.Render(w, r, http.StatusOK, v)
}
