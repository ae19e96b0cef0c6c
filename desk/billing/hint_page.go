package billing

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"loot"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var hintsPage = web.NewPage[hintsView](pageFiles, "pages/hints.html")

// mySuggestions is what a customer's page says about suggestions.
type mySuggestions struct {
	Offered bool // the statement knows them
	On      bool
	Rows    []hintRow
	Off     web.Action // switches them off
	More    web.Action // leads to where they are switched on
}

type hintRow struct {
	Hint
	Look web.Action
	No   web.Action
}

// suggestionsOf shows a customer's own suggestions, and notes that they were shown.
func (b *Billing) suggestionsOf(ctx context.Context, tx *store.Tx, s *statement.Statement, who loot.Subject) (out mySuggestions, err error) {
	offer, ok := hintOffer(s)
	if !ok {
		return out, nil
	}
	out.Offered = true
	out.More = web.Action{Label: "Permissions", Icon: "sliders-horizontal", Small: true, Href: "/portal/permissions"}
	out.Off = web.Action{Label: "Switch them off", Icon: "toggle-left", Small: true, Post: true, Href: "/portal/permissions/" + url.PathEscape(offer.ID), Hidden: []web.Hidden{{Name: "give", Value: "no"}}}
	if out.On, err = b.switchedOn(ctx, tx, s, who); err != nil || !out.On {
		return out, err
	}
	all, err := b.hintsOf(ctx, tx, `n.subject = $2 AND n.service IN (SELECT reference FROM billing_service WHERE state = 'active')`, who)
	if err != nil {
		return out, err
	}
	for _, h := range all[:min(len(all), mostHints)] {
		n, err := tx.Exec(ctx, `UPDATE billing_hint SET shown = $1 WHERE id = $2 AND shown = 0`, b.Now().UnixMicro(), h.ID)
		if err != nil {
			return out, fmt.Errorf("billing: hint: %w", err)
		}
		if err := b.countHint(ctx, tx, h.Rule, hintCounts{Shown: int(n)}); err != nil {
			return out, err
		}
		to := "/portal/suggestions/" + url.PathEscape(h.ID)
		look := web.Action{Label: "Look at it", Icon: "arrow-right", Small: true, Post: true, Href: to, Hidden: []web.Hidden{{Name: "do", Value: "look"}}}
		if h.Plan != "" {
			if look, err = b.changeTo(ctx, tx, h, to); err != nil {
				return out, err
			}
		}
		out.Rows = append(out.Rows, hintRow{
			h,
			look,
			web.Action{Label: "Not for me", Icon: "x", Small: true, Post: true, Href: to, Hidden: []web.Hidden{{Name: "do", Value: "no"}}},
		})
	}
	return out, nil
}

// changeTo is how a customer takes a larger plan that is suggested: no second service
// is ordered for it.
func (b *Billing) changeTo(ctx context.Context, tx *store.Tx, h Hint, to string) (web.Action, error) {
	plans, err := readPlans(ctx, tx, h.Target, true)
	out := web.Action{Label: "Change to this plan", Icon: "arrow-up", Small: true, Post: true, Href: to, Hidden: []web.Hidden{{Name: "do", Value: "change"}}}
	for _, p := range plans {
		if p.ID == h.Plan {
			out.Confirm = "Your service changes to the plan “" + p.Title + "”, " + p.Price() + " without tax, on 1 " + b.thisMonth().after().String() + ". Until then all stays as it is. Change it?"
		}
	}
	return out, err
}

// answerHint leads a customer to what was suggested, changes the plan to the one that
// was, or suggests it no more.
func (b *Billing) answerHint(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	ctx, me, now := r.Context(), web.ActorOf(r.Context()).ID, b.Now()
	var h Hint
	if err := b.DB.InTx(ctx, func(tx *store.Tx) error {
		all, err := b.hintsOf(ctx, tx, `n.subject = $2 AND n.id = $3`, me, r.PathValue("id"))
		if err == nil && len(all) == 0 {
			err = loot.Errorf(loot.NotFound, "This suggestion is not there any more.")
		}
		if err != nil {
			return err
		}
		h = all[0]
		if typed.Get("do") == "change" {
			return b.takeHint(ctx, tx, h)
		}
		if typed.Get("do") != "look" {
			n, err := tx.Exec(ctx, `UPDATE billing_hint SET refused = $1 WHERE id = $2 AND refused = 0`, now.UnixMicro(), h.ID)
			if err != nil {
				return fmt.Errorf("billing: hint: %w", err)
			}
			return b.countHint(ctx, tx, h.Rule, hintCounts{Refused: int(n)})
		}
		n, err := tx.Exec(ctx, `UPDATE billing_hint SET clicked = $1 WHERE id = $2 AND clicked = 0`, now.UnixMicro(), h.ID)
		if err != nil {
			return fmt.Errorf("billing: hint: %w", err)
		}
		return b.countHint(ctx, tx, h.Rule, hintCounts{Clicked: int(n)})
	}); err != nil {
		return err
	}
	if typed.Get("do") == "change" {
		web.SetFlash(w, r, web.Good, "The plan changes on 1 "+b.thisMonth().after().String()+".")
		return web.Redirect(w, r, "/portal/services")
	}
	if typed.Get("do") == "look" {
		to := "/portal/order/" + url.PathEscape(h.Target)
		if h.Plan != "" {
			to += "?plan=" + url.QueryEscape(h.Plan)
		}
		return web.Redirect(w, r, to)
	}
	web.SetFlash(w, r, web.Good, "It is not suggested to you again for a while.")
	return web.Redirect(w, r, "/portal/services")
}

// takeHint changes a customer's own service to the plan that was suggested, from the
// next month on.
func (b *Billing) takeHint(ctx context.Context, tx *store.Tx, h Hint) error {
	one, err := b.findService(ctx, tx, h.Service)
	if loot.KindOf(err) == loot.NotFound || err == nil && (one.Subject != h.Subject || h.Plan == "") {
		return loot.Errorf(loot.NotFound, "This suggestion is not there any more.")
	}
	if err != nil {
		return err
	}
	if err := b.replan(ctx, tx, one, h.Plan, b.thisMonth().after(), "", web.ActorOf(ctx)); err != nil {
		return err
	}
	return b.took(ctx, tx, Order{Subject: h.Subject, Service: h.Target, Plan: h.Plan})
}

type hintsView struct {
	web.View
	Rows   []ruleRow
	Others []companionRow
	Few    string
}

// ruleRow is a rule with what became of its suggestions.
type ruleRow struct {
	Title, Words string
	hintCounts
}

type companionRow struct{ Has, Also, Share string }

// hintCounts shows the rules, and what became of what they wrote: counts, of nobody
// in particular.
func (b *Billing) hintCounts(w http.ResponseWriter, r *http.Request) error {
	v := hintsView{View: web.ViewOf(r, "Suggestions")}
	v.Lead = "By which rules they are written for customers who switched them on, and what became of them. Nobody is named here."
	v.Few = fmt.Sprintf("Nothing is said of services that fewer than %d customers have, nor where fewer than %d have or lack the other one.", leastHolders, leastTakers)
	titles := b.titles()
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.Rows, v.Others = nil, nil
		for _, rule := range hintRules {
			row := ruleRow{Title: rule.title, Words: rule.words}
			if err := tx.QueryRow(r.Context(), `SELECT COALESCE(CAST(SUM(written) AS BIGINT), 0), COALESCE(CAST(SUM(shown) AS BIGINT), 0), COALESCE(CAST(SUM(clicked) AS BIGINT), 0), COALESCE(CAST(SUM(taken) AS BIGINT), 0), COALESCE(CAST(SUM(refused) AS BIGINT), 0)
				FROM billing_hint_count WHERE rule = $1`, rule.id).Scan(&row.Written, &row.Shown, &row.Clicked, &row.Taken, &row.Refused); err != nil {
				return fmt.Errorf("billing: hints: %w", err)
			}
			v.Rows = append(v.Rows, row)
		}
		others, err := companions(r.Context(), tx)
		for _, c := range others {
			v.Others = append(v.Others, companionRow{titles[c.Has], titles[c.Also], fmt.Sprintf("about %d %%", c.Share)})
		}
		return err
	}); err != nil {
		return err
	}
	return hintsPage.Render(w, r, http.StatusOK, v)
}
