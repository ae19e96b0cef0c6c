package billing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// forHints is the purpose of suggestions, and recommender the part of the program
// that the statement has write them.
const (
	forHints    loot.Purpose = "recommendation"
	recommender string       = "recommender"
)

// The rules by which suggestions are written.
const (
	nearlyFull = "nearly-full"
	overUsed   = "over-used"
	alsoTaken  = "also-taken"
)

// The measures of the rules.
const (
	fullFrom     = 90                  // percent of a disk
	fullWithin   = 7 * 24 * time.Hour  // a level told longer ago says nothing of today
	leastHolders = 20                  // customers of a service, before anything is said of what they took besides
	leastTakers  = 10                  // of those with the other one, and of those without it
	leastShare   = 30                  // percent of them
	hintLife     = 60 * 24 * time.Hour // a suggestion is shown and kept
	mostHints    = 3                   // that somebody sees at a time
)

// hintRules says the rules in words.
var hintRules = []struct{ id, title, words string }{
	{nearlyFull, "Nearly full", fmt.Sprintf("A disk was %d %% full or more when its level was told last, within a week: the next larger plan of the service or, where none is larger, another one beside it.", fullFrom)},
	{overUsed, "More than included", "In each of the last two whole months the service, with what it used beyond the included, cost more than it would have by the next larger plan: that plan."},
	{alsoTaken, "What others took", fmt.Sprintf("Of the customers of a service, %d at least, %d %% or more have another one, too, which the customer lacks. It is said of nobody where fewer than %d customers have it or lack it, and in steps of ten per cent.", leastHolders, leastShare, leastTakers)},
}

// A Hint is a suggestion.
type Hint struct {
	ID      string
	Subject loot.Subject
	Rule    string
	Service string // reference of the one that it is about
	Target  string // service of the statement that is suggested
	Plan    string // that is suggested; empty: any
	Why     string
	Data    string // what it looked at
	Made    time.Time
}

// hintOffer returns the permission by which somebody switches suggestions on.
func hintOffer(s *statement.Statement) (statement.Offer, bool) {
	i := slices.IndexFunc(s.Offers(), func(o statement.Offer) bool { return o.Purpose == forHints && o.Recipient == "self" })
	if i < 0 {
		return statement.Offer{}, false
	}
	return s.Offers()[i], true
}

// switchedOn reports whether somebody switched suggestions on.
func (b *Billing) switchedOn(ctx context.Context, tx *store.Tx, s *statement.Statement, who loot.Subject) (bool, error) {
	offer, ok := hintOffer(s)
	if !ok {
		return false, nil
	}
	p, err := b.Gate.Person(ctx, tx, who)
	return p.Permits(offer), err
}

// hintArgs asks for the suggestions of the day to be written, from a customer on.
type hintArgs struct {
	After loot.Subject `json:"after"`
}

// Kind names the job.
func (hintArgs) Kind() string { return "billing.hints" }

// hintPage is how many customers one job looks at.
const hintPage = 200

// hints writes suggestions for the next customers who switched them on.
func (b *Billing) hints(ctx context.Context, a hintArgs) error {
	s, err := b.inForce()
	if err != nil {
		return nil //nolint:nilerr // nobody switched anything on before there was a statement
	}
	var members, on []loot.Subject
	var others []companion
	var plans []Plan
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		on = nil
		if members, err = membersOf(ctx, tx, b.Now(), b.Now(), a.After, hintPage); err != nil {
			return err
		}
		for _, who := range members {
			is, err := b.switchedOn(ctx, tx, s, who)
			if err != nil {
				return err
			}
			if is {
				on = append(on, who)
			}
		}
		if len(on) == 0 {
			return nil
		}
		if plans, err = readPlans(ctx, tx, "", true); err != nil { // somebody may still have a retired one
			return err
		}
		others, err = companions(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	for _, who := range on {
		err := b.hintsFor(ctx, who, plans, others)
		if vault.Damaged(err) { // it holds up nobody else's
			b.Log.ErrorContext(ctx, "suggestions are left out, as a customer's use cannot be looked at", "subject", who, "err", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	if len(members) < hintPage {
		return nil
	}
	return b.DB.InTx(ctx, func(tx *store.Tx) error {
		return b.Jobs.Enqueue(ctx, tx, hintArgs{After: members[len(members)-1]})
	})
}

// hintsFor writes the suggestions of one customer who switched them on: what they
// use is looked at for that alone, by a decision of its own, which refuses if they
// switched them off meanwhile. What was suggested before is not suggested again
// while it is kept, says what is so today, and is not shown while it has no reason any more.
func (b *Billing) hintsFor(ctx context.Context, who loot.Subject, plans []Plan, others []companion) error {
	if err := b.keyOfUse(ctx, who); err != nil {
		return err
	}
	err := b.Gate.InTx(ctx, func(tx *store.Tx) error {
		if err := b.lookAtUse(ctx, tx, loot.Actor{Kind: loot.Desk, ID: recommender}, who, forHints); err != nil {
			return err
		}
		found, err := b.findHints(ctx, tx, who, plans, others)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE billing_hint SET gone = $1 WHERE subject = $2 AND gone = 0`, b.Now().UnixMicro(), who); err != nil {
			return fmt.Errorf("billing: hint: %w", err)
		}
		for _, h := range found {
			n, err := tx.Exec(ctx, `UPDATE billing_hint SET why = $1, data = $2, gone = 0 WHERE subject = $3 AND rule = $4 AND service = $5 AND target = $6 AND plan = $7`,
				h.Why, h.Data, who, h.Rule, h.Service, h.Target, h.Plan)
			if err != nil {
				return fmt.Errorf("billing: hint: %w", err)
			}
			if n == 1 {
				continue
			}
			_, err = tx.Exec(ctx, `INSERT INTO billing_hint (id, subject, rule, service, target, plan, why, data, made, shown, clicked, taken, refused)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0)`,
				loot.NewID("n"), who, h.Rule, h.Service, h.Target, h.Plan, h.Why, h.Data, b.Now().UnixMicro())
			if err != nil {
				return fmt.Errorf("billing: hint: %w", err)
			}
			if err := b.countHint(ctx, tx, h.Rule, hintCounts{Written: 1}); err != nil {
				return err
			}
		}
		return nil
	})
	if _, refused := errors.AsType[*gate.Refusal](err); refused {
		return nil // the statement does not let it be looked at, so there is nothing to suggest
	}
	return err
}

// findHints goes by the rules.
func (b *Billing) findHints(ctx context.Context, tx *store.Tx, who loot.Subject, plans []Plan, others []companion) (out []Hint, err error) {
	all, err := b.Services(ctx, tx, who)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s Service) bool { return s.State != Active })
	gauges, err := b.gaugesOf(ctx, tx, all, b.thisMonth())
	if err != nil {
		return nil, err
	}
	steps, err := stepsOf(ctx, tx, `JOIN billing_service s ON s.reference = h.service WHERE s.subject = $1`, who)
	if err != nil {
		return nil, err
	}
	titles := b.titles()
	full := func(g Gauge) bool {
		return g.Kind == Level && g.Used >= fullFrom*oneUnit && b.Now().Sub(g.At) < fullWithin
	}
	for _, one := range all {
		larger, has := largerPlan(plans, one.PlanID)
		room := slices.ContainsFunc(all, func(s Service) bool { // in another one of theirs
			return s.Service == one.Service && s.Reference != one.Reference && !slices.ContainsFunc(gauges[s.Reference], full)
		})
		most := !has && !room && coming(steps[one.Reference], b.thisMonth(), one.PlanID) == nil
		has = has && coming(steps[one.Reference], b.thisMonth(), one.PlanID) == nil         // it changes already
		has = has && monthOf(one.chargedSince(), b.seller.place()) <= b.thisMonth().after() // it can change next month
		for _, g := range gauges[one.Reference] {
			switch {
			case most && full(g):
				out = append(out, Hint{
					Rule: nearlyFull, Service: one.Reference, Target: one.Service,
					Why:  fmt.Sprintf("You could use another “%s”, because the %s of yours is %s, and of its period no plan is larger.", one.Title, loot.LowerFirst(g.Title), g.Shown()),
					Data: looked(one, g) + "; the plan " + one.Plan,
				})
			case !has:
			case full(g):
				out = append(out, Hint{
					Rule: nearlyFull, Service: one.Reference, Target: one.Service, Plan: larger.ID,
					Why:  fmt.Sprintf("You could use the plan “%s”, because the %s of your %s is %s.", larger.Title, loot.LowerFirst(g.Title), loot.LowerFirst(one.Title), g.Shown()),
					Data: looked(one, g) + "; the plan " + one.Plan,
				})
			case g.Kind == Sum:
				h, ok, err := b.overUsed(ctx, tx, one, g, plans, larger)
				if err != nil {
					return nil, err
				}
				if ok {
					out = append(out, h)
				}
			}
		}
	}
	for _, c := range others {
		i := slices.IndexFunc(all, func(s Service) bool { return s.Service == c.Has })
		if i < 0 || slices.ContainsFunc(all, func(s Service) bool { return s.Service == c.Also }) || titles[c.Also] == "" {
			continue
		}
		out = append(out, Hint{
			Rule: alsoTaken, Service: all[i].Reference, Target: c.Also,
			Why:  fmt.Sprintf("You could use “%s”, because about %d %% of our customers with your kind of service, “%s”, have it, too.", titles[c.Also], c.Share, all[i].Title),
			Data: fmt.Sprintf("That you have “%s” and not “%s”; how many customers have both, as a number of %d or more", all[i].Title, titles[c.Also], leastTakers),
		})
	}
	return out, nil
}

// looked says which level of which service was looked at: somebody may have several of a kind.
func looked(one Service, g Gauge) string {
	const form = "2 January 2006"
	return fmt.Sprintf("%s, since %s: %s, told on %s", one.Title, one.Since.UTC().Format(form), g.Shown(), g.At.UTC().Format(form))
}

// overUsed compares what was used beyond the included in each of the last two months
// with what the larger plan costs more for as long.
func (b *Billing) overUsed(ctx context.Context, tx *store.Tx, one Service, g Gauge, plans []Plan, larger Plan) (h Hint, ok bool, err error) {
	i := slices.IndexFunc(plans, func(p Plan) bool { return p.ID == one.PlanID })
	more, counts := meterOf(larger.Meters, g.ID)
	if i < 0 || !counts || more.Unit != g.Unit || more.Included <= g.Included {
		return h, false, nil
	}
	month := b.thisMonth()
	var shown []string
	for range 2 {
		month = month.before()
		from, to := month.span(b.seller.place())
		if one.chargedSince().After(from) { // what it used before cost nothing here
			return h, false, nil
		}
		n, err := usedIn(ctx, tx, one.Reference, g.ID, from, to)
		if err != nil {
			return h, false, err
		}
		over, err := beyond(n, g.Meter, larger.Currency)
		if err != nil {
			return h, false, err
		}
		left, err := beyond(n, more, larger.Currency)
		if err != nil {
			return h, false, err
		}
		if (over-left)*int64(periodOf(larger.Period).months) <= larger.Cents-plans[i].Cents {
			return h, false, nil
		}
		shown = append(shown, g.amount(n)+" in "+month.String())
	}
	return Hint{
		Rule: overUsed, Service: one.Reference, Target: one.Service, Plan: larger.ID,
		Why:  fmt.Sprintf("You could use the plan “%s”, because your %s, with what it used beyond the included, cost more than it would have by that plan, in each of the last two months.", larger.Title, loot.LowerFirst(one.Title)),
		Data: fmt.Sprintf("%s, since %s, %s: %s and %s; included are %s", one.Title, one.Since.UTC().Format("2 January 2006"), g.Title, shown[0], shown[1], g.amount(g.Included)),
	}, true, nil
}

// beyond returns what an amount costs beyond the included, in the smallest unit of
// the plan's currency.
func beyond(n int64, m Meter, currency string) (int64, error) {
	if n <= m.Included {
		return 0, nil
	}
	inv := invoice.Invoice{Currency: currency, Lines: []invoice.Line{{Quantity: invoice.Scaled(n-m.Included, millionths), Price: m.Price}}}
	if err := inv.Compute(); err != nil {
		return 0, fmt.Errorf("billing: beyond: %w", err)
	}
	return smallest(inv.Totals.WithoutTax, currency)
}

// largerPlan returns the next dearer plan of the same service, period and currency that can
// be chosen.
func largerPlan(plans []Plan, id string) (larger Plan, ok bool) {
	i := slices.IndexFunc(plans, func(p Plan) bool { return p.ID == id })
	if i < 0 {
		return Plan{}, false
	}
	for _, p := range plans {
		if !p.Retired && p.Service == plans[i].Service && p.Period == plans[i].Period && p.Currency == plans[i].Currency && p.Cents > plans[i].Cents && (!ok || p.Cents < larger.Cents) {
			larger, ok = p, true
		}
	}
	return larger, ok
}

// A companion says how many customers of one service have another one.
type companion struct {
	Has, Also string // services of the statement
	Share     int    // percent, in steps of ten
}

// companions counts what customers of services took besides. What too few have, or
// too few lack, is left out, so that nobody can be told from it.
func companions(ctx context.Context, tx *store.Tx) (out []companion, err error) {
	holders := map[string]int{}
	rows, err := tx.Query(ctx, `SELECT s.service, count(DISTINCT s.subject) FROM billing_service s WHERE s.state = 'active' GROUP BY s.service`)
	if err != nil {
		return nil, fmt.Errorf("billing: companions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			return nil, fmt.Errorf("billing: companions: %w", err)
		}
		holders[id] = n
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("billing: companions: %w", err)
	}
	pairs, err := tx.Query(ctx, `SELECT s.service, o.service, count(DISTINCT s.subject) FROM billing_service s JOIN billing_service o ON o.subject = s.subject AND o.service <> s.service
		WHERE s.state = 'active' AND o.state = 'active' GROUP BY s.service, o.service ORDER BY s.service, o.service`)
	if err != nil {
		return nil, fmt.Errorf("billing: companions: %w", err)
	}
	defer pairs.Close()
	for pairs.Next() {
		var c companion
		var both int
		if err := pairs.Scan(&c.Has, &c.Also, &both); err != nil {
			return nil, fmt.Errorf("billing: companions: %w", err)
		}
		if share, ok := supported(holders[c.Has], both); ok {
			c.Share = share
			out = append(out, c)
		}
	}
	return out, pairs.Err()
}

// supported returns what share of some have something, in steps of ten per cent, if
// enough have it and enough lack it.
func supported(all, both int) (share int, ok bool) {
	if all < leastHolders || both < leastTakers || all-both < leastTakers || both*100 < all*leastShare {
		return 0, false
	}
	return both * 10 / all * 10, true
}

// hintCounts are how many suggestions something became of.
type hintCounts struct{ Written, Shown, Clicked, Taken, Refused int }

// countHint counts what became of suggestions, without saying whose. Where nothing
// did, nobody waits for the row that all have in common.
func (b *Billing) countHint(ctx context.Context, tx *store.Tx, rule string, n hintCounts) error {
	if n == (hintCounts{}) {
		return nil
	}
	if _, err := tx.Exec(ctx, `INSERT INTO billing_hint_count (rule, month, written, shown, clicked, taken, refused) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (rule, month) DO UPDATE SET written = billing_hint_count.written + excluded.written, shown = billing_hint_count.shown + excluded.shown,
			clicked = billing_hint_count.clicked + excluded.clicked, taken = billing_hint_count.taken + excluded.taken,
			refused = billing_hint_count.refused + excluded.refused`,
		rule, string(b.thisMonth()), n.Written, n.Shown, n.Clicked, n.Taken, n.Refused); err != nil {
		return fmt.Errorf("billing: hints: %w", err)
	}
	return nil
}

const hintColumns = `id, subject, rule, service, target, plan, why, data, made`

func scanHint(row store.Row) (h Hint, err error) {
	var made int64
	err = row.Scan(&h.ID, &h.Subject, &h.Rule, &h.Service, &h.Target, &h.Plan, &h.Why, &h.Data, &made)
	h.Made = store.Instant(made)
	return h, err
}

// hintsOf returns what a customer is shown, latest first.
func (b *Billing) hintsOf(ctx context.Context, tx *store.Tx, where string, args ...any) (out []Hint, err error) {
	rows, err := tx.Query(ctx, `SELECT `+hintColumns+` FROM billing_hint n
		WHERE n.taken = 0 AND n.refused = 0 AND n.gone = 0 AND n.made > $1 AND `+where+` ORDER BY n.made DESC, n.id`, append([]any{b.Now().Add(-hintLife).UnixMicro()}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("billing: hints: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		h, err := scanHint(rows)
		if err != nil {
			return nil, fmt.Errorf("billing: hints: %w", err)
		}
		out = append(out, h)
	}
	return out, rows.Err()
}

// took notes that somebody ordered what was suggested to them.
func (b *Billing) took(ctx context.Context, tx *store.Tx, o Order) error {
	all, err := b.hintsOf(ctx, tx, `n.subject = $2 AND n.target = $3 AND (n.plan = '' OR n.plan = $4) AND n.shown > 0`, o.Subject, o.Service, o.Plan)
	if err != nil {
		return err
	}
	for _, h := range all {
		if _, err := tx.Exec(ctx, `UPDATE billing_hint SET taken = $1 WHERE id = $2`, b.Now().UnixMicro(), h.ID); err != nil {
			return fmt.Errorf("billing: hint: %w", err)
		}
		if err := b.countHint(ctx, tx, h.Rule, hintCounts{Taken: 1}); err != nil {
			return err
		}
	}
	return nil
}

// oldHints are suggestions that are shown no longer.
func (b *Billing) oldHints() lapsing {
	return lapsing{
		Lapse: desk.Lapse{What: "Suggestions", Why: "shown for " + inDays(hintLife), Clause: Keeps[1]}, in: used,
		take: b.takes(hintLife, func(row store.Row) (lapsed, error) {
			was, err := scanHint(row)
			return lapsed{Subject: was.Subject, At: was.Made, said: asWas(was)}, err
		}, `DELETE FROM billing_hint WHERE id IN (SELECT id FROM billing_hint WHERE made <= $1 ORDER BY made, id LIMIT $2) RETURNING `+hintColumns),
		ahead: counts(hintLife, `SELECT (made + $1) / $2, count(*) FROM billing_hint WHERE made <= $3 GROUP BY 1`),
	}
}
